#!/usr/bin/env python3
"""Whether many pgdj's on one server add up to a burden: the server's time of so many that run at once.

    tests/bench/many.py [--count 20] [--seconds 60] [--warmup 40] [--bin DIR] [--together] [command]

Starts a private PostgreSQL of its own, as `compare.py` does, and removes it at the end; the same options make the states.
The programs start a quarter of a second apart, or together, each in a terminal of 160x48 of its own, all with one role.
Printed are the milliseconds of server time and the statements per 2 s of one alone (the first, before the others start) and
of all of them, and the server time in the busiest tenth of a second: samples that come at once would be there.

Needs Python 3.9 and what `compare.py` needs.
"""
import re, sys, time

import compare

# The moment of each line is needed here.
compare.SETTINGS = compare.SETTINGS.replace("'<%u> '", "'<%u> %n '")
LINE = re.compile(r"^<bench_[0-9]+> ([0-9.]+) LOG:  duration: ([0-9.]+) ms  (parse|bind|execute|statement)")

def spent(server, begin, end):
    """Returns the milliseconds of server time between two moments, the statements, and the most of a tenth of a second."""
    total, statements, tenths = 0.0, 0, {}
    with open(server.log, errors="replace") as lines:
        for line in lines:
            found = LINE.match(line)
            if found and begin <= float(found[1]) < end:
                milliseconds = float(found[2])
                total += milliseconds
                statements += found[3] in ("execute", "statement")
                tenth = int(float(found[1]) * 10)
                tenths[tenth] = tenths.get(tenth, 0.0) + milliseconds
    return total, statements, max(tenths.values(), default=0.0)

def measure(server, seconds):
    begin = time.time()
    time.sleep(seconds)
    end = time.time()
    total, statements, most = spent(server, begin, end)
    return total / (end - begin) * 2, statements / (end - begin) * 2, most

def main():
    compare.__doc__ = __doc__
    count, is_together = 20, "--together" in sys.argv
    if is_together:
        sys.argv.remove("--together")
    if "--count" in sys.argv:
        at = sys.argv.index("--count")
        count = int(sys.argv[at + 1])
        del sys.argv[at : at + 2]
    if "--warmup" not in sys.argv:
        sys.argv[1:1] = ["--warmup", "40"]
    options = compare.arguments()
    command = options.program[0].split("=", 1)[-1]
    server = compare.Server(options)
    try:
        if options.tables:
            compare.make_tables(options)
        if options.sessions or options.statements or options.idle:
            compare.Load(options).start()
        programs = [compare.Program(options, server, str(number), command) for number in range(count)]
        programs[0].start()
        time.sleep(15)
        alone = measure(server, options.seconds / 2)
        for program in programs[1:]:
            program.start()
            time.sleep(0 if is_together else 0.25)
        time.sleep(options.warmup)
        of_all = measure(server, options.seconds)
        for name, figures in (("one", alone), (f"{count}", of_all)):
            print(f"{name:>4} pgdj: {figures[0]:7.2f} ms and {figures[1]:6.1f} statements in 2 s; at most {figures[2]:6.2f} ms in a tenth of a second", flush=True)
        for program in programs:
            program.stop()
    finally:
        server.stop()

if __name__ == "__main__":
    sys.exit(main())
