#include <sequent/sequent.hpp>
#include <span>

#include "bench.hpp"
#include "reference.hpp"

// Encoder layers, alone and in batches of 32, and the training step of a small language model.

namespace {

using namespace bench;

/// A model's weights or their gradient, by name.
template <class Model, class Parameters>
reference::named by_name(const Parameters& p) {
    reference::named result;
    Model::for_each(p, [&](std::string_view name, auto view) {
        doubles& to = result[std::string(name)];
        for (int at = 0; at < view.size(); ++at) to.push_back(double{view.element(at)});
    });
    return result;
}

template <class Model>
struct setup {
    using parameters = typename Model::template parameters<float>;
    std::unique_ptr<parameters> p = sequent::make_unique<parameters>();
    std::unique_ptr<parameters> gradient = sequent::make_unique<parameters>();
    std::unique_ptr<typename Model::template workspace<float>> w =
        sequent::make_unique<typename Model::template workspace<float>>();

    setup() { Model::initialize(*p, 1); }
};

/// Tokens, width and heads of an encoder layer, and how many sequences go through it.
template <int N, int D, int H, int Batch>
struct encoder {
    static constexpr attention_case c{"", N, D, H};
    using model =
        sequent::transformer::encoder<sequent::tokens<N>, sequent::width<D>, sequent::heads<H>>;
    using facts = typename model::template facts<float>;

    setup<model> s;
    std::vector<floats> x;
    floats outward = numbers(N * D, 7);
    floats x_gradient = floats(to_size(N * D));
    std::vector<facts> given;

    /// Of the products: four of the attention's kind, two with the hidden layer.
    static constexpr double flop() { return Batch * (c.forward_flop() + 2.0 * 8 * N * D * D); }

    encoder() {
        for (int at = 0; at < Batch; ++at)
            x.push_back(numbers(N * D, 1 + static_cast<unsigned>(at)));
        for (const floats& each : x) given.push_back(facts{each});
    }

    static void forward(benchmark::State& state) {
        encoder e;
        floats y(to_size(N * D));
        for (auto _ : state) {
            for (const facts& each : e.given) {
                benchmark::DoNotOptimize(model::forward(*e.s.p, each, *e.s.w).data);
                benchmark::ClobberMemory();
            }
        }
        report(state, flop());
        check(state, [&] {
            const auto found = model::forward(*e.s.p, e.given[0], *e.s.w);
            for (int at = 0; at < N * D; ++at) y[to_size(at)] = found.element(at);
            return error(y, reference::layer(c, by_name<model>(*e.s.p), widened(e.x[0]), false));
        });
    }

    /// The gradients of all sequences are added up.
    static void both(benchmark::State& state) {
        encoder e;
        const typename model::template output_gradients<float> gradients{e.outward};
        const typename model::template fact_gradients<float> wanted{e.x_gradient};
        for (auto _ : state) {
            std::ranges::fill(e.s.gradient->flat(), 0.0F);
            for (const facts& each : e.given) {
                benchmark::DoNotOptimize(model::forward(*e.s.p, each, *e.s.w).data);
                std::ranges::fill(e.x_gradient, 0.0F);
                model::backward(*e.s.p, each, gradients, *e.s.w, *e.s.gradient, wanted);
                benchmark::ClobberMemory();
            }
        }
        report(state, 3 * flop());
        if (Batch > 1) return;
        check(state, [&] {
            reference::named at = by_name<model>(*e.s.p), found = by_name<model>(*e.s.gradient);
            at["x"] = widened(e.x[0]);
            found["x"] = widened(e.x_gradient);
            return reference::gradient_error(at, found, [&](const reference::named& there) {
                return reference::dot(reference::layer(c, there, there.at("x"), false), e.outward);
            });
        });
    }
};

/// Forward, loss, backward, clipping and AdamW over a batch of sequences, one thread.
void training_step(benchmark::State& state, int batch) {
    constexpr attention_case c{"", 64, 128, 4, mask::causal};
    constexpr int depth = 4, symbols = 65;
    using model =
        sequent::transformer::language_model<sequent::vocabulary<symbols>,
                                             sequent::tokens<c.tokens>, sequent::width<c.width>,
                                             sequent::heads<c.heads>, sequent::depth<depth>>;
    setup<model> s;
    sequent::random_numbers random{1};
    std::vector<std::int32_t> text(to_size(batch * (c.tokens + 1)));
    for (auto& symbol : text) symbol = random.below(symbols);
    floats outward(c.tokens * symbols);
    sequent::train::adam_w<float> optimizer(s.p->flat().size(), 0.1);
    const auto gradient = [&] {
        for (int at = 0; at < batch; ++at) {
            const auto window = std::span<const std::int32_t>(text).subspan(
                to_size(at * (c.tokens + 1)), c.tokens + 1);
            const typename model::facts<float> facts{window.first(c.tokens)};
            const auto logits = model::forward(*s.p, facts, *s.w);
            benchmark::DoNotOptimize(sequent::train::cross_entropy(
                logits, window.last(c.tokens), sequent::view_of(outward, c.tokens, symbols),
                {.scale = 1.0 / batch}));
            model::backward(*s.p, facts, outward, *s.w, *s.gradient);
        }
    };
    for (auto _ : state) {
        gradient();
        sequent::train::clip_by_norm<float>(s.gradient->flat(), 1.0F);
        optimizer.step(s.p->flat(), s.gradient->flat(), 1e-4);
        std::ranges::fill(s.gradient->flat(), 0.0F);
    }
    report(state, 3.0 * batch *
                      (depth * (c.forward_flop() + 2.0 * 8 * c.tokens * c.width * c.width) +
                       2.0 * c.tokens * c.width * symbols));
    if (batch > 1) return;
    check(state, [&] {
        model::initialize(*s.p, 1);
        gradient();
        return reference::gradient_error(
            by_name<model>(*s.p), by_name<model>(*s.gradient), [&](const reference::named& there) {
                return reference::language_loss(c, depth, symbols, there, text);
            });
    });
}

template <int N, int D, int H, int Batch>
void add(const std::string& name) {
    using measured = encoder<N, D, H, Batch>;
    benchmark::RegisterBenchmark((name + ", forward").c_str(), measured::forward);
    benchmark::RegisterBenchmark((name + ", forward and backward").c_str(), measured::both);
}

}  // namespace

int main(int argc, char** argv) {
    add<16, 32, 2, 1>("encoder 16x32");
    add<64, 128, 4, 1>("encoder 64x128");
    add<256, 256, 8, 1>("encoder 256x256");
    add<16, 32, 2, 32>("encoder 16x32 batch 32");
    add<64, 128, 4, 32>("encoder 64x128 batch 32");
    add<256, 256, 8, 32>("encoder 256x256 batch 32");
    for (const int batch : {1, 12, 32})
        benchmark::RegisterBenchmark(("training step batch " + std::to_string(batch)).c_str(),
                                     training_step, batch);
    return run(argc, argv, "Sequent");
}
