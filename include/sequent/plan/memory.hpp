#pragma once

#include <algorithm>

#include "layout.hpp"

/// Memory: the offset of each buffer in the workspace, by the time in which it is used, and the
/// final offsets of the operands. The forward pass of S steps is the times 0 .. S-1. At time S the
/// gradients of the outputs are given. The backward pass is the times S+1 .. 2S.

namespace sequent::inline SEQUENT_ABI::plan {

/// The lifetime of the values of an operand. now: until the step is done. until_gradient: until the
/// gradient of the step is computed. kept: the same for values that have no gradient.
enum class usage { now, until_gradient, kept };

/// Calls visit(operand, usage) for the operands of a row step.
template <class Row, class Visit>
constexpr void visit_row(Row& row, Visit visit) {
    for (auto& term : row.terms) {
        const bool read_again = term.kind != term_kind::add || row.multiplies;
        visit(term.x.at, read_again ? usage::until_gradient : usage::now);
        visit(term.w.at, usage::now);
    }
    for (auto& function : row.functions)
        for (auto& weight : function.weights) visit(weight.at, usage::now);
    visit(row.out.at, row.needs_result() ? usage::until_gradient : usage::now);
    visit(row.before.at, usage::kept);
}

/// Calls visit(operand, usage) for the operands of a score.
template <class Attention, class Visit>
constexpr void visit_score(Attention& attention, Visit visit) {
    for (auto& node : attention.nodes) {
        visit(node.x.at, usage::until_gradient);
        visit(node.y.at, usage::until_gradient);
    }
}

/// Calls visit(operand, usage) for the operands of an attention step.
template <class Attention, class Visit>
constexpr void visit_attention(Attention& attention, Visit visit) {
    if (attention.is_prepared()) {
        visit(attention.value.at, usage::until_gradient);
        visit(attention.out.at, usage::now);
        visit(attention.weights.at, usage::until_gradient);
        return;
    }
    visit_score(attention, visit);
    visit(attention.value.at, usage::until_gradient);
    visit(attention.out.at, usage::until_gradient);
    visit(attention.normalizer.at, usage::kept);
    visit(attention.scores.at, usage::kept);
}

/// Calls visit(operand, usage) for the operands of a general step.
template <class General, class Visit>
constexpr void visit_general(General& general, Visit visit) {
    for (auto& item : general.literals) {
        visit(item.at, usage::until_gradient);
        visit(item.weight, usage::now);
    }
    for (auto& function : general.functions)
        for (auto& weight : function.weights) visit(weight, usage::now);
    visit(general.out, usage::until_gradient);
    visit(general.chosen, usage::kept);
}

/// Calls visit(operand, usage) for the operands of a step.
template <class Tables, class Step, class Visit>
constexpr void visit_operands(Tables& tables, const Step& at, Visit visit) {
    if (at.kind == step_kind::rows) visit_row(tables.rows[at.at], visit);
    if (at.kind == step_kind::attention) visit_attention(tables.attentions[at.at], visit);
    if (at.kind == step_kind::weights) visit_score(tables.attentions[at.at], visit);
    if (at.kind == step_kind::general) visit_general(tables.generals[at.at], visit);
    if (at.kind == step_kind::repeat_end && at.carried >= 0) {
        visit(tables.carried[at.carried].in, usage::kept);
        visit(tables.carried[at.carried].out, usage::kept);
    }
}

/// Lays out the prepared values. Their offsets do not depend on the purpose of the plan.
template <class Draft>
constexpr void place_prepared(Draft& draft) {
    for (buffer& each : draft.out.buffers) {
        if (!each.prepared) continue;
        each.size = aligned(each.size);
        each.copies = draft.copies_of(each.scope);
        each.offset = draft.out.prepared;
        draft.out.prepared += each.size * each.copies;
    }
}

/// Adds the layer strides of a buffer with a copy for each layer. The copies of an inner stack are
/// contiguous within a layer of the outer one.
template <class Draft>
constexpr void add_layers(const Draft& draft, const buffer& of, operand& used) {
    int stride = of.size;
    for (int scope = of.scope; scope > 0; scope = draft.in.text.scopes[scope].parent) {
        used.layer_strides[draft.depth_of(scope) - 1] += stride;
        stride *= draft.in.text.scopes[scope].repeat;
    }
}

/// Sets the place of a prepared operand. Returns true if the operand is prepared.
template <class Draft>
constexpr bool resolve_prepared(const Draft& draft, operand& used) {
    if (used.where != place::value || !draft.out.buffers[used.index].prepared) return false;
    const buffer& of = draft.out.buffers[used.index];
    used.where = place::prepared;
    used.offset += of.offset;
    add_layers(draft, of, used);
    return true;
}
/// Sets the place of a prepared relation. Returns true if the relation is prepared.
template <class Draft>
constexpr bool resolve_prepared(const Draft& draft, relation_layout& layout) {
    if (!draft.is_prepared(layout)) return false;
    layout.where = place::prepared;
    layout.offset += draft.out.buffers[layout.index].offset;
    return true;
}

/// Adds the offset of an operand's part. `in_turn`: the parts alternate between two places.
template <class Draft>
constexpr void add_part(const Draft& draft, const buffer& of, int size, bool in_turn,
                        operand& used) {
    used.offset += (in_turn ? used.part % 2 : used.part) * size;
    if (!used.each_layer) return;
    const int level = draft.depth_of(of.scope);
    if (in_turn) {
        used.turn_level = level;
        used.turn = used.part % 2 ? -size : size;
    } else {
        used.layer_strides[level] += size;
        used.adjoint_layer_strides[level] += size;
    }
}

/// The purpose of a memory layout. train: values last until their gradients are computed. infer:
/// values last until they are last read, and all layers of a stack share the memory of one layer.
/// inspect: as train, and no values or gradients share memory.
enum class purpose { train, infer, inspect };

/// In place of the size of a workspace that would have more than max_numbers elements.
inline constexpr int too_large = -1;

/// The size of a memory as int, or too_large.
constexpr int numbers_of_memory(long long numbers) {
    return numbers > max_numbers ? too_large : static_cast<int>(numbers);
}

/// Allocates memory for intervals of time: the first offset that is free during the interval.
template <int Capacity>
class arena {
  public:
    long long size = 0;  ///< elements of the whole memory

    /// The offset of `numbers` elements from time `first` to `last`. It is meaningless if the whole
    /// memory has more than max_numbers elements.
    constexpr int put(long long numbers, int first, int last) {
        long long offset = 0;
        bool moved = true;
        while (moved) {
            moved = false;
            for (const interval& other : taken_) {
                if (other.last < first || other.first > last) continue;
                if (offset + numbers <= other.offset || other.offset + other.size <= offset)
                    continue;
                offset = other.offset + other.size;
                moved = true;
            }
        }
        taken_.push({offset, numbers, first, last});
        if (offset + numbers > size) size = offset + numbers;
        return static_cast<int>(offset);
    }

  private:
    struct interval {
        long long offset = 0;
        long long size = 0;
        int first = 0;
        int last = 0;
    };
    list<interval, Capacity> taken_{};
};

/// Lays out the buffers of a draft for one purpose, and sets the offsets of the operands of its
/// steps.
template <class Drafted>
class memory_planner {
  public:
    constexpr memory_planner(const Drafted& from, purpose for_what)
        : draft_(from),
          trains_(for_what != purpose::infer),
          keeps_(for_what == purpose::inspect),
          out_(draft_.out) {
        if (!trains_) forget_training();
        find_lifetimes();
        for (buffer& each : out_.buffers) {
            if (trains_) each.copies = draft_.copies_of(each.scope);
            // Two parts are enough for the input and the output of one layer.
            else if (each.parts > 2)
                each.size = each.size / each.parts * 2;
            each.size = aligned(each.size);
        }
        place_prepared(draft_);
        place_buffers();
        if (out_.workspace == too_large) return;
        if (trains_) set_births();
        for (const step& at : out_.steps)
            visit_operands(out_, at, [this](operand& used, usage) { resolve(used); });
        for (relation_layout& layout : out_.relations) {
            if (layout.where != place::value || resolve_prepared(draft_, layout)) continue;
            const buffer& of = out_.buffers[layout.index];
            layout.offset +=
                of.offset + (trains_ ? layout.part : layout.part % 2) * size_of_part(of);
        }
    }

    /// The steps with their offsets.
    constexpr const auto& placed() const { return out_; }

  private:
    Drafted draft_;
    bool trains_;
    bool keeps_;
    decltype(draft_.out)& out_;

    constexpr int backward_of(int at) const { return 2 * out_.steps.size() - at; }

    constexpr void use(buffer& each, int first, int last) {
        if (first < each.first) each.first = first;
        if (last > each.last) each.last = last;
    }

    constexpr void forget_training() {
        for (row_step& row : out_.rows) row.before = {};
        for (attention_step& attention : out_.attentions) attention.scores = {};
    }

    constexpr void find_lifetimes() {
        const int steps = out_.steps.size();
        int loops[max_loops]{};  // the steps that begin the stacks and the recursion around
        for (int at = 0; at < steps; ++at) {
            const step& each = out_.steps[at];
            if (each.kind == step_kind::repeat_begin) loops[each.depth] = at;
            visit_operands(out_, each, [&](const operand& used, usage how) {
                if (used.where != place::value || out_.buffers[used.index].prepared) return;
                buffer& of = out_.buffers[used.index];
                if (of.lasts) return use(of, 0, 2 * steps + 1);
                // A value from outside of loops lasts for all of their iterations.
                const int outside = draft_.depth_of(of.scope);
                const int begin = outside < each.depth ? loops[outside] : at;
                const int end = outside < each.depth ? out_.steps[begin].at : at;
                if (!trains_) {
                    use(of, begin, end);
                    return;
                }
                if (of.scope > 0) {
                    // Each layer has a copy, which lasts through both passes of the stack.
                    use(of, loops[0], backward_of(loops[0]));
                } else {
                    use(of, begin, how == usage::now ? end : backward_of(begin));
                }
                if (how == usage::kept) return;
                if (backward_of(end) < of.adjoint_first) of.adjoint_first = backward_of(end);
                if (backward_of(begin) > of.adjoint_last) of.adjoint_last = backward_of(begin);
            });
        }
        for (int relation : draft_.in.outputs) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value) continue;
            buffer& of = out_.buffers[layout.index];
            use(of, steps, 2 * steps + 1);
            if (!trains_) continue;
            of.adjoint_first = steps;
            if (of.adjoint_last < steps) of.adjoint_last = steps;
        }
        if (draft_.in.tapped < 0) return;
        const relation_layout& tapped = out_.relations[draft_.in.tapped];
        if (tapped.where == place::value) use(out_.buffers[tapped.index], 0, steps);
    }

    constexpr void place_buffers() {
        arena<2 * decltype(out_.buffers)::capacity()> memory;
        const auto put = [&](long long size, int first, int last) {
            return keeps_ ? memory.put(size, 0, 0) : memory.put(size, first, last);
        };
        auto put_adjoint = [&](buffer& each) {
            if (each.last >= 0 && each.adjoint_last >= 0)
                each.adjoint = put(each.size, each.adjoint_first, each.adjoint_last);
        };
        for (buffer& each : out_.buffers) {
            if (each.last < 0) continue;
            each.offset = put(1LL * each.size * each.copies, each.first, each.last);
            if (!draft_.recurs) put_adjoint(each);
        }
        // The gradients of a recursion are first written at the same time. They are placed
        // together, so that they can be set to zero together.
        if (draft_.recurs)
            for (buffer& each : out_.buffers) put_adjoint(each);
        out_.workspace = numbers_of_memory(memory.size);
    }

    constexpr void set_births() {
        for (const buffer& each : out_.buffers) {
            if (each.adjoint < 0) continue;
            const int at = 2 * out_.steps.size() - each.adjoint_first;
            if (at >= out_.steps.size()) continue;
            auto& births = out_.steps[at].births;
            birth* last = births.size() ? births.end() - 1 : nullptr;
            if (each.counts == 0 && last && last->counts == 0 &&
                last->offset + last->size == each.adjoint)
                last->size += each.size;
            else
                births.push(each.adjoint_birth());
        }
    }

    constexpr int size_of_part(const buffer& of) const {
        return of.size / (trains_ ? of.parts : std::min(of.parts, 2));
    }

    constexpr void resolve(operand& used) {
        if (used.where != place::value || resolve_prepared(draft_, used)) return;
        const buffer& of = out_.buffers[used.index];
        add_part(draft_, of, size_of_part(of), !trains_, used);
        if (trains_) {
            used.adjoint = of.adjoint + used.offset;
            add_layers(draft_, of, used);
        }
        used.offset += of.offset;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
