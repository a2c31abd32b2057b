#include <sequent/nn.hpp>

#include "check.hpp"

// Rows [begin, end) of a causal model, on the memory of the rows before, are those of the whole.

using namespace sequent;

namespace {

using gpt = transformer::language_model<vocabulary<11>, tokens<9>, width<8>, heads<2>, depth<3>>;
using near = transformer::encoder<tokens<7>, width<6>, heads<3>, mask::window<2>>;
using bidirectional = transformer::encoder<tokens<7>, width<6>>;

static_assert(gpt::plan::by_rows<>.possible && gpt::plan::by_rows<>.rows == 9);
static_assert(near::plan::by_rows<>.possible);
static_assert(!bidirectional::plan::by_rows<>.possible);

template <class Model>
void agrees(const std::vector<kernel::row_range>& parts) {
    check::fixture<Model, float> f(1);
    const auto whole = Model::forward(*f.p, f.given(), *f.w);
    std::vector<float> expected;
    for (int at = 0; at < whole.size(); ++at) expected.push_back(whole.element(at));
    const auto other = make_unique<typename Model::template workspace<float>>();
    for (const kernel::row_range& part : parts) {
        const auto y = Model::forward(*f.p, f.given(), *other, part);
        const int columns = y.extents[1];
        for (int at = part.begin * columns; at < part.end * columns; ++at) {
            INFO("row " << at / columns << " of [" << part.begin << ", " << part.end << ")");
            CHECK(std::abs(y.element(at) - expected[check::to_size(at)]) < 1e-5F);
        }
    }
}

}  // namespace

TEST_CASE("a prefix, then the rest, are the whole") {
    agrees<gpt>({{0, 5}, {5, 9}});
    agrees<near>({{0, 3}, {3, 4}, {4, 7}});
}

TEST_CASE("one row after another is the whole") {
    agrees<gpt>({{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9}});
}
