#include "presets.hpp"

using namespace presets;

TEST_CASE("llama3 is Hugging Face's, with angles of all three kinds") {
    check_preset<llama3<vocabulary<11>, tokens<5>, width<16>, heads<2>, key_heads<1>, hidden<12>,
                        depth<2>, position::rotary_halves<100, scaling::llama3<8, 1, 4, 32>>>>(
        "llama3", names::llama3);
}

TEST_CASE("qwen2 is Hugging Face's") {
    check_preset<qwen2<vocabulary<11>, tokens<5>, width<16>, heads<4>, key_heads<2>, hidden<12>,
                       depth<2>, position::rotary<>>>("qwen2", names::qwen2);
}

TEST_CASE("mistral is Hugging Face's, with a window") {
    check_preset<mistral<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, hidden<12>,
                         depth<2>, mask::window<1>>>("mistral", names::mistral);
}

TEST_CASE("phi3 is Hugging Face's, whose matrices of queries, keys and values are one") {
    check_preset<
        phi3<vocabulary<11>, tokens<5>, width<16>, heads<2>, key_heads<1>, hidden<12>, depth<2>>>(
        "phi3", names::phi3);
}
