#include <cmath>
#include <sequent/nn.hpp>
#include <vector>

#include "../model/rules.hpp"

using namespace sequent;

namespace {

using Strided = convolution::layer<tokens<5>, input_width<2>, width<3>, kernel_size<3>, stride<2>,
                                   activation::relu>;
using Causal = convolution::layer<tokens<6>, input_width<2>, width<2>, kernel_size<3>, dilation<2>,
                                  mask::causal, activation::tanh>;
using Plain =
    convolution::layer<tokens<7>, input_width<3>, width<2>, kernel_size<4>, biases<false>>;

static_assert(check::count_steps<Strided>(plan::step_kind::general) == 0);
static_assert(check::count_steps<Causal>(plan::step_kind::rows) == 1);

/// With x = cos(1), cos(2), ..., W = 0.8 sin(1), 0.8 sin(2), ... in the order of W(k), its outputs
/// and its inputs, b = 0.3 cos(1), ..., and statistics of batch normalisation.
template <class Model>
void agrees_with_torch(const std::vector<double>& expected) {
    check::fixture<Model, double> f(1);
    for (std::size_t at = 0; at < f.dense[0].size(); ++at)
        f.dense[0][at] = std::cos(static_cast<double>(at) + 1);
    for (auto& [name, view] : f.weights)
        for (int at = 0; at < view.size(); ++at)
            view.element(at) = name == "W" ? 0.8 * std::sin(at + 1) : 0.3 * std::cos(at + 1);
    std::vector<double> gain, shift, mean, variance;
    for (int output = 0; output < Model::shape.width; ++output) {
        gain.push_back(1 + 0.1 * output);
        shift.push_back(0.2 * output - 0.1);
        mean.push_back(0.1 * output + 0.05);
        variance.push_back(0.5 + output);
    }
    REQUIRE(f.weights.size() == 2);
    const bool first = f.weights[0].name == "W";
    fold_batch_norm(f.weights[first ? 0 : 1].view, f.weights[first ? 1 : 0].view, gain, shift, mean,
                    variance);
    CHECK(sequent_test::error_of(f.outputs(), expected) < 1e-10);
}

}  // namespace

TEST_CASE("convolutions agree with their rules") {
    check::agrees<Strided>();
    check::agrees<Plain>();
    check::steps<Causal>();
}

// Printed by PyTorch 2.13.0 on a CPU in double: torch.nn.Conv1d after zeros beside x, then
// torch.nn.BatchNorm1d in evaluation, then the activation.
TEST_CASE("convolutions of PyTorch with batch normalisation") {
    agrees_with_torch<Strided>(
        {0, 0, 0.568304251149, 0, 0.199233508894, 0, 0, 0.066897615195, 0.297156690029});
    agrees_with_torch<Causal>({0.512834564901, -0.358027243805, -0.000762701560, 0.673144293105,
                               -0.693572496729, -0.642027806424, 0.944721182825, -0.916134160613,
                               -0.358245765441, 0.958638707557, -0.993271768380, 0.032127746297});
}
