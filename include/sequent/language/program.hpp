#pragma once

#include <cstddef>
#include <utility>

#include "refuse.hpp"

/// Programs, which are lists of rules, and the replacement of rules in them.

namespace sequent::inline SEQUENT_ABI::language {

/// The rule at one place of a program, a base class of it.
template <std::size_t Index, class Rule>
struct rule_at {
    Rule rule;  ///< a rule, an atom transformation or a program
};

/// Rules in the order in which they are written; made by rules(...). Declare a program constexpr,
/// at namespace scope or static: a model takes it by reference.
template <class Indices, class... Rules>
struct program;

/// The definition, with one base class for each rule.
template <std::size_t... Indices, class... Rules>
struct program<std::index_sequence<Indices...>, Rules...> : rule_at<Indices, Rules>... {};

/// True for a program.
template <class T>
inline constexpr bool is_program = false;
/// True for a program.
template <class... Parameters>
inline constexpr bool is_program<program<Parameters...>> = true;

/// True for an argument that rules(...) accepts: a rule, an atom transformation or a program.
template <class T>
inline constexpr bool is_rules = is_rule<T> || is_program<T>;

/// Names in an error message the first argument of rules(...) that is no rule, counted from 1.
template <int Argument>
struct argument_that_is_no_rule {};

/// Fails a static_assert that names Argument.
template <class Argument>
constexpr mistaken refuse_argument() noexcept {
    static_assert(refused<Argument>,
                  "sequent: rules(...) takes rules (head <<= body) and atom transformations "
                  "(h(i) | relu()); a body of several literals stands in parentheses");
    return {};
}

/// The place, from 1, of the first type that rules(...) does not accept.
template <class... Rules>
consteval int first_refused() {
    int first = 1;
    (void)(... && (is_rules<Rules> && ++first));
    return first;
}

/// A program of the arguments: rules, atom transformations, and other programs, whose rules are
/// included unchanged. Another argument is a compile error that names its place.
template <class... Rules>
constexpr auto rules(Rules... list) noexcept {
    if constexpr ((... && is_rules<Rules>))
        return program<std::index_sequence_for<Rules...>, Rules...>{{list}...};
    else if constexpr (told<Rules...>)
        return mistaken{};
    else
        return refuse_argument<argument_that_is_no_rule<first_refused<Rules...>()>>();
}

/// `type` is the relation in the head of a rule, or that an atom transformation transforms.
template <class Rule>
struct head_of;
/// The relation of an atom.
template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct head_of<literal<Source, Weight, Modifiers, Terms...>> {
    using type = Source;  ///< its relation
};
/// The relation in the head of a rule.
template <class Head, class Body>
struct head_of<rule<Head, Body>> : head_of<Head> {};
/// The relation that an atom transformation transforms.
template <class Body, class Function>
struct head_of<applied<Body, Function>> : head_of<Body> {};

/// True if a rule has this relation in its head, or if a program has such a rule.
template <class Relation, class Rule>
inline constexpr bool is_about = std::is_same_v<Relation, typename head_of<Rule>::type>;
/// True if a rule of the program has this relation in its head.
template <class Relation, class Indices, class... Rules>
inline constexpr bool is_about<Relation, program<Indices, Rules...>> = (... ||
                                                                        is_about<Relation, Rules>);

namespace detail {

/// The rule, or an empty program if its head is the head of one of the rules Taken; of a program,
/// the remaining rules.
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

/// The program without its rules and atom transformations for the heads of the new rules, followed
/// by the new rules: `replace_rules(Template::program, transformed(i) <<= ...)`. A head for which
/// the program has no rule is a compile error. Stacked blocks are not changed.
template <class Indices, class... Rules, class... New>
constexpr auto replace_rules(const program<Indices, Rules...>& given, New... replacing) noexcept {
    static_assert((... && is_rule<New>), "sequent: replace_rules(...) takes a program, then rules");
    static_assert((... && is_about<typename head_of<New>::type, program<Indices, Rules...>>),
                  "sequent: replace_rules(...) takes rules whose heads the program has rules for");
    return rules(detail::left_of<New...>(given), replacing...);
}

}  // namespace sequent::inline SEQUENT_ABI::language
