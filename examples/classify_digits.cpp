// Tells handwritten digits apart by a vision transformer: digits that it writes itself, or those of
// your files.
//
//     classify_digits [options]

#include <algorithm>
#include <array>
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
#include <utility>
#include <vector>

#include "digits/idx.hpp"
#include "digits/image.hpp"
#include "digits/pen.hpp"
#include "options.hpp"

namespace {

namespace train = sequent::train;
namespace draw = sequent::draw;

// An image is cut into 4 x 4 patches of 7 x 7 pixels.
constexpr int patch_side = 7;
constexpr int patches = digits::pixels / (patch_side * patch_side);
using Model = sequent::vit<sequent::tokens<patches>, sequent::patch_width<patch_side * patch_side>,
                           sequent::classes<digits::kinds>, sequent::width<64>, sequent::heads<4>,
                           sequent::depth<3>>;

constexpr std::string_view help_text = R"(classify_digits [options]

Trains a vision transformer (3 layers, 4 heads, width 64, patches of 7 x 7 of 28 x 28 pixels)
to tell digits apart, and tells how often it is right on digits that it has not seen. It
writes the digits itself, or takes yours, in the format of MNIST's files, unpacked.

  --steps N           training steps, 64 digits each (1500)
  --written N         digits to write for training (20000); a tenth as many more for the test
  --images FILE       images to train with, and
  --labels FILE         their labels, in place of written digits
  --test-images FILE  images for the test, and
  --test-labels FILE    their labels; otherwise it is the last tenth of the images
  --seed N            for digits, parameters and the order of training (1)
  --threads N         threads (all of the machine); the numbers do not depend on it
  --page FILE         an HTML page of the attention over the first digit of the test
  --svg FILE          draws digits of the test, and what they are taken for
)";

struct Options {
    int steps = 1500;
    int written = 20000;
    int seed = 1;
    int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    std::string images;
    std::string labels;
    std::string test_images;
    std::string test_labels;
    std::string svg;
    std::string page;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("--steps")) options.steps = line.whole(1, 1000000);
        else if (line.is("--written")) options.written = line.whole(100, 1000000);
        else if (line.is("--seed")) options.seed = line.whole(0, 1000000000);
        else if (line.is("--threads")) options.threads = line.whole(1, 1024);
        else if (line.is("--images")) options.images = line.text();
        else if (line.is("--labels")) options.labels = line.text();
        else if (line.is("--test-images")) options.test_images = line.text();
        else if (line.is("--test-labels")) options.test_labels = line.text();
        else if (line.is("--page")) options.page = line.output();
        else if (line.is("--svg")) options.svg = line.output();
        else line.refuse();
        // clang-format on
    }
    if (options.images.empty() != options.labels.empty())
        throw std::invalid_argument("--images and --labels belong together");
    if (options.test_images.empty() != options.test_labels.empty())
        throw std::invalid_argument("--test-images and --test-labels belong together");
    if (options.images.empty() && !options.test_images.empty())
        throw std::invalid_argument("--test-images needs --images");
    return options;
}

struct Data {
    digits::labelled_images training;
    digits::labelled_images test;
};

Data read_or_write(const Options& options, sequent::random_numbers& random) {
    Data data;
    if (options.images.empty()) {
        data.training = digits::written(options.written, random);
        data.test = digits::written(options.written / 10, random);
        return data;
    }
    data.training = digits::read_idx(options.images, options.labels);
    if (options.test_images.empty()) {
        const std::size_t rest = data.training.size() - data.training.size() / 10;
        auto& [images, labels] = data.training;
        data.test.images.assign(images.begin() + static_cast<std::ptrdiff_t>(rest), images.end());
        data.test.labels.assign(labels.begin() + static_cast<std::ptrdiff_t>(rest), labels.end());
        images.resize(rest);
        labels.resize(rest);
    } else {
        data.test = digits::read_idx(options.test_images, options.test_labels);
    }
    if (data.training.size() == 0 || data.test.size() == 0)
        throw std::runtime_error(options.images + ": has " + std::to_string(data.training.size()) +
                                 " images to train with and " + std::to_string(data.test.size()) +
                                 " for the test, each needs one");
    return data;
}

/// What the model is given: patch after patch, pixels with mean 0 and deviation 1 over all images,
/// more or less.
using Patches = std::array<float, digits::pixels>;

Patches cut(const digits::image& image) {
    Patches result;
    constexpr int across = digits::side / patch_side;
    for (int row = 0; row < digits::side; ++row)
        for (int column = 0; column < digits::side; ++column) {
            const int patch = row / patch_side * across + column / patch_side;
            const int pixel = row % patch_side * patch_side + column % patch_side;
            const auto ink =
                static_cast<float>(image[static_cast<std::size_t>(row * digits::side + column)]);
            result[static_cast<std::size_t>(patch * patch_side * patch_side + pixel)] =
                (ink / 255 - 0.13F) / 0.31F;
        }
    return result;
}

class Classifier {
  public:
    Classifier(const Options& options, std::uint64_t seed)
        : pool_(options.threads), trainer_(pool_, seed, {.weight_decay = 0.05}) {}

    /// One step over the images at these places; the mean loss in nats.
    double step(const digits::labelled_images& from, std::span<const std::size_t> places,
                double rate) {
        std::vector<Patches> batch;
        for (const std::size_t place : places) batch.push_back(cut(from.images[place]));
        const auto count = static_cast<double>(places.size());
        return trainer_.step(
            facts_of(batch), rate, [&](int sample, const auto& logits, const auto& gradient) {
                const std::size_t place = places[static_cast<std::size_t>(sample)];
                return train::cross_entropy(logits, std::span(from.labels).subspan(place, 1),
                                            gradient, {.scale = 1 / count});
            });
    }

    /// What each of the images is taken for.
    std::vector<int> classify(std::span<const digits::image> images) {
        constexpr std::size_t at_once = 256;
        std::vector<int> result(images.size());
        for (std::size_t begin = 0; begin < images.size(); begin += at_once) {
            std::vector<Patches> batch;
            for (std::size_t at = begin; at < std::min(begin + at_once, images.size()); ++at)
                batch.push_back(cut(images[at]));
            Model::forward_batch(trainer_.parameters(), facts_of(batch), trainer_.batch(),
                                 [&](int sample, const auto& logits) {
                                     int likeliest = 0;
                                     for (int kind = 1; kind < digits::kinds; ++kind)
                                         if (logits(kind) > logits(likeliest)) likeliest = kind;
                                     result[begin + static_cast<std::size_t>(sample)] = likeliest;
                                 });
        }
        return result;
    }

    /// A page of the attention over an image. Token 0 is the class, whose output is the answer.
    void write_page(const std::string& path, const digits::image& image) {
        draw::attention_labels labels{.title = "Attention over a digit"};
        labels.image = {.width = digits::side,
                        .height = digits::side,
                        .patches_across = digits::side / patch_side,
                        .first_patch = 1,
                        .pixels = {}};
        for (const auto ink : image)
            labels.image.pixels.push_back(static_cast<float>(ink) / 255.0F);
        labels.tokens.push_back("class");
        for (int patch = 0; patch < patches; ++patch)
            labels.tokens.push_back(std::to_string(patch));
        const auto w = sequent::make_unique<Model::workspace<float>>();
        const Patches given = cut(image);
        draw::attention<Model>(path, trainer_.parameters(), {given}, *w, labels);
    }

  private:
    sequent::thread_pool pool_;
    train::trainer<Model> trainer_;

    static std::vector<Model::facts<float>> facts_of(std::span<const Patches> batch) {
        std::vector<Model::facts<float>> result;
        for (const Patches& each : batch) result.push_back({each});
        return result;
    }
};

void train_on(const digits::labelled_images& from, Classifier& classifier,
              sequent::random_numbers& random, int steps) {
    constexpr std::size_t batch_size = 64;
    const auto step = [&](double rate) {
        std::array<std::size_t, batch_size> places;
        for (std::size_t& place : places)
            place = static_cast<std::size_t>(random.below(static_cast<int>(from.size())));
        return classifier.step(from, places, rate);
    };
    train::fit({.rate = {.peak = 1.5e-3,
                         .floor = 1.5e-5,
                         .warmup_steps = std::min(100, steps / 10),
                         .total_steps = steps},
                .item = "digits",
                .items_per_step = batch_size},
               step);
}

void print_confusion(std::span<const std::int32_t> labels, std::span<const int> taken) {
    std::array<std::array<int, digits::kinds>, digits::kinds> counts{};
    for (std::size_t at = 0; at < taken.size(); ++at)
        ++counts[static_cast<std::size_t>(labels[at])][static_cast<std::size_t>(taken[at])];
    std::printf("\nWhat each digit is taken for:\n\n   ");
    for (int kind = 0; kind < digits::kinds; ++kind) std::printf("%6d", kind);
    std::printf("\n");
    for (std::size_t kind = 0; kind < counts.size(); ++kind) {
        std::printf("%3zu", kind);
        for (const int count : counts[kind])
            count > 0 ? std::printf("%6d", count) : std::printf("%6s", ".");
        std::printf("\n");
    }
}

/// Digits of the test with what they are taken for: wrongly ones first.
draw::svg picture_of(const digits::labelled_images& test, std::span<const int> taken) {
    constexpr int across = 12;
    constexpr std::size_t most = across * 8;
    constexpr double cell = 72;
    constexpr double caption = 18;
    constexpr double margin = 20;
    constexpr double dot = (cell - 8) / digits::side;
    constexpr auto dark = "#1f2933";
    constexpr auto red = "#c0392b";
    constexpr std::array shades{"#d9dee3", "#b3bbc4", "#8793a0", "#56636f", dark};

    std::vector<std::size_t> shown;
    for (const bool right : {false, true})
        for (std::size_t at = 0; at < taken.size() && shown.size() < most; ++at)
            if ((taken[at] == test.labels[at]) == right) shown.push_back(at);
    const auto lines = static_cast<double>((shown.size() + across - 1) / across);
    draw::svg picture(2 * margin + across * cell, 3 * margin + lines * (cell + caption));
    picture.text(margin, 26, "Digits not seen in training, and what they are taken for", 15, dark);
    for (std::size_t at = 0; at < shown.size(); ++at) {
        const double left = margin + static_cast<double>(at % across) * cell;
        const double top = 2 * margin + static_cast<double>(at / across) * (cell + caption);
        const digits::image& image = test.images[shown[at]];
        picture.rectangle(left, top, cell - 8, cell - 8, "#f5f7fa");
        const auto shade_of = [&](int row, int column) {
            const int ink = image[static_cast<std::size_t>(row * digits::side + column)];
            return ink * static_cast<int>(shades.size() + 1) / 256 - 1;
        };
        for (int shade = 0; shade < static_cast<int>(shades.size()); ++shade) {
            std::string path;
            for (int row = 0; row < digits::side; ++row)
                for (int column = 0; column < digits::side; ++column) {
                    const int begin = column;
                    while (column < digits::side && shade_of(row, column) == shade) ++column;
                    if (column == begin) continue;
                    const auto number = draw::svg::number;
                    path.append("M").append(number(left + begin * dot));
                    path.append(" ").append(number(top + row * dot));
                    path.append("h").append(number((column - begin) * dot));
                    path.append("v").append(number(dot));
                    path.append("h").append(number((begin - column) * dot)).append("z");
                }
            if (!path.empty()) picture.path(path, shades[static_cast<std::size_t>(shade)]);
        }
        const int label = test.labels[shown[at]];
        const int kind = taken[shown[at]];
        std::string words = std::to_string(kind);
        if (kind != label) words.append(", but is ").append(std::to_string(label));
        picture.text(left, top + cell + 6, words, 13, kind == label ? dark : red);
    }
    return picture;
}

void run(const Options& options) {
    sequent::random_numbers random(static_cast<std::uint64_t>(options.seed));
    const Data data = read_or_write(options, random);
    std::printf("%zu digits to learn from, %zu others for the test; %d parameters\n",
                data.training.size(), data.test.size(), Model::parameter_count);
    std::fflush(stdout);

    Classifier classifier(options, random.next());
    train_on(data.training, classifier, random, options.steps);
    const std::vector<int> taken = classifier.classify(data.test.images);
    int right = 0;
    for (std::size_t at = 0; at < taken.size(); ++at)
        right += taken[at] == data.test.labels[at] ? 1 : 0;
    std::printf("%d of %zu right, %.2f %%\n", right, taken.size(),
                100.0 * right / static_cast<double>(taken.size()));
    print_confusion(data.test.labels, taken);
    if (!options.page.empty()) {
        classifier.write_page(options.page, data.test.images[0]);
        std::printf("\nThe page of its attention is %s\n", options.page.c_str());
    }
    if (!options.svg.empty()) {
        draw::write(picture_of(data.test, taken), options.svg);
        std::printf("\nDrawn to %s\n", options.svg.c_str());
    }
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("classify_digits", [&] { run(read_options(count, arguments)); });
}
