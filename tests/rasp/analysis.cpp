#include <array>
#include <random>
#include <string>

#include "catch.hpp"
#include "programs.hpp"

// Layers and heads are known to the compiler; little is left to run.

namespace {

using namespace programs;
using std::array;

// The table of the paper, section 4, and of its appendix.
static_assert(layers<reverse> == 2 && heads<reverse> == 1);
static_assert(heads_per_layer<reverse> == array{1, 1});
static_assert(layers<histogram_with_bos> == 1 && heads<histogram_with_bos> == 1);
static_assert(heads_per_layer<histogram_with_bos> == array{1});
static_assert(layers<histogram> == 1 && heads<histogram> == 2);
static_assert(heads_per_layer<histogram> == array{2});
static_assert(layers<double_histogram> == 2 && heads<double_histogram> == 2);
static_assert(heads_per_layer<double_histogram> == array{2, 1});
static_assert(layers<sorted_with_bos> == 2 && heads<sorted_with_bos> == 1);
static_assert(heads_per_layer<sorted_with_bos> == array{1, 1});
static_assert(layers<sorted> == 2 && heads<sorted> == 2);
static_assert(heads_per_layer<sorted> == array{2, 1});
static_assert(layers<most_frequent> == 3 && heads<most_frequent> == 2);
static_assert(heads_per_layer<most_frequent> == array{2, 1, 1});
static_assert(layers<dyck_1> == 2 && heads<dyck_1> == 1);
static_assert(heads_per_layer<dyck_1> == array{1, 1});
static_assert(layers<dyck_2> == 4 && heads<dyck_2> == 2);
static_assert(heads_per_layer<dyck_2> == array{1, 2, 1, 1});
static_assert(layers<dyck_3> == 4 && heads<dyck_3> == 2);
static_assert(heads_per_layer<dyck_3> == array{1, 2, 1, 1});
static_assert(layers<addition> == 5 && heads<addition> == 2);
static_assert(heads_per_layer<addition> == array{2, 1, 1, 1, 1});

// With a known alphabet one head is enough for a histogram: all counts and the length are gathered
// from everything.
constexpr auto by_letters = cond(tokens == 'a', count(tokens, 'a'),
                                 cond(tokens == 'b', count(tokens, 'b'), count(tokens, 'c')));
static_assert(layers<by_letters> == 1 && heads<by_letters> == 1);
static_assert(evaluate<by_letters>("abacacb") == evaluate<histogram>("abacacb"));

// With any alphabet, one head is enough for what the analysis gives two. It selects position 0 as
// well, and gathers the share and the value of position 0: whether 0 is selected itself follows.
constexpr int code_of(std::string_view letter) {
    return letter[0];
}
constexpr auto letter = map<code_of>(tokens);
constexpr auto is_first = indices == 0;
constexpr auto same_or_first = select(letter, letter, equal) || select(indices, 0, equal);
constexpr auto first_share = aggregate(same_or_first, indicator(is_first));
constexpr auto first_letter = aggregate(same_or_first, indicator(is_first) * letter) / first_share;
constexpr auto lean_histogram = round(1 / first_share) - indicator(first_letter != letter);
static_assert(layers<lean_histogram> == 1 && heads<lean_histogram> == 1);

constexpr auto before_or_first =
    select(letter, letter, less) ||
    (select(letter, letter, equal) && select(indices, indices, less)) || select(indices, 0, equal);
constexpr auto before_share = aggregate(before_or_first, indicator(is_first));
constexpr auto before_letter =
    aggregate(before_or_first, indicator(is_first) * letter) / before_share;
constexpr auto lean_place =
    round(1 / before_share) -
    indicator(before_letter > letter || (before_letter == letter && is_first));
constexpr auto lean_sorted = aggregate(select(lean_place, indices, equal), tokens);
static_assert(layers<lean_sorted> == 2 && heads<lean_sorted> == 1);

// The mean of powers of two over equal letters tells whether an earlier one is among them, so that
// the head that counts them is enough for that, too. Position 0 holds the beginning of the
// sequence.
constexpr auto lean_often = round(1 / first_share) - 1;
constexpr auto powers = 2 ^ indices;
constexpr auto lean_seen =
    powers * aggregate(same_or_first, indicator(!is_first) / powers) / first_share > 2;
constexpr auto lean_double_histogram = selector_width_with_bos(
    select(lean_often, lean_often, equal) && select(lean_seen, false, equal));
static_assert(layers<lean_double_histogram> == 2 && heads<lean_double_histogram> == 1);
constexpr auto lean_most_frequent =
    sort_with_bos(cond(lean_seen, '-', tokens), -(lean_often - indicator(lean_seen) * 300));
static_assert(layers<lean_most_frequent> == 3 && heads<lean_most_frequent> == 1);

// Position by position, all is free; what is not computed by a head has none.
constexpr auto pointwise = cond((indices + 1) % 2 == 0, tokens, 'x');
static_assert(layers<pointwise> == 0 && heads<pointwise> == 0);
static_assert(heads_per_layer<pointwise>.empty());

constexpr auto mean = average(indices);
static_assert(layers<mean> == 1 && heads<mean> == 1);
constexpr auto fourth = tokens[4];
static_assert(layers<fourth> == 1 && heads<fourth> == 1);
// From the end: the length comes first.
constexpr auto last = tokens[-1];
static_assert(heads_per_layer<last> == array{1, 1});
static_assert(layers<length> == 1 && heads<length> == 1);

// One head carries several values, and a composite selector is one.
constexpr auto two_values = average(indices) + aggregate(everything, indicator(tokens == 'a'));
static_assert(heads_per_layer<two_values> == array{1});
constexpr auto composite =
    selector_width_with_bos(!(select(tokens, tokens, equal) && select(indices, indices, less)) ||
                            select(indices, 3, greater));
static_assert(heads_per_layer<composite> == array{1});

// A selector that is used in two layers counts in both; values come a layer after they are known.
constexpr auto twice = aggregate(everything, aggregate(everything, indices) + indices);
static_assert(heads_per_layer<twice> == array{1, 1});
// An aggregate stands where its values are known, whatever its selector's layer is.
constexpr auto late = aggregate(select(indices, indices, equal), length);
static_assert(heads_per_layer<late> == array{1, 1});

// Of a count, with and without a beginning of the sequence: they share the head of both.
constexpr auto both_counts = hist(tokens) + hist_with_bos(tokens);
static_assert(heads_per_layer<both_counts> == array{2});
// The selector itself is a third head.
constexpr auto three_focuses = hist(tokens) + sum(select(tokens, tokens, equal), indices);
static_assert(heads_per_layer<three_focuses> == array{3});

// The original tells selectors apart by where they are made: the same one written in two lines is
// two heads there, and one in ours.
constexpr auto written_twice =  //
    aggregate(select(indices, indices, less_equal), indices) +
    aggregate(select(indices, indices, less_equal), indicator(tokens == 'a'));
static_assert(heads<written_twice> == 1);
static_assert(heads<written_twice, identity::line> == 2);
static_assert(heads_per_layer<written_twice, identity::line> == array{2});
constexpr auto up_to_here = select(indices, indices, less_equal);
constexpr auto written_once =  //
    aggregate(up_to_here, indices) + aggregate(up_to_here, indicator(tokens == 'a'));
static_assert(heads<written_once, identity::line> == 1);

// Of the table's programs the figure is the same both ways: what they use twice is written once.
template <const auto& Program>
constexpr bool is_same_by_line =
    heads_per_layer<Program> == heads_per_layer<Program, identity::line>;
static_assert(is_same_by_line<reverse> && is_same_by_line<histogram> &&
              is_same_by_line<histogram_with_bos> && is_same_by_line<double_histogram> &&
              is_same_by_line<sorted> && is_same_by_line<sorted_with_bos> &&
              is_same_by_line<most_frequent> && is_same_by_line<dyck_1> &&
              is_same_by_line<dyck_2> && is_same_by_line<dyck_3> && is_same_by_line<addition>);

/// From which layer on a part of a program is known.
template <const auto& Program>
consteval int layer_of(std::string_view name) {
    const graph& nodes = graph_of<Program>;
    for (int at = 0; at < nodes.size(); ++at)
        if (std::string_view(nodes[at].name.text,
                             static_cast<std::size_t>(nodes[at].name.length)) == name)
            return analysis<Program>.layer_of[static_cast<std::size_t>(at)];
    return -1;
}

static_assert(layer_of<reverse>("length") == 1);
static_assert(layer_of<sorted>("place") == 1);
static_assert(layer_of<double_histogram>("hist") == 1);
static_assert(layer_of<double_histogram>("seen") == 1);
static_assert(layer_of<dyck_3>("opens") == 0);
static_assert(layer_of<dyck_3>("depth") == 1);
static_assert(layer_of<dyck_3>("number") == 2);
static_assert(layer_of<dyck_3>("opener") == 3);
static_assert(layer_of<addition>("digit") == 0);
static_assert(layer_of<addition>("plus") == 1);
static_assert(layer_of<addition>("first") == 2);
static_assert(layer_of<addition>("stops") == 3);
static_assert(layer_of<addition>("triggered") == 4);
static_assert(layer_of<addition>("received") == 5);
static_assert(layer_of<addition>("no such part") == -1);

// Equal parts are one node.
constexpr auto equal_parts = (indices + 1) * (indices + 1);
static_assert(graph_of<equal_parts>.size() == 4);  // indices, 1, +, *
// Numbers of two types are two constants: what is printed differs.
constexpr auto two_types = indicator(tokens == 'a') + (indices + 1) / 2 + 1.0;
static_assert(layers<two_types> == 0);

}  // namespace

TEST_CASE("heads stand layer by layer with what they look at") {
    constexpr auto& found = analysis<sorted>;
    REQUIRE(found.all_heads.size() == 3);
    CHECK(found.all_heads[0].layer == 1);
    CHECK(found.all_heads[0].at == focus::selected_or_first);
    CHECK(found.all_heads[1].layer == 1);
    CHECK(found.all_heads[1].at == focus::selected_and_first);
    CHECK(found.all_heads[2].layer == 2);
    CHECK(found.all_heads[2].at == focus::selected);
    CHECK(found.all_heads[0].selector == found.all_heads[1].selector);
    CHECK(text_of(graph_of<sorted>, found.all_heads[0].selector) ==
          "select(tokens, tokens, <) or (select(tokens, tokens, ==) and "
          "select(indices, indices, <))");
    CHECK(text_of(graph_of<sorted>, found.all_heads[2].selector) == "select(place, indices, ==)");
    CHECK(found.heads_in(1) == 2);
    CHECK(found.heads_in(2) == 1);
    CHECK(found.heads_in(3) == 0);
}

TEST_CASE("one head fewer computes the same") {
    std::minstd_rand draw(1);
    for (int at = 0; at < 200; ++at) {
        std::string word;
        const auto letters = 1 + draw() % 6;
        for (auto left = 1 + draw() % 12; left > 0; --left)
            word += static_cast<char>('a' + draw() % letters);
        CHECK(evaluate<lean_histogram>(word).text() == evaluate<histogram>(word).text());
        CHECK(evaluate<lean_sorted>(word).text() == evaluate<sorted>(word).text());
        word.insert(0, "^");
        CHECK(evaluate<lean_double_histogram>(word).text() ==
              evaluate<double_histogram>(word).text());
        CHECK(evaluate<lean_most_frequent>(word).text() == evaluate<most_frequent>(word).text());
    }
}
