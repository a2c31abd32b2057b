#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "../number_text.hpp"
#include "model.hpp"

/// What a plan does, as text.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// How many (i, j) an attention step computes, over all of its outer loops; counts given at run
/// time are taken as those with which most pairs hold.
template <class Plan, int At>
long long attention_pairs() {
    constexpr auto& kinds = mask_kinds<Plan, At>;
    constexpr int rounds =
        plan::different_rounds(Plan::tables.pool, Plan::template attention_at<At>);
    long long pairs = 0;
    kernel::unroll<kinds.first.size()>([&](auto kind) {
        const long long each = attention_shape<Plan, At, kind()>::pairs();
        for (int round = 0; round < rounds; ++round)
            if (kinds.kind_of[round] == kind()) pairs += each;
    });
    return pairs * (Plan::template attention_at<At>.rounds() / rounds);
}

/// The multiplications and additions of a step's forward pass, in the products alone.
template <class Plan, int At>
long long step_operations() {
    constexpr plan::step step = Plan::template step_at<At>;
    long long operations = 0;
    if constexpr (step.kind == plan::step_kind::rows) {
        constexpr row_step row = Plan::template row_step_at<step.at>;
        for (const row_term& term : row.terms)
            if (term.kind == term_kind::product)
                operations += 2LL * row.rows * row.columns() * term.depth * term.splits;
        for (int extent : row.outer_extents) operations *= extent;
    } else if constexpr (step.kind == plan::step_kind::attention) {
        using shape = attention_shape<Plan, step.at>;
        long long each = 2LL * shape::length;
        if constexpr (!shape::step.is_prepared())
            for (const plan::score_node& node : shape::step.nodes)
                if (node.kind == score_kind::dot) each += 2LL * node.depth;
        operations = each * attention_pairs<Plan, step.at>();
    }
    return operations;
}

inline std::string step_line(const std::string& name, const std::string& what, long long operations,
                             int depth) {
    const auto indent = static_cast<std::size_t>(2 * depth + 2);
    std::string result(indent, ' ');
    const auto fill_to = [&](std::size_t column) {
        if (result.size() < column) result.resize(column, ' ');
    };
    result += name;
    fill_to(22);
    result += "  " + what;
    if (operations > 0) {
        fill_to(84);
        const std::string figure = fixed_text(static_cast<double>(operations) * 1e-6, 3);
        result.append(11 - std::min<std::size_t>(figure.size(), 10), ' ');
        result += figure + " MFLOP";
    }
    return result + "\n";
}

template <class Plan, int At>
std::string describe_step() {
    constexpr plan::step step = Plan::template step_at<At>;
    constexpr plan::name id =
        Plan::shapes.text.relations[Plan::shapes.text.rules[step.rule].head].id;
    const std::string name(id.text, static_cast<std::size_t>(id.length));
    std::string what;
    if constexpr (step.kind == plan::step_kind::rows) {
        constexpr row_step row = Plan::template row_step_at<step.at>;
        what = row.pairs >= 0 ? "pairs " : row.count >= 0 ? "rows up to " : "rows ";
        what += std::to_string(row.rows) + " x " + std::to_string(row.columns());
        kernel::unroll<row.terms.size()>([&](auto index) {
            constexpr row_term term = row.terms[index()];
            if constexpr (term.kind == term_kind::product)
                what += ", product with " + std::to_string(term.depth * term.splits) + " inputs";
            else if constexpr (term.kind == term_kind::gather)
                what += ", rows of a table";
        });
        constexpr int products = [] {
            int count = 0;
            for (const row_term& term : Plan::template row_step_at<step.at>.terms)
                count += term.kind == term_kind::add ? 1 : 0;
            return count;
        }();
        if (products > 0) what += ", " + std::to_string(products) + " more summands";
        if (row.functions.size() > 0)
            what += ", " + std::to_string(row.functions.size()) + " functions";
    } else if constexpr (step.kind == plan::step_kind::attention) {
        using shape = attention_shape<Plan, step.at>;
        what = shape::step.is_prepared() ? "product with weights " : "attention ";
        what += std::to_string(shape::rows) + " x " + std::to_string(shape::columns) + ", " +
                std::to_string(attention_pairs<Plan, step.at>()) + " pairs";
    } else if constexpr (step.kind == plan::step_kind::weights) {
        using shape = attention_shape<Plan, step.at>;
        what = "softmax " + std::to_string(shape::rows) + " x " + std::to_string(shape::columns);
    } else if constexpr (step.kind == plan::step_kind::general) {
        constexpr plan::general_step general = Plan::template general_at<step.at>;
        what = general.joins.size() > 0 ? "loops over pairs" : "general loops";
    } else if constexpr (step.kind == plan::step_kind::repeat_begin && step.recurs) {
        what = "loop of " + std::to_string(step.repeat) + " steps";
        if (step.backward) what += ", the last first";
    } else if constexpr (step.kind == plan::step_kind::repeat_begin) {
        what = "stack of " + std::to_string(step.repeat) + " layers";
    } else {
        return {};
    }
    if constexpr (step.prepared) what += ", prepared";
    return step_line(name, what, step_operations<Plan, At>(), step.depth);
}

/// Relations with several rules, which may be meant, or two relations that share a name by mistake.
/// The rules of a recursion are for different times.
template <const auto& Program>
std::string describe_several_rules() {
    constexpr auto text = plan::read<Program>();
    std::string result;
    for (int relation = 0; relation < text.relations.size(); ++relation) {
        std::string numbers;
        int count = 0;
        for (const plan::rule& written : text.rules) {
            bool everywhere = written.head == relation && !written.transforms_atom;
            for (int at = 0; at < written.arity; ++at)
                everywhere =
                    everywhere && written.terms[at].variable >= 0 && written.terms[at].offset == 0;
            if (!everywhere) continue;
            numbers += (count++ > 0 ? ", " : "") + std::to_string(written.number + 1);
        }
        const plan::name& id = text.relations[relation].id;
        if (count > 1)
            result += step_line(std::string(id.text, static_cast<std::size_t>(id.length)),
                                "follows from several rules: " + numbers, 0, 0);
    }
    return result;
}

}  // namespace model_detail

/// The steps of a model in order, with shapes, pairs and operations, then its memory: the first
/// thing to look at. Rules without a line are fused into the step of another.
template <class Model>
std::string explain() {
    using plan = typename Model::plan;
    std::string result = "steps\n";
    kernel::unroll<plan::tables.steps.size()>(
        [&](auto index) { result += model_detail::describe_step<plan, index()>(); });
    result += model_detail::describe_several_rules<Model::program>();
    constexpr auto bytes = [](long long numbers) {
        return std::to_string(numbers * static_cast<long long>(sizeof(float)));
    };
    result += "parameters  " + std::to_string(Model::parameter_count) + " numbers, " +
              bytes(plan::tables.parameters) + " bytes as float\n";
    result += "workspace   " + bytes(plan::tables.workspace) +
              " bytes as float, for forward and backward\n";
    if constexpr (sequent::plan::state_plan_of<plan>::made.obstacle.rule < 0) {
        using state = typename Model::template state<float>;
        result += "state       " + std::to_string(sizeof(state)) + " bytes, for step\n";
    }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI
