#!/usr/bin/env python3
"""Compiles random programs and compares them with the oracle and with themselves (compiled.hpp).

    compiled.py BUILD [--seed N] [--count N]

BUILD is a build folder where random_programs, test_checker and test_interpreter are built.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
AT_ONCE = 4  # programs in one file


def run(command):
    return subprocess.run(command, capture_output=True, text=True)


def source_of(build, seed):
    """The program in a namespace of its own, or nothing if it cannot be compared."""
    shown = run([build / "tests/random_programs", "--one", str(seed)]).stdout
    if f"seed {seed} agrees" not in shown:
        return None
    text = shown[: shown.index(f"seed {seed} ")]
    if re.search(r"\w\([^()]*\) [<>=]=? \w+\(", text) or "infinite" in text:
        return None  # symbols that are compared must stand side by side
    if "dropout(" in text:
        return None  # the oracle has no generator of random numbers
    if text.count("up_to<") > 1 or 'weight<"P' in text:
        return None  # what the checker's fixture cannot tell: lengths of inner axes, triangles
    text = text.replace("#include <sequent/sequent.hpp>\n", "")
    text = text.replace("namespace {\n", f"namespace program_{seed} {{\nusing sequent::model;\n", 1)
    return (
        f"{text}\nTEST_CASE(\"{seed}\") {{ random_programs::compiled<program_{seed}::tried> "
        f"{{{seed}}}; }}\n"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20)
    wanted = parser.parse_args()
    build = wanted.build.resolve()
    room = build / "tests/compiled"
    room.mkdir(exist_ok=True)
    cxx = [os.environ.get("CXX", "c++")]
    flags = ["-std=c++20", "-O0", "-march=native", f"-I{TESTS.parent / 'include'}", f"-I{TESTS}"]
    flags += ["-DSEQUENT_ORACLE_OF_DUALS", "-DSEQUENT_UNOPTIMIZED", "-DSEQUENT_LEAST_SHARED=0"]
    header = room / "compiled.hpp"
    header.write_text(f'#include "{TESTS}/random/compiled.hpp"\n')
    subprocess.run(cxx + flags + ["-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
    objects = [
        each
        for name in ("test_checker", "test_interpreter")
        for each in (build / f"tests/CMakeFiles/{name}.dir").rglob("*.o")
    ]
    different, tried, seed = [], 0, wanted.seed
    while tried < wanted.count:
        programs = []
        while len(programs) < min(AT_ONCE, wanted.count - tried):
            text = source_of(build, seed)
            if text:
                programs.append(text)
            seed += 1
        tried += len(programs)
        file = room / f"to_{seed}.cpp"
        file.write_text("#include \"compiled.hpp\"\n" + "".join(programs))
        program = file.with_suffix("")
        made = run(cxx + flags + [f"-I{room}", file, *objects, "-o", program,
                                  "-lCatch2WithMain", "-lpthread"])
        found = run([program]) if made.returncode == 0 else made
        if found.returncode != 0:
            different.append(file)
            print(f"{file}:\n{found.stdout[-3000:]}{found.stderr[:3000]}", flush=True)
        else:
            file.unlink()
        program.unlink(missing_ok=True)
    print(f"{tried} programs, {len(different)} files differ", *different)
    return 1 if different else 0


sys.exit(main())
