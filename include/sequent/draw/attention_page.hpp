#pragma once

#include "attention_weights.hpp"
#include "lens.hpp"
#include "page.hpp"
#include "svg.hpp"

/// The attention of a model as one self-contained HTML page.

namespace sequent::inline SEQUENT_ABI::draw {

/// A candidate for the next token, with its probability.
struct candidate {
    /// Text of the token.
    std::string text;
    /// Its probability.
    double probability = 0;
};

/// The texts of an attention page. Rows and columns beyond the given tokens are not shown; without
/// tokens, rows and columns are numbered.
struct attention_labels {
    /// Title of the page.
    std::string title = "Attention";
    /// Texts of the tokens.
    std::vector<std::string> tokens{};
    /// The source tokens of an encoder-decoder: rows and columns of the encoder's attention, and
    /// columns of cross-attention, which are recognised by the names of their relations.
    std::vector<std::string> sources{};
    std::string encoder = "encoder.";  ///< prefix of the encoder's relations
    std::string across = "cross_";     ///< part of the names of cross-attention
    /// For each token, the candidates for the next one, the likeliest first.
    std::vector<std::vector<candidate>> next{};
    /// The same after each layer, from `lens_of`: for each layer, for each token.
    std::vector<std::vector<std::vector<candidate>>> layers{};
    /// The tokens are the patches of an image, from left to right and from top to bottom, after
    /// `first_patch` other tokens: the page draws attention over the image.
    struct picture {
        int width = 0;                ///< pixels of a row; 0: no image
        int height = 0;               ///< rows
        int patches_across = 1;       ///< patches side by side
        int first_patch = 0;          ///< tokens before the first patch, such as a class token
        std::vector<float> pixels{};  ///< brightness from 0 to 1, row by row
    };
    /// The image of a vision transformer.
    picture image{};
};

namespace detail {

inline constexpr auto attention_style = R"css(
:root { --heat: 37, 99, 168; }
@media (prefers-color-scheme: dark) { :root { --heat: 96, 160, 230; } }
.strip { display: flex; flex-wrap: wrap; gap: 2px; margin: 4px 0; }
.strip h3 { width: 100%; color: var(--quiet); font-weight: normal; }
.strip button { border: 2px solid transparent; border-radius: 4px; background: var(--cell);
  color: var(--dark); padding: 1px 5px; min-width: 1.6em; font: 13px ui-monospace, Menlo, Consolas,
  "DejaVu Sans Mono", monospace; white-space: pre; cursor: pointer; }
.strip button.now { border-color: var(--accent); font-weight: bold; }
.strip button:focus-visible, .thumb:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.bar { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center; margin-top: 6px; color: var(--quiet); }
.bar button { font: inherit; padding: 2px 12px; border: 1px solid var(--line); border-radius: 5px;
  background: var(--card); color: var(--dark); cursor: pointer; }
main { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); align-items: start; }
.grid { display: grid; gap: 6px; justify-content: start; overflow-x: auto; padding: 3px; }
.grid span { color: var(--quiet); font-size: 12px; align-self: center; }
.grid span:not(:first-child) { text-align: center; }
.thumb { padding: 0; border: 2px solid var(--line); border-radius: 4px; background: var(--card); cursor: pointer; line-height: 0; }
.thumb.now { border-color: var(--accent); }
.thumb canvas { image-rendering: pixelated; width: 48px; height: 48px; }
#matrix { width: 100%; max-width: 620px; border: 1px solid var(--line); image-rendering: pixelated; cursor: crosshair; touch-action: none; }
#said { min-height: 3em; }
.next { display: grid; grid-template-columns: max-content 1fr max-content; gap: 3px 8px; align-items: center; font-size: 13px; }
.next div { height: 12px; border-radius: 3px; background: rgb(var(--heat)); min-width: 1px; }
.next code { white-space: pre; text-align: right; }
.lens { border-collapse: separate; border-spacing: 3px; font-size: 13px; }
.lens td { padding: 1px 6px; border-radius: 3px; white-space: pre; font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.lens th { color: var(--quiet); font-weight: normal; text-align: right; padding-right: 6px; }
.lens tr.now th { color: var(--dark); font-weight: bold; }
.lens-box { overflow-x: auto; }
#image { width: 100%; max-width: 360px; image-rendering: pixelated; border: 1px solid var(--line); margin-top: 8px; }
@media (max-width: 800px) { main { grid-template-columns: minmax(0, 1fr); } }
)css";

inline constexpr auto attention_body = R"html(<div id="strips"></div>
<div class="bar"><button type="button" id="play">Play</button>
<label><input type="checkbox" id="columns"> show who attends to the token</label>
<span>Arrow keys: left and right for tokens, up and down for heads.</span></div>
</header>
<main>
<section><h2>Layers and heads</h2><div id="overview"></div></section>
<section><h2 id="chosen"></h2><canvas id="matrix" role="img"></canvas><p id="said" aria-live="polite"></p><canvas id="image" role="img" hidden></canvas><div id="next"></div></section>
</main>
)html";

inline constexpr auto attention_script = R"js(
"use strict";
const data = JSON.parse(document.getElementById("attention").textContent);
const at = id => document.getElementById(id);
function add(parent, tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}
// A weight is stored as one byte, round(255 * sqrt(weight)).
for (const map of data.maps) {
  const bytes = atob(map.weights);
  map.share = Float32Array.from(bytes, each => (each.charCodeAt(0) / 255) ** 2);
}
// The mean over the heads of a layer stands before them.
const groups = new Map();
for (const map of data.maps) {
  if (!groups.has(map.path)) groups.set(map.path, new Map());
  const layers = groups.get(map.path);
  if (!layers.has(map.layer)) layers.set(map.layer, []);
  layers.get(map.layer).push(map);
}
const maps = [];
for (const layers of groups.values())
  for (const heads of layers.values()) {
    if (heads.length > 1) {
      const share = new Float32Array(heads[0].share.length);
      for (const head of heads) head.share.forEach((value, index) => share[index] += value / heads.length);
      heads.unshift({...heads[0], head: "mean", share});
    }
    maps.push(...heads);
  }
const label = (list, index) => data[list][index] ?? String(index);
const percent = share => share < 0.0005 ? "0 %" : (100 * share).toFixed(share < 0.1 ? 1 : 0) + " %";
function colour(share) {
  const parts = getComputedStyle(document.documentElement).getPropertyValue("--heat");
  return `rgba(${parts}, ${share < 0.0005 ? 0 : 0.05 + 0.95 * Math.min(1, share) ** 0.6})`;
}
function paint(canvas, map, cell) {
  canvas.width = map.columns * cell;
  canvas.height = map.rows * cell;
  const pen = canvas.getContext("2d");
  for (let row = 0; row < map.rows; ++row)
    for (let column = 0; column < map.columns; ++column) {
      pen.fillStyle = colour(map.share[row * map.columns + column]);
      pen.fillRect(column * cell, row * cell, cell, cell);
    }
}

let now = maps[0], row = 0, column = -1;
const strips = {};
function strip(list, title) {
  const parent = add(at("strips"), "div", "strip");
  add(parent, "h3", "", title);
  const count = Math.max(...data.maps.map(map => Math.max(map.rowList === list ? map.rows : 0, map.columnList === list ? map.columns : 0)));
  strips[list] = Array.from({length: count}, (_, index) => {
    const button = add(parent, "button", "", label(list, index));
    button.type = "button";
    button.onmouseenter = button.onfocus = () => choose(list, index);
    button.onclick = () => { choose(list, index); remember(); };
    return button;
  });
}
function choose(list, index) {
  const byColumn = at("columns").checked;
  const wanted = byColumn ? now.columnList : now.rowList;
  if (wanted !== list) return;
  const count = byColumn ? now.columns : now.rows;
  if (index < 0 || index >= count) return;
  if (byColumn) column = index; else row = index;
  show();
}
function remember() { history.replaceState(null, "", `#token=${row}&map=${maps.indexOf(now)}`); }
function select(map) {
  now = map;
  row = Math.min(row, map.rows - 1);
  column = Math.min(column, map.columns - 1);
  thumbs.forEach((thumb, index) => {
    thumb.classList.toggle("now", maps[index] === map);
    thumb.setAttribute("aria-pressed", maps[index] === map);
  });
  show();
}
function title(map) {
  return map.path + (map.layer ? ", layer " + map.layer : "") +
    (map.head === "mean" ? ", mean of the heads" : ", head " + map.head);
}
function show() {
  const byColumn = at("columns").checked;
  if (byColumn && column < 0) column = Math.min(row, now.columns - 1);
  const fixed = byColumn ? column : row;
  const shareOf = other => now.share[byColumn ? other * now.columns + fixed : fixed * now.columns + other];
  const others = byColumn ? now.rows : now.columns;
  const fixedList = byColumn ? now.columnList : now.rowList;
  const otherList = byColumn ? now.rowList : now.columnList;
  for (const list of Object.keys(strips))
    strips[list].forEach((button, index) => {
      const share = list === otherList && index < others ? shareOf(index) : 0;
      button.style.background = share >= 0.0005 ? colour(share) : "";
      button.style.color = share > 0.5 ? "var(--back)" : "";
      button.title = list === otherList && index < others ? percent(share) : "";
      button.classList.toggle("now", list === fixedList && index === fixed);
    });
  at("chosen").textContent = title(now);
  const cell = Math.max(1, Math.floor(600 / Math.max(now.rows, now.columns)));
  paint(at("matrix"), now, cell);
  const pen = at("matrix").getContext("2d");
  pen.strokeStyle = colour(1);
  pen.lineWidth = Math.max(1, cell / 8);
  if (byColumn) pen.strokeRect(fixed * cell, 0, cell, now.rows * cell);
  else pen.strokeRect(0, fixed * cell, now.columns * cell, cell);
  at("matrix").setAttribute("aria-label", title(now) + ": rows attend to columns");
  const best = Array.from({length: others}, (_, index) => index)
    .sort((a, b) => shareOf(b) - shareOf(a)).slice(0, 3).filter(index => shareOf(index) >= 0.0005)
    .map(index => `${label(otherList, index)} (${index}) ${percent(shareOf(index))}`).join(", ");
  at("said").textContent = byColumn
    ? `${label(fixedList, fixed)} (${fixed}) is attended to by ${best || "nothing"}`
    : `${label(fixedList, fixed)} (${fixed}) attends to ${best || "nothing"}`;
  const next = now.rowList === "tokens" && !byColumn ? data.next[row] : undefined;
  at("next").replaceChildren();
  if (next) {
    add(at("next"), "h3", "", "Expected next");
    const table = add(at("next"), "div", "next");
    for (const [text, probability] of next) {
      add(table, "code", "", text);
      add(table, "div").style.width = 100 * probability + "%";
      add(table, "span", "", percent(probability));
    }
  }
  const layers = next && data.layers.length ? data.layers.map(layer => layer[row] ?? []) : [];
  if (layers.length) {
    add(at("next"), "h3", "", "Expected next after each layer");
    const table = add(add(at("next"), "div", "lens-box"), "table", "lens");
    layers.forEach((candidates, layer) => {
      const line = add(table, "tr", now.layer.split(".")[0] === String(layer) ? "now" : "");
      add(line, "th", "", "layer " + layer);
      for (const [text, probability] of candidates) {
        const cell = add(line, "td", "", text);
        cell.title = percent(probability);
        cell.style.background = colour(probability);
        if (probability > 0.5) cell.style.color = "var(--back)";
      }
    });
  }
  const image = data.image, picture = at("image");
  picture.hidden = !image.width || otherList !== "tokens";
  if (!picture.hidden) {
    const side = image.width / image.across;
    picture.width = 8 * image.width;
    picture.height = 8 * image.height;
    const brush = picture.getContext("2d");
    const bytes = atob(image.pixels);
    for (let line = 0; line < image.height; ++line)
      for (let x = 0; x < image.width; ++x) {
        const light = Math.round(bytes.charCodeAt(line * image.width + x) ** 2 / 255);
        brush.fillStyle = `rgb(${light}, ${light}, ${light})`;
        brush.fillRect(8 * x, 8 * line, 8, 8);
      }
    const most = Math.max(...Array.from({length: others}, (_, index) => shareOf(index)), 0.0005);
    const patch = index => [(index - image.first) % image.across, Math.floor((index - image.first) / image.across)];
    for (let index = image.first; index < others; ++index) {
      const [x, y] = patch(index);
      brush.fillStyle = `rgba(255, 120, 0, ${0.75 * shareOf(index) / most})`;
      brush.fillRect(8 * side * x, 8 * side * y, 8 * side, 8 * side);
    }
    if (fixed >= image.first && fixedList === "tokens") {
      const [x, y] = patch(fixed);
      brush.strokeStyle = "rgb(0, 200, 255)";
      brush.lineWidth = 6;
      brush.strokeRect(8 * side * x + 3, 8 * side * y + 3, 8 * side - 6, 8 * side - 6);
    }
    picture.setAttribute("aria-label", "The image; the patches that are attended to are orange");
  }
}

for (const map of maps)
  for (const [list, text] of [[map.columnList, map.columnList === "sources" ? "Source" : "Tokens"], [map.rowList, map.rowList === "sources" ? "Source" : "Tokens"]])
    if (!strips[list]) strip(list, text);
const thumbs = [];
for (const [path, layers] of groups) {
  add(at("overview"), "h3", "", path);
  const grid = add(at("overview"), "div", "grid");
  const most = Math.max(...Array.from(layers.values(), heads => heads.length));
  grid.style.gridTemplateColumns = `max-content repeat(${most}, max-content)`;
  add(grid, "span", "", layers.has("") ? "" : "layer");
  for (let head = most > 1 ? -1 : 0, last = head + most; head < last; ++head) add(grid, "span", "", head < 0 ? "mean" : head);
  for (const [layer, heads] of layers) {
    add(grid, "span", "", layer);
    for (const map of heads) {
      const thumb = add(grid, "button", "thumb");
      thumb.type = "button";
      thumb.title = title(map);
      thumb.setAttribute("aria-label", title(map));
      paint(add(thumb, "canvas"), map, 1);
      thumb.onclick = () => { select(map); remember(); };
      thumbs.push(thumb);
    }
    for (let rest = heads.length; rest < most; ++rest) add(grid, "span");
  }
}
const matrix = at("matrix");
matrix.onpointermove = matrix.onpointerdown = event => {
  const side = matrix.clientWidth / now.columns;
  const over = {row: Math.floor(event.offsetY / side), column: Math.floor(event.offsetX / side)};
  if (over.row >= now.rows || over.column >= now.columns || over.row < 0 || over.column < 0) return;
  row = over.row;
  column = over.column;
  show();
  at("said").textContent = `${label(now.rowList, row)} (${row}) to ${label(now.columnList, column)} (${column}): ` +
    percent(now.share[row * now.columns + column]);
};
at("columns").onchange = show;
document.addEventListener("keydown", event => {
  const token = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  const head = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (!token && !head || event.altKey || event.ctrlKey || event.metaKey) return;
  const byColumn = at("columns").checked;
  if (token) choose(byColumn ? now.columnList : now.rowList, (byColumn ? column : row) + token);
  const map = maps[maps.indexOf(now) + head];
  if (head && map) select(map);
  remember();
  event.preventDefault();
});
let playing = 0;
at("play").onclick = () => {
  if (playing) { clearInterval(playing); playing = 0; }
  else {
    at("columns").checked = false;
    playing = setInterval(() => { row = (row + 1) % now.rows; show(); }, 500);
  }
  at("play").textContent = playing ? "Stop" : "Play";
};
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  thumbs.forEach((thumb, index) => paint(thumb.firstChild, maps[index], 1));
  show();
});
function fromAddress() {
  const token = /token=(\d+)/.exec(location.hash), map = /map=(\d+)/.exec(location.hash);
  row = token ? Number(token[1]) : 0;
  select(maps[map ? Math.min(Number(map[1]), maps.length - 1) : 0]);
}
window.addEventListener("hashchange", fromAddress);
fromAddress();
)js";

/// The square roots of the weights as bytes, in base 64.
SEQUENT_COLD inline std::string packed_weights(const std::vector<float>& weights) {
    constexpr auto digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string result;
    const auto byte = [&](std::size_t at) {
        if (at >= weights.size()) return 0u;
        return static_cast<unsigned>(
            std::lround(255 * std::sqrt(std::clamp(static_cast<double>(weights[at]), 0.0, 1.0))));
    };
    for (std::size_t at = 0; at < weights.size(); at += 3) {
        const unsigned three = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        for (unsigned digit = 0; digit < 4; ++digit)
            result += at + digit > weights.size() ? '=' : digits[three >> (18 - 6 * digit) & 63];
    }
    return result;
}

/// The weights without the rows and columns beyond the tokens, if tokens are given.
SEQUENT_COLD inline head_weights limited(const head_weights& from,
                                         const std::vector<std::string>& rows,
                                         const std::vector<std::string>& columns) {
    const auto limit = [](int all, const std::vector<std::string>& names) {
        return names.empty() ? all : std::min(all, static_cast<int>(names.size()));
    };
    head_weights result = from;
    result.rows = limit(from.rows, rows);
    result.columns = limit(from.columns, columns);
    result.weights.clear();
    for (int row = 0; row < result.rows; ++row)
        for (int column = 0; column < result.columns; ++column)
            result.weights.push_back(from(row, column));
    return result;
}

SEQUENT_COLD inline std::string json_list(const std::vector<std::string>& texts) {
    std::string result = "[";
    for (const std::string& each : texts) {
        if (result.size() > 1) result += ',';
        result += json_string(each);
    }
    return result + ']';
}

/// Appends candidates for the next token, for each token, as JSON.
SEQUENT_COLD inline void append_candidates(std::string& content,
                                           const std::vector<std::vector<candidate>>& lists) {
    bool first = true;
    for (const auto& candidates : lists) {
        content += first ? "[" : ",[";
        first = false;
        for (const candidate& each : candidates) {
            if (!std::isfinite(each.probability))
                fail_with<argument_error>(
                    {"sequent: draw::attention: the probability of ", each.text, " is not finite"});
            if (&each != candidates.data()) content += ',';
            append_text(content,
                        {"[", json_string(each.text), ",", number_text(each.probability, 4), "]"});
        }
        content += ']';
    }
}

}  // namespace detail

/// The HTML page of attention weights. `#token=3&map=5` at the end of its address selects a token
/// and a head. Throws argument_error if there are no weights, or one is NaN.
SEQUENT_COLD inline std::string page_of(const std::vector<head_weights>& heads,
                                        const attention_labels& labels = {}) {
    if (heads.empty()) fail<argument_error>("sequent: draw::attention: the model has no attention");
    std::string content;
    append_text(content, {"{\"tokens\":", detail::json_list(labels.tokens),
                          ",\"sources\":", detail::json_list(labels.sources), ",\n\"next\":["});
    detail::append_candidates(content, labels.next);
    content += "],\n\"layers\":[";
    for (const auto& layer : labels.layers) {
        content += &layer == labels.layers.data() ? "[" : ",[";
        detail::append_candidates(content, layer);
        content += ']';
    }
    const attention_labels::picture& image = labels.image;
    if (image.width > 0)
        check_size("draw::attention: the pixels of the image", image.pixels.size(),
                   static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
    append_text(content, {"],\n\"image\":{\"width\":", image.width, ",\"height\":", image.height,
                          ",\"across\":", image.patches_across, ",\"first\":", image.first_patch,
                          ",\"pixels\":\"", detail::packed_weights(image.pixels), "\"}"});
    content += ",\n\"maps\":[";
    for (const head_weights& each : heads) {
        if (&each != heads.data()) content += ',';
        const bool encodes = each.relation.compare(0, labels.encoder.size(), labels.encoder) == 0;
        const bool crosses = each.relation.find(labels.across) != std::string::npos;
        const head_weights shown =
            detail::limited(each, encodes ? labels.sources : labels.tokens,
                            encodes || crosses ? labels.sources : labels.tokens);
        std::string layer;
        for (const int round : each.layer) {
            if (!layer.empty()) layer += '.';
            layer += std::to_string(round);
        }
        for (const float weight : each.weights)
            if (!(weight >= 0))
                fail_with<argument_error>({"sequent: draw::attention: layer ", layer, ", head ",
                                           each.head, " of ", each.relation,
                                           " has a weight that is no number"});
        append_text(content, {"\n{\"path\":", detail::json_string(each.relation), ",\"layer\":\"",
                              layer, "\",\"head\":", each.head, ",\"rows\":", shown.rows,
                              ",\"columns\":", shown.columns, ",\"rowList\":\"",
                              encodes ? "sources" : "tokens", "\",\"columnList\":\"",
                              encodes || crosses ? "sources" : "tokens", "\",\"weights\":\"",
                              detail::packed_weights(shown.weights), "\"}"});
    }
    content += "]}";
    const std::string title = escaped(labels.title);
    return joined_text(
        {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
         title, "</title>\n<style>", detail::page_style, detail::attention_style,
         "</style>\n</head>\n<body>\n<header>\n<h1>", title, "</h1>\n", detail::attention_body,
         "<script type=\"application/json\" id=\"attention\">", content, "</script>\n<script>",
         detail::attention_script, "</script>\n</body>\n</html>\n"});
}

/// The likeliest next tokens after each row of logits(position, symbol), for
/// `attention_labels::next`. `texts` are the texts of the symbols.
template <class Logits>
[[nodiscard]] SEQUENT_COLD std::vector<std::vector<candidate>> likeliest(
    const Logits& logits, const std::vector<std::string>& texts, int count = 5) {
    std::vector<std::vector<candidate>> result;
    const int symbols = logits.extents[1];
    if (texts.size() != static_cast<std::size_t>(symbols))
        check_size("draw::likeliest: the list of texts", texts.size(),
                   static_cast<std::size_t>(symbols));
    std::vector<int> order(static_cast<std::size_t>(symbols));
    for (int row = 0; row < logits.extents[0]; ++row) {
        for (int at = 0; at < symbols; ++at) order[static_cast<std::size_t>(at)] = at;
        const int kept = std::min(count, symbols);
        std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                          [&](int a, int b) { return logits(row, a) > logits(row, b); });
        const double most = static_cast<double>(logits(row, order[0]));
        double sum = 0;
        for (int at = 0; at < symbols; ++at)
            sum += std::exp(static_cast<double>(logits(row, at)) - most);
        auto& candidates = result.emplace_back();
        for (int at = 0; at < kept; ++at) {
            const int symbol = order[static_cast<std::size_t>(at)];
            candidates.push_back({texts[static_cast<std::size_t>(symbol)],
                                  std::exp(static_cast<double>(logits(row, symbol)) - most) / sum});
        }
    }
    return result;
}

/// The likeliest next tokens of each layer, for `attention_labels::layers`, from `lens_of` of a
/// language model, whose values are lens(layer, position, symbol).
template <class T>
[[nodiscard]] SEQUENT_COLD std::vector<std::vector<std::vector<candidate>>> likeliest(
    const tapped_values<T, 3>& lens, const std::vector<std::string>& texts, int count = 5) {
    std::vector<std::vector<std::vector<candidate>>> result;
    for (int layer = 0; layer < lens.view().extents[0]; ++layer)
        result.push_back(likeliest(lens.view().row(layer), texts, count));
    return result;
}

/// Runs a forward pass of a language model and writes an HTML page of its attention with the
/// likeliest next tokens, of the whole model and after each layer. `texts` are the texts of all
/// symbols. Throws io::error if the file cannot be written.
template <class Model, class T = float, class P>
SEQUENT_COLD void language_model(const std::string& path, const P& parameters,
                                 const typename Model::template facts<T>& facts,
                                 typename Model::template workspace<T>& w,
                                 const std::vector<std::string>& texts,
                                 attention_labels labels = {}) {
    const auto heads = attention_of<Model, T>(parameters, facts, w);
    labels.layers = likeliest(lens_of<Model, T>(parameters, facts, w), texts);
    if (!labels.tokens.empty())
        for (auto& layer : labels.layers)
            layer.resize(std::min(layer.size(), labels.tokens.size()));
    labels.next = labels.layers.back();
    write(page_of(heads, labels), path);
}

/// Runs a forward pass and writes an HTML page of its attention: an overview of layers and heads,
/// and for each token what it attends to. Throws io::error if the file cannot be written.
template <class Model, class T = float, class P>
SEQUENT_COLD void attention(const std::string& path, const P& parameters,
                            const typename Model::template facts<T>& facts,
                            typename Model::template workspace<T>& w,
                            const attention_labels& labels = {}) {
    write(page_of(attention_of<Model, T>(parameters, facts, w), labels), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
