#include <sequent/explain.hpp>
#include <sequent/nn.hpp>

#include "../model/check.hpp"

using namespace sequent;

// Each mask by its name: the pairs, against what it says, and attention under it.

namespace {

template <class Mask, int N = 33>
using one = attention<tokens<N>, width<4>, biases<false>, Mask>;
template <int Heads, class Mask, int N = 17>
using several = multi_head_attention<tokens<N>, heads<Heads>, width<2 * Heads>, Mask>;

/// Fused, with exactly the pairs for which keeps(i, j), and with the numbers of the oracle.
template <class Mask, class Keeps>
void attends(Keeps keeps) {
    long expected = 0;
    for (int i = 0; i < 33; ++i)
        for (int j = 0; j < 33; ++j) expected += keeps(i, j) ? 1 : 0;
    CHECK(check::pairs_of_fused_attention(check::written<one<Mask>>(0, 1, check::some_pairs)) ==
          expected);
}

}  // namespace

TEST_CASE("masks that are pieces have the pairs of their names") {
    attends<mask::none>([](int, int) { return true; });
    attends<mask::causal>([](int i, int j) { return j <= i; });
    attends<mask::window<5>>([](int i, int j) { return j <= i && i - j <= 5; });
    attends<mask::around<5>>([](int i, int j) { return std::abs(i - j) <= 5; });
    attends<mask::strided<4>>([](int i, int j) { return j <= i && (i - j) % 4 == 0; });
    attends<mask::block<8>>([](int i, int j) { return i / 8 == j / 8; });
    attends<mask::prefix<6>>([](int i, int j) { return j < 6 || j <= i; });
}

TEST_CASE("attention under masks that are pieces") {
    attends<mask::dilated<2, 3>>(
        [](int i, int j) { return std::abs(i - j) <= 6 && (i - j) % 3 == 0; });
    attends<mask::block<8, mask::causal>>([](int i, int j) { return i / 8 == j / 8 && j <= i; });
}

TEST_CASE("attention under masks that are tables") {
    attends<mask::sparse_fixed<8, 2>>(
        [](int i, int j) { return j <= i && (i / 8 == j / 8 || j % 8 >= 6); });
    attends<mask::longformer<3, 0, 20>>([](int i, int j) {
        return std::abs(i - j) <= 3 || i == 0 || i == 20 || j == 0 || j == 20;
    });
    using bird = mask::big_bird<33, 3, 2>;
    int drawn = 0;
    attends<bird>([&](int i, int j) {
        drawn += bird::is_drawn(i, j) ? 1 : 0;
        const int a = i / 3;
        const int b = j / 3;
        return std::abs(a - b) <= 1 || a == 0 || b == 0 || a == 10 || b == 10 ||
               bird::is_drawn(i, j);
    });
    CHECK(drawn == 11 * 2 * 9);
}

namespace {

struct squares {
    static constexpr bool keeps(int i, int j) noexcept { return j * j <= i || i == 20; }
};

}  // namespace

TEST_CASE("a mask of one's own is a function of two positions") {
    attends<squares>([](int i, int j) { return j * j <= i || i == 20; });
}

TEST_CASE("masks are joined by their names and as values") {
    using near = decltype(mask::causal{} && mask::window<8>{});
    static_assert(std::is_same_v<near, mask::both<mask::causal, mask::window<8>>>);
    static_assert(std::is_same_v<decltype(mask::causal{} || !mask::around<2>{}),
                                 mask::either<mask::causal, mask::without<mask::around<2>>>>);
    attends<near>([](int i, int j) { return j <= i && i - j <= 8; });
    attends<decltype(mask::causal{} && !mask::longformer<2, 1>{})>(
        [](int i, int j) { return j <= i && !(std::abs(i - j) <= 2 || i == 1 || j == 1); });
}

TEST_CASE("each head has its own mask") {
    using local_and_strided =
        several<4, mask::per_head<mask::window<3>, mask::strided<4>, mask::sparse_fixed<4, 1>>>;
    check::steps<local_and_strided>();
    long long expected = 0;
    for (int i = 0; i < 17; ++i)
        for (int j = 0; j <= i; ++j)
            expected += (i - j <= 3 ? 2 : 0) + ((i - j) % 4 == 0 ? 1 : 0) +
                        (i / 4 == j / 4 || j % 4 == 3 ? 1 : 0);
    CHECK(model_detail::attention_pairs<local_and_strided::plan, 0>() == expected);
    // Equal masks share a kernel.
    CHECK(model_detail::mask_kinds<local_and_strided::plan, 0>.first.size() == 3);
}

TEST_CASE("tables give the same bits on any number of threads") {
    using model = several<3, mask::per_head<mask::causal, mask::longformer<4, 0, 90>>, 130>;
    check::fixture<model, float> f(3);
    const std::vector<float> expected = f.outputs();
    for (const int threads : {1, 3}) {
        thread_pool pool(threads);
        const auto y = model::forward(*f.p, f.given(), *f.w, pool);
        for (int at = 0; at < y.size(); ++at)
            REQUIRE(y.element(at) == expected[check::to_size(at)]);
    }
}
