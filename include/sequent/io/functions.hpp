#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../number_text.hpp"
#include "../plan/source.hpp"

/// What files of other libraries suppose of a model's rules beside the shapes of its parameters.

namespace sequent::inline SEQUENT_ABI::io::detail {

using language::transformation;

/// The functions of a model's rules.
template <class Model>
inline constexpr auto functions_of = [] {
    constexpr auto& rules = Model::plan::shapes.text.rules;
    constexpr int count = [] {
        int result = 0;
        for (const auto& rule : rules) result += rule.transformations.size();
        return result;
    }();
    plan::list<plan::transformation_use, count> result;
    for (const auto& rule : rules)
        for (const plan::transformation_use& use : rule.transformations) result.push(use);
    return result;
}();
/// Calls f(transformation_use) for each of them.
template <class Model, class F>
constexpr void for_each_function(F f) {
    for (const plan::transformation_use& use : functions_of<Model>) f(use);
}

template <class Model>
constexpr bool uses(transformation kind) {
    bool result = false;
    for_each_function<Model>([&](const auto& use) { result = result || use.kind == kind; });
    return result;
}

/// Whether rotary positions turn neighbours, (x[2k], x[2k + 1]), and not halves of a head.
template <class Model>
inline constexpr bool pairs_neighbours = [] {
    static_assert(
        !uses<Model>(transformation::rotary) || !uses<Model>(transformation::rotary_halves),
        "sequent: a model with both rotary() and rotary_halves() has no layout of heads "
        "that a name map could know");
    return uses<Model>(transformation::rotary);
}();

/// What llama2.c's run computes and a model's rules don't; nothing if there is no such difference.
/// Masks are not compared: the program has a causal one.
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
    // The templates' options that leave the functions as they are.
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
