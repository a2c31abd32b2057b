#!/usr/bin/env python3
"""Compiles wrong halves: files with -DWRONG, each of which must fail with one error whose first three
lines hold the words that the file asks for. The same files without -DWRONG are right.

    check.py UNIT FILE... -- COMPILER FLAG...

UNIT includes all of the files, which saves a start of the compiler for each. Its messages are told
apart by the files that they name. A file whose own do not fit, as where one error hides another's,
is compiled again alone, and then counts as it is there.

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
CONTEXT = re.compile(
    r"^In file included from |^ +from |: In (instantiation|substitution|function|static|member|lambda)"
    r"|: At (global|top)|:   +(required|recursively required|in .constexpr. expansion|\[ skipping)"
)
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


def all_errors(command):
    """Clang stops after 20 errors by default, GCC after none."""
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True, check=False)
    return ["-ferror-limit=0"] if "clang" in version.stdout else []


def compile_wrong(path, command):
    environment = dict(os.environ, LC_ALL="C")
    result = subprocess.run(
        command + ["-DWRONG", "-fsyntax-only", "-fdiagnostics-color=never", *all_errors(command), path],
        capture_output=True, text=True, errors="replace", env=environment, check=False)
    return result.returncode, result.stdout + result.stderr


def blocks_of(output):
    """Errors, each with the lines in front that say how it was reached."""
    blocks = []
    context = []
    for line in output.splitlines():
        if CONTEXT.search(line):
            context.append(line)
            continue
        if "error:" in line or not blocks:
            blocks.append([])
        blocks[-1] += context + [line]
        context = []
    return blocks


def with_words(text):
    """Names of characters as words."""
    return CHARACTERS.sub(lambda name: re.sub("'(.)'(, )?", r"\1", name.group()), text)


def messages_of(paths, output):
    """The lines of each file: errors, with what stands in front of each and behind."""
    result = {path: [] for path in paths}
    for block in blocks_of(output):
        text = "\n".join(block)
        for path in paths:
            if path + ":" in text:
                result[path] += block
                break
    return {path: "\n".join(lines) for path, lines in result.items()}


def problems(path, status, output):
    words = expected_words(path)
    if not words:
        yield "the file does not begin with '// expect: WORD, WORD'"
        return
    if status == 0:
        yield "the wrong half compiles"
        return
    lines = [line for line in output.splitlines() if not PREFACE.match(line)]
    first = with_words("\n".join(lines[:3]).replace(path, ""))
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
    if "--" not in sys.argv[3:]:
        sys.exit(__doc__)
    end = sys.argv.index("--")
    unit, paths, command = sys.argv[1], sys.argv[2:end], sys.argv[end + 1:]
    status, output = compile_wrong(unit, command)
    failed = 0
    for path, messages in messages_of(paths, output).items():
        if not list(problems(path, 1 if messages else status, messages)):
            continue
        alone, output_alone = compile_wrong(path, command)
        found = list(problems(path, alone, output_alone))
        print(f"{path}: compiled alone, too")
        failed += bool(found)
        for problem in found:
            print(f"{path}: {problem}")
        if found and alone != 0:
            print("the diagnostics of the wrong half:")
            print("\n".join(output_alone.splitlines()[:60]))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
