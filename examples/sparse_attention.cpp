// Sparse attention: a mask is a condition on ground rules, and only the pairs for which it holds
// are computed. Two heads of one layer see different pairs: the first a window, the second every
// eighth position. Prints pairs and times beside full attention, and draws each mask, from the
// rule itself, to sparse_attention.svg.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sequent/draw.hpp>
#include <sequent/explain.hpp>
#include <sequent/sequent.hpp>
#include <string>
#include <vector>

#include "options.hpp"

namespace article {

using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h"> h;
inline constexpr relation<"query"> query;
inline constexpr relation<"key"> key;
inline constexpr relation<"value"> value;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"attended"> attended;

inline constexpr int width = 64;  // of a head

// clang-format off
inline constexpr auto two_kinds_of_heads = rules(
    weights(h, i, j)  <<= (inverse_sqrt(width), key(h, j).T(), query(h, i), j <= i,
                           (h == 0 && i - j <= 32) || (h == 1 && (i - j) % 8 == 0))
                          | product() | softmax(j),
    attended(h, i)    <<= (weights(h, i, j), value(h, j)) | product() | sum(j));
// clang-format on

template <class Mask>
inline constexpr auto masked = [] {
    if constexpr (std::is_same_v<Mask, sequent::mask::none>)
        return rules(weights(h, i, j) <<=
                     (inverse_sqrt(width), key(h, j).T(), query(h, i)) | product() | softmax(j),
                     attended(h, i) <<= (weights(h, i, j), value(h, j)) | product() | sum(j));
    else
        return rules(weights(h, i, j) <<=
                     (inverse_sqrt(width), key(h, j).T(), query(h, i), Mask::keeps(i, j)) |
                     product() | softmax(j),
                     attended(h, i) <<= (weights(h, i, j), value(h, j)) | product() | sum(j));
}();

}  // namespace article

namespace {

constexpr const char* help_text = R"(sparse_attention [--short] [FILE.svg]

Prints the pairs that attention with different masks computes, and its times beside full attention;
draws each mask to FILE.svg (sparse_attention.svg). --short measures once.
)";

using sequent::fact;

template <const auto& Program, int Heads, int Tokens>
using attention = sequent::model<Program, fact<"query", Heads, Tokens, article::width>,
                                 fact<"key", Heads, Tokens, article::width>,
                                 fact<"value", Heads, Tokens, article::width>>;

/// The shortest of some runs, in microseconds.
template <class F>
double shortest(int runs, F f) {
    double least = 1e30;
    for (int run = 0; run < runs; ++run) {
        const auto begin = std::chrono::steady_clock::now();
        f();
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - begin;
        least = std::min(least, took.count());
    }
    return least;
}

struct figures {
    long long pairs;
    double forward;
    double both;
};

template <class Model>
figures measure(const std::vector<float>& numbers, int runs) {
    auto p = sequent::make_unique<typename Model::template parameters<float>>();
    auto gradient = sequent::make_unique<typename Model::template parameters<float>>();
    auto w = sequent::make_unique<typename Model::template workspace<float>>();
    const std::size_t size = Model::plan::facts[0].size();
    const std::span<const float> x(numbers.data(), size);
    std::vector<float> outward(size, 1.0f);
    std::vector<float> of_query(size);
    std::vector<float> of_key(size);
    std::vector<float> of_value(size);
    const typename Model::template facts<float> given{x, x, x};
    figures result{};
    for (const auto& mask : sequent::draw::masks_of<Model>())
        result.pairs += mask.pairs() * static_cast<long long>(mask.rounds.size());
    result.forward = shortest(runs, [&] { Model::forward(*p, given, *w); });
    result.both = shortest(runs, [&] {
        Model::forward(*p, given, *w);
        Model::backward(*p, given, outward, *w, *gradient, {of_query, of_key, of_value});
    });
    return result;
}

void print(const char* name, const figures& of, const figures& full) {
    const double pairs = static_cast<double>(of.pairs);
    const double share = pairs / static_cast<double>(full.pairs);
    std::printf("  %-32s %8lld %6.1f %%  %8.0f us %6.1f  %8.0f us %6.1f\n", name, of.pairs,
                100 * share, of.forward, full.forward / of.forward, of.both, full.both / of.both);
}

/// What pictures are drawn of: few positions, so that cells can be seen.
template <class Mask>
void add_picture(std::vector<sequent::draw::mask>& pictures, std::vector<std::string>& titles,
                 const char* title) {
    for (auto& each : sequent::draw::masks_of<attention<article::masked<Mask>, 1, 64>>()) {
        pictures.push_back(each);
        titles.emplace_back(title);
    }
}

void run(const std::string& path, int runs) {
    namespace mask = sequent::mask;
    constexpr int tokens = 1024;
    using article::masked;
    using two_kinds = attention<article::two_kinds_of_heads, 2, tokens>;

    std::printf("%s\n", sequent::explain<two_kinds>().c_str());

    sequent::random_numbers random(1);
    std::vector<float> numbers(2 * tokens * article::width);
    for (float& each : numbers) each = static_cast<float>(random.normal());

    std::printf(
        "%d positions, one head of %d but for the last line; how many times faster than\n"
        "full attention stands beside each time\n\n  %-32s %8s %8s  %18s  %18s\n",
        tokens, article::width, "mask", "pairs", "", "forward", "and backward");
    const figures full = measure<attention<masked<mask::none>, 1, tokens>>(numbers, runs);
    print("none", full, full);
    print("causal", measure<attention<masked<mask::causal>, 1, tokens>>(numbers, runs), full);
    print("window of 32", measure<attention<masked<mask::window<32>>, 1, tokens>>(numbers, runs),
          full);
    print("big bird, blocks of 32",
          measure<attention<masked<mask::big_bird<tokens, 32>>, 1, tokens>>(numbers, runs), full);
    print("two heads: window and every 8th", measure<two_kinds>(numbers, runs), full);

    std::vector<sequent::draw::mask> pictures =
        sequent::draw::masks_of<attention<article::two_kinds_of_heads, 2, 64>>();
    std::vector<std::string> titles{"head 0: a window", "head 1: every 8th"};
    add_picture<mask::causal>(pictures, titles, "causal");
    add_picture<mask::sparse_fixed<8, 2>>(pictures, titles, "own block, last 2 of each");
    add_picture<mask::longformer<4, 0, 20, 45>>(pictures, titles, "around 4, global 0, 20, 45");
    add_picture<mask::big_bird<64, 4>>(pictures, titles, "big bird, blocks of 4");
    add_picture<mask::prefix<16>>(pictures, titles, "prefix of 16, then causal");
    add_picture<mask::dilated<5, 3>>(pictures, titles, "dilated by 3");
    sequent::draw::write(sequent::draw::picture_of(pictures, titles), path);
    std::printf("\nwritten: %s\n", path.c_str());
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("sparse_attention", [&] {
        std::string path;
        int runs = 20;
        for (examples::command_line line(count, arguments, help_text); line.next();)
            if (line.is("--short"))
                runs = 1;
            else if (line.is_option())
                line.refuse();
            else {
                line.once(path, "picture");
                line.check_folder(path);
            }
        run(path.empty() ? "sparse_attention.svg" : path, runs);
    });
}
