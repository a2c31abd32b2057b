#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "rules.hpp"
#include "stops.hpp"

namespace {

using namespace names;
using sequent::argument_error;
using sequent::fact;
using sequent::symbol;

inline constexpr relation<"input"> input;
inline constexpr relation<"token"> token;
inline constexpr relation<"other"> other;
inline constexpr weight<"E", 5, 2> E;

inline constexpr auto program =
    rules(a(i) <<= (input(i), token(i)[E]),
          out(i) <<= (a(j), j <= i, j < length, hidden(input(i))) | sum(j));
using model = sequent::model<program, fact<"input", 3, 2>, fact<"token", 3, symbol<5>>,
                             sequent::bound<"length">>;
using facts = model::facts<float>;

const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
const std::vector<std::int32_t> symbols{0, 4, 2};

/// What the message is if these are given as the facts.
std::string refusal(
    std::initializer_list<sequent::model_detail::kept_argument<const float>> given) {
    try {
        (void)facts(given);
    } catch (const argument_error& error) {
        return error.what();
    }
    return "";
}

/// A container that claims to hold 2^32 rows more than the fact, in 64 bits.
struct enormous {
    std::array<std::int64_t, 2> shape() const { return {(std::int64_t{1} << 32) + 3, 2}; }
    std::array<std::int64_t, 2> strides() const { return {2, 1}; }
    const float* data() const { return numbers.data(); }
};

float last(const model::facts_of_call<float>& given) {
    static model::parameters<float> p;
    model::workspace<float> w;
    const auto result = model::forward(p, *given, w);
    return result(2, 1);
}

}  // namespace

TEST_CASE("facts are given in order or by name, in any container") {
    CHECK(last({numbers, symbols, 3}) == 12);
    CHECK(last({input = numbers, token = symbols, length = 3}) == 12);
    CHECK(last({length = 2, token = symbols, input = numbers}) == 6);
    const std::array<float, 6> flat{1, 2, 3, 4, 5, 6};
    CHECK(last({flat, symbols, 3}) == 12);
    const std::array<std::array<float, 2>, 3> nested{{{1, 2}, {3, 4}, {5, 6}}};
    const std::array<std::int32_t, 3> few{0, 4, 2};
    CHECK(last({nested, few, 3}) == 12);
    const float built_in[3][2] = {{1, 2}, {3, 4}, {5, 6}};
    CHECK(last({built_in, symbols, 3}) == 12);
    CHECK(last({std::span<const float>(numbers), std::span<const std::int32_t, 3>(few), 3}) == 12);
    const sequent::tensor_view<const float> view{numbers.data(), 2, {3, 2}, {2, 1}};
    CHECK(last({input = view, token = symbols, length = 3}) == 12);
    CHECK(last({numbers, symbols, 0}) == 0);
}

TEST_CASE("a fact that does not fit is named with both figures") {
    using sequent_test::contains;
    const std::vector<float> short_one(5);
    CHECK_THAT(refusal({short_one, symbols, 3}),
               contains("\"input\"") && contains("3 x 2") && contains("5"));
    const std::array<std::array<float, 3>, 2> turned{};
    CHECK_THAT(refusal({turned, symbols, 3}),
               contains("\"input\"") && contains("3 x 2") && contains("2 x 3"));
    const std::array<std::array<std::array<float, 1>, 2>, 3> deep{};
    CHECK_THAT(refusal({deep, symbols, 3}), contains("3 x 2 x 1"));
    // Where a long has 32 bits, too.
    const enormous many;
    CHECK_THAT(refusal({many, symbols, 3}), contains("4294967299 x 2"));
    const sequent::tensor_view<const float> flat_view{numbers.data(), 1, {6}, {1}};
    CHECK_THAT(refusal({flat_view, symbols, 3}), contains("3 x 2") && contains("6"));
    const std::vector<float> twelve(12);
    const sequent::tensor_view<const float> strided{twelve.data(), 2, {3, 2}, {4, 1}};
    CHECK_THAT(refusal({strided, symbols, 3}), contains("\"input\"") && contains("strided"));
    const sequent::tensor_view<const float> transposed{numbers.data(), 2, {3, 2}, {1, 3}};
    CHECK_THAT(refusal({transposed, symbols, 3}), contains("strided"));
    CHECK_THAT(refusal({numbers, symbols}), contains("\"length\"") && contains("not given"));
    CHECK_THAT(refusal({}), contains("\"input\"") && contains("not given"));
    CHECK_THAT(refusal({input = numbers, input = numbers, length = 3}),
               contains("\"input\"") && contains("twice"));
    CHECK_THAT(refusal({numbers, input = numbers, length = 3}), contains("twice"));
    CHECK_THAT(refusal({other = numbers, token = symbols, length = 3}), contains("\"other\""));
    CHECK_THAT(refusal({numbers, symbols, 3, 4}), contains("no fact number 4"));
    CHECK_THAT(refusal({numbers, numbers, 3}), contains("\"token\"") && contains("int32"));
    CHECK_THAT(refusal({symbols, symbols, 3}), contains("\"input\"") && contains("numbers"));
    CHECK_THAT(refusal({numbers, symbols, -1}), contains("\"length\"") && contains("-1"));
    CHECK_THAT(refusal({numbers, symbols, 1000}),
               contains("\"length\"") && contains("1000") && contains("the 3 values"));
    CHECK_THAT(refusal({numbers, symbols, numbers}), contains("\"length\"") && contains("count"));
    CHECK_THAT(refusal({3, symbols, 3}), contains("\"input\""));
    CHECK_THAT(refusal({numbers, 3, 3}), contains("\"token\""));
}

TEST_CASE("some of the facts are replaced, and the others stay") {
    facts given({numbers, symbols, 3});
    const std::vector<float> others{6, 5, 4, 3, 2, 1};
    given.rebind({input = others, length = 2});
    CHECK(given.pointers[0] == others.data());
    CHECK(given.pointers[1] == symbols.data());
    CHECK(last(given) == last(facts({others, symbols, 2})));

    const std::vector<float> infinite{0, 1, 2, 3, 4, std::numeric_limits<float>::infinity()};
    CHECK_THROWS_AS(given.rebind({length = 1, input = infinite}), argument_error);
    CHECK(given.pointers[0] == others.data());
    CHECK(given.counts[0] == 2);
    CHECK_THROWS_AS(given.rebind({input = others, input = others}), argument_error);
}

TEST_CASE("a symbol beyond its classes is told with its position") {
    using sequent_test::contains;
    const std::vector<std::int32_t> large{0, 5, 1};
    CHECK_THAT(refusal({numbers, large, 3}), contains("\"token\"") && contains("symbol 5") &&
                                                 contains("position 1") && contains("5 classes"));
    const std::vector<std::int32_t> negative{0, 1, -7};
    CHECK_THAT(refusal({numbers, negative, 3}), contains("-7") && contains("position 2"));
}

TEST_CASE("in the braces of a call containers may be temporaries") {
    CHECK(last({std::vector<float>{1, 2, 3, 4, 5, 6}, std::vector<std::int32_t>{0, 4, 2}, 3}) ==
          12);
    CHECK(last({input = std::vector<float>(6, 2.0F), token = std::array{0, 4, 2}, length = 3}) ==
          6);
    const facts kept{numbers, symbols, 3};
    CHECK(last(kept) == 12);
    CHECK(last({kept}) == 12);
}

TEST_CASE("a symbol that is changed behind the facts gives a row of numbers that are none") {
    model::parameters<float> p, gradient;
    model::initialize(p, 1);
    model::workspace<float> w;
    std::vector<std::int32_t> changed{0, 4, 2};
    const facts given{numbers, changed, 3};
    const std::vector<float> dy(6, 1.0F);
    for (const std::int32_t beyond : {5, -1, 1 << 30, -(1 << 30)}) {
        changed[1] = beyond;
        const auto rows = model::forward(p, given, w);
        CHECK(std::isfinite(rows(0, 0)));
        CHECK(std::isnan(rows(1, 0)));
        gradient = {};
        model::backward(p, given, dy, w, gradient);
        // Of the two symbols that are left: 3 and 1 rows see them.
        for (int column = 0; column < 2; ++column)
            CHECK((gradient[E](0, column) == 3 && gradient[E](2, column) == 1 &&
                   gradient[E](4, column) == 0));
    }
}

TEST_CASE("gradients that do not fit are refused") {
    using outward = model::output_gradients<float>;
    using inward = model::fact_gradients<float>;
    const std::vector<float> five(5);
    std::vector<float> six(6);
    CHECK_THROWS_AS(outward(five), argument_error);
    CHECK_THROWS_AS(outward({six, six}), argument_error);
    CHECK_THROWS_AS(outward({input = six}), argument_error);
    CHECK_THROWS_AS(outward({symbols}), argument_error);
    CHECK_NOTHROW(outward({out = six}));
    CHECK_NOTHROW(inward({six}));
    CHECK_NOTHROW(inward({input = six}));
    std::vector<float> three(3);
    CHECK_THROWS_AS(inward({three}), argument_error);
    CHECK_THROWS_AS(inward({token = three}), argument_error);
    CHECK_THROWS_AS(inward({other = six}), argument_error);
    // Numbers of another type would not be read.
    const std::array<std::array<std::int32_t, 2>, 3> whole{};
    CHECK_THROWS_WITH(outward{whole}, sequent_test::contains("numbers of another type"));
    CHECK_THROWS_WITH(outward{3}, sequent_test::contains("numbers of another type"));
    const std::array<std::array<float, 2>, 3> dy{};
    CHECK_THROWS_WITH((outward{out = dy, out = dy}), sequent_test::contains("is given twice"));
    std::array<std::array<float, 2>, 3> dx{};
    CHECK_THROWS_WITH((inward{input = dx, input = dx}), sequent_test::contains("is given twice"));
}

#ifdef SEQUENT_TEST_STOPS
TEST_CASE("debug builds stop at an index outside of a view") {
    using sequent_test::contains;
    using sequent_test::message_of;
    model::parameters<float> p;
    model::workspace<float> w;
    const auto result = model::forward(p, {numbers, symbols, 3}, w);
    CHECK_THAT(message_of([&] { return result(9, 0); }),
               contains("index 9 of dimension 0") && contains("has 3"));
    CHECK_THAT(message_of([&] { return result(0, -1); }),
               contains("index -1 of dimension 1") && contains("has 2"));
    CHECK_THAT(message_of([&] { return p[E](5, 0); }), contains("index 5 of dimension 0"));
    CHECK_THAT(message_of([&] { return result.element(6); }), contains("element 6"));
    const sequent::tensor_view<const float> any = result;
    CHECK_THAT(message_of([&] { return any(0); }), contains("1 indices of a view of rank 2"));
    CHECK(message_of([&] { return any(2, 1); }).empty());
}

TEST_CASE("debug builds stop at a backward that does not follow its forward") {
    using sequent_test::contains;
    using sequent_test::message_of;
    model::parameters<float> p, gradient;
    model::initialize(p, 1);
    model::workspace<float> w;
    const std::vector<float> dy(6);
    const std::vector<float> copy = numbers, others{1, 2, 3, 4, 5, 7};
    const auto backward = [&](const model::facts<float>& given) {
        model::backward(p, given, dy, w, gradient);
    };
    CHECK_THAT(message_of([&] {
                   backward({numbers, symbols, 3});
               }),
               contains("backward needs a forward"));
    (void)model::forward(p, {numbers, symbols, 3}, w);
    CHECK_THAT(message_of([&] { backward({others, symbols, 3}); }), contains("other facts"));
    CHECK_THAT(message_of([&] { backward({numbers, symbols, 2}); }), contains("other facts"));
    CHECK_THAT(message_of([&] {
                   p[E](0, 0) += 1;
                   backward({numbers, symbols, 3});
               }),
               contains("other facts or parameters"));
    // The same numbers elsewhere are the same facts.
    CHECK(message_of([&] { backward({copy, symbols, 3}); }).empty());
    backward({numbers, symbols, 3});
    CHECK_THAT(message_of([&] {
                   backward({numbers, symbols, 3});
               }),
               contains("a second backward needs a second forward"));
}
#endif
