#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "aligned_text.hpp"
#include "unicode.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// The precompiled normalization rules of SentencePiece: the size of a trie in bytes (uint32), the
/// trie (a double array of darts-clone), then texts that end with 0, to which the trie's values
/// point.
SEQUENT_LAZY class charsmap {
  public:
    bool is_empty() const noexcept { return units_.empty(); }

    /// Reads the rules. Returns false if they are not well-formed.
    bool read(std::string_view blob) {
        const auto word = [&](std::size_t at) {
            return io::detail::load_bits<std::uint32_t>(
                reinterpret_cast<const std::byte*>(blob.data()) + at);
        };
        if (blob.size() < 4) return false;
        const std::size_t size = word(0);
        if (size % 4 != 0 || size == 0 || size > blob.size() - 4) return false;
        for (std::size_t at = 0; at < size; at += 4) units_.push_back(word(4 + at));
        texts_ = blob.substr(4 + size);
        texts_ += '\0';
        return io::is_utf8(texts_);
    }

    struct match {
        std::size_t length = 0;  // length of the key in bytes; 0 if there is no match
        std::string_view text;
    };

    /// The shortest or the longest key that is a prefix of `text`, and its replacement.
    match find(std::string_view text, bool longest) const noexcept {
        match result;
        std::size_t node = offset(units_[0]);
        for (std::size_t at = 0; at < text.size(); ++at) {
            const auto byte = static_cast<unsigned char>(text[at]);
            node ^= byte;
            if (byte == 0 || node >= units_.size()) break;
            const std::uint32_t unit = units_[node];
            if ((unit & 0x800000FF) != byte) break;
            node ^= offset(unit);
            if ((unit >> 8 & 1) == 0) continue;
            const std::size_t value = node < units_.size() ? units_[node] & 0x7FFFFFFF : none_;
            if (value >= texts_.size()) break;
            result = {at + 1, std::string_view(texts_.data() + value)};
            if (!longest) break;
        }
        return result;
    }

    /// Appends `from`, normalized as by the package tokenizers: a grapheme cluster of fewer than 6
    /// bytes that begins with a key is replaced by the text of the shortest such key; in other
    /// clusters, the same is done for each code point.
    void normalize(const aligned_text& from, aligned_text& to) const {
        const std::string_view text = from.text;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = cluster_end(text, at);
            if (end - at < 6) {
                if (const match found = find(text.substr(at, end - at), false); found.length > 0) {
                    replace(found.text, from, at, end, to);
                    at = end;
                    continue;
                }
            }
            while (at < end) {
                const std::size_t next = at + decode_utf8(text, at).length;
                const match found = find(text.substr(at, next - at), false);
                if (found.length > 0) {
                    replace(found.text, from, at, next, to);
                } else {
                    to.copy(from, at, next);
                }
                at = next;
            }
        }
    }

  private:
    static constexpr std::size_t none_ = static_cast<std::size_t>(-1);

    static std::size_t offset(std::uint32_t unit) noexcept {
        return std::size_t{unit >> 10} << ((unit & 1U << 9) >> 6);
    }

    /// Appends `with` in place of the bytes [begin, end) of `from`. Its code points are aligned in
    /// order with those replaced; surplus ones with the last.
    static void replace(std::string_view with, const aligned_text& from, std::size_t begin,
                        std::size_t end, aligned_text& to) {
        for (std::size_t at = 0; at < with.size();) {
            const std::size_t length = decode_utf8(with, at).length;
            to.put(with.substr(at, length), from, begin);
            at += length;
            const std::size_t next = begin + decode_utf8(from.text, begin).length;
            if (next < end) begin = next;
        }
    }

    static bool is_hangul(std::uint32_t code) noexcept {
        return (code >= 0x1100 && code <= 0x11FF) || (code >= 0xA960 && code <= 0xA97C) ||
               (code >= 0xAC00 && code <= 0xD7FB);
    }

    /// Returns true if a code point always begins a cluster of its own.
    static bool is_control(std::uint32_t code) noexcept {
        constexpr std::uint32_t controls =
            categories(category::cc, category::cf, category::zl, category::zp);
        return unicode_data<>::get().is(code, controls) && !is_prepended(code) && !extends(code);
    }

    static bool is_prepended(std::uint32_t code) noexcept {
        return (code >= 0x600 && code <= 0x605) || code == 0x6DD || code == 0x70F ||
               code == 0x890 || code == 0x891 || code == 0x8E2 || code == 0xD4E;
    }

    /// Returns true if a code point extends the cluster before it (Extend, SpacingMark, ZWJ of
    /// UAX #29).
    static bool extends(std::uint32_t code) noexcept {
        if (code < 0x300) return false;
        if (unicode_data<>::get().is(code, marks)) {
            const bool is_apart = code == 0x102B || code == 0x102C || code == 0x1038 ||
                                  (code >= 0x1062 && code <= 0x1064) ||
                                  (code >= 0x1067 && code <= 0x106D) || code == 0x1083 ||
                                  (code >= 0x1087 && code <= 0x108C) || code == 0x108F ||
                                  (code >= 0x109A && code <= 0x109C) || code == 0x1A61 ||
                                  code == 0x1A63 || code == 0x1A64 || code == 0xAA7B ||
                                  code == 0xAA7D || code == 0x11720 || code == 0x11721;
            return !is_apart;
        }
        return code == 0x200C || code == 0x200D || code == 0xFF9E || code == 0xFF9F ||
               code == 0xE33 || code == 0xEB3 || (code >= 0x1F3FB && code <= 0x1F3FF) ||
               (code >= 0xE0020 && code <= 0xE007F);
    }

    /// The end of the extended grapheme cluster that begins at `at`. For a cluster of 6 bytes or
    /// more, it may be any end that gives 6 bytes or more.
    static std::size_t cluster_end(std::string_view text, std::size_t at) noexcept {
        code_point each = decode_utf8(text, at);
        std::size_t end = at + each.length;
        if (end < text.size() && each.code < 0x80 && static_cast<unsigned char>(text[end]) < 0x80)
            return each.code == '\r' && text[end] == '\n' ? end + 1 : end;
        if (is_control(each.code)) return end;
        while (end < text.size()) {
            const code_point next = decode_utf8(text, end);
            const bool joins = extends(next.code) ||
                               (is_prepended(each.code) && !is_control(next.code)) ||
                               (is_hangul(each.code) && is_hangul(next.code));
            if (!joins) break;
            end += next.length;
            each = next;
        }
        return end;
    }

    std::vector<std::uint32_t> units_;
    std::string texts_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
