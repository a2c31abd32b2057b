#pragma once

/// A slow, literal interpreter of the rule language, to compare everything else with.
///
/// `oracle::evaluate(program, world)` tries every assignment of every rule's variables. It shares
/// nothing with the library but the types of the rules. It throws std::logic_error for an
/// ill-formed program and std::invalid_argument for a world that does not fit it.

#include "gradient.hpp"
#include "tree.hpp"
#include "value.hpp"
#include "world.hpp"

namespace oracle {

/// Compiled once, in evaluate.cpp.
result evaluate(const tree::program& program, const world& given);

template <class Program>
    requires language::is_program<Program> result evaluate(const Program& program,
                                                           const world& given) {
        return evaluate(tree::read(program), given);
    }

}  // namespace oracle
