#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "function.hpp"

/// Bodies, rules and programs. `head <<= (a, b, constraint) | combination | transformation |
/// aggregation`, where <<= reads "follows from".

namespace sequent::inline SEQUENT_ABI::language {

/// Two parts of a body, in order.
template <class Left, class Right>
struct joined {
    Left left;
    Right right;
};

/// A body with a function applied to it.
template <class Body, class Function>
struct applied {
    Body body;
    [[no_unique_address]] Function function;
};

template <class Head, class Body>
struct rule {
    Head head;
    Body body;
};

template <class T>
inline constexpr bool is_body = body_item<T>;
template <class Left, class Right>
inline constexpr bool is_body<joined<Left, Right>> = true;

template <class T>
inline constexpr bool is_applied = false;
template <class Body, class Function>
inline constexpr bool is_applied<applied<Body, Function>> = true;

template <class T>
concept body = is_body<T>;
template <class T>
concept rule_part = is_body<T> || is_applied<T> || is_function<T>;

/// A transformation of an atom, `h(i) | relu()`, applied once all its rules are added.
template <class T>
inline constexpr bool is_atom_transformation = false;
template <atom Atom, class Function>
inline constexpr bool is_atom_transformation<applied<Atom, Function>> = true;
template <class Body, class Outer, class Inner>
inline constexpr bool is_atom_transformation<applied<applied<Body, Inner>, Outer>> =
    is_atom_transformation<applied<Body, Inner>>;

template <class T>
inline constexpr bool is_rule = is_atom_transformation<T>;
template <class Head, class Body>
inline constexpr bool is_rule<rule<Head, Body>> = true;

template <body Left, body_item Right>
constexpr auto operator,(Left left, Right right) noexcept {
    return joined<Left, Right>{left, right};
}

template <class Body, function Function>
    requires(is_body<Body> || is_applied<Body>)
constexpr auto operator|(Body body, Function function) noexcept {
    return applied<Body, Function>{body, function};
}

template <atom Head, class Body>
    requires(is_body<Body> || is_applied<Body>)
constexpr auto operator<<=(Head head, Body body) noexcept {
    return rule<Head, Body>{head, body};
}

// What is left over makes no rule. Each says what to write instead.

template <class Left, class Right>
    requires(rule_part<Left> || rule_part<Right>) && (!(body<Left> && body_item<Right>))
constexpr auto operator,(Left left, Right right) noexcept {
    if constexpr (std::is_arithmetic_v<Left> || std::is_arithmetic_v<Right>)
        static_assert(refused<Left, Right>,
                      "sequent: a bare number in a body would vanish; write number(0.5)");
    else if constexpr (is_function<Left> || is_function<Right> || is_applied<Left>)
        static_assert(refused<Left, Right>,
                      "sequent: a function stands after the body: (a, b) | product()");
    else
        static_assert(refused<Left, Right>,
                      "sequent: only literals, weights, numbers and constraints stand in a body");
    if constexpr (rule_part<Left>)
        return left;
    else
        return right;
}

template <class Left, class Right>
    requires(is_body<Left> || is_applied<Left>) && (!is_function<Right>)
constexpr auto operator|(Left left, Right) noexcept {
    static_assert(refused<Left, Right>,
                  "sequent: after | stands a function call such as relu() or sum(j); conditions "
                  "are joined by ||");
    return left;
}

template <class Head, class Body>
    requires(rule_part<Head> || rule_part<Body>) &&
            (!(atom<Head> && (is_body<Body> || is_applied<Body>)))
constexpr auto operator<<=(Head head, Body body) noexcept {
    if constexpr (!atom<Head>)
        static_assert(refused<Head, Body>,
                      "sequent: the head of a rule is one atom with its arguments, such as q(i)");
    else
        static_assert(refused<Head, Body>,
                      "sequent: a rule follows from a body of literals; a number is number(0.5)");
    if constexpr (is_body<Body>)
        return rule<literal<relation<"head">, none, plain>, Body>{{}, body};
    else
        return rule<Head, Head>{head, head};
}

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

template <class... Rules>
constexpr auto rules(Rules... list) noexcept {
    static_assert((... && is_rule<Rules>),
                  "sequent: rules(...) takes rules (head <<= body) and atom transformations "
                  "(h(i) | relu())");
    return program<std::index_sequence_for<Rules...>, Rules...>{{list}...};
}

}  // namespace sequent::inline SEQUENT_ABI::language
