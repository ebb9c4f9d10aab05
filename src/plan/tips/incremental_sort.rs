//! Rows that are sorted in part already.

use super::support::{Count, Hit, Node, NodeKind, Tip, TipInput, Topic, own, short};

pub(super) static TIP: Tip = Tip {
    number: 18,
    id: "incremental-sort",
    title: "rows that are already partly sorted",
    why: "The input is already ordered by the first keys; only rows with equal keys need sorting, and a LIMIT can stop early.",
    wrong: "there are few, large groups: then an incremental sort is no faster.",
    source: "PostgreSQL 13 release notes, enable_incremental_sort",
    topic: Topic::Sort,
    rank: 5,
    find,
};

/// Returns the first key of the order a node gives its rows in, as far as it is known.
fn order_of(seen: &TipInput<'_>, node: &Node) -> Option<String> {
    match node.kind {
        NodeKind::Aggregate if node.strategy() == Some("Sorted") => {
            node.group_key().first().map(|key| (*key).to_owned())
        }
        NodeKind::IndexScan | NodeKind::IndexOnlyScan => {
            let index =
                seen.context.table(node)?.indexes.iter().find(|index| Some(index.name.as_str()) == node.index())?;
            index.keys.first().cloned()
        }
        _ => None,
    }
}

/// Returns a key without its table, its direction and its brackets.
fn column(key: &str) -> &str {
    let key = key.split(' ').next().unwrap_or(key);
    key.rsplit('.').next().unwrap_or(key).trim_matches(['(', ')'])
}

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Sort])
        .filter_map(|(id, node)| {
            let keys = node.sort_key();
            let (_, child) = seen.plan.children(id).next()?;
            let order = order_of(seen, child)?;
            let first = keys.first().filter(|_| keys.len() > 1)?;
            if column(first) != column(&order) || child.rows_total().is_none_or(|rows| rows < 1000.0) {
                return None;
            }
            let what = format!(
                "{} rows are already ordered by {} and are sorted completely by {}",
                Count(child.rows_or_estimate()),
                column(&order),
                short(&keys.join(", "))
            );
            let advice = if seen.context.setting(seen.plan, "enable_incremental_sort") == Some("off") {
                "set enable_incremental_sort = on"
            } else {
                "PostgreSQL 13 and later can sort incrementally: upgrade, or check whether wrong estimates prevent it"
            };
            Some(Hit::at(id, what, advice, own(node) * 0.5))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::{check, check_with};
    use super::super::{IndexFacts, TableFacts, TipContext};
    use super::*;

    #[test]
    fn a_known_order_is_told() {
        let context = TipContext {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                indexes: vec![IndexFacts {
                    name: "o_created".to_owned(),
                    keys: vec!["created".to_owned()],
                    is_unique: false,
                }],
                ..TableFacts::default()
            }],
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..100 rows=50000 loops=1)
  Sort Key: o.created, o.total
  ->  Index Scan using o_created on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..40 rows=50000 loops=1)
Settings: enable_incremental_sort = 'off'",
            &context,
            "50k rows are already ordered by created and are sorted completely by o.created, o.total: set enable_incremental_sort = on",
        );
    }

    #[test]
    fn another_first_key_is_not() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..100 rows=50000 loops=1)
  Sort Key: total, created
  ->  GroupAggregate  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..40 rows=50000 loops=1)
        Group Key: created",
            "",
        );
    }

    #[test]
    fn one_key_is_not() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..100 rows=50000 loops=1)
  Sort Key: created
  ->  GroupAggregate  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..40 rows=50000 loops=1)
        Group Key: created",
            "",
        );
    }
}
