// What looks like a safetensors file: its header, its tensors, and tensors under other names.

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sequent/io/name_map.hpp>
#include <span>
#include <string>
#include <vector>

#include "fuzz.hpp"

namespace io = sequent::io;

namespace {

constexpr io::name_entry names[] = {
    io::optional_prefix("p."),
    {"a", "a.{}", io::transposed | io::part(0, 2) | io::halves},
    {"b", "a.{}", io::transposed | io::part(1, 2)},
    {"c", "c", io::shaped(1, io::side, io::side, 0)},
    {"d", "d"},
    io::copy_of("d", "e"),
    io::ignored("m.{}.*"),
};

/// Views of `numbers`; all of them are finite, whether the file fits or not.
template <class T>
void load_all(const io::source& from) {
    std::array<T, 32> numbers{};
    const auto tensor = [&](const char* name, int first, std::initializer_list<int> extents) {
        io::named_tensor<T> result{name, {}};
        result.view.data = numbers.data() + first;
        int stride = 1;
        for (auto at = extents.end(); at != extents.begin();) {
            --at;
            const auto axis = static_cast<std::size_t>(at - extents.begin());
            result.view.extents[axis] = *at;
            result.view.strides[axis] = stride;
            stride *= *at;
        }
        result.view.rank = static_cast<int>(extents.size());
        return result;
    };
    const std::vector<io::named_tensor<T>> plain{tensor("a", 0, {3}), tensor("b", 3, {2, 2}),
                                                 tensor("c", 7, {})};
    const std::vector<io::named_tensor<T>> mapped{tensor("a", 8, {2, 2, 2}),
                                                  tensor("b", 16, {2, 2, 2}), tensor("c", 24, {4}),
                                                  tensor("d", 28, {2})};
    fuzz::attempt([&] { io::load(from, plain); });
    fuzz::attempt([&] {
        io::detail::load_mapped(io::open_safetensors(from), io::detail::any_tensors(mapped), names,
                                {.rotated = {.neighbours = true}, .stacks = {}});
    });
    for (const T number : numbers)
        if (!std::isfinite(number)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const io::source from(std::as_bytes(std::span(data, size)));
    load_all<float>(from);
    load_all<double>(from);
    // What is read is written and read again to the same.
    fuzz::attempt([&] {
        const io::file_header header = io::read_header(from);
        const io::file_header again = io::parse_header(io::format_header(header), "again");
        if (again.metadata != header.metadata || again.tensors.size() != header.tensors.size())
            std::abort();
        for (std::size_t at = 0; at < header.tensors.size(); ++at)
            if (again.tensors[at].name != header.tensors[at].name ||
                again.tensors[at].shape != header.tensors[at].shape)
                std::abort();
    });
    return 0;
}
