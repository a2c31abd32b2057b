#!/usr/bin/env python3
"""Keeps the C++ of the documentation equal to code that is compiled and run.

Each block of C++ in README.md, CONTRIBUTING.md and docs/ stands behind a line

    <!-- tests/docs/FILE.cpp: NAME -->

and is the text between the lines `// [NAME]` and `// [/NAME]` of that file.

Usage: snippets.py [--check]
  Without an option, copies the code into the documentation. With --check, prints the blocks that
  differ and fails.
"""

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARK = re.compile(r"<!-- (tests/docs/\w+\.cpp): (\w+) -->\n")
FENCE = re.compile(r"(?P<mark>[^\n]*\n)(?P<begin>```cpp\n)(?P<code>.*?)(?P<end>```)", re.DOTALL)


def code_of(file, name):
    """The code between the marks of `name`, without what indents all of it."""
    path = ROOT / file
    if not path.exists():
        sys.exit(f"snippets.py: there is no {file}")
    found = re.search(
        rf"^ *// \[{name}\]\n(.*?)^ *// \[/{name}\]\n", path.read_text(), re.DOTALL | re.MULTILINE
    )
    if not found:
        sys.exit(f"snippets.py: {file} has no part [{name}]")
    lines = [line for line in found[1].splitlines(True) if "clang-format" not in line]
    return textwrap.dedent("".join(lines))


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    check = bool(sys.argv[1:])
    wrong = []
    blocks = 0
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        text = page.read_text()

        def updated(block):
            nonlocal blocks
            blocks += 1
            mark = MARK.fullmatch(block["mark"])
            if not mark:
                line = text[: block.start("begin")].count("\n") + 1
                wrong.append(f"{page.name}:{line}: a block of C++ without its source")
                return block[0]
            code = code_of(*mark.groups())
            if code != block["code"]:
                wrong.append(f"{page.name}: {mark[1]} [{mark[2]}] differs")
            return block["mark"] + block["begin"] + code + block["end"]

        after = FENCE.sub(updated, text)
        if after != text and not check:
            page.write_text(after)
    missing = [line for line in wrong if not line.endswith("differs")]
    for line in wrong if check else missing:
        print(line)
    print(f"{blocks} blocks of C++ in {len(pages)} pages")
    return 1 if (wrong if check else missing) else 0


if __name__ == "__main__":
    sys.exit(main())
