#pragma once

/// The vocabulary in which models are written: variables, relations, weights, constraints,
/// functions, rules. Types that say nothing but themselves; plan/ gives them meaning.

#include "prologue.hpp"

#include "language/fact.hpp"
#include "language/function.hpp"
#include "language/index.hpp"
#include "language/literal.hpp"
#include "language/names.hpp"
#include "language/program.hpp"
#include "language/refuse.hpp"
#include "language/rule.hpp"
#include "language/text.hpp"

#include "epilogue.hpp"
