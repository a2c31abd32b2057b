#pragma once

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tree.hpp"
#include "world.hpp"

/// Facts and weights as relations: what a literal's value is read from.

namespace oracle {

inline relation_values empty_relation(const std::vector<int>& extents, int rows, int columns) {
    const std::size_t atoms = volume(extents);
    return {extents, rows, columns, std::vector<real>(atoms * to_size(rows) * to_size(columns)),
            std::vector<bool>(atoms)};
}

/// What must hold of some of an atom's arguments for the atom to exist.
struct domain_part {
    std::vector<std::size_t> arguments{};
    std::vector<int> extents{};
    std::vector<bool> holds{};
};

struct table {
    relation_values values{};
    /// Holds where its value is not zero; otherwise where the atom exists.
    bool holds_by_value = false;
    /// An atom exists within the extents where all parts hold. They are kept apart, because a rule
    /// that aggregates over some of the arguments inherits what is said of the others.
    std::vector<domain_part> domain{};
};

inline bool holds(const table& source, std::size_t place, bool by_value) {
    if (!by_value) return true;
    const std::size_t length = to_size(source.values.rows) * to_size(source.values.columns);
    for (std::size_t k = 0; k < length; ++k)
        if (constant(source.values.values[place * length + k]) != constant(real(0))) return true;
    return false;
}

/// The first extents are arguments, the others the shape of the value.
inline relation_values split(const std::string& name, const std::vector<int>& extents,
                             std::size_t arguments) {
    if (extents.size() < arguments || extents.size() > arguments + 2)
        throw std::invalid_argument("oracle: " + name + " has " + std::to_string(extents.size()) +
                                    " extents and " + std::to_string(arguments) + " arguments");
    const auto first_of_value = extents.begin() + static_cast<std::ptrdiff_t>(arguments);
    return empty_relation({extents.begin(), first_of_value},
                          extents.size() > arguments ? extents[arguments] : 1,
                          extents.size() > arguments + 1 ? extents[arguments + 1] : 1);
}

inline relation_values filled(const std::string& name, const tensor& from, std::size_t arguments) {
    relation_values made = split(name, from.extents, arguments);
    if (made.values.size() != from.values.size())
        throw std::invalid_argument("oracle: " + name + " has " +
                                    std::to_string(from.values.size()) + " values, not " +
                                    std::to_string(made.values.size()));
    made.values = from.values;
    made.exists.assign(made.exists.size(), true);
    return made;
}

inline table weight_table(const tree::literal& used, const world& given) {
    const auto found = given.weights.find(used.name);
    if (found == given.weights.end())
        throw std::invalid_argument("oracle: weight " + used.name + " is not given");
    const std::vector<int>& extents = found->second.extents;
    if (extents.size() != used.terms.size() + used.shape.size() ||
        !std::equal(used.shape.rbegin(), used.shape.rend(), extents.rbegin()))
        throw std::invalid_argument("oracle: weight " + used.name + " has another shape");
    return {filled(used.name, found->second, used.terms.size()), true, {}};
}

/// 0 .. count - 1.
inline std::vector<std::size_t> all_of(std::size_t count) {
    std::vector<std::size_t> result(count);
    for (std::size_t at = 0; at < count; ++at) result[at] = at;
    return result;
}

template <class List>
List picked(const List& from, const std::vector<std::size_t>& places) {
    List result;
    for (std::size_t at : places) result.push_back(from[at]);
    return result;
}

inline table fact_table(const std::string& name, std::size_t arguments, const world& given) {
    const auto dense = given.facts.find(name);
    if (dense != given.facts.end()) return {filled(name, dense->second, arguments), true, {}};
    const auto found = given.sparse.find(name);
    if (found == given.sparse.end())
        throw std::invalid_argument("oracle: fact " + name + " is not given");
    const sparse_tensor& sparse = found->second;
    table made{split(name, sparse.extents, arguments), false, {}};
    relation_values& values = made.values;
    const std::size_t length = to_size(values.rows) * to_size(values.columns);
    const std::size_t expected = sparse.atoms.size() * length;
    if (!sparse.values.empty() && sparse.values.size() != expected)
        throw std::invalid_argument("oracle: " + name + " has " +
                                    std::to_string(sparse.values.size()) + " values, not " +
                                    std::to_string(expected));
    for (std::size_t at = 0; at < sparse.atoms.size(); ++at) {
        const auto place = position(values.extents, sparse.atoms[at]);
        if (!place) throw std::invalid_argument("oracle: an atom of " + name + " is outside");
        if (values.exists[*place])
            throw std::invalid_argument("oracle: an atom of " + name + " given twice");
        values.exists[*place] = true;
        for (std::size_t k = 0; k < length; ++k)
            values.values[*place * length + k] =
                sparse.values.empty() ? 1 : sparse.values[at * length + k];
    }
    made.domain.push_back({all_of(arguments), values.extents, values.exists});
    return made;
}

/// The weights whose names begin with `prefix`, without it, one layer of them; of no layers, all.
inline std::map<std::string, tensor> weights_of_layer(const world& given, const std::string& prefix,
                                                      int layer, int layers) {
    std::map<std::string, tensor> made;
    for (const auto& [name, all] : given.weights) {
        if (name.compare(0, prefix.size(), prefix) != 0) continue;
        if (layers == 0) {
            made[name.substr(prefix.size())] = all;
            continue;
        }
        if (all.extents.empty() || all.extents.front() != layers ||
            all.values.size() != volume(all.extents))
            throw std::invalid_argument("oracle: weight " + name + " is not one per layer");
        tensor one{{all.extents.begin() + 1, all.extents.end()}, {}};
        const auto length = static_cast<std::ptrdiff_t>(volume(one.extents));
        const auto begin = all.values.begin() + layer * length;
        one.values.assign(begin, begin + length);
        made[name.substr(prefix.size())] = std::move(one);
    }
    return made;
}

}  // namespace oracle
