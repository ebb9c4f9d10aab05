//! Rows an index found in vain.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own, table};

pub(super) static TIP: Tip = Tip {
    number: 11,
    id: "recheck",
    title: "index matches that the recheck discards",
    why: "The index answers only approximately (trigrams, lossy pages); most rows it finds do not match.",
    wrong: "the pattern is short (under four letters): trigrams cannot do better.",
    source: "pgMustard",
    topic: Topic::Access,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::BitmapHeapScan, NodeKind::IndexScan])
        .filter_map(|(id, node)| {
            let (kept, removed) = (node.rows_total()?, node.removed_by_recheck());
            let is_lossy = node.number("Lossy Heap Blocks").is_some_and(|lossy| lossy > 0.0);
            if removed < 1000.0 || removed <= kept || is_lossy {
                return None;
            }
            let what = format!(
                "{} of {} rows that the index found on {} did not match",
                Count(removed),
                Count(removed + kept),
                table(node)
            );
            let advice =
                "use a longer pattern, jsonb_path_ops or another operator class, or a b-tree where the whole value is compared";
            Some(Hit::at(id, what, advice, own(node) * removed / (removed + kept)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn more_in_vain_than_found_is_told() {
        check(
            &TIP,
            "Bitmap Heap Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=500 loops=1)
  Rows Removed by Index Recheck: 4500",
            "4.5k of 5.0k rows that the index found on o did not match: use a longer pattern, jsonb_path_ops or another operator class, or a b-tree where the whole value is compared",
        );
    }

    #[test]
    fn fewer_is_not() {
        check(
            &TIP,
            "Bitmap Heap Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=5000 loops=1)
  Rows Removed by Index Recheck: 4500",
            "",
        );
    }

    #[test]
    fn lossy_pages_are_another_tip() {
        check(
            &TIP,
            "Bitmap Heap Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=500 loops=1)
  Rows Removed by Index Recheck: 4500
  Heap Blocks: exact=1 lossy=9",
            "",
        );
    }
}
