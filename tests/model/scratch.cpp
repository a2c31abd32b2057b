#include <sequent/nn.hpp>

#include "rules.hpp"

/// Inference on a scratch: the same numbers as on a workspace, in a fraction of its memory.

using namespace sequent;

namespace {

using namespace names;

template <int Layers, int Tokens = 17>
using language_model =
    transformer::language_model<vocabulary<11>, tokens<Tokens>, width<16>, heads<2>, depth<Layers>>;

// A stack within the layers of another: their inputs take turns in two places each.
inline constexpr auto inner = rules(z(i) <<= (r<"u">(i)[W<"X", 5, 5>], y(i)) | tanh());
inline constexpr auto outer =
    rules(q(i) <<= (x(i)[W<"C", 5, 5>], y(i)) | sigmoid(), b(i) <<= q(i) | stack<3>(inner),
          k(i) <<= (b(i), x(i), q(i)) | norm());
inline constexpr auto nested =
    rules(y(i) <<= v(i)[W<"M", 5, 5>] | tanh(), a(i) <<= v(i)[W<"A", 5, 5>],
          c(i) <<= a(i) | stack<4>(outer), out(i) <<= (c(i), y(i), a(i)));
using nested_model = model<nested, fact<"v", 7, 5>>;

// Reads what a stack gives before the first of its rows, where there are no atoms.
inline constexpr auto doubled = rules(k(i) <<= (x(i)[W<"X", 5, 5>], x(i)));
inline constexpr auto earlier =
    rules(a(i) <<= v(i) | stack<2>(doubled), out(i) <<= (a(i - 2), v(i)));
using earlier_model = model<earlier, fact<"v", 7, 5>>;

using gated = recurrent::gru<tokens<6>, width<5>, sequent::hidden<4>>;
using synthesizer_model =
    transformer::language_model<vocabulary<11>, tokens<9>, width<8>, heads<2>, depth<2>,
                                synthesizer::mixture<synthesizer::dense, synthesizer::random>>;

template <class Model, class T = float>
void forward_agrees() {
    check::fixture<Model, T> f(3);
    const std::vector<T> expected = f.outputs();
    const auto s = make_unique<typename Model::template scratch<T>>();
    // Numbers that are left by another call must not matter.
    std::fill_n(s->numbers, s->size, std::numeric_limits<T>::quiet_NaN());
    std::vector<T> found;
    const auto y = Model::forward(*f.p, f.given(), *s);
    for (int at = 0; at < y.size(); ++at) found.push_back(y.element(at));
    CHECK(found == expected);
}

template <class Model>
constexpr std::size_t bytes = sizeof(typename Model::template scratch<float>);
template <class Model>
constexpr std::size_t bytes_of_training = sizeof(typename Model::template workspace<float>);

}  // namespace

TEST_CASE("a scratch gives the numbers of a workspace") {
    forward_agrees<language_model<1>>();
    forward_agrees<language_model<2>>();
    forward_agrees<language_model<5>>();
    forward_agrees<nested_model>();
    forward_agrees<nested_model, double>();
    forward_agrees<earlier_model>();
    forward_agrees<gated>();
    forward_agrees<synthesizer_model>();
}

TEST_CASE("the memory of inference does not grow with the layers") {
    static_assert(bytes<language_model<2>> == bytes<language_model<12>>);
    static_assert(5 * bytes<language_model<6>> <= bytes_of_training<language_model<6>>);
}

TEST_CASE("outputs of a scratch are read by name, and on a pool") {
    using Model = nested_model;
    check::fixture<Model, float> f(4);
    const std::vector<float> expected = f.outputs();
    const auto s = make_unique<Model::scratch<float>>();
    thread_pool pool(2);
    (void)Model::forward(*f.p, f.given(), *s, pool);
    const auto y = (*s)[out];
    for (int at = 0; at < y.size(); ++at) CHECK(y.element(at) == expected[check::to_size(at)]);
}

TEST_CASE("a batch of scratches gives the numbers of a batch") {
    using Model = synthesizer_model;
    check::fixture<Model, float> first(5);
    check::fixture<Model, float> second(6);
    const std::vector<Model::facts<float>> samples{first.given(), second.given(), first.given()};
    thread_pool pool(2);
    Model::batch<float> b(pool);
    Model::scratch_batch<float> s(pool);
    std::vector<float> expected(3 * 9 * 11);
    std::vector<float> found(3 * 9 * 11);
    Model::forward_batch(*first.p, samples, b, expected);
    Model::forward_batch(*first.p, samples, s, found);
    CHECK(found == expected);
    std::vector<float> visited(found.size());
    Model::forward_batch(*first.p, samples, s, [&](int sample, const auto& y) {
        for (int at = 0; at < y.size(); ++at)
            visited[check::to_size(sample * y.size() + at)] = y.element(at);
    });
    CHECK(visited == expected);
}

TEST_CASE("large blocks on the heap are aligned, and zeros") {
    using Model = language_model<3, 512>;
    static_assert(sizeof(Model::workspace<double>) > 2 * (1 << 20));
    const auto block = make_unique<Model::workspace<double>>();
    CHECK(reinterpret_cast<std::uintptr_t>(block.get()) % alignof(Model::workspace<double>) == 0);
    CHECK(std::all_of(block->numbers, block->numbers + block->size,
                      [](double number) { return number == 0; }));
}
