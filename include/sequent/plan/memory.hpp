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

    /// `shares`: intervals of time that do not overlap share memory.
    constexpr explicit arena(bool shares = true) : shares_(shares) {}

    /// The offset of `numbers` elements from time `first` to `last`. It is meaningless if the whole
    /// memory has more than max_numbers elements.
    constexpr int put(long long numbers, int first, int last) {
        long long offset = 0;
        bool moved = true;
        while (moved) {
            moved = false;
            for (const interval& other : taken_) {
                if (shares_ && (other.last < first || other.first > last)) continue;
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
    bool shares_;
    list<interval, Capacity> taken_{};
};

/// Lays out the buffers of a draft, and sets the offsets of the operands of its steps. `Policy`
/// derives from it and states the lifetimes of its purpose. By default, values last until they are
/// last read, all layers of a stack share the memory of one layer, and its input and output take
/// turns.
template <class Policy, class Drafted>
class placer {
  public:
    constexpr explicit placer(const Drafted& from) : draft_(from), out_(draft_.out) {}

    /// The steps with their offsets.
    constexpr const auto& placed() const { return out_; }

  protected:
    static constexpr int capacity = decltype(Drafted::out.buffers)::capacity();
    using memory = arena<2 * capacity>;

    Drafted draft_;                ///< a copy of the draft
    decltype(draft_.out)& out_;    ///< its steps
    int part_[capacity]{};         ///< elements of a part of a buffer
    bool alternates_[capacity]{};  ///< the parts of a buffer share two places
    int loops_[max_loops]{};       ///< the steps that begin the stacks and the recursion around

    // A policy replaces some of these.

    /// The time after all steps and, in training, their backward pass.
    constexpr int end() const { return 2 * out_.steps.size() + 1; }
    /// Returns true if the value that step `at` uses is never overwritten.
    constexpr bool lasts(int, const operand&) { return false; }
    /// Adds a use of a buffer in the steps from `first` to `last`.
    constexpr void use_in_steps(buffer& of, usage, int first, int last) { use(of, first, last); }
    /// Adds the use of buffer `index` as an output.
    constexpr void use_as_output(int index) { use(out_.buffers[index], out_.steps.size(), end()); }
    /// Sets the size of buffer `index` from that of its parts, and the number of its copies.
    constexpr void set_size(int index) { set_parts(index, size_of_part(index), true); }
    /// Places what else buffer `index` needs.
    constexpr void put_more(memory&, int) {}
    /// Sets what else an operand in the workspace needs.
    constexpr void resolve_more(operand&) {}

    // All policies share these.

    constexpr void use(buffer& of, int first, int last) {
        if (first < of.first) of.first = first;
        if (last > of.last) of.last = last;
    }
    /// The elements of a part of a buffer of the draft.
    constexpr int size_of_part(int index) const {
        return out_.buffers[index].size / out_.buffers[index].parts;
    }
    constexpr void set_parts(int index, int part, bool alternates) {
        buffer& of = out_.buffers[index];
        part_[index] = part;
        alternates_[index] = alternates;
        of.size = aligned(part * (alternates ? std::min(of.parts, 2) : of.parts));
    }

    /// Finds the lifetimes of all buffers and places them. `shares`: they share memory.
    constexpr memory place(bool shares = true) {
        find_lifetimes();
        place_prepared(draft_);
        memory all{shares};
        for (int index = 0; index < out_.buffers.size(); ++index) {
            buffer& each = out_.buffers[index];
            if (each.last < 0) continue;
            policy().set_size(index);
            each.offset = all.put(1LL * each.size * each.copies, each.first, each.last);
            policy().put_more(all, index);
        }
        return all;
    }
    /// Sets the offsets of operands and relations, unless the memory is too large.
    constexpr void resolve(const memory& all) {
        out_.workspace = numbers_of_memory(all.size);
        if (out_.workspace == too_large) return;
        for (const step& at : out_.steps)
            visit_operands(out_, at, [this](operand& used, usage) { resolve(used); });
        for (relation_layout& layout : out_.relations)
            if (layout.where == place::value && !resolve_prepared(draft_, layout))
                layout.offset += out_.buffers[layout.index].offset +
                                 (alternates_[layout.index] ? layout.part % 2 : layout.part) *
                                     part_[layout.index];
    }
    constexpr void resolve(operand& used) {
        policy().resolve_more(used);
        if (used.where != place::value || resolve_prepared(draft_, used)) return;
        const buffer& of = out_.buffers[used.index];
        add_part(draft_, of, part_[used.index], alternates_[used.index], used);
        if (of.adjoint >= 0) used.adjoint = of.adjoint + used.offset;
        used.offset += of.offset;
        if (of.copies > 1) add_layers(draft_, of, used);
    }

  private:
    constexpr Policy& policy() { return static_cast<Policy&>(*this); }

    constexpr void find_lifetimes() {
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            if (each.kind == step_kind::repeat_begin) loops_[each.depth] = at;
            visit_operands(out_, each, [&](const operand& used, usage how) {
                const bool lasts = policy().lasts(at, used);
                if (used.where != place::value || out_.buffers[used.index].prepared) return;
                buffer& of = out_.buffers[used.index];
                if (of.lasts || lasts) return use(of, 0, policy().end());
                // A value from outside of loops lasts for all of their iterations.
                const int outside = draft_.depth_of(of.scope);
                const bool within = outside >= each.depth;
                const int begin = within ? at : loops_[outside];
                policy().use_in_steps(of, how, begin, within ? at : out_.steps[begin].at);
            });
        }
        for (int relation : draft_.in.outputs)
            if (out_.relations[relation].where == place::value)
                policy().use_as_output(out_.relations[relation].index);
        if (draft_.in.tapped < 0) return;
        const relation_layout& tapped = out_.relations[draft_.in.tapped];
        if (tapped.where == place::value) use(out_.buffers[tapped.index], 0, out_.steps.size());
    }
};

/// The memory of inference.
template <class Drafted>
class inference_placer : public placer<inference_placer<Drafted>, Drafted> {
    using base = placer<inference_placer, Drafted>;

  public:
    constexpr explicit inference_placer(const Drafted& from) : base(from) {
        for (row_step& row : this->out_.rows) row.before = {};
        for (attention_step& attention : this->out_.attentions) attention.scores = {};
        this->resolve(this->place());
    }
};

/// The memory of training: values last until their gradients are computed, and each layer of a
/// stack has a copy.
template <class Drafted>
class training_placer : public placer<training_placer<Drafted>, Drafted> {
    using base = placer<training_placer, Drafted>;
    friend base;

  public:
    /// `inspects`: no values or gradients share memory.
    constexpr explicit training_placer(const Drafted& from, bool inspects = false) : base(from) {
        memory all = this->place(!inspects);
        // The gradients of a recursion are first written at the same time. They are placed
        // together, so that they can be set to zero together.
        if (draft_.recurs)
            for (buffer& each : out_.buffers) put_adjoint(all, each);
        if (all.size <= max_numbers) set_births();
        this->resolve(all);
    }

  private:
    using base::draft_, base::loops_, base::out_, base::use;
    using typename base::memory;

    constexpr int backward_of(int at) const { return 2 * out_.steps.size() - at; }

    constexpr void use_in_steps(buffer& of, usage how, int first, int last) {
        // Each layer has a copy, which lasts through both passes of the stack.
        if (of.scope > 0)
            use(of, loops_[0], backward_of(loops_[0]));
        else
            use(of, first, how == usage::now ? last : backward_of(first));
        if (how == usage::kept) return;
        of.adjoint_first = std::min(of.adjoint_first, backward_of(last));
        of.adjoint_last = std::max(of.adjoint_last, backward_of(first));
    }
    constexpr void use_as_output(int index) {
        base::use_as_output(index);
        buffer& of = out_.buffers[index];
        of.adjoint_first = out_.steps.size();
        of.adjoint_last = std::max(of.adjoint_last, out_.steps.size());
    }
    constexpr void set_size(int index) {
        this->set_parts(index, this->size_of_part(index), false);
        out_.buffers[index].copies = draft_.copies_of(out_.buffers[index].scope);
    }
    constexpr void put_more(memory& all, int index) {
        if (!draft_.recurs) put_adjoint(all, out_.buffers[index]);
    }
    constexpr void put_adjoint(memory& all, buffer& of) {
        if (of.last >= 0 && of.adjoint_last >= 0)
            of.adjoint = all.put(of.size, of.adjoint_first, of.adjoint_last);
    }

    constexpr void set_births() {
        for (const buffer& each : out_.buffers) {
            if (each.adjoint < 0) continue;
            const int at = 2 * out_.steps.size() - each.adjoint_first;
            if (at >= out_.steps.size()) continue;
            auto& births = out_.steps[at].births;
            const int last = births.size() - 1;
            if (each.counts == 0 && last >= 0 && births[last].counts == 0 &&
                births[last].offset + births[last].size == each.adjoint)
                births[last].size += each.size;
            else
                births.push(each.adjoint_birth());
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
