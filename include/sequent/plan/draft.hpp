#pragma once

#include "steps.hpp"

/// The state of planning: what is known of each rule, relation and weight while steps are chosen.

namespace sequent::inline SEQUENT_ABI::plan {

enum class role {
    step,      // computed by a step of its own
    inlined,   // added by the one rule that uses it
    absorbed,  // part of an attention's score expression, or its weights
    grouped,   // computed with others that multiply the same input
    alias      // another relation's numbers, read differently
};

/// The pairs of a sparse fact that two arguments of a relation are, if any.
struct pair_place {
    int fact = -1;
    int axes[2]{};

    constexpr bool any() const { return fact >= 0; }
    constexpr bool has(int axis) const { return any() && (axis == axes[0] || axis == axes[1]); }
};

/// Where a relation's atoms lie, or, of a parameter, which literal uses it. Values are contiguous.
/// Of a relation that holds for the pairs of a sparse fact alone, one atom for each of these: the
/// two arguments' strides are zero then.
struct relation_layout {
    place where = place::none;
    int index = -1;  // fact, buffer or literal
    int offset = 0;
    int strides[max_arity]{};
    int part = 0;             // of the buffer
    bool each_layer = false;  // one part further with each layer
    pair_place pairs{};
    int pair_stride = 0;
    unsigned counts[max_arity]{};  // that limit an argument, a bit for each
};

/// Where a weight lies in the parameters of its scope. Input-major by default: all outputs of one
/// input stand together, which is how the forward product reads them.
struct weight_layout {
    int offset = -1;
    int strides[max_arity]{};
    int row = 0;
    int column = 0;
    bool packed = false;   // of a table whose columns never lie beyond their row, these alone
    int interleaved = -1;  // the index axis whose values stand between input and output
    int group = -1;
    int group_column = 0;  // its first among the group's columns
};

struct buffer {
    int size = 0;
    int parts = 1;  // of a stack's input: one for each layer, and one for the output
    int scope = 0;
    int copies = 1;     // one per layer, where the backward pass of a stack needs them all
    int first = never;  // first and last use of the values, in steps
    int last = -1;
    int adjoint_first = never;
    int adjoint_last = -1;
    int offset = 0;
    int adjoint = -1;
    bool prepared = false;
    // Whose rows, `row` numbers each, are not read beyond some counts, a bit for each, and a few
    // rows more.
    unsigned counts = 0;
    int row = 0;
    int beyond = 0;

    /// What of the gradient is zeroed when it is first written.
    constexpr birth adjoint_birth() const {
        if (counts == 0) return {adjoint, size};
        return {adjoint, size / parts, parts, counts, row, beyond};
    }
};

/// Where row `row` of a packed table begins; and how many numbers stand before it.
constexpr int packed_row(int row) {
    return static_cast<int>(1LL * row * (row + 1) / 2);
}

/// Products of one input with several weights, computed as one.
struct group {
    int first_rule = -1;
    int columns = 0;
    int buffer = -1;
};

template <sizes Sizes, int Facts>
struct plan_tables {
    static constexpr int rule_capacity = Sizes.rules;
    static constexpr int relation_capacity = Sizes.rules + Sizes.literals;
    static constexpr int weight_capacity =
        decltype(shaped<Sizes, Facts>{}.text.weights)::capacity();

    list<step, Sizes.rules * 2> steps{};
    list<row_step, Sizes.rules> rows{};
    list<attention_step, Sizes.rules> attentions{};
    list<general_step, Sizes.rules> generals{};
    list<relation_layout, relation_capacity> relations{};
    list<weight_layout, weight_capacity> weights{};
    list<buffer, Sizes.rules * 3 + 4> buffers{};
    decltype(domains<Sizes>{}.pool) pool{};
    int parameters = 0;
    int workspace = 0;
    int prepared = 0;                      // numbers that follow from parameters alone
    int scope_parameters[Sizes.scopes]{};  // per layer
    int scope_offset[Sizes.scopes]{};
};

/// The steps of a program over symbolic operands: those of the workspace hold the number of their
/// buffer, and no buffer has a place yet. Built once for all purposes.
template <sizes Sizes, int Facts>
struct drafted {
    const shaped<Sizes, Facts>& in;
    plan_tables<Sizes, Facts> out{};
    bool recurs = false;  // some rules do
    diagnosis mistake{};  // something is too large to be laid out

    constexpr explicit drafted(const shaped<Sizes, Facts>& program) : in(program) {
        for (int at : in.order) recurs = recurs || in.text.rules[at].recurs.loop >= 0;
    }

    constexpr const rule& rule_of(int at) const { return in.text.rules[at]; }
    constexpr bool is_prepared(const relation_layout& layout) const {
        return layout.where == place::value && out.buffers[layout.index].prepared;
    }
    /// How many layers of stacks a scope stands for.
    constexpr int copies_of(int scope) const {
        int copies = 1;
        for (; scope > 0; scope = in.text.scopes[scope].parent)
            copies *= in.text.scopes[scope].repeat;
        return copies;
    }
    /// How many stacks a scope stands in.
    constexpr int depth_of(int scope) const {
        int depth = 0;
        for (; scope > 0; scope = in.text.scopes[scope].parent) ++depth;
        return depth;
    }
};

/// Of a rule that sums its one literal over a window: x(i - 1), or x(i - k)[W(k)] summed over k.
struct window_rule {
    bool found = false;
    bool bounded = false;  // some argument lies outside
    int extent = never;    // arguments are below this
    unsigned counts = 0;   // and below these
    int rest = -1;         // what else the rule's condition says
};

template <sizes Sizes, int Facts>
struct draft : drafted<Sizes, Facts> {
    using base = drafted<Sizes, Facts>;
    using base::depth_of, base::in, base::mistake, base::out, base::recurs, base::rule_of;
    static constexpr int rule_capacity = Sizes.rules;

    const domains<Sizes>& conditions;
    list<role, Sizes.rules> roles{};
    list<int, Sizes.rules> group_of{};
    list<int, Sizes.rules> user{};          // of the rule's relation, where it is the only one
    list<int, Sizes.rules> user_literal{};  // within that rule
    list<group, Sizes.rules> groups{};
    list<bool, Sizes.rules> prepared{};  // rules that follow from parameters alone
    list<window_rule, Sizes.rules> windows{};

    constexpr draft(const shaped<Sizes, Facts>& program, const domains<Sizes>& found)
        : base(program), conditions(found) {
        out.pool = found.pool;
        const int rules = in.text.rules.size();
        roles.reset(rules);
        group_of.reset(rules);
        user.reset(rules);
        user_literal.reset(rules);
        windows.reset(rules);
        for (int at = 0; at < rules; ++at) group_of[at] = user[at] = -1;
        out.relations.reset(in.text.relations.size());
        out.weights.reset(in.text.weights.size());
        for (int at = 0; at < rules; ++at)
            for (int body = 0; body < in.text.rules[at].literals; ++body) {
                const literal& item = literal_of(at, body);
                if (item.kind != literal_kind::relation) continue;
                const int definer = in.relations[item.relation].rule;
                // What a block takes from outside is computed once, outside; what is read at sums
                // of variables, before.
                if (definer < 0 || in.relations[item.relation].uses != 1 ||
                    in.text.rules[definer].scope != in.text.rules[at].scope ||
                    in.text.rules[definer].views || in.text.rules[at].views)
                    continue;
                user[definer] = at;
                user_literal[definer] = body;
            }
        prepared.reset(rules);
        for (int at : in.order) prepared[at] = follows_from_parameters(at);
    }

    constexpr const literal& literal_of(int rule, int body) const {
        return in.text.literals[in.text.rules[rule].first_literal + body];
    }
    constexpr const relation_shape& head_of(int rule) const {
        return in.relations[in.text.rules[rule].head];
    }
    constexpr bool is_private(int rule) const {
        return user[rule] >= 0 && !head_of(rule).output && in.text.rules[user[rule]].repeat == 0 &&
               !is_block_output(rule) && !rule_of(rule).recurs.partial &&
               rule_of(rule).recurs.loop == rule_of(user[rule]).recurs.loop;
    }
    /// Whether neither a fact nor a count that is given has a part in the rule. Outputs are left to
    /// each call.
    constexpr bool follows_from_parameters(int at) const {
        const rule& written = rule_of(at);
        if (recurs || written.repeat || head_of(at).output || is_block_output(at) ||
            mentions_given(conditions.condition[at]))
            return false;
        for (const transformation_use& function : written.transformations)
            if (function.kind == transformation::dropout) return false;
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = literal_of(at, body);
            if (item.kind == literal_kind::index &&
                mentions_given(conditions.expression[written.first_literal + body]))
                return false;
            if (item.kind != literal_kind::relation) continue;
            const int definer = in.relations[item.relation].rule;
            if (definer < 0 || !prepared[definer]) return false;
        }
        return true;
    }
    constexpr bool mentions_given(int root) const {
        if (root < 0) return false;
        const node& top = out.pool.nodes[root];
        return top.kind == node_kind::count || top.kind == node_kind::same_symbol ||
               top.kind == node_kind::pair || mentions_given(top.left) || mentions_given(top.right);
    }
    /// Whether the literal's numbers are another's, read at sums of variables.
    constexpr bool is_view(const literal& item) const {
        const int definer =
            item.kind == literal_kind::relation ? in.relations[item.relation].rule : -1;
        return definer >= 0 && rule_of(definer).views;
    }
    /// Of a rule that reads such numbers: whether all of these arguments lie inside.
    constexpr bool is_inside(const rule& written) const {
        const literal& item = in.text.literals[written.first_literal];
        const bool bare = item.kind == literal_kind::weight;
        for (int axis = 0; axis < (bare ? item.weight.arity : item.arity); ++axis) {
            const term& at = bare ? item.weight.terms[axis] : item.terms[axis];
            const int extent = bare ? in.weights[item.weight.weight].extents[axis]
                                    : in.relations[item.relation].extents[axis];
            if (first_of(at, written.variables) < 0 || last_of(at, written.variables) >= extent)
                return false;
        }
        return true;
    }
    constexpr bool is_block_output(int rule) const {
        const int scope = rule_of(rule).scope;
        return scope > 0 && in.block_output[scope] == rule_of(rule).head;
    }
    constexpr value_shape value_of(const literal& item) const {
        bool fits = true;
        int left = 0;
        int right = 0;
        return literal_shape(in, item, fits, left, right);
    }
    /// Whether the literal is of a sparse fact.
    constexpr bool is_sparse(const literal& item) const {
        if (item.kind != literal_kind::relation) return false;
        const int given = in.relations[item.relation].fact;
        return given >= 0 && in.facts[given].is_sparse();
    }
    /// The pairs that a relation's domain lies in.
    constexpr pair_place pairs_of(int relation) const {
        const int given = in.relations[relation].fact;
        if (given >= 0)
            return in.facts[given].is_sparse() ? pair_place{given, {0, 1}} : pair_place{};
        pair_place result;
        out.pool.each_conjunct(conditions.domain[relation], [&](int root) {
            const node& top = out.pool.nodes[root];
            if (top.kind != node_kind::pair || result.any()) return;
            const term row = out.pool.as_term(top.left);
            const term column = out.pool.as_term(top.right);
            if (row.variable < 0 || column.variable < 0 || row.variable == column.variable ||
                row.offset || column.offset)
                return;
            result = {top.value, {row.variable, column.variable}};
        });
        return result;
    }
    /// For numbers of a rule.
    constexpr int new_buffer(long long size, int rule, int parts = 1) {
        if (size > max_numbers) refuse_size(rule);
        buffer made;
        made.size = static_cast<int>(size);
        made.parts = parts;
        made.scope = rule_of(rule).scope;
        made.prepared = prepared[rule];
        return out.buffers.push(made);
    }

    constexpr void refuse_size(int rule) {
        if (!mistake.ok()) return;
        const int stacking = in.text.scopes[rule_of(rule).scope].rule;
        mistake.found = fault::more_than_2147483647_numbers;
        mistake.rule = rule_of(rule).number;
        mistake.relation = in.text.relations[rule_of(rule).head].id;
        mistake.stacked_by = stacking < 0 ? -1 : in.text.rules[stacking].number;
    }

    /// How many times a rule in a recursion has atoms for; its numbers are kept for each.
    constexpr int times_of(const rule& written) const {
        return written.recurs.loop < 0
                   ? 1
                   : in.relations[written.head].extents[written.recurs.argument];
    }
    /// What the time adds to an operand of a rule.
    constexpr void add_time(operand& to, const rule& written, int stride) const {
        const int level = depth_of(written.scope);
        to.layer_strides[level] += stride;
        if (to.where == place::value) to.adjoint_layer_strides[level] += stride;
    }

    // Operands. Those of the workspace hold their buffer's number until memory is laid out.

    constexpr operand relation_operand(int relation) const {
        const relation_layout& layout = out.relations[relation];
        operand result;
        if (layout.where == place::parameter) {
            result = weight_operand(in.text.literals[layout.index].weight);
            result.offset += layout.offset;
            return result;
        }
        result.where = layout.where;
        result.index = layout.index;
        result.offset = layout.offset;
        result.trained = true;
        result.part = layout.part;
        result.each_layer = layout.each_layer;
        return result;
    }
    constexpr operand weight_operand(const weight_use& use) const {
        operand result;
        result.where = place::parameter;
        result.offset = out.weights[use.weight].offset;
        result.trained = !use.frozen;
        const int scope = in.text.weights[use.weight].scope;
        result.offset += out.scope_offset[scope];
        int level = depth_of(scope);
        for (int at = scope; at > 0; at = in.text.scopes[at].parent)
            result.layer_strides[--level] =
                in.text.scopes[at].shares ? 0 : out.scope_parameters[at];
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
