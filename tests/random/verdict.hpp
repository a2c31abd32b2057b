#pragma once

#include <set>
#include <string>

#include "program.hpp"

/// What comes of planning and running a program.

namespace random_programs {

enum class outcome {
    agrees,      // in all that was compared
    refused,     // by the planner
    not_finite,  // some numbers are infinite or NaN, or nearly so, so that nothing was compared
    differs
};

struct verdict {
    outcome result = outcome::agrees;
    std::string reason{};   // of a refusal or a difference, in words that group them
    std::string details{};  // the numbers
    std::set<std::string> covered{};
    bool stepped = false;  // rows were computed one after another, too
};

/// Plans the program, interprets the plan and compares it with the oracle.
verdict judge(const program& written);

}  // namespace random_programs
