#pragma once

#include "index.hpp"

/// Facts: the inputs of a model, with their shapes; the query of its outputs; and requirements on
/// its plan. They are the template arguments of `sequent::model` after the program.

namespace sequent::inline SEQUENT_ABI::language {

/// The type of `symbol<Classes>`.
template <int Classes>
struct symbol_type {
    static_assert(Classes > 0, "sequent: symbol<N> has at least one symbol");
    static constexpr int classes = Classes > 0 ? Classes : 1;  ///< number of different symbols
};

/// The last extent of a fact of symbols: its values are 32-bit integers from 0 to Classes - 1. A
/// rule reads a symbol through a weight, `token(i)[E]`, which is row token(i) of the matrix E.
template <int Classes>
inline constexpr symbol_type<Classes> symbol{};

/// The type of `sparse<Capacity>`.
template <int Capacity>
struct sparse_type {
    static_assert(Capacity > 0, "sequent: sparse<E> has room for at least one pair");
    static constexpr int pairs = Capacity > 0 ? Capacity : 1;  ///< maximum number of pairs
};

/// The first extent of a sparse fact, which holds for at most Capacity pairs (i, j). The pairs are
/// given at run time.
template <int Capacity>
inline constexpr sparse_type<Capacity> sparse{};

/// The type of `up_to<Most>`.
template <int Most>
struct up_to_type {
    static_assert(Most > 0, "sequent: up_to<N> has room for at least one value");
    static constexpr int most = Most > 0 ? Most : 1;  ///< maximum length
};

/// The first extent of a dense fact of variable length: a call gives any length from 0 to Most.
/// Relations over its index end at the same length, and the cost of a call follows the length.
template <int Most>
inline constexpr up_to_type<Most> up_to{};

/// An input of the model under the name of a relation. A dense fact has up to 6 extents, a sparse
/// one two indices and up to two extents of its values:
///
///     fact<"input", 64, 128>                  as input(i): 64 vectors of 128 numbers
///                                             as input(i, j): 64 x 128 scalars
///     fact<"token", 64, symbol<65>>           64 symbols
///     fact<"token", up_to<512>, symbol<65>>   0 to 512 symbols
///     fact<"edge", sparse<90>, 40, 40>        at most 90 pairs i, j < 40, with a number each
///     fact<"edge", sparse<90>, 40, 40, 3>     with a vector of 3 numbers each
///     fact<"edge", sparse<90>, 40, 40, symbol<4>>   with a symbol each
template <fixed_string Name, auto... Shape>
struct fact {};

/// Names the outputs of a model, up to 16 relations. Without a query the output is the one relation
/// that no body uses, or that only its own recursion uses.
template <fixed_string... Names>
struct query {};

/// An option among the facts of a model. A rule that no fused step computes, and that would run as
/// general loops, becomes a compile error that names the rule and the reason. `explain` prints the
/// same reasons.
struct require_fused {};

}  // namespace sequent::inline SEQUENT_ABI::language
