#include <sequent/plan.hpp>

#include "../catch.hpp"

// Most of this is checked as it compiles.

namespace {

namespace plan = sequent::plan;
using namespace sequent::language;
using plan::step_kind;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h", 3> h;
template <fixed_string Name>
inline constexpr relation<Name> r;
template <fixed_string Name, int... Shape>
inline constexpr weight<Name, Shape...> W;

/// A plan's steps are exactly these.
template <class Plan>
constexpr bool steps_are(std::initializer_list<step_kind> kinds) {
    int at = 0;
    for (step_kind kind : kinds)
        if (at >= Plan::tables.steps.size() || Plan::tables.steps[at++].kind != kind) return false;
    return at == Plan::tables.steps.size();
}

template <class Plan>
constexpr int relation_at(const char* text, int length) {
    for (int at = 0; at < Plan::shapes.text.relations.size(); ++at)
        if (Plan::shapes.text.relations[at].id == plan::make_name(text, length) &&
            !Plan::shapes.text.relations[at].invented)
            return at;
    return -1;
}
template <class Plan, fixed_string Name>
inline constexpr plan::relation_shape shape_of =
    Plan::shapes.relations[relation_at<Plan>(Name.characters, sizeof(Name.characters) - 1)];

/// Whether no two buffers that are needed at the same time share memory.
template <class Plan>
constexpr bool memory_is_disjoint() {
    struct interval {
        int begin, end, first, last;
    };
    plan::list<interval, 2 * decltype(Plan::tables.buffers)::capacity()> used{};
    for (const plan::buffer& each : Plan::tables.buffers) {
        if (each.last < 0) continue;
        used.push({each.offset, each.offset + each.size * each.copies, each.first, each.last});
        if (each.adjoint >= 0)
            used.push(
                {each.adjoint, each.adjoint + each.size, each.adjoint_first, each.adjoint_last});
    }
    for (int at = 0; at < used.size(); ++at) {
        if (used[at].begin < 0 || used[at].end > Plan::tables.workspace) return false;
        for (int other = 0; other < at; ++other)
            if (used[at].begin < used[other].end && used[other].begin < used[at].end &&
                used[at].first <= used[other].last && used[other].first <= used[at].last)
                return false;
    }
    return true;
}

/// Whether no two weights share a number, and all lie within the parameters.
template <class Plan>
constexpr bool weights_are_disjoint() {
    plan::list<int, Plan::tables.parameters> owner{};
    owner.reset(Plan::tables.parameters);
    for (int at = 0; at < Plan::shapes.text.weights.size(); ++at) {
        const auto& declared = Plan::shapes.text.weights[at];
        const auto& shape = Plan::shapes.weights[at];
        const auto& layout = Plan::tables.weights[at];
        if (shape.uses == 0 || declared.scope != 0) continue;
        const int first = shape.arity > 0 ? shape.extents[0] : 1;
        for (int index = 0; index < first; ++index)
            for (int row = 0; row < declared.shape[0]; ++row)
                for (int column = 0; column < declared.shape[1]; ++column) {
                    const int place = layout.offset + index * layout.strides[0] + row * layout.row +
                                      column * layout.column;
                    if (place < 0 || place >= Plan::tables.parameters) return false;
                    if (owner[place]++) return false;
                }
    }
    return true;
}

template <class Plan>
constexpr bool is_sound() {
    return memory_is_disjoint<Plan>() && weights_are_disjoint<Plan>();
}

inline constexpr auto encoder =
    rules(r<"q">(i) <<= r<"input">(i)[W<"W_q", 4, 4>], r<"k">(i) <<= r<"input">(i)[W<"W_k", 4, 4>],
          r<"v">(i) <<= r<"input">(i)[W<"W_v", 4, 4>],
          r<"score">(i, j) <<=
          (inverse_sqrt(4), r<"k">(j).T(), r<"q">(i), j <= i) | product() | softmax(j),
          r<"attention">(i) <<= (r<"score">(i, j), r<"v">(j)) | product() | sum(j),
          r<"norm1">(i) <<= (r<"attention">(i), r<"q">(i)) | norm(),
          r<"mlp">(i)[W<"W_2", 4, 9>] <<= r<"norm1">(i)[W<"W_1", 9, 4>] | relu(),
          r<"norm2">(i) <<= (r<"mlp">(i), r<"norm1">(i)) | norm());

using of_encoder = plan::plan_of<encoder, fact<"input", 7, 4>>;
static_assert(of_encoder::ok);
static_assert(steps_are<of_encoder>({step_kind::rows, step_kind::attention, step_kind::rows,
                                     step_kind::rows, step_kind::rows}));
// Query, key and value are one product; the second matrix of the MLP takes residual and norm along.
static_assert(of_encoder::tables.rows[0].length == 12);
static_assert(of_encoder::tables.rows[0].terms.size() == 1);
static_assert(of_encoder::tables.rows[3].terms.size() == 2);
static_assert(of_encoder::tables.rows[3].functions.size() == 1);
static_assert(is_sound<of_encoder>());

static_assert(shape_of<of_encoder, "q">.extents[0] == 7);
static_assert(shape_of<of_encoder, "q">.value == plan::value_shape{4, 1});
static_assert(shape_of<of_encoder, "score">.arity == 2);
static_assert(shape_of<of_encoder, "score">.value.is_scalar());
static_assert(shape_of<of_encoder, "norm2">.output);
static_assert(of_encoder::shapes.outputs.size() == 1);

/// Each rule comes after those whose relations it reads.
template <class Plan>
constexpr bool order_is_right() {
    plan::list<int, decltype(Plan::shapes.order)::capacity()> done{};
    done.reset(Plan::shapes.text.rules.size());
    for (int at : Plan::shapes.order) {
        const auto& written = Plan::shapes.text.rules[at];
        for (int body = 0; body < written.literals; ++body) {
            const auto& item = Plan::shapes.text.literals[written.first_literal + body];
            if (item.kind != plan::literal_kind::relation) continue;
            const int definer = Plan::shapes.relations[item.relation].rule;
            if (definer >= 0 && !done[definer]) return false;
        }
        done[at] = 1;
    }
    return Plan::shapes.order.size() == Plan::shapes.text.rules.size();
}
static_assert(order_is_right<of_encoder>());

// Rules may stand in any order.
inline constexpr auto backwards = rules(r<"c">(i) <<= (r<"b">(i), r<"a">(i)) | tanh(),
                                        r<"b">(i) <<= r<"a">(i)[W<"B", 3, 3>] | relu(),
                                        r<"a">(i) <<= r<"x">(i)[W<"A", 3, 5>] | relu());
using of_backwards = plan::plan_of<backwards, fact<"x", 2, 5>>;
static_assert(order_is_right<of_backwards>());
static_assert(steps_are<of_backwards>({step_kind::rows, step_kind::rows, step_kind::rows}));
static_assert(is_sound<of_backwards>());

// Heads over one input are columns of one product; their concatenation is no step.
inline constexpr auto heads = rules(
    r<"q">(h, i) <<= r<"x">(i)[W<"W_q", 5, 7>(h)], r<"k">(h, i) <<= r<"x">(i)[W<"W_k", 5, 7>(h)],
    r<"v">(h, i) <<= r<"x">(i)[W<"W_v", 4, 7>(h)],
    r<"w">(h, i, j) <<= (r<"k">(h, j).T(), r<"q">(h, i), j <= i) | product() | softmax(j),
    r<"a">(h, i) <<= (r<"w">(h, i, j), r<"v">(h, j)) | product() | sum(j),
    r<"b">(i) <<= r<"a">(h, i) | concat(h),
    r<"y">(i) <<= (r<"b">(i)[W<"W_o", 7, 12>], r<"x">(i)) | norm());
using of_heads = plan::plan_of<heads, fact<"x", 9, 7>>;
static_assert(steps_are<of_heads>({step_kind::rows, step_kind::attention, step_kind::rows}));
static_assert(of_heads::tables.rows[0].length == 3 * (5 + 5 + 4));
static_assert(of_heads::tables.attentions[0].outers == 1);
static_assert(of_heads::tables.attentions[0].outer_extents[0] == 3);
static_assert(is_sound<of_heads>());

// Heads that share keys: a row is a position, not a head.
inline constexpr auto multi_query =
    rules(r<"q">(h, i) <<= r<"x">(i)[W<"W_q", 7, 7>(h)],
          r<"w">(h, i, j) <<= (r<"x">(j).T(), r<"q">(h, i)) | product() | softmax(j),
          r<"a">(h, i) <<= (r<"w">(h, i, j), r<"x">(j)) | product() | sum(j));
using of_multi_query = plan::plan_of<multi_query, fact<"x", 9, 7>>;
static_assert(steps_are<of_multi_query>({step_kind::rows, step_kind::attention}));
static_assert(of_multi_query::tables.attentions[0].rows == 9);
static_assert(is_sound<of_multi_query>());

// What no step is made for is computed by the general one.
inline constexpr auto general =
    rules(r<"a">(i) <<= (r<"x">(i), r<"x">(j), j < i) | elementwise_product() | max(j),
          r<"y">(i) <<= r<"a">(i)[W<"A", 2, 5>]);
using of_general = plan::plan_of<general, fact<"x", 4, 5>>;
static_assert(steps_are<of_general>({step_kind::general, step_kind::rows}));
static_assert(is_sound<of_general>());

// A stack has the steps of one layer.
inline constexpr auto block = rules(r<"a">(i) <<= r<"x">(i)[W<"A", 7, 5>] | gelu(),
                                    r<"y">(i) <<= (r<"a">(i)[W<"B", 5, 7>], r<"x">(i)));
inline constexpr auto stacked = rules(r<"y">(i) <<= r<"x">(i) | stack<12>(block));
using of_stacked = plan::plan_of<stacked, fact<"x", 3, 5>>;
static_assert(steps_are<of_stacked>({step_kind::rows, step_kind::repeat_begin, step_kind::rows,
                                     step_kind::rows, step_kind::repeat_end}));
static_assert(memory_is_disjoint<of_stacked>());
static_assert(of_stacked::tables.scope_parameters[1] >= 2 * 5 * 7);
static_assert(of_stacked::tables.parameters == 12 * of_stacked::tables.scope_parameters[1]);

}  // namespace
