//! Reads what the database says of the Django project: content types, applied migrations, names that are taken.

use std::collections::BTreeMap;

use super::session::{Answer, Lost, Query, Session};
use crate::django::{Names, last_migration};

/// Django's own tables, wherever the search path finds them; a role that may not read them learns of no model.
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

/// Reads the names of the project; what cannot be read (no Django here, no right to read) is left empty.
pub async fn names(session: &mut Session) -> Result<Names, Lost> {
    let questions = [CONTENT_TYPES, MIGRATIONS, TAKEN, EXTENSIONS].map(Query::new);
    let mut tables = session.pipeline(&questions).await?.into_iter().map(|answer| match answer {
        Ok(answer) => answer.into_rows(),
        Err(error) => {
            tracing::debug!(%error, "a name of the project cannot be read");
            Answer::default().into_rows()
        }
    });
    let mut next = || tables.next().unwrap_or_else(|| Answer::default().into_rows());
    let (content_types, migrations, taken, extensions) = (next(), next(), next(), next());
    let pair = |row: crate::sample::Row<'_>| (row.text("app").to_owned(), row.text("name").to_owned());
    let mut applied: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (app, name) in migrations.iter().map(pair) {
        applied.entry(app).or_default().push(name);
    }
    let last = |(app, names): (String, Vec<String>)| {
        last_migration(names.iter().map(String::as_str)).map(|name| (app, name.to_owned()))
    };
    Ok(Names {
        models: content_types.iter().map(pair).collect(),
        last_migration: applied.into_iter().filter_map(last).collect(),
        taken: taken.iter().map(|row| row.text("name").to_owned()).collect(),
        extensions: extensions.iter().map(|row| row.text("name").to_owned()).collect(),
        ..Names::default()
    })
}
