#pragma once

#include <vector>

#include "../language.hpp"

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
