#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Images of digits.

namespace digits {

inline constexpr int side = 28;
inline constexpr int pixels = side * side;
inline constexpr int kinds = 10;

/// Row by row, from 0, paper, to 255, ink.
using image = std::array<std::uint8_t, pixels>;

struct labelled_images {
    std::vector<image> images;
    std::vector<std::int32_t> labels;  // one for each, 0 to 9

    std::size_t size() const noexcept { return images.size(); }
};

}  // namespace digits
