#pragma once

#include "compare.hpp"

/// Interprets the plan of a state: a few rows at a time, on what is kept of those before. And the
/// steps of an ordinary plan for some rows alone.

namespace random_programs {

class state_machine {
  public:
    /// `given` holds all rows of the facts; the state takes them as it is given them.
    state_machine(const memory& given, const planned& of)
        : given_(&given), plan_(of), state_(*of.state), tables_(of.state->steps), now_(given) {
        now_.nodes = &tables_.pool.nodes;
        now_.shapes = &of.shapes;
        now_.workspace.values.assign(to_size(tables_.workspace), dead);
        now_.prepared.values.assign(to_size(tables_.prepared), dead);
        for (int at = 0; at < tables_.steps.size(); ++at)
            computes_once_ = computes_once_ || of.rows->once[at];
        const auto add = [&](const plan::kept_operand& kept) {
            computes_once_ = computes_once_ || (kept.kept && !kept.moves);
        };
        for (const plan::kept_attention& kept : state_.kept) {
            add(kept.value);
            for (const plan::kept_operand& node : kept.nodes) add(node);
        }
        now_.origins.assign(to_size(state_.windows.size() + 1), 0);
        for (int at = 0; at < plan_.shapes.facts.size(); ++at)
            if (const plan::fact_shape& fact = plan_.shapes.facts[at]; is_along(at) && fact.up_to)
                now_.counts[to_size(fact.length)] = fact.extents[0];
        for (int at = 0; at < plan_.shapes.facts.size(); ++at) keep_fact(at);
        prepare(0, tables_.steps.size());
        forget_runs();
    }

    int rows() const { return state_.rows; }
    int block() const { return state_.block; }

    bool can_truncate() const { return state_.lost.rule < 0; }
    int position() const { return position_; }
    void truncate(int position) {
        position_ = position;
        for (int at = 0; at < state_.windows.size(); ++at) {
            int& first = now_.origins[to_size(at + 1)];
            const int grain = state_.windows[at].grain;
            first = std::min(first, position / grain * grain);
        }
    }
    /// Rows are taken from here.
    void give(const memory& from) { given_ = &from; }

    /// Computes the next rows, at most a block.
    void run(int count) {
        enter(count, position_ == 0);
        run_steps({this}, 0, tables_.steps.size(), position_ == 0);
        leave();
    }
    /// Computes the next row of several sequences, step by step.
    static void run_together(const std::vector<state_machine*>& all) {
        std::vector<state_machine*> joined;
        for (state_machine* each : all)
            if (each->steps_alone())
                each->run(1);
            else
                joined.push_back(each);
        if (joined.empty()) return;
        for (state_machine* each : joined) each->enter(1, false);
        joined.front()->run_steps(joined, 0, joined.front()->tables_.steps.size(), false);
        for (state_machine* each : joined) each->leave();
    }
    bool steps_alone() const { return (position_ == 0 && computes_once_) || plan::recurs(tables_); }
    /// Row `row` of an output, one of the last run.
    numbers output_row(int at, int row) {
        numbers result;
        const int output = plan_.shapes.outputs[at];
        const int index = tables_.relations[output].index;
        const int size = state_.row_size[index];
        view all = view_of_relation(plan_.shapes, tables_, output);
        if (size > 0) {
            all.extents.erase(all.extents.begin());
            all.strides.erase(all.strides.begin());
        }
        all.each([&](std::ptrdiff_t place) {
            result.push_back(now_.workspace.at(
                place + static_cast<std::ptrdiff_t>(row - first_row_of(index)) * size));
        });
        return result;
    }
    /// Whether an output has a row for each position.
    bool has_rows(int at) const {
        return state_.row_size[tables_.relations[plan_.shapes.outputs[at]].index] > 0;
    }

  private:
    const memory* given_;
    const planned& plan_;
    const state_tables& state_;
    const tables& tables_;
    memory now_;
    bool computes_once_ = false;
    int position_ = 0;
    int time_ = -1;
    row_range range_{};  // at hand

    void enter(int count, bool first) {
        range_ = {position_, position_ + count};
        now_.origins[0] = range_.begin;
        slide(range_);
        for (int at = 0; at < plan_.shapes.facts.size(); ++at) {
            given_fact& to = now_.facts[to_size(at)];
            const given_fact& from = given_->facts[to_size(at)];
            if (is_along(at) && state_.keeps_fact[at]) {
                add_rows(at, range_);
            } else if (is_along(at)) {
                take_rows(plan_.shapes.facts[at], from, range_, to);
            } else if (!state_.reads_fact[at] && !(first && computes_once_)) {
                // Only what is read later has been copied.
                to.values.values.clear();
                to.symbols.clear();
            } else {
                to = from;
            }
        }
        find_runs(range_);
        poison_new_run();
    }
    void leave() {
        advance(tables_.steps.size());
        position_ = range_.end;
    }

    bool is_along(int fact) const { return ((plan_.rows->sequences >> fact) & 1u) != 0; }

    static void take_rows(const plan::fact_shape& shape, const given_fact& from, row_range range,
                          given_fact& to) {
        const std::ptrdiff_t size = shape.size() / shape.extents[0];
        const auto part = [&](const auto& all) {
            using list = std::decay_t<decltype(all)>;
            if (all.empty()) return list{};
            return list(all.begin() + range.begin * size, all.begin() + range.end * size);
        };
        to.values.values = part(from.values.values);
        to.symbols = part(from.symbols);
    }

    void forget_runs() {
        for (int at = 0; at < plan_.shapes.text.compared.size(); ++at) {
            const int fact = plan::compared_fact(plan_.shapes, at);
            if (!is_along(fact)) continue;
            const int size = plan_.shapes.facts[fact].extents[0];
            const int begins = now_.counts[to_size(plan::given_numbers::begins_of(at))];
            for (int row = 0; row < 2 * size; ++row) now_.counts[to_size(begins + row)] = 0;
        }
    }
    void find_runs(row_range range) {
        for (int at = 0; at < plan_.shapes.text.compared.size(); ++at) {
            const int fact = plan::compared_fact(plan_.shapes, at);
            if (!is_along(fact)) continue;
            const int size = plan_.shapes.facts[fact].extents[0];
            const int begins = now_.counts[to_size(plan::given_numbers::begins_of(at))];
            const std::vector<int>& symbols = given_->facts[to_size(fact)].symbols;
            for (int row = range.begin; row < range.end; ++row) {
                const bool same = row > 0 && symbols[to_size(row)] == symbols[to_size(row - 1)];
                now_.counts[to_size(begins + row)] =
                    same ? now_.counts[to_size(begins + row - 1)] : row;
                now_.counts[to_size(begins + size + row)] = size;
            }
        }
    }

    // Rows that are kept from run to run.

    int first_row_of(int buffer) const {
        if (state_.kept_whole[buffer]) return 0;
        return now_.origins[to_size(state_.window_of[buffer])];
    }
    int first_column() const { return now_.origins[to_size(state_.column_window)]; }

    /// Room for the rows of a fact that are read again.
    void keep_fact(int at) {
        if (!state_.keeps_fact[at]) return;
        const plan::fact_shape& shape = plan_.shapes.facts[at];
        const int size = shape.size() / shape.extents[0] * rows_kept(at);
        given_fact& to = now_.facts[to_size(at)];
        to.values.values.assign(
            given_->facts[to_size(at)].values.values.empty() ? 0 : to_size(size), dead);
        to.symbols.assign(given_->facts[to_size(at)].symbols.empty() ? 0 : to_size(size), 0);
    }
    int rows_kept(int fact) const {
        const int window = state_.fact_window[fact];
        return window > 0 ? state_.windows[window - 1].capacity : state_.rows;
    }
    void add_rows(int at, row_range range) {
        given_fact added;
        take_rows(plan_.shapes.facts[at], given_->facts[to_size(at)], range, added);
        given_fact& to = now_.facts[to_size(at)];
        const int window = state_.fact_window[at];
        const int first = window > 0 ? now_.origins[to_size(window)] : 0;
        const plan::fact_shape& shape = plan_.shapes.facts[at];
        const std::size_t from = to_size((range.begin - first) * (shape.size() / shape.extents[0]));
        for (std::size_t each = 0; each < added.values.values.size(); ++each)
            to.values.values.at(from + each) = added.values.values[each];
        for (std::size_t each = 0; each < added.symbols.size(); ++each)
            to.symbols.at(from + each) = added.symbols[each];
    }

    /// Makes room for the rows at hand: where a window is full, its first rows give way.
    void slide(row_range range) {
        for (int at = 0; at < state_.windows.size(); ++at) {
            const plan::row_window& window = state_.windows[at];
            int& first = now_.origins[to_size(at + 1)];
            const int next = window.first(first, range.begin, range.end);
            const int away = next - first;
            if (away == 0) continue;
            first = next;
            const int rows = range.begin + window.ahead - next;
            for (const plan::window_place& place : state_.places)
                if (place.window == at)
                    for (int line = 0; line < place.lines; ++line)
                        move(now_.workspace, place.offset + line * place.pitch, away * place.row,
                             rows * place.row, window.capacity * place.row);
            for (int fact = 0; fact < plan_.shapes.facts.size(); ++fact) {
                if (!state_.keeps_fact[fact] || state_.fact_window[fact] != at + 1) continue;
                const plan::fact_shape& shape = plan_.shapes.facts[fact];
                const int row = shape.size() / shape.extents[0];
                given_fact& of = now_.facts[to_size(fact)];
                if (!of.values.values.empty())
                    move(of.values, 0, away * row, rows * row, window.capacity * row);
                if (!of.symbols.empty())
                    std::copy_n(of.symbols.begin() + away * row, rows * row, of.symbols.begin());
            }
        }
    }
    static void move(region& of, int offset, int away, int count, int all) {
        for (int at = 0; at < count; ++at) of.at(offset + at) = of.at(offset + at + away);
        of.fill(offset + count, all - count, dead);
    }

    // Lifetimes, within one run. What is computed once stays.

    bool stays(int index) const {
        const plan::buffer& of = tables_.buffers[index];
        return (state_.row_size[index] == 0 || state_.kept_whole[index] ||
                state_.window_of[index] > 0) &&
               of.first == 0 && of.last == tables_.steps.size();
    }
    void poison(const plan::buffer& each) {
        now_.workspace.fill(each.offset, each.size * each.copies, dead);
    }
    void poison_new_run() {
        for (int index = 0; index < tables_.buffers.size(); ++index)
            if (tables_.buffers[index].last >= 0 && !tables_.buffers[index].prepared &&
                !stays(index))
                poison(tables_.buffers[index]);
        time_ = 0;
    }
    void advance(int time) {
        for (; time_ < time; ++time_)
            for (int index = 0; index < tables_.buffers.size(); ++index) {
                const plan::buffer& each = tables_.buffers[index];
                if (each.last < 0 || each.prepared || stays(index)) continue;
                if (each.last == time_ || each.first == time_ + 1) poison(each);
            }
    }

    void prepare(int begin, int end) {
        for (int at = begin; at < end; ++at) {
            const plan::step& step = tables_.steps[at];
            if (step.kind == plan::step_kind::repeat_begin) {
                for (int round = 0; round < step.repeat; ++round) {
                    now_.layer[step.depth] = step.backward ? step.repeat - 1 - round : round;
                    prepare(at + 1, step.at);
                }
                now_.layer[step.depth] = 0;
                at = step.at;
            } else if (step.prepared) {
                machine::forward_step(now_, tables_, step);
            }
        }
    }

    /// Steps that do not follow from the sequence.
    void run_once(int begin, int end) {
        for (int at = begin; at < end; ++at) {
            const plan::step& step = tables_.steps[at];
            advance(at);
            if (step.kind == plan::step_kind::repeat_begin) {
                const int rounds = step.rounds(now_.counts.data());
                for (int round = 0; round < rounds; ++round) {
                    now_.layer[step.depth] = step.backward ? rounds - 1 - round : round;
                    run_once(at + 1, step.at);
                }
                now_.layer[step.depth] = 0;
                at = step.at;
            } else if (!step.prepared) {
                if (step.depth == 0 ||
                    step.is_run_in(now_.layer[step.depth - 1], now_.counts.data()))
                    machine::forward_step(now_, tables_, step);
            }
        }
    }

    /// Of some sequences, of which this is the first. One alone may compute several rows, or what
    /// is computed once.
    void run_steps(const std::vector<state_machine*>& all, int begin, int end, bool first) {
        for (int at = begin; at < end; ++at) {
            const plan::step& step = tables_.steps[at];
            const bool repeats = step.kind == plan::step_kind::repeat_begin;
            const int last = repeats ? step.at : at;
            for (state_machine* each : all) each->advance(at);
            if (step.prepared) continue;
            if (plan_.rows->once[at]) {
                if (first) run_once(at, last + 1);
            } else if (repeats) {
                const row_range rounds = step.recurs ? rounds_of(at) : row_range{0, step.repeat};
                for (int round = rounds.begin; round < rounds.end; ++round) {
                    now_.layer[step.depth] = round;
                    run_steps(all, at + 1, step.at, first);
                }
                now_.layer[step.depth] = 0;
            } else {
                const bool joins = all.size() > 1 && step.kind == plan::step_kind::rows &&
                                   plan::joins_sequences(tables_.rows[step.at], state_.lead[at], 0);
                for (state_machine* each : all) {
                    if (joins && each->range_of(at, each->range_, plan::never).size() != 1)
                        throw plan_fault("several rows of a sequence, where there is room for one");
                    std::copy_n(now_.layer, plan::max_loops, each->now_.layer);
                    each->run_step(at, joins ? now_ : each->now_, first);
                }
            }
            at = last;
        }
    }
    /// Of a recursion.
    row_range rounds_of(int begin) const {
        const plan::step& step = tables_.steps[begin];
        row_range rounds{step.repeat, 0};
        for (int inner = begin + 1; inner < step.at; ++inner) {
            const row_range one = range_of(inner, range_, step.repeat);
            rounds = {std::min(rounds.begin, one.begin), std::max(rounds.end, one.end)};
        }
        return rounds;
    }
    /// `weights` has those of products.
    void run_step(int at, memory& weights, bool first) {
        const plan::step& step = tables_.steps[at];
        if (plan_.rows->in_time[at]) {
            const int round = now_.layer[step.depth - 1];
            const row_range rounds = range_of(at, range_, plan::never);
            if (rounds.begin <= round && round < rounds.end &&
                step.is_run_in(round, now_.counts.data()))
                machine::forward_step(now_, tables_, step);
        } else if (step.kind == plan::step_kind::rows) {
            row_interpreter(now_, tables_.rows[step.at], weights)
                .forward(range_of(at, range_, tables_.rows[step.at].rows));
        } else if (step.kind == plan::step_kind::attention) {
            attend(step.at, range_of(at, range_, tables_.attentions[step.at].rows),
                   first && computes_once_);
        } else if (step.kind == plan::step_kind::general) {
            const plan::general_step& general = tables_.generals[step.at];
            const int variable = plan_.rows->position[at];
            general_interpreter(now_, general)
                .forward(variable, range_of(at, range_, general.extents[variable]),
                         state_.bounds[step.at]);
        } else if (step.kind != plan::step_kind::repeat_end) {
            throw plan_fault("a step that a state cannot run");
        }
    }

    /// The rows, or rounds, that a step computes of these positions.
    row_range range_of(int at, row_range range, int most) const {
        return led(range, state_.lead[at], most);
    }
    static row_range led(row_range range, int lead, int most) {
        return {std::min(most, range.begin == 0 ? 0 : range.begin + lead),
                std::min(most, range.end + lead)};
    }

    // Attention over the columns that are kept.

    static std::ptrdiff_t shift(const plan::kept_operand& of, const int* outer) {
        std::ptrdiff_t result = 0;
        for (int level = 0; level < plan::max_outers; ++level)
            result += static_cast<std::ptrdiff_t>(outer[level]) * of.outer[level];
        return result;
    }

    void keep(const plan::attention_step& step, const plan::kept_operand& of, int begin, int end,
              int first) {
        int extents[plan::max_outers];
        for (int level = 0; level < plan::max_outers; ++level)
            extents[level] = of.outer[level] > 0 ? step.outer_extents[level] : 1;
        each_outer(extents, [&](const int* outer) {
            const cursor from = now_.read(of.from.at) + outer_shift(of.from, outer);
            const cursor to = now_.write(of.to) + shift(of, outer);
            for (int column = begin; column < end; ++column)
                for (int k = 0; k < of.depth; ++k)
                    to[static_cast<std::ptrdiff_t>(k) * of.pitch + column - first] =
                        from[static_cast<std::ptrdiff_t>(column) * of.from.column + k];
        });
    }
    void keep_new(const plan::attention_step& step, const plan::kept_operand& of, row_range range,
                  bool first) {
        if (of.kept && of.moves)
            keep(step, of, range.begin, range.end, of.slides ? first_column() : 0);
        else if (of.kept && first)
            keep(step, of, 0, plan::least_count(step.column_counts, of.columns, now_.counts.data()),
                 0);
    }

    /// Number k of a column, kept or not.
    double column_number(const plan::kept_operand& of, const access& at, const int* outer,
                         int column, int k) {
        if (!of.kept)
            return (now_.read(at.at) +
                    outer_shift(at, outer))[static_cast<std::ptrdiff_t>(column) * at.column + k];
        return (now_.read(of.to) + shift(of, outer))[static_cast<std::ptrdiff_t>(k) * of.pitch +
                                                     column - (of.slides ? first_column() : 0)];
    }

    void attend(int at, row_range range, bool first) {
        const plan::attention_step& step = tables_.attentions[at];
        const plan::kept_attention& kept = state_.kept[at];
        if (kept.carries) return carry(step, kept.value, range);
        bool causal = kept.value.kept && kept.value.moves;
        const row_range added = led(range, kept.ahead, step.columns);
        keep_new(step, kept.value, added, first);
        for (int node = 0; node < step.nodes.size() && !step.is_prepared(); ++node) {
            keep_new(step, kept.nodes[node], added, first);
            causal = causal || (kept.nodes[node].kept && kept.nodes[node].moves);
        }
        masks of_step(now_, step, tables_);
        each_outer(step.outer_extents, [&](const int* outer) {
            for (int row = range.begin; row < range.end; ++row) {
                const int columns =
                    causal ? std::min(row + 1 + kept.ahead, step.columns) : step.columns;
                numbers weights(to_size(columns), 0.0);
                double most = -std::numeric_limits<double>::infinity();
                for (int column = 0; column < columns; ++column) {
                    if (of_step.visits(outer, row, column) == 0) continue;
                    double& weight = weights[to_size(column)];
                    if (step.is_prepared()) {
                        weight = (now_.read(step.weights.at) + outer_shift(step.weights, outer) +
                                  static_cast<std::ptrdiff_t>(row) * step.weights.row)[column];
                        continue;
                    }
                    weight = score(step, kept, outer, row, column);
                    most = weight > most || std::isnan(weight) ? weight : most;
                }
                numbers total(to_size(step.length), 0.0);
                double sum = 0;
                for (int column = 0; column < columns; ++column) {
                    const int visits = of_step.visits(outer, row, column);
                    if (visits == 0) continue;
                    double weight = weights[to_size(column)];
                    if (!step.is_prepared())
                        weight = visits * (step.normalizes ? std::exp(weight - most) : weight);
                    sum += weight;
                    for (int k = 0; k < step.length; ++k)
                        total[to_size(k)] +=
                            weight * column_number(kept.value, step.value, outer, column, k);
                }
                if (!step.is_prepared() && step.normalizes && sum != 0)
                    for (double& each : total) each /= sum;
                (now_.write(step.out.at) + outer_shift(step.out, outer) +
                 static_cast<std::ptrdiff_t>(row) * step.out.row)
                    .write(total);
            }
        });
    }

    // Linear attention from the state that is carried from row to row.

    /// What the row or the column adds to the exponent of the score.
    double exponent(const plan::attention_step& step, const int* outer, int place, bool column) {
        double sum = 0;
        for (const plan::score_node& node : step.nodes) {
            if (node.exponent == 0) continue;
            double factor = node.exponent;
            if (node.exponent_by >= 0) {
                const plan::score_node& by = step.nodes[node.exponent_by];
                const auto moved = outer_shift(by.x, outer);
                factor *= by.kind == plan::score_kind::index ? by.value + static_cast<double>(moved)
                                                             : (now_.read(by.x.at) + moved)[0];
            }
            const bool index = node.kind == plan::score_kind::index;
            const bool of_column = node.kind == plan::score_kind::load && node.x.column != 0;
            const std::ptrdiff_t walked =
                static_cast<std::ptrdiff_t>(place) * (column ? node.x.column : node.x.row);
            if (index)
                sum +=
                    factor *
                    (static_cast<double>(walked) +
                     (column ? 0 : node.value + static_cast<double>(outer_shift(node.x, outer))));
            else if (node.kind == plan::score_kind::number)
                sum += column ? 0 : factor * node.value;
            else if (of_column == column)
                sum += factor * (now_.read(node.x.at) + outer_shift(node.x, outer))[walked];
        }
        return sum;
    }
    static double factor(const plan::attention_step& step, int at) {
        const plan::score_node& node = step.nodes[at];
        if (node.kind == plan::score_kind::multiply)
            return factor(step, node.left) * factor(step, node.right);
        return node.kind == plan::score_kind::dot || node.kind == plan::score_kind::number
                   ? node.value
                   : 1;
    }
    void carry(const plan::attention_step& step, const plan::kept_operand& of, row_range range) {
        const plan::score_node* dot = nullptr;
        for (const plan::score_node& node : step.nodes)
            if (node.kind == plan::score_kind::dot) dot = &node;
        masks of_step(now_, step, tables_);
        each_outer(step.outer_extents, [&](const int* outer) {
            const cursor to = now_.write(of.to) + shift(of, outer);
            const std::ptrdiff_t base = static_cast<std::ptrdiff_t>(dot->depth) * of.pitch;
            for (int row = range.begin; row < range.end; ++row) {
                const double next = exponent(step, outer, row, false);
                const double fade = row == 0 ? 0 : std::exp(next - to[base]);
                const double weight = of_step.visits(outer, row, row) == 0
                                          ? 0
                                          : std::exp(next + exponent(step, outer, row, true));
                to[base] = next;
                const cursor x = now_.read(dot->x.at) + outer_shift(dot->x, outer) +
                                 static_cast<std::ptrdiff_t>(row) * dot->x.row;
                const cursor y = now_.read(dot->y.at) + outer_shift(dot->y, outer) +
                                 static_cast<std::ptrdiff_t>(row) * dot->y.column;
                const cursor value = now_.read(step.value.at) + outer_shift(step.value, outer) +
                                     static_cast<std::ptrdiff_t>(row) * step.value.column;
                numbers total(to_size(step.length), 0.0);
                for (int k = 0; k < dot->depth; ++k)
                    for (int l = 0; l < step.length; ++l) {
                        const std::ptrdiff_t place = static_cast<std::ptrdiff_t>(k) * of.pitch + l;
                        const double before = row == 0 ? 0 : fade * to[place];
                        to[place] = weight == 0 ? before : before + weight * y[k] * value[l];
                        if (of_step.visits(outer, row, 0) != 0)
                            total[to_size(l)] +=
                                factor(step, step.nodes.size() - 1) * x[k] * to[place];
                    }
                (now_.write(step.out.at) + outer_shift(step.out, outer) +
                 static_cast<std::ptrdiff_t>(row) * step.out.row)
                    .write(total);
            }
        });
    }

    double score(const plan::attention_step& step, const plan::kept_attention& kept,
                 const int* outer, int row, int column) {
        numbers values;
        for (int at = 0; at < step.nodes.size(); ++at) {
            const plan::score_node& node = step.nodes[at];
            const plan::kept_operand& own = kept.nodes[at];
            double value = node.value;
            const auto x = [&](std::ptrdiff_t k) {
                const std::ptrdiff_t begins = node.packed
                                                  ? plan::packed_row(row)
                                                  : static_cast<std::ptrdiff_t>(row) * node.x.row;
                return (now_.read(node.x.at) + outer_shift(node.x, outer))[begins + k];
            };
            switch (node.kind) {
                case plan::score_kind::dot: {
                    double dot = 0;
                    for (int k = 0; k < node.depth; ++k)
                        dot += x(k) * column_number(own, node.y, outer, column, k);
                    value *= dot;
                    break;
                }
                case plan::score_kind::load:
                    value = own.kept ? column_number(own, node.x, outer, column, 0)
                                     : x(static_cast<std::ptrdiff_t>(column) * node.x.column);
                    break;
                case plan::score_kind::number:
                    break;
                case plan::score_kind::index:
                    value += static_cast<double>(outer_shift(node.x, outer) + row * node.x.row +
                                                 column * node.x.column);
                    break;
                case plan::score_kind::add:
                    value = values[to_size(node.left)] + values[to_size(node.right)];
                    break;
                case plan::score_kind::multiply:
                    value = values[to_size(node.left)] * values[to_size(node.right)];
                    break;
                case plan::score_kind::function:
                    value = element_of(node.function, values[to_size(node.left)], node.value);
                    break;
            }
            values.push_back(value);
        }
        return values.back();
    }
};

/// What is given, with the rows of the sequence in the opposite order.
inline memory turned(const memory& given, const planned& of) {
    memory result = given;
    for (int at = 0; at < of.shapes.facts.size(); ++at) {
        if (((of.rows->sequences >> at) & 1u) == 0) continue;
        std::reverse(result.facts[to_size(at)].values.values.begin(),
                     result.facts[to_size(at)].values.values.end());
        std::reverse(result.facts[to_size(at)].symbols.begin(),
                     result.facts[to_size(at)].symbols.end());
    }
    return result;
}

/// How many rows of the sequence are given; 0 if no fact is along it.
inline int rows_given(const planned& of, const memory& given) {
    int rows = of.state->rows;
    for (int at = 0; at < of.shapes.facts.size(); ++at)
        if (((of.rows->sequences >> at) & 1u) && of.shapes.facts[at].up_to)
            rows = std::min(rows, given.counts[to_size(of.shapes.facts[at].length)]);
    return rows;
}

/// The rows of outputs that a state has computed, against those of the whole.
class compared_rows {
  public:
    compared_rows(const planned& of, int rows)
        : plan_(of), rows_(rows), found_(to_size(of.shapes.outputs.size())) {}

    /// Those of the last run, of `count` rows.
    void add(state_machine& run, int count) {
        const int end = run.position();
        for (int at = 0; at < plan_.shapes.outputs.size(); ++at) {
            if (!run.has_rows(at) && end < rows_) continue;
            for (int each = run.has_rows(at) ? end - count : end - 1; each < end; ++each)
                for (double x : run.output_row(at, each)) found_[to_size(at)].push_back(x);
        }
    }
    verdict compare(const state_machine& run, expectation right, const std::string& what) const {
        for (std::size_t at = 0; at < found_.size(); ++at)
            if (run.has_rows(static_cast<int>(at)))
                right.values[at].resize(right.values[at].size() / to_size(run.rows()) *
                                        to_size(rows_));
        verdict result = compare_outputs(plan_, right, found_, what);
        result.stepped = true;
        return result;
    }

  private:
    const planned& plan_;
    int rows_;
    std::vector<numbers> found_;
};

/// Step and prefill, in blocks of random sizes, against the rows of the outputs. At times rows of
/// other numbers are computed and forgotten.
inline verdict compare_steps(const program& written, const planned& of, const given_values& given,
                             const expectation& right) {
    dice sizes(written.values + 2);
    const bool one_by_one = sizes.one_in(2);
    const int rows = rows_given(of, given.place);
    if (rows == 0) return {};
    state_machine run(given.place, of);
    const auto next_size = [&] {
        return one_by_one ? 1 : sizes.between(1, std::min(run.block(), rows - run.position()));
    };
    const memory other = turned(given.place, of);
    compared_rows found(of, rows);
    while (run.position() < rows) {
        const int row = run.position();
        if (run.can_truncate() && sizes.one_in(4)) {
            run.give(other);
            while (run.position() < rows && !sizes.one_in(3)) run.run(next_size());
            run.give(given.place);
            run.truncate(row);
        }
        const int count = next_size();
        run.run(count);
        found.add(run, count);
    }
    return found.compare(run, right, "step");
}

/// Several sequences at different positions, a row of each at once.
inline verdict compare_step_batch(const program& written, const planned& of,
                                  const std::vector<sample>& samples) {
    struct sequence {
        const sample& of;
        int rows;
        state_machine run;
        compared_rows found;
    };
    std::vector<std::unique_ptr<sequence>> all;
    for (const sample& each : samples)
        if (const int rows = rows_given(of, each.given.place))
            all.push_back(std::make_unique<sequence>(
                sequence{each, rows, {each.given.place, of}, {of, rows}}));
    dice chance(written.values + 5);
    const auto has_rows = [](const auto& each) { return each->run.position() < each->rows; };
    for (const auto& each : all)
        while (has_rows(each) && chance.one_in(2)) {
            each->run.run(1);
            each->found.add(each->run, 1);
        }
    while (std::any_of(all.begin(), all.end(), has_rows)) {
        std::vector<sequence*> next;
        std::vector<state_machine*> runs;
        for (const auto& each : all)
            if (has_rows(each) && !chance.one_in(5)) {
                next.push_back(each.get());
                runs.push_back(&each->run);
            }
        state_machine::run_together(runs);
        for (sequence* each : next) each->found.add(each->run, 1);
    }
    for (const auto& each : all) {
        const verdict result = each->found.compare(each->run, each->of.right, "step_batch");
        if (result.result != outcome::agrees) return result;
    }
    return {};
}

}  // namespace random_programs
