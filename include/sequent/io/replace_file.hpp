#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#if __has_include(<fcntl.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#define SEQUENT_HAS_FSYNC
#endif

#include "../config.hpp"
#include "error.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// Writes a file beside `path` and renames it over `path` in `commit`: whoever reads `path` finds
/// the old file or the whole new one, also after a crash. Without `commit` nothing remains.
class file_replacement {
  public:
    explicit file_replacement(std::filesystem::path path)
        : path_(std::move(path)), new_path_(path_) {
        new_path_ += ".tmp";
        errno = 0;
        stream_.open(new_path_, std::ios::binary | std::ios::trunc);
        if (!stream_) fail("cannot be opened for writing");
    }

    file_replacement(const file_replacement&) = delete;
    file_replacement& operator=(const file_replacement&) = delete;

    ~file_replacement() {
        if (committed_) return;
        stream_.close();
        std::error_code ignored;
        std::filesystem::remove(new_path_, ignored);
    }

    void write(const char* bytes, std::size_t count) {
        errno = 0;
        if (!stream_.write(bytes, static_cast<std::streamsize>(count))) fail("cannot be written");
    }

    void commit() {
        errno = 0;
        stream_.close();
        if (!stream_) fail("cannot be written");
        flush_to_disk();
        std::error_code failure;
        std::filesystem::rename(new_path_, path_, failure);
        if (failure) {
            sequent::fail<error>(path_.string() + ": cannot be replaced by " + new_path_.string() +
                                 ": " + failure.message());
        }
        committed_ = true;
    }

  private:
    // Some file systems carry out the rename before they write the data.
    void flush_to_disk() const {
#ifdef SEQUENT_HAS_FSYNC
        errno = 0;
        const int descriptor = ::open(new_path_.c_str(), O_RDONLY);
        if (descriptor < 0) fail("cannot be flushed");
        const int result = ::fsync(descriptor);
        const int reason = errno;
        ::close(descriptor);
        errno = reason;
        // Pipes and some network file systems cannot flush; that is not the writer's fault.
        if (result != 0 && reason != EINVAL) fail("cannot be flushed");
#endif
    }

    [[noreturn]] void fail(const std::string& what) const {
        const int reason = errno;
        sequent::fail<error>(new_path_.string() + ": " + what +
                             (reason == 0 ? "" : ": " + std::generic_category().message(reason)));
    }

    std::filesystem::path path_;
    std::filesystem::path new_path_;
    std::ofstream stream_;
    bool committed_ = false;
};

}  // namespace sequent::inline SEQUENT_ABI::io

#undef SEQUENT_HAS_FSYNC
