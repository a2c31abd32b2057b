// With two_units_b.cpp: every header in two translation units of one program. What is defined twice
// would fail to link.

#include <sequent/draw.hpp>
#include <sequent/export.hpp>
#include <sequent/formats.hpp>
#include <sequent/graphs.hpp>
#include <sequent/packed.hpp>
#include <sequent/rasp.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>

#include <array>
#include <cstdio>
#include <vector>

double loss_in_b(const float* logits, const std::int32_t* targets);
sequent::train::adam_w<float>& step_in_b(sequent::train::adam_w<float>& optimizer,
                                         std::vector<float>& parameters);
sequent::io::file_header header_in_b(const char* json);

int main() {
    const std::array<float, 6> logits{1, 2, 3, 4, 5, 6};
    const std::array<std::int32_t, 2> targets{0, 2};
    const double a = sequent::train::cross_entropy(sequent::view_of(logits, 2, 3), targets);
    const double b = loss_in_b(logits.data(), targets.data());

    std::vector<float> parameters(5, 1.0F);
    sequent::train::adam_w<float> optimizer(parameters.size(), 0.1);
    step_in_b(optimizer, parameters).step(parameters, std::vector<float>(5, 1.0F), 0.1);

    constexpr auto json = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
    const bool equal_headers = header_in_b(json).tensors.at(0).end ==
                               sequent::io::parse_header(json, "a").tensors.at(0).end;

    const bool good = a == b && optimizer.steps() == 2 && equal_headers;
    std::puts(good ? "two units agree" : "two units differ");
    return good ? 0 : 1;
}
