//! Numbers of rows that are far off.

use super::support::{Count, Hit, Tip, TipInput, Topic, expected_and_got, misled, off_by, origin};

pub(super) static TIP: Tip = Tip {
    number: 3,
    id: "misestimate",
    title: "row estimates that are far off",
    why: "The planner chooses joins, their order and memory by the rows it expects; if the estimate is off by ten times or more, the choice is poor.",
    wrong: "a LIMIT or an EXISTS stops nodes early: those nodes are left out.",
    source: "pev2, node.ts",
    topic: Topic::Estimates,
    rank: 1,
    find,
};

/// Rows below which an error does no harm.
const LEAST_ROWS: f64 = 1000.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let wrong = seen.all().filter(|(_, node)| {
        let rows =
            node.actual.map_or(0.0, |actual| actual.rows).max(node.estimate.map_or(0.0, |estimate| estimate.rows));
        rows >= LEAST_ROWS
    });
    let wrong = wrong.filter_map(|(id, node)| Some((id, node, off_by(node, 10.0)?.0)));
    let worst = wrong.max_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
    worst
        .into_iter()
        .filter_map(|(id, node, factor)| {
            let saving = misled(seen.plan, id)?;
            let what = format!("{} (error {}×)", expected_and_got(node), Count(factor));
            let advice = "ANALYZE the tables if they changed much; otherwise raise the statistics target or CREATE STATISTICS for correlated columns";
            Some(Hit::at(id, what, advice, saving).because_of(origin(seen.plan, id)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn ten_times_off_is_told() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=50000 width=8) (actual time=0.0..2 rows=50000 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=100 width=8) (actual time=0.0..1 rows=50000 loops=1)",
            "Seq Scan on o: 100 rows estimated, 50k actual (error 500×): ANALYZE the tables if they changed much; otherwise raise the statistics target or CREATE STATISTICS for correlated columns",
        );
    }

    #[test]
    fn nine_times_off_is_not() {
        check(&TIP, "Seq Scan on o  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1 rows=9000 loops=1)", "");
    }

    #[test]
    fn a_scan_that_a_limit_stopped_is_not() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..1 rows=10 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=50000 width=8) (actual time=0.0..1 rows=10 loops=1)",
            "",
        );
    }
}
