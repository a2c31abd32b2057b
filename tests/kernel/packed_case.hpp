#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"
#include "sequent/kernel/packed.hpp"

/// Products with packed weights beside plain loops over the same quantised numbers.

namespace packed {

namespace kernel = sequent::kernel;

constexpr std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}

/// Exactly the bytes asked for, at a multiple of 64, so that the address sanitizer sees what reads
/// or writes beyond.
class bytes {
  public:
    explicit bytes(std::size_t count)
        : data_(static_cast<std::byte*>(::operator new(count, std::align_val_t(64)))) {
        std::fill_n(data_.get(), count, std::byte(0xFF));
    }
    std::byte* data() const { return data_.get(); }

  private:
    struct release {
        void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t(64)); }
    };
    std::unique_ptr<std::byte, release> data_;
};

/// Numbers of -1 .. 1, all multiples of 2^-23.
inline std::vector<float> numbers(int count, unsigned seed) {
    std::vector<float> x(to_size(count));
    for (float& number : x) {
        seed = seed * 1664525u + 1013904223u;
        number = static_cast<float>(static_cast<int>(seed >> 8) - (1 << 23)) * 0x1p-23f;
    }
    return x;
}

/// As the machine adds a product.
inline float multiply_add(float a, float b, float c) {
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
    return std::fma(a, b, c);
#else
    return a * b + c;
#endif
}

template <class Format>
struct matrix {
    int inputs, outputs;
    bytes memory;

    matrix(int in, int out)
        : inputs(in), outputs(out), memory(kernel::packed_bytes<Format>(in, out)) {}
    /// Packs rows of outputs.
    matrix(int in, int out, const std::vector<float>& w) : matrix(in, out) {
        kernel::pack<Format>(w.data(), in, out, out, 1, memory.data());
    }
    float operator()(int k, int n) const {
        return kernel::packed_element<Format>(memory.data(), inputs, outputs, k, n);
    }
};

template <class Format>
inline constexpr bool in_groups = sizeof(typename Format::rows::scale_number) == 4;

/// One row quantised by plain arithmetic: a scale for each block, and numbers.
struct quantised_row {
    std::vector<float> scale, number;
};

template <class Format>
quantised_row quantise(const float* x, int inputs) {
    quantised_row row;
    constexpr int together = Format::rows::inputs;
    for (int k = 0; k < inputs; k += together) {
        const int end = std::min(inputs, k + together);
        if constexpr (std::is_same_v<Format, kernel::bf16>) {
            row.scale.push_back(1);
            for (int i = k; i < end; ++i) {
                const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i]);
                const std::uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u;
                row.number.push_back(std::bit_cast<float>(rounded));
            }
        } else {
            float greatest = 0;
            for (int i = k; i < end; ++i) greatest = std::max(greatest, std::abs(x[i]));
            row.scale.push_back(greatest / 127);
            for (int i = k; i < end; ++i) {
                const volatile float scale = greatest / 127;
                const volatile float quotient = greatest == 0       ? 0
                                                : in_groups<Format> ? x[i] / scale
                                                                    : x[i] * (127 / greatest);
                row.number.push_back(in_groups<Format> ? std::round(quotient)
                                                       : std::nearbyint(quotient));
            }
        }
    }
    return row;
}

/// The scale of a weight, the weight in units of it, above the minimum.
template <class Format>
struct stored {
    float scale, number, minimum = 0;
};
template <class Format>
stored<Format> stored_weight(const matrix<Format>& w, int k, int n) {
    if constexpr (std::is_same_v<Format, kernel::bf16>) {
        return {1, w(k, n)};
    } else {
        // Scales of a panel stand first, then its blocks (packed.hpp).
        const std::byte* panel =
            w.memory.data() + kernel::packed_bytes<Format>(w.inputs, n / 16 * 16);
        constexpr int scales = std::is_same_v<Format, kernel::q4_1> ? 2 : 1;
        const auto scale_of = [&](int each) {
            typename Format::rows::scale_number number;
            std::memcpy(&number,
                        panel + static_cast<std::size_t>(
                                    (k / Format::rows::inputs * scales + each) * 16 + n % 16) *
                                    sizeof number,
                        sizeof number);
            if constexpr (in_groups<Format>)
                return number;
            else
                return sequent::from_f16(number);
        };
        const float scale = scale_of(0), minimum = scales == 2 ? scale_of(1) : 0;
        const float above = w(k, n) - minimum;
        return {scale, scale == 0 ? 0 : std::nearbyint(above / scale), minimum};
    }
}

/// Compares a product of `rows` rows with plain loops: of formats with integers bit for bit.
template <class Format, int Inputs, int Outputs, bool Accumulate>
void check_product(const matrix<Format>& w, const std::vector<float>& x, int rows) {
    constexpr int stride = Outputs + 3;
    const auto before = numbers(rows * stride, 5);
    auto out = before;
    out.shrink_to_fit();
    const bytes scratch(kernel::packed_scratch_bytes<Format, Inputs>(rows));
    kernel::packed_product<Format, Inputs, Outputs, Accumulate>(
        x.data(), Inputs, w.memory.data(), out.data(), stride, rows, scratch.data());
    std::vector<stored<Format>> weights;
    for (int k = 0; k < Inputs; ++k)
        for (int n = 0; n < Outputs; ++n) weights.push_back(stored_weight(w, k, n));
    bool beside = false;
    int different = 0;
    sequent_test::largest error;
    for (int r = 0; r < rows; ++r) {
        const quantised_row row = quantise<Format>(x.data() + r * Inputs, Inputs);
        for (int n = 0; n < stride; ++n) {
            const auto at = to_size(r * stride + n);
            if (n >= Outputs) {
                beside = beside || out[at] != before[at];
                continue;
            }
            float sum = 0;
            double wide = 0, magnitude = 1e-30;
            constexpr int together = Format::rows::inputs;
            for (int k = 0; k < Inputs; k += together) {
                const float scale = weights[to_size(k * Outputs + n)].scale;
                const float row_scale = row.scale[to_size(k / together)];
                const float minimum = weights[to_size(k * Outputs + n)].minimum;
                double integers = 0, row_integers = 0;  // exact: below 2^53
                for (int i = k; i < std::min(k + together, Inputs); ++i) {
                    const double term =
                        static_cast<double>(row.number[to_size(i)]) *
                        static_cast<double>(weights[to_size(i * Outputs + n)].number);
                    integers += term;
                    row_integers += static_cast<double>(row.number[to_size(i)]);
                    magnitude += std::abs(term * static_cast<double>(scale * row_scale));
                }
                sum = in_groups<Format>
                          ? multiply_add(static_cast<float>(integers) * scale, row_scale, sum)
                          : multiply_add(static_cast<float>(integers), scale * row_scale, sum);
                const double of_minimum =
                    row_integers * static_cast<double>(row_scale) * static_cast<double>(minimum);
                if (std::is_same_v<Format, kernel::q4_1>)
                    sum = multiply_add(minimum, row_scale * static_cast<float>(row_integers), sum);
                magnitude += std::abs(of_minimum);
                wide += integers * static_cast<double>(scale) * static_cast<double>(row_scale) +
                        of_minimum;
            }
            if (Accumulate) {
                sum = before[at] + sum;
                wide += static_cast<double>(before[at]);
                magnitude += static_cast<double>(std::abs(before[at]));
            }
            if (!(out[at] == sum)) ++different;
            error.add(std::abs(static_cast<double>(out[at]) - wide) / magnitude);
        }
    }
    INFO(Inputs << " inputs, " << Outputs << " outputs, " << rows << " rows");
    CHECK(!beside);
    if (rows > 0) CHECK(error.value() < (Inputs + 4) * 0x1p-24);
    if (!std::is_same_v<Format, kernel::bf16>) CHECK(different == 0);
}

template <class Format, int Inputs, int Outputs>
void check_products(std::initializer_list<int> all_rows) {
    const matrix<Format> w(Inputs, Outputs, numbers(Inputs * Outputs, 1));
    for (const int rows : all_rows) {
        const auto x = numbers(rows * Inputs, 2);
        check_product<Format, Inputs, Outputs, false>(w, x, rows);
        check_product<Format, Inputs, Outputs, true>(w, x, rows);
    }
}

}  // namespace packed
