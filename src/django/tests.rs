//! Whole texts as they are printed, to be read like code. Whether Django takes them is judged in `tests/it/django.rs`.

use super::{DjangoCode, DjangoVersion, Project, code_for};
use crate::catalog::index::{AccessMethod, Definition, Key};
use crate::catalog::parse::expression;
use crate::catalog::{ForeignKey, RelationKind, Table, TableColumn};

fn table(name: &str) -> Table {
    let column = |name: &str, type_name: &str| TableColumn {
        name: name.into(),
        type_name: type_name.into(),
        is_not_null: true,
        ..TableColumn::default()
    };
    let key = ForeignKey { columns: vec!["store_id".into()], ..ForeignKey::default() };
    Table {
        schema: "public".into(),
        name: name.into(),
        columns: vec![
            column("status", "character varying"),
            column("name", "character varying"),
            column("store_id", "bigint"),
            column("created_at", "timestamp with time zone"),
        ],
        foreign_keys: vec![key],
        ..Table::default()
    }
}

fn project() -> Project {
    let project = Project::default().with_model("shop", "order").with_model("auth", "user");
    project.with_migration("shop", "0041_auto").with_migration("auth", "0012_alter_user_first_name_max_length")
}

fn code(table: &Table, keys: &[&str], predicate: &str) -> DjangoCode {
    let keys = keys.iter().map(|text| Key::plain(expression(text).normalised(table))).collect();
    let predicate = if predicate.is_empty() { Vec::new() } else { vec![expression(predicate).normalised(table)] };
    code_for(table, &Definition { predicate, ..Definition::btree(keys) }, &project(), DjangoVersion::OLDEST).unwrap()
}

/// Everything that is printed of an index.
fn printed(code: &DjangoCode) -> String {
    let migration = code.migration.as_ref().map(|file| format!("=== {}\n{}", file.path, file.text));
    format!(
        "{}{}=== sql\n{}\n=== notes\n{}\n",
        code.meta_block().unwrap_or_default(),
        migration.unwrap_or_default(),
        code.sql,
        code.notes.join("\n")
    )
}

#[test]
fn a_partial_index_is_a_line_and_a_migration() {
    let code = code(&table("shop_order"), &["store_id", "created_at"], "((status)::text = 'pending'::text)");
    insta::assert_snapshot!(printed(&code));
}

#[test]
fn a_trigram_index_brings_its_extension() {
    let table = table("shop_order");
    let key = Key::plain(expression("upper((name)::text)").normalised(&table)).with_opclass("gin_trgm_ops");
    let code = code_for(&table, &Definition::of(AccessMethod::Gin, key), &project(), DjangoVersion::OLDEST).unwrap();
    insta::assert_snapshot!(printed(&code));
}

#[test]
fn what_an_old_django_misquotes_is_run_as_sql_and_kept_in_its_state() {
    insta::assert_snapshot!(printed(&code(&table("shop_order"), &["store_id"], "((name)::text = '10%'::text)")));
}

#[test]
fn what_django_cannot_say_is_run_as_sql() {
    insta::assert_snapshot!(printed(&code(&table("shop_order"), &["store_id"], "((name)::text ~ 'x'::text)")));
}

#[test]
fn a_model_of_django_itself_gets_its_migration_elsewhere() {
    insta::assert_snapshot!(printed(&code(&table("auth_user"), &["lower((name)::text)"], "")));
}

#[test]
fn a_partitioned_table_is_indexed_within_a_transaction() {
    let table = Table { kind: RelationKind::Partitioned, schema: "sales".into(), ..table("shop_order") };
    insta::assert_snapshot!(printed(&code(&table, &["status"], "")));
}

#[test]
fn a_table_without_a_model_has_only_sql() {
    insta::assert_snapshot!(printed(&code(&table("Legacy"), &["status"], "")));
}

#[test]
fn what_is_no_index_is_refused() {
    let table = table("shop_order");
    let refused = |text: &str| {
        let index = Definition::btree(vec![Key::plain(expression(text))]);
        code_for(&table, &index, &project(), DjangoVersion::OLDEST).unwrap_err().to_string()
    };
    assert_eq!(refused("(status = $1)"), "(\"status\" = $1) cannot be part of an index");
    assert_eq!(refused("(x IS TRUE)"), "is_true(\"x\") cannot be part of an index");
}
