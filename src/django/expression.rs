//! An index expression as Django's own classes, and as the SQL that Django makes of them.
//!
//! What has no class of its own is said by `Func`, so that nearly every immutable expression can be declared.
//! Source: `django.db.models.functions`, `django.contrib.postgres.search`, tried with Django 4.2 and 5.2.

use super::project::Project;
use super::python::{Imports, Py, PythonAndSql};
use crate::catalog::expr::{ELEMENT, Literal, LiteralForm};
use crate::catalog::{Expr, Table};
use crate::quote::{quote_ident_always, quote_text};

const FUNCTIONS: &str = "django.db.models.functions";
const MODELS: &str = "django.db.models";
const JSON: &str = "django.db.models.fields.json";
const SEARCH: &str = "django.contrib.postgres.search";

/// Functions of one argument that Django has a class for: PostgreSQL's name, Django's, and how Django writes it.
const UNARY: &[(&str, &str, &str)] = &[
    ("upper", "Upper", "UPPER"),
    ("lower", "Lower", "LOWER"),
    ("length", "Length", "LENGTH"),
    ("reverse", "Reverse", "REVERSE"),
    ("btrim", "Trim", "TRIM"),
    ("md5", "MD5", "MD5"),
    ("abs", "Abs", "ABS"),
    ("floor", "Floor", "FLOOR"),
];

/// Parts of a moment that Django has a class for: PostgreSQL's name, `Trunc…`, `Extract…`.
const PARTS: &[(&str, Option<&str>, &str)] = &[
    ("year", Some("TruncYear"), "ExtractYear"),
    ("quarter", Some("TruncQuarter"), "ExtractQuarter"),
    ("month", Some("TruncMonth"), "ExtractMonth"),
    ("week", Some("TruncWeek"), "ExtractWeek"),
    ("day", Some("TruncDay"), "ExtractDay"),
    ("hour", Some("TruncHour"), "ExtractHour"),
    ("minute", Some("TruncMinute"), "ExtractMinute"),
];

/// Types that `Cast` has a field for.
const CASTS: &[(&str, &str)] = &[
    ("integer", "models.IntegerField()"),
    ("bigint", "models.BigIntegerField()"),
    ("smallint", "models.SmallIntegerField()"),
    ("text", "models.TextField()"),
    ("date", "models.DateField()"),
    ("boolean", "models.BooleanField()"),
    ("double precision", "models.FloatField()"),
    ("uuid", "models.UUIDField()"),
    ("jsonb", "models.JSONField()"),
];

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(super) struct ExpressionReader<'a> {
    /// The table whose columns it names.
    pub(super) table: &'a Table,
    /// What the columns' fields are called.
    pub(super) project: &'a Project,
}

impl ExpressionReader<'_> {
    /// Returns an expression as Django writes it; `None` where it cannot.
    pub(super) fn read(self, expr: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        match expr {
            Expr::Column { name, .. } => {
                imports.add(MODELS, "F");
                Some(PythonAndSql { python: Py::call("F", vec![self.field(name)]), sql: quote_ident_always(name) })
            }
            Expr::Constant(literal) => constant(literal, imports),
            Expr::Call { name, args } => self.call(name, args, imports),
            Expr::Cast { operand, type_name } => self.cast(operand, type_name, imports),
            Expr::Binary { op, left, right } => {
                self.json_key(op, left, right, imports).or_else(|| self.operator(op, left, right, imports))
            }
            _ => None,
        }
    }

    fn field(self, column: &str) -> Py {
        Py::text(&self.project.field(self.table, column))
    }

    /// An argument of a function: a field by its name alone, anything else as an expression.
    fn argument(self, expr: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        match expr.as_column() {
            Some(name) => Some(PythonAndSql { python: self.field(name), sql: quote_ident_always(name) }),
            None => self.read(expr, imports),
        }
    }

    fn call(self, name: &str, args: &[Expr], imports: &mut Imports) -> Option<PythonAndSql> {
        if let ([inner], Some((_, class, sql_name))) = (args, UNARY.iter().find(|(known, ..)| *known == name)) {
            let inner = self.argument(inner, imports)?;
            imports.add(FUNCTIONS, class);
            return Some(PythonAndSql {
                python: Py::call(class, vec![inner.python]),
                sql: format!("{sql_name}({})", inner.sql),
            });
        }
        match (name, args) {
            ("is_true" | "is_false" | "-", _) => None,
            (ELEMENT, [array, Expr::Constant(place)]) => self.element(array, place, imports),
            ("date_trunc", [Expr::Constant(unit), inner]) => self.truncated(&unit.text, inner, imports),
            ("extract", [Expr::Constant(part), inner]) => self.extracted(&part.text, inner, imports),
            ("timezone", [Expr::Constant(zone), inner]) => self.in_zone(zone, inner, imports),
            ("to_tsvector", [Expr::Constant(config), document]) => {
                self.search_vector(config, document, imports).or_else(|| self.function(name, args, imports))
            }
            ("coalesce", [_, _, ..]) => {
                let args = self.arguments(args, imports)?;
                imports.add(FUNCTIONS, "Coalesce");
                let sql = format!("COALESCE({})", sql_list(&args, ", "));
                Some(PythonAndSql { python: Py::call("Coalesce", python_list(args)), sql })
            }
            _ => self.function(name, args, imports),
        }
    }

    /// `codes[1]` is `F('codes__0')`. Source: `IndexTransform` of `django.contrib.postgres.fields.array`.
    fn element(self, array: &Expr, place: &Literal, imports: &mut Imports) -> Option<PythonAndSql> {
        let (column, place) = (array.as_column()?, place.text.parse::<u32>().ok()?);
        let path = format!("{}__{}", self.project.field(self.table, column), place.checked_sub(1)?);
        imports.add(MODELS, "F");
        Some(PythonAndSql {
            python: Py::call("F", vec![Py::text(&path)]),
            sql: format!("({})[{place}]", quote_ident_always(column)),
        })
    }

    fn arguments(self, args: &[Expr], imports: &mut Imports) -> Option<Vec<PythonAndSql>> {
        args.iter().map(|arg| self.argument(arg, imports)).collect()
    }

    /// Any other function: `Func('name', Value('x'), function='similarity')`.
    fn function(self, name: &str, args: &[Expr], imports: &mut Imports) -> Option<PythonAndSql> {
        let is_plain =
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if args.is_empty() || !is_plain {
            return None;
        }
        let args = self.arguments(args, imports)?;
        imports.add(MODELS, "Func");
        let sql = format!("{name}({})", sql_list(&args, ", "));
        Some(PythonAndSql { python: Py::call("Func", python_list(args)).with("function", Py::text(name)), sql })
    }

    /// `F('total') - F('paid_total')`; any other operator: `Func('a', 'b', arg_joiner=' || ', template='(%(expressions)s)')`.
    ///
    /// The keywords are in order: Django 5.2 takes two `Func` for different ones if they are not, and would write a
    /// migration each time it is asked.
    fn operator(self, op: &str, left: &Expr, right: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        if op.contains('%') {
            return None;
        }
        if matches!(op, "+" | "-" | "*" | "/")
            && let (Some(left), Some(right)) = (self.number(left), self.number(right))
        {
            imports.add(MODELS, "F");
            let python = Py::Atom(format!("{} {op} {}", left.python.flat(), right.python.flat()));
            return Some(PythonAndSql { python, sql: format!("({} {op} {})", left.sql, right.sql) });
        }
        let sides = self.arguments(&[left.clone(), right.clone()], imports)?;
        imports.add(MODELS, "Func");
        let joiner = format!(" {op} ");
        let sql = format!("({})", sql_list(&sides, &joiner));
        let python = Py::call("Func", python_list(sides))
            .with("arg_joiner", Py::text(&joiner))
            .with("template", Py::text("(%(expressions)s)"));
        Some(PythonAndSql { python, sql })
    }

    /// A column of numbers, or a whole number.
    fn number(self, expr: &Expr) -> Option<PythonAndSql> {
        match expr {
            Expr::Column { name, .. } if self.table.column(name).is_some_and(|column| column.category == 'N') => {
                Some(PythonAndSql { python: Py::call("F", vec![self.field(name)]), sql: quote_ident_always(name) })
            }
            Expr::Constant(literal) => {
                let number: u32 = literal.text.parse().ok()?;
                Some(PythonAndSql { python: Py::Atom(number.to_string()), sql: number.to_string() })
            }
            _ => None,
        }
    }

    fn cast(self, operand: &Expr, type_name: &str, imports: &mut Imports) -> Option<PythonAndSql> {
        if type_name == "date"
            && let Some((column, zone)) = Self::zoned(operand)
        {
            imports.add(FUNCTIONS, "TruncDate");
            return Some(PythonAndSql {
                python: Py::call("TruncDate", vec![self.field(column)]),
                sql: format!("({} AT TIME ZONE {})::date", quote_ident_always(column), quote_text(zone)),
            });
        }
        let inner = self.argument(operand, imports)?;
        let sql = format!("({})::{type_name}", inner.sql);
        if let Some((_, field)) = CASTS.iter().find(|(known, _)| *known == type_name) {
            imports.add(FUNCTIONS, "Cast");
            imports.add("django.db", "models");
            return Some(PythonAndSql {
                python: Py::call("Cast", vec![inner.python, Py::Atom((*field).to_owned())]),
                sql,
            });
        }
        let is_plain = type_name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, ' ' | '_' | '(' | ')' | ',' | '[' | ']'));
        imports.add(MODELS, "Func");
        let template = Py::text(&format!("(%(expressions)s)::{type_name}"));
        is_plain.then(|| PythonAndSql { python: Py::call("Func", vec![inner.python]).with("template", template), sql })
    }

    /// `col AT TIME ZONE 'UTC'` on a `timestamptz`: the column and the zone, which Django adds where `USE_TZ` is on.
    fn zoned(inner: &Expr) -> Option<(&str, &str)> {
        let Expr::Call { name, args } = inner else { return None };
        match (name.as_str(), args.as_slice()) {
            ("timezone", [Expr::Constant(zone), at]) => Some((at.as_column()?, zone.text.as_str())),
            _ => None,
        }
    }

    fn in_zone(self, zone: &Literal, inner: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        let inner = self.argument(inner, imports)?;
        imports.add(MODELS, "Func");
        imports.add(MODELS, "Value");
        let python = Py::call("Func", vec![inner.python, Py::call("Value", vec![Py::text(&zone.text)])])
            .with("arg_joiner", Py::text(" AT TIME ZONE "))
            .with("template", Py::text("(%(expressions)s)"));
        Some(PythonAndSql { python, sql: format!("({} AT TIME ZONE {})", inner.sql, quote_text(&zone.text)) })
    }

    /// What a part is taken of: a moment in a zone, or a column that has none.
    fn moment(self, inner: &Expr) -> Option<(Py, String)> {
        if let Some((column, zone)) = Self::zoned(inner) {
            return Some((
                self.field(column),
                format!("{} AT TIME ZONE {}", quote_ident_always(column), quote_text(zone)),
            ));
        }
        let column = self.table.column(inner.as_column()?)?;
        let has_no_zone = matches!(column.type_name.as_str(), "date" | "timestamp without time zone");
        has_no_zone.then(|| (self.field(&column.name), quote_ident_always(&column.name)))
    }

    fn truncated(self, unit: &str, inner: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        let class = PARTS.iter().find(|(known, ..)| *known == unit)?.1?;
        let (field, sql) = self.moment(inner)?;
        imports.add(FUNCTIONS, class);
        Some(PythonAndSql { python: Py::call(class, vec![field]), sql: format!("DATE_TRUNC('{unit}', {sql})") })
    }

    fn extracted(self, part: &str, inner: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        let class = PARTS.iter().find(|(known, ..)| *known == part)?.2;
        let (field, sql) = self.moment(inner)?;
        imports.add(FUNCTIONS, class);
        Some(PythonAndSql {
            python: Py::call(class, vec![field]),
            sql: format!("EXTRACT({} FROM {sql})", part.to_uppercase()),
        })
    }

    /// `attrs -> 'brand'` is `F('attrs__brand')`, `attrs ->> 'brand'` is `KT('attrs__brand')`.
    fn json_key(self, op: &str, left: &Expr, right: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        let (column, literal) = (left.as_column()?, right.as_literal()?);
        let keys = match op {
            "->" | "->>" => vec![literal.text.clone()],
            "#>" | "#>>" => crate::catalog::size::array_elements(literal),
            _ => return None,
        };
        // A longer path is `#>` for Django, a single key `->`; a key that could be a lookup or holds `__` has no name.
        let is_usual = (keys.len() > 1) == op.starts_with('#');
        let is_plain = |key: &String| {
            key.starts_with(|letter: char| letter.is_alphabetic())
                && !key.contains("__")
                && !key.ends_with('_')
                && key.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        };
        if !is_usual || keys.is_empty() || !keys.iter().all(is_plain) {
            return None;
        }
        let path = Py::text(&format!("{}__{}", self.project.field(self.table, column), keys.join("__")));
        let (class, module) = if op.ends_with(">>") { ("KT", JSON) } else { ("F", MODELS) };
        imports.add(module, class);
        let key =
            quote_text(&if op.starts_with('#') { format!("{{{}}}", keys.join(",")) } else { literal.text.clone() });
        // KeyTransform puts its SQL in parentheses of its own.
        Some(PythonAndSql {
            python: Py::call(class, vec![path]),
            sql: format!("({} {op} {key})", quote_ident_always(column)),
        })
    }

    /// `to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, ''))` is
    /// `SearchVector('title', 'body', config='english')`.
    fn search_vector(self, config: &Literal, document: &Expr, imports: &mut Imports) -> Option<PythonAndSql> {
        let mut columns = Vec::new();
        if !flatten(document, &mut columns) || columns.is_empty() {
            return None;
        }
        let parts: Vec<String> = columns
            .iter()
            .map(|name| {
                // Django casts what is no text field of its own. Source: SearchVector.resolve_expression.
                let cast = if self.table.column(name).is_none_or(crate::catalog::TableColumn::is_text) {
                    ""
                } else {
                    "::text"
                };
                let operand = if cast.is_empty() {
                    quote_ident_always(name)
                } else {
                    format!("({}){cast}", quote_ident_always(name))
                };
                format!("COALESCE({operand}, '')")
            })
            .collect();
        imports.add(SEARCH, "SearchVector");
        let fields = columns.iter().map(|name| self.field(name)).collect();
        Some(PythonAndSql {
            python: Py::call("SearchVector", fields).with("config", Py::text(&config.text)),
            sql: format!("to_tsvector({}::regconfig, {})", quote_text(&config.text), parts.join(" || ' ' || ")),
        })
    }
}

fn constant(literal: &Literal, imports: &mut Imports) -> Option<PythonAndSql> {
    let is_number = literal.form == LiteralForm::Number
        || matches!(literal.type_name.as_deref(), Some("integer" | "bigint" | "smallint"));
    let (python, sql) = match literal.form {
        LiteralForm::Null | LiteralForm::Boolean => return None,
        _ if is_number => {
            let number: i64 = literal.text.parse().ok()?;
            (Py::Atom(number.to_string()), number.to_string())
        }
        _ => (Py::text(&literal.text), quote_text(&literal.text)),
    };
    imports.add(MODELS, "Value");
    Some(PythonAndSql { python: Py::call("Value", vec![python]), sql })
}

fn sql_list(parts: &[PythonAndSql], between: &str) -> String {
    parts.iter().map(|part| part.sql.as_str()).collect::<Vec<_>>().join(between)
}

fn python_list(parts: Vec<PythonAndSql>) -> Vec<Py> {
    parts.into_iter().map(|part| part.python).collect()
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
