#pragma once

/// The plan of a model as text, JSON or data: its steps, their sizes, and why a step is slow.
/// sequent.hpp does not include this header.

#include "prologue.hpp"

#include "model/explain.hpp"

#include "epilogue.hpp"
