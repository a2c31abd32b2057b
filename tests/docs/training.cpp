#include <array>
#include <cstdint>
#include <sequent/data.hpp>
#include <sequent/fit.hpp>
#include <sequent/nn.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "../catch.hpp"

// What docs/training.md shows.

namespace flowers {

using namespace sequent::language;

inline constexpr relation<"size"> size;
inline constexpr relation<"hidden_layer"> hidden_layer;
inline constexpr relation<"logits"> logits;
inline constexpr weight<"W_1", 8, 2> W_1;
inline constexpr weight<"b_1", 8> b_1;
inline constexpr weight<"W_2", 2, 8> W_2;
inline constexpr weight<"b_2", 2> b_2;

inline constexpr auto classifier =
    rules(hidden_layer() <<= (size()[W_1], b_1) | relu(), logits() <<= (hidden_layer()[W_2], b_2));

}  // namespace flowers

namespace {

using Flowers = sequent::model<flowers::classifier, sequent::fact<"size", 2>>;

constexpr std::string_view text =
    "length,width,kind\n"
    "1.4,0.2,setosa\n4.7,1.4,versicolor\n1.3,0.2,setosa\n4.5,1.5,versicolor\n"
    "1.5,0.3,setosa\n4.9,1.5,versicolor\n1.4,0.1,setosa\n4.0,1.3,versicolor\n";

}  // namespace

TEST_CASE("data become facts, groups have settings of their own") {
    const sequent::io::source flowers_csv(std::as_bytes(std::span(text)), "flowers.csv");
    // [table]
    const sequent::data::table table(flowers_csv);  // a path, or bytes in memory
    const std::vector<float> sizes = table.numbers({"length", "width"});  // row by row
    sequent::data::symbol_names kinds;
    const std::vector<std::int32_t> labels = table.symbols("kind", kinds);  // 0 is "setosa"

    std::vector<Flowers::facts<float>> facts;
    for (int row = 0; row < table.rows(); ++row)
        facts.push_back({std::span(sizes).subspan(static_cast<std::size_t>(2 * row), 2)});
    const sequent::data::split parts = sequent::data::split_of(labels, 0.25, 1);
    // [/table]
    CHECK(kinds[0] == "setosa");
    CHECK(parts.held_out.size() == 2);

    // [groups]
    const auto groups = sequent::train::groups_of<Flowers>(
        [](std::string_view name, auto) -> sequent::train::parameter_group {
            if (name == "b_1") return {.frozen = true};
            if (name == "W_2") return {.rate = 0.5, .decay = 0, .as_matrix = false};
            return {};
        });
    sequent::thread_pool pool;
    sequent::train::trainer<Flowers, float, sequent::train::muon<float>> trainer(
        pool, 1, sequent::train::muon<float>(groups, 0.1));
    // [/groups]

    sequent::train::batches batches(static_cast<int>(parts.training.size()), 3, 1);
    // [fit]
    const auto step = [&](double rate) {
        std::vector<int> places;
        for (const int at : batches.next())
            places.push_back(parts.training[static_cast<std::size_t>(at)]);
        return trainer.step(facts, places, rate, [&](int at, auto logits, auto logits_gradient) {
            return sequent::train::cross_entropy(
                logits, std::span(labels).subspan(static_cast<std::size_t>(at), 1), logits_gradient,
                {.scale = 1.0 / static_cast<double>(places.size()), .label_smoothing = 0.01});
        });
    };
    const auto result = sequent::train::fit(
        {.rate = {.peak = 0.05, .total_steps = 60, .shape = sequent::train::decay::linear},
         .progress = nullptr},
        step);

    sequent::train::confusion found(2);
    auto w = sequent::make_unique<Flowers::scratch<float>>();
    for (const int at : parts.held_out) {
        const auto place = static_cast<std::size_t>(at);
        const auto logits = Flowers::forward(trainer.parameters(), facts[place], *w);
        found.add(logits, labels[place]);
    }
    // found.accuracy(), found.f1(0), ...
    // [/fit]
    CHECK(result.steps == 60);
    CHECK(result.loss < 0.3);
    CHECK(found.accuracy() == 1);
    for (const float each : trainer.parameters()[flowers::b_1].span()) CHECK(each == 0);

    // [folds]
    for (const sequent::data::split& fold : sequent::data::folds_of(labels, 4, 1))
        CHECK(fold.training.size() + fold.held_out.size() == labels.size());
    // [/folds]
    // [initialize]
    auto p = sequent::make_unique<Flowers::parameters<float>>();
    sequent::train::initialize<Flowers, float>(*p, 1, [](std::string_view name, auto) {
        using sequent::train::initializer;
        return name == "W_1" ? initializer::he_normal() : initializer::keep();
    });
    // [/initialize]
    CHECK((*p)[flowers::b_1](3) == 0);
}
