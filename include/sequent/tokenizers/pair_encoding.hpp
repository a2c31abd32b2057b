#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "unicode.hpp"
#include "vocabulary.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// Byte pair encoding (BPE): a word is split into its bytes or code points; then the adjacent pair
/// with the merge of least rank, the first of several, is merged until no pair has a merge.
SEQUENT_LAZY class pair_encoding {
  public:
    /// Temporary memory for a word.
    struct workspace {
        struct symbol {
            std::uint32_t id;
            std::uint32_t end;  // end in bytes of the word
            std::uint32_t previous;
            std::uint32_t next;  // `none` for the last symbol; its own index if it was merged
        };
        struct candidate {
            std::uint32_t rank;
            std::uint32_t at;
            std::uint32_t id;
            /// Returns true if this candidate is merged later than the other.
            bool operator<(const candidate& other) const noexcept {
                return rank != other.rank ? rank > other.rank : at > other.at;
            }
        };
        std::vector<symbol> symbols;
        std::vector<candidate> heap;
    };

    bool by_bytes = false;       // words are split into bytes, else into code points
    bool whole_words = false;    // words that are tokens are not merged from parts
    bool joins_unknown = false;  // adjacent unknown parts are one token
    std::uint32_t unknown = none;
    text_list<> starts;                    // the code points that are tokens
    std::vector<std::uint32_t> start_ids;  // ids of `starts`
    text_list<> last_starts;               // code points at the end of a word, if different
    std::vector<std::uint32_t> last_ids;
    std::array<std::uint32_t, 256> bytes{};       // the token of each byte, or none
    std::array<std::uint32_t, 256> last_bytes{};  // the token of each byte that ends a word
    pair_table<> merges;                          // pair of tokens: rank, then the merged token
    text_list<> words;                            // texts of the tokens, for `whole_words`
    std::vector<std::uint32_t> word_ids;

    /// Appends the tokens of `word`. Returns false if a byte or code point has no token and there
    /// is no unknown token.
    bool append(std::string_view word, std::vector<word_token>& result, workspace& work) const {
        if (whole_words) {
            if (const std::uint32_t found = words.find(word); found != none) {
                result.push_back({word_ids[found], 0, static_cast<std::uint32_t>(word.size())});
                return true;
            }
        }
        auto& symbols = work.symbols;
        symbols.clear();
        const bool is_complete = by_bytes ? start_bytes(word, symbols) : start(word, symbols);
        if (!is_complete) return false;
        merge(work);
        std::uint32_t begin = 0;
        for (std::uint32_t at = 0; at < symbols.size(); at = symbols[at].next) {
            result.push_back({symbols[at].id, begin, symbols[at].end});
            begin = symbols[at].end;
        }
        return true;
    }

  private:
    using symbol_list = std::vector<typename workspace::symbol>;

    static void add(symbol_list& symbols, std::uint32_t id, std::size_t end) {
        const auto number = static_cast<std::uint32_t>(symbols.size());
        symbols.push_back({id, static_cast<std::uint32_t>(end), number - 1, number + 1});
    }

    /// Adds an unknown part, joined with an unknown part before it if `joins_unknown`.
    bool add_unknown(symbol_list& symbols, std::size_t end, bool behind_unknown) const {
        if (unknown == none) return false;
        if (joins_unknown && behind_unknown) {
            symbols.back().end = static_cast<std::uint32_t>(end);
        } else {
            add(symbols, unknown, end);
        }
        return true;
    }

    bool start_bytes(std::string_view word, symbol_list& symbols) const {
        bool behind_unknown = false;
        for (std::size_t at = 0; at < word.size(); ++at) {
            const auto& ids = at + 1 < word.size() ? bytes : last_bytes;
            const std::uint32_t id = ids[static_cast<unsigned char>(word[at])];
            if (id != none) {
                add(symbols, id, at + 1);
            } else if (!add_unknown(symbols, at + 1, behind_unknown)) {
                return false;
            }
            behind_unknown = id == none;
        }
        return true;
    }

    bool start(std::string_view word, symbol_list& symbols) const {
        bool behind_unknown = false;
        for (std::size_t at = 0; at < word.size();) {
            const std::size_t length = decode_utf8(word, at).length;
            const std::string_view part = word.substr(at, length);
            const bool is_last = at + length == word.size() && last_starts.size() > 0;
            const std::uint32_t found = is_last ? last_starts.find(part) : starts.find(part);
            at += length;
            if (found != none) {
                add(symbols, is_last ? last_ids[found] : start_ids[found], at);
                behind_unknown = false;
                continue;
            }
            bool has_bytes = true;
            for (const char byte : part)
                has_bytes = has_bytes && bytes[static_cast<unsigned char>(byte)] != none;
            if (has_bytes) {
                for (std::size_t byte = 0; byte < length; ++byte) {
                    add(symbols, bytes[static_cast<unsigned char>(part[byte])],
                        at - length + byte + 1);
                }
                behind_unknown = false;
            } else if (add_unknown(symbols, at, behind_unknown)) {
                behind_unknown = true;
            } else {
                return false;
            }
        }
        return true;
    }

    void merge(workspace& work) const {
        auto& symbols = work.symbols;
        auto& heap = work.heap;
        heap.clear();
        const auto count = static_cast<std::uint32_t>(symbols.size());
        for (std::uint32_t at = 0; at + 1 < count; ++at) {
            const auto found = merges.find(symbols[at].id, symbols[at + 1].id);
            if (found.first != none) heap.push_back({found.first, at, found.second});
        }
        std::make_heap(heap.begin(), heap.end());
        const auto propose = [&](std::uint32_t left, std::uint32_t right) {
            const auto found = merges.find(symbols[left].id, symbols[right].id);
            if (found.first == none) return;
            heap.push_back({found.first, left, found.second});
            std::push_heap(heap.begin(), heap.end());
        };
        while (!heap.empty()) {
            const auto best = heap.front();
            std::pop_heap(heap.begin(), heap.end());
            heap.pop_back();
            auto& left = symbols[best.at];
            const std::uint32_t right = left.next;
            // Either side may have been merged meanwhile.
            if (right == best.at || right >= count) continue;
            if (merges.find(left.id, symbols[right].id).second != best.id) continue;
            left.id = best.id;
            left.end = symbols[right].end;
            left.next = symbols[right].next;
            symbols[right].next = right;
            if (left.next < count) {
                symbols[left.next].previous = best.at;
                propose(best.at, left.next);
            }
            if (left.previous < count) propose(left.previous, best.at);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
