#include <sequent/nn.hpp>

#include "rules.hpp"

// Several sequences that are computed together, row by row.

namespace {

using namespace sequent;

constexpr int symbol_count = 20;
constexpr int positions = 12;
using language_model = transformer::language_model<vocabulary<symbol_count>, tokens<positions>,
                                                   width<48>, heads<4>, depth<2>>;

/// Two sets of sequences of different lengths.
template <class Model>
struct sequences {
    using state = typename Model::template state<double>;

    std::unique_ptr<typename Model::template parameters<double>> p =
        make_unique<typename Model::template parameters<double>>();
    std::vector<std::unique_ptr<state>> together, alone;
    std::vector<state*> states;
    random_numbers random{6};

    explicit sequences(int count) {
        Model::initialize(*p, 5);
        for (int at = 0; at < count; ++at) {
            together.push_back(make_unique<state>());
            std::vector<std::int32_t> start(check::to_size(at * 5 % 8));
            for (auto& symbol : start) symbol = random.below(symbol_count);
            if (!start.empty()) Model::prefill(*p, {start}, *together.back());
            alone.push_back(make_unique<state>(*together.back()));
            states.push_back(together.back().get());
        }
    }

    /// The greatest difference between both in one step.
    double step() {
        std::vector<typename Model::template rows<double>> given;
        std::vector<double> expected, found;
        for (const auto& s : alone) {
            const int symbol = random.below(symbol_count);
            given.push_back({symbol});
            const auto y = Model::step(*p, {symbol}, *s);
            for (int at = 0; at < y.size(); ++at) expected.push_back(y.element(at));
        }
        int next = 0;
        Model::step_batch(*p, given, states, [&](int sequence, const auto& y) {
            CHECK(sequence == next++);
            for (int at = 0; at < y.size(); ++at) found.push_back(y.element(at));
        });
        for (std::size_t at = 0; at < states.size(); ++at)
            CHECK(states[at]->position() == alone[at]->position());
        return sequent_test::error_of(found, expected);
    }
};

// At the first position, rows up to the next one are computed.
using namespace names;
inline constexpr var<"t"> t;
inline constexpr var<"m", 7> m;
inline constexpr auto ahead =
    rules(a(m) <<= (x(j), j < m) | mean(j), b(m) <<= a(m)[W<"W", 40, 40>] | tanh(),
          out(t) <<= (b(t + 1), x(t)));
using looking_ahead = model<ahead, fact<"x", 6, 40>>;

}  // namespace

TEST_CASE("sequences at different positions are stepped together as each alone") {
    for (const int count : {1, 3, 19}) {
        sequences<language_model> s(count);
        for (int time = 0; time < 4; ++time) CHECK(s.step() < 1e-12);
    }
}

TEST_CASE("step_batch checks all rows before any sequence moves on") {
    sequences<language_model> s(3);
    using rows = language_model::rows<double>;
    const auto visit = [](int, const auto&) {};
    const auto step = [&](std::vector<rows> given, std::vector<language_model::state<double>*> to) {
        language_model::step_batch(*s.p, given, to, visit);
    };
    CHECK_THROWS_WITH(step({{1}, {2}}, s.states),
                      "sequent: step_batch is given 2 rows for 3 states");
    CHECK_THROWS_WITH(step({{1}, {2}, {3}}, {s.states[0], s.states[1], s.states[0]}),
                      "sequent: step_batch is given one state twice, as number 0 and 2");
    while (s.states[2]->position() < positions) language_model::step(*s.p, {1}, *s.states[2]);
    CHECK_THROWS_WITH(step({{1}, {2}, {3}}, s.states),
                      "sequent: position 12 is beyond the 12 positions of the model");
    CHECK(s.states[0]->position() == 0);
    CHECK(s.states[1]->position() == 5);
    step({}, {});
}

TEST_CASE("sequences that compute rows ahead are stepped together as each alone") {
    constexpr int count = 16;
    const auto p = make_unique<looking_ahead::parameters<double>>();
    looking_ahead::initialize(*p, 2);
    std::vector<std::unique_ptr<looking_ahead::state<double>>> together, alone;
    std::vector<looking_ahead::state<double>*> states;
    for (int at = 0; at < count; ++at) {
        together.push_back(make_unique<looking_ahead::state<double>>());
        alone.push_back(make_unique<looking_ahead::state<double>>());
        states.push_back(together.back().get());
    }
    random_numbers random(5);
    for (int position = 0; position < 3; ++position) {
        std::vector<std::vector<double>> inputs(count, std::vector<double>(40));
        std::vector<looking_ahead::rows<double>> given;
        std::vector<double> expected, found;
        for (std::size_t at = 0; at < inputs.size(); ++at) {
            for (double& each : inputs[at]) each = random.normal();
            given.push_back({inputs[at]});
            const auto values = looking_ahead::step(*p, {inputs[at]}, *alone[at]);
            for (int at_output = 0; at_output < 40; ++at_output)
                expected.push_back(values(at_output));
        }
        looking_ahead::step_batch(*p, given, states, [&](int, const auto& values) {
            for (int at_output = 0; at_output < 40; ++at_output) found.push_back(values(at_output));
        });
        CHECK(sequent_test::error_of(found, expected) < 1e-12);
    }
}
