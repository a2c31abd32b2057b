// What looks like an array of NumPy.

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sequent/io/npy.hpp>
#include <span>
#include <vector>

#include "fuzz.hpp"

namespace io = sequent::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const io::source from(std::as_bytes(std::span(data, size)));
    std::array<std::array<float, 3>, 2> matrix{};
    std::vector<double> flat(6);
    std::vector<std::int32_t> symbols(6);
    fuzz::attempt([&] { io::load_npy(from, matrix); });
    fuzz::attempt([&] { io::load_npy(from, flat); });
    fuzz::attempt([&] { io::load_npy(from, symbols); });
    for (const auto& row : matrix)
        for (const float number : row)
            if (!std::isfinite(number)) std::abort();
    for (const double number : flat)
        if (!std::isfinite(number)) std::abort();
    return 0;
}
