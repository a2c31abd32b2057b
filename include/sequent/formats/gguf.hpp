#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "../io/error.hpp"
#include "../io/gguf_vocabulary.hpp"
#include "../io/sorted.hpp"
#include "../io/source.hpp"
#include "../io/tensor_file.hpp"
#include "../io/utf8.hpp"
#include "../joined_text.hpp"
#include "gguf_types.hpp"
#include "llama_cpp.hpp"

/// Reads GGUF files of version 2 and 3, the format of llama.cpp: metadata, the vocabulary, and
/// tensors in F32, F16, BF16, F64, Q8_0, Q4_0 and Q4_1, which are decoded to float or double.
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
///
///     const io::gguf_file file("model.gguf");
///     io::load<Model>(file.tensors(), parameters, io::llama_cpp::llama);

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

enum class gguf_type : std::uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    text,
    array,
    u64,
    i64,
    f64
};

SEQUENT_LAZY
SEQUENT_COLD std::string name_of_gguf(gguf_type type) {
    constexpr const char* names[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                     "int32",  "float32", "bool",   "string", "array",
                                     "uint64", "int64",   "float64"};
    const auto number = static_cast<std::uint32_t>(type);
    return number < std::size(names) ? std::string(names[number])
                                     : joined_text({"the unknown type ", number});
}

/// Size of a value in bytes; 0 for strings and arrays, which store their own length.
constexpr std::uint64_t size_of_gguf(gguf_type type) noexcept {
    using enum gguf_type;
    switch (type) {
        case u8:
        case i8:
        case boolean:
            return 1;
        case u16:
        case i16:
            return 2;
        case u32:
        case i32:
        case f32:
            return 4;
        case u64:
        case i64:
        case f64:
            return 8;
        default:
            return 0;
    }
}

/// A key of the metadata and the byte `at` which its value, or the first of `count` values, begins.
struct gguf_field {
    std::string_view key;
    gguf_type type = gguf_type::u8;
    bool is_array = false;
    std::uint64_t count = 1;
    std::size_t at = 0;
};

/// Reads a file sequentially; each read is checked against the end of the file.
SEQUENT_LAZY class gguf_reader {
  public:
    explicit gguf_reader(const source& from) : bytes_(from.bytes()), file_(from.name()) {}

    std::size_t at() const noexcept { return at_; }
    std::uint64_t left() const noexcept { return bytes_.size() - at_; }

    template <class Bits>
    Bits number(std::string_view what) {
        need(sizeof(Bits), what);
        const auto result = load_bits<Bits>(bytes_.data() + at_);
        at_ += sizeof(Bits);
        return result;
    }

    SEQUENT_COLD std::string_view text(std::string_view what) {
        const auto length = number<std::uint64_t>(what);
        need(length, what);
        const std::string_view result(reinterpret_cast<const char*>(bytes_.data()) + at_,
                                      static_cast<std::size_t>(length));
        at_ += result.size();
        return result;
    }

    /// A number of items of at least `size` bytes each; throws io::error if the file is too short
    /// for them.
    SEQUENT_COLD std::uint64_t count(std::uint64_t size, std::string_view what) {
        const auto result = number<std::uint64_t>(what);
        if (result > left() / size)
            fail({what, " is ", result, ", the file has only ", left(), " bytes behind it"});
        return result;
    }

    SEQUENT_COLD void skip(std::uint64_t bytes, std::string_view what) {
        need(bytes, what);
        at_ += static_cast<std::size_t>(bytes);
    }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({file_, ": byte ", at_, ": ", joined_text(what)});
    }

  private:
    void need(std::uint64_t bytes, std::string_view what) const {
        if (bytes > left())
            fail({what, " takes ", bytes, " bytes, the file has only ", left(), " there"});
    }

    std::span<const std::byte> bytes_;
    std::string_view file_;
    std::size_t at_ = 0;
};

SEQUENT_LAZY
SEQUENT_COLD gguf_field read_gguf_field(gguf_reader<>& reader) {
    gguf_field field;
    field.key = reader.text("a key");
    if (!is_utf8(field.key)) reader.fail({"a key is not UTF-8"});
    const auto fail_type = [&] {
        reader.fail({in_quotes(field.key), " has ", name_of_gguf(field.type),
                     field.is_array ? " as the type of an array's elements" : " as its type"});
    };
    field.type = static_cast<gguf_type>(reader.number<std::uint32_t>(field.key));
    if (field.type == gguf_type::array) {
        field.is_array = true;
        field.type = static_cast<gguf_type>(reader.number<std::uint32_t>(field.key));
    }
    const std::uint64_t size = size_of_gguf(field.type);
    const bool is_text = field.type == gguf_type::text;
    if (size == 0 && !is_text) fail_type();
    if (field.is_array) field.count = reader.count(is_text ? 8 : size, field.key);
    field.at = reader.at();
    if (is_text) {
        for (std::uint64_t at = 0; at < field.count; ++at) (void)reader.text(field.key);
    } else {
        reader.skip(field.count * size, field.key);
    }
    return field;
}

/// Reads the header of a tensor, except `end`.
SEQUENT_LAZY
SEQUENT_COLD header_entry read_gguf_tensor(gguf_reader<>& reader) {
    header_entry entry;
    entry.name = std::string(reader.text("a tensor's name"));
    if (!is_utf8(entry.name)) reader.fail({"a tensor's name is not UTF-8"});
    const auto rank = reader.number<std::uint32_t>(entry.name);
    if (rank > 4)
        reader.fail({"tensor ", in_quotes(entry.name), " has ", rank, " extents, at most are 4"});
    entry.shape.resize(rank);
    // The file stores the extents in reverse order, the innermost first.
    for (std::size_t axis = rank; axis-- > 0;)
        entry.shape[axis] = reader.number<std::uint64_t>(entry.name);
    entry.dtype = type_of_gguf_tensor(reader.number<std::uint32_t>(entry.name));
    entry.begin = reader.number<std::uint64_t>(entry.name);
    return entry;
}

}  // namespace detail

/// A GGUF file: metadata, vocabulary and tensors. Use it as `gguf_file`.
SEQUENT_LAZY class basic_gguf_file {
  public:
    /// Opens a file, reads its metadata and checks its tensors' headers. Throws io::error if it is
    /// not well-formed.
    SEQUENT_COLD explicit basic_gguf_file(const source& from) {
        detail::gguf_reader<> reader(from);
        file_.name = from.name();
        file_.formats = detail::gguf_formats<>;
        const auto magic = reader.number<std::uint32_t>("the file");
        if (magic != 0x46554747) reader.fail({"the file does not begin with \"GGUF\""});
        const auto version = reader.number<std::uint32_t>("the version");
        if (version < 2 || version > 3)
            reader.fail({"the file is of version ", version, " of the format, known are 2 and 3"});
        // The least number of bytes of a tensor's header and of a pair of metadata.
        const std::uint64_t tensors = reader.count(24, "the number of tensors");
        const std::uint64_t pairs = reader.count(13, "the number of pairs of metadata");
        detail::name_table keys, names;
        for (std::uint64_t at = 0; at < pairs; ++at) {
            fields_.push_back(detail::read_gguf_field(reader));
            keys.add(fields_.back().key, fields_.size() - 1);
        }
        keys.sort();
        if (const auto* const again = keys.repeated())
            reader.fail({"the key ", detail::in_quotes(again->name), " stands twice"});
        std::vector<header_entry>& entries = file_.header.tensors;
        for (std::uint64_t at = 0; at < tensors; ++at)
            entries.push_back(detail::read_gguf_tensor(reader));
        for (std::size_t at = 0; at < entries.size(); ++at) names.add(entries[at].name, at);
        names.sort();
        if (const auto* const again = names.repeated())
            reader.fail({"tensor ", detail::in_quotes(again->name), " stands twice"});
        file_.parts.push_back({from, 0});
        const std::int64_t alignment = has("general.alignment") ? integer("general.alignment") : 32;
        if (alignment < 1 || alignment > (1 << 20) || (alignment & (alignment - 1)) != 0)
            fail("general.alignment", joined_text({"is ", alignment, ", no power of two to 2^20"}));
        const auto step = static_cast<std::size_t>(alignment);
        const std::size_t data = (reader.at() + step - 1) / step * step;
        file_.parts[0].data = data;
        const std::size_t size = from.bytes().size();
        check_tensors(data < size ? size - data : 0, step);
        for (const detail::gguf_field& field : fields_)
            if (field.type == detail::gguf_type::text && !field.is_array)
                file_.header.metadata[std::string(field.key)] = text(field.key);
    }

    /// The tensors, for `load`, valid as long as this object. Their dtypes are named as in ggml.
    /// Their metadata are the keys whose value is a string.
    const tensor_file& tensors() const noexcept { return file_; }

    /// Returns true if the metadata have a key.
    bool has(std::string_view key) const noexcept { return find(key) != nullptr; }

    /// The string of a key. Like the functions below, it throws io::error if the key is missing or
    /// its value has another type.
    SEQUENT_COLD std::string text(std::string_view key) const {
        return std::string(text_at(of(key, false, is_text, "a string").at));
    }
    /// The integer of a key, of any integer type. Throws io::error if it exceeds std::int64_t.
    SEQUENT_COLD std::int64_t integer(std::string_view key) const {
        return integer_at(of(key, false, is_integer, "an integer"), 0);
    }
    /// The number of a key, of any integer or floating-point type.
    SEQUENT_COLD double number(std::string_view key) const {
        return number_at(of(key, false, is_number, "a number"), 0);
    }
    /// The bool of a key.
    SEQUENT_COLD bool truth(std::string_view key) const {
        const detail::gguf_field& field = of(key, false, is_truth, "a bool");
        const auto value = load<std::uint8_t>(field.at);
        if (value > 1) fail(key, joined_text({"is the bool ", static_cast<int>(value)}));
        return value == 1;
    }
    /// The array of strings of a key.
    SEQUENT_COLD std::vector<std::string> texts(std::string_view key) const {
        const detail::gguf_field& field = of(key, true, is_text, "an array of strings");
        std::vector<std::string> result;
        result.reserve(static_cast<std::size_t>(field.count));
        std::size_t at = field.at;
        for (std::uint64_t number = 0; number < field.count; ++number) {
            result.emplace_back(text_at(at));
            at += 8 + result.back().size();
        }
        return result;
    }
    /// The array of integers of a key.
    SEQUENT_COLD std::vector<std::int64_t> integers(std::string_view key) const {
        const detail::gguf_field& field = of(key, true, is_integer, "an array of integers");
        std::vector<std::int64_t> result;
        for (std::uint64_t at = 0; at < field.count; ++at) result.push_back(integer_at(field, at));
        return result;
    }
    /// The array of numbers of a key, of any integer or floating-point type.
    SEQUENT_COLD std::vector<double> numbers(std::string_view key) const {
        const detail::gguf_field& field = of(key, true, is_number, "an array of numbers");
        std::vector<double> result;
        for (std::uint64_t at = 0; at < field.count; ++at) result.push_back(number_at(field, at));
        return result;
    }

    /// The vocabulary, from the keys "tokenizer.ggml.*". Throws io::error if the file has no model
    /// or tokens, if a list has another type, if there are not as many scores or types as tokens,
    /// or if a special token is not one of the tokens.
    SEQUENT_COLD gguf_vocabulary vocabulary() const {
        const std::string prefix = "tokenizer.ggml.";
        gguf_vocabulary result;
        result.model = text(prefix + "model");
        if (has(prefix + "pre")) result.split = text(prefix + "pre");
        result.tokens = texts(prefix + "tokens");
        const auto check_count = [&](const char* name, std::size_t count) {
            if (count != result.tokens.size())
                fail(prefix + name, joined_text({"has ", count, " elements, there are ",
                                                 result.tokens.size(), " tokens"}));
        };
        if (has(prefix + "scores")) {
            const auto scores = numbers(prefix + "scores");
            check_count("scores", scores.size());
            for (const double score : scores) result.scores.push_back(static_cast<float>(score));
        }
        if (has(prefix + "token_type")) {
            const auto types = integers(prefix + "token_type");
            check_count("token_type", types.size());
            for (const std::int64_t each : types) {
                if (each < 0 || each > 6)
                    fail(prefix + "token_type", joined_text({"has the unknown type ", each}));
                result.types.push_back(static_cast<std::int32_t>(each));
            }
        }
        if (has(prefix + "merges")) result.merges = texts(prefix + "merges");
        const auto special = [&](const char* name, std::int32_t& token) {
            const std::string key = joined_text({prefix, name, "_token_id"});
            if (!has(key)) return;
            const std::int64_t value = integer(key);
            if (value < 0 || static_cast<std::uint64_t>(value) >= result.tokens.size())
                fail(key,
                     joined_text({"is ", value, ", there are ", result.tokens.size(), " tokens"}));
            token = static_cast<std::int32_t>(value);
        };
        special("bos", result.begin);
        special("eos", result.end);
        special("unknown", result.unknown);
        special("padding", result.padding);
        special("cls", result.classifier);
        special("seperator", result.separator);  // as the format spells it
        const auto adds = [&](const char* name, bool& value) {
            const std::string key = joined_text({prefix, "add_", name});
            if (has(key)) value = truth(key);
        };
        result.adds_end = result.model == "t5";
        adds("bos_token", result.adds_begin);
        adds("eos_token", result.adds_end);
        adds("space_prefix", result.adds_space);
        const std::string removes = prefix + "remove_extra_whitespaces";
        if (has(removes)) result.removes_spaces = truth(removes);
        if (has(prefix + "precompiled_charsmap"))
            for (const std::int64_t byte : integers(prefix + "precompiled_charsmap"))
                result.charsmap.push_back(static_cast<char>(byte));
        return result;
    }

  private:
    using type = detail::gguf_type;

    static bool is_text(type of) noexcept { return of == type::text; }
    static bool is_truth(type of) noexcept { return of == type::boolean; }
    static bool is_integer(type of) noexcept {
        return is_number(of) && of != type::f32 && of != type::f64;
    }
    static bool is_number(type of) noexcept {
        return of != type::text && of != type::boolean && of != type::array;
    }

    const detail::gguf_field* find(std::string_view key) const noexcept {
        for (const detail::gguf_field& field : fields_)
            if (field.key == key) return &field;
        return nullptr;
    }

    SEQUENT_COLD const detail::gguf_field& of(std::string_view key, bool is_array,
                                              bool (*fits)(type), const char* wanted) const {
        const detail::gguf_field* const field = find(key);
        if (field == nullptr) fail(key, "is not in the file");
        if (field->is_array != is_array || !fits(field->type))
            fail(key, joined_text({"is ", field->is_array ? "an array of " : "of the type ",
                                   detail::name_of_gguf(field->type), ", wanted is ", wanted}));
        return *field;
    }

    [[noreturn]] SEQUENT_COLD void fail(std::string_view key, std::string_view what) const {
        fail_with<error>({file_.name, ": metadata ", detail::in_quotes(key), " ", what});
    }

    template <class Bits>
    Bits load(std::size_t at) const noexcept {
        return detail::load_bits<Bits>(file_.parts[0].from.bytes().data() + at);
    }

    std::string_view text_at(std::size_t at) const noexcept {
        return {reinterpret_cast<const char*>(file_.parts[0].from.bytes().data()) + at + 8,
                static_cast<std::size_t>(load<std::uint64_t>(at))};
    }

    SEQUENT_COLD std::int64_t integer_at(const detail::gguf_field& field,
                                         std::uint64_t number) const {
        const std::size_t at =
            field.at + static_cast<std::size_t>(number * size_of_gguf(field.type));
        switch (field.type) {
            case type::u8:
                return load<std::uint8_t>(at);
            case type::i8:
                return static_cast<std::int8_t>(load<std::uint8_t>(at));
            case type::u16:
                return load<std::uint16_t>(at);
            case type::i16:
                return static_cast<std::int16_t>(load<std::uint16_t>(at));
            case type::u32:
                return load<std::uint32_t>(at);
            case type::i32:
                return static_cast<std::int32_t>(load<std::uint32_t>(at));
            default:
                break;
        }
        const auto value = load<std::uint64_t>(at);
        if (field.type == type::u64 && value >> 63 != 0)
            fail(field.key, joined_text({"is ", value, ", beyond 63 bits"}));
        return static_cast<std::int64_t>(value);
    }

    SEQUENT_COLD double number_at(const detail::gguf_field& field, std::uint64_t number) const {
        const std::size_t at =
            field.at + static_cast<std::size_t>(number * size_of_gguf(field.type));
        if (field.type == type::f32)
            return static_cast<double>(std::bit_cast<float>(load<std::uint32_t>(at)));
        if (field.type == type::f64) return std::bit_cast<double>(load<std::uint64_t>(at));
        return static_cast<double>(integer_at(field, number));
    }

    /// Checks that the tensors are aligned, lie within the data and do not overlap, and sets their
    /// `end`. A tensor of an unknown type counts as empty.
    SEQUENT_COLD void check_tensors(std::uint64_t size, std::uint64_t alignment) {
        std::vector<header_entry>& entries = file_.header.tensors;
        std::vector<detail::numbered_range> ranges;
        for (std::size_t at = 0; at < entries.size(); ++at) {
            header_entry& entry = entries[at];
            const auto fail = [&](std::initializer_list<text_part> what) {
                fail_with<error>({file_.name, ": tensor ", detail::in_quotes(entry.name), ": ",
                                  joined_text(what)});
            };
            if (entry.begin % alignment != 0)
                fail({"its offset ", entry.begin, " is no multiple of ", alignment});
            std::uint64_t count = 1;
            for (const std::uint64_t extent : entry.shape) {
                // A tensor has less than 2^48 elements, so that no count of bytes overflows.
                if (extent > 0 && count > (std::uint64_t{1} << 48) / extent)
                    fail({"its shape is ", detail::shape_text(entry.shape), ", too large"});
                count *= extent;
            }
            std::uint64_t bytes = 0;
            if (const detail::number_format* const format = file_.format_of(entry)) {
                const std::uint64_t row = entry.shape.empty() ? 1 : entry.shape.back();
                if (row % format->count != 0)
                    fail({"its rows have ", row, " elements, ", format->name, " has blocks of ",
                          format->count});
                bytes = count / format->count * format->bytes;
            }
            if (entry.begin > size || bytes > size - entry.begin)
                fail({"bytes [", entry.begin, ", ", entry.begin + bytes,
                      ") reach beyond the data of ", size, " bytes (is the file truncated?)"});
            entry.end = entry.begin + bytes;
            if (bytes > 0) ranges.push_back({entry.begin, entry.end, at});
        }
        detail::sort(ranges);
        for (std::size_t at = 1; at < ranges.size(); ++at)
            if (ranges[at].first < ranges[at - 1].last)
                fail_with<error>({file_.name, ": tensor ",
                                  detail::in_quotes(entries[ranges[at].number].name),
                                  " overlaps the tensor ",
                                  detail::in_quotes(entries[ranges[at - 1].number].name)});
    }

    tensor_file file_;
    std::vector<detail::gguf_field> fields_;
};

/// A GGUF file: metadata, vocabulary and tensors.
using gguf_file = basic_gguf_file<>;

}  // namespace sequent::inline SEQUENT_ABI::io
