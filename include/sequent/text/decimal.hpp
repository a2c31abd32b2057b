#pragma once

#include <cstdint>

#include "../config.hpp"

/// Converts decimal numbers to double in constant expressions, rounded like literals.

namespace sequent::inline SEQUENT_ABI::text_detail {

/// An unsigned integer of up to 40 * 32 bits.
struct wide_number {
    std::uint32_t limbs[40]{};
    int count = 0;

    constexpr void multiply_add(std::uint32_t factor, std::uint32_t added) {
        std::uint64_t carry = added;
        for (int at = 0; at < count; ++at) {
            carry += static_cast<std::uint64_t>(limbs[at]) * factor;
            limbs[at] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        if (carry != 0) limbs[count++] = static_cast<std::uint32_t>(carry);
    }
    constexpr bool at_least(const wide_number& other) const {
        if (count != other.count) return count > other.count;
        for (int at = count - 1; at >= 0; --at)
            if (limbs[at] != other.limbs[at]) return limbs[at] > other.limbs[at];
        return true;
    }
    constexpr void subtract(const wide_number& other) {
        std::int64_t borrow = 0;
        for (int at = 0; at < count; ++at) {
            borrow += static_cast<std::int64_t>(limbs[at]) -
                      (at < other.count ? static_cast<std::int64_t>(other.limbs[at]) : 0);
            limbs[at] = static_cast<std::uint32_t>(borrow);
            borrow >>= 32;
        }
        while (count > 0 && limbs[count - 1] == 0) --count;
    }
};

constexpr double power_of_two(int exponent) {
    double result = 1;
    for (; exponent > 0; --exponent) result *= 2;
    for (; exponent < 0; ++exponent) result /= 2;
    return result;
}

/// digits * 10^exponent, rounded to the nearest double, ties to even; 0 below the range of normal
/// numbers, infinity above it. Uses bitwise long division if no operation on doubles is exact.
constexpr double decimal(std::uint64_t digits, int exponent) {
    if (digits == 0) return 0;
    if (digits <= (1ULL << 53) && exponent >= -22 && exponent <= 22) {
        double power = 1;
        for (int at = 0; at < (exponent < 0 ? -exponent : exponent); ++at) power *= 10;
        const auto exact = static_cast<double>(digits);
        return exponent < 0 ? exact / power : exact * power;
    }
    if (exponent < -330) return 0;
    if (exponent > 309) return power_of_two(1023) * 2;
    wide_number top;
    top.limbs[0] = static_cast<std::uint32_t>(digits);
    top.limbs[1] = static_cast<std::uint32_t>(digits >> 32);
    top.count = top.limbs[1] != 0 ? 2 : 1;
    wide_number bottom;
    bottom.limbs[0] = 1;
    bottom.count = 1;
    for (int at = 0; at < exponent; ++at) top.multiply_add(10, 0);
    for (int at = 0; at > exponent; --at) bottom.multiply_add(10, 0);
    int binary = 0;  // exponent of the quotient's first bit
    for (wide_number next = bottom; next.multiply_add(2, 0), top.at_least(next); ++binary)
        bottom = next;
    for (; !top.at_least(bottom); --binary) top.multiply_add(2, 0);
    if (binary < -1022) return 0;
    std::uint64_t bits = 0;
    for (int at = 0; at < 53; ++at) {
        const bool one = top.at_least(bottom);
        if (one) top.subtract(bottom);
        bits = 2 * bits + (one ? 1 : 0);
        top.multiply_add(2, 0);
    }
    // `top` is twice the remainder; it is compared with the divisor, which represents one half.
    if (top.at_least(bottom)) {
        top.subtract(bottom);
        if (top.count > 0 || (bits & 1u) != 0) ++bits;
    }
    return static_cast<double>(bits) * power_of_two(binary - 52);
}

}  // namespace sequent::inline SEQUENT_ABI::text_detail
