#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "../json_text.hpp"
#include "json_cursor.hpp"
#include "sorted.hpp"
#include "tensor_file.hpp"

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// Parses exactly the JSON that a safetensors header may contain: an object of tensors, and
/// `__metadata__`, an object of strings. It does not recurse, so no input exhausts the stack.
SEQUENT_LAZY class header_parser : json_cursor<> {
  public:
    header_parser(std::string_view text, std::string_view file)
        : json_cursor<>(text, file, ": header") {}

    SEQUENT_COLD file_header parse() {
        file_header header;
        std::vector<std::size_t> places;  // the byte at which the value of each tensor begins
        bool metadata_seen = false;
        // The format requires the brace in the first byte: no white space before it.
        if (text_.empty() || text_[0] != '{') fail({"expected '{'"});
        object([&](std::string name) {
            if (name == "__metadata__") {
                if (std::exchange(metadata_seen, true)) fail({"\"__metadata__\" stands twice"});
                if (!accept_word("null")) header.metadata = metadata();
                return;
            }
            places.push_back(at_);
            header.tensors.push_back(tensor(std::move(name)));
        });
        skip_space();
        if (at_ != text_.size()) fail({"expected the end of the header"});
        name_table names;
        for (std::size_t at = 0; at < places.size(); ++at) names.add(header.tensors[at].name, at);
        names.sort();
        if (const numbered_name* const again = names.repeated()) {
            at_ = places[again->number];
            fail({"tensor \"", again->name, "\" stands twice"});
        }
        return header;
    }

  private:
    SEQUENT_COLD metadata_map metadata() {
        metadata_map map;
        object([&](std::string key) {
            std::string value = string();
            if (map.contains(key)) fail({"metadata \"", key, "\" stands twice"});
            map[std::move(key)] = std::move(value);
        });
        return map;
    }

    SEQUENT_COLD header_entry tensor(std::string name) {
        header_entry entry;
        entry.name = std::move(name);
        bool dtype = false, shape = false, offsets = false;
        const auto first = [&](bool& seen, std::string_view key) {
            if (std::exchange(seen, true)) {
                fail({"tensor \"", entry.name, "\" has two ", key});
            }
        };
        object([&](const std::string& key) {
            if (key == "dtype") {
                first(dtype, key);
                entry.dtype = string();
            } else if (key == "shape") {
                first(shape, key);
                entry.shape = numbers();
            } else if (key == "data_offsets") {
                first(offsets, key);
                const auto pair = numbers();
                if (pair.size() != 2) {
                    fail({"tensor \"", entry.name, "\": data_offsets are two numbers, found ",
                          pair.size()});
                }
                entry.begin = pair[0];
                entry.end = pair[1];
            } else {
                fail({"tensor \"", entry.name, "\" has the unknown key \"", key, "\""});
            }
        });
        if (!dtype || !shape || !offsets) {
            fail({"tensor \"", entry.name, "\" lacks ",
                  !dtype   ? "dtype"
                  : !shape ? "shape"
                           : "data_offsets"});
        }
        return entry;
    }

    SEQUENT_COLD std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> values;
        expect('[');
        if (accept(']')) return values;
        do {
            values.push_back(whole_number());
        } while (accept(','));
        expect(']');
        return values;
    }
};

}  // namespace detail

/// Parses the JSON of a safetensors header. Throws io::error, which names `file`, for JSON that is
/// not well-formed, unknown or repeated keys, numbers that are not integers and text that is not
/// UTF-8. Offsets are not checked; open_safetensors checks them.
SEQUENT_LAZY
SEQUENT_COLD file_header parse_header(std::string_view json, std::string_view file) {
    return detail::header_parser<>(json, file).parse();
}

/// The JSON of a safetensors header: metadata first, then the tensors in their order. Names and
/// metadata must be UTF-8.
SEQUENT_LAZY
SEQUENT_COLD std::string format_header(const file_header& header) {
    std::string json = "{";
    const auto key = [&](std::string_view name) {
        if (json.back() != '{') json += ',';
        append_json_string(json, name);
        json += ':';
    };
    if (!header.metadata.empty()) {
        key("__metadata__");
        json += '{';
        for (const auto& [name, value] : header.metadata) {
            key(name);
            append_json_string(json, value);
        }
        json += '}';
    }
    for (const auto& entry : header.tensors) {
        key(entry.name);
        json += "{\"dtype\":";
        append_json_string(json, entry.dtype);
        json += ",\"shape\":[";
        for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
            if (axis > 0) json += ',';
            append_text(json, {entry.shape[axis]});
        }
        append_text(json, {"],\"data_offsets\":[", entry.begin, ",", entry.end, "]}"});
    }
    json += '}';
    return json;
}

}  // namespace sequent::inline SEQUENT_ABI::io
