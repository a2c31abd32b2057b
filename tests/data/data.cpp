#include <algorithm>
#include <array>
#include <cstdint>
#include <sequent/data.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../catch.hpp"

namespace {

namespace data = sequent::data;

sequent::io::source bytes_of(std::string_view text) {
    return {std::as_bytes(std::span(text.data(), text.size())), "x.csv"};
}

template <class F>
std::string error_of(F f) {
    try {
        f();
    } catch (const sequent::io::error& error) {
        return error.what();
    }
    return "no error";
}

std::string error_of_table(std::string_view text, data::table_format format = {}) {
    return error_of([&] { data::table(bytes_of(text), format); });
}

using integers = std::vector<std::int32_t>;
using pairs = std::vector<std::array<std::int32_t, 2>>;

}  // namespace

TEST_CASE("a table becomes facts") {
    const data::table table(
        bytes_of("\xef\xbb\xbfname,kind,x,\"y, z\"\r\n"
                 "a,bird,1,-2.5e1\n"
                 "\n"
                 "\"b \"\"1\"\"\",fish,+3,4\r\n"
                 "\"c,\nd\",bird,0,.5"));
    CHECK(table.rows() == 3);
    CHECK(table.columns() == 4);
    CHECK(table.header() == std::vector<std::string>{"name", "kind", "x", "y, z"});
    CHECK(table(1, "name") == "b \"1\"");
    CHECK(table(2, 0) == "c,\nd");
    CHECK(table.numbers({"y, z", "x"}) == std::vector<float>{-25, 1, 4, 3, 0.5F, 0});
    CHECK(table.numbers<double>({2}) == std::vector<double>{1, 3, 0});
    data::symbol_names kinds;
    CHECK(table.symbols("kind", kinds) == integers{0, 1, 0});
    CHECK(kinds.size() == 2);
    CHECK(kinds[1] == "fish");
    CHECK(kinds.find("cat") == -1);
    const data::symbol_names known({"fish", "bird"});
    CHECK(table.symbols("kind", known) == integers{1, 0, 1});
    CHECK_THROWS_AS(kinds[2], sequent::argument_error);
    CHECK_THROWS_AS(data::symbol_names({"a", "a"}), sequent::argument_error);

    // The last cell of a row may be empty, and a table may have no rows.
    const data::table empty_cells(bytes_of("a,b\n,\n1,"));
    CHECK(empty_cells.rows() == 2);
    CHECK(empty_cells(0, 1).empty());
    CHECK(empty_cells(1, "b").empty());
    CHECK(data::table(bytes_of("a,b\n")).rows() == 0);
}

TEST_CASE("errors of tables have a line and a column") {
    CHECK(error_of_table("a,b\n1,2\n3\n") == "x.csv:3:1: a row of 1 cell, the first row has 2");
    CHECK(error_of_table("a,b\n1,\"2\n3\n") == "x.csv:2:3: a quotation mark that is not closed");
    CHECK(error_of_table("\xc3\xa4,\"b\"c\n") ==
          "x.csv:1:6: text after the closing quotation mark of a cell");
    CHECK(error_of_table("a,b,a\n") == "x.csv:1:5: two columns \"a\"");
    CHECK(error_of_table("\n\n") == "x.csv:1:1: the file has no header");

    const data::table table(bytes_of("a,b\n1,two\n\"x\ny\",3x\nnan,1e999\n"));
    CHECK(error_of([&] { (void)table.numbers({"a"}); }) ==
          "x.csv:3:1: \"x\ny\" is not a finite number");
    CHECK(error_of([&] { (void)table.numbers({"b"}); }) ==
          "x.csv:2:3: \"two\" is not a finite number");
    CHECK(error_of([&] { (void)table.integers(1); }) ==
          "x.csv:2:3: \"two\" is not a whole number of 32 bits");
    CHECK(error_of([&] { (void)table.symbols("b", data::symbol_names({"two"})); }) ==
          "x.csv:4:4: unknown name \"3x\"");
    CHECK(error_of([&] { (void)table.numbers({"c"}); }) == "x.csv:1:1: no column \"c\"");
    CHECK(error_of([&] { (void)table.numbers({2}); }) == "x.csv:1:1: no column 2 of 2 from 0 on");
    const data::table numbers(bytes_of("a\nnan\n"));
    CHECK(error_of([&] { (void)numbers.numbers({"a"}); }) ==
          "x.csv:2:1: \"nan\" is not a finite number");
    const data::table wide(bytes_of("a\n1e99\n"));
    CHECK(wide.numbers<double>({"a"}) == std::vector<double>{1e99});
    CHECK(error_of([&] { (void)wide.numbers({"a"}); }) ==
          "x.csv:2:1: \"1e99\" is not a finite number");
    const data::table large(bytes_of("a\n3000000000\n"));
    CHECK(error_of([&] { (void)large.integers("a"); }) ==
          "x.csv:2:1: \"3000000000\" is not a whole number of 32 bits");
}

TEST_CASE("edges are pairs of symbols") {
    const data::table table(
        bytes_of("# from to weight\n  anna\tbert  0.5\nbert carl 1\n\n#\ncarl anna 2 \n"),
        data::edge_list);
    data::symbol_names people;
    CHECK(table.pairs(0, 1, people) == pairs{{0, 1}, {1, 2}, {2, 0}});
    CHECK(table.numbers({2}) == std::vector<float>{0.5F, 1, 2});
    CHECK(people[2] == "carl");
    CHECK(error_of_table("a b\nb\n", data::edge_list) ==
          "x.csv:2:1: a row of 1 cell, the first row has 2");
}

TEST_CASE("molecules in the form of MUTAG") {
    const auto set =
        data::read_graphs(bytes_of("2\n3 yes\nC 1 1\nC 2 0 2\nO 1 1\n1 no\r\nC 0\r\n\n"));
    CHECK(set.graphs.size() == 2);
    CHECK(set.labels[0] == "yes");
    CHECK(set.kinds.size() == 2);
    CHECK(set.graphs[0].nodes == integers{0, 0, 1});
    CHECK(set.graphs[0].edges == pairs{{0, 1}, {1, 0}, {1, 2}, {2, 1}});
    CHECK(set.graphs[1].edges.empty());
    CHECK(set.labels_of_graphs() == integers{0, 1});
    CHECK(set.most_nodes() == 3);
    CHECK(set.most_edges() == 4);

    const auto error = [](std::string_view text) {
        return error_of([&] { (void)data::read_graphs(bytes_of(text)); });
    };
    CHECK(error("") == "x.csv:1:1: expected the number of graphs");
    CHECK(error("2\n1 0\n0 0\n") == "x.csv:4:1: expected the number of nodes");
    CHECK(error("1\n2 0\n0 1 2\n0 0\n") == "x.csv:3:5: a neighbour is 2, expected 0 to 1");
    CHECK(error("1\n1 0\n0 1\n") == "x.csv:3:4: expected a neighbour");
    CHECK(error("1\n1 0\n0 0 7\n") == "x.csv:3:5: expected the end of the line");
    CHECK(error("1\n1 0\n0 0\n1 0\n") == "x.csv:4:1: text after the last graph");
    CHECK(error("x\n") == "x.csv:1:1: \"x\" is not a whole number of 32 bits");
}

TEST_CASE("each sample is held out once, each class in equal shares") {
    integers labels(47, 3);
    std::fill_n(labels.begin(), 20, 8);
    const auto folds = data::folds_of(labels, 5, 7);
    CHECK(folds.size() == 5);
    std::vector<int> seen(labels.size());
    for (const data::split& each : folds) {
        CHECK(each.training.size() + each.held_out.size() == labels.size());
        CHECK(std::count_if(each.held_out.begin(), each.held_out.end(), [&](int at) {
                  return labels[static_cast<std::size_t>(at)] == 8;
              }) == 4);
        CHECK(each.held_out.size() >= 9);
        std::vector<int> all = each.training;
        all.insert(all.end(), each.held_out.begin(), each.held_out.end());
        std::sort(all.begin(), all.end());
        for (std::size_t at = 0; at < all.size(); ++at) CHECK(all[at] == static_cast<int>(at));
        for (const int at : each.held_out) ++seen[static_cast<std::size_t>(at)];
    }
    CHECK(seen == std::vector<int>(labels.size(), 1));
    CHECK(data::folds_of(labels, 5, 7)[0].held_out == folds[0].held_out);
    CHECK(data::folds_of(labels, 5, 8)[0].held_out != folds[0].held_out);
    CHECK_THROWS_AS(data::folds_of(3, 4, 1), sequent::argument_error);
    CHECK_THROWS_AS(data::folds_of(3, 1, 1), sequent::argument_error);

    const data::split split = data::split_of(labels, 0.25, 3);
    CHECK(split.held_out.size() == 5 + 7);
    CHECK(split.training.size() == 47 - 12);
    CHECK(data::split_of(10, 1, 3).training.empty());
    CHECK_THROWS_AS(data::split_of(10, -0.1, 3), sequent::argument_error);
}
