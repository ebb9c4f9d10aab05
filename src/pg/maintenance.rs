//! What a person has pgdj do to a table, an index or the counters: ANALYZE, VACUUM, CREATE INDEX CONCURRENTLY, a reset.
//!
//! Each is one statement outside of a transaction, on a connection of its own, after the right to it was looked up; how
//! far it is comes from the server's progress views, over another connection where there is one to be had. ANALYZE and
//! VACUUM never queue for a lock: a table that is locked is passed over, and that is said. What is dropped while it runs
//! is cancelled on the server; a build that was given up leaves an invalid index, which [`Maintainer::clean_up`] drops.

pub(in crate::pg) mod upkeep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};

use self::upkeep::{
    ANALYZE, ANALYZE_PROGRESS, BUILD, BUILD_PROGRESS, DROP, INDEX, MAY_MAINTAIN, OF_INDEX, OF_TABLE, PLACE,
    RESET_STATEMENTS, RESET_STATEMENTS_OLD, SCHEMA, TABLE, VACUUM, VACUUM_ANALYZE, VACUUM_PROGRESS,
};
use super::blockers::{self, LockTarget};
use super::own::{Own, Sql};
use super::session::{CancelQueue, Connector, Limits, Query, QueryParameter, Session};
use super::transaction::{AccessMode, Guard, QueryTrouble, Transaction};
use super::verify;
use super::verify::trial::asked;
use crate::Failure;
use crate::advisor::IndexSpec;
use crate::failure::FailureKind;
use crate::quote::{qualified_always, quote_ident, quote_ident_always};
use crate::sample::{Bytes, Missing, Seconds, ServerFacts};

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum MaintenanceTask {
    /// To a table, by its oid.
    Table {
        /// What.
        what: TableTask,
        /// Its oid.
        relid: i64,
    },
    /// Build indexes concurrently, one after the other, and keep them.
    BuildIndexes(Vec<IndexToBuild>),
    /// Set the counters of `pg_stat_statements` to zero.
    ResetStatements,
}

/// An index that is built.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexToBuild {
    /// What it is on.
    pub spec: IndexSpec,
    /// Its name, which is the migration's.
    pub name: String,
}

/// What is done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableTask {
    /// ANALYZE.
    Analyze,
    /// VACUUM.
    Vacuum,
    /// VACUUM (ANALYZE).
    VacuumAnalyze,
}

impl TableTask {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Analyze, Self::Vacuum, Self::VacuumAnalyze];

    /// Returns it as SQL names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyze => "ANALYZE",
            Self::Vacuum => "VACUUM",
            Self::VacuumAnalyze => "VACUUM (ANALYZE)",
        }
    }

    /// Whether it removes dead rows.
    pub fn vacuums(self) -> bool {
        self != Self::Analyze
    }

    fn statement(self) -> &'static Own {
        match self {
            Self::Analyze => &ANALYZE,
            Self::Vacuum => &VACUUM,
            Self::VacuumAnalyze => &VACUUM_ANALYZE,
        }
    }
}

impl MaintenanceTask {
    /// Returns the statement's name as SQL has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Table { what, .. } => what.name(),
            Self::BuildIndexes(_) => "CREATE INDEX CONCURRENTLY",
            Self::ResetStatements => "pg_stat_statements_reset()",
        }
    }
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MaintenanceProgress {
    /// How long it has been running.
    pub elapsed: Seconds,
    /// What it does, in the server's words: `scanning heap`; empty where that is not known.
    pub phase: String,
    /// The part of the phase that is done, 0..=1, where that is known.
    pub done: Option<f64>,
    /// The session whose transaction it waits for.
    pub waits_for: Option<i64>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintained {
    /// How long it took.
    pub took: Seconds,
    /// The table before; `None` where it was not about a table.
    pub before: Option<TableState>,
    /// The table after.
    pub after: Option<TableState>,
    /// Size of the index that was built.
    pub size: Option<Bytes>,
    /// What the server said beside it, one sentence each.
    pub said: Vec<String>,
}

/// What the server counts of a table.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TableState {
    /// Dead rows (`n_dead_tup`).
    pub dead: f64,
    /// Bytes of the heap at the last VACUUM or ANALYZE (`relpages`): to read its files would wait for a lock.
    pub bytes: f64,
    /// VACUUMs by hand that ended.
    vacuums: i64,
    /// ANALYZEs by hand that ended.
    analyzes: i64,
}

/// Time between two looks at the progress.
const BETWEEN: Duration = Duration::from_secs(1);
/// The guard of a question of ours.
const QUESTION: Guard = Guard {
    access: AccessMode::Read,
    statement: Duration::from_secs(10),
    lock: Duration::from_millis(500),
    idle: Duration::from_secs(60),
};
/// How often an invalid index is looked for, and how long is waited in between: the cancel is on its way.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// What it needs of the server.
#[derive(Clone)]
pub struct Maintainer {
    connector: Arc<dyn Connector>,
    cancel_queue: CancelQueue,
    facts: Arc<ServerFacts>,
}

impl Maintainer {
    /// One that connects when it has something to do.
    pub fn new(connector: Arc<dyn Connector>, cancel_queue: CancelQueue, facts: Arc<ServerFacts>) -> Self {
        Self { connector, cancel_queue, facts }
    }

    /// Does it to its end, and tells each second how far it is.
    ///
    /// Fails with [`FailureKind::Refused`] where the role may not, the table was passed over, or the server refused; with
    /// [`FailureKind::Connection`] where the connection was lost.
    pub async fn run(&self, task: &MaintenanceTask, told: impl Fn(MaintenanceProgress)) -> Result<Maintained, Failure> {
        let mut work = Transaction::open(self.connector.as_ref(), &self.cancel_queue).await?;
        let what = format!("cannot run {}", task.name());
        match task {
            MaintenanceTask::Table { what: task, relid } => self.table(&mut work, *task, *relid, &told).await,
            MaintenanceTask::BuildIndexes(indexes) => self.build_all(&mut work, indexes, &told).await,
            MaintenanceTask::ResetStatements => self.reset(&mut work).await.map_err(|trouble| trouble.failure(&what)),
        }
    }

    async fn table(
        &self,
        work: &mut Transaction,
        task: TableTask,
        relid: i64,
        told: &impl Fn(MaintenanceProgress),
    ) -> Result<Maintained, Failure> {
        let what = format!("cannot run {}", task.name());
        let refused = |why: &str| Failure::new(FailureKind::Refused, what.as_str()).because_text(why);
        let (name, before) = self.may(work, relid, &what).await?;
        let sql = task.statement().fill(&[(TABLE.name, &name)]);
        let progress = match task {
            TableTask::Analyze => &ANALYZE_PROGRESS,
            TableTask::Vacuum | TableTask::VacuumAnalyze => &VACUUM_PROGRESS,
        };
        let progress = Query::new(progress.sql()).with(QueryParameter::Int(relid));
        let is_told = task.vacuums() || work.greeting().version >= 130_000;
        let took = self.alone(work, &sql, is_told.then_some(progress), told).await;
        let took = took.map_err(|trouble| trouble.failure(&what))?;
        let said = work.said();
        let is_done = |after: &TableState| {
            (!task.vacuums() || after.vacuums > before.vacuums)
                && (task == TableTask::Vacuum || after.analyzes > before.analyzes)
        };
        for _ in 0..LOOKS {
            let after = state(work, relid).await.map_err(|trouble| trouble.failure(&what))?;
            let Some(after) = after else { return Err(refused("the table is gone")) };
            if is_done(&after) {
                return Ok(Maintained { took, before: Some(before), after: Some(after), size: None, said });
            }
            if let Some(why) = said.first() {
                return Err(self.passed_over(refused(why), relid).await);
            }
            // Before 15 the counters come a little later.
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(Maintained { took, before: None, after: None, size: None, said })
    }

    /// Returns the table's name in SQL and its state, if this role may.
    async fn may(&self, work: &mut Transaction, relid: i64, what: &str) -> Result<(String, TableState), Failure> {
        let refused = |why: String| Failure::new(FailureKind::Refused, what).because_text(why);
        work.begin(QUESTION).await.map_err(|trouble| trouble.failure(what))?;
        let asked = work.ask(Query::new(OF_TABLE.sql()).with(QueryParameter::Int(relid))).await;
        let rows = asked.map_err(|trouble| trouble.failure(what))?.into_rows();
        let Some(row) = rows.first() else { return Err(refused("the table is gone".to_owned())) };
        let mut is_allowed = row.flag("is_allowed").unwrap_or(false);
        if !is_allowed && work.greeting().version >= 170_000 {
            let asked = work.ask(Query::new(MAY_MAINTAIN.sql()).with(QueryParameter::Int(relid))).await;
            let may = asked.map_err(|trouble| trouble.failure(what))?;
            is_allowed = may.scalar().and_then(crate::sample::Value::as_bool).unwrap_or(false);
        }
        work.end().await;
        if row.flag("is_standby") == Some(true) {
            return Err(refused("this server is a standby: run it on the primary".to_owned()));
        }
        if !is_allowed {
            let failure = refused(format!("{} does not own {}", self.facts.role, row.text("name")));
            return Err(if work.greeting().version >= 170_000 {
                failure.hint(self.facts.grant("pg_maintain"))
            } else {
                failure.hint("run it as the table's owner, the owner of the database, or a superuser")
            });
        }
        Ok((qualified_always(row.text("schema"), row.text("name")), TableState::of(&row)))
    }

    /// Says who kept a table from being looked after.
    async fn passed_over(&self, failure: Failure, relid: i64) -> Failure {
        match self.who_locks(relid).await {
            Some(by) => failure.hint(format!("{by}; nothing was done, so that nothing waits in its queue")),
            None => failure.hint("another session had a lock on it; nothing was done. Try again"),
        }
    }

    /// Says who has the lock that made the server pass a table over.
    async fn who_locks(&self, relid: i64) -> Option<String> {
        let mut session = Session::open(self.connector.as_ref(), Limits::FAST, &self.cancel_queue).await.ok()?;
        match blockers::ask(&mut session, LockTarget::Relation(relid)).await {
            Ok(Missing::Blocked { by, .. }) if by.is_empty() => None,
            Ok(why @ Missing::Blocked { .. }) => Some(why.to_string()),
            _ => None,
        }
    }

    async fn build_all(
        &self,
        work: &mut Transaction,
        indexes: &[IndexToBuild],
        told: &impl Fn(MaintenanceProgress),
    ) -> Result<Maintained, Failure> {
        let mut all = Maintained { took: Seconds(0.0), before: None, after: None, size: None, said: Vec::new() };
        for index in indexes {
            let built = self.build(work, index, told).await?;
            all.took.0 += built.took.0;
            all.size = Some(Bytes(all.size.unwrap_or_default().0 + built.size.unwrap_or_default().0));
            all.said.extend(built.said);
        }
        Ok(all)
    }

    async fn build(
        &self,
        work: &mut Transaction,
        index: &IndexToBuild,
        told: &impl Fn(MaintenanceProgress),
    ) -> Result<Maintained, Failure> {
        let IndexToBuild { spec, name } = index;
        let what = "cannot build the index";
        let failed = |trouble: QueryTrouble| trouble.failure(what);
        if index_state(work, spec, name).await.map_err(failed)?.is_some() {
            let failure = Failure::new(FailureKind::Refused, what);
            return Err(failure.because_text(format!("there is something named {name} already")));
        }
        let place = verify::place(work, spec).await.map_err(failed)?;
        let sql = BUILD.fill(&[(INDEX.name, &quote_ident_always(name)), (PLACE.name, &place)]);
        let progress = Query::new(BUILD_PROGRESS.sql())
            .with(QueryParameter::Text(spec.schema.clone()))
            .with(QueryParameter::Text(spec.table.clone()));
        let took = self.alone(work, &sql, Some(progress), told).await;
        let said = work.said();
        let took = match took {
            Ok(took) => took,
            Err(trouble) => {
                let failure = trouble.failure(what);
                return Err(match self.clean_up(index).await {
                    Ok(()) => failure.hint("nothing is left of it"),
                    Err(left) => failure.hint(left.what),
                });
            }
        };
        let after = index_state(work, spec, name).await.map_err(failed)?;
        Ok(Maintained { took, before: None, after: None, size: after.map(|after| after.size), said })
    }

    async fn reset(&self, work: &mut Transaction) -> Result<Maintained, QueryTrouble> {
        let Some(extension) = self.facts.extensions.get("pg_stat_statements") else {
            return Err(QueryTrouble::Unusable("pg_stat_statements is not installed in this database".to_owned()));
        };
        let mut numbers = extension.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let own = match version {
            (1, ..7) | (0, _) => {
                let why = "this version of the extension is too old: ALTER EXTENSION pg_stat_statements UPDATE";
                return Err(QueryTrouble::Unusable(why.to_owned()));
            }
            (1, 7..11) => &RESET_STATEMENTS_OLD,
            _ => &RESET_STATEMENTS,
        };
        let sql = own.fill(&[(SCHEMA.name, &quote_ident(&extension.schema))]);
        let took = self.alone(work, &sql, None, &|_| {}).await?;
        Ok(Maintained { took, before: None, after: None, size: None, said: work.said() })
    }

    /// Runs a statement outside of a transaction, and tells how far it is.
    async fn alone(
        &self,
        work: &mut Transaction,
        sql: &Sql,
        progress: Option<Query>,
        told: &impl Fn(MaintenanceProgress),
    ) -> Result<Seconds, QueryTrouble> {
        let started = Instant::now();
        // Where all connections are used it goes on without being watched.
        let mut watch = None;
        let mut working = Box::pin(work.alone(sql));
        loop {
            match select(working, Box::pin(tokio::time::sleep(BETWEEN))).await {
                Either::Left((done, _)) => return done.map(|()| Seconds(started.elapsed().as_secs_f64())),
                Either::Right(((), going_on)) => working = going_on,
            }
            let elapsed = Seconds(started.elapsed().as_secs_f64());
            let looked = async {
                let query = progress.clone()?;
                if watch.is_none() {
                    watch = Session::open(self.connector.as_ref(), Limits::FAST, &self.cancel_queue).await.ok();
                }
                let answer = watch.as_mut()?.one(query).await.ok()?.ok()?.into_rows();
                let row = answer.first()?;
                Some(MaintenanceProgress {
                    elapsed,
                    phase: row.text("phase").to_owned(),
                    done: row.number("done").filter(|done| (0.0..=1.0).contains(done)),
                    waits_for: row.int("waits_for"),
                })
            };
            let looked = match select(working, Box::pin(looked)).await {
                Either::Left((done, _)) => return done.map(|()| Seconds(started.elapsed().as_secs_f64())),
                Either::Right((looked, going_on)) => {
                    working = going_on;
                    looked
                }
            };
            told(looked.unwrap_or_else(|| MaintenanceProgress { elapsed, ..MaintenanceProgress::default() }));
        }
    }

    /// Drops the invalid index of a build that was given up, once its backend has let go of it.
    ///
    /// Fails with the statement that drops it, where it cannot be dropped.
    pub async fn clean_up(&self, built: &IndexToBuild) -> Result<(), Failure> {
        let IndexToBuild { spec, name } = built;
        let index = qualified_always(&spec.schema, name);
        let left = |why: String| {
            let what = format!("an invalid index may be left: DROP INDEX CONCURRENTLY IF EXISTS {index}");
            Failure::new(FailureKind::Refused, what).because_text(why)
        };
        let opened = Transaction::open(self.connector.as_ref(), &self.cancel_queue).await;
        let mut work = opened.map_err(|failure| left(failure.what))?;
        for _ in 0..LOOKS {
            match index_state(&mut work, spec, name).await {
                Ok(None | Some(IndexState { is_valid: true, .. })) => return Ok(()),
                Ok(Some(IndexState { is_at_work: true, .. })) => tokio::time::sleep(BETWEEN_LOOKS).await,
                Ok(Some(_)) => {
                    let dropped = work.alone(&DROP.fill(&[(INDEX.name, &index)])).await;
                    return dropped.map_err(|trouble| left(trouble.failure("").because.join("; ")));
                }
                Err(trouble) => return Err(left(trouble.failure("").because.join("; "))),
            }
        }
        Err(left("it is still being built".to_owned()))
    }
}

impl TableState {
    fn of(row: &crate::sample::Row<'_>) -> Self {
        Self {
            dead: row.number("dead").unwrap_or_default(),
            bytes: row.number("bytes").unwrap_or_default(),
            vacuums: row.int("vacuums").unwrap_or_default(),
            analyzes: row.int("analyzes").unwrap_or_default(),
        }
    }
}

async fn state(work: &mut Transaction, relid: i64) -> Result<Option<TableState>, QueryTrouble> {
    let rows = asked(work, Query::new(OF_TABLE.sql()).with(QueryParameter::Int(relid))).await?.into_rows();
    Ok(rows.first().map(|row| TableState::of(&row)))
}

/// What there is under the name of an index.
#[derive(Debug, Clone, Copy)]
struct IndexState {
    is_valid: bool,
    is_at_work: bool,
    size: Bytes,
}

async fn index_state(work: &mut Transaction, spec: &IndexSpec, name: &str) -> Result<Option<IndexState>, QueryTrouble> {
    let query = Query::new(OF_INDEX.sql())
        .with(QueryParameter::Text(spec.schema.clone()))
        .with(QueryParameter::Text(name.to_owned()));
    let rows = asked(work, query).await?.into_rows();
    Ok(rows.first().map(|row| IndexState {
        is_valid: row.flag("is_valid").unwrap_or_default(),
        is_at_work: row.flag("is_at_work").unwrap_or_default(),
        size: Bytes(row.number("bytes").unwrap_or_default()),
    }))
}
