#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include <sequent/language.hpp>

#include "../catch.hpp"
#include "../error.hpp"

namespace {

using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h", 4> h;
inline constexpr relation<"x"> x;
inline constexpr weight<"W", 3, 4> W;
inline constexpr weight<"b", 3> b;

using i_type = var<"i">;
using j_type = var<"j">;
using h_type = var<"h", 4>;
template <unsigned Modifiers = plain, class... Terms>
using W_use = literal<weight<"W", 3, 4>, none, Modifiers, Terms...>;
template <class Weight, unsigned Modifiers, class... Terms>
using x_use = literal<relation<"x">, Weight, Modifiers, Terms...>;

// The type of a literal names its relation, weight, modifiers and arguments.
static_assert(std::is_same_v<decltype(x(i, j)), x_use<none, plain, i_type, j_type>>);
static_assert(std::is_same_v<decltype(x()), x_use<none, plain>>);
static_assert(std::is_same_v<
              decltype(x(0, i + 1)),
              x_use<none, plain, integer, index_expression<arithmetic::add, i_type, integer>>>);
static_assert(std::is_same_v<decltype(x(i)[W]), x_use<W_use<>, plain, i_type>>);
static_assert(std::is_same_v<decltype(x(i)[W(h)]), x_use<W_use<plain, h_type>, plain, i_type>>);
static_assert(std::is_same_v<decltype(x(i)[W.T()]), x_use<W_use<transposed>, plain, i_type>>);
static_assert(std::is_same_v<decltype(x(i)[fixed(W)]), x_use<W_use<frozen>, plain, i_type>>);
static_assert(std::is_same_v<decltype(x(i).T()), x_use<none, transposed, i_type>>);
static_assert(std::is_same_v<decltype(x(i).T().T()), decltype(x(i))>);
static_assert(std::is_same_v<decltype(x(i)[W].T()), x_use<W_use<>, transposed, i_type>>);
static_assert(std::is_same_v<decltype(hidden(x(i))), x_use<none, hidden_value, i_type>>);
static_assert(std::is_same_v<decltype(*x(i)), decltype(hidden(x(i)))>);
static_assert(std::is_same_v<decltype(!x(i)), x_use<none, negated, i_type>>);
static_assert(std::is_same_v<decltype(at(x(i), j)), element<x_use<none, plain, i_type>, j_type>>);
static_assert(std::is_same_v<decltype(number(0.5)), constant>);
static_assert(std::is_same_v<decltype(number(i - j)),
                             index_value<index_expression<arithmetic::subtract, i_type, j_type>>>);

// What may stand where.
static_assert(atom<decltype(x(i))> && atom<decltype(x(i)[W])> && !atom<decltype(W(h))>);
static_assert(head_atom<decltype(x(i)[W])> && !head_atom<decltype(x(i).T())>);
static_assert(!head_atom<decltype(!x(i))> && !head_atom<decltype(at(x(i), j))>);
static_assert(body_item<weight<"b", 3>> && body_item<decltype(b.T())> && body_item<constant>);
static_assert(body_item<decltype(i < j)> && !body_item<i_type> && !body_item<relation<"x">>);

// Numbers ride along; all else is empty.
static_assert(number(0.5).value == 0.5);
static_assert(x(i, 7).terms.rest.first.value == 7);
static_assert(inverse_sqrt(64).value == 0.125);
static_assert(inverse_sqrt(1).value == 1);

/// How many numbers apart two doubles are, about.
double ulps(double value, long double exact) {
    const double spacing = std::nextafter(value, std::numeric_limits<double>::infinity()) - value;
    return static_cast<double>(std::abs(static_cast<long double>(value) - exact)) / spacing;
}

}  // namespace

TEST_CASE("inverse_sqrt is right to the last digit") {
    sequent_test::largest error;
    auto check = [&](double value) {
        error.add(ulps(inverse_sqrt(value).value, 1 / std::sqrt(static_cast<long double>(value))));
    };
    for (int value = 1; value <= 4096; ++value) check(value);
    for (double value = 1e-300; value < 1e300; value *= 3.7) check(value);
    CHECK(error.value() <= 1);
}

TEST_CASE("literals are ordinary values") {
    const std::vector<decltype(number(0))> numbers{number(1), inverse_sqrt(4)};
    CHECK(numbers[1].value == 0.5);
    std::vector<decltype(x(i))> atoms(3, x(i));
    atoms.push_back(x(i));
    CHECK(atoms.size() == 4);
}
