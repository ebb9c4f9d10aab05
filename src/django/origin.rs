//! What in the models an index comes from, as far as its name, its keys and what hangs on it tell.
//!
//! Django ends the names it makes with a hash of table and columns, so a name can be checked: where the hash is right,
//! the origin is certain; a table that was renamed keeps its indexes' names, whose hash then is of another name.
//! Source: `BaseDatabaseSchemaEditor._create_index_name`, `Index.set_name_with_model`, `names_digest`, Django 4.2 to 6.1.

use md5::{Digest as _, Md5};

use crate::catalog::index_usage::IndexUsage;

/// What in the models an index comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelSource {
    /// The model's primary key.
    PrimaryKey,
    /// `unique=True` of a field; a `OneToOneField` has it by itself.
    UniqueField,
    /// `unique_together`.
    UniqueTogether,
    /// A `UniqueConstraint`, which has a name of its own.
    UniqueConstraint,
    /// An `ExclusionConstraint`.
    Exclusion,
    /// The index that a `ForeignKey` has by itself.
    ForeignKey,
    /// `db_index=True` of a field.
    Field,
    /// The `varchar_pattern_ops` companion that Django makes for an indexed or unique text field, for `LIKE 'x%'`.
    Pattern,
    /// `Meta.indexes`, with the name Django made up.
    MetaIndex,
    /// `Meta.index_together`, gone since 5.1.
    IndexTogether,
    /// What `db_index=True` of a field once made, on a column that is unique by another index: a migration left it behind.
    LeftOver,
    /// `Meta.indexes` with a name of its own, or made by hand: the name does not tell.
    Named,
}

/// What in the models an index comes from, and whether its name proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexOrigin {
    /// What it comes from.
    pub source: ModelSource,
    /// The column, where it is of one field.
    pub column: Option<String>,
    /// Whether the hash in the name, or what hangs on the index, proves it.
    pub is_confirmed: bool,
}

/// An index as its origin is told from.
#[derive(Debug, Clone, Default)]
pub(super) struct Named<'a> {
    pub(super) table: &'a str,
    pub(super) name: &'a str,
    /// The columns of the keys in order; empty for an expression.
    pub(super) columns: Vec<&'a str>,
    /// Whether each key is descending; as long as the columns, or empty where none is.
    pub(super) descending: Vec<bool>,
    pub(super) hold: IndexConstraint,
    pub(super) around: Around,
}

/// What else the database has about the columns of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Around {
    /// What the columns refer to.
    pub reference: Reference,
    /// Whether its one column is unique by another index, as `unique=True` makes it, and has a plain index too: Django makes
    /// only one of the two.
    pub is_unique_too: bool,
}

/// What the columns of an index refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reference {
    /// Nothing that is known.
    #[default]
    Nothing,
    /// A foreign key leaves from just these columns.
    ForeignKey,
    /// The column is called like a model, with `_id`: a `ForeignKey` with `db_constraint=False` has no constraint.
    NamedLikeModel,
}

/// What hangs on an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum IndexConstraint {
    /// Nothing.
    #[default]
    Nothing,
    /// The primary key.
    PrimaryKey,
    /// An exclusion constraint.
    Exclusion,
    /// Uniqueness.
    Unique,
}

/// The suffixes of the names that `Meta.indexes` gets. Source: `suffix` of `Index` and of the classes of
/// `django.contrib.postgres.indexes`.
const SUFFIXES: [&str; 8] = ["idx", "gin", "gist", "brin", "hash", "spgist", "btree", "bloom"];

impl IndexOrigin {
    /// Returns what an index comes from.
    pub fn of(index: &IndexUsage, around: Around) -> Self {
        let hold = match index {
            _ if index.is_primary => IndexConstraint::PrimaryKey,
            _ if index.is_exclusion => IndexConstraint::Exclusion,
            _ if index.is_unique => IndexConstraint::Unique,
            _ => IndexConstraint::Nothing,
        };
        Self::told(&Named {
            table: &index.table,
            name: &index.name,
            columns: index.key_names().collect(),
            descending: index.key_options.iter().map(|bits| bits & 1 == 1).collect(),
            hold,
            around,
        })
    }

    pub(super) fn told(index: &Named<'_>) -> Self {
        match index.hold {
            IndexConstraint::PrimaryKey => Self::whole(ModelSource::PrimaryKey, true),
            IndexConstraint::Exclusion => Self::whole(ModelSource::Exclusion, true),
            IndexConstraint::Unique => unique(index),
            IndexConstraint::Nothing => plain(index),
        }
    }

    fn whole(source: ModelSource, is_confirmed: bool) -> Self {
        Self { source, column: None, is_confirmed }
    }

    fn column(source: ModelSource, column: &str, is_confirmed: bool) -> Self {
        Self { source, column: Some(column.to_owned()), is_confirmed }
    }

    /// Returns in a word or two where in the models it comes from, for a list; a `?` after what is not proved.
    pub fn word(&self) -> String {
        let word = match self.source {
            ModelSource::PrimaryKey => "primary key",
            ModelSource::UniqueField => "unique=True",
            ModelSource::UniqueTogether => "unique_together",
            ModelSource::UniqueConstraint => "unique",
            ModelSource::Exclusion => "ExclusionConstraint",
            ModelSource::ForeignKey => "ForeignKey",
            ModelSource::Field => "db_index",
            ModelSource::Pattern => "_like index",
            ModelSource::MetaIndex => "Meta.indexes",
            ModelSource::IndexTogether => "index_together",
            ModelSource::LeftOver => "left over",
            ModelSource::Named => "named",
        };
        if self.is_confirmed || self.source == ModelSource::Named { word.to_owned() } else { format!("{word}?") }
    }

    /// Returns in words where in the models it comes from.
    pub fn words(&self) -> String {
        let column = self.column.as_deref().unwrap_or_default();
        let what = match self.source {
            ModelSource::PrimaryKey => "the model's primary key".to_owned(),
            ModelSource::UniqueField => format!("unique=True (or OneToOneField) of column {column}"),
            ModelSource::UniqueTogether => "unique_together".to_owned(),
            ModelSource::UniqueConstraint => {
                return "probably a UniqueConstraint, or created by hand: it is unique and has an explicit name"
                    .to_owned();
            }
            ModelSource::Exclusion => "an ExclusionConstraint".to_owned(),
            ModelSource::ForeignKey => format!("the ForeignKey of column {column}"),
            // What is called like a reference may be one that has no constraint.
            ModelSource::Field if !self.is_confirmed && column.ends_with("_id") => {
                return format!("probably db_index=True of column {column}, or a ForeignKey with db_constraint=False");
            }
            ModelSource::Field => format!("db_index=True of column {column}"),
            ModelSource::LeftOver => {
                return format!(
                    "probably left over from db_index=True of column {column}: another index makes the column \
                     unique, and then Django creates no second one"
                );
            }
            ModelSource::Pattern => {
                format!("the _like index that Django creates for db_index=True or unique=True of column {column}")
            }
            ModelSource::MetaIndex => "Meta.indexes, with a name that Django generated".to_owned(),
            ModelSource::IndexTogether => "Meta.index_together".to_owned(),
            ModelSource::Named => return "Meta.indexes with an explicit name, or created by hand".to_owned(),
        };
        if self.is_confirmed { what } else { format!("probably {what}: its name has that form") }
    }
}

fn unique(index: &Named<'_>) -> IndexOrigin {
    let only = only(index);
    if let Some(stem) = index.name.strip_suffix("_uniq").filter(|stem| ends_with_hash(stem, 8)) {
        let is_confirmed = stem.ends_with(&digest(index.table, &index.columns, 8));
        return match only {
            Some(column) => IndexOrigin::column(ModelSource::UniqueField, column, is_confirmed),
            None => IndexOrigin::whole(ModelSource::UniqueTogether, is_confirmed),
        };
    }
    match only {
        Some(column) if is_of_unique_field(index.name) => IndexOrigin::column(ModelSource::UniqueField, column, true),
        _ => IndexOrigin::whole(ModelSource::UniqueConstraint, false),
    }
}

/// Says whether a unique index over one column has a name that `unique=True` gives: Django's, or the one that the server
/// gives the constraint of a column that says UNIQUE.
pub(super) fn is_of_unique_field(name: &str) -> bool {
    name.ends_with("_key") || name.strip_suffix("_uniq").is_some_and(|stem| ends_with_hash(stem, 8))
}

fn plain(index: &Named<'_>) -> IndexOrigin {
    let of_field = || digest(index.table, &index.columns, 8);
    if let (Some(column), Some(stem)) = (only(index), index.name.strip_suffix("_like"))
        && ends_with_hash(stem, 8)
    {
        let source = if index.around.is_unique_too { ModelSource::LeftOver } else { ModelSource::Pattern };
        return IndexOrigin::column(source, column, source == ModelSource::Pattern && stem.ends_with(&of_field()));
    }
    if let Some((stem, suffix)) = index.name.rsplit_once('_')
        && SUFFIXES.contains(&suffix)
    {
        if ends_with_hash(stem, 8) && suffix == "idx" {
            return IndexOrigin::whole(ModelSource::IndexTogether, stem.ends_with(&of_field()));
        }
        if ends_with_hash(stem, 6) {
            return IndexOrigin::whole(ModelSource::MetaIndex, stem.ends_with(&of_meta(index, suffix)));
        }
    }
    match only(index) {
        Some(column) if ends_with_hash(index.name, 8) => {
            let is_hash_right = index.name.ends_with(&of_field());
            let (source, is_confirmed) = match index.around.reference {
                _ if index.around.is_unique_too => (ModelSource::LeftOver, false),
                Reference::ForeignKey => (ModelSource::ForeignKey, is_hash_right),
                // A ForeignKey with db_constraint=False has its index and its column's name, and no constraint to prove it.
                Reference::NamedLikeModel => (ModelSource::ForeignKey, false),
                Reference::Nothing => (ModelSource::Field, is_hash_right && !column.ends_with("_id")),
            };
            IndexOrigin::column(source, column, is_confirmed)
        }
        _ => IndexOrigin::whole(ModelSource::Named, false),
    }
}

fn only<'a>(index: &Named<'a>) -> Option<&'a str> {
    match index.columns.as_slice() {
        [column] if !column.is_empty() => Some(column),
        _ => None,
    }
}

/// The hash of an index of `Meta.indexes`: over the table, the columns with their order, and the suffix.
fn of_meta(index: &Named<'_>, suffix: &str) -> String {
    let descending = index.descending.iter().copied().chain(std::iter::repeat(false));
    let mut parts: Vec<String> = index
        .columns
        .iter()
        .zip(descending)
        .map(|(column, is_descending)| if is_descending { format!("-{column}") } else { (*column).to_owned() })
        .collect();
    parts.push(suffix.to_owned());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    digest(index.table, &parts, 6)
}

/// Django's `names_digest` with the underscore before it.
fn digest(table: &str, parts: &[&str], length: usize) -> String {
    let hash = parts.iter().fold(Md5::new_with_prefix(table), Md5::chain_update).finalize();
    let hexadecimal = hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("_{}", hexadecimal.get(..length).unwrap_or_default())
}

/// Whether a name ends with an underscore and this many hexadecimal digits.
fn ends_with_hash(name: &str, digits: usize) -> bool {
    let Some((_, hash)) = name.rsplit_once('_') else { return false };
    hash.len() == digits && hash.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, columns: &[&str], hold: IndexConstraint, expected: &str) {
        let reference = if columns == ["content_type_id"] { Reference::ForeignKey } else { Reference::Nothing };
        let named = Named {
            table: "auth_permission",
            name,
            columns: columns.to_vec(),
            hold,
            around: Around { reference, ..Around::default() },
            ..Named::default()
        };
        assert_eq!(IndexOrigin::told(&named).word(), expected, "{name}");
    }

    #[test]
    fn a_name_that_django_made_proves_where_it_comes_from() {
        check("auth_permission_content_type_id_2f476e4b", &["content_type_id"], IndexConstraint::Nothing, "ForeignKey");
        check(
            "auth_permission_content_type_id_codename_01ab375a_uniq",
            &["content_type_id", "codename"],
            IndexConstraint::Unique,
            "unique_together",
        );
        // The same form with the hash of another table: it was renamed, or somebody named it so.
        check("shop_order_customer_id_9da9e4a3", &["content_type_id"], IndexConstraint::Nothing, "ForeignKey?");
        check("shop_order_reference_0a1b2c3d", &["reference"], IndexConstraint::Nothing, "db_index?");
        check("shop_order_reference_0a1b2c3d_like", &["reference"], IndexConstraint::Nothing, "_like index?");
        check("shop_order_status_1a2b3c_idx", &["status"], IndexConstraint::Nothing, "Meta.indexes?");
        check("shop_order_status_1a2b3c_gin", &["status"], IndexConstraint::Nothing, "Meta.indexes?");
        check(
            "shop_order_status_store_1a2b3c4d_idx",
            &["status", "store_id"],
            IndexConstraint::Nothing,
            "index_together?",
        );
        check("order_recent", &["created_at"], IndexConstraint::Nothing, "named");
        check("order_deadbeef", &["a", "b"], IndexConstraint::Nothing, "named");
        check("auth_permission_codename_key", &["codename"], IndexConstraint::Unique, "unique=True");
        check("one_open_order", &["codename"], IndexConstraint::Unique, "unique?");
        check("x", &["id"], IndexConstraint::PrimaryKey, "primary key");
    }

    #[test]
    fn what_the_name_alone_does_not_tell_is_told_by_what_is_around() {
        // As wagtail and pretix have them.
        let check = |name: &str, column: &str, reference, is_unique_too, expected: &str| {
            let table = name.rsplit_once(&format!("_{column}")).unwrap().0;
            let around = Around { reference, is_unique_too };
            let told = IndexOrigin::told(&Named { table, name, columns: vec![column], around, ..Named::default() });
            assert_eq!((told.word().as_str(), told.is_confirmed), (expected, !expected.ends_with('?')), "{name}");
            told.words()
        };
        check("wagtailcore_pagelogentry_page_id_8464e327", "page_id", Reference::NamedLikeModel, false, "ForeignKey?");
        let words = check("taggit_taggeditem_object_id_e2d7d1df", "object_id", Reference::Nothing, false, "db_index?");
        assert_eq!(words, "probably db_index=True of column object_id, or a ForeignKey with db_constraint=False");
        let (plain, like) = ("shop_settings_key_c85c6d29", "shop_settings_key_c85c6d29_like");
        let words = check(plain, "key", Reference::Nothing, true, "left over?");
        assert!(words.starts_with("probably left over from db_index=True of column key"), "{words}");
        check(like, "key", Reference::Nothing, true, "left over?");
        assert!(is_of_unique_field("shop_settings_key_c85c6d29_uniq") && is_of_unique_field("shop_settings_key_key"));
        assert!(!is_of_unique_field("one_open_order_uniq"));
    }

    #[test]
    fn an_index_of_meta_is_proved_with_its_order() {
        // As Django 5.2 names `Index(fields=["-created_at", "status"])` of the table shop_order.
        let named = Named {
            table: "shop_order",
            name: "shop_order_created_814e64_idx",
            columns: vec!["created_at", "status"],
            descending: vec![true, false],
            ..Named::default()
        };
        assert!(IndexOrigin::told(&named).is_confirmed);
        assert!(!IndexOrigin::told(&Named { descending: vec![false, false], ..named }).is_confirmed);
    }
}
