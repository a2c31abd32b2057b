#pragma once

#include "layout.hpp"

/// The weights of the transformer of a network.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// The weights. Those from W_query to b_contract are stacked: one for each layer.
enum class weight_name : std::uint8_t {
    embedding,
    position,
    W_query,
    b_query,
    W_key,
    b_key,
    W_value,
    b_value,
    W_out,
    b_out,
    W_expand,
    b_expand,
    W_contract,
    b_contract,
    W_logits,
    b_logits
};

/// A number to add to an element of a weight, in row-major order.
struct weight_entry {
    weight_name name;
    int element;
    double number;
};

/// Lists the nonzero weights.
class weight_writer {
  public:
    /// The number of weights; those beyond the capacity are not written.
    std::size_t count = 0;

    SEQUENT_COLD constexpr weight_writer(const layout& from, weight_entry* to, std::size_t room)
        : from_(from), of_(from.of), size_(from.size), to_(to), room_(room) {
        write_embedding();
        for (std::size_t head = 0; head < of_.program.heads.size(); ++head) write_head(head);
        std::vector<int> units(static_cast<std::size_t>(size_.layers) + 1, 0);
        for (const function_group& each : of_.groups)
            write_group(each, units[static_cast<std::size_t>(each.layer)]);
        if (!of_.program.states.empty()) write_end();
        write_logits();
    }

  private:
    const layout& from_;
    const network& of_;
    const sizes& size_;
    weight_entry* to_;
    std::size_t room_;

    // The weights with which the start position attends to other positions are below the rounding
    // error.
    static constexpr double far = 1e9;
    // The margin of the logit of a class above all others.
    static constexpr double margin = 32;

    SEQUENT_COLD constexpr void add(weight_name name, int element, double number) {
        if (number == 0) return;
        if (count < room_) to_[count] = {name, element, number};
        ++count;
    }

    SEQUENT_COLD constexpr void write_embedding() {
        const auto& alphabet = of_.program.given.alphabet;
        const int letters = static_cast<int>(alphabet.size());
        position_values found(of_.program.nodes);
        const auto write = [&](weight_name name, int row, int at) {
            const product& what = of_.directions[static_cast<std::size_t>(at)].what;
            for (int part = 0; part < what.count; ++part)
                if (!found.defined[static_cast<std::size_t>(what.parts[part].node)]) return;
            add(name, row * size_.width + at, number_of(of_.program, what, found.values));
        };
        const auto is_of = [&](int at, bool of_tokens) {
            const direction& made = of_.directions[static_cast<std::size_t>(at)];
            return made.from == origin::embedded &&
                   (size_.embeds_pairs || from_.depends_on(made, operation::tokens)) == of_tokens;
        };
        add(weight_name::embedding, 0, 1);
        for (int index = 0; index < (size_.embeds_pairs ? size_.positions - 1 : 1); ++index)
            for (int letter = 0; letter < letters; ++letter) {
                found.embed(&alphabet[static_cast<std::size_t>(letter)], index);
                for (int at = 1; at < size_.width; ++at)
                    if (is_of(at, true))
                        write(weight_name::embedding, 1 + index * letters + letter, at);
            }
        for (int index = 0; index + 1 < size_.positions && !size_.embeds_pairs; ++index) {
            found.embed(&alphabet[0], index);
            for (int at = 1; at < size_.width; ++at)
                if (is_of(at, false)) write(weight_name::position, index + 1, at);
        }
    }

    /// `factor` times a reading less `knot`, to a row of a matrix and its bias; at the start
    /// position the result is `at_start`.
    SEQUENT_COLD constexpr void write_reading(const reading& from, double factor, double at_start,
                                              weight_name matrix, weight_name bias, int row,
                                              double knot = 0) {
        for (const reading::part& each : from.parts)
            add(matrix, row * size_.width + each.direction, factor * each.factor);
        add(bias, row, factor * (from.offset - knot));
        add(matrix, row * size_.width, at_start - factor * (of_.at_start(from) - knot));
    }

    SEQUENT_COLD constexpr void write_head(std::size_t head) {
        const lowered_head& made = of_.program.heads[head];
        const double start_penalty = made.use == start::otherwise ? 0.5
                                     : made.use == start::counted ? 0
                                                                  : far / made.sharpness;
        const int layer = made.layer - 1;
        const int first = (layer * size_.heads + made.place) * size_.head_width;
        int row = first;
        for (const comparison_row& each : from_.rows_of(static_cast<int>(head))) {
            const reading asked = of_.known(each.query);
            write_reading(asked, 1, of_.at_start(asked), weight_name::W_query, weight_name::b_query,
                          row);
            write_reading(each.key, -made.sharpness,
                          row == first ? -made.sharpness * start_penalty : 0, weight_name::W_key,
                          weight_name::b_key, row);
            ++row;
        }
        add(weight_name::W_query, row * size_.width, 1);
        add(weight_name::W_key, row * size_.width, far);
        add(weight_name::b_key, row, -far);

        row = first;
        for (const int to : from_.channels_of(static_cast<int>(head))) {
            const direction& written = of_.directions[static_cast<std::size_t>(to)];
            reading carried;
            if (written.channel >= 0)
                carried = of_.known(made.channels[static_cast<std::size_t>(written.channel)].node);
            write_reading(carried, 1, written.at_start, weight_name::W_value, weight_name::b_value,
                          row);
            const int joined = size_.head_width * size_.heads;
            add(weight_name::W_out, (layer * size_.width + to) * joined + row - layer * joined, 1);
            ++row;
        }
    }

    SEQUENT_COLD constexpr void write_group(const function_group& group, int& unit) {
        const int layer = group.layer - 1;
        if (group.is_gate) {
            const int row = layer * size_.width + group.directions[0];
            add(weight_name::b_contract, row, group.numbers[0][0]);
            for (std::size_t each = 0; each < 2; ++each) {
                write_reading(group.lines[each], 1, -1, weight_name::W_expand,
                              weight_name::b_expand, layer * size_.hidden + unit,
                              group.knots[each]);
                add(weight_name::W_contract, row * size_.hidden + unit++, 1);
            }
            return;
        }
        reading line;
        for (std::size_t at = 0; at < group.lines.size(); ++at)
            line.add(group.lines[at], group.steps.scales[at]);
        const std::vector<stretch>& stretches = group.steps.stretches;
        const int first = unit;
        for (std::size_t gap = 0; gap + 1 < stretches.size(); ++gap) {
            // A ramp from 0 to 1 over the middle half of the gap: two units.
            const double low = stretches[gap].high;
            const double high = stretches[gap + 1].low;
            const double quarter = (high - low) / 4;
            for (const double knot : {low + quarter, high - quarter})
                write_reading(line, 1 / (2 * quarter), -1, weight_name::W_expand,
                              weight_name::b_expand, layer * size_.hidden + unit++, knot);
        }
        for (std::size_t at = 0; at < group.directions.size(); ++at) {
            const auto value_on = [&](std::size_t which) {
                return group.numbers[at][static_cast<std::size_t>(stretches[which].of)];
            };
            const int row = layer * size_.width + group.directions[at];
            add(weight_name::b_contract, row, value_on(0));
            for (std::size_t gap = 0; gap + 1 < stretches.size(); ++gap) {
                const double step = value_on(gap + 1) - value_on(gap);
                const int element = row * size_.hidden + first + 2 * static_cast<int>(gap);
                add(weight_name::W_contract, element, step);
                add(weight_name::W_contract, element + 1, -step);
            }
        }
    }

    /// The last layer of a round: each state becomes its next value, rounded to one of its values,
    /// and what heads and hidden units have written becomes zero.
    SEQUENT_COLD constexpr void write_end() {
        const int layer = size_.layers - 1;
        int unit = 0;
        const auto element = [&](int direction) {
            return (layer * size_.width + direction) * size_.hidden + unit;
        };
        const auto subtract = [&](int direction) {
            for (const int sign : {1, -1}) {
                add(weight_name::W_expand, (layer * size_.hidden + unit) * size_.width + direction,
                    sign);
                add(weight_name::W_contract, element(direction), -sign);
                ++unit;
            }
        };
        for (std::size_t at = 0; at < of_.next.size(); ++at) {
            const int to = of_.state_directions[at];
            const auto& values = of_.program.domain_of(of_.program.states[at].node).values;
            subtract(to);
            add(weight_name::b_contract, layer * size_.width + to, of_.program.code(values[0]));
            for (std::size_t which = 0; which + 1 < values.size(); ++which) {
                const double low = of_.program.code(values[which]);
                const double step = of_.program.code(values[which + 1]) - low;
                for (const int side : {1, 3}) {
                    write_reading(of_.next[at], 2 / step, -1, weight_name::W_expand,
                                  weight_name::b_expand, layer * size_.hidden + unit,
                                  low + side * step / 4);
                    add(weight_name::W_contract, element(to), side == 1 ? step : -step);
                    ++unit;
                }
            }
        }
        for (int at = 0; at < size_.width; ++at)
            if (of_.is_cleared(of_.directions[static_cast<std::size_t>(at)])) subtract(at);
        // At the start position the states remain zero.
        add(weight_name::W_expand, (layer * size_.hidden + unit) * size_.width, 1);
        for (std::size_t at = 0; at < of_.next.size(); ++at)
            add(weight_name::W_contract, element(of_.state_directions[at]),
                -of_.program.code(
                    of_.program.domain_of(of_.program.states[at].node).values.front()));
    }

    /// Logits whose greatest is that of the class with the nearest code: -(z - c)^2 without the
    /// part that all classes share.
    SEQUENT_COLD constexpr void write_logits() {
        const auto code = [this](int of) {
            return of_.program.code(from_.classes[static_cast<std::size_t>(of)]);
        };
        if (size_.denominator > 0) {
            for (const reading::part& each : of_.output.parts)
                add(weight_name::W_logits, each.direction, each.factor);
            return add(weight_name::b_logits, 0, of_.output.offset);
        }
        const bool may_miss = of_.program.present >= 0;
        const int codes = size_.classes - (may_miss ? 1 : 0);
        double apart = 1;
        for (int at = 1; at < codes; ++at)
            if (code(at) != code(at - 1)) apart = std::min(apart, code(at) - code(at - 1));
        const double factor = margin / (apart * apart);
        if (may_miss) {
            // The logit of the missing value: above all others where the value is missing, below
            // them elsewhere.
            const double most = std::max({-code(0), code(codes - 1), 0.0}) + 1;
            const double bound = 3 * factor * most * most + margin;
            for (const reading::part& each : of_.present.parts)
                add(weight_name::W_logits, codes * size_.width + each.direction,
                    -2 * bound * each.factor);
            add(weight_name::b_logits, codes, bound - 2 * bound * of_.present.offset);
        }
        for (int at = 0; at < codes; ++at) {
            for (const reading::part& each : of_.output.parts)
                add(weight_name::W_logits, at * size_.width + each.direction,
                    2 * factor * code(at) * each.factor);
            add(weight_name::b_logits, at, factor * code(at) * (2 * of_.output.offset - code(at)));
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
