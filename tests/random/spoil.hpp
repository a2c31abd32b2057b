#pragma once

#include "dice.hpp"
#include "program.hpp"

/// Makes a well-formed program slightly ill-formed, or another one.

namespace random_programs {

class spoiler {
  public:
    spoiler(program& of, dice& by) : program_(of), dice_(by) {
        each_rule(program_.rules.rules);
        const int edits = dice_.between(1, 2);
        for (int at = 0; at < edits && !rules_.empty(); ++at) edit();
    }

  private:
    program& program_;
    dice& dice_;
    std::vector<tree::rule*> rules_{};

    void each_rule(std::vector<tree::rule>& rules) {
        for (tree::rule& rule : rules) {
            each_rule(rule.block);
            rules_.push_back(&rule);
        }
    }

    tree::literal* any_literal(tree::rule& rule) {
        std::vector<tree::literal*> all;
        for (tree::literal& item : rule.literals) {
            all.push_back(&item);
            for (tree::literal& weight : item.weight) all.push_back(&weight);
        }
        return all.empty() ? nullptr : dice_.pick(all);
    }

    void edit() {
        tree::rule& rule = *dice_.pick(rules_);
        tree::literal* item = any_literal(rule);
        switch (dice_.below(16)) {
            case 0:
                if (item && !item->terms.empty()) item->terms.pop_back();
                break;
            case 1:
                if (item && !item->terms.empty()) item->terms.push_back(item->terms.front());
                break;
            case 2:
                if (item && !item->terms.empty())
                    dice_.pick(item->terms_pointers()) = {};
                break;
            default:
                break;
        }
    }
};

inline void spoil(program& of, dice& by) {
    spoiler edits(of, by);
}

}  // namespace random_programs
