#pragma once

#include "diagnosis.hpp"
#include "normal.hpp"

/// The extents of relations, variables and weights, and the shapes of values.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_fact_rank = 6;  ///< extents of a fact

/// The kinds of facts: numbers, symbols, or an integer.
enum class fact_kind { dense, symbols, count };

/// The shape of a fact.
struct fact_shape {
    name id{};
    fact_kind kind = fact_kind::dense;
    int rank = 0;                  ///< number of extents
    int extents[max_fact_rank]{};  ///< of a sparse fact, the ranges of its indices first
    int classes = 0;               ///< number of different symbols
    int pairs = 0;                 ///< maximum number of atoms of a sparse fact; 0: dense
    int indices = 2;               ///< number of indices of a sparse fact, 1 to 4
    bool up_to = false;            ///< the first extent is a maximum
    int length = -1;               ///< then the number of the count that is the length

    /// Returns true if the fact holds for given atoms only.
    constexpr bool is_sparse() const { return pairs > 0; }
    /// The number of elements, of a sparse fact for the maximum number of atoms.
    constexpr int size() const { return (is_sparse() ? pairs : 1) * product_from(sparse_axes()); }
    /// The number of elements of one atom.
    constexpr int pair_size() const { return product_from(indices); }
    /// The shape of the values of `count` atoms, as a dense fact.
    constexpr fact_shape values_of(int count) const {
        fact_shape result = *this;
        result.pairs = 0;
        result.extents[0] = count;
        result.rank = rank - indices + 1;
        for (int axis = 1; axis < result.rank; ++axis)
            result.extents[axis] = extents[axis + indices - 1];
        return result;
    }

    // The atoms of any number of indices are stored as pairs: i is (0, i), (i, j, k) is
    // (i, j * K + k), and (i, j, k, l) is (i * J + j, k * L + l).

    /// The range of the first index of a pair.
    constexpr long long pair_rows() const {
        return indices == 1 ? 1 : 1LL * extents[0] * (indices == 4 ? extents[1] : 1);
    }
    /// The range of the second index of a pair.
    constexpr long long pair_columns() const {
        const int last = indices - 1;
        return 1LL * extents[last] * (indices > 2 ? extents[last - 1] : 1);
    }
    /// The pair of an atom, two integers.
    constexpr void write_pair(const int* atom, int* pair) const {
        const int last = indices - 1;
        pair[0] = indices == 1 ? 0 : indices == 4 ? atom[0] * extents[1] + atom[1] : atom[0];
        pair[1] = indices > 2 ? atom[last - 1] * extents[last] + atom[last] : atom[last];
    }

  private:
    constexpr int sparse_axes() const { return is_sparse() ? indices : 0; }
    constexpr int product_from(int axis) const {
        int product = 1;
        for (; axis < rank; ++axis) product *= extents[axis];
        return product;
    }
};

/// The two arguments of a pair.
struct pair_terms {
    term row{};
    term column{};
};
/// The argument of a pair for two arguments of an atom, of which the second has this range.
constexpr term joined_term(const term& first, const term& second, int extent) {
    return {second.variable, second.offset + extent * first.offset, first.variable,
            first.variable >= 0 ? extent : 0};
}
/// The pair of the arguments of a sparse fact.
constexpr pair_terms pair_of(const fact_shape& fact, const term* terms) {
    const int last = fact.indices - 1;
    pair_terms result{{-1, 0}, terms[last]};
    if (fact.indices > 2)
        result.column = joined_term(terms[last - 1], terms[last], fact.extents[last]);
    if (fact.indices > 1) result.row = terms[0];
    if (fact.indices == 4) result.row = joined_term(terms[0], terms[1], fact.extents[1]);
    return result;
}

/// The shape of a value, rows x columns. A vector has one column, a scalar is 1 x 1.
struct value_shape {
    int rows = 1;
    int columns = 1;

    /// The number of elements.
    constexpr int size() const { return rows * columns; }
    /// Returns true if there is one element.
    constexpr bool is_scalar() const { return size() == 1; }
    /// The shape of the transpose.
    constexpr value_shape transposed() const { return {columns, rows}; }
    friend constexpr bool operator==(const value_shape&, const value_shape&) = default;
};

/// The shape of a relation.
struct relation_shape {
    int fact = -1;             ///< number of the fact that it is; -1: none
    int rule = -1;             ///< the rule that it follows from; -1: none
    int chosen = -1;           ///< number of the pairs that this rule chooses; -1: it does not
    int arity = -1;            ///< number of arguments; -1: not known yet
    int extents[max_arity]{};  ///< ranges of the arguments
    value_shape value{};       ///< shape of the value of an atom
    int classes = 0;           ///< number of different symbols; 0: numbers
    int passes_into = -1;      ///< of a block's input: the relation that is its value in layer 0
    int uses = 0;              ///< number of literals that read its value
    bool output = false;       ///< an output of the model, or tapped: no step absorbs it
    bool tested = false;       ///< some literal of it is negated or hidden
};

/// The shape of a weight.
struct weight_shape {
    int arity = -1;            ///< number of arguments; -1: not known yet
    int extents[max_arity]{};  ///< ranges of the arguments
    bool trained = false;      ///< some use adds to its gradient
    int uses = 0;              ///< number of uses
    bool looked_up = false;    ///< symbols select its rows, which are read as a whole
};

/// A program with its shapes, the result of shaping.
template <sizes Sizes, int Facts>
struct shaped {
    source<Sizes> text{};  ///< the program
    /// Facts and counts; after them, as sparse facts, the pairs that rules choose.
    list<fact_shape, Facts> facts{};
    list<relation_shape, decltype(text.relations)::capacity()> relations{};  ///< their shapes
    list<weight_shape, decltype(text.weights)::capacity()> weights{};        ///< shapes of weights
    list<int, Sizes.rules> order{};    ///< rules; those of a block before the rule that stacks it
    int block_input[Sizes.scopes]{};   ///< the relation that is the input of each block
    int block_output[Sizes.scopes]{};  ///< the relation that is the output of each block
    list<int, Sizes.rules> outputs{};  ///< the relations that are outputs of the model
    int tapped = -1;                   ///< the relation that is kept for tap(); -1: none
    diagnosis mistake{};               ///< the first mistake

    /// Returns true if a rule chooses these pairs.
    constexpr bool is_choice(int fact) const {
        for (const relation_shape& each : relations)
            if (each.chosen == fact) return true;
        return false;
    }
};

/// The fact that the program compares under number `at`; -1 if no fact of this name has one index
/// and symbols.
template <class Shaped>
constexpr int compared_fact(const Shaped& in, int at) {
    for (int given = 0; given < in.facts.size(); ++given)
        if (in.facts[given].id == in.text.compared[at] &&
            in.facts[given].kind == fact_kind::symbols && in.facts[given].rank == 1)
            return given;
    return -1;
}

/// The smallest value of an argument.
template <class Variables>
constexpr int first_of(const term& at, const Variables& variables) {
    return at.offset + (at.factor < 0 ? at.factor * (variables[at.second].extent - 1) : 0);
}
/// The greatest value of an argument.
template <class Variables>
constexpr int last_of(const term& at, const Variables& variables) {
    return at.offset + (at.variable < 0 ? 0 : variables[at.variable].extent - 1) +
           (at.factor > 0 ? at.factor * (variables[at.second].extent - 1) : 0);
}

/// The shape of the value of a literal. If a weight does not fit, `fits` becomes false, and `left`
/// and `right` the sizes that conflict.
template <class Shaped>
constexpr value_shape literal_shape(const Shaped& in, const literal& item, bool& fits, int& left,
                                    int& right) {
    value_shape shape{};
    if (item.kind == literal_kind::relation) {
        shape = in.relations[item.relation].value;
        if (item.weight.weight >= 0) {
            const weight& applied = in.text.weights[item.weight.weight];
            value_shape matrix{applied.shape[0], applied.shape[1]};
            if (item.weight.transposed) matrix = matrix.transposed();
            if (in.relations[item.relation].classes) {
                if (applied.rank != 2 || matrix.rows != in.relations[item.relation].classes) {
                    fits = false;
                    left = matrix.rows;
                    right = in.relations[item.relation].classes;
                }
                shape = {matrix.columns, 1};
            } else if (!matrix.is_scalar()) {
                if (matrix.columns != shape.rows) {
                    fits = false;
                    left = matrix.columns;
                    right = shape.rows;
                }
                shape = {matrix.rows, shape.columns};
            }
        }
    } else if (item.kind == literal_kind::weight) {
        const weight& bare = in.text.weights[item.weight.weight];
        shape = {bare.shape[0], bare.shape[1]};
    }
    if (item.has_element) {
        if (shape.rows > 1 && shape.columns > 1) {
            fits = false;
            left = shape.columns;
            right = 1;
        }
        shape = {1, 1};
    }
    return item.transposed ? shape.transposed() : shape;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
