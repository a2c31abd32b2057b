#include "check.hpp"

#include <algorithm>
#include <set>

#include "../oracle/oracle.hpp"

namespace check {

namespace {

using sequent::plan::fact_kind;
using sequent::plan::fact_shape;

std::string text(const sequent::plan::name& id) {
    return std::string(id.text, to_size(id.length));
}

/// So many pairs (i, j) with i < rows and j < columns, no two of them the same, in any order.
std::vector<pair> random_pairs(int count, int rows, int columns, sequent::random_numbers& random) {
    std::set<pair> seen;
    std::vector<pair> result;
    while (static_cast<int>(result.size()) < count) {
        const pair next{random.below(rows), random.below(columns)};
        if (seen.insert(next).second) result.push_back(next);
    }
    return result;
}

template <class T>
oracle::tensor tensor_of(const sequent::tensor_view<T>& view, const weight_shape& shape) {
    oracle::tensor result;
    result.extents.assign(view.extents.begin(), view.extents.begin() + view.rank);
    if (!shape.packed) {
        for (int at = 0; at < view.size(); ++at)
            result.values.push_back(static_cast<double>(view.element(at)));
        return result;
    }
    // All pairs, those that are not stored as zeros.
    result.extents.back() = shape.side;
    result.extents.push_back(shape.side);
    const int stored = sequent::plan::packed_row(shape.side);
    for (int table = 0; table < view.size() / stored; ++table)
        for (int i = 0; i < shape.side; ++i)
            for (int j = 0; j < shape.side; ++j)
                result.values.push_back(
                    j > i ? 0.0
                          : static_cast<double>(
                                view.element(table * stored + sequent::plan::packed_row(i) + j)));
    return result;
}

/// The oracle's values of an output in the order of the model's view. Where the model keeps a value
/// for each pair of a sparse fact, that is their order, and zeros in place of pairs not given.
template <class T>
std::vector<double> in_order_of_view(const oracle::relation_values& all, const output_shape& output,
                                     const numbers<T>& model) {
    std::vector<double> result;
    if (output.fact < 0) {
        for (oracle::real each : all.values) result.push_back(each.value);
        return result;
    }
    const auto row = to_size(output.axes[0]);
    const auto column = to_size(output.axes[1]);
    std::vector<int> others = all.extents;
    others[row] = others[column] = 1;
    const std::size_t atoms = oracle::volume(others);
    for (const pair& each : model.pairs[to_size(output.fact)])
        for (std::size_t place = 0; place < atoms; ++place) {
            std::vector<int> indices = oracle::indices_at(others, place);
            indices[row] = each[0];
            indices[column] = each[1];
            for (oracle::real value : oracle::value_of(all, indices)) result.push_back(value.value);
        }
    result.resize(to_size(output.size));
    return result;
}

template <class T>
double error_of_outputs(const subject<T>& model) {
    const oracle::result expected = oracle::evaluate(model.program(), model.own.world());
    const std::vector<T> found = model.outputs();
    sequent_test::largest worst;
    std::size_t offset = 0;
    for (const output_shape& output : model.own.output_shapes) {
        const auto values =
            in_order_of_view(expected.relations.at(text(output.id)), output, model.own);
        REQUIRE(offset + to_size(output.size) <= found.size());
        const double error =
            sequent_test::error_of(std::span(found).subspan(offset, to_size(output.size)), values);
        if (!(error < 1e-10)) UNSCOPED_INFO(text(output.id) << " differs by " << error);
        worst.add(error);
        offset += to_size(output.size);
    }
    REQUIRE(offset == found.size());
    return worst.value();
}

double weighted_output(const subject<double>& model, const std::vector<double>& coefficients) {
    const std::vector<double> values = model.outputs();
    double sum = 0;
    for (std::size_t at = 0; at < values.size(); ++at) sum += values[at] * coefficients[at];
    return sum;
}

}  // namespace

template <class T>
void numbers<T>::fill(std::uint64_t seed, int count, int pair_count) {
    sequent::random_numbers random(seed + 1);
    for (const auto& weight : weights)
        for (int at = 0; at < weight.view.size(); ++at)
            weight.view.element(at) = static_cast<T>(0.5 * random.normal());
    for (const fact_shape& fact : fact_shapes) {
        dense.emplace_back();
        symbols.emplace_back();
        pairs.emplace_back();
        counts.push_back(count);
        int size = fact.size();
        if (fact.is_sparse()) {
            const int most = std::min(fact.pairs, fact.extents[0] * fact.extents[1]);
            const int wanted = pair_count == some_pairs ? (2 * most + 1) / 3 : pair_count;
            pairs.back() =
                random_pairs(std::min(wanted, most), fact.extents[0], fact.extents[1], random);
            size = static_cast<int>(pairs.back().size()) * fact.pair_size();
        }
        if (fact.up_to) size = size / fact.extents[0] * std::min(count, fact.extents[0]);
        for (int at = 0; at < size; ++at) {
            if (fact.kind == fact_kind::dense)
                dense.back().push_back(static_cast<T>(random.normal()));
            if (fact.kind == fact_kind::symbols)
                symbols.back().push_back(random.below(fact.classes));
        }
    }
}

template <class T>
sequent::model_detail::kept_argument<const T> numbers<T>::argument(std::size_t fact) const {
    const fact_shape& shape = fact_shapes[fact];
    if (shape.is_sparse() && shape.kind == fact_kind::symbols)
        return sequent::sparse_pairs(pairs[fact], symbols[fact]);
    if (shape.is_sparse()) return sequent::sparse_pairs(pairs[fact], dense[fact]);
    if (shape.kind == fact_kind::dense) return dense[fact];
    if (shape.kind == fact_kind::symbols) return symbols[fact];
    return counts[fact];
}

template <class T>
typename numbers<T>::facts_list numbers<T>::room_for_gradients() const {
    facts_list result;
    // Of a sparse fact there is room for all pairs, however few are given.
    for (std::size_t at = 0; at < dense.size(); ++at)
        result.emplace_back(fact_shapes[at].is_sparse() && !dense[at].empty()
                                ? to_size(fact_shapes[at].size())
                                : dense[at].size());
    return result;
}

template <class T>
oracle::world numbers<T>::world() const {
    oracle::world result;
    for (std::size_t at = 0; at < fact_shapes.size(); ++at) {
        const fact_shape& fact = fact_shapes[at];
        const std::string name = text(fact.id);
        if (fact.kind == fact_kind::count) {
            result.counts[name] = counts[at];
            continue;
        }
        oracle::tensor values;
        values.extents.assign(fact.extents, fact.extents + fact.rank);
        if (fact.kind == fact_kind::symbols) {
            values.values.assign(symbols[at].begin(), symbols[at].end());
            result.symbols.insert(name);
        } else {
            values.values.assign(dense[at].begin(), dense[at].end());
        }
        if (fact.is_sparse()) {
            oracle::sparse_tensor& sparse = result.sparse[name];
            sparse.extents = values.extents;
            sparse.values = values.values;
            for (const pair& each : pairs[at]) sparse.atoms.push_back({each[0], each[1]});
        } else {
            if (fact.up_to) {
                const std::size_t row = to_size(fact.size() / fact.extents[0]);
                const int length = static_cast<int>(values.values.size() / row);
                result.lengths[name] = result.counts[name] = length;
                values.values.resize(to_size(fact.size()));
            }
            result.facts[name] = values;
        }
    }
    for (std::size_t at = 0; at < weights.size(); ++at)
        result.weights[weights[at].name] = tensor_of(weights[at].view, weight_shapes[at]);
    return result;
}

template class numbers<float>;
template class numbers<double>;

long ground_rules(const oracle::tree::program& program, const oracle::world& world, int rule) {
    return oracle::evaluate(program, world).ground_rules.at(to_size(rule));
}

long pairs_of_space(const sequent::plan::space& space, int rows, int columns, int count) {
    const int counts[1] = {count};
    long result = 0;
    for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column)
            result += space.contains(row, column, columns, counts) ? 1 : 0;
    if (count == 0) CHECK(result == static_cast<long>(count_pairs(space, rows, columns)));
    return result;
}

std::vector<double> random_coefficients(std::size_t size) {
    sequent::random_numbers random(99);
    std::vector<double> coefficients(size);
    for (double& each : coefficients) each = random.normal();
    return coefficients;
}

double forward_error(const subject<double>& model) {
    return error_of_outputs(model);
}

double gradient_error(subject<double>& model, int probes) {
    sequent::random_numbers random(99);
    const std::vector<double> coefficients = random_coefficients(model.outputs().size());
    const auto fact_gradients = model.backward(coefficients);
    sequent_test::largest worst;
    const auto slope = [&](double& number) {
        const double step = 1e-5;
        const double kept = number;
        number = kept + step;
        const double above = weighted_output(model, coefficients);
        number = kept - step;
        const double below = weighted_output(model, coefficients);
        number = kept;
        return (above - below) / (2 * step);
    };
    const auto finish = [&](const std::string& name, const sequent_test::largest_error& error) {
        if (!(error.value() < 1e-5))
            UNSCOPED_INFO("the gradient of " << name << " differs by " << error.value());
        worst.add(error.value());
    };
    for (std::size_t weight = 0; weight < model.own.weights.size(); ++weight) {
        const auto& [name, view] = model.own.weights[weight];
        const auto& gradient = model.own.weight_gradients[weight].view;
        const int stride = std::max(1, view.size() / probes);
        sequent_test::largest_error error;
        for (int at = random.below(stride); at < view.size(); at += stride)
            if (model.own.weight_shapes[weight].trained)
                error.add(gradient.element(at), slope(view.element(at)));
            else
                CHECK(gradient.element(at) == 0);
        if (model.own.weight_shapes[weight].trained) finish(name, error);
    }
    for (std::size_t fact = 0; fact < model.own.dense.size(); ++fact) {
        const int size = static_cast<int>(model.own.dense[fact].size());
        if (size == 0) continue;
        const int stride = std::max(1, size / probes);
        sequent_test::largest_error error;
        for (int at = random.below(stride); at < size; at += stride) {
            double& number = model.own.dense[fact][to_size(at)];
            // Zero would be a step on which literals depend.
            if (number != 0) error.add(fact_gradients[fact][to_size(at)], slope(number));
        }
        finish("fact " + text(model.own.fact_shapes[fact].id), error);
    }
    return worst.value();
}

double float_gradient_error(subject<float>& model, subject<double>& exact) {
    const std::vector<double> coefficients = random_coefficients(exact.outputs().size());
    const auto expected = exact.backward(coefficients);
    const auto found = model.backward({coefficients.begin(), coefficients.end()});
    sequent_test::largest worst;
    for (std::size_t at = 0; at < exact.own.weights.size(); ++at)
        worst.add(sequent_test::error_of(model.own.weight_gradients[at].view,
                                         exact.own.weight_gradients[at].view));
    for (std::size_t at = 0; at < expected.size(); ++at)
        if (!expected[at].empty()) worst.add(sequent_test::error_of(found[at], expected[at]));
    return worst.value();
}

void agrees(subject<double>& model) {
    CHECK(forward_error(model) < 1e-10);
    CHECK(gradient_error(model) < 1e-5);
    // A second call finds the workspace as the first one left it.
    CHECK(forward_error(model) < 1e-10);
}

void agrees_in_float(subject<float>& model, subject<double>& exact) {
    CHECK(error_of_outputs(model) < 2e-5);
    CHECK(float_gradient_error(model, exact) < 1e-3);
}

}  // namespace check
