#pragma once

#include <type_traits>

#include "rule.hpp"

/// Catch-all overloads for ill-formed expressions. Each fails a static_assert that explains what to
/// write instead; the compiler reports it at the user's line.

namespace sequent::inline SEQUENT_ABI::language {

/// True for a relation without arguments.
template <class T>
inline constexpr bool is_name = false;
/// True for a relation without arguments.
template <fixed_string Name>
inline constexpr bool is_name<relation<Name>> = true;

/// A rule, a part of one, or a mistake.
template <class T>
concept rule_part =
    is_body<T> || is_applied<T> || is_function<T> || is_rule<T> || std::is_same_v<T, mistaken>;
/// Any expression of the language.
template <class T>
concept word = rule_part<T> || index_term<T> || is_name<T>;

/// Operands that the overloads below refuse: a part of a rule and another word or a number.
/// Operands of other types, as in a test or a fold expression, are left alone.
template <class Left, class Right>
concept beside = (rule_part<Left> && (word<Right> || std::is_arithmetic_v<Right>)) ||
                 ((word<Left> || std::is_arithmetic_v<Left>)&&rule_part<Right>);

/// True for the operands of `document(i) == document(j)`, two atoms of one fact.
template <class Left, class Right>
inline constexpr bool are_symbols = false;
/// True for two atoms of one fact with a variable each.
template <fixed_string Name, class Left, class Right>
inline constexpr bool are_symbols<literal<relation<Name>, none, plain, Left>,
                                  literal<relation<Name>, none, plain, Right>> =
    is_variable<Left>&& is_variable<Right>;

/// True if a part is a mistake that is already reported, so that it is not reported again.
template <class... Parts>
inline constexpr bool told = (... || std::is_same_v<Parts, mistaken>);

/// Refuses a comma whose operands are not a body and one more item of it.
template <class Left, class Right>
    requires beside<Left, Right> &&(!(body<Left> && body_item<Right>)) constexpr mistaken operator,(
        Left, Right) noexcept {
        constexpr bool makes_a_rule = told<Left, Right>;
        if constexpr (std::is_arithmetic_v<Left> || std::is_arithmetic_v<Right>)
            static_assert(makes_a_rule,
                          "sequent: a bare number in a body would vanish; write number(0.5)");
        else if constexpr (is_function<Left> || is_function<Right> || is_applied<Left>)
            static_assert(makes_a_rule,
                          "sequent: a function stands after the body: (a, b) | product()");
        else if constexpr (is_name<Left> || is_name<Right>)
            static_assert(makes_a_rule,
                          "sequent: a relation in a body has arguments, such as k(j)");
        else
            static_assert(
                makes_a_rule,
                "sequent: only literals, weights, numbers and constraints stand in a body");
        return {};
    }

    /// Refuses a `|` whose operands are not a body and a function.
    template <class Left, class Right>
        requires beside<Left, Right> &&
            (!(functional_body<Left> && function<Right>)) constexpr mistaken
            operator|(Left, Right) noexcept {
            constexpr bool makes_a_rule = told<Left, Right>;
            if constexpr (is_name<Left>)
                static_assert(makes_a_rule,
                              "sequent: a relation in a body has arguments, such as k(j)");
            else
                static_assert(makes_a_rule,
                              "sequent: after | stands a function call such as relu() or sum(j); "
                              "conditions are joined by ||");
            return {};
        }

        /// A function without the parentheses of a call, `relu` in place of `relu()`.
        struct uncalled {
            /// From a function with one overload.
            template <class Result, class... Arguments>
            constexpr uncalled(Result (*)(Arguments...)) noexcept {}
            // The other names are overloaded, so that the template above cannot deduce the
            // function.
            /// From `sum`.
            constexpr uncalled(combine<combination::sum> (*)()) noexcept {}
            /// From `max`.
            constexpr uncalled(combine<combination::max> (*)()) noexcept {}
            /// From `product`.
            constexpr uncalled(combine<combination::product> (*)()) noexcept {}
            /// From `abs`.
            constexpr uncalled(transform<transformation::abs> (*)()) noexcept {}
            /// From `min`.
            constexpr uncalled(combine<combination::min> (*)()) noexcept {}
            /// From `mean`.
            constexpr uncalled(combine<combination::mean> (*)()) noexcept {}
            /// From `concat`.
            constexpr uncalled(combine<combination::concat> (*)()) noexcept {}
            /// From `count`.
            constexpr uncalled(combine<combination::count> (*)()) noexcept {}
            /// From `softmax`.
            constexpr uncalled(transform<transformation::softmax> (*)()) noexcept {}
        };
        /// Refuses a function without the parentheses of a call.
        template <class Body>
            requires functional_body<Body> || std::is_same_v<Body, mistaken>
        constexpr mistaken operator|(Body, uncalled) noexcept {
            constexpr bool makes_a_rule = told<Body>;
            static_assert(makes_a_rule,
                          "sequent: after | stands a function call such as relu() or sum(j): the "
                          "parentheses are missing");
            return {};
        }

        /// Refuses a rule whose head is no atom, or whose body has no literals.
        template <class Head, class Body>
            requires beside<Head, Body> &&
                (!(head_atom<Head> && functional_body<Body>)) constexpr mistaken
                operator<<=(Head, Body) noexcept {
                constexpr bool makes_a_rule = told<Head, Body>;
                if constexpr (!head_atom<Head>)
                    static_assert(
                        makes_a_rule,
                        "sequent: the head of a rule is one atom with its arguments, such as q(i)");
                else
                    static_assert(
                        makes_a_rule,
                        "sequent: a rule follows from a body of literals; a number is number(0.5)");
                return {};
            }

#define SEQUENT_REFUSE_UNLESS(EXCEPTION, OPERATOR, REASON)                              \
    template <class Left, class Right>                                                  \
        requires beside<Left, Right> &&(!(constraint<Left> && constraint<Right>)) &&    \
            (!(constraint<Left> && index_operand<Right>)) &&                            \
            (!(EXCEPTION)) constexpr mistaken operator OPERATOR(Left, Right) noexcept { \
            constexpr bool makes_a_rule = told<Left, Right>;                            \
            static_assert(makes_a_rule, REASON);                                        \
            return {};                                                                  \
        }
#define SEQUENT_REFUSE(OPERATOR, REASON) SEQUENT_REFUSE_UNLESS(false, OPERATOR, REASON)
#define SEQUENT_REFUSE_RULE(OPERATOR) SEQUENT_REFUSE(OPERATOR, "sequent: a rule is head <<= body")
#define SEQUENT_REFUSE_ARITHMETIC(OPERATOR)                                                        \
    SEQUENT_REFUSE(OPERATOR,                                                                       \
                   "sequent: literals are separated by commas and combined by a function: (a, b) " \
                   "| sum()")
#define SEQUENT_REFUSE_COMPARISON(OPERATOR)                                                      \
    SEQUENT_REFUSE(OPERATOR,                                                                     \
                   "sequent: a constraint compares index variables, not values; a rule is head " \
                   "<<= body")
#define SEQUENT_REFUSE_EQUALITY(OPERATOR)                                                        \
    SEQUENT_REFUSE_UNLESS((are_symbols<Left, Right>), OPERATOR,                                  \
                          "sequent: a constraint compares index variables, not values; symbols " \
                          "of one fact at two of them are equal or not: d(i) == d(j)")
#define SEQUENT_REFUSE_CONNECTIVE(OPERATOR)                                                      \
    SEQUENT_REFUSE(OPERATOR,                                                                     \
                   "sequent: && and || join constraints; literals are separated by commas, and " \
                   "alternatives are several rules with one head")
            SEQUENT_REFUSE_RULE(+=)
            SEQUENT_REFUSE_RULE(|=)
            SEQUENT_REFUSE_RULE(>>=)
            SEQUENT_REFUSE_ARITHMETIC(+)
            SEQUENT_REFUSE_ARITHMETIC(-)
            SEQUENT_REFUSE_ARITHMETIC(*)
            SEQUENT_REFUSE_ARITHMETIC(/)
            SEQUENT_REFUSE_ARITHMETIC(%)
            SEQUENT_REFUSE_ARITHMETIC(&)
            SEQUENT_REFUSE_ARITHMETIC(^)
            SEQUENT_REFUSE_COMPARISON(<)
            SEQUENT_REFUSE_COMPARISON(<=)
            SEQUENT_REFUSE_COMPARISON(>)
            SEQUENT_REFUSE_COMPARISON(>=)
            SEQUENT_REFUSE_COMPARISON(<<)
            SEQUENT_REFUSE_EQUALITY(==)
            SEQUENT_REFUSE_EQUALITY(!=)
            SEQUENT_REFUSE_CONNECTIVE(&&)
            SEQUENT_REFUSE_CONNECTIVE(||)
#undef SEQUENT_REFUSE_RULE
#undef SEQUENT_REFUSE_CONNECTIVE
#undef SEQUENT_REFUSE_COMPARISON
#undef SEQUENT_REFUSE_ARITHMETIC
#undef SEQUENT_REFUSE_EQUALITY
#undef SEQUENT_REFUSE
#undef SEQUENT_REFUSE_UNLESS

            /// Refuses the negative of a literal.
            template <rule_part Part>
            constexpr mistaken operator-(Part) noexcept {
                constexpr bool makes_a_rule = told<Part>;
                static_assert(
                    makes_a_rule,
                    "sequent: a literal is negative by a factor: (number(-1), a) | product()");
                return {};
            }
            /// Refuses the negation of anything but a constraint or an atom without a weight.
            template <rule_part Part>
                requires(!constraint<Part> && (!atom<Part> || is_weighted<Part>))
            constexpr mistaken operator!(Part) noexcept {
                constexpr bool makes_a_rule = told<Part>;
                static_assert(makes_a_rule,
                              "sequent: ! stands before a constraint, or an atom without a weight");
                return {};
            }
            /// Refuses hidden(...) of anything but an atom without a weight.
            template <rule_part Part>
                requires(!atom<Part> || is_weighted<Part>)
            constexpr mistaken hidden(Part) noexcept {
                constexpr bool makes_a_rule = told<Part>;
                static_assert(makes_a_rule, "sequent: hidden takes an atom without a weight");
                return {};
            }
            /// Refuses `*` before anything but an atom without a weight.
            template <rule_part Part>
                requires(!atom<Part> || is_weighted<Part>)
            constexpr mistaken operator*(Part) noexcept {
                constexpr bool makes_a_rule = told<Part>;
                static_assert(makes_a_rule, "sequent: * stands before an atom without a weight");
                return {};
            }

}  // namespace sequent::inline SEQUENT_ABI::language
