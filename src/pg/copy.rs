//! Reads a table by COPY: the one way in which nothing that belongs to the table can run.
//!
//! `COPY table TO STDOUT` looks the name up, locks what it found and refuses all but a plain table, in one statement. It has
//! no planner: no view, rule, policy, index expression or statistics of the table is looked at, and only the types' output
//! functions run. So it does not matter whether somebody puts another relation in the table's place after it was
//! judged. `SELECT` has no such promise, prepared or not: renaming a schema makes the server analyse a prepared statement
//! again by name, and an index may be added under the lock of a reader, whose constant expressions the planner evaluates.
//! Source: `DoCopy` and `BeginCopyTo` in src/backend/commands/; `RevalidateCachedQuery` in utils/cache/plancache.c.

use tokio_postgres::Error;
use tokio_postgres::types::Type;

use super::session::Answer;
use crate::sample::redact::redact;
use crate::sample::{Column, Unit, Value};

/// The most rows that are taken: a project with this many models or migrations is none of Django's.
const MOST_ROWS: usize = 20_000;

/// The most bytes that are kept.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// Why a table was not read.
#[derive(Debug, thiserror::Error)]
pub enum NotCopied {
    /// The server refused.
    #[error(transparent)]
    Server(#[from] Error),
    /// It holds more than is taken. A part of it would be wrong: COPY has no order.
    #[error("it holds more than {MOST_ROWS} rows or {} MB", MOST_BYTES >> 20)]
    TooLong,
}

/// Returns the rows of an answer in COPY's text format.
pub(super) fn answer(bytes: &[u8], columns: &[Column]) -> Result<Answer, NotCopied> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let rows: Vec<Vec<Value>> = lines.take(MOST_ROWS + 1).map(|line| row(line, columns)).collect();
    if rows.len() > MOST_ROWS {
        return Err(NotCopied::TooLong);
    }
    let names =
        columns.iter().map(|column| (column.name.to_string(), if is_number(column) { Type::INT8 } else { Type::TEXT }));
    Ok(Answer { columns: names.collect(), rows })
}

fn is_number(column: &Column) -> bool {
    column.unit == Unit::Id
}

fn row(line: &[u8], columns: &[Column]) -> Vec<Value> {
    let mut fields = line.split(|byte| *byte == b'\t');
    let value = |column| {
        let field = fields.next().filter(|field| *field != br"\N")?;
        let text = unescaped(field);
        Some(if is_number(column) { Value::Int(text.parse().ok()?) } else { Value::text(&redact(&text)) })
    };
    columns.iter().map(value).map(Option::unwrap_or_default).collect()
}

/// Takes the backslashes out. Source: PostgreSQL manual, COPY, "Text Format"; the server writes no other escapes.
fn unescaped(field: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'b') => 0x08,
                Some(b'f') => 0x0c,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 0x0b,
                Some(other) => other,
                None => b'\\',
            },
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::ColumnRole;

    fn columns() -> [Column; 2] {
        let column = |name, unit| Column::new(name, ColumnRole::Key, unit, "", "");
        [column("id", Unit::Id), column("name", Unit::Text)]
    }

    #[test]
    fn a_field_is_read_as_the_server_wrote_it() {
        for (written, id, name) in [
            ("1\t0001_initial", Value::Int(1), Value::text("0001_initial")),
            ("\\N\t\\N", Value::Null, Value::Null),
            ("x\t", Value::Null, Value::text("")),
            (r"1	a\tb\nc\\d\\N", Value::Int(1), Value::text("a\tb\nc\\d\\N")),
            (r"1	\b\f\r\v", Value::Int(1), Value::text("\u{8}\u{c}\r\u{b}")),
            ("1", Value::Int(1), Value::Null),
        ] {
            let answer = answer(format!("{written}\n").as_bytes(), &columns()).unwrap();
            assert_eq!(answer.rows, [[id, name]], "{written}");
        }
    }

    #[test]
    fn a_table_that_is_too_long_is_not_read_in_part() {
        let lines = "1\ta\n".repeat(MOST_ROWS);
        assert_eq!(answer(lines.as_bytes(), &columns()).unwrap().rows.len(), MOST_ROWS);
        let longer = format!("{lines}2\tb\n");
        assert!(matches!(answer(longer.as_bytes(), &columns()), Err(NotCopied::TooLong)));
    }
}
