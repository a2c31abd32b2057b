#!/usr/bin/env python3
"""Writes the table of docs/fast_forms.md from that of plan/reason.hpp.

Usage: reasons.py [--check]
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = ROOT / "include/sequent/plan/reason.hpp"
GUIDE = ROOT / "docs/fast_forms.md"
BEGIN = "| reason | meaning | cure |\n|---|---|---|\n"


def table():
    text = HEADER.read_text().replace("\\\n", "")
    text = text[text.index("clang-format off") : text.index("clang-format on")]
    entries = re.findall(r'REASON\(\s*(\w+),\s*(\w+),\s*"(.*?)",\s*"(.*?)"\s*\)', text)
    if len(entries) != text.count("REASON("):
        sys.exit(f"reasons.py: {HEADER} has entries of another form")
    rows = []
    for _, name, says, cure in entries:
        cells = [f"`{name}`", says, cure.replace("|", "\\|")]
        rows.append(f"| {' | '.join(cells)} |\n")
    return BEGIN + "".join(rows)


def main():
    guide = GUIDE.read_text()
    at = guide.index(BEGIN)
    end = guide.find("\n\n", at)
    written = guide[:at] + table() + (guide[end + 1:] if end >= 0 else "")
    if "--check" in sys.argv:
        if written != guide:
            sys.exit("docs/fast_forms.md: run tests/docs/reasons.py")
    else:
        GUIDE.write_text(written)


if __name__ == "__main__":
    main()
