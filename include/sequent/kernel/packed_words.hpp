#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "../half.hpp"
#include "simd.hpp"

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
