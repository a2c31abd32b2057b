#include <sequent/io/replace_file.hpp>
#include <sequent/io/source.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace fs = std::filesystem;
namespace io = sequent::io;
using io_test::bytes_of, io_test::folder, io_test::write_bytes, sequent_test::contains;

namespace {

void save(const fs::path& path, const std::string& text) {
    io::file_replacement file(path);
    for (const char each : text) file.write(&each, 1);
    file.commit();
}

[[maybe_unused]] fs::perms mode_of(const fs::path& path) {
    return fs::status(path).permissions();
}

}  // namespace

TEST_CASE("a file is replaced whole, or stays as it was and nothing is left behind") {
    const folder here;
    save(here / "a", "first");
    CHECK(bytes_of(here / "a") == "first");
    {
        io::file_replacement file(here / "a");
        file.write("half", 4);
    }
    CHECK(bytes_of(here / "a") == "first");
    save(here / "a", "");
    CHECK(bytes_of(here / "a").empty());
    save(here / "a", std::string(100'000, 'x') + '\n');
    CHECK(bytes_of(here / "a") == std::string(100'000, 'x') + '\n');
    CHECK(here.files() == 1);
    // No name that a user could have chosen is taken for a while.
    write_bytes(here / "a.tmp", "mine");
    save(here / "a", "last");
    CHECK(bytes_of(here / "a.tmp") == "mine");
    CHECK(here.files() == 2);
}

TEST_CASE("errors of writing name the path that was given") {
    const folder here;
    const auto missing = here / "no" / "x";
    CHECK_THROWS_WITH(save(missing, ""), contains(missing.string() + ": cannot be opened"));
    CHECK_THROWS_AS(save(missing, ""), io::error);
    fs::create_directory(here / "y");
    CHECK_THROWS_WITH(save(here / "y", ""),
                      contains((here / "y").string() + ": cannot be replaced"));
    CHECK(here.files() == 1);
    const std::string longest(255, 'n');
    save(here / longest.c_str(), "long");
    CHECK(bytes_of(here / longest.c_str()) == "long");
}

TEST_CASE("writers of one path do not meet") {
    const folder here;
    constexpr int writers = 4, times = 30;
    std::set<std::string> texts;
    for (int writer = 0; writer < writers; ++writer)
        texts.insert(std::string(20'000, static_cast<char>('a' + writer)));
    std::vector<std::string> failures(writers);
    std::vector<std::thread> threads;
    int torn = 0;
    std::string unread;
    save(here / "shared", *texts.begin());
    for (int writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&, writer] {
            const auto at = static_cast<std::size_t>(writer);
            try {
                for (int time = 0; time < times; ++time)
                    save(here / "shared", std::string(20'000, static_cast<char>('a' + writer)));
            } catch (const io::error& error) {
                failures[at] = error.what();
            }
        });
    }
    for (int read = 0; read < 100; ++read) {
        try {
            const io::source file(here / "shared");
            const auto* text = reinterpret_cast<const char*>(file.bytes().data());
            torn += texts.contains(std::string(text, file.bytes().size())) ? 0 : 1;
        } catch (const io::error& error) {
            unread = error.what();
        }
    }
    for (auto& thread : threads) thread.join();
    CHECK(torn == 0);
#ifdef _WIN32
    // Windows refuses a file that another thread replaces. The library tries again for a second;
    // how long a busy machine takes is not known.
    if (!unread.empty()) WARN(unread);
    for (const std::string& failure : failures)
        CHECK((failure.empty() || failure.find("cannot be replaced") != std::string::npos));
#else
    CHECK(unread == "");
    CHECK(failures == std::vector<std::string>(writers));
#endif
    CHECK(texts.contains(bytes_of(here / "shared")));
    CHECK(here.files() == 1);
}

#ifndef _WIN32
TEST_CASE("a link stays a link, and the file that it leads to is replaced") {
    const folder here;
    fs::create_directories(here / "other" / "deep");
    write_bytes(here / "other" / "file", "old");
    fs::create_symlink("other/middle", here / "link");
    fs::create_symlink("file", here / "other" / "middle");
    save(here / "link", "new");
    CHECK(fs::is_symlink(here / "link"));
    CHECK(fs::is_symlink(here / "other" / "middle"));
    CHECK(bytes_of(here / "other" / "file") == "new");
    fs::create_symlink(here / "other" / "deep" / "later", here / "dangling");
    save(here / "dangling", "made");
    CHECK(bytes_of(here / "other" / "deep" / "later") == "made");
    fs::create_symlink("round", here / "round");
    CHECK_THROWS_WITH(save(here / "round", ""), contains("round: cannot be followed"));
    CHECK(here.files() == 4);
}

TEST_CASE("a file keeps its mode, a new one has that of new files") {
    const folder here;
    for (const unsigned mode : {0600U, 0644U, 0666U, 0755U}) {
        write_bytes(here / "a", "old");
        fs::permissions(here / "a", static_cast<fs::perms>(mode));
        save(here / "a", "new");
        CHECK(mode_of(here / "a") == static_cast<fs::perms>(mode));
    }
    const auto before = ::umask(027);
    save(here / "b", "new");
    ::umask(before);
    CHECK(mode_of(here / "b") == static_cast<fs::perms>(0640));
    if (::geteuid() != 0) {
        fs::permissions(here / "a", static_cast<fs::perms>(0444));
        CHECK_THROWS_WITH(save(here / "a", "no"), contains("a: cannot be replaced"));
    }
    CHECK(bytes_of(here / "a") == "new");
}

TEST_CASE("a pipe is written to, not replaced") {
    const folder here;
    REQUIRE(::mkfifo((here / "pipe").c_str(), 0600) == 0);
    std::string read;
    std::thread reader([&] { read = bytes_of(here / "pipe"); });
    save(here / "pipe", "through");
    reader.join();
    CHECK(read == "through");
    CHECK(fs::is_fifo(here / "pipe"));
    CHECK(here.files() == 1);
}

TEST_CASE("what cannot be mapped is read to a place that packed weights can be used at") {
    const folder here;
    REQUIRE(::mkfifo((here / "pipe").c_str(), 0600) == 0);
    std::vector<io::source> kept;
    for (const std::size_t size :
         std::initializer_list<std::size_t>{1, 100, 4095, 4096, 4097, 70000}) {
        std::string text(size, 'a');
        for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>(at * 7 + at / 256);
        std::thread writer([&] { write_bytes(here / "pipe", text); });
        kept.emplace_back(here / "pipe");
        writer.join();
        const auto bytes = kept.back().bytes();
        CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % 64 == 0);
        REQUIRE(bytes.size() == size);
        CHECK(std::memcmp(bytes.data(), text.data(), size) == 0);
    }
}
#endif
