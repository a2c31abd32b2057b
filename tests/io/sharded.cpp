#include <sequent/formats/sharded.hpp>

#include <array>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::check_contains, io_test::folder, io_test::view, io_test::write_bytes;

namespace {

using tensors = std::vector<io::named_tensor<float>>;

/// "a" in one.safetensors, "b" and "c" in two.safetensors.
struct model {
    folder here{};
    std::array<float, 6> values{1, 2, 3, 4, 5, 6};

    model() {
        io::save(here / "one.safetensors", tensors{{"a", of(0)}}, {{"format", "pt"}});
        io::save(here / "two.safetensors", tensors{{"b", of(2)}, {"c", of(4)}});
        index(R"({"metadata": {"total_size": 24}, "weight_map": {"a": "one.safetensors",)"
              R"( "b": "two.safetensors", "c": "two.safetensors"}})");
    }
    sequent::tensor_view<float> of(int first) { return view(values.data() + first, {2}, {1}); }
    void index(const std::string& text) const { write_bytes(here / "index.json", text); }
    std::string message(const std::string& text) const {
        index(text);
        try {
            (void)io::open_sharded(here / "index.json");
        } catch (const io::error& error) {
            return error.what();
        }
        return "";
    }
};

}  // namespace

TEST_CASE("tensors of several files are those of one") {
    model written;
    std::array<float, 6> read{};
    const auto of = [&](int first) { return view(read.data() + first, {2}, {1}); };
    const io::tensor_file file = io::open_sharded(written.here / "index.json");
    CHECK(io::load(file, tensors{{"c", of(4)}, {"a", of(0)}, {"b", of(2)}}).at("format") == "pt");
    CHECK(read == written.values);
    // An element is that of its file.
    std::string bytes = io_test::bytes_of(written.here / "two.safetensors");
    bytes.replace(bytes.size() - 4, 4, std::string("\x00\x00\xc0\x7f", 4));
    write_bytes(written.here / "two.safetensors", bytes);
    CHECK_THROWS_WITH(
        io::load(io::open_sharded(written.here / "index.json"),
                 tensors{{"c", of(4)}, {"a", of(0)}, {"b", of(2)}}),
        sequent_test::contains("two.safetensors: tensor \"c\": element 1 is not a number"));
}

TEST_CASE("an index that is not that of its files is an error") {
    const model written;
    const std::string two = R"("b": "two.safetensors", "c": "two.safetensors")";
    const auto map = [](const std::string& members) {
        return R"({"weight_map": {)" + members + "}}";
    };
    CHECK(written.message(map(two)).empty());
    check_contains(written.message(map(R"("b": "two.safetensors")")),
                   {"two.safetensors: has the tensor \"c\"", "index.json does not place there"});
    check_contains(written.message(map(two + R"(, "d": "two.safetensors")")),
                   {"two.safetensors: lacks the tensor \"d\""});
    check_contains(written.message(map(two + R"(, "a": "two.safetensors")")),
                   {"two.safetensors: lacks the tensor \"a\""});
    check_contains(written.message(map(two + R"(, "a": "three.safetensors")")),
                   {"three.safetensors: cannot be opened"});
    check_contains(written.message(map(two + R"(, "b": "one.safetensors")")),
                   {"index.json: tensor \"b\" stands twice"});
    for (const char* name : {"../x", "/x", "..", "", R"(a\\x)", "c:x"})
        check_contains(written.message(map(R"("a": ")" + std::string(name) + R"(")")),
                       {"index.json, byte", "no name of a file in the folder"});
    check_contains(written.message(R"({"weight_map": {"a": 3}})"), {"expected a string"});
    check_contains(written.message("{}"), {"lacks \"weight_map\""});
    check_contains(written.message("{"), {"index.json"});
}
