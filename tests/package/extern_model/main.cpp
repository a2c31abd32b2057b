// Uses the model in each way; linked without net.cpp, which instantiates it, this must fail.

#include <cmath>
#include <cstdio>
#include <vector>

#include "net.hpp"

using net::Net;

int main() {
    Net::parameters<float> p;
    Net::parameters<float> gradient;
    Net::workspace<float> w;
    Net::workspace<float> on_pool;
    Net::scratch<float> scratch;
    Net::state<float> state;
    Net::state<float> other;
    Net::initialize(p, 1);
    std::vector<float> x(6 * 32);
    for (std::size_t at = 0; at < x.size(); ++at) x[at] = 0.02F * static_cast<float>(at % 7);
    const std::vector<float> dy(x.size(), 1.0F);
    sequent::thread_pool pool(2);

    const auto pooled = Net::forward(p, {net::x = x}, on_pool, pool);
    const auto stepped = Net::prefill(p, {net::x = x}, state);
    const std::vector<float> first(x.begin(), x.begin() + 32);
    const std::vector<Net::rows<float>> given{{net::x = first}};
    Net::state<float>* const states[] = {&other};
    float of_batch = 0;
    Net::step_batch(p, given, states, [&](int, const auto& row) { of_batch = row(0); });
    const auto y = Net::forward(p, {net::x = x}, w);
    const auto inferred = Net::forward(p, {net::x = x}, scratch);
    const auto close = [](float a, float b) { return std::abs(a - b) <= 1e-5F; };
    bool good = close(y(0, 0), of_batch);
    for (int column = 0; column < 32; ++column)
        good = good && close(y(5, column), pooled(5, column)) &&
               close(y(5, column), inferred(5, column)) && close(y(5, column), stepped(column));
    Net::backward(p, {net::x = x}, dy, w, gradient);
    good = good && std::abs(gradient[net::W](0, 0)) > 0;

    const net::Packed packed(p);
    net::Fewer fewer, beside;
    const auto row = Net::prefill(packed, {net::x = x}, fewer);
    const auto rounded = Net::forward(packed, {net::x = x}, scratch);
    net::Fewer* const others[] = {&beside};
    Net::step_batch<sequent::cache<sequent::q8_0>>(
        packed, given, others, [&](int, const auto& one) { of_batch = one(0); });
    good = good && std::abs(of_batch - rounded(0, 0)) < 0.01F && of_batch != y(0, 0);
    for (int column = 0; column < 32; ++column)
        good = good && std::abs(row(column) - rounded(5, column)) < 0.01F &&
               std::abs(y(5, column) - rounded(5, column)) < 0.01F;
    std::puts(good ? "one unit serves the other" : "the units differ");
    return good ? 0 : 1;
}
