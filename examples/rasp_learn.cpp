// How many layers and heads a RASP program needs is told by its analysis. Is it so many that a
// transformer needs to learn what the program computes? As in section 5 of arXiv 2106.06981, at a
// small scale: encoders are trained on what programs give for random inputs, with as many layers
// and heads, with one head fewer and with one layer fewer.
//
//     rasp_learn [options] [PROGRAM...]

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sequent/draw.hpp>
#include <sequent/fit.hpp>
#include <sequent/rasp.hpp>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "options.hpp"

namespace programs {

using namespace sequent::rasp;

inline constexpr auto reverse = aggregate(select(indices, length - 1 - indices, equal), tokens);
inline constexpr auto histogram = hist(tokens);
inline constexpr auto sorted = sort(tokens, tokens);
inline constexpr auto dyck_1 = dyck_1_ptf(tokens);

}  // namespace programs

namespace rules_of_learner {

using namespace sequent::language;
using sequent::fact, sequent::heads, sequent::padded, sequent::symbol, sequent::tokens,
    sequent::width;

constexpr int longest = 20;
constexpr int classes = 52;  // of what is written at a position
constexpr int d = 64;

// What programs are given: letters, or brackets.
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz()";
constexpr int symbols = static_cast<int>(alphabet.size());

inline constexpr var<"i"> i;
inline constexpr relation<"token"> token;
inline constexpr relation<"embedded"> embedded;
inline constexpr relation<"states"> states;
inline constexpr relation<"logits"> logits;
inline constexpr weight<"embedding", symbols, d> embedding;
inline constexpr weight<"position", d> position;
inline constexpr weight<"W_logits", classes, d> W_logits;
inline constexpr bound<"length"> length;

template <int Heads>
using layer = sequent::transformer::encoder<tokens<longest>, width<d>, heads<Heads>, padded<true>>;

// clang-format off
template <int Layers, int Heads>
inline constexpr auto learner = rules(
    embedded(i) <<= (token(i)[embedding], position(i)),
    states(i)   <<= embedded(i) | stack<Layers>(layer<Heads>::program),
    logits(i)   <<= states(i)[W_logits]);
// clang-format on

template <int Layers, int Heads>
using model_of = sequent::model<learner<Layers, Heads>, fact<"token", longest, symbol<symbols>>,
                                bound<"length">>;

}  // namespace rules_of_learner

namespace {

namespace names = rules_of_learner;
namespace rasp = sequent::rasp;
namespace train = sequent::train;
namespace draw = sequent::draw;

constexpr std::string_view help_text = R"(rasp_learn [options] [PROGRAM...]

Trains transformers of width 64 on what RASP programs give for random inputs of up to 20
symbols: with as many layers and heads as the analysis of the program tells, with one head
fewer, and with one layer fewer. Prints how much of other inputs each has right.

  reverse    the input from back to front
  histogram  how often the symbol at each position occurs
  sort       the symbols in their order
  dyck_1     whether the brackets up to each position are balanced

  --steps N    training steps, 64 inputs each (4000)
  --seed N     for the inputs, the parameters and the order of training (1)
  --threads N  threads (all of the machine); the numbers do not depend on it
  --svg FILE   draws the table as bars
)";

/// A program, and what it is trained with.
struct Task {
    std::string_view name;
    int layers;
    int heads;
    rasp::sequence (*evaluate)(const rasp::sequence&);
    std::string (*input)(sequent::random_numbers&);
};

template <int Different>
std::string any_letters(sequent::random_numbers& random) {
    std::string result;
    for (int left = 1 + random.below(names::longest); left > 0; --left)
        result += names::letters[static_cast<std::size_t>(random.below(Different))];
    return result;
}
/// Brackets that seldom close what is not open: of others nearly all are wrong from the beginning.
std::string brackets(sequent::random_numbers& random) {
    const int count = 1 + random.below(names::longest);
    std::string result;
    int depth = 0;
    while (static_cast<int>(result.size()) < count) {
        const bool opens = depth > 0 ? random.below(2) == 0 : random.below(8) > 0;
        depth += opens ? 1 : -1;
        result += opens ? '(' : ')';
    }
    return result;
}

template <const auto& Program>
constexpr Task task_of(std::string_view name, std::string (*input)(sequent::random_numbers&)) {
    return {name, rasp::layers<Program>, rasp::heads<Program>, &rasp::evaluate<Program>, input};
}
constexpr std::array tasks{task_of<programs::reverse>("reverse", &any_letters<52>),
                           // Fewer, so that many are there several times.
                           task_of<programs::histogram>("histogram", &any_letters<10>),
                           task_of<programs::sorted>("sort", &any_letters<52>),
                           task_of<programs::dyck_1>("dyck_1", &brackets)};

struct Options {
    int steps = 4000;
    int seed = 1;
    int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    std::string svg;
    std::vector<Task> tasks;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("--steps")) options.steps = line.whole(1, 1000000);
        else if (line.is("--seed")) options.seed = line.whole(0, 1000000000);
        else if (line.is("--threads")) options.threads = line.whole(1, 1024);
        else if (line.is("--svg")) options.svg = line.output();
        else if (line.is_option()) line.refuse();
        // clang-format on
        else {
            const auto found = std::ranges::find(tasks, line.word(), &Task::name);
            if (found == tasks.end())
                throw std::invalid_argument("there is no program \"" + line.word() +
                                            "\", see --help");
            options.tasks.push_back(*found);
        }
    }
    if (options.tasks.empty()) options.tasks.assign(tasks.begin(), tasks.end());
    return options;
}

/// An input, and what the program gives for it: a class for each position.
struct Sample {
    std::array<std::int32_t, names::longest> input{};
    std::array<std::int32_t, names::longest> answer{};
    int length = 0;
};

/// Writes samples for a program.
class Writer {
  public:
    Writer(const Task& task, std::uint64_t seed) : task_(task), random_(seed) {}

    Sample next() {
        const std::string text = task_.input(random_);
        const rasp::sequence result = task_.evaluate(text);
        Sample sample;
        for (; sample.length < result.size(); ++sample.length) {
            const auto at = static_cast<std::size_t>(sample.length);
            sample.input[at] = static_cast<std::int32_t>(names::alphabet.find(text[at]));
            sample.answer[at] = class_of(result[sample.length]);
        }
        return sample;
    }
    std::vector<Sample> next(int count) {
        std::vector<Sample> result;
        for (int at = 0; at < count; ++at) result.push_back(next());
        return result;
    }

  private:
    Task task_;
    sequent::random_numbers random_;
    std::map<std::string, std::int32_t> classes_;

    /// Values are numbered as they come.
    std::int32_t class_of(const rasp::value& value) {
        const auto number = static_cast<std::int32_t>(classes_.size());
        const auto [found, is_new] = classes_.try_emplace(value.text(), number);
        if (is_new && number == names::classes)
            throw std::logic_error(std::string(task_.name) + " gives more values than " +
                                   std::to_string(names::classes));
        return found->second;
    }
};

struct Accuracy {
    double positions = 0;  // in percent
    double inputs = 0;     // of which all positions are right
};

template <int Layers, int Heads>
class Learner {
    using Model = names::model_of<Layers, Heads>;

  public:
    Learner(sequent::thread_pool& pool, std::uint64_t seed)
        : trainer_(pool, seed, {.weight_decay = 0.01}) {}

    /// One step; the mean loss in nats per position.
    double step(std::span<const Sample> samples, double rate) {
        int positions = 0;
        for (const Sample& sample : samples) positions += sample.length;
        const double mean = trainer_.step(
            facts_of(samples), rate, [&](int number, const auto& logits, const auto& gradient) {
                const Sample& sample = samples[static_cast<std::size_t>(number)];
                double sum = 0;
                for (int row = 0; row < sample.length; ++row)
                    sum += train::cross_entropy(
                        logits.row(row),
                        std::span(sample.answer).subspan(static_cast<std::size_t>(row), 1),
                        gradient.row(row), {.scale = 1 / static_cast<double>(positions)});
                return sum;
            });
        return mean * static_cast<double>(samples.size()) / positions;
    }

    Accuracy test(std::span<const Sample> samples) {
        std::vector<int> right(samples.size());
        Model::forward_batch(trainer_.parameters(), facts_of(samples), trainer_.batch(),
                             [&](int number, const auto& logits) {
                                 const Sample& sample = samples[static_cast<std::size_t>(number)];
                                 for (int row = 0; row < sample.length; ++row) {
                                     int likeliest = 0;
                                     for (int kind = 1; kind < names::classes; ++kind)
                                         if (logits(row, kind) > logits(row, likeliest))
                                             likeliest = kind;
                                     const bool is_right =
                                         likeliest == sample.answer[static_cast<std::size_t>(row)];
                                     right[static_cast<std::size_t>(number)] += is_right ? 1 : 0;
                                 }
                             });
        int positions = 0;
        int right_positions = 0;
        int right_inputs = 0;
        for (std::size_t at = 0; at < samples.size(); ++at) {
            positions += samples[at].length;
            right_positions += right[at];
            right_inputs += right[at] == samples[at].length ? 1 : 0;
        }
        return {100.0 * right_positions / positions,
                100.0 * right_inputs / static_cast<double>(samples.size())};
    }

  private:
    train::trainer<Model> trainer_;

    static auto facts_of(std::span<const Sample> samples) {
        std::vector<typename Model::template facts<float>> result;
        for (const Sample& sample : samples)
            result.push_back({names::token = sample.input, names::length = sample.length});
        return result;
    }
};

/// Trains a transformer of so many layers and heads, and tests it.
template <int Layers, int Heads>
Accuracy learn(const Task& task, const Options& options, sequent::thread_pool& pool) {
    constexpr int batch_size = 64;
    constexpr int tests = 2000;
    sequent::random_numbers seeds(static_cast<std::uint64_t>(options.seed));
    Writer writer(task, seeds.next());
    Learner<Layers, Heads> learner(pool, seeds.next());
    train::fit({.rate = {.peak = 2e-3,
                         .floor = 2e-5,
                         .warmup_steps = std::min(100, options.steps / 10),
                         .total_steps = options.steps},
                .evaluate_every = std::max(1, options.steps / 4),
                .name = std::string(task.name) + ", L = " + std::to_string(Layers) +
                        ", H = " + std::to_string(Heads)},
               [&](double rate) { return learner.step(writer.next(batch_size), rate); });
    return learner.test(writer.next(tests));
}

/// None, where a transformer would have no layer or no head.
std::optional<Accuracy> learn(const Task& task, int layers, int heads, const Options& options,
                              sequent::thread_pool& pool) {
    if (layers == 0 || heads == 0) return std::nullopt;
    if (layers == 1 && heads == 1) return learn<1, 1>(task, options, pool);
    if (layers == 1 && heads == 2) return learn<1, 2>(task, options, pool);
    if (layers == 2 && heads == 1) return learn<2, 1>(task, options, pool);
    if (layers == 2 && heads == 2) return learn<2, 2>(task, options, pool);
    throw std::logic_error("no transformer of that size is compiled");
}

struct Row {
    Task task;
    std::optional<Accuracy> as_analysed;
    std::optional<Accuracy> head_fewer;
    std::optional<Accuracy> layer_fewer;
};

void print_table(std::span<const Row> rows) {
    std::printf(
        "\nPercent of the positions that are right, and of the inputs that are right "
        "throughout:\n\n"
        "                        as analysed     one head fewer    one layer fewer\n"
        "program       L   H   positions inputs  positions inputs  positions inputs\n");
    for (const Row& row : rows) {
        std::printf("%-12.*s %2d  %2d ", static_cast<int>(row.task.name.size()),
                    row.task.name.data(), row.task.layers, row.task.heads);
        for (const auto& cell : {row.as_analysed, row.head_fewer, row.layer_fewer})
            cell ? std::printf("  %9.2f %6.2f", cell->positions, cell->inputs)
                 : std::printf("  %9s %6s", "-", "-");
        std::printf("\n");
    }
}

/// Where less has learned less, and where it has not: a program is learned where all positions are
/// right.
void print_judgement(std::span<const Row> rows) {
    std::string less;
    std::string as_much;
    std::string unknown;
    for (const Row& row : rows)
        for (const bool of_heads : {true, false}) {
            const auto& other = of_heads ? row.head_fewer : row.layer_fewer;
            if (!other) continue;
            const bool is_learned = row.as_analysed->inputs >= 90;
            const bool drops = row.as_analysed->inputs - other->inputs >= 1;
            (!is_learned ? unknown
             : drops     ? less
                         : as_much)
                .append("  ")
                .append(row.task.name)
                .append(of_heads ? " with one head fewer\n" : " with one layer fewer\n");
        }
    if (!less.empty())
        std::printf(
            "\nAs the analysis lets one expect, one input in a hundred or more is lost by\n%s",
            less.c_str());
    if (!as_much.empty())
        std::printf(
            "\nLess than one input in a hundred is lost by\n%s"
            "The analysis tells what suffices for a program as it is written: other ways to "
            "compute\n"
            "the same may need less, or come close to it on inputs this short.\n",
            as_much.c_str());
    if (!unknown.empty())
        std::printf(
            "\nNothing is told, since with as much as analysed it is not learned yet, by\n%s",
            unknown.c_str());
}

draw::svg picture_of(std::span<const Row> rows) {
    constexpr double margin = 30;
    constexpr double bar = 34;
    constexpr double high = 200;
    constexpr double group = 3 * bar + 60;
    constexpr double top = 76;
    constexpr auto dark = "#1f2933";
    constexpr std::array fills{"#083e6e", "#c98a1b", "#8793a0"};
    constexpr std::array words{"as analysed", "one head fewer", "one layer fewer"};
    draw::svg picture(std::max(500.0, 2 * margin + static_cast<double>(rows.size()) * group),
                      top + high + 60);
    picture.text(margin, 26, "Inputs of which transformers have all positions right, in percent",
                 15, dark);
    for (std::size_t kind = 0; kind < words.size(); ++kind) {
        const double left = margin + static_cast<double>(kind) * 125;
        picture.rectangle(left, 40, 12, 12, fills[kind]);
        picture.text(left + 17, 51, words[kind], 13, dark);
    }
    for (std::size_t at = 0; at < rows.size(); ++at) {
        const Row& row = rows[at];
        double left = margin + static_cast<double>(at) * group;
        const std::string caption = std::string(row.task.name)
                                        .append(", L = ")
                                        .append(std::to_string(row.task.layers))
                                        .append(", H = ")
                                        .append(std::to_string(row.task.heads));
        picture.text(left, top + high + 40, caption, 13, dark);
        const std::array cells{row.as_analysed, row.head_fewer, row.layer_fewer};
        for (std::size_t kind = 0; kind < cells.size(); ++kind) {
            if (!cells[kind]) continue;
            const double height = high * cells[kind]->inputs / 100;
            picture.rectangle(left, top + high + 20 - height, bar - 4, height, fills[kind]);
            char number[16];
            std::snprintf(number, sizeof number, "%.1f", cells[kind]->inputs);
            picture.text(left, top + high + 15 - height, number, 12, dark);
            left += bar;
        }
    }
    return picture;
}

void run(const Options& options) {
    sequent::thread_pool pool(options.threads);
    std::vector<Row> rows;
    for (const Task& task : options.tasks)
        rows.push_back({task, learn(task, task.layers, task.heads, options, pool),
                        learn(task, task.layers, task.heads - 1, options, pool),
                        learn(task, task.layers - 1, task.heads, options, pool)});
    print_table(rows);
    print_judgement(rows);
    if (!options.svg.empty()) {
        draw::write(picture_of(rows), options.svg);
        std::printf("\nDrawn to %s\n", options.svg.c_str());
    }
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("rasp_learn", [&] { run(read_options(count, arguments)); });
}
