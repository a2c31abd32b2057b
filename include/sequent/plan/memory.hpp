#pragma once

#include "build.hpp"

/// Gives each buffer a place in the workspace by the time in which it is needed, and the steps
/// their final offsets. Forward steps are the times 0 .. S-1; at S the outputs' gradients are
/// given; the steps' own follow in S+1 .. 2S.

namespace sequent::inline SEQUENT_ABI::plan {

/// How long the numbers of an operand must last: until the step is done, or until its gradient has
/// been computed. `kept` numbers last as long; they have no gradient of their own.
enum class usage { now, until_gradient, kept };

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

template <class Attention, class Visit>
constexpr void visit_score(Attention& attention, Visit visit) {
    for (auto& node : attention.nodes) {
        visit(node.x.at, usage::until_gradient);
        visit(node.y.at, usage::until_gradient);
    }
}

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

template <class General, class Visit>
constexpr void visit_general(General& general, Visit visit) {
    for (auto& item : general.literals) {
        visit(item.at, usage::until_gradient);
        visit(item.weight, usage::now);
    }
    for (auto& function : general.functions)
        for (auto& weight : function.weights) visit(weight, usage::now);
    visit(general.out, usage::until_gradient);
}

template <class Tables, class Step, class Visit>
constexpr void visit_operands(Tables& tables, const Step& at, Visit visit) {
    if (at.kind == step_kind::rows) visit_row(tables.rows[at.at], visit);
    if (at.kind == step_kind::attention) visit_attention(tables.attentions[at.at], visit);
    if (at.kind == step_kind::weights) visit_score(tables.attentions[at.at], visit);
    if (at.kind == step_kind::general) visit_general(tables.generals[at.at], visit);
}

/// Gives what is prepared its place, the same whatever else is planned.
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

/// Of a buffer with a copy for each layer; an inner stack's copies stand together within an outer
/// layer.
template <class Draft>
constexpr void add_layers(const Draft& draft, const buffer& of, operand& used) {
    int stride = of.size;
    for (int scope = of.scope; scope > 0; scope = draft.in.text.scopes[scope].parent) {
        used.layer_strides[draft.depth_of(scope) - 1] += stride;
        stride *= draft.in.text.scopes[scope].repeat;
    }
}

/// Returns whether it is.
template <class Draft>
constexpr bool resolve_prepared(const Draft& draft, operand& used) {
    if (used.where != place::value || !draft.out.buffers[used.index].prepared) return false;
    const buffer& of = draft.out.buffers[used.index];
    used.where = place::prepared;
    used.offset += of.offset;
    add_layers(draft, of, used);
    return true;
}
template <class Draft>
constexpr bool resolve_prepared(const Draft& draft, relation_layout& layout) {
    if (!draft.is_prepared(layout)) return false;
    layout.where = place::prepared;
    layout.offset += draft.out.buffers[layout.index].offset;
    return true;
}

template <class Draft>
class memory_planner {
  public:
    constexpr explicit memory_planner(Draft& draft) : draft_(draft), out_(draft.out) {
        find_lifetimes();
        for (buffer& each : out_.buffers) {
            each.copies = draft.copies_of(each.scope);
            each.size = aligned(each.size);
        }
        place_prepared(draft);
        place_buffers();
        set_births();
        for (const step& at : out_.steps)
            visit_operands(out_, at, [this](operand& used, usage) { resolve(used); });
        for (relation_layout& layout : out_.relations) {
            if (layout.where != place::value || resolve_prepared(draft, layout)) continue;
            layout.offset += out_.buffers[layout.index].offset;
        }
    }

  private:
    Draft& draft_;
    decltype(draft_.out)& out_;

    constexpr int backward_of(int at) const { return 2 * out_.steps.size() - at; }

    constexpr void use(buffer& each, int first, int last) {
        if (first < each.first) each.first = first;
        if (last > each.last) each.last = last;
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
                // What comes from outside of loops lasts for all of their rounds.
                const int outside = draft_.depth_of(of.scope);
                const int begin = outside < each.depth ? loops[outside] : at;
                const int end = outside < each.depth ? out_.steps[begin].at : at;
                if (of.scope > 0) {
                    // Kept from layer to layer: through both passes of the whole stack.
                    use(of, loops[0], backward_of(loops[0]));
                } else {
                    use(of, begin, how == usage::now ? end : backward_of(begin));
                }
                // Keys and values of earlier rows must outlast a run for later ones.
                if (each.kind == step_kind::attention) use(of, 0, end);
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
            of.adjoint_first = steps;
            if (of.adjoint_last < steps) of.adjoint_last = steps;
        }
    }

    struct interval {
        int offset = 0;
        int size = 0;
        int first = 0;
        int last = 0;
    };

    constexpr void place_buffers() {
        list<interval, 2 * decltype(out_.buffers)::capacity()> placed{};
        auto put = [&](int size, int first, int last) {
            int offset = 0;
            bool moved = true;
            while (moved) {
                moved = false;
                for (const interval& other : placed) {
                    if (other.last < first || other.first > last) continue;
                    if (offset + size <= other.offset || other.offset + other.size <= offset)
                        continue;
                    offset = other.offset + other.size;
                    moved = true;
                }
            }
            placed.push({offset, size, first, last});
            if (offset + size > out_.workspace) out_.workspace = offset + size;
            return offset;
        };
        auto put_adjoint = [&](buffer& each) {
            if (each.last >= 0 && each.adjoint_last >= 0)
                each.adjoint = put(each.size, each.adjoint_first, each.adjoint_last);
        };
        for (buffer& each : out_.buffers) {
            if (each.last < 0) continue;
            each.offset = put(each.size * each.copies, each.first, each.last);
            if (!draft_.recurs) put_adjoint(each);
        }
        // Those of a recursion are all born at once: together, they can be cleared at once.
        if (draft_.recurs)
            for (buffer& each : out_.buffers) put_adjoint(each);
    }

    constexpr void set_births() {
        for (const buffer& each : out_.buffers) {
            if (each.adjoint < 0) continue;
            const int at = 2 * out_.steps.size() - each.adjoint_first;
            if (at >= out_.steps.size()) continue;
            auto& births = out_.steps[at].births;
            birth* last = births.size() ? births.end() - 1 : nullptr;
            if (last && last->offset + last->size == each.adjoint)
                last->size += each.size;
            else
                births.push({each.adjoint, each.size});
        }
    }

    constexpr void resolve(operand& used) {
        if (used.where != place::value || resolve_prepared(draft_, used)) return;
        const buffer& of = out_.buffers[used.index];
        used.adjoint = of.adjoint + used.offset;
        used.offset += of.offset;
        add_layers(draft_, of, used);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
