#pragma once

#include <sequent/packed.hpp>

namespace net {

using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"weights"> weights;
inline constexpr weight<"W", 32, 32> W;

inline constexpr auto rules_of_net =
    rules(weights(i, j) <<= (x(j).T(), x(i), j <= i) | product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)[W]) | product() | sum(j));

using Net = sequent::model<rules_of_net, sequent::fact<"x", 6, 32>>;
using Packed = Net::packed<sequent::q8_0>;
using Fewer = Net::state<float, sequent::cache<sequent::q8_0>>;

}  // namespace net

SEQUENT_EXTERN_MODEL(net::Net, float);
SEQUENT_EXTERN_MODEL_INFERENCE(net::Net, float);
SEQUENT_EXTERN_MODEL_STEP(net::Net, float);
SEQUENT_EXTERN_MODEL_ON_POOL(net::Net, float);
SEQUENT_EXTERN_MODEL_WITH(net::Net, net::Packed, net::Fewer);
