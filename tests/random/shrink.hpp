#pragma once

#include <functional>
#include <set>

#include "program.hpp"

/// Makes a program smaller for as long as something is still true of it.

namespace random_programs {

class shrinker {
  public:
    using property = std::function<bool(const program&)>;

    /// `holds(from)` is true. At most `most` programs are tried.
    shrinker(const program& from, property holds, int most = 3000)
        : best_(from), holds_(std::move(holds)), left_(most) {
        bool smaller = true;
        while (smaller && left_ > 0) {
            smaller = false;
            each_edit([&](const std::function<bool(program&)>& edit) {
                for (bool again = true; again && left_ > 0;) {
                    program candidate = best_;
                    again = edit(candidate) && try_program(candidate);
                    smaller = smaller || again;
                }
            });
        }
    }

    const program& result() const { return best_; }

  private:
    program best_;
    property holds_;
    int left_;

    bool try_program(const program& candidate) {
        if (!is_language(candidate.rules.rules)) return false;
        --left_;
        if (!holds_(candidate)) return false;
        best_ = candidate;
        return true;
    }

    /// Whether the rules can be written at all.
    static bool is_language(const std::vector<tree::rule>& rules) {
        if (rules.empty()) return false;
        for (const tree::rule& rule : rules) {
            const bool functions =
                !rule.transformations.empty() || rule.combination != language::combination::sum;
            if (rule.transforms_atoms ? !functions
                                      : rule.literals.empty() && rule.conditions.empty())
                return false;
            if (rule.within &&
                (rule.literals.empty() || !rule.conditions.empty() ||
                 rule.transformations.size() > 1 ||
                 (rule.transformations.size() == 1 &&
                  (rule.literals.size() > 1 || rule.combination != language::combination::sum))))
                return false;
            if (rule.layers > 0 && (rule.literals.size() != 1 || !is_language(rule.block)))
                return false;
        }
        return true;
    }

    /// Calls visit(rule) for each rule, those of blocks first.
    template <class Visit>
    static void each_rule(std::vector<tree::rule>& rules, const Visit& visit) {
        for (tree::rule& rule : rules) {
            each_rule(rule.block, visit);
            visit(rule);
        }
    }
    /// Calls visit(rules) for each list of rules.
    template <class Visit>
    static void each_list(std::vector<tree::rule>& rules, const Visit& visit) {
        for (tree::rule& rule : rules)
            if (!rule.block.empty()) each_list(rule.block, visit);
        visit(rules);
    }
    template <class Visit>
    static void each_literal(tree::rule& rule, const Visit& visit) {
        const auto with_weights = [&](tree::literal& item) {
            visit(item);
            for (tree::literal& weight : item.weight) visit(weight);
        };
        with_weights(rule.head);
        for (tree::literal& item : rule.literals) with_weights(item);
        for (tree::transformation& step : rule.transformations)
            for (tree::literal& weight : step.weights) visit(weight);
    }
    template <class Visit>
    static void each_index(tree::index& from, const Visit& visit) {
        visit(from);
        for (tree::index& operand : from.operands) each_index(operand, visit);
    }
    template <class Visit>
    static void each_condition(tree::condition& from, const Visit& visit) {
        visit(from);
        for (tree::condition& part : from.parts) each_condition(part, visit);
    }
    template <class Visit>
    static void each_index(tree::rule& rule, const Visit& visit) {
        each_literal(rule, [&](tree::literal& item) {
            for (tree::index& term : item.terms) each_index(term, visit);
            for (tree::index& term : item.element) each_index(term, visit);
        });
        for (tree::transformation& step : rule.transformations)
            for (tree::index& term : step.positions) each_index(term, visit);
        for (tree::condition& condition : rule.conditions)
            each_condition(condition, [&](tree::condition& part) {
                for (tree::index& side : part.sides) each_index(side, visit);
            });
    }

    /// Tries to change the first, second, ... place that `visit_all` visits; change(place) is false
    /// where there is nothing to change.
    template <class Edit, class VisitAll, class Change>
    static void each_place(const Edit& edit, VisitAll visit_all, Change change) {
        constexpr int enough = 300;
        for (int wanted = 0; wanted < enough; ++wanted) {
            bool found = false;
            edit([&](program& candidate) {
                int place = 0;
                bool changed = false;
                visit_all(candidate, [&](auto& at) {
                    if (place++ != wanted) return;
                    found = true;
                    changed = change(at);
                });
                return changed;
            });
            if (!found) return;
        }
    }

    template <class Edit>
    void each_edit(const Edit& edit) {
        const auto rules = [](program& of, const auto& visit) { each_rule(of.rules.rules, visit); };
        const auto lists = [](program& of, const auto& visit) { each_list(of.rules.rules, visit); };
        const auto literals = [](program& of, const auto& visit) {
            each_rule(of.rules.rules, [&](tree::rule& rule) { each_literal(rule, visit); });
        };
        const auto conditions = [](program& of, const auto& visit) {
            each_rule(of.rules.rules, [&](tree::rule& rule) {
                for (tree::condition& each : rule.conditions) each_condition(each, visit);
            });
        };
        const auto indices = [](program& of, const auto& visit) {
            each_rule(of.rules.rules, [&](tree::rule& rule) { each_index(rule, visit); });
        };
        // Lists of which one item is left out.
        const auto without = [&](const auto& visit_all, auto items_of) {
            for (std::size_t item = 0; item < 16; ++item)
                each_place(edit, visit_all, [&](auto& at) {
                    auto& items = items_of(at);
                    if (item >= items.size()) return false;
                    items.erase(items.begin() + static_cast<std::ptrdiff_t>(item));
                    return true;
                });
        };
        without(
            lists, [](std::vector<tree::rule> & at) -> auto& { return at; });
        const auto whole = [](program& of, const auto& visit) { visit(of); };
        without(
            whole, [](program & of) -> auto& { return of.queries; });
        without(
            whole, [](program & of) -> auto& { return of.facts; });
        without(
            rules, [](tree::rule & at) -> auto& { return at.transformations; });
        without(
            rules, [](tree::rule & at) -> auto& { return at.conditions; });
        without(
            rules, [](tree::rule & at) -> auto& { return at.literals; });
        without(
            rules, [](tree::rule & at) -> auto& { return at.head.weight; });
        without(
            literals, [](tree::literal & at) -> auto& { return at.weight; });
        without(
            literals, [](tree::literal & at) -> auto& { return at.element; });
        // A part in the place of the whole.
        for (const std::size_t part : {std::size_t{0}, std::size_t{1}}) {
            each_place(edit, conditions, [&](tree::condition& at) {
                if (part >= at.parts.size()) return false;
                const tree::condition inner = at.parts[part];
                at = inner;
                return true;
            });
            each_place(edit, indices, [&](tree::index& at) {
                if (part >= at.operands.size()) return false;
                const tree::index inner = at.operands[part];
                at = inner;
                return true;
            });
        }
        // Functions within bodies as rules of their own.
        each_place(edit, rules, [](tree::rule& at) {
            if (!at.within) return false;
            at.within = false;
            return true;
        });
        each_place(edit, rules, [](tree::rule& at) {
            if (at.layers <= 1) return false;
            at.layers = 1;
            return true;
        });
        each_place(edit, rules, [](tree::rule& at) {
            if (at.combination == language::combination::sum) return false;
            at.combination = language::combination::sum;
            return true;
        });
        each_place(edit, rules, [](tree::rule& at) {
            if (at.aggregation == language::aggregation::sum) return false;
            at.aggregation = language::aggregation::sum;
            return true;
        });
        for (bool tree::literal::*flag : {&tree::literal::transposed, &tree::literal::fixed,
                                          &tree::literal::hidden, &tree::literal::negated})
            each_place(edit, literals, [&](tree::literal& at) {
                if (!(at.*flag)) return false;
                at.*flag = false;
                return true;
            });
        each_place(edit, indices, [](tree::index& at) {
            if (at.form != tree::index_form::number || at.number == 0) return false;
            at.number /= 2;
            return true;
        });
        make_smaller(edit);
    }

    static std::set<int> sizes_of(program& of) {
        std::set<int> sizes;
        for (const fact& given : of.facts) {
            sizes.insert(given.extents.begin(), given.extents.end());
            if (given.classes > 0) sizes.insert(given.classes);
            if (given.pairs > 0) sizes.insert(given.pairs);
        }
        each_rule(of.rules.rules, [&](tree::rule& rule) {
            each_literal(rule, [&](tree::literal& item) {
                sizes.insert(item.shape.begin(), item.shape.end());
            });
        });
        return sizes;
    }
    /// Another number in the place of a size, wherever it stands.
    static void replace_size(program& of, int from, int to) {
        const auto replace = [&](int& size) {
            if (size == from) size = to;
        };
        for (fact& given : of.facts) {
            for (int& extent : given.extents) replace(extent);
            replace(given.classes);
            replace(given.pairs);
            replace(given.count);
            replace(given.length);
        }
        each_rule(of.rules.rules, [&](tree::rule& rule) {
            each_literal(rule, [&](tree::literal& item) {
                for (int& extent : item.shape) replace(extent);
            });
            each_index(rule, [&](tree::index& term) {
                if (term.form == tree::index_form::variable) replace(term.number);
            });
        });
    }
    template <class Edit>
    void make_smaller(const Edit& edit) {
        program start = best_;
        for (const int size : sizes_of(start))
            for (const int smaller : {1, 2, size / 2, size - 1}) {
                if (smaller < 1 || smaller >= size) continue;
                bool done = false;
                edit([&](program& candidate) {
                    if (done) return false;
                    done = true;
                    replace_size(candidate, size, smaller);
                    return true;
                });
            }
    }
};

}  // namespace random_programs
