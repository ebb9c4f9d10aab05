//! Many rows for the client.

use super::support::{Count, Hit, Kind, Seen, Tip, Topic};

pub(super) static TIP: Tip = Tip {
    number: 38,
    id: "no-limit",
    title: "many rows for the client",
    why: "All these rows are sent, and kept in memory by the application.",
    wrong: "An export needs them all.",
    source: "Joe (postgres.ai)",
    topic: Topic::Answer,
    rank: 1,
    look,
};

/// Rows from which a result is larger than a person reads.
const LEAST_ROWS: f64 = 10_000.0;

fn look(seen: &Seen<'_>) -> Vec<Hit> {
    let Some(root) = seen.plan.root() else { return Vec::new() };
    let rows = root.rows_or_estimate();
    if rows < LEAST_ROWS || matches!(root.kind, Kind::Limit | Kind::ModifyTable) {
        return Vec::new();
    }
    let what = format!("{} rows are returned", Count(rows));
    vec![Hit::at(
        0,
        what,
        "ask for a page ([:100]); for an export .iterator(chunk_size=2000) keeps them out of memory",
        seen.total() * 0.5,
    )]
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn many_rows_are_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "50k rows are returned: ask for a page ([:100]); for an export .iterator(chunk_size=2000) keeps them out of memory",
        );
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
