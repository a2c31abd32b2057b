#include <chrono>
#include <cstdio>
#include <limits>
#include <sequent/sequent.hpp>
#include <string_view>

#include "bench.hpp"

// What a sequence of n positions costs a model compiled for 512, as a multiple of what it costs the
// same model compiled for n, in microseconds. Both run in turns; of each, the least time counts. Of
// one model alone: bench_lengths gru.

namespace rules_of_bench {

using namespace sequent::language;

inline constexpr int width = 384, heads = 12, hidden = 1536, depth = 2, symbols = 1000;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h", heads> h;
inline constexpr relation<"token"> token;
inline constexpr relation<"x"> x;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"score"> score;
inline constexpr relation<"a"> a;
inline constexpr relation<"joined"> joined;
inline constexpr relation<"m"> m;
inline constexpr relation<"f"> f;
inline constexpr relation<"y"> y;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"node"> node;
inline constexpr relation<"sum"> sum_of;
inline constexpr relation<"inner"> inner;
inline constexpr relation<"pooled"> pooled;
template <sequent::language::fixed_string Name, int... Shape>
inline constexpr weight<Name, Shape...> W{};

// clang-format off
inline constexpr auto layer = rules(
    q(h, i)        <<= x(i)[W<"Q", width / heads, width>(h)],
    k(h, i)        <<= x(i)[W<"K", width / heads, width>(h)],
    v(h, i)        <<= x(i)[W<"V", width / heads, width>(h)],
    score(h, i, j) <<= (inverse_sqrt(width / heads), k(h, j).T(), q(h, i)) | product() | softmax(j),
    a(h, i)        <<= (score(h, i, j), v(h, j)) | product() | sum(j),
    joined(i)      <<= a(h, i) | concat(h),
    m(i)           <<= (joined(i)[W<"O", width, width>], x(i)) | layer_norm(W<"g1", width>, W<"b1", width>),
    f(i)           <<= m(i)[W<"U", hidden, width>] | gelu(),
    y(i)           <<= (f(i)[W<"D", width, hidden>], m(i)) | layer_norm(W<"g2", width>, W<"b2", width>));
inline constexpr auto encoder_rules = rules(
    x(i) <<= token(i)[W<"E", symbols, width>],
    y(i) <<= x(i) | stack<depth>(layer));
// A graph isomorphism network's layer and its pooling: 64 numbers for each node, four neighbours.
inline constexpr auto graph_rules = rules(
    sum_of(i) <<= (node(j), edge(i, j)) | sum(j),
    inner(i)  <<= (node(i)[W<"A", 64, 64>], sum_of(i)[W<"A", 64, 64>]) | relu(),
    x(i)      <<= inner(i)[W<"B", 64, 64>] | relu(),
    pooled()  <<= x(i) | mean(i));
// clang-format on

}  // namespace rules_of_bench

namespace {

using namespace bench;
using namespace rules_of_bench;
using sequent::fact;

constexpr int longest = 512;

/// Least time of a call in microseconds.
class stopwatch {
  public:
    template <class F>
    void time(F f) {
        using clock = std::chrono::steady_clock;
        const auto begin = clock::now();
        f();
        least_ = std::min(least_,
                          std::chrono::duration<double, std::micro>(clock::now() - begin).count());
    }
    double least() const { return least_; }

  private:
    double least_ = std::numeric_limits<double>::infinity();
};

template <class Model>
class runner {
  public:
    template <class... Facts>
    explicit runner(int outputs, const Facts&... facts)
        : outward_(numbers(outputs, 7)), given_{facts...} {
        Model::initialize(*p_, 1);
    }
    void forward() { benchmark::DoNotOptimize(Model::forward(*p_, given_, *w_)); }
    void both() {
        forward();
        Model::backward(*p_, given_, outward_, *w_, *gradient_);
    }

  private:
    template <class Block>
    using owned = std::unique_ptr<Block>;
    owned<typename Model::template parameters<float>> p_ =
        sequent::make_unique<typename Model::template parameters<float>>();
    owned<typename Model::template parameters<float>> gradient_ =
        sequent::make_unique<typename Model::template parameters<float>>();
    owned<typename Model::template workspace<float>> w_ =
        sequent::make_unique<typename Model::template workspace<float>>();
    floats outward_;
    typename Model::template facts<float> given_;
};

template <class Limited, class Fixed>
void compare(const char* name, int n, Limited& limited, Fixed& fixed) {
    stopwatch times[4];
    using clock = std::chrono::steady_clock;
    const auto begin = clock::now();
    for (int round = 0; round < 5 || clock::now() - begin < std::chrono::milliseconds(1500);
         ++round) {
        times[0].time([&] { limited.forward(); });
        times[1].time([&] { fixed.forward(); });
        times[2].time([&] { limited.both(); });
        times[3].time([&] { fixed.both(); });
    }
    std::printf("%-8s %4d %10.1f %10.1f %6.2f %10.1f %10.1f %6.2f\n", name, n, times[0].least(),
                times[1].least(), times[0].least() / times[1].least(), times[2].least(),
                times[3].least(), times[2].least() / times[3].least());
    std::fflush(stdout);
}

template <int N>
std::vector<std::int32_t> some_symbols() {
    std::vector<std::int32_t> result(N);
    for (int at = 0; at < N; ++at) result[to_size(at)] = at * 37 % symbols;
    return result;
}

template <int N>
void encoder() {
    const auto text = some_symbols<N>();
    using limited =
        sequent::model<encoder_rules,
                       fact<"token", sequent::up_to<longest>, sequent::symbol<symbols>>>;
    using fixed = sequent::model<encoder_rules, fact<"token", N, sequent::symbol<symbols>>>;
    runner<limited> one(N * width, text);
    runner<fixed> other(N * width, text);
    compare("encoder", N, one, other);
}

template <int N>
void graph() {
    const floats x = numbers(N * 64, 1);
    std::vector<std::int32_t> pairs;
    for (int at = 0; at < N; ++at)
        for (int step = 1; step <= 4; ++step)
            if (N > step) pairs.insert(pairs.end(), {at, (at + step) % N});
    using limited = sequent::model<graph_rules, fact<"node", sequent::up_to<longest>, 64>,
                                   fact<"edge", sequent::sparse<4 * longest>, longest, longest>>;
    using fixed = sequent::model<graph_rules, fact<"node", N, 64>,
                                 fact<"edge", sequent::sparse<4 * N>, N, N>>;
    runner<limited> one(64, x, sequent::sparse_pairs(pairs));
    runner<fixed> other(64, x, sequent::sparse_pairs(pairs));
    compare("graph", N, one, other);
}

template <int Tokens, bool AnyLength>
using decoder_of =
    sequent::transformer::language_model<sequent::vocabulary<symbols>, sequent::tokens<Tokens>,
                                         sequent::width<width>, sequent::heads<12>,
                                         sequent::depth<depth>, sequent::any_length<AnyLength>>;
template <int N>
void decoder() {
    const auto text = some_symbols<N>();
    runner<decoder_of<longest, true>> one(N * symbols, text);
    runner<decoder_of<N, false>> other(N * symbols, text);
    compare("decoder", N, one, other);
}

template <int Tokens, bool AnyLength>
using translator_of = sequent::transformer::encoder_decoder<
    sequent::vocabulary<symbols>, sequent::tokens<Tokens>, sequent::source_tokens<Tokens>,
    sequent::width<256>, sequent::heads<8>, sequent::depth<depth>, sequent::any_length<AnyLength>>;
template <int N>
void translator() {
    const auto text = some_symbols<N>();
    runner<translator_of<longest, true>> one(N * symbols, text, text);
    runner<translator_of<N, false>> other(N * symbols, text, text);
    compare("enc-dec", N, one, other);
}

template <int Tokens, bool AnyLength>
using gru_of = sequent::recurrent::gru<sequent::tokens<Tokens>, sequent::width<128>,
                                       sequent::any_length<AnyLength>>;
template <int N>
void recurrent() {
    const floats x = numbers(N * 128, 1);
    runner<gru_of<longest, true>> one(N * 128, x);
    runner<gru_of<N, false>> other(N * 128, x);
    compare("gru", N, one, other);
}

template <int... N>
void all(const char* only) {
    const auto wants = [&](const char* name) { return !only || std::string_view(only) == name; };
    if (wants("encoder")) (encoder<N>(), ...);
    if (wants("decoder")) (decoder<N>(), ...);
    if (wants("enc-dec")) (translator<N>(), ...);
    if (wants("graph")) (graph<N>(), ...);
    if (wants("gru")) (recurrent<N>(), ...);
}

}  // namespace

int main(int count, char** names) {
    std::printf("%-8s %4s %10s %10s %6s %10s %10s %6s\n", "model", "n", "forward", "fixed", "ratio",
                "both", "fixed", "ratio");
    all<4, 7, 16, 64, 128, 512>(count > 1 ? names[1] : nullptr);
}
