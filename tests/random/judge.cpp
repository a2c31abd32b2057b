#include "coverage.hpp"
#include "state.hpp"
#include "text.hpp"

namespace random_programs {

/// Whether several samples are tried, too.
static bool batches(const program& written) {
    return dice(written.values + 4).one_in(2);
}

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
    std::vector<sample> samples(1);
    given_values& given = samples.front().given;
    expectation& right = samples.front().right;
    given = std::move(value_maker(written, of).made);
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
        if (result.result != outcome::differs) return result;
        bool rounding = by_chance;
        for (const sample& each : samples)
            rounding = rounding || depends_on_rounding(written, of, each.given, each.right);
        if (rounding) return {outcome::not_finite, "not finite", {}, {}, false};
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
        result = judged(compare_gradients(written, samples, run, "gradients"), ill_conditioned);
        if (result.result != outcome::agrees) return result;
        phase = "step";
        bool stepped = false;
        if (of.state) {
            result = judged(compare_steps(written, of, given, right), met_pole);
            if (result.result != outcome::agrees) return result;
            stepped = result.stepped;
        }
        result = {};
        result.covered = coverage(of).words;
        result.stepped = stepped;
        if (!batches(written)) return result;

        samples.resize(3);
        for (int at = 1; at < 3; ++at) {
            sample& other = samples[to_size(at)];
            other.given = value_maker(written, of, samples.front().given, at).made;
            try {
                other.right = expect(written, of, other.given);
            } catch (const std::exception&) {
                return result;  // of a recursion without an end
            }
            if (!other.right.finite) return result;
        }
        const auto places = [&] {
            std::vector<memory*> all;
            for (sample& each : samples) all.push_back(&each.given.place);
            return all;
        };
        verdict batched{};
        const auto compare_all = [&](machine& all, const char* what) {
            for (int at = 0; at < 3 && batched.result == outcome::agrees; ++at)
                batched =
                    judged(compare_outputs(of, samples[to_size(at)].right, all.outputs(at), what),
                           met_pole);
        };
        if (plan::find_joined_steps(*of.inference, 0).any()) {
            phase = "forward_batch of inference";
            machine all(places(), of, *of.inference);
            all.forward();
            compare_all(all, "forward_batch of inference");
            if (batched.result != outcome::agrees) return batched;
        }
        if (plan::find_joined_steps(*of.steps, 0).any()) {
            phase = "forward_batch";
            machine all(places(), of, *of.steps);
            all.forward();
            compare_all(all, "forward_batch");
            if (batched.result != outcome::agrees) return batched;
            phase = "backward_batch";
            batched =
                judged(compare_gradients(written, samples, all, "backward_batch"), ill_conditioned);
            if (batched.result != outcome::agrees) return batched;
            result.covered.insert("batch of joined samples");
        }
        if (of.state && stepped) {
            phase = "step_batch";
            batched = judged(compare_step_batch(written, of, samples), met_pole);
            if (batched.result != outcome::agrees) return batched;
            result.covered.insert(plan::recurs(of.state->steps) ? "step_batch of a recursion"
                                                                : "step_batch of joined sequences");
        }
        return result;
    } catch (const plan_fault& fault) {
        return difference(phase + " reaches outside", fault.what());
    }
}

}  // namespace random_programs
