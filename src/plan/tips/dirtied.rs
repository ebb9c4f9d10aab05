//! A reading query that writes.

use super::support::{BLOCK, Bytes, Hit, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 36,
    id: "dirtied",
    title: "a SELECT that writes",
    why: "The first statement that reads pages after a large change sets hint bits or prunes dead rows, and so \
        writes the pages.",
    wrong: "a large change was just made: the pages are written once for each change.",
    source: "PostgreSQL wiki, Hint Bits",
    topic: Topic::Reading,
    rank: 1,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some(root) = seen.plan.root() else { return Vec::new() };
    let dirtied = root.buffers.shared.dirtied;
    if seen.writes() || dirtied < 1000.0 || dirtied < root.buffers.shared.touched() * 0.2 {
        return Vec::new();
    }
    let what = format!("reading changed {} of pages", Bytes(dirtied * BLOCK));
    vec![Hit::whole(
        what,
        "VACUUM after a bulk load or update; run the statement again to see its usual time",
        seen.total() * 0.3,
    )]
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn many_dirtied_pages_are_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=5000 dirtied=4000",
            "reading changed 31 MB of pages: VACUUM after a bulk load or update; run the statement again to see its \
             usual time",
        );
    }

    #[test]
    fn a_few_are_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=5000 dirtied=900",
            "",
        );
    }

    #[test]
    fn an_update_writes_by_its_nature() {
        check(
            &TIP,
            "Update on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..100 rows=0 loops=1)
  Buffers: shared hit=5000 dirtied=4000
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)",
            "",
        );
    }
}
