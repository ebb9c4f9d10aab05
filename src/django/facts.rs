//! The project as a snapshot shows it: content types, applied migrations, names that are taken, foreign keys.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::origin::{Around, IndexOrigin, Reference, is_of_unique_field};
use super::project::{Project, last_migration};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::ReferringKey;
use crate::catalog::{ForeignKey, RelationKind, Table};
use crate::sample::{Missing, RowSet, Snapshot};

impl Project {
    /// Returns what a snapshot says of the project, enough to name the owner of a table.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut project = Self { unread: unread(snapshot), ..Self::default() };
        for row in snapshot.rows("content_types").into_iter().flat_map(RowSet::iter) {
            project.add_model(row.text("app_label"), row.text("model"));
        }
        let mut applied: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in snapshot.rows("migrations").into_iter().flat_map(RowSet::iter) {
            applied.entry(row.text("app")).or_default().push(row.text("name"));
        }
        for (app, names) in applied {
            if let Some(last) = last_migration(names) {
                project.add_migration(app, last);
            }
        }
        if project.unread.is_some() {
            project.take_names(snapshot, &["tables"]);
        }
        let tables = snapshot.rows("tables").into_iter().flat_map(RowSet::iter);
        project.views.extend(tables.filter(|row| row.text("kind") == "m").map(|row| row.text("name").to_owned()));
        project
    }

    /// Returns the same with all that code depends on: the names that are taken, and the extensions.
    pub(crate) fn with_code(mut self, snapshot: &Snapshot) -> Self {
        self.take_names(snapshot, &["tables", "indexes"]);
        self.extensions.extend(snapshot.server.extensions.keys().cloned());
        self
    }

    fn take_names(&mut self, snapshot: &Snapshot, probes: &[&str]) {
        for rows in probes.iter().filter_map(|probe| snapshot.rows(probe)) {
            self.taken.extend(rows.iter().map(|row| row.text("name").to_owned()));
        }
    }
}

/// Returns the table of an index as far as code needs it: its names, its kind, the foreign keys that leave from it.
pub fn table_of(index: &IndexUsage, tables: &[TableUsage], keys: &[ReferringKey]) -> Table {
    let table = tables.iter().find(|table| table.relid == index.relid);
    let own = keys.iter().filter(|key| key.relid == index.relid);
    let foreign_key = |key: &ReferringKey| {
        let (name, columns) = (key.name.clone(), key.columns.clone());
        ForeignKey { name, columns, ..ForeignKey::default() }
    };
    Table {
        schema: index.schema.clone(),
        name: index.table.clone(),
        kind: if table.is_some_and(TableUsage::is_partitioned) {
            RelationKind::Partitioned
        } else {
            RelationKind::Plain
        },
        foreign_keys: own.map(foreign_key).collect(),
        ..Table::default()
    }
}

/// What a snapshot tells of the origin of its indexes.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// The columns that foreign keys leave from, by table.
    keys: HashSet<(i64, Vec<i64>)>,
    /// Columns that an index makes unique as `unique=True` does, by table.
    unique: HashSet<(i64, i64)>,
    /// Columns with a plain index of their own, by table.
    plain: HashSet<(i64, i64)>,
    project: Arc<Project>,
}

impl Origins {
    /// Looks at a snapshot once for all its indexes.
    pub fn by(indexes: &[IndexUsage], keys: &[ReferringKey], project: Arc<Project>) -> Self {
        let mut origins = Self { project, ..Self::default() };
        origins.keys.extend(keys.iter().map(|key| (key.relid, key.numbers.clone())));
        for index in indexes {
            let Some(column) = only_column(index) else { continue };
            if index.is_unique && is_of_unique_field(&index.name) {
                origins.unique.insert((index.relid, column));
            } else if !index.is_unique && !index.name.ends_with("_like") {
                origins.plain.insert((index.relid, column));
            }
        }
        origins
    }

    /// Returns what in the models an index of the snapshot comes from.
    pub fn origin(&self, index: &IndexUsage) -> IndexOrigin {
        let reference = match index.key_names().next() {
            _ if self.keys.contains(&(index.relid, index.key_columns.clone())) => Reference::ForeignKey,
            Some(column) if self.project.has_model_called_like(column) => Reference::NamedLikeModel,
            _ => Reference::Nothing,
        };
        let has_both = |column| {
            let place = (index.relid, column);
            self.unique.contains(&place) && self.plain.contains(&place)
        };
        IndexOrigin::of(index, Around { reference, is_unique_too: only_column(index).is_some_and(has_both) })
    }
}

/// Returns the one column of an index over all rows.
fn only_column(index: &IndexUsage) -> Option<i64> {
    match index.key_columns.as_slice() {
        [column] if *column != 0 && !index.is_partial => Some(*column),
        _ => None,
    }
}

/// Why the content types are not known; a table that cannot be read is no proof that there is no model.
fn unread(snapshot: &Snapshot) -> Option<String> {
    if snapshot.rows("content_types").is_some() {
        return None;
    }
    Some(match snapshot.section("content_types").why() {
        None | Some(Missing::NotYet) => return None,
        Some(Missing::Unsupported { .. }) => "this database has no django_content_type".to_owned(),
        Some(Missing::Denied { .. }) => "this role may not read django_content_type".to_owned(),
        Some(why) => format!("django_content_type could not be read: {why}"),
    })
}
