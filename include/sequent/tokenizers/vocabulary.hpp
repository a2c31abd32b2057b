#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"

/// Hash tables with open addressing, for texts, pairs of numbers and words.

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

inline constexpr std::uint32_t none = 0xFFFFFFFF;

constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
    value *= 0x9E3779B97F4A7C15;
    return value ^ value >> 32;
}

/// A hash of bytes.
inline std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = text.size();
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t word = 0;
    for (; left >= 8; left -= 8, at += 8) {
        std::memcpy(&word, at, 8);
        hash = mixed(hash ^ word);
    }
    if (left > 0) {
        word = 0;
        for (std::size_t byte = 0; byte < left; ++byte)
            word = word << 8 | static_cast<unsigned char>(at[byte]);
        hash = mixed(hash ^ word);
    }
    return mixed(hash);
}

/// A list of texts with the indices 0, 1, 2, ..., and lookup by text.
SEQUENT_LAZY class text_list {
  public:
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(ends_.size()); }
    std::string_view operator[](std::uint32_t number) const noexcept {
        const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
        return std::string_view(bytes_).substr(begin, ends_[number] - begin);
    }

    void add(std::string_view text) {
        bytes_.append(text);
        ends_.push_back(bytes_.size());
        if (4 * ends_.size() > 3 * slots_.size()) {
            slots_.assign(std::bit_ceil(2 * ends_.size() + 8), none);
            for (std::uint32_t number = 0; number < size(); ++number) place(number);
        } else {
            place(size() - 1);
        }
    }

    /// The first index of a text, or `none`.
    std::uint32_t find(std::string_view text) const noexcept {
        if (slots_.empty()) return none;
        for (std::size_t slot = hash_of(text) & mask();; slot = (slot + 1) & mask()) {
            const std::uint32_t number = slots_[slot];
            if (number == none || (*this)[number] == text) return number;
        }
    }

  private:
    std::size_t mask() const noexcept { return slots_.size() - 1; }

    void place(std::uint32_t number) {
        std::size_t slot = hash_of((*this)[number]) & mask();
        for (; slots_[slot] != none; slot = (slot + 1) & mask()) {
            if ((*this)[slots_[slot]] == (*this)[number]) return;
        }
        slots_[slot] = number;
    }

    std::string bytes_;
    std::vector<std::size_t> ends_;
    std::vector<std::uint32_t> slots_;
};

/// A map from pairs of numbers to pairs of numbers.
SEQUENT_LAZY class pair_table {
  public:
    struct value {
        std::uint32_t first = none;
        std::uint32_t second = none;
    };

    std::size_t size() const noexcept { return size_; }

    /// The value of a pair; its `first` is `none` if there is no such pair.
    value find(std::uint32_t one, std::uint32_t two) const noexcept {
        if (slots_.empty()) return {};
        const std::uint64_t key = std::uint64_t{one} << 32 | two;
        for (std::size_t slot = mixed(key) & mask();; slot = (slot + 1) & mask()) {
            const auto& each = slots_[slot];
            if (each.of.first == none || each.key == key) return each.of;
        }
    }

    /// Sets the value of a pair; `of.first` must not be `none`.
    void set(std::uint32_t one, std::uint32_t two, value of) {
        if (4 * (size_ + 1) > 3 * slots_.size()) {
            std::vector<entry> before(std::bit_ceil(2 * size_ + 16));
            before.swap(slots_);
            for (const auto& each : before) {
                if (each.of.first != none) slots_[slot_of(each.key)] = each;
            }
        }
        const std::uint64_t key = std::uint64_t{one} << 32 | two;
        auto& found = slots_[slot_of(key)];
        if (found.of.first == none) ++size_;
        found = {key, of};
    }

  private:
    struct entry {
        std::uint64_t key = 0;
        value of;
    };

    std::size_t mask() const noexcept { return slots_.size() - 1; }
    std::size_t slot_of(std::uint64_t key) const noexcept {
        std::size_t slot = mixed(key) & mask();
        while (slots_[slot].of.first != none && slots_[slot].key != key) slot = (slot + 1) & mask();
        return slot;
    }

    std::vector<entry> slots_;
    std::size_t size_ = 0;
};

/// A token of a word: its id, and its bytes [begin, end) in the word.
struct word_token {
    std::uint32_t id = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

/// A key of a text: unique among texts of the same length up to 16 bytes; a hash for longer texts.
struct text_key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    static constexpr std::size_t longest = 16;

    explicit text_key(std::string_view text) noexcept {
        const char* const begin = text.data();
        const std::size_t size = text.size();
        const auto load = [&](auto& to, std::size_t at) {
            std::memcpy(&to, begin + at, sizeof to);
        };
        if (size > longest) {
            low = hash_of(text);
        } else if (size >= 8) {
            load(low, 0);
            load(high, size - 8);
        } else if (size >= 4) {
            std::uint32_t first = 0, last = 0;
            load(first, 0);
            load(last, size - 4);
            low = first;
            high = last;
        } else if (size > 0) {
            const auto byte = [&](std::size_t at) {
                return std::uint64_t{static_cast<unsigned char>(begin[at])};
            };
            low = byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
        }
    }
    std::uint64_t hash(std::size_t size) const noexcept { return mixed(mixed(low ^ size) ^ high); }
    bool operator==(const text_key&) const = default;
};

/// A cache of the tokens of words. It is cleared when it reaches 64 MB.
SEQUENT_LAZY class word_cache {
  public:
    static constexpr std::size_t longest = 128;

    /// The tokens of `word`, valid until the next call. For a new word, f(word, list) appends them.
    template <class F>
    std::span<const word_token> find(std::string_view word, F&& f) {
        const auto length = static_cast<std::uint32_t>(word.size());
        if (length > longest) {
            list_.clear();
            f(word, list_);
            return list_;
        }
        if (2 * (count_ + 1) > slots_.size()) grow();
        const text_key key(word);
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = key.hash(length) & mask;
        for (; slots_[at].length != 0; at = (at + 1) & mask) {
            const slot& each = slots_[at];
            if (each.length != length || each.key != key) continue;
            if (length > text_key::longest &&
                std::memcmp(bytes_.data() + each.text, word.data(), length) != 0)
                continue;
            if (each.count != 1) return {tokens_.data() + each.first, each.count};
            single_ = {each.first, 0, length};
            return {&single_, 1};
        }
        list_.clear();
        f(word, list_);
        slot& made = slots_[at];
        made.key = key;
        made.length = static_cast<std::uint16_t>(length);
        made.count = static_cast<std::uint16_t>(list_.size());
        made.text = static_cast<std::uint32_t>(bytes_.size());
        if (length > text_key::longest) bytes_.append(word);
        // A single token covers the whole word.
        made.first = list_.size() == 1 ? list_[0].id : static_cast<std::uint32_t>(tokens_.size());
        if (list_.size() != 1) tokens_.insert(tokens_.end(), list_.begin(), list_.end());
        ++count_;
        return list_;
    }

    void clear() noexcept {
        slots_.clear();
        bytes_.clear();
        tokens_.clear();
        count_ = 0;
    }

  private:
    struct slot {
        text_key key{{}};
        std::uint32_t text = 0;    // of a long word, in bytes_
        std::uint32_t first = 0;   // in tokens_; the token, if it is one
        std::uint16_t length = 0;  // 0: empty
        std::uint16_t count = 0;
    };

    void grow() {
        if (slots_.size() * sizeof(slot) + bytes_.size() + tokens_.size() * sizeof(word_token) >
            std::size_t{64} << 20) {
            clear();
        }
        std::vector<slot> before(slots_.empty() ? 256 : 2 * slots_.size());
        before.swap(slots_);
        for (const auto& each : before) {
            if (each.length == 0) continue;
            std::size_t at = each.key.hash(each.length) & (slots_.size() - 1);
            while (slots_[at].length != 0) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = each;
        }
    }

    std::vector<slot> slots_;
    std::string bytes_;
    std::vector<word_token> tokens_;
    std::vector<word_token> list_;
    word_token single_;
    std::size_t count_ = 0;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
