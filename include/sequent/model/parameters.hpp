#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "../kernel/simd.hpp"
#include "../plan/plan.hpp"
#include "random.hpp"
#include "tensor_view.hpp"

/// The learned weights of a model: one flat block, read through named views.

namespace sequent::inline SEQUENT_ABI::model_detail {

using language::fixed_string;

/// A weight as the library sees it: offset, extents (layers, indices, rows, columns), strides and
/// how it is used.
struct weight_view {
    int offset = 0;           ///< of the first element in the block
    int rank = 0;             ///< number of dimensions
    int value_rank = 0;       ///< number of these that belong to one value
    int indices = 0;          ///< number of arguments in the rules
    int extents[max_rank]{};  ///< extents of the dimensions
    int strides[max_rank]{};  ///< strides of the dimensions, in elements
    bool trained = false;     ///< true if it has a gradient
    bool gain = false;        ///< true for the gain of a norm
    bool looked_up = false;   ///< true if symbols select its rows
    bool bare = false;        ///< true for a bias or a table
    bool repeated = false;    ///< true if it is added to several atoms, as a bias of each head is
};

/// View of weight `at` in the parameters.
template <class Plan>
constexpr weight_view view_of_weight(int at) {
    constexpr auto& shapes = Plan::shapes;
    constexpr auto& tables = Plan::tables;
    const plan::weight& declared = shapes.text.weights[at];
    const plan::weight_shape& shape = shapes.weights[at];
    const plan::weight_layout& layout = tables.weights[at];
    weight_view result;
    result.offset = layout.offset + tables.scope_offset[declared.scope];
    auto push = [&](int extent, int stride) {
        result.extents[result.rank] = extent;
        result.strides[result.rank++] = stride;
    };
    int scopes[plan::max_depth]{};
    int depth = 0;
    for (int scope = declared.scope; scope > 0; scope = shapes.text.scopes[scope].parent)
        if (!shapes.text.scopes[scope].shares()) scopes[depth++] = scope;
    while (depth-- > 0)
        push(shapes.text.scopes[scopes[depth]].repeat, tables.scope_parameters[scopes[depth]]);
    const int indices = layout.packed ? shape.arity - 2 : shape.arity;
    for (int axis = 0; axis < indices; ++axis) push(shape.extents[axis], layout.strides[axis]);
    if (layout.packed) push(plan::packed_row(shape.extents[indices]), 1);
    if (declared.rank > 0) push(declared.shape[0], layout.row);
    if (declared.rank > 1) push(declared.shape[1], layout.column);
    result.value_rank = declared.rank;
    result.indices = shape.arity;
    result.trained = shape.trained;
    result.looked_up = shape.looked_up;
    for (const plan::literal& item : shapes.text.literals)
        if (item.kind == plan::literal_kind::weight && item.weight.weight == at) result.bare = true;
    for (const plan::rule& written : shapes.text.rules) {
        for (const plan::transformation_use& use : written.transformations) {
            if (use.weights[0].weight == at) result.gain = true;
            if (use.weights[1].weight == at) result.bare = true;
        }
        if (written.literals < 2 || written.combined != language::combination::sum) continue;
        for (int body = 0; body < written.literals; ++body) {
            const plan::literal& item = shapes.text.literals[written.first_literal + body];
            if (item.kind == plan::literal_kind::weight && item.weight.weight == at &&
                (written.head_variables() &
                 ~plan::variables_in(item.weight.terms, item.weight.arity)))
                result.repeated = true;
        }
    }
    return result;
}

/// The name of a weight as files have it: the weights of a block carry the relation that stacks the
/// block, "layers.W_q".
struct full_name {
    char text[128]{};
    int length = 0;

    /// Puts `part` in front, followed by a dot if `dot`.
    constexpr void prepend(const plan::name& part, bool dot) {
        const int added = part.length + (dot ? 1 : 0);
        for (int at = length; at-- > 0;) text[at + added] = text[at];
        for (int at = 0; at < part.length; ++at) text[at] = part.text[at];
        if (dot) text[part.length] = '.';
        length += added;
    }
};

/// The name of something in a scope, after those of the stacks around it.
template <class Text>
constexpr full_name name_in_scope(const Text& text, const plan::name& id, int scope) {
    full_name result;
    result.prepend(id, false);
    for (; scope > 0; scope = text.scopes[scope].parent)
        result.prepend(text.relations[text.rules[text.scopes[scope].rule].head].id, true);
    return result;
}

/// Full name of weight `at`.
template <class Plan>
constexpr full_name name_of_weight(int at) {
    constexpr auto& text = Plan::shapes.text;
    return name_in_scope(text, text.weights[at].id, text.weights[at].scope);
}

/// The characters of a name in an array of exactly that size.
template <class Plan, int At>
inline constexpr auto characters_of_name = [] {
    constexpr full_name name = name_of_weight<Plan>(At);
    std::array<char, static_cast<std::size_t>(name.length)> result{};
    std::copy_n(name.text, name.length, result.begin());
    return result;
}();

/// A weight's full name and view.
struct named_weight {
    std::string_view name;
    weight_view view;
};

/// The weights that rules use, in the order in which the program names them.
template <class Plan>
inline constexpr auto named_weights = [] {
    constexpr auto& shapes = Plan::shapes;
    constexpr int count = [] {
        int result = 0;
        for (int at = 0; at < shapes.text.weights.size(); ++at)
            result += shapes.weights[at].uses > 0 ? 1 : 0;
        return result;
    }();
    std::array<named_weight, static_cast<std::size_t>(count)> result{};
    std::size_t used = 0;
    kernel::unroll<shapes.text.weights.size()>([&](auto index) {
        if constexpr (shapes.weights[index()].uses > 0) {
            constexpr auto& name = characters_of_name<Plan, index()>;
            result[used++] = {{name.data(), name.size()}, view_of_weight<Plan>(index())};
        }
    });
    return result;
}();

/// Index of the weight of this name; -1 if there is none, -2 if several stacks have one.
template <class Plan, fixed_string Name>
consteval int find_weight() {
    constexpr plan::name id =
        plan::make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    int found = -1;
    for (int at = 0; at < Plan::shapes.text.weights.size(); ++at)
        if (Plan::shapes.text.weights[at].id == id) found = found == -1 ? at : -2;
    return found;
}

/// Turns a weight_view into a tensor_view of the numbers from `base` on.
template <class T>
constexpr tensor_view<T> to_tensor(const weight_view& view, T* base) {
    tensor_view<T> result;
    result.data = base + view.offset;
    result.rank = view.rank;
    std::copy_n(view.extents, max_rank, result.extents.begin());
    std::copy_n(view.strides, max_rank, result.strides.begin());
    return result;
}

/// Likewise with static rank.
template <int Rank, class T>
constexpr ranked_view<T, Rank> to_tensor(const weight_view& view, T* base) {
    return {to_tensor(view, base)};
}

/// The type of `{}` in `block = {}`: zeros are written in place. A temporary of the block's size
/// might not fit on the stack.
enum class zeros {};

/// All weights of a model: Model::parameters<T>. One block of numbers of type T, aligned to 64
/// bytes and trivially copyable; a gradient or an optimizer's moment has the same layout. The
/// padding between weights stays zero. Allocate large models by make_unique.
template <class Plan, class T>
struct alignas(64) parameter_block {
    /// The number type of the weights.
    using number = T;
    /// Number of elements, padding included; at least 1.
    static constexpr int size = Plan::tables.parameters > 0 ? Plan::tables.parameters : 1;

    /// All weights, in the library's own order.
    T numbers[static_cast<std::size_t>(size)]{};

    /// `p = {}` sets all weights to zero.
    parameter_block& operator=(zeros) noexcept {
        std::fill_n(numbers, size, T(0));
        return *this;
    }

    /// The first element.
    T* data() noexcept { return numbers; }
    /// The first element.
    const T* data() const noexcept { return numbers; }
    /// All elements, for optimizers and files.
    std::span<T, static_cast<std::size_t>(size)> flat() noexcept {
        return std::span<T, static_cast<std::size_t>(size)>(numbers);
    }
    /// All elements.
    std::span<const T, static_cast<std::size_t>(size)> flat() const noexcept {
        return std::span<const T, static_cast<std::size_t>(size)>(numbers);
    }

    /// View of a declared weight, p[W_q]: a ranked_view with the dimensions layers (of the stacks
    /// around it), indices, rows (outputs), columns (inputs). If attention reads only the entries j
    /// <= i of a table R(i, j), only these are stored, as one dimension: entry (i, j) is element i
    /// (i + 1) / 2 + j. Does not compile if the model has no weight of this name, or if several
    /// stacks have one.
    template <fixed_string Name, int... Shape>
    auto operator[](language::weight<Name, Shape...>) noexcept {
        return view<Name, T>(numbers);
    }
    /// Likewise, read-only.
    template <fixed_string Name, int... Shape>
    auto operator[](language::weight<Name, Shape...>) const noexcept {
        return view<Name, const T>(numbers);
    }

  private:
    template <fixed_string Name, class U>
    static constexpr auto view(U* base) noexcept {
        constexpr int at = find_weight<Plan, Name>();
        using reason =
            std::conditional_t<at == -1, mistake::no_weight_of_this_name,
                               mistake::several_stacks_have_a_weight_of_this_name_use_for_each>;
        if constexpr (at >= 0) {
            constexpr weight_view found = view_of_weight<Plan>(at);
            return to_tensor<found.rank>(found, base);
        } else {
            static_assert(sizeof(check_name<plan::named_as<Name>, reason>) > 0);
            return tensor_view<U>{};
        }
    }
};

/// Number of weights without padding.
template <class Plan>
constexpr int count_parameters() {
    int count = 0;
    for (int at = 0; at < Plan::shapes.text.weights.size(); ++at) {
        if (Plan::shapes.weights[at].uses == 0) continue;
        const weight_view view = view_of_weight<Plan>(at);
        int size = 1;
        for (int axis = 0; axis < view.rank; ++axis) size *= view.extents[axis];
        count += size;
    }
    return count;
}

/// Initial values of weights; see model::initialize. Tables of numbers that are never trained have
/// standard deviation 1.
template <class T>
SEQUENT_COLD void initialize_parameters(std::span<const named_weight> weights, T* base,
                                        std::uint64_t seed) {
    random_numbers random(seed);
    for (const auto& [name, view] : weights) {
        const tensor_view<T> to = to_tensor(view, base);
        const bool bias = view.bare && view.value_rank == 1 && view.indices == 0;
        const bool stays = view.bare && !view.trained && view.value_rank == 0;
        const double deviation =
            stays                                   ? 1
            : view.repeated && view.value_rank == 1 ? 0  // a bias of each head
            : view.looked_up || view.bare || view.value_rank < 2
                ? 0.02
                : 1 / std::sqrt(static_cast<double>(view.extents[view.rank - 1]));
        for (int at = 0; at < to.size(); ++at)
            to.element(at) = view.gain ? T(1)
                             : bias    ? T(0)
                                       : static_cast<T>(deviation * random.normal());
    }
}

/// Sets the elements of trained matrices to 1.
template <class T>
SEQUENT_COLD void mark_matrices(std::span<const named_weight> weights, T* base) {
    for (const auto& [name, view] : weights) {
        if (view.value_rank != 2 || !view.trained) continue;
        const tensor_view<T> to = to_tensor(view, base);
        for (int at = 0; at < to.size(); ++at) to.element(at) = T(1);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
