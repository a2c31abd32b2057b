#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "packed_words.hpp"

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
