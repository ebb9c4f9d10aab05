//! What a round trip cost the server, read with its answers: no statement is spent on it.
//!
//! Two columns behind those of a statement: when the server took it up, and the clock at each row, of which the last
//! one counts. A statement without rows tells neither.

use crate::pg::own::{Hole, Own, Placeholder, Sql};
use crate::pg::session::Answer;
use crate::sample::{Timestamp, Value};

/// When a statement was taken up, and when its last row was made; the server's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// `statement_timestamp()`: when its message was taken up, parsing and planning follow.
    pub start: Timestamp,
    /// `clock_timestamp()` at its last row.
    pub end: Timestamp,
}

/// A statement with the two columns behind its own.
pub(in crate::pg) static TIMED: Own = Own {
    name: "timed",
    reads: "The same as the statement in it, plus when the server started it and returned each row, to measure its \
        cost.",
    when: "around the first statement of a sample, and around each statement under \"Samples that may take long or \
        wait for a lock\" except COPY",
    holes: &[
        Hole { name: "name", doc: "its name", form: Placeholder::Name },
        Hole { name: "timed", doc: "one of the statements below", form: Placeholder::Statements("") },
    ],
    sql: "select /* pgdj {name} */ p.*,
    extract(epoch from pg_catalog.statement_timestamp())::float8 as taken_up,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as made_at
from (
{timed}
) as p",
};

/// Returns a statement with the two columns behind its own.
pub fn timed(name: &str, sql: &Sql) -> Sql {
    TIMED.fill(&[("name", name), ("timed", sql.as_str())])
}

/// The server's clock, behind the last statement of a sample on a direct connection.
pub(in crate::pg) static CLOCK: Own = Own {
    name: "clock",
    reads: "The server's clock, to measure what the sample cost.",
    when: "with every sample, after its last statement; not behind a pooler",
    holes: &[],
    sql: "select extract(epoch from pg_catalog.clock_timestamp())::float8 as now",
};

/// Takes the two columns off an answer to [`timed`].
pub(crate) fn take_times(answer: &mut Answer) -> Option<Times> {
    answer.columns.truncate(answer.columns.len().saturating_sub(2));
    let mut times = None;
    for row in &mut answer.rows {
        let end = row.pop().as_ref().and_then(Value::as_f64);
        let start = row.pop().as_ref().and_then(Value::as_f64);
        times = start.zip(end).map(|(start, end)| Times { start: Timestamp(start), end: Timestamp(end) });
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::types::Type;

    #[test]
    fn the_two_columns_are_taken_off_and_the_last_row_counts() {
        let column = |name: &str| (name.to_owned(), Type::FLOAT8);
        let row = |pid: i64, start: f64, end: f64| vec![Value::Int(pid), Value::Float(start), Value::Float(end)];
        let mut answer = Answer {
            columns: ["pid", "taken_up", "made_at"].map(column).to_vec(),
            rows: vec![row(1, 5.0, 5.5), row(2, 5.0, 5.75)],
        };
        let times = take_times(&mut answer);
        assert_eq!(times, Some(Times { start: Timestamp(5.0), end: Timestamp(5.75) }));
        assert_eq!(answer.rows, [[Value::Int(1)], [Value::Int(2)]]);
        assert_eq!(answer.columns.len(), 1);
        assert_eq!(take_times(&mut Answer::default()), None);
    }
}
