#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "../io/error.hpp"
#include "../io/json.hpp"
#include "../io/safetensors.hpp"
#include "../io/source.hpp"
#include "../io/tensor_file.hpp"

/// Merges low-rank adapters (LoRA) in PEFT's format into a model's tensors, which are then loaded
/// as parameters or packed weights:
///
///     const auto merged = io::merge_lora(io::open_safetensors("model.safetensors"),
///                                        "adapter_model.safetensors", "adapter_config.json");
///     io::load<Model>(merged, parameters, io::hugging_face::llama);
///
/// Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models,
/// https://arxiv.org/abs/2106.09685

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// The settings of an adapter_config.json.
struct lora_settings {
    std::uint64_t rank = 0;
    double scale = 0;
    bool transposed = false;  // the model's weights are [inputs, outputs], as in GPT-2
};

SEQUENT_LAZY
SEQUENT_COLD lora_settings read_lora_settings(const source& from) {
    const json_document document(
        {reinterpret_cast<const char*>(from.bytes().data()), from.bytes().size()}, from.name());
    const json_value root = document.root();
    const auto has = [&](std::string_view key) { return root.has(key) && !root[key].is_null(); };
    const auto truth = [&](std::string_view key) { return has(key) && root[key].boolean(); };
    if (has("peft_type") && root["peft_type"].string() != "LORA")
        root["peft_type"].fail(
            {"the adapter is \"", root["peft_type"].string(), "\", known is \"LORA\""});
    // Options that change or extend the sum.
    for (const std::string_view key : {"use_dora", "use_qalora", "use_bdlora", "lora_bias"})
        if (truth(key)) root[key].fail({"\"", key, "\" is not known"});
    // Some initializations also change the model's own weights.
    if (has("init_lora_weights") && root["init_lora_weights"].kind() == json_kind::string) {
        const json_value value = root["init_lora_weights"];
        const std::string_view name = value.string();
        if (name != "gaussian" && name != "orthogonal" && name != "eva")
            value.fail({"\"init_lora_weights\" is \"", name, "\", which changes the model, too"});
    }
    if (has("bias") && root["bias"].string() != "none")
        root["bias"].fail({"\"bias\" is \"", root["bias"].string(), "\", known is \"none\""});
    for (const std::string_view key :
         {"rank_pattern", "alpha_pattern", "modules_to_save", "layer_replication",
          "megatron_config", "trainable_token_indices", "target_parameters",
          "alora_invocation_tokens", "arrow_config", "kasa_config", "velora_config",
          "monteclora_config"}) {
        if (!has(key)) continue;
        const json_value value = root[key];
        bool empty = true;
        if (value.kind() == json_kind::object)
            value.for_each_member([&](std::string_view, json_value) { empty = false; });
        else if (value.kind() == json_kind::array)
            value.for_each_element([&](json_value) { empty = false; });
        else
            empty = false;
        if (!empty) value.fail({"\"", key, "\" is not known"});
    }
    lora_settings result;
    result.rank = root["r"].whole_number(1 << 20);
    if (result.rank == 0) root["r"].fail({"\"r\" is 0"});
    const auto rank = static_cast<double>(result.rank);
    result.scale = root["lora_alpha"].number() / (truth("use_rslora") ? std::sqrt(rank) : rank);
    result.transposed = truth("fan_in_fan_out");
    return result;
}

/// Merges adapters into the tensors of a file.
SEQUENT_LAZY class lora_merger {
  public:
    SEQUENT_COLD lora_merger(tensor_file base, const tensor_file& adapter,
                             const lora_settings& settings)
        : base_(std::move(base)), adapter_(adapter), settings_(settings) {}

    SEQUENT_COLD tensor_file merge() {
        constexpr std::string_view before = "base_model.model.";
        constexpr std::string_view behind_a = ".lora_A.weight", behind_b = ".lora_B.weight";
        for (const header_entry& each : adapter_.header.tensors) {
            const std::string_view name = each.name;
            const bool is_b = name.ends_with(behind_b);
            if (!name.starts_with(before) || (!is_b && !name.ends_with(behind_a)))
                fail(each, {": expected are names \"base_model.model. ... .lora_A.weight\" and "
                            "\"... .lora_B.weight\""});
            const std::string module(
                name.substr(before.size(), name.size() - before.size() - behind_a.size()));
            const auto full_name = [&](std::string_view behind) {
                return joined_text({before, module, behind});
            };
            if (is_b) {
                find(adapter_, full_name(behind_a), each);
                continue;
            }
            header_entry& to = find(base_, module + ".weight", each);
            merge(to, each, find(adapter_, full_name(behind_b), each));
        }
        return std::move(base_);
    }

  private:
    [[noreturn]] SEQUENT_COLD void fail(const header_entry& of,
                                        std::initializer_list<text_part> what) const {
        fail_with<error>({adapter_.name, ": tensor ", in_quotes(of.name), joined_text(what)});
    }

    template <class File>
    SEQUENT_COLD auto& find(File& in, const std::string& name, const header_entry& by) const {
        for (auto& each : in.header.tensors)
            if (each.name == name) return each;
        fail(by, {": ", in.name, " has no tensor ", in_quotes(name)});
    }

    SEQUENT_COLD std::vector<double> numbers_of(const tensor_file& file,
                                                const header_entry& entry) const {
        const std::string problem = problem_of_type(file, entry, dtype::f64);
        if (!problem.empty())
            fail_with<error>({file.name, ": tensor ", in_quotes(entry.name), problem});
        std::vector<double> result;
        for_each_number(file, entry, [&](std::uint64_t number, double value) {
            if (!std::isfinite(value))
                fail_element(file.name, entry.name, number, unlike_a_number(value));
            result.push_back(value);
        });
        return result;
    }

    /// Replaces a tensor W of [outputs, inputs] by W + scale * B A.
    SEQUENT_COLD void merge(header_entry& to, const header_entry& a, const header_entry& b) {
        const auto check = [&](const header_entry& of, std::uint64_t rows, std::uint64_t columns) {
            const std::vector<std::uint64_t> wanted{rows, columns};
            if (of.shape != wanted)
                fail(of, {": has shape ", shape_text(of.shape), ", expected is ",
                          shape_text(wanted), ", for rank ", settings_.rank, " and ",
                          in_quotes(to.name), " of shape ", shape_text(to.shape)});
        };
        if (to.shape.size() != 2)
            fail(a, {": ", in_quotes(to.name), " has shape ", shape_text(to.shape),
                     ", expected is a matrix"});
        const bool turned = settings_.transposed;
        const std::uint64_t outputs = to.shape[turned ? 1 : 0], inputs = to.shape[turned ? 0 : 1];
        check(a, settings_.rank, inputs);
        check(b, outputs, settings_.rank);
        const std::vector<double> left = numbers_of(adapter_, b), right = numbers_of(adapter_, a);
        std::vector<double> row(static_cast<std::size_t>(inputs));
        std::vector<double> merged = numbers_of(base_, to);
        const auto rank = static_cast<std::size_t>(settings_.rank);
        for (std::size_t n = 0; n < outputs; ++n) {
            row.assign(row.size(), 0.0);
            for (std::size_t each = 0; each < rank; ++each)
                for (std::size_t k = 0; k < row.size(); ++k)
                    row[k] += left[n * rank + each] * right[each * row.size() + k];
            for (std::size_t k = 0; k < row.size(); ++k)
                merged[turned ? k * static_cast<std::size_t>(outputs) + n : n * row.size() + k] +=
                    settings_.scale * row[k];
        }
        const dtype type = to.dtype == name_of(dtype::f64) ? dtype::f64 : dtype::f32;
        const std::size_t size = io::size_of(type);
        auto bytes = std::make_shared<std::vector<std::byte>>(merged.size() * size);
        with_dtype(type, [&](auto stored) {
            for (std::size_t at = 0; at < merged.size(); ++at)
                if (!store_element<stored()>(merged[at], bytes->data() + at * size))
                    fail(a, {": element ", at, " of the merged ", in_quotes(to.name),
                             " is too large for ", name_of(type)});
        });
        base_.parts.push_back({source(std::span<const std::byte>(*bytes), base_.name, bytes), 0});
        to.dtype = name_of(type);
        to.begin = 0;
        to.end = bytes->size();
        to.part = base_.parts.size() - 1;
    }

    tensor_file base_;
    const tensor_file& adapter_;
    lora_settings settings_;
};

}  // namespace detail

/// Replaces each tensor W that an adapter changes by W + alpha / r * B A (alpha / sqrt(r) if
/// "use_rslora" is true) and returns the model's tensors. Merged tensors are F64 if W is, else F32.
/// `adapter` and `config` are PEFT's adapter_model.safetensors and adapter_config.json. The tensors
/// of `base` must have the names that the adapter was trained with.
///
/// Throws io::error if a file is not well-formed, if a tensor of the adapter lacks its partner, has
/// no tensor in the model or has a wrong shape, if a number is not finite or too large, or if the
/// configuration requests anything but this sum: DoRA, biases, modules saved whole, ranks by
/// pattern.
SEQUENT_LAZY
SEQUENT_COLD tensor_file merge_lora(tensor_file base, const source& adapter, const source& config) {
    const detail::lora_settings settings = detail::read_lora_settings(config);
    const tensor_file tensors = open_safetensors(adapter);
    return detail::lora_merger<>(std::move(base), tensors, settings).merge();
}

}  // namespace sequent::inline SEQUENT_ABI::io
