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
#include "layer_names.hpp"
#include "path.hpp"
#include "placed.hpp"
#include "placement.hpp"
#include "safetensors.hpp"
#include "sorted.hpp"

/// Loads and saves a model's parameters, under the model's own names or under the names and in the
/// layout of another library's files:
///
///     io::load<Model>("model.safetensors", parameters, io::hugging_face::gpt2);

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// The slice of a view at `index` along its first axis.
SEQUENT_LAZY
SEQUENT_COLD any_view slice_of(const any_view& view, std::uint64_t index) {
    const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(index) * view.strides[0];
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

/// A parameter, or one of its layers, and the map entry that places it.
struct place_of {
    any_view view;
    std::string tensor;  // empty if the parameter is a constant
    const placement& how;
};

/// Calls visit(place_of) for each map entry of each parameter and for each of its layers, until a
/// call returns a problem; returns that problem with the names of tensor and parameter.
template <class Visit>
SEQUENT_COLD std::string for_each_place(const std::vector<any_tensor>& parameters, name_map names,
                                        const std::vector<layer_stack>& stacks, Visit visit) {
    bool has_own_names = false;
    for (const name_entry& line : names)
        has_own_names = has_own_names || line.use == name_entry::role::own;
    for (const any_tensor& parameter : parameters) {
        bool is_named = false;
        const layer_stack* in = nullptr;
        for (const layer_stack& each : stacks)
            if (in == nullptr && parameter.name.starts_with(each.prefix)) in = &each;
        const std::string name_in_map =
            in ? "layers." + parameter.name.substr(in->prefix.size()) : parameter.name;
        for (const name_entry& line : names) {
            const bool is_constant = line.use == name_entry::role::constant;
            if ((line.use != name_entry::role::parameter && !is_constant) ||
                line.parameter != name_in_map)
                continue;
            if (is_named != line.place.summand) {
                return joined_text({"the map names the parameter ", in_quotes(parameter.name),
                                    is_named ? " twice" : " first as a summand"});
            }
            is_named = true;
            const auto problem = [&](std::string_view tensor, std::string_view what) {
                return joined_text({"tensor ", in_quotes(tensor), " for the parameter ",
                                    in_quotes(parameter.name), ": ", what});
            };
            if (is_constant) {
                const std::string what = visit(place_of{parameter.view, "", line.place});
                if (what.empty()) continue;
                return joined_text({"the parameter ", in_quotes(parameter.name), ": ", what});
            }
            const layered_name form = with_layers(line.tensor, {});
            if (!form.problem.empty()) return problem(line.tensor, form.problem);
            // A parameter with too few extents has no layers: the entry is for another model.
            std::size_t axes = form.axes;
            if (in) axes = in->axes;
            if (static_cast<std::size_t>(parameter.view.rank) < axes) axes = 0;
            std::array<std::uint64_t, 3> layers{};
            for (bool more = true; more;) {
                any_view view = parameter.view;
                for (std::size_t axis = 0; axis < axes; ++axis) view = slice_of(view, layers[axis]);
                const std::string name =
                    with_layers(line.tensor, in ? in->number(layers) : layers).text;
                const std::string what = visit(place_of{view, name, line.place});
                if (!what.empty()) return problem(name, what);
                more = false;
                for (std::size_t axis = axes; axis-- > 0 && !more;) {
                    more =
                        ++layers[axis] < static_cast<std::uint64_t>(parameter.view.extents[axis]);
                    if (!more) layers[axis] = 0;
                }
            }
        }
        if (is_named) continue;
        if (!has_own_names) {
            return joined_text({"the map does not name the parameter ", in_quotes(parameter.name)});
        }
        const std::string what = visit(place_of{parameter.view, parameter.name, as_it_is});
        if (!what.empty()) return joined_text({"tensor ", in_quotes(parameter.name), ": ", what});
    }
    return "";
}

/// The rows of a tensor that parameters take.
struct coverage {
    std::vector<numbered_range> taken;
    std::uint64_t all = 0;
    bool is_open = false;  // rows may remain untaken
    int interleaving = 0;  // 0: none, -1: of each index, else the number of groups
    bool is_mixed = false;

    /// One past the last row taken.
    std::uint64_t end() const {
        std::uint64_t result = 0;
        for (const numbered_range& each : taken) result = std::max(result, each.last);
        return result;
    }
    void add(const placed& where, const placement& how) {
        const int within = how.range != row_range::interleaved ? 0
                           : how.groups > 0                    ? how.groups
                                                               : -1;
        is_mixed = is_mixed || (!taken.empty() && within != interleaving);
        interleaving = within;
        is_open = is_open || how.range == row_range::open;
        taken.push_back({where.begin, where.end, 0});
        all = where.all;
    }
    /// Names the first rows that no parameter takes or, if `once`, that two parameters take; empty
    /// if there are none.
    std::string problem(bool once) {
        if (is_mixed) return "its rows are interleaved differently for several parameters";
        sort(taken);
        std::uint64_t end = 0;
        const auto rows = [](std::uint64_t first, std::uint64_t last, const char* what) {
            return joined_text({"rows [", first, ", ", last, ") belong to ", what});
        };
        for (const numbered_range& each : taken) {
            if (each.first > end && !is_open) return rows(end, each.first, "no parameter");
            if (once && each.first < end) return rows(each.first, end, "two parameters");
            end = std::max(end, each.last);
        }
        return end < all && !is_open ? rows(end, all, "no parameter") : "";
    }
};

/// Properties of a model that maps depend on: which rows of heads its rotary positions rotate, and
/// its stacks of several kinds of layers.
struct model_layout {
    rotated_rows rotated;
    std::vector<layer_stack> stacks;
};
template <class Model>
model_layout layout_of() {
    model_layout result{{pairs_neighbours<Model>, rotated_of_head<Model>}, {}};
    if constexpr (requires { Model::shape.has_pattern(); }) {
        constexpr auto& of = Model::shape;
        if constexpr (of.has_pattern()) {
            const std::uint64_t opening = of.opening_layer ? 1 : 0;
            const auto local = static_cast<std::uint64_t>(of.local_layers);
            const std::uint64_t grouped = static_cast<std::uint64_t>(of.groups()) * (local + 1);
            result.stacks = {{"opening.", 1, 1, 0},
                             {"layers.local.", 2, local + 1, opening},
                             {"layers.full.", 2, local + 1, opening + local},
                             {"layers.", 1, 1, opening},
                             {"rest.", 1, 1, opening + grouped}};
        }
    }
    return result;
}

/// Matches the parameters with the tensors of a file by a name map.
SEQUENT_LAZY
SEQUENT_COLD matching match(const tensor_file& file, const std::vector<any_tensor>& parameters,
                            name_map names, const model_layout& layout) {
    const file_header& header = file.header;
    std::vector<std::string> plain;
    for (const header_entry& each : header.tensors) plain.push_back(plain_name(each.name, names));
    name_table entries;
    for (std::size_t at = 0; at < plain.size(); ++at) entries.add(plain[at], at);
    entries.sort();
    if (const numbered_name* const again = entries.repeated()) {
        return {{},
                joined_text({"tensor ", in_quotes(header.tensors[again->number].name),
                             " is there twice: under a name with and without a prefix or alias"})};
    }
    // A writer may store only one of several tensors that share memory and name the others in the
    // metadata.
    const auto find = [&](std::string_view wanted) {
        const std::string name = plain_name(wanted, names);
        if (const numbered_name* const found = entries.find(name)) return found;
        for (const auto& [removed, kept] : header.metadata)
            if (plain_name(removed, names) == name) return entries.find(plain_name(kept, names));
        return static_cast<const numbered_name*>(nullptr);
    };
    matching result;
    std::vector<coverage> used(header.tensors.size());
    result.problem =
        for_each_place(parameters, names, layout.stacks, [&](const place_of& of) -> std::string {
            if (of.tensor.empty()) {
                result.constants.push_back({of.view, of.how.plus});
                return "";
            }
            const numbered_name* const found = find(of.tensor);
            if (found == nullptr) return "it is not in the file";
            const header_entry& entry = header.tensors[found->number];
            const std::string problem = problem_of_type(file, entry, of.view.type);
            if (!problem.empty()) return problem.substr(2);
            const std::uint64_t taken = used[found->number].end();
            const placed stated = place(of.view, of.how, taken);
            if (!stated.problem.empty()) return stated.problem;
            const placed where = place(of.view, of.how, taken, &entry.shape);
            if (entry.shape != where.shape) {
                return joined_text({"the file has shape ", shape_text(entry.shape), ", wanted is ",
                                    shape_text(stated.shape)});
            }
            if (!where.problem.empty()) return where.problem;
            used[found->number].add(where, of.how);
            return add_pieces(result.pieces, of.view, found->number, where, of.how, layout.rotated);
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
        const numbered_name* const found = entries.find(plain_name(copy.tensor, names));
        if (found == nullptr || !used[found->number].taken.empty()) continue;
        std::string_view original = copy.parameter;  // the own name, if no entry names it
        for (const name_entry& line : names)
            if (line.use == name_entry::role::parameter && line.parameter == copy.parameter &&
                !line.place.summand)
                original = line.tensor;
        const numbered_name* const place = find(original);
        if (place == nullptr) continue;  // each layer has its own tensor
        const header_entry& entry = header.tensors[found->number];
        const header_entry& other = header.tensors[place->number];
        std::string problem = problem_of_type(file, entry, parameters.front().view.type);
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
                is_like(name, plain_name(entry.tensor, names))) {
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
        } else if (compared[at] == 0 && !is_ignored(plain[at])) {
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

/// Returns true if two views hold the same numbers. `two` has the extents of `one`, or strides of
/// 0.
SEQUENT_LAZY
SEQUENT_COLD bool are_equal(const any_view& one, const any_view& two) {
    const auto load = [](const any_view& view, std::ptrdiff_t at) {
        double result = 0;
        (view.type == dtype::f64 ? load_values<double> : load_values<float>)(view.data, at, 1, 1,
                                                                             &result);
        return result;
    };
    bool equal = true;
    piece both = whole(one, 0);
    for (std::size_t axis = 0; axis < max_axes; ++axis)
        both.strides[axis] = static_cast<std::uint64_t>(two.strides[axis]);
    for_each_row(both, [&](const piece_row& row) {
        for (std::size_t column = 0; column < row.columns; ++column) {
            const auto at = static_cast<std::ptrdiff_t>(column);
            const double x = load(one, row.at + at * row.stride);
            const double y =
                load(two, static_cast<std::ptrdiff_t>(row.number + column * row.number_stride));
            equal = equal && x == y;
        }
    });
    return equal;
}

/// Names and views of all parameters of a model.
template <class Model, class Parameters>
std::vector<any_tensor> tensors_of(Parameters& parameters) {
    std::vector<any_tensor> tensors;
    Model::for_each(parameters, [&](std::string_view name, const auto& view) {
        tensors.push_back({std::string(name), any_view::of(view)});
    });
    return tensors;
}

SEQUENT_LAZY
SEQUENT_COLD metadata_map load_mapped(const tensor_file& file,
                                      const std::vector<any_tensor>& parameters, name_map names,
                                      const model_layout& layout) {
    return load_all(file, match(file, parameters, names, layout));
}

/// The tensors that `save` writes for a map, and the pieces of which they consist.
struct mapped_tensors {
    std::vector<planned_tensor> planned;
    std::vector<piece> pieces;
};

SEQUENT_LAZY
SEQUENT_COLD mapped_tensors plan_mapped(const file_path& path,
                                        const std::vector<any_tensor>& parameters, name_map names,
                                        const model_layout& layout) {
    mapped_tensors result;
    std::vector<planned_tensor>& planned = result.planned;
    std::vector<piece>& pieces = result.pieces;
    std::vector<coverage> used;
    std::string problem =
        for_each_place(parameters, names, layout.stacks, [&](const place_of& of) -> std::string {
            if (of.tensor.empty()) {
                any_view number;
                number.data = const_cast<double*>(&of.how.plus);
                number.type = dtype::f64;
                return are_equal(of.view, number)
                           ? ""
                           : joined_text({"the file does not hold it, and it "
                                          "is not ",
                                          number_text(of.how.plus)});
            }
            std::size_t tensor = 0;
            while (tensor < planned.size() && planned[tensor].name != of.tensor) ++tensor;
            const bool is_first = tensor == planned.size();
            const placed where = place(of.view, of.how, is_first ? 0 : used[tensor].end());
            if (!where.problem.empty()) return where.problem;
            if (is_first) {
                planned.push_back({of.tensor, where.shape});
                used.emplace_back();
            } else if (of.how.range == row_range::successive) {
                planned[tensor].shape = where.shape;
            } else if (planned[tensor].shape != where.shape) {
                return joined_text({"it has shape ", shape_text(where.shape), " here and ",
                                    shape_text(planned[tensor].shape), " for another parameter"});
            }
            used[tensor].add(where, of.how);
            return add_pieces(pieces, of.view, tensor, where, of.how, layout.rotated);
        });
    for (std::size_t at = 0; at < used.size() && problem.empty(); ++at) {
        problem = used[at].problem(true);
        if (!problem.empty())
            problem = joined_text({"tensor ", in_quotes(planned[at].name), ": ", problem});
    }
    if (!problem.empty()) fail_with<error>({path.string(), ": ", problem});
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD void save_mapped(const file_path& path, const std::vector<any_tensor>& parameters,
                              name_map names, const model_layout& layout,
                              const metadata_map& metadata, dtype type) {
    const mapped_tensors all = plan_mapped(path, parameters, names, layout);
    save_all(path, all.planned, all.pieces, metadata, type);
}

}  // namespace detail

/// Fills a model's parameters from a safetensors file, or from a file that a reader of another
/// format has opened, and returns the file's metadata. The file must have exactly these parameters,
/// under their own names or under those of `names`. F16, BF16 and F32 are read into float and
/// double, F64 into double only.
///
/// Throws io::error if the file is not well-formed, or if a tensor is missing, unknown, of another
/// dtype or shape, or not finite; the parameters are then unchanged.
template <class Model, class Parameters>
metadata_map load(const tensor_file& from, Parameters& parameters) {
    return detail::load_tensors(from, detail::tensors_of<Model>(parameters));
}
/// As above, with the tensor names of `names`.
template <class Model, class Parameters>
metadata_map load(const tensor_file& from, Parameters& parameters, name_map names) {
    return detail::load_mapped(from, detail::tensors_of<Model>(parameters), names,
                               detail::layout_of<Model>());
}
/// As above, for a safetensors file or its bytes in memory.
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters) {
    return load<Model>(open_safetensors(from), parameters);
}
/// As above, for a safetensors file or its bytes in memory, with the tensor names of `names`.
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters, name_map names) {
    return load<Model>(open_safetensors(from), parameters, names);
}

/// Writes a model's parameters, under their own names or under those of `names`, to a new
/// safetensors file, which then replaces `path`. If `type` has fewer bits than the parameters,
/// numbers are rounded to nearest, ties to even. With `names`, the metadata default to
/// {"format": "pt"}, which Hugging Face's transformers require. Copies and ignored tensors of the
/// map are not written.
///
/// Throws io::error if the file cannot be written, if a number is not finite or too large for the
/// type, if a constant of the map has another value, or if the parameters do not cover all rows of
/// a tensor; the old file then remains.
template <class Model, class Parameters>
void save(const file_path& path, const Parameters& parameters, const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    detail::save_tensors(path, detail::tensors_of<Model>(parameters), metadata, type);
}
/// As above, with the tensor names of `names`.
template <class Model, class Parameters>
void save(const file_path& path, const Parameters& parameters, name_map names,
          const metadata_map& metadata = {{"format", "pt"}},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    detail::save_mapped(path, detail::tensors_of<Model>(parameters), names,
                        detail::layout_of<Model>(), metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io
