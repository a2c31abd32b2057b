#pragma once

#include <numeric>
#include <sequent/rasp.hpp>

/// What the programs of collection.inc are written with.

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

}  // namespace collection
