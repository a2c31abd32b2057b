#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../io.hpp"
#include "../joined_text.hpp"

/// Checkpoints: parameters and the state of an optimiser in one safetensors file.

namespace sequent::inline SEQUENT_ABI::train {

namespace detail {

/// All weights under their own names, and each array of the optimizer state as tensors of the same
/// shapes, so that the file does not depend on the order of parameters in memory.
template <class Model, class T, class Optimizer>
std::vector<io::detail::any_tensor> checkpoint_tensors(std::span<T> parameters,
                                                       Optimizer& optimizer) {
    std::vector<io::detail::any_tensor> tensors;
    const auto add = [&](std::string_view prefix, std::span<T> flat, bool may_be_negative) {
        Model::for_each(flat, [&](std::string_view name, const auto& view) {
            tensors.push_back(
                {joined_text({prefix, name}), io::detail::any_view::of(view), may_be_negative});
        });
    };
    add("", parameters, true);
    for (auto& array : optimizer.state()) {
        if (!array.values.empty())
            add(joined_text({"optimizer.", std::string_view(array.name), "."}), array.values,
                array.may_be_negative);
    }
    return tensors;
}

}  // namespace detail

/// Writes parameters, optimizer state, the number of steps and metadata to a new file that then
/// replaces `path`. load_checkpoint restores every bit.
///
/// Throws io::error if the file cannot be written or a number is not finite.
template <class Model, class T, class Optimizer>
void save_checkpoint(const io::file_path& path, std::span<T> parameters, Optimizer& optimizer,
                     io::metadata_map metadata = {}) {
    metadata["optimizer.steps"] = std::to_string(optimizer.steps());
    io::detail::save_tensors(path, detail::checkpoint_tensors<Model, T>(parameters, optimizer),
                             metadata, io::dtype_of<T>);
}

/// Reads parameters, optimizer state and number of steps from a file of save_checkpoint, and
/// returns the metadata.
///
/// Throws io::error if the file does not hold exactly this model and optimiser, or if a mean of
/// squares (Adam's second moment) is negative; then nothing has changed.
template <class Model, class T, class Optimizer>
io::metadata_map load_checkpoint(const io::file_path& path, std::span<T> parameters,
                                 Optimizer& optimizer) {
    const io::tensor_file file = io::open_safetensors(path);
    const io::metadata_map& known = file.header.metadata;
    const auto steps = known.find("optimizer.steps");
    if (steps == known.end())
        fail_with<io::error>({path.string(), ": the metadata has no \"optimizer.steps\""});
    std::int64_t count = 0;
    for (const char digit : steps->second) {
        if (digit < '0' || digit > '9' || count > (std::int64_t{1} << 50))
            fail_with<io::error>(
                {path.string(), ": \"optimizer.steps\" is no count: \"", steps->second, "\""});
        count = count * 10 + (digit - '0');
    }
    const io::metadata_map metadata =
        io::detail::load_tensors(file, detail::checkpoint_tensors<Model, T>(parameters, optimizer));
    optimizer.set_steps(count);
    return metadata;
}

}  // namespace sequent::inline SEQUENT_ABI::train
