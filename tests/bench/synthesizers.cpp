#include <sequent/nn.hpp>

#include "bench.hpp"

// Synthesizers of one head beside the dot product, without biases, the value's projection included:
// forward with prepared parameters, as in inference, and forward with all gradients, those of the
// input included.

namespace {

using namespace bench;
namespace synthesizer = sequent::synthesizer;

constexpr int width = 64;
constexpr int rank = 8;

template <int Tokens, class Scores, class Mask>
struct measured {
    using model = sequent::attention<sequent::tokens<Tokens>, sequent::width<width>,
                                     sequent::biases<false>, Scores, Mask>;
    using parameters = typename model::template parameters<float>;
    using prepared = typename model::template prepared<float>;
    static constexpr bool is_causal = std::is_same_v<Mask, sequent::mask::causal>;

    std::unique_ptr<parameters> p = sequent::make_unique<parameters>();
    std::unique_ptr<parameters> gradient = sequent::make_unique<parameters>();
    std::unique_ptr<prepared> ready = sequent::make_unique<prepared>();
    std::unique_ptr<typename model::template workspace<float>> w =
        sequent::make_unique<typename model::template workspace<float>>();
    floats x = numbers(Tokens * width, 1);
    std::map<std::string, doubles> weights;

    measured() {
        std::uint32_t seed = 2;
        model::for_each(*p, [&](std::string_view name, auto view) {
            const floats from = numbers(view.size(), seed++, name[0] == 'W' ? 0.125 : 0.5);
            for (int e = 0; e < view.size(); ++e) view.element(e) = from[to_size(e)];
            weights[std::string(name)] = widened(from);
        });
        model::prepare(*p, *ready);
    }

    /// What the products take, less what the mask leaves out of the last one; each has two
    /// gradients of its size.
    static constexpr double flop() {
        constexpr double pairs = is_causal ? Tokens * (Tokens + 1.0) / 2 : 1.0 * Tokens * Tokens;
        constexpr double projection = 2.0 * Tokens * width * width;
        double scores = 0;
        if (std::is_same_v<Scores, synthesizer::dot_product>)
            scores = 2 * projection + 2 * pairs * width;
        if (std::is_same_v<Scores, synthesizer::dense>)
            scores = projection + 2.0 * Tokens * Tokens * width;
        if (std::is_same_v<Scores, synthesizer::factorized_dense<8, Tokens / 8>>)
            scores = 2.0 * Tokens * (8 + Tokens / 8) * width;
        return projection + 2 * pairs * width + scores;
    }

    /// x W^T, W of `rows` rows.
    static doubles mapped(const doubles& from, const doubles& matrix, int rows) {
        const int depth = static_cast<int>(matrix.size()) / rows;
        doubles result(to_size(Tokens * rows));
        for (int i = 0; i < Tokens; ++i)
            for (int r = 0; r < rows; ++r)
                for (int k = 0; k < depth; ++k)
                    result[to_size(i * rows + r)] +=
                        from[to_size(i * depth + k)] * matrix[to_size(r * depth + k)];
        return result;
    }

    double score(int i, int j, const doubles& first, const doubles& second) const {
        double sum = 0;
        if constexpr (std::is_same_v<Scores, synthesizer::random>)
            return weights.at("R")[to_size(is_causal ? i * (i + 1) / 2 + j : i * Tokens + j)];
        else if constexpr (std::is_same_v<Scores, synthesizer::dense>)
            return second[to_size(i * Tokens + j)];
        else if constexpr (std::is_same_v<Scores, synthesizer::factorized_random<rank>>)
            for (int k = 0; k < rank; ++k)
                sum += weights.at("R_1")[to_size(i * rank + k)] *
                       weights.at("R_2")[to_size(j * rank + k)];
        else if constexpr (std::is_same_v<Scores, synthesizer::dot_product>)
            for (int k = 0; k < width; ++k)
                sum += first[to_size(i * width + k)] * second[to_size(j * width + k)] / 8;
        else
            return first[to_size(i * 8 + j / (Tokens / 8))] *
                   second[to_size(i * (Tokens / 8) + j % (Tokens / 8))];
        return sum;
    }

    doubles reference() const {
        const doubles from = widened(x);
        const doubles value = mapped(from, weights.at("W_value"), width);
        doubles first, second;
        if constexpr (std::is_same_v<Scores, synthesizer::dot_product>) {
            first = mapped(from, weights.at("W_query"), width);
            second = mapped(from, weights.at("W_key"), width);
        } else if constexpr (std::is_same_v<Scores, synthesizer::dense>) {
            first = mapped(from, weights.at("W_1"), width);
            for (double& each : first) each = std::max(each, 0.0);
            second = mapped(first, weights.at("W_2"), Tokens);
        } else if constexpr (std::is_same_v<Scores, synthesizer::factorized_dense<8, Tokens / 8>>) {
            first = mapped(from, weights.at("W_first"), 8);
            second = mapped(from, weights.at("W_second"), Tokens / 8);
        }
        doubles result(to_size(Tokens * width));
        for (int i = 0; i < Tokens; ++i) {
            double sum = 0;
            for (int j = 0; j < (is_causal ? i + 1 : Tokens); ++j) {
                const double share = std::exp(score(i, j, first, second));
                sum += share;
                for (int k = 0; k < width; ++k)
                    result[to_size(i * width + k)] += share * value[to_size(j * width + k)];
            }
            for (int k = 0; k < width; ++k) result[to_size(i * width + k)] /= sum;
        }
        return result;
    }

    static void forward(benchmark::State& state) {
        measured m;
        const typename model::template facts<float> facts{m.x};
        for (auto _ : state) {
            benchmark::DoNotOptimize(model::forward(*m.ready, facts, *m.w).data);
            benchmark::ClobberMemory();
        }
        report(state, flop());
        check(state, [&] {
            const auto y = model::forward(*m.ready, facts, *m.w);
            floats found;
            for (int e = 0; e < y.size(); ++e) found.push_back(y.element(e));
            return error(found, m.reference());
        });
    }

    static void both(benchmark::State& state) {
        measured m;
        const typename model::template facts<float> facts{m.x};
        const floats outward = numbers(Tokens * width, 7);
        floats x_gradient(outward.size());
        const typename model::template output_gradients<float> gradients{outward};
        const typename model::template fact_gradients<float> wanted{x_gradient};
        for (auto _ : state) {
            benchmark::DoNotOptimize(model::forward(*m.p, facts, *m.w).data);
            std::ranges::fill(m.gradient->flat(), 0.0F);
            std::ranges::fill(x_gradient, 0.0F);
            model::backward(*m.p, facts, gradients, *m.w, *m.gradient, wanted);
            benchmark::ClobberMemory();
        }
        report(state, 3 * flop());
    }
};

template <int Tokens, class Scores, class Mask = sequent::mask::none>
void add(const std::string& variant) {
    using one = measured<Tokens, Scores, Mask>;
    const std::string name = "synthesizers " + variant + " " + std::to_string(Tokens) + "x" +
                             std::to_string(width) + (one::is_causal ? " causal" : "");
    benchmark::RegisterBenchmark((name + ", forward").c_str(), one::forward);
    benchmark::RegisterBenchmark((name + ", forward and backward").c_str(), one::both);
}

template <int Tokens>
void add_all() {
    add<Tokens, synthesizer::dot_product>("dot product");
    add<Tokens, synthesizer::dense>("dense");
    add<Tokens, synthesizer::random>("random");
    add<Tokens, synthesizer::factorized_random<rank>>("factorized random");
    add<Tokens, synthesizer::factorized_dense<8, Tokens / 8>>("factorized dense");
}

}  // namespace

int main(int argc, char** argv) {
    add_all<64>();
    add_all<256>();
    add<256, synthesizer::random, sequent::mask::causal>("random");
    return run(argc, argv, "Sequent");
}
