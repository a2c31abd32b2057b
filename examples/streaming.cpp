// Finds speech in a recording, chunk by chunk as it would arrive from a microphone, with the
// network of Silero VAD in rules.
//
//     streaming [--weights silero_vad_16k.safetensors] [--wav IN.wav] [--svg OUT.svg] [--chunks]
//
// The weights are in the Python package silero-vad 6.2.3 (MIT):
//
//     pip download --no-deps silero-vad==6.2.3 && unzip silero_vad-6.2.3*.whl
//
// The weights of its ONNX files are others, from another training.
//
// Without a recording it makes one, of tones and pauses. Sound has 16,000 samples per second.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sequent/draw/svg.hpp>
#include <sequent/io.hpp>
#include <sequent/sequent.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "wav.hpp"

namespace vad {

using namespace sequent::language;

inline constexpr int rate = 16000, chunk = 512, context = 64, piece = 128;
inline constexpr int chunks = 1 << 16;  // 35 minutes

SEQUENT_VARIABLES(t);            // the chunk
inline constexpr var<"f", 4> f;  // the frame of a chunk, from sample 128 f on
inline constexpr var<"g", 2> g;  // after a stride of 2
inline constexpr var<"e", 1> e;  // and another
inline constexpr var<"half", 2> half;
inline constexpr var<"k", 3> k;
SEQUENT_RELATIONS(x, spectrum, re, im, power, magnitude, a, b, c, d, c1, c2, c3, c4);
SEQUENT_RELATIONS(let_in, kept, candidate, let_out, memory, shown, state, seen, speech);
SEQUENT_WEIGHT(stft, 258, piece);  // real parts, then imaginary ones, of a Fourier transform
SEQUENT_WEIGHT(W1, 128, 129);
SEQUENT_WEIGHT(b1, 128);
SEQUENT_WEIGHT(W2, 64, 128);
SEQUENT_WEIGHT(b2, 64);
SEQUENT_WEIGHT(W3, 64, 64);
SEQUENT_WEIGHT(b3, 64);
SEQUENT_WEIGHT(W4, 128, 64);
SEQUENT_WEIGHT(b4, 128);
SEQUENT_WEIGHT(W_in, 128, 128);
SEQUENT_WEIGHT(U_in, 128, 128);
SEQUENT_WEIGHT(b_in, 128);
SEQUENT_WEIGHT(W_forget, 128, 128);
SEQUENT_WEIGHT(U_forget, 128, 128);
SEQUENT_WEIGHT(b_forget, 128);
SEQUENT_WEIGHT(W_candidate, 128, 128);
SEQUENT_WEIGHT(U_candidate, 128, 128);
SEQUENT_WEIGHT(b_candidate, 128);
SEQUENT_WEIGHT(W_out, 128, 128);
SEQUENT_WEIGHT(U_out, 128, 128);
SEQUENT_WEIGHT(b_out, 128);
SEQUENT_WEIGHT(start, 128);  // zeros
SEQUENT_WEIGHT(F, 1, 128);
SEQUENT_WEIGHT(b_f, 1);

// x(t, p) is 128 samples: half a frame. Frames, and the rows of the convolutions, are within one
// chunk; what passes from chunk to chunk is the state of the LSTM.
// clang-format off
inline constexpr auto program = rules(
    spectrum(t, f)  <<= x(t, f + half)[stft(half)] | sum(half),
    re(t, f)        <<= spectrum(t, f) | slice(0, 129),
    im(t, f)        <<= spectrum(t, f) | slice(129, 129),
    power(t, f)     <<= (re(t, f), re(t, f)) | elementwise_product(),
    power(t, f)     <<= (im(t, f), im(t, f)) | elementwise_product(),
    magnitude(t, f) <<= power(t, f) | sequent::language::sqrt(),
    c1(t, f)        <<= magnitude(t, f + k - 1)[W1(k)] | sum(k),
    a(t, f)         <<= (c1(t, f), b1) | relu(),
    c2(t, g)        <<= a(t, 2 * g + k - 1)[W2(k)] | sum(k),
    b(t, g)         <<= (c2(t, g), b2) | relu(),
    c3(t, e)        <<= b(t, 2 * e + k - 1)[W3(k)] | sum(k),
    c(t, e)         <<= (c3(t, e), b3) | relu(),
    d(t)            <<= (c(t, 0)[W4], b4) | relu(),
    let_in(t)       <<= (d(t)[W_in], state(t)[U_in], b_in) | sigmoid(),
    kept(t)         <<= (d(t)[W_forget], state(t)[U_forget], b_forget) | sigmoid(),
    candidate(t)    <<= (d(t)[W_candidate], state(t)[U_candidate], b_candidate) | sequent::language::tanh(),
    let_out(t)      <<= (d(t)[W_out], state(t)[U_out], b_out) | sigmoid(),
    state(0)        <<= fixed(start),
    memory(0)       <<= fixed(start),
    memory(next(t)) <<= (kept(t), memory(t)) | elementwise_product(),
    memory(next(t)) <<= (let_in(t), candidate(t)) | elementwise_product(),
    shown(t)        <<= memory(t) | sequent::language::tanh(),
    state(next(t))  <<= (let_out(t), shown(next(t))) | elementwise_product(),
    seen(t)         <<= state(next(t)) | relu(),
    speech(t)       <<= (seen(t)[F], b_f) | sigmoid());
// clang-format on

using model = sequent::model<program, sequent::fact<"x", chunks, 5, piece>>;

}  // namespace vad

namespace {

using vad::model;
namespace io = sequent::io;

constexpr std::string_view help_text =
    R"(streaming [--weights silero_vad_16k.safetensors] [--wav IN.wav] [--svg OUT.svg] [--chunks]

Finds speech in a recording of 16,000 samples per second, chunk by chunk, with the network of Silero VAD.
Without a recording it makes one. --chunks prints the probability of each chunk. The weights are in the Python package silero-vad:

    pip download --no-deps silero-vad==6.2.3 && unzip silero_vad-6.2.3*.whl
    streaming --weights silero_vad/data/silero_vad_16k.safetensors --svg speech.svg
)";

struct Options {
    std::string weights, wav, svg;
    bool lists_chunks = false;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        if (line.is("--weights"))
            options.weights = line.text();
        else if (line.is("--wav"))
            options.wav = line.text();
        else if (line.is("--svg"))
            options.svg = line.output();
        else if (line.is("--chunks"))
            options.lists_chunks = true;
        else
            line.refuse();
    }
    return options;
}

/// Reads the weights under the names of the package.
void load(const std::string& path, model::parameters<float>& p) {
    struct tensor {
        std::string name;
        std::vector<int> shape;
        std::vector<float> numbers{};
    };
    std::vector<tensor> all{
        {"stft_conv.weight", {258, 1, 256}},
        {"conv1.weight", {128, 129, 3}},
        {"conv1.bias", {128}},
        {"conv2.weight", {64, 128, 3}},
        {"conv2.bias", {64}},
        {"conv3.weight", {64, 64, 3}},
        {"conv3.bias", {64}},
        {"conv4.weight", {128, 64, 3}},
        {"conv4.bias", {128}},
        {"lstm_cell.weight_ih", {512, 128}},
        {"lstm_cell.weight_hh", {512, 128}},
        {"lstm_cell.bias_ih", {512}},
        {"lstm_cell.bias_hh", {512}},
        {"final_conv.weight", {1, 128, 1}},
        {"final_conv.bias", {1}},
    };
    std::vector<io::named_tensor<float>> views;
    for (tensor& each : all) {
        sequent::tensor_view<float> view;
        view.rank = static_cast<int>(each.shape.size());
        int size = 1;
        for (std::size_t axis = each.shape.size(); axis-- > 0; size *= each.shape[axis]) {
            view.extents[axis] = each.shape[axis];
            view.strides[axis] = size;
        }
        each.numbers.resize(static_cast<std::size_t>(size));
        view.data = each.numbers.data();
        views.push_back({each.name, view});
    }
    io::load(path, views);
    const auto numbers = [&](std::string_view name) {
        return std::find_if(all.begin(), all.end(), [&](auto& each) { return each.name == name; })
            ->numbers.data();
    };
    // W(k), a matrix for each number k of the window, from a tensor whose last index is k.
    const auto windows = [](sequent::tensor_view<float> to, const float* from) {
        for (int row = 0; row < to.extents[1]; ++row)
            for (int column = 0; column < to.extents[2]; ++column)
                for (int k = 0; k < to.extents[0]; ++k) to(k, row, column) = *from++;
    };
    const auto copy = [](sequent::tensor_view<float> to, const float* from, int step = 1) {
        for (int at = 0; at < to.size(); ++at) to.element(at) = from[at * step];
    };
    p = {};
    const sequent::tensor_view<float> stft = p[vad::stft];
    for (int half = 0; half < 2; ++half)
        for (int row = 0; row < 258; ++row)
            for (int at = 0; at < vad::piece; ++at)
                stft(half, row, at) =
                    numbers("stft_conv.weight")[row * 2 * vad::piece + half * vad::piece + at];
    windows(p[vad::W1], numbers("conv1.weight"));
    windows(p[vad::W2], numbers("conv2.weight"));
    windows(p[vad::W3], numbers("conv3.weight"));
    // One row is left, so that the other numbers of the last window meet nothing.
    copy(p[vad::W4], numbers("conv4.weight") + 1, 3);
    copy(p[vad::b1], numbers("conv1.bias"));
    copy(p[vad::b2], numbers("conv2.bias"));
    copy(p[vad::b3], numbers("conv3.bias"));
    copy(p[vad::b4], numbers("conv4.bias"));
    const auto gate = [&](int at, auto w, auto u, auto bias) {
        copy(w, numbers("lstm_cell.weight_ih") + at * 128 * 128);
        copy(u, numbers("lstm_cell.weight_hh") + at * 128 * 128);
        for (int row = 0; row < 128; ++row)
            bias(row) = numbers("lstm_cell.bias_ih")[at * 128 + row] +
                        numbers("lstm_cell.bias_hh")[at * 128 + row];
    };
    gate(0, p[vad::W_in], p[vad::U_in], p[vad::b_in]);
    gate(1, p[vad::W_forget], p[vad::U_forget], p[vad::b_forget]);
    gate(2, p[vad::W_candidate], p[vad::U_candidate], p[vad::b_candidate]);
    gate(3, p[vad::W_out], p[vad::U_out], p[vad::b_out]);
    copy(p[vad::F], numbers("final_conv.weight"));
    copy(p[vad::b_f], numbers("final_conv.bias"));
}

/// Twelve seconds: vowels of a few syllables, a pause, a tone that is no voice, and a pause.
examples::sound made_sound() {
    constexpr double pi = 3.14159265358979323846;
    examples::sound result{vad::rate, std::vector<float>(12 * std::size_t{vad::rate})};
    double phase = 0;
    for (std::size_t at = 0; at < result.samples.size(); ++at) {
        const double time = static_cast<double>(at) / vad::rate;
        const double within = std::fmod(time, 6.0);
        double sample = 0;
        if (within < 3) {  // harmonics of a voice under the resonances of two vowels
            phase += (120 + 25 * std::sin(2 * pi * 0.7 * time)) / vad::rate;
            const double syllable = std::max(0.0, std::sin(2 * pi * 2 * time));
            const bool open = std::fmod(time, 1.0) < 0.5;
            for (int harmonic = 1; harmonic < 30; ++harmonic) {
                const double pitch = 125.0 * harmonic;
                double strength = 0;
                for (const double formant : {open ? 730.0 : 300.0, open ? 1090.0 : 2300.0, 2800.0})
                    strength += 1 / (1 + std::pow((pitch - formant) / 90, 2));
                sample += strength * std::sin(2 * pi * harmonic * phase);
            }
            sample *= 0.25 * syllable;
        } else if (within > 4 && within < 5) {
            sample = 0.3 * std::sin(2 * pi * 440 * time);
        }
        result.samples[at] = static_cast<float>(sample);
    }
    return result;
}

/// The samples that the network sees of a chunk: the end of the chunk before, the chunk, and its
/// end mirrored.
std::array<float, 5 * vad::piece> padded(std::span<const float> samples, std::size_t from) {
    constexpr std::size_t seen = vad::context + vad::chunk;
    std::array<float, 5 * vad::piece> result{};
    for (std::size_t at = 0; at < seen; ++at) {
        const std::size_t position = from + at;
        if (position >= vad::context && position - vad::context < samples.size())
            result[at] = samples[position - vad::context];
    }
    for (std::size_t at = 0; at < result.size() - seen; ++at)
        result[seen + at] = result[seen - 2 - at];
    return result;
}

/// The waveform, over a band where there is speech, and the probability.
void draw(const std::string& path, std::span<const float> samples,
          std::span<const float> probabilities) {
    constexpr double width = 1000, height = 160;
    sequent::draw::svg picture(width, height);
    picture.rectangle(0, 0, width, height, "#ffffff");
    const double step = width / static_cast<double>(probabilities.size());
    for (std::size_t at = 0; at < probabilities.size(); ++at)
        if (probabilities[at] > 0.5f)
            picture.rectangle(static_cast<double>(at) * step, 0, step, height, "#cfe8cf");
    const auto point = [](std::string& to, char kind, double x, double y) {
        char text[64];
        std::snprintf(text, sizeof text, "%c%.1f %.1f", kind, x, y);
        to += text;
    };
    std::string wave, curve;
    for (std::size_t at = 0; at < static_cast<std::size_t>(width); ++at) {
        const std::size_t first = at * samples.size() / static_cast<std::size_t>(width);
        const std::size_t end = (at + 1) * samples.size() / static_cast<std::size_t>(width);
        if (first == end) continue;
        const auto [least, most] =
            std::minmax_element(samples.begin() + static_cast<std::ptrdiff_t>(first),
                                samples.begin() + static_cast<std::ptrdiff_t>(end));
        point(wave, 'M', static_cast<double>(at) + 0.5, 80 - 75 * static_cast<double>(*most));
        point(wave, 'L', static_cast<double>(at) + 0.5, 80.5 - 75 * static_cast<double>(*least));
    }
    for (std::size_t at = 0; at < probabilities.size(); ++at)
        point(curve, at == 0 ? 'M' : 'L', (static_cast<double>(at) + 0.5) * step,
              155 - 150 * static_cast<double>(probabilities[at]));
    picture.line(wave, "#35506b", 1);
    picture.line(curve, "#c0392b", 1.5);
    std::ofstream file(path);
    if (!(file << picture.str()).flush()) throw std::runtime_error(path + ": can't be written");
}

void run(const Options& options) {
    if (options.weights.empty()) {
        std::cout << help_text;
        return;
    }
    const auto p = sequent::make_unique<model::parameters<float>>();
    load(options.weights, *p);
    const examples::sound sound =
        options.wav.empty() ? made_sound() : examples::read_wav(options.wav);
    if (sound.rate != vad::rate)
        throw std::runtime_error(options.wav + ": has not 16,000 samples per second");
    const std::size_t chunks = (sound.samples.size() + vad::chunk - 1) / vad::chunk;
    if (chunks == 0 || chunks > std::size_t{vad::chunks})
        throw std::runtime_error(options.wav + ": is empty or too long");

    const auto state = sequent::make_unique<model::state<float>>();
    std::vector<float> probabilities(chunks);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t at = 0; at < chunks; ++at)
        probabilities[at] = model::step(*p, {padded(sound.samples, at * vad::chunk)}, *state)();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;

    const double length = static_cast<double>(vad::chunk) / vad::rate;
    if (options.lists_chunks)
        for (const float each : probabilities) std::printf("%.7f\n", static_cast<double>(each));
    for (std::size_t at = 0; at < chunks;) {
        const std::size_t begin = at;
        const bool is_speech = probabilities[at] > 0.5f;
        while (at < chunks && (probabilities[at] > 0.5f) == is_speech) ++at;
        if (is_speech)
            std::printf("speech from %.2f s to %.2f s\n", static_cast<double>(begin) * length,
                        static_cast<double>(at) * length);
    }
    std::printf("%zu chunks of 32 ms, %.1f us each: %.0f times as fast as real time\n", chunks,
                time.count() * 1e6 / static_cast<double>(chunks),
                static_cast<double>(chunks) * length / time.count());
    if (!options.svg.empty()) draw(options.svg, sound.samples, probabilities);
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("streaming", [&] { run(read_options(count, arguments)); });
}
