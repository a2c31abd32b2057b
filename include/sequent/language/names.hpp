#pragma once

#include "literal.hpp"

/// Declarations in which a name is written once. `relation<"q"> k;` compiles: k then is the
/// relation q, and rules of both are added. With these macros a variable of C++ and what it names
/// have the same name:
///
///     SEQUENT_VARIABLES(i, j);
///     SEQUENT_RELATIONS(input, q, k, v);
///     SEQUENT_WEIGHT(W_q, 64, 64);
///
/// They stand in a namespace, up to 32 names in one list.

#define SEQUENT_DECLARE_VARIABLE(NAME) \
    inline constexpr ::sequent::language::var<#NAME> NAME {}
#define SEQUENT_DECLARE_RELATION(NAME) \
    inline constexpr ::sequent::language::relation<#NAME> NAME {}

#define SEQUENT_VARIABLES(...) SEQUENT_EACH(SEQUENT_DECLARE_VARIABLE, __VA_ARGS__)
#define SEQUENT_RELATIONS(...) SEQUENT_EACH(SEQUENT_DECLARE_RELATION, __VA_ARGS__)
#define SEQUENT_WEIGHT(NAME, ...) \
    inline constexpr ::sequent::language::weight<#NAME __VA_OPT__(, ) __VA_ARGS__> NAME {}

// SEQUENT_EACH(F, a, b, c) is F(a); F(b); F(c). The scans of SEQUENT_SCAN expand one name each.
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
