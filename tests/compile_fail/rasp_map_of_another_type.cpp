// expect: RASP's map takes a function of the values' type
// A function of numbers is none of symbols.

#include <sequent/rasp/function.hpp>

namespace programs {
using namespace sequent::rasp;
constexpr int doubled(int number) {
    return 2 * number;
}
#ifdef WRONG
inline constexpr auto shown = map<doubled>(tokens);
#else
inline constexpr auto shown = map<doubled>(tokens_int);
#endif
}  // namespace programs

int main() {
    return decltype(programs::shown)::kind == sequent::rasp::type::symbol;
}
