#pragma once

#include "graph.hpp"

/// Programs with missing values as programs without: each value that may be missing becomes a value
/// and a boolean, true where it is there.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// True if a value of a program may be missing, or a part asks for it.
SEQUENT_COLD constexpr bool has_missing(const graph& program) {
    for (int at = 0; at < program.size(); ++at)
        if (program[at].what == operation::is_missing ||
            (program[at].what == operation::constant && program[at].known.is_missing()))
            return true;
    return false;
}

class missing_splitter {
  public:
    graph result;

    SEQUENT_COLD constexpr explicit missing_splitter(const graph& program) {
        for (int at = 0; at < program.size(); ++at) split(program[at]);
        result.output = of(program.output).value;
        result.present = of(program.output).present;
    }

  private:
    /// The nodes of a value; `present` is -1 if it is never missing.
    struct pair {
        int value = -1;
        int present = -1;
    };
    std::vector<pair> pairs_;

    constexpr const pair& of(int at) const { return pairs_[static_cast<std::size_t>(at)]; }
    constexpr int truth(bool of) { return result.add_constant(value(of)); }
    constexpr int both(int one, int other) {
        if (one < 0 || other < 0) return std::max(one, other);
        return result.add(operation::conjunction, type::boolean, one, other);
    }
    constexpr int both_selected(int one, int other) {
        return result.add(operation::select_and, type::boolean, one, other);
    }

    SEQUENT_COLD constexpr void split(node made) {
        pair from[3];
        for (int which = 0; which < 3; ++which)
            if (made.arguments[which] >= 0) {
                from[which] = of(made.arguments[which]);
                made.arguments[which] = from[which].value;
            }
        pair found;
        if (made.what == operation::constant && made.known.is_missing()) {
            made.known = made.kind == type::symbol    ? value("")
                         : made.kind == type::boolean ? value(false)
                                                      : value(rational(0), made.kind);
            found.present = truth(false);
        } else if (made.what == operation::is_missing) {
            pairs_.push_back({from[0].present < 0
                                  ? truth(false)
                                  : result.add(operation::negation, type::boolean, from[0].present),
                              -1});
            return;
        } else if (made.what == operation::conditional) {
            if (from[1].present >= 0 || from[2].present >= 0)
                found.present = result.add(operation::conditional, type::boolean, from[0].value,
                                           from[1].present < 0 ? truth(true) : from[1].present,
                                           from[2].present < 0 ? truth(true) : from[2].present);
            found.present = both(from[0].present, found.present);
        } else if (is_comparison(made.what)) {
            pairs_.push_back({select(made, from[0].present, from[1].present), -1});
            return;
        } else if (gathers(made.what)) {
            if (from[1].present >= 0)
                made.arguments[0] = both_selected(made.arguments[0],
                                                  result.add(operation::select_equal, type::boolean,
                                                             from[1].present, truth(true)));
            if (has_default(made.what) && from[2].present >= 0) {
                // The head itself, unless it follows an order of the values.
                const bool by_index = made.what == operation::first || made.what == operation::last;
                const int any =
                    result.add(by_index ? made.what : operation::aggregate,
                               by_index ? type::integer : type::real, made.arguments[0],
                               result.add_constant(value(1)), result.add_constant(value(0)));
                found.present = result.add(operation::greater, type::boolean, any,
                                           result.add_constant(value(0)));
            }
        } else if (is_pointwise(made.what)) {
            found.present = both(both(from[0].present, from[1].present), from[2].present);
        }
        found.value = result.add(made);
        pairs_.push_back(found);
    }
    /// A comparison, which selects no pair of which a value is missing.
    SEQUENT_COLD constexpr int select(const node& made, int key, int query) {
        int found = result.add(made);
        if (key >= 0)
            found = both_selected(
                found, result.add(operation::select_equal, type::boolean, key, truth(true)));
        if (query >= 0)
            found = both_selected(
                found, result.add(operation::select_equal, type::boolean, truth(true), query));
        return found;
    }
};

template <const auto& Program, identity Same>
inline constexpr graph split_program = missing_splitter(graph_of<Program, Same>).result;

/// The program as it is compiled.
template <const auto& Program, identity Same = identity::structure>
consteval const graph& compilable() {
    if constexpr (has_missing(graph_of<Program, Same>))
        return split_program<Program, Same>;
    else
        return graph_of<Program, Same>;
}
}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::rasp
