#pragma once

#include "../config.hpp"

/// The limits of a program. A program beyond them is a compile error.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_arity = 4;            ///< arguments of an atom
inline constexpr int max_variables = 6;        ///< variables of a rule
inline constexpr int max_transformations = 4;  ///< transformations of a rule
inline constexpr int max_literals = 16;        ///< literals of a body, and rules of one head

/// The largest number of elements of a relation, a fact, all weights, or the memory of a call.
inline constexpr long long max_numbers = 2147483647;

}  // namespace sequent::inline SEQUENT_ABI::plan
