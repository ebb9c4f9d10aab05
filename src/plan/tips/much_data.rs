//! Many pages for a small result.

use super::support::{BLOCK, Bytes, Count, Hit, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 34,
    id: "much-data",
    title: "many pages for a small result",
    why: "Thousands of pages are read for a few rows; each costs time even in memory.",
    wrong: "the statement aggregates all the data: then store its result instead.",
    source: "Joe (postgres.ai)",
    topic: Topic::General,
    rank: 1,
    find,
};

/// Pages from which it is much for a small result: 80 MB.
const LEAST_PAGES: f64 = 10_000.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some(root) = seen.plan.root() else { return Vec::new() };
    let (pages, rows) = (root.buffers.shared.touched(), root.rows_total().unwrap_or(f64::MAX));
    if pages < LEAST_PAGES || rows > 100.0 || seen.writes() {
        return Vec::new();
    }
    let what = format!("{} of pages read for {}", Bytes(pages * BLOCK), Count(rows).of("row", "rows"));
    vec![Hit::whole(
        what,
        "find the rows by an index; store a total that is read often (a counter column, a materialized view)",
        seen.total() * 0.5,
    )]
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn much_for_little_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=20000",
            "156 MB of pages read for 5 rows: find the rows by an index; store a total that is read often (a counter column, a materialized view)",
        );
    }

    #[test]
    fn less_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=9999",
            "",
        );
    }

    #[test]
    fn a_large_result_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=500 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=20000",
            "",
        );
    }
}
