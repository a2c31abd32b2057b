#pragma once

/// The plan of a program: from rules as types to steps with offsets and strides, by constexpr
/// functions over arrays. No SIMD, nothing at run time.

#include "prologue.hpp"

#include "plan/plan.hpp"

#include "epilogue.hpp"
