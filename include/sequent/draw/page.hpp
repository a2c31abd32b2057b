#pragma once

#include "../config.hpp"

/// The common parts of the pages of flows: style, page header, and the script that renders the
/// data.

namespace sequent::inline SEQUENT_ABI::draw::detail {

inline constexpr auto page_style = R"css(
:root { color-scheme: light dark; --back: #ffffff; --panel: #f8f9fb; --card: #ffffff;
  --dark: #1f2933; --quiet: #616e7c; --line: #d9dee4; --cell: #eef1f4; --accent: #2563a8;
  --program: 37, 99, 168; --model: 180, 83, 9; }
@media (prefers-color-scheme: dark) { :root { --back: #14191f; --panel: #1a2129; --card: #202832;
  --dark: #e4e7eb; --quiet: #9aa5b1; --line: #38424e; --cell: #2a333e; --accent: #7fb2ea;
  --program: 96, 160, 230; --model: 240, 160, 80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--dark);
  font: 14px/1.45 system-ui, sans-serif; }
header { position: sticky; top: 0; z-index: 1; padding: 12px 20px 10px; background: var(--back);
  border-bottom: 1px solid var(--line); max-height: 45vh; overflow: auto; }
h1 { margin: 0; font-size: 17px; overflow-wrap: anywhere; }
h2 { margin: 0 0 10px; font-size: 15px; }
h3 { margin: 0; font-size: 13px; }
p { margin: 2px 0 8px; color: var(--quiet); }
code, .cell, .token { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: 12px; overflow-wrap: anywhere; }
#tokens { display: flex; flex-wrap: wrap; gap: 4px; }
.legend, .token { display: grid; grid-auto-rows: 20px; text-align: center; font-size: 13px;
  padding: 1px; border: 2px solid transparent; }
.legend { text-align: right; color: var(--quiet); font-size: 12px; padding-right: 6px;
  align-items: center; line-height: 20px; }
.token { min-width: 2.2em; background: var(--cell); color: var(--dark); border-radius: 5px;
  cursor: pointer; }
.token span { white-space: pre; padding: 0 4px; }
.token .position { color: var(--quiet); font-size: 11px; }
.token .given { font-weight: bold; }
.token .differs { background: rgb(var(--model)); color: var(--back); border-radius: 3px; }
.token.now { border-color: var(--accent); }
.token:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
main { padding: 14px 20px 40px; display: grid; gap: 14px; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 9px;
  padding: 12px 14px; min-width: 0; }
.heads { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); }
.head { background: var(--card); border: 1px solid var(--line); border-radius: 7px;
  padding: 10px 12px; min-width: 0; }
.head > code { color: var(--quiet); display: block; margin-bottom: 8px; }
.views { display: grid; gap: 10px 24px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
.view { display: flex; gap: 12px; align-items: flex-start; }
.view canvas { flex: none; border: 1px solid var(--line); border-radius: 3px; cursor: pointer;
  touch-action: none; }
.view > div { min-width: 0; }
.kind { font-size: 12px; color: var(--quiet); }
.why { margin: 8px 0 0; color: var(--dark); font-size: 13px; }
.why:not(:empty) { border-left: 3px solid rgb(var(--model)); padding-left: 8px; }
.hue { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin: 0 4px 0 10px; }
.cells { display: flex; flex-wrap: wrap; gap: 2px; }
.cell { min-width: calc(var(--letters) * 1ch + 11px); padding: 1px 4px; text-align: center; font-size: 12px; white-space: pre;
  background: var(--cell); border-radius: 3px; border: 1px solid transparent; }
.cell.start { font-style: italic; border-color: var(--line); margin-left: 6px; }
.cell.now { border-color: var(--accent); font-weight: bold; }
.values { margin-top: 10px; min-width: 0; }
.ops { display: grid; column-gap: 24px; }
.values .cells { flex-wrap: nowrap; overflow-x: auto; padding-bottom: 3px; }
.values .cell { flex: none; }
.values code span { color: var(--quiet); }
@media (max-width: 560px) { .view { flex-direction: column; } main, header { padding-left: 10px;
  padding-right: 10px; } }
)css";

inline constexpr auto page_top =
    R"html(<p>Point at a token or at a row of a grid, touch it, or move with the arrow keys: each head shows what this position attends to, and values of this position are framed.
<span class="hue" style="background: rgb(var(--program))"></span>program<span class="hue" style="background: rgb(var(--model))"></span>model</p>
<div id="tokens" role="group" aria-label="tokens"></div>
)html";

inline constexpr auto page_script = R"js(
"use strict";
const flow = JSON.parse(document.getElementById("flow").textContent);
const count = flow.tokens.length;
const updates = [];
let now = -1;

function add(parent, tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}
function colour(name, share) {
  const parts = getComputedStyle(document.documentElement).getPropertyValue(name);
  return `rgba(${parts}, ${share})`;
}
// The opacity of a share. The exponent makes small shares visible.
const visible = share => share < 0.0005 ? 0 : 0.06 + 0.94 * Math.min(share, 1) ** 0.6;
const shorter = share => share < 0.0005 ? "0" : String(Number(share.toPrecision(3)));

const letters = Math.min(6, Math.max(...flow.layers.flatMap(layer => layer.elementwise
  .concat(layer.heads.flatMap(head => head.results))).flatMap(op => op.values)
  .concat(flow.tokens).map(text => [...text].length)));
document.documentElement.style.setProperty("--letters", letters);

function select(position, remember) {
  if (position < 0 || position >= count || !Number.isInteger(position)) return;
  now = position;
  for (const update of updates) update();
  if (remember) history.replaceState(null, "", "#token=" + position);
}

// For each row its shares of the columns, and of the start where there is one more.
function addView(parent, title, hue, shares, words) {
  const view = add(parent, "div", "view");
  const side = Math.max(2, Math.min(12, Math.floor(200 / count)));
  const canvas = add(view, "canvas");
  canvas.width = canvas.height = 2 * side * count;
  canvas.style.width = canvas.style.height = side * count + 2 + "px";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title + ": rows attend to columns");
  canvas.onpointermove = canvas.onpointerdown = event => select(Math.floor(event.offsetY / side));
  canvas.onclick = () => select(now, true);
  const right = add(view, "div");
  const kind = add(right, "div", "kind");
  const cells = add(right, "div", "cells");
  const boxes = shares[0].map((_, column) =>
    add(cells, "span", column < count ? "cell" : "cell start",
        column < count ? flow.tokens[column] : "start"));
  updates.push(() => {
    const pen = canvas.getContext("2d");
    const pixels = 2 * side;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (let row = 0; row < count; ++row)
      for (let column = 0; column < count; ++column) {
        const share = visible(shares[row][column]);
        if (share === 0) continue;
        pen.fillStyle = colour(hue, share * (row === now ? 1 : 0.7));
        pen.fillRect(column * pixels + 1, row * pixels + 1, pixels - 1, pixels - 1);
      }
    pen.strokeStyle = colour("--program", 1);
    pen.lineWidth = 2;
    pen.strokeRect(1, now * pixels, pixels * count - 2, pixels);
    boxes.forEach((box, column) => {
      const share = visible(shares[now][column]);
      box.style.background = share > 0 ? colour(hue, share) : "";
      box.style.color = share > 0.65 ? "var(--back)" : "";
      box.title = (column < count ? "position " + column : "the start, for nothing selected") +
        ": " + shorter(shares[now][column]);
    });
    kind.textContent = title + ": " + words(shares[now]);
  });
}
const isSome = share => share >= 0.0005;
const columnsOf = row => Array.from({length: count}, (_, column) => column).filter(column => isSome(row[column]));
const areEven = shares => Math.max(...shares) - Math.min(...shares) < 0.0005;
function wordsOfProgram(row) {
  const attended = columnsOf(row);
  return attended.length === 0 ? "nothing" : attended.length === 1 ? "position " + attended[0]
    : "1/" + attended.length + " at each of " + attended.length + " positions";
}
function wordsOfModel(row) {
  if (!row.every(Number.isFinite)) return "no numbers";
  const attended = columnsOf(row);
  const shares = attended.map(column => row[column]);
  const most = row.indexOf(Math.max(...shares));
  const words = attended.length === 0 ? [] : attended.length === 1 ? [shorter(shares[0]) + " at position " + most]
    : areEven(shares) ? [shorter(shares[0]) + " at each of " + attended.length + " positions"]
    : [shorter(row[most]) + " at position " + most + ", less at " + (attended.length - 1) + " others"];
  if (isSome(row[count])) words.push(shorter(row[count]) + " at the start");
  return words.join(", ");
}
// Why the model attends to something else than the program; `joined`: whether the selector is an "or",
// `selected`: the columns of all heads of the selector.
function difference(program, model, joined, selected) {
  if (!model.every(Number.isFinite)) return "The attention of the model is no number.";
  const wanted = columnsOf(program);
  const found = columnsOf(model);
  const start = model[count];
  const more = found.filter(column => !isSome(program[column]));
  const less = wanted.filter(column => !isSome(model[column]));
  if (more.length === 0 && less.length === 0 && wanted.length === 0)
    return "Nothing is selected: the model attends to the start, which stands for the value of no position.";
  if (more.length === 0 && less.length === 0)
    return !areEven(found.map(column => model[column])) ? "The model attends to the same positions, but not evenly."
      : isSome(start) ? "The model attends to the start as well, as if it were one more selected position: its share, 1/" +
          (wanted.length + 1) + ", tells how many are selected." : "";
  const reached = found.length === count || found.every((column, at) => column === at) && found.length === now + 1;
  if (reached && areEven(found.map(column => model[column]).concat(start)))
    return "The model does not need this head: it attends to everything evenly, and nothing reads what it gathers.";
  if (more.length === 0 && less.length === 1 && less[0] === 0 && isSome(start))
    return "The program adds position 0 to the selected ones; in the model the start takes its place" +
      (found.length ? ", and its share, 1/" + (found.length + 1) + ", tells how many are selected." : ".");
  if (joined && found.every(column => selected.includes(column)))
    return "The model divides the parts of the \"or\" among its heads; this head attends to its part" +
      (found.length ? "." : ", where nothing is selected here: to the start.");
  if (wanted.length === 0 && !isSome(start))
    return "Nothing is selected: the model attends to the position that comes nearest, sees that it does not match, " +
      "and takes the value of no position.";
  return "The model attends to other positions" + (more.length ? ": " + more.join(", ") + " as well" : "") +
    (less.length ? (more.length ? ", " : ": ") + "not to " + less.join(", ") : "") + ".";
}

function addValues(to, ops) {
  const parent = add(to, "div", "ops");
  const width = Math.max(320, count * (letters * 8 + 14));
  parent.style.gridTemplateColumns = `repeat(auto-fit, minmax(min(100%, ${width}px), 1fr))`;
  for (const op of ops) {
    const block = add(parent, "div", "values");
    const text = add(block, "code", "", op.name);
    if (op.is !== op.name) add(text, "span", "", " = " + op.is);
    const cells = add(block, "div", "cells");
    const boxes = op.values.map((value, position) => {
      const box = add(cells, "span", "cell", value);
      box.title = "position " + position + ": " + value;
      return box;
    });
    updates.push(() => boxes.forEach((box, at) => box.classList.toggle("now", at === now)));
  }
}

const tokens = document.getElementById("tokens");
const legend = add(tokens, "div", "legend");
const lines = ["position", "input", "output"].concat(flow.modelOutput ? ["model"] : []);
for (const line of lines) add(legend, "span", "", line);
const buttons = flow.tokens.map((token, position) => {
  const button = add(tokens, "button", "token");
  button.type = "button";
  add(button, "span", "position", position);
  add(button, "span", "given", token);
  add(button, "span", "", flow.output[position]);
  if (flow.modelOutput)
    add(button, "span", flow.modelOutput[position] === flow.output[position] ? "" : "differs",
        flow.modelOutput[position]);
  button.onpointerenter = button.onfocus = () => select(position);
  button.onclick = () => select(position, true);
  return button;
});
updates.push(() => buttons.forEach((button, at) => {
  button.classList.toggle("now", at === now);
  button.setAttribute("aria-pressed", at === now);
}));

document.addEventListener("keydown", event => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const to = {ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: count - 1}[event.key];
  if (to === undefined || !buttons[to]) return;
  buttons[to].focus();
  select(to, true);
  event.preventDefault();
});

const main = document.getElementById("layers");
flow.layers.forEach((layer, number) => {
  const section = add(main, "section");
  add(section, "h2", "", layer.title);
  const heads = layer.heads.length ? add(section, "div", "heads") : section;
  for (const head of layer.heads) {
    const card = add(heads, "div", "head");
    add(card, "h3", "", "Head " + head.number);
    add(card, "code", "", head.selector + (head.note ? " (" + head.note + ")" : ""));
    const views = add(card, "div", "views");
    const program = head.attends.map(columns => {
      const row = new Array(count).fill(0);
      for (const column of columns) row[column] = 1 / columns.length;
      return row;
    });
    addView(views, "program", "--program", program, wordsOfProgram);
    if (head.model) {
      addView(views, "model", "--model", head.model, wordsOfModel);
      const why = add(card, "p", "why");
      const same = layer.heads.filter(other => other.selector === head.selector);
      updates.push(() => why.textContent = difference(program[now], head.model[now],
        head.selector.includes(" or "), same.flatMap(other => other.attends[now])));
    }
    addValues(card, head.results);
  }
  if (layer.elementwise.length && layer.heads.length) add(section, "h3", "", "Elementwise").style.marginTop = "12px";
  addValues(section, layer.elementwise);
});

function fromAddress() {
  const found = /token=(\d+)/.exec(location.hash);
  select(found ? Math.min(Number(found[1]), count - 1) : now < 0 ? 0 : now);
}
window.addEventListener("hashchange", fromAddress);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => select(now));
fromAddress();
)js";

}  // namespace sequent::inline SEQUENT_ABI::draw::detail
