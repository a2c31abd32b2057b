// expect: RASP's && joins two selectors or two booleans, never one of each
// A selector is no s-op.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
inline constexpr auto before = select(indices, indices, less);
#ifdef WRONG
inline constexpr auto chosen = before && tokens == 'a';
#else
inline constexpr auto chosen = before && select(tokens, 'a', equal);
#endif
inline constexpr auto shown = selector_width(chosen);
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
