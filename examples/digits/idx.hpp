#pragma once

#include <sequent/io.hpp>
#include <sequent/sequent.hpp>
#include <string>

#include "image.hpp"

/// Reads the format of MNIST: big-endian integers of 32 bits (a magic number, the number of images,
/// and of images the rows and columns), then a byte for each pixel or label.

namespace digits {

class idx_file {
  public:
    /// Throws sequent::io::error, as all below, unless it begins with `magic`.
    idx_file(const std::string& path, std::uint32_t magic) : file_(path) {
        const auto bytes = file_.bytes();
        if (bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b})
            refuse("is compressed; gunzip unpacks it");
        if (const std::uint32_t found = number(); found != magic)
            refuse("begins with " + std::to_string(found) + ", wanted is " + std::to_string(magic));
    }

    std::uint32_t number() {
        if (file_.bytes().size() - at_ < 4)
            refuse("ends within its header, at byte " + std::to_string(file_.bytes().size()));
        std::uint32_t result = 0;
        for (int byte = 0; byte < 4; ++byte)
            result = result << 8 | std::to_integer<std::uint32_t>(file_.bytes()[at_++]);
        return result;
    }

    /// All that follows, which is `count` bytes.
    std::span<const std::byte> rest(std::uint64_t count) const {
        const auto all = file_.bytes().subspan(at_);
        if (all.size() != count)
            refuse("has " + std::to_string(all.size()) + " bytes behind its header, which tells " +
                   std::to_string(count));
        return all;
    }

    [[noreturn]] void refuse(const std::string& why) const {
        throw sequent::io::error(file_.name() + ": " + why);
    }

  private:
    sequent::io::source file_;
    std::size_t at_ = 0;
};

inline labelled_images read_idx(const std::string& image_path, const std::string& label_path) {
    labelled_images result;
    idx_file of_images(image_path, 0x803);
    const std::uint32_t count = of_images.number();
    const std::uint32_t rows = of_images.number();
    const std::uint32_t columns = of_images.number();
    if (rows != side || columns != side)
        of_images.refuse("has images of " + std::to_string(rows) + " x " + std::to_string(columns) +
                         " pixels, wanted are 28 x 28");
    const auto all_pixels = of_images.rest(std::uint64_t{count} * pixels);
    result.images.resize(count);
    for (std::size_t at = 0; at < all_pixels.size(); ++at)
        result.images[at / pixels][at % pixels] = std::to_integer<std::uint8_t>(all_pixels[at]);

    idx_file of_labels(label_path, 0x801);
    const std::uint32_t label_count = of_labels.number();
    if (label_count != count)
        of_labels.refuse("has " + std::to_string(label_count) + " labels, " + image_path + " has " +
                         std::to_string(count) + " images");
    for (const std::byte label : of_labels.rest(count)) {
        const auto value = std::to_integer<std::int32_t>(label);
        if (value >= kinds)
            of_labels.refuse("label " + std::to_string(result.labels.size()) + " is " +
                             std::to_string(value) + ", the greatest digit is 9");
        result.labels.push_back(value);
    }
    return result;
}

}  // namespace digits
