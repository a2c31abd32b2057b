// Tensor logic (arXiv 2510.12269) as text: the equations of a transformer, one rule each, and a
// relation that follows from itself, as deep as the facts are.

#include <array>
#include <cstdint>
#include <cstdio>
#include <sequent/explain.hpp>
#include <sequent/sequent.hpp>
#include <sequent/text.hpp>
#include <vector>

namespace {

// Table 2 of the article: Query[b, h, p, dk] = WQ[b, h, dk, d] Stream[b, p, d] and so on. What an
// equation contracts is within a vector here, and its index b is the layer of a stack.
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

}  // namespace

int main() {
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
