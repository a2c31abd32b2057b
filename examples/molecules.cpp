// Tells mutagenic molecules from others by a graph transformer, a graph isomorphism network and a
// graph convolution, and how often each is right on molecules that it has not seen:
// cross-validation on MUTAG. Form, width and weight decay of the transformer were chosen by a few
// such runs, as published ones are.
//
//     molecules [options]

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <sequent/data.hpp>
#include <sequent/fit.hpp>
#include <sequent/graphs.hpp>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include "molecules/engine.hpp"
#include "molecules/mutag.hpp"
#include "options.hpp"

namespace rules_of_molecules {

using namespace sequent::language;

constexpr int most_atoms = 28;
constexpr int most_bonds = 66;  // each counts both ways
constexpr int most_pairs = 94;  // the bonds, and each atom with itself
constexpr int elements = 7;
constexpr int width = 32;
constexpr int heads = 4;
constexpr int head_width = width / heads;
constexpr int hidden_width = 2 * width;
constexpr int layer_count = 2;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h", heads> h;
inline constexpr bound<"atoms"> atoms;

// Facts: the element of each atom; which atoms are bonded; and whom an atom attends to, a bonded
// one (symbol 1) or itself (symbol 0).
inline constexpr relation<"element"> element_of;
inline constexpr relation<"bond"> bond;
inline constexpr relation<"near"> near;

inline constexpr relation<"x"> x;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"query"> query_of;
inline constexpr relation<"key"> key;
inline constexpr relation<"value"> value;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"head"> head;
inline constexpr relation<"joined"> joined_heads;
inline constexpr relation<"between"> between;
inline constexpr relation<"expanded"> expanded;
inline constexpr relation<"y"> y;
inline constexpr relation<"embedded"> embedded;
inline constexpr relation<"layers"> layers;
inline constexpr relation<"readout"> readout;
inline constexpr relation<"logits"> logits;
inline constexpr relation<"gathered"> gathered;
inline constexpr relation<"degree"> degree;
inline constexpr relation<"scale"> scale;
inline constexpr relation<"projected"> projected;

template <fixed_string Name, int... Shape>
inline constexpr weight<Name, Shape...> W;

// clang-format off

// Relational attention: queries, keys and values of a pair add what the atoms and what their
// relation gives.
inline constexpr auto layer = rules(
    q(h, i)           <<= (x(i)[W<"W_query", head_width, width>(h)], W<"b_query", head_width>(h)),
    k(h, i)           <<= x(i)[W<"W_key", head_width, width>(h)],
    v(h, i)           <<= (x(i)[W<"W_value", head_width, width>(h)], W<"b_value", head_width>(h)),
    query_of(h, i, j) <<= (q(h, i), near(i, j)[W<"near_query", 2, head_width>(h)]),
    key(h, i, j)      <<= (k(h, j), near(i, j)[W<"near_key", 2, head_width>(h)]),
    value(h, i, j)    <<= (v(h, j), near(i, j)[W<"near_value", 2, head_width>(h)]),
    weights(h, i, j)  <<= (inverse_sqrt(head_width), key(h, i, j).T(), query_of(h, i, j))
                          | product() | softmax(j),
    head(h, i)        <<= (weights(h, i, j), value(h, i, j), i < atoms) | product() | sum(j),
    joined_heads(i)   <<= head(h, i) | concat(h),
    between(i)        <<= (x(i), joined_heads(i)[W<"W_out", width, width>], W<"b_out", width>)
                          | layer_norm(W<"gain_1", width>, W<"bias_1", width>),
    expanded(i)       <<= (between(i)[W<"W_expand", hidden_width, width>],
                           W<"b_expand", hidden_width>) | relu(),
    y(i)              <<= (between(i), expanded(i)[W<"W_contract", width, hidden_width>],
                           W<"b_contract", width>)
                          | layer_norm(W<"gain_2", width>, W<"bias_2", width>));

// An atom begins as its element and the sum of those to which it is bonded.
inline constexpr auto transformer = rules(
    embedded(i) <<= (element_of(i)[W<"element", elements, width>], i < atoms),
    embedded(i) <<= (element_of(j)[W<"neighbour", elements, width>], hidden(bond(i, j)),
                     i < atoms) | sum(j),
    layers(i)   <<= embedded(i) | stack<layer_count>(layer),
    readout()   <<= layers(i) | mean(i),
    logits()    <<= (readout()[W<"W_class", 2, width>], W<"b_class", 2>));

// Graph isomorphism network (Xu et al., arXiv 1810.00826): two linear maps of (1 + epsilon) times
// an atom plus its neighbours. The molecule is the sum of its atoms.
inline constexpr auto gin_layer = rules(
    gathered(i) <<= (x(i), i < atoms),
    gathered(i) <<= (x(i)[W<"epsilon">], i < atoms),
    gathered(i) <<= (x(j), hidden(bond(i, j)), i < atoms) | sum(j),
    expanded(i) <<= (gathered(i)[W<"W_expand", width, width>], W<"b_expand", width>) | relu(),
    y(i)        <<= (expanded(i)[W<"W_contract", width, width>], W<"b_contract", width>) | relu());
inline constexpr auto gin = rules(
    embedded(i) <<= (element_of(i)[W<"element", elements, width>], i < atoms),
    layers(i)   <<= embedded(i) | stack<layer_count>(gin_layer),
    readout()   <<= layers(i) | sum(i),
    logits()    <<= (readout()[W<"W_class", 2, width>], W<"b_class", 2>));

// Graph convolution (Kipf and Welling, arXiv 1609.02907): the sum over the neighbours and the atom
// itself, each divided by the root of both numbers of neighbours.
inline constexpr auto gcn_layer = rules(
    projected(i) <<= (x(i)[W<"W", width, width>], i < atoms),
    y(i)         <<= (scale(i), scale(j), projected(j), hidden(bond(i, j))) | product() | sum(j),
    y(i)         <<= (scale(i), scale(i), projected(i)) | product(),
    y(i)         <<= (W<"bias", width>, i < atoms),
    y(i)         | relu());
inline constexpr auto gcn = rules(
    embedded(i) <<= (element_of(i)[W<"element", elements, width>], i < atoms),
    degree(i)   <<= (hidden(bond(i, j)), i < atoms) | count(j),
    scale(i)    <<= (degree(i), number(1), i < atoms) | sum() | sqrt() | inverse(),
    layers(i)   <<= embedded(i) | stack<layer_count>(gcn_layer),
    readout()   <<= layers(i) | mean(i),
    logits()    <<= (readout()[W<"W_class", 2, width>], W<"b_class", 2>));
// clang-format on

using element_fact = sequent::fact<"element", most_atoms, sequent::symbol<elements>>;
using bond_fact = sequent::fact<"bond", sequent::sparse<most_bonds>, most_atoms, most_atoms>;
using near_fact =
    sequent::fact<"near", sequent::sparse<most_pairs>, most_atoms, most_atoms, sequent::symbol<2>>;

using Transformer = sequent::model<transformer, element_fact, bond_fact, bound<"atoms">, near_fact>;
using Isomorphism = sequent::model<gin, element_fact, bond_fact, bound<"atoms">>;
using Convolution = sequent::model<gcn, element_fact, bond_fact, bound<"atoms">>;

}  // namespace rules_of_molecules

namespace {

namespace train = sequent::train;

namespace data = sequent::data;

constexpr std::string_view help_text = R"(molecules [options]

Trains three networks of 2 layers and width 32 to tell which of the 188 molecules of MUTAG are
mutagenic: a graph transformer (4 heads), a graph isomorphism network and a graph convolution.
Each learns from all folds but one, then is tried on that one, for each of them.

  --model NAME  one network: transformer, gin or gcn (all three); or engine: the time of an epoch
                of the three small networks of PyNeuraLogic's benchmark, beside its own
  --data FILE   other molecules in MUTAG's text form, of at most 28 atoms, 66 bonds counted both
                ways, and 7 elements, in two classes
  --epochs N    times that each training molecule is seen (60)
  --folds N     parts of the cross-validation (10)
  --seed N      for the folds, the parameters and the order of training (1)
  --threads N   threads to train with (all of the machine); the numbers do not depend on it
)";

struct Options {
    std::string model = "all";
    std::string file;
    int epochs = 60;
    int folds = 10;
    int seed = 1;
    int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("--model")) options.model = line.text();
        else if (line.is("--data")) options.file = line.text();
        else if (line.is("--epochs")) options.epochs = line.whole(1, 100000);
        else if (line.is("--folds")) options.folds = line.whole(2, 63);
        else if (line.is("--seed")) options.seed = line.whole(0, 1000000000);
        else if (line.is("--threads")) options.threads = line.whole(1, 1024);
        else line.refuse();
        // clang-format on
    }
    for (const char* known : {"all", "transformer", "gin", "gcn", "engine"})
        if (options.model == known) return options;
    throw std::invalid_argument("--model is transformer, gin, gcn or engine");
}

/// The molecules of MUTAG, or of a file.
data::graph_set molecules_of(const Options& options) {
    if (!options.file.empty()) {
        data::graph_set set = data::read_graphs(options.file);
        if (set.most_nodes() > rules_of_molecules::most_atoms ||
            set.most_edges() > rules_of_molecules::most_bonds ||
            set.kinds.size() > rules_of_molecules::elements || set.labels.size() != 2)
            throw std::runtime_error(options.file + " has graphs of " +
                                     std::to_string(set.most_nodes()) + " nodes, " +
                                     std::to_string(set.most_edges()) + " edges, " +
                                     std::to_string(set.kinds.size()) + " kinds of nodes and " +
                                     std::to_string(set.labels.size()) + " classes (see --help)");
        return set;
    }
    data::graph_set set;
    set.labels = data::symbol_names({"harmless", "mutagenic"});
    for (const mutag::molecule& molecule : mutag::molecules) {
        const auto place = [](std::string_view all, char one) {
            return static_cast<std::int32_t>(all.find(one));
        };
        data::labelled_graph& graph = set.graphs.emplace_back();
        graph.label = molecule.mutagenic ? 1 : 0;
        for (const char letter : std::string_view(molecule.atoms))
            graph.nodes.push_back(place(mutag::elements, letter));
        const std::string_view ends = molecule.bonds;
        for (std::size_t at = 0; at < ends.size(); at += 2) {
            const auto one = place(mutag::places, ends[at]);
            const auto other = place(mutag::places, ends[at + 1]);
            graph.edges.push_back({one, other});
            graph.edges.push_back({other, one});
        }
    }
    return set;
}

/// The facts of one molecule.
template <class Model>
class Sample {
  public:
    explicit Sample(const data::labelled_graph& molecule) : elements_(molecule.nodes) {
        const auto count = static_cast<std::int32_t>(elements_.size());
        elements_.resize(rules_of_molecules::most_atoms);
        const auto bonds = sequent::sparse_pairs(molecule.edges);
        if constexpr (std::is_same_v<Model, rules_of_molecules::Transformer>) {
            auto near = molecule.edges;
            kinds_.assign(near.size(), 1);
            for (std::int32_t atom = 0; atom < count; ++atom) near.push_back({atom, atom});
            kinds_.resize(near.size());
            facts_.emplace(typename Model::template facts<float>(
                {elements_, bonds, count, sequent::sparse_pairs(near, kinds_)}));
        } else {
            facts_.emplace(typename Model::template facts<float>({elements_, bonds, count}));
        }
    }

    Sample(const Sample&) = delete;
    Sample(Sample&&) = default;

    /// Point to the numbers of this sample; the pairs are indexed in them.
    const auto& facts() const { return *facts_; }

  private:
    std::vector<std::int32_t> elements_;
    std::vector<std::int32_t> kinds_;
    std::optional<typename Model::template facts<float>> facts_;
};

/// What one network did in one fold.
struct Outcome {
    std::vector<int> right;    ///< after each epoch, how many held-out molecules are told rightly
    double seconds_per_epoch;  ///< of training alone
};

template <class Model>
class Trial {
  public:
    Trial(const Options& options, const data::graph_set& molecules)
        : options_(options), pool_(options.threads), classes_(molecules.labels_of_graphs()) {
        for (const data::labelled_graph& molecule : molecules.graphs) {
            samples_.emplace_back(molecule);
            facts_.push_back(samples_.back().facts());
        }
    }

    /// Trains on all folds but one. `progress(epoch)` is called before each epoch.
    template <class Progress>
    Outcome run(const data::split& fold, std::size_t number, Progress progress) {
        using clock = std::chrono::steady_clock;
        sequent::random_numbers random(static_cast<std::uint64_t>(options_.seed) * 1000 + number);
        train::trainer<Model> trainer(pool_, random.next(), {.weight_decay = 0.2});
        train::batches batches(static_cast<int>(fold.training.size()), batch_size, random.next());
        const auto total = batches.per_epoch() * options_.epochs;
        const train::schedule rate{
            .peak = 2e-3, .floor = 0, .warmup_steps = total / 10, .total_steps = total};

        Outcome result{};
        clock::duration spent{};
        for (int epoch = 0; epoch < options_.epochs; ++epoch) {
            progress(epoch);
            const auto start = clock::now();
            for (std::int64_t at = 0; at < batches.per_epoch(); ++at) {
                std::vector<int> places;
                for (const int each : batches.next())
                    places.push_back(fold.training[static_cast<std::size_t>(each)]);
                const float scale = 1 / static_cast<float>(places.size());
                trainer.step(
                    facts_, places, rate(trainer.steps()),
                    [&](int place, const auto& logits, const auto& gradient) {
                        const auto label =
                            std::span(classes_).subspan(static_cast<std::size_t>(place), 1);
                        return train::cross_entropy(logits, label, gradient, {.scale = scale});
                    });
            }
            spent += clock::now() - start;
            result.right.push_back(count_right(trainer, fold.held_out));
        }
        result.seconds_per_epoch = std::chrono::duration<double>(spent).count() / options_.epochs;
        return result;
    }

  private:
    static constexpr int batch_size = 16;

    const Options& options_;
    sequent::thread_pool pool_;
    std::vector<std::int32_t> classes_;
    std::vector<Sample<Model>> samples_;
    std::vector<typename Model::template facts<float>> facts_;

    int count_right(train::trainer<Model>& trainer, std::span<const int> places) {
        std::vector<typename Model::template facts<float>> chosen;
        for (const int place : places) chosen.push_back(facts_[static_cast<std::size_t>(place)]);
        train::confusion found(2);
        std::vector<float> logits(2 * places.size());
        Model::forward_batch(trainer.parameters(), chosen, trainer.batch(),
                             std::span<float>(logits));
        for (std::size_t at = 0; at < places.size(); ++at)
            found.add(std::span<const float>(logits).subspan(2 * at, 2),
                      classes_[static_cast<std::size_t>(places[at])]);
        return static_cast<int>(found.count(0, 0) + found.count(1, 1));
    }
};

struct Spread {
    double mean = 0;
    double deviation = 0;
};

Spread spread_of(const std::vector<double>& numbers) {
    const auto count = static_cast<double>(numbers.size());
    const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / count;
    double squares = 0;
    for (double each : numbers) squares += (each - mean) * (each - mean);
    return {mean, std::sqrt(squares / count)};
}

template <class Model>
void run(const Options& options, const data::graph_set& molecules, const char* name) {
    Trial<Model> trial(options, molecules);
    const auto folds = data::folds_of(molecules.labels_of_graphs(), options.folds,
                                      static_cast<std::uint64_t>(options.seed));
    std::printf("%s: %zu molecules, %d parameters, %d epochs\n", name, molecules.graphs.size(),
                Model::parameter_count, options.epochs);

    // accuracy[epoch][fold], in percent
    std::vector<std::vector<double>> accuracy(static_cast<std::size_t>(options.epochs));
    std::vector<double> seconds;
    for (std::size_t fold = 0; fold < folds.size(); ++fold) {
        const Outcome found = trial.run(folds[fold], fold, [&](int epoch) {
            std::fprintf(stderr, "\rfold %zu of %zu, epoch %d of %d ", fold + 1, folds.size(),
                         epoch + 1, options.epochs);
        });
        const auto size = static_cast<double>(folds[fold].held_out.size());
        for (std::size_t epoch = 0; epoch < found.right.size(); ++epoch)
            accuracy[epoch].push_back(100 * found.right[epoch] / size);
        seconds.push_back(found.seconds_per_epoch);
        std::fprintf(stderr, "\r%40s\r", "");
        std::printf("fold %2zu: %2d of %zu told rightly after the last epoch, %5.1f %%\n", fold + 1,
                    found.right.back(), folds[fold].held_out.size(), accuracy.back().back());
        std::fflush(stdout);
    }

    const Spread last = spread_of(accuracy.back());
    Spread best;
    std::size_t best_epoch = 0;
    for (std::size_t epoch = 0; epoch < accuracy.size(); ++epoch)
        if (const Spread at = spread_of(accuracy[epoch]); at.mean > best.mean) {
            best = at;
            best_epoch = epoch + 1;
        }
    std::sort(seconds.begin(), seconds.end());
    std::printf(
        "Accuracy on the held-out molecules, mean and deviation over the folds:\n"
        "  after the last epoch, nothing chosen by it      %5.1f +- %4.1f %%\n"
        "  after epoch %4zu, where this mean is greatest    %5.1f +- %4.1f %%\n"
        "An epoch takes %.1f ms on %d threads (median of the folds).\n\n",
        last.mean, last.deviation, best_epoch, best.mean, best.deviation,
        1000 * seconds[seconds.size() / 2], options.threads);
}

/// Trains on one molecule after another by Adam with a rate of 0.001, as the engine's benchmark
/// does, on one thread. Gradients are clipped to a norm of 1, which the benchmark does not. Prints
/// the median time of 21 epochs and the mean losses of the first and of the last epoch.
template <class Model>
void time_engine(const data::graph_set& molecules, const char* name, double reported) {
    using clock = std::chrono::steady_clock;
    sequent::thread_pool pool(1);
    std::vector<typename Model::template facts<float>> facts;
    for (const data::labelled_graph& molecule : molecules.graphs)
        facts.push_back({molecule.nodes, sequent::sparse_pairs(molecule.edges)});
    train::trainer<Model> trainer(pool, 1, {.weight_decay = 0});
    std::vector<double> milliseconds, losses;
    for (int epoch = 0; epoch < 21; ++epoch) {
        const auto start = clock::now();
        double loss = 0;
        for (int place = 0; place < static_cast<int>(facts.size()); ++place)
            loss += trainer.step(
                facts, std::array{place}, 1e-3, [&](int at, const auto& logit, const auto& dy) {
                    const float target[]{
                        static_cast<float>(molecules.graphs[static_cast<std::size_t>(at)].label)};
                    return train::binary_cross_entropy(logit, target, dy);
                });
        const std::chrono::duration<double, std::milli> spent = clock::now() - start;
        milliseconds.push_back(spent.count());
        losses.push_back(loss / static_cast<double>(facts.size()));
    }
    std::nth_element(milliseconds.begin(), milliseconds.begin() + 10, milliseconds.end());
    std::printf("%-12s %10.2f %18.1f %12.3f %8.3f\n", name, milliseconds[10], reported,
                losses.front(), losses.back());
}
void time_engine(const data::graph_set& molecules) {
    std::printf(
        "An epoch in ms: here, and as PyNeuraLogic's documentation reports of itself, on a "
        "machine of its own.\n%-12s %10s %18s %12s %8s\n",
        "", "here", "PyNeuraLogic", "first loss", "last");
    time_engine<engine::network<engine::gcn>>(molecules, "GCN", 8.3);
    time_engine<engine::network<engine::sage>>(molecules, "GraphSAGE", 11.9);
    time_engine<engine::network<engine::gin>>(molecules, "GIN", 39.3);
}

void run(const Options& options) {
    const data::graph_set molecules = molecules_of(options);
    if (options.model == "engine") return time_engine(molecules);
    const auto is_wanted = [&](const char* name) {
        return options.model == "all" || options.model == name;
    };
    if (is_wanted("transformer"))
        run<rules_of_molecules::Transformer>(options, molecules, "Graph transformer");
    if (is_wanted("gin"))
        run<rules_of_molecules::Isomorphism>(options, molecules, "Graph isomorphism network");
    if (is_wanted("gcn"))
        run<rules_of_molecules::Convolution>(options, molecules, "Graph convolution");
    if (!options.file.empty()) return;
    std::printf(
        "Published, all chosen as the second accuracy (Xu et al., arXiv 1810.00826, table 1):\n"
        "  GIN-0                                            89.4 +-  5.6 %%\n"
        "  GCN                                              85.6 +-  5.8 %%\n"
        "  GraphSAGE                                        85.1 +-  7.6 %%\n"
        "Who says \"mutagenic\" of all is right for             66.5 %%\n"
        "The time of an epoch of PyNeuraLogic's networks: --model engine\n");
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("molecules", [&] { run(read_options(count, arguments)); });
}
