#pragma once

/// A plan bound to kernels.

#include "prologue.hpp"

#include "model/explain.hpp"
#include "model/extern.hpp"
#include "model/model.hpp"

#include "epilogue.hpp"
