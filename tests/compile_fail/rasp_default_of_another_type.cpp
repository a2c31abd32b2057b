// expect: the default of RASP's aggregate is of the values' type
// What an aggregate gives where nothing is selected.

#include <sequent/rasp/evaluate.hpp>

namespace programs {
using namespace sequent::rasp;
inline constexpr auto previous = select(indices + 1, indices, equal);
#ifdef WRONG
inline constexpr auto shown = aggregate(previous, tokens, 0);
#else
inline constexpr auto shown = aggregate(previous, tokens, '-');
#endif
}  // namespace programs

int main() {
    return sequent::rasp::evaluate<programs::shown>("ab").empty();
}
