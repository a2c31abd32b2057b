// expect: too_many_values_in_a_function, operation::greater, aggregate(everything, tokens)) > 3
// expect below: this operation of the RASP program can't be compiled
// The product of two means has more values than a table may have.

#include <sequent/rasp/compile.hpp>

namespace programs {
using namespace sequent::rasp;
constexpr auto mean_so_far = aggregate(select(indices, indices, less_equal), tokens_int);
constexpr auto mean = aggregate(everything, tokens_int);
#ifdef WRONG
inline constexpr auto shown = indicator(mean_so_far * mean > 3);
#else
inline constexpr auto shown = indicator(mean_so_far + mean > 3);
#endif
}  // namespace programs

using compiled = sequent::rasp::compile<programs::shown, sequent::rasp::integers<0, 9>,
                                        sequent::rasp::max_length<8>>;

int main() {
    return compiled::size.width > 0;
}
