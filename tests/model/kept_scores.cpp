#include <sequent/nn.hpp>

#include "catch.hpp"
#include "check.hpp"

// Scores that are long products are kept for the gradient where they are few.

namespace {

using namespace sequent;

template <class Model>
constexpr bool keeps = Model::plan::template attention_at<0>.scores.row > 0;

template <class Model>
void agrees() {
    static_assert(keeps<Model>);
    check::agrees<Model>();
}
template <class Model>
void runs() {
    static_assert(keeps<Model>);
    // As small as a layer of this width has them.
    check::runs<Model>(0, 1, [](auto& f) {
        for (auto& number : f.p->flat()) number /= 4;
    });
}

static_assert(keeps<attention<tokens<256>, width<64>>>);
static_assert(!keeps<attention<tokens<257>, width<64>>>, "too many");
static_assert(!keeps<attention<tokens<256>, width<32>>>, "quickly computed again");
static_assert(!keeps<multi_head_attention<tokens<256>, width<128>, heads<2>>>, "too many");

struct every_third {
    static constexpr auto keeps(auto i, auto j) noexcept { return (i - j) % 3 == 0; }
};

}  // namespace

TEST_CASE("Attention with kept scores agrees with the oracle") {
    agrees<attention<tokens<31>, width<48>, mask::causal>>();
    agrees<attention<tokens<65>, width<48>, mask::window<5>>>();
    agrees<attention<tokens<3>, width<50>>>();
    agrees<multi_head_attention<tokens<17>, width<96>, heads<2>, mask::causal>>();
    runs<attention<tokens<17>, width<48>, mask::window<5>>>();
}

TEST_CASE("Scores of a lattice are computed again") {
    agrees<attention<tokens<20>, width<48>, every_third>>();
}
