// Sequent 0.2.0: draw.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_DRAW_HPP
#define SEQUENT_SINGLE_DRAW_HPP

#include "explain.hpp"
#include "io.hpp"
#include "rasp.hpp"
#include "text.hpp"

/// Pictures of attention, masks, programs, ground rules and RASP programs.

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

/// Attention weights of a model for one sample.

namespace sequent::inline SEQUENT_ABI::draw {

/// The attention weights of one head: how much row i attends to column j. A row sums to 1, or to 0
/// if the mask leaves it no column.
struct head_weights {
    std::string relation;  ///< the weighted sum, after its stacks: "layers.head"
    std::vector<int>
        layer;     ///< layer in each of the stacks around the rule, outermost first; empty outside
    int head = 0;  ///< number of the head
    int rows = 0;  ///< limited by the lengths of the facts
    /// Number of columns.
    int columns = 0;
    std::vector<float> weights;  ///< row by row

    /// The weight of one pair.
    float operator()(int row, int column) const {
        return weights[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                       static_cast<std::size_t>(column)];
    }
};

namespace detail {

/// Reads the attention weights of all steps of a plan after a forward pass.
template <class Plan, class T>
class weights_reader {
  public:
    weights_reader(model_detail::bindings<T>& bound, std::vector<head_weights>& to)
        : bound_(bound), to_(to) {}

    /// The steps [At, End), in order.
    template <int At, int End>
    SEQUENT_COLD void read() {
        if constexpr (At < End) {
            constexpr plan::step step = Plan::template step_at<At>;
            if constexpr (step.kind == plan::step_kind::repeat_begin) {
                int rounds = step.rounds(bound_.counts);
                if constexpr (step.carried >= 0)
                    rounds =
                        model_detail::rounds_run<Plan, step.carried>(bound_, step.depth, rounds);
                for (int round = 0; round < rounds; ++round) {
                    bound_.layer[step.depth] = step.backward ? rounds - 1 - round : round;
                    layer_.push_back(bound_.layer[step.depth]);
                    read<At + 1, step.at>();
                    layer_.pop_back();
                }
                bound_.layer[step.depth] = 0;
                read<step.at + 1, End>();
            } else {
                if constexpr (step.kind == plan::step_kind::attention && !step.idle)
                    if (model_detail::is_run<Plan, At>(bound_)) read_step<At>();
                read<At + 1, End>();
            }
        }
    }

  private:
    model_detail::bindings<T>& bound_;
    std::vector<head_weights>& to_;
    std::vector<int> layer_;

    template <int At>
    SEQUENT_COLD void read_step() {
        constexpr plan::step step = Plan::template step_at<At>;
        constexpr plan::attention_step attention = Plan::template attention_at<step.at>;
        int head = 0;
        model_detail::each_outer(attention.outer_extents, [&](int one, int two, int three) {
            head_weights made;
            made.relation.assign(path<step.rule>.text,
                                 static_cast<std::size_t>(path<step.rule>.length));
            made.layer = layer_;
            made.head = head++;
            made.rows = plan::least_count(attention.row_counts, attention.rows, bound_.counts);
            made.columns =
                plan::least_count(attention.column_counts, attention.columns, bound_.counts);
            int index[plan::max_variables]{};
            const int outer[]{one, two, three};
            for (int at = 0; at < attention.outers; ++at)
                index[attention.outer_variables[at]] = outer[at];
            for (int row = 0; row < made.rows; ++row) {
                if (attention.row_variable >= 0) index[attention.row_variable] = row;
                std::vector<double> scores(static_cast<std::size_t>(made.columns), -infinity);
                for (int column = 0; column < made.columns; ++column) {
                    index[attention.column_variable] = column;
                    if (holds<attention.condition>(index))
                        scores[static_cast<std::size_t>(column)] =
                            number_of<step.at>(outer, row, column);
                }
                if constexpr (!attention.is_prepared() && attention.normalizes) softmax(scores);
                for (const double each : scores)
                    made.weights.push_back(std::isinf(each) ? 0.0F : static_cast<float>(each));
            }
            to_.push_back(std::move(made));
        });
    }

    /// The name of the relation that a rule computes, after those of the stacks around it:
    /// "layers.head". A constant, so that the plan does not become data of the program.
    template <int Rule>
    static constexpr model_detail::full_name path = [] {
        constexpr auto& text = Plan::shapes.text;
        return model_detail::name_in_scope(text, text.relations[text.rules[Rule].head].id,
                                           text.rules[Rule].scope);
    }();

    static constexpr double infinity = std::numeric_limits<double>::infinity();

    template <int Condition>
    bool holds(const int* index) const {
        if constexpr (Condition >= 0)
            return model_detail::evaluate_node<Plan, Condition>(bound_, index) != 0;
        else
            return true;
    }

    /// The score of a pair, or its weight if an earlier step has computed the weights.
    template <int At>
    double number_of(const int* outer, int row, int column) const {
        constexpr plan::attention_step attention = Plan::template attention_at<At>;
        if constexpr (attention.is_prepared())
            return static_cast<double>(
                element(attention.weights, outer,
                        row * attention.weights.row + column * attention.weights.column));
        else
            return score<At, attention.nodes.size() - 1>(outer, row, column);
    }

    template <int At, int Node>
    double score(const int* outer, int row, int column) const {
        constexpr plan::score_node node = Plan::template attention_at<At>.nodes[Node];
        const int place =
            (node.packed ? row * (row + 1) / 2 : row * node.x.row) + column * node.x.column;
        if constexpr (node.kind == plan::score_kind::number) {
            return node.value;
        } else if constexpr (node.kind == plan::score_kind::index) {
            return node.value + place +
                   static_cast<double>(
                       model_detail::outer_shift(node.x, outer[0], outer[1], outer[2]));
        } else if constexpr (node.kind == plan::score_kind::load) {
            return static_cast<double>(element(node.x, outer, place));
        } else if constexpr (node.kind == plan::score_kind::dot) {
            double sum = 0;
            for (int k = 0; k < node.depth; ++k)
                sum += static_cast<double>(element(node.x, outer, row * node.x.row + k)) *
                       static_cast<double>(element(node.y, outer, column * node.y.column + k));
            return node.value * sum;
        } else {
            const double left = score<At, node.left>(outer, row, column);
            if constexpr (node.kind == plan::score_kind::function)
                return kernel::apply<model_detail::activation_of(node.function)>(left, node.value);
            else if constexpr (node.kind == plan::score_kind::add)
                return left + score<At, node.right>(outer, row, column);
            else
                return left * score<At, node.right>(outer, row, column);
        }
    }

    T element(const plan::access& from, const int* outer, int place) const {
        return bound_.read(
            from.at)[model_detail::outer_shift(from, outer[0], outer[1], outer[2]) + place];
    }

    /// Softmax over the scores above minus infinity.
    static void softmax(std::vector<double>& scores) {
        if (scores.empty()) return;
        const double most = *std::max_element(scores.begin(), scores.end());
        if (std::isinf(most) && most < 0) return;
        double sum = 0;
        for (double& each : scores) sum += each = std::exp(each - most);
        for (double& each : scores) each /= sum;
    }
};

}  // namespace detail

/// Runs a forward pass and returns the attention weights, by layers and heads in the order of the
/// rules. `facts` are those of one sample. Afterwards the workspace is as after `forward`.
template <class Model, class T = float, class P>
[[nodiscard]] SEQUENT_COLD std::vector<head_weights> attention_of(
    const P& parameters, const typename Model::template facts<T>& facts,
    typename Model::template workspace<T>& w) {
    using plan_type = typename Model::plan;
    (void)Model::forward(parameters, facts, w);
    auto bound = model_detail::calls<plan_type>::bind(parameters, facts, w, true);
    std::vector<head_weights> result;
    detail::weights_reader<plan_type, T>(bound, result)
        .template read<0, plan_type::tables.steps.size()>();
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// What a model would give if it ended after each of its layers.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// The step that begins the last stack of a plan outside of other stacks; -1 if there is none.
template <class Plan>
constexpr int find_last_stack() {
    int result = -1;
    for (int at = 0; at < Plan::tables.steps.size(); ++at) {
        const plan::step& each = Plan::tables.steps[at];
        if (each.kind == plan::step_kind::repeat_begin && !each.recurs && each.depth == 0)
            result = at;
    }
    return result;
}

}  // namespace detail

/// The first output of a model as it would be if the last stack of layers had ended after each of
/// its layers: lens(layer, ...), where the last layer is what forward gives. For a language model
/// these are the logits that each layer predicts (the logit lens, nostalgebraist 2020). Runs
/// forward once for each layer; afterwards the workspace is as after `forward`.
///
/// Does not compile if the model has no stack, or if the output has six dimensions.
template <class Model, class T = float, class P>
[[nodiscard]] SEQUENT_COLD auto lens_of(const P& parameters,
                                        const typename Model::template facts<T>& facts,
                                        typename Model::template workspace<T>& w) {
    using plan_type = typename Model::plan;
    using placed = typename model_detail::placed_for<P, plan_type>::type;
    using calls = model_detail::calls<plan_type>;
    constexpr int begin = detail::find_last_stack<plan_type>();
    static_assert(
        begin >= 0 && plan_type::tables.steps[begin < 0 ? 0 : begin].carried < 0,
        "sequent: draw::lens_of: the model has no stack of layers, or ends with a fixpoint");
    constexpr plan::step stack = plan_type::tables.steps[begin < 0 ? 0 : begin];
    constexpr int block = plan_type::shapes.text.rules[stack.rule].block;
    constexpr int carried = plan_type::shapes.block_input[block];
    constexpr plan::buffer of =
        plan_type::tables.buffers[plan_type::tables.relations[carried].index];
    constexpr int part = of.size / of.parts;

    (void)Model::forward(parameters, facts, w);
    const auto last = calls::template output<T, 0>(std::as_const(w));
    constexpr int rank = model_detail::output_layout<plan_type>::view(0).rank + 1;
    static_assert(rank <= max_rank, "sequent: draw::lens_of: the output has six dimensions");
    std::array<int, max_rank> extents{stack.repeat};
    std::copy_n(last.extents.begin(), rank - 1, extents.begin() + 1);
    std::vector<T> numbers;
    for (int layer = 0; layer < stack.repeat; ++layer) {
        // All steps again, since those behind the stack may have overwritten what they read.
        auto bound = calls::bind(parameters, facts, w, true);
        model_detail::forward_steps<placed, 0, stack.at + 1>(bound, model_detail::whole_run{});
        if (layer + 1 < stack.repeat)
            std::copy_n(w.numbers + of.offset + (layer + 1) * part, part,
                        w.numbers + of.offset + stack.repeat * part);
        model_detail::forward_steps<placed, stack.at + 1, placed::tables.steps.size()>(
            bound, model_detail::whole_run{});
        const auto output = [&] {
            if constexpr (Model::outputs == 1)
                return calls::end_forward(facts, w);
            else
                return calls::end_forward(facts, w)[0];
        }();
        for (int at = 0; at < output.size(); ++at) numbers.push_back(output.element(at));
    }
    return tapped_values<T, rank>(extents, std::move(numbers));
}

}  // namespace sequent::inline SEQUENT_ABI::draw

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

/// Text for pictures: UTF-8 of any origin, counted and cut by code points.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// The number of bytes of the first code point; 0 if the text is not UTF-8.
SEQUENT_COLD inline std::size_t letter_length(std::string_view text) {
    const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80                     ? 1
                               : first >= 0xc2 && first <= 0xdf ? 2
                               : first >= 0xe0 && first <= 0xef ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t at = 1; at < length; ++at)
        if ((byte(at) & 0xc0u) != 0x80) return 0;
    if (length > 2) {
        // Overlong encodings, surrogates, and code points beyond Unicode.
        const unsigned second = byte(1);
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
            return 0;
        // XML does not allow U+FFFE and U+FFFF.
        if (first == 0xef && second == 0xbf && byte(2) > 0xbd) return 0;
    }
    return length;
}

}  // namespace detail

/// Text with visible characters only: control characters as their pictures (from U+2400 on), bytes
/// that are not UTF-8 as U+FFFD.
SEQUENT_COLD inline std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t length = detail::letter_length(text);
        const auto first = static_cast<unsigned char>(text[0]);
        if (length == 0) {
            result += "\xef\xbf\xbd";
        } else if (first < 0x20) {
            result += "\xe2\x90";
            result += static_cast<char>(0x80 + first);
        } else if (first == 0x7f) {
            result += "\xe2\x90\xa1";
        } else {
            result += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return result;
}

/// The number of code points of printable text.
inline int letters_in(std::string_view text) {
    int count = 0;
    for (const char each : text) count += (static_cast<unsigned char>(each) & 0xc0) != 0x80;
    return count;
}

/// The first `count` code points of printable text.
SEQUENT_COLD inline std::string_view first_letters(std::string_view text, int count) {
    std::size_t end = 0;
    while (end < text.size()) {
        if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80 && count-- == 0) break;
        ++end;
    }
    return text.substr(0, end);
}

/// Printable text of at most `most` code points; longer text ends with an ellipsis.
inline std::string elided(std::string_view text, int most) {
    if (letters_in(text) <= most) return std::string(text);
    return std::string(first_letters(text, most > 1 ? most - 1 : 0)) + "\xe2\x80\xa6";
}

/// A text followed by a number: "layer 3".
inline std::string numbered(std::string_view text, std::size_t number) {
    return joined_text({text, number});
}

namespace detail {

/// A JSON string that is safe within a script element of HTML.
SEQUENT_COLD inline std::string json_string(std::string_view text) {
    std::string result = "\"";
    const std::string shown = printable(text);
    for (std::size_t at = 0; at < shown.size(); ++at) {
        const char each = shown[at];
        const std::string_view three(shown.data() + at,
                                     std::min<std::size_t>(3, shown.size() - at));
        if (each == '"' || each == '\\') {
            result += '\\';
            result += each;
        } else if (each == '<' || each == '>' || each == '&') {
            result += each == '<' ? "\\u003c" : each == '>' ? "\\u003e" : "\\u0026";
        } else if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9") {
            // Some JavaScript parsers take these as line ends.
            result += three.back() == '\xa8' ? "\\u2028" : "\\u2029";
            at += 2;
        } else {
            result += each;
        }
    }
    return result + '"';
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The subset of SVG that the pictures need. Lengths are in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// Text escaped for XML.
SEQUENT_COLD inline std::string escaped(std::string_view text) {
    std::string result;
    for (const char each : printable(text)) {
        if (each == '<')
            result += "&lt;";
        else if (each == '>')
            result += "&gt;";
        else if (each == '&')
            result += "&amp;";
        else if (each == '"')
            result += "&quot;";
        else
            result += each;
    }
    return result;
}

/// A picture of given width and height; later elements cover earlier ones.
class svg {
  public:
    /// An empty picture.
    svg(double width, double height) : width_(width), height_(height) {}

    /// Adds a filled rectangle.
    SEQUENT_COLD void rectangle(double x, double y, double width, double height,
                                std::string_view fill) {
        add({"<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height,
             "\" fill=\"", fill, "\"/>\n"});
    }
    /// Adds a rectangle with rounded corners and an outline.
    SEQUENT_COLD void rounded(double x, double y, double width, double height, double radius,
                              std::string_view fill, std::string_view outline,
                              double thickness = 1) {
        add({"<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height,
             "\" rx=\"", radius, "\" fill=\"", fill, "\" stroke=\"", outline, "\" stroke-width=\"",
             thickness, "\"/>\n"});
    }
    /// Adds a line from path data (SVG 1.1, section 8.3).
    SEQUENT_COLD void line(std::string_view data, std::string_view colour, double thickness) {
        add({"<path d=\"", data, "\" fill=\"none\" stroke=\"", colour, "\" stroke-width=\"",
             thickness, "\"/>\n"});
    }
    /// Adds a filled shape from path data (SVG 1.1, section 8.3).
    SEQUENT_COLD void path(std::string_view data, std::string_view fill) {
        add({"<path d=\"", data, "\" fill=\"", fill, "\" shape-rendering=\"crispEdges\"/>\n"});
    }
    /// Adds text. `more`: further attributes; `title`: a tooltip.
    SEQUENT_COLD void text(double x, double y, std::string_view words, double size,
                           std::string_view fill, std::string_view more = "",
                           std::string_view title = "") {
        add({"<text x=\"", x, "\" y=\"", y, "\" font-size=\"", size, "\" fill=\"", fill, "\" ",
             more, ">", escaped(words)});
        if (!title.empty()) add({"<title>", escaped(title), "</title>"});
        add({"</text>\n"});
    }
    /// Begins a group with attributes; `end_group` ends it.
    void begin_group(std::string_view attributes) { add({"<g ", attributes, ">\n"}); }
    /// Ends the latest group.
    void end_group() { add({"</g>\n"}); }

    /// The text of the SVG file.
    SEQUENT_COLD std::string str() const {
        svg whole(width_, height_);
        whole.add({"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width_, "\" height=\"",
                   height_, "\" viewBox=\"0 0 ", width_, " ", height_,
                   "\" font-family=\"sans-serif\">\n", body_, "</svg>\n"});
        return whole.body_;
    }

    /// A number as text, with six digits.
    static std::string number(double value) { return number_text(value, 6); }

  private:
    double width_;
    double height_;
    std::string body_;

    /// A text or a number.
    struct part {
        std::string_view text{};
        double value = 0;
        bool is_number = false;

        part(const char* from) : text(from) {}
        part(std::string_view from) : text(from) {}
        part(const std::string& from) : text(from) {}
        part(double from) : value(from), is_number(true) {}
    };
    SEQUENT_COLD void add(std::initializer_list<part> parts) {
        for (const part& each : parts)
            if (each.is_number)
                body_ += number(each.value);
            else
                body_ += each.text;
    }
};

/// Writes text to a file, completely or not at all. Throws io::error.
SEQUENT_COLD inline void write(const std::string& text, const std::string& path) {
    io::file_replacement file(path);
    file.write(text.data(), text.size());
    file.commit();
}
/// Writes a picture to a file, completely or not at all. Throws io::error.
inline void write(const svg& picture, const std::string& path) {
    write(picture.str(), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw

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

/// The flow of a RASP program for one input (arXiv 2106.06981, figures 1 to 3): for each layer its
/// heads and the elementwise operations that later parts use.

namespace sequent::inline SEQUENT_ABI::draw {

/// The text of a value in a cell; a space is made visible.
inline std::string cell_text(const rasp::value& shown) {
    const std::string result = printable(shown.text());
    return result == " " ? "\xe2\x90\xa3" : result;
}

/// A head of a layer. The heads of a layer are numbered from 1.
struct flow_head {
    /// Number of the head in its layer.
    int number = 0;
    /// The positions that the head attends to.
    rasp::focus at = rasp::focus::selected;
    int preferred = -1;  ///< node of the values of which the greatest or least is selected
};
/// A selector in a layer, and what its heads gather from the selected positions.
struct flow_selector {
    int node = -1;                 ///< its node
    std::vector<flow_head> heads;  ///< two for selector_width
    std::vector<int> keys;         ///< s-ops that are compared, without constants
    /// S-ops that the keys are compared with, without constants.
    std::vector<int> queries;
    /// Nodes that the heads compute.
    std::vector<int> results;
};
/// A layer: its selectors and its elementwise operations.
struct flow_layer {
    /// The selectors that heads of the layer follow.
    std::vector<flow_selector> selectors;
    /// Nodes of the elementwise operations that are shown.
    std::vector<int> elementwise;
};

/// The parts of a program, nodes of its graph, that a picture shows: the input, what heads gather,
/// the output, and elementwise operations that have a name or that a head reads. All others appear
/// within the expressions of these.
class flow {
  public:
    /// The flow of a program for an input, or of one round of a loop, with the states before it.
    /// The program must outlive it.
    SEQUENT_COLD flow(const rasp::graph& program, const rasp::program_analysis& analysis,
                      const rasp::sequence& input, const std::vector<rasp::sequence>& states = {})
        : values_(states.empty() ? rasp::evaluation(program, input)
                                 : rasp::evaluation(program, input, states)),
          named_(program),
          layer_of_(analysis.layer_of) {
        shown_.resize(static_cast<std::size_t>(program.size()));
        if (program.states.size() > 0) show_round();
        for (int at = 0; at < program.size(); ++at) mark_what_is_read_by(at);
        name_long_ones();
        layers_.resize(static_cast<std::size_t>(analysis.layers) + 1);
        for (int at = 0; at < program.size(); ++at)
            if (is_shown(at) && !rasp::gathers(program[at].what))
                layers_[static_cast<std::size_t>(layer_of(at))].elementwise.push_back(at);
        // The tokens are the first part of the input.
        std::stable_partition(
            layers_[0].elementwise.begin(), layers_[0].elementwise.end(),
            [&program](int at) { return program[at].what == rasp::operation::tokens; });
        int before[rasp::max_heads + 1]{};
        for (const rasp::head& each : analysis.all_heads)
            selector_of(each.layer, each.selector)
                .heads.push_back({++before[each.layer], each.at, each.preferred});
        for (int at = 0; at < program.size(); ++at)
            if (rasp::gathers(program[at].what))
                selector_of(layer_of(at), program[at].arguments[0]).results.push_back(at);
    }
    flow(const flow&) = delete;
    /// Moves a flow.
    flow(flow&&) = default;
    flow& operator=(const flow&) = delete;

    /// The layers; layer 0 is the input and has no heads.
    const std::vector<flow_layer>& layers() const { return layers_; }
    /// The values of all parts.
    const rasp::evaluation& values() const { return values_; }
    /// The program, with a name for each gathered part.
    const rasp::graph& program() const { return named_; }
    /// The number of positions.
    int length() const { return values_.length(); }
    /// The number of layers of one round, if those of a model are so many.
    int layers_of_round(int layers) const { return layers / std::max(1, named_.rounds); }
    /// The node of the output.
    int output() const { return named_.output; }
    /// The layer in which a part is computed.
    int layer_of(int at) const { return layer_of_[static_cast<std::size_t>(at)]; }
    /// True if the picture shows the part.
    bool is_shown(int at) const { return shown_[static_cast<std::size_t>(at)]; }

    /// The name of a part, as later expressions use it; gathered values without a name have a
    /// number.
    std::string label(int at) const { return printable(rasp::text_of(named_, at)); }
    /// The expression of a part in terms of named ones; of a very long one the outer levels.
    SEQUENT_COLD std::string expression(int at) const {
        constexpr std::size_t longest = 400;
        std::string result;
        for (int depth = 8; depth < 32; ++depth) {
            std::string deeper = rasp::text_of(named_, at, false, depth);
            const bool is_whole = deeper == result;
            if (is_whole || (depth > 8 && deeper.size() > longest)) break;
            result = std::move(deeper);
        }
        return printable(result);
    }
    /// Name and expression of a part, "depth = opened - closed"; only one of them if they are
    /// equal.
    std::string definition(int at) const {
        const std::string name = label(at);
        const std::string all = expression(at);
        return name == all ? name : name + " = " + all;
    }
    /// The gathered values, as text beside their selector.
    SEQUENT_COLD std::string gathering(int at) const {
        const rasp::node& made = named_[at];
        if (made.what == rasp::operation::width) return "selector_width";
        if (made.what == rasp::operation::width_with_bos) return "selector_width_with_bos";
        if (made.what == rasp::operation::sum) return "sum " + label(made.arguments[1]);
        const rasp::value& otherwise = named_[made.arguments[2]].known;
        const bool is_usual = otherwise == rasp::value(0) || otherwise == rasp::value(false) ||
                              otherwise == rasp::value("");
        const std::string expressed = expression(at);
        return expressed.substr(0, expressed.find('(')) + " " + label(made.arguments[1]) +
               (is_usual ? "" : ", else " + label(made.arguments[2]));
    }
    /// The text of a value at a position.
    SEQUENT_COLD std::string text(int at, int position) const {
        return cell_text(values_(at, position));
    }

    /// The positions that a head attends to from one position, all with equal weight.
    SEQUENT_COLD std::vector<int> attended(const flow_selector& from, const flow_head& head,
                                           int row) const {
        std::vector<int> result;
        for (int column = 0; column < length(); ++column) {
            const bool selected = values_.selects(from.node, row, column);
            if (head.at == rasp::focus::selected_or_first    ? selected || column == 0
                : head.at == rasp::focus::selected_and_first ? selected && column == 0
                                                             : selected)
                result.push_back(column);
        }
        if (result.empty() || head.at < rasp::focus::first_selected) return result;
        if (head.at == rasp::focus::first_selected) return {result.front()};
        if (head.at == rasp::focus::last_selected) return {result.back()};
        const auto value_at = [&](int column) { return values_(head.preferred, column); };
        rasp::value best = value_at(result.front());
        for (const int column : result) {
            const rasp::value here = value_at(column);
            if (head.at == rasp::focus::highest_selected ? best < here : here < best) best = here;
        }
        std::erase_if(result, [&](int column) { return !(value_at(column) == best); });
        return result;
    }

    /// The shown parts from which a part is computed.
    std::vector<int> sources(int at) const {
        std::vector<int> result;
        for (const int argument : named_[at].arguments) add_sources(argument, result);
        return result;
    }

  private:
    rasp::evaluation values_;
    rasp::graph named_;
    std::array<int, rasp::max_nodes> layer_of_;
    std::vector<flow_layer> layers_;
    std::vector<bool> shown_;
    std::deque<std::string> names_;

    void show(int at) {
        if (named_[at].what != rasp::operation::constant)
            shown_[static_cast<std::size_t>(at)] = true;
    }
    SEQUENT_COLD void mark_what_is_read_by(int at) {
        const rasp::node& made = named_[at];
        const bool is_input =
            made.what == rasp::operation::tokens || made.what == rasp::operation::indices;
        if (is_input || rasp::gathers(made.what) || at == named_.output) show(at);
        if (rasp::is_pointwise(made.what) && made.name.length > 0) show(at);
        if (rasp::gathers(made.what) && made.arguments[1] >= 0) show(made.arguments[1]);
        if (!rasp::is_comparison(made.what)) return;
        show(made.arguments[0]);
        show(made.arguments[1]);
    }

    /// The output of a round is the next value of the first state.
    SEQUENT_COLD void show_round() {
        named_.output = named_.states[0].next;
        for (int at = 0; at < named_.states.size(); ++at) {
            show(named_.states[at].node);
            name(named_.states[at].next, numbered("next state ", static_cast<std::size_t>(at)));
        }
        name(named_.until, "ends");
    }
    SEQUENT_COLD void name(int at, const std::string& words) {
        show(at);
        rasp::node& made = named_.nodes[at];
        if (made.name.length > 0 || made.arguments[0] < 0) return;
        names_.push_back(words);
        made.name = plan::make_name(names_.back().data(), static_cast<int>(words.size()));
    }

    SEQUENT_COLD void name_long_ones() {
        constexpr int longest = 22;
        std::size_t number = 0;
        for (int at = 0; at < named_.size(); ++at) {
            rasp::node& made = named_.nodes[at];
            if (!is_shown(at) || made.name.length > 0) continue;
            if (at == named_.output)
                name(at, "output");
            else if (rasp::gathers(made.what) || letters_in(label(at)) > longest)
                name(at, numbered("#", ++number));
        }
    }

    SEQUENT_COLD flow_selector& selector_of(int layer, int node) {
        std::vector<flow_selector>& all = layers_[static_cast<std::size_t>(layer)].selectors;
        for (flow_selector& each : all)
            if (each.node == node) return each;
        all.emplace_back().node = node;
        add_operands(node, all.back());
        return all.back();
    }
    SEQUENT_COLD void add_operands(int node, flow_selector& to) const {
        const rasp::node& made = named_[node];
        if (!rasp::is_comparison(made.what)) {
            for (const int part : made.arguments)
                if (part >= 0) add_operands(part, to);
            return;
        }
        add_once(made.arguments[0], to.keys);
        add_once(made.arguments[1], to.queries);
    }

    void add_sources(int at, std::vector<int>& to) const {
        if (at < 0) return;
        if (is_shown(at)) return add_once(at, to);
        for (const int argument : named_[at].arguments) add_sources(argument, to);
    }
    void add_once(int at, std::vector<int>& to) const {
        if (is_shown(at) && std::find(to.begin(), to.end(), at) == to.end()) to.push_back(at);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The flow of a program as a graph in the DOT language of Graphviz.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// A string literal of DOT; Graphviz interprets XML entities in it.
SEQUENT_COLD inline std::string dot_string(std::string_view text) {
    std::string result = "\"";
    for (const char each : text) {
        if (each == '"' || each == '\\') result += '\\';
        result += each == '&' ? "&amp;" : std::string(1, each);
    }
    return result + "\"";
}

class dot_writer {
  public:
    SEQUENT_COLD explicit dot_writer(const flow& shown) : flow_(shown) {}

    SEQUENT_COLD std::string write() {
        text_ =
            "digraph program {\n"
            "    rankdir=LR; fontname=\"monospace\"; fontsize=12;\n"
            "    node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", "
            "color=\"#7b8794\", fontname=\"monospace\", fontsize=11];\n"
            "    edge [color=\"#7b8794\", fontname=\"monospace\", fontsize=9];\n";
        for (std::size_t at = 0; at < flow_.layers().size(); ++at) add_layer(at);
        append_text(text_, {edges_, "}\n"});
        return std::move(text_);
    }

  private:
    static constexpr int longest = 44;
    const flow& flow_;
    std::string text_;
    std::string edges_;

    static std::string name_of(int at) { return numbered("n", static_cast<std::size_t>(at)); }

    SEQUENT_COLD void begin_cluster(std::string_view indent, const std::string& name,
                                    const std::string& label) {
        append_text(text_, {indent, "subgraph cluster_", name, " {\n", indent,
                            "    label=", dot_string(label), "; color=\"#c3ccd6\";\n"});
    }
    SEQUENT_COLD void add_node(std::string_view indent, int at) {
        const bool is_gathered = rasp::gathers(flow_.program()[at].what);
        const std::string made = is_gathered ? flow_.gathering(at) : flow_.expression(at);
        std::string label = dot_string(elided(flow_.label(at), longest));
        const auto add_line = [&label](const std::string& words) {
            label.back() = '\\';
            append_text(label, {"n", dot_string(elided(words, longest)).substr(1)});
        };
        if (made != flow_.label(at)) add_line(joined_text({"= ", made}));
        std::string values;
        for (int position = 0; position < flow_.length(); ++position)
            append_text(values, {position > 0 ? " " : "", flow_.text(at, position)});
        add_line(values);
        append_text(text_, {indent, name_of(at), " [label=", label,
                            ", tooltip=", dot_string(flow_.definition(at)),
                            at == flow_.output() ? ", color=\"#2563a8\", penwidth=2" : "", "];\n"});
    }
    SEQUENT_COLD void add_edge(const std::string& from, const std::string& to,
                               const char* label = nullptr) {
        append_text(edges_, {"    ", from, " -> ", to});
        if (label) append_text(edges_, {" [label=\"", label, "\"]"});
        edges_ += ";\n";
    }

    SEQUENT_COLD void add_layer(std::size_t number) {
        const flow_layer& layer = flow_.layers()[number];
        const std::string id = std::to_string(number);
        begin_cluster("    ", id, number == 0 ? "input" : numbered("layer ", number));
        if (!layer.selectors.empty()) {
            begin_cluster("        ", id + "_heads", "heads");
            for (const flow_selector& each : layer.selectors) add_selector(each, id);
            text_ += "        }\n";
        }
        if (!layer.elementwise.empty() && number > 0)
            begin_cluster("        ", id + "_elementwise", "elementwise");
        for (const int at : layer.elementwise) {
            add_node("            ", at);
            for (const int from : flow_.sources(at)) add_edge(name_of(from), name_of(at));
        }
        if (!layer.elementwise.empty() && number > 0) text_ += "        }\n";
        text_ += "    }\n";
    }
    SEQUENT_COLD void add_selector(const flow_selector& each, const std::string& layer) {
        const std::string name = joined_text({"s", each.node, "_", layer});
        const std::string definition = flow_.definition(each.node);
        append_text(text_,
                    {"            ", name, " [label=", dot_string(elided(definition, longest)),
                     ", tooltip=", dot_string(definition),
                     ", shape=box, style=filled, fillcolor=\"#d6e6f6\"];\n"});
        for (const int from : each.keys) add_edge(name_of(from), name, "keys");
        for (const int from : each.queries) add_edge(name_of(from), name, "queries");
        for (const int at : each.results) {
            add_node("            ", at);
            add_edge(name, name_of(at));
            const int values = flow_.program()[at].arguments[1];
            if (values >= 0 && flow_.is_shown(values))
                add_edge(name_of(values), name_of(at), "values");
        }
    }
};

}  // namespace detail

/// The text of a DOT file: the shown parts of a program, grouped by layers, with an edge from each
/// part to those computed from it.
inline std::string dot_of(const flow& shown) {
    return detail::dot_writer(shown).write();
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// A program as a graph: its relations, their rules, and the steps that compute them.

namespace sequent::inline SEQUENT_ABI::draw {

/// A relation of a program.
struct program_node {
    std::string name{};                ///< "q"
    std::string path{};                ///< after the stacks around it: "layers.q"
    std::string shape{};               ///< of a fact: "16 x 64"
    std::vector<std::string> rules{};  ///< the rules from which it follows
    std::vector<int> sources{};        ///< the relations that its rules read, as nodes
    std::string note{};                ///< how it is computed, in words; empty: by its step
    int scope = 0;                     ///< the block of which it is a part; 0: the program
    int block = 0;                     ///< the block that it stacks; 0: none
    int step = -1;                     ///< the step that computes it; -1: it is read in place
    bool fused = false;                ///< it is computed within the step of another relation
    bool output = false;               ///< it is an output of the model
};

/// The graph of a program.
struct program_graph {
    std::vector<program_node> nodes{};  ///< relations, of all blocks
    std::vector<int> stacked_by{};  ///< for each block, the node that stacks it; -1: the program
    explanation steps{};            ///< the steps

    /// How a relation is computed, in words.
    SEQUENT_COLD std::string computed(const program_node& of) const {
        if (!of.note.empty()) return of.note;
        if (of.rules.empty()) return of.shape.empty() ? "input of each layer" : "fact " + of.shape;
        if (of.step < 0) return "read in place";
        const explanation::step& step = steps.steps[static_cast<std::size_t>(of.step)];
        if (of.fused) return joined_text({"within step ", of.step + 1, ", of ", step.relation});
        std::string result = joined_text({"step ", of.step + 1, ": ", step.what});
        if (step.operations > 0)
            append_text(result, {", ", number_text(static_cast<double>(step.operations) * 1e-6, 3),
                                 " MFLOP"});
        return result;
    }
    /// The kind of the step that computes a relation; "fact" for a fact, "" if it has none.
    std::string_view kind_of(const program_node& of) const {
        if (of.rules.empty()) return "fact";
        if (of.step < 0) return "";
        return steps.steps[static_cast<std::size_t>(of.step)].kind;
    }
};

namespace detail {

/// Makes the graph of a program.
class program_reader {
  public:
    SEQUENT_COLD program_reader(const text_detail::program_view& of,
                                std::span<const plan::fact_shape> facts, explanation steps)
        : of_(of), facts_(facts) {
        made_.steps = std::move(steps);
    }

    SEQUENT_COLD program_graph read() {
        text_detail::program_printer printer(of_, text_detail::notation::shown);
        made_.stacked_by.assign(of_.scopes.size(), -1);
        node_of_.assign(of_.relations.size(), -1);
        for (const plan::rule& rule : of_.rules) {
            program_node& head = node(rule.head);
            head.rules.push_back(printer.text_of_rule(rule));
            if (rule.block > 0) head.block = rule.block;
        }
        for (std::size_t scope = 0; scope < of_.scopes.size(); ++scope)
            if (of_.scopes[scope].rule >= 0)
                made_.stacked_by[scope] = node_of(rule(of_.scopes[scope].rule).head);
        for (const plan::rule& rule : of_.rules) {
            for (int at = 0; at < rule.literals; ++at) {
                const plan::literal& item =
                    of_.literals[static_cast<std::size_t>(rule.first_literal + at)];
                if (item.kind == plan::literal_kind::relation)
                    add_source(rule.head, source(item.relation));
            }
            add_compared(rule.head, rule.condition);
        }
        add_steps();
        return std::move(made_);
    }

  private:
    const text_detail::program_view& of_;
    std::span<const plan::fact_shape> facts_;
    program_graph made_;
    std::vector<int> node_of_;  // by relation

    const plan::rule& rule(int at) const { return of_.rules[static_cast<std::size_t>(at)]; }
    const plan::relation& relation(int at) const {
        return of_.relations[static_cast<std::size_t>(at)];
    }
    int node_of(int relation) const { return node_of_[static_cast<std::size_t>(relation)]; }

    /// The node of a relation, made if there is none.
    SEQUENT_COLD program_node& node(int at) {
        int& place = node_of_[static_cast<std::size_t>(at)];
        if (place < 0) {
            place = static_cast<int>(made_.nodes.size());
            program_node& made = made_.nodes.emplace_back();
            made.name = text_detail::string_of(relation(at).id);
            made.scope = relation(at).scope;
            made.path = path_of(made.name, made.scope);
        }
        return made_.nodes[static_cast<std::size_t>(place)];
    }
    SEQUENT_COLD std::string path_of(const std::string& name, int scope) const {
        std::string result = name;
        for (; scope > 0; scope = of_.scopes[static_cast<std::size_t>(scope)].parent)
            result.insert(
                0, text_detail::string_of(
                       relation(rule(of_.scopes[static_cast<std::size_t>(scope)].rule).head).id) +
                       ".");
        return result;
    }
    /// The node that a block reads: of its own relation, or of one of the program around it.
    SEQUENT_COLD int source(int at) {
        if (node_of(at) >= 0) return node_of(at);
        for (int scope = relation(at).scope; scope > 0;) {
            scope = of_.scopes[static_cast<std::size_t>(scope)].parent;
            for (std::size_t other = 0; other < of_.relations.size(); ++other)
                if (of_.relations[other].scope == scope &&
                    of_.relations[other].id == relation(at).id)
                    return source(static_cast<int>(other));
            if (scope == 0 && fact(relation(at).id) != nullptr) return fact_node(relation(at).id);
        }
        if (relation(at).scope == 0) return fact_node(relation(at).id);
        (void)node(at);  // the input of each layer
        return node_of(at);
    }
    const plan::fact_shape* fact(const plan::name& id) const {
        for (const plan::fact_shape& each : facts_)
            if (each.id == id) return &each;
        return nullptr;
    }
    SEQUENT_COLD int fact_node(const plan::name& id) {
        const std::string name = text_detail::string_of(id);
        for (std::size_t at = 0; at < made_.nodes.size(); ++at)
            if (made_.nodes[at].scope == 0 && made_.nodes[at].name == name)
                return static_cast<int>(at);
        program_node& made = made_.nodes.emplace_back();
        made.name = made.path = name;
        made.shape = "of scalars";
        if (const plan::fact_shape* of = fact(id)) {
            std::string extents;
            for (int axis = 0; axis < of->rank; ++axis)
                append_text(extents, {axis > 0 ? " x " : "", of->extents[axis]});
            made.shape = extents;
            if (of->pairs > 0) append_text(made.shape, {", up to ", of->pairs, " pairs"});
            if (of->up_to) made.shape += ", or fewer rows";
            if (of->classes > 0) append_text(made.shape, {", ", of->classes, " symbols"});
        }
        return static_cast<int>(made_.nodes.size()) - 1;
    }
    SEQUENT_COLD void add_source(int head, int from) {
        program_node& to = made_.nodes[static_cast<std::size_t>(node_of(head))];
        if (from != node_of(head) &&
            std::find(to.sources.begin(), to.sources.end(), from) == to.sources.end())
            to.sources.push_back(from);
    }
    /// Facts whose symbols a condition compares.
    SEQUENT_COLD void add_compared(int head, int at) {
        if (at < 0) return;
        const plan::node& node = of_.nodes[static_cast<std::size_t>(at)];
        if (node.kind == plan::node_kind::same_symbol)
            add_source(head, fact_node(of_.compared[static_cast<std::size_t>(node.value)]));
        add_compared(head, node.left);
        add_compared(head, node.right);
    }
    SEQUENT_COLD void add_steps() {
        std::vector<bool> read(made_.nodes.size());
        for (const program_node& each : made_.nodes)
            for (const int from : each.sources) read[static_cast<std::size_t>(from)] = true;
        for (program_node& each : made_.nodes) {
            each.output = each.scope == 0 && !each.rules.empty() &&
                          !read[static_cast<std::size_t>(&each - made_.nodes.data())];
            for (std::size_t at = 0; at < made_.steps.steps.size(); ++at) {
                const explanation::step& step = made_.steps.steps[at];
                if (std::find(step.computes.begin(), step.computes.end(), each.path) ==
                    step.computes.end())
                    continue;
                each.step = static_cast<int>(at);
                each.fused = step.relation != each.name;
            }
        }
    }
};

}  // namespace detail

/// The graph of a model's program.
template <class Model>
SEQUENT_COLD program_graph program_of() {
    using plan_type = typename Model::plan;
    static constexpr auto source = text_detail::printed_source<Model::program>();
    static constexpr auto facts = plan_type::facts;
    program_graph result =
        detail::program_reader(text_detail::program_view(source),
                               {facts.begin(), static_cast<std::size_t>(facts.size())},
                               explanation_of<Model>())
            .read();
    if constexpr (plan_type::queries.size() > 0)
        for (program_node& each : result.nodes) {
            each.output = false;
            for (const plan::name& name : plan_type::queries)
                each.output = each.output || each.path == text_detail::string_of(name);
        }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The layout of the picture of a program: relations in rows, each below all that it reads (the
/// layers of Sugiyama, Tagawa and Toda, 1981); a stacked block as a frame around its relations.
/// Lengths are in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// A placed relation.
struct placed_node {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
    double frame = 0;                  ///< of a stack, where the frame of its block begins, below
    std::vector<std::string> lines{};  ///< the rules, wrapped
};
/// A line from a relation to one that reads it, through points from top to bottom.
struct placed_edge {
    int from = 0;
    int to = 0;
    std::vector<std::pair<double, double>> points{};
};
/// The layout of a program.
struct program_layout {
    std::vector<placed_node> nodes{};  ///< in the order of the graph
    std::vector<placed_edge> edges{};  ///< all lines
    double width = 0;                  ///< of the whole
    double height = 0;                 ///< of the whole
};

namespace detail {

/// Text cut into lines of at most `letters` characters, behind a comma or a bar where possible;
/// later lines are indented.
SEQUENT_COLD inline std::vector<std::string> rule_lines(std::string_view text, int letters) {
    std::vector<std::string> result;
    const std::string all = printable(text);
    std::string_view rest = all;
    const auto push = [&](std::string_view line) {
        result.push_back((result.empty() ? "" : "    ") + std::string(line));
    };
    for (int limit = letters; letters_in(rest) > limit; limit = letters - 4) {
        const std::string_view line = first_letters(rest, limit);
        const auto behind = [&](std::string_view mark, std::size_t kept) {
            const std::size_t found = line.rfind(mark);
            return found == std::string_view::npos || found < line.size() / 3 ? 0 : found + kept;
        };
        std::size_t end = behind(" | ", 0);
        for (const std::string_view mark : {"), ", "], ", ", ", " "})
            if (end == 0) end = behind(mark, mark.size() - 1);
        if (end == 0) end = line.size();
        push(rest.substr(0, end));
        rest.remove_prefix(end);
        while (rest.starts_with(' ')) rest.remove_prefix(1);
    }
    push(rest);
    return result;
}

/// Places the relations of a graph.
class program_placer {
  public:
    SEQUENT_COLD explicit program_placer(const program_graph& of) : graph_(of) {
        made_.nodes.resize(of.nodes.size());
        widths_.resize(of.stacked_by.size());
        for (std::size_t at = 0; at < of.nodes.size(); ++at) measure(at);
    }

    SEQUENT_COLD program_layout place() {
        const scope_size whole = place_scope(0);
        move(0, margin, margin + title);
        made_.width = std::max(whole.width + 2 * margin, 720.0);
        made_.height = whole.height + 2 * margin + title + legend;
        return std::move(made_);
    }

    static constexpr double margin = 24;
    static constexpr double title = 44;
    static constexpr double legend = 40;
    static constexpr double line = 15;      ///< height of a line of text
    static constexpr double letter = 6.63;  ///< width of a letter of 11 pixels
    static constexpr double pad = 10;

  private:
    static constexpr int letters = 62;  // of a line of a rule
    static constexpr double gap = 22;   // between relations of a row
    static constexpr double rise = 34;  // between rows

    struct scope_size {
        double width = 0;
        double height = 0;
    };
    /// A relation in a row, or a bend of a line that passes the row.
    struct item {
        int node = -1;
        int row = 0;
        double width = 0;
        double centre = 0;
        std::vector<std::size_t> above{};
        std::vector<std::size_t> below{};
    };

    const program_graph& graph_;
    program_layout made_;

    placed_node& placed(int at) { return made_.nodes[static_cast<std::size_t>(at)]; }
    const program_node& node(int at) const { return graph_.nodes[static_cast<std::size_t>(at)]; }

    SEQUENT_COLD void measure(std::size_t at) {
        const program_node& of = graph_.nodes[at];
        placed_node& to = made_.nodes[at];
        for (const std::string& rule : of.rules)
            for (std::string& each : rule_lines(rule, letters)) to.lines.push_back(std::move(each));
        int longest = letters_in(of.name) + 2;
        for (const std::string& each : to.lines) longest = std::max(longest, letters_in(each));
        const std::string computed = graph_.computed(of);
        to.width = 2 * pad + std::max(letter * longest, 5.9 * letters_in(computed));
        to.height = 2 * pad + line * static_cast<double>(2 + to.lines.size()) - 4;
    }

    /// Places the relations of a block from (0, 0) on; blocks within it first.
    SEQUENT_COLD scope_size place_scope(int scope) {
        std::vector<int> members;
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at)
            if (graph_.nodes[at].scope == scope) members.push_back(static_cast<int>(at));
        for (const int at : members) {
            if (node(at).block == 0) continue;
            const scope_size inner = place_scope(node(at).block);
            placed_node& to = placed(at);
            to.frame = to.height;
            to.width = std::max(to.width, inner.width + 2 * pad);
            to.height += inner.height + pad;
        }
        std::vector<item> items = items_of(members);
        int rows = 0;
        for (const item& each : items) rows = std::max(rows, each.row + 1);
        std::vector<std::vector<std::size_t>> order(static_cast<std::size_t>(rows));
        for (std::size_t at = 0; at < items.size(); ++at)
            order[static_cast<std::size_t>(items[at].row)].push_back(at);
        sort_rows(items, order);
        scope_size result;
        for (const item& each : items)
            result.width = std::max(result.width, each.centre + each.width / 2);
        for (const auto& row : order) {
            double height = 0;
            for (const std::size_t at : row)
                if (items[at].node >= 0) height = std::max(height, placed(items[at].node).height);
            for (const std::size_t at : row) {
                if (items[at].node < 0) continue;
                placed_node& to = placed(items[at].node);
                to.x = items[at].centre - to.width / 2;
                to.y = result.height + (height - to.height) / 2;
            }
            tops_.push_back(result.height);
            result.height += height + rise;
        }
        result.height -= rows > 0 ? rise : 0;
        add_edges(items, order, result.height);
        widths_[static_cast<std::size_t>(scope)] = result.width;
        return result;
    }

    /// The relations of a block in their rows, and the bends of the lines between them.
    SEQUENT_COLD std::vector<item> items_of(const std::vector<int>& members) const {
        std::vector<item> items;
        std::vector<int> row(graph_.nodes.size(), -1);
        // Facts and inputs that are read far below stand close to their first reader.
        for (std::size_t turn = 0; turn <= members.size(); ++turn)
            for (const int at : members) {
                int& own = row[static_cast<std::size_t>(at)];
                own = std::max(own, 0);
                for (const int from : sources_of(at))
                    own = std::max(own, std::min(row[static_cast<std::size_t>(from)] + 1,
                                                 static_cast<int>(members.size())));
            }
        for (const int at : members) {
            if (!sources_of(at).empty()) continue;
            int first = -1;
            for (const int reader : members)
                for (const int from : sources_of(reader))
                    if (from == at && (first < 0 || row[static_cast<std::size_t>(reader)] < first))
                        first = row[static_cast<std::size_t>(reader)];
            if (first > 0) row[static_cast<std::size_t>(at)] = first - 1;
        }
        std::vector<std::size_t> item_of(graph_.nodes.size());
        for (const int at : members) {
            item_of[static_cast<std::size_t>(at)] = items.size();
            item made;
            made.node = at;
            made.row = row[static_cast<std::size_t>(at)];
            made.width = made_.nodes[static_cast<std::size_t>(at)].width;
            items.push_back(std::move(made));
        }
        for (const int at : members)
            for (const int from : sources_of(at)) {
                std::size_t last = item_of[static_cast<std::size_t>(from)];
                const std::size_t end = item_of[static_cast<std::size_t>(at)];
                for (int between = items[last].row + 1; between < items[end].row; ++between) {
                    item bend;
                    bend.row = between;
                    bend.width = 12;
                    bend.above.push_back(last);
                    items[last].below.push_back(items.size());
                    last = items.size();
                    items.push_back(std::move(bend));
                }
                items[last].below.push_back(end);
                items[end].above.push_back(last);
            }
        return items;
    }
    /// The sources of a relation in its own block, and those of a stack's block in the block of the
    /// stack.
    SEQUENT_COLD std::vector<int> sources_of(int at) const {
        std::vector<int> result;
        const auto add = [&](int from) {
            if (from != at && node(from).scope == node(at).scope &&
                std::find(result.begin(), result.end(), from) == result.end())
                result.push_back(from);
        };
        for (const int from : node(at).sources) add(from);
        if (node(at).block > 0)
            for (const program_node& inner : graph_.nodes)
                if (inner.scope == node(at).block)
                    for (const int from : inner.sources) add(from);
        return result;
    }

    /// Orders each row by the mean place of its neighbours, downwards and upwards in turn, and
    /// moves all towards their neighbours without overlaps.
    SEQUENT_COLD static void sort_rows(std::vector<item>& items,
                                       std::vector<std::vector<std::size_t>>& order) {
        const auto spread = [&](std::vector<std::size_t>& row) {
            double x = 0;
            for (const std::size_t at : row) {
                items[at].centre = x + items[at].width / 2;
                x += items[at].width + gap;
            }
        };
        for (auto& row : order) spread(row);
        const auto wish = [&](std::size_t at, bool down) {
            const auto& near = down ? items[at].above : items[at].below;
            double sum = 0;
            for (const std::size_t other : near) sum += items[other].centre;
            return near.empty() ? items[at].centre : sum / static_cast<double>(near.size());
        };
        for (int turn = 0; turn < 24; ++turn) {
            const bool down = turn % 2 == 0;
            for (std::size_t step = 0; step < order.size(); ++step) {
                auto& row = order[down ? step : order.size() - 1 - step];
                std::vector<std::pair<double, std::size_t>> wishes;
                for (const std::size_t at : row) wishes.emplace_back(wish(at, down), at);
                if (turn < 12)
                    std::stable_sort(
                        wishes.begin(), wishes.end(),
                        [](const auto& a, const auto& b) { return a.first < b.first; });
                for (std::size_t at = 0; at < row.size(); ++at) {
                    row[at] = wishes[at].second;
                    items[row[at]].centre = wishes[at].first;
                }
                // Once from the left and once from the right; the mean of both.
                std::vector<double> from_left, from_right(row.size());
                double end = -1e9;
                for (const std::size_t at : row) {
                    const double centre =
                        std::max(items[at].centre, end + gap + items[at].width / 2);
                    from_left.push_back(centre);
                    end = centre + items[at].width / 2;
                }
                double begin = 1e9;
                for (std::size_t at = row.size(); at-- > 0;) {
                    const double centre =
                        std::min(items[row[at]].centre, begin - gap - items[row[at]].width / 2);
                    from_right[at] = centre;
                    begin = centre - items[row[at]].width / 2;
                }
                for (std::size_t at = 0; at < row.size(); ++at)
                    items[row[at]].centre = (from_left[at] + from_right[at]) / 2;
            }
        }
        double left = 1e9;
        for (const item& each : items) left = std::min(left, each.centre - each.width / 2);
        for (item& each : items) each.centre -= left;
    }

    std::vector<double> widths_;  // of the blocks
    std::vector<double> tops_;    // of the rows placed so far, of all blocks

    SEQUENT_COLD void add_edges(const std::vector<item>& items,
                                const std::vector<std::vector<std::size_t>>& order, double bottom) {
        const std::size_t first = tops_.size() - order.size();
        const auto top_of = [&](int row) { return tops_[first + static_cast<std::size_t>(row)]; };
        const auto end_of = [&](int row) {
            return static_cast<std::size_t>(row) + 1 < order.size() ? top_of(row + 1) - rise
                                                                    : bottom;
        };
        for (const item& from : items) {
            if (from.node < 0) continue;
            for (std::size_t next : from.below) {
                placed_edge made;
                made.from = from.node;
                const placed_node& begin = placed(from.node);
                made.points.emplace_back(from.centre, begin.y + begin.height);
                made.points.emplace_back(from.centre, end_of(from.row));
                while (items[next].node < 0) {
                    made.points.emplace_back(items[next].centre, top_of(items[next].row));
                    made.points.emplace_back(items[next].centre, end_of(items[next].row));
                    next = items[next].below[0];
                }
                made.to = items[next].node;
                made.points.emplace_back(items[next].centre, top_of(items[next].row));
                made.points.emplace_back(items[next].centre, placed(made.to).y);
                made_.edges.push_back(std::move(made));
            }
        }
        tops_.resize(first);
    }

    /// Moves a block with all blocks within it.
    SEQUENT_COLD void move(int scope, double x, double y) {
        for (placed_edge& each : made_.edges)
            if (node(each.from).scope == scope)
                for (auto& point : each.points) {
                    point.first += x;
                    point.second += y;
                }
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at) {
            if (graph_.nodes[at].scope != scope) continue;
            placed_node& each = made_.nodes[at];
            each.x += x;
            each.y += y;
            if (graph_.nodes[at].block == 0) continue;
            const double width = widths_[static_cast<std::size_t>(graph_.nodes[at].block)];
            move(graph_.nodes[at].block, each.x + (each.width - width) / 2, each.y + each.frame);
        }
    }
};

}  // namespace detail

/// The layout of a program's picture.
SEQUENT_COLD inline program_layout layout_of(const program_graph& of) {
    return detail::program_placer(of).place();
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The picture of a program as SVG.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// The kinds of steps with their colours, which also differ in lightness.
struct step_colour {
    std::string_view kind;
    const char* fill;
    const char* edge;
    const char* words;
};
inline constexpr step_colour step_colours[]{
    {"rows", "#d6e6f6", "#2563a8", "rows: products, sums, functions"},
    {"attention", "#d4eadf", "#2f855a", "attention"},
    {"softmax", "#d4eadf", "#2f855a", ""},
    {"loops", "#fdebcf", "#b45309", "general loops"},
    {"stack", "#f8f9fb", "#9fb3c8", "stack or recursion"},
    {"recursion", "#f8f9fb", "#9fb3c8", ""},
    {"fact", "#e9ecef", "#7b8794", "fact or input"},
};
SEQUENT_COLD inline const step_colour& colour_of_step(std::string_view kind) {
    for (const step_colour& each : step_colours)
        if (each.kind == kind) return each;
    static constexpr step_colour none{"", "#ffffff", "#9fb3c8", ""};
    return none;
}

class program_painter {
  public:
    SEQUENT_COLD program_painter(const program_graph& graph, const program_layout& layout)
        : graph_(graph), layout_(layout), to_(layout.width, layout.height) {}

    SEQUENT_COLD svg picture(std::string_view title) {
        to_.rectangle(0, 0, layout_.width, layout_.height, "#ffffff");
        to_.text(program_placer::margin, 34, elided(printable(title), 70), 18, dark,
                 "font-weight=\"bold\"", letters_in(title) > 70 ? title : "");
        // Frames of blocks lie below the lines within them, outer ones first.
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at)
            if (graph_.nodes[at].block > 0) add_frame(at);
        for (const placed_edge& each : layout_.edges) add_edge(each);
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at) add_node(at);
        if (!graph_.steps.steps.empty()) add_legend();
        return to_;
    }

  private:
    static constexpr auto dark = "#1f2933";
    static constexpr auto quiet = "#616e7c";
    static constexpr auto mono =
        "font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\"";

    const program_graph& graph_;
    const program_layout& layout_;
    svg to_;

    const step_colour& colour_of(std::size_t at) const {
        return colour_of_step(graph_.kind_of(graph_.nodes[at]));
    }

    SEQUENT_COLD void add_frame(std::size_t at) {
        const placed_node& place = layout_.nodes[at];
        to_.rounded(place.x, place.y, place.width, place.height, 8, colour_of(at).fill,
                    colour_of(at).edge, 1.2);
    }
    SEQUENT_COLD void add_node(std::size_t at) {
        const program_node& node = graph_.nodes[at];
        const placed_node& place = layout_.nodes[at];
        const step_colour& colour = colour_of(at);
        to_.begin_group(
            joined_text({"class=\"node\" data-node=\"", at, "\" data-step=\"", node.step, "\""}));
        if (node.block == 0)
            to_.rounded(place.x, place.y, place.width, place.height, 6,
                        node.fused ? "#ffffff" : colour.fill, colour.edge, node.output ? 2.4 : 1);
        if (node.fused) to_.rectangle(place.x + 1, place.y + 5, 4, place.height - 10, colour.fill);
        const double x = place.x + program_placer::pad;
        double y = place.y + program_placer::pad + 8;
        to_.text(x, y, node.output ? node.name + "  (output)" : node.name, 12, dark,
                 joined_text({mono, " font-weight=\"bold\""}),
                 node.path == node.name ? "" : node.path);
        for (const std::string& each : place.lines) {
            y += program_placer::line;
            to_.text(x, y, each, 11, dark, joined_text({mono, " xml:space=\"preserve\""}));
        }
        to_.text(x, y + program_placer::line, graph_.computed(node), 10.5, quiet);
        to_.end_group();
    }

    SEQUENT_COLD void add_edge(const placed_edge& edge) {
        const program_node& from = graph_.nodes[static_cast<std::size_t>(edge.from)];
        const program_node& to = graph_.nodes[static_cast<std::size_t>(edge.to)];
        const bool inside = from.step >= 0 && from.step == to.step;
        const auto number = [](double value) { return svg::number(value); };
        std::string path = "M" + number(edge.points[0].first) + " " + number(edge.points[0].second);
        for (std::size_t at = 1; at < edge.points.size(); ++at) {
            const auto& [x, y] = edge.points[at];
            const auto& [before_x, before_y] = edge.points[at - 1];
            if (at % 2 == 1 && at + 1 < edge.points.size() && x == before_x) {
                path += "L" + number(x) + " " + number(y);
                continue;
            }
            const double middle = (y + before_y) / 2;
            path += "C" + number(before_x) + " " + number(middle) + " " + number(x) + " " +
                    number(middle) + " " + number(x) + " " + number(y);
        }
        const auto& [x, y] = edge.points.back();
        const char* colour = inside ? "#2563a8" : "#9fb3c8";
        to_.begin_group(joined_text(
            {"class=\"edge\" data-from=\"", edge.from, "\" data-to=\"", edge.to, "\""}));
        to_.line(path, colour, inside ? 2.2 : 1.4);
        to_.path("M" + number(x) + " " + number(y) + "l-3 -6h6z", colour);
        to_.end_group();
    }

    SEQUENT_COLD void add_legend() {
        double x = program_placer::margin;
        const double y = layout_.height - 24;
        const auto add = [&](const char* fill, const char* edge, std::string_view words) {
            to_.rounded(x, y - 10, 12, 12, 2, fill, edge);
            to_.text(x + 18, y, words, 11, dark);
            x += 18 + 5.6 * static_cast<double>(words.size()) + 16;
        };
        for (const step_colour& each : step_colours)
            if (*each.words != 0) add(each.fill, each.edge, each.words);
        add("#ffffff", "#2563a8", "fused into another's step");
    }
};

}  // namespace detail

/// The picture of a program as SVG. Each relation has its rules and how it is computed; a white box
/// is fused into the step of another relation, and a dark line does not leave its step.
SEQUENT_COLD inline svg picture_of(const program_graph& of, std::string_view title = "program") {
    const program_layout layout = layout_of(of);
    return detail::program_painter(of, layout).picture(title);
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// Pictures of the program of any model.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// Writes the graph of a program in the DOT language.
class program_dot_writer {
  public:
    SEQUENT_COLD explicit program_dot_writer(const program_graph& of) : graph_(of) {}

    SEQUENT_COLD std::string write() {
        text_ =
            "digraph program {\n"
            "    fontname=\"monospace\"; fontsize=12; compound=true;\n"
            "    node [shape=box, style=\"rounded,filled\", fontname=\"monospace\", "
            "fontsize=11];\n"
            "    edge [color=\"#7b8794\"];\n";
        add_scope(0, "    ");
        for (std::size_t to = 0; to < graph_.nodes.size(); ++to)
            for (const int from : graph_.nodes[to].sources) {
                const program_node& source = graph_.nodes[static_cast<std::size_t>(from)];
                const bool inside = source.step >= 0 && source.step == graph_.nodes[to].step;
                append_text(text_, {"    n", from, " -> n", to,
                                    inside ? " [color=\"#2563a8\", penwidth=2]" : "", ";\n"});
            }
        return text_ + "}\n";
    }

  private:
    const program_graph& graph_;
    std::string text_;

    SEQUENT_COLD void add_scope(int scope, const std::string& indent) {
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at) {
            const program_node& node = graph_.nodes[at];
            if (node.scope != scope) continue;
            if (node.block > 0) {
                append_text(text_, {indent, "subgraph cluster_", at, " {\n", indent,
                                    "    label=", dot_string(node.name), "; color=\"#9fb3c8\";\n"});
                add_node(at, indent + "    ");
                add_scope(node.block, indent + "    ");
                append_text(text_, {indent, "}\n"});
            } else {
                add_node(at, indent);
            }
        }
    }
    SEQUENT_COLD void add_node(std::size_t at, const std::string& indent) {
        const program_node& node = graph_.nodes[at];
        const step_colour& colour = colour_of_step(graph_.kind_of(node));
        std::string label = dot_string(printable(node.name));
        const auto add_line = [&label](std::string_view words, const char* end) {
            label.back() = '\\';
            append_text(label, {end, dot_string(words).substr(1)});
        };
        // The line that \l ends is aligned to the left.
        const char* end = "n";
        for (const std::string& rule : node.rules)
            for (const std::string& line : rule_lines(rule, 62)) {
                add_line(line, end);
                end = "l";
            }
        add_line(graph_.computed(node), end);
        if (*end == 'l') {
            label.back() = '\\';
            label += "l\"";
        }
        append_text(text_, {indent, "n", at, " [label=", label, ", fillcolor=\"",
                            node.fused ? "#ffffff" : colour.fill, "\", color=\"", colour.edge, "\"",
                            node.output ? ", penwidth=2.4" : "", "];\n"});
    }
};

inline constexpr auto program_style = R"css(
main { padding: 0; overflow: auto; }
svg { display: block; margin: 0 auto; background: #ffffff; }
.node { cursor: pointer; }
svg.chosen .node, svg.chosen .edge { opacity: 0.18; }
svg.chosen .node.near, svg.chosen .edge.near { opacity: 1; }
)css";

inline constexpr auto program_script = R"js(
"use strict";
const picture = document.querySelector("svg");
const nodes = [...picture.querySelectorAll(".node")];
const edges = [...picture.querySelectorAll(".edge")];
let chosen = null;

// All that a relation follows from, directly or not, what reads it, and what is in its step.
function near(start) {
  const found = new Set([start]);
  const lines = new Set();
  const above = [start];
  while (above.length) {
    const to = above.pop();
    for (const edge of edges)
      if (edge.dataset.to === to) {
        lines.add(edge);
        if (!found.has(edge.dataset.from)) { found.add(edge.dataset.from); above.push(edge.dataset.from); }
      }
  }
  for (const edge of edges)
    if (edge.dataset.from === start) { lines.add(edge); found.add(edge.dataset.to); }
  const step = picture.querySelector(`[data-node="${start}"]`).dataset.step;
  for (const node of nodes)
    if (step !== "-1" && node.dataset.step === step) found.add(node.dataset.node);
  return [found, lines];
}
function choose(at) {
  chosen = at;
  picture.classList.toggle("chosen", at !== null);
  const [found, lines] = at === null ? [new Set(), new Set()] : near(at);
  for (const node of nodes) node.classList.toggle("near", found.has(node.dataset.node));
  for (const edge of edges) edge.classList.toggle("near", lines.has(edge));
  history.replaceState(null, "", at === null ? " " : "#relation=" + at);
}
for (const node of nodes)
  node.addEventListener("click", event => {
    choose(chosen === node.dataset.node ? null : node.dataset.node);
    event.stopPropagation();
  });
picture.addEventListener("click", () => choose(null));
document.addEventListener("keydown", event => { if (event.key === "Escape") choose(null); });
const asked = /relation=(\d+)/.exec(location.hash);
if (asked && nodes[asked[1]]) choose(asked[1]);
)js";

}  // namespace detail

/// The graph of a program in the DOT language of Graphviz.
SEQUENT_COLD inline std::string dot_of(const program_graph& of) {
    return detail::program_dot_writer(of).write();
}

/// A page with the picture of a program: a click on a relation shows what it follows from, what
/// reads it, and what is computed in the same step. `#relation=3` at the end of its address chooses
/// a relation.
SEQUENT_COLD inline std::string page_of(const program_graph& of,
                                        std::string_view title = "program") {
    std::string result;
    append_text(
        result,
        {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
         escaped(title), "</title>\n<style>", detail::page_style, detail::program_style,
         "</style>\n</head>\n<body>\n<header>\n<h1>", escaped(title), "</h1>\n<p>",
         of.steps.steps.empty()
             ? "Click an atom to see what it follows from and what reads it."
             : "Click a relation to see what it follows from, what reads it, and "
               "what is computed in the same step.",
         "</p>\n</header>\n<main>\n", picture_of(of, title).str(), "</main>\n<script>",
         detail::program_script, "</script>\n</body>\n</html>\n"});
    return result;
}

/// Draws the program of a model: its relations and rules, how each is computed, and which are fused
/// into one step; as a picture ("x.svg"), as a Graphviz graph ("x.dot") or as a page ("x.html").
/// The file is written completely or not at all. Throws io::error for another extension or if the
/// file cannot be written.
///
///     draw::program<Model>("model.svg");
template <class Model>
SEQUENT_COLD void program(const std::string& path, std::string_view title = "program") {
    const program_graph graph = program_of<Model>();
    if (path.ends_with(".svg")) return write(picture_of(graph, title), path);
    if (path.ends_with(".dot")) return write(dot_of(graph), path);
    if (path.ends_with(".html")) return write(page_of(graph, title), path);
    fail_with<io::error>({path, ": a picture of a program ends with .svg, .dot or .html"});
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The ground rules of one sample as a network: its atoms with their values and gradients.

namespace sequent::inline SEQUENT_ABI::draw {

/// An atom of a sample.
struct ground_atom {
    /// "q", in a stack "layers.q"; "q'" of one of several rules for q, or a function within a body.
    std::string relation{};
    std::vector<int> layers{};        ///< of the stacks around it, outermost first
    std::vector<int> arguments{};     ///< the values of its arguments
    std::vector<double> values{};     ///< empty if a fused step computes it in registers
    std::vector<double> gradients{};  ///< of the sum of the outputs; empty if it has none
    bool output = false;              ///< of an output of the model
};
/// A ground rule.
struct ground_network_rule {
    int head = 0;             ///< number of the atom
    std::vector<int> body{};  ///< numbers of the atoms
    int number = 0;           ///< of the rule within rules(...), from 1
};
/// The ground rules of a sample.
struct ground_network {
    std::vector<ground_atom> atoms{};          ///< the atoms
    std::vector<ground_network_rule> rules{};  ///< the ground rules
};
/// What is shown of a sample.
struct ground_options {
    std::vector<std::string> relations{};  ///< only these; empty: all
    int most = 2000;                       ///< greatest number of ground rules
};

namespace detail {

/// Grounds the rules of a program for one sample.
template <class Plan, class T>
class program_grounder {
    using inspected = plan::inspected_plan_of<Plan>;
    static constexpr const auto& program = Plan::written;
    static constexpr const auto& text = Plan::written.text;

  public:
    program_grounder(const model_detail::bindings<T>& bound, const ground_options& options)
        : bound_(bound), options_(options) {}

    SEQUENT_COLD ground_network ground() {
        ground_scope(0);
        return std::move(made_);
    }

  private:
    const model_detail::bindings<T>& bound_;
    const ground_options& options_;
    ground_network made_{};
    std::map<std::pair<int, std::vector<int>>, int> known_{};  // by relation, layers, arguments
    int index_[plan::max_variables]{};
    std::vector<int> layers_{};  // at hand, of the stacks around

    /// The rules of the program, or of a block in the layer at hand.
    SEQUENT_COLD void ground_scope(int scope) {
        std::vector<int> loop;
        for (const int at : program.order) {
            const plan::rule& rule = text.rules[at];
            if (rule.scope != scope) continue;
            if (!loop.empty() && rule.recurs.loop != text.rules[loop.front()].recurs.loop)
                ground_loop(loop);
            if (rule.recurs.loop >= 0) {
                loop.push_back(at);
                continue;
            }
            ground_stack(rule);
            ground_rule(rule, at);
        }
        if (!loop.empty()) ground_loop(loop);
    }
    static bool is_shown_stack(const plan::rule& rule) {
        return rule.repeat > 0 && text.scopes[rule.block].kind != plan::repetition::until_equal;
    }
    SEQUENT_COLD void ground_stack(const plan::rule& rule) {
        if (!is_shown_stack(rule)) return;
        for (int layer = 0; layer < rule.repeat; ++layer) {
            layers_.push_back(layer);
            ground_scope(rule.block);
            layers_.pop_back();
        }
    }
    /// The rules of a recursion, time by time.
    SEQUENT_COLD void ground_loop(std::vector<int>& loop) {
        int times = 0;
        for (const int at : loop) {
            const plan::recurrence& recurs = text.rules[at].recurs;
            times = std::max(times, recurs.delay + text.rules[at].variables[recurs.time].extent);
        }
        const bool backward = text.rules[loop.front()].recurs.backward;
        for (int time = 0; time < times; ++time)
            for (const int at : loop) {
                const plan::recurrence& recurs = text.rules[at].recurs;
                const int own = (backward ? times - 1 - time : time) - recurs.delay;
                if (own >= 0 && own < text.rules[at].variables[recurs.time].extent)
                    ground_rule(text.rules[at], at, recurs.time, own);
            }
        loop.clear();
    }

    /// A relation in the layers at hand: the input of a block is what the stack is applied to, or
    /// the output of the layer before; a fact that a block reads is that of the program.
    struct placed_relation {
        int relation = 0;
        std::vector<int> layers{};
    };
    SEQUENT_COLD placed_relation placed(int relation) const {
        placed_relation result{relation, layers_};
        while (true) {
            const plan::relation_shape& shape = program.relations[result.relation];
            const int scope = text.relations[result.relation].scope;
            std::size_t depth = 0;
            for (int at = scope; at > 0; at = text.scopes[at].parent) ++depth;
            result.layers.resize(shape.fact >= 0 ? 0 : std::min(depth, result.layers.size()));
            if (scope == 0 || shape.fact >= 0 || shape.passes_into < 0) return result;
            if (result.layers.back() > 0) {
                --result.layers.back();
                result.relation = program.block_output[scope];
                return result;
            }
            result.relation = shape.passes_into;
        }
    }
    /// The last layer of the block that a rule stacks.
    SEQUENT_COLD placed_relation result_of(const plan::rule& rule) const {
        placed_relation result{program.block_output[rule.block], layers_};
        result.layers.push_back(rule.repeat - 1);
        return result;
    }

    /// "q", or "layers.q" within a stack.
    SEQUENT_COLD static std::string path_of(int relation) {
        std::string result = text_of(text.relations[relation].id);
        if (program.relations[relation].fact >= 0) return result;
        for (int scope = text.relations[relation].scope; scope > 0;
             scope = text.scopes[scope].parent)
            result.insert(
                0, text_of(text.relations[text.rules[text.scopes[scope].rule].head].id) + ".");
        return result;
    }
    SEQUENT_COLD bool is_shown(int relation) const {
        const std::string name = path_of(relation);
        return options_.relations.empty() ||
               std::find(options_.relations.begin(), options_.relations.end(), name) !=
                   options_.relations.end();
    }
    static std::string text_of(const plan::name& id) {
        return std::string(id.text, static_cast<std::size_t>(id.length));
    }

    int find_pair(int fact, int row, int column) const {
        const model_detail::pair_layout layout =
            model_detail::layout_of_pairs(Plan::shapes.facts[fact]);
        const std::int32_t* index = nullptr;
        if (fact < Plan::facts.capacity()) index = bound_.pairs[fact];
        for (const plan::general_step& each : inspected::tables.generals)
            if (each.choice == fact) index = bound_.read_index(each.chosen);
        for (int pair = 0; pair < index[model_detail::pair_layout::count()]; ++pair)
            if (index[model_detail::pair_layout::row_of_pair() + pair] == row &&
                index[layout.column_of_pair() + pair] == column)
                return pair;
        return -1;
    }
    SEQUENT_COLD int evaluate(int root) const {
        const plan::node& top = Plan::found.pool.nodes[root];
        if (top.kind == plan::node_kind::constant) return top.value;
        if (top.kind == plan::node_kind::variable) return index_[top.value];
        if (top.kind == plan::node_kind::count) return bound_.counts[top.value];
        const int left = evaluate(top.left);
        if (top.kind == plan::node_kind::conjunction && left == 0) return 0;
        const int right = top.right >= 0 ? evaluate(top.right) : 0;
        if (top.kind == plan::node_kind::pair) return find_pair(top.value, left, right) >= 0;
        if (top.kind == plan::node_kind::decision) return text.decisions[top.value](left, right);
        if (top.kind == plan::node_kind::same_symbol) {
            const int* begins =
                bound_.counts + bound_.counts[plan::given_numbers::begins_of(top.value)];
            return begins[left] == begins[right];
        }
        return plan::evaluate(top.kind, left, right);
    }

    std::vector<int> arguments(const plan::term* terms, int arity) const {
        std::vector<int> result;
        for (int axis = 0; axis < arity; ++axis) {
            const plan::term& at = terms[axis];
            result.push_back(at.offset + (at.variable >= 0 ? index_[at.variable] : 0) +
                             (at.second >= 0 ? at.factor * index_[at.second] : 0));
        }
        return result;
    }

    /// All assignments of a rule's variables, or those with one time.
    SEQUENT_COLD void ground_rule(const plan::rule& rule, int at, int fixed = -1, int time = 0) {
        for (int variable = 0; variable < rule.variables.size(); ++variable) index_[variable] = 0;
        if (fixed >= 0) index_[fixed] = time;
        while (true) {
            const int condition = Plan::found.condition[at];
            if ((condition < 0 || evaluate(condition) != 0) && is_chosen(rule)) add(rule);
            int variable = 0;
            while (variable < rule.variables.size()) {
                if (variable != fixed) {
                    if (++index_[variable] < rule.variables[variable].extent) break;
                    index_[variable] = 0;
                }
                ++variable;
            }
            if (variable == rule.variables.size()) return;
        }
    }
    /// False if the rule chooses its atoms and this one is not among them.
    bool is_chosen(const plan::rule& rule) const {
        return !rule.chooses() ||
               find_pair(program.relations[rule.head].chosen, index_[rule.terms[0].variable],
                         index_[rule.terms[1].variable]) >= 0;
    }
    SEQUENT_COLD void add(const plan::rule& rule) {
        ground_network_rule made;
        made.number = rule.number + 1;
        bool any = false;  // of a sum of rules: one of them has this atom
        for (const plan::literal& item : text.body(rule)) {
            if (item.kind != plan::literal_kind::relation) continue;
            const placed_relation from =
                is_shown_stack(rule) ? result_of(rule) : placed(item.relation);
            const std::vector<int> places = arguments(item.terms, item.arity);
            const plan::relation_shape& shape = program.relations[from.relation];
            const bool fact = shape.fact >= 0;
            // The atoms of a list exist with any values; the condition looks them up.
            const bool listed =
                shape.chosen >= 0 || (fact && program.facts[shape.fact].is_sparse());
            if (!fact && !known_.count(key_of(from, places))) continue;
            any = true;
            if (listed && item.negated) continue;
            const int atom = atom_of(from, places);
            if (!item.gives_value() && !listed && is_zero(atom) != item.negated) return;
            if (!item.negated && is_shown(from.relation)) made.body.push_back(atom);
        }
        if (rule.total && !any) return;
        made.head = atom_of({rule.head, layers_}, arguments(rule.terms, rule.arity));
        if (!is_shown(rule.head)) return;
        made_.rules.push_back(std::move(made));
        if (static_cast<int>(made_.rules.size()) > options_.most)
            sequent::fail<argument_error>(
                "sequent: draw::ground: more ground rules than `most` allows");
    }
    bool is_zero(int atom) const {
        const auto& values = made_.atoms[static_cast<std::size_t>(atom)].values;
        return std::all_of(values.begin(), values.end(), [](double x) { return x == 0; });
    }
    static std::pair<int, std::vector<int>> key_of(const placed_relation& of,
                                                   const std::vector<int>& places) {
        std::pair<int, std::vector<int>> result{of.relation, of.layers};
        const plan::relation_shape& shape = program.relations[of.relation];
        // All blocks read one fact.
        if (shape.fact >= 0) result.first = -1 - shape.fact;
        result.second.insert(result.second.end(), places.begin(), places.end());
        return result;
    }
    /// What the layers of an atom add to its place, and to that of its gradient, whose memory all
    /// layers share but for the values that pass from layer to layer.
    struct layer_shift {
        std::ptrdiff_t value = 0;
        std::ptrdiff_t gradient = 0;
        bool has_gradient = true;
    };
    SEQUENT_COLD static layer_shift shift_of(const placed_relation& of, const plan::buffer& in,
                                             bool each_layer) {
        layer_shift result;
        std::ptrdiff_t stride = in.size;
        std::size_t level = of.layers.size();
        bool around = false;
        for (int scope = text.relations[of.relation].scope; scope > 0;
             scope = text.scopes[scope].parent) {
            const int layer = of.layers[--level];
            around = around || scope == in.scope;
            if (around) {
                result.value += layer * stride;
                result.has_gradient = result.has_gradient && layer == 0;
                stride *= text.scopes[scope].repeat;
            } else if (each_layer) {
                result.value += std::ptrdiff_t{layer} * (in.size / in.parts);
                result.gradient += std::ptrdiff_t{layer} * (in.size / in.parts);
            }
        }
        return result;
    }

    SEQUENT_COLD int atom_of(const placed_relation& of, const std::vector<int>& places) {
        const int relation = of.relation;
        const auto [found, is_new] =
            known_.try_emplace(key_of(of, places), static_cast<int>(made_.atoms.size()));
        if (!is_new) return found->second;
        ground_atom& atom = made_.atoms.emplace_back();
        atom.relation = path_of(relation);
        if (text.relations[relation].invented) atom.relation += "'";
        atom.output = program.relations[relation].output;
        atom.layers = of.layers;
        atom.arguments = places;
        const plan::relation_layout& layout = inspected::tables.relations[relation];
        const plan::relation_shape& shape = program.relations[relation];
        std::ptrdiff_t place = layout.offset;
        for (int axis = 0; axis < shape.arity; ++axis)
            place += std::ptrdiff_t{places[static_cast<std::size_t>(axis)]} * layout.strides[axis];
        if (layout.pairs.any()) {
            int pair[2]{
                places[static_cast<std::size_t>(layout.pairs.axes[0])],
                layout.pairs.all ? 0 : places[static_cast<std::size_t>(layout.pairs.axes[1])]};
            if (layout.pairs.all) Plan::facts[layout.pairs.fact].write_pair(places.data(), pair);
            const int number = find_pair(layout.pairs.fact, pair[0], pair[1]);
            if (number < 0) {
                atom.values.assign(1, 0);
                return found->second;
            }
            place += std::ptrdiff_t{number} * layout.pair_stride;
        }
        const auto read = [&](const auto* from, std::vector<double>& to) {
            for (int element = 0; element < shape.value.size(); ++element)
                to.push_back(static_cast<double>(from[place + element]));
        };
        const auto shifted = [&] {
            return shift_of(of, inspected::tables.buffers[layout.index], layout.each_layer);
        };
        if (layout.where == plan::place::fact) {
            const void* given = bound_.facts[layout.index];
            if (Plan::facts[layout.index].kind == plan::fact_kind::symbols)
                read(static_cast<const std::int32_t*>(given), atom.values);
            else
                read(static_cast<const T*>(given), atom.values);
        } else if (layout.where == plan::place::prepared) {
            read(bound_.prepared + shifted().value, atom.values);
        } else if (layout.where == plan::place::value) {
            const layer_shift moved = shifted();
            read(bound_.workspace + moved.value, atom.values);
            const plan::buffer& in = inspected::tables.buffers[layout.index];
            if (in.adjoint >= 0 && moved.has_gradient)
                read(bound_.workspace + (in.adjoint - in.offset + moved.gradient), atom.gradients);
        }
        return found->second;
    }
};

/// "0.5", or "(0.5, -1, ...)" of the first numbers of a vector.
SEQUENT_COLD inline std::string values_text(const std::vector<double>& values) {
    if (values.size() == 1) return number_text(values[0], 3);
    std::string result = "(";
    for (std::size_t at = 0; at < values.size() && at < 4; ++at)
        append_text(result, {at > 0 ? ", " : "", number_text(values[at], 3)});
    return result + (values.size() > 4 ? ", ...)" : ")");
}
SEQUENT_COLD inline std::string atom_name(const ground_atom& of) {
    std::string result = of.relation;
    for (const int layer : of.layers) append_text(result, {"[", layer, "]"});
    result += "(";
    for (std::size_t at = 0; at < of.arguments.size(); ++at)
        append_text(result, {at > 0 ? ", " : "", of.arguments[at]});
    return result + ")";
}

}  // namespace detail

/// Runs a model on one sample, forward and backward from the sum of its outputs, and returns the
/// ground rules with the values and gradients of their atoms. Stacks are layer by layer,
/// "layers.q", but fixpoints, of which some rounds do not run, are not shown. Relations that a
/// fused step computes in registers, such as the weights of attention, have no values; of a
/// relation within a stack layer 0 alone has gradients, unless its value passes from layer to
/// layer. Throws argument_error if there are more than `options.most` ground rules.
template <class Model, class T>
SEQUENT_COLD ground_network
ground_of(const model_detail::parameter_block<typename Model::plan, T>& p,
          const typename Model::template facts<T>& facts, const ground_options& options = {}) {
    using plan_type = typename Model::plan;
    using inspected = plan::inspected_plan_of<plan_type>;
    using calls = model_detail::calls<plan_type>;
    const auto w = sequent::make_unique<typename Model::template workspace<T>>();
    const auto gradient = sequent::make_unique<typename Model::template parameters<T>>();
    std::vector<T> memory(static_cast<std::size_t>(inspected::tables.workspace) + 64);
    auto bound = calls::bind(p, facts, *w);
    bound.workspace = memory.data();
    bound.parameter_gradient = gradient->numbers;
    std::vector<T> prepared(static_cast<std::size_t>(inspected::tables.prepared) + 1);
    bound.prepared_gradient = prepared.data();
    model_detail::compiled_forward<inspected, T, model_detail::whole_run>::run(bound, {});
    for (const int output : plan_type::shapes.outputs) {
        const plan::buffer& of =
            inspected::tables.buffers[inspected::tables.relations[output].index];
        const auto view = model_detail::to_tensor(model_detail::view_of_relation<inspected>(output),
                                                  memory.data() + (of.adjoint - of.offset));
        for (int at = 0; at < view.size(); ++at) view.element(at) += T(1);
    }
    model_detail::compiled_backward<inspected, T, model_detail::whole_run>::run(bound, {});
    ground_network all = detail::program_grounder<plan_type, T>(bound, options).ground();
    // Keeps only the atoms of the rules and renumbers them.
    ground_network result;
    std::vector<int> numbers(all.atoms.size(), -1);
    const auto keep = [&](int& at) {
        int& number = numbers[static_cast<std::size_t>(at)];
        if (number < 0) {
            number = static_cast<int>(result.atoms.size());
            result.atoms.push_back(std::move(all.atoms[static_cast<std::size_t>(at)]));
        }
        at = number;
    };
    for (ground_network_rule& rule : all.rules) {
        for (int& at : rule.body) keep(at);
        keep(rule.head);
        result.rules.push_back(std::move(rule));
    }
    return result;
}

/// The network in the DOT language of Graphviz: a box for each atom, with value and gradient, and a
/// point for each ground rule.
SEQUENT_COLD inline std::string dot_of(const ground_network& of) {
    std::string result =
        "digraph ground {\n    rankdir=LR; node [shape=box, fontname=\"monospace\", "
        "fontsize=11];\n";
    for (std::size_t at = 0; at < of.atoms.size(); ++at) {
        const ground_atom& atom = of.atoms[at];
        std::string label = detail::atom_name(atom);
        if (!atom.values.empty()) append_text(label, {" = ", detail::values_text(atom.values)});
        if (!atom.gradients.empty())
            append_text(label, {", gradient ", detail::values_text(atom.gradients)});
        append_text(result, {"    a", at, " [label=", detail::dot_string(label), "];\n"});
    }
    for (std::size_t at = 0; at < of.rules.size(); ++at) {
        append_text(result, {"    r", at, " [shape=point, xlabel=\"", of.rules[at].number,
                             "\"];\n    r", at, " -> a", of.rules[at].head, ";\n"});
        for (const int from : of.rules[at].body)
            append_text(result, {"    a", from, " -> r", at, " [dir=none];\n"});
    }
    return result + "}\n";
}

/// The network as a graph of the kind of programs: each atom has the bodies of its ground rules,
/// its value and its gradient.
SEQUENT_COLD inline program_graph graph_of(const ground_network& of) {
    program_graph result;
    result.stacked_by = {-1};
    for (const ground_atom& atom : of.atoms) {
        program_node& node = result.nodes.emplace_back();
        node.name = node.path = detail::atom_name(atom);
        node.output = atom.output;
        node.note =
            atom.values.empty() ? "computed in registers" : "= " + detail::values_text(atom.values);
        if (!atom.gradients.empty())
            append_text(node.note, {", gradient ", detail::values_text(atom.gradients)});
    }
    for (const ground_network_rule& rule : of.rules) {
        program_node& head = result.nodes[static_cast<std::size_t>(rule.head)];
        std::string text = joined_text({"rule ", rule.number, ":"});
        for (const int& from : rule.body) {
            append_text(text, {&from == rule.body.data() ? " " : ", ",
                               result.nodes[static_cast<std::size_t>(from)].name});
            if (std::find(head.sources.begin(), head.sources.end(), from) == head.sources.end())
                head.sources.push_back(from);
        }
        head.rules.push_back(std::move(text));
    }
    return result;
}

/// Draws the ground rules of one sample as a picture ("x.svg"), as a Graphviz graph ("x.dot") or as
/// a page ("x.html"); see ground_of. Throws io::error for another extension or if the file cannot
/// be written.
///
///     draw::ground<Model>("sample.svg", p, facts, {.relations = {"path", "reachable"}});
template <class Model, class T>
SEQUENT_COLD void ground(const std::string& path,
                         const model_detail::parameter_block<typename Model::plan, T>& p,
                         const typename Model::template facts<T>& facts,
                         const ground_options& options = {}) {
    const bool dot = path.ends_with(".dot"), svg = path.ends_with(".svg");
    if (!dot && !svg && !path.ends_with(".html"))
        fail_with<io::error>({path, ": a picture of ground rules ends with .svg, .dot or .html"});
    const ground_network network = ground_of<Model>(p, facts, options);
    if (dot) return write(dot_of(network), path);
    if (svg) return write(picture_of(graph_of(network), "ground rules"), path);
    write(page_of(graph_of(network), "ground rules"), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// Pictures of masks, drawn from the conditions of the rules.

namespace sequent::inline SEQUENT_ABI::draw {

/// The pairs (row, column) that an attention step computes, for all indices of its outer loops,
/// mostly heads, that have the same pairs.
struct mask {
    std::string relation;     ///< the relation that the step computes
    std::vector<int> rounds;  ///< numbers of the heads with this mask
    /// Number of rows.
    int rows = 0;
    /// Number of columns.
    int columns = 0;
    std::vector<bool> kept;  ///< row by row

    /// The number of pairs.
    long long pairs() const { return std::count(kept.begin(), kept.end(), true); }
    /// True if the pair is computed.
    bool operator()(int row, int column) const {
        return kept[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                    static_cast<std::size_t>(column)];
    }
};

namespace detail {

template <class Model, int At, class T>
SEQUENT_COLD void add_masks(const model_detail::bindings<T>& bound, std::vector<mask>& all) {
    using plan_type = typename Model::plan;
    constexpr plan::step step = plan_type::template step_at<At>;
    if constexpr (step.kind == plan::step_kind::attention) {
        constexpr plan::attention_step attention = plan_type::template attention_at<step.at>;
        constexpr plan::name id =
            plan_type::shapes.text.relations[plan_type::shapes.text.rules[step.rule].head].id;
        const std::size_t first = all.size();
        int round = 0;
        model_detail::each_outer(attention.outer_extents, [&](int one, int two, int three) {
            mask made;
            made.relation.assign(id.text, static_cast<std::size_t>(id.length));
            made.rows = attention.rows;
            made.columns = attention.columns;
            made.rounds = {round++};
            int index[plan::max_variables]{};
            const int outer[]{one, two, three};
            for (int at = 0; at < attention.outers; ++at)
                index[attention.outer_variables[at]] = outer[at];
            for (int row = 0; row < attention.rows; ++row)
                for (int column = 0; column < attention.columns; ++column) {
                    if (attention.row_variable >= 0) index[attention.row_variable] = row;
                    index[attention.column_variable] = column;
                    bool holds = true;
                    if constexpr (attention.condition >= 0)
                        holds = model_detail::evaluate_node<plan_type, attention.condition>(
                                    bound, index) != 0;
                    made.kept.push_back(holds);
                }
            for (std::size_t at = first; at < all.size(); ++at)
                if (all[at].kept == made.kept) {
                    all[at].rounds.push_back(made.rounds[0]);
                    return;
                }
            all.push_back(made);
        });
    }
}

}  // namespace detail

/// The masks of the attention steps of a model, in their order. Give the facts if conditions depend
/// on data that is known at run time.
template <class Model, class T = float>
SEQUENT_COLD std::vector<mask> masks_of(const typename Model::template facts<T>* given = nullptr) {
    using plan_type = typename Model::plan;
    static constexpr int unknown[model_detail::count_given<plan_type>()]{};
    model_detail::bindings<T> bound;
    bound.counts = given ? given->counts : unknown;
    if (given)
        for (int at = 0; at < Model::facts_list::capacity(); ++at)
            bound.pairs[at] = given->pairs(at);
    std::vector<mask> result;
    kernel::unroll<plan_type::tables.steps.size()>(
        [&](auto index) { detail::add_masks<Model, decltype(index)::value>(bound, result); });
    return result;
}

/// A caption: "weights, heads 0 2".
SEQUENT_COLD inline std::string title_of(const mask& shown) {
    std::string result = shown.relation;
    if (shown.rounds.size() > 1 || shown.rounds[0] > 0)
        result += shown.rounds.size() > 1 ? ", heads" : ", head";
    else
        return result;
    for (const int round : shown.rounds) result += " " + std::to_string(round);
    return result;
}

/// A picture of masks side by side, each with its title and the number of pairs it keeps. Row i is
/// the position that attends, column j the position attended to. `titles` replace the default
/// titles in order.
SEQUENT_COLD inline svg picture_of(const std::vector<mask>& masks,
                                   const std::vector<std::string>& titles = {}) {
    constexpr double side = 220;  ///< of a mask; cells of all masks have equal sides
    constexpr double gap = 36;
    constexpr double caption = 44;
    constexpr int across = 4;
    constexpr auto dark = "#1f2933";
    constexpr auto quiet = "#7b8794";
    const int count = static_cast<int>(masks.size());
    const int lines = (count + across - 1) / across;
    svg result(gap + std::min(count, across) * (side + gap),
               gap / 2 + lines * (side + caption + gap));
    for (int at = 0; at < count; ++at) {
        const mask& shown = masks[static_cast<std::size_t>(at)];
        const double x = gap + at % across * (side + gap);
        const double y = caption + at / across * (side + caption + gap);
        const double cell = side / std::max({shown.rows, shown.columns, 1});
        const std::string title = static_cast<std::size_t>(at) < titles.size()
                                      ? titles[static_cast<std::size_t>(at)]
                                      : title_of(shown);
        const double all = static_cast<double>(shown.rows) * shown.columns;
        const std::string figures =
            std::to_string(shown.pairs()) + " of " + fixed_text(all, 0) + " pairs, " +
            fixed_text(100 * static_cast<double>(shown.pairs()) / all, 1) + " %";
        result.text(x, y - 24, title, 14, dark);
        result.text(x, y - 8, figures, 11, quiet);
        result.text(x - 12, y + 10, "i", 11, quiet, "font-style=\"italic\"");
        result.text(x + cell * shown.columns - 6, y + cell * shown.rows + 14, "j", 11, quiet,
                    "font-style=\"italic\"");
        result.rectangle(x, y, cell * shown.columns, cell * shown.rows, "#e4e7eb");
        // One rectangle for each run of cells in a row.
        std::string cells;
        for (int row = 0; row < shown.rows; ++row)
            for (int column = 0; column < shown.columns; ++column) {
                if (!shown(row, column)) continue;
                const int begin = column;
                while (column < shown.columns && shown(row, column)) ++column;
                const auto add = [&cells](char command, double length) {
                    cells += command;
                    cells += svg::number(length);
                };
                add('M', x + begin * cell);
                add(' ', y + row * cell);
                add('h', (column - begin) * cell);
                add('v', cell);
                add('h', (begin - column) * cell);
                cells += 'z';
            }
        result.path(cells, "#2563a8");
    }
    return result;
}

/// Draws the masks of all attention steps of a model to an SVG file. Throws io::error if it cannot
/// be written.
template <class Model>
void masks(const std::string& path) {
    write(picture_of(masks_of<Model>()), path);
}
/// The same, with the facts on which the masks depend.
template <class Model, class T>
void masks(const std::string& path, const typename Model::template facts<T>& given) {
    write(picture_of(masks_of<Model, T>(&given)), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The flow of a program as an HTML page that shows, token by token, what each head attends to, in
/// the program and in a model compiled from it.

namespace sequent::inline SEQUENT_ABI::draw {

/// Attention and output of a compiled model for the input.
struct model_attention {
    /// Attention weights of all heads.
    rasp::attention_maps maps;
    /// Output of the model.
    rasp::sequence output;
};

namespace detail {

class page_data {
  public:
    SEQUENT_COLD page_data(std::span<const flow> rounds, const rasp::sequence& output,
                           const model_attention* model)
        : rounds_(rounds), flow_(&rounds[0]), output_(output), model_(model) {}

    SEQUENT_COLD std::string write() {
        text_ = "{\"tokens\":";
        add_values(input());
        text_ += ",\n\"output\":";
        add_sequence(output_);
        if (model_) {
            text_ += ",\n\"modelOutput\":";
            add_sequence(model_->output);
        }
        text_ += ",\n\"layers\":";
        const int layers = static_cast<int>(flow_->layers().size());
        add_list(layers * static_cast<int>(rounds_.size()), [&](int at) {
            round_ = at / layers;
            flow_ = &rounds_[static_cast<std::size_t>(round_)];
            add_layer(at % layers);
        });
        return text_ + "}";
    }
    /// The node of the tokens; that of the output if the program reads no tokens.
    int input() const {
        const std::vector<int>& given = rounds_[0].layers()[0].elementwise;
        return given.empty() ? rounds_[0].output() : given[0];
    }

  private:
    std::span<const flow> rounds_;
    const flow* flow_;
    int round_ = 0;
    const rasp::sequence& output_;
    const model_attention* model_;
    std::string text_;

    template <class Add>
    SEQUENT_COLD void add_list(int count, const Add& add) {
        text_ += '[';
        for (int at = 0; at < count; ++at) {
            if (at > 0) text_ += ',';
            add(at);
        }
        text_ += ']';
    }
    SEQUENT_COLD void add_sequence(const rasp::sequence& values) {
        add_list(flow_->length(), [&](int at) {
            text_ += json_string(at < values.size() ? cell_text(values[at]) : "");
        });
    }
    SEQUENT_COLD void add_values(int node) {
        add_list(flow_->length(), [&](int at) { text_ += json_string(flow_->text(node, at)); });
    }
    SEQUENT_COLD void add_s_ops(const std::vector<int>& nodes) {
        add_list(static_cast<int>(nodes.size()), [&](int at) {
            const int node = nodes[static_cast<std::size_t>(at)];
            append_text(text_, {"\n  {\"name\":", json_string(flow_->label(node)), ",\"is\":",
                                json_string(rasp::gathers(flow_->program()[node].what)
                                                ? flow_->gathering(node)
                                                : flow_->expression(node)),
                                ",\"values\":"});
            add_values(node);
            text_ += '}';
        });
    }
    SEQUENT_COLD void add_layer(int number) {
        const flow_layer& layer = flow_->layers()[static_cast<std::size_t>(number)];
        append_text(text_, {"\n{\"title\":\""});
        if (rounds_.size() > 1) append_text(text_, {"Round ", round_ + 1, number > 0 ? ", " : ""});
        if (number > 0)
            append_text(text_, {rounds_.size() > 1 ? "layer " : "Layer ", number});
        else if (rounds_.size() == 1)
            text_ += "Input";
        text_ += "\",\"heads\":[";
        bool first = true;
        for (const flow_selector& from : layer.selectors)
            for (const flow_head& head : from.heads) {
                if (!first) text_ += ',';
                first = false;
                add_head(number, from, head);
            }
        text_ += "],\n \"elementwise\":";
        std::vector<int> elementwise = layer.elementwise;
        if (round_ > 0)  // The input is shown once.
            std::erase_if(elementwise, [&](int at) {
                const rasp::operation what = flow_->program()[at].what;
                return what == rasp::operation::tokens || what == rasp::operation::indices;
            });
        add_s_ops(elementwise);
        text_ += '}';
    }
    SEQUENT_COLD void add_head(int layer, const flow_selector& from, const flow_head& head) {
        append_text(text_, {"\n {\"number\":", head.number,
                            ",\"selector\":", json_string(flow_->definition(from.node)),
                            ",\"note\":", json_string(note_of(head.at)), ",\"attends\":"});
        add_list(flow_->length(), [&](int row) {
            const std::vector<int> columns = flow_->attended(from, head, row);
            add_list(static_cast<int>(columns.size()),
                     [&](int at) { append_text(text_, {columns[static_cast<std::size_t>(at)]}); });
        });
        const int layers = model_ ? flow_->layers_of_round(model_->maps.layers) : 0;
        if (layer <= layers && head.number <= model_->maps.heads) {
            text_ += ",\n  \"model\":";
            add_list(flow_->length(), [&](int row) {
                add_list(flow_->length() + 1, [&](int column) {
                    const double share =
                        model_->maps(round_ * layers + layer - 1, head.number - 1, row, column);
                    // JSON has no other numbers.
                    text_ += std::isfinite(share) ? number_text(share, 4) : "null";
                });
            });
        }
        text_ += ",\n  \"results\":";
        add_s_ops(results_of(from, head));
        text_ += '}';
    }
    static const char* note_of(rasp::focus at) {
        const char* const notes[]{"",
                                  "and position 0, for the width",
                                  "at position 0 alone, for the width",
                                  "the first of them",
                                  "the last of them",
                                  "of the greatest value",
                                  "of the least value"};
        return notes[static_cast<int>(at)];
    }
    SEQUENT_COLD std::vector<int> results_of(const flow_selector& from,
                                             const flow_head& head) const {
        std::vector<int> result;
        for (const int each : from.results) {
            const rasp::node& made = flow_->program()[each];
            const rasp::operation what = made.what;
            const bool is_width =
                what == rasp::operation::width || what == rasp::operation::width_with_bos;
            const bool is_choice =
                what >= rasp::operation::first && what <= rasp::operation::lowest;
            if (is_choice ? head.at == rasp::focus_of_choice(what) &&
                                (head.preferred < 0 || head.preferred == made.arguments[1])
                : head.at == rasp::focus::selected           ? !is_width
                : head.at == rasp::focus::selected_and_first ? what == rasp::operation::width
                : head.at == rasp::focus::selected_or_first  ? is_width
                                                             : false)
                result.push_back(each);
        }
        return result;
    }
};

}  // namespace detail

/// The page of a loop, with what it gives in the end.
SEQUENT_COLD inline std::string page_of(std::span<const flow> rounds, const rasp::sequence& output,
                                        const model_attention* model = nullptr) {
    const flow& shown = rounds[0];
    detail::page_data data(rounds, output, model);
    const std::string content = data.write();
    const std::string title =
        escaped(elided(printable(shown.values().output(data.input()).text()), 60) +
                " \xe2\x86\x92 " + elided(printable(output.text()), 60));
    std::string result;
    append_text(
        result,
        {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
         title, "</title>\n<style>", detail::page_style,
         "</style>\n</head>\n<body>\n<header>\n<h1>", title, "</h1>\n", detail::page_top});
    const int layers = model ? shown.layers_of_round(model->maps.layers) : 0;
    if (layers >= static_cast<int>(shown.layers().size()))
        append_text(result, {"<p>The model has ", layers,
                             " layers; those beyond the program's are not shown.</p>\n"});
    const rasp::graph& program = shown.program();
    if (program.states.size() > 0 && program[program.until].what != rasp::operation::constant)
        append_text(result, {"<p>A position where <code>", escaped(shown.label(program.until)),
                             "</code> is true has ended and keeps its states.</p>\n"});
    append_text(
        result,
        {"</header>\n<main id=\"layers\"></main>\n<script type=\"application/json\" id=\"flow\">",
         content, "</script>\n<script>", detail::page_script, "</script>\n</body>\n</html>\n"});
    return result;
}
/// The page as one self-contained HTML file. `#token=3` at the end of its address selects a token.
SEQUENT_COLD inline std::string page_of(const flow& shown, const model_attention* model = nullptr) {
    return page_of(std::span(&shown, 1), shown.values().output(), model);
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The layout of the picture of a flow, in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// The role of a series, which chooses its colour.
enum class series { plain, key, query, value, result };

/// A placed series: the values of an s-op at all positions, from left to right or downwards;
/// without a node, the numbers of the positions.
struct placed_series {
    int node = -1;
    series kind = series::plain;
    double x = 0;
    double y = 0;
    /// True if the values run downwards.
    bool down = false;
};
/// The placed grid of a selector: a row for each query, a column for each key.
struct placed_grid {
    int selector = -1;
    double x = 0;
    double y = 0;
};
/// The kinds of text, which choose its size.
enum class lettering { title, heading, name, note };
/// A placed text; `whole` is the full text of a shortened one.
struct placed_text {
    double x = 0;
    double y = 0;  ///< y of the baseline
    std::string words;
    lettering kind = lettering::name;
    /// True if the text is aligned to its right end.
    bool ends_at_x = false;
    std::string whole{};  ///< the full text, if `words` is shortened
};
/// A placed rectangle.
struct placed_box {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
};
/// The line from a series to a later layer that reads it. It passes above the layers between in a
/// lane of its source; to another row of layers, down a bus to the right of all layers.
struct placed_flow {
    double from_x = 0;
    double from_y = 0;
    double leaves = 0;
    double arrives = 0;
    double to_x = 0;
    double to_y = 0;
    double lane = 0;       ///< y of the lane; 0 between neighbouring layers
    double bus = 0;        ///< x of the bus; 0 within a row of layers
    double last_lane = 0;  ///< y of the lane above the row of the reader
    /// True if the series are the tokens or the indices, which most layers read.
    bool is_input = false;
};

/// Everything that a picture of a flow shows, with its place.
struct flow_layout {
    int shown = 0;    ///< number of positions that are shown
    double cell = 0;  ///< its side length
    double width = 0;
    double height = 0;
    /// Panels of the layers.
    std::vector<placed_box> panels;
    std::vector<placed_box> blocks;
    std::vector<placed_grid> grids;
    std::vector<placed_series> rows;
    std::vector<placed_text> texts;
    /// Lines from series to their readers.
    std::vector<placed_flow> flows;
    std::vector<placed_box> leaders;  ///< thin lines from a column to its label
};

/// The font size of a kind of text.
constexpr double size_of(lettering kind) {
    return kind == lettering::title ? 18 : kind == lettering::heading ? 13 : 11;
}
/// The width of a text in a monospaced font.
inline double width_of(std::string_view words, lettering kind = lettering::name) {
    return 0.603 * size_of(kind) * letters_in(words);
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// Places the parts of a flow: layers from left to right, in as many rows as a page takes; in each
/// layer the heads one below the other, then the elementwise operations. Keys and values stand
/// above the grid of a selector, queries to its left, gathered values to its right.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// Text wrapped at spaces to lines of at most `letters` characters; text beyond the last line is
/// omitted.
SEQUENT_COLD inline std::vector<std::string> lines_of(std::string_view text, int letters,
                                                      int most) {
    std::vector<std::string> result;
    while (!text.empty() && static_cast<int>(result.size()) < most) {
        std::string_view line = first_letters(text, letters);
        const bool last = static_cast<int>(result.size()) + 1 == most;
        if (line.size() == text.size() || last) {
            result.push_back(elided(text, letters));
            break;
        }
        const std::size_t space = text.substr(0, line.size() + 1).rfind(' ');
        if (space != std::string_view::npos && space > 0) line = text.substr(0, space);
        result.emplace_back(line);
        text.remove_prefix(line.size());
        if (text.starts_with(' ')) text.remove_prefix(1);
    }
    return result;
}

class flow_placer {
  public:
    SEQUENT_COLD explicit flow_placer(const flow& shown) : flow_(shown) {
        made_.shown = std::min(shown.length(), max_positions);
        made_.cell = std::clamp(grid_side / made_.shown, 13.0, 24.0);
        // Longer values get wider cells where there is room.
        int letters = 1;
        for (const flow_layer& layer : shown.layers()) {
            for (const int at : layer.elementwise) letters = std::max(letters, letters_of(at));
            for (const flow_selector& each : layer.selectors)
                for (const int at : each.results) letters = std::max(letters, letters_of(at));
        }
        made_.cell =
            std::max(made_.cell, std::min({5.5 * letters + 4, grid_side / made_.shown, 40.0}));
        side_ = made_.cell * made_.shown;
        sources_.resize(static_cast<std::size_t>(shown.program().size()));
        double all = margin - gutter;
        for (const flow_layer& layer : shown.layers()) all += gutter + width_of_layer(layer);
        double x = margin;
        for (const flow_layer& layer : shown.layers()) {
            const double width = width_of_layer(layer);
            int row = row_of_.empty() ? 0 : row_of_.back();
            if (!row_of_.empty() && x + width > page && all > single_row) {
                ++row;
                x = margin + gutter;
            }
            row_of_.push_back(row);
            x += width + gutter;
        }
        lanes_.resize(static_cast<std::size_t>(row_of_.back()) + 1);
        for (std::size_t layer = 0; layer < shown.layers().size(); ++layer)
            for (const flow_selector& each : shown.layers()[layer].selectors) {
                for (const int at : each.keys) add_lane(at, static_cast<int>(layer));
                for (const int at : each.queries) add_lane(at, static_cast<int>(layer));
                for (const int at : values_of(each)) add_lane(at, static_cast<int>(layer));
            }
    }

    SEQUENT_COLD flow_layout place() {
        add_titles();
        double x = margin;
        double right = 0;
        double bottom = top - 2 * pad;
        for (std::size_t layer = 0; layer < flow_.layers().size(); ++layer) {
            if (layer == 0 || row_of_[layer] > row_of_[layer - 1]) {
                x = layer == 0 ? margin : margin + gutter;
                lane_tops_.push_back(bottom + 2 * pad);
                top_ = lane_tops_.back() +
                       lane_height * static_cast<double>(lanes_[lane_tops_.size() - 1].size());
            }
            const double width = place_layer(layer, x);
            bottom = std::max(bottom, y_);
            made_.panels.push_back({x, top_, width, y_ + pad - top_});
            right = std::max(right, x + width);
            x += width + gutter;
        }
        for (placed_flow& each : made_.flows)
            if (each.bus > 0) each.bus += right + gutter;
        if (!buses_.empty()) right += gutter + lane_height * static_cast<double>(buses_.size());
        made_.width = std::max(right + margin, 740.0);
        made_.height = bottom + pad + legend + margin;
        for (const placed_text& title : made_.texts)
            if (title.kind == lettering::title)
                made_.width = std::max(made_.width, title.x + width_of(title.words, title.kind));
        return std::move(made_);
    }

  private:
    static constexpr int max_positions = 48;
    static constexpr double grid_side = 520;    // largest side of a grid
    static constexpr double page = 1230;        // largest width of several layers in a row
    static constexpr double single_row = 1400;  // largest width of a single row
    static constexpr double margin = 24;
    static constexpr double top = 74;
    static constexpr double lane_height = 8;
    static constexpr double gutter = 52;  // between layers
    static constexpr double pad = 14;
    static constexpr double gap = 6;
    static constexpr double line = 14;
    static constexpr double legend = 34;
    static constexpr int name_letters = 24;
    static constexpr int note_letters = 30;
    static constexpr int gathering_letters = 32;

    struct source {
        double x = 0;
        double y = 0;
        double leaves = 0;
        bool known = false;
    };

    const flow& flow_;
    flow_layout made_;
    std::vector<source> sources_;
    double side_ = 0;
    std::vector<int> row_of_;              // of each layer
    std::vector<std::vector<int>> lanes_;  // sources of the lanes above each row
    std::vector<double> lane_tops_;        // top of the lanes of each row
    std::vector<int> buses_;               // sources of the lines to other rows
    double top_ = 0;                       // top of the panels of the row
    // The layer that is being placed:
    int layer_ = 0;
    double left_ = 0;   // left side of its panel
    double grid_ = 0;   // left side of its grids and rows
    double right_ = 0;  // right side of its panel
    double y_ = 0;

    SEQUENT_COLD int letters_of(int at) const {
        int result = 0;
        for (int position = 0; position < made_.shown; ++position)
            result = std::max(result, letters_in(flow_.text(at, position)));
        return result;
    }
    /// The values that are gathered from the positions of a selector.
    SEQUENT_COLD std::vector<int> values_of(const flow_selector& from) const {
        std::vector<int> result;
        for (const int at : from.results) {
            const int values = flow_.program()[at].arguments[1];
            if (values >= 0 && flow_.is_shown(values) &&
                std::find(result.begin(), result.end(), values) == result.end())
                result.push_back(values);
        }
        return result;
    }
    static std::size_t place_in(std::vector<int>& all, int at) {
        const auto found = std::find(all.begin(), all.end(), at);
        const auto place = static_cast<std::size_t>(found - all.begin());
        if (found == all.end()) all.push_back(at);
        return place;
    }
    /// The lane of a source above a row.
    std::vector<int>& lanes_of(int layer) {
        return lanes_[static_cast<std::size_t>(row_of_[static_cast<std::size_t>(layer)])];
    }
    bool are_in_one_row(int layer, int other) const {
        return row_of_[static_cast<std::size_t>(layer)] == row_of_[static_cast<std::size_t>(other)];
    }
    SEQUENT_COLD void add_lane(int at, int reader) {
        const int from = flow_.layer_of(at);
        if (are_in_one_row(from, reader) && reader - from <= 1) return;
        (void)place_in(lanes_of(from), at);
        if (are_in_one_row(from, reader)) return;
        (void)place_in(lanes_of(reader), at);
        (void)place_in(buses_, at);
    }
    SEQUENT_COLD std::string name_of(int at) const { return elided(flow_.label(at), name_letters); }
    SEQUENT_COLD std::string formula_of(int at) const {
        const std::string all = flow_.expression(at);
        return all == flow_.label(at) ? std::string() : joined_text({"= ", all});
    }
    double step() const { return made_.cell + 3; }
    double columns_width(const std::vector<int>& of) const {
        return step() * static_cast<double>(std::max<std::size_t>(of.size(), 1));
    }

    SEQUENT_COLD void write(double x, double y, std::string_view words,
                            lettering kind = lettering::name, bool ends_at_x = false,
                            std::string_view whole = {}) {
        if (whole == words) whole = {};
        made_.texts.push_back({x, y, std::string(words), kind, ends_at_x, std::string(whole)});
    }

    SEQUENT_COLD void add_titles() {
        const rasp::evaluation& values = flow_.values();
        std::string given;
        for (int at = 0; at < flow_.program().size(); ++at)
            if (flow_.program()[at].what == rasp::operation::tokens)
                given = printable(values.output(at).text());
        const std::string gives = printable(values.output().text());
        const std::string arrow = given.empty() ? "" : "  \xe2\x86\x92  ";
        write(margin, 34, joined_text({elided(given, 32), arrow, elided(gives, 32)}),
              lettering::title, false, joined_text({given, arrow, gives}));
        std::string note;
        const std::size_t count = flow_.layers().size() - 1;
        append_text(note, {count, count == 1 ? " layer" : " layers"});
        if (count > 0) note += ", heads per layer:";
        for (std::size_t layer = 1; layer <= count; ++layer) {
            std::size_t heads = 0;
            for (const flow_selector& each : flow_.layers()[layer].selectors)
                heads += each.heads.size();
            append_text(note, {" ", heads});
        }
        if (made_.shown < flow_.length())
            append_text(note, {"; the first ", made_.shown, " of ", flow_.length(),
                               " positions are shown"});
        write(margin, 58, note, lettering::note);
    }

    SEQUENT_COLD double room_before_rows_of(const flow_layer& layer) const {
        double room = 0;
        const auto need = [&room](double wanted) { room = std::max(room, gap + wanted); };
        for (const int at : layer.elementwise) need(width_of(name_of(at)));
        for (const flow_selector& each : layer.selectors) {
            for (const int at : each.keys) need(width_of(name_of(at)));
            for (const int at : values_of(each)) need(width_of(name_of(at)));
            need(columns_width(each.queries));
            // A query's name ends below its column.
            double columns = columns_width(each.queries);
            for (const int at : each.queries) {
                columns -= step();
                need(columns + width_of(name_of(at)));
            }
        }
        return room;
    }
    SEQUENT_COLD double room_behind_rows_of(const flow_layer& layer) const {
        double room = 0;
        const auto need = [&room](double wanted) { room = std::max(room, gap + wanted); };
        for (const int at : layer.elementwise)
            if (const std::string formula = formula_of(at); !formula.empty())
                need(width_of(elided(formula, note_letters)));
        for (const flow_selector& each : layer.selectors) {
            double columns = 0;
            for (const int at : each.results) {
                need(columns + width_of(name_of(at)));
                need(columns + width_of(elided(flow_.gathering(at), gathering_letters)));
                columns += step();
            }
            need(columns_width(each.results));
        }
        return room;
    }

    static double inset_of(const flow_layer& layer) {
        return layer.selectors.empty() ? pad : 2 * pad;
    }
    SEQUENT_COLD double width_of_layer(const flow_layer& layer) const {
        const bool is_input = &layer == &flow_.layers()[0];
        return std::max(
            2 * inset_of(layer) + room_before_rows_of(layer) + side_ + room_behind_rows_of(layer),
            is_input ? 120.0 : 280.0);
    }
    SEQUENT_COLD double place_layer(std::size_t number, double x) {
        const flow_layer& layer = flow_.layers()[number];
        layer_ = static_cast<int>(number);
        left_ = x;
        grid_ = x + inset_of(layer) + room_before_rows_of(layer);
        right_ = x + width_of_layer(layer);
        y_ = top_ + 24;
        write(x + pad, y_, number == 0 ? "input" : numbered("layer ", number), lettering::heading);
        y_ += 12;
        for (const flow_selector& each : layer.selectors) place_selector(each);
        if (!layer.elementwise.empty()) {
            if (number > 0) {
                y_ += 16;
                write(x + pad, y_, "elementwise", lettering::note);
                y_ += 8;
            }
            for (const int at : layer.elementwise) place_elementwise(at);
        }
        return right_ - x;
    }

    SEQUENT_COLD void place_elementwise(int at) {
        const double x = grid_ + side_ + gap;
        const int letters = static_cast<int>((right_ - pad - x) / width_of("x"));
        const std::vector<std::string> note = lines_of(formula_of(at), std::max(letters, 8), 8);
        const double rows = static_cast<double>(note.size());
        const double height = std::max(made_.cell + 6, rows * line + 4);
        const double middle = y_ + height / 2;
        add_row(at, series::plain, grid_, middle - made_.cell / 2);
        write(grid_ - gap, middle + 4, name_of(at), lettering::name, true, flow_.label(at));
        double base = middle + 4 - (rows - 1) * line / 2;
        double end = grid_ + side_;
        for (const std::string& words : note) {
            write(x, base, words, lettering::note, false, flow_.definition(at));
            base += line;
            end = std::max(end, x + width_of(words));
        }
        mark_source(at, end, middle);
        y_ += height;
    }

    SEQUENT_COLD void place_selector(const flow_selector& placed) {
        const double block_top = y_;
        const double inner = left_ + 2 * pad;
        y_ += 18;
        std::string title = "head";
        if (placed.heads.size() > 1) title += "s";
        for (const flow_head& each : placed.heads)
            append_text(title, {&each == &placed.heads[0] ? " " : ", ", each.number});
        write(inner, y_, title, lettering::name);
        const double x = inner + width_of(title) + 12;
        const std::string whole = flow_.definition(placed.node);
        const int letters = static_cast<int>((right_ - 2 * pad - x) / width_of("x"));
        double base = y_;
        for (const std::string& words : lines_of(whole, std::max(letters, 8), 4)) {
            write(x, base, words, lettering::note, false, whole);
            y_ = base;
            base += line;
        }
        y_ += 12;

        for (const int at : values_of(placed)) place_above(at, series::value);
        for (const int at : placed.keys) place_above(at, series::key);
        if (placed.keys.empty()) place_above(-1, series::key);
        y_ += gap - 3;
        made_.grids.push_back({placed.node, grid_, y_});
        const double bottom = y_ + side_;
        place_queries(placed.queries, bottom);
        place_results(placed.results, bottom);
        const double lines = std::max(static_cast<double>(placed.queries.size()),
                                      2 * static_cast<double>(placed.results.size()));
        const double end = bottom + 6 + lines * line + 4;
        made_.blocks.push_back({left_ + pad, block_top, right_ - left_ - 2 * pad, end - block_top});
        y_ = end + 12;
    }

    SEQUENT_COLD void place_above(int at, series kind) {
        add_row(at, kind, grid_, y_);
        const double middle = y_ + made_.cell / 2;
        if (at >= 0) {
            const std::string name = name_of(at);
            write(grid_ - gap, middle + 4, name, lettering::name, true, flow_.label(at));
            mark_reader(at, grid_ - gap - width_of(name) - 3, middle);
        }
        y_ += step();
    }
    SEQUENT_COLD void place_queries(const std::vector<int>& queries, double bottom) {
        double x = grid_ - gap - columns_width(queries) + 3;
        if (queries.empty()) add_column(-1, series::query, x);
        double base = bottom + 6 + line - 3;
        for (const int at : queries) {
            add_column(at, series::query, x);
            const std::string name = name_of(at);
            const double end = x + made_.cell;
            if (base > bottom + 6 + line)
                made_.leaders.push_back({end - made_.cell / 2, bottom, 0, base - 9 - bottom});
            write(end, base, name, lettering::name, true, flow_.label(at));
            mark_reader(at, end - width_of(name) - 3, base - 4);
            x += step();
            base += line;
        }
    }
    SEQUENT_COLD void place_results(const std::vector<int>& results, double bottom) {
        double x = grid_ + side_ + gap;
        double base = bottom + 6 + 2 * line * static_cast<double>(results.size()) - line - 3;
        for (const int at : results) {
            add_column(at, series::result, x);
            if (base > bottom + 6 + line)
                made_.leaders.push_back({x + made_.cell / 2, bottom, 0, base - 9 - bottom});
            const std::string name = name_of(at);
            write(x, base, name, lettering::name, false, flow_.label(at));
            const std::string gathers = flow_.gathering(at);
            const int letters = static_cast<int>((right_ - pad - gap - x) / width_of("x"));
            write(x, base + line, elided(gathers, letters), lettering::note, false,
                  flow_.definition(at));
            mark_source(at, x + width_of(name), base - 4);
            x += step();
            base -= 2 * line;
        }
    }
    SEQUENT_COLD void add_row(int at, series kind, double x, double y) {
        made_.rows.push_back({at, kind, x, y, false});
    }
    /// Places a column beside the latest grid.
    SEQUENT_COLD void add_column(int at, series kind, double x) {
        made_.rows.push_back({at, kind, x, made_.grids.back().y, true});
    }

    void mark_source(int at, double x, double y) {
        sources_[static_cast<std::size_t>(at)] = {x + 4, y, right_, true};
    }
    SEQUENT_COLD void mark_reader(int at, double x, double y) {
        const source& from = sources_[static_cast<std::size_t>(at)];
        if (!from.known) return;
        placed_flow made{from.x, from.y, from.leaves, left_, x, y};
        const rasp::operation what = flow_.program()[at].what;
        made.is_input = what == rasp::operation::tokens || what == rasp::operation::indices;
        const int layer = flow_.layer_of(at);
        const auto lane_above = [&](int of) {
            return lane_tops_[static_cast<std::size_t>(row_of_[static_cast<std::size_t>(of)])] +
                   lane_height * static_cast<double>(place_in(lanes_of(of), at));
        };
        const bool is_next = are_in_one_row(layer, layer_) && layer_ - layer <= 1;
        if (!is_next) made.lane = lane_above(layer);
        if (!are_in_one_row(layer, layer_)) {
            made.last_lane = lane_above(layer_);
            made.bus = lane_height * static_cast<double>(place_in(buses_, at) + 1);
        }
        made_.flows.push_back(made);
    }
};

}  // namespace detail

/// The layout of a flow.
inline flow_layout layout_of(const flow& shown) {
    return detail::flow_placer(shown).place();
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// The flow of a program as SVG.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

inline constexpr auto selected_colour = "#2563a8";
inline constexpr auto dark_colour = "#1f2933";
inline constexpr auto quiet_colour = "#7b8794";
inline constexpr auto line_colour = "#e4e7eb";
inline constexpr auto flow_colour = "#9fb3c8";
inline constexpr auto input_colour = "#d3dce6";

constexpr const char* colour_of(const placed_flow& of) {
    return of.is_input ? input_colour : flow_colour;
}

/// Colours that also differ in lightness, for colour-blind readers.
constexpr const char* colour_of(series kind) {
    constexpr const char* colours[]{"#ffffff", "#d6e6f6", "#fdebcf", "#e9ecef", "#d4eadf"};
    return colours[static_cast<int>(kind)];
}

SEQUENT_COLD inline std::string path_of(std::initializer_list<const char*> commands,
                                        std::initializer_list<double> numbers) {
    std::string result;
    auto number = numbers.begin();
    for (const char* command : commands) {
        for (; *command != 0; ++command)
            if (*command == '#')
                append_text(result, {svg::number(*number++), " "});
            else
                result += *command;
    }
    return result;
}

SEQUENT_COLD inline void add_series(svg& to, const flow& shown, const flow_layout& layout,
                                    const placed_series& placed) {
    const double cell = layout.cell;
    const double side = cell * layout.shown;
    const double width = placed.down ? cell : side;
    const double height = placed.down ? side : cell;
    const bool is_output = placed.node == shown.output();
    if (placed.node >= 0) {
        to.rectangle(placed.x, placed.y, width, height, colour_of(placed.kind));
        std::string lines;
        for (int at = 1; at < layout.shown; ++at)
            lines += placed.down ? path_of({"M# #h#"}, {placed.x, placed.y + at * cell, cell})
                                 : path_of({"M# #v#"}, {placed.x + at * cell, placed.y, cell});
        to.line(lines, is_output || placed.kind != series::plain ? "#ffffff" : line_colour, 1);
        to.rounded(placed.x, placed.y, width, height, 2, "none",
                   is_output ? selected_colour : "#c3ccd6", is_output ? 2 : 1);
    }
    for (int at = 0; at < layout.shown; ++at) {
        const std::string text = placed.node >= 0 ? shown.text(placed.node, at) : joined_text({at});
        if (text.empty()) continue;
        constexpr double smallest = 6;
        constexpr double letter = 0.58;
        const double room = cell - 3;
        const int fitting = static_cast<int>(room / (letter * smallest));
        std::string words = text;
        if (letters_in(text) > fitting && placed.node >= 0 &&
            rasp::is_number(shown.values()(placed.node, at).kind())) {
            words = number_text(shown.values()(placed.node, at).number().as_double(), 3);
        }
        words = elided(words, std::max(fitting, 1));
        const double size =
            std::min({0.55 * cell, 12.0, room / (letter * std::max(letters_in(words), 1))});
        const double x = placed.x + cell / 2 + (placed.down ? 0 : at * cell);
        const double y = placed.y + cell / 2 + (placed.down ? at * cell : 0) + 0.36 * size;
        to.text(x, y, words, size, placed.node >= 0 ? dark_colour : quiet_colour, "",
                words == text ? "" : text);
    }
}

SEQUENT_COLD inline void add_grid(svg& to, const flow& shown, const flow_layout& layout,
                                  const placed_grid& placed) {
    const double cell = layout.cell;
    const double side = cell * layout.shown;
    to.rectangle(placed.x, placed.y, side, side, "#f5f7fa");
    std::string lines;
    std::string cells;
    for (int row = 0; row < layout.shown; ++row) {
        if (row > 0) {
            lines += path_of({"M# #h#"}, {placed.x, placed.y + row * cell, side});
            lines += path_of({"M# #v#"}, {placed.x + row * cell, placed.y, side});
        }
        for (int column = 0; column < layout.shown; ++column)
            if (shown.values().selects(placed.selector, row, column))
                cells += path_of({"M# #h#v#h#z"},
                                 {placed.x + column * cell + 1, placed.y + row * cell + 1, cell - 2,
                                  cell - 2, 2 - cell});
    }
    to.line(lines, line_colour, 1);
    to.path(cells, selected_colour);
    to.rounded(placed.x, placed.y, side, side, 2, "none", "#c3ccd6");
}

SEQUENT_COLD inline void add_flow(svg& to, const placed_flow& placed) {
    constexpr double bend = 40;
    const auto bent = [](double x, double from, double until) {
        return path_of({"C# # # # # #"},
                       {x + 0.6 * bend, from, x + 0.4 * bend, until, x + bend, until});
    };
    std::string data = path_of({"M# #H#"}, {placed.from_x, placed.from_y, placed.leaves});
    if (placed.bus > 0) {
        data += bent(placed.leaves, placed.from_y, placed.lane);
        data += path_of(
            {"H#V#H#C# # # # # #"},
            {placed.bus, placed.last_lane, placed.arrives - bend / 2, placed.arrives - 1.2 * bend,
             placed.last_lane, placed.arrives - bend, placed.to_y, placed.arrives, placed.to_y});
    } else if (placed.lane > 0) {
        data += bent(placed.leaves, placed.from_y, placed.lane);
        data += path_of({"H#"}, {placed.arrives - bend});
        data += bent(placed.arrives - bend, placed.lane, placed.to_y);
    } else {
        data += bent(placed.leaves, placed.from_y, placed.to_y);
    }
    to.line(data + path_of({"H#"}, {placed.arrives}), colour_of(placed), 1.4);
}

SEQUENT_COLD inline void add_legend(svg& to, const flow_layout& layout) {
    struct entry {
        const char* colour;
        const char* words;
        const char* outline = "#c3ccd6";
    };
    const entry entries[]{{colour_of(series::key), "keys (columns)"},
                          {colour_of(series::query), "queries (rows)"},
                          {selected_colour, "selected"},
                          {colour_of(series::value), "values"},
                          {colour_of(series::result), "gathered from the selected columns"},
                          {"#ffffff", "output", selected_colour}};
    double x = 24;
    const double y = layout.height - 24;
    for (const entry& each : entries) {
        to.rounded(x, y - 10, 12, 12, 2, each.colour, each.outline);
        to.text(x + 18, y, each.words, 11, dark_colour);
        x += 18 + 5.5 * letters_in(each.words) + 16;
    }
}

}  // namespace detail

/// The SVG picture of a flow.
SEQUENT_COLD inline svg picture_of(const flow& shown) {
    const flow_layout layout = layout_of(shown);
    svg result(layout.width, layout.height);
    result.rectangle(0, 0, layout.width, layout.height, "#ffffff");
    // Lines of the input, which are many, are behind the others.
    for (const bool is_input : {true, false})
        for (const placed_flow& each : layout.flows)
            if (each.is_input == is_input) detail::add_flow(result, each);
    for (const placed_box& each : layout.panels)
        result.rounded(each.x, each.y, each.width, each.height, 8, "#f8f9fb", detail::line_colour);
    for (const placed_box& each : layout.blocks)
        result.rounded(each.x, each.y, each.width, each.height, 6, "#ffffff", detail::line_colour);
    for (const placed_flow& each : layout.flows) {
        result.line(detail::path_of({"M# #H#M# #H#"}, {each.from_x, each.from_y, each.leaves,
                                                       each.arrives, each.to_y, each.to_x - 5}),
                    detail::colour_of(each), 1.4);
        result.path(detail::path_of({"M# #l-6 -3v6z"}, {each.to_x, each.to_y}),
                    detail::colour_of(each));
    }
    for (const placed_grid& each : layout.grids) detail::add_grid(result, shown, layout, each);
    result.begin_group("text-anchor=\"middle\"");
    for (const placed_series& each : layout.rows) detail::add_series(result, shown, layout, each);
    result.end_group();
    for (const placed_box& each : layout.leaders)
        result.line(detail::path_of({"M# #v#"}, {each.x, each.y, each.height}),
                    detail::quiet_colour, 0.8);
    result.begin_group(
        "font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\"");
    for (const placed_text& each : layout.texts) {
        std::string more = each.ends_at_x ? "text-anchor=\"end\"" : "";
        if (each.kind == lettering::title || each.kind == lettering::heading)
            more += " font-weight=\"bold\"";
        result.text(each.x, each.y, each.words, size_of(each.kind),
                    each.kind == lettering::note ? detail::quiet_colour : detail::dark_colour, more,
                    each.whole);
    }
    result.end_group();
    detail::add_legend(result, layout);
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// Pictures of RASP programs and of their computation for an input.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// The picture in the format of the file name's extension.
inline std::string picture_in_format_of(const std::string& path, std::span<const draw::flow> rounds,
                                        const sequence& output,
                                        const draw::model_attention* model) {
    if (path.ends_with(".svg")) return draw::picture_of(rounds[0]).str();
    if (path.ends_with(".dot")) return draw::dot_of(rounds[0]);
    if (path.ends_with(".html")) return draw::page_of(rounds, output, model);
    fail_with<io::error>({path, ": a picture of a program ends with .svg, .dot or .html"});
}

/// The flow of a program; of a loop, that of each round in which a position replaces its states,
/// or of the first.
template <const auto& Program>
SEQUENT_COLD std::vector<draw::flow> flows_of(const sequence& input) {
    std::vector<draw::flow> result;
    if constexpr (is_loop<std::remove_cvref_t<decltype(Program)>>) {
        const loop_states states = run_loop(graph_of<Program>, input);
        for (std::size_t round = 0; round == 0 || round + 1 < states.size(); ++round)
            result.emplace_back(graph_of<Program>, analysis<Program>, input, states[round]);
    } else {
        result.emplace_back(graph_of<Program>, analysis<Program>, input);
    }
    return result;
}

}  // namespace detail

/// Draws how a program computes its output for an input, layer by layer: as a picture ("x.svg"), as
/// a Graphviz graph ("x.dot"), or as a page that shows for each token what each head attends to
/// ("x.html"). If `Compiled` is a model compiled from the program, the page also shows the
/// attention of its heads; a program with missing values, whose model has heads of its own for
/// them, is drawn without its model. Of a loop, the page shows all rounds, the picture and the
/// graph show the first. The file is written completely or not at all. Throws evaluation_error, and
/// io::error for another extension or if the file cannot be written.
template <const auto& Program, class Compiled = void>
SEQUENT_COLD void draw(const sequence& input, const std::string& path) {
    const std::vector<draw::flow> rounds = detail::flows_of<Program>(input);
    const sequence output = evaluate<Program>(input);
    if constexpr (std::is_void_v<Compiled>) {
        draw::write(detail::picture_in_format_of(path, rounds, output, nullptr), path);
    } else {
        static_assert(&detail::compilable<Program>() == &graph_of<Program>,
                      "sequent: a RASP program with none is drawn without its model, which has "
                      "other heads; omit the second argument");
        const draw::model_attention model{Compiled::attention(input), Compiled::run(input)};
        draw::write(detail::picture_in_format_of(path, rounds, output, &model), path);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_DRAW_HPP
