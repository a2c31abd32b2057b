#include "rasp/compile.hpp"

// The larger programs are compared by the example of the same name.

namespace {

using namespace sequent::rasp;

inline constexpr auto sorted = sequent::rasp::sort(tokens, tokens);

}  // namespace

TEST_CASE("sort without a beginning of the sequence compiles") {
    using compiled_sort = compile<sorted, alphabet<"abc">, max_length<9>>;
    static_assert(check::has_analysed_size<sorted, compiled_sort>());
    static_assert(!compiled_sort::size.embeds_pairs);
    check::compiled<sorted, compiled_sort>(check::input_source("abc"), check::input_source("abc"));
}
