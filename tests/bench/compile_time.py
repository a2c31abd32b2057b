#!/usr/bin/env python3
"""What a compiler pays for Sequent: seconds, its peak memory, object code, symbols, instantiations.

    compile_time.py [--compilers g++ clang++ clang++-19] [--rounds N] [--only NAME ...]
    compile_time.py --limits

Each program is one file with the single header. The targets stand beside what was measured; what
does not compile, as without a peer's headers, is named. Seconds are the least of all rounds.
"symbols" counts the functions and objects of the object file. --limits compiles the few programs of
LIMITS once by GCC at -O1 and fails if one has more code or symbols than its limit, which does not
depend on the machine's load, or if the header takes more memory.
"symbol" is the longest mangled name, with -g too; "-g name" the longest name of any kind there.
"""

import argparse
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SINGLE = ROOT / "single_include"

# Sequent includes xsimd alone; its users who have xtensor's containers include that too.
XSIMD = "#include <xsimd/xsimd.hpp>\n"
XTENSOR = ("#if __has_include(<xtensor/core/xtensor_config.hpp>)\n"
           "#include <xtensor/containers/xadapt.hpp>\n#include <xtensor/containers/xtensor.hpp>\n"
           "#else\n#include <xtensor/xadapt.hpp>\n#include <xtensor/xtensor.hpp>\n#endif\n")
OURS = "#include <sequent/sequent.hpp>\n"
EVERYTHING = "".join(f"#include <sequent/{each.name}>\n"
                     for each in sorted((SINGLE / "sequent").glob("*.hpp")))

EIGEN = """#include <Eigen/Dense>
using square = Eigen::Matrix<float, 16, 16, Eigen::RowMajor>;
void attention(const square& x, const square& wq, const square& wk, const square& wv, square& y) {
    const square q = x * wq, k = x * wk, v = x * wv;
    square scores = (q * k.transpose()) * 0.25F;
    for (int i = 0; i < 16; ++i) {
        scores.row(i) = (scores.row(i).array() - scores.row(i).maxCoeff()).exp();
        scores.row(i) /= scores.row(i).sum();
    }
    y = scores * v;
}
"""

RASP = """#include <sequent/rasp.hpp>
using namespace sequent::rasp;
inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);
using Reversed = compile<reversed, alphabet<"abcdefghijklmnopqrstuvwxyz">, max_length<100>>;
sequence run() { return Reversed::run("hello"); }
"""

EXPLAIN = """
#include <sequent/explain.hpp>
std::string explained() { return sequent::explain<M>(); }
"""

FILES = """
#include <sequent/io.hpp>
void save(const char* path, const M::parameters<float>& p) { sequent::io::save<M>(path, p); }
void load(const char* path, M::parameters<float>& p) { sequent::io::load<M>(path, p); }
"""

CALLS = """
using parameters = M::parameters<float>;
using workspace = M::workspace<float>;
const float* forward(const parameters& p, const M::facts<float>& x, workspace& w) {
    return M::forward(p, x, w).data;
}
"""
BACKWARD = """
void backward(const parameters& p, const M::facts<float>& x, const M::output_gradients<float>& dy,
              workspace& w, parameters& gradient) {
    M::backward(p, x, dy, w, gradient);
}
"""


def article(calls=None):
    """The rules and the model of the example, and functions that use it."""
    text = (ROOT / "examples" / "article_encoder.cpp").read_text()
    begin, end = text.index("namespace article"), text.index("int main")
    return OURS + text[begin:end] + "using M = Encoder;\n" + (calls or CALLS + BACKWARD)


def language_model(depth, backward):
    return (OURS + "using namespace sequent;\n"
            "using M = transformer::language_model<vocabulary<65>, tokens<64>, width<128>, "
            f"heads<4>, depth<{depth}>>;\n" + CALLS + (BACKWARD if backward else ""))


# Of GCC 12; symbols as `nm --defined-only` lists them. Each limit is some 10%
# above what was measured when it was set; lower it when the figure falls.
# Name: source, KB of code and constants, symbols.
LIMITS = {
    "explain": lambda: (article(calls=EXPLAIN), 56, 148),
    "encoder both": lambda: (article(), 58, 150),
    "files": lambda: (article(calls=FILES), 61, 388),
    "RASP": lambda: (RASP, 130, 330),
}
LIMIT_FLAGS = ["-O1", "-mavx2", "-mfma"]
# MB that GCC allocates for what the header adds to xsimd's. Seconds follow it: about 6 ms each.
HEADER_LIMIT = 132

# Name, source, and the targets as (figure, limit, the program it is a multiple of or None).
PROGRAMS = {
    "empty file": ("", []),
    "xsimd": (XSIMD, []),
    "xtensor": (XTENSOR, []),
    "xsimd and xtensor": (XSIMD + XTENSOR, []),
    "the header": (OURS, [("seconds", 1.4, "xsimd")]),
    "every header": (EVERYTHING, []),
    "the header and xtensor": (XTENSOR + OURS, [("seconds", 1.3, "xsimd and xtensor")]),
    "Eigen 16x16 attention forward": (EIGEN, []),
    "encoder 16x64 both": (article(), [("seconds", 2, "Eigen 16x16 attention forward"),
                                       ("symbol", 1024, None)]),
    "model of 2 layers forward": (language_model(2, False), []),
    "model of 12 layers forward": (language_model(12, False), [("text", 200 * 1024, None)]),
    "model of 2 layers both": (language_model(2, True), []),
    "model of 12 layers both": (language_model(12, True),
                                [("seconds", 12, None), ("memory", 1.5e9, None),
                                 ("seconds", 1.1, "model of 2 layers both"),
                                 ("symbol", 1024, None)]),
}


def compile_once(compiler, flags, source, output):
    """Seconds and peak memory in bytes of the compiler with what it starts, or its first error."""
    command = [compiler, "-std=c++20", *flags, "-I", SINGLE, "-isystem", "/usr/include/eigen3",
               "-c", source, "-o", output]
    read, write = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        # A process between, whose only child is the compiler: so its peak is nobody else's.
        os.close(read)
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        said = "" if done.returncode == 0 else next(
            (line for line in done.stderr.splitlines() if "error" in line), done.stderr)[:300]
        with os.fdopen(write, "w") as out:
            json.dump([seconds, memory, done.returncode, said], out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        seconds, memory, code, said = json.load(answer)
    os.waitpid(child, 0)
    if code:
        raise RuntimeError(said)
    return seconds, memory


def sections(binary):
    """Bytes of code and of constants."""
    text = rodata = 0
    listed = subprocess.run(["size", "-A", binary], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[0].startswith(".text"):
            text += int(parts[1])
        if len(parts) >= 2 and parts[0].startswith((".rodata", ".data.rel.ro")):
            rodata += int(parts[1])
    return text, rodata


def count_symbols(binary):
    listed = subprocess.run(["nm", "--defined-only", "-P", binary], capture_output=True, text=True,
                            check=True)
    return len(listed.stdout.splitlines())


def longest_symbol(binary):
    listed = subprocess.run(["nm", "-P", binary], capture_output=True, text=True, check=True)
    return max((len(line.split()[0]) for line in listed.stdout.splitlines() if line), default=0)


def longest_debug_names(binary):
    """The longest mangled name, and the longest of all, such as a type written out."""
    listed = subprocess.run(["readelf", "-p", ".debug_str", "-W", binary], capture_output=True,
                            text=True)
    found = re.findall(r"^ +\[ *[0-9a-f]+\]  (.*)$", listed.stdout, re.MULTILINE)
    # The compiler's own command line is no name.
    names = [each for each in found if not each.startswith(("GNU C++", "clang "))]
    return (max((len(each) for each in names if each.startswith("_Z")), default=0),
            max(map(len, names), default=0))


def instantiations(folder, source):
    """Counted by the newest Clang that there is, or None."""
    clang = next(filter(shutil.which, ["clang++", "clang++-22", "clang++-18", "clang++-14"]), None)
    if clang is None:
        return None
    output = folder / "traced.o"
    done = subprocess.run(
        [clang, "-std=c++20", "-O1", "-march=native", "-ftime-trace",
         "-ftime-trace-granularity=0", "-I", SINGLE, "-isystem", "/usr/include/eigen3", "-c",
         source, "-o", output], capture_output=True)
    if done.returncode:
        return None
    events = json.loads(output.with_suffix(".json").read_text())["traceEvents"]
    return sum(1 for event in events
               if event.get("ph") == "X" and event["name"].startswith("Instantiate"))


def measure(compiler, name, source_text, rounds, folder, counted):
    source = folder / "program.cpp"
    source.write_text(source_text)
    output = folder / "program.o"
    flags = ["-O3", "-march=native"]
    figures = {"seconds": math.inf, "memory": 0}
    for _ in range(rounds):
        seconds, memory = compile_once(compiler, flags, source, output)
        figures["seconds"] = min(figures["seconds"], seconds)
        figures["memory"] = max(figures["memory"], memory)
    figures["text"], figures["rodata"] = sections(output)
    figures["symbols"] = count_symbols(output)
    figures["symbol"] = longest_symbol(output)
    if "sequent" in source_text:
        compile_once(compiler, [*flags, "-g"], source, output)
        mangled, figures["debug"] = longest_debug_names(output)
        figures["symbol"] = max(figures["symbol"], longest_symbol(output), mangled)
    if counted is None:
        counted = instantiations(folder, source)
    figures["instantiations"] = counted
    return figures


def judged(name, all_figures):
    words = []
    for figure, limit, base in PROGRAMS[name][1]:
        value = all_figures[name].get(figure, math.nan)
        shown = {"memory": 1e9, "text": 1024}.get(figure, 1)
        unit = {"seconds": "s", "memory": "GB", "text": "KB of code",
                "symbol": "characters"}[figure]
        if base:
            if base not in all_figures:
                continue
            value /= all_figures[base]["seconds"]
            words.append(f"{value:.2f} of {base}, at most {limit}: "
                         f"{'met' if value <= limit else 'MISSED'}")
        else:
            words.append(f"{value / shown:.3g} {unit}, at most {limit / shown:.3g}: "
                         f"{'met' if value <= limit else 'MISSED'}")
    return "; ".join(words)


def allocated(compiler, source):
    """MB that GCC allocates for a file in all."""
    done = subprocess.run([compiler, "-std=c++20", *LIMIT_FLAGS, "-I", SINGLE, "-fsyntax-only",
                           "-ftime-report", "-x", "c++", "-"], input=source, capture_output=True,
                          text=True, check=True)
    return int(re.search(r"TOTAL .* (\d+)M", done.stderr)[1])


def check_limits(compiler):
    """Whether every program stays within its limits."""
    kept = True
    print(f"{'':20}{'KB':>8}{'limit':>8}{'symbols':>9}{'limit':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        for name, program in LIMITS.items():
            text, most_bytes, most_symbols = program()
            source, output = Path(scratch) / "program.cpp", Path(scratch) / "program.o"
            source.write_text(text)
            compile_once(compiler, LIMIT_FLAGS, source, output)
            size, symbols = sum(sections(output)) / 1024, count_symbols(output)
            fits = size <= most_bytes and symbols <= most_symbols
            kept = kept and fits
            print(f"{name:20}{size:8.1f}{most_bytes:8}{symbols:9}{most_symbols:8}"
                  f"{'' if fits else '  EXCEEDED'}", flush=True)
    added = allocated(compiler, OURS) - allocated(compiler, XSIMD)
    print(f"the header adds {added} MB to xsimd's, at most {HEADER_LIMIT}"
          f"{'' if added <= HEADER_LIMIT else '  EXCEEDED'}")
    return kept and added <= HEADER_LIMIT


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compilers", nargs="+", default=["g++", "clang++", "clang++-19"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(PROGRAMS),
                        default=list(PROGRAMS), help="one or more of: " + ", ".join(PROGRAMS))
    parser.add_argument("--limits", action="store_true",
                        help="check code size and symbols of a few programs, and nothing else")
    options = parser.parse_args()
    if not (SINGLE / "sequent" / "sequent.hpp").exists():
        sys.exit("compile_time.py: single_include/sequent/sequent.hpp is missing; "
                 "make it with single_include/amalgamate.py")
    if options.limits:
        sys.exit(not check_limits(options.compilers[0]))
    counts = {}
    for compiler in options.compilers:
        if not shutil.which(compiler):
            print(f"missing: {compiler}")
            continue
        version = subprocess.run([compiler, "--version"], capture_output=True,
                                 text=True).stdout.splitlines()[0]
        print(f"\n{version}, -std=c++20 -O3 -march=native, least of {options.rounds} rounds\n"
              f"{'':31}{'seconds':>9}{'GB':>7}{'.text KB':>10}{'.rodata':>9}{'symbols':>9}"
              f"{'symbol':>8}"
              f"{'-g name':>9}{'instances':>11}  target")
        found = {}
        with tempfile.TemporaryDirectory() as scratch:
            for name in options.only:
                print(f"  {compiler}: {name} ...", file=sys.stderr, flush=True)
                try:
                    found[name] = each = measure(compiler, name, PROGRAMS[name][0],
                                                 options.rounds, Path(scratch), counts.get(name))
                except RuntimeError as problem:
                    print(f"{name:31}  does not compile: {problem}")
                    continue
                counts[name] = each["instantiations"]
                count = "-" if each["instantiations"] is None else str(each["instantiations"])
                print(f"{name:31}{each['seconds']:9.2f}{each['memory'] / 1e9:7.2f}"
                      f"{each['text'] / 1024:10.1f}{each['rodata'] / 1024:9.1f}"
                      f"{each['symbols']:9}{each['symbol']:8}{each.get('debug', '-'):>9}{count:>11}  "
                      f"{judged(name, found)}", flush=True)


if __name__ == "__main__":
    main()
