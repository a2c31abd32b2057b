#pragma once

#include <cstddef>
#include <utility>

#include "refuse.hpp"

/// Programs: lists of rules.

namespace sequent::inline SEQUENT_ABI::language {

template <std::size_t Index, class Rule>
struct rule_at {
    Rule rule;
};

template <class Indices, class... Rules>
struct program;

/// Rules in the order in which they were written. A program is a namespace-scope constexpr object.
template <std::size_t... Indices, class... Rules>
struct program<std::index_sequence<Indices...>, Rules...> : rule_at<Indices, Rules>... {};

template <class T>
inline constexpr bool is_program = false;
template <class... Parameters>
inline constexpr bool is_program<program<Parameters...>> = true;

/// What may stand in rules(...).
template <class T>
inline constexpr bool is_rules = is_rule<T> || is_program<T>;

/// Names the first argument of rules(...) that is no rule, as the user counts.
template <int Argument, bool IsRule = false>
struct argument_that_is_no_rule {
    static_assert(IsRule,
                  "sequent: rules(...) takes rules (head <<= body) and atom transformations (h(i) | "
                  "relu())");
};

template <class... Rules>
constexpr mistaken refuse_rules() noexcept {
    if constexpr (!told<Rules...>) {
        constexpr int argument = [] {
            int first = 0;
            bool found = false;
            ((found = found || !is_rules<Rules>, first += found ? 0 : 1), ...);
            return first + 1;
        }();
        static_assert(sizeof(argument_that_is_no_rule<argument>) > 0);
    }
    return {};
}

/// Rules, atom transformations, and other programs, whose rules are taken over as they are.
template <class... Rules>
constexpr auto rules(Rules... list) noexcept {
    if constexpr ((... && is_rules<Rules>))
        return program<std::index_sequence_for<Rules...>, Rules...>{{list}...};
    else
        return refuse_rules<Rules...>();
}

}  // namespace sequent::inline SEQUENT_ABI::language
