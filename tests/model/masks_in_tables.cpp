#include <sequent/model/explain.hpp>

#include "rules.hpp"

// Conditions without a short form as pieces: lists, predicates, blocks with summaries, and what is
// known at run time beside them.

namespace {

using namespace names;
using sequent::fact;

inline constexpr relation<"document"> document;

template <auto Mask, int D>
inline constexpr auto masked = rules(weights(i, j) <<= (inverse_sqrt(D), k(j).T(), q(i), Mask) |
                                                       product() | softmax(j),
                                     out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

template <auto Mask, int N, int M = N, int D = 5, int E = 3, class... Facts>
using attention =
    sequent::model<masked<Mask, D>, fact<"q", N, D>, fact<"k", M, D>, fact<"v", M, E>, Facts...>;

constexpr bool scattered(int left, int right) {
    return (left * 7 + right * 13) % 5 == 0 && left != 3;
}
constexpr auto nowhere = [](int left, int right) { return left + right < 0; };

/// How many ground rules the first rule has.
template <class Model>
long rules_of(const check::fixture<Model, double>& f) {
    return check::ground_rules(oracle::tree::read(Model::program), f.world(), 0);
}

/// Fused, from a table or not, and with as many pairs as there are ground rules.
template <class Model, bool Table = true>
void attends() {
    static_assert(check::is_fused<Model>);
    static_assert(sequent::model_detail::attention_shape<typename Model::plan, 0>::is_table ==
                  Table);
    check::agrees<Model>();
    const check::fixture<Model, double> f(1);
    CHECK(sequent::model_detail::attention_pairs<typename Model::plan, 0>() == rules_of(f));
}

}  // namespace

TEST_CASE("lists of columns and rows") {
    attends<attention<(abs(i - j) <= 3 || one_of<0, 9, 40>(i) || one_of<0, 9, 40>(j)), 65>>();
    attends<attention<one_of<2, 5>(j), 7, 33>>();
    check::runs<attention<one_of<2, 5>(j), 7, 33>>();
}

TEST_CASE("blocks with summaries") {
    attends<attention<(j <= i && (j / 8 == i / 8 || j % 8 >= 6)), 70, 70, 17, 20>>();
}

TEST_CASE("any predicate") {
    attends<attention<holds<scattered>(i, j), 33, 66>>();
    attends<attention<holds<scattered>(j, i), 1, 3>>();
    attends<attention<holds<nowhere>(i, j), 5>>();
}

// Of the heads themselves, of what is aggregated, in either order, beside other conditions, and of
// what a softmax ranges over.
inline constexpr auto general = rules(
    a(i, j) <<= (q(i), k(j), holds<scattered>(j, i)) | elementwise_product(),
    b(j) <<= (a(i, j), holds<scattered>(i, j), i != 2 * j) | tanh() | max(i),
    c(i, j) <<= (at(q(i), 0), at(k(j), 1), holds<scattered>(i, j)) | product() | softmax(i),
    out(i) <<= (c(i, j), at(b(j), 2), holds<scattered>(i, j), holds<scattered>(j, i)) | product());

TEST_CASE("any predicate where loops go by the letter") {
    using Model = sequent::model<general, fact<"q", 7, 5>, fact<"k", 9, 5>>;
    static_assert(check::count_steps<Model>(sequent::plan::step_kind::general) == 4);
    static_assert(Model::plan::general_at<0>.listed.decision >= 0);
    check::agrees<Model>();
}

TEST_CASE("tables with what else a score may hold") {
    static constexpr auto program =
        rules(logit(i, j) <<= (number(0.3), k(j).T(), q(i), holds<scattered>(i, j)) | product(),
              logit(i, j) <<= (W<"R">(i, j), holds<scattered>(i, j)),
              logit(i, j) <<= (W<"slope">, number(j - i), holds<scattered>(i, j)) | product(),
              logit(i, j) <<= (b(j), holds<scattered>(i, j)),
              weights(i, j) <<= logit(i, j) | soft_cap(2) | softmax(j),
              out(i) <<= (weights(i, j), v(j)) | product() | sum(j));
    using model = sequent::model<program, fact<"q", 33, 4>, fact<"k", 20, 4>, fact<"v", 20, 3>,
                                 fact<"b", 20>>;
    static_assert(check::is_fused<model>);
    check::agrees<model>();
}

// Long enough for blocks of columns, which overlap in a narrow band.
TEST_CASE("a window as a piece and as a table") {
    static constexpr auto is_near = [](int left, int right) {
        return right <= left && left - right <= 37;
    };
    const auto numbers = []<class Model>(Model) {
        check::fixture<Model, float> f(1);
        const std::vector<float> values = f.outputs();
        std::vector<float> all = values;
        for (const auto& gradient : f.backward(values))
            all.insert(all.end(), gradient.begin(), gradient.end());
        return all;
    };
    const auto pieces = numbers(attention<(j <= i && i - j <= 37), 700, 700, 3>{});
    const auto table = numbers(attention<holds<is_near>(i, j), 700, 700, 3>{});
    CHECK(sequent_test::error_of(pieces, table) < 1e-4);
}

TEST_CASE("documents, alone and beside a length and a table") {
    const auto packed = [](auto& f) {
        for (auto& symbols : f.symbols)
            for (std::size_t at = 0; at < symbols.size(); ++at)
                symbols[at] = at < 5 ? 7 : at < 6 ? 3 : at < 20 ? 9 : 1;
    };
    const auto agrees = [&]<class Model>(Model, bool fused = true) {
        CHECK(check::is_fused<Model> == fused);
        check::agrees<Model>(25);
    };
    const auto runs = [&]<class Model>(Model) { check::runs<Model>(25, 1, packed); };
    using documents = fact<"document", 33, sequent::symbol<10>>;
    using count = sequent::bound<"length">;
    agrees(attention<document(i) == document(j), 33, 33, 5, 3, documents>{});
    agrees(attention<(document(i) != document(j) && j <= i), 33, 33, 5, 3, documents>{});
    agrees(attention<(document(i) == document(j) && j < length && i < length &&
                      (j / 8 == i / 8 || j % 8 >= 6)),
                     33, 33, 5, 3, documents, count>{});
    runs(attention<(document(i) == document(j) && j < length && i < length &&
                    (j / 8 == i / 8 || j % 8 >= 6)),
                   33, 33, 5, 3, documents, count>{});
    agrees(attention<((document(i) == document(j) && j < length) || holds<scattered>(i, j)), 33, 33,
                     5, 3, documents, count>{},
           false);
}

TEST_CASE("a document that comes back is refused") {
    using model = attention<document(i) == document(j), 33, 33, 5, 3,
                            fact<"document", 33, sequent::symbol<10>>>;
    check::fixture<model, float> f(1);
    std::ranges::fill(f.symbols[3], 2);
    CHECK_NOTHROW(f.given());
    f.symbols[3][0] = 5;
    f.symbols[3][20] = 5;
    CHECK_THROWS_WITH(f.given(),
                      sequent_test::contains("fact \"document\" holds the symbol 5 again at "
                                             "position 20"));
    f.symbols[3][0] = 1;
    CHECK_THROWS_WITH(f.given(), sequent_test::contains("the symbol 2 again at position 21"));
}

TEST_CASE("masks of each head") {
    static constexpr var<"h", 3> head;
    static constexpr auto program =
        rules(weights(head, i, j) <<=
              (inverse_sqrt(5), k(head, j).T(), q(head, i),
               (head % 2 == 0 && j <= i && i - j <= 4) || (head == 1 && holds<scattered>(i, j))) |
              product() | softmax(j),
              a(head, i) <<= (weights(head, i, j), v(head, j)) | product() | sum(j),
              out(i) <<= a(head, i) | concat(head));
    using model =
        sequent::model<program, fact<"q", 3, 33, 5>, fact<"k", 3, 33, 5>, fact<"v", 3, 33, 2>>;
    static_assert(check::is_fused<model>);
    static_assert(sequent::model_detail::mask_kinds<model::plan, 0>.first.size() == 2);
    check::agrees<model>();
    const check::fixture<model, double> f(1);
    CHECK(sequent::model_detail::attention_pairs<model::plan, 0>() == rules_of(f));
    const std::string pairs = std::to_string(rules_of(f)) + " pairs";
    CHECK_THAT(sequent::explain<model>(), sequent_test::contains(pairs));
}
