//! A partial index's predicate as Django's `Q`, and as the SQL that Django makes of it.
//!
//! Source: `Query._add_q`, `Query.build_filter`, `WhereNode.as_sql`, the same from Django 4.2 on.

use super::project::Project;
use super::python::{Imports, Py, PythonAndSql};
use super::value;
use crate::catalog::expr::{Literal, LiteralForm, Quantifier};
use crate::catalog::size::array_elements;
use crate::catalog::{Expr, Table};
use crate::quote::quote_ident_always;

/// A condition that Django can say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// One lookup: `status='done'`, and its SQL.
    Lookup { keyword: String, value: Py, sql: String },
    /// Not one lookup; on a nullable column the SQL says that it is not null.
    Not { keyword: String, value: Py, sql: String, nullable: Option<String> },
    /// All of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
}

/// Returns a predicate, all of whose parts hold, in both forms; `None` where Django cannot say it.
pub(super) fn of(table: &Table, predicate: &[Expr], project: &Project, imports: &mut Imports) -> Option<PythonAndSql> {
    let scope = ConditionReader { table, project };
    let parts: Option<Vec<Condition>> = predicate.iter().map(|part| scope.read(part, imports)).collect();
    let whole = Condition::All(parts?).simplified();
    imports.add("django.db.models", "Q");
    Some(PythonAndSql { python: whole.python(), sql: whole.sql() })
}

struct ConditionReader<'a> {
    table: &'a Table,
    project: &'a Project,
}

impl ConditionReader<'_> {
    fn read(&self, expr: &Expr, imports: &mut Imports) -> Option<Condition> {
        match expr {
            Expr::Column { name, .. } => self.flag(name, "True"),
            Expr::Not(inner) => match inner.as_ref() {
                Expr::Column { name, .. } => self.flag(name, "False"),
                Expr::Not(twice) => self.read(twice, imports),
                Expr::IsNull(inner) => self.null(inner, "False"),
                Expr::IsNotNull(inner) => self.null(inner, "True"),
                other => self.read(other, imports).and_then(|found| self.negated(found, other)),
            },
            Expr::IsNull(inner) => self.null(inner, "True"),
            Expr::IsNotNull(inner) => self.null(inner, "False"),
            Expr::And(parts) => Some(Condition::All(self.each(parts, imports)?)),
            Expr::Or(parts) => {
                self.unequal_or_null(parts, imports).or_else(|| Some(Condition::Any(self.each(parts, imports)?)))
            }
            Expr::Binary { op, left, right } => self.compared(op, left, right, imports),
            Expr::Quantified { op, left, right, quantifier } => match (op.as_str(), quantifier) {
                ("=", Quantifier::Any) => self.one_of(left, right, imports),
                ("<>", Quantifier::All) => self.strictly_not(self.one_of(left, right, imports)?, left),
                _ => None,
            },
            _ => None,
        }
    }

    fn each(&self, parts: &[Expr], imports: &mut Imports) -> Option<Vec<Condition>> {
        parts.iter().map(|part| self.read(part, imports)).collect()
    }

    fn flag(&self, column: &str, value: &str) -> Option<Condition> {
        let is_boolean = self.table.column(column).is_none_or(|column| column.type_name == "boolean");
        let sql =
            if value == "True" { quote_ident_always(column) } else { format!("NOT {}", quote_ident_always(column)) };
        let keyword = self.project.field(self.table, column);
        is_boolean.then(|| Condition::Lookup { keyword, value: Py::Atom(value.to_owned()), sql })
    }

    fn null(&self, operand: &Expr, value: &str) -> Option<Condition> {
        let column = operand.as_column()?;
        let keyword = format!("{}__isnull", self.project.field(self.table, column));
        let verb = if value == "True" { "IS NULL" } else { "IS NOT NULL" };
        Some(Condition::Lookup {
            keyword,
            value: Py::Atom(value.to_owned()),
            sql: format!("{} {verb}", quote_ident_always(column)),
        })
    }

    fn compared(&self, op: &str, left: &Expr, right: &Expr, imports: &mut Imports) -> Option<Condition> {
        let (Some(column), Some(literal)) = (left.as_column(), right.as_literal()) else {
            // `5 < x` is `x > 5`.
            let turned = match op {
                "=" | "<>" => op,
                "<" => ">",
                "<=" => ">=",
                ">" => "<",
                ">=" => "<=",
                _ => return None,
            };
            let is_turned = left.as_literal().is_some() && right.as_column().is_some();
            return if is_turned { self.compared(turned, right, left, imports) } else { None };
        };
        let type_name = self.table.column(column)?.type_name.as_str();
        if type_name == "boolean" {
            let is_true = matches!(literal.text.as_str(), "true" | "t") == (op == "=");
            return if matches!(op, "=" | "<>") {
                self.flag(column, if is_true { "True" } else { "False" })
            } else {
                None
            };
        }
        let (lookup, sql_op) = match op {
            "=" | "<>" => ("", "="),
            "<" => ("__lt", op),
            "<=" => ("__lte", op),
            ">" => ("__gt", op),
            ">=" => ("__gte", op),
            _ => return None,
        };
        let both = value::of(literal, type_name, imports)?;
        let keyword = format!("{}{lookup}", self.project.field(self.table, column));
        let sql = format!("{} {sql_op} {}", quote_ident_always(column), both.sql);
        let equal = Condition::Lookup { keyword, value: both.python, sql };
        if op == "<>" { self.strictly_not(equal, left) } else { Some(equal) }
    }

    /// `IN`; Django drops what stands there twice.
    fn one_of(&self, left: &Expr, right: &Expr, imports: &mut Imports) -> Option<Condition> {
        let column = left.as_column()?;
        let type_name = self.table.column(column)?.type_name.as_str();
        let mut values: Vec<PythonAndSql> = Vec::new();
        for text in array_elements(right.as_literal()?) {
            let both = value::of(&Literal { text, form: LiteralForm::Quoted, type_name: None }, type_name, imports)?;
            if !values.contains(&both) {
                values.push(both);
            }
        }
        let texts: Vec<&str> = values.iter().map(|both| both.sql.as_str()).collect();
        let sql = format!("{} IN ({})", quote_ident_always(column), texts.join(", "));
        let keyword = format!("{}__in", self.project.field(self.table, column));
        let value = Py::List(values.iter().map(|both| both.python.clone()).collect());
        (!values.is_empty()).then_some(Condition::Lookup { keyword, value, sql })
    }

    /// `x <> 5 OR x IS NULL` on a nullable column is what `exclude(x=5)` makes.
    fn unequal_or_null(&self, parts: &[Expr], imports: &mut Imports) -> Option<Condition> {
        let [Expr::Binary { op, left, right }, Expr::IsNull(other)] = parts else { return None };
        if op != "<>" || left != other {
            return None;
        }
        let equal = self.compared("=", left, right, imports)?;
        self.negated(equal, left)
    }

    /// `~Q(…)` of one lookup, true of null too.
    fn negated(&self, condition: Condition, of: &Expr) -> Option<Condition> {
        let Condition::Lookup { keyword, value, sql } = condition else { return None };
        if keyword.ends_with("__isnull") {
            return None;
        }
        let columns = of.columns();
        let is_nullable = |name: &&&str| self.table.column(name).is_none_or(|column| !column.is_not_null);
        let nullable = columns.first().filter(is_nullable).map(|name| quote_ident_always(name));
        Some(Condition::Not { keyword, value, sql, nullable })
    }

    /// `x <> 5`: never true of null, so on a nullable column it takes a second lookup.
    fn strictly_not(&self, condition: Condition, of: &Expr) -> Option<Condition> {
        let not = self.negated(condition, of)?;
        let Condition::Not { nullable: Some(_), .. } = not else { return Some(not) };
        Some(Condition::All(vec![self.null(of, "False")?, not]))
    }
}

impl Condition {
    /// Joins groups of the same kind, as `Node.add` does, and orders lookups as `Q(**lookups)` does.
    fn simplified(self) -> Self {
        let (parts, is_all) = match self {
            Self::All(parts) => (parts, true),
            Self::Any(parts) => (parts, false),
            other => return other,
        };
        let mut flat = Vec::new();
        for part in parts.into_iter().map(Self::simplified) {
            match part {
                Self::All(inner) if is_all => flat.extend(inner),
                Self::Any(inner) if !is_all => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1
            && let Some(only) = flat.pop()
        {
            return only;
        }
        if is_all && has_distinct_keywords(&flat) {
            flat.sort_by(|one, other| one.keyword().cmp(&other.keyword()));
        }
        if is_all { Self::All(flat) } else { Self::Any(flat) }
    }

    fn keyword(&self) -> Option<&str> {
        if let Self::Lookup { keyword, .. } = self { Some(keyword) } else { None }
    }

    fn python(&self) -> Py {
        let negation = |keyword: &str, value: &Py| format!("~Q({keyword}={})", value.flat());
        match self {
            Self::Lookup { keyword, value, .. } => Py::Atom(format!("Q({keyword}={})", value.flat())),
            Self::Not { keyword, value, .. } => Py::Atom(negation(keyword, value)),
            Self::All(parts) if has_distinct_keywords(parts) => {
                let lookups: Vec<Py> = parts
                    .iter()
                    .filter_map(|part| match part {
                        Self::Lookup { keyword, value, .. } => Some(Py::Atom(format!("{keyword}={}", value.flat()))),
                        _ => None,
                    })
                    .collect();
                Py::call("Q", lookups)
            }
            Self::All(parts) => Py::Atom(joined(parts, " & ")),
            Self::Any(parts) => Py::Atom(joined(parts, " | ")),
        }
    }

    fn sql(&self) -> String {
        let group =
            |parts: &[Self], word: &str| format!("({})", parts.iter().map(Self::sql).collect::<Vec<_>>().join(word));
        match self {
            Self::Lookup { sql, .. } => sql.clone(),
            Self::Not { sql, nullable: None, .. } => format!("NOT ({sql})"),
            Self::Not { sql, nullable: Some(column), .. } => format!("NOT ({sql} AND {column} IS NOT NULL)"),
            Self::All(parts) => group(parts, " AND "),
            Self::Any(parts) => group(parts, " OR "),
        }
    }
}

fn joined(parts: &[Condition], operator: &str) -> String {
    let one = |part: &Condition| match part {
        Condition::Any(_) => format!("({})", part.python().flat()),
        Condition::All(inner) if !has_distinct_keywords(inner) => format!("({})", part.python().flat()),
        _ => part.python().flat(),
    };
    parts.iter().map(one).collect::<Vec<_>>().join(operator)
}

/// Says whether the parts can be the arguments of one `Q`: lookups, each of its own name.
fn has_distinct_keywords(parts: &[Condition]) -> bool {
    let keywords: Option<Vec<&str>> = parts.iter().map(Condition::keyword).collect();
    keywords.is_some_and(|mut keywords| {
        keywords.sort_unstable();
        keywords.windows(2).all(|pair| pair.first() != pair.last())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TableColumn;
    use crate::catalog::parse::expression;

    fn table() -> Table {
        let column = |name: &str, type_name: &str, is_not_null| TableColumn {
            name: name.into(),
            type_name: type_name.into(),
            is_not_null,
            ..TableColumn::default()
        };
        Table {
            columns: vec![
                column("status", "character varying", true),
                column("kind", "character varying", false),
                column("total", "integer", true),
                column("is_active", "boolean", true),
            ],
            ..Table::default()
        }
    }

    fn check(predicate: &str, python: &str, sql: &str) {
        let table = table();
        let parts = expression(predicate).normalised(&table).conjuncts();
        let both = of(&table, &parts, &Project::default(), &mut Imports::default());
        let found = both.map(|both| (both.python.flat(), both.sql));
        assert_eq!(found, Some((python.to_owned(), sql.to_owned())), "{predicate}");
    }

    #[test]
    fn a_predicate_is_a_q_and_the_sql_django_makes_of_it() {
        check("((status)::text = 'done'::text)", "Q(status='done')", r#""status" = 'done'"#);
        check("is_active", "Q(is_active=True)", r#""is_active""#);
        check("(NOT is_active)", "Q(is_active=False)", r#"NOT "is_active""#);
        check("(kind IS NULL)", "Q(kind__isnull=True)", r#""kind" IS NULL"#);
        check(
            "((total > 5) AND ((status)::text = 'a'::text))",
            "Q(status='a', total__gt=5)",
            r#"("status" = 'a' AND "total" > 5)"#,
        );
        check("((total > 5) AND (total > 7))", "Q(total__gt=5) & Q(total__gt=7)", r#"("total" > 5 AND "total" > 7)"#);
        check("((status)::text = ANY ('{a,b,a}'::text[]))", "Q(status__in=['a', 'b'])", r#""status" IN ('a', 'b')"#);
        check("((status)::text <> 'a'::text)", "~Q(status='a')", r#"NOT ("status" = 'a')"#);
        check(
            "((kind)::text <> 'a'::text)",
            "Q(kind__isnull=False) & ~Q(kind='a')",
            r#"("kind" IS NOT NULL AND NOT ("kind" = 'a' AND "kind" IS NOT NULL))"#,
        );
        check(
            "(((kind)::text <> 'a'::text) OR (kind IS NULL))",
            "~Q(kind='a')",
            r#"NOT ("kind" = 'a' AND "kind" IS NOT NULL)"#,
        );
        check(
            "(is_active AND ((total < 3) OR ((status)::text = 'x'::text)))",
            "Q(is_active=True) & (Q(total__lt=3) | Q(status='x'))",
            r#"("is_active" AND ("total" < 3 OR "status" = 'x'))"#,
        );
    }

    #[test]
    fn what_django_cannot_say_is_not_said() {
        let table = table();
        for predicate in ["(total = (total + 1))", "((status)::text ~ 'x'::text)", "(total > $1)", "(status IS TRUE)"] {
            let parts = expression(predicate).normalised(&table).conjuncts();
            assert_eq!(of(&table, &parts, &Project::default(), &mut Imports::default()), None, "{predicate}");
        }
    }
}
