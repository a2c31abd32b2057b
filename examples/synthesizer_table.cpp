// Trains one small language model with each kind of attention that synthesizers offer (Tay et al.,
// arXiv 2005.00743), all alike but for their scores, and prints what each costs and what it learns.
//
//     synthesizer_table [FILE] [options]
//
// Without a FILE it learns from the headers of this library. Below the table stands which of the
// paper's orderings of its language models (sections 4.1 and 4.2) this run reproduces.
//
// On a megabyte of Shakespeare, 500 steps and seed 1, six of eight hold: random is behind the dot
// product and its factorized form behind it, as is dense's behind dense, and fixed random is the
// last of all. Two do not: dense is ahead of the dot product (2.12 nats against 2.18), and random
// with dot products a little behind the dot product alone (2.20). So short a training, of so small
// a model, says little of what the paper's much longer ones find. A step of random took 0.78 of the
// dot product's time.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sequent/draw.hpp>
#include <sequent/fit.hpp>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "options.hpp"

namespace {

namespace synthesizer = sequent::synthesizer;
using sequent::depth, sequent::heads, sequent::tokens, sequent::vocabulary, sequent::width;

constexpr int context = 64;
constexpr int symbols = 256;
constexpr int batch_size = 12;
using Text = std::vector<std::int32_t>;
using Window = std::span<const std::int32_t>;
using clock_type = std::chrono::steady_clock;

/// The language model of char_lm with other scores.
template <class Scores>
using language_model =
    sequent::transformer::language_model<vocabulary<symbols>, tokens<context>, width<128>, heads<4>,
                                         depth<4>, sequent::biases<false>, Scores>;

enum variant {
    dot_product,
    dense,
    random_scores,
    fixed_random,
    factorized_random,
    factorized_dense,
    random_and_dot_product,
    dense_and_random,
    variants
};
constexpr std::array<const char*, variants> names{"dot product",
                                                  "dense",
                                                  "random",
                                                  "fixed random",
                                                  "factorized random",
                                                  "factorized dense",
                                                  "random + dot product",
                                                  "dense + random"};
using Scores = std::tuple<synthesizer::dot_product, synthesizer::dense, synthesizer::random,
                          synthesizer::fixed_random, synthesizer::factorized_random<8>,
                          synthesizer::factorized_dense<8, 8>,
                          synthesizer::mixture<synthesizer::random, synthesizer::dot_product>,
                          synthesizer::mixture<synthesizer::dense, synthesizer::random>>;

struct Row {
    int parameters = 0;
    double loss = 0;   // of characters held out, in nats
    double step = 0;   // milliseconds of the fastest training step
    double token = 0;  // microseconds of a generated character
};

constexpr std::string_view help_text = R"(synthesizer_table [FILE] [options]

Trains a transformer (4 layers, 4 heads, width 128, 64 positions) on the characters of FILE, or
of this library's own headers, with dot products and with seven synthesizers in their place, with
the same steps and seed, and prints parameters, validation loss and times.

  --steps N     training steps of each model (500), 12 sequences in a step
  --threads N   threads to train with (1); the losses do not depend on it
  --seed N      for parameters and batches (1)
  --only N      of the eight, only number N, the first being 0
  --svg PATH    where bars are drawn (synthesizers.svg)
)";

struct Options {
    std::string file;
    std::string svg = "synthesizers.svg";
    int steps = 500;
    int threads = 1;
    int seed = 1;
    int only = -1;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("--steps")) options.steps = line.whole(1, 1000000000);
        else if (line.is("--threads")) options.threads = line.whole(1, 1024);
        else if (line.is("--seed")) options.seed = line.whole(0, 1000000000);
        else if (line.is("--only")) options.only = line.whole(0, variants - 1);
        else if (line.is("--svg")) options.svg = line.output();
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

/// The file, or else the headers of this library, in the order of their names.
Text read_text(const std::string& file) {
    Text text;
    if (!file.empty()) {
        append_file(text, file);
    } else {
        std::vector<std::filesystem::path> sources;
        const auto root = std::filesystem::path(SEQUENT_SOURCE_DIR) / "include";
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
            if (entry.path().extension() == ".hpp") sources.push_back(entry.path());
        std::sort(sources.begin(), sources.end());
        for (const auto& source : sources) append_file(text, source);
    }
    if (text.size() < 20 * (context + 1))
        throw std::runtime_error("the text has only " + std::to_string(text.size()) +
                                 " characters");
    return text;
}

double seconds_since(clock_type::time_point start) {
    return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// Of several runs the one that nothing else on the machine slowed down.
double least(const std::vector<double>& times) {
    return *std::min_element(times.begin(), times.end());
}

template <class Model>
class Trainer {
  public:
    Trainer(const Options& options, Window text)
        : text_(text),
          pool_(options.threads),
          random_(static_cast<std::uint64_t>(options.seed) + 1),
          trainer_(pool_, static_cast<std::uint64_t>(options.seed),
                   {.weight_decay = 0.1, .adam = {.beta1 = 0.9, .beta2 = 0.99}}) {}

    /// One step over a batch of random windows; the mean loss in nats per character.
    double step(double rate) {
        facts_.clear();
        targets_.clear();
        const auto last = static_cast<int>(text_.size()) - context - 1;
        for (int sequence = 0; sequence < batch_size; ++sequence) {
            const Window from = text_.subspan(static_cast<std::size_t>(random_.below(last + 1)));
            facts_.push_back({from.first(context)});
            targets_.push_back(from.subspan(1, context));
        }
        return trainer_.step(
            facts_, rate, [&](int sequence, const auto& logits, const auto& gradient) {
                return sequent::train::cross_entropy(logits,
                                                     targets_[static_cast<std::size_t>(sequence)],
                                                     gradient, {.scale = 1.0 / batch_size});
            });
    }

    /// The mean loss over windows side by side, at most `most` of them.
    double evaluate(Window held_out, std::size_t most) {
        Model::prepare(trainer_.parameters(), *ready_);
        const std::size_t windows = (held_out.size() - 1) / context;
        const std::size_t stride = std::max<std::size_t>(1, windows / most);
        double loss = 0;
        int count = 0;
        for (std::size_t at = 0; at < windows; at += stride, ++count) {
            const Window from = held_out.subspan(at * context);
            const auto logits =
                Model::forward(*ready_, {from.first(context)}, trainer_.batch().workspace(0));
            loss += static_cast<double>(
                sequent::train::cross_entropy(logits, from.subspan(1, context)));
        }
        return loss / count;
    }

    /// Microseconds of a character, each from those before it, the mean over all positions.
    double time_of_token(Window prompt) {
        Model::prepare(trainer_.parameters(), *ready_);
        const auto state = sequent::make_unique<typename Model::template state<float>>();
        std::vector<double> times;
        for (int time = 0; time < 20; ++time) {
            state->reset();
            std::int32_t next = prompt[0];
            const auto start = clock_type::now();
            for (int at = 0; at < context; ++at) {
                const auto logits = Model::step(*ready_, {next}, *state);
                next = static_cast<std::int32_t>(
                    std::max_element(logits.data, logits.data + symbols) - logits.data);
            }
            times.push_back(seconds_since(start));
        }
        return least(times) / context * 1e6;
    }

  private:
    Window text_;
    sequent::thread_pool pool_;
    sequent::random_numbers random_;
    sequent::train::trainer<Model> trainer_;
    std::unique_ptr<typename Model::template prepared<float>> ready_ =
        sequent::make_unique<typename Model::template prepared<float>>();
    std::vector<typename Model::template facts<float>> facts_;
    std::vector<Window> targets_;
};

template <class Model>
Row train(const char* name, const Options& options, Window text, Window held_out) {
    Trainer<Model> trainer(options, text);
    std::vector<double> times;
    sequent::train::fit({.rate = {.peak = 2e-3,
                                  .floor = 2e-4,
                                  .warmup_steps = std::min<std::int64_t>(100, options.steps / 10),
                                  .total_steps = options.steps},
                         .evaluate_every = std::max(1, options.steps / 4),
                         .name = name},
                        [&](double rate) {
                            const auto start = clock_type::now();
                            const double loss = trainer.step(rate);
                            times.push_back(seconds_since(start) * 1e3);
                            return loss;
                        });
    return {Model::parameter_count,
            trainer.evaluate(held_out, options.steps < 100 ? 20 : held_out.size()), least(times),
            trainer.time_of_token(held_out)};
}

using Table = std::array<Row, variants>;

void print(const Table& table) {
    std::printf("\n%-20s  %10s  %15s  %13s  %12s\n", "scores", "parameters", "validation loss",
                "training step", "a character");
    for (std::size_t at = 0; at < variants; ++at)
        if (table[at].parameters > 0)
            std::printf("%-20s  %10d  %10.4f nats  %10.2f ms  %9.2f us\n", names[at],
                        table[at].parameters, table[at].loss, table[at].step, table[at].token);
}

/// What the paper finds of its language models (sections 4.1 and 4.2), the first the better one.
void compare(const Table& table) {
    struct claim {
        variant better, worse;
    };
    constexpr std::array claims{
        claim{dot_product, random_scores},       claim{dot_product, dense},
        claim{random_scores, factorized_random}, claim{dense, factorized_dense},
        claim{random_scores, fixed_random},      claim{dense, fixed_random},
        claim{factorized_random, fixed_random},  claim{random_and_dot_product, dot_product}};
    std::printf("\nWhat the paper finds of its language models, and what this run does:\n");
    for (const auto& [better, worse] : claims) {
        const Row &one = table[better], &other = table[worse];
        if (one.parameters > 0 && other.parameters > 0)
            std::printf("  %-19s predicts better than %-17s %s\n", names[better], names[worse],
                        one.loss < other.loss ? "here, too" : "not here");
    }
    const Row &random = table[random_scores], &products = table[dot_product];
    if (random.parameters > 0 && products.parameters > 0)
        std::printf("  a step of random takes 0.92 of the dot product's; here %.2f of it\n",
                    random.step / products.step);
}

void draw(const Table& table, const std::string& path) {
    constexpr double bar = 22, left = 170, wide = 190;
    sequent::draw::svg picture(left + 4 * (wide + 70), 60 + bar * names.size());
    const std::array<std::pair<const char*, double (*)(const Row&)>, 4> columns{{
        {"parameters, thousands", [](const Row& row) { return row.parameters / 1e3; }},
        {"validation loss, nats", [](const Row& row) { return row.loss; }},
        {"training step, ms", [](const Row& row) { return row.step; }},
        {"a generated character, us", [](const Row& row) { return row.token; }},
    }};
    for (std::size_t column = 0; column < columns.size(); ++column) {
        const auto [title, value] = columns[column];
        const double x = left + static_cast<double>(column) * (wide + 70);
        double most = 0;
        for (const Row& row : table) most = std::max(most, value(row));
        picture.text(x, 24, title, 13, "#222");
        for (std::size_t at = 0; at < variants; ++at) {
            const double y = 40 + static_cast<double>(at) * bar;
            if (column == 0) picture.text(8, y + 14, names[at], 13, "#222");
            if (table[at].parameters == 0) continue;
            const double length = wide * value(table[at]) / most;
            picture.rectangle(x, y, length, bar - 6, at == dot_product ? "#888" : "#3b7dd8");
            picture.text(x + length + 4, y + 13, sequent::draw::svg::number(value(table[at])), 11,
                         "#444");
        }
    }
    sequent::draw::write(picture, path);
}

void run(const Options& options) {
    const Text text = read_text(options.file);
    const Window all(text);
    const std::size_t split = text.size() / 10 * 9;
    std::printf("%zu characters, the last tenth held out\n", text.size());
    Table table{};
    [&]<std::size_t... At>(std::index_sequence<At...>) {
        ((options.only < 0 || options.only == static_cast<int>(At)
              ? void(table[At] = train<language_model<std::tuple_element_t<At, Scores>>>(
                         names[At], options, all.first(split), all.subspan(split)))
              : void()),
         ...);
    }
    (std::make_index_sequence<variants>{});
    print(table);
    compare(table);
    draw(table, options.svg);
    std::printf("bars are in %s\n", options.svg.c_str());
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("synthesizer_table", [&] { run(read_options(count, arguments)); });
}
