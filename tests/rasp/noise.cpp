#include <sequent/rasp/compressed.hpp>
#include <string>

#include "rasp/compile.hpp"

// What noise on the weights changes, and what a narrower residual stream does.

namespace {

using namespace sequent::rasp;

inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);
inline constexpr auto sorted = sort(tokens, tokens);

template <const auto& Program, class... Options>
struct planned {
    static constexpr const compiling::sizes& size = compiling::sizes_of<Program, Options...>;
    static std::span<const compiling::weight_entry> entries() {
        return compiling::entries_of<Program, Options...>;
    }
    static std::span<const value> alphabet() { return compiling::alphabet_of<Options...>; }
    static std::span<const value> classes() { return compiling::classes_of<Program, Options...>; }
};
using Reversed = planned<reversed, alphabet<"abc">, max_length<6>>;
using Sorted = planned<sorted, alphabet<"abc">, max_length<5>>;

std::vector<sequence> all_inputs(const char* letters, int longest) {
    std::vector<sequence> result;
    check::input_source(letters).each(longest,
                                      [&](const sequence& each) { result.push_back(each); });
    return result;
}

template <class Compiled>
void check_margin(const std::vector<sequence>& inputs) {
    const compiling::noisy_program program(Compiled::size, Compiled::entries(),
                                           Compiled::alphabet(), Compiled::classes(), inputs);
    CHECK(program.changed_by(0, 1, 1) == 0);
    const noise_margin found = measure_margin<Compiled>(inputs, 3);
    CHECK((found.greatest > 1e-9 && found.greatest < 0.5));
    CHECK(program.changed_by(found.greatest, 3, 1) == 0);
    CHECK(program.changed_by(1.1 * found.greatest, 3, 1) > 0);
    REQUIRE(found.curve.size() > 8);
    CHECK(found.curve.front().noise < found.greatest);
    CHECK(found.curve.back().changed > 0.3);
    const std::string picture = picture_of(found, "noise").str();
    CHECK(picture.find("no output changes up to ") != std::string::npos);
}

/// Of a seventh of the inputs it takes what occurs in all.
template <class Compiled>
void check_compressed(int width, const std::vector<sequence>& all) {
    std::vector<sequence> some;
    for (std::size_t at = 0; at < all.size(); at += 7) some.push_back(all[at]);
    const compressed_program found = compress<Compiled>(some);
    CHECK(found.size.width == width);
    CHECK(width <= Compiled::size.width);
    CHECK(found.loss < 1e-10);
    CHECK(found.changed == 0);
    CHECK(compiling::noisy_program(Compiled::size, Compiled::entries(), Compiled::alphabet(),
                                   Compiled::classes(), all)
              .changed_by(compiling::plain_transformer(found.size, found.entries)) == 0);
    const compressed_program narrow = compress<Compiled>(some, found.size.width / 2);
    CHECK(narrow.size.width == found.size.width / 2);
    CHECK(narrow.loss > 0.1);
    CHECK(narrow.changed > 0);
}

}  // namespace

TEST_CASE("up to its margin noise on the weights changes no output") {
    check_margin<Reversed>(all_inputs("abc", 4));
    check_margin<Sorted>(all_inputs("abc", 4));
}

TEST_CASE("a residual stream projected to what occurs in it gives the same outputs") {
    check_compressed<Reversed>(10, all_inputs("abc", 6));
    // The steps of an ordering are not independent of each other.
    CHECK(Sorted::size.width == 27);
    check_compressed<Sorted>(14, all_inputs("abc", 5));
}
