//! Reads what the database says of the Django project: content types, applied migrations, names that are taken.

use std::collections::BTreeMap;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::django_tables;
use super::session::{Answer, Lost, Query, Session, sentence};
use crate::django::{Project, last_migration};
use crate::quote::quote_ident_always;
use crate::sample::{Row, RowSet};

/// Returns the statement that reads one of them; a role that may not is told so.
fn read_statement(table: &str, schema: &str) -> String {
    let from = format!("from only {}.{}", quote_ident_always(schema), quote_ident_always(table));
    match table {
        "django_content_type" => {
            format!("select t.app_label as app, t.model as name {from} as t order by t.app_label, t.model limit 5000")
        }
        // In the order in which they were applied.
        _ => format!("select m.app as app, m.name as name {from} as m order by m.id limit 20000"),
    }
}

/// Names of relations share one space in a schema.
const TAKEN: &str = "select c.relname::text as name from pg_catalog.pg_class as c \
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
    where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p', 'i', 'I', 'v', 'm', 'S', 'f') \
    order by c.relname limit 100000";

const EXTENSIONS: &str =
    "select e.extname::text as name from pg_catalog.pg_extension as e order by e.extname limit 500";

/// The rows that a [`Project`] is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parts {
    /// The rows of each part that could be read, by its name.
    pub rows: BTreeMap<String, RowSet>,
    /// Why the content types are not known, as a clause.
    pub unread: Option<String>,
}

/// Reads the project; where the content types cannot be read, [`Project::unread`] says why, what else cannot be is left
/// empty.
pub async fn project(session: &mut Session) -> Result<Project, Lost> {
    Ok(read_parts(session).await?.project())
}

/// Reads the rows that the project is made of.
pub async fn read_parts(session: &mut Session) -> Result<Parts, Lost> {
    let mut parts = Parts::default();
    let question = django_tables::question(&session.path);
    let tables = django_tables::relations(&known(session.one(question).await?));
    for (part, table) in [("content types", "django_content_type"), ("migrations", "django_migrations")] {
        let refusal = tables
            .get(table)
            .map_or_else(|| Some(format!("this database has no {table}")), |relation| relation.refusal(table));
        let schema = tables.get(table).map(|relation| relation.schema.as_str()).unwrap_or_default();
        let read = if let Some(why) = refusal {
            Err(why)
        } else {
            let answer = session.one(Query::new(read_statement(table, schema))).await?;
            answer.map(Answer::into_rows).map_err(|error| why(&error))
        };
        match read {
            Ok(rows) => drop(parts.rows.insert(part.to_owned(), rows)),
            Err(why) if table == "django_content_type" => parts.unread = Some(why),
            Err(why) => tracing::debug!(%why, "a part of the project cannot be read"),
        }
    }
    let others = session.pipeline(&[TAKEN, EXTENSIONS].map(Query::new)).await?;
    for (part, answer) in ["taken", "extensions"].into_iter().zip(others) {
        parts.rows.insert(part.to_owned(), known(answer));
    }
    Ok(parts)
}

impl Parts {
    /// Returns what the rows say.
    pub fn project(&self) -> Project {
        let rows = |part: &str| self.rows.get(part).into_iter().flat_map(RowSet::iter);
        let pair = |row: Row<'_>| (row.text("app").to_owned(), row.text("name").to_owned());
        let name = |row: Row<'_>| row.text("name").to_owned();
        let mut project = Project::default();
        project.unread.clone_from(&self.unread);
        for (app, model) in rows("content types").map(pair) {
            project.add_model(&app, &model);
        }
        let mut applied: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (app, name) in rows("migrations").map(pair) {
            applied.entry(app).or_default().push(name);
        }
        for (app, names) in &applied {
            if let Some(last) = last_migration(names.iter().map(String::as_str)) {
                project.add_migration(app, last);
            }
        }
        project.taken.extend(rows("taken").map(name));
        project.extensions.extend(rows("extensions").map(name));
        project
    }
}

fn known(answer: Result<Answer, Error>) -> RowSet {
    match answer {
        Ok(answer) => answer.into_rows(),
        Err(error) => {
            tracing::debug!(%error, "a part of the project cannot be read");
            Answer::default().into_rows()
        }
    }
}

/// Why the content types are not known, as a clause.
fn why(error: &Error) -> String {
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_TABLE => "this database has no django_content_type".to_owned(),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            format!("this role may not read django_content_type: {}", sentence(error))
        }
        _ => format!("django_content_type could not be read: {}", sentence(error)),
    }
}
