#pragma once

#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "value.hpp"

/// Inputs and outputs of programs: a value at each position.

namespace sequent::inline SEQUENT_ABI::rasp {

/// A sequence of values.
class sequence {
  public:
    constexpr sequence() = default;
    /// A symbol for each UTF-8 code point: "hello" has five.
    constexpr sequence(std::string_view text) {
        for (std::size_t at = 0; at < text.size();) {
            std::size_t end = at + 1;
            while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
                ++end;
            values_.push_back(value(text.substr(at, end - at)));
            at = end;
        }
    }
    /// From UTF-8 text.
    constexpr sequence(const char* text) : sequence(std::string_view(text)) {}
    /// From UTF-8 text.
    constexpr sequence(const std::string& text) : sequence(std::string_view(text)) {}
    /// From single values.
    constexpr sequence(std::initializer_list<value> values) : values_(values) {}
    /// From a container of symbols (strings), numbers or booleans.
    template <class Range>
        requires(!std::is_convertible_v<const Range&, std::string_view> &&
                 !std::is_same_v<Range, sequence> && requires(const Range& of) {
                     value(*std::begin(of));
                     std::end(of);
                 })
    constexpr sequence(const Range& values) {
        for (const auto& each : values) values_.push_back(value(each));
    }

    /// The number of positions.
    constexpr int size() const { return static_cast<int>(values_.size()); }
    /// True without positions.
    constexpr bool empty() const { return values_.empty(); }
    /// The value at a position.
    constexpr const value& operator[](int at) const {
        return values_[static_cast<std::size_t>(at)];
    }
    /// The value at a position.
    constexpr value& operator[](int at) { return values_[static_cast<std::size_t>(at)]; }
    /// The first value.
    constexpr auto begin() const { return values_.begin(); }
    /// Beyond the last value.
    constexpr auto end() const { return values_.end(); }
    /// Appends a value.
    constexpr void push_back(const value& last) { values_.push_back(last); }

    /// The sequence as text: values of one character in sequence, as olleh or TFT; other values as
    /// a list, as [1, 2, 1/2].
    std::string text() const {
        bool letters = true;
        for (const value& each : values_)
            letters = letters && each.kind() != type::integer && each.kind() != type::real &&
                      sequence(each.text()).size() == 1;
        std::string result;
        for (const value& each : values_) {
            if (!letters) result += result.empty() ? "[" : ", ";
            result += each.text();
        }
        return letters ? result : result + "]";
    }

    /// Equality of length and values.
    friend constexpr bool operator==(const sequence& left, const sequence& right) {
        return left.values_ == right.values_;
    }

  private:
    std::vector<value> values_;
};

}  // namespace sequent::inline SEQUENT_ABI::rasp
