#include "interpreted.hpp"

#include <algorithm>

#include "../catch.hpp"
#include "../random/read_text.hpp"
#include "../random/values.hpp"
#include "../random/verdict.hpp"
#include "check.hpp"

namespace check {

namespace {

using namespace random_programs;

std::string text(const sequent::plan::name& id) {
    return std::string(id.text, oracle::to_size(id.length));
}

/// The numbers of a plan: equal plans have the same.
std::vector<int> numbers_of(const tables& of) {
    std::vector<int> result{of.parameters, of.workspace, of.prepared};
    for (const plan::node& each : of.pool.nodes)
        result.insert(result.end(),
                      {static_cast<int>(each.kind), each.left, each.right, each.value});
    for (const plan::step& each : of.steps) {
        result.insert(result.end(), {static_cast<int>(each.kind), each.at, each.rule, each.repeat,
                                     each.depth, each.first, each.last, each.prepared});
        plan::visit_operands(of, each, [&](const plan::operand& used, plan::usage) {
            result.insert(result.end(), {static_cast<int>(used.where), used.index, used.offset,
                                         used.adjoint, used.moving});
        });
    }
    for (const plan::row_step& each : of.rows) {
        result.insert(
            result.end(),
            {each.rows, each.segments, each.length, static_cast<int>(each.counts),
             static_cast<int>(each.out_counts), each.pairs, each.condition, each.multiplies});
        for (const plan::row_function& function : each.functions)
            result.push_back(static_cast<int>(function.kind));
    }
    for (const plan::attention_step& each : of.attentions) {
        result.insert(result.end(), {each.rows, each.columns, each.length, each.condition});
        for (const plan::score_node& node : each.nodes)
            result.push_back(static_cast<int>(node.kind));
    }
    for (const plan::general_step& each : of.generals)
        for (const plan::general_literal& literal : each.literals)
            result.insert(result.end(),
                          {static_cast<int>(literal.kind), literal.rows, literal.columns});
    return result;
}

verdict judged(const written_model& model, const planned& of) {
    // Random programs are read as trees, types by the library's reader: both give one plan.
    if (of.ok()) {
        const std::unique_ptr<planned> read_as_tree = plan_program(model.program);
        REQUIRE(read_as_tree->ok());
        CHECK(numbers_of(*read_as_tree->steps) == numbers_of(*of.steps));
    }
    const verdict result = judge(model.program, of);
    INFO(result.reason << ": " << result.details);
    CHECK(result.result == outcome::agrees);
    return result;
}

/// How many pairs the first attention admits by its space, in one direction or the other.
long pairs_of_attention(const planned& of, int count, bool transposed) {
    const plan::attention_step& step = of.steps->attentions[0];
    const auto pick = [&](int row, int column) { return transposed ? column : row; };
    const plan::space space = make_space(of.steps->pool.nodes, step.condition,
                                         pick(step.row_variable, step.column_variable),
                                         pick(step.column_variable, step.row_variable));
    CHECK(space.exact);
    long result =
        pairs_of_space(space, pick(step.rows, step.columns), pick(step.columns, step.rows), count);
    for (int outer = 0; outer < step.outers; ++outer) result *= step.outer_extents[outer];
    return result;
}

/// Nothing is left to general loops.
void check_fused(const planned& of) {
    CHECK(std::ranges::count(of.steps->steps, plan::step_kind::general, &plan::step::kind) == 0);
}

long ground_rules_of(const written_model& model, const planned& of, int rule) {
    const oracle::world world = value_maker(model.program, of).made.world;
    return ground_rules(model.program.rules, world, rule);
}

}  // namespace

void add_facts(written_model& to, std::span<const sequent::plan::fact_shape> facts,
               std::span<const sequent::plan::name> queries, int count, std::uint64_t seed,
               int pair_count) {
    to.program.values = seed;
    for (const plan::fact_shape& shape : facts) {
        fact& made = to.program.facts.emplace_back();
        made.name = text(shape.id);
        made.kind = shape.kind;
        made.extents.assign(shape.extents, shape.extents + shape.rank);
        made.classes = shape.classes;
        made.count = count;
        made.pairs = shape.pairs;
        if (shape.up_to) made.length = count;
        if (shape.is_sparse()) {
            const int second = shape.rank > 1 ? shape.extents[1] : 1;
            const int most = std::min(shape.pairs, shape.extents[0] * second);
            made.given_pairs =
                pair_count == some_pairs ? (2 * most + 1) / 3 : std::min(pair_count, most);
        }
        made.runs = std::ranges::find(to.source->compared, shape.id) != to.source->compared.end();
    }
    for (const sequent::plan::name& name : queries) to.program.queries.push_back(text(name));
}

void interpreter_agrees(const written_model& model) {
    (void)judged(model, *plan_program(model.program, *model.source));
}

void interpreter_steps(const written_model& model) {
    CHECK(judged(model, *plan_program(model.program, *model.source)).stepped);
}

void interpreter_attends(const written_model& model, int softmax) {
    const std::unique_ptr<planned> of = plan_program(model.program, *model.source);
    (void)judged(model, *of);
    REQUIRE(of->ok());
    REQUIRE(of->steps->attentions.size() > 0);
    check_fused(*of);
    int count = 0;
    for (const fact& given : model.program.facts)
        if (given.kind == plan::fact_kind::count) count = given.count;
    const long expected = ground_rules_of(model, *of, softmax);
    CHECK(pairs_of_attention(*of, count, false) == expected);
    CHECK(pairs_of_attention(*of, count, true) == expected);
}

std::string told(std::string_view rules, std::string_view facts, bool steps) {
    program written = text_reader::read(rules, facts);
    const std::unique_ptr<planned> of = plan_program(written);
    const plan::diagnosis& mistake = of->mistake;
    if (mistake.ok()) {
        // Other numbers, and rows in blocks of other sizes.
        for (; written.values < (steps ? 4 : 1); ++written.values) {
            const verdict result = judge(written, *of);
            if (result.result != outcome::agrees) return result.reason + ": " + result.details;
            if (steps && !result.stepped) return "agrees, without steps";
        }
        return "agrees";
    }
    std::string result = mistake.rule < 0 ? "" : "rule ";
    if (mistake.stacked_by >= 0) result += std::to_string(mistake.stacked_by + 1) + ".";
    if (mistake.rule >= 0) result += std::to_string(mistake.rule + 1) + ", ";
    if (mistake.relation.length > 0) result += text(mistake.relation) + ": ";
    result += enumerator_name(mistake.found);
    std::string figures = text(mistake.first);
    if (mistake.second.length > 0) figures += ", " + text(mistake.second);
    if (mistake.left || mistake.right)
        figures += (figures.empty() ? "" : ", ") + std::to_string(mistake.left) + ", " +
                   std::to_string(mistake.right);
    return figures.empty() ? result : result + "<" + figures + ">";
}

long pairs_of_fused_attention(const written_model& model) {
    const std::unique_ptr<planned> of = plan_program(model.program, *model.source);
    REQUIRE(of->ok());
    (void)judged(model, *of);
    REQUIRE(of->steps->attentions.size() == 1);
    check_fused(*of);
    const auto& rules = model.program.rules.rules;
    const auto has_softmax = [](const oracle::tree::rule& rule) {
        return std::ranges::count(rule.transformations, sequent::language::transformation::softmax,
                                  &oracle::tree::transformation::kind) > 0 ||
               rule.aggregation == sequent::language::aggregation::softmax;
    };
    const auto at = std::ranges::find_if(rules, has_softmax);
    REQUIRE(at != rules.end());
    return ground_rules_of(model, *of, static_cast<int>(at - rules.begin()));
}

}  // namespace check
