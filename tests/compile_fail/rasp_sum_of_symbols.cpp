// expect: RASP's sum takes numbers
// Only numbers have a sum.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto shown = sum(everything, tokens);
#else
inline constexpr auto shown = sum(everything, indices);
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
