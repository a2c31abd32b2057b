#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "safetensors.hpp"

/// A model's parameters under the names, and in the layout, that another library's files have.
///
///     inline constexpr io::name_entry names[] = {
///         io::optional_prefix("transformer."),
///         {"embedding", "wte.weight"},
///         {"layers.W_query", "h.{}.attn.c_attn.weight", io::transposed | io::part(0, 3)},
///         {"layers.b_query", "h.{}.attn.c_attn.bias", io::flat | io::part(0, 3)},
///         io::ignored("h.{}.attn.bias"),
///     };
///     io::load<Model>("model.safetensors", parameters, names);

namespace sequent::inline SEQUENT_ABI::io {

/// How a tensor of a file holds a parameter. By default it holds a matrix: its columns are the
/// parameter's last extent, its rows the product of the others, so that the heads of [H, d_h, d]
/// are one matrix of H d_h x d; a parameter of one extent is a vector.
struct placement {
    bool transposed = false;
    bool flat = false;
    bool any_shape = false;
    int rank = 0;  // of the shape that is stated; 0 if none is
    std::array<int, 4> shape{};
    int begin = 0;  // the first row, or, of equal parts, which of them
    int of = 1;     // how many rows, or how many equal parts, the tensor has
    bool parts = true;

    constexpr bool is_whole() const { return parts && of == 1; }
};

/// The file's matrix is [columns, rows], [in, out] for a linear map.
inline constexpr placement transposed{.transposed = true};
/// The file has a vector: the parameter's elements in row-major order.
inline constexpr placement flat{.flat = true};
/// The file's tensor has as many elements in the same order, whatever its extents are. It is
/// written with the parameter's own.
inline constexpr placement reshaped{.any_shape = true};

/// The file's tensor has these extents, with the elements in the same order; 0 is what the others
/// leave: shaped(0, 3, 16, 16).
template <class... Int>
constexpr placement shaped(Int... extents) {
    static_assert(sizeof...(extents) >= 1 && sizeof...(extents) <= 4);
    return {.rank = static_cast<int>(sizeof...(extents)), .shape = {extents...}};
}

/// The file's rows (a vector's elements) are those of `of` parameters of one size, one after
/// another, of which this is number `number`, counted from 0.
constexpr placement part(int number, int of) {
    if (number < 0 || number >= of) {
        sequent::fail<error>("io::part: " + std::to_string(number) + " is none of " +
                             std::to_string(of) + " parts");
    }
    return {.begin = number, .of = of};
}

/// The file has `of` rows (a vector's elements), and the parameter's begin at row `begin`.
constexpr placement rows(int begin, int of) {
    if (begin < 0 || begin >= of) {
        sequent::fail<error>("io::rows: " + std::to_string(begin) + " is none of " +
                             std::to_string(of) + " rows");
    }
    return {.begin = begin, .of = of, .parts = false};
}

/// Both.
constexpr placement operator|(const placement& a, const placement& b) {
    placement result = a;
    result.transposed = a.transposed || b.transposed;
    result.flat = a.flat || b.flat;
    result.any_shape = a.any_shape || b.any_shape;
    if (b.rank > 0) {
        result.rank = b.rank;
        result.shape = b.shape;
    }
    if (!b.is_whole()) {
        result.begin = b.begin;
        result.of = b.of;
        result.parts = b.parts;
    }
    return result;
}

/// A line of a map: a parameter as Model::for_each names it, and the tensor that holds it. "{}" in
/// the tensor's name is the layer: the parameter's first extent, one tensor for each.
///
/// A line whose parameter the model does not have is passed over, so that one map serves models
/// with and without biases. One tensor may fill several parameters.
struct name_entry {
    enum class role { parameter, ignored, prefix };

    std::string_view parameter;
    std::string_view tensor;
    placement place{};
    role use = role::parameter;
};

/// A tensor that a file may hold and that is not read. "{}" is any number, "*" at the end is
/// anything.
constexpr name_entry ignored(std::string_view tensor) {
    return {{}, tensor, {}, name_entry::role::ignored};
}

/// What names of the file and of the map may begin with; names that differ in this alone are the
/// same. A file is written with the names of the map as they stand there.
constexpr name_entry optional_prefix(std::string_view text) {
    return {{}, text, {}, name_entry::role::prefix};
}

using name_map = std::span<const name_entry>;

namespace detail {

inline std::string_view without_prefix(std::string_view name, name_map names) {
    for (const name_entry& entry : names) {
        if (entry.use == name_entry::role::prefix && name.starts_with(entry.tensor)) {
            return name.substr(entry.tensor.size());
        }
    }
    return name;
}

inline constexpr std::string_view layer_mark = "{}";

inline bool has_layers(const name_entry& entry) {
    return entry.tensor.find(layer_mark) != std::string_view::npos;
}

inline std::string with_layer(std::string_view name, int layer) {
    const std::size_t at = name.find(layer_mark);
    if (at == std::string_view::npos) return std::string(name);
    return std::string(name.substr(0, at)) + std::to_string(layer) +
           std::string(name.substr(at + layer_mark.size()));
}

/// Whether a name is one of those that `ignored` describes.
inline bool is_like(std::string_view name, std::string_view pattern) {
    const auto same_start = [](std::string_view text, std::string_view start, bool to_the_end) {
        if (to_the_end && start.ends_with('*')) {
            return text.starts_with(start.substr(0, start.size() - 1));
        }
        return to_the_end ? text == start : text.starts_with(start);
    };
    const std::size_t at = pattern.find(layer_mark);
    if (at == std::string_view::npos) return same_start(name, pattern, true);
    if (!same_start(name, pattern.substr(0, at), false)) return false;
    std::size_t end = at;
    while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
    return end > at && same_start(name.substr(end), pattern.substr(at + layer_mark.size()), true);
}

/// The shape of the tensor that holds a parameter, or one layer of it, and where it is there.
struct placed {
    std::vector<std::uint64_t> shape;
    std::uint64_t first = 0;
    std::uint64_t row_stride = 0;
    std::uint64_t column_stride = 1;
    std::uint64_t begin = 0;  // of the rows that it takes
    std::uint64_t end = 0;
    std::uint64_t all = 0;
    std::string problem;
};

inline placed place(const std::vector<std::uint64_t>& own, const placement& how) {
    const std::uint64_t size = size_of(own);
    const std::uint64_t columns = columns_of(own);
    placed result;
    result.row_stride = columns;
    if (how.any_shape || how.rank > 0) {
        result.shape = own;
        result.end = result.all = size;
        if (!how.is_whole() || how.transposed || how.flat) {
            result.problem = "a tensor of another shape is whole and not transposed";
        }
        if (how.rank == 0) return result;
        const auto extents = std::span(how.shape).first(static_cast<std::size_t>(how.rank));
        std::uint64_t others = 1;
        for (const int extent : extents) others *= extent == 0 ? 1U : static_cast<unsigned>(extent);
        result.shape.clear();
        for (const int extent : extents) {
            result.shape.push_back(extent == 0 ? size / others : static_cast<unsigned>(extent));
        }
        if (size_of(result.shape) != size) {
            result.problem = "shape " + shape_text(result.shape) + " has not its " +
                             std::to_string(size) + " elements";
        }
        return result;
    }
    const bool vector = how.flat || own.size() < 2;
    const std::uint64_t count = vector ? size : columns == 0 ? 0 : size / columns;
    const auto of = static_cast<std::uint64_t>(how.of);
    const auto begin = static_cast<std::uint64_t>(how.begin);
    result.all = how.parts ? of * count : of;
    result.begin = how.parts ? begin * count : begin;
    result.end = result.begin + count;
    if (result.end > result.all) {
        result.problem = "rows [" + std::to_string(result.begin) + ", " +
                         std::to_string(result.end) + ") are beyond the " +
                         std::to_string(result.all) + " of the tensor";
    }
    if (vector) {
        if (!own.empty() || !how.is_whole() || how.flat) result.shape = {result.all};
        result.first = result.begin;
    } else if (how.transposed) {
        result.shape = {columns, result.all};
        result.first = result.begin;
        result.row_stride = 1;
        result.column_stride = result.all;
    } else {
        result.shape = {result.all, columns};
        result.first = result.begin * columns;
    }
    return result;
}

/// One layer of a view whose first axis is the layers.
template <class T>
tensor_view<T> layer_of(const tensor_view<T>& view, int layer) {
    tensor_view<T> result;
    result.data = view.data + static_cast<std::ptrdiff_t>(layer) * view.strides[0];
    result.rank = view.rank - 1;
    std::copy(view.extents.begin() + 1, view.extents.end(), result.extents.begin());
    std::copy(view.strides.begin() + 1, view.strides.end(), result.strides.begin());
    return result;
}

/// Calls visit(parameter, view, placed, tensor's name) for each parameter, or each layer of it,
/// until one returns a problem.
template <class T, class Visit>
std::string for_each_place(std::span<const named_tensor<T>> parameters, name_map names,
                           Visit visit) {
    for (const auto& parameter : parameters) {
        const name_entry* entry = nullptr;
        for (const name_entry& each : names) {
            if (each.use != name_entry::role::parameter || each.parameter != parameter.name)
                continue;
            if (entry) return "the map names the parameter " + in_quotes(parameter.name) + " twice";
            entry = &each;
        }
        if (!entry) return "the map does not name the parameter " + in_quotes(parameter.name);
        const bool layers = has_layers(*entry) && parameter.view.rank > 0;
        const int count = layers ? parameter.view.extents[0] : 1;
        for (int layer = 0; layer < count; ++layer) {
            const auto view = layers ? layer_of(parameter.view, layer) : parameter.view;
            const std::string name = with_layer(entry->tensor, layer);
            const placed where = place(shape_of(view), entry->place);
            std::string problem = where.problem;
            if (problem.empty()) problem = visit(parameter, view, where, name, entry->place);
            if (!problem.empty()) {
                return "tensor " + in_quotes(name) + " for the parameter " +
                       in_quotes(parameter.name) + ": " + problem;
            }
        }
    }
    return "";
}

/// Which rows of a tensor are taken.
struct coverage {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
    std::uint64_t all = 0;

    void add(const placed& where) {
        taken.emplace_back(where.begin, where.end);
        all = where.all;
    }
    /// The first rows that are taken by nothing, or, if that is asked, twice.
    std::string problem(bool once) {
        std::ranges::sort(taken);
        std::uint64_t end = 0;
        const auto rows = [](std::uint64_t first, std::uint64_t last) {
            return "rows [" + std::to_string(first) + ", " + std::to_string(last) + ") ";
        };
        for (const auto& [first, last] : taken) {
            if (first > end) return rows(end, first) + "belong to no parameter";
            if (once && first < end) return rows(first, end) + "belong to two parameters";
            end = std::max(end, last);
        }
        return end < all ? rows(end, all) + "belong to no parameter" : "";
    }
};

/// The pieces of the file that the parameters are.
template <class T>
matching<T> match(const file_header& header, std::span<const named_tensor<T>> parameters,
                  name_map names) {
    std::map<std::string_view, std::size_t> entries;
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        const std::string& name = header.tensors[at].name;
        if (!entries.emplace(without_prefix(name, names), at).second) {
            return {{}, "tensor " + in_quotes(name) + " is there with and without a prefix"};
        }
    }
    matching<T> result;
    std::map<std::size_t, coverage> used;
    result.problem = for_each_place(
        parameters, names,
        [&](const auto&, const tensor_view<T>& view, const placed& where, const std::string& name,
            const placement& how) -> std::string {
            const auto found = entries.find(without_prefix(name, names));
            if (found == entries.end()) return "it is not in the file";
            const header_entry& entry = header.tensors[found->second];
            // What the file says may overflow: problem_of_type compares it with its bytes first.
            std::string problem = problem_of_type<T>(entry);
            if (!problem.empty()) return problem.substr(2);
            if (how.any_shape && how.rank == 0 ? size_of(entry.shape) != size_of(where.shape)
                                               : entry.shape != where.shape) {
                return "the file has shape " + shape_text(entry.shape) + ", wanted is " +
                       shape_text(where.shape);
            }
            used[found->second].add(where);
            result.pieces.push_back(
                {view, found->second, where.first, where.row_stride, where.column_stride});
            return "";
        });
    if (!result.problem.empty()) return result;
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        const std::string& name = header.tensors[at].name;
        if (const auto found = used.find(at); found != used.end()) {
            const std::string problem = found->second.problem(false);
            if (!problem.empty()) result.problem = "tensor " + in_quotes(name) + ": " + problem;
        } else if (std::ranges::none_of(names, [&](const name_entry& entry) {
                       return entry.use == name_entry::role::ignored &&
                              is_like(without_prefix(name, names),
                                      without_prefix(entry.tensor, names));
                   })) {
            result.problem = "tensor " + in_quotes(name) +
                             " is in the file, but no parameter is made of it, and the map does "
                             "not ignore it";
        }
        if (!result.problem.empty()) return result;
    }
    return result;
}

/// A model's parameters as tensors.
template <class Model, class Parameters>
auto tensors_of(Parameters& parameters) {
    using T = std::remove_reference_t<decltype(*parameters.data())>;
    std::vector<named_tensor<T>> tensors;
    Model::for_each(parameters, [&](std::string_view name, const tensor_view<T>& view) {
        tensors.push_back({std::string(name), view});
    });
    return tensors;
}

template <class T>
void save_mapped(const std::filesystem::path& path, std::span<const named_tensor<T>> parameters,
                 name_map names, const metadata_map& metadata, dtype type) {
    std::vector<planned_tensor> planned;
    std::vector<piece<T>> pieces;
    std::vector<coverage> used;
    std::map<std::string, std::size_t> places;
    std::string problem = for_each_place(
        parameters, names,
        [&](const auto&, const tensor_view<T>& view, const placed& where, const std::string& name,
            const placement&) -> std::string {
            const auto [found, is_new] = places.emplace(name, planned.size());
            const std::size_t tensor = found->second;
            if (is_new) {
                planned.push_back({name, where.shape});
                used.emplace_back();
            } else if (planned[tensor].shape != where.shape) {
                return "it has shape " + shape_text(where.shape) + " here and " +
                       shape_text(planned[tensor].shape) + " for another parameter";
            }
            used[tensor].add(where);
            pieces.push_back({view, tensor, where.first, where.row_stride, where.column_stride});
            return "";
        });
    for (std::size_t at = 0; at < used.size() && problem.empty(); ++at) {
        problem = used[at].problem(true);
        if (!problem.empty()) problem = "tensor " + in_quotes(planned[at].name) + ": " + problem;
    }
    if (!problem.empty()) sequent::fail<error>(path.string() + ": " + problem);
    save_all<T>(path, planned, pieces, metadata, type);
}

}  // namespace detail

/// Fills a model's parameters from a file of exactly these, under their own names, or under those
/// of `names`, and returns its metadata. Types as in the load of tensors.
///
/// Throws io::error if a tensor is missing, not wanted, of another type or shape or not finite;
/// then no parameter has changed.
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters) {
    return load(from, detail::tensors_of<Model>(parameters));
}
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters, name_map names) {
    const auto tensors = detail::tensors_of<Model>(parameters);
    using T = detail::element_of<decltype(tensors)>;
    detail::opened file = detail::open_checked(from);
    const auto found = detail::match(file.header, std::span<const named_tensor<T>>(tensors), names);
    return detail::load_all(std::move(file), found);
}

/// Writes a model's parameters, under their own names or under those of `names`, to a new file that
/// then replaces `path`; in a `type` of fewer bits than theirs rounded to nearest, ties to even.
/// (Hugging Face's transformers read files with the metadata {{"format", "pt"}} alone.)
///
/// Throws io::error if the file cannot be written, a number is not finite or too large for the
/// type, or the parameters leave rows of a tensor open.
template <class Model, class Parameters>
void save(const std::filesystem::path& path, const Parameters& parameters,
          const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    save(path, detail::tensors_of<Model>(parameters), metadata, type);
}
template <class Model, class Parameters>
void save(const std::filesystem::path& path, const Parameters& parameters, name_map names,
          const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    const auto tensors = detail::tensors_of<Model>(parameters);
    using T = detail::element_of<decltype(tensors)>;
    detail::save_mapped(path, std::span<const named_tensor<T>>(tensors), names, metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io
