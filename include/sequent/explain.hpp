#pragma once

/// What the compiler of rules chose for a model, as text, JSON or data. sequent.hpp does not
/// include this header.

#include "prologue.hpp"

#include "model/explain.hpp"

#include "epilogue.hpp"
