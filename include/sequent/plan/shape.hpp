#pragma once

#include "diagnosis.hpp"
#include "normal.hpp"

/// The extents of relations, variables and weights, and the shapes of values.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_fact_rank = 6;

enum class fact_kind { dense, symbols, count };

struct fact_shape {
    name id{};
    fact_kind kind = fact_kind::dense;
    int rank = 0;
    int extents[max_fact_rank]{};
    int classes = 0;
    int pairs = 0;       // how many a sparse fact may have; 0 of a dense one
    bool up_to = false;  // the first extent is the most that may be given
    int length = -1;     // then which of the program's counts tells how many are

    constexpr bool is_sparse() const { return pairs > 0; }
    /// How many numbers there are: of all pairs, or of one.
    constexpr int size() const { return (is_sparse() ? pairs : 1) * product_from(sparse_axes()); }
    constexpr int pair_size() const { return product_from(2); }
    /// A dense fact of the values of `count` pairs.
    constexpr fact_shape values_of(int count) const {
        fact_shape result = *this;
        result.pairs = 0;
        result.extents[0] = count;
        result.rank = rank - 1;
        for (int axis = 1; axis < result.rank; ++axis) result.extents[axis] = extents[axis + 1];
        return result;
    }

  private:
    constexpr int sparse_axes() const { return is_sparse() ? 2 : 0; }
    constexpr int product_from(int axis) const {
        int product = 1;
        for (; axis < rank; ++axis) product *= extents[axis];
        return product;
    }
};

/// Rows x columns; a vector is one column, a scalar 1 x 1.
struct value_shape {
    int rows = 1;
    int columns = 1;

    constexpr int size() const { return rows * columns; }
    constexpr bool is_scalar() const { return size() == 1; }
    constexpr value_shape transposed() const { return {columns, rows}; }
    friend constexpr bool operator==(const value_shape&, const value_shape&) = default;
};

struct relation_shape {
    int fact = -1;
    int rule = -1;
    int arity = -1;
    int extents[max_arity]{};
    value_shape value{};
    int classes = 0;       // of a symbol
    int passes_into = -1;  // for a block's input: the relation that it is at first
    int uses = 0;          // by value, in bodies
    bool output = false;
};

struct weight_shape {
    int arity = -1;
    int extents[max_arity]{};
    bool trained = false;
    int uses = 0;
    bool looked_up = false;  // by a symbol: its rows are read whole
};

template <sizes Sizes, int Facts>
struct shaped {
    source<Sizes> text{};
    list<fact_shape, Facts> facts{};
    list<relation_shape, decltype(text.relations)::capacity()> relations{};
    list<weight_shape, decltype(text.weights)::capacity()> weights{};
    list<int, Sizes.rules> order{};  // rules; those of a stacked block before their stack
    int block_input[Sizes.scopes]{};
    int block_output[Sizes.scopes]{};
    list<int, Sizes.rules> outputs{};
    diagnosis mistake{};
};

/// The fact whose symbols the program compares under number `at`; -1 if there is none with one
/// symbol for each value of one index.
template <class Shaped>
constexpr int compared_fact(const Shaped& in, int at) {
    for (int given = 0; given < in.facts.size(); ++given)
        if (in.facts[given].id == in.text.compared[at] &&
            in.facts[given].kind == fact_kind::symbols && in.facts[given].rank == 1)
            return given;
    return -1;
}

/// The least and the greatest value of an argument.
template <class Variables>
constexpr int first_of(const term& at, const Variables& variables) {
    return at.offset + (at.factor < 0 ? at.factor * (variables[at.second].extent - 1) : 0);
}
template <class Variables>
constexpr int last_of(const term& at, const Variables& variables) {
    return at.offset + (at.variable < 0 ? 0 : variables[at.variable].extent - 1) +
           (at.factor > 0 ? at.factor * (variables[at.second].extent - 1) : 0);
}

/// The value of one literal, and of a body.
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
