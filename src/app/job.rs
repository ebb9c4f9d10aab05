//! Long work: what a pane asks the shell to do, how far it is, and how it ended.
//!
//! A pane numbers its jobs ([`JobIds`]), so what comes back is known to belong to the job that it still waits for, and
//! an answer to an older one is dropped. The shell runs one job of a kind: a newer one cancels it.

use std::sync::Arc;

use super::PaneId;
use crate::advisor::IndexSpec;
use crate::failure::Failure;
use crate::pg::advice::Advised;
use crate::pg::exact::{Exact, MeasuredRelation};
use crate::pg::explain::{ExplainAnswer, ExplainProgress, ExplainRequest, StatementParameter};
use crate::pg::maintenance::{Maintained, MaintenanceProgress, MaintenanceTask};
use crate::pg::verify::{Building, Tried};
use crate::pg::workload::WorkloadRequest;
use crate::plan::Plan;
use crate::sample::{Missing, Seconds};
use crate::workload::{WorkloadAdvice, WorkloadProgress};

/// Names one job: the pane that asked for it, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobId {
    /// The pane that asked.
    pub pane: PaneId,
    /// Its number, counted from one.
    pub number: u32,
}

/// Numbers the jobs of one pane.
#[derive(Debug)]
pub struct JobIds {
    last: JobId,
}

impl JobIds {
    /// The numbers of a pane that has asked for nothing yet.
    pub fn of(pane: PaneId) -> Self {
        Self { last: JobId { pane, number: 0 } }
    }

    /// Returns the next one.
    pub fn take(&mut self) -> JobId {
        self.last.number = self.last.number.wrapping_add(1);
        self.last
    }
}

/// Work that takes longer than a frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// Explain a statement, or explain and run it.
    Explain(Box<ExplainRequest>),
    /// Find out the types of a statement's parameters, and values worth trying.
    FindParameters {
        /// The statement.
        sql: String,
    },
    /// Look for indexes for a plan, and ask the planner about them.
    Advise {
        /// The statement with its values.
        request: Box<ExplainRequest>,
        /// Its plan.
        plan: Arc<Plan>,
    },
    /// Look for the few indexes that help all statements.
    AdviseWorkload(WorkloadRequest),
    /// Build indexes, measure the statement without and with them, and drop them.
    TryIndexes {
        /// The statement with its values.
        request: Box<ExplainRequest>,
        /// The indexes.
        specs: Vec<IndexSpec>,
        /// How they are built.
        building: Building,
    },
    /// Measure the bloat of a relation exactly.
    MeasureBloat {
        /// The relation.
        relation: MeasuredRelation,
        /// Its name, for messages.
        name: String,
    },
    /// Analyze or vacuum a table, build indexes, or reset counters.
    Maintain {
        /// What is done.
        task: MaintenanceTask,
        /// What it is done to, for messages.
        name: String,
    },
    /// Read a file.
    OpenFile {
        /// Its path, as a person wrote it.
        path: String,
    },
    /// Open a text in the user's own editor, which has the terminal meanwhile.
    EditText {
        /// The text.
        text: String,
    },
}

/// The kinds of jobs; one of a kind runs at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// [`Job::Explain`].
    Explain,
    /// [`Job::FindParameters`].
    FindParameters,
    /// [`Job::Advise`].
    Advise,
    /// [`Job::AdviseWorkload`].
    AdviseWorkload,
    /// [`Job::TryIndexes`].
    TryIndexes,
    /// [`Job::MeasureBloat`].
    MeasureBloat,
    /// [`Job::Maintain`].
    Maintain,
    /// [`Job::OpenFile`].
    OpenFile,
    /// [`Job::EditText`].
    EditText,
}

impl Job {
    /// Returns its kind.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Explain(_) => JobKind::Explain,
            Self::FindParameters { .. } => JobKind::FindParameters,
            Self::Advise { .. } => JobKind::Advise,
            Self::AdviseWorkload(_) => JobKind::AdviseWorkload,
            Self::TryIndexes { .. } => JobKind::TryIndexes,
            Self::MeasureBloat { .. } => JobKind::MeasureBloat,
            Self::Maintain { .. } => JobKind::Maintain,
            Self::OpenFile { .. } => JobKind::OpenFile,
            Self::EditText { .. } => JobKind::EditText,
        }
    }

    /// Returns what the button says that starts it.
    pub(crate) fn button(&self) -> &'static str {
        match self {
            Self::Explain(request) if request.options.analyze => "run it",
            Self::Explain(_) => "plan it",
            Self::TryIndexes { .. } => "build it, measure, drop it",
            Self::MeasureBloat { .. } => "measure",
            Self::Maintain { task, .. } => match task {
                MaintenanceTask::Table { what, .. } => what.name(),
                MaintenanceTask::BuildIndexes(_) => "build it, and keep it",
                MaintenanceTask::ResetStatements => "reset the counters",
            },
            _ => "do it",
        }
    }

    /// Returns what it does, for messages and the journal.
    pub fn title(&self) -> String {
        match self {
            Self::Explain(request) if request.options.analyze => "EXPLAIN ANALYZE".to_owned(),
            Self::Explain(_) => "EXPLAIN".to_owned(),
            Self::FindParameters { .. } => "reading the parameters".to_owned(),
            Self::Advise { .. } => "looking for indexes".to_owned(),
            Self::AdviseWorkload(_) => "looking for indexes for all statements".to_owned(),
            Self::TryIndexes { specs, .. } => {
                let tables: Vec<&str> = specs.iter().map(|spec| spec.table.as_str()).collect();
                format!("the index trial on {}", tables.join(", "))
            }
            Self::MeasureBloat { name, .. } => format!("the bloat measurement of {name}"),
            Self::Maintain { task, name } => match task {
                MaintenanceTask::Table { what, .. } => format!("{} of {name}", what.name()),
                MaintenanceTask::BuildIndexes(_) => format!("the build of {name}"),
                MaintenanceTask::ResetStatements => "the reset of pg_stat_statements".to_owned(),
            },
            Self::OpenFile { path } => format!("opening {path}"),
            Self::EditText { .. } => "the editor".to_owned(),
        }
    }
}

impl JobKind {
    /// Whether Esc cancels it before it closes anything: a person waits for it.
    pub(crate) fn is_awaited(self) -> bool {
        !matches!(self, Self::Advise | Self::EditText)
    }
}

/// What is heard of a job.
#[derive(Debug)]
pub enum JobNews {
    /// The shell was asked to run it.
    Started,
    /// How far it is.
    Progress(JobProgress),
    /// It has ended.
    Done(JobResult),
}

/// How far a job is.
#[derive(Debug)]
pub enum JobProgress {
    /// Of an EXPLAIN; about every quarter of a second.
    Explaining(ExplainProgress),
    /// Of advice for all statements; about every tenth of a second.
    Workload(WorkloadProgress),
    /// How long a trial has been running; about every half second.
    Elapsed(Seconds),
    /// Of what is done to a table, an index or the counters; about every second.
    Maintaining(MaintenanceProgress),
}

/// How a job ended.
#[derive(Debug)]
pub enum JobResult {
    /// The plan, or why there is none.
    Explained(Result<Box<ExplainAnswer>, Failure>),
    /// The parameters in the order of their numbers, or why they are unknown.
    Parameters(Result<Vec<StatementParameter>, Failure>),
    /// What was found, or why nothing could be.
    Advised(Result<Box<Advised>, Failure>),
    /// What is advised for all statements, or why nothing could be.
    WorkloadAdvised(Result<Box<WorkloadAdvice>, Failure>),
    /// What was measured, or why nothing could be.
    IndexesTried(Result<Box<Tried>, Failure>),
    /// What was measured, or why it was not.
    BloatMeasured(Result<Exact, Missing>),
    /// What came of it, or why it was not done.
    Maintained(Result<Box<Maintained>, Failure>),
    /// The text of the file, or why there is none.
    FileOpened(Result<String, Failure>),
    /// The text that the editor left, or why there is none.
    TextEdited(Result<String, Failure>),
    /// Somebody cancelled it, or a newer one took its place.
    Cancelled,
    /// It could not be begun, or its task failed.
    Failed(Failure),
}
