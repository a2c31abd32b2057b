// What looks like a tokenizer of llama2.c, and a text: the first byte is the length of the text,
// which comes next.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sequent/io/tokenizer.hpp>
#include <span>
#include <string_view>

#include "fuzz.hpp"

namespace io = sequent::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t length = std::min<std::size_t>(data[0], size - 1);
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, length);
    const auto file = std::span(data, size).subspan(1 + length);
    fuzz::attempt([&] {
        const io::tokenizer tokens{io::source(std::as_bytes(file))};
        std::size_t bytes = 0;
        for (std::int32_t id = 0; id < tokens.size(); ++id)
            bytes += tokens.decode(io::tokenizer::begin, id).size();
        if (bytes > size) std::abort();
        std::int32_t previous = io::tokenizer::begin;
        const auto encoded = tokens.encode(text);
        if (encoded.size() > text.size() + 2) std::abort();
        for (const std::int32_t id : encoded) {
            if (id != io::tokenizer::begin && (id < 0 || id >= tokens.size())) std::abort();
            if (id < tokens.size()) bytes += tokens.decode(previous, id).size();
            previous = id;
        }
        if (bytes == 0 && !text.empty() && tokens.size() > 300) std::abort();
    });
    return 0;
}
