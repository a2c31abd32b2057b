#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "aligned_text.hpp"
#include "unicode.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// Appends a normal form of `from` to `to`: NFD, NFC (composed), NFKD (compatible), NFKC (both). A
/// composed character has the origin of its first part. If marks are reordered, their origins are
/// not.
SEQUENT_LAZY void normal_form(const aligned_text& from, aligned_text& to, bool compatible,
                              bool composed) {
    struct part {
        std::uint32_t code;
        unsigned combining_class;
        std::size_t origins;  // how many code points of `from` it replaces
    };
    const auto& unicode = unicode_data<>::get();
    std::vector<part> parts;         // begins with a starter that no earlier part can change
    std::size_t last = 0, next = 0;  // the last code point of `from` read, and the next one
    const auto flush = [&] {
        for (auto first = parts.begin(); first != parts.end();) {
            if (first->combining_class == 0) {
                ++first;
                continue;
            }
            auto end = first;
            while (end != parts.end() && end->combining_class != 0) ++end;
            std::stable_sort(first, end, [](const part& one, const part& two) {
                return one.combining_class < two.combining_class;
            });
            first = end;
        }
        if (composed && !parts.empty()) {
            std::size_t kept = 0, starter = parts.size();
            unsigned before = 0;  // combining class of the last part kept after the starter
            for (const part each : parts) {
                const bool adjacent = starter + 1 == kept;
                if (starter < kept && (adjacent || before < each.combining_class)) {
                    if (const std::uint32_t code =
                            unicode.compose(parts[starter].code, each.code)) {
                        parts[starter].code = code;
                        parts[starter].origins += each.origins;
                        continue;
                    }
                }
                if (each.combining_class == 0) starter = kept;
                before = each.combining_class;
                parts[kept++] = each;
            }
            parts.resize(kept);
        }
        for (const part& each : parts) {
            to.put(each.code, from, each.origins > 0 ? next : last);
            for (std::size_t count = each.origins; count > 0; --count) {
                last = next;
                next += decode_utf8(from.text, next).length;
            }
        }
        parts.clear();
    };
    const std::string_view text = from.text;
    for (std::size_t at = 0; at < text.size();) {
        if (const std::size_t end = ascii_end(text, at); end > at) {
            flush();
            // The last character may compose with the next one.
            const std::size_t kept = composed && end < text.size() ? end - 1 : end;
            to.copy(from, at, kept);
            next = kept;
            if (kept < end) parts.push_back({static_cast<unsigned char>(text[kept]), 0, 1});
            at = end;
            continue;
        }
        const code_point each = decode_utf8(text, at);
        std::size_t origins = 1;
        unicode.decompose(each.code, compatible, [&](std::uint32_t code) {
            const unsigned combining_class = unicode.combining_class(code);
            if (combining_class == 0 && !(composed && unicode.joins(code))) flush();
            parts.push_back({code, combining_class, std::exchange(origins, 0)});
        });
        at += each.length;
    }
    flush();
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
