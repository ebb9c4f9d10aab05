//! Which model a table belongs to, what in Django an index comes from, and the code that removes it.
//!
//! By names alone: a project's own source, where it can be read, says more.
//! Source: `BaseDatabaseSchemaEditor._create_index_name()`, `Index.set_name_with_model()`, Django 4.2 to 5.2.

use std::collections::HashSet;

use super::index_usage::IndexUsage;
use crate::sample::Snapshot;

/// Tables of Django's own apps that do not have the default name: table, app, model.
///
/// Source: `db_table` in `django/contrib/*/models.py`, Django 4.2 to 5.2.
const OF_DJANGO: [(&str, &str, &str); 5] = [
    ("django_session", "sessions", "session"),
    ("django_admin_log", "admin", "logentry"),
    ("django_content_type", "contenttypes", "contenttype"),
    ("django_site", "sites", "site"),
    ("django_flatpage", "flatpages", "flatpage"),
];

/// The models that `django_content_type` names, as the names of their default tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Models {
    known: HashSet<(String, String)>,
}

/// The model of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The app's label.
    pub app: String,
    /// The model's name in lower case, as content types and migrations have it.
    pub model: String,
    /// The many-to-many field whose table it is, where it is one.
    pub through: Option<String>,
}

impl Model {
    /// Returns `shop.order`, which is the model's `_meta.label_lower`; `shop.order.tags` for a many-to-many table.
    pub fn label(&self) -> String {
        match &self.through {
            Some(field) => format!("{}.{}.{field}", self.app, self.model),
            None => format!("{}.{}", self.app, self.model),
        }
    }
}

impl Models {
    /// Returns the models of a snapshot; none where there is no Django or it could not be read.
    pub fn of(snapshot: &Snapshot) -> Self {
        let known = snapshot.rows("content_types").map(|rows| {
            rows.iter().map(|row| (row.text("app_label").to_owned(), row.text("model").to_owned())).collect()
        });
        Self { known: known.unwrap_or_default() }
    }

    /// Returns the model of a table by its default name, `app_model`, or the many-to-many field, `app_model_field`.
    pub fn of_table(&self, table: &str) -> Option<Model> {
        let own = OF_DJANGO.iter().find(|(own, app, model)| *own == table && self.has(app, model));
        if let Some((_, app, model)) = own {
            return Some(Model { app: (*app).to_owned(), model: (*model).to_owned(), through: None });
        }
        let exact = splits(table).find(|(app, model)| self.has(app, model));
        if let Some((app, model)) = exact {
            return Some(Model { app: app.to_owned(), model: model.to_owned(), through: None });
        }
        splits(table).find_map(|(app, rest)| {
            let (model, field) = splits(rest).find(|(model, _)| self.has(app, model))?;
            Some(Model { app: app.to_owned(), model: model.to_owned(), through: Some(field.to_owned()) })
        })
    }

    fn has(&self, app: &str, model: &str) -> bool {
        self.known.contains(&(app.to_owned(), model.to_owned()))
    }
}

/// Every way to cut a name in two at an underscore; neither part is empty.
fn splits(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.match_indices('_').filter_map(|(at, _)| {
        let (head, tail) = (name.get(..at)?, name.get(at + 1..)?);
        (!head.is_empty() && !tail.is_empty()).then_some((head, tail))
    })
}

/// What in Django an index comes from, as far as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The model's primary key.
    PrimaryKey,
    /// `unique=True`, `unique_together` or a `UniqueConstraint`.
    Unique,
    /// `db_index=True` on a field, which a `ForeignKey` has by itself.
    Field {
        /// The column.
        column: String,
    },
    /// The `varchar_pattern_ops` companion Django makes for an indexed text field, for `LIKE 'x%'`.
    Pattern {
        /// The column.
        column: String,
    },
    /// `Meta.indexes`, with the name Django made up.
    MetaIndex,
    /// `Meta.index_together`, gone since 5.1.
    IndexTogether,
    /// `Meta.indexes` with a name of its own, or an index made by hand: the name does not tell.
    Named,
}

impl Origin {
    /// Returns what an index comes from, by what hangs on it and by its name.
    pub fn of(index: &IndexUsage) -> Self {
        if index.is_primary {
            return Self::PrimaryKey;
        }
        if index.is_unique {
            return Self::Unique;
        }
        let name = index.name.as_str();
        let mut columns = index.key_names();
        let only = columns.next().filter(|column| !column.is_empty() && index.key_columns.len() == 1);
        if let (Some(column), Some(stem)) = (only, name.strip_suffix("_like"))
            && ends_with_hash(stem, 8)
        {
            return Self::Pattern { column: column.to_owned() };
        }
        if let Some(stem) = name.strip_suffix("_idx") {
            if ends_with_hash(stem, 8) {
                return Self::IndexTogether;
            }
            if ends_with_hash(stem, 6) {
                return Self::MetaIndex;
            }
        }
        match only {
            Some(column) if ends_with_hash(name, 8) => Self::Field { column: column.to_owned() },
            _ => Self::Named,
        }
    }

    /// Returns in words where in the models the index comes from.
    pub fn words(&self) -> String {
        match self {
            Self::PrimaryKey => "the model's primary key".to_owned(),
            Self::Unique => "unique=True, unique_together or a UniqueConstraint".to_owned(),
            Self::Field { column } if column.ends_with("_id") => {
                format!("the ForeignKey (or db_index=True) of column {column}")
            }
            Self::Field { column } => format!("db_index=True of column {column}"),
            Self::Pattern { column } => {
                format!("the LIKE companion Django makes for db_index=True or unique=True of column {column}")
            }
            Self::MetaIndex => "Meta.indexes, with a name Django made up".to_owned(),
            Self::IndexTogether => "Meta.index_together".to_owned(),
            Self::Named => "Meta.indexes with a name of its own, or made by hand".to_owned(),
        }
    }
}

/// Whether a name ends with an underscore and this many hexadecimal digits.
fn ends_with_hash(name: &str, digits: usize) -> bool {
    let Some((_, hash)) = name.rsplit_once('_') else { return false };
    hash.len() == digits && hash.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f'))
}

/// Returns the code that removes an index from the model it belongs to, as a migration with what to change beside it.
///
/// `None` for the index of a primary key or a unique constraint, and for a table that belongs to no known model: there
/// [`IndexUsage::drop_statement`] is what is left.
pub fn removal(index: &IndexUsage, models: &Models) -> Option<String> {
    let model = models.of_table(&index.table)?;
    let name = python_text(&index.name);
    match Origin::of(index) {
        Origin::PrimaryKey | Origin::Unique => None,
        Origin::Field { column } => {
            let field = column.strip_suffix("_id").unwrap_or(&column);
            Some(by_sql(
                &model,
                index,
                &format!(
                    "# {}: give the field {field} db_index=False, run makemigrations,\n# and replace its AlterField by this, which does not stop writes:",
                    model.label()
                ),
                Some(field),
            ))
        }
        Origin::Pattern { column } => Some(by_sql(
            &model,
            index,
            &format!("# Django makes this with the index of {column} and does not make it again:"),
            None,
        )),
        Origin::MetaIndex | Origin::IndexTogether | Origin::Named if model.through.is_none() => Some(format!(
            "# {label}: delete the index from Meta.indexes; one made by hand is not there: use RunSQL then.\n\
             from django.contrib.postgres.operations import RemoveIndexConcurrently\n\
             from django.db import migrations\n\n\n\
             class Migration(migrations.Migration):\n    \
                 atomic = False\n    \
                 dependencies = [(\"{app}\", \"...\")]\n    \
                 operations = [\n        \
                     RemoveIndexConcurrently(model_name=\"{model}\", name={name}),\n    \
                 ]\n",
            label = model.label(),
            app = model.app,
            model = model.model,
        )),
        Origin::MetaIndex | Origin::IndexTogether | Origin::Named => {
            Some(by_sql(&model, index, "# A many-to-many table has no Meta of its own:", None))
        }
    }
}

fn by_sql(model: &Model, index: &IndexUsage, note: &str, field: Option<&str>) -> String {
    let sql = python_text(index.drop_statement().trim_end_matches(';'));
    let state = field.map_or_else(String::new, |field| {
        format!(
            "\n            # state_operations=[migrations.AlterField(\"{}\", \"{field}\", ...)],  # from makemigrations",
            model.model
        )
    });
    format!(
        "{note}\nfrom django.db import migrations\n\n\n\
         class Migration(migrations.Migration):\n    \
             atomic = False\n    \
             dependencies = [(\"{app}\", \"...\")]\n    \
             operations = [\n        \
                 migrations.RunSQL(\n            \
                     {sql},\n            \
                     migrations.RunSQL.noop,{state}\n        \
                 ),\n    \
             ]\n",
        app = model.app,
    )
}

fn python_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{With as _, row, snapshot};

    fn models() -> Models {
        Models::of(&snapshot().with(
            "content_types",
            vec![
                row! { app_label: "shop", model: "order" },
                row! { app_label: "shop", model: "orderitem" },
                row! { app_label: "big_shop", model: "order" },
            ],
        ))
    }

    fn index(name: &str, columns: &[&str]) -> IndexUsage {
        IndexUsage {
            schema: "public".into(),
            table: "shop_order".into(),
            name: name.into(),
            key_columns: (1..).take(columns.len()).collect(),
            column_names: columns.iter().map(|name| (*name).to_owned()).collect(),
            is_valid: true,
            ..IndexUsage::default()
        }
    }

    #[test]
    fn a_table_names_its_model() {
        let models = models();
        for (table, label) in [
            ("shop_order", Some("shop.order")),
            ("shop_orderitem", Some("shop.orderitem")),
            ("big_shop_order", Some("big_shop.order")),
            ("shop_order_tags", Some("shop.order.tags")),
            ("legacy", None),
            ("other_order", None),
        ] {
            assert_eq!(models.of_table(table).map(|model| model.label()).as_deref(), label, "{table}");
        }
        assert_eq!(Models::default().of_table("shop_order"), None);
    }

    #[test]
    fn the_name_of_an_index_tells_its_origin() {
        let customer = "customer_id".to_owned();
        let cases = [
            (index("shop_order_customer_id_9da9e4a3", &["customer_id"]), Origin::Field { column: customer }),
            (
                index("shop_order_reference_0a1b2c3d_like", &["reference"]),
                Origin::Pattern { column: "reference".into() },
            ),
            (index("shop_order_status_1a2b3c_idx", &["status"]), Origin::MetaIndex),
            (index("shop_order_status_store_1a2b3c4d_idx", &["status", "store_id"]), Origin::IndexTogether),
            (index("order_recent", &["created_at"]), Origin::Named),
            (index("order_deadbeef", &["a", "b"]), Origin::Named),
            (IndexUsage { is_unique: true, ..index("x", &["a"]) }, Origin::Unique),
            (IndexUsage { is_unique: true, is_primary: true, ..index("x", &["a"]) }, Origin::PrimaryKey),
        ];
        for (index, origin) in cases {
            assert_eq!(Origin::of(&index), origin, "{}", index.name);
        }
    }

    #[test]
    fn removal_is_a_migration_that_does_not_stop_writes() {
        let models = models();
        let meta = removal(&index("shop_order_status_1a2b3c_idx", &["status"]), &models).unwrap();
        assert!(meta.contains("atomic = False\n    dependencies"), "{meta}");
        assert!(
            meta.contains(
                "\n        RemoveIndexConcurrently(model_name=\"order\", name=\"shop_order_status_1a2b3c_idx\"),\n    ]"
            ),
            "{meta}"
        );
        let field = removal(&index("shop_order_customer_id_9da9e4a3", &["customer_id"]), &models).unwrap();
        assert!(field.contains("db_index=False") && field.contains("field customer "), "{field}");
        assert!(
            field.contains(
                "\"DROP INDEX CONCURRENTLY public.shop_order_customer_id_9da9e4a3\",\n            migrations"
            ),
            "{field}"
        );
        assert!(removal(&IndexUsage { is_unique: true, ..index("u", &["a"]) }, &models).is_none());
        assert!(removal(&IndexUsage { table: "legacy".into(), ..index("u", &["a"]) }, &models).is_none());
    }
}
