// Only single_include/ is on the include path. The last of the headers come first.

#include <sequent/data.hpp>
#include <sequent/draw.hpp>
#include <sequent/explain.hpp>
#include <sequent/export.hpp>
#include <sequent/fit.hpp>
#include <sequent/formats.hpp>
#include <sequent/graphs.hpp>
#include <sequent/io.hpp>
#include <sequent/packed.hpp>
#include <sequent/rasp.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>

#include <cstdio>

using namespace sequent::rasp;

inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);
static_assert(evaluate<reversed>("hello") == "olleh");

int main() {
    std::printf("%s\n", sequent::draw::svg(10, 10).str().c_str());
}
