#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "llama2c.hpp"
#include "name_map.hpp"
#include "safetensors.hpp"
#include "source.hpp"

/// Selects the type of the model at run time by the shapes in a file:
///
///     io::visit<Small, Large>("model.bin", [&]<class Model>() { run<Model>(); });

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// Names and extents of a model's parameters, without data.
template <class Model>
std::vector<any_tensor> shapes_of() {
    std::vector<any_tensor> result;
    Model::for_each_shape([&](std::string_view name, std::span<const int> extents) {
        any_view view;
        view.type = dtype::f64;
        view.rank = static_cast<int>(extents.size());
        for (std::size_t axis = 0; axis < extents.size(); ++axis)
            view.extents[axis] = extents[axis];
        result.push_back({std::string(name), view});
    });
    return result;
}

/// Returns true if the bytes begin like a safetensors file, whose header is a JSON object. In a
/// checkpoint of llama2.c, these bytes state the depth, which would exceed 8000 layers.
SEQUENT_LAZY
inline bool is_safetensors(std::span<const std::byte> bytes) {
    return bytes.size() > 9 && bytes[8] == std::byte{'{'} &&
           (bytes[9] == std::byte{'"'} || bytes[9] == std::byte{'}'} || bytes[9] == std::byte{' '});
}

/// Describes why a model does not fit a checkpoint of llama2.c; empty if it fits.
template <class Model>
std::string misfit(const llama2c_configuration& configuration) {
    const std::vector<any_tensor> parameters = shapes_of<Model>();
    const auto own = configuration_of(parameters, tokens_of<Model>);
    if (own.vocabulary == 0) return "no llama";
    if (const std::string problem = unlike_llama2c<Model>(); !problem.empty()) return problem;
    return own == configuration ? misfit(configuration, parameters) : own.text();
}

template <class Model>
std::string misfit(const tensor_file& file, const name_map* names) {
    const std::vector<any_tensor> parameters = shapes_of<Model>();
    return names ? match(file, parameters, *names, layout_of<Model>()).problem
                 : match(file, parameters).problem;
}

template <class Model, class... Models, class F>
decltype(auto) call_for(std::size_t number, F&& f) {
    if constexpr (sizeof...(Models) > 0) {
        if (number > 0) return call_for<Models...>(number - 1, std::forward<F>(f));
    }
    return std::forward<F>(f).template operator()<Model>();
}

/// The index of the first model without a misfit. Throws io::error if there is none.
SEQUENT_LAZY
inline std::size_t first_fit(std::string_view file, const std::string& found,
                             std::span<const std::string> misfits) {
    std::string message = joined_text({file, ": ", found, "; no model of the list fits"});
    for (std::size_t at = 0; at < misfits.size(); ++at) {
        if (misfits[at].empty()) return at;
        append_text(message, {"\n  model ", at + 1, ": ", misfits[at]});
    }
    sequent::fail<error>(message);
}

template <class... Models, class F>
decltype(auto) visit_tensors(const tensor_file& file, const name_map* names, F&& f) {
    const std::array<std::string, sizeof...(Models)> misfits{misfit<Models>(file, names)...};
    const std::size_t fitting = first_fit(
        file.name, joined_text({"has ", file.header.tensors.size(), " tensors"}), misfits);
    return call_for<Models...>(fitting, std::forward<F>(f));
}

template <class... Models, class F>
decltype(auto) visit_with(const source& from, const name_map* names, F&& f) {
    if (is_safetensors(from.bytes()))
        return visit_tensors<Models...>(open_safetensors(from), names, std::forward<F>(f));
    const auto configuration = read_llama2c_header(from);
    const std::array<std::string, sizeof...(Models)> misfits{misfit<Models>(configuration)...};
    const std::size_t fitting = first_fit(from.name(), "has " + configuration.text(), misfits);
    return call_for<Models...>(fitting, std::forward<F>(f));
}

}  // namespace detail

/// Calls `f.template operator()<Model>()` for the first of the models that has exactly the
/// parameters of a file, and returns the result. The file is a safetensors file or one that a
/// reader of another format has opened, with the model's own names or those of `names`; or a
/// checkpoint of llama2.c, whose number of positions must match, too. If `names` lets a file fit
/// models with fewer positions, list the model with the most positions first.
///
/// Throws io::error if the file has another format or no model fits; the message states what the
/// file has and how each model differs.
template <class Model, class... Models, class F>
decltype(auto) visit(const source& from, F&& f) {
    return detail::visit_with<Model, Models...>(from, nullptr, std::forward<F>(f));
}
/// As above, with the tensor names of `names`.
template <class Model, class... Models, class F>
decltype(auto) visit(const source& from, name_map names, F&& f) {
    return detail::visit_with<Model, Models...>(from, &names, std::forward<F>(f));
}

/// As above, for a file that a reader has opened.
template <class Model, class... Models, class F>
decltype(auto) visit(const tensor_file& from, F&& f) {
    return detail::visit_tensors<Model, Models...>(from, nullptr, std::forward<F>(f));
}
/// As above, for a file that a reader has opened, with the tensor names of `names`.
template <class Model, class... Models, class F>
decltype(auto) visit(const tensor_file& from, name_map names, F&& f) {
    return detail::visit_tensors<Model, Models...>(from, &names, std::forward<F>(f));
}

}  // namespace sequent::inline SEQUENT_ABI::io
