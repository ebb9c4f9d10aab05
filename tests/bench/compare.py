#!/usr/bin/env python3
"""Whole-process figures of pgdj beside pg_activity, on the same server in the same run.

    tests/bench/compare.py [--seconds 60] [--url postgresql://…] [program=command …]

Each program runs for so many seconds in a terminal of 160x48 of its own, under a role of its own, and through a proxy
that counts round trips: bursts from the client that were followed by an answer. Printed are statements and server
milliseconds a second (pg_stat_statements, by role), round trips a second, bytes a second to the terminal, resident
memory and the share of one CPU. The programs run at the same time, so that both see the same load and the same machine.
"""
import argparse, fcntl, os, pty, select, shlex, signal, socket, struct, subprocess, sys, termios, threading, time
from urllib.parse import urlsplit

def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warmup", type=float, default=10)
    parser.add_argument("--socket", required=True, help="directory of the server's unix socket")
    parser.add_argument("--port", type=int, default=5432)
    parser.add_argument("--database", default="postgres")
    parser.add_argument("program", nargs="*", default=[
        "pgdj=target/release/pgdj -h {host} -p {port} -U {role} -d {database} --pace 2",
        "pg_activity=pg_activity -h {host} -p {port} -U {role} -d {database} --refresh 2",
    ])
    return parser.parse_args()

def psql(options, sql):
    command = ["psql", "-h", options.socket, "-p", str(options.port), "-U", "postgres", "-d", options.database, "-qAtc", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

class Proxy(threading.Thread):
    """Forwards TCP on 127.0.0.1 to the unix socket and counts round trips."""
    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.trips = target, 0
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
            ready, _, _ = select.select([client, server], [], [])
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
                    client.sendall(data)

class Program:
    def __init__(self, options, name, command):
        self.options, self.name = options, name
        self.role = f"bench_{name}"
        psql(options, f"drop role if exists {self.role}")
        psql(options, f"create role {self.role} login in role pg_monitor")
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
        calls, spent = psql(self.options, f"select coalesce(sum(calls), 0), coalesce(sum(total_exec_time), 0) from pg_stat_statements s join pg_roles r on r.oid = s.userid where r.rolname = '{self.role}'").split("|")
        return dict(cpu=cpu, resident=resident, calls=float(calls), server_ms=float(spent), trips=self.proxy.trips, written=self.written, at=time.monotonic())
    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)

def main():
    options = arguments()
    psql(options, "create extension if not exists pg_stat_statements")
    programs = [Program(options, *given.split("=", 1)) for given in options.program]
    for program in programs:
        program.start()
    time.sleep(options.warmup)
    before = [program.figures() for program in programs]
    time.sleep(options.seconds)
    print(f"{'':14} {'calls/s':>9} {'trips/s':>9} {'server ms/s':>12} {'tty bytes/s':>12} {'RSS MiB':>9} {'CPU %':>7}")
    for program, old in zip(programs, before):
        new = program.figures()
        seconds = new["at"] - old["at"]
        rate = lambda name: (new[name] - old[name]) / seconds
        print(f"{program.name:14} {rate('calls'):9.2f} {rate('trips'):9.2f} {rate('server_ms'):12.2f} {rate('written'):12.0f} {new['resident'] / 2**20:9.1f} {rate('cpu') * 100:7.2f}")
        program.stop()

if __name__ == "__main__":
    sys.exit(main())
