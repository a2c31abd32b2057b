#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../joined_text.hpp"
#include "../model/tensor_view.hpp"

/// Metrics of predictions, computed in double.

namespace sequent::inline SEQUENT_ABI::train {

/// Confusion matrix: counts of predicted and true classes, with accuracy, precision, recall and F1.
class confusion {
  public:
    /// A matrix without predictions. Throws argument_error unless `classes` is at least 1.
    explicit confusion(int classes) : classes_(classes) {
        if (classes < 1)
            fail_with<argument_error>(
                {"sequent: confusion has ", classes, " classes, expected at least 1"});
        counts_.resize(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes));
    }

    /// Adds a prediction. Throws argument_error if either number is not a class.
    void add(int predicted, int expected) {
        ++counts_[place(predicted, expected)];
        ++total_;
    }
    /// Adds the class with the highest score, the first of equal ones, as a prediction. Throws
    /// argument_error unless there is one score for each class.
    template <class T>
    void add(std::span<const T> scores, int expected) {
        check_size("the scores of confusion", scores.size(), static_cast<std::size_t>(classes_));
        add(static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin()),
            expected);
    }
    /// The same for the scores in a view, such as a model's output.
    template <class T>
    void add(const tensor_view<T>& scores, int expected) {
        check_size("the scores of confusion", static_cast<std::size_t>(scores.size()),
                   static_cast<std::size_t>(classes_));
        int predicted = 0;
        for (int each = 1; each < classes_; ++each)
            if (scores.element(predicted) < scores.element(each)) predicted = each;
        add(predicted, expected);
    }

    /// The number of samples of class `expected` that were predicted as `predicted`.
    std::int64_t count(int predicted, int expected) const {
        return counts_[place(predicted, expected)];
    }
    /// The number of predictions.
    std::int64_t total() const noexcept { return total_; }

    /// The fraction of correct predictions; 0 without predictions.
    [[nodiscard]] double accuracy() const {
        std::int64_t right = 0;
        for (int each = 0; each < classes_; ++each) right += count(each, each);
        return share(right, total_);
    }
    /// The fraction of the predictions of a class that are correct; 0 if it was never predicted.
    [[nodiscard]] double precision(int of) const {
        std::int64_t predicted = 0;
        for (int each = 0; each < classes_; ++each) predicted += count(of, each);
        return share(count(of, of), predicted);
    }
    /// The fraction of the samples of a class that are predicted as it; 0 without such samples.
    [[nodiscard]] double recall(int of) const {
        std::int64_t expected = 0;
        for (int each = 0; each < classes_; ++each) expected += count(each, of);
        return share(count(of, of), expected);
    }
    /// The harmonic mean of precision and recall of a class; 0 if the class never occurs.
    [[nodiscard]] double f1(int of) const {
        std::int64_t both = 0;
        for (int each = 0; each < classes_; ++each) both += count(of, each) + count(each, of);
        return share(2 * count(of, of), both);
    }
    /// The mean of F1 over all classes.
    double macro_f1() const {
        double sum = 0;
        for (int each = 0; each < classes_; ++each) sum += f1(each);
        return sum / classes_;
    }

  private:
    std::size_t place(int predicted, int expected) const {
        for (const int each : {predicted, expected})
            if (each < 0 || each >= classes_)
                fail_with<argument_error>({"sequent: confusion has the class ", each,
                                           ", beyond its ", classes_, " classes"});
        return static_cast<std::size_t>(predicted) * static_cast<std::size_t>(classes_) +
               static_cast<std::size_t>(expected);
    }
    static double share(std::int64_t part, std::int64_t whole) {
        return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
    }

    int classes_;
    std::int64_t total_ = 0;
    std::vector<std::int64_t> counts_;
};

/// The area under the receiver operating characteristic: the probability that the score of a
/// positive exceeds that of a negative; ties count one half. NaN if there are no positives or no
/// negatives, or a score is NaN. Throws argument_error unless each score has a label, 0 or 1.
template <class T>
[[nodiscard]] double area_under_roc(std::span<const T> scores,
                                    std::span<const std::int32_t> labels) {
    check_size("the labels of area_under_roc", labels.size(), scores.size());
    std::vector<std::size_t> order(scores.size());
    double positives = 0;
    for (std::size_t at = 0; at < order.size(); ++at) {
        order[at] = at;
        if (labels[at] != 0 && labels[at] != 1)
            fail_with<argument_error>({"sequent: area_under_roc has the label ", labels[at], " at ",
                                       at, ", expected 0 or 1"});
        if (std::isnan(scores[at])) return std::nan("");
        positives += labels[at];
    }
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    double ranks = 0;  // sum of the ranks of positives; equal scores have their mean rank
    for (std::size_t begin = 0; begin < order.size();) {
        std::size_t end = begin;
        double equal = 0;
        while (end < order.size() && scores[order[end]] == scores[order[begin]])
            equal += labels[order[end++]];
        ranks += equal * (static_cast<double>(begin + end) + 1) / 2;
        begin = end;
    }
    const double negatives = static_cast<double>(scores.size()) - positives;
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

/// The mean of |value - target|; NaN without values. Throws argument_error unless the sizes are
/// equal.
template <class T>
[[nodiscard]] double mean_absolute_error(std::span<const T> values, std::span<const T> targets) {
    check_size("the targets of mean_absolute_error", targets.size(), values.size());
    double sum = 0;
    for (std::size_t at = 0; at < values.size(); ++at)
        sum += std::abs(static_cast<double>(values[at]) - static_cast<double>(targets[at]));
    return sum / static_cast<double>(values.size());
}

/// The coefficient of determination R2: 1 - sum of squared errors / sum of squared deviations of
/// the targets from their mean. Not finite if all targets are equal. Throws argument_error unless
/// the sizes are equal.
template <class T>
[[nodiscard]] double r_squared(std::span<const T> values, std::span<const T> targets) {
    check_size("the targets of r_squared", targets.size(), values.size());
    double mean = 0;
    for (const T each : targets)
        mean += static_cast<double>(each) / static_cast<double>(targets.size());
    double errors = 0;
    double deviations = 0;
    for (std::size_t at = 0; at < values.size(); ++at) {
        const auto target = static_cast<double>(targets[at]);
        errors +=
            (target - static_cast<double>(values[at])) * (target - static_cast<double>(values[at]));
        deviations += (target - mean) * (target - mean);
    }
    return 1 - errors / deviations;
}

}  // namespace sequent::inline SEQUENT_ABI::train
