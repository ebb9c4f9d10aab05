//! An index expression as Django's own classes, and as the SQL that Django makes of them.

use super::names::field;
use crate::catalog::expr::{Form, Literal, quoted};
use crate::catalog::{Expr, Table};

/// An expression in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Both {
    /// Python: `Upper('email')`.
    pub(super) python: String,
    /// SQL without the outer parentheses of an index key: `UPPER("email")`.
    pub(super) sql: String,
    /// What Python has to import: module and name.
    pub(super) imports: Vec<(&'static str, &'static str)>,
}

const FUNCTIONS: &str = "django.db.models.functions";
const MODELS: &str = "django.db.models";
const JSON: &str = "django.db.models.fields.json";
const SEARCH: &str = "django.contrib.postgres.search";

/// Returns an expression as Django writes it; `None` where Django has no class for it.
pub(super) fn of(table: &Table, expr: &Expr) -> Option<Both> {
    match expr {
        Expr::Column { name, .. } => Some(Both {
            python: format!("F({})", python_text(field(table, name))),
            sql: quoted(name),
            imports: vec![(MODELS, "F")],
        }),
        Expr::Call { name, args } => call(table, name, args),
        Expr::Cast { operand, type_name } if type_name == "date" => date_of(table, operand),
        Expr::Binary { op, left, right } => json_key(table, op, left, right),
        _ => None,
    }
}

fn call(table: &Table, name: &str, args: &[Expr]) -> Option<Both> {
    match (name, args) {
        ("upper", [inner]) => function(table, "Upper", inner),
        ("lower", [inner]) => function(table, "Lower", inner),
        ("reverse", [inner]) => function(table, "Reverse", inner),
        ("length", [inner]) => function(table, "Length", inner),
        ("date_trunc", [Expr::Constant(unit), inner]) => truncated(table, &unit.text, inner),
        ("extract", [Expr::Constant(part), inner]) => extracted(table, &part.text, inner),
        ("to_tsvector", [Expr::Constant(config), document]) => search_vector(table, config, document),
        _ => None,
    }
}

/// A function of one field, or of an expression that has a form in Django.
fn function(table: &Table, class: &'static str, inner: &Expr) -> Option<Both> {
    let (python, sql, mut imports) = argument(table, inner)?;
    imports.push((FUNCTIONS, class));
    Some(Both { python: format!("{class}({python})"), sql: format!("{}({sql})", class.to_uppercase()), imports })
}

/// A module and a name of it.
type Import = (&'static str, &'static str);

/// An argument: a field by its name, anything else as an expression.
fn argument(table: &Table, inner: &Expr) -> Option<(String, String, Vec<Import>)> {
    if let Some(name) = inner.as_column() {
        return Some((python_text(field(table, name)), quoted(name), Vec::new()));
    }
    of(table, inner).map(|both| (both.python, both.sql, both.imports))
}

/// `col AT TIME ZONE 'UTC'`: the column and the zone; Django adds the zone itself where `USE_TZ` is on.
fn in_zone(inner: &Expr) -> Option<(&str, &str)> {
    let Expr::Call { name, args } = inner else { return None };
    match (name.as_str(), args.as_slice()) {
        ("timezone", [Expr::Constant(zone), at]) => Some((at.as_column()?, zone.text.as_str())),
        _ => None,
    }
}

fn date_of(table: &Table, operand: &Expr) -> Option<Both> {
    let (column, zone) = in_zone(operand)?;
    Some(Both {
        python: format!("TruncDate({})", python_text(field(table, column))),
        sql: format!("({} AT TIME ZONE '{zone}')::date", quoted(column)),
        imports: vec![(FUNCTIONS, "TruncDate")],
    })
}

fn truncated(table: &Table, unit: &str, inner: &Expr) -> Option<Both> {
    let class = match unit {
        "year" => "TruncYear",
        "quarter" => "TruncQuarter",
        "month" => "TruncMonth",
        "week" => "TruncWeek",
        "day" => "TruncDay",
        "hour" => "TruncHour",
        _ => return None,
    };
    let (column, zone) = in_zone(inner)?;
    Some(Both {
        python: format!("{class}({})", python_text(field(table, column))),
        sql: format!("DATE_TRUNC('{unit}', {} AT TIME ZONE '{zone}')", quoted(column)),
        imports: vec![(FUNCTIONS, class)],
    })
}

fn extracted(table: &Table, part: &str, inner: &Expr) -> Option<Both> {
    let class = match part {
        "year" => "ExtractYear",
        "quarter" => "ExtractQuarter",
        "month" => "ExtractMonth",
        "week" => "ExtractWeek",
        "day" => "ExtractDay",
        "hour" => "ExtractHour",
        _ => return None,
    };
    let (column, zone) = in_zone(inner)?;
    Some(Both {
        python: format!("{class}({})", python_text(field(table, column))),
        sql: format!("EXTRACT({} FROM {} AT TIME ZONE '{zone}')", part.to_uppercase(), quoted(column)),
        imports: vec![(FUNCTIONS, class)],
    })
}

/// `attrs -> 'brand'` is `F('attrs__brand')`, `attrs ->> 'brand'` is `KT('attrs__brand')`.
fn json_key(table: &Table, op: &str, left: &Expr, right: &Expr) -> Option<Both> {
    let column = left.as_column()?;
    let literal = right.as_literal()?;
    let keys: Vec<String> = match op {
        "->" | "->>" => vec![literal.text.clone()],
        "#>" | "#>>" => crate::catalog::size::array_elements(literal),
        _ => return None,
    };
    let is_plain = |key: &String| {
        !key.is_empty()
            && !key.contains("__")
            && !key.ends_with('_')
            && key.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    if !keys.iter().all(is_plain) {
        return None;
    }
    let path = python_text(&format!("{}__{}", field(table, column), keys.join("__")));
    let (python, import) =
        if op.ends_with(">>") { (format!("KT({path})"), (JSON, "KT")) } else { (format!("F({path})"), (MODELS, "F")) };
    let is_number = literal.form == Form::Number || matches!(literal.type_name.as_deref(), Some("integer"));
    let key = if is_number { literal.text.clone() } else { format!("'{}'", literal.text.replace('\'', "''")) };
    // KeyTransform puts its SQL in parentheses of its own.
    Some(Both { python, sql: format!("({} {op} {key})", quoted(column)), imports: vec![import] })
}

/// `to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, ''))` is `SearchVector('title', 'body', config='english')`.
fn search_vector(table: &Table, config: &Literal, document: &Expr) -> Option<Both> {
    let mut columns = Vec::new();
    if !flatten(document, &mut columns) || columns.is_empty() {
        return None;
    }
    let fields: Vec<String> = columns.iter().map(|name| python_text(field(table, name))).collect();
    let parts: Vec<String> = columns
        .iter()
        .map(|name| {
            let cast = if table.column(name).is_none_or(crate::catalog::Column::is_text) { "" } else { "::text" };
            format!("COALESCE({}{cast}, '')", quoted(name))
        })
        .collect();
    Some(Both {
        python: format!("SearchVector({}, config={})", fields.join(", "), python_text(&config.text)),
        sql: format!("to_tsvector('{}'::regconfig, {})", config.text.replace('\'', "''"), parts.join(" || ' ' || ")),
        imports: vec![(SEARCH, "SearchVector")],
    })
}

/// Collects the columns of `coalesce(a, '') || ' ' || coalesce(b, '')`; false where it is anything else.
fn flatten<'a>(document: &'a Expr, columns: &mut Vec<&'a str>) -> bool {
    match document {
        Expr::Binary { op, left, right } if op == "||" => flatten(left, columns) && flatten(right, columns),
        Expr::Constant(literal) => literal.text == " ",
        Expr::Cast { operand, .. } => flatten(operand, columns),
        Expr::Call { name, args } if name == "coalesce" => match args.as_slice() {
            [first, Expr::Constant(empty)] if empty.text.is_empty() => {
                let inner = if let Expr::Cast { operand, .. } = first { operand } else { first };
                inner.as_column().is_some_and(|name| {
                    columns.push(name);
                    true
                })
            }
            _ => false,
        },
        _ => false,
    }
}

/// Returns a text as a Python literal.
pub(super) fn python_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if other.is_control() => out.push_str(&format!("\\u{:04x}", other as u32)),
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}
