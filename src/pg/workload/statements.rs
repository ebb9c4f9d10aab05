//! Reads the workload: the statements of this database in `pg_stat_statements`, the most expensive first.

use std::collections::HashMap;
use std::time::Duration;

use super::WorkloadTarget;
use crate::Failure;
use crate::failure::FailureKind;
use crate::pg::explain::statement::{NotOne, check};
use crate::pg::own::{Own, Sql};
use crate::pg::probes::statements_info;
use crate::pg::session::{Limits, Query, QueryParameter, Session, sentence};
use crate::pg::{server, why};
use crate::sample::own::is_surely_own;
use crate::sample::{Row, Seconds, ServerFacts, Timestamp};
use crate::workload::{LeftOut, LeftOutGroup, WorkloadStatement, leave_out};

/// The extension that counts statements.
const EXTENSION: &str = "pg_stat_statements";

/// The statements, all roles together, those first that took most time.
pub(in crate::pg) static STATEMENTS: Own = Own {
    name: "workload: statements",
    reads: "The statements of this database in pg_stat_statements with their texts, the ones that took most time \
        first; $1 is how many.",
    when: "once each time pgdj looks for indexes for the workload (pgdj advise, or the pane Advice), after the six statements under \
        \"Server version and features\"",
    holes: &[],
    sql: "select
    coalesce(s.queryid, 0) as queryid,
    pg_catalog.left((pg_catalog.array_agg(s.query order by pg_catalog.length(s.query) desc))[1], 100001) as query,
    pg_catalog.sum(s.calls)::float8 as calls,
    pg_catalog.sum(/*? pg_stat_statements.total_exec_time */ s.total_exec_time /*: s.total_time */)::float8 as total_time,
    pg_catalog.sum(s.rows)::float8 as rows,
    pg_catalog.sum(s.shared_blks_hit + s.shared_blks_read)::float8 as blocks,
    pg_catalog.count(*) as entries,
    pg_catalog.count(*) over () as statements,
    (pg_catalog.sum(pg_catalog.sum(/*? pg_stat_statements.total_exec_time */ s.total_exec_time /*: s.total_time */)) over ())::float8 as whole
from /*@ pg_stat_statements */ public. /*@*/ pg_stat_statements(true) as s
where s.dbid = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
    and /*? pg_stat_statements.toplevel */ s.toplevel /*: true */
    and pg_catalog.strpos(pg_catalog.left(s.query, 40), '/* pgdj') = 0 -- pgdj's own are no part of the workload
group by s.queryid
order by 4 desc, 1
limit $1",
};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct ReadWorkload {
    /// The statements that can be looked at, the most expensive first.
    pub(super) statements: Vec<WorkloadStatement>,
    /// Those that cannot.
    pub(super) left_out: Vec<LeftOutGroup>,
    /// The time of all.
    pub(super) total: Seconds,
    /// Since when they are counted, and how long that is.
    pub(super) window: Option<(Timestamp, Seconds)>,
    /// The database.
    pub(super) database: String,
    /// When they were read, by the server's clock.
    pub(super) at: Timestamp,
}

/// Reads at most so many statements.
pub(super) async fn read(target: &WorkloadTarget, most: usize) -> Result<ReadWorkload, Failure> {
    let connector = target.connector.as_ref();
    let mut session = Session::open(connector, Limits::SLOW, &target.cancel_queue).await?;
    let facts = server::read_facts(&mut session, &connector.target()).await?;
    if !facts.extensions.contains_key(EXTENSION) {
        let missing = why::not_installed(EXTENSION, &facts);
        let failure = Failure::new(FailureKind::Refused, format!("cannot read the workload: {missing}"));
        return Err(match missing.remedy() {
            Some(remedy) => failure.hint(remedy),
            None => failure,
        });
    }
    let lost =
        |lost: &dyn std::error::Error| Failure::new(FailureKind::Connection, "the connection was lost").because(lost);
    let count = i64::try_from(most).unwrap_or(i64::MAX);
    let query = Query::new(STATEMENTS.on(&facts)).with(QueryParameter::Int(count));
    let answer = session.one(query).await.map_err(|gone| lost(&gone))?;
    let rows = answer
        .map_err(|error| {
            Failure::new(FailureKind::Refused, format!("cannot read pg_stat_statements: {}", sentence(&error)))
        })?
        .into_rows();
    let at = server_time(&session);
    let mut read = ReadWorkload { database: facts.database.clone(), at, ..ReadWorkload::default() };
    read.window = window(&mut session, &facts).await.map_err(|gone| lost(&gone))?;
    let mut listed = Seconds(0.0);
    for row in rows.iter() {
        read.total = Seconds(row.number("whole").unwrap_or_default() / 1e3);
        let statement = of(&row);
        listed.0 += statement.time.0;
        match unusable(&statement, &facts) {
            Some(why) => {
                // Statements whose text is hidden have no queryid either: they are one row.
                let more = row.int("entries").filter(|_| why == LeftOut::Hidden).unwrap_or(1) - 1;
                leave_out(&mut read.left_out, why, statement.time, None);
                if let Some(group) = read.left_out.iter_mut().find(|group| group.why == LeftOut::Hidden) {
                    group.statements += usize::try_from(more).unwrap_or_default();
                }
            }
            None => read.statements.push(statement),
        }
    }
    let all = rows.first().and_then(|row| row.int("statements")).and_then(|count| usize::try_from(count).ok());
    if let Some(more) = all.and_then(|all| all.checked_sub(rows.len())).filter(|more| *more > 0) {
        let time = Seconds((read.total.0 - listed.0).max(0.0));
        read.left_out.push(LeftOutGroup { why: LeftOut::BeyondLimit, statements: more, time, example: None });
    }
    Ok(read)
}

/// Reads what ran in a time from now on: the statements are read twice, so long apart.
pub(super) async fn read_for(target: &WorkloadTarget, most: usize, time: Duration) -> Result<ReadWorkload, Failure> {
    let before = read(target, MOST_COUNTED).await?;
    tokio::time::sleep(time).await;
    Ok(read(target, MOST_COUNTED).await?.since(&before, most))
}

/// Statements that are read at most where all are wanted; `pg_stat_statements.max` is 5000 unless it is set.
pub(super) const MOST_COUNTED: usize = 20_000;

impl ReadWorkload {
    /// Returns what ran since another reading, of the usable statements at most so many.
    fn since(mut self, before: &Self, most: usize) -> Self {
        let known: HashMap<(i64, &str), &WorkloadStatement> =
            before.statements.iter().map(|it| ((it.queryid, it.sql.as_str()), it)).collect();
        for now in &mut self.statements {
            // A counter that fell began again.
            let Some(then) = known.get(&(now.queryid, now.sql.as_str())).filter(|then| then.calls <= now.calls) else {
                continue;
            };
            now.calls -= then.calls;
            now.time = Seconds((now.time.0 - then.time.0).max(0.0));
            now.rows = (now.rows - then.rows).max(0.0);
            now.blocks = (now.blocks - then.blocks).max(0.0);
        }
        self.statements.retain(|statement| statement.calls > 0.0);
        self.statements.sort_by(|one, other| other.time.0.total_cmp(&one.time.0));
        for group in &mut self.left_out {
            if let Some(then) = before.left_out.iter().find(|then| then.why == group.why && then.time <= group.time) {
                group.time.0 -= then.time.0;
            }
        }
        self.left_out.retain(|group| group.time.0 > 0.0);
        if self.statements.len() > most {
            let more = self.statements.split_off(most);
            let time = Seconds(more.iter().map(|statement| statement.time.0).sum());
            let group = LeftOutGroup { why: LeftOut::BeyondLimit, statements: more.len(), time, example: None };
            self.left_out.push(group);
        }
        let listed: f64 = self.statements.iter().map(|statement| statement.time.0).sum();
        let left_out: f64 = self.left_out.iter().map(|group| group.time.0).sum();
        self.total = Seconds(listed + left_out);
        self.window = Some((before.at, Seconds((self.at.0 - before.at.0).max(0.0))));
        self
    }
}

fn of(row: &Row<'_>) -> WorkloadStatement {
    let number = |name: &str| row.number(name).unwrap_or_default();
    WorkloadStatement {
        queryid: row.int("queryid").unwrap_or_default(),
        sql: row.text("query").to_owned(),
        calls: number("calls"),
        time: Seconds(number("total_time") / 1e3),
        rows: number("rows"),
        blocks: number("blocks"),
    }
}

/// Returns why a statement cannot be looked at; `None` where it can.
fn unusable(statement: &WorkloadStatement, facts: &ServerFacts) -> Option<LeftOut> {
    let sql = statement.sql.as_str();
    if is_surely_own(sql, facts) {
        return Some(LeftOut::Own);
    }
    if sql.is_empty() || sql == "<insufficient privilege>" {
        return Some(LeftOut::Hidden);
    }
    if sql.chars().count() > 100_000 {
        return Some(LeftOut::NotPlanned);
    }
    let first = sql.split(|letter: char| !letter.is_ascii_alphabetic()).find(|word| !word.is_empty());
    // They have a plan, and are no queries of the application: each makes a table, runs what is prepared, or shows a plan.
    let is_made_once =
        |word: &str| ["create", "refresh", "execute", "explain"].contains(&word.to_ascii_lowercase().as_str());
    match check(sql) {
        Ok(_) if first.is_some_and(is_made_once) => Some(LeftOut::NoPlan),
        Ok(_) => None,
        Err(NotOne::NoPlan(_) | NotOne::Empty) => Some(LeftOut::NoPlan),
        Err(NotOne::Several(_) | NotOne::Nul) => Some(LeftOut::NotPlanned),
    }
}

/// Reads since when statements are counted, which `pg_stat_statements` says since 1.9.
async fn window(
    session: &mut Session,
    facts: &ServerFacts,
) -> Result<Option<(Timestamp, Seconds)>, crate::pg::session::Lost> {
    if why::cannot_be_read(&statements_info::PROBE, facts).is_some() {
        return Ok(None);
    }
    let answer = session.one(Query::new(Sql::of_probe(&statements_info::PROBE, facts))).await?;
    let since = answer.ok().and_then(|answer| answer.into_rows().first().and_then(|row| row.number("stats_reset")));
    let now = server_time(session).0;
    Ok(since.map(|since| (Timestamp(since), Seconds((now - since).max(0.0)))))
}

/// Returns the server's time now.
fn server_time(session: &Session) -> Timestamp {
    let (then, clock) = session.opened;
    Timestamp(then.0 + clock.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(id: i64, calls: f64, time: f64) -> WorkloadStatement {
        let sql = format!("select {id}");
        WorkloadStatement { queryid: id, sql, calls, time: Seconds(time), ..WorkloadStatement::default() }
    }

    fn reading(at: f64, statements: Vec<WorkloadStatement>, commands: f64) -> ReadWorkload {
        let group = LeftOutGroup { why: LeftOut::NoPlan, statements: 3, time: Seconds(commands), example: None };
        ReadWorkload { at: Timestamp(at), statements, left_out: vec![group], ..ReadWorkload::default() }
    }

    #[test]
    fn what_ran_in_between_is_the_difference_and_what_did_not_run_is_gone() {
        let before =
            reading(100.0, vec![statement(1, 1000.0, 500.0), statement(2, 10.0, 9.0), statement(3, 50.0, 5.0)], 2.0);
        let after =
            vec![statement(1, 1000.0, 500.0), statement(2, 14.0, 13.0), statement(3, 4.0, 0.5), statement(4, 2.0, 1.0)];
        let seen = reading(160.0, after, 2.0).since(&before, 2);
        let figures: Vec<(i64, f64, f64)> =
            seen.statements.iter().map(|it| (it.queryid, it.calls, it.time.0)).collect();
        assert_eq!(figures, [(2, 4.0, 4.0), (4, 2.0, 1.0)], "3 began again and is beyond the limit");
        assert_eq!(seen.window, Some((Timestamp(100.0), Seconds(60.0))));
        assert_eq!(
            seen.left_out.iter().map(|group| (group.why.clone(), group.statements)).collect::<Vec<_>>(),
            [(LeftOut::BeyondLimit, 1)]
        );
        assert_eq!(seen.total, Seconds(5.5));
    }
}
