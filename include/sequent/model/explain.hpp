#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "model.hpp"

/// explain(): a text that tells how a model is computed.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// Number of pairs (i, j) that an attention step computes, over all rounds of its outer loops.
/// Counts that are given at run time are taken as those that allow most pairs.
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

/// A step and what its text needs. It does not depend on the model's type: one function makes the
/// texts of all models.
struct explained_step {
    const plan::step* step = nullptr;
    plan::name head{};
    const row_step* row = nullptr;              // if it is a row step
    const attention_step* attention = nullptr;  // if it is attention or weights
    const plan::general_step* general = nullptr;
    long long pairs = 0;  // if it is attention
    const plan::fact_shape* facts = nullptr;
};

/// What a plan::reason says, and how to write the rule instead.
struct reason_text {
    std::string_view sentence;
    std::string_view cure;
};

/// The text of a reason.
SEQUENT_LAZY
SEQUENT_COLD reason_text text_of(plan::reason why) {
#define SEQUENT_REASON(FORM, NAME, SENTENCE, CURE) SENTENCE "\0" CURE "\0"
    const char* text = SEQUENT_REASONS(SEQUENT_REASON);
#undef SEQUENT_REASON
    const auto skip = [&] { text += std::string_view(text).size() + 1; };
    for (int at = 1; at < static_cast<int>(why); ++at) {
        skip();
        skip();
    }
    reason_text result;
    result.sentence = text;
    skip();
    result.cure = text;
    return result;
}

/// Largest number of ground rules that a general step visits. Conditions other than the pairs of
/// sparse facts may remove some.
SEQUENT_LAZY
inline long long ground_rules_of(const explained_step& each) {
    const plan::general_step& general = *each.general;
    long long count = 1;
    for (int index = 0; index < general.variables; ++index) count *= general.extents[index];
    for (const plan::pair_join& join : general.joins) {
        const int row = join.row.variable;
        const int column = join.column.variable;
        if (join.optional || row < 0 || column < 0 || row == column) continue;
        const long long all = 1LL * general.extents[row] * general.extents[column];
        const long long pairs = each.facts[join.fact].pairs;
        if (pairs < all) return count / all * pairs;  // other joins may be of the same variables
    }
    return count;
}

/// Multiplications and additions of one ground rule, without functions.
SEQUENT_LAZY
inline long long ground_operations_of(const plan::general_step& general) {
    long long operations = 0;
    plan::value_shape shape{};
    bool first = true;
    for (const plan::general_literal& item : general.literals) {
        if (item.required_nonzero || item.required_zero) continue;
        operations += 2LL * item.weight_rows * item.weight_columns;
        if (first) {
            shape = item.shape;
        } else if (general.combined == plan::combination::product && !shape.is_scalar() &&
                   !item.shape.is_scalar()) {
            operations += 2LL * shape.rows * shape.columns * item.shape.columns;
            shape.columns = item.shape.columns;
        } else {
            if (shape.is_scalar()) shape = item.shape;
            operations += shape.size();
        }
        first = false;
    }
    return operations + (general.variables > general.heads ? general.shape.size() : 0);
}

/// Step `At` of a plan.
template <class Plan, int At>
explained_step explained() {
    constexpr plan::step step = Plan::template step_at<At>;
    constexpr plan::name head =
        Plan::shapes.text.relations[Plan::shapes.text.rules[step.rule].head].id;
    explained_step result;
    result.facts = Plan::facts.begin();
    result.step = &Plan::template step_at<At>;
    result.head = head;
    if constexpr (step.kind == plan::step_kind::rows)
        result.row = &Plan::template row_step_at<step.at>;
    else if constexpr (step.kind == plan::step_kind::general)
        result.general = &Plan::template general_at<step.at>;
    else if constexpr (step.kind == plan::step_kind::attention ||
                       step.kind == plan::step_kind::weights)
        result.attention = &Plan::template attention_at<step.at>;
    if constexpr (step.kind == plan::step_kind::attention)
        result.pairs = attention_pairs<Plan, step.at>();
    return result;
}

/// Multiplications and additions of a step's forward pass: those of products, and in general steps
/// all but functions.
SEQUENT_LAZY
inline long long operations_of(const explained_step& each) {
    long long operations = 0;
    if (each.row != nullptr) {
        const row_step& row = *each.row;
        for (const row_term& term : row.terms)
            if (term.kind == term_kind::product)
                operations += 2LL * row.rows * row.columns() * term.depth * term.splits;
        for (int extent : row.outer_extents) operations *= extent;
    } else if (each.attention != nullptr) {
        operations = 2LL * each.attention->length;
        if (!each.attention->is_prepared())
            for (const plan::score_node& node : each.attention->nodes)
                if (node.kind == score_kind::dot) operations += 2LL * node.depth;
        operations *= each.pairs;
    } else if (each.general != nullptr) {
        operations = ground_rules_of(each) * ground_operations_of(*each.general);
    }
    return operations;
}

/// Appends a line: name, description and, if there are any, the operations in MFLOP.
SEQUENT_LAZY
SEQUENT_COLD void append_line(std::string& text, std::string_view name, std::string_view what,
                              long long operations, int depth) {
    const std::size_t begin = text.size();
    const auto fill_to = [&](std::size_t column) {
        if (text.size() < begin + column) text.resize(begin + column, ' ');
    };
    fill_to(static_cast<std::size_t>(2 * depth + 2));
    text += name;
    fill_to(22);
    append_text(text, {"  ", what});
    if (operations > 0) {
        fill_to(84);
        const std::string figure = fixed_text(static_cast<double>(operations) * 1e-6, 3);
        text.append(11 - std::min<std::size_t>(figure.size(), 10), ' ');
        append_text(text, {figure, " MFLOP"});
    }
    text += '\n';
}

/// The characters of a name.
SEQUENT_LAZY
inline std::string_view text_of(const plan::name& name) {
    return {name.text, static_cast<std::size_t>(name.length)};
}

/// The reasons why a general step has no fast form; that of the closest form first, with its cure.
SEQUENT_LAZY
SEQUENT_COLD void append_reasons(std::string& text, const plan::form_reasons& reasons, int depth) {
    static constexpr std::string_view forms[plan::fast_forms] = {"rows", "outer product",
                                                                 "attention"};
    const plan::reason closest = reasons.closest();
    const auto append = [&](int form) {
        const reason_text why = text_of(reasons.of[form]);
        text.append(static_cast<std::size_t>(2 * depth + 6), ' ');
        append_text(text, {"no ", forms[form], ": ", why.sentence});
        if (reasons.of[form] == closest) append_text(text, {" (", why.cure, ")"});
        text += '\n';
    };
    for (const bool first : {true, false})
        for (int form = 0; form < plan::fast_forms; ++form)
            if ((reasons.of[form] == closest) == first && reasons.of[form] != plan::reason::none &&
                reasons.of[form] != plan::reason::not_an_outer_product)
                append(form);
}

/// Appends the line of a step.
SEQUENT_LAZY
SEQUENT_COLD void append_step(std::string& text, const explained_step& each) {
    const plan::step& step = *each.step;
    std::string what;
    switch (step.kind) {
        case plan::step_kind::rows: {
            const row_step& row = *each.row;
            append_text(what, {row.pairs >= 0    ? "pairs "
                               : row.counts != 0 ? "rows up to "
                                                 : "rows ",
                               row.rows, " x ", row.columns()});
            int summands = 0;
            for (const row_term& term : row.terms) {
                if (term.kind == term_kind::product)
                    append_text(what, {", product with ", term.depth * term.splits, " inputs"});
                else if (term.kind == term_kind::gather)
                    what += ", rows of a table";
                else if (term.kind == term_kind::add)
                    ++summands;
            }
            if (summands > 0) append_text(what, {", ", summands, " more summands"});
            if (row.functions.size() > 0)
                append_text(what, {", ", row.functions.size(), " functions"});
            break;
        }
        case plan::step_kind::attention:
            append_text(
                what,
                {each.attention->is_prepared() ? "product with weights " : "attention ",
                 each.attention->rows, " x ", each.attention->columns, ", ", each.pairs, " pairs"});
            break;
        case plan::step_kind::weights:
            append_text(what, {"softmax ", each.attention->rows, " x ", each.attention->columns});
            break;
        case plan::step_kind::general:
            append_text(what,
                        {each.general->joins.size() > 0 ? "loops over pairs, " : "general loops, ",
                         ground_rules_of(each), " ground rules"});
            break;
        case plan::step_kind::repeat_begin:
            append_text(what,
                        {step.recurs ? "loop of " : "stack of ", step.end.any() ? "up to " : "",
                         step.repeat, step.recurs ? " steps" : " layers"});
            if (step.recurs && step.backward) what += ", the last first";
            break;
        default:
            return;
    }
    if (step.prepared) what += ", prepared";
    append_line(text, text_of(each.head), what, operations_of(each), step.depth);
    if (each.general != nullptr) append_reasons(text, each.general->reasons, step.depth);
}

/// The rules of a program.
template <const auto& Program>
inline constexpr auto program_text = plan::read<Program>();

/// Lists a relation with several rules, which may be intended, or two relations that share a name
/// by mistake. The rules of a recursion for different times do not count.
SEQUENT_LAZY
SEQUENT_COLD void append_several_rules(std::string& text, std::span<const plan::rule> rules,
                                       int relation, const plan::name& id) {
    std::string numbers;
    int count = 0;
    for (const plan::rule& written : rules) {
        bool everywhere = written.head == relation && !written.transforms_atom;
        for (int at = 0; at < written.arity; ++at)
            everywhere =
                everywhere && written.terms[at].variable >= 0 && written.terms[at].offset == 0;
        if (everywhere) append_text(numbers, {count++ > 0 ? ", " : "", written.number + 1});
    }
    if (count > 1) {
        append_line(text, text_of(id), joined_text({"follows from several rules: ", numbers}), 0,
                    0);
    }
}

/// Sizes in bytes of a workspace, a scratch, the state of `step` (-1 without one) and the KV cache
/// in it.
struct explained_memory {
    long long training = 0;
    long long inference = 0;
    long long state = -1;
    std::array<long long, 3> cache{};  // of these the KV cache: float, bf16, q8_0
};

/// Appends the sizes of parameters and memory.
SEQUENT_LAZY
SEQUENT_COLD void append_memory(std::string& text, long long parameters, long long bytes,
                                const explained_memory& of) {
    append_text(
        text, {"parameters  ", parameters, " numbers, ", bytes, " bytes as float\nworkspace   ",
               of.training, " bytes as float, for forward and backward\nscratch     ", of.inference,
               " bytes as float, for forward alone\n"});
    if (of.state < 0) return;
    append_text(text, {"state       ", of.state, " bytes as float, for step\n"});
    if (of.cache[0] > 0)
        append_text(text, {"  cache     ", of.cache[0], " bytes of it, keys and values; in bf16 ",
                           of.cache[1], ", in q8_0 ", of.cache[2], "\n"});
}

}  // namespace model_detail

/// Describes how a model is computed: its steps in order, with shapes, pairs and operations per
/// forward pass in MFLOP, then its memory in bytes. Rules without a line are fused into the step of
/// another rule. A general step, which is slow, is followed by the reason why each fast form does
/// not apply, and by how to write the rule instead. Read it first when a model is slow.
///
///     std::cout << explain<Model>();
template <class Model>
std::string explain() {
    using plan = typename Model::plan;
    std::string result;
    if constexpr (plan::ok) {
        result = "steps\n";
        kernel::unroll<plan::tables.steps.size()>([&](auto index) {
            if constexpr (!plan::template step_at<index()>.idle)
                model_detail::append_step(result, model_detail::explained<plan, index()>());
        });
        constexpr auto& text = model_detail::program_text<Model::program>;
        for (int relation = 0; relation < text.relations.size(); ++relation) {
            model_detail::append_several_rules(result, {text.rules.begin(), text.rules.end()},
                                               relation, text.relations[relation].id);
        }
        model_detail::explained_memory memory;
        memory.training = sizeof(typename Model::template workspace<float>);
        memory.inference = sizeof(typename Model::template scratch<float>);
        if constexpr (sequent::plan::state_plan_of<plan>::made.obstacle.rule < 0) {
            memory.state = sizeof(typename Model::template state<float>);
            // A constant: naming the plan at run time would put its tables into the program.
            constexpr auto cache = [] {
                std::array<long long, 3> bytes{};
                sequent::plan::add_cache_bytes(sequent::plan::state_plan_of<plan>::made, bytes);
                return bytes;
            }();
            memory.cache = cache;
        }
        model_detail::append_memory(result, Model::parameter_count,
                                    static_cast<long long>(sizeof(float)) * plan::tables.parameters,
                                    memory);
    }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI
