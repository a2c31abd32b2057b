#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "../fail.hpp"
#include "../model.hpp"
#include "checkpoint.hpp"
#include "clip.hpp"
#include "groups.hpp"
#include "optimizer.hpp"

/// The objects that the training of a model needs, in one.

namespace sequent::inline SEQUENT_ABI::train {

/// Options of a trainer with AdamW.
struct trainer_options {
    double weight_decay = 0;  ///< weight decay, of matrices only
    double clip = 1;          ///< limit of the gradient's norm; infinity: none
    adam_options adam{};      ///< options of Adam
};

/// Parameters, their gradient, an optimizer, and batch memory on a pool, which must outlive the
/// trainer. `Optimizer` is one of optimizer.hpp. `Products` is T, or bf16 (model/rounded.hpp) for
/// products in bfloat16.
template <class Model, class T = float, class Optimizer = adam_w<T>, class Products = T>
class trainer {
  public:
    /// The facts of one sample.
    using facts = typename Model::template facts<T>;
    /// The parameters of the model.
    using parameters_type = typename Model::template parameters<T>;
    /// The batch memory of the model.
    using batch_type = typename Model::template batch<T, Products>;

    /// A trainer with AdamW that decays matrices only. Parameters are initialised with the seed.
    /// Throws argument_error if an option is out of range.
    trainer(thread_pool& pool, std::uint64_t seed,
            const trainer_options& options = {}) requires std::same_as<Optimizer, adam_w<T>>
        : trainer(pool, seed, decaying(options), options.clip) {}
    /// A trainer with an optimizer for all parameters. `clip` is the limit of the gradient's norm;
    /// infinity: none.
    trainer(thread_pool& pool, std::uint64_t seed, Optimizer optimizer, double clip = 1)
        : pool_(pool), optimizer_(std::move(optimizer)), clip_(static_cast<T>(clip)), batch_(pool) {
        (void)clip_factor(0.0, clip_);  // checks it
        Model::initialize(*parameters_, seed);
    }

    /// Takes one step and returns the mean loss of the samples before it. `loss(sample, outputs,
    /// gradient)` is that of `backward_batch`: it returns the loss of a sample and writes the
    /// gradient of the outputs; scale it by 1 / samples.size() for the gradient of the mean. What
    /// it throws is thrown here; then nothing has changed. Throws argument_error if there are no
    /// samples.
    template <class Loss>
    double step(std::span<const facts> samples, double learning_rate, Loss&& loss) {
        if (samples.empty()) fail<argument_error>("sequent: trainer: a step without samples");
        if (has_part_of_gradient_) *gradient_ = {};
        has_part_of_gradient_ = true;
        const double sum = Model::backward_batch(*parameters_, samples, loss, batch_, *gradient_);
        optimizer_.groups().clear_frozen(std::span<T>(gradient_->flat()));
        const double size = norm<T>(std::span<const T>(gradient_->flat()), pool_);
        optimizer_.step_and_clear(parameters_->flat(), gradient_->flat(), learning_rate,
                                  clip_factor(size, clip_), pool_);
        has_part_of_gradient_ = false;
        return sum / static_cast<double>(samples.size());
    }
    /// The same for the samples of `all` at these places; `loss(place, outputs, gradient)`.
    template <class Loss>
    double step(std::span<const facts> all, std::span<const int> places, double learning_rate,
                Loss&& loss) {
        chosen_.clear();
        for (const int place : places) chosen_.push_back(all[static_cast<std::size_t>(place)]);
        return step(chosen_, learning_rate, [&](int sample, auto outputs, auto gradient) {
            return loss(places[static_cast<std::size_t>(sample)], outputs, gradient);
        });
    }

    /// The parameters.
    parameters_type& parameters() noexcept { return *parameters_; }
    /// The parameters.
    const parameters_type& parameters() const noexcept { return *parameters_; }
    /// The optimizer.
    Optimizer& optimizer() noexcept { return optimizer_; }
    /// The batch memory, for forward_batch.
    batch_type& batch() noexcept { return batch_; }
    /// The pool.
    thread_pool& pool() noexcept { return pool_; }
    /// The number of steps taken.
    std::int64_t steps() const noexcept { return optimizer_.steps(); }

    /// Writes parameters, optimizer state and metadata to a file, from which a training continues
    /// exactly. Throws io::error.
    void save(const io::file_path& path, io::metadata_map metadata = {}) {
        save_checkpoint<Model>(path, std::span<T>(parameters_->flat()), optimizer_,
                               std::move(metadata));
    }
    /// Reads such a file and returns its metadata. Throws io::error if it does not fit; then
    /// nothing has changed.
    io::metadata_map load(const io::file_path& path) {
        return load_checkpoint<Model>(path, std::span<T>(parameters_->flat()), optimizer_);
    }

  private:
    static Optimizer decaying(const trainer_options& options) {
        return Optimizer(groups_of<Model>(), options.weight_decay, options.adam);
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
