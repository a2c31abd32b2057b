#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../io/utf8.hpp"
#include "unicode.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

/// The bytes [begin, end) of a text.
struct text_range {
    std::uint32_t begin = 0;  ///< the first byte
    std::uint32_t end = 0;    ///< one past the last byte
    /// Compares both bounds.
    bool operator==(const text_range&) const = default;
};

namespace detail {

/// A text during normalization. `ranges` has, for each byte, the range of the original text from
/// which it comes; it is empty unless offsets are requested.
struct aligned_text {
    std::string text;
    std::vector<text_range> ranges;
    bool is_tracked = false;

    void clear(bool tracked) {
        text.clear();
        ranges.clear();
        is_tracked = tracked;
    }

    /// Sets the text before normalization: well-formed UTF-8 at byte `offset` of the whole text.
    void assign(std::string_view original, std::size_t offset, bool tracked) {
        clear(tracked);
        text.assign(original);
        if (!tracked) return;
        for (std::size_t at = 0; at < original.size();) {
            const std::uint32_t length = decode_utf8(original, at).length;
            const auto begin = static_cast<std::uint32_t>(offset + at);
            ranges.insert(ranges.end(), length, {begin, begin + length});
            at += length;
        }
    }

    /// Appends the bytes [begin, end) of another text.
    void copy(const aligned_text& from, std::size_t begin, std::size_t end) {
        text.append(from.text, begin, end - begin);
        if (is_tracked) {
            ranges.insert(ranges.end(), from.ranges.begin() + static_cast<std::ptrdiff_t>(begin),
                          from.ranges.begin() + static_cast<std::ptrdiff_t>(end));
        }
    }
    /// Appends bytes that come from byte `at` of another text.
    void put(std::string_view bytes, const aligned_text& from, std::size_t at) {
        text.append(bytes);
        if (is_tracked) ranges.insert(ranges.end(), bytes.size(), from.ranges[at]);
    }
    void put(std::uint32_t code, const aligned_text& from, std::size_t at) {
        const std::size_t before = text.size();
        io::append_utf8(text, code);
        if (is_tracked) ranges.insert(ranges.end(), text.size() - before, from.ranges[at]);
    }
};

/// The end of the run of ASCII characters that begins at `at`.
inline std::size_t ascii_end(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
    return at;
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
