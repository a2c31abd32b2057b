#pragma once

#include "lower.hpp"
#include "staircase.hpp"

/// A lowered program as the numbers of a transformer: the directions of its residual stream, and
/// what each head and each hidden unit reads and writes.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// A sum of directions of the residual stream, and a number.
struct reading {
    struct part {
        int direction;
        double factor;
    };
    std::vector<part> parts;
    double offset = 0;

    SEQUENT_COLD constexpr void add(int direction, double factor) {
        for (part& each : parts)
            if (each.direction == direction) {
                each.factor += factor;
                return;
            }
        parts.push_back({direction, factor});
    }
    SEQUENT_COLD constexpr void add(const reading& other, double factor) {
        for (const part& each : other.parts) add(each.direction, factor * each.factor);
        offset += factor * other.offset;
    }
};

enum class origin {
    start,     // one at the start position, zero at all others
    embedded,  // a function of the token and the position
    gathered,  // written by a head
    computed   // written by hidden units
};

struct direction {
    origin from = origin::start;
    int layer = 0;
    product what;         // where it is embedded or computed
    int head = -1;        // where it is gathered
    int channel = -1;     // of that head; -1 is the start's share
    double at_start = 0;  // its value at the start position, from its layer on
};

/// Functions of the same variables, computed on one line.
struct function_group {
    int layer = 0;
    std::vector<int> variables;   // nodes
    std::vector<int> directions;  // that it writes
    bool by_sign = false;         // its only variable is a sum, of which the sign is enough
    std::vector<items> values;    // of the variables
    std::vector<reading> lines;   // along which these lie
    staircase steps;
    std::vector<std::vector<double>> numbers;  // for each direction, one of each class

    SEQUENT_COLD constexpr int hidden() const { return 2 * (steps.count - 1); }
};

/// Numbers things by their hashes, in the order in which they come.
class hash_table {
  public:
    SEQUENT_COLD constexpr int number_of(std::uint64_t hash) {
        if (slots_.size() < 2 * hashes_.size() + 8) grow();
        const std::size_t slot = slot_of(hash);
        if (slots_[slot] == 0) {
            hashes_.push_back(hash);
            slots_[slot] = static_cast<int>(hashes_.size());
        }
        return slots_[slot] - 1;
    }
    /// -1 of a hash that has no number.
    constexpr int find(std::uint64_t hash) const {
        return slots_.empty() ? -1 : slots_[slot_of(hash)] - 1;
    }

  private:
    std::vector<std::uint64_t> hashes_;
    std::vector<int> slots_;  // one more than the number; 0 where there is none

    constexpr std::size_t slot_of(std::uint64_t hash) const {
        std::size_t slot = hash % slots_.size();
        while (slots_[slot] != 0 && hashes_[static_cast<std::size_t>(slots_[slot]) - 1] != hash)
            slot = (slot + 1) % slots_.size();
        return slot;
    }
    constexpr void grow() {
        slots_.assign(4 * hashes_.size() + 16, 0);
        for (std::size_t at = 0; at < hashes_.size(); ++at)
            slots_[slot_of(hashes_[at])] = static_cast<int>(at) + 1;
    }
};

/// Weights of networks of no more work than this are constants of the program; those of others are
/// computed when they are first asked for. Compilers limit what they compute.
inline constexpr std::size_t most_constant_work = 4096;

class network {
    // Stands in front: Clang 14 needs the body of a template before what calls it in constants.
    template <class Direction>
    SEQUENT_COLD constexpr reading read_by(const product& what,
                                           const Direction& direction_for) const {
        reading result;
        if (what.count == 0) {
            result.offset = 1;
        } else if (what.count > 1 || what.parts[0].how != operation::constant) {
            result.add(direction_for(what), 1);
        } else {
            const lowering::linear parts = program.linear_of(what.parts[0].node);
            result.offset = parts.offset.as_double();
            for (const lowering::summand& each : parts.summands)
                result.add(direction_for(product(feature{each.node})), each.factor.as_double());
        }
        return result;
    }

  public:
    lowering program;
    std::vector<direction> directions;
    std::vector<function_group> groups;
    mistake wrong;
    /// Whether its functions are laid out: else only the network's size is known.
    bool laid = false;

    /// In a constant expression, networks of much work are not laid out.
    SEQUENT_COLD constexpr network(const graph& source, const program_analysis& analysed,
                                   const inputs& given)
        : program(source, analysed, given) {
        directions.push_back({});
        directions[0].at_start = 1;
        // What is read adds directions, which are computed from others of earlier layers.
        output = read(program.output);
        for (const lowered_head& head : program.heads) {
            for (const term& each : head.penalties) {
                (void)read(each.key);
                (void)read(each.query);
            }
        }
        for (std::size_t at = 0; at < directions.size(); ++at) {
            if (directions[at].from == origin::gathered) {
                const lowered_head& head =
                    program.heads[static_cast<std::size_t>(directions[at].head)];
                if (directions[at].channel >= 0)
                    (void)read(
                        head.channels[static_cast<std::size_t>(directions[at].channel)].node);
            } else if (directions[at].from == origin::computed) {
                join_group(static_cast<int>(at));
            }
        }
        if (wrong.kind == problem::none) wrong = program.wrong;
        laid = wrong.kind == problem::none &&
               (!std::is_constant_evaluated() || work() <= most_constant_work);
        if (wrong.kind == problem::none)
            for (function_group& each : groups) fit(each);
        if (wrong.kind != problem::none) laid = false;
        if (laid) settle_start();
    }

    reading output;

    SEQUENT_COLD constexpr int width() const { return static_cast<int>(directions.size()); }
    SEQUENT_COLD constexpr int hidden() const {
        int most = 0;
        for (int layer = 1; layer <= layers(); ++layer) {
            int units = 0;
            for (const function_group& each : groups)
                if (each.layer == layer) units += each.hidden();
            most = std::max(most, units);
        }
        return most;
    }
    constexpr int layers() const {
        int last = 1;
        for (const lowered_head& each : program.heads) last = std::max(last, each.layer);
        return last;
    }

    /// What the directions give for products of features, as far as it is linear in them. All that
    /// the program reads has directions once the network is made.
    SEQUENT_COLD constexpr reading known(const product& what) const {
        return read_by(what, [this](const product& part) { return known_direction(part); });
    }
    SEQUENT_COLD constexpr reading known(int node) const { return known(product(feature{node})); }

    /// A number that a position offers, of the values that known(node, value&) tells.
    template <class Known>
    SEQUENT_COLD constexpr bool number_at(const product& what, const Known& known,
                                          double& result) const {
        value found[4];
        for (int at = 0; at < what.count; ++at)
            if (!value_at(program.nodes, what.parts[at].node, known, found[at])) return false;
        result = number_of(what, found);
        return true;
    }
    /// What is read at the start position.
    constexpr double at_start(const reading& of) const {
        double result = of.offset;
        for (const reading::part& each : of.parts)
            result += each.factor * directions[static_cast<std::size_t>(each.direction)].at_start;
        return result;
    }

    constexpr int find(int head, int channel) const {
        for (std::size_t at = 0; at < directions.size(); ++at)
            if (directions[at].from == origin::gathered && directions[at].head == head &&
                directions[at].channel == channel)
                return static_cast<int>(at);
        return -1;
    }

  private:
    /// How many values are computed where the functions are laid out, about.
    SEQUENT_COLD constexpr std::size_t work() const {
        std::size_t result = 0;
        for (const function_group& each : groups) {
            std::size_t tuples = 4 + each.directions.size();
            for (const items& values : each.values)
                tuples = std::min(tuples * values.size(), most_constant_work + 1);
            result += tuples;
        }
        return result;
    }
    /// The number that a product is, of the values of its parts.
    SEQUENT_COLD constexpr double number_of(const product& what, const value* found) const {
        double result = 1;
        for (int at = 0; at < what.count; ++at) {
            const feature& part = what.parts[at];
            if (part.how == operation::constant) {
                result *= program.code(found[at]);
            } else if (part.how == operation::multiply) {
                result *= program.code(found[at]) * program.code(found[at]);
            } else {
                node compared;
                compared.what = part.how;
                rasp::detail::undefined trouble = rasp::detail::undefined::no;
                if (!rasp::detail::apply(compared, found[at], part.threshold, {}, trouble).truth())
                    result = 0;
            }
        }
        return result;
    }

    // The directions of products that have one.
    hash_table numbers_;
    std::vector<int> offered_;

    constexpr void fail(problem kind, operation what) {
        if (wrong.kind == problem::none) wrong = {kind, what};
    }

    /// The same, with new directions where there are none yet.
    constexpr reading read(const product& what) {
        return read_by(what, [this](const product& part) { return direction_of(part); });
    }
    constexpr reading read(int node) { return read(product(feature{node})); }

    constexpr int known_direction(const product& what) const {
        if (const leaf* of = mean_of(what)) return find(of->head, of->channel);
        const int number = numbers_.find(what.hash());
        return number < 0 ? -1 : offered_[static_cast<std::size_t>(number)];
    }
    /// The mean that a head gives, where it is nothing else.
    constexpr const leaf* mean_of(const product& what) const {
        if (what.count != 1 || what.parts[0].how != operation::constant ||
            program.nodes[what.parts[0].node].what != operation::gathered)
            return nullptr;
        const leaf& of = program.leaf_of(what.parts[0].node);
        return of.kind == leaf_kind::mean ? &of : nullptr;
    }

    constexpr int layer_of(const product& what) const {
        int layer = 0;
        for (int at = 0; at < what.count; ++at)
            layer = std::max(layer, program.layer(what.parts[at].node));
        return layer;
    }
    SEQUENT_COLD constexpr int direction_of(const product& what) {
        if (const leaf* of = mean_of(what)) return gathered(of->head, of->channel);
        const int number = numbers_.number_of(what.hash());
        if (number < static_cast<int>(offered_.size()))
            return offered_[static_cast<std::size_t>(number)];
        offered_.push_back(width());
        direction made;
        made.layer = layer_of(what);
        made.from = made.layer == 0 ? origin::embedded : origin::computed;
        made.what = what;
        directions.push_back(made);
        return width() - 1;
    }
    SEQUENT_COLD constexpr int gathered(int head, int channel) {
        const int known = find(head, channel);
        if (known >= 0) return known;
        direction made;
        made.from = origin::gathered;
        made.layer = program.heads[static_cast<std::size_t>(head)].layer;
        made.head = head;
        made.channel = channel;
        directions.push_back(made);
        return width() - 1;
    }

    SEQUENT_COLD constexpr void collect(int node, int layer, std::vector<int>& variables) const {
        const auto& made = program.nodes[node];
        if (made.what == operation::constant) return;
        // What negates a number of earlier layers is no other number.
        const bool repeats = made.what == operation::negation || made.what == operation::indicator;
        if ((program.layer(node) < layer && !repeats) || made.what == operation::gathered) {
            for (const int each : variables)
                if (each == node) return;
            variables.push_back(node);
            return;
        }
        if (compares_beyond_lists(node)) {
            if (std::find(variables.begin(), variables.end(), node) == variables.end())
                variables.push_back(node);
            return;
        }
        for (const int argument : made.arguments)
            if (argument >= 0) collect(argument, layer, variables);
    }
    /// A comparison of numbers that have too many values to be listed: of their difference the sign
    /// is enough.
    constexpr bool compares_beyond_lists(int node) const {
        const auto& made = program.nodes[node];
        if (made.what < operation::equal || made.what > operation::greater_equal) return false;
        if (!is_number(program.nodes[made.arguments[0]].kind)) return false;
        return !program.domain_of(made.arguments[0]).complete ||
               !program.domain_of(made.arguments[1]).complete;
    }
    /// Several functions of one number are one variable, that number, if it has fewer values than
    /// they have tuples.
    SEQUENT_COLD constexpr void share_supports(int layer, std::vector<int>& variables) const {
        std::vector<int> result;
        std::vector<int> supports;
        for (const int each : variables)
            supports.push_back(program.layer(each) < layer ? only_support(each) : -1);
        for (std::size_t at = 0; at < variables.size(); ++at) {
            int chosen = variables[at];
            long long tuples = 1;
            int shared = 0;
            for (std::size_t other = 0; other < variables.size(); ++other) {
                if (supports[at] < 0 || supports[other] != supports[at]) continue;
                tuples *= program.domain_of(variables[other]).size();
                ++shared;
            }
            if (shared > 1 && program.domain_of(supports[at]).size() < tuples)
                chosen = supports[at];
            if (std::find(result.begin(), result.end(), chosen) == result.end())
                result.push_back(chosen);
        }
        variables = result;
    }
    /// What a node is a function of, if that is one number.
    SEQUENT_COLD constexpr int only_support(int node) const {
        const auto& made = program.nodes[node];
        if (!is_pointwise(made.what)) return made.what == operation::constant ? -1 : node;
        int found = -1;
        for (const int argument : made.arguments) {
            if (argument < 0 || program.nodes[argument].what == operation::constant) continue;
            const int support = only_support(argument);
            if (support < 0 || (found >= 0 && support != found)) return -1;
            found = support;
        }
        return found;
    }
    SEQUENT_COLD constexpr void join_group(int at) {
        const product what = directions[static_cast<std::size_t>(at)].what;
        function_group made;
        made.layer = directions[static_cast<std::size_t>(at)].layer;
        for (int part = 0; part < what.count; ++part)
            collect(what.parts[part].node, made.layer, made.variables);
        share_supports(made.layer, made.variables);
        std::sort(made.variables.begin(), made.variables.end());
        made.by_sign = made.variables.size() == 1 && depends_on_sign(made.variables[0], what);
        for (function_group& each : groups)
            if (each.layer == made.layer && each.variables == made.variables &&
                each.by_sign == made.by_sign) {
                each.directions.push_back(at);
                return;
            }
        made.directions.push_back(at);
        for (const int each : made.variables) {
            made.values.push_back(values_of(each, made.layer, made.by_sign));
            made.lines.push_back(line_of(each, made.layer, made.by_sign));
        }
        groups.push_back(made);
    }

    /// Where a variable can be read. Of a sum, a block for each share of the start.
    SEQUENT_COLD constexpr reading line_of(int node, int layer, bool by_sign) {
        reading result;
        if (is_compared_here(node, layer)) {
            const auto& made = program.nodes[node];
            result.add(read(made.arguments[0]), 1);
            result.add(read(made.arguments[1]), -1);
            for (const reading::part& each : result.parts) {
                const direction& from = directions[static_cast<std::size_t>(each.direction)];
                if (from.from == origin::computed && from.layer >= program.layer(node))
                    fail(problem::too_many_values_in_a_function, made.what);
            }
            return result;
        }
        if (program.nodes[node].what != operation::gathered) return read(node);
        const leaf of = program.leaf_of(node);
        switch (of.kind) {
            case leaf_kind::mean:
                result.add(gathered(of.head, of.channel), 1);
                break;
            case leaf_kind::width:
                result.add(gathered(of.head, -1), 1);
                break;
            case leaf_kind::sum:
            case leaf_kind::counted_mean:
                result.add(gathered(of.head, of.channel), 1);
                if (!by_sign) result.add(gathered(of.head, -1), share_factor(of));
                break;
            case leaf_kind::match:
                result.add(gathered(of.head, of.channel), 1);
                result.add(read(of.query), -1);
                break;
        }
        return result;
    }
    constexpr const domain& summed(const leaf& of) const {
        return program.domain_of(program.channel_of(of).node);
    }
    SEQUENT_COLD constexpr double share_factor(const leaf& of) const {
        const domain& values = summed(of);
        const double length = program.given.length;
        if (values.values.empty()) return 1;
        const double range =
            program.code(values.values.back()) - program.code(values.values.front());
        return (range + 2) * length * (length + 1);
    }

    /// Of the variables of a layer, the comparisons of earlier ones are booleans to be read.
    constexpr bool is_compared_here(int node, int layer) const {
        return program.layer(node) == layer && compares_beyond_lists(node);
    }

    SEQUENT_COLD constexpr items values_of_comparison(int node) {
        const auto& made = program.nodes[node];
        const domain& left = program.domain_of(made.arguments[0]);
        const domain& right = program.domain_of(made.arguments[1]);
        const double apart = program.finest(program.linear_of(made.arguments[0])) *
                             program.finest(program.linear_of(made.arguments[1]));
        if (apart == 0) fail(problem::too_many_values_in_a_function, made.what);
        const double low = (left.lowest() - right.highest()).as_double() - 1;
        const double high = (left.highest() - right.lowest()).as_double() + 1;
        const auto known = [&](int difference) {
            auto trouble = rasp::detail::undefined::no;
            return rasp::detail::apply(made, value(difference), value(0), {}, trouble);
        };
        return {{low, -apart, known(-1)}, {0, 0, known(0)}, {apart, high, known(1)}};
    }

    SEQUENT_COLD constexpr items values_of(int node, int layer, bool by_sign) {
        items result;
        if (is_compared_here(node, layer)) return values_of_comparison(node);
        const bool is_leaf = program.nodes[node].what == operation::gathered;
        leaf of;
        if (is_leaf) of = program.leaf_of(node);
        const int length = program.given.length;
        if (!is_leaf || of.kind == leaf_kind::mean) {
            const domain& values = program.domain_of(node);
            if (!values.complete || values.values.empty())
                fail(problem::too_many_values_in_a_function, source_of(node));
            for (const value& each : values.values)
                result.push_back({program.code(each), program.code(each), each});
        } else if (of.kind == leaf_kind::width) {
            for (int count = length; count >= 0; --count)
                result.push_back({1.0 / (1 + count), 1.0 / (1 + count), value(count)});
        } else if (of.kind == leaf_kind::match) {
            const double apart = closest(of);
            const double range = 4.0 * length + 4 * std::max(1.0, farthest(of));
            result = {
                {-range, -apart, value(false)}, {0, 0, value(true)}, {apart, range, value(false)}};
        } else if (by_sign) {
            const double least = 1.0 / (1 + length);
            const domain& values = summed(of);
            if (values.lowest().over < 0)
                result.push_back({values.lowest().as_double(), -least, value(-1)});
            result.push_back({0, 0, value(0)});
            if (values.highest().over > 0)
                result.push_back({least, values.highest().as_double(), value(1)});
        } else if (!is_number(program.nodes[node].kind)) {
            // One position is selected, or none.
            const double factor = share_factor(of);
            for (const value& each : summed(of).values) {
                const double place = (program.code(each) + factor) / 2;
                result.push_back({place, place, each});
            }
            result.push_back({factor, factor, summed(of).values.front()});
        } else {
            const domain& values = summed(of);
            if (!values.is_whole()) {
                fail(problem::a_number_that_is_no_integer_in_a_sum, source_of(node));
                return result;
            }
            const double factor = share_factor(of);
            for (int count = length; count >= 0; --count)
                for (std::int64_t sum = values.lowest().over * count;
                     sum <= values.highest().over * count; ++sum) {
                    const double place = (static_cast<double>(sum) + factor) / (1 + count);
                    value known = sum;
                    if (of.kind == leaf_kind::counted_mean)
                        known = value(rational(sum, std::max(count, 1)), type::real);
                    result.push_back({place, place, known});
                }
        }
        return result;
    }
    /// Of a match, how near a query can come to a key that is another one.
    constexpr double closest(const leaf& of) const {
        const int keys = program.channel_of(of).node;
        return program.finest(program.linear_of(keys)) *
               program.finest(program.linear_of(of.query));
    }
    constexpr double farthest(const leaf& of) const {
        const domain& values = program.domain_of(of.query);
        return std::max(values.highest().as_double(), -values.lowest().as_double());
    }
    constexpr operation source_of(int node) const {
        const operation what = program.nodes[node].what;
        return what == operation::gathered ? operation::aggregate : what;
    }

    /// Whether a function of a sum is one of its sign.
    SEQUENT_COLD constexpr bool depends_on_sign(int node, const product& what) const {
        if (program.nodes[node].what != operation::gathered) return false;
        const leaf& of = program.leaf_of(node);
        if (of.kind != leaf_kind::sum || of.values.values.empty()) return false;
        double seen[3]{};
        bool known[3]{};
        for (const value& each : of.values.values) {
            const std::int64_t sum = each.number().over;
            const std::size_t sign = sum < 0 ? 0 : sum > 0 ? 2 : 1;
            double here = 0;
            const auto told = [&](int asked, value& result) {
                if (asked != node) return false;
                result = each;
                return true;
            };
            if (!number_at(what, told, here)) continue;
            if (known[sign] && seen[sign] != here) return false;
            known[sign] = true;
            seen[sign] = here;
        }
        return true;
    }

    SEQUENT_COLD constexpr void fit(function_group& group) {
        const staircase_search search(group.values);
        const operation blamed =
            program
                .nodes[directions[static_cast<std::size_t>(group.directions[0])].what.parts[0].node]
                .what;
        if (search.tuples() > max_tuples || group.variables.size() > 5) {
            fail(problem::too_many_values_in_a_function, blamed);
            return;
        }
        // Features of a node are functions of its value.
        std::vector<int> roots;
        for (const int at : group.directions) {
            const product& what = directions[static_cast<std::size_t>(at)].what;
            for (int part = 0; part < what.count; ++part)
                if (std::find(roots.begin(), roots.end(), what.parts[part].node) == roots.end())
                    roots.push_back(what.parts[part].node);
        }
        group.numbers.resize(group.directions.size());
        group.steps = search.find(classes_of(group, roots, search.tuples()), laid);
        if (group.steps.count == 0) fail(problem::too_many_values_in_a_function, blamed);
    }

    /// For each tuple of the variables' values the number of its class, the same where all roots
    /// have the same values; -1 where one has none.
    SEQUENT_COLD constexpr std::vector<int> classes_of(function_group& group,
                                                       const std::vector<int>& roots,
                                                       long long tuples) const {
        // What is computed, and which is the first variable that it depends on.
        const auto size = static_cast<std::size_t>(program.nodes.size());
        const int count = static_cast<int>(group.variables.size());
        std::vector<int> first(size, count);
        std::vector<char> needed(size, 0);
        for (const int each : roots) needed[static_cast<std::size_t>(each)] = 1;
        for (int at = count; at-- > 0;)
            first[static_cast<std::size_t>(group.variables[static_cast<std::size_t>(at)])] = at;
        for (std::size_t at = size; at-- > 0;)
            if (needed[at] && first[at] == count)
                for (const int argument : program.nodes[static_cast<int>(at)].arguments)
                    if (argument >= 0) needed[static_cast<std::size_t>(argument)] = 1;
        std::vector<int> computed;
        std::vector<value> values(size);
        std::vector<char> defined(size, 1);
        for (std::size_t at = 0; at < size; ++at) {
            const node& made = program.nodes[static_cast<int>(at)];
            if (!needed[at] || first[at] < count) continue;
            if (made.what == operation::constant) {
                values[at] = made.known;
                continue;
            }
            computed.push_back(static_cast<int>(at));
            for (const int argument : made.arguments)
                if (argument >= 0)
                    first[at] = std::min(first[at], first[static_cast<std::size_t>(argument)]);
        }

        std::vector<int> classes;
        classes.reserve(static_cast<std::size_t>(tuples));
        hash_table seen;
        std::uint64_t last_hash = 0;
        int last = -1;
        std::vector<std::size_t> chosen(group.variables.size(), 0);
        int changed = count;  // the last variable that did
        for (long long tuple = 0; tuple < tuples; ++tuple) {
            for (int at = 0; at < count && at <= changed; ++at) {
                const auto which = static_cast<std::size_t>(at);
                values[static_cast<std::size_t>(group.variables[which])] =
                    group.values[which][chosen[which]].known;
            }
            for (const int at : computed)
                if (first[static_cast<std::size_t>(at)] <= changed) compute(at, values, defined);
            bool all = true;
            std::uint64_t hash = hash_start;
            for (const int each : roots) {
                const auto root = static_cast<std::size_t>(each);
                all = all && defined[root];
                hash = hashed(hash, values[root].bits());
            }
            if (all && (last < 0 || hash != last_hash)) {
                last = seen.number_of(hash);
                last_hash = hash;
                if (laid && static_cast<std::size_t>(last) == group.numbers[0].size())
                    add_class(group, values);
            }
            classes.push_back(all ? last : -1);
            for (changed = 0; changed < count; ++changed) {
                const auto which = static_cast<std::size_t>(changed);
                if (++chosen[which] < group.values[which].size()) break;
                chosen[which] = 0;
            }
        }
        return classes;
    }
    /// What a group's directions are in a class, of the values of nodes.
    SEQUENT_COLD constexpr void add_class(function_group& group,
                                          const std::vector<value>& values) const {
        for (std::size_t at = 0; at < group.directions.size(); ++at) {
            const product& what = directions[static_cast<std::size_t>(group.directions[at])].what;
            value found[4];
            for (int part = 0; part < what.count; ++part)
                found[part] = values[static_cast<std::size_t>(what.parts[part].node)];
            group.numbers[at].push_back(number_of(what, found));
        }
    }
    SEQUENT_COLD constexpr void compute(int at, std::vector<value>& values,
                                        std::vector<char>& defined) const {
        const node& made = program.nodes[at];
        const auto place = static_cast<std::size_t>(at);
        const auto argument = [&](int which) {
            return static_cast<std::size_t>(std::max(made.arguments[which], 0));
        };
        if (made.what == operation::conditional) {
            const std::size_t from = argument(values[argument(0)].truth() ? 1 : 2);
            defined[place] = static_cast<char>(defined[argument(0)] && defined[from]);
            values[place] = values[from];
            return;
        }
        defined[place] = 1;
        for (int which = 0; which < 3 && made.arguments[which] >= 0; ++which)
            if (!defined[argument(which)]) defined[place] = 0;
        if (!defined[place]) return;
        rasp::detail::undefined trouble = rasp::detail::undefined::no;
        values[place] = rasp::detail::apply(made, values[argument(0)], values[argument(1)],
                                            values[argument(2)], trouble);
        if (trouble != rasp::detail::undefined::no) defined[place] = 0;
    }

    /// The start position looks at itself alone, and its hidden units rest.
    SEQUENT_COLD constexpr void settle_start() {
        for (direction& each : directions) {
            if (each.from == origin::embedded) {
                each.at_start = 0;
            } else if (each.from == origin::gathered) {
                const lowered_head& head = program.heads[static_cast<std::size_t>(each.head)];
                each.at_start =
                    each.channel < 0
                        ? 1
                        : program.code(
                              head.channels[static_cast<std::size_t>(each.channel)].otherwise);
            }
        }
        for (const function_group& group : groups)
            for (std::size_t at = 0; at < group.directions.size(); ++at)
                directions[static_cast<std::size_t>(group.directions[at])].at_start =
                    group.numbers[at][static_cast<std::size_t>(group.steps.stretches.front().of)];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
