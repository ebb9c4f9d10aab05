//! Reads what the database says of the Django project: content types, applied migrations, names that are taken.

use std::collections::BTreeMap;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::session::{Answer, Lost, Query, Session, sentence};
use crate::django::{Project, last_migration};
use crate::sample::Row;

/// Django's own tables, wherever the search path finds them; a role that may not read them is told so.
const CONTENT_TYPES: &str = "select t.app_label as app, t.model as name from django_content_type as t \
    order by t.app_label, t.model limit 5000";

/// In the order in which they were applied.
const MIGRATIONS: &str = "select m.app as app, m.name as name from django_migrations as m order by m.id limit 20000";

/// Names of relations share one space in a schema.
const TAKEN: &str = "select c.relname::text as name from pg_catalog.pg_class as c \
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
    where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p', 'i', 'I', 'v', 'm', 'S', 'f') \
    order by c.relname limit 100000";

const EXTENSIONS: &str =
    "select e.extname::text as name from pg_catalog.pg_extension as e order by e.extname limit 500";

/// Reads the project; where the content types cannot be read, [`Project::unread`] says why, what else cannot be is left
/// empty.
pub async fn project(session: &mut Session) -> Result<Project, Lost> {
    let questions = [CONTENT_TYPES, MIGRATIONS, TAKEN, EXTENSIONS].map(Query::new);
    let mut project = Project::default();
    let mut tables = Vec::new();
    for (place, answer) in session.pipeline(&questions).await?.into_iter().enumerate() {
        tables.push(match answer {
            Ok(answer) => answer.into_rows(),
            Err(error) => {
                tracing::debug!(%error, "a part of the project cannot be read");
                if place == 0 {
                    project.unread = Some(why(&error));
                }
                Answer::default().into_rows()
            }
        });
    }
    let mut tables = tables.into_iter();
    let mut next = || tables.next().unwrap_or_else(|| Answer::default().into_rows());
    let (content_types, migrations, taken, extensions) = (next(), next(), next(), next());
    let pair = |row: Row<'_>| (row.text("app").to_owned(), row.text("name").to_owned());
    for (app, model) in content_types.iter().map(pair) {
        project.add_model(&app, &model);
    }
    let mut applied: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (app, name) in migrations.iter().map(pair) {
        applied.entry(app).or_default().push(name);
    }
    for (app, names) in &applied {
        if let Some(last) = last_migration(names.iter().map(String::as_str)) {
            project.add_migration(app, last);
        }
    }
    project.taken.extend(taken.iter().map(|row| row.text("name").to_owned()));
    project.extensions.extend(extensions.iter().map(|row| row.text("name").to_owned()));
    Ok(project)
}

/// Why the content types are not known, as a clause.
fn why(error: &Error) -> String {
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_TABLE => "this database has no django_content_type".to_owned(),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "this role may not read django_content_type".to_owned()
        }
        _ => format!("django_content_type could not be read: {}", sentence(error)),
    }
}
