#include <sequent/draw.hpp>
#include <sequent/export.hpp>
#include <sequent/formats.hpp>
#include <sequent/packed.hpp>
#include <sequent/rasp.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>

#include <span>
#include <vector>

double loss_in_b(const float* logits, const std::int32_t* targets);
sequent::train::adam_w<float>& step_in_b(sequent::train::adam_w<float>& optimizer,
                                         std::vector<float>& parameters);
sequent::io::file_header header_in_b(const char* json);

double loss_in_b(const float* logits, const std::int32_t* targets) {
    return sequent::train::cross_entropy(sequent::view_of(std::span(logits, 6), 2, 3),
                                         std::span(targets, 2));
}

sequent::train::adam_w<float>& step_in_b(sequent::train::adam_w<float>& optimizer,
                                         std::vector<float>& parameters) {
    optimizer.step(parameters, std::vector<float>(parameters.size(), 1.0F), 0.1);
    return optimizer;
}

sequent::io::file_header header_in_b(const char* json) {
    return sequent::io::parse_header(json, "b");
}
