//! Names and values of a database that somebody else fills stay names and values in the code.

use pgdj::catalog::{Column, Definition, Expr, Index, Key, Table};
use pgdj::django::{DjangoVersion, Project, code_for, removal_of};
use serde_json::{Value, json};

use super::{has_django, judge, run};

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
    let column = |name: &str, type_name: &str| Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        ..Column::default()
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
