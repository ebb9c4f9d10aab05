//! Names and code of Django from the database alone: which model a table is, which field a column is, and an index as
//! a line for `Meta.indexes`, a migration, and the SQL that Django makes of it.
//!
//! Pure, and never wrong silently: [`DjangoCode::certainty`] says how far the names can be trusted, its notes what else
//! has to be known. Django itself is the judge: `tests/it/django.rs` puts every line into `Meta`, runs `makemigrations`,
//! `sqlmigrate` and `migrate`, and asks the planner. `pg::django_read` fills [`Project`], [`Project::of`] from a snapshot.

mod code;
mod condition;
mod expression;
mod facts;
mod foreign_key;
mod index_name;
mod migration;
mod origin;
mod owner;
mod project;
mod python;
mod removal;
mod several;
pub mod sql;
#[cfg(test)]
mod tests;
mod upkeep;
mod value;

pub use code::{DjangoCode, Refused, code_for, code_for_spec};
pub use facts::{Origins, table_of};
pub use foreign_key::index_for_key;
pub use index_name::index_name;
pub use migration::MigrationFile;
pub use origin::{Around, IndexOrigin, ModelSource, Reference};
pub use owner::{Certainty, Owner};
pub use project::{Declared, DjangoApp, Project, last_migration};
pub use removal::{removal_of, removal_of_usage};
pub use several::{SeveralCodes, codes_for_specs};
pub use upkeep::{ThereAndBack, migration_of_sql};

/// A middleware that puts sqlcommenter's comment before each statement, where a server that cuts statements leaves it.
///
/// Source: Django's documentation, "Database instrumentation"; `ResolverMatch.view_name` and `route`.
pub const COMMENT_FIRST: &str = include_str!("django/comment_first.py");

/// The Django that the code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DjangoVersion {
    /// 5 of 5.2.
    pub major: u32,
    /// 2 of 5.2.
    pub minor: u32,
}

impl DjangoVersion {
    /// The oldest one that code is made for; what it reads, all later ones read too.
    pub const OLDEST: Self = Self { major: 4, minor: 2 };

    /// A version.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }
}

impl Default for DjangoVersion {
    /// The oldest: the database does not say which one the project runs on.
    fn default() -> Self {
        Self::OLDEST
    }
}
