#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

inline constexpr var<"t"> t;
inline constexpr var<"n"> n;
inline constexpr relation<"u"> u;

// A recurrent cell from a learned state, from one that is given, and from nothing.
inline constexpr auto cell =
    rules(h(0) <<= W<"s", 4>, h(next(t)) <<= (x(t)[W<"W", 4, 3>], h(t)[W<"U", 4, 4>], W<"b", 4>) | tanh(),
          y(t) <<= h(next(t)));
}  // namespace
