#include <sequent/nn.hpp>

#include "on_pool.hpp"

namespace {

using namespace names;
using namespace sequent;

// Gains, factors, a function without gains, and a step that only general loops compute.
inline constexpr auto mixed =
    rules(a(i) <<= x(i)[W<"W_1", 96, 48>] | gelu(), b(i) <<= x(i)[W<"W_2", 96, 48>],
          c(i) <<= (a(i), b(i)) | elementwise_product(),
          r<"d">(i) <<= c(i)[W<"W_3", 48, 96>] | rms_norm(W<"G", 48>),
          r<"e">(i) <<= (r<"d">(i), r<"d">(j), abs(i - j) <= 1) | elementwise_product() | max(j),
          out(i) <<= (r<"e">(i), r<"d">(i), x(i)));

// Rows that a count ends.
inline constexpr auto counted =
    rules(a(i) <<= (x(i)[W<"W_1", 96, 48>], i < length) | gelu(),
          out(i) <<= (a(i)[W<"W_2", 48, 96>], x(i)) | rms_norm(W<"G", 48>));

}  // namespace

TEST_CASE("a stack over symbols on several threads has the bits of one") {
    check::has_the_same_bits<
        transformer::language_model<vocabulary<33>, tokens<131>, width<40>, heads<2>, depth<2>,
                                    sequent::hidden<72>, mask::window<9>>>();
}

TEST_CASE("factors and general steps have the bits of one thread") {
    check::has_the_same_bits<model<mixed, fact<"x", 90, 48>>, true>();
}

TEST_CASE("rows that a count ends have the bits of one thread") {
    using limited = model<counted, fact<"x", 150, 48>, bound<"length">>;
    for (const int count : {3, 16, 33, 85, 130, 150})
        check::has_the_same_bits<limited, true>(count);
}
