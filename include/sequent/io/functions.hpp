#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../number_text.hpp"
#include "../plan/source.hpp"

/// Reads from a model's rules the functions that file formats do not store: rotary positions,
/// activations, norms. Formats and name maps depend on them beside the shapes of the parameters.

namespace sequent::inline SEQUENT_ABI::io::detail {

using language::transformation;

/// All transformations of a model's rules, in the order of the rules.
template <class Model>
inline constexpr auto functions_of = [] {
    constexpr auto& rules = Model::plan::shapes.text.rules;
    constexpr int count = [] {
        int result = 0;
        for (const auto& rule : rules) result += static_cast<int>(rule.transformations.size());
        return result;
    }();
    plan::list<plan::transformation_use, count> result;
    for (const auto& rule : rules)
        for (const plan::transformation_use& use : rule.transformations) result.push(use);
    return result;
}();
/// Calls f(transformation_use) for each transformation of the model.
template <class Model, class F>
constexpr void for_each_function(F f) {
    for (const plan::transformation_use& use : functions_of<Model>) f(use);
}

/// Returns true if a rule of the model has a transformation of this kind.
template <class Model>
constexpr bool uses(transformation kind) {
    bool result = false;
    for_each_function<Model>([&](const auto& use) { result = result || use.kind == kind; });
    return result;
}

/// True if rotary positions rotate neighbours (x[2k], x[2k + 1]), false if they rotate the halves
/// of a head or the model has none.
template <class Model>
inline constexpr bool pairs_neighbours = [] {
    static_assert(
        !uses<Model>(transformation::rotary) || !uses<Model>(transformation::rotary_halves),
        "sequent: a model with both rotary() and rotary_halves() has no layout of heads "
        "that a name map could know");
    return uses<Model>(transformation::rotary);
}();

/// Number of the first elements of a head that rotary positions rotate; 0 if all, -1 if the number
/// differs among the rules.
template <class Model>
inline constexpr int rotated_of_head = [] {
    int result = 0;
    bool is_first = true;
    for_each_function<Model>([&](const plan::transformation_use& use) {
        if (use.kind != transformation::rotary && use.kind != transformation::rotary_halves) return;
        const int turned = static_cast<int>(use.numbers[1]);
        result = is_first || result == turned ? turned : -1;
        is_first = false;
    });
    return result;
}();

/// Describes the first difference between the model's functions and those of llama2.c's run.c;
/// empty if there is none. Masks are not compared: run.c always has a causal mask.
template <class Model>
std::string unlike_llama2c() {
    std::string problem;
    const auto differs = [&](std::string_view what, double value, std::string_view expected) {
        problem = std::string("the model's ").append(what).append(" is ");
        problem += number_text(value, 9) + ", llama2.c's is ";
        problem += expected;
    };
    const auto has = [&](std::string_view what, std::string_view expected) {
        problem = std::string("the model has ").append(what).append(", llama2.c has ");
        problem += expected;
    };
    for_each_function<Model>([&](const plan::transformation_use& use) {
        const double number = use.numbers[0];
        if (use.kind == transformation::rotary && number != 10000) {
            differs("rotary base", number, "10000");
        } else if (use.kind == transformation::rotary && use.numbers[1] > 0) {
            has("rotary positions of a part of each head", "those of whole heads");
        } else if (use.kind == transformation::rotary && use.scaling != rotary_scaling{}) {
            has("scaled angles of rotary positions", "plain ones");
        } else if (use.kind == transformation::scale) {
            has("a scaled embedding", "a plain one");
        } else if (use.kind == transformation::rotary_halves) {
            has("rotary_halves, which pairs halves of a head", "rotary, which pairs neighbours");
        } else if (use.kind == transformation::rms_norm && std::abs(number - 1e-5) > 1e-12) {
            differs("epsilon of rms_norm", number, "1e-05");
        } else if (use.kind == transformation::relu || use.kind == transformation::gelu ||
                   use.kind == transformation::gelu_tanh || use.kind == transformation::sigmoid) {
            has("another activation", "silu");
        } else if (use.kind == transformation::soft_cap) {
            has("a cap of scores or logits", "none");
        }
    });
    if (problem.empty() && !uses<Model>(transformation::rotary)) {
        has("no rotary positions", "them");
    }
    // Template options that do not show in the list of functions.
    if constexpr (requires { Model::shape.norm_first&& Model::shape.scaled; }) {
        if (!Model::shape.norm_first) has("norms behind residual sums", "norms before layers");
        if (!Model::shape.scaled) has("scores that are not scaled", "scaled ones");
        if constexpr (requires { Model::shape.parallel_branches; }) {
            constexpr auto& of = Model::shape;
            if (of.parallel_branches > 0) has("parallel branches", "one after the other");
            if (of.score_width > 0 && of.score_width != of.head_width)
                has("scores scaled by another width", "the head's");
        }
    }
    return problem;
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail
