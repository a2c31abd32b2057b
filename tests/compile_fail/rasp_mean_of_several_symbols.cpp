// expect: evaluate<programs::shown>
// expect below: the_mean_of_several_symbols_or_booleans_at_position<2>
// What has no value is no constant expression; the error names program and position.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
inline constexpr auto shown = aggregate(select(indices, indices, less), tokens);
}  // namespace programs

#ifdef WRONG
static_assert(sequent::rasp::evaluate<programs::shown>("abc") == "abc");
#else
static_assert(sequent::rasp::evaluate<programs::shown>("ab").size() == 2);
#endif

int main() {
    return 0;
}
