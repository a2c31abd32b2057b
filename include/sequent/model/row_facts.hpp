#pragma once

#include <string>

#include "../joined_text.hpp"
#include "../plan/plan.hpp"
#include "arguments.hpp"
#include "bindings.hpp"

/// Rows of the facts along a sequence, as pointers, checked.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Of each fact along the sequence one row, without the fact's first argument, or several, with it;
/// one symbol may be an integer. Facts that are not along the sequence are given whole, with the
/// first rows. Facts is the class of whole facts.
template <class Plan, class T, class Facts>
class row_facts {
    static constexpr const auto& known = Plan::facts;

  public:
    using given_together = row_facts;

    row_facts(std::initializer_list<kept_argument<const T>> given) { take_all(given); }
    /// Of one call alone.
    row_facts(std::initializer_list<argument<const T>> given, temporaries_too) { take_all(given); }

    /// How many rows there are.
    int size() const noexcept { return count_; }

    /// Throws unless it is one row.
    void check_single() const {
        if (count_ != 1)
            fail_with<argument_error>({"sequent: a step computes 1 row, given are ", count_});
    }

    bool has_rest() const noexcept {
        for (int at = 0; at < known.size(); ++at)
            if (filled_[at] && !is_along(at)) return true;
        return false;
    }

    /// Throws unless the facts that are not along the sequence are given, or have been, but not
    /// both. Whether they are.
    bool check_rest(bool known_before) const {
        if (known_before && has_rest())
            fail<argument_error>(
                "sequent: facts besides the sequence are given once, with its first rows");
        for (int at = 0; at < known.size() && !known_before; ++at) check_given(at);
        return !known_before;
    }

    const Facts& rest() const noexcept { return rest_; }

    /// Row `from` and what follows of a fact along the sequence.
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

    /// How many rows a container holds.
    static int count_rows(int at, const argument<const T>& given) {
        const plan::fact_shape& wanted = known[at];
        const extents& shape = given.shape;
        const bool flat = shape.rank == 1 && !shape.shaped;
        const int skipped = shape.rank == wanted.rank ? 0 : 1;
        bool fits = flat || shape.rank + skipped == wanted.rank;
        for (int axis = 1; fits && !flat && axis < wanted.rank; ++axis)
            fits = shape.at[static_cast<std::size_t>(axis - skipped)] == wanted.extents[axis];
        const long size = shape.size();
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
