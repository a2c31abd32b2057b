#include <sequent/formats/npz.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::check_contains, io_test::view;

namespace {

std::string number(std::uint32_t value, int bytes) {
    std::string result;
    for (int at = 0; at < bytes; ++at)
        result += static_cast<char>(static_cast<unsigned char>(value >> (8 * at)));
    return result;
}

std::string array_of(const std::string& header, const std::string& data) {
    return std::string("\x93NUMPY\x01\x00", 8) +
           number(static_cast<std::uint32_t>(header.size()), 2) + header + data;
}

std::string header(const std::string& descr, const std::string& shape,
                   const std::string& order = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

/// An archive under construction; NumPy's local headers have ZIP64 fields.
struct archive {
    std::string files{};
    std::string directory{};
    std::uint32_t count = 0;

    void add(const std::string& name, const std::string& bytes, std::uint32_t method = 0,
             std::uint32_t flags = 0) {
        const auto size = static_cast<std::uint32_t>(bytes.size());
        const auto length = static_cast<std::uint32_t>(name.size());
        const auto at = static_cast<std::uint32_t>(files.size());
        const std::string common = number(flags, 2) + number(method, 2) + std::string(8, '\0');
        const std::string more = number(1, 2) + number(16, 2) + number(size, 4) + number(0, 4) +
                                 number(size, 4) + number(0, 4);
        files += "PK\x03\x04" + number(45, 2) + common + std::string(8, '\xff') +
                 number(length, 2) + number(static_cast<std::uint32_t>(more.size()), 2) + name +
                 more + bytes;
        directory += "PK\x01\x02" + number(45, 2) + number(45, 2) + common + number(size, 4) +
                     number(size, 4) + number(length, 2) + std::string(12, '\0') + number(at, 4) +
                     name;
        ++count;
    }
    std::string whole(const std::string& comment = "") const {
        return files + directory + "PK\x05\x06" + std::string(4, '\0') + number(count, 2) +
               number(count, 2) + number(static_cast<std::uint32_t>(directory.size()), 4) +
               number(static_cast<std::uint32_t>(files.size()), 4) +
               number(static_cast<std::uint32_t>(comment.size()), 2) + comment;
    }
};

io::tensor_file opened(const std::string& bytes) {
    return io::open_npz(io::source(std::as_bytes(std::span(bytes)), "x.npz"));
}

std::string message(const std::string& bytes) {
    try {
        (void)opened(bytes);
    } catch (const io::error& error) {
        return error.what();
    }
    return "";
}

const std::string one_two("\x00\x00\x80\x3f\x00\x00\x00\x40", 8);

}  // namespace

TEST_CASE("arrays of an archive are tensors") {
    archive made;
    made.add("a.npy", array_of(header("<f4", "(2, 1)"), one_two));
    made.add("b/c.npy", array_of(header("<f2", "(1,)"), std::string("\x00\x3c", 2)));
    for (const char* comment : {"", "a comment PK\x05\x06 with a false record in it"}) {
        const std::string whole = made.whole(comment);
        std::array<float, 2> a{};
        std::array<float, 1> c{};
        io::load(opened(whole),
                 std::vector<io::named_tensor<float>>{{"a", view(a.data(), {2, 1}, {1, 1})},
                                                      {"b/c", view(c.data(), {1}, {1})}});
        CHECK(a == std::array<float, 2>{1, 2});
        CHECK(c == std::array<float, 1>{1});
    }
    CHECK(opened(archive().whole()).header.tensors.empty());
    // Integers are in the file, but nothing can be made of them.
    archive integers;
    integers.add("n.npy", array_of(header("<i4", "(2,)"), one_two));
    const std::string whole = integers.whole();
    std::array<float, 2> n{};
    CHECK_THROWS_WITH(
        io::load(opened(whole),
                 std::vector<io::named_tensor<float>>{{"n", view(n.data(), {2}, {1})}}),
        sequent_test::contains("\"n\": the file has dtype <i4, which is none of F16, BF16"));
}

TEST_CASE("an archive that is not well-formed is an error") {
    const std::string plain = array_of(header("<f4", "(2,)"), one_two);
    const auto of = [&](const std::string& name, const std::string& bytes, std::uint32_t method,
                        std::uint32_t flags) {
        archive made;
        made.add(name, bytes, method, flags);
        return message(made.whole());
    };
    CHECK(of("a.npy", plain, 0, 0).empty());
    check_contains(of("a.npy", plain, 8, 0), {"\"a.npy\"", "compressed by method 8"});
    check_contains(of("a.npy", plain, 0, 1), {"\"a.npy\"", "encrypted"});
    check_contains(of("a.txt", plain, 0, 0), {"\"a.txt\"", "no .npy file"});
    check_contains(of("a.npy", "text", 0, 0), {"x.npz: a.npy", "does not begin with"});
    check_contains(of("a.npy", array_of(header("<f4", "(3,)"), one_two), 0, 0),
                   {"tensor \"a\"", "has 8 bytes", "takes 12"});
    check_contains(of("a.npy", array_of(header("<f4", "(1, 2)", "True"), one_two), 0, 0),
                   {"\"a.npy\"", "Fortran's order"});
    archive twice;
    twice.add("a.npy", plain);
    const std::string one = twice.whole();
    twice.add("a.npy", plain);
    check_contains(message(twice.whole()), {"\"a\" stands twice"});
    // Wherever the file ends or whatever byte is another, the outcome is an error or the arrays.
    for (std::size_t size = 0; size < one.size(); ++size)
        CHECK_FALSE(message(one.substr(0, size)).empty());
    for (std::size_t at = 0; at < one.size(); ++at) {
        for (const char byte : {'\0', '\x7f', '\xff'}) {
            std::string changed = one;
            changed[at] = byte;
            const std::string what = message(changed);
            if (!what.empty()) CHECK_THAT(what, sequent_test::contains("x.npz"));
        }
    }
}
