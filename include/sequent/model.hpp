#pragma once

/// Models: plans bound to kernels, with their parameters and memory.

#include "prologue.hpp"

#include "model/extern.hpp"
#include "model/model.hpp"
#include "model/tap.hpp"

#include "epilogue.hpp"
