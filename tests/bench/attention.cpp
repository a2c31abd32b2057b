#include <sequent/nn.hpp>
#include <utility>

#include "bench.hpp"
#include "cases.hpp"
#include "reference.hpp"

// Attention as a model: forward, and forward with all gradients, those of the input included.

namespace {

using namespace bench;

struct every_8th {
    static constexpr auto keeps(auto i, auto j) noexcept { return j <= i && (i - j) % 8 == 0; }
};

template <mask Kind>
struct mask_of {
    using type = sequent::mask::none;
};
template <>
struct mask_of<mask::causal> {
    using type = sequent::mask::causal;
};
template <>
struct mask_of<mask::window_32> {
    using type = sequent::mask::window<32>;
};
template <>
struct mask_of<mask::every_8th> {
    using type = every_8th;
};

template <std::size_t At>
struct measured {
    static constexpr attention_case c = attention_cases[At];
    template <template <class...> class Attention, class... Options>
    using with = Attention<sequent::tokens<c.tokens>, sequent::width<c.width>,
                           sequent::biases<false>, typename mask_of<c.kind>::type, Options...>;
    static auto model_type() {
        if constexpr (c.joins())
            return with<sequent::multi_head_attention, sequent::heads<c.heads>>{};
        else
            return with<sequent::attention>{};
    }
    using model = decltype(model_type());
    using parameters = typename model::template parameters<float>;

    std::unique_ptr<parameters> p = sequent::make_unique<parameters>();
    std::unique_ptr<parameters> gradient = sequent::make_unique<parameters>();
    std::unique_ptr<typename model::template workspace<float>> w =
        sequent::make_unique<typename model::template workspace<float>>();
    std::map<std::string, floats> given = reference::drawn(c);

    measured() {
        model::for_each(*p, [&](std::string_view name, auto view) {
            const floats& from = given.at(std::string(name));
            for (int e = 0; e < view.size(); ++e) view.element(e) = from[to_size(e)];
        });
    }

    typename model::template facts<float> facts() const { return {given.at("x")}; }

    static void forward(benchmark::State& state) {
        measured m;
        const auto facts = m.facts();
        for (auto _ : state) {
            benchmark::DoNotOptimize(model::forward(*m.p, facts, *m.w).data);
            benchmark::ClobberMemory();
        }
        report(state, c.forward_flop());
        check(state, [&] {
            const auto y = model::forward(*m.p, facts, *m.w);
            floats found;
            for (int e = 0; e < y.size(); ++e) found.push_back(y.element(e));
            return error(found, reference::attention(c, reference::widened(m.given)));
        });
    }

    static void both(benchmark::State& state) {
        measured m;
        const auto facts = m.facts();
        const floats outward = numbers(c.tokens * c.width, 7);
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
        report(state, c.both_flop());
        check(state, [&] {
            reference::named found{{"x", widened(x_gradient)}};
            model::for_each(*m.gradient, [&](std::string_view name, auto view) {
                for (int e = 0; e < view.size(); ++e)
                    found[std::string(name)].push_back(double{view.element(e)});
            });
            return reference::gradient_error(
                reference::widened(m.given), found, [&](const reference::named& at) {
                    return reference::dot(reference::attention(c, at), outward);
                });
        });
    }
};

template <std::size_t... At>
void add(std::index_sequence<At...>) {
    const auto one = [](const char* name, auto forward, auto both) {
        benchmark::RegisterBenchmark((std::string(name) + ", forward").c_str(), forward);
        benchmark::RegisterBenchmark((std::string(name) + ", forward and backward").c_str(), both);
    };
    (one(attention_cases[At].name, measured<At>::forward, measured<At>::both), ...);
}

}  // namespace

int main(int argc, char** argv) {
    add(std::make_index_sequence<attention_cases.size()>{});
    return run(argc, argv, "Sequent");
}
