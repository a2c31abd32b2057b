#pragma once

#include <string>

#include "../joined_text.hpp"
#include "../plan/plan.hpp"
#include "arguments.hpp"
#include "bindings.hpp"

/// The rows of the facts along a sequence, checked and stored as pointers.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The rows of step and prefill: Model::rows<T>, in order or by name. Each fact along the sequence
/// gives one row, without the fact's first dimension, or several, with it; all facts give the same
/// number of rows. One symbol may be an integer. Facts that are not along the sequence are given
/// whole, with the first rows. `Facts` is the type of whole facts.
///
/// Throws argument_error if a fact along the sequence is missing, given twice, has another shape,
/// or holds numbers that are not finite or symbols outside its classes. Refers to the containers,
/// as facts do.
template <class Plan, class T, class Facts>
class row_facts {
    static constexpr const auto& known = Plan::facts;

  public:
    using given_together = row_facts;

    /// Rows in order or by name.
    row_facts(std::initializer_list<kept_argument<const T>> given) { take_all(given); }
    /// Rows for a single call: temporaries are allowed.
    row_facts(std::initializer_list<argument<const T>> given, temporaries_too) { take_all(given); }

    /// Number of rows.
    int size() const noexcept { return count_; }

    /// Throws argument_error unless there is exactly one row.
    void check_single() const {
        if (count_ != 1)
            fail_with<argument_error>({"sequent: a step computes 1 row, given are ", count_});
    }

    /// True if a fact that is not along the sequence is given.
    bool has_rest() const noexcept {
        for (int at = 0; at < known.size(); ++at)
            if (filled_[at] && !is_along(at)) return true;
        return false;
    }

    /// Throws argument_error unless the facts that are not along the sequence are given here or, if
    /// `known_before`, earlier, but not both. Returns true if they are given here.
    bool check_rest(bool known_before) const {
        if (known_before && has_rest())
            fail<argument_error>(
                "sequent: facts besides the sequence are given once, with its first rows");
        for (int at = 0; at < known.size() && !known_before; ++at) check_given(at);
        return !known_before;
    }

    /// The facts that are not along the sequence.
    const Facts& rest() const noexcept { return rest_; }

    /// Pointer to row `from` of a fact along the sequence; the rows after it follow.
    const void* row(int at, int from) const noexcept {
        const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(from) * row_size(at);
        if (!is_symbols(at)) return static_cast<const T*>(pointers_[at]) + offset;
        return pointers_[at] ? static_cast<const std::int32_t*>(pointers_[at]) + offset
                             : single_ + at;
    }

  private:
    Facts rest_{};
    const void* pointers_[max_facts]{};
    std::int32_t single_[max_facts]{};
    bool filled_[max_facts]{};
    int count_ = -1;

    template <class List>
    void take_all(const List& given) {
        kernel::table_maker::make_all();
        int position = 0;
        for (const auto& each : given) {
            const int at = each.id.length ? place_of(each.id) : position++;
            if (at < 0 || at >= known.size())
                fail_with<argument_error>(
                    {"sequent: the model has no ", subject{"fact", each.id, at}.text()});
            if (filled_[at]) refuse(what(at), {" is given twice"});
            filled_[at] = true;
            if (is_along(at))
                take(at, each);
            else
                rest_.take(at, what(at), each);
        }
        for (int at = 0; at < known.size(); ++at)
            if (is_along(at)) check_given(at);
    }

    static constexpr unsigned sequences = Plan::by_rows.sequences;
    static constexpr bool is_along(int at) { return ((sequences >> at) & 1u) != 0; }
    static constexpr bool is_symbols(int at) { return known[at].kind == plan::fact_kind::symbols; }
    static constexpr int row_size(int at) { return known[at].size() / known[at].extents[0]; }
    static constexpr int place_of(const plan::name& id) {
        for (int at = 0; at < known.size(); ++at)
            if (known[at].id == id) return at;
        return -1;
    }
    static subject what(int at) { return {"fact", known[at].id, at}; }

    void check_given(int at) const {
        if (!filled_[at]) refuse(what(at), {" is not given"});
    }

    void take(int at, const argument<const T>& given) {
        int count = 1;
        if (given.is_count) {
            if (!is_symbols(at) || row_size(at) != 1)
                refuse(what(at), {" is a container, given is a number"});
            single_[at] = given.count;
            check_range(at, single_ + at, 1);
        } else {
            count = count_rows(at, given);
            const int size = count * row_size(at);
            if (is_symbols(at) != (given.symbols != nullptr))
                refuse(what(at),
                       {(is_symbols(at) ? " holds symbols as std::int32_t, given are numbers"
                                        : " holds numbers, given are symbols")});
            if (is_symbols(at)) {
                pointers_[at] = given.symbols;
                check_range(at, given.symbols, size);
            } else {
                pointers_[at] = given.numbers;
                if (!is_finite(given.numbers, size)) check_finite(what(at), given.numbers, size);
            }
        }
        if (count_ >= 0 && count_ != count)
            refuse(what(at), {" has ", count, " rows, another fact has ", count_});
        count_ = count;
    }

    static void check_range(int at, const std::int32_t* symbols, int size) {
        for (int each = 0; each < size; ++each)
            if (symbols[each] < 0 || symbols[each] >= known[at].classes)
                check_symbols(what(at), symbols, size, known[at].classes);
    }

    /// Number of rows that a container holds.
    static int count_rows(int at, const argument<const T>& given) {
        const plan::fact_shape& wanted = known[at];
        const extents& shape = given.shape;
        const bool flat = shape.rank == 1 && !shape.shaped;
        const int skipped = shape.rank == wanted.rank ? 0 : 1;
        bool fits = flat || shape.rank + skipped == wanted.rank;
        for (int axis = 1; fits && !flat && axis < wanted.rank; ++axis)
            fits = shape.at[static_cast<std::size_t>(axis - skipped)] == wanted.extents[axis];
        const long long size = shape.size();
        if (!fits || size == 0 || size % row_size(at) != 0)
            refuse(what(at),
                   {" needs rows of the shape ", extents_text(wanted.extents + 1, wanted.rank - 1),
                    ", given is ", shape.text()});
        if (!shape.contiguous)
            refuse(what(at), {" needs contiguous row-major values, given is a strided view"});
        return static_cast<int>(size / row_size(at));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
