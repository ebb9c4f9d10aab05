//! Which columns an index could be built on for a condition, as far as the plan alone tells.
//!
//! Plain columns of one table, and `upper` or `lower` of one. A rule that names an index names these, and no index where
//! there are none: an index over two tables, or on an expression that is not immutable, cannot be built.

use super::support::{Node, TipInput, short};
use crate::catalog::{Expr, parse};
use crate::quote::quote_text;

/// Functions whose result differs from one call to the next. Source: `pg_proc.provolatile` = `v`.
const VOLATILE: &[&str] = &["random", "clock_timestamp", "timeofday", "nextval", "gen_random_uuid"];

/// Returns the keys of one table by which an index could find the rows of a condition: those compared by `=` first, then
/// one range; none where no single index could. `alias` is the name by which the plan calls the table.
pub(super) fn keys(condition: &str, alias: Option<&str>) -> Vec<String> {
    let (mut equal, mut ranges): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for part in parse::expression(condition).conjuncts() {
        let Some((key, is_equal)) = key_of(&part, alias) else { continue };
        let list = if is_equal { &mut equal } else { &mut ranges };
        if !list.contains(&key) {
            list.push(key);
        }
    }
    ranges.retain(|key| !equal.contains(key));
    equal.extend(ranges.into_iter().next());
    equal
}

/// Says that no index finds rows by a condition: a pattern needs one of its own kind, the rest has to be written another way.
///
/// The second is the part that an index which was found takes the place of.
pub(super) fn not_by(condition: &str, otherwise: &str) -> (String, String) {
    if let Some((pattern, index)) = pattern(&parse::expression(condition)) {
        return (format!("a plain index cannot serve {pattern}: {index}"), index.to_owned());
    }
    let whole = format!("a b-tree index cannot find rows by {}: {otherwise}", short(condition));
    (whole.clone(), whole)
}

/// Returns the first comparison with a pattern as SQL writes it (`ILIKE '%foo%'`, `~ '^a'`), and which index serves it.
///
/// Source: manual, "Operator Classes and Operator Families" (`varchar_pattern_ops`), and `pg_trgm`.
fn pattern(expr: &Expr) -> Option<(String, &'static str)> {
    if let Expr::Binary { op, right, .. } = expr {
        let word = match op.as_str() {
            "~~" => Some("LIKE"),
            "~~*" => Some("ILIKE"),
            "~" | "~*" => Some(op.as_str()),
            _ => None,
        };
        if let Some(word) = word {
            let value = right.as_literal().map_or_else(|| right.sql(), |literal| quote_text(&literal.text));
            let is_anchored =
                op == "~~" && right.as_literal().is_some_and(|literal| !literal.text.starts_with(['%', '_']));
            let index =
                if is_anchored { "one with varchar_pattern_ops can" } else { "a trigram index can (gin_trgm_ops)" };
            return Some((format!("{word} {}", short(&value)), index));
        }
    }
    expr.parts().into_iter().find_map(pattern)
}

/// Returns the keys for several conditions on a scan together, each once.
pub(super) fn keys_of(conditions: &[Option<&str>], node: &Node) -> Vec<String> {
    let all: Vec<&str> = conditions.iter().flatten().copied().collect();
    keys(&all.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" AND "), node.alias())
}

/// Returns the keys of a sort if one index can give them: plain columns of one table.
pub(super) fn sort_keys(seen: &TipInput<'_>, keys: &[&str]) -> Option<(Option<String>, String)> {
    let mut table: Option<Option<String>> = None;
    for key in keys {
        let text = key.split(" DESC").next().unwrap_or(key).split(" NULLS").next().unwrap_or(key);
        let Expr::Column { table: own, .. } = parse::expression(text) else { return None };
        if *table.get_or_insert_with(|| own.clone()) != own {
            return None;
        }
    }
    // A column of a sub-query or a CTE is called by that one's alias: no table of it can be read.
    let alias = table?;
    let scan = match &alias {
        Some(alias) => seen.scan(alias),
        None => seen.all().find(|(_, node)| node.kind.reads_table()).map(|(_, node)| node),
    };
    if alias.is_some() && scan.is_none() {
        return None;
    }
    let plain: Vec<&str> = keys.iter().map(|key| key.rsplit_once('.').map_or(*key, |(_, name)| name)).collect();
    Some((scan.and_then(Node::relation).map(str::to_owned), plain.join(", ")))
}

/// Returns the column of a sort key: `created` of `o.created DESC`.
pub(super) fn plain_column(key: &str) -> &str {
    let name = key.split(' ').next().unwrap_or(key);
    name.rsplit_once('.').map_or(name, |(_, name)| name)
}

fn key_of(part: &Expr, alias: Option<&str>) -> Option<(String, bool)> {
    match part {
        Expr::Binary { op, left, right } => {
            let is_equal = op == "=";
            if !is_equal && !matches!(op.as_str(), "<" | "<=" | ">" | ">=") {
                return None;
            }
            let key = own_key(left, alias).filter(|_| is_value(right, alias));
            key.or_else(|| own_key(right, alias).filter(|_| is_value(left, alias))).map(|key| (key, is_equal))
        }
        Expr::Quantified { op, left, right, quantifier: crate::catalog::expr::Quantifier::Any } if op == "=" => {
            own_key(left, alias).filter(|_| is_value(right, alias)).map(|key| (key, true))
        }
        Expr::IsNull(inner) => own_key(inner, alias).map(|key| (key, true)),
        Expr::Not(inner) => own_column(inner, alias).map(|key| (key, true)),
        column => own_column(column, alias).map(|key| (key, true)),
    }
}

fn own_column(expr: &Expr, alias: Option<&str>) -> Option<String> {
    let Expr::Column { table, name } = expr else { return None };
    table.as_deref().is_none_or(|table| Some(table) == alias).then(|| name.clone())
}

/// A column, seen through the label by which a varchar is shown as a text, or `upper` and `lower` of one.
fn own_key(expr: &Expr, alias: Option<&str>) -> Option<String> {
    match expr {
        Expr::Cast { operand, type_name } if matches!(type_name.as_str(), "text" | "character varying") => {
            own_column(operand, alias)
        }
        Expr::Call { name, args } if matches!(name.as_str(), "upper" | "lower") => {
            let [only] = args.as_slice() else { return None };
            own_key(only, alias).map(|key| format!("{name}({key})"))
        }
        other => own_column(other, alias),
    }
}

/// Whether a side of a comparison is one value for the whole scan of the table.
fn is_value(expr: &Expr, alias: Option<&str>) -> bool {
    !expr.any_part(&|part| match part {
        Expr::Column { table, .. } => table.as_deref().is_none_or(|table| Some(table) == alias),
        Expr::Call { name, .. } => VOLATILE.contains(&name.as_str()),
        Expr::SubPlan | Expr::Other(_) => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_served_by_an_index_of_its_kind() {
        for (condition, expected) in [
            (
                "((email)::text ~~* '%foo%'::text)",
                "a plain index cannot serve ILIKE '%foo%': a trigram index can (gin_trgm_ops)",
            ),
            (
                "((total > 5) AND ((name)::text ~~ 'foo%'::text))",
                "a plain index cannot serve LIKE 'foo%': one with varchar_pattern_ops can",
            ),
            ("((a + b) = 5)", "a b-tree index cannot find rows by ((a + b) = 5): compare it"),
        ] {
            assert_eq!(not_by(condition, "compare it").0, expected);
        }
    }

    #[test]
    fn only_what_one_index_could_be_built_on_is_named() {
        for (condition, expected) in [
            ("((o.status)::text = 'x'::text)", "status"),
            ("((total > 5) AND (store_id = 7) AND (created_at > now()))", "store_id, total"),
            ("(c.id = o.customer_id)", "customer_id"),
            ("(upper((name)::text) = 'X'::text)", "upper(name)"),
            ("(is_active AND (deleted_at IS NULL))", "is_active, deleted_at"),
            ("(id = ANY ('{1,2}'::bigint[]))", "id"),
            // Of two tables, of one row, by chance, by a query for each row, an OR, a stable function.
            ("((o.a + c.b) > 5)", ""),
            ("(o.created_at < o.updated_at)", ""),
            ("(o.a > random())", ""),
            ("(o.a = (SubPlan 1))", ""),
            ("((o.a = 1) OR (c.b = 2))", ""),
            ("(date_trunc('day'::text, created_at) = '2025-01-01'::date)", ""),
            ("(NOT (hashed SubPlan 1))", ""),
            ("((status)::text ~~ '%x%'::text)", ""),
        ] {
            assert_eq!(keys(condition, Some("o")).join(", "), expected, "{condition}");
        }
    }
}
