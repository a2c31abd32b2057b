#include <cmath>
#include <filesystem>
#include <random>
#include <sequent/formats/torch.hpp>
#include <sequent/io.hpp>
#include <sequent/io/name_map.hpp>
#include <sequent/nn.hpp>
#include <string>
#include <vector>

#include "../model/check.hpp"

using namespace sequent;

namespace {

constexpr int inputs = 2;
constexpr int states = 3;

/// The parameters of a PyTorch layer, 0.8 sin(k), k = 1, 2, ... in its order, under its names.
template <class Model>
void fill(typename Model::template parameters<double>& p, io::name_map names, int gates,
          int layers) {
    std::vector<std::vector<double>> numbers;
    std::vector<io::named_tensor<double>> tensors;
    int k = 0;
    const auto add = [&](const std::string& name, int rows, int columns) {
        std::vector<double>& values = numbers.emplace_back();
        for (int at = 0; at < rows * columns; ++at) values.push_back(0.8 * std::sin(++k));
        tensors.push_back({name, {}});
        auto& view = tensors.back().view;
        view.data = values.data();
        view.rank = name.starts_with("bias") ? 1 : 2;
        view.extents = {rows, columns};
        view.strides = {columns, 1};
    };
    for (int layer = 0; layer < layers; ++layer) {
        const std::string number = "_l" + std::to_string(layer);
        add("weight_ih" + number, gates * states, layer == 0 ? inputs : states);
        add("weight_hh" + number, gates * states, states);
        add("bias_ih" + number, gates * states, 1);
        add("bias_hh" + number, gates * states, 1);
    }
    const auto path = std::filesystem::temp_directory_path() /
                      ("sequent_recurrent_" + std::to_string(std::random_device()()));
    io::save(path, tensors);
    io::load<Model>(path, p, names);
    std::filesystem::remove(path);
}

/// The outputs for inputs cos(1), cos(2), ..., and the gradients of these inputs where those of the
/// outputs are 0.1, 0.2, ...
template <class Model>
void agrees_with_torch(io::name_map names, int gates, int layers,
                       const std::vector<double>& expected,
                       const std::vector<double>& expected_gradient) {
    check::fixture<Model, double> f(1);
    *f.p = {};
    fill<Model>(*f.p, names, gates, layers);
    std::vector<double> coefficients(expected.size());
    for (std::size_t at = 0; at < f.dense[0].size(); ++at)
        f.dense[0][at] = std::cos(static_cast<double>(at) + 1);
    for (std::size_t at = 0; at < coefficients.size(); ++at)
        coefficients[at] = 0.1 * (static_cast<double>(at) + 1);
    const auto y = f.outputs();
    CHECK(sequent_test::error_of(y, expected) < 1e-10);
    CHECK(sequent_test::error_of(f.backward(coefficients)[0], expected_gradient) < 1e-10);
}

}  // namespace

// Printed by PyTorch 2.13.0 on a CPU in double: torch.nn.RNN(2, 3), GRU, LSTM and a GRU with
// num_layers=2, with parameters, inputs and gradients as above.
TEST_CASE("recurrent networks of PyTorch") {
    agrees_with_torch<recurrent::rnn<tokens<3>, width<inputs>, hidden<states>>>(
        io::torch::rnn, 1, 1,
        {-0.049382711736, 0.267518340241, -0.247671095192, -0.817163456234, 0.157683077741,
         0.778151253156, 0.623592620552, -0.599646282883, -0.108174633324},
        {-0.181309708486, -0.006741677408, -0.016183598254, -0.586643078386, -0.336525182124,
         -0.197824293822});
    agrees_with_torch<recurrent::gru<tokens<3>, width<inputs>, hidden<states>>>(
        io::torch::gru, 3, 1,
        {0.127118578615, 0.129221096335, -0.250788975385, -0.152736088248, -0.040517023273,
         -0.111618999098, 0.102315466880, 0.008260505323, -0.526640568382},
        {-0.336780685808, -0.223805705581, 0.428430263541, 0.360892715929, -0.104959203164,
         -0.281175389419});
    agrees_with_torch<recurrent::lstm<tokens<3>, width<inputs>, hidden<states>>>(
        io::torch::lstm, 4, 1,
        {-0.118963200276, -0.178578649481, -0.160355728026, -0.090854506606, -0.301790790358,
         0.121374550048, -0.130855620098, -0.379101552890, -0.094382213710},
        {-0.032453508723, -0.026165201888, -0.397683927887, -0.181593594121, 0.061468390814,
         0.215098002575});
    agrees_with_torch<recurrent::gru<tokens<3>, width<inputs>, hidden<states>, depth<2>>>(
        io::torch::gru, 3, 2,
        {-0.207962392336, -0.035678159478, 0.126894456881, -0.375153580253, 0.130588416862,
         0.098642129424, -0.508227155595, 0.334948983367, -0.045471412063},
        {-0.166528023413, -0.163663821955, -0.086411021732, -0.137985595441, -0.026391912463,
         0.031894816912});
}
