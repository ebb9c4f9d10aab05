//! A table that is read whole again and again.

use super::indexable::{keys, not_by};
use super::support::{Count, Hit, NodeKind, Relationship, Tip, TipInput, Topic, rows_read, table, with_children};

pub(super) static TIP: Tip = Tip {
    number: 21,
    id: "repeated-scan",
    title: "a table that is scanned again for each outer row",
    why: "Each outer row reads the whole inner table; an index on the join column finds the matching rows directly.",
    wrong: "the table has only a page or two: reading it is as fast as an index.",
    source: "pgplan",
    topic: Topic::Access,
    rank: 5,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::SeqScan])
        .filter_map(|(id, node)| {
            let loops = node.loops() / node.derived.processes.max(1.0);
            let read = rows_read(node);
            let (_, parent) = seen.plan.parent(id)?;
            let is_repeated = parent.kind == NodeKind::NestedLoop || node.relationship == Relationship::SubPlan;
            if !is_repeated || loops < 2.0 || read < 10_000.0 {
                return None;
            }
            let conditions = [node.filter(), parent.join_filter()];
            let keys = conditions.iter().flatten().map(|text| keys(text, node.alias())).find(|keys| !keys.is_empty());
            let condition = conditions.into_iter().flatten().next().unwrap_or("its condition");
            let what = format!("{} was scanned {} times, {} rows in total", table(node), Count(loops), Count(read));
            let index = keys.map(|keys| format!("an index on {} ({})", table(node), keys.join(", ")));
            let (advice, words) =
                index.map_or_else(|| not_by(condition, "join by equal columns"), |words| (words.clone(), words));
            let hit = Hit::at(id, what, advice, with_children(node) * (1.0 - 1.0 / loops)).because_of(seen.cause(id));
            Some(hit.naming(Some(words), node.relation()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_scan_for_each_row_is_told() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=100 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..5 rows=1 loops=100)
        Filter: (a.id = a_id)
        Rows Removed by Filter: 9999",
            "b was scanned 100 times, 1.0M rows in total: an index on b (a_id)",
        );
    }

    #[test]
    fn no_index_is_named_over_two_tables() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  Join Filter: ((a.x + b.y) > 5)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=100 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..5 rows=9999 loops=100)",
            "b was scanned 100 times, 1.0M rows in total: a b-tree index cannot find rows by ((a.x + b.y) > 5): join by \
             equal columns",
        );
    }

    #[test]
    fn a_tiny_table_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=100 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..5 rows=10 loops=100)",
            "",
        );
    }

    #[test]
    fn one_reading_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..5 rows=50000 loops=1)",
            "",
        );
    }
}
