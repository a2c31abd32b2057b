#include "presets.hpp"

using namespace presets;

// Outputs alone, of presets whose gradients other presets' rules give.

template <class Model>
void check_forward(const char* name, io::name_map map, const char* output = "logits") {
    comparison<Model> of{name};
    if constexpr (Model::shape.has_length())
        of.forward_agrees({of.symbols("token"), 4}, map, {output});
    else
        of.forward_agrees({of.symbols("token")}, map, {output});
    of.is_written_back(map);
}

TEST_CASE("llama3 is Hugging Face's, with angles of all three kinds") {
    check_forward<llama3<vocabulary<11>, tokens<5>, width<16>, heads<2>, key_heads<1>, hidden<12>,
                         depth<2>, position::rotary_halves<100, scaling::llama3<8, 1, 4, 32>>>>(
        "llama3", names::llama3);
}

TEST_CASE("mistral is Hugging Face's, with a window") {
    check_forward<mistral<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, hidden<12>,
                          depth<2>, mask::window<2>>>("mistral", names::mistral);
}

TEST_CASE("gemma2 is Hugging Face's") {
    check_forward<gemma2<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, head_width<4>,
                         score_width<9>, hidden<12>, depth<2>, local_layers<1, mask::window<1>>,
                         score_cap<3>, logit_cap<2>>>("gemma2", names::gemma2);
}

TEST_CASE("phi is Hugging Face's") {
    check_forward<phi<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "phi", names::phi);
}

TEST_CASE("opt is Hugging Face's") {
    check_forward<opt<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "opt", names::opt);
}

TEST_CASE("clip_text is Hugging Face's, pooled at the end of the text") {
    check_forward<clip_text<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "clip_text", names::clip_text, "pooled");
}
