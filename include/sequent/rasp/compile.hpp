#pragma once

#include <memory>

#include "../io/error.hpp"
#include "../joined_text.hpp"
#include "../model/ill_formed.hpp"
#include "compile/attention.hpp"

/// RASP programs as transformers: softmax attention, and ReLUs between two linear maps.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The symbols that an input may hold: the characters of one text, or several texts, each a symbol.
template <language::fixed_string Symbols, language::fixed_string... More>
struct alphabet {};
/// The integers First to Last as tokens.
template <int First, int Last>
struct integers {};
/// How many positions an input has at most.
template <int Length>
struct max_length {};

namespace compiling {

template <class Option>
struct option {
    static constexpr bool is_known = false;
};
template <language::fixed_string Symbols, language::fixed_string... More>
struct option<alphabet<Symbols, More...>> {
    static constexpr bool is_known = true;
    static constexpr void apply(inputs& to) {
        if constexpr (sizeof...(More) == 0) {
            for (const value& each : sequence(text(Symbols))) to.alphabet.push_back(each);
        } else {
            to.alphabet.push_back(value(text(Symbols)));
            (..., to.alphabet.push_back(value(text(More))));
        }
    }
    template <std::size_t Size>
    static constexpr std::string_view text(const language::fixed_string<Size>& of) {
        return {of.characters, Size - 1};
    }
};
template <int First, int Last>
struct option<integers<First, Last>> {
    static_assert(First <= Last, "sequent: integers<first, last> has a last one after its first");
    static constexpr bool is_known = true;
    static constexpr void apply(inputs& to) {
        for (int each = First; each <= Last; ++each) to.alphabet.push_back(each);
    }
};
template <int Length>
struct option<max_length<Length>> {
    static_assert(Length > 0, "sequent: max_length is at least one");
    static constexpr bool is_known = true;
    static constexpr void apply(inputs& to) { to.length = Length; }
};

template <class... Options>
constexpr inputs inputs_of() {
    inputs result;
    (..., option<Options>::apply(result));
    std::sort(result.alphabet.begin(), result.alphabet.end());
    result.alphabet.erase(std::unique(result.alphabet.begin(), result.alphabet.end()),
                          result.alphabet.end());
    return result;
}

template <class... Options>
consteval bool is_given() {
    const inputs given = inputs_of<Options...>();
    return given.length > 0 && !given.alphabet.empty();
}

template <const auto& Program, class... Options>
inline constexpr sizes sizes_of = [] {
    static_assert((... && option<Options>::is_known) && is_given<Options...>(),
                  "sequent: compile takes a program, alphabet<\"abc\"> or integers<0, 9>, and "
                  "max_length<N>");
    const network made(graph_of<Program>, analysis<Program>, inputs_of<Options...>(), false);
    return layout(made, analysis<Program>.heads).size;
}();

/// Names what can't be compiled, in the first lines of the error.
template <problem Problem, operation Operation>
inline constexpr bool compiles = Problem == problem::none;

}  // namespace compiling

/// The transformer of a program, with weights that are computed: `compile<reversed,
/// alphabet<"abc">, max_length<10>>`. Its layers and heads are those of the analysis. It gives what
/// evaluate gives, for every input that evaluate has a value for, of 1 to max_length tokens of the
/// alphabet. Inputs are read with one more position in front, the start, where what selects no
/// position looks.
///
/// Logits of selected pairs are 64 (32 above the start) or more above all others: what is not
/// selected has less than N e^-32 of a head's attention, 4e-12 for 300 positions. Hidden units
/// round what is left away.
///
/// How wide the residual stream and the hidden layer are depends on the program: an order of n
/// values takes 2 n numbers of the stream, an equality 4; a function of a number of n values 2 (n -
/// 1) hidden units, one of the sum over selected positions some N^2 of them, one of several numbers
/// twice the number of its changes from one tuple of values to the next, in the order that has the
/// fewest. What would take a table of more than 16,384 tuples does not compile.
template <const auto& Program, class... Options>
struct compile : compiling::transformer_of<compiling::sizes_of<Program, Options...>> {
    /// How large it is.
    static constexpr compiling::sizes size = compiling::sizes_of<Program, Options...>;
    static_assert(compiling::compiles<size.wrong.kind, size.wrong.what>,
                  "sequent: this operation of the RASP program can't be compiled");

    using transformer = compiling::transformer_of<size>;
    template <class T>
    using parameters = typename transformer::template parameters<T>;

    /// The weights. They are made when they are first asked for.
    template <class T = double>
    static const parameters<T>& weights() {
        static const std::unique_ptr<parameters<T>> made = [] {
            auto result = make_unique<parameters<T>>();
            const compiling::layout from(plan_of(), analysis<Program>.heads);
            compiling::weight_writer<size, T>(from, *result).write();
            return result;
        }();
        return *made;
    }

    /// What the transformer gives for an input. Throws evaluation_error for tokens that are not of
    /// the alphabet, and for too many of them.
    template <class T = double>
    static sequence run(const sequence& input) {
        static thread_local const auto w =
            make_unique<typename transformer::template workspace<T>>();
        const std::vector<std::int32_t> given = encode(input);
        const auto logits = transformer::forward(weights<T>(), {given, input.size() + 1}, *w);
        sequence result;
        for (int position = 1; position <= input.size(); ++position) {
            int best = 0;
            for (int each = 1; each < size.classes; ++each)
                if (logits(position, each) > logits(position, best)) best = each;
            result.push_back(classes()[static_cast<std::size_t>(best)]);
        }
        return result;
    }

    /// The values that a position of the output may have, in the order of the logits.
    static const std::vector<value>& classes() {
        static const std::vector<value> found =
            compiling::layout(plan_of(), analysis<Program>.heads).classes;
        return found;
    }

    /// An input as the model's fact: the start, the tokens, and the start again to the end.
    static std::vector<std::int32_t> encode(const sequence& input) {
        constexpr int longest = size.positions - 1;
        if (input.empty()) rasp::detail::an_empty_input();
        if (input.size() > longest)
            fail_with<evaluation_error>({"sequent: the program is compiled for ", longest,
                                         " tokens, the input has ", input.size()});
        const auto& alphabet = plan_of().program.given.alphabet;
        std::vector<std::int32_t> result(static_cast<std::size_t>(size.positions), 0);
        for (int at = 0; at < input.size(); ++at) {
            const auto found =
                std::lower_bound(alphabet.begin(), alphabet.end(), input[at],
                                 [](const value& left, const value& right) {
                                     return left.kind() == right.kind() && left < right;
                                 });
            if (found == alphabet.end() || !(*found == input[at]))
                fail_with<evaluation_error>(
                    {"sequent: the token \"", input[at].text(), "\" at position ", at,
                     " is not of the alphabet that the program is compiled for"});
            const auto letter = static_cast<std::int32_t>(found - alphabet.begin());
            const auto letters = static_cast<std::int32_t>(alphabet.size());
            result[static_cast<std::size_t>(at) + 1] =
                1 + letter + (size.embeds_pairs ? at * letters : 0);
        }
        return result;
    }

    /// What the heads look at.
    static attention_maps attention(const sequence& input) {
        return compiling::attention_loops<size, double>(weights<double>())
            .run(encode(input), input.size() + 1);
    }

  private:
    static const compiling::network& plan_of() {
        static const compiling::network made(graph_of<Program>, analysis<Program>,
                                             compiling::inputs_of<Options...>(), true);
        return made;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp
