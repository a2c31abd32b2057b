#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "sequent/kernel/kept_attention.hpp"
#include "sequent/kernel/prepared_attention.hpp"
#include "sequent/kernel/tabled_attention.hpp"
#include "sequent/plan/space.hpp"

/// Shapes of attention kernels for tests: index spaces, score expressions and their layout.

namespace shapes {

namespace kernel = sequent::kernel;
namespace plan = sequent::plan;
using kernel::score_node;
using kernel::score_op;

/// multiplier * floor((factor * row + shift) / divisor) + offset
constexpr plan::bound line(int multiplier, int offset, int divisor = 1, int shift = 0) {
    plan::bound result;
    result.multiplier = multiplier;
    result.shift = shift;
    result.divisor = divisor;
    result.offset = offset;
    return result;
}

constexpr plan::bound count_of(int count) {
    plan::bound result;
    result.count = count;
    return result;
}

constexpr plan::bound run_of(int fact, bool end) {
    plan::bound result;
    result.compared = fact;
    result.run_end = end;
    return result;
}

constexpr plan::piece piece_of(std::initializer_list<plan::bound> lower,
                               std::initializer_list<plan::bound> upper) {
    plan::piece result;
    for (const plan::bound& each : lower) result.lower.push(each);
    for (const plan::bound& each : upper) result.upper.push(each);
    return result;
}

constexpr plan::space space_of(std::initializer_list<plan::piece> pieces) {
    plan::space result;
    for (const plan::piece& each : pieces) result.pieces.push(each);
    return result;
}

// Masks: a space, and `keeps`, which says the same of one pair. counts[0] is a number of columns,
// counts[1] of rows.

struct full {
    static constexpr plan::space space = space_of({piece_of({}, {})});
    static bool keeps(int, int, const int*) { return true; }
};
struct causal {
    static constexpr plan::space space = space_of({piece_of({}, {line(1, 1)})});
    static bool keeps(int i, int j, const int*) { return j <= i; }
};
struct later {
    static constexpr plan::space space = space_of({piece_of({line(1, 0)}, {})});
    static bool keeps(int i, int j, const int*) { return j >= i; }
};
template <int Width>
struct window {
    static constexpr plan::space space = space_of({piece_of({line(1, 1 - Width)}, {line(1, 1)})});
    static bool keeps(int i, int j, const int*) { return j <= i && i - j < Width; }
};
struct blocks {
    static constexpr plan::space space = space_of({piece_of({line(4, 0, 4)}, {line(4, 4, 4)})});
    static bool keeps(int i, int j, const int*) { return i / 4 == j / 4; }
};
struct padded {
    static constexpr plan::space space = space_of({piece_of({}, {count_of(0)})});
    static bool keeps(int, int j, const int* counts) { return j < counts[0]; }
};
struct limited {
    static constexpr plan::space space = [] {
        plan::piece part = piece_of({}, {count_of(0), line(1, 1)});
        part.row_upper.push(count_of(1));
        return space_of({part});
    }();
    static bool keeps(int i, int j, const int* counts) {
        return j < counts[0] && j <= i && i < counts[1];
    }
};
/// Columns of the row's residue of 3.
struct strided {
    static constexpr plan::space space = [] {
        plan::piece part = piece_of({}, {line(1, 1)});
        part.modulus = 3;
        part.slope = 1;
        return space_of({part});
    }();
    static bool keeps(int i, int j, const int*) { return j <= i && (i - j) % 3 == 0; }
};
/// Rows that are even see all columns that are odd.
struct checkered {
    static constexpr plan::space space = [] {
        plan::piece part;
        part.modulus = 2;
        part.residues = 2;
        part.row_modulus = 2;
        return space_of({part});
    }();
    static bool keeps(int i, int j, const int*) { return i % 2 == 0 && j % 2 == 1; }
};
/// The first two columns, and a window beyond them.
struct sinks {
    static constexpr plan::space space =
        space_of({piece_of({}, {line(0, 2), line(1, 1)}),
                  piece_of({line(0, 2), line(1, -3)}, {line(1, 1)})});
    static bool keeps(int i, int j, const int*) { return j <= i && (j < 2 || i - j <= 3); }
};

/// The run of equal symbols around the row.
struct documents {
    static constexpr plan::space space =
        space_of({piece_of({run_of(0, false)}, {run_of(0, true)})});
    static bool keeps(int i, int j, const int* counts) {
        return j >= counts[counts[plan::given_numbers::begins_of(0)] + i] &&
               j < counts[counts[plan::given_numbers::ends_of(0)] + i];
    }
};

/// What is given at run time: the counts, and runs of 1, 2, 3, ... equal symbols.
inline std::vector<int> numbers_given(int rows, int columns) {
    constexpr int begins = plan::given_numbers::runs;
    std::vector<int> result(static_cast<std::size_t>(begins + 2 * rows));
    result[0] = (columns + 1) / 2;
    result[1] = (2 * rows + 2) / 3;
    result[plan::given_numbers::begins_of(0)] = begins;
    result[plan::given_numbers::ends_of(0)] = begins + rows;
    for (int begin = 0, length = 1; begin < rows; begin += length++)
        for (int row = begin; row < std::min(begin + length, rows); ++row) {
            result[static_cast<std::size_t>(begins + row)] = begin;
            result[static_cast<std::size_t>(begins + rows + row)] = begin + length;
        }
    return result;
}

// Scores: nodes over rows x columns, with queries and keys of `depth` numbers.

template <int Depth>
constexpr score_node dot(double value = 1) {
    score_node node;
    node.op = score_op::dot;
    node.x_row = Depth + 1;
    node.y_column = Depth + 2;
    node.depth = Depth;
    node.value = value;
    node.x_gradient = node.y_gradient = true;
    return node;
}
constexpr score_node load(int row, int column, bool packed = false) {
    score_node node;
    node.op = score_op::load;
    node.x_row = row;
    node.x_column = column;
    node.packed = packed;
    node.x_gradient = true;
    return node;
}
constexpr score_node number(double value) {
    score_node node;
    node.value = value;
    return node;
}
constexpr score_node index(double value, int row, int column) {
    score_node node;
    node.op = score_op::index;
    node.value = value;
    node.x_row = row;
    node.x_column = column;
    return node;
}
constexpr score_node binary(score_op op, int left, int right) {
    score_node node;
    node.op = op;
    node.left = left;
    node.right = right;
    return node;
}
constexpr score_node function(kernel::activation f, double parameter, int left) {
    score_node node;
    node.op = score_op::function;
    node.function = f;
    node.value = parameter;
    node.left = left;
    return node;
}

using nodes_of = plan::list<score_node, kernel::max_score_nodes>;

template <std::size_t Count>
constexpr nodes_of list_of(const score_node (&nodes)[Count]) {
    nodes_of result;
    for (const score_node& each : nodes) result.push(each);
    return result;
}

template <int Rows, int Columns, int Length, class Mask, class Score, bool Keeps = false>
struct attention {
    using mask = Mask;
    static constexpr int rows = Rows;
    static constexpr int columns = Columns;
    static constexpr int length = Length;
    static constexpr auto nodes = Score::template nodes<Rows, Columns>;
    static constexpr plan::space space = Mask::space;
    static constexpr int value_column = Length + 1;
    static constexpr int out_row = Length + 3;
    static constexpr bool value_gradient = true;
    static constexpr bool keeps_scores = Keeps;
    static constexpr int score_row = (Columns + 15) / 16 * 16 + 16;
    static constexpr bool clips = false;
};

/// Percent / 100 * q . k
template <int Depth, int Percent = 100>
struct dots {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({dot<Depth>(Percent / 100.0)});
};
template <int Depth>
struct biased {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({dot<Depth>(0.5), load(Columns, 1),
                                           binary(score_op::add, 0, 1)});
};
/// With a bias whose rows lie packed.
template <int Depth>
struct packed {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({dot<Depth>(), load(0, 1, true),
                                           binary(score_op::add, 0, 1)});
};
template <int Depth>
struct capped {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({dot<Depth>(2),
                                           function(kernel::activation::soft_cap, 1.5, 0)});
};
/// Graph attention: leaky_relu of a number of the row plus one of the column.
struct graph {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({load(3, 0), load(0, 2), binary(score_op::add, 0, 1),
                                           function(kernel::activation::leaky_relu, 0.2, 2)});
};
/// With a slope times the distance.
template <int Depth>
struct sloped {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({dot<Depth>(-0.5), index(-0.5, -1, 1), number(0.125),
                                           binary(score_op::multiply, 1, 2),
                                           binary(score_op::add, 0, 3)});
};
/// (q . k) times a number of the pair.
template <int Depth>
struct gated {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({dot<Depth>(), load(Columns, 1),
                                           binary(score_op::multiply, 0, 1)});
};
template <int Depth>
struct two_dots {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({dot<Depth>(0.5), dot<Depth + 1>(),
                                           function(kernel::activation::silu, 0, 1),
                                           binary(score_op::add, 0, 2)});
};
struct table {
    template <int Rows, int Columns>
    static constexpr auto nodes = list_of({load(Columns, 1)});
};

}  // namespace shapes
