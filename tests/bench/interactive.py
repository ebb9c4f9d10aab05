#!/usr/bin/env python3
"""How long a person waits for pgdj: from its start to data, over a slow line too, and from a key to the frame after it.

    tests/bench/interactive.py [--latency 150] [--keys 200] [--idle 0] [--statements 0] [--tables 0] [--bin DIR] [program=command …]

Starts a private PostgreSQL of its own, as `compare.py` does, and removes it at the end; the same options make the states.
Each program runs in a terminal of 160x48 of its own. Printed are:

- the milliseconds from the start of the process until its screen shows the number of connections, which all of them
  read from the server: the median and the slowest of seven starts;
- the same through a proxy that makes each round trip so many milliseconds longer, and by how many round trips that is
  more; those of TCP and of the greeting (two without a password) are among them;
- for pgdj: the milliseconds from a key that moves the selection in Tables to the first byte of the frame after it.

Needs Python 3.9 and what the commands need (`pip install pg_activity psycopg[binary]`).
"""
import os, queue, random, re, resource, select, socket, statistics, sys, threading, time

import compare

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\].*?\x07|\x1b.")

class SlowLine(threading.Thread):
    """Forwards TCP on 127.0.0.1 to the unix socket; each direction takes so many seconds."""
    def __init__(self, target, seconds):
        super().__init__(daemon=True)
        self.target, self.seconds = target, seconds
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
            # The handshake of TCP crosses the line as well: what comes first waits for it too.
            opened = time.monotonic() + 2 * self.seconds
            for source, sink in ((client, server), (server, client)):
                line = queue.Queue()
                threading.Thread(target=self.take, args=(source, line, opened), daemon=True).start()
                threading.Thread(target=self.give, args=(line, sink), daemon=True).start()
    def take(self, source, line, opened):
        while True:
            try:
                data = source.recv(1 << 16)
            except OSError:
                data = b""
            line.put((max(opened, time.monotonic()) + self.seconds, data))
            if not data:
                return
    def give(self, line, sink):
        while True:
            due, data = line.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return

class Watched(compare.Program):
    """A program whose screen is read by whoever waits for it."""
    def __init__(self, options, server, name, command, port):
        super().__init__(options, server, name, command)
        self.argv = [word.replace(str(self.proxy.port), str(port)) for word in self.argv]
    def read(self):
        """Leaves reading to the methods below."""
    def until(self, shown, seconds=60):
        """Returns the seconds until the screen has a text, or None."""
        begun, written = time.monotonic(), b""
        while time.monotonic() - begun < seconds:
            if select.select([self.master], [], [], 0.05)[0]:
                written += os.read(self.master, 1 << 16)
                if shown in ESCAPE.sub("", written.decode("utf-8", "replace")):
                    return time.monotonic() - begun
        return None
    def drain(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                os.read(self.master, 1 << 16)
    def key(self, letter):
        """Returns the seconds from a key to the first byte after it."""
        begun = time.monotonic()
        os.write(self.master, letter.encode())
        select.select([self.master], [], [], 5)
        return time.monotonic() - begun

def starts(options, server, name, command, port, shown):
    took = []
    for number in range(7):
        program = Watched(options, server, f"{name}_{port}_{number}", command, port)
        program.start()
        seconds = program.until(shown)
        program.stop()
        if seconds is None:
            return None
        took.append(seconds * 1000)
    return took

def main():
    compare.__doc__ = __doc__
    own = {"--latency": 150.0, "--keys": 200.0}
    for option in own:
        if option in sys.argv:
            at = sys.argv.index(option)
            own[option] = float(sys.argv[at + 1])
            del sys.argv[at : at + 2]
    options = compare.arguments()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    server = compare.Server(options)
    try:
        options.tables = options.tables or 40  # so that a key has a selection to move
        compare.make_tables(options)
        if options.sessions or options.statements or options.idle:
            compare.Load(options).start()
        target, most = f"{options.socket}/.s.PGSQL.{options.port}", 400 + options.idle + options.waiting
        near, far = SlowLine(target, 0), SlowLine(target, own["--latency"] / 2000)
        near.start()
        far.start()
        for name, command in (given.split("=", 1) for given in options.program):
            # pgdj counts the connections that ordinary roles may have.
            shown = f"/{most - 3 if name.startswith('pgdj') else most}"
            took, over = (starts(options, server, name, command, line.port, shown) for line in (near, far))
            if took and over:
                trips = (statistics.median(over) - statistics.median(took)) / own["--latency"]
                print(f"{name}: data after {statistics.median(took):.0f} ms (slowest {max(took):.0f}); "
                      f"over {own['--latency']:.0f} ms after {statistics.median(over):.0f} ms: {trips:.1f} round trips", flush=True)
            else:
                print(f"{name}: never showed {shown}", flush=True)
            if name == "pgdj":
                program = Watched(options, server, "keys", command, near.port)
                program.start()
                program.drain(10)
                os.write(program.master, b"4")
                program.drain(5)
                waits = []
                for number in range(int(own["--keys"])):
                    waits.append(program.key("jk"[number % 2]) * 1000)
                    program.drain(random.uniform(0.05, 0.2))
                program.stop()
                waits.sort()
                print(f"key to frame in Tables: p50 {waits[len(waits) // 2]:.1f} ms, p95 {waits[len(waits) * 95 // 100]:.1f} ms", flush=True)
    finally:
        server.stop()

if __name__ == "__main__":
    sys.exit(main())
