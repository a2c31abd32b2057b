#include "coverage.hpp"
#include "state.hpp"
#include "text.hpp"

namespace random_programs {

verdict judge(const program& written) {
    // Where it can be, the program is planned as its text reads.
    const auto read = std::make_unique<tree_reader>(written.rules);
    std::string text;
    std::unique_ptr<source> parsed;
    if (read->out.mistake == plan::fault::none) {
        const std::string differs = text_difference(read->out, text, parsed);
        if (!differs.empty()) return difference("text", differs);
    }
    return judge(written, *plan_program(written, parsed ? *parsed : read->out));
}

verdict judge(const program& written, const planned& of) {
    if (!of.ok()) return {outcome::refused, enumerator_name(of.mistake.found), {}, {}, false};
    given_values given = std::move(value_maker(written, of).made);
    expectation right;
    try {
        right = expect(written, of, given);
    } catch (const std::exception& error) {
        // NaN differs from itself in each round.
        if (std::string(error.what()) == "oracle: a recursion without an end")
            return {outcome::not_finite, "not finite", {}, {}, false};
        return difference("the planner accepts what the oracle refuses", error.what());
    }
    if (!right.finite) return {outcome::not_finite, "not finite", {}, {}, false};
    std::string phase;
    ill_conditioned = met_pole = false;
    // Nothing is said of what rounding decides.
    const auto judged = [&](verdict result, const bool& by_chance) -> verdict {
        if (result.result == outcome::differs &&
            (by_chance || depends_on_rounding(written, of, given, right)))
            return {outcome::not_finite, "not finite", {}, {}, false};
        return result;
    };
    try {
        phase = "inference";
        machine infers(given.place, of, *of.inference);
        infers.forward();
        verdict result =
            judged(compare_outputs(of, right, infers.outputs(), "values of inference"), met_pole);
        if (result.result != outcome::agrees) return result;
        phase = "forward";
        machine run(given.place, of, *of.steps);
        run.forward();
        result = judged(compare_outputs(of, right, run.outputs(), "values"), met_pole);
        if (result.result != outcome::agrees) return result;
        phase = "backward";
        result = judged(compare_gradients(written, of, given, right, run), ill_conditioned);
        if (result.result != outcome::agrees) return result;
        phase = "step";
        if (of.state) result = judged(compare_steps(written, of, given, right), met_pole);
        result.covered = coverage(of).words;
        return result;
    } catch (const plan_fault& fault) {
        return difference(phase + " reaches outside", fault.what());
    }
}

}  // namespace random_programs
