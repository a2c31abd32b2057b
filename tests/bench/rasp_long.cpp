#include <chrono>
#include <cstdio>
#include <sequent/rasp.hpp>

// Tokens a second of compiled causal RASP programs on long inputs: by steps of the model, whose
// heads visit all positions, and by heads that search. Both give the same tokens.

namespace {

using namespace sequent::rasp;

// What followed the last occurrence of a letter.
inline constexpr auto copies =
    causal(last_of(select(shift(tokens, 1, '-'), tokens, equal), tokens, 'a'));
// The letter seven places before.
inline constexpr auto looks_back =
    causal(aggregate(select(indices, indices - 7, equal), tokens, '-'));

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

template <class Compiled>
void measure(const char* name, int count) {
    constexpr int steps_of_model = 50;
    sequence input;
    unsigned state = 1;
    for (int at = 0; at < count; ++at) {
        state = state * 1664525u + 1013904223u;
        input.push_back(Compiled::alphabet()[(state >> 16) % Compiled::alphabet().size()]);
    }
    auto begin = std::chrono::steady_clock::now();
    typename Compiled::steps step;
    sequence searched;
    for (const value& each : input) searched.push_back(step(each));
    const double by_search = count / seconds_since(begin);

    using transformer = typename Compiled::transformer;
    const auto kept = sequent::make_unique<typename transformer::template state<double>>();
    std::vector<std::int32_t> given = Compiled::encode(input);
    const std::vector<std::int32_t> first(given.begin(),
                                          given.begin() + count + 1 - steps_of_model);
    (void)transformer::prefill(Compiled::template weights<double>(), {first}, *kept);
    int wrong = 0;
    begin = std::chrono::steady_clock::now();
    for (int at = count - steps_of_model; at < count; ++at) {
        const auto logits = transformer::step(Compiled::template weights<double>(),
                                              {given[static_cast<std::size_t>(at) + 1]}, *kept);
        const auto here = [&](int, std::size_t each) { return logits(each); };
        const sequence found =
            compiling::decode(here, 1, Compiled::classes(), Compiled::size.denominator);
        wrong += found[0] == searched[at] ? 0 : 1;
    }
    const double by_model = steps_of_model / seconds_since(begin);
    std::printf(
        "%-11s %7d positions, width %3d: %9.0f tokens/s by search, %9.0f by steps of the model"
        " (x %.1f), %d of %d tokens differ\n",
        name, count, Compiled::size.width, by_search, by_model, by_search / by_model, wrong,
        steps_of_model);
}

template <const auto& Program>
void measure_all(const char* name) {
    measure<compile<Program, alphabet<"abcdefgh">, max_length<1000>>>(name, 1000);
    measure<compile<Program, alphabet<"abcdefgh">, max_length<10000>>>(name, 10000);
    measure<compile<Program, alphabet<"abcdefgh">, max_length<100000>>>(name, 100000);
}

}  // namespace

int main() {
    measure_all<copies>("copies");
    measure_all<looks_back>("looks_back");
}
