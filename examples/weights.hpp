#pragma once

// The weights of a model in the format that a command line names.

#include <sequent/packed.hpp>
#include <stdexcept>
#include <string>

#include "options.hpp"

namespace examples {

/// The value of an option that is a format of weights.
inline std::string format_of(command_line& line) {
    const std::string name = line.word();
    std::string given = line.text();
    if (given != "float" && given != "q8_0")
        throw std::invalid_argument(name + " takes float or q8_0, given is \"" + given + '"');
    return given;
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
