#pragma once

#include <numeric>
#include <sequent/rasp.hpp>

/// What the programs of collection.inc and their inputs are written with.

namespace collection {

using namespace sequent::rasp;

constexpr bool is_prime_number(int number) {
    for (int divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0) return false;
    return number > 1;
}
constexpr int greatest_divisor(int left, int right) {
    return std::gcd(left, right);
}

constexpr int factorial_of(int number) {
    return number < 2 ? 1 : number * factorial_of(number - 1);
}
constexpr int number_of_prime_factors(int number) {
    int result = 0;
    for (int divisor = 2; number > 1; ++divisor)
        for (; number % divisor == 0; number /= divisor) ++result;
    return result;
}
constexpr bool is_power_of_two(int number) {
    return number > 0 && (number & (number - 1)) == 0;
}
/// To a hundredth.
constexpr double hundredths(double number) {
    return static_cast<int>(number * 100 + (number < 0 ? -0.5 : 0.5)) / 100.0;
}
constexpr double exponential_of(double number) {
    double result = 1;
    double term = 1;
    for (int at = 1; at < 60; ++at) result += term *= number / at;
    return result;
}
constexpr double root_of(int number) {
    double result = number + 1;
    for (int at = 0; at < 30; ++at) result = (result + number / result) / 2;
    return hundredths(result);
}
constexpr double sine_of(int number) {
    double result = 0;
    double term = number;
    for (int at = 1; at < 60; at += 2) {
        result += term;
        term *= -1.0 * number * number / ((at + 1) * (at + 2));
    }
    return hundredths(result);
}
constexpr double hyperbolic_tangent_of(int number) {
    const double power = exponential_of(2 * number);
    return hundredths((power - 1) / (power + 1));
}
/// The greatest n of which n (n + 1) / 2 is at most this.
constexpr int triangular_root(int number) {
    int result = 0;
    while ((result + 1) * (result + 2) / 2 <= number) ++result;
    return result;
}
constexpr int rule_110_of(double neighbours) {
    return (110 >> static_cast<int>(neighbours)) & 1;
}
constexpr char next_of_four(std::string_view letter) {
    return letter[0] == 'd' ? 'a' : static_cast<char>(letter[0] + 1);
}
constexpr char capital_of(std::string_view letter) {
    return static_cast<char>(letter[0] - 'a' + 'A');
}
constexpr char first_letter_of(std::string_view word) {
    return word[0];
}
constexpr int length_of_word(std::string_view word) {
    return static_cast<int>(word.size());
}
constexpr bool is_anagram_of_listen(std::string_view word) {
    int counts[26]{};
    for (const char each : std::string_view("listen")) ++counts[each - 'a'];
    for (const char each : word) --counts[each - 'a'];
    for (const int each : counts)
        if (each != 0) return false;
    return true;
}
constexpr bool is_palindrome_word(std::string_view word) {
    for (std::size_t at = 0; at < word.size(); ++at)
        if (word[at] != word[word.size() - 1 - at]) return false;
    return true;
}
constexpr double vowels_to_consonants_of(std::string_view word) {
    int vowels = 0;
    for (const char each : word)
        vowels += std::string_view("aeiou").find(each) != std::string_view::npos ? 1 : 0;
    return hundredths(static_cast<double>(vowels) / (length_of_word(word) - vowels));
}

template <s_op Property>
constexpr auto fraction_so_far(const Property& property) {
    return aggregate(select(indices, indices, less_equal), indicator(property));
}
template <s_op Property>
constexpr auto count_so_far(const Property& property) {
    return sum(select(indices, indices, less_equal), indicator(property));
}
/// Whether a balance is never negative, and zero at the end.
template <s_op Balance>
constexpr auto shuffle_dyck(const Balance& balance) {
    return !has(select(balance < 0, true, equal)) && balance[-1] == 0;
}

template <int Count, s_op Part>
constexpr auto steps(const Part& part) {
    if constexpr (Count == 0)
        return part;
    else
        return steps<Count - 1>(cond(part > 4, part - 4, part));
}
template <int Count, s_op Part>
constexpr auto doubled(const Part& part) {
    if constexpr (Count == 0)
        return part;
    else
        return doubled<Count - 1>((part + part) % 7);
}

/// The tokens of the inputs; with `has_bos`, "^" is one more token and begins each input.
struct letters {
    sequence all;
    bool has_bos = false;
};
inline letters SYMBOLS(const char* text) {
    return {text, false};
}
inline letters SYMBOLS_WITH_BOS(const char* text) {
    return {text, true};
}
inline letters NUMBERS(int first, int last) {
    letters result;
    for (int each = first; each <= last; ++each) result.all.push_back(each);
    return result;
}

}  // namespace collection
