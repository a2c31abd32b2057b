#pragma once

#include "steps.hpp"

/// The data of planning: the role of each rule, the layouts of relations and weights, and the
/// buffers, while steps are chosen.

namespace sequent::inline SEQUENT_ABI::plan {

/// The way in which a rule is computed.
enum class role {
    step,      ///< by a step of its own
    inlined,   ///< as terms of the step of the one rule that reads it
    absorbed,  ///< as a part of the score of an attention step, or as its weights
    grouped,   ///< in one step with other products of the same input
    alias      ///< not at all: it reads the elements of another relation with other strides
};

/// The sparse fact whose pairs two arguments of a relation are, if there is one.
struct pair_place {
    int fact = -1;     ///< number of the fact; -1: none
    int axes[2]{};     ///< the arguments
    bool all = false;  ///< all arguments, of a fact with another number of them

    /// Returns true if there is a fact.
    constexpr bool any() const { return fact >= 0; }
    /// Returns true if the argument is one of them.
    constexpr bool has(int axis) const {
        return any() && (all || axis == axes[0] || axis == axes[1]);
    }
};

/// The storage of a relation: a fact, a buffer, or (for a parameter) the literal that reads the
/// weight. The elements of an atom are contiguous. A relation that holds only for pairs of a sparse
/// fact has one atom per pair, and the strides of the two arguments are zero.
struct relation_layout {
    place where = place::none;     ///< the memory
    int index = -1;                ///< number of the fact, buffer or literal
    int offset = 0;                ///< of the first atom
    int strides[max_arity]{};      ///< strides of the arguments
    int part = 0;                  ///< part of the buffer
    bool each_layer = false;       ///< each layer uses the next part
    pair_place pairs{};            ///< the pairs for which there are atoms
    int pair_stride = 0;           ///< stride from pair to pair
    unsigned counts[max_arity]{};  ///< counts that limit each argument, one bit each
};

/// The storage of a weight in the parameters of its scope. The default is input-major: all outputs
/// of one input are contiguous, in the order in which the forward product reads them.
struct weight_layout {
    int offset = -1;           ///< of the first element; -1: not laid out yet
    int strides[max_arity]{};  ///< strides of the arguments
    int row = 0;               ///< stride from row to row
    int column = 0;            ///< stride from column to column
    bool packed = false;       ///< a table that stores only the columns up to each row
    int interleaved = -1;      ///< the argument whose values stand between input and output
    int group = -1;            ///< the group of products of which it is one; -1: none
    int group_column = 0;      ///< its first column in the group
};

/// A part of the workspace, or of the prepared values.
struct buffer {
    int size = 0;               ///< number of elements
    int parts = 1;              ///< of a stack's input: one for each layer, and one for the output
    int scope = 0;              ///< the block in which it is written
    int copies = 1;             ///< one per layer, if the backward pass of a stack needs them all
    int first = never;          ///< first use of the values, as the number of a step
    int last = -1;              ///< last use of the values
    int adjoint_first = never;  ///< first use of the gradient
    int adjoint_last = -1;      ///< last use of the gradient
    int offset = 0;             ///< in its memory, once that is laid out
    int adjoint = -1;           ///< offset of the gradient
    bool prepared = false;      ///< the values depend on parameters only
    bool lasts = false;         ///< an index of pairs, which steps read without an operand
    unsigned counts = 0;        ///< counts beyond which rows are not read, one bit each; 0: all are
    int row = 0;                ///< elements of such a row
    int beyond = 0;             ///< further rows that are read

    /// The part of the gradient that is set to zero before it is first written.
    constexpr birth adjoint_birth() const {
        if (counts == 0) return {adjoint, size};
        return {adjoint, size / parts, parts, counts, row, beyond};
    }
};

/// The offset of a row of a packed table, which is the number of elements before it.
constexpr int packed_row(int row) {
    return static_cast<int>(1LL * row * (row + 1) / 2);
}

/// Products of one input with several weights, computed as one product.
struct group {
    int first_rule = -1;  ///< the rule whose step computes them
    int columns = 0;      ///< outputs of all members
    int buffer = -1;      ///< the buffer of the results
};

/// The result of planning: steps, layouts and sizes.
template <sizes Sizes, int Facts>
struct plan_tables {
    static constexpr int rule_capacity = Sizes.rules;
    /// Capacity of relations.
    static constexpr int relation_capacity = Sizes.rules + Sizes.literals;
    /// Capacity of weights.
    static constexpr int weight_capacity =
        decltype(shaped<Sizes, Facts>{}.text.weights)::capacity();

    list<step, Sizes.rules * 2> steps{};  ///< all steps, in the order of the forward pass
    list<row_step, Sizes.rules> rows{};   ///< row steps
    list<attention_step, Sizes.rules> attentions{};        ///< attention steps
    list<general_step, Sizes.rules> generals{};            ///< general steps
    list<carried_value, Sizes.scopes> carried{};           ///< what fixpoints pass on
    list<relation_layout, relation_capacity> relations{};  ///< storage of relations
    list<weight_layout, weight_capacity> weights{};        ///< storage of weights
    list<buffer, Sizes.rules * 3 + 4> buffers{};           ///< buffers
    decltype(domains<Sizes>{}.pool) pool{};                ///< nodes of conditions
    int parameters = 0;                                    ///< elements of all parameters
    int workspace = 0;                                     ///< elements of the workspace
    int prepared = 0;                      ///< elements that depend on parameters only
    int scope_parameters[Sizes.scopes]{};  ///< elements of the parameters of one layer
    int scope_offset[Sizes.scopes]{};      ///< offset of the parameters of each scope
};

/// The steps of a program before memory is laid out: operands in the workspace hold the number of
/// their buffer, and buffers have no offsets. It is built once and laid out for training, inference
/// and step.
template <sizes Sizes, int Facts>
struct drafted {
    const shaped<Sizes, Facts>& in;   ///< the program
    plan_tables<Sizes, Facts> out{};  ///< the steps
    bool recurs = false;              ///< the program has a recursion
    diagnosis mistake{};              ///< something is too large to be laid out

    constexpr explicit drafted(const shaped<Sizes, Facts>& program) : in(program) {
        for (int at : in.order) recurs = recurs || in.text.rules[at].recurs.loop >= 0;
    }

    /// Rule number `at`.
    constexpr const rule& rule_of(int at) const { return in.text.rules[at]; }
    /// Returns true if the relation depends on parameters only.
    constexpr bool is_prepared(const relation_layout& layout) const {
        return layout.where == place::value && out.buffers[layout.index].prepared;
    }
    /// The number of layers of a scope, of all stacks around it.
    constexpr int copies_of(int scope) const {
        int copies = 1;
        for (; scope > 0; scope = in.text.scopes[scope].parent)
            copies *= in.text.scopes[scope].repeat;
        return copies;
    }
    /// The number of stacks around a scope.
    constexpr int depth_of(int scope) const {
        int depth = 0;
        for (; scope > 0; scope = in.text.scopes[scope].parent) ++depth;
        return depth;
    }
};

/// The range of an argument that is moved: x(i - 1), or x(i - k)[W(k)] summed over k.
struct window_axis {
    bool bounded = false;  ///< some values are outside of x
    int extent = never;    ///< values are less than this
    unsigned counts = 0;   ///< and less than these counts, one bit each
};

/// The window of a rule that sums its one literal.
struct window_rule {
    bool found = false;                   ///< the rule has this form
    window_axis axes[max_split_loops]{};  ///< of the moved arguments, in their order
    int scale = -1;                       ///< the literal that is a weight, multiplied elementwise
    int rest = -1;                        ///< node of the other conditions
};

/// The steps while they are chosen.
template <sizes Sizes, int Facts>
struct draft : drafted<Sizes, Facts> {
    using base = drafted<Sizes, Facts>;
    using base::depth_of, base::in, base::mistake, base::out, base::recurs, base::rule_of;
    static constexpr int rule_capacity = Sizes.rules;

    const domains<Sizes>& conditions;       ///< the conditions of the rules
    list<role, Sizes.rules> roles{};        ///< of each rule
    list<int, Sizes.rules> group_of{};      ///< the group of each rule; -1: none
    list<int, Sizes.rules> user{};          ///< the one rule that reads each rule's relation, or -1
    list<int, Sizes.rules> user_literal{};  ///< the literal of that rule which reads it
    list<group, Sizes.rules> groups{};      ///< groups of products
    list<bool, Sizes.rules> prepared{};     ///< rules that depend on parameters only
    list<window_rule, Sizes.rules> windows{};  ///< the window of each rule

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
                // A relation that a block reads from outside is computed once, outside. A relation
                // that is read at sums of variables is computed before.
                if (definer < 0 || in.relations[item.relation].uses != 1 || !item.gives_value() ||
                    rule_of(definer).chooses() ||
                    in.text.rules[definer].scope != in.text.rules[at].scope ||
                    in.text.rules[definer].views || in.text.rules[at].views)
                    continue;
                user[definer] = at;
                user_literal[definer] = body;
            }
        prepared.reset(rules);
        for (int at : in.order) prepared[at] = follows_from_parameters(at);
    }

    /// Literal number `body` of a rule.
    constexpr const literal& literal_of(int rule, int body) const {
        return in.text.literals[in.text.rules[rule].first_literal + body];
    }
    /// The shape of the relation in the head of a rule.
    constexpr const relation_shape& head_of(int rule) const {
        return in.relations[in.text.rules[rule].head];
    }
    /// Returns true if only one rule reads the relation, so that it needs no memory of its own.
    constexpr bool is_private(int rule) const {
        return user[rule] >= 0 && !head_of(rule).output && in.text.rules[user[rule]].repeat == 0 &&
               !is_block_output(rule) && !rule_of(rule).recurs.partial &&
               rule_of(rule).recurs.loop == rule_of(user[rule]).recurs.loop;
    }
    /// Returns true if the rule depends on no fact and no count. Outputs are computed in each
    /// call.
    constexpr bool follows_from_parameters(int at) const {
        const rule& written = rule_of(at);
        if (recurs || written.repeat || written.chooses() || head_of(at).output ||
            is_block_output(at) || mentions_given(conditions.condition[at]))
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
    /// Returns true if an expression depends on counts or facts.
    constexpr bool mentions_given(int root) const {
        if (root < 0) return false;
        const node& top = out.pool.nodes[root];
        return top.kind == node_kind::count || top.kind == node_kind::same_symbol ||
               top.kind == node_kind::pair || mentions_given(top.left) || mentions_given(top.right);
    }
    /// Returns true if the literal reads another relation at sums of variables.
    constexpr bool is_view(const literal& item) const {
        const int definer =
            item.kind == literal_kind::relation ? in.relations[item.relation].rule : -1;
        return definer >= 0 && rule_of(definer).views;
    }
    /// Returns true if all arguments of such a literal are within its relation.
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
    /// Returns true if the relation of the rule is the output of its block.
    constexpr bool is_block_output(int rule) const {
        const int scope = rule_of(rule).scope;
        return scope > 0 && in.block_output[scope] == rule_of(rule).head;
    }
    /// The shape of the value of a literal.
    constexpr value_shape value_of(const literal& item) const {
        bool fits = true;
        int left = 0;
        int right = 0;
        return literal_shape(in, item, fits, left, right);
    }
    /// Returns true if the literal is an atom of a sparse fact, or asks whether an atom is chosen.
    constexpr bool is_sparse(const literal& item) const {
        if (item.kind != literal_kind::relation) return false;
        if (in.relations[item.relation].chosen >= 0) return !item.gives_value();
        const int given = in.relations[item.relation].fact;
        return given >= 0 && in.facts[given].is_sparse();
    }
    /// The sparse fact whose pairs include the domain of a relation.
    constexpr pair_place pairs_of(int relation) const {
        const int given = in.relations[relation].fact;
        if (given >= 0)
            return in.facts[given].is_sparse()
                       ? pair_place{given, {0, 1}, in.facts[given].indices != 2}
                       : pair_place{};
        pair_place result;
        out.pool.each_conjunct(conditions.domain[relation], [&](int root) {
            const node& top = out.pool.nodes[root];
            if (top.kind != node_kind::pair || result.any()) return;
            // A caller does not know which pairs were chosen: an output has all.
            if (in.relations[relation].output && in.relations[relation].chosen < 0 &&
                in.is_choice(top.value))
                return;
            term row;
            term column;
            if (!out.pool.as_term(top.left, row) || !out.pool.as_term(top.right, column) ||
                row.second >= 0 || column.second >= 0)
                return;
            if (row.variable < 0 || column.variable < 0 || row.variable == column.variable ||
                row.offset || column.offset)
                return;
            result = {top.value, {row.variable, column.variable}};
        });
        return result;
    }
    /// Adds a buffer for the values of a rule and returns its number.
    constexpr int new_buffer(long long size, int rule, int parts = 1) {
        if (size > max_numbers) refuse_size(rule);
        buffer made;
        made.size = static_cast<int>(size);
        made.parts = parts;
        made.scope = rule_of(rule).scope;
        made.prepared = prepared[rule];
        return out.buffers.push(made);
    }

    /// Reports that the values of a rule are too large.
    constexpr void refuse_size(int rule) {
        if (!mistake.ok()) return;
        const int stacking = in.text.scopes[rule_of(rule).scope].rule;
        mistake.found = fault::more_than_2147483647_numbers;
        mistake.rule = rule_of(rule).number;
        mistake.relation = in.text.relations[rule_of(rule).head].id;
        mistake.stacked_by = stacking < 0 ? -1 : in.text.rules[stacking].number;
    }

    /// The number of times for which a rule in a recursion stores values.
    constexpr int times_of(const rule& written) const {
        return written.recurs.loop < 0
                   ? 1
                   : in.relations[written.head].extents[written.recurs.argument];
    }
    /// Adds the stride of the time to an operand of a rule.
    constexpr void add_time(operand& to, const rule& written, int stride) const {
        const int level = depth_of(written.scope);
        to.layer_strides[level] += stride;
        if (to.where == place::value) to.adjoint_layer_strides[level] += stride;
    }

    // Operands. In the workspace they hold the number of their buffer until memory is laid out.

    /// The operand of a relation.
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
    /// The operand of a weight.
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
                in.text.scopes[at].shares() ? 0 : out.scope_parameters[at];
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
