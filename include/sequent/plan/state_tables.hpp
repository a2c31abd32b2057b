#pragma once

#include <algorithm>

#include "plan.hpp"

/// The steps of a state: which rows and columns are stored from call to call, and where.

namespace sequent::inline SEQUENT_ABI::plan {

/// The format of columns in the KV cache of a state.
struct column_form {
    int bytes = 0;  ///< bytes of an element; 0: the columns are in the workspace of the state
    int block = 0;  ///< elements of a column that share a scale of two bytes; 0: no scales
};
/// The formats of a KV cache.
struct cache_form {
    column_form keys{};    ///< of keys
    column_form values{};  ///< of values
};

/// Columns in a KV cache. The scales have lines of their own, in the same order.
struct cached_columns : column_form {
    int begin = 0;   ///< offset in the cache, in bytes
    int scales = 0;  ///< offset of the scales in the cache, in bytes

    /// The lines of scales for `depth` lines of elements.
    constexpr int blocks(int depth) const { return block > 0 ? (depth + block - 1) / block : 0; }
};

/// An operand that an attention step reads by columns. Stored columns are transposed: element k of
/// column c is at to + k * pitch + c, so that element k of all columns is a vector.
struct kept_operand {
    bool kept = false;        ///< the columns are stored
    bool moves = false;       ///< each position adds a column; else all are computed at once
    bool slides = false;      ///< only the columns of a window are stored
    access from{};            ///< the computed columns, at the stride `column`
    int columns = 0;          ///< number of columns
    int depth = 0;            ///< elements of a column
    operand to{};             ///< the stored columns
    int outer[max_outers]{};  ///< their strides of the outer loops
    int pitch = 0;            ///< their stride from element to element
    int lines = 0;            ///< lines of `pitch` elements, in all layers and outer loops
    cached_columns cached{};  ///< their format and place if they are in the KV cache
};

/// The columns that an attention step reads.
struct kept_attention {
    int ahead = 0;             ///< columns beyond the row's own that a row reads, at most
    bool carries = false;      ///< the value stands for the state of linear attention in its place
    kept_operand value{};      ///< the value
    kept_operand nodes[12]{};  ///< the operands of the nodes of the score
};

/// The rows [first, first + capacity) that are stored from call to call. They include those from
/// `back` before the current rows to `ahead` beyond them. When they are full, the oldest rows are
/// dropped.
struct row_window {
    int back = 0;      ///< rows before the current ones
    int ahead = 0;     ///< rows beyond the current ones
    int capacity = 0;  ///< stored rows
    int grain = 1;     ///< the first row is a multiple of this

    friend constexpr bool operator==(const row_window&, const row_window&) = default;

    /// The first row that is stored while rows [begin, end) are computed; `before` is the one so
    /// far.
    constexpr int first(int before, int begin, int end) const {
        if (end + ahead - before <= capacity) return before;
        return std::max(0, begin - back) / grain * grain;
    }
};

/// The storage of the rows of a window: `lines` places, `pitch` elements apart.
struct window_place {
    int window = 0;  ///< number of the window
    int offset = 0;  ///< of the first place
    int lines = 1;   ///< number of places
    int pitch = 0;   ///< distance of the places
    int row = 1;     ///< elements of a row
};

/// The maximum number of current rows: enough that a product reads its weights once for many rows,
/// few enough for the cache; more if the weights do not fit a cache of one megabyte, or if the
/// program convolves, since few rows of such narrow values cost less than the call.
template <class Tables>
constexpr int most_block_rows(const Tables& steps) {
    bool many = steps.parameters > 1 << 18;
    for (const row_step& row : steps.rows)
        for (const row_term& term : row.terms) many = many || (term.splits() > 1 && term.moves());
    return many ? 64 : 16;
}

/// The steps of a state and the layout of its memory.
template <class Tables, int Facts>
struct state_tables {
    static constexpr int buffers = decltype(Tables::buffers)::capacity();
    static constexpr int facts = Facts > 0 ? Facts : 1;

    Tables steps{};  ///< the steps with their offsets
    list<kept_attention, decltype(Tables::attentions)::capacity()> kept{};
    list<column_bound, decltype(Tables::generals)::capacity()> bounds{};
    list<row_window, buffers + facts + 1> windows{};  ///< windows of rows
    list<window_place, buffers + 13 * decltype(Tables::attentions)::capacity()> places{};
    list<window_place, 26 * decltype(Tables::attentions)::capacity()> cache_places{};  ///< in bytes
    int cache = 0;               ///< bytes of the KV cache
    int row_size[buffers]{};     ///< elements of a row of a buffer that follows the sequence
    int window_of[buffers]{};    ///< 1 + the window of a buffer, or 0
    int fact_window[facts]{};    ///< 1 + the window of a fact, or 0
    bool kept_whole[buffers]{};  ///< all rows of a buffer are stored
    bool keeps_fact[facts]{};    ///< rows of a fact are stored, because they are read again
    bool reads_fact[facts]{};    ///< rows read a fact that is not along the sequence
    /// The rows, or iterations, beyond the current ones that a step computes.
    int lead[decltype(Tables::steps)::capacity()]{};
    int rows = 0;              ///< rows of the sequence
    int block = 0;             ///< maximum number of current rows
    int column_window = 0;     ///< 1 + the window of the columns of attention, or 0
    rows_obstacle obstacle{};  ///< why the plan does not run by rows
    rows_obstacle lost{};      ///< the first rule that reads rows of which only the last are stored
};

}  // namespace sequent::inline SEQUENT_ABI::plan
