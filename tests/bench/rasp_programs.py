#!/usr/bin/env python3
"""Plans the transformers of the programs of tests/rasp/collection.inc and collection_more.inc in
constant expressions, within the compiler's own limits, and prints what each takes.

    rasp_programs.py [--compiler g++] [--positions 4 8 16 32] [--only NAME ...] [--together]
                     [--table FILE] [--jobs N] [-- FLAG ...]
    rasp_programs.py --streams

--together compiles all programs of a length in one unit, which is faster, and prints what fails.
--table also runs each transformer on all short inputs and 1,000 random ones, compares it with
evaluation, and writes sizes, seconds and memory as a table of Markdown.
--streams prints the widths of residual streams that are narrowed by projection, and how much noise on
the weights changes no output, at 8 positions.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKENS = {
    "SYMBOLS": lambda given: f"alphabet<{given}>",
    "SYMBOLS_WITH_BOS": lambda given: f"alphabet<{given[:-1]}^\">",
    "NUMBERS": lambda given: f"integers<{given}>",
    "WORDS": lambda given: f"alphabet<{given}>",
}


def programs():
    for file in ("collection.inc", "collection_more.inc"):
        text = open(os.path.join(ROOT, "tests/rasp", file), encoding="utf-8").read()
        text = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
        for part in re.split(r"^PROGRAM\(", text, flags=re.M)[1:]:
            match = re.match(r"(\w+),\s*(\w+)\(([^)]*|\"[^\"]*\")\),\s*(.*)\)\s*$", part, flags=re.S)
            yield match.group(1), TOKENS[match.group(2)](match.group(3)), match.group(4)


def unit(name, tokens, program, positions):
    return (f"inline constexpr auto program_{name} = {program};\n"
            f"static_assert(compiling::sizes_of<program_{name}, {tokens}, max_length<{positions}>>"
            ".wrong.kind == compiling::problem::none);\n")


class Compiler:
    """Seconds and memory of units, to which the precompiled header of the programs is added."""

    def __init__(self, command, flags, folder):
        self.command = [command, "-std=c++20", "-DSEQUENT_UNOPTIMIZED", f"-I{ROOT}/include",
                        f"-I{ROOT}/tests", *flags]
        self.folder = folder
        self.header = os.path.join(folder, "programs.hpp")
        with open(self.header, "w", encoding="utf-8") as file:
            file.write('#include "rasp/collection.hpp"\n')
        self.header_takes = self.run(["-fsyntax-only", "-x", "c++", self.header])
        self.run(["-x", "c++-header", self.header, "-o", self.header + ".gch"])

    def run(self, arguments):
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen([*self.command, *arguments], stderr=errors, text=True)
            usage = os.wait4(process.pid, 0)[2]  # of the compiler and what it started
            errors.seek(0)
            return usage.ru_utime, usage.ru_maxrss // 1024, errors.read()

    def compile_text(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".cpp", dir=self.folder) as file:
            file.write("namespace collection {\n" + text + "}\n")
            file.flush()
            return self.run(["-fsyntax-only", "-include", self.header, file.name])


def build(compiler, folder):
    program = os.path.join(folder, "collection")
    subprocess.run([compiler, "-std=c++20", "-O2", "-DSEQUENT_MORE_PROGRAMS", f"-I{ROOT}/include",
                    f"-I{ROOT}/tests", f"{ROOT}/tests/rasp/collection.cpp", "-o", program,
                    "-lCatch2WithMain", "-lpthread"], check=True)
    return program


def sizes_and_agreement(compiler, folder):
    """What test_rasp "[table]" prints, by the program's name and the number of positions."""
    program = build(compiler, folder)
    found = {}
    for line in subprocess.run([program, "[table]"], stdout=subprocess.PIPE, text=True).stdout.splitlines():
        fields = line.split("\t")
        if len(fields) == 11:
            found[fields[0], int(fields[1])] = [int(each) for each in fields[2:10]] + fields[10:]
    return found


def write_table(path, rows, sizes, positions, compiler):
    seconds, memory, _ = compiler.header_takes
    version = subprocess.run([compiler.command[0], "--version"], stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
    total = sum(each[6] for each in sizes.values())
    differ = sum(each[7] for each in sizes.values())
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""# RASP programs of the literature

Transformers of the {len(rows)} programs of [collection.inc](../tests/rasp/collection.inc) and
[collection_more.inc](../tests/rasp/collection_more.inc) at {", ".join(map(str, positions))} positions: one figure where all are
equal. `python3 tests/bench/rasp_programs.py --table docs/rasp_programs.md` makes this table.

- layers: of the analysis, and what functions of one position add to them
- heads: the most of a layer; width: of the residual stream; hidden: units of a layer
- classes: values of the output; 1/n: the output is a number, a fraction of denominator n at most
- seconds, MB: to plan the transformer in constant expressions, beyond the {seconds:.1f} s and {memory} MB of including
  `sequent/rasp.hpp`, with {version};
  \\* more operations than its default limit, which `-fconstexpr-ops-limit` raises
- compared: inputs for which transformer and evaluation were compared, all short ones and 1,000 random ones at each length;
  of {total:,} in all, {differ} differ

| program | layers | heads | width | hidden | classes | seconds | MB | compared |
|---|---|---|---|---|---|---|---|---|
""")
        for name, figures in rows.items():
            def each_of(write):
                texts = [write(each) for each in positions]
                return texts[0] if len(set(texts)) == 1 else " ".join(texts)

            def of(which):
                return each_of(lambda at: str(sizes[name, at][which]))
            layers = each_of(lambda at: str(sizes[name, at][0]) if sizes[name, at][0] == sizes[name, at][1]
                             else f"{sizes[name, at][0]}+{sizes[name, at][1] - sizes[name, at][0]}")
            classes = each_of(lambda at: str(sizes[name, at][5]) if sizes[name, at][5] > 0
                              else f"1/{-sizes[name, at][5]}")
            differ = sum(sizes[name, at][7] for at in positions)
            file.write(f"| {name} | {layers} | {of(2)} | {of(3)} | {of(4)} | {classes} "
                       f"| {each_of(lambda at: f'{figures[at][0]:.1f}{figures[at][2]}')} | {each_of(lambda at: str(figures[at][1]))} "
                       f"| {sum(sizes[name, at][6] for at in positions)}{f', {differ} differ' if differ else ''} |\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--positions", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--table")
    parser.add_argument("--streams", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("flags", nargs="*")
    options = parser.parse_args()
    chosen = [each for each in programs() if not options.only or each[0] in options.only]
    failed = False
    rows = {each[0]: {} for each in chosen}
    with tempfile.TemporaryDirectory() as folder:
        if options.streams:
            sys.exit(subprocess.run([build(options.compiler, folder), "[streams]"]).returncode)
        compiler = Compiler(options.compiler, options.flags, folder)
        empty = compiler.compile_text("")
        print(f"the header alone takes {compiler.header_takes[0]:.1f} s and {compiler.header_takes[1]} MB")
        for positions in options.positions:
            if options.together:
                seconds, memory, errors = compiler.compile_text("".join(unit(*each, positions) for each in chosen))
                print(f"{len(chosen)} programs of {positions} positions: {seconds:.1f} s, {memory} MB")
                for line in errors.splitlines():
                    if "error:" in line or "program_" in line:
                        print("   ", line)
                failed |= "error:" in errors
                continue
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                found = pool.map(lambda each: compiler.compile_text(unit(*each, positions)), chosen)
                for each, (seconds, memory, errors) in zip(chosen, found):
                    wrong = [line for line in errors.splitlines() if "error:" in line][:1]
                    seconds, memory = max(seconds - empty[0], 0), max(memory - empty[1], 0)
                    rows[each[0]][positions] = (seconds, memory, "*" if wrong else "")
                    print(f"{each[0]:26} {positions:3} {seconds:6.1f} s {memory:6} MB {''.join(wrong)}", flush=True)
                    failed |= bool(wrong)
        if options.table:
            sizes = sizes_and_agreement(options.compiler, folder)
            write_table(options.table, rows, sizes, options.positions, compiler)
            failed |= any(each[7] for each in sizes.values())
    sys.exit(failed)


if __name__ == "__main__":
    main()
