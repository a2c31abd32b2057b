#pragma once

/// A plan bound to kernels.

#include "model/model.hpp"
