// Data-parallel training with MPI: each process computes the gradient of its share of the batch,
// one MPI_Allreduce sums the shares, and every process takes the same step.
//
//     mpirun -n N data_parallel [FILE] [options]
//
// The processes hold the same parameters from the first step to the last, so that nothing but
// gradients travels. However many there are, they train the same model on the same batches.

#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace {

using sequent::depth, sequent::heads, sequent::tokens, sequent::vocabulary, sequent::width;

// A symbol is a byte.
constexpr int context = 32;
constexpr int symbols = 256;
using Model = sequent::transformer::language_model<vocabulary<symbols>, tokens<context>, width<64>,
                                                   heads<4>, depth<2>, sequent::biases<false>>;
using Text = std::vector<std::int32_t>;

constexpr std::string_view help_text = R"(mpirun -n N data_parallel [FILE] [options]

Trains a small transformer (2 layers, 4 heads, width 64, 32 positions) to predict the next
character of FILE, or of this library's README, with N processes that share each batch.
Prints the loss of every step in nats per character.

  --steps N   training steps (40)
  --batch N   sequences in a step, over all processes (24); at least one for each process
  --rate R    learning rate (0.001)
  --seed N    for parameters and batches (1)
)";

struct Options {
    std::string file = SEQUENT_SOURCE_DIR "/README.md";
    int steps = 40;
    int batch = 24;
    int seed = 1;
    double rate = 1e-3;
    bool help = false;
};

Options read_options(int count, char** arguments) {
    Options options;
    std::string file;
    for (examples::command_line line(count, arguments); line.next();) {
        // clang-format off
        if (line.is("--help") || line.is("-h")) options.help = true;
        else if (line.is("--steps")) options.steps = line.whole(1, 1000000000);
        else if (line.is("--batch")) options.batch = line.whole(1, 1000000);
        else if (line.is("--seed")) options.seed = line.whole(0, 1000000000);
        else if (line.is("--rate")) options.rate = line.number("0", "1000");
        else if (line.is_option()) line.refuse();
        else line.once(file, "FILE");
        // clang-format on
    }
    if (!file.empty()) options.file = file;
    return options;
}

Text read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    Text text;
    for (std::istreambuf_iterator<char> at(file), end; at != end; ++at)
        text.push_back(static_cast<unsigned char>(*at));
    if (text.size() < 2 * context)
        throw std::runtime_error(path + " has " + std::to_string(text.size()) +
                                 " characters; at least " + std::to_string(2 * context) +
                                 " are needed");
    return text;
}

struct Process {
    int rank = 0;
    int count = 1;
};

void train(const Options& options, Process process) {
    if (options.batch < process.count)
        throw std::invalid_argument("a batch of " + std::to_string(options.batch) +
                                    " is too small for " + std::to_string(process.count) +
                                    " processes");
    const Text text = read_text(options.file);

    auto parameters = sequent::make_unique<Model::parameters<float>>();
    auto gradient = sequent::make_unique<Model::parameters<float>>();
    auto workspace = sequent::make_unique<Model::workspace<float>>();
    std::vector<float> logits_gradient(context * symbols);
    sequent::random_numbers random(static_cast<std::uint64_t>(options.seed));
    Model::initialize(*parameters, random.next());
    sequent::train::adam_w<float> optimizer(parameters->flat().size(), 0.1);
    const float scale = 1 / static_cast<float>(options.batch);

    for (int step = 1; step <= options.steps; ++step) {
        std::ranges::fill(gradient->flat(), 0.0F);
        double loss = 0;
        for (int sequence = 0; sequence < options.batch; ++sequence) {
            // Every process draws all positions, so that the random numbers stay in step.
            const int begin = random.below(static_cast<int>(text.size()) - context);
            if (sequence % process.count != process.rank) continue;
            const auto window =
                std::span(text).subspan(static_cast<std::size_t>(begin), context + 1);
            const Model::facts<float> facts{window.first(context)};
            const auto logits = Model::forward(*parameters, facts, *workspace);
            loss += static_cast<double>(sequent::train::cross_entropy(
                logits, window.last(context), sequent::view_of(logits_gradient, context, symbols),
                {.scale = scale}));
            Model::backward(*parameters, facts, logits_gradient, *workspace, *gradient);
        }
        MPI_Allreduce(MPI_IN_PLACE, gradient->data(), static_cast<int>(gradient->flat().size()),
                      MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        sequent::train::clip_by_norm(*gradient, 1);
        optimizer.step(*parameters, *gradient, options.rate);

        double total = 0;
        MPI_Reduce(&loss, &total, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
        if (process.rank == 0)
            std::printf("step %4d of %d   loss %.6f\n", step, options.steps,
                        total / static_cast<double>(options.batch));
    }
}

}  // namespace

int main(int count, char** arguments) {
    MPI_Init(&count, &arguments);
    Process process;
    MPI_Comm_rank(MPI_COMM_WORLD, &process.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &process.count);
    try {
        const Options options = read_options(count, arguments);
        if (!options.help)
            train(options, process);
        else if (process.rank == 0)
            std::printf("%s", help_text.data());
    } catch (const std::exception& error) {
        // The others may wait for this process: all end.
        std::fprintf(stderr, "data_parallel, process %d: %s\n", process.rank, error.what());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    MPI_Finalize();
    return 0;
}
