// expect: RASP's * takes two numbers, of a boolean indicator(...) is one
// Arithmetic on booleans.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto where = (tokens == 'a') * indices;
#else
inline constexpr auto where = indicator(tokens == 'a') * indices;
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::where>("ab").empty();
}
