//! A heavy result.

use super::support::{Bytes, Count, Hit, NodeKind, Plan, Tip, TipInput, Topic, rows_returned};

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
    let Some((rows, source)) = rows_returned(seen) else { return Vec::new() };
    let bytes = estimate.width * rows;
    if bytes < LEAST_BYTES || root.kind == NodeKind::ModifyTable {
        return Vec::new();
    }
    let what = format!("{} rows of {} each, {} in total{source}", Count(rows), Bytes(estimate.width), Bytes(bytes));
    let advice = if is_grouped(seen.plan) {
        "select a page ([:100]), or group by fewer values; .iterator() for many"
    } else {
        "select only the columns you use: .only() or .defer() for objects, .values() or .values_list() for rows; .iterator() for many"
    };
    vec![Hit::at(0, what, advice, 0.0).outside_the_plan()]
}

/// Whether the rows are groups, which have no columns that could be left out.
fn is_grouped(plan: &Plan) -> bool {
    let mut at = 0;
    while let Some(node) = plan.node(at) {
        match (node.kind, node.children.first()) {
            (NodeKind::Aggregate | NodeKind::Group, _) => return true,
            (
                NodeKind::Limit
                | NodeKind::Sort
                | NodeKind::IncrementalSort
                | NodeKind::Gather
                | NodeKind::GatherMerge
                | NodeKind::Result
                | NodeKind::WindowAgg,
                Some(child),
            ) => at = *child,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::TipContext;
    use super::super::support::test::{check, check_with};
    use super::*;

    #[test]
    fn a_heavy_result_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=1000) (actual time=0.0..900 rows=50000 loops=1)",
            "50k rows of 1.0 kB each, 48 MB in total; sending them is not in this time: select only the columns you use: .only() or .defer() for objects, .values() or .values_list() for rows; .iterator() for many",
        );
    }

    #[test]
    fn groups_have_no_columns_to_leave_out_and_an_estimate_is_said_to_be_one() {
        let text = "Sort  (cost=1.00..2.00 rows=749000 width=51)
  Sort Key: (count(*))
  ->  HashAggregate  (cost=1.00..2.00 rows=749000 width=51)
        Group Key: customer_id
        ->  Seq Scan on o  (cost=1.00..2.00 rows=1500000 width=51)";
        let advice = "select a page ([:100]), or group by fewer values; .iterator() for many";
        check(&TIP, text, &format!("749k rows of 51 B each, 36 MB in total (estimated): {advice}"));
        // 200 rows a call are no large result, whatever the planner expects.
        let known = |rows| TipContext { rows_per_call: Some(rows), ..TipContext::default() };
        check_with(&TIP, text, &known(200.0), "");
        let said = format!("749k rows of 51 B each, 36 MB in total a call, by pg_stat_statements: {advice}");
        check_with(&TIP, text, &known(749_000.0), &said);
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
