//! Reads what the database says of the Django project: content types, applied migrations, names that are taken.

use std::collections::BTreeMap;

use tokio_postgres::Error;

use super::django_tables;
use super::own::{Own, Sql};
use super::probes::{Probe, content_types, migrations};
use super::session::{Answer, Lost, NotCopied, Query, Session, sentence};
use crate::django::{Project, last_migration};
use crate::sample::{Row, RowSet, ServerFacts, Value};

/// When the project is read.
const WHEN: &str = "each time pgdj looks for indexes: after you explain a statement or open a plan";

/// Names of relations share one space in a schema.
pub(super) static TAKEN: Own = Own {
    name: "project: names in use",
    reads: "The names of the tables, indexes, views and sequences of this database, so that a new index gets an \
        unused name; and which of them are materialized views, because no Django model uses one as its table.",
    when: WHEN,
    holes: &[],
    sql: "select c.relname::text as name, c.relkind = 'm' as is_materialized_view
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and c.relkind in ('r', 'p', 'i', 'I', 'v', 'm', 'S', 'f')
order by c.relname
limit 100000",
};

pub(super) static EXTENSIONS: Own = Own {
    name: "project: extensions",
    reads: "The names of the extensions of this database.",
    when: WHEN,
    holes: &[],
    sql: "select e.extname::text as name from pg_catalog.pg_extension as e order by e.extname limit 500",
};

/// The rows that a [`Project`] is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProjectRows {
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
pub(crate) async fn read_parts(session: &mut Session) -> Result<ProjectRows, Lost> {
    let mut parts = ProjectRows::default();
    let question = django_tables::question(&session.path);
    let tables = django_tables::relations(&known(session.one(question).await?));
    let facts = ServerFacts { django: tables, ..ServerFacts::default() };
    for (part, probe) in [("content types", &content_types::PROBE), ("migrations", &migrations::PROBE)] {
        match read(session, probe, &facts).await? {
            Ok(rows) => drop(parts.rows.insert(part.to_owned(), rows)),
            Err(why) if part == "content types" => parts.unread = Some(why),
            Err(why) => tracing::debug!(%why, "a part of the project cannot be read"),
        }
    }
    let others = session.pipeline(&[&TAKEN, &EXTENSIONS].map(|own| Query::new(own.sql()))).await?;
    for (part, answer) in ["taken", "extensions"].into_iter().zip(others) {
        parts.rows.insert(part.to_owned(), known(answer));
    }
    Ok(parts)
}

impl ProjectRows {
    /// Returns what the rows say.
    pub fn project(&self) -> Project {
        let rows = |part: &str| self.rows.get(part).into_iter().flat_map(RowSet::iter);
        // Older recordings have the models under `app` and `name` too.
        let either = |row: &Row<'_>, name: &str, older: &str| {
            let text = row.text(name);
            if text.is_empty() { row.text(older).to_owned() } else { text.to_owned() }
        };
        let model = |row: Row<'_>| (either(&row, "app_label", "app"), either(&row, "model", "name"));
        let migration = |row: Row<'_>| (row.text("app").to_owned(), row.text("name").to_owned());
        let name = |row: Row<'_>| row.text("name").to_owned();
        let mut project = Project::default();
        project.unread.clone_from(&self.unread);
        for (app, model) in rows("content types").map(model) {
            project.add_model(&app, &model);
        }
        let mut applied: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (app, name) in rows("migrations").map(migration) {
            applied.entry(app).or_default().push(name);
        }
        for (app, names) in &applied {
            if let Some(last) = last_migration(names.iter().map(String::as_str)) {
                project.add_migration(app, last);
            }
        }
        project.taken.extend(rows("taken").map(name));
        let views = rows("taken").filter(|row| row.flag("is_materialized_view") == Some(true));
        project.views.extend(views.map(name));
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

/// Reads one of Django's tables, or says as a clause why it is not known.
async fn read(session: &mut Session, probe: &Probe, facts: &ServerFacts) -> Result<Result<RowSet, String>, Lost> {
    let table = probe.table().unwrap_or_default();
    let Some(found) = facts.django.get(table) else { return Ok(Err(format!("this database has no {table}"))) };
    if let Some(why) = found.refusal(table) {
        return Ok(Err(why));
    }
    if found.is_denied {
        return Ok(Err(format!("this role may not read {table}")));
    }
    let query = Query::new(Sql::of_probe(probe, facts));
    let copied = session.copy(&query, probe.columns).await?;
    Ok(copied.map(|answer| in_order(answer).into_rows()).map_err(|error| match error {
        NotCopied::Server(error) => format!("{table} could not be read: {}", sentence(&error)),
        NotCopied::TooLong => format!("{table} is not read: {error}"),
    }))
}

/// Puts migrations in the order in which they were applied, and models in that of their names; COPY has none.
fn in_order(mut answer: Answer) -> Answer {
    let key = |row: &Vec<Value>| -> (i64, Vec<String>) {
        let number = row.first().and_then(Value::as_int).unwrap_or_default();
        (number, row.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    answer.rows.sort_by_cached_key(key);
    answer
}
