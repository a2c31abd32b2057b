#include "rules.hpp"

// Rules of one head that an atom combines, and what a stack is applied to.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

// Each is the same as the combination of one body.
inline constexpr auto combined =
    rules(a(i) <<= x(i)[W<"A", 3, 4>], b(i) <<= (x(i)[W<"B", 3, 4>], W<"b", 3>),  //
          r<"y1">(i) <<= a(i), r<"y1">(i) <<= b(i) | tanh(), r<"y1">(i) | elementwise_product(),
          r<"y2">(i) <<= a(i), r<"y2">(i) <<= b(i) | tanh(), r<"y2">(i) | max() | exp(),
          r<"y4">(i) <<= a(i), r<"y4">(i) <<= b(i) | tanh(), r<"y4">(i) | mean(),
          r<"y5">(i) <<= a(i).T(), r<"y5">(i) <<= b(i) | tanh(), r<"y5">(i) | product() | sigmoid(),
          r<"y6">(i) <<= a(i), r<"y6">(i) <<= b(i) | tanh(), r<"y6">(i) | concat(),
          r<"y7">(i) <<= a(i), r<"y7">(i) <<= b(i) | tanh(), r<"y7">(i) | cosine(),
          r<"y">(i) <<= (r<"y1">(i), r<"y2">(i), r<"y4">(i), r<"y5">(i), r<"y7">(i)),
          c(i) <<= b(i) | tanh(),  //
          r<"z1">(i) <<= (a(i), c(i)) | elementwise_product(),
          r<"z2">(i) <<= (a(i), c(i)) | max() | exp(), r<"z4">(i) <<= (a(i), c(i)) | mean(),
          r<"z5">(i) <<= (a(i).T(), c(i)) | product() | sigmoid(),
          r<"z6">(i) <<= (a(i), c(i)) | concat(), r<"z7">(i) <<= (a(i), c(i)) | cosine(),
          r<"z">(i) <<= (r<"z1">(i), r<"z2">(i), r<"z4">(i), r<"z5">(i), r<"z7">(i)));

// A stack of a whole body, and of arguments in another order.
inline constexpr auto block =
    rules(r<"out">(i, j) <<= (r<"in">(i, j)[W<"A", 3, 3>], r<"in">(j, i)) | tanh());
inline constexpr auto stacked = rules(
    y(i, j) <<= (x(i, j), x(j, i)[W<"B", 3, 3>], j != i) | relu() | stack<2>(block),
    z(i, j) <<= x(j, i) | stack<1>(block),
    // A variable that no literal mentions; a stated range that does not limit an atom.
    a(i, j) <<= x(i, j)[W<"C", 4, 3>] | rotary(g) | sum(g), b(i, j) <<= x(i, j), b(g, j) | exp());

}  // namespace

TEST_CASE("an atom combines its rules") {
    using combines = model<combined, fact<"x", 5, 4>, query<"y", "y6", "z", "z6">>;
    check::fixture<combines, double> f(2);
    CHECK(check::gradient_error(f) < 1e-5);
    const auto values = f.outputs();
    const std::size_t size = values.size() / 2;
    REQUIRE(size == 5 * (3 + 6));
    for (std::size_t at = 0; at < size; ++at) CHECK(values[at] == Approx(values[size + at]));
}

TEST_CASE("a stack is applied to what its rule gives") {
    check::agrees<model<stacked, fact<"x", 3, 3, 3>, query<"y", "z", "a", "b">>>();
}
