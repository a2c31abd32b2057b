#include <cmath>

#include "test_tools.hpp"

// Causal attention with heads, written as rules, against the formula written as loops.

using namespace oracle_test;

namespace heads {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h"> h;
inline constexpr relation<"x"> x;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"score"> score;
inline constexpr relation<"head"> head;
inline constexpr relation<"y"> y;
inline constexpr weight<"W_q", 3, 6> W_q;
inline constexpr weight<"W_k", 3, 6> W_k;
inline constexpr weight<"W_v", 3, 6> W_v;
inline constexpr weight<"W_o", 6, 6> W_o;

inline constexpr auto program =
    rules(q(h, i) <<= x(i)[W_q(h)], k(h, i) <<= x(i)[W_k(h)], v(h, i) <<= x(i)[W_v(h)],
          score(h, i, j) <<=
          (inverse_sqrt(3), k(h, j).T(), q(h, i), i - j <= 3, j <= i) | product() | softmax(j),
          head(h, i) <<= (score(h, i, j), v(h, j)) | product() | sum(j),
          y(i)[W_o] <<= head(h, i) | concat(h));
}  // namespace heads

namespace {

constexpr int tokens = 7;
constexpr int width = 6;
constexpr int head_count = 2;
constexpr int head_width = 3;

list waves(int count, double pace) {
    list made;
    for (int at = 0; at < count; ++at) made.push_back(std::sin(pace * at + pace));
    return made;
}

/// Row `row` of W_h x_i.
double projected(const list& weight, const list& x, int h, int row, int i) {
    double total = 0;
    for (int c = 0; c < width; ++c)
        total += weight[oracle::to_size((h * head_width + row) * width + c)] *
                 x[oracle::to_size(i * width + c)];
    return total;
}

}  // namespace

TEST_CASE("oracle: attention with heads and a causal window") {
    const oracle::world given{
        .facts = {{"x", {{tokens, width}, waves(tokens * width, 0.7)}}},
        .weights = {{"W_q", {{head_count, head_width, width}, waves(36, 0.3)}},
                    {"W_k", {{head_count, head_width, width}, waves(36, 0.5)}},
                    {"W_v", {{head_count, head_width, width}, waves(36, 0.9)}},
                    {"W_o", {{width, width}, waves(36, 1.1)}}}};
    const auto found = oracle::evaluate(heads::program, given);

    const list& x = given.facts.at("x").values;
    const auto weight = [&](const char* name) { return given.weights.at(name).values; };
    list expected(x.size());
    for (int i = 0; i < tokens; ++i)
        for (int h = 0; h < head_count; ++h) {
            list mixed(head_width);
            double total = 0;
            for (int j = std::max(0, i - 3); j <= i; ++j) {
                double dot = 0;
                for (int c = 0; c < head_width; ++c)
                    dot +=
                        projected(weight("W_q"), x, h, c, i) * projected(weight("W_k"), x, h, c, j);
                const double share = std::exp(dot / std::sqrt(3.0));
                total += share;
                for (int c = 0; c < head_width; ++c)
                    mixed[oracle::to_size(c)] += share * projected(weight("W_v"), x, h, c, j);
            }
            for (int row = 0; row < width; ++row)
                for (int c = 0; c < head_width; ++c)
                    expected[oracle::to_size(i * width + row)] +=
                        weight("W_o")[oracle::to_size(row * width + h * head_width + c)] *
                        mixed[oracle::to_size(c)] / total;
        }
    check_close(found.relations.at("y").values, expected, 1e-12);
    // 1 + 2 + 3 + 4 + 4 + 4 + 4 pairs in each of the heads.
    CHECK(found.ground_rules == std::vector<long>{14, 14, 14, 44, 44, 14});
}
