#include <sequent/explain.hpp>
#include <sequent/nn.hpp>
#include <sequent/packed.hpp>

#include "rules.hpp"

// Weights in fewer bits, in the place of the parameters.

namespace {

using namespace names;
using namespace sequent;

constexpr int positions = 9;
constexpr int symbol_count = 40;
using gpt =
    transformer::language_model<vocabulary<symbol_count>, tokens<positions>, width<64>, heads<4>,
                                key_heads<2>, depth<3>, activation::swiglu, tied<true>>;

const std::vector<std::int32_t> text{3, 1, 39, 0, 12, 25, 25, 7, 30};

template <class View>
std::vector<double> numbers_of(const View& view) {
    std::vector<double> result;
    for (int at = 0; at < view.size(); ++at) result.push_back(view.element(at));
    return result;
}

double greatest(const std::vector<double>& of) {
    double result = 0;
    for (const double each : of) result = std::max(result, std::abs(each));
    return result;
}

/// The greatest difference; infinite if a number is none.
double difference(const std::vector<double>& one, const std::vector<double>& other) {
    REQUIRE(one.size() == other.size());
    double result = 0;
    for (std::size_t at = 0; at < one.size(); ++at) {
        const double each = std::abs(one[at] - other[at]);
        if (!(each <= result)) result = std::isnan(each) ? INFINITY : each;
    }
    return result;
}

// Whole numbers are exact: inputs of -127 .. 127 with one 127 in each block, and weights from
// `least` to `most` with one `least` in each block.
constexpr var<"head", 4> head;
inline constexpr auto exact_rules =
    rules(a(i) <<= x(i)[W<"W", 48, 64>] | relu(), b(i) <<= (a(i), x(i)[W<"U", 48, 64>]),
          c(i, head) <<= x(i)[W<"H", 16, 64>(head)], z(i) <<= c(i, head) | concat(head),
          y(i) <<= r<"u">(i, head)[W<"V", 24, 64>(head)] | sum(head));
using exact = model<exact_rules, fact<"x", 5, 64>, fact<"u", 5, 4, 64>, query<"b", "z", "y">>;

template <class Format>
void is_exact(int least, int most) {
    const auto p = make_unique<exact::parameters<float>>();
    random_numbers random(4);
    exact::for_each(*p, [&](std::string_view, const auto& view) {
        for (int at = 0; at < view.size(); ++at)
            view.element(at) = static_cast<float>(least + random.below(most - least + 1));
        const int inputs = view.extents[static_cast<std::size_t>(view.rank) - 1];
        for (int at = 0; at < view.size(); at += std::gcd(inputs, 32))
            view.element(at) = static_cast<float>(least);
    });
    std::vector<float> inputs(5 * 64), others(5 * 4 * 64);
    for (auto* each : {&inputs, &others}) {
        for (float& number : *each) number = static_cast<float>(random.below(255) - 127);
        for (std::size_t at = 0; at < each->size(); at += 32) (*each)[at] = 127;
    }
    // All four matrices, V in four parts.
    CHECK(exact::packed<Format>::bytes == 2 * kernel::packed_bytes<Format>(64, 48) +
                                              kernel::packed_bytes<Format>(64, 64) +
                                              4 * kernel::packed_bytes<Format>(64, 24));
    const auto fewer = make_unique<exact::packed<Format>>(*p);
    const auto w = make_unique<exact::workspace<float>>();
    const auto s = make_unique<exact::scratch<float>>();
    const auto expected = exact::forward(*p, {inputs, others}, *w);
    const auto found = exact::forward(*fewer, {inputs, others}, *s);
    for (std::size_t at = 0; at < 3; ++at)
        CHECK(difference(numbers_of(expected[at]), numbers_of(found[at])) == 0);
}

template <class Format, auto Which = pack_products>
void agrees(double limit) {
    const auto p = make_unique<gpt::parameters<float>>();
    gpt::initialize(*p, 3);
    const auto fewer = make_unique<gpt::packed<Format, Which>>(*p);
    const auto w = make_unique<gpt::workspace<float>>();
    const auto s = make_unique<gpt::scratch<float>>();
    const auto expected = numbers_of(gpt::forward(*p, {text}, *w));
    const auto found = numbers_of(gpt::forward(*fewer, {text}, *s));
    const double error = difference(found, expected);
    CHECK(error < limit * greatest(expected));
    CHECK(error > 0);
    CHECK(numbers_of(gpt::forward(*fewer, {text}, *w)) == found);

    thread_pool pool(2);
    CHECK(numbers_of(gpt::forward(*fewer, {text}, *s, pool)) == found);
    gpt::scratch_batch<float> batch(pool);
    const std::vector<gpt::facts<float>> samples(3, {text});
    gpt::forward_batch(*fewer, samples, batch, [&](int, const auto& view) {
        if (numbers_of(view) != found) throw std::runtime_error("a sample of a batch differs");
    });

    const auto state = make_unique<gpt::state<float>>();
    const double rounding = 1e-5 * greatest(expected);
    const std::span<const std::int32_t> symbols(text);
    for (int begin = 0, count = 4; begin < positions; begin += count, count = 1) {
        const auto given = symbols.subspan(check::to_size(begin), check::to_size(count));
        const auto row = numbers_of(gpt::prefill(*fewer, {given}, *state));
        const auto at = found.begin() + (begin + count - 1) * symbol_count;
        CHECK(difference(row, {at, at + symbol_count}) <= rounding);
    }
    state->reset();
    const auto row = numbers_of(gpt::step(*fewer, {text[0]}, *state));
    CHECK(difference(row, {found.begin(), found.begin() + symbol_count}) <= rounding);
}

// Products of fewer than 32 inputs are not packed.
inline constexpr auto narrow_rules = rules(y(i) <<= x(i)[W<"W", 40, 31>]);
using narrow = model<narrow_rules, fact<"x", 5, 31>>;

// The fact is keys and values of both heads.
inline constexpr auto whole_rules =
    rules(q(g, i) <<= x(i)[W<"W_q", 40, 40>(g)],
          weights(g, i, j) <<= (number(1e-5), q(g, i).T(), x(j), j <= i) | product() | softmax(j),
          b(g, i) <<= (weights(g, i, j), x(j)) | product() | sum(j), y(i) <<= b(g, i) | concat(g));
using whole = model<whole_rules, fact<"x", 50, 40>>;
using windowed =
    transformer::language_model<vocabulary<symbol_count>, tokens<200>, width<96>, heads<2>,
                                depth<2>, decltype(mask::window<20>{} && mask::causal{})>;

}  // namespace

TEST_CASE("products of whole numbers by packed weights are exact") {
    is_exact<bf16>(-8, 7);
    is_exact<q8_0>(-127, 127);
    is_exact<q4_0>(-8, 7);
}

TEST_CASE("packed weights stand in the place of the parameters") {
    agrees<bf16>(0.01);
    agrees<q8_0>(0.02);
    agrees<q4_0, pack_all>(0.2);
}

TEST_CASE("packed weights take their bits, and no others are packed") {
    // Per layer: q and the output of attention, k and v, and three products of 64 x 171; the
    // logits. 171 outputs are padded to 176, 171 inputs to 192.
    constexpr std::size_t numbers =
        3 * (2 * 64 * 64 + 2 * 64 * 32 + 2 * 64 * 176 + 192 * 64) + 64 * 48;
    CHECK(gpt::packed<bf16>::bytes == 2 * numbers);
    CHECK(gpt::packed<q8_0>::bytes == numbers + numbers / 16);
    CHECK(gpt::packed<q4_0>::bytes == numbers / 2 + numbers / 16);
    CHECK(narrow::packed<q8_0>::bytes == 0);
}

TEST_CASE("weights are packed anew where they have changed") {
    const auto p = make_unique<gpt::parameters<float>>();
    gpt::initialize(*p, 3);
    const auto fewer = make_unique<gpt::packed<q8_0>>(*p);
    gpt::initialize(*p, 4);
    fewer->pack(*p);
    const auto again = make_unique<gpt::packed<q8_0>>(*p);
    CHECK(std::equal(fewer->data(), fewer->data() + fewer->bytes, again->data()));
    CHECK(std::ranges::equal(fewer->rest(), again->rest()));
}

TEST_CASE("a state's cache in fewer bits computes with the rounded keys and values") {
    // Keys and values of whole numbers, with a 127 in each block, are exact.
    const auto p = make_unique<whole::parameters<float>>();
    random_numbers random(4);
    for (float& number : p->numbers) number = static_cast<float>(random.below(2)) * 0.125f;
    std::vector<float> inputs(50 * 40);
    for (float& number : inputs) number = static_cast<float>(random.below(255) - 127);
    for (std::size_t at = 0; at < inputs.size(); at += 8) inputs[at] = 127;
    const auto agrees = [&]<class Cache>(Cache) {
        const auto expected = make_unique<whole::state<float>>();
        const auto found = make_unique<whole::state<float, Cache>>();
        for (std::size_t row = 0; row < 50; ++row) {
            const auto given = std::span(inputs).subspan(40 * row, 40);
            const auto right = numbers_of(whole::step(*p, {given}, *expected));
            const auto next = numbers_of(whole::step(*p, {given}, *found));
            CHECK(difference(next, right) <= 1e-6 * greatest(right));
        }
    };
    agrees(cache<bf16, q8_0>{});
    agrees(cache<q8_0, float>{});
}

TEST_CASE("a state with a cache in fewer bits is stepped, copied, truncated and joined as any") {
    const auto p = make_unique<gpt::parameters<float>>();
    gpt::initialize(*p, 3);
    const auto plain = make_unique<gpt::state<float>>();
    using fewer = gpt::state<float, cache<q8_0>>;
    const auto one = make_unique<fewer>(), other = make_unique<fewer>();
    CHECK(fewer::cache_bytes ==
          // 3 layers, keys and values of 2 heads of 16 numbers and a scale, 16 columns.
          3 * 2 * 2 * 16 * (16 + 2));
    CHECK_THAT(explain<gpt>(), sequent_test::contains(
                                   "  cache     12288 bytes of it, keys and values; in bf16 6144, "
                                   "in q8_0 3456\n"));
    CHECK(fewer::size + 3 * 2 * 2 * 16 * 16 == gpt::state<float>::size);
    const std::span<const std::int32_t> symbols(text);
    for (int at = 0; at < positions; ++at) {
        const auto given = symbols.subspan(check::to_size(at), 1);
        const auto exact_row = numbers_of(gpt::step(*p, {given}, *plain));
        const auto row = numbers_of(gpt::step(*p, {given}, *one));
        CHECK(difference(row, exact_row) < 0.02 * greatest(exact_row));
        if (at > 0) CHECK(difference(row, exact_row) > 0);
        if (at == 4) *other = *one;
    }
    const auto last = numbers_of(gpt::prefill(*p, {symbols.subspan(5)}, *other));
    one->truncate(5);
    const double rounding = 1e-5 * greatest(last);
    CHECK(difference(numbers_of(gpt::prefill(*p, {symbols.subspan(5)}, *one)), last) == 0);
    one->reset();
    CHECK(difference(numbers_of(gpt::prefill(*p, {symbols}, *one)), last) <= rounding);

    one->truncate(8);
    other->truncate(7);
    const std::vector<gpt::rows<float>> rows{{text[8]}, {text[7]}};
    const std::vector<fewer*> states{one.get(), other.get()};
    gpt::step_batch<cache<q8_0>>(*p, rows, states, [&](int sequence, const auto& found) {
        if (sequence == 0) CHECK(difference(numbers_of(found), last) <= rounding);
    });
    CHECK(other->position() == 8);
    CHECK(difference(numbers_of(gpt::step(*p, {text[8]}, *other)), last) <= rounding);
}

TEST_CASE("a window of a cache in fewer bits gives its first columns way") {
    const auto p = make_unique<windowed::parameters<float>>();
    windowed::initialize(*p, 3);
    const auto plain = make_unique<windowed::state<float>>();
    const auto fewer = make_unique<windowed::state<float, cache<q8_0, bf16>>>();
    CHECK(sizeof *fewer < sizeof *plain);
    for (int at = 0; at < 200; ++at) {
        const std::int32_t symbol = at * at % symbol_count;
        const auto right = numbers_of(windowed::step(*p, {symbol}, *plain));
        const auto found = numbers_of(windowed::step(*p, {symbol}, *fewer));
        CHECK(difference(found, right) < 0.02 * greatest(right));
    }
}

namespace {

inline constexpr auto with_an_edge =
    rules(y(i) <<= x(i)[W<"A", 64, 64>], y(i) <<= x(i - 1)[W<"B", 64, 64>]);
using edge_model = model<with_an_edge, fact<"x", 5, 64>>;

}  // namespace

TEST_CASE("packed weights beside a window that ends") {
    const auto p = make_unique<edge_model::parameters<float>>();
    edge_model::initialize(*p, 5);
    const auto packed = make_unique<edge_model::packed<bf16>>(*p);
    const auto w = make_unique<edge_model::scratch<float>>();
    const auto x_of = make_unique<std::array<float, 5 * 64>>();
    random_numbers random(7);
    for (float& each : *x_of) each = static_cast<float>(random.normal());
    const auto expected = numbers_of(edge_model::forward(*p, {*x_of}, *w));
    const auto given = numbers_of(edge_model::forward(*packed, {*x_of}, *w));
    CHECK(difference(given, expected) < 0.02 * greatest(expected));
}
