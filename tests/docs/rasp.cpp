// The code of docs/rasp.md.

// [reversed]
#include <sequent/rasp.hpp>

using namespace sequent::rasp;

inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);

static_assert(evaluate<reversed>("hello") == "olleh");
static_assert(layers<reversed> == 2 && heads<reversed> == 1);
// [/reversed]

#include "../catch.hpp"

namespace {
// [compiled]
using Reversed = compile<reversed, alphabet<"ehlo">, max_length<8>>;
// [/compiled]
}  // namespace

TEST_CASE("a program of the guide is a transformer") {
    // [run]
    const auto written = Reversed::run("hello");  // "olleh", by attention and hidden layers
    // [/run]
    CHECK(written == "olleh");
}
