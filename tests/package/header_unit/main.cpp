import "sequent/sequent.hpp";

namespace net {

using namespace sequent::language;

SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(x, y, weights);
SEQUENT_WEIGHT(W, 4, 4);

inline constexpr auto attention =
    rules(weights(i, j) <<= (x(j).T(), x(i), j <= i) | product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)[W]) | product() | sum(j));

using Net = sequent::model<attention, sequent::fact<"x", 6, 4>>;

}  // namespace net

int main() {
    net::Net::parameters<float> p;
    net::Net::workspace<float> w;
    for (int at = 0; at < 4; ++at) p[net::W](at, at) = 1;
    float numbers[24] = {1, 2, 3, 4};
    const auto y = net::Net::forward(p, {numbers}, w);
    for (int at = 0; at < 4; ++at)
        if (y(0, at) != numbers[at]) return 1;
    return 0;
}
