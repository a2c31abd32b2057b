// expect: RASP's cond chooses between two values of one type
// An s-op has one type at all positions.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto shown = cond(indices == 0, tokens, 0);
#else
inline constexpr auto shown = cond(indices == 0, tokens, '0');
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
