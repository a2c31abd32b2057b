#pragma once

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#ifdef _WIN32
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <io.h>
#include <process.h>
#else
#include <unistd.h>
#endif

#include "../config.hpp"

/// File names and wrappers of system calls that differ between platforms. `<filesystem>`, which is
/// slow to compile, is only included on Windows, where file names are not bytes.

namespace sequent::inline SEQUENT_ABI::io {

#ifdef _WIN32
/// The name of a file.
using file_path = std::filesystem::path;
#else
namespace detail {
template <class Path>
concept path_of_bytes = requires(const Path& path) {
    { path.native() } -> std::same_as<const std::string&>;
};
}  // namespace detail

/// The name of a file, as bytes. Strings and std::filesystem::path convert to it; on Windows it is
/// std::filesystem::path itself.
class file_path {
  public:
    /// An empty name.
    file_path() = default;
    /// Converts from a string.
    template <std::convertible_to<std::string_view> Text>
    file_path(const Text& text) : text_(static_cast<std::string_view>(text)) {}
    /// Converts from std::filesystem::path.
    template <detail::path_of_bytes Path>
    file_path(const Path& path) : text_(path.native()) {}

    /// The name as a string.
    const std::string& string() const noexcept { return text_; }
    /// The name as a null-terminated string.
    const char* c_str() const noexcept { return text_.c_str(); }
    /// Returns true if the name is empty.
    bool empty() const noexcept { return text_.empty(); }

  private:
    std::string text_;
};
#endif

namespace detail {

enum class file_kind { none, file, folder, link, other };

/// The functions below work on file descriptors; a result below 0 means an error, stored in errno.
#ifdef _WIN32
SEQUENT_COLD inline file_kind kind_of(const std::filesystem::file_status& status) noexcept {
    using std::filesystem::file_type;
    switch (status.type()) {
        case file_type::none:
        case file_type::not_found:
            return file_kind::none;
        case file_type::regular:
            return file_kind::file;
        case file_type::directory:
            return file_kind::folder;
        case file_type::symlink:
            return file_kind::link;
        default:
            return file_kind::other;
    }
}
SEQUENT_COLD inline file_kind kind_of(const file_path& path) noexcept {
    std::error_code failure;
    const auto result = kind_of(std::filesystem::status(path, failure));
    errno = result == file_kind::none ? ENOENT : 0;
    return result;
}
SEQUENT_COLD inline file_kind kind_of_link(const file_path& path) noexcept {
    std::error_code failure;
    return kind_of(std::filesystem::symlink_status(path, failure));
}
SEQUENT_COLD inline int read_link(const file_path& path, file_path& target) {
    std::error_code failure;
    target = std::filesystem::read_symlink(path, failure);
    errno = failure ? EINVAL : 0;
    return failure ? -1 : 0;
}
SEQUENT_COLD inline file_path folder_of(const file_path& path) {
    return path.parent_path();
}
SEQUENT_COLD inline file_path within(const file_path& folder, const file_path& name) {
    return folder / name;
}
/// Repeats `attempt` for at most a second while it reports that another process or thread has the
/// file open (ERROR_SHARING_VIOLATION, or ERROR_ACCESS_DENIED when replacing): readers and writers
/// hold a file only for a moment.
template <class Attempt>
void until_not_in_use(const Attempt& attempt) noexcept {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    do {
        const auto error = static_cast<unsigned long>(attempt());
        if (error != 32 && error != 5) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (std::chrono::steady_clock::now() < end);
}
SEQUENT_COLD inline int rename_over(const file_path& from, const file_path& to) noexcept {
    std::error_code failure;
    until_not_in_use([&] {
        std::filesystem::rename(from, to, failure);
        return failure.value();
    });
    errno = failure ? failure.default_error_condition().value() : 0;
    return failure ? -1 : 0;
}
SEQUENT_COLD inline void remove_file(const file_path& path) noexcept {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
}
SEQUENT_COLD inline std::FILE* open_to_read(const file_path& path) noexcept {
    std::FILE* result = nullptr;
    until_not_in_use([&]() -> unsigned long {
        _doserrno = 0;
        result = ::_wfopen(path.c_str(), L"rb");
        // For a reader, ERROR_ACCESS_DENIED is permanent.
        return result == nullptr && _doserrno == 32 ? 32 : 0;
    });
    return result;
}
inline int process_number() noexcept {
    return ::_getpid();
}
SEQUENT_COLD inline int open_new(const file_path& path, bool) noexcept {
    return ::_wopen(path.c_str(), _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY, _S_IREAD | _S_IWRITE);
}
SEQUENT_COLD inline int open_existing(const file_path& path) noexcept {
    return ::_wopen(path.c_str(), _O_WRONLY | _O_BINARY);
}
inline std::FILE* stream_of(int descriptor) noexcept {
    return ::_fdopen(descriptor, "wb");
}
SEQUENT_COLD inline int flush_to_disk(std::FILE* stream) noexcept {
    return ::_commit(::_fileno(stream));
}
inline void close(int descriptor) noexcept {
    ::_close(descriptor);
}
// Replacing a read-only file fails, and there are no owners to keep.
SEQUENT_COLD inline int may_write(const file_path&) noexcept {
    return 0;
}
inline void keep_owner_and_mode(int, const file_path&) noexcept {}
inline void flush_folder(const file_path&) noexcept {}
#else
SEQUENT_COLD inline file_kind kind_of(const struct ::stat& status) noexcept {
    return S_ISREG(status.st_mode)   ? file_kind::file
           : S_ISDIR(status.st_mode) ? file_kind::folder
           : S_ISLNK(status.st_mode) ? file_kind::link
                                     : file_kind::other;
}
/// The kind of a file, following symbolic links. For file_kind::none, errno is set.
SEQUENT_COLD inline file_kind kind_of(const file_path& path) noexcept {
    struct ::stat status;
    return ::stat(path.c_str(), &status) == 0 ? kind_of(status) : file_kind::none;
}
SEQUENT_COLD inline file_kind kind_of_link(const file_path& path) noexcept {
    struct ::stat status;
    return ::lstat(path.c_str(), &status) == 0 ? kind_of(status) : file_kind::none;
}
SEQUENT_COLD inline int read_link(const file_path& path, file_path& target) {
    for (std::string text(256, '\0');; text.resize(2 * text.size())) {
        const auto length = ::readlink(path.c_str(), text.data(), text.size());
        if (length < 0) return -1;
        if (static_cast<std::size_t>(length) == text.size()) continue;
        text.resize(static_cast<std::size_t>(length));
        target = text;
        return 0;
    }
}
/// The folder of a file; empty for a name without a folder.
SEQUENT_COLD inline file_path folder_of(const file_path& path) {
    const std::string_view text = path.string();
    const std::size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return {};
    std::size_t end = slash;
    while (end > 0 && text[end - 1] == '/') --end;
    return text.substr(0, end == 0 ? 1 : end);
}
/// The path of `name` within `folder`; `name` itself if it is absolute.
SEQUENT_COLD inline file_path within(const file_path& folder, const file_path& name) {
    if (folder.empty() || name.string().starts_with('/')) return name;
    std::string text = folder.string();
    if (text.back() != '/') text += '/';
    return text += name.string();
}
SEQUENT_COLD inline int rename_over(const file_path& from, const file_path& to) noexcept {
    return std::rename(from.c_str(), to.c_str());
}
SEQUENT_COLD inline void remove_file(const file_path& path) noexcept {
    ::unlink(path.c_str());
}
SEQUENT_COLD inline std::FILE* open_to_read(const file_path& path) noexcept {
    return std::fopen(path.c_str(), "rb");
}
inline int process_number() noexcept {
#ifdef __wasi__
    return 0;
#else
    return static_cast<int>(::getpid());
#endif
}
/// Creates a new file. A private one is readable by its owner only, until its mode is set.
SEQUENT_COLD inline int open_new(const file_path& path, bool is_private) noexcept {
    return ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, is_private ? 0600 : 0666);
}
SEQUENT_COLD inline int open_existing(const file_path& path) noexcept {
    return ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
}
inline std::FILE* stream_of(int descriptor) noexcept {
    return ::fdopen(descriptor, "wb");
}
SEQUENT_COLD inline int flush_to_disk(std::FILE* stream) noexcept {
    int result = 0;
    do {
        result = ::fsync(::fileno(stream));
    } while (result < 0 && errno == EINTR);
    // Pipes and some network file systems cannot flush; that is no error of the writer.
    return result < 0 && (errno == EINVAL || errno == ENOTSUP) ? 0 : result;
}
inline void close(int descriptor) noexcept {
    ::close(descriptor);
}
SEQUENT_COLD inline int may_write(const file_path& path) noexcept {
    return ::access(path.c_str(), W_OK);
}
/// Copies owner and mode of `path` to the new file as far as possible: changing the owner requires
/// privileges.
SEQUENT_COLD inline void keep_owner_and_mode([[maybe_unused]] int descriptor,
                                             [[maybe_unused]] const file_path& path) noexcept {
#ifndef __wasi__  // there are neither
    struct ::stat old, made;
    if (::stat(path.c_str(), &old) != 0 || ::fstat(descriptor, &made) != 0) return;
    if (old.st_uid != made.st_uid || old.st_gid != made.st_gid) {
        if (::fchown(descriptor, old.st_uid, old.st_gid) != 0 &&
            ::fchown(descriptor, static_cast<::uid_t>(-1), old.st_gid) != 0) {
            // The new file keeps its own owner.
        }
    }
    if (::fchmod(descriptor, old.st_mode & 0777) != 0) {
        // The new file stays private to its owner.
    }
#endif
}
/// Flushes a folder to disk, so that a rename survives a crash.
SEQUENT_COLD inline void flush_folder(const file_path& path) noexcept {
    const int descriptor = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}
#endif

/// ": " and the description of an errno value; empty for 0.
SEQUENT_COLD inline std::string reason_text(int reason) {
    return reason == 0 ? std::string() : ": " + std::generic_category().message(reason);
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::io
