// What looks like a checkpoint of llama2.c.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sequent/io/visit.hpp>
#include <sequent/nn/presets.hpp>
#include <span>

#include "fuzz.hpp"

namespace io = sequent::io;
using namespace sequent;

namespace {

// Small enough for files of a few kilobytes.
using Small = llama<width<2>, hidden<1>, depth<1>, heads<1>, vocabulary<2>, tokens<1>>;
using Grouped = llama<width<4>, hidden<3>, depth<2>, heads<2>, key_heads<1>, vocabulary<3>,
                      tokens<2>, tied<false>>;

template <class Model>
void load(const io::source& from) {
    const auto p = std::make_unique<typename Model::template parameters<float>>();
    fuzz::attempt([&] { io::load_llama2c<Model>(from, *p); });
    for (const float number : p->flat())
        if (!std::isfinite(number)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const io::source from(std::as_bytes(std::span(data, size)));
    load<Small>(from);
    load<Grouped>(from);
    fuzz::attempt(
        [&] { io::visit<Small, Grouped>(from, [&]<class Model>() { load<Model>(from); }); });
    return 0;
}
