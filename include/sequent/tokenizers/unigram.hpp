#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "unicode.hpp"
#include "vocabulary.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A unigram language model: finds the tokens with the greatest sum of scores (log probabilities).
/// A code point without a token scores 10 less than the least score. Adjacent unknown code points
/// become one unknown token, or the tokens of their bytes if the vocabulary has them.
SEQUENT_LAZY class unigram {
  public:
    struct workspace {
        struct node {
            double score = 0;
            std::uint32_t begin = none;
            std::uint32_t id = none;
        };
        std::vector<node> nodes;
    };

    std::uint32_t unknown = none;
    std::array<std::uint32_t, 256> bytes{};  // the token of each byte, or none
    bool has_bytes = false;
    bool adds_floats = false;  // sums are rounded to float, as SentencePiece does

    /// Adds a token. `is_least`: its score counts for the least score, which determines that of
    /// unknown code points.
    void add(std::string_view text, std::uint32_t id, double score, bool is_least = true) {
        if (is_least) least_ = std::min(least_, score);
        if (scores_.size() <= id) scores_.resize(id + 1);
        scores_[id] = score;
        if (text.empty()) return;
        std::uint32_t node = 0;
        for (const char& each : text) {
            const auto byte = static_cast<unsigned char>(each);
            auto next = trie_.find(node, byte);
            if (next.first == none) {
                next = {node_count_++, none};
                trie_.set(node, byte, next);
            }
            if (&each == &text.back()) trie_.set(node, byte, {next.first, id});
            node = next.first;
        }
    }

    /// Appends the tokens of `word`. Returns false if a code point has no token and there is no
    /// unknown token.
    bool append(std::string_view word, std::vector<word_token>& result, workspace& work) const {
        auto& nodes = work.nodes;
        nodes.assign(word.size() + 1, {});
        const auto reach = [&](std::size_t end, std::size_t begin, double sum, std::uint32_t id) {
            const double score = adds_floats ? double{static_cast<float>(sum)} : sum;
            if (nodes[end].begin == none || score > nodes[end].score)
                nodes[end] = {score, static_cast<std::uint32_t>(begin), id};
        };
        for (std::size_t begin = 0; begin < word.size();) {
            const std::size_t length = decode_utf8(word, begin).length;
            const double score = nodes[begin].score;
            bool is_known = false;
            std::uint32_t node = 0;
            for (std::size_t at = begin; at < word.size(); ++at) {
                const auto next = trie_.find(node, static_cast<unsigned char>(word[at]));
                if (next.first == none) break;
                node = next.first;
                if (next.second == none) continue;
                reach(at + 1, begin, score + scores_[next.second], next.second);
                is_known = is_known || at + 1 == begin + length;
            }
            if (!is_known) {
                if (unknown == none) return false;
                reach(begin + length, begin, score + (least_ - 10), unknown);
            }
            begin += length;
        }
        const auto first = static_cast<std::ptrdiff_t>(result.size());
        for (auto end = static_cast<std::uint32_t>(word.size()); end > 0;) {
            const std::uint32_t id = nodes[end].id;
            std::uint32_t begin = nodes[end].begin;
            while (id == unknown && begin > 0 && nodes[begin].id == unknown)
                begin = nodes[begin].begin;
            if (id == unknown && has_bytes) {
                for (std::uint32_t at = end; at-- > begin;)
                    result.push_back({bytes[static_cast<unsigned char>(word[at])], begin, end});
            } else {
                result.push_back({id, begin, end});
            }
            end = begin;
        }
        std::reverse(result.begin() + first, result.end());
        return true;
    }

  private:
    pair_table<> trie_;  // a node and a byte: the next node, then the token that ends here or none
    std::uint32_t node_count_ = 1;
    std::vector<double> scores_;
    double least_ = std::numeric_limits<double>::max();
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
