#include <sequent/train/metrics.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "../catch.hpp"

namespace train = sequent::train;
using sequent_test::contains;

TEST_CASE("accuracy, precision, recall and F1 of three classes") {
    train::confusion found(3);
    // Predicted and true: a table of counts, by hand.
    constexpr int counts[3][3] = {{5, 1, 0}, {2, 3, 1}, {0, 0, 0}};
    for (int predicted = 0; predicted < 3; ++predicted)
        for (int expected = 0; expected < 3; ++expected)
            for (int time = 0; time < counts[predicted][expected]; ++time)
                found.add(predicted, expected);
    CHECK(found.total() == 12);
    CHECK(found.accuracy() == Approx(8.0 / 12));
    CHECK(found.precision(0) == Approx(5.0 / 6));
    CHECK(found.recall(0) == Approx(5.0 / 7));
    CHECK(found.f1(0) == Approx(10.0 / 13));
    CHECK(found.f1(1) == Approx(0.6));
    CHECK(found.precision(2) == 0);
    CHECK(found.recall(2) == 0);
    CHECK(found.f1(2) == 0);
    CHECK(found.macro_f1() == Approx((10.0 / 13 + 0.6) / 3));
    const std::array scores{0.1F, 0.7F, 0.2F};
    found.add(std::span<const float>(scores), 2);
    CHECK(found.count(1, 2) == 2);
    const std::array rows{0.7F, 9.0F, 0.7F, 9.0F, 0.2F, 9.0F};  // every second one
    found.add(sequent::tensor_view<const float>{rows.data(), 1, {3}, {2}}, 2);
    CHECK(found.count(0, 2) == 1);
    CHECK_THROWS_AS(found.add(sequent::tensor_view<const float>{rows.data(), 1, {2}, {1}}, 2),
                    sequent::argument_error);
    CHECK_THROWS_WITH(found.add(0, 3), contains("class 3") && contains("3 classes"));
    CHECK_THROWS_AS(train::confusion(0), sequent::argument_error);
}

TEST_CASE("the area under the ROC is the share of pairs in order, ties half") {
    const std::vector<double> scores{0.1, 0.4, 0.35, 0.8, 0.4, -1};
    const std::vector<std::int32_t> labels{0, 0, 1, 1, 1, 0};
    double expected = 0;
    for (std::size_t a = 0; a < scores.size(); ++a)
        for (std::size_t b = 0; b < scores.size(); ++b)
            if (labels[a] == 1 && labels[b] == 0)
                expected += scores[a] > scores[b] ? 1 : scores[a] == scores[b] ? 0.5 : 0;
    const auto area = [](const std::vector<double>& of, const std::vector<std::int32_t>& are) {
        return train::area_under_roc(std::span<const double>(of), are);
    };
    CHECK(area(scores, labels) == Approx(expected / 9));
    CHECK(std::isnan(area({1, 2}, {1, 1})));
    CHECK(std::isnan(area({1, std::nan("")}, {1, 0})));
    CHECK_THROWS_WITH(area({1, 2}, {1, 2}), contains("label 2"));
}

TEST_CASE("errors of regressions") {
    const std::array<float, 4> values{1, 2, 3, 5};
    const std::array<float, 4> targets{1, 3, 3, 3};
    CHECK(train::mean_absolute_error(std::span<const float>(values),
                                     std::span<const float>(targets)) == Approx(0.75));
    // 1 - (1 + 4) / (2.25 + 3 * 0.25)
    CHECK(train::r_squared(std::span<const float>(values), std::span<const float>(targets)) ==
          Approx(1 - 5.0 / 3));
    CHECK_THROWS_AS(
        train::r_squared(std::span<const float>(values), std::span<const float>(targets).first(3)),
        sequent::argument_error);
}
