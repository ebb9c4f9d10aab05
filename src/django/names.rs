//! Apps, models and fields from the database: `django_content_type`, `django_migrations`, and Django's naming rules.

use std::collections::BTreeMap;

use crate::catalog::Table;

/// How sure it is that a name is the project's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// A content type of this app and model has this table as its default one.
    Certain,
    /// The table is named as Django names tables, and the app has migrations, but no content type says so.
    Likely,
    /// No model can be told: only the SQL is of use.
    Unknown,
}

impl Certainty {
    /// Returns it as a clause for a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Certain => "the model is named by django_content_type",
            Self::Likely => "the model is guessed from the table's name",
            Self::Unknown => "no model was found for the table",
        }
    }
}

/// The model that owns a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The app's label.
    pub app: String,
    /// The model's name in lower case, as migrations have it.
    pub model: String,
    /// How sure this is.
    pub certainty: Certainty,
}

/// What the database says of the project's apps and models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// App label and model name of each content type.
    pub models: Vec<(String, String)>,
    /// The last applied migration of each app.
    pub last_migration: BTreeMap<String, String>,
}

impl Names {
    /// Returns the model that owns a table; `None` where there is none that could declare an index.
    ///
    /// The table of a many-to-many field has no model of its own to declare one in.
    /// Source: `django.db.models.options.Options.contribute_to_class`, `db_table` is `app_label` and `model_name`.
    pub fn owner(&self, table: &str) -> Option<Owner> {
        if let Some((app, model)) = self.models.iter().find(|(app, model)| is_table_of(table, app, model)) {
            return Some(Owner { app: app.clone(), model: model.clone(), certainty: Certainty::Certain });
        }
        let is_many_to_many = self.models.iter().any(|(app, model)| {
            table
                .strip_prefix(app.as_str())
                .and_then(|rest| rest.strip_prefix('_'))
                .is_some_and(|rest| rest.starts_with(&format!("{model}_")))
        });
        if is_many_to_many {
            return None;
        }
        let apps = self.last_migration.keys();
        let (app, model) = apps
            .filter_map(|app| Some((app, table.strip_prefix(app.as_str())?.strip_prefix('_')?)))
            .filter(|(_, model)| !model.is_empty())
            .max_by_key(|(app, _)| app.len())?;
        Some(Owner { app: app.clone(), model: model.replace('_', ""), certainty: Certainty::Likely })
    }
}

fn is_table_of(table: &str, app: &str, model: &str) -> bool {
    table.strip_prefix(app).and_then(|rest| rest.strip_prefix('_')) == Some(model)
}

/// Returns the field of a column: without `_id` where a foreign key leaves from it.
///
/// Source: `django.db.models.ForeignKey.get_attname`. A field with its own `db_column` cannot be told.
pub(crate) fn field<'a>(table: &Table, column: &'a str) -> &'a str {
    let is_relation =
        table.foreign_keys.iter().any(|key| key.columns.len() == 1 && key.columns.iter().any(|name| name == column));
    match column.strip_suffix("_id") {
        Some(field) if is_relation && !field.is_empty() => field,
        _ => column,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            models: vec![("shop".into(), "order".into()), ("shop_extra".into(), "note".into())],
            last_migration: [("shop".to_owned(), "0003_x".to_owned()), ("blog".to_owned(), "0001_initial".to_owned())]
                .into(),
        }
    }

    #[test]
    fn a_content_type_is_certain_and_a_prefix_is_likely() {
        let check = |table: &str, expected: Option<(&str, &str, Certainty)>| {
            let owner = names().owner(table);
            let found = owner.as_ref().map(|owner| (owner.app.as_str(), owner.model.as_str(), owner.certainty));
            assert_eq!(found, expected, "{table}");
        };
        check("shop_order", Some(("shop", "order", Certainty::Certain)));
        check("shop_extra_note", Some(("shop_extra", "note", Certainty::Certain)));
        check("blog_post", Some(("blog", "post", Certainty::Likely)));
        check("shop_order_tags", None);
        check("legacy", None);
    }
}
