#pragma once

// First: it says what a full list of the planner does.
#include "../random/planned.hpp"

#include <memory>
#include <sequent/model.hpp>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

/// Checks a model's program without compiling a runner: the planner's stages are called at run
/// time, the plan is interpreted, and values, gradients and steps are compared with the oracle.
/// What is a template reads the program's type; the rest is compiled once, in interpreted.cpp.

namespace check {

/// A model whose type is forgotten.
struct written_model {
    random_programs::program program{};
    /// The rules as the library reads their types.
    std::unique_ptr<random_programs::source> source = std::make_unique<random_programs::source>();
};

/// How many pairs a sparse fact is given where nothing else is asked for: two thirds of those that
/// it has room for.
inline constexpr int some_pairs = -1;

/// Adds the facts and queries of a model; `count` is the value of each of its counts.
void add_facts(written_model& to, std::span<const sequent::plan::fact_shape> facts,
               std::span<const sequent::plan::name> queries, int count, std::uint64_t seed,
               int pair_count);

/// Reads the parts of a model, which need not be complete: no stage of its plan is instantiated.
template <const auto& Program, class... Facts>
written_model written_of(const sequent::model<Program, Facts...>*, int count, std::uint64_t seed,
                         int pair_count) {
    namespace plan = sequent::plan;
    constexpr plan::sizes needed = plan::size_of<std::remove_cvref_t<decltype(Program)>>;
    constexpr plan::sizes room = random_programs::program_room;
    static_assert(needed.rules <= room.rules && needed.literals <= room.literals &&
                      needed.nodes <= room.nodes && needed.scopes <= room.scopes,
                  "the interpreter has no room for the program");
    written_model result;
    result.program.rules = oracle::tree::read(Program);
    plan::reader<room> reader;
    reader.read(Program);
    *result.source = reader.out;
    plan::list<plan::fact_shape, sizeof...(Facts)> facts;
    plan::list<plan::name, plan::max_queries> queries;
    const auto add = [&]<class Fact>(plan::fact_reader<Fact>) {
        if constexpr (plan::fact_reader<Fact>::is_query)
            plan::fact_reader<Fact>::read(queries);
        else
            facts.push(plan::fact_reader<Fact>::read());
    };
    (add(plan::fact_reader<Facts>{}), ...);
    add_facts(result, {facts.begin(), facts.end()}, {queries.begin(), queries.end()}, count, seed,
              pair_count);
    return result;
}
template <class Model>
written_model written(int count, std::uint64_t seed, int pair_count) {
    return check::written_of(static_cast<const Model*>(nullptr), count, seed, pair_count);
}

/// Values and gradients, and each row by `step` where there is such a plan.
void interpreter_agrees(const written_model& model);

/// Computed row by row, too.
void interpreter_steps(const written_model& model);

/// An attention that the plan fuses, whose pairs are as many as the ground rules of rule `softmax`.
void interpreter_attends(const written_model& model, int softmax);

/// What the planner says of a program that is given as text (random/read_text.hpp): "agrees" with
/// the oracle in values, gradients and steps, or its mistake, such as
/// "rule 2, out: wrong_number_of_arguments<2, 1>". `steps` asks that rows can be computed one after
/// another.
std::string told(std::string_view rules, std::string_view facts, bool steps = false);

/// How many ground rules the softmax of the program's only attention has, which the plan fuses; and
/// all that `interpreter_agrees` checks.
long pairs_of_fused_attention(const written_model& model);

}  // namespace check
