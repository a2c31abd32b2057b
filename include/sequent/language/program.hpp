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

/// As the user counts.
template <int Argument>
struct argument_that_is_no_rule {};

template <class Argument>
constexpr mistaken refuse_argument() noexcept {
    static_assert(refused<Argument>,
                  "sequent: rules(...) takes rules (head <<= body) and atom transformations "
                  "(h(i) | relu())");
    return {};
}

template <class... Rules>
consteval int first_refused() {
    int first = 1;
    (void)(... && (is_rules<Rules> && ++first));
    return first;
}

/// Rules, atom transformations, and other programs, whose rules are taken over as they are.
template <class... Rules>
constexpr auto rules(Rules... list) noexcept {
    if constexpr ((... && is_rules<Rules>))
        return program<std::index_sequence_for<Rules...>, Rules...>{{list}...};
    else if constexpr (told<Rules...>)
        return mistaken{};
    else
        return refuse_argument<argument_that_is_no_rule<first_refused<Rules...>()>>();
}

}  // namespace sequent::inline SEQUENT_ABI::language
