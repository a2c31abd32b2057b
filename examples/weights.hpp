#pragma once

// The weights of a model in the format that a command line names.

#include <sequent/packed.hpp>
#include <string>

#include "options.hpp"

namespace examples {

/// The value of an option that is a format of weights.
inline std::string format_of(command_line& line) {
    constexpr const char* names[] = {"float", "q8_0"};
    return names[line.one_of({"float", "q8_0"})];
}

/// Calls f(weights): the parameters themselves, or packed ones.
template <class Model, class Parameters, class F>
void with_weights(const std::string& format, const Parameters& parameters, F f) {
    if (format == "float") {
        f(parameters);
        return;
    }
    const auto packed = sequent::make_unique<typename Model::template packed<sequent::q8_0>>();
    packed->pack(parameters);
    f(*packed);
}

}  // namespace examples
