#pragma once

#include <set>
#include <string>

#include "names.hpp"
#include "planned.hpp"

/// What of the planner and the runners a program exercises, in words that are counted.

namespace random_programs {

class coverage {
  public:
    std::set<std::string> words{};

    explicit coverage(const planned& of) : shapes_(of.shapes), tables_(*of.steps) {
        for (int at = 0; at < tables_.steps.size(); ++at) add_step(tables_.steps[at]);
        for (const plan::weight_layout& layout : tables_.weights) {
            if (layout.packed) words.insert("layout packed");
            if (layout.interleaved >= 0) words.insert("layout interleaved");
            if (layout.group >= 0) words.insert("layout grouped");
        }
        if (!of.state) {
            words.insert("state refused: " + enumerator_name(of.obstacle.why));
            return;
        }
        words.insert("state rows");
        if (of.state->column_window > 0) words.insert("state window of columns");
        for (const plan::row_window& window : of.state->windows)
            words.insert(window.ahead > 0 ? "state window, ahead" : "state window");
        for (int at = 0; at < tables_.steps.size(); ++at) {
            if (of.rows->once[at]) continue;
            if (of.rows->in_time[at]) words.insert("state recursion");
            if (tables_.steps[at].kind == plan::step_kind::general) words.insert("state general");
            if (of.state->lead[at] > 0) words.insert("state lead");
            if (tables_.steps[at].kind == plan::step_kind::attention &&
                of.state->kept[tables_.steps[at].at].ahead > 0)
                words.insert("state columns ahead");
            if (tables_.steps[at].kind == plan::step_kind::general &&
                of.state->bounds[tables_.steps[at].at].runs)
                words.insert("state running aggregate");
        }
        for (int at = 0; at < tables_.steps.size(); ++at)
            if (of.rows->once[at]) words.insert("state once");
    }

  private:
    const shaped& shapes_;
    const tables& tables_;

    void add_step(const plan::step& step) {
        const std::string kind = enumerator_name(step.kind);
        words.insert("step " + kind);
        if (step.prepared) words.insert("step " + kind + ", prepared");
        if (step.recurs) words.insert("step " + kind + " of a recursion");
        if (step.kind == plan::step_kind::rows) add_rows(tables_.rows[step.at]);
        if (step.kind == plan::step_kind::attention) add_attention(tables_.attentions[step.at]);
        if (step.kind == plan::step_kind::general) add_general(tables_.generals[step.at]);
        if (const plan::rule& written = shapes_.text.rules[step.rule]; written.repeat > 0)
            words.insert("stack");
    }

    void add_rows(const plan::row_step& row) {
        for (const plan::row_term& term : row.terms) {
            words.insert("row term " + enumerator_name(term.kind));
            if (term.splits() > 1) words.insert("row term splits");
            if (term.kind == plan::term_kind::window)
                words.insert(term.w.at.where == plan::place::none ? "row term sum of a window"
                                                                  : "row term scaled window");
            if (term.moves())
                words.insert(term.bounded() ? "row term window, bounded" : "row term window");
            if (term.loops[0].window.any() && term.loops[1].window.any())
                words.insert("row term window of two indices");
            if (term.indexed != plan::side::none) words.insert("row term by a pair");
        }
        for (const plan::row_function& function : row.functions)
            words.insert("row function " + enumerator_name(function.kind));
        if (row.functions.size() > 1) words.insert("row functions, chained");
        if (row.before.at.where != plan::place::none) words.insert("row sum, kept");
        if (row.segments > 1) words.insert("row segments");
        if (row.outers > 0) words.insert("row outer loops");
        if (row.multiplies) words.insert("row product of terms");
        if (row.is_outer) words.insert("row outer product");
        if (row.pairs >= 0) words.insert("row pairs");
        if (row.counts != 0) words.insert("row count");
        if (row.condition >= 0) words.insert("row condition");
    }

    void add_attention(const plan::attention_step& attention) {
        for (const plan::score_node& node : attention.nodes) {
            words.insert("score " + enumerator_name(node.kind));
            if (node.kind == plan::score_kind::function)
                words.insert("score function " + enumerator_name(node.function));
        }
        if (attention.is_prepared()) words.insert("attention, prepared");
        if (attention.outers > 0) words.insert("attention outer loops");
        if (attention.scores.at.where != plan::place::none) words.insert("attention, kept scores");
        if (attention.condition < 0) {
            words.insert("mask none");
            return;
        }
        const int rounds = plan::different_rounds(tables_.pool, attention);
        if (rounds > 1) words.insert("mask by rounds");
        for (int round = 0; round < rounds; ++round) {
            auto condition = plan::condition_in_round(tables_.pool.nodes, attention, round);
            const plan::mask_form form =
                plan::form_of(condition, attention.row_variable, attention.column_variable);
            if (form.is_table) words.insert(form.clips() ? "mask table, clipped" : "mask table");
            if (!form.is_table)
                words.insert("mask pieces " + std::to_string(form.where.pieces.size()));
            for (const plan::piece& part : form.where.pieces)
                if (part.modulus > 1 || part.row_modulus > 1) words.insert("mask lattice");
        }
    }

    void add_general(const plan::general_step& general) {
        words.insert("general combination " + enumerator_name(general.combined));
        words.insert("general aggregation " + enumerator_name(general.aggregated));
        for (const plan::general_function& function : general.functions)
            words.insert("general function " + enumerator_name(function.kind));
        if (general.running_row >= 0)
            words.insert("general running " + enumerator_name(general.aggregated));
        if (general.joins.size() > 0) words.insert("general joins");
        if (general.choice >= 0) words.insert("general choice of pairs");
        if (general.listed.decision >= 0) words.insert("general list of pairs");
        for (const plan::general_literal& item : general.literals) {
            words.insert("general literal " + enumerator_name(item.kind));
            if (item.has_element) words.insert("general literal element");
            if (item.transposed) words.insert("general literal transposed");
            if (item.symbols) words.insert("general literal symbol");
            if (item.required_nonzero) words.insert("general literal hidden");
            if (item.required_zero) words.insert("general literal negated");
            if (item.join >= 0) words.insert("general literal by a pair");
        }
    }
};

}  // namespace random_programs
