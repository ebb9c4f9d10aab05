#!/usr/bin/env python3
"""How long `pgdj explain` takes for a large plan, and the memory that it needs: no server, the whole process.

    tests/bench/plan.py [--nodes 10000] [--runs 7] [program]

Writes a plan of so many nodes as EXPLAIN ANALYZE prints it to a temporary file: reports on two tables each, joined and sorted,
as `benches/advisor.rs` has them. Printed are the milliseconds of the process, the median and the slowest, those of
one CPU, and the peak of its memory.
"""
import argparse, os, statistics, subprocess, sys, tempfile, time

def plan(nodes):
    ran = lambda rows, time: f"(actual time=0.100..{time:.3f} rows={rows} loops=1)"
    lines = [f"Append  (cost=0.00..900000.00 rows=1000 width=72) {ran(1000, 90000)}"]
    for part in range((nodes + 3) // 4):
        one, other, took = part % 10, (part + 3) % 10, 8000 if part % 10 == 0 else 800
        lines += [
            f"  ->  Sort  (cost=90000.00..90000.10 rows=50 width=72) {ran(50, took + 100)}",
            "        Sort Key: o.created_at DESC",
            "        Sort Method: quicksort  Memory: 200kB",
            f"        ->  Hash Join  (cost=100.00..89000.00 rows=50 width=72) {ran(50, took + 90)}",
            "              Hash Cond: (o.customer_id = c.id)",
            f"              ->  Seq Scan on shop_t{one} o  (cost=0.00..60000.00 rows=60 width=40) {ran(60, took)}",
            f"                    Filter: ((status = 'status{part}'::text) AND (total > 10.5))",
            "                    Rows Removed by Filter: 1499940",
            f"              ->  Seq Scan on shop_t{other} c  (cost=0.00..20000.00 rows=900 width=32) {ran(900, 80)}",
            "                    Filter: (upper((email)::text) ~~ 'A%'::text)",
            "                    Rows Removed by Filter: 1499100",
        ]
    return "\n".join(lines + ["Planning Time: 2.000 ms", "Execution Time: 90001.000 ms", ""])

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("program", nargs="?", default="target/release/pgdj")
    options = parser.parse_args()
    took, cpu, peak = [], [], 0
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(plan(options.nodes))
        file.flush()
        for _ in range(options.runs):
            begun = time.monotonic()
            process = subprocess.Popen([options.program, "explain", file.name], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            took.append((time.monotonic() - begun) * 1000)
            cpu.append((used.ru_utime + used.ru_stime) * 1000)
            peak = max(peak, used.ru_maxrss)
            if status:
                sys.exit(f"{options.program} explain failed")
    print(f"a plan of {options.nodes} nodes: {statistics.median(took):.0f} ms (slowest {max(took):.0f}), {statistics.median(cpu):.0f} ms of CPU, {peak / 1024:.1f} MiB")

if __name__ == "__main__":
    sys.exit(main())
