// The code on tokenizers in docs/models.md.

#include <sequent/tokenizers.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "../catch.hpp"

using namespace sequent;

TEST_CASE("text becomes tokens and text again") {
    const std::string path = "docs_vocab.txt";
    std::ofstream(path) << "[PAD]\n[UNK]\n[CLS]\n[SEP]\nwho\nwrote\nit\n?\nhe\ndid\n.\n";
    // [tokens]
    const auto text = tokenizers::from_vocab_txt(path);  // or from_json("tokenizer.json"), ...
    const auto question = text.encode("Who wrote it?", "He did.", {.max_length = 512});
    // question.ids: [CLS] who wrote it ? [SEP] he did . [SEP]

    std::string answer;
    tokenizers::tokenizer::stream out(text);  // a character of several tokens comes complete
    for (const std::int32_t id : {8, 9, 10}) answer += out.push(id);
    answer += out.finish();
    // [/tokens]
    std::remove(path.c_str());
    CHECK(question.ids == std::vector<std::int32_t>{2, 4, 5, 6, 7, 3, 8, 9, 10, 3});
    CHECK(answer == "he did.");
}
