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
#include "placement.hpp"
#include "safetensors.hpp"
#include "sorted.hpp"

/// A model's parameters under the names, and in the layout, that another library's files have:
///
///     io::load<Model>("model.safetensors", parameters, io::hugging_face::gpt2);

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// A name of the file or of the map with aliases replaced and without its optional prefix.
SEQUENT_LAZY
SEQUENT_COLD std::string plain_name(std::string_view given, name_map names) {
    std::string name(given);
    for (const name_entry& entry : names) {
        if (entry.use != name_entry::role::alias || entry.parameter.empty()) continue;
        for (std::size_t at = 0; (at = name.find(entry.parameter, at)) != std::string::npos;
             at += entry.tensor.size())
            name.replace(at, entry.parameter.size(), entry.tensor);
    }
    for (const name_entry& entry : names) {
        if (entry.use != name_entry::role::prefix || !name.starts_with(entry.tensor)) continue;
        return name.substr(entry.tensor.size());
    }
    return name;
}

/// The layers of a tensor's name: calls each(text before braces, text within them) and returns the
/// text behind the last braces.
template <class Each>
std::string_view for_each_brace(std::string_view name, Each each) {
    for (;;) {
        const std::size_t begin = name.find('{');
        const std::size_t end = name.find('}', begin);
        if (begin == std::string_view::npos || end == std::string_view::npos) return name;
        each(name.substr(0, begin), name.substr(begin + 1, end - begin - 1));
        name.remove_prefix(end + 1);
    }
}

/// The value of a sum such as "6a+b+1", and how many of a, b, c it uses; "" is "a".
struct layer_number {
    std::uint64_t value = 0;
    std::size_t axes = 0;
    bool is_formed = false;
};

SEQUENT_LAZY
SEQUENT_COLD layer_number number_of_layer(std::string_view text,
                                          const std::array<std::uint64_t, 3>& layers) {
    layer_number result;
    if (text.empty()) text = "a";
    std::size_t at = 0;
    for (;;) {
        std::uint64_t factor = 0;
        const std::size_t begin = at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && at < begin + 6; ++at)
            factor = factor * 10 + static_cast<std::uint64_t>(text[at] - '0');
        const bool has_factor = at > begin;
        if (at < text.size() && text[at] >= 'a' && text[at] <= 'c') {
            const auto axis = static_cast<std::size_t>(text[at++] - 'a');
            factor = (has_factor ? factor : 1) * layers[axis];
            result.axes = std::max(result.axes, axis + 1);
        } else if (!has_factor) {
            return result;
        }
        result.value += factor;
        if (at == text.size()) break;
        if (text[at++] != '+') return result;
    }
    result.is_formed = true;
    return result;
}

/// A line's name with the layers' numbers; `axes` tells how many of the parameter's extents are
/// layers.
struct layered_name {
    std::string text;
    std::size_t axes = 0;
    std::string problem;
};

SEQUENT_LAZY
SEQUENT_COLD layered_name with_layers(std::string_view name,
                                      const std::array<std::uint64_t, 3>& layers) {
    layered_name result;
    const std::string_view rest =
        for_each_brace(name, [&](std::string_view before, std::string_view within) {
            const layer_number number = number_of_layer(within, layers);
            if (!number.is_formed) {
                result.problem =
                    joined_text({in_quotes(within),
                                 " in the name is no sum of numbers and multiples of a, b "
                                 "and c, the parameter's first extents"});
            }
            result.axes = std::max(result.axes, number.axes);
            append_text(result.text, {before, number.value});
        });
    result.text += rest;
    return result;
}

/// Whether a name is one of those that `ignored` describes.
SEQUENT_LAZY
SEQUENT_COLD bool is_like(std::string_view name, std::string_view pattern) {
    bool same = true;
    std::string_view rest = for_each_brace(pattern, [&](std::string_view before, std::string_view) {
        same = same && name.starts_with(before);
        if (!same) return;
        std::size_t end = before.size();
        while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
        same = end > before.size();
        name.remove_prefix(end);
    });
    if (!same) return false;
    if (!rest.ends_with('*')) return name == rest;
    rest.remove_suffix(1);
    return name.starts_with(rest);
}

/// The shape of the tensor that holds a parameter, or one layer of it, and where it is there.
struct placed {
    std::vector<std::uint64_t> shape;
    std::uint64_t first = 0;
    std::array<std::uint64_t, max_axes> strides{};
    std::uint64_t begin = 0;  // of the rows that it takes, parts one after another
    std::uint64_t end = 0;
    std::uint64_t all = 0;
    std::size_t row_axes = 0;  // of the view, before its columns
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

/// Where a parameter is in its tensor. `found` is the tensor's shape in the file, if there is one.
SEQUENT_LAZY
SEQUENT_COLD placed place(const any_view& view, const placement& how,
                          const std::vector<std::uint64_t>* found = nullptr) {
    const std::vector<std::uint64_t> own = shape_of(view);
    const std::uint64_t size = size_of(own);
    const auto rank = own.size();
    const bool vector = how.flat || rank < 2;
    placed result;
    result.strides = row_major(view);
    if (how.rank < 0) {
        result.shape = own;
        result.end = result.all = size;
        return result;
    }
    if (how.rank > 0) {
        result.end = result.all = size;
        result.shape = stated_shape(own, how, found);
        if (how.range != row_range::all || how.transposed || how.flat ||
            how.order != row_order::any) {
            result.problem = "a tensor of another shape is whole and not transposed";
        } else if (size_of(result.shape) != size) {
            result.problem = joined_text(
                {"shape ", shape_text(result.shape), " has not its ", size, " elements"});
        }
        return result;
    }
    const std::uint64_t columns = vector ? 1 : own.back();
    const std::uint64_t count = columns == 0 ? 0 : size / columns;
    const auto of = static_cast<std::uint64_t>(how.of);
    const auto begin = static_cast<std::uint64_t>(how.begin);
    const bool is_part = how.range == row_range::part || how.range == row_range::interleaved;
    result.begin = is_part ? begin * count : begin;
    result.end = result.begin + count;
    result.all = is_part ? of * count : how.range == row_range::all ? count : of;
    if (how.range == row_range::open) {
        // The tensor states how many rows it has.
        const std::size_t axis = how.transposed && !vector ? 1 : 0;
        result.all = found && found->size() == (vector ? 1U : 2U) ? (*found)[axis] : result.end;
    }
    if (result.end > result.all) {
        result.problem = joined_text({"rows [", result.begin, ", ", result.end, ") are beyond the ",
                                      result.all, " of the tensor"});
    }
    const std::size_t row_axes = result.row_axes = vector ? rank : rank - 1;
    if (how.order != row_order::any && (row_axes == 0 || own[row_axes - 1] % 2 != 0))
        result.problem = "its heads have no halves";
    if (vector) {
        if (!own.empty() || how.range != row_range::all || how.flat) result.shape = {result.all};
    } else if (how.transposed) {
        result.shape = {columns, result.all};
        // Rows follow one another, and columns are as far apart as a row of the file is long.
        for (std::size_t axis = 0; axis < row_axes; ++axis)
            result.strides[axis] = columns == 0 ? 0 : result.strides[axis] / columns;
        result.strides[row_axes] = result.all;
    } else {
        result.shape = {result.all, columns};
    }
    const std::uint64_t row = vector || how.transposed ? 1 : columns;
    if (how.range == row_range::interleaved && row_axes > 0) {
        result.first = begin * result.strides[0];
        result.strides[0] *= of;
    } else {
        result.first = result.begin * row;
    }
    return result;
}

/// A view and a tensor's strides over the same extents. Where the tensor has the rows of a head in
/// another order than the model, their axis becomes two.
SEQUENT_LAZY
SEQUENT_COLD piece piece_of(any_view view, std::size_t tensor, const placed& where,
                            const placement& how, bool neighbours) {
    auto strides = where.strides;
    const bool reordered = how.order == row_order::halves
                               ? neighbours
                               : how.order == row_order::neighbours && !neighbours;
    if (reordered) {
        const std::size_t axis = where.row_axes - 1;
        for (auto at = static_cast<std::size_t>(view.rank++); at > axis; --at) {
            view.extents[at] = view.extents[at - 1];
            view.strides[at] = view.strides[at - 1];
            strides[at] = strides[at - 1];
        }
        const int half = view.extents[axis] / 2;
        view.extents[axis] = half;
        view.extents[axis + 1] = 2;
        // Element k of half h is in the order of neighbours 2 k + h, in that of halves k + h half.
        const auto split = [half](auto& of, std::size_t place, bool by_neighbours) {
            const auto stride = of[place];
            of[place] = by_neighbours ? 2 * stride : stride;
            of[place + 1] = by_neighbours
                                ? stride
                                : stride * static_cast<std::remove_const_t<decltype(stride)>>(half);
        };
        split(view.strides, axis, neighbours);
        split(strides, axis, !neighbours);
    }
    return {view, tensor, where.first, strides, how.summand, how.plus};
}

/// One index of a view's first axis.
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

/// A parameter, or one layer of it, and the line of the map that places it.
struct place_of {
    any_view view;
    std::string tensor;  // none, if the parameter is a constant
    const placement& how;
    const any_view* first_layer = nullptr;  // of layers that share a tensor, beside the first one
};

/// Calls visit(place_of) for each line of each parameter, and each layer of it, until one returns a
/// problem.
template <class Visit>
SEQUENT_COLD std::string for_each_place(std::span<const any_tensor> parameters, name_map names,
                                        Visit visit) {
    bool has_own_names = false;
    for (const name_entry& line : names)
        has_own_names = has_own_names || line.use == name_entry::role::own;
    for (const any_tensor& parameter : parameters) {
        bool is_named = false;
        for (const name_entry& line : names) {
            const bool is_constant = line.use == name_entry::role::constant;
            if ((line.use != name_entry::role::parameter && !is_constant) ||
                line.parameter != parameter.name)
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
            // A parameter without extents has no layers: its line may be that of another model.
            std::size_t axes = form.axes + (line.place.shared_layers ? 1 : 0);
            if (static_cast<std::size_t>(parameter.view.rank) < axes) axes = 0;
            std::array<std::uint64_t, 3> layers{};
            any_view first;
            for (bool more = true; more;) {
                any_view view = parameter.view;
                for (std::size_t axis = 0; axis < axes; ++axis) view = slice_of(view, layers[axis]);
                const std::string name = with_layers(line.tensor, layers).text;
                const bool again = line.place.shared_layers && axes > 0 && layers[axes - 1] > 0;
                if (!again) first = view;
                const std::string what =
                    visit(place_of{view, name, line.place, again ? &first : nullptr});
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

/// Which rows of a tensor are taken.
struct coverage {
    std::vector<numbered_range> taken;
    std::uint64_t all = 0;
    bool is_open = false;  // rows may remain
    bool is_interleaved = false;
    bool is_mixed = false;

    void add(const placed& where, const placement& how) {
        const bool within = how.range == row_range::interleaved;
        is_mixed = is_mixed || (!taken.empty() && within != is_interleaved);
        is_interleaved = within;
        is_open = is_open || how.range == row_range::open;
        taken.push_back({where.begin, where.end, 0});
        all = where.all;
    }
    /// The first rows that are taken by nothing, or, if that is asked, twice.
    std::string problem(bool once) {
        if (is_mixed) return "its rows are interleaved for some parameters alone";
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

/// The pieces of the file that the parameters are. `neighbours`: whether the model turns pairs of
/// neighbours by rotary positions.
SEQUENT_LAZY
SEQUENT_COLD matching match(const tensor_file& file, std::span<const any_tensor> parameters,
                            name_map names, bool neighbours) {
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
    // Of tensors that share their memory a writer may keep one, and say so in the metadata.
    const auto find = [&](std::string_view wanted) {
        const std::string name = plain_name(wanted, names);
        if (const numbered_name* const found = entries.find(name)) return found;
        for (const auto& [removed, kept] : header.metadata)
            if (plain_name(removed, names) == name) return entries.find(plain_name(kept, names));
        return static_cast<const numbered_name*>(nullptr);
    };
    matching result;
    std::vector<coverage> used(header.tensors.size());
    result.problem = for_each_place(parameters, names, [&](const place_of& of) -> std::string {
        if (of.tensor.empty()) {
            result.constants.push_back({of.view, of.how.plus});
            return "";
        }
        const numbered_name* const found = find(of.tensor);
        if (found == nullptr) return "it is not in the file";
        const header_entry& entry = header.tensors[found->number];
        const std::string problem = problem_of_type(file, entry, of.view.type);
        if (!problem.empty()) return problem.substr(2);
        const placed stated = place(of.view, of.how);
        if (!stated.problem.empty()) return stated.problem;
        const placed where = place(of.view, of.how, &entry.shape);
        if (entry.shape != where.shape) {
            return joined_text({"the file has shape ", shape_text(entry.shape), ", wanted is ",
                                shape_text(stated.shape)});
        }
        if (!where.problem.empty()) return where.problem;
        used[found->number].add(where, of.how);
        result.pieces.push_back(piece_of(of.view, found->number, where, of.how, neighbours));
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
        const numbered_name* const found = entries.find(plain_name(copy.tensor, names));
        if (found == nullptr || !used[found->number].taken.empty()) continue;
        std::string_view original = copy.parameter;  // of its own name, if no line names it
        for (const name_entry& line : names)
            if (line.use == name_entry::role::parameter && line.parameter == copy.parameter &&
                !line.place.summand)
                original = line.tensor;
        const numbered_name* const place = find(original);
        if (place == nullptr) continue;  // it has a tensor for each layer
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

/// Whether two views hold the same numbers: of the same extents, or the strides of `two` are 0.
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
SEQUENT_COLD metadata_map load_mapped(const tensor_file& file,
                                      std::span<const any_tensor> parameters, name_map names,
                                      bool neighbours) {
    return load_all(file, match(file, parameters, names, neighbours));
}

SEQUENT_LAZY
SEQUENT_COLD void save_mapped(const file_path& path, std::span<const any_tensor> parameters,
                              name_map names, bool neighbours, const metadata_map& metadata,
                              dtype type) {
    std::vector<planned_tensor> planned;
    std::vector<piece> pieces;
    std::vector<coverage> used;
    std::string problem = for_each_place(parameters, names, [&](const place_of& of) -> std::string {
        if (of.tensor.empty()) {
            any_view number;
            number.data = const_cast<double*>(&of.how.plus);
            number.type = dtype::f64;
            return are_equal(of.view, number) ? ""
                                              : joined_text({"the file does not hold it, and it "
                                                             "is not ",
                                                             number_text(of.how.plus)});
        }
        if (of.first_layer) {
            return are_equal(of.view, *of.first_layer)
                       ? ""
                       : "the layers of the parameter share it and are not equal";
        }
        const placed where = place(of.view, of.how);
        if (!where.problem.empty()) return where.problem;
        std::size_t tensor = 0;
        while (tensor < planned.size() && planned[tensor].name != of.tensor) ++tensor;
        if (tensor == planned.size()) {
            planned.push_back({of.tensor, where.shape});
            used.emplace_back();
        } else if (planned[tensor].shape != where.shape) {
            return joined_text({"it has shape ", shape_text(where.shape), " here and ",
                                shape_text(planned[tensor].shape), " for another parameter"});
        }
        used[tensor].add(where, of.how);
        pieces.push_back(piece_of(of.view, tensor, where, of.how, neighbours));
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

/// Fills a model's parameters from a file (a safetensors file, or what a reader of another format
/// has opened) of exactly these, under their own names, or under those
/// of `names`, and returns its metadata. Types as in the load of tensors.
///
/// Throws io::error if a tensor is missing, not wanted, of another type or shape or not finite;
/// then no parameter has changed.
template <class Model, class Parameters>
metadata_map load(const tensor_file& from, Parameters& parameters) {
    return detail::load_tensors(from, detail::tensors_of<Model>(parameters));
}
template <class Model, class Parameters>
metadata_map load(const tensor_file& from, Parameters& parameters, name_map names) {
    return detail::load_mapped(from, detail::tensors_of<Model>(parameters), names,
                               detail::pairs_neighbours<Model>);
}
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters) {
    return load<Model>(open_safetensors(from), parameters);
}
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters, name_map names) {
    return load<Model>(open_safetensors(from), parameters, names);
}

/// Writes a model's parameters, under their own names or under those of `names`, to a new file that
/// then replaces `path`; in a `type` of fewer bits than theirs rounded to nearest, ties to even.
/// Under the names of another library the metadata say that PyTorch has written it, as Hugging
/// Face's transformers expect. Copies and ignored tensors of the map are not written.
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
          const metadata_map& metadata = {{"format", "pt"}},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    detail::save_mapped(path, detail::tensors_of<Model>(parameters), names,
                        detail::pairs_neighbours<Model>, metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io
