#pragma once

#include <set>

#include "plain.hpp"

/// Runs a compiled causal program one position at a time. A head finds its keys by search, in time
/// O(log n) for n positions, if it compares one number of the key with one of the query.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// Keys as lines: the logit of a key for a query x is slope x + offset. Only lines that are
/// greatest somewhere are kept, their upper envelope. Equal keys are one line with a count and the
/// sum of their values. Lines that differ by less than one in slope and offset are equal: the
/// logits of different keys differ by far more, by the margin of the compilation or a fourth of it.
class key_lines {
  public:
    struct line {
        double slope;
        double offset;
        mutable double until;  // the query from which on the next line is greater
        mutable double count;
        mutable int values;  // place of the sum of values

        double at(double query) const { return slope * query + offset; }
    };

  private:
    struct at_query {
        double query;
    };
    struct order {
        using is_transparent = void;
        bool operator()(const line& left, const line& right) const {
            return left.slope < right.slope;
        }
        bool operator()(const line& left, const at_query& right) const {
            return left.until < right.query;
        }
    };
    using lines = std::set<line, order>;

  public:
    explicit key_lines(int channels) : channels_(static_cast<std::size_t>(channels)) {}

    /// Adds a key with its values, in amortized time O(log n).
    SEQUENT_COLD void add(double slope, double offset, const double* values) {
        auto next = lines_.lower_bound(line{slope - 1, 0, 0, 0, 0});
        if (next != lines_.end() && next->slope < slope + 1) {
            if (next->offset >= offset - 1) {
                if (next->offset <= offset + 1) join(*next, values);
                return;
            }
            next = lines_.erase(next);
        }
        if (next != lines_.end() && next != lines_.begin() &&
            is_below(*std::prev(next), {slope, offset, 0, 0, 0}, *next))
            return settle(std::prev(next));
        const auto made = lines_.insert(next, {slope, offset, 0, 0, place()});
        join(*made, values);
        for (auto after = std::next(made); after != lines_.end() &&
                                           std::next(after) != lines_.end() &&
                                           is_below(*made, *after, *std::next(after));)
            after = lines_.erase(after);
        while (made != lines_.begin() && std::prev(made) != lines_.begin()) {
            const auto before = std::prev(made);
            if (!is_below(*std::prev(before), *before, *made)) break;
            lines_.erase(before);
        }
        settle(made);
        if (made != lines_.begin()) settle(std::prev(made));
    }
    /// The lines that are greatest for a query or not far below, in order.
    struct near_lines {
        lines::const_iterator begin;
        lines::const_iterator end;
        double highest;  // the greatest logit
    };
    near_lines near(double query) const {
        if (lines_.empty()) return {lines_.end(), lines_.end(), -far};
        near_lines found;
        found.begin = lines_.lower_bound(at_query{query});
        found.end = std::next(found.begin);
        found.highest = found.begin->at(query);
        const auto is_near = [&](lines::const_iterator of) {
            found.highest = std::max(found.highest, of->at(query));
            return of->at(query) > found.highest - far;
        };
        while (found.end != lines_.end() && is_near(found.end)) ++found.end;
        while (found.begin != lines_.begin() && is_near(std::prev(found.begin))) --found.begin;
        return found;
    }
    const double* values(const line& of) const {
        return values_.data() + static_cast<std::size_t>(of.values) * channels_;
    }

  private:
    // A score this far below the maximum has a weight below the resolution of double.
    static constexpr double far = 40;

    lines lines_;
    std::vector<double> values_;
    std::size_t channels_;

    static double meeting(const line& left, const line& right) {
        return (left.offset - right.offset) / (right.slope - left.slope);
    }
    /// True if a line is below the lines before and after it, of less and of greater slope. Lines
    /// through the point where these meet are not, because there all have a share.
    static bool is_below(const line& before, const line& of, const line& after) {
        const double meet = meeting(before, after);
        return of.slope * meet + of.offset < before.slope * meet + before.offset - 1;
    }
    int place() {
        values_.resize(values_.size() + channels_);
        return static_cast<int>(values_.size() / std::max<std::size_t>(channels_, 1)) - 1;
    }
    void join(const line& to, const double* values) {
        to.count += 1;
        double* const sums = values_.data() + static_cast<std::size_t>(to.values) * channels_;
        for (std::size_t channel = 0; channel < channels_; ++channel)
            sums[channel] += values[channel];
    }
    void settle(lines::iterator of) {
        const auto next = std::next(of);
        of->until =
            next == lines_.end() ? std::numeric_limits<double>::infinity() : meeting(*of, *next);
    }
};

/// A causal transformer and its state: the keys and values of the positions so far.
class searched_transformer : sparse_weights {
  public:
    SEQUENT_COLD searched_transformer(const sizes& size, std::span<const weight_entry> entries)
        : sparse_weights(size, entries),
          stream_(static_cast<std::size_t>(size.width)),
          change_(stream_.size()),
          hidden_(static_cast<std::size_t>(size.hidden)),
          logits_(static_cast<std::size_t>(size.classes)) {
        for (row* each : {&query_, &key_, &value_, &joined_})
            each->resize(static_cast<std::size_t>(size.heads * size.head_width));
        for (int round = 0; round < size.rounds; ++round)
            for (int layer = 0; layer < size.layers; ++layer) {
                heads_.emplace_back();
                for (int place = 0; place < size.heads; ++place) add_head(layer, place);
            }
    }

    /// The number of positions so far, the start included.
    int positions() const { return positions_; }
    /// The number of heads that search, and of those that visit all keys; of a loop, in one round.
    int searching() const { return count_heads(true); }
    int visiting() const { return count_heads(false); }

    /// The logits at the next position, which holds this token; the first one is the start, 0.
    SEQUENT_COLD const row& step(int token) {
        std::fill(stream_.begin(), stream_.end(), 0.0);
        add_row(weight_name::embedding, token, stream_);
        add_row(weight_name::position, positions_, stream_);
        for (std::size_t at = 0; at < heads_.size(); ++at) {
            const int layer = static_cast<int>(at) % size_.layers;
            if (!heads_[at].empty()) {
                apply(stream_, layer, weight_name::W_query, weight_name::b_query, query_);
                apply(stream_, layer, weight_name::W_key, weight_name::b_key, key_);
                apply(stream_, layer, weight_name::W_value, weight_name::b_value, value_);
                for (head& each : heads_[at]) attend(each);
                apply(joined_, layer, weight_name::W_out, weight_name::b_out, change_);
                add(stream_, change_);
            }
            apply(stream_, layer, weight_name::W_expand, weight_name::b_expand, hidden_);
            for (double& each : hidden_) each = std::max(each, 0.0);
            apply(hidden_, layer, weight_name::W_contract, weight_name::b_contract, change_);
            add(stream_, change_);
        }
        ++positions_;
        apply(stream_, 0, weight_name::W_logits, weight_name::b_logits, logits_);
        return logits_;
    }

  private:
    /// The numbers of a key from which its slope and offset are computed.
    enum class part { offset, slope, shared };
    struct head {
        std::size_t first;  // of its rows
        int channels;
        std::vector<part> parts;
        int compared = 0;  // numbers of the key that are multiplied with numbers of the query
        key_lines lines;
        std::vector<double> start_key;
        std::vector<double> start_values;
        std::vector<double> keys;  // the keys of all positions, if the head visits them all
        std::vector<double> values;
    };
    std::vector<std::vector<head>> heads_;  // of each layer, in each round of a loop
    int positions_ = 0;
    row stream_;
    row change_;
    row hidden_;
    row logits_;
    row query_;
    row key_;
    row value_;
    row joined_;

    /// The first column of a matrix is the mark of the start; all others vary.
    bool varies(int layer, weight_name matrix, int number) const {
        for (const entry& each : of(layer, matrix))
            if (each.row == number && each.column != 0) return true;
        return false;
    }
    SEQUENT_COLD void add_head(int layer, int place) {
        const int first = place * size_.head_width;
        int channels = 0;
        for (const entry& each : of(layer, weight_name::W_out))
            if (each.column >= first && each.column < first + size_.head_width)
                channels = std::max(channels, each.column - first + 1);
        if (channels == 0) return;
        head made{
            static_cast<std::size_t>(first), channels, {}, 0, key_lines(channels), {}, {}, {}, {}};
        for (int number = first; number < first + size_.head_width; ++number) {
            const bool is_compared = varies(layer, weight_name::W_key, number);
            const bool asks = varies(layer, weight_name::W_query, number);
            made.parts.push_back(!is_compared ? part::shared : asks ? part::slope : part::offset);
            made.compared += is_compared && asks ? 1 : 0;
        }
        heads_.back().push_back(std::move(made));
    }
    /// Of one round.
    int count_heads(bool search) const {
        int count = 0;
        for (const auto& layer : heads_)
            for (const head& each : layer) count += (each.compared < 2) == search ? 1 : 0;
        return count / size_.rounds;
    }

    void attend(head& of) {
        const double* const query = query_.data() + of.first;
        const double* const key = key_.data() + of.first;
        const double* const value = value_.data() + of.first;
        double* const result = joined_.data() + of.first;
        const auto channels = static_cast<std::size_t>(of.channels);
        if (positions_ == 0) {
            of.start_key.assign(key, key + of.parts.size());
            of.start_values.assign(value, value + channels);
            std::copy_n(value, channels, result);
            return;
        }
        double start = 0;
        for (std::size_t at = 0; at < of.parts.size(); ++at) start += query[at] * of.start_key[at];
        if (of.compared > 1) return visit(of, start, query, key, value, result);
        double slope = 0;
        double offset = 0;
        double asked = 0;
        double shared = 0;
        for (std::size_t at = 0; at < of.parts.size(); ++at) {
            if (of.parts[at] == part::slope) {
                slope = key[at];
                asked = query[at];
            } else {
                (of.parts[at] == part::offset ? offset : shared) += query[at] * key[at];
            }
        }
        of.lines.add(slope, offset, value);
        const key_lines::near_lines near = of.lines.near(asked);
        const double highest = std::max(start - shared, near.highest);
        double total = std::exp(start - shared - highest);
        for (std::size_t channel = 0; channel < channels; ++channel)
            result[channel] = total * of.start_values[channel];
        for (auto each = near.begin; each != near.end; ++each) {
            const double share = std::exp(each->at(asked) - highest);
            total += share * each->count;
            const double* const sums = of.lines.values(*each);
            for (std::size_t channel = 0; channel < channels; ++channel)
                result[channel] += share * sums[channel];
        }
        for (std::size_t channel = 0; channel < channels; ++channel) result[channel] /= total;
    }
    void visit(head& of, double start, const double* query, const double* key, const double* value,
               double* result) {
        const std::size_t width = of.parts.size();
        const auto channels = static_cast<std::size_t>(of.channels);
        of.keys.insert(of.keys.end(), key, key + width);
        of.values.insert(of.values.end(), value, value + channels);
        std::vector<double> logits{start};
        for (std::size_t at = 0; at < of.keys.size(); at += width) {
            double logit = 0;
            for (std::size_t number = 0; number < width; ++number)
                logit += query[number] * of.keys[at + number];
            logits.push_back(logit);
        }
        const double highest = *std::max_element(logits.begin(), logits.end());
        double total = 0;
        std::fill_n(result, channels, 0.0);
        for (std::size_t at = 0; at < logits.size(); ++at) {
            const double share = std::exp(logits[at] - highest);
            total += share;
            const double* const from =
                at == 0 ? of.start_values.data() : of.values.data() + (at - 1) * channels;
            for (std::size_t channel = 0; channel < channels; ++channel)
                result[channel] += share * from[channel];
        }
        for (std::size_t channel = 0; channel < channels; ++channel) result[channel] /= total;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
