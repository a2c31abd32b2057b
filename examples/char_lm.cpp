// Trains a character-level transformer on a text and prints text of its own.
//
//     char_lm [FILE] [options]
//
// Without a FILE it learns from the sources of this library. It saves what it has learned, and a
// second run goes on from there.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

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
Ctrl-C stops the training early; what was learned is kept.

  --steps N        training steps in all (2000); a finished model takes N more
  --batch N        sequences in a step (12)
  --threads N      threads to train with (all of the machine); the numbers do not depend on it
  --rate R         highest learning rate (0.002)
  --seed N         for parameters, batches and generation (1)
  --model PATH     where the model is kept (char_lm.safetensors)
  --fresh          begin anew, even if there is a saved model
  --generate N     characters to generate (600)
  --prompt TEXT    what the generated text begins with (a line break)
  --temperature T  0 takes the likeliest character, 1 samples as predicted (0.8)
)";

struct Options {
    std::string file;
    std::string model = "char_lm.safetensors";
    std::string prompt = "\n";
    long steps = 2000;
    long batch = 12;
    long threads = static_cast<long>(std::thread::hardware_concurrency());
    long seed = 1;
    long generate = 600;
    double rate = 2e-3;
    double temperature = 0.8;
    bool fresh = false;
};

double to_number(const std::string& option, const std::string& text, double least) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= least) || value > 1e15)
        throw std::invalid_argument(option + " takes a number of at least " +
                                    std::to_string(least) + ", given is \"" + text + "\"");
    return value;
}

Options read_options(int count, char** arguments) {
    Options options;
    for (int at = 1; at < count; ++at) {
        const std::string name = arguments[at];
        auto text = [&]() -> std::string {
            if (++at == count) throw std::invalid_argument(name + " needs a value");
            return arguments[at];
        };
        auto whole = [&](double least) {
            return static_cast<long>(to_number(name, text(), least));
        };
        if (name == "--help" || name == "-h") {
            std::cout << help_text;
            std::exit(0);
        }
        // clang-format off
        if (name == "--steps") options.steps = whole(1);
        else if (name == "--batch") options.batch = whole(1);
        else if (name == "--threads") options.threads = whole(1);
        else if (name == "--seed") options.seed = whole(0);
        else if (name == "--generate") options.generate = whole(0);
        else if (name == "--rate") options.rate = to_number(name, text(), 0);
        else if (name == "--temperature") options.temperature = to_number(name, text(), 0);
        else if (name == "--model") options.model = text();
        else if (name == "--prompt") options.prompt = text();
        else if (name == "--fresh") options.fresh = true;
        else if (name.starts_with("--")) throw std::invalid_argument("there is no option " + name);
        else if (options.file.empty()) options.file = name;
        else throw std::invalid_argument("one FILE at most: \"" + name + "\" is a second");
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

class Trainer {
  public:
    explicit Trainer(const Options& options)
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

    void load(const std::string& path) {
        const auto metadata = sequent::train::load_checkpoint<Model>(
            path, std::span<float>(parameters_->flat()), *optimizer_);
        if (const auto state = metadata.find("random"); state != metadata.end())
            random_.restore(std::strtoull(state->second.c_str(), nullptr, 10));
    }
    void save(const std::string& path) {
        sequent::train::save_checkpoint<Model>(path, std::span<float>(parameters_->flat()),
                                               *optimizer_,
                                               {{"random", std::to_string(random_.state())}});
    }

    /// One step over a batch of random windows; the mean loss in nats per character.
    double step(Window text, double rate) {
        clear_windows();
        const auto last = static_cast<int>(text.size()) - context - 1;
        for (long sequence = 0; sequence < options_.batch; ++sequence)
            add_window(text.subspan(static_cast<std::size_t>(random_.below(last + 1))));
        const float scale = 1 / static_cast<float>(options_.batch);
        const double loss = Model::backward_batch(
            *parameters_, facts_,
            [&](int sequence, const auto& logits, const auto& gradient) {
                return sequent::train::cross_entropy<context, symbols>(
                    logits.data, targets_[static_cast<std::size_t>(sequence)], gradient.data,
                    scale);
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
            losses[at] = sequent::train::cross_entropy<context, symbols>(logits.data, targets_[at]);
        });
        double loss = 0;
        for (const float each : losses) loss += static_cast<double>(each);
        return loss / static_cast<double>(losses.size());
    }

    /// Continues the prompt, one character at a time, and prints as it goes.
    void generate(const std::string& prompt, long length) {
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
        for (long at = 0; at < length; ++at) {
            const auto logits = Model::forward(*parameters_, {window}, batch_.workspace(0));
            const std::int32_t next = sample(&logits(position - 1, 0));
            std::cout << static_cast<char>(next) << std::flush;
            append(next);
        }
        std::cout << '\n';
    }

  private:
    const Options& options_;
    sequent::thread_pool pool_;
    sequent::random_numbers random_;
    std::unique_ptr<Model::parameters<float>> parameters_ =
        sequent::make_unique<Model::parameters<float>>();
    std::unique_ptr<Model::parameters<float>> gradient_ =
        sequent::make_unique<Model::parameters<float>>();
    Model::batch<float> batch_{pool_};
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

    std::int32_t sample(const float* logits) {
        const float* greatest = std::max_element(logits, logits + symbols);
        if (options_.temperature <= 0) return static_cast<std::int32_t>(greatest - logits);
        std::vector<double> weights(symbols);
        double sum = 0;
        for (std::size_t at = 0; at < symbols; ++at)
            sum += weights[at] =
                std::exp(static_cast<double>(logits[at] - *greatest) / options_.temperature);
        double left = random_.uniform() * sum;
        for (std::size_t at = 0; at < symbols; ++at)
            if ((left -= weights[at]) < 0) return static_cast<std::int32_t>(at);
        return static_cast<std::int32_t>(greatest - logits);
    }
};

std::string duration(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    if (whole < 60) return std::to_string(whole) + " s";
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

void train(Trainer& trainer, const Options& options, Window text, Window held_out) {
    using clock = std::chrono::steady_clock;
    const std::int64_t first = trainer.steps();
    const std::int64_t last = first < options.steps ? options.steps : first + options.steps;
    const sequent::train::warmup_cosine rate{.peak = options.rate,
                                             .floor = options.rate / 10,
                                             .warmup_steps = std::min<std::int64_t>(100, last / 10),
                                             .total_steps = last};
    const std::int64_t report = std::max<std::int64_t>(1, (last - first) / 20);
    const auto start = clock::now();
    double training = 0;
    int steps = 0;
    for (std::int64_t at = first; at < last && !interrupted; ++at) {
        training += trainer.step(text, rate(at));
        ++steps;
        if ((at + 1 - first) % report != 0 && at + 1 != last) continue;
        const double validation = trainer.evaluate(held_out, 100);
        const double seconds = std::chrono::duration<double>(clock::now() - start).count();
        const double done = static_cast<double>(at + 1 - first);
        std::printf(
            "step %5lld of %lld   training loss %.3f   validation loss %.3f   "
            "%6.0f tokens/s   %s left\n",
            static_cast<long long>(at + 1), static_cast<long long>(last), training / steps,
            validation, done * static_cast<double>(options.batch) * context / seconds,
            duration(seconds / done * static_cast<double>(last - at - 1)).c_str());
        std::fflush(stdout);
        training = 0;
        steps = 0;
        trainer.save(options.model);
    }
    if (interrupted) std::printf("stopped at step %lld\n", static_cast<long long>(trainer.steps()));
    trainer.save(options.model);
}

void run(const Options& options) {
    const Text text = read_text(options.file);
    const Window all(text);
    const std::size_t split = text.size() / 10 * 9;
    std::printf("%zu characters, the last tenth held out; %d parameters\n", text.size(),
                Model::parameter_count);
    Trainer trainer(options);
    if (!options.fresh && std::filesystem::exists(options.model)) {
        trainer.load(options.model);
        std::printf("going on from step %lld of %s\n", static_cast<long long>(trainer.steps()),
                    options.model.c_str());
    }
    std::signal(SIGINT, [](int) { interrupted = 1; });
    train(trainer, options, all.first(split), all.subspan(split));
    std::signal(SIGINT, SIG_DFL);
    std::printf("loss over the whole last tenth: %.4f nats per character\nsaved to %s\n\n",
                trainer.evaluate(all.subspan(split), text.size()), options.model.c_str());
    trainer.generate(options.prompt, options.generate);
}

}  // namespace

int main(int count, char** arguments) {
    try {
        run(read_options(count, arguments));
    } catch (const std::exception& error) {
        std::cerr << "char_lm: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
