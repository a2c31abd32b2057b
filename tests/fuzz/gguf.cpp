// What looks like a GGUF file: its metadata, its vocabulary, and its tensors under two maps.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sequent/formats/describe_gguf.hpp>
#include <sequent/formats/gguf.hpp>
#include <sequent/io/name_map.hpp>
#include <span>
#include <string>
#include <vector>

#include "fuzz.hpp"

namespace io = sequent::io;

namespace {

constexpr io::name_entry names[] = {
    {"a", "a.{}", io::part(0, 2) | io::neighbours},
    {"b", "a.{}", io::part(1, 2)},
    {"c", "c", io::rows_from(1)},
    io::copy_of("c", "d"),
    io::ignored("m.*"),
};

constexpr io::name_entry fused[] = {
    {"a", "a.{}", io::successive | io::halves},
    {"b", "a.{}", io::successive},
    {"c", "c", io::taps_last},
    io::ignored("*"),
};

/// Views of `numbers`; all of them are finite, whether the file fits or not.
template <class T>
void load(const io::tensor_file& from) {
    std::array<T, 160> numbers{};
    const auto tensor = [&](const char* name, int first, std::initializer_list<int> extents) {
        io::named_tensor<T> result{name, {}};
        result.view.data = numbers.data() + first;
        result.view.rank = static_cast<int>(extents.size());
        std::ranges::copy(extents, result.view.extents.begin());
        int stride = 1;
        for (auto axis = extents.size(); axis-- > 0;) {
            result.view.strides[axis] = stride;
            stride *= result.view.extents[axis];
        }
        return result;
    };
    const std::vector<io::named_tensor<T>> list{
        tensor("a", 0, {2, 2, 16}), tensor("b", 64, {2, 2, 16}), tensor("c", 128, {1, 32})};
    fuzz::attempt([&] { io::load(from, list); });
    fuzz::attempt([&] {
        io::detail::load_mapped(from, io::detail::any_tensors(list), names,
                                {.rotated = {}, .stacks = {}});
    });
    fuzz::attempt([&] {
        io::detail::load_mapped(from, io::detail::any_tensors(list), fused,
                                {.rotated = {}, .stacks = {}});
    });
    for (const T number : numbers)
        if (!std::isfinite(number)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const io::source from(std::as_bytes(std::span(data, size)));
    fuzz::attempt([&] {
        const io::gguf_file file(from);
        fuzz::attempt([&] { (void)file.vocabulary(); });
        fuzz::attempt([&] { (void)io::describe(file).text(); });
        for (const char* key : {"k", "l", "general.alignment"}) {
            fuzz::attempt([&] { (void)file.text(key); });
            fuzz::attempt([&] { (void)file.integer(key); });
            fuzz::attempt([&] { (void)file.number(key); });
            fuzz::attempt([&] { (void)file.truth(key); });
            fuzz::attempt([&] { (void)file.texts(key); });
            fuzz::attempt([&] { (void)file.integers(key); });
            fuzz::attempt([&] { (void)file.numbers(key); });
        }
        load<float>(file.tensors());
        load<double>(file.tensors());
    });
    return 0;
}
