//! The Django project behind a database: its apps and models, the migrations that were applied, the names that are taken.
//!
//! Pure. Fed by what the database says (`django::facts` from a snapshot, `pg::django_read` from a connection), and by the
//! project's source where that was read. What could not be read is no proof of absence: [`Project::unread`] says why, and
//! the owner of a table is then guessed from its name, with a "probably".

use std::collections::{BTreeMap, BTreeSet};

use super::owner::{Certainty, Owner, is_identifier};
use crate::catalog::Table;

/// Tables of Django's own apps that do not have the default name: table, app, model.
///
/// Source: `db_table` in `django/contrib/*/models.py`, Django 4.2 to 6.1.
const OF_DJANGO: [(&str, &str, &str); 6] = [
    ("django_session", "sessions", "session"),
    ("django_admin_log", "admin", "logentry"),
    ("django_content_type", "contenttypes", "contenttype"),
    ("django_site", "sites", "site"),
    ("django_flatpage", "flatpages", "flatpage"),
    ("django_redirect", "redirects", "redirect"),
];

/// Longest identifier of PostgreSQL, bytes; Django cuts a longer table name and ends it with a hash of 4 digits.
///
/// Source: `django.db.backends.utils.truncate_name`.
const LONGEST_TABLE: usize = 63;

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

/// An app of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DjangoApp {
    /// Its models in lower case, as `django_content_type` has them.
    pub models: BTreeSet<String>,
    /// Its last applied migration; [`super::last_migration`] chooses it.
    pub last_migration: Option<String>,
}

/// What is known of the project: from its database, and from its source where that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// The apps by label.
    pub apps: BTreeMap<String, DjangoApp>,
    /// Why `django_content_type` is not known, as a clause; `None` where it was read.
    pub unread: Option<String>,
    /// Models by table, where the project's source was read.
    pub declared: BTreeMap<String, Declared>,
    /// Names of materialized views: a model of its own maps one, no field and no old table name leads to it.
    pub views: BTreeSet<String>,
    /// Names of relations, which an index must not take.
    pub taken: BTreeSet<String>,
    /// Extensions that are installed in the database.
    pub extensions: BTreeSet<String>,
    /// Migrations that were printed and are not applied: each with the one that was the last before it.
    pub(super) planned: BTreeMap<String, String>,
    /// Models by what their table may be called when its name is their own: without underscores, as a plural.
    pub(super) near: BTreeMap<String, Near>,
}

/// The models of a name that is near to theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Near {
    One { app: String, model: String },
    Several,
}

impl Project {
    /// Takes note of a model.
    pub(crate) fn add_model(&mut self, app: &str, model: &str) {
        let is_new = self.apps.entry(app.to_owned()).or_default().models.insert(model.to_owned());
        if !is_new {
            return;
        }
        let long = format!("{}{model}", app.replace('_', "").to_lowercase());
        for name in [model.to_owned(), format!("{model}s"), format!("{long}s"), long] {
            let one = Near::One { app: app.to_owned(), model: model.to_owned() };
            self.near.entry(name).and_modify(|near| *near = Near::Several).or_insert(one);
        }
    }

    /// Takes note of an app's last applied migration.
    pub fn add_migration(&mut self, app: &str, name: &str) {
        self.apps.entry(app.to_owned()).or_default().last_migration = Some(name.to_owned());
    }

    /// The same project with one more model.
    #[must_use]
    pub fn with_model(mut self, app: &str, model: &str) -> Self {
        self.add_model(app, model);
        self
    }

    /// The same project with an app's last applied migration.
    #[must_use]
    pub fn with_migration(mut self, app: &str, name: &str) -> Self {
        self.add_migration(app, name);
        self
    }

    /// Returns the last migration of an app, applied or printed.
    pub fn last_migration(&self, app: &str) -> Option<&str> {
        self.apps.get(app)?.last_migration.as_deref()
    }

    /// Returns the migration that a printed one was put after, where that one is not applied yet.
    pub(super) fn before_planned(&self, migration: &str) -> Option<&str> {
        self.planned.get(migration).map(String::as_str)
    }

    /// Takes note of an index that will be there: its name, what its migration installs, and the migration.
    pub(super) fn will_have(&mut self, index: &str, extensions: &[&str], migration: Option<(&str, &str)>) {
        self.taken.insert(index.to_owned());
        self.extensions.extend(extensions.iter().map(|name| (*name).to_owned()));
        if let Some((app, name)) = migration {
            let before = self.last_migration(app).unwrap_or_default().to_owned();
            self.planned.insert(name.to_owned(), before);
            self.add_migration(app, name);
        }
    }

    /// Says whether an extension is installed.
    pub(crate) fn has_extension(&self, name: &str) -> bool {
        self.extensions.contains(name)
    }

    /// Returns the model that owns a table.
    ///
    /// Source: `django.db.models.options.Options.contribute_to_class`, `db_table` is `app_label` and `model_name`.
    pub fn owner(&self, table: &str) -> Option<Owner> {
        // These names become code and paths: what is no identifier is no model of Django's.
        self.any_owner(table).filter(|owner| {
            is_identifier(&owner.app)
                && is_identifier(&owner.model)
                && owner.through.as_deref().is_none_or(is_identifier)
        })
    }

    fn any_owner(&self, table: &str) -> Option<Owner> {
        if let Some(declared) = self.declared.get(table) {
            return Some(Owner::of(&declared.app, &declared.model, Certainty::Declared));
        }
        if let Some((_, app, model)) = OF_DJANGO.iter().find(|(own, ..)| *own == table) {
            if self.has(app, model) {
                return Some(Owner::of(app, model, Certainty::Certain));
            }
            if self.unread.is_some() {
                return Some(Owner::of(app, model, Certainty::Likely("Django's own table has this name".to_owned())));
            }
        }
        if let Some((app, model)) = splits(table).find(|(app, model)| self.has(app, model)) {
            return Some(Owner::of(app, model, Certainty::Certain));
        }
        if self.views.contains(table) {
            return None;
        }
        self.cut(table)
            .or_else(|| of_django_field(table))
            .or_else(|| self.many_to_many(table))
            .or_else(|| self.elsewhere(table))
            .or_else(|| self.likely(table))
            .or_else(|| self.guessed(table))
            .or_else(|| self.supposed(table))
    }

    fn has(&self, app: &str, model: &str) -> bool {
        self.apps.get(app).is_some_and(|app| app.models.contains(model))
    }

    /// The model whose table's name was too long: the head is there, the tail is a hash.
    fn cut(&self, table: &str) -> Option<Owner> {
        if table.len() != LONGEST_TABLE {
            return None;
        }
        let head = table.get(..LONGEST_TABLE - 4)?;
        let models = self.apps.iter().flat_map(|(app, of)| of.models.iter().map(move |model| (app, model)));
        let mut found = models.filter(|(app, model)| {
            let name = format!("{app}_{model}");
            name.len() > LONGEST_TABLE && name.starts_with(head)
        });
        let (app, model) = found.next()?;
        let is_only = found.next().is_none();
        let why = || Certainty::Likely("the name is cut, and several models begin with it".to_owned());
        Some(Owner::of(app, model, if is_only { Certainty::Certain } else { why() }))
    }

    /// The many-to-many field whose table it is: `app_model_field`, of the longest such model.
    fn many_to_many(&self, table: &str) -> Option<Owner> {
        let (head, field) = splits(table)
            .filter(|(head, _)| splits(head).any(|(app, model)| self.has(app, model)))
            .max_by_key(|(head, _)| head.len())?;
        let (app, model) = splits(head).find(|(app, model)| self.has(app, model))?;
        let why = format!("django_content_type has {app}.{model}, and the table's name goes on with {field}");
        Some(Owner { through: Some(field.to_owned()), ..Owner::of(app, model, Certainty::Likely(why)) })
    }

    /// The one model of this name in another app, where the table's own app has no model: the app was renamed, and the table
    /// kept its name by `db_table`. An app that is installed has its content types.
    fn elsewhere(&self, table: &str) -> Option<Owner> {
        let is_gone = |app: &str| self.apps.get(app).is_some_and(|app| app.models.is_empty());
        let mut found = splits(table).filter(|(app, _)| is_gone(app)).flat_map(|(_, model)| {
            self.apps.iter().filter(move |(_, app)| app.models.contains(model)).map(move |(app, _)| (app, model))
        });
        let (app, model) = found.next().filter(|_| found.next().is_none())?;
        let why = format!("django_content_type has {app}.{model}, and no other model of this name");
        Some(Owner::of(app, model, Certainty::Guessed(why)))
    }

    /// Says whether a column is called like a model of the project, with `_id`: `page_id`, `base_content_type_id`.
    pub(super) fn has_model_called_like(&self, column: &str) -> bool {
        let Some(name) = column.strip_suffix("_id") else { return false };
        let ends = std::iter::once(name).chain(splits(name).map(|(_, tail)| tail));
        let has = |model: &str| self.apps.values().any(|app| app.models.contains(model));
        ends.map(|tail| tail.replace('_', "")).any(|tail| has(&tail))
    }

    /// The model of an app that has migrations, where no content type of that app is known.
    fn likely(&self, table: &str) -> Option<Owner> {
        let (app, model) = splits(table)
            .filter(|(app, model)| {
                let known = self.apps.get(*app);
                known.is_some_and(|app| app.models.is_empty() && app.last_migration.is_some()) && !model.contains('_')
            })
            .max_by_key(|(app, _)| app.len())?;
        let why = format!("the table's name begins with {app}, an app that has migrations");
        Some(Owner::of(app, &model.to_lowercase(), Certainty::Likely(why)))
    }

    /// The one content type whose name is the table's, but for case, underscores and a plural's s.
    fn guessed(&self, table: &str) -> Option<Owner> {
        let squeezed: String = table.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        match self.near.get(&squeezed)? {
            Near::One { app, model } => {
                let why = "its name in django_content_type is close to the table's name".to_owned();
                Some(Owner::of(app, model, Certainty::Guessed(why)))
            }
            Near::Several => None,
        }
    }

    /// Where the content types are not known: `<app>_<model>`, or the field of another table that is a model's.
    ///
    /// A model's name has no underscore unless its class has one, so the last one parts the two.
    fn supposed(&self, table: &str) -> Option<Owner> {
        let unread = self.unread.as_ref()?;
        let certainty = Certainty::Supposed(format!("by the table's name alone, {unread}"));
        let parent = splits(table).filter(|(head, _)| head.contains('_') && self.taken.contains(*head)).last();
        if let Some((head, field)) = parent {
            let (app, model) = head.rsplit_once('_')?;
            return Some(Owner { through: Some(field.to_owned()), ..Owner::of(app, model, certainty) });
        }
        let (app, model) = table.rsplit_once('_').filter(|(app, model)| !app.is_empty() && !model.is_empty())?;
        Some(Owner::of(app, &model.to_lowercase(), certainty))
    }

    /// Returns the field of a column: without `_id` where a foreign key leaves from it.
    ///
    /// Source: `django.db.models.ForeignKey.get_attname`; for a column that cannot be a field's name,
    /// `django.core.management.commands.inspectdb.Command.normalize_col_name`. [`Project::is_field_sure`] tells the two
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
}

/// The many-to-many field of a model of Django's whose table has no default name: `django_flatpage_sites`.
fn of_django_field(table: &str) -> Option<Owner> {
    OF_DJANGO.iter().find_map(|(own, app, model)| {
        let field = table.strip_prefix(own)?.strip_prefix('_').filter(|field| !field.is_empty())?;
        let why = Certainty::Likely(format!("Django's own table {own} has a field {field}"));
        Some(Owner { through: Some(field.to_owned()), ..Owner::of(app, model, why) })
    })
}

/// Every way to cut a name in two at an underscore; neither part is empty.
fn splits(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.match_indices('_').filter_map(|(at, _)| {
        let (head, tail) = (name.get(..at)?, name.get(at + 1..)?);
        (!head.is_empty() && !tail.is_empty()).then_some((head, tail))
    })
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
/// A squashed migration (`0001_squashed_0007_x`) stands where its last one stood, and outlives it; its own row is written at
/// the end of the run. What was applied after that last one comes after it, whatever its number: a project goes on counting
/// from the squashed file's own number. Source: `django.db.migrations.writer`, names are `NNNN_words`;
/// `MigrationExecutor.record_migration` and `check_replacements`.
pub fn last_migration<'a>(applied: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let number = |text: &str| text.split('_').next().and_then(|digits| digits.parse::<u32>().ok());
    let place = |name: &str| match name.split_once("_squashed_") {
        Some((first, last)) => (number(last).or_else(|| number(first)), true),
        None => (number(name), false),
    };
    let applied: Vec<&str> = applied.into_iter().collect();
    let is_squashed = |name: &str| name.contains("_squashed_");
    let ends = applied.iter().filter_map(|name| name.split_once("_squashed_").map(|(_, last)| last));
    // Everything up to the last squashed one, where something was applied after it.
    let gone = ends
        .filter_map(|last| applied.iter().position(|name| *name == last))
        .filter(|at| applied.iter().skip(at + 1).any(|name| !is_squashed(name)))
        .max();
    match gone {
        Some(at) => applied.into_iter().skip(at + 1).filter(|name| !is_squashed(name)).max_by_key(|name| place(name)),
        None => applied.into_iter().max_by_key(|name| place(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ForeignKey;

    fn project() -> Project {
        let long = "m".repeat(70);
        let models = [("shop", "order"), ("shop_extra", "note"), ("legacy", "customer"), ("app", long.as_str())];
        let project =
            models.into_iter().fold(Project::default(), |project, (app, model)| project.with_model(app, model));
        project.with_migration("shop", "0003_x").with_migration("blog", "0001_initial")
    }

    fn check(project: &Project, table: &str, expected: Option<&str>) {
        let found = project.owner(table).map(|owner| format!("{}, {}", owner.label(), owner.certainty.words()));
        assert_eq!(found.as_deref(), expected, "{table}");
    }

    #[test]
    fn a_content_type_confirms_a_model_and_a_guess_says_why() {
        let check = |table: &str, expected: Option<&str>| check(&project(), table, expected);
        check("shop_order", Some("shop.order, model confirmed by django_content_type"));
        check("shop_extra_note", Some("shop_extra.note, model confirmed by django_content_type"));
        check(
            "shop_order_tags",
            Some(
                "shop.order.tags, probably: django_content_type has shop.order, and the table's name goes on with tags",
            ),
        );
        check("blog_post", Some("blog.post, probably: the table's name begins with blog, an app that has migrations"));
        check(
            "Customers",
            Some("legacy.customer, probably: its name in django_content_type is close to the table's name"),
        );
        let cut = format!("app_{}1f3a", "m".repeat(55));
        let long = format!("app.{}, model confirmed by django_content_type", "m".repeat(70));
        check(&cut, Some(&long));
        check("blog_post_tags", None);
        check(
            "django_flatpage_sites",
            Some("flatpages.flatpage.sites, probably: Django's own table django_flatpage has a field sites"),
        );
        check("shop_legacy", None);
        check("ledger", None);
    }

    #[test]
    fn a_renamed_app_and_a_materialized_view_are_seen_for_what_they_are() {
        // pretix's paypal2 keeps a table of the paypal it replaces; oscar has a view that is called like a field.
        let mut project = project()
            .with_model("paypal2", "referencedobject")
            .with_model("cart", "item")
            .with_model("stock", "item")
            .with_migration("paypal", "0003_x");
        check(
            &project,
            "paypal_referencedobject",
            Some(
                "paypal2.referencedobject, probably: django_content_type has paypal2.referencedobject, and no other model of this name",
            ),
        );
        check(
            &project,
            "paypal_item",
            Some("paypal.item, probably: the table's name begins with paypal, an app that has migrations"),
        );
        project.views.insert("shop_order_hierarchy".to_owned());
        check(&project, "shop_order_hierarchy", None);
        for (column, is_called_like) in
            [("order_id", true), ("last_order_id", true), ("object_id", false), ("order", false), ("border_id", false)]
        {
            assert_eq!(project.has_model_called_like(column), is_called_like, "{column}");
        }
    }

    #[test]
    fn without_content_types_the_name_of_the_table_is_what_is_left() {
        let unread = Some("permission denied for table django_content_type".to_owned());
        let taken = ["shop_order", "shop_order_tags", "big_shop_order"].map(str::to_owned).into();
        let project = Project { unread, taken, ..Project::default() };
        let why = "by the table's name alone, permission denied for table django_content_type";
        for (table, label) in
            [("shop_order", "shop.order"), ("big_shop_order", "big_shop.order"), ("shop_order_tags", "shop.order.tags")]
        {
            check(&project, table, Some(&format!("{label}, probably: {why}")));
        }
        check(&project, "django_session", Some("sessions.session, probably: Django's own table has this name"));
        check(&project, "ledger", None);
        assert_eq!(project.owner("shop_order").unwrap().shown(), "probably shop.order");
        let with_migrations = project.with_migration("big", "0001_initial");
        check(
            &with_migrations,
            "big_order",
            Some("big.order, probably: the table's name begins with big, an app that has migrations"),
        );
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
            assert_eq!(project().field(&table, column), field);
            assert_eq!(project().is_field_sure(&table, column), is_sure, "{column}");
        }
    }

    #[test]
    fn a_new_migration_depends_on_the_one_with_the_highest_number() {
        for (applied, expected) in [
            (&["0001_initial", "0003_b", "0002_a"][..], Some("0003_b")),
            (&["0001_initial", "0002_a", "0002_b"], Some("0002_b")),
            (&["0001_initial", "0007_x", "0001_squashed_0007_x"], Some("0001_squashed_0007_x")),
            (&["0001_squashed_0007_x", "0008_y"], Some("0008_y")),
            // As pretix's app pretixdroid goes on after 0003_a_squashed_0005_b.
            (&["0003_a", "0004_c", "0005_b", "0004_delete", "0003_a_squashed_0005_b"], Some("0004_delete")),
            (&["0003_a", "0005_b", "0006_c", "0003_a_squashed_0005_b", "0006_c_squashed_0007_d"], Some("0006_c")),
            (&["start"], Some("start")),
            (&[], None),
        ] {
            assert_eq!(last_migration(applied.iter().copied()), expected);
        }
    }
}
