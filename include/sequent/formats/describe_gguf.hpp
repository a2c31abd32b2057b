#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "../io/error.hpp"
#include "../io/safetensors.hpp"
#include "../io/tensor_file.hpp"
#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "describer.hpp"
#include "gguf.hpp"

/// Finds the type of the model that fits a GGUF file, from its metadata:
///
///     io::describe(io::gguf_file("model.gguf")).text()

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// The metadata of a GGUF file for its architecture, with keys "<architecture>.<name>".
SEQUENT_LAZY class gguf_fields {
  public:
    explicit gguf_fields(const gguf_file& of)
        : of_(of), architecture_(of.text("general.architecture")) {}

    const std::string& architecture() const { return architecture_; }
    std::string_view file() const { return of_.tensors().name; }
    std::string key(std::string_view name) const { return joined_text({architecture_, ".", name}); }
    bool has(std::string_view name) const { return of_.has(key(name)); }
    double number(std::string_view name) const { return of_.number(key(name)); }
    double number(std::string_view name, double otherwise) const {
        return has(name) ? number(name) : otherwise;
    }
    /// Throws io::error if the file states a number other than `wanted`, which the preset assumes.
    SEQUENT_COLD void expect_number(std::string_view name, double wanted) const {
        if (has(name) && number(name) != wanted) refuse(name, number_text(number(name)), wanted);
    }
    /// Throws io::error if the file states a text other than "none".
    SEQUENT_COLD void expect_no(std::string_view name) const {
        if (has(name) && of_.text(key(name)) != "none")
            fail_with<error>({file(), ": ", in_quotes(key(name)), " is ",
                              in_quotes(of_.text(key(name))),
                              ", which the preset does not compute"});
    }
    const header_entry* tensor(std::string_view name) const {
        for (const header_entry& each : of_.tensors().header.tensors)
            if (each.name == name) return &each;
        return nullptr;
    }
    /// Number of rows of a matrix; 0 if the file does not have it.
    double rows(std::string_view name) const {
        const header_entry* const found = tensor(name);
        return found && !found->shape.empty() ? static_cast<double>(found->shape[0]) : 0;
    }
    const gguf_file& all() const { return of_; }

  private:
    SEQUENT_COLD void refuse(std::string_view name, const std::string& found, double wanted) const {
        fail_with<error>({file(), ": ", in_quotes(key(name)), " is ", found, ", expected is ",
                          number_text(wanted)});
    }

    const gguf_file& of_;
    std::string architecture_;
};

/// The factor of scaling::llama3 that yields the divisors of the tensor rope_freqs, with the other
/// numbers of all published models (1, 4, 8192). Throws io::error if no factor does.
SEQUENT_LAZY
SEQUENT_COLD int llama3_factor(const gguf_fields<>& of, double base, int pairs) {
    const header_entry& entry = *of.tensor("rope_freqs.weight");
    if (pairs <= 0 || entry.shape.size() != 1 ||
        entry.shape[0] != static_cast<std::uint64_t>(pairs))
        fail_with<error>({of.file(), ": the tensor \"rope_freqs.weight\" has ",
                          entry.shape.empty() ? 1 : entry.shape[0], " numbers, a head has ", pairs,
                          " pairs"});
    std::vector<float> factors(static_cast<std::size_t>(pairs));
    tensor_view<float> view;
    view.data = factors.data();
    view.rank = 1;
    view.extents[0] = pairs;
    view.strides[0] = 1;
    tensor_file alone = of.all().tensors();
    alone.header.tensors = {entry};
    load(alone, std::vector<named_tensor<float>>{{entry.name, view}});
    const double factor = static_cast<double>(*std::max_element(factors.begin(), factors.end()));
    const double length = 8192, low = 1, high = 4;
    if (!(factor >= 1 && factor <= 255 && std::abs(factor - std::round(factor)) < 1e-3 * factor))
        fail_with<error>({of.file(), ": the tensor \"rope_freqs.weight\" has the factor ",
                          number_text(factor),
                          ", the one of scaling::llama3 is a whole number from 1 to 255"});
    for (std::size_t pair = 0; pair < factors.size(); ++pair) {
        const double exponent = static_cast<double>(pair) / static_cast<double>(factors.size());
        const double wave = 2 * std::numbers::pi * std::pow(base, exponent);
        const double share = std::clamp((length / wave - low) / (high - low), 0.0, 1.0);
        const double wanted = 1 / ((1 - share) / factor + share);
        if (!(std::abs(static_cast<double>(factors[pair]) - wanted) < 1e-3 * wanted))
            fail_with<error>({of.file(),
                              ": the tensor \"rope_freqs.weight\" is not that of "
                              "scaling::llama3<",
                              number_text(factor), ">: number ", pair, " is ",
                              number_text(static_cast<double>(factors[pair])), ", expected is ",
                              number_text(wanted)});
    }
    return static_cast<int>(std::lround(factor));
}

/// Describes the architectures "llama", "qwen2" and "phi3".
SEQUENT_LAZY
SEQUENT_COLD model_description describe_gguf_llama(const gguf_fields<>& of) {
    const bool is_llama = of.architecture() == "llama";
    const bool is_scaled = of.tensor("rope_freqs.weight") != nullptr;
    of.expect_no("rope.scaling.type");
    of.expect_number("expert_count", 0);
    for (const char* tensor : {"rope_factors_long.weight", "rope_factors_short.weight"})
        if (of.tensor(tensor) || (is_scaled && !is_llama))
            fail_with<error>({of.file(), ": the tensor ",
                              in_quotes(of.tensor(tensor) ? tensor : "rope_freqs.weight"),
                              " scales rotary positions, which the preset does not compute"});
    const std::string preset = is_scaled ? "llama3" : of.architecture();
    describer<> to(of.file(), preset, joined_text({"io::llama_cpp::", preset}));
    const auto add = [&](std::string_view option, const char* name, int usual = -1) {
        return to.number(option, of.key(name), of.number(name), usual);
    };
    to.number("vocabulary", "token_embd.weight", of.rows("token_embd.weight"));
    add("tokens", "context_length");
    const int width = add("width", "embedding_length");
    const int heads = add("heads", "attention.head_count");
    if (of.has("attention.head_count_kv")) add("key_heads", "attention.head_count_kv", heads);
    int head_width = heads > 0 && width % heads == 0 ? width / heads : -1;
    if (of.has("attention.key_length"))
        head_width = add("head_width", "attention.key_length", head_width);
    of.expect_number("rope.dimension_count", head_width);
    add("hidden", "feed_forward_length");
    add("depth", "block_count");
    const char* const epsilon = "attention.layer_norm_rms_epsilon";
    to.epsilon("rms", of.key(epsilon), of.number(epsilon), preset == "qwen2" ? 6 : 5);
    const int base = to.whole(of.key("rope.freq_base"), of.number("rope.freq_base", 10000));
    std::string turned = base == 10000 ? "" : joined_text({base});
    if (is_scaled)
        turned = joined_text(
            {base, ", scaling::llama3<", llama3_factor(of, base, head_width / 2), ", 1, 4, 8192>"});
    to.add("position",
           joined_text(
               {preset == "llama" ? "position::rotary<" : "position::rotary_halves<", turned, ">"}),
           of.key("rope.freq_base"), !is_scaled && base == (preset == "qwen2" ? 1000000 : 10000));
    to.truth("tied", "output.weight", of.tensor("output.weight") == nullptr, preset != "phi3");
    if (of.number("attention.sliding_window", 0) > 0) {
        const int window =
            to.whole(of.key("attention.sliding_window"), of.number("attention.sliding_window"));
        to.add("mask", joined_text({"mask::window<", window - 1, ">"}),
               of.key("attention.sliding_window"), false);
    }
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_gguf_bert(const gguf_fields<>& of) {
    describer<> to(of.file(), "bert", "io::llama_cpp::bert");
    const auto add = [&](std::string_view option, const char* name, long long usual = -1) {
        return to.number(option, of.key(name), of.number(name), usual);
    };
    to.number("vocabulary", "token_embd.weight", of.rows("token_embd.weight"));
    add("tokens", "context_length");
    const int width = add("width", "embedding_length");
    add("heads", "attention.head_count");
    add("depth", "block_count");
    add("hidden", "feed_forward_length", 4LL * width);
    to.number("segments", "token_types.weight", of.rows("token_types.weight"), 2);
    const char* const epsilon = "attention.layer_norm_epsilon";
    to.epsilon("layer", of.key(epsilon), of.number(epsilon), 12);
    to.add("pooling", "pooling::none", "general.architecture", false);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_gguf_t5(const gguf_fields<>& of) {
    const bool is_gated = of.tensor("enc.blk.0.ffn_gate.weight") != nullptr;
    describer<> to(of.file(), "t5", "io::llama_cpp::t5");
    const auto add = [&](std::string_view option, const char* name, int usual = -1) {
        return to.number(option, of.key(name), of.number(name), usual);
    };
    to.number("vocabulary", "token_embd.weight", of.rows("token_embd.weight"));
    const int tokens = add("tokens", "context_length");
    to.number("source_tokens", of.key("context_length"), tokens);
    const int width = add("width", "embedding_length");
    const int heads = add("heads", "attention.head_count");
    add("head_width", "attention.key_length", heads > 0 && width % heads == 0 ? width / heads : -1);
    add("hidden", "feed_forward_length");
    const int source = add("source_depth", "block_count");
    to.number("depth", of.key("decoder_block_count"), of.number("decoder_block_count", source));
    to.add("activation", is_gated ? "activation::geglu_tanh" : "activation::relu",
           "enc.blk.0.ffn_gate.weight", !is_gated);
    const char* const epsilon = "attention.layer_norm_rms_epsilon";
    to.epsilon("rms", of.key(epsilon), of.number(epsilon), 6);
    to.truth("tied", "output.weight", of.tensor("output.weight") == nullptr, true);
    const char* const buckets = "attention.relative_buckets_count";
    const int count = to.whole(of.key(buckets), of.number(buckets, 32));
    to.add("position", joined_text({"position::relative_buckets<", count, ", 128>"}),
           of.key(buckets), count == 32);
    return to.finish();
}

}  // namespace detail

/// Finds the preset and its arguments for a GGUF file of the architecture "bert", "llama", "phi3",
/// "qwen2" or "t5". Throws io::error if the architecture is another one, if a field is missing, or
/// if the file describes something that the preset does not compute.
SEQUENT_LAZY
[[nodiscard]] SEQUENT_COLD model_description describe(const gguf_file& file) {
    const detail::gguf_fields<> of(file);
    const std::string& architecture = of.architecture();
    if (architecture == "bert") return detail::describe_gguf_bert(of);
    if (architecture == "t5") return detail::describe_gguf_t5(of);
    if (architecture == "llama" || architecture == "qwen2" || architecture == "phi3")
        return detail::describe_gguf_llama(of);
    fail_with<error>({of.file(), ": \"general.architecture\" is \"", architecture,
                      "\", known are \"bert\", \"llama\", \"phi3\", \"qwen2\" and \"t5\""});
}

}  // namespace sequent::inline SEQUENT_ABI::io
