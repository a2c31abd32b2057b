#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "error.hpp"
#include "path.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// Replaces a file atomically: writes a temporary file in the same folder, and `commit` renames it
/// over `path`. Readers of `path` find either the old file or the complete new one, even after a
/// crash or with other writers of the same path. Without `commit`, the destructor removes the
/// temporary file.
///
/// The new file gets the owner and mode of the old one as far as the process is allowed to; if
/// there is no old file, it gets the default mode of the process. If `path` is a symbolic link, its
/// target is replaced. A path that is not a regular file (a pipe, a device) is written to directly.
///
/// All members except the destructor throw io::error, which names `path`.
class file_replacement {
  public:
    /// Creates the temporary file.
    SEQUENT_COLD explicit file_replacement(file_path path)
        : path_(std::move(path)), target_(followed()) {
        const detail::file_kind kind = detail::kind_of(target_);
        const bool exists = kind != detail::file_kind::none;
        if (kind == detail::file_kind::folder) fail("cannot be replaced", EISDIR);
        int descriptor = -1;
        if (exists && kind != detail::file_kind::file) {
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

    /// Removes the temporary file unless it was committed.
    ~file_replacement() {
        if (stream_ != nullptr) std::fclose(stream_);
        remove();
    }

    /// Appends `count` bytes to the file.
    void write(const char* bytes, std::size_t count) {
        errno = 0;
        if (std::fwrite(bytes, 1, count, stream_) != count) fail("cannot be written", errno);
    }

    /// Flushes the file to disk and renames it over `path`. Call it once, as the last member.
    SEQUENT_COLD void commit() {
        errno = 0;
        // Some file systems perform the rename before they write the data.
        if (std::fflush(stream_) != 0 || detail::flush_to_disk(stream_) != 0) {
            fail("cannot be written", errno);
        }
        if (std::fclose(std::exchange(stream_, nullptr)) != 0) fail("cannot be written", errno);
        if (new_path_.empty()) return;
        if (detail::rename_over(new_path_, target_) != 0) fail("cannot be replaced", errno);
        new_path_ = file_path();
        detail::flush_folder(detail::folder_of(target_));
    }

  private:
    /// The path with symbolic links resolved; the file need not exist.
    SEQUENT_COLD file_path followed() const {
        file_path result = path_;
        for (int links = 0; links < 40; ++links) {
            if (detail::kind_of_link(result) != detail::file_kind::link) return result;
            file_path next;
            if (detail::read_link(result, next) != 0) fail("cannot be followed", errno);
            // An absolute target replaces the whole path.
            result = detail::within(detail::folder_of(result), next);
        }
        fail("cannot be followed", ELOOP);
    }

    SEQUENT_COLD int create(bool is_private) {
        static std::atomic<unsigned> files{0};
        for (;;) {
            // The process id separates concurrent writers; the counter skips files left by dead
            // ones.
            const std::string name = joined_text(
                {".sequent-", detail::process_number(), "-", files.fetch_add(1), ".tmp"});
            new_path_ = detail::within(detail::folder_of(target_), name);
            errno = 0;
            const int descriptor = detail::open_new(new_path_, is_private);
            if (descriptor >= 0) return descriptor;
            const int reason = errno;
            if (reason == EEXIST) continue;
            new_path_ = file_path();
            fail("cannot be opened for writing", reason);
        }
    }

    void remove() noexcept {
        if (!new_path_.empty()) detail::remove_file(new_path_);
    }

    [[noreturn]] SEQUENT_COLD void fail(const char* what, int reason) const {
        fail_with<error>({path_.string(), ": ", what, detail::reason_text(reason)});
    }

    file_path path_;
    file_path target_;    // `path_` with symbolic links resolved
    file_path new_path_;  // the temporary file; empty if nothing is to be renamed or removed
    std::FILE* stream_ = nullptr;
};

}  // namespace sequent::inline SEQUENT_ABI::io
