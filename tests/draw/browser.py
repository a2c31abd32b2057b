#!/usr/bin/env python3
"""Uses the pages of pictures in headless Chromium: pointer, touch, keys, dark mode, narrow windows, no
error in the console. Skipped (77) where there is no Chromium.

    browser.py [--compiler g++] [--keep FOLDER]

--keep leaves the pages in a folder, with a screenshot of each.
"""

import argparse
import glob
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

BEFORE = """<script>
const failures = [];
const check = (holds, what) => { if (!holds) failures.push(what); };
window.addEventListener("error", event => failures.push("error: " + event.message));
for (const kind of ["error", "warn"]) console[kind] = (...words) => failures.push(kind + ": " + words.join(" "));
function point(element, kind, x = 0, y = 0, pointerType = "mouse") {
  const box = element.getBoundingClientRect();
  element.dispatchEvent(new PointerEvent(kind, {bubbles: true, pointerType, clientX: box.left + x, clientY: box.top + y}));
}
const press = key => document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
</script>
"""

AFTER = """<pre id="report"></pre><script>
setTimeout(() => {
  try {
    const dark = location.search.includes("dark");
    const back = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
    check(matchMedia("(prefers-color-scheme: dark)").matches === dark, "the browser is not " + (dark ? "dark" : "light"));
    check(dark ? back[0] < 60 : back[0] > 200, "the background is " + back);
    check(document.documentElement.scrollWidth <= innerWidth, "the page is wider than the window: " + document.documentElement.scrollWidth);
    if (document.getElementById("flow")) useFlow(); else useAttention();
  } catch (error) { failures.push("exception: " + error); }
  document.getElementById("report").textContent = "report:" + JSON.stringify(failures) + ":end";
}, 50);
const shownAt = () => [...document.querySelectorAll(".token")].findIndex(each => each.classList.contains("now"));
function isAt(position, what) {
  check(shownAt() === position, what + ": at " + shownAt() + " instead of " + position);
  for (const cells of document.querySelectorAll(".values .cells"))
    check([...cells.children].findIndex(each => each.classList.contains("now")) === position, what + ": another value is framed");
}
function useFlow() {
  const tokens = [...document.querySelectorAll(".token")];
  check(tokens.length === count && count > 2, "there are " + tokens.length + " tokens");
  isAt(0, "at first");
  tokens.forEach((token, at) => { point(token, "pointerenter"); isAt(at, "hover"); });
  tokens[1].click();
  isAt(1, "click");
  check(location.hash === "#token=1", "the address ends with " + location.hash);
  press("ArrowRight"); isAt(2, "right");
  press("ArrowLeft"); press("ArrowLeft"); isAt(0, "left");
  press("ArrowLeft"); isAt(0, "left of the first");
  press("End"); isAt(count - 1, "end");
  press("ArrowRight"); isAt(count - 1, "right of the last");
  check(document.activeElement === tokens[count - 1], "the last token has not the focus");
  press("Home"); isAt(0, "home");
  const canvases = [...document.querySelectorAll(".view canvas")];
  check(canvases.length > 1, "there are no grids");
  for (const [at, canvas] of canvases.entries()) {
    const side = (canvas.getBoundingClientRect().height - 2) / count;
    for (const [row, type] of [[1, "mouse"], [count - 1, "touch"]]) {
      point(canvas, type === "touch" ? "pointerdown" : "pointermove", 3, (row + 0.5) * side + 1, type);
      isAt(row, "grid " + at + " by " + type);
    }
    const pen = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    check(pen.some(each => each > 0), "grid " + at + " is empty");
  }
  location.hash = "#token=2";
  window.dispatchEvent(new HashChangeEvent("hashchange"));
  isAt(2, "the address");
  // Where program and model differ, words tell why.
  for (let position = 0; position < count; ++position) {
    select(position);
    const heads = flow.layers.flatMap(layer => layer.heads);
    document.querySelectorAll(".head").forEach((card, at) => {
      const {attends, model} = heads[at];
      const differ = model[position].some((share, column) =>
        Math.abs(share - (attends[position].includes(column) ? 1 / attends[position].length : 0)) > 0.001);
      const words = card.querySelector(".why").textContent;
      check(differ === words.length > 0, "position " + position + ", head " + at + ": " + (words || "no words"));
      check(!words.includes("other positions") && !words.includes("not evenly"), "not explained: " + words);
    });
  }
  for (const token of document.querySelectorAll(".differs")) check(false, "model and program differ: " + token.textContent);
}
function useImage() {
  const image = document.getElementById("image");
  check(!image.hidden, "the image is hidden");
  select(maps[0]);
  row = 1;
  show();  // token 1 is the first patch, and attends to itself most
  const side = image.width / 3;
  const all = image.getContext("2d").getImageData(0, 0, image.width, image.height).data;
  const pixel = (x, y) => [...all.slice(4 * (y * image.width + x), 4 * (y * image.width + x) + 4)];
  check(pixel(1, 1)[2] > 200, "the chosen patch has no frame: " + pixel(1, 1));
  const [red, , blue] = pixel(side / 2, side / 2), other = pixel(2.5 * side, side / 2);
  check(red > blue + 100, "the patch attended to is not orange: " + pixel(side / 2, side / 2));
  check(other[0] - other[2] < red - blue, "all patches are equally orange");
}
function useAttention() {
  if (data.image.width) { useImage(); return; }
  const said = () => document.getElementById("said").textContent;
  const buttons = [...document.querySelectorAll(".strip button")];
  check(buttons.length === 6, "there are " + buttons.length + " tokens");
  buttons[3].dispatchEvent(new MouseEvent("mouseenter"));
  check(said().startsWith(" on (3) attends to"), "hover: " + said());
  press("ArrowRight");
  check(said().startsWith(" a (4) attends to"), "right: " + said());
  buttons[1].click();
  check(location.hash.startsWith("#token=1"), "the address ends with " + location.hash);
  const thumbs = [...document.querySelectorAll(".thumb")];
  check(thumbs.length === 6, "there are " + thumbs.length + " maps");
  select(maps[0]);
  row = 0;
  show();
  const lens = [...document.querySelectorAll(".lens tr")].map(line => line.textContent);
  check(lens.length === 2 && lens[1] === "layer 1 cat dog", "the layers predict " + lens.join("; "));
  thumbs[5].click();
  check(document.getElementById("chosen").textContent.includes("layer 1, head 1"), "the map is not chosen");
  const matrix = document.getElementById("matrix");
  const side = matrix.getBoundingClientRect().width / 6;
  point(matrix, "pointerdown", 1.5 * side, 2.5 * side, "touch");
  check(said().includes("(2) to") && said().includes("(1): "), "touch: " + said());
}
</script>
"""


def run(browser, page, arguments):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
             f"--user-data-dir={profile}", "--virtual-time-budget=5000", *arguments, page],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--include", action="append", default=[], help="a folder with headers of xsimd")
    parser.add_argument("--keep")
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        print("there is no Chromium")
        sys.exit(77)
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        program = os.path.join(temporary, "pages")
        subprocess.run([options.compiler, "-std=c++20", "-O1", "-DSEQUENT_UNOPTIMIZED", f"-I{ROOT}/include",
                        *(f"-idirafter{each}" for each in options.include if each),
                        f"{ROOT}/tests/draw/pages.cpp", "-o", program], check=True)
        subprocess.run([program, folder], check=True)
        pages = sorted(glob.glob(os.path.join(folder, "*.html")))
        for page in pages:
            name = os.path.basename(page)
            text = open(page, encoding="utf-8").read()
            used = os.path.join(temporary, "used_" + name)
            with open(used, "w", encoding="utf-8") as file:
                file.write(text.replace("<head>\n", "<head>\n" + BEFORE).replace("</body>", AFTER + "</body>"))
            for kind, size in (("", "1280,900"), ("?dark", "1280,900"), ("?narrow", "500,900")):
                more = ["--blink-settings=preferredColorScheme=0"] if kind == "?dark" else []
                result = run(browser, f"file://{used}{kind}", ["--dump-dom", f"--window-size={size}", *more])
                report = re.search(r"report:(.*?):end</pre>", result.stdout, flags=re.S)
                wrong = html.unescape(report.group(1)) if report else "no report"
                console = [line for line in result.stderr.splitlines() if ":CONSOLE" in line]
                if wrong != "[]" or console:
                    failed = True
                    print(f"{name}{kind}: {wrong}", *console, sep="\n    ")
                else:
                    print(f"{name}{kind}: right", flush=True)
        for picture in sorted(glob.glob(os.path.join(folder, "*.svg"))) if options.keep else []:
            pages.append(picture)
        for page in pages if options.keep else []:
            run(browser, f"file://{os.path.abspath(page)}",
                [f"--screenshot={os.path.abspath(page)}.png", "--window-size=1400,1700"])
    sys.exit(failed)


if __name__ == "__main__":
    main()
