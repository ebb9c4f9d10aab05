//! A hash table that went to disk.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own, work_mem_for};

pub(super) static TIP: Tip = Tip {
    number: 13,
    id: "hash-spill",
    title: "hash table spills to disk",
    why: "The rows did not fit in hash_mem (work_mem times hash_mem_multiplier), so both inputs are written to disk in batches.",
    wrong: "few batches are needed: writing them once is cheap.",
    source: "pev2, node.ts; pgplan",
    topic: Topic::Memory,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Hash])
        .filter_map(|(id, node)| {
            let hashed = node.hashed.filter(|hashed| hashed.batches > 1.0)?;
            let planned = if hashed.original_batches < hashed.batches { ", more than planned" } else { "" };
            let what = format!(
                "the hash table of {} rows was split into {} batches{planned}",
                Count(node.rows_or_estimate()),
                Count(hashed.batches)
            );
            let advice = format!(
                "set work_mem to {} for this statement, or hash fewer or narrower rows",
                work_mem_for(hashed.memory.0 * hashed.batches)
            );
            let (join_id, join) = seen.plan.parent(id)?;
            Some(Hit::at(id, what, advice, own(node) + own(join)).because_of(join_id))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn several_batches_are_told() {
        check(
            &TIP,
            "Hash Join  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..1 rows=5 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..1 rows=5 loops=1)
  ->  Hash  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
        Buckets: 1024  Batches: 16 (originally 4)  Memory Usage: 4096kB",
            "the hash table of 50k rows was split into 16 batches, more than planned: set work_mem to 64MB for this \
             statement, or hash fewer or narrower rows",
        );
    }

    #[test]
    fn one_batch_is_not() {
        check(
            &TIP,
            "Hash Join  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..1 rows=5 loops=1)
  ->  Hash  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
        Buckets: 1024  Batches: 1  Memory Usage: 4096kB",
            "",
        );
    }

    #[test]
    fn a_hash_without_figures_is_not() {
        check(
            &TIP,
            "Hash Join  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..1 rows=5 loops=1)
  ->  Hash  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)",
            "",
        );
    }
}
