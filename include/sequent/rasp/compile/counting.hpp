#pragma once

#include "selection.hpp"

/// Which heads of a program count selected positions.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class counting_heads : public lowered_selectors {
  protected:
    const program_analysis* analysed_;
    std::vector<char> needed_;  // true if the output depends on a part
    // Selectors of a layer over which the program sums; their heads also count the selected
    // positions.
    struct counting {
        int layer;
        int selector;
    };
    std::vector<counting> counted_;
    std::vector<int> split_;  // widths that are sums of two

    SEQUENT_COLD constexpr counting_heads(const graph& program, const program_analysis& analysed,
                                          const inputs& in)
        : lowered_selectors(program, in), analysed_(&analysed) {}

    constexpr bool counts(int layer, int selector) const {
        for (const counting& each : counted_)
            if (each.layer == layer && each.selector == selector) return true;
        return false;
    }
    constexpr int layer_in_program(int at) const {
        return analysed_->layer_of[static_cast<std::size_t>(at)];
    }

    /// Marks the nodes that the output depends on. In a sum, round(width * mean), the mean is not
    /// computed.
    SEQUENT_COLD constexpr void find_needed() {
        needed_.resize(static_cast<std::size_t>(program_.size()), 0);
        needed_[static_cast<std::size_t>(program_.output)] = 1;
        const auto need = [this](int at) {
            if (at >= 0) needed_[static_cast<std::size_t>(at)] = 1;
        };
        need(program_.present);
        need(program_.until);
        for (const loop_state& each : program_.states) {
            need(each.initial);
            need(each.next);
        }
        is_causal = true;
        for (int at = program_.size() - 1; at >= 0; --at) {
            if (!needed_[static_cast<std::size_t>(at)]) continue;
            const int mean = mean_of_sum(program_, at);
            const node& made = program_[mean >= 0 ? mean : at];
            for (const int argument : made.arguments)
                if (argument >= 0) needed_[static_cast<std::size_t>(argument)] = 1;
            if (mean >= 0 || made.what == operation::sum)
                counted_.push_back({layer_in_program(at), made.arguments[0]});
            if (gathers(made.what) && !looks_back(program_, made.arguments[0])) is_causal = false;
        }
    }
    SEQUENT_COLD constexpr void choose_counting() {
        // If a head is free, the width of a disjunction is computed as the sum of two widths, which
        // takes far fewer features.
        std::vector<int> spare(static_cast<std::size_t>(analysed_->layers) + 1, analysed_->heads);
        for (int at = 0; at < program_.size(); ++at) {
            const node& made = program_[at];
            if (!gathers(made.what) || !needed_[static_cast<std::size_t>(at)]) continue;
            bool known = false;
            for (int other = 0; other < at; ++other) {
                const node& before = program_[other];
                known =
                    known || (gathers(before.what) && needed_[static_cast<std::size_t>(other)] &&
                              layer_in_program(other) == layer_in_program(at) &&
                              before.arguments[0] == made.arguments[0] &&
                              use_of(before.what) == use_of(made.what));
            }
            if (!known) --spare[static_cast<std::size_t>(layer_in_program(at))];
        }
        for (int at = 0; at < program_.size(); ++at) {
            const node& made = program_[at];
            if (!needed_[static_cast<std::size_t>(at)] ||
                (made.what != operation::width && made.what != operation::width_with_bos))
                continue;
            const node& selector = program_[made.arguments[0]];
            int& left = spare[static_cast<std::size_t>(layer_in_program(at))];
            if (selector.what != operation::select_or || left < 1 ||
                !exclude_each_other(selector.arguments[0], selector.arguments[1]))
                continue;
            --left;
            split_.push_back(at);
        }
    }
    /// Distinguishes heads that count, heads that count without position 0, and others.
    static constexpr int use_of(operation what) {
        return what == operation::aggregate || what == operation::sum ? 0 : static_cast<int>(what);
    }
    /// True for keys < queries and a selector with keys == queries: both cannot hold.
    SEQUENT_COLD constexpr bool exclude_each_other(int one, int other) const {
        const node& first = program_[one];
        if (first.what != operation::select_less && first.what != operation::select_greater)
            return false;
        const node& second = program_[other];
        if (second.what == operation::select_and)
            return exclude_each_other(one, second.arguments[0]) ||
                   exclude_each_other(one, second.arguments[1]);
        return second.what == operation::select_equal &&
               second.arguments[0] == first.arguments[0] &&
               second.arguments[1] == first.arguments[1];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
