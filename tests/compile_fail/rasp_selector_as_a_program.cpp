// expect: a RASP program is an s-op, a selector alone gives no values
// What can be evaluated.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
inline constexpr auto before = select(indices, indices, less);
#ifdef WRONG
inline constexpr auto shown = before;
#else
inline constexpr auto shown = selector_width(before);
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
