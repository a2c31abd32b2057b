// The code of docs/language.md.

#include <sequent/explain.hpp>
#include <sequent/model.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "../catch.hpp"

namespace words {
// [words]
using namespace sequent::language;

inline constexpr var<"i"> i;              // an index variable
inline constexpr var<"h", 8> h;           // with a stated range, 0..7
inline constexpr relation<"q"> q;         // a relation
inline constexpr weight<"W", 64, 32> W;   // a matrix of 64 outputs and 32 inputs
inline constexpr weight<"b", 64> b;       // a vector
inline constexpr bound<"length"> length;  // a count that is given at run time

SEQUENT_VARIABLES(j, k);  // the same without writing each name twice
SEQUENT_RELATIONS(x, y);
SEQUENT_WEIGHT(U, 64, 32);
// [/words]
}  // namespace words

// clang-format off
// [hiding]
namespace tagger {
using namespace sequent::language;

SEQUENT_VARIABLES(j);
inline constexpr var<"i", 3> i;
SEQUENT_RELATIONS(first, step, hidden, all);  // also words of the language
inline constexpr auto program = rules(
    hidden(i) <<= first(i) | relu(),
    step(i)   <<= (hidden(j), j <= i) | sequent::language::first(j),
    all(i)    <<= (step(i), hidden(i)));
}  // namespace tagger
// [/hiding]
// clang-format on

TEST_CASE("relations may be named as words of the language") {
    using tagged = sequent::model<tagger::program, sequent::fact<"first", 3, 2>>;
    const tagged::parameters<float> p;
    tagged::workspace<float> w;
    const std::vector<float> x{3, -1, 2, 5, -4, 6};
    const auto y = tagged::forward(p, {tagger::first = x}, w);
    CHECK(y(2, 0) == 3);  // relu(3) + relu(-4)
    CHECK(y(1, 1) == 5);
}

namespace heads {
using namespace sequent::language;
SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(x, query, key, value, weights, head, y);
// [heads]
inline constexpr var<"h", 2> h;
SEQUENT_WEIGHT(W_query, 4, 6);  // W_query(h): a matrix for each head
SEQUENT_WEIGHT(W_key, 4, 6);
SEQUENT_WEIGHT(W_value, 4, 6);
SEQUENT_WEIGHT(W_out, 6, 8);

// clang-format off
inline constexpr auto attention = rules(
    query(h, i)      <<= x(i)[W_query(h)],
    key(h, j)        <<= x(j)[W_key(h)],
    value(h, j)      <<= x(j)[W_value(h)],
    weights(h, i, j) <<= (inverse_sqrt(4), key(h, j).T(), query(h, i), j <= i,
                          (h == 0 && i - j <= 2) || (h == 1 && (i - j) % 4 == 0))
                         | product() | softmax(j),
    head(h, i)       <<= (weights(h, i, j), value(h, j)) | product() | sum(j),
    y(i)[W_out]      <<= head(h, i) | concat(h));
// clang-format on
// [/heads]
// [fused]
using Fused = sequent::model<attention, sequent::fact<"x", 16, 6>, sequent::require_fused>;
// [/fused]
}  // namespace heads

namespace general {
using namespace sequent::language;
SEQUENT_VARIABLES(i);
SEQUENT_RELATIONS(x, gate, y);
SEQUENT_WEIGHT(W_gate, 1, 6);
// clang-format off
// [general]
inline constexpr auto scaled = rules(
    gate(i) <<= x(i)[W_gate] | sigmoid(),
    y(i)    <<= (gate(i), x(i)) | product());
// [/general]
// clang-format on
}  // namespace general

namespace convolution {
using namespace sequent::language;
SEQUENT_RELATIONS(x, window, y);
SEQUENT_WEIGHT(b, 8);
// clang-format off
// [convolution]
inline constexpr var<"p", 64> p;  // positions
inline constexpr var<"k", 3> k;   // of the window
SEQUENT_WEIGHT(W, 8, 6);

inline constexpr auto causal = rules(
    window(p) <<= x(p - 2 * k)[W(k)] | sum(k),
    y(p)      <<= (window(p), b) | relu());
// [/convolution]
// clang-format on
using Causal = sequent::model<causal, sequent::fact<"x", 64, 6>, sequent::require_fused>;
}  // namespace convolution

namespace mixtures {
using namespace sequent::language;
SEQUENT_VARIABLES(i);
inline constexpr var<"e", 8> e;
SEQUENT_RELATIONS(x, chosen, gate, inner, y);
SEQUENT_WEIGHT(W_score, 1, 6);
SEQUENT_WEIGHT(W_in, 12, 6);
SEQUENT_WEIGHT(W_out, 6, 12);
// clang-format off
// [experts]
inline constexpr auto mixture = rules(
    chosen(i, e) <<= x(i)[W_score(e)] | top_k<2>(e),
    gate(i, e)   <<= chosen(i, e) | softmax(e),
    inner(i, e)  <<= (x(i)[W_in(e)], hidden(chosen(i, e))) | relu(),
    y(i)         <<= (gate(i, e), inner(i, e)[W_out(e)]) | product() | sum(e));
// [/experts]
// clang-format on
}  // namespace mixtures

namespace linear {
using namespace sequent::language;
SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(q, k, v, gate, total, past, fade, score, y);
// clang-format off
// [gated]
inline constexpr var<"t", 512> t;  // positions

inline constexpr auto gated = rules(
    total(t)    <<= (gate(j), j <= t) | sum(j),  // a running sum
    past(j)     <<= total(j) | scale(-1.0),
    fade(i, j)  <<= (total(i), past(j)) | exp(),
    score(i, j) <<= (fade(i, j), inverse_sqrt(6), k(j).T(), q(i), j <= i) | product(),
    y(i)        <<= (score(i, j), v(j)) | product() | sum(j));
// [/gated]
// clang-format on
using Gated = sequent::model<gated, sequent::fact<"gate", 512>, sequent::fact<"q", 512, 6>,
                             sequent::fact<"k", 512, 6>, sequent::fact<"v", 512, 6>>;
}  // namespace linear

namespace counted {
using namespace sequent::language;
SEQUENT_VARIABLES(i);
SEQUENT_RELATIONS(x, y);
// [count]
inline constexpr bound<"n"> n;
inline constexpr auto average = rules(y() <<= (x(i), i < n) | mean(i));

using Average = sequent::model<average, sequent::fact<"x", 8, 2>, sequent::bound<"n">>;
// [/count]
}  // namespace counted

namespace recursive {
using namespace sequent::language;
SEQUENT_VARIABLES(t);
SEQUENT_RELATIONS(x, state);
SEQUENT_WEIGHT(start, 2);
SEQUENT_WEIGHT(W, 2, 2);
SEQUENT_WEIGHT(U, 2, 2);
// [recursion]
// clang-format off
inline constexpr auto cell = rules(
    state(0)       <<= fixed(start),
    state(next(t)) <<= (x(t)[W], state(t)[U]) | tanh());
// clang-format on

using Cell = sequent::model<cell, sequent::fact<"x", 2, 2>>;
// [/recursion]
}  // namespace recursive

namespace graph {
using namespace sequent::language;
SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(node, edge, y);
// [sparse]
inline constexpr auto neighbours = rules(y(i) <<= (node(j), edge(i, j)) | product() | sum(j));

// At most 4 edges between 3 nodes; a number for each edge.
using Neighbours = sequent::model<neighbours, sequent::fact<"node", 3>,
                                  sequent::fact<"edge", sequent::sparse<4>, 3, 3>>;
// [/sparse]
}  // namespace graph

namespace paths {
using namespace sequent::language;
SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(before, after, edge, start, distance);
// [fixpoint]
// A way to j leads over an edge from i, or from j itself by an edge of length 0.
inline constexpr auto shorter = rules(after(j) <<= (before(i), edge(i, j)) | min(i));
inline constexpr auto paths = rules(distance(i) <<= start(i) | fixpoint<8>(shorter));

using Paths = sequent::model<paths, sequent::fact<"start", 8>,
                             sequent::fact<"edge", sequent::sparse<20>, 8, 8>>;
// [/fixpoint]
}  // namespace paths

namespace deep {
using namespace sequent::language;
SEQUENT_VARIABLES(i);
SEQUENT_RELATIONS(x, inner, z, y);
SEQUENT_WEIGHT(W_1, 8, 4);
SEQUENT_WEIGHT(W_2, 4, 8);
// [stack]
// clang-format off
inline constexpr auto block = rules(
    inner(i) <<= x(i)[W_1] | gelu(),
    z(i)     <<= (inner(i)[W_2], x(i)) | norm());
inline constexpr auto program = rules(
    y(i) <<= x(i) | stack<12>(block));  // 12 layers, each with weights of its own
// clang-format on
// [/stack]
}  // namespace deep

TEST_CASE("a count ends the mean") {
    counted::Average::scratch<double> w;
    const counted::Average::parameters<double> p;
    std::vector<double> x(16);
    for (std::size_t at = 0; at < 16; ++at) x[at] = static_cast<double>(at);
    // [given]
    const auto y = counted::Average::forward(p, {counted::x = x, counted::n = 3}, w);
    // [/given]
    CHECK(y(0) == Approx(2));  // (0 + 2 + 4) / 3
    CHECK(y(1) == Approx(3));
}

TEST_CASE("a sparse fact holds for the pairs that are given") {
    using namespace graph;
    Neighbours::scratch<double> w;
    const Neighbours::parameters<double> p;
    const std::vector<double> nodes{1, 10, 100};
    // [pairs]
    const std::vector<std::array<std::int32_t, 2>> pairs{{0, 1}, {0, 2}, {2, 2}};
    const std::vector<double> strengths{2, 3, 0.5};
    const auto sums =
        Neighbours::forward(p, {node = nodes, edge = sequent::sparse_pairs(pairs, strengths)}, w);
    // [/pairs]
    CHECK(sums(0) == Approx(320));
    CHECK(sums(1) == 0);
    CHECK(sums(2) == Approx(50));
}

TEST_CASE("a fixpoint finds the shortest paths") {
    using namespace paths;
    std::vector<std::array<std::int32_t, 2>> edges{{0, 1}, {1, 2}, {0, 2}, {2, 3}};
    std::vector<double> lengths{1, 1, 3, 5};
    for (int node = 0; node < 8; ++node) {
        edges.push_back({node, node});
        lengths.push_back(0);
    }
    const std::vector<double> from{0, 100, 100, 100, 100, 100, 100, 100};
    Paths::scratch<double> w;
    const Paths::parameters<double> p;
    const auto found =
        Paths::forward(p, {start = from, edge = sequent::sparse_pairs(edges, lengths)}, w);
    CHECK(found(2) == 2);
    CHECK(found(3) == 7);
    CHECK(found(4) == 100);
}

TEST_CASE("a recursion runs over the positions of its fact") {
    using namespace recursive;
    Cell::scratch<double> w;
    Cell::parameters<double> p;
    p[start](0) = 0.5;
    p[W](0, 0) = p[W](1, 1) = 1;
    p[U](1, 0) = 1;
    const std::vector<double> given{0.1, 0.2, 0.3, 0.4};
    const auto found = Cell::forward(p, {x = given}, w);
    CHECK(found.extents[0] == 3);  // state(0), state(1), state(2)
    CHECK(found(1, 1) == Approx(std::tanh(0.2 + 0.5)));
    CHECK(found(2, 1) == Approx(std::tanh(0.4 + std::tanh(0.1))));
}

TEST_CASE("heads and stacks compile to fused kernels") {
    using Heads = sequent::model<heads::attention, sequent::fact<"x", 16, 6>>;
    using Deep = sequent::model<deep::program, sequent::fact<"x", 5, 4>>;
    for (const std::string& plan : {sequent::explain<Heads>(), sequent::explain<Deep>()}) {
        INFO(plan);
        CHECK_THAT(plan, !sequent_test::contains("general loops"));
    }
    CHECK(Deep::parameter_count == 12 * 64);
}

TEST_CASE("language: what keeps a rule from the fast forms") {
    using Scaled = sequent::model<general::scaled, sequent::fact<"x", 8, 6>>;
    const std::string text = sequent::explain<Scaled>();
    for (const char* part : {"general loops, 8 ground rules",
                             "MFLOP\n      no rows: the literals are combined", "no attention: "})
        CHECK(text.find(part) != std::string::npos);
    CHECK(sequent::explain<convolution::Causal>().find("64 x 8, product with 18 inputs") !=
          std::string::npos);
    CHECK(sequent::explain<heads::Fused>().find("general") == std::string::npos);
    const std::string experts =
        sequent::explain<sequent::model<mixtures::mixture, sequent::fact<"x", 16, 6>>>();
    CHECK(experts.find("choices, 128 ground rules") != std::string::npos);
    CHECK(experts.find("pairs 32 x 12, product with 6 inputs") != std::string::npos);
    CHECK(sequent::explain<linear::Gated>().find("no softmax, in chunks of 32 rows") !=
          std::string::npos);
}
