#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "../fail.hpp"
#include "../language.hpp"
#include "../plan/list.hpp"
#include "tensor_view.hpp"

/// Turns a caller's containers into the pointers that kernels take, and checks them once.

namespace sequent::inline SEQUENT_ABI {

/// A fact, an output's gradient or a count does not fit the model. The message names it and both
/// figures.
struct argument_error : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

namespace model_detail {

/// "16 x 64", for messages.
template <class Int>
std::string extents_text(const Int* extents, int rank) {
    if (rank == 0) return "a scalar";
    std::string result = std::to_string(extents[0]);
    for (int axis = 1; axis < rank; ++axis)
        result.append(" x ").append(std::to_string(extents[axis]));
    return result;
}

/// The extents of a container: of a span or vector its length, of nested arrays all, of anything
/// with shape() what that says.
struct extents {
    int rank = 0;
    std::array<long, 8> at{};
    bool shaped = false;  // the extents are those of the values, not only their number
    bool contiguous = true;

    constexpr long size() const {
        long product = 1;
        for (int axis = 0; axis < rank; ++axis) product *= at[static_cast<std::size_t>(axis)];
        return product;
    }
    std::string text() const { return extents_text(at.data(), rank); }
};

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t Size>
inline constexpr bool is_std_array<std::array<T, Size>> = true;
template <class T>
inline constexpr bool is_view = false;
template <class T>
inline constexpr bool is_view<tensor_view<T>> = true;

template <class X>
concept has_shape = requires(const X& x) {
    x.shape();
    x.data();
    x.strides();
};

/// The first element of a container of any nesting, and its extents.
template <class X>
auto* unwrap(X& x, extents& found) {
    using container = std::remove_cv_t<X>;
    if constexpr (is_view<container>) {
        int stride = 1;
        for (int axis = x.rank; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            found.contiguous = found.contiguous && x.strides[place] == stride;
            stride *= x.extents[place];
        }
        for (int axis = 0; axis < x.rank; ++axis)
            found.at[static_cast<std::size_t>(found.rank++)] =
                x.extents[static_cast<std::size_t>(axis)];
        found.shaped = true;
        return x.data;
    } else if constexpr (has_shape<container>) {
        long stride = 1;
        const auto rank = static_cast<int>(x.shape().size());
        for (int axis = rank; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            const long extent = static_cast<long>(x.shape()[place]);
            // A stride of an axis of one element may be anything.
            found.contiguous = found.contiguous && (extent == 1 || x.strides()[place] == stride);
            stride *= extent;
        }
        for (int axis = 0; axis < rank; ++axis)
            found.at[static_cast<std::size_t>(found.rank++)] =
                static_cast<long>(x.shape()[static_cast<std::size_t>(axis)]);
        found.shaped = true;
        if constexpr (requires { x.data_offset(); })
            return x.data() + x.data_offset();
        else
            return x.data();
    } else if constexpr (std::is_array_v<container> || is_std_array<container>) {
        found.at[static_cast<std::size_t>(found.rank++)] = static_cast<long>(std::size(x));
        using inner = std::remove_reference_t<decltype(x[0])>;
        if constexpr (std::is_arithmetic_v<std::remove_cv_t<inner>>)
            return &x[0];
        else
            return unwrap(x[0], found);
    } else {
        static_assert(std::ranges::contiguous_range<X>,
                      "sequent: a fact is a contiguous container, a span, a nested array, a "
                      "tensor_view or an xtensor container");
        found.at[static_cast<std::size_t>(found.rank++)] = static_cast<long>(std::ranges::size(x));
        return std::ranges::data(x);
    }
}

/// One argument with its type forgotten. Element says what the values must be: const T for facts,
/// T where they are written.
template <class Element>
struct argument {
    plan::name id{};
    Element* numbers = nullptr;
    const std::int32_t* symbols = nullptr;
    int count = 0;
    bool is_count = false;
    extents shape{};

    argument() = default;

    template <language::fixed_string Name, class Value>
    argument(language::named_argument<Name, Value> named) : argument(named.value) {
        id = plan::make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    }

    template <class Value>
        requires(!std::is_same_v<std::remove_cvref_t<Value>, argument>)
    argument(Value&& value) {
        using plain = std::remove_cvref_t<Value>;
        if constexpr (std::is_integral_v<plain>) {
            count = static_cast<int>(value);
            is_count = true;
        } else {
            auto* first = unwrap(value, shape);
            using found = std::remove_pointer_t<decltype(first)>;
            if constexpr (std::is_convertible_v<found*, Element*>) {
                numbers = first;
            } else {
                static_assert(std::is_same_v<std::remove_cv_t<found>, std::int32_t>,
                              "sequent: a fact holds numbers of the parameters' type, or symbols "
                              "as std::int32_t");
                symbols = first;
            }
        }
    }
};

/// Throws unless the container has the expected extents; a flat one of the right size will do.
inline void check_shape(const std::string& what, const extents& given, const int* expected,
                        int rank) {
    long size = 1;
    for (int axis = 0; axis < rank; ++axis) size *= expected[axis];
    bool same = given.size() == size;
    if (given.rank > 1 || given.shaped) {
        same = same && given.rank == rank;
        for (int axis = 0; same && axis < rank; ++axis)
            same = given.at[static_cast<std::size_t>(axis)] == expected[axis];
    }
    if (!same)
        fail<argument_error>("sequent: " + what + " needs the shape " +
                             extents_text(expected, rank) + ", given is " + given.text());
    if (!given.contiguous)
        fail<argument_error>("sequent: " + what +
                             " needs contiguous row-major values, given is a strided view");
}

}  // namespace model_detail
}  // namespace sequent::inline SEQUENT_ABI
