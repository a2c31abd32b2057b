// Sequent 0.2.0: packed.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_PACKED_HPP
#define SEQUENT_SINGLE_PACKED_HPP

#include "io.hpp"

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

// GCC 12 finds the undefined pass-through of its own AVX-512 intrinsics uninitialised.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

/// Vectors of packed integers: the operations of each instruction set for the products of packed
/// weights. Each 32-bit word belongs to one output and holds four bytes or two 16-bit floats of its
/// inputs.

namespace sequent::inline SEQUENT_ABI::kernel::detail {

/// `words`: lanes<float> 32-bit words. Products of signed bytes need weights with their sign
/// (`signed_bytes`); others need unsigned weights.
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#define SEQUENT_PACKED_AVX512
using words = __m512i;
inline constexpr bool signed_bytes = false;
#elif defined(__AVX2__) && !defined(__AVX512F__)
#define SEQUENT_PACKED_AVX2
using words = __m256i;
inline constexpr bool signed_bytes = false;
#elif defined(__SSE2__) && !defined(__AVX__)
#define SEQUENT_PACKED_SSE2
using words = __m128i;
inline constexpr bool signed_bytes = false;
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(__ARM_FEATURE_SVE)
#define SEQUENT_PACKED_NEON
using words = int32x4_t;
inline constexpr bool signed_bytes = true;
#else
struct words {
    std::uint32_t at[lanes<float>];
};
inline constexpr bool signed_bytes = false;
#endif

/// The bits of the bfloat16 number nearest to x, ties to even.
constexpr std::uint16_t bfloat_of_float(float x) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    const bool nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return static_cast<std::uint16_t>(nan ? bits >> 16 | 0x40u
                                          : (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

SEQUENT_INLINE words load_words(const void* from) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_loadu_si512(from);
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
#elif defined(SEQUENT_PACKED_SSE2)
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
#elif defined(SEQUENT_PACKED_NEON)
    return vreinterpretq_s32_u8(vld1q_u8(static_cast<const std::uint8_t*>(from)));
#else
    words result;
    std::memcpy(&result, from, sizeof result);
    return result;
#endif
}

/// A vector with the same word in all lanes.
SEQUENT_INLINE words set_word(std::int32_t word) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_set1_epi32(word);
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_set1_epi32(word);
#elif defined(SEQUENT_PACKED_SSE2)
    return _mm_set1_epi32(word);
#elif defined(SEQUENT_PACKED_NEON)
    return vdupq_n_s32(word);
#else
    words result;
    for (std::uint32_t& x : result.at) x = static_cast<std::uint32_t>(word);
    return result;
#endif
}

SEQUENT_INLINE words set_word(const void* from) noexcept {
    std::int32_t word;
    std::memcpy(&word, from, sizeof word);
    return set_word(word);
}

/// Each byte's low or high four bits.
template <bool High>
SEQUENT_INLINE words nibbles(words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_and_si512(High ? _mm512_srli_epi16(x, 4) : x, _mm512_set1_epi8(15));
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_and_si256(High ? _mm256_srli_epi16(x, 4) : x, _mm256_set1_epi8(15));
#elif defined(SEQUENT_PACKED_SSE2)
    return _mm_and_si128(High ? _mm_srli_epi16(x, 4) : x, _mm_set1_epi8(15));
#elif defined(SEQUENT_PACKED_NEON)
    const uint8x16_t bytes = vreinterpretq_u8_s32(x);
    return vreinterpretq_s32_u8(High ? vshrq_n_u8(bytes, 4) : vandq_u8(bytes, vdupq_n_u8(15)));
#else
    for (std::uint32_t& word : x.at) word = (High ? word >> 4 : word) & 0x0F0F0F0Fu;
    return x;
#endif
}

/// Each byte minus 128, modulo 256.
SEQUENT_INLINE words flip_signs(words x) noexcept {
#if defined(SEQUENT_PACKED_NEON)
    return vreinterpretq_s32_u8(veorq_u8(vreinterpretq_u8_s32(x), vdupq_n_u8(128)));
#else
    return x;  // not used unless signed_bytes
#endif
}

/// row_group: four signed numbers of a row, the same in each word, for products with the bytes of
/// weights. They are bytes if the processor multiplies bytes. x86 without VNNI takes bytes 0 and 2,
/// then 1 and 3, as 16-bit numbers, whose products do not overflow.
#if defined(__AVX512VNNI__) || (defined(__AVXVNNI__) && defined(__FMA__))
#define SEQUENT_PACKED_VNNI
#endif
#if (defined(SEQUENT_PACKED_AVX512) || defined(SEQUENT_PACKED_AVX2) || \
     defined(SEQUENT_PACKED_SSE2)) &&                                  \
    !defined(SEQUENT_PACKED_VNNI)
#define SEQUENT_PACKED_SPLIT
#endif
#if defined(SEQUENT_PACKED_SPLIT)
using row_number = std::int16_t;
struct row_group {
    words even, odd;
};
/// Position of number i in the storage of a row's groups.
constexpr int row_place(int i) noexcept {
    return i / 4 * 4 + i % 2 * 2 + i % 4 / 2;
}
SEQUENT_INLINE row_group load_group(const row_number* from) noexcept {
    return {set_word(from), set_word(from + 2)};
}
#else
using row_number = std::int8_t;
using row_group = words;
constexpr int row_place(int i) noexcept {
    return i;
}
SEQUENT_INLINE row_group load_group(const row_number* from) noexcept {
    return set_word(from);
}
#endif

/// sum + the products of the four bytes of each word with the numbers of x, exactly. The bytes are
/// unsigned, or signed if signed_bytes. No number of x may be -128.
SEQUENT_INLINE words add_byte_products(words sum, words w, const row_group& x) noexcept {
#if defined(SEQUENT_PACKED_AVX512) && defined(SEQUENT_PACKED_VNNI)
    return _mm512_dpbusd_epi32(sum, w, x);
#elif defined(SEQUENT_PACKED_AVX2) && defined(SEQUENT_PACKED_VNNI)
    return _mm256_dpbusd_avx_epi32(sum, w, x);
#elif defined(SEQUENT_PACKED_AVX512)
    const words even = _mm512_madd_epi16(_mm512_and_si512(w, _mm512_set1_epi16(255)), x.even);
    const words odd = _mm512_madd_epi16(_mm512_srli_epi16(w, 8), x.odd);
    return _mm512_add_epi32(_mm512_add_epi32(sum, even), odd);
#elif defined(SEQUENT_PACKED_AVX2)
    const words even = _mm256_madd_epi16(_mm256_and_si256(w, _mm256_set1_epi16(255)), x.even);
    const words odd = _mm256_madd_epi16(_mm256_srli_epi16(w, 8), x.odd);
    return _mm256_add_epi32(_mm256_add_epi32(sum, even), odd);
#elif defined(SEQUENT_PACKED_SSE2)
    const words even = _mm_madd_epi16(_mm_and_si128(w, _mm_set1_epi16(255)), x.even);
    const words odd = _mm_madd_epi16(_mm_srli_epi16(w, 8), x.odd);
    return _mm_add_epi32(_mm_add_epi32(sum, even), odd);
#elif defined(SEQUENT_PACKED_NEON) && defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x));
#elif defined(SEQUENT_PACKED_NEON)
    const int8x16_t a = vreinterpretq_s8_s32(w), b = vreinterpretq_s8_s32(x);
    const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
    return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(vmull_high_s8(a, b))));
#else
    for (int i = 0; i < lanes<float>; ++i) {
        std::int32_t total = static_cast<std::int32_t>(sum.at[i]);
        for (int byte = 0; byte < 4; ++byte)
            total += static_cast<std::int32_t>(w.at[i] >> 8 * byte & 255u) *
                     static_cast<std::int8_t>(x.at[i] >> 8 * byte & 255u);
        sum.at[i] = static_cast<std::uint32_t>(total);
    }
    return sum;
#endif
}

/// True if products of nibbles are summed in pairs of 16 bits: 8 sums of 2 * 15 * 127 fit.
#if defined(SEQUENT_PACKED_SPLIT) && !defined(SEQUENT_PACKED_SSE2)
inline constexpr bool sums_pairs = true;
#else
inline constexpr bool sums_pairs = false;
#endif

/// sum + the products of the four bytes of each word, which are in 0 to 15, with signed bytes of x,
/// summed in pairs of 16 bits.
SEQUENT_INLINE words add_nibble_pairs(words sum, [[maybe_unused]] words w,
                                      [[maybe_unused]] words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_add_epi16(sum, _mm512_maddubs_epi16(w, x));
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, x));
#else
    return sum;  // not used unless sums_pairs
#endif
}

/// start + the sums of the pairs of each word.
SEQUENT_INLINE words add_pairs([[maybe_unused]] words pairs, words start) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_add_epi32(start, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_add_epi32(start, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#else
    return start;
#endif
}

SEQUENT_INLINE words add_words(words x, words y) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_add_epi32(x, y);
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_add_epi32(x, y);
#elif defined(SEQUENT_PACKED_SSE2)
    return _mm_add_epi32(x, y);
#elif defined(SEQUENT_PACKED_NEON)
    return vaddq_s32(x, y);
#else
    for (int i = 0; i < lanes<float>; ++i) x.at[i] += y.at[i];
    return x;
#endif
}

SEQUENT_INLINE void store_words(void* to, words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    _mm512_storeu_si512(to, x);
#elif defined(SEQUENT_PACKED_AVX2)
    _mm256_storeu_si256(static_cast<__m256i*>(to), x);
#elif defined(SEQUENT_PACKED_SSE2)
    _mm_storeu_si128(static_cast<__m128i*>(to), x);
#elif defined(SEQUENT_PACKED_NEON)
    vst1q_u8(static_cast<std::uint8_t*>(to), vreinterpretq_u8_s32(x));
#else
    std::memcpy(to, &x, sizeof x);
#endif
}

/// The bits of floats without their signs, which order as the magnitudes do.
SEQUENT_INLINE words magnitude_bits(words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_and_si512(x, _mm512_set1_epi32(0x7FFFFFFF));
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_and_si256(x, _mm256_set1_epi32(0x7FFFFFFF));
#elif defined(SEQUENT_PACKED_SSE2)
    return _mm_and_si128(x, _mm_set1_epi32(0x7FFFFFFF));
#elif defined(SEQUENT_PACKED_NEON)
    return vandq_s32(x, vdupq_n_s32(0x7FFFFFFF));
#else
    for (std::uint32_t& word : x.at) word &= 0x7FFFFFFFu;
    return x;
#endif
}

/// The maximum of each pair of words, none of which is negative.
SEQUENT_INLINE words max_words(words x, words y) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_max_epi32(x, y);
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_max_epi32(x, y);
#elif defined(SEQUENT_PACKED_SSE2)
    const words above = _mm_cmpgt_epi32(x, y);
    return _mm_or_si128(_mm_and_si128(above, x), _mm_andnot_si128(above, y));
#elif defined(SEQUENT_PACKED_NEON)
    return vmaxq_s32(x, y);
#else
    for (int i = 0; i < lanes<float>; ++i) x.at[i] = x.at[i] > y.at[i] ? x.at[i] : y.at[i];
    return x;
#endif
}

/// Reduces the words of a vector to one by `join`, which combines two vectors.
template <class Join>
SEQUENT_INLINE std::int32_t reduce_words(words x, Join join) noexcept {
#if defined(SEQUENT_PACKED_AVX2)
    x = join(x, _mm256_permute2x128_si256(x, x, 1));
    x = join(x, _mm256_shuffle_epi32(x, 0x4E));
    return _mm256_cvtsi256_si32(join(x, _mm256_shuffle_epi32(x, 0xB1)));
#elif defined(SEQUENT_PACKED_SSE2)
    x = join(x, _mm_shuffle_epi32(x, 0x4E));
    return _mm_cvtsi128_si32(join(x, _mm_shuffle_epi32(x, 0xB1)));
#else
    std::int32_t each[lanes<float>];
    store_words(each, x);
    for (int i = 1; i < lanes<float>; ++i) x = join(x, set_word(each[i]));
    store_words(each, x);
    return each[0];
#endif
}
SEQUENT_INLINE std::int32_t max_of_words(words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_reduce_max_epi32(x);
#elif defined(SEQUENT_PACKED_NEON)
    return vmaxvq_s32(x);
#else
    return reduce_words(x, [](words a, words b) { return max_words(a, b); });
#endif
}
SEQUENT_INLINE std::int32_t sum_of_words(words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_reduce_add_epi32(x);
#elif defined(SEQUENT_PACKED_NEON)
    return vaddvq_s32(x);
#else
    return reduce_words(x, [](words a, words b) { return add_words(a, b); });
#endif
}

/// Floats rounded to integers, to nearest even.
SEQUENT_INLINE words round_to_words(batch<float> x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_cvtps_epi32(x);
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_cvtps_epi32(x);
#elif defined(SEQUENT_PACKED_SSE2)
    return _mm_cvtps_epi32(x);
#elif defined(SEQUENT_PACKED_NEON)
    return vcvtnq_s32_f32(x);
#else
    alignas(batch<float>) float from[lanes<float>];
    x.store_aligned(from);
    words result;
    for (int i = 0; i < lanes<float>; ++i)
        result.at[i] =
            static_cast<std::uint32_t>(static_cast<std::int32_t>(std::nearbyint(from[i])));
    return result;
#endif
}

/// Stores 32 small words as bytes.
SEQUENT_INLINE void store_bytes(std::int8_t* to, const words (&x)[32 / lanes<float>]) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(x[0]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), _mm512_cvtepi32_epi8(x[1]));
#elif defined(SEQUENT_PACKED_AVX2)
    const words bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(x[0], x[1]), _mm256_packs_epi32(x[2], x[3]));
    store_words(to, _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
#elif defined(SEQUENT_PACKED_SSE2)
    for (int i = 0; i < 2; ++i)
        store_words(to + 16 * i, _mm_packs_epi16(_mm_packs_epi32(x[4 * i], x[4 * i + 1]),
                                                 _mm_packs_epi32(x[4 * i + 2], x[4 * i + 3])));
#elif defined(SEQUENT_PACKED_NEON)
    for (int i = 0; i < 8; i += 2)
        vst1_s8(to + 4 * i, vmovn_s16(vcombine_s16(vmovn_s32(x[i]), vmovn_s32(x[i + 1]))));
#else
    std::int32_t each[32];
    std::memcpy(each, x, sizeof each);
    for (int i = 0; i < 32; ++i) to[i] = static_cast<std::int8_t>(each[i]);
#endif
}

/// Stores 32 small words as numbers of 16 bits, the middle two of each four exchanged (row_place).
SEQUENT_INLINE void store_halves([[maybe_unused]] std::int16_t* to,
                                 [[maybe_unused]] const words (&x)[32 / lanes<float>]) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    SEQUENT_UNROLL for (int i = 0; i < 2; ++i) {
        const __m256i halves = _mm512_cvtepi32_epi16(x[i]);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 16 * i),
                            _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(halves, 0xD8), 0xD8));
    }
#elif defined(SEQUENT_PACKED_AVX2)
    SEQUENT_UNROLL for (int i = 0; i < 2; ++i) {
        const words halves =
            _mm256_permute4x64_epi64(_mm256_packs_epi32(x[2 * i], x[2 * i + 1]), 0xD8);
        store_words(to + 16 * i,
                    _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(halves, 0xD8), 0xD8));
    }
#elif defined(SEQUENT_PACKED_SSE2)
    SEQUENT_UNROLL for (int i = 0; i < 4; ++i) {
        const words halves = _mm_packs_epi32(x[2 * i], x[2 * i + 1]);
        store_words(to + 8 * i, _mm_shufflehi_epi16(_mm_shufflelo_epi16(halves, 0xD8), 0xD8));
    }
#endif
}

/// Signed words as floats.
SEQUENT_INLINE batch<float> floats_of(words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_cvtepi32_ps(x);
#elif defined(SEQUENT_PACKED_AVX2)
    return _mm256_cvtepi32_ps(x);
#elif defined(SEQUENT_PACKED_SSE2)
    return _mm_cvtepi32_ps(x);
#elif defined(SEQUENT_PACKED_NEON)
    return vcvtq_f32_s32(x);
#else
    alignas(batch<float>) float result[lanes<float>];
    for (int i = 0; i < lanes<float>; ++i)
        result[i] = static_cast<float>(static_cast<std::int32_t>(x.at[i]));
    return batch<float>::load_aligned(result);
#endif
}

/// The low or high bfloat16 number of each word.
template <bool High>
SEQUENT_INLINE batch<float> bfloats(words x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    const words high = _mm512_set1_epi32(-65536);
    return _mm512_castsi512_ps(High ? _mm512_and_si512(x, high) : _mm512_slli_epi32(x, 16));
#elif defined(SEQUENT_PACKED_AVX2)
    const words high = _mm256_set1_epi32(-65536);
    return _mm256_castsi256_ps(High ? _mm256_and_si256(x, high) : _mm256_slli_epi32(x, 16));
#elif defined(SEQUENT_PACKED_SSE2)
    const words high = _mm_set1_epi32(-65536);
    return _mm_castsi128_ps(High ? _mm_and_si128(x, high) : _mm_slli_epi32(x, 16));
#elif defined(SEQUENT_PACKED_NEON)
    const words high = vdupq_n_s32(-65536);
    return vreinterpretq_f32_s32(High ? vandq_s32(x, high) : vshlq_n_s32(x, 16));
#else
    alignas(batch<float>) float result[lanes<float>];
    for (int i = 0; i < lanes<float>; ++i)
        result[i] = std::bit_cast<float>(High ? x.at[i] & 0xFFFF0000u : x.at[i] << 16);
    return batch<float>::load_aligned(result);
#endif
}

/// Two numbers of a row, the same in each word, for products with bfloat16 weights: a word of two
/// bfloat16 numbers where the machine multiplies them (vdpbf16ps, bfdot), else floats.
#if defined(SEQUENT_PACKED_AVX512) && defined(__AVX512BF16__)
#define SEQUENT_PACKED_BFLOAT
#define SEQUENT_PACKED_AVX512_BFLOAT
#elif defined(SEQUENT_PACKED_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
#define SEQUENT_PACKED_BFLOAT
#define SEQUENT_PACKED_NEON_BFLOAT
#endif
#if defined(SEQUENT_PACKED_BFLOAT)
using bfloat_number = std::uint16_t;
using bfloat_group = words;
SEQUENT_INLINE bfloat_group load_group(const bfloat_number* from) noexcept {
    return set_word(from);
}
#else
using bfloat_number = float;
struct bfloat_group {
    batch<float> low, high;
};
SEQUENT_INLINE bfloat_group load_group(const bfloat_number* from) noexcept {
    return {set(from[0]), set(from[1])};
}
#endif

/// sum + the products of the two bfloat16 numbers of each word with those of x, in float. vdpbf16ps
/// and bfdot take subnormal numbers for zeros; bfdot rounds each sum to an odd last bit.
SEQUENT_INLINE batch<float> add_bfloat_products(batch<float> sum, words w,
                                                const bfloat_group& x) noexcept {
#if defined(SEQUENT_PACKED_NEON_BFLOAT)
    return vbfdotq_f32(sum, vreinterpretq_bf16_s32(w), vreinterpretq_bf16_s32(x));
#elif defined(SEQUENT_PACKED_BFLOAT)
    return _mm512_dpbf16_ps(sum, std::bit_cast<__m512bh>(w), std::bit_cast<__m512bh>(x));
#else
    return fma(bfloats<false>(w), x.low, fma(bfloats<true>(w), x.high, sum));
#endif
}

/// lanes<float> binary16 numbers.
SEQUENT_INLINE batch<float> load_halves(const void* from) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
#elif defined(SEQUENT_PACKED_AVX2) && defined(__F16C__)
    return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(from)));
#elif defined(SEQUENT_PACKED_NEON)
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(static_cast<const std::uint16_t*>(from))));
#else
    std::uint16_t halves[lanes<float>];
    std::memcpy(halves, from, sizeof halves);
    alignas(batch<float>) float result[lanes<float>];
    for (int i = 0; i < lanes<float>; ++i) result[i] = from_f16(halves[i]);
    return batch<float>::load_aligned(result);
#endif
}

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

/// Rows of activations, quantized in blocks of numbers for a product with packed weights. A type of
/// rows has
///
///     inputs    how many numbers a block has
///     block     these numbers of one row; its `groups` words are multiplied with words of weights
///     quantise  computes a block from floats
///     scales    how many numbers each output of a block of weights has besides: none, a scale, or
///               a scale and a minimum; as scale_number, float or the bits of binary16
///     sum       the type that sums the products of a block: begin gives its first value, add adds
///               the products of one group, end gives the float sum after the block, given these
///               numbers of the weights
///     tile_bytes, copy_to
///               a block as a row of a tile (packed_tiles.hpp); 0 bytes if there is no such form.
///               If `is_tile`, the block has that row at numbers_of. For integers, `scaled` gives
///               the float sum after the block from the sums of its products

namespace sequent::inline SEQUENT_ABI::kernel::detail {

inline constexpr int block_inputs = 32;

/// Signed bytes: number = scale * q, scale = max |x| / 127, q rounded to nearest even. Weights have
/// scales, too; Offset is subtracted from their bytes, which have `Bits` bits.
template <int Offset, int Bits = 8>
struct byte_rows {
    static constexpr bool in_pairs = sums_pairs && Bits == 4;
    using row_number = std::conditional_t<in_pairs, std::int8_t, detail::row_number>;

    static constexpr int inputs = block_inputs;
    static constexpr int groups = block_inputs / 4;
    static constexpr int scales = 1;
    using scale_number = std::uint16_t;
    static constexpr int tile_bytes = block_inputs;
    static constexpr bool is_tile = sizeof(row_number) == 1;
    using sum = words;

    struct block {
        float scale;         ///< 0 if all numbers are below 2^-118, NaN if one is not finite
        std::int32_t start;  ///< -Offset times the sum of q
        row_number q[block_inputs];  ///< at row_place
    };

    static void quantise(const float* x, block& to) noexcept {
        constexpr int n = lanes<float>;
        words bits = set_word(std::int32_t{0});
        SEQUENT_UNROLL for (int i = 0; i < block_inputs; i += n) bits =
            max_words(bits, magnitude_bits(load_words(x + i)));
        const float greatest = std::bit_cast<float>(max_of_words(bits));
        const bool finite = greatest <= std::numeric_limits<float>::max();
        const bool any = finite && greatest >= 0x1p-118f;  // 127 / greatest is finite
        const float inverse = any ? 127 / greatest : 0.0f;
        to.scale = any ? greatest / 127 : finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
        if (!finite) {
            to = {to.scale, 0, {}};
            return;
        }
        words q[block_inputs / n];
        words total = set_word(std::int32_t{0});
        SEQUENT_UNROLL for (int i = 0; i < block_inputs / n; ++i) {
            q[i] = round_to_words(load(x + i * n) * set(inverse));
            total = add_words(total, q[i]);
        }
        to.start = -Offset * sum_of_words(total);
        if constexpr (sizeof(row_number) == 1)
            store_bytes(to.q, q);
        else
            store_halves(to.q, q);
    }

    static SEQUENT_INLINE sum begin(const block& row, batch<float>) noexcept {
        return set_word(in_pairs ? 0 : row.start);
    }
    static SEQUENT_INLINE auto group(const block& row, int at) noexcept {
        if constexpr (in_pairs)
            return set_word(row.q + 4 * at);
        else
            return load_group(row.q + 4 * at);
    }
    static SEQUENT_INLINE sum add(sum so_far, words w, const auto& x) noexcept {
        if constexpr (in_pairs)
            return add_nibble_pairs(so_far, w, x);
        else
            return add_byte_products(so_far, w, x);
    }
    static SEQUENT_INLINE batch<float> end(const block& row, sum block_sum,
                                           const batch<float> (&scale)[2],
                                           batch<float> so_far) noexcept {
        const words all = in_pairs ? add_pairs(block_sum, set_word(row.start)) : block_sum;
        return fma(floats_of(all), scale[0] * set(row.scale), so_far);
    }
    static SEQUENT_INLINE batch<float> scaled(const block& row, words products,
                                              const batch<float> (&scale)[2],
                                              batch<float> so_far) noexcept {
        const words all = add_words(products, set_word(row.start));
        return fma(floats_of(all), scale[0] * set(row.scale), so_far);
    }
    static const void* numbers_of(const block& row) noexcept { return row.q; }
    static void copy_to(std::byte* to, const block& row) noexcept {
        for (int i = 0; i < block_inputs; ++i)
            to[i] = static_cast<std::byte>(row.q[in_pairs ? i : row_place(i)]);
    }
};

/// Numbers rounded to bfloat16, to nearest even.
struct bfloat_rows {
    static constexpr int inputs = block_inputs;
    static constexpr int groups = block_inputs / 2;
    static constexpr int scales = 0;
    using scale_number = std::uint16_t;
    static constexpr int tile_bytes = 2 * block_inputs;
    static constexpr bool is_tile = sizeof(bfloat_number) == 2;
    using sum = batch<float>;

    struct block {
        bfloat_number x[block_inputs];
    };

    static void quantise(const float* x, block& to) noexcept {
#if defined(SEQUENT_PACKED_NEON_BFLOAT)
        for (int i = 0; i < block_inputs; i += 8)
            vst1q_u16(to.x + i, vreinterpretq_u16_bf16(vcvtq_high_bf16_f32(
                                    vcvtq_low_bf16_f32(vld1q_f32(x + i)), vld1q_f32(x + i + 4))));
#elif defined(SEQUENT_PACKED_BFLOAT)
        const __m512bh rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(x));
        std::memcpy(to.x, &rounded, sizeof rounded);
#else
        for (int i = 0; i < block_inputs; ++i) to.x[i] = from_bf16(bfloat_of_float(x[i]));
#endif
    }

    static SEQUENT_INLINE sum begin(const block&, batch<float> so_far) noexcept {
        return so_far;
    }
    static const void* numbers_of(const block& row) noexcept {
        return row.x;
    }
    static void copy_to(std::byte* to, const block& row) noexcept {
        std::uint16_t bits[block_inputs];
        for (int i = 0; i < block_inputs; ++i)
            bits[i] = is_tile ? static_cast<std::uint16_t>(row.x[i])
                              : bfloat_of_float(static_cast<float>(row.x[i]));
        std::memcpy(to, bits, sizeof bits);
    }
    static SEQUENT_INLINE bfloat_group group(const block& row, int at) noexcept {
        return load_group(row.x + 2 * at);
    }
    static SEQUENT_INLINE sum add(sum so_far, words w, const bfloat_group& x) noexcept {
        return add_bfloat_products(so_far, w, x);
    }
    static SEQUENT_INLINE batch<float> end(const block&, sum block_sum, const batch<float> (&)[2],
                                           batch<float>) noexcept {
        return block_sum;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/// Number formats of packed weights. A format is a type with static members only:
///
///     name         as in files and messages
///     bits         width of a stored integer q; for a signed format, 2^bits / 2 is subtracted
///     rows         the type of the rows that it is multiplied with (packed_rows.hpp)
///     block_bytes  bytes of a block: `rows::inputs` inputs of 16 outputs
///     together     number of groups of inputs per load; a group is a word of each output
///     load         loads lanes<float> outputs of these groups
///     quantise     computes the stored integers of a block of one output; returns their scales
///     value        the number that a stored integer stands for, without scale and minimum
///     put, get     write and read a stored integer of a block
///
/// The scales of a block, `rows::scales` of them for each output, are stored separately.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Scale and minimum of a block of weights of one output. Those that a format does not have are not
/// read.
using block_scales = std::array<float, 2>;

namespace detail {

/// The number of greatest magnitude in a block; NaN if one is NaN.
inline float greatest_number(const float* x) noexcept {
    float result = 0;
    for (int k = 0; k < block_inputs; ++k)
        if (!std::isnan(result) && !(std::abs(x[k]) <= std::abs(result))) result = x[k];
    return result;
}

/// Divides a block by the scale, rounded to binary16, and writes the quotients, rounded to nearest
/// even, plus `offset` as integers in 0 .. most. Returns the scale. If the scale is zero or not
/// finite, all quotients are zero.
inline block_scales quantise_block(const float* x, float scale, int offset, int most,
                                   std::uint16_t* q) noexcept {
    const float divisor = from_f16(to_f16(static_cast<double>(scale)));
    const bool divides = std::isfinite(divisor) && divisor != 0;
    for (int k = 0; k < block_inputs; ++k) {
        const float number = divides ? std::nearbyint(x[k] / divisor) : 0.0f;
        const float most_number = static_cast<float>(most - offset);
        q[k] = static_cast<std::uint16_t>(
            static_cast<int>(std::clamp(number, static_cast<float>(-offset), most_number)) +
            offset);
    }
    return {divisor};
}

}  // namespace detail

/// 16-bit floats: the upper half of a float, rounded to nearest even. Activations are rounded
/// alike; products and sums are computed in float. 16 bits per weight.
struct bf16 {
    /// Name in files and messages.
    static constexpr std::string_view name = "bf16";
    /// Width of a stored integer.
    static constexpr int bits = 16;
    /// The rows that it is multiplied with.
    using rows = detail::bfloat_rows;
    /// Bytes of a block.
    static constexpr int block_bytes = 1024;
    /// Groups of inputs per load.
    static constexpr int together = 1;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[1]) noexcept {
        to[0] = detail::load_words(block + 64 * step + 4 * first);
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        for (int k = 0; k < detail::block_inputs; ++k) q[k] = detail::bfloat_of_float(x[k]);
        return {};
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return from_bf16(q); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        std::memcpy(block + at(k, n), &q, 2);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        std::uint16_t q;
        std::memcpy(&q, block + at(k, n), 2);
        return q;
    }

  private:
    static constexpr int at(int k, int n) noexcept { return k / 2 * 64 + n * 4 + k % 2 * 2; }
};

/// Blocks of 32 inputs of one output share a scale (binary16): weight = scale * (q - 128) with 0 <=
/// q <= 255, scale = max |w| / 127. GGUF's Q8_0, which stores q - 128. 8.5 bits per weight.
struct q8_0 {
    /// Name in files and messages.
    static constexpr std::string_view name = "q8_0";
    /// Width of a stored integer.
    static constexpr int bits = 8;
    /// The rows that it is multiplied with.
    using rows = detail::byte_rows<detail::signed_bytes ? 0 : 128>;
    /// Bytes of a block.
    static constexpr int block_bytes = 512;
    /// Groups of inputs per load.
    static constexpr int together = 1;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[1]) noexcept {
        const detail::words w = detail::load_words(block + 64 * step + 4 * first);
        to[0] = detail::signed_bytes ? detail::flip_signs(w) : w;
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        const float greatest = std::abs(detail::greatest_number(x));
        return detail::quantise_block(x, greatest / 127, 128, 255, q);
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return static_cast<float>(q - 128); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        block[at(k, n)] = static_cast<std::byte>(q);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        return std::to_integer<std::uint16_t>(block[at(k, n)]);
    }

  private:
    static constexpr int at(int k, int n) noexcept { return k / 4 * 64 + n * 4 + k % 4; }
};

/// Blocks of 32 inputs of one output share a scale (binary16): weight = scale * (q - 8) with 0 <= q
/// <= 15, scale = w / -8 for the w of greatest magnitude, as in GGUF's Q4_0. 4.5 bits per weight.
struct q4_0 {
    /// Name in files and messages.
    static constexpr std::string_view name = "q4_0";
    /// Width of a stored integer.
    static constexpr int bits = 4;
    /// The rows that it is multiplied with.
    using rows = detail::byte_rows<8, 4>;
    /// Bytes of a block.
    static constexpr int block_bytes = 256;
    /// Groups of inputs per load.
    static constexpr int together = 2;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[2]) noexcept {
        const detail::words both = detail::load_words(block + 64 * step + 4 * first);
        to[0] = detail::nibbles<false>(both);
        to[1] = detail::nibbles<true>(both);
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        return detail::quantise_block(x, detail::greatest_number(x) / -8, 8, 15, q);
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return static_cast<float>(q - 8); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        const int shift = k / 4 % 2 * 4;
        std::byte& pair = block[at(k, n)];
        pair = (pair & std::byte(0xF0 >> shift)) | std::byte(q << shift);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        return std::to_integer<std::uint16_t>(block[at(k, n)]) >> k / 4 % 2 * 4 & 15;
    }

  private:
    static constexpr int at(int k, int n) noexcept { return k / 8 * 64 + n * 4 + k % 4; }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Cached columns in the formats of packed weights.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Columns rounded to bfloat16.
template <>
struct kept_columns<bf16, float> {
    /// A stored number.
    using number = std::uint16_t;
    /// No scales.
    static constexpr int block = 0;

    /// lanes<float> stored numbers.
    static SEQUENT_INLINE batch<float> load(const number* from) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
#elif defined(SEQUENT_PACKED_AVX2)
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
#else
        alignas(batch<float>) float result[lanes<float>];
        for (int i = 0; i < lanes<float>; ++i) result[i] = from_bf16(from[i]);
        return batch<float>::load_aligned(result);
#endif
    }
    /// Stores `count` contiguous numbers as a column.
    static void put(const float* from, int count, number* to, std::uint16_t*,
                    std::ptrdiff_t pitch) noexcept {
        for (int k = 0; k < count; ++k) to[k * pitch] = detail::bfloat_of_float(from[k]);
    }
};

/// Signed bytes with a scale for each block of 32 numbers of a column, as in packed weights; the
/// last block may be shorter.
template <>
struct kept_columns<q8_0, float> {
    /// A stored number.
    using number = std::int8_t;
    /// Numbers that share a scale.
    static constexpr int block = detail::block_inputs;

    /// lanes<float> stored numbers, without scale.
    static SEQUENT_INLINE batch<float> load(const number* from) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
#elif defined(SEQUENT_PACKED_AVX2)
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
#else
        alignas(batch<float>) float result[lanes<float>];
        for (int i = 0; i < lanes<float>; ++i) result[i] = static_cast<float>(from[i]);
        return batch<float>::load_aligned(result);
#endif
    }
    /// lanes<float> scales.
    static SEQUENT_INLINE batch<float> scales(const std::uint16_t* from) noexcept {
        return detail::load_halves(from);
    }
    /// Stores `count` contiguous numbers as a column, and their scales.
    static void put(const float* from, int count, number* to, std::uint16_t* scales,
                    std::ptrdiff_t pitch) noexcept {
        for (int k = 0; k < count; k += block) {
            float x[block]{};
            std::uint16_t q[block];
            const int some = std::min(block, count - k);
            std::copy_n(from + k, some, x);
            scales[k / block * pitch] = to_f16(static_cast<double>(q8_0::quantise(x, q)[0]));
            for (int at = 0; at < some; ++at)
                to[(k + at) * pitch] = static_cast<number>(q[at] - 128);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// The formats q8<Group>: eight bits with a scale for each group of numbers, as in llama2.c's files
/// of version 2.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Signed bytes in blocks of Inputs numbers, as llama2.c's runq.c computes them: scale = max |x| /
/// 127, q = x / scale rounded to nearest, halves away from zero.
template <int Inputs>
struct group_rows : byte_rows<signed_bytes ? 0 : 128> {
    using base = byte_rows<signed_bytes ? 0 : 128>;
    using scale_number = float;
    static constexpr int inputs = Inputs;
    static constexpr int groups = Inputs / 4;
    static constexpr int tile_bytes = 0;

    struct block {
        float scale;                          ///< NaN if a number is not finite
        std::int32_t start;                   ///< of a sum: less what the weights' bytes are more
        typename base::row_number q[Inputs];  ///< at row_place
    };

    static void quantise(const float* x, block& to) noexcept {
        to = {scale_of(x), 0, {}};
        if (!(to.scale > 0 && to.scale <= std::numeric_limits<float>::max())) return;
        std::int32_t total = 0;
        for (int k = 0; k < Inputs; ++k) {
            const auto q =
                static_cast<int>(std::clamp(std::round(x[k] / to.scale), -127.0f, 127.0f));
            total += q;
            to.q[row_place(k)] = static_cast<typename base::row_number>(q);
        }
        to.start = signed_bytes ? 0 : -128 * total;
    }
    /// The scale of a block; NaN if a number is not finite.
    static float scale_of(const float* x) noexcept {
        float greatest = 0, nan = 0;
        for (int k = 0; k < Inputs; ++k) {
            greatest = std::max(greatest, std::abs(x[k]));
            nan += x[k] * 0;
        }
        return greatest / 127 + nan;
    }

    static SEQUENT_INLINE words begin(const block& row, batch<float>) noexcept {
        return set_word(row.start);
    }
    static SEQUENT_INLINE auto group(const block& row, int at) noexcept {
        return load_group(row.q + 4 * at);
    }
    static SEQUENT_INLINE batch<float> end(const block& row, words sum,
                                           const batch<float> (&scale)[2],
                                           batch<float> so_far) noexcept {
        return fma(batch<float>(floats_of(sum) * scale[0]), set(row.scale), so_far);
    }
};

}  // namespace detail

/// Groups of Group inputs of one output share a scale, a float: weight = scale * (q - 128) with 0
/// <= q <= 255, scale = max |w| / 127. Rows are quantized in the same groups. Group is a power of
/// two from 4 to 256. 8 + 32 / Group bits per weight.
template <int Group>
struct q8 {
    static_assert(Group >= 4 && Group <= 256 && (Group & (Group - 1)) == 0,
                  "sequent: the group of q8<Group> is a power of two from 4 to 256");
    /// Name in files and messages.
    static constexpr std::string_view name = [] {
        constexpr std::string_view names[] = {"q8<4>",  "q8<8>",   "q8<16>", "q8<32>",
                                              "q8<64>", "q8<128>", "q8<256>"};
        std::size_t at = 0;
        for (int group = 4; group < Group; group *= 2) ++at;
        return names[at];
    }();
    /// Width of a stored integer.
    static constexpr int bits = 8;
    /// The rows that it is multiplied with.
    using rows = detail::group_rows<Group>;
    /// Bytes of a block.
    static constexpr int block_bytes = 16 * Group;
    /// Groups of inputs per load.
    static constexpr int together = 1;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[1]) noexcept {
        q8_0::load(block, step, first, to);
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        const float scale = rows::scale_of(x);
        for (int k = 0; k < Group; ++k)
            q[k] = static_cast<std::uint16_t>(
                128 +
                (scale > 0 && std::isfinite(scale)
                     ? static_cast<int>(std::clamp(std::nearbyint(x[k] / scale), -127.0f, 127.0f))
                     : 0));
        return {scale};
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return q8_0::value(q); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        q8_0::put(block, k, n, q);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        return q8_0::get(block, k, n);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// The format q4_1: four bits with a scale and a minimum.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Rows for weights with a minimum: the product of minimum and the row's sum is added to that of
/// the block.
struct minimum_rows : byte_rows<-1, 4> {
    static constexpr int scales = 2;

    static SEQUENT_INLINE sum begin(const block&, batch<float>) noexcept {
        return set_word(std::int32_t{0});
    }
    static SEQUENT_INLINE batch<float> end(const block& row, sum block_sum,
                                           const batch<float> (&scale)[2],
                                           batch<float> so_far) noexcept {
        return scaled(row, in_pairs ? add_pairs(block_sum, set_word(std::int32_t{0})) : block_sum,
                      scale, so_far);
    }
    static SEQUENT_INLINE batch<float> scaled(const block& row, words products,
                                              const batch<float> (&scale)[2],
                                              batch<float> so_far) noexcept {
        const batch<float> total = set(row.scale * static_cast<float>(row.start));
        return fma(scale[1], total, fma(floats_of(products), scale[0] * set(row.scale), so_far));
    }
};

}  // namespace detail

/// Blocks of 32 inputs of one output share a scale and a minimum (binary16): weight = scale * q +
/// minimum with 0 <= q <= 15, scale = (max - min) / 15, as in GGUF's Q4_1. 5 bits per weight.
struct q4_1 : q4_0 {
    /// Name in files and messages.
    static constexpr std::string_view name = "q4_1";
    /// The rows that it is multiplied with.
    using rows = detail::minimum_rows;

    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        float least = x[0], most = x[0], nan = 0;
        for (int k = 0; k < detail::block_inputs; ++k) {
            least = std::min(least, x[k]);
            most = std::max(most, x[k]);
            nan += x[k] * 0;
        }
        const float minimum = from_f16(to_f16(static_cast<double>(least + nan)));
        if (!std::isfinite(minimum)) {
            std::fill_n(q, detail::block_inputs, std::uint16_t{0});
            constexpr float none = std::numeric_limits<float>::quiet_NaN();
            return {none, none};
        }
        float above[detail::block_inputs];
        for (int k = 0; k < detail::block_inputs; ++k) above[k] = x[k] - minimum;
        const block_scales scale = detail::quantise_block(above, (most - least) / 15, 0, 15, q);
        return {scale[0], minimum};
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return static_cast<float>(q); }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel

#if defined(SEQUENT_HAS_AMX) && defined(SEQUENT_PACKED_AVX512_BFLOAT) && \
    defined(SEQUENT_PACKED_VNNI)
#define SEQUENT_PACKED_AMX
#include <sys/syscall.h>
#include <unistd.h>
#endif

/// Units that multiply tiles of up to 16 rows of 64 bytes: AMX, and plain loops that compute the
/// same in the same order. C (rows x 16 words) += A (rows x depth bytes) B (depth / 4 x 16 words),
/// of bfloat16 numbers with float sums, or of signed and unsigned bytes with exact sums. A unit has
/// two tiles C and two tiles A, numbered 0 and 1, and one tile B.

namespace sequent::inline SEQUENT_ABI::kernel::detail {

/// Plain loops. As in AMX, even and odd bfloat16 numbers of a row are summed separately; unlike
/// AMX, subnormal numbers are not flushed to zero.
class plain_tiles {
  public:
    static constexpr int rows = 16;

    /// Tiles 0 have `first` rows, tiles 1 `second`; rows of A have `depth` bytes.
    plain_tiles(int first, int second, int depth) noexcept : rows_{first, second}, depth_(depth) {}

    template <int At>
    void clear() noexcept {
        assert(rows_[At] > 0);  // AMX has no such tile
        std::memset(c_[At], 0, sizeof c_[At]);
    }
    template <int At>
    void load_rows(const void* from, std::ptrdiff_t stride) noexcept {
        assert(rows_[At] > 0);
        for (int r = 0; r < rows_[At]; ++r)
            std::memcpy(a_[At][r], static_cast<const std::byte*>(from) + r * stride,
                        static_cast<std::size_t>(depth_));
    }
    void load_columns(const void* from) noexcept {
        std::memcpy(b_, from, static_cast<std::size_t>(depth_ / 4 * 64));
    }
    template <int At>
    void store(void* to) const noexcept {
        assert(rows_[At] > 0);
        std::memcpy(to, c_[At], static_cast<std::size_t>(rows_[At] * 64));
    }
    template <int At>
    void add_bfloats() noexcept {
        for (int r = 0; r < rows_[At]; ++r)
            for (int n = 0; n < 16; ++n) {
                float sum[2] = {};
                for (int k = 0; k < depth_ / 4; ++k)
                    for (int odd = 0; odd < 2; ++odd)
                        sum[odd] = std::fma(bfloat(a_[At][r] + 4 * k + 2 * odd),
                                            bfloat(b_[k] + 4 * n + 2 * odd), sum[odd]);
                float c;
                std::memcpy(&c, c_[At][r] + 4 * n, 4);
                c += sum[0] + sum[1];
                std::memcpy(c_[At][r] + 4 * n, &c, 4);
            }
    }
    /// The bytes of A are signed, those of B like those of weights (signed_bytes).
    template <int At>
    void add_bytes() noexcept {
        for (int r = 0; r < rows_[At]; ++r)
            for (int n = 0; n < 16; ++n) {
                std::int32_t c;
                std::memcpy(&c, c_[At][r] + 4 * n, 4);
                for (int k = 0; k < depth_; ++k) {
                    const std::byte w = b_[k / 4][4 * n + k % 4];
                    c += std::bit_cast<std::int8_t>(a_[At][r][k]) *
                         (signed_bytes ? std::bit_cast<std::int8_t>(w)
                                       : std::to_integer<std::int32_t>(w));
                }
                std::memcpy(c_[At][r] + 4 * n, &c, 4);
            }
    }

  private:
    static float bfloat(const std::byte* from) noexcept {
        std::uint16_t bits;
        std::memcpy(&bits, from, 2);
        return from_bf16(bits);
    }

    int rows_[2];
    int depth_;
    std::byte a_[2][16][64], b_[16][64], c_[2][16][64];
};

#if defined(SEQUENT_PACKED_AMX)
/// The AMX unit of the processor.
class machine_tiles {
  public:
    static constexpr int rows = 16;

    /// True if the processor has AMX and the system lets this process use it; asked once.
    static bool is_allowed() noexcept {
        static const bool allowed = [] {
            constexpr long request_permission = 0x1023, tile_data = 18;
            return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
        }();
        return allowed;
    }

    machine_tiles(int first, int second, int depth) noexcept {
        struct alignas(64) {
            std::uint8_t palette, start_row, reserved[14];
            std::uint16_t bytes[16];
            std::uint8_t rows[16];
        } shape{};
        shape.palette = 1;
        const auto set = [&](int at, int tile_rows, int bytes) {
            shape.rows[at] = static_cast<std::uint8_t>(tile_rows);
            shape.bytes[at] = static_cast<std::uint16_t>(tile_rows > 0 ? bytes : 0);
        };
        set(0, first, 64);
        set(1, second, 64);
        set(2, first, depth);
        set(3, second, depth);
        set(4, depth / 4, 64);
        is_read(&shape);
        _tile_loadconfig(&shape);
    }
    machine_tiles(const machine_tiles&) = delete;
    machine_tiles& operator=(const machine_tiles&) = delete;
    ~machine_tiles() { _tile_release(); }

    // The intrinsics need the number of a tile as a literal.
    template <int At>
    SEQUENT_INLINE void clear() noexcept {
        if constexpr (At == 0)
            _tile_zero(0);
        else
            _tile_zero(1);
    }
    template <int At>
    SEQUENT_INLINE void load_rows(const void* from, std::ptrdiff_t stride) noexcept {
        is_read(from);
        if constexpr (At == 0)
            _tile_loadd(2, from, stride);
        else
            _tile_loadd(3, from, stride);
    }
    SEQUENT_INLINE void load_columns(const void* from) noexcept {
        is_read(from);
        _tile_loadd(4, from, 64);
    }
    template <int At>
    SEQUENT_INLINE void store(void* to) const noexcept {
        if constexpr (At == 0)
            _tile_stored(0, to, 64);
        else
            _tile_stored(1, to, 64);
    }
    template <int At>
    SEQUENT_INLINE void add_bfloats() noexcept {
        if constexpr (At == 0)
            _tile_dpbf16ps(0, 2, 4);
        else
            _tile_dpbf16ps(1, 3, 4);
    }
    template <int At>
    SEQUENT_INLINE void add_bytes() noexcept {
        if constexpr (At == 0)
            _tile_dpbsud(0, 2, 4);
        else
            _tile_dpbsud(1, 3, 4);
    }

  private:
    /// Tells the compiler that the memory from here on is read: GCC 12's intrinsics do not.
    static SEQUENT_INLINE void is_read(const void* from) noexcept {
        asm volatile("" : : "r"(from) : "memory");
    }
};
#endif

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail

/// Products of float rows with packed weights (packed_formats.hpp).
///
/// A packed matrix consists of panels of 16 outputs, padded with zeros. A panel holds first its
/// scales, 16 for each block of inputs (in q4_1 followed by 16 minima), padded to 64 bytes, then
/// its blocks. The bytes do not depend on the instruction set.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

inline constexpr int panel_outputs = 16;
inline constexpr int panel_vectors = panel_outputs / lanes<float>;

/// Number of blocks of this many inputs.
template <class Format>
constexpr int packed_blocks(int inputs) noexcept {
    return (inputs + Format::rows::inputs - 1) / Format::rows::inputs;
}
/// Size in bytes of one scale of 16 outputs.
template <class Format>
inline constexpr int scale_line =
    panel_outputs* static_cast<int>(sizeof(typename Format::rows::scale_number));
/// Size in bytes of the scales of a panel.
template <class Format>
constexpr std::size_t scale_bytes(int blocks) noexcept {
    const int bytes = blocks * scale_line<Format> * Format::rows::scales;
    return static_cast<std::size_t>((bytes + 63) / 64 * 64);
}
/// Size in bytes of a panel.
template <class Format>
constexpr std::size_t panel_bytes(int blocks) noexcept {
    return scale_bytes<Format>(blocks) +
           static_cast<std::size_t>(blocks) * static_cast<std::size_t>(Format::block_bytes);
}

/// Byte offset in the panel of a scale or minimum of the output at this place of the panel.
template <class Format>
constexpr int scale_at(int block, int place, int each) noexcept {
    return ((block * Format::rows::scales + each) * panel_outputs + place) *
           (scale_line<Format> / panel_outputs);
}

/// Scales of lanes<float> outputs.
template <class Number>
SEQUENT_INLINE batch<float> load_scales(const std::byte* from) noexcept {
    if constexpr (sizeof(Number) == 4)
        return load(reinterpret_cast<const float*>(from));
    else
        return load_halves(from);
}
inline void put_scale(float scale, float* to) noexcept {
    *to = scale;
}
inline void put_scale(float scale, std::uint16_t* to) noexcept {
    *to = to_f16(static_cast<double>(scale));
}
inline float scale_of(float stored) noexcept {
    return stored;
}
inline float scale_of(std::uint16_t stored) noexcept {
    return from_f16(stored);
}

/// Byte offset of the panel of output n.
template <class Format>
constexpr std::size_t panel_at(int inputs, int n) noexcept {
    return static_cast<std::size_t>(n / panel_outputs) *
           panel_bytes<Format>(packed_blocks<Format>(inputs));
}

/// Number of rows and panels of a tile, whose sums stay in registers: for one row, and for many.
template <class Format>
struct packed_tiles {
    // Scaled formats need the sums of a block in addition to those of the row.
    static constexpr bool large = vector_registers == 32, scaled = Format::rows::scales > 0;
    static constexpr int vectors_of_one = !large && !scaled ? 8 : 4;
    static constexpr int sums = large ? (scaled ? 12 : 16) : scaled ? 6 : 8;
    static constexpr int panels_of_one = std::max(1, vectors_of_one / panel_vectors);
    // One row of weights from memory: panels of 1 KB blocks are read fastest one after another.
    static constexpr int panels_from_memory = scaled ? panels_of_one : 1;
    /// True if a matrix of this size is read from memory for one row, since others drive it out of
    /// the caches.
    static constexpr bool is_from_memory(std::size_t bytes) {
        return bytes > (std::size_t{scaled ? 48 : 128} << 10);
    }
    static constexpr int panels = std::max(1, 2 / panel_vectors);
    static constexpr int rows = std::max(1, sums / (panels * panel_vectors));
};

/// Parameters shared by all tiles of a product.
struct packed_place {
    int blocks;
    std::ptrdiff_t panel;  ///< bytes from one panel of weights to the next
    std::ptrdiff_t out_stride;
    bool accumulate;
    bool from_memory = false;  ///< if there is one row
};

/// Stores a vector of sums: `count` of them if that is less than lanes<float>, none if it is not
/// positive.
SEQUENT_INLINE void store_outputs(float* to, batch<float> sum, int count,
                                  const packed_place& place) noexcept {
    if (count >= lanes<float>)
        store(to, place.accumulate ? load(to) + sum : sum);
    else if (count > 0)
        store_first(to, place.accumulate ? load_first(to, count) + sum : sum, count);
}

/// The scale and the minimum, if they exist, of a vector of outputs of a block.
template <class Format>
SEQUENT_INLINE void load_scales(const std::byte* from, int vector,
                                batch<float> (&scale)[2]) noexcept {
    scale[0] = scale[1] = zero<float>();
    for (int each = 0; each < Format::rows::scales; ++each)
        scale[each] = load_scales<typename Format::rows::scale_number>(
            from + each * scale_line<Format> +
            vector * lanes<float> * (scale_line<Format> / panel_outputs));
}

/// Fetches a block and its scales of each of some panels to the L2 cache.
template <class Format, int Panels>
SEQUENT_INLINE void fetch_blocks([[maybe_unused]] const std::byte* block,
                                 [[maybe_unused]] const std::byte* scales,
                                 [[maybe_unused]] std::ptrdiff_t panel) noexcept {
#if defined(__GNUC__)
    SEQUENT_UNROLL for (int each = 0; each < Panels; ++each, block += panel, scales += panel) {
        __builtin_prefetch(scales, 0, 2);
        SEQUENT_UNROLL for (int at = 0; at < Format::block_bytes; at += 64)
            __builtin_prefetch(block + at, 0, 2);
    }
#endif
}

/// Computes Rows x Panels of the product, of which `outputs` columns are stored. More panels follow
/// unless these are the last ones.
template <class Format, int Rows, int Panels>
inline void packed_tile(const typename Format::rows::block* x, const std::byte* w, float* out,
                        int outputs, const packed_place& place) noexcept {
    using rows = typename Format::rows;
    constexpr int n = lanes<float>;
    constexpr int vectors = Panels * panel_vectors;
    constexpr int together = Format::together;
    const std::byte* scales = w;
    w += scale_bytes<Format>(place.blocks);
    // Panels are read beside each other, in runs too short for the hardware to prefetch.
    const bool fetches = Rows == 1 && Format::rows::scales > 0 && place.from_memory &&
                         outputs > Panels * panel_outputs;
    batch<float> sum[Rows][vectors];
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) SEQUENT_UNROLL for (int v = 0; v < vectors; ++v)
        sum[r][v] = zero<float>();
    SEQUENT_NO_UNROLL for (int block = 0; block < place.blocks; ++block) {
        typename rows::sum block_sum[Rows][vectors];
        SEQUENT_UNROLL for (int r = 0; r < Rows; ++r)
            SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) block_sum[r][v] =
                rows::begin(x[r * place.blocks], sum[r][v]);
        const auto take = [&](int step) __attribute__((always_inline)) {
            words loaded[vectors][together];
            SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) Format::load(
                w + v / panel_vectors * place.panel, step, v % panel_vectors * n, loaded[v]);
            SEQUENT_UNROLL for (int group = 0; group < together; ++group)
                SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
                const auto numbers = rows::group(x[r * place.blocks], step * together + group);
                SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) block_sum[r][v] =
                    rows::add(block_sum[r][v], loaded[v][group], numbers);
            }
        };
        if (fetches)
            fetch_blocks<Format, Panels>(w + Panels * place.panel, scales + Panels * place.panel,
                                         place.panel);
        constexpr int steps = rows::groups / together;
        if constexpr (packed_tiles<Format>::large) {
            SEQUENT_UNROLL for (int step = 0; step < steps; ++step) take(step);
        } else {
            // If unrolled, GCC 12 loads ahead more than 16 registers hold.
            SEQUENT_NO_UNROLL for (int step = 0; step < steps; ++step) take(step);
        }
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) {
            batch<float> scale[2];
            load_scales<Format>(scales + v / panel_vectors * place.panel, v % panel_vectors, scale);
            SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) sum[r][v] =
                rows::end(x[r * place.blocks], block_sum[r][v], scale, sum[r][v]);
        }
        ++x;
        w += Format::block_bytes;
        scales += scale_line<Format> * rows::scales;
    }
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r, out += place.out_stride)
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v)
            store_outputs(out + v * n, sum[r][v], outputs - v * n, place);
}

/// Multiplies up to 32 rows with one panel by a unit of packed_tiles.hpp. Integer sums are exact
/// and are scaled as in packed_tile: the results are bitwise equal.
template <class Unit, class Format>
inline void tile_panel(const typename Format::rows::block* x, const std::byte* w, float* out,
                       int outputs, int all_rows, const packed_place& place) noexcept {
    using rows = typename Format::rows;
    constexpr int n = lanes<float>;
    constexpr bool scaled = rows::scales > 0;
    constexpr int bytes = rows::tile_bytes;
    const int first = std::min(all_rows, Unit::rows), second = all_rows - first;
    Unit unit(first, second, bytes);
    alignas(64) float sums[2 * Unit::rows * panel_outputs] = {};
    alignas(64) std::byte products[2 * Unit::rows * 64];
    const auto load_rows = [&]<int At>(std::integral_constant<int, At>) {
        const auto* const from = x + At * Unit::rows * place.blocks;
        if constexpr (rows::is_tile) {
            unit.template load_rows<At>(rows::numbers_of(*from),
                                        place.blocks * std::ptrdiff_t{sizeof *from});
        } else {
            std::byte copy[Unit::rows * bytes];
            for (int r = 0; r < (At == 0 ? first : second); ++r)
                rows::copy_to(copy + r * bytes, from[r * place.blocks]);
            unit.template load_rows<At>(copy, bytes);
        }
        if constexpr (scaled) {
            unit.template clear<At>();
            unit.template add_bytes<At>();
            unit.template store<At>(products + At * Unit::rows * 64);
        } else {
            unit.template add_bfloats<At>();
        }
    };
    const std::byte* scales = w;
    w += scale_bytes<Format>(place.blocks);
    unit.template clear<0>();
    if (second > 0) unit.template clear<1>();
    for (int block = 0; block < place.blocks; ++block, ++x, w += Format::block_bytes) {
        if constexpr (Format::together == 1 && !signed_bytes) {
            unit.load_columns(w);
        } else {
            alignas(64) std::byte loaded[64 * rows::groups];
            for (int step = 0; step < rows::groups / Format::together; ++step)
                for (int v = 0; v < panel_vectors; ++v) {
                    words each[Format::together];
                    Format::load(w, step, v * n, each);
                    for (int group = 0; group < Format::together; ++group)
                        store_words(loaded + 64 * (step * Format::together + group) + 4 * v * n,
                                    each[group]);
                }
            unit.load_columns(loaded);
        }
        load_rows(std::integral_constant<int, 0>{});
        if (second > 0) load_rows(std::integral_constant<int, 1>{});
        if constexpr (scaled)
            for (int v = 0; v < panel_vectors; ++v) {
                batch<float> scale[2];
                load_scales<Format>(scales, v, scale);
                for (int r = 0; r < all_rows; ++r) {
                    float* const sum = sums + r * panel_outputs + v * n;
                    store(sum, rows::scaled(x[r * place.blocks],
                                            load_words(products + r * 64 + 4 * v * n), scale,
                                            load(sum)));
                }
            }
        scales += scale_line<Format> * rows::scales;
    }
    if constexpr (!scaled) {
        unit.template store<0>(sums);
        if (second > 0) unit.template store<1>(sums + Unit::rows * panel_outputs);
    }
    for (int r = 0; r < all_rows; ++r, out += place.out_stride)
        for (int v = 0; v < panel_vectors; ++v)
            store_outputs(out + v * n, load(sums + r * panel_outputs + v * n), outputs - v * n,
                          place);
}

/// All rows and outputs by such a unit.
template <class Unit, class Format>
inline void tile_outputs(const typename Format::rows::block* x, const std::byte* w, float* out,
                         int outputs, int rows, const packed_place& place) noexcept {
    constexpr int most = 2 * Unit::rows;
    for (; outputs > 0; outputs -= panel_outputs, out += panel_outputs, w += place.panel)
        for (int row = 0; row < rows; row += most)
            tile_panel<Unit, Format>(x + row * place.blocks, w, out + row * place.out_stride,
                                     outputs, std::min(most, rows - row), place);
}

/// All rows with a few panels: tiles of Rows rows, then smaller ones.
template <class Format, int Rows, int Panels>
inline void packed_panels(const typename Format::rows::block* x, const std::byte* w, float* out,
                          int outputs, int rows, const packed_place& place) noexcept {
    for (; rows >= Rows; rows -= Rows, x += Rows * place.blocks, out += Rows * place.out_stride)
        packed_tile<Format, Rows, Panels>(x, w, out, outputs, place);
    if constexpr (Rows > 1)
        packed_panels<Format,
                      (Rows > 4   ? 4
                       : Rows > 2 ? 2
                                  : 1),
                      Panels>(x, w, out, outputs, rows, place);
}

/// All outputs: Panels panels at a time, then half as many.
template <class Format, int Rows, int Panels>
inline void packed_outputs(const typename Format::rows::block* x, const std::byte* w, float* out,
                           int outputs, int rows, const packed_place& place) noexcept {
    constexpr int width = Panels * panel_outputs;
    // All Panels panels exist; the last may be padded.
    for (; outputs > width - panel_outputs;
         outputs -= width, out += width, w += Panels * place.panel)
        packed_panels<Format, Rows, Panels>(x, w, out, outputs, rows, place);
    if constexpr (Panels > 1)
        if (outputs > 0) packed_outputs<Format, Rows, Panels / 2>(x, w, out, outputs, rows, place);
}

/// All outputs of several rows, by AMX if the machine has it.
template <class Format>
inline void packed_rows(const typename Format::rows::block* x, const std::byte* w, float* out,
                        int outputs, int rows, const packed_place& place) noexcept {
    using tiles = packed_tiles<Format>;
#if defined(SEQUENT_PACKED_AMX)
    if constexpr (Format::rows::tile_bytes > 0)
        if (machine_tiles::is_allowed())
            return tile_outputs<machine_tiles, Format>(x, w, out, outputs, rows, place);
#endif
    packed_outputs<Format, tiles::rows, tiles::panels>(x, w, out, outputs, rows, place);
}

/// The function behind all sizes, which are arguments here.
template <class Format>
SEQUENT_NOINLINE void packed_product(const float* x, std::ptrdiff_t x_stride, const std::byte* w,
                                     float* out, int inputs, int outputs, int rows,
                                     std::byte* scratch, const packed_place& place) noexcept {
    using block = typename Format::rows::block;
    constexpr int together = Format::rows::inputs;
    auto* const quantised = reinterpret_cast<block*>(scratch);
    block* to = quantised;
    for (int row = 0; row < rows; ++row, x += x_stride) {
        int k = 0;
        for (; k + together <= inputs; k += together, ++to) Format::rows::quantise(x + k, *to);
        if (k < inputs) {
            float rest[together] = {};
            std::copy(x + k, x + inputs, rest);
            Format::rows::quantise(rest, *to++);
        }
    }
    using tiles = packed_tiles<Format>;
    if (rows == 0) return;  // the addresses may be null
    if (rows == 1 && place.from_memory)
        packed_outputs<Format, 1, tiles::panels_from_memory>(quantised, w, out, outputs, 1, place);
    else if (rows == 1)
        packed_outputs<Format, 1, tiles::panels_of_one>(quantised, w, out, outputs, 1, place);
    else
        packed_rows<Format>(quantised, w, out, outputs, rows, place);
}

}  // namespace detail

/// Size in bytes of a packed matrix of inputs x outputs, a multiple of 64. Both are at least 1.
template <class Format>
constexpr std::size_t packed_bytes(int inputs, int outputs) {
    return detail::panel_at<Format>(inputs, outputs + detail::panel_outputs - 1);
}

/// Writes block number `block` of the inputs of output n: scale and minimum, if the format has
/// them, and stored integers (see the format). Integers after the last input must stand for zero,
/// unless the format has a minimum.
template <class Format>
void put_packed_block(std::byte* to, int inputs, int n, int block, const block_scales& scales,
                      const std::uint16_t* q) noexcept {
    const int place = n % detail::panel_outputs;
    to += detail::panel_at<Format>(inputs, n);
    for (int each = 0; each < Format::rows::scales; ++each) {
        typename Format::rows::scale_number scale;
        detail::put_scale(scales[static_cast<std::size_t>(each)], &scale);
        std::memcpy(to + detail::scale_at<Format>(block, place, each), &scale, sizeof scale);
    }
    to += detail::scale_bytes<Format>(detail::packed_blocks<Format>(inputs)) +
          static_cast<std::size_t>(block) * std::size_t{Format::block_bytes};
    for (int k = 0; k < Format::rows::inputs; ++k) Format::put(to, k, place, q[k]);
}

/// Packs w into packed_bytes<Format>(inputs, outputs) bytes from `to` on; element (k, n) is w[k *
/// input_stride + n * output_stride], for k < inputs and n < outputs. A block with NaN, infinity or
/// numbers beyond the scale's range becomes NaN; in bf16 only the number itself.
template <class Format, class T>
SEQUENT_COLD void pack(const T* w, int inputs, int outputs, std::ptrdiff_t input_stride,
                       std::ptrdiff_t output_stride, std::byte* to) noexcept {
    std::memset(to, 0, packed_bytes<Format>(inputs, outputs));
    const int padded =
        (outputs + detail::panel_outputs - 1) / detail::panel_outputs * detail::panel_outputs;
    for (int n = 0; n < padded; ++n)
        for (int block = 0; block < detail::packed_blocks<Format>(inputs); ++block) {
            constexpr int together = Format::rows::inputs;
            float x[together] = {};
            std::uint16_t q[together];
            const int first = block * together;
            const int last = n < outputs ? std::min(inputs, first + together) : 0;
            for (int k = first; k < last; ++k)
                x[k - first] = static_cast<float>(w[k * input_stride + n * output_stride]);
            const block_scales scale = Format::quantise(x, q);
            put_packed_block<Format>(to, inputs, n, block, scale, q);
        }
}

/// Writes the weights of output n of a packed matrix to `to`: `count` inputs from input k on.
template <class Format>
void packed_elements(const std::byte* from, int inputs, int n, int k, int count,
                     float* to) noexcept {
    const int place = n % detail::panel_outputs;
    const std::byte* const panel = from + detail::panel_at<Format>(inputs, n);
    const std::byte* const blocks =
        panel + detail::scale_bytes<Format>(detail::packed_blocks<Format>(inputs));
    for (const int end = k + count; k < end; ++k, ++to) {
        const int block = k / Format::rows::inputs;
        float scales[2] = {1, 0};
        for (int each = 0; each < Format::rows::scales; ++each) {
            typename Format::rows::scale_number scale;
            std::memcpy(&scale, panel + detail::scale_at<Format>(block, place, each), sizeof scale);
            scales[each] = detail::scale_of(scale);
        }
        const std::uint16_t q = Format::get(blocks + std::ptrdiff_t{block} * Format::block_bytes,
                                            k % Format::rows::inputs, place);
        *to = scales[0] * Format::value(q) + scales[1];
    }
}

/// Weight (k, n) of a packed matrix of inputs x outputs.
template <class Format>
float packed_element(const std::byte* from, int inputs, int /*outputs*/, int k, int n) noexcept {
    float result;
    packed_elements<Format>(from, inputs, n, k, 1, &result);
    return result;
}

/// Size in bytes of the scratch of packed_product for `rows` rows, a multiple of 64.
template <class Format, int Inputs>
constexpr std::size_t packed_scratch_bytes(int rows) {
    const std::size_t blocks = static_cast<std::size_t>(detail::packed_blocks<Format>(Inputs));
    return (static_cast<std::size_t>(rows) * blocks * sizeof(typename Format::rows::block) + 63) /
           64 * 64;
}

/// out[r * out_stride + n] = (Accumulate ? out[...] : 0) + the sum over k of x[r * x_stride + k] *
/// w(k, n), for r < rows, k < Inputs and n < Outputs. w is a packed matrix. x is quantized in
/// blocks of numbers of a row: for bf16 rounded to bfloat16, else to scale * q, with scale = max
/// |x| / 127 and |q| <= 127. NaN or infinity in a block of x makes the row's results NaN (for bf16
/// as in float arithmetic). Products of a block are summed as integers, exactly; blocks are summed
/// in float.
///
/// scratch: packed_scratch_bytes<Format, Inputs>(rows) bytes, aligned to 64.
template <class Format, int Inputs, int Outputs, bool Accumulate>
inline void packed_product(const float* x, std::ptrdiff_t x_stride, const std::byte* w, float* out,
                           std::ptrdiff_t out_stride, int rows, std::byte* scratch) noexcept {
    static_assert(Inputs >= 1 && Outputs >= 1);
    constexpr int blocks = detail::packed_blocks<Format>(Inputs);
    detail::packed_product<Format>(
        x, x_stride, w, out, Inputs, Outputs, rows, scratch,
        {blocks, detail::panel_bytes<Format>(blocks), out_stride, Accumulate,
         detail::packed_tiles<Format>::is_from_memory(packed_bytes<Format>(Inputs, Outputs))});
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Chooses the matrices of a plan that are packed, and defines the plan's steps that read them. The
/// parameters that some step reads as floats form a block of their own, the rest.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The format of each number in plan::row_term: 1 to 4 are bf16, q8_0, q4_0 and q4_1.
template <int Number>
struct packed_format;
template <>
struct packed_format<1> {
    using type = kernel::bf16;
};
template <>
struct packed_format<2> {
    using type = kernel::q8_0;
};
template <>
struct packed_format<3> {
    using type = kernel::q4_0;
};
template <>
struct packed_format<4> {
    using type = kernel::q4_1;
};

/// 5 to 11 are q8<4> to q8<256>.
template <int Number>
    requires(Number >= 5 && Number <= 11)
struct packed_format<Number> {
    using type = kernel::q8<(1 << (Number - 3))>;
};

/// The number of a format.
template <class Format, int Number = 1>
constexpr int number_of_format() {
    if constexpr (std::is_same_v<Format, typename packed_format<Number>::type>)
        return Number;
    else
        return number_of_format<Format, Number + 1>();
}

static_assert(number_of_format<kernel::q4_1>() == static_cast<int>(packed_as::q4_1) &&
              number_of_format<kernel::q8<256>>() == static_cast<int>(packed_as::q8_256));

/// Calls f(packed_format<Number>) for the format of this number, if Uses has it.
template <class Uses, int Number = 1, class F>
constexpr void with_format(int number, F f) {
    if constexpr (requires { typename packed_format<Number>::type; }) {
        if constexpr (Uses::template value<Number>)
            if (number == Number) f(packed_format<Number>{});
        with_format<Uses, Number + 1>(number, f);
    }
}
struct uses_all_formats {
    template <int>
    static constexpr bool value = true;
};

/// A matrix of parameters that products or lookups read, in each layer of the stacks around it and
/// in each round of the step's outer loops.
struct packed_matrix {
    plan::access from{};  // in the parameters
    int inputs = 0;
    int outputs = 0;
    int input_stride = 0;
    int output_stride = 0;
    int splits = 1;  // number of matrices, one for each part of the inputs
    int split = 0;
    int layers[plan::max_loops]{};
    int outers[plan::max_outers]{};
    plan::access to{};  // in the packed weights, in units of 64 bytes
    int split_to = 0;
    int slot = 0;
    int format = 0;

    constexpr bool same_as(const packed_matrix& other) const {
        return format == other.format && from.at.offset == other.from.at.offset &&
               inputs == other.inputs && outputs == other.outputs &&
               input_stride == other.input_stride && output_stride == other.output_stride &&
               splits == other.splits && split == other.split &&
               std::equal(from.at.layer_strides, from.at.layer_strides + plan::max_loops,
                          other.from.at.layer_strides) &&
               std::equal(from.outer, from.outer + plan::max_outers, other.from.outer) &&
               std::equal(outers, outers + plan::max_outers, other.outers);
    }
    constexpr int copies() const {
        int result = 1;
        for (int count : layers) result *= count;
        for (int count : outers) result *= count;
        return result;
    }
    /// First element in the parameters of split `split_at` of copy number `copy`.
    constexpr std::ptrdiff_t place_from(int copy, int split_at) const {
        return place(from, copy) + std::ptrdiff_t{split_at} * split;
    }
    /// First byte of it in the packed weights.
    constexpr std::ptrdiff_t byte_to(int copy, int split_at) const {
        return 64 * (place(to, copy) + std::ptrdiff_t{split_at} * split_to);
    }

  private:
    constexpr std::ptrdiff_t place(const plan::access& in, int copy) const {
        std::ptrdiff_t result = in.at.offset;
        for (int level = plan::max_outers; level-- > 0; copy /= outers[level])
            result += std::ptrdiff_t{copy % outers[level]} * in.outer[level];
        for (int level = plan::max_loops; level-- > 0; copy /= layers[level])
            result += std::ptrdiff_t{copy % layers[level]} * in.at.layer_strides[level];
        return result;
    }
};

/// A weight, or several that are stored side by side, in the first layer of its scope.
struct parameter_slot {
    int begin = 0;  // in the parameters
    int end = 0;
    int scope = 0;
    bool floats = false;  // true if some step reads them as floats
    int to = 0;           // if so, its offset in the rest
};

/// The slots of a plan's parameters in the order of their addresses.
template <class Plan>
struct slots_of {
    static constexpr auto& shapes = Plan::shapes;
    static constexpr auto& tables = Plan::tables;
    static constexpr int weights = shapes.text.weights.size();
    static constexpr int scopes = shapes.text.scopes.size();

    static constexpr int begin_of(int weight) {
        const plan::weight_layout& layout = tables.weights[weight];
        return layout.offset - (layout.group >= 0 ? layout.group_column : 0) +
               tables.scope_offset[shapes.text.weights[weight].scope];
    }
    static constexpr auto all = [] {
        plan::list<parameter_slot, (weights > 0 ? weights : 1)> result;
        for (int at = 0; at < weights; ++at) {
            if (shapes.weights[at].uses == 0) continue;
            parameter_slot next{begin_of(at), 0, shapes.text.weights[at].scope};
            bool known = false;
            for (const parameter_slot& each : result) known = known || each.begin == next.begin;
            if (known) continue;
            next.end = tables.scope_offset[next.scope] + tables.scope_parameters[next.scope];
            result.push(next);
        }
        std::sort(result.begin(), result.end(),
                  [](const auto& one, const auto& two) { return one.begin < two.begin; });
        for (int at = 0; at + 1 < result.size(); ++at)
            result[at].end = std::min(result[at].end, result[at + 1].begin);
        return result;
    }();
    /// The slot of an offset into the parameters, in the first layer of its scope.
    static constexpr int find(int place) {
        int result = 0;
        while (result + 1 < all.size() && all[result + 1].begin <= place) ++result;
        return result;
    }
    static constexpr bool is_within(int weight, int slot) {
        return shapes.weights[weight].uses > 0 && begin_of(weight) == all[slot].begin;
    }
    /// Calls visit(level, axis, scope) for the stacks around a slot whose layers have parameters of
    /// their own; these layers are dimension `axis` of its weights.
    template <class Visit>
    static constexpr void each_level(int slot, Visit visit) {
        for (int scope = all[slot].scope; scope > 0; scope = shapes.text.scopes[scope].parent) {
            if (shapes.text.scopes[scope].shares()) continue;
            int level = -1;
            int axis = -1;
            for (int at = scope; at > 0; at = shapes.text.scopes[at].parent) {
                ++level;
                if (!shapes.text.scopes[at].shares()) ++axis;
            }
            visit(level, axis, scope);
        }
    }
    /// The number of the format in which a slot is packed, 0 if it stays floats. `Which` must give
    /// the same answer for all weights of the slot, else they stay floats.
    template <class Format, auto Which>
    static constexpr int format_of(int slot, bool looked_up) {
        int result = -1;
        for (int at = 0; at < weights; ++at) {
            if (!is_within(at, slot)) continue;
            const full_name name = name_of_weight<Plan>(at);
            const auto answer = Which(
                std::string_view(name.text, static_cast<std::size_t>(name.length)), looked_up);
            int format = static_cast<int>(answer);
            if constexpr (std::is_same_v<decltype(answer), const bool>)
                format = answer ? number_of_format<Format>() : 0;
            if (result >= 0 && result != format) return 0;
            result = format;
        }
        return result;
    }
};

/// The matrix that a term reads if it can be packed; otherwise a matrix without outputs.
template <class Plan>
constexpr packed_matrix matrix_of(const row_step& row, const row_term& term) {
    packed_matrix result;
    if (term.kind == term_kind::add || term.kind == term_kind::window ||
        term.w.at.where != place::parameter)
        return result;
    if (term.w.row != 0 || term.moves() || term.loops[1].count > 1) return result;
    const bool looks_up = term.kind == term_kind::gather;
    // Where a window ends, products are computed apart, by the weights as they are.
    for (const row_term& other : row.terms)
        if (!looks_up && other.bounded()) return result;
    if (!looks_up && term.x.row == 0 && row.rows > 1) return result;
    result.inputs = looks_up ? row.columns() : term.depth;
    const int outputs = looks_up ? Plan::facts[term.x.at.index].classes : row.columns();
    if (result.inputs < 32 || outputs < 16) return result;
    result.outputs = outputs;
    result.from = term.w;
    for (int outer = 0; outer < plan::max_outers; ++outer) {
        result.outers[outer] = term.w.outer[outer] == 0 ? 1 : row.outer_extents[outer];
        if (result.outers[outer] == 1) result.from.outer[outer] = 0;
    }
    result.input_stride = looks_up ? term.w_column : term.w_depth;
    result.output_stride = looks_up ? term.w_depth : term.w_column;
    result.splits = looks_up ? 1 : term.splits();
    result.split = looks_up ? 0 : term.loops[0].w;
    return result;
}

/// The matrices that a plan reads packed, and where its other parameters are in the rest.
template <class Plan, class Format, auto Which>
struct packing_of {
    using slots_type = slots_of<Plan>;
    static constexpr int count_terms = [] {
        int result = 1;
        for (const plan::step& each : Plan::tables.steps)
            if (each.kind == plan::step_kind::rows)
                result += Plan::tables.rows[each.at].terms.size();
        return result;
    }();

    plan::list<packed_matrix, count_terms> matrices{};
    int size = 0;  // in units of 64 bytes
    std::remove_const_t<decltype(slots_type::all)> slots = slots_type::all;
    int rest = 0;
    int scope_rest[slots_type::scopes > 0 ? slots_type::scopes : 1]{};  // per layer

    constexpr packing_of() {
        for (const plan::step& each : Plan::tables.steps) {
            if (each.kind == plan::step_kind::rows && !each.prepared) {
                const row_step& row = Plan::tables.rows[each.at];
                for (const row_term& term : row.terms) {
                    packed_matrix matrix = matrix_of<Plan>(row, term);
                    if (matrix.outputs == 0) continue;
                    matrix.slot = slots_type::find(term.w.at.offset);
                    matrix.format = format_of(matrix.slot, term);
                    if (matrix.format != 0) place(matrix);
                }
            }
        }
        for (const plan::step& each : Plan::tables.steps) {
            const bool rows = each.kind == plan::step_kind::rows && !each.prepared;
            plan::visit_operands(Plan::tables, each, [&](const operand& of, plan::usage) {
                if (of.where != place::parameter) return;
                if (rows)
                    for (const row_term& term : Plan::tables.rows[each.at].terms)
                        if (&of == &term.w.at && find(Plan::tables.rows[each.at], term)) return;
                slots[slots_type::find(of.offset)].floats = true;
            });
        }
        rest = lay_out(0, 0);
    }

    /// The packed matrix that a term reads; null if it reads floats.
    constexpr const packed_matrix* find(const row_step& row, const row_term& term) const {
        packed_matrix wanted = matrix_of<Plan>(row, term);
        if (wanted.outputs == 0) return nullptr;
        wanted.format = format_of(slots_type::find(term.w.at.offset), term);
        for (const packed_matrix& known : matrices)
            if (known.same_as(wanted)) return &known;
        return nullptr;
    }

    /// Turns an offset into the parameters into one into the rest.
    constexpr bool move(operand& of) const {
        const int at = slots_type::find(of.offset);
        const parameter_slot& slot = slots[at];
        if (!slot.floats) return false;
        of.offset += slot.to - slot.begin;
        slots_type::each_level(at, [&](int level, int, int scope) {
            of.layer_strides[level] += scope_rest[scope] - Plan::tables.scope_parameters[scope];
        });
        return true;
    }

  private:
    static constexpr int format_of(int slot, const row_term& term) {
        return slots_type::template format_of<Format, Which>(slot, term.kind == term_kind::gather);
    }
    constexpr void place(packed_matrix wanted) {
        for (const packed_matrix& known : matrices)
            if (known.same_as(wanted)) return;
        for (int& count : wanted.layers) count = 1;
        slots_type::each_level(wanted.slot, [&](int level, int, int scope) {
            if (wanted.from.at.layer_strides[level] != 0)
                wanted.layers[level] = Plan::shapes.text.scopes[scope].repeat;
        });
        with_format<uses_all_formats>(wanted.format, [&]<int Number>(packed_format<Number>) {
            using format = typename packed_format<Number>::type;
            wanted.split_to =
                static_cast<int>(kernel::packed_bytes<format>(wanted.inputs, wanted.outputs) / 64);
        });
        wanted.to.at.where = plan::place::packed;
        wanted.to.at.offset = size;
        int stride = wanted.split_to * wanted.splits;
        for (int level = plan::max_outers; level-- > 0;) {
            if (wanted.outers[level] == 1) continue;
            wanted.to.outer[level] = stride;
            stride *= wanted.outers[level];
        }
        for (int level = plan::max_loops; level-- > 0;) {
            if (wanted.layers[level] == 1) continue;
            wanted.to.at.layer_strides[level] = stride;
            stride *= wanted.layers[level];
        }
        size += stride;
        matrices.push(wanted);
    }

    /// Places the slots of a scope, then those of the scopes within it; returns the size of a
    /// layer.
    constexpr int lay_out(int scope, int base) {
        int end = base;
        for (parameter_slot& slot : slots) {
            if (slot.scope != scope || !slot.floats) continue;
            slot.to = end;
            end += slot.end - slot.begin;
        }
        for (int inner = 1; inner < slots_type::scopes; ++inner)
            if (Plan::shapes.text.scopes[inner].parent == scope)
                end += lay_out(inner, end) * Plan::shapes.text.scopes[inner].copies();
        return scope_rest[scope] = end - base;
    }
};

template <class Plan, class Format, auto Which>
inline constexpr packing_of<Plan, Format, Which> packing{};

/// A plan that reads packed weights: the same steps in the same memory. `Plan` is the plan of
/// training, which decides for all plans of the model which weights are packed.
template <class Placed, class Plan, class Format, auto Which>
struct packed_plan_of : Placed {
    struct packed_tables {
        std::remove_cvref_t<decltype(Placed::tables)> tables = Placed::tables;
        bool has_floats = true;  // for all that reads floats

        constexpr packed_tables() {
            for (const plan::step& each : tables.steps) {
                if (each.kind == plan::step_kind::rows && !each.prepared)
                    for (row_term& term : tables.rows[each.at].terms) read(each, term);
                plan::visit_operands(tables, each,
                                     [&](operand& of, plan::usage) { move_to_rest(of); });
            }
        }
        constexpr void move_to_rest(operand& of) {
            if (of.where == place::parameter)
                has_floats = packing<Plan, Format, Which>.move(of) && has_floats;
        }
        constexpr void read(const plan::step& each, row_term& term) {
            const packed_matrix* const found =
                packing<Plan, Format, Which>.find(tables.rows[each.at], term);
            if (!found) return;
            term.format = found->format;
            term.w = found->to;
            if (term.kind == term_kind::product) term.loops[0].w = found->split_to;
        }
    };
    static constexpr packed_tables made_packed{};
    static_assert(made_packed.has_floats,
                  "sequent: a step reads a weight as floats that forward reads packed alone; name "
                  "it in the predicate of packed<Format, Which>");
    static constexpr auto& tables = made_packed.tables;

    template <int At>
    static constexpr row_step row_step_at = tables.rows[At];
    template <int At>
    static constexpr plan::attention_step attention_at = tables.attentions[At];
    template <int At>
    static constexpr plan::general_step general_at = tables.generals[At];
    /// Attention step `At` of a state's plan, with offsets into the rest.
    template <int At>
    static constexpr plan::kept_attention kept_at = [] {
        plan::kept_attention result = Placed::template kept_at<At>;
        const auto move = [](plan::kept_operand& of) {
            if (of.from.at.where == place::parameter) packing<Plan, Format, Which>.move(of.from.at);
        };
        move(result.value);
        for (plan::kept_operand& node : result.nodes) move(node);
        return result;
    }();
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Quantized weights: Model::packed<Format> is passed instead of the parameters to forward,
/// forward_batch, prefill, step and step_batch. Products read their weight matrices from it in
/// blocks of a format of kernel/packed_formats.hpp. All other weights are kept as floats: norms,
/// biases, matrices with fewer than 32 inputs or 16 outputs, and tables whose rows symbols select,
/// unless the predicate packs them.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Packed>
class mapped_block;

/// Gives readers and writers of files access to packed weights.
class packed_filler {
    template <class Plan, class Format, auto Which>
    friend class packed_block;
    template <class Packed>
    friend class mapped_block;
    packed_filler() = default;

  public:
    /// The parts that a reader fills; all are zero at first.
    struct places {
        /// The packed matrices.
        std::span<const packed_matrix> matrices;
        /// Their bytes.
        std::byte* packed;
        /// The weights kept as floats.
        float* rest;
        std::ptrdiff_t (*place_in_rest)(std::ptrdiff_t);  ///< of a parameter; -1: none
    };
    /// Allocates packed weights that hold zeros.
    template <class Packed>
    static std::unique_ptr<Packed> make() {
        return make_unique<Packed>(packed_filler());
    }
    /// The parts of `of`.
    template <class Packed>
    static places places_of(Packed& of) noexcept {
        return of.places_of();
    }
    /// Calls visit(name, copies, bytes of each copy, offset) for the packed matrices in the order
    /// of their offsets; none begins elsewhere than where another ends. The name tells format,
    /// extents and weights.
    template <class Packed, class Visit>
    static void each_matrix(Visit visit) {
        Packed::each_matrix(visit);
    }
    /// Calls visit(name, tensor_view) for the weights that are kept as floats, in `rest`.
    template <class Packed, class Visit>
    static void each_float(float* rest, Visit visit) {
        Packed::each_float(rest, visit);
    }
    /// Packed weights whose matrices belong to `owner`, to be placed. Floats are zero at first.
    template <class Packed>
    static mapped_block<Packed> map(std::shared_ptr<const void> owner) {
        return mapped_block<Packed>(std::move(owner));
    }
    template <class Packed>
    static float* rest_of(mapped_block<Packed>& of) noexcept {
        return of.rest_->numbers;
    }
    /// The matrices are at `data`, aligned to 64 bytes.
    template <class Packed>
    static void place(mapped_block<Packed>& of, const std::byte* data) noexcept {
        of.data_ = data;
    }
};

/// The quantized weights of a model: Model::packed<Format, Which>. Complete in itself: it does not
/// refer to the parameters it was packed from. Allocate it by make_unique.
template <class Plan, class Format, auto Which>
class alignas(64) packed_block {
    static constexpr auto& packing = model_detail::packing<Plan, Format, Which>;
    static constexpr auto matrices = [] {
        plan::list<packed_matrix, packing.matrices.size()> result;
        for (const packed_matrix& each : packing.matrices) result.push(each);
        return result;
    }();

    struct used_formats {
        template <int Number>
        static constexpr bool value = [] {
            for (const packed_matrix& each : packing.matrices)
                if (each.format == Number) return true;
            return false;
        }();
    };

  public:
    /// The number type of activations.
    using number = float;
    /// The plan of the model.
    using packed_for = Plan;
    /// The format of matrices for which Which does not name another.
    using format = Format;
    /// Size in bytes of the packed matrices.
    static constexpr std::size_t bytes = static_cast<std::size_t>(packing.size) * 64;
    /// Number of weights that are kept as floats.
    static constexpr int floats = packing.rest;

    /// Calls f(packed_format<Number>) for the format of a matrix.
    template <class F>
    static void with_format(const packed_matrix& of, F f) {
        model_detail::with_format<used_formats>(of.format, f);
    }

    /// Packs the weights `p`.
    explicit packed_block(const parameter_block<Plan, float>& p) noexcept { pack(p); }
    /// Zeros, to be filled by a reader of files.
    explicit packed_block(packed_filler) noexcept {}

    /// Packs the weights `p` again, after they have changed.
    void pack(const parameter_block<Plan, float>& p) noexcept {
        for (const packed_matrix& each : matrices)
            with_format(each, [&]<int Number>(packed_format<Number>) {
                for (int copy = 0; copy < each.copies(); ++copy)
                    for (int split = 0; split < each.splits; ++split)
                        kernel::pack<typename packed_format<Number>::type>(
                            p.numbers + each.place_from(copy, split), each.inputs, each.outputs,
                            each.input_stride, each.output_stride,
                            bytes_ + each.byte_to(copy, split));
            });
        copy_rest(0, p.numbers, rest_);
    }

    /// Writes the numbers that the packed weights represent to `p`. Packing these again in the same
    /// format gives the same numbers, if pack() has made them.
    void unpack(parameter_block<Plan, float>& p) const noexcept {
        for (const packed_matrix& each : matrices)
            with_format(each, [&]<int Number>(packed_format<Number>) {
                for (int copy = 0; copy < each.copies(); ++copy)
                    for (int split = 0; split < each.splits; ++split)
                        unpack<typename packed_format<Number>::type>(
                            each, bytes_ + each.byte_to(copy, split),
                            p.numbers + each.place_from(copy, split));
            });
        for (int place = 0; place < parameter_block<Plan, float>::size; ++place)
            if (const std::ptrdiff_t at = place_in_rest(place); at >= 0)
                p.numbers[place] = rest_[at];
    }

    /// The packed matrices, `bytes` bytes, in the library's own layout.
    const std::byte* data() const noexcept { return bytes_; }
    /// The weights that are kept as floats.
    std::span<const float> rest() const noexcept {
        return {rest_, static_cast<std::size_t>(floats)};
    }

  private:
    friend packed_filler;
    using slots = slots_of<Plan>;

    template <class Stored>
    static void unpack(const packed_matrix& of, const std::byte* from, float* to) noexcept {
        for (int n = 0; n < of.outputs; ++n)
            for (int k = 0; k < of.inputs; ++k)
                to[std::ptrdiff_t{k} * of.input_stride + std::ptrdiff_t{n} * of.output_stride] =
                    kernel::packed_element<Stored>(from, of.inputs, of.outputs, k, n);
    }
    /// A copy of what the plan tells of a scope: a reader at run time of the plan's tables would
    /// put them into the program.
    struct scope_place {
        int parent;
        int copies;
        std::ptrdiff_t offset;
        std::ptrdiff_t parameters;
    };
    static constexpr auto scopes = [] {
        plan::list<scope_place, slots::scopes> result;
        for (int scope = 0; scope < slots::scopes; ++scope) {
            const auto& of = Plan::shapes.text.scopes[scope];
            result.push({of.parent, of.copies(), Plan::tables.scope_offset[scope],
                         Plan::tables.scope_parameters[scope]});
        }
        return result;
    }();

    /// Calls visit(scope, offset in the parameters, offset in the rest) for the scopes directly
    /// within `scope`.
    template <class Visit>
    static void each_inner(int scope, Visit visit) noexcept {
        std::ptrdiff_t rest = 0;
        for (const parameter_slot& slot : packing.slots)
            if (slot.scope == scope && slot.floats) rest += slot.end - slot.begin;
        for (int inner = 1; inner < slots::scopes; ++inner) {
            const scope_place& of = scopes[inner];
            if (of.parent != scope) continue;
            visit(inner, of.offset - scopes[scope].offset, rest);
            rest += std::ptrdiff_t{packing.scope_rest[inner]} * of.copies;
        }
    }

    /// Copies the weights kept as floats of one layer of a scope and of all scopes within it.
    static void copy_rest(int scope, const float* from, float* to) noexcept {
        std::ptrdiff_t at = 0;
        for (const parameter_slot& slot : packing.slots) {
            if (slot.scope != scope || !slot.floats) continue;
            std::copy_n(from + slot.begin - scopes[scope].offset, slot.end - slot.begin, to + at);
            at += slot.end - slot.begin;
        }
        each_inner(scope, [&](int inner, std::ptrdiff_t begin, std::ptrdiff_t rest) {
            for (int layer = 0; layer < scopes[inner].copies; ++layer)
                copy_rest(inner, from + begin + layer * scopes[inner].parameters,
                          to + rest + std::ptrdiff_t{layer} * packing.scope_rest[inner]);
        });
    }

    static std::ptrdiff_t place_within(int scope, std::ptrdiff_t place) noexcept {
        std::ptrdiff_t at = 0;
        for (const parameter_slot& slot : packing.slots) {
            if (slot.scope != scope) continue;
            const std::ptrdiff_t begin = slot.begin - scopes[scope].offset;
            const std::ptrdiff_t size = slot.end - slot.begin;
            if (place >= begin && place < begin + size)
                return slot.floats ? at + place - begin : -1;
            if (slot.floats) at += size;
        }
        std::ptrdiff_t result = -1;
        each_inner(scope, [&](int inner, std::ptrdiff_t begin, std::ptrdiff_t rest) {
            const std::ptrdiff_t layer = scopes[inner].parameters;
            const std::ptrdiff_t of = place - begin;
            if (of < 0 || of >= layer * scopes[inner].copies) return;
            const std::ptrdiff_t within = place_within(inner, of % layer);
            if (within >= 0) result = rest + of / layer * packing.scope_rest[inner] + within;
        });
        return result;
    }
    static std::ptrdiff_t place_in_rest(std::ptrdiff_t place) { return place_within(0, place); }

    packed_filler::places places_of() noexcept {
        return {std::span(matrices.begin(), static_cast<std::size_t>(matrices.size())), bytes_,
                rest_, &place_in_rest};
    }

    template <class Visit>
    SEQUENT_COLD static void each_matrix(Visit visit) {
        for (const packed_matrix& each : matrices) {
            std::string name;
            with_format(each, [&]<int Number>(packed_format<Number>) {
                name = packed_format<Number>::type::name;
            });
            append_text(name, {" ", each.outputs, "x", each.inputs});
            if (each.splits > 1) append_text(name, {"x", each.splits});
            bool first = true;
            for (int at = 0; at < slots::weights; ++at) {
                if (!slots::is_within(at, each.slot)) continue;
                const full_name id = name_of_weight<Plan>(at);
                append_text(name, {first ? " " : "+",
                                   std::string_view(id.text, static_cast<std::size_t>(id.length))});
                if (first && each.input_stride != Plan::tables.weights[at].column)
                    name += " transposed";
                first = false;
            }
            visit(name, static_cast<std::uint64_t>(each.copies()),
                  static_cast<std::uint64_t>(each.split_to * each.splits) * 64,
                  std::size_t{64} * static_cast<std::size_t>(each.to.at.offset));
        }
    }
    template <class Visit>
    SEQUENT_COLD static void each_float(float* rest, Visit visit) {
        for (const auto& [name, parameter] : named_weights<Plan>) {
            weight_view view = parameter;
            const int slot = slots::find(view.offset);
            if (!packing.slots[slot].floats) continue;
            view.offset = static_cast<int>(place_in_rest(view.offset));
            slots::each_level(slot, [&](int, int axis, int scope) {
                view.strides[axis] = packing.scope_rest[scope];
            });
            visit(name, to_tensor<float>(view, rest));
        }
    }

    alignas(64) std::byte bytes_[bytes > 0 ? bytes : 1]{};
    alignas(64) float rest_[floats > 0 ? floats : 1]{};
};

/// Quantized weights whose matrices are elsewhere, such as in a mapped file. Takes the place of the
/// parameters as a Packed does. May be moved, not copied.
template <class Packed>
class mapped_block {
  public:
    /// The number type of activations.
    using number = float;
    /// The plan of the model.
    using packed_for = typename Packed::packed_for;
    /// Size in bytes of the packed matrices.
    static constexpr std::size_t bytes = Packed::bytes;
    /// Number of weights that are kept as floats.
    static constexpr int floats = Packed::floats;

    /// The packed matrices, `bytes` bytes, in the library's own layout.
    const std::byte* data() const noexcept { return data_; }
    /// The weights that are kept as floats.
    std::span<const float> rest() const noexcept {
        return {rest_->numbers, static_cast<std::size_t>(floats)};
    }

  private:
    friend packed_filler;
    struct alignas(64) float_block {
        float numbers[floats > 0 ? floats : 1]{};
    };

    explicit mapped_block(std::shared_ptr<const void> owner)
        : owner_(std::move(owner)), rest_(make_unique<float_block>()) {}

    const std::byte* data_ = nullptr;
    std::shared_ptr<const void> owner_;
    std::unique_ptr<float_block> rest_;
};

template <class Plan, class Format, auto Which, class Placed>
struct placed_for<packed_block<Plan, Format, Which>, Placed> {
    using type = packed_plan_of<Placed, Plan, Format, Which>;
};
template <class Packed, class Placed>
struct placed_for<mapped_block<Packed>, Placed> : placed_for<Packed, Placed> {};

template <class Plan, class Format, auto Which>
const float* numbers_of(const packed_block<Plan, Format, Which>& p) noexcept {
    return p.rest().data();
}
template <class Plan, class Format, auto Which>
const float* prepared_in(const packed_block<Plan, Format, Which>&) noexcept {
    return nullptr;
}
template <class Plan, class Format, auto Which>
const std::byte* packed_in(const packed_block<Plan, Format, Which>& p) noexcept {
    return p.data();
}
template <class Packed>
const float* numbers_of(const mapped_block<Packed>& p) noexcept {
    return p.rest().data();
}
template <class Packed>
const float* prepared_in(const mapped_block<Packed>&) noexcept {
    return nullptr;
}
template <class Packed>
const std::byte* packed_in(const mapped_block<Packed>& p) noexcept {
    return p.data();
}

/// Computes product `At` of a row step, at most Block rows, with packed weights.
template <class Step, int At, bool Accumulate, int Block>
void multiply_packed(const float* x, const std::byte* w, float* sum, int sum_row,
                     int rows) noexcept {
    constexpr row_term term = Step::value.terms[At];
    constexpr int columns = Step::value.columns();
    using format = typename packed_format<term.format>::type;
    // The packed rows of x stay in an L1 cache of 32 KB.
    constexpr auto row_bytes =
        static_cast<int>(kernel::packed_scratch_bytes<format, term.depth>(16) / 16);
    constexpr int most = std::clamp(32768 / row_bytes / 8 * 8, 1, Block);
    alignas(64) std::byte scratch[kernel::packed_scratch_bytes<format, term.depth>(most)];
    for (int row = 0; row < rows; row += most)
        kernel::unroll<term.splits()>([&](auto split) {
            kernel::packed_product<format, term.depth, columns, Accumulate || (split() > 0)>(
                x + row * term.x.row + term.x_of(split()), term.x.row,
                w + std::ptrdiff_t{64} * term.w_of(split()), sum + row * sum_row, sum_row,
                std::min(most, rows - row), scratch);
        });
}

/// Reads row `symbol` of the packed table of term `At`.
template <class Step, int At>
void look_up_packed(const std::byte* table, int symbol, float* to) noexcept {
    using format = typename packed_format<Step::value.terms[At].format>::type;
    constexpr int columns = Step::value.columns();
    kernel::packed_elements<format>(table, columns, symbol, 0, columns, to);
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

namespace sequent::inline SEQUENT_ABI {

// The formats of packed weights.
using kernel::bf16;
using kernel::q4_0;
using kernel::q4_1;
using kernel::q8;
using kernel::q8_0;

}  // namespace sequent::inline SEQUENT_ABI

/// Reads packed weights from files, one matrix at a time, and writes them. Included by packed.hpp.

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// Address that represents the first parameter. Views of parameters that are not in memory use such
/// addresses only to state places among the parameters.
inline constexpr std::uintptr_t first_address = 64;

inline std::ptrdiff_t place_of_address(const any_view& view) {
    return static_cast<std::ptrdiff_t>(
        (reinterpret_cast<std::uintptr_t>(view.data) - first_address) / sizeof(float));
}

template <class Model>
std::vector<any_tensor> places_of_parameters() {
    std::vector<any_tensor> result;
    auto* const base = reinterpret_cast<float*>(first_address);
    for (const auto& [name, view] : model_detail::named_weights<typename Model::plan>)
        result.push_back(
            {std::string(name), any_view::of(model_detail::to_tensor<float>(view, base))});
    return result;
}

/// Fills packed weights from matched tensors.
template <class = void>
class packed_reader {
    using places = model_detail::packed_filler::places;
    using packed_matrix = model_detail::packed_matrix;

  public:
    SEQUENT_COLD packed_reader(const tensor_file& file, const matching& found, const places& to)
        : file_(file), to_(to), pieces_(found.pieces), constants_(found.pieces.size()) {
        check_all(file, found);
        for (const constant_view& each : found.constants) {
            pieces_.push_back(whole(each.view, 0));
            pieces_.back().plus = each.number;
        }
        for (const piece& each : pieces_) {
            range all{place_of_address(each.view), place_of_address(each.view)};
            for (std::size_t axis = 0; axis < static_cast<std::size_t>(each.view.rank); ++axis)
                all.last += std::ptrdiff_t{each.view.extents[axis] - 1} * each.view.strides[axis];
            ranges_.push_back(all);
            adds_ = adds_ || each.is_summand;
        }
        fill_rest();
    }

    template <class Format>
    SEQUENT_COLD void fill(const packed_matrix& matrix) {
        for (int copy = 0; copy < matrix.copies(); ++copy)
            for (int split = 0; split < matrix.splits; ++split)
                fill_matrix<Format>(matrix, copy, split);
    }

  private:
    /// A row of a parameter's numbers, `stride` apart from place `at` on, and its location in the
    /// file.
    struct numbers {
        std::ptrdiff_t at = 0;
        std::ptrdiff_t stride = 1;
        std::ptrdiff_t count = 0;
        stored_tensor stored{};  // without data: all are `plus`
        std::uint64_t number = 0;
        std::uint64_t number_stride = 1;
        const piece* part = nullptr;

        void decode(std::ptrdiff_t first, std::size_t some, double* values) const {
            if (stored.data)
                stored.format->decode(stored,
                                      number + static_cast<std::uint64_t>(first) * number_stride,
                                      number_stride, some, values);
            else
                std::fill_n(values, some, 0.0);
            for (std::size_t at_value = 0; at_value < some; ++at_value)
                values[at_value] += part->plus;
        }
    };
    struct range {
        std::ptrdiff_t first, last;  // inclusive
    };

    /// Calls visit(numbers) for the rows of piece `at` that overlap a range of places.
    template <class Visit>
    void each_row(std::size_t at, range within, Visit visit) const {
        const piece& part = pieces_[at];
        if (ranges_[at].last < within.first || ranges_[at].first > within.last) return;
        const auto take = [&](const stored_tensor& stored, auto advance) {
            for_each_row(part, [&](const piece_row& row) {
                numbers next{ranges_[at].first + row.at,
                             row.stride,
                             static_cast<std::ptrdiff_t>(row.columns),
                             stored,
                             row.number,
                             row.number_stride,
                             &part};
                const std::ptrdiff_t last = next.at + (next.count - 1) * next.stride;
                if (last < within.first || next.at > within.last) return;
                visit(next);
                advance(row.number);
            });
        };
        if (at >= constants_) return take({}, [](std::uint64_t) {});
        const header_entry& entry = file_.header.tensors[part.tensor];
        const stored_tensor stored = file_.stored_of(entry);
        releaser done(file_, entry, *stored.format);
        take(stored, [&](std::uint64_t number) { done.advance(number); });
    }

    void fill_rest() const {
        for (std::size_t at = 0; at < pieces_.size(); ++at) {
            // A piece belongs to one parameter.
            if (to_.place_in_rest(ranges_[at].first) < 0) continue;
            each_row(at, ranges_[at], [&](const numbers& row) {
                std::array<double, decoded_together> values;
                for (std::ptrdiff_t first = 0; first < row.count;) {
                    const auto some = std::min<std::ptrdiff_t>(decoded_together, row.count - first);
                    row.decode(first, static_cast<std::size_t>(some), values.data());
                    for (std::ptrdiff_t each = 0; each < some; ++each, ++first) {
                        float& to = to_.rest[to_.place_in_rest(row.at + first * row.stride)];
                        const auto value =
                            static_cast<float>(values[static_cast<std::size_t>(each)]);
                        to = row.part->is_summand ? to + value : value;
                    }
                }
            });
        }
    }

    /// Fills a matrix in blocks of outputs whose floats take a few MB.
    template <class Format>
    void fill_matrix(const packed_matrix& matrix, int copy, int split) {
        const std::ptrdiff_t base = matrix.place_from(copy, split);
        std::byte* const to = to_.packed + matrix.byte_to(copy, split);
        constexpr int together = Format::rows::inputs;
        const int blocks = kernel::detail::packed_blocks<Format>(matrix.inputs);
        const int most = std::max(16, (1 << 20) / (blocks * together) / 16 * 16);
        for (int first = 0; first < matrix.outputs; first += most) {
            const int outputs = std::min(most, matrix.outputs - first);
            const int padded = (outputs + 15) / 16 * 16;
            blocks_ = blocks;
            floats_.assign(static_cast<std::size_t>(padded) * static_cast<std::size_t>(blocks) *
                               static_cast<std::size_t>(together),
                           0.0f);
            whole_.assign(static_cast<std::size_t>(padded) * static_cast<std::size_t>(blocks), 0);
            const std::ptrdiff_t begin = base + std::ptrdiff_t{first} * matrix.output_stride;
            const range within{begin, begin + std::ptrdiff_t{outputs - 1} * matrix.output_stride +
                                          std::ptrdiff_t{matrix.inputs - 1} * matrix.input_stride};
            for (std::size_t at = 0; at < pieces_.size(); ++at)
                each_row(at, within, [&](const numbers& row) {
                    take_row<Format>(matrix, begin, outputs, first, row, to);
                });
            for (int n = 0; n < padded; ++n)
                for (int block = 0; block < blocks; ++block)
                    if (!whole_[index(n, block)]) quantise<Format>(matrix, first + n, n, block, to);
        }
    }

    std::size_t index(int n, int block) const {
        return static_cast<std::size_t>(n) * static_cast<std::size_t>(blocks_) +
               static_cast<std::size_t>(block);
    }

    /// Takes the numbers of a row that belong to outputs [first, first + outputs) of a matrix.
    template <class Format>
    void take_row(const packed_matrix& matrix, std::ptrdiff_t begin, int outputs, int first,
                  const numbers& row, std::byte* to) {
        constexpr int together = Format::rows::inputs;
        const bool by_output = matrix.output_stride >= matrix.input_stride;
        const std::ptrdiff_t large = by_output ? matrix.output_stride : matrix.input_stride;
        const std::ptrdiff_t small = by_output ? matrix.input_stride : matrix.output_stride;
        std::array<double, decoded_together> values;
        std::ptrdiff_t decoded = 0, decoded_end = 0;
        for (std::ptrdiff_t at = 0; at < row.count; ++at) {
            const std::ptrdiff_t place = row.at + at * row.stride - begin;
            if (place < 0) continue;
            const std::ptrdiff_t rest = place % large;
            if (rest % small != 0) continue;
            const std::ptrdiff_t k = by_output ? rest / small : place / large;
            const std::ptrdiff_t n = by_output ? place / large : rest / small;
            if (k >= matrix.inputs || n >= outputs) continue;
            const int block = static_cast<int>(k / together);
            if (takes_block<Format>(matrix, row, at, k)) {
                put_block<Format>(matrix, row, at, first + static_cast<int>(n), block, to);
                whole_[index(static_cast<int>(n), block)] = 1;
                at += together - 1;
                continue;
            }
            if (at >= decoded_end || at < decoded) {
                decoded = at;
                decoded_end = std::min<std::ptrdiff_t>(row.count, at + 32);
                row.decode(at, static_cast<std::size_t>(decoded_end - at), values.data());
            }
            float& number = floats_[index(static_cast<int>(n), block) * std::size_t{together} +
                                    static_cast<std::size_t>(k % together)];
            const auto value = static_cast<float>(values[static_cast<std::size_t>(at - decoded)]);
            number = row.part->is_summand ? number + value : value;
        }
    }

    /// Returns true if a quantized block of the file can be copied to the matrix without rounding.
    template <class Format>
    bool takes_block(const packed_matrix& matrix, const numbers& row, std::ptrdiff_t at,
                     std::ptrdiff_t k) const {
        if constexpr (Format::rows::scales > 0) {
            constexpr int together = Format::rows::inputs;
            return row.stored.data && row.stored.format->read_block &&
                   row.stored.format->count % std::uint64_t{together} == 0 &&
                   row.stored.format->bits <= Format::bits &&
                   (!row.stored.format->has_minimum || Format::rows::scales == 2) &&
                   row.number_stride == 1 && row.stride == matrix.input_stride &&
                   k % together == 0 && k + together <= matrix.inputs &&
                   at + together <= row.count &&
                   (row.number + static_cast<std::uint64_t>(at)) % std::uint64_t{together} == 0 &&
                   row.part->plus == 0 && !adds_;
        } else {
            return false;
        }
    }

    template <class Format>
    void put_block(const packed_matrix& matrix, const numbers& row, std::ptrdiff_t at, int n,
                   int block, std::byte* to) const {
        if constexpr (Format::rows::scales > 0) {
            scaled_block from;
            constexpr int together = Format::rows::inputs;
            row.stored.format->read_block(row.stored, row.number + static_cast<std::uint64_t>(at),
                                          together, from);
            const int offset = row.stored.format->has_minimum ? 0 : 1 << (Format::bits - 1);
            if (Format::rows::scales == 2) from.minimum -= offset * from.scale;
            std::uint16_t q[together];
            for (std::size_t k = 0; k < together; ++k)
                q[k] = static_cast<std::uint16_t>(from.q[k] + offset);
            put<Format>(matrix, n, block,
                        {static_cast<float>(from.scale), static_cast<float>(from.minimum)}, q, to);
        }
    }

    template <class Format>
    void quantise(const packed_matrix& matrix, int n, int row, int block, std::byte* to) const {
        constexpr int together = Format::rows::inputs;
        std::uint16_t q[together];
        const kernel::block_scales scale =
            Format::quantise(floats_.data() + index(row, block) * std::size_t{together}, q);
        put<Format>(matrix, n, block, scale, q, to);
    }

    template <class Format>
    void put(const packed_matrix& matrix, int n, int block, const kernel::block_scales& scale,
             const std::uint16_t* q, std::byte* to) const {
        bool fits = true;
        for (std::size_t each = 0; each < Format::rows::scales; ++each) {
            typename Format::rows::scale_number stored;
            kernel::detail::put_scale(scale[each], &stored);
            fits = fits && std::isfinite(kernel::detail::scale_of(stored));
        }
        if (!fits)
            fail_with<error>({file_.name, ": the numbers of a block of ", Format::rows::inputs,
                              " (output ", n, ", input ", block * Format::rows::inputs,
                              " of a matrix of ", matrix.outputs, " x ", matrix.inputs,
                              ") are too large for a scale of ",
                              8 * sizeof(typename Format::rows::scale_number), " bits"});
        kernel::put_packed_block<Format>(to, matrix.inputs, n, block, scale, q);
    }

    const tensor_file& file_;
    const places& to_;
    std::vector<piece> pieces_;
    std::size_t constants_ = 0;  // number of pieces of the file; constants follow
    std::vector<range> ranges_;  // range of places of each piece
    bool adds_ = false;
    int blocks_ = 0;
    std::vector<float> floats_;  // the current outputs, padded to whole blocks
    std::vector<char> whole_;    // for each block, whether it was copied from the file
};

template <class Packed>
std::unique_ptr<Packed> packed_from(const tensor_file& file, const matching& found) {
    auto result = model_detail::packed_filler::make<Packed>();
    const auto places = model_detail::packed_filler::places_of(*result);
    packed_reader<> reader(file, found, places);
    for (const model_detail::packed_matrix& each : places.matrices)
        Packed::with_format(each, [&]<int Number>(model_detail::packed_format<Number>) {
            reader.template fill<typename model_detail::packed_format<Number>::type>(each);
        });
    return result;
}

/// All copies of a packed matrix as a tensor of bytes, [copies, bytes], which begins at `offset` of
/// the packed matrices.
struct byte_tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::size_t offset = 0;

    std::size_t size() const { return static_cast<std::size_t>(size_of(shape)); }
};

/// Contents of a file of packed weights: the packed matrices as bytes, the other weights as floats.
struct packed_tensors {
    std::vector<byte_tensor> matrices;
    std::vector<any_tensor> floats;
};

template <class Packed>
packed_tensors tensors_of_packed(float* rest) {
    using filler = model_detail::packed_filler;
    packed_tensors result;
    filler::each_matrix<Packed>([&](const std::string& name, std::uint64_t copies,
                                    std::uint64_t bytes, std::size_t offset) {
        result.matrices.push_back({name, {copies, bytes}, offset});
    });
    filler::each_float<Packed>(rest, [&](std::string_view name, const auto& view) {
        result.floats.push_back({std::string(name), any_view::of(view)});
    });
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD void save_packed_tensors(const file_path& path, const packed_tensors& given,
                                      const std::byte* matrices, const metadata_map& metadata) {
    const std::string name = path.string();
    file_header header;
    header.metadata = metadata;
    std::uint64_t end = 0;
    const auto add = [&](const std::string& tensor, const char* type,
                         std::vector<std::uint64_t> shape, std::uint64_t bytes) {
        header.tensors.push_back({tensor, type, std::move(shape), end, end + bytes});
        end += bytes;
    };
    for (const byte_tensor& each : given.matrices) add(each.name, "U8", each.shape, each.size());
    for (const any_tensor& each : given.floats) {
        const auto shape = shape_of(each.view);
        add(each.name, "F32", shape, size_of(shape) * sizeof(float));
    }
    std::vector<std::vector<std::byte>> floats;
    for (const any_tensor& each : given.floats) {
        floats.emplace_back(static_cast<std::size_t>(each.view.size()) * sizeof(float));
        store_piece(whole(each.view, 0), dtype::f32, floats.back().data(), name, each.name);
    }
    const std::string text = header_bytes(name, header, 64);  // the matrices can be mapped
    file_replacement file(path);
    file.write(text.data(), text.size());
    const auto write = [&](const std::byte* data, std::size_t size) {
        file.write(reinterpret_cast<const char*>(data), size);
    };
    for (const byte_tensor& each : given.matrices) write(matrices + each.offset, each.size());
    for (const auto& each : floats) write(each.data(), each.size());
    file.commit();
}

/// Loads the floats; returns the bytes of each matrix in the file.
SEQUENT_LAZY
SEQUENT_COLD std::vector<const std::byte*> load_packed_tensors(tensor_file file,
                                                               const packed_tensors& wanted) {
    std::vector<const std::byte*> found;
    for (const byte_tensor& each : wanted.matrices) {
        std::vector<header_entry>& entries = file.header.tensors;
        const auto entry = std::find_if(entries.begin(), entries.end(),
                                        [&](const auto& of) { return of.name == each.name; });
        const auto fail = [&](std::string_view what) {
            fail_with<error>({file.name, ": tensor ", in_quotes(each.name), what});
        };
        if (entry == entries.end()) fail(" is not in the file");
        if (entry->dtype != "U8" || entry->shape != each.shape)
            fail(joined_text({": the file has ", entry->dtype, " of shape ",
                              shape_text(entry->shape), ", wanted is U8 of shape ",
                              shape_text(each.shape)}));
        found.push_back(file.data_of(*entry));
        entries.erase(entry);
    }
    load_tensors(file, wanted.floats);
    return found;
}

/// The first byte of the matrices in the file if the file stores them contiguously and in the
/// layout of packed weights.
SEQUENT_LAZY
SEQUENT_COLD const std::byte* mapped_matrices(const std::string& name,
                                              const std::vector<byte_tensor>& wanted,
                                              const std::vector<const std::byte*>& found) {
    if (found.empty()) return nullptr;
    const auto fail = [&](const byte_tensor& at, const char* what) {
        fail_with<error>({name, ": tensor ", in_quotes(at.name), what,
                          ", so that the file cannot be mapped; load_saved_packed copies it"});
    };
    if (reinterpret_cast<std::uintptr_t>(found[0]) % 64 != 0)
        fail(wanted[0], " does not begin at a multiple of 64 bytes");
    for (std::size_t at = 0; at < found.size(); ++at)
        if (found[at] != found[0] + wanted[at].offset)
            fail(wanted[at], " is not behind the one before it in the model");
    return found[0];
}

}  // namespace detail

/// Loads a file of a model's parameters (a safetensors file, or one that a reader of another format
/// has opened), under the model's own names or those of `names`, directly into packed weights. It
/// replaces `load` and pack(); the parameters are never all in memory as floats. Blocks of GGUF
/// files are copied without rounding where the format can hold them: Q8_0 and Q4_0 in q8_0, Q4_0 in
/// q4_0, Q4_1 in q4_1. Other numbers are rounded to the format.
///
///     const auto q = io::load_packed<Model::packed<q8_0>, Model>(io::gguf_file("model.gguf")
///         .tensors(), io::llama_cpp::llama);
///
/// Throws io::error as `load` does, and if numbers are too large for the format's scales.
template <class Packed, class Model>
std::unique_ptr<Packed> load_packed(const tensor_file& from) {
    return detail::packed_from<Packed>(from,
                                       detail::match(from, detail::places_of_parameters<Model>()));
}
/// As above, with the tensor names of `names`.
template <class Packed, class Model>
std::unique_ptr<Packed> load_packed(const tensor_file& from, name_map names) {
    return detail::packed_from<Packed>(
        from, detail::match(from, detail::places_of_parameters<Model>(), names,
                            detail::layout_of<Model>()));
}

/// Loads a checkpoint of llama2.c directly into packed weights. Throws io::error as `load_llama2c`
/// does, and if numbers are too large for the format's scales.
template <class Packed, class Model>
std::unique_ptr<Packed> load_packed_llama2c(const source& from) {
    const detail::llama2c_match made =
        detail::match_llama2c(from, detail::places_of_parameters<Model>(),
                              detail::unlike_llama2c<Model>(), detail::tokens_of<Model>);
    return detail::packed_from<Packed>(made.file, made.found);
}

/// Writes packed weights exactly to a new safetensors file, which then replaces `path`. Each packed
/// matrix becomes a tensor of bytes whose name states the format, the extents and the weights
/// ("q8_0 192x64 layers.W_query+..."); the other weights are F32 under their own names.
///
/// Throws io::error if the file cannot be written or a weight in F32 is not finite.
template <class Packed>
void save_packed(const file_path& path, const Packed& weights, const metadata_map& metadata = {}) {
    // Saving only reads the weights.
    detail::save_packed_tensors(
        path, detail::tensors_of_packed<Packed>(const_cast<float*>(weights.rest().data())),
        weights.data(), metadata);
}

/// Loads packed weights that save_packed has written, for the same type `Packed`.
///
/// Throws io::error if the file is not well-formed, if a tensor is missing, unknown, of another
/// dtype or shape, or if a weight in F32 is not finite.
template <class Packed>
std::unique_ptr<Packed> load_saved_packed(const source& from) {
    auto result = model_detail::packed_filler::make<Packed>();
    const auto places = model_detail::packed_filler::places_of(*result);
    const detail::packed_tensors wanted = detail::tensors_of_packed<Packed>(places.rest);
    const auto found = detail::load_packed_tensors(open_safetensors(from), wanted);
    for (std::size_t at = 0; at < found.size(); ++at)
        std::memcpy(places.packed + wanted.matrices[at].offset, found[at],
                    wanted.matrices[at].size());
    return result;
}

/// Packed weights whose matrices stay where they are: in a file, mapped into memory, or in bytes of
/// the program.
template <class Packed>
using mapped_packed = model_detail::mapped_block<Packed>;

/// Maps packed weights that save_packed has written, for the same type `Packed`: the matrices are
/// not copied, pages of the file are read when they are used, and processes that map the same file
/// share them. Weights kept as floats are copied. The result takes the place of the parameters as
/// packed weights do; the file must not change meanwhile.
///
/// Throws io::error as load_saved_packed does, and if the matrices are not at a multiple of 64
/// bytes.
template <class Packed>
mapped_packed<Packed> map_saved_packed(const source& from) {
    using filler = model_detail::packed_filler;
    const auto owner = std::make_shared<source>(from);
    auto result = filler::map<Packed>(owner);
    const detail::packed_tensors wanted =
        detail::tensors_of_packed<Packed>(filler::rest_of(result));
    const auto found = detail::load_packed_tensors(open_safetensors(*owner), wanted);
    filler::place(result, detail::mapped_matrices(from.name(), wanted.matrices, found));
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Products of float matrices whose elements are rounded to bfloat16 first, with float sums: the
/// products of training in reduced precision. They use the tiles of packed weights.

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// 16 lines of 16 words, each of two bfloat16 numbers: 32 numbers of 16 rows or, transposed, 32
/// numbers in pairs of 16 rows.
class word_square {
  public:
    static constexpr int lines = 16;

    /// Sets line `at` to the first `count` of 32 numbers, rounded, followed by zeros.
    SEQUENT_INLINE void set_line(int at, const float* x, int count) noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        const __m512 low = _mm512_maskz_loadu_ps(first(count), x);
        const __m512 high = _mm512_maskz_loadu_ps(first(count - lines), x + lines);
        line_[at] = std::bit_cast<words>(_mm512_cvtne2ps_pbh(high, low));
#else
        for (int i = 0; i < lines; ++i)
            line_[at][i] =
                word_of(2 * i < count ? x[2 * i] : 0.0f, 2 * i + 1 < count ? x[2 * i + 1] : 0.0f);
#endif
    }
    /// Sets line `at` to a word for each of the first `count` numbers of two rows, followed by
    /// zeros.
    SEQUENT_INLINE void set_pairs(int at, const float* even, const float* odd, int count) noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        const __m512 low = _mm512_maskz_loadu_ps(first(count), even);
        const __m512 high = odd ? _mm512_maskz_loadu_ps(first(count), odd) : _mm512_setzero_ps();
        alignas(64) static constexpr std::uint16_t alternating[32] = {
            0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
            8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
        line_[at] = _mm512_permutexvar_epi16(_mm512_load_si512(alternating),
                                             std::bit_cast<words>(_mm512_cvtne2ps_pbh(high, low)));
#else
        for (int i = 0; i < lines; ++i)
            line_[at][i] = word_of(i < count ? even[i] : 0.0f, i < count && odd ? odd[i] : 0.0f);
#endif
    }
    SEQUENT_INLINE void clear(int at) noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        line_[at] = _mm512_setzero_si512();
#else
        std::fill_n(line_[at], lines, 0u);
#endif
    }
    /// Transposes the square of words.
    SEQUENT_INLINE void turn() noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        words half[lines];
        SEQUENT_UNROLL for (int i = 0; i < lines; i += 2) {
            half[i] = _mm512_unpacklo_epi32(line_[i], line_[i + 1]);
            half[i + 1] = _mm512_unpackhi_epi32(line_[i], line_[i + 1]);
        }
        words part[lines];  // in each quarter, four lines of one column
        SEQUENT_UNROLL for (int i = 0; i < lines; i += 4)
            SEQUENT_UNROLL for (int j = 0; j < 2; ++j) {
            part[i + 2 * j] = _mm512_unpacklo_epi64(half[i + j], half[i + j + 2]);
            part[i + 2 * j + 1] = _mm512_unpackhi_epi64(half[i + j], half[i + j + 2]);
        }
        SEQUENT_UNROLL for (int j = 0; j < 4; ++j) {
            const words even = _mm512_shuffle_i32x4(part[j], part[4 + j], 0x88);
            const words odd = _mm512_shuffle_i32x4(part[j], part[4 + j], 0xDD);
            const words next_even = _mm512_shuffle_i32x4(part[8 + j], part[12 + j], 0x88);
            const words next_odd = _mm512_shuffle_i32x4(part[8 + j], part[12 + j], 0xDD);
            line_[j] = _mm512_shuffle_i32x4(even, next_even, 0x88);
            line_[4 + j] = _mm512_shuffle_i32x4(odd, next_odd, 0x88);
            line_[8 + j] = _mm512_shuffle_i32x4(even, next_even, 0xDD);
            line_[12 + j] = _mm512_shuffle_i32x4(odd, next_odd, 0xDD);
        }
#else
        for (int i = 0; i < lines; ++i)
            for (int j = 0; j < i; ++j) std::swap(line_[i][j], line_[j][i]);
#endif
    }
    /// Stores a line as part of a block of weights.
    SEQUENT_INLINE void store(int at, std::byte* to) const noexcept {
        std::memcpy(to, &line_[at], 64);
    }
    /// Stores a line as a block of a row.
    SEQUENT_INLINE void store(int at, bfloat_rows::block& to) const noexcept {
        if constexpr (bfloat_rows::is_tile) {
            std::memcpy(to.x, &line_[at], 64);
        } else {
            std::uint16_t bits[block_inputs];
            std::memcpy(bits, &line_[at], 64);
            for (int i = 0; i < block_inputs; ++i)
                to.x[i] = static_cast<bfloat_number>(from_bf16(bits[i]));
        }
    }

  private:
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
    static SEQUENT_INLINE __mmask16 first(int count) noexcept {
        return static_cast<__mmask16>((1u << std::clamp(count, 0, lines)) - 1u);
    }
    words line_[lines];
#else
    static SEQUENT_INLINE std::uint32_t word_of(float low, float high) noexcept {
        return std::uint32_t{bfloat_of_float(low)} | std::uint32_t{bfloat_of_float(high)} << 16;
    }
    std::uint32_t line_[lines][lines];
#endif
};

/// Loads `count` <= 16 rows of a matrix from row `row` on, and `depth` <= 32 numbers of each from k
/// on: rows as lines (`ByRow`) or pairs of numbers as lines. Turned: the rows in memory are those
/// of the transposed matrix.
template <bool ByRow>
SEQUENT_INLINE void load_square(const row_places<const float>& from, bool turned, int row,
                                int count, int k, int depth, word_square& to) noexcept {
    if (!turned) {
        SEQUENT_UNROLL for (int at = 0; at < word_square::lines; ++at) {
            if (at < count)
                to.set_line(at, from[row + at] + k, depth);
            else
                to.clear(at);
        }
    } else {
        SEQUENT_UNROLL for (int at = 0; at < word_square::lines; ++at) {
            const int next = 2 * at + 1;
            if (next <= depth)
                to.set_pairs(at, from[k + next - 1] + row,
                             next < depth ? from[k + next] + row : nullptr, count);
            else
                to.clear(at);
        }
    }
    if (turned == ByRow) to.turn();
}

/// Begin of part `part` of n elements in `parts` even parts.
constexpr int begin_of_part(int n, int part, int parts) noexcept {
    return static_cast<int>(std::int64_t{n} * part / parts);
}

}  // namespace detail

/// Computes a gathered product with elements rounded to bfloat16 (to nearest even) and float sums.
/// An element of C does not depend on the other rows. Uses 96 KB of stack.
template <class Format>
SEQUENT_NOINLINE void rounded_product(const gathered_product<float>& of) noexcept {
    using namespace detail;
    using block = typename Format::rows::block;
    using tiles = packed_tiles<Format>;
    static_assert(Format::rows::scales == 0 && Format::bits == 16);
    constexpr int lines = word_square::lines;
    constexpr int width = tiles::panels * panel_outputs;
    constexpr int most_blocks = 8;
    constexpr int most_rows = 65536 / most_blocks / int{sizeof(block)};
    alignas(64) block left[most_rows * most_blocks];
    alignas(64) std::byte right[tiles::panels * most_blocks * Format::block_bytes];
    alignas(64) float sums[most_rows * width];  // used if rows of C are listed
    const int all_blocks = packed_blocks<Format>(of.depth);
    const int parts = std::max(1, (all_blocks + most_blocks - 1) / most_blocks);
    const int row_parts = (of.rows + most_rows - 1) / most_rows;
    for (int row_part = 0; row_part < row_parts; ++row_part) {
        const int row = begin_of_part(of.rows, row_part, row_parts);
        const int rows = begin_of_part(of.rows, row_part + 1, row_parts) - row;
        for (int part = 0; part < parts; ++part) {
            const int first = begin_of_part(all_blocks, part, parts);
            const int blocks = begin_of_part(all_blocks, part + 1, parts) - first;
            const auto depth_of = [&](int at) {
                return std::min(block_inputs, of.depth - (first + at) * block_inputs);
            };
            word_square square;
            for (int at = 0; at < rows; at += lines)
                for (int k = 0; k < blocks; ++k) {
                    const int count = std::min(lines, rows - at);
                    load_square<true>(of.a, of.a_turned, row + at, count,
                                      (first + k) * block_inputs, depth_of(k), square);
                    SEQUENT_UNROLL for (int line = 0; line < lines; ++line) {
                        if (line < count) square.store(line, left[(at + line) * blocks + k]);
                    }
                }
            const bool accumulate = of.accumulate || part > 0;
            for (int column = 0; column < of.columns; column += width) {
                const int outputs = std::min(width, of.columns - column);
                std::byte* to = right;
                for (int at = 0; at < outputs; at += panel_outputs)
                    for (int k = 0; k < blocks; ++k, to += Format::block_bytes) {
                        load_square<false>(of.b, !of.b_turned, column + at,
                                           std::min(panel_outputs, outputs - at),
                                           (first + k) * block_inputs, depth_of(k), square);
                        SEQUENT_UNROLL for (int line = 0; line < lines; ++line)
                            square.store(line, to + 64 * line);
                    }
                const bool apart = of.c.listed != nullptr;
                const packed_place place{blocks,
                                         static_cast<std::ptrdiff_t>(panel_bytes<Format>(blocks)),
                                         apart ? width : of.c.stride, accumulate && !apart};
                packed_rows<Format>(left, right, apart ? sums : of.c[row] + column, outputs, rows,
                                    place);
                if (!apart) continue;
                for (int at = 0; at < rows; ++at) {
                    const float* const from = sums + at * width;
                    float* const c = of.c[row + at] + column;
                    if (accumulate)
                        for (int i = 0; i < outputs; ++i) c[i] += from[i];
                    else
                        std::copy_n(from, outputs, c);
                }
            }
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/// Training with products in bfloat16: use Model::workspace<float, bf16> and Model::batch<float,
/// bf16> instead of workspace<float> and batch<float> in forward, backward, forward_batch and
/// backward_batch. In products with weight matrices of at least 32 inputs and 16 outputs, the rows,
/// the weights and, in backward, the gradients of rows are rounded to bfloat16 (to nearest even).
/// Sums are computed in float. All else is float: parameters, gradients, attention, norms,
/// functions, losses and the optimizer.
///
/// Loss scaling is not needed: bfloat16 has the exponent range of float, so no gradient overflows
/// or vanishes by rounding. Binary16, whose smallest positive number is 6e-8, would need it.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan, class T, class Products>
struct rounded_plan_of {
    static_assert(std::is_same_v<T, float> && std::is_same_v<Products, kernel::bf16>,
                  "sequent: products of training are rounded by workspace<float, bf16> or "
                  "batch<float, bf16>; other pairs of types are not there");

    struct type : Plan {
        template <int At>
        static constexpr row_step row_step_at = [] {
            row_step result = Plan::template row_step_at<At>;
            for (row_term& term : result.terms)
                if (term.kind == term_kind::product && matrix_of<Plan>(result, term).outputs > 0)
                    term.format = number_of_format<Products>();
            return result;
        }();
    };
};

/// The product of row_terms with a format.
template <int Format, class T>
void multiply_rounded(const kernel::gathered_product<T>& of) noexcept {
    kernel::rounded_product<typename packed_format<Format>::type>(of);
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_PACKED_HPP
