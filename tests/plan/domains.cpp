#include <sequent/plan.hpp>

#include "../catch.hpp"

// Whether rules of one head have the same domain, however it is written. The stages of the plan run
// at run time here, over one size of the arrays.

namespace {

namespace plan = sequent::plan;
using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"z"> z;
inline constexpr relation<"logit"> logit;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"document"> document;
inline constexpr relation<"sentence"> sentence;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"road"> road;
inline constexpr bound<"length"> length;
inline constexpr bound<"other"> other;

constexpr bool is_near(int one, int two) {
    return one - two < 4 && two - one < 4;
}
constexpr bool is_even(int one, int two) {
    return (one + two) % 2 == 0;
}

constexpr plan::fact_shape given(const char* text, plan::fact_kind kind, int rows, int columns,
                                 int pairs) {
    plan::fact_shape result;
    int characters = 0;
    while (text[characters]) ++characters;
    result.id = plan::make_name(text, characters);
    result.kind = kind;
    result.rank = kind == plan::fact_kind::count ? 0 : columns ? 2 : 1;
    result.extents[0] = rows;
    result.extents[1] = columns;
    result.classes = kind == plan::fact_kind::symbols ? 9 : 0;
    result.pairs = pairs;
    return result;
}

constexpr plan::sizes room{6, 12, 64, 1};
constexpr plan::sizes size = plan::normal_size(room);

template <class Program>
constexpr plan::diagnosis mistake_of(const Program& program, int rows, int columns) {
    plan::reader<room> walk;
    walk.read(program);
    plan::list<plan::fact_shape, 8> facts;
    using plan::fact_kind;
    facts.push(given("x", fact_kind::dense, rows, columns, 0));
    facts.push(given("z", fact_kind::dense, rows, columns, 0));
    facts.push(given("document", fact_kind::symbols, rows, 0, 0));
    facts.push(given("sentence", fact_kind::symbols, rows, 0, 0));
    facts.push(given("edge", fact_kind::dense, rows, columns, 50));
    facts.push(given("road", fact_kind::dense, rows, columns, 50));
    facts.push(given("length", fact_kind::count, 0, 0, 0));
    facts.push(given("other", fact_kind::count, 0, 0, 0));
    const auto source = plan::normalise(walk.out);
    const auto shaped =
        plan::shaper<size, 8>(source, facts, plan::list<plan::name, plan::max_queries>{}).out;
    if (!shaped.mistake.ok()) return shaped.mistake;
    return plan::domain_finder<size, 8>(shaped).out.mistake;
}

/// Two rules of one logit with these conditions, in both orders.
template <class First, class Second>
bool are_one_logit(First first, Second second, int rows = 40, int columns = 40) {
    const auto found =
        mistake_of(rules(logit(i, j) <<= (x(i, j), first), logit(i, j) <<= (z(i, j), second),
                         weights(i, j) <<= logit(i, j) | softmax(j)),
                   rows, columns);
    const auto turned =
        mistake_of(rules(logit(i, j) <<= (x(i, j), second), logit(i, j) <<= (z(i, j), first),
                         weights(i, j) <<= logit(i, j) | softmax(j)),
                   rows, columns);
    CHECK(found.found == turned.found);
    CHECK((found.ok() || found.found == plan::fault::rules_of_one_sum_with_different_spaces));
    return found.ok();
}

}  // namespace

TEST_CASE("conditions that are written differently and mean the same") {
    CHECK(are_one_logit(j <= i, i - j >= 0));
    CHECK(are_one_logit(abs(i - j) < 3, i - j < 3 && j - i < 3));
    CHECK(are_one_logit(i / 8 == j / 8, i / 8 - j / 8 <= 0 && j / 8 - i / 8 <= 0));
    CHECK(
        are_one_logit(j <= i && document(i) == document(j), document(i) == document(j) && i >= j));
    CHECK(are_one_logit(j <= i && j < length, j < length && j - i <= 0));
    CHECK(are_one_logit(holds<is_near>(i, j) && j <= i, i - j >= 0 && holds<is_near>(i, j)));
    CHECK(are_one_logit(j <= i, i - j >= 0, 3000, 3000));
    CHECK(are_one_logit((i - j) % 64 == 0 && j <= i, (i - j) % 64 < 1 && i >= j, 100000, 100000));
    CHECK(are_one_logit(2 * j <= i || j == 0, j == 0 || i - 2 * j >= 0, 65536, 70000));
}

TEST_CASE("conditions that differ by what is given at run time") {
    CHECK(!are_one_logit(document(i) == document(j), j >= 0));
    CHECK(!are_one_logit(document(i) == document(j), sentence(i) == sentence(j)));
    CHECK(!are_one_logit(document(i) == document(j) && j <= i, j <= i));
    CHECK(!are_one_logit(document(i) == document(j), document(i) != document(j)));
    CHECK(!are_one_logit(j < length, j >= 0));
    CHECK(!are_one_logit(j < length, j < other));
    CHECK(!are_one_logit(j < length && document(i) == document(j), j < length));
    CHECK(!are_one_logit(j < length || document(i) == document(j), j < length));
}

TEST_CASE("conditions that differ by a function or a sparse fact") {
    CHECK(!are_one_logit(holds<is_near>(i, j), j >= 0));
    CHECK(!are_one_logit(holds<is_near>(i, j), holds<is_even>(i, j)));
    CHECK(!are_one_logit(one_of<0, 3>(j), one_of<0, 4>(j)));
    CHECK(!are_one_logit(holds<is_near>(i, j) && j <= i, holds<is_near>(i, j)));
    const auto is_same = [](auto first, auto second) {
        return mistake_of(rules(logit(i, j) <<= (x(i, j), first), logit(i, j) <<= (z(i, j), second),
                                weights(i, j) <<= logit(i, j) | softmax(j)),
                          40, 40)
            .ok();
    };
    CHECK(is_same(hidden(edge(i, j)), hidden(edge(i, j))));
    CHECK(is_same(!edge(i, j), !edge(i, j)));
    CHECK(!is_same(hidden(edge(i, j)), hidden(road(i, j))));
    CHECK(!is_same(hidden(edge(i, j)), !edge(i, j)));
    CHECK(!is_same(hidden(edge(i, j)), hidden(edge(j, i))));
    CHECK(!is_same(hidden(edge(i, j)), j >= 0));
}

TEST_CASE("conditions that differ in residues, blocks or far rows alone") {
    CHECK(!are_one_logit((i - j) % 3 == 0, (i - j) % 3 == 1));
    CHECK(!are_one_logit((i - j) % 4 == 0, (i - j) % 4 < 2));
    CHECK(!are_one_logit(i / 8 == j / 8, i / 4 == j / 4));
    CHECK(!are_one_logit(j <= i, j <= i && (i < 1500 || j < 10), 2048, 2048));
    CHECK(!are_one_logit(j <= i, j <= i && (i < 99999 || j > 0), 100000, 100000));
    CHECK(!are_one_logit(j <= i, j <= i && (i != 65535 || j % 64 != 0), 65536, 65536));
    CHECK(!are_one_logit(j < 1024 || j <= i, j < 1024, 1025, 1025));
}

// In constant expressions of few enough steps, too.
inline constexpr auto far =
    rules(logit(i, j) <<= (x(i, j), (i - j) % 64 == 0, j <= i),
          logit(i, j) <<= (z(i, j), i / 8 <= 8191, (i - j) % 64 < 1, i >= j),
          weights(i, j) <<= logit(i, j) | softmax(j));
static_assert(mistake_of(far, 65536, 65536).ok());
static_assert(!mistake_of(far, 65537, 65537).ok());
