#include "packed_case.hpp"

using namespace packed;
using kernel::bf16;
using kernel::q4_0;
using kernel::q4_1;
using kernel::q8;
using kernel::q8_0;

TEMPLATE_TEST_CASE("packed products against plain loops", "[packed]", bf16, q8_0, q4_0, q4_1, q8<4>,
                   q8<64>) {
    using format = TestType;
    check_products<format, 1, 1>({0, 1, 2});
    check_products<format, 31, 17>({1, 3, 7});
    check_products<format, 32, 16>({1, 2, 6});
    check_products<format, 33, 50>({1, 4, 5});
    check_products<format, 64, 33>({1, 8});
    check_products<format, 100, 15>({1, 13});
    check_products<format, 288, 129>({1, 2, 3, 19});
    check_products<format, 288, 905>({1});  // one row, as from memory
}

// Sums of 16 bits would overflow.
TEMPLATE_TEST_CASE("packed products of the greatest numbers", "[packed]", q8_0, q4_0, q4_1) {
    using format = TestType;
    const int greatest = std::is_same_v<format, q8_0> ? 255 : 15;
    for (const int stored : {0, greatest}) {
        matrix<format> w(64, 20, std::vector<float>(64 * 20, 1.0f));
        std::uint16_t q[32];
        std::fill_n(q, 32, static_cast<std::uint16_t>(stored));
        for (int n = 0; n < 20; ++n)
            for (int block = 0; block < 2; ++block)
                kernel::put_packed_block<format>(w.memory.data(), 64, n, block, {1, 0.5f}, q);
        for (const float x : {1.0f, -1.0f}) {
            const std::vector<float> row(2 * 64, x);
            check_product<format, 64, 20, false>(w, row, 1);
            check_product<format, 64, 20, false>(w, row, 2);
        }
    }
}

TEMPLATE_TEST_CASE("packed weights are near the weights", "[packed]", bf16, q8_0, q4_0, q4_1) {
    using format = TestType;
    constexpr int inputs = 70, outputs = 21;
    const auto w = numbers(inputs * outputs, 3);
    // Turned in memory: element (k, n) at n * inputs + k.
    matrix<format> packed_matrix(inputs, outputs);
    kernel::pack<format>(w.data(), inputs, outputs, 1, inputs, packed_matrix.memory.data());
    sequent_test::largest error;
    for (int n = 0; n < outputs; ++n)
        for (int first = 0; first < inputs; first += 32) {
            double greatest = 0;
            for (int k = first; k < std::min(inputs, first + 32); ++k)
                greatest =
                    std::max(greatest, std::abs(static_cast<double>(w[to_size(n * inputs + k)])));
            for (int k = first; k < std::min(inputs, first + 32); ++k) {
                const double exact = static_cast<double>(w[to_size(n * inputs + k)]);
                const double difference =
                    std::abs(static_cast<double>(packed_matrix(k, n)) - exact);
                // Half a unit and the rounding of the scale; where 8 * scale is cut to 7, a unit.
                // A minimum rounds to 11 bits, and up to 15 scales to theirs.
                error.add(std::is_same_v<format, bf16>   ? difference / (std::abs(exact) / 256)
                          : std::is_same_v<format, q4_1> ? difference / (greatest / 15 * 1.02)
                          : std::is_same_v<format, q8_0> ? difference / (greatest / 127 * 0.57)
                                                         : difference / (greatest / 8 * 1.01));
            }
        }
    CHECK(error.value() <= 1);
}

// What the format can hold is held exactly.
TEST_CASE("multiples of a scale are packed exactly", "[packed]") {
    std::vector<float> w(64 * 17);
    for (int k = 0; k < 64; ++k)
        for (int n = 0; n < 17; ++n)
            w[to_size(k * 17 + n)] =
                static_cast<float>(k % 32 == 0 ? -8 : (k * 7 + n) % 16 - 8) * 0.25f;
    const matrix<q4_0> four(64, 17, w);
    for (int k = 0; k < 64; ++k)
        for (int n = 0; n < 17; ++n)
            if (four(k, n) != w[to_size(k * 17 + n)]) FAIL(k << ", " << n << " in four bits");
    const matrix<bf16> sixteen(64, 17, w);
    for (int k = 0; k < 64; ++k)
        for (int n = 0; n < 17; ++n)
            if (sixteen(k, n) != w[to_size(k * 17 + n)]) FAIL(k << ", " << n << " in 16 bits");
    for (float& x : w) x = std::nearbyint(x * (127.0f / 2));  // -127 .. 111
    const matrix<q8_0> eight(64, 17, w);
    for (int k = 0; k < 64; ++k)
        for (int n = 0; n < 17; ++n)
            if (eight(k, n) != w[to_size(k * 17 + n)]) FAIL(k << ", " << n << " in eight bits");
}

TEST_CASE("layout of packed matrices", "[packed]") {
    STATIC_REQUIRE(kernel::packed_bytes<bf16>(1, 1) == 1024);
    STATIC_REQUIRE(kernel::packed_bytes<bf16>(33, 17) == 2 * 2 * 1024);
    STATIC_REQUIRE(kernel::packed_bytes<q8_0>(32, 16) == 64 + 512);
    STATIC_REQUIRE(kernel::packed_bytes<q8_0>(96, 32) == 2 * (128 + 3 * 512));
    STATIC_REQUIRE(kernel::packed_bytes<q4_0>(64, 40) == 3 * (64 + 2 * 256));
    std::vector<float> w(64 * 17, 0.0f);
    w[37 * 17 + 16] = -127.0f * 0.5f;  // input 5 of block 1, output 0 of panel 1
    const matrix<q8_0> eight(64, 17, w);
    const std::byte* panel = eight.memory.data() + 64 + 2 * 512;
    CHECK(panel[64 + 512 + 64 + 1] == std::byte(1));
    CHECK(panel[64 + 512 + 64 + 2] == std::byte(128));
    CHECK((panel[32] == std::byte(0) && panel[33] == std::byte(0x38)));
    const matrix<q4_0> four(64, 17, w);
    panel = four.memory.data() + 64 + 2 * 256;
    CHECK(panel[64 + 256 + 1] == std::byte(0x08));  // -8 above a zero
    const matrix<bf16> sixteen(64, 17, w);
    panel = sixteen.memory.data() + 2 * 1024;
    CHECK(panel[1024 + 2 * 64 + 3] == std::byte(0xC2));  // -63.5 is C27E
}

TEMPLATE_TEST_CASE("NaN and infinity pass packed products", "[packed]", bf16, q8_0, q4_0, q4_1,
                   q8<8>) {
    using format = TestType;
    constexpr int inputs = 70, outputs = 21, rows = 8;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    const auto good = numbers(inputs * outputs, 1);
    const matrix<format> w(inputs, outputs, good);
    const bytes scratch(kernel::packed_scratch_bytes<format, inputs>(rows));
    const auto finite = [&](const std::vector<float>& x, const matrix<format>& weights) {
        std::vector<float> out(rows * outputs);
        kernel::packed_product<format, inputs, outputs, false>(
            x.data(), inputs, weights.memory.data(), out.data(), outputs, rows, scratch.data());
        std::vector<bool> result;
        for (const float y : out) result.push_back(std::isfinite(y));
        return result;
    };
    for (const float bad : {nan, infinity, -infinity})
        for (const int k : {0, 31, 32, 50, 69}) {
            INFO("number " << bad << " at input " << k);
            for (const int row : {0, 5, 7}) {
                auto x = numbers(rows * inputs, 2);
                x[to_size(row * inputs + k)] = bad;
                const auto result = finite(x, w);
                for (int at = 0; at < rows * outputs; ++at)
                    if (result[to_size(at)] != (at / outputs != row)) FAIL("result " << at);
            }
            for (const int n : {0, 15, 20}) {
                auto weights = good;
                weights[to_size(k * outputs + n)] = bad;
                const auto result =
                    finite(numbers(rows * inputs, 2), matrix<format>(inputs, outputs, weights));
                for (int at = 0; at < rows * outputs; ++at)
                    if (result[to_size(at)] != (at % outputs != n)) FAIL("result " << at);
            }
        }
}

// Where a block has no scale, no quotient is made; where the scale has no room, the result says so.
TEMPLATE_TEST_CASE("packed products of tiny and huge numbers", "[packed]", q8_0, q4_0, q4_1) {
    using format = TestType;
    const matrix<format> ones(32, 3, std::vector<float>(96, 1.0f));
    const bytes scratch(kernel::packed_scratch_bytes<format, 32>(1));
    float out[3];
    const auto product = [&](const matrix<format>& w, float number) {
        const std::vector<float> x(32, number);
        kernel::packed_product<format, 32, 3, false>(x.data(), 32, w.memory.data(), out, 3, 1,
                                                     scratch.data());
        return out[2];
    };
    CHECK(product(ones, 0) == 0);
    CHECK(product(ones, 1e-40f) == 0);
    CHECK(product(ones, 1e-35f) == Approx(32 * 1e-35).epsilon(0.13));
    CHECK(product(ones, 1e36f) == Approx(32 * 1e36).epsilon(0.13));
    CHECK(product(matrix<format>(32, 3, std::vector<float>(96, 0.0f)), 1) == 0);
    CHECK(product(matrix<format>(32, 3, std::vector<float>(96, 1e-30f)), 1) == 0);
    CHECK(std::isnan(product(matrix<format>(32, 3, std::vector<float>(96, 1e30f)), 1)));
}

TEST_CASE("conversion of 16-bit floats", "[packed]") {
    using namespace kernel::detail;
    using sequent::from_bf16, sequent::from_f16, sequent::to_f16;
    for (int at = 0; at < 65536; at += 16) {
        std::uint16_t halves[16];
        for (int i = 0; i < 16; ++i) halves[i] = static_cast<std::uint16_t>(at + i);
        for (int i = 0; i < 16; i += kernel::lanes<float>) {
            float loaded[kernel::lanes<float>];
            kernel::store(loaded, load_halves(halves + i));
            for (int lane = 0; lane < kernel::lanes<float>; ++lane) {
                const float x = from_f16(halves[i + lane]);
                const bool nan = (halves[i + lane] & 0x7FFF) > 0x7C00;
                if (std::isnan(x) != nan || std::isnan(loaded[lane]) != nan)
                    FAIL("NaN at " << at + i + lane);
                if (nan) {
                    if ((to_f16(x) & 0x7FFF) <= 0x7C00) FAIL("NaN lost at " << at + i);
                    continue;
                }
                const int exponent = halves[i + lane] >> 10 & 31;
                const double fraction = halves[i + lane] & 1023;
                const double size = exponent == 31  ? sequent_test::infinite
                                    : exponent == 0 ? std::ldexp(fraction, -24)
                                                    : std::ldexp(fraction + 1024, exponent - 25);
                if (std::abs(static_cast<double>(x)) != size) FAIL("value of " << at + i + lane);
                if (loaded[lane] != x || std::signbit(loaded[lane]) != std::signbit(x))
                    FAIL("loaded " << at + i + lane);
                if (to_f16(x) != halves[i + lane]) FAIL("back from " << at + i + lane);
            }
        }
    }
    // Ties to even, and the ends of the range.
    CHECK(to_f16(1 + 0x1p-11f) == 0x3C00);
    CHECK(to_f16(1 + 3 * 0x1p-11f) == 0x3C02);
    CHECK(to_f16(0x1p-25f) == 0);
    CHECK(to_f16(0x1.8p-24f) == 2);
    CHECK(to_f16(0x1.ffap-15f) == 0x03FF);
    CHECK(to_f16(0x1.ffcp-15f) == 0x0400);
    CHECK(to_f16(65519.0f) == 0x7BFF);
    CHECK(to_f16(-65520.0f) == 0xFC00);
    CHECK(bfloat_of_float(1 + 0x1p-8f) == 0x3F80);
    CHECK(bfloat_of_float(1 + 3 * 0x1p-8f) == 0x3F82);
    CHECK(bfloat_of_float(std::numeric_limits<float>::max()) == 0x7F80);
    CHECK(std::isnan(from_bf16(bfloat_of_float(std::bit_cast<float>(0x7F800001u)))));
}

// Tiles multiply as AMX does; here by plain loops.
TEMPLATE_TEST_CASE("tiles against packed products", "[packed]", bf16, q8_0, q4_0, q4_1) {
    using format = TestType;
    using block = typename format::rows::block;
    constexpr int inputs = 70, outputs = 40, blocks = 3;
    const matrix<format> w(inputs, outputs, numbers(inputs * outputs, 1));
    for (const int rows : {1, 15, 16, 17, 33, 70})
        for (const bool accumulate : {false, true}) {
            const auto x = numbers(rows * inputs, 2);
            auto expected = numbers(rows * outputs, 3), found = expected;
            std::vector<block> quantised(to_size(rows * blocks));
            for (int r = 0; r < rows; ++r)
                for (int k = 0; k < blocks; ++k) {
                    float part[32] = {};
                    std::copy_n(x.data() + r * inputs + 32 * k, std::min(32, inputs - 32 * k),
                                part);
                    format::rows::quantise(part, quantised[to_size(r * blocks + k)]);
                }
            const kernel::detail::packed_place place{
                blocks, static_cast<std::ptrdiff_t>(kernel::detail::panel_bytes<format>(blocks)),
                outputs, accumulate};
            using tiles = kernel::detail::packed_tiles<format>;
            kernel::detail::packed_outputs<format, tiles::rows, tiles::panels>(
                quantised.data(), w.memory.data(), expected.data(), outputs, rows, place);
            kernel::detail::tile_outputs<kernel::detail::plain_tiles, format>(
                quantised.data(), w.memory.data(), found.data(), outputs, rows, place);
            double different = 0;
            for (std::size_t at = 0; at < found.size(); ++at)
                different =
                    std::max(different, static_cast<double>(std::abs(found[at] - expected[at])));
            INFO(rows << " rows");
            CHECK(different <= (std::is_same_v<format, bf16> ? 1e-5 : 0));
            CHECK(std::isfinite(found.back()));
        }
}
