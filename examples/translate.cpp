// Learns to write dates as ISO 8601 does, from dates that it writes in eight other ways: an encoder
// reads characters, a decoder writes characters. The model is put together from parts of the
// library's templates.
//
//     translate [options] [TEXT...]

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <sequent/draw.hpp>
#include <sequent/fit.hpp>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "options.hpp"

namespace rules_of_dates {

using namespace sequent::language;
using sequent::fact, sequent::heads, sequent::padded, sequent::source_tokens, sequent::symbol,
    sequent::tokens, sequent::width;

constexpr int read_most = 40;  // characters of a text
constexpr int written = 10;    // characters of an ISO date
constexpr int d = 64;

// What may be read; what may be written, after a symbol with which each result begins.
constexpr std::string_view read_alphabet = " ',./-0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view written_alphabet = "^0123456789-";
constexpr int read_symbols = static_cast<int>(read_alphabet.size());
constexpr int written_symbols = static_cast<int>(written_alphabet.size());

using EncoderLayer =
    sequent::transformer::encoder<tokens<read_most>, width<d>, heads<4>, padded<true>>;
using DecoderLayer = sequent::transformer::decoder<tokens<written>, source_tokens<read_most>,
                                                   width<d>, heads<4>, padded<true>>;

inline constexpr var<"i"> i;
inline constexpr relation<"source"> source;
inline constexpr relation<"target"> target;
inline constexpr relation<"read"> read;
inline constexpr relation<"memory"> memory;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"logits"> logits;
inline constexpr weight<"letters", read_symbols, d> letters;
inline constexpr weight<"digits", written_symbols, d> digits;

// How many characters the text has: each of the two layers asks by a name of its own.
inline constexpr bound<"length"> length;
inline constexpr bound<"source_length"> source_length;

// Embeddings begin small, and are brought to the size of the sines: sqrt(d) (arXiv 1706.03762,
// section 3.4).
// clang-format off
inline constexpr auto translator = rules(
    read(i)   <<= source(i)[letters] | scale(8) | sinusoidal(i),
    memory(i) <<= read(i) | stack<2>(EncoderLayer::program),
    x(i)      <<= target(i)[digits] | scale(8) | sinusoidal(i),
    DecoderLayer::program,  // from x(i) and memory(j) to y(i)
    logits(i) <<= y(i)[digits]);
// clang-format on

using Model = sequent::model<translator, fact<"source", read_most, symbol<read_symbols>>,
                             fact<"target", written, symbol<written_symbols>>, bound<"length">,
                             bound<"source_length">>;

}  // namespace rules_of_dates

namespace {

namespace names = rules_of_dates;
namespace train = sequent::train;
namespace draw = sequent::draw;

using Model = names::Model;

constexpr std::string_view help_text = R"(translate [options] [TEXT...]

Trains an encoder (2 layers) and a decoder (1 layer) of width 64 with 4 heads to write dates
as YYYY-MM-DD, and tells how many are right of those that it has never seen. Each TEXT is a
date of yours, from 1950 to 2049, translated at the end. The ways that it learns to read:

  March 3, 1987                    Tue 3-Mar-1987
  3 March 1987                     1987, March the 3rd
  3 Mar 87                         3.3.1987 (the day comes first)
  Tuesday, the 3rd of March 1987   3/3/87 (the month comes first)

  --steps N    training steps, 64 dates each (1000)
  --seed N     for the dates, the parameters and the order of training (1)
  --threads N  threads (all of the machine); the numbers do not depend on it
  --svg FILE   draws what each written character looks at
  --page FILE  an HTML page of all layers and heads, for the first TEXT, or a date of the test
)";

struct Options {
    int steps = 1000;
    int seed = 1;
    int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    std::string svg;
    std::string page;
    std::vector<std::string> texts;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("--steps")) options.steps = line.whole(1, 1000000);
        else if (line.is("--seed")) options.seed = line.whole(0, 1000000000);
        else if (line.is("--threads")) options.threads = line.whole(1, 1024);
        else if (line.is("--svg")) options.svg = line.output();
        else if (line.is("--page")) options.page = line.output();
        else if (line.is_option()) line.refuse();
        else options.texts.push_back(line.word());
        // clang-format on
    }
    return options;
}

namespace calendar {

using date = std::chrono::sys_days;

constexpr date first = std::chrono::year(1950) / 1 / 1;
constexpr date end = std::chrono::year(2050) / 1 / 1;
constexpr int days = (end - first).count();

constexpr std::array months{"January", "February", "March",     "April",   "May",      "June",
                            "July",    "August",   "September", "October", "November", "December"};
constexpr std::array weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                              "Thursday", "Friday", "Saturday"};
constexpr int ways = 8;  // to write a date

std::string two_digits(unsigned number) {
    return std::string(number < 10 ? "0" : "").append(std::to_string(number));
}

std::string iso(date of) {
    const std::chrono::year_month_day on(of);
    return std::to_string(static_cast<int>(on.year()))
        .append("-")
        .append(two_digits(static_cast<unsigned>(on.month())))
        .append("-")
        .append(two_digits(static_cast<unsigned>(on.day())));
}

std::string in_words(date of, int way) {
    const std::chrono::year_month_day on(of);
    const unsigned day_number = static_cast<unsigned>(on.day());
    const unsigned month_number = static_cast<unsigned>(on.month());
    const std::string day = std::to_string(day_number);
    const std::string month = months[month_number - 1];
    const std::string year = std::to_string(static_cast<int>(on.year()));
    const std::string weekday = weekdays[std::chrono::weekday(of).c_encoding()];
    const std::string short_year = year.substr(2);
    const bool is_teen = day_number / 10 == 1;
    const unsigned last = is_teen ? 0 : day_number % 10;
    const std::string ordinal = day + (last == 1   ? "st"
                                       : last == 2 ? "nd"
                                       : last == 3 ? "rd"
                                                   : "th");
    std::string text;
    const auto join = [&](std::initializer_list<std::string_view> parts) {
        for (const std::string_view part : parts) text += part;
        return text;
    };
    switch (way) {
        case 0:
            return join({month, " ", day, ", ", year});
        case 1:
            return join({day, " ", month, " ", year});
        case 2:
            return join({day, " ", month.substr(0, 3), " ", short_year});
        case 3:
            return join({weekday, ", the ", ordinal, " of ", month, " ", year});
        case 4:
            return join({weekday.substr(0, 3), " ", day, "-", month.substr(0, 3), "-", year});
        case 5:
            return join({year, ", ", month, " the ", ordinal});
        case 6:
            return join({day, ".", std::to_string(month_number), ".", year});
        default:
            return join({std::to_string(month_number), "/", day, "/", short_year});
    }
}

}  // namespace calendar

/// A text to read, and what is to be written. Before each character, the decoder is given the one
/// that comes before it.
struct Sample {
    std::array<std::int32_t, names::read_most> source{};
    int length = 0;
    std::array<std::int32_t, names::written> target{};
    std::array<std::int32_t, names::written> answer{};

    explicit Sample(std::string_view text, std::string_view result = "0000-00-00") {
        const std::string quoted = std::string("\"").append(text).append("\"");
        if (text.empty() || text.size() > source.size())
            throw std::invalid_argument(quoted + " has " + std::to_string(text.size()) +
                                        " characters, a text has 1 to " +
                                        std::to_string(source.size()));
        for (const char each : text) {
            const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
            const std::size_t place = names::read_alphabet.find(lower);
            if (place == std::string_view::npos)
                throw std::invalid_argument(quoted + " has characters beyond \"" +
                                            std::string(names::read_alphabet) + "\"");
            source[static_cast<std::size_t>(length++)] = static_cast<std::int32_t>(place);
        }
        for (std::size_t at = 0; at < answer.size(); ++at) {
            answer[at] = static_cast<std::int32_t>(names::written_alphabet.find(result[at]));
            target[at] = at > 0 ? answer[at - 1] : 0;
        }
    }

    Model::facts<float> facts() const {
        return {names::source = source, names::target = target, names::length = length,
                names::source_length = length};
    }
};

class Translator {
  public:
    explicit Translator(const Options& options)
        : pool_(options.threads),
          random_(static_cast<std::uint64_t>(options.seed)),
          trainer_(pool_, random_.next(),
                   {.weight_decay = 0.01, .adam = {.beta1 = 0.9, .beta2 = 0.98}}) {
        for (int thread = 0; thread < pool_.size(); ++thread)
            states_.push_back(sequent::make_unique<Model::state<float>>());
    }

    sequent::random_numbers& random() { return random_; }

    /// One step; the mean loss in nats per character.
    double step(std::span<const Sample> samples, double rate) {
        std::vector<Model::facts<float>> facts;
        for (const Sample& sample : samples) facts.push_back(sample.facts());
        return trainer_.step(facts, rate,
                             [&](int sample, const auto& logits, const auto& gradient) {
                                 return train::cross_entropy(
                                     logits, samples[static_cast<std::size_t>(sample)].answer,
                                     gradient, {.scale = 1.0 / static_cast<double>(facts.size())});
                             });
    }

    /// What it writes for each text: always the likeliest character.
    std::vector<std::string> translate(std::span<const Sample> samples) {
        std::vector<std::string> results(samples.size());
        pool_.run(static_cast<int>(samples.size()), [&](int sample, int thread) {
            const auto at = static_cast<std::size_t>(sample);
            results[at] = translate(samples[at], *states_[static_cast<std::size_t>(thread)]);
        });
        return results;
    }

    /// What each character looks at while it is read or written, layer by layer and head by head.
    std::vector<draw::head_weights> attention(std::string_view text,
                                              std::string_view result) const {
        const auto workspace = sequent::make_unique<Model::workspace<float>>();
        return draw::attention_of<Model>(trainer_.parameters(), Sample(text, result).facts(),
                                         *workspace);
    }

  private:
    sequent::thread_pool pool_;
    sequent::random_numbers random_;
    train::trainer<Model> trainer_;
    std::vector<std::unique_ptr<Model::state<float>>> states_;  // of each thread

    std::string translate(const Sample& sample, Model::state<float>& state) const {
        state.reset();
        // The text is read once, with the first row.
        auto logits = Model::prefill(trainer_.parameters(),
                                     {names::source = sample.source, names::length = sample.length,
                                      names::source_length = sample.length, names::target = 0},
                                     state);
        std::string result;
        for (;;) {
            std::int32_t likeliest = 1;
            for (std::int32_t symbol = 2; symbol < names::written_symbols; ++symbol)
                if (logits(symbol) > logits(likeliest)) likeliest = symbol;
            result += names::written_alphabet[static_cast<std::size_t>(likeliest)];
            if (state.position() == names::written) return result;
            logits = Model::step(trainer_.parameters(), {names::target = likeliest}, state);
        }
    }
};

/// All dates in an order of the seed; the last tenth is for the test.
std::vector<calendar::date> shuffled_dates(sequent::random_numbers& random) {
    std::vector<calendar::date> dates;
    for (int day = 0; day < calendar::days; ++day)
        dates.push_back(calendar::first + std::chrono::days(day));
    for (auto at = static_cast<int>(dates.size()); at > 1; --at)
        std::swap(dates[static_cast<std::size_t>(at - 1)],
                  dates[static_cast<std::size_t>(random.below(at))]);
    return dates;
}

void train_on(std::span<const calendar::date> dates, Translator& translator,
              const Options& options) {
    constexpr int batch_size = 64;
    const auto step = [&](double rate) {
        std::vector<Sample> samples;
        for (int sample = 0; sample < batch_size; ++sample) {
            const auto place = translator.random().below(static_cast<int>(dates.size()));
            const calendar::date date = dates[static_cast<std::size_t>(place)];
            samples.emplace_back(
                calendar::in_words(date, translator.random().below(calendar::ways)),
                calendar::iso(date));
        }
        return translator.step(samples, rate);
    };
    train::fit({.rate = {.peak = 2e-3,
                         .floor = 2e-5,
                         .warmup_steps = std::min(200, options.steps / 10),
                         .total_steps = options.steps},
                .item = "dates",
                .items_per_step = batch_size},
               step);
}

struct Example {
    std::string text;
    std::string result;
};

/// How many of the dates are translated rightly, of each way to write them; prints it, and gives a
/// translated date of each.
std::vector<Example> test_on(std::span<const calendar::date> dates, Translator& translator) {
    std::vector<Sample> samples;
    for (std::size_t at = 0; at < dates.size(); ++at)
        samples.emplace_back(calendar::in_words(dates[at], static_cast<int>(at % calendar::ways)),
                             calendar::iso(dates[at]));
    const std::vector<std::string> results = translator.translate(samples);

    const auto percent = [](int part, int of) { return 100.0 * part / of; };
    const auto total = static_cast<int>(dates.size());
    std::array<int, calendar::ways> right{};
    std::array<int, calendar::ways> all{};
    int all_right = 0;
    int characters = 0;
    for (std::size_t at = 0; at < results.size(); ++at) {
        const std::string wanted = calendar::iso(dates[at]);
        ++all[at % calendar::ways];
        if (results[at] == wanted) {
            ++right[at % calendar::ways];
            ++all_right;
        }
        for (std::size_t place = 0; place < wanted.size(); ++place)
            characters += results[at][place] == wanted[place] ? 1 : 0;
    }
    std::printf("One of each, and how many of these are right:\n");
    std::vector<Example> examples;
    for (std::size_t way = 0; way < all.size(); ++way) {
        const std::string text = calendar::in_words(dates[way], static_cast<int>(way));
        std::printf("  %-38s -> %s  %s  %5.1f %%\n", text.c_str(), results[way].c_str(),
                    results[way] == calendar::iso(dates[way]) ? "right" : "wrong",
                    percent(right[way], all[way]));
        examples.push_back({text, results[way]});
    }
    std::printf(
        "Of %d dates never seen, %.2f %% are right; of their characters, %.2f %% are right\n",
        total, percent(all_right, total), percent(characters, total * names::written));
    return examples;
}

/// A colour for a weight from 0 to 1.
std::string shade_of(float weight) {
    const auto between = [&](float light, float full) {
        return static_cast<int>(light + std::clamp(weight, 0.0F, 1.0F) * (full - light));
    };
    char text[64];
    std::snprintf(text, sizeof text, "rgb(%d,%d,%d)", between(240, 8), between(244, 62),
                  between(248, 110));
    return text;
}

/// The mean of the heads that look from what is written to what is read.
draw::head_weights mean_of_cross_heads(const std::vector<draw::head_weights>& all) {
    draw::head_weights mean;
    float heads = 0;
    for (const draw::head_weights& each : all) {
        if (each.relation != "cross_head") continue;
        ++heads;
        if (mean.weights.empty()) {
            mean = each;
            continue;
        }
        for (std::size_t at = 0; at < mean.weights.size(); ++at)
            mean.weights[at] += each.weights[at];
    }
    for (float& each : mean.weights) each /= heads;
    return mean;
}

/// A page of one example.
void write_page(const std::string& path, const Example& example, const Translator& translator) {
    const auto letters = [](std::string_view text) {
        std::vector<std::string> result;
        for (const char each : text) result.emplace_back(1, each);
        return result;
    };
    const auto& [text, result] = example;
    // What a row has read of the result is one character behind what it writes.
    draw::attention_labels labels{.title = text + " \xe2\x86\x92 " + result,
                                  .tokens = letters(result),
                                  .sources = letters(text),
                                  .encoder = "memory."};
    draw::write(draw::page_of(translator.attention(text, result), labels), path);
    std::printf("The page of \"%s\" is %s\n", text.c_str(), path.c_str());
}

/// A map for each example: what is written in its rows, what is read in its columns.
draw::svg picture_of(const std::vector<Example>& examples, const Translator& translator) {
    constexpr double cell = 15;
    constexpr double margin = 40;
    constexpr double wide = 900;
    constexpr double high = (names::written + 3) * cell;
    constexpr auto dark = "#1f2933";

    // Maps stand side by side as long as they fit.
    struct place {
        double left;
        double top;
    };
    std::vector<place> places;
    place next{margin, 2 * margin};
    for (const Example& example : examples) {
        const double width = static_cast<double>(example.text.size()) * cell;
        if (next.left > margin && next.left + width > wide - margin)
            next = {margin, next.top + high};
        places.push_back(next);
        next.left += width + 2 * margin;
    }

    draw::svg picture(wide, next.top + high);
    picture.text(margin / 2, 30, "What each written character looks at: the mean of the heads", 15,
                 dark);
    for (std::size_t at = 0; at < examples.size(); ++at) {
        const auto& [text, result] = examples[at];
        const auto [left, top] = places[at];
        const auto letter = [&](double x, double y, char each) {
            picture.text(x, y, std::string(1, each), 13, dark,
                         "text-anchor=\"middle\" font-family=\"monospace\"");
        };
        for (std::size_t column = 0; column < text.size(); ++column)
            letter(left + (static_cast<double>(column) + 0.5) * cell, top - 5, text[column]);
        const draw::head_weights looks = mean_of_cross_heads(translator.attention(text, result));
        for (std::size_t row = 0; row < result.size(); ++row) {
            const double y = top + static_cast<double>(row) * cell;
            letter(left - 0.7 * cell, y + 0.8 * cell, result[row]);
            for (std::size_t column = 0; column < text.size(); ++column)
                picture.rectangle(left + static_cast<double>(column) * cell, y, cell - 1, cell - 1,
                                  shade_of(looks(static_cast<int>(row), static_cast<int>(column))));
        }
    }
    return picture;
}

void run(const Options& options) {
    std::vector<Sample> own;
    for (const std::string& text : options.texts) own.emplace_back(text);

    Translator translator(options);
    const auto dates = shuffled_dates(translator.random());
    const auto held_out = std::span(dates).last(dates.size() / 10);
    const auto seen = std::span(dates).first(dates.size() - held_out.size());
    std::printf("%zu dates to learn from, each in %d ways; %d parameters\n", seen.size(),
                calendar::ways, Model::parameter_count);
    std::fflush(stdout);
    train_on(seen, translator, options);
    const std::vector<Example> examples = test_on(held_out, translator);

    const std::vector<std::string> results = translator.translate(own);
    if (!own.empty()) std::printf("Yours:\n");
    for (std::size_t at = 0; at < own.size(); ++at)
        std::printf("  %-38s -> %s\n", options.texts[at].c_str(), results[at].c_str());
    if (!options.svg.empty()) {
        draw::write(picture_of(examples, translator), options.svg);
        std::printf("Drawn to %s\n", options.svg.c_str());
    }
    if (!options.page.empty())
        write_page(options.page, own.empty() ? examples[0] : Example{options.texts[0], results[0]},
                   translator);
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("translate", [&] { run(read_options(count, arguments)); });
}
