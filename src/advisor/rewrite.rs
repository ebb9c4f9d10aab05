//! Other ways to write a statement, where no index serves it as it stands or a plain one would serve it better.

use super::advice::{Refusal, Rewrite, expr_text};
use super::condition::{Clause, ClauseClass};
use super::scan::Scan;
use super::verdict::AccessPath;
use super::verdict::{DEEP_OFFSET, needs};
use super::words::count;
use crate::catalog::{Expr, parse};
use crate::plan::Plan;

/// Returns why a scan's statement has to be written another way before any index helps.
pub(super) fn instead(plan: &Plan, scan: &Scan<'_>) -> Option<Refusal> {
    spanning_or(plan, scan)
        .or_else(|| deep_offset(scan))
        .or_else(|| scan.deep_page())
        .or_else(|| random_order(plan, scan))
        .or_else(|| only_unusable(scan))
}

/// An OR over several tables is tried on every joined row.
fn spanning_or(plan: &Plan, scan: &Scan<'_>) -> Option<Refusal> {
    if scan.clauses.iter().any(is_selective) {
        return None;
    }
    let alias = scan.node.alias()?;
    for (_, node) in plan.ancestors(scan.id).filter(|(_, node)| node.kind.is_join()) {
        let conditions = [node.join_filter(), node.filter()];
        for part in conditions.into_iter().flatten().flat_map(|text| parse::expression(text).conjuncts()) {
            let Expr::Or(arms) = &part else { continue };
            let names = |arm: &Expr| -> Vec<String> { qualifiers(arm) };
            let touches = arms.iter().any(|arm| names(arm).iter().any(|name| name == alias));
            let others = arms.iter().any(|arm| names(arm).iter().all(|name| name != alias));
            if touches && others {
                return Some(needs(
                    scan,
                    format!("the OR spans several tables, so every joined row is checked: {}", expr_text(&part)),
                    "write it as a UNION with one statement for each part, each with its own index",
                    Some("a.union(b), with one filter() for each part of Q(…) | Q(…)"),
                ));
            }
        }
    }
    let has_sub_query = scan.clauses.iter().any(|clause| {
        matches!(&clause.whole, Expr::Or(arms) if arms.iter().any(|arm| arm.any_part(&|part| matches!(part, Expr::SubPlan))))
    });
    has_sub_query.then(|| {
        needs(
            scan,
            format!("one part of the OR runs a subquery for each row of {}", scan.table.name),
            "write it as a UNION with one statement for each part",
            Some("a.union(b), with one filter() for each part of Q(…) | Q(…)"),
        )
    })
}

fn qualifiers(expr: &Expr) -> Vec<String> {
    match expr {
        Expr::Column { table: Some(table), .. } => vec![table.clone()],
        other => other.parts().into_iter().flat_map(qualifiers).collect(),
    }
}

fn is_selective(clause: &Clause) -> bool {
    clause.selectivity <= 0.2
        && !matches!(clause.class, ClauseClass::Unusable(_) | ClauseClass::Negative | ClauseClass::NotNull)
}

/// A deep OFFSET reads all it skips, index or not.
fn deep_offset(scan: &Scan<'_>) -> Option<Refusal> {
    (scan.offset >= DEEP_OFFSET && !scan.clauses.iter().any(|clause| clause.selectivity < 0.01)).then(|| {
        needs(
            scan,
            format!("OFFSET discards {} rows that were read and sorted", count(scan.offset)),
            "page by the last row's key instead (keyset pagination), with an index on the order",
            Some("filter(created_at__lt=last.created_at).order_by('-created_at')[:20] instead of [100000:100020]"),
        )
    })
}

fn random_order(plan: &Plan, scan: &Scan<'_>) -> Option<Refusal> {
    let is_random = plan
        .ancestors(scan.id)
        .take(4)
        .any(|(_, node)| node.sort_key().iter().any(|key| key.trim_matches(['(', ')']).starts_with("random")));
    (is_random && !scan.clauses.iter().any(is_selective)).then(|| {
        needs(
            scan,
            "ORDER BY random() sorts every row".to_owned(),
            "pick random primary keys first, or use TABLESAMPLE",
            Some("filter(pk__in=random.sample(range(1, max_id), 20))"),
        )
    })
}

/// Every condition is one that no index serves, and there is another way to write one of them.
fn only_unusable(scan: &Scan<'_>) -> Option<Refusal> {
    let serves = |clause: &Clause| {
        !matches!(clause.class, ClauseClass::Unusable(_) | ClauseClass::Negative | ClauseClass::NotNull)
            && !is_cast(clause, scan)
    };
    let is_ordered = scan.order.as_ref().is_some_and(|order| order.limit.is_some());
    // Without ANALYZE it is the planner's default of a third.
    let most = if scan.removed.is_some() { 0.3 } else { 0.34 };
    if scan.clauses.is_empty() || scan.clauses.iter().any(serves) || is_ordered || scan.selectivity() > most {
        return None;
    }
    scan.clauses.iter().find_map(|clause| {
        let (what, django) = other_way(&clause.whole)?;
        let why = format!("{}: an index on the column cannot answer this condition", expr_text(&clause.whole));
        Some(needs(scan, why, what, Some(django)))
    })
}

/// Says whether a number or another plain value is compared as a text: the value should be cast, not the column.
fn is_cast(clause: &Clause, scan: &Scan<'_>) -> bool {
    let Expr::Cast { operand, type_name } = &clause.key else { return false };
    let column = operand.as_column().and_then(|name| scan.table.column(name));
    let is_plain = column.is_some_and(|column| matches!(column.category, 'N') || column.type_name == "uuid");
    clause.class == ClauseClass::Equal
        && is_plain
        && matches!(type_name.as_str(), "text" | "character varying" | "numeric")
}

/// Another way to write a condition on an expression.
fn other_way(whole: &Expr) -> Option<(&'static str, &'static str)> {
    let left = match whole {
        Expr::Binary { left, .. } | Expr::Quantified { left, .. } => left,
        Expr::Not(inner) if inner.any_part(&|part| matches!(part, Expr::SubPlan)) => {
            return Some((
                "write NOT IN (SELECT …) as NOT EXISTS",
                "filter(~Exists(Other.objects.filter(key=OuterRef('pk'))))",
            ));
        }
        _ => return None,
    };
    let is_call = |name: &str| left.any_part(&|part| matches!(part, Expr::Call { name: known, .. } if known == name));
    if is_call("to_tsvector") {
        return Some((
            "name the search configuration: without it the vector depends on a setting and cannot be indexed",
            "SearchVector('title', 'body', config='english')",
        ));
    }
    if is_call("strpos") || is_call("position") || is_call("similarity") || is_call("word_similarity") {
        let is_within = is_call("strpos") || is_call("position");
        return Some(if is_within {
            (
                "look for the text with LIKE '%…%': a trigram index on the column serves every text of three letters or more",
                "filter(line__contains='…'), with GinIndex(OpClass('line', name='gin_trgm_ops'), name=…)",
            )
        } else {
            (
                "compare with the operator %, which a trigram index on the column serves",
                "filter(name__trigram_similar='…'), with GinIndex(OpClass('name', name='gin_trgm_ops'), name=…)",
            )
        });
    }
    let is_date = matches!(&**left, Expr::Cast { type_name, .. } if type_name == "date");
    if is_date || is_call("date_trunc") || is_call("extract") || is_call("date_part") || is_call("date") {
        return Some((
            "compare the column itself with the start and end of the period: an index on the column answers that",
            "filter(created_at__gte=start, created_at__lt=end)",
        ));
    }
    if matches!(&**left, Expr::Cast { .. }) {
        return Some((
            "pass the value in the column's type, so that the column is not cast",
            "filter(number=int(value))",
        ));
    }
    if matches!(&**left, Expr::Binary { op, .. } if matches!(op.as_str(), "+" | "-" | "*" | "/")) {
        return Some((
            "move the arithmetic to the value, so that the column is compared by itself",
            "filter(created_at__lt=now - timedelta(days=7))",
        ));
    }
    None
}

/// Returns a rewrite to offer beside an index on an expression.
pub(super) fn beside(scan: &Scan<'_>, way: &AccessPath) -> Option<Rewrite> {
    if let Some(rewrite) = scan.bounded_page() {
        return Some(rewrite);
    }
    let expr = &way.definitions.iter().flat_map(|index| &index.keys).find(|key| key.expr.as_column().is_none())?.expr;
    let clause = scan.clauses.iter().find(|clause| clause.key == *expr)?;
    let is_json_key = matches!(expr, Expr::Binary { op, .. } if matches!(op.as_str(), "->" | "->>" | "#>" | "#>>"));
    let (what, django) = if is_json_key && clause.is_equality() {
        (
            "or filter with __contains, which one GIN index on the whole document serves for every key",
            "filter(attrs__contains={'brand': 'x'})",
        )
    } else {
        other_way(&clause.whole)?
    };
    Some(Rewrite { what: what.to_owned(), django: Some(django.to_owned()) })
}
