#!/usr/bin/env python3
"""Makes single_include/sequent/sequent.hpp from include/sequent/sequent.hpp and all that it includes.

    amalgamate.py            writes the file
    amalgamate.py --check    fails unless the file is in step
    amalgamate.py -o FILE    writes another file

Every header stands once, where it is first included. A header that is included behind a condition
(`#if __has_include(...)`) stays behind it, and must not be needed outside of it later.
"""

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent / "include" / "sequent"
TARGET = HERE / "sequent" / "sequent.hpp"
GUARD = "SEQUENT_SINGLE_HEADER_HPP"

QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SYSTEM = re.compile(r"^\s*#\s*include\s+(<[^>]+>)")
DIRECTIVE = re.compile(r"^\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b(.*)$")


class Amalgamation:
    def __init__(self):
        self.lines = []
        self.conditions = []  # the conditions around the current line, of all open files
        self.headers = {}  # header -> the conditions around it
        self.systems = set()  # system headers included without a condition

    def follow(self, directive, rest, where):
        if directive in ("if", "ifdef", "ifndef"):
            self.conditions.append(f"{directive} {rest.strip()}")
        elif not self.conditions:
            sys.exit(f"{where}: #{directive} without #if")
        elif directive == "endif":
            self.conditions.pop()
        else:
            self.conditions[-1] += f" / {directive} {rest.strip()}"

    def header(self, path, where):
        if not path.is_file():
            sys.exit(f"{where}: {path} does not exist")
        if path in self.headers:
            seen = self.headers[path]
            if seen != self.conditions[: len(seen)]:
                sys.exit(f"{where}: {path.name} was already included, but only behind "
                         f"'#{seen[-1]}': include it before that without a condition")
            return
        self.headers[path] = list(self.conditions)
        depth = len(self.conditions)
        text = path.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            self.line(line, path, f"{path.name}:{number}")
        if len(self.conditions) != depth:
            sys.exit(f"{path}: an #if has no #endif")

    def line(self, line, path, where):
        if line.strip() == "#pragma once":
            return
        quoted = QUOTED.match(line)
        if quoted:
            self.header((path.parent / quoted.group(1)).resolve(), where)
            return
        system = SYSTEM.match(line)
        if system:
            if system.group(1).startswith("<sequent/"):
                sys.exit(f"{where}: the library includes its own headers with quotes")
            if system.group(1) in self.systems:
                return
            if not self.conditions:
                self.systems.add(system.group(1))
        directive = DIRECTIVE.match(line)
        if directive:
            self.follow(directive.group(1), directive.group(2), where)
        self.lines.append(line)


def version():
    text = (ROOT / "config.hpp").read_text(encoding="utf-8")
    parts = [re.search(rf"SEQUENT_VERSION_{part} (\d+)", text) for part in
             ("MAJOR", "MINOR", "PATCH")]
    return ".".join(part.group(1) for part in parts)


def licence():
    text = (HERE.parent / "LICENSE").read_text(encoding="utf-8")
    return "\n".join(("// " + line).rstrip() for line in text.strip().splitlines())


def amalgamate():
    result = Amalgamation()
    result.header(ROOT / "sequent.hpp", "sequent.hpp")
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(result.lines)).strip()
    return (f"// Sequent {version()} as a single header, made by single_include/amalgamate.py from\n"
            f"// the headers in include/: change those.\n//\n{licence()}\n\n"
            f"#ifndef {GUARD}\n#define {GUARD}\n\n{body}\n\n#endif  // {GUARD}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=TARGET)
    arguments = parser.parse_args()
    text = amalgamate()
    if arguments.check:
        if not arguments.output.is_file() or arguments.output.read_text(encoding="utf-8") != text:
            sys.exit(f"{arguments.output} is not in step with include/: run {pathlib.Path(__file__).name}")
        print(f"{arguments.output.name} is in step: {text.count(chr(10))} lines")
        return
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text, encoding="utf-8")
    print(f"{arguments.output}: {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
