// Learns relations from few facts, with rules as text: who is whose grandmother, tested on another
// family, and what lies in which country or continent, tested on pairs that were left out.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <sequent/fit.hpp>
#include <sequent/sequent.hpp>
#include <sequent/text.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace {

constexpr const char* help_text = R"(relations

Learns relations from few facts, with rules as text: who is whose grandmother, tested on another
family; and what lies in which country or continent, tested on pairs that were left out. Ends with 0
if all are right.
)";

using atoms = std::vector<std::array<std::int32_t, 2>>;
using numbers = std::vector<float>;

// A grandmother is a woman two steps away. The weights learn which steps, up or down.
inline constexpr sequent::text family = R"(
    step_1(x, y) <<= parent(x, y)[up_1{}];
    step_1(x, y) <<= parent(y, x)[down_1{}];
    step_2(x, y) <<= parent(x, y)[up_2{}];
    step_2(x, y) <<= parent(y, x)[down_2{}];
    two_steps(x, y) <<= step_1(x, z), step_2(z, y) | product() | sum(z);
    logit(x, y) <<= women{}, two_steps(x, y), hidden(female(x)) | product();
    logit(x, y) <<= men{}, two_steps(x, y), !female(x) | product();
    logit(x, y) <<= bias{};
)";
constexpr int people = 12;
using Family = sequent::model<family, sequent::fact<"parent", sequent::sparse<24>, people, people>,
                              sequent::fact<"female", sequent::sparse<people>, people>>;

// A graph of knowledge: triples (x, 0, y), x lies in y, and (x, 1, y), x is the capital of y. Two
// rules of logic beside an embedding of all names.
inline constexpr sequent::text places = R"(
    inside(x, y) <<= triple(x, 0, y);
    inside(x, y) <<= triple(x, 1, y);
    follows(x, y) <<= inside(x, z), inside(z, y) | product() | any(z);
    logit(x, y) <<= E(x){4}.T(), F(y){4} | product();
    logit(x, y) <<= direct{}, inside(x, y) | product();
    logit(x, y) <<= transitive{}, follows(x, y) | product();
    logit(x, y) <<= bias{};
)";
constexpr int continents = 3, countries = 6, cities = 12;
constexpr int names = continents + countries + cities;
using Places =
    sequent::model<places,
                   sequent::fact<"triple", sequent::sparse<cities + countries>, names, 2, names>>;

/// Trains with AdamW on all samples at once; embeddings decay, so that rules explain what they can.
template <class Model, class Loss>
auto trained(sequent::thread_pool& pool, std::span<const typename Model::template facts<float>> all,
             int steps, double rate, Loss loss) {
    namespace train = sequent::train;
    const auto group_of = [](std::string_view name, auto) -> train::parameter_group {
        return {.decay = name == "E" || name == "F" ? 1.0 : 0.0};
    };
    auto trainer = std::make_unique<train::trainer<Model>>(
        pool, 3, train::adam_w<float>(train::groups_of<Model>(group_of), 1.0));
    for (int step = 0; step < steps; ++step) (void)trainer->step(all, rate, loss);
    return trainer;
}

struct relatives {
    atoms parents;
    std::vector<std::int32_t> women;

    numbers grandmothers() const {
        numbers result(people * people);
        for (const auto& [old, parent] : parents)
            for (const auto& [middle, child] : parents)
                if (parent == middle && std::find(women.begin(), women.end(), old) != women.end())
                    result[static_cast<std::size_t>(old * people + child)] = 1;
        return result;
    }
};

int wrong_grandmothers(sequent::thread_pool& pool) {
    const relatives known{{{0, 2},
                           {1, 2},
                           {0, 3},
                           {1, 3},
                           {0, 4},
                           {1, 4},
                           {2, 6},
                           {5, 6},
                           {2, 7},
                           {5, 7},
                           {3, 9},
                           {8, 9},
                           {6, 11},
                           {10, 11}},
                          {0, 3, 5, 7, 10}};
    const relatives other{{{0, 2},
                           {1, 2},
                           {2, 4},
                           {3, 4},
                           {2, 5},
                           {3, 5},
                           {2, 6},
                           {3, 6},
                           {4, 8},
                           {7, 8},
                           {4, 9},
                           {7, 9},
                           {5, 11},
                           {10, 11}},
                          {1, 3, 5, 6, 7, 9}};
    const auto facts_of = [](const relatives& of) {
        return Family::facts<float>{sequent::sparse_pairs(of.parents),
                                    sequent::sparse_atoms(of.women)};
    };
    const std::vector facts{facts_of(known)};
    const numbers targets = known.grandmothers();
    const auto learned = trained<Family>(pool, facts, 600, 0.05, [&](int, auto logit, auto dy) {
        return sequent::train::binary_cross_entropy(logit, targets, dy);
    });
    const auto w = sequent::make_unique<Family::scratch<float>>();
    const auto logit = Family::forward(learned->parameters(), facts_of(other), *w);
    const numbers expected = other.grandmothers();
    int wrong = 0;
    for (int pair = 0; pair < people * people; ++pair)
        wrong += (logit.data[pair] > 0) != (expected[static_cast<std::size_t>(pair)] > 0);
    return wrong;
}

int wrong_places(sequent::thread_pool& pool) {
    // Country c lies in continent c % 3; city i in country i % 6, of which the first is the
    // capital.
    const int first_city = continents + countries;
    std::vector<std::array<std::int32_t, 3>> triples;
    numbers targets(names * names);
    std::vector<bool> left_out(names * names);
    const auto place = [](int x, int y) { return static_cast<std::size_t>(x * names + y); };
    for (int country = 0; country < countries; ++country) {
        triples.push_back({continents + country, 0, country % continents});
        targets[place(continents + country, country % continents)] = 1;
    }
    for (int city = 0; city < cities; ++city) {
        const int country = city % countries;
        triples.push_back({first_city + city, city < countries ? 1 : 0, continents + country});
        targets[place(first_city + city, continents + country)] = 1;
        targets[place(first_city + city, country % continents)] = 1;
        if (city % 3 == 0) left_out[place(first_city + city, country % continents)] = true;
    }
    const std::vector<Places::facts<float>> facts{{sequent::sparse_atoms(triples)}};
    const auto learned = trained<Places>(pool, facts, 400, 0.03, [&](int, auto logit, auto dy) {
        const float loss = sequent::train::binary_cross_entropy(logit, targets, dy);
        for (std::size_t pair = 0; pair < left_out.size(); ++pair)
            if (left_out[pair]) dy.data[pair] = 0;
        return loss;
    });
    const auto w = sequent::make_unique<Places::scratch<float>>();
    const auto logit = Places::forward(learned->parameters(), facts[0], *w);
    int wrong = 0;
    for (std::size_t pair = 0; pair < targets.size(); ++pair)
        wrong += (logit.data[pair] > 0) != (targets[pair] > 0);
    return wrong;
}

int run() {
    sequent::thread_pool pool(1);
    const int family_errors = wrong_grandmothers(pool);
    std::printf("grandmothers in another family: %d of %d pairs wrong\n", family_errors,
                people * people);
    const int place_errors = wrong_places(pool);
    std::printf("places, with 4 pairs left out: %d of %d pairs wrong\n", place_errors,
                names * names);
    return family_errors + place_errors == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("relations", [&] {
        examples::read_no_options(count, arguments, help_text);
        return run();
    });
}
