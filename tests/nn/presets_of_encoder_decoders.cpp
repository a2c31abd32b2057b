#include "presets.hpp"

using namespace presets;

TEST_CASE("t5 of both versions is Hugging Face's, with a position that does not exist") {
    comparison<t5<vocabulary<11>, tokens<5>, source_tokens<7>, width<8>, heads<2>, head_width<3>,
                  hidden<12>, depth<2>, position::relative_buckets<8, 6>>>
        first{"t5"};
    first.agrees({first.symbols("source"), first.symbols("target"), 6}, names::t5);
    comparison<t5<vocabulary<11>, tokens<5>, source_tokens<7>, width<8>, heads<2>, head_width<3>,
                  hidden<12>, depth<2>, position::relative_buckets<8, 6>, activation::geglu_tanh>>
        second{"t5_gated"};
    second.agrees({second.symbols("source"), second.symbols("target"), 6}, names::t5_gated);
}

TEST_CASE("whisper is Hugging Face's, with convolutions in front of the encoder") {
    comparison<whisper<vocabulary<11>, tokens<5>, source_tokens<4>, input_width<3>, width<8>,
                       heads<2>, hidden<12>, depth<2>>>
        of{"whisper"};
    of.agrees({of.values.at("source"), of.symbols("target")}, names::whisper);
}
