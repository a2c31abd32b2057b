// What looks like a tokenizer.json, and a text: the first byte is the length of the text, which
// comes next.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sequent/tokenizers.hpp>
#include <span>
#include <string_view>

#include "fuzz.hpp"

namespace io = sequent::io;
namespace tokenizers = sequent::tokenizers;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t length = std::min<std::size_t>(data[0], size - 1);
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, length);
    const auto file = std::span(data, size).subspan(1 + length);
    fuzz::attempt([&] {
        try {
            const io::source source(std::as_bytes(file));
            const auto of = !file.empty() && file[0] == '{'
                                ? tokenizers::from_json(source)
                                : tokenizers::from_sentencepiece(source, {.begin = true});
            const auto plain = of.encode(text);
            const auto result = of.encode(text, text, {.offsets = true});
            if (result.ids.size() != result.offsets.size()) std::abort();
            if (result.ids.size() != result.segments.size()) std::abort();
            for (const auto [begin, end] : result.offsets) {
                if (begin > end || end > text.size()) std::abort();
            }
            const std::string all = of.decode(plain.ids);
            if (!io::is_utf8(all)) std::abort();
            tokenizers::tokenizer::stream stream(of);
            std::string streamed;
            for (const auto id : plain.ids) streamed += stream.push(id);
            streamed += stream.finish();
            if (!io::is_utf8(streamed)) std::abort();
        } catch (const sequent::argument_error&) {
        }
    });
    return 0;
}
