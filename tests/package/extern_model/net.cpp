// The one translation unit with the code of the model.

#include "net.hpp"

SEQUENT_INSTANTIATE_MODEL(net::Net, float);
SEQUENT_INSTANTIATE_MODEL_INFERENCE(net::Net, float);
SEQUENT_INSTANTIATE_MODEL_STEP(net::Net, float);
SEQUENT_INSTANTIATE_MODEL_ON_POOL(net::Net, float);
SEQUENT_INSTANTIATE_MODEL_WITH(net::Net, net::Packed, net::Fewer);
