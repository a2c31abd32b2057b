// Tokenizers of other files than tokenizer.json. What SentencePiece is expected to give was
// computed with the package sentencepiece (0.2.3) from the same file.

#include <sequent/tokenizers.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
namespace tokenizers = sequent::tokenizers;
using ids = std::vector<std::int32_t>;

namespace {

io::source bytes_of(const std::string& text) {
    return io::source(std::as_bytes(std::span(text)), "file");
}

constexpr std::string_view vocabulary_lines =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nwor\n##ld\n!\nHello\n";

std::string varint(std::uint64_t value) {
    std::string result;
    for (; value >= 128; value >>= 7) result += static_cast<char>(value | 128);
    return result + static_cast<char>(value);
}
std::string field(std::uint64_t number, const std::string& text) {
    return varint(number << 3 | 2) + varint(text.size()) + text;
}
std::string field(std::uint64_t number, std::uint64_t value) {
    return varint(number << 3) + varint(value);
}
std::string piece(const std::string& text, float score, std::uint64_t type) {
    std::string result = field(1, text) + varint(2 << 3 | 5);
    const auto bits = std::bit_cast<std::uint32_t>(score);
    for (unsigned byte = 0; byte < 4; ++byte) result += static_cast<char>(bits >> 8 * byte & 255);
    return field(1, result + field(3, type));
}

/// A .model file: of BPE (2) or unigram (1).
std::string model_file(std::uint64_t kind, std::uint64_t spaces) {
    std::string result = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
    for (unsigned byte = 0; byte < 256; ++byte) {
        const std::string_view digits = "0123456789ABCDEF";
        result += piece(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", 0, 6);
    }
    float score = 0;
    for (const char* text : {"▁a", "bb", "▁ab", "▁", "a", "b", "é", "▁▁"})
        result += piece(text, score -= 1, 1);
    return result + piece("<user>", 0, 4) +
           field(2, field(3, kind) + field(35, 1) + field(41, 1) + field(42, 2)) +
           field(3, field(3, 1) + field(4, spaces));
}

io::gguf_vocabulary byte_vocabulary() {
    io::gguf_vocabulary list;
    list.model = "gpt2";
    list.split = "smollm";
    for (unsigned byte = 0; byte < 256; ++byte) {
        list.tokens.emplace_back();
        io::append_utf8(list.tokens.back(), tokenizers::detail::letter_of_byte(byte));
    }
    list.types.assign(256, 1);
    for (const char* text : {"he", "Ġhe", "12", "<|im_end|>"}) list.tokens.emplace_back(text);
    list.types.insert(list.types.end(), {1, 1, 1, 3});
    list.merges = {"h e", "Ġ he", "1 2"};
    return list;
}

}  // namespace

TEST_CASE("a vocab.txt") {
    const std::string lines(vocabulary_lines);
    const auto of = tokenizers::from_vocab_txt(bytes_of(lines));
    CHECK(of.encode("H\u00e9llo world!").ids == ids{2, 5, 6, 7, 8, 3});
    CHECK(of.encode("hello", "[MASK]").segments == ids{0, 0, 0, 1, 1});
    CHECK(of.decode(ids{2, 5, 6, 7, 8, 3}) == "hello world!");
    const auto cased =
        tokenizers::from_vocab_txt(bytes_of(lines), {.lower_case = false, .max_length = 3});
    CHECK(cased.encode("Hello hello").ids == ids{2, 9, 3});
    CHECK_THROWS_WITH(tokenizers::from_vocab_txt(bytes_of("[UNK]\na\na\n")),
                      "file: line 3: the token \"a\" stands twice");
    CHECK_THROWS_WITH(tokenizers::from_vocab_txt(bytes_of("[UNK]\n[SEP]\n")),
                      "file: the first token: \"[CLS]\" is not in the vocabulary");
}

TEST_CASE("a .model of SentencePiece") {
    const std::string text = "  a b  abb\u00e9\u00fc <user>a ";
    SECTION("BPE") {
        const std::string file = model_file(2, 0);
        const auto of = tokenizers::from_sentencepiece(bytes_of(file), {.begin = true});
        CHECK(of.encode(text).ids ==
              ids{1, 266, 259, 262, 264, 262, 259, 260, 265, 198, 191, 262, 267, 263, 262});
        CHECK(of.decode(of.encode(text).ids) == text);
        const std::string spaces = model_file(2, 1);
        CHECK(tokenizers::from_sentencepiece(bytes_of(spaces)).encode(text).ids ==
              ids{259, 262, 264, 259, 260, 265, 198, 191, 262, 267, 263});
    }
    SECTION("unigram") {
        const std::string file = model_file(1, 1);
        const auto of = tokenizers::from_sentencepiece(bytes_of(file), {.end = true});
        CHECK(of.encode(text).ids == ids{259, 262, 264, 259, 260, 265, 198, 191, 262, 267, 263, 2});
    }
    SECTION("with what is not known") {
        for (const auto& [file, words] : std::vector<std::pair<std::string, std::string>>{
                 {model_file(3, 0), "file: a model_type other than UNIGRAM and BPE is not known"},
                 {model_file(1, 0).substr(0, 100), "file: is cut off"},
                 {piece("a", 0, 5),
                  "file: token 0 \"a\" is of the type unused, which is not known"},
                 {piece("a", 0, 7), "file: a token has an unknown type"},
                 {piece("\xff", 0, 1), "file: a token is not UTF-8"},
                 {model_file(1, 1) + field(3, field(2, "abc")),
                  "file: precompiled_charsmap is not well-formed"},
                 {piece("a", std::numeric_limits<float>::infinity(), 1),
                  "file: the score of token 0 is not finite"},
                 {"", "file: there are no tokens"}}) {
            CHECK_THROWS_WITH(tokenizers::from_sentencepiece(bytes_of(file)), words);
        }
    }
}

TEST_CASE("the vocabulary of a GGUF file") {
    io::gguf_vocabulary list = byte_vocabulary();
    const auto of = tokenizers::from_vocabulary(list);
    CHECK(of.encode("he he 123<|im_end|>").ids == ids{256, 257, 32, 49, 50, 51, 259});
    CHECK(of.decode(ids{256, 257, 259}) == "he he");
    list.split = "qwen2";
    list.adds_begin = true;
    list.begin = 259;
    CHECK(tokenizers::from_vocabulary(list).encode("he").ids == ids{259, 256});
    list.split = "new";
    CHECK_THROWS_WITH(tokenizers::from_vocabulary(list, "x.gguf"),
                      "x.gguf: the pre-tokenizer \"new\" is not known");
    list.model = "rwkv";
    CHECK_THROWS_WITH(tokenizers::from_vocabulary(list, "x.gguf"),
                      "x.gguf: the tokenizer model \"rwkv\" is not known");
    io::gguf_vocabulary scored;
    scored.model = "llama";
    scored.tokens = {"<unk>", "<s>", "▁", "a", "▁a"};
    scored.types = {2, 3, 1, 1, 1};
    CHECK_THROWS_WITH(tokenizers::from_vocabulary(scored),
                      "vocabulary: there are 0 scores for 5 tokens");
    scored.scores = {0, 0, -3, -2, -1};
    CHECK(tokenizers::from_vocabulary(scored).encode("a a<s>x").ids == ids{4, 4, 1, 0});
}

TEST_CASE("the vocabulary of a GGUF file of BERT or T5") {
    io::gguf_vocabulary list;
    list.model = "bert";
    list.tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁he", "llo", "▁,", "▁llo"};
    list.types = {3, 3, 3, 3, 1, 1, 1, 1};
    const auto bert = tokenizers::from_vocabulary(list);
    CHECK(bert.encode("H\u00e9llo, llo x").ids == ids{2, 4, 5, 6, 7, 1, 3});
    CHECK(bert.encode("he", "llo[SEP]").ids == ids{2, 4, 3, 7, 3, 3});
    CHECK(bert.decode(bert.encode("hello, he").ids) == "hello, he");
    // A token with a capital letter: the model is cased.
    list.tokens.push_back("▁He");
    list.types.push_back(1);
    CHECK(tokenizers::from_vocabulary(list).encode("Hello hello").ids == ids{2, 8, 5, 4, 5, 3});
    list.separator = 0;
    CHECK(tokenizers::from_vocabulary(list).encode("he").ids == ids{2, 4, 0});
    list.tokens[2] = "▁[CLS]";
    list.types[2] = 1;
    CHECK(tokenizers::from_vocabulary(list).encode("he").ids == ids{2, 4, 0});
    list.tokens[2] = "▁x";
    CHECK_THROWS_WITH(tokenizers::from_vocabulary(list, "x.gguf"),
                      "x.gguf: the first token: \"[CLS]\" is not in the vocabulary");

    io::gguf_vocabulary t5;
    t5.model = "t5";
    t5.tokens = {"<pad>", "</s>", "<unk>", "▁", "▁a", "ab", "a", "b", "<extra_id_0>", "[PAD9]"};
    t5.types = {3, 3, 2, 1, 1, 1, 1, 1, 4, 5};
    t5.scores = {0, 0, 0, -3, -2, -2, -5, -5, 0, 0};
    t5.end = 1;
    t5.adds_end = t5.removes_spaces = true;
    const auto of = tokenizers::from_vocabulary(t5);
    CHECK(of.encode(" a  ab<extra_id_0>z").ids == ids{4, 3, 5, 8, 3, 2, 1});
    CHECK(of.encode("a<extra_id_0> a").ids == ids{4, 8, 4, 1});
    CHECK(of.encode("b[PAD9]").ids == ids{3, 7, 2, 1});
    CHECK(of.decode(ids{4, 3, 5, 1}) == "a ab");
    t5.charsmap = "abc";
    CHECK_THROWS_WITH(tokenizers::from_vocabulary(t5, "x.gguf"),
                      "x.gguf: precompiled_charsmap is not well-formed");
}

namespace {

/// A file of llama2.c: bytes from token 3, then `words` with falling scores.
std::string llama2c_file(const std::vector<std::pair<std::string, float>>& words) {
    std::string file("\6\0\0\0", 4);
    const auto add = [&](std::string_view text, float score) {
        std::byte numbers[8];
        io::detail::store_bits(std::bit_cast<std::uint32_t>(score), numbers);
        io::detail::store_bits(static_cast<std::uint32_t>(text.size()), numbers + 4);
        file.append(reinterpret_cast<const char*>(numbers), 8).append(text);
    };
    for (const char* text : {"<unk>", "\n<s>\n", "\n</s>\n"}) add(text, 0);
    for (unsigned byte = 0; byte < 256; ++byte) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        add(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", 0);
    }
    for (const auto& [text, score] : words) add(text, score);
    return file;
}

}  // namespace

TEST_CASE("llama2.c's file has the tokens that merge best") {
    const auto file = llama2c_file({{" ", -100},
                                    {"a", -100},
                                    {"b", -100},
                                    {"c", -100},
                                    {"\u00e9", -100},
                                    {"ab", -2},         // 264
                                    {"bc", -1},         // 265
                                    {"abc", -3},        // 266
                                    {" a", -4},         // 267
                                    {"aa", -5},         // 268
                                    {"ab", -9},         // 269: as another before it
                                    {"x\x91y", -10}});  // 270: no UTF-8
    const auto of = tokenizers::from_llama2c(bytes_of(file));
    const auto encode = [&](std::string_view text) { return of.encode(text).ids; };
    CHECK(encode("").size() == 1);
    CHECK(encode("b") == ids{1, 259, 261});
    CHECK(encode("abc") == ids{1, 259, 266});  // bc, then abc
    CHECK(encode("abbc") == ids{1, 259, 264, 265});
    CHECK(encode("aaa") == ids{1, 267, 268});             // " a" first
    CHECK(encode("baaa") == ids{1, 259, 261, 268, 260});  // the first of equal pairs
    CHECK(encode("\u00e9") == ids{1, 259, 263});
    CHECK(encode("\u00f6") == ids{1, 259, 3 + 0xc3, 3 + 0xb6});
    CHECK(encode("d\n") == ids{1, 259, 3 + 'd', 3 + '\n'});
    for (const std::string text : {"", "a", " abc", "abc  ab \u00e9\u00fc\n<s>\n", "abcabc bca   "})
        CHECK(of.decode(encode(text)) == text);
    CHECK(of.decode(ids{270}) == "x\ufffdy");
    // In little more than linear time.
    CHECK(encode(std::string(1'000'000, 'a')).size() == 500'002);

    const auto fails = [&](std::string changed, const char* message) {
        CHECK_THROWS_WITH(tokenizers::from_llama2c(bytes_of(changed)), message);
    };
    fails("", "file: has 0 bytes, too few for the length of the longest token, which takes 4");
    fails(file.substr(0, 4), "file: has 0 tokens, at least are 3");
    fails(file + "1234567", "file: token 271: 7 bytes are left, its score and length take 8");
    fails(file.substr(0, file.size() - 1), "file: token 270: its length is 3, 2 bytes are left");
    std::string changed = file;
    changed.replace(8, 4, std::string("\xff\xff\xff\xff", 4));
    fails(changed, "file: token 0: its length is 4294967295, the longest of the file is 6");
    changed = file;
    changed.replace(4, 4, std::string("\0\0\xc0\x7f", 4));
    fails(changed, "file: token 0: its score is not finite");
}

TEST_CASE("conversations have the texts of their models") {
    using tokenizers::chat_format;
    using tokenizers::chat_role;
    const std::vector<tokenizers::chat_message> talk = {{chat_role::system, "Be brief."},
                                                        {chat_role::user, "Hi"},
                                                        {chat_role::assistant, "Hello."},
                                                        {chat_role::user, "2+2?"}};
    CHECK(tokenizers::chat_text(chat_format::llama2, talk) ==
          "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] 2+2? [/INST]");
    const std::vector<tokenizers::chat_message> blanks = {{chat_role::system, "Be brief."},
                                                          {chat_role::user, " Hi \n"}};
    CHECK(tokenizers::chat_text(chat_format::llama2, blanks) ==
          "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n Hi [/INST]");
    CHECK(tokenizers::chat_text(chat_format::llama3, talk) ==
          "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
          "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
          "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
          "<|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|>"
          "<|start_header_id|>assistant<|end_header_id|>\n\n");
    CHECK(tokenizers::chat_text(chat_format::chatml, talk) ==
          "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
          "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n"
          "<|im_start|>assistant\n");
    CHECK(tokenizers::chat_text(chat_format::gemma, talk) ==
          "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello."
          "<end_of_turn>\n<start_of_turn>user\n2+2?<end_of_turn>\n<start_of_turn>model\n");
    CHECK(tokenizers::chat_text(chat_format::mistral, talk) ==
          "<s>[INST] Hi[/INST] Hello.</s>[INST] Be brief.\n\n2+2?[/INST]");
    CHECK_THROWS_WITH(tokenizers::chat_text(chat_format::gemma, std::span(talk).first(3)),
                      "sequent: the last message of a conversation is not the user's");
    CHECK_THROWS_WITH(tokenizers::chat_text(chat_format::mistral, std::span(talk).subspan(2)),
                      "sequent: message 0 of a conversation is not the user's");
}

TEST_CASE("the tokens of a chat template tell how conversations are written") {
    using tokenizers::chat_format;
    const auto format = [](std::string_view text) {
        return tokenizers::find_chat_style(text).value().format;
    };
    CHECK(format("{{ '<s>[INST] <<SYS>>' + text }}") == chat_format::llama2);
    CHECK(format("{{ '[INST] ' + text + '[/INST]' }}") == chat_format::mistral);
    CHECK(format("{{ '<|start_header_id|>' + role }}") == chat_format::llama3);
    CHECK(format("{{ '<start_of_turn>' + role }}") == chat_format::gemma);
    CHECK_FALSE(tokenizers::find_chat_style("{{ text }}"));
    CHECK(tokenizers::chat_end(chat_format::gemma) == "<end_of_turn>");

    // A message that the template puts first, but none that it takes from the conversation.
    for (const char* const line : {"\n", "\\n"}) {
        const std::string begin = std::string("<|im_start|>system") + line;
        const auto style =
            tokenizers::find_chat_style("{{ '" + begin + "' + text + '<|im_end|>' }}" + "{{ '" +
                                        begin + "Be kind.<|im_end|>' }}");
        CHECK(style.value().format == chat_format::chatml);
        CHECK(style.value().system == "Be kind.");
    }
    CHECK(tokenizers::find_chat_style("'<|im_start|>' + role").value().system.empty());
}
