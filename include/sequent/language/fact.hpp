#pragma once

#include "index.hpp"

/// What a model is given at run time, and what it gives back.

namespace sequent::inline SEQUENT_ABI::language {

template <int Classes>
struct symbol_type {
    static constexpr int classes = Classes;
};

/// As the last extent of a fact: its values are symbols 0..Classes-1, given as 32-bit integers.
template <int Classes>
inline constexpr symbol_type<Classes> symbol{};

/// A dense fact. `fact<"input", 64, 128>` used as `input(i)` holds 64 vectors of 128 numbers; used
/// as `input(i, j)`, 64 x 128 scalars. `fact<"token", 64, symbol<65>>` holds 64 symbols.
template <fixed_string Name, auto... Shape>
struct fact {};

/// The relations that are the model's outputs, where they are not the one that no body uses.
template <fixed_string... Names>
struct query {};

}  // namespace sequent::inline SEQUENT_ABI::language
