// expect: evaluate<programs::shown>
// expect below: a_division_by_zero
// What has no value is no constant expression; the error names the program.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
inline constexpr auto shown = 1 / (indices - 2);
}  // namespace programs

#ifdef WRONG
static_assert(sequent::rasp::evaluate<programs::shown>("abc").size() == 3);
#else
static_assert(sequent::rasp::evaluate<programs::shown>("ab").size() == 2);
#endif

int main() {
    return 0;
}
