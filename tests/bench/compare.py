#!/usr/bin/env python3
"""Measures Sequent and its peers in alternation and prints one table for each section.

Each round takes a short sample of every program for every row, one after the other, so that what
slows the machine for a second hits all alike; the least of all samples counts. The floor is the
time that the products' operations take at the peak of one core, read from bench_peak. A run counts
as quiet if the peak reads at least 0.95 of the best it ever gave in BUILD_DIR, at both ends.
"""

import argparse
import json
import math
import re
import sys
import time
from pathlib import Path

import bars
from programs import SECTIONS, Failed, open_sources, section_of

QUIET = 0.95


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="First: cmake --preset bench && cmake --build --preset bench; then for example\n"
               "  compare.py build/bench --only product --only attention --svg figures.svg")
    parser.add_argument("build_dir", type=Path, help="where CMake built the benchmarks")
    parser.add_argument("--only", action="append", choices=[*SECTIONS, "peak"], metavar="SECTION",
                        help=f"{', '.join(SECTIONS)} or peak; may be given several times")
    parser.add_argument("--rows", metavar="REGEX", default="", help="only rows that match")
    parser.add_argument("--peers", metavar="REGEX", default="",
                        help="only peers whose name matches; 'none' measures our own programs")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each row (default 3)")
    parser.add_argument("--seconds", type=float, default=0.02,
                        help="least length of a sample (default 0.02)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the peers (default 1)")
    parser.add_argument("--samples", type=Path, metavar="FILE",
                        help="a JSON file to keep the least of all quiet runs in")
    parser.add_argument("--show", action="store_true",
                        help="measure nothing: print what the file of --samples holds")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the table as bars")
    return parser.parse_args()


def log(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


class Figures:
    """The least times and errors of rows by program, and the readings of the peak."""

    def __init__(self, path=None):
        self.data = {"rows": {}, "sources": {}, "missing": {}, "peaks": [], "limits": {},
                     "context": {}, "best peak": 0}
        if path and path.exists():
            self.data = json.loads(path.read_text())

    def add(self, row, key, time_us, flop=None, error=None):
        entry = self.data["rows"].setdefault(row, {"us": {}, "error": {}})
        entry["us"][key] = min(time_us, entry["us"].get(key, math.inf))
        if flop:
            entry["flop"] = flop
        if error is not None:
            entry["error"][key] = error

    def add_limit(self, row, value, unit):
        kept = self.data["limits"].setdefault(row, [0, unit])
        kept[0] = max(kept[0], value)

    def merge(self, other):
        for row, entry in other.data["rows"].items():
            for key, time_us in entry["us"].items():
                self.add(row, key, time_us, entry.get("flop"), entry["error"].get(key))
        for row, limit in other.data["limits"].items():
            self.add_limit(row, *limit)
        for name in ("sources", "missing", "context"):
            self.data[name].update(other.data[name])
        self.data["peaks"] += other.data["peaks"]
        self.data["best peak"] = max(self.data["best peak"], other.data["best peak"])

    def quiet(self):
        return min(self.data["peaks"]) >= QUIET * self.data["best peak"]


def read_peak(folder, figures):
    """GFLOP/s of one core now, and the best ever seen in this build."""
    from programs import Program, environment_for
    program = Program(folder / "bench_peak", environment_for(1))
    row = "peak multiply-add"
    time_us = program.sample(row, 0.005, repetitions=60)
    rate = program.figures[row]["flop"] / time_us / 1e3
    kept = folder / "quiet_peak.json"
    best = max(rate, json.loads(kept.read_text()) if kept.exists() else 0)
    kept.write_text(json.dumps(best))
    figures.data["peaks"].append(rate)
    figures.data["best peak"] = best
    return program


def read_limits(program, figures):
    for row in program.rows:
        for _ in range(3):
            program.sample(row, 0.02)
            for name in ("flop/s", "byte/s", "element/s"):
                if name in program.figures[row]:
                    figures.add_limit(row, program.figures[row][name], name)


def measure(options, sections, figures):
    folder = options.build_dir
    for candidate in (folder, folder / "tests" / "bench"):
        if (candidate / "bench_peak").exists():
            folder = candidate
            break
    else:
        sys.exit(f"compare.py: no bench_peak in {options.build_dir} or its tests/bench: build the "
                 "benchmarks first (cmake --preset bench && cmake --build --preset bench)")
    peak = read_peak(folder, figures)
    if "peak" in sections:
        read_limits(peak, figures)
    sections = [each for each in sections if each != "peak"]
    sources, missing = open_sources(folder, sections, options.threads, options.peers)
    figures.data["missing"] = missing
    for name, reason in missing.items():
        log(f"missing: {name}: {reason}")
    for key, source in sources.items():
        figures.data["sources"][key] = [source.title, source.version]
        for own, _, _ in SECTIONS.values():
            if key == own:
                figures.data["context"] = source.context
    for number in range(options.rounds):
        for section in sections:
            own, programs, workers = SECTIONS[section]
            keys = [own, *(f"{peer}_{own}" for peer in programs), *workers]
            rows = [row for row in (sources[own].rows if own in sources else [])
                    if section_of(row) == section and re.search(options.rows, row)]
            for row in rows:
                start = time.perf_counter()
                for key in keys:
                    source = sources.get(key)
                    if source is None or row not in source.rows:
                        continue
                    try:
                        time_us = source.sample(row, options.seconds)
                    except Failed as problem:
                        log(f"\n{source.title}, {row}: {problem}")
                        source.rows.remove(row)
                        continue
                    flop = source.figures[row].get("flop") if key == own else None
                    figures.add(row, key, time_us, flop, source.errors.get(row))
                log(f"\rround {number + 1} of {options.rounds}: {row}, "
                    f"{time.perf_counter() - start:.1f} s" + " " * 30, end="")
    log("")
    for source in sources.values():
        source.close()
    read_peak(folder, figures)


def title_of(data, key):
    """The name with the version, and not what else the version tells."""
    title, version = data["sources"][key]
    return f"{title} {version.split()[0].split('+')[0]}" if version else title


def short(number):
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"


def print_section(section, figures, peak):
    data = figures.data
    own, programs, workers = SECTIONS[section]
    rows = {row: entry for row, entry in data["rows"].items() if section_of(row) == section}
    if not rows:
        return
    keys = [key for key in (own, *(f"{peer}_{own}" for peer in programs), *workers)
            if any(key in entry["us"] for entry in rows.values())]
    rates = section == "product"
    bits = section.startswith("bits")  # fewer bits: beside our own time in float, not the error
    print(f"\n{section}: {'GFLOP/s' if rates else 'microseconds'}; ratio: time of the best peer to "
          "ours")
    wide = max(map(len, rows)) + 1
    heads = [title_of(data, key) for key in keys]
    widths = [max(9, max(map(len, head.split())) + 1) for head in heads]
    lines = [head.replace(", by hand", " by hand").split() for head in heads]
    # Titles of several words stand in several lines.
    deepest = max(map(len, lines))
    for line in range(deepest):
        last = line == deepest - 1
        print(" " * wide + f"{('peak' if rates else 'floor') if last else '':>9}" + "".join(
            f"{parts[line - deepest + len(parts)] if line >= deepest - len(parts) else '':>{w}}"
            for parts, w in zip(lines, widths)) +
            (f"{'ratio':>8}{'of peak':>9}{'of float' if bits else 'error':>9}" if last else ""))
    for row, entry in rows.items():
        flop, times = entry.get("flop", math.nan), entry["us"]
        floor = flop / peak / 1e3
        shown = {key: short(flop / time_us / 1e3 if rates else time_us)
                 for key, time_us in times.items()}
        cells = "".join(f"{shown.get(key, '-'):>{w}}" for key, w in zip(keys, widths))
        mine = times.get(own, math.nan)
        best = min((times[key] for key in keys if key != own and key in times), default=math.nan)
        error = entry["error"].get(own)
        in_float = rows.get(re.sub(", [^,]*$", ", float", row), entry)["us"].get(own, math.nan)
        last = f"{in_float / mine:.2f}" if bits else f"{error:.0e}" if error is not None else "-"
        print(f"{row:{wide}}{short(peak if rates else floor):>9}{cells}{best / mine:>8.2f}"
              f"{floor / mine:>9.2f}{last:>9}")
    wrong = [f"{title_of(data, key)} at {row}: {value:.0e}" for row, entry in rows.items()
             for key, value in entry["error"].items() if not value < 1e-4]
    for each in wrong:
        print(f"WRONG RESULT: {each}")


def print_all(options, sections, figures):
    data = figures.data
    peak = data["best peak"]
    context = data.get("context", {})
    print("Sequent and its peers, float, batch 1 unless a row says otherwise; "
          f"least of all samples; peers with {options.threads} thread"
          f"{'s' if options.threads > 1 else ''}, Sequent with 1")
    print(f"compiler {context.get('compiler', '?')}, flags {context.get('flags', '?')}, "
          f"instruction set {context.get('instruction set', '?')}")
    peers = {f"{title.split(',')[0]} {version}": None
             for title, version in data["sources"].values() if version}
    print("peers: " + "; ".join(peers))
    for name, reason in data["missing"].items():
        print(f"missing: {name}: {reason}")
    readings = ", ".join(f"{each:.1f}" for each in data["peaks"])
    print(f"peak {peak:.1f} GFLOP/s per core, read at both ends of each run: {readings}: " + (
        "quiet" if figures.quiet() else
        f"NOT QUIET, a reading is below {QUIET} of it: the run does not count"))
    print("floor: the time of the products' operations at that peak")
    for row, (value, unit) in data["limits"].items():
        print(f"{row:26}{value / 1e9:9.1f} G{unit}")
    for section in sections:
        if section != "peak":
            print_section(section, figures, peak)
    if options.svg:
        draw(options.svg, sections, figures, peak)


def draw(path, sections, figures, peak):
    data = figures.data
    rows, titles = [], []
    for section in sections:
        if section == "peak":
            continue
        for row, entry in data["rows"].items():
            if section_of(row) != section or "flop" not in entry:
                continue
            times = {title_of(data, key): value for key, value in entry["us"].items()}
            rows.append((row, entry["flop"], times))
            titles += [title for title in times if title not in titles]
    titles.sort(key=lambda title: title != "Sequent")
    bars.draw(path, rows, titles, peak,
              "rate of the products' operations; longer is better; float, one thread")
    log(f"wrote {path}")


def main():
    options = arguments()
    sections = options.only or [*SECTIONS, "peak"]
    figures = Figures(options.samples)
    if options.show and not (figures.data["rows"] or figures.data["limits"]):
        sys.exit("compare.py: --show needs --samples with a file that an earlier run wrote")
    if not options.show:
        fresh = Figures()
        measure(options, sections, fresh)
        if options.samples and not fresh.quiet():
            log(f"this run was not quiet: {options.samples} stays as it was")
        elif options.samples:
            figures.merge(fresh)
            options.samples.write_text(json.dumps(figures.data, indent=1))
        if not figures.data["peaks"]:
            figures = fresh
    print_all(options, sections, figures)


if __name__ == "__main__":
    main()
