#!/usr/bin/env python3
"""Plans the transformers of the programs of tests/rasp/collection.inc in constant expressions, within
the compiler's own limits, and prints what each takes.

    rasp_programs.py [--compiler g++] [--positions 4 8 16 32] [--only NAME ...] [--together] [-- FLAG ...]

--together compiles all programs of a length in one unit, which is faster, and prints what fails.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BEGIN = "#include \"rasp/collection.hpp\"\nnamespace collection {\n"
TOKENS = {
    "SYMBOLS": lambda given: f"alphabet<{given}>",
    "SYMBOLS_WITH_BOS": lambda given: f"alphabet<{given[:-1]}^\">",
    "NUMBERS": lambda given: f"integers<{given}>",
}


def programs():
    text = open(os.path.join(ROOT, "tests/rasp/collection.inc"), encoding="utf-8").read()
    text = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    for part in re.split(r"^PROGRAM\(", text, flags=re.M)[1:]:
        match = re.match(r"(\w+),\s*(\w+)\(([^)]*|\"[^\"]*\")\),\s*(.*)\)\s*$", part, flags=re.S)
        yield match.group(1), TOKENS[match.group(2)](match.group(3)), match.group(4)


def unit(name, tokens, program, positions):
    return (f"inline constexpr auto program_{name} = {program};\n"
            f"static_assert(compiling::sizes_of<program_{name}, {tokens}, max_length<{positions}>>"
            ".wrong.kind == compiling::problem::none);\n")


def compile_text(text, compiler, flags):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp", delete=False) as file:
        file.write(BEGIN + text + "}\n")
    process = subprocess.Popen(
        [compiler, "-std=c++20", "-fsyntax-only", "-DSEQUENT_UNOPTIMIZED", f"-I{ROOT}/include",
         f"-I{ROOT}/tests", *flags, file.name], stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    usage = os.wait4(process.pid, 0)[2]  # of the compiler and what it started
    os.unlink(file.name)
    return usage.ru_utime, usage.ru_maxrss // 1024, errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--positions", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("flags", nargs="*")
    options = parser.parse_args()
    chosen = [each for each in programs() if not options.only or each[0] in options.only]
    failed = False
    for positions in options.positions:
        if options.together:
            seconds, memory, errors = compile_text(
                "".join(unit(*each, positions) for each in chosen), options.compiler, options.flags)
            print(f"{len(chosen)} programs of {positions} positions: {seconds:.1f} s, {memory} MB")
            for line in errors.splitlines():
                if "error:" in line or "program_" in line:
                    print("   ", line)
            failed |= "error:" in errors
            continue
        for each in chosen:
            seconds, memory, errors = compile_text(unit(*each, positions), options.compiler, options.flags)
            wrong = [line for line in errors.splitlines() if "error:" in line][:1]
            print(f"{each[0]:26} {positions:3} {seconds:6.1f} s {memory:6} MB {''.join(wrong)}", flush=True)
            failed |= bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
