//! A heavy result.

use super::support::{Bytes, Count, Hit, NodeKind, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 39,
    id: "wide-rows",
    title: "a large result",
    why: "Wide rows cost time to read (TOAST), sort and send, and memory in the application.",
    wrong: "all columns are used: then they have to be sent.",
    source: "pgplan",
    topic: Topic::Answer,
    rank: 2,
    find,
};

/// Bytes from which a result is heavy: 10 MB.
const LEAST_BYTES: f64 = 10_485_760.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some((root, estimate)) = seen.plan.root().and_then(|root| Some((root, root.estimate?))) else {
        return Vec::new();
    };
    let rows = root.rows_or_estimate();
    let bytes = estimate.width * rows;
    if bytes < LEAST_BYTES || root.kind == NodeKind::ModifyTable {
        return Vec::new();
    }
    let what = format!("{} rows of {} each, {} in total", Count(rows), Bytes(estimate.width), Bytes(bytes));
    let advice = "select only the columns you use: .only() or .defer() for objects, .values() or .values_list() for rows; .iterator() for many";
    vec![Hit::at(0, what, advice, seen.total() * 0.5)]
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_heavy_result_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=1000) (actual time=0.0..900 rows=50000 loops=1)",
            "50k rows of 1.0 kB each, 48 MB in total: select only the columns you use: .only() or .defer() for objects, .values() or .values_list() for rows; .iterator() for many",
        );
    }

    #[test]
    fn narrow_rows_are_not() {
        check(&TIP, "Seq Scan on o  (cost=1.00..2.00 rows=1 width=100) (actual time=0.0..900 rows=50000 loops=1)", "");
    }

    #[test]
    fn a_few_wide_rows_are_not() {
        check(&TIP, "Seq Scan on o  (cost=1.00..2.00 rows=1 width=10000) (actual time=0.0..900 rows=50 loops=1)", "");
    }
}
