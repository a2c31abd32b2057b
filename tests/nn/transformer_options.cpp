#include <cmath>
#include <sequent/nn.hpp>
#include <vector>

#include "../model/check.hpp"

using namespace sequent;

namespace {

template <class Model>
constexpr int steps_of(plan::step_kind kind) {
    int count = 0;
    for (const plan::step& each : Model::plan::tables.steps) count += each.kind == kind ? 1 : 0;
    return count;
}

// What the comparisons with other libraries' models leave out.
using slopes = multi_head_attention<tokens<6>, width<8>, heads<4>, key_heads<2>, position::alibi,
                                    mask::causal, score_cap<3>>;
using distances = multi_head_attention<tokens<6>, width<8>, heads<4>, key_heads<1>, scaled<false>,
                                       position::relative, mask::window<3>>;
using deep = transformer::encoder<tokens<5>, width<6>, heads<3>, head_width<4>, depth<2>, pre_norm,
                                  padded<true>, activation::reglu, normalization::rms<>,
                                  position::relative_buckets<8, 6>>;
using translation =
    transformer::encoder_decoder<vocabulary<7>, source_vocabulary<5>, tokens<4>, source_tokens<6>,
                                 width<8>, heads<2>, depth<2>, source_depth<1>, hidden<8>,
                                 padded<true>, post_norm>;
using dropping = transformer::language_model<vocabulary<5>, tokens<4>, width<8>, heads<2>, depth<2>,
                                             hidden<8>, dropout_percent<20>>;

static_assert(steps_of<slopes>(plan::step_kind::attention) == 1);
static_assert(steps_of<distances>(plan::step_kind::general) == 0);
static_assert(deep::shape.hidden == 16 && deep::shape.head_width == 4);

}  // namespace

TEST_CASE("slopes of ALiBi are those of trained files") {
    // get_slopes of the paper's authors, https://github.com/ofirpress/attention_with_linear_biases.
    const auto check = []<int Heads>(const std::vector<double>& expected) {
        constexpr nn::shape shape{.heads = Heads};
        for (int head = 0; head < Heads; ++head) {
            INFO(Heads << " heads, head " << head);
            const int exponent = nn::alibi_exponent<shape>(head);
            const double slope = std::exp2(-4.0 / nn::alibi_period<shape> * exponent);
            CHECK(slope == Approx(expected[static_cast<std::size_t>(head)]).epsilon(1e-12));
        }
    };
    check.operator()<1>({0x1p-8});
    check.operator()<2>({0x1p-4, 0x1p-8});
    check.operator()<3>({0x1p-4, 0x1p-8, 0x1p-2});
    check.operator()<6>({0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125});
    check.operator()<8>({0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625});
    const double root = std::sqrt(0.5);
    check.operator()<12>({0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625, root,
                          root / 2, root / 4, root / 8});
}

TEST_CASE("slopes of distances, six heads") {
    using six = multi_head_attention<tokens<4>, width<6>, heads<6>, position::alibi, mask::causal>;
    const auto p = make_unique<six::parameters<float>>();
    const auto w = make_unique<six::workspace<float>>();
    std::vector<float> x(24);
    // Queries and keys are zero, so that the weights follow from the slopes alone; values are the
    // first input, which only the first position has.
    x[0] = 1;
    six::for_each(*p, [](std::string_view name, const tensor_view<float>& view) {
        for (int head = 0; head < 6; ++head) {
            if (name == "W_value") view(head, 0, 0) = 1;
            if (name == "W_out") view(head, head) = 1;
        }
    });
    const auto y = six::forward(*p, {x}, *w);
    const double slopes[]{0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125};
    for (int head = 0; head < 6; ++head) {
        double sum = 0;
        for (int distance = 0; distance <= 3; ++distance) sum += std::exp(-distance * slopes[head]);
        CHECK(y(3, head) == Approx(std::exp(-3 * slopes[head]) / sum).epsilon(1e-5));
    }
}

TEST_CASE("slopes of distances, queries in groups, a cap") {
    check::runs<slopes>();
}
TEST_CASE("a number for each distance, one head of keys") {
    check::agrees<distances>();
}
TEST_CASE("encoder layers over a part of the positions") {
    check::agrees<deep>(4);
}
TEST_CASE("an encoder and a decoder") {
    check::agrees<translation>(5);
}
TEST_CASE("dropout in training alone") {
    check::agrees<dropping>(0);
    check::fixture<dropping, double> f(1, 3);
    CHECK(check::gradient_error(f) < 1e-5);
    CHECK(f.outputs() != check::fixture<dropping, double>(1, 4).outputs());
}

using encoder = transformer::encoder<tokens<6>, width<8>, heads<2>>;

namespace replaced {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr relation<"between"> between;
inline constexpr relation<"expanded"> expanded;
inline constexpr weight<"W_expand", 32, 8> W_expand;
inline constexpr weight<"b_expand", 32> b_expand;
inline constexpr auto program =
    replace_rules(encoder::program, expanded(i) <<= (between(i)[W_expand], b_expand) | gelu());
}  // namespace replaced

TEST_CASE("a rule of a template is replaced") {
    using mine = model<replaced::program, fact<"x", 6, 8>>;
    using wanted = transformer::encoder<tokens<6>, width<8>, heads<2>, activation::gelu>;
    check::fixture<mine, float> f(1);
    check::fixture<wanted, float> g(1);
    mine::for_each(*f.p, [&](std::string_view name, auto to) {
        wanted::for_each(*g.p, [&](std::string_view other, auto from) {
            if (name != other) return;
            for (int at = 0; at < to.size(); ++at) to.element(at) = from.element(at);
        });
    });
    CHECK(f.outputs() == g.outputs());
}
