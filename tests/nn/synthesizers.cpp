#include <sequent/io.hpp>
#include <sequent/nn.hpp>

#include "../model/check.hpp"

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

/// The tensors of a file whose names begin with those of a variant and a point.
std::map<std::string, std::vector<double>> read_reference(const std::string& variant) {
    std::map<std::string, std::vector<double>> result;
    std::vector<io::named_tensor<double>> tensors;
    const std::string path =
        std::string(SEQUENT_TEST_FOLDER) + "/nn/reference/synthesizers.safetensors";
    for (const auto& entry : io::read_header(path).tensors) {
        tensor_view<double> view;
        int size = 1;
        for (const auto extent : entry.shape) size *= static_cast<int>(extent);
        view.rank = static_cast<int>(entry.shape.size());
        int stride = size;
        for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
            view.extents[axis] = static_cast<int>(entry.shape[axis]);
            view.strides[axis] = stride /= view.extents[axis];
        }
        auto& values = result[entry.name];
        values.resize(check::to_size(size));
        view.data = values.data();
        tensors.push_back({entry.name, view});
    }
    io::load(path, tensors);
    std::map<std::string, std::vector<double>> chosen;
    for (auto& [name, values] : result)
        if (name.starts_with(variant + "."))
            chosen[name.substr(variant.size() + 1)] = std::move(values);
    return chosen;
}

/// Outputs and gradients as PyTorch has them: reference/synthesizers.py.
template <class Model>
void agrees_with_torch(const std::string& variant) {
    const auto given = read_reference(variant);
    check::fixture<Model, double> f(1);
    Model::for_each(*f.p, [&](std::string_view name, auto view) {
        const auto& from = given.at(std::string(name));
        REQUIRE(view.size() == static_cast<int>(from.size()));
        for (int at = 0; at < view.size(); ++at) view.element(at) = from[check::to_size(at)];
    });
    f.dense[0] = given.at("x");
    CHECK(sequent_test::error_of(f.outputs(), given.at("attended")) < 1e-12);
    CHECK(sequent_test::error_of(f.backward(given.at("coefficients"))[0], given.at("x.gradient")) <
          1e-12);
    Model::for_each(*f.gradient, [&](std::string_view name, auto view) {
        INFO(name);
        const auto wanted = given.find(std::string(name) + ".gradient");
        CHECK(sequent_test::error_of(view, wanted == given.end()
                                               ? std::vector<double>(check::to_size(view.size()))
                                               : wanted->second) < 1e-12);
    });
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
}
