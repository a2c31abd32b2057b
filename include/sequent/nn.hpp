#pragma once

/// Templates of common architectures, written in the rule language, and the sampler of the next
/// symbol.

#include "prologue.hpp"

#include "nn/arguments.hpp"
#include "nn/attention.hpp"
#include "nn/convolution.hpp"
#include "nn/feed_forward.hpp"
#include "nn/options.hpp"
#include "nn/presets.hpp"
#include "nn/recurrent.hpp"
#include "nn/sampler.hpp"
#include "nn/transformer.hpp"

#include "epilogue.hpp"
