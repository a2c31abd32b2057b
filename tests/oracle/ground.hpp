#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "aggregate.hpp"
#include "index.hpp"
#include "range.hpp"
#include "source.hpp"
#include "tree.hpp"
#include "value.hpp"
#include "world.hpp"

/// Grounds rules by the definition in docs/language.md ("What a rule means"): tries every
/// assignment of the variables.

namespace oracle {

/// What must hold for a ground rule to exist, and the variables that it mentions.
struct requirement {
    tree::names variables{};
    std::function<bool(const assignment&)> holds{};
    bool by_value = false;  // of a dense fact: it says nothing of where atoms exist
};

class grounder {
  public:
    /// `input`, where given, is a fact with the domain of a relation: what a block is applied to.
    /// `outside` evaluates the program around the block.
    grounder(const tree::program& program, const world& given,
             const std::pair<std::string, table>* input = nullptr,
             const grounder* outside = nullptr)
        : program_(program),
          given_(given),
          heads_(tree::heads_of(program)),
          outside_(outside),
          known_(heads_) {
        if (input) facts_[{input->first, input->second.values.extents.size()}] = input->second;
        if (input) known_.insert(input->first);
        for (const auto& [name, fact] : given.facts) known_.insert(name);
        for (const auto& [name, fact] : given.sparse) known_.insert(name);
        if (outside) known_.insert(outside->known_.begin(), outside->known_.end());
        for (tree::rule& rule : program_.rules)
            if (!rule.block.empty()) tree::bind_block(rule, known_);
        for (const tree::rule& rule : program.rules)
            if (rule.transforms_atoms && !heads_.count(rule.head.name))
                throw std::logic_error("oracle: no rule for " + rule.head.name);
        evaluated_.ground_rules.assign(program.rules.size(), 0);
        for (const std::string& head : heads_) evaluate_relation(head);
        for (const auto& [name, entry] : relations_) evaluated_.relations[name] = entry.values;
    }

    const result& evaluated() const { return evaluated_; }
    const table& relation(const std::string& name) const { return relations_.at(name); }

  private:
    // Relations in the order of their dependencies.

    void evaluate_relation(const std::string& name) {
        if (relations_.count(name)) return;
        const tree::names followed = tree::followed(program_, name);
        tree::names recursion;  // of those, the ones that follow from it, too
        for (const std::string& used : followed)
            if (tree::followed(program_, used).count(name)) recursion.insert(used);
        for (const std::string& used : followed)
            if (heads_.count(used) && !recursion.count(used)) evaluate_relation(used);
        if (recursion.empty())
            compute_relation(name, recursion);
        else
            repeat_recursion(recursion);
    }

    /// All that follows from what is known, again and again, until nothing changes: what follows
    /// at one time is known for the next.
    void repeat_recursion(const tree::names& recursion) {
        constexpr int enough = 1000;
        bool changed = true;
        for (int round = 0; changed; ++round) {
            if (round == enough) throw std::logic_error("oracle: a recursion without an end");
            changed = false;
            for (const std::string& name : recursion) {
                const relation_values before =
                    relations_.count(name) ? relations_.at(name).values : relation_values{};
                compute_relation(name, recursion);
                if (!relations_.count(name)) continue;
                const relation_values& after = relations_.at(name).values;
                changed = changed || before.exists != after.exists || before.values != after.values;
            }
        }
        for (const std::string& name : recursion)
            if (!relations_.count(name))
                throw std::logic_error("oracle: " + name + " follows from itself alone");
    }

    /// Of a recursion, the rules count whose relations are known.
    void compute_relation(const std::string& name, const tree::names& recursion) {
        std::map<std::size_t, ranges> found;
        std::vector<int> known;  // how far the arguments run by what is known
        for (std::size_t at = 0; at < program_.rules.size(); ++at) {
            const tree::rule& rule = program_.rules[at];
            if (rule.head.name != name || rule.transforms_atoms) continue;
            bool counts = true;
            for (const std::string& used : tree::relations_used(rule))
                counts = counts && is_known(used, recursion);
            const ranges runs = ranges_of(rule, recursion);
            if (counts)
                found[at] = runs;
            else
                extend(known, head_extents(rule, runs));
        }
        if (found.empty()) return;
        for (const auto& [at, runs] : found) extend(known, head_extents(program_.rules[at], runs));
        for (auto& [at, runs] : found) {
            follow_head(program_.rules[at], known, runs);
            bind_moved(program_.rules[at], runs);
        }
        for (const auto& [at, runs] : found) extend(known, head_extents(program_.rules[at], runs));
        for (auto& [at, runs] : found) {
            follow_head(program_.rules[at], known, runs);
            bind_by_weights(program_.rules[at], runs);
        }
        for (const auto& [at, runs] : found) extend(known, head_extents(program_.rules[at], runs));

        std::map<std::size_t, table> parts;
        std::vector<int> extents;
        for (auto& [at, runs] : found) {
            follow_head(program_.rules[at], known, runs);
            check_bound(program_.rules[at], runs);
            parts[at] = evaluate_rule(program_.rules[at], runs, evaluated_.ground_rules[at]);
            extend(extents, parts[at].values.extents);
        }
        relations_[name] = brought_together(name, parts, extents);
        for (const tree::rule& rule : program_.rules)
            if (rule.head.name == name && rule.transforms_atoms)
                transform_atoms(rule, relations_[name].values);
    }

    bool is_known(const std::string& used, const tree::names& recursion) const {
        return !recursion.count(used) || relations_.count(used);
    }

    /// How the rules of a head are combined: added, unless an atom transformation says otherwise.
    language::combination combination_of(const std::string& name) const {
        for (const tree::rule& rule : program_.rules)
            if (rule.transforms_atoms && rule.head.name == name &&
                rule.combination != language::combination::sum)
                return rule.combination;
        return language::combination::sum;
    }

    /// The values of the rules that hold for an atom, combined. Of each set of arguments holds what
    /// holds by one of the rules.
    table brought_together(const std::string& name, const std::map<std::size_t, table>& rules,
                           const std::vector<int>& extents) const {
        // A scalar stands for every element, as it does in a body.
        const language::combination kind = combination_of(name);
        const bool reshapes =
            kind == language::combination::count || kind == language::combination::cross_sum;
        matrix shape = zeros(1, 1);
        std::vector<matrix> parts;
        for (const auto& [at, each] : rules) {
            parts.push_back(zeros(each.values.rows, each.values.columns));
            if (parts.back().size() > 1) shape = parts.back();
        }
        if (reshapes) {
            const matrix combined = combine(kind, parts);
            shape = zeros(combined.rows, combined.columns);
        }
        table total{empty_relation(extents, shape.rows, shape.columns), false, {}};
        total.domain = empty_domain(extents);
        relation_values& sum = total.values;
        const std::size_t length = to_size(sum.rows) * to_size(sum.columns);
        std::map<std::size_t, std::vector<matrix>> values;
        for (const auto& [at, each] : rules) {
            const relation_values& part = each.values;
            const std::size_t size = to_size(part.rows) * to_size(part.columns);
            if (!reshapes && size > 1 && (part.rows != sum.rows || part.columns != sum.columns))
                throw std::logic_error("oracle: rules for " + name + " give different shapes");
            for (std::size_t place = 0; place < part.exists.size(); ++place) {
                if (!part.exists[place]) continue;
                const auto begin = part.values.begin() + static_cast<std::ptrdiff_t>(place * size);
                values[*position(extents, indices_at(part.extents, place))].push_back(
                    {part.rows, part.columns, {begin, begin + static_cast<std::ptrdiff_t>(size)}});
            }
            for (std::size_t set = 0; set < total.domain.size(); ++set) {
                domain_part& to = total.domain[set];
                const domain_part& from = each.domain[set];
                for (std::size_t place = 0; place < from.holds.size(); ++place)
                    if (from.holds[place])
                        to.holds[*position(to.extents, indices_at(from.extents, place))] = true;
            }
        }
        for (const auto& [place, each] : values) {
            const matrix value = elementwise(shape, combine(kind, each),
                                             [](real, real combined) { return combined; });
            if (value.size() != length)
                throw std::logic_error("oracle: the rules for " + name + " change shape");
            std::copy(value.values.begin(), value.values.end(),
                      sum.values.begin() + static_cast<std::ptrdiff_t>(place * length));
        }
        sum.exists = total.domain.back().holds;
        return total;
    }

    /// A part for each set of arguments, from none to all of them. Nothing holds.
    static std::vector<domain_part> empty_domain(const std::vector<int>& extents) {
        std::vector<domain_part> parts;
        for (std::size_t set = 0; set < std::size_t{1} << extents.size(); ++set) {
            domain_part part;
            for (std::size_t at = 0; at < extents.size(); ++at)
                if ((set >> at) % 2) part.arguments.push_back(at);
            part.extents = picked(extents, part.arguments);
            part.holds.assign(volume(part.extents), false);
            parts.push_back(std::move(part));
        }
        return parts;
    }

    // Ranges.

    /// How far each variable of the rule runs; -1 where what is known of the body does not say.
    ranges ranges_of(const tree::rule& rule, const tree::names& recursion) const {
        ranges found;
        for (const std::string& name : tree::variables_of(rule)) found[name] = -1;
        state_extents(rule, found);
        tree::for_each_use(rule, [&](const tree::literal& used) {
            if (used.from != tree::source::relation || !is_known(used.name, recursion)) return;
            const std::vector<int>& extents = table_of(used).values.extents;
            for (std::size_t at = 0; at < used.terms.size(); ++at)
                bind(used.terms[at], extents[at], found);
        });
        // An element's index runs over the vector.
        for (const tree::literal& used : rule.literals)
            for (const tree::index& element : used.element)
                if (is_known(used.name, recursion)) bind(element, vector_length(used), found);
        return found;
    }

    /// What only an argument with an offset binds runs as far as that relation has atoms.
    void bind_moved(const tree::rule& rule, ranges& found) const {
        ranges moved;
        for (const tree::literal& used : rule.literals) {
            if (used.from != tree::source::relation) continue;
            const std::vector<int>& extents = table_of(used).values.extents;
            for (std::size_t at = 0; at < used.terms.size(); ++at) {
                const tree::offset offset = tree::offset_of(used.terms[at]);
                if (!offset.simple || offset.name.empty() || found.at(offset.name) >= 0) continue;
                const int extent = std::max(0, extents[at] - offset.shift);
                const auto [entry, is_new] = moved.try_emplace(offset.name, extent);
                if (!is_new) entry->second = std::min(entry->second, extent);
            }
        }
        for (const auto& [name, extent] : moved) found[name] = extent;
    }

    /// What nothing else binds runs as far as the weights that it chooses.
    void bind_by_weights(const tree::rule& rule, ranges& found) const {
        ranges chosen = found;
        tree::for_each_use(rule, [&](const tree::literal& used) {
            if (used.from != tree::source::weight) return;
            const std::vector<int>& extents = table_of(used).values.extents;
            for (std::size_t at = 0; at < used.terms.size(); ++at) {
                const tree::offset offset = tree::offset_of(used.terms[at]);
                if (!offset.name.empty() && found.at(offset.name) < 0)
                    bind(used.terms[at], extents[at], chosen);
            }
        });
        found = chosen;
    }

    // One rule.

    table evaluate_rule(const tree::rule& rule, const ranges& found, long& count) const {
        const tree::literal& head = rule.head;
        if (head.transposed || head.negated || head.hidden)
            throw std::logic_error("oracle: a head is an atom, with a weight or without");
        const tree::names head_variables = tree::variables_of(head.terms);
        for (const tree::literal& weight : head.weight)
            if (!only(tree::variables_of(weight.terms), head_variables))
                throw std::logic_error("oracle: a head's weight mentions a variable of the body");
        check_aggregation(rule, found, head_variables);

        // The shape first: what the functions make of zeros.
        const matrix shape = ground_value(rule, nullptr);
        const matrix aggregated = zeros_of_aggregate(rule, found, shape);
        const matrix weighted = head_weighted(rule, nullptr, aggregated);
        table result{
            empty_relation(head_extents(rule, found), weighted.rows, weighted.columns), false, {}};
        relation_values& made = result.values;

        const std::vector<requirement> required = requirements(rule);
        result.domain = empty_domain(made.extents);
        for (domain_part& part : result.domain) mark_existing(rule, found, required, part);
        made.exists = result.domain.back().holds;

        std::vector<ground_rule> grounds;
        for_each_assignment({found.begin(), found.end()}, [&](const assignment& variables) {
            for (const requirement& each : required)
                if (!each.holds(variables)) return;
            const auto place =
                position(made.extents, indices(head.terms, variables, given_.counts));
            if (!place) return;
            grounds.push_back({variables, *place, ground_value(rule, &variables)});
        });
        count = static_cast<long>(grounds.size());
        if (keeps_variables(rule.aggregation)) {
            if (!only(tree::variables_of(rule), head_variables))
                grounds = summed_for_each_head(rule, made, shape, grounds);
            if (rule.aggregation == language::aggregation::top_k) {
                grounds = chosen(rule, head_variables, grounds);
                std::vector<bool>& holds = result.domain.back().holds;
                holds.assign(holds.size(), false);
                for (const ground_rule& ground : grounds) holds[ground.head] = true;
                made.exists = holds;
            } else {
                normalize(rule, head_variables, grounds);
            }
        }

        std::map<std::size_t, std::vector<const ground_rule*>> by_head;
        for (const ground_rule& ground : grounds) by_head[ground.head].push_back(&ground);
        for (const auto& [place, same_head] : by_head) {
            const matrix value = head_weighted(rule, &same_head.front()->variables,
                                               aggregate(rule, found, aggregated, same_head));
            std::copy(value.values.begin(), value.values.end(),
                      made.values.begin() + static_cast<std::ptrdiff_t>(place * value.size()));
        }
        return rule.block.empty() ? result : repeated(rule, std::move(result));
    }

    /// What a softmax normalises where the body has variables that the head does not name: their
    /// sum for each atom that exists.
    static std::vector<ground_rule> summed_for_each_head(const tree::rule& rule,
                                                         const relation_values& made,
                                                         const matrix& shape,
                                                         const std::vector<ground_rule>& grounds) {
        std::map<std::size_t, ground_rule> sums;
        for (std::size_t place = 0; place < made.exists.size(); ++place)
            if (made.exists[place])
                if (const auto variables =
                        matched(rule.head.terms, indices_at(made.extents, place)))
                    sums[place] = {*variables, place, zeros(shape.rows, shape.columns)};
        for (const ground_rule& each : grounds) {
            matrix& sum = sums.at(each.head).value;
            sum = fold_elements({sum, each.value}, plus);
        }
        std::vector<ground_rule> result;
        for (const auto& [place, sum] : sums) result.push_back(sum);
        return result;
    }

    /// An atom exists where all that mentions only the head's variables holds; of some arguments
    /// must hold what mentions only theirs.
    void mark_existing(const tree::rule& rule, const ranges& found,
                       const std::vector<requirement>& required, domain_part& part) const {
        const std::vector<tree::index> terms = picked(rule.head.terms, part.arguments);
        const tree::names mentioned = tree::variables_of(terms);
        std::vector<std::pair<std::string, int>> heads;
        for (const std::string& name : mentioned) heads.emplace_back(name, found.at(name));
        for_each_assignment(heads, [&](const assignment& variables) {
            for (const requirement& each : required)
                if (!each.by_value && only(each.variables, mentioned) && !each.holds(variables))
                    return;
            const auto place = position(part.extents, indices(terms, variables, given_.counts));
            if (place) part.holds[*place] = true;
        });
    }

    /// T_rule(C_rule(W_b * value(b) for b in body)). Without variables: the zero of its shape.
    matrix ground_value(const tree::rule& rule, const assignment* variables) const {
        std::vector<matrix> values;
        for (const tree::literal& used : rule.literals)
            if (used.has_value()) values.push_back(literal_value(used, variables));
        return transformed(rule, variables, combine(rule.combination, values));
    }

    matrix transformed(const tree::rule& rule, const assignment* variables, matrix value) const {
        for (const tree::transformation& step : rule.transformations) {
            std::vector<matrix> weights;
            for (const tree::literal& weight : step.weights)
                weights.push_back(literal_value(weight, variables));
            const double at = step.positions.empty() || !variables
                                  ? 0
                                  : index_value(step.positions.front(), *variables, given_.counts);
            value = transform(step.kind, std::move(value), step.numbers.data(), weights, at);
        }
        return value;
    }

    matrix head_weighted(const tree::rule& rule, const assignment* variables, matrix value) const {
        for (const tree::literal& weight : rule.head.weight)
            value = product(literal_value(weight, variables), value);
        return value;
    }

    // What a ground rule needs.

    std::vector<requirement> requirements(const tree::rule& rule) const {
        std::vector<requirement> required;
        for (const tree::condition& condition : rule.conditions) {
            require_compared(condition, required);
            require(condition, required);
        }
        for (const tree::literal& used : rule.literals) require(used, required);
        for (const tree::literal& weight : rule.head.weight) require(weight, required);
        for (const tree::transformation& step : rule.transformations)
            for (const tree::literal& weight : step.weights) require(weight, required);
        return required;
    }

    /// The parts of a conjunction are constraints of their own.
    void require(const tree::condition& condition, std::vector<requirement>& required) const {
        if (condition.sides.empty() && condition.connective == language::connective::conjunction) {
            for (const tree::condition& part : condition.parts) require(part, required);
            return;
        }
        required.push_back({tree::variables_of(std::vector{condition}),
                            [this, &condition](const assignment& variables) {
                                return holds(condition, variables, given_.counts, given_.facts);
                            }});
    }

    /// The atom, its weight and its element are parts of their own.
    void require(const tree::literal& used, std::vector<requirement>& required) const {
        if (used.from != tree::source::relation && used.from != tree::source::weight) return;
        const table& source = table_of(used);
        const bool is_fact = used.from == tree::source::relation && !heads_.count(used.name);
        const bool by_value =
            source.holds_by_value || (is_derived(used.name) && !is_chosen(used.name));
        if (used.negated || used.hidden)
            required.push_back({tree::variables_of(used.terms),
                                [this, &used, &source, by_value](const assignment& variables) {
                                    const auto place =
                                        position(source.values.extents,
                                                 indices(used.terms, variables, given_.counts));
                                    return used.negated != (place && source.values.exists[*place] &&
                                                            holds(source, *place, by_value));
                                },
                                by_value});
        // Outside of the extents there is no ground rule, whether the atom is to hold or not.
        for (std::size_t at = 0; at < used.terms.size(); ++at) {
            const int extent = source.values.extents[at];
            const int end = is_fact && at == 0 ? length_of(used.name, extent) : extent;
            require_existing(used, {at}, {end}, nullptr, required);
        }
        if (!used.negated) {
            for (const domain_part& part : source.domain)
                require_existing(used, part.arguments, part.extents, &part.holds, required);
        }
        for (const tree::literal& weight : used.weight) require(weight, required);
        for (const tree::index& element : used.element) {
            const int length = vector_length(used);
            required.push_back({tree::variables_of(used.element),
                                [this, &element, length](const assignment& variables) {
                                    const int at = index_value(element, variables, given_.counts);
                                    return 0 <= at && at < length;
                                }});
        }
    }

    /// True of a relation whose one rule chooses its atoms, whatever their values.
    bool is_chosen(const std::string& name) const {
        if (!heads_.count(name)) return outside_ && outside_->is_chosen(name);
        for (const tree::rule& rule : program_.rules)
            if (rule.head.name == name && rule.aggregation != language::aggregation::top_k)
                return false;
        return true;
    }

    /// True of a relation that has rules, here or around a block.
    bool is_derived(const std::string& name) const {
        return heads_.count(name) || (outside_ && outside_->is_derived(name));
    }

    /// Of a fact that may be shorter than its extent.
    int length_of(const std::string& fact, int extent) const {
        const auto length = given_.lengths.find(fact);
        return length == given_.lengths.end() ? extent : length->second;
    }

    /// Symbols are compared within the fact alone.
    void require_compared(const tree::condition& condition,
                          std::vector<requirement>& required) const {
        for (const tree::condition& part : condition.parts) require_compared(part, required);
        if (condition.fact.empty() || !given_.lengths.count(condition.fact)) return;
        const int length = given_.lengths.at(condition.fact);
        for (const tree::index& side : condition.sides)
            required.push_back({tree::variables_of(std::vector{side}),
                                [this, &side, length](const assignment& variables) {
                                    return index_value(side, variables, given_.counts) < length;
                                }});
    }

    /// These arguments lie within the extents, and hold, if it is told where they do.
    void require_existing(const tree::literal& used, const std::vector<std::size_t>& arguments,
                          const std::vector<int>& extents, const std::vector<bool>* holds,
                          std::vector<requirement>& required) const {
        if (holds && std::find(holds->begin(), holds->end(), false) == holds->end()) return;
        const std::vector<tree::index> terms = picked(used.terms, arguments);
        required.push_back({tree::variables_of(terms), [=, this](const assignment& variables) {
                                const auto place =
                                    position(extents, indices(terms, variables, given_.counts));
                                return place && (!holds || (*holds)[*place]);
                            }});
    }

    // Values.

    /// The value of a literal that exists; without variables: the zero of its shape.
    matrix literal_value(const tree::literal& used, const assignment* variables) const {
        if (used.from == tree::source::number) return scalar(used.number);
        if (used.from == tree::source::index)
            return scalar(variables ? index_value(used.terms.front(), *variables, given_.counts)
                                    : 0);
        matrix value = atom_value(used, variables);
        for (const tree::literal& weight : used.weight) {
            const matrix factor = literal_value(weight, variables);
            // The base of a recursion of vectors may be a scalar, which stands for every element.
            if (heads_.count(used.name) && value.size() == 1 && factor.columns > 1)
                value = elementwise(zeros(factor.columns, 1), value,
                                    [](real, real element) { return element; });
            value = is_symbol(used) ? row_of(factor, static_cast<int>(value.values[0]))
                                    : product(factor, value);
        }
        if (used.transposed) value = transpose(value);
        for (const tree::index& element : used.element) {
            if (value.rows != 1 && value.columns != 1)
                throw std::logic_error("oracle: at() takes from a vector");
            value = scalar(variables ? value.values.at(
                                           to_size(index_value(element, *variables, given_.counts)))
                                     : 0);
        }
        return value;
    }

    matrix atom_value(const tree::literal& used, const assignment* variables) const {
        const relation_values& source = table_of(used).values;
        matrix value = zeros(source.rows, source.columns);
        if (!variables) return value;
        const auto place = position(source.extents, indices(used.terms, *variables, given_.counts));
        if (!place) throw std::out_of_range("oracle: " + used.name + " outside of its extents");
        const auto begin =
            source.values.begin() + static_cast<std::ptrdiff_t>(*place * value.size());
        std::copy(begin, begin + static_cast<std::ptrdiff_t>(value.size()), value.values.begin());
        if (used.fixed)
            for (real& x : value.values) x = constant(x);
        return value;
    }

    bool is_symbol(const tree::literal& used) const {
        return used.from == tree::source::relation && !heads_.count(used.name) &&
               given_.symbols.count(used.name);
    }

    int vector_length(tree::literal used) const {
        used.element.clear();
        return to_int(literal_value(used, nullptr).size());
    }

    // Sources.

    const table& table_of(const tree::literal& used) const {
        const std::size_t arguments = used.terms.size();
        if (used.from == tree::source::weight) {
            auto [entry, is_new] = weights_.try_emplace({used.name, arguments});
            if (is_new) entry->second = weight_table(used, given_);
            return entry->second;
        }
        if (heads_.count(used.name)) {
            const table& relation = relations_.at(used.name);
            if (relation.values.extents.size() != arguments)
                throw std::logic_error("oracle: " + used.name + " with other arguments");
            return relation;
        }
        if (outside_ && !facts_.count({used.name, arguments})) return outside_->table_of(used);
        auto [entry, is_new] = facts_.try_emplace({used.name, arguments});
        if (is_new) entry->second = fact_table(used.name, arguments, given_);
        return entry->second;
    }

    // Atom transformations.

    void transform_atoms(const tree::rule& rule, relation_values& relation) const {
        const tree::literal& head = rule.head;
        if (head.terms.size() != relation.extents.size())
            throw std::logic_error("oracle: " + head.name + " with other arguments");
        const matrix before = zeros(relation.rows, relation.columns);
        const matrix after = transformed(rule, nullptr, before);
        relation_values made = empty_relation(relation.extents, after.rows, after.columns);
        made.exists = relation.exists;
        for (std::size_t place = 0; place < relation.exists.size(); ++place) {
            if (!relation.exists[place]) continue;
            const auto begin =
                relation.values.begin() + static_cast<std::ptrdiff_t>(place * before.size());
            matrix value{before.rows,
                         before.columns,
                         {begin, begin + static_cast<std::ptrdiff_t>(before.size())}};
            const auto variables = matched(head.terms, indices_at(relation.extents, place));
            if (variables)
                value = transformed(rule, &*variables, value);
            else if (!same_shape(before, after))
                throw std::logic_error("oracle: some atoms of " + head.name + " change shape");
            std::copy(value.values.begin(), value.values.end(),
                      made.values.begin() + static_cast<std::ptrdiff_t>(place * after.size()));
        }
        relation = std::move(made);
    }

    // Stacks.

    /// The block applied again and again to what the rule gives, each time with its own weights, if
    /// it does not share them.
    table repeated(const tree::rule& rule, table value) const {
        const tree::program block{rule.block};
        const tree::names block_heads = tree::heads_of(block);
        const tree::names used = tree::relations_used(block);
        const std::string output = only_difference(block_heads, used, "output");
        for (int layer = 0; layer < rule.layers; ++layer) {
            world inside = given_;
            inside.symbols.erase(rule.input);
            inside.weights = weights_of_layer(given_, rule.head.name + ".", layer,
                                              shares_weights(rule) ? 0 : rule.layers);
            value.holds_by_value = true;
            const std::pair<std::string, table> given{rule.input, std::move(value)};
            value = grounder(block, inside, &given, this).relation(output);
            if (rule.repetition == language::repetition::until_equal &&
                std::equal(value.values.values.begin(), value.values.values.end(),
                           given.second.values.values.begin(), given.second.values.values.end(),
                           [](real x, real y) { return constant(x) == constant(y); }))
                break;
        }
        return value;
    }

    static bool shares_weights(const tree::rule& rule) {
        return rule.repetition != language::repetition::own;
    }

    /// The one name of `names` that is not among `others`.
    static std::string only_difference(const tree::names& names, const tree::names& others,
                                       const std::string& role) {
        tree::names left;
        for (const std::string& name : names)
            if (!others.count(name)) left.insert(name);
        if (left.size() != 1) throw std::logic_error("oracle: a block has one " + role);
        return *left.begin();
    }

    using key = std::pair<std::string, std::size_t>;

    tree::program program_;
    const world& given_;
    const tree::names heads_;
    const grounder* outside_;
    tree::names known_;
    std::map<std::string, table> relations_{};
    mutable std::map<key, table> facts_{};
    mutable std::map<key, table> weights_{};
    result evaluated_{};
};

}  // namespace oracle
