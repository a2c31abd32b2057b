#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "model.hpp"

/// Intermediate values of a model.

namespace sequent::inline SEQUENT_ABI {

/// The values of a relation, as tap returns them.
template <class T, int Rank>
class tapped_values {
  public:
    /// Values in row-major order of the extents.
    tapped_values(const std::array<int, max_rank>& extents, std::vector<T> numbers)
        : extents_(extents), numbers_(std::move(numbers)) {}

    /// The values: the layers of the stacks around the relation, outermost first, then its
    /// arguments, then the dimensions of an atom's value. The view refers to this object.
    ranked_view<const T, Rank> view() const noexcept {
        ranked_view<const T, Rank> result;
        result.data = numbers_.data();
        result.rank = Rank;
        result.extents = extents_;
        int stride = 1;
        for (auto axis = static_cast<std::size_t>(Rank); axis-- > 0; stride *= extents_[axis])
            result.strides[axis] = stride;
        return result;
    }
    /// One of the values.
    template <class... Index>
    const T& operator()(Index... index) const noexcept {
        return view()(index...);
    }

  private:
    std::array<int, max_rank> extents_;
    std::vector<T> numbers_;
};

namespace model_detail {

/// The model of a plan with one relation kept.
template <class Plan, fixed_string Path>
struct tapped_model_of;
template <const auto& Program, class... Facts, fixed_string Path>
struct tapped_model_of<plan::plan_of<Program, Facts...>, Path> {
    using type = model<Program, Facts..., plan::tapped<Path>>;
    static constexpr bool known = is_well_formed<Program, Facts..., plan::tapped<Path>>;
};

/// The view of the tapped relation of a plan, the layers in front.
template <class Plan>
constexpr weight_view view_of_tapped() {
    constexpr int at = Plan::shapes.tapped;
    const auto& layout = Plan::tables.relations[at];
    const auto& of = Plan::tables.buffers[layout.index];
    const weight_view inner = view_of_relation<Plan>(at);
    weight_view result;
    result.offset = inner.offset;
    int depth = 0;
    int scopes[plan::max_loops]{};
    for (int scope = Plan::shapes.text.relations[at].scope; scope > 0;
         scope = Plan::shapes.text.scopes[scope].parent)
        scopes[depth++] = scope;
    result.rank = depth + inner.rank;
    for (int axis = 0; axis < inner.rank && result.rank <= max_rank; ++axis) {
        result.extents[depth + axis] = inner.extents[axis];
        result.strides[depth + axis] = inner.strides[axis];
    }
    // Layers between the scopes of the relation and of its buffer are parts of the buffer; those
    // around the buffer have copies of it.
    int stride = of.size;
    bool around = false;
    for (int level = 0; level < depth && result.rank <= max_rank; ++level) {
        const int axis = depth - 1 - level;
        result.extents[axis] = Plan::shapes.text.scopes[scopes[level]].repeat;
        around = around || scopes[level] == of.scope;
        if (around) {
            result.strides[axis] = stride;
            stride *= result.extents[axis];
        } else {
            result.strides[axis] = layout.each_layer ? of.size / of.parts : 0;
        }
    }
    return result;
}

/// True if a fixpoint is around the tapped relation: some of its rounds do not run.
template <class Plan>
constexpr bool is_in_fixpoint() {
    bool result = false;
    for (int scope = Plan::shapes.text.relations[Plan::shapes.tapped].scope; scope > 0;
         scope = Plan::shapes.text.scopes[scope].parent)
        result = result || Plan::shapes.text.scopes[scope].kind == plan::repetition::until_equal;
    return result;
}

/// The place of an element of square matrices among their lower triangles, in which attention may
/// store a table of its scores that a tapped model stores whole; -1 above the diagonal.
template <class View>
int place_in_triangles(const View& squares, int at) noexcept {
    const int side = squares.extents[static_cast<std::size_t>(squares.rank - 1)];
    const int row = at / side % side;
    const int column = at % side;
    if (column > row) return -1;
    return at / (side * side) * (side * (side + 1) / 2) + row * (row + 1) / 2 + column;
}

/// Runs the tapped model with the weights of a model.
template <class Model, class Tapped, class T, class Facts>
[[nodiscard]] auto tap(const parameter_block<typename Model::plan, T>& parameters,
                       const Facts& given) {
    using plan_type = typename Tapped::plan;
    static_assert(plan_type::tables.relations[plan_type::shapes.tapped].where == plan::place::value,
                  "sequent: tap: this relation is a weight or a part of a fact");
    static_assert(!is_in_fixpoint<plan_type>(),
                  "sequent: tap: within a fixpoint some rounds do not run");
    static_assert(view_of_tapped<plan_type>().rank <= max_rank,
                  "sequent: tap: layers, arguments and value have more than 6 dimensions");

    const auto own = sequent::make_unique<typename Tapped::template parameters<T>>();
    std::vector<tensor_view<const T>> from;
    Model::for_each(parameters, [&](auto, const auto& each) { from.push_back(each); });
    std::size_t weight = 0;
    Tapped::for_each(*own, [&](auto, const auto& to) {
        const tensor_view<const T>& given_weight = from[weight++];
        const bool same = given_weight.size() == to.size();
        for (int at = 0; at < to.size(); ++at)
            if (const int place = same ? at : place_in_triangles(to, at); place >= 0)
                to.element(at) = given_weight.element(place);
    });
    const auto w = sequent::make_unique<typename Tapped::template workspace<T>>();
    (void)calls<plan_type>::run_forward(*own, Tapped::template facts<T>::from(given), *w,
                                        whole_run{});

    constexpr int relation = plan_type::shapes.tapped;
    constexpr weight_view whole = view_of_tapped<plan_type>();
    weight_view view = whole;
    const weight_view limited = limited_view<plan_type, relation>(w->counts);
    const int layers = whole.rank - limited.rank;
    for (int axis = 0; axis < limited.rank; ++axis)
        view.extents[layers + axis] = limited.extents[axis];
    const tensor_view<const T> values = to_tensor(view, static_cast<const T*>(w->numbers));
    std::vector<T> numbers(static_cast<std::size_t>(values.size()));
    for (int at = 0; at < values.size(); ++at)
        numbers[static_cast<std::size_t>(at)] = values.element(at);
    return tapped_values<T, whole.rank>(values.extents, std::move(numbers));
}

}  // namespace model_detail

/// Runs a forward pass and returns the values of any relation of the program that has a rule, for
/// example the attention weights of all layers of a stack:
///
///     const auto weights = sequent::tap<Model, "layers.weights">(p, {x});
///     weights(layer, row, column)
///
/// Path is the name of the relation, after those of the stacks around it, separated by dots. It may
/// be a relation that Model itself computes within a fused step: tap plans the program again, so
/// that this relation has memory of its own. The values agree with those of Model up to rounding.
/// Tap is for inspection: it allocates the memory of training and copies the parameters.
///
/// A relation that ends with a count or a length ends there in the result. Does not compile if the
/// program has no such relation, if it has no memory of its own because it is a weight or a part of
/// a fact, if it is within a fixpoint, of which some rounds do not run, or if layers, arguments and
/// value have more than 6 dimensions together.
template <class Model, language::fixed_string Path, class T>
[[nodiscard]] auto tap(
    const model_detail::parameter_block<typename Model::plan, T>& parameters,
    const std::type_identity_t<typename Model::template facts_of_call<T>>& given) {
    using found = model_detail::tapped_model_of<typename Model::plan, Path>;
    if constexpr (found::known) {
        return model_detail::tap<Model, typename found::type>(parameters, *given);
    } else {
        static_assert(
            sizeof(check_name<plan::named_as<Path>, mistake::query_of_an_unknown_relation>) > 0);
        return tensor_view<const T>{};
    }
}

}  // namespace sequent::inline SEQUENT_ABI
