#pragma once

#include <concepts>
#include <limits>
#include <type_traits>

#include "text.hpp"

/// Index variables, the integer expressions over them, and the constraints these make.

namespace sequent::inline SEQUENT_ABI::language {

/// As the extent of a variable: the facts, weights and literals that bind it tell its range.
inline constexpr int unstated = std::numeric_limits<int>::min();

/// An index variable. Its range follows from the facts, weights and literals that bind it, or is
/// stated: `var<"h", 8>` runs over 0..7.
template <fixed_string Name, int Extent = unstated>
struct var {
    static constexpr int stated_extent = Extent == unstated ? 0 : Extent;
};

/// `input = x`: an argument of a model's forward or backward under the name of a fact, a count or
/// an output. Value is an lvalue reference unless x is a temporary.
template <fixed_string Name, class Value>
struct named_argument {
    Value&& value;
};

/// A count given at run time, `j < length`. It bounds variables; it is no variable itself.
template <fixed_string Name>
struct bound {
    template <class Value>
    constexpr named_argument<Name, Value> operator=(Value&& value) const noexcept {
        return {static_cast<Value&&>(value)};
    }
};

struct integer {
    int value;
};

enum class arithmetic { add, subtract, multiply, divide, remainder, absolute };

/// `left op right` over integers. Division and remainder round down. By zero, which a count given
/// at run time may be, the quotient is 0 and the remainder is the left operand.
template <arithmetic Operation, class Left, class Right>
struct index_expression {
    Left left;
    Right right;
};

enum class order { less, less_equal, greater, greater_equal, equal, not_equal };

template <order Relation, class Left, class Right>
struct comparison {
    Left left;
    Right right;
};

enum class connective { conjunction, disjunction, negation };

template <connective Operation, class Left, class Right>
struct compound {
    Left left;
    Right right;
};

/// A condition that a function of one index or two decides.
template <class Test, class Left, class Right>
struct decision {
    Left left;
    Right right;
};

/// Both positions hold the same symbol of a fact, as those of one document do.
template <fixed_string Fact, class Left, class Right>
struct same_symbol {
    Left left;
    Right right;
};

template <class T>
inline constexpr bool is_index = false;
template <fixed_string Name, int Extent>
inline constexpr bool is_index<var<Name, Extent>> = true;
template <fixed_string Name>
inline constexpr bool is_index<bound<Name>> = true;
template <>
inline constexpr bool is_index<integer> = true;
template <arithmetic Operation, class Left, class Right>
inline constexpr bool is_index<index_expression<Operation, Left, Right>> = true;

template <class T>
inline constexpr bool is_constraint = false;
template <order Relation, class Left, class Right>
inline constexpr bool is_constraint<comparison<Relation, Left, Right>> = true;
template <connective Operation, class Left, class Right>
inline constexpr bool is_constraint<compound<Operation, Left, Right>> = true;
template <class Test, class Left, class Right>
inline constexpr bool is_constraint<decision<Test, Left, Right>> = true;
template <fixed_string Fact, class Left, class Right>
inline constexpr bool is_constraint<same_symbol<Fact, Left, Right>> = true;

template <class T>
concept index_term = is_index<T>;
template <class T>
concept index_operand = is_index<T> || std::integral<T>;
template <class T>
concept constraint = is_constraint<T>;

template <class Left, class Right>
concept index_pair = index_operand<Left> && index_operand<Right> &&
    (index_term<Left> || index_term<Right>);

template <index_term Term>
constexpr Term as_index(Term term) noexcept {
    return term;
}
constexpr integer as_index(int value) noexcept {
    return {value};
}

template <class T>
using index_of = decltype(as_index(T{}));

namespace detail {
template <arithmetic Operation, class Left, class Right>
constexpr auto combine_index(Left left, Right right) noexcept {
    return index_expression<Operation, index_of<Left>, index_of<Right>>{as_index(left),
                                                                        as_index(right)};
}
template <order Relation, class Left, class Right>
constexpr auto compare_index(Left left, Right right) noexcept {
    return comparison<Relation, index_of<Left>, index_of<Right>>{as_index(left), as_index(right)};
}
}  // namespace detail

template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator+(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::add>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator-(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::subtract>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator*(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::multiply>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator/(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::divide>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator%(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::remainder>(left, right);
}
template <index_term Term>
constexpr auto abs(Term term) noexcept {
    return detail::combine_index<arithmetic::absolute>(term, 0);
}

template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator<(Left left, Right right) noexcept {
    return detail::compare_index<order::less>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator<=(Left left, Right right) noexcept {
    return detail::compare_index<order::less_equal>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator>(Left left, Right right) noexcept {
    return detail::compare_index<order::greater>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator>=(Left left, Right right) noexcept {
    return detail::compare_index<order::greater_equal>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator==(Left left, Right right) noexcept {
    return detail::compare_index<order::equal>(left, right);
}
// Defined, not rewritten from ==: a rewritten != would negate an object, not a truth value.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator!=(Left left, Right right) noexcept {
    return detail::compare_index<order::not_equal>(left, right);
}

template <constraint Left, constraint Right>
constexpr auto operator&&(Left left, Right right) noexcept {
    return compound<connective::conjunction, Left, Right>{left, right};
}
template <constraint Left, constraint Right>
constexpr auto operator||(Left left, Right right) noexcept {
    return compound<connective::disjunction, Left, Right>{left, right};
}
template <constraint Condition>
constexpr auto operator!(Condition condition) noexcept {
    return compound<connective::negation, Condition, integer>{condition, {0}};
}

namespace detail {
template <int... Members>
struct is_member {
    static constexpr bool holds(int index, int) noexcept { return (... || (index == Members)); }
};
template <auto Predicate>
struct is_held {
    static constexpr bool holds(int left, int right) noexcept {
        return static_cast<bool>(Predicate(left, right));
    }
};
}  // namespace detail

/// The index is one of the numbers: `one_of<0, 100, 500>(j)`.
template <int... Members, index_term Term>
constexpr auto one_of(Term term) noexcept {
    return decision<detail::is_member<Members...>, Term, integer>{term, {0}};
}

/// Any condition on two indices: `holds<predicate>(i, j)`, where predicate(int, int) is a constexpr
/// function, or an object that holds nothing. A table of its pairs is made with the
/// first facts of the program.
template <auto Predicate, class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto holds(Left left, Right right) noexcept {
    return decision<detail::is_held<Predicate>, index_of<Left>, index_of<Right>>{as_index(left),
                                                                                 as_index(right)};
}

// The same by their names in logic.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto leq(Left left, Right right) noexcept {
    return left <= right;
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto sub(Left left, Right right) noexcept {
    return left - right;
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto mod(Left left, Right right) noexcept {
    return left % right;
}
template <index_term Term>
constexpr auto next(Term term) noexcept {
    return term + 1;
}
/// No two of the terms are equal.
template <index_term First, index_term Second, index_term... Rest>
constexpr auto alldiff(First first, Second second, Rest... rest) noexcept {
    if constexpr (sizeof...(Rest) == 0)
        return first != second;
    else
        return (first != second) && (... && (first != rest)) && alldiff(second, rest...);
}

// A chain reads as mathematics and means something else: `0 <= i - j <= 5` compares a truth value.
#define SEQUENT_REFUSE_CHAIN(OPERATOR)                                                           \
    template <constraint Left, class Right>                                                      \
        requires(index_operand<Right> || constraint<Right>)                                      \
    constexpr Left operator OPERATOR(Left left, Right) noexcept {                                \
        constexpr bool is_a_constraint = refused<Left, Right>;                                   \
        static_assert(is_a_constraint,                                                           \
                      "sequent: a chained comparison compares a truth value; write a <= b && b " \
                      "<= c");                                                                   \
        return left;                                                                             \
    }
SEQUENT_REFUSE_CHAIN(<)
SEQUENT_REFUSE_CHAIN(<=)
SEQUENT_REFUSE_CHAIN(>)
SEQUENT_REFUSE_CHAIN(>=)
SEQUENT_REFUSE_CHAIN(==)
SEQUENT_REFUSE_CHAIN(!=)
#undef SEQUENT_REFUSE_CHAIN

}  // namespace sequent::inline SEQUENT_ABI::language
