//! The removal of an index as Django code.

use super::DjangoVersion;
use super::code::{DjangoCode, OPERATIONS, Refused, rebuild};
use super::index_name::slug;
use super::migration::{Atomic, MigrationFile, Plan};
use super::names::{Certainty, Names, Owner};
use super::python::{Imports, Py};
use super::sql::drop_index;
use crate::catalog::{Index, Table};

/// What in the models an index comes from, as far as its name and keys tell.
///
/// Source: `BaseDatabaseSchemaEditor._create_index_name`, which ends a field's index with 8 digits of a hash, and
/// `Index.set_name_with_model`, which takes 6 and `_idx`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// `db_index=True` of a field, which a `ForeignKey` has by itself.
    Field(String),
    /// The `_like` companion of such an index.
    Pattern(String),
    /// `Meta.indexes`.
    Meta,
}

/// Returns the code that removes an index: of [`DjangoCode`], `sql` drops it, and there is no line for `Meta`.
///
/// Refused for what a constraint stands on.
pub fn removal_of(table: &Table, index: &Index, names: &Names, _version: DjangoVersion) -> Result<DjangoCode, Refused> {
    if index.is_primary || index.is_unique || index.is_constraint || index.is_replica_identity {
        return Err(Refused { why: format!("a constraint stands on {}: it is no index to remove", index.name) });
    }
    let owner = names.owner(&table.name);
    let origin = origin(table, index, names);
    let mut notes = vec![match &origin {
        Origin::Field(field) => format!(
            "the index belongs to the field {field}: give it db_index=False; makemigrations then writes an AlterField, \
             which goes into state_operations"
        ),
        Origin::Pattern(field) => {
            format!("Django makes this for LIKE beside the index of {field}, and does not make it again by itself")
        }
        Origin::Meta if owner.as_ref().is_some_and(has_meta) => {
            format!(
                "delete the index {} from Meta.indexes; one made by hand is not there, and takes the SQL",
                index.name
            )
        }
        Origin::Meta => "the index is in no Meta of this project: the migration runs SQL".to_owned(),
    }];
    let migration = owner.as_ref().map(|owner| migration(table, index, names, (owner, &origin)));
    if owner.as_ref().is_some_and(Owner::is_of_django) {
        notes.push("the model comes with Django: put the migration into an app of your own".to_owned());
    }
    Ok(DjangoCode {
        name: index.name.clone(),
        meta_line: None,
        imports: Vec::new(),
        migration,
        extensions: Vec::new(),
        sql: drop_index(&index.name) + ";",
        certainty: owner.as_ref().map_or(Certainty::Unknown, |owner| owner.certainty),
        owner,
        notes,
        meta_broken: None,
    })
}

/// Says whether a model has a `Meta` of the project.
fn has_meta(owner: &Owner) -> bool {
    owner.through.is_none() && !owner.is_of_django()
}

fn migration(table: &Table, index: &Index, names: &Names, (owner, origin): (&Owner, &Origin)) -> MigrationFile {
    let mut imports = Imports::default();
    let mut comment = Vec::new();
    let run = Py::call("migrations.RunSQL", vec![Py::text(&drop_index(&index.name))])
        .with("reverse_sql", Py::text(&rebuild(table, &index.definition, names, &index.name)));
    let operation = match origin {
        Origin::Meta if has_meta(owner) => {
            imports.add(OPERATIONS, "RemoveIndexConcurrently");
            Py::call("RemoveIndexConcurrently", Vec::new())
                .with("model_name", Py::text(&owner.model))
                .with("name", Py::text(&index.name))
        }
        Origin::Field(field) => {
            comment.push(format!("Put the AlterField of {} (db_index=False) into state_operations.", slug(field)));
            Py::call("migrations.SeparateDatabaseAndState", Vec::new())
                .with("database_operations", Py::List(vec![run]))
                .with("state_operations", Py::List(Vec::new()))
        }
        _ => run,
    };
    let name = format!("remove_{}", slug(&index.name));
    Plan { owner, name: &name, imports, operations: vec![operation], comment, atomic: Atomic::No }.file(names)
}

fn origin(table: &Table, index: &Index, names: &Names) -> Origin {
    let [key] = index.definition.keys.as_slice() else { return Origin::Meta };
    let Some(column) = key.expr.as_column() else { return Origin::Meta };
    let field = names.field(table, column);
    match index.name.strip_suffix("_like") {
        Some(stem) if ends_with_hash(stem) => Origin::Pattern(field),
        None if ends_with_hash(&index.name) => Origin::Field(field),
        _ => Origin::Meta,
    }
}

/// Says whether a name ends with an underscore and 8 hexadecimal digits.
fn ends_with_hash(name: &str) -> bool {
    let Some((_, hash)) = name.rsplit_once('_') else { return false };
    hash.len() == 8 && hash.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Definition, Expr, Key};

    fn removed(name: &str, columns: &[&str]) -> DjangoCode {
        let keys = columns.iter().map(|name| Key::plain(Expr::column(name))).collect();
        let index =
            Index { name: name.into(), definition: Definition::btree(keys), is_valid: true, ..Index::default() };
        let table = Table { name: "shop_order".into(), ..Table::default() };
        let names = Names {
            models: vec![("shop".into(), "order".into())],
            last_migration: [("shop".to_owned(), "0007_x".to_owned())].into(),
            ..Names::default()
        };
        removal_of(&table, &index, &names, DjangoVersion::OLDEST).unwrap()
    }

    fn text(code: &DjangoCode) -> &str {
        code.migration.as_ref().map(|file| file.text.as_str()).unwrap_or_default()
    }

    #[test]
    fn an_index_of_meta_is_removed_concurrently_and_one_of_a_field_by_sql() {
        let meta = removed("order_total_idx", &["total"]);
        assert!(
            text(&meta).contains("RemoveIndexConcurrently(model_name='order', name='order_total_idx')"),
            "{}",
            text(&meta)
        );
        assert_eq!(meta.migration.as_ref().unwrap().path, "shop/migrations/0008_remove_order_total_idx.py");
        let field = removed("shop_order_store_id_0a1b2c3d", &["store_id"]);
        assert!(text(&field).contains("migrations.SeparateDatabaseAndState("), "{}", text(&field));
        assert!(field.notes.iter().any(|note| note.contains("db_index=False")));
        let pattern = removed("shop_order_reference_0a1b2c3d_like", &["reference"]);
        assert!(text(&pattern).contains("migrations.RunSQL("), "{}", text(&pattern));
        assert_eq!(pattern.sql, r#"DROP INDEX CONCURRENTLY IF EXISTS "shop_order_reference_0a1b2c3d_like";"#);
    }

    #[test]
    fn what_a_constraint_stands_on_stays() {
        let index = Index { name: "x".into(), is_unique: true, ..Index::default() };
        assert!(removal_of(&Table::default(), &index, &Names::default(), DjangoVersion::OLDEST).is_err());
    }
}
