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

    ~file_replacement() {
        if (stream_ != nullptr) std::fclose(stream_);
        remove();
    }

    void write(const char* bytes, std::size_t count) {
        errno = 0;
        if (std::fwrite(bytes, 1, count, stream_) != count) fail("cannot be written", errno);
    }

    SEQUENT_COLD void commit() {
        errno = 0;
        // Some file systems carry out the rename before they write the data.
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
    /// The file that the path leads to, over symbolic links; it need not be there.
    SEQUENT_COLD file_path followed() const {
        file_path result = path_;
        for (int links = 0; links < 40; ++links) {
            if (detail::kind_of_link(result) != detail::file_kind::link) return result;
            file_path next;
            if (detail::read_link(result, next) != 0) fail("cannot be followed", errno);
            // An absolute one takes the place of the whole.
            result = detail::within(detail::folder_of(result), next);
        }
        fail("cannot be followed", ELOOP);
    }

    SEQUENT_COLD int create(bool is_private) {
        static std::atomic<unsigned> files{0};
        for (;;) {
            // The process keeps writers apart that run now, the next number files of dead ones.
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
    file_path target_;    // behind symbolic links
    file_path new_path_;  // empty where nothing is to be renamed or removed
    std::FILE* stream_ = nullptr;
};

}  // namespace sequent::inline SEQUENT_ABI::io
