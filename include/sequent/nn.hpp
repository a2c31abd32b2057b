#pragma once

/// The fixed templates, all written in the rule language.

#include "nn/attention.hpp"
#include "nn/graph.hpp"
#include "nn/options.hpp"
#include "nn/presets.hpp"
#include "nn/recurrent.hpp"
#include "nn/transformer.hpp"
