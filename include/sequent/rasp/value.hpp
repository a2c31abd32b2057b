#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "../fail.hpp"
#include "../joined_text.hpp"

/// Values of s-ops: booleans, exact numbers, symbols.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The type of an s-op's values. Integers are numbers, too.
enum class type { boolean, integer, real, symbol };

/// True for integers and other numbers.
constexpr bool is_number(type of) noexcept {
    return of == type::integer || of == type::real;
}

/// Thrown if a program has no value for an input, or if an input is no sequence of its tokens.
class evaluation_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

namespace detail {

// Not constexpr, so that the compiler names the function in its error.
inline void a_number_has_more_than_63_bits() {
    fail<evaluation_error>("sequent: a number of a RASP program needs more than 63 bits");
}
inline void a_symbol_is_longer_than_16_bytes(std::string_view text) {
    fail_with<evaluation_error>(
        {"sequent: the symbol \"", std::string(text), "\" is longer than 16 bytes"});
}

constexpr std::int64_t sum_of(std::int64_t left, std::int64_t right) {
    constexpr std::int64_t most = INT64_MAX;
    if (right > 0 ? left > most - right : left < -most - right) a_number_has_more_than_63_bits();
    return left + right;
}
constexpr std::int64_t product_of(std::int64_t left, std::int64_t right) {
    const std::int64_t one = left < 0 ? -left : left;
    const std::int64_t other = right < 0 ? -right : right;
    if (other != 0 && one > INT64_MAX / other) a_number_has_more_than_63_bits();
    return left * right;
}
constexpr std::int64_t common_divisor(std::int64_t left, std::int64_t right) {
    while (right != 0) {
        const std::int64_t rest = left % right;
        left = right;
        right = rest;
    }
    return left < 0 ? -left : left;
}

}  // namespace detail

/// The initial value of a hash; `hashed` appends a number to it.
inline constexpr std::uint64_t hash_start = 14695981039346656037ULL;
/// Appends a number to a hash.
constexpr std::uint64_t hashed(std::uint64_t hash, std::uint64_t next) noexcept {
    hash = (hash ^ next) * 0x9e3779b97f4a7c15ULL;
    return hash ^ (hash >> 32);
}

/// An exact fraction in lowest terms, with 63 bits each for numerator and denominator: means and
/// comparisons with them are exact. Operations that need more bits throw evaluation_error; in a
/// constant expression they do not compile.
struct rational {
    /// Numerator.
    std::int64_t over = 0;
    std::int64_t under = 1;  ///< positive

    constexpr rational() = default;
    /// A whole number.
    constexpr rational(std::int64_t whole) : over(whole) {}
    /// `under` is not zero.
    constexpr rational(std::int64_t above, std::int64_t below) : over(above), under(below) {
        if (under < 0) {
            over = -over;
            under = -under;
        }
        if (under != 1) {
            const std::int64_t divisor = detail::common_divisor(over, under);
            over /= divisor;
            under /= divisor;
        }
    }
    /// The fraction nearest to a number, to at most nine decimals; fewer if the number is large.
    static constexpr rational from(double value) {
        // NaN is rejected, too.
        if (!(value < 9e18 && value > -9e18)) detail::a_number_has_more_than_63_bits();
        std::int64_t below = 1;
        for (int digit = 0; digit < 9; ++digit) {
            const double scaled = value * static_cast<double>(below);
            if (scaled > 1e9 || scaled < -1e9) break;
            if (scaled == static_cast<double>(static_cast<std::int64_t>(scaled))) break;
            below *= 10;
        }
        const double scaled = value * static_cast<double>(below);
        return {static_cast<std::int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5), below};
    }

    /// True for integers.
    constexpr bool is_whole() const { return under == 1; }
    /// The nearest double.
    constexpr double as_double() const {
        return static_cast<double>(over) / static_cast<double>(under);
    }
    /// The number rounded down.
    constexpr std::int64_t floor() const { return over / under - (over % under < 0 ? 1 : 0); }
    /// The nearest integer; ties go to the even one.
    constexpr std::int64_t rounded() const {
        const std::int64_t below = floor();
        const std::int64_t rest = over - below * under;
        const bool up = rest > under - rest || (rest == under - rest && below % 2 != 0);
        return up ? below + 1 : below;
    }

    /// The negative.
    constexpr rational operator-() const { return raw(-over, under); }
    /// The exact sum.
    friend constexpr rational operator+(const rational& left, const rational& right) {
        if (left.under == right.under && left.under == 1)
            return raw(detail::sum_of(left.over, right.over), 1);
        const std::int64_t shared = detail::common_divisor(left.under, right.under);
        const std::int64_t other = right.under / shared;
        return {detail::sum_of(detail::product_of(left.over, other),
                               detail::product_of(right.over, left.under / shared)),
                detail::product_of(left.under, other)};
    }
    /// The exact difference.
    friend constexpr rational operator-(const rational& left, const rational& right) {
        return left + -right;
    }
    /// The exact product.
    friend constexpr rational operator*(const rational& left, const rational& right) {
        if (left.under == 1 && right.under == 1)
            return raw(detail::product_of(left.over, right.over), 1);
        const rational one(left.over, right.under);
        const rational other(right.over, left.under);
        return raw(detail::product_of(one.over, other.over),
                   detail::product_of(one.under, other.under));
    }
    /// `right` is not zero.
    friend constexpr rational operator/(const rational& left, const rational& right) {
        return left * rational(right.under, right.over);
    }
    /// Equality of reduced fractions.
    friend constexpr bool operator==(const rational&, const rational&) = default;
    /// The order of numbers.
    friend constexpr std::strong_ordering operator<=>(const rational& left, const rational& right) {
        if (left.under == right.under) return left.over <=> right.over;
        return detail::product_of(left.over, right.under) <=>
               detail::product_of(right.over, left.under);
    }

  private:
    static constexpr rational raw(std::int64_t over, std::int64_t under) {
        rational result;
        result.over = over;
        result.under = under;
        return result;
    }
};

/// The value of an s-op at one position. A symbol is text of up to 16 bytes; symbols are ordered
/// bytewise. A missing value has a type, too, and equals only missing ones.
class value {
  public:
    constexpr value() = default;
    /// A boolean.
    constexpr value(bool truth) : kind_(type::boolean), high_(truth ? 1 : 0) {}
    /// An integer, of at most 63 bits.
    template <std::integral Integer>
        requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>)
    constexpr value(Integer number)
        : kind_(type::integer), high_(static_cast<std::uint64_t>(number)) {
        if (std::cmp_greater(number, INT64_MAX) || std::cmp_less(number, -INT64_MAX))
            detail::a_number_has_more_than_63_bits();
    }
    /// A number, to at most nine decimals.
    constexpr value(double number) : value(rational::from(number), type::real) {}
    /// A number of this type, integer or real.
    constexpr value(const rational& number, type kind)
        : kind_(kind),
          high_(static_cast<std::uint64_t>(number.over)),
          low_(static_cast<std::uint64_t>(number.under)) {}
    /// A symbol of one byte.
    constexpr value(char letter) : value(std::string_view(&letter, 1)) {}
    /// A symbol.
    constexpr value(const char* text) : value(std::string_view(text)) {}
    /// A symbol of at most 16 bytes; longer ones throw evaluation_error.
    constexpr value(std::string_view text) : kind_(type::symbol), low_(0) {
        if (text.size() > 16) detail::a_symbol_is_longer_than_16_bytes(text);
        for (std::size_t at = 0; at < text.size(); ++at) {
            const std::uint64_t byte = static_cast<unsigned char>(text[at]);
            (at < 8 ? high_ : low_) |= byte << (56 - 8 * (at % 8));
        }
    }

    /// A missing value of a type.
    static constexpr value missing(type kind) {
        value result;
        result.kind_ = kind;
        result.high_ = 1;
        result.low_ = 0;
        return result;
    }
    /// True for a missing value.
    constexpr bool is_missing() const { return low_ == 0 && high_ == 1; }

    /// The type of the value.
    constexpr type kind() const { return kind_; }
    /// The value of a boolean.
    constexpr bool truth() const { return high_ != 0; }
    /// The value of a number.
    constexpr rational number() const {
        rational result;
        result.over = static_cast<std::int64_t>(high_);
        result.under = static_cast<std::int64_t>(low_);
        return result;
    }

    /// Byte `at` of a symbol; 0 behind its end.
    constexpr char byte(int at) const {
        return static_cast<char>((at < 8 ? high_ : low_) >> (56 - 8 * (at % 8)));
    }

    /// For hashes.
    constexpr std::uint64_t bits() const { return hashed(hashed(hash_start, high_), low_); }

    /// The value as text: T or F, 3, 1/2, a symbol's own text, none.
    std::string text() const {
        std::string result;
        write([&result](std::string_view part) { result += part; });
        return result;
    }
    /// Writes the text to `out`, which is called with one piece after another.
    template <class Out>
    constexpr void write(const Out& out) const {
        if (is_missing()) return out("none");
        if (kind_ == type::boolean) return out(truth() ? "T" : "F");
        if (kind_ == type::symbol) {
            for (int at = 0; at < 16; ++at)
                if (const char letter = byte(at)) out({&letter, 1});
            return;
        }
        const rational shown = number();
        write_integer(shown.over, out);
        if (shown.is_whole()) return;
        out("/");
        write_integer(shown.under, out);
    }

    /// Equality of values; numbers are equal whatever their types.
    friend constexpr bool operator==(const value& left, const value& right) {
        if (left.kind_ != right.kind_ && !(is_number(left.kind_) && is_number(right.kind_)))
            return false;
        return left.high_ == right.high_ && left.low_ == right.low_;
    }
    /// Orders two values of one type.
    friend constexpr bool operator<(const value& left, const value& right) {
        if (is_number(left.kind_)) return left.number() < right.number();
        return left.high_ < right.high_ || (left.high_ == right.high_ && left.low_ < right.low_);
    }

  private:
    type kind_ = type::integer;
    // Numerator and denominator, or the bytes of a symbol, the first one most significant. 1 and 0:
    // missing; neither a fraction nor a symbol without zero bytes is that.
    std::uint64_t high_ = 0;
    std::uint64_t low_ = 1;

    template <class Out>
    static constexpr void write_integer(std::int64_t rest, const Out& out) {
        char digits[20]{};
        std::size_t at = sizeof digits;
        if (rest < 0) out("-");
        do {
            const int digit = static_cast<int>(rest % 10);
            digits[--at] = static_cast<char>('0' + (digit < 0 ? -digit : digit));
            rest /= 10;
        } while (rest != 0);
        out({digits + at, sizeof digits - at});
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp
