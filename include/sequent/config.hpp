#pragma once

/// The version, switches of the platform, and the inline namespace that every other header opens.

/// The version of the library, for `#if`.
#define SEQUENT_VERSION_MAJOR 0
#define SEQUENT_VERSION_MINOR 2
#define SEQUENT_VERSION_PATCH 0

#if (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L) && __cplusplus < 202002L
#error "sequent: C++20 is needed: compile with -std=c++20"
#include <sequent/needs_cxx20>  // compilers continue after an #error, but stop at a missing file
#endif

// Clang defines no macro for -fassociative-math. Code that the flag would reorder is guarded in
// place.
#if defined(__FAST_MATH__)
#error "sequent: -ffast-math breaks the exact zero of exp(-inf); build without it"
#elif defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0
#error "sequent: -ffinite-math-only takes infinity and NaN for ordinary numbers; build without it"
#elif defined(__ASSOCIATIVE_MATH__)
#error \
    "sequent: -fassociative-math, a part of -funsafe-math-optimizations, breaks exp; build without it"
#endif

// Compared with -O3, a model takes about 200 times as long at -O0, and 2 to 8 times at -O1 or -Og.
// Use -Og for debug builds, or put the model behind plain functions in an optimised source file of
// its own. Define SEQUENT_UNOPTIMIZED to suppress the message.
#if defined(__GNUC__) && !defined(__OPTIMIZE__) && !defined(SEQUENT_UNOPTIMIZED)
#pragma message( \
    "sequent: without optimisation (-O0) models run some 200 times slower; use -O1 or more, or -Og, or define SEQUENT_UNOPTIMIZED")
#endif

// Defined if errors are exceptions; otherwise they print a message and abort (fail.hpp).
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define SEQUENT_HAS_EXCEPTIONS
#endif

// Defined if matrix products may use AMX. Clang before 16 spells the macros without the second
// underscore.
#if defined(__linux__) && defined(__x86_64__) &&                                  \
    ((defined(__AMX_TILE__) && defined(__AMX_INT8__) && defined(__AMX_BF16__)) || \
     (defined(__AMXTILE__) && defined(__AMXINT8__) && defined(__AMXBF16__)))
#define SEQUENT_HAS_AMX
#endif

// Define SEQUENT_NO_THREADS if the standard library has no threads, or if the program uses one
// thread: a thread pool is then the calling thread alone.
#if defined(__wasm__) && !defined(_REENTRANT) && !defined(SEQUENT_NO_THREADS)
#define SEQUENT_NO_THREADS
#endif

// The inline namespace. Everything that changes the code of an inline function is part of its name,
// and so of every symbol: the version, the instruction set, SEQUENT_SMALL_CODE, SEQUENT_NO_THREADS,
// and the kind of errors. Two translation units of one program that are built with different flags
// therefore never share a kernel.
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#if defined(SEQUENT_HAS_AMX) && defined(__AVX512VNNI__) && defined(__AVX512BF16__)
#define SEQUENT_ABI_SET avx512_vnni_bf16_amx
#elif defined(__AVX512VNNI__) && defined(__AVX512BF16__)
#define SEQUENT_ABI_SET avx512_vnni_bf16
#elif defined(__AVX512VNNI__)
#define SEQUENT_ABI_SET avx512_vnni
#elif defined(__AVX512BF16__)
#define SEQUENT_ABI_SET avx512_bf16
#else
#define SEQUENT_ABI_SET avx512
#endif
#elif defined(__AVX512F__)
#define SEQUENT_ABI_SET avx512f
#elif defined(__AVX2__) && defined(__FMA__) && defined(__AVXVNNI__)
#define SEQUENT_ABI_SET avx2_vnni
#elif defined(__AVX2__) && (defined(__FMA__) || defined(_MSC_VER))
#define SEQUENT_ABI_SET avx2
#elif defined(__AVX2__)
#define SEQUENT_ABI_SET avx2_without_fma
#elif defined(__AVX__) && defined(__FMA__)
#define SEQUENT_ABI_SET avx_fma
#elif defined(__AVX__)
#define SEQUENT_ABI_SET avx
#elif defined(__SSE4_2__)
#define SEQUENT_ABI_SET sse4_2
#elif defined(__SSE4_1__)
#define SEQUENT_ABI_SET sse4_1
#elif defined(__SSSE3__)
#define SEQUENT_ABI_SET ssse3
#elif defined(__SSE3__)
#define SEQUENT_ABI_SET sse3
#elif defined(__ARM_FEATURE_SVE)
#define SEQUENT_ABI_SET sve
#elif defined(__aarch64__) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
#define SEQUENT_ABI_SET neon_bf16
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define SEQUENT_ABI_SET neon_dotprod
#elif defined(__aarch64__) || defined(_M_ARM64)
#define SEQUENT_ABI_SET neon
#else
#define SEQUENT_ABI_SET base
#endif

#if defined(SEQUENT_SMALL_CODE)
#define SEQUENT_ABI_NAME_3(set) v0_2_##set##_small
#else
#define SEQUENT_ABI_NAME_3(set) v0_2_##set
#endif
#define SEQUENT_ABI_WITHOUT_2(name, what) name##_without_##what
#define SEQUENT_ABI_WITHOUT(name, what) SEQUENT_ABI_WITHOUT_2(name, what)
#if defined(SEQUENT_HAS_EXCEPTIONS)
#define SEQUENT_ABI_NAME_2(set) SEQUENT_ABI_NAME_3(set)
#else
#define SEQUENT_ABI_NAME_2(set) SEQUENT_ABI_WITHOUT(SEQUENT_ABI_NAME_3(set), exceptions)
#endif
#if defined(SEQUENT_NO_THREADS)
#define SEQUENT_ABI_NAME(set) SEQUENT_ABI_WITHOUT(SEQUENT_ABI_NAME_2(set), threads)
#else
#define SEQUENT_ABI_NAME(set) SEQUENT_ABI_NAME_2(set)
#endif
#define SEQUENT_ABI SEQUENT_ABI_NAME(SEQUENT_ABI_SET)

// SEQUENT_INLINE: always inlined. SEQUENT_NOINLINE: never inlined. SEQUENT_COLD: never inlined, and
// rarely called, as the functions that report errors.
#if defined(_MSC_VER) && !defined(__clang__)
#define SEQUENT_INLINE __forceinline
#define SEQUENT_NOINLINE __declspec(noinline)
#define SEQUENT_COLD __declspec(noinline)
#else
#define SEQUENT_INLINE inline __attribute__((always_inline))
#define SEQUENT_NOINLINE __attribute__((noinline))
#define SEQUENT_COLD __attribute__((noinline, cold))
#endif

// Makes a function a template that needs no arguments. The compiler instantiates what its body uses
// (containers, algorithms, strings) only in programs that call it, not in every program that
// includes its header.
#define SEQUENT_LAZY template <class = void>
