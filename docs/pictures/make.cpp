// Draws the pictures of the documentation. From the root of the repository:
//
//     g++ -std=c++20 -O1 -march=native -I include docs/pictures/make.cpp -o make_pictures
//     ./make_pictures docs/pictures

#include <sequent/draw.hpp>
#include <sequent/rasp.hpp>
#include <sequent/sequent.hpp>

#include <string>

using namespace sequent;

using Masked = multi_head_attention<
    tokens<32>, width<32>, heads<4>,
    mask::per_head<mask::causal, mask::window<6>, mask::strided<4>, mask::longformer<3, 0, 16>>>;

inline constexpr auto reversed = rasp::aggregate(
    rasp::select(rasp::indices, rasp::length - 1 - rasp::indices, rasp::equal), rasp::tokens);

int main(int count, char** arguments) {
    const std::string folder = count > 1 ? arguments[1] : ".";
    draw::program<transformer::encoder<tokens<16>, width<64>, heads<4>, mask::causal>>(
        folder + "/program.svg", "An encoder");
    draw::masks<Masked>(folder + "/masks.svg");
    rasp::draw<reversed>("hello", folder + "/reversed.svg");
    return 0;
}
