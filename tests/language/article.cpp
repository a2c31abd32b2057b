#include <sequent/sequent.hpp>

#include "../catch.hpp"

// The encoder as an article prints it, pasted into a user's file.

namespace article {  // rules live in a namespace: short names stay the user's own
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
inline constexpr weight<"W_q", 64, 64> W_q;  // rows = outputs, columns = inputs
inline constexpr weight<"W_k", 64, 64> W_k;
inline constexpr weight<"W_v", 64, 64> W_v;
inline constexpr weight<"W_1", 64, 64> W_1;
inline constexpr weight<"W_2", 64, 64> W_2;

inline constexpr auto encoder =
    rules(q(i) <<= input(i)[W_q], k(i) <<= input(i)[W_k], v(i) <<= input(i)[W_v],
          score(i, j) <<= (inverse_sqrt(64), k(j).T(), q(i), j <= i) | product() | softmax(j),
          attention(i) <<= (score(i, j), v(j)) | product() | sum(j),
          norm1(i) <<= (attention(i), q(i)) | norm(), mlp(i)[W_2] <<= norm1(i)[W_1] | relu(),
          norm2(i) <<= (mlp(i), norm1(i)) | norm());
}

using sequent::fact;
using Encoder = sequent::model<article::encoder, fact<"input", 16, 64>>;
static_assert(Encoder::plan::ok);
static_assert(Encoder::parameter_count == 5 * 64 * 64);

TEST_CASE("the article's encoder, pasted, runs") {
    const auto p = sequent::make_unique<Encoder::parameters<float>>();
    const auto gradient = sequent::make_unique<Encoder::parameters<float>>();
    const auto w = sequent::make_unique<Encoder::workspace<float>>();
    Encoder::initialize(*p, 1);
    std::vector<float> x(16 * 64, 0.25f);
    x[5] = 1;
    const std::vector<float> dy(16 * 64, 1.0f);
    auto y = Encoder::forward(*p, {article::input = x}, *w);
    float sum = 0;
    for (int column = 0; column < 64; ++column) sum += y(15, column);
    CHECK(sum == Approx(0).margin(1e-4));
    Encoder::backward(*p, {x}, dy, *w, *gradient);
    CHECK((*p)[article::W_q].extents[0] == 64);
}
