"""What can be measured: our programs, the peers' programs, the Python peers. Each is a Source with
a title, a version and rows, and gives samples in microseconds."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SCALE = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}

# Section, its program of ours, the peers that are programs, and those that are Python modules.
SECTIONS = {
    "product": ("product", ["libxsmm", "libxsmm_newer", "openblas", "onednn", "eigen",
                            "eigen_fixed"], []),
    "attention": ("attention", ["libxsmm", "libxsmm_newer", "openblas", "onednn", "eigen"],
                  ["onnx_runtime", "pytorch eager", "pytorch compiled"]),
    "masks": ("attention", ["libxsmm", "libxsmm_newer", "openblas", "onednn", "eigen"],
              ["onnx_runtime", "pytorch eager", "pytorch compiled", "pytorch chunked",
               "pytorch flex"]),
    "synthesizers": ("synthesizers", [], ["onnx_runtime", "pytorch eager", "pytorch compiled"]),
    "encoder": ("transformer", [], ["onnx_runtime", "pytorch eager", "pytorch compiled"]),
    "training": ("transformer", [], ["pytorch eager", "pytorch compiled"]),
    "generation": ("generation", ["llama2c"], []),
    "bits generation": ("bits_generation", ["llama2c", "runq"], ["c_translate_2"]),
    "bits rows": ("bits_rows", [], ["onnx_runtime", "c_translate_2", "pytorch eager",
                                    "pytorch compiled"]),
}


def section_of(row):
    first = row.split()[0]
    if first == "attention" and re.search("causal|window|every", row):
        return "masks"
    if first == "bits":
        return "bits generation" if "generation" in row else "bits rows"
    return first


class Failed(Exception):
    """A sample that could not be taken, with the reason."""


def only(row):
    """The argument that chooses one row."""
    return "--benchmark_filter=^" + re.sub(r"([.+*])", r"\\\1", row) + "$"


class Program:
    """A Google Benchmark program."""

    def __init__(self, path, environment):
        self.path, self.environment = path, environment
        listed = self.run("--benchmark_list_tests").stdout
        self.rows = [line for line in listed.splitlines() if line]
        first = self.run(only(self.rows[0]), "--benchmark_format=json", "--benchmark_min_time=0")
        self.context = json.loads(first.stdout)["context"]
        self.title, self.version = self.context["measured"], self.context["version"]
        self.figures = {}
        self.errors = {}

    def run(self, *arguments):
        done = subprocess.run([self.path, *arguments], capture_output=True, text=True,
                              env=self.environment)
        if done.returncode:
            raise Failed(f"{self.path.name} ended with {done.returncode}: {done.stderr[-300:]}")
        return done

    def sample(self, row, seconds, repetitions=3):
        text = self.run(only(row), "--benchmark_format=json", f"--benchmark_min_time={seconds}",
                        f"--benchmark_repetitions={repetitions}",
                        *([] if row in self.figures else ["--check"])).stdout
        found = [each for each in json.loads(text)["benchmarks"]
                 if each["run_type"] == "iteration"]
        if not found:
            raise Failed(f"{self.path.name} gave no figure for {row}")
        self.figures[row] = found[0]
        if "error" in found[0]:
            self.errors[row] = found[0]["error"]
        return min(each["real_time"] * SCALE[each["time_unit"]] for each in found)

    def close(self):
        pass


class Worker:
    """A Python peer in a process of its own, peers/worker.py."""

    def __init__(self, module, name, threads, environment):
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, HERE / "peers" / "worker.py", module, name, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True,
            env=environment)
        first = self.process.stdout.readline()
        if not first:
            self.said.seek(0)
            raise Failed((self.said.read().strip().splitlines() or ["it ended"])[-1])
        told = json.loads(first)
        self.title, self.version, self.rows = told["title"], told["version"], told["rows"]
        self.errors = {}

    def sample(self, row, seconds):
        print(json.dumps({"row": row, "seconds": 3 * seconds}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise Failed("the process has ended")
        answer = json.loads(line)
        if "failed" in answer:
            raise Failed(answer["failed"])
        if "error" in answer:
            self.errors[row] = answer["error"]
        return answer["us"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def environment_for(threads):
    text = str(threads)
    return {**os.environ, "OMP_NUM_THREADS": text, "OPENBLAS_NUM_THREADS": text,
            "MKL_NUM_THREADS": text, "BENCH_THREADS": text}


def open_sources(folder, sections, threads, wanted=""):
    """Ours, and the peers whose name matches `wanted`; and why those that are missing are."""
    environment = environment_for(threads)
    sources, missing = {}, {}

    def open_one(key, make):
        if key in sources or key in missing:
            return
        try:
            sources[key] = make()
        except FileNotFoundError:
            missing[key] = "not built: its library was not found by CMake"
        except Failed as problem:
            missing[key] = str(problem)

    for section in sections:
        own, programs, workers = SECTIONS[section]
        for name in (own, *(f"{peer}_{own}" for peer in programs if re.search(wanted, peer))):
            open_one(name, lambda: Program(folder / f"bench_{name}", environment))
        for name in filter(lambda each: re.search(wanted, each), workers):
            module, _, which = name.partition(" ")
            open_one(name, lambda: Worker(module, which or "-", threads, environment))
    return sources, missing
