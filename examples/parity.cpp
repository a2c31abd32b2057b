// Learns the exclusive or of up to 5 bits by a recursive rule as text, and is right for 64.

#include <cstdio>
#include <sequent/fit.hpp>
#include <sequent/sequent.hpp>
#include <sequent/text.hpp>
#include <vector>

#include "options.hpp"

namespace {

constexpr const char* help_text = R"(parity

Learns the exclusive or of up to 5 bits by a recursive rule that is written as text, and tests it on
100 random sequences of 64 bits. Ends with 0 if all are right.
)";

using numbers = std::vector<float>;

// One rule for each bit after the state before it.
inline constexpr sequent::text parity = R"(
    state(0) <<= start{};
    inner(t) <<= bit(t)[A{8, 1}], state(t)[B{8, 1}], b{8} | tanh();
    state(t + 1) <<= inner(t)[C{1, 8}] | tanh();
    odd(t) <<= state(t + 1);
)";
constexpr int most_bits = 64;
using Parity =
    sequent::model<parity, sequent::fact<"bit", sequent::up_to<most_bits>>, sequent::query<"odd">>;

/// 1 where an odd number of bits up to here is 1, else -1; bits are -1 and 1, too.
numbers parities(const numbers& bits) {
    numbers result;
    float odd = -1;
    for (const float bit : bits) result.push_back(odd = bit > 0 ? -odd : odd);
    return result;
}

int run() {
    sequent::thread_pool pool(1);
    std::vector<numbers> bits, targets;
    for (int length = 1; length <= 5; ++length)
        for (int number = 0; number < 1 << length; ++number) {
            numbers& next = bits.emplace_back();
            for (int at = 0; at < length; ++at) next.push_back(number >> at & 1 ? 1.0f : -1.0f);
            targets.push_back(parities(next));
        }
    std::vector<Parity::facts<float>> facts;
    for (const numbers& each : bits) facts.push_back({each});
    sequent::train::trainer<Parity> trainer(pool, 3);
    for (int step = 0; step < 800; ++step)
        (void)trainer.step(facts, 0.02, [&](int at, auto odd, auto dy) {
            return sequent::train::squared_error(odd, targets[static_cast<std::size_t>(at)], dy);
        });
    sequent::random_numbers random(1);
    const auto w = sequent::make_unique<Parity::scratch<float>>();
    int wrong = 0;
    for (int sample = 0; sample < 100; ++sample) {
        numbers long_bits(most_bits);
        for (float& bit : long_bits) bit = random.below(2) ? 1.0f : -1.0f;
        const auto odd = Parity::forward(trainer.parameters(), {long_bits}, *w);
        const numbers expected = parities(long_bits);
        for (int at = 0; at < most_bits; ++at)
            wrong += (odd(at) > 0) != (expected[static_cast<std::size_t>(at)] > 0);
    }
    std::printf("exclusive or of up to 64 bits, trained on up to 5: %d of %d wrong\n", wrong,
                100 * most_bits);
    return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("parity", [&] {
        examples::read_no_options(count, arguments, help_text);
        return run();
    });
}
