#!/usr/bin/env python3
"""Runs two programs and compares the losses that they print, line by line.

    compare_losses.py TOLERANCE -- COMMAND... -- COMMAND...
"""

import itertools
import math
import re
import subprocess
import sys

LOSS = re.compile(r"\bloss\s+(\S+)")


def losses(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: ended with {result.returncode}")
    found = [float(match.group(1)) for match in map(LOSS.search, result.stdout.splitlines()) if match]
    if not found:
        sys.exit(f"{' '.join(command)}: printed no loss")
    return found


def main():
    groups = [list(group) for is_mark, group in
              itertools.groupby(sys.argv[1:], lambda argument: argument == "--") if not is_mark]
    if len(groups) != 3 or len(groups[0]) != 1:
        sys.exit(__doc__)
    tolerance = float(groups[0][0])
    first, second = losses(groups[1]), losses(groups[2])
    if len(first) != len(second):
        sys.exit(f"{len(first)} losses and {len(second)}")
    # max() would pass over a NaN.
    differences = [abs(a - b) for a, b in zip(first, second)]
    worst = math.nan if any(map(math.isnan, differences)) else max(differences)
    print(f"{len(first)} losses, from {first[0]:.6f} to {first[-1]:.6f}; largest difference {worst:.2g}")
    if not worst <= tolerance:
        sys.exit(f"they differ by more than {tolerance:g}")


if __name__ == "__main__":
    main()
