// Tells a story with a checkpoint of llama2.c, or talks with it, as its run does.
//
//     llama2c MODEL [-t TEMPERATURE] [-p TOP_P] [-s SEED] [-n STEPS] [-i PROMPT] [-z TOKENIZER]
//             [-m generate|chat] [-y SYSTEM] [-w FORMAT] [-q TEXT]
//
// The checkpoint's header chooses one of the models below, each of which the compiler has planned.

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <sequent/draw/attention_page.hpp>
#include <sequent/packed.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "options.hpp"
#include "sampling.hpp"
#include "weights.hpp"

namespace {

using namespace sequent;

/// Calls f for the model that fits a checkpoint. One model more is one line more; that of
/// stories42M would be
/// llama<width<512>, hidden<1376>, depth<8>, heads<8>, vocabulary<32000>, tokens<1024>>.
template <class F>
void visit_models(const io::source& checkpoint, F f) {
    // clang-format off
    io::visit<
        llama<width<64>, hidden<172>, depth<5>, heads<8>, key_heads<4>, vocabulary<512>, tokens<512>>,  // stories260K
        llama<width<288>, hidden<768>, depth<6>, heads<6>, vocabulary<32000>, tokens<256>>              // stories15M
        >(checkpoint, f);
    // clang-format on
}

/// Eight bits in the groups of llama2.c's files of version 2: of 64, or as many as divide all rows.
struct groups {
    static constexpr std::string_view name = "q8";
    template <class Model>
    using of = q8<std::gcd(std::gcd(64, Model::shape.width), Model::shape.hidden)>;
};
using formats = examples::weight_formats<bf16, q8_0, q4_0, q4_1, groups>;

constexpr std::string_view help_text =
    R"(llama2c MODEL [-t TEMPERATURE] [-p TOP_P] [-s SEED] [-n STEPS] [-i PROMPT] [-z TOKENIZER]
        [-m generate|chat] [-y SYSTEM] [-w FORMAT] [-q TEXT] [--page FILE]

Continues a prompt with a checkpoint of llama2.c, of any version, or talks with it. The story goes to standard
output, the tokens per second to standard error.

  -n STEPS             tokens to tell (256); 0, or more than the model has positions, is as many as it has
  -i PROMPT            what the story begins with (nothing), or the first message of a chat
  -z TOKENIZER         the file of the tokens (tokenizer.bin)
  -m generate|chat     tell a story, or answer messages, each a line of standard input (generate)
  -y SYSTEM            what a chat begins with (a line of standard input)
  -w, --weights FORMAT f32, or fewer bits: bf16, q8_0, q4_0, q4_1, or q8, which computes as
                       llama2.c's runq does with a checkpoint of version 2 (f32)
  -q TEXT              compares the formats: the perplexity of the first 2000 tokens of this file,
                       the milliseconds that a token takes, and the megabytes of the weights
  --page FILE          with -w f32: an HTML page of the story's attention, and of what each layer
                       predicts
)";

struct Options {
    std::string model;
    std::string tokenizer = "tokenizer.bin";
    std::optional<std::string> prompt;
    std::optional<std::string> system;
    std::string_view weights = "f32";
    std::string text;
    std::string page;
    bool chats = false;
    int steps = 256;
    examples::sampling_options sampling{{.temperature = 1, .top_p = 0.9}};
};

Options read_options(int count, char** arguments) {
    Options options;
    const std::string help =
        std::string(help_text) + std::string(examples::sampling_options::help_text);
    for (examples::command_line line(count, arguments, help); line.next();) {
        // clang-format off
        if (line.is("-n")) options.steps = line.whole(0, 1000000000);
        else if (line.is("-i")) options.prompt = line.text();
        else if (line.is("-z")) options.tokenizer = line.text();
        else if (line.is("-y")) options.system = line.text();
        else if (line.is("-m")) options.chats = line.one_of({"generate", "chat"}) == 1;
        else if (line.is("--page")) options.page = line.output();
        else if (line.is("-q")) options.text = line.text();
        else if (line.is("-w") || line.is("--weights")) options.weights = formats::read(line);
        else if (options.sampling.read(line)) continue;
        else if (line.is_option()) line.refuse();
        else line.once(options.model, "MODEL");
        // clang-format on
    }
    if (!options.page.empty() &&
        (options.weights != "f32" || options.chats || !options.text.empty()))
        throw std::invalid_argument("--page needs -w f32 and -m generate, without -q");
    if (options.model.empty()) throw std::invalid_argument("MODEL is missing; --help tells more");
    return options;
}

/// The tokens of a vocabulary, as llama2.c encodes and prints them.
class Tokens {
  public:
    static constexpr std::int32_t begin = 1, end = 2;

    Tokens(const std::string& path, int vocabulary)
        : tokenizer_(tokenizers::from_llama2c(path)), vocabulary_(vocabulary) {
        if (tokenizer_.size() < vocabulary)
            throw std::runtime_error(path + ": has " + std::to_string(tokenizer_.size()) +
                                     " tokens, the model has " + std::to_string(vocabulary));
    }

    std::vector<std::int32_t> encode(const std::string& text) const {
        auto ids = tokenizer_.encode(text).ids;
        for (const std::int32_t id : ids)
            if (id >= vocabulary_)
                throw std::runtime_error("the prompt has the token " + std::to_string(id) +
                                         ", beyond the model's " + std::to_string(vocabulary_));
        return ids;
    }

    /// The text of a token in pictures.
    std::string text(std::int32_t id) const { return std::string(tokenizer_[id]); }

    /// Prints what a token stands for behind another, but no lone byte that is a control character.
    void print(std::int32_t previous, std::int32_t id) const {
        std::string_view text = tokenizer_[id];
        char letter = 0;
        if (const int code = io::fallback_byte(text); code >= 0) {
            letter = static_cast<char>(static_cast<unsigned char>(code));
            text = {&letter, 1};
        } else if (previous == begin && text.starts_with(' ')) {
            text.remove_prefix(1);
        }
        if (text.size() == 1) {
            const auto byte = static_cast<unsigned char>(text[0]);
            if (!std::isprint(byte) && !std::isspace(byte)) return;
        }
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    }

  private:
    tokenizers::tokenizer tokenizer_;
    int vocabulary_;
};

template <class Model, class Weights>
class Teller {
  public:
    Teller(const Weights& weights, const Options& options)
        : options_(options),
          weights_(weights),
          tokens_(options.tokenizer, Model::shape.vocabulary),
          choose_(options.sampling.sampler(Model::shape.vocabulary)) {}

    void run() {
        if (options_.chats) {
            chat();
        } else {
            tell(options_.prompt.value_or(""));
        }
        std::printf("\n");
    }

    /// Prints how well a text is predicted, in windows of as many tokens as the model has
    /// positions.
    void judge(std::string_view format) {
        const io::source file(options_.text);
        const auto bytes = file.bytes().first(std::min<std::size_t>(file.bytes().size(), 20000));
        std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        while (!text.empty() && !io::is_utf8(text)) text.pop_back();
        std::vector<std::int32_t> tokens = tokens_.encode(text);
        if (tokens.size() > 2000) tokens.resize(2000);
        if (tokens.size() < 2) throw std::runtime_error(options_.text + ": has no text to predict");
        const auto start = std::chrono::steady_clock::now();
        double sum = 0;
        for (std::size_t at = 0; at + 1 < tokens.size(); ++at) {
            if (state_->position() == Model::shape.tokens) state_->reset();
            const auto logits = Model::step(weights_, {tokens[at]}, *state_);
            double total = 0;
            for (int symbol = 0; symbol < logits.size(); ++symbol)
                total += std::exp(static_cast<double>(logits(symbol) - logits(0)));
            sum += std::log(total) - static_cast<double>(logits(tokens[at + 1]) - logits(0));
        }
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        const auto count = static_cast<double>(tokens.size() - 1);
        std::printf("%-5s perplexity %8.4f   %8.4f ms   %8.2f MB\n", std::string(format).c_str(),
                    std::exp(sum / count), time.count() * 1e3 / count,
                    static_cast<double>(sizeof(Weights)) * 1e-6);
    }

  private:
    void tell(const std::string& text) {
        const std::vector<std::int32_t> prompt = tokens_.encode(text);
        std::vector<std::int32_t> told{prompt[0]};
        // What every position predicts is told; of the last one too.
        std::int32_t previous = prompt[0];
        const auto tell_next = [&](std::int32_t next) {
            if (next == Tokens::begin) return false;  // another text
            tokens_.print(previous, next);
            told.push_back(previous = next);
            return true;
        };
        const int size = static_cast<int>(prompt.size());
        for (int at = 1; at < size && at <= steps_; ++at)
            if (!tell_next(prompt[static_cast<std::size_t>(at)])) return;
        if (size > steps_) return;
        using clock = std::chrono::steady_clock;
        auto logits = Model::prefill(weights_, {prompt}, *state_);
        const auto start = clock::now();
        const int from = state_->position();
        while (tell_next(choose_(logits)) && state_->position() < steps_)
            logits = Model::step(weights_, {previous}, *state_);
        const double seconds = std::chrono::duration<double>(clock::now() - start).count();
        std::fprintf(stderr, "%.0f tokens/s\n", (state_->position() - from) / seconds);
        if constexpr (std::is_same_v<Weights, typename Model::template parameters<float>>)
            if (!options_.page.empty()) write_page(std::move(told));
    }

    /// A page of the attention within a story.
    void write_page(std::vector<std::int32_t> story) const {
        story.resize(std::min<std::size_t>(story.size(), Model::shape.tokens));
        draw::attention_labels labels{.title = "Attention of a story"};
        for (const std::int32_t each : story) labels.tokens.push_back(tokens_.text(each));
        std::vector<std::string> texts;
        for (std::int32_t id = 0; id < Model::shape.vocabulary; ++id)
            texts.push_back(tokens_.text(id));
        story.resize(Model::shape.tokens);
        const auto w = make_unique<typename Model::template workspace<float>>();
        draw::language_model<Model>(options_.page, weights_, {story}, *w, texts, labels);
        std::fprintf(stderr, "the page of its attention is %s\n", options_.page.c_str());
    }

    void chat() {
        const auto read = [](const char* question, std::string& to) {
            std::cout << question << std::flush;
            return static_cast<bool>(std::getline(std::cin, to));
        };
        std::string system = options_.system.value_or("");
        if (!options_.system && !read("Enter system prompt (optional): ", system)) return;
        while (state_->position() < steps_) {
            std::string message = options_.prompt.value_or("");
            const bool is_first = state_->position() == 0;
            if ((!is_first || !options_.prompt) && !read("User: ", message)) return;
            if (is_first && !system.empty())
                message = "<<SYS>>\n" + system + "\n<</SYS>>\n\n" + message;
            std::vector<std::int32_t> prompt = tokens_.encode("[INST] " + message + " [/INST]");
            std::cout << "Assistant: " << std::flush;
            if (std::ssize(prompt) > steps_ - state_->position()) return;
            auto logits = Model::prefill(weights_, {prompt}, *state_);
            for (std::int32_t previous = prompt.back();;) {
                const std::int32_t next = choose_(logits);
                if (next != Tokens::end) tokens_.print(previous, next);
                if (state_->position() == steps_) return;
                logits = Model::step(weights_, {next}, *state_);
                if (next == Tokens::end) break;
                previous = next;
            }
            std::cout << '\n';
        }
    }

    const Options& options_;
    const Weights& weights_;
    Tokens tokens_;
    sampler choose_;
    int steps_ = options_.steps == 0 || options_.steps > Model::shape.tokens ? Model::shape.tokens
                                                                             : options_.steps;
    std::unique_ptr<typename Model::template state<float>> state_ =
        make_unique<typename Model::template state<float>>();
};

void run(const Options& options) {
    const io::source checkpoint(options.model);
    visit_models(checkpoint, [&]<class Model>() {
        const auto load = [&](auto& parameters) {
            io::load_llama2c<Model>(checkpoint, parameters);
        };
        const auto load_packed = [&]<class Packed>() {
            return io::load_packed_llama2c<Packed, Model>(checkpoint);
        };
        const auto run_in = [&](std::string_view format) {
            formats::visit<Model>(format, load, load_packed, [&](const auto& weights) {
                Teller<Model, std::remove_cvref_t<decltype(weights)>> teller(weights, options);
                options.text.empty() ? teller.run() : teller.judge(format);
            });
        };
        if (options.text.empty()) return run_in(options.weights);
        for (const std::string_view format : formats::names) run_in(format);
    });
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("llama2c", [&] { run(read_options(count, arguments)); });
}
