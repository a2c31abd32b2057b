#pragma once

/// Pictures of models as SVG.

#include "draw/masks.hpp"
