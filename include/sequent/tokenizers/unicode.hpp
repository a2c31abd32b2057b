#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "unicode_tables.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A code point and its length in UTF-8.
struct code_point {
    std::uint32_t code = 0;
    std::uint32_t length = 0;
};

/// The code point at byte `at` of well-formed UTF-8; the byte itself if it begins no code point.
inline code_point decode_utf8(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t index) -> std::uint32_t {
        return static_cast<unsigned char>(text[at + index]);
    };
    const std::uint32_t lead = byte(0);
    const std::size_t left = text.size() - at;
    if (lead < 0x80) return {lead, 1};
    if (lead < 0xE0 && left >= 2) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    if (lead < 0xF0 && left >= 3)
        return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    if (left >= 4) {
        return {
            (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
            4};
    }
    return {lead, 1};
}

/// The length of the code point that ends at `end`; begin < end.
inline std::size_t length_before(std::string_view text, std::size_t begin,
                                 std::size_t end) noexcept {
    std::size_t length = 1;
    while (end - length > begin && (static_cast<unsigned char>(text[end - length]) & 0xC0) == 0x80)
        ++length;
    return length;
}

/// The general categories, in the order of the generated tables.
enum class category : std::uint8_t {
    // clang-format off
    lu, ll, lt, lm, lo, mn, mc, me, nd, nl, no, pc, pd, ps, pe, pi, pf, po, sm, sc, sk, so, zs, zl,
    zp, cc, cf, cs, co, cn
    // clang-format on
};

/// A set of categories.
template <class... Categories>
constexpr std::uint32_t categories(Categories... each) noexcept {
    return ((std::uint32_t{1} << static_cast<unsigned>(each)) | ...);
}

inline constexpr std::uint32_t letters =
    categories(category::lu, category::ll, category::lt, category::lm, category::lo);
inline constexpr std::uint32_t marks = categories(category::mn, category::mc, category::me);
inline constexpr std::uint32_t numbers = categories(category::nd, category::nl, category::no);
inline constexpr std::uint32_t punctuation =
    categories(category::pc, category::pd, category::ps, category::pe, category::pi, category::pf,
               category::po);
inline constexpr std::uint32_t others =
    categories(category::cc, category::cf, category::cs, category::co, category::cn);

/// The property White_Space.
constexpr bool is_white_space(std::uint32_t code) noexcept {
    if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
           code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

/// The properties of code points, expanded from the generated tables on first use.
SEQUENT_LAZY class unicode_data {
  public:
    static const unicode_data& get() {
        static const unicode_data data;
        return data;
    }

    std::uint32_t category_bit(std::uint32_t code) const noexcept {
        return std::uint32_t{1} << (property(code) & 31);
    }
    bool is(std::uint32_t code, std::uint32_t set) const noexcept {
        return (category_bit(code) & set) != 0;
    }
    unsigned combining_class(std::uint32_t code) const noexcept {
        return property(code) >> 5 & 255;
    }

    /// \w of regular expressions: alphabetic, marks, decimal digits, connectors, joiners.
    bool is_word(std::uint32_t code) const noexcept {
        constexpr std::uint32_t words =
            letters | marks | categories(category::nd, category::nl, category::pc);
        return is(code, words) || code == 0x200C || code == 0x200D ||
               (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
               (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
    }

    /// The lower case of a code point. U+0130, whose full mapping is "i" and U+0307, gives "i".
    std::uint32_t lower(std::uint32_t code) const noexcept {
        if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
        if ((property(code) & has_lower) == 0) return code;
        if (code == 0x130) return 'i';
        return static_cast<std::uint32_t>(value_of(lower_, code));
    }

    /// Returns true if canonical composition may join a code point with the one before it.
    bool joins(std::uint32_t code) const noexcept {
        return (property(code) & second) != 0 || (code >= 0x1161 && code <= 0x1175) ||
               (code >= 0x11A8 && code <= 0x11C2);
    }

    /// Calls f(code) for the full decomposition, canonical or with compatibility mappings.
    template <class F>
    void decompose(std::uint32_t code, bool compatible, F&& f) const {
        if (code >= hangul && code < hangul + 11172) {
            const std::uint32_t index = code - hangul;
            f(0x1100 + index / 588);
            f(0x1161 + index % 588 / 28);
            if (index % 28 != 0) f(0x11A7 + index % 28);
            return;
        }
        if ((property(code) & has_decomposition) == 0) return f(code);
        const std::uint64_t found = value_of(decompositions_, code);
        if ((found & 1) != 0 && !compatible) return f(code);
        const std::size_t first = found >> 8, length = found >> 1 & 127;
        for (std::size_t at = 0; at < length; ++at) decompose(pool_[first + at], compatible, f);
    }

    /// The canonical composition of two code points; 0 if there is none.
    std::uint32_t compose(std::uint32_t one, std::uint32_t two) const noexcept {
        if (one >= 0x1100 && one < 0x1113 && two >= 0x1161 && two < 0x1176)
            return hangul + ((one - 0x1100) * 21 + (two - 0x1161)) * 28;
        if (one >= hangul && one < hangul + 11172 && (one - hangul) % 28 == 0 && two > 0x11A7 &&
            two < 0x11C3) {
            return one + (two - 0x11A7);
        }
        if ((property(two) & second) == 0) return 0;
        return static_cast<std::uint32_t>(value_of(compositions_, std::uint64_t{one} << 32 | two));
    }

  private:
    static constexpr std::uint32_t hangul = 0xAC00;
    static constexpr std::uint16_t has_lower = 1 << 13, has_decomposition = 1 << 14,
                                   second = 1 << 15;
    // Assigned code points other than private use lie below `dense` or in the block of tags.
    static constexpr std::uint32_t dense = 0x32000, tags = 0xE0000, tag_count = 0x1000;

    struct entry {
        std::uint64_t key;
        std::uint64_t value;
    };

    class numbers_of {
      public:
        explicit numbers_of(std::string_view text) : text_(text) {}
        bool left() const noexcept { return at_ < text_.size(); }
        std::uint32_t next() noexcept {
            std::uint32_t result = 0;
            for (unsigned shift = 0;; shift += 5) {
                const char code = text_[at_++];
                const auto group = static_cast<std::uint32_t>(code - (code > '\\' ? 0x29 : 0x28));
                result |= (group & 31) << shift;
                if (group < 32) return result;
            }
        }
        std::uint32_t next_signed() noexcept {
            const std::uint32_t value = next();
            return value % 2 == 0 ? value / 2 : 0 - (value + 1) / 2;
        }

      private:
        std::string_view text_;
        std::size_t at_ = 0;
    };

    static std::size_t index(std::uint32_t code) noexcept {
        if (code < dense) return code;
        if (code >= tags && code < tags + tag_count) return dense + (code - tags);
        return dense + tag_count + (code >= 0xF0000 && (code & 0xFFFF) < 0xFFFE ? 1 : 0);
    }
    std::uint16_t property(std::uint32_t code) const noexcept { return properties_[index(code)]; }
    void mark(std::uint32_t code, std::uint32_t bits) {
        auto& property = properties_[index(code)];
        property = static_cast<std::uint16_t>(property | bits);
    }

    static std::uint64_t value_of(const std::vector<entry>& entries, std::uint64_t key) noexcept {
        const auto found =
            std::lower_bound(entries.begin(), entries.end(), key,
                             [](const entry& one, std::uint64_t two) { return one.key < two; });
        return found != entries.end() && found->key == key ? found->value : 0;
    }

    unicode_data() : properties_(dense + tag_count + 2) {
        namespace tables = unicode_tables;
        std::uint32_t code = 0;
        for (numbers_of from(tables::categories); from.left();) {
            const std::uint32_t each = from.next();
            for (const std::uint32_t end = code + from.next(); code < end;) {
                properties_[index(code)] = static_cast<std::uint16_t>(each);
                // Private use and unassigned code points share one property per plane.
                const bool is_sparse = index(code) >= dense + tag_count;
                code = is_sparse ? std::min(end, (code | 0xFFFF) + 1) : code + 1;
            }
        }
        properties_[dense + tag_count] = static_cast<std::uint16_t>(category::cn);
        properties_[dense + tag_count + 1] = static_cast<std::uint16_t>(category::co);
        code = 0;
        for (numbers_of from(tables::combining); from.left();) {
            code += from.next();
            const std::uint32_t each = from.next();
            for (std::uint32_t count = from.next(); count > 0; --count) mark(code++, each << 5);
        }
        code = 0;
        std::uint32_t difference = 0;
        for (numbers_of from(tables::lower); from.left(); ++code) {
            code += from.next();
            difference += from.next_signed();
            lower_.push_back({code, code + difference});
            mark(code, has_lower);
        }
        mark(0x130, has_lower);
        code = 0;
        std::array<std::uint32_t, 20> before{};
        for (numbers_of from(tables::decompositions); from.left(); ++code) {
            code += from.next();
            const std::uint32_t head = from.next();
            const std::uint32_t length = head / 4;
            decompositions_.push_back(
                {code, std::uint64_t{pool_.size()} << 8 | length << 1 | (head & 1)});
            mark(code, has_decomposition);
            for (std::uint32_t at = 0; at < length; ++at) {
                before[at] += from.next_signed();
                pool_.push_back(before[at]);
            }
            if ((head & 2) == 0) {
                compositions_.push_back({std::uint64_t{before[0]} << 32 | before[1], code});
                mark(before[1], second);
            }
        }
        std::sort(compositions_.begin(), compositions_.end(),
                  [](const entry& one, const entry& two) { return one.key < two.key; });
    }

    std::vector<std::uint16_t> properties_;
    std::vector<entry> lower_;
    std::vector<entry> decompositions_;  // code, then 256 place + 2 length + (1: compatibility)
    std::vector<entry> compositions_;    // both codes, then the composed one
    std::vector<std::uint32_t> pool_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
