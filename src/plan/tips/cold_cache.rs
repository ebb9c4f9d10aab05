//! Time spent waiting for the disk.

use super::support::{BLOCK, Bytes, Hit, Seconds, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 33,
    id: "cold-cache",
    title: "time spent reading from disk",
    why: "Most pages were not in the server's memory and had to be read.",
    wrong: "this was the first run after a start; run it again before acting.",
    source: "pgMustard; track_io_timing",
    topic: Topic::Reading,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some(root) = seen.plan.root() else { return Vec::new() };
    let (shared, io) = (root.buffers.shared, root.io.read.0);
    if shared.read <= shared.touched() * 0.5 || shared.read < 100.0 || io < seen.total() * 0.3 {
        return Vec::new();
    }
    let what = format!(
        "{} of {} were read from disk in {}",
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
            "70 MB of 71 MB were read from disk in 600ms: run it again; if it stays slow, read fewer pages (a narrower index, fewer columns) or raise shared_buffers",
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
