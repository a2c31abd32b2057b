#pragma once

#include <cstdint>
#include <sequent/rasp.hpp>
#include <sequent/rasp/compile.hpp>

#include "catch.hpp"

/// Compares a compiled program with its evaluation.

namespace check {

using sequent::rasp::sequence;
using sequent::rasp::value;

/// Inputs of some letters; where there is one, behind a beginning-of-sequence token.
class input_source {
  public:
    explicit input_source(const sequence& letters, const char* first = nullptr)
        : letters_(letters), first_(first) {}

    /// All of up to `longest` letters.
    template <class Visit>
    void each(int longest, const Visit& visit) const {
        for (int length = 1; length <= longest; ++length) {
            int count = 1;
            for (int at = 0; at < length; ++at) count *= letters_.size();
            for (int number = 0; number < count; ++number) {
                sequence input = begin();
                for (int at = 0, rest = number; at < length; ++at, rest /= letters_.size())
                    input.push_back(letters_[rest % letters_.size()]);
                visit(input);
            }
        }
    }
    /// Some, of which every fourth has `length` tokens.
    template <class Visit>
    void random(int count, int length, const Visit& visit) const {
        std::uint32_t state = 1;
        const auto below = [&state](int bound) {
            state = state * 1664525u + 1013904223u;
            return static_cast<int>((state >> 8) % static_cast<std::uint32_t>(bound));
        };
        const int most = length - begin().size();
        for (int at = 0; at < count; ++at) {
            sequence input = begin();
            const int letters = at % 4 == 0 ? most : 1 + below(most);
            for (int letter = 0; letter < letters; ++letter)
                input.push_back(letters_[below(letters_.size())]);
            visit(input);
        }
    }

  private:
    sequence letters_;
    const char* first_;

    sequence begin() const {
        sequence result;
        if (first_) result.push_back(value(first_));
        return result;
    }
};

/// On all inputs of up to 6 tokens of `few` letters, and on random ones up to the longest.
template <const auto& Program, class Compiled, class T = double>
void compiled(const input_source& few, const input_source& all, int short_ones = 6,
              int random = 200) {
    int wrong = 0;
    const auto compare = [&](const sequence& input) {
        const sequence expected = sequent::rasp::evaluate<Program>(input);
        const sequence found = Compiled::template run<T>(input);
        if (!(found == expected) && ++wrong < 3) {
            CAPTURE(input.text());
            CHECK(found.text() == expected.text());
        }
    };
    few.each(short_ones, compare);
    all.random(random, Compiled::size.positions - 1, compare);
    CHECK(wrong == 0);
}

/// Compares a program with its transformer, which is computed at run time, and returns how many
/// values are missing.
template <const auto& Program>
int computed(const sequence& letters, int length, int short_ones, int random = 100) {
    namespace compiling = sequent::rasp::compiling;
    const auto& nodes = compiling::graph_to_compile<Program>;
    const auto analysed = sequent::rasp::analyse(nodes);
    compiling::inputs given;
    given.length = length;
    for (const value& each : letters) given.alphabet.push_back(each);
    std::sort(given.alphabet.begin(), given.alphabet.end());
    const compiling::network made(nodes, analysed, given);
    const compiling::layout laid(made, analysed.heads);
    CHECK(laid.size.wrong.kind == compiling::problem::none);
    if (laid.size.wrong.kind != compiling::problem::none) return -1;
    const compiling::plain_transformer plain(laid.size,
                                             compiling::compute_entries(nodes, analysed, given));
    int wrong = 0;
    int missing = 0;
    const auto visit = [&](const sequence& input) {
        const sequence expected = sequent::rasp::evaluate<Program>(input);
        const auto logits =
            plain.run(compiling::encode(input, laid.size, given.alphabet), input.size() + 1).logits;
        const sequence found = compiling::decode(
            [&](int at, std::size_t of) { return logits[static_cast<std::size_t>(at)][of]; },
            input.size(), laid.classes, laid.size.denominator);
        for (const value& each : expected) missing += each.is_missing() ? 1 : 0;
        if (!(found == expected) && ++wrong < 3) {
            CAPTURE(input.text());
            CHECK(found.text() == expected.text());
        }
    };
    const input_source source(letters);
    source.each(short_ones, visit);
    source.random(random, length, visit);
    CHECK(wrong == 0);
    return missing;
}

/// It has the layers and heads that the analysis tells, and no more.
template <const auto& Program, class Compiled>
constexpr bool has_analysed_size() {
    return Compiled::size.layers == sequent::rasp::layers<Program> &&
           Compiled::size.heads == sequent::rasp::heads<Program>;
}

}  // namespace check
