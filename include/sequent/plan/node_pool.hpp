#pragma once

#include "source.hpp"

/// The nodes of conditions and index expressions, which all rules share.

namespace sequent::inline SEQUENT_ABI::plan {

/// Nodes without duplicates: equal expressions have equal numbers.
template <int Capacity>
struct node_pool {
    list<node, Capacity> nodes{};

    /// The number of a node, which is added if it is new. Comparisons are brought into one form.
    constexpr int add(node_kind kind, int value, int left = -1, int right = -1) {
        if (kind == node_kind::greater) return add(node_kind::less, value, right, left);
        if (kind == node_kind::greater_equal) return add(node_kind::less_equal, value, right, left);
        // `!(i >= n)`, `i <= n - 1` and `i + 1 <= n` are `i < n`.
        if (kind == node_kind::negation) {
            const node of = nodes[left];
            if (of.kind == node_kind::less) return add(node_kind::less_equal, 0, of.right, of.left);
            if (of.kind == node_kind::less_equal) return add(node_kind::less, 0, of.right, of.left);
            if (of.kind == node_kind::equal) return add(node_kind::not_equal, 0, of.left, of.right);
            if (of.kind == node_kind::not_equal) return add(node_kind::equal, 0, of.left, of.right);
        }
        if (kind == node_kind::less_equal) {
            if (is_moved(right, -1)) return add(node_kind::less, 0, left, nodes[right].left);
            if (is_moved(left, 1)) return add(node_kind::less, 0, nodes[left].left, right);
        }
        for (int at = 0; at < nodes.size(); ++at)
            if (nodes[at].kind == kind && nodes[at].value == value && nodes[at].left == left &&
                nodes[at].right == right)
                return at;
        return nodes.push({kind, value, left, right});
    }
    /// The conjunction of two conditions; -1 is the condition that always holds.
    constexpr int both(int left, int right) {
        if (left < 0 || left == right) return right;
        if (right < 0) return left;
        return add(node_kind::conjunction, 0, left, right);
    }
    /// The node of an argument.
    constexpr int at_term(const term& written) {
        const int constant = add(node_kind::constant, written.offset);
        if (written.variable < 0 && written.second < 0) return constant;
        int sum = written.variable < 0 ? -1 : add(node_kind::variable, written.variable);
        if (written.second >= 0) {
            const int factor = written.factor < 0 ? -written.factor : written.factor;
            int second = add(node_kind::variable, written.second);
            if (factor != 1)
                second = add(node_kind::multiply, 0, add(node_kind::constant, factor), second);
            sum = sum < 0 ? second
                          : add(written.factor < 0 ? node_kind::subtract : node_kind::add, 0, sum,
                                second);
        }
        return written.offset ? add(node_kind::add, 0, sum, constant) : sum;
    }
    /// The variables of an expression, one bit each.
    constexpr unsigned variables(int root) const {
        if (root < 0) return 0;
        const node& top = nodes[root];
        if (top.kind == node_kind::variable) return 1u << top.value;
        return variables(top.left) | variables(top.right);
    }
    /// Calls visit(node) for each conjunct.
    template <class Visit>
    constexpr void each_conjunct(int root, Visit visit) const {
        if (root < 0) return;
        const node& top = nodes[root];
        if (top.kind != node_kind::conjunction) return visit(root);
        each_conjunct(top.left, visit);
        each_conjunct(top.right, visit);
    }
    /// Returns true if each conjunct of `part` is a conjunct of `whole`.
    constexpr bool holds_conjuncts(int whole, int part) const {
        if (part < 0 || whole == part) return true;
        if (whole < 0) return false;
        const node& top = nodes[part];
        if (top.kind == node_kind::conjunction)
            return holds_conjuncts(whole, top.left) && holds_conjuncts(whole, top.right);
        const node& among = nodes[whole];
        return among.kind == node_kind::conjunction &&
               (holds_conjuncts(among.left, part) || holds_conjuncts(among.right, part));
    }
    /// Returns true if two conditions have the same conjuncts, in any order.
    constexpr bool same_conjuncts(int left, int right) const {
        return holds_conjuncts(left, right) && holds_conjuncts(right, left);
    }
    /// Returns true if the node is another node plus `by`.
    constexpr bool is_moved(int root, int by) const {
        const node& top = nodes[root];
        if (top.kind != node_kind::add && top.kind != node_kind::subtract) return false;
        const node& moved = nodes[top.right];
        return moved.kind == node_kind::constant &&
               moved.value == (top.kind == node_kind::add ? by : -by);
    }
    /// The inverse of at_term. Returns false if the expression is no such argument.
    constexpr bool as_term(int root, term& to) const {
        to = {};
        return add_to_term(root, 1, to);
    }
    /// A copy of the tree with each variable v replaced by terms[v].
    template <class Nodes>
    constexpr int substitute(const Nodes& from, int root, const term* terms) {
        if (root < 0) return -1;
        const node top = from[root];
        if (top.kind == node_kind::variable) return at_term(terms[top.value]);
        const int left = substitute(from, top.left, terms);
        const int right = substitute(from, top.right, terms);
        return add(top.kind, top.value, left, right);
    }

  private:
    /// Adds a factor times an expression to an argument. Returns false if that is none.
    constexpr bool add_to_term(int root, int factor, term& to) const {
        const node& top = nodes[root];
        switch (top.kind) {
            case node_kind::constant:
                to.offset += factor * top.value;
                return true;
            case node_kind::variable:
                if (factor == 1 && to.variable < 0) {
                    to.variable = top.value;
                    return true;
                }
                if (to.second >= 0) return false;
                to.second = top.value;
                to.factor = factor;
                return true;
            case node_kind::add:
                return add_to_term(top.left, factor, to) && add_to_term(top.right, factor, to);
            case node_kind::subtract:
                return add_to_term(top.left, factor, to) && add_to_term(top.right, -factor, to);
            case node_kind::multiply:
                return nodes[top.left].kind == node_kind::constant &&
                       add_to_term(top.right, factor * nodes[top.left].value, to);
            default:
                return false;
        }
    }
};

/// The capacity of the pool of a program.
constexpr int pool_size(int nodes, int literals) {
    return 8 * nodes + 12 * literals + 32;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
