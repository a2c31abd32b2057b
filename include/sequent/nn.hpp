#pragma once

/// The fixed templates, all written in the rule language, and the choice of the next symbol.

#include "prologue.hpp"

#include "nn/arguments.hpp"
#include "nn/attention.hpp"
#include "nn/graph.hpp"
#include "nn/options.hpp"
#include "nn/presets.hpp"
#include "nn/recurrent.hpp"
#include "nn/sampler.hpp"
#include "nn/transformer.hpp"

#include "epilogue.hpp"
