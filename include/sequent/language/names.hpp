#pragma once

#include "literal.hpp"

/// Macros that declare a word of the language under its own name, which is written once. They
/// exclude the slip `relation<"q"> k;`, which compiles: k is then the relation q, and rules for k
/// are added to the rules for q.
///
///     SEQUENT_VARIABLES(i, j);
///     SEQUENT_RELATIONS(input, q, k, v);
///     SEQUENT_WEIGHT(W_q, 64, 64);
///
/// They are used at namespace scope; a list has up to 32 names.

/// Declares the index variable NAME, `var<"NAME">`.
#define SEQUENT_DECLARE_VARIABLE(NAME) \
    inline constexpr ::sequent::language::var<#NAME> NAME {}
/// Declares the relation NAME, `relation<"NAME">`.
#define SEQUENT_DECLARE_RELATION(NAME) \
    inline constexpr ::sequent::language::relation<#NAME> NAME {}

/// Declares index variables: `SEQUENT_VARIABLES(i, j);`.
#define SEQUENT_VARIABLES(...) SEQUENT_EACH(SEQUENT_DECLARE_VARIABLE, __VA_ARGS__)
/// Declares relations: `SEQUENT_RELATIONS(q, k, v);`.
#define SEQUENT_RELATIONS(...) SEQUENT_EACH(SEQUENT_DECLARE_RELATION, __VA_ARGS__)
/// Declares a weight with its shape: `SEQUENT_WEIGHT(W, 64, 32);`.
#define SEQUENT_WEIGHT(NAME, ...) \
    inline constexpr ::sequent::language::weight<#NAME __VA_OPT__(, ) __VA_ARGS__> NAME {}

// SEQUENT_EACH(F, a, b, c) expands to F(a); F(b); F(c). Each scan of SEQUENT_SCAN expands one name.
#define SEQUENT_EACH(F, ...) SEQUENT_SCAN(SEQUENT_EACH_NEXT(F, __VA_ARGS__))
#define SEQUENT_EACH_NEXT(F, FIRST, ...) \
    F(FIRST) __VA_OPT__(; SEQUENT_EACH_AGAIN SEQUENT_LATER()()(F, __VA_ARGS__))
#define SEQUENT_EACH_AGAIN() SEQUENT_EACH_NEXT
#define SEQUENT_LATER()
#define SEQUENT_SCAN(...) \
    SEQUENT_SCAN_8(SEQUENT_SCAN_8(SEQUENT_SCAN_8(SEQUENT_SCAN_8(__VA_ARGS__))))
#define SEQUENT_SCAN_8(...) \
    SEQUENT_SCAN_2(SEQUENT_SCAN_2(SEQUENT_SCAN_2(SEQUENT_SCAN_2(__VA_ARGS__))))
#define SEQUENT_SCAN_2(...) SEQUENT_SCAN_1(SEQUENT_SCAN_1(__VA_ARGS__))
#define SEQUENT_SCAN_1(...) __VA_ARGS__
