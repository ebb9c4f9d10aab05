//! A migration as a whole file.

use super::owner::Owner;
use super::project::Project;
use super::python::{Imports, Py, python_comment, python_text};

/// A migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFile {
    /// The path below the project, `shop/migrations/0008_order_reference_idx.py`; the app's folder is taken for its label.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl MigrationFile {
    /// Returns the migration's name, by which others depend on it: the file's, without its ending.
    pub fn name(&self) -> &str {
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        file.strip_suffix(".py").unwrap_or(file)
    }
}

/// What a migration is made from.
pub(super) struct MigrationPlan<'a> {
    /// The model.
    pub(super) owner: &'a Owner,
    /// What the file is named after, beside its number.
    pub(super) name: &'a str,
    /// What the operations import.
    pub(super) imports: Imports,
    /// The operations, in order.
    pub(super) operations: Vec<Py>,
    /// Lines of comment before the operations.
    pub(super) comment: Vec<String>,
    /// Whether it runs in a transaction.
    pub(super) atomic: Atomic,
}

/// What a migration does for an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MigrationSteps {
    /// What the operations import.
    pub(super) imports: Imports,
    /// The operations, in order.
    pub(super) operations: Vec<Py>,
    /// Whether they can run in a transaction.
    pub(super) atomic: Atomic,
}

impl MigrationSteps {
    /// Writes them as a migration.
    pub(super) fn file(self, owner: &Owner, name: &str, project: &Project) -> MigrationFile {
        let Self { imports, operations, atomic } = self;
        MigrationPlan { owner, name, imports, operations, comment: Vec::new(), atomic }.file(project)
    }

    /// Adds those of another index.
    pub(super) fn append(&mut self, other: Self) {
        self.imports.merge(other.imports);
        for operation in other.operations {
            // An extension is installed once.
            if !self.operations.contains(&operation) {
                self.operations.push(operation);
            }
        }
        if other.atomic == Atomic::No {
            self.atomic = Atomic::No;
        }
    }
}

/// Whether a migration runs in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Atomic {
    /// In one, as usual.
    Yes,
    /// Outside, as `CONCURRENTLY` asks for.
    No,
}

impl MigrationPlan<'_> {
    /// Writes the file. A model of Django's own apps gets a migration for an app of the project.
    pub(super) fn file(mut self, project: &Project) -> MigrationFile {
        self.imports.add("django.db", "migrations");
        let app = self.owner.app.as_str();
        let last = project.last_migration(app);
        let atomic = if self.atomic == Atomic::No { "    atomic = False\n\n" } else { "" };
        let comment = self.comment.iter().map(|line| format!("        {}", python_comment(line)));
        let operations = self.operations.iter().map(|operation| format!("        {},", operation.broken(8, 8)));
        let operations = comment.chain(operations).collect::<Vec<_>>().join("\n");
        let text = format!(
            "{}\n\n\nclass Migration(migrations.Migration):\n{atomic}{}\n    operations = [\n{operations}\n    ]\n",
            self.imports.head(),
            self.dependencies(last),
        );
        let number = if self.owner.is_of_django() { None } else { last.and_then(number_of) };
        let folder = if self.owner.is_of_django() { "your_app" } else { app };
        let path = match number {
            Some(number) => format!("{folder}/migrations/{:04}_{}.py", number + 1, self.name),
            None => format!("{folder}/migrations/{}.py", self.name),
        };
        MigrationFile { path, text }
    }

    fn dependencies(&self, last: Option<&str>) -> String {
        let app = &self.owner.app;
        let mut lines = Vec::new();
        if let Some(last) = last {
            lines.push(format!("({}, {}),", python_text(app), python_text(last)));
        }
        if self.owner.is_of_django() {
            lines.push("# and the last migration of the app that this file is put into".to_owned());
        } else if last.is_none() {
            lines.push(python_comment(&format!("the last migration of {app}")));
        }
        format!("    dependencies = [\n        {}\n    ]\n", lines.join("\n        "))
    }
}

/// The number of `0007_words`, and of `0001_squashed_0007_words` the last one.
fn number_of(migration: &str) -> Option<u32> {
    let name = migration.split_once("_squashed_").map_or(migration, |(_, last)| last);
    name.split('_').next().filter(|digits| digits.len() == 4)?.parse().ok()
}
