#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
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

tensor_view<float> view_of(float* data, const std::vector<std::uint64_t>& shape) {
    tensor_view<float> view;
    view.data = data;
    for (const auto extent : shape)
        view.extents[static_cast<std::size_t>(view.rank++)] = static_cast<int>(extent);
    int stride = 1;
    for (int axis = view.rank; axis-- > 0;) {
        view.strides[static_cast<std::size_t>(axis)] = stride;
        stride *= view.extents[static_cast<std::size_t>(axis)];
    }
    return view;
}

/// All tensors of a file.
std::map<std::string, std::vector<float>> read_all(const std::string& path) {
    std::map<std::string, std::vector<float>> result;
    std::vector<io::named_tensor<float>> tensors;
    for (const auto& entry : io::read_header(path).tensors) {
        std::size_t size = 1;
        for (const auto extent : entry.shape) size *= extent;
        auto& values = result[entry.name];
        values.resize(size);
        tensors.push_back({entry.name, view_of(values.data(), entry.shape)});
    }
    io::load(path, tensors);
    return result;
}

/// A file of the reference with room for changes.
struct file_of {
    explicit file_of(const std::string& name)
        : header(io::read_header(path_of(name))), values(read_all(path_of(name))) {}

    io::file_header header;
    std::map<std::string, std::vector<float>> values;

    void add(const std::string& name, std::vector<std::uint64_t> shape,
             std::vector<float> numbers) {
        header.tensors.push_back({name, "F32", std::move(shape), 0, 0});
        values[name] = std::move(numbers);
    }
    std::vector<std::uint64_t>& shape(const std::string& name) {
        return std::ranges::find(header.tensors, name, &io::header_entry::name)->shape;
    }

    /// The message of the error that loading it ends with; none if it is loaded.
    template <class Model>
    std::string message(io::name_map map) {
        std::vector<io::named_tensor<float>> tensors;
        for (const auto& entry : header.tensors)
            tensors.push_back({entry.name, view_of(values[entry.name].data(), entry.shape)});
        const auto path = std::filesystem::temp_directory_path() /
                          ("sequent_presets_" + std::to_string(std::random_device()()));
        io::save(path, tensors, header.metadata);
        const auto p = make_unique<typename Model::template parameters<float>>();
        std::string result;
        try {
            io::load<Model>(path, *p, map);
        } catch (const io::error& error) {
            result = error.what();
            CHECK(std::ranges::all_of(p->flat(), [](float number) { return number == 0; }));
        }
        std::filesystem::remove(path);
        return result;
    }
};

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

using gpt2_model = gpt2<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>>;
template <class... Options>
using llama_model = llama<vocabulary<11>, tokens<5>, width<16>, heads<4>, key_heads<2>, hidden<12>,
                          depth<2>, Options...>;
using vit_model =
    vit<tokens<6>, patch_width<32>, classes<3>, width<8>, heads<2>, depth<2>, hidden<12>>;

TEST_CASE("gpt2 is Hugging Face's") {
    comparison<gpt2_model> of{"gpt2"};
    of.agrees({of.symbols("token")}, names::gpt2);
}

TEST_CASE("llama with grouped queries is Hugging Face's") {
    comparison<llama_model<tied<false>, position::rotary_halves<>>> of{"llama"};
    of.agrees({of.symbols("token")}, names::llama);
}

TEST_CASE("a llama whose pairs are neighbours takes Hugging Face's rows in its own order") {
    using Model = llama_model<tied<false>>;
    comparison<Model> of{"llama"};
    of.forward_agrees({of.symbols("token")}, names::llama);
    const auto path = std::filesystem::temp_directory_path() /
                      ("sequent_presets_" + std::to_string(std::random_device()()));
    io::save<Model>(path, *of.p, names::llama);
    CHECK(read_all(path.string()) == read_all(path_of("llama")));
    std::filesystem::remove(path);
}

TEST_CASE("a head beside a model that has the embedding in its place is the embedding") {
    const auto check = []<class Model>(file_of file, io::name_map map, const std::string& prefix,
                                       const std::string& embedding) {
        const auto with = [&](std::vector<std::uint64_t> shape, std::vector<float> numbers) {
            file_of changed = file;
            changed.add("lm_head.weight", std::move(shape), std::move(numbers));
            return changed.message<Model>(map);
        };
        using sequent_test::contains;
        std::vector<float> numbers = file.values[prefix + embedding];
        const auto shape = file.shape(prefix + embedding);
        CHECK(file.message<Model>(map).empty());
        CHECK(with(shape, numbers).empty());
        CHECK_THAT(with({shape[1], shape[0]}, numbers), contains("\"lm_head.weight\""));
        CHECK_THAT(with({1, shape[0], shape[1]}, numbers), contains("\"lm_head.weight\""));
        numbers[5] += 1;
        CHECK_THAT(with(shape, numbers),
                   contains("\"lm_head.weight\": element 5 is") && contains(embedding));
        // As a writer leaves it that keeps one of two names.
        file_of alone = file;
        const auto entry =
            std::ranges::find(alone.header.tensors, prefix + embedding, &io::header_entry::name);
        alone.values["lm_head.weight"] = alone.values[entry->name];
        alone.header.metadata[entry->name] = "lm_head.weight";
        entry->name = "lm_head.weight";
        CHECK(alone.message<Model>(map).empty());
        alone.header.metadata.clear();
        CHECK_THAT(alone.message<Model>(map), contains(embedding) && contains("not in the file"));
    };
    check.operator()<gpt2_model>(file_of("gpt2"), names::gpt2, "transformer.", "wte.weight");
    file_of tied("llama");
    std::erase_if(tied.header.tensors,
                  [](const auto& each) { return each.name == "lm_head.weight"; });
    check.operator()<llama_model<>>(tied, names::llama, "model.", "embed_tokens.weight");
}

TEST_CASE("tensors of vit have their shapes, not their sizes alone") {
    const std::string embeddings = "vit.embeddings.";
    const std::string patch = embeddings + "patch_embeddings.projection.weight";
    CHECK(file_of("vit").shape(patch) == std::vector<std::uint64_t>{8, 2, 4, 4});
    const auto refused = [&](const std::string& name, std::vector<std::uint64_t> shape) {
        file_of changed("vit");
        changed.shape(name) = shape;
        const std::string message = changed.message<vit_model>(names::vit);
        CHECK_THAT(message, sequent_test::contains("\"" + name + "\"") &&
                                sequent_test::contains(io::detail::shape_text(shape)));
    };
    refused(patch, {4, 4, 2, 8});
    refused(patch, {8, 4, 4, 2});
    refused(patch, {32, 8});
    refused(patch, {8, 32});
    refused(patch, {256});
    refused(embeddings + "position_embeddings", {1, 8, 7});
    refused(embeddings + "position_embeddings", {7, 8});
    refused(embeddings + "cls_token", {8, 1, 1});
    refused(embeddings + "cls_token", {8});
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
    comparison<vit_model> of{"vit"};
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
