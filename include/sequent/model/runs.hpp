#pragma once

#include "../joined_text.hpp"
#include "../plan/plan.hpp"
#include "arguments.hpp"

/// Runs of equal symbols in the facts that rules compare, such as the documents of a packed
/// sequence.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// A fact whose symbols the rules compare, and its number of symbols.
struct compared_symbols {
    int fact = -1;
    int size = 0;
};
using compared_list = plan::list<compared_symbols, plan::max_compared>;

/// The compared facts of a plan, in a table of its own: code reads this at run time and not the
/// plan's tables.
template <class Plan>
inline constexpr compared_list compared_facts = [] {
    static_assert(Plan::shapes.text.compared.size() <= plan::max_compared,
                  "sequent: a program compares the symbols of up to 4 facts");
    compared_list result;
    for (int at = 0; at < Plan::shapes.text.compared.size(); ++at) {
        const int fact = plan::compared_fact(Plan::shapes, at);
        result.push({fact, fact >= 0 ? Plan::facts[fact].extents[0] : 0});
    }
    return result;
}();

/// Number of integers that plan::given_numbers holds for a plan.
template <class Plan>
constexpr int count_given() {
    int count = plan::given_numbers::runs;
    for (const compared_symbols& each : compared_facts<Plan>) count += 2 * each.size;
    return count;
}

/// If the rules compare fact `fact`: writes where the run of equal symbols around each of the
/// `length` positions begins and ends. Throws argument_error if a symbol occurs again after another
/// one.
SEQUENT_LAZY
inline void find_runs(const compared_list& compared, int fact, const subject& what,
                      const std::int32_t* symbols, int length, int* given) {
    int room = plan::given_numbers::runs;
    for (int at = 0; at < compared.size(); ++at) {
        const auto [of, size] = compared[at];
        int* begins = given + room;
        int* ends = begins + size;
        given[plan::given_numbers::begins_of(at)] = room;
        given[plan::given_numbers::ends_of(at)] = room + size;
        room += 2 * size;
        if (of != fact) continue;
        std::int32_t greatest = -1;
        for (int begin = 0, end = 0; begin < length; begin = end) {
            while (end < length && symbols[end] == symbols[begin]) ++end;
            const bool rises = symbols[begin] > greatest;  // true for numbered documents
            if (rises) greatest = symbols[begin];
            for (int earlier = 0; !rises && earlier < begin; earlier = ends[earlier])
                if (symbols[earlier] == symbols[begin])
                    refuse(what, {" holds the symbol ", symbols[begin], " again at position ",
                                  begin, ", after another one: equal symbols stand side by side"});
            for (int position = begin; position < end; ++position) {
                begins[position] = begin;
                ends[position] = end;
            }
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
