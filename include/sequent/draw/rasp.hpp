#pragma once

#include <string>
#include <type_traits>

#include "../joined_text.hpp"
#include "flow_dot.hpp"
#include "flow_page.hpp"
#include "flow_svg.hpp"

/// Pictures of RASP programs at work.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

template <class Compiled>
SEQUENT_COLD draw::model_attention attention_of(const sequence& input) {
    const auto maps = Compiled::attention(input);
    draw::model_attention result{maps.layers, maps.heads, maps.length};
    for (int layer = 0; layer < maps.layers; ++layer)
        for (int head = 0; head < maps.heads; ++head)
            for (int row = 0; row < maps.length; ++row)
                for (int column = 0; column <= maps.length; ++column)
                    result.shares.push_back(static_cast<double>(maps(layer, head, row, column)));
    result.output = Compiled::run(input);
    return result;
}

/// By the ending of the file's name.
inline std::string picture_in_format_of(const std::string& path, const draw::flow& shown,
                                        const draw::model_attention* model) {
    if (path.ends_with(".svg")) return draw::picture_of(shown).str();
    if (path.ends_with(".dot")) return draw::dot_of(shown);
    if (path.ends_with(".html")) return draw::page_of(shown, model);
    fail_with<io::error>({path, ": a picture of a program ends with .svg, .dot or .html"});
}

}  // namespace detail

/// Draws how a program computes its output for an input, layer by layer: as a picture ("x.svg"), as
/// a graph for Graphviz ("x.dot"), or as a page in which one sees what each head attends to at each
/// token ("x.html"). There, `Compiled` is a model that is compiled from the program; what its heads
/// attend to is shown beside. The file is written whole or not at all. Throws evaluation_error and
/// io::error.
template <const auto& Program, class Compiled = void>
SEQUENT_COLD void draw(const sequence& input, const std::string& path) {
    const draw::flow shown(graph_of<Program>, analysis<Program>, input);
    if constexpr (std::is_void_v<Compiled>) {
        draw::write(detail::picture_in_format_of(path, shown, nullptr), path);
    } else {
        const draw::model_attention model = detail::attention_of<Compiled>(input);
        draw::write(detail::picture_in_format_of(path, shown, &model), path);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
