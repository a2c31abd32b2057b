#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "functions.hpp"
#include "path.hpp"
#include "safetensors.hpp"
#include "sorted.hpp"

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
    bool halves = false;
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
/// The rows of each head (the parameter's last extent but one) are in the order that
/// rotary_halves() turns, x[k] with x[k + length / 2]. For a model with rotary(), which turns
/// neighbours, they are put into its order, and back when they are written.
inline constexpr placement halves{.halves = true};

/// In `shaped`: the parameter's own extent of an axis.
constexpr int own(int axis) {
    if (axis < 0 || axis >= max_rank) {
        fail_with<error>({"io::own: no parameter has the axis ", axis});
    }
    return -1 - axis;
}
/// In `shaped`: the side of a square. It is the file's; a file is written with the greatest one.
inline constexpr int side = -1 - max_rank;

/// The file's tensor has these extents, with the elements in the same order; 0 is what the others
/// leave: shaped(0, 3, 16, 16), shaped(own(0), 0, side, side).
template <class... Int>
constexpr placement shaped(Int... extents) {
    static_assert(sizeof...(extents) >= 1 && sizeof...(extents) <= 4);
    return {.rank = static_cast<int>(sizeof...(extents)), .shape = {extents...}};
}

/// The file's rows (a vector's elements) are those of `of` parameters of one size, one after
/// another, of which this is number `number`, counted from 0.
constexpr placement part(int number, int of) {
    if (number < 0 || number >= of) {
        fail_with<error>({"io::part: ", number, " is none of ", of, " parts"});
    }
    return {.begin = number, .of = of};
}

/// The file has `of` rows (a vector's elements), and the parameter's begin at row `begin`.
constexpr placement rows(int begin, int of) {
    if (begin < 0 || begin >= of) {
        fail_with<error>({"io::rows: ", begin, " is none of ", of, " rows"});
    }
    return {.begin = begin, .of = of, .parts = false};
}

/// Both.
constexpr placement operator|(const placement& a, const placement& b) {
    placement result = a;
    result.transposed = a.transposed || b.transposed;
    result.flat = a.flat || b.flat;
    result.halves = a.halves || b.halves;
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
    enum class role { parameter, ignored, prefix, copy };

    std::string_view parameter;
    std::string_view tensor;
    placement place{};
    role use = role::parameter;
    std::string_view with{};  // of a copy: the parameter that a model has where it matters
};

/// A tensor that a file may hold and that is not read. "{}" is any number, "*" at the end is
/// anything.
constexpr name_entry ignored(std::string_view tensor) {
    return {{}, tensor, {}, name_entry::role::ignored};
}

/// A tensor that a file may hold beside the one of `parameter` and that must equal it, such as the
/// matrix of the logits of a model that has the embedding in its place. A model without the
/// parameter `with`, if one is named, does not read it either way.
constexpr name_entry copy_of(std::string_view parameter, std::string_view tensor,
                             std::string_view with = {}) {
    return {parameter, tensor, {}, name_entry::role::copy, with};
}

/// What names of the file and of the map may begin with; names that differ in this alone are the
/// same. A file is written with the names of the map as they stand there.
constexpr name_entry optional_prefix(std::string_view text) {
    return {{}, text, {}, name_entry::role::prefix};
}

using name_map = std::span<const name_entry>;

namespace detail {

SEQUENT_LAZY
inline std::string_view without_prefix(std::string_view name, name_map names) {
    for (const name_entry& entry : names) {
        if (entry.use == name_entry::role::prefix && name.starts_with(entry.tensor)) {
            return name.substr(entry.tensor.size());
        }
    }
    return name;
}

inline constexpr std::string_view layer_mark = "{}";

SEQUENT_LAZY
inline bool has_layers(const name_entry& entry) {
    return entry.tensor.find(layer_mark) != std::string_view::npos;
}

SEQUENT_LAZY
SEQUENT_COLD std::string with_layer(std::string_view name, int layer) {
    const std::size_t at = name.find(layer_mark);
    if (at == std::string_view::npos) return std::string(name);
    return joined_text({name.substr(0, at), layer, name.substr(at + layer_mark.size())});
}

/// Whether a name is one of those that `ignored` describes.
SEQUENT_LAZY
SEQUENT_COLD bool is_like(std::string_view name, std::string_view pattern) {
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

/// The extents that a placement states, of a parameter of this shape. `found` is the shape in the
/// file, if there is one, which tells the side of squares.
SEQUENT_LAZY
SEQUENT_COLD std::vector<std::uint64_t> stated_shape(const std::vector<std::uint64_t>& own,
                                                     const placement& how,
                                                     const std::vector<std::uint64_t>* found) {
    const auto extents = std::span(how.shape).first(static_cast<std::size_t>(how.rank));
    const std::uint64_t size = size_of(own);
    std::vector<std::uint64_t> result;
    std::uint64_t others = 1;
    std::size_t sides = 0;
    for (const int extent : extents) {
        const auto axis = static_cast<std::size_t>(-1 - extent);
        result.push_back(extent > 0          ? static_cast<std::uint64_t>(extent)
                         : extent == 0       ? 1
                         : extent == side    ? 1
                         : axis < own.size() ? own[axis]
                                             : 0);
        others *= result.back();
        sides += extent == side ? 1U : 0U;
    }
    // What is left for squares and the one extent that the others leave.
    std::uint64_t rest = others == 0 ? 0 : size / others;
    const auto power = [&](std::uint64_t length) {
        std::uint64_t all = 1;
        for (std::size_t at = 0; at < sides && all <= rest; ++at) all *= length;
        return all;
    };
    std::uint64_t length = 1;
    if (sides > 0 && rest > 0) {
        if (found && found->size() == extents.size()) {
            for (std::size_t axis = 0; axis < extents.size(); ++axis)
                if (extents[axis] == side)
                    length = std::min(std::max<std::uint64_t>((*found)[axis], 1), rest);
        } else {
            for (std::uint64_t each = 2; power(each) <= rest; ++each)
                if (rest % power(each) == 0) length = each;
        }
        rest /= std::max<std::uint64_t>(1, std::min(power(length), rest));
    }
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        if (extents[axis] == 0) result[axis] = rest;
        if (extents[axis] == side) result[axis] = length;
    }
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD placed place(const std::vector<std::uint64_t>& own, const placement& how,
                          const std::vector<std::uint64_t>* found = nullptr) {
    const std::uint64_t size = size_of(own);
    const std::uint64_t columns = columns_of(own);
    placed result;
    result.row_stride = columns;
    if (how.rank > 0) {
        result.end = result.all = size;
        result.shape = stated_shape(own, how, found);
        if (!how.is_whole() || how.transposed || how.flat || how.halves) {
            result.problem = "a tensor of another shape is whole and not transposed";
        } else if (size_of(result.shape) != size) {
            result.problem = joined_text(
                {"shape ", shape_text(result.shape), " has not its ", size, " elements"});
        }
        return result;
    }
    if (how.halves && (own.size() < 2 || own[own.size() - 2] % 2 != 0)) {
        result.problem = "its heads have no halves";
    }
    const bool vector = how.flat || own.size() < 2;
    const std::uint64_t count = vector ? size : columns == 0 ? 0 : size / columns;
    const auto of = static_cast<std::uint64_t>(how.of);
    const auto begin = static_cast<std::uint64_t>(how.begin);
    result.all = how.parts ? of * count : of;
    result.begin = how.parts ? begin * count : begin;
    result.end = result.begin + count;
    if (result.end > result.all) {
        result.problem = joined_text({"rows [", result.begin, ", ", result.end, ") are beyond the ",
                                      result.all, " of the tensor"});
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
SEQUENT_LAZY
SEQUENT_COLD any_view layer_of(const any_view& view, int layer) {
    const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(layer) * view.strides[0];
    any_view result;
    result.data = static_cast<std::byte*>(view.data) +
                  offset * static_cast<std::ptrdiff_t>(io::size_of(view.type));
    result.type = view.type;
    result.rank = view.rank - 1;
    for (std::size_t axis = 1; axis < view.extents.size(); ++axis) {
        result.extents[axis - 1] = view.extents[axis];
        result.strides[axis - 1] = view.strides[axis];
    }
    return result;
}

/// How many rows of a view are one head whose halves are neighbours in the model; 0 if it has none.
SEQUENT_LAZY
SEQUENT_COLD std::uint64_t interleaved_rows(const any_view& view, const placement& how,
                                            bool neighbours) {
    return how.halves && neighbours
               ? static_cast<std::uint64_t>(view.extents[static_cast<std::size_t>(view.rank - 2)])
               : 0;
}

/// Calls visit(view, placed, tensor's name, placement) for each parameter, or each layer of it,
/// until one returns a problem.
template <class Visit>
std::string for_each_place(std::span<const any_tensor> parameters, name_map names, Visit visit) {
    for (const any_tensor& parameter : parameters) {
        const name_entry* entry = nullptr;
        for (const name_entry& each : names) {
            if (each.use != name_entry::role::parameter || each.parameter != parameter.name)
                continue;
            if (entry != nullptr) {
                return joined_text(
                    {"the map names the parameter ", in_quotes(parameter.name), " twice"});
            }
            entry = &each;
        }
        if (entry == nullptr) {
            return joined_text({"the map does not name the parameter ", in_quotes(parameter.name)});
        }
        const bool layers = has_layers(*entry) && parameter.view.rank > 0;
        const int count = layers ? parameter.view.extents[0] : 1;
        for (int layer = 0; layer < count; ++layer) {
            const any_view view = layers ? layer_of(parameter.view, layer) : parameter.view;
            const std::string name = with_layer(entry->tensor, layer);
            const placed where = place(shape_of(view), entry->place);
            std::string problem = where.problem;
            if (problem.empty()) problem = visit(view, where, name, entry->place);
            if (!problem.empty()) {
                return joined_text({"tensor ", in_quotes(name), " for the parameter ",
                                    in_quotes(parameter.name), ": ", problem});
            }
        }
    }
    return "";
}

/// Which rows of a tensor are taken.
struct coverage {
    std::vector<numbered_range> taken;
    std::uint64_t all = 0;

    void add(const placed& where) {
        taken.push_back({where.begin, where.end, 0});
        all = where.all;
    }
    /// The first rows that are taken by nothing, or, if that is asked, twice.
    std::string problem(bool once) {
        sort(taken);
        std::uint64_t end = 0;
        const auto rows = [](std::uint64_t first, std::uint64_t last, const char* what) {
            return joined_text({"rows [", first, ", ", last, ") belong to ", what});
        };
        for (const numbered_range& each : taken) {
            if (each.first > end) return rows(end, each.first, "no parameter");
            if (once && each.first < end) return rows(each.first, end, "two parameters");
            end = std::max(end, each.last);
        }
        return end < all ? rows(end, all, "no parameter") : "";
    }
};

/// The pieces of the file that the parameters are. `neighbours`: whether the model turns pairs of
/// neighbours by rotary positions.
SEQUENT_LAZY
SEQUENT_COLD matching match(const file_header& header, std::span<const any_tensor> parameters,
                            name_map names, bool neighbours) {
    name_table entries;
    for (std::size_t at = 0; at < header.tensors.size(); ++at)
        entries.add(without_prefix(header.tensors[at].name, names), at);
    entries.sort();
    if (const numbered_name* const again = entries.repeated()) {
        return {{},
                joined_text({"tensor ", in_quotes(header.tensors[again->number].name),
                             " is there with and without a prefix"})};
    }
    // Of tensors that share their memory a writer may keep one, and say so in the metadata.
    const auto find = [&](std::string_view name) {
        name = without_prefix(name, names);
        if (const numbered_name* const found = entries.find(name)) return found;
        for (const auto& [removed, kept] : header.metadata)
            if (without_prefix(removed, names) == name)
                return entries.find(without_prefix(kept, names));
        return static_cast<const numbered_name*>(nullptr);
    };
    matching result;
    std::vector<coverage> used(header.tensors.size());
    result.problem = for_each_place(
        parameters, names,
        [&](const any_view& view, const placed& stated, const std::string& name,
            const placement& how) -> std::string {
            const numbered_name* const found = find(name);
            if (found == nullptr) return "it is not in the file";
            const header_entry& entry = header.tensors[found->number];
            const std::string problem = problem_of_type(entry, view.type);
            if (!problem.empty()) return problem.substr(2);
            const placed where = how.rank > 0 ? place(shape_of(view), how, &entry.shape) : stated;
            if (entry.shape != where.shape) {
                return joined_text({"the file has shape ", shape_text(entry.shape), ", wanted is ",
                                    shape_text(stated.shape)});
            }
            used[found->number].add(where);
            result.pieces.push_back({view, found->number, where.first, where.row_stride,
                                     where.column_stride, interleaved_rows(view, how, neighbours)});
            return "";
        });
    if (!result.problem.empty()) return result;
    const auto has = [&](std::string_view parameter) {
        for (const any_tensor& each : parameters)
            if (each.name == parameter) return true;
        return false;
    };
    std::vector<char> compared(header.tensors.size());
    for (const name_entry& copy : names) {
        if (copy.use != name_entry::role::copy || !has(copy.parameter) ||
            (!copy.with.empty() && !has(copy.with))) {
            continue;
        }
        const numbered_name* const found = entries.find(without_prefix(copy.tensor, names));
        if (found == nullptr || !used[found->number].taken.empty()) continue;
        const name_entry* line = names.data();
        while (line->use != name_entry::role::parameter || line->parameter != copy.parameter)
            ++line;
        const numbered_name* const place = find(line->tensor);
        if (place == nullptr) continue;  // it has a tensor for each layer
        const header_entry& entry = header.tensors[found->number];
        const header_entry& other = header.tensors[place->number];
        std::string problem = problem_of_type(entry, parameters.front().view.type);
        if (problem.empty() && entry.shape != other.shape) {
            problem = joined_text({": the file has shape ", shape_text(entry.shape), ", that of ",
                                   in_quotes(other.name), ", which the model has in its place, is ",
                                   shape_text(other.shape)});
        }
        if (!problem.empty()) return {{}, joined_text({"tensor ", in_quotes(entry.name), problem})};
        result.equal.push_back({found->number, place->number});
        compared[found->number] = 1;
    }
    const auto is_ignored = [&](std::string_view name) {
        for (const name_entry& entry : names) {
            if (entry.use == name_entry::role::ignored &&
                is_like(without_prefix(name, names), without_prefix(entry.tensor, names))) {
                return true;
            }
        }
        return false;
    };
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        const std::string& name = header.tensors[at].name;
        std::string problem;
        if (!used[at].taken.empty()) {
            problem = used[at].problem(false);
            if (!problem.empty()) problem = ": " + problem;
        } else if (compared[at] == 0 && !is_ignored(name)) {
            problem =
                " is in the file, but no parameter is made of it, and the map does not "
                "ignore it";
        }
        if (problem.empty()) continue;
        result.problem = joined_text({"tensor ", in_quotes(name), problem});
        return result;
    }
    return result;
}

/// A model's parameters as tensors.
template <class Model, class Parameters>
std::vector<any_tensor> tensors_of(Parameters& parameters) {
    std::vector<any_tensor> tensors;
    Model::for_each(parameters, [&](std::string_view name, const auto& view) {
        tensors.push_back({std::string(name), any_view::of(view)});
    });
    return tensors;
}

SEQUENT_LAZY
SEQUENT_COLD metadata_map load_mapped(const source& from, std::span<const any_tensor> parameters,
                                      name_map names, bool neighbours) {
    opened file = open_checked(from);
    const matching found = match(file.header, parameters, names, neighbours);
    return load_all(std::move(file), found);
}

SEQUENT_LAZY
SEQUENT_COLD void save_mapped(const file_path& path, std::span<const any_tensor> parameters,
                              name_map names, bool neighbours, const metadata_map& metadata,
                              dtype type) {
    std::vector<planned_tensor> planned;
    std::vector<piece> pieces;
    std::vector<coverage> used;
    std::string problem = for_each_place(
        parameters, names,
        [&](const any_view& view, const placed& where, const std::string& name,
            const placement& how) -> std::string {
            std::size_t tensor = 0;
            while (tensor < planned.size() && planned[tensor].name != name) ++tensor;
            if (tensor == planned.size()) {
                planned.push_back({name, where.shape});
                used.emplace_back();
            } else if (planned[tensor].shape != where.shape) {
                return joined_text({"it has shape ", shape_text(where.shape), " here and ",
                                    shape_text(planned[tensor].shape), " for another parameter"});
            }
            used[tensor].add(where);
            pieces.push_back({view, tensor, where.first, where.row_stride, where.column_stride,
                              interleaved_rows(view, how, neighbours)});
            return "";
        });
    for (std::size_t at = 0; at < used.size() && problem.empty(); ++at) {
        problem = used[at].problem(true);
        if (!problem.empty())
            problem = joined_text({"tensor ", in_quotes(planned[at].name), ": ", problem});
    }
    if (!problem.empty()) fail_with<error>({path.string(), ": ", problem});
    save_all(path, planned, pieces, metadata, type);
}

}  // namespace detail

/// Fills a model's parameters from a file of exactly these, under their own names, or under those
/// of `names`, and returns its metadata. Types as in the load of tensors.
///
/// Throws io::error if a tensor is missing, not wanted, of another type or shape or not finite;
/// then no parameter has changed.
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters) {
    return detail::load_tensors(from, detail::tensors_of<Model>(parameters));
}
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters, name_map names) {
    return detail::load_mapped(from, detail::tensors_of<Model>(parameters), names,
                               detail::pairs_neighbours<Model>);
}

/// Writes a model's parameters, under their own names or under those of `names`, to a new file that
/// then replaces `path`; in a `type` of fewer bits than theirs rounded to nearest, ties to even.
/// (Hugging Face's transformers read files with the metadata {{"format", "pt"}} alone.)
///
/// Throws io::error if the file cannot be written, a number is not finite or too large for the
/// type, or the parameters leave rows of a tensor open.
template <class Model, class Parameters>
void save(const file_path& path, const Parameters& parameters, const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    detail::save_tensors(path, detail::tensors_of<Model>(parameters), metadata, type);
}
template <class Model, class Parameters>
void save(const file_path& path, const Parameters& parameters, name_map names,
          const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    detail::save_mapped(path, detail::tensors_of<Model>(parameters), names,
                        detail::pairs_neighbours<Model>, metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io
