#include "presets.hpp"

using namespace presets;

using vit_model =
    vit<tokens<6>, patch_width<32>, classes<3>, width<8>, heads<2>, depth<2>, hidden<12>>;

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

TEST_CASE("vit is Hugging Face's") {
    comparison<vit_model> of{"vit"};
    of.agrees({of.values.at("patch")}, names::vit);
}

TEST_CASE("dinov2 is Hugging Face's, whose branches are scaled") {
    comparison<dinov2<tokens<4>, patch_width<32>, width<8>, heads<2>, depth<2>, hidden<16>>> of{
        "dinov2"};
    of.agrees({of.values.at("patch")}, names::dinov2, {"pooled"});
}
