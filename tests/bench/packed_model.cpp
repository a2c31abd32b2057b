#include <sequent/packed.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <span>
#include <vector>

// A language model of 61 MB with float and with packed weights: 128 steps of generation, and a
// prompt of 128 symbols. The formats alternate, and the least time of each counts.

namespace {

using model =
    sequent::transformer::language_model<sequent::vocabulary<32000>, sequent::tokens<256>,
                                         sequent::width<288>, sequent::heads<6>, sequent::depth<6>>;
constexpr int symbols = 128;

struct times {
    double step = 1e9, prompt = 1e9;  // seconds, of one step and of the whole prompt
};

template <class Call>
double seconds(Call call) {
    const auto begin = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

template <class Weights>
void measure(const Weights& weights, std::span<const std::int32_t> text, times& to) {
    static const auto state = sequent::make_unique<model::state<float>>();
    state->reset();
    const double steps = seconds([&] {
        for (const std::int32_t symbol : text) (void)model::step(weights, {symbol}, *state);
    });
    to.step = std::min(to.step, steps / symbols);
    state->reset();
    to.prompt =
        std::min(to.prompt, seconds([&] { (void)model::prefill(weights, {text}, *state); }));
}

template <class Format>
auto packed(const model::parameters<float>& p) {
    return sequent::make_unique<model::packed<Format>>(p);
}

}  // namespace

int main() {
    std::printf("flags: %s\n", BENCH_FLAGS);
    const auto p = sequent::make_unique<model::parameters<float>>();
    model::initialize(*p, 1);
    const auto sixteen = packed<sequent::bf16>(*p);
    const auto eight = packed<sequent::q8_0>(*p);
    const auto four = packed<sequent::q4_0>(*p);
    std::vector<std::int32_t> text;
    for (int at = 0; at < symbols; ++at) text.push_back(at);
    times all[4];
    for (int repeat = 0; repeat < 8; ++repeat) {
        measure(*p, text, all[0]);
        measure(*sixteen, text, all[1]);
        measure(*eight, text, all[2]);
        measure(*four, text, all[3]);
    }
    const char* const names[] = {"float", "bf16", "q8_0", "q4_0"};
    const std::size_t bytes[] = {sizeof *p, sixteen->bytes, eight->bytes, four->bytes};
    for (int at = 0; at < 4; ++at)
        std::printf("%-6s %6.1f MB packed   step %8.1f us   prompt of %d %7.2f ms\n", names[at],
                    static_cast<double>(bytes[at]) * 1e-6, all[at].step * 1e6, symbols,
                    all[at].prompt * 1e3);
}
