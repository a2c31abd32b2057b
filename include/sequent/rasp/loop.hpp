#pragma once

#include <tuple>

#include "causal.hpp"

/// Programs that repeat a block until a condition holds (arXiv 2410.18077 compiles such programs,
/// too): each position has values, the states, which every round replaces.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The first value of an integer state, with the least and the greatest value it may have.
template <class Initial>
struct bounded_state {
    /// The first value.
    Initial initial;
    int low;   ///< least value
    int high;  ///< greatest value
};
/// An integer state that begins with a value and is always within First to Last: `within<0,
/// 9>(tokens_int)`. A state of 4,096 values or more is evaluated but not compiled.
template <int First, int Last, argument Initial>
constexpr auto within(const Initial& initial) {
    static_assert(First <= Last,
                  "sequent: RASP's within<first, last> has a last one after its first");
    static_assert(detail::s_op_of<Initial>::kind == type::integer,
                  "sequent: RASP's within takes an integer s-op; round(...) is one");
    return bounded_state<detail::s_op_of<Initial>>{detail::as_s_op(initial), First, Last};
}
/// The next values of the states, in their order.
template <argument... Next>
constexpr auto next_states(const Next&... next) {
    return std::tuple(detail::as_s_op(next)...);
}

namespace detail {
template <class Initial>
constexpr auto as_state(const Initial& initial) {
    using kind_of = s_op_of<Initial>;
    static_assert(kind_of::kind == type::boolean || kind_of::kind == type::symbol,
                  "sequent: a state of RASP's loop is a boolean, a symbol, or an integer with its "
                  "range, within<0, 9>(...)");
    return bounded_state<kind_of>{as_s_op(initial), 0, 0};
}
template <class Initial>
constexpr auto as_state(const bounded_state<Initial>& state) {
    return state;
}
template <std::size_t At, class State>
constexpr auto placeholder_of(const State&) {
    return leaf_of<decltype(State::initial)::kind>(operation::state, value(static_cast<int>(At)));
}
}  // namespace detail

/// A loop, see `loop`.
template <int Rounds, class Next, class Until, class... States>
struct loop_program {
    std::tuple<States...> states;  ///< the s-ops that rounds compute again
    Next next;                     ///< their values after a round
    Until until;                   ///< the condition that ends the loop

    /// Adds its nodes to a graph.
    constexpr void read(graph& to) const {
        to.rounds = Rounds;
        read_states(to, std::index_sequence_for<States...>());
        to.until = read_part(to, until);
        to.output = to.states[0].node;
        for (const node& each : to.nodes)
            if (each.what == operation::is_missing ||
                (each.what == operation::constant && each.known.is_missing()))
                a_loop_has_no_missing_values();
    }

  private:
    static void a_loop_has_no_missing_values() {}

    template <class Part>
    static constexpr int read_part(graph& to, const Part& part) {
        return to.read(part.nodes.items, part.nodes.count - 1);
    }
    template <std::size_t... At>
    constexpr void read_states(graph& to, std::index_sequence<At...>) const {
        (..., read_state<At>(to));
        (..., (to.states[static_cast<int>(At)].next = read_part(to, std::get<At>(next))));
    }
    template <std::size_t At>
    constexpr void read_state(graph& to) const {
        const auto& from = std::get<At>(states);
        loop_state made;
        made.initial = read_part(to, from.initial);
        made.node = read_part(to, detail::placeholder_of<At>(from));
        made.low = from.low;
        made.high = from.high;
        to.states.push(made);
    }
};

/// True for loops.
template <int Rounds, class Next, class Until, class... States>
inline constexpr bool is_loop<loop_program<Rounds, Next, Until, States...>> = true;

/// A program that replaces its states in each of at most `Rounds` rounds. `body` takes the states
/// and returns `next_states(...)`, integers as whole numbers within their ranges. `until` takes the
/// states and returns a boolean: where it is true, a position keeps its states. `initial`, the
/// first values, depend on the token and the position alone. The output is the first state. A round
/// may use any operation but `none`.
///
/// `compile` gives a transformer whose layers are applied `Rounds` times with one set of weights.
template <int Rounds, class Body, class Until, class... Initial>
constexpr auto loop(const Body& body, const Until& until, const Initial&... initial) {
    static_assert(Rounds > 0, "sequent: RASP's loop has at least one round");
    static_assert(sizeof...(Initial) > 0 && sizeof...(Initial) <= max_states,
                  "sequent: RASP's loop has 1 to 8 states");
    const auto states = std::tuple(detail::as_state(initial)...);
    return [&]<std::size_t... At>(std::index_sequence<At...>) {
        const auto next = body(detail::placeholder_of<At>(std::get<At>(states))...);
        const auto end =
            detail::as_s_op(until(detail::placeholder_of<At>(std::get<At>(states))...));
        using next_type = std::remove_const_t<decltype(next)>;
        using end_type = std::remove_const_t<decltype(end)>;
        static_assert(
            std::tuple_size_v<next_type> == sizeof...(Initial),
            "sequent: the body of RASP's loop returns next_states(...), one for each state");
        static_assert(detail::is_of<end_type>(detail::is_boolean),
                      "sequent: the end of RASP's loop is a boolean s-op");
        static_assert((... && detail::are_alike<std::tuple_element_t<At, next_type>,
                                                decltype(std::get<At>(states).initial)>()),
                      "sequent: the next states of RASP's loop are of the states' types");
        return loop_program<Rounds, next_type, end_type,
                            std::remove_cvref_t<decltype(std::get<At>(states))>...>{states, next,
                                                                                    end};
    }
    (std::index_sequence_for<Initial...>());
}

/// The loop with selectors that select no later position.
template <int Rounds, class Next, class Until, class... States>
constexpr auto causal(const loop_program<Rounds, Next, Until, States...>& program) {
    const auto next =
        std::apply([](const auto&... each) { return std::tuple(causal(each)...); }, program.next);
    const auto until = causal(program.until);
    return loop_program<Rounds, std::remove_const_t<decltype(next)>,
                        std::remove_const_t<decltype(until)>, States...>{program.states, next,
                                                                         until};
}

namespace detail {

// Not constexpr, so that the compiler names the function in its error.
inline void a_state_out_of_its_range(const value& found, int state, int position) {
    fail_with<evaluation_error>({"sequent: state ", state, " of a RASP loop is ", found.text(),
                                 " at position ", position, ", which is no integer of its range"});
}

/// The states of a loop, at first and after each round.
using loop_states = std::vector<std::vector<sequence>>;

SEQUENT_COLD constexpr loop_states run_loop(const graph& program, const sequence& input) {
    std::vector<sequence> states(static_cast<std::size_t>(program.states.size()));
    for (sequence& each : states)
        for (int position = 0; position < input.size(); ++position) each.push_back(value(0));
    loop_states result;
    const auto replace = [&](const evaluation& from, bool first) {
        bool any = false;
        std::vector<sequence> made = states;
        for (int position = 0; position < input.size(); ++position) {
            if (!first && from.checked(program.until, position).truth()) continue;
            any = true;
            for (int at = 0; at < program.states.size(); ++at) {
                const loop_state& state = program.states[at];
                const value& found = from.checked(first ? state.initial : state.next, position);
                value& to = made[static_cast<std::size_t>(at)][position];
                to = found;
                if (program[state.node].kind != type::integer) continue;
                const rational number = found.number();
                if (!number.is_whole() || number.over < state.low || number.over > state.high)
                    a_state_out_of_its_range(found, at, position);
                to = value(number, type::integer);
            }
        }
        states = made;
        return any;
    };
    (void)replace(evaluation(program, input, states), true);
    result.push_back(states);
    while (static_cast<int>(result.size()) <= program.rounds &&
           replace(evaluation(program, input, states), false))
        result.push_back(states);
    return result;
}

}  // namespace detail

/// The output of a loop.
template <const auto& Program>
    requires(is_loop<std::remove_cvref_t<decltype(Program)>>)
[[nodiscard]] SEQUENT_COLD constexpr sequence evaluate(const sequence& input) {
    return detail::run_loop(graph_of<Program>, input).back()[0];
}
/// The number of rounds after which the end of a loop is reached at all positions, or all rounds.
template <const auto& Program>
    requires(is_loop<std::remove_cvref_t<decltype(Program)>>)
SEQUENT_COLD constexpr int rounds(const sequence& input) {
    return static_cast<int>(detail::run_loop(graph_of<Program>, input).size()) - 1;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
