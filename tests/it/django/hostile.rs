//! Names and values of a database that somebody else fills stay names and values in the code.

use pgdj::catalog::index_usage::IndexUsage;
use pgdj::catalog::usage::ReferringKey;
use pgdj::catalog::{Definition, Expr, Index, Key, Table, TableColumn};
use pgdj::django::{
    Around, DjangoVersion, IndexOrigin, Project, ThereAndBack, code_for, index_for_key, migration_of_sql, removal_of,
    removal_of_usage,
};
use pgdj::quote::{qualified, quote_ident};
use serde_json::{Value, json};

use super::{has_django, judge, run};
use crate::hostile_names::{assert_printable, names};
use crate::support::{open, own};

/// What they may hold.
const HOSTILE: &[&str] = &[
    "'); import os; os.system('x') #",
    "\"\"\"\n\nimport os\n",
    "a\nimport os",
    "../../etc/cron.d/x",
    "\\",
    "\\'",
    "x\u{202e}\u{2028}",
    "{}%s%(x)s",
    "__import__",
    "\0",
    "café",
];

/// The calls that code may make.
const CALLS: &[&str] = &[
    "AddIndex",
    "AddIndexConcurrently",
    "Cast",
    "F",
    "Func",
    "Index",
    "KT",
    "OpClass",
    "Q",
    "RemoveIndexConcurrently",
    "RunSQL",
    "SearchVector",
    "SeparateDatabaseAndState",
    "TruncDate",
    "Upper",
    "Value",
];

fn table(name: &str) -> Table {
    let column = |name: &str, type_name: &str| TableColumn {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        ..TableColumn::default()
    };
    Table {
        schema: name.to_owned(),
        name: format!("shop_{name}"),
        columns: vec![column(name, "text"), column("attrs", "jsonb"), column("at", "timestamp with time zone")],
        ..Table::default()
    }
}

fn project(name: &str) -> Project {
    let project = Project::default().with_model("shop", name).with_model("shop", "order").with_model(name, "order");
    project.with_migration("shop", name).with_migration(name, "0001_x")
}

fn indexes(name: &str) -> Vec<Definition> {
    let literal = |text: &str| Expr::text(text, "text");
    let column = || Expr::column(name);
    let at = Expr::call("timezone", vec![literal(name), Expr::column("at")]);
    let keys = [
        column(),
        Expr::call("upper", vec![column()]),
        Expr::call(name, vec![column()]),
        Expr::call("f", vec![Expr::column("attrs"), literal(name)]),
        Expr::binary("->", Expr::column("attrs"), literal(name)),
        Expr::binary(name, Expr::column("attrs"), literal(name)),
        Expr::Cast { operand: Box::new(at), type_name: "date".into() },
        Expr::Cast { operand: Box::new(column()), type_name: name.to_owned() },
        Expr::call("to_tsvector", vec![literal(name), Expr::call("coalesce", vec![column(), literal("")])]),
    ];
    let index = |key| Definition {
        predicate: vec![Expr::binary("=", column(), literal(name))],
        include: vec![name.to_owned()],
        ..Definition::btree(vec![Key { opclass: Some(name.to_owned()), ..Key::plain(key) }])
    };
    keys.into_iter().map(index).collect()
}

/// Every text that is printed for a hostile name.
fn texts(name: &str) -> Vec<String> {
    let tables = [format!("shop_{name}"), "shop_order".to_owned(), format!("{name}_order")];
    let mut texts = Vec::new();
    for (index, table_name) in indexes(name).iter().flat_map(|index| tables.iter().map(move |table| (index, table))) {
        let table = Table { name: table_name.clone(), ..table(name) };
        let known = Index { name: name.to_owned(), definition: index.clone(), ..Index::default() };
        let added = code_for(&table, index, &project(name), DjangoVersion::OLDEST).unwrap();
        let removed = removal_of(&table, &known, &project(name), DjangoVersion::OLDEST).unwrap();
        for code in [added, removed] {
            texts.extend(code.meta_line.clone());
            texts.extend(code.meta_block());
            let path = code.migration.as_ref().map(|file| file.path.as_str()).unwrap_or_default();
            assert!(!path.contains("..") && !path.contains(char::is_control), "{path}");
            texts.extend(code.migration.map(|file| file.text));
        }
    }
    texts
}

#[test]
fn nothing_of_a_hostile_database_becomes_code() {
    let texts: Vec<String> = HOSTILE.iter().flat_map(|name| texts(name)).collect();
    assert!(texts.len() > 200, "{}", texts.len());
    if !has_django() {
        return;
    }
    let mut command = judge("5.2");
    command.args(["read", "-"]);
    let read: Value = serde_json::from_str(&run(command, &json!(texts).to_string())).unwrap();
    let each = |what: &str| read[what].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let called: Vec<String> = each("called").filter(|name| !CALLS.contains(&name.as_str())).collect();
    assert!(called.is_empty(), "{called:?} are called");
    let imported: Vec<String> = each("imported").filter(|module| !module.starts_with("django.")).collect();
    assert!(imported.is_empty(), "{imported:?} are imported");
}

/// What the panes and the findings print of a name: each text, and the strings that Python must read in it.
fn printed(name: &str) -> Vec<(String, Vec<String>)> {
    let project = project("order");
    let there = format!("ALTER TABLE {} RESET (autovacuum_enabled)", qualified(name, name));
    let back = format!("ALTER TABLE {} SET (autovacuum_enabled = false)", qualified(name, name));
    let upkeep = ThereAndBack { there: &format!("{there};"), back: &format!("{back};") };
    let upkeep = migration_of_sql("shop_order", "autovacuum", upkeep, &project).unwrap().text;
    let key = ReferringKey { table: "shop_order".into(), columns: vec![name.to_owned()], ..ReferringKey::default() };
    let table = Table { schema: name.to_owned(), name: "shop_order".into(), ..Table::default() };
    let index = IndexUsage {
        schema: name.to_owned(),
        table: "shop_order".into(),
        name: name.to_owned(),
        key_columns: vec![1],
        column_names: vec![name.to_owned()],
        definition: Some(format!("CREATE INDEX {} ON a USING btree (b)", quote_ident(name))),
        ..IndexUsage::default()
    };
    let of = |index: &IndexUsage| IndexOrigin::of(index, Around::default());
    let of_meta = removal_of_usage(&table, &index, of(&index), &project).unwrap().python().unwrap();
    let of_field = IndexUsage { name: format!("{}_0a1b2c3d", name.chars().take(9).collect::<String>()), ..index };
    let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", pgdj::quote::qualified_always(name, &of_field.name));
    let rebuild = of_field.definition.clone().unwrap().replacen("INDEX", "INDEX CONCURRENTLY", 1);
    vec![
        (upkeep, vec![there, back]),
        (index_for_key(&key, &project).unwrap().python().unwrap(), vec!["shop".to_owned(), "order".to_owned()]),
        (of_meta, vec![name.to_owned()]),
        (removal_of_usage(&table, &of_field, of(&of_field), &project).unwrap().python().unwrap(), vec![drop, rebuild]),
    ]
}

#[test]
fn python_reads_every_string_as_what_was_meant() {
    let printed: Vec<(String, Vec<String>)> = names(150).iter().flat_map(|name| printed(name)).collect();
    for (text, _) in &printed {
        assert_printable(text);
    }
    if !has_django() {
        return;
    }
    let mut command = judge("5.2");
    command.args(["read", "-"]);
    let texts: Vec<&String> = printed.iter().map(|(text, _)| text).collect();
    let read: Value = serde_json::from_str(&run(command, &json!(texts).to_string())).unwrap();
    for ((text, meant), strings) in printed.iter().zip(read["strings"].as_array().unwrap()) {
        for string in meant {
            assert!(strings.as_array().unwrap().contains(&json!(string)), "{string:?} is not in\n{text}");
        }
    }
    let calls: Vec<&str> = read["called"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let foreign: Vec<&&str> = calls.iter().filter(|name| !CALLS.contains(name)).collect();
    assert!(foreign.is_empty(), "{foreign:?} are called");
}

#[tokio::test]
async fn the_server_reads_every_statement_as_what_was_meant() {
    let Some(server) = own() else { return };
    let client = open(&server.database().await).await;
    for name in names(40) {
        let run = |sql: String| {
            let client = &client;
            async move {
                assert_printable(&sql);
                client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            }
        };
        run(format!("create schema {0}; create table {1} ({0} int)", quote_ident(&name), qualified(&name, &name)))
            .await;
        let key = ReferringKey {
            schema: name.clone(),
            table: name.clone(),
            columns: vec![name.clone()],
            ..ReferringKey::default()
        };
        let code = index_for_key(&key, &Project::default()).unwrap();
        run(code.sql).await;
        let built = "select count(*) from pg_index as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] \
                     where a.attname = $1 and i.indisvalid";
        let count: i64 = client.query_one(built, &[&name]).await.unwrap().get(0);
        assert_eq!(count, 1, "{name:?}");
        let index = IndexUsage { schema: name.clone(), name: code.name, ..IndexUsage::default() };
        run(index.drop_statement()).await;
        let count: i64 = client.query_one(built, &[&name]).await.unwrap().get(0);
        assert_eq!(count, 0, "{name:?}");
        run(format!("drop schema {} cascade", quote_ident(&name))).await;
    }
}
