//! A bitmap that forgot the rows and kept the pages.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own, table, work_mem_for};

pub(super) static TIP: Tip = Tip {
    number: 10,
    id: "lossy-bitmap",
    title: "a lossy bitmap: pages instead of rows",
    why: "The bitmap did not fit in work_mem, so every row of its lossy pages is checked again.",
    wrong: "few pages are lossy: the recheck then costs less than a wider index.",
    source: "pgplan; PostgreSQL manual: work_mem",
    topic: Topic::Memory,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::BitmapHeapScan])
        .filter_map(|(id, node)| {
            let lossy = node.number("Lossy Heap Blocks").filter(|lossy| *lossy > 0.0)?;
            let all = lossy + node.number("Exact Heap Blocks").unwrap_or(0.0);
            if lossy < all * 0.1 {
                return None;
            }
            let what = format!("{} of {} pages of the bitmap on {} are lossy", Count(lossy), Count(all), table(node));
            // A page in a bitmap takes some 50 bytes; source: tidbitmap.c.
            let advice = format!(
                "set work_mem to {} for this statement, or use an index that finds fewer rows",
                work_mem_for(all * 100.0 + 4.0 * 1_048_576.0)
            );
            Some(Hit::at(id, what, advice, own(node) * lossy / all))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn many_lossy_pages_are_told() {
        check(
            &TIP,
            "Bitmap Heap Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=5000 loops=1)
  Heap Blocks: exact=1000 lossy=9000",
            "9.0k of 10k pages of the bitmap on o are lossy: set work_mem to 8MB for this statement, or use an index \
             that finds fewer rows",
        );
    }

    #[test]
    fn a_few_are_not() {
        check(
            &TIP,
            "Bitmap Heap Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=5000 loops=1)
  Heap Blocks: exact=10000 lossy=900",
            "",
        );
    }

    #[test]
    fn an_exact_bitmap_is_not() {
        check(
            &TIP,
            "Bitmap Heap Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=5000 loops=1)
  Heap Blocks: exact=1000",
            "",
        );
    }
}
