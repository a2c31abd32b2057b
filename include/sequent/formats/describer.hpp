#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/error.hpp"
#include "../io/json.hpp"
#include "../io/tensor_file.hpp"
#include "../joined_text.hpp"
#include "../number_text.hpp"

/// The description of a model as a preset with named arguments, and access to a config.json.

namespace sequent::inline SEQUENT_ABI::io {

/// The type of the model that fits a file: a preset and its named arguments.
struct model_description {
    /// An argument of the preset.
    struct argument {
        std::string name;         ///< name of the option: "width"
        std::string text;         ///< the option as C++: "width<768>"
        std::string field;        ///< the field or tensor of the file that states it
        bool is_default = false;  ///< the preset has this value by default
    };

    std::string file;                 ///< name of the file, for messages
    std::string preset;               ///< name of the preset: "gpt2"
    std::string names;                ///< the name map: "io::hugging_face::gpt2"
    std::vector<argument> arguments;  ///< all options that the file states

    /// The type as C++, without default arguments: "gpt2<vocabulary<50257>, tokens<1024>, ...>".
    SEQUENT_LAZY std::string text() const {
        std::string result = preset + "<";
        for (const argument& each : arguments) {
            if (each.is_default) continue;
            append_text(result, {result.back() == '<' ? "" : ", ", each.text});
        }
        return result + ">";
    }
};

namespace detail {

/// Builds a model_description from the options that a file states.
SEQUENT_LAZY class describer {
  public:
    describer(std::string_view file, std::string preset, std::string names) {
        result_.file = file;
        result_.preset = std::move(preset);
        result_.names = std::move(names);
    }

    /// The value as int; throws io::error if it is not an integer from 0 to 2^31 - 1.
    SEQUENT_COLD int whole(std::string_view field, double value) const {
        if (!(value >= 0 && value <= 2147483647 && value == std::floor(value)))
            fail_with<error>({result_.file, ": ", in_quotes(field), " is ", number_text(value),
                              ", expected is a whole number from 0 to 2147483647"});
        return static_cast<int>(value);
    }
    /// Adds an option that is a number. `usual` is the preset's default.
    SEQUENT_COLD int number(std::string_view name, std::string_view field, double value,
                            long long usual = -1) {
        const int number = whole(field, value);
        add(name, joined_text({name, "<", number, ">"}), field, number == usual);
        return number;
    }
    SEQUENT_COLD void truth(std::string_view name, std::string_view field, bool value, bool usual) {
        add(name, joined_text({name, value ? "<true>" : "<false>"}), field, value == usual);
    }
    /// Adds an option that is a type.
    SEQUENT_COLD void add(std::string_view name, std::string text, std::string_view field,
                          bool is_default) {
        result_.arguments.push_back(
            {std::string(name), std::move(text), std::string(field), is_default});
    }
    /// Adds the option normalization::kind<N>, whose epsilon is 10^-N.
    SEQUENT_COLD void epsilon(const char* kind, std::string_view field, double value, int usual) {
        int exponent = 0;
        double power = 1;
        while (exponent < 30 && power > value * 1.001) power = std::pow(10.0, -++exponent);
        // Some files store it as float: compare with a tolerance.
        if (!(std::abs(value / power - 1) < 1e-6))
            fail_with<error>({result_.file, ": ", in_quotes(field), " is ", number_text(value),
                              ", no power of ten, as the epsilon of normalization::", kind, " is"});
        add("normalization", joined_text({"normalization::", kind, "<", exponent, ">"}), field,
            exponent == usual);
    }
    SEQUENT_COLD void rotary(const char* order, std::string_view field, double base, int usual) {
        const int number = whole(field, base);
        const std::string of = number == 10000 ? "" : joined_text({number});
        add("position", joined_text({"position::", order, "<", of, ">"}), field, number == usual);
    }

    /// The mask of a sliding window, which includes the position itself.
    SEQUENT_COLD std::string window(json_value of) const {
        const int width = whole("sliding_window", of.number());
        if (width < 1) of.fail({"expected a whole number of at least 1"});
        return joined_text({"mask::window<", width - 1, ">"});
    }

    model_description finish() { return std::move(result_); }

  private:
    model_description result_;
};

/// The fields of a config.json; a field that is null counts as absent, unless `is_null` is asked.
SEQUENT_LAZY class configuration_fields {
  public:
    explicit configuration_fields(json_value root) : root_(root) {}

    bool has(std::string_view key) const { return root_.has(key) && !root_[key].is_null(); }
    bool is_null(std::string_view key) const { return root_.has(key) && root_[key].is_null(); }
    json_value operator[](std::string_view key) const { return root_[key]; }

    SEQUENT_COLD double number(std::string_view key) const { return root_[key].number(); }
    SEQUENT_COLD double number(std::string_view key, double otherwise) const {
        return has(key) ? root_[key].number() : otherwise;
    }
    SEQUENT_COLD bool truth(std::string_view key, bool otherwise) const {
        return has(key) ? root_[key].boolean() : otherwise;
    }
    SEQUENT_COLD std::string text(std::string_view key, std::string_view otherwise) const {
        return std::string(has(key) ? root_[key].string() : otherwise);
    }
    /// Throws io::error unless a field has the only value that the preset supports, or is absent.
    SEQUENT_COLD void expect(std::string_view key, bool wanted) const {
        if (truth(key, wanted) != wanted)
            root_[key].fail({"\"", key, "\" is ", wanted ? "false" : "true",
                             ", which the preset does not compute"});
    }
    SEQUENT_COLD void expect_absent(std::string_view key) const {
        if (has(key))
            root_[key].fail({"\"", key, "\" is given, which the preset does not compute"});
    }
    /// The option for the activation that a field names.
    SEQUENT_COLD std::string activation(std::string_view key, std::string_view otherwise,
                                        bool gated) const {
        struct known {
            std::string_view theirs;
            const char* plain;
            const char* gated;
        };
        constexpr known all[] = {{"gelu", "gelu", "geglu"},
                                 {"gelu_new", "gelu_tanh", "geglu_tanh"},
                                 {"gelu_pytorch_tanh", "gelu_tanh", "geglu_tanh"},
                                 {"relu", "relu", "reglu"},
                                 {"silu", "silu", "swiglu"},
                                 {"swish", "silu", "swiglu"},
                                 {"sigmoid", "sigmoid", "glu"},
                                 {"tanh", "tanh", ""},
                                 {"quick_gelu", "quick_gelu", ""}};
        const std::string name = text(key, otherwise);
        for (const known& each : all) {
            const std::string_view ours = gated ? each.gated : each.plain;
            if (each.theirs == name && !ours.empty()) return joined_text({"activation::", ours});
        }
        (has(key) ? root_[key] : root_).fail({"the activation \"", name, "\" is not known"});
    }

  private:
    json_value root_;
};

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::io
