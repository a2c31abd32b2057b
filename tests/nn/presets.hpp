#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
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

namespace presets {

using namespace sequent;
namespace names = io::hugging_face;

inline std::string path_of(const std::string& name) {
    return std::string(SEQUENT_TEST_FOLDER) + "/nn/reference/" + name + ".safetensors";
}

inline tensor_view<float> view_of(float* data, const std::vector<std::uint64_t>& shape) {
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
inline std::map<std::string, std::vector<float>> read_all(const std::string& path) {
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

    /// What is written under the library's names is the file that was read, but for copies.
    void is_written_back(io::name_map map) const {
        const char* const folder = std::getenv("SEQUENT_WRITTEN");
        const auto path = folder
                              ? std::filesystem::path(folder) / (name + ".safetensors")
                              : std::filesystem::temp_directory_path() /
                                    ("sequent_presets_" + std::to_string(std::random_device()()));
        io::save<Model>(path, *p, map);
        CHECK(io::read_header(path).metadata.at("format") == "pt");
        const auto without_prefixes = [&](const std::string& file) {
            std::map<std::string, std::vector<float>> result;
            for (auto& [tensor, numbers] : read_all(file))
                result[io::detail::plain_name(tensor, map)] = std::move(numbers);
            return result;
        };
        const auto original = without_prefixes(path_of(name));
        const auto written = without_prefixes(path.string());
        if (!folder) std::filesystem::remove(path);
        for (const auto& [name_in_file, numbers] : written) {
            const std::string& tensor = name_in_file;  // for Clang's lambdas
            INFO(tensor);
            REQUIRE(original.contains(tensor));
            const auto& read = original.at(tensor);
            // Rows before a table's first one are written as zeros.
            const bool is_table = std::ranges::any_of(map, [&](const io::name_entry& line) {
                return line.place.range == io::row_range::open && line.place.begin > 0 &&
                       io::detail::plain_name(line.tensor, map) == tensor;
            });
            const auto first = is_table
                                   ? std::ranges::find_if(numbers, [](float x) { return x != 0; })
                                   : numbers.begin();
            REQUIRE(numbers.size() == read.size());
            // One is added to some, and taken away.
            CHECK(std::equal(first, numbers.end(), read.begin() + (first - numbers.begin()),
                             [](float a, float b) { return std::abs(a - b) < 2e-7F; }));
        }
        for (const auto& each : original) {
            const std::string& tensor = each.first;
            INFO(tensor);
            const auto is_copy = [&](const io::name_entry& line) {
                return line.use == io::name_entry::role::copy &&
                       io::detail::plain_name(line.tensor, map) == tensor;
            };
            CHECK((written.contains(tensor) || std::ranges::any_of(map, is_copy)));
        }
    }

    void agrees(const typename Model::template facts_of_call<float>& facts, io::name_map map,
                const std::vector<std::string>& outputs = {"logits"}) {
        forward_agrees(facts, map, outputs);
        is_written_back(map);
        if constexpr (Model::outputs == 1) {
            Model::backward(*p, facts, values.at(outputs[0] + ".coefficients"), *w, *gradient);
        } else {
            Model::backward(
                *p, facts,
                {values.at(outputs[0] + ".coefficients"), values.at(outputs[1] + ".coefficients")},
                *w, *gradient);
        }
        const auto expected = make_unique<parameters>();
        std::vector<io::name_entry> of_gradients(map.begin(), map.end());
        for (io::name_entry& line : of_gradients) line.place.plus = 0;
        io::load<Model>(path_of(name + ".gradients"), *expected, of_gradients);
        CHECK(sequent_test::error_of(gradient->flat(), expected->flat()) < 1e-4);
    }
};

/// Outputs, gradients and what is written back, of a preset of symbols and perhaps a length of 4.
template <class Model>
void check_preset(const char* name, io::name_map map, const char* output = "logits") {
    comparison<Model> of{name};
    if constexpr (Model::shape.has_length())
        of.agrees({of.symbols("token"), 4}, map, {output});
    else
        of.agrees({of.symbols("token")}, map, {output});
}

}  // namespace presets
