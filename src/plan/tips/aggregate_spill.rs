//! A grouping that went to disk.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own, work_mem_for};

pub(super) static TIP: Tip = Tip {
    number: 14,
    id: "aggregate-spill",
    title: "grouping spills to disk",
    why: "The groups did not fit in hash_mem (work_mem times hash_mem_multiplier), so rows are written to disk and grouped later.",
    wrong: "there are nearly as many groups as rows: then a sort may be as fast.",
    source: "PostgreSQL 13 release notes",
    topic: Topic::Memory,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Aggregate])
        .filter_map(|(id, node)| {
            let table = node.aggregated.filter(|table| table.batches > 1.0 || table.disk.0 > 0.0)?;
            let what = format!("grouping wrote {} to disk in {} batches", table.disk, Count(table.batches));
            let advice = format!(
                "set work_mem to {} for this statement, or group fewer rows",
                work_mem_for((table.memory.0 + table.disk.0) * 2.0)
            );
            Some(Hit::at(id, what, advice, own(node) * 0.7))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_grouping_on_disk_is_told() {
        check(
            &TIP,
            "HashAggregate  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
  Batches: 5  Memory Usage: 4096kB  Disk Usage: 8192kB",
            "grouping wrote 8.0 MB to disk in 5 batches: set work_mem to 32MB for this statement, or group fewer rows",
        );
    }

    #[test]
    fn one_batch_is_not() {
        check(
            &TIP,
            "HashAggregate  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
  Batches: 1  Memory Usage: 4096kB",
            "",
        );
    }

    #[test]
    fn a_grouping_without_figures_is_not() {
        check(&TIP, "HashAggregate  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)", "");
    }
}
