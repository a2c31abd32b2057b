#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "../joined_text.hpp"
#include "arguments.hpp"
#include "prepared.hpp"
#include "runs.hpp"
#include "workspace.hpp"

/// The facts of a call, checked and stored as pointers.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Position of each fact's count or length in the program's list of counts; -1 if the fact has
/// neither.
template <class Plan>
inline constexpr auto count_places = [] {
    std::array<int, max_facts> result{};
    for (int at = 0; at < Plan::facts.capacity(); ++at) {
        result[static_cast<std::size_t>(at)] = -1;
        for (int place = 0; place < Plan::shapes.text.counts.size(); ++place)
            if (Plan::shapes.text.counts[place] == Plan::facts[at].id)
                result[static_cast<std::size_t>(at)] = place;
    }
    return result;
}();

/// Position of the fact of this name; -1 if there is none.
template <class Plan>
constexpr int place_of_fact(const plan::name& id) {
    for (int at = 0; at < Plan::facts.capacity(); ++at)
        if (Plan::facts[at].id == id) return at;
    return -1;
}

/// Shape of fact `at` under the given counts: a length replaces the first extent.
template <class Plan>
constexpr plan::fact_shape given_shape(int at, const int* counts) noexcept {
    plan::fact_shape result = Plan::facts[at];
    if (result.up_to) result.extents[0] = counts[count_places<Plan>[static_cast<std::size_t>(at)]];
    return result;
}

/// The facts of one sample: Model::facts<T>. The constructor takes them in order or by name and
/// checks them once: each fact is given once, with the shape that the model declares, with finite
/// numbers and with symbols below its number of classes. Otherwise it throws argument_error, which
/// names the fact and both values.
///
/// The object refers to the containers, which must outlive it; it copies counts, and the pairs of
/// sparse facts. A temporary container does not compile, except in a braced list passed to the call
/// that reads it: forward(p, {x_of(sample)}, w).
///
/// Later changes to the containers are not checked: numbers are used as they are, and a symbol
/// outside its classes stands for a row of NaN.
template <class Plan, class T>
class given_facts {
  public:
    using given_together = given_facts;

    /// Facts in order or by name. Throws argument_error.
    given_facts(std::initializer_list<kept_argument<const T>> given) { take_all(given); }
    /// Facts of a single call: temporaries are allowed.
    given_facts(std::initializer_list<argument<const T>> given, temporaries_too) {
        take_all(given);
    }

    /// Replaces some of the facts, by name or the first ones in order. Only these are checked; the
    /// others stay as they were. If it throws argument_error, nothing has changed.
    void rebind(std::initializer_list<kept_argument<const T>> given) {
        given_facts changed = *this;
        bool filled[fact_count > 0 ? fact_count : 1]{};
        changed.take_each(given, filled);
        *this = std::move(changed);
    }

    /// The facts of another model with the same declarations of facts.
    template <class Other>
    static given_facts from(const given_facts<Other, T>& given) {
        given_facts result;
        std::copy_n(given.pointers, max_facts, result.pointers);
        std::copy_n(given.counts, count_given<Plan>(), result.counts);
        result.indices_ = given.indices_;
        return result;
    }

    /// First element of each fact: std::int32_t for symbols, else T.
    const void* pointers[max_facts]{};
    int counts[count_given<Plan>()]{};  ///< Counts and runs of symbols, see plan::given_numbers.

    /// Adds counts, pairs and a sample of the elements to a call's mark, which debug builds
    /// compare.
    void add_to(call_mark& mark) const noexcept {
        constexpr int given_counts = Plan::shapes.text.counts.size();
        mark.add(counts, given_counts);
        for (int at = 0; at < Plan::facts.capacity(); ++at) {
            const auto& fact = Plan::facts[at];
            if (fact.kind == kind::count) continue;
            int size = given_shape<Plan>(at, counts).size();
            if (fact.is_sparse()) {
                const std::int32_t* index = pairs(at);
                const int count = index[pair_layout::count()];
                mark.add(index + pair_layout::row_of_pair(), count);
                mark.add(index + layout_of(at).column_of_pair(), count);
                size = count * fact.pair_size();
            }
            if (fact.kind == kind::symbols)
                mark.add(static_cast<const std::int32_t*>(pointers[at]), size);
            else
                mark.add(static_cast<const T*>(pointers[at]), size);
        }
    }

    /// The index of a sparse fact's pairs, null for a dense fact; layout: pair_layout.
    const std::int32_t* pairs(int at) const noexcept {
        return Plan::facts[at].is_sparse() ? indices_.data() + index_offset(at) : nullptr;
    }

  private:
    template <class, class, class>
    friend class row_facts;
    template <class, class>
    friend class given_facts;

    given_facts() = default;

    using kind = plan::fact_kind;

    static constexpr int fact_count = Plan::facts.capacity();

    /// Takes each of the arguments; filled[at] is set for each fact that is given.
    template <class List>
    void take_each(const List& given, bool* filled) {
        int position = 0;
        for (const auto& each : given) {
            const int at = each.id.length ? place_of_fact<Plan>(each.id) : position++;
            if (at < 0 || at >= fact_count)
                fail_with<argument_error>(
                    {"sequent: the model has no ", subject{"fact", each.id, at}.text()});
            const subject what{"fact", Plan::facts[at].id, at};
            if (filled[at]) refuse(what, {" is given twice"});
            filled[at] = true;
            take(at, what, each);
        }
    }
    template <class List>
    void take_all(const List& given) {
        kernel::table_maker::make_all();
        bool filled[fact_count > 0 ? fact_count : 1]{};
        take_each(given, filled);
        for (int at = 0; at < fact_count; ++at)
            if (!filled[at]) refuse(subject{"fact", Plan::facts[at].id, at}, {" is not given"});
    }

    static constexpr pair_layout layout_of(int at) { return layout_of_pairs(Plan::facts[at]); }
    static constexpr int index_offset(int end) {
        int offset = 0;
        for (int at = 0; at < end; ++at)
            if (Plan::facts[at].is_sparse()) offset += layout_of(at).size();
        return offset;
    }
    /// Size of `ones`, the values of pairs that are given without values. The array is filled at
    /// run time: compilers limit the loops of constant expressions.
    static constexpr int most_pairs = [] {
        int result = 1;
        for (const auto& each : Plan::facts) result = std::max(result, each.pairs);
        return result;
    }();
    static const T* ones() noexcept {
        struct made {
            T numbers[static_cast<std::size_t>(most_pairs)];
            made() noexcept { std::fill_n(numbers, most_pairs, T(1)); }
        };
        static const made result;
        return result.numbers;
    }
    static constexpr int index_size = index_offset(Plan::facts.capacity());
    /// A large index is kept on the heap, since facts may be on the stack.
    static constexpr bool large_index = index_size > 16384;
    std::conditional_t<large_index, std::vector<std::int32_t>,
                       std::array<std::int32_t, index_size && !large_index ? index_size : 1>>
        indices_;

    static constexpr auto count_limits = [] {
        std::array<int, plan::max_counts> result{};
        for (int at = 0; at < Plan::shapes.text.counts.size(); ++at)
            result[static_cast<std::size_t>(at)] = plan::limit_of_count(Plan::shapes, at);
        return result;
    }();

    /// True if some fact passes the test. Code for kinds of facts that the program does not have is
    /// not compiled.
    template <class Test>
    static constexpr bool has_fact(Test test) {
        for (int at = 0; at < Plan::facts.capacity(); ++at)
            if (test(Plan::facts[at])) return true;
        return false;
    }

    void take(int at, const subject& what, const argument<const T>& given) {
        const auto& wanted = Plan::facts[at];
        if (wanted.kind == kind::count) {
            if (!given.is_count) refuse(what, {" is a count, given is a container"});
            if (given.count < 0) refuse(what, {" is a count and cannot be ", given.count});
            const int place = count_places<Plan>[static_cast<std::size_t>(at)];
            if (place < 0) return;
            const int limit = count_limits[static_cast<std::size_t>(place)];
            if (limit != plan::without_limit && given.count > limit)
                refuse(what,
                       {" is ", given.count, ", beyond the ", limit, " values of what it bounds"});
            counts[place] = given.count;
            return;
        }
        if (given.is_count) refuse(what, {" is a container, given is a number"});
        if (given.is_sparse != wanted.is_sparse())
            refuse(what, {(wanted.is_sparse() ? " is sparse and needs sparse_pairs()"
                                              : " is dense, given are sparse_pairs()")});
        plan::fact_shape shape = wanted;
        if (wanted.up_to) {
            shape.extents[0] = length_of(what, given.shape, wanted);
            counts[count_places<Plan>[static_cast<std::size_t>(at)]] = shape.extents[0];
        }
        if constexpr (has_fact([](const auto& each) { return each.is_sparse(); })) {
            if (wanted.is_sparse()) {
                if constexpr (large_index) indices_.resize(index_size);
                std::int32_t* memory = indices_.data() + index_offset(at);
                take_pairs(what, given, wanted, layout_of(at), memory);
                const int count = memory[pair_layout::count()];
                const bool valued = given.shape.rank > 0;
                if (!valued && (wanted.kind == kind::symbols || wanted.pair_size() != 1))
                    refuse(what, {" needs a value for each pair, given are pairs alone"});
                shape = wanted.values_of(count);
                if (!valued || count == 0) {
                    if (valued) check_shape(what, given.shape, shape.extents, shape.rank);
                    pointers[at] = ones();
                    return;
                }
            }
        }
        // A container without values may have no memory.
        const bool empty =
            wanted.up_to && shape.extents[0] == 0 && !given.symbols && !given.numbers;
        if constexpr (has_fact([](const auto& each) { return each.kind == kind::symbols; })) {
            if (wanted.kind == kind::symbols) {
                if (!given.symbols && !empty)
                    refuse(what, {" holds symbols as std::int32_t, given are numbers"});
                check_shape(what, given.shape, shape.extents, shape.rank);
                check_symbols(what, given.symbols, shape.size(), wanted.classes);
                pointers[at] = given.symbols;
                find_runs(compared_facts<Plan>, at, what, given.symbols, shape.extents[0], counts);
                return;
            }
        }
        if (!given.numbers && !empty) refuse(what, {" holds numbers, given are symbols"});
        check_shape(what, given.shape, shape.extents, shape.rank);
        check_finite(what, given.numbers, shape.size());
        pointers[at] = given.numbers;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
