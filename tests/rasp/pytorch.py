#!/usr/bin/env python3
"""Runs exported RASP programs in PyTorch and compares them with evaluation. Skipped (77) without PyTorch.

    pytorch.py [--compiler g++]
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The number of layers of the programs, of whose outputs some are fractions, missing, or depend on pairs.
# Of a loop these are the layers of one round.
LAYERS = {"reversed": 2, "sorted": 2, "times_place": 0, "copies": 2, "mean": 1, "previous": 1, "is_first": 1,
          "small_before": 1, "parity": 1, "causal_parity": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--include", action="append", default=[], help="a folder with headers of xsimd")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        print("there is no PyTorch")
        sys.exit(77)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "exported")
        subprocess.run([options.compiler, "-std=c++20", "-O0", "-DSEQUENT_UNOPTIMIZED", f"-I{ROOT}/include",
                        *(f"-idirafter{each}" for each in options.include if each),
                        f"{ROOT}/tests/rasp/exported.cpp", "-o", program], check=True)
        subprocess.run([program, folder], check=True)
        for name, layers in LAYERS.items():
            path = os.path.join(folder, name)
            specification = importlib.util.spec_from_file_location(name, path + ".py")
            module = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(module)
            with torch.no_grad():
                model = module.Transformer(path + ".safetensors")
                wrong = []
                cases = [eval(line, {"Fraction": Fraction}) for line in open(path + ".cases", encoding="utf-8")]
                for given, expected in cases:
                    found = module.run(model, given)
                    if found != expected:
                        wrong.append(f"{given}: {found} instead of {expected}")
            described = json.load(open(path + ".json", encoding="utf-8"))
            if len(described["layers"]) != layers:
                wrong.append(f"the JSON has {len(described['layers'])} layers")
            lines = open(path + ".py", encoding="utf-8").read().count("\n")
            print(f"{name}: {len(cases)} inputs, {len(wrong)} differ; {lines} lines of Python")
            print("".join(f"    {each}\n" for each in wrong[:3]), end="")
            failed |= bool(wrong) or len(cases) == 0
        # From the command line.
        shown = subprocess.run([sys.executable, os.path.join(folder, "reversed.py"),
                                os.path.join(folder, "reversed.safetensors"), *"abcd"],
                               stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        if shown != "['d', 'c', 'b', 'a']":
            print("the command line:", shown)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
