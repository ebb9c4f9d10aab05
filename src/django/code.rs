//! An index as the line for `Meta.indexes`, its imports, its migration and its SQL.

use std::collections::BTreeMap;

use super::expression::{self, python_text};
use super::index_name::index_name;
use super::names::{Certainty, Names, Owner, field};
use super::sql::{Build, create_index, drop_index, in_values, sorted};
use crate::catalog::expr::{Form, Literal};
use crate::catalog::index::{Definition, Direction, Key, Method, Nulls};
use crate::catalog::{Catalog, Expr, Table};

/// An index as Django code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DjangoCode {
    /// The index's name, the same in all forms.
    pub name: String,
    /// The model, where one is known.
    pub owner: Option<Owner>,
    /// The line for `Meta.indexes`, with its comma; `None` where Django cannot say it or no model is known.
    pub meta_line: Option<String>,
    /// The imports that the line needs, one a line, sorted.
    pub imports: Vec<String>,
    /// The migration; `None` where no app is known.
    pub migration: Option<MigrationFile>,
    /// `CREATE INDEX CONCURRENTLY`, as the migration makes it.
    pub sql: String,
    /// How far the names can be trusted.
    pub certainty: Certainty,
    /// What else has to be known, one sentence each.
    pub notes: Vec<String>,
}

/// A migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFile {
    /// The path below the project: `shop/migrations/0008_order_reference_idx.py`; the app's folder is its label.
    pub path: String,
    /// The text.
    pub text: String,
}

/// The extensions whose operation Django has.
const OPERATIONS: [(&str, &str); 3] =
    [("pg_trgm", "TrigramExtension"), ("btree_gist", "BtreeGistExtension"), ("btree_gin", "BtreeGinExtension")];

/// Returns an index as Django code. Never fails: what cannot be said in Django is said in SQL.
pub fn code_for(table: &Table, index: &Definition, names: &Names, catalog: &Catalog) -> DjangoCode {
    let name = index_name(table, index, names);
    let owner = names.owner(&table.name);
    let mut imports = Imports::default();
    let object = python_index(table, index, &name, &mut imports);
    let is_default_schema = table.schema == "public" || table.schema.is_empty();
    let build = if is_default_schema { Build::Django } else { Build::Concurrent };
    let sql = create_index(table, index, &name, build);
    let missing = missing_extensions(index, catalog);
    let mut notes = Vec::new();
    if imports.has("django.contrib.postgres") {
        notes.push("needs 'django.contrib.postgres' in INSTALLED_APPS".to_owned());
    }
    for extension in &missing {
        notes
            .push(format!("needs the extension {extension}, which the migration creates: its role must be allowed to"));
    }
    if object.is_none() {
        notes.push(
            "Django has no class for this expression: the migration runs the SQL, and Meta.indexes has no line"
                .to_owned(),
        );
    }
    if !is_default_schema {
        notes.push(format!("the table is in the schema {}: Django finds it by search_path only", table.schema));
    }
    let migration = owner.as_ref().map(|owner| {
        let action = Action { owner, name: &name, object: object.as_deref(), sql: &sql, extensions: &missing };
        action.file(names, &imports)
    });
    let certainty = owner.as_ref().map_or(Certainty::Unknown, |owner| owner.certainty);
    let meta_line = object.filter(|_| owner.is_some()).map(|object| format!("{object},"));
    let imports = if meta_line.is_some() { imports.lines() } else { Vec::new() };
    DjangoCode { name, owner, meta_line, imports, migration, sql: sql + ";", certainty, notes }
}

/// Modules and the names taken from them.
#[derive(Debug, Clone, Default)]
struct Imports {
    modules: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Imports {
    fn add(&mut self, module: &'static str, name: &'static str) {
        let names = self.modules.entry(module).or_default();
        if !names.contains(&name) {
            names.push(name);
            names.sort_unstable();
        }
    }

    fn has(&self, module: &str) -> bool {
        self.modules.keys().any(|known| known.starts_with(module))
    }

    fn lines(&self) -> Vec<String> {
        self.modules.iter().map(|(module, names)| format!("from {module} import {}", names.join(", "))).collect()
    }
}

/// Returns `models.Index(…)` or its like; `None` where an expression has no class.
fn python_index(table: &Table, index: &Definition, name: &str, imports: &mut Imports) -> Option<String> {
    let class = match index.method {
        Method::BTree => {
            imports.add("django.db", "models");
            "models.Index"
        }
        Method::Gin => postgres_class(imports, "GinIndex"),
        Method::Gist => postgres_class(imports, "GistIndex"),
        Method::Brin => postgres_class(imports, "BrinIndex"),
        Method::Hash => postgres_class(imports, "HashIndex"),
        Method::SpGist => postgres_class(imports, "SpGistIndex"),
        Method::Other(_) => return None,
    };
    let mut arguments = key_arguments(table, index, imports)?;
    if !index.predicate.is_empty() {
        arguments.push(format!("condition={}", condition(table, &index.predicate, imports)?));
    }
    if !index.include.is_empty() {
        let fields: Vec<String> = index.include.iter().map(|name| python_text(field(table, name))).collect();
        arguments.push(format!("include=[{}]", fields.join(", ")));
    }
    for (option, value) in &index.options {
        let value = match value.as_str() {
            "on" => "True",
            "off" => "False",
            other => other,
        };
        arguments.push(format!("{option}={value}"));
    }
    arguments.push(format!("name={}", python_text(name)));
    Some(format!("{class}({})", arguments.join(", ")))
}

fn postgres_class(imports: &mut Imports, class: &'static str) -> &'static str {
    imports.add("django.contrib.postgres.indexes", class);
    class
}

/// `fields=[…]` where every key is a field, else the expressions.
fn key_arguments(table: &Table, index: &Definition, imports: &mut Imports) -> Option<Vec<String>> {
    let is_field = |key: &Key| key.expr.as_column().is_some() && key.nulls == Nulls::Usual;
    let opclasses: Vec<&String> = index.keys.iter().filter_map(|key| key.opclass.as_ref()).collect();
    if index.keys.iter().all(is_field) && (opclasses.is_empty() || opclasses.len() == index.keys.len()) {
        let fields: Vec<String> =
            index.keys.iter().filter_map(|key| Some(field_text(table, key, key.expr.as_column()?))).collect();
        let mut arguments = vec![format!("fields=[{}]", fields.join(", "))];
        if !opclasses.is_empty() {
            let names: Vec<String> = opclasses.iter().map(|name| python_text(name)).collect();
            arguments.push(format!("opclasses=[{}]", names.join(", ")));
        }
        return Some(arguments);
    }
    index.keys.iter().map(|key| key_expression(table, key, imports)).collect()
}

fn field_text(table: &Table, key: &Key, column: &str) -> String {
    let sign = if key.direction == Direction::Descending { "-" } else { "" };
    python_text(&format!("{sign}{}", field(table, column)))
}

fn key_expression(table: &Table, key: &Key, imports: &mut Imports) -> Option<String> {
    let is_plain_order = key.direction == Direction::Ascending && key.nulls == Nulls::Usual;
    let by_name = key.expr.as_column().map(|name| python_text(field(table, name)));
    if let (Some(name), None, true) = (&by_name, &key.opclass, is_plain_order) {
        return Some(name.clone());
    }
    let mut python = if let (Some(name), Some(_)) = (by_name, &key.opclass) {
        name
    } else {
        let both = expression::of(table, &key.expr)?;
        both.imports.iter().for_each(|(module, name)| imports.add(module, name));
        both.python
    };
    if let Some(opclass) = &key.opclass {
        imports.add("django.contrib.postgres.indexes", "OpClass");
        python = format!("OpClass({python}, name={})", python_text(opclass));
    }
    let order = match (key.direction, key.nulls) {
        (Direction::Ascending, Nulls::First) => ".asc(nulls_first=True)",
        (Direction::Descending, Nulls::Last) => ".desc(nulls_last=True)",
        (Direction::Descending, _) => ".desc()",
        (Direction::Ascending, _) => "",
    };
    Some(python + order)
}

/// `Q(…)` of a predicate, its arguments in Django's order.
fn condition(table: &Table, predicate: &[Expr], imports: &mut Imports) -> Option<String> {
    imports.add("django.db.models", "Q");
    let parts: Option<Vec<String>> = sorted(predicate).into_iter().map(|clause| lookup(table, clause)).collect();
    Some(format!("Q({})", parts?.join(", ")))
}

fn lookup(table: &Table, clause: &Expr) -> Option<String> {
    let named = |expr: &Expr| expr.as_column().map(|name| field(table, name).to_owned());
    match clause {
        Expr::Column { name, .. } => Some(format!("{}=True", field(table, name))),
        Expr::Not(inner) => Some(format!("{}=False", named(inner)?)),
        Expr::IsNull(inner) => Some(format!("{}__isnull=True", named(inner)?)),
        Expr::IsNotNull(inner) => Some(format!("{}__isnull=False", named(inner)?)),
        Expr::Binary { op, left, right } if op == "=" => {
            Some(format!("{}={}", named(left)?, value(right.as_literal()?)))
        }
        Expr::Quantified { left, right, .. } => {
            let values: Option<Vec<String>> =
                in_values(right).iter().map(|item| item.as_literal().map(value)).collect();
            Some(format!("{}__in=[{}]", named(left)?, values?.join(", ")))
        }
        _ => None,
    }
}

fn value(literal: &Literal) -> String {
    let is_number =
        literal.form == Form::Number || matches!(literal.type_name.as_deref(), Some("integer" | "bigint" | "smallint"));
    match literal.form {
        Form::Boolean => if literal.text == "true" { "True" } else { "False" }.to_owned(),
        Form::Null => "None".to_owned(),
        _ if is_number => literal.text.clone(),
        _ => python_text(&literal.text),
    }
}

/// Returns the extensions that an index needs and that are not installed.
fn missing_extensions(index: &Definition, catalog: &Catalog) -> Vec<&'static str> {
    let needs_trigrams = index.keys.iter().any(|key| key.opclass.as_deref().is_some_and(|name| name.contains("trgm")));
    let is_scalar = |key: &Key| key.opclass.is_none() && key.expr.as_column().is_some();
    let mixed = index.keys.len() > 1 && index.keys.iter().any(is_scalar);
    let mut needed = Vec::new();
    if needs_trigrams {
        needed.push("pg_trgm");
    }
    match index.method {
        Method::Gist if mixed => needed.push("btree_gist"),
        Method::Gin if mixed => needed.push("btree_gin"),
        _ => {}
    }
    needed.retain(|name| !catalog.has_extension(name));
    needed
}

/// What a migration does.
struct Action<'a> {
    owner: &'a Owner,
    name: &'a str,
    object: Option<&'a str>,
    sql: &'a str,
    extensions: &'a [&'static str],
}

impl Action<'_> {
    fn file(&self, names: &Names, index_imports: &Imports) -> MigrationFile {
        let mut imports = if self.object.is_some() { index_imports.clone() } else { Imports::default() };
        imports.add("django.db", "migrations");
        let last = names.last_migration.get(&self.owner.app);
        let dependencies = last.map_or_else(
            || "    dependencies = []  # the app's last migration belongs here\n".to_owned(),
            |last| {
                format!(
                    "    dependencies = [\n        ({}, {}),\n    ]\n",
                    python_text(&self.owner.app),
                    python_text(last)
                )
            },
        );
        let operations = self.operations(&mut imports);
        let text = format!(
            "{}\n\n\nclass Migration(migrations.Migration):\n    atomic = False\n\n{dependencies}\n    operations = [\n{operations}    ]\n",
            imports.lines().join("\n")
        );
        let number: u32 = last
            .and_then(|last| last.split('_').next())
            .filter(|digits| digits.len() == 4)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0);
        MigrationFile { path: format!("{}/migrations/{:04}_{}.py", self.owner.app, number + 1, self.name), text }
    }

    fn operations(&self, imports: &mut Imports) -> String {
        const MODULE: &str = "django.contrib.postgres.operations";
        let mut lines = String::new();
        for (extension, operation) in OPERATIONS {
            if self.extensions.contains(&extension) {
                imports.add(MODULE, operation);
                lines.push_str(&format!("        {operation}(),\n"));
            }
        }
        match self.object {
            Some(object) => {
                imports.add(MODULE, "AddIndexConcurrently");
                lines.push_str(&format!(
                    "        AddIndexConcurrently(\n            model_name={},\n            index={object},\n        ),\n",
                    python_text(&self.owner.model)
                ));
            }
            None => lines.push_str(&format!(
                "        migrations.RunSQL(\n            {},\n            reverse_sql={},\n        ),\n",
                // RunSQL passes no parameters, so that a percent sign stays one.
                python_text(self.sql),
                python_text(&drop_index(self.name))
            )),
        }
        lines
    }
}
