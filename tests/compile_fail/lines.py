#!/usr/bin/env python3
"""Compiles a file of wrong lines, once. Each line that says what is expected must bring one error, whose
first three lines hold all of the words; no other line may bring any.

    lines.py FILE -- COMPILER FLAG...

The words stand at the end of the line, separated by commas. Behind dots stands what may come later:

    constexpr auto a = tokens + 1;  // expect: RASP's + takes two numbers
    constexpr auto b = hist(everything);  // expect: select, ...rasp::hist
"""

import os
import re
import subprocess
import sys

import check

EXPECT = re.compile(r"//\s*expect:\s*(.*)$")


def main():
    if sys.argv[2:3] != ["--"]:
        sys.exit(__doc__)
    path, command = sys.argv[1], sys.argv[3:]
    with open(path, encoding="utf-8") as file:
        wanted = {number: [word.strip() for word in match.group(1).split(",")]
                  for number, line in enumerate(file, 1) if (match := EXPECT.search(line))}
    result = subprocess.run(
        command + ["-fsyntax-only", "-fdiagnostics-color=never", *check.all_errors(command), path],
        capture_output=True, text=True, errors="replace", env=dict(os.environ, LC_ALL="C"), check=False)
    here = re.compile(re.escape(path) + r":(\d+):")
    found = {number: [] for number in wanted}
    failed = 0

    def fail(number, problem, lines):
        nonlocal failed
        failed += 1
        print(f"{path}:{number}: {problem}")
        print("\n".join("    " + line[:300] for line in lines[:8]))

    for block in check.blocks_of(result.stdout + result.stderr):
        if not any("error:" in line for line in block):
            continue
        if any(check.NOT_CONSTANT.search(line) for line in block):
            continue  # GCC's second error of what is no constant
        number = next((int(match.group(1)) for line in block if (match := here.search(line))
                       and int(match.group(1)) in wanted), 0)
        if number == 0:
            fail(0, "an error of no line that expects one", block)
        else:
            found[number].append(block)
    for number, words in wanted.items():
        if len(found[number]) != 1:
            fail(number, f"{len(found[number])} errors instead of 1",
                 [line for block in found[number] for line in block])
            continue
        lines = [line for line in found[number][0] if not check.PREFACE.match(line)]
        first = check.with_words("\n".join(lines[:3]))
        for word in words:
            if word.startswith("..."):
                if not any(word[3:] in line for line in lines):
                    fail(number, f"'{word[3:]}' is not printed", lines)
            elif word not in first:
                fail(number, f"'{word}' is not within the first three lines", lines)
    print(f"{len(wanted)} lines, {failed} problems")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
