#!/usr/bin/env python3
"""Makes the single headers in single_include/sequent/, each from the header of that name in
include/sequent/ and all that it includes.

    amalgamate.py              writes the files
    amalgamate.py --check      fails unless the files are in step
    amalgamate.py -o FOLDER    writes them to another folder

Every header stands once, where it is first included. A file does not repeat what the file that it
builds on has: rasp.hpp includes sequent.hpp, which lies beside it, and draw.hpp includes
explain.hpp, io.hpp, rasp.hpp and text.hpp.
A header that is included behind a condition (`#if __has_include(...)`) stays behind it, and
must not be needed outside of it later. prologue.hpp and epilogue.hpp stand once around each file.
"""

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent / "include" / "sequent"
TARGET = HERE / "sequent"
BRACKETS = ("prologue.hpp", "epilogue.hpp")
FILES = {  # and what each of them builds on
    "sequent.hpp": None,
    "explain.hpp": "sequent.hpp",
    "io.hpp": "sequent.hpp",
    "graphs.hpp": "sequent.hpp",
    "rasp.hpp": "sequent.hpp",
    "text.hpp": "sequent.hpp",
    "draw.hpp": ("explain.hpp", "io.hpp", "rasp.hpp", "text.hpp"),
    "packed.hpp": "io.hpp",
    "formats.hpp": "io.hpp",
    "tokenizers.hpp": "io.hpp",
    "fit.hpp": "io.hpp",
    "data.hpp": "io.hpp",
    "export.hpp": ("draw.hpp", "formats.hpp", "packed.hpp"),
}

QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SYSTEM = re.compile(r"^\s*#\s*include\s+(<[^>]+>)")
DIRECTIVE = re.compile(r"^\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b(.*)$")


class Amalgamation:
    def __init__(self, bases):
        self.lines = []
        self.conditions = []  # the conditions around the current line, of all open files
        self.headers = {}  # header -> the conditions around it
        self.systems = set()  # included without a condition
        for base in bases:
            self.headers.update(base.headers)
            self.systems |= base.systems
        self.depth = 0  # of prologues without their epilogue

    def file(self, name):
        """The lines that `name` adds to the file that it builds on."""
        self.lines = []
        self.header(ROOT / name, name)
        return self.lines

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
        if path.name in BRACKETS:
            if path.name == "epilogue.hpp":
                self.depth -= 1
            if self.depth == 0:
                self.text(path)
            if path.name == "prologue.hpp":
                self.depth += 1
            return
        if path in self.headers:
            seen = self.headers[path]
            if seen != self.conditions[: len(seen)]:
                sys.exit(f"{where}: {path.name} was already included, but only behind "
                         f"'#{seen[-1]}': include it before that without a condition")
            return
        self.headers[path] = list(self.conditions)
        self.text(path)

    def text(self, path):
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
            if system.group(1).startswith("<sequent/") and system.group(1).endswith(".hpp>"):
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
    """The text of each file by its name."""
    made = {}
    texts = {}
    owners = {}  # header -> the single header that has it
    for name, base in FILES.items():
        bases = (base,) if isinstance(base, str) else base or ()
        made[name] = Amalgamation([made[each] for each in bases])
        known = set(made[name].headers)
        lines = [f'#include "{each}"' for each in bases] + [""] + made[name].file(name)
        for header in made[name].headers.keys() - known:
            if owners.setdefault(header, name) != name:
                sys.exit(f"{header} would stand in {owners[header]} and in {name}")
        body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
        guard = f"SEQUENT_SINGLE_{pathlib.Path(name).stem.upper()}_HPP"
        texts[name] = (
            f"// Sequent {version()}: {name} as a single header, made by single_include/amalgamate.py\n"
            f"// from the headers in include/: change those.\n//\n{licence()}\n\n"
            f"#ifndef {guard}\n#define {guard}\n\n{body}\n\n#endif  // {guard}\n")
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=TARGET, metavar="FOLDER")
    arguments = parser.parse_args()
    for name, text in amalgamate().items():
        path = arguments.output / name
        if arguments.check:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                sys.exit(f"{path} is not in step with include/: run {pathlib.Path(__file__).name}")
            print(f"{name} is in step: {text.count(chr(10))} lines")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"{path}: {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
