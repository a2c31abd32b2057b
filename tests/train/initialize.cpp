#include <sequent/sequent.hpp>

#include <cmath>
#include <string_view>
#include <vector>

#include "../catch.hpp"

namespace {

namespace program {
using namespace sequent::language;
SEQUENT_VARIABLES(i);
SEQUENT_RELATIONS(x, wide, narrow);
SEQUENT_WEIGHT(W_wide, 40, 20);
SEQUENT_WEIGHT(b_wide, 40);
SEQUENT_WEIGHT(W_narrow, 10, 40);
inline constexpr auto rules = sequent::language::rules(wide(i) <<= (x(i)[W_wide], b_wide) | relu(),
                                                       narrow(i) <<= wide(i)[W_narrow]);
}  // namespace program

using Model = sequent::model<program::rules, sequent::fact<"x", 3, 20>>;
namespace train = sequent::train;
using train::initializer;

/// Every weight as `how`, and the numbers of one.
template <class Weight>
std::vector<double> filled(const initializer& how, Weight weight, std::uint64_t seed = 3) {
    Model::parameters<double> p;
    train::initialize<Model, double>(p, seed, [&](auto, auto) { return how; });
    const auto view = p[weight];
    std::vector<double> result;
    for (int at = 0; at < view.size(); ++at) result.push_back(view.element(at));
    return result;
}

double deviation(const std::vector<double>& numbers) {
    double squares = 0;
    for (const double each : numbers) squares += each * each;
    return std::sqrt(squares / static_cast<double>(numbers.size()));
}

}  // namespace

TEST_CASE("weights are filled by fan-in and fan-out") {
    // 800 numbers: the deviation is within 10 percent.
    using program::W_wide;
    CHECK(deviation(filled(initializer::glorot_uniform(), W_wide)) ==
          Approx(std::sqrt(2.0 / 60)).epsilon(0.1));
    CHECK(deviation(filled(initializer::glorot_normal(), W_wide)) ==
          Approx(std::sqrt(2.0 / 60)).epsilon(0.1));
    CHECK(deviation(filled(initializer::he_uniform(), W_wide)) ==
          Approx(std::sqrt(2.0 / 20)).epsilon(0.1));
    CHECK(deviation(filled(initializer::he_normal(1), W_wide)) ==
          Approx(std::sqrt(1.0 / 20)).epsilon(0.1));
    for (const double each : filled(initializer::glorot_uniform(), W_wide))
        CHECK(std::abs(each) <= std::sqrt(6.0 / 60));
    for (const double each : filled(initializer::uniform(2, 3), W_wide))
        CHECK((each >= 2 && each < 3));
    // The median is 10 (1 - 0.5^(1/51)), the mean 10 / 52.
    const auto tailed = filled(initializer::long_tailed(), W_wide);
    double below = 0, sum = 0;
    for (const double each : tailed) {
        CHECK((each >= 0 && each <= 10));
        below += each < 10 * (1 - std::pow(0.5, 1 / 51.0));
        sum += each;
    }
    CHECK(below / 800 == Approx(0.5).epsilon(0.1));
    CHECK(sum / 800 == Approx(10.0 / 52).epsilon(0.1));
    CHECK(filled(initializer::constant(0.5), program::b_wide) == std::vector<double>(40, 0.5));
    CHECK(filled(initializer::normal(0, 1), W_wide) == filled(initializer::normal(0, 1), W_wide));
    CHECK(filled(initializer::normal(0, 1), W_wide) !=
          filled(initializer::normal(0, 1), W_wide, 4));
}

TEST_CASE("orthogonal matrices have orthonormal rows or columns") {
    const auto check = [](const std::vector<double>& m, int rows, int columns, double gain) {
        const auto at = [&](int row, int column) {
            return m[static_cast<std::size_t>(row * columns + column)];
        };
        const bool by_rows = rows <= columns;
        const int count = by_rows ? rows : columns;
        const int length = by_rows ? columns : rows;
        for (int a = 0; a < count; ++a)
            for (int b = 0; b < count; ++b) {
                double sum = 0;
                for (int k = 0; k < length; ++k)
                    sum += by_rows ? at(a, k) * at(b, k) : at(k, a) * at(k, b);
                CHECK(sum == Approx(a == b ? gain * gain : 0).margin(1e-12));
            }
    };
    check(filled(initializer::orthogonal(2), program::W_wide), 40, 20, 2);
    check(filled(initializer::orthogonal(), program::W_narrow), 10, 40, 1);
}

TEST_CASE("a choice by name and shape leaves the others as they were") {
    Model::parameters<double> p;
    train::initialize<Model, double>(p, 7, [](std::string_view name, std::span<const int> extents) {
        if (name == "W_narrow") {
            CHECK(extents.size() == 2);
            CHECK((extents[0] == 10 && extents[1] == 40));
            return initializer::constant(1);
        }
        return initializer::keep();
    });
    Model::parameters<double> plain;
    Model::initialize(plain, 7);
    CHECK(p[program::W_narrow](9, 39) == 1);
    CHECK(p[program::W_wide](3, 4) == plain[program::W_wide](3, 4));
    CHECK(p[program::b_wide](0) == 0);
}
