// Small tokenizers that are written here. The expected tokens, offsets and texts are those that the
// package tokenizers (0.23.3) gives for the same files; tests/io/peers compares many more.

#include <sequent/json_text.hpp>
#include <sequent/tokenizers.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace io = sequent::io;
namespace tokenizers = sequent::tokenizers;
using ids = std::vector<std::int32_t>;

namespace {

tokenizers::tokenizer reader_of(const std::string& json) {
    return tokenizers::from_json(io::source(std::as_bytes(std::span(json)), "tokenizer.json"));
}

std::string in_quotes(std::string_view text) {
    std::string result;
    sequent::append_json_string(result, text);
    return result;
}

/// A vocabulary in which each text's number is its place.
std::string vocabulary(const std::vector<std::string>& texts) {
    std::string result = "{";
    for (std::size_t id = 0; id < texts.size(); ++id) {
        if (id > 0) result += ',';
        result += in_quotes(texts[id]) + ":" + std::to_string(id);
    }
    return result + "}";
}

std::string added(std::int32_t id, std::string_view text, bool strips_left = false) {
    return R"({"id":)" + std::to_string(id) + R"(,"content":)" + in_quotes(text) +
           R"(,"single_word":false,"rstrip":false,"normalized":false,"special":true,"lstrip":)" +
           (strips_left ? "true}" : "false}");
}

std::string word_piece(std::string_view normalizer = R"({"type":"BertNormalizer","clean_text":true,
        "handle_chinese_chars":true,"strip_accents":null,"lowercase":true})") {
    return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)" +
           added(0, "[UNK]") + "," + added(1, "[CLS]") + "," + added(2, "[SEP]") +
           R"(],"normalizer":)" + std::string(normalizer) +
           R"(,"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":
           "TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":
           {"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],"pair":[
           {"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
           {"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},
           {"SpecialToken":{"id":"[SEP]","type_id":1}}],"special_tokens":{"[CLS]":{"id":"[CLS]",
           "ids":[1],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[2],"tokens":["[SEP]"]}}},
           "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":"WordPiece",
           "unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":10,
           "vocab":)" +
           vocabulary({"[UNK]", "[CLS]", "[SEP]", "hell", "##o", "hello", "wor", "##ld", "!", ",",
                       "\xe4\xbd\xa0", "un", "##want", "##ed", "x", "##x", "'", "s"}) +
           "}}";
}

/// The 256 bytes, then merges.
std::string byte_level(std::string_view pre_tokenizer, std::string_view normalizer = "null") {
    std::vector<std::string> texts;
    for (unsigned byte = 0; byte < 256; ++byte) {
        texts.emplace_back();
        io::append_utf8(texts.back(), tokenizers::detail::letter_of_byte(byte));
    }
    const std::vector<std::pair<std::string, std::string>> merges = {
        {"h", "e"},    {"l", "l"},        {"he", "ll"},
        {"hell", "o"}, {"\xc4\xa0", "w"}, {"\xc3\x83", "\xc2\xa9"},
        {"1", "2"},    {"12", "3"},       {"\xc4\xa0", "\xc4\xa0"}};
    std::string list;
    for (const auto& [left, right] : merges) {
        texts.push_back(left + right);
        list += (list.empty() ? "[" : ",[") + in_quotes(left) + "," + in_quotes(right) + "]";
    }
    const auto end = static_cast<std::int32_t>(texts.size());
    return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)" +
           added(end, "<|end|>") + "," + added(end + 1, "<mask>", true) + R"(],"normalizer":)" +
           std::string(normalizer) + R"(,"pre_tokenizer":)" + std::string(pre_tokenizer) +
           R"(,"post_processor":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,
           "use_regex":true},"decoder":{"type":"ByteLevel","add_prefix_space":true,
           "trim_offsets":true,"use_regex":true},"model":{"type":"BPE","dropout":null,
           "unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,
           "fuse_unk":false,"byte_fallback":false,"ignore_merges":false,"vocab":)" +
           vocabulary(texts) + R"(,"merges":[)" + list + "]}}";
}

constexpr std::string_view gpt2 =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";

std::string split(std::string_view expression) {
    return R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":)" +
           in_quotes(expression) +
           R"(},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,
           "trim_offsets":true,"use_regex":false}]})";
}

/// As Llama 2 has it.
std::string with_fallback() {
    std::vector<std::string> texts = {"<unk>", "<s>", "</s>"};
    for (unsigned byte = 0; byte < 256; ++byte) {
        const std::string_view digits = "0123456789ABCDEF";
        texts.push_back(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">");
    }
    for (const char* text : {"\xe2\x96\x81", "h", "i", "t", "e", "\xe2\x96\x81h", "\xe2\x96\x81hi",
                             "\xe2\x96\x81\xe2\x96\x81", "he"})
        texts.emplace_back(text);
    return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)" +
           added(0, "<unk>") + "," + added(1, "<s>") + "," + added(2, "</s>") +
           R"(],"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
           {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},"pre_tokenizer":null,
           "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>",
           "type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A",
           "type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>",
           "ids":[1],"tokens":["<s>"]}}},"decoder":{"type":"Sequence","decoders":[{"type":"Replace",
           "pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":
           "Strip","content":" ","start":1,"stop":0}]},"model":{"type":"BPE","dropout":null,
           "unk_token":"<unk>","continuing_subword_prefix":null,"end_of_word_suffix":null,
           "fuse_unk":true,"byte_fallback":true,"ignore_merges":false,"vocab":)" +
           vocabulary(texts) + R"(,"merges":["▁ h","▁h i","▁ ▁","h e"]}})";
}

/// Units of a double array for the keys "\t" and "fi" (U+FB01), which become " " and "fi".
std::string rules() {
    std::vector<std::uint32_t> units(1024);
    constexpr std::uint32_t leaf = 1 << 8, block = 1 << 9;  // an offset of 256 for each unit of it
    const auto offset = [](std::uint32_t blocks) { return blocks << 10 | block; };
    units[0] = offset(1);
    units[256 ^ 0x09] = 0x09 | leaf | offset(1);
    units[256 ^ 0x09 ^ 256] = 0;  // the text at 0
    units[256 ^ 0xEF] = 0xEF | offset(3);
    const std::uint32_t second = 256 ^ 0xEF ^ 768 ^ 0xAC;
    units[second] = 0xAC | offset(1);
    const std::uint32_t third = second ^ 256 ^ 0x81;
    units[third] = 0x81 | leaf | offset(1);
    units[third ^ 256] = 2;
    std::string blob;
    const auto put = [&](std::uint32_t word) {
        for (int byte = 0; byte < 4; ++byte) blob += static_cast<char>(word >> 8 * byte & 255);
    };
    put(static_cast<std::uint32_t>(4 * units.size()));
    for (const std::uint32_t unit : units) put(unit);
    return blob + std::string(" \0fi", 4) + '\0';
}

std::string base64(const std::string& bytes) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string result;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t bits = 0;
        for (std::size_t each = at; each < at + 3; ++each)
            bits = bits << 8 | (each < bytes.size() ? static_cast<unsigned char>(bytes[each]) : 0U);
        for (int shift = 18; shift >= 0; shift -= 6) result += digits[bits >> shift & 63];
    }
    for (std::size_t count = (3 - bytes.size() % 3) % 3; count > 0; --count)
        result[result.size() - count] = '=';
    return result;
}

/// As XLM-R has it.
std::string unigram() {
    return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)" +
           added(0, "<s>") + "," + added(1, "</s>") +
           R"(],"normalizer":{"type":"Precompiled","precompiled_charsmap":")" + base64(rules()) +
           R"("},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},
           {"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}]},
           "post_processor":{"type":"BertProcessing","sep":["</s>",1],"cls":["<s>",0]},
           "decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always",
           "split":true},"model":{"type":"Unigram","unk_id":2,"byte_fallback":false,"vocab":[
           ["<s>",0],["</s>",0],["<unk>",0],["▁",-3],["▁f",-4.5],["▁fi",-5],["f",-6],["i",-3.5],
           ["x",-5.5],["in",-5],["n",-4],["▁in",-9]]}})";
}

std::string text_of(const std::vector<tokenizers::text_range>& ranges) {
    std::string result;
    for (const auto& [begin, end] : ranges)
        result += std::to_string(begin) + "-" + std::to_string(end) + " ";
    return result;
}

/// What a stream gives, with a bar behind each push.
std::string streamed(const tokenizers::tokenizer& of, const ids& tokens) {
    std::string result;
    tokenizers::tokenizer::stream stream(of);
    for (const std::int32_t id : tokens) (result += stream.push(id)) += '|';
    return result += stream.finish();
}

std::string message_of(const std::string& json) {
    try {
        reader_of(json);
    } catch (const io::error& error) {
        return error.what();
    }
    return "";
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

constexpr tokenizers::encode_options with_offsets{.offsets = true};

}  // namespace

TEST_CASE("WordPiece") {
    const auto of = reader_of(word_piece());
    const std::string text =
        "H\u00e9llo, w\u00f6rld!\u4f60\u597d hello\x01"
        "unwanted\u3000xx's xxxxxxxxxxx [SEP]";
    const auto result = of.encode(text, with_offsets);
    CHECK(result.ids == ids{1, 5, 9, 6, 7, 8, 10, 0, 0, 14, 15, 16, 17, 0, 2, 2});
    CHECK(
        text_of(result.offsets) ==
        "0-0 0-6 6-7 8-12 12-14 14-15 15-18 18-21 22-36 39-40 40-41 41-42 42-43 44-55 56-61 0-0 ");
    CHECK(of.decode(result.ids) == "hello, world! \u4f60 xx ' s");
    CHECK(streamed(of, {1, 5, 8, 11, 12, 2}) == "|hello|!| un|want||");
    const auto pair = of.encode("hello", "unwanted!");
    CHECK(pair.ids == ids{1, 5, 2, 11, 12, 13, 8, 2});
    CHECK(pair.segments == ids{0, 0, 0, 1, 1, 1, 1, 1});
    CHECK(pair.offsets.empty());
    CHECK(of.encode("hello", "x", {.special_tokens = false}).ids == ids{5, 14});
    CHECK(of.encode("[SEP]", {.parse_special = false}).ids == ids{1, 0, 0, 0, 2});
    CHECK(of.find("##want") == 12);
    CHECK_FALSE(of.find("want"));
    CHECK(of.is_special(2));
    CHECK_FALSE(of.is_special(3));
}

TEST_CASE("byte-level BPE") {
    const std::string text = "hello  w\u00e9's 1234 e\u0301\U0001f600\n\n <mask>hello<|end|>";
    SECTION("with GPT-2's expression") {
        const auto of = reader_of(byte_level(gpt2));
        const auto result = of.encode(text, with_offsets);
        CHECK(result.ids == ids{259, 32,  260, 261, 39,  115, 32,  263, 52,  32,
                                101, 204, 129, 240, 159, 152, 128, 266, 259, 265});
        CHECK(text_of(result.offsets) ==
              "0-5 6-6 7-8 8-10 10-11 11-12 13-13 13-16 16-17 18-18 18-19 19-21 19-21 21-25 21-25 "
              "21-25 21-25 28-34 34-39 39-46 ");
        const auto blanks = of.encode("   w", with_offsets);
        CHECK(blanks.ids == ids{264, 260});
        CHECK(text_of(blanks.offsets) == "2-2 3-4 ");
        CHECK(text_of(of.encode(" w", with_offsets).offsets) == "0-2 ");
        CHECK(of.decode(result.ids) == "hello  w\u00e9's 1234 e\u0301\U0001f600hello");
        CHECK(of.decode(result.ids, false) ==
              "hello  w\u00e9's 1234 e\u0301\U0001f600<mask>hello<|end|>");
    }
    SECTION("with Llama 3's, composed") {
        const std::string expression(tokenizers::detail::word_patterns[2].expression);
        const auto of = reader_of(byte_level(split(expression), R"({"type":"NFC"})"));
        const auto result = of.encode(text, with_offsets);
        CHECK(result.ids == ids{259, 32, 260, 261, 39, 115, 32, 263, 52, 32, 261, 240, 159, 152,
                                128, 266, 259, 265});
        CHECK(text_of(result.offsets) ==
              "0-5 6-6 7-8 8-10 10-11 11-12 13-13 13-16 16-17 18-18 18-19 21-25 21-25 21-25 21-25 "
              "28-34 34-39 39-46 ");
        CHECK(of.decode(result.ids) == "hello  w\u00e9's 1234 \u00e9\U0001f600hello");
    }
    SECTION("as a stream") {
        const auto of = reader_of(byte_level(gpt2));
        CHECK(streamed(of, {259, 240, 159, 152, 128, 33}) == "hello||||\U0001f600|!|");
        CHECK(streamed(of, {240, 159, 33, 240}) == "||\ufffd!||\ufffd");
        CHECK(of.decode(ids{240, 159, 33, 240}) == "\ufffd!\ufffd");
    }
}

TEST_CASE("BPE with byte fallback") {
    const auto of = reader_of(with_fallback());
    const auto result = of.encode("hi  hi\u00e9 t</s> he", with_offsets);
    CHECK(result.ids == ids{1, 265, 259, 265, 198, 172, 259, 262, 2, 259, 264, 263});
    CHECK(text_of(result.offsets) == "0-0 0-2 2-3 3-6 6-8 6-8 8-9 9-10 10-14 14-15 14-16 16-17 ");
    CHECK(of.decode(result.ids) == "hi  hi\u00e9 t  he");
    CHECK(streamed(of, {1, 265, 198, 172, 3 + 0xE2, 262}) == "|hi||\u00e9||\ufffdt|");
    CHECK(of.decode(ids{198, 172, 3 + 0xE2, 262}) == "\ufffd\ufffd\ufffdt");
}

TEST_CASE("a unigram model") {
    const auto of = reader_of(unigram());
    const auto result = of.encode("\ufb01n\tx\ufb01\u00e9\u00e9 in", with_offsets);
    CHECK(result.ids == ids{0, 5, 10, 3, 8, 6, 7, 2, 3, 9, 1});
    CHECK(text_of(result.offsets) == "0-0 0-3 3-4 5-6 5-6 6-9 6-9 9-13 14-15 14-16 0-0 ");
    CHECK(of.decode(result.ids) == "fin xfi<unk> in");
}

TEST_CASE("texts are cut to a length") {
    const auto of = reader_of(word_piece());
    CHECK(of.encode("hello , ! x", {.max_length = 4}).ids == ids{1, 5, 9, 2});
    CHECK(of.encode("hello , ! x", {.special_tokens = false, .max_length = 3}).ids == ids{5, 9, 8});
    CHECK(of.encode("hello , !", "x x x x", {.max_length = 7}).ids == ids{1, 5, 9, 2, 14, 14, 2});
    CHECK(of.encode("hello", "x x x x", {.max_length = 6}).ids == ids{1, 5, 2, 14, 14, 2});
    CHECK_THROWS_WITH(of.encode("x", {.max_length = 1}),
                      "tokenizer.json: the special tokens are 2, max_length is 1");
    const auto rule = [&](std::string_view strategy, std::string_view side) {
        return reader_of(replaced(word_piece(), "\"truncation\":null",
                                  R"("truncation":{"direction":")" + std::string(side) +
                                      R"(","max_length":5,"stride":0,"strategy":")" +
                                      std::string(strategy) + "\"}"));
    };
    CHECK(rule("LongestFirst", "Left").encode("hello , ! x").ids == ids{1, 9, 8, 14, 2});
    CHECK(rule("OnlyFirst", "Right").encode("! ! !", ",").ids == ids{1, 8, 2, 9, 2});
    CHECK_THROWS_WITH(rule("OnlySecond", "Right").encode("! ! !", ","),
                      "tokenizer.json: the text to cut has 1 tokens, 2 too many for max_length 5");
    CHECK(rule("LongestFirst", "Left").encode("hello , ! x", {.max_length = 9}).ids.size() == 6);
}

TEST_CASE("one memory serves several tokenizers") {
    const auto one = reader_of(word_piece()), two = reader_of(byte_level(gpt2));
    tokenizers::tokenizer::workspace work;
    for (int round = 0; round < 2; ++round) {
        CHECK(one.encode("hello", {}, work).ids == ids{1, 5, 2});
        CHECK(two.encode("hello", {}, work).ids == ids{259});
    }
}

TEST_CASE("what a tokenizer.json asks for and is not known is refused by name") {
    const std::string good = word_piece(), bytes = byte_level(gpt2), pieces = with_fallback();
    const std::pair<std::string, std::string> cases[] = {
        {byte_level(split("\\w+")), R"(the expression "\w+" of "Split" is not known)"},
        {word_piece(R"({"type":"Nmt"})"), R"(the normalizer "Nmt" is not known)"},
        {word_piece(R"({"type":"Lowercase","x":1})"), R"("x" is not known here)"},
        {replaced(good, "BertPreTokenizer", "UnicodeScripts"),
         R"(the pre-tokenizer "UnicodeScripts" is not known)"},
        {replaced(good, R"("type":"WordPiece",
           "unk)",
                  R"("type":"WordLevel","unk)"),
         R"(the model "WordLevel" is not known)"},
        {replaced(good, R"({"type":"WordPiece","prefix")", R"({"type":"CTC","prefix")"),
         R"(the decoder "CTC" is not known)"},
        {replaced(good, R"("[UNK]","continuing)", R"("[unk]","continuing)"),
         R"(unk_token: "[unk]" is not in the vocabulary)"},
        {replaced(good, R"("hell":3)", R"("hell":4)"), "two tokens have the id 4"},
        {replaced(good, R"("hell":3)", R"("hell":99999999)"), "expected a whole number"},
        {replaced(good, R"({"id":0,)", R"({"id":7,)"), R"(the added token "[UNK]" has the id 7)"},
        {replaced(good, R"("ids":[1])", R"("ids":[18])"), "expected a whole number of 0 to 17"},
        {replaced(bytes, R"("dropout":null)", R"("dropout":0.5)"), R"("dropout" is not known)"},
        {replaced(bytes, R"(["h","e"])", R"(["h","x"])"), R"(merges: "hx" is not in)"},
        {replaced(pieces, R"("▁ h")", R"("▁h")"), "expected two tokens and a blank"},
        {replaced(pieces, R"("stop":0)", R"("stop":1)"), R"(the decoder "Strip" is known only)"},
        {replaced(unigram(), R"(charsmap":")", R"(charsmap":"AAAA)"), "is not well-formed"},
        {replaced(unigram(), R"("unk_id":2)", R"("unk_id":12)"), "of 0 to 11, found 12"},
    };
    for (const auto& [json, words] : cases) {
        INFO(words);
        CHECK_THAT(message_of(json), sequent_test::contains(words));
        CHECK_THAT(message_of(json), sequent_test::contains("tokenizer.json"));
    }
}

TEST_CASE("texts and tokens that are none are refused") {
    const auto of = reader_of(word_piece());
    CHECK_THROWS_AS(of.encode("a\xff"), sequent::argument_error);
    CHECK_THROWS_WITH(of.decode(ids{18}), "tokenizer.json: token 18 is not within its 18 tokens");
    CHECK_THROWS_WITH(of.decode(ids{-1}), "tokenizer.json: token -1 is not within its 18 tokens");
    const std::string no_x = replaced(byte_level(gpt2), "\"x\":120", "\"x<\":120");
    CHECK_THROWS_WITH(reader_of(no_x).encode("ax"),
                      "tokenizer.json: no tokens for \"ax\", and none for what is unknown");
    CHECK(reader_of(word_piece()).encode("").ids == ids{1, 2});
}
