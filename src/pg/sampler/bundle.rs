//! Probes of about the same cost and pace in one statement: fewer statements a second, and fewer entries in
//! `pg_stat_statements`.
//!
//! Only behind a pooler, where nothing can be prepared and each statement costs a savepoint more: on a direct connection
//! a prepared statement is cheaper by itself, for the server puts no arrays together.
//!
//! A bundle fails as one, so it is only a shortcut: where it fails each of its probes is asked by itself at once, and
//! for a minute from then on. So one that cannot be read still takes no other along.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::timing::timed;
use crate::pg::own::{Hole, Own, Placeholder, Sql};
use crate::pg::probes::{Pace, Probe};
use crate::pg::session::Answer;
use crate::sample::{ServerFacts, Value};

/// What may be asked in one statement: rows that are few, or small and bounded, for the server puts them together in
/// its memory. The backends and the lists of tables and indexes are streamed.
const MEMBERS: &[&str] = &[
    "server",
    "locks",
    "databases",
    "wal",
    "replication",
    "slots",
    "archiving",
    "wal_receiver",
    "statements_info",
    "vacuum_horizon",
    "vacuum_progress",
    "settings",
    "role_settings",
];

/// Several probes in one statement.
pub(in crate::pg) static SEVERAL: Own = Own {
    name: "several",
    reads: "The same as the statements in it, combined into one: each returns one array of rows.",
    when: "behind a pooler: with every sample, around its statements that return few rows",
    holes: &[Hole {
        name: "arrays",
        doc: "one or more of the arrays below, with commas between",
        form: Placeholder::Statements(",\n"),
    }],
    sql: "select {arrays},
    extract(epoch from pg_catalog.statement_timestamp())::float8 as taken_up,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as made_at",
};

/// One of them.
pub(in crate::pg) static ARRAY: Own = Own {
    name: "one of several",
    reads: "The rows of one statement.",
    when: "as a part of the statement above",
    holes: &[
        Hole { name: "rows", doc: "one of the statements below", form: Placeholder::Statements("") },
        Hole { name: "column", doc: "its name", form: Placeholder::Name },
    ],
    sql: "array(select p from (
{rows}
) as p) as {column}",
};

/// How long probes are asked apart after their bundle, or one of them, failed.
const APART: Duration = Duration::from_secs(60);

/// One statement and the probes it answers.
#[derive(Debug)]
pub struct ProbeQuestion {
    /// The probes; several are a bundle.
    pub probes: Vec<&'static Probe>,
}

impl ProbeQuestion {
    /// Whether it stands for several probes.
    pub fn is_bundle(&self) -> bool {
        self.probes.len() > 1
    }

    /// Returns its SQL for this server; the first of a round trip tells its time, and a bundle does anyway.
    pub fn sql(&self, at: usize, facts: &ServerFacts) -> Sql {
        match self.probes.as_slice() {
            [one] if at == 0 => timed(one.name, &Sql::of_probe(one, facts)),
            [one] => Sql::of_probe(one, facts),
            several => {
                let array = |probe: &&Probe| {
                    let rows = Sql::of_probe(probe, facts);
                    ARRAY.fill(&[("rows", rows.as_str()), ("column", probe.name)]).as_str().to_owned()
                };
                let arrays: Vec<String> = several.iter().map(array).collect();
                SEVERAL.fill(&[("arrays", &arrays.join(",\n"))])
            }
        }
    }

    /// Returns the rows of each probe from the answer, from which the times were taken.
    pub fn rows(&self, answer: Answer) -> Vec<(&'static Probe, Vec<Vec<Value>>)> {
        if let [one] = self.probes.as_slice() {
            return vec![(one, answer.rows)];
        }
        let arrays = answer.rows.into_iter().next().unwrap_or_default();
        let members = |value| if let Value::List(members) = value { Arc::unwrap_or_clone(members) } else { Vec::new() };
        let rows = |array| members(array).into_iter().map(members).collect();
        self.probes.iter().copied().zip(arrays.into_iter().map(rows)).collect()
    }
}

/// Which probes are asked apart, and until when.
#[derive(Debug, Default)]
pub struct Unbundled(BTreeMap<&'static str, Instant>);

impl Unbundled {
    /// Notes that these failed.
    pub fn failed(&mut self, question: &ProbeQuestion, now: Instant) {
        self.0.extend(question.probes.iter().map(|probe| (probe.name, now + APART)));
    }

    /// Returns the questions for what is due: what is read each second is the first, the bundle is the last.
    pub fn questions(&self, mut due: Vec<&'static Probe>, now: Instant, is_pooled: bool) -> Vec<ProbeQuestion> {
        // Its text is the same then, with its times or without others: a prepared one is found again.
        due.sort_by_key(|probe| probe.pace != Pace::Second);
        if !is_pooled {
            return due.into_iter().map(|probe| ProbeQuestion { probes: vec![probe] }).collect();
        }
        let is_member =
            |probe: &&Probe| MEMBERS.contains(&probe.name) && self.0.get(probe.name).is_none_or(|until| *until <= now);
        let (bundle, alone): (Vec<_>, Vec<_>) = due.into_iter().partition(is_member);
        let alone = alone.into_iter().map(|probe| ProbeQuestion { probes: vec![probe] });
        alone.chain((!bundle.is_empty()).then_some(ProbeQuestion { probes: bundle })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::{Lane, PROBES, find};
    use crate::sample::own;

    fn names(questions: &[ProbeQuestion]) -> Vec<Vec<&str>> {
        questions.iter().map(|question| question.probes.iter().map(|probe| probe.name).collect()).collect()
    }

    #[test]
    fn members_are_asked_in_one_statement_until_it_fails() {
        let due = || ["activity", "server", "databases", "tables"].map(|name| find(name).unwrap()).to_vec();
        let (mut unbundled, now) = (Unbundled::default(), Instant::now());
        let questions = unbundled.questions(due(), now, true);
        assert_eq!(names(&questions), [vec!["activity"], vec!["tables"], vec!["server", "databases"]]);
        let sql = questions[2].sql(2, &ServerFacts::default());
        let sql = sql.as_str();
        assert!(own::is_own(sql) && sql.contains(") as p) as databases,\n    extract(epoch"), "{sql}");
        assert_eq!(
            unbundled.questions(due(), now, false).len(),
            4,
            "on a direct connection each is prepared by itself"
        );
        unbundled.failed(&questions[2], now);
        assert_eq!(
            names(&unbundled.questions(due(), now, true)),
            [["activity"], ["server"], ["databases"], ["tables"]]
        );
        unbundled.failed(&ProbeQuestion { probes: vec![find("server").unwrap()] }, now + APART / 2);
        assert_eq!(unbundled.questions(due(), now + APART, true).len(), 4, "databases is a bundle by itself");
        assert_eq!(unbundled.questions(due(), now + APART * 2, true).len(), 3);
    }

    #[test]
    fn the_rows_of_a_bundle_go_to_their_probes() {
        let question = ProbeQuestion { probes: ["server", "wal", "locks"].map(|name| find(name).unwrap()).to_vec() };
        let row = |number| Value::list(vec![Value::Int(number), Value::Null]);
        let arrays = vec![Value::list(vec![row(1)]), Value::list(vec![row(2), row(3)]), Value::list(Vec::new())];
        let rows = question.rows(Answer { columns: Vec::new(), rows: vec![arrays] });
        let got: Vec<_> = rows.iter().map(|(probe, rows)| (probe.name, rows.len())).collect();
        assert_eq!(got, [("server", 1), ("wal", 2), ("locks", 0)]);
        assert_eq!(rows[1].1[1], [Value::Int(3), Value::Null]);
    }

    #[test]
    fn every_member_is_a_probe_of_the_tick() {
        for name in MEMBERS {
            assert!(PROBES.iter().any(|probe| probe.name == *name && probe.lane == Lane::Fast), "{name}");
        }
    }
}
