#pragma once

#include "check.hpp"

/// Names that the rules of these tests share.

namespace names {

using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h"> h;
inline constexpr var<"g", 2> g;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"z"> z;
inline constexpr relation<"a"> a;
inline constexpr relation<"b"> b;
inline constexpr relation<"c"> c;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"logit"> logit;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"out"> out;
inline constexpr bound<"length"> length;

template <fixed_string Name>
inline constexpr relation<Name> r;
template <fixed_string Name, int... Shape>
inline constexpr weight<Name, Shape...> W;

}  // namespace names

namespace check {

/// How many steps of each kind a plan has.
template <class Model>
constexpr int count_steps(sequent::plan::step_kind kind) {
    int count = 0;
    for (const auto& step : Model::plan::tables.steps) count += step.kind == kind ? 1 : 0;
    return count;
}
/// Whether all buffers or steps end at the plan's first count.
template <class List>
constexpr bool counts_all(const List& list) {
    return std::ranges::all_of(list, [](const auto& each) { return each.counts == 1; });
}
/// Whether the plan computes its attentions fused, and everything else by rows.
template <class Model>
inline constexpr bool is_fused = count_steps<Model>(sequent::plan::step_kind::attention) > 0 &&
                                 count_steps<Model>(sequent::plan::step_kind::general) == 0;

/// An attention that the plan fuses, whose pairs are as many as the ground rules of rule `Softmax`.
template <class Model, int Softmax = 0>
void attends(int count = 0) {
    interpreter_attends(written<Model>(count, 1, some_pairs), Softmax);
}

}  // namespace check
