#include <thread>

#include "rules.hpp"

/// Facts of any length up to their extent, `up_to<N>`: what follows from them ends where they do.

namespace {

using namespace names;
using sequent::fact;
using sequent::up_to;

inline constexpr relation<"token"> token;

// clang-format off
inline constexpr auto encoder = rules(
    a(i)             <<= token(i)[W<"E", 7, 6>],
    q(g, i)          <<= a(i)[W<"Q", 3, 6>(g)],
    k(g, i)          <<= a(i)[W<"K", 3, 6>(g)],
    v(g, i)          <<= a(i)[W<"V", 3, 6>(g)],
    weights(g, i, j) <<= (inverse_sqrt(3), k(g, j).T(), q(g, i)) | product() | softmax(j),
    b(g, i)          <<= (weights(g, i, j), v(g, j)) | product() | sum(j),
    c(i)             <<= b(g, i) | concat(g),
    y(i)             <<= (c(i)[W<"O", 6, 6>], a(i)) | norm(),
    z(i)[W<"D", 6, 9>] <<= y(i)[W<"U", 9, 6>] | relu(),
    out(i)           <<= (z(i), y(i)) | norm());

inline constexpr auto pooled = rules(
    a(i)  <<= x(i)[W<"A", 4, 5>] | tanh(),
    b()   <<= a(i) | mean(i),
    c()   <<= a(i) | max(i),
    out() <<= (b()[W<"B", 3, 4>], c()[W<"C", 3, 4>]));

// Two facts; what follows from both ends with the shorter one. Rows of the fact itself are keys and
// values, in few rows and in many.
inline constexpr auto across = rules(
    weights(i, j) <<= (x(j).T(), y(i)) | product() | softmax(j),
    a(i)          <<= (weights(i, j), x(j)) | product() | sum(j),
    b(i)          <<= (x(i), y(i)),
    out(i)        <<= (a(i), b(i)));

// Through a table of pairs.
inline constexpr auto tabled = rules(
    weights(i, j) <<= (x(j).T(), x(i), (i * j) % 3 != 1) | product() | softmax(j),
    out(i)        <<= (weights(i, j), x(j)) | product() | sum(j));

inline constexpr auto layer = rules(
    k(i)          <<= y(i)[W<"K", 5, 5>],
    weights(i, j) <<= (k(j).T(), y(i), j <= i) | product() | softmax(j),
    b(i)          <<= (weights(i, j), y(j)) | product() | sum(j),
    z(i)          <<= (b(i), y(i)) | norm());
inline constexpr auto causal = rules(
    out(i)        <<= x(i) | stack<3>(layer));

// An inner index has a length: every place of a concat stays where it is.
inline constexpr auto places = rules(
    a(j, i) <<= (x(i).T(), y(j)) | product(),
    b()     <<= a(j, i) | concat(j, i),
    c(j)    <<= (x(i), y(j)) | elementwise_product() | concat(i),
    out()   <<= (b()[W<"B", 4, 12>], c(j)[W<"C", 4, 12>]) | sum(j));

// Documents: symbols are compared within the fact alone.
inline constexpr auto documents = rules(
    a(i)          <<= token(i)[W<"E", 3, 5>],
    weights(i, j) <<= (a(j).T(), a(i), token(i) == token(j)) | product() | softmax(j),
    out(i)        <<= (weights(i, j), a(j)) | product() | sum(j));
// clang-format on

template <const auto& Program, class... Facts>
using model = sequent::model<Program, Facts...>;

using encoder_model = model<encoder, fact<"token", up_to<9>, sequent::symbol<7>>>;
using causal_model = model<causal, fact<"x", up_to<7>, 5>>;

template <class Model>
std::vector<double> numbers_of(const Model& view) {
    std::vector<double> result;
    for (int at = 0; at < view.size(); ++at) result.push_back(view.element(at));
    return result;
}

}  // namespace

TEST_CASE("what follows from a fact ends where it does") {
    static_assert(check::count_steps<encoder_model>(sequent::plan::step_kind::general) == 0);
    for (int rows_given : {0, 1, 5, 9}) {
        check::agrees<encoder_model>(rows_given);
        check::runs<encoder_model>(rows_given);
        check::agrees<model<pooled, fact<"x", up_to<8>, 5>>>(rows_given);
        check::agrees<model<across, fact<"x", up_to<9>, 4>, fact<"y", 9, 4>>>(rows_given);
        check::agrees<model<across, fact<"x", up_to<9>, 4>, fact<"y", up_to<6>, 4>>>(rows_given);
        check::agrees<model<tabled, fact<"x", up_to<9>, 4>>>(rows_given);
        check::agrees<causal_model>(rows_given);
    }
    for (int rows_given : {0, 3, 8}) check::runs<model<pooled, fact<"x", up_to<8>, 5>>>(rows_given);
    for (int rows_given : {0, 3, 6, 9})
        check::runs<model<across, fact<"x", up_to<9>, 4>, fact<"y", 9, 4>>>(rows_given);
    for (int rows_given : {1, 4, 20})
        check::runs<model<tabled, fact<"x", up_to<20>, 4>>>(rows_given);
}

TEST_CASE("a concat over an index with a length keeps the places of all values") {
    using Model =
        model<places, fact<"x", up_to<4>, 3>, fact<"y", 3, 3>, sequent::query<"a", "b", "out">>;
    for (int rows_given : {0, 1, 3, 4}) check::agrees<Model>(rows_given);
    check::runs<Model>(3);
}

TEST_CASE("lengths of facts whose symbols are compared") {
    for (int rows_given : {0, 1, 4, 6})
        check::agrees<model<documents, fact<"token", up_to<6>, sequent::symbol<3>>>>(rows_given);
}

TEST_CASE("a sequence is as long as its container, in outputs and gradients") {
    using Model = encoder_model;
    auto p = sequent::make_unique<Model::parameters<double>>();
    auto w = sequent::make_unique<Model::workspace<double>>();
    auto gradient = sequent::make_unique<Model::parameters<double>>();
    Model::initialize(*p, 3);
    const std::vector<std::int32_t> symbols{1, 6, 0, 2};
    const auto y = Model::forward(*p, {symbols}, *w);
    CHECK(y.extents[0] == 4);
    CHECK((*w)[sequent::language::relation<"out">{}].extents[0] == 4);
    const std::vector<double> outward(4 * 6, 0.5);
    Model::backward(*p, {symbols}, outward, *w, *gradient);
    (void)Model::forward(*p, {symbols}, *w);
    const std::vector<double> all(9 * 6, 0.5);
    CHECK_THROWS_WITH(Model::backward(*p, {symbols}, all, *w, *gradient),
                      "sequent: the gradient of output \"out\" needs the shape 4 x 6, given is 54");
    const std::vector<std::int32_t> many(10);
    CHECK_THROWS_WITH(Model::facts<double>({many}),
                      "sequent: fact \"token\" has a length of up to 9, given is 10");
    using Dense = causal_model;
    const std::vector<double> odd(11);
    CHECK_THROWS_WITH(Dense::facts<double>({odd}),
                      "sequent: fact \"x\" needs rows of 5 values, given are 11 values");
    const std::vector<double> three(15), two(10);
    std::vector<double> room(10);
    auto state = sequent::make_unique<Dense::workspace<double>>();
    auto q = sequent::make_unique<Dense::parameters<double>>();
    auto to = sequent::make_unique<Dense::parameters<double>>();
    (void)Dense::forward(*q, {three}, *state);
    CHECK_THROWS_WITH(
        Dense::backward(*q, {three}, three, *state, *to, {room}),
        "sequent: the gradient of fact \"x\" has the length 2, the fact that is given has 3");
}

TEST_CASE("samples of several lengths in a batch, and on a pool") {
    using Model = encoder_model;
    auto p = sequent::make_unique<Model::parameters<double>>();
    auto w = sequent::make_unique<Model::workspace<double>>();
    Model::initialize(*p, 3);
    const std::vector<std::vector<std::int32_t>> texts{{1, 2, 3}, {}, {4, 4, 4, 4, 4, 4, 4, 4, 4}};
    std::vector<Model::facts<double>> samples;
    for (const auto& text : texts) samples.push_back(Model::facts<double>({text}));
    sequent::thread_pool pool(2);
    Model::batch<double> batch(pool);
    std::vector<double> out(3 * 9 * 6, -1);
    Model::forward_batch(*p, samples, batch, std::span<double>(out));
    auto one = sequent::make_unique<Model::parameters<double>>();
    auto together = sequent::make_unique<Model::parameters<double>>();
    const double loss = Model::backward_batch(
        *p, samples,
        [](int sample, auto y, auto dy) {
            CHECK(y.extents[0] == dy.extents[0]);
            for (int at = 0; at < y.size(); ++at) {
                CHECK(dy.element(at) == 0);
                dy.element(at) = sample + at;
            }
            return y.size();
        },
        batch, *together);
    CHECK(loss == (3 + 9) * 6);
    for (std::size_t sample = 0; sample < texts.size(); ++sample) {
        const auto y = Model::forward(*p, samples[sample], *w);
        std::vector<double> expected = numbers_of(y), outward(expected.size());
        CHECK(numbers_of(Model::forward(*p, samples[sample], *w, pool)) == expected);
        for (std::size_t at = 0; at < outward.size(); ++at)
            outward[at] = static_cast<double>(sample + at);
        Model::backward(*p, samples[sample], outward, *w, *one);
        expected.resize(9 * 6);
        const auto first = out.begin() + static_cast<std::ptrdiff_t>(sample * 9 * 6);
        CHECK(std::vector<double>(first, first + 9 * 6) == expected);
    }
    CHECK(sequent_test::error_of(std::span<const double>(one->flat()),
                                 std::span<const double>(together->flat())) < 1e-12);
}

// More lengths than conditions.
static constexpr auto unlimited = rules(out() <<= (x(i), y(0)) | concat());
static_assert(sequent::model<unlimited, fact<"x", sequent::up_to<2>, 3>,
                             fact<"y", sequent::up_to<2>, 3>, sequent::bound<"length">>::plan::ok);

TEST_CASE("a model of a fact of any length takes steps") {
    using Model = causal_model;
    auto p = sequent::make_unique<Model::parameters<double>>();
    auto w = sequent::make_unique<Model::workspace<double>>();
    auto s = sequent::make_unique<Model::state<double>>();
    Model::initialize(*p, 3);
    std::vector<double> rows(4 * 5);
    for (std::size_t at = 0; at < rows.size(); ++at) rows[at] = static_cast<double>(at % 7) - 3;
    const auto y = Model::forward(*p, {rows}, *w);
    for (int row = 0; row < 4; ++row) {
        const auto at = Model::step(
            *p, {std::span<const double>(rows).subspan(static_cast<std::size_t>(row) * 5, 5)}, *s);
        for (int k = 0; k < 5; ++k) CHECK(std::abs(at(k) - y(row, k)) < 1e-12);
    }
}
