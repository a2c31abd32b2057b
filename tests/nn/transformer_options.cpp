#include <sequent/nn.hpp>

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

TEST_CASE("slopes of distances, queries in groups, a cap") {
    check::agrees_in_double<slopes>();
}
TEST_CASE("a number for each distance, one head of keys") {
    check::agrees_in_double<distances>();
}
TEST_CASE("encoder layers over a part of the positions") {
    check::agrees_in_double<deep>(4);
}
TEST_CASE("an encoder and a decoder") {
    check::agrees_in_double<translation>(5);
}
TEST_CASE("dropout in training alone") {
    check::agrees_in_double<dropping>(0);
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
