// expect: RASP's aggregate takes a selector
// A boolean s-op is no selector.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto shown = aggregate(tokens == 'a', indices);
#else
inline constexpr auto shown = aggregate(select(tokens, 'a', equal), indices);
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
