#!/usr/bin/env python3
"""Makes the pages of the guide and the reference in build/html: runs Doxygen, lets the guide's links to
headings and to files of the repository lead there, and fails if a picture or a linked file is missing.

    pages.py [--files https://github.com/OWNER/NAME/blob/COMMIT]

--files is the address of the repository's files; without it, links lead to the files beside build/.
"""

import argparse
import html
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ROOT / "build/html"
REFERENCE = re.compile(r'(<[^>]*?\s(?:src|data|href)=")([^"#?:]+)((?:#[^"]*)?")')
HEADING = re.compile(r'<h\d><a class="anchor" id="([^"]+)"></a>\s*(.*?)</h\d>', re.S)


def page_of(file):
    """The page of a file of the guide."""
    name = file.relative_to(ROOT).with_suffix("").as_posix()
    return "index.html" if name == "README" else f"md_{name.replace('/', '_')}.html"


def anchors(page):
    """The anchors of a page's headings, by the names that the guide uses: "4. Train" is 4-train."""
    result = {}
    for anchor, title in HEADING.findall((PAGES / page).read_text(encoding="utf-8")):
        words = html.unescape(re.sub(r"<[^>]*>", "", title)).lower()
        result["#" + re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")] = "#" + anchor
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", default=os.path.relpath(ROOT, PAGES))
    options = parser.parse_args()
    subprocess.run(["doxygen", "docs/Doxyfile"], cwd=ROOT, check=True)

    guide = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    source_of = {page_of(file): file for file in guide}
    known = {page_of(file): anchors(page_of(file)) for file in guide}
    missing = set()
    for page in sorted(PAGES.rglob("*.html")):
        source = source_of.get(page.name)

        def mended(match):
            begin, target, end = match.groups()
            if (page.parent / target).exists():
                return match.group()
            file = (source.parent / target).resolve() if source else ROOT / "nothing"
            if file in guide and end[:-1] in known[page_of(file)]:
                return f'{begin}{page_of(file)}{known[page_of(file)][end[:-1]]}"'
            if file.exists() and file not in guide:
                return f"{begin}{options.files}/{file.relative_to(ROOT).as_posix()}{end}"
            missing.add(f"{page.name}: {target}{end[:-1]}")
            return match.group()

        text = page.read_text(encoding="utf-8")
        changed = REFERENCE.sub(mended, text)
        if changed != text:
            page.write_text(changed, encoding="utf-8")
    print(*sorted(missing), sep="\n", end="\n" if missing else "")
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
