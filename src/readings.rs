//! What a sample means: one file a subject, read by panes, findings and the header alike.
//!
//! Pure. [`Readings`] decodes each subject of a snapshot once, when it is first asked for. They are made when another
//! snapshot is shown and shared by everything that reads it, so that no key press and no frame decodes rows again, and
//! no two places on the screen can disagree.

pub mod act;
pub mod act_result;
pub mod backends;
pub mod cut;
pub mod load;
pub mod locks;
pub mod sessions;
pub mod statements;
pub mod vacuum_horizon;
pub mod vacuums;
pub mod vitals;
pub mod waits;

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::autovacuum::Policy;
use crate::catalog::bloat::{self, Bloat};
use crate::catalog::index_bloat;
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::settings::{RoleSettings, Settings};
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::{self, Counting, Judgement, Pair, ReferringKey};
use crate::django::{DjangoCode, Origins, Project, Refused, removal_of_usage, table_of};
use crate::sample::{Missing, Section, Snapshot};

use self::backends::Backend;
use self::locks::ContestedLock;
use self::vacuum_horizon::VacuumHorizon;
use self::vacuums::RunningVacuum;
use self::waits::Waits;

/// Bytes of a page, where the server does not say.
const PAGE: f64 = 8192.0;

/// What a snapshot means, decoded subject by subject.
#[derive(Debug)]
pub struct Readings {
    snapshot: Arc<Snapshot>,
    /// The readings of the whole snapshot, where this is one without some of its sections.
    whole: Option<Whole>,
    backends: Subject<Result<Vec<Backend>, Missing>>,
    waits: Subject<Waits>,
    locks: Subject<Vec<ContestedLock>>,
    vacuums: Subject<Vec<RunningVacuum>>,
    horizon: Subject<Result<VacuumHorizon, Missing>>,
    tables: Subject<Result<Vec<TableUsage>, Missing>>,
    table_bloat: Subject<Result<HashMap<i64, Bloat>, Missing>>,
    indexes: Subject<Result<Vec<IndexUsage>, Missing>>,
    index_bloat: Subject<Result<HashMap<i64, Bloat>, Missing>>,
    duplicates: Subject<Vec<Pair>>,
    overlapping: Subject<Vec<Pair>>,
    judgements: Subject<HashMap<i64, Judgement>>,
    foreign_keys: Subject<Result<Vec<ReferringKey>, Missing>>,
    settings: Subject<Result<Settings, Missing>>,
    role_settings: Subject<Result<Vec<RoleSettings>, Missing>>,
    autovacuum: Subject<Result<Policy, Missing>>,
    counting: Subject<Counting>,
    project: Subject<Arc<Project>>,
    project_for_code: Subject<Project>,
    origins: Subject<Origins>,
}

/// What is decoded when it is first asked for, and kept.
type Subject<T> = OnceCell<T>;

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
        Rc::new(Self::new(snapshot.into(), None))
    }

    /// Returns the readings of the same snapshot without some of its sections; a subject that needs none of them is
    /// shared.
    pub fn without(self: &Rc<Self>, doubtful: Vec<(&'static str, Missing)>) -> Rc<Self> {
        let without = doubtful.iter().map(|(probe, _)| *probe).collect();
        let mut snapshot = Snapshot::clone(&self.snapshot);
        snapshot.sections.extend(doubtful.into_iter().map(|(probe, why)| (probe, Section::Missing(why))));
        Rc::new(Self::new(Arc::new(snapshot), Some(Whole { readings: Rc::clone(self), without })))
    }

    fn new(snapshot: Arc<Snapshot>, whole: Option<Whole>) -> Self {
        Self {
            snapshot,
            whole,
            backends: Subject::new(),
            waits: Subject::new(),
            locks: Subject::new(),
            vacuums: Subject::new(),
            horizon: Subject::new(),
            tables: Subject::new(),
            table_bloat: Subject::new(),
            indexes: Subject::new(),
            index_bloat: Subject::new(),
            duplicates: Subject::new(),
            overlapping: Subject::new(),
            judgements: Subject::new(),
            foreign_keys: Subject::new(),
            settings: Subject::new(),
            role_settings: Subject::new(),
            autovacuum: Subject::new(),
            counting: Subject::new(),
            project: Subject::new(),
            project_for_code: Subject::new(),
            origins: Subject::new(),
        }
    }

    /// Returns the snapshot.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Returns a subject that is decoded from the sections of some probes.
    fn read<T>(&self, probes: &[&str], subject: fn(&Self) -> &Subject<T>, decode: impl FnOnce(&Self) -> T) -> &T {
        match &self.whole {
            Some(whole) if !probes.iter().any(|probe| whole.without.contains(probe)) => {
                whole.readings.read(probes, subject, decode)
            }
            _ => subject(self).get_or_init(|| decode(self)),
        }
    }

    /// Returns the backends, or why they could not be read.
    pub fn backends(&self) -> Result<&[Backend], Missing> {
        let backends = self.read(
            &["activity"],
            |all| &all.backends,
            |all| Ok(backends::backends(crate::catalog::rows(&all.snapshot, "activity")?)),
        );
        backends.as_deref().map_err(Missing::clone)
    }

    /// Returns who waits for whom.
    pub fn waits(&self) -> &Waits {
        self.read(&["activity"], |all| &all.waits, |all| backends::waits(all.backends().unwrap_or_default()))
    }

    /// Returns the locks that somebody waits for.
    pub fn locks(&self) -> &[ContestedLock] {
        self.read(&["locks"], |all| &all.locks, |all| ContestedLock::all(&all.snapshot)).as_slice()
    }

    /// Returns the vacuums that run.
    pub fn vacuums(&self) -> &[RunningVacuum] {
        self.read(&["vacuum_progress"], |all| &all.vacuums, |all| RunningVacuum::all(&all.snapshot)).as_slice()
    }

    /// Returns who holds vacuum back, or why that could not be read.
    pub fn horizon(&self) -> Result<&VacuumHorizon, Missing> {
        let probes = ["vacuum_horizon", "server"];
        let horizon = self.read(&probes, |all| &all.horizon, |all| VacuumHorizon::of(&all.snapshot));
        horizon.as_ref().map_err(Missing::clone)
    }

    /// Returns the tables, or why they could not be read.
    pub fn tables(&self) -> Result<&[TableUsage], Missing> {
        let probes = ["tables", "table_sizes"];
        let tables = self.read(&probes, |all| &all.tables, |all| TableUsage::all(&all.snapshot));
        tables.as_deref().map_err(Missing::clone)
    }

    /// Returns the estimated bloat of each table by its oid, or why there is none.
    pub fn table_bloat(&self) -> Result<&HashMap<i64, Bloat>, Missing> {
        let probes = ["tables", "table_sizes", "column_stats", "settings"];
        let bloat = self.read(&probes, |all| &all.table_bloat, |all| bloat::estimates(&all.snapshot, all.tables()?));
        bloat.as_ref().map_err(Missing::clone)
    }

    /// Returns the indexes, or why they could not be read.
    pub fn indexes(&self) -> Result<&[IndexUsage], Missing> {
        let probes = ["indexes", "index_sizes"];
        let indexes = self.read(&probes, |all| &all.indexes, |all| IndexUsage::all(&all.snapshot));
        indexes.as_deref().map_err(Missing::clone)
    }

    /// Returns the estimated bloat of each index by its oid, or why there is none.
    pub fn index_bloat(&self) -> Result<&HashMap<i64, Bloat>, Missing> {
        let probes = ["indexes", "index_sizes", "index_stats", "settings"];
        let estimates = |all: &Self| index_bloat::estimates(&all.snapshot, all.indexes()?);
        self.read(&probes, |all| &all.index_bloat, estimates).as_ref().map_err(Missing::clone)
    }

    /// Returns the indexes that are the same as another.
    pub fn duplicates(&self) -> &[Pair] {
        let duplicates = |all: &Self| usage::duplicates(all.indexes().unwrap_or_default());
        self.read(&["indexes", "index_sizes"], |all| &all.duplicates, duplicates).as_slice()
    }

    /// Returns the indexes whose keys another one begins with.
    pub fn overlapping(&self) -> &[Pair] {
        let overlapping = |all: &Self| usage::overlapping(all.indexes().unwrap_or_default());
        self.read(&["indexes", "index_sizes"], |all| &all.overlapping, overlapping).as_slice()
    }

    /// Returns what is said of each index of which there is something to say, by its oid.
    pub fn judgements(&self) -> &HashMap<i64, Judgement> {
        let probes = ["indexes", "index_sizes", "databases"];
        let judgements =
            |all: &Self| usage::judgements(all.indexes().unwrap_or_default(), all.counting(), all.snapshot.at);
        self.read(&probes, |all| &all.judgements, judgements)
    }

    /// Returns the foreign keys, or why they could not be read.
    pub fn foreign_keys(&self) -> Result<&[ReferringKey], Missing> {
        let keys = self.read(&["foreign_keys"], |all| &all.foreign_keys, |all| ReferringKey::all(&all.snapshot));
        keys.as_deref().map_err(Missing::clone)
    }

    /// Returns the server's settings, or why they could not be read.
    pub fn settings(&self) -> Result<&Settings, Missing> {
        let settings = self.read(&["settings"], |all| &all.settings, |all| Settings::of(&all.snapshot));
        settings.as_ref().map_err(Missing::clone)
    }

    /// Returns what is set for roles and databases, or why that could not be read.
    pub fn role_settings(&self) -> Result<&[RoleSettings], Missing> {
        let settings = self.read(&["role_settings"], |all| &all.role_settings, |all| RoleSettings::all(&all.snapshot));
        settings.as_deref().map_err(Missing::clone)
    }

    /// Returns the bytes of a page.
    pub fn block_size(&self) -> f64 {
        self.settings().ok().and_then(|settings| settings.number("block_size")).unwrap_or(PAGE)
    }

    /// Returns autovacuum's settings, or why they could not be read.
    pub fn autovacuum(&self) -> Result<&Policy, Missing> {
        let policy = |all: &Self| Ok(Policy::by(all.settings()?));
        self.read(&["settings"], |all| &all.autovacuum, policy).as_ref().map_err(Missing::clone)
    }

    /// Returns since when the counters of this database run.
    pub fn counting(&self) -> Counting {
        *self.read(&["databases"], |all| &all.counting, |all| Counting::of(&all.snapshot))
    }

    /// Returns the Django project, as far as it is needed to name the model of a table.
    pub fn project(&self) -> &Arc<Project> {
        let probes = ["content_types", "migrations", "tables"];
        self.read(&probes, |all| &all.project, |all| Arc::new(Project::of(&all.snapshot)))
    }

    /// Returns the Django project with all that code depends on.
    pub fn project_for_code(&self) -> &Project {
        let probes = ["content_types", "migrations", "tables", "indexes"];
        let for_code = |all: &Self| Project::clone(all.project()).with_code(&all.snapshot);
        self.read(&probes, |all| &all.project_for_code, for_code)
    }

    /// Returns the code that removes an index: Django's where its model is known or guessed.
    pub fn removal_of(&self, index: &IndexUsage) -> Result<DjangoCode, Refused> {
        let table = table_of(index, self.tables().unwrap_or_default(), self.foreign_keys().unwrap_or_default());
        removal_of_usage(&table, index, self.origins().origin(index), self.project_for_code())
    }

    /// Returns what in the models the indexes come from.
    pub fn origins(&self) -> &Origins {
        let probes = ["content_types", "migrations", "tables", "indexes", "index_sizes", "foreign_keys"];
        let origins = |all: &Self| {
            let keys = all.foreign_keys().unwrap_or_default();
            Origins::by(all.indexes().unwrap_or_default(), keys, Arc::clone(all.project()))
        };
        self.read(&probes, |all| &all.origins, origins)
    }
}
