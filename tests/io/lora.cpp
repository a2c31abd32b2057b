#include <sequent/formats/lora.hpp>

#include <array>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::check_contains, io_test::folder, io_test::view, io_test::write_bytes;

namespace {

using tensors = std::vector<io::named_tensor<float>>;

/// A model of two matrices, one of which an adapter of rank 2 changes.
struct adapted {
    folder here{};
    std::array<float, 6> w{1, 2, 3, 4, 5, 6}, other{1, 1, 1, 1, 1, 1};
    std::array<float, 6> a{0.5f, -1, 2, 0.25f, 0, -0.125f};
    std::array<float, 4> b{2, -4, 1, 0.5f};
    std::string first = "base_model.model.x.q.lora_A.weight";
    int rows = 2, columns = 3;

    /// The matrix after merging, or what the error says.
    std::vector<float> merged(const std::string& config, std::string& message) {
        const std::string second = "base_model.model.x.q.lora_B.weight";
        io::save(here / "model",
                 tensors{{"x.q.weight", view(w.data(), {rows, columns}, {columns, 1})},
                         {"y", view(other.data(), {6}, {1})}});
        io::save(here / "adapter", tensors{{first, view(a.data(), {2, 3}, {3, 1})},
                                           {second, view(b.data(), {2, 2}, {2, 1})}});
        write_bytes(here / "config", config);
        std::array<float, 6> result{}, rest{};
        try {
            const io::tensor_file file = io::merge_lora(io::open_safetensors(here / "model"),
                                                        here / "adapter", here / "config");
            io::load(file,
                     tensors{{"y", view(rest.data(), {6}, {1})},
                             {"x.q.weight", view(result.data(), {rows, columns}, {columns, 1})}});
            CHECK(rest == other);
        } catch (const io::error& error) {
            message = error.what();
        }
        return {result.begin(), result.end()};
    }
    std::string message(const std::string& config = R"({"r": 2, "lora_alpha": 10})") {
        std::string result;
        (void)merged(config, result);
        return result;
    }
};

}  // namespace

TEST_CASE("an adapter is merged into its matrix as PyTorch computes it") {
    adapted all;
    std::string message;
    // 10 / 2 and 10 / sqrt(2).
    CHECK(all.merged(R"({"r": 2, "lora_alpha": 10, "peft_type": "LORA", "rank_pattern": {},
                         "bias": "none", "use_dora": false, "modules_to_save": null})",
                     message) == std::vector<float>{1, -8, 25.5f, 7.125f, 0, 15.6875f});
    const auto rooted = all.merged(R"({"r": 2, "lora_alpha": 10, "use_rslora": true})", message);
    const std::array<double, 6> expected{1,
                                         -12.14213562373095,
                                         34.81980515339464,
                                         8.419417382415922,
                                         -2.0710678118654746,
                                         19.700193885489355};
    for (std::size_t at = 0; at < 6; ++at) CHECK(rooted[at] == static_cast<float>(expected[at]));
    // The matrix of [inputs, outputs].
    all.w = {1, 4, 2, 5, 3, 6};
    all.rows = 3;
    all.columns = 2;
    CHECK(all.merged(R"({"r": 2, "lora_alpha": 10, "fan_in_fan_out": true})", message) ==
          std::vector<float>{1, 7.125f, -8, 0, 25.5f, 15.6875f});
    CHECK(message.empty());
}

TEST_CASE("an adapter that does not fit is an error") {
    adapted all;
    check_contains(all.message(R"({"r": 3, "lora_alpha": 10})"),
                   {"\"base_model.model.x.q.lora_A.weight\"", "has shape [2, 3]",
                    "expected is [3, 3]", "\"x.q.weight\" of shape [2, 3]"});
    for (const char* more : {R"("use_dora": true)", R"("bias": "all")", R"("peft_type": "LOHA")",
                             R"("rank_pattern": {"q": 4})", R"("modules_to_save": ["y"])",
                             R"("init_lora_weights": "pissa")", R"("r": 4)"})
        check_contains(all.message(R"({"r": 2, "lora_alpha": 10, )" + std::string(more) + "}"),
                       {"config, byte"});
    check_contains(all.message(R"({"lora_alpha": 10})"), {"lacks \"r\""});
    check_contains(all.message(R"({"r": 0, "lora_alpha": 10})"), {"\"r\" is 0"});
    all.rows = 1;
    all.columns = 6;
    check_contains(all.message(), {"has shape [2, 3], expected is [2, 6]"});
    adapted named;
    named.first = "base_model.model.x.k.lora_A.weight";
    check_contains(named.message(), {"\"base_model.model.x.k.lora_A.weight\"",
                                     "model has no tensor \"x.k.weight\""});
    named.first = "x.q.lora_A.weight";
    check_contains(named.message(), {"\"x.q.lora_A.weight\"", "expected are names"});
    named.first = "base_model.model.x.q.lora_embedding_A";
    check_contains(named.message(), {"lora_embedding_A\"", "expected are names"});
    adapted large;
    large.w[0] = 3e38f;
    large.b[0] = 3e38f;
    check_contains(large.message(),
                   {"element 0 of the merged \"x.q.weight\" is too large for F32"});
}
