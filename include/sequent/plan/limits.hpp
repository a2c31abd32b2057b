#pragma once

#include "../config.hpp"

/// The largest programs that a plan holds.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_arity = 4;            // arguments of an atom
inline constexpr int max_variables = 6;        // of a rule
inline constexpr int max_transformations = 4;  // of a rule
inline constexpr int max_literals = 16;        // of a body; and as many rules have one head

/// The most numbers of a relation, a fact, all weights, or the memory of a call.
inline constexpr long long max_numbers = 2147483647;

}  // namespace sequent::inline SEQUENT_ABI::plan
