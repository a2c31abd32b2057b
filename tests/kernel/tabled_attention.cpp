#include "sequent/kernel/tabled_attention.hpp"

#include "attention_case.hpp"

namespace {

using namespace shapes;

/// Any pairs; the columns before counts[0] of them, if it clips.
template <bool Clips>
struct scattered {
    static constexpr plan::space space = space_of({piece_of({}, {count_of(0)})});
    static bool is_listed(int i, int j) { return (3 * i + 7 * j) % 5 < 2 || i % 9 == 1; }
    static bool keeps(int i, int j, const int* counts) {
        return is_listed(i, j) && (!Clips || j < counts[0]);
    }
};

template <int Rows, int Columns, int Length, class Score, bool Clips = false>
struct tabled : attention<Rows, Columns, Length, scattered<Clips>, Score> {
    static constexpr bool clips = Clips;
};

template <class Shape, class T>
void compare() {
    problem<Shape, T> of(Shape::rows);
    const kernel::mask_table table(Shape::rows, Shape::columns, Shape::mask::is_listed);
    const auto forward = [&](auto range) {
        kernel::attention<Shape>(table, of.operands(), of.value.get(), of.out.get(),
                                 of.normalizer.get(), of.counts.data(), range);
    };
    const auto backward = [&] {
        of.clear_gradients();
        kernel::attention_gradient<Shape>(table, of.operands(), of.value.get(), of.out.get(),
                                          of.normalizer.get(), of.out_gradient.get(),
                                          of.value_gradient.get(), of.counts.data());
    };
    const auto check_now = [&] {
        const reference<Shape, T> right(of);
        forward(kernel::all_rows<Shape::rows>{});
        backward();
        require_gradients(of, right);
        require_out(of, right);
        forward(kernel::row_range{0, Shape::rows / 2});
        forward(kernel::row_range{Shape::rows / 2, Shape::rows});
        require_out(of, right);
    };
    check_now();
    each_poison(of, check_now);
}

}  // namespace

TEST_CASE("attention over a table of pairs agrees with plain loops", "[attention]") {
    compare<tabled<1, 2, 1, dots<1>>, double>();
    compare<tabled<33, 65, 5, dots<5, 50>>, float>();
    compare<tabled<17, 15, 16, capped<2>, true>, double>();
    compare<tabled<16, 33, 2, gated<17>, true>, float>();
    compare<tabled<65, 5, 3, graph>, float>();
    compare<tabled<5, 17, 33, table>, double>();
}

TEMPLATE_TEST_CASE("gradients over a table of pairs at large scores", "[attention]", float,
                   double) {
    using T = TestType;
    using shape = tabled<5, 17, 3, dots<1, 30>>;
    const kernel::mask_table table(5, 17, shape::mask::is_listed);
    for (const double large : {0.0, 1e4, -1e6, 3e7, -1e37}) {
        INFO("scores near " << large);
        problem<shape, T> of(1);
        of.x[0].fill(static_cast<T>(large));
        of.y[0].fill(T(1));
        kernel::attention<shape>(table, of.operands(), of.value.get(), of.out.get(),
                                 of.normalizer.get(), of.counts.data(), kernel::all_rows<5>{});
        of.clear_gradients();
        kernel::attention_gradient<shape>(table, of.operands(), of.value.get(), of.out.get(),
                                          of.normalizer.get(), of.out_gradient.get(),
                                          of.value_gradient.get(), of.counts.data());
        // All weights of a row are equal.
        std::vector<double> right(to_size(of.value.size()), 0.5);
        for (int i = 0; i < 5; ++i) {
            int pairs = 0;
            for (int j = 0; j < 17; ++j) pairs += of.keeps(i, j);
            for (int j = 0; j < 17; ++j)
                for (int k = 0; k < 3 && of.keeps(i, j); ++k)
                    right[to_size(j * 4 + k)] +=
                        static_cast<double>(of.out_gradient[i * 6 + k]) / pairs;
        }
        require_near("the gradient of the values", of.value_gradient, right);
    }
}
