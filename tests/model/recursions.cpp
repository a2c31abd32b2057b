#include <sequent/explain.hpp>
#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::symbol;

inline constexpr var<"t"> t;
inline constexpr relation<"state"> state;

// clang-format off

// A recurrent cell from a learned state, and from nothing: state(-1) is no atom.
inline constexpr auto cell = rules(
    state(0)       <<= W<"s", 4>,
    state(next(t)) <<= (x(t)[W<"W", 4, 3>], state(t)[W<"U", 4, 4>], W<"b", 4>) | tanh(),
    y(t)           <<= state(next(t)));

// The count ends some of what one time follows from, and what is added to all times.
inline constexpr auto counted = rules(
    state(0)       <<= W<"s", 4>,
    a(t)           <<= (state(t)[W<"A", 4, 4>], x(t)[W<"W", 4, 3>], t < length) | sigmoid(),
    state(next(t)) <<= (a(t), state(t)) | elementwise_product(),
    y(t)           <<= (x(t)[W<"V", 4, 3>], a(t)),
    y(t)           <<= W<"c", 4>);

inline constexpr auto added = rules(
    state(t) <<= x(t)[W<"W", 4, 3>],
    state(t) <<= state(t - 1)[W<"U", 4, 4>],
    state(t) | tanh(),
    y(t)     <<= state(t)[W<"V", 2, 4>]);

// The first state is a fact, or follows from one.
inline constexpr auto given = rules(
    state(0)       <<= fixed(W<"s">),
    state(0)       <<= r<"start">(),
    state(next(t)) <<= (x(t), state(t)[W<"u">]),
    out(t)         <<= state(t));

inline constexpr auto derived = rules(
    a()                       <<= x(j)[W<"A", 5, 3>] | tanh() | mean(j),
    state(0)[W<"H", 4, 5>]    <<= a() | relu(),
    state(t)                  <<= (r<"token">(t)[W<"E", 6, 4>], state(t - 1)) | norm(),
    out(t)                    <<= state(t));

// Relations that follow from each other, one of them in the same round.
inline constexpr auto mutual = rules(
    a(t)            <<= (x(t)[W<"A", 4, 3>], c(t)[W<"B", 4, 4>]) | sigmoid(),
    b(t)            <<= (x(t)[W<"C", 4, 3>], c(t)[W<"D", 4, 4>], W<"b", 4>) | tanh(),
    state(0)        <<= W<"s", 4>,
    state(next(t))  <<= (a(t), state(t)) | elementwise_product(),
    state(next(t))  <<= (a(t) , b(t)) | elementwise_product(),
    z(t)            <<= state(t) | tanh(),
    c(0)            <<= fixed(W<"c", 4>),
    c(next(t))      <<= (b(t), z(next(t))) | elementwise_product(),
    y(t)            <<= c(next(t)));

// The same where z(t) is of the next round.
inline constexpr auto ahead = rules(
    a(t)            <<= (x(t)[W<"A", 4, 3>], c(t)[W<"B", 4, 4>]) | sigmoid(),
    state(0)        <<= W<"s", 4>,
    state(next(t))  <<= (a(t), state(t)),
    z(t)            <<= state(next(t)) | tanh(),
    c(0)            <<= W<"c", 4>,
    c(next(t))      <<= (a(t), z(t)) | elementwise_product(),
    y(t)            <<= (c(t), z(t)));

// A weight of the head, and a function of all atoms, the first one, too.
inline constexpr auto headed = rules(
    state(next(t))[W<"V", 4, 5>] <<= (x(t)[W<"A", 5, 3>], state(t)[W<"B", 5, 4>]) | sigmoid(),
    state(0)                     <<= W<"s", 4>,
    state(t)                     | norm(),
    y(t)                         <<= (state(t), state(next(t))) | elementwise_product());

// From one time and the one before that.
inline constexpr auto second_order = rules(
    state(0) <<= W<"s", 3>,
    state(1) <<= W<"r", 3>,
    state(t) <<= (state(t - 1)[W<"A", 3, 3>], state(t - 2)[W<"B", 3, 3>], x(t)) | tanh(),
    y(t)     <<= (state(t), x(t)) | elementwise_product());

// The last time comes first; both directions.
inline constexpr auto both_ways = rules(
    a(t)       <<= x(t)[W<"A", 4, 3>],
    a(t)       <<= a(t - 1)[W<"B", 4, 4>],
    a(t)       | tanh(),
    b(t)       <<= x(t)[W<"C", 4, 3>],
    b(t)       <<= b(next(t))[W<"D", 4, 4>],
    b(t)       | tanh(),
    y(t)       <<= (a(t), b(t)) | concat());

inline constexpr auto from_the_end = rules(
    state(7) <<= W<"s", 4>,
    a(t)     <<= state(next(t))[W<"V", 4, 4>] | relu(),
    state(t) <<= (x(t)[W<"W", 4, 3>], a(t)) | tanh(),
    y(t)     <<= state(t));
// clang-format on

}  // namespace

TEST_CASE("a recurrent cell") {
    check::agrees<model<cell, fact<"x", 1, 3>>>();
    check::runs<model<cell, fact<"x", 33, 3>>>();
    check::agrees<model<cell, fact<"x", 7, 3>, query<"state", "y">>>();
}
TEST_CASE("a cell of several rules, from nothing") {
    check::agrees<model<added, fact<"x", 1, 3>>>();
    check::agrees<model<added, fact<"x", 33, 3>>>();
    check::agrees<model<added, fact<"x", 7, 3>, query<"state", "y">>>();
}
TEST_CASE("a first state that is given, or follows") {
    check::agrees<model<given, fact<"x", 7>, fact<"start">>>();
    check::agrees<model<derived, fact<"x", 5, 3>, fact<"token", 7, symbol<6>>>>();
}
TEST_CASE("relations that follow from each other") {
    check::agrees<model<mutual, fact<"x", 1, 3>>>();
    check::runs<model<mutual, fact<"x", 7, 3>>>();
    check::agrees<model<ahead, fact<"x", 7, 3>>>();
}
TEST_CASE("weights of heads and functions of atoms") {
    check::agrees<model<headed, fact<"x", 1, 3>>>();
    check::agrees<model<headed, fact<"x", 7, 3>>>();
}
TEST_CASE("from two times before") {
    check::agrees<model<second_order, fact<"x", 7, 3>>>();
}
TEST_CASE("the last time first") {
    check::agrees<model<both_ways, fact<"x", 1, 3>>>();
    check::runs<model<both_ways, fact<"x", 7, 3>>>();
    check::agrees<model<from_the_end, fact<"x", 7, 3>>>();
}

TEST_CASE("as many times as the sequence is long") {
    using of_any_length = model<cell, fact<"x", sequent::up_to<5>, 3>>;
    for (int times : {0, 1, 3, 5}) {
        check::runs<of_any_length>(times);
        check::agrees<model<mutual, fact<"x", sequent::up_to<5>, 3>>>(times);
        check::agrees<model<cell, fact<"x", sequent::up_to<5>, 3>, query<"state", "y">>>(times);
        check::runs<model<counted, fact<"x", 5, 3>, sequent::bound<"length">>>(times);
    }
    CHECK(sequent::explain<of_any_length>().find("loop of up to 6 steps") != std::string::npos);
}

TEST_CASE("a loop over the times") {
    using sequent::plan::step_kind;
    using looped = model<cell, fact<"x", 64, 3>>;
    // The inputs' product stands before the loop; each round is one product and what is added.
    static_assert(looped::plan::tables.steps[0].kind == step_kind::rows);
    static_assert(looped::plan::tables.steps[1].kind == step_kind::repeat_begin);
    static_assert(looped::plan::tables.rows.size() == 3);
    static_assert(check::count_steps<looped>(step_kind::general) == 0);
    CHECK(sequent::explain<looped>().find("loop of 65 steps") != std::string::npos);
    CHECK(sequent::explain<model<from_the_end, fact<"x", 7, 3>>>().find("the last first") !=
          std::string::npos);
}
