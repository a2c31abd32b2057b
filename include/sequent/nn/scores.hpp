#pragma once

#include <bit>
#include <tuple>
#include <utility>

#include "vocabulary.hpp"

/// The rules of attention scores: their summands, and the bias of positions.

namespace sequent::inline SEQUENT_ABI::nn {

/// Period of ALiBi's slopes (arXiv 2108.12409, section 3), in the form of trained files: with n the
/// greatest power of two not above the number of heads, the first n heads have the slopes 2^(-8/n),
/// 2^(-16/n), ..., the others every second slope of 2n heads, 2^(-4/n), 2^(-12/n), ..., as in the
/// authors' code.
template <shape Shape>
inline constexpr int alibi_period =
    static_cast<int>(std::bit_floor(static_cast<unsigned>(Shape.heads)));

/// The exponent e of a head: its slope is 2^(-4 e / n).
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

/// The relation of the bias of each distance; an encoder-decoder has one for each side.
template <shape Shape>
constexpr auto distance_bias() noexcept {
    if constexpr (Shape.is_source)
        return relation<"source_distance_bias">{};
    else
        return relation<"distance_bias">{};
}

/// The rules for the bias of each distance, shared by all layers, if positions are relative
/// buckets. Index r stands for the distance r - (tokens - 1). If the mask is known to keep no later
/// position, all buckets hold distances to earlier ones.
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

/// The relations of an attention part, whose names begin with `Prefix`.
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
    static constexpr relation<Prefix + "position_logit"> position_logit{};
    static constexpr relation<Prefix + "sink_logit"> sink_logit{};
    static constexpr relation<Prefix + "no_key"> no_key{};
    static constexpr relation<Prefix + "sunk_key"> sunk_key{};
    static constexpr relation<Prefix + "sunk_value"> sunk_value{};
    static constexpr relation<Prefix + "weights"> weights{};
    static constexpr relation<Prefix + "head"> head{};
    static constexpr relation<Prefix + "joined"> joined{};
    static constexpr relation<Prefix + "attended"> attended{};
};

/// A relation with the index of the key head, the first of the head's indices; without heads there
/// is none.
template <class Named, class... Position>
constexpr auto of_key_head(Named named, std::tuple<>, Position... at) noexcept {
    return named(at...);
}
/// Likewise, with the variable of the key head first.
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
    constexpr weight<Prefix + "gain_query", Shape.head_width> gain_query;
    constexpr weight<Prefix + "gain_key", Shape.head_width> gain_key;
    constexpr weight<Prefix + "bias_query", Shape.head_width> bias_query;
    constexpr weight<Prefix + "bias_key", Shape.head_width> bias_key;
    // clang-format off
    return rules(
        name::query(of..., i)           <<= positioned_at<Shape>(head_normalized<Shape>(
                                                query_biased<Shape>(input(i)[W_query(of...)],
                                                                    b_query(of...)),
                                                gain_query, bias_query)),
        of_key_head(name::key, all, i)  <<= positioned_at<Shape>(head_normalized<Shape>(
                                                query_biased<Shape>(
                                                    context(i)[of_key_head(W_key, all)],
                                                    of_key_head(b_key, all)),
                                                gain_key, bias_key)));
    // clang-format on
}

/// synthetic(h, i): its element j is the score of position j (arXiv 2005.00743, section 3.1.1).
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

/// factors(h, i): its element j is the score of position j, the outer product of two factors (arXiv
/// 2005.00743, section 3.1.3).
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

/// The rules that a summand of the scores needs, if it occurs.
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

/// The rules for the summands of the scores: queries and keys, or what synthesizers have in their
/// place.
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

/// The index variables of a score. Their ranges are stated if the scores may consist of tables
/// alone, which bind no variable.
template <shape Shape>
constexpr auto seeking_position() noexcept {
    if constexpr (Shape.scores.is_dot_product())
        return i;
    else
        return var<"i", Shape.tokens>{};
}
/// The variable of the position that is attended to.
template <shape Shape>
constexpr auto sought_position() noexcept {
    if constexpr (Shape.scores.is_dot_product())
        return j;
    else
        return var<"j", Shape.tokens>{};
}

/// The summand number `At` of the score of a pair in head `of`.
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
            return product_of(
                inverse_sqrt(Shape.score_width > 0 ? Shape.score_width : Shape.head_width), sought,
                seeking);
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

/// Counts the sinks of a head.
inline constexpr var<"sink_number", 1> sink_number;

/// The columns of attention with sinks: column 0 is the sink, column j + 1 is position j.
template <shape Shape>
using sunk_column = var<"sunk", Shape.tokens + 1>;

/// The rules for weights(head..., i, s) with sinks. The sink has a key and a value of zeros.
template <shape Shape, class Mask, fixed_string Prefix, class KeyHead, class... Query>
constexpr auto sink_rules(KeyHead key_head, Query... query) noexcept {
    using name = attention_names<Prefix>;
    constexpr sunk_column<Shape> s;
    constexpr weight<Prefix + "sink"> sink;
    constexpr weight<Prefix + "W_value", Shape.head_width, Shape.width> W_value;
    const auto score = (inverse_sqrt(Shape.score_width > 0 ? Shape.score_width : Shape.head_width),
                        name::sunk_key(key_head, s).T(), name::query(key_head, query..., i));
    const auto masked_score = [=] {
        if constexpr (std::is_same_v<Mask, mask::none>)
            return score;
        else
            return (score, s == 0 || mask::detail::keeps<Mask>(
                                         number_of_head<Shape>(key_head, query...), i, s - 1));
    }();
    // clang-format off
    return rules(
        name::no_key(key_head) <<= W_value(key_head) | reshape(Shape.head_width * Shape.width, 1)
                                                     | slice(0, Shape.head_width) | scale(0),
        name::sunk_key(key_head, s)   <<= name::key(key_head, s - 1),
        name::sunk_key(key_head, s)   <<= (name::no_key(key_head), s == 0),
        name::sunk_value(key_head, s) <<= name::value(key_head, s - 1),
        name::sunk_value(key_head, s) <<= (name::no_key(key_head), s == 0),
        name::sink_logit(key_head, query..., s)   <<= (sink(key_head, query..., sink_number),
                                                       sink_number == s) | sum(sink_number),
        name::logit(key_head, query..., i, s)     <<= masked_score | product(),
        name::weights(key_head, query..., i, s)   <<= (name::logit(key_head, query..., i, s),
                                                       name::sink_logit(key_head, query..., s))
                                                      | softmax(s));
    // clang-format on
}

/// The rules for weights(head..., i, j): the softmax over j of the scores, with the bias of
/// positions, bounded by the cap. The names of relations begin with `Prefix`.
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
    constexpr bool adds_position = Shape.adds_score_bias();
    if constexpr (Shape.scores.count == 1 && !adds_position) {
        return rules(name::weights(of..., row, column) <<=
                     capped(score_of_part<Shape, Mask, Prefix, 0>(of...)) | softmax(column));
    } else {
        const auto parts = [=]<int... At>(std::integer_sequence<int, At...>) {
            return rules((name::logit(of..., row, column) <<=
                          score_of_part<Shape, Mask, Prefix, At>(of...))...);
        }
        (std::make_integer_sequence<int, Shape.scores.count>{});
        const auto soft_of = [&](auto... terms) {
            return rules(name::weights(of..., row, column) <<=
                         capped((terms, ...)) | softmax(column));
        };
        const auto logit = name::logit(of..., row, column);
        // A term that mentions no fact stands in the body of the others, and ends where they do.
        if constexpr (Shape.position == position_kind::alibi) {
            constexpr var<"seeking", Shape.tokens> seeking;
            constexpr var<"sought",
                          (Shape.source_tokens > Shape.tokens ? Shape.source_tokens : Shape.tokens)>
                sought;
            return rules(
                slope(of...) <<= (number(-4 * 0.69314718055994530942 / alibi_period<Shape>),
                                  number(alibi_exponent<Shape>(all))) |
                                 product() | exp(),
                parts,
                name::position_logit(of..., seeking, sought) <<=
                (slope(of...), number(sought - seeking)) | product(),
                soft_of(logit, name::position_logit(of..., row, column)));
        } else if constexpr (Shape.position == position_kind::relative) {
            return rules(parts, soft_of(logit, relative(of..., column - row + (Shape.tokens - 1))));
        } else if constexpr (Shape.position == position_kind::relative_buckets) {
            return rules(parts, soft_of(logit, distance_bias<Shape>()(
                                                   of..., column - row + (Shape.tokens - 1))));
        } else {
            return rules(parts, soft_of(logit));
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::nn
