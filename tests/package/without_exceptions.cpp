// The whole library, built without exceptions and without run-time type information: a model runs,
// and what does not fit it ends the program with a message.

#include <sequent/io.hpp>
#include <sequent/nn.hpp>
#include <sequent/train.hpp>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this program is to be built with -fno-exceptions -fno-rtti"
#endif

namespace {

using sequent::depth, sequent::heads, sequent::tokens, sequent::vocabulary, sequent::width;
using Model =
    sequent::transformer::language_model<vocabulary<5>, tokens<6>, width<8>, heads<2>, depth<2>>;

constexpr std::array<std::int32_t, 6> symbols{0, 1, 2, 3, 4, 0};
constexpr std::array<std::int32_t, 6> targets{1, 2, 3, 4, 0, 1};

double step(Model::parameters<float>& p, Model::workspace<float>& w,
            sequent::train::adam_w<float>& optimizer) {
    Model::parameters<float> gradient;
    std::vector<float> outward(6 * 5);
    const auto logits = Model::forward(p, {symbols}, w);
    const double loss =
        sequent::train::cross_entropy(logits, targets, sequent::view_of(outward, 6, 5));
    Model::backward(p, {symbols}, outward, w, gradient);
    optimizer.step(p.flat(), gradient.flat(), 0.01);
    return loss;
}

}  // namespace

int main(int count, char** arguments) {
    Model::parameters<float> p;
    Model::workspace<float> w;
    Model::initialize(p, 1);

    sequent::train::adam_w<float> optimizer(p.flat().size(), 0.1);
    if (count > 1) {
        // Sizes are checked in release builds, too.
        std::signal(SIGABRT, [](int) { std::_Exit(0); });
        if (std::string_view(arguments[1]) == "file") {
            sequent::set_error_handler([](const char* message) {
                std::printf("the handler is told: %s\n", message);
                std::fflush(stdout);
                std::_Exit(0);
            });
            sequent::io::load<Model>("no_such_file.safetensors", p);
        }
        const std::string_view wrong(arguments[1]);
        const std::array<std::int32_t, 3> too_few{};
        const std::array<float, 3> numbers{};
        if (wrong == "fact") Model::forward(p, {too_few}, w);
        if (wrong == "output gradient") {
            Model::parameters<float> gradient;
            Model::forward(p, {symbols}, w);
            Model::backward(p, {symbols}, numbers, w, gradient);
        }
        if (wrong == "targets")
            sequent::train::cross_entropy(Model::forward(p, {symbols}, w), too_few);
        if (wrong == "gradient") optimizer.step(p.flat(), numbers, 0.01);
        return 1;
    }

    const double first = step(p, w, optimizer);
    double last = first;
    for (int at = 0; at < 30; ++at) last = step(p, w, optimizer);
    std::printf("loss %.4f, after 30 steps %.4f\n", first, last);
    return std::isfinite(last) && last < first / 2 ? 0 : 1;
}
