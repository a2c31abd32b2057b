#include <sequent/model.hpp>

#include "check.hpp"

// Numbers that others printed or computed: two tables of articles on attention, and PyTorch's
// results for the encoder.

using namespace sequent;

namespace {

void compare(tensor_view<const double> given, const std::vector<double>& expected,
             double tolerance) {
    REQUIRE(given.size() == static_cast<int>(expected.size()));
    for (int at = 0; at < given.size(); ++at) {
        INFO("element " << at);
        CHECK(std::abs(given.element(at) - expected[check::to_size(at)]) < tolerance);
    }
}

namespace plain {
using namespace language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"raw"> raw;
inline constexpr relation<"attention"> attention;
inline constexpr relation<"y"> y;
// clang-format off
inline constexpr auto program = rules(
    raw(i, j)       <<= (x(i).T(), x(j)) | product(),
    attention(i, j) <<= raw(i, j) | softmax(j),
    y(i)            <<= (attention(i, j), x(j)) | product() | sum(j));
// clang-format on
}  // namespace plain

namespace scaled_dot {
using namespace language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"attention"> attention;
inline constexpr relation<"y"> y;
// clang-format off
inline constexpr auto program = rules(
    attention(i, j) <<= (inverse_sqrt(2), k(j).T(), q(i)) | product() | softmax(j),
    y(i)            <<= (attention(i, j), v(j)) | product() | sum(j));
// clang-format on
}  // namespace scaled_dot

namespace article {
using namespace language;
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
inline constexpr weight<"W_q", 6, 6> W_q;
inline constexpr weight<"W_k", 6, 6> W_k;
inline constexpr weight<"W_v", 6, 6> W_v;
inline constexpr weight<"W_1", 6, 6> W_1;
inline constexpr weight<"W_2", 6, 6> W_2;
// clang-format off
inline constexpr auto encoder = rules(
    q(i)        <<= input(i)[W_q],
    k(i)        <<= input(i)[W_k],
    v(i)        <<= input(i)[W_v],
    score(i, j) <<= (inverse_sqrt(64), k(j).T(), q(i), j <= i) | product() | softmax(j),
    attention(i) <<= (score(i, j), v(j)) | product() | sum(j),
    norm1(i)    <<= (attention(i), q(i)) | norm(),
    mlp(i)[W_2] <<= norm1(i)[W_1] | relu(),
    norm2(i)    <<= (mlp(i), norm1(i)) | norm());
// clang-format on

/// The numbers that the reference was computed from.
std::vector<double> numbers(int size, int seed) {
    std::vector<double> result;
    for (int at = 0; at < size; ++at) result.push_back(((at * 37 + seed * 101) % 29 - 14) / 20.0);
    return result;
}

// PyTorch 2.13, float64: linear maps without bias, q k^T / 8 with the upper triangle left out,
// softmax, layer_norm without affine, relu; gradients of sum(y * numbers(30, 7)).
const std::vector<double> y{
    -0.7368371487, 1.183181784,  -0.5597114567, -0.8385843809, 1.613409891,   -0.6614586889,
    1.026969551,   -1.673153737, 0.3972517757,  1.056170529,   -0.9264604409, 0.119222322,
    -0.14392108,   1.886881409,  -0.9295647073, -0.2917638898, 0.5557757848,  -1.077407517,
    -0.8938662295, 0.9373207161, -0.3621070113, -0.9777948266, 1.74248296,    -0.4460356084,
    0.7438633869,  -1.149035879, 0.03324108348, 1.625134458,   -1.217740006,  -0.03546304332};
const std::vector<double> x_gradient{
    -0.7148320926, -3.135130551,  2.72247099,    -0.3212412147, -3.107746334,  -3.214807669,
    -3.493834251,  -6.001168924,  7.47917269,    -4.028789072,  -6.122921998,  -5.402388925,
    0.1041832409,  -0.7449522102, 0.5283053706,  0.1622083817,  -0.7784027247, -0.206691918,
    0.8219861538,  -0.6778393155, -0.2162390689, 0.8139146615,  -0.6888356528, -0.2369731712,
    -2.434810511,  -0.8365229158, 2.466085903,   -2.496612971,  -0.8509199601, -0.744185802};
const std::vector<double> W_q_gradient{
    10.65570151,   2.430137411,   -6.356778497, -14.15727647,    7.73051477,     -0.4950493293,
    0.07512323901, 0.1934129568,  0.1023118405, -0.3111057537,   -0.0799083588,  0.03838135897,
    -4.355419721,  -1.349760887,  2.952471787,  6.1003588,       -3.174962091,   -0.1693032569,
    -10.46496036,  -2.130125902,  5.384467469,  13.87690855,     -7.280294956,   1.054539505,
    3.706106006,   0.9980832241,  -2.453441304, -5.136469557,    2.699970412,    -0.008052370449,
    0.1278553299,  -0.2060779531, 0.490418077,  -0.007825793732, -0.05898612159, -0.3929194047};
const std::vector<double> W_k_gradient{
    -0.05027941826, -0.03182107936, 0.07743640035,  0.07743640035,  -0.05027941826, -0.03182107936,
    0.1018629887,   0.07605148112,  -0.168887457,   -0.168887457,   0.1018629887,   0.07605148112,
    0.006374549518, 0.01762234097,  -0.02224508108, -0.02224508108, 0.006374549518, 0.01762234097,
    -0.04980747527, -0.03131583858, 0.07650102654,  0.07650102654,  -0.04980747527, -0.03131583858,
    0.1001109184,   0.05697565146,  -0.148392376,   -0.148392376,   0.1001109184,   0.05697565146,
    0.006846492501, 0.01812758175,  -0.0231804549,  -0.0231804549,  0.006846492501, 0.01812758175};
const std::vector<double> W_v_gradient{
    3.716079119,  -2.349048679,   4.215973721,  -3.343020377,  0.8814563322,     -5.183671465,
    0.2416059287, -0.09344044218, 0.3285137105, -0.3163186038, -0.0002061891251, -0.33525256,
    -1.575917871, 0.8845868886,   -1.637322527, 1.495229868,   -0.4012107235,    2.059294036,
    -4.00534052,  2.695432277,    -4.905821875, 3.59528342,    -0.8174260344,    5.883346763,
    1.510565197,  -0.98395678,    1.586372852,  -1.328975028,  0.4173097423,     -2.077212235,
    0.1130081464, -0.1535732647,  0.4122841185, -0.1021992786, -0.0799231275,    -0.3465045387};
const std::vector<double> W_1_gradient{
    1.128196588,   -0.9320776316, 0.331776609,    1.136369827,    -2.004215241,  0.3399498482,
    0.2110032587,  -0.1578456976, -0.06290309604, 0.2237367615,   -0.1638216334, -0.05016959325,
    -0.0805360377, -0.1643083644, -0.08416730902, -0.09915805913, 0.5309591007,  -0.1027893304,
    1.128196588,   -0.9320776316, 0.331776609,    1.136369827,    -2.004215241,  0.3399498482,
    1.821404169,   -1.557914125,  -0.5023231462,  1.721876102,    -0.8811917865, -0.6018512137,
    -0.5786518317, 0.1790454432,  0.09497409792,  -0.5806648833,  0.7923361276,  0.09296104634};
const std::vector<double> W_2_gradient{
    -0.1629049061, -0.585333775,  -1.739342207,   -0.1629049061, -0.585333775,  0.109045533,
    0.06005435026, 0.1136126315,  0.2600396179,   0.06005435026, 0.1136126315,  -0.2059633615,
    0.3548575347,  0.2290682661,  0.78949029,     0.3548575347,  0.2290682661,  0.9264914058,
    -0.325457453,  0.3277057816,  1.150866956,    -0.325457453,  0.3277057816,  -0.7753930542,
    -0.1188545137, -0.1154988645, -0.4640954736,  -0.1188545137, -0.1154988645, -0.09623334161,
    0.1923049878,  0.03044596041, 0.003040816377, 0.1923049878,  0.03044596041, 0.04205281853};

}  // namespace article

}  // namespace

TEST_CASE("attention without projections gives the printed table") {
    // The inputs are printed with four decimals: one unit of the last may differ.
    using model_type = model<plain::program, fact<"x", 2, 3>, query<"raw", "attention", "y">>;
    const std::vector<double> x{1.5410, -0.2934, -2.1788, 0.5684, -1.0845, -1.3986};
    const model_type::parameters<double> p;
    model_type::workspace<double> w;
    const auto [raw, attention, y] = model_type::forward(p, {x}, w);
    compare(raw, {7.2079, 4.2414, 4.2414, 3.4554}, 1e-4);
    compare(attention, {0.9510, 0.0490, 0.6870, 0.3130}, 1e-4);
    compare(y, {1.4934, -0.3322, -2.1406, 1.2366, -0.5411, -1.9346}, 1e-4);

    using fused = model<plain::program, fact<"x", 2, 3>>;
    static_assert(fused::plan::tables.steps.size() == 1);
    fused::workspace<double> memory;
    compare(fused::forward(fused::parameters<double>{}, {x}, memory),
            {1.4934, -0.3322, -2.1406, 1.2366, -0.5411, -1.9346}, 1e-4);
}

TEST_CASE("scaled dot products give the printed table") {
    using model_type = model<scaled_dot::program, fact<"q", 3, 2>, fact<"k", 3, 2>, fact<"v", 3, 2>,
                             query<"attention", "y">>;
    const std::vector<double> q{0.3367, 0.1288, 0.2345, 0.2303, -1.1229, -0.1863};
    const std::vector<double> k{2.2082, -0.6380, 0.4617, 0.2674, 0.5349, 0.8094};
    const std::vector<double> v{1.1103, -1.6898, -0.9890, 0.9580, 1.3221, 0.8172};
    const model_type::parameters<double> p;
    model_type::workspace<double> w;
    const auto [attention, y] =
        model_type::forward(p, {scaled_dot::v = v, scaled_dot::k = k, scaled_dot::q = q}, w);
    compare(attention, {0.4028, 0.2886, 0.3086, 0.3538, 0.3069, 0.3393, 0.1303, 0.4630, 0.4067},
            0.5e-4);
    compare(y, {0.5698, -0.1520, 0.5379, -0.0265, 0.2246, 0.5556}, 1e-4);
}

TEMPLATE_TEST_CASE("the article's encoder agrees with PyTorch", "", float, double) {
    using model_type = model<article::encoder, fact<"input", 5, 6>>;
    const double tolerance = std::is_same_v<TestType, float> ? 1e-5 : 1e-8;
    auto narrow = [](const std::vector<double>& wide) {
        return std::vector<TestType>(wide.begin(), wide.end());
    };
    model_type::parameters<TestType> p;
    model_type::parameters<TestType> gradient;
    model_type::workspace<TestType> w;
    int seed = 2;
    for (auto view :
         {p[article::W_q], p[article::W_k], p[article::W_v], p[article::W_1], p[article::W_2]}) {
        const auto values = narrow(article::numbers(36, seed++));
        for (int at = 0; at < 36; ++at) view.element(at) = values[check::to_size(at)];
    }
    const auto x = narrow(article::numbers(30, 1));
    auto check = [&](const std::vector<double>& expected, const auto& found) {
        CHECK(sequent_test::error_of(found, expected) < tolerance);
    };
    const auto y = model_type::forward(p, {x}, w);
    check(article::y, y);
    std::vector<TestType> x_gradient(30);
    model_type::backward(p, {x}, narrow(article::numbers(30, 7)), w, gradient, {x_gradient});
    check(article::x_gradient, x_gradient);
    check(article::W_q_gradient, gradient[article::W_q]);
    check(article::W_k_gradient, gradient[article::W_k]);
    check(article::W_v_gradient, gradient[article::W_v]);
    check(article::W_1_gradient, gradient[article::W_1]);
    check(article::W_2_gradient, gradient[article::W_2]);
}
