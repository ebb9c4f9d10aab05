//! EXPLAIN of one statement, under guard: what is asked, what is answered, and [`Runner`], which does it.
//!
//! A connection of its own, one transaction that is read-only unless a person agreed to a write, `statement_timeout` and
//! `lock_timeout`, and ROLLBACK at the end in any case. The server itself refuses a second statement: what a person
//! wrote is sent by the extended protocol first. Nothing of it needs a session beyond that transaction, so it works
//! behind a transaction pooler. Cancelled or dropped, it is cancelled on the server too.
//! Before the server sees it, [`super::judge`] looks at what it could run: in read-only mode that refuses, else it warns.
//!
//! Knows no screen and spawns nothing.

pub(in crate::pg) mod admitted;
pub mod choices;
pub(in crate::pg) mod limits;
pub mod options;
pub(in crate::pg) mod planned;
pub mod refusal;
pub mod run;
pub(crate) mod sent;
pub mod statement;
mod usual;
pub(in crate::pg) mod watch;

pub use run::Runner;
pub use statement::{CheckedStatement, StatementEffect};

use crate::plan::Plan;
use crate::sample::{Seconds, Timestamp};

/// `statement_timeout` of a run unless another is chosen, in milliseconds.
pub const TIMEOUT_MS: u32 = 30_000;

/// What the ROLLBACK of a write does not undo, in a sentence for whoever is asked to agree.
///
/// Source: measured on PostgreSQL 15 (`EXPLAIN ANALYZE INSERT`, ROLLBACK: the sequence had moved, dead rows were left).
pub const WHAT_STAYS: &str = "it is rolled back; its locks are held while it runs; what remains are dead rows, advanced \
                              sequences, and what triggers and functions do outside this database";

/// An EXPLAIN that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainRequest {
    /// The one statement, as it was typed; it may hold `$1`.
    pub sql: String,
    /// The values of `$1`, `$2`, … as texts, `None` being null; empty asks for the generic plan.
    pub parameters: Vec<Option<String>>,
    /// Those of the values that pgdj chose: no application need ever have sent them.
    pub guessed: Vec<GuessedValue>,
    /// What EXPLAIN is to tell.
    pub options: Options,
    /// Whether the statement may write.
    pub consent: Consent,
    /// What may be called that does more than read; in read-only mode nothing.
    pub agreed: Agreed,
    /// `statement_timeout` of the run, in milliseconds.
    pub timeout_ms: u32,
}

impl ExplainRequest {
    /// Returns the values that pgdj chose, with their numbers.
    pub(crate) fn made_up(&self) -> impl Iterator<Item = (usize, String)> {
        self.guessed.iter().filter_map(|GuessedValue { number, .. }| {
            let value = self.parameters.get(number.checked_sub(1)?)?.clone()?;
            Some((*number, value))
        })
    }
}

/// A value that pgdj chose for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessedValue {
    /// The number of the parameter, from 1.
    pub number: usize,
    /// Whether it is a value of the column, from its statistics; else it is usual where the parameter stands.
    pub is_from_statistics: bool,
}

/// The options of EXPLAIN; those the server does not have are left out.
#[expect(clippy::struct_excessive_bools, reason = "each is one option of EXPLAIN, which are on or off")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Runs the statement.
    pub analyze: bool,
    /// Counts blocks; since 13 without ANALYZE too (of planning).
    pub buffers: bool,
    /// Tells the settings that differ from their defaults; since 12.
    pub settings: bool,
    /// Counts WAL; since 13, with ANALYZE only.
    pub wal: bool,
    /// Measures each node; with ANALYZE only.
    pub timing: bool,
    /// Turns the rows into what would be sent; since 17, with ANALYZE only.
    pub serialize: bool,
    /// Tells the memory of planning; since 17.
    pub memory: bool,
    /// Plans without the values of `$1`; since 16, not with ANALYZE.
    pub generic_plan: bool,
    /// Tells the output and the schema of each node.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            analyze: true,
            buffers: true,
            settings: true,
            wal: true,
            timing: true,
            serialize: false,
            memory: false,
            generic_plan: false,
            verbose: true,
        }
    }
}

/// Whether the statement may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// It runs in `BEGIN READ ONLY`; a write is refused.
    #[default]
    ReadOnly,
    /// A person agreed: it writes, and is rolled back.
    Write,
}

/// What a person has agreed to of what a statement may do besides reading rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Agreed {
    /// Anything: it is said by name before it is planned, and it goes on.
    #[default]
    Anything,
    /// These, each in the words of [`crate::pg::judge::Objection::words`]; where there is another, it ends with
    /// [`crate::failure::FailureKind::NotAgreed`] before anything is planned.
    To(Vec<String>),
}

/// How an EXPLAIN under way stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExplainProgress {
    /// Since it was sent.
    pub elapsed: Seconds,
    /// Who holds the locks it waits for.
    pub blocked_by: Vec<Blocker>,
    /// What it may do besides reading rows, known before it is planned; one sentence each.
    pub warnings: Vec<String>,
}

/// A session that holds a lock which is waited for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Blocker {
    /// Its pid.
    pub pid: i64,
    /// Who it is: user, application, state, as far as they may be read.
    pub who: String,
    /// What it runs, or ran last.
    pub query: String,
}

/// A plan from the server.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainAnswer {
    /// The plan.
    pub plan: Plan,
    /// The server's JSON.
    pub raw: String,
    /// The statement.
    pub sql: String,
    /// Whether it was not run.
    pub estimate_only: bool,
    /// What the server said beside it, and what pgdj changed of the request.
    pub notices: Vec<String>,
    /// When, by the server's clock.
    pub at: Timestamp,
}

/// A parameter of a statement (`$1`), and values worth trying.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatementParameter {
    /// Its type, as `format_type` writes it; empty where it is not known.
    pub type_name: String,
    /// The column it is compared with: `shop_order.status`; empty where it is not known.
    pub column: String,
    /// Values from `pg_stats`, else usual ones.
    pub choices: Vec<Choice>,
}

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Why it is worth trying: `common, 38% of the rows`; `rare`; `boundary`.
    pub note: String,
    /// The value as a text.
    pub value: String,
    /// Whether it is a value of the column, from its statistics; else it is usual where the parameter stands.
    pub is_from_statistics: bool,
}
