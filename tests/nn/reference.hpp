#pragma once

#include <map>
#include <sequent/io.hpp>
#include <string>
#include <vector>

#include "../model/check.hpp"
#include "../oracle/oracle.hpp"

// Reference values of PyTorch: reference/synthesizers.py and reference/graphs.py say how they were
// made.

namespace reference {

struct tensor {
    std::vector<int> extents;
    std::vector<double> numbers;
};

/// The tensors of a file whose names begin with those of a variant and a point.
inline std::map<std::string, tensor> read(const std::string& file, const std::string& variant) {
    std::map<std::string, tensor> result;
    std::vector<sequent::io::named_tensor<double>> tensors;
    const std::string path = std::string(SEQUENT_TEST_FOLDER) + "/nn/reference/" + file;
    for (const auto& entry : sequent::io::read_header(path).tensors) {
        tensor& to = result[entry.name];
        to.extents.assign(entry.shape.begin(), entry.shape.end());
        to.numbers.resize(oracle::volume(to.extents));
        sequent::tensor_view<double> view;
        view.rank = static_cast<int>(to.extents.size());
        int stride = static_cast<int>(to.numbers.size());
        for (std::size_t axis = 0; axis < to.extents.size(); ++axis) {
            view.extents[axis] = to.extents[axis];
            view.strides[axis] = stride /= to.extents[axis];
        }
        view.data = to.numbers.data();
        tensors.push_back({entry.name, view});
    }
    sequent::io::load(path, tensors);
    std::map<std::string, tensor> chosen;
    for (auto& [name, values] : result)
        if (name.starts_with(variant + "."))
            chosen[name.substr(variant.size() + 1)] = std::move(values);
    return chosen;
}

/// The sparse facts of a world, without values: `edge.pairs` lists the pairs of `edge`.
inline void add_pairs(oracle::world& world, const std::map<std::string, tensor>& given) {
    for (const auto& [name, values] : given) {
        if (!name.ends_with(".pairs")) continue;
        oracle::sparse_tensor& to = world.sparse[name.substr(0, name.size() - 6)];
        const int nodes = given.at("node").extents[0];
        to.extents = {nodes, nodes};
        for (std::size_t at = 0; at < values.numbers.size(); at += 2)
            to.atoms.push_back(
                {static_cast<int>(values.numbers[at]), static_cast<int>(values.numbers[at + 1])});
    }
}

/// The rules, by the oracle, have the outputs and gradients of PyTorch. The gradients are compared
/// along random directions. `nodes` is how many of the nodes of a graph exist.
inline void agrees(const oracle::tree::program& program, const std::string& file,
                   const std::string& variant, const std::string& output, int nodes = 0) {
    INFO(variant);
    const auto given = read(file, variant);
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
        sequent::random_numbers random(seed);
        oracle::world world;
        world.counts["nodes"] = nodes;
        add_pairs(world, given);
        double expected = 0;
        double scale = 0;
        for (const auto& [name, values] : given) {
            if (name == output || name == "coefficients" || name.ends_with(".gradient") ||
                name.ends_with(".pairs"))
                continue;
            // Of what is not trained there is no gradient.
            const auto gradient = given.find(name + ".gradient");
            std::vector<oracle::real> numbers;
            for (std::size_t at = 0; at < values.numbers.size(); ++at) {
                const double direction = gradient == given.end() ? 0 : random.normal();
                numbers.emplace_back(values.numbers[at], direction);
                if (direction == 0) continue;
                expected += direction * gradient->second.numbers[at];
                scale += std::abs(direction * gradient->second.numbers[at]);
            }
            if (const auto sparse = world.sparse.find(name); sparse != world.sparse.end()) {
                sparse->second.extents.insert(sparse->second.extents.end(),
                                              values.extents.begin() + 1, values.extents.end());
                sparse->second.values = std::move(numbers);
            } else {
                const bool is_fact = name == "x" || name == "node";
                (is_fact ? world.facts : world.weights)[name] = {values.extents,
                                                                 std::move(numbers)};
            }
        }
        const oracle::result all = oracle::evaluate(program, world);
        const std::vector<oracle::real>& found = all.relations.at(output).values;
        const std::vector<double>& coefficients = given.at("coefficients").numbers;
        REQUIRE(found.size() == coefficients.size());
        std::vector<double> outputs;
        double slope = 0;
        for (std::size_t at = 0; at < found.size(); ++at) {
            outputs.push_back(found[at].value);
            slope += coefficients[at] * found[at].slope;
        }
        CHECK(sequent_test::error_of(outputs, given.at(output).numbers) < 1e-12);
        CHECK(std::abs(slope - expected) < 1e-12 * scale);
    }
}

/// A graph template over the 5 nodes of graphs.py, of which there could be 6.
template <class Model>
void agrees_with_torch(const std::string& variant) {
    agrees(oracle::tree::read(Model::program), "graphs.safetensors", variant, "y", 5);
}

}  // namespace reference
