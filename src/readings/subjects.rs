//! What the readings of a snapshot have decoded, and what of it goes over to the next one.
//!
//! Pure.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::archiving::Archiving;
use super::backends::Backend;
use super::cut::Cut;
use super::lock_graph::LockGraph;
use super::replication::{Standby, WalReceiver};
use super::searches::Searches;
use super::server_state::ServerState;
use super::slices::RootNames;
use super::slots::Slot;
use super::statements::{Costs, Owners, Sightings, Since, Trends};
use super::traffic::{Traffic, TrafficSpan};
use super::vacuum_horizon::VacuumHorizon;
use super::vacuums::RunningVacuum;
use crate::catalog::autovacuum::Policy;
use crate::catalog::bloat::Bloat;
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::settings::{RoleSettings, Settings};
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::{Counting, Judgement, Pair, ReferringKey};
use crate::django::{Origins, Project};
use crate::sample::{Missing, Section, Snapshot};
/// The subjects, each with the probes it is decoded from.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    pub(super) cuts: Decoded<HashMap<&'static str, Cut>>,
    pub(super) server: Decoded<Result<ServerState, Missing>>,
    pub(super) backends: Decoded<Result<(Vec<Backend>, LockGraph), Missing>>,
    pub(super) roots: Decoded<RootNames>,
    pub(super) vacuums: Decoded<Vec<RunningVacuum>>,
    pub(super) slots: Decoded<Result<Vec<Slot>, Missing>>,
    pub(super) standbys: Decoded<Result<Vec<Standby>, Missing>>,
    pub(super) wal_receiver: Decoded<Result<Option<WalReceiver>, Missing>>,
    pub(super) archiving: Decoded<Result<Archiving, Missing>>,
    pub(super) statement_texts: Decoded<HashMap<i64, Arc<String>>>,
    pub(super) owners: Decoded<Option<Owners>>,
    pub(super) costs: RefCell<Vec<(Since, Option<Rc<Costs>>)>>,
    pub(super) trends: Decoded<Trends>,
    pub(super) sightings: Decoded<HashMap<i64, Sightings>>,
    pub(super) table_traffic: ByTrafficSpan<HashMap<i64, Traffic>>,
    pub(super) index_scans: ByTrafficSpan<HashMap<i64, f64>>,
    pub(super) horizon: Decoded<Result<VacuumHorizon, Missing>>,
    pub(super) tables: Decoded<Result<Vec<TableUsage>, Missing>>,
    pub(super) table_bloat: Decoded<Result<HashMap<i64, Bloat>, Missing>>,
    pub(super) indexes: Decoded<Result<Vec<IndexUsage>, Missing>>,
    pub(super) index_bloat: Decoded<Result<HashMap<i64, Bloat>, Missing>>,
    pub(super) duplicates: Decoded<Vec<Pair>>,
    pub(super) overlapping: Decoded<Vec<Pair>>,
    /// Where the counters are young, and where they are not.
    pub(super) judgements: [Decoded<HashMap<i64, Judgement>>; 2],
    pub(super) index_builds: Decoded<HashMap<i64, Judgement>>,
    pub(super) foreign_keys: Decoded<Result<Vec<ReferringKey>, Missing>>,
    pub(super) searches: Decoded<HashMap<i64, Searches>>,
    pub(super) settings: Decoded<Result<Settings, Missing>>,
    pub(super) role_settings: Decoded<Result<Vec<RoleSettings>, Missing>>,
    pub(super) autovacuum: Decoded<Result<Policy, Missing>>,
    pub(super) counting: Decoded<Counting>,
    pub(super) project: Decoded<Arc<Project>>,
    pub(super) project_for_code: Decoded<Project>,
    pub(super) origins: Decoded<Origins>,
}

/// What is decoded when it is first asked for, and kept.
pub(super) type Decoded<T> = OnceCell<Rc<T>>;

/// The same for each span.
pub(super) type ByTrafficSpan<T> = [Decoded<T>; TrafficSpan::COUNT];

/// What the subjects that take long are decoded from.
pub(super) mod probes {
    pub(in crate::readings) const TEXTS: &[&str] = &["statement_texts"];
    pub(in crate::readings) const COSTS: &[&str] = &["statements", "statement_texts", "statements_info"];
    pub(in crate::readings) const TABLES: &[&str] = &["tables", "table_sizes"];
    pub(in crate::readings) const TABLE_BLOAT: &[&str] = &["tables", "table_sizes", "column_stats", "settings"];
    pub(in crate::readings) const INDEXES: &[&str] = &["indexes", "index_sizes"];
    pub(in crate::readings) const INDEX_BLOAT: &[&str] =
        &["indexes", "index_sizes", "index_stats", "settings", "tables"];
    pub(in crate::readings) const JUDGEMENTS: &[&str] = &["indexes", "index_sizes", "databases"];
    pub(in crate::readings) const FOREIGN_KEYS: &[&str] = &["foreign_keys"];
    pub(in crate::readings) const SEARCHES: &[&str] =
        &["foreign_keys", "indexes", "index_sizes", "activity", "statements", "statement_texts"];
    pub(in crate::readings) const SETTINGS: &[&str] = &["settings"];
    pub(in crate::readings) const ROLE_SETTINGS: &[&str] = &["role_settings"];
    pub(in crate::readings) const PROJECT: &[&str] = &["content_types", "migrations", "tables"];
    pub(in crate::readings) const CODE: &[&str] = &["content_types", "migrations", "tables", "indexes"];
    pub(in crate::readings) const ORIGINS: &[&str] =
        &["content_types", "migrations", "tables", "indexes", "index_sizes", "foreign_keys"];
}

impl Subjects {
    /// Returns what is known of a snapshot by another one's subjects: those whose probes were not read since are the same.
    ///
    /// Readings of which every sample has another are left out, and so is what depends on the moment.
    pub(super) fn of_unchanged(older: &Self, was: &Snapshot, is: &Snapshot) -> Self {
        let mut new = Self::default();
        if !Arc::ptr_eq(&was.server, &is.server) && was.server != is.server {
            return new;
        }
        let keep = |probes: &[&str]| probes.iter().all(|probe| is_same(was.section(probe), is.section(probe)));
        if keep(probes::TEXTS) {
            new.statement_texts.clone_from(&older.statement_texts);
            new.owners.clone_from(&older.owners);
        }
        if keep(probes::COSTS) {
            new.costs.clone_from(&older.costs);
            new.trends.clone_from(&older.trends);
        }
        if keep(probes::TABLES) {
            new.tables.clone_from(&older.tables);
            new.table_traffic.clone_from(&older.table_traffic);
        }
        if keep(probes::TABLE_BLOAT) {
            new.table_bloat.clone_from(&older.table_bloat);
        }
        if keep(probes::INDEXES) {
            new.indexes.clone_from(&older.indexes);
            new.index_scans.clone_from(&older.index_scans);
            new.duplicates.clone_from(&older.duplicates);
            new.overlapping.clone_from(&older.overlapping);
        }
        if keep(probes::INDEX_BLOAT) {
            new.index_bloat.clone_from(&older.index_bloat);
        }
        // Of the databases only since when their counters run.
        if keep(probes::INDEXES) && Counting::of(was) == Counting::of(is) {
            new.judgements.clone_from(&older.judgements);
        }
        if keep(probes::FOREIGN_KEYS) {
            new.foreign_keys.clone_from(&older.foreign_keys);
        }
        if keep(probes::SETTINGS) {
            new.settings.clone_from(&older.settings);
            new.autovacuum.clone_from(&older.autovacuum);
        }
        if keep(probes::ROLE_SETTINGS) {
            new.role_settings.clone_from(&older.role_settings);
        }
        if keep(probes::PROJECT) {
            new.project.clone_from(&older.project);
        }
        if keep(probes::CODE) {
            new.project_for_code.clone_from(&older.project_for_code);
        }
        if keep(probes::ORIGINS) {
            new.origins.clone_from(&older.origins);
        }
        new
    }
}

/// Whether two sections are one reading in one state.
fn is_same(was: &Section, is: &Section) -> bool {
    let is_same_reading = match (was.reading(), is.reading()) {
        (Some(was), Some(is)) => Arc::ptr_eq(was, is),
        (None, None) => true,
        _ => false,
    };
    is_same_reading && was.why() == is.why()
}
