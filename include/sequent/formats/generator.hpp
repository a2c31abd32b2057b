#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "../io/name_map.hpp"
#include "../model.hpp"
#include "../nn/sampler.hpp"

/// A language model that is read from a file and generates tokens.

namespace sequent::inline SEQUENT_ABI {

/// A language model with its parameters and the state of one sequence. Model takes one symbol a
/// position and has the logits of the next one as its only output.
///
///     generator<GPT2> writer("model.safetensors", io::hugging_face::gpt2, {.top_p = 0.9});
///     writer.read(prompt);
///     for (int token = 0; token < 20; ++token) text.push_back(writer.next());
template <class Model, class T = float>
class generator {
  public:
    /// Loads the parameters from a file. Throws io::error if it does not fit the model.
    explicit generator(const io::source& file, sampling settings = {}, std::uint64_t seed = 0)
        : generator(settings, seed) {
        io::load<Model>(file, *parameters_);
    }
    /// Likewise, with the names of another library.
    generator(const io::source& file, io::name_map names, sampling settings = {},
              std::uint64_t seed = 0)
        : generator(settings, seed) {
        io::load<Model>(file, *parameters_, names);
    }

    /// Appends tokens to the sequence. Throws argument_error if a token is not in the vocabulary,
    /// or if the sequence becomes longer than the model's.
    void read(std::span<const std::int32_t> tokens) {
        step_pending();
        if (!tokens.empty()) logits_ = Model::prefill(*parameters_, {tokens}, *state_);
    }
    /// Chooses the next token and appends it. Throws argument_error if nothing was read, or if the
    /// sequence is as long as the model's.
    std::int32_t next() {
        step_pending();
        if (state_->position() == 0)
            fail<argument_error>("sequent: generator: next() needs a token to continue; read one");
        pending_ = choose_(logits_);
        return *pending_;
    }
    /// Begins another sequence.
    void reset() noexcept {
        state_->reset();
        pending_.reset();
    }

    /// Number of tokens that were read and generated.
    int size() const noexcept { return state_->position() + (pending_ ? 1 : 0); }
    /// The parameters.
    const typename Model::template parameters<T>& parameters() const noexcept {
        return *parameters_;
    }

  private:
    using output = decltype(Model::step(std::declval<typename Model::template parameters<T>&>(),
                                        std::declval<typename Model::template rows<T>&>(),
                                        std::declval<typename Model::template state<T>&>()));
    static constexpr int vocabulary = Model::plan::facts[0].classes;

    generator(sampling settings, std::uint64_t seed) : choose_(vocabulary, settings, seed) {}

    void step_pending() {
        if (!pending_) return;
        logits_ = Model::step(*parameters_, {*pending_}, *state_);
        pending_.reset();
    }

    std::unique_ptr<typename Model::template parameters<T>> parameters_ =
        make_unique<typename Model::template parameters<T>>();
    std::unique_ptr<typename Model::template state<T>> state_ =
        make_unique<typename Model::template state<T>>();
    sampler choose_;
    output logits_{};
    std::optional<std::int32_t> pending_;
};

}  // namespace sequent::inline SEQUENT_ABI
