// What looks like a file of weights, read packed.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <sequent/formats/gguf.hpp>
#include <sequent/nn/presets.hpp>
#include <sequent/packed.hpp>
#include <span>

#include "fuzz.hpp"

namespace io = sequent::io;
using namespace sequent;

namespace {

using Model = llama<width<32>, hidden<32>, depth<1>, heads<1>, vocabulary<16>, tokens<1>>;

/// All numbers are finite, if the file fits.
template <class Packed>
void check(std::unique_ptr<Packed> packed) {
    const auto places = model_detail::packed_filler::places_of(*packed);
    for (const float number : packed->rest())
        if (!std::isfinite(number)) std::abort();
    for (const auto& of : places.matrices)
        Packed::with_format(of, [&]<int Number>(model_detail::packed_format<Number>) {
            for (int k = 0; k < of.inputs; ++k)
                for (int n = 0; n < of.outputs; ++n)
                    if (!std::isfinite(kernel::packed_element<
                                       typename model_detail::packed_format<Number>::type>(
                            places.packed + of.byte_to(0, 0), of.inputs, of.outputs, k, n)))
                        std::abort();
        });
}

template <class Packed>
void load(const io::source& from) {
    fuzz::attempt([&] { check(io::load_packed_llama2c<Packed, Model>(from)); });
    fuzz::attempt([&] { check(io::load_packed<Packed, Model>(io::open_safetensors(from))); });
    fuzz::attempt([&] {
        check(io::load_packed<Packed, Model>(io::open_safetensors(from), io::hugging_face::llama));
    });
    fuzz::attempt([&] {
        const io::gguf_file file(from);
        check(io::load_packed<Packed, Model>(file.tensors(), io::llama_cpp::llama));
    });
}

/// What can be mapped can be loaded, to the same bytes, all of which are in the file.
template <class Packed>
void load_saved(const io::source& from) {
    fuzz::attempt([&] { (void)io::load_saved_packed<Packed>(from); });
    fuzz::attempt([&] {
        const auto mapped = io::map_saved_packed<Packed>(from);
        const auto loaded = io::load_saved_packed<Packed>(from);
        if (std::memcmp(mapped.data(), loaded->data(), Packed::bytes) != 0 ||
            !std::ranges::equal(mapped.rest(), loaded->rest()))
            std::abort();
    });
}

/// A copy of the bytes at a multiple of 64, as mapping needs.
io::source aligned_copy(std::span<const std::byte> bytes) {
    const auto owner = std::shared_ptr<std::byte>(
        static_cast<std::byte*>(::operator new (bytes.size(), std::align_val_t{64})),
        [](std::byte* p) { ::operator delete (p, std::align_val_t{64}); });
    std::ranges::copy(bytes, owner.get());
    return io::source({owner.get(), bytes.size()}, "<memory>", owner);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const io::source from(std::as_bytes(std::span(data, size)));
    load<Model::packed<q8_0, pack_all>>(from);
    load<Model::packed<q4_0>>(from);
    load<Model::packed<bf16>>(from);
    const io::source aligned = aligned_copy(from.bytes());
    load_saved<Model::packed<q8_0, pack_all>>(aligned);
    load_saved<Model::packed<q4_0>>(aligned);
    return 0;
}
