// Sequent 0.2.0: explain.hpp as a single header, made by single_include/amalgamate.py
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

#ifndef SEQUENT_SINGLE_EXPLAIN_HPP
#define SEQUENT_SINGLE_EXPLAIN_HPP

#include "sequent.hpp"

/// The plan of a model as text, JSON or data: its steps, their sizes, and why a step is slow.
/// sequent.hpp does not include this header.

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

/// How a model is computed, as data.

namespace sequent::inline SEQUENT_ABI::elsewhere {
template <class... Types>
inline constexpr bool includes<header::explanation, Types...> = true;
}  // namespace sequent::inline SEQUENT_ABI::elsewhere

namespace sequent::inline SEQUENT_ABI {

/// How a model is computed: what explain() tells.
struct explanation {
    /// The reason why a fast form does not apply to a step.
    struct reason {
        std::string form;      ///< "rows", "outer product" or "attention"
        std::string sentence;  ///< why it does not apply
        std::string cure;      ///< of the closest form, how to write the rule instead
    };
    /// A step of the forward pass.
    struct step {
        std::string relation{};    ///< the relation that it computes, or that is stacked
        std::string kind{};        ///< rows, attention, softmax, loops, stack or recursion
        std::string what{};        ///< shapes and sizes in words
        int depth = 0;             ///< stacks and recursions around it
        bool prepared = false;     ///< computed once, from parameters alone
        long long operations = 0;  ///< multiplications and additions of one execution
        std::vector<std::string> computes{};  ///< all relations computed in it: "layers.q"
        std::vector<reason> reasons{};        ///< of loops, the closest form first
    };
    /// A relation that follows from several rules.
    struct several {
        std::string relation;    ///< its name
        std::vector<int> rules;  ///< their numbers, from 1 on
    };

    std::vector<step> steps{};               ///< in their order
    std::vector<several> several_rules{};    ///< such relations
    long long parameters = 0;                ///< number of weights
    long long parameter_bytes = 0;           ///< sizes in bytes, as float
    long long workspace_bytes = 0;           ///< memory for forward and backward
    long long scratch_bytes = 0;             ///< memory for forward alone
    long long state_bytes = -1;              ///< the state of `step`; -1: there is none
    std::array<long long, 3> cache_bytes{};  ///< of these the KV cache in float, bf16 and q8_0
};

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
    const char* computes = nullptr;  // relations_of_steps
    int number = 0;                  // of the step
};

/// The step that computes a rule, or in which it is fused; -1 if it is read in place or not at all.
template <class Plan>
constexpr int step_of_rule(int rule) {
    constexpr auto& text = Plan::shapes.text;
    constexpr auto& tables = Plan::tables;
    // A chain of fused rules has at most as many as there are.
    for (int turn = 0; turn < text.rules.size(); ++turn) {
        int found = -1;
        for (int at = 0; at < tables.steps.size(); ++at)
            if (tables.steps[at].rule == rule && !tables.steps[at].idle &&
                (tables.steps[at].kind != plan::step_kind::repeat_end))
                found = at;
        if (found >= 0) return found;
        const plan::relation_layout& layout = tables.relations[text.rules[rule].head];
        if (layout.where == plan::place::none) {
            rule = text.reader_of(text.rules[rule].head);
            if (rule < 0) return -1;
            continue;
        }
        if (layout.where != plan::place::value && layout.where != plan::place::prepared) return -1;
        // Grouped with others, or an alias: the first step whose result shares its buffer.
        for (int at = 0; at < tables.steps.size(); ++at) {
            const plan::step& step = tables.steps[at];
            if (step.kind == plan::step_kind::repeat_end || step.idle) continue;
            const plan::relation_layout& other = tables.relations[text.rules[step.rule].head];
            if (other.where == layout.where && other.index == layout.index) return at;
        }
        return -1;
    }
    return -1;
}

/// Calls visit(name) for the relations that step `At` computes, without those that the plan
/// invented.
template <class Plan, class Visit>
constexpr void visit_relations_of_step(int at, Visit visit) {
    constexpr auto& text = Plan::shapes.text;
    for (int rule = 0; rule < text.rules.size(); ++rule) {
        const plan::relation& head = text.relations[text.rules[rule].head];
        bool known = head.invented || step_of_rule<Plan>(rule) != at;
        for (int before = 0; before < rule; ++before)
            known = known || (text.rules[before].head == text.rules[rule].head &&
                              step_of_rule<Plan>(before) == at);
        if (!known) visit(name_in_scope(text, head.id, head.scope));
    }
}
/// The relations of all steps, each with a zero behind it, and a further zero behind each step.
template <class Plan>
inline constexpr auto relations_of_steps = [] {
    constexpr int steps = Plan::tables.steps.size();
    constexpr int size = [] {
        int result = steps;
        for (int at = 0; at < steps; ++at)
            visit_relations_of_step<Plan>(
                at, [&](const full_name& name) { result += name.length + 1; });
        return result;
    }();
    std::array<char, static_cast<std::size_t>(size)> result{};
    std::size_t used = 0;
    for (int at = 0; at < steps; ++at, ++used)
        visit_relations_of_step<Plan>(at, [&](const full_name& name) {
            for (int letter = 0; letter < name.length; ++letter) result[used++] = name.text[letter];
            ++used;
        });
    return result;
}();

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
    result.facts = Plan::with_choices.begin();
    result.step = &Plan::template step_at<At>;
    result.head = head;
    result.computes = relations_of_steps<Plan>.data();
    result.number = At;
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

/// Those of an attention step in chunks: the state is read and added to, and a chunk has pairs.
SEQUENT_LAZY
inline long long chunked_operations_of(const attention_step& of) {
    long long depth = 0;
    for (const plan::score_node& node : of.nodes) depth += node.depth;
    return 2LL * of.rounds() * of.rows *
           (2 * depth * of.length + of.chunk * (depth + of.length) / 2);
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
                operations += 2LL * row.rows * row.columns() * term.depth * term.splits();
        for (int extent : row.outer_extents) operations *= extent;
    } else if (each.attention != nullptr) {
        operations = 2LL * each.attention->length;
        if (!each.attention->is_prepared())
            for (const plan::score_node& node : each.attention->nodes)
                if (node.kind == score_kind::dot) operations += 2LL * node.depth;
        operations *= each.pairs;
        if (each.attention->chunk > 0) operations = chunked_operations_of(*each.attention);
    } else if (each.general != nullptr) {
        operations = ground_rules_of(each) * ground_operations_of(*each.general);
    }
    return operations;
}

/// The characters of a name.
SEQUENT_LAZY
inline std::string_view text_of(const plan::name& name) {
    return {name.text, static_cast<std::size_t>(name.length)};
}

/// The reasons why a general step has no fast form; that of the closest form first, with its cure.
SEQUENT_LAZY
SEQUENT_COLD void add_reasons(explanation::step& to, const plan::form_reasons& reasons) {
    static constexpr std::string_view forms[plan::fast_forms] = {"rows", "outer product",
                                                                 "attention"};
    const plan::reason closest = reasons.closest();
    for (const bool first : {true, false})
        for (int form = 0; form < plan::fast_forms; ++form)
            if ((reasons.of[form] == closest) == first && reasons.of[form] != plan::reason::none &&
                reasons.of[form] != plan::reason::not_an_outer_product) {
                const reason_text why = text_of(reasons.of[form]);
                to.reasons.push_back({std::string(forms[form]), std::string(why.sentence),
                                      std::string(first ? why.cure : std::string_view())});
            }
}

/// Describes a step. The end of a loop has no kind.
SEQUENT_LAZY
SEQUENT_COLD explanation::step described(const explained_step& each) {
    const plan::step& step = *each.step;
    explanation::step made;
    std::string& what = made.what;
    switch (step.kind) {
        case plan::step_kind::rows: {
            made.kind = "rows";
            const row_step& row = *each.row;
            append_text(what, {row.pairs >= 0    ? "pairs "
                               : row.counts != 0 ? "rows up to "
                                                 : "rows ",
                               row.rows, " x ", row.columns()});
            int summands = 0;
            for (const row_term& term : row.terms) {
                if (term.kind == term_kind::product)
                    append_text(what, {", product with ", term.depth * term.splits(), " inputs"});
                else if (term.kind == term_kind::gather)
                    what += ", rows of a table";
                else if (term.kind == term_kind::window)
                    append_text(what, {", window of ", term.splits(), " rows"});
                else if (term.kind == term_kind::add)
                    ++summands;
            }
            if (summands > 0) append_text(what, {", ", summands, " more summands"});
            if (row.functions.size() > 0)
                append_text(what, {", ", row.functions.size(), " functions"});
            break;
        }
        case plan::step_kind::attention:
            made.kind = "attention";
            append_text(what,
                        {each.attention->is_prepared() ? "product with weights " : "attention ",
                         each.attention->rows, " x ", each.attention->columns, ", ", each.pairs,
                         " pairs", each.attention->normalizes ? "" : ", no softmax"});
            if (each.attention->chunk > 0)
                append_text(what, {", in chunks of ", each.attention->chunk, " rows"});
            break;
        case plan::step_kind::weights:
            made.kind = "softmax";
            append_text(what, {"softmax ", each.attention->rows, " x ", each.attention->columns});
            break;
        case plan::step_kind::general:
            made.kind = "loops";
            append_text(what, {each.general->choice >= 0        ? "choices, "
                               : each.general->joins.size() > 0 ? "loops over pairs, "
                                                                : "general loops, ",
                               ground_rules_of(each), " ground rules"});
            break;
        case plan::step_kind::repeat_begin:
            made.kind = step.recurs ? "recursion" : step.carried >= 0 ? "fixpoint" : "stack";
            append_text(what, {step.recurs         ? "loop of "
                               : step.carried >= 0 ? "fixpoint of "
                                                   : "stack of ",
                               step.end.any() || step.carried >= 0 ? "up to " : "", step.repeat,
                               step.recurs         ? " steps"
                               : step.carried >= 0 ? " rounds"
                                                   : " layers"});
            if (step.recurs && step.backward) what += ", the last first";
            break;
        default:
            return made;
    }
    if (step.prepared) what += ", prepared";
    made.relation = text_of(each.head);
    made.depth = step.depth;
    made.prepared = step.prepared;
    made.operations = operations_of(each);
    const char* name = each.computes;
    for (int before = 0; before < each.number; ++name)
        if (*name == 0)
            ++before;
        else
            name += std::string_view(name).size();
    for (; *name != 0; name += made.computes.back().size() + 1) made.computes.emplace_back(name);
    if (each.general != nullptr) add_reasons(made, each.general->reasons);
    if (step.kind == plan::step_kind::attention &&
        each.attention->no_chunks != plan::reason::none) {
        const reason_text why = text_of(each.attention->no_chunks);
        made.reasons.push_back({"chunks", std::string(why.sentence), std::string(why.cure)});
    }
    return made;
}

/// The rules of a program.
template <const auto& Program>
inline constexpr auto program_text = plan::read<Program>();

/// The rules of a relation, if there are several, which may be intended, or if two relations share
/// a name by mistake. The rules of a recursion for different times do not count.
SEQUENT_LAZY
SEQUENT_COLD explanation::several several_rules(std::span<const plan::rule> rules, int relation,
                                                const plan::name& id) {
    explanation::several found{std::string(text_of(id)), {}};
    for (const plan::rule& written : rules) {
        bool everywhere = written.head == relation && !written.transforms_atom;
        for (int at = 0; at < written.arity; ++at)
            everywhere =
                everywhere && written.terms[at].variable >= 0 && written.terms[at].offset == 0;
        if (everywhere) found.rules.push_back(written.number + 1);
    }
    return found;
}
/// Calls visit(step), visit(several) for each relation, and returns the sizes.
template <class Model, class Visit>
explanation explain_to(Visit visit) {
    using plan = typename Model::plan;
    explanation result;
    kernel::unroll<plan::tables.steps.size()>([&](auto index) {
        if constexpr (!plan::template step_at<index()>.idle)
            visit(described(explained<plan, index()>()));
    });
    constexpr auto& text = program_text<Model::program>;
    for (int relation = 0; relation < text.relations.size(); ++relation)
        visit(several_rules({text.rules.begin(), text.rules.end()}, relation,
                            text.relations[relation].id));
    result.parameters = Model::parameter_count;
    result.parameter_bytes = static_cast<long long>(sizeof(float)) * plan::tables.parameters;
    result.workspace_bytes = sizeof(typename Model::template workspace<float>);
    result.scratch_bytes = sizeof(typename Model::template scratch<float>);
    if constexpr (sequent::plan::state_plan_of<plan>::made.obstacle.rule < 0) {
        result.state_bytes = sizeof(typename Model::template state<float>);
        // A constant: naming the plan at run time would put its tables into the program.
        constexpr auto cache = [] {
            std::array<long long, 3> bytes{};
            sequent::plan::add_cache_bytes(sequent::plan::state_plan_of<plan>::made, bytes);
            return bytes;
        }();
        result.cache_bytes = cache;
    }
    return result;
}

/// Collects the parts of an explanation.
struct explanation_parts {
    explanation& to;
    void operator()(explanation::step step) const {
        if (!step.kind.empty()) to.steps.push_back(std::move(step));
    }
    void operator()(explanation::several of) const {
        if (of.rules.size() > 1) to.several_rules.push_back(std::move(of));
    }
};

}  // namespace model_detail

/// How a model is computed, as data; empty for an ill-formed program.
template <class Model>
[[nodiscard]] explanation explanation_of() {
    explanation parts;
    if constexpr (Model::plan::ok) {
        explanation result =
            model_detail::explain_to<Model>(model_detail::explanation_parts{parts});
        result.steps = std::move(parts.steps);
        result.several_rules = std::move(parts.several_rules);
        return result;
    } else {
        return parts;
    }
}

}  // namespace sequent::inline SEQUENT_ABI

/// explain(): how a model is computed, as text and as JSON.

namespace sequent::inline SEQUENT_ABI::elsewhere {
template <class... Types>
inline constexpr bool includes<header::explain, Types...> = true;
}  // namespace sequent::inline SEQUENT_ABI::elsewhere

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

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

/// Appends the text of a step.
SEQUENT_LAZY
SEQUENT_COLD void append_text_of(std::string& text, const explanation::step& step) {
    if (step.kind.empty()) return;
    append_line(text, step.relation, step.what, step.operations, step.depth);
    for (const explanation::reason& why : step.reasons) {
        text.append(static_cast<std::size_t>(2 * step.depth + 6), ' ');
        append_text(text, {"no ", why.form, ": ", why.sentence});
        if (!why.cure.empty()) append_text(text, {" (", why.cure, ")"});
        text += '\n';
    }
}
/// Appends the text of a relation with several rules.
SEQUENT_LAZY
SEQUENT_COLD void append_text_of(std::string& text, const explanation::several& of) {
    if (of.rules.size() < 2) return;
    std::string what = "follows from several rules: ";
    for (const int number : of.rules)
        append_text(what, {number == of.rules[0] ? "" : ", ", number});
    append_line(text, of.relation, what, 0, 0);
}
/// Appends the sizes of parameters and memory.
SEQUENT_LAZY
SEQUENT_COLD void append_memory(std::string& text, const explanation& of) {
    append_text(text, {"parameters  ", of.parameters, " numbers, ", of.parameter_bytes,
                       " bytes as float\nworkspace   ", of.workspace_bytes,
                       " bytes as float, for forward and backward\nscratch     ", of.scratch_bytes,
                       " bytes as float, for forward alone\n"});
    if (of.state_bytes < 0) return;
    append_text(text, {"state       ", of.state_bytes, " bytes as float, for step\n"});
    if (of.cache_bytes[0] > 0)
        append_text(text,
                    {"  cache     ", of.cache_bytes[0], " bytes of it, keys and values; in bf16 ",
                     of.cache_bytes[1], ", in q8_0 ", of.cache_bytes[2], "\n"});
}

/// Writes an explanation as JSON.
template <class = void>
class explanation_as_json {
  public:
    SEQUENT_COLD static std::string of(const explanation& from) {
        explanation_as_json to;
        to.list("{\"steps\":", from.steps, [&](const explanation::step& step) {
            append_text(to.text_, {"\n {\"relation\":", quoted(step.relation),
                                   ",\"kind\":", quoted(step.kind), ",\"what\":", quoted(step.what),
                                   ",\"depth\":", step.depth,
                                   ",\"prepared\":", step.prepared ? "true" : "false",
                                   ",\"operations\":", step.operations});
            to.list(",\"computes\":", step.computes,
                    [&](const std::string& name) { to.text_ += quoted(name); });
            to.list(",\"reasons\":", step.reasons, [&](const explanation::reason& why) {
                append_text(to.text_, {"{\"form\":", quoted(why.form), ",\"reason\":",
                                       quoted(why.sentence), ",\"cure\":", quoted(why.cure), "}"});
            });
            to.text_ += '}';
        });
        to.list(",\n\"several_rules\":", from.several_rules, [&](const explanation::several& each) {
            append_text(to.text_, {"{\"relation\":", quoted(each.relation)});
            to.list(",\"rules\":", each.rules,
                    [&](int number) { append_text(to.text_, {number}); });
            to.text_ += '}';
        });
        append_text(to.text_, {",\n\"parameters\":", from.parameters, ",\"parameter_bytes\":",
                               from.parameter_bytes, ",\"workspace_bytes\":", from.workspace_bytes,
                               ",\"scratch_bytes\":", from.scratch_bytes});
        if (from.state_bytes >= 0)
            append_text(to.text_, {",\"state_bytes\":", from.state_bytes,
                                   ",\"cache_bytes\":{\"float\":", from.cache_bytes[0],
                                   ",\"bf16\":", from.cache_bytes[1],
                                   ",\"q8_0\":", from.cache_bytes[2], "}"});
        return to.text_ + "}\n";
    }

  private:
    std::string text_;

    template <class List, class Add>
    SEQUENT_COLD void list(const char* name, const List& of, Add add) {
        append_text(text_, {name, "["});
        bool first = true;
        for (const auto& each : of) {
            if (!first) text_ += ',';
            first = false;
            add(each);
        }
        text_ += ']';
    }
    static std::string quoted(std::string_view text) {
        std::string result;
        append_json_string(result, text);
        return result;
    }
};
}  // namespace model_detail

/// Describes how a model is computed: its steps in order, with shapes, pairs and operations per
/// forward pass in MFLOP, then its memory in bytes. Rules without a line are fused into the step of
/// another rule. A general step, which is slow, is followed by the reason why each fast form does
/// not apply, and by how to write the rule instead. Read it first when a model is slow.
///
///     std::cout << explain<Model>();
template <class Model>
[[nodiscard]] std::string explain() {
    std::string result;
    if constexpr (Model::plan::ok) {
        result = "steps\n";
        model_detail::append_memory(result,
                                    model_detail::explain_to<Model>([&result](const auto& part) {
                                        model_detail::append_text_of(result, part);
                                    }));
    }
    return result;
}

/// The same as a JSON object: "steps", each with "relation", "kind", "what", "depth", "prepared",
/// "operations", the relations that it "computes" and the "reasons" why it has no fast form;
/// "several_rules"; "parameters" and sizes in bytes. Operations are multiplications and additions
/// of one forward pass.
template <class Model>
[[nodiscard]] std::string explain_as_json() {
    return model_detail::explanation_as_json<>::of(explanation_of<Model>());
}

}  // namespace sequent::inline SEQUENT_ABI

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

#endif  // SEQUENT_SINGLE_EXPLAIN_HPP
