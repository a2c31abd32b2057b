#pragma once

#include <initializer_list>
#include <type_traits>

#include "given.hpp"
#include "output_layout.hpp"

/// The gradients of outputs and facts that a call is given, checked and stored as pointers.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The gradients of the outputs: Model::output_gradients<T>, in the order of the outputs or by
/// name. Throws argument_error if one is missing, belongs to no output or has another shape than
/// its output. Refers to the containers, as facts do.
template <class Plan, class T>
class given_output_gradients {
    using layout = output_layout<Plan>;
    static constexpr int outputs = layout::count;
    static constexpr bool has_lengths = length_counts<Plan> != 0;

  public:
    using given_together = given_output_gradients;

    /// The gradients of all outputs.
    given_output_gradients(std::initializer_list<kept_argument<const T>> given) { take_all(given); }
    /// The gradient of the only output.
    template <class Value>
        requires(!is_fact_set<std::remove_cvref_t<Value>>)
    given_output_gradients(Value&& only) {
        take_all(std::initializer_list<kept_argument<const T>>{static_cast<Value&&>(only)});
    }
    /// Gradients for a single call: temporaries are allowed.
    given_output_gradients(std::initializer_list<argument<const T>> given, temporaries_too) {
        take_all(given);
    }

    /// First element of each gradient.
    const T* pointers[outputs > 0 ? outputs : 1]{};

    /// Throws argument_error unless the gradients of outputs that follow a fact's length have that
    /// length.
    void check_lengths(const int* counts) const {
        if constexpr (has_lengths) [&]<int... At>(std::integer_sequence<int, At...>) {
                (check_length<At>(counts), ...);
            }
        (std::make_integer_sequence<int, outputs>{});
    }

  private:
    extents shapes_[has_lengths && outputs > 0 ? outputs : 1]{};

    template <int At>
    void check_length(const int* counts) const {
        const auto view = limited_view<Plan, Plan::shapes.outputs[At]>(counts);
        check_shape({"the gradient of output", layout::names[At]}, shapes_[At], view.extents,
                    view.rank);
    }

    template <class List>
    void take_all(const List& given) {
        kernel::table_maker::make_all();
        int position = 0;
        for (const auto& each : given) take(each, position++);
        for (int at = 0; at < outputs; ++at)
            if (!pointers[at])
                fail_with<argument_error>(
                    {"sequent: the gradient of output number ", at + 1, " is not given"});
    }

    void take(const argument<const T>& given, int position) {
        for (int at = 0; at < outputs; ++at) {
            const auto& id = layout::names[at];
            if (given.id.length ? !(id == given.id) : at != position) continue;
            const weight_view& view = layout::whole_views[at];
            if constexpr (has_lengths)
                shapes_[at] = given.shape;
            else
                check_shape({"the gradient of output", id}, given.shape, view.extents, view.rank);
            // A container without numbers may have no memory; `nothing` is never read.
            static constexpr T nothing{};
            pointers[at] = given.numbers ? given.numbers : &nothing;
            return;
        }
        fail<argument_error>("sequent: a gradient is given for what is no output");
    }
};

/// The gradients of one call: an object of type output_gradients, a braced list or a single
/// container.
template <class Plan, class T>
class gradients_of_one_call
    : public of_one_call<given_output_gradients<Plan, T>, argument<const T>> {
    using base = of_one_call<given_output_gradients<Plan, T>, argument<const T>>;

  public:
    using base::base;
    template <class Value>
        requires(!is_fact_set<std::remove_cvref_t<Value>>)
    gradients_of_one_call(Value&& only)
        : base(std::initializer_list<argument<const T>>{static_cast<Value&&>(only)}) {}
};

/// Where backward adds the gradients of dense facts: Model::fact_gradients<T>, in order or by name.
/// Default: none are computed. Throws argument_error for facts of symbols, counts or another shape.
/// The gradient of a sparse fact has room for all pairs that the fact may have. Refers to the
/// containers.
template <class Plan, class T>
class given_fact_gradients {
    static constexpr bool has_lengths = length_counts<Plan> != 0;

  public:
    /// No gradients of facts.
    given_fact_gradients() = default;
    /// The containers to add to; facts that are not named get no gradient.
    given_fact_gradients(std::initializer_list<kept_argument<T>> given) {
        int position = 0;
        for (const auto& each : given) {
            const int at = each.id.length ? place_of_fact<Plan>(each.id) : position++;
            if (at < 0 || at >= Plan::facts.capacity() ||
                Plan::facts[at].kind != plan::fact_kind::dense || !each.numbers)
                fail<argument_error>("sequent: only dense facts have gradients");
            // The gradient of a sparse fact has room for all pairs that the fact may have.
            const auto& of = Plan::facts[at];
            auto shape = of.is_sparse() ? of.values_of(of.pairs) : of;
            const subject what{"the gradient of fact", of.id, at};
            if constexpr (has_lengths)
                if (of.up_to)
                    lengths_[at].number = shape.extents[0] = length_of(what, each.shape, of);
            check_shape(what, each.shape, shape.extents, shape.rank);
            pointers[at] = each.numbers;
        }
    }

    /// First element of each gradient; null if none is computed.
    T* pointers[max_facts]{};

    /// Throws argument_error unless the gradients of facts have the lengths of the facts.
    void check_lengths(const int* counts) const {
        if constexpr (has_lengths)
            for (int at = 0; at < Plan::facts.capacity(); ++at) {
                const auto& of = Plan::facts[at];
                if (!pointers[at] || !of.up_to) continue;
                const int length = given_shape<Plan>(at, counts).extents[0];
                const int given = lengths_[at].number;
                if (given >= 0 && given != length)
                    refuse({"the gradient of fact", of.id, at},
                           {" has the length ", given, ", the fact that is given has ", length});
            }
    }

  private:
    struct told_length {
        int number = -1;  // if the pointer was set directly
    };
    told_length lengths_[has_lengths ? max_facts : 1]{};
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
