#!/usr/bin/env python3
"""Makes include/sequent/tokenizers/unicode_tables.hpp from Python's module unicodedata.

    unicode_tables.py            writes the file
    unicode_tables.py --check    fails unless the file is in step; says so and ends if this Python
                                 has another version of Unicode than the file

Each table is a text of numbers. A number is written in groups of 5 bits, the lowest first; each
group but the last has bit 5 set. Groups 0 to 51 are the characters '(' to '[', 52 to 63 ']' to 'h'.
Signed numbers are 2 n if n >= 0, else -2 n - 1.

categories       for each run of code points of one general category: the category, the length
combining        for each run of one combining class other than 0: the gap before it, class, length
lower            for each code point whose lower case is another one: the gap before it, the
                 difference of both, less that of the entry before (signed)
decompositions   for each code point that has one: the gap before it, then 4 length + 2 (canonical
                 composition does not make it) + 1 (a compatibility mapping), then the code points,
                 each less that at the same place of the entry before (signed)
"""

import argparse
import pathlib
import re
import sys
import unicodedata

TARGET = pathlib.Path(__file__).resolve().parents[3] / "include/sequent/tokenizers/unicode_tables.hpp"
CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp "
              "Cc Cf Cs Co Cn").split()
CODES = range(0x110000)


class Numbers:
    def __init__(self):
        self.text = ""

    def add(self, number):
        assert number >= 0
        while True:
            group = number & 31
            number >>= 5
            group |= 32 if number else 0
            self.text += chr(group + (0x28 if group < 52 else 0x29))
            if not number:
                return

    def add_signed(self, number):
        self.add(2 * number if number >= 0 else -2 * number - 1)


def runs(values):
    first = 0
    for code in CODES:
        if code + 1 == len(CODES) or values(code + 1) != values(code):
            yield first, code + 1 - first, values(code)
            first = code + 1


def categories():
    numbers = Numbers()
    for _, length, name in runs(lambda code: unicodedata.category(chr(code))):
        numbers.add(CATEGORIES.index(name))
        numbers.add(length)
    return numbers.text


def combining():
    numbers = Numbers()
    end = 0
    for first, length, value in runs(lambda code: unicodedata.combining(chr(code))):
        if value:
            for number in (first - end, value, length):
                numbers.add(number)
            end = first + length
    return numbers.text


def lower():
    numbers = Numbers()
    end = before = 0
    for code in CODES:
        text = chr(code).lower()
        if code == 0x130:  # the only one with two code points: written by hand
            assert text == "i\u0307"
        elif len(text) != 1:
            sys.exit(f"the lower case of U+{code:04X} has {len(text)} code points")
        elif text != chr(code):
            numbers.add(code - end)
            numbers.add_signed(ord(text) - code - before)
            end = code + 1
            before = ord(text) - code
    return numbers.text


def decompositions():
    numbers = Numbers()
    end = 0
    before = [0] * 20
    for code in CODES:
        words = unicodedata.decomposition(chr(code)).split()
        if not words:
            continue
        is_compatible = words[0].startswith("<")
        codes = [int(word, 16) for word in words[is_compatible:]]
        canonical = unicodedata.normalize("NFD", chr(code))
        is_excluded = is_compatible or unicodedata.normalize("NFC", canonical) != chr(code)
        numbers.add(code - end)
        numbers.add(4 * len(codes) + 2 * is_excluded + is_compatible)
        for place, each in enumerate(codes):
            numbers.add_signed(each - before[place])
            before[place] = each
        end = code + 1
    return numbers.text


def literal(text):
    lines = [text[at:at + 94] for at in range(0, len(text), 94)]
    return "\n".join('    "' + line + '"' for line in lines)


def header():
    tables = {"categories": categories(), "combining": combining(), "lower": lower(),
              "decompositions": decompositions()}
    body = "\n\n".join(f"inline constexpr std::string_view {name} =\n{literal(text)};"
                       for name, text in tables.items())
    return f"""#pragma once

// Unicode {unicodedata.unidata_version}, made by tests/io/peers/unicode_tables.py, which tells the form.

#include <string_view>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail::unicode_tables {{

// clang-format off
{body}
// clang-format on

}}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail::unicode_tables
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        TARGET.write_text(header(), encoding="utf-8")
        print(f"{TARGET}: {TARGET.stat().st_size} bytes")
        return
    text = TARGET.read_text(encoding="utf-8")
    version = re.search(r"Unicode ([\d.]+),", text).group(1)
    if version != unicodedata.unidata_version:
        print(f"the file has Unicode {version}, this Python {unicodedata.unidata_version}")
    elif text != header():
        sys.exit(f"{TARGET} is not in step: run {pathlib.Path(__file__).name}")


if __name__ == "__main__":
    main()
