// What looks like a config.json or, where the first byte is odd, an index of several files.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sequent/formats/model_description.hpp>
#include <sequent/formats/presets.hpp>
#include <sequent/formats/sharded.hpp>
#include <span>
#include <vector>

#include "fuzz.hpp"

namespace io = sequent::io;

namespace {

/// Writes a file of the tensors "a" and "b" beside the index.
bool write_part() {
    std::array<float, 2> numbers{1, 2};
    std::vector<io::named_tensor<float>> tensors;
    for (const char* name : {"a", "b"}) {
        tensors.push_back({name, {}});
        io::named_tensor<float>& tensor = tensors.back();
        tensor.view.data = numbers.data();
        tensor.view.rank = 1;
        tensor.view.extents = {2};
        tensor.view.strides = {1};
    }
    io::save("fuzz_part.safetensors", tensors);
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool is_written = write_part();
    if (size == 0 || !is_written) return 0;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    fuzz::attempt([&] {
        if (data[0] % 2 == 0) {
            const io::model_description found = io::describe(io::source(bytes));
            if (found.text().empty() || io::names_of(found).empty()) std::abort();
            return;
        }
        std::ofstream("fuzz_index.json", std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
        const io::tensor_file file = io::open_sharded("fuzz_index.json");
        if (file.header.tensors.size() > 2) std::abort();
    });
    return 0;
}
