#include <string>
#include <vector>

#include "catch.hpp"
#include "programs.hpp"

namespace {

using namespace programs;
using sequent_test::contains;

// The compiler runs all of them, within its limits as they are.
static_assert(evaluate<reverse>("hello") == "olleh");
static_assert(evaluate<histogram>("hello") == sequence{1, 1, 2, 2, 1});
static_assert(evaluate<histogram_with_bos>("^hello") == sequence{0, 1, 1, 2, 2, 1});
static_assert(evaluate<double_histogram>("^hello") == sequence{0, 3, 3, 1, 1, 3});
static_assert(evaluate<sorted>("hello") == "ehllo");
static_assert(evaluate<sorted_with_bos>("^hello") == "^ehllo");
static_assert(evaluate<most_frequent>("^hello") == "^lheo-");
static_assert(evaluate<dyck_1>("())(") == "PTFF");
static_assert(evaluate<dyck_2>("({})(}") == "PPPTPF");
static_assert(evaluate<dyck_3>("([{}])[)") == "PPPPPTPF");
static_assert(evaluate<addition>("95+7") == sequence{0, 1, 0, 2});
// And longer ones.
static_assert(evaluate<reverse>("abcdefghijklmnopqrstuvwxyz") == "zyxwvutsrqponmlkjihgfedcba");
static_assert(evaluate<sorted>("thequickbrownfoxjumps") == "bcefhijkmnoopqrstuuwx");
static_assert(evaluate<dyck_3>("([{}])[]{()}") == "PPPPPTPTPPPT");
static_assert(evaluate<addition>("99995+8") == sequence{0, 1, 0, 0, 0, 0, 3});

constexpr auto looks_back = select(indices, indices, less);
constexpr auto mean_of_symbols = aggregate(looks_back, tokens);
constexpr auto mean_of_booleans = named<"any before">(aggregate(looks_back, tokens == 'a'));
constexpr auto part_of_another =
    cond(indices == 0, 'x', named<"the previous">(aggregate(looks_back, tokens, '-')));
constexpr auto divides = named<"share">(1 / (indices - 2));
constexpr auto divides_in_other_branch = cond(indices == 2, 0, 1 / (indices - 2));
constexpr auto number_of_symbol = to_number(tokens) + 1;
constexpr auto leaves = 7 % (1 - indices);
constexpr auto zero_to_the_power = indices ^ -1;
constexpr auto root = 4 ^ (indices / 2);
constexpr auto grows = 10 ^ (indices * 10);
constexpr auto of_integers = tokens_int + 1;
constexpr auto of_numbers = tokens_float + 1;
constexpr auto of_booleans = !tokens_bool;

/// The message of what evaluating a program throws.
template <const auto& Program>
std::string message_of(const sequence& input) {
    try {
        (void)evaluate<Program>(input);
    } catch (const evaluation_error& error) {
        return error.what();
    }
    return "nothing";
}

}  // namespace

TEST_CASE("the mean of several symbols or booleans is an error") {
    CHECK(evaluate<mean_of_symbols>("ab") == sequence{"", "a"});
    CHECK(message_of<mean_of_symbols>("abc") ==
          "sequent: aggregate(select(indices, indices, <), tokens) at position 2 is the mean of "
          "several symbols or booleans; of booleans, indicator(...) has one");
    CHECK(message_of<mean_of_booleans>("abcd") ==
          "sequent: any before at position 2 is the mean of several symbols or booleans; of "
          "booleans, indicator(...) has one");
    CHECK(message_of<part_of_another>("abc") ==
          "sequent: the previous at position 2 is the mean of several symbols or booleans; of "
          "booleans, indicator(...) has one");
    // That they are all the same does not make it one.
    CHECK(message_of<mean_of_symbols>("aaa") != "nothing");
}

TEST_CASE("what has no value is an error that tells the operation and the position") {
    CHECK(message_of<divides>("ab") == "nothing");
    CHECK(message_of<divides>("abc") == "sequent: share at position 2 divides by zero");
    CHECK(message_of<leaves>("abc") == "sequent: 7 % (1 - indices) at position 1 divides by zero");
    CHECK(message_of<zero_to_the_power>("a") ==
          "sequent: indices ^ -1 at position 0 divides by zero");
    CHECK(message_of<root>("ab") ==
          "sequent: 4 ^ (indices / 2) at position 1 has an exponent that is no integer");
    CHECK(message_of<grows>("ab") == "nothing");
    CHECK(message_of<grows>("abc") ==
          "sequent: a number of a RASP program needs more than 63 bits");
    // cond takes one of its branches.
    CHECK(message_of<divides_in_other_branch>("abc") == "nothing");
    CHECK(message_of<number_of_symbol>("1x") ==
          "sequent: to_number(tokens) at position 1 is of a symbol that is no number");
}

TEST_CASE("an input of another type is an error") {
    CHECK(message_of<reverse>({1, 2}) ==
          "sequent: the program's tokens are each a symbol, the one at position 0 is \"1\"");
    CHECK(message_of<of_integers>({1, 'a'}) ==
          "sequent: the program's tokens are each an integer, the one at position 1 is \"a\"");
    CHECK(message_of<of_integers>({1, 0.5}) ==
          "sequent: the program's tokens are each an integer, the one at position 1 is \"1/2\"");
    CHECK(message_of<of_numbers>({1, 0.5}) == "nothing");
    CHECK(message_of<of_numbers>({1, true}) ==
          "sequent: the program's tokens are each a number, the one at position 1 is \"T\"");
    CHECK(message_of<of_booleans>({1}) ==
          "sequent: the program's tokens are each a boolean, the one at position 0 is \"1\"");
}

TEST_CASE("an empty input is an error") {
    CHECK(message_of<reverse>("") == "sequent: a RASP program takes at least one token");
    CHECK(message_of<of_integers>(std::vector<int>{}) ==
          "sequent: a RASP program takes at least one token");
}

TEST_CASE("an evaluation keeps all that is computed on the way") {
    static constexpr auto& nodes = graph_of<sorted>;
    const evaluation found(nodes, "cab");
    CHECK(found.length() == 3);
    CHECK(&found.program() == &nodes);
    CHECK(found.output() == "abc");
    int place = -1;
    for (int at = 0; at < nodes.size(); ++at)
        if (text_of(nodes, at) == "place") place = at;
    REQUIRE(place >= 0);
    CHECK(found.output(place) == sequence{2, 0, 1});
    CHECK(found(place, 1) == value(0));
}
