#pragma once

#include "domain.hpp"
#include "reason.hpp"

/// What the plan hands to the kernels: steps over operands with places, offsets and strides. A
/// kernel sees one step, a shape and pointers; it knows nothing of rules.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_outers = 3;
inline constexpr int max_terms = 6;            // of a row step
inline constexpr int max_condition_joins = 6;  // of a general step

/// prepared: what follows from parameters alone, computed once for all calls. packed: parameters in
/// another number type, of which 64 bytes count as one element.
enum class place { none, parameter, value, fact, prepared, packed };

/// Where numbers lie. Offsets and strides count elements; layer strides apply within stacks.
struct operand {
    place where = place::none;
    int index = -1;  // which fact, or which buffer of the workspace
    int offset = 0;
    int layer_strides[max_loops]{};
    int part = 0;             // of the buffer, until memory is laid out
    bool each_layer = false;  // one part further with each layer
    int turn = 0;             // what odd layers add, where the parts share two places
    int turn_level = 0;
    int adjoint = -1;  // offset of the gradient in the workspace
    int adjoint_layer_strides[max_loops]{};
    bool trained = false;
    int moving = 0;  // row size in elements if only some rows of the sequence are stored, else 0
    int origin = 0;  // of these: 1 + the window that tells which, 0 for the rows at hand
};

/// An operand walked by a row, a column (or a segment of a row), and outer loops.
struct access {
    operand at{};
    int row = 0;
    int column = 0;
    int outer[max_outers]{};
};

enum class term_kind { product, add, gather };

/// Of a pair.
enum class side { none, row, column };

/// Of a term that reads other rows than its own: in row, or round of an outer loop, `r` and split
/// `s` of the inputs, row stride r + step s + origin of x. Where that is not in [0, extent), or not
/// below some counts, a bit for each, the split adds nothing.
struct term_window {
    int walker = -1;  // 0: the row, 1 + o: outer loop o
    int stride = 1;
    int step = 0;
    int origin = 0;
    int extent = never;
    unsigned counts = 0;
    bool bounded = false;

    constexpr bool any() const { return walker >= 0; }
    /// The rows among [begin, end) in which a split is there; `walked` are the outer loops' rounds.
    template <class Range>
    constexpr Range rows(int split, const int* walked, int begin, int end,
                         const int* given) const noexcept {
        const int last = least_count(counts, extent, given);
        const int moved = origin + step * split;
        if (walker > 0) {
            const int row = stride * walked[walker - 1] + moved;
            return row >= 0 && row < last ? Range{begin, end} : Range{begin, begin};
        }
        const int first = -floor_divide(moved, stride);
        const int after = floor_divide(last - 1 - moved, stride) + 1;
        if (begin < first) begin = first;
        if (end > after) end = after;
        return Range{begin, end > begin ? end : begin};
    }
};

/// One summand of a row: x times a weight, x itself, or the row of a table that the symbol x names.
struct row_term {
    term_kind kind = term_kind::add;
    access x{};
    access w{};
    int depth = 0;
    int w_depth = 0;
    int w_column = 0;
    int splits = 1;  // depth * splits inputs in all; both sides are strided from split to split
    int x_split = 0;
    int w_split = 0;
    int relation = -1;
    side indexed = side::none;  // of a pair's two indices, the one that is the row of x
    int format = 0;             // of a packed weight; 0: numbers like those of x
    term_window window{};
};

struct row_function {
    transformation kind = transformation::identity;
    double numbers[2]{};
    access weights[2]{};
    int position_row = 0;
    int position_column = 0;
    int position_outer[max_outers]{};
    int position_offset = 0;
    rotary_scaling scaling{};
    int seed = -1;      // of dropout, which count it is
    int identity = -1;  // and which rule, so that each drops others
};

/// What the derivative of a function reads besides the gradient of its result.
struct derivative_reads {
    bool argument = false;
    bool result = false;
};
constexpr derivative_reads derivative_of(transformation kind) {
    switch (kind) {
        case transformation::identity:
        case transformation::complement:
        case transformation::scale:
        case transformation::rotary:
        case transformation::rotary_halves:
        case transformation::sinusoidal:
        case transformation::dropout:
        case transformation::slice:
        case transformation::reshape:
            return {false, false};
        case transformation::relu:
        case transformation::leaky_relu:
        case transformation::sigmoid:
        case transformation::tanh:
        case transformation::exp:
        case transformation::sqrt:
        case transformation::inverse:
        case transformation::soft_cap:
        case transformation::softmax:
        case transformation::sparsemax:
            return {false, true};
        case transformation::gelu:
        case transformation::gelu_tanh:
        case transformation::silu:
        case transformation::log:
        case transformation::norm:
        case transformation::layer_norm:
        case transformation::rms_norm:
            return {true, false};
    }
    return {true, true};
}

/// out = functions(terms combined), for each row of segments x length numbers.
struct row_step {
    int rows = 1;
    int row_variable = -1;  // of the rule that it computes
    int segments = 1;
    int length = 1;
    int outers = 0;
    int outer_extents[max_outers]{1, 1, 1};
    bool multiplies = false;  // the terms elementwise, instead of adding them
    bool is_outer = false;    // or each number of the first, a segment's, times all of the second
    list<row_term, max_terms> terms{};
    list<row_function, max_transformations> functions{};
    access out{};
    access before{};  // the sum before the functions, kept where their gradient needs it

    // Rows beyond a count given at run time, and those for which a condition does not hold, are no
    // atoms: zero, as far as they are read.
    int pairs = -1;           // the sparse fact whose pairs the rows are
    unsigned counts = 0;      // or the counts that limit them, a bit for each
    unsigned out_counts = 0;  // and those beyond which no row of `out` is read
    int condition = -1;
    int outer_variables[max_outers]{-1, -1, -1};  // in the condition, as row_variable
    int pair_variables[2]{-1, -1};

    constexpr int columns() const { return segments * length; }
    constexpr bool is_limited() const { return pairs >= 0 || counts != 0; }
    /// Returns true if the gradient of the functions reads the sum before them. Values between two
    /// functions are computed again from that sum.
    constexpr bool needs_sum() const {
        for (int at = 0; at < functions.size(); ++at) {
            const derivative_reads reads = derivative_of(functions[at].kind);
            if (reads.argument || (reads.result && at + 1 < functions.size())) return true;
        }
        return false;
    }
    /// Returns true if the gradient of the last function reads `out`.
    constexpr bool needs_result() const {
        return functions.size() > 0 && derivative_of(functions[functions.size() - 1].kind).result;
    }
};

enum class score_kind { dot, load, number, index, add, multiply, function };

/// A node of a score expression. dot: x at the row times y at the column; load: one element;
/// index: x.row * i + x.column * j + outer + value.
struct score_node {
    score_kind kind = score_kind::number;
    access x{};
    access y{};
    int depth = 0;
    double value = 0;
    transformation function = transformation::identity;
    int left = -1;
    int right = -1;
    bool packed = false;  // x is: row i begins at i (i + 1) / 2
};

/// out(i) = sum over j of softmax over j of score(i, j), times value(j), over the pairs of a space.
struct attention_step {
    int rows = 1;
    int columns = 1;
    int length = 1;
    int outers = 0;
    int outer_extents[max_outers]{1, 1, 1};
    list<score_node, 12> nodes{};  // operands before their operations; the last is the score
    access value{};
    access out{};
    access normalizer{};  // shift and 1 / sum of each row, kept for the gradient
    access scores{};      // the same, where to compute them again would cost more
    access weights{};     // the softmax, where a step of its own prepares it
    int condition = -1;
    int row_variable = -1;
    int column_variable = -1;
    int outer_variables[max_outers]{-1, -1, -1};
    // Counts given at run time, a bit for each: rows and columns beyond them are in no pair and not
    // read. Rows of `out` beyond its own are not read by others.
    unsigned row_counts = 0;
    unsigned column_counts = 0;
    unsigned out_counts = 0;

    constexpr int rounds() const { return outer_extents[0] * outer_extents[1] * outer_extents[2]; }
    constexpr bool is_prepared() const { return weights.at.where != place::none; }
};

/// A sparse fact that holds for two terms of a rule. While its loops run, the number of the pair is
/// known.
struct pair_join {
    int fact = -1;
    term row{};
    term column{};
    bool optional = false;  // of a total rule: where it does not hold, a literal adds nothing

    friend constexpr bool operator==(const pair_join&, const pair_join&) = default;
};

/// A function of two variables that must hold. Where its pairs are listed, the
/// inner variable takes the listed values alone.
struct pair_list {
    int decision = -1;
    int left = -1;
    int right = -1;
};

struct general_literal {
    literal_kind kind = literal_kind::number;
    operand at{};
    int strides[max_variables]{};
    int rows = 1;  // of the value before the weight
    int columns = 1;
    value_shape shape{};  // as the combination sees it
    bool transposed = false;
    bool symbols = false;
    bool required_nonzero = false;  // hidden
    bool required_zero = false;     // negated
    bool is_condition = false;      // what is required is part of the step's condition
    bool has_element = false;
    term element{};
    double number = 0;
    int expression = -1;
    operand weight{};
    int weight_strides[max_variables]{};
    int weight_row = 0;
    int weight_column = 0;
    int weight_rows = 0;  // 0: no weight
    int weight_columns = 0;
    int limits[max_variables]{};  // a total rule's literal counts below these; 0: no limit
    int join = -1;                // whose pair's number it is strided by, too
    int pair_stride = 0;
};

struct general_function {
    transformation kind = transformation::identity;
    double numbers[2]{};
    value_shape shape{};  // before it
    operand weights[2]{};
    int weight_strides[2][max_variables]{};
    int position = -1;
    rotary_scaling scaling{};
    int identity = -1;  // of dropout, which rule it is
};

/// Of the rows of a general step, or of a position in a state: the variable whose values lie near
/// the position, in [position - back, position + ahead]. Runs: each row adds to the row before, so
/// that back is -ahead.
struct column_bound {
    int variable = -1;
    int back = 0;
    int ahead = 0;
    bool runs = false;
};

/// One rule, taken literally: loops over its variables.
struct general_step {
    int variables = 0;
    int extents[max_variables]{};
    unsigned counts[max_variables]{};  // that limit a variable, a bit for each
    int order[max_variables]{};  // the outermost first; the head's, less those softmax ranges over
    int heads = 0;               // how many of them those are
    list<general_literal, max_literals> literals{};
    list<general_function, max_transformations> functions{};
    combination combined = combination::sum;
    aggregation aggregated = aggregation::sum;
    value_shape combined_shape{};
    value_shape shape{};  // of one ground rule
    int condition = -1;
    operand out{};
    int out_strides[max_variables]{};
    int out_size = 1;
    int out_join = -1;
    int out_pair_stride = 0;
    int out_total = 0;        // of all atoms; 0 in a recursion
    unsigned out_counts = 0;  // beyond these, no atom is read
    int out_row = 0;          // that differ in the index which they limit
    list<pair_join, max_condition_joins + max_literals + 1> joins{};
    pair_list listed{};
    int time = -1;  // in a recursion, the variable that the loop at this level counts
    int level = 0;
    int delay = 0;
    form_reasons reasons{};  // that it is no other step
    // Where each value of a head's variable begins with what the one before has: that variable,
    // what it adds, and the counts that limit it and the variable that is added over.
    int running_row = -1;
    column_bound running{};
    unsigned running_rows = 0;
    unsigned running_values = 0;

    constexpr int end_of_running_rows(const int* given) const noexcept {
        return least_count(running_rows, extents[running_row], given);
    }
    /// How many values there are at a row.
    constexpr int values_of_running_row(int row, const int* given) const noexcept {
        const int most = least_count(running_values, extents[running.variable], given);
        const int values = row + 1 + running.ahead;
        return values < 0 ? 0 : values < most ? values : most;
    }
};

/// weights: the softmax of an attention step whose scores follow from parameters alone.
enum class step_kind { rows, attention, weights, general, repeat_begin, repeat_end };

/// A gradient that is first written in the backward of a step, to be zeroed there: `parts` of
/// `size` numbers, or of each the rows up to some counts, a bit for each, and a few beyond.
struct birth {
    int offset = 0;
    int size = 0;
    int parts = 1;
    unsigned counts = 0;
    int row = 0;
    int beyond = 0;

    /// How many numbers of a part are zeroed.
    constexpr int cleared(const int* given) const noexcept {
        if (counts == 0) return size;
        const int rows = least_count(counts, size / row, given) + beyond;
        return rows * row < size ? rows * row : size;
    }
};

struct step {
    step_kind kind = step_kind::rows;
    int at = 0;     // in the list of its kind; of weights, the attention's; of repeat_end, the
                    // step that begins
    int rule = -1;  // that it computes
    int repeat = 1;
    int depth = 0;          // how many stacks and recursions it stands in
    bool recurs = false;    // repeats over the times of a recursion, not over layers
    bool backward = false;  // the last time first
    int first = 0;          // within a recursion, the rounds in which it is run
    int last = never;
    bool prepared = false;  // follows from parameters alone
    counted_end end{};      // of the rounds in which it is run; of a recursion, of its rounds
    bool fills = false;     // is run from that end on instead
    bool idle = false;      // fills rows that nothing reads
    list<birth, max_literals + 4> births{};

    /// Of a step within a recursion, whether it is run in this round.
    constexpr bool is_run_in(int round, const int* counts) const noexcept {
        if (last == never && !end.any()) return true;
        if (idle || round < first || round >= last) return false;
        return !end.any() || (round < end.of(counts)) != fills;
    }
    /// How many rounds a stack or a recursion has.
    constexpr int rounds(const int* counts) const noexcept {
        if (!end.any()) return repeat;
        const int some = end.of(counts);
        return some < repeat ? some : repeat;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
