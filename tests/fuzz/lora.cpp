// What looks like an adapter: its first byte tells how many bytes its config has.

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sequent/formats/lora.hpp>
#include <span>
#include <vector>

#include "fuzz.hpp"

namespace io = sequent::io;

namespace {

/// A model of one matrix of [2, 3].
std::vector<std::byte> model() {
    std::array<float, 6> w{1, 2, 3, 4, 5, 6};
    io::named_tensor<float> tensor{"x.weight", {}};
    tensor.view.data = w.data();
    tensor.view.rank = 2;
    tensor.view.extents = {2, 3};
    tensor.view.strides = {3, 1};
    io::save("fuzz_lora.safetensors", std::vector{tensor});
    const io::source file("fuzz_lora.safetensors");
    return {file.bytes().begin(), file.bytes().end()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::byte> base = model();
    if (size == 0) return 0;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    const std::size_t config = std::min<std::size_t>(data[0], bytes.size());
    fuzz::attempt([&] {
        const io::tensor_file file =
            io::merge_lora(io::open_safetensors(std::span<const std::byte>(base)),
                           io::source(bytes.subspan(config)), io::source(bytes.first(config)));
        for (const io::header_entry& each : file.header.tensors)
            io::detail::for_each_number(file, each, [](auto, double x) {
                if (!std::isfinite(x)) std::abort();
            });
    });
    return 0;
}
