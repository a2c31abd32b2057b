#pragma once

/// Version, platform switches and the inline namespace that every other header opens.

#define SEQUENT_VERSION_MAJOR 0
#define SEQUENT_VERSION_MINOR 1
#define SEQUENT_VERSION_PATCH 0

#if defined(__FAST_MATH__)
#error "sequent: -ffast-math breaks the exact zero of exp(-inf); build without it"
#endif

// The instruction set is part of every symbol, so that two translation units built with different
// flags never share a kernel.
#if defined(__AVX512F__)
#define SEQUENT_ABI v0_1_avx512
#elif defined(__AVX2__)
#define SEQUENT_ABI v0_1_avx2
#elif defined(__AVX__)
#define SEQUENT_ABI v0_1_avx
#elif defined(__aarch64__)
#define SEQUENT_ABI v0_1_neon
#else
#define SEQUENT_ABI v0_1_base
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define SEQUENT_INLINE __forceinline
#else
#define SEQUENT_INLINE inline __attribute__((always_inline))
#endif
