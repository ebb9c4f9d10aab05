//! What is read: one probe a file, listed here.
//!
//! A probe's SQL is one file under `src/pg/sql`, written for the newest server, that also runs as it stands in psql.
//! A column that a server may lack is marked with its fallback:
//! `/*? pg_stat_activity.query_id */ a.query_id /*: null::bigint */`; the first part is taken where
//! [`ServerFacts::has`](crate::sample::ServerFacts::has) says so, else the second. A schema of an extension is marked
//! `/*@ pg_stat_statements */ public. /*@*/` and replaced by the schema it is installed in.

use std::time::Duration;

use crate::sample::{Column, ColumnRole, Unit};

pub mod activity;
pub mod archiving;
pub mod column_stats;
pub mod content_types;
pub mod databases;
pub mod foreign_keys;
pub mod index_sizes;
pub mod index_stats;
pub mod indexes;
pub mod locks;
pub mod migrations;
pub mod replication;
pub mod role_settings;
pub mod server;
pub mod settings;
pub mod slots;
pub mod statement_texts;
pub mod statements;
pub mod statements_info;
pub mod table_sizes;
pub mod tables;
pub mod vacuum_horizon;
pub mod vacuum_progress;
pub mod wal;
pub mod wal_receiver;

/// One thing that is read.
#[derive(Debug)]
pub struct Probe {
    /// Its name: of the section in a snapshot, and of the SQL file.
    pub name: &'static str,
    /// The SQL with its marks.
    pub sql: &'static str,
    /// The columns of the SQL, in its order.
    pub columns: &'static [Column],
    /// Which session runs it.
    pub lane: Lane,
    /// How often it is due.
    pub pace: Pace,
    /// What it cannot do without.
    pub needs: &'static [Need],
    /// What it tells, for the help.
    pub doc: &'static str,
}

impl Probe {
    /// Returns the application's table that it reads, by COPY; `None` for a query.
    pub fn table(&self) -> Option<&'static str> {
        self.needs.iter().find_map(|need| if let Need::TableOfDjango(table) = need { Some(*table) } else { None })
    }
}

/// Which session runs a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Reads shared memory and small catalogs only: cannot wait behind a lock on a relation, and takes a moment.
    Fast,
    /// May wait behind a lock on a relation, or takes long where there are many: has its own session and a `lock_timeout`.
    Slow,
}

/// How often a probe is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Once a second at the most, whatever the pace of the console: the load chart is made of it.
    Second,
    /// With every sample.
    Sample,
    /// With every sample while it has rows; at most this often while it has none.
    WhileRows(Duration),
    /// At most this often.
    Every(Duration),
    /// When the sampler asks with a parameter (`statement_texts`).
    Asked,
}

/// What a probe cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A view, a column of a view, or a function; else the server has none of it.
    Fact(&'static str),
    /// A table of Django's, which is read by COPY ([`Probe::table`]).
    TableOfDjango(&'static str),
    /// An extension of this database.
    Extension(&'static str),
    /// A primary: on a standby it is not read.
    Primary,
}

/// Every probe, in the order they are sent.
pub static PROBES: &[&Probe] = &[
    &server::PROBE,
    &activity::PROBE,
    &locks::PROBE,
    &databases::PROBE,
    &wal::PROBE,
    &replication::PROBE,
    &slots::PROBE,
    &archiving::PROBE,
    &wal_receiver::PROBE,
    &statements::PROBE,
    &statements_info::PROBE,
    &statement_texts::PROBE,
    &tables::PROBE,
    &indexes::PROBE,
    &vacuum_horizon::PROBE,
    &vacuum_progress::PROBE,
    &settings::PROBE,
    &role_settings::PROBE,
    &foreign_keys::PROBE,
    &column_stats::PROBE,
    &table_sizes::PROBE,
    &index_sizes::PROBE,
    &index_stats::PROBE,
    &content_types::PROBE,
    &migrations::PROBE,
];

/// Returns the probe of a name.
pub fn find(name: &str) -> Option<&'static Probe> {
    PROBES.iter().copied().find(|probe| probe.name == name)
}

const fn seconds(count: u64) -> Pace {
    Pace::Every(Duration::from_secs(count))
}

const fn while_rows(count: u64) -> Pace {
    Pace::WhileRows(Duration::from_secs(count))
}

const fn key(name: &'static str, unit: Unit, doc: &'static str, source: &'static str) -> Column {
    Column::new(name, ColumnRole::Key, unit, doc, source)
}

const fn label(name: &'static str, unit: Unit, doc: &'static str, source: &'static str) -> Column {
    Column::new(name, ColumnRole::Label, unit, doc, source)
}

const fn gauge(name: &'static str, unit: Unit, doc: &'static str, source: &'static str) -> Column {
    Column::new(name, ColumnRole::Gauge, unit, doc, source)
}

const fn counter(name: &'static str, unit: Unit, doc: &'static str, source: &'static str) -> Column {
    Column::new(name, ColumnRole::Counter, unit, doc, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_ends_at_a_limit_counts_all_its_rows() {
        // These are as long as the list of what is asked for; the server has one row.
        let bounded = ["settings", "statement_texts", "server"];
        let has_limit = |probe: &&&Probe| probe.sql.lines().any(|line| line.trim_start().starts_with("limit "));
        let limited = PROBES.iter().filter(has_limit);
        let mut count = 0;
        for probe in limited.filter(|probe| !bounded.contains(&probe.name)) {
            assert!(probe.columns.iter().any(|column| column.name == "total"), "{} does not count", probe.name);
            count += 1;
        }
        assert!(count > 12, "{count}");
    }
}
