#pragma once

#include <bit>
#include <tuple>
#include <utility>

#include "../model.hpp"
#include "arguments.hpp"

/// The variables, relations and parts that the templates' rules share.

namespace sequent::inline SEQUENT_ABI::nn {

using namespace language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;

inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"query"> query_of;
inline constexpr relation<"key"> key;
inline constexpr relation<"value"> value;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"head"> head;
inline constexpr relation<"joined"> joined_heads;
inline constexpr relation<"attended"> attended;
inline constexpr relation<"between"> between;
inline constexpr relation<"normal_between"> normal_between;
inline constexpr relation<"slope"> slope;
inline constexpr relation<"expanded"> expanded;
inline constexpr relation<"gate"> gate;
inline constexpr relation<"gated"> gated;
inline constexpr relation<"transformed"> transformed;

/// A model's facts, of which some depend on options.
template <class... Facts>
struct fact_list {
    template <class Fact, bool Given>
    using with = std::conditional_t<Given, fact_list<Facts..., Fact>, fact_list>;
    template <const auto& Program>
    using model_of = model<Program, Facts...>;
};

/// A sequence of Tokens values, or of any length up to that.
template <bool AnyLength, fixed_string Name, int Tokens, auto... Value>
using sequence_fact = std::conditional_t<AnyLength, fact<Name, language::up_to<Tokens>, Value...>,
                                         fact<Name, Tokens, Value...>>;

/// The mask, and of padded sequences the positions that exist.
template <bool Padded, class Mask, fixed_string Count>
using padded_mask =
    std::conditional_t<!Padded, Mask,
                       std::conditional_t<std::is_same_v<Mask, mask::none>, mask::padding<Count>,
                                          mask::both<Mask, mask::padding<Count>>>>;

/// The body with the mask's constraint, if it has one, on the pair (row, column) in head h, where a
/// mask may be of each head its own.
template <class Mask, class Body, class Head, class Row, class Column>
constexpr auto masked(Body body, Head h, Row row, Column column) noexcept {
    if constexpr (std::is_same_v<Mask, mask::none>)
        return body;
    else
        return (body, mask::detail::keeps<Mask>(h, row, column));
}

/// The body with the bias, if the template has biases.
template <shape Shape, class Body, class Bias>
constexpr auto biased(Body body, Bias bias) noexcept {
    if constexpr (Shape.biases)
        return (body, bias);
    else
        return body;
}

/// The body with the norm of the template.
template <shape Shape, class Body, class Gain, class Bias>
constexpr auto normalized(Body body, Gain gain, Bias bias) noexcept {
    if constexpr (Shape.normalization == norm_kind::layer)
        return body | layer_norm(gain, bias, Shape.epsilon());
    else
        return body | rms_norm(gain, Shape.epsilon());
}

/// The body of what joins the residual path, with dropout if the template has it.
template <shape Shape, class Body>
constexpr auto dropped(Body body) noexcept {
    if constexpr (Shape.dropout_percent > 0)
        return body | dropout(Shape.dropout_percent / 100.0, bound<"seed">{});
    else
        return body;
}

/// A query or a key, turned by its position if positions are rotary.
template <shape Shape, class Body>
constexpr auto positioned_at(Body body) noexcept {
    if constexpr (Shape.position == position_kind::rotary)
        return body | rotary(i, Shape.position_base);
    else if constexpr (Shape.position == position_kind::rotary_halves)
        return body | rotary_halves(i, Shape.position_base);
    else
        return body;
}

/// Calls f with the variables of a head: the head of the keys, and the query among those that
/// attend to it, if there are several.
template <shape Shape, class F>
constexpr auto with_heads(F f) noexcept {
    if constexpr (Shape.group() == 1)
        return f(var<"h", Shape.heads>{});
    else
        return f(var<"g", Shape.key_heads>{}, var<"r", Shape.group()>{});
}

/// Which of all heads it is; the only one, where there are none.
template <shape Shape>
constexpr auto number_of_head() noexcept {
    return 0;
}
template <shape Shape, class KeyHead>
constexpr auto number_of_head(KeyHead key_head) noexcept {
    return key_head;
}
template <shape Shape, class KeyHead, class Query>
constexpr auto number_of_head(KeyHead key_head, Query query) noexcept {
    return key_head * Shape.group() + query;
}

/// ALiBi's slopes (arXiv 2108.12409, section 3) as trained files have them. With n the greatest
/// power of two that is not above the number of heads, the first n heads have 2^(-8/n), 2^(-16/n),
/// ..., the others every second slope of 2n heads, 2^(-4/n), 2^(-12/n), ...: the authors' code.
template <shape Shape>
inline constexpr int alibi_period =
    static_cast<int>(std::bit_floor(static_cast<unsigned>(Shape.heads)));

/// The slope of a head is 2^(-4 / n times this).
template <shape Shape, class Head>
constexpr auto alibi_exponent(Head number) noexcept {
    constexpr int n = alibi_period<Shape>;
    if constexpr (n == Shape.heads)
        return 2 * (number + 1);
    else
        return 2 * (number + 1) - number / n * (2 * n + 1);
}

/// Bucket of a distance j - i. Where both directions have buckets, those of later positions follow
/// those of earlier ones; else later positions share the bucket of distance 0.
constexpr int bucket_of(int distance, int buckets, int max_distance, bool both_directions) {
    int first = 0;
    if (both_directions) {
        buckets /= 2;
        if (distance > 0) first = buckets;
    } else if (distance > 0) {
        distance = 0;
    }
    if (distance < 0) distance = -distance;
    const int single = buckets / 2;
    if (distance < single) return first + distance;
    // The bucket is single + floor((buckets - single) log(distance / single) / log(max / single)).
    const int others = buckets - single;
    const auto power = [](double factor, int exponent) {
        double result = 1 + 1e-9;
        for (int at = 0; at < exponent; ++at) result *= factor;
        return result;
    };
    const double reached = power(static_cast<double>(distance) / single, others);
    int bucket = 0;
    while (bucket + 1 < others &&
           reached >= power(static_cast<double>(max_distance) / single, bucket + 1) / (1 + 1e-9))
        ++bucket;
    return first + single + bucket;
}

/// The relation of the bias of each distance: an encoder-decoder has two.
template <shape Shape>
constexpr auto distance_bias() noexcept {
    if constexpr (Shape.is_source)
        return relation<"source_distance_bias">{};
    else
        return relation<"distance_bias">{};
}

/// Gives the bias of each distance, for all layers, if that is what positions are; place r stands
/// for the distance r - (tokens - 1). Where the mask is known to keep no later position, all
/// buckets are those of earlier ones.
template <shape Shape, bool BothDirections>
inline constexpr auto distance_rules = [] {
    if constexpr (Shape.position == position_kind::relative_buckets) {
        constexpr var<"b", Shape.buckets> b;
        constexpr var<"r", 2 * Shape.tokens - 1> r;
        constexpr auto table = [] {
            if constexpr (Shape.is_source)
                return weight<"source_relative">{};
            else
                return weight<"relative">{};
        }();
        constexpr auto in_bucket = [](int bucket, int place) noexcept {
            return bucket == bucket_of(place - (Shape.tokens - 1), Shape.buckets,
                                       Shape.max_distance, BothDirections);
        };
        return with_heads<Shape>([=](auto... of) {
            return rules(distance_bias<Shape>()(of..., r) <<=
                         (table(of..., b), holds<in_bucket>(b, r)) | sum(b));
        });
    } else {
        return rules();
    }
}();

/// The relations of an attention, whose names begin with Prefix.
template <fixed_string Prefix>
struct attention_names {
    static constexpr relation<Prefix + "query"> query{};
    static constexpr relation<Prefix + "key"> key{};
    static constexpr relation<Prefix + "value"> value{};
    static constexpr relation<Prefix + "synthetic_hidden"> synthetic_hidden{};
    static constexpr relation<Prefix + "synthetic"> synthetic{};
    static constexpr relation<Prefix + "first_factor"> first_factor{};
    static constexpr relation<Prefix + "second_factor"> second_factor{};
    static constexpr relation<Prefix + "factors"> factors{};
    static constexpr relation<Prefix + "share"> share{};
    static constexpr relation<Prefix + "logit"> logit{};
    static constexpr relation<Prefix + "weights"> weights{};
    static constexpr relation<Prefix + "head"> head{};
    static constexpr relation<Prefix + "joined"> joined{};
    static constexpr relation<Prefix + "attended"> attended{};
};

/// What heads that share keys call by their first variable; without heads there is none.
template <class Named, class... Position>
constexpr auto of_key_head(Named named, std::tuple<>, Position... at) noexcept {
    return named(at...);
}
template <class Named, class KeyHead, class... Query, class... Position>
constexpr auto of_key_head(Named named, std::tuple<KeyHead, Query...>, Position... at) noexcept {
    return named(KeyHead{}, at...);
}

/// Queries and keys (arXiv 1706.03762, section 3.2.2).
template <shape Shape, class Input, class Context, fixed_string Prefix, class... Head>
constexpr auto query_rules(Head... of) noexcept {
    constexpr Input input;
    constexpr Context context;
    constexpr std::tuple<Head...> all;
    using name = attention_names<Prefix>;
    constexpr weight<Prefix + "W_query", Shape.head_width, Shape.width> W_query;
    constexpr weight<Prefix + "W_key", Shape.head_width, Shape.width> W_key;
    constexpr weight<Prefix + "b_query", Shape.head_width> b_query;
    constexpr weight<Prefix + "b_key", Shape.head_width> b_key;
    // clang-format off
    return rules(
        name::query(of..., i)           <<= positioned_at<Shape>(biased<Shape>(
                                                input(i)[W_query(of...)], b_query(of...))),
        of_key_head(name::key, all, i)  <<= positioned_at<Shape>(biased<Shape>(
                                                context(i)[of_key_head(W_key, all)],
                                                of_key_head(b_key, all))));
    // clang-format on
}

/// synthetic(h, i), of which number j is the score of j (arXiv 2005.00743, section 3.1.1).
template <shape Shape, class Input, fixed_string Prefix, class... Head>
constexpr auto dense_rules(Head... of) noexcept {
    constexpr Input input;
    using name = attention_names<Prefix>;
    constexpr weight<Prefix + "W_1", Shape.head_width, Shape.width> W_1;
    constexpr weight<Prefix + "b_1", Shape.head_width> b_1;
    constexpr weight<Prefix + "W_2", Shape.tokens, Shape.head_width> W_2;
    constexpr weight<Prefix + "b_2", Shape.tokens> b_2;
    // clang-format off
    return rules(
        name::synthetic_hidden(of..., i) <<= biased<Shape>(input(i)[W_1(of...)], b_1(of...))
                                             | relu(),
        name::synthetic(of..., i)        <<= biased<Shape>(
                                                 name::synthetic_hidden(of..., i)[W_2(of...)],
                                                 b_2(of...)));
    // clang-format on
}

/// factors(h, i), of which number j is the score of j: each number of the first factor times all of
/// the second (arXiv 2005.00743, section 3.1.3).
template <shape Shape, class Input, fixed_string Prefix, class... Head>
constexpr auto factor_rules(Head... of) noexcept {
    constexpr Input input;
    using name = attention_names<Prefix>;
    constexpr weight<Prefix + "W_first", Shape.scores.first, Shape.width> W_first;
    constexpr weight<Prefix + "b_first", Shape.scores.first> b_first;
    constexpr weight<Prefix + "W_second", Shape.scores.second, Shape.width> W_second;
    constexpr weight<Prefix + "b_second", Shape.scores.second> b_second;
    // clang-format off
    return rules(
        name::first_factor(of..., i)  <<= biased<Shape>(input(i)[W_first(of...)], b_first(of...)),
        name::second_factor(of..., i) <<= biased<Shape>(input(i)[W_second(of...)], b_second(of...)),
        name::factors(of..., i)       <<= (name::first_factor(of..., i),
                                           name::second_factor(of..., i).T())
                                          | product()
                                          | reshape(Shape.scores.first * Shape.scores.second));
    // clang-format on
}

/// The shares of the parts of a mixture, whose sum is one (arXiv 2005.00743, section 3.1.4).
template <shape Shape, fixed_string Prefix>
constexpr auto share_rules() noexcept {
    constexpr weight<Prefix + "mixture", Shape.scores.count> mixture;
    return rules(attention_names<Prefix>::share() <<= mixture.use() | softmax());
}

/// The rules that a part of the scores needs, if it is one.
template <score_part Part, shape Shape, class Input, class Context, fixed_string Prefix,
          class... Head>
constexpr auto rules_of_part(Head... of) noexcept {
    if constexpr (!Shape.scores.has(Part))
        return rules();
    else if constexpr (Part == score_part::dot_product)
        return query_rules<Shape, Input, Context, Prefix>(of...);
    else if constexpr (Part == score_part::dense)
        return dense_rules<Shape, Input, Prefix>(of...);
    else
        return factor_rules<Shape, Input, Prefix>(of...);
}

/// What scores are made of: queries and keys, or what synthesizers have in their place.
template <shape Shape, class Input, class Context, fixed_string Prefix, class... Head>
constexpr auto score_part_rules(Head... of) noexcept {
    const auto parts =
        rules(rules_of_part<score_part::dot_product, Shape, Input, Context, Prefix>(of...),
              rules_of_part<score_part::dense, Shape, Input, Context, Prefix>(of...),
              rules_of_part<score_part::factorized_dense, Shape, Input, Context, Prefix>(of...));
    if constexpr (Shape.scores.mixed)
        return rules(parts, share_rules<Shape, Prefix>());
    else
        return parts;
}

/// The positions of a score, whose ranges are stated where tables, which bind none, may be all of
/// it.
template <shape Shape>
constexpr auto seeking_position() noexcept {
    if constexpr (Shape.scores.is_dot_product())
        return i;
    else
        return var<"i", Shape.tokens>{};
}
template <shape Shape>
constexpr auto sought_position() noexcept {
    if constexpr (Shape.scores.is_dot_product())
        return j;
    else
        return var<"j", Shape.tokens>{};
}

/// What part At of the scores adds to that of a pair in head `of`.
template <shape Shape, class Mask, fixed_string Prefix, int At, class... Head>
constexpr auto score_of_part(Head... of) noexcept {
    using name = attention_names<Prefix>;
    constexpr score_part part = Shape.scores.parts[At];
    const auto row = seeking_position<Shape>();
    const auto column = sought_position<Shape>();
    const auto product_of = [=](auto... literals) {
        const auto all = number_of_head<Shape>(of...);
        if constexpr (Shape.scores.mixed)
            return masked<Mask>((at(name::share(), At), ..., literals), all, row, column) |
                   product();
        else
            return masked<Mask>((..., literals), all, row, column) | product();
    };
    if constexpr (part == score_part::dot_product) {
        const auto seeking = name::query(of..., row);
        const auto sought = of_key_head(name::key, std::tuple<Head...>{}, column).T();
        if constexpr (Shape.scaled)
            return product_of(inverse_sqrt(Shape.head_width), sought, seeking);
        else
            return product_of(sought, seeking);
    } else if constexpr (part == score_part::dense) {
        return product_of(at(name::synthetic(of..., row), column));
    } else if constexpr (part == score_part::random) {
        constexpr weight<Prefix + "R"> R;
        return product_of(R(of..., row, column));
    } else if constexpr (part == score_part::fixed_random) {
        constexpr weight<Prefix + "R_fixed"> R;
        return product_of(fixed(R(of..., row, column)));
    } else if constexpr (part == score_part::factorized_random) {
        constexpr weight<Prefix + "R_1", Shape.scores.rank> R_1;
        constexpr weight<Prefix + "R_2", Shape.scores.rank> R_2;
        return product_of(R_1(of..., row).T(), R_2(of..., column));
    } else {
        return product_of(at(name::factors(of..., row), column));
    }
}

/// The rules that give weights(head..., i, j), the softmax over j of the scores, with what the
/// position adds, within a cap. Relations have names that begin with Prefix.
template <shape Shape, class Mask, fixed_string Prefix, class... Head>
constexpr auto score_rules(Head... of) noexcept {
    using name = attention_names<Prefix>;
    [[maybe_unused]] constexpr weight<Prefix + "relative"> relative;
    [[maybe_unused]] const auto all = number_of_head<Shape>(of...);
    const auto row = seeking_position<Shape>();
    const auto column = sought_position<Shape>();
    const auto capped = [](auto body) {
        if constexpr (Shape.score_cap > 0)
            return body | soft_cap(Shape.score_cap);
        else
            return body;
    };
    constexpr bool adds_position = Shape.position == position_kind::alibi ||
                                   Shape.position == position_kind::relative ||
                                   Shape.position == position_kind::relative_buckets;
    if constexpr (Shape.scores.count == 1 && !adds_position) {
        return rules(name::weights(of..., row, column) <<=
                     capped(score_of_part<Shape, Mask, Prefix, 0>(of...)) | softmax(column));
    } else {
        const auto parts = [=]<int... At>(std::integer_sequence<int, At...>) {
            return rules((name::logit(of..., row, column) <<=
                          score_of_part<Shape, Mask, Prefix, At>(of...))...);
        }
        (std::make_integer_sequence<int, Shape.scores.count>{});
        const auto soft = rules(name::weights(of..., row, column) <<=
                                capped(name::logit(of..., row, column)) | softmax(column));
        // clang-format off
        if constexpr (Shape.position == position_kind::alibi)
            return rules(
                slope(of...) <<= (number(-4 * 0.69314718055994530942 / alibi_period<Shape>),
                                  number(alibi_exponent<Shape>(all))) | product() | exp(),
                parts,
                name::logit(of..., row, column)
                    <<= masked<Mask>((slope(of...), number(column - row)), all, row, column)
                        | product(),
                soft);
        else if constexpr (Shape.position == position_kind::relative)
            return rules(
                parts,
                name::logit(of..., row, column)
                    <<= masked<Mask>(relative(of..., column - row + (Shape.tokens - 1)), all, row,
                                     column),
                soft);
        else if constexpr (Shape.position == position_kind::relative_buckets)
            return rules(
                parts,
                name::logit(of..., row, column)
                    <<= masked<Mask>(distance_bias<Shape>()(of..., column - row +
                                                                       (Shape.tokens - 1)),
                                     all, row, column),
                soft);
        else
            return rules(parts, soft);
        // clang-format on
    }
}

/// softmax(scores) V with V linear in Input(i), to attended(i); by default the scores are
/// Q K^T / sqrt(d), with Q and K linear in Input(i) (arXiv 1706.03762, equation 1).
template <shape Shape, class Mask, class Input>
inline constexpr auto attention_rules = [] {
    constexpr Input input;
    constexpr weight<"W_value", Shape.width, Shape.width> W_value;
    constexpr weight<"b_value", Shape.width> b_value;
    static_assert(!mask::detail::of_heads<Mask>, "sequent: masks of each head need several heads");
    // clang-format off
    return rules(
        score_part_rules<Shape, Input, Input, "">(),
        value(i)      <<= biased<Shape>(input(i)[W_value], b_value),
        score_rules<Shape, Mask, "">(),
        attended(i)   <<= (weights(i, j), value(j)) | product() | sum(j));
    // clang-format on
}();

/// Attention of several heads, concatenated and mapped, to attended(i) (arXiv 1706.03762, section
/// 3.2.2). Queries follow from Input(i), keys and values from Context(i), which is Input in
/// self-attention. Names begin with Prefix.
template <shape Shape, class Mask, class Input, class Context = Input, fixed_string Prefix = "">
inline constexpr auto multi_head_rules = with_heads<Shape>([](auto key_head, auto... query) {
    constexpr int d = Shape.width;
    constexpr int d_head = Shape.head_width;
    constexpr Context context;
    using name = attention_names<Prefix>;
    constexpr weight<Prefix + "W_value", d_head, d> W_value;
    constexpr weight<Prefix + "W_out", d, d_head * Shape.heads> W_out;
    constexpr weight<Prefix + "b_value", d_head> b_value;
    constexpr weight<Prefix + "b_out", d> b_out;
    // clang-format off
    return rules(
        score_part_rules<Shape, Input, Context, Prefix>(key_head, query...),
        name::value(key_head, i)           <<= biased<Shape>(context(i)[W_value(key_head)],
                                                             b_value(key_head)),
        score_rules<Shape, Mask, Prefix>(key_head, query...),
        name::head(key_head, query..., i)  <<= (name::weights(key_head, query..., i, j),
                                                name::value(key_head, j)) | product() | sum(j),
        name::joined(i)                    <<= name::head(key_head, query..., i)
                                               | concat(key_head, query...),
        name::attended(i)                  <<= dropped<Shape>(biased<Shape>(
                                                   name::joined(i)[W_out], b_out)));
    // clang-format on
});

/// Two linear maps with a function between them, row by row, from Input(i) to transformed(i); or
/// three, where a function of one gates another.
template <shape Shape, class Activation, class Input>
inline constexpr auto feed_forward_rules = [] {
    constexpr Input input;
    constexpr weight<"W_gate", Shape.hidden, Shape.width> W_gate;
    constexpr weight<"W_expand", Shape.hidden, Shape.width> W_expand;
    constexpr weight<"W_contract", Shape.width, Shape.hidden> W_contract;
    constexpr weight<"b_gate", Shape.hidden> b_gate;
    constexpr weight<"b_expand", Shape.hidden> b_expand;
    constexpr weight<"b_contract", Shape.width> b_contract;
    // clang-format off
    if constexpr (requires { Activation::gates; })
        return rules(
            gate(i)        <<= biased<Shape>(input(i)[W_gate], b_gate) | Activation::rule,
            expanded(i)    <<= biased<Shape>(input(i)[W_expand], b_expand),
            gated(i)       <<= (gate(i), expanded(i)) | elementwise_product(),
            transformed(i) <<= dropped<Shape>(biased<Shape>(gated(i)[W_contract], b_contract)));
    else
        return rules(
            expanded(i)    <<= biased<Shape>(input(i)[W_expand], b_expand) | Activation::rule,
            transformed(i) <<= dropped<Shape>(biased<Shape>(expanded(i)[W_contract], b_contract)));
    // clang-format on
}();

}  // namespace sequent::inline SEQUENT_ABI::nn
