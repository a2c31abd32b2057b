#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../fail.hpp"
#include "../joined_text.hpp"
#include "../model/random.hpp"
#include "../number_text.hpp"
#include "schedule.hpp"
#include "shuffle.hpp"

/// The training loop: schedule, progress, validation, early stopping.

namespace sequent::inline SEQUENT_ABI::train {

/// Shuffled batches: the sample numbers 0 to count - 1 in batches, in a new random order for each
/// epoch. The last batch of an epoch may be smaller. Throws argument_error unless both sizes
/// are above 0.
class batches {
  public:
    /// Batches of `batch_size` of `count` samples.
    SEQUENT_COLD batches(int count, int batch_size, std::uint64_t seed)
        : batch_size_(batch_size), random_(seed) {
        check_number<argument_error>(count > 0, "batches: the number of samples", count, "above 0");
        check_number<argument_error>(batch_size > 0, "batches: the batch size", batch_size,
                                     "above 0");
        for (int at = 0; at < count; ++at) order_.push_back(at);
        next_ = order_.size();
    }

    /// Number of batches of an epoch.
    std::int64_t per_epoch() const noexcept {
        return (static_cast<std::int64_t>(order_.size()) + batch_size_ - 1) / batch_size_;
    }

    /// The sample numbers of the next batch, valid until the next call.
    [[nodiscard]] SEQUENT_COLD std::span<const int> next() {
        if (next_ == order_.size()) {
            shuffle(order_, random_);
            next_ = 0;
        }
        const std::size_t count =
            std::min(static_cast<std::size_t>(batch_size_), order_.size() - next_);
        next_ += count;
        return std::span<const int>(order_).subspan(next_ - count, count);
    }

  private:
    int batch_size_;
    random_numbers random_;
    std::vector<int> order_;
    std::size_t next_ = 0;
};

/// Options of `fit`.
struct fit_options {
    schedule rate{};                  ///< learning rates; total_steps is the number of all steps
    std::int64_t first_step = 0;      ///< steps already taken, to continue a training
    std::int64_t evaluate_every = 0;  ///< steps between evaluations; 0: 20 evaluations
    int patience = 0;  ///< stop after so many evaluations without improvement; 0: never
    double best = std::numeric_limits<double>::infinity();  ///< lowest validation loss so far
    std::string name{};                                     ///< prefix of each line of progress
    std::string item = "steps";                             ///< unit of the printed speed
    double items_per_step = 1;                              ///< number of these units in a step
    std::FILE* progress = stderr;                           ///< null: no output
    bool interruptible = true;  ///< SIGINT and SIGTERM end the loop after the current step
};

/// Result of `fit`.
struct fit_result {
    std::int64_t steps = 0;  ///< steps taken, including those before first_step
    double loss = 0;         ///< mean training loss between the last two evaluations
    double best = std::numeric_limits<double>::infinity();  ///< lowest validation loss
    std::int64_t best_step = -1;  ///< step after which it was measured; -1: never
    bool interrupted = false;     ///< by a signal
    bool stopped_early = false;   ///< by patience
};

namespace detail {

/// Handles SIGINT (Ctrl-C) and SIGTERM during its lifetime.
class interruption {
  public:
    SEQUENT_COLD explicit interruption(bool wanted) : wanted_(wanted) {
        seen() = 0;
        if (!wanted_) return;
        const auto handler = [](int) { seen() = 1; };
        before_[0] = std::signal(SIGINT, handler);
        before_[1] = std::signal(SIGTERM, handler);
    }
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;
    SEQUENT_COLD ~interruption() {
        if (!wanted_) return;
        std::signal(SIGINT, before_[0] == SIG_ERR ? SIG_DFL : before_[0]);
        std::signal(SIGTERM, before_[1] == SIG_ERR ? SIG_DFL : before_[1]);
    }
    static volatile std::sig_atomic_t& seen() noexcept {
        static volatile std::sig_atomic_t flag = 0;
        return flag;
    }

  private:
    bool wanted_;
    void (*before_[2])(int) = {SIG_DFL, SIG_DFL};
};

SEQUENT_COLD inline std::string duration(double seconds) {
    const auto whole = static_cast<long long>(seconds + 0.5);
    if (whole < 60) return joined_text({whole, " s"});
    if (whole < 3600) return joined_text({whole / 60, " min ", whole % 60, " s"});
    return joined_text({whole / 3600, " h ", whole / 60 % 60, " min"});
}

class fitting {
  public:
    using clock = std::chrono::steady_clock;

    SEQUENT_COLD fitting(const fit_options& options, const std::function<double(double)>& step,
                         const std::function<double()>& validate, const std::function<void()>& keep)
        : options_(options), step_(step), validate_(validate), keep_(keep) {
        check_number<argument_error>(options.first_step >= 0, "fit: first_step",
                                     static_cast<double>(options.first_step), "at least 0");
        check_number<argument_error>(options.evaluate_every >= 0, "fit: evaluate_every",
                                     static_cast<double>(options.evaluate_every), "at least 0");
        result_.best = options.best;
        result_.steps = options.first_step;
    }

    SEQUENT_COLD fit_result run() {
        const interruption caught(options_.interruptible);
        const std::int64_t last = options_.rate.total_steps;
        const std::int64_t every =
            options_.evaluate_every > 0
                ? options_.evaluate_every
                : std::max<std::int64_t>(1, (last - options_.first_step) / 20);
        double sum = 0;
        std::int64_t summed = 0;
        while (result_.steps < last && !result_.interrupted && !result_.stopped_early) {
            sum += step_(options_.rate(result_.steps));
            ++summed;
            ++result_.steps;
            result_.interrupted = interruption::seen() != 0;
            if ((result_.steps - options_.first_step) % every != 0 && result_.steps != last &&
                !result_.interrupted)
                continue;
            result_.loss = sum / static_cast<double>(summed);
            sum = 0;
            summed = 0;
            evaluate();
        }
        return result_;
    }

  private:
    const fit_options& options_;
    const std::function<double(double)>& step_;
    const std::function<double()>& validate_;
    const std::function<void()>& keep_;
    fit_result result_;
    int without_better_ = 0;
    clock::time_point start_ = clock::now();

    SEQUENT_COLD void evaluate() {
        if (!validate_) {
            tell(0, false);
            return;
        }
        const double found = validate_();
        const bool better = found < result_.best;
        if (better) {
            result_.best = found;
            result_.best_step = result_.steps;
            without_better_ = 0;
            if (keep_) keep_();
        } else {
            result_.stopped_early = ++without_better_ == options_.patience;
        }
        tell(found, better);
    }

    SEQUENT_COLD void tell(double validation, bool better) const {
        if (!options_.progress) return;
        const double seconds =
            std::max(1e-9, std::chrono::duration<double>(clock::now() - start_).count());
        const auto done = static_cast<double>(result_.steps - options_.first_step);
        const std::int64_t total = options_.rate.total_steps;
        const std::string all = std::to_string(total);
        std::string step = std::to_string(result_.steps);
        if (step.size() < all.size()) step.insert(0, all.size() - step.size(), ' ');
        std::string line;
        append_text(line, {options_.name, options_.name.empty() ? "" : "   ", "step ", step, " of ",
                           all, "   loss ", fixed_text(result_.loss, 4)});
        if (validate_)
            append_text(line, {"   validation ", fixed_text(validation, 4),
                               better ? "" : " (not the best)"});
        append_text(line, {"   ", fixed_text(done * options_.items_per_step / seconds, 0), " ",
                           options_.item, "/s   "});
        if (result_.interrupted)
            line += "interrupted";
        else if (result_.stopped_early)
            append_text(line, {"no better one in ", options_.patience, " evaluations"});
        else
            line += duration(seconds / done * static_cast<double>(total - result_.steps)) + " left";
        line += '\n';
        std::fputs(line.c_str(), options_.progress);
        std::fflush(options_.progress);
    }
};

}  // namespace detail

/// The training loop. Calls `step(learning_rate)`, which returns a loss, for each step of the
/// schedule. At each evaluation it prints a line of progress: the mean loss, the speed and the time
/// left. `validate()` returns the loss of validation samples; `keep()` is called whenever that is
/// the lowest so far, to save the model.
///
///     fit({.rate = {.peak = 1e-3, .total_steps = 2000}}, [&](double rate) { return ...; });
///
/// Throws argument_error if an option is out of range, and whatever the functions throw.
SEQUENT_COLD inline fit_result fit(const fit_options& options,
                                   const std::function<double(double)>& step,
                                   const std::function<double()>& validate = {},
                                   const std::function<void()>& keep = {}) {
    return detail::fitting(options, step, validate, keep).run();
}

}  // namespace sequent::inline SEQUENT_ABI::train
