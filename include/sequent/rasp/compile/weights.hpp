#pragma once

#include "../../nn/transformer.hpp"
#include "network.hpp"

/// From a network to the rules of a transformer, and its weights.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// How large a compiled transformer is. Everything is known at compile time.
struct sizes {
    int layers = 0;
    int heads = 0;
    int width = 0;       // of the residual stream
    int head_width = 0;  // of queries, keys and values
    int hidden = 0;      // between the linear maps of the feed-forward part
    int tokens = 0;      // how many an embedding tells apart
    int positions = 0;   // of an input, and the start
    int classes = 0;     // of the output
    /// A feature depends on a token and its position together: the embedding has a row for each
    /// pair of them.
    bool embeds_pairs = false;
    mistake wrong{};
};

/// The numbers at which a head compares: for each one read at a query, what is read at keys.
struct comparison_row {
    product query;
    reading key;
};

class layout {
  public:
    const network& of;
    sizes size;
    std::vector<value> classes;

    SEQUENT_COLD constexpr layout(const network& made, int heads) : of(made) {
        size.wrong = made.wrong;
        size.layers = made.layers();
        size.heads = std::max(heads, 1);
        size.width = made.width();
        size.hidden = std::max(made.hidden(), 1);
        size.positions = made.program.given.length + 1;
        for (const direction& each : made.directions)
            if (each.from == origin::embedded)
                size.embeds_pairs = size.embeds_pairs || (depends_on(each, operation::tokens) &&
                                                          depends_on(each, operation::indices));
        const int alphabet = static_cast<int>(made.program.given.alphabet.size());
        size.tokens = 1 + alphabet * (size.embeds_pairs ? made.program.given.length : 1);
        for (std::size_t head = 0; head < made.program.heads.size(); ++head)
            size.head_width = std::max(
                {size.head_width, static_cast<int>(rows_of(static_cast<int>(head)).size()) + 1,
                 static_cast<int>(channels_of(static_cast<int>(head)).size())});
        size.head_width = std::max(size.head_width, 1);
        const domain found = made.program.domain_of(made.program.output);
        classes = found.values;
        size.classes = std::max(found.size(), 1);
        if (size.wrong.kind == problem::none && (!found.complete || found.size() > 1024))
            size.wrong = {problem::too_many_values_of_the_output,
                          made.program.nodes[made.program.output].what};
    }

    constexpr bool depends_on(const direction& embedded, operation what) const {
        for (int at = 0; at < embedded.what.count; ++at)
            if (reaches(embedded.what.parts[at].node, what)) return true;
        return false;
    }

    /// The first row is of what does not depend on the query.
    SEQUENT_COLD constexpr std::vector<comparison_row> rows_of(int head) const {
        std::vector<comparison_row> result(1);
        for (const term& each : of.program.heads[static_cast<std::size_t>(head)].penalties) {
            std::size_t at = 0;
            while (at < result.size() && !(result[at].query == each.query)) ++at;
            if (at == result.size()) result.push_back({each.query, {}});
            result[at].key.add(of.known(each.key), each.factor);
        }
        return result;
    }
    /// The directions that a head writes.
    SEQUENT_COLD constexpr std::vector<int> channels_of(int head) const {
        std::vector<int> result;
        for (int at = 0; at < of.width(); ++at)
            if (of.directions[static_cast<std::size_t>(at)].from == origin::gathered &&
                of.directions[static_cast<std::size_t>(at)].head == head)
                result.push_back(at);
        return result;
    }

  private:
    constexpr bool reaches(int node, operation what) const {
        if (of.program.nodes[node].what == what) return true;
        for (const int argument : of.program.nodes[node].arguments)
            if (argument >= 0 && reaches(argument, what)) return true;
        return false;
    }
};

SEQUENT_COLD constexpr nn::shape shape_of(const sizes& of) {
    nn::shape result;
    result.tokens = of.positions;
    result.width = of.width;
    result.heads = of.heads;
    result.key_heads = of.heads;
    result.head_width = of.head_width;
    result.hidden = of.hidden;
    result.depth = of.layers;
    result.scaled = false;
    return result;
}

/// A layer without norms.
template <nn::shape Shape>
inline constexpr auto block_rules = [] {
    using namespace nn;
    // clang-format off
    return rules(
        multi_head_rules<Shape, mask::padding<"length">, relation<"x">>,
        between(i) <<= (x(i), attended(i)),
        feed_forward_rules<Shape, activation::relu, relation<"between">>,
        y(i)       <<= (between(i), transformed(i)));
    // clang-format on
}();

template <sizes Size>
inline constexpr language::weight<"embedding", Size.tokens, Size.width> embedding_of{};
template <sizes Size>
inline constexpr language::weight<"position", Size.width> position_of{};
template <sizes Size>
inline constexpr language::weight<"W_query", Size.head_width, Size.width> W_query_of{};
template <sizes Size>
inline constexpr language::weight<"W_key", Size.head_width, Size.width> W_key_of{};
template <sizes Size>
inline constexpr language::weight<"W_value", Size.head_width, Size.width> W_value_of{};
template <sizes Size>
inline constexpr language::weight<"W_out", Size.width, Size.head_width * Size.heads> W_out_of{};
template <sizes Size>
inline constexpr language::weight<"W_expand", Size.hidden, Size.width> W_expand_of{};
template <sizes Size>
inline constexpr language::weight<"W_contract", Size.width, Size.hidden> W_contract_of{};
template <sizes Size>
inline constexpr language::weight<"b_query", Size.head_width> b_query_of{};
template <sizes Size>
inline constexpr language::weight<"b_key", Size.head_width> b_key_of{};
template <sizes Size>
inline constexpr language::weight<"b_value", Size.head_width> b_value_of{};
template <sizes Size>
inline constexpr language::weight<"b_out", Size.width> b_out_of{};
template <sizes Size>
inline constexpr language::weight<"b_expand", Size.hidden> b_expand_of{};
template <sizes Size>
inline constexpr language::weight<"b_contract", Size.width> b_contract_of{};
template <sizes Size>
inline constexpr language::weight<"W_logits", Size.classes, Size.width> W_logits_of{};
template <sizes Size>
inline constexpr language::weight<"b_logits", Size.classes> b_logits_of{};

template <sizes Size>
inline constexpr auto transformer_rules = [] {
    using nn::i;
    constexpr auto& block = block_rules<shape_of(Size)>;
    // clang-format off
    return language::rules(
        nn::embedded(i) <<= (nn::token(i)[embedding_of<Size>], position_of<Size>(i)),
        nn::layers(i)   <<= nn::embedded(i) | language::stack<Size.layers>(block),
        nn::logits(i)   <<= (nn::layers(i)[W_logits_of<Size>], b_logits_of<Size>));
    // clang-format on
}();

template <sizes Size>
struct transformer_of : model<transformer_rules<Size>,
                              fact<"token", Size.positions, symbol<Size.tokens>>, bound<"length">> {
};

/// Writes a network's numbers into the weights of its transformer.
template <sizes Size, class T>
class weight_writer {
    using transformer = transformer_of<Size>;
    using parameters = typename transformer::template parameters<T>;

  public:
    SEQUENT_COLD weight_writer(const layout& from, parameters& to)
        : from_(from), of_(from.of), to_(to) {}

    SEQUENT_COLD void write() {
        write_embedding();
        for (std::size_t head = 0; head < of_.program.heads.size(); ++head) {
            const lowered_head& made = of_.program.heads[head];
            write_head(static_cast<int>(head), made.layer - 1, made.place);
        }
        std::vector<int> units(static_cast<std::size_t>(Size.layers) + 1, 0);
        for (const function_group& each : of_.groups)
            write_group(each, units[static_cast<std::size_t>(each.layer)]);
        write_logits();
    }

  private:
    const layout& from_;
    const network& of_;
    parameters& to_;

    // Looks so little at other positions, from the start, that nothing of them is left.
    static constexpr double far = 1e9;
    // A logit of a class above all others.
    static constexpr double margin = 32;

    static constexpr int d = Size.width;
    static constexpr int d_head = Size.head_width;

    SEQUENT_COLD T number(double value) const { return static_cast<T>(value); }

    SEQUENT_COLD void write_embedding() {
        auto table = to_[embedding_of<Size>];
        auto position = to_[position_of<Size>];
        const auto& alphabet = of_.program.given.alphabet;
        const int letters = static_cast<int>(alphabet.size());
        const auto value_of = [&](int at, const value& letter, int index) {
            double result = 0;
            (void)of_.number_at(
                of_.directions[static_cast<std::size_t>(at)].what,
                [&](int node, value& found) {
                    const operation what = of_.program.nodes[node].what;
                    if (what == operation::tokens) found = letter;
                    if (what == operation::indices) found = value(index);
                    return what == operation::tokens || what == operation::indices;
                },
                result);
            return number(result);
        };
        table(0, 0) = 1;
        for (int at = 1; at < d; ++at) {
            const direction& made = of_.directions[static_cast<std::size_t>(at)];
            if (made.from != origin::embedded) continue;
            if (Size.embeds_pairs) {
                for (int index = 0; index + 1 < Size.positions; ++index)
                    for (int letter = 0; letter < letters; ++letter)
                        table(1 + index * letters + letter, at) =
                            value_of(at, alphabet[static_cast<std::size_t>(letter)], index);
            } else if (from_.depends_on(made, operation::tokens)) {
                for (int letter = 0; letter < letters; ++letter)
                    table(1 + letter, at) =
                        value_of(at, alphabet[static_cast<std::size_t>(letter)], 0);
            } else {
                for (int index = 0; index + 1 < Size.positions; ++index)
                    position(index + 1, at) = value_of(at, alphabet[0], index);
            }
        }
    }

    /// `factor` times a reading, to a row of a matrix and its bias; at the start position the
    /// result is `at_start`.
    template <class Row, class Bias>
    void write_reading(const reading& from, double factor, double at_start, Row row, Bias& bias) {
        for (const reading::part& each : from.parts)
            row(each.direction) = number(factor * each.factor);
        bias = number(factor * from.offset);
        row(0) += number(at_start - factor * of_.at_start(from));
    }

    SEQUENT_COLD void write_head(int head, int layer, int place) {
        const lowered_head& made = of_.program.heads[static_cast<std::size_t>(head)];

        const double start_penalty = made.use == start::otherwise ? 0.5
                                     : made.use == start::counted ? 0
                                                                  : far / made.sharpness;
        const auto rows = from_.rows_of(head);
        auto query = to_[W_query_of<Size>];
        auto key = to_[W_key_of<Size>];
        const auto row_of = [layer, place](auto& matrix, int row) {
            return [&matrix, layer, place, row](int column) -> T& {
                return matrix(layer, place, row, column);
            };
        };
        auto query_bias = to_[b_query_of<Size>];
        auto key_bias = to_[b_key_of<Size>];
        for (int row = 0; row < static_cast<int>(rows.size()); ++row) {
            const comparison_row& each = rows[static_cast<std::size_t>(row)];
            const reading asked = of_.known(each.query);
            write_reading(asked, 1, of_.at_start(asked), row_of(query, row),
                          query_bias(layer, place, row));
            write_reading(each.key, -made.sharpness, row == 0 ? -made.sharpness * start_penalty : 0,
                          row_of(key, row), key_bias(layer, place, row));
        }
        const int alone = static_cast<int>(rows.size());
        query(layer, place, alone, 0) = 1;
        key(layer, place, alone, 0) = number(far);
        key_bias(layer, place, alone) = number(-far);

        auto values = to_[W_value_of<Size>];
        auto value_bias = to_[b_value_of<Size>];
        auto out = to_[W_out_of<Size>];
        const auto channels = from_.channels_of(head);
        for (int slot = 0; slot < static_cast<int>(channels.size()); ++slot) {
            const int to = channels[static_cast<std::size_t>(slot)];
            const direction& written = of_.directions[static_cast<std::size_t>(to)];
            reading carried;
            if (written.channel >= 0)
                carried = of_.known(made.channels[static_cast<std::size_t>(written.channel)].node);
            write_reading(carried, 1, written.at_start, row_of(values, slot),
                          value_bias(layer, place, slot));
            out(layer, to, place * d_head + slot) = 1;
        }
    }

    SEQUENT_COLD void write_group(const function_group& group, int& unit) {
        auto expand = to_[W_expand_of<Size>];
        auto expand_bias = to_[b_expand_of<Size>];
        auto contract = to_[W_contract_of<Size>];
        auto contract_bias = to_[b_contract_of<Size>];
        const int layer = group.layer - 1;

        reading line;
        for (std::size_t at = 0; at < group.lines.size(); ++at)
            line.add(group.lines[at], group.steps.scales[at]);
        const auto value_on = [&](int to, const stretch& on) {
            double result = 0;
            (void)of_.number_at(of_.directions[static_cast<std::size_t>(to)].what,
                                of_.known_in(group, on.chosen), result);
            return result;
        };
        for (const int to : group.directions)
            contract_bias(layer, to) = number(value_on(to, group.steps.stretches.front()));
        for (int gap = 0; gap < group.steps.count - 1; ++gap) {
            const stretch& below = group.steps.stretches[static_cast<std::size_t>(gap)];
            const stretch& above = group.steps.stretches[static_cast<std::size_t>(gap) + 1];
            // A ramp from 0 to 1 over the middle half of the gap: two units.
            const double quarter = (above.low - below.high) / 4;
            const double slope = 1 / (2 * quarter);
            const double knots[]{below.high + quarter, above.low - quarter};
            for (int side = 0; side < 2; ++side, ++unit) {
                reading shifted = line;
                shifted.offset -= knots[side];
                write_reading(
                    shifted, slope, -1,
                    [&](int column) -> T& { return expand(layer, unit, column); },
                    expand_bias(layer, unit));
                for (const int to : group.directions)
                    contract(layer, to, unit) =
                        number((side == 0 ? 1 : -1) * (value_on(to, above) - value_on(to, below)));
            }
        }
    }

    /// The class whose code is nearest: -(z - c)^2, less what all classes share.
    SEQUENT_COLD void write_logits() {
        auto matrix = to_[W_logits_of<Size>];
        auto bias = to_[b_logits_of<Size>];
        double apart = 1;
        for (int at = 1; at < Size.classes; ++at) apart = std::min(apart, code(at) - code(at - 1));
        const double factor = margin / (apart * apart);
        for (int at = 0; at < Size.classes; ++at) {
            for (const reading::part& each : of_.output.parts)
                matrix(at, each.direction) = number(2 * factor * code(at) * each.factor);
            bias(at) = number(factor * code(at) * (2 * of_.output.offset - code(at)));
        }
    }
    double code(int of_class) const {
        return of_.program.code(from_.classes[static_cast<std::size_t>(of_class)]);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
