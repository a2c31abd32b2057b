#pragma once

#define SEQUENT_LEAST_JOINED 0

#include "../model/check.hpp"

/// Compares a compiled random program with the oracle and with itself: float with double, scratches
/// with workspaces, batches with single samples, several sequences with each alone.

namespace random_programs {

template <class Model>
class compiled {
    template <class T>
    using fixture = check::fixture<Model, T>;
    using plan = typename Model::plan;
    using real = double;

  public:
    explicit compiled(std::uint64_t seed) {
        for (const int count : {3, 0, 5, 1, 3})
            samples_.push_back(std::make_unique<fixture<real>>(seed + samples_.size(), count));
        for (const auto& each : samples_) *each->p = *samples_.front()->p;
        compare_with_oracle(seed);
        for (const auto& each : samples_) {
            expected_.push_back(each->outputs());
            size_ += expected_.back().size();
        }
        compare_scratch();
        compare_batches();
        if constexpr (single_fact && sequent::plan::state_plan_of<plan>::made.obstacle.rule < 0)
            compare_sequences();
    }

  private:
    static constexpr bool single_fact =
        plan::facts.size() == 1 && !plan::facts[0].is_sparse() && plan::facts[0].rank > 0;

    std::vector<std::unique_ptr<fixture<real>>> samples_{};
    std::vector<std::vector<real>> expected_{};
    std::size_t size_ = 0;

    void compare_with_oracle(std::uint64_t seed) {
        INFO("against the oracle");
        check::agrees(*samples_.front());
        fixture<float> in_float(seed, 3);
        fixture<real> same(seed, 3);
        check::subject_of<Model, float> single(in_float);
        check::subject_of<Model, real> exact(same);
        INFO("in float");
        check::agrees_in_float(single, exact);
    }

    template <class Views>
    static void add_to(std::vector<real>& values, const Views& views) {
        const auto add = [&](const auto& view) {
            for (int at = 0; at < view.size(); ++at) values.push_back(view.element(at));
        };
        if constexpr (Model::outputs == 1)
            add(views);
        else
            for (const auto& view : views) add(view);
    }

    void compare_scratch() {
        INFO("scratch");
        const auto scratch = sequent::make_unique<typename Model::template scratch<real>>();
        const auto w = sequent::make_unique<typename Model::template workspace<real>>();
        for (const auto& each : samples_) {
            std::vector<real> expected, found;
            add_to(expected, Model::forward(*each->p, each->given(), *w));
            add_to(found, Model::forward(*each->p, each->given(), *scratch));
            CHECK(sequent_test::error_of(found, expected) < 1e-12);
        }
    }

    void compare_batches() {
        const auto& p = *samples_.front()->p;
        std::vector<typename Model::template facts<real>> facts;
        std::vector<real> expected, outward;
        sequent::random_numbers random(7);
        const auto gradient = sequent::make_unique<typename Model::template parameters<real>>();
        for (std::size_t at = 0; at < samples_.size(); ++at) {
            facts.push_back(samples_[at]->given());
            expected.insert(expected.end(), expected_[at].begin(), expected_[at].end());
            std::vector<real> mine(expected_[at].size());
            for (real& each : mine) each = random.normal();
            (void)samples_[at]->backward(mine);
            for (int number = 0; number < static_cast<int>(gradient->flat().size()); ++number)
                gradient->flat()[check::to_size(number)] +=
                    samples_[at]->gradient->flat()[check::to_size(number)];
            outward.insert(outward.end(), mine.begin(), mine.end());
        }
        sequent::thread_pool pool(1);
        std::vector<real> found(expected.size());
        {
            INFO("forward_batch of inference");
            typename Model::template scratch_batch<real> infers(pool);
            Model::forward_batch(p, facts, infers, found);
            CHECK(sequent_test::error_of(found, expected) < 1e-12);
        }
        typename Model::template batch<real> trains(pool);
        Model::forward_batch(p, facts, trains, found);
        CHECK(sequent_test::error_of(found, expected) < 1e-12);
        const auto total = sequent::make_unique<typename Model::template parameters<real>>();
        Model::backward_batch(p, facts, outward, trains, *total);
        INFO("backward_batch");
        CHECK(sequent_test::error_of(list_of(*total), list_of(*gradient)) < 1e-11);
    }
    template <class Parameters>
    static std::vector<real> list_of(const Parameters& p) {
        return {p.flat().begin(), p.flat().end()};
    }

    /// Rows of the first samples, from different positions on.
    void compare_sequences() {
        INFO("step_batch");
        using state = typename Model::template state<real>;
        const auto& p = *samples_.front()->p;
        constexpr int sequences = 3;
        std::vector<std::unique_ptr<state>> together, alone;
        std::vector<fixture<real>*> of;
        for (const auto& each : samples_) {
            if (of.size() == sequences) break;
            if (rows_of(*each) < sequences) continue;
            together.push_back(sequent::make_unique<state>());
            if (!of.empty())
                (void)Model::prefill(p, {rows(*each, 0, static_cast<int>(of.size()))},
                                     *together.back());
            alone.push_back(sequent::make_unique<state>(*together.back()));
            of.push_back(each.get());
        }
        for (;;) {
            std::vector<state*> states;
            std::vector<typename Model::template rows<real>> given;
            std::vector<real> expected, found;
            for (std::size_t at = 0; at < of.size(); ++at) {
                const int row = together[at]->position();
                if (row == rows_of(*of[at]) || row == state::length) continue;
                states.push_back(together[at].get());
                given.push_back({rows(*of[at], row, row + 1)});
                add_to(expected, Model::step(p, {rows(*of[at], row, row + 1)}, *alone[at]));
            }
            if (states.empty()) return;
            Model::step_batch(p, given, states,
                              [&](int, const auto& views) { add_to(found, views); });
            CHECK(sequent_test::error_of(found, expected) < 1e-12);
        }
    }

    static constexpr int row_size = [] {
        const auto& fact = plan::facts[0];
        return fact.rank > 0 && fact.extents[0] > 0 ? fact.size() / fact.extents[0] : 1;
    }();
    static int rows_of(const fixture<real>& from) {
        const std::size_t size = plan::facts[0].kind == sequent::plan::fact_kind::symbols
                                     ? from.symbols[0].size()
                                     : from.dense[0].size();
        return static_cast<int>(size) / row_size;
    }
    static auto rows(const fixture<real>& from, int begin, int end) {
        const auto part = [&](const auto& all) {
            return std::span(all).subspan(check::to_size(begin * row_size),
                                          check::to_size((end - begin) * row_size));
        };
        if constexpr (plan::facts[0].kind == sequent::plan::fact_kind::symbols)
            return part(from.symbols[0]);
        else
            return part(from.dense[0]);
    }
};

}  // namespace random_programs
