#pragma once

#include "interpreted.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sequent/model.hpp>

#include "../catch.hpp"
#include "../error.hpp"
#include "../oracle/tree.hpp"
#include "../oracle/world.hpp"

/// `agrees<Model>` and `attends<Model>` interpret the plan of a model and compare with the oracle:
/// what a program means, cheap to compile. `runs<Model>` compiles the model and compares it with
/// the oracle, forward, and with central differences, backward: it is for each kind of step, kernel
/// and runner.
///
/// The comparisons see a model through `subject` and are compiled once, in check.cpp; what is a
/// template of the model, `fixture` and `subject_of`, is small.

namespace check {

constexpr std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}

using pair = std::array<std::int32_t, 2>;

/// What the checker knows of an output: where its relation keeps a value for each pair of a sparse
/// fact, which fact that is, and which of its arguments are the pair.
struct output_shape {
    sequent::plan::name id{};
    int size = 0;
    int fact = -1;
    int axes[2]{};
};

/// What for_each does not tell of a weight. A packed one has no elements above the diagonal of its
/// last two indices, whose extent is `side`.
struct weight_shape {
    bool trained = false;
    bool packed = false;
    int side = 0;
};

template <class T>
struct named_view {
    std::string name;
    sequent::tensor_view<T> view;
};

/// Numbers for the parameters and facts of a model, all of them random at first.
template <class T>
class numbers {
  public:
    using facts_list = std::vector<std::vector<T>>;

    // One for each fact; the values of a sparse fact are in `dense` or in `symbols`, too.
    facts_list dense;
    std::vector<std::vector<std::int32_t>> symbols;
    std::vector<std::vector<pair>> pairs;
    std::vector<int> counts;

    std::vector<named_view<T>> weights;
    std::vector<named_view<T>> weight_gradients;
    std::span<const sequent::plan::fact_shape> fact_shapes;
    std::span<const output_shape> output_shapes;
    std::span<const weight_shape> weight_shapes;

    /// What the oracle is given.
    oracle::world world() const;

  protected:
    void fill(std::uint64_t seed, int count, int pair_count);
    sequent::model_detail::kept_argument<const T> argument(std::size_t fact) const;
    facts_list room_for_gradients() const;
};

extern template class numbers<float>;
extern template class numbers<double>;

template <class Model, class T>
class fixture : public numbers<T> {
  public:
    using typename numbers<T>::facts_list;

    std::unique_ptr<typename Model::template parameters<T>> p =
        sequent::make_unique<typename Model::template parameters<T>>();
    std::unique_ptr<typename Model::template parameters<T>> gradient =
        sequent::make_unique<typename Model::template parameters<T>>();
    std::unique_ptr<typename Model::template workspace<T>> w =
        sequent::make_unique<typename Model::template workspace<T>>();

    /// `pair_count` is how many pairs a sparse fact gets, all that are possible if it is too large.
    explicit fixture(std::uint64_t seed, int count = 0, int pair_count = some_pairs) {
        Model::for_each(*p, lister{this->weights});
        Model::for_each(*gradient, lister{this->weight_gradients});
        this->fact_shapes = {plan::facts.begin(), plan::facts.end()};
        this->output_shapes = outputs_of_plan;
        this->weight_shapes = {weights_of_plan.begin(), weights_of_plan.end()};
        this->fill(seed, count, pair_count);
    }

    typename Model::template facts<T> given() const {
        return give(std::make_index_sequence<to_size(Model::facts_list::capacity())>{});
    }

    /// The outputs' values, one after another; zeros beyond the lengths of facts.
    std::vector<T> outputs() const {
        std::vector<T> values(to_size(layout::total));
        each_output([&](int at, const sequent::tensor_view<const T>& view) {
            each_place(at, view, [&](int element, std::size_t place) {
                values[place] = view.element(element);
            });
        });
        return values;
    }

    /// The gradients of the sum over the outputs of coefficient * value: of the weights in
    /// `weight_gradients`, of the facts as a result.
    facts_list backward(const std::vector<T>& coefficients) {
        facts_list gradients = this->room_for_gradients();
        typename Model::template fact_gradients<T> wanted;
        for (std::size_t at = 0; at < gradients.size(); ++at)
            if (!gradients[at].empty()) wanted.pointers[at] = gradients[at].data();
        // Of an output that ends before its extents, those of its elements.
        std::array<std::vector<T>, to_size(Model::outputs)> given_coefficients;
        each_output([&](int at, const sequent::tensor_view<const T>& view) {
            each_place(at, view, [&](int, std::size_t place) {
                given_coefficients[to_size(at)].push_back(coefficients[place]);
            });
        });
        *gradient = {};
        Model::backward(
            *p, given(),
            outward(given_coefficients, std::make_index_sequence<to_size(Model::outputs)>{}), *w,
            *gradient, wanted);
        return gradients;
    }

  private:
    using plan = typename Model::plan;
    using layout = sequent::model_detail::output_layout<plan>;

    static constexpr auto outputs_of_plan = [] {
        std::array<output_shape, to_size(Model::outputs)> result;
        for (int at = 0; at < Model::outputs; ++at) {
            const int relation = plan::shapes.outputs[at];
            const auto& pairs = plan::tables.relations[relation].pairs;
            output_shape& shape = result[to_size(at)];
            shape = {plan::shapes.text.relations[relation].id, layout::size(at)};
            if (pairs.any())
                shape = {shape.id, shape.size, pairs.fact, {pairs.axes[0], pairs.axes[1]}};
        }
        return result;
    }();
    static constexpr auto weights_of_plan = [] {
        sequent::plan::list<weight_shape, plan::shapes.weights.size()> result;
        for (int at = 0; at < plan::shapes.weights.size(); ++at) {
            const auto& shape = plan::shapes.weights[at];
            if (shape.uses == 0) continue;
            const bool packed = plan::tables.weights[at].packed;
            result.push({shape.trained, packed, packed ? shape.extents[shape.arity - 1] : 0});
        }
        return result;
    }();

    struct lister {
        std::vector<named_view<T>>& list;
        void operator()(std::string_view name, const sequent::tensor_view<T>& view) const {
            list.push_back({std::string(name), view});
        }
    };

    template <std::size_t... At>
    typename Model::template facts<T> give(std::index_sequence<At...>) const {
        return typename Model::template facts<T>({this->argument(At)...});
    }
    template <std::size_t... At>
    typename Model::template output_gradients<T> outward(
        const std::array<std::vector<T>, to_size(Model::outputs)>& coefficients,
        std::index_sequence<At...>) const {
        return
            typename Model::template output_gradients<T>({std::span<const T>(coefficients[At])...});
    }

    /// Calls visit(element, place) for the elements of a view of an output; `place` is that of the
    /// element among the numbers of all outputs at their full lengths.
    template <class Visit>
    static void each_place(int at, const sequent::tensor_view<const T>& view, Visit visit) {
        const auto whole = layout::view(at);
        for (int element = 0; element < view.size(); ++element) {
            int place = layout::offset(at);
            int rest = element;
            int stride = 1;
            for (int axis = view.rank; axis-- > 0;) {
                const int extent = view.extents[to_size(axis)];
                place += rest % extent * stride;
                rest /= extent;
                stride *= whole.extents[axis];
            }
            visit(element, to_size(place));
        }
    }

    /// Calls visit(output, view) after a forward in memory that holds nothing but NaN.
    template <class Visit>
    void each_output(Visit visit) const {
        std::fill_n(w->numbers, w->size, std::numeric_limits<T>::quiet_NaN());
        const auto result = Model::forward(*p, given(), *w);
        if constexpr (Model::outputs == 1)
            visit(0, result);
        else
            for (int at = 0; at < Model::outputs; ++at) visit(at, result[to_size(at)]);
    }
};

/// A model whose type is forgotten.
template <class T>
class subject {
  public:
    explicit subject(numbers<T>& of) : own(of) {}
    virtual ~subject() = default;
    virtual oracle::tree::program program() const = 0;
    virtual std::vector<T> outputs() const = 0;
    virtual typename numbers<T>::facts_list backward(const std::vector<T>& coefficients) = 0;

    numbers<T>& own;
};
template <class Model, class T>
class subject_of final : public subject<T> {
  public:
    explicit subject_of(fixture<Model, T>& of) : subject<T>(of), of_(of) {}
    oracle::tree::program program() const override { return oracle::tree::read(Model::program); }
    std::vector<T> outputs() const override { return of_.outputs(); }
    typename numbers<T>::facts_list backward(const std::vector<T>& coefficients) override {
        return of_.backward(coefficients);
    }

  private:
    fixture<Model, T>& of_;
};

/// How many ground rules the oracle finds for a rule.
long ground_rules(const oracle::tree::program& program, const oracle::world& world, int rule);

/// How many pairs a space contains, one by one; without a count, as many as it says itself.
long pairs_of_space(const sequent::plan::space& space, int rows, int columns, int count);

/// As many numbers as it is said, the same in every call.
std::vector<double> random_coefficients(std::size_t size);

/// The largest error of a tensor of outputs against the oracle.
double forward_error(const subject<double>& model);

/// The largest error of the gradient of a tensor, weight or fact, against central differences.
/// About `probes` elements of each are tried. The gradient of a weight that is not trained is zero.
double gradient_error(subject<double>& model, int probes = 40);

/// The largest error of the gradients in float against those in double, of the same numbers.
double float_gradient_error(subject<float>& model, subject<double>& exact);

/// Checks outputs and gradients.
void agrees(subject<double>& model);
/// The same in float, where `exact` has the same numbers.
void agrees_in_float(subject<float>& model, subject<double>& exact);

template <class Model>
double gradient_error(fixture<Model, double>& f) {
    subject_of<Model, double> model(f);
    return gradient_error(model);
}
template <class Model>
void agrees(fixture<Model, double>& f) {
    subject_of<Model, double> model(f);
    agrees(model);
}

/// `prepare` changes the random numbers of a fixture.
template <class Model, class Prepare>
void runs(int count, std::uint64_t seed, Prepare prepare, int pair_count = some_pairs) {
    fixture<Model, double> f(seed, count, pair_count);
    prepare(f);
    agrees(f);
}
template <class Model>
void runs(int count = 0, std::uint64_t seed = 1, int pair_count = some_pairs) {
    fixture<Model, double> f(seed, count, pair_count);
    agrees(f);
}

/// By the interpreter.
template <class Model>
void agrees(int count = 0, std::uint64_t seed = 1, int pair_count = some_pairs) {
    interpreter_agrees(written<Model>(count, seed, pair_count));
}
/// By the interpreter, which has a plan for `step`, too.
template <class Model>
void steps(int count = 0, std::uint64_t seed = 1) {
    interpreter_steps(written<Model>(count, seed, some_pairs));
}

/// With so many pairs of each sparse fact.
template <class Model>
void agrees_for_pairs(int pair_count, int count = 0, std::uint64_t seed = 1) {
    agrees<Model>(count, seed, pair_count);
}

/// In float, too: it doubles the time to build.
template <class Model>
void runs_in_both_types(int count = 0, std::uint64_t seed = 1) {
    fixture<Model, double> f(seed, count);
    subject_of<Model, double> exact(f);
    agrees(exact);
    fixture<Model, float> g(seed, count);
    subject_of<Model, float> in_float(g);
    agrees_in_float(in_float, exact);
}

}  // namespace check
