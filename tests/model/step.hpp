#pragma once

#include <initializer_list>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "check.hpp"

/// A row computed from what a state keeps of those before is the row of the whole.

namespace check {

/// Whether a model has `step`.
template <class Model>
inline constexpr bool streams =
    sequent::plan::state_plan_of<typename Model::plan>::made.obstacle.rule < 0;

template <class Model, class T = float>
struct sequence {
    using state_type = typename Model::template state<T>;

    fixture<Model, T> f{1};
    std::unique_ptr<state_type> s = sequent::make_unique<state_type>();
    std::vector<std::vector<T>> expected;  // of each output
    sequent_test::largest_error error;

    sequence() {
        const auto whole = Model::forward(*f.p, f.given(), *f.w);
        if constexpr (Model::outputs == 1)
            expect(whole);
        else
            for (const auto& view : whole) expect(view);
    }

    static constexpr int length = state_type::length;
    static constexpr int first_size = [] {
        const auto& fact = Model::plan::facts[0];
        return fact.size() / fact.extents[0];
    }();

    /// Rows [from, to) of the first fact.
    auto first_fact(int from, int to) const {
        const auto part = [&](const auto& all) {
            return std::span(all).subspan(to_size(from * first_size),
                                          to_size((to - from) * first_size));
        };
        if constexpr (Model::plan::facts[0].kind == sequent::plan::fact_kind::symbols)
            return part(f.symbols[0]);
        else
            return part(f.dense[0]);
    }

    template <class Views>
    void compare(int row, const Views& y) {
        if constexpr (Model::outputs == 1)
            compare_one(row, y, expected[0]);
        else
            for (std::size_t at = 0; at < y.size(); ++at) compare_one(row, y[at], expected[at]);
    }

    void step(int row) {
        REQUIRE(s->position() == row);
        compare(row, Model::step(*f.p, {first_fact(row, row + 1)}, *s));
    }
    /// Rows [from, to) at once, each of which is compared.
    void prefill(int from, int to) {
        int row = from;
        Model::prefill(*f.p, {first_fact(from, to)}, *s, [&](int at, const auto& y) {
            REQUIRE(at == row - from);
            compare(row++, y);
        });
        REQUIRE(row == to);
        REQUIRE(s->position() == to);
    }

  private:
    template <class View>
    void expect(const View& view) {
        expected.emplace_back();
        for (int at = 0; at < view.size(); ++at) expected.back().push_back(view.element(at));
    }
    template <class View>
    void compare_one(int row, const View& y, const std::vector<T>& whole) {
        REQUIRE(y.size() * length == static_cast<int>(whole.size()));
        for (int at = 0; at < y.size(); ++at)
            error.add(y.element(at), whole[to_size(row * y.size() + at)]);
    }
};

/// Each row after another.
template <class Model>
void steps_agree() {
    sequence<Model> all;
    for (int row = 0; row < all.length; ++row) all.step(row);
    CHECK(all.error.value() < 1e-5);
}

/// Each row after another; then pieces of random lengths. To nearly the last digit, in double.
template <class Model>
void streams_agree() {
    static_assert(streams<Model>);
    sequence<Model, double> all;
    for (int row = 0; row < all.length; ++row) all.step(row);
    std::minstd_rand random(7);
    for (int round = 0; round < 4; ++round) {
        all.s->reset();
        for (int row = 0; row < all.length;) {
            const int most = std::min(all.length - row, round == 0 ? 3 : 40);
            const int count = 1 + static_cast<int>(random()) % most;
            all.prefill(row, row + count);
            row += count;
        }
    }
    CHECK(all.error.value() < 1e-10);
}

/// Each row after another; then prefixes of several lengths at once, and the rest row by row.
template <class Model>
void prefixes_agree(std::initializer_list<int> prefixes) {
    sequence<Model> all;
    for (int row = 0; row < all.length; ++row) all.step(row);
    for (const int rows : prefixes) {
        all.s->reset();
        all.prefill(0, rows);
        for (int row = rows; row < all.length; ++row) all.step(row);
    }
    CHECK(all.error.value() < 1e-5);
}

}  // namespace check
