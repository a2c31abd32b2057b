#include "sequent/kernel/gathered_product.hpp"

#include <array>
#include <memory>
#include <random>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"

namespace {

using namespace sequent;

/// The error of a product of these sizes, whose rows of A and C are listed in reverse.
template <class T>
double error_of(int rows, int columns, int depth, bool a_turned, bool b_turned, bool accumulate,
                bool streams) {
    std::mt19937 random(5);
    std::normal_distribution<double> normal;
    const auto size = [](int number) { return static_cast<std::size_t>(number); };
    const auto numbers = [&](int count) {
        std::vector<T> result(size(count));
        for (T& each : result) each = static_cast<T>(normal(random));
        return result;
    };
    const std::vector<T> a = numbers(rows * depth), b = numbers(depth * columns);
    std::vector<T> c = numbers(rows * columns);
    const std::vector<T> before = c;
    const int lines = a_turned ? depth : rows, line = a_turned ? rows : depth;
    std::vector<const T*> from;
    for (int at = lines; at-- > 0;) from.push_back(a.data() + size(at * line));
    std::vector<T*> to;
    for (int at = rows; at-- > 0;) to.push_back(c.data() + size(at * columns));

    struct alignas(64) room_block {
        T numbers[static_cast<std::size_t>(kernel::gathered_room<T>)]{};
    };
    const auto room = std::make_unique<room_block>();
    kernel::product(kernel::gathered_product<T>{rows,
                                                columns,
                                                depth,
                                                {from.data()},
                                                a_turned,
                                                {nullptr, b.data(), b_turned ? depth : columns},
                                                b_turned,
                                                {to.data()},
                                                accumulate,
                                                streams},
                    room->numbers);

    std::vector<double> expected(c.size());
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) {
            const std::size_t at = size((rows - 1 - i) * columns + j);
            double& sum = expected[at];
            sum = accumulate ? static_cast<double>(before[at]) : 0.0;
            for (int k = 0; k < depth; ++k)
                sum += static_cast<double>(from[size(a_turned ? k : i)][a_turned ? i : k]) *
                       static_cast<double>(b[size(b_turned ? j * depth + k : k * columns + j)]);
        }
    return sequent_test::error_of(c, expected, 1.0);
}

}  // namespace

TEST_CASE("products of gathered rows against plain loops", "[product]") {
    for (const auto& [rows, columns, depth] :
         {std::array{1, 1, 1}, {3, 33, 7}, {5, 16, 300}, {13, 5, 17}, {27, 40, 64}, {270, 17, 3}})
        for (const int form : {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12}) {
            CAPTURE(rows, columns, depth, form);
            const bool left = (form & 1) != 0, right = (form & 2) != 0, adds = (form & 4) != 0,
                       streams = (form & 8) != 0;
            CHECK(error_of<float>(rows, columns, depth, left, right, adds, streams) < 1e-4);
            CHECK(error_of<double>(rows, columns, depth, left, right, adds, streams) < 1e-12);
        }
}
