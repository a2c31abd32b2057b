#pragma once

#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#if __has_include(<fcntl.h>) && __has_include(<sys/mman.h>) && __has_include(<unistd.h>) && \
    !defined(__wasi__)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define SEQUENT_HAS_MMAP
#endif

#include "../config.hpp"
#include "../joined_text.hpp"
#include "error.hpp"
#include "path.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// Input of all readers: a file, or bytes in memory such as weights embedded in a program. A file
/// is memory-mapped if the platform supports it, so that only the pages in use are read; it must
/// not be truncated meanwhile. Copies share the bytes.
class source {
  public:
    /// Opens a file. Throws io::error if it does not exist or cannot be read.
    template <class Path>
        requires std::convertible_to<const Path&, file_path> source(const Path& path) {
            open(path);
        }

    /// Refers to bytes that must outlive the source. Error messages use `name`.
    source(std::span<const std::byte> bytes, std::string name = "<memory>")
        : name_(std::move(name)), bytes_(bytes) {}

    /// Refers to bytes that `owner` keeps alive.
    source(std::span<const std::byte> bytes, std::string name, std::shared_ptr<const void> owner)
        : name_(std::move(name)), bytes_(bytes), memory_(std::move(owner)) {}

    /// The path of the file, or the name given for bytes in memory.
    const std::string& name() const noexcept { return name_; }
    /// All bytes; valid as long as a copy of this source or the owner of the bytes.
    std::span<const std::byte> bytes() const noexcept { return bytes_; }

    /// Releases the pages of a mapped file in the range of bytes [first, last) from the memory of
    /// the process. The next access reads them again. Has no effect on other sources.
    SEQUENT_LAZY void release([[maybe_unused]] std::size_t first,
                              [[maybe_unused]] std::size_t last) const noexcept {
#ifdef SEQUENT_HAS_MMAP
        if (!mapped_) return;
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const std::size_t begin = first / page * page, end = last / page * page;
        if (begin >= end) return;
        // On failure the pages just stay in memory.
        (void)::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
#endif
    }

  private:
    /// Bytes of a file that is read begin at a page, as those of a mapped file do: packed weights
    /// are used where they are.
    struct alignas(4096) memory_page {
        std::array<std::byte, 4096> bytes;
    };

    SEQUENT_LAZY SEQUENT_COLD void open(const file_path& path) {
        name_ = path.string();
        const detail::file_kind kind = detail::kind_of(path);
        if (kind == detail::file_kind::none) fail(detail::reason_text(errno));
        if (kind == detail::file_kind::folder) fail(": it is a folder");
        if (kind == detail::file_kind::file && map(path)) return;
        errno = 0;
        std::FILE* const stream = detail::open_to_read(path);
        if (stream == nullptr) fail(detail::reason_text(errno));
        auto read = std::make_shared<std::vector<memory_page>>();
        std::size_t size = 0, count = 0;
        do {
            memory_page& last = read->emplace_back();
            count = std::fread(last.bytes.data(), 1, last.bytes.size(), stream);
            size += count;
        } while (count == sizeof(memory_page));
        const int reason = errno;
        const bool failed = std::ferror(stream) != 0;
        std::fclose(stream);
        if (failed) fail_with<error>({name_, ": cannot be read", detail::reason_text(reason)});
        bytes_ = {read->front().bytes.data(), size};
        memory_ = std::move(read);
    }

    /// Maps the file into memory. Returns false if the platform or the file system cannot; the file
    /// is then read.
    SEQUENT_LAZY bool map([[maybe_unused]] const file_path& path) {
#ifdef SEQUENT_HAS_MMAP
        const int descriptor = ::open(path.c_str(), O_RDONLY);
        if (descriptor < 0) return false;
        struct ::stat status;
        const bool has_size =
            ::fstat(descriptor, &status) == 0 && status.st_size > 0 &&
            static_cast<unsigned long long>(status.st_size) <= static_cast<std::size_t>(-1);
        const std::size_t length = has_size ? static_cast<std::size_t>(status.st_size) : 0;
        void* const first =
            has_size ? ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
        ::close(descriptor);
        if (first == MAP_FAILED) return false;
        memory_ = std::shared_ptr<const void>(
            first, [length](const void* mapped) { ::munmap(const_cast<void*>(mapped), length); });
        bytes_ = {static_cast<const std::byte*>(first), length};
        mapped_ = true;
        return true;
#else
        return false;
#endif
    }

    [[noreturn]] void fail(const std::string& reason) const {
        fail_with<error>({name_, ": cannot be opened", reason});
    }

    std::string name_;
    std::span<const std::byte> bytes_;
    std::shared_ptr<const void> memory_;
    bool mapped_ = false;
};

}  // namespace sequent::inline SEQUENT_ABI::io

#undef SEQUENT_HAS_MMAP
