#include "coverage.hpp"
#include "state.hpp"

namespace random_programs {

verdict judge(const program& written) {
    return judge(written, *plan_program(written));
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
    const verdict unjudged{outcome::not_finite, "not finite", {}, {}, false};
    try {
        phase = "inference";
        machine infers(given.place, of, *of.inference);
        infers.forward();
        verdict result = compare_outputs(of, right, infers.outputs(), "values of inference");
        if (result.result == outcome::differs && met_pole) return unjudged;
        if (result.result != outcome::agrees) return result;
        phase = "forward";
        machine run(given.place, of, *of.steps);
        run.forward();
        result = compare_outputs(of, right, run.outputs(), "values");
        if (result.result == outcome::differs && met_pole) return unjudged;
        if (result.result != outcome::agrees) return result;
        phase = "backward";
        result = compare_gradients(written, of, given, right, run);
        if (result.result == outcome::differs && ill_conditioned) return unjudged;
        if (result.result != outcome::agrees) return result;
        phase = "step";
        if (of.state) result = compare_steps(written, of, given, right);
        if (result.result == outcome::differs && met_pole) return unjudged;
        result.covered = coverage(of).words;
        return result;
    } catch (const plan_fault& fault) {
        return difference(phase + " reaches outside", fault.what());
    }
}

}  // namespace random_programs
