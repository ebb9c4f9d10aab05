#!/usr/bin/env python3
"""How long `pgdj advise` takes for a workload, and what it asks the server.

    tests/bench/advise.py [--statements 500] [--tables 40] [--latency 0] [--bin DIR] [--pgdj target/release/pgdj] [--no-hypopg]

Starts a private PostgreSQL of its own and removes it at the end. It has so many tables of 20,000 rows as Django makes
them, and so many different statements in pg_stat_statements: equality on one and two columns, pages in an order, counts,
ranges, joins over a foreign key, sub-queries, updates. Printed are the time of the whole process, its plans, the time
that the server logs for parse, bind and execute, its statements, and what was chosen. `--latency` makes each round trip
so many milliseconds longer.
Needs Python 3.9 and `pip install psycopg[binary]`; HypoPG where it is installed.
"""
import argparse, json, os, re, subprocess, sys, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from private_server import PrivateServer, server_binaries
from interactive import SlowLine

SETTINGS = """
shared_preload_libraries = 'pg_stat_statements'
listen_addresses = ''
max_connections = 50
pg_stat_statements.max = 10000
logging_collector = off
log_line_prefix = '<%u> '
log_min_duration_statement = -1
fsync = off
autovacuum = off
"""

TABLE = """
create table "app{n}_thing" (id bigserial primary key, owner_id bigint not null, parent_id bigint not null,
    status varchar(20) not null, code varchar(40) not null, kind int not null, amount numeric(10, 2) not null,
    created_at timestamptz not null, updated_at timestamptz not null, is_active boolean not null, note text not null);
insert into "app{n}_thing" (owner_id, parent_id, status, code, kind, amount, created_at, updated_at, is_active, note)
    select 1 + (i * 7919) % 2000, 1 + (i * 31) % 20000, (array['new', 'paid', 'sent', 'done'])[1 + i % 4], 'C' || i, i % 50,
        (i % 1000)::numeric, '2026-01-01'::timestamptz + i * interval '1 minute', '2026-01-01'::timestamptz + ((i * 37) % 20000) * interval '1 minute',
        i % 10 <> 0, repeat(md5(i::text), 4) from generate_series(1, 20000) as i;
"""

def statements(n, tables):
    """Yields the statements of one table, as Django writes them."""
    t = f'"app{n}_thing"'
    o = f'"app{(n + 1) % tables}_thing"'
    yield f"SELECT {t}.\"id\", {t}.\"status\" FROM {t} WHERE {t}.\"owner_id\" = 47"
    yield f"SELECT {t}.\"id\" FROM {t} WHERE {t}.\"code\" = 'C4711' LIMIT 21"
    yield f"SELECT {t}.\"id\", {t}.\"amount\" FROM {t} WHERE ({t}.\"owner_id\" = 47 AND {t}.\"status\" = 'new') ORDER BY {t}.\"created_at\" DESC LIMIT 20"
    yield f"SELECT COUNT(*) AS \"__count\" FROM {t} WHERE {t}.\"parent_id\" = 815"
    yield f"SELECT {t}.\"id\" FROM {t} WHERE {t}.\"updated_at\" >= '2026-01-13 10:00:00+00'::timestamptz AND {t}.\"updated_at\" < '2026-01-13 11:00:00+00'::timestamptz"
    yield f"SELECT {t}.\"id\", {o}.\"code\" FROM {t} INNER JOIN {o} ON ({t}.\"parent_id\" = {o}.\"id\") WHERE {o}.\"code\" = 'C99'"
    yield f"SELECT {t}.\"id\" FROM {t} ORDER BY {t}.\"updated_at\" DESC LIMIT 50"
    yield f"SELECT {t}.\"id\" FROM {t} WHERE {t}.\"owner_id\" IN (1, 2, 3) AND {t}.\"kind\" = 7"
    yield f"SELECT {t}.\"id\" FROM {t} WHERE {t}.\"id\" = 4711"
    yield f"SELECT {t}.\"status\", COUNT(*) AS \"n\" FROM {t} GROUP BY {t}.\"status\""
    yield f"SELECT {t}.\"id\", (SELECT U0.\"id\" FROM {o} U0 WHERE U0.\"parent_id\" = ({t}.\"id\") ORDER BY U0.\"created_at\" DESC LIMIT 1) AS \"latest\" FROM {t} WHERE {t}.\"kind\" = 3 LIMIT 20"
    yield f"UPDATE {t} SET \"status\" = 'paid' WHERE {t}.\"code\" = 'C55'"
    yield f"SELECT 1 AS \"a\" FROM {t} WHERE ({t}.\"is_active\" AND {t}.\"code\" = 'C77') LIMIT 1"

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=500)
    parser.add_argument("--tables", type=int, default=40)
    parser.add_argument("--latency", type=float, default=0, help="milliseconds")
    parser.add_argument("--bin", type=Path)
    parser.add_argument("--pgdj", default="target/release/pgdj")
    parser.add_argument("--no-hypopg", action="store_true")
    parser.add_argument("--log", type=Path, help="keep the server's log in this file")
    options = parser.parse_args()
    import psycopg
    server = PrivateServer(options.bin or server_binaries(), SETTINGS, "pgdj-advise-")
    try:
        connect = lambda: psycopg.connect(host=server.host, port=5432, user="postgres", dbname="postgres", autocommit=True)
        for _ in range(200):
            try:
                connection = connect()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        connection.execute("create extension pg_stat_statements")
        if not options.no_hypopg:
            try:
                connection.execute("create extension hypopg")
            except psycopg.Error:
                print("HypoPG is not there: pgdj's own cost model is used")
        for number in range(options.tables):
            connection.execute(TABLE.format(n=number))
        connection.execute("analyze")
        connection.execute("select pg_stat_statements_reset()")
        made = 0
        for number in range(options.tables):
            for place, sql in enumerate(statements(number, options.tables)):
                if made == options.statements:
                    break
                made += 1
                for _ in range(1 + (number * 13 + place) % 3):
                    connection.execute(sql)
        connection.execute("create role pgdj_bench login superuser")
        connection.execute("alter role pgdj_bench set log_min_duration_statement = 0")
        host, port = server.host, 5432
        if options.latency:
            line = SlowLine(f"{server.host}/.s.PGSQL.5432", options.latency / 2000)
            line.start()
            host, port = "127.0.0.1", line.port
        began = time.monotonic()
        done = subprocess.run([options.pgdj, "-h", host, "-p", str(port), "-U", "pgdj_bench", "-d", "postgres", "advise",
            "--limit", str(options.statements), "--format", "json"], capture_output=True, text=True)
        elapsed = time.monotonic() - began
        if done.returncode not in (0, 10):
            sys.exit(done.stderr)
        usage = os.times()
        advice = json.loads(done.stdout)
        spent, sent = 0.0, 0
        for row in server.log.read_text(errors="replace").splitlines():
            found = re.match(r"^<pgdj_bench> LOG:  duration: ([0-9.]+) ms  (parse|bind|execute|statement)", row)
            if found:
                spent += float(found[1])
                sent += found[2] in ("execute", "statement")
        print(f"{made} statements on {options.tables} tables, {options.latency:g} ms of latency: {elapsed:.1f} s, of which the server {spent / 1000:.1f} s;"
            f" {sent} messages; own CPU {usage.children_user + usage.children_system:.1f} s (with that of what made the server)")
        print(json.dumps({name: advice.get(name) for name in ("overhead", "certificate", "asked")}))
        print("chosen:", "; ".join(index.get("summary", index.get("name", "?")) for index in advice.get("indexes", [])))
    finally:
        if options.log:
            options.log.write_bytes(server.log.read_bytes())
        server.stop()

if __name__ == "__main__":
    main()
