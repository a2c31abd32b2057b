#pragma once

/// Everything.

#include "draw.hpp"
#include "io.hpp"
#include "kernel.hpp"
#include "language.hpp"
#include "model.hpp"
#include "nn.hpp"
#include "plan.hpp"
#include "rasp.hpp"
#include "train.hpp"
