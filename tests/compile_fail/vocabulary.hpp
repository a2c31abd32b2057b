#pragma once

#include <vector>

#include <sequent/model.hpp>

/// The words of these programs, and a user who goes on after a mistake: no second error for that.

namespace article {
using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h", 2> h;
inline constexpr bound<"length"> length;
inline constexpr relation<"input"> input;
inline constexpr relation<"token"> token;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"logit"> logit;
inline constexpr relation<"score"> score;
inline constexpr relation<"attention"> attention;
inline constexpr relation<"result"> result;
inline constexpr weight<"W_q", 4, 4> W_q;
inline constexpr weight<"W_k", 4, 4> W_k;
inline constexpr weight<"W_v", 4, 4> W_v;
inline constexpr weight<"R"> R;
}  // namespace article

template <class Model, class Fact = std::vector<float>>
float use() {
    typename Model::template parameters<float> p;
    typename Model::template parameters<float> gradient;
    typename Model::template workspace<float> w;
    Model::initialize(p, 1);
    const Fact x(20);
    const std::vector<float> dy(20);
    const auto y = Model::forward(p, {x}, w);
    Model::backward(p, {x}, dy, w, gradient);
    Model::for_each(gradient, [](auto, auto view) { (void)view.size(); });
    return y.element(0);
}
