#include "rasp/compile.hpp"

// What looks at no later position compiles to a causal model, which runs by step.

namespace {

using namespace sequent::rasp;

// Copies, letter by letter, what stands before >: the letter behind the last one's first place.
inline constexpr auto copies =
    causal(last_of(select(shift(tokens, 1, '-'), tokens, equal), tokens, 'a'));
// Counts: the next of nine.
inline constexpr auto parity = causal(sum(everything, indicator(tokens == '1')) % 2);
inline constexpr auto mean = causal(average(tokens_int));

using Copies = compile<copies, alphabet<"abc>">, max_length<12>>;
using Mean = compile<mean, integers<0, 20>, max_length<16>>;
static_assert(Copies::size.is_causal && Mean::size.is_causal && Mean::size.denominator > 0);

// Without a selector nothing changes.
inline constexpr auto next = causal(tokens_int + 1);
static_assert(evaluate<next>({1, 4}) == sequence{2, 5} && graph_of<next>.size() == 3);
inline constexpr auto places = causal(indices);
static_assert(evaluate<places>("abc") == sequence{0, 1, 2});

// Of a prefix it gives a prefix.
static_assert(evaluate<parity>("0110") == sequence{0, 1, 0, 0});
static_assert(evaluate<parity>("01") == sequence{0, 1});

// A loop, too: each position waits for the one before it. With the parity of its inputs it goes on.
constexpr auto one_before = select(indices, indices - 1, equal);
inline constexpr auto parities = causal(loop<7>(
    [](auto odd, auto is_done) {
        const auto ready = aggregate(one_before, is_done);
        const auto before = aggregate(one_before, odd, '0');
        const auto other = cond(before == '1', '0', '1');
        return next_states(cond(ready, cond(tokens == '1', other, before), odd), is_done || ready);
    },
    [](auto, auto is_done) { return is_done; }, tokens, indices == 0));
static_assert(evaluate<parities>("0110") == "0100" && evaluate<parities>("01") == "01");
using Parities = compile<parities, alphabet<"01">, max_length<7>>;
static_assert(Parities::size.is_causal && Parities::size.rounds == 7);

}  // namespace

TEST_CASE("causal programs compile to causal models") {
    const check::input_source letters("abc>");
    check::compiled<copies, Copies>(letters, letters, 4);
    const check::input_source numbers(sequence{0, 3, 7, 20});
    check::compiled<mean, Mean>(numbers, numbers, 3);
}

TEST_CASE("a causal program goes on by itself, and its model by steps") {
    for (const char* prompt : {"abc>a", "bca", "ab", "cb>c"}) {
        const sequence expected = generate<copies>(prompt, 6);
        CHECK(Copies::generate(prompt, 6).text() == expected.text());
    }
    CHECK(generate<copies>("abc>a", 3) == sequence("abc>abc>"));
}

TEST_CASE("a causal loop runs by steps, each round with its own keys and values") {
    const check::input_source bits("01");
    check::compiled<parities, Parities>(bits, bits, 4, 20);
    Parities::steps step;
    CHECK(step.searching() + step.visiting() == 1);  // counted once for all rounds
    bits.random(40, 7, [](const sequence& input) {
        const sequence expected = evaluate<parities>(input);
        Parities::steps by_search;
        const auto state = std::make_unique<Parities::transformer::state<double>>();
        const auto encoded = Parities::encode(input);
        (void)Parities::transformer::step(Parities::weights(), {0}, *state);
        for (int at = 0; at < input.size(); ++at) {
            CHECK(by_search(input[at]) == expected[at]);
            const auto logits = Parities::transformer::step(
                Parities::weights(), {encoded[static_cast<std::size_t>(at) + 1]}, *state);
            CHECK((logits(1) > logits(0)) == (expected[at] == value('1')));
        }
    });
    for (const char* prompt : {"1", "0110", "01011"})
        CHECK(Parities::generate(prompt, 2) == generate<parities>(prompt, 2));
}
