#include "rasp/compile.hpp"

// Loops: each round replaces the states of every position; compiled, all rounds have one set of
// weights.

namespace {

using namespace sequent::rasp;

constexpr auto one_before = select(indices, indices - 1, equal);

// Each position waits for the one before it.
inline constexpr auto parity = loop<9>(
    [](auto odd, auto is_done) {
        const auto ready = aggregate(one_before, is_done);
        return next_states(cond(ready, odd != aggregate(one_before, odd), odd), is_done || ready);
    },
    [](auto, auto is_done) { return is_done; }, tokens == '1', indices == 0);
static_assert(evaluate<parity>("01101") == sequence{false, true, false, false, true});
static_assert(rounds<parity>("01101") == 4 && rounds<parity>("1") == 0);
static_assert(layers<parity> == 1 && heads<parity> == 1);

// Each position adds what stands 1, 2, 4 before.
inline constexpr auto fast_parity = loop<3>(
    [](auto odd, auto reach) {
        return next_states(odd != aggregate(select(indices, indices - reach, equal), odd),
                           reach + reach);
    },
    [](auto, auto reach) { return reach > indices; }, tokens == '1', within<1, 8>(1));
static_assert(evaluate<fast_parity>("01101011") == evaluate<parity>("01101011"));
static_assert(rounds<fast_parity>("01101011") == 3);
using FastParity = compile<fast_parity, alphabet<"01">, max_length<5>>;
static_assert(FastParity::size.rounds == 3 && FastParity::size.classes == 2);

// 067+058 gives 125, in the places of the first number: each round carries by one place.
constexpr auto digit =
    lookup(tokens, 0, entry{'1', 1}, entry{'2', 2}, entry{'3', 3}, entry{'4', 4}, entry{'5', 5},
           entry{'6', 6}, entry{'7', 7}, entry{'8', 8}, entry{'9', 9});
inline constexpr auto addition = loop<4>(
    [](auto, auto total, auto carries) {
        const auto plus = aggregate(select(tokens, '+', equal), indices);
        const auto one_after = select(indices, indices + 1, equal);
        const auto sum_here = digit + aggregate(select(indices, indices + plus + 1, equal), digit);
        const auto carry =
            aggregate(one_after, total) + indicator(aggregate(one_after, carries)) > 9;
        return next_states((sum_here + indicator(carry)) % 10, sum_here, carry);
    },
    [](auto...) { return false; }, within<0, 9>(digit), within<0, 18>(digit), false);
constexpr sequence first_places(const sequence& of, int count) {
    sequence result;
    for (int at = 0; at < count; ++at) result.push_back(of[at]);
    return result;
}
static_assert(first_places(evaluate<addition>("067+058"), 3) == sequence{1, 2, 5});
static_assert(first_places(evaluate<addition>("099+001"), 3) == sequence{1, 0, 0});

// A machine with registers a and b, whose program is the input: a+, b+, a-, b- count; za and zb go
// on five places later if the register is zero, else with the next one; back goes back four.
constexpr auto machine_body = [](auto a, auto b, auto at) {
    const auto instruction = aggregate(select(indices, at, equal), tokens, "end");
    const auto counted = [&](const auto& counter, const char* up, const char* down) {
        return cond(instruction == up && counter < 7, counter + 1,
                    cond(instruction == down && counter > 0, counter - 1, counter));
    };
    const auto jump = cond((instruction == "za" && a == 0) || (instruction == "zb" && b == 0), 5,
                           cond(instruction == "back", cond(at < 4, -at, -4), 1));
    return next_states(counted(a, "a+", "a-"), counted(b, "b+", "b-"), at + jump);
};
inline constexpr auto machine = loop<24>(
    machine_body,
    [](auto, auto, auto at) {
        return aggregate(select(indices, at, equal), tokens, "end") == "end";
    },
    within<0, 7>(0), within<0, 7>(0), within<0, 12>(0));
constexpr const char* doubles_two[]{"b+", "b+", "zb", "a+", "a+", "b-", "back"};
static_assert(evaluate<machine>(doubles_two)[0] == value(4));

inline constexpr auto leaves_its_range = loop<3>([](auto n) { return next_states(n + 1); },
                                                 [](auto) { return false; }, within<0, 2>(indices));

}  // namespace

TEST_CASE("loops compile to layers with one set of weights") {
    const check::input_source bits("01");
    check::compiled<fast_parity, FastParity>(bits, bits, 4, 20);
}

TEST_CASE("a loop is what its transformer computes") {
    check::computed<parity>("01", 10, 6);
    check::computed<fast_parity>("01", 8, 6);
    check::computed<addition>("0123456789+", 7, 2, 300);
    check::computed<machine>({"a+", "a-", "b+", "b-", "back", "za", "zb"}, 8, 2, 150);
    for (const char* sum : {"067+058", "999+001", "040+060", "123+456"}) {
        const std::string text = sum;
        const int expected = (std::stoi(text.substr(0, 3)) + std::stoi(text.substr(4))) % 1000;
        const sequence found = evaluate<addition>(text);
        CHECK(found[0] == value(expected / 100));
        CHECK(found[1] == value(expected / 10 % 10));
        CHECK(found[2] == value(expected % 10));
    }
}

TEST_CASE("a state stays within its range") {
    CHECK(evaluate<parity>("1111111111").size() == 10);
    CHECK_THROWS_AS(evaluate<leaves_its_range>("aa"), evaluation_error);
}
