//! The statements of a workload: those that were looked at with what they cost, and those that were not, and why.

use std::fmt;

use crate::sample::Seconds;

/// A statement as `pg_stat_statements` counts it, all roles together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkloadStatement {
    /// Its queryid.
    pub queryid: i64,
    /// Its text, with `$1` in place of the values.
    pub sql: String,
    /// Times it was run.
    pub calls: f64,
    /// Time it took, all calls together.
    pub time: Seconds,
    /// Rows it returned or changed.
    pub rows: f64,
    /// Blocks of tables and indexes that it touched, in cache or not.
    pub blocks: f64,
}

impl WorkloadStatement {
    /// Returns the time of one call on average.
    pub fn mean(&self) -> Seconds {
        Seconds(if self.calls > 0.0 { self.time.0 / self.calls } else { 0.0 })
    }

    /// Returns the rows of one call on average.
    pub fn rows_per_call(&self) -> f64 {
        if self.calls > 0.0 { self.rows / self.calls } else { 0.0 }
    }
}

/// Why statements were not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// They take less time than those that were looked at.
    BeyondLimit,
    /// They are pgdj's own.
    Own,
    /// They are commands: COMMIT, SET, CREATE TABLE AS.
    NoPlan,
    /// Their text is hidden from this role.
    Hidden,
    /// They read the catalog, or no table at all.
    NoTable,
    /// They may call what does more than read, so that the planner was not asked.
    MayDoMore,
    /// The role may not read their tables.
    Denied,
    /// Their tables are gone, or were temporary.
    Gone,
    /// A lock was not to be had, or planning took too long.
    Blocked,
    /// The server cannot plan the text as it is kept.
    NotPlanned,
    /// The number of plans that may be asked for was used up.
    NotAsked,
}

impl LeftOut {
    /// Returns the reason as a clause after a number of statements: `12 statements …`.
    pub fn words(&self) -> &'static str {
        match self {
            Self::BeyondLimit => "take less time than the ones that were looked at",
            Self::Own => "are pgdj's own",
            Self::NoPlan => "are commands (COMMIT, SET, CREATE and the like)",
            Self::Hidden => "have a text that is hidden from this role",
            Self::NoTable => "read no table of the application",
            Self::MayDoMore => "may call functions that do more than read, so the planner was not asked",
            Self::Denied => "use tables that this role may not read",
            Self::Gone => "use tables or functions that do not exist now",
            Self::Blocked => "could not be planned in time: a lock, or a long planning",
            Self::NotPlanned => "cannot be planned as pg_stat_statements keeps them",
            Self::NotAsked => "were not reached: the limit on plans was used up",
        }
    }

    /// Returns a word for programs.
    pub fn id(&self) -> &'static str {
        match self {
            Self::BeyondLimit => "beyond_limit",
            Self::Own => "own",
            Self::NoPlan => "no_plan",
            Self::Hidden => "hidden",
            Self::NoTable => "no_table",
            Self::MayDoMore => "may_do_more",
            Self::Denied => "denied",
            Self::Gone => "gone",
            Self::Blocked => "blocked",
            Self::NotPlanned => "not_planned",
            Self::NotAsked => "not_asked",
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Statements that were not looked at for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOutGroup {
    /// Why.
    pub why: LeftOut,
    /// How many.
    pub statements: usize,
    /// The time they took.
    pub time: Seconds,
    /// What the server said of the first, where it said something.
    pub example: Option<String>,
}

/// Adds a statement to those that were not looked at.
pub fn leave_out(groups: &mut Vec<LeftOutGroup>, why: LeftOut, time: Seconds, said: Option<String>) {
    if let Some(group) = groups.iter_mut().find(|group| group.why == why) {
        group.statements += 1;
        group.time.0 += time.0;
        group.example = group.example.take().or(said);
    } else {
        groups.push(LeftOutGroup { why, statements: 1, time, example: said });
    }
}
