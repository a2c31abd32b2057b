#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "../model.hpp"

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
