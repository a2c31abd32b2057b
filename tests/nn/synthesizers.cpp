#include <sequent/io.hpp>
#include <sequent/nn.hpp>

#include "../model/check.hpp"
#include "../oracle/oracle.hpp"

using namespace sequent;

namespace {

namespace s = synthesizer;

// Without a mask in one head, causal in the other.
using both = mask::per_head<mask::none, mask::causal>;
template <class Synthesizer, class... Options>
using layer = multi_head_attention<tokens<6>, width<4>, heads<2>, Synthesizer, Options...>;

// The formulas' numbers of parameters, without biases: d = 8, N = 6, two heads.
template <class Synthesizer, class Mask = mask::none>
inline constexpr int of_scores =
    multi_head_attention<tokens<6>, width<8>, heads<2>, biases<false>, Synthesizer,
                         Mask>::parameter_count -
    2 * 8 * 8;  // of the value and of what joins the heads
static_assert(of_scores<s::dot_product> == 2 * 8 * 8);
static_assert(of_scores<s::dense> == 8 * 8 + 8 * 6);
static_assert(of_scores<s::random> == 2 * 6 * 6);
static_assert(of_scores<s::fixed_random> == 2 * 6 * 6);
// What a causal mask never reads is not stored.
static_assert(of_scores<s::random, mask::causal> == 2 * (6 * 7 / 2));
static_assert(of_scores<s::fixed_random, mask::window<3>> == 2 * (6 * 7 / 2));
static_assert(of_scores<s::mixture<s::random, s::dot_product>, mask::causal> ==
              2 * (6 * 7 / 2) + 2 * 8 * 8 + 2);
static_assert(of_scores<s::factorized_random<3>> == 2 * (2 * 6 * 3));
static_assert(of_scores<s::factorized_dense<3, 2>> == 2 * 8 * (3 + 2));
static_assert(of_scores<s::mixture<s::random, s::dot_product, s::dense>> ==
              of_scores<s::random> + of_scores<s::dot_product> + of_scores<s::dense> + 3);
static_assert(layer<s::dense>::parameter_count - layer<s::dense, biases<false>>::parameter_count ==
              4 + 2 * 6 + 4 + 4);  // of both maps, of the value and of what joins the heads

struct tensor {
    std::vector<int> extents;
    std::vector<double> numbers;
};

/// The tensors of a file whose names begin with those of a variant and a point.
std::map<std::string, tensor> read_reference(const std::string& variant) {
    std::map<std::string, tensor> result;
    std::vector<io::named_tensor<double>> tensors;
    const std::string path =
        std::string(SEQUENT_TEST_FOLDER) + "/nn/reference/synthesizers.safetensors";
    for (const auto& entry : io::read_header(path).tensors) {
        tensor& to = result[entry.name];
        to.extents.assign(entry.shape.begin(), entry.shape.end());
        to.numbers.resize(oracle::volume(to.extents));
        tensor_view<double> view;
        view.rank = static_cast<int>(to.extents.size());
        int stride = static_cast<int>(to.numbers.size());
        for (std::size_t axis = 0; axis < to.extents.size(); ++axis) {
            view.extents[axis] = to.extents[axis];
            view.strides[axis] = stride /= to.extents[axis];
        }
        view.data = to.numbers.data();
        tensors.push_back({entry.name, view});
    }
    io::load(path, tensors);
    std::map<std::string, tensor> chosen;
    for (auto& [name, values] : result)
        if (name.starts_with(variant + "."))
            chosen[name.substr(variant.size() + 1)] = std::move(values);
    return chosen;
}

/// The rules, by the oracle, have the outputs and gradients of PyTorch: reference/synthesizers.py.
/// The gradients are compared along random directions.
template <class Model>
void agrees_with_torch(const std::string& variant) {
    const auto given = read_reference(variant);
    const oracle::tree::program program = oracle::tree::read(Model::program);
    for (const std::uint64_t seed : {1, 2, 3}) {
        random_numbers random(seed);
        oracle::world world;
        double expected = 0;
        double scale = 0;
        for (const auto& [name, values] : given) {
            if (name == "attended" || name == "coefficients" || name.ends_with(".gradient"))
                continue;
            // Of what is not trained there is no gradient.
            const auto gradient = given.find(name + ".gradient");
            oracle::tensor& to = name == "x" ? world.facts[name] : world.weights[name];
            to.extents = values.extents;
            for (std::size_t at = 0; at < values.numbers.size(); ++at) {
                const double direction = gradient == given.end() ? 0 : random.normal();
                to.values.emplace_back(values.numbers[at], direction);
                if (direction == 0) continue;
                expected += direction * gradient->second.numbers[at];
                scale += std::abs(direction * gradient->second.numbers[at]);
            }
        }
        const oracle::result all = oracle::evaluate(program, world);
        const std::vector<oracle::real>& attended = all.relations.at("attended").values;
        const std::vector<double>& coefficients = given.at("coefficients").numbers;
        REQUIRE(attended.size() == coefficients.size());
        std::vector<double> outputs;
        double slope = 0;
        for (std::size_t at = 0; at < attended.size(); ++at) {
            outputs.push_back(attended[at].value);
            slope += coefficients[at] * attended[at].slope;
        }
        CHECK(sequent_test::error_of(outputs, given.at("attended").numbers) < 1e-12);
        CHECK(std::abs(slope - expected) < 1e-12 * scale);
    }
}

template <class Synthesizer>
void agrees(const std::string& variant) {
    check::agrees<layer<Synthesizer, both>>();
    agrees_with_torch<layer<Synthesizer, both>>(variant);
}

}  // namespace

TEST_CASE("dense synthesizers") {
    agrees<s::dense>("dense");
}
TEST_CASE("random synthesizers") {
    agrees<s::random>("random");
    agrees<s::fixed_random>("fixed_random");
}
TEST_CASE("synthesizers of factors") {
    agrees<s::factorized_random<3>>("factorized_random");
    agrees<s::factorized_dense<3, 2>>("factorized_dense");
}
TEST_CASE("mixtures of synthesizers") {
    agrees<s::mixture<s::random, s::dot_product>>("random_dot_product");
    agrees<s::mixture<s::dense, s::factorized_random<3>>>("dense_factorized_random");
    check::runs<layer<s::mixture<s::dense, s::factorized_random<3>>, both>>();
}
