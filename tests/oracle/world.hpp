#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "real.hpp"

/// What the oracle is given and what it gives back: plain arrays with run-time shapes, row-major.

namespace oracle {

struct tensor {
    std::vector<int> extents{};
    std::vector<real> values{};
};

/// A sparse fact: the extents of its arguments, then of its value; the atoms that exist; their
/// values one after another, or none at all: then each is the scalar 1.
struct sparse_tensor {
    std::vector<int> extents{};
    std::vector<std::vector<int>> atoms{};
    std::vector<real> values{};
};

struct world {
    /// Dense facts. All of their atoms exist. Symbols are held as whole numbers.
    std::map<std::string, tensor> facts{};
    /// The names of those facts whose values are symbols.
    std::set<std::string> symbols{};
    std::map<std::string, sparse_tensor> sparse{};
    /// How many values of their first argument dense facts have, where they may have fewer than the
    /// extent: all are outside of the fact from there on.
    std::map<std::string, int> lengths{};
    /// The values of `bound<"length">`, and the lengths, by the names of the facts.
    std::map<std::string, int> counts{};
    /// Extents of the index arguments, then rows, columns as declared. A weight of the block of
    /// `y(i) <<= x(i) | stack<N>(block)` is named "y.W" and has N as its first extent, but of
    /// `repeat<N>`.
    std::map<std::string, tensor> weights{};
};

/// The values of all atoms of a relation. Those that don't exist are zero.
struct relation_values {
    std::vector<int> extents{};
    int rows = 1;
    int columns = 1;
    std::vector<real> values{};
    std::vector<bool> exists{};
};

struct result {
    std::map<std::string, relation_values> relations{};
    /// For each argument of `rules(...)` the number of its ground rules; 0 for an atom
    /// transformation.
    std::vector<long> ground_rules{};
};

inline std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}
inline int to_int(std::size_t number) {
    return static_cast<int>(number);
}

/// How many elements an array of these extents has.
inline std::size_t volume(const std::vector<int>& extents) {
    std::size_t total = 1;
    for (int extent : extents) total *= to_size(extent);
    return total;
}

/// The row-major position, or nothing where the indices are outside.
inline std::optional<std::size_t> position(const std::vector<int>& extents,
                                           const std::vector<int>& indices) {
    if (indices.size() != extents.size())
        throw std::logic_error("oracle: an atom has the wrong number of arguments");
    std::size_t place = 0;
    for (std::size_t at = 0; at < extents.size(); ++at) {
        if (indices[at] < 0 || indices[at] >= extents[at]) return std::nullopt;
        place = place * to_size(extents[at]) + to_size(indices[at]);
    }
    return place;
}

/// The indices of the element at a row-major position.
inline std::vector<int> indices_at(const std::vector<int>& extents, std::size_t place) {
    std::vector<int> indices(extents.size());
    for (std::size_t at = extents.size(); at-- > 0;) {
        indices[at] = to_int(place % to_size(extents[at]));
        place /= to_size(extents[at]);
    }
    return indices;
}

/// The value of one atom, row-major.
inline std::vector<real> value_of(const relation_values& relation,
                                  const std::vector<int>& indices) {
    const std::size_t length = to_size(relation.rows) * to_size(relation.columns);
    const auto begin =
        relation.values.begin() +
        static_cast<std::ptrdiff_t>(position(relation.extents, indices).value() * length);
    return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

inline bool exists(const relation_values& relation, const std::vector<int>& indices) {
    const auto place = position(relation.extents, indices);
    return place && relation.exists[*place];
}

}  // namespace oracle
