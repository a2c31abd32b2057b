#include "sequent/kernel/rounded_product.hpp"

#include "packed_case.hpp"

using namespace packed;

namespace {

float rounded(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    return std::bit_cast<float>((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u);
}

/// A matrix of rows x columns, or turned, with two numbers behind each row.
struct operand {
    int rows, columns;
    bool turned;
    std::vector<float> memory = numbers((turned ? columns : rows) * stride(), 7);
    int stride() const { return (turned ? rows : columns) + 2; }
    float operator()(int row, int column) const {
        return memory[to_size(turned ? column * stride() + row : row * stride() + column)];
    }
    kernel::row_places<const float> places() const { return {nullptr, memory.data(), stride()}; }
};

void check_rounded(int rows, int columns, int depth, bool a_turned, bool b_turned, bool listed,
                   bool accumulate) {
    const operand a{rows, depth, a_turned}, b{depth, columns, b_turned};
    const int stride = columns + 3;
    const auto before = numbers(rows * stride, 5);
    auto c = before;
    std::vector<const float*> from;
    std::vector<float*> to;
    for (int r = 0; r < (a_turned ? depth : rows); ++r) from.push_back(a.places()[r]);
    for (int r = 0; r < rows; ++r) to.push_back(c.data() + r * stride);
    kernel::gathered_product<float> of{rows,      columns,    depth,    a.places(),
                                       a_turned,  b.places(), b_turned, {nullptr, c.data(), stride},
                                       accumulate};
    if (listed) of.a = {from.data()}, of.c = {to.data()};
    kernel::rounded_product<kernel::bf16>(of);
    bool beside = false;
    sequent_test::largest error;
    for (int r = 0; r < rows; ++r)
        for (int n = 0; n < stride; ++n) {
            const auto at = to_size(r * stride + n);
            if (n >= columns) {
                beside = beside || c[at] != before[at];
                continue;
            }
            double sum = accumulate ? static_cast<double>(before[at]) : 0;
            double magnitude = std::abs(sum) + 1e-30;
            for (int k = 0; k < depth; ++k) {
                const double term =
                    static_cast<double>(rounded(a(r, k))) * static_cast<double>(rounded(b(k, n)));
                sum += term;
                magnitude += std::abs(term);
            }
            error.add(std::abs(static_cast<double>(c[at]) - sum) / magnitude);
        }
    INFO(rows << " x " << columns << " x " << depth << ", turned " << a_turned << b_turned);
    CHECK(!beside);
    if (rows > 0) CHECK(error.value() < (depth + 2) * 0x1p-24);
}

}  // namespace

TEST_CASE("products of rounded numbers against plain loops", "[packed]") {
    const int sizes[][3] = {{0, 5, 5},    {1, 1, 0},    {1, 1, 1},     {3, 17, 31},
                            {16, 32, 32}, {19, 33, 33}, {140, 49, 65}, {5, 16, 300}};
    for (const auto& size : sizes)
        for (int how = 0; how < 16; ++how)
            check_rounded(size[0], size[1], size[2], how & 1, how & 2, how & 4, how & 8);
}
