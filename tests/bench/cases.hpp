#pragma once

#include <array>

/// What is measured, for our own programs and for the peers': the same names, shapes and masks.

namespace bench {

/// Which j a position i attends to.
enum class mask { none, causal, window_32, every_8th };

constexpr bool keeps(mask kind, int i, int j) {
    switch (kind) {
        case mask::none:
            return true;
        case mask::causal:
            return j <= i;
        case mask::window_32:
            return j <= i && i - j <= 32;
        case mask::every_8th:
            return j <= i && (i - j) % 8 == 0;
    }
    return false;
}

/// Self-attention without biases: projections to queries, keys and values, softmax of the scaled
/// scores, weighted sums of values; with several heads, the map that joins them.
struct attention_case {
    const char* name;
    int tokens, width;
    int heads = 1;
    mask kind = mask::none;

    constexpr int head_width() const { return width / heads; }
    constexpr bool joins() const { return heads > 1; }
    constexpr long long pairs() const {
        long long count = 0;
        for (int i = 0; i < tokens; ++i)
            for (int j = 0; j < tokens; ++j) count += keeps(kind, i, j) ? 1 : 0;
        return count;
    }
    /// Multiplications and additions of the products alone. Each has two gradients of its size.
    double forward_flop() const {
        return 2.0 * (joins() ? 4 : 3) * tokens * width * width +
               4.0 * static_cast<double>(pairs()) * width;
    }
    double both_flop() const { return 3 * forward_flop(); }
};

inline constexpr std::array attention_cases{
    attention_case{"attention 16x16", 16, 16},
    attention_case{"attention 64x64", 64, 64},
    attention_case{"attention 256x64", 256, 64},
    attention_case{"attention 1024x64", 1024, 64},
    attention_case{"attention 1024x64 causal", 1024, 64, 1, mask::causal},
    attention_case{"attention 17x64", 17, 64},
    attention_case{"attention 63x64", 63, 64},
    attention_case{"attention 65x64", 65, 64},
    attention_case{"attention 100x64", 100, 64},
    attention_case{"attention 257x64", 257, 64},
    attention_case{"attention 64x17", 64, 17},
    attention_case{"attention 64x33", 64, 33},
    attention_case{"attention 64x48", 64, 48},
    attention_case{"attention 64x100", 64, 100},
    attention_case{"attention 64x128 4 heads", 64, 128, 4},
    attention_case{"attention 256x256 8 heads", 256, 256, 8},
    attention_case{"attention 1024x64 window 32", 1024, 64, 1, mask::window_32},
    attention_case{"attention 1024x64 every 8th", 1024, 64, 1, mask::every_8th},
};

/// Products of n x n matrices: A B, A^T B and A B^T.
enum class form { plain, left_transposed, right_transposed };
inline constexpr std::array forms{form::plain, form::left_transposed, form::right_transposed};
inline constexpr std::array product_sizes{16, 32, 64, 128, 256, 512, 17, 33, 65, 100};

constexpr const char* name_of(form which) {
    return which == form::plain             ? "product A B "
           : which == form::left_transposed ? "product At B "
                                            : "product A Bt ";
}

}  // namespace bench
