// Compiled programs for tests/rasp/pytorch.py, which compiles this: their weights, the files of
// Python, and inputs with what evaluation gives. The argument is the folder.

#include <random>
#include <sequent/rasp.hpp>
#include <sequent/rasp/export.hpp>
#include <string>
#include <vector>

namespace {

using namespace sequent::rasp;

inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);
inline constexpr auto sorted = sort(tokens, tokens);
inline constexpr auto times_place = tokens_int * indices;
inline constexpr auto copies =
    causal(last_of(select(shift(tokens, 1, '-'), tokens, equal), tokens, 'a'));
inline constexpr auto mean = causal(average(tokens_int));
inline constexpr auto previous = aggregate(select(indices + 1, indices, equal), tokens_int, none);
inline constexpr auto is_first = tokens == tokens[0];

constexpr auto small = cond(tokens_int < 3, tokens_int, none);
inline constexpr auto small_before =
    value_or(max_of(select(indices, indices, less), small, none), 9) + small;
// Loops: one whose positions reach back twice as far in each round, and a causal one.
inline constexpr auto parity = loop<3>(
    [](auto odd, auto reach) {
        return next_states(odd != aggregate(select(indices, indices - reach, equal), odd),
                           reach + reach);
    },
    [](auto, auto reach) { return reach > indices; }, tokens == '1', within<1, 8>(1));
inline constexpr auto causal_parity = causal(parity);

std::string folder = ".";

std::string python_of(const sequence& values) {
    std::vector<value> all;
    for (const value& each : values) all.push_back(each);
    return sequent::rasp::detail::python_of(all);
}

template <const auto& Program, class Compiled>
void save(const char* name) {
    const std::string path = folder + "/" + name;
    save_pytorch<Compiled>(path);
    sequent::rasp::detail::save_text(path + ".json", layers_as_json<Program>());
    std::minstd_rand draw(1);
    const auto below = [&draw](std::size_t bound) {
        return static_cast<std::size_t>(draw() % bound);
    };
    std::string cases;
    const auto longest = static_cast<std::size_t>(Compiled::size.positions) - 1;
    for (int at = 0; at < 200; ++at) {
        sequence input;
        for (std::size_t left = 1 + below(longest); left > 0; --left)
            input.push_back(Compiled::alphabet()[below(Compiled::alphabet().size())]);
        cases += python_of(input) + ", " + python_of(evaluate<Program>(input)) + "\n";
    }
    sequent::rasp::detail::save_text(path + ".cases", cases);
}

}  // namespace

int main(int count, char** arguments) {
    if (count > 1) folder = arguments[1];
    save<reversed, compile<reversed, alphabet<"abcd">, max_length<12>>>("reversed");
    save<sorted, compile<sorted, alphabet<"abcd">, max_length<10>>>("sorted");
    save<times_place, compile<times_place, integers<-2, 3>, max_length<6>>>("times_place");
    save<copies, compile<copies, alphabet<"abc>">, max_length<8>>>("copies");
    save<mean, compile<mean, integers<0, 20>, max_length<16>>>("mean");
    save<previous, compile<previous, integers<0, 3>, max_length<6>>>("previous");
    save<small_before, compile<small_before, integers<0, 4>, max_length<5>>>("small_before");
    save<parity, compile<parity, alphabet<"01">, max_length<8>>>("parity");
    save<causal_parity, compile<causal_parity, alphabet<"01">, max_length<6>>>("causal_parity");
    save<is_first, compile<is_first, alphabet<"a\"\\", "word">, max_length<5>>>("is_first");
}
