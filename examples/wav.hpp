#pragma once

// Reads and writes WAV files of one channel.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <ios>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

/// The samples of one channel, from -1 to 1.
struct sound {
    int rate = 0;  ///< samples per second
    std::vector<float> samples;
};

namespace detail {

inline std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t at = bytes.size(); at-- > 0;)
        value = value << 8 | static_cast<unsigned char>(bytes[at]);
    return value;
}

/// A sample of `bytes.size()` bytes, of a file of integers.
inline float sample_of(std::string_view bytes) {
    const auto shift = static_cast<unsigned>(32 - 8 * bytes.size());
    return std::ldexp(static_cast<float>(static_cast<std::int32_t>(little_endian(bytes) << shift)),
                      -31);
}

}  // namespace detail

/// Reads a file of 16, 24 or 32 bit integers, or of float.
inline sound read_wav(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const std::string_view text = bytes;
    const auto refuse = [&](const std::string& why) {
        throw std::runtime_error(path + ": " + why);
    };
    if (!text.starts_with("RIFF") || text.size() < 12 || text.substr(8, 4) != "WAVE")
        refuse("is no WAV file");
    sound result;
    std::size_t width = 0;
    bool is_float = false;
    for (std::size_t at = 12; at + 8 <= text.size();) {
        const std::string_view kind = text.substr(at, 4);
        const std::size_t size = detail::little_endian(text.substr(at + 4, 4));
        const std::string_view chunk = text.substr(at + 8, size);
        if (kind == "fmt " && chunk.size() >= 16) {
            std::uint32_t format = detail::little_endian(chunk.substr(0, 2));
            if (format == 0xFFFE && chunk.size() >= 26)
                format = detail::little_endian(chunk.substr(24, 2));
            is_float = format == 3;
            if (detail::little_endian(chunk.substr(2, 2)) != 1) refuse("has several channels");
            result.rate = static_cast<int>(detail::little_endian(chunk.substr(4, 4)));
            width = detail::little_endian(chunk.substr(14, 2)) / 8;
            if (is_float ? width != 4 : format != 1 || width < 2 || width > 4)
                refuse("holds neither integers of 16, 24 or 32 bits nor float");
        } else if (kind == "data" && width > 0) {
            result.samples.reserve(chunk.size() / width);
            for (std::size_t from = 0; from + width <= chunk.size(); from += width) {
                const std::string_view sample = chunk.substr(from, width);
                result.samples.push_back(is_float
                                             ? std::bit_cast<float>(detail::little_endian(sample))
                                             : detail::sample_of(sample));
            }
            return result;
        }
        at += 8 + size + size % 2;
    }
    refuse("has no samples");
    return result;
}

/// Writes a file of float.
inline void write_wav(const std::string& path, int rate, std::span<const float> samples) {
    std::string bytes;
    const auto put = [&](std::uint32_t value, int width) {
        for (int at = 0; at < width; ++at) bytes += static_cast<char>(value >> (8 * at) & 0xFF);
    };
    const auto size = static_cast<std::uint32_t>(4 * samples.size());
    bytes += "RIFF";
    put(36 + size, 4);
    bytes += "WAVEfmt ";
    put(16, 4);
    put(3, 2);  // float
    put(1, 2);  // channels
    put(static_cast<std::uint32_t>(rate), 4);
    put(4 * static_cast<std::uint32_t>(rate), 4);
    put(4, 2);
    put(32, 2);
    bytes += "data";
    put(size, 4);
    for (const float sample : samples) put(std::bit_cast<std::uint32_t>(sample), 4);
    std::ofstream file(path, std::ios::binary);
    if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush())
        throw std::runtime_error(path + ": can't be written");
}

}  // namespace examples
