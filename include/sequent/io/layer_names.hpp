#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "placement.hpp"
#include "tensor_file.hpp"

/// Tensor names in files and in name maps: prefixes, aliases and layer numbers.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// Canonical form of a tensor name from the file or the map: aliases are replaced and the optional
/// prefix is removed.
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

/// Calls each(text before the braces, text within the braces) for each pair of braces in a name and
/// returns the text after the last pair.
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

/// Value of a layer expression such as "6a+b+1", and the number of axes a, b, c up to the last one
/// that it uses. The empty expression means "a". `is_formed` is false if the expression is
/// ill-formed.
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

/// A tensor name of a map with its layer expressions evaluated. `axes` is the number of the
/// parameter's first extents that index layers; `problem` is empty unless an expression is
/// ill-formed.
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

/// Returns true if a name matches a pattern of `ignored`.
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

/// Numbers of a stack's layers in files, for models with several kinds of layers. The parameters of
/// the stack begin with `prefix`; maps name them with "layers." in its place. The layer with index
/// a along the first extent and, if `axes` is 2, index b along the second has the number
/// first + outer a + b.
struct layer_stack {
    std::string_view prefix;
    std::size_t axes = 1;
    std::uint64_t outer = 1;
    std::uint64_t first = 0;

    std::array<std::uint64_t, 3> number(const std::array<std::uint64_t, 3>& at) const {
        return {first + outer * at[0] + (axes > 1 ? at[1] : 0), 0, 0};
    }
};

}  // namespace sequent::inline SEQUENT_ABI::io::detail
