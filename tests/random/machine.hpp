#pragma once

#include "attention.hpp"
#include "general.hpp"
#include "rows.hpp"
#include "views.hpp"

/// Interprets the steps of a plan, forward and backward, of one sample or of several step by step,
/// in one workspace for each. What no buffer holds at a time is poisoned with signalling NaN.

namespace random_programs {

class machine {
  public:
    /// Of the plan's steps with the memory of training, or of inference.
    machine(memory& at, const planned& of, const tables& steps)
        : machine(std::vector<memory*>{&at}, of, steps) {}
    /// Of samples with the same parameters.
    machine(std::vector<memory*> samples, const planned& of, const tables& steps)
        : samples_(std::move(samples)),
          memory_(*samples_.front()),
          shapes_(of.shapes),
          tables_(steps),
          steps_(tables_.steps.size()) {
        for (memory* sample : samples_) {
            sample->nodes = &tables_.pool.nodes;
            sample->shapes = &shapes_;
            sample->choices.assign(to_size(shapes_.facts.size()), nullptr);
            for (const plan::general_step& each : tables_.generals)
                if (each.choice >= 0) sample->choices[to_size(each.choice)] = &each.chosen;
            sample->workspace.values.assign(to_size(tables_.workspace), dead);
            sample->prepared.values.assign(to_size(tables_.prepared), dead);
            sample->prepared_gradient.values.assign(to_size(tables_.prepared), 0.0);
            sample->parameter_gradient.values.assign(to_size(tables_.parameters), 0.0);
            for (given_fact& fact : sample->facts)
                for (double& each : fact.gradient.values) each = 0;
        }
        for (const plan::buffer& each : tables_.buffers) {
            if (each.prepared) continue;
            if (each.last >= 0)
                lives_.push_back({each.offset, each.size * each.copies, each.first, each.last});
            if (each.adjoint >= 0)
                lives_.push_back({each.adjoint, each.size, each.adjoint_first, each.adjoint_last});
        }
    }

    void forward() {
        run_forward(0, steps_, true);
        now_ = -1;
        run_forward(0, steps_, false);
        advance(steps_);
        for (memory* sample : samples_)
            for (int output : shapes_.outputs) clear_rest(*sample, output);
    }

    /// Given the gradients of the outputs, of each sample one after another.
    void backward(const std::vector<std::vector<numbers>>& outward) {
        for (std::size_t at = 0; at < samples_.size(); ++at)
            take_outward(*samples_[at], outward[at]);
        run_backward(0, steps_, false);
        run_backward(0, steps_, true);
    }

    std::vector<numbers> outputs(int sample = 0) {
        std::vector<numbers> result;
        for (int at = 0; at < shapes_.outputs.size(); ++at) result.push_back(output(at, sample));
        return result;
    }
    numbers output(int at, int sample = 0) {
        numbers result;
        memory& of = *samples_[to_size(sample)];
        each_element(of, shapes_.outputs[at], [&](std::ptrdiff_t place, bool seen) {
            result.push_back(seen ? of.workspace.at(place) : 0);
        });
        return result;
    }

  private:
    struct life {
        int offset, size, first, last;
    };

    std::vector<memory*> samples_;
    memory& memory_;  // of the first sample, which counts the rounds of all
    const shaped& shapes_;
    const tables& tables_;
    int steps_;
    std::vector<life> lives_{};
    int now_ = -1;

    /// Calls visit(place, seen) for each element of an output; what lies beyond the length of a
    /// fact is nothing that a caller sees.
    template <class Visit>
    void each_element(const memory& sample, int output, Visit visit) const {
        const plan::relation_layout& layout = tables_.relations[output];
        const view whole = view_of_relation(shapes_, tables_, output);
        std::vector<int> ends = whole.extents;
        unsigned lengths = 0;
        for (const plan::fact_shape& fact : shapes_.facts)
            if (fact.length >= 0) lengths |= 1u << fact.length;
        if (!layout.pairs.any())
            for (int axis = 0; axis < shapes_.relations[output].arity; ++axis)
                ends[to_size(axis)] = plan::least_count(layout.counts[axis] & lengths,
                                                        ends[to_size(axis)], sample.counts.data());
        whole.each_index([&](const std::vector<int>& indices, std::ptrdiff_t place) {
            bool seen = true;
            for (std::size_t axis = 0; axis < indices.size(); ++axis)
                seen = seen && indices[axis] < ends[axis];
            visit(place, seen);
        });
    }

    void take_outward(memory& sample, const std::vector<numbers>& outward) {
        region& workspace = sample.workspace;
        for (int output : shapes_.outputs) {
            const plan::buffer& of = tables_.buffers[tables_.relations[output].index];
            workspace.fill(of.adjoint, of.size, 0);
        }
        for (int at = 0; at < shapes_.outputs.size(); ++at) {
            const int output = shapes_.outputs[at];
            const plan::buffer& of = tables_.buffers[tables_.relations[output].index];
            std::size_t element = 0;
            each_element(sample, output, [&](std::ptrdiff_t place, bool seen) {
                const double by = outward[to_size(at)][element++];
                if (seen) workspace.at(of.adjoint - of.offset + place) += by;
            });
        }
    }

    /// Calls body(sample, weights) for each sample, where the memory `weights` has the weights of a
    /// product: those of the first sample where the step takes the rows of all.
    template <class Body>
    void each_sample(const plan::step& step, Body body) {
        const bool joins = samples_.size() > 1 && step.kind == plan::step_kind::rows &&
                           plan::is_joined(tables_.rows[step.at], 0);
        for (memory* sample : samples_) {
            std::copy_n(memory_.layer, plan::max_loops, sample->layer);
            body(*sample, joins ? memory_ : *sample);
        }
    }

    /// Forward steps are the times 0 to S - 1, the outputs' gradients are given at S, and the
    /// steps' backward are S + 1 to 2 S.
    void advance(int time) {
        for (; now_ < time; ++now_)
            for (const life& each : lives_)
                if (each.last == now_ || each.first == now_ + 1)
                    for (memory* sample : samples_)
                        sample->workspace.fill(each.offset, each.size, dead);
    }

    /// Rows of an output that no step has written.
    void clear_rest(memory& sample, int output) {
        const plan::relation_layout& layout = tables_.relations[output];
        const plan::buffer& of = tables_.buffers[layout.index];
        if (of.counts == 0) return;
        view rest = view_of_relation(shapes_, tables_, output);
        for (int axis = 0; axis < shapes_.relations[output].arity; ++axis) {
            if (layout.strides[axis] != of.row || layout.counts[axis] == 0) continue;
            int& extent = rest.extents[to_size(axis)];
            const int written = plan::least_count(of.counts, extent, sample.counts.data());
            rest.offset += written * of.row;
            extent -= written;
            rest.each([&](std::ptrdiff_t place) { sample.workspace.at(place) = 0; });
            return;
        }
    }

    bool is_run(const plan::step& step) const {
        return step.depth == 0 ||
               step.is_run_in(memory_.layer[step.depth - 1], memory_.counts.data());
    }

    void run_forward(int begin, int end, bool prepares) {
        for (int at = begin; at < end; ++at) {
            const plan::step& step = tables_.steps[at];
            if (!prepares) advance(at);
            if (step.kind == plan::step_kind::repeat_begin) {
                const int rounds = step.rounds(memory_.counts.data());
                for (int round = 0; round < rounds; ++round) {
                    // What lives within a round is dead in the next.
                    if (!prepares) now_ = at;
                    memory_.layer[step.depth] = step.backward ? rounds - 1 - round : round;
                    run_forward(at + 1, step.at, prepares);
                    if (step.carried < 0 || prepares || round + 1 == rounds || !is_settled(step))
                        continue;
                    carry_on(step, rounds);
                    break;
                }
                memory_.layer[step.depth] = 0;
                at = step.at;
            } else if (step.prepared == prepares && is_run(step)) {
                each_sample(step, [&](memory& sample, memory& weights) {
                    forward_step(sample, weights, tables_, step);
                });
            }
        }
    }

    void run_backward(int begin, int end, bool prepares) {
        for (int at = end; at-- > begin;) {
            const plan::step& last = tables_.steps[at];
            if (last.kind == plan::step_kind::repeat_end) {
                const plan::step& first = tables_.steps[last.at];
                if (!prepares) backward_step(at);
                int rounds = first.rounds(memory_.counts.data());
                if (first.carried >= 0 && !prepares) rounds = carry_back(first, rounds);
                for (int round = rounds; round-- > 0;) {
                    memory_.layer[first.depth] = first.backward ? rounds - 1 - round : round;
                    run_backward(last.at + 1, at, prepares);
                }
                memory_.layer[first.depth] = 0;
                at = last.at;
                if (!prepares) backward_step(at);
            } else if (last.prepared == prepares && is_run(last)) {
                backward_step(at);
            }
        }
    }

    // Fixpoints: of one sample.

    bool is_settled(const plan::step& step) {
        const plan::carried_value& of = tables_.carried[step.carried];
        int size = of.size;
        if (of.pairs >= 0) size = static_cast<int>(memory_.pairs_of(of.pairs).size()) * of.row;
        if (of.counts != 0)
            size = plan::least_count(of.counts, of.size / of.row, memory_.counts.data()) * of.row;
        return memory_.read(of.in).read(size) == memory_.read(of.out).read(size);
    }
    void carry_on(const plan::step& step, int rounds) {
        const plan::carried_value& of = tables_.carried[step.carried];
        const numbers values = memory_.read(of.out).read(of.size);
        memory_.layer[step.depth] = rounds - 1;
        memory_.write(of.out).write(values);
    }
    int carry_back(const plan::step& step, int rounds) {
        const plan::carried_value& of = tables_.carried[step.carried];
        memory_.layer[step.depth] = rounds - 1;
        const numbers given = memory_.gradient(of.out).read(of.size);
        for (int& round = memory_.layer[step.depth] = 0; round + 1 < rounds; ++round) {
            if (!is_settled(step)) continue;
            memory_.gradient(of.out).add(given);
            return round + 1;
        }
        return rounds;
    }

    void backward_step(int at) {
        const plan::step& step = tables_.steps[at];
        if (!step.prepared) advance(2 * steps_ - at);
        each_sample(step, [&](memory& sample, memory&) {
            for (const plan::birth& born : step.births)
                for (int part = 0; part < born.parts; ++part)
                    sample.workspace.fill(born.offset + part * born.size,
                                          born.cleared(sample.counts.data()), 0);
        });
        each_sample(step, [&](memory& sample, memory& weights) {
            switch (step.kind) {
                case plan::step_kind::rows:
                    return row_interpreter(sample, tables_.rows[step.at], weights).backward();
                case plan::step_kind::attention:
                    return attention_interpreter(sample, tables_.attentions[step.at], tables_)
                        .backward();
                case plan::step_kind::weights:
                    return attention_interpreter(sample, tables_.attentions[step.at], tables_)
                        .undo_prepare();
                case plan::step_kind::general:
                    return general_interpreter(sample, tables_.generals[step.at]).backward();
                default:
                    return;
            }
        });
    }

  public:
    static void forward_step(memory& at, const tables& all, const plan::step& step) {
        forward_step(at, at, all, step);
    }
    static void forward_step(memory& at, memory& weights, const tables& all,
                             const plan::step& step) {
        switch (step.kind) {
            case plan::step_kind::rows:
                return row_interpreter(at, all.rows[step.at], weights).forward();
            case plan::step_kind::attention:
                return attention_interpreter(at, all.attentions[step.at], all).forward();
            case plan::step_kind::weights:
                return attention_interpreter(at, all.attentions[step.at], all).prepare();
            case plan::step_kind::general:
                return general_interpreter(at, all.generals[step.at]).forward();
            default:
                return;
        }
    }
};

}  // namespace random_programs
