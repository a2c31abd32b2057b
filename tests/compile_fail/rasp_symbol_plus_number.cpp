// expect: RASP's + takes two numbers, a symbol or a selector is none
// Arithmetic on symbols.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto next = tokens + 1;
#else
inline constexpr auto next = tokens_int + 1;
#endif
inline constexpr auto shown = cond(next * 2 > 4, next, 0);
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>({1, 2}).empty();
}
