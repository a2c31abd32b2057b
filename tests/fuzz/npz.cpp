// What looks like an archive of arrays.

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sequent/formats/npz.hpp>
#include <span>
#include <vector>

#include "fuzz.hpp"

namespace io = sequent::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const io::source from(std::as_bytes(std::span(data, size)));
    fuzz::attempt([&] {
        const io::tensor_file file = io::open_npz(from);
        std::array<float, 8> numbers{};
        const auto tensor = [&](const char* name, int first, int rows, int columns) {
            io::named_tensor<float> result{name, {}};
            result.view.data = numbers.data() + first;
            result.view.rank = 2;
            result.view.extents = {rows, columns};
            result.view.strides = {columns, 1};
            return result;
        };
        fuzz::attempt([&] {
            io::load(file, std::vector<io::named_tensor<float>>{tensor("a", 0, 2, 3),
                                                                tensor("b", 6, 1, 2)});
        });
        for (const float number : numbers)
            if (!std::isfinite(number)) std::abort();
    });
    return 0;
}
