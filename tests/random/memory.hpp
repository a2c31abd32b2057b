#pragma once

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "functions.hpp"
#include "planned.hpp"

/// The memory of the interpreter: where a plan's operands lie. Each access is checked, and numbers
/// that are not alive are signalling NaN.

namespace random_programs {

using plan::access;
using plan::operand;
using plan::place;

/// A plan that reads or writes where there is nothing.
struct plan_fault : std::logic_error {
    using std::logic_error::logic_error;
};

inline constexpr double dead = std::numeric_limits<double>::signaling_NaN();

struct region {
    const char* name;
    numbers values{};

    double& at(std::ptrdiff_t place) {
        if (place < 0 || place >= static_cast<std::ptrdiff_t>(values.size()))
            throw plan_fault(std::string("number ") + std::to_string(place) + " of the " +
                             std::to_string(values.size()) + " of the " + name);
        return values[static_cast<std::size_t>(place)];
    }
    void fill(std::ptrdiff_t from, std::ptrdiff_t count, double value) {
        for (std::ptrdiff_t at_place = from; at_place < from + count; ++at_place)
            at(at_place) = value;
    }
};

/// A place in a region, or none.
struct cursor {
    region* of = nullptr;
    std::ptrdiff_t base = 0;

    explicit operator bool() const { return of != nullptr; }
    double& operator[](std::ptrdiff_t at) const { return of->at(base + at); }
    cursor operator+(std::ptrdiff_t by) const { return {of, base + by}; }
    numbers read(std::ptrdiff_t count) const {
        numbers result;
        for (std::ptrdiff_t at = 0; at < count; ++at) result.push_back((*this)[at]);
        return result;
    }
    void write(const numbers& from) const {
        for (std::size_t at = 0; at < from.size(); ++at)
            (*this)[static_cast<std::ptrdiff_t>(at)] = from[at];
    }
    void add(const numbers& from) const {
        for (std::size_t at = 0; at < from.size(); ++at)
            (*this)[static_cast<std::ptrdiff_t>(at)] += from[at];
    }
};

/// What is given for one fact.
struct given_fact {
    region values{"numbers of a fact"};
    std::vector<int> symbols{};
    std::vector<std::pair<int, int>> pairs{};
    region gradient{"gradient of a fact"};

    /// The number of a pair, or -1.
    int find(int row, int column) const {
        for (std::size_t at = 0; at < pairs.size(); ++at)
            if (pairs[at].first == row && pairs[at].second == column) return static_cast<int>(at);
        return -1;
    }
};

/// The counterpart of the runners' bindings.
struct memory {
    const plan::list<plan::node, decltype(tables::pool.nodes)::capacity()>* nodes = nullptr;
    const shaped* shapes = nullptr;
    std::vector<const operand*> choices{};  // of pairs that a step chooses: their index

    region parameters{"parameters"};
    region parameter_gradient{"gradient of the parameters"};
    region workspace{"workspace"};
    region prepared{"prepared numbers"};
    region prepared_gradient{"gradient of the prepared numbers"};
    std::vector<given_fact> facts{};
    std::vector<int> counts{};
    int layer[plan::max_loops]{};
    std::vector<int> origins{0};  // the first row at hand, and those of windows

    std::ptrdiff_t shift(const int* strides) const {
        std::ptrdiff_t at = 0;
        for (int level = 0; level < plan::max_loops; ++level)
            at += static_cast<std::ptrdiff_t>(layer[level]) * strides[level];
        return at;
    }
    std::ptrdiff_t place_of(const operand& at) const {
        return at.offset + shift(at.layer_strides) + (layer[at.turn_level] & 1) * at.turn -
               static_cast<std::ptrdiff_t>(at.moving) * origins.at(to_size(at.origin));
    }
    /// The pairs of a sparse fact, or those that a step has chosen.
    std::vector<std::pair<int, int>> pairs_of(int fact) {
        const operand* const chosen =
            fact < static_cast<int>(choices.size()) ? choices[to_size(fact)] : nullptr;
        if (!chosen) return fact_of(fact).pairs;
        const plan::fact_shape& of = shapes->facts[fact];
        const plan::pair_layout layout{of.extents[0], of.extents[1], of.pairs};
        const cursor index = read(*chosen);
        const double count = index[layout.count()];
        if (!(count >= 0 && count <= of.pairs)) throw plan_fault("pairs that nothing has chosen");
        std::vector<std::pair<int, int>> result;
        for (int at = 0; at < static_cast<int>(count); ++at)
            result.emplace_back(static_cast<int>(index[layout.row_of_pair() + at]),
                                static_cast<int>(index[layout.column_of_pair() + at]));
        return result;
    }
    /// The number of a pair, or -1.
    int find_pair(int fact, int row, int column) {
        const std::vector<std::pair<int, int>> pairs = pairs_of(fact);
        const auto found = std::find(pairs.begin(), pairs.end(), std::pair(row, column));
        return found == pairs.end() ? -1 : static_cast<int>(found - pairs.begin());
    }
    given_fact& fact_of(int index) {
        if (index < 0 || index >= static_cast<int>(facts.size()))
            throw plan_fault("fact number " + std::to_string(index));
        return facts[to_size(index)];
    }
    cursor read(const operand& at) {
        switch (at.where) {
            case place::fact:
                return {&fact_of(at.index).values, place_of(at)};
            case place::prepared:
                return {&prepared, place_of(at)};
            case place::parameter:
                return {&parameters, place_of(at)};
            case place::value:
                return {&workspace, place_of(at)};
            default:
                throw plan_fault("an operand that lies nowhere is read");
        }
    }
    cursor write(const operand& at) {
        if (at.where != place::prepared && at.where != place::value)
            throw plan_fault("a step writes to what is given");
        return read(at);
    }
    int symbol(const operand& at, std::ptrdiff_t shifted) {
        const std::vector<int>& symbols = fact_of(at.index).symbols;
        const std::ptrdiff_t where = place_of(at) + shifted;
        if (at.where != place::fact || where < 0 ||
            where >= static_cast<std::ptrdiff_t>(symbols.size()))
            throw plan_fault("symbol " + std::to_string(where) + " of a fact");
        return symbols[static_cast<std::size_t>(where)];
    }
    /// Where a gradient is to be added; nowhere if none is wanted.
    cursor gradient(const operand& at) {
        switch (at.where) {
            case place::value:
                return {&workspace, at.adjoint + shift(at.adjoint_layer_strides)};
            case place::prepared:
                return {&prepared_gradient, at.offset + shift(at.layer_strides)};
            case place::parameter:
                if (!at.trained) return {};
                return {&parameter_gradient, at.offset + shift(at.layer_strides)};
            case place::fact:
                if (fact_of(at.index).gradient.values.empty()) return {};
                return {&fact_of(at.index).gradient, at.offset + shift(at.layer_strides)};
            default:
                return {};
        }
    }

    /// The value of a node, with that index for each variable; of a condition, whether it holds.
    int evaluate(int root, const int* index) {
        const plan::node& top = (*nodes)[root];
        switch (top.kind) {
            case plan::node_kind::constant:
                return top.value;
            case plan::node_kind::variable:
                return index[top.value];
            case plan::node_kind::count:
                return counts[to_size(top.value)];
            case plan::node_kind::conjunction:
                return evaluate(top.left, index) && evaluate(top.right, index);
            default:
                break;
        }
        const int left = evaluate(top.left, index);
        const int right = top.right >= 0 ? evaluate(top.right, index) : 0;
        if (top.kind == plan::node_kind::pair) return find_pair(top.value, left, right) >= 0;
        if (top.kind == plan::node_kind::decision)
            return shapes->text.decisions[top.value](left, right);
        if (top.kind == plan::node_kind::same_symbol) {
            const int begins = counts[to_size(plan::given_numbers::begins_of(top.value))];
            return counts.at(to_size(begins + left)) == counts.at(to_size(begins + right));
        }
        return plan::evaluate(top.kind, left, right);
    }
};

inline std::ptrdiff_t outer_shift(const access& at, const int* outer) {
    std::ptrdiff_t result = 0;
    for (int level = 0; level < plan::max_outers; ++level)
        result += static_cast<std::ptrdiff_t>(outer[level]) * at.outer[level];
    return result;
}

template <class Body>
void each_outer(const int* extents, Body body) {
    int outer[plan::max_outers]{};
    for (outer[0] = 0; outer[0] < extents[0]; ++outer[0])
        for (outer[1] = 0; outer[1] < extents[1]; ++outer[1])
            for (outer[2] = 0; outer[2] < extents[2]; ++outer[2]) body(outer);
}

/// The rows of a run.
struct row_range {
    int begin = 0;
    int end = 0;

    int size() const { return end - begin; }
};

}  // namespace random_programs
