#!/usr/bin/env python3
"""Compiles one file with -DWRONG, which must fail with one error whose first three lines hold the
words that the file asks for. The same file without -DWRONG is part of a unit of right halves, which
CMakeLists.txt makes.

    check.py FILE -- COMPILER FLAG...

The words stand in the first comment lines of the file, separated by commas:

    // expect: rule_number<3>, in_relation<score>, unknown_relation

What makes an expression no constant is told further below, and GCC counts that as another error:

    // expect below: some_function<2>

Compilers print the name as 's', 'c', 'o', 'r', 'e'; here it is one word. Lines that only say
through which files the compiler came do not count.
"""

import os
import re
import subprocess
import sys

PREFACE = re.compile(r"^(In file included from |                 from )")
CHARACTERS = re.compile(r"(?<=<)'.'(?:, '.')*(?=>)")
EXPECT = re.compile(r"^//\s*expect:\s*(.*)$")
EXPECT_BELOW = re.compile(r"^//\s*expect below:\s*(.*)$")
NOT_CONSTANT = re.compile(r"error: call to non-.constexpr. function")
WITH_NUMBER = re.compile(r"\(\) \[with int \w+ = (\d+)\]")


def expected_words(path, pattern=EXPECT):
    words = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("//"):
                break
            match = pattern.match(line.strip())
            if match:
                words += [word.strip() for word in match.group(1).split(",") if word.strip()]
    return words


def compile_file(path, command):
    environment = dict(os.environ, LC_ALL="C")
    result = subprocess.run(
        command + ["-DSEQUENT_UNOPTIMIZED", "-fsyntax-only", "-fdiagnostics-color=never", path],
        capture_output=True, text=True, errors="replace", env=environment, check=False)
    return result.returncode, result.stdout + result.stderr


def problems(path, status, output):
    words = expected_words(path)
    if not words:
        yield "the file does not begin with '// expect: WORD, WORD'"
        return
    if status == 0:
        yield "the wrong half compiles"
        return
    lines = [line for line in output.splitlines() if not PREFACE.match(line)]
    first = "\n".join(lines[:3]).replace(path, "")
    first = CHARACTERS.sub(lambda name: re.sub("'(.)'(, )?", r"\1", name.group()), first)
    for word in words:
        if word not in first:
            yield f"'{word}' is not within the first three lines"
    below = expected_words(path, EXPECT_BELOW)
    all_lines = WITH_NUMBER.sub(r"<\1>", output)  # as Clang writes what GCC writes at length
    for word in below:
        if word not in all_lines:
            yield f"'{word}' is not printed"
    errors = sum("error:" in line and not (below and NOT_CONSTANT.search(line)) for line in lines)
    if errors != 1:
        yield f"{errors} errors instead of 1"


def main():
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__)
    path, command = sys.argv[1], sys.argv[3:]
    status, output = compile_file(path, command + ["-DWRONG"])
    found = list(problems(path, status, output))
    for problem in found:
        print(f"{path}: {problem}")
    if found and status != 0:
        print("the diagnostics of the wrong half:")
        print("\n".join(output.splitlines()[:60]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
