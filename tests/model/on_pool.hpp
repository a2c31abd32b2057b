#pragma once

#include "rules.hpp"

/// One sample on several threads has the bits of one thread, and of none. The sizes are those from
/// which steps are divided.

namespace check {

using namespace sequent;

/// Outputs and gradients, of weights and facts, on the threads of a pool.
template <class Model, class T>
std::vector<std::vector<T>> numbers_on(fixture<Model, T>& f, const std::vector<T>& outward,
                                       thread_pool& pool) {
    std::vector<std::vector<T>> result(2);
    const auto w = make_unique<typename Model::template workspace<T>>();
    const auto given = f.given();
    const auto y = Model::forward(*f.p, given, *w, pool);
    for (int at = 0; at < y.size(); ++at) result[0].push_back(y.element(at));
    *f.gradient = {};
    typename Model::template fact_gradients<T> wanted;
    for (std::size_t at = 0; at < f.dense.size(); ++at) {
        const sequent::plan::fact_shape& shape = f.fact_shapes[at];
        const bool sparse = shape.is_sparse() && !f.dense[at].empty();
        auto& to = result.emplace_back(sparse ? to_size(shape.size()) : f.dense[at].size());
        if (!to.empty()) wanted.pointers[at] = to.data();
    }
    Model::backward(*f.p, given, outward, *w, *f.gradient, pool, wanted);
    result[1].assign(f.gradient->flat().begin(), f.gradient->flat().end());
    return result;
}

/// Forward and backward on one to four threads; with `Alone`, without a pool, too.
template <class Model, bool Alone = false, class T = float>
void has_the_same_bits(int count = 0) {
    check::fixture<Model, T> f(1, count);
    std::vector<T> outward;
    for (const double each : check::random_coefficients(
             to_size(model_detail::output_layout<typename Model::plan>::size(0))))
        outward.push_back(static_cast<T>(each));
    thread_pool one(1);
    const auto expected = numbers_on(f, outward, one);
    CHECK(std::ranges::any_of(expected[0], [](T number) { return number != 0; }));
    for (const int threads : {2, 3, 4}) {
        INFO(threads << " threads");
        thread_pool pool(threads);
        CHECK(numbers_on(f, outward, pool) == expected);
    }
    if constexpr (Alone) {
        CHECK(f.outputs() == expected[0]);
        const auto of_facts = f.backward(outward);
        for (std::size_t at = 0; at < of_facts.size(); ++at)
            CHECK(of_facts[at] == expected[at + 2]);
        CHECK(std::ranges::equal(f.gradient->flat(), expected[1]));
    }
}

}  // namespace check
