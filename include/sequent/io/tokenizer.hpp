#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "dtype.hpp"
#include "path.hpp"
#include "replace_file.hpp"
#include "sorted.hpp"
#include "source.hpp"
#include "utf8.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// The tokenizer of llama2.c, byte pair encoding with scores as SentencePiece has it. Its file is,
/// little-endian, the length of the longest token (uint32), then for each token its score (F32),
/// its length (int32) and its bytes. Token 0 is unknown, 1 begins and 2 ends a text. The tokens
/// written <0x00> to <0xFF>, 3 to 258 by custom, are the bytes 0 to 255.
class tokenizer {
  public:
    struct token {
        std::string text;
        float score = 0;
    };

    static constexpr std::int32_t begin = 1;
    static constexpr std::int32_t end = 2;

    /// Reads a file of any number of tokens. Throws io::error if it cannot be read, is cut off,
    /// goes on behind its last token, or if a length or a score is none.
    SEQUENT_LAZY explicit tokenizer(const source& from) : name_(from.name()) {
        const std::span<const std::byte> bytes = from.bytes();
        if (bytes.size() < 4) {
            fail({"has ", bytes.size(),
                  " bytes, too few for the length of the longest token, which takes 4"});
        }
        longest_ = detail::load_bits<std::uint32_t>(bytes.data());
        for (std::size_t at = 4; at < bytes.size();) {
            const std::size_t number = tokens_.size();
            const std::size_t left = bytes.size() - at;
            if (left < 8) {
                fail(
                    {"token ", number, ": ", left, " bytes are left, its score and length take 8"});
            }
            const float score = std::bit_cast<float>(detail::load_bits<std::uint32_t>(&bytes[at]));
            const auto length = detail::load_bits<std::uint32_t>(&bytes[at + 4]);
            if (!std::isfinite(score)) fail({"token ", number, ": its score is not finite"});
            if (length > longest_) {
                fail({"token ", number, ": its length is ", length, ", the longest of the file is ",
                      longest_});
            }
            if (length > left - 8) {
                fail({"token ", number, ": its length is ", length, ", ", left - 8,
                      " bytes are left"});
            }
            const char* first = reinterpret_cast<const char*>(bytes.data()) + at + 8;
            tokens_.push_back({std::string(first, length), score});
            at += 8 + length;
        }
        if (tokens_.empty()) fail({"holds no tokens"});
        sort();
    }

    /// Of the tokens themselves, at least one.
    SEQUENT_LAZY explicit tokenizer(std::vector<token> tokens)
        : name_("tokenizer"), tokens_(std::move(tokens)) {
        if (tokens_.empty()) fail({"holds no tokens"});
        for (const token& each : tokens_) {
            longest_ = std::max(longest_, static_cast<std::uint32_t>(each.text.size()));
            if (!std::isfinite(each.score)) fail({"the score of a token is not finite"});
        }
        sort();
    }

    int size() const noexcept { return static_cast<int>(tokens_.size()); }
    /// 0 <= id < size().
    const token& operator[](std::int32_t id) const noexcept {
        return tokens_[static_cast<std::size_t>(id)];
    }

    /// The tokens of a text: `begin`, a space before the text unless it is empty, a token for each
    /// code point or, where there is none, for each of its bytes; then, until there is none, the
    /// neighbours that make the token of the highest score, the first of several, become it.
    ///
    /// Throws io::error where a byte has no token.
    SEQUENT_LAZY std::vector<std::int32_t> encode(std::string_view text) const {
        merging<> work(*this);
        if (!text.empty()) {
            work.add(" ");
            for (std::size_t at = 0; at < text.size();) {
                std::size_t length = 1;
                while (length < 4 && at + length < text.size() && continues(text[at + length]))
                    ++length;
                work.add(text.substr(at, length));
                at += length;
            }
        }
        return work.merged();
    }

    /// What `id` stands for behind `previous`: its text, behind `begin` without a leading space; of
    /// a byte the byte. Valid as long as the tokenizer. 0 <= id < size().
    std::string_view decode(std::int32_t previous, std::int32_t id) const noexcept {
        std::string_view text = (*this)[id].text;
        if (const int byte = fallback_byte(text); byte >= 0) {
            return {&all_bytes[static_cast<std::size_t>(byte)], 1};
        }
        if (previous == begin && text.starts_with(' ')) text.remove_prefix(1);
        return text;
    }

    /// Writes the file that the constructor reads.
    SEQUENT_LAZY void save(const file_path& path) const {
        file_replacement file(path);
        const auto write = [&](std::uint32_t bits) {
            std::array<std::byte, 4> bytes{};
            detail::store_bits(bits, bytes.data());
            file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        };
        write(longest_);
        for (const token& each : tokens_) {
            write(std::bit_cast<std::uint32_t>(each.score));
            write(static_cast<std::uint32_t>(each.text.size()));
            file.write(each.text.data(), each.text.size());
        }
        file.commit();
    }

  private:
    static constexpr std::int32_t none = -1;

    static constexpr auto all_bytes = [] {
        std::array<char, 256> result{};
        for (std::size_t at = 0; at < result.size(); ++at)
            result[at] = static_cast<char>(static_cast<unsigned char>(at));
        return result;
    }();

    /// Whether a byte is within a code point of UTF-8.
    static constexpr bool continues(char byte) noexcept {
        return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
    }

    SEQUENT_LAZY void sort() {
        detail::name_table names;
        for (std::size_t id = 0; id < tokens_.size(); ++id) names.add(tokens_[id].text, id);
        names.sort();
        // Of equal texts the first is found.
        sorted_.clear();
        for (const detail::numbered_name& each : names.entries())
            sorted_.push_back(static_cast<std::int32_t>(each.number));
        bytes_.fill(none);
        for (std::int32_t id = size(); id-- > 0;) {
            if (const int byte = fallback_byte(text_of(id)); byte >= 0)
                bytes_[static_cast<std::size_t>(byte)] = id;
        }
    }

    std::string_view text_of(std::int32_t id) const noexcept { return (*this)[id].text; }

    /// The token of a text, or none.
    std::int32_t find(std::string_view text) const noexcept {
        std::size_t first = 0, last = sorted_.size();
        while (first < last) {
            const std::size_t middle = first + (last - first) / 2;
            if (text_of(sorted_[middle]).compare(text) < 0) {
                first = middle + 1;
            } else {
                last = middle;
            }
        }
        return first < sorted_.size() && text_of(sorted_[first]).compare(text) == 0 ? sorted_[first]
                                                                                    : none;
    }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({name_, ": ", joined_text(what)});
    }

    /// A text on its way from code points to the tokens that they merge to.
    SEQUENT_LAZY class merging {
      public:
        explicit merging(const tokenizer& of) : of_(of) {}

        /// A code point.
        void add(std::string_view text) {
            if (const std::int32_t id = of_.find(text); id != none) {
                append(id);
                return;
            }
            for (const char byte : text) {
                const auto code = static_cast<unsigned char>(byte);
                if (of_.bytes_[code] == none) {
                    of_.fail({"none of its ", of_.size(), " tokens is the byte ",
                              static_cast<unsigned>(code), " of the text"});
                }
                append(of_.bytes_[code]);
            }
        }

        std::vector<std::int32_t> merged() {
            for (std::size_t left = 0; left + 1 < pieces_.size(); ++left) propose(left);
            while (!candidates_.empty()) {
                const candidate best = candidates_.front();
                std::pop_heap(candidates_.begin(), candidates_.end());
                candidates_.pop_back();
                piece& left = pieces_[best.left];
                // Either side may have become part of something else.
                if (left.id != best.left_id || left.next != best.right ||
                    pieces_[best.right].id != best.right_id) {
                    continue;
                }
                piece& right = pieces_[best.right];
                left.id = best.id;
                left.next = right.next;
                right.id = none;
                if (left.next < pieces_.size()) {
                    pieces_[left.next].previous = best.left;
                    propose(best.left);
                }
                if (best.left > 0) propose(left.previous);
            }
            std::vector<std::int32_t> result{begin};
            for (const piece& each : pieces_) {
                if (each.id != none) result.push_back(each.id);
            }
            return result;
        }

      private:
        struct piece {
            std::int32_t id;  // none behind a merge, for the right one of the two
            std::size_t previous;
            std::size_t next;
        };
        struct candidate {
            float score;
            std::size_t left;
            std::size_t right;
            std::int32_t left_id;
            std::int32_t right_id;
            std::int32_t id;

            /// Whether it comes later.
            bool operator<(const candidate& other) const noexcept {
                return score != other.score ? score < other.score : left > other.left;
            }
        };

        void append(std::int32_t id) {
            pieces_.push_back({id, pieces_.size() - 1, pieces_.size() + 1});
        }

        void propose(std::size_t left) {
            const std::size_t right = pieces_[left].next;
            const std::int32_t left_id = pieces_[left].id, right_id = pieces_[right].id;
            const std::string_view first = of_.text_of(left_id), second = of_.text_of(right_id);
            if (first.size() + second.size() > of_.longest_) return;
            joined_.assign(first).append(second);
            const std::int32_t id = of_.find(joined_);
            // The least score at which llama2.c merges.
            if (id == none || !(of_[id].score > -1e10F)) return;
            candidates_.push_back({of_[id].score, left, right, left_id, right_id, id});
            std::push_heap(candidates_.begin(), candidates_.end());
        }

        const tokenizer& of_;
        std::vector<piece> pieces_;
        std::vector<candidate> candidates_;  // a heap
        std::string joined_;
    };

    std::string name_;
    std::uint32_t longest_ = 0;
    std::vector<token> tokens_;
    std::vector<std::int32_t> sorted_;       // by their texts
    std::array<std::int32_t, 256> bytes_{};  // the token of each, or none
};

}  // namespace sequent::inline SEQUENT_ABI::io
