// Trains a character-level transformer on a text and prints text of its own.
//
//     char_lm [FILE] [options]
//
// Without a FILE it learns from the sources of this library. It keeps the best model that it has
// found, and a second run goes on from there. The target char_lm_bf16 is the same program with
// products in bfloat16, which are faster where the processor has vdpbf16ps.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <sequent/draw/attention_page.hpp>
#include <sequent/fit.hpp>
#include <sequent/sequent.hpp>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "options.hpp"

#if defined(CHAR_LM_BF16)
#include <sequent/packed.hpp>
#endif

namespace {

using sequent::depth, sequent::heads, sequent::tokens, sequent::vocabulary, sequent::width;

// A symbol is a byte, so that any text will do.
constexpr int context = 64;
constexpr int symbols = 256;
using Model = sequent::transformer::language_model<vocabulary<symbols>, tokens<context>, width<128>,
                                                   heads<4>, depth<4>, sequent::biases<false>>;
using Text = std::vector<std::int32_t>;
using Window = std::span<const std::int32_t>;

constexpr std::string_view help_text = R"(char_lm [FILE] [options]

Trains a transformer (4 layers, 4 heads, width 128, 64 positions) to predict the next
character of FILE, or of this library's own sources, and prints text that it generates.
The model of the lowest validation loss is kept in a file, with all that is needed to go
on from there; Ctrl-C stops the training early.

  --steps N        training steps in all (2000, or as many as the kept model was to take)
  --batch N        sequences in a step (12, or the kept model's)
  --threads N      threads to train with (all of the machine); the numbers do not depend on it
  --rate R         highest learning rate (0.002, or the kept model's)
  --seed N         for parameters, batches and generation (1)
  --model PATH     where the model is kept, 10 MB (char_lm.safetensors beside the program)
  --fresh          begin anew; a kept model is replaced by a better one alone
  --generate N     characters to generate (600)
  --prompt TEXT    what the generated text begins with (a line break)
  --temperature T  0 takes the likeliest character, 1 samples as predicted (0.8)
  --page FILE      an HTML page of the attention to the last characters, and of what each layer
                   predicts
)";

struct Options {
    std::string file;
    std::string model;
    std::string prompt = "\n";
    std::string page;
    int steps = 2000;
    int batch = 12;
    int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    int seed = 1;
    int generate = 600;
    double rate = 2e-3;
    double temperature = 0.8;
    bool fresh = false;
    bool states_steps = false;
    bool states_batch = false;
    bool states_rate = false;
};

Options read_options(int count, char** arguments) {
    Options options;
    options.model =
        (std::filesystem::path(arguments[0]).parent_path() / "char_lm.safetensors").string();
    constexpr int many = 1'000'000'000;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("--steps")) { options.steps = line.whole(1, many); options.states_steps = true; }
        else if (line.is("--batch")) { options.batch = line.whole(1, 1'000'000); options.states_batch = true; }
        else if (line.is("--rate")) { options.rate = line.number("0", "1000"); options.states_rate = true; }
        else if (line.is("--threads")) options.threads = line.whole(1, 1024);
        else if (line.is("--seed")) options.seed = line.whole(0, many);
        else if (line.is("--generate")) options.generate = line.whole(0, many);
        else if (line.is("--temperature")) options.temperature = line.number("0", "1000");
        else if (line.is("--model")) options.model = line.output();
        else if (line.is("--prompt")) options.prompt = line.text();
        else if (line.is("--page")) options.page = line.output();
        else if (line.is("--fresh")) options.fresh = true;
        else if (line.is_option()) line.refuse();
        else line.once(options.file, "FILE");
        // clang-format on
    }
    return options;
}

void append_file(Text& text, const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    for (std::istreambuf_iterator<char> at(file), end; at != end; ++at)
        text.push_back(static_cast<unsigned char>(*at));
}

/// The file, or else the README and the sources of this library, in the order of their names.
Text read_text(const std::string& file) {
    Text text;
    if (!file.empty()) {
        append_file(text, file);
    } else {
        const std::filesystem::path root = SEQUENT_SOURCE_DIR;
        std::set<std::filesystem::path> sources{root / "README.md"};
        for (const char* folder : {"include", "examples", "tests"})
            for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
                const auto extension = entry.path().extension();
                if (extension == ".hpp" || extension == ".cpp") sources.insert(entry.path());
            }
        for (const auto& source : sources) append_file(text, source);
    }
    if (text.size() < 20 * (context + 1))
        throw std::runtime_error("the text has " + std::to_string(text.size()) +
                                 " characters; at least " + std::to_string(20 * (context + 1)) +
                                 " are needed");
    return text;
}

class Trainer {
  public:
    /// `options` are those of the kept model, where they are not stated, once it is loaded.
    explicit Trainer(Options& options)
        : options_(options),
          pool_(static_cast<int>(options.threads)),
          random_(static_cast<std::uint64_t>(options.seed)),
          trainer_(pool_, random_.next(),
                   {.weight_decay = 0.1, .adam = {.beta1 = 0.9, .beta2 = 0.99}}) {}

    std::int64_t steps() const { return trainer_.steps(); }

    /// Parameters, optimiser, random state and schedule, as they were when they were saved.
    void load(const std::string& path) {
        const auto metadata = trainer_.load(path);
        const auto with = [&](const char* name, bool stated, auto set) {
            const auto found = metadata.find(name);
            if (found != metadata.end() && !stated) set(found->second.c_str());
        };
        with("random", false,
             [&](const char* text) { random_.restore(std::strtoull(text, nullptr, 10)); });
        with("steps", options_.states_steps,
             [&](const char* text) { options_.steps = std::max(1, std::atoi(text)); });
        with("batch", options_.states_batch,
             [&](const char* text) { options_.batch = std::max(1, std::atoi(text)); });
        with("rate", options_.states_rate,
             [&](const char* text) { options_.rate = std::strtod(text, nullptr); });
    }
    void save(const std::string& path) {
        trainer_.save(path, {{"random", std::to_string(random_.state())},
                             {"steps", std::to_string(options_.steps)},
                             {"batch", std::to_string(options_.batch)},
                             {"rate", sequent::number_text(options_.rate)}});
    }

    /// One step over a batch of random windows; the mean loss in nats per character.
    double step(Window text, double rate) {
        clear_windows();
        const auto last = static_cast<int>(text.size()) - context - 1;
        for (int sequence = 0; sequence < options_.batch; ++sequence)
            add_window(text.subspan(static_cast<std::size_t>(random_.below(last + 1))));
        const float scale = 1 / static_cast<float>(options_.batch);
        return trainer_.step(
            facts_, rate, [&](int sequence, const auto& logits, const auto& gradient) {
                return sequent::train::cross_entropy(logits,
                                                     targets_[static_cast<std::size_t>(sequence)],
                                                     gradient, {.scale = scale});
            });
    }

    /// The mean loss over windows side by side, at most `most` of them.
    double evaluate(Window text, std::size_t most) {
        clear_windows();
        const std::size_t windows = (text.size() - 1) / context;
        const std::size_t stride = std::max<std::size_t>(1, windows / most);
        for (std::size_t at = 0; at < windows; at += stride) add_window(text.subspan(at * context));
        std::vector<float> losses(facts_.size());
        Model::forward_batch(trainer_.parameters(), facts_, trainer_.batch(),
                             [&](int sequence, const auto& logits) {
                                 const auto at = static_cast<std::size_t>(sequence);
                                 losses[at] = sequent::train::cross_entropy(logits, targets_[at]);
                             });
        double loss = 0;
        for (const float each : losses) loss += static_cast<double>(each);
        return loss / static_cast<double>(losses.size());
    }

    /// Continues the prompt, one character at a time, and prints as it goes.
    void generate(const std::string& prompt, int length) {
        Text window(context, '\n');
        int position = 0;
        auto append = [&](std::int32_t symbol) {
            if (position == context) {
                std::shift_left(window.begin(), window.end(), 1);
                --position;
            }
            window[static_cast<std::size_t>(position++)] = symbol;
        };
        for (const char character : prompt) append(static_cast<unsigned char>(character));
        std::cout << prompt;
        sequent::sampler choose(symbols, {.temperature = options_.temperature}, random_.next());
        for (int at = 0; at < length; ++at) {
            const auto logits =
                Model::forward(trainer_.parameters(), {window}, trainer_.batch().workspace(0));
            const std::int32_t next =
                choose(std::span<const float>(&logits(position - 1, 0), symbols));
            std::cout << static_cast<char>(next) << std::flush;
            append(next);
        }
        std::cout << '\n';
        if (!options_.page.empty()) write_page(window, position);
    }

  private:
    Options& options_;
    sequent::thread_pool pool_;
    sequent::random_numbers random_;
#if defined(CHAR_LM_BF16)
    using Products = sequent::bf16;
#else
    using Products = float;
#endif
    sequent::train::trainer<Model, float, sequent::train::adam_w<float>, Products> trainer_;
    std::vector<Model::facts<float>> facts_;  // of the batch at hand: its sequences
    std::vector<Window> targets_;             // and the characters that follow each of theirs

    /// A page of the attention within the first characters of a window.
    void write_page(const Text& window, int characters) {
        std::vector<std::string> texts(symbols);
        for (std::size_t byte = 0; byte < texts.size(); ++byte)
            texts[byte] = byte < 128 ? std::string(1, static_cast<char>(byte))
                                     : "byte " + std::to_string(byte);
        sequent::draw::attention_labels labels{.title = "Attention of char_lm"};
        for (int at = 0; at < characters; ++at)
            labels.tokens.push_back(
                texts[static_cast<std::size_t>(window[static_cast<std::size_t>(at)])]);
        const auto w = sequent::make_unique<Model::workspace<float>>();
        sequent::draw::language_model<Model>(options_.page, trainer_.parameters(), {window}, *w,
                                             texts, labels);
        std::cout << "\nThe page of its attention is " << options_.page << '\n';
    }

    void clear_windows() {
        facts_.clear();
        targets_.clear();
    }
    void add_window(Window text) {
        facts_.push_back({text.first(context)});
        targets_.push_back(text.subspan(1, context));
    }
};

/// The windows of the held-out text that are looked at while it trains.
constexpr std::size_t some = 100;

/// Trains to the end of the schedule, or to Ctrl-C, and saves each model that is better than
/// `best`, the lowest validation loss so far. The result's best_step is -1 if none was.
sequent::train::fit_result train(Trainer& trainer, const Options& options, Window text,
                                 Window held_out, double best) {
    return sequent::train::fit(
        {.rate = {.peak = options.rate,
                  .floor = options.rate / 10,
                  .warmup_steps = std::min(100, options.steps / 10),
                  .total_steps = options.steps},
         .first_step = trainer.steps(),
         .best = best,
         .item = "tokens",
         .items_per_step = static_cast<double>(options.batch) * context,
         .progress = stdout},
        [&](double rate) { return trainer.step(text, rate); },
        [&] { return trainer.evaluate(held_out, some); }, [&] { trainer.save(options.model); });
}

void run(Options options) {
    const Text text = read_text(options.file);
    const Window all(text);
    const std::size_t split = text.size() / 10 * 9;
    const Window learned = all.first(split), held_out = all.subspan(split);
    std::printf("%zu characters, the last tenth held out; %d parameters\n", text.size(),
                Model::parameter_count);
    // That the model cannot be saved should be known before it has been trained.
    sequent::io::file_replacement{options.model};
    std::printf("the best model is kept in %s\n", options.model.c_str());

    auto trainer = std::make_unique<Trainer>(options);
    double best = std::numeric_limits<double>::infinity();
    std::int64_t best_step = -1;  // of the model in the file, if training goes on from it
    if (std::filesystem::exists(options.model)) {
        Options kept = options;
        auto loaded = std::make_unique<Trainer>(options.fresh ? kept : options);
        loaded->load(options.model);
        best = loaded->evaluate(held_out, some);
        if (!options.fresh) best_step = loaded->steps();
        std::printf("%s step %lld of it, whose validation loss is %.3f\n",
                    options.fresh ? "not going on from" : "going on from",
                    static_cast<long long>(loaded->steps()), best);
        if (!options.fresh) trainer = std::move(loaded);
    }
    if (trainer->steps() >= options.steps)
        std::printf("its %d steps are done; --steps N goes on to N\n", options.steps);
    const auto trained = train(*trainer, options, learned, held_out, best);
    if (trained.best_step >= 0) best_step = trained.best_step;
    // Before the first step was evaluated there may be no file.
    if (best_step != trainer->steps() && std::filesystem::exists(options.model)) {
        trainer->load(options.model);
        std::printf("the best model is that of step %lld\n",
                    static_cast<long long>(trainer->steps()));
    }
    std::printf("loss over the whole last tenth: %.4f nats per character\n\n",
                trainer->evaluate(held_out, text.size()));
    trainer->generate(options.prompt, options.generate);
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("char_lm", [&] { run(read_options(count, arguments)); });
}
