#include <chrono>
#include <sequent/explain.hpp>
#include <sequent/nn.hpp>

#include "bench.hpp"

// Attention under masks of every kind, of queries, keys and values that are given: forward, and
// forward with all gradients. The time per pair is compared with that of full attention, which is
// measured first.

namespace {

using namespace bench;
using namespace sequent::language;
namespace mask = sequent::mask;

constexpr int tokens = 1024;
constexpr int width = 64;

struct full {
    static constexpr const char* name = "full";
    using type = mask::none;
    static bool keeps(int, int) { return true; }
};
struct causal {
    static constexpr const char* name = "causal";
    using type = mask::causal;
    static bool keeps(int i, int j) { return j <= i; }
};
struct window {
    static constexpr const char* name = "window 32";
    using type = mask::window<32>;
    static bool keeps(int i, int j) { return j <= i && i - j <= 32; }
};
struct around {
    static constexpr const char* name = "around 32";
    using type = mask::around<32>;
    static bool keeps(int i, int j) { return std::abs(i - j) <= 32; }
};
struct strided {
    static constexpr const char* name = "strided 8";
    using type = mask::strided<8>;
    static bool keeps(int i, int j) { return j <= i && (i - j) % 8 == 0; }
};
struct sparse_fixed {
    static constexpr const char* name = "sparse fixed 32 4";
    using type = mask::sparse_fixed<32, 4>;
    static bool keeps(int i, int j) { return j <= i && (i / 32 == j / 32 || j % 32 >= 28); }
};
struct longformer {
    static constexpr const char* name = "longformer 32 with 3";
    using type = mask::longformer<32, 0, 100, 500>;
    static bool is_global(int i) { return i == 0 || i == 100 || i == 500; }
    static bool keeps(int i, int j) {
        return std::abs(i - j) <= 32 || is_global(i) || is_global(j);
    }
};
struct big_bird {
    static constexpr const char* name = "big bird 32";
    using type = mask::big_bird<tokens, 32>;
    static bool is_end(int block) { return block == 0 || block == tokens / 32 - 1; }
    static bool keeps(int i, int j) {
        return std::abs(i / 32 - j / 32) <= 1 || is_end(i / 32) || is_end(j / 32) ||
               type::is_drawn(i, j);
    }
};

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"out"> out;

template <class Mask>
inline constexpr auto attend = rules(
    weights(i, j) <<= sequent::nn::masked<Mask>((inverse_sqrt(width), k(j).T(), q(i)), 0, i, j) |
                      product() | softmax(j),
    out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

/// Nanoseconds of full attention for each pair; zero until they are measured.
double forward_of_full = 0;
double both_of_full = 0;

/// Attention and its gradients by plain loops in double.
struct reference {
    doubles y = doubles(to_size(tokens * width));
    doubles gradients[3]{y, y, y};  // of q, k and v
    long long pairs = 0;

    template <class Kind>
    static reference of(Kind, const floats* given, const floats& outward) {
        reference r;
        const auto at = [](int row) { return to_size(row * width); };
        const auto dot = [](const auto& a, std::size_t one, const auto& b, std::size_t other) {
            double sum = 0;
            for (std::size_t e = 0; e < width; ++e)
                sum += double{a[one + e]} * double{b[other + e]};
            return sum;
        };
        doubles share(tokens);
        for (int row = 0; row < tokens; ++row) {
            double total = 0;
            for (int column = 0; column < tokens; ++column)
                if (Kind::keeps(row, column)) {
                    ++r.pairs;
                    total += share[to_size(column)] = std::exp(
                        dot(given[0], at(row), given[1], at(column)) / std::sqrt(double(width)));
                }
            for (int column = 0; column < tokens; ++column)
                if (Kind::keeps(row, column)) {
                    share[to_size(column)] /= total;
                    for (std::size_t e = 0; e < width; ++e)
                        r.y[at(row) + e] +=
                            share[to_size(column)] * double{given[2][at(column) + e]};
                }
            const double inner = dot(r.y, at(row), outward, at(row));
            for (int column = 0; column < tokens; ++column)
                if (Kind::keeps(row, column)) {
                    const double p = share[to_size(column)];
                    const double slope = p * (dot(outward, at(row), given[2], at(column)) - inner) /
                                         std::sqrt(double(width));
                    for (std::size_t e = 0; e < width; ++e) {
                        r.gradients[0][at(row) + e] += slope * double{given[1][at(column) + e]};
                        r.gradients[1][at(column) + e] += slope * double{given[0][at(row) + e]};
                        r.gradients[2][at(column) + e] += p * double{outward[at(row) + e]};
                    }
                }
        }
        return r;
    }
};

template <class Kind>
struct measured {
    using model = sequent::model<attend<typename Kind::type>, fact<"q", tokens, width>,
                                 fact<"k", tokens, width>, fact<"v", tokens, width>>;
    using parameters = typename model::template parameters<float>;

    std::unique_ptr<parameters> p = sequent::make_unique<parameters>();
    std::unique_ptr<parameters> gradient = sequent::make_unique<parameters>();
    std::unique_ptr<typename model::template workspace<float>> w =
        sequent::make_unique<typename model::template workspace<float>>();
    floats given[3]{numbers(tokens * width, 1), numbers(tokens* width, 2),
                    numbers(tokens* width, 3)};
    floats outward = numbers(tokens * width, 7);

    typename model::template facts<float> facts() const { return {given[0], given[1], given[2]}; }

    /// Counts pairs as the plan does, and compares the time per pair with that of all pairs.
    template <class Round>
    static void time(benchmark::State& state, double& of_full, Round round) {
        using clock = std::chrono::steady_clock;
        const auto begin = clock::now();
        for (auto _ : state) {
            round();
            benchmark::ClobberMemory();
        }
        const std::chrono::duration<double, std::nano> spent = clock::now() - begin;
        const auto pairs =
            static_cast<double>(sequent::model_detail::attention_pairs<typename model::plan, 0>());
        const double each = spent.count() / static_cast<double>(state.iterations()) / pairs;
        if (std::is_same_v<Kind, full>) of_full = each;
        state.counters["pairs"] = pairs;
        state.counters["ns/pair"] = each;
        state.counters["ratio"] = of_full > 0 ? each / of_full : 0.0;
    }

    static void forward(benchmark::State& state) {
        measured m;
        const auto facts = m.facts();
        time(state, forward_of_full,
             [&] { benchmark::DoNotOptimize(model::forward(*m.p, facts, *m.w).data); });
        check(state, [&] {
            const auto y = model::forward(*m.p, facts, *m.w);
            floats found;
            for (int e = 0; e < y.size(); ++e) found.push_back(y.element(e));
            return error(found, reference::of(Kind{}, m.given, m.outward).y);
        });
    }

    static void both(benchmark::State& state) {
        measured m;
        const auto facts = m.facts();
        floats gradients[3]{m.given[0], m.given[0], m.given[0]};
        const typename model::template output_gradients<float> outward{m.outward};
        const typename model::template fact_gradients<float> wanted{gradients[0], gradients[1],
                                                                    gradients[2]};
        time(state, both_of_full, [&] {
            benchmark::DoNotOptimize(model::forward(*m.p, facts, *m.w).data);
            for (floats& each : gradients) std::ranges::fill(each, 0.0F);
            model::backward(*m.p, facts, outward, *m.w, *m.gradient, wanted);
        });
        check(state, [&] {
            const reference expected = reference::of(Kind{}, m.given, m.outward);
            sequent_test::largest worst;
            for (int at = 0; at < 3; ++at) worst.add(error(gradients[at], expected.gradients[at]));
            return worst.value();
        });
    }
};

template <class... Kinds>
void add() {
    const auto one = [](std::string name, auto forward, auto both) {
        benchmark::RegisterBenchmark((name + ", forward").c_str(), forward);
        benchmark::RegisterBenchmark((name + ", forward and backward").c_str(), both);
    };
    (one(std::string("mask ") + Kinds::name, measured<Kinds>::forward, measured<Kinds>::both), ...);
}

}  // namespace

int main(int argc, char** argv) {
    add<full, causal, window, around, strided, sparse_fixed, longformer, big_bird>();
    return run(argc, argv, "Sequent");
}
