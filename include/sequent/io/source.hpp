#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#if __has_include(<fcntl.h>) && __has_include(<sys/mman.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#define SEQUENT_HAS_MMAP
#endif

#include "../config.hpp"
#include "error.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// What is read: a file, or bytes in memory such as weights that are embedded in a program. A file
/// is mapped into memory where the platform can, so that only what is used is read; it must not be
/// cut short meanwhile. Copies share the bytes.
class source {
  public:
    /// Throws io::error if there is no such file or it cannot be read.
    template <class Path>
        requires std::convertible_to<const Path&, std::filesystem::path> source(const Path& path) {
            open(path);
        }

    /// The bytes are only referred to. Messages call them `name`.
    source(std::span<const std::byte> bytes, std::string name = "<memory>")
        : name_(std::move(name)), bytes_(bytes) {}

    const std::string& name() const noexcept { return name_; }
    std::span<const std::byte> bytes() const noexcept { return bytes_; }

  private:
    void open(const std::filesystem::path& path) {
        name_ = path.string();
        std::error_code failure;
        const auto status = std::filesystem::status(path, failure);
        if (failure || !std::filesystem::exists(status)) {
            fail(": " +
                 (failure ? failure : std::make_error_code(std::errc::no_such_file_or_directory))
                     .message());
        }
        if (std::filesystem::is_directory(status)) fail(": it is a folder");
        if (std::filesystem::is_regular_file(status) && map(path)) return;
        std::ifstream stream(path, std::ios::binary);
        if (!stream) fail("");
        auto read = std::make_shared<std::vector<char>>(std::istreambuf_iterator<char>(stream),
                                                        std::istreambuf_iterator<char>());
        if (stream.bad()) fail("");
        bytes_ = std::as_bytes(std::span<const char>(*read));
        memory_ = std::move(read);
    }

    /// False where the platform or the file system cannot map a file; then it is read.
    bool map([[maybe_unused]] const std::filesystem::path& path) {
#ifdef SEQUENT_HAS_MMAP
        std::error_code failure;
        const std::uintmax_t size = std::filesystem::file_size(path, failure);
        if (failure || size == 0 || size > static_cast<std::size_t>(-1)) return false;
        const int descriptor = ::open(path.c_str(), O_RDONLY);
        if (descriptor < 0) return false;
        const auto length = static_cast<std::size_t>(size);
        void* first = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor, 0);
        ::close(descriptor);
        if (first == MAP_FAILED) return false;
        memory_ = std::shared_ptr<const void>(
            first, [length](const void* mapped) { ::munmap(const_cast<void*>(mapped), length); });
        bytes_ = {static_cast<const std::byte*>(first), length};
        return true;
#else
        return false;
#endif
    }

    [[noreturn]] void fail(const std::string& reason) const {
        sequent::fail<error>(name_ + ": cannot be opened" + reason);
    }

    std::string name_;
    std::span<const std::byte> bytes_;
    std::shared_ptr<const void> memory_;
};

}  // namespace sequent::inline SEQUENT_ABI::io

#undef SEQUENT_HAS_MMAP
