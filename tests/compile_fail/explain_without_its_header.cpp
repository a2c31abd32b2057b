// expect: explain is defined in another header, #include <sequent/explain.hpp>
// A function that sequent.hpp only declares.

#include <sequent/sequent.hpp>
#ifndef WRONG
#include <sequent/explain.hpp>
#endif

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= (input(i)[W_q], input(i)));
}  // namespace article

using Model = sequent::model<article::program, sequent::fact<"input", 4, 4>>;

int main() {
    return sequent::explain<Model>().empty();
}
