#include "collection.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "catch.hpp"

// Each program is compiled at run time, and its transformer computed by plain loops.

namespace {

using namespace collection;

struct letters {
    sequence all;
    bool has_bos = false;
};
letters SYMBOLS(const char* text) {
    return {text, false};
}
letters SYMBOLS_WITH_BOS(const char* text) {
    return {text, true};
}
letters NUMBERS(int first, int last) {
    letters result;
    for (int each = first; each <= last; ++each) result.all.push_back(each);
    return result;
}

struct program {
    const char* name;
    graph (*read)();
    letters tokens;
};

graph read_part(const node* nodes, int count) {
    graph result;
    result.output = result.read(nodes, count - 1);
    return result;
}

const program all_programs[]{
#define PROGRAM(NAME, TOKENS, ...)                                   \
    {#NAME,                                                          \
     [] {                                                            \
         const auto written = __VA_ARGS__;                           \
         return read_part(written.nodes.items, written.nodes.count); \
     },                                                              \
     TOKENS},
#include "collection.inc"
#undef PROGRAM
};

/// A program's transformer, and how many inputs of up to `length` tokens it gives another output
/// for than evaluation.
struct finding {
    compiling::sizes size;
    int analysed = 0;
    int wrong = 0;
    int compared = 0;
    std::string first;  // what is wrong
};
finding compare(const program& of, int length, int count) {
    const graph nodes = of.read();
    const program_analysis analysed = analyse(nodes);
    compiling::inputs given;
    given.length = length;
    for (const value& each : of.tokens.all) given.alphabet.push_back(each);
    if (of.tokens.has_bos) given.alphabet.push_back("^");
    std::sort(given.alphabet.begin(), given.alphabet.end());
    const compiling::network made(nodes, analysed, given);
    const compiling::layout laid(made, analysed.heads);
    finding result;
    result.size = laid.size;
    result.analysed = analysed.layers;
    if (laid.size.wrong.kind != compiling::problem::none) {
        result.wrong = 1;
        result.first = "it can't be compiled: " + text_of(nodes, laid.size.wrong.part, false);
        return result;
    }
    const compiling::plain_transformer plain(laid.size,
                                             compiling::compute_entries(nodes, analysed, given));
    std::minstd_rand draw(1);
    const auto below = [&draw](int bound) {
        return static_cast<int>(draw() % static_cast<unsigned>(bound));
    };
    for (int at = 0; at < count; ++at) {
        sequence input;
        const int tokens = at % 4 == 0 ? length : 1 + below(length);
        for (int position = 0; position < tokens; ++position)
            input.push_back(of.tokens.has_bos && position == 0
                                ? value("^")
                                : of.tokens.all[below(of.tokens.all.size())]);
        sequence expected;
        try {
            expected = evaluation(nodes, input).output();
        } catch (const evaluation_error&) {
            continue;
        }
        ++result.compared;
        const auto logits =
            plain.run(compiling::encode(input, laid.size, given.alphabet), tokens + 1).logits;
        const sequence found = compiling::decode(
            [&](int position, std::size_t of_class) {
                return logits[static_cast<std::size_t>(position)][of_class];
            },
            tokens, laid.classes, laid.size.denominator);
        if (found == expected) continue;
        if (++result.wrong == 1)
            result.first = input.text() + ": " + found.text() + " instead of " + expected.text();
    }
    return result;
}

}  // namespace

TEST_CASE("programs of the literature are what their transformers compute") {
    for (const program& each : all_programs)
        for (const int positions : {5, 8}) {
            const finding found = compare(each, positions, 10);
            CAPTURE(each.name, positions, found.first);
            CHECK(found.wrong == 0);
            CHECK(found.compared > 5);
            CHECK(found.size.layers >= found.analysed);
        }
}

// By hand: test_rasp "[table]", with 1000 inputs of each length.
TEST_CASE("the sizes of the transformers of programs of the literature", "[.][table]") {
    std::printf("%-26s %3s %9s %5s %6s %6s %7s\n", "program", "N", "layers", "heads", "width",
                "hidden", "classes");
    for (const program& each : all_programs)
        for (const int positions : {4, 8, 16, 32}) {
            const finding found = compare(each, positions, 1000);
            std::printf("%-26s %3d %4d (%2d) %5d %6d %6d %7d%s%s\n", each.name, positions,
                        found.size.layers, found.analysed, found.size.heads, found.size.width,
                        found.size.hidden, found.size.classes,
                        found.size.is_causal ? " causal" : "",
                        found.wrong > 0 ? (" WRONG " + found.first).c_str() : "");
            CHECK(found.wrong == 0);
        }
}
