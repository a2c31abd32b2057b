// The other side of compare_tokenizers.py: encodes and decodes texts with a tokenizer of this
// library.
//
//     encode FILE < TEXTS         FILE is a tokenizer.json, or what its name ends with tells:
//     .model
//                                 (SentencePiece), .txt (vocab.txt), .bin (llama2.c), .gguf
//     encode FILE --time TEXT     prints the speed over the lines of a file, in MB/s
//
// TEXTS are pairs: of each text its length (uint32, little-endian) and its bytes; a length of 2^32
// - 1 stands for no second text. For each pair a line is printed: tokens, offsets, segments, the
// decoded text (hexadecimal), the same from a stream, separated by semicolons.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sequent/formats.hpp>
#include <sequent/tokenizers.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tokenizers = sequent::tokenizers;

namespace {

std::optional<std::string> next_text() {
    std::uint32_t length = 0;
    if (!std::cin.read(reinterpret_cast<char*>(&length), 4)) std::exit(0);
    if (length == 0xFFFFFFFF) return std::nullopt;
    std::string text(length, '\0');
    std::cin.read(text.data(), length);
    return text;
}

void print_hex(std::string_view text) {
    for (const char byte : text) std::printf("%02x", static_cast<unsigned char>(byte));
}

void print_speed(const tokenizers::tokenizer& of, const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<std::string> lines;
    std::size_t bytes = 0;
    for (std::string line; std::getline(file, line);) {
        line += '\n';
        bytes += line.size();
        lines.push_back(line);
    }
    tokenizers::tokenizer::workspace work;
    double best = 1e9;
    std::size_t tokens = 0;
    for (int round = 0; round < 5; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        tokens = 0;
        for (const auto& line : lines) tokens += of.encode(line, {}, work).ids.size();
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
        best = std::min(best, time.count());
        if (round == 0) std::printf("first %.1f MB/s, ", static_cast<double>(bytes) / best / 1e6);
    }
    std::printf("best %.1f MB/s, %zu bytes, %zu tokens\n", static_cast<double>(bytes) / best / 1e6,
                bytes, tokens);
}

tokenizers::tokenizer read(const std::string& path) {
    if (path.ends_with(".model")) return tokenizers::from_sentencepiece(path);
    if (path.ends_with(".txt")) return tokenizers::from_vocab_txt(path);
    if (path.ends_with(".bin")) return tokenizers::from_llama2c(path);
    if (path.ends_with(".gguf"))
        return tokenizers::from_vocabulary(sequent::io::gguf_file(path).vocabulary(), path);
    return tokenizers::from_json(path);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2 && count != 4) {
        std::fprintf(stderr, "usage: encode FILE [--time TEXT]\n");
        return 2;
    }
    const tokenizers::tokenizer of = read(arguments[1]);
    if (count == 4) {
        print_speed(of, arguments[3]);
        return 0;
    }
    tokenizers::tokenizer::workspace work;
    const tokenizers::encode_options options{.offsets = true};
    for (;;) {
        const auto first = next_text();
        const auto second = next_text();
        const auto result =
            second ? of.encode(*first, *second, options, work) : of.encode(*first, options, work);
        for (const auto id : result.ids) std::printf("%d ", id);
        std::printf(";");
        for (const auto [begin, end] : result.offsets) std::printf("%u %u ", begin, end);
        std::printf(";");
        for (const auto segment : result.segments) std::printf("%d ", segment);
        std::printf(";");
        print_hex(of.decode(result.ids));
        std::printf(";");
        tokenizers::tokenizer::stream stream(of);
        for (const auto id : result.ids) print_hex(stream.push(id));
        print_hex(stream.finish());
        std::printf("\n");
    }
}
