// Tells a story with a checkpoint of llama2.c, as its run does.
//
//     llama2c MODEL TOKENIZER [-n STEPS] [-t TEMPERATURE] [-p TOP_P] [-s SEED] [-i PROMPT] [-w
//     TYPE]
//
// The checkpoint's header chooses one of the models below, each of which the compiler has planned.

#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sequent/packed.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace {

using namespace sequent;

constexpr std::string_view help_text =
    R"(llama2c MODEL TOKENIZER [-n STEPS] [-t TEMPERATURE] [-p TOP_P] [-s SEED] [-i PROMPT] [-w TYPE]
llama2c MODEL TOKENIZER -q TEXT

Continues a prompt with a checkpoint of llama2.c, of any version, and its tokenizer. The story goes to standard
output, the tokens per second to standard error.

  -n STEPS         tokens to tell (256); 0, or more than the model has positions, is as many as it has
  -t TEMPERATURE   0 takes the likeliest token, 1 chooses as predicted (1)
  -p TOP_P         chooses among the fewest likeliest tokens of this probability; 0 and 1 take all (0.9)
  -s SEED          the same seed tells the same story; 0 takes the clock's (0)
  -i PROMPT        what the story begins with (nothing)
  -w TYPE          the weights in fewer bits: bf16, q8_0, q4_0 or q4_1; f32 leaves them (f32)
  -q TEXT          compares the types: the perplexity of the first 2000 tokens of this file, the
                   milliseconds a token takes, and the megabytes of the weights
)";

struct Options {
    std::string model;
    std::string tokenizer;
    std::string prompt;
    std::string weights = "f32";
    std::string text;
    int steps = 256;
    std::uint64_t seed = 0;
    sampling choice{.temperature = 1, .top_p = 0.9};
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("-n")) options.steps = line.whole(0, 1000000000);
        else if (line.is("-t")) options.choice.temperature = line.number("0", "1e9");
        else if (line.is("-p")) options.choice.top_p = line.number("0", "1");
        else if (line.is("-s")) options.seed = line.whole<std::uint64_t>(0, 1000000000000000);
        else if (line.is("-i")) options.prompt = line.text();
        else if (line.is("-w")) options.weights = line.text();
        else if (line.is("-q")) options.text = line.text();
        else if (line.is_option()) line.refuse();
        else if (options.model.empty()) options.model = line.word();
        else line.once(options.tokenizer, "MODEL and one TOKENIZER");
        // clang-format on
    }
    if (options.tokenizer.empty()) throw std::invalid_argument("MODEL and TOKENIZER are needed");
    if (options.choice.top_p == 0) options.choice.top_p = 1;
    if (options.seed == 0)
        options.seed =
            static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    return options;
}

/// Prints what a token stands for, but no lone byte that is a control character.
void print(std::string_view text) {
    if (text.size() == 1) {
        const auto byte = static_cast<unsigned char>(text[0]);
        if (!std::isprint(byte) && !std::isspace(byte)) return;
    }
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

std::vector<std::int32_t> encode(const io::tokenizer& tokenizer, const Options& options,
                                 int vocabulary) {
    if (tokenizer.size() < vocabulary)
        throw std::runtime_error(options.tokenizer + ": has " + std::to_string(tokenizer.size()) +
                                 " tokens, the model has " + std::to_string(vocabulary));
    const auto tokens = tokenizer.encode(options.prompt);
    for (const std::int32_t token : tokens)
        if (token >= vocabulary)
            throw std::runtime_error("the prompt has the token " + std::to_string(token) +
                                     ", beyond the model's " + std::to_string(vocabulary));
    return tokens;
}

/// With parameters or packed weights.
template <class Model, class Weights>
void tell(const Weights& weights, const Options& options) {
    constexpr int length = Model::shape.tokens;
    const io::tokenizer tokenizer(options.tokenizer);
    const std::vector<std::int32_t> prompt = encode(tokenizer, options, Model::shape.vocabulary);
    sampler choose(Model::shape.vocabulary, options.choice, options.seed);
    const auto state = make_unique<typename Model::template state<float>>();

    // What every position predicts is told; of the last one too.
    const int steps = options.steps == 0 || options.steps > length ? length : options.steps;
    std::int32_t previous = prompt[0];
    const auto tell_next = [&](std::int32_t next) {
        if (next == io::tokenizer::begin) return false;  // another text
        print(tokenizer.decode(previous, next));
        previous = next;
        return true;
    };
    bool goes_on = true;
    for (int at = 1; at < static_cast<int>(prompt.size()) && at <= steps && goes_on; ++at)
        goes_on = tell_next(prompt[static_cast<std::size_t>(at)]);
    if (goes_on && static_cast<int>(prompt.size()) <= steps) {
        using clock = std::chrono::steady_clock;
        auto logits = Model::prefill(weights, {prompt}, *state);
        const auto start = clock::now();
        const int from = state->position();
        while (tell_next(choose(logits)) && state->position() < steps)
            logits = Model::step(weights, {previous}, *state);
        const double seconds = std::chrono::duration<double>(clock::now() - start).count();
        std::fprintf(stderr, "%.0f tokens/s\n", (state->position() - from) / seconds);
    }
    std::printf("\n");
}

/// Prints how well a text is predicted, in windows of as many tokens as the model has positions.
template <class Model, class Weights>
void judge(const Weights& weights, const char* type, std::size_t bytes, const Options& options) {
    const io::tokenizer tokenizer(options.tokenizer);
    std::ifstream file(options.text, std::ios::binary);
    if (!file) throw std::runtime_error(options.text + ": cannot be opened");
    std::string text(20000, ' ');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    std::vector<std::int32_t> tokens = tokenizer.encode(text);
    if (tokens.size() > 2000) tokens.resize(2000);
    const auto state = make_unique<typename Model::template state<float>>();
    const auto start = std::chrono::steady_clock::now();
    double sum = 0;
    int count = 0, steps = 0;
    for (std::size_t at = 0; at + 1 < tokens.size(); ++at, ++steps) {
        if (state->position() == Model::shape.tokens) state->reset();
        const auto logits = Model::step(weights, {tokens[at]}, *state);
        double total = 0;
        for (int symbol = 0; symbol < logits.size(); ++symbol)
            total += std::exp(static_cast<double>(logits(symbol) - logits(0)));
        sum += std::log(total) - static_cast<double>(logits(tokens[at + 1]) - logits(0));
        ++count;
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%-5s perplexity %8.4f   %8.4f ms   %8.2f MB\n", type, std::exp(sum / count),
                seconds * 1e3 / steps, static_cast<double>(bytes) * 1e-6);
}

/// Calls f(weights, type, bytes), in a type or in all.
template <class Model, class F>
void with_weights(const io::source& checkpoint, const std::string& wanted, F f) {
    bool is_known = false;
    const auto is_wanted = [&](std::string_view type) {
        const bool result = wanted == "all" || wanted == type;
        is_known = is_known || result;
        return result;
    };
    if (is_wanted("f32")) {
        const auto parameters = make_unique<typename Model::template parameters<float>>();
        io::load_llama2c<Model>(checkpoint, *parameters);
        f(*parameters, "f32", sizeof *parameters);
    }
    const auto pack = [&]<class Format>(Format) {
        if (!is_wanted(Format::name)) return;
        using packed = typename Model::template packed<Format, pack_all>;
        f(*io::load_packed_llama2c<packed, Model>(checkpoint), Format::name.data(), sizeof(packed));
    };
    pack(bf16());
    pack(q8_0());
    pack(q4_0());
    pack(q4_1());
    if (!is_known)
        throw std::invalid_argument("-w " + wanted +
                                    ": the types are f32, bf16, q8_0, q4_0 and q4_1");
}

void run(const Options& options) {
    const io::source checkpoint(options.model);
    // One model more is one line more; that of stories42M would be
    // llama<width<512>, hidden<1376>, depth<8>, heads<8>, vocabulary<32000>, tokens<1024>>.
    // clang-format off
    io::visit<
        llama<width<64>, hidden<172>, depth<5>, heads<8>, key_heads<4>, vocabulary<512>, tokens<512>>,  // stories260K
        llama<width<288>, hidden<768>, depth<6>, heads<6>, vocabulary<32000>, tokens<256>>              // stories15M
        >(checkpoint, [&]<class Model>() {
            if (options.text.empty())
                with_weights<Model>(checkpoint, options.weights, [&](const auto& weights, const char*, std::size_t) {
                    tell<Model>(weights, options);
                });
            else
                with_weights<Model>(checkpoint, "all", [&](const auto& weights, const char* type, std::size_t bytes) {
                    judge<Model>(weights, type, bytes, options);
                });
        });
    // clang-format on
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("llama2c", [&] { run(read_options(count, arguments)); });
}
