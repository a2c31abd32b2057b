#include <sequent/text.hpp>

#include "sparse.hpp"

using namespace over_pairs;

namespace {

inline constexpr var<"e", 5> e;
inline constexpr relation<"chosen"> chosen;
inline constexpr relation<"gate"> gate;
inline constexpr relation<"hidden layer"> inner;

// A mixture of experts: of 5 experts, the 2 with the highest scores are computed for each row.
inline constexpr auto experts =
    rules(logit(i, e) <<= x(i)[W<"G", 1, 3>(e)], chosen(i, e) <<= logit(i, e) | top_k<2>(e),
          gate(i, e) <<= chosen(i, e) | softmax(e),
          inner(i, e) <<= (x(i)[W<"A", 4, 3>(e)], W<"b", 4>(e), hidden(chosen(i, e))) | relu(),
          y(i) <<= (gate(i, e), inner(i, e)[W<"B", 3, 4>(e)]) | product() | sum(e));
// The experts take their rows, so that some rows may have none, below a count.
inline constexpr auto taken =
    rules(chosen(i, e) <<= (x(i)[W<"G", 1, 3>(e)], i < nodes) | top_k<2>(i),
          inner(i, e) <<= (x(i)[W<"A", 3, 3>(e)], hidden(chosen(i, e))) | tanh(),
          y(i) <<= (chosen(i, e), inner(i, e)) | product() | sum(e),
          z(i) <<= hidden(chosen(i, e)) | count(e), a(i) <<= (x(i), !chosen(i, e)) | mean(e));
// Attention to the 3 highest scores of those allowed, of which the first rows have fewer.
inline constexpr auto sparse_attention =
    rules(q(i) <<= x(i)[W<"Q", 4, 3>], k(j) <<= x(j)[W<"K", 4, 3>],
          chosen(i, j) <<= (k(j).T(), q(i), j < i) | product() | top_k<3>(j),
          weights(i, j) <<= chosen(i, j) | softmax(j),
          y(i) <<= (weights(i, j), k(j)) | product() | sum(j));
// The strongest edge of each node, whose values are equal for some.
inline constexpr auto strongest =
    rules(chosen(i, j) <<= (x(j), edge(i, j), x(m)) | elementwise_product() | top_k<1>(j),
          y(i) <<= (chosen(i, j), x(j)) | product() | sum(j));
inline constexpr auto all_of_few =
    rules(chosen(i, e) <<= x(i)[W<"G", 1, 3>(e)] | top_k<9>(e), y(i) <<= chosen(i, e) | max(e));

inline constexpr auto block =
    rules(chosen(i, e) <<= q(i)[W<"G", 1, 3>(e)] | top_k<2>(e),
          inner(i, e) <<= (q(i)[W<"A", 4, 3>(e)], hidden(chosen(i, e))) | silu(),
          out(i) <<= (q(i), a(i)), a(i) <<= inner(i, e)[W<"B", 3, 4>(e)] | sum(e));
inline constexpr auto settling = rules(b(i, e) <<= a(i, e)[W<"s", 1, 1>] | tanh());
inline constexpr auto settled =
    rules(chosen(i, e) <<= x(i)[W<"G", 1, 3>(e)] | top_k<2>(e),
          a(i, e) <<= chosen(i, e) | fixpoint<4>(settling), y(i) <<= a(i, e) | sum(e));
inline constexpr auto stacked_experts = rules(y(i) <<= x(i) | stack<3>(block));

}  // namespace

TEST_CASE("the chosen experts alone are computed") {
    using mixture = model<experts, fact<"x", 7, 3>>;
    // 14 pairs of the 35, one vector each.
    static_assert(mixture::plan::shapes.facts[1].pairs == 14);
    check::runs_in_both_types<mixture>();
    check::runs<model<experts, fact<"x", 1, 3>>>(0, 2);
}
TEST_CASE("outputs have all pairs") {
    check::runs<model<experts, fact<"x", 7, 3>, query<"y", "gate">>>();
}
TEST_CASE("experts choose their rows") {
    using mixture = model<taken, fact<"x", 7, 3>, sequent::bound<"nodes">, query<"y", "z", "a">>;
    for (int given : {0, 1, 4, 7}) check::runs<mixture>(given);
}
TEST_CASE("attention to the highest scores") {
    check::runs<model<sparse_attention, fact<"x", 9, 3>>>();
}
TEST_CASE("the strongest edges, of sums") {
    runs_for_any_pairs<model<strongest, fact<"x", 6>, fact<"edge", sparse<11>, 6, 6>>>();
}
TEST_CASE("more are chosen than there are") {
    check::runs<model<all_of_few, fact<"x", 4, 3>>>();
}
TEST_CASE("each layer of a stack chooses its own") {
    check::runs<model<stacked_experts, fact<"x", 6, 3>>>();
}
TEST_CASE("a fixpoint of chosen pairs") {
    check::runs<model<settled, fact<"x", 6, 3>>>();
}
TEST_CASE("choices as text") {
    CHECK(sequent::to_text<experts>().find("top_k(2, ") != std::string::npos);
    CHECK(sequent::to_cpp<experts>().find("top_k<2>(") != std::string::npos);
}
