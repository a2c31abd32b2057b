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
                  "(h(i) | relu()); a body of several literals stands in parentheses");
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

/// The relation that a rule or an atom transformation is about.
template <class Rule>
struct head_of;
template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct head_of<literal<Source, Weight, Modifiers, Terms...>> {
    using type = Source;
};
template <class Head, class Body>
struct head_of<rule<Head, Body>> : head_of<Head> {};
template <class Body, class Function>
struct head_of<applied<Body, Function>> : head_of<Body> {};

template <class Relation, class Rule>
inline constexpr bool is_about = std::is_same_v<Relation, typename head_of<Rule>::type>;
template <class Relation, class Indices, class... Rules>
inline constexpr bool is_about<Relation, program<Indices, Rules...>> = (... ||
                                                                        is_about<Relation, Rules>);

namespace detail {

/// What is left of a rule where those of these relations are taken away.
template <class... Taken, class Rule>
constexpr auto left_of(const Rule& given) noexcept {
    if constexpr ((... || is_about<typename head_of<Taken>::type, Rule>))
        return rules();
    else
        return given;
}
template <class... Taken, std::size_t... Indices, class... Rules>
constexpr auto left_of(const program<std::index_sequence<Indices...>, Rules...>& given) noexcept {
    return rules(left_of<Taken...>(static_cast<const rule_at<Indices, Rules>&>(given).rule)...);
}

}  // namespace detail

/// A program in which these rules stand in place of all that have the same heads:
/// `replace_rules(Template::program, transformed(i) <<= ...)`.
template <class Indices, class... Rules, class... New>
constexpr auto replace_rules(const program<Indices, Rules...>& given, New... replacing) noexcept {
    static_assert((... && is_rule<New>), "sequent: replace_rules(...) takes a program, then rules");
    static_assert((... && is_about<typename head_of<New>::type, program<Indices, Rules...>>),
                  "sequent: replace_rules(...) takes rules whose heads the program has rules for");
    return rules(detail::left_of<New...>(given), replacing...);
}

}  // namespace sequent::inline SEQUENT_ABI::language
