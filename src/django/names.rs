//! Apps, models and fields from the database: `django_content_type`, `django_migrations`, and Django's naming rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Table;

/// How sure it is that a name is the project's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// No model can be told: only the SQL is of use.
    Unknown,
    /// A content type has nearly this name; the model then has a `db_table` of its own.
    Guessed,
    /// The table is named as Django names tables, and the app has migrations, but no content type says so.
    Likely,
    /// A content type of this app and model has this table as its default one.
    Certain,
    /// The project's source says so.
    Declared,
}

impl Certainty {
    /// Returns it as a clause for a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unknown => "no model was found for the table: the SQL stands alone",
            Self::Guessed => "the model is guessed: its name in django_content_type is near the table's",
            Self::Likely => "the model is likely: the table begins with the label of an app that has migrations",
            Self::Certain => "the model is certain: django_content_type has it, with this as its default table",
            Self::Declared => "the model is the project's own: its source declares the table",
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
    /// The many-to-many field whose table it is: then there is no `Meta` to declare an index in.
    pub through: Option<String>,
    /// How sure this is.
    pub certainty: Certainty,
}

impl Owner {
    /// Returns `shop.order`, the model's `_meta.label_lower`; `shop.order.tags` for the table of a many-to-many field.
    pub fn label(&self) -> String {
        let through = self.through.as_ref().map(|field| format!(".{field}")).unwrap_or_default();
        format!("{}.{}{through}", self.app, self.model)
    }

    /// Says whether the app comes with Django: its migrations are not the project's to write.
    ///
    /// Source: `django/contrib`, the apps that have models.
    pub fn is_of_django(&self) -> bool {
        matches!(
            self.app.as_str(),
            "admin" | "auth" | "contenttypes" | "flatpages" | "redirects" | "sessions" | "sites"
        )
    }
}

/// A model as the project's source declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// The app's label.
    pub app: String,
    /// The model's name in lower case.
    pub model: String,
    /// The field of each column.
    pub fields: BTreeMap<String, String>,
}

/// What is known of the project: from its database, and from its source where that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// App label and model name of each content type.
    pub models: Vec<(String, String)>,
    /// The last applied migration of each app; [`last_migration`] chooses it.
    pub last_migration: BTreeMap<String, String>,
    /// Models by table, where the project's source was read.
    pub declared: BTreeMap<String, Declared>,
    /// Names of relations that an index must not take.
    pub taken: BTreeSet<String>,
    /// Extensions that are installed in the database.
    pub extensions: BTreeSet<String>,
}

/// Longest identifier of PostgreSQL, bytes; Django cuts a longer table name and ends it with a hash of 4 digits.
///
/// Source: `django.db.backends.utils.truncate_name`.
const LONGEST_TABLE: usize = 63;

impl Names {
    /// Returns the model that owns a table.
    ///
    /// Source: `django.db.models.options.Options.contribute_to_class`, `db_table` is `app_label` and `model_name`.
    pub fn owner(&self, table: &str) -> Option<Owner> {
        // These names become code and paths: what is no identifier is no model of Django's.
        self.any_owner(table).filter(|owner| {
            let is_identifier = |name: &String| {
                name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
                    && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
            };
            is_identifier(&owner.app) && is_identifier(&owner.model) && owner.through.as_ref().is_none_or(is_identifier)
        })
    }

    fn any_owner(&self, table: &str) -> Option<Owner> {
        let owner = |app: &str, model: &str, through: Option<&str>, certainty| Owner {
            app: app.to_owned(),
            model: model.to_owned(),
            through: through.map(str::to_owned),
            certainty,
        };
        if let Some(declared) = self.declared.get(table) {
            return Some(owner(&declared.app, &declared.model, None, Certainty::Declared));
        }
        if let Some((app, model)) = self.models.iter().find(|(app, model)| is_default_table(table, app, model)) {
            return Some(owner(app, model, None, Certainty::Certain));
        }
        let many_to_many = self.models.iter().find_map(|(app, model)| {
            let field = table.strip_prefix(app.as_str())?.strip_prefix('_')?.strip_prefix(model.as_str())?;
            let field = field.strip_prefix('_').filter(|field| !field.is_empty())?;
            Some(owner(app, model, Some(field), Certainty::Certain))
        });
        many_to_many.or_else(|| self.likely(table)).or_else(|| self.guessed(table))
    }

    /// Takes note of an index that will be there: its name, what its migration installs, and the migration.
    pub(super) fn will_have(&mut self, index: &str, extensions: &[&str], migration: Option<(&str, &str)>) {
        self.taken.insert(index.to_owned());
        self.extensions.extend(extensions.iter().map(|name| (*name).to_owned()));
        if let Some((app, name)) = migration {
            self.last_migration.insert(app.to_owned(), name.to_owned());
        }
    }

    fn likely(&self, table: &str) -> Option<Owner> {
        let apps = self.last_migration.keys();
        let (app, model) = apps
            .filter_map(|app| Some((app, table.strip_prefix(app.as_str())?.strip_prefix('_')?)))
            .filter(|(_, model)| !model.is_empty() && !model.contains('_'))
            .max_by_key(|(app, _)| app.len())?;
        Some(Owner { app: app.clone(), model: model.to_lowercase(), through: None, certainty: Certainty::Likely })
    }

    /// The one content type whose name is the table's, but for case, underscores and a plural's s.
    fn guessed(&self, table: &str) -> Option<Owner> {
        let squeezed: String = table.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let is_near = |(app, model): &&(String, String)| {
            let long = format!("{}{model}", app.replace('_', "").to_lowercase());
            [model.clone(), format!("{model}s"), long.clone(), format!("{long}s")].contains(&squeezed)
        };
        let mut near = self.models.iter().filter(is_near);
        let (app, model) = near.next().filter(|_| near.next().is_none())?;
        Some(Owner { app: app.clone(), model: model.clone(), through: None, certainty: Certainty::Guessed })
    }

    /// Returns the field of a column: without `_id` where a foreign key leaves from it.
    ///
    /// Source: `django.db.models.ForeignKey.get_attname`; for a column that cannot be a field's name,
    /// `django.core.management.commands.inspectdb.Command.normalize_col_name`. [`Names::is_field_sure`] tells the two
    /// apart. Django takes `store_id` for `store` too, so that a missing constraint does no harm.
    pub fn field(&self, table: &Table, column: &str) -> String {
        if let Some(field) = self.declared.get(&table.name).and_then(|declared| declared.fields.get(column)) {
            return field.clone();
        }
        let is_relation = table.foreign_keys.iter().any(|key| key.columns == [column]);
        let name = match column.strip_suffix("_id") {
            Some(field) if is_relation && !field.is_empty() => field,
            _ => column,
        };
        if is_field_name(name) { name.to_owned() } else { normalised(name) }
    }

    /// Says whether a field's name follows from its column; it does not where the column has letters no field has.
    pub fn is_field_sure(&self, table: &Table, column: &str) -> bool {
        let is_declared = self.declared.get(&table.name).is_some_and(|declared| declared.fields.contains_key(column));
        is_declared || is_field_name(column)
    }

    /// Says whether an extension is installed.
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.contains(name)
    }
}

fn is_default_table(table: &str, app: &str, model: &str) -> bool {
    let name = format!("{app}_{model}");
    if name.len() <= LONGEST_TABLE {
        return table == name;
    }
    table.len() == LONGEST_TABLE && name.get(..LONGEST_TABLE - 4).is_some_and(|head| table.starts_with(head))
}

/// Says whether a name can be a field's as it is; people write them in lower case, so a capital means `db_column`.
///
/// Source: `django.db.models.Field._check_field_name` (fields.E001, E002).
fn is_field_name(name: &str) -> bool {
    let starts_well = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    let is_word = name.chars().all(|letter| letter == '_' || letter.is_alphanumeric() && !letter.is_uppercase());
    starts_well && is_word && !name.ends_with('_') && !name.contains("__") && !is_keyword(name)
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = " false none true and as assert async await break class continue def del elif else except \
        finally for from global if import in is lambda nonlocal not or pass raise return try while with yield ";
    KEYWORDS.contains(&format!(" {name} "))
}

fn normalised(column: &str) -> String {
    let lower = column.to_lowercase();
    let letters: String = lower.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
    let words: Vec<&str> = letters.split('_').filter(|word| !word.is_empty()).collect();
    let mut name = words.join("_");
    if letters.starts_with('_') {
        name.insert_str(0, "field_");
    }
    if letters.ends_with('_') || is_keyword(&name) {
        name.push_str("_field");
    }
    if name.starts_with(|letter: char| letter.is_numeric()) { format!("number_{name}") } else { name }
}

/// Returns which of an app's applied migrations a new one depends on: the one with the highest number, and of those the
/// one applied last. `applied` is in the order they were applied.
///
/// A squashed migration (`0001_squashed_0007_x`) stands where its last one stood, and outlives it.
/// Source: `django.db.migrations.writer`, names are `NNNN_words`.
pub fn last_migration<'a>(applied: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let number = |text: &str| text.split('_').next().and_then(|digits| digits.parse::<u32>().ok());
    let place = |name: &str| match name.split_once("_squashed_") {
        Some((first, last)) => (number(last).or_else(|| number(first)), true),
        None => (number(name), false),
    };
    applied.into_iter().max_by_key(|name| place(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ForeignKey;

    fn names() -> Names {
        let migration = |app: &str, name: &str| (app.to_owned(), name.to_owned());
        Names {
            models: [("shop", "order"), ("shop_extra", "note"), ("legacy", "customer"), ("app", &"m".repeat(70))]
                .map(|(app, model)| (app.to_owned(), model.to_owned()))
                .into(),
            last_migration: [migration("shop", "0003_x"), migration("blog", "0001_initial")].into(),
            ..Names::default()
        }
    }

    #[test]
    fn a_content_type_is_certain_a_prefix_is_likely_and_a_near_name_a_guess() {
        let check = |table: &str, expected: Option<(&str, Certainty)>| {
            let owner = names().owner(table);
            let found = owner.as_ref().map(|owner| (owner.label(), owner.certainty));
            assert_eq!(found, expected.map(|(label, certainty)| (label.to_owned(), certainty)), "{table}");
        };
        check("shop_order", Some(("shop.order", Certainty::Certain)));
        check("shop_extra_note", Some(("shop_extra.note", Certainty::Certain)));
        check("shop_order_tags", Some(("shop.order.tags", Certainty::Certain)));
        check("blog_post", Some(("blog.post", Certainty::Likely)));
        check("Customers", Some(("legacy.customer", Certainty::Guessed)));
        check(&format!("app_{}1f3a", "m".repeat(55)), Some((&format!("app.{}", "m".repeat(70)), Certainty::Certain)));
        check("blog_post_tags", None);
        check("ledger", None);
    }

    #[test]
    fn a_column_gives_its_field() {
        let key = ForeignKey { columns: vec!["store_id".into()], ..ForeignKey::default() };
        let table = Table { name: "shop_order".into(), foreign_keys: vec![key], ..Table::default() };
        for (column, field, is_sure) in [
            ("store_id", "store", true),
            ("user_id", "user_id", true),
            ("status", "status", true),
            ("Kunden Nr.", "kunden_nr_field", false),
            ("class", "class_field", false),
            ("2nd", "number_2nd", false),
        ] {
            assert_eq!(names().field(&table, column), field);
            assert_eq!(names().is_field_sure(&table, column), is_sure, "{column}");
        }
    }

    #[test]
    fn a_new_migration_depends_on_the_one_with_the_highest_number() {
        for (applied, expected) in [
            (&["0001_initial", "0003_b", "0002_a"][..], Some("0003_b")),
            (&["0001_initial", "0002_a", "0002_b"], Some("0002_b")),
            (&["0001_initial", "0007_x", "0001_squashed_0007_x"], Some("0001_squashed_0007_x")),
            (&["0001_squashed_0007_x", "0008_y"], Some("0008_y")),
            (&["start"], Some("start")),
            (&[], None),
        ] {
            assert_eq!(last_migration(applied.iter().copied()), expected);
        }
    }
}
