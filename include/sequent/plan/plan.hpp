#pragma once

#include "build.hpp"
#include "loop.hpp"
#include "read.hpp"
#include "rows_form.hpp"
#include "shaper.hpp"

/// The plan of a model: its stages, each a constexpr variable of its own, because Clang limits the
/// evaluation steps of each.

namespace sequent::inline SEQUENT_ABI::plan {

/// True if the first extent of a fact is up_to<N>.
template <auto...>
inline constexpr bool begins_with_length = false;
/// True if the first extent is up_to<N>.
template <auto First, auto... Rest>
inline constexpr bool begins_with_length<First, Rest...> = requires {
    decltype(First)::most;
};

/// Reads an argument of a model: `read` gives the shape of a fact or a count, or adds the names of
/// a query. An ill-formed fact fails a static_assert.
template <class T>
struct fact_reader;
/// The reader of a fact.
template <language::fixed_string Name, auto... Shape>
struct fact_reader<language::fact<Name, Shape...>> {
    static constexpr bool is_query = false;
    static constexpr fact_shape read() {
        static_assert(sizeof...(Shape) <= max_fact_rank, "sequent: a fact has up to 6 dimensions");
        constexpr int lengths = (0 + ... + (requires { decltype(Shape)::most; } ? 1 : 0));
        constexpr int rank = (lengths + ... + (std::is_integral_v<decltype(Shape)> ? 1 : 0));
        constexpr bool sparse = (... || requires { decltype(Shape)::pairs; });
        static_assert(!sparse || rank >= 1,
                      "sequent: a sparse fact has one to four indices and up to two extents of its "
                      "values: fact<\"edge\", sparse<90>, 40, 40, 3>");
        static_assert(lengths == 0 || (lengths == 1 && !sparse && begins_with_length<Shape...>),
                      "sequent: up_to<N> is the first extent of a dense fact; a sparse one takes "
                      "any number of pairs as it is, and its relations end where those end that "
                      "its rules mention besides");
        fact_shape result;
        result.id = make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
        [[maybe_unused]] auto add = [&]<class Extent>(Extent extent) {
            if constexpr (std::is_integral_v<Extent>) {
                result.extents[result.rank++] = static_cast<int>(extent);
            } else if constexpr (requires { Extent::most; }) {
                result.up_to = true;
                result.extents[result.rank++] = Extent::most;
            } else if constexpr (requires { Extent::pairs; }) {
                result.pairs = Extent::pairs;
            } else {
                result.kind = fact_kind::symbols;
                result.classes = Extent::classes;
            }
        };
        (add(Shape), ...);
        result.indices = result.rank < 2 ? 1 : 2;  // unless the program reads it otherwise
        return result;
    }
};
/// The reader of a count.
template <language::fixed_string Name>
struct fact_reader<language::bound<Name>> {
    static constexpr bool is_query = false;
    static constexpr fact_shape read() {
        fact_shape result;
        result.id = make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
        result.kind = fact_kind::count;
        return result;
    }
};
/// The reader of a query.
template <language::fixed_string... Names>
struct fact_reader<language::query<Names...>> {
    static constexpr bool is_query = true;
    static constexpr void read(list<name, max_queries>& names) {
        static_assert(sizeof...(Names) <= max_queries, "sequent: a query names up to 16 relations");
        (names.push(make_name(Names.characters, static_cast<int>(sizeof(Names.characters)) - 1)),
         ...);
    }
};

/// Among the facts of a model: the relation that tap() reads, with the names of the stacks around
/// it. It has memory of its own, which is kept until the end of forward.
template <language::fixed_string Path>
struct tapped {};
/// The reader of a tapped relation.
template <language::fixed_string Path>
struct fact_reader<tapped<Path>> {
    static constexpr bool is_query = true;  // a query that names no output
    static constexpr void read(list<name, max_queries>&) {}
    static constexpr name path =
        make_name(Path.characters, static_cast<int>(sizeof(Path.characters)) - 1);
};

/// The reader of require_fused.
template <>
struct fact_reader<language::require_fused> {
    static constexpr bool is_query = true;  // a query that names no output
    static constexpr void read(list<name, max_queries>&) {}
};

/// The mistake that the first general step is under require_fused; none if there is no such step.
template <class Drafted>
constexpr diagnosis general_step_in(const Drafted& unplaced) {
    diagnosis result;
    for (const step& made : unplaced.out.steps) {
        if (made.kind != step_kind::general || made.idle || !result.ok()) continue;
        if (unplaced.out.generals[made.at].compares_alone()) continue;
        const rule& written = unplaced.rule_of(made.rule);
        const int stacking = unplaced.in.text.scopes[written.scope].rule;
        result.found = fault::no_fused_step_computes_the_rule;
        result.rule = written.number;
        result.relation = unplaced.in.text.relations[written.head].id;
        result.left = static_cast<int>(unplaced.out.generals[made.at].reasons.closest());
        result.stacked_by = stacking < 0 ? -1 : unplaced.in.text.rules[stacking].number;
    }
    return result;
}

/// The normalised source of a program.
template <const auto& Program>
inline constexpr auto source_of = normalise(read<Program>());

/// The capacity of a source.
template <sizes Sizes>
constexpr sizes sizes_of(const source<Sizes>&) {
    return Sizes;
}

/// The list with room for more.
template <int Capacity, class List>
constexpr auto widened(const List& from) {
    list<fact_shape, Capacity> result;
    for (const fact_shape& each : from) result.push(each);
    return result;
}

/// In place of a stage that a program does not need.
struct nothing {};

/// The result of the loop planner for a stage, or the stage itself if the program has no recursion.
template <bool Loops, class Planner, class Stage, class Take>
constexpr const auto& chosen(const Planner& planner, const Stage& stage, Take take) {
    if constexpr (Loops)
        return take(planner);
    else
        return stage;
}

/// The part of a plan that kernels see: single steps with offsets, never the whole plan, whose
/// tables would otherwise become part of the program. `Placed` is a plan whose memory is laid out.
template <class Placed>
struct single_steps {
    /// Entry At of the plan.
    template <int At>
    static constexpr step step_at = Placed::tables.steps[At];
    /// Row step At.
    template <int At>
    static constexpr row_step row_step_at = Placed::tables.rows[At];
    /// Attention step At.
    template <int At>
    static constexpr attention_step attention_at = Placed::tables.attentions[At];
    /// General step At.
    template <int At>
    static constexpr general_step general_at = Placed::tables.generals[At];
    /// What the rounds of fixpoint At pass on.
    template <int At>
    static constexpr carried_value carried_at = Placed::tables.carried[At];
    /// Node At of the conditions.
    template <int At>
    static constexpr node node_at = Placed::tables.pool.nodes[At];
    /// The index of the pairs that a step chooses.
    template <int Choice>
    static constexpr operand chosen_at = [] {
        operand result;
        for (const general_step& each : Placed::tables.generals)
            if (each.choice == Choice) result = each.chosen;
        return result;
    }();
};

/// The plan of a program over facts, with its memory laid out for training.
template <const auto& Program, class... Facts>
struct plan_of : single_steps<plan_of<Program, Facts...>> {
    /// The number of facts and counts.
    static constexpr int fact_count = (0 + ... + (fact_reader<Facts>::is_query ? 0 : 1));
    /// The capacity of the arrays.
    static constexpr sizes size = sizes_of(source_of<Program>);
    /// The number of facts, counts, and lists of pairs that rules choose.
    static constexpr int lists = [] {
        int result = fact_count;
        for (const rule& written : source_of<Program>.rules) result += written.chooses();
        return result;
    }();

    /// The shapes of the facts and counts, in the order of the model, as they are declared.
    static constexpr auto declared = [] {
        list<fact_shape, fact_count> result;
        auto add = [&]<class Fact>(fact_reader<Fact> reader) {
            if constexpr (!decltype(reader)::is_query) result.push(reader.read());
        };
        (add(fact_reader<Facts>{}), ...);
        return result;
    }();
    /// The names of the outputs; empty without a query.
    static constexpr auto queries = [] {
        list<name, max_queries> result;
        auto add = [&]<class Fact>(fact_reader<Fact> reader) {
            if constexpr (decltype(reader)::is_query) reader.read(result);
        };
        (add(fact_reader<Facts>{}), ...);
        return result;
    }();
    /// The path of the tapped relation; empty without one.
    static constexpr auto tapped_path = [] {
        name result;
        [[maybe_unused]] auto add = [&]<class Fact>(fact_reader<Fact>) {
            if constexpr (requires { fact_reader<Fact>::path; }) result = fact_reader<Fact>::path;
        };
        (add(fact_reader<Facts>{}), ...);
        return result;
    }();
    /// The program with its shapes.
    static constexpr auto written =
        shaper<size, lists>(source_of<Program>, widened<lists>(declared), queries, tapped_path).out;
    /// The shapes of the facts and counts as the program reads them.
    static constexpr auto facts = [] {
        list<fact_shape, fact_count> result;
        for (int at = 0; at < fact_count; ++at) result.push(written.facts[at]);
        return result;
    }();
    /// The domains.
    static constexpr auto found = [] {
        if constexpr (written.mistake.ok())
            return domain_finder<size, lists>(written).out;
        else
            return domains<size>{};
    }();
    /// True if the program has a recursion.
    static constexpr bool loops = [] {
        bool result = false;
        for (int at : written.order) result = result || written.text.rules[at].recurs.loop >= 0;
        return result && written.mistake.ok() && found.mistake.ok();
    }();
    /// The recursions as loops.
    static constexpr auto looped = [] {
        if constexpr (loops)
            return loop_planner<size, lists>(written, found);
        else
            return nothing{};
    }();
    /// The program with its shapes, recursions as loops.
    static constexpr const auto& shapes = chosen<loops>(
        looped, written, [](const auto& planner) -> const auto& { return planner.program; });
    /// The domains, recursions as loops.
    static constexpr const auto& conditions = chosen<loops>(
        looped, found, [](const auto& planner) -> const auto& { return planner.conditions; });
    /// The shapes of the facts and, after them, of the pairs that rules choose: a small object, in
    /// place of all shapes.
    static constexpr auto with_choices = shapes.facts;
    /// True if no mistake is found so far.
    static constexpr bool understood = shapes.mistake.ok() && conditions.mistake.ok();
    /// The steps before memory is laid out.
    static constexpr auto unplaced = [] {
        draft<size, lists> work(shapes, conditions);
        if constexpr (understood) builder<draft<size, lists>> build(work);
        return drafted<size, lists>(work);
    }();
    /// True if require_fused is among the facts.
    static constexpr bool requires_fused =
        (false || ... || std::is_same_v<Facts, language::require_fused>);
    /// The first mistake of the program.
    static constexpr diagnosis mistake = !shapes.mistake.ok()       ? shapes.mistake
                                         : !conditions.mistake.ok() ? conditions.mistake
                                         : requires_fused && unplaced.mistake.ok()
                                             ? general_step_in(unplaced)
                                             : unplaced.mistake;
    /// True if the program is well-formed.
    static constexpr bool ok = mistake.ok();
    /// The steps, laid out for training.
    static constexpr auto tables = [] {
        if constexpr (ok)
            return training_placer(unplaced).placed();
        else
            return unplaced.out;
    }();
    /// The positions of the program, and the obstacle to computing rows one after another.
    static constexpr auto by_rows = rows_form_finder(shapes, unplaced.out).found;
};

/// A plan whose memory is laid out for inference.
template <class Plan>
struct inference_plan_of : single_steps<inference_plan_of<Plan>> {
    /// The shapes of the facts and counts.
    static constexpr auto& facts = Plan::facts;
    /// The program with its shapes.
    static constexpr auto& shapes = Plan::shapes;
    /// The steps, laid out for inference.
    static constexpr auto tables = inference_placer(Plan::unplaced).placed();
};

/// A plan in whose memory all values and gradients last.
template <class Plan>
struct inspected_plan_of : single_steps<inspected_plan_of<Plan>> {
    /// The shapes of the facts and counts.
    static constexpr auto& facts = Plan::facts;
    /// The program with its shapes.
    static constexpr auto& shapes = Plan::shapes;
    /// The steps, laid out for inspection.
    static constexpr auto tables = training_placer(Plan::unplaced, true).placed();
};

}  // namespace sequent::inline SEQUENT_ABI::plan
