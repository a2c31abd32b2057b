// expect: rule_number<1>, in_relation<token>, a_symbol_needs_a_weight
// A symbol is a row of a weight, no value.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"E", 7, 4> E;

inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= token(i));
#else
    result(i) <<= token(i)[E]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"token", 20, sequent::symbol<7>>>;

int main() {
    return use<encoder, std::vector<std::int32_t>>() > 0;
}
