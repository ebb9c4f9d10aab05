//! Reads what the database says of the Django project: content types, applied migrations, names that are taken.

use std::collections::BTreeMap;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::session::{Answer, Lost, Parameter, Query, Session, sentence};
use crate::django::{Project, last_migration};
use crate::quote::quote_ident_always;
use crate::sample::{Row, RowSet};

/// Where the role's path finds Django's own tables; $1 is the path.
const TABLES: &str = "select distinct on (c.relname)
    c.relname::text as name,
    n.nspname::text as schema
from pg_catalog.jsonb_array_elements_text($1::jsonb) with ordinality as p (schema, place)
join pg_catalog.pg_namespace as n on n.nspname = case p.schema when '$user' then current_user::text else p.schema end
join pg_catalog.pg_class as c on c.relnamespace = n.oid
where c.relname in ('django_migrations', 'django_content_type')
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
order by c.relname, p.place";

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

/// Reads the project; where the content types cannot be read, [`Project::unread`] says why, what else cannot be is left
/// empty.
pub async fn project(session: &mut Session) -> Result<Project, Lost> {
    let mut project = Project::default();
    let tables = known(session.one(Query::new(TABLES).with(Parameter::Text(session.path.json()))).await?);
    let mut read = async |table: &str| -> Result<Result<RowSet, String>, Lost> {
        let Some(row) = tables.iter().find(|row| row.text("name") == table) else {
            return Ok(Err(format!("this database has no {table}")));
        };
        let answer = session.one(Query::new(read_statement(table, row.text("schema")))).await?;
        Ok(answer.map(Answer::into_rows).map_err(|error| why(&error)))
    };
    let content_types = read("django_content_type").await?;
    let migrations = read("django_migrations").await?;
    let mut others = session.pipeline(&[TAKEN, EXTENSIONS].map(Query::new)).await?.into_iter().map(known);
    let [taken, extensions] = std::array::from_fn(|_| others.next().unwrap_or_else(|| Answer::default().into_rows()));
    let content_types = content_types.unwrap_or_else(|why| {
        project.unread = Some(why);
        Answer::default().into_rows()
    });
    let migrations = migrations.unwrap_or_else(|_unread| Answer::default().into_rows());
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
            "this role may not read django_content_type".to_owned()
        }
        _ => format!("django_content_type could not be read: {}", sentence(error)),
    }
}
