// expect: RASP's == compares two numbers
// A symbol is never a number.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto shown = indicator(tokens == 1);
#else
inline constexpr auto shown = indicator(tokens == '1');
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
