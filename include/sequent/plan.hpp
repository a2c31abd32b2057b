#pragma once

/// Rules as types in, steps with offsets and strides out: constexpr functions over arrays, no SIMD,
/// no run time.

#include "prologue.hpp"

#include "plan/plan.hpp"

#include "epilogue.hpp"
