#!/usr/bin/env python3
"""Makes one HTML page of page.html and story.cpp, compiled to WebAssembly:

    build.py --xsimd FOLDER [--compiler "python3 -m ziglang c++"] [--output story.html]

FOLDER holds the headers of xsimd 10 or later (its include/), which know WebAssembly. The compiler is a
Clang with a C++ library for WASI: the package ziglang of PyPI has both.
"""

import argparse
import base64
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"


def compiled(compiler, xsimd, to):
    subprocess.run(
        shlex.split(compiler)
        + ["-target", "wasm32-wasi", "-mcpu=generic+simd128", "-mexec-model=reactor"]
        + ["-std=c++20", "-O3", "-DNDEBUG", "-fno-exceptions", "-s"]
        # xsimd takes WebAssembly's vectors only where it believes that Emscripten compiles.
        + ["-D__EMSCRIPTEN__", "-I", str(INCLUDE), "-isystem", str(xsimd)]
        + [str(HERE / "story.cpp"), "-o", str(to)],
        check=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--xsimd", required=True, type=pathlib.Path, help="the include folder of xsimd")
    parser.add_argument("--compiler", default="python3 -m ziglang c++")
    parser.add_argument("--output", default="story.html", type=pathlib.Path)
    options = parser.parse_args()
    if not (options.xsimd / "xsimd" / "arch" / "xsimd_wasm.hpp").exists():
        sys.exit(f"{options.xsimd}: has no xsimd/arch/xsimd_wasm.hpp")
    with tempfile.TemporaryDirectory() as folder:
        module = pathlib.Path(folder) / "story.wasm"
        compiled(options.compiler, options.xsimd, module)
        code = base64.b64encode(module.read_bytes()).decode()
    page = (HERE / "page.html").read_text(encoding="utf-8").replace("@MODULE@", code)
    options.output.write_text(page, encoding="utf-8")
    print(f"{options.output}: {len(page) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
