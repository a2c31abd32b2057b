// expect: RASP's || joins two selectors or two booleans, never one of each
// An s-op is no selector.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
inline constexpr auto before = select(indices, indices, less);
#ifdef WRONG
inline constexpr auto chosen = tokens == 'a' || before;
#else
inline constexpr auto chosen = select(tokens, 'a', equal) || before;
#endif
inline constexpr auto shown = selector_width(chosen);
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
