//! Many rows for the client.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, rows_returned};

pub(super) static TIP: Tip = Tip {
    number: 38,
    id: "no-limit",
    title: "many rows sent to the client",
    why: "All these rows are sent, and the application keeps them in memory.",
    wrong: "it is an export, which needs all rows.",
    source: "Joe (postgres.ai)",
    topic: Topic::Answer,
    rank: 1,
    find,
};

/// Rows from which a result is larger than a person reads.
const LEAST_ROWS: f64 = 10_000.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some(root) = seen.plan.root() else { return Vec::new() };
    let Some((rows, source)) = rows_returned(seen) else { return Vec::new() };
    if rows < LEAST_ROWS || matches!(root.kind, NodeKind::Limit | NodeKind::ModifyTable) {
        return Vec::new();
    }
    let what = format!("{} rows are returned{source}", Count(rows));
    let advice = "select a page ([:100]); for an export, .iterator(chunk_size=2000) keeps memory low";
    vec![Hit::at(0, what, advice, 0.0).outside_the_plan()]
}

#[cfg(test)]
mod tests {
    use super::super::TipContext;
    use super::super::support::test::{check, check_with};
    use super::*;

    #[test]
    fn many_rows_are_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "50k rows are returned; sending them is not in this time: select a page ([:100]); for an export, .iterator(chunk_size=2000) keeps memory low",
        );
    }

    #[test]
    fn what_pg_stat_statements_counted_is_truer_than_an_estimate() {
        let estimate = "Seq Scan on o  (cost=1.00..2.00 rows=160000 width=8)\n  Filter: (status = 'x'::text)";
        let context = |rows| TipContext { rows_per_call: Some(rows), ..TipContext::default() };
        check_with(&TIP, estimate, &context(200.0), "");
        let advice = "select a page ([:100]); for an export, .iterator(chunk_size=2000) keeps memory low";
        let said = format!("20k rows are returned a call, by pg_stat_statements: {advice}");
        check_with(&TIP, estimate, &context(20_000.0), &said);
        check(&TIP, estimate, &format!("160k rows are returned (estimated): {advice}"));
        // Without values nobody knows.
        check(&TIP, &estimate.replace("'x'::text", "$1"), "");
    }

    #[test]
    fn fewer_are_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=9999 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "",
        );
    }

    #[test]
    fn a_limit_is_meant() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)",
            "",
        );
    }
}
