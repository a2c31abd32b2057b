#pragma once

#include <span>
#include <vector>

#include "../kernel.hpp"
#include "condition.hpp"

/// Enumerates the assignments of a general step's variables. If a sparse fact or a function of two
/// variables must hold, only their pairs are visited.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::general_step;
using plan::pair_join;

/// The position in the order of a general step's loops from which on a variable's value is known.
template <class Step>
constexpr int place_in_order(const Step& step, int variable) {
    int place = 0;
    while (step.order[place] != variable) ++place;
    return place;
}

/// For each value of the outer one of two variables, the values of the inner one for which a
/// function holds.
template <class Plan, int At>
class listed_pairs {
    static constexpr general_step step = Plan::template general_at<At>;

  public:
    static constexpr bool any = step.listed.decision >= 0;
    static constexpr bool right_is_inner = [] {
        if constexpr (any)
            return place_in_order(step, step.listed.left) < place_in_order(step, step.listed.right);
        else
            return false;
    }();
    static constexpr int outer = right_is_inner ? step.listed.left : step.listed.right;
    static constexpr int inner = right_is_inner ? step.listed.right : step.listed.left;
    static constexpr int place = [] {
        if constexpr (any)
            return place_in_order(step, inner);
        else
            return -1;
    }();

    static std::span<const int> inner_values(int of) noexcept {
        (void)&maker;
        const pairs& all = made();
        const int begin = all.begins[static_cast<std::size_t>(of)];
        const int end = all.begins[static_cast<std::size_t>(of) + 1];
        return {all.values.data() + begin, static_cast<std::size_t>(end - begin)};
    }

  private:
    struct pairs {
        std::vector<int> begins{};
        std::vector<int> values{};
    };
    static const pairs& made() {
        static const pairs result = [] {
            constexpr plan::decision_function holds =
                Plan::shapes.text.decisions[step.listed.decision];
            pairs all;
            for (int one = 0; one < step.extents[outer]; ++one) {
                all.begins.push_back(static_cast<int>(all.values.size()));
                for (int other = 0; other < step.extents[inner]; ++other)
                    if (right_is_inner ? holds(one, other) : holds(other, one))
                        all.values.push_back(other);
            }
            all.begins.push_back(static_cast<int>(all.values.size()));
            return all;
        }();
        return result;
    }
    static inline const kernel::table_maker maker{[] { (void)made(); }};
};

template <class Plan, int At, class T>
class assignments {
    static constexpr general_step step = Plan::template general_at<At>;
    static constexpr int joins = step.joins.size();
    using listed = listed_pairs<Plan, At>;

  protected:
    const bindings<T>& bound_;
    int index_[plan::max_variables]{};
    int pair_[joins > 0 ? joins : 1]{};  // number of the current pair of each join
    kernel::row_range rows_{};           // values of the variable `ranged`

    static constexpr bool in_state = requires { Plan::template position_of_general<At>; };
    /// In a state's plan: the position variable, of which a run takes only some values unless it is
    /// the time of a recursion, and the variable whose values are near it; else -1. In other plans:
    /// the rows that continue the row before, and what they add.
    static constexpr int position = [] {
        if constexpr (in_state)
            return Plan::template position_of_general<At>;
        else
            return step.running_row;
    }();
    static constexpr int ranged = position == step.time ? -1 : position;
    static constexpr plan::column_bound nearby = [] {
        if constexpr (!in_state)
            return step.running;
        else if constexpr (position >= 0)
            return Plan::template bound_of_general<At>;
        else
            return plan::column_bound{};
    }();

    explicit assignments(const bindings<T>& bound) noexcept : bound_(bound) {}

    template <int Root>
    int evaluate_node() const noexcept {
        return model_detail::evaluate_node<Plan, Root>(bound_, index_);
    }

    /// True if condition `Root` holds; loops below a count have checked their part of it.
    template <int Root>
    bool holds() const noexcept {
        using plan::node_kind;
        constexpr plan::node top = Plan::template node_at<Root>;
        if constexpr (top.kind == node_kind::conjunction)
            return holds<top.left>() && holds<top.right>();
        else if constexpr (ends_loop<Root>())
            return true;
        else
            return evaluate_node<Root>();
    }

    int value_of(const plan::term& at) const noexcept {
        return offset_of(at) + (at.variable >= 0 ? index_[at.variable] : 0);
    }
    /// An argument without its first variable.
    int offset_of(const plan::term& at) const noexcept {
        return at.offset + (at.second >= 0 ? at.factor * index_[at.second] : 0);
    }

    /// Calls body() for each value of the variables order[From] .. order[To - 1] for which all
    /// joins known by then hold.
    template <int From, int To, class Body>
    SEQUENT_INLINE void each(Body& body) noexcept {
        if constexpr (From == 0)
            if (!find_pairs<-1>()) return;
        each_value<From, To>(body);
    }

  private:
    /// True if condition `Root` says that a variable is below a count, at which its loop ends.
    template <int Root>
    static constexpr bool ends_loop() {
        constexpr plan::node top = Plan::template node_at<Root>;
        if constexpr (top.kind != plan::node_kind::less) {
            return false;
        } else {
            constexpr plan::node variable = Plan::template node_at<top.left>;
            constexpr plan::node count = Plan::template node_at<top.right>;
            if (variable.kind != plan::node_kind::variable ||
                count.kind != plan::node_kind::count || variable.value == step.time ||
                variable.value == ranged || variable.value == nearby.variable)
                return false;
            return (step.counts[variable.value] >> count.value & 1u) != 0;
        }
    }

    /// The position in the order from which on a term's value is known; -1 for a constant.
    static constexpr int known_from(const plan::term& at) {
        const int first = at.variable < 0 ? -1 : place_in_order(step, at.variable);
        return at.second < 0 ? first : std::max(first, place_in_order(step, at.second));
    }
    /// True if the value of a term gives that of the variable at `place`.
    static constexpr bool gives(const plan::term& at, int place) {
        return at.variable >= 0 && place_in_order(step, at.variable) == place &&
               (at.second < 0 || place_in_order(step, at.second) < place);
    }
    /// The join whose pairs give the values of the variable at `place`, or -1.
    static constexpr int generator(int place) {
        for (int at = 0; at < joins; ++at) {
            const pair_join& join = step.joins[at];
            if (join.optional) continue;
            if ((gives(join.row, place) && known_from(join.column) < place) ||
                (gives(join.column, place) && known_from(join.row) < place))
                return at;
        }
        return -1;
    }

    /// Finds the pairs of the joins that are known from `Place` on. Returns true if all exist.
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

    /// Upper bound, exclusive, of the visited values of a variable.
    template <int Variable>
    int end_of() const noexcept {
        return plan::least_count(step.counts[Variable], step.extents[Variable], bound_.counts);
    }

    template <int Place, int To, class Body>
    SEQUENT_INLINE void each_value(Body& body) noexcept {
        if constexpr (Place == To) {
            body();
        } else {
            constexpr int variable = step.order[Place];
            constexpr int made_by = generator(Place);
            if constexpr (variable == step.time) {
                index_[variable] = bound_.layer[step.level] - step.delay;
                if (find_pairs<Place>()) each_value<Place + 1, To>(body);
            } else if constexpr (Place == listed::place) {
                for (const int value : listed::inner_values(index_[listed::outer])) {
                    if constexpr (variable == ranged)
                        if (value < rows_.begin || value >= rows_.end) continue;
                    if (value >= end_of<variable>()) break;
                    index_[variable] = value;
                    each_value<Place + 1, To>(body);
                }
            } else if constexpr (variable == ranged) {
                for (index_[variable] = rows_.begin; index_[variable] < rows_.end;
                     ++index_[variable])
                    each_value<Place + 1, To>(body);
            } else if constexpr (variable == nearby.variable && made_by < 0) {
                const int end =
                    std::min(index_[position] + nearby.ahead + 1, step.extents[variable]);
                for (index_[variable] = std::max(0, index_[position] - nearby.back);
                     index_[variable] < end; ++index_[variable])
                    if (find_pairs<Place>()) each_value<Place + 1, To>(body);
            } else if constexpr (made_by < 0) {
                const int end = end_of<variable>();
                for (index_[variable] = 0; index_[variable] < end; ++index_[variable])
                    if (find_pairs<Place>()) each_value<Place + 1, To>(body);
            } else {
                constexpr pair_join join = step.joins[made_by];
                constexpr bool forward = gives(join.column, Place);
                constexpr plan::term made = forward ? join.column : join.row;
                const auto index = pairs_of<Plan, join.fact>(bound_);
                const int other = value_of(forward ? join.row : join.column);
                constexpr pair_layout layout = pair_layout_of<Plan, join.fact>();
                if (other < 0 || other >= (forward ? layout.rows : layout.columns)) return;
                const neighbours found = forward ? index.of_row(other) : index.of_column(other);
                const int end = end_of<variable>();
                const int moved = offset_of(made);
                for (int at = made.second < 0 ? 0 : found.first_from(moved); at < found.count;
                     ++at) {
                    index_[variable] = found.others[at] - moved;
                    if (index_[variable] < 0) continue;
                    if (index_[variable] >= end) break;
                    pair_[made_by] = found.pairs[at];
                    if (find_pairs<Place>()) each_value<Place + 1, To>(body);
                }
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
