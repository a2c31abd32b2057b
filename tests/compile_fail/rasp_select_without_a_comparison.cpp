// expect: RASP's select takes keys, queries, and how they are compared
// Which of six comparisons is meant is always written.

#include <sequent/rasp/analysis.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto shown = aggregate(select(tokens, tokens), indices);
#else
inline constexpr auto shown = aggregate(select(tokens, tokens, equal), indices);
#endif
}  // namespace programs

int main() {
    return sequent::rasp::layers<programs::shown> == 0;
}
