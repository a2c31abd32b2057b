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

// [loop]
constexpr auto before = select(indices, indices - 1, equal);

constexpr auto parity = loop<12>(
    [](auto odd, auto is_done) {
        const auto ready = aggregate(before, is_done);
        return next_states(cond(ready, odd != aggregate(before, odd), odd), is_done || ready);
    },
    [](auto, auto is_done) { return is_done; }, tokens == '1', indices == 0);

static_assert(evaluate<parity>("0110") == sequence{false, true, false, false});
// [/loop]
}  // namespace

TEST_CASE("a program of the guide is a transformer") {
    // [run]
    const auto written = Reversed::run("hello");  // "olleh", by attention and hidden layers
    // [/run]
    CHECK(written == "olleh");
}
