#pragma once

#include "rules.hpp"

/// One sample on several threads gives the bits of one thread. The sizes are those from which steps
/// are divided.

namespace check {

using namespace sequent;

/// Forward and backward on one to four threads, and without a pool.
template <class Model, class T = float>
void has_the_same_bits(int count = 0) {
    check::fixture<Model, T> f(1, count);
    const auto expected = f.outputs();
    std::vector<T> outward;
    for (const double each : check::random_coefficients(expected.size()))
        outward.push_back(static_cast<T>(each));
    const auto of_facts = f.backward(outward);
    const std::vector<T> gradient(f.gradient->flat().begin(), f.gradient->flat().end());
    const auto given = f.given();
    for (const int threads : {1, 2, 3, 4}) {
        INFO(threads << " threads");
        thread_pool pool(threads);
        const auto w = make_unique<typename Model::template workspace<T>>();
        const auto y = Model::forward(*f.p, given, *w, pool);
        std::vector<T> values;
        for (int at = 0; at < y.size(); ++at) values.push_back(y.element(at));
        CHECK(values == expected);
        *f.gradient = {};
        auto found = of_facts;
        typename Model::template fact_gradients<T> wanted;
        for (std::size_t at = 0; at < found.size(); ++at) {
            std::ranges::fill(found[at], T(0));
            if (!found[at].empty()) wanted.pointers[at] = found[at].data();
        }
        Model::backward(*f.p, given, outward, *w, *f.gradient, pool, wanted);
        CHECK(std::ranges::equal(f.gradient->flat(), gradient));
        CHECK(found == of_facts);
    }
}

}  // namespace check
