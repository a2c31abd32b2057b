#!/usr/bin/env python3
"""Builds the page of examples/browser and tells a story with it in headless Chromium: it must run, print its
tokens/s, show attention, and stay below 3 MB. Skipped (77) where Chromium, the compiler or xsimd's WebAssembly
is missing.

    story.py --xsimd FOLDER [--compiler "python3 -m ziglang c++"] [--page FILE]
             [--checkpoint stories260K.bin --tokens tok512.bin]

Without a checkpoint, one with random weights is made. --page takes a page that is built already.
"""

import argparse
import base64
import html
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

USE = """<pre id="report"></pre><script>
const bytes = text => Uint8Array.from(atob(text), each => each.charCodeAt(0));
const failures = [];
const check = (holds, what) => { if (!holds) failures.push(what); };
window.addEventListener("error", event => failures.push("error: " + event.message));
const wait = time => new Promise(done => setTimeout(done, time));
(async () => {
  files = {checkpoint: bytes("@CHECKPOINT@"), vocabulary: bytes("@TOKENS@")};
  await open();
  for (let at = 0; at < 200 && (running || !spans.length); ++at) await wait(50);
  const said = document.getElementById("said").textContent;
  check(/^[1-9]\\d* tokens\\/s, \\d+ tokens/.test(said), "said: " + said);
  check(document.getElementById("story").textContent.startsWith("Once upon a time"), "the story begins otherwise");
  check(spans.length > 4, "there are " + spans.length + " tokens");
  stop();
  look(3);
  check(spans[3].classList.contains("now") && spans[3].title.endsWith("%"), "token 3 shows no attention");
  const shares = spans.slice(0, 4).map(span => parseFloat(span.title));
  check(Math.abs(shares.reduce((a, b) => a + b) - 100) < 1, "the weights add up to " + shares);
  check(spans[4].style.background === "", "a later token is attended to");
  const before = document.getElementById("story").textContent;
  document.getElementById("prompt").value = "Once upon a day";
  document.getElementById("prompt").oninput();
  check(document.getElementById("story").textContent.startsWith("Once upon a day"), "typing changes nothing");
  stop();
  document.getElementById("report").textContent = "report:" + JSON.stringify({failures, said}) + ":end";
})();
</script>"""


def random_checkpoint():
    """A checkpoint of version 0 in the form of stories260K."""
    width, hidden, depth, heads, key_heads, vocabulary, tokens = 64, 172, 5, 8, 4, 512, 512
    keys = width // heads * key_heads
    count = vocabulary * width + depth * (2 * width + 2 * width * width + 2 * width * keys + 3 * width * hidden)
    count += width + tokens * (width // heads)
    draw = random.Random(1)
    numbers = [draw.gauss(0, 0.1) for _ in range(count)]
    return struct.pack("<7i", width, hidden, depth, heads, key_heads, vocabulary, tokens) + struct.pack(f"<{count}f", *numbers)


def random_tokens():
    texts = ["<unk>", "\n<s>\n", "\n</s>\n"] + [f"<0x{byte:02X}>" for byte in range(256)]
    texts += [chr(byte) for byte in range(32, 127)]
    texts += [chr(one) + chr(two) for one in range(97, 123) for two in range(97, 123)]
    result = struct.pack("<i", 8)
    for at, text in enumerate(texts[:512]):
        result += struct.pack("<fi", float(-at), len(text)) + text.encode()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--xsimd", default="")
    parser.add_argument("--compiler", default="python3 -m ziglang c++")
    parser.add_argument("--page")
    parser.add_argument("--checkpoint")
    parser.add_argument("--tokens")
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        print("there is no Chromium")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        page = options.page
        if not page:
            if not (pathlib.Path(options.xsimd) / "xsimd/arch/xsimd_wasm.hpp").exists():
                print("there is no xsimd for WebAssembly")
                sys.exit(77)
            command = options.compiler.split()
            if not shutil.which(command[0]) or subprocess.run(command + ["--version"], capture_output=True).returncode:
                print("there is no compiler")
                sys.exit(77)
            page = os.path.join(folder, "story.html")
            subprocess.run([sys.executable, ROOT / "examples/browser/build.py", "--xsimd", options.xsimd,
                            "--compiler", options.compiler, "--output", page], check=True)
        size = os.path.getsize(page)
        checkpoint = pathlib.Path(options.checkpoint).read_bytes() if options.checkpoint else random_checkpoint()
        tokens = pathlib.Path(options.tokens).read_bytes() if options.tokens else random_tokens()
        use = USE.replace("@CHECKPOINT@", base64.b64encode(checkpoint).decode())
        use = use.replace("@TOKENS@", base64.b64encode(tokens).decode())
        used = os.path.join(folder, "used.html")
        pathlib.Path(used).write_text(pathlib.Path(page).read_text(encoding="utf-8").replace("</body>", use + "</body>"),
                                      encoding="utf-8")
        result = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/user",
             "--virtual-time-budget=60000", "--enable-logging=stderr", "--dump-dom", f"file://{used}"],
            capture_output=True, text=True, timeout=300)
        report = re.search(r"report:(.*?):end</pre>", result.stdout, flags=re.S)
        print(f"{size / 1e6:.2f} MB;", html.unescape(report.group(1)) if report else "no report")
        if not report:
            print(*[line for line in result.stderr.splitlines() if ":CONSOLE" in line], sep="\n")
        sys.exit(not report or '"failures":[]' not in html.unescape(report.group(1)) or size > 3e6)


if __name__ == "__main__":
    main()
