// The encoder of an article on transformers as logic rules: eight rules, a model, its plan, one
// forward and one backward pass.

#include <cstdio>
#include <iostream>
#include <sequent/explain.hpp>
#include <sequent/sequent.hpp>
#include <vector>

namespace article {

using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"input"> input;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"score"> score;
inline constexpr relation<"attention"> attention;
inline constexpr relation<"norm1"> norm1;
inline constexpr relation<"mlp"> mlp;
inline constexpr relation<"norm2"> norm2;
inline constexpr weight<"W_q", 64, 64> W_q;
inline constexpr weight<"W_k", 64, 64> W_k;
inline constexpr weight<"W_v", 64, 64> W_v;
inline constexpr weight<"W_1", 64, 64> W_1;
inline constexpr weight<"W_2", 64, 64> W_2;

// clang-format off
inline constexpr auto encoder = rules(
    q(i)            <<= input(i)[W_q],
    k(i)            <<= input(i)[W_k],
    v(i)            <<= input(i)[W_v],
    score(i, j)     <<= (inverse_sqrt(64), k(j).T(), q(i), j <= i) | product() | softmax(j),
    attention(i)    <<= (score(i, j), v(j)) | product() | sum(j),
    norm1(i)        <<= (attention(i), q(i)) | norm(),
    mlp(i)[W_2]     <<= norm1(i)[W_1] | relu(),
    norm2(i)        <<= (mlp(i), norm1(i)) | norm());
// clang-format on

}  // namespace article

using Encoder = sequent::model<article::encoder, sequent::fact<"input", 16, 64>>;

int main() {
    std::cout << sequent::explain<Encoder>();

    auto parameters = sequent::make_unique<Encoder::parameters<float>>();
    auto gradient = sequent::make_unique<Encoder::parameters<float>>();
    auto workspace = sequent::make_unique<Encoder::workspace<float>>();
    Encoder::initialize(*parameters, 1);

    sequent::random_numbers random(2);
    std::vector<float> x(16 * 64);
    for (float& number : x) number = static_cast<float>(random.normal());

    const auto y = Encoder::forward(*parameters, {article::input = x}, *workspace);
    std::printf("\ny(0, 0) = %.4f, y(15, 63) = %.4f\n", static_cast<double>(y(0, 0)),
                static_cast<double>(y(15, 63)));

    std::vector<float> y_gradient(x.size());
    y_gradient[0] = 1;  // how the first number of the output depends on the weights
    Encoder::backward(*parameters, {article::input = x}, y_gradient, *workspace, *gradient);
    const auto W_q = (*gradient)[article::W_q];
    std::printf("d y(0, 0) / d W_q(0, 0) = %.4g\n", static_cast<double>(W_q(0, 0)));
    return 0;
}
