// Trains a character-level transformer on a text and prints text of its own.
//
//     char_lm [FILE] [options]
//
// Without a FILE it learns from the sources of this library. It keeps the best model that it has
// found, and a second run goes on from there.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <sequent/packed.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "options.hpp"

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
  --bf16           train with products in bfloat16, faster where the processor has vdpbf16ps
  --fresh          begin anew; a kept model is replaced by a better one alone
  --generate N     characters to generate (600)
  --prompt TEXT    what the generated text begins with (a line break)
  --temperature T  0 takes the likeliest character, 1 samples as predicted (0.8)
)";

struct Options {
    std::string file;
    std::string model;
    std::string prompt = "\n";
    int steps = 2000;
    int batch = 12;
    int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    int seed = 1;
    int generate = 600;
    double rate = 2e-3;
    double temperature = 0.8;
    bool bf16 = false;
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
        else if (line.is("--model")) options.model = line.text();
        else if (line.is("--prompt")) options.prompt = line.text();
        else if (line.is("--bf16")) options.bf16 = true;
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
        std::vector<std::filesystem::path> sources{root / "README.md"};
        for (const char* folder : {"include", "examples", "tests"})
            for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
                const auto extension = entry.path().extension();
                if (extension == ".hpp" || extension == ".cpp") sources.push_back(entry.path());
            }
        std::sort(sources.begin(), sources.end());
        for (const auto& source : sources) append_file(text, source);
    }
    if (text.size() < 20 * (context + 1))
        throw std::runtime_error("the text has " + std::to_string(text.size()) +
                                 " characters; at least " + std::to_string(20 * (context + 1)) +
                                 " are needed");
    return text;
}

volatile std::sig_atomic_t interrupted = 0;

/// Products: float, or sequent::bf16.
template <class Products>
class Trainer {
  public:
    /// `options` are those of the kept model, where they are not stated, once it is loaded.
    explicit Trainer(Options& options)
        : options_(options),
          pool_(static_cast<int>(options.threads)),
          random_(static_cast<std::uint64_t>(options.seed)) {
        Model::initialize(*parameters_, random_.next());
        Model::mark_decayed(*gradient_);
        optimizer_ = std::make_unique<sequent::train::adam_w<float>>(
            gradient_->flat().size(), 0.1, gradient_->flat(),
            sequent::train::adam_options{.beta1 = 0.9, .beta2 = 0.99});
        *gradient_ = {};
    }

    std::int64_t steps() const { return optimizer_->steps(); }

    /// Parameters, optimiser, random state and schedule, as they were when they were saved.
    void load(const std::string& path) {
        const auto metadata = sequent::train::load_checkpoint<Model>(
            path, std::span<float>(parameters_->flat()), *optimizer_);
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
        sequent::train::save_checkpoint<Model>(path, std::span<float>(parameters_->flat()),
                                               *optimizer_,
                                               {{"random", std::to_string(random_.state())},
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
        const double loss = Model::backward_batch(
            *parameters_, facts_,
            [&](int sequence, const auto& logits, const auto& gradient) {
                return sequent::train::cross_entropy(logits,
                                                     targets_[static_cast<std::size_t>(sequence)],
                                                     gradient, {.scale = scale});
            },
            batch_, *gradient_);
        const double norm = sequent::train::norm<float>(gradient_->flat(), pool_);
        optimizer_->step_and_clear(parameters_->flat(), gradient_->flat(), rate,
                                   sequent::train::clip_factor(norm, 1.0F), pool_);
        return loss / static_cast<double>(options_.batch);
    }

    /// The mean loss over windows side by side, at most `most` of them.
    double evaluate(Window text, std::size_t most) {
        clear_windows();
        const std::size_t windows = (text.size() - 1) / context;
        const std::size_t stride = std::max<std::size_t>(1, windows / most);
        for (std::size_t at = 0; at < windows; at += stride) add_window(text.subspan(at * context));
        std::vector<float> losses(facts_.size());
        Model::forward_batch(*parameters_, facts_, batch_, [&](int sequence, const auto& logits) {
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
            const auto logits = Model::forward(*parameters_, {window}, batch_.workspace(0));
            const std::int32_t next =
                choose(std::span<const float>(&logits(position - 1, 0), symbols));
            std::cout << static_cast<char>(next) << std::flush;
            append(next);
        }
        std::cout << '\n';
    }

  private:
    Options& options_;
    sequent::thread_pool pool_;
    sequent::random_numbers random_;
    std::unique_ptr<Model::parameters<float>> parameters_ =
        sequent::make_unique<Model::parameters<float>>();
    std::unique_ptr<Model::parameters<float>> gradient_ =
        sequent::make_unique<Model::parameters<float>>();
    Model::batch<float, Products> batch_{pool_};
    std::vector<Model::facts<float>> facts_;  // of the batch at hand: its sequences
    std::vector<Window> targets_;             // and the characters that follow each of theirs
    std::unique_ptr<sequent::train::adam_w<float>> optimizer_;

    void clear_windows() {
        facts_.clear();
        targets_.clear();
    }
    void add_window(Window text) {
        facts_.push_back({text.first(context)});
        targets_.push_back(text.subspan(1, context));
    }
};

std::string duration(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    if (whole < 60) return std::to_string(whole) + " s";
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

/// The windows of the held-out text that are looked at while it trains.
constexpr std::size_t some = 100;

/// The lowest validation loss, and the step that had it; its model stands in the file.
struct Best {
    double loss = std::numeric_limits<double>::infinity();
    std::int64_t step = -1;
};

/// Trains to the end of the schedule, or to Ctrl-C, and saves each model that is the best so far.
template <class Products>
void train(Trainer<Products>& trainer, const Options& options, Window text, Window held_out,
           Best& best) {
    using clock = std::chrono::steady_clock;
    const std::int64_t first = trainer.steps(), last = options.steps;
    const sequent::train::schedule rate{.peak = options.rate,
                                        .floor = options.rate / 10,
                                        .warmup_steps = std::min<std::int64_t>(100, last / 10),
                                        .total_steps = last};
    const std::int64_t report = std::max<std::int64_t>(1, (last - first) / 20);
    const auto start = clock::now();
    double training = 0;
    int steps = 0;
    for (std::int64_t at = first; at < last && !interrupted;) {
        training += trainer.step(text, rate(at));
        ++steps;
        ++at;
        if ((at - first) % report != 0 && at != last && !interrupted) continue;
        const double validation = trainer.evaluate(held_out, some);
        const double seconds = std::chrono::duration<double>(clock::now() - start).count();
        const double done = static_cast<double>(at - first);
        const bool is_best = validation < best.loss;
        std::printf(
            "step %5lld of %lld   training loss %.3f   validation loss %.3f%s   "
            "%6.0f tokens/s   %s left\n",
            static_cast<long long>(at), static_cast<long long>(last), training / steps, validation,
            is_best ? "" : " (not the best)",
            done * static_cast<double>(options.batch) * context / seconds,
            duration(seconds / done * static_cast<double>(last - at)).c_str());
        std::fflush(stdout);
        training = 0;
        steps = 0;
        if (!is_best) continue;
        trainer.save(options.model);
        best = {validation, at};
    }
    if (interrupted) std::printf("stopped at step %lld\n", static_cast<long long>(trainer.steps()));
}

template <class Products>
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

    auto trainer = std::make_unique<Trainer<Products>>(options);
    Best best;
    if (std::filesystem::exists(options.model)) {
        Options kept = options;
        auto loaded = std::make_unique<Trainer<Products>>(options.fresh ? kept : options);
        loaded->load(options.model);
        best = {loaded->evaluate(held_out, some), options.fresh ? -1 : loaded->steps()};
        std::printf("%s step %lld of it, whose validation loss is %.3f\n",
                    options.fresh ? "not going on from" : "going on from",
                    static_cast<long long>(loaded->steps()), best.loss);
        if (!options.fresh) trainer = std::move(loaded);
    }
    if (trainer->steps() >= options.steps)
        std::printf("its %d steps are done; --steps N goes on to N\n", options.steps);
    std::signal(SIGINT, [](int) { interrupted = 1; });
    train(*trainer, options, learned, held_out, best);
    std::signal(SIGINT, SIG_DFL);
    // Before the first step was evaluated there may be no file.
    if (best.step != trainer->steps() && std::filesystem::exists(options.model)) {
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
    return examples::main_of("char_lm", [&] {
        const Options options = read_options(count, arguments);
        options.bf16 ? run<sequent::bf16>(options) : run<float>(options);
    });
}
