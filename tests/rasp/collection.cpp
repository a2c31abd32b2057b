#include "collection.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "catch.hpp"

#ifdef SEQUENT_MORE_PROGRAMS
#include <sequent/rasp/compressed.hpp>
#endif

// Each program is compiled at run time, and its transformer computed by plain loops.

namespace {

using namespace collection;

template <class... Texts>
letters WORDS(const Texts*... texts) {
    letters result;
    (..., result.all.push_back(value(texts)));
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
#ifdef SEQUENT_MORE_PROGRAMS
#include "collection_more.inc"
#endif
#undef PROGRAM
};

/// A program's transformer, and for how many inputs of up to `length` tokens its output is not that
/// of evaluation.
struct finding {
    compiling::sizes size;
    int analysed = 0;
    int wrong = 0;
    int compared = 0;
    std::string first;  // what is wrong
};
/// On `count` random inputs, and on all inputs of as many tokens as at most `short_ones` inputs
/// have.
finding compare(const program& of, int length, int count, long long short_ones = 0) {
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
    const auto compare_one = [&](const sequence& input) {
        sequence expected;
        try {
            expected = evaluation(nodes, input).output();
        } catch (const evaluation_error&) {
            return;
        }
        ++result.compared;
        const auto logits =
            plain.run(compiling::encode(input, laid.size, given.alphabet), input.size() + 1).logits;
        const sequence found = compiling::decode(
            [&](int position, std::size_t of_class) {
                return logits[static_cast<std::size_t>(position)][of_class];
            },
            input.size(), laid.classes, laid.size.denominator);
        if (found == expected) return;
        if (++result.wrong == 1)
            result.first = input.text() + ": " + found.text() + " instead of " + expected.text();
    };
    const auto begin = [&] {
        sequence input;
        if (of.tokens.has_bos) input.push_back("^");
        return input;
    };
    const int letters = of.tokens.all.size();
    long long inputs = letters;
    for (int tokens = 1; tokens <= length - begin().size() && inputs <= short_ones; ++tokens) {
        for (long long number = 0; number < inputs; ++number) {
            sequence input = begin();
            for (long long at = 0, rest = number; at < tokens; ++at, rest /= letters)
                input.push_back(of.tokens.all[static_cast<int>(rest % letters)]);
            compare_one(input);
        }
        inputs *= letters;
    }
    std::minstd_rand draw(1);
    const auto below = [&draw](int bound) {
        return static_cast<int>(draw() % static_cast<unsigned>(bound));
    };
    for (int at = 0; at < count; ++at) {
        sequence input = begin();
        for (int tokens = at % 4 == 0 ? length : 1 + below(length); input.size() < tokens;)
            input.push_back(of.tokens.all[below(letters)]);
        compare_one(input);
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

// tests/bench/rasp_programs.py runs this and makes the table of it.
TEST_CASE("the sizes of the transformers of programs of the literature", "[.][table]") {
    for (const program& each : all_programs)
        for (const int positions : {4, 8, 16, 32}) {
            const finding found = compare(each, positions, 1000, 1500);
            std::printf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", each.name, positions,
                        found.analysed, found.size.layers, found.size.heads, found.size.width,
                        found.size.hidden,
                        found.size.denominator > 0 ? -found.size.denominator : found.size.classes,
                        found.compared, found.wrong, found.first.c_str());
            CHECK(found.wrong == 0);
        }
}

#ifdef SEQUENT_MORE_PROGRAMS
// tests/bench/rasp_programs.py --streams runs this.
TEST_CASE("narrower residual streams, and noise, of programs of the literature", "[.][streams]") {
    constexpr int positions = 8;
    for (const program& of : all_programs) {
        const graph nodes = of.read();
        const program_analysis analysed = analyse(nodes);
        compiling::inputs given;
        given.length = positions;
        for (const value& each : of.tokens.all) given.alphabet.push_back(each);
        if (of.tokens.has_bos) given.alphabet.push_back("^");
        std::sort(given.alphabet.begin(), given.alphabet.end());
        const compiling::network made(nodes, analysed, given);
        const compiling::layout laid(made, analysed.heads);
        const auto entries = compiling::compute_entries(nodes, analysed, given);
        if (entries.size() > 20000) continue;
        std::vector<sequence> inputs;
        std::minstd_rand draw(1);
        for (int at = 0; at < 40; ++at) {
            sequence input;
            if (of.tokens.has_bos) input.push_back("^");
            while (input.size() < 1 + at % positions)
                input.push_back(of.tokens.all[static_cast<int>(
                    draw() % static_cast<unsigned>(of.tokens.all.size()))]);
            inputs.push_back(input);
        }
        const compressed_program narrow =
            compiling::compress(laid.size, entries, given.alphabet, laid.classes, inputs, 0);
        const compiling::noisy_program noisy(laid.size, entries, given.alphabet, laid.classes,
                                             inputs);
        double margin = 1;
        while (margin > 1e-13 && noisy.changed_by(margin, 3, 1) > 0) margin /= 2;
        std::printf("%-28s width %3d, narrowed %3d, %.1f %% changed; margin %.1e\n", of.name,
                    laid.size.width, narrow.size.width, 100 * narrow.changed, margin);
        CHECK(narrow.size.width <= laid.size.width);
    }
}
#endif
