#include "on_pool.hpp"

namespace {

using namespace names;
using namespace sequent;

// Heads that share keys and values add to the same gradients.
inline constexpr var<"h", 6> head;
inline constexpr auto shared_keys = rules(
    q(head, i) <<= x(i)[W<"W_q", 16, 40>(head)], k(i) <<= x(i)[W<"W_k", 16, 40>],
    v(i) <<= x(i)[W<"W_v", 16, 40>],
    weights(head, i, j) <<= (k(j).T(), q(head, i), j <= i) | product() | softmax(j),
    a(head, i) <<= (weights(head, i, j), v(j)) | product() | sum(j),
    b(i) <<= a(head, i)[W<"W_o", 40, 16>(head)] | sum(head), out(i) <<= (b(i), x(i)) | norm());

// A table and an index in the score, over columns that a run-time count bounds.
inline constexpr auto with_table = rules(
    q(i) <<= x(i)[W<"W_q", 24, 24>],
    logit(i, j) <<= (k(j).T(), q(i), (i - j) % 3 == 0, j < length) | product(),
    k(i) <<= x(i)[W<"W_k", 24, 24>], logit(i, j) <<= (W<"R">(i, j), (i - j) % 3 == 0, j < length),
    weights(i, j) <<= logit(i, j) | softmax(j),
    out(i) <<= (weights(i, j), x(j)) | product() | sum(j));

// A state for each of many rows, so that the steps of one time are divided.
inline constexpr auto at_once =
    rules(a(0, j) <<= W<"s", 40>,
          a(next(i), j) <<= (x(i, j)[W<"A", 40, 40>], a(i, j)[W<"B", 40, 40>], W<"b", 40>) | tanh(),
          out(i, j) <<= a(next(i), j));

}  // namespace

TEST_CASE("shared keys, tables and counts have the bits of one thread") {
    check::has_the_same_bits<model<shared_keys, fact<"x", 130, 40>>>();
    check::has_the_same_bits<model<with_table, fact<"x", 200, 24>, bound<"length">>, true>(150);
}

TEST_CASE("recursions on several threads have the bits of one") {
    check::has_the_same_bits<model<at_once, fact<"x", 5, 130, 40>>>();
}
