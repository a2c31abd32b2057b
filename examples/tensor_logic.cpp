// Tensor logic (arXiv 2510.12269) as text: the twelve equations of a transformer, and a relation
// that follows from itself, as deep as the facts are.

#include <array>
#include <cstdint>
#include <cstdio>
#include <sequent/explain.hpp>
#include <sequent/sequent.hpp>
#include <sequent/text.hpp>
#include <vector>

#include "options.hpp"

namespace {

constexpr const char* help_text = R"(tensor_logic

Prints the equations of a transformer in tensor logic (arXiv 2510.12269, Table 2) as rules, the steps
that they become, and the probabilities that a model with random weights gives; then the ancestors
that follow from the parents of a family. Ends with 0 if the probabilities sum to 1 and all 17
ancestors are found.
)";

// Table 2 of the article, and below each equation the relation that it is here. Its indices of
// vectors, d, dk, dv, dm and t, are within the values of a relation, its index b is the layer of a
// stack, and p' is q.
//
//  1  EmbX[p, d] = X(p, t) Emb[t, d]
//         embedded; X gives one symbol for each p
//  2  PosEnc[p, d] = Even(d) sin(p / L^(d / De)) + Odd(d) cos(p / L^((d - 1) / De))
//         sinusoidal(p) in the rule of stream_0; L is 10000
//  3  Stream[0, p, d] = EmbX[p, d] + PosEnc[p, d]
//         stream_0
//  4  Query[b, h, p, dk] = WQ[b, h, dk, d] Stream[b, p, d]
//         query
//  5  Key and 6 Val, "etc." in the article: the same with WK and WV
//         key, val
//  7  Comp[b, h, p, p'] = softmax(Query[b, h, p, dk] Key[b, h, p', dk] / sqrt(Dk))
//         comp
//  8  Attn[b, h, p, dv] = Comp[b, h, p, p'] Val[b, h, p', dv]
//         attn
//  9  Merge[b, p, dm] = concat(Attn[b, h, p, dv])
//         merge
// 10  Stream[b, p, d] = lnorm(WS[b, d, dm] Merge[b, p, dm] + Stream[b, p, d])
//         attended
// 11  MLP[b, p] = relu(WP[p, d] Stream[b, p, d]), etc.
//         mlp and result; WP has no index p here, and "etc." is read as a second layer, a residual
//         and lnorm
// 12  Y[p, t] = softmax(WO[t, d] Stream[B, p, d])
//         y
//
// lnorm has neither gain nor bias, as `norm()`.
inline constexpr sequent::text transformer = R"(
    embedded(p) <<= token(p)[Emb{11, 16}];
    stream_0(p) <<= embedded(p) | sinusoidal(p);
    stream(p) <<= stream_0(p) | stack<2> {
        query(h{4}, p) <<= given(p)[WQ(h){4, 16}];
        key(h{4}, p)   <<= given(p)[WK(h){4, 16}];
        val(h{4}, p)   <<= given(p)[WV(h){4, 16}];
        comp(h, p, q)  <<= inverse_sqrt(4), key(h, q).T(), query(h, p) | product() | softmax(q);
        attn(h, p)     <<= comp(h, p, q), val(h, q) | product() | sum(q);
        merge(p)       <<= attn(h, p) | concat(h);
        attended(p)    <<= merge(p)[WS{16, 16}], given(p) | norm();
        mlp(p)         <<= attended(p)[WP{32, 16}] | relu();
        result(p)      <<= mlp(p)[WM{16, 32}], attended(p) | norm();
    };
    y(p) <<= stream(p)[WO{11, 16}] | softmax();
)";
using Transformer = sequent::model<transformer, sequent::fact<"token", 8, sequent::symbol<11>>>;

// Ancestor(x, z) = H(Parent(x, z)), Ancestor(x, z) = H(Ancestor(x, y) Parent(y, z)), where H is the
// step function: until nothing changes, at most 8 times.
inline constexpr sequent::text family = R"(
    born(x, z) <<= parent(x, z);
    ancestor(x, z) <<= born(x, z) | fixpoint<8> {
        after(x, z) <<= before(x, z);
        after(x, z) <<= before(x, y), parent(y, z) | product() | any(y);
        after(x, z) | max();
    };
)";
constexpr int people = 8;
constexpr std::array<const char*, people> names{"Terach", "Abraham", "Isaac", "Jacob",
                                                "Joseph", "Esau",    "Dinah", "Lot"};
using Family = sequent::model<family, sequent::fact<"parent", people, people>>;

int run() {
    std::printf("%s\n%s", sequent::to_text<transformer>().c_str(),
                sequent::explain<Transformer>().c_str());
    const auto p = sequent::make_unique<Transformer::parameters<float>>();
    const auto w = sequent::make_unique<Transformer::workspace<float>>();
    Transformer::initialize(*p, 1);
    const std::vector<std::int32_t> tokens{3, 1, 4, 1, 5, 9, 2, 6};
    const auto y = Transformer::forward(*p, {tokens}, *w);
    float sum = 0;
    for (int token = 0; token < 11; ++token) sum += y(7, token);
    std::printf("\nprobabilities after the last token: %.3f for token 0, %.3f in all\n\n",
                static_cast<double>(y(7, 0)), static_cast<double>(sum));

    std::vector<float> parents(people * people);
    for (const auto& [parent, child] : {std::array{0, 1}, {1, 2}, {2, 3}, {2, 5}, {3, 4}, {3, 6}})
        parents[static_cast<std::size_t>(parent * people + child)] = 1;
    const Family::parameters<float> none;
    Family::scratch<float> memory;
    const auto ancestor = Family::forward(none, {parents}, memory);
    int known = 0;
    for (int of = 0; of < people; ++of) {
        std::printf("ancestors of %s:", names[static_cast<std::size_t>(of)]);
        for (int who = 0; who < people; ++who) {
            if (ancestor(who, of) == 0) continue;
            std::printf(" %s", names[static_cast<std::size_t>(who)]);
            ++known;
        }
        std::printf("\n");
    }
    return known == 17 && sum > 0.999f && sum < 1.001f ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("tensor_logic", [&] {
        examples::read_no_options(count, arguments, help_text);
        return run();
    });
}
