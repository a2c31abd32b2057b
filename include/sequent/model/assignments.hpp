#pragma once

#include "../kernel.hpp"
#include "condition.hpp"

/// The assignments of a general step's variables, one after another. Where a sparse fact must hold,
/// only its pairs are visited.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::general_step;
using plan::pair_join;

template <class Plan, int At, class T>
class assignments {
    static constexpr general_step step = Plan::template general_at<At>;
    static constexpr int joins = step.joins.size();

  protected:
    const bindings<T>& bound_;
    int index_[plan::max_variables]{};
    int pair_[joins > 0 ? joins : 1]{};  // the number of each join's pair

    explicit assignments(const bindings<T>& bound) noexcept : bound_(bound) {}

    template <int Root>
    int evaluate_node() const noexcept {
        return model_detail::evaluate_node<Plan, Root>(bound_, index_);
    }

    int value_of(const plan::term& at) const noexcept {
        return at.offset + (at.variable >= 0 ? index_[at.variable] : 0);
    }

    /// Calls body() for each value of the variables order[From] .. order[To - 1] with which all
    /// joins hold that are known by then.
    template <int From, int To, class Body>
    SEQUENT_INLINE void each(Body& body) noexcept {
        if constexpr (From == 0)
            if (!find_pairs<-1>()) return;
        each_value<From, To>(body);
    }

  private:
    /// The place in the order from which on a term's value is known; -1 of a constant.
    static constexpr int known_from(const plan::term& at) {
        if (at.variable < 0) return -1;
        int place = 0;
        while (step.order[place] != at.variable) ++place;
        return place;
    }
    /// The join whose pairs give the values of the variable at `place`, or -1.
    static constexpr int generator(int place) {
        for (int at = 0; at < joins; ++at) {
            const pair_join& join = step.joins[at];
            if (join.optional || join.row.variable == join.column.variable) continue;
            const int row = known_from(join.row);
            const int column = known_from(join.column);
            if ((row == place && column < place) || (column == place && row < place)) return at;
        }
        return -1;
    }

    /// Finds the pairs of the joins that are known from `Place` on; whether all are there.
    template <int Place>
    SEQUENT_INLINE bool find_pairs() noexcept {
        bool found = true;
        kernel::unroll<joins>([&](auto index) __attribute__((always_inline)) {
            constexpr int at = decltype(index)::value;
            constexpr pair_join join = step.joins[at];
            if constexpr (std::max(known_from(join.row), known_from(join.column)) == Place &&
                          (Place < 0 || generator(Place < 0 ? 0 : Place) != at)) {
                if (!found) return;
                pair_[at] = pairs_of<Plan, join.fact>(bound_).find(value_of(join.row),
                                                                   value_of(join.column));
                found = join.optional || pair_[at] >= 0;
            }
        });
        return found;
    }

    template <int Place, int To, class Body>
    SEQUENT_INLINE void each_value(Body& body) noexcept {
        if constexpr (Place == To) {
            body();
        } else {
            constexpr int variable = step.order[Place];
            constexpr int made_by = generator(Place);
            if constexpr (made_by < 0) {
                for (index_[variable] = 0; index_[variable] < step.extents[variable];
                     ++index_[variable])
                    if (find_pairs<Place>()) each_value<Place + 1, To>(body);
            } else {
                constexpr pair_join join = step.joins[made_by];
                constexpr bool forward = join.column.variable == variable;
                constexpr plan::term made = forward ? join.column : join.row;
                const auto index = pairs_of<Plan, join.fact>(bound_);
                const int other = value_of(forward ? join.row : join.column);
                constexpr int extent =
                    forward ? Plan::facts[join.fact].extents[0] : Plan::facts[join.fact].extents[1];
                if (other < 0 || other >= extent) return;
                const neighbours found = forward ? index.of_row(other) : index.of_column(other);
                for (int at = 0; at < found.count; ++at) {
                    index_[variable] = found.others[at] - made.offset;
                    if (index_[variable] < 0 || index_[variable] >= step.extents[variable])
                        continue;
                    pair_[made_by] = found.pairs[at];
                    if (find_pairs<Place>()) each_value<Place + 1, To>(body);
                }
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
