#pragma once

#include "network.hpp"

/// Sizes of the transformer of a network, and the rows of its heads.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// Sizes of a compiled transformer, all known at compile time.
struct sizes {
    int layers = 0;
    int heads = 0;
    int width = 0;       // width of the residual stream
    int head_width = 0;  // width of queries, keys and values
    int hidden = 0;      // hidden units of a layer
    int tokens = 0;      // number of different tokens
    int positions = 0;   // number of positions, the start included
    int classes = 0;     // number of classes of the output
    int rounds = 1;      // how often the layers are applied
    /// A feature depends on a token and its position together: the embedding has a row for each
    /// pair of them.
    bool embeds_pairs = false;
    /// No head looks at a later position.
    bool is_causal = false;
    /// The output is a number itself, a fraction of no greater denominator, where it has too many
    /// values to be classes; else 0.
    int denominator = 0;
    mistake wrong{};
};

/// The largest number of values of an output.
inline constexpr int max_classes = 1024;

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
        size.rounds = std::max(made.program.rounds(), 1);
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
        const domain& found = made.program.domain_of(made.program.output);
        classes = found.values;
        size.is_causal = made.program.is_causal;
        const bool may_miss = made.program.present >= 0;
        if (size.wrong.kind == problem::none &&
            (!found.complete || found.size() + (may_miss ? 1 : 0) > max_classes))
            give_numbers();
        if (may_miss)
            classes.push_back(value::missing(made.program.nodes[made.program.output].kind));
        // At least two: with one, the logits would have one dimension less.
        while (classes.size() < 2) classes.push_back(classes.empty() ? value(0) : classes[0]);
        size.classes = static_cast<int>(classes.size());
    }

    constexpr bool depends_on(const direction& embedded, operation what) const {
        for (int at = 0; at < embedded.what.count; ++at)
            if (reaches(embedded.what.parts[at].node, what)) return true;
        return false;
    }

    /// The first row holds the part that does not depend on the query.
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
    /// The directions of the residual stream that a head writes.
    SEQUENT_COLD constexpr std::vector<int> channels_of(int head) const {
        std::vector<int> result;
        for (int at = 0; at < of.width(); ++at)
            if (of.directions[static_cast<std::size_t>(at)].from == origin::gathered &&
                of.directions[static_cast<std::size_t>(at)].head == head)
                result.push_back(at);
        return result;
    }

  private:
    constexpr void give_numbers() {
        const lowering& program = of.program;
        const node& given = program.nodes[program.output];
        const double step =
            is_number(given.kind) ? program.finest(program.linear_of(program.output)) : 0;
        // Finer fractions cannot be distinguished because of the errors of attention.
        if (step < 1.0 / 16384 || program.present >= 0)
            size.wrong = {problem::too_many_values_of_the_output, given.what,
                          program.source_of(program.output)};
        else
            size.denominator = static_cast<int>(1 / step + 0.5);
        classes.clear();
    }
    SEQUENT_COLD constexpr bool reaches(int node, operation what) const {
        std::vector<char> seen(static_cast<std::size_t>(node) + 1, 0);
        std::vector<int> waiting{node};
        while (!waiting.empty()) {
            const int at = waiting.back();
            waiting.pop_back();
            if (of.program.nodes[at].what == what) return true;
            if (seen[static_cast<std::size_t>(at)]++) continue;
            for (const int argument : of.program.nodes[at].arguments)
                if (argument >= 0) waiting.push_back(argument);
        }
        return false;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
