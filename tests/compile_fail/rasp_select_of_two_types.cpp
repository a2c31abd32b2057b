// expect: RASP's select compares keys and queries of one type
// Keys and queries.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
#ifdef WRONG
inline constexpr auto same = select(tokens, indices, equal);
#else
inline constexpr auto same = select(tokens, tokens, equal);
#endif
inline constexpr auto shown = selector_width(same);
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
