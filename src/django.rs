//! Names and code of Django from the database alone: which model a table is, which field a column is, and an index as
//! a line for `Meta.indexes`, a migration and the SQL that Django makes of it.
//!
//! Pure, and never wrong silently: [`DjangoCode::certainty`] says how far the names can be trusted.

mod code;
mod expression;
mod index_name;
mod names;
pub mod sql;

pub use code::{DjangoCode, MigrationFile, code_for};
pub use index_name::index_name;
pub use names::{Certainty, Names, Owner};
