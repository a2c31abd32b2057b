// What looks like a file of weights, read packed.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
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
    // Its bytes are whatever they are.
    fuzz::attempt([&] { (void)io::load_saved_packed<Packed>(from); });
    fuzz::attempt([&] { (void)io::map_saved_packed<Packed>(from); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const io::source from(std::as_bytes(std::span(data, size)));
    load<Model::packed<q8_0, pack_all>>(from);
    load<Model::packed<q4_0>>(from);
    load<Model::packed<bf16>>(from);
    return 0;
}
