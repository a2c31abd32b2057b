#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "../io/error.hpp"
#include "../io/npy.hpp"
#include "../io/safetensors.hpp"
#include "../io/sorted.hpp"
#include "../io/source.hpp"
#include "../io/tensor_file.hpp"
#include "../joined_text.hpp"

/// Reads several NumPy arrays from one .npz file as written by `numpy.savez`: a ZIP archive of
/// uncompressed .npy files.
///
///     io::load<Model>(io::open_npz("weights.npz"), parameters, names);

namespace sequent::inline SEQUENT_ABI::io {

/// Opens the arrays of a .npz file as tensors with the names of the arrays.
///
/// Throws io::error if the file is not well-formed, compressed (`numpy.savez_compressed`) or
/// encrypted, if it has more than 65,534 arrays or 4 GiB (ZIP64), or if an array of several axes is
/// in Fortran order.
SEQUENT_LAZY
SEQUENT_COLD tensor_file open_npz(const source& from) {
    const std::span<const std::byte> bytes = from.bytes();
    const std::uint64_t size = bytes.size();
    const auto fail = [&](std::initializer_list<text_part> what) {
        fail_with<error>({from.name(), ": ", joined_text(what)});
    };
    const auto u16 = [&](std::uint64_t at) -> std::uint64_t {
        return detail::load_bits<std::uint16_t>(bytes.data() + at);
    };
    const auto u32 = [&](std::uint64_t at) -> std::uint64_t {
        return detail::load_bits<std::uint32_t>(bytes.data() + at);
    };
    // The end record of the directory is followed only by a comment of at most 65535 bytes.
    constexpr std::uint64_t record = 22;
    std::uint64_t end = size;
    for (std::uint64_t at = size; at >= record && at + 65535 >= size; --at) {
        const std::uint64_t begin = at - record;
        if (u32(begin) != 0x06054b50 || begin + record + u16(begin + 20) != size) continue;
        end = begin;
        break;
    }
    if (end == size) fail({"is no ZIP archive: it has no directory at its end"});
    const std::uint64_t count = u16(end + 10), length = u32(end + 12), first = u32(end + 16);
    if (u16(end + 4) != 0 || u16(end + 6) != 0 || u16(end + 8) != count)
        fail({"is one of several parts of an archive"});
    if (count == 0xFFFF || length == 0xFFFFFFFF || first == 0xFFFFFFFF)
        fail({"is a ZIP64 archive, of more than 4 GiB or 65,534 arrays"});
    if (first > end || length > end - first)
        fail({"its directory, bytes [", first, ", ", first + length, "), is beyond byte ", end});

    tensor_file result;
    result.name = from.name();
    result.formats = detail::plain_formats<>;
    result.parts.push_back({from, 0});
    std::vector<header_entry>& entries = result.header.tensors;
    std::uint64_t at = first;
    const std::uint64_t directory_end = first + length;
    for (std::uint64_t number = 0; number < count; ++number) {
        if (directory_end - at < 46 || u32(at) != 0x02014b50)
            fail({"entry ", number, " of its directory is not well-formed"});
        const std::uint64_t flags = u16(at + 8), method = u16(at + 10);
        const std::uint64_t stored = u32(at + 20), whole = u32(at + 24), local = u32(at + 42);
        const std::uint64_t names = u16(at + 28), more = u16(at + 30) + u16(at + 32);
        if (directory_end - at - 46 < names + more)
            fail({"entry ", number, " of its directory is not well-formed"});
        std::string name(reinterpret_cast<const char*>(bytes.data()) + at + 46,
                         static_cast<std::size_t>(names));
        at += 46 + names + more;
        const auto fail_entry = [&](std::initializer_list<text_part> what) {
            fail({"\"", name, "\" ", joined_text(what)});
        };
        if (!name.ends_with(".npy") || !is_utf8(name)) fail_entry({"is no .npy file"});
        if ((flags & 1) != 0) fail_entry({"is encrypted"});
        if (method != 0)
            fail_entry({"is compressed by method ", method,
                        "; numpy.savez writes arrays that are not compressed"});
        if (stored == 0xFFFFFFFF || local == 0xFFFFFFFF) fail_entry({"is larger than 4 GiB"});
        if (stored != whole)
            fail_entry({"has ", stored, " bytes in the archive and ", whole, " outside of it"});
        if (local > first || first - local < 30 || u32(local) != 0x04034b50)
            fail_entry({"does not begin at byte ", local});
        const std::uint64_t begin = local + 30 + u16(local + 26) + u16(local + 28);
        if (begin > first || stored > first - begin)
            fail_entry({"has bytes [", begin, ", ", begin + stored, "), beyond byte ", first});

        const source array(
            bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(stored)),
            joined_text({from.name(), ": ", name}));
        const npy_header header = read_npy_header(array);
        if (header.fortran_order && header.shape.size() > 1)
            fail_entry({"is in Fortran's order; numpy.ascontiguousarray puts it into C's"});
        name.resize(name.size() - 4);
        entries.push_back({name, detail::dtype_of_descr(header.descr), header.shape,
                           begin + header.data, begin + stored});
        if (const std::string problem = detail::problem_of_size(entries.back()); !problem.empty())
            fail({"tensor ", detail::in_quotes(name), problem});
    }
    detail::name_table names;
    for (std::size_t entry = 0; entry < entries.size(); ++entry)
        names.add(entries[entry].name, entry);
    names.sort();
    if (const detail::numbered_name* const again = names.repeated())
        fail({"tensor ", detail::in_quotes(again->name), " stands twice"});
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io
