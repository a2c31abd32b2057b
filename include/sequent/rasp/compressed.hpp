#pragma once

#include "noise.hpp"

/// Compiled programs with a narrower residual stream (arXiv 2301.05062, section 5, where the
/// projection is learned; here it is computed).

namespace sequent::inline SEQUENT_ABI::rasp {

/// A compiled program whose residual stream is projected to an orthonormal basis of what occurs in
/// it.
struct compressed_program {
    /// The sizes, with the new width.
    compiling::sizes size;
    /// The weights that are not zero.
    std::vector<compiling::weight_entry> entries;
    /// The greatest Euclidean length that a stream of the inputs loses.
    double loss = 0;
    /// The share of positions of the inputs with another output.
    double changed = 0;
};

namespace compiling {

/// An orthonormal basis of vectors, by the Gram-Schmidt method: each step takes the vector with the
/// greatest rest, until it is below a tolerance or there are `most`.
class stream_basis {
  public:
    std::vector<std::vector<double>> vectors;
    double loss = 0;

    SEQUENT_COLD stream_basis(std::vector<std::vector<double>> of, int most, double tolerance) {
        for (;;) {
            std::size_t longest = 0;
            loss = 0;
            for (std::size_t at = 0; at < of.size(); ++at)
                if (const double length = std::sqrt(dot(of[at], of[at])); length > loss) {
                    loss = length;
                    longest = at;
                }
            if (loss < tolerance || static_cast<int>(vectors.size()) == most) return;
            std::vector<double> unit = of[longest];
            // Once more against the basis, for the errors of rounding.
            for (const std::vector<double>& each : vectors) add(unit, each, -dot(unit, each));
            const double length = std::sqrt(dot(unit, unit));
            for (double& each : unit) each /= length;
            for (std::vector<double>& each : of) add(each, unit, -dot(each, unit));
            vectors.push_back(std::move(unit));
        }
    }

  private:
    static double dot(const std::vector<double>& left, const std::vector<double>& right) {
        double sum = 0;
        for (std::size_t at = 0; at < left.size(); ++at) sum += left[at] * right[at];
        return sum;
    }
    static void add(std::vector<double>& to, const std::vector<double>& more, double factor) {
        for (std::size_t at = 0; at < to.size(); ++at) to[at] += factor * more[at];
    }
};

/// True if the rows of a weight are the residual stream, false if its columns are.
constexpr bool is_of_rows(weight_name name) {
    return name == weight_name::W_out || name == weight_name::b_out ||
           name == weight_name::W_contract || name == weight_name::b_contract;
}
/// True for the biases that the residual stream does not occur in.
constexpr bool is_apart(weight_name name) {
    return name == weight_name::b_query || name == weight_name::b_key ||
           name == weight_name::b_value || name == weight_name::b_expand ||
           name == weight_name::b_logits;
}

SEQUENT_COLD inline std::vector<weight_entry> project(
    std::span<const weight_entry> entries, const sizes& from, const sizes& to,
    const std::vector<std::vector<double>>& basis) {
    std::vector<weight_entry> result;
    std::array<std::vector<double>, 16> sums;
    for (const weight_entry& each : entries) {
        if (is_apart(each.name)) {
            result.push_back(each);
            continue;
        }
        const weight_shape before = shape_of(each.name, from);
        const weight_shape after = shape_of(each.name, to);
        std::vector<double>& sum = sums[static_cast<std::size_t>(each.name)];
        sum.resize(static_cast<std::size_t>(after.rows * after.columns *
                                            (after.is_stacked ? from.layers : 1)));
        const int layer = each.element / (before.rows * before.columns);
        const int element = each.element % (before.rows * before.columns);
        const int row = element / before.columns;
        const int column = element % before.columns;
        for (int at = 0; at < to.width; ++at) {
            const bool rows = is_of_rows(each.name);
            const double share =
                basis[static_cast<std::size_t>(at)][static_cast<std::size_t>(rows ? row : column)];
            const int place = layer * after.rows * after.columns +
                              (rows ? at : row) * after.columns + (rows ? column : at);
            sum[static_cast<std::size_t>(place)] += each.number * share;
        }
    }
    for (std::size_t name = 0; name < sums.size(); ++name)
        for (std::size_t at = 0; at < sums[name].size(); ++at)
            if (sums[name][at] != 0)
                result.push_back(
                    {static_cast<weight_name>(name), static_cast<int>(at), sums[name][at]});
    return result;
}

SEQUENT_COLD inline compressed_program compress(const sizes& size,
                                                std::span<const weight_entry> entries,
                                                std::span<const value> alphabet,
                                                std::span<const value> classes,
                                                const std::vector<sequence>& inputs, int width) {
    const plain_transformer plain(size, entries);
    std::vector<std::vector<double>> streams;
    for (const sequence& each : inputs)
        (void)plain.run(encode(each, size, alphabet), each.size() + 1, &streams);
    const stream_basis basis(std::move(streams), width > 0 ? width : size.width, 1e-10);
    compressed_program result;
    result.size = size;
    result.size.width = static_cast<int>(basis.vectors.size());
    result.loss = basis.loss;
    result.entries = project(entries, size, result.size, basis.vectors);
    result.changed = noisy_program(size, entries, alphabet, classes, inputs)
                         .changed_by(plain_transformer(result.size, result.entries));
    return result;
}

}  // namespace compiling

/// The program with a residual stream of as many directions as occur for the inputs, or of `width`
/// directions, which loses something.
template <class Compiled>
SEQUENT_COLD compressed_program compress(const std::vector<sequence>& inputs, int width = 0) {
    return compiling::compress(Compiled::size, Compiled::entries(), Compiled::alphabet(),
                               Compiled::classes(), inputs, width);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
