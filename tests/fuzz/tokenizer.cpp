// What looks like a tokenizer of llama2.c, and a text: the first byte is the length of the text,
// which comes next.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sequent/tokenizers.hpp>
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
        try {
            const auto of = sequent::tokenizers::from_llama2c(io::source(std::as_bytes(file)));
            const auto encoded = of.encode(text);
            if (encoded.ids.size() > text.size() + 2 || encoded.ids[0] != 1) std::abort();
            for (const std::int32_t id : encoded.ids)
                if (id < 0 || id >= of.size()) std::abort();
            if (!io::is_utf8(of.decode(encoded.ids))) std::abort();
        } catch (const sequent::argument_error&) {
        }
    });
    return 0;
}
