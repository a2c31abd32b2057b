#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#ifdef _WIN32
#include <io.h>
#include <process.h>
#else
#include <unistd.h>
#endif

#include "../config.hpp"
#include "error.hpp"

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// What the platforms call differently. Files are descriptors; a result below 0 is an error in
/// errno.
#ifdef _WIN32
inline int process_number() noexcept {
    return ::_getpid();
}
inline int open_new(const std::filesystem::path& path, bool) noexcept {
    return ::_wopen(path.c_str(), _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY, _S_IREAD | _S_IWRITE);
}
inline int open_existing(const std::filesystem::path& path) noexcept {
    return ::_wopen(path.c_str(), _O_WRONLY | _O_BINARY);
}
inline std::FILE* stream_of(int descriptor) noexcept {
    return ::_fdopen(descriptor, "wb");
}
inline int flush_to_disk(std::FILE* stream) noexcept {
    return ::_commit(::_fileno(stream));
}
inline void close(int descriptor) noexcept {
    ::_close(descriptor);
}
// Replacing a read-only file fails, and there are no owners to keep.
inline int may_write(const std::filesystem::path&) noexcept {
    return 0;
}
inline void keep_owner_and_mode(int, const std::filesystem::path&) noexcept {}
inline void flush_folder(const std::filesystem::path&) noexcept {}
#else
inline int process_number() noexcept {
    return static_cast<int>(::getpid());
}
/// Private ones are for the owner alone until their mode is known.
inline int open_new(const std::filesystem::path& path, bool is_private) noexcept {
    return ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, is_private ? 0600 : 0666);
}
inline int open_existing(const std::filesystem::path& path) noexcept {
    return ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
}
inline std::FILE* stream_of(int descriptor) noexcept {
    return ::fdopen(descriptor, "wb");
}
inline int flush_to_disk(std::FILE* stream) noexcept {
    int result = 0;
    do {
        result = ::fsync(::fileno(stream));
    } while (result < 0 && errno == EINTR);
    // Pipes and some network file systems cannot flush; that is not the writer's fault.
    return result < 0 && (errno == EINVAL || errno == ENOTSUP) ? 0 : result;
}
inline void close(int descriptor) noexcept {
    ::close(descriptor);
}
inline int may_write(const std::filesystem::path& path) noexcept {
    return ::access(path.c_str(), W_OK);
}
/// As far as the process and the file system can: another owner takes privileges.
inline void keep_owner_and_mode(int descriptor, const std::filesystem::path& path) noexcept {
    struct ::stat old, made;
    if (::stat(path.c_str(), &old) != 0 || ::fstat(descriptor, &made) != 0) return;
    if (old.st_uid != made.st_uid || old.st_gid != made.st_gid) {
        if (::fchown(descriptor, old.st_uid, old.st_gid) != 0 &&
            ::fchown(descriptor, static_cast<::uid_t>(-1), old.st_gid) != 0) {
            // The file keeps the owner that it has.
        }
    }
    if (::fchmod(descriptor, old.st_mode & 0777) != 0) {
        // The file stays its owner's alone.
    }
}
/// The rename as well survives a crash.
inline void flush_folder(const std::filesystem::path& path) noexcept {
    const int descriptor = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}
#endif

}  // namespace detail

/// Writes a new file of a name of its own beside `path` and renames it over `path` in `commit`:
/// whoever reads `path` finds the old file or the whole new one, also after a crash and whatever
/// other writers of the path do. Without `commit` nothing remains.
///
/// Of the old file, owner and mode are kept as far as the process may; a new one has the mode that
/// the process gives to new files. Where `path` is a symbolic link, the file that it leads to is
/// replaced. What is no file (a pipe, a device) is written to directly.
///
/// All members but the destructor throw io::error, which names `path`.
class file_replacement {
  public:
    explicit file_replacement(std::filesystem::path path)
        : path_(std::move(path)), target_(followed()) {
        std::error_code failure;
        const auto status = std::filesystem::status(target_, failure);
        const bool exists = std::filesystem::exists(status);
        if (std::filesystem::is_directory(status)) fail("cannot be replaced", EISDIR);
        int descriptor = -1;
        if (exists && !std::filesystem::is_regular_file(status)) {
            errno = 0;
            descriptor = detail::open_existing(target_);
            if (descriptor < 0) fail("cannot be opened for writing", errno);
        } else {
            if (exists && detail::may_write(target_) != 0) fail("cannot be replaced", errno);
            descriptor = create(exists);
            if (exists) detail::keep_owner_and_mode(descriptor, target_);
        }
        stream_ = detail::stream_of(descriptor);
        if (stream_ == nullptr) {
            const int reason = errno;
            detail::close(descriptor);
            remove();
            fail("cannot be opened for writing", reason);
        }
    }

    file_replacement(const file_replacement&) = delete;
    file_replacement& operator=(const file_replacement&) = delete;

    ~file_replacement() {
        if (stream_ != nullptr) std::fclose(stream_);
        remove();
    }

    void write(const char* bytes, std::size_t count) {
        errno = 0;
        if (std::fwrite(bytes, 1, count, stream_) != count) fail("cannot be written", errno);
    }

    void commit() {
        errno = 0;
        // Some file systems carry out the rename before they write the data.
        if (std::fflush(stream_) != 0 || detail::flush_to_disk(stream_) != 0) {
            fail("cannot be written", errno);
        }
        if (std::fclose(std::exchange(stream_, nullptr)) != 0) fail("cannot be written", errno);
        if (new_path_.empty()) return;
        std::error_code failure;
        std::filesystem::rename(new_path_, target_, failure);
        if (failure) {
            sequent::fail<error>(path_.string() + ": cannot be replaced: " + failure.message());
        }
        new_path_.clear();
        detail::flush_folder(target_.parent_path());
    }

  private:
    /// The file that the path leads to, over symbolic links; it need not be there.
    std::filesystem::path followed() const {
        std::filesystem::path result = path_;
        std::error_code failure;
        for (int links = 0; links < 40; ++links) {
            if (!std::filesystem::is_symlink(std::filesystem::symlink_status(result, failure))) {
                return result;
            }
            const auto next = std::filesystem::read_symlink(result, failure);
            if (failure) fail("cannot be followed", failure.value());
            // An absolute one takes the place of the whole.
            result = result.parent_path() / next;
        }
        fail("cannot be followed", ELOOP);
    }

    int create(bool is_private) {
        static std::atomic<unsigned> files{0};
        for (;;) {
            // The process keeps writers apart that run now, the next number files of dead ones.
            const std::string name = ".sequent-" + std::to_string(detail::process_number()) + "-" +
                                     std::to_string(files++) + ".tmp";
            new_path_ = target_.parent_path() / name;
            errno = 0;
            const int descriptor = detail::open_new(new_path_, is_private);
            if (descriptor >= 0) return descriptor;
            const int reason = errno;
            if (reason == EEXIST) continue;
            new_path_.clear();
            fail("cannot be opened for writing", reason);
        }
    }

    void remove() noexcept {
        std::error_code ignored;
        if (!new_path_.empty()) std::filesystem::remove(new_path_, ignored);
    }

    [[noreturn]] void fail(const std::string& what, int reason) const {
        sequent::fail<error>(path_.string() + ": " + what +
                             (reason == 0 ? "" : ": " + std::generic_category().message(reason)));
    }

    std::filesystem::path path_;
    std::filesystem::path target_;    // behind symbolic links
    std::filesystem::path new_path_;  // empty where nothing is to be renamed or removed
    std::FILE* stream_ = nullptr;
};

}  // namespace sequent::inline SEQUENT_ABI::io
