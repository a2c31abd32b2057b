#include <sequent/nn.hpp>

#include "rules.hpp"
#include "step.hpp"

using namespace sequent;

namespace {

using namespace names;

// Of every other position of the same document, the facts themselves.
inline constexpr relation<"document"> document;
inline constexpr auto packed =
    rules(weights(i, j) <<= (x(j).T(), x(i), j <= i, (i - j) % 2 == 0, document(i) == document(j)) |
                            product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));
using documents = model<packed, fact<"x", 37, 3>, fact<"document", 37, symbol<9>>>;

using gpt = transformer::language_model<vocabulary<11>, tokens<9>, width<8>, heads<2>, depth<3>>;

using bidirectional = transformer::encoder<tokens<7>, width<6>>;

}  // namespace

static_assert(check::streams<gpt> && gpt::plan::by_rows.rows == 9);
static_assert(!check::streams<bidirectional>);

TEST_CASE("there is no step beyond the last position") {
    check::sequence<gpt> all;
    all.prefill(0, 9);
    CHECK_THROWS_WITH(gpt::step(*all.f.p, {0}, *all.s),
                      sequent_test::contains("position 9 is beyond the 9 positions"));
    all.s->reset();
    CHECK_THROWS_WITH(gpt::step(*all.f.p, {11}, *all.s),
                      sequent_test::contains("holds the symbol 11 at position 0"));
    CHECK_THROWS_WITH(gpt::step(*all.f.p, {all.first_fact(0, 2)}, *all.s),
                      sequent_test::contains("computes 1 row, given are 2"));
}

TEST_CASE("a step is a row of the whole") {
    check::prefixes_agree<gpt>({1, 5, 9});
}

TEST_CASE("symbols that are compared come with their rows") {
    check::fixture<documents, float> f(1);
    for (int row = 0; row < 37; ++row) f.symbols[1][check::to_size(row)] = (row + 7) / 11;
    const auto whole = documents::forward(*f.p, f.given(), *f.w);
    const auto state = make_unique<documents::state<float>>();
    sequent_test::largest_error error;
    for (int row = 0; row < 37; ++row) {
        const auto step =
            documents::step(*f.p,
                            {x = std::span(f.dense[0]).subspan(check::to_size(3 * row), 3),
                             document = f.symbols[1][check::to_size(row)]},
                            *state);
        for (int at = 0; at < 3; ++at) error.add(step(at), whole(row, at));
    }
    CHECK(error.value() < 1e-5);
}
