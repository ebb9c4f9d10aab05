//! Every row paired with every other.

use super::support::{Count, Hit, Node, NodeId, NodeKind, Relationship, Tip, TipInput, Topic, name, with_children};

pub(super) static TIP: Tip = Tip {
    number: 26,
    id: "cartesian",
    title: "every row is joined with every other row",
    why: "No condition joins the two sides, so the result has every combination of rows.",
    wrong: "one side is small (a calendar, a list of values) and the product is intended.",
    source: "pgMustard",
    topic: Topic::Join,
    rank: 5,
    find,
};

/// Whether anything below takes values of the outer side, or is no table.
fn is_bound(seen: &TipInput<'_>, inner: NodeId) -> bool {
    seen.plan.subtree(inner).any(|(_, node)| {
        let is_searched =
            [node.index_cond(), node.recheck_cond(), node.filter(), node.text("Cache Key"), node.text("TID Cond")];
        is_searched.iter().any(Option::is_some)
            || !(node.kind.reads_table()
                || matches!(node.kind, NodeKind::Materialize | NodeKind::Gather | NodeKind::Append))
    })
}

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::NestedLoop])
        .filter_map(|(id, node)| {
            let (_, outer) = seen.plan.child(id, Relationship::Outer)?;
            let (inner_id, inner) = seen.plan.child(id, Relationship::Inner)?;
            let rows = node.rows_or_estimate();
            let per_loop = |node: &Node| node.actual.map_or(node.estimate.map_or(0.0, |estimate| estimate.rows), |actual| actual.rows);
            let is_free = node.join_filter().is_none() && matches!(node.join_type(), None | Some("Inner"));
            if !is_free || rows < 10_000.0 || per_loop(outer) <= 1.0 || per_loop(inner) <= 1.0 || is_bound(seen, inner_id) {
                return None;
            }
            let what = format!("{} rows of {} are joined with {} of {}", Count(per_loop(outer)), name(outer), Count(per_loop(inner)), name(inner));
            Some(Hit::at(id, what, "look for a missing join condition; in Django, an .extra(tables=…) or two .filter() calls on unrelated models", with_children(node) * 0.9))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_product_is_told() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1000000 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1000 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1000 loops=1000)",
            "1.0k rows of Seq Scan on a are joined with 1.0k of Seq Scan on b: look for a missing join condition; in Django, an .extra(tables=…) or two .filter() calls on unrelated models",
        );
    }

    #[test]
    fn a_small_product_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=9000 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=90 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=100 loops=90)",
            "",
        );
    }

    #[test]
    fn a_search_by_the_outer_row_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1000000 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1000 loops=1)
  ->  Index Scan using b_a on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1000 loops=1000)
        Index Cond: (a_id = a.id)",
            "",
        );
    }
}
