#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/error.hpp"
#include "../io/json.hpp"
#include "../io/path.hpp"
#include "../io/safetensors.hpp"
#include "../io/sorted.hpp"
#include "../io/source.hpp"
#include "../io/tensor_file.hpp"
#include "../joined_text.hpp"

/// Reads models stored in several safetensors files with an index that maps tensors to files:
///
///     io::load<Model>(io::open_sharded("model.safetensors.index.json"), parameters, names);

namespace sequent::inline SEQUENT_ABI::io {

/// Opens the tensors of all files that an index (model.safetensors.index.json) names. The files are
/// in the folder of the index.
///
/// Throws io::error if the index or one of the files is not well-formed, if a file does not have
/// exactly the tensors that the index assigns to it, or if the index names a file outside its
/// folder.
SEQUENT_LAZY
SEQUENT_COLD tensor_file open_sharded(const file_path& index) {
    const source from(index);
    const std::string_view text(reinterpret_cast<const char*>(from.bytes().data()),
                                from.bytes().size());
    const json_document document(text, from.name());
    struct place {
        std::string tensor;
        std::size_t file = 0;
    };
    std::vector<std::string> files;
    std::vector<place> places;
    document.root()["weight_map"].for_each_member([&](std::string_view tensor, json_value value) {
        const std::string_view file = value.string();
        if (file.empty() || file.find_first_of("/\\:") != std::string_view::npos || file == "..")
            value.fail({"\"", file, "\" is no name of a file in the folder of the index"});
        std::size_t number = 0;
        while (number < files.size() && files[number] != file) ++number;
        if (number == files.size()) files.emplace_back(file);
        places.push_back({std::string(tensor), number});
    });
    detail::name_table names;
    for (std::size_t at = 0; at < places.size(); ++at) names.add(places[at].tensor, at);
    names.sort();
    if (const detail::numbered_name* const again = names.repeated())
        fail_with<error>({from.name(), ": tensor \"", again->name, "\" stands twice"});

    tensor_file result;
    result.name = from.name();
    result.formats = detail::plain_formats<>;
    std::vector<char> found(places.size());
    for (std::size_t number = 0; number < files.size(); ++number) {
        tensor_file one =
            open_safetensors(detail::within(detail::folder_of(index), file_path(files[number])));
        for (header_entry& entry : one.header.tensors) {
            const detail::numbered_name* const named = names.find(entry.name);
            if (named == nullptr || places[named->number].file != number) {
                fail_with<error>({one.name, ": has the tensor \"", entry.name, "\", which ",
                                  from.name(), " does not place there"});
            }
            found[named->number] = 1;
            entry.part = number;
            result.header.tensors.push_back(std::move(entry));
        }
        result.parts.push_back(std::move(one.parts[0]));
        for (auto& [key, value] : one.header.metadata) result.header.metadata[key] = value;
    }
    for (std::size_t at = 0; at < places.size(); ++at) {
        if (found[at] == 0)
            fail_with<error>({result.parts[places[at].file].from.name(), ": lacks the tensor \"",
                              places[at].tensor, "\", which ", from.name(), " places there"});
    }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io
