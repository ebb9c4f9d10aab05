#!/usr/bin/env python3
"""Whole-process figures of pgdj beside pg_activity, on the same server in the same run.

    tests/bench/compare.py [--seconds 60] [--sessions 0] [--idle 0] [--waiting 0] [--statements 0] [--tables 0] [--bin DIR] [program=command …]

Starts a private PostgreSQL of its own (from --bin, else from PATH or Debian's folder) and removes it at the end.
Each program runs for so many seconds in a terminal of 160x48 of its own, under a role of its own in `pg_monitor`, and
through a proxy that counts round trips: bursts from the client that were followed by an answer. Printed are:

- server ms per 2 s: the sum of the durations that the server logs for parse, bind, execute and simple statements,
  so parsing and planning are included;
- statements and round trips per 2 s, bytes per 2 s from the server and to the terminal, resident memory and the share
  of one CPU.

The programs run at the same time, so that all see the same load and the same machine. `--statements` fills
pg_stat_statements, `--sessions` keeps so many sessions connected, each of which runs a short statement twice a second,
`--idle` so many that do nothing, `--waiting` so many that wait for one row, and `--tables` makes so many tables with three indexes each. The three states that are
quoted: nothing; `--sessions 150 --statements 2000`; `--tables 20000 --idle 2000 --statements 9900 --seconds 600`.
With `--warmup 0` the start is part of the figures.
Needs Python 3.9 and what the commands need (`pip install pg_activity psycopg[binary]`).
"""
import argparse, fcntl, os, pty, re, resource, select, shlex, signal, socket, struct, subprocess, sys, termios, threading, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True
from private_server import PrivateServer, server_binaries

SETTINGS = """
shared_preload_libraries = 'pg_stat_statements'
listen_addresses = ''
max_connections = CONNECTIONS
pg_stat_statements.max = 10000
max_locks_per_transaction = 256
logging_collector = off
log_line_prefix = '<%u> '
log_min_messages = error
fsync = off
"""

def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warmup", type=float, default=10)
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--waiting", type=int, default=0)
    parser.add_argument("--statements", type=int, default=0)
    parser.add_argument("--tables", type=int, default=0)
    parser.add_argument("--bin", type=Path, help="folder with initdb and postgres")
    parser.add_argument("program", nargs="*", default=[
        "pgdj=target/release/pgdj -h {host} -p {port} -U {role} -d {database} --pace 2",
        "pg_activity=pg_activity -h {host} -p {port} -U {role} -d {database} --refresh 2",
    ])
    options = parser.parse_args()
    options.bin = options.bin or server_binaries()
    options.port, options.database = 5432, "postgres"
    return options

class Server(PrivateServer):
    """A private server that logs every statement's duration; `pg_stat_statements` is in its database."""
    def __init__(self, options):
        super().__init__(options.bin, SETTINGS.replace("CONNECTIONS", str(400 + options.idle + options.waiting)), "pgdj-bench-")
        options.socket = self.host
        for _ in range(200):
            try:
                psql(options, "create extension if not exists pg_stat_statements")
                return
            except subprocess.CalledProcessError:
                time.sleep(0.1)
        sys.exit("the private server did not start: " + self.log.read_text()[-500:])
    def cost(self, role):
        """Returns the milliseconds the server logged for this role, and how many statements it executed."""
        spent, executed = 0.0, 0
        pattern = re.compile(rf"^<{re.escape(role)}> LOG:  duration: ([0-9.]+) ms  (parse|bind|execute|statement)")
        with open(self.log, errors="replace") as lines:
            for line in lines:
                found = pattern.match(line)
                if found:
                    spent += float(found[1])
                    executed += found[2] in ("execute", "statement")
        return spent, executed

class Load(threading.Thread):
    """Sessions that run a short statement twice a second each, and statements that fill pg_stat_statements."""
    def __init__(self, options):
        super().__init__(daemon=True)
        import psycopg
        connect = lambda name: psycopg.connect(host=options.socket, port=options.port, user="postgres", dbname=options.database, autocommit=True, application_name=name)
        with connect("bench fill") as connection:
            for number in range(options.statements):
                # Names and values are no part of a queryid, and types of constants are: each number is one of its own.
                kinds = ", ".join(f"{'1' if number >> bit & 1 else repr('x')} as b{bit}" for bit in range(15))
                columns = "".join(f", {number} as c{place}" for place in range(number % 40 + 1))
                connection.execute(f"select {kinds}{columns}")
            known = connection.execute("select count(*) from pg_stat_statements(false)").fetchone()[0]
            if known < options.statements:
                sys.exit(f"pg_stat_statements has {known} statements instead of {options.statements}")
        self.connections = [connect(f"bench {number}") for number in range(options.sessions)]
        self.idle = [connect(f"bench idle {number}") for number in range(options.idle)]
        if options.waiting:
            self.holder = connect("bench holder")
            self.holder.execute("create table bench_row (id int primary key, n int)")
            self.holder.execute("insert into bench_row values (1, 0)")
            self.holder.execute("begin")
            self.holder.execute("update bench_row set n = 1 where id = 1")
            self.waiting = [connect(f"bench waiting {number}") for number in range(options.waiting)]
            for connection in self.waiting:
                # The answer does not come while the row is held.
                connection.pgconn.send_query(b"update bench_row set n = n + 1 where id = 1")
    def run(self):
        import psycopg
        try:
            while self.connections:
                for connection in self.connections:
                    connection.execute("select count(*) from pg_class where relkind = 'r'")
                    time.sleep(0.5 / len(self.connections))
        except psycopg.OperationalError:
            # The server is stopped at the end of the measurement.
            pass

def readable(files, seconds):
    """Returns those of some files that can be read; with thousands of connections select() cannot be asked."""
    poll = select.poll()
    known = {}
    for file in files:
        number = file if isinstance(file, int) else file.fileno()
        known[number] = file
        poll.register(number, select.POLLIN)
    return [known[number] for number, _ in poll.poll(None if seconds is None else seconds * 1000)]

def psql(options, sql):
    command = ["psql", "-h", options.socket, "-p", str(options.port), "-U", "postgres", "-d", options.database, "-qAtc", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

def make_tables(options):
    """Makes tables with three indexes each, a hundred in a transaction, every tenth with rows."""
    command = ["psql", "-h", options.socket, "-p", str(options.port), "-U", "postgres", "-d", options.database, "-qX", "-v", "ON_ERROR_STOP=1"]
    subprocess.run(command, check=True, text=True, input=f"""
        set client_min_messages = error;
        do $$ begin for i in 1..{options.tables} loop
            execute format('create table app%s_model_%s (id bigint primary key, owner_id bigint not null, name varchar(200) not null, created timestamptz not null default now(), active boolean not null default true)', mod(i, 200), i);
            execute format('create index app%s_model_%s_owner on app%s_model_%s (owner_id)', mod(i, 200), i, mod(i, 200), i);
            execute format('create index app%s_model_%s_created on app%s_model_%s (active, created desc)', mod(i, 200), i, mod(i, 200), i);
            if mod(i, 10) = 0 then execute format('insert into app%s_model_%s select g, mod(g, 7), ''n'' || g from generate_series(1, %s) g', mod(i, 200), i, 50 + mod(i, 400)); end if;
            if mod(i, 100) = 0 then commit; end if;
        end loop; end $$;
        analyze;""")

class Proxy(threading.Thread):
    """Forwards TCP on 127.0.0.1 to the unix socket and counts round trips."""
    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.trips, self.received = target, 0, 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(20)
        self.port = self.listener.getsockname()[1]
    def run(self):
        while True:
            client, _ = self.listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            threading.Thread(target=self.carry, args=(client, server), daemon=True).start()
    def carry(self, client, server):
        asked = False
        while True:
            ready = readable([client, server], None)
            for end in ready:
                data = end.recv(1 << 16)
                if not data:
                    client.close(); server.close()
                    return
                if end is client:
                    asked = True
                    server.sendall(data)
                else:
                    if asked:
                        self.trips += 1
                    asked = False
                    self.received += len(data)
                    client.sendall(data)

class Program:
    def __init__(self, options, server, name, command):
        self.server, self.name = server, name
        self.role = f"bench_{name}"
        psql(options, f"create role {self.role} login in role pg_monitor; alter role {self.role} set log_min_duration_statement = 0")
        self.proxy = Proxy(f"{options.socket}/.s.PGSQL.{options.port}")
        self.proxy.start()
        words = {"host": "127.0.0.1", "port": self.proxy.port, "role": self.role, "database": options.database}
        self.argv = [word.format(**words) for word in shlex.split(command)]
        self.written = 0
    def start(self):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", COLORTERM="truecolor")
            os.execvp(self.argv[0], self.argv)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)
        threading.Thread(target=self.read, daemon=True).start()
    def read(self):
        while True:
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:
                return
            if not data:
                return
            self.written += len(data)
    def figures(self):
        stat = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        resident = int(open(f"/proc/{self.pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        spent, executed = self.server.cost(self.role)
        return dict(cpu=cpu, resident=resident, calls=executed, server_ms=spent, trips=self.proxy.trips, received=self.proxy.received, written=self.written, at=time.monotonic())
    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)

def measure(options, server):
    programs = [Program(options, server, *given.split("=", 1)) for given in options.program]
    for program in programs:
        program.start()
    time.sleep(options.warmup)
    before = [program.figures() for program in programs]
    time.sleep(options.seconds)
    print(f"{'per 2 s':14} {'server ms':>10} {'statements':>11} {'round trips':>12} {'from server':>12} {'tty bytes':>10} {'RSS MiB':>9} {'CPU %':>7}")
    for program, old in zip(programs, before):
        new = program.figures()
        seconds = new["at"] - old["at"]
        rate = lambda name: (new[name] - old[name]) / seconds
        print(f"{program.name:14} {rate('server_ms') * 2:10.2f} {rate('calls') * 2:11.2f} {rate('trips') * 2:12.2f} {rate('received') * 2:12.0f} {rate('written') * 2:10.0f} {new['resident'] / 2**20:9.1f} {rate('cpu') * 100:7.2f}")
        program.stop()

def main():
    options = arguments()
    # Each idle session is a file of this process.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = Server(options)
    try:
        if options.tables:
            make_tables(options)
        if options.sessions or options.statements or options.idle or options.waiting:
            # Kept, or its sessions would be closed.
            load = Load(options)
            load.start()
        measure(options, server)
    finally:
        server.stop()

if __name__ == "__main__":
    sys.exit(main())
