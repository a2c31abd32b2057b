#include <filesystem>
#include <fstream>
#include <random>
#include <sequent/draw.hpp>
#include <sequent/model/explain.hpp>
#include <sequent/nn.hpp>
#include <sstream>

#include "catch.hpp"
#include "comma_locale.hpp"

namespace {

using namespace sequent;
using heads_of_two_kinds = multi_head_attention<tokens<24>, width<6>, heads<3>,
                                                mask::per_head<mask::window<2>, mask::strided<5>>>;

namespace rules_of_counts {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"y"> y;
inline constexpr bound<"length"> length;
inline constexpr auto padded_end =
    rules(weights(i, j) <<= (x(j).T(), x(i), j < length) | product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));
}  // namespace rules_of_counts
using padded_end = model<rules_of_counts::padded_end, fact<"x", 4, 3>, bound<"length">>;

int count_of(const std::string& text, const std::string& part) {
    int count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

}  // namespace

TEST_CASE("masks are those of the rules, heads of one kind together") {
    const auto masks = draw::masks_of<heads_of_two_kinds>();
    REQUIRE(masks.size() == 2);
    CHECK(masks[0].rounds == std::vector<int>{0, 2});
    CHECK(masks[1].rounds == std::vector<int>{1});
    long long pairs[2]{};
    for (int i = 0; i < 24; ++i)
        for (int j = 0; j < 24; ++j) {
            const bool near = j <= i && i - j <= 2;
            const bool fifth = j <= i && (i - j) % 5 == 0;
            CHECK(masks[0](i, j) == near);
            CHECK(masks[1](i, j) == fifth);
            pairs[0] += near;
            pairs[1] += fifth;
        }
    CHECK(masks[0].pairs() == pairs[0]);
    CHECK(masks[1].pairs() == pairs[1]);
}

TEST_CASE("a mask that depends on what is given is drawn for that") {
    const std::vector<float> x(12);
    const padded_end::facts<float> given{x, 3};
    const auto masks = draw::masks_of<padded_end, float>(&given);
    REQUIRE(masks.size() == 1);
    CHECK(masks[0].pairs() == 12);
    CHECK(masks[0](3, 2));
    CHECK_FALSE(masks[0](3, 3));
}

TEST_CASE("pictures of masks") {
    const std::string text =
        draw::picture_of(draw::masks_of<heads_of_two_kinds>(), {"a < b"}).str();
    CHECK(text.starts_with("<svg "));
    CHECK(text.ends_with("</svg>\n"));
    CHECK(count_of(text, "a &lt; b") == 1);
    CHECK(count_of(text, "head 1") == 1);
    CHECK(count_of(text, "69 of 576 pairs, 12.0 %") == 1);
    CHECK(count_of(text, "<path") == 2);

    const auto path = std::filesystem::temp_directory_path() /
                      (std::to_string(std::random_device()()) + "sequent_masks.svg");
    draw::masks<heads_of_two_kinds>(path.string());
    std::stringstream written;
    written << std::ifstream(path).rdbuf();
    CHECK(count_of(written.str(), "heads 0 2") == 1);
    std::filesystem::remove(path);
    CHECK_THROWS_AS(draw::masks<heads_of_two_kinds>("/no such folder/masks.svg"), io::error);
}

TEST_CASE("pictures of masks and explain do not depend on the locale") {
    const auto texts = [] {
        return draw::picture_of(draw::masks_of<heads_of_two_kinds>()).str() +
               explain<heads_of_two_kinds>();
    };
    const std::string expected = texts();
    CHECK(count_of(expected, "69 of 576 pairs, 12.0 %") == 1);
    CHECK(count_of(expected, "0.005 MFLOP") > 0);
    const sequent_test::comma_locale locale;
    CHECK(texts() == expected);
}
