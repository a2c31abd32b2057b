// RASP programs (arXiv 2106.06981) as types: evaluated exactly, analysed, compiled to transformers
// whose weights are computed, and drawn. For each program this prints how many layers and heads it
// needs, how large the transformer is, and what both give for an input; pictures of the flow and
// pages that tell what each head looks at are written beside.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <sequent/draw.hpp>
#include <sequent/rasp.hpp>
#include <sequent/sequent.hpp>
#include <string>

namespace programs {

using namespace sequent::rasp;

inline constexpr auto reverse =
    aggregate(named<"flip">(select(indices, length - 1 - indices, equal)), tokens);
inline constexpr auto histogram = hist(tokens);
inline constexpr auto double_histogram = double_hist_with_bos(tokens);
inline constexpr auto most_frequent = most_freq_with_bos(tokens, "§");
inline constexpr auto dyck_3 = dyck_k_ptf(tokens, "()", "{}", "[]");
inline constexpr auto addition = long_addition(tokens);

// What is known before anything runs.
static_assert(evaluate<reverse>("hello") == "olleh");
static_assert(layers<reverse> == 2 && heads<reverse> == 1);
static_assert(layers<dyck_3> == 4 && heads<dyck_3> == 2);

}  // namespace programs

namespace {

using namespace sequent::rasp;

struct options {
    std::string folder = ".";
    std::string input;  // for reverse
    int random = -1;    // inputs to compare; -1 where nothing is compared
};

/// A small generator, the same everywhere.
class random_numbers {
  public:
    int below(int bound) {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<int>((state_ >> 33) % static_cast<std::uint64_t>(bound));
    }

  private:
    std::uint64_t state_ = 1;
};

/// Compares the compiled program with its evaluation on inputs of up to 6 letters out of `few`, and
/// on random ones of all letters: `most` of each at most. With a text in `first`, inputs begin with
/// it.
template <const auto& Program, class Compiled>
bool agrees(const char* few, const char* all, const char* first, int most) {
    const sequence some = few;
    const sequence letters = all;
    const int behind = first ? 1 : 0;
    long long compared = 0;
    long long wrong = 0;
    const auto compare = [&](const sequence& input) {
        ++compared;
        const sequence expected = evaluate<Program>(input);
        const sequence found = Compiled::run(input);
        if (found == expected) return;
        if (++wrong <= 3)
            std::printf("    %s: %s, compiled %s\n", input.text().c_str(), expected.text().c_str(),
                        found.text().c_str());
    };
    const auto begin = [&] {
        sequence result;
        if (first) result.push_back(value(first));
        return result;
    };
    for (int length = 1; length <= 6 - behind; ++length) {
        int count = 1;
        for (int at = 0; at < length; ++at) count *= some.size();
        for (int number = 0; number < count && compared < most; ++number) {
            sequence input = begin();
            for (int at = 0, rest = number; at < length; ++at, rest /= some.size())
                input.push_back(some[rest % some.size()]);
            compare(input);
        }
    }
    random_numbers source;
    const int longest = Compiled::size.positions - 1 - behind;
    for (int at = 0; at < most; ++at) {
        sequence input = begin();
        const int length = at % 4 == 0 ? longest : 1 + source.below(longest);
        for (int letter = 0; letter < length; ++letter)
            input.push_back(letters[source.below(letters.size())]);
        compare(input);
    }
    std::printf("    compared    %lld inputs of up to %d tokens, %lld differ\n", compared,
                longest + behind, wrong);
    return wrong == 0;
}

/// What Tracr's compiler (arXiv 2301.05062) gives for as many tokens, of four symbols, where that
/// is known.
struct tracr_size {
    int layers = 0;
    int width = 0;
};

struct sample {
    const char* name;
    const char* file;
    const char* input;
    const char* few;
    const char* all;
    const char* first = nullptr;  // the beginning-of-sequence token, where there is one
    tracr_size tracr{};
};

/// Not more than fits a few lines.
std::string shortened(const std::string& text) {
    constexpr std::size_t most = 200;
    return text.size() <= most ? text : text.substr(0, most) + " ...";
}

std::string counted(int count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

template <const auto& Program, class Compiled>
bool show(const sample& of, const options& given) {
    const auto& program = graph_of<Program>;
    std::printf("%s\n", of.name);
    std::printf("    program     %s\n", shortened(text_of(program, program.output, false)).c_str());
    for (int at = 0; at < program.size(); ++at)
        if (at != program.output && program[at].name.length > 0 &&
            program[at].what != operation::select_equal)
            std::printf("      %-9s %s\n", text_of(program, at).c_str(),
                        shortened(text_of(program, at, false)).c_str());
    std::printf("    needs       %s, %s (", counted(layers<Program>, "layer").c_str(),
                counted(heads<Program>, "head").c_str());
    for (std::size_t at = 0; at < heads_per_layer<Program>.size(); ++at)
        std::printf("%s%d", at ? ", " : "", heads_per_layer<Program>[at]);
    std::printf(" in each)");
    if (heads<Program, identity::line> != heads<Program>)
        std::printf("; %d if equal selectors of different lines count",
                    heads<Program, identity::line>);
    std::printf("\n    transformer of up to %d tokens: %s, %s of %d, width %d, hidden %d\n",
                Compiled::size.positions - 1, counted(Compiled::size.layers, "layer").c_str(),
                counted(Compiled::size.heads, "head").c_str(), Compiled::size.head_width,
                Compiled::size.width, Compiled::size.hidden);
    if (of.tracr.width > 0)
        std::printf("    Tracr's     %s, width %d\n", counted(of.tracr.layers, "layer").c_str(),
                    of.tracr.width);
    const sequence input = of.input;
    const sequence expected = evaluate<Program>(input);
    const sequence found = Compiled::run(input);
    std::printf("    input       %s\n    evaluated   %s\n    compiled    %s\n", of.input,
                expected.text().c_str(), found.text().c_str());
    const std::string path = given.folder + "/rasp_" + of.file;
    draw<Program>(input, path + ".svg");
    draw<Program>(input, path + ".dot");
    draw<Program, Compiled>(input, path + ".html");
    std::printf("    pictures    %s.svg, .dot, .html\n", path.c_str());
    bool all_right = found == expected;
    if (given.random >= 0)
        all_right = agrees<Program, Compiled>(of.few, of.all, of.first, given.random) && all_right;
    std::printf("\n");
    std::fflush(stdout);
    return all_right;
}

bool show_all(const options& given) {
    using bos_letters = alphabet<"§abcd">;
    bool right = true;
    const std::string reversed = given.input.empty() ? "hello" : given.input;
    right &=
        show<programs::reverse,
             compile<programs::reverse, alphabet<"abcdefghijklmnopqrstuvwxyz">, max_length<100>>>(
            {"reverse",
             "reverse",
             reversed.c_str(),
             "abc",
             "abcdefghijklmnopqrstuvwxyz",
             nullptr,
             {4, 613}},
            given);
    right &=
        show<programs::histogram, compile<programs::histogram, alphabet<"abcd">, max_length<32>>>(
            {"histogram", "histogram", "abbaabd", "abc", "abcd"}, given);
    right &= show<programs::double_histogram,
                  compile<programs::double_histogram, bos_letters, max_length<32>>>(
        {"double histogram, with a beginning of the sequence", "double_histogram", "§abbaabd",
         "abc", "abcd", "§"},
        given);
    right &= show<programs::most_frequent,
                  compile<programs::most_frequent, alphabet<"§abc">, max_length<32>>>(
        {"most frequent", "most_frequent", "§abbcbccb", "abc", "abc", "§"}, given);
    right &= show<programs::dyck_3, compile<programs::dyck_3, alphabet<"()[]{}">, max_length<32>>>(
        {"dyck-3", "dyck_3", "[({}())](]", "([]", "()[]{}"}, given);
    right &= show<programs::addition,
                  compile<programs::addition, alphabet<"0123456789+">, max_length<32>>>(
        {"long addition", "long_addition", "95+00917", "+19", "0123456789+"}, given);
    return right;
}

constexpr auto help =
    R"(rasp: RASP programs, evaluated, analysed, compiled to transformers and drawn

    rasp [WORD] [--folder FOLDER] [--check [COUNT]]

WORD             what is reversed, of the letters a to z (hello)
--folder FOLDER  where the pictures are written (.)
--check [COUNT]  compares each compiled program with its evaluation: on all inputs of up to 6 tokens
                 of 3 symbols, as far as they are COUNT, and on COUNT random ones of all lengths
                 (10000)
)";

bool read(int count, char** arguments, options& given) {
    for (int at = 1; at < count; ++at) {
        const std::string each = arguments[at];
        if (each == "--folder" && at + 1 < count) {
            given.folder = arguments[++at];
        } else if (each == "--check") {
            given.random = 10000;
            if (at + 1 < count && std::strspn(arguments[at + 1], "0123456789") > 0)
                given.random = std::atoi(arguments[++at]);
        } else if (!each.empty() && each[0] != '-' && given.input.empty()) {
            given.input = each;
        } else {
            std::fprintf(stderr, "rasp: unknown or incomplete argument %s\n%s", each.c_str(), help);
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int count, char** arguments) {
    if (count > 1 && std::strcmp(arguments[1], "--help") == 0) {
        std::fputs(help, stdout);
        return 0;
    }
    options given;
    if (!read(count, arguments, given)) return 2;
    try {
        if (show_all(given)) return 0;
        std::fprintf(stderr, "rasp: a compiled program gives something else than its evaluation\n");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rasp: %s\n", error.what());
    }
    return 1;
}
