#!/usr/bin/env python3
"""Makes the plans of this folder: the same statements on servers 12 to 18, in JSON and in text.

Run as a user that may run servers; needs psql and tests/bring/servers. Usage: tests/plans/generate.py [major...]
<major>.jsonl has one line a statement: its name, and the plan run (JSON, text) and only estimated (JSON, text).
"""
import json, os, pathlib, re, subprocess, sys, tempfile

here = pathlib.Path(__file__).resolve().parent
servers = pathlib.Path(os.environ.get("PGDJ_TEST_SERVERS", here.parent.parent / "target/servers"))
out = pathlib.Path(os.environ.get("PGDJ_PLANS_OUT", here))
CONF = """
listen_addresses = ''
fsync = off
autovacuum = off
track_io_timing = on
max_parallel_workers_per_gather = 2
"""

def statements():
    for block in re.split(r"^-- ", (here / "statements.sql").read_text(), flags=re.M)[1:]:
        head, rest = block.split("\n", 1)
        name, _, since = head.partition(" since ")
        sets = [line for line in rest.splitlines() if line.startswith("set ")]
        body = " ".join(line for line in rest.splitlines() if not line.startswith("set ")).strip().rstrip(";")
        yield name.strip(), int(since or 0), "".join(line + ";\n" for line in sets), body

def short(raw):
    """Takes out the indentation, and nothing else: the doubled names of 12 and the trailing zeros stay."""
    return re.sub(r"\n\s*", "", raw)

def make(major):
    with tempfile.TemporaryDirectory() as scratch:
        data, bin_ = f"{scratch}/data", servers / str(major) / "bin"
        run = lambda *command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        run(bin_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        with open(f"{data}/postgresql.conf", "a") as conf:
            conf.write(CONF + f"unix_socket_directories = '{scratch}'\n")
        run(bin_ / "pg_ctl", "-D", data, "-l", f"{scratch}/log", "-w", "start")
        try:
            psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", scratch, "-U", "postgres", "postgres"]
            subprocess.run(psql + ["-f", here / "schema.sql"], check=True)
            wal = ", wal" if major >= 13 else ""
            with open(out / f"{major}.jsonl", "w") as file:
                for name, since, sets, body in statements():
                    if since > major:
                        continue
                    def explain(options, *flags):
                        sql = f"begin;\n{sets}explain ({options}) {body};\nrollback;\n"
                        return subprocess.run(psql + list(flags), input=sql, text=True, check=True, capture_output=True).stdout
                    # The first run fills caches and sets hint bits.
                    explain("analyze")
                    full = f"analyze, verbose, buffers, settings{wal}"
                    line = {"name": name, "json": short(explain(full + ", format json", "-At")), "text": explain(full),
                        # Without ANALYZE nothing varies: the two forms say the same to the letter.
                        "estimate_json": short(explain("verbose, settings, format json", "-At")),
                        "estimate_text": explain("verbose, settings", "-At")}
                    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        finally:
            subprocess.run([bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL)

for major in sys.argv[1:] or range(12, 19):
    make(int(major))
