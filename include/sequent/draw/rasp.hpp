#pragma once

#include <string>
#include <type_traits>

#include "../joined_text.hpp"
#include "../rasp/loop.hpp"
#include "../rasp/missing.hpp"
#include "flow_dot.hpp"
#include "flow_page.hpp"
#include "flow_svg.hpp"

/// Pictures of RASP programs and of their computation for an input.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// The picture in the format of the file name's extension.
inline std::string picture_in_format_of(const std::string& path, std::span<const draw::flow> rounds,
                                        const sequence& output,
                                        const draw::model_attention* model) {
    if (path.ends_with(".svg")) return draw::picture_of(rounds[0]).str();
    if (path.ends_with(".dot")) return draw::dot_of(rounds[0]);
    if (path.ends_with(".html")) return draw::page_of(rounds, output, model);
    fail_with<io::error>({path, ": a picture of a program ends with .svg, .dot or .html"});
}

/// The flow of a program; of a loop, that of each round in which a position replaces its states,
/// or of the first.
template <const auto& Program>
SEQUENT_COLD std::vector<draw::flow> flows_of(const sequence& input) {
    std::vector<draw::flow> result;
    if constexpr (is_loop<std::remove_cvref_t<decltype(Program)>>) {
        const loop_states states = run_loop(graph_of<Program>, input);
        for (std::size_t round = 0; round == 0 || round + 1 < states.size(); ++round)
            result.emplace_back(graph_of<Program>, analysis<Program>, input, states[round]);
    } else {
        result.emplace_back(graph_of<Program>, analysis<Program>, input);
    }
    return result;
}

}  // namespace detail

/// Draws how a program computes its output for an input, layer by layer: as a picture ("x.svg"), as
/// a Graphviz graph ("x.dot"), or as a page that shows for each token what each head attends to
/// ("x.html"). If `Compiled` is a model compiled from the program, the page also shows the
/// attention of its heads; a program with missing values, whose model has heads of its own for
/// them, is drawn without its model. Of a loop, the page shows all rounds, the picture and the
/// graph show the first. The file is written completely or not at all. Throws evaluation_error, and
/// io::error for another extension or if the file cannot be written.
template <const auto& Program, class Compiled = void>
SEQUENT_COLD void draw(const sequence& input, const std::string& path) {
    const std::vector<draw::flow> rounds = detail::flows_of<Program>(input);
    const sequence output = evaluate<Program>(input);
    if constexpr (std::is_void_v<Compiled>) {
        draw::write(detail::picture_in_format_of(path, rounds, output, nullptr), path);
    } else {
        static_assert(&detail::compilable<Program>() == &graph_of<Program>,
                      "sequent: a RASP program with none is drawn without its model, which has "
                      "other heads; omit the second argument");
        const draw::model_attention model{Compiled::attention(input), Compiled::run(input)};
        draw::write(detail::picture_in_format_of(path, rounds, output, &model), path);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
