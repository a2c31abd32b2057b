// Sequent 0.2.0: rasp.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_RASP_HPP
#define SEQUENT_SINGLE_RASP_HPP

#include "sequent.hpp"

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

#include <compare>

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

/// Nodes of programs: each is an operation on earlier nodes. Equal nodes are one.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The operations of programs.
enum class operation {
    // s-ops without arguments
    tokens,
    indices,
    constant,
    gathered,  // result of a head, in lowered programs
    state,     // value of a loop before each round; its number is `known`
    // position by position
    negate,
    add,
    subtract,
    multiply,
    divide,
    floor_divide,
    modulo,
    power,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    conjunction,
    disjunction,
    negation,
    round,
    indicator,
    conditional,
    is_missing,
    function,  // user function of one or two values
    // from the positions of a selector
    aggregate,
    first,
    last,
    highest,
    lowest,
    sum,
    width,
    width_with_bos,
    // selectors
    select_equal,
    select_not_equal,
    select_less,
    select_less_equal,
    select_greater,
    select_greater_equal,
    select_and,
    select_or,
    select_not
};

/// True for selectors.
constexpr bool is_selection(operation what) noexcept {
    return what >= operation::select_equal;
}
/// True for select(keys, queries, ...) itself, not for combinations of selectors.
constexpr bool is_comparison(operation what) noexcept {
    return what >= operation::select_equal && what <= operation::select_greater_equal;
}
/// True for operations that an attention head computes.
constexpr bool gathers(operation what) noexcept {
    return what >= operation::aggregate && what <= operation::width_with_bos;
}
/// True for aggregates with a default: a mean, or the value of one selected position.
constexpr bool has_default(operation what) noexcept {
    return what >= operation::aggregate && what <= operation::lowest;
}
/// True for operations on the values of one position.
constexpr bool is_pointwise(operation what) noexcept {
    return what >= operation::negate && what <= operation::function;
}

/// Why an operation has no value at a position; `no`: it has one.
enum class undefined { no, zero_division, fractional_power, several_symbols, no_number };

/// A function of one or two values that a program applies at each position.
using value_function = value (*)(const value* arguments, undefined& trouble);

/// Largest number of nodes of a program.
inline constexpr int max_nodes = 512;

/// An s-op or a selector, as an operation on up to three earlier nodes.
struct node {
    /// The operation.
    operation what = operation::constant;
    /// The type of its values.
    type kind = type::integer;
    /// Places of the arguments; -1: none.
    int arguments[3]{-1, -1, -1};
    value known{};                     ///< value of a constant
    value_function applied = nullptr;  ///< function of `operation::function`
    int line = 0;                      ///< line of a select, if lines distinguish selectors
    int height = 0;                    ///< length of the longest path to a leaf
    std::uint64_t hash = 0;            ///< hash of the expression, without functions
    plan::name name{};                 ///< name, if the program gives one

    /// Equality of operation, arguments, constant and options.
    friend constexpr bool operator==(const node& left, const node& right) {
        return left.what == right.what && left.kind == right.kind &&
               left.arguments[0] == right.arguments[0] && left.arguments[1] == right.arguments[1] &&
               left.arguments[2] == right.arguments[2] && left.known.kind() == right.known.kind() &&
               left.known == right.known && left.applied == right.applied &&
               left.line == right.line;
    }
};

/// Largest number of states of a loop.
inline constexpr int max_states = 8;

/// A value that each round of a loop replaces.
struct loop_state {
    /// Node of its value before a round.
    int node = -1;
    /// Node of its first value.
    int initial = -1;
    /// Node of its value after a round.
    int next = -1;
    /// Least value of an integer.
    int low = 0;
    /// Greatest value of an integer.
    int high = 0;
};

/// When two selectors are one: if their structure is equal, or if they are also written in the same
/// line. The original implementation distinguishes selectors as objects.
enum class identity { structure, line };

namespace detail {

// Not constexpr, so that the compiler names the function in its error.
inline void a_rasp_program_has_more_than_512_parts() {}

/// The nodes of an expression by height and hash: the expression itself is the last one.
template <int Capacity>
struct node_list {
    node items[static_cast<std::size_t>(Capacity)]{};
    int count = 0;
};

constexpr bool comes_before(const node& left, const node& right) {
    return left.height != right.height ? left.height < right.height : left.hash < right.hash;
}

/// Merges lists of nodes: `result` has room for `capacity`. Where the nodes of each list have gone
/// is told by its map.
class node_merger {
  public:
    constexpr node_merger(node* result, int capacity) : to_(result), capacity_(capacity) {}
    int count = 0;

    constexpr void merge(const node* left, int left_count, const node* right, int right_count,
                         std::vector<int>& left_map, std::vector<int>& right_map) {
        left_map.assign(static_cast<std::size_t>(left_count), -1);
        right_map.assign(static_cast<std::size_t>(right_count), -1);
        int one = 0;
        int other = 0;
        while (one < left_count || other < right_count) {
            const bool is_left = other == right_count ||
                                 (one < left_count && !comes_before(right[other], left[one]));
            if (is_left) {
                left_map[static_cast<std::size_t>(one)] = add(left[one], left_map);
                ++one;
            } else {
                right_map[static_cast<std::size_t>(other)] = add(right[other], right_map);
                ++other;
            }
        }
    }
    /// One more, which comes last.
    constexpr void push(const node& last) {
        if (count >= capacity_) a_rasp_program_has_more_than_512_parts();
        to_[count++] = last;
    }

  private:
    node* to_;
    int capacity_;

    constexpr int add(node made, const std::vector<int>& map) {
        for (int& argument : made.arguments)
            if (argument >= 0) argument = map[static_cast<std::size_t>(argument)];
        for (int at = count;
             at-- > 0 && to_[at].height == made.height && to_[at].hash == made.hash;)
            if (to_[at] == made) {
                if (to_[at].name.length == 0) to_[at].name = made.name;
                return at;
            }
        push(made);
        return count - 1;
    }
};

/// Gives a node its height and hash, where `argument(which)` is each of its arguments.
template <class Argument>
constexpr void settle(node& made, int arguments, const Argument& argument) {
    std::uint64_t hash = hashed(hash_start, static_cast<std::uint64_t>(made.what));
    hash = hashed(hash, static_cast<std::uint64_t>(made.kind));
    hash = hashed(hash, hashed(made.known.bits(), static_cast<std::uint64_t>(made.known.kind())));
    hash = hashed(hash, static_cast<std::uint64_t>(made.line));
    made.height = 0;
    for (int which = 0; which < arguments; ++which) {
        const node& from = argument(which);
        hash = hashed(hash, from.hash);
        made.height = std::max(made.height, from.height + 1);
    }
    made.hash = hash;
}

/// A node of arguments that are lists of nodes.
template <int Capacity, int... Sizes>
constexpr node_list<Capacity> join(node root, const node_list<Sizes>&... arguments) {
    constexpr int count = static_cast<int>(sizeof...(Sizes));
    node_list<Capacity> result;
    const node* lists[count + 1]{arguments.items..., nullptr};
    const int sizes[count + 1]{arguments.count..., 0};
    settle(root, count, [&](int which) -> const node& { return lists[which][sizes[which] - 1]; });
    std::vector<node> before;
    std::vector<int> maps[2];
    for (int place = 0; place < count; ++place) {
        before.assign(result.items, result.items + result.count);
        node_merger merger(result.items, Capacity);
        merger.merge(before.data(), result.count, lists[place], sizes[place], maps[0], maps[1]);
        result.count = merger.count;
        for (int at = 0; at < place; ++at)
            root.arguments[at] = maps[0][static_cast<std::size_t>(root.arguments[at])];
        root.arguments[place] = maps[1].back();
    }
    node_merger end(result.items, Capacity);
    end.count = result.count;
    end.push(root);
    result.count = end.count;
    return result;
}

/// Room for the nodes of some arguments and one more, in few different sizes.
constexpr int room_for(int count) {
    int room = 1;
    while (room < count) room *= 2;
    return std::min(room, max_nodes);
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// The RASP language (arXiv 2106.06981, section 3): s-ops, which have a value at each position, and
/// selectors, which tell for each position (a row, the query) which positions it attends to
/// (columns, the keys). Both are constexpr values that hold their nodes; equal subexpressions share
/// a node. These functions build expressions; they evaluate nothing.

namespace sequent::inline SEQUENT_ABI::rasp {

/// Base of all s-ops.
template <class Derived>
struct s_op_base {
    /// The value at `position`, repeated at every position; a negative position counts from the
    /// end.
    constexpr auto operator[](int position) const {
        return load(static_cast<const Derived&>(*this), position);
    }
};

/// An s-op whose values are of one type, with the nodes of its expression.
template <type Kind, int Capacity>
struct expression : s_op_base<expression<Kind, Capacity>> {
    /// The type of the values.
    static constexpr type kind = Kind;
    /// Room for nodes.
    static constexpr int capacity = Capacity;
    /// The nodes; the last one is the expression.
    detail::node_list<Capacity> nodes{};
};

/// A selector, with the nodes of its expression.
template <int Capacity>
struct selector {
    /// Room for nodes.
    static constexpr int capacity = Capacity;
    /// The nodes; the last one is the selector.
    detail::node_list<Capacity> nodes{};
};

/// True for s-ops.
template <class T>
inline constexpr bool is_s_op = false;
/// True for expressions.
template <type Kind, int Capacity>
inline constexpr bool is_s_op<expression<Kind, Capacity>> = true;

/// True for loops.
template <class T>
inline constexpr bool is_loop = false;
/// True for selectors.
template <class T>
inline constexpr bool is_selector = false;
/// True for selectors.
template <int Capacity>
inline constexpr bool is_selector<selector<Capacity>> = true;

/// An s-op.
template <class T>
concept s_op = is_s_op<T>;
/// The type of `none`.
struct none_type {};
/// A missing value, as a default of aggregates and as one of the two values of `cond`. Functions of
/// a missing value give a missing one; selectors select no pair of which a value is missing;
/// aggregates leave missing values out. `is_none` and `value_or` tell where a value is missing.
inline constexpr none_type none{};

namespace detail {
/// The missing constant of a type.
template <type Kind>
struct missing_constant {};
template <class T>
inline constexpr bool is_missing_constant = false;
template <type Kind>
inline constexpr bool is_missing_constant<missing_constant<Kind>> = true;
}  // namespace detail

/// An s-op or a constant.
template <class T>
concept s_op_or_constant = is_s_op<T> || std::is_arithmetic_v<T> ||
    std::is_convertible_v<const T&, std::string_view> || detail::is_missing_constant<T>;
/// An s-op or a selector.
template <class T>
concept part = is_s_op<T> || is_selector<T>;

/// Operands that the functions below accept, so that a mistake is reported by their static_assert.
template <class T>
concept argument = part<T> || s_op_or_constant<T>;

/// Operands of a binary operator, at least one of which is an s-op or a selector.
template <class Left, class Right>
concept operands = (part<Left> && (part<Right> || s_op_or_constant<Right>)) ||
                   (s_op_or_constant<Left> && part<Right>);

namespace detail {

template <s_op Part>
constexpr const Part& as_s_op(const Part& part) noexcept {
    return part;
}
template <type Kind>
constexpr expression<Kind, 1> leaf_of(operation what, const value& known = {}) {
    node made;
    made.what = what;
    made.kind = Kind;
    made.known = known;
    return {{}, join<1>(made)};
}
template <class Constant>
    requires(!part<Constant> && !is_missing_constant<Constant>)
constexpr auto as_s_op(const Constant& constant) {
    constexpr auto always = operation::constant;
    if constexpr (std::same_as<Constant, bool>)
        return leaf_of<type::boolean>(always, value(constant));
    else if constexpr (std::same_as<Constant, char>)
        return leaf_of<type::symbol>(always, value(constant));
    else if constexpr (std::integral<Constant>)
        return leaf_of<type::integer>(always, value(constant));
    else if constexpr (std::floating_point<Constant>)
        return leaf_of<type::real>(always, value(static_cast<double>(constant)));
    else
        return leaf_of<type::symbol>(always, value(std::string_view(constant)));
}

template <type Kind>
constexpr auto as_s_op(const missing_constant<Kind>&) {
    return leaf_of<Kind>(operation::constant, value::missing(Kind));
}

/// A placeholder for a selector that the caller rejects, so that one mistake gives one error.
template <int Capacity>
constexpr auto as_s_op(const selector<Capacity>&) {
    return leaf_of<type::integer>(operation::constant);
}

template <class T>
using s_op_of = std::remove_cvref_t<decltype(as_s_op(std::declval<const T&>()))>;

template <class T>
consteval bool is_of(bool (*test)(type)) {
    if constexpr (is_selector<T>)
        return false;
    else
        return test(s_op_of<T>::kind);
}
constexpr bool is_boolean(type kind) {
    return kind == type::boolean;
}
constexpr bool has_order(type kind) {
    return kind != type::boolean;
}

/// True if both are numbers or of one type.
template <class Left, class Right>
consteval bool are_alike() {
    if constexpr (is_selector<Left> || is_selector<Right>)
        return false;
    else
        return s_op_of<Left>::kind == s_op_of<Right>::kind ||
               (is_number(s_op_of<Left>::kind) && is_number(s_op_of<Right>::kind));
}
template <class Left, class Right>
inline constexpr bool are_numbers = is_of<Left>(is_number) && is_of<Right>(is_number);
template <class Left, class Right>
inline constexpr bool are_ordered = are_alike<Left, Right>() && is_of<Left>(has_order);

/// The type of a value that is one of two.
template <class Left, class Right>
consteval type joined_kind() {
    if constexpr (!are_alike<Left, Right>())
        return type::integer;
    else
        return s_op_of<Left>::kind == s_op_of<Right>::kind ? s_op_of<Left>::kind : type::real;
}

template <class... Arguments>
inline constexpr int room_of = room_for((1 + ... + Arguments::capacity));

template <type Kind, class... Arguments>
constexpr auto make_of_node(const node& root, const Arguments&... arguments) {
    return expression<Kind, room_of<Arguments...>>{
        {}, join<room_of<Arguments...>>(root, arguments.nodes...)};
}
template <operation Operation, type Kind, class... Arguments>
constexpr auto make(const Arguments&... arguments) {
    node root;
    root.what = Operation;
    root.kind = Kind;
    return make_of_node<Kind>(root, arguments...);
}
template <operation Operation, type Kind, class... Arguments>
constexpr auto make_of(const Arguments&... arguments) {
    return make<Operation, Kind>(as_s_op(arguments)...);
}
template <operation Operation, class... Arguments>
constexpr auto make_selector(int line, const Arguments&... arguments) {
    node root;
    root.what = Operation;
    root.kind = type::boolean;
    root.line = line;
    return selector<room_of<Arguments...>>{join<room_of<Arguments...>>(root, arguments.nodes...)};
}

}  // namespace detail

/// The input: a symbol at each position. A program reads only one of `tokens`, `tokens_int`,
/// `tokens_float` and `tokens_bool`.
inline constexpr auto tokens = detail::leaf_of<type::symbol>(operation::tokens);
/// The input: an integer at each position.
inline constexpr auto tokens_int = detail::leaf_of<type::integer>(operation::tokens);
/// The input: a number at each position.
inline constexpr auto tokens_float = detail::leaf_of<type::real>(operation::tokens);
/// The input: a boolean at each position.
inline constexpr auto tokens_bool = detail::leaf_of<type::boolean>(operation::tokens);
/// The number of each position: 0, 1, 2, ...
inline constexpr auto indices = detail::leaf_of<type::integer>(operation::indices);

/// Names a part of a program, for errors and pictures.
template <language::fixed_string Name, part Inner>
constexpr Inner named(const Inner& inner) {
    Inner result = inner;
    plan::name& name = result.nodes.items[result.nodes.count - 1].name;
    if (name.length == 0)
        name = plan::make_name(Name.characters, static_cast<int>(sizeof Name.characters) - 1);
    return result;
}

#define SEQUENT_RASP_ARITHMETIC(OPERATOR, OPERATION, KIND)                                    \
    template <class Left, class Right>                                                        \
        requires operands<Left, Right>                                                        \
    constexpr auto operator OPERATOR(const Left& left, const Right& right) {                  \
        static_assert(detail::are_numbers<Left, Right>,                                       \
                      "sequent: RASP's " #OPERATOR                                            \
                      " takes two numbers; a symbol or a selector is none, and of a boolean " \
                      "indicator(...) is one");                                               \
        return detail::make_of<operation::OPERATION, KIND>(left, right);                      \
    }
/// The sum of two numbers.
SEQUENT_RASP_ARITHMETIC(+, add, (detail::joined_kind<Left, Right>()))
/// The difference of two numbers.
SEQUENT_RASP_ARITHMETIC(-, subtract, (detail::joined_kind<Left, Right>()))
/// The product of two numbers.
SEQUENT_RASP_ARITHMETIC(*, multiply, (detail::joined_kind<Left, Right>()))
/// The quotient of two numbers, a rational number.
SEQUENT_RASP_ARITHMETIC(/, divide, type::real)
/// The remainder of division with the quotient rounded down.
SEQUENT_RASP_ARITHMETIC(%, modulo, (detail::joined_kind<Left, Right>()))
/// left to the power of right, an integer. As every ^ in C++, it has a lower precedence than +.
SEQUENT_RASP_ARITHMETIC(^, power, type::real)
#undef SEQUENT_RASP_ARITHMETIC

/// The negative of a number.
template <part Part>
constexpr auto operator-(const Part& part) {
    static_assert(detail::is_of<Part>(is_number), "sequent: RASP's unary - takes a number");
    return detail::make_of<operation::negate, detail::joined_kind<Part, Part>()>(part);
}

#define SEQUENT_RASP_COMPARISON(OPERATOR, OPERATION, TEST, OF)                              \
    template <class Left, class Right>                                                      \
        requires operands<Left, Right>                                                      \
    constexpr auto operator OPERATOR(const Left& left, const Right& right) {                \
        static_assert(TEST, "sequent: RASP's " #OPERATOR " compares " OF                    \
                            "; selectors are compared by none, and made of comparisons by " \
                            "select(keys, queries, equal)");                                \
        return detail::make_of<operation::OPERATION, type::boolean>(left, right);           \
    }
#define SEQUENT_RASP_EQUALITY(OPERATOR, OPERATION)                                   \
    SEQUENT_RASP_COMPARISON(OPERATOR, OPERATION, (detail::are_alike<Left, Right>()), \
                            "two numbers, two symbols or two booleans")
#define SEQUENT_RASP_ORDER(OPERATOR, OPERATION)                                      \
    SEQUENT_RASP_COMPARISON(OPERATOR, OPERATION, (detail::are_ordered<Left, Right>), \
                            "two numbers or two symbols")
SEQUENT_RASP_EQUALITY(==, equal)
SEQUENT_RASP_EQUALITY(!=, not_equal)
SEQUENT_RASP_ORDER(<, less)
SEQUENT_RASP_ORDER(<=, less_equal)
SEQUENT_RASP_ORDER(>, greater)
SEQUENT_RASP_ORDER(>=, greater_equal)
#undef SEQUENT_RASP_ORDER
#undef SEQUENT_RASP_EQUALITY
#undef SEQUENT_RASP_COMPARISON

// A selector joined with an s-op counts as the selector, so that one mistake gives one error.
#define SEQUENT_RASP_CONNECTIVE(OPERATOR, OPERATION, SELECTION)                           \
    template <class Left, class Right>                                                    \
        requires operands<Left, Right>                                                    \
    constexpr auto operator OPERATOR(const Left& left, const Right& right) {              \
        if constexpr (is_selector<Left> && is_selector<Right>)                            \
            return detail::make_selector<operation::SELECTION>(0, left, right);           \
        else {                                                                            \
            static_assert(detail::is_of<Left>(detail::is_boolean) &&                      \
                              detail::is_of<Right>(detail::is_boolean),                   \
                          "sequent: RASP's " #OPERATOR                                    \
                          " joins two selectors or two booleans, never one of each");     \
            if constexpr (is_selector<Left>)                                              \
                return left;                                                              \
            else if constexpr (is_selector<Right>)                                        \
                return right;                                                             \
            else                                                                          \
                return detail::make_of<operation::OPERATION, type::boolean>(left, right); \
        }                                                                                 \
    }
SEQUENT_RASP_CONNECTIVE(&&, conjunction, select_and)
SEQUENT_RASP_CONNECTIVE(||, disjunction, select_or)
#undef SEQUENT_RASP_CONNECTIVE

/// The negation of a boolean; of a selector, all pairs that it does not select.
template <part Part>
constexpr auto operator!(const Part& part) {
    if constexpr (is_selector<Part>)
        return detail::make_selector<operation::select_not>(0, part);
    else {
        static_assert(detail::is_of<Part>(detail::is_boolean),
                      "sequent: RASP's ! takes a boolean or a selector");
        return detail::make_of<operation::negation, type::boolean>(part);
    }
}

/// The nearest integer; ties go to the even one.
template <part Part>
constexpr auto round(const Part& part) {
    static_assert(detail::is_of<Part>(is_number), "sequent: RASP's round takes a number");
    return detail::make_of<operation::round, type::integer>(part);
}
/// 1 where the boolean is true, else 0.
template <part Part>
constexpr auto indicator(const Part& part) {
    static_assert(detail::is_of<Part>(detail::is_boolean),
                  "sequent: RASP's indicator takes a boolean");
    return detail::make_of<operation::indicator, type::integer>(part);
}
/// `chosen` where the condition is true, else `other`.
template <part Condition, argument Chosen, argument Other>
constexpr auto cond(const Condition& condition, const Chosen& chosen, const Other& other) {
    static_assert(detail::is_of<Condition>(detail::is_boolean),
                  "sequent: the condition of RASP's cond is a boolean s-op");
    static_assert(detail::are_alike<Chosen, Other>(),
                  "sequent: RASP's cond chooses between two values of one type");
    return detail::make_of<operation::conditional, detail::joined_kind<Chosen, Other>()>(
        condition, chosen, other);
}

/// `cond` with `none` as one of the values.
template <part Condition, argument Chosen>
constexpr auto cond(const Condition& condition, const Chosen& chosen, none_type) {
    return cond(condition, chosen, detail::missing_constant<detail::s_op_of<Chosen>::kind>());
}
/// `cond` with `none` where the condition holds.
template <part Condition, argument Other>
constexpr auto cond(const Condition& condition, none_type, const Other& other) {
    return cond(condition, detail::missing_constant<detail::s_op_of<Other>::kind>(), other);
}
/// True where a value is missing.
template <part Part>
constexpr auto is_none(const Part& part) {
    static_assert(s_op<Part>, "sequent: RASP's is_none takes an s-op");
    return detail::make_of<operation::is_missing, type::boolean>(part);
}
/// The value; `otherwise` where it is missing.
template <part Part, argument Otherwise>
constexpr auto value_or(const Part& part, const Otherwise& otherwise) {
    return cond(is_none(part), otherwise, part);
}
/// Rejects comparisons with `none`.
template <part Part>
constexpr auto operator==(const Part&, none_type) {
    static_assert(sizeof(Part) == 0,
                  "sequent: RASP's none equals nothing; is_none(x) tells where x is missing");
    return detail::as_s_op(true);
}

/// How `select` compares a key with a query.
template <operation Operation>
struct comparison {};
/// key == query.
inline constexpr comparison<operation::select_equal> equal{};
/// key != query.
inline constexpr comparison<operation::select_not_equal> not_equal{};
/// key < query.
inline constexpr comparison<operation::select_less> less{};
/// key <= query.
inline constexpr comparison<operation::select_less_equal> less_equal{};
/// key > query.
inline constexpr comparison<operation::select_greater> greater{};
/// key >= query.
inline constexpr comparison<operation::select_greater_equal> greater_equal{};

/// A selector: row q, column k is selected if `keys` at k compares with `queries` at q as the
/// comparison says. Selectors are combined by &&, || and !.
template <argument Keys, argument Queries, operation Operation>
constexpr auto select(const Keys& keys, const Queries& queries, comparison<Operation>,
                      int line = __builtin_LINE()) {
    if constexpr (Operation == operation::select_equal || Operation == operation::select_not_equal)
        static_assert(detail::are_alike<Keys, Queries>(),
                      "sequent: RASP's select compares keys and queries of one type");
    else
        static_assert(detail::are_ordered<Keys, Queries>,
                      "sequent: RASP's select orders two numbers or two symbols");
    return detail::make_selector<Operation>(line, detail::as_s_op(keys), detail::as_s_op(queries));
}

/// Rejects other arguments of `select`.
template <class... Arguments>
constexpr auto select(const Arguments&...) {
    static_assert(sizeof...(Arguments) > 99,
                  "sequent: RASP's select takes keys, queries, and how they are compared: equal, "
                  "not_equal, less, less_equal, greater or greater_equal");
    return detail::make_selector<operation::select_equal>(0, detail::as_s_op(1),
                                                          detail::as_s_op(1));
}

/// The selector in which every position attends to all positions.
inline constexpr auto everything = named<"everything">(select(1, 1, equal));

namespace detail {
/// The default of an aggregate if nothing is selected: 0, false or the empty symbol.
template <class Values>
using usual_default =
    std::conditional_t<s_op_of<Values>::kind == type::symbol, std::string_view,
                       std::conditional_t<s_op_of<Values>::kind == type::boolean, bool, int>>;
}  // namespace detail

namespace detail {
template <class Values, class Otherwise>
inline constexpr type kind_of_mean = is_number(s_op_of<Values>::kind) ? type::real
                                                                      : s_op_of<Values>::kind;
template <class Values, class Otherwise>
inline constexpr type kind_of_one = joined_kind<Values, Otherwise>();
}  // namespace detail

#define SEQUENT_RASP_AGGREGATE(NAME, OPERATION, KIND)                                              \
    template <class Selector, argument Values, argument Otherwise = detail::usual_default<Values>> \
    constexpr auto NAME(const Selector& from, const Values& values,                                \
                        const Otherwise& otherwise = Otherwise()) {                                \
        static_assert(is_selector<Selector> && !is_selector<Values>,                               \
                      "sequent: RASP's " #NAME " takes a selector, then the values");              \
        static_assert(is_selector<Values> || detail::are_alike<Values, Otherwise>(),               \
                      "sequent: the default of RASP's " #NAME " is of the values' type");          \
        static_assert(!s_op<Otherwise>, "sequent: the default of RASP's " #NAME " is a constant"); \
        return detail::make<operation::OPERATION, detail::KIND<Values, Otherwise>>(                \
            from, detail::as_s_op(values), detail::as_s_op(otherwise));                            \
    }                                                                                              \
    template <class Selector, argument Values>                                                     \
    constexpr auto NAME(const Selector& from, const Values& values, none_type) {                   \
        return NAME(from, values, detail::missing_constant<detail::s_op_of<Values>::kind>());      \
    }
/// The values of the selected positions, as one: `otherwise` if no position is selected (default:
/// 0, false or the empty symbol); the value if one is; the mean if several are, for numbers only.
/// Missing values are left out.
/// Several selected symbols or booleans are an evaluation error.
SEQUENT_RASP_AGGREGATE(aggregate, aggregate, kind_of_mean)
/// The value at the first (`first_of`) or last (`last_of`) selected position; `otherwise` if none
/// is selected.
SEQUENT_RASP_AGGREGATE(first_of, first, kind_of_one)
SEQUENT_RASP_AGGREGATE(last_of, last, kind_of_one)
/// The greatest (`max_of`) or least (`min_of`) value of the selected positions; `otherwise` if none
/// is selected.
SEQUENT_RASP_AGGREGATE(max_of, highest, kind_of_one)
SEQUENT_RASP_AGGREGATE(min_of, lowest, kind_of_one)
#undef SEQUENT_RASP_AGGREGATE

/// The sum of the selected positions' numbers; 0 if none is selected.
template <class Selector, argument Values>
constexpr auto sum(const Selector& from, const Values& values) {
    static_assert(is_selector<Selector>, "sequent: RASP's sum takes a selector, then the values");
    static_assert(!is_selector<Selector> || detail::is_of<Values>(is_number),
                  "sequent: RASP's sum takes numbers; of a boolean, indicator(...) is one");
    return detail::make<operation::sum, detail::joined_kind<Values, Values>()>(
        from, detail::as_s_op(values));
}

/// The number of selected positions, computed by two heads.
template <class Selector>
constexpr auto selector_width(const Selector& of) {
    static_assert(is_selector<Selector>, "sequent: RASP's selector_width takes a selector");
    return detail::make<operation::width, type::integer>(of);
}
/// The number of selected positions without position 0, which holds a beginning-of-sequence token;
/// computed by one head.
template <class Selector>
constexpr auto selector_width_with_bos(const Selector& of) {
    static_assert(is_selector<Selector>,
                  "sequent: RASP's selector_width_with_bos takes a selector");
    return detail::make<operation::width_with_bos, type::integer>(of);
}

/// The number of positions of the input.
inline constexpr auto length =
    named<"length">(round(1 / aggregate(everything, indicator(indices == 0))));

/// The value of `values` at `position`, repeated at every position, as `x[4]`; a negative position
/// counts from the end.
template <part Values>
constexpr auto load(const Values& values, int position) {
    using place = std::remove_cvref_t<decltype(length - position)>;
    place from;
    if (position < 0)
        from = length - (-position);
    else
        from.nodes = detail::join<place::capacity>(detail::as_s_op(position).nodes.items[0]);
    return aggregate(select(indices, from, equal), values);
}

/// The quotient, rounded down to an integer.
template <class Left, class Right>
    requires operands<Left, Right>
constexpr auto floor_divide(const Left& left, const Right& right) {
    static_assert(detail::are_numbers<Left, Right>,
                  "sequent: RASP's floor_divide takes two numbers");
    return detail::make_of<operation::floor_divide, type::integer>(left, right);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// A program as an array of nodes, on which all later stages work.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The nodes of a program; equal nodes are one.
class graph {
  public:
    /// An empty program.
    constexpr explicit graph(identity same = identity::structure) : same_(same) {}

    /// The nodes; the arguments of a node stand before it.
    plan::list<node, max_nodes> nodes{};
    /// Place of the node that is the output.
    int output = -1;
    /// Place of a boolean: where the output has a value. -1: in the output itself. For compilation.
    int present = -1;
    /// The states of a loop; none in other programs.
    plan::list<loop_state, max_states> states{};
    int until = -1;  ///< node that is true where a loop has ended
    int rounds = 0;  ///< largest number of rounds of a loop

    /// The node of a number.
    SEQUENT_COLD constexpr const node& operator[](int at) const { return nodes[at]; }
    /// The number of nodes.
    SEQUENT_COLD constexpr int size() const { return nodes.size(); }

    /// Adds a node, unless there is an equal one; returns its number.
    SEQUENT_COLD constexpr int add(const node& made) {
        std::size_t slot = hash_of(made) % slot_count;
        for (; slots_[slot] != 0; slot = (slot + 1) % slot_count)
            if (nodes[slots_[slot] - 1] == made) return slots_[slot] - 1;
        const int at = nodes.push(made);
        slots_[slot] = at + 1;
        return at;
    }
    /// Adds a node of an operation on up to three nodes.
    SEQUENT_COLD constexpr int add(operation what, type kind, int first, int second = -1,
                                   int third = -1) {
        node made;
        made.what = what;
        made.kind = kind;
        made.arguments[0] = first;
        made.arguments[1] = second;
        made.arguments[2] = third;
        return add(made);
    }
    /// Adds a constant.
    constexpr int add_constant(const value& known) {
        node made;
        made.kind = known.kind();
        made.known = known;
        return add(made);
    }

    /// The nodes of an expression, arguments first.
    SEQUENT_COLD constexpr int read(const node* from, int root) {
        std::vector<int> known(static_cast<std::size_t>(root) + 1, -1);
        std::vector<int> waiting{root};
        while (!waiting.empty()) {
            const int at = waiting.back();
            node made = from[at];
            int missing = -1;
            for (int& argument : made.arguments) {
                if (argument < 0) continue;
                const int place = known[static_cast<std::size_t>(argument)];
                if (place < 0 && missing < 0) missing = argument;
                argument = place;
            }
            if (missing >= 0) {
                waiting.push_back(missing);
                continue;
            }
            waiting.pop_back();
            if (same_ == identity::structure) made.line = 0;
            const int place = add(made);
            if (nodes[place].name.length == 0) nodes[place].name = made.name;
            known[static_cast<std::size_t>(at)] = place;
        }
        return known.back();
    }

  private:
    identity same_;
    static constexpr std::size_t slot_count = 1021;
    int slots_[slot_count]{};  // place of the node plus 1; 0: empty

    static constexpr std::size_t hash_of(const node& of) {
        std::uint64_t hash = hashed(hash_start, static_cast<std::uint64_t>(of.what));
        hash = hashed(hash, static_cast<std::uint64_t>(of.kind));
        for (const int argument : of.arguments)
            hash = hashed(hash, static_cast<std::uint64_t>(argument + 1));
        hash = hashed(hash, of.known.bits());
        return static_cast<std::size_t>(hashed(hash, static_cast<std::uint64_t>(of.line)));
    }
};

namespace detail {
template <const auto& Program, identity Same>
constexpr graph read_program() {
    using program = std::remove_cvref_t<decltype(Program)>;
    static_assert(is_s_op<program> || is_loop<program>,
                  "sequent: a RASP program is an s-op; a selector alone gives no values");
    graph result(Same);
    if constexpr (is_loop<program>)
        Program.read(result);
    else
        result.output = result.read(Program.nodes.items, Program.nodes.count - 1);
    return result;
}
}  // namespace detail

/// The nodes of a program.
template <const auto& Program, identity Same = identity::structure>
inline constexpr graph graph_of = detail::read_program<Program, Same>();

namespace detail {

/// The notation of each operation: $ and a number stand for an argument; % for an argument in
/// brackets, unless it is simple; * for a default other than the usual one; # for what is known.
// clang-format off
inline constexpr const char* patterns[]{
    // tokens to gathered
    "tokens", "indices", "#", "gathered #", "state #",
    // position by position
    "-%0", "%0 + %1", "%0 - %1", "%0 * %1", "%0 / %1", "%0 // %1", "%0 % %1", "%0 ^ %1",
    "%0 == %1", "%0 != %1", "%0 < %1", "%0 <= %1", "%0 > %1", "%0 >= %1",
    "%0 and %1", "%0 or %1", "not %0", "round($0)", "indicator($0)", "%1 if %0 else %2", "is_none($0)",
    "#($0)",
    // from the positions of a selector
    "aggregate($0, $1*)", "first_of($0, $1*)", "last_of($0, $1*)", "max_of($0, $1*)",
    "min_of($0, $1*)", "sum($0, $1)", "selector_width($0)", "selector_width_with_bos($0)",
    // selectors
    "select($0, $1, ==)", "select($0, $1, !=)", "select($0, $1, <)", "select($0, $1, <=)",
    "select($0, $1, >)", "select($0, $1, >=)", "%0 and %1", "%0 or %1", "not %0"};
// clang-format on
static_assert(std::size(patterns) == static_cast<std::size_t>(operation::select_not) + 1);

template <class Out>
class part_writer {
  public:
    constexpr part_writer(const graph& program, const Out& out) : program_(program), out_(out) {}

    SEQUENT_COLD constexpr void write(int at, bool by_name, int depth) const {
        const node& shown = program_[at];
        if (by_name && shown.name.length > 0)
            return out_({shown.name.text, static_cast<std::size_t>(shown.name.length)});
        if (depth == 0) return out_("...");
        std::string_view pattern = patterns[static_cast<std::size_t>(shown.what)];
        if (shown.what == operation::function && shown.arguments[1] >= 0) pattern = "#($0, $1)";
        if (shown.what == operation::constant && shown.kind == type::symbol &&
            !shown.known.is_missing())
            pattern = "\"#\"";
        for (std::size_t from = 0; from < pattern.size(); ++from) {
            const char letter = pattern[from];
            const char next = from + 1 < pattern.size() ? pattern[from + 1] : ' ';
            if (letter == '#') {
                shown.known.write(out_);
            } else if (letter == '*' && next == ')') {
                if (is_usual_default(program_[shown.arguments[2]].known)) continue;
                out_(", ");
                write(shown.arguments[2], true, depth - 1);
            } else if ((letter == '$' || letter == '%') && next >= '0' && next <= '2') {
                const int argument = shown.arguments[next - '0'];
                const bool in_brackets = letter == '%' && !is_simple(program_[argument]);
                if (in_brackets) out_("(");
                write(argument, true, depth - 1);
                if (in_brackets) out_(")");
                ++from;
            } else {
                out_(pattern.substr(from, 1));
            }
        }
    }

  private:
    const graph& program_;
    const Out& out_;

    static constexpr bool is_simple(const node& of) {
        return of.name.length > 0 || of.arguments[1] < 0 || gathers(of.what) ||
               is_comparison(of.what);
    }
    static constexpr bool is_usual_default(const value& of) {
        return of.kind() == type::symbol    ? of == value("")
               : of.kind() == type::boolean ? !of.truth()
                                            : of == value(0);
    }
};

}  // namespace detail

/// A part of a program in RASP notation. Named parts are written by name, except for the part
/// itself. Parts nested deeper than `depth` are written as dots.
SEQUENT_COLD inline std::string text_of(const graph& program, int at, bool by_name = true,
                                        int depth = 8) {
    std::string result;
    const auto append = [&result](std::string_view part) { result += part; };
    detail::part_writer(program, append).write(at, by_name, depth);
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Programs with missing values as programs without: each value that may be missing becomes a value
/// and a boolean, true where it is there.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// True if a value of a program may be missing, or a part asks for it.
SEQUENT_COLD constexpr bool has_missing(const graph& program) {
    for (int at = 0; at < program.size(); ++at)
        if (program[at].what == operation::is_missing ||
            (program[at].what == operation::constant && program[at].known.is_missing()))
            return true;
    return false;
}

class missing_splitter {
  public:
    graph result;

    SEQUENT_COLD constexpr explicit missing_splitter(const graph& program) {
        for (int at = 0; at < program.size(); ++at) split(program[at]);
        result.output = of(program.output).value;
        result.present = of(program.output).present;
    }

  private:
    /// The nodes of a value; `present` is -1 if it is never missing.
    struct pair {
        int value = -1;
        int present = -1;
    };
    std::vector<pair> pairs_;

    constexpr const pair& of(int at) const { return pairs_[static_cast<std::size_t>(at)]; }
    constexpr int truth(bool of) { return result.add_constant(value(of)); }
    constexpr int both(int one, int other) {
        if (one < 0 || other < 0) return std::max(one, other);
        return result.add(operation::conjunction, type::boolean, one, other);
    }
    constexpr int both_selected(int one, int other) {
        return result.add(operation::select_and, type::boolean, one, other);
    }

    SEQUENT_COLD constexpr void split(node made) {
        pair from[3];
        for (int which = 0; which < 3; ++which)
            if (made.arguments[which] >= 0) {
                from[which] = of(made.arguments[which]);
                made.arguments[which] = from[which].value;
            }
        pair found;
        if (made.what == operation::constant && made.known.is_missing()) {
            made.known = made.kind == type::symbol    ? value("")
                         : made.kind == type::boolean ? value(false)
                                                      : value(rational(0), made.kind);
            found.present = truth(false);
        } else if (made.what == operation::is_missing) {
            pairs_.push_back({from[0].present < 0
                                  ? truth(false)
                                  : result.add(operation::negation, type::boolean, from[0].present),
                              -1});
            return;
        } else if (made.what == operation::conditional) {
            if (from[1].present >= 0 || from[2].present >= 0)
                found.present = result.add(operation::conditional, type::boolean, from[0].value,
                                           from[1].present < 0 ? truth(true) : from[1].present,
                                           from[2].present < 0 ? truth(true) : from[2].present);
            found.present = both(from[0].present, found.present);
        } else if (is_comparison(made.what)) {
            pairs_.push_back({select(made, from[0].present, from[1].present), -1});
            return;
        } else if (gathers(made.what)) {
            if (from[1].present >= 0)
                made.arguments[0] = both_selected(made.arguments[0],
                                                  result.add(operation::select_equal, type::boolean,
                                                             from[1].present, truth(true)));
            if (has_default(made.what) && from[2].present >= 0) {
                // The head itself, unless it follows an order of the values.
                const bool by_index = made.what == operation::first || made.what == operation::last;
                const int any =
                    result.add(by_index ? made.what : operation::aggregate,
                               by_index ? type::integer : type::real, made.arguments[0],
                               result.add_constant(value(1)), result.add_constant(value(0)));
                found.present = result.add(operation::greater, type::boolean, any,
                                           result.add_constant(value(0)));
            }
        } else if (is_pointwise(made.what)) {
            found.present = both(both(from[0].present, from[1].present), from[2].present);
        }
        found.value = result.add(made);
        pairs_.push_back(found);
    }
    /// A comparison, which selects no pair of which a value is missing.
    SEQUENT_COLD constexpr int select(const node& made, int key, int query) {
        int found = result.add(made);
        if (key >= 0)
            found = both_selected(
                found, result.add(operation::select_equal, type::boolean, key, truth(true)));
        if (query >= 0)
            found = both_selected(
                found, result.add(operation::select_equal, type::boolean, truth(true), query));
        return found;
    }
};

template <const auto& Program, identity Same>
inline constexpr graph split_program = missing_splitter(graph_of<Program, Same>).result;

/// The program as it is compiled.
template <const auto& Program, identity Same = identity::structure>
consteval const graph& compilable() {
    if constexpr (has_missing(graph_of<Program, Same>))
        return split_program<Program, Same>;
    else
        return graph_of<Program, Same>;
}
}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// The number of layers and heads that a transformer needs for a program (arXiv 2106.06981, section
/// 4), and what each computes. All of it can be used in a static_assert.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The positions that a head attends to. selector_width without a beginning-of-sequence token takes
/// two heads: one for the selected positions and position 0, one for position 0 if it is selected.
/// The heads of first_of and last_of prefer early and late positions, those of max_of and min_of
/// great and small values.
enum class focus {
    selected,
    selected_or_first,
    selected_and_first,
    first_selected,
    last_selected,
    highest_selected,
    lowest_selected
};

/// The focus of the head of first_of, last_of, max_of or min_of.
constexpr focus focus_of_choice(operation what) noexcept {
    return static_cast<focus>(static_cast<int>(focus::first_selected) + static_cast<int>(what) -
                              static_cast<int>(operation::first));
}

/// An attention head: the selector it follows, in a layer from 1 on.
struct head {
    /// The layer, from 1.
    int layer = 0;
    /// The node of the selector.
    int selector = -1;
    /// The positions attended to.
    focus at = focus::selected;
    int preferred = -1;  ///< node of the values of which the highest or lowest is selected

    /// Equality of all members.
    friend constexpr bool operator==(const head&, const head&) = default;
};

/// Largest number of heads of a program.
inline constexpr int max_heads = 128;

/// The layers and heads of a program.
struct program_analysis {
    /// Number of layers.
    int layers = 0;
    int heads = 0;  ///< number of heads of the layer with the most

    /// The layer from which on a node's value, or a selector, is available; 0 is the embedding.
    std::array<int, max_nodes> layer_of{};
    /// All heads, layer by layer.
    plan::list<head, max_heads> all_heads{};

    /// The number of heads of a layer.
    constexpr int heads_in(int layer) const {
        int count = 0;
        for (const head& each : all_heads) count += each.layer == layer ? 1 : 0;
        return count;
    }
};

/// Computes the analysis of a program.
SEQUENT_COLD constexpr program_analysis analyse(const graph& program) {
    program_analysis result;
    plan::list<head, max_heads> found;
    const auto needs = [&found](const head& wanted) {
        for (const head& each : found)
            if (each == wanted) return;
        found.push(wanted);
    };
    for (int at = 0; at < program.size(); ++at) {
        const node& made = program[at];
        int& layer = result.layer_of[static_cast<std::size_t>(at)];
        const auto layer_of = [&](int argument) {
            const int from = made.arguments[argument];
            return from < 0 ? 0 : result.layer_of[static_cast<std::size_t>(from)];
        };
        layer = std::max({layer_of(0), layer_of(1), layer_of(2)});
        if (is_comparison(made.what)) ++layer;
        if (!gathers(made.what)) continue;
        // The layer of a selector is the first in which a head can use it.
        layer = made.arguments[1] < 0 ? layer_of(0) : std::max(layer_of(0), layer_of(1) + 1);
        const int selector = made.arguments[0];
        if (made.what == operation::width) {
            needs({layer, selector, focus::selected_or_first});
            needs({layer, selector, focus::selected_and_first});
        } else if (made.what == operation::width_with_bos) {
            needs({layer, selector, focus::selected_or_first});
        } else if (made.what == operation::sum || made.what == operation::aggregate) {
            needs({layer, selector, focus::selected});
        } else {
            const focus at_focus = focus_of_choice(made.what);
            needs({layer, selector, at_focus,
                   at_focus >= focus::highest_selected ? made.arguments[1] : -1});
        }
    }
    for (const int layer : result.layer_of) result.layers = std::max(result.layers, layer);
    for (int layer = 1; layer <= result.layers; ++layer) {
        for (const head& each : found)
            if (each.layer == layer) result.all_heads.push(each);
        result.heads = std::max(result.heads, result.heads_in(layer));
    }
    return result;
}

/// The analysis of a program. With identity::line, equal selectors count once only if they are
/// written in the same line; this comes close to the count of the original implementation, which
/// distinguishes selectors as objects.
template <const auto& Program, identity Same = identity::structure>
inline constexpr program_analysis analysis = analyse(graph_of<Program, Same>);

namespace detail {
template <const auto& Program, identity Same>
inline constexpr program_analysis analysis_of_split = analyse(split_program<Program, Same>);

/// The analysis of the program as it is compiled: what is missing may need heads of its own.
template <const auto& Program, identity Same = identity::structure>
consteval const program_analysis& analysis_of_compilable() {
    if constexpr (has_missing(graph_of<Program, Same>))
        return analysis_of_split<Program, Same>;
    else
        return analysis<Program, Same>;
}
}  // namespace detail

/// The number of layers of a program.
template <const auto& Program>
inline constexpr int layers = detail::analysis_of_compilable<Program>().layers;
/// The number of heads of the layer with the most. Where a value may be missing, a head may be
/// needed that tells whether any is selected.
template <const auto& Program, identity Same = identity::structure>
inline constexpr int heads = detail::analysis_of_compilable<Program, Same>().heads;
/// The number of heads of each layer.
template <const auto& Program, identity Same = identity::structure>
inline constexpr auto heads_per_layer = [] {
    std::array<int, static_cast<std::size_t>(layers<Program>)> result{};
    for (int layer = 1; layer <= layers<Program>; ++layer)
        result[static_cast<std::size_t>(layer - 1)] =
            detail::analysis_of_compilable<Program, Same>().heads_in(layer);
    return result;
}();

}  // namespace sequent::inline SEQUENT_ABI::rasp

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

/// Exact evaluation of a program for an input, by the definition of its operations (arXiv
/// 2106.06981, section 3), at compile time or run time.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

// Not constexpr, so that the compiler names the function and the program in its error.
inline void the_mean_of_several_symbols_or_booleans(const graph& program, int at, int position) {
    fail_with<evaluation_error>(
        {"sequent: ", text_of(program, at), " at position ", position,
         " is the mean of several symbols or booleans; of booleans, indicator(...) has one"});
}
inline void a_division_by_zero(const graph& program, int at, int position) {
    fail_with<evaluation_error>(
        {"sequent: ", text_of(program, at), " at position ", position, " divides by zero"});
}
inline void a_power_that_is_no_integer(const graph& program, int at, int position) {
    fail_with<evaluation_error>({"sequent: ", text_of(program, at), " at position ", position,
                                 " has an exponent that is no integer"});
}
inline void a_symbol_that_is_no_number(const graph& program, int at, int position) {
    fail_with<evaluation_error>({"sequent: ", text_of(program, at), " at position ", position,
                                 " is of a symbol that is no number"});
}
inline void an_input_of_another_type(const value& given, type wanted, int position) {
    const char* const names[]{"a boolean", "an integer", "a number", "a symbol"};
    fail_with<evaluation_error>({"sequent: the program's tokens are each ",
                                 std::string(names[static_cast<int>(wanted)]),
                                 ", the one at position ", position, " is \"", given.text(), "\""});
}
inline void a_loop_that_is_not_evaluated_by_rounds() {
    fail<evaluation_error>("sequent: a RASP loop is evaluated by evaluate<program>");
}
inline void an_empty_input() {
    fail<evaluation_error>("sequent: a RASP program takes at least one token");
}

/// In a constant expression the compiler names the position, too.
template <int Position>
void the_mean_of_several_symbols_or_booleans_at_position() {}
template <int... Position>
constexpr void refuse_mean_at(int position, std::integer_sequence<int, Position...>) {
    (..., (position == Position ? the_mean_of_several_symbols_or_booleans_at_position<Position>()
                                : void()));
}

/// An operation of one position, of its arguments' values.
SEQUENT_COLD constexpr value apply(const node& of, const value& first, const value& second,
                                   const value& third, undefined& trouble) {
    const auto number = [&of](const rational& result) { return value(result, of.kind); };
    switch (of.what) {
        case operation::negate:
            return number(-first.number());
        case operation::add:
            return number(first.number() + second.number());
        case operation::subtract:
            return number(first.number() - second.number());
        case operation::multiply:
            return number(first.number() * second.number());
        case operation::divide:
            if (second.number().over == 0) {
                trouble = undefined::zero_division;
                return number(0);
            }
            return number(first.number() / second.number());
        case operation::floor_divide:
            if (second.number().over == 0) {
                trouble = undefined::zero_division;
                return number(0);
            }
            return number((first.number() / second.number()).floor());
        case operation::modulo: {
            if (second.number().over == 0) {
                trouble = undefined::zero_division;
                return number(0);
            }
            const rational times((first.number() / second.number()).floor());
            return number(first.number() - second.number() * times);
        }
        case operation::power: {
            const rational exponent = second.number();
            const bool inverse = exponent.over < 0;
            if (!exponent.is_whole() || (inverse && first.number().over == 0)) {
                trouble = inverse && exponent.is_whole() ? undefined::zero_division
                                                         : undefined::fractional_power;
                return number(0);
            }
            rational result = 1;
            for (std::int64_t count = inverse ? -exponent.over : exponent.over; count > 0; --count)
                result = result * first.number();
            return number(inverse ? rational(1) / result : result);
        }
        case operation::equal:
            return first == second;
        case operation::not_equal:
            return !(first == second);
        case operation::less:
            return first < second;
        case operation::less_equal:
            return !(second < first);
        case operation::greater:
            return second < first;
        case operation::greater_equal:
            return !(first < second);
        case operation::conjunction:
            return first.truth() && second.truth();
        case operation::disjunction:
            return first.truth() || second.truth();
        case operation::negation:
            return !first.truth();
        case operation::round:
            return first.number().rounded();
        case operation::indicator:
            return first.truth() ? 1 : 0;
        case operation::conditional:
            return first.truth() ? second : third;
        case operation::function: {
            const value arguments[]{first, second};
            return of.applied(arguments, trouble);
        }
        default:
            return {};
    }
}

/// The comparison of a key with a query.
SEQUENT_COLD constexpr bool compares(operation what, const value& key, const value& query) {
    switch (what) {
        case operation::select_equal:
            return key == query;
        case operation::select_not_equal:
            return !(key == query);
        case operation::select_less:
            return key < query;
        case operation::select_less_equal:
            return !(query < key);
        case operation::select_greater:
            return query < key;
        default:
            return !(key < query);
    }
}

}  // namespace detail

/// All values of a program for one input. A part without a value, such as a division by zero, is an
/// error only if the output depends on it: cond evaluates one of its branches.
class evaluation {
  public:
    /// Evaluates a program, which must outlive this object. Throws evaluation_error if the input is
    /// empty or does not fit the program, or the output has no value.
    SEQUENT_COLD constexpr evaluation(const graph& program, const sequence& input)
        : evaluation(program, input, no_states(program)) {
        for (int position = 0; position < length_; ++position)
            refuse(causes_[place(program.output, position)]);
    }
    /// Evaluates one round of a loop. Values are checked when they are read by `checked`.
    SEQUENT_COLD constexpr evaluation(const graph& program, const sequence& input,
                                      const std::vector<sequence>& states)
        : program_(&program), length_(input.size()) {
        if (input.empty()) detail::an_empty_input();
        const auto count =
            static_cast<std::size_t>(program.size()) * static_cast<std::size_t>(length_);
        values_.assign(count, value());
        causes_.assign(count, cause());
        for (int at = 0; at < program.size(); ++at)
            if (!is_selection(program[at].what))
                for (int position = 0; position < length_; ++position) {
                    cause why;
                    values_[place(at, position)] =
                        program[at].what == operation::state
                            ? states[static_cast<std::size_t>(program[at].known.number().over)]
                                    [position]
                            : compute(at, position, input, why);
                    causes_[place(at, position)] = why;
                }
    }

    /// The number of positions.
    constexpr int length() const { return length_; }
    /// The program.
    constexpr const graph& program() const { return *program_; }

    /// The value of an s-op at a position.
    constexpr const value& operator()(int at, int position) const {
        return values_[place(at, position)];
    }
    /// The value of an s-op at a position; throws evaluation_error if it has none.
    SEQUENT_COLD constexpr const value& checked(int at, int position) const {
        refuse(causes_[place(at, position)]);
        return (*this)(at, position);
    }
    /// True if a selector selects a column in a row.
    SEQUENT_COLD constexpr bool selects(int at, int row, int column) const {
        cause ignored;
        return selects(at, row, column, ignored);
    }
    /// The values of an s-op.
    constexpr sequence output(int at) const {
        sequence result;
        for (int position = 0; position < length_; ++position)
            result.push_back((*this)(at, position));
        return result;
    }
    /// The values of the output.
    constexpr sequence output() const { return output(program_->output); }

  private:
    static constexpr std::vector<sequence> no_states(const graph& program) {
        if (program.states.size() > 0) detail::a_loop_that_is_not_evaluated_by_rounds();
        return {};
    }
    /// Why there is no value: the operation, and the position.
    struct cause {
        undefined kind = undefined::no;
        int node = 0;
        int position = 0;
        constexpr bool operator!() const { return kind == undefined::no; }
    };
    const graph* program_;
    int length_;
    std::vector<value> values_;
    std::vector<cause> causes_;

    constexpr std::size_t place(int at, int position) const {
        return static_cast<std::size_t>(at) * static_cast<std::size_t>(length_) +
               static_cast<std::size_t>(position);
    }
    SEQUENT_COLD constexpr void refuse(const cause& why) const {
        switch (why.kind) {
            case undefined::no:
                return;
            case undefined::zero_division:
                return detail::a_division_by_zero(*program_, why.node, why.position);
            case undefined::fractional_power:
                return detail::a_power_that_is_no_integer(*program_, why.node, why.position);
            case undefined::no_number:
                return detail::a_symbol_that_is_no_number(*program_, why.node, why.position);
            case undefined::several_symbols:
                if (std::is_constant_evaluated())
                    detail::refuse_mean_at(why.position, std::make_integer_sequence<int, 32>{});
                detail::the_mean_of_several_symbols_or_booleans(*program_, why.node, why.position);
        }
    }
    /// A value, unless it has none: then the cause.
    constexpr const value& read(int at, int position, cause& why) const {
        const cause& here = causes_[place(at, position)];
        if (!!here && !why) why = here;
        return values_[place(at, position)];
    }
    SEQUENT_COLD constexpr bool selects(int at, int row, int column, cause& why) const {
        const node& from = (*program_)[at];
        switch (from.what) {
            case operation::select_and:
                return selects(from.arguments[0], row, column, why) &&
                       selects(from.arguments[1], row, column, why);
            case operation::select_or:
                return selects(from.arguments[0], row, column, why) ||
                       selects(from.arguments[1], row, column, why);
            case operation::select_not:
                return !selects(from.arguments[0], row, column, why);
            default:
                break;
        }
        const value& key = read(from.arguments[0], column, why);
        const value& query = read(from.arguments[1], row, why);
        return !key.is_missing() && !query.is_missing() && detail::compares(from.what, key, query);
    }

    SEQUENT_COLD constexpr value compute(int at, int position, const sequence& input, cause& why) {
        const node& made = (*program_)[at];
        switch (made.what) {
            case operation::tokens: {
                const value& given = input[position];
                if (given.kind() == made.kind) return given;
                if (made.kind == type::real && given.kind() == type::integer)
                    return value(given.number(), type::real);
                detail::an_input_of_another_type(given, made.kind, position);
                return {};
            }
            case operation::indices:
                return position;
            case operation::constant:
                return made.known;
            default:
                return gathers(made.what) ? gather(at, position, why) : apply(at, position, why);
        }
    }
    SEQUENT_COLD constexpr value apply(int at, int position, cause& why) const {
        const node& made = (*program_)[at];
        if (made.what == operation::conditional) {
            const value& condition = read(made.arguments[0], position, why);
            if (!!why || condition.is_missing()) return value::missing(made.kind);
            return read(made.arguments[condition.truth() ? 1 : 2], position, why);
        }
        value arguments[3];
        for (int which = 0; which < 3 && made.arguments[which] >= 0; ++which)
            arguments[which] = read(made.arguments[which], position, why);
        if (!!why) return {};
        if (made.what == operation::is_missing) return arguments[0].is_missing();
        for (const value& each : arguments)
            if (each.is_missing()) return value::missing(made.kind);
        undefined trouble = undefined::no;
        const value result = detail::apply(made, arguments[0], arguments[1], arguments[2], trouble);
        why = {trouble, at, position};
        return result;
    }

    SEQUENT_COLD constexpr value gather(int at, int position, cause& why) const {
        const node& made = (*program_)[at];
        const operation what = made.what;
        const bool counts = what == operation::width || what == operation::width_with_bos;
        value found = has_default(what) ? read(made.arguments[2], position, why) : value(0);
        int count = 0;
        rational total;
        for (int column = what == operation::width_with_bos ? 1 : 0; column < length_; ++column) {
            if (!selects(made.arguments[0], position, column, why)) continue;
            if (counts) ++count;
            if (counts || (what == operation::first && count > 0)) continue;
            const value& here = read(made.arguments[1], column, why);
            if (here.is_missing()) continue;
            ++count;
            if ((what == operation::highest && count > 1 && here < found) ||
                (what == operation::lowest && count > 1 && found < here))
                continue;
            found = here;
            if (what == operation::aggregate || what == operation::sum) {
                if (is_number(made.kind))
                    total = total + here.number();
                else if (count > 1 && !why)
                    why = {undefined::several_symbols, at, position};
            }
        }
        if (counts) return count;
        if (what == operation::sum) return value(total, made.kind);
        if (what == operation::aggregate && count > 1)
            return is_number(made.kind) ? value(total / rational(count), made.kind) : value();
        return found;
    }
};

/// The output of `Program` for an input. If a position has no value, throws evaluation_error, which
/// names the operation and the position; in a constant expression, the compiler names them.
template <const auto& Program>
[[nodiscard]] SEQUENT_COLD constexpr sequence evaluate(const sequence& input) {
    // Checked here, too, because the compiler prints this error earlier.
    constexpr bool is_program = is_s_op<std::remove_cvref_t<decltype(Program)>>;
    static_assert(is_program,
                  "sequent: a RASP program is an s-op; a selector alone gives no values");
    if constexpr (is_program)
        return evaluation(graph_of<Program>, input).output();
    else
        return input;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Causal programs, which attend to no later position, as language models do (arXiv 2310.16028).

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// True if a selector selects everything: it compares two constants.
template <class Nodes>
constexpr bool is_everything(const Nodes& program, int selector) {
    const node& made = program[selector];
    return is_comparison(made.what) && program[made.arguments[0]].what == operation::constant &&
           program[made.arguments[1]].what == operation::constant &&
           compares(made.what, program[made.arguments[0]].known, program[made.arguments[1]].known);
}
/// True if a selector selects no later position.
template <class Nodes>
SEQUENT_COLD constexpr bool looks_back(const Nodes& program, int selector) {
    const node& made = program[selector];
    if (made.what == operation::select_and)
        return looks_back(program, made.arguments[0]) || looks_back(program, made.arguments[1]);
    if (made.what == operation::select_or)
        return looks_back(program, made.arguments[0]) && looks_back(program, made.arguments[1]);
    return (made.what == operation::select_less || made.what == operation::select_less_equal ||
            made.what == operation::select_equal) &&
           program[made.arguments[0]].what == operation::indices &&
           program[made.arguments[1]].what == operation::indices;
}

/// The nodes that `root` depends on, in the order of a node_list. In `nodes`, too, arguments stand
/// in front.
template <int Capacity>
SEQUENT_COLD constexpr node_list<Capacity> in_order(std::vector<node> nodes, int root) {
    for (node& each : nodes) {
        int arguments = 0;
        while (arguments < 3 && each.arguments[arguments] >= 0) ++arguments;
        settle(each, arguments, [&](int which) -> const node& {
            return nodes[static_cast<std::size_t>(each.arguments[which])];
        });
    }
    std::vector<char> used(nodes.size(), 0);
    used[static_cast<std::size_t>(root)] = 1;
    std::vector<int> order;
    for (std::size_t at = nodes.size(); at-- > 0;) {
        if (!used[at]) continue;
        order.push_back(static_cast<int>(at));
        for (const int argument : nodes[at].arguments)
            if (argument >= 0) used[static_cast<std::size_t>(argument)] = 1;
    }
    std::sort(order.begin(), order.end(), [&](int left, int right) {
        const node& one = nodes[static_cast<std::size_t>(left)];
        const node& other = nodes[static_cast<std::size_t>(right)];
        return comes_before(one, other) || (!comes_before(other, one) && left < right);
    });
    std::vector<int> places(nodes.size(), 0);
    for (std::size_t at = 0; at < order.size(); ++at)
        places[static_cast<std::size_t>(order[at])] = static_cast<int>(at);
    node_list<Capacity> result;
    node_merger all(result.items, Capacity);
    for (const int at : order) {
        node made = nodes[static_cast<std::size_t>(at)];
        for (int& argument : made.arguments)
            if (argument >= 0) argument = places[static_cast<std::size_t>(argument)];
        all.push(made);
    }
    result.count = all.count;
    return result;
}

}  // namespace detail

/// The program with selectors that select no later position. For such a program, `compile` gives a
/// causal model, and the output for a prefix is a prefix of the output.
template <part Program>
SEQUENT_COLD constexpr auto causal(const Program& program) {
    static_assert(s_op<Program>, "sequent: RASP's causal takes a program, which is an s-op");
    constexpr auto back = select(indices, indices, less_equal, 0);
    const node* const from = program.nodes.items;
    std::vector<node> nodes(back.nodes.items, back.nodes.items + back.nodes.count);
    const int backward = back.nodes.count - 1;
    std::vector<int> places;
    for (int at = 0; at < program.nodes.count; ++at) {
        node made = from[at];
        for (int& argument : made.arguments)
            if (argument >= 0) argument = places[static_cast<std::size_t>(argument)];
        if (gathers(made.what) && !detail::looks_back(nodes.data(), made.arguments[0])) {
            if (detail::is_everything(nodes.data(), made.arguments[0])) {
                made.arguments[0] = backward;
            } else {
                node both;
                both.what = operation::select_and;
                both.kind = type::boolean;
                both.arguments[0] = made.arguments[0];
                both.arguments[1] = backward;
                made.arguments[0] = static_cast<int>(nodes.size());
                nodes.push_back(both);
            }
        }
        int known = -1;
        for (std::size_t before = 0; before < nodes.size(); ++before)
            if (nodes[before] == made) known = static_cast<int>(before);
        places.push_back(known >= 0 ? known : static_cast<int>(nodes.size()));
        if (known < 0) nodes.push_back(made);
    }
    constexpr int room = std::min(2 * Program::capacity + detail::room_for(4), max_nodes);
    return expression<detail::s_op_of<Program>::kind, room>{
        {}, detail::in_order<room>(nodes, places.back())};
}

/// Appends the output at the last position to the prompt, `count` times.
template <const auto& Program>
SEQUENT_COLD constexpr sequence generate(sequence prompt, int count) {
    for (; count > 0; --count) {
        const sequence found = evaluate<Program>(prompt);
        prompt.push_back(found[found.size() - 1]);
    }
    return prompt;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Attention of the heads of a compiled program.

namespace sequent::inline SEQUENT_ABI::rasp {

/// Attention weights by layer, head, position that attends (row) and position attended to (column);
/// each row sums to 1. Column `length` is the start position, which stands for no position of the
/// input.
class attention_maps {
  public:
    /// Number of layers; of a loop, those of all rounds, round by round.
    int layers = 0;
    /// Number of heads of each layer.
    int heads = 0;
    /// Number of positions of the input.
    int length = 0;

    /// All weights are zero at first.
    attention_maps(int layer_count, int head_count, int positions)
        : layers(layer_count),
          heads(head_count),
          length(positions),
          shares_(static_cast<std::size_t>(layers * heads * length * (length + 1))) {}

    /// The weight of one pair.
    double operator()(int layer, int head, int row, int column) const {
        return shares_[place(layer, head, row, column)];
    }
    /// The weight of one pair.
    double& operator()(int layer, int head, int row, int column) {
        return shares_[place(layer, head, row, column)];
    }

  private:
    std::vector<double> shares_;

    std::size_t place(int layer, int head, int row, int column) const {
        return static_cast<std::size_t>(((layer * heads + head) * length + row) * (length + 1) +
                                        column);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// The possible values of an s-op, for any input.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// The inputs that a program is compiled for: the tokens, symbols or numbers in increasing order,
/// and the largest number of positions.
struct inputs {
    std::vector<value> alphabet;
    int length = 0;
};

/// Limits of listing: the number of values, and the number of pairs of values whose results are
/// listed.
inline constexpr int max_values = 4096;
inline constexpr int max_pairs = 2048;

/// A set of values in increasing order. `complete`: no other values occur. If there are too many to
/// list, they are numbers from `low` to `high`.
struct domain {
    std::vector<value> values;
    bool complete = true;
    rational low;
    rational high;

    constexpr int size() const { return static_cast<int>(values.size()); }
    constexpr void settle() {
        if (!std::is_sorted(values.begin(), values.end())) std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    /// Adds a value.
    constexpr void include(const value& more) {
        if (!complete) {
            low = std::min(low, more.number());
            high = std::max(high, more.number());
            return;
        }
        auto at = std::lower_bound(values.begin(), values.end(), more);
        if (at == values.end() || !(*at == more)) values.insert(at, more);
    }
    constexpr bool is_whole() const {
        for (const value& each : values)
            if (!is_number(each.kind()) || !each.number().is_whole()) return false;
        return complete && !values.empty();
    }
    /// True if the values are all integers between two.
    constexpr bool is_range() const {
        return is_whole() && highest().over - lowest().over + 1 == size();
    }
    constexpr rational lowest() const { return complete ? values.front().number() : low; }
    constexpr rational highest() const { return complete ? values.back().number() : high; }
    constexpr void leave_out(const rational& least, const rational& most) {
        values.clear();
        complete = false;
        low = least;
        high = most;
    }
    /// The integers from `least` to `most`.
    static constexpr domain range(std::int64_t least, std::int64_t most, type kind) {
        domain result;
        if (most - least >= max_values) {
            result.leave_out(least, most);
            return result;
        }
        for (std::int64_t each = least; each <= most; ++each)
            result.values.push_back(value(rational(each), kind));
        return result;
    }
};

/// Limits of enumeration: the number of values of one variable, and of tuples of several.
inline constexpr int max_tuples = 4096;
inline constexpr int max_joint_tuples = 4096;
/// The number of tuples of a table.
inline constexpr int max_table = 5 * max_tuples;

/// The values of all nodes that depend only on the token and the index of one position.
class position_values {
  public:
    std::vector<value> values;
    std::vector<char> defined;

    constexpr explicit position_values(const graph& nodes)
        : values(static_cast<std::size_t>(nodes.size())),
          defined(static_cast<std::size_t>(nodes.size()), 0),
          nodes_(&nodes) {}

    constexpr void set(int at, const value& known) {
        values[static_cast<std::size_t>(at)] = known;
        defined[static_cast<std::size_t>(at)] = 1;
    }
    /// Computes a node from its arguments. It takes plain pointers, which cost compilers fewer
    /// steps of constant evaluation.
    SEQUENT_COLD constexpr void compute(int at) {
        const node& made = nodes_->nodes.items[at];
        const int* const from = made.arguments;
        value* const all = values.data();
        char* const has = defined.data();
        has[at] = 0;
        if (made.what == operation::constant) {
            all[at] = made.known;
            has[at] = 1;
        } else if (made.what == operation::conditional) {
            const int chosen = from[all[from[0]].truth() ? 1 : 2];
            if (!has[from[0]] || !has[chosen]) return;
            all[at] = all[chosen];
            has[at] = 1;
        } else if (made.what >= operation::negate && made.what <= operation::function) {
            const int second = from[1] < 0 ? from[0] : from[1];
            if (!has[from[0]] || !has[second]) return;
            undefined trouble = undefined::no;
            all[at] = rasp::detail::apply(made, all[from[0]], all[second], all[second], trouble);
            has[at] = trouble == undefined::no ? 1 : 0;
        }
    }
    /// Computes all nodes from a token and an index; `token` is null if only the index is known.
    SEQUENT_COLD constexpr void embed(const value* token, int index) {
        for (int at = 0; at < nodes_->size(); ++at) {
            const operation what = (*nodes_)[at].what;
            if (what == operation::indices)
                set(at, index);
            else if (what == operation::tokens && token)
                set(at, *token);
            else
                compute(at);
        }
    }

  private:
    const graph* nodes_;
};

/// All means of 1 to `length` of these values.
SEQUENT_COLD constexpr domain means_of(const domain& of, int length) {
    domain result;
    if (!of.is_whole()) {
        if (of.complete && of.size() == 1)
            result.values = of.values;
        else
            result.leave_out(of.lowest(), of.highest());
        return result;
    }
    const std::int64_t low = of.lowest().over;
    const std::int64_t high = of.highest().over;
    // About 3 / pi^2 of all fractions are in lowest terms.
    if ((high - low) * length * length / 3 > max_values) {
        result.leave_out(of.lowest(), of.highest());
        return result;
    }
    // The Farey fractions between any two integers, in order (Hardy and Wright, theorem 28).
    for (std::int64_t whole = low; whole < high; ++whole) {
        std::int64_t over = 0;
        std::int64_t under = 1;
        std::int64_t next_over = 1;
        std::int64_t next_under = length;
        while (over < under) {
            result.values.push_back(value(rational(whole * under + over, under), type::real));
            const std::int64_t times = (length + under) / next_under;
            const std::int64_t after_over = times * next_over - over;
            const std::int64_t after_under = times * next_under - under;
            over = next_over;
            under = next_under;
            next_over = after_over;
            next_under = after_under;
        }
    }
    result.values.push_back(value(rational(high), type::real));
    return result;
}

/// All means of up to `length` values of which all but one are zero.
SEQUENT_COLD constexpr domain means_of_single(const rational& single, int length) {
    domain result;
    result.values.push_back(value(rational(0), type::real));
    for (int count = 1; count <= length; ++count)
        result.values.push_back(value(single / rational(count), type::real));
    result.settle();
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Sums written as round(width * mean) where the width of the selector is known.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

using rasp::detail::is_everything;
using rasp::detail::looks_back;

constexpr bool is_constant(const graph& program, int at) {
    return program[at].what == operation::constant;
}
constexpr bool is_constant(const graph& program, int at, const value& known) {
    return is_constant(program, at) && program[at].known == known;
}
constexpr bool is_index(const graph& program, int at) {
    return program[at].what == operation::indices;
}

/// True for round(1 / aggregate(everything, indicator(indices == 0))), the length.
SEQUENT_COLD constexpr bool is_length(const graph& program, int at) {
    const node& rounded = program[at];
    if (rounded.what != operation::round) return false;
    const node& inverse = program[rounded.arguments[0]];
    if (inverse.what != operation::divide || !is_constant(program, inverse.arguments[0], 1))
        return false;
    const node& mean = program[inverse.arguments[1]];
    if (mean.what != operation::aggregate || !is_everything(program, mean.arguments[0]))
        return false;
    const node& one = program[mean.arguments[1]];
    if (one.what != operation::indicator) return false;
    const node& first = program[one.arguments[0]];
    return first.what == operation::equal && is_index(program, first.arguments[0]) &&
           is_constant(program, first.arguments[1], 0);
}

/// True if a number is the width of a selector that selects all positions, the earlier ones, or
/// those up to each one.
SEQUENT_COLD constexpr bool is_width(const graph& program, int at, int selector) {
    if (is_everything(program, selector)) return is_length(program, at);
    const node& made = program[selector];
    if (!is_comparison(made.what) || !is_index(program, made.arguments[0]) ||
        !is_index(program, made.arguments[1]))
        return false;
    if (made.what == operation::select_less) return is_index(program, at);
    const node& next = program[at];
    return made.what == operation::select_less_equal && next.what == operation::add &&
           ((is_index(program, next.arguments[0]) && is_constant(program, next.arguments[1], 1)) ||
            (is_index(program, next.arguments[1]) && is_constant(program, next.arguments[0], 1)));
}

/// The mean of integers in a node that is the sum round(width * mean); -1 if the node is no such
/// sum.
SEQUENT_COLD constexpr int mean_of_sum(const graph& program, int at) {
    const node& rounded = program[at];
    if (rounded.what != operation::round) return -1;
    const node& times = program[rounded.arguments[0]];
    if (times.what != operation::multiply) return -1;
    for (const int side : {0, 1}) {
        const int mean = times.arguments[side];
        const node& made = program[mean];
        if (made.what == operation::aggregate && program[made.arguments[1]].kind == type::integer &&
            is_constant(program, made.arguments[2], 0) &&
            is_width(program, times.arguments[1 - side], made.arguments[0]))
            return mean;
    }
    return -1;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// The positions that a head attends to, as a sum of products of a number at the key and one at the
/// query.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// A feature of a position, which keys and queries use: the value of a node (`constant`), its
/// square (`multiply`), or the result of comparing it with a threshold.
struct feature {
    int node = -1;
    operation how = operation::constant;
    value threshold{};

    friend constexpr bool operator==(const feature&, const feature&) = default;
};

/// A product of features; 1 without features.
struct product {
    feature parts[4]{};
    int count = 0;

    constexpr product() = default;
    constexpr product(const feature& only) : count(1) { parts[0] = only; }
    friend constexpr product operator*(const product& left, const product& right) {
        product result = left;
        for (int at = 0; at < right.count; ++at) result.parts[result.count++] = right.parts[at];
        return result;
    }
    SEQUENT_COLD constexpr std::uint64_t hash() const {
        std::uint64_t result = hash_start;
        for (int at = 0; at < count; ++at) {
            const feature& part = parts[at];
            result = hashed(result, static_cast<std::uint64_t>(64 * part.node) +
                                        static_cast<std::uint64_t>(part.how));
            result = hashed(result, part.threshold.bits());
        }
        return result;
    }
    friend constexpr bool operator==(const product& left, const product& right) {
        if (left.count != right.count) return false;
        for (int at = 0; at < left.count; ++at)
            if (!(left.parts[at] == right.parts[at])) return false;
        return true;
    }
};

struct term {
    double factor = 1;
    product key;
    product query;
};

/// A penalty: a sum of terms that is 0 for selected pairs and at least 1 for all others. A
/// conjunction is the sum of two penalties, a disjunction their product.
using penalty = std::vector<term>;

constexpr penalty both(penalty left, const penalty& right) {
    for (const term& each : right) left.push_back(each);
    return left;
}
SEQUENT_COLD constexpr penalty either(const penalty& left, const penalty& right) {
    penalty result;
    for (const term& one : left)
        for (const term& other : right)
            result.push_back(
                {one.factor * other.factor, one.key * other.key, one.query * other.query});
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// A program during its compilation to weights: its nodes, placeholders for the results of heads,
/// and the possible values of each node.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// Why a program cannot be compiled.
enum class problem {
    none,
    tokens_are_of_another_type_than_the_alphabet,
    too_many_values_to_compare,
    too_many_values_in_a_function,
    a_number_that_is_no_integer_in_a_sum,
    too_many_heads_in_a_layer,
    too_many_values_of_the_output,
    too_many_steps_at_one_position,
    too_many_values_of_a_state,
    a_state_that_does_not_begin_with_a_value_of_its_position
};

struct mistake {
    problem kind = problem::none;
    operation what = operation::constant;
    int part = -1;  // of the program
};

/// A number that a head carries from the positions it attends to.
struct channel {
    int node = -1;      // node of the values
    value otherwise{};  // value if no position is selected
};

/// How a head treats the start position, which holds no token.
enum class start {
    otherwise,  // attended to if no position is selected: half a penalty
    counted,    // attended to with the others; its weight gives their number
    ignored     // whether the key attended to was selected is decided afterwards
};

struct lowered_head {
    int layer = 0;
    int place = -1;  // among the heads of the layer, in the order of the analysis
    int selector = -1;
    start use = start::otherwise;
    int preferred = -1;  // the source of an order among the selected positions
    operation source = operation::aggregate;
    penalty penalties;
    double sharpness = 0;
    std::vector<channel> channels;
};

/// The meaning of a leaf of pointwise functions: a mean that a head gives; a quantity that follows
/// from two numbers of a counting head - its weight on the start, 1 / (1 + w) for w positions, and
/// a sum times that weight -; or whether the key attended to is the one that was asked for.
enum class leaf_kind { mean, counted_mean, width, sum, match };

struct leaf {
    leaf_kind kind = leaf_kind::mean;
    int head = -1;
    int channel = -1;
    int query = -1;  // of a match
    domain values;
};

/// How a node is computed from the variables that it depends on in its layer.
enum class form {
    table,   // a function of their values
    linear,  // a sum, which is read and never computed
    step,    // a comparison or rounding of one sum
    gate     // one of two sums
};

/// The distance between layers of a program. The numbers between are for layers without heads,
/// which functions with more than one hidden layer need.
inline constexpr int sublayers = 16;

class node_records {
  public:
    node_records(const node_records&) = delete;
    node_records& operator=(const node_records&) = delete;

    graph nodes;
    std::vector<leaf> leaves;
    std::vector<lowered_head> heads;
    inputs given;
    /// True if no head attends to a later position; the model then has a causal mask.
    bool is_causal = false;
    std::vector<value> symbols;  // in rising order; a symbol's code is its place here
    mistake wrong;

    /// Larger than every number that is compared.
    static constexpr std::int64_t unbounded = 1000000;

    constexpr int layer(int at) const { return of(at).layer; }
    constexpr form form_of(int at) const { return of(at).how; }
    constexpr int source_of(int at) const { return of(at).source; }
    constexpr const leaf& leaf_of(int at) const {
        return leaves[static_cast<std::size_t>(nodes[at].known.number().over)];
    }
    constexpr bool is_leaf(int at) const { return nodes[at].what == operation::gathered; }
    /// True for a node that is computed in a layer as a variable of functions of this layer, not
    /// read from the stream.
    constexpr bool is_step_in(int at, int layer_of_functions) const {
        return layer(at) == layer_of_functions && form_of(at) == form::step;
    }

    /// The code of a value: the place of a symbol, 0 or 1 for booleans, else the number.
    constexpr double code(const value& of) const {
        if (of.kind() == type::boolean) return of.truth() ? 1 : 0;
        if (of.kind() != type::symbol) return of.number().as_double();
        const auto found = std::lower_bound(symbols.begin(), symbols.end(), of);
        return static_cast<double>(found - symbols.begin());
    }

    /// The possible values of a node.
    SEQUENT_COLD constexpr const domain& domain_of(int at) const { return of(at).values; }
    /// The least and the greatest code of a node.
    struct bounds {
        double low;
        double high;
    };
    constexpr bounds bounds_of(int at) const {
        const domain& values = domain_of(at);
        if (!values.complete) return {values.low.as_double(), values.high.as_double()};
        if (values.values.empty()) return {0, 0};
        return {code(values.values.front()), code(values.values.back())};
    }

    /// A sum of nodes with factors, and a constant.
    struct summand {
        int node;
        rational factor;
    };
    struct linear {
        std::vector<summand> summands;
        rational offset;  // of symbols, their code

        constexpr void add(int node, const rational& factor) {
            for (summand& each : summands)
                if (each.node == node) {
                    each.factor = each.factor + factor;
                    return;
                }
            summands.push_back({node, factor});
        }
        constexpr void add(const linear& other, const rational& factor) {
            for (const summand& each : other.summands) add(each.node, factor * each.factor);
            offset = offset + factor * other.offset;
        }
    };
    /// The sum that a node is; the node itself if it is no sum.
    SEQUENT_COLD constexpr const linear& linear_of(int at) const { return of(at).parts; }
    constexpr const channel& channel_of(const leaf& of) const {
        return heads[static_cast<std::size_t>(of.head)]
            .channels[static_cast<std::size_t>(of.channel)];
    }

    /// The product of this number for two such sums is a lower bound of the distance between
    /// different values of them; 0 if none is known.
    SEQUENT_COLD constexpr double finest(const linear& of) const {
        double denominators = static_cast<double>(of.offset.under);
        for (const summand& each : of.summands) {
            denominators *= static_cast<double>(each.factor.under);
            const node& made = nodes[each.node];
            const domain& values = domain_of(each.node);
            std::int64_t most = 1;
            if (values.complete && is_number(made.kind)) {
                for (const value& one : values.values) most = std::max(most, one.number().under);
            } else if (!values.complete && made.kind != type::integer) {
                if (made.what == operation::conditional) {
                    const double one = finest(linear_of(made.arguments[1]));
                    const double other = finest(linear_of(made.arguments[2]));
                    if (one == 0 || other == 0) return 0;
                    denominators *= 1 / (one * other);
                } else if (made.what == operation::gathered) {
                    // A mean of up to `length` values.
                    const double step = finest(linear_of(channel_of(leaf_of(each.node)).node));
                    if (step == 0) return 0;
                    denominators *= given.length / step;
                } else {
                    return 0;
                }
            }
            denominators *= static_cast<double>(most);
        }
        return 1 / denominators;
    }

  protected:
    struct record {
        int layer = 0;
        int source = -1;
        form how = form::table;
        bool is_positional = false;  // depends only on the position
        bool is_uniform = false;     // equal at all positions
        domain values;
        linear parts;
        std::vector<int> variables;
    };

    SEQUENT_COLD constexpr explicit node_records(const inputs& in) : given(in) {}

    std::vector<record> records_;
    std::vector<domain> state_values_;  // of the states of a loop

    constexpr const record& of(int at) const { return records_[static_cast<std::size_t>(at)]; }
    constexpr record& of(int at) { return records_[static_cast<std::size_t>(at)]; }

    // Domains.

    SEQUENT_COLD constexpr domain find_domain(int at) const {
        const node& made = nodes[at];
        domain result;
        if (made.what == operation::tokens) {
            result.values = given.alphabet;
        } else if (made.what == operation::state) {
            return state_values_[static_cast<std::size_t>(made.known.number().over)];
        } else if (made.what == operation::indices) {
            return domain::range(0, given.length - 1, type::integer);
        } else if (made.what == operation::constant) {
            result.values.push_back(made.known);
        } else if (made.what == operation::gathered) {
            return leaf_of(at).values;
        } else if (made.kind == type::boolean && made.what != operation::function) {
            result.values = {value(false), value(true)};
        } else if (made.what == operation::conditional) {
            result = domain_of(made.arguments[1]);
            const domain& other = domain_of(made.arguments[2]);
            if (!result.complete || !other.complete || result.size() + other.size() > max_values) {
                result.leave_out(std::min(result.lowest(), other.lowest()),
                                 std::max(result.highest(), other.highest()));
                return result;
            }
            if (result.is_range() && other.is_range() && result.lowest() <= other.highest() &&
                other.lowest() <= result.highest())
                return domain::range(std::min(result.lowest(), other.lowest()).over,
                                     std::max(result.highest(), other.highest()).over, made.kind);
            const auto middle = static_cast<std::ptrdiff_t>(result.values.size());
            for (const value& each : other.values) result.values.push_back(each);
            std::vector<value> merged(result.values.size());
            std::merge(result.values.begin(), result.values.begin() + middle,
                       result.values.begin() + middle, result.values.end(), merged.begin());
            result.values = std::move(merged);
        } else if (made.what == operation::indicator) {
            result.values = {value(0), value(1)};
        } else {
            return domain_of_arithmetic(at);
        }
        result.settle();
        return result;
    }
    /// The domain of a node whose values cannot be listed from pairs of values: sums and rounded
    /// numbers have bounds, between which integers are listed; for other numbers nothing is known.
    SEQUENT_COLD constexpr domain bounded_domain(int at) const {
        const node& made = nodes[at];
        const linear& parts = linear_of(at);
        domain result;
        rational low = parts.offset;
        rational high = parts.offset;
        const auto add_range = [&](const rational& one, const rational& other) {
            low = low + std::min(one, other);
            high = high + std::max(one, other);
        };
        for (const summand& each : parts.summands) {
            if (each.node != at) {
                const domain& summed = domain_of(each.node);
                if (is_number(nodes[each.node].kind))
                    add_range(each.factor * summed.lowest(), each.factor * summed.highest());
                else
                    add_range(0, each.factor);
                continue;
            }
            const domain& first = domain_of(made.arguments[0]);
            const node& by = nodes[std::max(made.arguments[1], 0)];
            const bool by_number = made.arguments[1] >= 0 && by.what == operation::constant &&
                                   by.known.number().over > 0;
            if (made.what == operation::round) {
                add_range(first.lowest().rounded(), first.highest().rounded());
            } else if (made.what == operation::floor_divide && by_number) {
                add_range((first.lowest() / by.known.number()).floor(),
                          (first.highest() / by.known.number()).floor());
            } else if (made.what == operation::modulo && by_number) {
                add_range(0, by.known.number());
            } else if (made.what == operation::multiply) {
                const domain& second = domain_of(made.arguments[1]);
                const rational ends[]{
                    first.lowest() * second.lowest(), first.lowest() * second.highest(),
                    first.highest() * second.lowest(), first.highest() * second.highest()};
                add_range(*std::min_element(ends, ends + 4), *std::max_element(ends, ends + 4));
            } else {
                add_range(-unbounded, unbounded);
            }
        }
        if (made.kind == type::integer && high.over - low.over < max_values)
            return domain::range(low.floor(), high.floor(), made.kind);
        result.leave_out(low, high);
        return result;
    }
    SEQUENT_COLD constexpr domain domain_of_arithmetic(int at) const {
        const node& made = nodes[at];
        const domain* of[3]{};
        int count = 0;
        long long tuples = 1;
        bool complete = true;
        bool ranges = true;
        for (; count < 3 && made.arguments[count] >= 0; ++count) {
            of[count] = &domain_of(made.arguments[count]);
            tuples *= std::max(1, of[count]->size());
            complete = complete && of[count]->complete;
            ranges = ranges && of[count]->is_range();
        }
        const bool adds = made.what == operation::add || made.what == operation::subtract;
        if (adds && ranges) {
            const bool plus = made.what == operation::add;
            return domain::range(
                of[0]->lowest().over + (plus ? of[1]->lowest().over : -of[1]->highest().over),
                of[0]->highest().over + (plus ? of[1]->highest().over : -of[1]->lowest().over),
                made.kind);
        }
        const int limit = count == 1 ? max_values : max_pairs;
        if ((!complete || tuples > limit) && is_number(made.kind) &&
            made.what != operation::function)
            return bounded_domain(at);
        domain result;
        if (!complete || tuples > max_table) {
            result.leave_out(-unbounded, unbounded);
            return result;
        }
        value chosen[3];
        for (long long tuple = 0; tuple < tuples; ++tuple) {
            long long rest = tuple;
            for (int which = 0; which < count; ++which) {
                chosen[which] =
                    of[which]->values[static_cast<std::size_t>(rest % of[which]->size())];
                rest /= of[which]->size();
            }
            undefined trouble = undefined::no;
            const value found = rasp::detail::apply(made, chosen[0], chosen[1], chosen[2], trouble);
            if (trouble == undefined::no) result.values.push_back(found);
        }
        result.settle();
        if (result.size() > max_values && is_number(made.kind))
            result.leave_out(result.lowest(), result.highest());
        if (result.values.empty() && result.complete) result.values.push_back(value(0));
        return result;
    }

    // Sums.

    SEQUENT_COLD constexpr linear find_linear(int at) const {
        const node& made = nodes[at];
        linear result;
        const auto argument = [&](int which) -> const linear& {
            return linear_of(made.arguments[which]);
        };
        switch (made.what) {
            case operation::constant:
                result.offset = is_number(made.known.kind())
                                    ? made.known.number()
                                    : rational(static_cast<std::int64_t>(code(made.known)));
                return result;
            case operation::negate:
                result.add(argument(0), -1);
                return result;
            case operation::indicator:
                return argument(0);
            case operation::negation:
                result.offset = 1;
                result.add(argument(0), -1);
                return result;
            case operation::add:
                result = argument(0);
                result.add(argument(1), 1);
                return result;
            case operation::subtract:
                result = argument(0);
                result.add(argument(1), -1);
                return result;
            case operation::multiply:
            case operation::divide: {
                const node& right = nodes[made.arguments[1]];
                const node& left = nodes[made.arguments[0]];
                const bool divides = made.what == operation::divide;
                if (right.what == operation::constant &&
                    !(divides && right.known.number().over == 0)) {
                    result.add(argument(0),
                               divides ? rational(1) / right.known.number() : right.known.number());
                    return result;
                }
                if (left.what == operation::constant && !divides) {
                    result.add(argument(1), left.known.number());
                    return result;
                }
                break;
            }
            default:
                break;
        }
        result.add(at, 1);
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// The layer in which each node of a lowered program is computed, and how.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class lowered_nodes : public node_records {
  public:
    /// Adds what a node depends on in a layer: numbers of earlier layers, results of heads of the
    /// layer, and steps.
    SEQUENT_COLD constexpr void collect(int at, int in_layer, std::vector<int>& variables) const {
        const node& made = nodes[at];
        if (made.what == operation::constant) return;
        // The negative of a number of an earlier layer is not another variable.
        const bool repeats = made.what == operation::negation || made.what == operation::indicator;
        if (layer(at) < in_layer && repeats) return collect(made.arguments[0], in_layer, variables);
        const auto include = [&](int each) {
            if (std::find(variables.begin(), variables.end(), each) == variables.end())
                variables.push_back(each);
        };
        if (layer(at) < in_layer || is_leaf(at))
            include(at);
        else
            for (const int each : of(at).variables) include(each);
    }

    /// The number of values of a variable for functions of a layer; 0 if they cannot be listed.
    SEQUENT_COLD constexpr int items_of(int at, int in_layer, bool& is_ranged) const {
        is_ranged = is_step_in(at, in_layer);
        if (is_ranged && form_of(at) == form::step && nodes[at].kind == type::boolean) return 3;
        if (is_leaf(at)) {
            const leaf& of_leaf = leaf_of(at);
            is_ranged = of_leaf.kind == leaf_kind::match;
            if (is_ranged) return 3;
            if (layer(at) == in_layer &&
                (of_leaf.kind == leaf_kind::sum || of_leaf.kind == leaf_kind::counted_mean)) {
                const domain& values = domain_of(channel_of(of_leaf).node);
                if (!is_number(nodes[at].kind)) return values.size() + 1;
                if (!values.is_whole()) return 0;
                const std::int64_t range = values.highest().over - values.lowest().over;
                return static_cast<int>(std::min<std::int64_t>(
                    (range * given.length / 2 + 1) * (given.length + 1), max_table));
            }
        }
        return domain_of(at).complete ? domain_of(at).size() : 0;
    }

    /// The number of tuples of values of variables; more than max_tuples if there are too many, if
    /// they cannot be listed, or if two variables are ranges, which a line cannot distinguish.
    SEQUENT_COLD constexpr long long count_tuples(const std::vector<int>& variables,
                                                  int in_layer) const {
        long long tuples = 1;
        int ranges = 0;
        for (const int each : variables) {
            bool is_ranged = false;
            const int items = items_of(each, in_layer, is_ranged);
            if (items == 0) return max_tuples + 1;
            tuples = std::min<long long>(tuples * items, max_tuples + 1);
            ranges += is_ranged ? 1 : 0;
        }
        // The sign of a single sum may suffice; otherwise the table decides.
        if (variables.size() == 1)
            return is_leaf(variables[0]) ? std::min<long long>(tuples, max_tuples) : tuples;
        return ranges > 1 || variables.size() > 5 || tuples > max_joint_tuples ? max_tuples + 1
                                                                               : tuples;
    }
    constexpr bool is_opaque(int at, int in_layer) const {
        return layer(at) == in_layer && form_of(at) == form::gate;
    }

  protected:
    int source = -1;                   // the part of the program that is lowered
    std::vector<value> found_symbols;  // symbols that functions return

    SEQUENT_COLD constexpr explicit lowered_nodes(const inputs& in) : node_records(in) {}

    constexpr void fail(problem kind, operation what, int part) {
        if (wrong.kind == problem::none) wrong = {kind, what, part};
    }
    constexpr void fail(problem kind, operation what) { fail(kind, what, source); }

    SEQUENT_COLD constexpr int add(const node& made, int layer) {
        const int at = nodes.add(made);
        if (at < static_cast<int>(records_.size())) return at;
        records_.emplace_back();
        records_.back().layer = layer;
        records_.back().source = source;
        bool is_positional = made.what == operation::indices || is_pointwise(made.what) ||
                             made.what == operation::constant;
        bool is_uniform = made.what == operation::constant || is_pointwise(made.what) ||
                          (made.what == operation::gathered && is_uniform_leaf(leaf_of(at)));
        for (const int argument : made.arguments) {
            is_positional = is_positional && (argument < 0 || of(argument).is_positional);
            is_uniform = is_uniform && (argument < 0 || of(argument).is_uniform);
        }
        records_.back().is_positional = is_positional;
        records_.back().is_uniform = is_uniform;
        linear parts = find_linear(at);
        records_.back().parts = std::move(parts);
        domain values = find_domain(at);
        records_.back().values = std::move(values);
        if (made.what == operation::function && made.kind == type::symbol)
            for (const value& each : records_.back().values.values) found_symbols.push_back(each);
        if (layer > 0 && is_pointwise(made.what))
            settle(at);
        else if (made.what != operation::constant)
            records_.back().variables.push_back(at);
        return at;
    }
    SEQUENT_COLD constexpr int add(operation what, type kind, int first, int second = -1,
                                   int third = -1) {
        node made;
        made.what = what;
        made.kind = kind;
        made.arguments[0] = first;
        made.arguments[1] = second;
        made.arguments[2] = third;
        return add(made, deepest(made));
    }
    constexpr int deepest(const node& made) const {
        int result = 0;
        for (const int argument : made.arguments)
            if (argument >= 0) result = std::max(result, layer(argument));
        return result;
    }
    constexpr int add_constant(const value& known) {
        node made;
        made.kind = known.kind();
        made.known = known;
        return add(made, 0);
    }
    SEQUENT_COLD constexpr int add_leaf(const leaf& made, type kind) {
        node standing;
        standing.what = operation::gathered;
        standing.kind = kind;
        standing.known = value(static_cast<int>(leaves.size()));
        for (std::size_t at = 0; at < leaves.size(); ++at)
            if (leaves[at].kind == made.kind && leaves[at].head == made.head &&
                leaves[at].channel == made.channel && leaves[at].query == made.query)
                standing.known = value(static_cast<int>(at));
        const int layer = heads[static_cast<std::size_t>(made.head)].layer;
        if (standing.known.number().over == static_cast<std::int64_t>(leaves.size()))
            leaves.push_back(made);
        return add(standing, layer);
    }
    /// The node of this sum; adds it if there is none.
    SEQUENT_COLD constexpr int node_of(const linear& of) {
        int result = -1;
        for (const summand& each : of.summands) {
            int part = each.node;
            if (!(each.factor == rational(1)))
                part = add(operation::multiply, type::real, part,
                           add_constant(value(each.factor, type::real)));
            result = result < 0 ? part : add(operation::add, type::real, result, part);
        }
        if (result < 0) return add_constant(value(of.offset, type::real));
        if (of.offset == rational(0)) return result;
        return add(operation::add, type::real, result, add_constant(value(of.offset, type::real)));
    }
    constexpr bool is_positional(int at) const { return of(at).is_positional; }
    constexpr bool is_uniform(int at) const { return of(at).is_uniform; }

    /// Resets the program to its empty state.
    constexpr void clear() {
        nodes = graph();
        records_.clear();
        leaves.clear();
        heads.clear();
        found_symbols.clear();
    }

  private:
    constexpr bool is_uniform_leaf(const leaf& made) const {
        for (const term& each : heads[static_cast<std::size_t>(made.head)].penalties)
            if (each.query.count > 0) return false;
        return !is_causal;
    }

    // The layer in which a node is computed, and how.

    /// True if a sum can be read in a layer: none of its parts is computed there.
    constexpr bool is_readable(int at, int in_layer) const {
        for (const summand& each : linear_of(at).summands)
            if (layer(each.node) == in_layer && in_layer > 0 &&
                nodes[each.node].what != operation::state &&
                !(is_leaf(each.node) && leaf_of(each.node).kind == leaf_kind::mean))
                return false;
        return true;
    }
    constexpr bool are_readable(int at, int in_layer) const {
        for (const int argument : nodes[at].arguments)
            if (argument >= 0 && !is_readable(argument, in_layer)) return false;
        return true;
    }
    SEQUENT_COLD constexpr std::vector<int> variables_of_arguments(int at, bool& fits) const {
        std::vector<int> result;
        for (const int argument : nodes[at].arguments)
            if (argument >= 0) {
                collect(argument, layer(at), result);
                fits = fits && !is_opaque(argument, layer(at));
            }
        fits = fits && count_tuples(result, layer(at)) <= max_tuples;
        return result;
    }
    SEQUENT_COLD constexpr void settle(int at) {
        record& made = of(at);
        bool fits = true;
        made.variables = variables_of_arguments(at, fits);
        const auto& parts = made.parts.summands;
        if (parts.empty() || parts.size() > 1 || parts[0].node != at) {
            made.how = form::linear;
            // A sum of several numbers is read as one variable if it has fewer values than the
            // numbers have tuples.
            const int size = made.values.complete ? made.values.size() : 0;
            if (parts.size() > 1 && size > 0 && is_readable(at, made.layer) &&
                (!fits || count_tuples(made.variables, made.layer) > size))
                made.variables = {at};
            return;
        }
        // A comparison of numbers with many values takes two units as a step, instead of a table.
        constexpr int many = 256;
        if (fits && nodes[at].kind == type::boolean && is_step(at) &&
            are_readable(at, made.layer) && count_tuples(made.variables, made.layer) > many)
            fits = false;
        for (int attempt = 0; !fits && attempt < 2; ++attempt) {
            if (are_readable(at, made.layer)) {
                if (is_step(at)) {
                    made.how = form::step;
                    made.variables = {at};
                    return;
                }
                if (nodes[at].what == operation::conditional) {
                    made.how = form::gate;
                    made.variables = {at};
                    return;
                }
            }
            if (attempt > 0) break;
            ++made.layer;
            if (made.layer % sublayers == 0)
                fail(problem::too_many_steps_at_one_position, nodes[at].what);
            fits = true;
            made.variables = variables_of_arguments(at, fits);
        }
    }
    /// True for steps: comparisons of numbers, which depend on the sign of a difference, and
    /// rounding.
    constexpr bool is_step(int at) const {
        const node& made = nodes[at];
        if (made.what >= operation::equal && made.what <= operation::greater_equal)
            return is_number(nodes[made.arguments[0]].kind);
        const bool rounds = made.what == operation::round ||
                            (made.what == operation::floor_divide &&
                             nodes[made.arguments[1]].what == operation::constant &&
                             nodes[made.arguments[1]].known.number().over > 0);
        if (!rounds) return false;
        const domain& values = of(at).values;
        return values.complete;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// A selector as a sum of products of a number at the key and one at the query.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

constexpr operation opposite(operation what) {
    switch (what) {
        case operation::select_equal:
            return operation::select_not_equal;
        case operation::select_not_equal:
            return operation::select_equal;
        case operation::select_less:
            return operation::select_greater_equal;
        case operation::select_greater_equal:
            return operation::select_less;
        case operation::select_greater:
            return operation::select_less_equal;
        default:
            return operation::select_greater;
    }
}
/// The equivalent comparison of exchanged operands.
constexpr operation mirrored(operation what) {
    switch (what) {
        case operation::select_less:
            return operation::select_greater;
        case operation::select_greater:
            return operation::select_less;
        case operation::select_less_equal:
            return operation::select_greater_equal;
        case operation::select_greater_equal:
            return operation::select_less_equal;
        default:
            return what;
    }
}
/// The comparison of two values at one position.
constexpr operation pointwise(operation what) {
    return static_cast<operation>(static_cast<int>(what) -
                                  static_cast<int>(operation::select_equal) +
                                  static_cast<int>(operation::equal));
}

class lowered_selectors : public lowered_nodes {
  protected:
    const graph& program_;

    SEQUENT_COLD constexpr lowered_selectors(const graph& program, const inputs& in)
        : lowered_nodes(in), program_(program) {}

    /// The lowered node of a part of the program.
    constexpr virtual int lower(int at) = 0;

    /// A node and its known value.
    struct binding {
        int node;
        value known;
    };
    struct bindings {
        std::vector<binding> keys;
        std::vector<binding> queries;
    };

    constexpr penalty not_at_first() {
        node index;
        index.what = operation::indices;
        return {{1, condition(add(index, 0), operation::equal, value(0)), {}}};
    }

    /// The feature that compares a node with a constant.
    SEQUENT_COLD constexpr feature condition(int node, operation how, const value& with) {
        const int other = add_constant(with);
        const auto negated = [&](operation opposite) {
            return add(operation::negation, type::boolean,
                       add(opposite, type::boolean, node, other));
        };
        // A condition and its negation share a feature.
        if (how == operation::not_equal) return {negated(operation::equal)};
        if (how == operation::greater_equal) return {negated(operation::less)};
        if (how == operation::less_equal) return {negated(operation::greater)};
        return {add(how, type::boolean, node, other)};
    }

    SEQUENT_COLD constexpr penalty penalty_of(int selector, bool negated, const bindings& outer) {
        const node& made = program_[selector];
        if (made.what == operation::select_not)
            return penalty_of(made.arguments[0], !negated, outer);
        const bool joins = made.what == operation::select_and || made.what == operation::select_or;
        if (joins && (made.what == operation::select_and) != negated) {
            bindings inner = outer;
            if (!negated) bind(selector, inner);
            return both(penalty_of(made.arguments[0], negated, inner),
                        penalty_of(made.arguments[1], negated, inner));
        }
        if (joins) {
            penalty result = either(penalty_of(made.arguments[0], negated, outer),
                                    penalty_of(made.arguments[1], negated, outer));
            for (term& each : result) {
                join_conditions(each.key);
                join_conditions(each.query);
            }
            return result;
        }
        return penalty_of_comparison(selector, negated ? opposite(made.what) : made.what, outer);
    }
    /// The conjunction of several conditions at one position.
    SEQUENT_COLD constexpr void join_conditions(product& of) {
        product result;
        int joined = -1;
        for (int at = 0; at < of.count; ++at) {
            const feature& part = of.parts[at];
            if (part.how != operation::constant || nodes[part.node].kind != type::boolean)
                result.parts[result.count++] = part;
            else
                joined = joined < 0 ? part.node
                                    : add(operation::conjunction, type::boolean, joined, part.node);
        }
        if (joined >= 0) result.parts[result.count++] = feature{joined};
        if (result.count > 2) fail(problem::too_many_values_to_compare, operation::select_or);
        of = result;
    }
    /// Collects the nodes whose values are known wherever all parts of the selector hold.
    SEQUENT_COLD constexpr void bind(int selector, bindings& bound) const {
        const node& made = program_[selector];
        if (made.what == operation::select_and) {
            bind(made.arguments[0], bound);
            bind(made.arguments[1], bound);
        } else if (made.what == operation::select_equal) {
            const int key = made.arguments[0];
            const int query = made.arguments[1];
            if (is_constant(program_, query) && !is_constant(program_, key))
                bound.keys.push_back({key, program_[query].known});
            if (is_constant(program_, key) && !is_constant(program_, query))
                bound.queries.push_back({query, program_[key].known});
        }
    }

    SEQUENT_COLD constexpr penalty penalty_of_comparison(int selector, operation what,
                                                         const bindings& known) {
        const node& made = program_[selector];
        if (is_causal && what == operation::select_less_equal &&
            is_index(program_, made.arguments[0]) && is_index(program_, made.arguments[1]))
            return {};
        value constants[2];
        bool is_known[2]{};
        for (int side = 0; side < 2; ++side) {
            const int at = made.arguments[side];
            if (is_constant(program_, at)) {
                is_known[side] = true;
                constants[side] = program_[at].known;
            }
            const int other = made.arguments[1 - side];
            if (is_constant(program_, other)) continue;
            for (const binding& each : side == 0 ? known.keys : known.queries)
                if (each.node == at) {
                    is_known[side] = true;
                    constants[side] = each.known;
                }
        }
        if (is_known[0] && is_known[1]) {
            if (rasp::detail::compares(what, constants[0], constants[1])) return {};
            return {{1, {}, {}}};
        }
        if (is_known[1])
            return {{1,
                     condition(lower(made.arguments[0]), pointwise(opposite(what)), constants[1]),
                     {}}};
        if (is_known[0])
            return {{1,
                     {},
                     condition(lower(made.arguments[1]), pointwise(opposite(mirrored(what))),
                               constants[0])}};
        const int key = lower(made.arguments[0]);
        const int query = lower(made.arguments[1]);
        if (what == operation::select_equal) {
            // (k - q)^2, where no two values are closer than one, or closer than that squared.
            const double scale = square_scale(key, query);
            return {{scale, feature{key, operation::multiply, {}}, {}},
                    {-2 * scale, feature{key}, feature{query}},
                    {scale, {}, feature{query, operation::multiply, {}}}};
        }
        // One feature for each value of the side with fewer values.
        const domain& keys = domain_of(key);
        const domain& queries = domain_of(query);
        const bool by_key = keys.complete && (!queries.complete || keys.size() < queries.size());
        const domain& values = by_key ? keys : queries;
        if (!values.complete) {
            fail(problem::too_many_values_to_compare, made.what);
            return {};
        }
        penalty result;
        for (const value& each : values.values)
            if (by_key)
                result.push_back({1, feature{key, operation::equal, each},
                                  feature{query, pointwise(opposite(mirrored(what))), each}});
            else
                result.push_back({1, feature{key, pointwise(opposite(what)), each},
                                  feature{query, operation::equal, each}});
        return result;
    }
    SEQUENT_COLD constexpr double square_scale(int key, int query) {
        if (!is_number(nodes[key].kind)) return 1;
        const double step = finest(linear_of(key)) * finest(linear_of(query));
        // Smaller steps would need more digits than a double has.
        if (step < 1.0 / 128) {
            fail(problem::too_many_values_to_compare, operation::select_equal);
            return 1;
        }
        return 1 / (step * step);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Which heads of a program count selected positions.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class counting_heads : public lowered_selectors {
  protected:
    const program_analysis* analysed_;
    std::vector<char> needed_;  // true if the output depends on a part
    // Selectors of a layer over which the program sums; their heads also count the selected
    // positions.
    struct counting {
        int layer;
        int selector;
    };
    std::vector<counting> counted_;
    std::vector<int> split_;  // widths that are sums of two

    SEQUENT_COLD constexpr counting_heads(const graph& program, const program_analysis& analysed,
                                          const inputs& in)
        : lowered_selectors(program, in), analysed_(&analysed) {}

    constexpr bool counts(int layer, int selector) const {
        for (const counting& each : counted_)
            if (each.layer == layer && each.selector == selector) return true;
        return false;
    }
    constexpr int layer_in_program(int at) const {
        return analysed_->layer_of[static_cast<std::size_t>(at)];
    }

    /// Marks the nodes that the output depends on. In a sum, round(width * mean), the mean is not
    /// computed.
    SEQUENT_COLD constexpr void find_needed() {
        needed_.resize(static_cast<std::size_t>(program_.size()), 0);
        needed_[static_cast<std::size_t>(program_.output)] = 1;
        const auto need = [this](int at) {
            if (at >= 0) needed_[static_cast<std::size_t>(at)] = 1;
        };
        need(program_.present);
        need(program_.until);
        for (const loop_state& each : program_.states) {
            need(each.initial);
            need(each.next);
        }
        is_causal = true;
        for (int at = program_.size() - 1; at >= 0; --at) {
            if (!needed_[static_cast<std::size_t>(at)]) continue;
            const int mean = mean_of_sum(program_, at);
            const node& made = program_[mean >= 0 ? mean : at];
            for (const int argument : made.arguments)
                if (argument >= 0) needed_[static_cast<std::size_t>(argument)] = 1;
            if (mean >= 0 || made.what == operation::sum)
                counted_.push_back({layer_in_program(at), made.arguments[0]});
            if (gathers(made.what) && !looks_back(program_, made.arguments[0])) is_causal = false;
        }
    }
    SEQUENT_COLD constexpr void choose_counting() {
        // If a head is free, the width of a disjunction is computed as the sum of two widths, which
        // takes far fewer features.
        std::vector<int> spare(static_cast<std::size_t>(analysed_->layers) + 1, analysed_->heads);
        for (int at = 0; at < program_.size(); ++at) {
            const node& made = program_[at];
            if (!gathers(made.what) || !needed_[static_cast<std::size_t>(at)]) continue;
            bool known = false;
            for (int other = 0; other < at; ++other) {
                const node& before = program_[other];
                known =
                    known || (gathers(before.what) && needed_[static_cast<std::size_t>(other)] &&
                              layer_in_program(other) == layer_in_program(at) &&
                              before.arguments[0] == made.arguments[0] &&
                              use_of(before.what) == use_of(made.what));
            }
            if (!known) --spare[static_cast<std::size_t>(layer_in_program(at))];
        }
        for (int at = 0; at < program_.size(); ++at) {
            const node& made = program_[at];
            if (!needed_[static_cast<std::size_t>(at)] ||
                (made.what != operation::width && made.what != operation::width_with_bos))
                continue;
            const node& selector = program_[made.arguments[0]];
            int& left = spare[static_cast<std::size_t>(layer_in_program(at))];
            if (selector.what != operation::select_or || left < 1 ||
                !exclude_each_other(selector.arguments[0], selector.arguments[1]))
                continue;
            --left;
            split_.push_back(at);
        }
    }
    /// Distinguishes heads that count, heads that count without position 0, and others.
    static constexpr int use_of(operation what) {
        return what == operation::aggregate || what == operation::sum ? 0 : static_cast<int>(what);
    }
    /// True for keys < queries and a selector with keys == queries: both cannot hold.
    SEQUENT_COLD constexpr bool exclude_each_other(int one, int other) const {
        const node& first = program_[one];
        if (first.what != operation::select_less && first.what != operation::select_greater)
            return false;
        const node& second = program_[other];
        if (second.what == operation::select_and)
            return exclude_each_other(one, second.arguments[0]) ||
                   exclude_each_other(one, second.arguments[1]);
        return second.what == operation::select_equal &&
               second.arguments[0] == first.arguments[0] &&
               second.arguments[1] == first.arguments[1];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Lowers a program to the operations of a transformer: what each head attends to and carries, and
/// pointwise functions of that.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class lowering : public counting_heads {
  public:
    int output = -1;
    int present = -1;  // where the output has a value; -1: everywhere
    // The states of a loop; the next value of an ended one is the present value.
    std::vector<loop_state> states;

    /// The rounds of a loop; 0 for other programs.
    constexpr int rounds() const { return program_.rounds; }

    /// The least difference between the logits of selected pairs and others.
    static constexpr double margin = 64;

    SEQUENT_COLD constexpr lowering(const graph& program, const program_analysis& analysed,
                                    const inputs& in)
        : counting_heads(program, analysed, in) {
        for (const value& each : given.alphabet)
            if (each.kind() == type::symbol) symbols.push_back(each);
        for (const node& each : program.nodes)
            if (each.what == operation::constant && each.kind == type::symbol)
                symbols.push_back(each.known);
        settle_symbols();
        for (int at = 0; at < program.size(); ++at)
            if (program[at].what == operation::tokens && !is_of_alphabet(program[at].kind))
                fail(problem::tokens_are_of_another_type_than_the_alphabet, operation::tokens, at);
        find_needed();
        choose_counting();
        lower_all();
        if (found_symbols.empty()) return;
        // Lowers the program again with the symbols that functions return: the code of a symbol is
        // its place among all symbols.
        for (const value& each : found_symbols) symbols.push_back(each);
        settle_symbols();
        clear();
        lower_all();
    }

  private:
    std::vector<int> lowered_;

    /// Lowers all nodes in the order of the program, so that calls are not deeply nested.
    SEQUENT_COLD constexpr void lower_all() {
        lowered_.assign(static_cast<std::size_t>(program_.size()), -1);
        state_values_.clear();
        for (const loop_state& each : program_.states) {
            domain values;
            const type kind = program_[each.node].kind;
            if (kind == type::integer)
                values = domain::range(each.low, each.high, kind);
            else if (kind == type::symbol)
                values.values = symbols;
            else
                values.values = {value(false), value(true)};
            if (!values.complete)
                fail(problem::too_many_values_of_a_state, operation::state, each.node);
            state_values_.push_back(values);
        }
        for (int at = 0; at < program_.size(); ++at)
            if (needed_[static_cast<std::size_t>(at)] && !is_selection(program_[at].what) &&
                wrong.kind == problem::none)
                (void)lower(at);
        output = lower(program_.output);
        if (program_.present >= 0) present = lower(program_.present);
        states.clear();
        for (const loop_state& each : program_.states) {
            loop_state made = each;
            made.node = lower(each.node);
            made.initial = lower(each.initial);
            if (layer(made.initial) > 0)
                fail(problem::a_state_that_does_not_begin_with_a_value_of_its_position,
                     program_[each.initial].what, each.initial);
            made.next = lower(each.next);
            const int until = lower(program_.until);
            if (nodes[until].what != operation::constant || nodes[until].known.truth())
                made.next =
                    add(operation::conditional, nodes[made.node].kind, until, made.node, made.next);
            states.push_back(made);
        }
    }
    constexpr void settle_symbols() {
        std::sort(symbols.begin(), symbols.end());
        symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
    }
    constexpr bool is_of_alphabet(type kind) const {
        for (const value& each : given.alphabet)
            if (each.kind() != kind && !(is_number(each.kind()) && kind == type::real))
                return false;
        return true;
    }

    // Nodes.

    SEQUENT_COLD constexpr int lower(int at) override {
        int& known = lowered_[static_cast<std::size_t>(at)];
        if (known < 0) {
            const int outer = source;
            source = at;
            const int made = lower_new(at);
            source = outer;
            lowered_[static_cast<std::size_t>(at)] = made;
            return made;
        }
        return known;
    }
    SEQUENT_COLD constexpr int lower_new(int at) {
        const node& made = program_[at];
        if (const int found = mean_of_sum(program_, at); found >= 0) {
            const node& mean = program_[found];
            return lower_sum(layer_in_program(at), mean.arguments[0], mean.arguments[1]);
        }
        switch (made.what) {
            case operation::aggregate:
            case operation::first:
            case operation::last:
            case operation::highest:
            case operation::lowest:
                return lower_mean(at);
            case operation::sum:
                return lower_sum(layer_in_program(at), made.arguments[0], made.arguments[1]);
            case operation::state: {
                // The value is in the residual stream before the first hidden layer.
                node copy = made;
                copy.name = {};
                return add(copy, 1);
            }
            case operation::width:
            case operation::width_with_bos:
                return lower_width(at);
            default: {
                node copy = made;
                copy.name = {};
                int deepest = 0;
                for (int& argument : copy.arguments)
                    if (argument >= 0) {
                        argument = lower(argument);
                        deepest = std::max(deepest, layer(argument));
                    }
                if (made.what == operation::multiply && deepest > 0)
                    for (const int side : {0, 1})
                        if (nodes[copy.arguments[side]].what == operation::indicator)
                            return add(operation::conditional, made.kind,
                                       nodes[copy.arguments[side]].arguments[0],
                                       copy.arguments[1 - side], add_constant(value(0)));
                const int plain = add(copy, deepest);
                const bool adds = made.what == operation::add || made.what == operation::subtract;
                return adds ? joined(plain) : plain;
            }
        }
    }

    /// A sum of several results of one head is one result: that of the sum of the values.
    SEQUENT_COLD constexpr int joined(int at) {
        const linear parts = linear_of(at);
        const auto can_join = [&](const summand& one, const summand& other) {
            if (nodes[one.node].what != operation::gathered ||
                nodes[other.node].what != operation::gathered)
                return false;
            const leaf& first = leaf_of(one.node);
            const leaf& second = leaf_of(other.node);
            return first.head == second.head && first.kind == second.kind &&
                   (first.kind == leaf_kind::sum || first.kind == leaf_kind::mean) &&
                   is_number(nodes[one.node].kind) && is_number(nodes[other.node].kind);
        };
        for (std::size_t one = 0; one < parts.summands.size(); ++one)
            for (std::size_t other = one + 1; other < parts.summands.size(); ++other) {
                if (!can_join(parts.summands[one], parts.summands[other])) continue;
                linear values;
                rational otherwise;
                for (const summand& each : {parts.summands[one], parts.summands[other]}) {
                    const leaf& of = leaf_of(each.node);
                    const channel& from = channel_of(of);
                    values.add(from.node, each.factor);
                    otherwise = otherwise + each.factor * from.otherwise.number();
                }
                leaf made = leaf_of(parts.summands[one].node);
                const int carried = node_of(values);
                made.channel = add_channel(made.head, carried, value(otherwise, type::real));
                if (made.kind == leaf_kind::sum) {
                    made.values = sum_domain(carried);
                } else {
                    made.values = mean_domain(carried, type::real);
                    made.values.include(value(otherwise, type::real));
                }
                linear rest;
                rest.offset = parts.offset;
                rest.add(add_leaf(made, made.kind == leaf_kind::sum ? type::integer : type::real),
                         1);
                for (std::size_t each = 0; each < parts.summands.size(); ++each)
                    if (each != one && each != other)
                        rest.add(parts.summands[each].node, parts.summands[each].factor);
                return joined(node_of(rest));
            }
        return at;
    }

    SEQUENT_COLD constexpr int head_for(int layer, int selector, start use, bool without_first,
                                        const penalty& penalties,
                                        operation what = operation::aggregate, int preferred = -1) {
        // Widths without position 0 and parts of a selector have heads of their own.
        const int id = without_first ? -2 - selector : selector;
        for (std::size_t at = 0; at < heads.size(); ++at)
            if (heads[at].layer == layer * sublayers && heads[at].selector == id &&
                heads[at].use == use && heads[at].source == what &&
                heads[at].preferred == preferred)
                return static_cast<int>(at);
        lowered_head made;
        made.layer = layer * sublayers;
        made.source = what;
        made.preferred = preferred;
        made.selector = id;
        made.use = use;
        made.penalties = penalties;
        made.sharpness = margin;
        made.place = place_of(layer, selector, what);
        heads.push_back(made);
        if (made.place < 0) fail(problem::too_many_heads_in_a_layer, program_[selector].what);
        return static_cast<int>(heads.size()) - 1;
    }
    /// The place of the head: that of its selector in the analysis; for parts of a selector, the
    /// last free place; -1 if none is free.
    SEQUENT_COLD constexpr int place_of(int layer, int selector, operation what) const {
        const auto is_taken = [&](int place) {
            for (const lowered_head& each : heads)
                if (each.layer == layer * sublayers && each.place == place) return true;
            return false;
        };
        const focus at = what == operation::aggregate ? focus::selected : focus_of_choice(what);
        int place = 0;
        for (const head& each : analysed_->all_heads) {
            if (each.layer != layer) continue;
            const bool fits =
                each.at == at || (at == focus::selected && each.at < focus::first_selected);
            if (each.selector == selector && fits && !is_taken(place)) return place;
            ++place;
        }
        for (place = analysed_->heads - 1; place >= 0 && is_taken(place);) --place;
        return place;
    }
    SEQUENT_COLD constexpr int add_channel(int head, int node, const value& otherwise) {
        auto& channels = heads[static_cast<std::size_t>(head)].channels;
        for (std::size_t at = 0; at < channels.size(); ++at)
            if (channels[at].node == node && channels[at].otherwise == otherwise &&
                channels[at].otherwise.kind() == otherwise.kind())
                return static_cast<int>(at);
        channels.push_back({node, otherwise});
        return static_cast<int>(channels.size()) - 1;
    }

    SEQUENT_COLD constexpr int lower_width(int at) {
        const node& made = program_[at];
        const bool without_first = made.what == operation::width_with_bos;
        const int layer = layer_in_program(at);
        const auto one = [&](int selector) {
            bindings none;
            penalty penalties = penalty_of(selector, false, none);
            if (without_first) penalties = both(penalties, not_at_first());
            const int head = head_for(layer, selector, start::counted, without_first, penalties);
            leaf counted;
            counted.kind = leaf_kind::width;
            counted.head = head;
            counted.values = domain::range(0, given.length, type::integer);
            return add_leaf(counted, type::integer);
        };
        for (const int each : split_)
            if (each == at) {
                const node& parts = program_[made.arguments[0]];
                const int first = one(parts.arguments[0]);
                return add(operation::add, type::integer, first, one(parts.arguments[1]));
            }
        return one(made.arguments[0]);
    }

    SEQUENT_COLD constexpr int lower_sum(int layer, int selector, int values) {
        const int node = lower(values);
        bindings none;
        const int head =
            head_for(layer, selector, start::counted, false, penalty_of(selector, false, none));
        leaf made;
        made.kind = leaf_kind::sum;
        made.head = head;
        made.channel = add_channel(head, node, value(0));
        made.values = sum_domain(node);
        return add_leaf(made, type::integer);
    }
    SEQUENT_COLD constexpr domain sum_domain(int node) {
        const domain& of = domain_of(node);
        domain result;
        if (!of.is_whole()) {
            fail(problem::a_number_that_is_no_integer_in_a_sum, nodes[node].what);
            return result;
        }
        const std::int64_t low = std::min<std::int64_t>(0, of.lowest().over * given.length);
        const std::int64_t high = std::max<std::int64_t>(0, of.highest().over * given.length);
        if (high - low < max_tuples) return domain::range(low, high, type::integer);
        result.leave_out(low, high);
        return result;
    }

    SEQUENT_COLD constexpr int lower_mean(int at) {
        const node& made = program_[at];
        const int layer = layer_in_program(at);
        const int selector = made.arguments[0];
        const int values = lower(made.arguments[1]);
        const value otherwise = program_[made.arguments[2]].known;
        bindings none;
        leaf gathered;
        gathered.kind = leaf_kind::mean;
        if (made.what != operation::aggregate) return lower_choice(at, values, gathered);
        gathered.values = mean_domain(values, made.kind);
        if (counts(layer, selector)) {
            gathered.kind = leaf_kind::counted_mean;
            gathered.head =
                head_for(layer, selector, start::counted, false, penalty_of(selector, false, none));
            gathered.channel = add_channel(gathered.head, values, value(0));
            const int mean = add_leaf(gathered, made.kind);
            leaf width;
            width.kind = leaf_kind::width;
            width.head = gathered.head;
            width.values = domain::range(0, given.length, type::integer);
            const int any = add(operation::greater, type::boolean, add_leaf(width, type::integer),
                                add_constant(value(0)));
            return add(operation::conditional, made.kind, any, mean, add_constant(otherwise));
        }
        if (selects_one(selector)) gathered.values = domain_of(values);
        const matching sought = matching_of(selector);
        if (sought.keys >= 0) return lower_match(at, layer, values, otherwise, gathered, sought);
        gathered.head =
            head_for(layer, selector, start::otherwise, false, penalty_of(selector, false, none));
        gathered.channel = add_channel(gathered.head, values, otherwise);
        gathered.values.include(otherwise);
        return add_leaf(gathered, made.kind);
    }
    /// The value of one selected position: the preference among selected positions is less than one
    /// penalty.
    SEQUENT_COLD constexpr int lower_choice(int at, int values, leaf gathered) {
        const node& made = program_[at];
        const bool by_index = made.what == operation::first || made.what == operation::last;
        const bool rises = made.what == operation::last || made.what == operation::highest;
        node index;
        index.what = operation::indices;
        const int key = by_index ? add(index, 0) : values;
        const bounds range = bounds_of(key);
        const double step =
            is_number(nodes[key].kind) ? finest(linear_of(key)) * finest(linear_of(key)) : 1;
        if (step < 1.0 / 4096) fail(problem::too_many_values_to_compare, made.what);
        // The preference is between 0 and a quarter of a penalty.
        const double factor = 1 / (4 * std::max(range.high - range.low, step));
        bindings none;
        penalty penalties = penalty_of(made.arguments[0], false, none);
        penalties.push_back({rises ? -factor : factor, feature{key}, {}});
        penalties.push_back({factor * (rises ? range.high : -range.low), {}, {}});
        gathered.values = domain_of(values);
        gathered.values.include(program_[made.arguments[2]].known);
        gathered.head = head_for(layer_in_program(at), made.arguments[0], start::otherwise, false,
                                 penalties, made.what, by_index ? -1 : values);
        heads[static_cast<std::size_t>(gathered.head)].sharpness =
            std::max(4 * margin, margin / (factor * step));
        gathered.channel = add_channel(gathered.head, values, program_[made.arguments[2]].known);
        return add_leaf(gathered, made.kind);
    }

    SEQUENT_COLD constexpr domain mean_domain(int values, type kind) const {
        const domain& of = domain_of(values);
        if (!is_number(kind)) return of;
        if (is_positional(values)) {
            rational single;
            int count = 0;
            position_values found(nodes);
            for (int index = 0; index < given.length; ++index) {
                found.embed(nullptr, index);
                const rational here = found.values[static_cast<std::size_t>(values)].number();
                if (!found.defined[static_cast<std::size_t>(values)] || here.over == 0) continue;
                single = here;
                ++count;
            }
            if (count == 1) return means_of_single(single, given.length);
        }
        return means_of(of, given.length);
    }

    // Keys equal to a sum of several numbers: the square of the sum would be a function of all of
    // them. The head attends to the nearest key; whether it is equal is decided afterwards.

    /// True if at most one position can be selected: the keys are indices with an offset, and are
    /// compared for equality.
    SEQUENT_COLD constexpr bool selects_one(int selector) {
        const node& made = program_[selector];
        if (made.what == operation::select_and)
            return selects_one(made.arguments[0]) || selects_one(made.arguments[1]);
        if (made.what != operation::select_equal || !is_number(program_[made.arguments[0]].kind))
            return false;
        if (is_rank(made.arguments[0])) return true;
        const linear keys = linear_of(lower(made.arguments[0]));
        bool moves = false;
        for (const summand& each : keys.summands) {
            if (nodes[each.node].what == operation::indices)
                moves = !(each.factor == rational(0));
            else if (!is_uniform(each.node))
                return false;
        }
        return moves;
    }

    /// True for the number of positions that precede each one in the order of keys, equal keys by
    /// index.
    SEQUENT_COLD constexpr bool is_rank(int at) const {
        const node& made = program_[at];
        if (made.what != operation::width) return false;
        const node& either = program_[made.arguments[0]];
        if (either.what != operation::select_or) return false;
        const node& before = program_[either.arguments[0]];
        const node& ties = program_[either.arguments[1]];
        if ((before.what != operation::select_less && before.what != operation::select_greater) ||
            before.arguments[0] != before.arguments[1] || ties.what != operation::select_and)
            return false;
        const node& same = program_[ties.arguments[0]];
        const node& earlier = program_[ties.arguments[1]];
        return same.what == operation::select_equal && same.arguments[0] == before.arguments[0] &&
               same.arguments[1] == before.arguments[0] &&
               (earlier.what == operation::select_less ||
                earlier.what == operation::select_greater) &&
               is_index(program_, earlier.arguments[0]) && is_index(program_, earlier.arguments[1]);
    }

    struct matching {
        int keys = -1;
        int queries = -1;
    };
    SEQUENT_COLD constexpr matching matching_of(int selector) {
        const node& made = program_[selector];
        if (made.what != operation::select_equal || !is_number(program_[made.arguments[0]].kind))
            return {};
        linear keys = linear_of(lower(made.arguments[0]));
        linear queries = linear_of(lower(made.arguments[1]));
        if (keys.summands.empty() || queries.summands.empty()) return {};
        if (is_free(keys) && is_free(queries)) return {};
        // A number that is equal at all positions may be part of the key or of the query.
        linear rest;
        for (const summand& each : keys.summands)
            if (is_free(keys) || !is_uniform(each.node))
                rest.add(each.node, each.factor);
            else
                queries.add(each.node, -each.factor);
        if (!is_free(rest)) return {};
        queries.offset = queries.offset - keys.offset;
        return {node_of(rest), node_of(queries)};
    }
    /// True if the square of a sum is a function of one number, or part of the embedding.
    constexpr bool is_free(const linear& of) const {
        bool embedded = true;
        for (const summand& each : of.summands) embedded = embedded && layer(each.node) == 0;
        return embedded || of.summands.size() < 2;
    }
    SEQUENT_COLD constexpr int lower_match(int at, int layer, int values, const value& otherwise,
                                           leaf gathered, const matching& sought) {
        const node& made = program_[at];
        // Of two equally near keys the higher one is preferred; else their mean could equal the
        // query. A fraction is near to no key.
        const double aside = 1.0 / 8;
        const double step = finest(linear_of(sought.queries)) * finest(linear_of(sought.keys));
        if (step == 0) fail(problem::too_many_values_to_compare, made.what);
        penalty penalties;
        const product key = feature{sought.keys};
        penalties.push_back({1, feature{sought.keys, operation::multiply, {}}, {}});
        penalties.push_back({-2, key, feature{sought.queries}});
        penalties.push_back({-2 * aside, key, {}});
        gathered.head = head_for(layer, made.arguments[0], start::ignored, false, penalties);
        if (step > 0) heads[static_cast<std::size_t>(gathered.head)].sharpness = margin / step;
        gathered.channel = add_channel(gathered.head, values, otherwise);
        const int mean = add_leaf(gathered, made.kind);
        leaf match;
        match.kind = leaf_kind::match;
        match.head = gathered.head;
        match.channel = add_channel(gathered.head, sought.keys, value(0));
        match.query = sought.queries;
        match.values.values = {value(false), value(true)};
        return add(operation::conditional, made.kind, add_leaf(match, type::boolean), mean,
                   add_constant(otherwise));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Pointwise functions as a layer of ReLUs: their variables are placed on one line, on which the
/// functions are constant on stretches with gaps between.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// A value of a variable, or a whole range of values, and its place on the line of the variable.
struct item {
    double low = 0;
    double high = 0;
    value known{};
};

/// The values of a variable in increasing order.
using items = std::vector<item>;

/// A stretch of the line, on which the functions have the values of one class of tuples.
struct stretch {
    double low = 0;
    double high = 0;
    int of = 0;  // the class
};

struct staircase {
    int count = 0;               // number of stretches; 0: there is no such line
    std::vector<double> scales;  // factor of the line of each variable; the line is their sum
    std::vector<stretch> stretches;
};

/// Finds the order of the variables with the fewest stretches.
class staircase_search {
  public:
    SEQUENT_COLD constexpr explicit staircase_search(const std::vector<items>& variables)
        : variables_(variables) {
        for (const items& each : variables) {
            strides_.push_back(tuples_);
            sizes_.push_back(static_cast<int>(each.size()));
            tuples_ *= static_cast<long long>(each.size());
            for (const item& value : each) has_ranges_ = has_ranges_ || value.low < value.high;
        }
    }

    SEQUENT_COLD constexpr long long tuples() const { return tuples_; }

    /// classes[t] is equal for tuples on which the functions agree, and -1 if the tuple is
    /// irrelevant. The first variable is the lowest digit of the number of a tuple. If `laid` is
    /// false, the stretches are only counted.
    SEQUENT_COLD constexpr staircase find(const std::vector<int>& classes, bool laid) const {
        std::vector<int> order;
        for (std::size_t at = 0; at < variables_.size(); ++at)
            order.push_back(static_cast<int>(at));
        std::vector<int> best;
        int fewest = -1;
        // Only a few orders of large tables are tried.
        long long budget = 8 * max_tuples;
        do {
            const int stretches = count_stretches(order, classes, fewest);
            if (stretches >= 0 && (fewest < 0 || stretches < fewest)) {
                fewest = stretches;
                best = order;
            }
            budget -= tuples_;
        } while (budget > 0 && std::next_permutation(order.begin(), order.end()));
        staircase result;
        result.count = std::max(fewest, 0);
        if (laid && fewest > 0) lay(best, classes, result);
        return result;
    }

  private:
    const std::vector<items>& variables_;
    std::vector<long long> strides_;
    std::vector<int> sizes_;
    long long tuples_ = 1;
    bool has_ranges_ = false;

    constexpr const items& variable(int at) const {
        return variables_[static_cast<std::size_t>(at)];
    }
    SEQUENT_COLD constexpr int size(int at) const { return static_cast<int>(variable(at).size()); }

    /// Calls visit(class, choice) for each tuple, the first variable of the order slowest, until it
    /// returns false.
    template <class Visit>
    constexpr void each_tuple(const std::vector<int>& order, const std::vector<int>& classes,
                              const Visit& visit) const {
        std::vector<int> chosen(order.size(), 0);
        long long tuple = 0;
        for (;;) {
            if (!visit(classes[static_cast<std::size_t>(tuple)], chosen)) return;
            std::size_t digit = order.size();
            for (; digit > 0; --digit) {
                const auto which = static_cast<std::size_t>(order[digit - 1]);
                tuple += strides_[which];
                if (++chosen[which] < sizes_[which]) break;
                tuple -= strides_[which] * chosen[which];
                chosen[which] = 0;
            }
            if (digit == 0) return;
        }
    }

    /// The number of stretches; -1 if there are `enough` or the order has no place for ranges.
    SEQUENT_COLD constexpr int count_stretches(const std::vector<int>& order,
                                               const std::vector<int>& classes, int enough) const {
        int count = 0;
        int last = -1;
        each_tuple(order, classes, [&](int found, const std::vector<int>&) {
            if (found < 0 || found == last) return true;
            last = found;
            return ++count != enough;
        });
        if (count == enough) return -1;
        return has_ranges_ && !has_place_for_ranges(order, classes) ? -1 : count;
    }
    /// True if within each item that is a range the later variables of the order do not matter:
    /// their values cannot be distinguished there.
    SEQUENT_COLD constexpr bool has_place_for_ranges(const std::vector<int>& order,
                                                     const std::vector<int>& classes) const {
        bool fits = true;
        int within = -1;  // the class of the range of the previous tuple
        long long prefix = 0;
        each_tuple(order, classes, [&](int found, const std::vector<int>& chosen) {
            long long here = 1;  // a number of the choices up to the first range
            for (std::size_t at = 0; at + 1 < order.size(); ++at) {
                const int which = order[at];
                const int choice = chosen[static_cast<std::size_t>(which)];
                here = here * (size(which) + 1) + choice;
                const item& value = variable(which)[static_cast<std::size_t>(choice)];
                if (!(value.low < value.high)) continue;
                if (here == prefix && within >= 0 && found >= 0 && found != within) fits = false;
                if (here != prefix || within < 0) within = found;
                prefix = here;
                return fits;
            }
            prefix = 0;
            within = -1;
            return fits;
        });
        return fits;
    }

    SEQUENT_COLD constexpr void lay(const std::vector<int>& order, const std::vector<int>& classes,
                                    staircase& result) const {
        result.scales.resize(order.size(), 1);
        // From the last variable of the order to the first: the gaps of each have room for the
        // lines of all later ones.
        double low = 0;
        double high = 0;
        for (std::size_t at = order.size(); at-- > 0;) {
            const int which = order[at];
            double gap = 0;
            for (int each = 1; each < size(which); ++each) {
                const double here = variable(which)[static_cast<std::size_t>(each)].low -
                                    variable(which)[static_cast<std::size_t>(each) - 1].high;
                if (each == 1 || here < gap) gap = here;
            }
            double& scale = result.scales[static_cast<std::size_t>(which)];
            if (gap > 0) scale = at + 1 == order.size() ? 1 / gap : (high - low + 1) / gap;
            low += scale * variable(which).front().low;
            high += scale * variable(which).back().high;
        }
        int last = -1;
        each_tuple(order, classes, [&](int found, const std::vector<int>& chosen) {
            if (found < 0) return true;
            double from = 0;
            double to = 0;
            for (std::size_t at = 0; at < chosen.size(); ++at) {
                const item& here = variables_[at][static_cast<std::size_t>(chosen[at])];
                from += result.scales[at] * here.low;
                to += result.scales[at] * here.high;
            }
            if (found != last) result.stretches.push_back({from, to, found});
            stretch& reached = result.stretches.back();
            if (to > reached.high) reached.high = to;
            if (from < reached.low) reached.low = from;
            last = found;
            return true;
        });
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Pointwise functions as hidden units: tables over the values of their variables.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// A sum of directions of the residual stream, and a constant.
struct reading {
    struct part {
        int direction;
        double factor;
    };
    std::vector<part> parts;
    double offset = 0;

    SEQUENT_COLD constexpr void add(int direction, double factor) {
        for (part& each : parts)
            if (each.direction == direction) {
                each.factor += factor;
                return;
            }
        parts.push_back({direction, factor});
    }
    SEQUENT_COLD constexpr void add(const reading& other, double factor) {
        for (const part& each : other.parts) add(each.direction, factor * each.factor);
        offset += factor * other.offset;
    }
};

/// Functions of the same variables, computed on one line; or one node that selects between two
/// sums.
struct function_group {
    int layer = 0;
    std::vector<int> variables;   // nodes
    std::vector<int> directions;  // directions that it writes
    bool by_sign = false;         // its only variable is a sum that matters by its sign
    bool is_gate = false;         // two units, each of which is zero below its knot
    double knots[2]{};
    std::vector<items> values;   // of the variables
    std::vector<reading> lines;  // along which these lie; the units of a gate
    staircase steps;
    std::vector<std::vector<double>> numbers;  // for each direction, one of each class

    SEQUENT_COLD constexpr int hidden() const { return is_gate ? 2 : 2 * (steps.count - 1); }
};

/// Numbers objects by their hashes, in order of insertion.
class hash_table {
  public:
    SEQUENT_COLD constexpr int number_of(std::uint64_t hash) {
        if (slots_.size() < 2 * hashes_.size() + 8) grow();
        const std::size_t slot = slot_of(hash);
        if (slots_[slot] == 0) {
            hashes_.push_back(hash);
            slots_[slot] = static_cast<int>(hashes_.size());
        }
        return slots_[slot] - 1;
    }
    /// The number of a hash; -1 if it has none.
    constexpr int find(std::uint64_t hash) const {
        return slots_.empty() ? -1 : slots_[slot_of(hash)] - 1;
    }

  private:
    std::vector<std::uint64_t> hashes_;
    std::vector<int> slots_;  // number plus 1; 0: empty

    constexpr std::size_t slot_of(std::uint64_t hash) const {
        std::size_t slot = hash % slots_.size();
        while (slots_[slot] != 0 && hashes_[static_cast<std::size_t>(slots_[slot]) - 1] != hash)
            slot = (slot + 1) % slots_.size();
        return slot;
    }
    constexpr void grow() {
        slots_.assign(4 * hashes_.size() + 16, 0);
        for (std::size_t at = 0; at < hashes_.size(); ++at)
            slots_[slot_of(hashes_[at])] = static_cast<int>(at) + 1;
    }
};

/// The value of a product of features, from the values of its parts.
SEQUENT_COLD constexpr double number_of(const lowered_nodes& program, const product& what,
                                        const std::vector<value>& values) {
    double result = 1;
    for (int at = 0; at < what.count; ++at) {
        const feature& part = what.parts[at];
        const value& found = values[static_cast<std::size_t>(part.node)];
        if (part.how == operation::constant) {
            result *= program.code(found);
        } else if (part.how == operation::multiply) {
            result *= program.code(found) * program.code(found);
        } else {
            node compared;
            compared.what = part.how;
            undefined trouble = undefined::no;
            if (!rasp::detail::apply(compared, found, part.threshold, {}, trouble).truth())
                result = 0;
        }
    }
    return result;
}

/// Computes nodes from the values of some variables; recomputes only what depends on changed ones.
class table_evaluator {
  public:
    position_values found;

    SEQUENT_COLD constexpr table_evaluator(const lowered_nodes& program,
                                           const std::vector<int>& variables,
                                           const std::vector<int>& roots)
        : found(program.nodes), roots_(roots), variables_(variables) {
        const auto size = static_cast<std::size_t>(program.nodes.size());
        const int count = static_cast<int>(variables.size());
        first_.assign(size, count);
        std::vector<char> needed(size, 0);
        for (const int each : roots) needed[static_cast<std::size_t>(each)] = 1;
        for (int at = count; at-- > 0;)
            first_[static_cast<std::size_t>(variables[static_cast<std::size_t>(at)])] = at;
        for (std::size_t at = size; at-- > 0;)
            if (needed[at] && first_[at] == count)
                for (const int argument : program.nodes[static_cast<int>(at)].arguments)
                    if (argument >= 0) needed[static_cast<std::size_t>(argument)] = 1;
        for (std::size_t at = 0; at < size; ++at) {
            const node& made = program.nodes[static_cast<int>(at)];
            if (!needed[at] || first_[at] < count) continue;
            for (const int argument : made.arguments)
                if (argument >= 0)
                    first_[at] = std::min(first_[at], first_[static_cast<std::size_t>(argument)]);
            if (made.what == operation::constant)
                found.set(static_cast<int>(at), made.known);
            else
                computed_.push_back(static_cast<int>(at));
        }
    }

    constexpr void set(std::size_t variable, const value& known) {
        found.set(variables_[variable], known);
    }
    /// Recomputes after the variables up to `changed` have new values.
    SEQUENT_COLD constexpr void compute(int changed) {
        const int* const first = first_.data();
        for (const int at : computed_)
            if (first[at] <= changed) found.compute(at);
    }
    constexpr bool has_values() const {
        for (const int each : roots_)
            if (!found.defined[static_cast<std::size_t>(each)]) return false;
        return true;
    }
    constexpr std::uint64_t hash() const {
        std::uint64_t result = hash_start;
        for (const int each : roots_)
            result = hashed(result, found.values[static_cast<std::size_t>(each)].bits());
        return result;
    }

  private:
    const std::vector<int>& roots_;
    const std::vector<int>& variables_;
    std::vector<int> first_;  // the first variable that a node depends on
    std::vector<int> computed_;
};

constexpr std::vector<int> nodes_of(const product& what) {
    std::vector<int> result;
    for (int part = 0; part < what.count; ++part)
        if (std::find(result.begin(), result.end(), what.parts[part].node) == result.end())
            result.push_back(what.parts[part].node);
    return result;
}

/// True if a function of a sum depends only on its sign.
SEQUENT_COLD constexpr bool depends_on_sign(const lowered_nodes& program, int at,
                                            const product& what) {
    if (!program.is_leaf(at)) return false;
    const leaf& of = program.leaf_of(at);
    if (of.kind != leaf_kind::sum || of.values.values.empty()) return false;
    const std::vector<int> variables{at};
    const std::vector<int> roots = nodes_of(what);
    table_evaluator found(program, variables, roots);
    double seen[3]{};
    bool known[3]{};
    for (const value& each : of.values.values) {
        const std::int64_t sum = each.number().over;
        const std::size_t sign = sum < 0 ? 0 : sum > 0 ? 2 : 1;
        found.set(0, each);
        found.compute(0);
        if (!found.has_values()) continue;
        const double here = number_of(program, what, found.found.values);
        if (known[sign] && seen[sign] != here) return false;
        known[sign] = true;
        seen[sign] = here;
    }
    return true;
}

/// The class of each tuple of the values of the variables: equal for tuples that give all roots the
/// same values, -1 if a root has no value. Calls add_class(values) for each new class.
template <class AddClass>
SEQUENT_COLD constexpr std::vector<int> number_classes(const lowered_nodes& program,
                                                       const function_group& group,
                                                       const std::vector<int>& roots,
                                                       long long tuples,
                                                       const AddClass& add_class) {
    const auto count = group.variables.size();
    // Items of a variable with equal values give one class, which is computed once.
    std::vector<std::vector<std::size_t>> numbers(count);
    std::size_t different = 1;
    for (std::size_t at = 0; at < count; ++at) {
        hash_table known;
        std::size_t most = 0;
        for (const item& each : group.values[at]) {
            numbers[at].push_back(different *
                                  static_cast<std::size_t>(known.number_of(each.known.bits())));
            most = std::max(most, numbers[at].back());
        }
        different += most;
    }
    constexpr int unknown = -2;
    std::vector<int> known_classes(different, unknown);
    std::vector<int> classes;
    classes.reserve(static_cast<std::size_t>(tuples));
    table_evaluator found(program, group.variables, roots);
    hash_table seen;
    int most = -1;
    std::vector<std::size_t> chosen(count, 0);
    std::vector<std::size_t> computed(count, static_cast<std::size_t>(-1));
    std::size_t number = 0;
    for (const auto& each : numbers) number += each.empty() ? 0 : each[0];
    for (long long tuple = 0; tuple < tuples; ++tuple) {
        int& found_class = known_classes[number];
        if (found_class == unknown) {
            int changed = -1;
            for (std::size_t at = 0; at < count; ++at)
                if (computed[at] != chosen[at]) {
                    computed[at] = chosen[at];
                    found.set(at, group.values[at][chosen[at]].known);
                    changed = static_cast<int>(at);
                }
            found.compute(computed.empty() ? 0 : changed);
            found_class = found.has_values() ? seen.number_of(found.hash()) : -1;
            if (found_class > most) {
                most = found_class;
                add_class(found.found.values);
            }
        }
        classes.push_back(found_class);
        for (std::size_t at = 0; at < count; ++at) {
            const std::size_t* const of = numbers[at].data();
            const std::size_t next = chosen[at] + 1 == numbers[at].size() ? 0 : chosen[at] + 1;
            number += of[next] - of[chosen[at]];
            chosen[at] = next;
            if (next > 0) break;
        }
    }
    return classes;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// The values of the variables of hidden units, and their places on the line that is read.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class variable_values {
  public:
    const lowering& program;
    problem wrong = problem::none;
    int blamed = -1;

    constexpr explicit variable_values(const lowering& of) : program(of) {}

    constexpr const domain& summed(const leaf& of) const {
        return program.domain_of(program.channel_of(of).node);
    }
    SEQUENT_COLD constexpr double share_factor(const leaf& of) const {
        const domain& values = summed(of);
        const double length = program.given.length;
        if (values.values.empty()) return 1;
        const double range =
            program.code(values.values.back()) - program.code(values.values.front());
        return (range + 2) * length * (length + 1);
    }

    /// True if a sum of an earlier layer is read as one number.
    constexpr bool is_read(const leaf& of, int node, int layer, bool by_sign) const {
        return program.layer(node) < layer && !by_sign &&
               (of.kind == leaf_kind::sum || of.kind == leaf_kind::counted_mean);
    }

    SEQUENT_COLD constexpr items values_of_step(int node) {
        const auto& made = program.nodes[node];
        if (made.kind == type::boolean) return values_of_comparison(node);
        // Each integer has an interval of the sum that is rounded to it; halves are rounded to even
        // integers.
        items result;
        const bool rounds = made.what == operation::round;
        const rational divisor =
            rounds ? rational(1) : program.nodes[made.arguments[1]].known.number();
        const double apart = program.finest(program.linear_of(made.arguments[0])) /
                             static_cast<double>(rounds ? 2 : divisor.under);
        if (apart == 0) fail(problem::too_many_values_in_a_function, node);
        const double gap = apart / 2;
        for (const value& each : program.domain_of(node).values) {
            const auto whole = static_cast<double>(each.number().over);
            if (rounds) {
                const double inner = each.number().over % 2 == 0 ? -gap / 2 : gap;
                result.push_back({whole - 0.5 + inner, whole + 0.5 - inner, each});
            } else {
                const double times = divisor.as_double();
                result.push_back({whole * times - gap / 4, (whole + 1) * times - gap, each});
            }
        }
        return result;
    }
    SEQUENT_COLD constexpr items values_of_comparison(int node) {
        const auto& made = program.nodes[node];
        const domain& left = program.domain_of(made.arguments[0]);
        const domain& right = program.domain_of(made.arguments[1]);
        const double apart = program.finest(program.linear_of(made.arguments[0])) *
                             program.finest(program.linear_of(made.arguments[1]));
        if (apart == 0) fail(problem::too_many_values_in_a_function, node);
        const double low = (left.lowest() - right.highest()).as_double() - 1;
        const double high = (left.highest() - right.lowest()).as_double() + 1;
        const auto known = [&](int difference) {
            auto trouble = rasp::undefined::no;
            return rasp::detail::apply(made, value(difference), value(0), {}, trouble);
        };
        return {{low, -apart, known(-1)}, {0, 0, known(0)}, {apart, high, known(1)}};
    }

    SEQUENT_COLD constexpr items values_of(int node, int layer, bool by_sign) {
        items result;
        if (program.is_step_in(node, layer)) return values_of_step(node);
        bool is_leaf = program.is_leaf(node);
        leaf of;
        if (is_leaf) of = program.leaf_of(node);
        if (is_leaf && is_read(of, node, layer, by_sign)) is_leaf = false;
        const int length = program.given.length;
        if (!is_leaf || of.kind == leaf_kind::mean) {
            const domain& values = program.domain_of(node);
            if (!values.complete || values.values.empty())
                fail(problem::too_many_values_in_a_function, node);
            for (const value& each : values.values)
                result.push_back({program.code(each), program.code(each), each});
        } else if (of.kind == leaf_kind::width) {
            for (int count = length; count >= 0; --count)
                result.push_back({1.0 / (1 + count), 1.0 / (1 + count), value(count)});
        } else if (of.kind == leaf_kind::match) {
            const double apart = closest(of);
            const double range = 4.0 * length + 4 * std::max(1.0, farthest(of));
            result = {
                {-range, -apart, value(false)}, {0, 0, value(true)}, {apart, range, value(false)}};
        } else if (by_sign) {
            const double least = 1.0 / (1 + length);
            const domain& values = summed(of);
            if (values.lowest().over < 0)
                result.push_back({values.lowest().as_double(), -least, value(-1)});
            result.push_back({0, 0, value(0)});
            if (values.highest().over > 0)
                result.push_back({least, values.highest().as_double(), value(1)});
        } else if (!is_number(program.nodes[node].kind)) {
            // At most one position is selected.
            const double factor = share_factor(of);
            for (const value& each : summed(of).values) {
                const double place = (program.code(each) + factor) / 2;
                result.push_back({place, place, each});
            }
            result.push_back({factor, factor, summed(of).values.front()});
        } else {
            const domain& values = summed(of);
            if (!values.is_whole()) {
                fail(problem::a_number_that_is_no_integer_in_a_sum, node);
                return result;
            }
            const double factor = share_factor(of);
            for (int count = length; count >= 0; --count)
                for (std::int64_t sum = values.lowest().over * count;
                     sum <= values.highest().over * count; ++sum) {
                    const double place = (static_cast<double>(sum) + factor) / (1 + count);
                    value known = sum;
                    if (of.kind == leaf_kind::counted_mean)
                        known = value(rational(sum, std::max(count, 1)), type::real);
                    result.push_back({place, place, known});
                }
        }
        return result;
    }
    /// For a match, the least distance of a query from a different key.
    constexpr double closest(const leaf& of) const {
        const int keys = program.channel_of(of).node;
        return program.finest(program.linear_of(keys)) *
               program.finest(program.linear_of(of.query));
    }
    constexpr double farthest(const leaf& of) const {
        const domain& values = program.domain_of(of.query);
        return std::max(values.highest().as_double(), -values.lowest().as_double());
    }

  private:
    constexpr void fail(problem kind, int node) {
        if (wrong != problem::none) return;
        wrong = kind;
        blamed = node;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// A lowered program as the numbers of a transformer: the directions of its residual stream, and
/// what each head and hidden unit reads and writes.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

enum class origin {
    start,     // 1 at the start position, 0 at all others
    embedded,  // a function of the token and the position
    gathered,  // written by a head
    computed   // written by hidden units
};

struct direction {
    origin from = origin::start;
    int layer = 0;
    product what;         // the product that it holds, if embedded or computed
    int head = -1;        // the head that writes it, if gathered
    int channel = -1;     // channel of that head; -1: its weight on the start
    double at_start = 0;  // its value at the start position, from its layer on
};

/// Limit of the work up to which weights are compile-time constants, because compilers limit
/// constant evaluation; the weights of larger networks are computed at first use.
inline constexpr std::size_t most_constant_work = 4096;

class network {
    // These stand first, because Clang 14 needs the body of a template before it is called in a
    // constant expression.
    template <class Direction>
    SEQUENT_COLD constexpr reading read_by(const product& what,
                                           const Direction& direction_for) const {
        reading result;
        if (what.count == 0) {
            result.offset = 1;
        } else if (what.count > 1 || what.parts[0].how != operation::constant) {
            result.add(direction_for(what), 1);
        } else {
            const lowering::linear parts = program.linear_of(what.parts[0].node);
            result.offset = parts.offset.as_double();
            for (const lowering::summand& each : parts.summands)
                result.add(direction_for(product(feature{each.node})), each.factor.as_double());
        }
        return result;
    }

  public:
    lowering program;
    std::vector<direction> directions;
    std::vector<function_group> groups;
    /// For each state of a loop, its direction.
    std::vector<int> state_directions;
    mistake wrong;
    /// True if the functions are laid out; else only the size of the network is known.
    bool laid = false;

    /// Networks that need much work are not laid out in a constant expression.
    SEQUENT_COLD constexpr network(const graph& source, const program_analysis& analysed,
                                   const inputs& given)
        : program(source, analysed, given) {
        directions.push_back({});
        directions[0].at_start = 1;
        for (const loop_state& each : program.states) {
            direction made;
            made.from = origin::embedded;
            made.what = product(feature{each.initial});
            state_directions.push_back(width());
            directions.push_back(made);
        }
        // Reading a product adds directions, which are computed from others of earlier layers.
        output = read(program.output);
        if (program.present >= 0) present = read(program.present);
        for (const loop_state& each : program.states) next.push_back(read(each.next));
        for (const lowered_head& head : program.heads) {
            for (const term& each : head.penalties) {
                (void)read(each.key);
                (void)read(each.query);
            }
        }
        for (std::size_t at = 0; at < directions.size(); ++at) {
            if (directions[at].from == origin::gathered) {
                const lowered_head& head =
                    program.heads[static_cast<std::size_t>(directions[at].head)];
                if (directions[at].channel >= 0)
                    (void)read(
                        head.channels[static_cast<std::size_t>(directions[at].channel)].node);
            } else if (directions[at].from == origin::computed) {
                join_group(static_cast<int>(at));
            }
        }
        if (wrong.kind == problem::none) wrong = program.wrong;
        laid = wrong.kind == problem::none &&
               (!std::is_constant_evaluated() || work() <= most_constant_work);
        if (wrong.kind == problem::none)
            for (function_group& each : groups) fit(each);
        number_layers();
        if (wrong.kind != problem::none) laid = false;
        if (laid) settle_start();
    }

    reading output;
    reading present;            // 1 where the output has a value, if it may be missing
    std::vector<reading> next;  // of each state of a loop

    SEQUENT_COLD constexpr int width() const { return static_cast<int>(directions.size()); }
    SEQUENT_COLD constexpr int hidden() const {
        int most = 0;
        for (int layer = 1; layer <= layers(); ++layer) {
            int units = 0;
            for (const function_group& each : groups)
                if (each.layer == layer) units += each.hidden();
            most = std::max(most, units);
        }
        return std::max(most, units_of_end());
    }
    /// Units of the layer that ends a round: it replaces the states and clears all other results.
    SEQUENT_COLD constexpr int units_of_end() const {
        if (program.states.empty()) return 0;
        int units = 1;
        for (const loop_state& each : program.states)
            units += 2 * program.domain_of(each.node).size();
        for (const direction& each : directions) units += is_cleared(each) ? 2 : 0;
        return units;
    }
    constexpr bool is_cleared(const direction& each) const {
        return each.from == origin::gathered || each.from == origin::computed;
    }
    constexpr int layers() const { return layers_; }

    /// The reading of products of features, as far as it is linear in the directions. Everything
    /// that the program reads has directions once the network is complete.
    SEQUENT_COLD constexpr reading known(const product& what) const {
        return read_by(what, [this](const product& part) { return known_direction(part); });
    }
    SEQUENT_COLD constexpr reading known(int node) const { return known(product(feature{node})); }

    /// The reading at the start position.
    constexpr double at_start(const reading& of) const {
        double result = of.offset;
        for (const reading::part& each : of.parts)
            result += each.factor * directions[static_cast<std::size_t>(each.direction)].at_start;
        return result;
    }

    constexpr int find(int head, int channel) const {
        for (std::size_t at = 0; at < directions.size(); ++at)
            if (directions[at].from == origin::gathered && directions[at].head == head &&
                directions[at].channel == channel)
                return static_cast<int>(at);
        return -1;
    }

  private:
    /// Estimate of the number of values that the layout of all functions computes.
    SEQUENT_COLD constexpr std::size_t work() const {
        std::size_t result = 0;
        for (const function_group& each : groups) {
            std::size_t tuples = 4 + each.directions.size();
            for (const items& values : each.values)
                tuples = std::min(tuples * values.size(), most_constant_work + 1);
            result += tuples;
        }
        return result;
    }
    int layers_ = 1;
    // The directions of products that have one.
    hash_table numbers_;
    std::vector<int> offered_;

    constexpr void fail(problem kind, int node) {
        const int part = program.source_of(node);
        const operation what = program.nodes[node].what;
        if (wrong.kind == problem::none)
            wrong = {kind, what == operation::gathered ? operation::aggregate : what, part};
    }

    /// The same directions; adds those that do not exist yet.
    constexpr reading read(const product& what) {
        return read_by(what, [this](const product& part) { return direction_of(part); });
    }
    constexpr reading read(int node) { return read(product(feature{node})); }

    constexpr int known_direction(const product& what) const {
        if (const leaf* of = mean_of(what)) return find(of->head, of->channel);
        if (const int state = state_of(what); state >= 0) return state;
        const int number = numbers_.find(what.hash());
        return number < 0 ? -1 : offered_[static_cast<std::size_t>(number)];
    }
    /// The direction of a state if the product is that state alone, else -1.
    constexpr int state_of(const product& what) const {
        for (std::size_t at = 0; at < state_directions.size(); ++at)
            if (what == product(feature{program.states[at].node})) return state_directions[at];
        return -1;
    }
    /// The result of a head if the product is that result alone.
    constexpr const leaf* mean_of(const product& what) const {
        if (what.count != 1 || what.parts[0].how != operation::constant ||
            program.nodes[what.parts[0].node].what != operation::gathered)
            return nullptr;
        const leaf& of = program.leaf_of(what.parts[0].node);
        return of.kind == leaf_kind::mean ? &of : nullptr;
    }

    /// The layer in which a product is computed. It is later than that of its parts if it is a
    /// function of too many numbers, or of numbers that cannot be read there.
    SEQUENT_COLD constexpr int layer_of(const product& what) {
        int layer = 0;
        for (int at = 0; at < what.count; ++at)
            layer = std::max(layer, program.layer(what.parts[at].node));
        if (layer == 0 || (what.count == 1 && what.parts[0].how == operation::constant &&
                           program.form_of(what.parts[0].node) != form::linear))
            return layer;
        std::vector<int> variables;
        bool fits = true;
        for (int at = 0; at < what.count; ++at) {
            program.collect(what.parts[at].node, layer, variables);
            fits = fits && !program.is_opaque(what.parts[at].node, layer);
        }
        if (fits && program.count_tuples(variables, layer) <= max_tuples) return layer;
        if ((layer + 1) % sublayers == 0)
            fail(problem::too_many_steps_at_one_position, what.parts[0].node);
        return layer + 1;
    }
    SEQUENT_COLD constexpr int direction_of(const product& what) {
        if (const leaf* of = mean_of(what)) return gathered(of->head, of->channel);
        if (const int state = state_of(what); state >= 0) return state;
        const int number = numbers_.number_of(what.hash());
        if (number < static_cast<int>(offered_.size()))
            return offered_[static_cast<std::size_t>(number)];
        offered_.push_back(width());
        direction made;
        made.layer = layer_of(what);
        made.from = made.layer == 0 ? origin::embedded : origin::computed;
        made.what = what;
        directions.push_back(made);
        return width() - 1;
    }
    SEQUENT_COLD constexpr int gathered(int head, int channel) {
        const int known = find(head, channel);
        if (known >= 0) return known;
        direction made;
        made.from = origin::gathered;
        made.layer = program.heads[static_cast<std::size_t>(head)].layer;
        made.head = head;
        made.channel = channel;
        directions.push_back(made);
        return width() - 1;
    }

    /// Several functions of one number are read as one variable, that number, if it has fewer
    /// values than the functions have tuples.
    SEQUENT_COLD constexpr void share_supports(int layer, std::vector<int>& variables) const {
        std::vector<int> result;
        std::vector<int> supports;
        for (const int each : variables)
            supports.push_back(program.layer(each) < layer ? only_support(each) : -1);
        for (std::size_t at = 0; at < variables.size(); ++at) {
            int chosen = variables[at];
            long long tuples = 1;
            int shared = 0;
            for (std::size_t other = 0; other < variables.size(); ++other) {
                if (supports[at] < 0 || supports[other] != supports[at]) continue;
                tuples *= program.domain_of(variables[other]).size();
                ++shared;
            }
            if (shared > 1 && program.domain_of(supports[at]).size() < tuples)
                chosen = supports[at];
            if (std::find(result.begin(), result.end(), chosen) == result.end())
                result.push_back(chosen);
        }
        variables = result;
    }
    /// The single numeric variable that a node is a function of, if there is one.
    SEQUENT_COLD constexpr int only_support(int node) const {
        std::vector<int> support(static_cast<std::size_t>(node) + 1, -1);
        std::vector<int> waiting{node};
        int found = -1;
        while (!waiting.empty()) {
            const int at = waiting.back();
            waiting.pop_back();
            const auto& made = program.nodes[at];
            if (made.what == operation::constant || support[static_cast<std::size_t>(at)] >= 0)
                continue;
            support[static_cast<std::size_t>(at)] = 0;
            if (is_pointwise(made.what)) {
                for (const int argument : made.arguments)
                    if (argument >= 0) waiting.push_back(argument);
            } else if (found >= 0 && found != at) {
                return -1;
            } else {
                found = at;
            }
        }
        return found;
    }
    SEQUENT_COLD constexpr void join_group(int at) {
        const product what = directions[static_cast<std::size_t>(at)].what;
        function_group made;
        made.layer = directions[static_cast<std::size_t>(at)].layer;
        made.directions.push_back(at);
        const int only = what.parts[0].node;
        if (what.count == 1 && what.parts[0].how == operation::constant &&
            program.is_opaque(only, made.layer)) {
            make_gate(only, made);
            groups.push_back(std::move(made));
            return;
        }
        for (int part = 0; part < what.count; ++part)
            program.collect(what.parts[part].node, made.layer, made.variables);
        share_supports(made.layer, made.variables);
        // Ranges stand last: only there the line has room for them.
        std::sort(made.variables.begin(), made.variables.end(), [&](int left, int right) {
            bool first = false;
            bool second = false;
            (void)program.items_of(left, made.layer, first);
            (void)program.items_of(right, made.layer, second);
            return first != second ? second : left < right;
        });
        made.by_sign =
            made.variables.size() == 1 && depends_on_sign(program, made.variables[0], what);
        for (function_group& each : groups)
            if (each.layer == made.layer && each.variables == made.variables && !each.is_gate &&
                each.by_sign == made.by_sign) {
                each.directions.push_back(at);
                return;
            }
        for (const int each : made.variables) {
            made.values.push_back(items_from(each, made.layer, made.by_sign));
            made.lines.push_back(line_of(each, made.layer, made.by_sign));
        }
        groups.push_back(std::move(made));
    }
    /// cond(c, x, y) between a and b, by units that are 0 unless their branch is chosen: a + relu(x
    /// - a + (b - a)(c - 1)) + relu(y - a - (b - a) c).
    SEQUENT_COLD constexpr void make_gate(int node, function_group& to) {
        const int* const arguments = program.nodes[node].arguments;
        const lowering::bounds one = program.bounds_of(arguments[1]);
        const lowering::bounds other = program.bounds_of(arguments[2]);
        const double low = std::min(one.low, other.low);
        const double range = std::max(one.high, other.high) - low;
        if (range >= static_cast<double>(lowering::unbounded))
            fail(problem::too_many_values_in_a_function, node);
        const reading chooses = read(arguments[0]);
        to.is_gate = true;
        to.lines = {read(arguments[1]), read(arguments[2])};
        to.lines[0].add(chooses, range);
        to.lines[1].add(chooses, -range);
        to.knots[0] = low + range;
        to.knots[1] = low;
        to.numbers = {{low}};
    }

    /// The directions from which a variable is read; for a sum, one block for each share of the
    /// start position.
    SEQUENT_COLD constexpr reading line_of(int node, int layer, bool by_sign) {
        reading result;
        if (program.is_step_in(node, layer)) {
            const auto& made = program.nodes[node];
            result.add(read(made.arguments[0]), 1);
            if (made.kind == type::boolean) result.add(read(made.arguments[1]), -1);
            return result;
        }
        if (!program.is_leaf(node)) return read(node);
        const leaf of = program.leaf_of(node);
        if (variable_values(program).is_read(of, node, layer, by_sign)) return read(node);
        switch (of.kind) {
            case leaf_kind::mean:
                result.add(gathered(of.head, of.channel), 1);
                break;
            case leaf_kind::width:
                result.add(gathered(of.head, -1), 1);
                break;
            case leaf_kind::sum:
            case leaf_kind::counted_mean:
                result.add(gathered(of.head, of.channel), 1);
                if (!by_sign)
                    result.add(gathered(of.head, -1), variable_values(program).share_factor(of));
                break;
            case leaf_kind::match:
                result.add(gathered(of.head, of.channel), 1);
                result.add(read(of.query), -1);
                break;
        }
        return result;
    }
    constexpr items items_from(int node, int layer, bool by_sign) {
        variable_values found(program);
        items result = found.values_of(node, layer, by_sign);
        if (found.wrong != problem::none) fail(found.wrong, found.blamed);
        return result;
    }
    SEQUENT_COLD constexpr void fit(function_group& group) {
        if (group.is_gate) return;
        const staircase_search search(group.values);
        const int blamed =
            directions[static_cast<std::size_t>(group.directions[0])].what.parts[0].node;
        if (search.tuples() > max_table || group.variables.size() > 5) {
            fail(problem::too_many_values_in_a_function, blamed);
            return;
        }
        // Each feature of a node is a function of the node's value.
        std::vector<int> roots;
        for (const int at : group.directions)
            for (const int each : nodes_of(directions[static_cast<std::size_t>(at)].what))
                if (std::find(roots.begin(), roots.end(), each) == roots.end())
                    roots.push_back(each);
        group.numbers.resize(group.directions.size());
        const auto add_class = [&](const std::vector<value>& values) {
            for (std::size_t at = 0; laid && at < group.directions.size(); ++at)
                group.numbers[at].push_back(number_of(
                    program, directions[static_cast<std::size_t>(group.directions[at])].what,
                    values));
        };
        group.steps =
            search.find(number_classes(program, group, roots, search.tuples(), add_class), laid);
        if (group.steps.count == 0) fail(problem::too_many_values_in_a_function, blamed);
    }

    /// Layers that are used, one after another.
    SEQUENT_COLD constexpr void number_layers() {
        std::vector<int> used{0, sublayers};
        int last = sublayers;
        for (const lowered_head& each : program.heads) last = std::max(last, each.layer);
        for (int layer = sublayers; layer <= last; layer += sublayers) used.push_back(layer);
        for (const function_group& each : groups) used.push_back(each.layer);
        std::sort(used.begin(), used.end());
        used.erase(std::unique(used.begin(), used.end()), used.end());
        layers_ = static_cast<int>(used.size()) - 1;
        const auto renumber = [&used](int& layer) {
            layer =
                static_cast<int>(std::lower_bound(used.begin(), used.end(), layer) - used.begin());
        };
        for (lowered_head& each : program.heads) renumber(each.layer);
        for (function_group& each : groups) renumber(each.layer);
        for (direction& each : directions) renumber(each.layer);
        if (!program.states.empty()) ++layers_;
    }

    /// The start position attends only to itself, and its hidden units are 0.
    SEQUENT_COLD constexpr void settle_start() {
        for (direction& each : directions) {
            if (each.from == origin::embedded) {
                each.at_start = 0;
            } else if (each.from == origin::gathered) {
                const lowered_head& head = program.heads[static_cast<std::size_t>(each.head)];
                each.at_start =
                    each.channel < 0
                        ? 1
                        : program.code(
                              head.channels[static_cast<std::size_t>(each.channel)].otherwise);
            }
        }
        for (const function_group& group : groups)
            for (std::size_t at = 0; at < group.directions.size(); ++at)
                directions[static_cast<std::size_t>(group.directions[at])].at_start =
                    group.is_gate
                        ? group.numbers[at][0]
                        : group.numbers[at]
                                       [static_cast<std::size_t>(group.steps.stretches.front().of)];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Sizes of the transformer of a network, and the rows of its heads.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// Sizes of a compiled transformer, all known at compile time.
struct sizes {
    int layers = 0;
    int heads = 0;
    int width = 0;       // width of the residual stream
    int head_width = 0;  // width of queries, keys and values
    int hidden = 0;      // hidden units of a layer
    int tokens = 0;      // number of different tokens
    int positions = 0;   // number of positions, the start included
    int classes = 0;     // number of classes of the output
    int rounds = 1;      // how often the layers are applied
    /// A feature depends on a token and its position together: the embedding has a row for each
    /// pair of them.
    bool embeds_pairs = false;
    /// No head looks at a later position.
    bool is_causal = false;
    /// The output is a number itself, a fraction of no greater denominator, where it has too many
    /// values to be classes; else 0.
    int denominator = 0;
    mistake wrong{};
};

/// The largest number of values of an output.
inline constexpr int max_classes = 1024;

/// The numbers at which a head compares: for each one read at a query, what is read at keys.
struct comparison_row {
    product query;
    reading key;
};

class layout {
  public:
    const network& of;
    sizes size;
    std::vector<value> classes;

    SEQUENT_COLD constexpr layout(const network& made, int heads) : of(made) {
        size.wrong = made.wrong;
        size.layers = made.layers();
        size.rounds = std::max(made.program.rounds(), 1);
        size.heads = std::max(heads, 1);
        size.width = made.width();
        size.hidden = std::max(made.hidden(), 1);
        size.positions = made.program.given.length + 1;
        for (const direction& each : made.directions)
            if (each.from == origin::embedded)
                size.embeds_pairs = size.embeds_pairs || (depends_on(each, operation::tokens) &&
                                                          depends_on(each, operation::indices));
        const int alphabet = static_cast<int>(made.program.given.alphabet.size());
        size.tokens = 1 + alphabet * (size.embeds_pairs ? made.program.given.length : 1);
        for (std::size_t head = 0; head < made.program.heads.size(); ++head)
            size.head_width = std::max(
                {size.head_width, static_cast<int>(rows_of(static_cast<int>(head)).size()) + 1,
                 static_cast<int>(channels_of(static_cast<int>(head)).size())});
        size.head_width = std::max(size.head_width, 1);
        const domain& found = made.program.domain_of(made.program.output);
        classes = found.values;
        size.is_causal = made.program.is_causal;
        const bool may_miss = made.program.present >= 0;
        if (size.wrong.kind == problem::none &&
            (!found.complete || found.size() + (may_miss ? 1 : 0) > max_classes))
            give_numbers();
        if (may_miss)
            classes.push_back(value::missing(made.program.nodes[made.program.output].kind));
        // At least two: with one, the logits would have one dimension less.
        while (classes.size() < 2) classes.push_back(classes.empty() ? value(0) : classes[0]);
        size.classes = static_cast<int>(classes.size());
    }

    constexpr bool depends_on(const direction& embedded, operation what) const {
        for (int at = 0; at < embedded.what.count; ++at)
            if (reaches(embedded.what.parts[at].node, what)) return true;
        return false;
    }

    /// The first row holds the part that does not depend on the query.
    SEQUENT_COLD constexpr std::vector<comparison_row> rows_of(int head) const {
        std::vector<comparison_row> result(1);
        for (const term& each : of.program.heads[static_cast<std::size_t>(head)].penalties) {
            std::size_t at = 0;
            while (at < result.size() && !(result[at].query == each.query)) ++at;
            if (at == result.size()) result.push_back({each.query, {}});
            result[at].key.add(of.known(each.key), each.factor);
        }
        return result;
    }
    /// The directions of the residual stream that a head writes.
    SEQUENT_COLD constexpr std::vector<int> channels_of(int head) const {
        std::vector<int> result;
        for (int at = 0; at < of.width(); ++at)
            if (of.directions[static_cast<std::size_t>(at)].from == origin::gathered &&
                of.directions[static_cast<std::size_t>(at)].head == head)
                result.push_back(at);
        return result;
    }

  private:
    constexpr void give_numbers() {
        const lowering& program = of.program;
        const node& given = program.nodes[program.output];
        const double step =
            is_number(given.kind) ? program.finest(program.linear_of(program.output)) : 0;
        // Finer fractions cannot be distinguished because of the errors of attention.
        if (step < 1.0 / 16384 || program.present >= 0)
            size.wrong = {problem::too_many_values_of_the_output, given.what,
                          program.source_of(program.output)};
        else
            size.denominator = static_cast<int>(1 / step + 0.5);
        classes.clear();
    }
    SEQUENT_COLD constexpr bool reaches(int node, operation what) const {
        std::vector<char> seen(static_cast<std::size_t>(node) + 1, 0);
        std::vector<int> waiting{node};
        while (!waiting.empty()) {
            const int at = waiting.back();
            waiting.pop_back();
            if (of.program.nodes[at].what == what) return true;
            if (seen[static_cast<std::size_t>(at)]++) continue;
            for (const int argument : of.program.nodes[at].arguments)
                if (argument >= 0) waiting.push_back(argument);
        }
        return false;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// The weights of the transformer of a network.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// The weights. Those from W_query to b_contract are stacked: one for each layer.
enum class weight_name : std::uint8_t {
    embedding,
    position,
    W_query,
    b_query,
    W_key,
    b_key,
    W_value,
    b_value,
    W_out,
    b_out,
    W_expand,
    b_expand,
    W_contract,
    b_contract,
    W_logits,
    b_logits
};

/// A number to add to an element of a weight, in row-major order.
struct weight_entry {
    weight_name name;
    int element;
    double number;
};

/// Lists the nonzero weights.
class weight_writer {
  public:
    /// The number of weights; those beyond the capacity are not written.
    std::size_t count = 0;

    SEQUENT_COLD constexpr weight_writer(const layout& from, weight_entry* to, std::size_t room)
        : from_(from), of_(from.of), size_(from.size), to_(to), room_(room) {
        write_embedding();
        for (std::size_t head = 0; head < of_.program.heads.size(); ++head) write_head(head);
        std::vector<int> units(static_cast<std::size_t>(size_.layers) + 1, 0);
        for (const function_group& each : of_.groups)
            write_group(each, units[static_cast<std::size_t>(each.layer)]);
        if (!of_.program.states.empty()) write_end();
        write_logits();
    }

  private:
    const layout& from_;
    const network& of_;
    const sizes& size_;
    weight_entry* to_;
    std::size_t room_;

    // The weights with which the start position attends to other positions are below the rounding
    // error.
    static constexpr double far = 1e9;
    // The margin of the logit of a class above all others.
    static constexpr double margin = 32;

    SEQUENT_COLD constexpr void add(weight_name name, int element, double number) {
        if (number == 0) return;
        if (count < room_) to_[count] = {name, element, number};
        ++count;
    }

    SEQUENT_COLD constexpr void write_embedding() {
        const auto& alphabet = of_.program.given.alphabet;
        const int letters = static_cast<int>(alphabet.size());
        position_values found(of_.program.nodes);
        const auto write = [&](weight_name name, int row, int at) {
            const product& what = of_.directions[static_cast<std::size_t>(at)].what;
            for (int part = 0; part < what.count; ++part)
                if (!found.defined[static_cast<std::size_t>(what.parts[part].node)]) return;
            add(name, row * size_.width + at, number_of(of_.program, what, found.values));
        };
        const auto is_of = [&](int at, bool of_tokens) {
            const direction& made = of_.directions[static_cast<std::size_t>(at)];
            return made.from == origin::embedded &&
                   (size_.embeds_pairs || from_.depends_on(made, operation::tokens)) == of_tokens;
        };
        add(weight_name::embedding, 0, 1);
        for (int index = 0; index < (size_.embeds_pairs ? size_.positions - 1 : 1); ++index)
            for (int letter = 0; letter < letters; ++letter) {
                found.embed(&alphabet[static_cast<std::size_t>(letter)], index);
                for (int at = 1; at < size_.width; ++at)
                    if (is_of(at, true))
                        write(weight_name::embedding, 1 + index * letters + letter, at);
            }
        for (int index = 0; index + 1 < size_.positions && !size_.embeds_pairs; ++index) {
            found.embed(&alphabet[0], index);
            for (int at = 1; at < size_.width; ++at)
                if (is_of(at, false)) write(weight_name::position, index + 1, at);
        }
    }

    /// `factor` times a reading less `knot`, to a row of a matrix and its bias; at the start
    /// position the result is `at_start`.
    SEQUENT_COLD constexpr void write_reading(const reading& from, double factor, double at_start,
                                              weight_name matrix, weight_name bias, int row,
                                              double knot = 0) {
        for (const reading::part& each : from.parts)
            add(matrix, row * size_.width + each.direction, factor * each.factor);
        add(bias, row, factor * (from.offset - knot));
        add(matrix, row * size_.width, at_start - factor * (of_.at_start(from) - knot));
    }

    SEQUENT_COLD constexpr void write_head(std::size_t head) {
        const lowered_head& made = of_.program.heads[head];
        const double start_penalty = made.use == start::otherwise ? 0.5
                                     : made.use == start::counted ? 0
                                                                  : far / made.sharpness;
        const int layer = made.layer - 1;
        const int first = (layer * size_.heads + made.place) * size_.head_width;
        int row = first;
        for (const comparison_row& each : from_.rows_of(static_cast<int>(head))) {
            const reading asked = of_.known(each.query);
            write_reading(asked, 1, of_.at_start(asked), weight_name::W_query, weight_name::b_query,
                          row);
            write_reading(each.key, -made.sharpness,
                          row == first ? -made.sharpness * start_penalty : 0, weight_name::W_key,
                          weight_name::b_key, row);
            ++row;
        }
        add(weight_name::W_query, row * size_.width, 1);
        add(weight_name::W_key, row * size_.width, far);
        add(weight_name::b_key, row, -far);

        row = first;
        for (const int to : from_.channels_of(static_cast<int>(head))) {
            const direction& written = of_.directions[static_cast<std::size_t>(to)];
            reading carried;
            if (written.channel >= 0)
                carried = of_.known(made.channels[static_cast<std::size_t>(written.channel)].node);
            write_reading(carried, 1, written.at_start, weight_name::W_value, weight_name::b_value,
                          row);
            const int joined = size_.head_width * size_.heads;
            add(weight_name::W_out, (layer * size_.width + to) * joined + row - layer * joined, 1);
            ++row;
        }
    }

    SEQUENT_COLD constexpr void write_group(const function_group& group, int& unit) {
        const int layer = group.layer - 1;
        if (group.is_gate) {
            const int row = layer * size_.width + group.directions[0];
            add(weight_name::b_contract, row, group.numbers[0][0]);
            for (std::size_t each = 0; each < 2; ++each) {
                write_reading(group.lines[each], 1, -1, weight_name::W_expand,
                              weight_name::b_expand, layer * size_.hidden + unit,
                              group.knots[each]);
                add(weight_name::W_contract, row * size_.hidden + unit++, 1);
            }
            return;
        }
        reading line;
        for (std::size_t at = 0; at < group.lines.size(); ++at)
            line.add(group.lines[at], group.steps.scales[at]);
        const std::vector<stretch>& stretches = group.steps.stretches;
        const int first = unit;
        for (std::size_t gap = 0; gap + 1 < stretches.size(); ++gap) {
            // A ramp from 0 to 1 over the middle half of the gap: two units.
            const double low = stretches[gap].high;
            const double high = stretches[gap + 1].low;
            const double quarter = (high - low) / 4;
            for (const double knot : {low + quarter, high - quarter})
                write_reading(line, 1 / (2 * quarter), -1, weight_name::W_expand,
                              weight_name::b_expand, layer * size_.hidden + unit++, knot);
        }
        for (std::size_t at = 0; at < group.directions.size(); ++at) {
            const auto value_on = [&](std::size_t which) {
                return group.numbers[at][static_cast<std::size_t>(stretches[which].of)];
            };
            const int row = layer * size_.width + group.directions[at];
            add(weight_name::b_contract, row, value_on(0));
            for (std::size_t gap = 0; gap + 1 < stretches.size(); ++gap) {
                const double step = value_on(gap + 1) - value_on(gap);
                const int element = row * size_.hidden + first + 2 * static_cast<int>(gap);
                add(weight_name::W_contract, element, step);
                add(weight_name::W_contract, element + 1, -step);
            }
        }
    }

    /// The last layer of a round: each state becomes its next value, rounded to one of its values,
    /// and what heads and hidden units have written becomes zero.
    SEQUENT_COLD constexpr void write_end() {
        const int layer = size_.layers - 1;
        int unit = 0;
        const auto element = [&](int direction) {
            return (layer * size_.width + direction) * size_.hidden + unit;
        };
        const auto subtract = [&](int direction) {
            for (const int sign : {1, -1}) {
                add(weight_name::W_expand, (layer * size_.hidden + unit) * size_.width + direction,
                    sign);
                add(weight_name::W_contract, element(direction), -sign);
                ++unit;
            }
        };
        for (std::size_t at = 0; at < of_.next.size(); ++at) {
            const int to = of_.state_directions[at];
            const auto& values = of_.program.domain_of(of_.program.states[at].node).values;
            subtract(to);
            add(weight_name::b_contract, layer * size_.width + to, of_.program.code(values[0]));
            for (std::size_t which = 0; which + 1 < values.size(); ++which) {
                const double low = of_.program.code(values[which]);
                const double step = of_.program.code(values[which + 1]) - low;
                for (const int side : {1, 3}) {
                    write_reading(of_.next[at], 2 / step, -1, weight_name::W_expand,
                                  weight_name::b_expand, layer * size_.hidden + unit,
                                  low + side * step / 4);
                    add(weight_name::W_contract, element(to), side == 1 ? step : -step);
                    ++unit;
                }
            }
        }
        for (int at = 0; at < size_.width; ++at)
            if (of_.is_cleared(of_.directions[static_cast<std::size_t>(at)])) subtract(at);
        // At the start position the states remain zero.
        add(weight_name::W_expand, (layer * size_.hidden + unit) * size_.width, 1);
        for (std::size_t at = 0; at < of_.next.size(); ++at)
            add(weight_name::W_contract, element(of_.state_directions[at]),
                -of_.program.code(
                    of_.program.domain_of(of_.program.states[at].node).values.front()));
    }

    /// Logits whose greatest is that of the class with the nearest code: -(z - c)^2 without the
    /// part that all classes share.
    SEQUENT_COLD constexpr void write_logits() {
        const auto code = [this](int of) {
            return of_.program.code(from_.classes[static_cast<std::size_t>(of)]);
        };
        if (size_.denominator > 0) {
            for (const reading::part& each : of_.output.parts)
                add(weight_name::W_logits, each.direction, each.factor);
            return add(weight_name::b_logits, 0, of_.output.offset);
        }
        const bool may_miss = of_.program.present >= 0;
        const int codes = size_.classes - (may_miss ? 1 : 0);
        double apart = 1;
        for (int at = 1; at < codes; ++at)
            if (code(at) != code(at - 1)) apart = std::min(apart, code(at) - code(at - 1));
        const double factor = margin / (apart * apart);
        if (may_miss) {
            // The logit of the missing value: above all others where the value is missing, below
            // them elsewhere.
            const double most = std::max({-code(0), code(codes - 1), 0.0}) + 1;
            const double bound = 3 * factor * most * most + margin;
            for (const reading::part& each : of_.present.parts)
                add(weight_name::W_logits, codes * size_.width + each.direction,
                    -2 * bound * each.factor);
            add(weight_name::b_logits, codes, bound - 2 * bound * of_.present.offset);
        }
        for (int at = 0; at < codes; ++at) {
            for (const reading::part& each : of_.output.parts)
                add(weight_name::W_logits, at * size_.width + each.direction,
                    2 * factor * code(at) * each.factor);
            add(weight_name::b_logits, at, factor * code(at) * (2 * of_.output.offset - code(at)));
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Runs a compiled program by plain loops over its nonzero weights. Returns its logits and the
/// attention weights of its heads, which the model does not store.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// The layout of a weight; of a stacked weight, that of one layer.
struct weight_shape {
    bool is_stacked = false;
    int rows = 1;
    int columns = 1;
};

constexpr weight_shape shape_of(weight_name name, const sizes& size) {
    const int joined = size.heads * size.head_width;
    switch (name) {
        case weight_name::embedding:
            return {false, size.tokens, size.width};
        case weight_name::position:
            return {false, size.positions, size.width};
        case weight_name::W_query:
        case weight_name::W_key:
        case weight_name::W_value:
            return {true, joined, size.width};
        case weight_name::b_query:
        case weight_name::b_key:
        case weight_name::b_value:
            return {true, joined, 1};
        case weight_name::W_out:
            return {true, size.width, joined};
        case weight_name::b_out:
        case weight_name::b_contract:
            return {true, size.width, 1};
        case weight_name::W_expand:
            return {true, size.hidden, size.width};
        case weight_name::b_expand:
            return {true, size.hidden, 1};
        case weight_name::W_contract:
            return {true, size.width, size.hidden};
        case weight_name::W_logits:
            return {false, size.classes, size.width};
        case weight_name::b_logits:
            return {false, size.classes, 1};
    }
    return {};
}

/// The nonzero weights of a compiled program, by layer and name.
class sparse_weights {
  public:
    using row = std::vector<double>;

    SEQUENT_COLD sparse_weights(const sizes& size, std::span<const weight_entry> entries)
        : size_(size), layers_(static_cast<std::size_t>(std::max(size.layers, 1))) {
        for (const weight_entry& each : entries) {
            const weight_shape shape = shape_of(each.name, size);
            const int elements = shape.rows * shape.columns;
            const int layer = shape.is_stacked ? each.element / elements : 0;
            const int element = each.element - layer * (shape.is_stacked ? elements : 0);
            layers_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(each.name)].push_back(
                {element / shape.columns, element % shape.columns, each.number});
        }
        for (auto& layer : layers_)
            for (auto& each : layer)
                std::stable_sort(
                    each.begin(), each.end(),
                    [](const entry& left, const entry& right) { return left.row < right.row; });
    }

  protected:
    struct entry {
        int row;
        int column;
        double number;
    };
    sizes size_;

    const std::vector<entry>& of(int layer, weight_name name) const {
        return layers_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(name)];
    }
    /// Adds a row of the embedding or of the table of positions.
    SEQUENT_COLD void add_row(weight_name name, int number, row& to) const {
        const std::vector<entry>& all = of(0, name);
        auto at = std::lower_bound(all.begin(), all.end(), number,
                                   [](const entry& left, int right) { return left.row < right; });
        for (; at != all.end() && at->row == number; ++at)
            to[static_cast<std::size_t>(at->column)] += at->number;
    }
    /// The product of a matrix and a row, plus the bias.
    SEQUENT_COLD void apply(const row& to, int layer, weight_name matrix, weight_name bias,
                            row& found) const {
        std::fill(found.begin(), found.end(), 0.0);
        for (const entry& each : of(layer, bias))
            found[static_cast<std::size_t>(each.row)] += each.number;
        for (const entry& each : of(layer, matrix))
            found[static_cast<std::size_t>(each.row)] +=
                each.number * to[static_cast<std::size_t>(each.column)];
    }
    static void add(row& to, const row& more) {
        for (std::size_t c = 0; c < to.size(); ++c) to[c] += more[c];
    }

  private:
    std::vector<std::array<std::vector<entry>, 16>> layers_;
};

class plain_transformer : sparse_weights {
    using rows = std::vector<row>;

  public:
    using sparse_weights::sparse_weights;

    struct result {
        attention_maps maps;
        std::vector<row> logits;
    };
    /// `tokens` is the fact of the model; its first `count` elements are the start and an input.
    /// `streams` receives the residual stream of each position before each read.
    SEQUENT_COLD result run(const std::vector<std::int32_t>& tokens, int count,
                            std::vector<std::vector<double>>* streams = nullptr) const {
        const auto tell = [streams](const rows& of) {
            if (streams) streams->insert(streams->end(), of.begin(), of.end());
        };
        result found{attention_maps(size_.rounds * size_.layers, size_.heads, count - 1), {}};
        rows stream = rows_of(static_cast<std::size_t>(count), size_.width);
        for (int i = 0; i < count; ++i) {
            add_row(weight_name::embedding, tokens[static_cast<std::size_t>(i)],
                    stream[static_cast<std::size_t>(i)]);
            add_row(weight_name::position, i, stream[static_cast<std::size_t>(i)]);
        }
        for (int round = 0; round < size_.rounds; ++round)
            for (int layer = 0; layer < size_.layers; ++layer) {
                tell(stream);
                attend(stream, layer, round, found.maps);
                tell(stream);
                feed_forward(stream, layer);
            }
        tell(stream);
        found.logits =
            apply(stream, size_.classes, 0, weight_name::W_logits, weight_name::b_logits);
        return found;
    }

  private:
    static rows rows_of(std::size_t count, int width) {
        return rows(count, std::vector<double>(static_cast<std::size_t>(width)));
    }
    SEQUENT_COLD rows apply(const rows& to, int outputs, int layer, weight_name matrix,
                            weight_name bias) const {
        rows found = rows_of(to.size(), outputs);
        for (std::size_t i = 0; i < to.size(); ++i)
            sparse_weights::apply(to[i], layer, matrix, bias, found[i]);
        return found;
    }
    SEQUENT_COLD static void add(rows& stream, const rows& more) {
        for (std::size_t i = 0; i < stream.size(); ++i) sparse_weights::add(stream[i], more[i]);
    }

    SEQUENT_COLD void attend(rows& stream, int layer, int round, attention_maps& maps) const {
        const int width = size_.head_width;
        const int all = width * size_.heads;
        const rows query = apply(stream, all, layer, weight_name::W_query, weight_name::b_query);
        const rows key = apply(stream, all, layer, weight_name::W_key, weight_name::b_key);
        const rows value = apply(stream, all, layer, weight_name::W_value, weight_name::b_value);
        rows joined = rows_of(stream.size(), all);
        for (int head = 0; head < size_.heads; ++head)
            for (std::size_t i = 0; i < stream.size(); ++i) {
                const auto first = static_cast<std::size_t>(head * width);
                const std::size_t last = first + static_cast<std::size_t>(width);
                std::vector<double> share(size_.is_causal ? i + 1 : stream.size());
                for (std::size_t j = 0; j < share.size(); ++j)
                    for (std::size_t c = first; c < last; ++c) share[j] += query[i][c] * key[j][c];
                const double highest = *std::max_element(share.begin(), share.end());
                double sum = 0;
                for (double& each : share) sum += each = std::exp(each - highest);
                for (std::size_t j = 0; j < share.size(); ++j) {
                    share[j] /= sum;
                    for (std::size_t c = first; c < last; ++c)
                        joined[i][c] += share[j] * value[j][c];
                    if (i > 0)
                        maps(round * size_.layers + layer, head, static_cast<int>(i) - 1,
                             j > 0 ? static_cast<int>(j) - 1 : maps.length) = share[j];
                }
            }
        add(stream, apply(joined, size_.width, layer, weight_name::W_out, weight_name::b_out));
    }

    SEQUENT_COLD void feed_forward(rows& stream, int layer) const {
        rows hidden =
            apply(stream, size_.hidden, layer, weight_name::W_expand, weight_name::b_expand);
        for (row& units : hidden)
            for (double& each : units) each = std::max(each, 0.0);
        add(stream,
            apply(hidden, size_.width, layer, weight_name::W_contract, weight_name::b_contract));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

#include <set>

/// Runs a compiled causal program one position at a time. A head finds its keys by search, in time
/// O(log n) for n positions, if it compares one number of the key with one of the query.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// Keys as lines: the logit of a key for a query x is slope x + offset. Only lines that are
/// greatest somewhere are kept, their upper envelope. Equal keys are one line with a count and the
/// sum of their values. Lines that differ by less than one in slope and offset are equal: the
/// logits of different keys differ by far more, by the margin of the compilation or a fourth of it.
class key_lines {
  public:
    struct line {
        double slope;
        double offset;
        mutable double until;  // the query from which on the next line is greater
        mutable double count;
        mutable int values;  // place of the sum of values

        double at(double query) const { return slope * query + offset; }
    };

  private:
    struct at_query {
        double query;
    };
    struct order {
        using is_transparent = void;
        bool operator()(const line& left, const line& right) const {
            return left.slope < right.slope;
        }
        bool operator()(const line& left, const at_query& right) const {
            return left.until < right.query;
        }
    };
    using lines = std::set<line, order>;

  public:
    explicit key_lines(int channels) : channels_(static_cast<std::size_t>(channels)) {}

    /// Adds a key with its values, in amortized time O(log n).
    SEQUENT_COLD void add(double slope, double offset, const double* values) {
        auto next = lines_.lower_bound(line{slope - 1, 0, 0, 0, 0});
        if (next != lines_.end() && next->slope < slope + 1) {
            if (next->offset >= offset - 1) {
                if (next->offset <= offset + 1) join(*next, values);
                return;
            }
            next = lines_.erase(next);
        }
        if (next != lines_.end() && next != lines_.begin() &&
            is_below(*std::prev(next), {slope, offset, 0, 0, 0}, *next))
            return settle(std::prev(next));
        const auto made = lines_.insert(next, {slope, offset, 0, 0, place()});
        join(*made, values);
        for (auto after = std::next(made); after != lines_.end() &&
                                           std::next(after) != lines_.end() &&
                                           is_below(*made, *after, *std::next(after));)
            after = lines_.erase(after);
        while (made != lines_.begin() && std::prev(made) != lines_.begin()) {
            const auto before = std::prev(made);
            if (!is_below(*std::prev(before), *before, *made)) break;
            lines_.erase(before);
        }
        settle(made);
        if (made != lines_.begin()) settle(std::prev(made));
    }
    /// The lines that are greatest for a query or not far below, in order.
    struct near_lines {
        lines::const_iterator begin;
        lines::const_iterator end;
        double highest;  // the greatest logit
    };
    near_lines near(double query) const {
        if (lines_.empty()) return {lines_.end(), lines_.end(), -far};
        near_lines found;
        found.begin = lines_.lower_bound(at_query{query});
        found.end = std::next(found.begin);
        found.highest = found.begin->at(query);
        const auto is_near = [&](lines::const_iterator of) {
            found.highest = std::max(found.highest, of->at(query));
            return of->at(query) > found.highest - far;
        };
        while (found.end != lines_.end() && is_near(found.end)) ++found.end;
        while (found.begin != lines_.begin() && is_near(std::prev(found.begin))) --found.begin;
        return found;
    }
    const double* values(const line& of) const {
        return values_.data() + static_cast<std::size_t>(of.values) * channels_;
    }

  private:
    // A score this far below the maximum has a weight below the resolution of double.
    static constexpr double far = 40;

    lines lines_;
    std::vector<double> values_;
    std::size_t channels_;

    static double meeting(const line& left, const line& right) {
        return (left.offset - right.offset) / (right.slope - left.slope);
    }
    /// True if a line is below the lines before and after it, of less and of greater slope. Lines
    /// through the point where these meet are not, because there all have a share.
    static bool is_below(const line& before, const line& of, const line& after) {
        const double meet = meeting(before, after);
        return of.slope * meet + of.offset < before.slope * meet + before.offset - 1;
    }
    int place() {
        values_.resize(values_.size() + channels_);
        return static_cast<int>(values_.size() / std::max<std::size_t>(channels_, 1)) - 1;
    }
    void join(const line& to, const double* values) {
        to.count += 1;
        double* const sums = values_.data() + static_cast<std::size_t>(to.values) * channels_;
        for (std::size_t channel = 0; channel < channels_; ++channel)
            sums[channel] += values[channel];
    }
    void settle(lines::iterator of) {
        const auto next = std::next(of);
        of->until =
            next == lines_.end() ? std::numeric_limits<double>::infinity() : meeting(*of, *next);
    }
};

/// A causal transformer and its state: the keys and values of the positions so far.
class searched_transformer : sparse_weights {
  public:
    SEQUENT_COLD searched_transformer(const sizes& size, std::span<const weight_entry> entries)
        : sparse_weights(size, entries),
          stream_(static_cast<std::size_t>(size.width)),
          change_(stream_.size()),
          hidden_(static_cast<std::size_t>(size.hidden)),
          logits_(static_cast<std::size_t>(size.classes)) {
        for (row* each : {&query_, &key_, &value_, &joined_})
            each->resize(static_cast<std::size_t>(size.heads * size.head_width));
        for (int round = 0; round < size.rounds; ++round)
            for (int layer = 0; layer < size.layers; ++layer) {
                heads_.emplace_back();
                for (int place = 0; place < size.heads; ++place) add_head(layer, place);
            }
    }

    /// The number of positions so far, the start included.
    int positions() const { return positions_; }
    /// The number of heads that search, and of those that visit all keys; of a loop, in one round.
    int searching() const { return count_heads(true); }
    int visiting() const { return count_heads(false); }

    /// The logits at the next position, which holds this token; the first one is the start, 0.
    SEQUENT_COLD const row& step(int token) {
        std::fill(stream_.begin(), stream_.end(), 0.0);
        add_row(weight_name::embedding, token, stream_);
        add_row(weight_name::position, positions_, stream_);
        for (std::size_t at = 0; at < heads_.size(); ++at) {
            const int layer = static_cast<int>(at) % size_.layers;
            if (!heads_[at].empty()) {
                apply(stream_, layer, weight_name::W_query, weight_name::b_query, query_);
                apply(stream_, layer, weight_name::W_key, weight_name::b_key, key_);
                apply(stream_, layer, weight_name::W_value, weight_name::b_value, value_);
                for (head& each : heads_[at]) attend(each);
                apply(joined_, layer, weight_name::W_out, weight_name::b_out, change_);
                add(stream_, change_);
            }
            apply(stream_, layer, weight_name::W_expand, weight_name::b_expand, hidden_);
            for (double& each : hidden_) each = std::max(each, 0.0);
            apply(hidden_, layer, weight_name::W_contract, weight_name::b_contract, change_);
            add(stream_, change_);
        }
        ++positions_;
        apply(stream_, 0, weight_name::W_logits, weight_name::b_logits, logits_);
        return logits_;
    }

  private:
    /// The numbers of a key from which its slope and offset are computed.
    enum class part { offset, slope, shared };
    struct head {
        std::size_t first;  // of its rows
        int channels;
        std::vector<part> parts;
        int compared = 0;  // numbers of the key that are multiplied with numbers of the query
        key_lines lines;
        std::vector<double> start_key;
        std::vector<double> start_values;
        std::vector<double> keys;  // the keys of all positions, if the head visits them all
        std::vector<double> values;
    };
    std::vector<std::vector<head>> heads_;  // of each layer, in each round of a loop
    int positions_ = 0;
    row stream_;
    row change_;
    row hidden_;
    row logits_;
    row query_;
    row key_;
    row value_;
    row joined_;

    /// The first column of a matrix is the mark of the start; all others vary.
    bool varies(int layer, weight_name matrix, int number) const {
        for (const entry& each : of(layer, matrix))
            if (each.row == number && each.column != 0) return true;
        return false;
    }
    SEQUENT_COLD void add_head(int layer, int place) {
        const int first = place * size_.head_width;
        int channels = 0;
        for (const entry& each : of(layer, weight_name::W_out))
            if (each.column >= first && each.column < first + size_.head_width)
                channels = std::max(channels, each.column - first + 1);
        if (channels == 0) return;
        head made{
            static_cast<std::size_t>(first), channels, {}, 0, key_lines(channels), {}, {}, {}, {}};
        for (int number = first; number < first + size_.head_width; ++number) {
            const bool is_compared = varies(layer, weight_name::W_key, number);
            const bool asks = varies(layer, weight_name::W_query, number);
            made.parts.push_back(!is_compared ? part::shared : asks ? part::slope : part::offset);
            made.compared += is_compared && asks ? 1 : 0;
        }
        heads_.back().push_back(std::move(made));
    }
    /// Of one round.
    int count_heads(bool search) const {
        int count = 0;
        for (const auto& layer : heads_)
            for (const head& each : layer) count += (each.compared < 2) == search ? 1 : 0;
        return count / size_.rounds;
    }

    void attend(head& of) {
        const double* const query = query_.data() + of.first;
        const double* const key = key_.data() + of.first;
        const double* const value = value_.data() + of.first;
        double* const result = joined_.data() + of.first;
        const auto channels = static_cast<std::size_t>(of.channels);
        if (positions_ == 0) {
            of.start_key.assign(key, key + of.parts.size());
            of.start_values.assign(value, value + channels);
            std::copy_n(value, channels, result);
            return;
        }
        double start = 0;
        for (std::size_t at = 0; at < of.parts.size(); ++at) start += query[at] * of.start_key[at];
        if (of.compared > 1) return visit(of, start, query, key, value, result);
        double slope = 0;
        double offset = 0;
        double asked = 0;
        double shared = 0;
        for (std::size_t at = 0; at < of.parts.size(); ++at) {
            if (of.parts[at] == part::slope) {
                slope = key[at];
                asked = query[at];
            } else {
                (of.parts[at] == part::offset ? offset : shared) += query[at] * key[at];
            }
        }
        of.lines.add(slope, offset, value);
        const key_lines::near_lines near = of.lines.near(asked);
        const double highest = std::max(start - shared, near.highest);
        double total = std::exp(start - shared - highest);
        for (std::size_t channel = 0; channel < channels; ++channel)
            result[channel] = total * of.start_values[channel];
        for (auto each = near.begin; each != near.end; ++each) {
            const double share = std::exp(each->at(asked) - highest);
            total += share * each->count;
            const double* const sums = of.lines.values(*each);
            for (std::size_t channel = 0; channel < channels; ++channel)
                result[channel] += share * sums[channel];
        }
        for (std::size_t channel = 0; channel < channels; ++channel) result[channel] /= total;
    }
    void visit(head& of, double start, const double* query, const double* key, const double* value,
               double* result) {
        const std::size_t width = of.parts.size();
        const auto channels = static_cast<std::size_t>(of.channels);
        of.keys.insert(of.keys.end(), key, key + width);
        of.values.insert(of.values.end(), value, value + channels);
        std::vector<double> logits{start};
        for (std::size_t at = 0; at < of.keys.size(); at += width) {
            double logit = 0;
            for (std::size_t number = 0; number < width; ++number)
                logit += query[number] * of.keys[at + number];
            logits.push_back(logit);
        }
        const double highest = *std::max_element(logits.begin(), logits.end());
        double total = 0;
        std::fill_n(result, channels, 0.0);
        for (std::size_t at = 0; at < logits.size(); ++at) {
            const double share = std::exp(logits[at] - highest);
            total += share;
            const double* const from =
                at == 0 ? of.start_values.data() : of.values.data() + (at - 1) * channels;
            for (std::size_t channel = 0; channel < channels; ++channel)
                result[channel] += share * from[channel];
        }
        for (std::size_t channel = 0; channel < channels; ++channel) result[channel] /= total;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// The rules of the transformer of a compiled program, and the places of its weights in memory.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

constexpr nn::shape shape_of(const sizes& of) {
    nn::shape result;
    result.tokens = of.positions;
    result.width = of.width;
    result.heads = of.heads;
    result.key_heads = of.heads;
    result.head_width = of.head_width;
    result.hidden = of.hidden;
    result.depth = of.layers;
    result.scaled = false;
    return result;
}

/// One layer, without norms.
template <nn::shape Shape, class Mask>
inline constexpr auto block_rules = [] {
    using namespace nn;
    // clang-format off
    return rules(
        multi_head_rules<Shape, Mask, relation<"x">>,
        between(i) <<= (x(i), attended(i)),
        feed_forward_rules<Shape, activation::relu, relation<"between">>,
        y(i)       <<= (between(i), transformed(i)));
    // clang-format on
}();

template <sizes Size>
inline constexpr language::weight<"embedding", Size.tokens, Size.width> embedding_of{};
template <sizes Size>
inline constexpr language::weight<"position", Size.width> position_of{};
template <sizes Size>
inline constexpr language::weight<"W_logits", Size.classes, Size.width> W_logits_of{};
template <sizes Size>
inline constexpr language::weight<"b_logits", Size.classes> b_logits_of{};

template <sizes Size, const auto& Block>
inline constexpr auto round_rules = language::rules(nn::layers(nn::i) <<=
                                                    nn::x(nn::i) |
                                                    language::stack<Size.layers>(Block),
                                                    nn::y(nn::i) <<= nn::layers(nn::i));

template <sizes Size>
inline constexpr auto transformer_rules = [] {
    using nn::i;
    constexpr auto& block =
        block_rules<shape_of(Size),
                    std::conditional_t<Size.is_causal, mask::causal, mask::padding<"length">>>;
    // A loop applies all layers in each round.
    constexpr auto layers = [] {
        if constexpr (Size.rounds > 1)
            return language::repeat<Size.rounds>(round_rules<Size, block>);
        else
            return language::stack<Size.layers>(block);
    };
    // clang-format off
    return language::rules(
        nn::embedded(i) <<= (nn::token(i)[embedding_of<Size>], position_of<Size>(i)),
        nn::layers(i)   <<= nn::embedded(i) | layers(),
        nn::logits(i)   <<= (nn::layers(i)[W_logits_of<Size>], b_logits_of<Size>));
    // clang-format on
}();

template <sizes Size>
struct transformer_of : model<transformer_rules<Size>,
                              fact<"token", Size.positions, symbol<Size.tokens>>, bound<"length">> {
};
template <sizes Size>
    requires(Size.is_causal)
struct transformer_of<Size>
    : model<transformer_rules<Size>, fact<"token", Size.positions, symbol<Size.tokens>>> {};

template <class Plan, language::fixed_string... Names>
inline constexpr std::array views_of_weights{
    model_detail::view_of_weight<Plan>(model_detail::find_weight<Plan, Names>())...};

/// The places of the weights, in the order of weight_name.
template <sizes Size>
inline constexpr auto& weight_views =
    views_of_weights<typename transformer_of<Size>::plan, "embedding", "position", "W_query",
                     "b_query", "W_key", "b_key", "W_value", "b_value", "W_out", "b_out",
                     "W_expand", "b_expand", "W_contract", "b_contract", "W_logits", "b_logits">;

template <class T>
tensor_view<T> weight_in(std::span<const model_detail::weight_view> views, weight_name name,
                         T* numbers) {
    return model_detail::to_tensor(views[static_cast<std::size_t>(name)], numbers);
}

/// Adds the entries to weights that are zero.
template <class T>
SEQUENT_COLD void write_weights(std::span<const weight_entry> entries,
                                std::span<const model_detail::weight_view> views, T* numbers) {
    for (const weight_entry& each : entries)
        weight_in(views, each.name, numbers).element(each.element) += static_cast<T>(each.number);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling

/// Compiles RASP programs to transformers with softmax attention and ReLU feed-forward parts.

namespace sequent::inline SEQUENT_ABI::rasp {

/// Option: the symbols of an input, as the characters of one text, or as several texts, each a
/// symbol.
template <language::fixed_string Symbols, language::fixed_string... More>
struct alphabet {};
/// Option: the integers `First` to `Last` are the tokens.
template <int First, int Last>
struct integers {};
/// Option: the largest number of positions of an input.
template <int Length>
struct max_length {};

namespace compiling {

template <class Option>
struct option {
    static constexpr bool is_known = false;
};
template <language::fixed_string Symbols, language::fixed_string... More>
struct option<alphabet<Symbols, More...>> {
    static constexpr bool is_known = true;
    static constexpr void apply(inputs& to) {
        if constexpr (sizeof...(More) == 0) {
            for (const value& each : sequence(text(Symbols))) to.alphabet.push_back(each);
        } else {
            to.alphabet.push_back(value(text(Symbols)));
            (..., to.alphabet.push_back(value(text(More))));
        }
    }
    template <std::size_t Size>
    static constexpr std::string_view text(const language::fixed_string<Size>& of) {
        return {of.characters, Size - 1};
    }
};
template <int First, int Last>
struct option<integers<First, Last>> {
    static_assert(First <= Last, "sequent: integers<first, last> has a last one after its first");
    static constexpr bool is_known = true;
    static constexpr void apply(inputs& to) {
        for (int each = First; each <= Last; ++each) to.alphabet.push_back(each);
    }
};
template <int Length>
struct option<max_length<Length>> {
    static_assert(Length > 0, "sequent: max_length is at least one");
    static constexpr bool is_known = true;
    static constexpr void apply(inputs& to) { to.length = Length; }
};

template <class... Options>
constexpr inputs inputs_of() {
    inputs result;
    (..., option<Options>::apply(result));
    std::sort(result.alphabet.begin(), result.alphabet.end());
    result.alphabet.erase(std::unique(result.alphabet.begin(), result.alphabet.end()),
                          result.alphabet.end());
    return result;
}

template <class... Options>
consteval bool is_given() {
    const inputs given = inputs_of<Options...>();
    return given.length > 0 && !given.alphabet.empty();
}

template <class... Options>
consteval std::size_t count_tokens() {
    const inputs given = inputs_of<Options...>();
    return given.alphabet.size();
}

/// The tokens in rising order; a token's number is its place here.
template <class... Options>
inline constexpr auto alphabet_of = [] {
    std::array<value, count_tokens<Options...>()> result{};
    const inputs given = inputs_of<Options...>();
    std::copy(given.alphabet.begin(), given.alphabet.end(), result.begin());
    return result;
}();

/// The part of a compilation that is a constant expression.
struct compilation {
    static constexpr std::size_t room = 8192;

    sizes size;
    /// True if the entries hold all weights that are not zero.
    bool has_weights = false;
    std::size_t entry_count = 0;
    std::array<weight_entry, room> entries{};
    std::array<value, max_classes> classes{};

    constexpr compilation(const graph& program, const program_analysis& analysed,
                          const inputs& given) {
        const network made(program, analysed, given);
        const layout laid(made, analysed.heads);
        size = laid.size;
        if (size.wrong.kind != problem::none) return;
        std::copy(laid.classes.begin(), laid.classes.end(), classes.begin());
        const auto embedded = static_cast<std::size_t>(size.tokens + size.positions);
        if (!made.laid || embedded * static_cast<std::size_t>(size.width) > most_constant_work)
            return;
        entry_count = weight_writer(laid, entries.data(), room).count;
        has_weights = entry_count <= room;
    }
};

/// The program as it is compiled, and its analysis.
template <const auto& Program>
inline constexpr const graph& graph_to_compile = rasp::detail::compilable<Program>();
template <const auto& Program>
inline constexpr const program_analysis& analysis_to_compile =
    rasp::detail::analysis_of_compilable<Program>();

template <const auto& Program, class... Options>
inline constexpr compilation compilation_of = [] {
    static_assert((... && option<Options>::is_known) && is_given<Options...>(),
                  "sequent: compile takes a program, alphabet<\"abc\"> or integers<0, 9>, and "
                  "max_length<N>");
    return compilation(graph_to_compile<Program>, analysis_to_compile<Program>,
                       inputs_of<Options...>());
}();

template <const auto& Program, class... Options>
inline constexpr sizes sizes_of = compilation_of<Program, Options...>.size;

/// The weights that are not zero.
template <const auto& Program, class... Options>
inline constexpr auto entries_of = [] {
    constexpr auto& from = compilation_of<Program, Options...>;
    std::array<weight_entry, from.entry_count> result{};
    std::copy_n(from.entries.begin(), result.size(), result.begin());
    return result;
}();
SEQUENT_COLD inline std::vector<weight_entry> compute_entries(const graph& program,
                                                              const program_analysis& analysed,
                                                              const inputs& given) {
    const network made(program, analysed, given);
    const layout laid(made, analysed.heads);
    std::vector<weight_entry> result(weight_writer(laid, nullptr, 0).count);
    (void)weight_writer(laid, result.data(), result.size());
    return result;
}

/// The values that a position of the output may have, in the order of the logits.
template <const auto& Program, class... Options>
inline constexpr auto classes_of = [] {
    constexpr auto& from = compilation_of<Program, Options...>;
    std::array<value, static_cast<std::size_t>(from.size.classes)> result{};
    std::copy_n(from.classes.begin(), result.size(), result.begin());
    return result;
}();

/// A token as the model's fact.
SEQUENT_COLD inline std::int32_t encode_token(const value& token, int at, const sizes& size,
                                              std::span<const value> alphabet) {
    const auto found = std::lower_bound(alphabet.begin(), alphabet.end(), token,
                                        [](const value& left, const value& right) {
                                            return left.kind() == right.kind() && left < right;
                                        });
    if (found == alphabet.end() || !(*found == token))
        fail_with<evaluation_error>({"sequent: the token \"", token.text(), "\" at position ", at,
                                     " is not of the alphabet that the program is compiled for"});
    const auto letter = static_cast<std::int32_t>(found - alphabet.begin());
    const auto letters = static_cast<std::int32_t>(alphabet.size());
    return 1 + letter + (size.embeds_pairs ? at * letters : 0);
}
SEQUENT_COLD inline void check_length(int tokens, const sizes& size) {
    const int longest = size.positions - 1;
    if (tokens > longest)
        fail_with<evaluation_error>(
            {"sequent: the program is compiled for ", longest, " tokens, the input has ", tokens});
}
SEQUENT_COLD inline std::vector<std::int32_t> encode(const sequence& input, const sizes& size,
                                                     std::span<const value> alphabet) {
    if (input.empty()) rasp::detail::an_empty_input();
    check_length(input.size(), size);
    std::vector<std::int32_t> result(static_cast<std::size_t>(size.positions), 0);
    for (int at = 0; at < input.size(); ++at)
        result[static_cast<std::size_t>(at) + 1] = encode_token(input[at], at, size, alphabet);
    return result;
}

/// The fraction, with at most this denominator, that equals a number up to the errors of attention.
SEQUENT_COLD inline value fraction_near(double number, int denominator) {
    const double tolerance = 1 / (2.0 * denominator * denominator);
    // Convergents of the continued fraction (Hardy and Wright, theorem 184).
    std::int64_t over[2]{1, 0};
    std::int64_t under[2]{0, 1};
    double rest = number;
    for (;;) {
        const double whole = std::floor(rest + 1e-7);
        const auto times = static_cast<std::int64_t>(whole);
        const std::int64_t next_over = times * over[0] + over[1];
        const std::int64_t next_under = times * under[0] + under[1];
        if (next_under > denominator) break;
        over[1] = over[0];
        under[1] = under[0];
        over[0] = next_over;
        under[0] = next_under;
        const double found = static_cast<double>(over[0]) / static_cast<double>(under[0]);
        if (std::abs(found - number) < tolerance || rest - whole < 1e-7) break;
        rest = 1 / (rest - whole);
    }
    return value(rational(over[0], under[0]), type::real);
}

/// The classes with the highest logits at each position after the start, or the numbers themselves.
template <class Logits>
SEQUENT_COLD sequence decode(const Logits& logits, int length, std::span<const value> classes,
                             int denominator) {
    sequence result;
    for (int position = 1; position <= length; ++position) {
        std::size_t best = 0;
        for (std::size_t each = 1; each < classes.size(); ++each)
            if (logits(position, each) > logits(position, best)) best = each;
        result.push_back(denominator > 0
                             ? fraction_near(static_cast<double>(logits(position, 0)), denominator)
                             : classes[best]);
    }
    return result;
}

/// A part of a program as the compiler prints it in an error: GCC as text, Clang by its characters.
#ifdef __clang__
template <char... Text>
struct in_part {};
template <const auto& Text, std::size_t... At>
consteval auto part_of_text(std::index_sequence<At...>) {
    return in_part<Text[At]...>{};
}
#else
template <std::size_t Size>
struct part_text {
    char characters[Size];
};
template <part_text Text>
struct in_part {};
template <const auto& Text, std::size_t... At>
consteval auto part_of_text(std::index_sequence<At...>) {
    return in_part<part_text<sizeof...(At) + 1>{{Text[At]..., 0}}>{};
}
#endif
/// The first 100 characters of a part; empty without a part.
template <const auto& Program, int Part>
inline constexpr auto text_of_part = [] {
    std::array<char, 104> result{};
    std::size_t size = 0;
    const auto append = [&](std::string_view text) {
        for (const char letter : text)
            if (size < 103) {
                result[size] = size < 100 ? letter : '.';
                ++size;
            }
    };
    if constexpr (Part >= 0)
        rasp::detail::part_writer(graph_to_compile<Program>, append).write(Part, false, 8);
    return result;
}();
template <const auto& Program, int Part>
using part_in_error = decltype(part_of_text<text_of_part<Program, Part>>(
    std::make_index_sequence<std::string_view(text_of_part<Program, Part>.data()).size()>()));

template <problem>
struct because {};
template <operation>
struct of_operation {};
template <class Why, class What, class Part>
inline constexpr bool compiles = false;
template <class What, class Part>
inline constexpr bool compiles<because<problem::none>, What, Part> = true;
/// Names what cannot be compiled in the first lines of the error: GCC prints the class, Clang the
/// condition.
template <class Why, class What, class Part>
struct refusal {
    static_assert(compiles<Why, What, Part>,
                  "sequent: this operation of the RASP program can't be compiled");
};
template <const auto& Program, const sizes& Size>
using refusal_of = refusal<because<Size.wrong.kind>, of_operation<Size.wrong.what>,
                           part_in_error<Program, Size.wrong.part>>;

}  // namespace compiling

/// The transformer of a program, with computed weights: `compile<reversed, alphabet<"abc">,
/// max_length<10>>`. Its layers and heads are those of the analysis, and added layers without
/// heads. Its output equals that of `evaluate` for every input of 1 to `max_length` tokens of the
/// alphabet for which `evaluate` has a value. A start position precedes the input; heads that
/// select no position attend to it.
///
/// The attention logits of selected pairs exceed all others by at least 64 (and that of the start
/// by 32), so pairs that are not selected receive less than N e^-32 of a head's attention, 4e-12
/// for 300 positions. Hidden units round this rest away.
///
/// The widths of the residual stream and the hidden layer depend on the program. An ordering of n
/// values takes 2 n elements of the stream, an equality 4. A function of one number with n values
/// takes 2 (n - 1) hidden units; one of a sum over selected positions about N^2; one of several
/// numbers twice the number of its changes from one tuple of values to the next, in the order with
/// the fewest changes. A function that needs a table of more than 20,480 tuples does not compile.
template <const auto& Program, class... Options>
struct compile : compiling::transformer_of<compiling::sizes_of<Program, Options...>> {
    /// The sizes of the transformer.
    static constexpr compiling::sizes size = compiling::sizes_of<Program, Options...>;
    static_assert(sizeof(compiling::refusal_of<Program, size>) > 0);

    /// The model.
    using transformer = compiling::transformer_of<size>;
    /// The parameters of the model.
    template <class T>
    using parameters = typename transformer::template parameters<T>;

    /// The weights, filled at the first call. The numbers of small programs are compile-time
    /// constants; those of larger ones are computed at the first call.
    template <class T = double>
    static const parameters<T>& weights() {
        static const std::unique_ptr<parameters<T>> made = [] {
            auto result = make_unique<parameters<T>>();
            compiling::write_weights<T>(entries(), compiling::weight_views<size>, result->data());
            return result;
        }();
        return *made;
    }
    /// The weights that are not zero.
    static std::span<const compiling::weight_entry> entries() {
        if constexpr (compiling::compilation_of<Program, Options...>.has_weights) {
            return compiling::entries_of<Program, Options...>;
        } else {
            static const auto made = compiling::compute_entries(
                compiling::graph_to_compile<Program>, compiling::analysis_to_compile<Program>,
                compiling::inputs_of<Options...>());
            return made;
        }
    }

    /// The output of the transformer for an input. Throws evaluation_error if a token is not in the
    /// alphabet or there are more than `max_length` tokens.
    template <class T = double>
    static sequence run(const sequence& input) {
        static thread_local const auto w =
            make_unique<typename transformer::template workspace<T>>();
        const std::vector<std::int32_t> given = encode(input);
        const auto decoded = [&](const auto& logits) {
            return compiling::decode(logits, input.size(), classes(), size.denominator);
        };
        if constexpr (size.is_causal)
            return decoded(transformer::forward(weights<T>(), {given}, *w));
        else
            return decoded(transformer::forward(weights<T>(), {given, input.size() + 1}, *w));
    }

    /// Appends the output at the last position to the prompt, `count` times or until it has
    /// `max_length` + 1 tokens. Each token takes one `step`. The program is causal: its selectors
    /// select no later position.
    template <class T = double>
    static sequence generate(sequence prompt, int count) requires(size.is_causal) {
        const auto s = make_unique<typename transformer::template state<T>>();
        std::vector<std::int32_t> given = encode(prompt);
        given.resize(static_cast<std::size_t>(prompt.size()) + 1);
        auto logits = transformer::prefill(weights<T>(), {given}, *s);
        for (; count > 0; --count) {
            const auto last = [&](int, std::size_t each) { return logits(each); };
            prompt.push_back(compiling::decode(last, 1, classes(), size.denominator)[0]);
            if (count == 1 || prompt.size() == size.positions) break;
            const int at = prompt.size() - 1;
            logits = transformer::step(
                weights<T>(),
                {compiling::encode_token(prompt[at], at, size, compiling::alphabet_of<Options...>)},
                *s);
        }
        return prompt;
    }

    /// Runs the program one token at a time, in time O(log n) for each head at position n that
    /// finds its keys by one number: equal values or positions, first and last ones, and sums over
    /// all positions. The program is causal. Gives what `run` and `generate` give.
    class steps {
      public:
        steps() requires(size.is_causal) : transformer_(size, entries()) { transformer_.step(0); }

        /// The output at the next position, which holds this token. Throws evaluation_error if it
        /// is not in the alphabet or comes after `max_length` tokens.
        value operator()(const value& token) {
            const int at = transformer_.positions() - 1;
            compiling::check_length(at + 1, size);
            const auto& logits =
                transformer_.step(compiling::encode_token(token, at, size, alphabet()));
            const auto here = [&](int, std::size_t each) { return logits[each]; };
            return compiling::decode(here, 1, classes(), size.denominator)[0];
        }
        /// Heads that search, of all heads.
        int searching() const { return transformer_.searching(); }
        /// Heads that visit earlier positions one by one.
        int visiting() const { return transformer_.visiting(); }

      private:
        compiling::searched_transformer transformer_;
    };

    /// The values that a position of the output may have, in the order of the logits.
    static std::span<const value> classes() { return compiling::classes_of<Program, Options...>; }

    /// The tokens of an input, in increasing order.
    static std::span<const value> alphabet() { return compiling::alphabet_of<Options...>; }
    /// A view of one weight within `numbers`.
    template <class T>
    static tensor_view<T> view_of(compiling::weight_name name, T* numbers) {
        return compiling::weight_in(compiling::weight_views<size>, name, numbers);
    }

    /// The fact of the model for an input: the start, the tokens, and the start again up to the
    /// end.
    static std::vector<std::int32_t> encode(const sequence& input) {
        return compiling::encode(input, size, compiling::alphabet_of<Options...>);
    }

    /// The attention weights of all heads for an input.
    static attention_maps attention(const sequence& input) {
        return compiling::plain_transformer(size, entries())
            .run(encode(input), input.size() + 1)
            .maps;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// User functions at each position, and conversions between symbols and numbers.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// A symbol's text, for functions that take text.
struct symbol_text {
    char bytes[16]{};
    std::size_t size = 0;
    constexpr explicit symbol_text(const value& of) {
        for (; size < 16; ++size) {
            bytes[size] = of.byte(static_cast<int>(size));
            if (bytes[size] == 0) break;
        }
    }
    constexpr operator std::string_view() const { return {bytes, size}; }
};

/// A value of a known type, as functions take it: bool, an integer, double or text.
template <type Kind>
constexpr auto argument_of(const value& from) {
    if constexpr (Kind == type::boolean)
        return from.truth();
    else if constexpr (Kind == type::integer)
        return static_cast<int>(from.number().over);
    else if constexpr (Kind == type::real)
        return from.number().as_double();
    else
        return symbol_text(from);
}
template <type Kind>
using argument_type = std::conditional_t<Kind == type::symbol, std::string_view,
                                         decltype(argument_of<Kind>(value()))>;

template <auto Function, type... Kinds>
struct call {
    static constexpr bool is_possible =
        std::is_invocable_v<decltype(Function), argument_type<Kinds>...>;

    static constexpr value apply(const value* arguments, undefined&) {
        return apply_each(arguments, std::make_index_sequence<sizeof...(Kinds)>());
    }
    template <std::size_t... At>
    static constexpr value apply_each(const value* arguments, std::index_sequence<At...>) {
        return value(Function(argument_type<Kinds>(argument_of<Kinds>(arguments[At]))...));
    }
    static consteval auto make() {
        if constexpr (is_possible)
            return as_s_op(std::invoke_result_t<decltype(Function), argument_type<Kinds>...>());
        else
            return as_s_op(0);
    }
    static constexpr type kind = decltype(make())::kind;
};

/// The last identifier that the compiler prints of a function.
template <auto Function>
constexpr value name_of_function() {
    const std::string_view text = __PRETTY_FUNCTION__;
    std::size_t end = text.rfind(']');
    if (text.find("lambda") != text.npos || end == text.npos) return value("function");
    std::size_t from = end;
    const auto is_of_name = [](char each) {
        return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
               (each >= '0' && each <= '9') || each == '_';
    };
    while (from > 0 && !is_of_name(text[end - 1])) --end;
    from = end;
    while (from > 0 && is_of_name(text[from - 1])) --from;
    return value(text.substr(from, std::min<std::size_t>(end - from, 16)));
}

template <auto Function, class... Arguments>
constexpr auto call_of(const Arguments&... arguments) {
    using called = call<Function, s_op_of<Arguments>::kind...>;
    node root;
    root.what = operation::function;
    root.kind = called::kind;
    if constexpr (called::is_possible) {
        root.known = name_of_function<Function>();
        root.applied = &called::apply;
    }
    return make_of_node<called::kind>(root, as_s_op(arguments)...);
}

constexpr value number_of_symbol(const value* from, undefined& trouble) {
    const symbol_text text(from[0]);
    const std::string_view digits = text;
    const bool is_negative = digits.size() > 1 && digits[0] == '-';
    std::int64_t result = 0;
    for (const char each : digits.substr(is_negative ? 1 : 0)) {
        if (each < '0' || each > '9') trouble = undefined::no_number;
        result = 10 * result + (each - '0');
    }
    if (digits.empty()) trouble = undefined::no_number;
    return is_negative ? -result : result;
}
constexpr value symbol_of_number(const value* from, undefined&) {
    std::int64_t rest = from[0].number().over;
    const bool is_negative = rest < 0;
    if (is_negative) rest = -rest;
    char text[24]{};
    std::size_t at = sizeof text;
    do {
        text[--at] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (is_negative) text[--at] = '-';
    return value(std::string_view(text + at, sizeof text - at));
}
template <type Kind, class Part>
constexpr auto conversion(const Part& part, const char* name, value_function function) {
    node root;
    root.what = operation::function;
    root.kind = Kind;
    root.known = value(name);
    root.applied = function;
    return make_of_node<Kind>(root, as_s_op(part));
}

}  // namespace detail

/// Applies a constexpr function to the value at each position: `map<is_vowel>(tokens)`. The
/// function takes a std::string_view (symbols), an int (integers), a double (other numbers) or a
/// bool, and returns one of these or a character.
template <auto Function, part Part>
constexpr auto map(const Part& part) {
    static_assert(s_op<Part> && detail::call<Function, detail::s_op_of<Part>::kind>::is_possible,
                  "sequent: RASP's map takes a function of the values' type: of symbols "
                  "std::string_view, of integers int, of other numbers double, of booleans bool");
    return detail::call_of<Function>(part);
}
/// Applies a constexpr function to two values at each position: `zip<greatest_divisor>(tokens_int,
/// indices)`.
template <auto Function, s_op_or_constant Left, s_op_or_constant Right>
    requires operands<Left, Right>
constexpr auto zip(const Left& left, const Right& right) {
    static_assert(!is_selector<Left> && !is_selector<Right> &&
                      detail::call<Function, detail::s_op_of<Left>::kind,
                                   detail::s_op_of<Right>::kind>::is_possible,
                  "sequent: RASP's zip takes a function of two values' types: of symbols "
                  "std::string_view, of integers int, of other numbers double, of booleans bool");
    return detail::call_of<Function>(left, right);
}

/// The integer that a symbol spells; other symbols are an evaluation error.
template <part Part>
constexpr auto to_number(const Part& part) {
    static_assert(detail::s_op_of<Part>::kind == type::symbol,
                  "sequent: RASP's to_number takes a symbol");
    return detail::conversion<type::integer>(part, "to_number", &detail::number_of_symbol);
}
/// The symbol that spells an integer in decimal.
template <part Part>
constexpr auto to_symbol(const Part& part) {
    static_assert(s_op<Part> && detail::s_op_of<Part>::kind == type::integer,
                  "sequent: RASP's to_symbol takes an integer; round(...) is one");
    return detail::conversion<type::symbol>(part, "to_symbol", &detail::symbol_of_number);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Common functions of RASP, in the definitions of the paper's appendix (arXiv 2106.06981, appendix
/// B).

namespace sequent::inline SEQUENT_ABI::rasp {

/// True at the positions for which the selector selects any position.
template <class Selector>
constexpr auto has(const Selector& from) {
    return aggregate(from, 1) > 0;
}
/// The number of positions that hold a value, at every position.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto count(const Values& values, const Wanted& wanted) {
    return round(length * aggregate(everything, indicator(values == wanted)));
}
/// True, at every position, if any position holds the value.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto contains(const Values& values, const Wanted& wanted) {
    return aggregate(everything, indicator(values == wanted)) > 0;
}
/// The greater of two values.
template <s_op_or_constant Left, s_op_or_constant Right>
    requires operands<Left, Right>
constexpr auto max(const Left& left, const Right& right) {
    return cond(left > right, left, right);
}
/// The lesser of two values.
template <s_op_or_constant Left, s_op_or_constant Right>
    requires operands<Left, Right>
constexpr auto min(const Left& left, const Right& right) {
    return cond(left < right, left, right);
}
/// The mean over all positions.
template <part Values>
constexpr auto average(const Values& values) {
    return aggregate(everything, values);
}
/// The value at the position whose number is given by another s-op; 0, false or the empty symbol if
/// there is none.
template <s_op Values, s_op Places>
constexpr auto load_from(const Values& values, const Places& places) {
    return aggregate(select(indices, places, equal), values);
}
/// The values moved to the right by `places` positions, or to the left if it is negative; `filler`
/// where no value arrives.
template <part Values, s_op_or_constant Filler>
constexpr auto shift(const Values& values, int places, const Filler& filler) {
    return aggregate(select(indices + places, indices, equal), values, filler);
}
/// True at the first position that holds the value.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto mark_first(const Values& values, const Wanted& wanted) {
    return values == wanted &&
           !has(select(values, wanted, equal) && select(indices, indices, less));
}
/// True at the last position that holds the value.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto mark_last(const Values& values, const Wanted& wanted) {
    return values == wanted &&
           !has(select(values, wanted, equal) && select(indices, indices, greater));
}

/// True where the value is one of the constants.
template <s_op Values, s_op_or_constant... Constants>
constexpr auto is_one_of(const Values& values, const Constants&... constants) {
    static_assert(sizeof...(Constants) > 0, "sequent: RASP's is_one_of takes constants");
    return (... || (values == constants));
}

/// An entry of a map: a key and its result.
template <class Key, class Result>
struct entry {
    /// The key.
    Key key;
    /// The result.
    Result result;
};
/// The types of an entry follow from its members.
template <class Key, class Result>
entry(Key, Result) -> entry<Key, Result>;

/// The result of a constant map for the value as key: `lookup(tokens, -1, entry{'0', 0}, entry{'1',
/// 1})`; `otherwise` if the map lacks the key.
template <s_op Values, s_op_or_constant Otherwise>
constexpr auto lookup(const Values&, const Otherwise& otherwise) {
    return otherwise;
}
/// Likewise, with at least one entry.
template <s_op Values, s_op_or_constant Otherwise, class Key, class Result, class... Rest>
constexpr auto lookup(const Values& values, const Otherwise& otherwise,
                      const entry<Key, Result>& first, const Rest&... rest) {
    return cond(values == first.key, first.result, lookup(values, otherwise, rest...));
}
/// Element `places` of a constant list; the last element if there is none.
template <s_op Places, s_op_or_constant Last>
constexpr auto element_of(const Places&, const Last& last) {
    return last;
}
namespace detail {
template <int At, s_op Places, class First, class... Rest>
constexpr auto element_from(const Places& places, const First& first, const Rest&... rest) {
    if constexpr (sizeof...(Rest) == 0)
        return first;
    else
        return cond(places == At, first, element_from<At + 1>(places, rest...));
}
}  // namespace detail
/// Likewise, of a list of several elements.
template <s_op Places, s_op_or_constant First, s_op_or_constant... Rest>
    requires(sizeof...(Rest) > 0)
constexpr auto element_of(const Places& places, const First& first, const Rest&... rest) {
    return detail::element_from<0>(places, first, rest...);
}

/// For each position, how often its value occurs.
template <part Values>
constexpr auto hist(const Values& values) {
    return selector_width(select(values, values, equal));
}
/// The same without position 0, which holds a beginning-of-sequence token.
template <part Values>
constexpr auto hist_with_bos(const Values& values) {
    return selector_width_with_bos(select(values, values, equal));
}

namespace detail {
/// Selects the positions whose key is smaller, or the same and earlier.
template <part Key>
constexpr auto earlier_in_order(const Key& key) {
    return select(key, key, less) || (select(key, key, equal) && select(indices, indices, less));
}
template <s_op Values>
constexpr auto has_earlier(const Values& values) {
    return selector_width_with_bos(select(values, values, equal) &&
                                   select(indices, indices, less)) > 0;
}
}  // namespace detail

/// The values sorted by their keys; stable.
template <part Values, part Key>
constexpr auto sort(const Values& values, const Key& key) {
    const auto place = named<"place">(selector_width(detail::earlier_in_order(key)));
    return aggregate(select(place, indices, equal), values);
}
/// The values sorted by their keys, stable; position 0 holds a beginning-of-sequence token and
/// stays.
template <part Values, part Key>
constexpr auto sort_with_bos(const Values& values, const Key& key) {
    const auto before = selector_width_with_bos(detail::earlier_in_order(key));
    const auto place = named<"place">(cond(indices == 0, -1, before));
    return aggregate(select(place, indices - 1, equal) ||
                         (select(indices, 0, equal) && select(indices, indices, equal)),
                     values);
}

/// Selects, for each position, the next position with the same value.
template <s_op Values>
constexpr auto select_next_identical(const Values& values) {
    const auto same = select(values, values, equal);
    const auto before =
        named<"number before">(selector_width(same && select(indices, indices, less)));
    return same && select(before, before + 1, equal);
}

/// For each position, how many different values occur as often as its own. Position 0 holds a
/// beginning-of-sequence token.
template <s_op Values>
constexpr auto double_hist_with_bos(const Values& values) {
    const auto often = named<"hist">(hist_with_bos(values));
    const auto seen = named<"seen">(detail::has_earlier(values));
    return selector_width_with_bos(select(often, often, equal) && select(seen, false, equal));
}

/// Each different value once, the most frequent first, equally frequent ones in the order of their
/// first positions; then `filler`. Position 0 holds a beginning-of-sequence token. The result is
/// right for inputs of fewer than `longest` positions.
template <s_op Values, s_op_or_constant Filler>
constexpr auto most_freq_with_bos(const Values& values, const Filler& filler, int longest = 300) {
    const auto often = named<"hist">(hist_with_bos(values));
    const auto seen = named<"seen">(detail::has_earlier(values));
    const auto kept = named<"first ones">(cond(seen, filler, values));
    return sort_with_bos(kept, named<"order">(-(often - indicator(seen) * longest)));
}

namespace detail {

/// A pair of brackets: "()".
struct bracket_pair {
    char opens;
    char closes;
    constexpr bracket_pair(const char (&text)[3]) : opens(text[0]), closes(text[1]) {}
};

/// The number of positions up to each one that have a property.
template <s_op Property>
constexpr auto up_to_here(const Property& property) {
    return round((indices + 1) * aggregate(select(indices, indices, less_equal), property));
}

/// F from the first mistake on, T where all brackets are closed, else P.
template <s_op Wrong, s_op Depth>
constexpr auto verdict(const Wrong& wrong, const Depth& depth) {
    const auto so_far = aggregate(select(indices, indices, less_equal), indicator(wrong));
    return cond(so_far > 0, 'F', cond(depth == 0, 'T', 'P'));
}

}  // namespace detail

/// For each position, whether the brackets up to it are balanced (T), could still be balanced (P),
/// or cannot (F). Other symbols are ignored.
template <s_op Values>
constexpr auto dyck_1_ptf(const Values& values, char opens = '(', char closes = ')') {
    const auto opened = named<"opened">(detail::up_to_here(indicator(values == opens)));
    const auto closed = named<"closed">(detail::up_to_here(indicator(values == closes)));
    const auto depth = named<"depth">(opened - closed);
    return detail::verdict(depth < 0, depth);
}

/// The same for several kinds of brackets: `dyck_k_ptf(tokens, "()", "{}")`. The input holds
/// brackets only: other symbols between a pair count as mistakes.
template <s_op Values, std::same_as<char[3]>... Pairs>
constexpr auto dyck_k_ptf(const Values& values, const Pairs&... pairs) {
    const auto is_opener = (... || (values == pairs[0]));
    const auto is_closer = (... || (values == pairs[1]));
    const auto opens = named<"opens">(indicator(is_opener));
    const auto closes = named<"closes">(indicator(is_closer));
    const auto depth = named<"depth">(detail::up_to_here(opens) - detail::up_to_here(closes));
    // For a closing bracket, the depth of its opening bracket.
    const auto level = named<"level">(depth + closes);
    const auto same_level = select(level, level, equal);
    const auto number =
        named<"number">(selector_width(same_level && select(indices, indices, less_equal)));
    const auto opener = named<"opener">(aggregate(
        select(opens, 1, equal) && same_level && select(number, number - 1, equal), values, '-'));
    const auto matches = (... || (opener == pairs[0] && values == pairs[1]));
    return detail::verdict((is_closer && !matches) || depth < 0, depth);
}

/// The digits of the sum of two decimal numbers with a + between, aligned to the end of the input,
/// with leading zeros: for "95+7", 0 1 0 2.
template <s_op Values>
constexpr auto long_addition(const Values& values) {
    const auto digit = named<"digit">(lookup(
        values, -1, entry{'0', 0}, entry{'1', 1}, entry{'2', 2}, entry{'3', 3}, entry{'4', 4},
        entry{'5', 5}, entry{'6', 6}, entry{'7', 7}, entry{'8', 8}, entry{'9', 9}));
    const auto plus = named<"plus">(aggregate(select(values, '+', equal), indices));
    const auto second = named<"second">(cond(indices > plus, digit, 0));
    const auto first =
        named<"first">(aggregate(select(indices + (length - plus), indices, equal), digit, 0));
    const auto added = named<"added">(first + second);
    const auto carries_surely = named<"carries">(added > 9);
    const auto stops = named<"stops">(
        round(aggregate(select(indices, indices, less), indicator(added < 9)) * indices));
    const auto triggered = named<"triggered">(
        aggregate(select(indices, indices, greater) && select(stops, stops, equal),
                  indicator(carries_surely)) > 0);
    const auto carries = carries_surely || (added == 9 && triggered);
    const auto received =
        named<"received">(aggregate(select(indices, indices + 1, equal), carries, false));
    const auto whole = named<"whole">(added + indicator(received));
    return cond(whole < 10, whole, whole - 10);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Programs that repeat a block until a condition holds (arXiv 2410.18077 compiles such programs,
/// too): each position has values, the states, which every round replaces.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The first value of an integer state, with the least and the greatest value it may have.
template <class Initial>
struct bounded_state {
    /// The first value.
    Initial initial;
    int low;   ///< least value
    int high;  ///< greatest value
};
/// An integer state that begins with a value and is always within First to Last: `within<0,
/// 9>(tokens_int)`. A state of 4,096 values or more is evaluated but not compiled.
template <int First, int Last, argument Initial>
constexpr auto within(const Initial& initial) {
    static_assert(First <= Last,
                  "sequent: RASP's within<first, last> has a last one after its first");
    static_assert(detail::s_op_of<Initial>::kind == type::integer,
                  "sequent: RASP's within takes an integer s-op; round(...) is one");
    return bounded_state<detail::s_op_of<Initial>>{detail::as_s_op(initial), First, Last};
}
/// The next values of the states, in their order.
template <argument... Next>
constexpr auto next_states(const Next&... next) {
    return std::tuple(detail::as_s_op(next)...);
}

namespace detail {
template <class Initial>
constexpr auto as_state(const Initial& initial) {
    using kind_of = s_op_of<Initial>;
    static_assert(kind_of::kind == type::boolean || kind_of::kind == type::symbol,
                  "sequent: a state of RASP's loop is a boolean, a symbol, or an integer with its "
                  "range, within<0, 9>(...)");
    return bounded_state<kind_of>{as_s_op(initial), 0, 0};
}
template <class Initial>
constexpr auto as_state(const bounded_state<Initial>& state) {
    return state;
}
template <std::size_t At, class State>
constexpr auto placeholder_of(const State&) {
    return leaf_of<decltype(State::initial)::kind>(operation::state, value(static_cast<int>(At)));
}
}  // namespace detail

/// A loop, see `loop`.
template <int Rounds, class Next, class Until, class... States>
struct loop_program {
    std::tuple<States...> states;  ///< the s-ops that rounds compute again
    Next next;                     ///< their values after a round
    Until until;                   ///< the condition that ends the loop

    /// Adds its nodes to a graph.
    constexpr void read(graph& to) const {
        to.rounds = Rounds;
        read_states(to, std::index_sequence_for<States...>());
        to.until = read_part(to, until);
        to.output = to.states[0].node;
        for (const node& each : to.nodes)
            if (each.what == operation::is_missing ||
                (each.what == operation::constant && each.known.is_missing()))
                a_loop_has_no_missing_values();
    }

  private:
    static void a_loop_has_no_missing_values() {}

    template <class Part>
    static constexpr int read_part(graph& to, const Part& part) {
        return to.read(part.nodes.items, part.nodes.count - 1);
    }
    template <std::size_t... At>
    constexpr void read_states(graph& to, std::index_sequence<At...>) const {
        (..., read_state<At>(to));
        (..., (to.states[static_cast<int>(At)].next = read_part(to, std::get<At>(next))));
    }
    template <std::size_t At>
    constexpr void read_state(graph& to) const {
        const auto& from = std::get<At>(states);
        loop_state made;
        made.initial = read_part(to, from.initial);
        made.node = read_part(to, detail::placeholder_of<At>(from));
        made.low = from.low;
        made.high = from.high;
        to.states.push(made);
    }
};

/// True for loops.
template <int Rounds, class Next, class Until, class... States>
inline constexpr bool is_loop<loop_program<Rounds, Next, Until, States...>> = true;

/// A program that replaces its states in each of at most `Rounds` rounds. `body` takes the states
/// and returns `next_states(...)`, integers as whole numbers within their ranges. `until` takes the
/// states and returns a boolean: where it is true, a position keeps its states. `initial`, the
/// first values, depend on the token and the position alone. The output is the first state. A round
/// may use any operation but `none`.
///
/// `compile` gives a transformer whose layers are applied `Rounds` times with one set of weights.
template <int Rounds, class Body, class Until, class... Initial>
constexpr auto loop(const Body& body, const Until& until, const Initial&... initial) {
    static_assert(Rounds > 0, "sequent: RASP's loop has at least one round");
    static_assert(sizeof...(Initial) > 0 && sizeof...(Initial) <= max_states,
                  "sequent: RASP's loop has 1 to 8 states");
    const auto states = std::tuple(detail::as_state(initial)...);
    return [&]<std::size_t... At>(std::index_sequence<At...>) {
        const auto next = body(detail::placeholder_of<At>(std::get<At>(states))...);
        const auto end =
            detail::as_s_op(until(detail::placeholder_of<At>(std::get<At>(states))...));
        using next_type = std::remove_const_t<decltype(next)>;
        using end_type = std::remove_const_t<decltype(end)>;
        static_assert(
            std::tuple_size_v<next_type> == sizeof...(Initial),
            "sequent: the body of RASP's loop returns next_states(...), one for each state");
        static_assert(detail::is_of<end_type>(detail::is_boolean),
                      "sequent: the end of RASP's loop is a boolean s-op");
        static_assert((... && detail::are_alike<std::tuple_element_t<At, next_type>,
                                                decltype(std::get<At>(states).initial)>()),
                      "sequent: the next states of RASP's loop are of the states' types");
        return loop_program<Rounds, next_type, end_type,
                            std::remove_cvref_t<decltype(std::get<At>(states))>...>{states, next,
                                                                                    end};
    }
    (std::index_sequence_for<Initial...>());
}

/// The loop with selectors that select no later position.
template <int Rounds, class Next, class Until, class... States>
constexpr auto causal(const loop_program<Rounds, Next, Until, States...>& program) {
    const auto next =
        std::apply([](const auto&... each) { return std::tuple(causal(each)...); }, program.next);
    const auto until = causal(program.until);
    return loop_program<Rounds, std::remove_const_t<decltype(next)>,
                        std::remove_const_t<decltype(until)>, States...>{program.states, next,
                                                                         until};
}

namespace detail {

// Not constexpr, so that the compiler names the function in its error.
inline void a_state_out_of_its_range(const value& found, int state, int position) {
    fail_with<evaluation_error>({"sequent: state ", state, " of a RASP loop is ", found.text(),
                                 " at position ", position, ", which is no integer of its range"});
}

/// The states of a loop, at first and after each round.
using loop_states = std::vector<std::vector<sequence>>;

SEQUENT_COLD constexpr loop_states run_loop(const graph& program, const sequence& input) {
    std::vector<sequence> states(static_cast<std::size_t>(program.states.size()));
    for (sequence& each : states)
        for (int position = 0; position < input.size(); ++position) each.push_back(value(0));
    loop_states result;
    const auto replace = [&](const evaluation& from, bool first) {
        bool any = false;
        std::vector<sequence> made = states;
        for (int position = 0; position < input.size(); ++position) {
            if (!first && from.checked(program.until, position).truth()) continue;
            any = true;
            for (int at = 0; at < program.states.size(); ++at) {
                const loop_state& state = program.states[at];
                const value& found = from.checked(first ? state.initial : state.next, position);
                value& to = made[static_cast<std::size_t>(at)][position];
                to = found;
                if (program[state.node].kind != type::integer) continue;
                const rational number = found.number();
                if (!number.is_whole() || number.over < state.low || number.over > state.high)
                    a_state_out_of_its_range(found, at, position);
                to = value(number, type::integer);
            }
        }
        states = made;
        return any;
    };
    (void)replace(evaluation(program, input, states), true);
    result.push_back(states);
    while (static_cast<int>(result.size()) <= program.rounds &&
           replace(evaluation(program, input, states), false))
        result.push_back(states);
    return result;
}

}  // namespace detail

/// The output of a loop.
template <const auto& Program>
    requires(is_loop<std::remove_cvref_t<decltype(Program)>>)
[[nodiscard]] SEQUENT_COLD constexpr sequence evaluate(const sequence& input) {
    return detail::run_loop(graph_of<Program>, input).back()[0];
}
/// The number of rounds after which the end of a loop is reached at all positions, or all rounds.
template <const auto& Program>
    requires(is_loop<std::remove_cvref_t<decltype(Program)>>)
SEQUENT_COLD constexpr int rounds(const sequence& input) {
    return static_cast<int>(detail::run_loop(graph_of<Program>, input).size()) - 1;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_RASP_HPP
