// expect: RASP's < compares two numbers or two symbols
// Booleans have no order.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
inline constexpr auto is_a = tokens == 'a';
#ifdef WRONG
inline constexpr auto shown = is_a < (indices == 0);
#else
inline constexpr auto shown = is_a != (indices == 0);
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
