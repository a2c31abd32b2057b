#include "rasp/compile.hpp"

#include <filesystem>
#include <fstream>
#include <sequent/rasp/export.hpp>
#include <tuple>

// The larger programs are compared by the example of the same name.

namespace {

using namespace sequent::rasp;

inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);

}  // namespace

TEST_CASE("reverse compiles to two layers of one head, and float is enough") {
    using compiled_reverse = compile<reversed, max_length<100>, alphabet<"abcd">>;
    static_assert(compiled_reverse::size.layers == 2);
    static_assert(compiled_reverse::size.heads == 1);
    static_assert(compiled_reverse::size.width == 10);
    check::compiled<reversed, compiled_reverse, float>(check::input_source("abc"),
                                                       check::input_source("abcd"));

    // What it looks at is what evaluation selects.
    const auto maps = compiled_reverse::attention("abcda");
    REQUIRE(maps.layers == 2);
    REQUIRE(maps.length == 5);
    for (int row = 0; row < 5; ++row)
        for (int column = 0; column <= 5; ++column) {
            CHECK(maps(0, 0, row, column) == Approx(column < 5 ? 0.2 : 0).margin(1e-9));
            CHECK(maps(1, 0, row, column) == Approx(column == 4 - row ? 1 : 0).margin(1e-9));
        }
}

TEST_CASE("weights that are constants are those that are computed at run time") {
    using options = std::tuple<alphabet<"abcd">, max_length<100>>;
    const auto check = []<class... Options>(std::tuple<Options...>) {
        static_assert(compiling::compilation_of<reversed, Options...>.has_weights);
        const auto& constants = compiling::entries_of<reversed, Options...>;
        const auto computed = compiling::compute_entries(graph_of<reversed>, analysis<reversed>,
                                                         compiling::inputs_of<Options...>());
        REQUIRE(computed.size() == constants.size());
        for (std::size_t at = 0; at < computed.size(); ++at) {
            REQUIRE(computed[at].name == constants[at].name);
            REQUIRE(computed[at].element == constants[at].element);
            REQUIRE(computed[at].number == Approx(constants[at].number).epsilon(1e-12));
        }
    };
    check(options());
}

TEST_CASE("compiled programs are saved for PyTorch") {
    using compiled_reverse = compile<reversed, max_length<100>, alphabet<"abcd">>;
    const auto path = std::filesystem::temp_directory_path() / "sequent_test_reversed";
    save_pytorch<compiled_reverse>(path.string());
    std::ifstream file(path.string() + ".py");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    CHECK(text.find("LAYERS, HEADS, ROUNDS = 2, 1, 1\nALPHABET = [\"a\", \"b\", \"c\", \"d\"]\n") !=
          text.npos);
    CHECK(text.find("PAIRS, CAUSAL, DENOMINATOR = False, False, 0\n") != text.npos);
    CHECK(std::count(text.begin(), text.end(), '\n') < 75);
    CHECK(std::filesystem::file_size(path.string() + ".safetensors") >=
          8 * compiled_reverse::weights().size);
    CHECK(sequent::rasp::detail::in_json("a\n\"\x1f") == "\"a\\u000a\\\"\\u001f\"");
    CHECK(
        layers_as_json<reversed>() ==
        "{\"program\": \"aggregate(select(indices, (length - 1) - indices, ==), tokens)\", "
        "\"layers\": [\n"
        "  {\"heads\": [{\"selector\": \"select(1, 1, ==)\", \"gathers\": [\"aggregate(everything, "
        "indicator(indices == 0))\"]}], \"computes\": [{\"name\": \"length\", \"is\": \"round(1 / "
        "aggregate(everything, indicator(indices == 0)))\"}]},\n"
        "  {\"heads\": [{\"selector\": \"select(indices, (length - 1) - indices, ==)\", "
        "\"gathers\": "
        "[\"aggregate(select(indices, (length - 1) - indices, ==), tokens)\"]}], \"computes\": "
        "[]}\n"
        "]}\n");
}
