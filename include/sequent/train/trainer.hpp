#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "../model.hpp"
#include "checkpoint.hpp"
#include "clip.hpp"
#include "optimizer.hpp"

/// What training a model takes, in one object.

namespace sequent::inline SEQUENT_ABI::train {

struct trainer_options {
    double weight_decay = 0;  // of matrices
    double clip = 1;          // the gradient's greatest norm; infinity: no limit
    adam_options adam{};
};

/// Parameters, their gradient, an optimizer, and the memory of batches on a pool, which must
/// outlive it. `Optimizer` is one of optimizer.hpp. Products: T, or bf16 (model/rounded.hpp).
template <class Model, class T = float, class Optimizer = adam_w<T>, class Products = T>
class trainer {
  public:
    using facts = typename Model::template facts<T>;
    using parameters_type = typename Model::template parameters<T>;
    using batch_type = typename Model::template batch<T, Products>;

    /// AdamW, whose weight decay is that of matrices alone. Throws std::invalid_argument if an
    /// option is out of range.
    trainer(thread_pool& pool, std::uint64_t seed,
            const trainer_options& options = {}) requires std::same_as<Optimizer, adam_w<T>>
        : trainer(pool, seed, decaying(options), options.clip) {}
    trainer(thread_pool& pool, std::uint64_t seed, Optimizer optimizer, double clip = 1)
        : pool_(pool), optimizer_(std::move(optimizer)), clip_(static_cast<T>(clip)), batch_(pool) {
        (void)clip_factor(0.0, clip_);  // checks it
        Model::initialize(*parameters_, seed);
    }

    /// One step: the mean loss of the samples, before it. `loss(sample, outputs, gradient)` is that
    /// of backward_batch: it gives a sample's loss and writes the gradient of the outputs, which is
    /// the mean's if it is scaled by 1 / samples.size(). What it throws is thrown here; then
    /// nothing has changed. Throws argument_error if there are no samples.
    template <class Loss>
    double step(std::span<const facts> samples, double learning_rate, Loss&& loss) {
        if (samples.empty()) fail<argument_error>("sequent: trainer: a step without samples");
        if (has_part_of_gradient_) *gradient_ = {};
        has_part_of_gradient_ = true;
        const double sum = Model::backward_batch(*parameters_, samples, loss, batch_, *gradient_);
        const double size = norm<T>(std::span<const T>(gradient_->flat()), pool_);
        optimizer_.step_and_clear(parameters_->flat(), gradient_->flat(), learning_rate,
                                  clip_factor(size, clip_), pool_);
        has_part_of_gradient_ = false;
        return sum / static_cast<double>(samples.size());
    }
    /// The same of the samples at these places among `all`; loss(place, outputs, gradient).
    template <class Loss>
    double step(std::span<const facts> all, std::span<const int> places, double learning_rate,
                Loss&& loss) {
        chosen_.clear();
        for (const int place : places) chosen_.push_back(all[static_cast<std::size_t>(place)]);
        return step(chosen_, learning_rate, [&](int sample, auto outputs, auto gradient) {
            return loss(places[static_cast<std::size_t>(sample)], outputs, gradient);
        });
    }

    parameters_type& parameters() noexcept { return *parameters_; }
    const parameters_type& parameters() const noexcept { return *parameters_; }
    Optimizer& optimizer() noexcept { return optimizer_; }
    /// For forward_batch.
    batch_type& batch() noexcept { return batch_; }
    thread_pool& pool() noexcept { return pool_; }
    /// How many steps were taken.
    std::int64_t steps() const noexcept { return optimizer_.steps(); }

    /// Parameters, the optimizer's state and metadata in a file, from which training goes on
    /// exactly. Throw io::error; then nothing has changed.
    void save(const io::file_path& path, io::metadata_map metadata = {}) {
        save_checkpoint<Model>(path, std::span<T>(parameters_->flat()), optimizer_,
                               std::move(metadata));
    }
    io::metadata_map load(const io::file_path& path) {
        return load_checkpoint<Model>(path, std::span<T>(parameters_->flat()), optimizer_);
    }

  private:
    static Optimizer decaying(const trainer_options& options) {
        const auto mask = make_unique<parameters_type>();
        Model::mark_decayed(*mask);
        return Optimizer(mask->flat().size(), options.weight_decay, mask->flat(), options.adam);
    }

    thread_pool& pool_;
    std::unique_ptr<parameters_type> parameters_ = make_unique<parameters_type>();
    std::unique_ptr<parameters_type> gradient_ = make_unique<parameters_type>();
    Optimizer optimizer_;
    T clip_;
    batch_type batch_;
    std::vector<facts> chosen_;
    bool has_part_of_gradient_ = false;  // of a step whose loss has thrown
};

}  // namespace sequent::inline SEQUENT_ABI::train
