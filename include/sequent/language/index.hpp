#pragma once

#include <concepts>
#include <limits>
#include <type_traits>

#include "text.hpp"

/// Index variables, integer expressions over them, and constraints that compare these expressions.

namespace sequent::inline SEQUENT_ABI::language {

/// The default extent of a variable: its range is inferred from the facts, weights and literals
/// that use it.
inline constexpr int unstated = std::numeric_limits<int>::min();

/// An index variable. Its range is inferred from the facts, weights and literals that use it, or is
/// stated: `var<"h", 8>` takes the values 0 to 7. Equal names within a rule are the same variable.
template <fixed_string Name, int Extent = unstated>
struct var {
    /// The stated extent, or 0 if none is stated.
    static constexpr int stated_extent = Extent == unstated ? 0 : Extent;
};

/// `input = x`: an argument of a model's forward or backward, named after a fact, a count or an
/// output. Value is an lvalue reference if x is an lvalue.
template <fixed_string Name, class Value>
struct named_argument {
    Value&& value;  ///< the argument; it is not copied
};

/// A count: an integer given at run time, such as the length of a sequence in `j < length`. It may
/// stand in constraints and in the index expressions of functions and of number(...), but not in an
/// argument of a literal.
template <fixed_string Name>
struct bound {
    /// Passes the count to a model: `length = 12`.
    template <class Value>
    constexpr named_argument<Name, Value> operator=(Value&& value) const noexcept {
        return {static_cast<Value&&>(value)};
    }
};

/// An integer constant in an index expression.
struct integer {
    int value;  ///< the constant
};

/// The operations of index expressions. `absolute` ignores its right operand.
enum class arithmetic { add, subtract, multiply, divide, remainder, greater, lesser, absolute };

/// `left op right` over integers. Division rounds down, so that a remainder has the sign of its
/// divisor. If the divisor is zero, as a count may be, the quotient is 0 and the remainder is the
/// left operand.
template <arithmetic Operation, class Left, class Right>
struct index_expression {
    Left left;    ///< the left operand
    Right right;  ///< the right operand
};

/// The relations of a comparison.
enum class order { less, less_equal, greater, greater_equal, equal, not_equal };

/// A constraint that compares two index expressions: `j <= i`.
template <order Relation, class Left, class Right>
struct comparison {
    Left left;    ///< the left operand
    Right right;  ///< the right operand
};

/// The connectives of constraints. `negation` ignores its right operand.
enum class connective { conjunction, disjunction, negation };

/// A constraint made of constraints by `&&`, `||` or `!`.
template <connective Operation, class Left, class Right>
struct compound {
    Left left;    ///< the left operand
    Right right;  ///< the right operand
};

/// A constraint given by a function of two indices; one_of ignores the second. Test::holds(left,
/// right) is a static constexpr function.
template <class Test, class Left, class Right>
struct decision {
    Left left;    ///< the first argument of Test::holds
    Right right;  ///< the second argument of Test::holds
};

/// A constraint: the fact has the same symbol at both positions. With a fact that numbers
/// documents, both positions are in one document.
template <fixed_string Fact, class Left, class Right>
struct same_symbol {
    Left left;    ///< one position
    Right right;  ///< the other position
};

/// True for an index variable, a count, an integer constant and an index expression.
template <class T>
inline constexpr bool is_index = false;
/// True for an index variable.
template <fixed_string Name, int Extent>
inline constexpr bool is_index<var<Name, Extent>> = true;
/// True for a count.
template <fixed_string Name>
inline constexpr bool is_index<bound<Name>> = true;
/// True for an integer constant.
template <>
inline constexpr bool is_index<integer> = true;
/// True for an index expression.
template <arithmetic Operation, class Left, class Right>
inline constexpr bool is_index<index_expression<Operation, Left, Right>> = true;

/// True for a constraint: comparison, compound, decision or same_symbol.
template <class T>
inline constexpr bool is_constraint = false;
/// True for a comparison.
template <order Relation, class Left, class Right>
inline constexpr bool is_constraint<comparison<Relation, Left, Right>> = true;
/// True for a compound.
template <connective Operation, class Left, class Right>
inline constexpr bool is_constraint<compound<Operation, Left, Right>> = true;
/// True for a predicate.
template <class Test, class Left, class Right>
inline constexpr bool is_constraint<decision<Test, Left, Right>> = true;
/// True for a comparison of symbols.
template <fixed_string Fact, class Left, class Right>
inline constexpr bool is_constraint<same_symbol<Fact, Left, Right>> = true;

/// An index variable, a count, an integer constant or an index expression.
template <class T>
concept index_term = is_index<T>;
/// An index term or a plain integer.
template <class T>
concept index_operand = is_index<T> || std::integral<T>;
/// A condition on indices that may stand in a body.
template <class T>
concept constraint = is_constraint<T>;

/// Two index operands, of which at least one is an index term.
template <class Left, class Right>
concept index_pair = index_operand<Left> && index_operand<Right> &&
    (index_term<Left> || index_term<Right>);

/// The operand as an index term: itself, or an integer constant.
template <index_term Term>
constexpr Term as_index(Term term) noexcept {
    return term;
}
/// The integer as an index term.
constexpr integer as_index(int value) noexcept {
    return {value};
}

/// The type of as_index(T{}).
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

/// The sum of two index operands.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator+(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::add>(left, right);
}
/// The difference of two index operands.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator-(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::subtract>(left, right);
}
/// The product of two index operands.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator*(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::multiply>(left, right);
}
/// The quotient of two index operands, rounded down; 0 if the divisor is 0.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator/(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::divide>(left, right);
}
/// The remainder of the quotient that is rounded down: `-1 % 5` is 4. The left operand if the
/// divisor is 0.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator%(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::remainder>(left, right);
}
/// The greater of two index operands.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto greater_of(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::greater>(left, right);
}
/// The lesser of two index operands.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto lesser_of(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::lesser>(left, right);
}
/// The absolute value: `abs(i - j) < 8`.
template <index_term Term>
constexpr auto abs(Term term) noexcept {
    return detail::combine_index<arithmetic::absolute>(term, 0);
}

/// Constraint: the left operand is less than the right.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator<(Left left, Right right) noexcept {
    return detail::compare_index<order::less>(left, right);
}
/// Constraint: the left operand is less than or equal to the right.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator<=(Left left, Right right) noexcept {
    return detail::compare_index<order::less_equal>(left, right);
}
/// Constraint: the left operand is greater than the right.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator>(Left left, Right right) noexcept {
    return detail::compare_index<order::greater>(left, right);
}
/// Constraint: the left operand is greater than or equal to the right.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator>=(Left left, Right right) noexcept {
    return detail::compare_index<order::greater_equal>(left, right);
}
/// Constraint: the operands are equal.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator==(Left left, Right right) noexcept {
    return detail::compare_index<order::equal>(left, right);
}
/// Constraint: the operands differ.
// Written out, because a != that the compiler rewrites from == would negate an object, not a bool.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator!=(Left left, Right right) noexcept {
    return detail::compare_index<order::not_equal>(left, right);
}

/// Both constraints hold.
template <constraint Left, constraint Right>
constexpr auto operator&&(Left left, Right right) noexcept {
    return compound<connective::conjunction, Left, Right>{left, right};
}
/// At least one of the constraints holds.
template <constraint Left, constraint Right>
constexpr auto operator||(Left left, Right right) noexcept {
    return compound<connective::disjunction, Left, Right>{left, right};
}
/// The constraint does not hold.
template <constraint Condition>
constexpr auto operator!(Condition condition) noexcept {
    return compound<connective::negation, Condition, integer>{condition, {0}};
}

namespace detail {
/// The test of one_of.
template <int... Members>
struct is_member {
    static constexpr bool holds(int index, int) noexcept { return (... || (index == Members)); }
};
/// The test of holds.
template <auto Predicate>
struct is_held {
    static constexpr bool holds(int left, int right) noexcept {
        return static_cast<bool>(Predicate(left, right));
    }
};
}  // namespace detail

/// Constraint: the index is one of the numbers, `one_of<0, 100, 500>(j)`.
template <int... Members, index_term Term>
constexpr auto one_of(Term term) noexcept {
    return decision<detail::is_member<Members...>, Term, integer>{term, {0}};
}

/// Constraint: `predicate(i, j)` is true in `holds<predicate>(i, j)`. The predicate is a constexpr
/// function of two ints or an empty function object such as a lambda without captures. A table of
/// the pairs for which it holds is made with the first facts of the program.
template <auto Predicate, class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto holds(Left left, Right right) noexcept {
    return decision<detail::is_held<Predicate>, index_of<Left>, index_of<Right>>{as_index(left),
                                                                                 as_index(right)};
}

/// `left <= right` by its name in logic.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto leq(Left left, Right right) noexcept {
    return left <= right;
}
/// `left - right` by its name in logic.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto sub(Left left, Right right) noexcept {
    return left - right;
}
/// `left % right` by its name in logic.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto mod(Left left, Right right) noexcept {
    return left % right;
}
/// `term + 1`, the successor.
template <index_term Term>
constexpr auto next(Term term) noexcept {
    return term + 1;
}
/// Constraint: no two of the terms are equal.
template <index_term First, index_term Second, index_term... Rest>
constexpr auto alldiff(First first, Second second, Rest... rest) noexcept {
    if constexpr (sizeof...(Rest) == 0)
        return first != second;
    else
        return (first != second) && (... && (first != rest)) && alldiff(second, rest...);
}

// Refuses chained comparisons: in C++ `0 <= i - j <= 5` would compare the result of the first
// comparison with 5.
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
