#include <sequent/nn.hpp>

#include "rules.hpp"

// A row computed from what a state keeps of those before is the row of the whole.

using namespace sequent;

namespace {

template <class Model>
struct sequence {
    check::fixture<Model, float> f{1};
    std::unique_ptr<typename Model::template state<float>> s =
        make_unique<typename Model::template state<float>>();
    std::vector<std::vector<float>> expected;  // of each output
    sequent_test::largest_error error;

    sequence() {
        const auto whole = Model::forward(*f.p, f.given(), *f.w);
        if constexpr (Model::outputs == 1)
            expect(whole);
        else
            for (const auto& view : whole) expect(view);
    }

    static constexpr int length = Model::template state<float>::length;
    static constexpr int first_size = [] {
        const auto& fact = Model::plan::facts[0];
        return fact.size() / fact.extents[0];
    }();

    /// Rows [from, to) of the first fact.
    auto first_fact(int from, int to) const {
        const auto part = [&](const auto& all) {
            return std::span(all).subspan(check::to_size(from * first_size),
                                          check::to_size((to - from) * first_size));
        };
        if constexpr (Model::plan::facts[0].kind == plan::fact_kind::symbols)
            return part(f.symbols[0]);
        else
            return part(f.dense[0]);
    }

    template <class Views>
    void compare(int row, const Views& y) {
        if constexpr (Model::outputs == 1)
            compare_one(row, y, expected[0]);
        else
            for (std::size_t at = 0; at < y.size(); ++at) compare_one(row, y[at], expected[at]);
    }

    void step(int row) {
        REQUIRE(s->position() == row);
        compare(row, Model::step(*f.p, {first_fact(row, row + 1)}, *s));
    }
    void prefill(int from, int to) {
        compare(to - 1, Model::prefill(*f.p, {first_fact(from, to)}, *s));
        REQUIRE(s->position() == to);
    }

  private:
    template <class View>
    void expect(const View& view) {
        expected.emplace_back();
        for (int at = 0; at < view.size(); ++at) expected.back().push_back(view.element(at));
    }
    template <class View>
    void compare_one(int row, const View& y, const std::vector<float>& whole) {
        REQUIRE(y.size() * length == static_cast<int>(whole.size()));
        for (int at = 0; at < y.size(); ++at)
            error.add(y.element(at), whole[check::to_size(row * y.size() + at)]);
    }
};

/// Each row after another.
template <class Model>
void steps_agree() {
    sequence<Model> all;
    for (int row = 0; row < all.length; ++row) all.step(row);
    CHECK(all.error.value() < 1e-5);
}

/// Each row after another; then prefixes of several lengths at once, and the rest row by row.
template <class Model>
void agrees(std::initializer_list<int> prefixes) {
    sequence<Model> all;
    for (int row = 0; row < all.length; ++row) all.step(row);
    for (const int rows : prefixes) {
        all.s->reset();
        all.prefill(0, rows);
        for (int row = rows; row < all.length; ++row) all.step(row);
    }
    CHECK(all.error.value() < 1e-5);
}

using namespace names;

// Grouped heads with rotary positions, in a stack; the keys and values of a window of 5.
inline constexpr var<"e", 2> e;
inline constexpr auto grouped = rules(
    a(i) <<= x(i) | rms_norm(W<"gain", 12>), q(g, e, i) <<= a(i)[W<"W_q", 4, 12>(g, e)] | rotary(i),
    k(g, i) <<= a(i)[W<"W_k", 4, 12>(g)] | rotary(i), v(g, i) <<= a(i)[W<"W_v", 3, 12>(g)],
    weights(g, e, i, j) <<=
    (inverse_sqrt(4), k(g, j).T(), q(g, e, i), j <= i && i - j < 5) | product() | softmax(j),
    b(g, e, i) <<= (weights(g, e, i, j), v(g, j)) | product() | sum(j),
    c(i) <<= b(g, e, i) | concat(g, e), y(i) <<= (x(i), c(i)[W<"W_o", 12, 12>]));
inline constexpr auto stacked =
    rules(a(i) <<= r<"token">(i)[W<"E", 7, 12>], b(i) <<= a(i) | stack<2>(grouped),
          c(i) <<= b(i) | norm(), out(i) <<= c(i)[W<"E", 7, 12>]);
using windowed = model<stacked, fact<"token", 150, symbol<7>>, query<"out", "c">>;

// A causal synthesizer: its scores are parameters, and only values are kept.
inline constexpr var<"m", 20> m;
inline constexpr var<"n", 20> n;
inline constexpr auto synthesizer = rules(
    v(n) <<= x(n)[W<"W_v", 5, 6>], weights(m, n) <<= (W<"R">(m, n), n <= m) | softmax(n),
    y(i) <<= (weights(i, j), v(j)) | product() | sum(j), out(i) <<= (y(i)[W<"W", 6, 5>], x(i)));
using random_synthesizer = model<synthesizer, fact<"x", 20, 6>>;

// Of every other position of the same document, the facts themselves.
inline constexpr relation<"document"> document;
inline constexpr auto packed =
    rules(weights(i, j) <<= (x(j).T(), x(i), j <= i, (i - j) % 2 == 0, document(i) == document(j)) |
                            product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));
using documents = model<packed, fact<"x", 37, 3>, fact<"document", 37, symbol<9>>>;

// What is computed once, here for the distances, is read along each row.
inline constexpr var<"apart", 37> apart;
inline constexpr auto relative =
    rules(a(apart) <<= W<"R">(apart) | tanh(), q(i) <<= x(i)[W<"W_q", 3, 6>],
          k(i) <<= x(i)[W<"W_k", 3, 6>], logit(i, j) <<= (k(j).T(), q(i), j <= i) | product(),
          logit(i, j) <<= (a(j - i + 18), j <= i), weights(i, j) <<= logit(i, j) | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));
using distances = model<relative, fact<"x", 19, 6>>;

using gpt = transformer::language_model<vocabulary<11>, tokens<9>, width<8>, heads<2>, depth<3>>;
// Prepared weights: rows of them, in a stack beside others, and of a window that slides.
using mixed =
    transformer::language_model<vocabulary<11>, tokens<9>, width<8>, heads<2>, depth<2>,
                                synthesizer::mixture<synthesizer::dense, synthesizer::random>>;
using sliding = attention<tokens<70>, width<3>, mask::window<2>, synthesizer::random>;
using bidirectional = transformer::encoder<tokens<7>, width<6>>;
using far = transformer::encoder<tokens<40>, width<6>,
                                 decltype(mask::longformer<2, 0, 21>{} && mask::causal{})>;

}  // namespace

static_assert(gpt::plan::by_rows<>.possible && gpt::plan::by_rows<>.rows == 9);
static_assert(!bidirectional::plan::by_rows<>.possible);

TEST_CASE("rows on the workspace of those before are rows of the whole") {
    const sequence<gpt> all;
    sequent_test::largest_error error;
    const auto w = make_unique<gpt::workspace<float>>();
    for (const kernel::row_range part : {kernel::row_range{0, 5}, {5, 6}, {6, 9}}) {
        const auto part_of = gpt::forward(*all.f.p, all.f.given(), *w, part);
        for (int at = part.begin * 11; at < part.end * 11; ++at)
            error.add(part_of.element(at), all.expected[0][check::to_size(at)]);
    }
    CHECK(error.value() < 1e-5);
    for (const kernel::row_range part : {kernel::row_range{0, 10}, {-1, 3}, {4, 3}})
        CHECK_THROWS_WITH(gpt::forward(*all.f.p, all.f.given(), *w, part),
                          sequent_test::contains("of a sequence of 9 rows"));
}

TEST_CASE("there is no step beyond the last position") {
    sequence<gpt> all;
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
    agrees<gpt>({1, 5, 9});
    steps_agree<far>();
    steps_agree<distances>();
    agrees<mixed>({4});
    steps_agree<sliding>();
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

TEST_CASE("a window keeps what its rows may need") {
    using state = windowed::state<float>;
    agrees<windowed>({2, 33, 149});
    // Keys of 2 x 4 numbers and values of 2 x 3, in two layers.
    static_assert(state::size < 2 * 14 * 48 + 16 * 200);
}

TEST_CASE("a synthesizer keeps its values alone") {
    agrees<random_synthesizer>({1, 18});
    static_assert(random_synthesizer::plan::by_rows<>.possible);
}

// The encoder runs with the first rows alone; its length is a count given once.
using translator =
    transformer::encoder_decoder<vocabulary<7>, source_vocabulary<5>, tokens<9>, source_tokens<6>,
                                 width<8>, heads<2>, depth<2>, source_depth<1>, padded<true>>;

TEST_CASE("what does not follow from the sequence is computed once") {
    check::fixture<translator, float> f(1, 4);
    const auto whole = translator::forward(*f.p, f.given(), *f.w);
    const std::span<const std::int32_t> target(f.symbols[1]);
    const auto state = make_unique<translator::state<float>>();
    const auto first = [&](int rows) {
        return translator::prefill(
            *f.p,
            {r<"source"> = f.symbols[0], r<"target"> = target.first(check::to_size(rows)),
             bound<"source_length">{} = 4},
            *state);
    };
    const auto step = [&](int row) {
        return translator::step(*f.p, {r<"target"> = target[check::to_size(row)]}, *state);
    };
    sequent_test::largest_error error;
    const auto compare = [&](int row, const auto& row_of) {
        for (int at = 0; at < 7; ++at) error.add(row_of(at), whole(row, at));
    };
    CHECK_THROWS_WITH(step(0), sequent_test::contains("given to prefill"));
    CHECK_THROWS_WITH(translator::prefill(*f.p, {r<"target"> = target.first(2)}, *state),
                      sequent_test::contains("fact \"source\" is not given"));
    for (const int rows : {1, 5}) {
        state->reset();
        compare(rows - 1, first(rows));
        for (int row = rows; row < 9; ++row) compare(row, step(row));
    }
    static_assert(model_detail::stays_in_workspace<translator::plan>);
    const auto w = make_unique<translator::workspace<float>>();
    for (const kernel::row_range rows : {kernel::row_range{0, 3}, {3, 4}, {4, 9}}) {
        const auto part_of = translator::forward(*f.p, f.given(), *w, rows);
        for (int at = rows.begin * 7; at < rows.end * 7; ++at)
            error.add(part_of.element(at), whole.element(at));
    }
    CHECK(error.value() < 1e-5);
    state->reset();
    (void)first(1);
    CHECK_THROWS_WITH(first(1), sequent_test::contains("given once"));
}

// Positions from a count on, which padding on the left leaves.
template <class Later>
inline constexpr auto padded_left = rules(q(i) <<= x(i)[W<"Q", 4, 4>],
                                          weights(i, j) <<= (x(j).T(), q(i), bound<"start">{} <= j,
                                                             Later::keeps(i, j)) |
                                                            product() | softmax(j),
                                          out(i) <<= (weights(i, j), x(j)) | product() | sum(j));
template <class Mask>
using from_start = model<padded_left<Mask>, fact<"x", 70, 4>, bound<"start">>;
static_assert(!from_start<mask::around<80>>::plan::by_rows<>.possible);

TEST_CASE("positions before a count are left out, none else is forgotten") {
    using left_out = from_start<mask::causal>;
    for (int start : {0, 5}) {
        check::fixture<left_out, float> f(1, start);
        const auto whole = left_out::forward(*f.p, f.given(), *f.w);
        const std::span<const float> rows(f.dense[0]);
        const auto s = make_unique<left_out::state<float>>();
        sequent_test::largest_error error;
        auto y = left_out::prefill(*f.p, {r<"x"> = rows.first(4), bound<"start">{} = start}, *s);
        for (int row = 1; row < 70; ++row) {
            y = left_out::step(*f.p, {r<"x"> = rows.subspan(check::to_size(4 * row), 4)}, *s);
            for (int at = 0; at < 4; ++at) error.add(y(at), whole(row, at));
        }
        CHECK(error.value() < 1e-5);
    }
}
