// The story teller as a WebAssembly module: what page.html calls. build.py makes one page of both.
//
// Errors end the module; their messages go to standard error, which the page shows.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sequent/draw/attention_weights.hpp>
#include <sequent/io.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if defined(__wasm__)
#define EXPORTED(NAME) extern "C" __attribute__((export_name(NAME)))
#else
#define EXPORTED(NAME) extern "C"
#endif

namespace {

using namespace sequent;

/// stories260K of llama2.c; another checkpoint of that form needs another line here.
using Model = llama<width<64>, hidden<172>, depth<5>, heads<8>, key_heads<4>, vocabulary<512>,
                    tokens<512>, any_length<true>>;

constexpr std::int32_t begin_of_text = 1;

class Session {
  public:
    Session(std::span<const std::byte> checkpoint, std::span<const std::byte> vocabulary)
        : tokenizer_(tokenizers::from_llama2c({vocabulary, "the file of the tokens"})) {
        io::load_llama2c<Model>({checkpoint, "the checkpoint"}, *parameters_);
        if (tokenizer_.size() != Model::shape.vocabulary)
            fail<std::runtime_error>("the file of the tokens is of another model: it has " +
                                     std::to_string(tokenizer_.size()) + " tokens, not 512");
    }

    /// Makes the text the beginning of the story. What it has in common with the story so far is
    /// not computed again. Gives the number of its tokens, or -1 if they are too many.
    int begin(std::string_view text) {
        const std::vector<std::int32_t> wanted = tokenizer_.encode(text).ids;
        const int count = static_cast<int>(wanted.size());
        if (count > Model::shape.tokens) return -1;
        const auto same = std::mismatch(wanted.begin(), wanted.end(), told_.begin(), told_.end());
        // The last token is computed in any case, for what comes next.
        const int kept = std::min(
            {static_cast<int>(same.first - wanted.begin()), count - 1, state_->position()});
        state_->truncate(kept);
        told_ = wanted;
        logits_ = row_of(Model::prefill(
            *parameters_, {std::span(told_).subspan(static_cast<std::size_t>(kept))}, *state_));
        return count;
    }

    /// Adds a token; false at the end of the story, or of the positions.
    bool go_on(float temperature) {
        if (state_->position() == Model::shape.tokens || logits_.empty()) return false;
        sampler choose(Model::shape.vocabulary, {.temperature = temperature, .top_p = 0.9},
                       random_.next());
        const std::int32_t next = choose(std::span<const float>(logits_));
        if (next == begin_of_text) return false;
        told_.push_back(next);
        logits_ = row_of(Model::step(*parameters_, {next}, *state_));
        return true;
    }

    int count() const { return static_cast<int>(told_.size()); }

    /// The bytes of a token, as they stand in the story.
    std::string_view text(int at) {
        const auto place = static_cast<std::size_t>(at);
        text_ = std::string(tokenizer_[told_[place]]);
        if (const int code = io::fallback_byte(text_); code >= 0)
            text_ = std::string(1, static_cast<char>(static_cast<unsigned char>(code)));
        else if (told_[place] == begin_of_text)
            text_.clear();
        else if (at == 1 && text_.starts_with(' '))
            text_.erase(0, 1);
        return text_;
    }

    /// Of each layer and head a row of weights for each token.
    const float* attention() {
        weights_.clear();
        const auto heads = draw::attention_of<Model>(*parameters_, {told_}, *workspace_);
        for (const draw::head_weights& head : heads)
            weights_.insert(weights_.end(), head.weights.begin(), head.weights.end());
        return weights_.data();
    }

  private:
    tokenizers::tokenizer tokenizer_;
    std::unique_ptr<Model::parameters<float>> parameters_ = make_unique<Model::parameters<float>>();
    std::unique_ptr<Model::state<float>> state_ = make_unique<Model::state<float>>();
    std::unique_ptr<Model::workspace<float>> workspace_ = make_unique<Model::workspace<float>>();
    random_numbers random_{1};
    std::vector<std::int32_t> told_;
    std::vector<float> logits_;
    std::vector<float> weights_;
    std::string text_;

    template <class Logits>
    static std::vector<float> row_of(const Logits& logits) {
        const auto row = logits.span();
        return {row.begin(), row.end()};
    }
};

std::unique_ptr<Session> session;

std::span<const std::byte> bytes_of(const char* data, int size) {
    return std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
}

}  // namespace

/// Room for what the page hands over.
EXPORTED("room") char* story_room(int size) {
    return new char[static_cast<std::size_t>(size)];
}
EXPORTED("release") void story_release(char* room) {
    delete[] room;
}
EXPORTED("open")
void story_open(const char* checkpoint, int size, const char* vocabulary, int vocabulary_size) {
    session = std::make_unique<Session>(bytes_of(checkpoint, size),
                                        bytes_of(vocabulary, vocabulary_size));
}
EXPORTED("begin") int story_begin(const char* text, int size) {
    return session->begin({text, static_cast<std::size_t>(size)});
}
EXPORTED("go_on") int story_go_on(float temperature) {
    return session->go_on(temperature) ? 1 : 0;
}
EXPORTED("count") int story_count() {
    return session->count();
}
EXPORTED("text") const char* story_text(int at) {
    return session->text(at).data();
}
EXPORTED("text_size") int story_text_size(int at) {
    return static_cast<int>(session->text(at).size());
}
EXPORTED("attention") const float* story_attention() {
    return session->attention();
}
EXPORTED("layers") int story_layers() {
    return Model::shape.depth;
}
EXPORTED("heads") int story_heads() {
    return Model::shape.heads;
}
