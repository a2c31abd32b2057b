#pragma once

#include <string>
#include <type_traits>

#include "../joined_text.hpp"
#include "../rasp/missing.hpp"
#include "flow_dot.hpp"
#include "flow_page.hpp"
#include "flow_svg.hpp"

/// Pictures of RASP programs and of their computation for an input.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// The picture in the format of the file name's extension.
inline std::string picture_in_format_of(const std::string& path, const draw::flow& shown,
                                        const draw::model_attention* model) {
    if (path.ends_with(".svg")) return draw::picture_of(shown).str();
    if (path.ends_with(".dot")) return draw::dot_of(shown);
    if (path.ends_with(".html")) return draw::page_of(shown, model);
    fail_with<io::error>({path, ": a picture of a program ends with .svg, .dot or .html"});
}

}  // namespace detail

/// Draws how a program computes its output for an input, layer by layer: as a picture ("x.svg"), as
/// a Graphviz graph ("x.dot"), or as a page that shows for each token what each head attends to
/// ("x.html"). If `Compiled` is a model compiled from the program, the page also shows the
/// attention of its heads; a program with missing values, whose model has heads of its own for
/// them, is drawn without its model. The file is written completely or not at all. Throws
/// evaluation_error, and io::error for another extension or if the file cannot be written.
template <const auto& Program, class Compiled = void>
SEQUENT_COLD void draw(const sequence& input, const std::string& path) {
    const draw::flow shown(graph_of<Program>, analysis<Program>, input);
    if constexpr (std::is_void_v<Compiled>) {
        draw::write(detail::picture_in_format_of(path, shown, nullptr), path);
    } else {
        static_assert(&detail::compilable<Program>() == &graph_of<Program>,
                      "sequent: a RASP program with none is drawn without its model, which has "
                      "other heads; omit the second argument");
        const draw::model_attention model{Compiled::attention(input), Compiled::run(input)};
        draw::write(detail::picture_in_format_of(path, shown, &model), path);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
