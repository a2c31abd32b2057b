#!/usr/bin/env python3
"""A peer in a process of its own: python worker.py MODULE PEER THREADS. compare.py starts it.

The module gives `peer(name, threads)`: an object with `title`, `version` and `rows`, which maps
the name of a row to a function that prepares it: that gives candidates, functions of which each
does the work once and gives its result, and a function that gives what the result should be, in
double, or None. The fastest candidate counts.

Lines of JSON: the first says title, version and rows; then each line {"row", "seconds"} from the
standard input is answered with {"us"} and, the first time, {"error"}; or with {"failed"}.
"""

import importlib
import json
import math
import sys
import time

import numpy


def fastest(action, seconds):
    """Microseconds of the fastest call, and at least two calls."""
    best, calls, end = math.inf, 0, time.perf_counter() + seconds
    while calls < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
        calls += 1
    return best * 1e6


def error(found, wanted):
    """The greatest difference, as a part of the greatest number."""
    found = numpy.asarray(found.numpy(), numpy.float64)
    return float(abs(found.reshape(wanted.shape) - wanted).max() / abs(wanted).max())


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr
    module, name, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    peer = importlib.import_module(module).peer(name, threads)

    def say(**what):
        print(json.dumps(what), file=answers, flush=True)

    say(title=peer.title, version=peer.version, rows=list(peer.rows))
    ready = {}
    for line in sys.stdin:
        wanted = json.loads(line)
        row, answer = wanted["row"], {}
        try:
            if row not in ready:
                candidates, wanted_result = peer.rows[row]()
                for candidate in candidates:
                    for _ in range(3):
                        candidate()
                ready[row] = min(candidates, key=lambda each: fastest(each, 0.05))
                if wanted_result:
                    answer["error"] = error(ready[row](), wanted_result())
            answer["us"] = fastest(ready[row], wanted["seconds"])
            say(**answer)
        except Exception as problem:  # one row that a peer cannot do is no reason to stop
            say(failed=f"{type(problem).__name__}: {problem}"[:300])


if __name__ == "__main__":
    main()
