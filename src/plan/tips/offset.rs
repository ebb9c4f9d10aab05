//! Rows skipped by OFFSET.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, with_children};

pub(super) static TIP: Tip = Tip {
    number: 37,
    id: "large-offset",
    title: "rows skipped by OFFSET",
    why: "OFFSET makes the server find and discard all rows before the page.",
    wrong: "only the first pages are opened: these are cheap.",
    source: "pganalyze; use-the-index-luke.com, no-offset",
    topic: Topic::Answer,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Limit])
        .filter_map(|(id, node)| {
            let (_, child) = seen.plan.children(id).next()?;
            let (found, given) = (child.rows_total()?, node.rows_total()?);
            let skipped = found - given;
            if skipped < 1000.0 || found < given * 10.0 || child.kind.is_gather() {
                return None;
            }
            let what = format!("{} rows were found and skipped for {}", Count(skipped), Count(given));
            let advice = "page by the last key: .filter(created__lt=last).order_by('-created')[:n], with an index for that order";
            Some(Hit::at(id, what, advice, with_children(child) * skipped / found))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_deep_page_is_told() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=20 loops=1)
  ->  Index Scan using o_created on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50020 loops=1)",
            "50k rows were found and skipped for 20: page by the last key: .filter(created__lt=last).order_by('-created')[:n], with an index for that order",
        );
    }

    #[test]
    fn the_tenth_page_is_not() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=20 loops=1)
  ->  Index Scan using o_created on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=200 loops=1)",
            "",
        );
    }

    #[test]
    fn a_first_page_is_not() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=20 loops=1)
  ->  Index Scan using o_created on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=20 loops=1)",
            "",
        );
    }
}
