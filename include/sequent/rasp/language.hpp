#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "../language/text.hpp"
#include "node.hpp"

/// The RASP language (arXiv 2106.06981, section 3): s-ops, which have a value at each position, and
/// selectors, which tell for each position (a row, the query) which positions it attends to
/// (columns, the keys). Both are constexpr values that hold their nodes; equal subexpressions share
/// a node. These functions build expressions; they evaluate nothing.

namespace sequent::inline SEQUENT_ABI::rasp {

/// Base of all s-ops.
template <class Derived>
struct s_op_base {
    /// The value at `position`, repeated at every position; a negative position counts from the
    /// end.
    constexpr auto operator[](int position) const {
        return load(static_cast<const Derived&>(*this), position);
    }
};

/// An s-op whose values are of one type, with the nodes of its expression.
template <type Kind, int Capacity>
struct expression : s_op_base<expression<Kind, Capacity>> {
    /// The type of the values.
    static constexpr type kind = Kind;
    /// Room for nodes.
    static constexpr int capacity = Capacity;
    /// The nodes; the last one is the expression.
    detail::node_list<Capacity> nodes{};
};

/// A selector, with the nodes of its expression.
template <int Capacity>
struct selector {
    /// Room for nodes.
    static constexpr int capacity = Capacity;
    /// The nodes; the last one is the selector.
    detail::node_list<Capacity> nodes{};
};

/// True for s-ops.
template <class T>
inline constexpr bool is_s_op = false;
/// True for expressions.
template <type Kind, int Capacity>
inline constexpr bool is_s_op<expression<Kind, Capacity>> = true;

/// True for loops.
template <class T>
inline constexpr bool is_loop = false;
/// True for selectors.
template <class T>
inline constexpr bool is_selector = false;
/// True for selectors.
template <int Capacity>
inline constexpr bool is_selector<selector<Capacity>> = true;

/// An s-op.
template <class T>
concept s_op = is_s_op<T>;
/// The type of `none`.
struct none_type {};
/// A missing value, as a default of aggregates and as one of the two values of `cond`. Functions of
/// a missing value give a missing one; selectors select no pair of which a value is missing;
/// aggregates leave missing values out. `is_none` and `value_or` tell where a value is missing.
inline constexpr none_type none{};

namespace detail {
/// The missing constant of a type.
template <type Kind>
struct missing_constant {};
template <class T>
inline constexpr bool is_missing_constant = false;
template <type Kind>
inline constexpr bool is_missing_constant<missing_constant<Kind>> = true;
}  // namespace detail

/// An s-op or a constant.
template <class T>
concept s_op_or_constant = is_s_op<T> || std::is_arithmetic_v<T> ||
    std::is_convertible_v<const T&, std::string_view> || detail::is_missing_constant<T>;
/// An s-op or a selector.
template <class T>
concept part = is_s_op<T> || is_selector<T>;

/// Operands that the functions below accept, so that a mistake is reported by their static_assert.
template <class T>
concept argument = part<T> || s_op_or_constant<T>;

/// Operands of a binary operator, at least one of which is an s-op or a selector.
template <class Left, class Right>
concept operands = (part<Left> && (part<Right> || s_op_or_constant<Right>)) ||
                   (s_op_or_constant<Left> && part<Right>);

namespace detail {

template <s_op Part>
constexpr const Part& as_s_op(const Part& part) noexcept {
    return part;
}
template <type Kind>
constexpr expression<Kind, 1> leaf_of(operation what, const value& known = {}) {
    node made;
    made.what = what;
    made.kind = Kind;
    made.known = known;
    return {{}, join<1>(made)};
}
template <class Constant>
    requires(!part<Constant> && !is_missing_constant<Constant>)
constexpr auto as_s_op(const Constant& constant) {
    constexpr auto always = operation::constant;
    if constexpr (std::same_as<Constant, bool>)
        return leaf_of<type::boolean>(always, value(constant));
    else if constexpr (std::same_as<Constant, char>)
        return leaf_of<type::symbol>(always, value(constant));
    else if constexpr (std::integral<Constant>)
        return leaf_of<type::integer>(always, value(constant));
    else if constexpr (std::floating_point<Constant>)
        return leaf_of<type::real>(always, value(static_cast<double>(constant)));
    else
        return leaf_of<type::symbol>(always, value(std::string_view(constant)));
}

template <type Kind>
constexpr auto as_s_op(const missing_constant<Kind>&) {
    return leaf_of<Kind>(operation::constant, value::missing(Kind));
}

/// A placeholder for a selector that the caller rejects, so that one mistake gives one error.
template <int Capacity>
constexpr auto as_s_op(const selector<Capacity>&) {
    return leaf_of<type::integer>(operation::constant);
}

template <class T>
using s_op_of = std::remove_cvref_t<decltype(as_s_op(std::declval<const T&>()))>;

template <class T>
consteval bool is_of(bool (*test)(type)) {
    if constexpr (is_selector<T>)
        return false;
    else
        return test(s_op_of<T>::kind);
}
constexpr bool is_boolean(type kind) {
    return kind == type::boolean;
}
constexpr bool has_order(type kind) {
    return kind != type::boolean;
}

/// True if both are numbers or of one type.
template <class Left, class Right>
consteval bool are_alike() {
    if constexpr (is_selector<Left> || is_selector<Right>)
        return false;
    else
        return s_op_of<Left>::kind == s_op_of<Right>::kind ||
               (is_number(s_op_of<Left>::kind) && is_number(s_op_of<Right>::kind));
}
template <class Left, class Right>
inline constexpr bool are_numbers = is_of<Left>(is_number) && is_of<Right>(is_number);
template <class Left, class Right>
inline constexpr bool are_ordered = are_alike<Left, Right>() && is_of<Left>(has_order);

/// The type of a value that is one of two.
template <class Left, class Right>
consteval type joined_kind() {
    if constexpr (!are_alike<Left, Right>())
        return type::integer;
    else
        return s_op_of<Left>::kind == s_op_of<Right>::kind ? s_op_of<Left>::kind : type::real;
}

template <class... Arguments>
inline constexpr int room_of = room_for((1 + ... + Arguments::capacity));

template <type Kind, class... Arguments>
constexpr auto make_of_node(const node& root, const Arguments&... arguments) {
    return expression<Kind, room_of<Arguments...>>{
        {}, join<room_of<Arguments...>>(root, arguments.nodes...)};
}
template <operation Operation, type Kind, class... Arguments>
constexpr auto make(const Arguments&... arguments) {
    node root;
    root.what = Operation;
    root.kind = Kind;
    return make_of_node<Kind>(root, arguments...);
}
template <operation Operation, type Kind, class... Arguments>
constexpr auto make_of(const Arguments&... arguments) {
    return make<Operation, Kind>(as_s_op(arguments)...);
}
template <operation Operation, class... Arguments>
constexpr auto make_selector(int line, const Arguments&... arguments) {
    node root;
    root.what = Operation;
    root.kind = type::boolean;
    root.line = line;
    return selector<room_of<Arguments...>>{join<room_of<Arguments...>>(root, arguments.nodes...)};
}

}  // namespace detail

/// The input: a symbol at each position. A program reads only one of `tokens`, `tokens_int`,
/// `tokens_float` and `tokens_bool`.
inline constexpr auto tokens = detail::leaf_of<type::symbol>(operation::tokens);
/// The input: an integer at each position.
inline constexpr auto tokens_int = detail::leaf_of<type::integer>(operation::tokens);
/// The input: a number at each position.
inline constexpr auto tokens_float = detail::leaf_of<type::real>(operation::tokens);
/// The input: a boolean at each position.
inline constexpr auto tokens_bool = detail::leaf_of<type::boolean>(operation::tokens);
/// The number of each position: 0, 1, 2, ...
inline constexpr auto indices = detail::leaf_of<type::integer>(operation::indices);

/// Names a part of a program, for errors and pictures.
template <language::fixed_string Name, part Inner>
constexpr Inner named(const Inner& inner) {
    Inner result = inner;
    plan::name& name = result.nodes.items[result.nodes.count - 1].name;
    if (name.length == 0)
        name = plan::make_name(Name.characters, static_cast<int>(sizeof Name.characters) - 1);
    return result;
}

#define SEQUENT_RASP_ARITHMETIC(OPERATOR, OPERATION, KIND)                                    \
    template <class Left, class Right>                                                        \
        requires operands<Left, Right>                                                        \
    constexpr auto operator OPERATOR(const Left& left, const Right& right) {                  \
        static_assert(detail::are_numbers<Left, Right>,                                       \
                      "sequent: RASP's " #OPERATOR                                            \
                      " takes two numbers; a symbol or a selector is none, and of a boolean " \
                      "indicator(...) is one");                                               \
        return detail::make_of<operation::OPERATION, KIND>(left, right);                      \
    }
/// The sum of two numbers.
SEQUENT_RASP_ARITHMETIC(+, add, (detail::joined_kind<Left, Right>()))
/// The difference of two numbers.
SEQUENT_RASP_ARITHMETIC(-, subtract, (detail::joined_kind<Left, Right>()))
/// The product of two numbers.
SEQUENT_RASP_ARITHMETIC(*, multiply, (detail::joined_kind<Left, Right>()))
/// The quotient of two numbers, a rational number.
SEQUENT_RASP_ARITHMETIC(/, divide, type::real)
/// The remainder of division with the quotient rounded down.
SEQUENT_RASP_ARITHMETIC(%, modulo, (detail::joined_kind<Left, Right>()))
/// left to the power of right, an integer. As every ^ in C++, it has a lower precedence than +.
SEQUENT_RASP_ARITHMETIC(^, power, type::real)
#undef SEQUENT_RASP_ARITHMETIC

/// The negative of a number.
template <part Part>
constexpr auto operator-(const Part& part) {
    static_assert(detail::is_of<Part>(is_number), "sequent: RASP's unary - takes a number");
    return detail::make_of<operation::negate, detail::joined_kind<Part, Part>()>(part);
}

#define SEQUENT_RASP_COMPARISON(OPERATOR, OPERATION, TEST, OF)                              \
    template <class Left, class Right>                                                      \
        requires operands<Left, Right>                                                      \
    constexpr auto operator OPERATOR(const Left& left, const Right& right) {                \
        static_assert(TEST, "sequent: RASP's " #OPERATOR " compares " OF                    \
                            "; selectors are compared by none, and made of comparisons by " \
                            "select(keys, queries, equal)");                                \
        return detail::make_of<operation::OPERATION, type::boolean>(left, right);           \
    }
#define SEQUENT_RASP_EQUALITY(OPERATOR, OPERATION)                                   \
    SEQUENT_RASP_COMPARISON(OPERATOR, OPERATION, (detail::are_alike<Left, Right>()), \
                            "two numbers, two symbols or two booleans")
#define SEQUENT_RASP_ORDER(OPERATOR, OPERATION)                                      \
    SEQUENT_RASP_COMPARISON(OPERATOR, OPERATION, (detail::are_ordered<Left, Right>), \
                            "two numbers or two symbols")
SEQUENT_RASP_EQUALITY(==, equal)
SEQUENT_RASP_EQUALITY(!=, not_equal)
SEQUENT_RASP_ORDER(<, less)
SEQUENT_RASP_ORDER(<=, less_equal)
SEQUENT_RASP_ORDER(>, greater)
SEQUENT_RASP_ORDER(>=, greater_equal)
#undef SEQUENT_RASP_ORDER
#undef SEQUENT_RASP_EQUALITY
#undef SEQUENT_RASP_COMPARISON

// A selector joined with an s-op counts as the selector, so that one mistake gives one error.
#define SEQUENT_RASP_CONNECTIVE(OPERATOR, OPERATION, SELECTION)                           \
    template <class Left, class Right>                                                    \
        requires operands<Left, Right>                                                    \
    constexpr auto operator OPERATOR(const Left& left, const Right& right) {              \
        if constexpr (is_selector<Left> && is_selector<Right>)                            \
            return detail::make_selector<operation::SELECTION>(0, left, right);           \
        else {                                                                            \
            static_assert(detail::is_of<Left>(detail::is_boolean) &&                      \
                              detail::is_of<Right>(detail::is_boolean),                   \
                          "sequent: RASP's " #OPERATOR                                    \
                          " joins two selectors or two booleans, never one of each");     \
            if constexpr (is_selector<Left>)                                              \
                return left;                                                              \
            else if constexpr (is_selector<Right>)                                        \
                return right;                                                             \
            else                                                                          \
                return detail::make_of<operation::OPERATION, type::boolean>(left, right); \
        }                                                                                 \
    }
SEQUENT_RASP_CONNECTIVE(&&, conjunction, select_and)
SEQUENT_RASP_CONNECTIVE(||, disjunction, select_or)
#undef SEQUENT_RASP_CONNECTIVE

/// The negation of a boolean; of a selector, all pairs that it does not select.
template <part Part>
constexpr auto operator!(const Part& part) {
    if constexpr (is_selector<Part>)
        return detail::make_selector<operation::select_not>(0, part);
    else {
        static_assert(detail::is_of<Part>(detail::is_boolean),
                      "sequent: RASP's ! takes a boolean or a selector");
        return detail::make_of<operation::negation, type::boolean>(part);
    }
}

/// The nearest integer; ties go to the even one.
template <part Part>
constexpr auto round(const Part& part) {
    static_assert(detail::is_of<Part>(is_number), "sequent: RASP's round takes a number");
    return detail::make_of<operation::round, type::integer>(part);
}
/// 1 where the boolean is true, else 0.
template <part Part>
constexpr auto indicator(const Part& part) {
    static_assert(detail::is_of<Part>(detail::is_boolean),
                  "sequent: RASP's indicator takes a boolean");
    return detail::make_of<operation::indicator, type::integer>(part);
}
/// `chosen` where the condition is true, else `other`.
template <part Condition, argument Chosen, argument Other>
constexpr auto cond(const Condition& condition, const Chosen& chosen, const Other& other) {
    static_assert(detail::is_of<Condition>(detail::is_boolean),
                  "sequent: the condition of RASP's cond is a boolean s-op");
    static_assert(detail::are_alike<Chosen, Other>(),
                  "sequent: RASP's cond chooses between two values of one type");
    return detail::make_of<operation::conditional, detail::joined_kind<Chosen, Other>()>(
        condition, chosen, other);
}

/// `cond` with `none` as one of the values.
template <part Condition, argument Chosen>
constexpr auto cond(const Condition& condition, const Chosen& chosen, none_type) {
    return cond(condition, chosen, detail::missing_constant<detail::s_op_of<Chosen>::kind>());
}
/// `cond` with `none` where the condition holds.
template <part Condition, argument Other>
constexpr auto cond(const Condition& condition, none_type, const Other& other) {
    return cond(condition, detail::missing_constant<detail::s_op_of<Other>::kind>(), other);
}
/// True where a value is missing.
template <part Part>
constexpr auto is_none(const Part& part) {
    static_assert(s_op<Part>, "sequent: RASP's is_none takes an s-op");
    return detail::make_of<operation::is_missing, type::boolean>(part);
}
/// The value; `otherwise` where it is missing.
template <part Part, argument Otherwise>
constexpr auto value_or(const Part& part, const Otherwise& otherwise) {
    return cond(is_none(part), otherwise, part);
}
/// Rejects comparisons with `none`.
template <part Part>
constexpr auto operator==(const Part&, none_type) {
    static_assert(sizeof(Part) == 0,
                  "sequent: RASP's none equals nothing; is_none(x) tells where x is missing");
    return detail::as_s_op(true);
}

/// How `select` compares a key with a query.
template <operation Operation>
struct comparison {};
/// key == query.
inline constexpr comparison<operation::select_equal> equal{};
/// key != query.
inline constexpr comparison<operation::select_not_equal> not_equal{};
/// key < query.
inline constexpr comparison<operation::select_less> less{};
/// key <= query.
inline constexpr comparison<operation::select_less_equal> less_equal{};
/// key > query.
inline constexpr comparison<operation::select_greater> greater{};
/// key >= query.
inline constexpr comparison<operation::select_greater_equal> greater_equal{};

/// A selector: row q, column k is selected if `keys` at k compares with `queries` at q as the
/// comparison says. Selectors are combined by &&, || and !.
template <argument Keys, argument Queries, operation Operation>
constexpr auto select(const Keys& keys, const Queries& queries, comparison<Operation>,
                      int line = __builtin_LINE()) {
    if constexpr (Operation == operation::select_equal || Operation == operation::select_not_equal)
        static_assert(detail::are_alike<Keys, Queries>(),
                      "sequent: RASP's select compares keys and queries of one type");
    else
        static_assert(detail::are_ordered<Keys, Queries>,
                      "sequent: RASP's select orders two numbers or two symbols");
    return detail::make_selector<Operation>(line, detail::as_s_op(keys), detail::as_s_op(queries));
}

/// Rejects other arguments of `select`.
template <class... Arguments>
constexpr auto select(const Arguments&...) {
    static_assert(sizeof...(Arguments) > 99,
                  "sequent: RASP's select takes keys, queries, and how they are compared: equal, "
                  "not_equal, less, less_equal, greater or greater_equal");
    return detail::make_selector<operation::select_equal>(0, detail::as_s_op(1),
                                                          detail::as_s_op(1));
}

/// The selector in which every position attends to all positions.
inline constexpr auto everything = named<"everything">(select(1, 1, equal));

namespace detail {
/// The default of an aggregate if nothing is selected: 0, false or the empty symbol.
template <class Values>
using usual_default =
    std::conditional_t<s_op_of<Values>::kind == type::symbol, std::string_view,
                       std::conditional_t<s_op_of<Values>::kind == type::boolean, bool, int>>;
}  // namespace detail

namespace detail {
template <class Values, class Otherwise>
inline constexpr type kind_of_mean = is_number(s_op_of<Values>::kind) ? type::real
                                                                      : s_op_of<Values>::kind;
template <class Values, class Otherwise>
inline constexpr type kind_of_one = joined_kind<Values, Otherwise>();
}  // namespace detail

#define SEQUENT_RASP_AGGREGATE(NAME, OPERATION, KIND)                                              \
    template <class Selector, argument Values, argument Otherwise = detail::usual_default<Values>> \
    constexpr auto NAME(const Selector& from, const Values& values,                                \
                        const Otherwise& otherwise = Otherwise()) {                                \
        static_assert(is_selector<Selector> && !is_selector<Values>,                               \
                      "sequent: RASP's " #NAME " takes a selector, then the values");              \
        static_assert(is_selector<Values> || detail::are_alike<Values, Otherwise>(),               \
                      "sequent: the default of RASP's " #NAME " is of the values' type");          \
        static_assert(!s_op<Otherwise>, "sequent: the default of RASP's " #NAME " is a constant"); \
        return detail::make<operation::OPERATION, detail::KIND<Values, Otherwise>>(                \
            from, detail::as_s_op(values), detail::as_s_op(otherwise));                            \
    }                                                                                              \
    template <class Selector, argument Values>                                                     \
    constexpr auto NAME(const Selector& from, const Values& values, none_type) {                   \
        return NAME(from, values, detail::missing_constant<detail::s_op_of<Values>::kind>());      \
    }
/// The values of the selected positions, as one: `otherwise` if no position is selected (default:
/// 0, false or the empty symbol); the value if one is; the mean if several are, for numbers only.
/// Missing values are left out.
/// Several selected symbols or booleans are an evaluation error.
SEQUENT_RASP_AGGREGATE(aggregate, aggregate, kind_of_mean)
/// The value at the first (`first_of`) or last (`last_of`) selected position; `otherwise` if none
/// is selected.
SEQUENT_RASP_AGGREGATE(first_of, first, kind_of_one)
SEQUENT_RASP_AGGREGATE(last_of, last, kind_of_one)
/// The greatest (`max_of`) or least (`min_of`) value of the selected positions; `otherwise` if none
/// is selected.
SEQUENT_RASP_AGGREGATE(max_of, highest, kind_of_one)
SEQUENT_RASP_AGGREGATE(min_of, lowest, kind_of_one)
#undef SEQUENT_RASP_AGGREGATE

/// The sum of the selected positions' numbers; 0 if none is selected.
template <class Selector, argument Values>
constexpr auto sum(const Selector& from, const Values& values) {
    static_assert(is_selector<Selector>, "sequent: RASP's sum takes a selector, then the values");
    static_assert(!is_selector<Selector> || detail::is_of<Values>(is_number),
                  "sequent: RASP's sum takes numbers; of a boolean, indicator(...) is one");
    return detail::make<operation::sum, detail::joined_kind<Values, Values>()>(
        from, detail::as_s_op(values));
}

/// The number of selected positions, computed by two heads.
template <class Selector>
constexpr auto selector_width(const Selector& of) {
    static_assert(is_selector<Selector>, "sequent: RASP's selector_width takes a selector");
    return detail::make<operation::width, type::integer>(of);
}
/// The number of selected positions without position 0, which holds a beginning-of-sequence token;
/// computed by one head.
template <class Selector>
constexpr auto selector_width_with_bos(const Selector& of) {
    static_assert(is_selector<Selector>,
                  "sequent: RASP's selector_width_with_bos takes a selector");
    return detail::make<operation::width_with_bos, type::integer>(of);
}

/// The number of positions of the input.
inline constexpr auto length =
    named<"length">(round(1 / aggregate(everything, indicator(indices == 0))));

/// The value of `values` at `position`, repeated at every position, as `x[4]`; a negative position
/// counts from the end.
template <part Values>
constexpr auto load(const Values& values, int position) {
    using place = std::remove_cvref_t<decltype(length - position)>;
    place from;
    if (position < 0)
        from = length - (-position);
    else
        from.nodes = detail::join<place::capacity>(detail::as_s_op(position).nodes.items[0]);
    return aggregate(select(indices, from, equal), values);
}

/// The quotient, rounded down to an integer.
template <class Left, class Right>
    requires operands<Left, Right>
constexpr auto floor_divide(const Left& left, const Right& right) {
    static_assert(detail::are_numbers<Left, Right>,
                  "sequent: RASP's floor_divide takes two numbers");
    return detail::make_of<operation::floor_divide, type::integer>(left, right);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
