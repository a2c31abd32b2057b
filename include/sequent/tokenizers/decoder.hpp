#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/utf8.hpp"
#include "aligned_text.hpp"
#include "unicode.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

using io::fallback_byte;

/// The alphabet of GPT-2: a printable character for each byte.
constexpr std::uint32_t letter_of_byte(unsigned byte) noexcept {
    const auto is_printed = [](unsigned each) {
        return (each >= 33 && each <= 126) || (each >= 161 && each <= 172) || each >= 174;
    };
    if (is_printed(byte)) return byte;
    std::uint32_t result = 256;
    for (unsigned each = 0; each < byte; ++each) result += is_printed(each) ? 0 : 1;
    return result;
}

/// Decodes a text of that alphabet to bytes. Returns false if it has other characters.
SEQUENT_LAZY bool bytes_of_letters(std::string_view text, std::string& bytes) {
    static const std::array<std::int16_t, 324> byte_of = [] {
        std::array<std::int16_t, 324> result{};
        result.fill(-1);
        for (unsigned byte = 0; byte < 256; ++byte)
            result[letter_of_byte(byte)] = static_cast<std::int16_t>(byte);
        return result;
    }();
    bytes.clear();
    for (std::size_t at = 0; at < text.size();) {
        const code_point each = decode_utf8(text, at);
        const int byte = each.code < byte_of.size() ? byte_of[each.code] : -1;
        if (byte < 0) return false;
        bytes += static_cast<char>(byte);
        at += each.length;
    }
    return true;
}

inline constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

/// Appends the bytes of `from`, with U+FFFD for each ill-formed sequence (maximal subparts).
/// Returns the number of bytes read, which excludes an incomplete character at the end unless
/// `all`.
SEQUENT_LAZY std::size_t append_lossy(std::string_view from, bool all, std::string& to) {
    std::size_t at = 0;
    while (at < from.size()) {
        const std::size_t end = ascii_end(from, at);
        to.append(from.substr(at, end - at));
        at = end;
        if (at == from.size()) break;
        const auto byte = [&](std::size_t index) {
            return static_cast<unsigned char>(from[at + index]);
        };
        const unsigned lead = byte(0);
        const bool is_lead = lead >= 0xC2 && lead <= 0xF4;
        const std::size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        std::size_t length = 1;
        unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        while (is_lead && length < wanted && at + length < from.size() && byte(length) >= low &&
               byte(length) <= high) {
            ++length;
            low = 0x80;
            high = 0xBF;
        }
        const bool is_whole = is_lead && length == wanted;
        if (is_lead && !is_whole && !all && at + length == from.size()) return at;
        to.append(is_whole ? from.substr(at, length) : replacement);
        at += length;
    }
    return at;
}

/// A step of a decoder.
struct decoder_step {
    enum class kind : std::uint8_t {
        replace,        // replace `what` by `with`
        byte_letters,   // decode GPT-2's alphabet of bytes
        byte_fallback,  // decode tokens like <0x41> to bytes
        metaspace,      // replace `what` by blanks; remove it from the first token if `strips`
        word_piece,     // put blanks between words; the prefix `what` continues a word; `cleans`
        blanks,         // put a blank between tokens
        strip,          // remove `count` copies of `what` from the beginning of the text
    };
    kind is = kind::replace;
    std::string what;
    std::string with;
    bool strips = false;
    bool cleans = false;
    std::size_t count = 0;
};

SEQUENT_LAZY void replace_all(std::string& text, std::string_view what, std::string_view with) {
    if (what.empty()) return;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

/// Decodes tokens to text, one after another.
SEQUENT_LAZY class decoding {
  public:
    explicit decoding(const std::vector<decoder_step>& steps, bool streams)
        : steps_(&steps), streams_(streams) {
        for (const decoder_step& each : steps) {
            if (each.is == decoder_step::kind::strip) left_to_strip_ = each.count;
        }
    }

    /// Appends the decoded text of a token; bytes that a later token may complete are kept.
    void push(std::string_view token, std::string& text) {
        using kind = decoder_step::kind;
        piece_.assign(token);
        bool is_raw = false;
        int byte = -1;
        for (const decoder_step& each : *steps_) {
            switch (each.is) {
                case kind::replace:
                    replace_all(piece_, each.what, each.with);
                    break;
                case kind::byte_letters:
                    if (bytes_of_letters(piece_, spare_)) piece_.swap(spare_);
                    is_raw = true;
                    break;
                case kind::byte_fallback:
                    byte = fallback_byte(piece_);
                    break;
                case kind::metaspace:
                    replace_all(piece_, each.what, is_first_ && each.strips ? "" : " ");
                    break;
                case kind::word_piece:
                    if (!is_first_) {
                        if (piece_.starts_with(each.what)) {
                            piece_.erase(0, each.what.size());
                        } else {
                            piece_.insert(0, 1, ' ');
                        }
                    }
                    if (each.cleans) clean(piece_);
                    break;
                case kind::blanks:
                    if (!is_first_) piece_.insert(0, 1, ' ');
                    break;
                case kind::strip:
                    break;
            }
        }
        is_first_ = false;
        if (byte >= 0) {
            kept_ += static_cast<char>(byte);
            if (streams_) flush_begun(text);
        } else if (is_raw) {
            kept_ += piece_;
            kept_.erase(0, append_lossy(kept_, false, text));
            raw_ = true;
        } else {
            finish(text);
            if (!io::is_utf8(piece_)) {
                spare_.clear();
                append_lossy(piece_, true, spare_);
                piece_.swap(spare_);
            }
            put(piece_, text);
        }
    }

    /// Appends the bytes that were kept.
    void finish(std::string& text) {
        if (raw_ || io::is_utf8(kept_)) {
            spare_.clear();
            append_lossy(kept_, true, spare_);
            put(spare_, text);
        } else {
            for (std::size_t count = kept_.size(); count > 0; --count) put(replacement, text);
        }
        kept_.clear();
    }

  private:
    /// Appends kept bytes that form complete characters or cannot become any.
    void flush_begun(std::string& text) {
        const auto lead = static_cast<unsigned char>(kept_[0]);
        const std::size_t wanted = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        spare_.clear();
        if (io::is_utf8(kept_) || kept_.size() >= wanted ||
            append_lossy(kept_, false, spare_) > 0) {
            finish(text);
        }
    }

    void put(std::string_view piece, std::string& text) {
        if (left_to_strip_ > 0) {
            for (const decoder_step& each : *steps_) {
                if (each.is != decoder_step::kind::strip) continue;
                while (left_to_strip_ > 0 && piece.starts_with(each.what)) {
                    piece.remove_prefix(each.what.size());
                    --left_to_strip_;
                }
            }
            if (!piece.empty()) left_to_strip_ = 0;
        }
        text.append(piece);
    }

    static void clean(std::string& text) {
        constexpr std::pair<std::string_view, std::string_view> rules[] = {
            {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
            {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
            {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
        for (const auto& [what, with] : rules) replace_all(text, what, with);
    }

    const std::vector<decoder_step>* steps_;
    bool streams_;
    bool is_first_ = true;
    bool raw_ = false;
    std::size_t left_to_strip_ = 0;
    std::string piece_;
    std::string spare_;
    std::string kept_;  // bytes of an incomplete character
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
