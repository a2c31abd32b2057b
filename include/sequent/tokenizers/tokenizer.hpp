#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../fail.hpp"
#include "../io/utf8.hpp"
#include "../joined_text.hpp"
#include "added_tokens.hpp"
#include "aligned_text.hpp"
#include "decoder.hpp"
#include "normalizer.hpp"
#include "pair_encoding.hpp"
#include "pre_tokenizer.hpp"
#include "unigram.hpp"
#include "vocabulary.hpp"
#include "word_piece.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

/// How texts with too many tokens are truncated.
struct truncation {
    /// Which text of a pair is cut: the longer one (both to halves if both are longer than half),
    /// or always the first or the second.
    enum class strategy : std::uint8_t { longest_first, only_first, only_second };
    /// Largest number of tokens, including special tokens.
    std::size_t max_length = std::numeric_limits<std::size_t>::max();
    strategy of = strategy::longest_first;  ///< which text of a pair is cut
    bool left = false;                      ///< cut the beginning of the text instead of the end
};

/// Options of tokenizer::encode.
struct encode_options {
    bool special_tokens = true;  ///< add the special tokens that begin, separate and end texts
    bool parse_special = true;   ///< special tokens written in the text become those tokens
    bool offsets = false;        ///< fill `encoding::offsets`
    /// Largest number of tokens, including special tokens; the file's if not given.
    std::optional<std::size_t> max_length = std::nullopt;
};

/// The tokens of a text or of a pair of texts.
struct encoding {
    std::vector<std::int32_t> ids;       ///< ids of the tokens
    std::vector<std::int32_t> segments;  ///< segment of each token: 0, or the second text's
    /// Range of bytes of each token in its text, {0, 0} for added tokens; empty if not requested.
    std::vector<text_range> offsets;
};

namespace detail {

enum class model_kind : std::uint8_t { word_piece, pair_encoding, unigram };

/// An item of the template of a model's input: a token, or the tokens of the first or second text.
struct template_item {
    enum class kind : std::uint8_t { token, first, second };
    kind is = kind::first;
    std::int32_t id = 0;
    std::int32_t segment = 0;
};

/// The data of a tokenizer, filled in by the readers of files.
struct parts {
    std::string name;  // name of the file, for messages
    text_list<> tokens;
    std::vector<bool> is_token;  // false for ids without a token, whose text is empty
    std::vector<added_token> added;
    detail::normalizer<> normalizer;
    detail::pre_tokenizer<> pre_tokenizer;
    model_kind model = model_kind::pair_encoding;
    detail::word_piece<> word_piece;
    detail::pair_encoding<> pair_encoding;
    detail::unigram<> unigram;
    std::vector<template_item> single{{}};
    std::vector<template_item> pair{{}, {template_item::kind::second, 0, 1}};
    bool trims_offsets = false;  // offsets exclude blanks at the ends of a token
    bool adds_blank = false;     // a blank that was added before the text is not excluded
    std::vector<decoder_step> decoder;
    bool finds_written = false;  // added tokens are matched without normalizing their own text
    tokenizers::truncation truncation;
    // Set by the constructor of tokenizer:
    added_token_finder<> raw_finder;
    added_token_finder<> finder;
    std::vector<bool> special, is_added;
    std::size_t single_tokens = 0;  // how many items of `single` are tokens
};

}  // namespace detail

/// Converts text to the tokens of a trained model and back. `from_json` and the other readers of
/// files create it. Copies share their data. All member functions are thread-safe.
class tokenizer {
  public:
    /// Memory for encoding, with a cache of words: reusing it for many texts saves most of the
    /// time. Each thread needs its own. It works with any tokenizer, but changing the tokenizer
    /// clears the cache.
    class workspace {
        friend tokenizer;
        const void* owner_ = nullptr;
        std::shared_ptr<const void> kept_;
        detail::word_cache<> cache_;
        detail::aligned_text text_, other_, part_;
        std::vector<detail::text_piece> pieces_, spare_;
        std::vector<detail::text_part_of> raw_parts_, normal_parts_;
        detail::pair_encoding<>::workspace pairs_;
        detail::unigram<>::workspace lattice_;
    };

    /// Takes over the parts that a reader has filled in.
    SEQUENT_LAZY explicit tokenizer(detail::parts&& from) {
        from.special.resize(from.tokens.size());
        from.is_added.resize(from.tokens.size());
        for (const added_token& each : from.added) {
            const auto id = static_cast<std::size_t>(each.id);
            from.special[id] = from.special[id] || each.special;
            from.is_added[id] = true;
            if (each.normalized) {
                from.finder.add(from.finds_written ? each.text : from.normalizer.applied(each.text),
                                each);
            } else {
                from.raw_finder.add(each.text, each);
            }
        }
        for (const auto& item : from.single)
            from.single_tokens += item.is == detail::template_item::kind::token ? 1U : 0U;
        from.raw_finder.prepare();
        from.finder.prepare();
        parts_ = std::make_shared<const detail::parts>(std::move(from));
    }

    /// The size of the vocabulary: 0 <= id < size(). Some ids may have no token.
    std::int32_t size() const noexcept { return static_cast<std::int32_t>(parts_->tokens.size()); }

    /// The text of a token as the file has it; empty for an id without a token. Requires
    /// 0 <= id < size(). Valid as long as the tokenizer or a copy of it.
    std::string_view operator[](std::int32_t id) const noexcept {
        return parts_->tokens[static_cast<std::uint32_t>(id)];
    }

    /// The id of the token with this text, such as "[CLS]"; nullopt if there is none.
    SEQUENT_LAZY std::optional<std::int32_t> find(std::string_view text) const {
        const std::uint32_t id = parts_->tokens.find(text);
        if (id == detail::none || !parts_->is_token[id]) return std::nullopt;
        return static_cast<std::int32_t>(id);
    }

    /// Returns true if a token is special, such as "<s>". Requires 0 <= id < size().
    bool is_special(std::int32_t id) const noexcept {
        return parts_->special[static_cast<std::size_t>(id)];
    }

    /// Encodes a text of UTF-8 of less than 1 GiB. Throws argument_error if it is longer or not
    /// UTF-8, if the vocabulary cannot represent it and has no unknown token, or if it cannot be
    /// truncated to max_length.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view text, const encode_options& options,
                                               workspace& work) const {
        return encoded(text, nullptr, options, work);
    }
    /// As above, with a temporary workspace.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view text,
                                               const encode_options& options = {}) const {
        workspace work;
        return encoded(text, nullptr, options, work);
    }
    /// Encodes a pair of texts, such as a question and a passage, as one input with two segments.
    /// Throws as above.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view first, std::string_view second,
                                               const encode_options& options,
                                               workspace& work) const {
        return encoded(first, &second, options, work);
    }
    /// As above, with a temporary workspace.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view first, std::string_view second,
                                               const encode_options& options = {}) const {
        workspace work;
        return encoded(first, &second, options, work);
    }

    /// Decodes tokens to text, without special tokens if `skip_special`. Bytes that are not UTF-8
    /// become U+FFFD. Throws argument_error unless 0 <= id < size() for all ids.
    SEQUENT_LAZY [[nodiscard]] std::string decode(std::span<const std::int32_t> ids,
                                                  bool skip_special = true) const {
        std::string text;
        detail::decoding<> state(parts_->decoder, false);
        for (const std::int32_t id : ids) {
            if (const auto token = token_of(*parts_, id, skip_special)) state.push(*token, text);
        }
        state.finish(text);
        return text;
    }

    /// Decodes tokens one at a time: `push` returns only completed text, so that a character whose
    /// bytes belong to several tokens appears as a whole.
    class stream {
      public:
        /// Begins a text. The stream shares the tokenizer's data.
        SEQUENT_LAZY explicit stream(const tokenizer& of, bool skip_special = true)
            : parts_(of.parts_), skip_special_(skip_special), state_(parts_->decoder, true) {}

        /// Adds a token and returns the text that it completes, valid until the next call. Throws
        /// argument_error unless 0 <= id < size().
        SEQUENT_LAZY std::string_view push(std::int32_t id) {
            text_.clear();
            if (const auto token = token_of(*parts_, id, skip_special_)) state_.push(*token, text_);
            return text_;
        }
        /// Returns the remaining text, with U+FFFD for incomplete characters; valid until the next
        /// call.
        SEQUENT_LAZY std::string_view finish() {
            text_.clear();
            state_.finish(text_);
            return text_;
        }

      private:
        std::shared_ptr<const detail::parts> parts_;
        bool skip_special_;
        detail::decoding<> state_;
        std::string text_;
    };

  private:
    SEQUENT_LAZY static std::optional<std::string_view> token_of(const detail::parts& of,
                                                                 std::int32_t id,
                                                                 bool skip_special) {
        const auto number = static_cast<std::uint32_t>(id);
        if (id < 0 || number >= of.tokens.size()) {
            fail_with<argument_error>(
                {of.name, ": token ", id, " is not within its ", of.tokens.size(), " tokens"});
        }
        if (!of.is_token[number] || (skip_special && of.special[number])) return std::nullopt;
        return of.tokens[number];
    }

    SEQUENT_LAZY encoding encoded(std::string_view first, const std::string_view* second,
                                  const encode_options& options, workspace& work) const {
        if (work.owner_ != parts_.get()) {
            work.cache_.clear();
            work.owner_ = parts_.get();
            work.kept_ = parts_;  // keeps the address of `owner_` from being reused
        }
        encoding one = tokens_of(first, options, work), two;
        if (second != nullptr) two = tokens_of(*second, options, work);
        const auto& items = second != nullptr ? parts_->pair : parts_->single;
        using kind = detail::template_item::kind;
        std::size_t added = 0;
        for (const auto& item : items)
            added += options.special_tokens && item.is == kind::token ? 1 : 0;
        truncate(one, second != nullptr ? &two : nullptr, added, options);
        if (second == nullptr && items.size() - parts_->single_tokens == 1) {
            surround(one, added, options.offsets);
            return one;
        }
        encoding result;
        result.ids.reserve(one.ids.size() + two.ids.size() + added);
        result.segments.reserve(result.ids.capacity());
        for (const auto& item : items) {
            if (item.is == kind::token) {
                if (!options.special_tokens) continue;
                result.ids.push_back(item.id);
                if (options.offsets) result.offsets.push_back({});
            } else {
                const encoding& from = item.is == kind::first ? one : two;
                result.ids.insert(result.ids.end(), from.ids.begin(), from.ids.end());
                result.offsets.insert(result.offsets.end(), from.offsets.begin(),
                                      from.offsets.end());
            }
            result.segments.resize(result.ids.size(), item.segment);
        }
        return result;
    }

    /// Adds special tokens around the tokens of a template's only text, if `added` is not 0.
    SEQUENT_LAZY void surround(encoding& one, std::size_t added, bool offsets) const {
        const auto& items = parts_->single;
        auto text = items.begin();
        while (text->is == detail::template_item::kind::token) ++text;
        const auto put = [&](auto& list, auto of) {
            auto place = list.begin();
            for (auto item = items.begin(); item != text; ++item)
                place = list.insert(place, of(*item)) + 1;
            for (auto item = text + 1; item != items.end(); ++item) list.push_back(of(*item));
        };
        one.segments.reserve(one.ids.size() + added);
        one.segments.assign(one.ids.size(), text->segment);
        if (added == 0) return;
        put(one.ids, [](const auto& item) { return item.id; });
        put(one.segments, [](const auto& item) { return item.segment; });
        if (offsets) put(one.offsets, [](const auto&) { return text_range{}; });
    }

    SEQUENT_LAZY void truncate(encoding& one, encoding* two, std::size_t added,
                               const encode_options& options) const {
        using strategy = truncation::strategy;
        const truncation& rule = parts_->truncation;
        const std::size_t wanted = options.max_length.value_or(rule.max_length);
        const std::size_t first = one.ids.size(), second = two != nullptr ? two->ids.size() : 0;
        if (first + second + added <= wanted) return;
        if (wanted < added) {
            fail_with<argument_error>(
                {parts_->name, ": the special tokens are ", added, ", max_length is ", wanted});
        }
        const std::size_t most = wanted - added;
        std::size_t n1 = first, n2 = second;
        if (two == nullptr && rule.of != strategy::only_second) {
            n1 = most;
        } else if (rule.of == strategy::longest_first) {
            // Cut the longer text; cut both to halves if both are longer than half.
            const bool swaps = n1 > n2;
            if (swaps) std::swap(n1, n2);
            n2 = n1 > most ? n1 : std::max(n1, most - n1);
            if (n1 + n2 > most) {
                n1 = most / 2;
                n2 = n1 + most % 2;
            }
            if (swaps) std::swap(n1, n2);
        } else {
            std::size_t& cut = rule.of == strategy::only_first ? n1 : n2;
            const std::size_t surplus = first + second - most;
            if (cut <= surplus) {
                fail_with<argument_error>({parts_->name, ": the text to cut has ", cut, " tokens, ",
                                           surplus, " too many for max_length ", wanted});
            }
            cut -= surplus;
        }
        const auto cut = [&](encoding& of, std::size_t count) {
            const auto drop = [&](auto& list) {
                if (list.size() <= count) return;
                if (rule.left) {
                    list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(count));
                } else {
                    list.resize(count);
                }
            };
            drop(of.ids);
            drop(of.offsets);
        };
        cut(one, n1);
        if (two != nullptr) cut(*two, n2);
    }

    SEQUENT_LAZY encoding tokens_of(std::string_view text, const encode_options& options,
                                    workspace& work) const {
        if (text.size() >= 0x40000000)
            fail_with<argument_error>({"sequent: a text of ", text.size(), " bytes is too long"});
        if (!io::is_utf8(text)) fail<argument_error>("sequent: the text is not UTF-8");
        encoding result;
        result.ids.reserve(text.size() / 3 + 8);
        const detail::parts& of = *parts_;
        work.raw_parts_.clear();
        of.raw_finder.split(text, options.parse_special, work.raw_parts_);
        for (const auto& raw : work.raw_parts_) {
            if (raw.id != detail::none) {
                add(raw.id, {raw.begin, raw.end}, options, result);
                continue;
            }
            work.text_.assign(text.substr(raw.begin, raw.end - raw.begin), raw.begin,
                              options.offsets);
            of.normalizer.apply(work.text_, work.other_, raw.begin == 0);
            work.normal_parts_.clear();
            of.finder.split(work.text_.text, options.parse_special, work.normal_parts_);
            for (const auto& each : work.normal_parts_) {
                if (each.id != detail::none) {
                    add(each.id, original(work.text_, each.begin, each.end), options, result);
                } else if (work.normal_parts_.size() == 1) {
                    add_words(work.text_, raw.begin == 0, options, work, result);
                } else {
                    work.part_.clear(options.offsets);
                    work.part_.copy(work.text_, each.begin, each.end);
                    add_words(work.part_, raw.begin == 0 && each.begin == 0, options, work, result);
                }
            }
        }
        if (options.offsets && of.trims_offsets) trim(result, text);
        return result;
    }

    static text_range original(const detail::aligned_text& text, std::size_t begin,
                               std::size_t end) noexcept {
        if (!text.is_tracked) return {};
        return {text.ranges[begin].begin, text.ranges[end - 1].end};
    }

    static void add(std::uint32_t id, text_range range, const encode_options& options,
                    encoding& result) {
        result.ids.push_back(static_cast<std::int32_t>(id));
        if (options.offsets) result.offsets.push_back(range);
    }

    SEQUENT_LAZY void add_words(detail::aligned_text& text, bool is_first,
                                const encode_options& options, workspace& work,
                                encoding& result) const {
        parts_->pre_tokenizer.apply(text, work.pieces_, is_first, work.other_, work.spare_);
        const std::string_view all = text.text;
        for (const auto& piece : work.pieces_) {
            const auto tokens = work.cache_.find(
                all.substr(piece.begin, piece.end - piece.begin),
                [&](std::string_view word, auto& list) { add_word(word, list, work); });
            for (const auto& each : tokens) {
                add(each.id, original(text, piece.begin + each.begin, piece.begin + each.end),
                    options, result);
            }
        }
    }

    SEQUENT_LAZY void add_word(std::string_view word, std::vector<detail::word_token>& list,
                               workspace& work) const {
        bool is_known = true;
        switch (parts_->model) {
            case detail::model_kind::word_piece:
                parts_->word_piece.append(word, list);
                break;
            case detail::model_kind::pair_encoding:
                is_known = parts_->pair_encoding.append(word, list, work.pairs_);
                break;
            case detail::model_kind::unigram:
                is_known = parts_->unigram.append(word, list, work.lattice_);
                break;
        }
        if (!is_known) {
            fail_with<argument_error>({parts_->name, ": no tokens for \"",
                                       word.size() > 100 ? std::string_view("a long word") : word,
                                       "\", and none for what is unknown"});
        }
    }

    /// Removes leading and trailing blanks of the tokens' texts from their offsets, one code point
    /// each.
    SEQUENT_LAZY void trim(encoding& result, std::string_view all) const {
        for (std::size_t at = 0; at < result.ids.size(); ++at) {
            text_range& range = result.offsets[at];
            const std::int32_t id = result.ids[at];
            // Added tokens may include white space of the text; in words, blanks are encoded as
            // letters.
            const bool is_added = parts_->is_added[static_cast<std::size_t>(id)];
            const std::string_view text =
                is_added ? all.substr(range.begin, range.end - range.begin) : (*this)[id];
            const auto is_blank = [&](std::uint32_t code) {
                return code == detail::letter_of_byte(' ') || detail::is_white_space(code);
            };
            std::size_t leading = 0, trailing = 0;
            for (std::size_t place = 0; place < text.size(); ++leading) {
                const auto each = detail::decode_utf8(text, place);
                if (!is_blank(each.code)) break;
                place += each.length;
            }
            for (std::size_t place = text.size(); place > 0; ++trailing) {
                place -= detail::length_before(text, 0, place);
                if (!is_blank(detail::decode_utf8(text, place).code)) break;
            }
            // A single blank is the one that was added; several stood in the text.
            if (leading == 1 && parts_->adds_blank && (at == 0 || range.begin == 0)) leading = 0;
            for (; leading > 0 && range.begin < range.end; --leading)
                range.begin += detail::decode_utf8(all, range.begin).length;
            for (; trailing > 0 && range.begin < range.end; --trailing) {
                range.end -=
                    static_cast<std::uint32_t>(detail::length_before(all, range.begin, range.end));
            }
        }
    }

    std::shared_ptr<const detail::parts> parts_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
