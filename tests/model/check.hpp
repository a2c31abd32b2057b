#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <sequent/model.hpp>

#include "../catch.hpp"
#include "../error.hpp"
#include "../oracle/oracle.hpp"

/// Compares a model with the oracle, forward, and with central differences, backward.

namespace check {

constexpr std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}

using pair = std::array<std::int32_t, 2>;

/// So many pairs (i, j) with i < rows and j < columns, no two of them the same, in any order.
inline std::vector<pair> random_pairs(int count, int rows, int columns,
                                      sequent::random_numbers& random) {
    std::set<pair> seen;
    std::vector<pair> result;
    while (static_cast<int>(result.size()) < count) {
        const pair next{random.below(rows), random.below(columns)};
        if (seen.insert(next).second) result.push_back(next);
    }
    return result;
}

/// How many pairs a sparse fact is given where nothing else is asked for: two thirds of those that
/// it has room for.
inline constexpr int some_pairs = -1;

template <class Model, class T>
struct fixture {
    using facts_list = std::vector<std::vector<T>>;

    std::unique_ptr<typename Model::template parameters<T>> p =
        sequent::make_unique<typename Model::template parameters<T>>();
    std::unique_ptr<typename Model::template parameters<T>> gradient =
        sequent::make_unique<typename Model::template parameters<T>>();
    std::unique_ptr<typename Model::template workspace<T>> w =
        sequent::make_unique<typename Model::template workspace<T>>();
    // One for each fact; the values of a sparse fact are in `dense` or in `symbols`, too.
    facts_list dense;
    std::vector<std::vector<std::int32_t>> symbols;
    std::vector<std::vector<pair>> pairs;
    std::vector<int> counts;

    /// `pair_count` is how many pairs a sparse fact gets, all that are possible if it is too large.
    explicit fixture(std::uint64_t seed, int count = 0, int pair_count = some_pairs) {
        Model::initialize(*p, seed);
        sequent::random_numbers random(seed + 1);
        Model::for_each(*p, [&](std::string_view, auto view) {
            for (int at = 0; at < view.size(); ++at)
                view.element(at) = static_cast<T>(0.5 * random.normal());
        });
        for (const auto& fact : Model::plan::facts) {
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
            if (fact.kind == sequent::plan::fact_kind::dense)
                for (int at = 0; at < size; ++at)
                    dense.back().push_back(static_cast<T>(random.normal()));
            if (fact.kind == sequent::plan::fact_kind::symbols)
                for (int at = 0; at < size; ++at)
                    symbols.back().push_back(random.below(fact.classes));
        }
    }

    typename Model::template facts<T> given() const {
        return give(std::make_index_sequence<to_size(Model::facts_list::capacity())>{});
    }

    oracle::world world() const {
        oracle::world result;
        for (std::size_t at = 0; at < dense.size(); ++at) {
            const auto& fact = Model::plan::facts[static_cast<int>(at)];
            const std::string name(fact.id.text, to_size(fact.id.length));
            if (fact.kind == sequent::plan::fact_kind::count) {
                result.counts[name] = counts[at];
                continue;
            }
            oracle::tensor values;
            values.extents.assign(fact.extents, fact.extents + fact.rank);
            if (fact.kind == sequent::plan::fact_kind::symbols) {
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
                result.facts[name] = values;
            }
        }
        const auto& parameters = *p;
        int weight = -1;
        Model::for_each(parameters, [&](std::string_view name, auto view) {
            while (Model::plan::shapes.weights[++weight].uses == 0) {
            }
            oracle::tensor values;
            values.extents.assign(view.extents.begin(), view.extents.begin() + view.rank);
            if (Model::plan::tables.weights[weight].packed) {
                // All pairs, those that are not stored as zeros.
                const auto& shape = Model::plan::shapes.weights[weight];
                const int side = shape.extents[shape.arity - 1];
                values.extents.back() = side;
                values.extents.push_back(side);
                const int stored = sequent::plan::packed_row(side);
                for (int table = 0; table < view.size() / stored; ++table)
                    for (int i = 0; i < side; ++i)
                        for (int j = 0; j < side; ++j)
                            values.values.push_back(
                                j > i ? 0.0
                                      : static_cast<double>(view.element(
                                            table * stored + sequent::plan::packed_row(i) + j)));
                result.weights[std::string(name)] = values;
                return;
            }
            for (int at = 0; at < view.size(); ++at)
                values.values.push_back(static_cast<double>(view.element(at)));
            result.weights[std::string(name)] = values;
        });
        return result;
    }

    /// The outputs' values, one after another.
    std::vector<T> outputs() const {
        std::vector<T> values;
        auto append = [&](const auto& view) {
            for (int at = 0; at < view.size(); ++at) values.push_back(view.element(at));
        };
        const auto result = Model::forward(*p, given(), *w);
        if constexpr (Model::outputs == 1)
            append(result);
        else
            for (const auto& view : result) append(view);
        return values;
    }

    /// The sum over the outputs of coefficient * value.
    double weighted_output(const std::vector<T>& coefficients) const {
        const std::vector<T> values = outputs();
        double sum = 0;
        for (std::size_t at = 0; at < values.size(); ++at)
            sum += static_cast<double>(values[at]) * static_cast<double>(coefficients[at]);
        return sum;
    }

    /// The gradients of weighted_output: of the weights in `gradient`, of the facts as a result.
    facts_list backward(const std::vector<T>& coefficients) {
        facts_list gradients;
        typename Model::template fact_gradients<T> wanted;
        for (std::size_t at = 0; at < dense.size(); ++at) {
            const auto& fact = Model::plan::facts[static_cast<int>(at)];
            // Of a sparse fact there is room for all pairs, however few are given.
            gradients.emplace_back(fact.is_sparse() ? to_size(fact.size()) : dense[at].size());
        }
        for (std::size_t at = 0; at < dense.size(); ++at)
            if (!dense[at].empty()) wanted.pointers[at] = gradients[at].data();
        (void)outputs();
        *gradient = {};
        Model::backward(*p, given(),
                        outward(coefficients, std::make_index_sequence<to_size(Model::outputs)>{}),
                        *w, *gradient, wanted);
        return gradients;
    }

  private:
    template <std::size_t... At>
    typename Model::template facts<T> give(std::index_sequence<At...>) const {
        return typename Model::template facts<T>({argument<At>()...});
    }
    static constexpr int output_size(int output) {
        const auto view = sequent::model_detail::view_of_relation<typename Model::plan>(
            Model::plan::shapes.outputs[output]);
        int size = 1;
        for (int axis = 0; axis < view.rank; ++axis) size *= view.extents[axis];
        return size;
    }
    static constexpr int output_offset(int output) {
        return output == 0 ? 0 : output_offset(output - 1) + output_size(output - 1);
    }
    template <std::size_t... At>
    typename Model::template output_gradients<T> outward(const std::vector<T>& coefficients,
                                                         std::index_sequence<At...>) const {
        return typename Model::template output_gradients<T>(
            {std::span<const T>(coefficients.data() + output_offset(static_cast<int>(At)),
                                to_size(output_size(static_cast<int>(At))))...});
    }

    template <std::size_t At>
    sequent::model_detail::kept_argument<const T> argument() const {
        constexpr auto fact = Model::plan::facts[static_cast<int>(At)];
        constexpr auto kind = fact.kind;
        if constexpr (fact.is_sparse() && kind == sequent::plan::fact_kind::symbols)
            return sequent::sparse_pairs(pairs[At], symbols[At]);
        else if constexpr (fact.is_sparse())
            return sequent::sparse_pairs(pairs[At], dense[At]);
        else if constexpr (kind == sequent::plan::fact_kind::dense)
            return dense[At];
        else if constexpr (kind == sequent::plan::fact_kind::symbols)
            return symbols[At];
        else
            return counts[At];
    }
};

/// The oracle's values of an output in the order of the model's view. Where the model keeps a value
/// for each pair of a sparse fact, that is their order, and zeros in place of pairs not given.
template <class Model, class T>
std::vector<double> in_order_of_view(const oracle::relation_values& all, int output,
                                     const fixture<Model, T>& f) {
    const auto& layout = Model::plan::tables.relations[Model::plan::shapes.outputs[output]];
    if (!layout.pairs.any()) return all.values;
    const auto& pairs = f.pairs[to_size(layout.pairs.fact)];
    const auto row = to_size(layout.pairs.axes[0]);
    const auto column = to_size(layout.pairs.axes[1]);
    std::vector<int> others = all.extents;
    others[row] = others[column] = 1;
    const std::size_t atoms = oracle::volume(others);
    const std::size_t length = to_size(all.rows * all.columns);
    std::vector<double> result;
    for (const pair& each : pairs)
        for (std::size_t place = 0; place < atoms; ++place) {
            std::vector<int> indices = oracle::indices_at(others, place);
            indices[row] = each[0];
            indices[column] = each[1];
            for (double value : oracle::value_of(all, indices)) result.push_back(value);
        }
    result.resize(to_size(Model::plan::facts[layout.pairs.fact].pairs) * atoms * length);
    return result;
}

/// The largest error of the model's outputs against the oracle's.
template <class Model, class T>
double forward_error(const oracle::tree::program& program, fixture<Model, T>& f) {
    const oracle::result expected = oracle::evaluate(program, f.world());
    const auto given = f.given();
    sequent_test::largest worst;
    auto compare = [&](int output, const auto& view) {
        const auto& id = Model::plan::shapes.text.relations[Model::plan::shapes.outputs[output]].id;
        const std::string name(id.text, to_size(id.length));
        const auto values = in_order_of_view(expected.relations.at(name), output, f);
        const double error = sequent_test::error_of(view, values);
        if (!(error < 1e-10)) UNSCOPED_INFO(name << " differs by " << error);
        worst.add(error);
    };
    const auto result = Model::forward(*f.p, given, *f.w);
    if constexpr (Model::outputs == 1)
        compare(0, result);
    else
        for (int at = 0; at < Model::outputs; ++at) compare(at, result[to_size(at)]);
    return worst.value();
}

inline std::vector<double> random_coefficients(std::size_t size) {
    sequent::random_numbers random(99);
    std::vector<double> coefficients(size);
    for (double& each : coefficients) each = random.normal();
    return coefficients;
}

/// Which weights of a model are trained, in the order of for_each.
template <class Model>
std::vector<bool> trained_weights() {
    std::vector<bool> result;
    for (const auto& shape : Model::plan::shapes.weights)
        if (shape.uses > 0) result.push_back(shape.trained);
    return result;
}

/// The largest error of the gradients of a tensor, weight or fact, against central differences.
/// About `probes` elements of each are tried. The gradient of a weight that is not trained is zero.
template <class Model>
double gradient_error(fixture<Model, double>& f, int probes = 40) {
    sequent::random_numbers random(99);
    const std::vector<double> coefficients = random_coefficients(f.outputs().size());
    const auto fact_gradients = f.backward(coefficients);
    sequent_test::largest worst;
    auto slope = [&](double& number) {
        const double step = 1e-5;
        const double kept = number;
        number = kept + step;
        const double above = f.weighted_output(coefficients);
        number = kept - step;
        const double below = f.weighted_output(coefficients);
        number = kept;
        return (above - below) / (2 * step);
    };
    auto finish = [&](const std::string& name, const sequent_test::largest_error& error) {
        if (!(error.value() < 1e-5))
            UNSCOPED_INFO("the gradient of " << name << " differs by " << error.value());
        worst.add(error.value());
    };
    const std::vector<bool> trained = trained_weights<Model>();
    std::vector<sequent::tensor_view<double>> gradients;
    Model::for_each(*f.gradient, [&](std::string_view, auto view) { gradients.push_back(view); });
    std::size_t place = 0;
    Model::for_each(*f.p, [&](std::string_view name, auto view) {
        const auto gradient = gradients[place];
        const int stride = std::max(1, view.size() / probes);
        sequent_test::largest_error error;
        for (int at = random.below(stride); at < view.size(); at += stride)
            if (trained[place])
                error.add(gradient.element(at), slope(view.element(at)));
            else
                CHECK(gradient.element(at) == 0);
        if (trained[place]) finish(std::string(name), error);
        ++place;
    });
    for (std::size_t at = 0; at < f.dense.size(); ++at) {
        const int size = static_cast<int>(f.dense[at].size());
        const int stride = std::max(1, size / probes);
        if (size == 0) continue;
        sequent_test::largest_error error;
        for (int each = random.below(stride); each < size; each += stride)
            if (f.dense[at][to_size(each)] != 0)  // that would be a step on which literals depend
                error.add(fact_gradients[at][to_size(each)], slope(f.dense[at][to_size(each)]));
        finish("fact " + std::to_string(at + 1), error);
    }
    return worst.value();
}

/// The largest error of the gradients in float against those in double.
template <class Model>
double float_gradient_error(fixture<Model, float>& f, fixture<Model, double>& exact) {
    const std::vector<double> coefficients = random_coefficients(f.outputs().size());
    const auto expected = exact.backward(coefficients);
    const auto given = f.backward({coefficients.begin(), coefficients.end()});
    sequent_test::largest worst;
    if (Model::parameter_count > 0)
        worst.add(sequent_test::error_of(f.gradient->flat(), exact.gradient->flat()));
    for (std::size_t fact = 0; fact < expected.size(); ++fact)
        if (!exact.dense[fact].empty())
            worst.add(sequent_test::error_of(given[fact], expected[fact]));
    return worst.value();
}

template <bool InFloat, class Model, class Prepare>
void compare(int count, std::uint64_t seed, Prepare prepare, int pair_count) {
    const oracle::tree::program program = oracle::tree::read(Model::program);
    fixture<Model, double> f(seed, count, pair_count);
    prepare(f);
    CHECK(forward_error(program, f) < 1e-10);
    CHECK(gradient_error(f) < 1e-5);
    // A second call finds the workspace as the first one left it.
    CHECK(forward_error(program, f) < 1e-10);
    if constexpr (InFloat) {
        fixture<Model, float> in_float(seed, count, pair_count);
        prepare(in_float);
        CHECK(forward_error(program, in_float) < 2e-5);
        CHECK(float_gradient_error(in_float, f) < 1e-3);
    }
}

/// Forward in float and double against the oracle, backward in double against differences and in
/// float against double. `prepare` changes the random numbers of a fixture.
template <class Model, class Prepare>
void agrees(int count, std::uint64_t seed, Prepare prepare, int pair_count = some_pairs) {
    compare<true, Model>(count, seed, prepare, pair_count);
}
template <class Model>
void agrees(int count = 0, std::uint64_t seed = 1) {
    agrees<Model>(count, seed, [](auto&) {});
}

/// The same in double alone, where a float would take the same loops: it halves the time to build.
template <class Model>
void agrees_in_double(int count = 0, std::uint64_t seed = 1, int pair_count = some_pairs) {
    compare<false, Model>(
        count, seed, [](auto&) {}, pair_count);
}

/// With so many pairs of each sparse fact.
template <class Model>
void agrees_for_pairs(int pair_count, int count = 0, std::uint64_t seed = 1) {
    agrees_in_double<Model>(count, seed, pair_count);
}

}  // namespace check
