#pragma once

#include "domain.hpp"
#include "functions.hpp"
#include "reason.hpp"

/// Steps, the result of a plan: each is one kernel call, whose operands have places, offsets and
/// strides. A kernel receives one step, its shape and pointers; it knows nothing of rules.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_outers = 3;           ///< outer loops of a row step or an attention step
inline constexpr int max_terms = 6;            ///< terms of a row step
inline constexpr int max_split_loops = 2;      ///< variables that a product sums over
inline constexpr int max_condition_joins = 6;  ///< joins of the condition of a general step

/// The memory that holds an operand. parameter: the parameters of the model. value: the workspace.
/// fact: an input. prepared: values that depend on parameters only, computed once for all calls.
/// packed: parameters in another number type, where 64 bytes count as one element.
enum class place { none, parameter, value, fact, prepared, packed };

/// The location of an operand. Offsets and strides count elements. A layer stride is what the layer
/// of a stack, or the time of a recursion, adds, for each level of nesting.
struct operand {
    place where = place::none;       ///< the memory
    int index = -1;                  ///< number of the fact, or of the buffer in the workspace
    int offset = 0;                  ///< of the first element
    int layer_strides[max_loops]{};  ///< what each loop adds per iteration
    int part = 0;                    ///< part of the buffer, until memory is laid out
    bool each_layer = false;         ///< each layer uses the next part
    int turn = 0;        ///< what odd layers add if the layers alternate between two parts
    int turn_level = 0;  ///< the loop whose layers alternate
    int adjoint = -1;    ///< offset of the gradient in the workspace
    int adjoint_layer_strides[max_loops]{};  ///< layer strides of the gradient
    bool trained = false;                    ///< it has a gradient; false for a fixed weight
    int moving = 0;  ///< row size in elements if only some rows of the sequence are stored, else 0
    /// 1 + the window that tells which rows are stored, or 0: the current rows are.
    int origin = 0;
};

/// An operand with the strides of a step's loops.
struct access {
    operand at{};             ///< the location of the first element
    int row = 0;              ///< stride of the rows
    int column = 0;           ///< stride of the columns, or of the segments of a row
    int outer[max_outers]{};  ///< strides of the outer loops
};

/// product: x times a weight. add: x itself. gather: a row of a table, which the symbol x selects.
/// window: the sum over the splits of x, times a weight elementwise if there is one.
enum class term_kind { product, add, gather, window };

/// One of the two indices of a pair.
enum class side { none, row, column };

/// The rows that a term reads if they are not its own, as in a convolution. In iteration r of the
/// row loop or of an outer loop, iteration s of the splits reads row stride * r + step * s + origin
/// of x. Splits whose row is not in [0, extent), or not below the counts, add nothing.
struct term_window {
    int walker = -1;       ///< the loop of r: 0 for the rows, 1 + o for outer loop o; -1: no window
    int stride = 1;        ///< factor of r
    int step = 0;          ///< factor of s
    int origin = 0;        ///< constant summand
    int extent = never;    ///< number of rows of x
    unsigned counts = 0;   ///< counts that limit the rows of x, one bit each
    bool bounded = false;  ///< some splits do not exist

    /// Returns true if the term has a window.
    constexpr bool any() const { return walker >= 0; }
    /// The part of the rows [begin, end) for which the iteration exists. `walked` are the
    /// iterations of the outer loops, `given` the counts.
    template <class Range>
    constexpr Range rows(int iteration, const int* walked, int begin, int end,
                         const int* given) const noexcept {
        const int last = least_count(counts, extent, given);
        const int moved = origin + step * iteration;
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

/// A loop over parts of a product's inputs, of the variable that is summed away.
struct split_loop {
    int count = 1;         ///< its iterations
    int x = 0;             ///< what each adds to the place of x
    int w = 0;             ///< and of the weight
    term_window window{};  ///< the rows of x that it selects
};

/// One term of a row: x times a weight, x itself, or the row of a table that the symbol x selects.
struct row_term {
    term_kind kind = term_kind::add;
    access x{};                           ///< the input
    access w{};                           ///< the weight, or the table
    int depth = 0;                        ///< contiguous inputs of a product
    int w_depth = 0;                      ///< stride of the weight from input to input
    int w_column = 0;                     ///< stride of the weight from output to output
    split_loop loops[max_split_loops]{};  ///< a product sums depth * splits() inputs
    int relation = -1;                    ///< the relation of x; -1 if x is a weight
    side indexed = side::none;  ///< in a step over pairs, the index that selects the row of x
    side weighed = side::none;  ///< and the index that selects the weight
    int format = 0;             ///< format of a packed weight; 0: the number type of x

    /// The number of splits: iterations of the loops, of which the first is the innermost.
    SEQUENT_INLINE constexpr int splits() const { return loops[0].count * loops[1].count; }
    /// The iteration of a loop in a split.
    SEQUENT_INLINE constexpr int iteration(int loop, int split) const {
        return loop == 0 ? split % loops[0].count : split / loops[0].count;
    }
    /// The distance of a split's inputs from those of the first.
    SEQUENT_INLINE constexpr int x_of(int split) const {
        return iteration(0, split) * loops[0].x + iteration(1, split) * loops[1].x;
    }
    /// The distance of a split's weights from those of the first.
    SEQUENT_INLINE constexpr int w_of(int split) const {
        return iteration(0, split) * loops[0].w + iteration(1, split) * loops[1].w;
    }
    /// Returns true if the rows of x are not those of the step.
    constexpr bool moves() const { return loops[0].window.any() || loops[1].window.any(); }
    /// Returns true if some splits do not exist.
    constexpr bool bounded() const { return loops[0].window.bounded || loops[1].window.bounded; }
    /// The part of the rows [begin, end) for which the split exists. `walked` are the iterations of
    /// the outer loops, `given` the counts.
    template <class Range>
    constexpr Range rows(int split, const int* walked, int begin, int end,
                         const int* given) const noexcept {
        Range result{begin, end};
        for (int loop = 0; loop < max_split_loops; ++loop)
            if (loops[loop].window.bounded)
                result = loops[loop].window.rows<Range>(iteration(loop, split), walked,
                                                        result.begin, result.end, given);
        return result;
    }
};

/// A transformation of the rows. Its position is position_offset plus, for each of the row, the
/// segment and the outer loops, index times factor.
struct row_function {
    transformation kind = transformation::identity;
    double numbers[2]{};               ///< constants
    access weights[2]{};               ///< gain and bias
    int position_row = 0;              ///< factor of the row
    int position_column = 0;           ///< factor of the segment
    int position_outer[max_outers]{};  ///< factors of the outer loops
    int position_offset = 0;           ///< constant summand
    rotary_scaling scaling{};
    int seed = -1;      ///< of dropout: the number of the count
    int identity = -1;  ///< of dropout: the rule, so that each rule drops different elements
};

/// A row step: out = functions(combined terms), for each row of segments x length elements, in each
/// iteration of the outer loops.
struct row_step {
    int rows = 1;           ///< number of rows
    int row_variable = -1;  ///< the variable of the rule that numbers the rows; -1: one row
    int segments = 1;       ///< parts of a row that share x and have weights of their own
    int length = 1;         ///< elements of a segment
    int outers = 0;         ///< number of outer loops
    int outer_extents[max_outers]{1, 1, 1};  ///< their iterations
    bool multiplies = false;  ///< the terms are multiplied elementwise instead of added
    bool is_outer = false;    ///< an outer product: segment s is element s of term 0 times term 1
    list<row_term, max_terms> terms{};                    ///< the terms
    list<row_function, max_transformations> functions{};  ///< in the order of application
    access out{};                                         ///< the result
    access before{};  ///< the sum before the functions, stored if their gradient reads it

    // Rows beyond a count, and rows for which the condition does not hold, are not atoms. They are
    // zero, provided that another step reads them.
    int pairs = -1;           ///< the sparse fact whose pairs are the rows; -1: none
    unsigned counts = 0;      ///< counts that limit the rows, one bit each
    unsigned out_counts = 0;  ///< counts beyond which no row of `out` is read, one bit each
    int condition = -1;       ///< node of the condition; -1: none
    int outer_variables[max_outers]{-1, -1, -1};  ///< variables of the outer loops in the condition
    int pair_variables[2]{-1, -1};                ///< variables of the pair in the condition

    /// Elements of a row.
    constexpr int columns() const { return segments * length; }
    /// Returns true if the number of rows is known only at run time.
    constexpr bool is_limited() const { return pairs >= 0 || counts != 0; }
    /// Returns true if the gradient of the functions reads the sum before them. The backward pass
    /// recomputes values between two functions from that sum.
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

/// The kinds of nodes of a score.
enum class score_kind { dot, load, number, index, add, multiply, function };

/// A node of a score, a postfix expression over row i and column j. dot: value times the dot
/// product of row i of x and column j of y. load: one element of x. number: value. index: value
/// plus x.row * i + x.column * j + the outer loops' shares. add, multiply: of the nodes left and
/// right. function: of the node left, with the parameter value.
struct score_node {
    score_kind kind = score_kind::number;
    access x{};        ///< the first factor, the table, or the factors of an index
    access y{};        ///< the second factor of a dot
    int depth = 0;     ///< elements of the vectors of a dot
    double value = 0;  ///< see above
    transformation function = transformation::identity;
    int left = -1;         ///< the first operand, a node
    int right = -1;        ///< the second operand, a node
    bool packed = false;   ///< x is a lower triangle: row i begins at i (i + 1) / 2
    double exponent = 0;   ///< in chunks: the score is exp of this times the leaf, and more factors
    int exponent_by = -1;  ///< a leaf of neither row nor column that multiplies it, too; -1: none
};

/// An attention step: out(i) = sum over j of softmax_j(score(i, j)) value(j), where (i, j) are the
/// pairs of a space, in each iteration of the outer loops.
struct attention_step {
    int rows = 1;                            ///< values of i
    int columns = 1;                         ///< values of j
    int length = 1;                          ///< elements of value(j)
    int outers = 0;                          ///< number of outer loops
    int outer_extents[max_outers]{1, 1, 1};  ///< their iterations
    list<score_node, 12> nodes{};  ///< operands before their operations; the last is the score
    access value{};                ///< value(j)
    access out{};                  ///< out(i)
    access normalizer{};           ///< maximum and 1 / sum of each row, stored for the gradient
    access scores{};         ///< scores cached for the gradient, only where recomputing costs more
    access weights{};        ///< the softmax, if a step of its own prepares it
    bool normalizes = true;  ///< the weights are a softmax of the scores, not the scores themselves
    int condition = -1;      ///< node of the condition of the pairs; -1: all pairs
    int row_variable = -1;   ///< the variable i in the condition
    int column_variable = -1;                     ///< the variable j in the condition
    int outer_variables[max_outers]{-1, -1, -1};  ///< variables of the outer loops there
    unsigned row_counts = 0;     ///< counts beyond which rows have no pairs, one bit each
    unsigned column_counts = 0;  ///< counts beyond which columns are in no pair and not read
    int chunk = 0;               ///< rows that share the state of the columns before; 0: by pairs
    bool ends_at_row = false;    ///< in chunks: the columns of row i are [0, i + 1)
    reason no_chunks = reason::none;  ///< without a softmax, the reason that there are no chunks
    unsigned out_counts = 0;          ///< counts beyond which no row of `out` is read

    /// Iterations of all outer loops.
    constexpr int rounds() const { return outer_extents[0] * outer_extents[1] * outer_extents[2]; }
    /// Returns true if the softmax is computed by a step of its own.
    constexpr bool is_prepared() const { return weights.at.where != place::none; }
};

/// A sparse fact that holds for two arguments of a rule. Within the loops of the rule the number of
/// the current pair is known.
struct pair_join {
    int fact = -1;          ///< the sparse fact
    term row{};             ///< its first argument
    term column{};          ///< its second argument
    bool optional = false;  ///< in a sum of rules: if the pair is absent, the literal adds nothing

    friend constexpr bool operator==(const pair_join&, const pair_join&) = default;
};

/// A predicate of two variables that must hold. If its pairs are listed, the inner variable takes
/// only the listed values.
struct pair_list {
    int decision = -1;  ///< number of the predicate; -1: none
    int left = -1;      ///< the variable of its first argument
    int right = -1;     ///< the variable of its second argument
};

/// A literal of a general step.
struct general_literal {
    literal_kind kind = literal_kind::number;
    operand at{};                   ///< the relation's value, or the weight that is the literal
    int strides[max_variables]{};   ///< what each variable adds to the offset
    int rows = 1;                   ///< rows of the value before the weight in brackets
    int columns = 1;                ///< columns of that value
    value_shape shape{};            ///< the shape that the combination sees
    bool transposed = false;        ///< the value is transposed, after the weight
    bool symbols = false;           ///< the value is a symbol, which selects a row of the weight
    bool required_nonzero = false;  ///< a hidden literal
    bool required_zero = false;     ///< a negated literal
    bool is_condition = false;      ///< the condition of the step already tests the literal
    bool has_element = false;       ///< only one element of the vector is read
    term element{};                 ///< its index
    double number = 0;              ///< the value of a number
    int expression = -1;            ///< node of the value of an index expression
    operand weight{};               ///< the weight in brackets
    int weight_strides[max_variables]{};  ///< what each variable adds to its offset
    int weight_row = 0;                   ///< its stride from row to row
    int weight_column = 0;                ///< its stride from column to column
    int weight_rows = 0;                  ///< its rows, after transposition; 0: no weight
    int weight_columns = 0;               ///< its columns
    int limits[max_variables]{};  ///< in a sum of rules, extents of the literal; 0: no limit
    int join = -1;                ///< the join whose pair number also moves the offset; -1: none
    int pair_stride = 0;          ///< what the pair number adds
};

/// A transformation of a general step.
struct general_function {
    transformation kind = transformation::identity;
    double numbers[2]{};                     ///< constants
    value_shape shape{};                     ///< shape of the argument
    operand weights[2]{};                    ///< gain and bias
    int weight_strides[2][max_variables]{};  ///< what each variable adds to their offsets
    int position = -1;                       ///< node of the position, or of the seed of dropout
    rotary_scaling scaling{};
    int identity = -1;  ///< the rule, so that each rule drops different elements
};

/// A variable whose values are near a row or position p, in [p - back, p + ahead].
struct column_bound {
    int variable = -1;  ///< the variable; -1: none
    int back = 0;       ///< distance before p
    int ahead = 0;      ///< distance after p
    bool runs = false;  ///< each row adds one value to the row before; then back is -ahead
};

/// A general step: one rule by its definition, as loops over its variables.
struct general_step {
    int variables = 0;                 ///< number of variables
    int extents[max_variables]{};      ///< their ranges
    unsigned counts[max_variables]{};  ///< counts that limit each variable, one bit each
    int order[max_variables]{};  ///< loops from the outermost: head variables, then aggregated ones
    int heads = 0;  ///< number of loops over variables of the head, less those of a softmax
    list<general_literal, max_literals> literals{};           ///< the literals
    list<general_function, max_transformations> functions{};  ///< in the order of application
    combination combined = combination::sum;                  ///< of the literals
    aggregation aggregated = aggregation::sum;                ///< of the ground rules
    double aggregated_number = 0;                             ///< the p of p_mean, the k of top_k
    value_shape combined_shape{};                             ///< shape before the functions
    value_shape shape{};               ///< shape of the value of a ground rule
    int condition = -1;                ///< node of the condition; -1: none
    operand out{};                     ///< the relation of the head
    int out_strides[max_variables]{};  ///< what each variable adds to its offset
    int out_size = 1;                  ///< elements of an atom
    int out_join = -1;                 ///< the join whose pair number also moves `out`; -1: none
    int out_pair_stride = 0;           ///< what the pair number adds
    int out_total = 0;                 ///< elements of all atoms; 0 in a recursion
    unsigned out_counts = 0;           ///< counts beyond which no atom is read, one bit each
    int out_row = 0;  ///< distance of atoms that differ in the index that these limit
    list<pair_join, max_condition_joins + max_literals + 1> joins{};  ///< sparse facts that hold
    pair_list listed{};         ///< a predicate whose pairs are listed
    int choice = -1;            ///< number of the pairs that the step chooses, as of a sparse fact
    int choice_variables[2]{};  ///< the variables of these pairs
    operand chosen{};           ///< their index, see pair_layout; 32-bit integers
    int time = -1;              ///< in a recursion, the variable that its loop sets; else -1
    int level = 0;              ///< nesting level of that loop
    int delay = 0;              ///< the iteration of that loop is time + delay
    form_reasons reasons{};     ///< the reasons that no fast form applies
    int running_row = -1;  ///< the head variable of a running aggregate, or -1: each of its values
                           ///< aggregates the values of the one before and one more
    column_bound running{};       ///< the variable that is aggregated over
    unsigned running_rows = 0;    ///< counts that limit running_row, one bit each
    unsigned running_values = 0;  ///< counts that limit running.variable, one bit each

    /// Returns true if the step chooses among values that other steps have computed.
    constexpr bool compares_alone() const {
        return choice >= 0 && literals.size() == 1 && functions.size() == 0 &&
               literals[0].weight_rows == 0;
    }
    /// The number of values of running_row below its counts.
    constexpr int end_of_running_rows(const int* given) const noexcept {
        return least_count(running_rows, extents[running_row], given);
    }
    /// The number of values that are aggregated at a row.
    constexpr int values_of_running_row(int row, const int* given) const noexcept {
        const int most = least_count(running_values, extents[running.variable], given);
        const int values = row + 1 + running.ahead;
        return values < 0 ? 0 : values < most ? values : most;
    }
};

/// The kinds of steps. weights: the softmax of an attention step whose scores depend on parameters
/// only. repeat_begin, repeat_end: the limits of the loop of a stack or a recursion.
enum class step_kind { rows, attention, weights, general, repeat_begin, repeat_end };

/// A gradient that the backward pass of a step writes first, and that is set to zero before:
/// `parts` parts of `size` elements each, or in each part only the rows below some counts and
/// `beyond` more.
struct birth {
    int offset = 0;       ///< in the workspace
    int size = 0;         ///< elements of a part
    int parts = 1;        ///< number of parts
    unsigned counts = 0;  ///< counts that limit the rows, one bit each; 0: all rows
    int row = 0;          ///< elements of a row
    int beyond = 0;       ///< further rows

    /// The number of elements of a part that are set to zero; `given` are the counts.
    constexpr int cleared(const int* given) const noexcept {
        if (counts == 0) return size;
        const int rows = least_count(counts, size / row, given) + beyond;
        return rows * row < size ? rows * row : size;
    }
};

/// What a round of a fixpoint is given and what it gives: `size` contiguous elements, of which only
/// the rows below some counts, or the pairs of a sparse fact, are compared.
struct carried_value {
    operand in{};         ///< what the round is given
    operand out{};        ///< what it gives
    int size = 0;         ///< number of elements
    unsigned counts = 0;  ///< counts that limit the rows, one bit each
    int row = 1;          ///< elements of a row, or of a pair
    int pairs = -1;       ///< the sparse fact whose pairs are the rows; -1: none
};

/// One entry of a plan, in the order of the forward pass.
struct step {
    step_kind kind = step_kind::rows;
    int at = 0;      ///< place in the list of its kind; of weights, that of the attention step; of
                     ///< repeat_begin and repeat_end, the number of the other
    int rule = -1;   ///< the rule that the step computes
    int repeat = 1;  ///< iterations of a stack or a recursion
    int depth = 0;   ///< number of stacks and recursions around the step
    bool recurs = false;    ///< the loop of a recursion, not of a stack
    bool backward = false;  ///< the recursion begins with the last time
    int first = 0;          ///< in a recursion, the first iteration in which the step runs
    int last = never;       ///< and the end of these iterations
    bool prepared = false;  ///< the step depends on parameters only
    counted_end end{};      ///< end of these iterations; of a recursion, of its loop
    bool fills = false;     ///< the step runs from that end on instead of before it
    bool idle = false;      ///< the step fills rows that nothing reads
    int carried = -1;       ///< of a fixpoint: place of what its rounds pass on
    list<birth, max_literals + 4> births{};  ///< gradients set to zero by its backward

    /// Returns true if a step in a recursion runs in this iteration.
    constexpr bool is_run_in(int round, const int* counts) const noexcept {
        if (last == never && !end.any()) return true;
        if (idle || round < first || round >= last) return false;
        return !end.any() || (round < end.of(counts)) != fills;
    }
    /// The number of iterations of a stack or a recursion, for these counts.
    constexpr int rounds(const int* counts) const noexcept {
        if (!end.any()) return repeat;
        const int some = end.of(counts);
        return some < repeat ? some : repeat;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
