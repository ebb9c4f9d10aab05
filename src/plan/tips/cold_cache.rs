//! Time spent waiting for reads.

use super::support::{BLOCK, Bytes, Hit, Node, NodeId, Plan, Seconds, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 33,
    id: "cold-cache",
    title: "time spent waiting for reads",
    why: "Most pages were not in shared buffers: they came from the operating system's cache or from the disk.",
    wrong: "this was the first run after a start; run it again before acting.",
    source: "pgMustard; track_io_timing",
    topic: Topic::Reading,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some(root) = seen.plan.root() else { return Vec::new() };
    let (shared, io) = (root.buffers.shared, elapsed_reads(seen.plan));
    if shared.read <= shared.touched() * 0.5 || shared.read < 100.0 || io < seen.total() * 0.3 {
        return Vec::new();
    }
    let of_all = if root.io.read.0 > io * 1.05 {
        format!(" ({} summed over the parallel processes)", Seconds(root.io.read.0))
    } else {
        String::new()
    };
    let what = format!(
        "{} of {} were not in shared buffers; waiting for these reads took {}{of_all}",
        Bytes(shared.read * BLOCK),
        Bytes(shared.touched() * BLOCK),
        Seconds(io)
    );
    vec![Hit::whole(
        what,
        "run it again; if it stays slow, read fewer pages (a narrower index, fewer columns) or raise shared_buffers",
        io,
    )]
}

/// Returns the time that reads took, in seconds; the server sums it over the processes, which wait side by side.
fn elapsed_reads(plan: &Plan) -> f64 {
    let own = |(id, node): (NodeId, &Node)| {
        let below: f64 = plan.children(id).map(|(_, child)| child.io.read.0).sum();
        (node.io.read.0 - below).max(0.0) / node.derived.processes.max(1.0)
    };
    plan.iter().map(own).sum()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_cold_cache_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=100 read=9000
  I/O Timings: read=600
Execution Time: 900 ms",
            "70 MB of 71 MB were not in shared buffers; waiting for these reads took 600ms: run it again; if it stays slow, read fewer pages (a narrower index, fewer columns) or raise shared_buffers",
        );
    }

    #[test]
    fn what_two_processes_wait_for_side_by_side_takes_half_the_time() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..169 rows=5 loops=1)
  Workers Planned: 1
  Workers Launched: 1
  Buffers: shared hit=100 read=9000
  I/O Timings: shared read=160
  ->  Parallel Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..168 rows=2 loops=2)
        Buffers: shared hit=100 read=9000
        I/O Timings: shared read=160
Execution Time: 169 ms",
            "70 MB of 71 MB were not in shared buffers; waiting for these reads took 80ms (160ms summed over the parallel processes): run it again; if it stays slow, read fewer pages (a narrower index, fewer columns) or raise shared_buffers",
        );
    }

    #[test]
    fn half_in_memory_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=9000 read=9000
  I/O Timings: read=600
Execution Time: 900 ms",
            "",
        );
    }

    #[test]
    fn a_quick_disk_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=100 read=9000
  I/O Timings: read=100
Execution Time: 900 ms",
            "",
        );
    }
}
