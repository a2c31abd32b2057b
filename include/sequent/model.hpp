#pragma once

/// A plan bound to kernels.

#include "model/explain.hpp"
#include "model/extern.hpp"
#include "model/model.hpp"
