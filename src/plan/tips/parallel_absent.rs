//! A large scan by one process.

use super::support::{Count, Hit, NodeKind, Seconds, Tip, TipInput, Topic, own, rows_read, table};

pub(super) static TIP: Tip = Tip {
    number: 29,
    id: "parallel-absent",
    title: "a large scan by one process",
    why: "A large table is read by one process although several could share it.",
    wrong: "the server's CPUs are busy: workers then only take turns, and an index that avoids the scan is better.",
    source: "pgMustard",
    topic: Topic::Access,
    rank: 1,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let is_parallel = seen.all().any(|(_, node)| node.kind.is_gather());
    seen.of(&[NodeKind::SeqScan])
        .filter_map(|(id, node)| {
            let read = rows_read(node);
            if is_parallel || node.is_parallel_aware || read < 1_000_000.0 || own(node) < 0.5 || seen.writes() {
                return None;
            }
            let reason = match seen.context.setting(seen.plan, "max_parallel_workers_per_gather") {
                Some("0") => "max_parallel_workers_per_gather is 0: raise it to 2",
                _ => "look for a function that is not PARALLEL SAFE, a cursor (Django's .iterator()), or max_parallel_workers_per_gather = 0",
            };
            let what = format!("one process read {} rows of {} in {}", Count(read), table(node), Seconds(own(node)));
            Some(Hit::at(id, what, reason, own(node) * 0.6).because_of(seen.cause(id)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_large_scan_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=2000000 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "one process read 2.0M rows of o in 900ms: look for a function that is not PARALLEL SAFE, a cursor (Django's .iterator()), or max_parallel_workers_per_gather = 0",
        );
    }

    #[test]
    fn fewer_rows_are_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=900000 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "",
        );
    }

    #[test]
    fn a_parallel_scan_is_not() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  ->  Parallel Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=2000000 loops=3)",
            "",
        );
    }
}
