//! Rows set aside on disk.

use super::support::{BLOCK, Bytes, Hit, NodeKind, Tip, TipInput, Topic, name, own, work_mem_for};

pub(super) static TIP: Tip = Tip {
    number: 15,
    id: "temp-blocks",
    title: "intermediate rows spill to disk",
    why: "Rows kept for later (Materialize, a CTE, a window) did not fit in work_mem.",
    wrong: "it is an occasional large report.",
    source: "Joe (postgres.ai); pgplan",
    topic: Topic::Memory,
    rank: 1,
    find,
};

/// Pages below which it is no matter: 8 MB.
const LEAST_BLOCKS: f64 = 1000.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    // Sorts, hashes and groupings have tips of their own.
    let kept = seen.all().filter(|(_, node)| {
        !matches!(
            node.kind,
            NodeKind::Sort | NodeKind::IncrementalSort | NodeKind::Hash | NodeKind::HashJoin | NodeKind::Aggregate
        )
    });
    kept.filter_map(|(id, node)| {
        let temp = node.derived.self_buffers.temp;
        let blocks = temp.read + temp.written;
        if blocks < LEAST_BLOCKS {
            return None;
        }
        let what = format!(
            "{} wrote {} to disk and read {}",
            name(node),
            Bytes(temp.written * BLOCK),
            Bytes(temp.read * BLOCK)
        );
        let advice = format!(
            "set work_mem to {} for this statement, or keep fewer rows",
            work_mem_for(temp.written * BLOCK * 2.0)
        );
        Some(Hit::at(id, what, advice, own(node)))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_materialize_on_disk_is_told() {
        check(
            &TIP,
            "Materialize  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
  Buffers: temp read=4000 written=2000",
            "Materialize wrote 16 MB to disk and read 31 MB: set work_mem to 32MB for this statement, or keep fewer \
             rows",
        );
    }

    #[test]
    fn a_little_is_not() {
        check(
            &TIP,
            "Materialize  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
  Buffers: temp read=400 written=200",
            "",
        );
    }

    #[test]
    fn a_sort_is_another_tip() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
  Buffers: temp read=4000 written=2000",
            "",
        );
    }
}
