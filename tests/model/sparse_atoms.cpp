#include "sparse.hpp"

// Sparse facts of one, three and four arguments.

namespace {

using namespace over_pairs;

inline constexpr relation<"chosen"> chosen;
inline constexpr relation<"triple"> triple;
inline constexpr relation<"quad"> quad;
inline constexpr var<"n"> n;
inline constexpr var<"e"> e;

inline constexpr auto singles =
    rules(r<"of">(i) <<= (x(i), chosen(i)) | elementwise_product(),
          r<"all">() <<= (x(i), hidden(chosen(i))) | max(i),
          r<"absent">(i) <<= (x(i), !chosen(i)) | tanh(),
          r<"between">(i, j) <<= (x(i), x(j), chosen(i), hidden(chosen(j))) | elementwise_product(),
          r<"shifted">(i) <<= (x(i), chosen(i + 1)) | elementwise_product(),
          r<"softmax">(i) <<= (x(i), hidden(chosen(i))) | softmax(i));

inline constexpr auto triples =
    rules(r<"of_first">(i) <<= (x(j), z(m), triple(i, m, j)) | elementwise_product() | sum(m, j),
          r<"of_middle">(m) <<= (x(i), x(j), triple(i, m, j)) | elementwise_product() | max(i, j),
          r<"of_last">(j) <<= (x(i), hidden(triple(i, m, j))) | mean(i, m),
          r<"dense">(i, m, j) <<= (x(i), triple(i, m, j)) | elementwise_product(),
          r<"of_dense">(i, j) <<= (x(j), r<"dense">(i, m, j)) | max(m),
          r<"same">(i) <<= (triple(i, 1, i), x(i)) | elementwise_product(),
          r<"moved">(i) <<= (triple(i, m, j - 1), x(j)) | elementwise_product() | sum(m, j),
          r<"absent">(i) <<= (x(j), z(m), !triple(i, m, j)) | elementwise_product() | sum(m, j),
          r<"softmax">(i, m, j) <<= (x(j), z(m), hidden(triple(i, m, j))) | softmax(m, j),
          r<"joined">(i, e) <<= (triple(i, m, j), triple(j, m, e)) | product() | sum(m, j));

inline constexpr auto quads =
    rules(r<"of_first">(i) <<= (x(j), quad(i, m, j, n)) | elementwise_product() | sum(m, j, n),
          r<"of_last">(n) <<= (x(i), quad(i, m, j, n)) | elementwise_product() | sum(i, m, j),
          r<"vector">(i, m) <<= (x(j), x(n), hidden(quad(i, m, j, n))) | min(j, n));

// Negation of derived relations.
inline constexpr auto tested = rules(
    a(i) <<= (x(j), edge(i, j)) | elementwise_product() | sum(j),
    b(i, j) <<= (x(i), edge(i, j)) | relu(), c(i) <<= (x(i), 1 <= i),
    r<"none">(i) <<= (x(i), !a(i)) | tanh(),
    r<"some">(i) <<= (x(i), hidden(a(i)), a(i)) | elementwise_product(),
    r<"not_b">(i) <<= (x(j), !b(i, j)) | sum(j), r<"is_b">(i) <<= (x(j), hidden(b(i, j))) | max(j),
    r<"first">(i) <<= (x(i), !c(i)), r<"both">(i) <<= (c(i), !a(i), !r<"none">(i)),
    r<"of_pairs">(i, j) <<= (edge(i, j), !b(j, i)));
// At the time of a recursion.
inline constexpr auto pairs_in_time =
    rules(a(0) <<= x(0), b(0) <<= x(1),
          a(next(i)) <<= (a(i), x(j), edge(i, j)) | elementwise_product() | sum(j),
          b(next(i)) <<= (b(i), x(j), edge(j, i)) | elementwise_product() | sum(j));
inline constexpr auto triples_in_time =
    rules(c(0) <<= x(2),
          c(next(i)) <<= (c(i), z(m), x(j), triple(i, m, j)) | elementwise_product() | max(m, j));
inline constexpr auto lengths = rules(a(i) <<= z(i), y(i) <<= (x(i), !a(i)));

template <int Atoms, class Query>
using of_singles = model<singles, fact<"x", 6>, fact<"chosen", sparse<Atoms>, 7>, Query>;
template <int Atoms, class Query>
using of_triples =
    model<triples, fact<"x", 6>, fact<"z", 3>, fact<"triple", sparse<Atoms>, 5, 3, 7>, Query>;
template <int Atoms>
using of_quads = model<quads, fact<"x", 4>, fact<"quad", sparse<Atoms>, 4, 2, 3, 5>,
                       query<"of_first", "of_last", "vector">>;

}  // namespace

TEST_CASE("sparse facts of one argument") {
    using outputs = query<"of", "all", "absent", "between", "shifted", "softmax">;
    agrees_for_any_pairs<of_singles<5, outputs>>();
    agrees_for_any_pairs<of_singles<7, outputs>>();
}
TEST_CASE("sparse facts of three arguments") {
    using outputs = query<"of_first", "of_middle", "of_last", "of_dense", "same", "moved", "absent",
                          "softmax", "joined">;
    agrees_for_any_pairs<of_triples<17, outputs>>();
    agrees_for_any_pairs<of_triples<105, outputs>>();
}
TEST_CASE("sparse facts of four arguments") {
    agrees_for_any_pairs<of_quads<19>>();
}
TEST_CASE("sparse facts are read at the time of a recursion") {
    using of_pairs =
        model<pairs_in_time, fact<"x", 6>, fact<"edge", sparse<12>, 6, 6>, query<"a", "b">>;
    agrees_for_any_pairs<of_pairs>();
    runs_for_any_pairs<of_pairs>();
    agrees_for_any_pairs<
        model<triples_in_time, fact<"x", 6>, fact<"z", 3>, fact<"triple", sparse<40>, 6, 3, 6>>>();
}
TEST_CASE("derived relations are negated and hidden") {
    using outputs = query<"none", "some", "not_b", "is_b", "first", "both", "of_pairs">;
    agrees_for_any_pairs<model<tested, fact<"x", 6>, fact<"edge", sparse<9>, 6, 6>, outputs>>();
    for (const int given : {0, 2, 5})
        check::agrees<model<lengths, fact<"x", 5>, fact<"z", sequent::up_to<5>>>>(given);
}

namespace {

inline constexpr auto strongest =
    rules(y(i, n) <<=
          (z(j), hidden(chosen(i)), triple(i, m, j), r<"weight">(m, n)) | product() | max(m, j));
using Strongest = model<strongest, fact<"z", 4>, fact<"weight", 2, 2>, fact<"chosen", sparse<3>, 3>,
                        fact<"triple", sparse<6>, 3, 2, 4>>;

}  // namespace

TEST_CASE("atoms with any number of arguments are given and refused") {
    const std::vector<std::int32_t> of_chosen{2, 0};
    std::vector<std::array<std::int32_t, 3>> atoms{{2, 1, 3}, {0, 0, 1}, {0, 1, 1}, {1, 0, 0}};
    const std::vector<double> values{2, 3, 5, 7};
    const std::vector<double> of_z{1, 2, 3, 4};
    const std::vector<double> factors{1, 10, 100, 1000};
    Strongest::parameters<double> p;
    Strongest::workspace<double> w;
    const auto result = [&] {
        const auto found = Strongest::forward(
            p,
            {z = of_z, r<"weight"> = factors, chosen = sequent::sparse_atoms(of_chosen),
             triple = sequent::sparse_atoms(atoms, values)},
            w);
        return std::vector<double>(found.data, found.data + 6);
    };
    CHECK(result() == std::vector<double>{1000, 10000, 0, 0, 800, 8000});
    const auto refusal = [&]() -> std::string {
        try {
            (void)result();
        } catch (const sequent::argument_error& error) {
            return error.what();
        }
        return "";
    };
    atoms[1] = {0, 2, 1};
    CHECK_THAT(refusal(),
               sequent_test::contains("\"triple\"") && sequent_test::contains("(0, 2, 1)") &&
                   sequent_test::contains("position 1") && sequent_test::contains("3 x 2 x 4"));
    atoms[1] = {0, 1, 1};
    CHECK_THAT(refusal(),
               sequent_test::contains("(0, 1, 1)") && sequent_test::contains("position 2"));
}
