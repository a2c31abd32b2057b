#include "rules.hpp"

// Rules of one head whose domains differ.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::symbol;

inline constexpr relation<"document"> document;

// A sum holds where one of its rules holds, whichever comes first. A rule whose fact ends earlier
// adds nothing beyond it.
inline constexpr auto sums =
    rules(a(i, j) <<= (x(i, j), document(i) == document(j)), a(i, j) <<= z(i, j),
          y(i) <<= a(i, j) | sum(j),  //
          b(i, j) <<= z(i, j), b(i, j) <<= (x(i, j), document(i) == document(j)),
          c(i) <<= b(i, j) | mean(j),  //
          out(i) <<= q(i), out(i) <<= r<"bias">(i));

}  // namespace

TEST_CASE("sums of rules with different domains") {
    using sums_of_seven =
        model<sums, fact<"x", 7, 7>, fact<"z", 7, 7>, fact<"document", 7, symbol<3>>,
              fact<"q", 7, 3>, fact<"bias", 4, 3>, query<"y", "c", "out">>;
    const auto divide = [](auto& f) { f.symbols[2] = {0, 0, 1, 1, 1, 2, 2}; };
    check::runs<sums_of_seven>(0, 1, divide, 0);
}
