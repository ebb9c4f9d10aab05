//! Planning that takes longer than running.

use super::support::{Hit, NodeKind, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 31,
    id: "planning-time",
    title: "planning that takes longer than running",
    why: "The planner spent more time than the executor: many partitions, joins, or indexes, or a cold or bloated catalog.",
    wrong: "it was the first statement of its connection, which plans more slowly; run it twice.",
    source: "pgMustard",
    topic: Topic::Overhead,
    rank: 2,
    find,
};

/// Planning below which it is no matter, in seconds.
const LEAST: f64 = 0.01;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let (Some(planning), Some(execution)) = (seen.plan.planning_time, seen.plan.execution_time) else {
        return Vec::new();
    };
    if planning.0 < LEAST || planning.0 <= execution.0 {
        return Vec::new();
    }
    let what = format!("planning took {planning} and running {execution}");
    let partitions = seen
        .all()
        .filter(|(_, node)| matches!(node.kind, NodeKind::Append | NodeKind::MergeAppend))
        .map(|(_, node)| node.children.len())
        .max();
    let advice = match partitions {
        Some(many) if many > 20 => {
            "use fewer partitions, or a condition on the partition key that prunes them at planning"
        }
        _ => {
            "use a prepared statement, which plans once (psycopg's prepare_threshold), fewer joins (fewer levels in select_related), or persistent connections (CONN_MAX_AGE)"
        }
    };
    vec![Hit::whole(what, advice, planning.0)]
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn long_planning_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..9 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Planning Time: 50 ms
Execution Time: 10 ms",
            "planning took 50ms and running 10ms: use a prepared statement, which plans once (psycopg's prepare_threshold), fewer joins (fewer levels in select_related), or persistent connections (CONN_MAX_AGE)",
        );
    }

    #[test]
    fn shorter_than_running_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..9 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Planning Time: 50 ms
Execution Time: 51 ms",
            "",
        );
    }

    #[test]
    fn a_moment_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..9 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Planning Time: 9 ms
Execution Time: 1 ms",
            "",
        );
    }
}
