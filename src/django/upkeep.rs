//! A table's own settings as a migration.

use super::migration::{Atomic, MigrationFile, MigrationPlan};
use super::project::Project;
use super::python::{Imports, Py};

/// A statement and the one that takes it back.
#[derive(Debug, Clone, Copy)]
pub struct ThereAndBack<'a> {
    /// What is to be run.
    pub there: &'a str,
    /// What undoes it.
    pub back: &'a str,
}

/// Returns the migration that runs a statement on a table; `None` where the table has no model.
pub fn migration_of_sql(table: &str, name: &str, sql: ThereAndBack<'_>, project: &Project) -> Option<MigrationFile> {
    let owner = project.owner(table)?;
    let literal = |text: &str| Py::text(text.trim_end_matches(';'));
    let run = Py::call("migrations.RunSQL", vec![literal(sql.there)]).with("reverse_sql", literal(sql.back));
    let name = format!("{}_{name}", owner.model);
    let comment = vec![format!("{}: {}", owner.label(), owner.certainty.words())];
    let plan = MigrationPlan {
        owner: &owner,
        name: &name,
        imports: Imports::default(),
        operations: vec![run],
        comment: comment.into_iter().filter(|_| !owner.certainty.is_confirmed()).collect(),
        atomic: Atomic::Yes,
    };
    Some(plan.file(project))
}
