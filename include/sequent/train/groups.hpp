#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "../fail.hpp"
#include "../joined_text.hpp"
#include "../model/parameters.hpp"
#include "../number_text.hpp"

/// Groups of parameters, chosen by the names and shapes of weights, with a learning rate and a
/// weight decay each.

namespace sequent::inline SEQUENT_ABI::train {

/// Options of an optimiser for the weights of a group.
struct parameter_group {
    /// Factor of the learning rate.
    double rate = 1;
    /// Factor of the weight decay; by default 1 for trained matrices and 0 for other weights.
    std::optional<double> decay{};
    /// The weights and their optimizer state do not change.
    bool frozen = false;
    /// False for matrices that Muon treats like vectors, by AdamW: those that map to the classes,
    /// for instance. Rows that symbols select (embeddings) are never treated as a matrix.
    bool as_matrix = true;
};

/// Neighbouring parameters [begin, end) with equal settings.
struct parameter_run {
    /// The first parameter.
    std::size_t begin = 0;
    /// The end of the parameters.
    std::size_t end = 0;
    double rate = 1;         ///< factor of the learning rate
    double decay = 1;        ///< factor of the weight decay
    bool frozen = false;     ///< true if nothing changes
    bool in_matrix = false;  ///< true if the parameters are elements of parameter_groups::matrices

    /// True if the settings are equal.
    bool equals(const parameter_run& other) const noexcept {
        return rate == other.rate && decay == other.decay && frozen == other.frozen &&
               in_matrix == other.in_matrix;
    }
};

/// A weight matrix in the flat parameters; one for each layer and each value of an index.
struct parameter_matrix {
    std::size_t offset = 0;     ///< of the first element
    int rows = 0;               ///< number of outputs
    int columns = 0;            ///< number of inputs
    std::ptrdiff_t row = 0;     ///< distance of neighbouring rows, in elements
    std::ptrdiff_t column = 0;  ///< distance of neighbouring columns, in elements
    double rate = 1;            ///< factor of the learning rate
    double decay = 1;           ///< factor of the weight decay
};

/// The settings of all parameters: runs in ascending order that cover them, and the matrices that
/// are trained as such. `groups_of` makes it for a model.
struct parameter_groups {
    /// The runs.
    std::vector<parameter_run> runs{};
    /// The matrices.
    std::vector<parameter_matrix> matrices{};

    parameter_groups() = default;
    /// One group of `size` parameters.
    explicit parameter_groups(std::size_t size) : runs{{0, size}} {}

    /// The number of parameters.
    std::size_t size() const noexcept { return runs.empty() ? 0 : runs.back().end; }
    /// Adds a parameter with the settings of `next` behind the last one.
    SEQUENT_COLD void push(const parameter_run& next) {
        const std::size_t at = size();
        if (runs.empty() || !runs.back().equals(next)) {
            runs.push_back(next);
            runs.back().begin = at;
        }
        runs.back().end = at + 1;
    }
    /// The run of the parameter.
    const parameter_run* run_at(std::size_t place) const noexcept {
        const parameter_run* first = runs.data();
        std::size_t count = runs.size();
        while (count > 1) {
            const std::size_t half = count / 2;
            if (first[half].begin <= place) {
                first += half;
                count -= half;
            } else {
                count = half;
            }
        }
        return first;
    }
    /// Sets the gradients of frozen parameters to zero, so that they do not count in its norm.
    template <class T>
    void clear_frozen(std::span<T> gradient) const noexcept {
        for (const parameter_run& run : runs)
            if (run.frozen)
                for (std::size_t at = run.begin; at < run.end; ++at) gradient[at] = T(0);
    }
};

namespace detail {

/// Throws argument_error unless the factors of a group are finite and not negative.
SEQUENT_LAZY
SEQUENT_COLD void check_group(std::string_view name, const parameter_group& of) {
    const auto check = [name](const char* what, double value) {
        check_number<argument_error>(value >= 0 && std::isfinite(value),
                                     joined_text({"sequent: the ", what, " of ", name}), value,
                                     "a finite number of at least 0");
    };
    check("factor of the learning rate", of.rate);
    check("factor of the weight decay", of.decay.value_or(0));
}

/// The groups of `size` parameters of these weights; `choose(weight, extents)` returns the group of
/// a weight.
template <class Choose>
SEQUENT_COLD parameter_groups groups_of_weights(std::span<const model_detail::named_weight> weights,
                                                std::size_t size, Choose& choose) {
    parameter_groups result;
    // The weight of each parameter. Weights may be interleaved, and between them is padding.
    std::vector<std::uint16_t> owners(size, std::numeric_limits<std::uint16_t>::max());
    std::vector<parameter_run> settings;
    for (const model_detail::named_weight& each : weights) {
        const model_detail::weight_view& view = each.view;
        const parameter_group group = choose(
            each.name, std::span<const int>(view.extents, static_cast<std::size_t>(view.rank)));
        check_group(each.name, group);
        const bool matrix = view.value_rank == 2 && view.trained;
        parameter_run run;
        run.rate = group.rate;
        run.decay = group.decay.value_or(matrix ? 1 : 0);
        run.frozen = group.frozen;
        run.in_matrix = matrix && group.as_matrix && !group.frozen && !view.looked_up;
        const auto owner = static_cast<std::uint16_t>(settings.size());
        const auto places = model_detail::to_tensor(view, owners.data());
        const int matrix_size =
            matrix ? view.extents[view.rank - 1] * view.extents[view.rank - 2] : 1;
        for (int at = 0; at < places.size(); ++at) {
            std::uint16_t& place = places.element(at);
            place = owner;
            if (run.in_matrix && at % matrix_size == 0)
                result.matrices.push_back({static_cast<std::size_t>(&place - owners.data()),
                                           view.extents[view.rank - 2], view.extents[view.rank - 1],
                                           view.strides[view.rank - 2], view.strides[view.rank - 1],
                                           run.rate, run.decay});
        }
        settings.push_back(run);
    }
    parameter_run last;  // padding has the settings of the parameter before it
    for (const std::uint16_t owner : owners) {
        if (owner < settings.size()) last = settings[owner];
        result.push(last);
    }
    return result;
}

}  // namespace detail

/// The groups of a model's parameters: `choose(name, extents)` returns the parameter_group of each
/// weight. `extents` are those of its view: layers, indices, rows (outputs), columns (inputs).
/// Throws argument_error if a factor is negative or not finite.
///
///     groups_of<Model>([](std::string_view name, auto) -> parameter_group {
///         return {.rate = 0.1, .frozen = name.starts_with("layers.")};
///     });
template <class Model, class Choose>
[[nodiscard]] SEQUENT_COLD parameter_groups groups_of(Choose choose) {
    return detail::groups_of_weights(
        model_detail::named_weights<typename Model::plan>,
        static_cast<std::size_t>(Model::template parameters<float>::size), choose);
}
/// The usual groups: matrices decay, other weights do not.
template <class Model>
[[nodiscard]] parameter_groups groups_of() {
    return groups_of<Model>(
        [](std::string_view, std::span<const int>) { return parameter_group{}; });
}

}  // namespace sequent::inline SEQUENT_ABI::train
