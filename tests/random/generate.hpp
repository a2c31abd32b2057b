#pragma once

#include <algorithm>
#include <optional>

#include "dice.hpp"
#include "program.hpp"

/// Makes random programs that are well-formed but for a few accidents.
///
/// What the generator leaves out, because the language documents it as unsupported:
///
/// | form                                        | why                                            |
/// |---------------------------------------------|------------------------------------------------|
/// | dropout with a seed                         | the oracle has no generator of random numbers  |
/// | log, sqrt, inverse of what may be negative  | NaN is equal to nothing; a few come through    |
/// | a count as a divisor                        | may be zero                                    |
/// | symbols that are compared in any order      | equal symbols stand side by side by definition |
/// | conditions by one_of<...>                   | holds<...> takes the same path                 |

namespace random_programs {

class generator {
  public:
    program made{};

    explicit generator(std::uint64_t seed) : dice_(seed) {
        made.values = seed * 2 + 1;
        thin_ = dice_.one_in(60);
        choose_sizes();
        make_facts();
        const int stages = thin_ ? 1 : dice_.between(1, 4);
        for (int at = 0; at < stages; ++at) make_stage(made.rules.rules, 0);
        choose_outputs();
    }

  private:
    /// Whether the rules of a head are combined otherwise than by their sum, `y(i) | max()`.
    static constexpr bool combined_atoms = true;

    using index = tree::index;
    using rules = std::vector<tree::rule>;

    /// A relation that rules may use.
    struct known {
        std::string name{};
        std::vector<int> extents{};
        int rows = 1;
        int columns = 1;
        int classes = 0;
        bool sparse = false;
        bool is_fact = false;
        bool positive = false;
        bool zeros = false;
        bool runs = false;

        int size() const { return rows * columns; }
    };
    struct variable {
        std::string name{};
        int extent = 0;
        int stated = 0;
        bool in_head = false;
    };
    struct value_shape {
        int rows = 1;
        int columns = 1;
        bool is_scalar() const { return rows * columns == 1; }
        friend bool operator==(const value_shape&, const value_shape&) = default;
    };

    dice dice_;
    bool thin_ = false;
    int positions_ = 1;
    int others_ = 1;
    std::vector<int> lengths_{};
    std::vector<known> known_{};
    std::vector<std::string> counts_{};
    std::vector<std::pair<std::string, std::vector<int>>> weights_{};  // that may be used again
    int names_ = 0;
    tree::names chosen_{};  // relations of top_k
    rules functions_{};     // within the body at hand

    std::string new_name(const char* prefix) { return prefix + std::to_string(names_++); }

    void choose_sizes() {
        const auto size = [&] {
            const int kind = dice_.below(100);
            return kind < 60   ? dice_.between(1, 6)
                   : kind < 92 ? dice_.between(7, 17)
                               : dice_.between(18, 40);
        };
        positions_ = thin_ ? dice_.between(1025, 1060) : size();
        others_ = thin_ ? dice_.between(1, 4) : dice_.chance(50) ? positions_ : size();
        const int count = dice_.between(1, 3);
        for (int at = 0; at < count; ++at)
            lengths_.push_back(thin_              ? dice_.between(1, 2)
                               : dice_.chance(80) ? dice_.between(1, 6)
                               : dice_.chance(85) ? dice_.between(7, 12)
                                                  : dice_.between(13, 60));
    }
    int extent() { return dice_.chance(75) ? positions_ : others_; }
    int length() { return dice_.pick(lengths_); }

    // Facts.

    void add_fact(const fact& given, int arguments) {
        made.facts.push_back(given);
        if (given.kind == plan::fact_kind::count) {
            counts_.push_back(given.name);
            return;
        }
        known added;
        added.name = given.name;
        added.is_fact = true;
        added.classes = given.classes;
        added.sparse = given.pairs > 0;
        added.positive = given.positive;
        added.zeros = given.zeros;
        added.runs = given.runs;
        added.extents.assign(given.extents.begin(), given.extents.begin() + arguments);
        const int rank = static_cast<int>(given.extents.size());
        if (rank > arguments) added.rows = given.extents[to_size(arguments)];
        if (rank > arguments + 1) added.columns = given.extents[to_size(arguments + 1)];
        known_.push_back(added);
    }

    void make_facts() {
        const int count = dice_.between(1, 3);
        for (int at = 0; at < count; ++at) {
            fact given;
            given.name = new_name("x");
            given.positive = dice_.one_in(6);
            given.zeros = !given.positive && dice_.one_in(6);
            int arguments = 1;
            const int kind = at == 0 && dice_.chance(70) ? 0 : dice_.below(100);
            if (kind < 45) {
                given.extents = {at == 0 ? positions_ : extent(), length()};
            } else if (kind < 55) {
                given.extents = {extent()};
            } else if (kind < 62 && !thin_) {
                given.extents = {extent(), length(), length()};
            } else if (kind < 72) {
                given.extents = {positions_, others_};
                arguments = 2;
                if (dice_.one_in(2)) given.extents.push_back(length());
            } else if (kind < 77) {
                given.extents = {length()};
                arguments = 0;
            } else if (kind < 79) {
                arguments = 0;
            } else if (kind < 88) {
                given.kind = plan::fact_kind::symbols;
                given.extents = {extent()};
                given.classes = dice_.between(1, 9);
                given.positive = given.zeros = false;
                given.runs = dice_.one_in(3);
            } else {
                arguments = thin_ ? 2 : dice_.pick({1, 2, 2, 2, 2, 2, 3, 3, 4});
                int most = 1;
                for (int axis = 0; axis < arguments; ++axis) {
                    given.extents.push_back(arguments > 2 ? std::min(extent(), 6) : extent());
                    most *= given.extents.back();
                }
                given.pairs = dice_.between(1, std::min(most, 40));
                if (dice_.one_in(4)) {
                    given.kind = plan::fact_kind::symbols;
                    given.classes = dice_.between(1, 5);
                    given.zeros = false;
                } else if (dice_.one_in(2)) {
                    given.extents.push_back(length());
                }
            }
            // Of most of these some values are given.
            if (arguments > 0 && given.pairs == 0 && dice_.one_in(5))
                given.length =
                    dice_.one_in(4) ? given.extents[0] : dice_.between(0, given.extents[0]);
            add_fact(given, arguments);
        }
        if (dice_.one_in(4)) {
            fact given;
            given.name = new_name("n");
            given.kind = plan::fact_kind::count;
            given.count = dice_.between(0, positions_);
            add_fact(given, 0);
        }
        for (int at = 0; at < 2; ++at) {
            if (!dice_.one_in(5)) continue;
            fact given;
            given.name = new_name("d");
            given.kind = plan::fact_kind::symbols;
            given.extents = {positions_};
            given.classes = positions_;
            given.runs = true;
            add_fact(given, 1);
        }
    }

    // Indices.

    static index of_variable(const variable& from) {
        return {tree::index_form::variable, from.name, from.stated, {}, {}};
    }
    static index of_number(int value) { return {tree::index_form::number, {}, value, {}, {}}; }
    static index operation(language::arithmetic kind, index left, index right) {
        return {tree::index_form::operation, {}, 0, kind, {std::move(left), std::move(right)}};
    }
    static index moved(const index& from, int by) {
        if (by == 0) return from;
        return by > 0 ? operation(language::arithmetic::add, from, of_number(by))
                      : operation(language::arithmetic::subtract, from, of_number(-by));
    }

    index index_expression(const std::vector<variable>& variables) {
        using enum language::arithmetic;
        const variable& one = dice_.pick(variables);
        const variable& other = dice_.pick(variables);
        const index left = of_variable(one);
        const index right = of_variable(other);
        switch (dice_.below(10)) {
            case 0:
                return moved(left, dice_.between(-3, 3));
            case 8:
                return operation(dice_.pick({greater, lesser}), left, right);
            case 1:
                return operation(subtract, left, right);
            case 2:
                return operation(add, left, right);
            case 3:
                return operation(absolute, operation(subtract, left, right), of_number(0));
            case 4:
                return operation(remainder, operation(subtract, left, right),
                                 of_number(dice_.between(1, 5)));
            case 5:
                return operation(divide, left, of_number(dice_.between(1, 5)));
            case 6:
                return operation(remainder, left, of_number(dice_.between(1, 5)));
            case 7:
                return operation(multiply, of_number(dice_.between(-2, 3)), left);
            default:
                return left;
        }
    }

    /// Nothing else may say how far the variables run.
    static void state_extents(index& to, const std::vector<variable>& variables) {
        for (const variable& each : variables)
            if (to.form == tree::index_form::variable && to.name == each.name)
                to.number = each.extent;
        for (index& operand : to.operands) state_extents(operand, variables);
    }

    int extent_of(const index& from, const std::vector<variable>& variables) const {
        int most = 1;
        for (const variable& each : variables) {
            tree::names mentioned;
            tree::add_variables(from, mentioned);
            if (mentioned.count(each.name)) most = std::max(most, each.extent);
        }
        return most;
    }

    tree::condition comparison(const std::vector<variable>& variables) {
        using enum language::order;
        tree::condition result;
        result.order =
            dice_.pick({less, less_equal, less_equal, greater, greater_equal, equal, not_equal});
        const index left = index_expression(variables);
        const int extent = extent_of(left, variables);
        index right =
            dice_.one_in(3) ? index_expression(variables) : of_number(dice_.between(0, extent));
        // What is said of positions far behind matters, too.
        if (thin_ && extent == positions_ && dice_.one_in(2))
            right = of_number(dice_.between(extent - 30, extent));
        if (!counts_.empty() && dice_.one_in(4))
            right = {tree::index_form::count, dice_.pick(counts_), 0, {}, {}};
        result.sides = {left, right};
        if (dice_.one_in(6)) std::swap(result.sides[0], result.sides[1]);
        return result;
    }

    tree::condition condition(const std::vector<variable>& variables, int depth = 0) {
        using enum language::connective;
        const int kind = dice_.below(100);
        if (depth < 2 && kind < 12)
            return compound(conjunction, condition(variables, depth + 1),
                            condition(variables, depth + 1));
        if (depth < 2 && kind < 24)
            return compound(disjunction, condition(variables, depth + 1),
                            condition(variables, depth + 1));
        if (depth < 2 && kind < 30) {
            tree::condition result;
            result.connective = negation;
            result.parts = {condition(variables, depth + 1)};
            return result;
        }
        if (kind < 50 && variables.size() > 1) {
            // The masks that people write.
            const index i = of_variable(variables[0]);
            const index j = of_variable(variables[1]);
            tree::condition result;
            result.order = language::order::less_equal;
            result.sides = {j, i};
            if (dice_.one_in(3))
                result.sides = {operation(language::arithmetic::subtract, i, j),
                                of_number(dice_.between(0, 5))};
            return result;
        }
        if (kind < 58) {
            tree::condition result;
            result.sides = {of_variable(dice_.pick(variables)), of_variable(dice_.pick(variables))};
            result.decision = predicates[dice_.below(4)].holds;
            return result;
        }
        if (kind < 68) {
            std::vector<std::string> facts;
            for (const known& each : known_)
                if (each.runs) facts.push_back(each.name);
            const variable& left = dice_.pick(variables);
            const variable& right = dice_.pick(variables);
            if (!facts.empty()) {
                const std::string name = dice_.pick(facts);
                bool fits = true;
                for (const known& each : known_)
                    if (each.name == name)
                        fits = left.extent <= each.extents[0] && right.extent <= each.extents[0];
                if (fits) {
                    tree::condition result;
                    result.order = language::order::equal;
                    result.sides = {of_variable(left), of_variable(right)};
                    result.fact = name;
                    return result;
                }
            }
        }
        return comparison(variables);
    }
    static tree::condition compound(language::connective kind, tree::condition left,
                                    tree::condition right) {
        tree::condition result;
        result.connective = kind;
        result.parts = {std::move(left), std::move(right)};
        return result;
    }

    // Weights.

    tree::literal weight(const std::vector<int>& extents, const std::vector<variable>& variables,
                         int percent_of_index) {
        tree::literal result;
        result.from = tree::source::weight;
        result.shape = extents;
        if (dice_.chance(percent_of_index))
            for (const variable& each : variables)
                if (result.terms.size() < 2 && dice_.one_in(2))
                    result.terms.push_back(of_variable(each));
        result.fixed = dice_.one_in(15);
        if (result.terms.empty() && dice_.one_in(12))
            for (const auto& [name, shape] : weights_)
                if (shape == extents) {
                    result.name = name;
                    return result;
                }
        if (result.terms.empty() && extents.size() == 2 && dice_.one_in(12))
            for (const auto& [name, shape] : weights_)
                if (shape.size() == 2 && shape[0] == extents[1] && shape[1] == extents[0]) {
                    result.name = name;
                    result.shape = shape;
                    result.transposed = true;
                    return result;
                }
        result.name = new_name("W");
        if (extents.size() == 2 && result.terms.empty() && dice_.one_in(10)) {
            std::swap(result.shape[0], result.shape[1]);
            result.transposed = true;
        }
        if (result.terms.empty()) weights_.emplace_back(result.name, result.shape);
        return result;
    }

    // Literals.

    /// A variable of the rule with this extent, an old one or a new one.
    variable& variable_for(int extent, std::vector<variable>& variables) {
        std::vector<std::size_t> fitting;
        for (std::size_t at = 0; at < variables.size(); ++at)
            if (variables[at].extent == extent) fitting.push_back(at);
        const bool may_grow = variables.size() < 3 && cost(variables) * extent <= 1500;
        if (!fitting.empty() && (!may_grow || dice_.chance(75)))
            return variables[dice_.pick(fitting)];
        if (!may_grow) {
            variable& any = variables[to_size(dice_.below(static_cast<int>(variables.size())))];
            any.extent = std::min(any.extent, extent);
            return any;
        }
        static constexpr const char* names[] = {"i", "j", "k", "l", "m", "n"};
        variable added;
        added.name = names[variables.size()];
        added.extent = extent;
        if (dice_.one_in(12)) {
            added.stated = dice_.one_in(2) ? extent : dice_.between(1, extent);
            added.extent = added.stated;
        }
        variables.push_back(added);
        return variables.back();
    }
    static int cost(const std::vector<variable>& variables) {
        int result = 1;
        for (const variable& each : variables) result *= each.extent;
        return result;
    }

    index argument(int extent, std::vector<variable>& variables) {
        const int kind = dice_.below(100);
        if (kind < 4) return of_number(dice_.below(extent));
        const index plain = of_variable(variable_for(extent, variables));
        if (kind < 12) return moved(plain, dice_.between(-2, 2));
        if (kind < 15 && variables.size() > 1) {
            const index other = of_variable(dice_.pick(variables));
            if (other.name != plain.name)
                return moved(operation(dice_.one_in(2) ? language::arithmetic::add
                                                       : language::arithmetic::subtract,
                                       plain, other),
                             dice_.between(-1, extent));
        }
        return plain;
    }

    tree::literal use(const known& of, std::vector<variable>& variables) {
        tree::literal result;
        result.from = tree::source::relation;
        result.name = of.name;
        for (int extent : of.extents)
            result.terms.push_back(of.sparse ? of_variable(variable_for(extent, variables))
                                             : argument(extent, variables));
        if (of.sparse && dice_.one_in(8))
            result.terms.back() = moved(result.terms.back(), dice_.between(-1, 1));
        return result;
    }

    /// A literal of the wanted shape, or of any shape, which becomes the wanted one.
    std::optional<tree::literal> literal(std::optional<value_shape>& wanted,
                                         std::vector<variable>& variables) {
        const int kind = dice_.below(100);
        if (kind < 14 && (wanted || !variables.empty())) {
            if (!wanted) wanted = value_shape{length(), 1};
            std::vector<int> extents;
            if (!wanted->is_scalar() || dice_.one_in(4)) extents.push_back(wanted->rows);
            if (wanted->columns > 1) extents.push_back(wanted->columns);
            tree::literal result = weight(extents, variables, 50);
            if (wanted->columns == 1 || result.transposed == false || extents.size() == 2)
                return result;
            return result;
        }
        if (kind < 18) {
            tree::literal result;
            result.number = dice_.number();
            if (!wanted) wanted = value_shape{};
            return result;
        }
        if (kind < 22 && !variables.empty()) {
            tree::literal result;
            result.from = tree::source::index;
            result.terms = {index_expression(variables)};
            if (!wanted) wanted = value_shape{};
            return result;
        }
        const known& of = dice_.chance(50) ? known_.back() : dice_.pick(known_);
        tree::literal result = use(of, variables);
        value_shape value{of.rows, of.columns};
        if (of.classes > 0) {
            if (wanted && wanted->columns > 1) return std::nullopt;
            const int rows = wanted ? wanted->rows : length();
            result.weight = {weight({of.classes, rows}, variables, 10)};
            if (!wanted) wanted = value_shape{rows, 1};
            return result;
        }
        if (value.columns == 1 && dice_.chance(35)) {
            const int rows = wanted && wanted->columns == 1 ? wanted->rows : length();
            result.weight = {weight({rows, value.rows}, variables, 12)};
            value.rows = rows;
        } else if (dice_.one_in(20)) {
            result.weight = {weight({}, variables, 30)};
        } else if (value.columns > 1 && dice_.one_in(5)) {
            const int rows = wanted ? wanted->rows : length();
            result.weight = {weight({rows, value.rows}, variables, 0)};
            value.rows = rows;
        }
        if (dice_.one_in(12) || (value.columns > 1 && dice_.one_in(4))) {
            result.transposed = true;
            std::swap(value.rows, value.columns);
        } else if (value.columns == 1 && value.rows > 1 && dice_.one_in(8)) {
            result.element = {argument(value.rows, variables)};
            value = {};
        }
        if (!wanted) wanted = value;
        if (value == *wanted || value.is_scalar()) return result;
        if (wanted->is_scalar()) {
            wanted = value;
            return result;
        }
        if (value.columns == wanted->columns && result.weight.empty() && !result.transposed &&
            result.element.empty()) {
            result.weight = {weight({wanted->rows, value.rows}, variables, 12)};
            return result;
        }
        return std::nullopt;
    }

    // Functions within bodies: rules of their own, whose heads have all variables.

    value_shape shape_of(const tree::literal& item) const {
        value_shape result;
        for (const known& each : known_)
            if (item.from == tree::source::relation && each.name == item.name)
                result = {each.rows, each.columns};
        for (const tree::rule& each : functions_)
            if (each.head.name == item.name) result = shape_of(each.literals.front());
        if (item.from == tree::source::weight) {
            if (!item.shape.empty()) result.rows = item.shape[0];
            if (item.shape.size() > 1) result.columns = item.shape[1];
        }
        for (const tree::literal& weight : item.weight)
            if (weight.shape.size() == 2)
                result.rows = weight.shape[weight.transposed != is_symbol(item.name) ? 1 : 0];
        if (item.transposed) std::swap(result.rows, result.columns);
        return item.element.empty() ? result : value_shape{};
    }
    /// Whether the literal by itself says how far its variables run.
    static bool bounds_its_variables(const tree::literal& item) {
        if (item.from != tree::source::relation) return item.terms.empty();
        std::vector<index> all;
        tree::reader::add_terms(std::vector{item}, all);
        return std::all_of(all.begin(), all.end(), [&](const index& mentioned) {
            return mentioned.number > 0 ||
                   std::any_of(item.terms.begin(), item.terms.end(), [&](const index& term) {
                       return term.form == tree::index_form::variable &&
                              term.name == mentioned.name;
                   });
        });
    }
    tree::literal within(const tree::literal& item, int depth) {
        tree::rule made_rule;
        made_rule.within = true;
        made_rule.literals = {item};
        if (dice_.one_in(3)) {
            using enum language::combination;
            made_rule.combination = dice_.pick({sum, elementwise_product, max, min, mean});
            if (dice_.one_in(2)) made_rule.literals.push_back(number(dice_.number()));
            if (dice_.one_in(3)) made_rule.literals.push_back(item);
        } else {
            value_shape value = shape_of(item);
            transform(made_rule, value, {}, true, is_positive(item), 1);
            if (made_rule.transformations.empty()) {
                tree::transformation step;
                step.kind = dice_.pick(
                    {language::transformation::relu, language::transformation::identity,
                     language::transformation::complement, language::transformation::tanh});
                made_rule.transformations.push_back(step);
            }
        }
        made_rule.head.from = tree::source::relation;
        made_rule.head.name = new_name("f");
        tree::reader::add_terms(made_rule.literals, made_rule.head.terms);
        const tree::literal result = made_rule.head;
        functions_.push_back(made_rule);
        return depth < 2 && dice_.one_in(4) ? within(result, depth + 1) : result;
    }

    // Transformations.

    void transform(tree::rule& to, value_shape& value, const std::vector<variable>& variables,
                   bool keeps_shape, bool positive, int most = 4) {
        using enum language::transformation;
        static constexpr int amounts[] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4};
        const int count = std::min(most, amounts[dice_.below(15)]);
        for (int at = 0; at < count; ++at) {
            tree::transformation step;
            const int size = value.rows * value.columns;
            step.kind =
                dice_.pick({identity, relu,       leaky_relu, gelu,   gelu_tanh,     silu,
                            sigmoid,  tanh,       tanh,       exp,    log,           sqrt,
                            inverse,  complement, soft_cap,   scale,  softmax,       sparsemax,
                            norm,     layer_norm, rms_norm,   rotary, rotary_halves, sinusoidal,
                            dropout,  slice,      reshape,    relu,   norm,          softmax});
            if (dice_.one_in(4))
                step.kind =
                    static_cast<language::transformation>(dice_.below(static_cast<int>(softmax)));
            switch (step.kind) {
                case log:
                case sqrt:
                case inverse:
                    if (!positive && !dice_.one_in(40)) continue;
                    break;
                case leaky_relu:
                    step.numbers[0] = dice_.pick({0.01, 0.2, 0.5});
                    break;
                case power:
                    step.numbers[0] = dice_.pick({2.0, 3.0, 0.0, -1.0, 0.5, 1.7});
                    if (step.numbers[0] != 2 && !positive && !dice_.one_in(40)) continue;
                    break;
                case clamp:
                    step.numbers = {dice_.pick({-1.0, 0.0, 0.25}), dice_.pick({0.5, 1.0})};
                    break;
                case soft_cap:
                    step.numbers[0] = dice_.pick({0.5, 2.0, 30.0});
                    break;
                case scale:
                    step.numbers[0] = dice_.pick({-1.5, 0.25, 2.0});
                    break;
                case norm:
                case rms_norm:
                case layer_norm:
                    step.numbers[0] = dice_.pick({1e-5, 0.1});
                    if (step.kind == layer_norm || (step.kind == rms_norm && !dice_.one_in(3)))
                        step.weights.push_back(weight({size}, variables, 15));
                    if (step.kind == layer_norm)
                        step.weights.push_back(weight({size}, variables, 15));
                    if (value.columns > 1 && !step.weights.empty()) continue;
                    break;
                case rotary:
                case rotary_halves:
                case sinusoidal:
                    if (size % 2 != 0 || variables.empty()) continue;
                    step.numbers[0] = dice_.pick({10000.0, 10.0});
                    step.positions.push_back(dice_.one_in(5) ? index_expression(variables)
                                                             : of_variable(dice_.pick(variables)));
                    break;
                case dropout:
                    step.numbers[0] = 0.25;
                    step.positions.push_back({tree::index_form::count, seed(), 0, {}, {}});
                    break;
                case slice: {
                    if (keeps_shape) continue;
                    const int begin = dice_.below(size);
                    step.numbers = {static_cast<double>(begin),
                                    static_cast<double>(dice_.between(1, size - begin))};
                    value = {static_cast<int>(step.numbers[1]), 1};
                    break;
                }
                case reshape: {
                    if (keeps_shape) continue;
                    int rows = size;
                    for (int divisor = 1; divisor <= size; ++divisor)
                        if (size % divisor == 0 && dice_.one_in(3)) rows = divisor;
                    value = {rows, size / rows};
                    step.numbers = {static_cast<double>(rows), static_cast<double>(size / rows)};
                    break;
                }
                default:
                    break;
            }
            positive = step.kind == exp || step.kind == sigmoid || step.kind == softmax ||
                       (positive && (step.kind == sqrt || step.kind == inverse ||
                                     step.kind == relu || step.kind == identity));
            to.transformations.push_back(step);
        }
    }
    /// A seed that drops nothing.
    std::string seed() {
        for (const fact& given : made.facts)
            if (given.name == "seed") return given.name;
        fact given;
        given.name = "seed";
        given.kind = plan::fact_kind::count;
        made.facts.push_back(given);
        return given.name;
    }

    // Rules.

    /// A body whose value has the wanted shape, or any; false where it did not come out.
    bool make_body(tree::rule& to, std::optional<value_shape>& value,
                   std::vector<variable>& variables, bool& positive) {
        using enum language::combination;
        const int kind = dice_.below(100);
        positive = false;
        if (kind < 14 && !(value && !value->is_scalar())) return dot_product(to, value, variables);
        if (kind < 20 && !value) return outer_product(to, value, variables);
        if (kind < 26 && !value) return concatenation(to, value, variables);
        if (kind < 30 && !(value && !value->is_scalar())) return angle(to, value, variables);
        if (kind < 34 && !value) return all_sums(to, value, variables);
        if (kind < 36 && !value) return number_of_literals(to, value, variables);
        to.combination = dice_.pick(
            {sum, sum, sum, sum, elementwise_product, elementwise_product, max, min, mean});
        const bool fixed = value.has_value();
        const std::optional<value_shape> wanted = value;
        const int most = dice_.pick({1, 1, 1, 2, 2, 2, 3, 4});
        bool reaches = false;  // some literal has the wanted shape
        for (int at = 0; at < most; ++at) {
            std::optional<tree::literal> item = literal(value, variables);
            if (fixed && !(*value == *wanted)) return false;
            if (item && dice_.one_in(8) && bounds_its_variables(*item)) item = within(*item, 0);
            if (item) to.literals.push_back(*item);
        }
        if (to.literals.empty()) return false;
        positive = to.literals.size() == 1 && is_positive(to.literals[0]);
        reaches = !fixed || wanted->is_scalar();
        for (const tree::literal& item : to.literals)
            reaches = reaches || (item.from == tree::source::weight && !item.shape.empty()) ||
                      !item.weight.empty();
        if (!reaches) {
            tree::literal bias =
                weight(wanted->columns > 1 ? std::vector<int>{wanted->rows, wanted->columns}
                                           : std::vector<int>{wanted->rows},
                       variables, 30);
            to.literals.push_back(bias);
        }
        return true;
    }
    bool is_positive(const tree::literal& item) const {
        if (!item.weight.empty()) return false;
        for (const known& each : known_)
            if (each.name == item.name && each.positive) return true;
        return false;
    }

    std::optional<tree::literal> vector_of(int rows, std::vector<variable>& variables) {
        for (int attempt = 0; attempt < 4; ++attempt) {
            const known& of = dice_.pick(known_);
            if (of.columns > 1) continue;
            tree::literal item = use(of, variables);
            if (of.classes > 0)
                item.weight = {weight({of.classes, rows}, variables, 10)};
            else if (of.rows != rows || dice_.one_in(3))
                item.weight = {weight({rows, of.rows}, variables, 10)};
            return item;
        }
        return std::nullopt;
    }
    bool dot_product(tree::rule& to, std::optional<value_shape>& value,
                     std::vector<variable>& variables) {
        const int rows = length();
        std::optional<tree::literal> left = vector_of(rows, variables);
        std::optional<tree::literal> right = vector_of(rows, variables);
        if (!left || !right) return false;
        left->transposed = true;
        to.combination = language::combination::product;
        if (dice_.one_in(3)) to.literals.push_back(number(1 / std::sqrt(rows)));
        to.literals.push_back(*left);
        to.literals.push_back(*right);
        value = value_shape{};
        return true;
    }
    static tree::literal number(double value) {
        tree::literal result;
        result.number = value;
        return result;
    }
    bool outer_product(tree::rule& to, std::optional<value_shape>& value,
                       std::vector<variable>& variables) {
        std::optional<tree::literal> left = vector_of(length(), variables);
        std::optional<tree::literal> right = vector_of(length(), variables);
        if (!left || !right) return false;
        const auto rows = [&](const tree::literal& item) {
            if (item.weight.empty()) {
                for (const known& each : known_)
                    if (each.name == item.name) return each.rows;
                return 1;
            }
            const tree::literal& applied = item.weight.front();
            const bool symbol = is_symbol(item.name);
            return applied.shape[applied.transposed != symbol ? 1 : 0];
        };
        const value_shape made_shape{rows(*left), rows(*right)};
        if (made_shape.rows * made_shape.columns > 64) return false;
        right->transposed = true;
        to.combination = language::combination::product;
        to.literals = {*left, *right};
        value = made_shape;
        if (dice_.one_in(2)) {
            tree::transformation step;
            step.kind = language::transformation::reshape;
            step.numbers = {static_cast<double>(made_shape.rows * made_shape.columns), 1.0};
            to.transformations.push_back(step);
            value = value_shape{made_shape.rows * made_shape.columns, 1};
        }
        return true;
    }
    bool is_symbol(const std::string& name) const {
        for (const known& each : known_)
            if (each.name == name) return each.classes > 0;
        return false;
    }
    bool concatenation(tree::rule& to, std::optional<value_shape>& value,
                       std::vector<variable>& variables) {
        to.combination = language::combination::concat;
        const int count = dice_.between(1, 3);
        int rows = 0;
        for (int at = 0; at < count; ++at) {
            const int part = length();
            std::optional<tree::literal> item = vector_of(part, variables);
            if (!item) return false;
            if (item->weight.empty())
                for (const known& each : known_)
                    if (each.name == item->name && each.rows != part) return false;
            rows += part;
            to.literals.push_back(*item);
        }
        value = value_shape{rows, 1};
        return true;
    }
    bool all_sums(tree::rule& to, std::optional<value_shape>& value,
                  std::vector<variable>& variables) {
        to.combination = language::combination::cross_sum;
        const int count = dice_.between(1, 3);
        int rows = 1;
        for (int at = 0; at < count; ++at) {
            const int part = dice_.between(1, 4);
            std::optional<tree::literal> item = vector_of(part, variables);
            if (!item) return false;
            const value_shape of = shape_of(*item);
            rows *= of.rows * of.columns;
            to.literals.push_back(*item);
        }
        value = value_shape{rows, 1};
        return rows <= 64;
    }
    bool number_of_literals(tree::rule& to, std::optional<value_shape>& value,
                            std::vector<variable>& variables) {
        to.combination = language::combination::count;
        for (int at = dice_.between(1, 3); at > 0; --at) {
            std::optional<tree::literal> item = vector_of(length(), variables);
            if (item) to.literals.push_back(*item);
        }
        value = value_shape{};
        return !to.literals.empty();
    }
    bool angle(tree::rule& to, std::optional<value_shape>& value,
               std::vector<variable>& variables) {
        const int rows = length();
        to.combination = language::combination::cosine;
        for (int at = 0; at < 2; ++at) {
            std::optional<tree::literal> item = vector_of(rows, variables);
            if (!item) return false;
            to.literals.push_back(*item);
        }
        value = value_shape{};
        return true;
    }

    /// Literals that only hold.
    void add_requirements(tree::rule& to, std::vector<variable>& variables) {
        for (const known& each : known_) {
            if (!(each.sparse || each.zeros) || !dice_.one_in(7)) continue;
            if (variables.empty() && !each.extents.empty()) continue;
            tree::literal item = use(each, variables);
            (dice_.one_in(3) ? item.negated : item.hidden) = true;
            to.literals.push_back(item);
        }
    }

    static tree::literal atom(const std::string& name, const std::vector<variable>& variables) {
        tree::literal result;
        result.from = tree::source::relation;
        result.name = name;
        for (const variable& each : variables)
            if (each.in_head) result.terms.push_back(of_variable(each));
        return result;
    }

    static std::vector<variable> used_in(const tree::rule& rule,
                                         const std::vector<variable>& variables) {
        const tree::names names = tree::variables_of(rule);
        std::vector<variable> result;
        for (const variable& each : variables)
            if (names.count(each.name)) result.push_back(each);
        return result;
    }

    void aggregate(tree::rule& to, std::vector<variable>& variables, value_shape& value,
                   bool keeps_shape, bool positive) {
        using enum language::aggregation;
        std::vector<std::string> free;
        int copies = 1;
        for (const variable& each : variables)
            if (!each.in_head) {
                free.push_back(each.name);
                copies *= each.extent;
            }
        if (value.is_scalar() && !keeps_shape && variables.size() - free.size() == 2 &&
            dice_.one_in(6)) {
            to.aggregation = top_k;
            to.aggregated_number = dice_.pick({1, 2, 2, 3, 9});
            std::vector<std::string> of_head;
            for (const variable& each : variables)
                if (each.in_head) of_head.push_back(each.name);
            to.aggregated = {dice_.pick(of_head)};
            return;
        }
        if (free.empty()) {
            if (variables.empty() || keeps_shape || !dice_.one_in(6)) return;
            to.aggregation = softmax;
            for (const variable& each : variables)
                if (dice_.one_in(2)) to.aggregated.push_back(each.name);
            if (to.aggregated.empty()) to.aggregated.push_back(dice_.pick(variables).name);
            return;
        }
        to.aggregation = dice_.pick({sum, sum, sum, mean, max, min, count, concat});
        if (dice_.one_in(3))
            to.aggregation =
                static_cast<language::aggregation>(dice_.below(static_cast<int>(count)));
        if (to.aggregation == p_mean) {
            using functions = language::transformation;
            if (!to.transformations.empty()) {
                const functions last = to.transformations.back().kind;
                positive = last == functions::exp || last == functions::sigmoid ||
                           last == functions::softmax || last == functions::softplus;
            }
            if (!positive && !dice_.one_in(20))
                to.aggregation = log_sum_exp;
            else
                to.aggregated_number = dice_.pick({1.0, 2.0, 2.5, 0.5});
        }
        if (to.aggregation == count && keeps_shape && !value.is_scalar()) to.aggregation = sum;
        if (to.aggregation == concat && (keeps_shape || copies * value.rows * value.columns > 80))
            to.aggregation = mean;
        if (to.aggregation == sum && dice_.one_in(2)) return;
        for (std::size_t at = free.size(); at > 1; --at)
            std::swap(free[at - 1], free[to_size(dice_.below(static_cast<int>(at)))]);
        to.aggregated = free;
        if (to.aggregation == count) value = {};
        if (to.aggregation == concat) value.rows *= copies;
    }

    /// A rule for a head that is there already, or for a new one.
    bool make_rule(rules& to, const known* head) {
        functions_.clear();
        tree::rule made_rule;
        std::vector<variable> variables;
        std::optional<value_shape> value;
        if (head) {
            static constexpr const char* names[] = {"i", "j", "k", "l"};
            for (std::size_t at = 0; at < head->extents.size(); ++at)
                variables.push_back({names[at], head->extents[at], 0, true});
            value = value_shape{head->rows, head->columns};
        }
        bool positive = false;
        if (!make_body(made_rule, value, variables, positive)) return false;
        if (made_rule.literals.size() < 4) add_requirements(made_rule, variables);
        for (const tree::rule& each : functions_)
            if (each.head.terms.size() > 4) return false;
        if (cost(variables) > 2500 || variables.size() > 4) return false;
        if (!head) variables = used_in(made_rule, variables);
        if (!head) {
            for (variable& each : variables) each.in_head = dice_.chance(65);
            int arity = 0;
            for (variable& each : variables) arity += each.in_head;
            if (arity > 3) return false;
        }
        value_shape result = *value;
        if (result.rows * result.columns > 100) return false;
        transform(made_rule, result, variables, head != nullptr, positive);
        if (!variables.empty() && dice_.chance(35))
            made_rule.conditions.push_back(condition(variables));
        if (!variables.empty() && dice_.chance(8))
            made_rule.conditions.push_back(condition(variables));
        aggregate(made_rule, variables, result, head != nullptr, positive);
        made_rule.head = atom(head ? head->name : new_name("r"), variables);
        if (!head && dice_.one_in(4)) shuffle(made_rule.head.terms);
        const bool chooses = made_rule.aggregation == language::aggregation::top_k;
        if (dice_.one_in(12) && (!chooses || dice_.one_in(10))) {
            const int rows = head ? head->rows : length();
            std::vector<variable> of_head;
            for (const variable& each : variables)
                if (each.in_head) of_head.push_back(each);
            made_rule.head.weight = {weight({rows, result.rows}, of_head, 20)};
            if (made_rule.head.weight.front().fixed) made_rule.head.weight.front().fixed = false;
            result.rows = rows;
        }
        to.insert(to.end(), functions_.begin(), functions_.end());
        to.push_back(made_rule);
        if (head) return true;
        known added;
        added.name = made_rule.head.name;
        added.rows = result.rows;
        added.columns = result.columns;
        for (const index& term : made_rule.head.terms)
            for (const variable& each : variables)
                if (each.name == term.name) added.extents.push_back(each.extent);
        // Some values are exactly zero, so that atoms can be absent.
        if (!made_rule.transformations.empty() && made_rule.head.weight.empty()) {
            const language::transformation last = made_rule.transformations.back().kind;
            added.zeros =
                last == language::transformation::relu || last == language::transformation::step;
        }
        added.sparse = chooses;
        if (chooses) chosen_.insert(added.name);
        known_.push_back(added);
        return true;
    }
    template <class Item>
    void shuffle(std::vector<Item>& items) {
        for (std::size_t at = items.size(); at > 1; --at)
            std::swap(items[at - 1], items[to_size(dice_.below(static_cast<int>(at)))]);
    }

    void make_plain(rules& to) {
        for (int attempt = 0; attempt < 8; ++attempt)
            if (make_rule(to, nullptr)) break;
        if (to.empty()) return;
        const known last = known_.back();
        if (last.is_fact || (last.sparse && dice_.chance(95))) return;
        // The other rules of the head do not read it.
        known_.pop_back();
        for (int more = dice_.one_in(4) ? dice_.between(1, 2) : 0; more > 0 && !known_.empty();
             --more)
            make_rule(to, &last);
        known_.push_back(last);
        if (dice_.one_in(6)) transform_atoms(to);
    }

    void transform_atoms(rules& to) {
        known& last = known_.back();
        tree::rule written;
        written.transforms_atoms = true;
        std::vector<variable> variables;
        static constexpr const char* names[] = {"i", "j", "k", "l"};
        for (std::size_t at = 0; at < last.extents.size(); ++at)
            variables.push_back({names[at], last.extents[at], 0, true});
        written.head = atom(last.name, variables);
        value_shape value{last.rows, last.columns};
        transform(written, value, variables, false, false);
        if (combined_atoms && dice_.one_in(6))
            written.combination =
                dice_.pick({language::combination::elementwise_product, language::combination::max,
                            language::combination::min, language::combination::mean});
        if (written.transformations.empty() && written.combination == language::combination::sum)
            return;
        last.rows = value.rows;
        last.columns = value.columns;
        to.push_back(written);
    }

    // Attention.

    /// A relation over these extents with vectors of that length, by a rule of its own or one that
    /// is there; each has what its source has `behind` indices before.
    known vectors(rules& to, int extent, int rows, int heads, int behind = 0) {
        if (heads == 0 && behind == 0)
            for (const known& each : known_)
                if (each.extents == std::vector<int>{extent} && each.rows == rows &&
                    each.columns == 1 && each.classes == 0 && dice_.one_in(3))
                    return each;
        known made_relation;
        made_relation.name = new_name("v");
        made_relation.rows = rows;
        made_relation.extents = {extent};
        std::vector<variable> variables{{"i", extent, 0, true}};
        tree::rule written;
        std::vector<const known*> from;
        for (const known& each : known_)
            if (each.extents == std::vector<int>{extent} && each.columns == 1)
                from.push_back(&each);
        tree::literal item;
        if (from.empty()) {
            item = weight({rows}, {}, 0);
            item.terms = {of_variable(variables[0])};
            item.name = new_name("P");
            variables[0].stated = extent;
            item.terms = {of_variable(variables[0])};
        } else {
            const known& of = *dice_.pick(from);
            item.from = tree::source::relation;
            item.name = of.name;
            if (behind > 0) variables[0].stated = extent;
            item.terms = {moved(of_variable(variables[0]), -behind)};
            if (of.classes > 0)
                item.weight = {weight({of.classes, rows}, {}, 0)};
            else
                item.weight = {weight({rows, of.rows}, {}, 0)};
            if (heads > 0) {
                variables.push_back({"h", heads, heads, true});
                tree::literal& applied = item.weight.front();
                applied.name = new_name("W");
                applied.terms = {of_variable(variables[1])};
                made_relation.extents.push_back(heads);
            }
        }
        written.literals = {item};
        if (dice_.one_in(4)) {
            tree::literal bias = weight({rows}, {}, 0);
            if (heads > 0 && made_relation.extents.size() > 1) {
                bias.name = new_name("b");
                bias.terms = {of_variable(variables[1])};
            }
            written.literals.push_back(bias);
        }
        value_shape value{rows, 1};
        if (dice_.one_in(3)) transform(written, value, variables, true, false, 2);
        written.head = atom(made_relation.name, variables);
        to.push_back(written);
        known_.push_back(made_relation);
        return made_relation;
    }

    void make_attention(rules& to) {
        const int rows = positions_;
        const int columns = thin_ ? others_ : dice_.chance(70) ? positions_ : others_;
        if (rows * columns > 6000) return make_plain(to);
        const int heads = !thin_ && dice_.one_in(4) ? dice_.between(1, 3) : 0;
        const int depth = length();
        const known q = vectors(to, rows, depth, heads);
        // Attention to later columns that follow from earlier rows.
        const int behind = !thin_ && dice_.one_in(8) ? dice_.between(1, 3) : 0;
        const known k = vectors(to, columns, depth, heads, behind);
        const known v =
            vectors(to, columns, length(), heads && dice_.one_in(2) ? heads : 0, behind);
        variable i{"i", rows, 0, true};
        variable j{"j", columns, 0, true};
        variable h{"h", heads, heads, true};
        std::vector<variable> pair{i, j};
        const auto at = [&](const known& of, const variable& first) {
            tree::literal result;
            result.from = tree::source::relation;
            result.name = of.name;
            result.terms = {of_variable(first)};
            if (of.extents.size() > 1) result.terms.push_back(of_variable(h));
            return result;
        };
        std::vector<variable> all = pair;
        if (heads > 0) all.push_back(h);
        std::vector<tree::condition> mask;
        if (behind > 0) {
            tree::condition ahead;
            ahead.order = language::order::less_equal;
            ahead.sides = {of_variable(j), moved(of_variable(i), behind)};
            mask.push_back(ahead);
        } else if (dice_.chance(65)) {
            mask.push_back(condition(dice_.one_in(5) ? all : pair));
        }
        if (dice_.one_in(5)) mask.push_back(condition(pair));
        // Rules of one logit, most of them over equal spaces.
        const int terms = dice_.pick({1, 1, 2, 2, 3});
        const std::string name = new_name("s");
        rules logits;
        for (int term = 0; term < terms; ++term) {
            tree::rule rule;
            rule.conditions = mask;
            if (term > 0 && dice_.one_in(thin_ ? 2 : 6)) {
                if (dice_.one_in(3) && !rule.conditions.empty())
                    rule.conditions.pop_back();
                else
                    rule.conditions.push_back(condition(pair));
            }
            if (term > 0 && dice_.one_in(5))
                std::reverse(rule.conditions.begin(), rule.conditions.end());
            fill_logit(rule, term, at(k, j), at(q, i), all, depth);
            if (dice_.one_in(5)) {
                tree::transformation step;
                step.kind = dice_.pick(
                    {language::transformation::soft_cap, language::transformation::tanh,
                     language::transformation::scale, language::transformation::leaky_relu,
                     language::transformation::sigmoid});
                step.numbers[0] = dice_.pick({0.5, 2.0});
                rule.transformations.push_back(step);
            }
            rule.head = atom(name, all);
            logits.push_back(rule);
        }
        if (dice_.one_in(8)) shuffle(logits);
        const std::string weights = terms == 1 && dice_.one_in(2) ? name : new_name("a");
        if (weights == name) {
            logits[0].aggregation = language::aggregation::softmax;
            logits[0].aggregated = {"j"};
            to.push_back(logits[0]);
        } else {
            for (const tree::rule& each : logits) to.push_back(each);
            tree::rule softmax;
            tree::literal logit = atom(name, all);
            softmax.literals = {logit};
            softmax.head = atom(weights, all);
            softmax.aggregation = language::aggregation::softmax;
            softmax.aggregated = {"j"};
            if (dice_.one_in(8)) softmax.conditions.push_back(condition(pair));
            to.push_back(softmax);
        }
        known scores{weights, {rows, columns}, 1, 1, 0, false, false, false, false, false};
        if (heads > 0) scores.extents.push_back(heads);
        if (dice_.one_in(5)) known_.push_back(scores);
        tree::rule out;
        out.literals = {atom(weights, all), at(v, j)};
        if (dice_.one_in(6)) std::swap(out.literals[0], out.literals[1]);
        out.combination = dice_.one_in(3) ? language::combination::elementwise_product
                                          : language::combination::product;
        if (dice_.one_in(2)) {
            out.aggregation = language::aggregation::sum;
            out.aggregated = {"j"};
        }
        if (dice_.one_in(10)) out.conditions.push_back(condition(pair));
        known result{new_name("r"), {rows}, v.rows, 1, 0, false, false, false, false, false};
        if (heads > 0) result.extents.push_back(heads);
        all.erase(all.begin() + 1);
        out.head = atom(result.name, all);
        to.push_back(out);
        known_.push_back(result);
        if (heads > 0 && dice_.one_in(2)) {
            tree::rule joined;
            joined.literals = {out.head};
            joined.aggregation = language::aggregation::concat;
            joined.aggregated = {"h"};
            known together{new_name("r"), {rows}, v.rows * heads, 1,     0,
                           false,         false,  false,          false, false};
            joined.head = atom(together.name, {i});
            to.push_back(joined);
            known_.push_back(together);
        }
    }

    void fill_logit(tree::rule& rule, int term, tree::literal key, tree::literal query,
                    const std::vector<variable>& all, int depth) {
        const int kind = term == 0 ? dice_.below(14) : dice_.below(20);
        const std::vector<variable> pair{all[0], all[1]};
        if (kind < 9) {
            rule.combination = language::combination::product;
            if (dice_.one_in(2)) std::swap(key, query);
            key.transposed = true;
            if (dice_.one_in(2)) rule.literals.push_back(number(1 / std::sqrt(depth)));
            rule.literals.push_back(key);
            rule.literals.push_back(query);
            return;
        }
        if (kind < 14) {
            tree::literal table;
            table.from = tree::source::weight;
            table.name = new_name("R");
            table.terms = {of_variable(pair[0]), of_variable(pair[1])};
            if (dice_.one_in(4)) {
                table.terms = {moved(operation(language::arithmetic::subtract, of_variable(pair[1]),
                                               of_variable(pair[0])),
                                     pair[0].extent - 1)};
            } else {
                if (all.size() > 2 && dice_.one_in(2))
                    table.terms.insert(table.terms.begin(), of_variable(all[2]));
            }
            for (index& each : table.terms) state_extents(each, all);
            table.fixed = dice_.one_in(12);
            rule.literals.push_back(table);
            return;
        }
        if (kind < 16) {
            rule.combination = language::combination::product;
            rule.literals.push_back(number(dice_.number()));
            tree::literal distance;
            distance.from = tree::source::index;
            distance.terms = {dice_.one_in(3)
                                  ? index_expression(pair)
                                  : operation(language::arithmetic::subtract, of_variable(pair[0]),
                                              of_variable(pair[1]))};
            state_extents(distance.terms[0], pair);
            rule.literals.push_back(distance);
            return;
        }
        for (const known& each : known_)
            if (each.rows == 1 && each.columns == 1 && each.classes == 0 &&
                (each.extents == std::vector<int>{pair[0].extent, pair[1].extent} ||
                 each.extents == std::vector<int>{pair[1].extent})) {
                tree::literal load;
                load.from = tree::source::relation;
                load.name = each.name;
                if (each.extents.size() == 2) load.terms.push_back(of_variable(pair[0]));
                load.terms.push_back(of_variable(pair[1]));
                rule.literals.push_back(load);
                return;
            }
        rule.combination = language::combination::product;
        key.transposed = true;
        rule.literals = {key, query};
    }

    // Recursions.

    void make_recursion(rules& to) {
        if (thin_ || positions_ < 2) return make_plain(to);
        const int rows = length();
        const known x = vectors(to, positions_, rows, 0);
        const variable t{"t", positions_, 0, true};
        const std::string name = new_name("h");
        const bool backward = dice_.one_in(4);
        const int step = dice_.one_in(5) ? 2 : 1;
        const auto atom_at = [&](const std::string& relation, int by) {
            tree::literal result;
            result.from = tree::source::relation;
            result.name = relation;
            result.terms = {moved(of_variable(t), by)};
            return result;
        };
        const int past = backward ? 1 : -1;
        tree::literal own = atom_at(name, past * step);
        tree::literal input = atom_at(x.name, 0);
        if (dice_.one_in(2)) own.weight = {weight({rows, rows}, {}, 0)};
        if (dice_.one_in(2)) input.weight = {weight({rows, rows}, {}, 0)};
        tree::rule recurring;
        recurring.head = atom_at(name, 0);
        value_shape value{rows, 1};
        if (dice_.one_in(3)) {
            // From nothing: two rules of one head.
            tree::rule given = recurring;
            given.literals = {input};
            recurring.literals = {own};
            to.push_back(given);
            to.push_back(recurring);
            if (dice_.one_in(2)) {
                tree::rule after;
                after.transforms_atoms = true;
                after.head = atom_at(name, 0);
                transform(after, value, {t}, true, false, 2);
                if (!after.transformations.empty()) to.push_back(after);
            }
        } else {
            for (int base = 0; base < step; ++base) {
                tree::rule first;
                first.head = atom_at(name, 0);
                first.head.terms = {of_number(backward ? positions_ - 1 - base : base)};
                tree::literal start = weight({rows}, {}, 0);
                first.literals = {start};
                to.push_back(first);
            }
            recurring.combination = dice_.one_in(4) ? language::combination::elementwise_product
                                                    : language::combination::sum;
            recurring.literals = {own, input};
            if (dice_.one_in(3)) recurring.literals.push_back(weight({rows}, {}, 0));
            if (dice_.one_in(4) && step == 1) {
                // Through a relation of the same round.
                const std::string between = new_name("g");
                tree::rule through;
                through.head = atom_at(between, 0);
                through.literals = {recurring.literals[0]};
                recurring.literals[0] = atom_at(between, 0);
                transform(through, value, {}, true, false, 1);
                to.push_back(through);
            }
            transform(recurring, value, {}, true, false, 2);
            if (!backward && step == 1 && dice_.one_in(3)) {
                // h(next(t)) <<= h(t): all are one later.
                recurring.head.terms = {moved(of_variable(t), 1)};
                for (tree::literal& item : recurring.literals)
                    if (item.name == name) item.terms = {of_variable(t)};
            }
            if (dice_.one_in(8)) recurring.conditions.push_back(condition({t}));
            if (dice_.one_in(3)) add_sparse_literal(recurring, t);
            to.push_back(recurring);
        }
        known result{name, {positions_}, rows, 1, 0, false, false, false, false, false};
        known_.push_back(result);
    }

    /// A literal of a sparse fact at each time, of one that is there or of a new one.
    void add_sparse_literal(tree::rule& to, const variable& time) {
        std::vector<known> found;
        for (const known& each : known_)
            if (each.sparse && each.is_fact && each.extents.size() <= 2 && each.columns == 1 &&
                each.extents[0] == time.extent)
                found.push_back(each);
        if (found.empty()) {
            fact given;
            given.name = new_name("e");
            given.extents = {time.extent};
            if (dice_.one_in(2)) given.extents.push_back(extent());
            const int arguments = static_cast<int>(given.extents.size());
            int most = 1;
            for (const int each : given.extents) most *= each;
            given.pairs = dice_.between(1, std::min(most, 40));
            if (dice_.one_in(4)) {
                given.kind = plan::fact_kind::symbols;
                given.classes = dice_.between(1, 5);
            }
            add_fact(given, arguments);
            found.push_back(known_.back());
            std::rotate(known_.begin(), known_.end() - 1, known_.end());
        }
        const known& of = dice_.pick(found);
        tree::literal item;
        item.from = tree::source::relation;
        item.name = of.name;
        item.terms = {of_variable(time)};
        if (of.extents.size() > 1)
            item.terms.push_back(of_variable({"j", of.extents[1], 0, false}));
        const int kind = dice_.below(3);
        item.hidden = kind == 0;
        item.negated = kind == 1 && of.extents.size() == 1;
        if (item.has_value() && of.classes > 0) item.weight = {weight({of.classes, 1}, {}, 0)};
        to.literals.push_back(item);
        if (of.extents.size() > 1 && dice_.one_in(2)) {
            to.aggregation = dice_.pick({language::aggregation::sum, language::aggregation::mean,
                                         language::aggregation::max});
            to.aggregated = {"j"};
        }
    }

    // Sums over a window of rows: y(i) <<= x(i - 2 * k)[W(k)] | sum(k), or of every second window;
    // or over a window of two indices; or of rows times a weight elementwise.

    void make_window(rules& to) {
        using enum language::arithmetic;
        const int heads = !thin_ && dice_.one_in(3) ? dice_.between(1, 4) : 0;
        const known x = vectors(to, positions_, length(), heads);
        const int columns = x.extents.size() > 1 ? heads : 0;
        // Elementwise: each column has weights of its own, or none.
        const bool elementwise = dice_.one_in(3);
        const int rows = elementwise ? x.rows : length();
        const bool strided = dice_.one_in(4);
        const int extent =
            strided ? std::max(1, positions_ / 2) : positions_ + dice_.between(-1, 1);
        if (extent < 1) return make_plain(to);
        const variable i{"i", extent, extent, true};
        const variable k{"k", 1, dice_.between(1, 4), false};
        const variable c{"c", columns, columns, true};
        const variable l{"l", 1, dice_.between(1, 3), false};
        tree::rule written;
        written.head = atom(new_name("y"), {i});
        if (columns > 0) written.head.terms.push_back(of_variable(c));
        const auto read = [&](index argument, const std::vector<variable>& indices) {
            tree::literal item;
            item.from = tree::source::relation;
            item.name = x.name;
            item.terms = {std::move(argument)};
            if (columns > 0) {
                const index along = indices.size() > 1
                                        ? operation(add, of_variable(c), of_variable(l))
                                        : of_variable(c);
                item.terms.push_back(moved(along, dice_.between(-2, 1)));
            }
            item.weight = {weight({rows, x.rows}, {}, 0)};
            if (!indices.empty()) {
                item.weight.front() = weight({rows, x.rows}, indices, 0);
                item.weight.front().name = new_name("K");
                for (const variable& each : indices)
                    item.weight.front().terms.push_back(of_variable(each));
            }
            return item;
        };
        const auto twice = [&](const variable& of) {
            return operation(multiply, of_number(2), of_variable(of));
        };
        const index walked = dice_.one_in(3) ? twice(k) : of_variable(k);
        const index sum = strided
                              ? operation(add, twice(i), of_variable(k))
                              : operation(dice_.one_in(2) ? add : subtract, of_variable(i), walked);
        const std::vector<variable> summed =
            columns > 0 ? std::vector<variable>{k, l} : std::vector<variable>{k};
        written.literals = {read(moved(sum, dice_.between(-3, 2)), summed)};
        if (elementwise) {
            written.literals.front().weight.clear();
            if (!dice_.one_in(3)) {
                tree::literal scale = weight({rows}, {}, 0);
                scale.name = new_name("D");
                scale.terms.clear();
                for (const variable& each : summed) scale.terms.push_back(of_variable(each));
                written.literals.push_back(scale);
                written.combination = language::combination::elementwise_product;
            }
        }
        written.aggregation = language::aggregation::sum;
        for (const variable& each : summed) written.aggregated.push_back(each.name);
        if (!counts_.empty() && dice_.one_in(3)) {
            tree::condition below;
            below.order = language::order::less;
            below.sides = {of_variable(i),
                           {tree::index_form::count, dice_.pick(counts_), 0, {}, {}}};
            written.conditions.push_back(below);
        }
        to.push_back(written);
        for (int more = dice_.one_in(3) ? dice_.between(1, 3) : 0; more > 0; --more) {
            tree::rule other;
            other.head = written.head;
            other.literals = {read(moved(of_variable(i), dice_.between(-3, 3)), {})};
            if (dice_.one_in(4) && x.rows == rows) other.literals.front().weight.clear();
            to.push_back(other);
        }
        std::vector<int> extents{extent};
        if (columns > 0) extents.push_back(columns);
        known_.push_back(
            {written.head.name, extents, rows, 1, 0, false, false, false, false, false});
        if (dice_.one_in(3)) transform_atoms(to);
    }

    // Stacks.

    void make_stack(rules& to, int depth) {
        std::vector<known> inputs;
        for (const known& each : known_)
            if (each.extents.size() <= 2 && each.classes == 0 && !each.sparse &&
                each.columns == 1 && each.rows <= 12)
                inputs.push_back(each);
        if (inputs.empty() || depth >= 2) return make_plain(to);
        const known input = dice_.pick(inputs);
        tree::rule stacking;
        stacking.layers = dice_.between(1, 3);
        if (dice_.one_in(3))
            stacking.repetition =
                dice_.one_in(3) ? language::repetition::until_equal : language::repetition::shared;
        const std::vector<known> outside = known_;
        const auto outside_weights = weights_;
        weights_.clear();
        known inner = input;
        inner.name = dice_.one_in(3) ? input.name : new_name("u");
        inner.is_fact = false;
        inner.zeros = inner.positive = inner.runs = false;
        // What the block takes from outside.
        std::vector<known> inside;
        for (const known& each : outside)
            if (dice_.one_in(4) && each.name != inner.name) inside.push_back(each);
        inside.push_back(inner);
        known_ = inside;
        rules block;
        const int stages = dice_.between(0, 2);
        for (int at = 0; at < stages; ++at) make_stage(block, depth + 1);
        close_block(block, inner);
        known_ = outside;
        weights_ = outside_weights;
        if (block.empty()) return make_plain(to);
        stacking.block = block;
        known result = input;
        result.name = new_name("y");
        result.is_fact = result.positive = result.zeros = result.runs = false;
        std::vector<variable> variables;
        static constexpr const char* names[] = {"i", "j", "k", "l"};
        for (std::size_t at = 0; at < input.extents.size(); ++at)
            variables.push_back({names[at], input.extents[at], 0, true});
        stacking.head = atom(result.name, variables);
        stacking.literals = {atom(input.name, variables)};
        to.push_back(stacking);
        known_.push_back(result);
    }

    /// The block's one output, of the shape of its input, which adds all that nothing uses.
    void close_block(rules& block, const known& inner) {
        tree::names used;
        for (const tree::rule& rule : block) used.merge(tree::relations_used(rule));
        tree::rule last;
        std::vector<variable> variables;
        static constexpr const char* names[] = {"i", "j", "k", "l"};
        for (std::size_t at = 0; at < inner.extents.size(); ++at)
            variables.push_back({names[at], inner.extents[at], 0, true});
        last.head = atom(new_name("z"), variables);
        if (dice_.one_in(2) || !used.count(inner.name))
            last.literals.push_back(atom(inner.name, variables));
        tree::names heads;
        for (const tree::rule& rule : block) heads.insert(rule.head.name);
        for (const known& each : known_) {
            if (!heads.count(each.name) || used.count(each.name)) continue;
            tree::literal item;
            item.from = tree::source::relation;
            item.name = each.name;
            for (int extent : each.extents) item.terms.push_back(plain_argument(extent, variables));
            if (each.columns > 1) {
                item.element.clear();
                block.clear();
                return;
            }
            if (each.rows != inner.rows || dice_.one_in(3))
                item.weight = {weight({inner.rows, each.rows}, {}, 0)};
            last.literals.push_back(item);
        }
        if (last.literals.empty()) last.literals.push_back(atom(inner.name, variables));
        for (const variable& each : variables) {
            bool bound = false;
            for (const tree::literal& item : last.literals)
                for (const index& term : item.terms) bound = bound || term.name == each.name;
            if (!bound) last.literals.push_back(atom(inner.name, variables));
        }
        value_shape value{inner.rows, 1};
        transform(last, value, variables, true, false, 2);
        block.push_back(last);
    }
    index plain_argument(int extent, const std::vector<variable>& variables) {
        for (const variable& each : variables)
            if (each.extent == extent) return of_variable(each);
        return of_number(dice_.below(extent));
    }

    // The whole.

    void make_stage(rules& to, int depth) {
        if (size_of(to) > 9) return;
        const int kind = dice_.below(100);
        if (thin_ && dice_.chance(70)) return make_attention(to);
        if (kind < 44)
            make_plain(to);
        else if (kind < 52)
            make_window(to);
        else if (kind < 78)
            make_attention(to);
        else if (kind < 88)
            make_recursion(to);
        else
            make_stack(to, depth);
    }
    static int size_of(const rules& of) {
        int size = 0;
        for (const tree::rule& rule : of) size += 1 + size_of(rule.block);
        return size;
    }

    void choose_outputs() {
        tree::names used;  // by other relations
        tree::names read;  // by any
        const auto add = [&](const tree::rule& rule, const std::string& head) {
            for (const std::string& name : tree::relations_used(rule)) {
                read.insert(name);
                if (name != head) used.insert(name);
            }
        };
        for (const tree::rule& rule : made.rules.rules) {
            add(rule, rule.head.name);
            for (const tree::rule& inner : rule.block) add(inner, rule.head.name);
        }
        std::vector<std::string> unused;
        std::vector<std::string> all;
        // Nobody would know the atoms of a choice.
        for (const std::string& head : chosen_) {
            if (used.count(head) || dice_.one_in(20)) continue;
            const std::vector<variable> both{{"i", 0, 0, true}, {"j", 0, 0, true}};
            tree::rule copy;
            copy.head = atom(new_name("y"), both);
            copy.literals = {atom(head, both)};
            if (dice_.one_in(3)) copy.literals.front().hidden = true;
            add(copy, copy.head.name);
            made.rules.rules.push_back(copy);
        }
        for (const std::string& head : tree::heads_of(made.rules)) {
            if (tree::is_within(made.rules, head)) continue;
            all.push_back(head);
            if (!used.count(head)) unused.push_back(head);
        }
        if (unused.size() == 1 && !read.count(unused[0]) && dice_.chance(75)) return;
        made.queries = unused;
        if (made.queries.size() > 3) made.queries.resize(3);
        if (!all.empty() && dice_.one_in(3)) {
            const std::string extra = dice_.pick(all);
            if ((!chosen_.count(extra) || dice_.one_in(20)) &&
                std::find(made.queries.begin(), made.queries.end(), extra) == made.queries.end())
                made.queries.push_back(extra);
        }
    }
};

}  // namespace random_programs
