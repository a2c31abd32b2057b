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
