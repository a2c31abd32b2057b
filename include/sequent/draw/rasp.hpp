#pragma once

#include <string>

#include "flow_svg.hpp"

/// Pictures of RASP programs.

namespace sequent::inline SEQUENT_ABI::rasp {

template <const auto& Program>
void draw(const sequence& input, const std::string& path) {
    const draw::flow shown(graph_of<Program>, analysis<Program>, input);
    draw::write(draw::picture_of(shown), path);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
