#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sequent/io.hpp>
#include <sequent/nn.hpp>

#include "../model/check.hpp"

// The presets against Hugging Face's models, with its files: reference/make.py says how the values
// were made. Outputs agree to 1e-5 of their root mean square, gradients to 1e-4.

using namespace sequent;
namespace names = io::hugging_face;

namespace {

std::string path_of(const std::string& name) {
    return std::string(SEQUENT_TEST_FOLDER) + "/nn/reference/" + name + ".safetensors";
}

/// All tensors of a file.
std::map<std::string, std::vector<float>> read_all(const std::string& path) {
    std::map<std::string, std::vector<float>> result;
    std::vector<io::named_tensor<float>> tensors;
    for (const auto& entry : io::read_header(path).tensors) {
        std::size_t size = 1;
        tensor_view<float> view;
        for (const auto extent : entry.shape) {
            view.extents[static_cast<std::size_t>(view.rank++)] = static_cast<int>(extent);
            size *= extent;
        }
        int stride = 1;
        for (int axis = view.rank; axis-- > 0;) {
            view.strides[static_cast<std::size_t>(axis)] = stride;
            stride *= view.extents[static_cast<std::size_t>(axis)];
        }
        auto& values = result[entry.name];
        values.resize(size);
        view.data = values.data();
        tensors.push_back({entry.name, view});
    }
    io::load(path, tensors);
    return result;
}

/// A preset over the facts of the file of values.
template <class Model>
struct comparison {
    using parameters = typename Model::template parameters<float>;

    std::string name;
    std::map<std::string, std::vector<float>> values = read_all(path_of(name + ".values"));
    std::unique_ptr<parameters> p = make_unique<parameters>();
    std::unique_ptr<parameters> gradient = make_unique<parameters>();
    std::unique_ptr<typename Model::template workspace<float>> w =
        make_unique<typename Model::template workspace<float>>();

    std::vector<std::int32_t> symbols(const std::string& fact) const {
        const auto& from = values.at(fact);
        return {from.begin(), from.end()};
    }

    template <class View>
    void check_output(const View& view, const std::string& output) const {
        CHECK(sequent_test::error_of(view, values.at(output)) < 1e-5);
    }

    void forward_agrees(const typename Model::template facts_of_call<float>& facts,
                        io::name_map map, const std::vector<std::string>& outputs = {"logits"}) {
        io::load<Model>(path_of(name), *p, map);
        const auto y = Model::forward(*p, facts, *w);
        if constexpr (Model::outputs == 1)
            check_output(y, outputs[0]);
        else
            for (std::size_t at = 0; at < 2; ++at) check_output(y[at], outputs[at]);
    }

    void agrees(const typename Model::template facts_of_call<float>& facts, io::name_map map,
                const std::vector<std::string>& outputs = {"logits"}) {
        forward_agrees(facts, map, outputs);
        if constexpr (Model::outputs == 1) {
            Model::backward(*p, facts, values.at(outputs[0] + ".coefficients"), *w, *gradient);
        } else {
            Model::backward(
                *p, facts,
                {values.at(outputs[0] + ".coefficients"), values.at(outputs[1] + ".coefficients")},
                *w, *gradient);
        }
        const auto expected = make_unique<parameters>();
        io::load<Model>(path_of(name + ".gradients"), *expected, map);
        CHECK(sequent_test::error_of(gradient->flat(), expected->flat()) < 1e-4);
    }
};

}  // namespace

TEST_CASE("gpt2 is Hugging Face's") {
    comparison<gpt2<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>>> of{"gpt2"};
    of.agrees({of.symbols("token")}, names::gpt2);
}

TEST_CASE("llama with grouped queries is Hugging Face's") {
    comparison<llama<vocabulary<11>, tokens<5>, width<16>, heads<4>, key_heads<2>, hidden<12>,
                     depth<2>, tied<false>, position::rotary_halves<>>>
        of{"llama"};
    of.agrees({of.symbols("token")}, names::llama);
}

TEST_CASE("bert is Hugging Face's, with a position that does not exist") {
    comparison<bert<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>>> of{
        "bert"};
    of.agrees({of.symbols("token"), of.symbols("segment"), 4}, names::bert, {"layers", "pooled"});
}

TEST_CASE("bert_masked_language is Hugging Face's") {
    comparison<
        bert_masked_language<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>>>
        of{"bert_masked_language"};
    of.agrees({of.symbols("token"), of.symbols("segment"), 4}, names::bert);
}

TEST_CASE("vit is Hugging Face's") {
    comparison<
        vit<tokens<6>, patch_width<32>, classes<3>, width<8>, heads<2>, depth<2>, hidden<12>>>
        of{"vit"};
    of.agrees({of.values.at("patch")}, names::vit);
}

TEST_CASE("t5 of both versions is Hugging Face's, with a position that does not exist") {
    comparison<t5<vocabulary<11>, tokens<5>, source_tokens<7>, width<8>, heads<2>, head_width<3>,
                  hidden<12>, depth<2>, position::relative_buckets<8, 6>>>
        first{"t5"};
    first.agrees({first.symbols("source"), first.symbols("target"), 6}, names::t5);
    comparison<t5<vocabulary<11>, tokens<5>, source_tokens<7>, width<8>, heads<2>, head_width<3>,
                  hidden<12>, depth<2>, position::relative_buckets<8, 6>, activation::geglu_tanh>>
        second{"t5_gated"};
    second.agrees({second.symbols("source"), second.symbols("target"), 6}, names::t5_gated);
}
