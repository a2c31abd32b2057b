#pragma once

#include "index.hpp"

/// What a model is given at run time, and what it gives back.

namespace sequent::inline SEQUENT_ABI::language {

template <int Classes>
struct symbol_type {
    static_assert(Classes > 0, "sequent: symbol<N> has at least one symbol");
    static constexpr int classes = Classes > 0 ? Classes : 1;
};

/// As the last extent of a fact: its values are symbols 0..Classes-1, given as 32-bit integers.
template <int Classes>
inline constexpr symbol_type<Classes> symbol{};

template <int Capacity>
struct sparse_type {
    static_assert(Capacity > 0, "sequent: sparse<E> has room for at least one pair");
    static constexpr int pairs = Capacity > 0 ? Capacity : 1;
};

/// As the first extent of a fact: it holds for at most Capacity pairs (i, j), given at run time.
template <int Capacity>
inline constexpr sparse_type<Capacity> sparse{};

template <int Most>
struct up_to_type {
    static_assert(Most > 0, "sequent: up_to<N> has room for at least one value");
    static constexpr int most = Most > 0 ? Most : 1;
};

/// As the first extent of a dense fact: it is given with any length from 0 to Most. Its atoms end
/// there, so that all that follows from it has that length, at the cost of that length.
template <int Most>
inline constexpr up_to_type<Most> up_to{};

/// A dense fact. `fact<"input", 64, 128>` used as `input(i)` holds 64 vectors of 128 numbers; used
/// as `input(i, j)`, 64 x 128 scalars. `fact<"token", 64, symbol<65>>` holds 64 symbols.
/// `fact<"token", up_to<512>, symbol<65>>` holds at most 512, as many as are given.
/// `fact<"edge", sparse<90>, 40, 40, 3>` is sparse: `edge(i, j)` holds for at most 90 of the pairs
/// with i, j < 40, each with a vector of 3 numbers; with no extent after the two, a number each;
/// with symbol<4> there, a symbol each.
template <fixed_string Name, auto... Shape>
struct fact {};

/// The relations that are the model's outputs, where they are not the one that no body uses.
template <fixed_string... Names>
struct query {};

/// Among the facts of a model: a rule that no fused step computes, so that it would run as general
/// loops, is a compile error that names the rule and the reason. `explain` prints the same reasons.
struct require_fused {};

}  // namespace sequent::inline SEQUENT_ABI::language
