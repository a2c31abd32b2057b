#include <random>

#include "collection.hpp"
#include "rasp/compile.hpp"

// Heads that find their keys by search attend as heads that visit all keys do.

namespace {

using namespace collection;
using compiling::key_lines;

struct program {
    const char* name;
    graph (*read)();
    letters tokens;
};
const program all_programs[]{
#define PROGRAM(NAME, TOKENS, ...)                                                  \
    {#NAME,                                                                         \
     [] {                                                                           \
         const auto written = causal(__VA_ARGS__);                                  \
         graph result;                                                              \
         result.output = result.read(written.nodes.items, written.nodes.count - 1); \
         return result;                                                             \
     },                                                                             \
     TOKENS},
#include "collection.inc"
#undef PROGRAM
};

struct heads_of {
    int searching = 0;
    int visiting = 0;
};
/// Compares the two on inputs of up to `length` tokens.
heads_of compare(const program& of, int length, int count) {
    const graph nodes = of.read();
    compiling::inputs given;
    given.length = length;
    for (const value& each : of.tokens.all) given.alphabet.push_back(each);
    if (of.tokens.has_bos) given.alphabet.push_back("^");
    std::sort(given.alphabet.begin(), given.alphabet.end());
    const program_analysis analysed = analyse(nodes);
    const compiling::network made(nodes, analysed, given);
    const compiling::layout laid(made, analysed.heads);
    if (!laid.size.is_causal || laid.size.wrong.kind != compiling::problem::none) return {};
    const auto entries = compiling::compute_entries(nodes, analysed, given);
    const compiling::plain_transformer plain(laid.size, entries);
    std::minstd_rand draw(1);
    heads_of result;
    int wrong = 0;
    int compared = 0;
    for (int at = 0; at < count; ++at) {
        sequence input;
        const int tokens =
            at % 4 == 0 ? length : 1 + static_cast<int>(draw() % static_cast<unsigned>(length));
        for (int position = 0; position < tokens; ++position)
            input.push_back(of.tokens.has_bos && position == 0
                                ? value("^")
                                : of.tokens.all[static_cast<int>(
                                      draw() % static_cast<unsigned>(of.tokens.all.size()))]);
        sequence expected;
        try {
            expected = evaluation(nodes, input).output();
        } catch (const evaluation_error&) {
            continue;
        }
        const auto encoded = compiling::encode(input, laid.size, given.alphabet);
        compiling::searched_transformer steps(laid.size, entries);
        steps.step(0);
        for (int position = 0; position < tokens; ++position) {
            const auto& logits = steps.step(encoded[static_cast<std::size_t>(position) + 1]);
            const auto here = [&](int, std::size_t each) { return logits[each]; };
            const sequence found = compiling::decode(here, 1, laid.classes, laid.size.denominator);
            ++compared;
            if (found[0] == expected[position]) continue;
            CAPTURE(of.name, input.text(), position, found.text(), expected.text());
            if (++wrong < 3) CHECK(found[0] == expected[position]);
        }
        result.searching = steps.searching();
        result.visiting = steps.visiting();
    }
    CAPTURE(of.name);
    CHECK(wrong == 0);
    CHECK(compared > 0);
    return result;
}

inline constexpr auto copies =
    causal(last_of(select(shift(tokens, 1, '-'), tokens, equal), tokens, 'a'));
using Copies = compile<copies, alphabet<"abc>">, max_length<12>>;

}  // namespace

TEST_CASE("the greatest of many lines is found, with all that are as great") {
    std::minstd_rand draw(1);
    const auto below = [&draw](int bound) {
        return static_cast<int>(draw() % static_cast<unsigned>(bound));
    };
    for (const int kind : {0, 1, 2}) {
        key_lines lines(1);
        struct key {
            double slope, offset, value;
        };
        std::vector<key> keys;
        for (int at = 0; at < 300; ++at) {
            // Points of a parabola, the same with some keys penalized, and lines through one point.
            const double number = below(kind == 2 ? 5 : 60);
            key made{128 * number, kind == 2 ? 0 : -64 * number * number, static_cast<double>(at)};
            if (kind == 1) made.offset -= 64 * below(3);
            keys.push_back(made);
            lines.add(made.slope, made.offset, &made.value);
            for (int asked = kind == 2 ? 0 : -2; asked < (kind == 2 ? 1 : 62); ++asked) {
                double highest = -1e300;
                for (const key& each : keys)
                    highest = std::max(highest, each.slope * asked + each.offset);
                double count = 0;
                double sum = 0;
                for (const key& each : keys)
                    if (each.slope * asked + each.offset > highest - 1) {
                        ++count;
                        sum += each.value;
                    }
                double found_count = 0;
                double found_sum = 0;
                const auto near = lines.near(asked);
                for (auto each = near.begin; each != near.end; ++each)
                    if (each->at(asked) > near.highest - 1) {
                        found_count += each->count;
                        found_sum += *lines.values(*each);
                    }
                if (near.highest != highest || found_count != count || found_sum != sum) {
                    CAPTURE(kind, at, asked);
                    CHECK(near.highest == highest);
                    CHECK(found_count == count);
                    REQUIRE(found_sum == sum);
                }
            }
        }
    }
}

TEST_CASE("causal programs of the literature run by search") {
    int searching = 0;
    int visiting = 0;
    for (const program& each : all_programs)
        for (const int positions : {5, 20}) {
            if (positions == 20 && each.tokens.all.size() > 12) continue;
            const heads_of found = compare(each, positions, 6);
            searching += found.searching;
            visiting += found.visiting;
        }
    CHECK(searching > 150);
    CHECK(visiting > 5);
    CAPTURE(searching, visiting);
    CHECK(searching > 2 * visiting);
}

TEST_CASE("a compiled program runs token by token") {
    for (const char* prompt : {"abc>a", "bca", "ab", "cb>c"}) {
        Copies::steps step;
        const sequence given = prompt;
        const sequence expected = Copies::run(given);
        for (int at = 0; at < given.size(); ++at) CHECK(step(given[at]) == expected[at]);
        CHECK(step.searching() == 2);
        CHECK(step.visiting() == 0);
    }
    Copies::steps step;
    CHECK_THROWS_AS(step("x"), evaluation_error);
    for (int at = 0; at < 12; ++at) step("a");
    CHECK_THROWS_AS(step("a"), evaluation_error);
}
