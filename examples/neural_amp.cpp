// Plays a recording through a model of Neural Amp Modeler, block by block as it would arrive from
// an audio interface.
//
//     neural_amp MODEL.nam IN.wav OUT.wav [--block SAMPLES]
//
// The network is a WaveNet (arXiv 1609.03499) of dilated causal convolutions. Its rules say nothing
// of blocks: what a stream must remember follows from them. It is compiled for its sizes; another
// architecture of the same kind is one more line in `play`.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <sequent/io.hpp>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "options.hpp"
#include "wav.hpp"

namespace wavenet {

using namespace sequent::language;

inline constexpr int positions = 1 << 26;  // 23 minutes at 48 kHz

/// The name of a relation or weight of layer `Layer` in array `Array`.
template <int Array, int Layer>
consteval auto numbered(char name) {
    const char text[] = {name, static_cast<char>('a' + Array), static_cast<char>('0' + Layer / 10),
                         static_cast<char>('0' + Layer % 10), '\0'};
    return fixed_string<5>(text);
}

inline constexpr var<"i", positions> i;  // the sample
template <int Size>
inline constexpr var<"k", Size> k;  // the number in a window
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
template <int Array, int Layer>
inline constexpr relation<numbered<Array, Layer>('h')> h;  // the input of a layer
template <int Array, int Layer>
inline constexpr relation<numbered<Array, Layer>('c')> convolved;
template <int Array, int Layer>
inline constexpr relation<numbered<Array, Layer>('a')> activation;
template <int Array, int Layer>
inline constexpr relation<numbered<Array, Layer>('s')> sums;  // of the activations before a layer

/// Layers of one dilation each. The sum of their activations is mapped to the head.
template <int Channels, int Head, bool HasBias, int Kernel, int... Dilations>
struct layers {
    static constexpr int channels = Channels, head = Head, kernel = Kernel;
    static constexpr int depth = sizeof...(Dilations);
    static constexpr int dilations[depth] = {Dilations...};
    static constexpr bool has_bias = HasBias;
    static constexpr int reach = (Kernel - 1) * (0 + ... + Dilations);  // samples before its own
};

// The weights of array `A` with the layers `Layers`, and those of its layer `L`.
template <int A, class Layers, int Inputs>
inline constexpr weight<numbered<A, 0>('R'), Layers::channels, Inputs> rechannel;
template <int A, int L, class Layers>
inline constexpr weight<numbered<A, L>('W'), Layers::channels, Layers::channels> W;
template <int A, int L, class Layers>
inline constexpr weight<numbered<A, L>('b'), Layers::channels> b;
template <int A, int L, class Layers>
inline constexpr weight<numbered<A, L>('M'), Layers::channels, 1> mixin;
template <int A, int L, class Layers>
inline constexpr weight<numbered<A, L>('O'), Layers::channels, Layers::channels> O;
template <int A, int L, class Layers>
inline constexpr weight<numbered<A, L>('o'), Layers::channels> o;
template <int A, class Layers>
inline constexpr weight<numbered<A, 0>('H'), Layers::head, Layers::channels> H;
template <int A, class Layers>
inline constexpr weight<numbered<A, 0>('g'), Layers::head> head_bias;

/// The input of the next layer.
template <int A, int L, class Layers>
constexpr auto next_rule() {
    return h<A, L + 1>(i) <<= (h<A, L>(i), activation<A, L>(i)[O<A, L, Layers>], o<A, L, Layers>);
}

/// The rules of a layer. The last one of all has no successor.
template <int A, int L, class Layers, bool HasNext>
constexpr auto layer_rules() {
    // clang-format off
    const auto own = rules(
        convolved<A, L>(i)  <<= h<A, L>(i - Layers::dilations[L] * k<Layers::kernel>)
                                    [W<A, L, Layers>(k<Layers::kernel>)]
                                | sequent::language::sum(k<Layers::kernel>),
        activation<A, L>(i) <<= (convolved<A, L>(i), x(i)[mixin<A, L, Layers>], b<A, L, Layers>)
                                | sequent::language::tanh());
    // clang-format on
    if constexpr (A == 0 && L == 0)
        return rules(own, next_rule<A, L, Layers>(), sums<A, 1>(i) <<= activation<A, 0>(i));
    else if constexpr (HasNext)
        return rules(own, next_rule<A, L, Layers>(),
                     sums<A, L + 1>(i) <<= (sums<A, L>(i), activation<A, L>(i)));
    else
        return rules(own, sums<A, L + 1>(i) <<= (sums<A, L>(i), activation<A, L>(i)));
}

/// The rules of array A and those after it; `in` is its input.
template <int A, int Inputs, class Layers, class... Rest>
constexpr auto array_rules(auto in) {
    constexpr int depth = Layers::depth;
    const auto own = [&]<int... L>(std::integer_sequence<int, L...>) {
        return rules(h<A, 0>(i) <<= in(i)[rechannel<A, Layers, Inputs>],
                     layer_rules<A, L, Layers, (sizeof...(Rest) > 0 || L + 1 < depth)>()...);
    }
    (std::make_integer_sequence<int, depth>{});
    const auto head = [](auto to) {
        if constexpr (Layers::has_bias)
            return to(i) <<= (sums<A, depth>(i)[H<A, Layers>], head_bias<A, Layers>);
        else
            return to(i) <<= sums<A, depth>(i)[H<A, Layers>];
    };
    if constexpr (sizeof...(Rest) == 0)
        return rules(own, head(y));
    else
        return rules(own, head(sums<A + 1, 0>),
                     array_rules<A + 1, Layers::channels, Rest...>(h<A, depth>));
}

template <class... Arrays>
struct net {
    static constexpr auto program = array_rules<0, 1, Arrays...>(x);
    using model = sequent::model<program, sequent::fact<"x", positions, 1>>;
    static constexpr int reach = (0 + ... + Arrays::reach);

    /// True if a file describes this architecture.
    static bool fits(const sequent::io::json_value& config) {
        std::vector<sequent::io::json_value> arrays;
        config["layers"].for_each_element([&](const auto& each) { arrays.push_back(each); });
        if (arrays.size() != sizeof...(Arrays)) return false;
        std::size_t at = 0;
        return (... && fits_array<Arrays>(arrays[at++]));
    }

    /// Reads the weights in the order of the file.
    static void load(std::span<const float> from, typename model::template parameters<float>& p) {
        std::size_t at = 0;
        const auto take = [&](sequent::tensor_view<float> view) {
            if (from.size() - at < static_cast<std::size_t>(view.size()))
                throw std::runtime_error("the model's file has too few weights");
            if (view.rank < 3)
                for (int number = 0; number < view.size(); ++number)
                    view.element(number) = from[at++];
            else  // the last number of a window in the file is that of the newest sample
                for (int row = 0; row < view.extents[1]; ++row)
                    for (int column = 0; column < view.extents[2]; ++column)
                        for (int k = view.extents[0]; k-- > 0;) view(k, row, column) = from[at++];
        };
        const auto skip = [&](int count) { at += static_cast<std::size_t>(count); };
        load_arrays<0, 1, Arrays...>(p, take, skip);
        if (from.size() != at + 1)
            throw std::runtime_error("the model's file has another number of weights than " +
                                     std::to_string(at + 1));
        const float scale = from[at];
        using last = std::tuple_element_t<sizeof...(Arrays) - 1, std::tuple<Arrays...>>;
        const auto scale_all = [&](sequent::tensor_view<float> view) {
            for (int number = 0; number < view.size(); ++number) view.element(number) *= scale;
        };
        constexpr int A = sizeof...(Arrays) - 1;
        scale_all(p[H<A, last>]);
        if constexpr (last::has_bias) scale_all(p[head_bias<A, last>]);
    }

  private:
    template <class Layers>
    static bool fits_array(const sequent::io::json_value& given) {
        int at = 0;
        bool same = true;
        given["dilations"].for_each_element([&](const auto& each) {
            same = same && at < Layers::depth && each.number() == Layers::dilations[at];
            ++at;
        });
        return same && at == Layers::depth && given["channels"].number() == Layers::channels &&
               given["head_size"].number() == Layers::head &&
               given["kernel_size"].number() == Layers::kernel &&
               given["condition_size"].number() == 1 && !given["gated"].boolean() &&
               given["activation"].string() == "Tanh" &&
               given["head_bias"].boolean() == Layers::has_bias;
    }

    template <int A, int Inputs, class Layers, class... Rest>
    static void load_arrays(auto& p, const auto& take, const auto& skip) {
        take(p[rechannel<A, Layers, Inputs>]);
        [&]<int... L>(std::integer_sequence<int, L...>) {
            (..., load_layer<A, L, Layers, (sizeof...(Rest) > 0 || L + 1 < Layers::depth)>(p, take,
                                                                                           skip));
        }
        (std::make_integer_sequence<int, Layers::depth>{});
        take(p[H<A, Layers>]);
        if constexpr (Layers::has_bias) take(p[head_bias<A, Layers>]);
        if constexpr (sizeof...(Rest) > 0)
            load_arrays<A + 1, Layers::channels, Rest...>(p, take, skip);
    }
    template <int A, int L, class Layers, bool HasNext>
    static void load_layer(auto& p, const auto& take, const auto& skip) {
        take(p[W<A, L, Layers>]);
        take(p[b<A, L, Layers>]);
        take(p[mixin<A, L, Layers>]);
        if constexpr (HasNext) {
            take(p[O<A, L, Layers>]);
            take(p[o<A, L, Layers>]);
        } else {
            // The file has a map to a next layer, which nothing reads.
            skip(Layers::channels * (Layers::channels + 1));
        }
    }
};

using standard = net<layers<16, 8, false, 3, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512>,
                     layers<8, 1, true, 3, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512>>;

}  // namespace wavenet

namespace {

constexpr std::string_view help_text = R"(neural_amp MODEL.nam IN.wav OUT.wav [--block SAMPLES]

Plays IN.wav through a model of Neural Amp Modeler, in blocks of so many samples (64).
The model is a WaveNet of the standard size.
)";

struct Options {
    std::string model, in, out;
    int block = 64;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        if (line.is("--block"))
            options.block = line.whole(1, 1 << 20);
        else if (line.is_option())
            line.refuse();
        else if (options.model.empty())
            options.model = line.word();
        else if (options.in.empty())
            options.in = line.word();
        else {
            line.once(options.out, "OUT.wav");
            line.check_folder(options.out);
        }
    }
    if (options.out.empty())
        throw std::invalid_argument("MODEL.nam, IN.wav and OUT.wav are needed; --help tells more");
    return options;
}

template <class Net>
void play(const Options& options, std::span<const float> weights) {
    using model = typename Net::model;
    const auto p = sequent::make_unique<typename model::template parameters<float>>();
    Net::load(weights, *p);
    const auto state = sequent::make_unique<typename model::template state<float>>();
    examples::sound sound = examples::read_wav(options.in);
    if (sound.samples.size() > std::size_t{wavenet::positions - Net::reach - 1})
        throw std::runtime_error(options.in + ": is too long");

    // The sound begins after silence, which an amplifier has settled to.
    const std::vector<float> silence(std::size_t{Net::reach + 1});
    model::prefill(*p, {silence}, *state);

    using clock = std::chrono::steady_clock;
    clock::duration longest{};
    const clock::time_point start = clock::now();
    const std::span<float> samples(sound.samples);
    for (std::size_t at = 0; at < samples.size();) {
        const clock::time_point began = clock::now();
        const std::span<float> block = samples.subspan(
            at, std::min(samples.size() - at, static_cast<std::size_t>(options.block)));
        model::prefill(*p, {block}, *state, [&](int sample, auto value) {
            block[static_cast<std::size_t>(sample)] = value();
        });
        at += block.size();
        longest = std::max(longest, clock::now() - began);
    }
    const std::chrono::duration<double> time = clock::now() - start;

    examples::write_wav(options.out, sound.rate, samples);
    const double seconds = static_cast<double>(samples.size()) / sound.rate;
    std::printf(
        "%.3f s of sound in %.1f ms, blocks of %d samples: %.1f times as fast as real time\n",
        seconds, time.count() * 1e3, options.block, seconds / time.count());
    std::printf("longest block %.3f ms, state %zu kB\n",
                std::chrono::duration<double, std::milli>(longest).count(), sizeof(*state) / 1000);
}

void run(const Options& options) {
    const sequent::io::source file(options.model);
    const auto bytes = file.bytes();
    const sequent::io::json_document document(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, options.model);
    const sequent::io::json_value root = document.root();
    if (root["architecture"].string() != "WaveNet" || !wavenet::standard::fits(root["config"]))
        throw std::runtime_error(options.model + ": is no WaveNet of the standard size");
    std::vector<float> weights;
    root["weights"].for_each_element(
        [&](const auto& each) { weights.push_back(static_cast<float>(each.number())); });
    play<wavenet::standard>(options, weights);
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("neural_amp", [&] { run(read_options(count, arguments)); });
}
