#pragma once

#include "dice.hpp"
#include "program.hpp"

/// Makes a well-formed program slightly ill-formed, or another one.

namespace random_programs {

class spoiler {
  public:
    spoiler(program& of, dice& by) : program_(of), dice_(by) {
        const int edits = dice_.between(1, 2);
        for (int at = 0; at < edits; ++at) {
            rules_.clear();
            collect(program_.rules.rules);
            if (!rules_.empty()) edit(*dice_.pick(rules_));
        }
    }

  private:
    program& program_;
    dice& dice_;
    std::vector<tree::rule*> rules_{};

    void collect(std::vector<tree::rule>& rules) {
        for (tree::rule& rule : rules) {
            collect(rule.block);
            rule.within = false;  // such a rule has a form of its own
            rules_.push_back(&rule);
        }
    }

    template <class Item>
    Item* any(std::vector<Item>& items) {
        if (items.empty()) return nullptr;
        return &items[to_size(dice_.below(static_cast<int>(items.size())))];
    }

    tree::literal* any_literal(tree::rule& rule) {
        tree::literal* item = dice_.one_in(5) ? &rule.head : any(rule.literals);
        if (item && !item->weight.empty() && dice_.one_in(3)) return &item->weight.front();
        return item;
    }

    static tree::index variable(const char* name) {
        return {tree::index_form::variable, name, 0, {}, {}};
    }

    void edit(tree::rule& rule) {
        tree::literal* item = any_literal(rule);
        std::vector<tree::index>* terms =
            item && item->from != tree::source::index && item->from != tree::source::number
                ? &item->terms
                : nullptr;
        switch (dice_.below(18)) {
            case 0:
                if (terms && !terms->empty()) terms->pop_back();
                return;
            case 1:
                if (terms) terms->push_back(variable(dice_.pick({"i", "j", "k", "h"})));
                return;
            case 2:
                if (terms)
                    if (tree::index* term = any(*terms))
                        *term = variable(dice_.pick({"i", "j", "k", "h", "t"}));
                return;
            case 3:
                if (terms)
                    if (tree::index* term = any(*terms))
                        *term = {tree::index_form::number, {}, dice_.between(-1, 4), {}, {}};
                return;
            case 4:
                if (terms)
                    if (tree::index* term = any(*terms)) {
                        const tree::index before = *term;
                        *term = {
                            tree::index_form::operation,
                            {},
                            0,
                            dice_.pick({language::arithmetic::add, language::arithmetic::subtract,
                                        language::arithmetic::multiply}),
                            {before, variable(dice_.pick({"i", "j"}))}};
                    }
                return;
            case 5:
                if (item && item->from == tree::source::relation && item != &rule.head)
                    item->transposed = !item->transposed;
                return;
            case 6:
                if (item && item->from == tree::source::relation && item != &rule.head &&
                    item->weight.empty() && item->element.empty())
                    (dice_.one_in(2) ? item->hidden : item->negated) = true;
                return;
            case 7:
                if (item && item->from == tree::source::weight)
                    if (int* extent = any(item->shape)) *extent += dice_.between(-1, 2);
                if (item && item->from == tree::source::weight)
                    for (int& extent : item->shape) extent = std::max(extent, 1);
                return;
            case 8:
                if (!rule.transforms_atoms)
                    rule.combination = static_cast<language::combination>(dice_.below(10));
                return;
            case 9: {
                rule.aggregation = static_cast<language::aggregation>(
                    dice_.below(static_cast<int>(language::aggregation::softmax) + 1));
                rule.aggregated = {dice_.pick({"i", "j", "k"})};
                if (rule.aggregated[0] != "j" && dice_.one_in(3)) rule.aggregated.push_back("j");
                if (rule.transforms_atoms || rule.layers > 0) {
                    rule.aggregation = language::aggregation::sum;
                    rule.aggregated.clear();
                }
                return;
            }
            case 10:
                if (item && item->from == tree::source::relation)
                    if (const tree::rule* other = dice_.pick(rules_)) item->name = other->head.name;
                return;
            case 11:
                if (fact* given = any(program_.facts))
                    if (int* extent = any(given->extents))
                        *extent = std::max(1, *extent + dice_.between(-2, 2));
                return;
            case 12:
                if (!program_.facts.empty())
                    program_.facts.erase(program_.facts.begin() +
                                         dice_.below(static_cast<int>(program_.facts.size())));
                return;
            case 13:
                if (program_.rules.rules.size() > 1)
                    program_.rules.rules.erase(
                        program_.rules.rules.begin() +
                        dice_.below(static_cast<int>(program_.rules.rules.size())));
                return;
            case 14:
                program_.rules.rules.push_back(rule);
                return;
            case 15:
                if (tree::transformation* step = any(rule.transformations))
                    step->numbers[0] = dice_.pick({0.0, -1.0, 1.0, 3.0, 1e300});
                return;
            case 16:
                if (rule.literals.size() > 1 && rule.layers == 0)
                    rule.literals.erase(rule.literals.begin() +
                                        dice_.below(static_cast<int>(rule.literals.size())));
                return;
            default:
                program_.queries = {dice_.pick(rules_)->head.name};
                return;
        }
    }
};

inline void spoil(program& of, dice& by) {
    spoiler edits(of, by);
}

}  // namespace random_programs
