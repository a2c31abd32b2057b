#pragma once

#include <array>
#include <memory>
#include <span>

#include "../io/error.hpp"
#include "../joined_text.hpp"
#include "../model/ill_formed.hpp"
#include "compile/plain.hpp"
#include "compile/searched.hpp"
#include "compile/transformer.hpp"
#include "missing.hpp"

/// Compiles RASP programs to transformers with softmax attention and ReLU feed-forward parts.

namespace sequent::inline SEQUENT_ABI::rasp {

/// Option: the symbols of an input, as the characters of one text, or as several texts, each a
/// symbol.
template <language::fixed_string Symbols, language::fixed_string... More>
struct alphabet {};
/// Option: the integers `First` to `Last` are the tokens.
template <int First, int Last>
struct integers {};
/// Option: the largest number of positions of an input.
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

template <class... Options>
consteval std::size_t count_tokens() {
    const inputs given = inputs_of<Options...>();
    return given.alphabet.size();
}

/// The tokens in rising order; a token's number is its place here.
template <class... Options>
inline constexpr auto alphabet_of = [] {
    std::array<value, count_tokens<Options...>()> result{};
    const inputs given = inputs_of<Options...>();
    std::copy(given.alphabet.begin(), given.alphabet.end(), result.begin());
    return result;
}();

/// The part of a compilation that is a constant expression.
struct compilation {
    static constexpr std::size_t room = 8192;

    sizes size;
    /// True if the entries hold all weights that are not zero.
    bool has_weights = false;
    std::size_t entry_count = 0;
    std::array<weight_entry, room> entries{};
    std::array<value, max_classes> classes{};

    constexpr compilation(const graph& program, const program_analysis& analysed,
                          const inputs& given) {
        const network made(program, analysed, given);
        const layout laid(made, analysed.heads);
        size = laid.size;
        if (size.wrong.kind != problem::none) return;
        std::copy(laid.classes.begin(), laid.classes.end(), classes.begin());
        const auto embedded = static_cast<std::size_t>(size.tokens + size.positions);
        if (!made.laid || embedded * static_cast<std::size_t>(size.width) > most_constant_work)
            return;
        entry_count = weight_writer(laid, entries.data(), room).count;
        has_weights = entry_count <= room;
    }
};

/// The program as it is compiled, and its analysis.
template <const auto& Program>
inline constexpr const graph& graph_to_compile = rasp::detail::compilable<Program>();
template <const auto& Program>
inline constexpr const program_analysis& analysis_to_compile =
    rasp::detail::analysis_of_compilable<Program>();

template <const auto& Program, class... Options>
inline constexpr compilation compilation_of = [] {
    static_assert((... && option<Options>::is_known) && is_given<Options...>(),
                  "sequent: compile takes a program, alphabet<\"abc\"> or integers<0, 9>, and "
                  "max_length<N>");
    return compilation(graph_to_compile<Program>, analysis_to_compile<Program>,
                       inputs_of<Options...>());
}();

template <const auto& Program, class... Options>
inline constexpr sizes sizes_of = compilation_of<Program, Options...>.size;

/// The weights that are not zero.
template <const auto& Program, class... Options>
inline constexpr auto entries_of = [] {
    constexpr auto& from = compilation_of<Program, Options...>;
    std::array<weight_entry, from.entry_count> result{};
    std::copy_n(from.entries.begin(), result.size(), result.begin());
    return result;
}();
SEQUENT_COLD inline std::vector<weight_entry> compute_entries(const graph& program,
                                                              const program_analysis& analysed,
                                                              const inputs& given) {
    const network made(program, analysed, given);
    const layout laid(made, analysed.heads);
    std::vector<weight_entry> result(weight_writer(laid, nullptr, 0).count);
    (void)weight_writer(laid, result.data(), result.size());
    return result;
}

/// The values that a position of the output may have, in the order of the logits.
template <const auto& Program, class... Options>
inline constexpr auto classes_of = [] {
    constexpr auto& from = compilation_of<Program, Options...>;
    std::array<value, static_cast<std::size_t>(from.size.classes)> result{};
    std::copy_n(from.classes.begin(), result.size(), result.begin());
    return result;
}();

/// A token as the model's fact.
SEQUENT_COLD inline std::int32_t encode_token(const value& token, int at, const sizes& size,
                                              std::span<const value> alphabet) {
    const auto found = std::lower_bound(alphabet.begin(), alphabet.end(), token,
                                        [](const value& left, const value& right) {
                                            return left.kind() == right.kind() && left < right;
                                        });
    if (found == alphabet.end() || !(*found == token))
        fail_with<evaluation_error>({"sequent: the token \"", token.text(), "\" at position ", at,
                                     " is not of the alphabet that the program is compiled for"});
    const auto letter = static_cast<std::int32_t>(found - alphabet.begin());
    const auto letters = static_cast<std::int32_t>(alphabet.size());
    return 1 + letter + (size.embeds_pairs ? at * letters : 0);
}
SEQUENT_COLD inline void check_length(int tokens, const sizes& size) {
    const int longest = size.positions - 1;
    if (tokens > longest)
        fail_with<evaluation_error>(
            {"sequent: the program is compiled for ", longest, " tokens, the input has ", tokens});
}
SEQUENT_COLD inline std::vector<std::int32_t> encode(const sequence& input, const sizes& size,
                                                     std::span<const value> alphabet) {
    if (input.empty()) rasp::detail::an_empty_input();
    check_length(input.size(), size);
    std::vector<std::int32_t> result(static_cast<std::size_t>(size.positions), 0);
    for (int at = 0; at < input.size(); ++at)
        result[static_cast<std::size_t>(at) + 1] = encode_token(input[at], at, size, alphabet);
    return result;
}

/// The fraction, with at most this denominator, that equals a number up to the errors of attention.
SEQUENT_COLD inline value fraction_near(double number, int denominator) {
    const double tolerance = 1 / (2.0 * denominator * denominator);
    // Convergents of the continued fraction (Hardy and Wright, theorem 184).
    std::int64_t over[2]{1, 0};
    std::int64_t under[2]{0, 1};
    double rest = number;
    for (;;) {
        const double whole = std::floor(rest + 1e-7);
        const auto times = static_cast<std::int64_t>(whole);
        const std::int64_t next_over = times * over[0] + over[1];
        const std::int64_t next_under = times * under[0] + under[1];
        if (next_under > denominator) break;
        over[1] = over[0];
        under[1] = under[0];
        over[0] = next_over;
        under[0] = next_under;
        const double found = static_cast<double>(over[0]) / static_cast<double>(under[0]);
        if (std::abs(found - number) < tolerance || rest - whole < 1e-7) break;
        rest = 1 / (rest - whole);
    }
    return value(rational(over[0], under[0]), type::real);
}

/// The classes with the highest logits at each position after the start, or the numbers themselves.
template <class Logits>
SEQUENT_COLD sequence decode(const Logits& logits, int length, std::span<const value> classes,
                             int denominator) {
    sequence result;
    for (int position = 1; position <= length; ++position) {
        std::size_t best = 0;
        for (std::size_t each = 1; each < classes.size(); ++each)
            if (logits(position, each) > logits(position, best)) best = each;
        result.push_back(denominator > 0
                             ? fraction_near(static_cast<double>(logits(position, 0)), denominator)
                             : classes[best]);
    }
    return result;
}

/// A part of a program as the compiler prints it in an error: GCC as text, Clang by its characters.
#ifdef __clang__
template <char... Text>
struct in_part {};
template <const auto& Text, std::size_t... At>
consteval auto part_of_text(std::index_sequence<At...>) {
    return in_part<Text[At]...>{};
}
#else
template <std::size_t Size>
struct part_text {
    char characters[Size];
};
template <part_text Text>
struct in_part {};
template <const auto& Text, std::size_t... At>
consteval auto part_of_text(std::index_sequence<At...>) {
    return in_part<part_text<sizeof...(At) + 1>{{Text[At]..., 0}}>{};
}
#endif
/// The first 100 characters of a part; empty without a part.
template <const auto& Program, int Part>
inline constexpr auto text_of_part = [] {
    std::array<char, 104> result{};
    std::size_t size = 0;
    const auto append = [&](std::string_view text) {
        for (const char letter : text)
            if (size < 103) {
                result[size] = size < 100 ? letter : '.';
                ++size;
            }
    };
    if constexpr (Part >= 0)
        rasp::detail::part_writer(graph_to_compile<Program>, append).write(Part, false, 8);
    return result;
}();
template <const auto& Program, int Part>
using part_in_error = decltype(part_of_text<text_of_part<Program, Part>>(
    std::make_index_sequence<std::string_view(text_of_part<Program, Part>.data()).size()>()));

template <problem>
struct because {};
template <operation>
struct of_operation {};
template <class Why, class What, class Part>
inline constexpr bool compiles = false;
template <class What, class Part>
inline constexpr bool compiles<because<problem::none>, What, Part> = true;
/// Names what cannot be compiled in the first lines of the error: GCC prints the class, Clang the
/// condition.
template <class Why, class What, class Part>
struct refusal {
    static_assert(compiles<Why, What, Part>,
                  "sequent: this operation of the RASP program can't be compiled");
};
template <const auto& Program, const sizes& Size>
using refusal_of = refusal<because<Size.wrong.kind>, of_operation<Size.wrong.what>,
                           part_in_error<Program, Size.wrong.part>>;

}  // namespace compiling

/// The transformer of a program, with computed weights: `compile<reversed, alphabet<"abc">,
/// max_length<10>>`. Its layers and heads are those of the analysis, and added layers without
/// heads. Its output equals that of `evaluate` for every input of 1 to `max_length` tokens of the
/// alphabet for which `evaluate` has a value. A start position precedes the input; heads that
/// select no position attend to it.
///
/// The attention logits of selected pairs exceed all others by at least 64 (and that of the start
/// by 32), so pairs that are not selected receive less than N e^-32 of a head's attention, 4e-12
/// for 300 positions. Hidden units round this rest away.
///
/// The widths of the residual stream and the hidden layer depend on the program. An ordering of n
/// values takes 2 n elements of the stream, an equality 4. A function of one number with n values
/// takes 2 (n - 1) hidden units; one of a sum over selected positions about N^2; one of several
/// numbers twice the number of its changes from one tuple of values to the next, in the order with
/// the fewest changes. A function that needs a table of more than 20,480 tuples does not compile.
template <const auto& Program, class... Options>
struct compile : compiling::transformer_of<compiling::sizes_of<Program, Options...>> {
    /// The sizes of the transformer.
    static constexpr compiling::sizes size = compiling::sizes_of<Program, Options...>;
    static_assert(sizeof(compiling::refusal_of<Program, size>) > 0);

    /// The model.
    using transformer = compiling::transformer_of<size>;
    /// The parameters of the model.
    template <class T>
    using parameters = typename transformer::template parameters<T>;

    /// The weights, filled at the first call. The numbers of small programs are compile-time
    /// constants; those of larger ones are computed at the first call.
    template <class T = double>
    static const parameters<T>& weights() {
        static const std::unique_ptr<parameters<T>> made = [] {
            auto result = make_unique<parameters<T>>();
            compiling::write_weights<T>(entries(), compiling::weight_views<size>, result->data());
            return result;
        }();
        return *made;
    }
    /// The weights that are not zero.
    static std::span<const compiling::weight_entry> entries() {
        if constexpr (compiling::compilation_of<Program, Options...>.has_weights) {
            return compiling::entries_of<Program, Options...>;
        } else {
            static const auto made = compiling::compute_entries(
                compiling::graph_to_compile<Program>, compiling::analysis_to_compile<Program>,
                compiling::inputs_of<Options...>());
            return made;
        }
    }

    /// The output of the transformer for an input. Throws evaluation_error if a token is not in the
    /// alphabet or there are more than `max_length` tokens.
    template <class T = double>
    static sequence run(const sequence& input) {
        static thread_local const auto w =
            make_unique<typename transformer::template workspace<T>>();
        const std::vector<std::int32_t> given = encode(input);
        const auto decoded = [&](const auto& logits) {
            return compiling::decode(logits, input.size(), classes(), size.denominator);
        };
        if constexpr (size.is_causal)
            return decoded(transformer::forward(weights<T>(), {given}, *w));
        else
            return decoded(transformer::forward(weights<T>(), {given, input.size() + 1}, *w));
    }

    /// Appends the output at the last position to the prompt, `count` times or until it has
    /// `max_length` + 1 tokens. Each token takes one `step`. The program is causal: its selectors
    /// select no later position.
    template <class T = double>
    static sequence generate(sequence prompt, int count) requires(size.is_causal) {
        const auto s = make_unique<typename transformer::template state<T>>();
        std::vector<std::int32_t> given = encode(prompt);
        given.resize(static_cast<std::size_t>(prompt.size()) + 1);
        auto logits = transformer::prefill(weights<T>(), {given}, *s);
        for (; count > 0; --count) {
            const auto last = [&](int, std::size_t each) { return logits(each); };
            prompt.push_back(compiling::decode(last, 1, classes(), size.denominator)[0]);
            if (count == 1 || prompt.size() == size.positions) break;
            const int at = prompt.size() - 1;
            logits = transformer::step(
                weights<T>(),
                {compiling::encode_token(prompt[at], at, size, compiling::alphabet_of<Options...>)},
                *s);
        }
        return prompt;
    }

    /// Runs the program one token at a time, in time O(log n) for each head at position n that
    /// finds its keys by one number: equal values or positions, first and last ones, and sums over
    /// all positions. The program is causal. Gives what `run` and `generate` give.
    class steps {
      public:
        steps() requires(size.is_causal) : transformer_(size, entries()) { transformer_.step(0); }

        /// The output at the next position, which holds this token. Throws evaluation_error if it
        /// is not in the alphabet or comes after `max_length` tokens.
        value operator()(const value& token) {
            const int at = transformer_.positions() - 1;
            compiling::check_length(at + 1, size);
            const auto& logits =
                transformer_.step(compiling::encode_token(token, at, size, alphabet()));
            const auto here = [&](int, std::size_t each) { return logits[each]; };
            return compiling::decode(here, 1, classes(), size.denominator)[0];
        }
        /// Heads that search, of all heads.
        int searching() const { return transformer_.searching(); }
        /// Heads that visit earlier positions one by one.
        int visiting() const { return transformer_.visiting(); }

      private:
        compiling::searched_transformer transformer_;
    };

    /// The values that a position of the output may have, in the order of the logits.
    static std::span<const value> classes() { return compiling::classes_of<Program, Options...>; }

    /// The tokens of an input, in increasing order.
    static std::span<const value> alphabet() { return compiling::alphabet_of<Options...>; }
    /// A view of one weight within `numbers`.
    template <class T>
    static tensor_view<T> view_of(compiling::weight_name name, T* numbers) {
        return compiling::weight_in(compiling::weight_views<size>, name, numbers);
    }

    /// The fact of the model for an input: the start, the tokens, and the start again up to the
    /// end.
    static std::vector<std::int32_t> encode(const sequence& input) {
        return compiling::encode(input, size, compiling::alphabet_of<Options...>);
    }

    /// The attention weights of all heads for an input.
    static attention_maps attention(const sequence& input) {
        return compiling::plain_transformer(size, entries())
            .run(encode(input), input.size() + 1)
            .maps;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp
