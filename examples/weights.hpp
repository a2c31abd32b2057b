#pragma once

// The weights of a model in the format that a command line names.

#include <memory>
#include <sequent/packed.hpp>
#include <string_view>

#include "options.hpp"

namespace examples {

/// The format of a model: one of the library, or a type with `template <class Model> using of`.
template <class Format, class Model>
struct format_for {
    using type = Format;
};
template <class Format, class Model>
    requires requires {
        typename Format::template of<Model>;
    }
struct format_for<Format, Model> {
    using type = typename Format::template of<Model>;
};

/// Weights that an option chooses: "f32", parameters as floats, or one of the Formats of packed
/// ones, which take less memory and time.
///
///     using formats = examples::weight_formats<sequent::q8_0>;
template <class... Formats>
struct weight_formats {
    static constexpr std::string_view names[] = {"f32", Formats::name...};

    /// The value of the option at hand.
    static std::string_view read(command_line& line) {
        return names[line.one_of({"f32", Formats::name...})];
    }

    /// Calls f(weights): parameters that load(parameters) has filled, or the packed weights that
    /// load_packed.operator()<Packed>() returns.
    template <class Model, class Load, class LoadPacked, class F>
    static void visit(std::string_view name, Load load, LoadPacked load_packed, F f) {
        if (name == "f32") {
            const auto parameters =
                sequent::make_unique<typename Model::template parameters<float>>();
            load(*parameters);
            f(*parameters);
            return;
        }
        const auto visit_packed = [&]<class Format>(Format*) {
            using packed = typename Model::template packed<typename format_for<Format, Model>::type,
                                                           sequent::pack_all>;
            if (name == Format::name) f(*load_packed.template operator()<packed>());
        };
        (visit_packed(static_cast<Formats*>(nullptr)), ...);
    }
};

}  // namespace examples
