#include "sequent/kernel/score.hpp"
#include "sequent/kernel/attention_pairs.hpp"

#include "attention_case.hpp"

namespace {

using namespace shapes;
namespace detail = sequent::kernel::detail;

/// All pairs of a tile, or those below its diagonal.
template <int Rows, int Columns>
struct tile_pairs_case {
    bool all;
    bool finite = true;

    bool whole() const { return all; }
    bool dense() const { return finite; }
    bool has(int r, int c) const { return all || c <= r; }
    template <class F>
    void each(F f) const {
        for (int r = 0; r < Rows; ++r)
            for (int c = 0; c < Columns; ++c)
                if (has(r, c)) f(r, c);
    }
    template <int Pitch, class T>
    void clear_others(T* tile) const {
        for (int r = 0; r < Rows; ++r)
            for (int c = 0; c < Columns; ++c)
                if (!has(r, c)) tile[r * Pitch + c] = T(0);
    }
};

/// One tile of scores, of rows 1, 1 + RowStep, ... and columns 2, 2 + ColumnStep, ..., beside the
/// score of each pair, evaluated apart; then the gradient of the sum of the scores times numbers,
/// beside differences.
template <class Score, class T, int Rows, int Columns, int RowStep, int ColumnStep, bool Turns>
void check_tile() {
    constexpr int rows = 2 + Rows * RowStep, columns = 3 + Columns * ColumnStep;
    INFO(Rows << " x " << Columns << ", steps " << RowStep << " and " << ColumnStep);
    using shape = attention<rows, columns, 1, full, Score>;
    using turned = detail::turned_operands<shape, T, Turns ? Columns : 0, ColumnStep>;
    using tile = detail::score_tile<shape, T, Rows, Columns, RowStep, ColumnStep, false, turned>;
    problem<T> of(form_of<shape>(), 5);
    turned at_hand;
    constexpr int root = shape::nodes.size() - 1;
    const auto score = [&](int r, int c) {
        return static_cast<double>(
            detail::score_of_pair<shape, root>(of.operands(), 1 + r * RowStep, 2 + c * ColumnStep));
    };
    const kernel::score_operands<T> operands = of.operands();
    at_hand.turn(operands, 2, Columns);
    for (const bool all : {true, false})
        for (const bool dense : {true, false}) {
            tile scores(operands, at_hand, 1, 2, 0, Rows);
            T* const found = scores.evaluate();
            std::vector<double> right;
            buffer<T> here(Rows * Columns), g(Rows * Columns, 9);
            alignas(64) T gradient[Rows * tile::pitch];
            std::fill_n(gradient, Rows * tile::pitch, std::numeric_limits<T>::quiet_NaN());
            const tile_pairs_case<Rows, Columns> pairs{all, dense};
            for (int r = 0; r < Rows; ++r)
                for (int c = 0; c < Columns; ++c) {
                    const int at = r * Columns + c;
                    here[at] = static_cast<T>(static_cast<double>(found[r * tile::pitch + c]) *
                                              tile::root_scale());
                    right.push_back(score(r, c));
                    if (!pairs.has(r, c)) g[at] = T(0);
                    gradient[r * tile::pitch + c] =
                        static_cast<T>(static_cast<double>(g[at]) * tile::root_scale());
                }
            require_near("scores", here, right, false);
            // Behind the last column stands what is no pair: zero.
            for (int r = 0; r < Rows; ++r)
                for (int c = Columns; c < tile::pitch; ++c) gradient[r * tile::pitch + c] = T(0);
            of.clear_gradients();
            scores.propagate(gradient, pairs);
            const auto sum = [&] {
                double result = 0;
                for (int r = 0; r < Rows; ++r)
                    for (int c = 0; c < Columns; ++c)
                        result += static_cast<double>(g[r * Columns + c]) * score(r, c);
                return result;
            };
            const auto differences = [&](buffer<T>& x, const buffer<T>& dx) {
                for (int at = 0; at < x.size(); at += 1 + x.size() / 40) {
                    const T before = x[at];
                    const double step = sizeof(T) == 4 ? 1.0 / 64 : 1.0 / 4096;
                    x[at] = before + static_cast<T>(step);
                    const double more = sum();
                    x[at] = before - static_cast<T>(step);
                    const double slope = (more - sum()) / (2 * step);
                    x[at] = before;
                    INFO("number " << at);
                    const double tolerance = sizeof(T) == 4 ? 2e-2 : 1e-4;
                    CHECK(std::abs(static_cast<double>(dx[at]) - 0.5 - slope) <=
                          tolerance * std::max(1.0, std::abs(slope)));
                }
            };
            for (int at = 0; at <= root; ++at) {
                const score_op op = shape::nodes[at].op;
                if (op == score_op::dot || op == score_op::load)
                    differences(of.x[to_size(at)], of.dx[to_size(at)]);
                if (op == score_op::dot) differences(of.y[to_size(at)], of.dy[to_size(at)]);
            }
        }
}

}  // namespace

TEST_CASE("a tile of scores is that of its pairs, and its gradient that of differences",
          "[score]") {
    check_tile<dots<5, 50>, float, 15, 17, 1, 1, true>();
    check_tile<sloped<2>, double, 2, 33, 1, 1, false>();
    check_tile<biased<1>, float, 16, 5, 2, 3, true>();
    check_tile<two_dots<2>, double, 5, 2, 1, 2, true>();
    check_tile<gated<17>, double, 17, 15, 1, 1, true>();
    check_tile<graph, double, 1, 16, 3, 1, false>();
    check_tile<packed<2>, double, 5, 1, 1, 1, false>();
}

TEMPLATE_TEST_CASE("rows are finite up to the ends of the range", "[score]", float, double) {
    using T = TestType;
    const auto check = [](auto length) {
        constexpr int stride = length() + 3;
        for (const int count : {0, 1, 3, 4, 9}) {
            std::vector<T> x(to_size(count * stride + 1), std::numeric_limits<T>::infinity());
            T* const rows = x.data() + 1;
            const auto place = [&](int at) -> T& {
                return rows[at / length() * stride + at % length()];
            };
            for (int at = 0; at < count * length(); ++at)
                place(at) = at % 2 == 0 ? std::numeric_limits<T>::max()
                                        : -std::numeric_limits<T>::denorm_min();
            const auto are_finite = [&] {
                return detail::are_finite<length()>(static_cast<const T*>(rows), stride, count);
            };
            CHECK(are_finite());
            for (int at = 0; at < count * length(); ++at)
                for (const T bad :
                     {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                      std::numeric_limits<T>::quiet_NaN()}) {
                    const T before = place(at);
                    place(at) = bad;
                    if (are_finite()) FAIL(bad << " at " << at << " of " << count << " rows");
                    place(at) = before;
                }
        }
    };
    check(std::integral_constant<int, 1>{});
    check(std::integral_constant<int, 16>{});
    check(std::integral_constant<int, 33>{});
}

TEST_CASE("rows of a packed table beyond 46340 begin where they do") {
    sequent::kernel::score_node node;
    node.packed = true;
    CHECK(node.row_place(46340) == 1073720970);
    CHECK(node.row_place(65000) == 2112532500);
}
