#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "../fail.hpp"
#include "../joined_text.hpp"
#include "../kernel.hpp"
#include "../language.hpp"
#include "../plan/list.hpp"
#include "../plan/shape.hpp"
#include "pair_index.hpp"
#include "tensor_view.hpp"
#include "view_of.hpp"

/// Turns the containers of the caller into the pointers that kernels take, and checks them once.

namespace sequent::inline SEQUENT_ABI {

/// A sparse fact as an argument, made by sparse_pairs(). Pairs and Values are lvalue reference
/// types unless the containers are temporaries.
template <class Pairs, class Values>
struct sparse_argument {
    /// The pairs.
    Pairs&& pairs;
    /// Their values.
    Values&& values;
};
/// A sparse fact without values: each pair has the value 1.
template <class Pairs>
struct sparse_argument<Pairs, void> {
    /// The pairs.
    Pairs&& pairs;
};

/// A sparse fact: the pairs (i, j) for which it holds, and the value of each, `edge =
/// sparse_pairs(pairs, values)`. pairs: std::int32_t, nested, {{0, 1}, {1, 0}}, or flat. values: a
/// contiguous container of the shape pairs x the fact's value. The facts made from it copy the
/// pairs and refer to the values.
template <class Pairs, class Values>
constexpr sparse_argument<Pairs, Values> sparse_pairs(Pairs&& pairs, Values&& values) noexcept {
    return {static_cast<Pairs&&>(pairs), static_cast<Values&&>(values)};
}
/// A sparse fact with another number of arguments, such as `triple = sparse_atoms(atoms, values)`
/// with the atoms {{0, 3, 1}, {1, 3, 2}}.
template <class Atoms, class Values>
constexpr sparse_argument<Atoms, Values> sparse_atoms(Atoms&& atoms, Values&& values) noexcept {
    return {static_cast<Atoms&&>(atoms), static_cast<Values&&>(values)};
}
/// Likewise for a sparse fact of scalars, all 1.
template <class Atoms>
constexpr sparse_argument<Atoms, void> sparse_atoms(Atoms&& atoms) noexcept {
    return {static_cast<Atoms&&>(atoms)};
}
/// sparse_pairs for a sparse fact of scalars, all 1.
template <class Pairs>
constexpr sparse_argument<Pairs, void> sparse_pairs(Pairs&& pairs) noexcept {
    return {static_cast<Pairs&&>(pairs)};
}

namespace model_detail {

/// True for what sparse_pairs() returns.
template <class T>
inline constexpr bool is_sparse_argument = false;
template <class Pairs, class Values>
inline constexpr bool is_sparse_argument<sparse_argument<Pairs, Values>> = true;
/// True for an argument with a name, `x = container`.
template <class T>
inline constexpr bool is_named_argument = false;
template <language::fixed_string Name, class Value>
inline constexpr bool is_named_argument<language::named_argument<Name, Value>> = true;

/// A tensor_view or a class derived from one.
template <class X>
concept is_view = requires(const X& x) {
    []<class T>(const tensor_view<T>&) {}(x);
};

/// True if the type tells that it is a view of an lvalue, such as xt::view.
template <class T>
inline constexpr bool views_an_lvalue = false;
template <template <class, class...> class View, class Viewed, class... Rest>
inline constexpr bool views_an_lvalue<View<Viewed&, Rest...>> = true;

/// True if numbers read through a Value&& still exist after the full expression: Value is an lvalue
/// reference, or a view, which owns nothing.
template <class Value>
inline constexpr bool outlives_call =
    std::is_lvalue_reference_v<Value> || std::ranges::borrowed_range<Value> ||
    std::is_integral_v<std::remove_cv_t<Value>> || views_an_lvalue<std::remove_cv_t<Value>> ||
    is_view<Value>;
template <language::fixed_string Name, class Value>
inline constexpr bool outlives_call<language::named_argument<Name, Value>> = outlives_call<Value>;
template <class Pairs, class Values>
inline constexpr bool outlives_call<sparse_argument<Pairs, Values>> = outlives_call<Values>;
template <class Pairs>
inline constexpr bool outlives_call<sparse_argument<Pairs, void>> = true;
// If sparse_pairs() was stored in a variable, the pairs are read after its expression has ended.
template <class Pairs, class Values>
inline constexpr bool outlives_call<sparse_argument<Pairs, Values>&> = outlives_call<Pairs> &&
                                                                       (std::is_void_v<Values> ||
                                                                        outlives_call<Values>);
template <class Pairs, class Values>
inline constexpr bool outlives_call<const sparse_argument<Pairs, Values>&> =
    outlives_call<sparse_argument<Pairs, Values>&>;

/// "16 x 64", for messages.
template <class Int>
SEQUENT_COLD std::string extents_text(const Int* extents, int rank) {
    if (rank == 0) return "a scalar";
    std::string result;
    for (int axis = 0; axis < rank; ++axis)
        append_text(result, {axis > 0 ? " x " : "", extents[axis]});
    return result;
}

/// What an error message is about: `fact "x"`, or `fact number 2` if it has no name. The text is
/// made only if an error occurs.
struct subject {
    const char* what = "";
    plan::name id{};
    int number = -1;  ///< counted from zero; -1 if there is only one

    SEQUENT_COLD std::string text() const {
        std::string result(what);
        if (id.length)
            append_text(
                result,
                {" \"", std::string_view(id.text, static_cast<std::size_t>(id.length)), "\""});
        else if (number >= 0)
            append_text(result, {" number ", number + 1});
        return result;
    }
};

/// Throws argument_error: "sequent: ", the subject, the parts of `why`.
SEQUENT_LAZY
[[noreturn]] SEQUENT_COLD void refuse(const subject& what, std::initializer_list<text_part> why) {
    fail_with<argument_error>({"sequent: ", what.text(), joined_text(why)});
}

/// The extents of a container: the length of a span or vector, all extents of nested arrays, and
/// those that shape() returns for a class that has it.
struct extents {
    /// Number of extents.
    int rank = 0;
    /// The extents.
    std::array<long, 8> at{};
    bool shaped = false;  ///< the extents are those of the values, not only their number
    bool contiguous = true;

    /// Product of the extents.
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

/// The first element of a container of any nesting; writes its extents to `found`.
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
    } else if constexpr (view_detail::eigen<container>) {
        const auto view = view_of(x);
        return unwrap(view, found);
    } else if constexpr (view_detail::shaped<container>) {
        long stride = 1;
        const auto rank = static_cast<int>(x.shape().size());
        for (int axis = rank; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            const long extent = static_cast<long>(x.shape()[place]);
            // The stride of an axis with one element is arbitrary.
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
                      "tensor_view, or a container of xtensor or Eigen");
        found.at[static_cast<std::size_t>(found.rank++)] = static_cast<long>(std::ranges::size(x));
        auto* first = std::ranges::data(x);
        using inner = std::remove_cv_t<std::remove_pointer_t<decltype(first)>>;
        if constexpr (is_std_array<inner>) {
            using element = std::remove_pointer_t<decltype(first->data())>;
            static_assert(sizeof(inner) == std::tuple_size_v<inner> * sizeof(element));
            found.at[static_cast<std::size_t>(found.rank++)] = std::tuple_size_v<inner>;
            return first ? first->data() : static_cast<element*>(nullptr);
        } else {
            return first;
        }
    }
}

/// The facts, rows or gradients of a call, as opposed to a single one of them.
template <class T>
concept is_fact_set = requires {
    typename T::given_together;
};

/// One argument with its type erased. Element is the required type of the values: const T for
/// facts, T if they are written.
template <class Element>
struct argument {
    /// The name; empty if the argument is given by position.
    plan::name id{};
    /// First number, or null.
    Element* numbers = nullptr;
    /// First symbol, or null.
    const std::int32_t* symbols = nullptr;
    /// The value, if the argument is an integer.
    int count = 0;
    /// True if the argument is an integer.
    bool is_count = false;
    /// Extents of the numbers or symbols.
    extents shape{};
    /// First pair of a sparse fact, or null.
    const std::int32_t* pairs = nullptr;
    /// Extents of the pairs.
    extents pairs_shape{};
    /// True for sparse_pairs().
    bool is_sparse = false;

    argument() = default;

    template <class Value>
        requires(!std::is_base_of_v<argument, std::remove_cvref_t<Value>> &&
                 !is_fact_set<std::remove_cvref_t<Value>>)
    argument(Value&& value) { take(static_cast<Value&&>(value)); }

  private:
    template <class Value>
    void take(Value&& value) {
        using plain = std::remove_cvref_t<Value>;
        if constexpr (is_named_argument<plain>) {
            take_named(value);
        } else if constexpr (std::is_integral_v<plain>) {
            count = static_cast<int>(value);
            is_count = true;
        } else if constexpr (is_sparse_argument<plain>) {
            static_assert(!std::is_lvalue_reference_v<Value> || outlives_call<Value>,
                          "sequent: a sparse fact refers to containers that are temporaries; give "
                          "them names first");
            take_pairs(value.pairs);
            if constexpr (requires { value.values; }) take_values(value.values);
        } else {
            take_values(value);
        }
    }
    template <language::fixed_string Name, class Value>
    void take_named(const language::named_argument<Name, Value>& named) {
        take(static_cast<Value&&>(named.value));
        id = plan::make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    }

    template <class Value>
    void take_values(Value& value) {
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

    template <class Pairs>
    void take_pairs(const Pairs& given) {
        is_sparse = true;
        const auto* first = unwrap(given, pairs_shape);
        static_assert(
            std::is_same_v<std::remove_cv_t<std::remove_pointer_t<decltype(first)>>, std::int32_t>,
            "sequent: the atoms of a sparse fact are std::int32_t, one for each argument");
        pairs = first;
    }
};

/// An argument that is used after the expression in which it is given: temporary containers do not
/// compile.
template <class Element>
struct kept_argument : argument<Element> {
    template <class Value>
        requires(!std::is_base_of_v<argument<Element>, std::remove_cvref_t<Value>> &&
                 !is_fact_set<std::remove_cvref_t<Value>>)
    kept_argument(Value&& value) : argument<Element>(static_cast<Value&&>(value)) {
        static_assert(outlives_call<Value>,
                      "sequent: facts refer to their containers, and this one is a temporary that "
                      "is gone before they are read; give it a name first");
    }
};

/// Selects the constructor that accepts temporaries.
struct temporaries_too {};

/// The arguments of one call: refers to a `Kept` of the caller, or makes one from a braced list.
/// Containers in the list may be temporaries, since they exist until the call has returned. Only
/// for function parameters.
template <class Kept, class Argument>
class of_one_call {
  public:
    using given_together = Kept;

    /// Refers to `kept`.
    of_one_call(const Kept& kept) noexcept : given_(kept) {}
    /// Makes a Kept for this call.
    of_one_call(std::initializer_list<Argument> given)
        : made_(std::in_place, given, temporaries_too{}), given_(*made_) {}
    of_one_call(const of_one_call&) = delete;
    of_one_call& operator=(const of_one_call&) = delete;

    /// The arguments.
    const Kept& operator*() const noexcept { return given_; }
    /// The arguments.
    const Kept* operator->() const noexcept { return &given_; }

  private:
    std::optional<Kept> made_;
    const Kept& given_;
};

/// Throws argument_error unless the container has the expected extents, or is flat and has their
/// product as size, and is contiguous.
SEQUENT_LAZY
inline void check_shape(const subject& what, const extents& given, const int* expected, int rank) {
    long size = 1;
    for (int axis = 0; axis < rank; ++axis) size *= expected[axis];
    bool same = given.size() == size;
    if (given.rank > 1 || given.shaped) {
        same = same && given.rank == rank;
        for (int axis = 0; same && axis < rank; ++axis)
            same = given.at[static_cast<std::size_t>(axis)] == expected[axis];
    }
    if (!same)
        refuse(what,
               {" needs the shape ", extents_text(expected, rank), ", given is ", given.text()});
    if (!given.contiguous)
        refuse(what, {" needs contiguous row-major values, given is a strided view"});
}

/// Length of a container for a fact with a length up to its first extent. Throws argument_error if
/// the container is longer, or is flat and not a whole number of rows. check_shape checks the other
/// extents.
SEQUENT_LAZY
inline int length_of(const subject& what, const extents& given, const plan::fact_shape& fact) {
    const int row = fact.size() / fact.extents[0];
    const bool flat = given.rank == 1 && !given.shaped;
    if (flat && given.size() % row != 0)
        refuse(what, {" needs rows of ", row, " values, given are ", given.size(), " values"});
    const long length = flat ? given.size() / row : given.rank > 0 ? given.at[0] : 1;
    if (length > fact.extents[0])
        refuse(what, {" has a length of up to ", fact.extents[0], ", given is ", length});
    return static_cast<int>(length);
}

/// "(3, 5)", for messages.
SEQUENT_LAZY
SEQUENT_COLD std::string atom_text(const std::int32_t* atom, int indices) {
    std::string result = "(";
    for (int at = 0; at < indices; ++at) append_text(result, {at > 0 ? ", " : "", atom[at]});
    return result + ")";
}

/// Throws argument_error if a symbol is outside [0, classes).
SEQUENT_LAZY
inline void check_symbols(const subject& what, const std::int32_t* symbols, int size, int classes) {
    for (int at = 0; at < size; ++at)
        if (symbols[at] < 0 || symbols[at] >= classes)
            refuse(what, {" holds the symbol ", symbols[at], " at position ", at, ", beyond its ",
                          classes, " classes"});
}

/// True if no number is infinite or NaN.
template <class T>
bool is_finite(const T* numbers, int size) noexcept {
    constexpr int n = kernel::lanes<T>;
    constexpr int sums = 4;
    // Zero times infinity or NaN is NaN.
    kernel::batch<T> sum[sums];
    for (auto& each : sum) each = kernel::zero<T>();
    int at = 0;
    for (; at + sums * n <= size; at += sums * n)
        for (int each = 0; each < sums; ++each)
            sum[each] =
                kernel::fma(kernel::load(numbers + at + each * n), kernel::zero<T>(), sum[each]);
    T total = kernel::reduce_add(kernel::batch<T>((sum[0] + sum[1]) + (sum[2] + sum[3])));
    for (; at < size; ++at) total += numbers[at] * T(0);
    return total == T(0);
}
/// Throws argument_error, with the position, if a number is infinite or NaN.
template <class T>
void check_finite(const subject& what, const T* numbers, int size) {
    if (is_finite(numbers, size)) return;
    int at = 0;
    while (numbers[at] * T(0) == T(0)) ++at;
    refuse(what, {" holds ", std::to_string(numbers[at]), " at position ", at, " of ", size,
                  "; values are finite"});
}

/// Throws argument_error unless the atoms of a sparse fact are distinct, within its extents and not
/// more than it has room for; then writes their index to `memory`.
template <class Element>
void take_pairs(const subject& what, const argument<Element>& given, const plan::fact_shape& fact,
                const pair_layout& layout, std::int32_t* memory) {
    const extents& shape = given.pairs_shape;
    const int indices = fact.indices;
    const char* const atom = indices == 2 ? "pair" : "atom";
    constexpr const char* numbers_up_to_4[]{"no", "one", "two", "three", "four"};
    const bool flat = shape.rank == 1 && (!shape.shaped || indices == 1);
    if (!(flat ? shape.at[0] % indices == 0 : shape.rank == 2 && shape.at[1] == indices) ||
        !shape.contiguous)
        fail_with<argument_error>(
            {"sequent: the ", atom, "s of ", what.text(), " are ", numbers_up_to_4[indices],
             indices == 1 ? " integer" : " integers", " each, given is ", shape.text()});
    const long count = shape.size() / indices;
    if (count > layout.capacity)
        refuse(what, {" has room for ", layout.capacity, " ", atom, "s, given are ", count});
    const int size = static_cast<int>(count);
    for (int at = 0; at < size; ++at) {
        const std::int32_t* each = given.pairs + indices * at;
        bool inside = true;
        for (int axis = 0; axis < indices; ++axis)
            inside = inside && each[axis] >= 0 && each[axis] < fact.extents[axis];
        if (!inside)
            refuse(what, {" has the ", atom, " ", atom_text(each, indices), " at position ", at,
                          ", outside of ", extents_text(fact.extents, indices)});
        int pair[2];
        fact.write_pair(each, pair);
        memory[pair_layout::row_of_pair() + at] = pair[0];
        memory[layout.column_of_pair() + at] = pair[1];
    }
    index_pairs(layout, size, memory);
    const std::int32_t* begin = memory + layout.row_begin();
    const std::int32_t* columns = memory + layout.columns_of_row();
    const std::int32_t* numbers = memory + layout.pairs_of_row();
    for (int row = 0; row < layout.rows; ++row)
        for (int at = begin[row] + 1; at < begin[row + 1]; ++at)
            if (columns[at] == columns[at - 1])
                refuse(what, {" has the ", atom, " ",
                              atom_text(given.pairs + indices * numbers[at], indices),
                              " at position ", numbers[at], " as well as at ", numbers[at - 1]});
}

}  // namespace model_detail
}  // namespace sequent::inline SEQUENT_ABI
