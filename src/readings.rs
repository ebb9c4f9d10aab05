//! What a sample means: one file a subject, read by panes, findings and the header alike.
//!
//! Pure. [`Readings`] decodes each subject of a snapshot once, when it is first asked for. They are made when another
//! snapshot is shown and shared by everything that reads it, so that no key press and no frame decodes rows again, and
//! no two places on the screen can disagree.

pub mod act;
pub mod act_result;
pub mod archiving;
pub mod backends;
pub mod connections;
pub mod cut;
pub mod load;
pub mod lock_acts;
pub mod lock_graph;
pub mod locks;
pub mod past;
pub mod replication;
pub mod searches;
pub mod server_state;
pub mod sessions;
pub mod slices;
pub mod slots;
pub(crate) mod statement_line;
mod statement_text;
pub mod statements;
mod subjects;
pub mod tags;
pub mod threshold;
pub mod traffic;
pub mod transactions;
pub mod vacuum_horizon;
pub mod vacuums;
pub mod vitals;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use crate::catalog::autovacuum::Policy;
use crate::catalog::bloat::{self, Bloat};
use crate::catalog::index_bloat;
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::settings::{RoleSettings, Settings};
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::{self, Counting, Judgements, Pair, ReferringKey};
use crate::django::{DjangoCode, Origins, Project, Refused, removal_of_usage, table_of};
use crate::sample::{Missing, Section, Snapshot, Timestamp};

use self::archiving::Archiving;
use self::backends::Backend;
use self::cut::Cut;
use self::lock_graph::{LockGraph, SeenWait};
use self::locks::{LockQueue, PreparedTransaction};
use self::past::Past;
use self::replication::{Standby, WalReceiver};
use self::searches::Searches;
use self::server_state::ServerState;
use self::slices::LoadSamples;
use self::slots::Slot;
use self::statements::{Costs, MeanCall, Owners, Sightings, Since, Trends};
use self::subjects::{Decoded, Subjects, probes};
use self::vacuum_horizon::VacuumHorizon;
use self::vacuums::RunningVacuum;
use self::vitals::Vitals;

/// Seconds between two samples up to which a wait in both is one wait.
const LONGEST_GAP: f64 = 30.0;

/// What a snapshot means, decoded subject by subject.
#[derive(Debug)]
pub struct Readings {
    snapshot: Arc<Snapshot>,
    /// The readings of the whole snapshot, where this is one without some of its sections.
    whole: Option<Whole>,
    subjects: Rc<Subjects>,
    vitals: Decoded<Vitals>,
    /// What was decoded last without the sections that were doubtful, of this snapshot or of the one before.
    sure: RefCell<Option<(Arc<Snapshot>, Rc<Subjects>)>>,
    /// The probes that were asked for.
    asked: RefCell<BTreeSet<&'static str>>,
    /// The waits for locks that the sample before saw.
    earlier_waits: Rc<HashMap<i64, SeenWait>>,
    /// The samples around this moment as slices of the load; the readings of the next moment go on with them.
    load_samples: Rc<RefCell<LoadSamples>>,
}

/// The readings that a snapshot without some of its sections shares with the whole one.
#[derive(Debug)]
struct Whole {
    readings: Rc<Readings>,
    /// The probes whose sections are left out.
    without: BTreeSet<&'static str>,
}

impl Readings {
    /// Returns the readings of a snapshot; nothing is decoded yet.
    pub fn of(snapshot: impl Into<Arc<Snapshot>>) -> Rc<Self> {
        Rc::new(Self::new(snapshot.into(), None, Subjects::default()))
    }

    /// Returns the readings of a snapshot; what the readings of another one have decoded from sections that are the same
    /// is not decoded again.
    pub fn beside(other: &Self, snapshot: Arc<Snapshot>) -> Rc<Self> {
        let subjects = Subjects::of_unchanged(&other.subjects, &other.snapshot, &snapshot);
        let load_samples = Rc::clone(&other.load_samples);
        let earlier_waits = other.waits_before(&snapshot);
        Rc::new(Self { sure: other.sure.clone(), load_samples, earlier_waits, ..Self::new(snapshot, None, subjects) })
    }

    /// Returns the readings of the same snapshot without some of its sections; a subject that needs none of them is
    /// shared.
    pub fn without(self: &Rc<Self>, doubtful: Vec<(&'static str, Missing)>) -> Rc<Self> {
        let without = doubtful.iter().map(|(probe, _)| *probe).collect();
        let mut snapshot = Snapshot::clone(&self.snapshot);
        snapshot.sections.extend(doubtful.into_iter().map(|(probe, why)| (probe, Section::Missing(why))));
        let before = self.sure.take();
        let subjects =
            before.map_or_else(Subjects::default, |(was, subjects)| Subjects::of_unchanged(&subjects, &was, &snapshot));
        let sure = Self::new(Arc::new(snapshot), Some(Whole { readings: Rc::clone(self), without }), subjects);
        self.sure.replace(Some((Arc::clone(&sure.snapshot), Rc::clone(&sure.subjects))));
        Rc::new(sure)
    }

    fn new(snapshot: Arc<Snapshot>, whole: Option<Whole>, subjects: Subjects) -> Self {
        Self {
            snapshot,
            whole,
            subjects: Rc::new(subjects),
            vitals: Decoded::new(),
            sure: RefCell::default(),
            load_samples: Rc::default(),
            earlier_waits: Rc::default(),
            asked: RefCell::default(),
        }
    }

    /// Returns the probes that were asked for since this was called last.
    pub(crate) fn take_asked(&self) -> BTreeSet<&'static str> {
        self.asked.take()
    }

    /// Notes that a probe's rows were asked for.
    pub(crate) fn note_asked(&self, probes: &[&'static str]) {
        self.asked.borrow_mut().extend(probes);
    }

    /// Returns the waits for locks that this sample saw, if another one is soon after it.
    fn waits_before(&self, next: &Snapshot) -> Rc<HashMap<i64, SeenWait>> {
        let passed = next.at.0 - self.snapshot.at.0;
        if !(0.0..=LONGEST_GAP).contains(&passed) {
            return Rc::default();
        }
        match self.subjects.backends.get().map(Rc::as_ref) {
            Some(Ok((backends, graph))) => Rc::new(graph.seen_waits(&self.earlier_waits, backends)),
            _ => Rc::clone(&self.earlier_waits),
        }
    }

    /// Returns the snapshot.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Returns a subject that is decoded from the sections of some probes.
    fn read<T>(
        &self,
        probes: &[&'static str],
        subject: fn(&Subjects) -> &Decoded<T>,
        decode: impl FnOnce(&Self) -> T,
    ) -> &T {
        self.note_asked(probes);
        match &self.whole {
            Some(whole) if !probes.iter().any(|probe| whole.without.contains(probe)) => {
                whole.readings.read(probes, subject, decode)
            }
            _ => subject(&self.subjects).get_or_init(|| Rc::new(decode(self))),
        }
    }

    /// Returns how a probe's list was cut; `None` where all of it was read.
    pub fn cut(&self, probe: &str) -> Option<Cut> {
        let cuts = |all: &Self| {
            let sections = all.snapshot.sections.iter();
            sections.filter_map(|(probe, section)| Some((*probe, Cut::of(section.rows()?)?))).collect()
        };
        // What is left out was cut all the same.
        let readings = self.whole.as_ref().map_or(self, |whole| whole.readings.as_ref());
        readings.subjects.cuts.get_or_init(|| Rc::new(cuts(readings))).get(probe).copied()
    }

    /// Returns what the server says of itself, or why that could not be read.
    pub fn server(&self) -> Result<&ServerState, Missing> {
        let server = self.read(&["server"], |all| &all.server, |all| ServerState::of(&all.snapshot));
        server.as_ref().map_err(Missing::clone)
    }

    /// Whether the server is a standby: as last read, else as at connect.
    pub fn is_standby(&self) -> bool {
        let by_probe = self.server().ok().and_then(|server| server.is_standby);
        by_probe.unwrap_or(self.snapshot.server.is_standby)
    }

    /// Returns the vital signs; the past is that of this snapshot's moment.
    pub fn vitals(&self, past: Past<'_>) -> &Vitals {
        self.vitals.get_or_init(|| Rc::new(Vitals::of(self, past)))
    }

    /// Returns the text of each statement by its queryid; empty where it is not known.
    pub fn statement_texts(&self) -> &HashMap<i64, Arc<String>> {
        self.read(probes::TEXTS, |all| &all.statement_texts, |all| statements::texts(&all.snapshot))
    }

    fn owners(&self) -> Option<&Owners> {
        self.read(probes::TEXTS, |all| &all.owners, Owners::of).as_ref()
    }

    /// Whether a statement is surely pgdj's own.
    pub(crate) fn is_own_statement(&self, queryid: i64) -> bool {
        self.owners().is_some_and(|owners| owners.is_own(queryid))
    }

    /// Returns what the statements cost up to this snapshot's moment; `None` while there is only one reading and the
    /// interval needs two, and until the texts tell whose the statements are.
    pub fn costs(&self, past: Past<'_>, since: Since) -> Option<Rc<Costs>> {
        self.note_asked(probes::COSTS);
        let known =
            self.subjects.costs.borrow().iter().find(|(known, _)| *known == since).map(|(_, costs)| costs.clone());
        known.unwrap_or_else(|| {
            let costs = statements::costs(self, past, since).map(Rc::new);
            self.subjects.costs.borrow_mut().push((since, costs.clone()));
            costs
        })
    }

    /// Returns what a call of a statement was on average since the reset of `pg_stat_statements`.
    pub(crate) fn mean_call(&self, queryid: i64) -> Option<MeanCall> {
        statements::mean_call(queryid, &self.snapshot)
    }

    /// Returns the statements that search by a foreign key without an index, since the reset of `pg_stat_statements`, by
    /// the constraint's oid.
    pub(crate) fn searches(&self) -> &HashMap<i64, Searches> {
        self.read(probes::SEARCHES, |all| &all.searches, searches::of_unindexed_keys)
    }

    /// Returns the time of each statement over the last readings.
    pub(crate) fn trends(&self, past: Past<'_>) -> &Trends {
        self.subjects.trends.get_or_init(|| Rc::new(statements::trends(past)))
    }

    /// Returns what the last samples saw of each statement that was run, by its queryid.
    pub(crate) fn sightings(&self, past: Past<'_>) -> &HashMap<i64, Sightings> {
        self.subjects.sightings.get_or_init(|| Rc::new(statements::sightings(past)))
    }

    /// Returns the backends, or why they could not be read.
    pub fn backends(&self) -> Result<&[Backend], Missing> {
        self.sessions_and_locks().as_ref().map(|(backends, _)| backends.as_slice()).map_err(Missing::clone)
    }

    /// Returns when the sessions were read: ages stop there, where no newer reading came.
    pub fn sessions_read_at(&self) -> Timestamp {
        self.snapshot.section("activity").reading().map_or(self.snapshot.at, |reading| reading.at)
    }

    /// Returns who waits for whom; nobody where the backends were not read.
    pub fn lock_graph(&self) -> &LockGraph {
        static NOBODY: LazyLock<LockGraph> = LazyLock::new(LockGraph::default);
        self.sessions_and_locks().as_ref().map_or(&*NOBODY, |(_, graph)| graph)
    }

    fn sessions_and_locks(&self) -> &Result<(Vec<Backend>, LockGraph), Missing> {
        self.read(
            &["activity", "locks"],
            |all| &all.backends,
            |all| {
                let section = all.snapshot.section("activity");
                let reading = section.reading().ok_or_else(|| section.why().cloned().unwrap_or(Missing::NotYet))?;
                let mut backends = backends::backends(&reading.rows, reading.at);
                let prepared = PreparedTransaction::all(&all.snapshot);
                let mut graph = LockGraph::of(LockQueue::beside(&backends, &all.snapshot), prepared, &backends);
                graph.go_on(&all.earlier_waits, &backends);
                for backend in &mut backends {
                    backend.blocks = graph.count_behind(backend.pid);
                }
                Ok((backends, graph))
            },
        )
    }

    /// Returns since when the counters of the whole server run, or why that could not be read.
    pub fn counters_since(&self) -> Result<Option<Timestamp>, Missing> {
        let section = self.snapshot.section("databases");
        match section.reading() {
            Some(_) => Ok(Counting::of_server(&self.snapshot)),
            None => Err(section.why().cloned().unwrap_or(Missing::NotYet)),
        }
    }

    /// Returns the vacuums that run.
    pub fn vacuums(&self) -> &[RunningVacuum] {
        self.read(&["vacuum_progress"], |all| &all.vacuums, |all| RunningVacuum::all(&all.snapshot)).as_slice()
    }

    /// Returns the replication slots, or why they could not be read.
    pub fn slots(&self) -> Result<&[Slot], Missing> {
        let slots = self.read(&["slots"], |all| &all.slots, |all| Slot::all(&all.snapshot));
        slots.as_deref().map_err(Missing::clone)
    }

    /// Returns the standbys of this server, or why they could not be read.
    pub fn standbys(&self) -> Result<&[Standby], Missing> {
        let standbys = self.read(&["replication"], |all| &all.standbys, |all| Standby::all(&all.snapshot));
        standbys.as_deref().map_err(Missing::clone)
    }

    /// Returns where a standby gets its WAL from, `None` for a primary; or why that could not be read.
    pub fn wal_receiver(&self) -> Result<Option<&WalReceiver>, Missing> {
        let receiver = self.read(&["wal_receiver"], |all| &all.wal_receiver, |all| WalReceiver::of(&all.snapshot));
        receiver.as_ref().map(Option::as_ref).map_err(Missing::clone)
    }

    /// Returns how WAL is archived, or why that could not be read.
    pub fn archiving(&self) -> Result<&Archiving, Missing> {
        let probes = ["archiving", "wal", "server"];
        let archiving = |all: &Self| Archiving::of(&all.snapshot, all.is_standby());
        self.read(&probes, |all| &all.archiving, archiving).as_ref().map_err(Missing::clone)
    }

    /// Returns who holds vacuum back, or why that could not be read.
    pub fn horizon(&self) -> Result<&VacuumHorizon, Missing> {
        let probes = ["vacuum_horizon", "server"];
        let horizon = self.read(&probes, |all| &all.horizon, VacuumHorizon::of);
        horizon.as_ref().map_err(Missing::clone)
    }

    /// Returns the tables, or why they could not be read.
    pub fn tables(&self) -> Result<&[TableUsage], Missing> {
        let tables = self.read(probes::TABLES, |all| &all.tables, |all| TableUsage::all(&all.snapshot));
        tables.as_deref().map_err(Missing::clone)
    }

    /// Returns the estimated bloat of each table by its oid, or why there is none.
    pub(crate) fn table_bloat(&self) -> Result<&HashMap<i64, Bloat>, Missing> {
        let bloat = self.read(
            probes::TABLE_BLOAT,
            |all| &all.table_bloat,
            |all| bloat::estimates(&all.snapshot, all.tables()?),
        );
        bloat.as_ref().map_err(Missing::clone)
    }

    /// Returns the indexes, or why they could not be read.
    pub fn indexes(&self) -> Result<&[IndexUsage], Missing> {
        let indexes = self.read(probes::INDEXES, |all| &all.indexes, |all| IndexUsage::all(&all.snapshot));
        indexes.as_deref().map_err(Missing::clone)
    }

    /// Returns the estimated bloat of each index by its oid, or why there is none.
    pub fn index_bloat(&self) -> Result<&HashMap<i64, Bloat>, Missing> {
        let estimates =
            |all: &Self| index_bloat::estimates(&all.snapshot, all.indexes()?, all.tables().unwrap_or_default());
        self.read(probes::INDEX_BLOAT, |all| &all.index_bloat, estimates).as_ref().map_err(Missing::clone)
    }

    /// Returns the indexes that are the same as another.
    pub fn duplicates(&self) -> &[Pair] {
        let duplicates = |all: &Self| usage::duplicates(all.indexes().unwrap_or_default());
        self.read(probes::INDEXES, |all| &all.duplicates, duplicates).as_slice()
    }

    /// Returns the indexes whose keys another one begins with.
    pub fn overlapping(&self) -> &[Pair] {
        let overlapping = |all: &Self| usage::overlapping(all.indexes().unwrap_or_default());
        self.read(probes::INDEXES, |all| &all.overlapping, overlapping).as_slice()
    }

    /// Returns what is said of the indexes.
    pub fn judgements(&self) -> Judgements<'_> {
        let judgements =
            |all: &Self| usage::judgements(all.indexes().unwrap_or_default(), all.counting(), all.snapshot.at);
        let judged = if self.counting().is_young(self.snapshot.at) {
            self.read(probes::JUDGEMENTS, |all| &all.judgements[0], judgements)
        } else {
            self.read(probes::JUDGEMENTS, |all| &all.judgements[1], judgements)
        };
        let builds = |all: &Self| {
            let backends = all.backends().unwrap_or_default();
            usage::builds(all.indexes().unwrap_or_default(), |index| Some(backends::builder(backends, index)?.pid))
        };
        Judgements { judged, builds: self.read(&["indexes", "activity"], |all| &all.index_builds, builds) }
    }

    /// Returns the foreign keys, or why they could not be read.
    pub fn foreign_keys(&self) -> Result<&[ReferringKey], Missing> {
        let keys = self.read(probes::FOREIGN_KEYS, |all| &all.foreign_keys, |all| ReferringKey::all(&all.snapshot));
        keys.as_deref().map_err(Missing::clone)
    }

    /// Returns the server's settings, or why they could not be read.
    pub fn settings(&self) -> Result<&Settings, Missing> {
        let settings = self.read(probes::SETTINGS, |all| &all.settings, |all| Settings::of(&all.snapshot));
        settings.as_ref().map_err(Missing::clone)
    }

    /// Returns what is set for roles and databases, or why that could not be read.
    pub fn role_settings(&self) -> Result<&[RoleSettings], Missing> {
        let settings =
            self.read(probes::ROLE_SETTINGS, |all| &all.role_settings, |all| RoleSettings::all(&all.snapshot));
        settings.as_deref().map_err(Missing::clone)
    }

    /// Returns autovacuum's settings, or why they could not be read.
    pub fn autovacuum(&self) -> Result<&Policy, Missing> {
        let policy = |all: &Self| Ok(Policy::by(all.settings()?));
        self.read(probes::SETTINGS, |all| &all.autovacuum, policy).as_ref().map_err(Missing::clone)
    }

    /// Returns since when the counters of this database run.
    pub fn counting(&self) -> Counting {
        *self.read(&["databases"], |all| &all.counting, |all| Counting::of(&all.snapshot))
    }

    /// Returns the Django project, as far as it is needed to name the model of a table.
    pub fn project(&self) -> &Arc<Project> {
        self.read(probes::PROJECT, |all| &all.project, |all| Arc::new(Project::of(&all.snapshot)))
    }

    /// Returns the Django project with all that code depends on.
    pub fn project_for_code(&self) -> &Project {
        let for_code = |all: &Self| Project::clone(all.project()).with_code(&all.snapshot);
        self.read(probes::CODE, |all| &all.project_for_code, for_code)
    }

    /// Returns the code that removes an index: Django's where its model is known or guessed.
    pub fn removal_of(&self, index: &IndexUsage) -> Result<DjangoCode, Refused> {
        let table = table_of(index, self.tables().unwrap_or_default(), self.foreign_keys().unwrap_or_default());
        removal_of_usage(&table, index, self.origins().origin(index), self.project_for_code())
    }

    /// Returns what in the models the indexes come from.
    pub fn origins(&self) -> &Origins {
        let origins = |all: &Self| {
            let keys = all.foreign_keys().unwrap_or_default();
            Origins::by(all.indexes().unwrap_or_default(), keys, Arc::clone(all.project()))
        };
        self.read(probes::ORIGINS, |all| &all.origins, origins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::sample::rowset::counted::reads;

    #[test]
    fn a_subject_is_decoded_when_it_is_asked_for_and_once() {
        let before = reads();
        let readings = Readings::of(snapshot().with("tables", vec![row! { relid: 7 }]));
        assert_eq!(reads() - before, 0);
        let tables = readings.tables().unwrap();
        let after_first = reads();
        assert!(after_first > before);
        assert!(std::ptr::eq(tables, readings.tables().unwrap()));
        assert_eq!(reads(), after_first);
    }

    #[test]
    fn what_was_not_read_since_is_not_decoded_again() {
        let first = snapshot().with("tables", vec![row! { relid: 7 }]).with("indexes", vec![row! { indexrelid: 8 }]);
        let mut next = first.clone().at(crate::fixture::NOW + 1.0).with("tables", vec![row! { relid: 9 }]);
        let why = Missing::TimedOut { after: crate::sample::Seconds(1.0) };
        let doubt = || vec![("statements", why.clone())];
        let older = Readings::of(first);
        let (tables, indexes) = (older.tables().unwrap(), older.indexes().unwrap());
        assert!(std::ptr::eq(indexes, older.without(doubt()).indexes().unwrap()));
        let newer = Readings::beside(&older, Arc::new(next.clone()));
        assert!(std::ptr::eq(indexes, newer.indexes().unwrap()));
        assert!(std::ptr::eq(indexes, newer.without(doubt()).indexes().unwrap()));
        assert!(!std::ptr::eq(tables, newer.tables().unwrap()));
        assert_eq!(newer.tables().unwrap()[0].relid, 9);
        // Figures that grew old are the same figures in another state.
        next.sections.insert("indexes", next.section("indexes").failed(why.clone()));
        let stale = Readings::beside(&older, Arc::new(next));
        assert!(!std::ptr::eq(indexes, stale.indexes().unwrap()));
    }

    #[test]
    fn without_a_section_the_other_subjects_are_the_same() {
        let why = Missing::TimedOut { after: crate::sample::Seconds(1.0) };
        let seen = snapshot().with("tables", vec![row! { relid: 7 }]).with("activity", vec![row! { pid: 1 }]);
        let whole = Readings::of(seen);
        let sure = whole.without(vec![("activity", why.clone())]);
        assert!(std::ptr::eq(whole.tables().unwrap(), sure.tables().unwrap()));
        assert_eq!((whole.backends().unwrap().len(), sure.backends()), (1, Err(why)));
    }
}
