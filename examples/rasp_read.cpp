// A transformer that is learned from examples and read as a RASP program (after Transformer
// Programs, arXiv 2306.01128), at the smallest scale: one layer, one head. Its variables, the token
// and the index of a position, are one-hot. The head has a table of which keys each query selects,
// for each pair of variables, and gates choose the pair, and what is gathered: the mean of the
// selected tokens or indices, or how many are selected. All choices are softmaxes and sigmoids of a
// temperature that falls; in the end they are made, and the tables are printed as a program, which
// is compared with the task on other inputs.
//
//     rasp_read [--seed N] [--attempts N]

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <sequent/model/random.hpp>
#include <sequent/rasp.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace programs {

using namespace sequent::rasp;

// What the tasks are: only examples of them are shown.
inline constexpr auto histogram = hist(tokens);
inline constexpr auto reverse = aggregate(select(indices, 7 - indices, equal), tokens);
inline constexpr auto number_before = selector_width(select(tokens, tokens, less));

}  // namespace programs

namespace {

namespace rasp = sequent::rasp;

constexpr const char* help_text = R"(rasp_read [options]

Trains transformers whose weights are read as RASP programs, and prints the programs.

  --seed N      of the parameters and the inputs (1)
  --attempts N  trainings of each program, of which the best is read (10)
)";

constexpr int length = 8;   // of all inputs
constexpr int letters = 8;  // a to h
constexpr int classes = 9;  // letters, or numbers from 0 to 8
constexpr std::array variables{"tokens", "indices"};

struct sample {
    std::array<int, length> input{};
    std::array<int, length> answer{};
};

struct task {
    std::string_view name;
    std::string program;
    rasp::sequence (*evaluate)(const rasp::sequence&);

    sample next(sequent::random_numbers& random) const {
        sample made;
        std::string text;
        const int different = 1 + random.below(letters);  // few, so that some occur often
        for (int& each : made.input) {
            each = random.below(different);
            text += static_cast<char>('a' + each);
        }
        const rasp::sequence result = evaluate(text);
        for (int at = 0; at < length; ++at)
            made.answer[static_cast<std::size_t>(at)] =
                result[at].kind() == rasp::type::symbol
                    ? result[at].text()[0] - 'a'
                    : static_cast<int>(result[at].number().over);
        return made;
    }
};

/// Softmax of numbers at a temperature, and the derivative of its inputs from that of its outputs.
template <std::size_t Size>
std::array<double, Size> soft(const double* numbers, double sharpness) {
    std::array<double, Size> result{};
    const double most = *std::max_element(numbers, numbers + Size);
    double sum = 0;
    for (std::size_t at = 0; at < Size; ++at)
        sum += result[at] = std::exp(sharpness * (numbers[at] - most));
    for (double& each : result) each /= sum;
    return result;
}
template <std::size_t Size>
void soft_backward(const std::array<double, Size>& result, const std::array<double, Size>& by,
                   double sharpness, double* gradient) {
    double mean = 0;
    for (std::size_t at = 0; at < Size; ++at) mean += result[at] * by[at];
    for (std::size_t at = 0; at < Size; ++at)
        gradient[at] += sharpness * result[at] * (by[at] - mean);
}

/// The parameters, one after another in one array.
class learner {
  public:
    static constexpr int values = 8;    // of each variable
    static constexpr int pairs = 4;     // of variables, query first
    static constexpr int gathered = 3;  // tokens, indices, the number of selected positions
    static constexpr int results = 9;   // values of what is gathered, at most
    static constexpr std::size_t tables = 0;
    static constexpr std::size_t pair_gate = tables + pairs * values * values;
    static constexpr std::size_t result_gate = pair_gate + pairs;
    static constexpr std::size_t outputs = result_gate + gathered;
    static constexpr std::size_t size = outputs + gathered * results * classes;
    using numbers = std::array<double, size>;

    numbers parameters{};

    explicit learner(std::uint64_t seed) {
        sequent::random_numbers random(seed);
        for (double& each : parameters) each = 0.3 * random.normal();
    }

    static std::size_t table(int pair, int query, int key) {
        return tables + static_cast<std::size_t>((pair * values + query) * values + key);
    }
    static std::size_t output(int what, int of, int in_class) {
        return outputs + static_cast<std::size_t>((what * results + of) * classes + in_class);
    }
    static int variable(const sample& of, int which, int at) {
        return which == 0 ? of.input[static_cast<std::size_t>(at)] : at;
    }

    /// Adds the gradient of the mean cross-entropy of the positions; returns it.
    double learn(const sample& of, double sharpness, numbers& gradient) const {
        const auto gates = soft<pairs>(&parameters[pair_gate], sharpness);
        const auto chosen = soft<gathered>(&parameters[result_gate], sharpness);
        const double narrow = sharpness / 4;  // of the one-hot number of selected positions
        std::array<double, pairs> by_gates{};
        std::array<double, gathered> by_chosen{};
        double loss = 0;
        for (int i = 0; i < length; ++i) {
            // The head.
            std::array<double, length> selects{};
            double count = 0;
            for (int j = 0; j < length; ++j) {
                double logit = 0;
                for (int pair = 0; pair < pairs; ++pair)
                    logit +=
                        gates[static_cast<std::size_t>(pair)] * parameters[place(of, pair, i, j)];
                const double share = 1 / (1 + std::exp(-sharpness * logit));
                selects[static_cast<std::size_t>(j)] = share;
                count += share;
            }
            constexpr double little = 0.1;  // of which the mean of nothing is zero
            std::array<std::array<double, results>, gathered> found{};
            for (int j = 0; j < length; ++j)
                for (int which = 0; which < 2; ++which)
                    found[static_cast<std::size_t>(which)]
                         [static_cast<std::size_t>(variable(of, which, j))] +=
                        selects[static_cast<std::size_t>(j)] / (count + little);
            std::array<double, results> distances{};
            for (int each = 0; each < results; ++each)
                distances[static_cast<std::size_t>(each)] =
                    -narrow * (count - each) * (count - each);
            found[2] = soft<results>(distances.data(), 1);

            // What is written, and its loss.
            std::array<double, classes> logits{};
            each_output([&](int what, int value, int kind, std::size_t at) {
                logits[static_cast<std::size_t>(kind)] += chosen[static_cast<std::size_t>(what)] *
                                                          of_found(found, what, value) *
                                                          parameters[at];
            });
            auto by_logits = soft<classes>(logits.data(), 1);
            const auto right = static_cast<std::size_t>(of.answer[static_cast<std::size_t>(i)]);
            loss -= std::log(by_logits[right] + 1e-12) / length;
            by_logits[right] -= 1;
            for (double& each : by_logits) each /= length;

            // And back.
            std::array<std::array<double, results>, gathered> by_found{};
            each_output([&](int what, int value, int kind, std::size_t at) {
                const double by = by_logits[static_cast<std::size_t>(kind)];
                const double gate = chosen[static_cast<std::size_t>(what)];
                const double here = of_found(found, what, value);
                gradient[at] += gate * here * by;
                by_found[static_cast<std::size_t>(what)][static_cast<std::size_t>(value)] +=
                    gate * parameters[at] * by;
                by_chosen[static_cast<std::size_t>(what)] += here * parameters[at] * by;
            });
            std::array<double, results> by_distances{};
            soft_backward<results>(found[2], by_found[2], 1, by_distances.data());
            double by_count = 0;
            for (int each = 0; each < results; ++each)
                by_count -=
                    2 * narrow * (count - each) * by_distances[static_cast<std::size_t>(each)];
            for (int which = 0; which < 2; ++which)
                for (int value = 0; value < results; ++value)
                    by_count -=
                        by_found[static_cast<std::size_t>(which)][static_cast<std::size_t>(value)] *
                        of_found(found, which, value) / (count + little);
            for (int j = 0; j < length; ++j) {
                const double share = selects[static_cast<std::size_t>(j)];
                double by = by_count;
                for (int which = 0; which < 2; ++which)
                    by += by_found[static_cast<std::size_t>(which)]
                                  [static_cast<std::size_t>(variable(of, which, j))] /
                          (count + little);
                by *= sharpness * share * (1 - share);
                for (int pair = 0; pair < pairs; ++pair) {
                    const std::size_t at = place(of, pair, i, j);
                    gradient[at] += gates[static_cast<std::size_t>(pair)] * by;
                    by_gates[static_cast<std::size_t>(pair)] += parameters[at] * by;
                }
            }
        }
        soft_backward<pairs>(gates, by_gates, sharpness, &gradient[pair_gate]);
        soft_backward<gathered>(chosen, by_chosen, sharpness, &gradient[result_gate]);
        return loss;
    }

  private:
    static std::size_t place(const sample& of, int pair, int i, int j) {
        return table(pair, variable(of, pair / 2, i), variable(of, pair % 2, j));
    }
    static double of_found(const std::array<std::array<double, results>, gathered>& found, int what,
                           int value) {
        return found[static_cast<std::size_t>(what)][static_cast<std::size_t>(value)];
    }
    template <class Visit>
    static void each_output(const Visit& visit) {
        for (int what = 0; what < gathered; ++what)
            for (int value = 0; value < results; ++value)
                for (int kind = 0; kind < classes; ++kind)
                    visit(what, value, kind, output(what, value, kind));
    }
};

/// What a learner has learned, with all choices made.
struct discrete {
    int query = 0;  // variables
    int key = 0;
    int what = 0;  // is gathered
    std::array<std::array<bool, learner::values>, learner::values> selects{};
    std::array<int, learner::results> writes{};
    std::array<bool, learner::results> occurs{};  // values that run has gathered

    explicit discrete(const learner& from) {
        const auto choose = [&](std::size_t first, int count) {
            const double* begin = &from.parameters[first];
            return static_cast<int>(std::max_element(begin, begin + count) - begin);
        };
        const int pair = choose(learner::pair_gate, learner::pairs);
        query = pair / 2;
        key = pair % 2;
        what = choose(learner::result_gate, learner::gathered);
        for (int q = 0; q < learner::values; ++q)
            for (int k = 0; k < learner::values; ++k)
                selects[static_cast<std::size_t>(q)][static_cast<std::size_t>(k)] =
                    from.parameters[learner::table(pair, q, k)] > 0;
        for (int value = 0; value < learner::results; ++value)
            writes[static_cast<std::size_t>(value)] =
                choose(learner::output(what, value, 0), classes);
    }

    /// The class at a position; -1 where different values are gathered.
    int run(const sample& of, int i) {
        int count = 0;
        int found = -1;
        bool differ = false;
        for (int j = 0; j < length; ++j) {
            if (!selects[static_cast<std::size_t>(learner::variable(of, query, i))]
                        [static_cast<std::size_t>(learner::variable(of, key, j))])
                continue;
            const int value = learner::variable(of, what == 1 ? 1 : 0, j);
            differ = differ || (count > 0 && value != found);
            found = value;
            ++count;
        }
        if (what == 2) {
            occurs[static_cast<std::size_t>(count)] = true;
            return writes[static_cast<std::size_t>(count)];
        }
        if (count > 0) occurs[static_cast<std::size_t>(found)] = true;
        return count == 0 || differ ? -1 : writes[static_cast<std::size_t>(found)];
    }

    std::string text() const {
        const std::string selector = text_of_selector();
        if (what == 2) return text_of_output("selector_width(" + selector + ")", "");
        return text_of_output("aggregate(" + selector + ", " + variables[what == 1 ? 1 : 0] + ")",
                              what == 0 ? "letter" : "");
    }

  private:
    template <class Compare>
    bool is(const Compare& compare) const {
        for (int q = 0; q < learner::values; ++q)
            for (int k = 0; k < learner::values; ++k)
                if (selects[static_cast<std::size_t>(q)][static_cast<std::size_t>(k)] !=
                    compare(k, q))
                    return false;
        return true;
    }
    std::string text_of_selector() const {
        const std::string keys = variables[static_cast<std::size_t>(key)];
        const std::string queries = variables[static_cast<std::size_t>(query)];
        const auto written = [&](const std::string& of, const char* how) {
            return "select(" + keys + ", " + of + ", " + how + ")";
        };
        if (query == key) {
            if (is([](int k, int q) { return k == q; })) return written(queries, "==");
            if (is([](int k, int q) { return k != q; })) return written(queries, "!=");
            if (is([](int k, int q) { return k < q; })) return written(queries, "<");
            if (is([](int k, int q) { return k <= q; })) return written(queries, "<=");
            if (is([](int k, int q) { return k > q; })) return written(queries, ">");
            if (is([](int k, int q) { return k >= q; })) return written(queries, ">=");
        }
        if (query == 1 && key == 1) {
            for (int by = 1; by < length; ++by) {
                if (is([by](int k, int q) { return k == q - by; }))
                    return written(queries + " - " + std::to_string(by), "==");
                if (is([by](int k, int q) { return k == q + by; }))
                    return written(queries + " + " + std::to_string(by), "==");
            }
            for (int sum = 1; sum < 2 * length; ++sum)
                if (is([sum](int k, int q) { return k == sum - q; }))
                    return written(std::to_string(sum) + " - " + queries, "==");
        }
        // A table, which map and zip can have.
        std::string result = "select_by_table(" + keys + ", " + queries + ", {";
        for (const auto& row : selects) {
            result += &row == &selects[0] ? "" : " ";
            for (const bool each : row) result += each ? '1' : '0';
        }
        return result + "})";
    }
    std::string text_of_output(const std::string& from, const std::string& letter) const {
        bool same = true;
        for (int value = 0; value < learner::results; ++value)
            same = same && (writes[static_cast<std::size_t>(value)] == value ||
                            !occurs[static_cast<std::size_t>(value)]);
        if (same) return from;
        std::string result = "element_of(" + from;
        for (int value = 0; value < learner::results; ++value) {
            const int written = writes[static_cast<std::size_t>(value)];
            result += ", ";
            result += !occurs[static_cast<std::size_t>(value)] ? "-"
                      : letter.empty()                         ? std::to_string(written)
                                       : std::string(1, static_cast<char>('a' + written));
        }
        return result + ")";
    }
};

/// The share of positions of other inputs that are right.
double test(discrete& of, const task& given, std::uint64_t seed) {
    sequent::random_numbers random(seed);
    int right = 0;
    constexpr int tests = 2000;
    for (int at = 0; at < tests; ++at) {
        const sample other = given.next(random);
        for (int i = 0; i < length; ++i)
            right += of.run(other, i) == other.answer[static_cast<std::size_t>(i)] ? 1 : 0;
    }
    return static_cast<double>(right) / (tests * length);
}

/// Adam, with a temperature that falls from 1 to 1/8.
learner train(const task& given, std::uint64_t seed) {
    constexpr int steps = 1500;
    constexpr int batch = 32;
    learner made(seed);
    sequent::random_numbers random(seed + 1000);
    learner::numbers first{};
    learner::numbers second{};
    for (int step = 1; step <= steps; ++step) {
        const double done = static_cast<double>(step) / steps;
        const double sharpness = std::pow(8.0, done);
        learner::numbers gradient{};
        for (int at = 0; at < batch; ++at)
            (void)made.learn(given.next(random), sharpness, gradient);
        const double rate = 0.03 * std::min(1.0, 2 * (1 - done) + 0.05);
        for (std::size_t at = 0; at < learner::size; ++at) {
            const double slope = gradient[at] / batch;
            first[at] = 0.9 * first[at] + 0.1 * slope;
            second[at] = 0.99 * second[at] + 0.01 * slope * slope;
            const double mean = first[at] / (1 - std::pow(0.9, step));
            const double square = second[at] / (1 - std::pow(0.99, step));
            made.parameters[at] -= rate * mean / (std::sqrt(square) + 1e-8);
        }
    }
    return made;
}

void run(int seed, int attempts) {
    const auto text_of = []<const auto & Program>() {
        return rasp::text_of(rasp::graph_of<Program>, rasp::graph_of<Program>.output, false);
    };
    const task tasks[]{
        {"histogram", text_of.operator()<programs::histogram>(),
         &rasp::evaluate<programs::histogram>},
        {"reverse, of eight", text_of.operator()<programs::reverse>(),
         &rasp::evaluate<programs::reverse>},
        {"how many letters are earlier in the alphabet",
         text_of.operator()<programs::number_before>(), &rasp::evaluate<programs::number_before>}};
    for (const task& each : tasks) {
        std::printf("%.*s\n    the task    %s\n", static_cast<int>(each.name.size()),
                    each.name.data(), each.program.c_str());
        // The best of several, by inputs that are not those it is tested with.
        double best = -1;
        int learned = 0;
        std::string program;
        double right = 0;
        for (int attempt = 0; attempt < attempts; ++attempt) {
            discrete read(train(each, static_cast<std::uint64_t>(seed + 10000 * attempt)));
            const double validated = test(read, each, 1);
            learned += validated == 1 ? 1 : 0;
            if (validated <= best) continue;
            best = validated;
            program = read.text();
            right = test(read, each, 2);
        }
        std::printf(
            "    learned     %s\n    right       %.2f %% of the positions of 2000 other "
            "inputs; all in %d of %d attempts\n    %s\n\n",
            program.c_str(), 100 * right, learned, attempts,
            program == each.program ? "the same program" : "another program");
        std::fflush(stdout);
    }
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("rasp_read", [&] {
        int seed = 1;
        int attempts = 10;
        for (examples::command_line line(count, arguments, help_text); line.next();)
            if (line.is("--seed"))
                seed = line.whole(0, 1000000000);
            else if (line.is("--attempts"))
                attempts = line.whole(1, 1000);
            else
                line.refuse();
        run(seed, attempts);
    });
}
