#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../model/packed.hpp"
#include "llama2c.hpp"
#include "name_map.hpp"
#include "safetensors.hpp"

/// Reads packed weights from files, one matrix at a time, and writes them. Included by packed.hpp.

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// Address that represents the first parameter. Views of parameters that are not in memory use such
/// addresses only to state places among the parameters.
inline constexpr std::uintptr_t first_address = 64;

inline std::ptrdiff_t place_of_address(const any_view& view) {
    return static_cast<std::ptrdiff_t>(
        (reinterpret_cast<std::uintptr_t>(view.data) - first_address) / sizeof(float));
}

template <class Model>
std::vector<any_tensor> places_of_parameters() {
    std::vector<any_tensor> result;
    auto* const base = reinterpret_cast<float*>(first_address);
    for (const auto& [name, view] : model_detail::named_weights<typename Model::plan>)
        result.push_back(
            {std::string(name), any_view::of(model_detail::to_tensor<float>(view, base))});
    return result;
}

/// Fills packed weights from matched tensors.
template <class = void>
class packed_reader {
    using places = model_detail::packed_filler::places;
    using packed_matrix = model_detail::packed_matrix;

  public:
    SEQUENT_COLD packed_reader(const tensor_file& file, const matching& found, const places& to)
        : file_(file), to_(to), pieces_(found.pieces), constants_(found.pieces.size()) {
        check_all(file, found);
        for (const constant_view& each : found.constants) {
            pieces_.push_back(whole(each.view, 0));
            pieces_.back().plus = each.number;
        }
        for (const piece& each : pieces_) {
            range all{place_of_address(each.view), place_of_address(each.view)};
            for (std::size_t axis = 0; axis < static_cast<std::size_t>(each.view.rank); ++axis)
                all.last += std::ptrdiff_t{each.view.extents[axis] - 1} * each.view.strides[axis];
            ranges_.push_back(all);
            adds_ = adds_ || each.is_summand;
        }
        fill_rest();
    }

    template <class Format>
    SEQUENT_COLD void fill(const packed_matrix& matrix) {
        for (int copy = 0; copy < matrix.copies(); ++copy)
            for (int split = 0; split < matrix.splits; ++split)
                fill_matrix<Format>(matrix, copy, split);
    }

  private:
    /// A row of a parameter's numbers, `stride` apart from place `at` on, and its location in the
    /// file.
    struct numbers {
        std::ptrdiff_t at = 0;
        std::ptrdiff_t stride = 1;
        std::ptrdiff_t count = 0;
        stored_tensor stored{};  // without data: all are `plus`
        std::uint64_t number = 0;
        std::uint64_t number_stride = 1;
        const piece* part = nullptr;

        void decode(std::ptrdiff_t first, std::size_t some, double* values) const {
            if (stored.data)
                stored.format->decode(stored,
                                      number + static_cast<std::uint64_t>(first) * number_stride,
                                      number_stride, some, values);
            else
                std::fill_n(values, some, 0.0);
            for (std::size_t at_value = 0; at_value < some; ++at_value)
                values[at_value] += part->plus;
        }
    };
    struct range {
        std::ptrdiff_t first, last;  // inclusive
    };

    /// Calls visit(numbers) for the rows of piece `at` that overlap a range of places.
    template <class Visit>
    void each_row(std::size_t at, range within, Visit visit) const {
        const piece& part = pieces_[at];
        if (ranges_[at].last < within.first || ranges_[at].first > within.last) return;
        const auto take = [&](const stored_tensor& stored, auto advance) {
            for_each_row(part, [&](const piece_row& row) {
                numbers next{ranges_[at].first + row.at,
                             row.stride,
                             static_cast<std::ptrdiff_t>(row.columns),
                             stored,
                             row.number,
                             row.number_stride,
                             &part};
                const std::ptrdiff_t last = next.at + (next.count - 1) * next.stride;
                if (last < within.first || next.at > within.last) return;
                visit(next);
                advance(row.number);
            });
        };
        if (at >= constants_) return take({}, [](std::uint64_t) {});
        const header_entry& entry = file_.header.tensors[part.tensor];
        const stored_tensor stored = file_.stored_of(entry);
        releaser done(file_, entry, *stored.format);
        take(stored, [&](std::uint64_t number) { done.advance(number); });
    }

    void fill_rest() const {
        for (std::size_t at = 0; at < pieces_.size(); ++at) {
            // A piece belongs to one parameter.
            if (to_.place_in_rest(ranges_[at].first) < 0) continue;
            each_row(at, ranges_[at], [&](const numbers& row) {
                std::array<double, decoded_together> values;
                for (std::ptrdiff_t first = 0; first < row.count;) {
                    const auto some = std::min<std::ptrdiff_t>(decoded_together, row.count - first);
                    row.decode(first, static_cast<std::size_t>(some), values.data());
                    for (std::ptrdiff_t each = 0; each < some; ++each, ++first) {
                        float& to = to_.rest[to_.place_in_rest(row.at + first * row.stride)];
                        const auto value =
                            static_cast<float>(values[static_cast<std::size_t>(each)]);
                        to = row.part->is_summand ? to + value : value;
                    }
                }
            });
        }
    }

    /// Fills a matrix in blocks of outputs whose floats take a few MB.
    template <class Format>
    void fill_matrix(const packed_matrix& matrix, int copy, int split) {
        const std::ptrdiff_t base = matrix.place_from(copy, split);
        std::byte* const to = to_.packed + matrix.byte_to(copy, split);
        constexpr int together = Format::rows::inputs;
        const int blocks = kernel::detail::packed_blocks<Format>(matrix.inputs);
        const int most = std::max(16, (1 << 20) / (blocks * together) / 16 * 16);
        for (int first = 0; first < matrix.outputs; first += most) {
            const int outputs = std::min(most, matrix.outputs - first);
            const int padded = (outputs + 15) / 16 * 16;
            blocks_ = blocks;
            floats_.assign(static_cast<std::size_t>(padded) * static_cast<std::size_t>(blocks) *
                               static_cast<std::size_t>(together),
                           0.0f);
            whole_.assign(static_cast<std::size_t>(padded) * static_cast<std::size_t>(blocks), 0);
            const std::ptrdiff_t begin = base + std::ptrdiff_t{first} * matrix.output_stride;
            const range within{begin, begin + std::ptrdiff_t{outputs - 1} * matrix.output_stride +
                                          std::ptrdiff_t{matrix.inputs - 1} * matrix.input_stride};
            for (std::size_t at = 0; at < pieces_.size(); ++at)
                each_row(at, within, [&](const numbers& row) {
                    take_row<Format>(matrix, begin, outputs, first, row, to);
                });
            for (int n = 0; n < padded; ++n)
                for (int block = 0; block < blocks; ++block)
                    if (!whole_[index(n, block)]) quantise<Format>(matrix, first + n, n, block, to);
        }
    }

    std::size_t index(int n, int block) const {
        return static_cast<std::size_t>(n) * static_cast<std::size_t>(blocks_) +
               static_cast<std::size_t>(block);
    }

    /// Takes the numbers of a row that belong to outputs [first, first + outputs) of a matrix.
    template <class Format>
    void take_row(const packed_matrix& matrix, std::ptrdiff_t begin, int outputs, int first,
                  const numbers& row, std::byte* to) {
        constexpr int together = Format::rows::inputs;
        const bool by_output = matrix.output_stride >= matrix.input_stride;
        const std::ptrdiff_t large = by_output ? matrix.output_stride : matrix.input_stride;
        const std::ptrdiff_t small = by_output ? matrix.input_stride : matrix.output_stride;
        std::array<double, decoded_together> values;
        std::ptrdiff_t decoded = 0, decoded_end = 0;
        for (std::ptrdiff_t at = 0; at < row.count; ++at) {
            const std::ptrdiff_t place = row.at + at * row.stride - begin;
            if (place < 0) continue;
            const std::ptrdiff_t rest = place % large;
            if (rest % small != 0) continue;
            const std::ptrdiff_t k = by_output ? rest / small : place / large;
            const std::ptrdiff_t n = by_output ? place / large : rest / small;
            if (k >= matrix.inputs || n >= outputs) continue;
            const int block = static_cast<int>(k / together);
            if (takes_block<Format>(matrix, row, at, k)) {
                put_block<Format>(matrix, row, at, first + static_cast<int>(n), block, to);
                whole_[index(static_cast<int>(n), block)] = 1;
                at += together - 1;
                continue;
            }
            if (at >= decoded_end || at < decoded) {
                decoded = at;
                decoded_end = std::min<std::ptrdiff_t>(row.count, at + 32);
                row.decode(at, static_cast<std::size_t>(decoded_end - at), values.data());
            }
            float& number = floats_[index(static_cast<int>(n), block) * std::size_t{together} +
                                    static_cast<std::size_t>(k % together)];
            const auto value = static_cast<float>(values[static_cast<std::size_t>(at - decoded)]);
            number = row.part->is_summand ? number + value : value;
        }
    }

    /// Returns true if a quantized block of the file can be copied to the matrix without rounding.
    template <class Format>
    bool takes_block(const packed_matrix& matrix, const numbers& row, std::ptrdiff_t at,
                     std::ptrdiff_t k) const {
        if constexpr (Format::rows::scales > 0) {
            constexpr int together = Format::rows::inputs;
            return row.stored.data && row.stored.format->read_block &&
                   row.stored.format->count % std::uint64_t{together} == 0 &&
                   row.stored.format->bits <= Format::bits &&
                   (!row.stored.format->has_minimum || Format::rows::scales == 2) &&
                   row.number_stride == 1 && row.stride == matrix.input_stride &&
                   k % together == 0 && k + together <= matrix.inputs &&
                   at + together <= row.count &&
                   (row.number + static_cast<std::uint64_t>(at)) % std::uint64_t{together} == 0 &&
                   row.part->plus == 0 && !adds_;
        } else {
            return false;
        }
    }

    template <class Format>
    void put_block(const packed_matrix& matrix, const numbers& row, std::ptrdiff_t at, int n,
                   int block, std::byte* to) const {
        if constexpr (Format::rows::scales > 0) {
            scaled_block from;
            constexpr int together = Format::rows::inputs;
            row.stored.format->read_block(row.stored, row.number + static_cast<std::uint64_t>(at),
                                          together, from);
            const int offset = row.stored.format->has_minimum ? 0 : 1 << (Format::bits - 1);
            if (Format::rows::scales == 2) from.minimum -= offset * from.scale;
            std::uint16_t q[together];
            for (std::size_t k = 0; k < together; ++k)
                q[k] = static_cast<std::uint16_t>(from.q[k] + offset);
            put<Format>(matrix, n, block,
                        {static_cast<float>(from.scale), static_cast<float>(from.minimum)}, q, to);
        }
    }

    template <class Format>
    void quantise(const packed_matrix& matrix, int n, int row, int block, std::byte* to) const {
        constexpr int together = Format::rows::inputs;
        std::uint16_t q[together];
        const kernel::block_scales scale =
            Format::quantise(floats_.data() + index(row, block) * std::size_t{together}, q);
        put<Format>(matrix, n, block, scale, q, to);
    }

    template <class Format>
    void put(const packed_matrix& matrix, int n, int block, const kernel::block_scales& scale,
             const std::uint16_t* q, std::byte* to) const {
        bool fits = true;
        for (std::size_t each = 0; each < Format::rows::scales; ++each) {
            typename Format::rows::scale_number stored;
            kernel::detail::put_scale(scale[each], &stored);
            fits = fits && std::isfinite(kernel::detail::scale_of(stored));
        }
        if (!fits)
            fail_with<error>({file_.name, ": the numbers of a block of ", Format::rows::inputs,
                              " (output ", n, ", input ", block * Format::rows::inputs,
                              " of a matrix of ", matrix.outputs, " x ", matrix.inputs,
                              ") are too large for a scale of ",
                              8 * sizeof(typename Format::rows::scale_number), " bits"});
        kernel::put_packed_block<Format>(to, matrix.inputs, n, block, scale, q);
    }

    const tensor_file& file_;
    const places& to_;
    std::vector<piece> pieces_;
    std::size_t constants_ = 0;  // number of pieces of the file; constants follow
    std::vector<range> ranges_;  // range of places of each piece
    bool adds_ = false;
    int blocks_ = 0;
    std::vector<float> floats_;  // the current outputs, padded to whole blocks
    std::vector<char> whole_;    // for each block, whether it was copied from the file
};

template <class Packed>
std::unique_ptr<Packed> packed_from(const tensor_file& file, const matching& found) {
    auto result = model_detail::packed_filler::make<Packed>();
    const auto places = model_detail::packed_filler::places_of(*result);
    packed_reader<> reader(file, found, places);
    for (const model_detail::packed_matrix& each : places.matrices)
        Packed::with_format(each, [&]<int Number>(model_detail::packed_format<Number>) {
            reader.template fill<typename model_detail::packed_format<Number>::type>(each);
        });
    return result;
}

/// All copies of a packed matrix as a tensor of bytes, [copies, bytes], which begins at `offset` of
/// the packed matrices.
struct byte_tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::size_t offset = 0;

    std::size_t size() const { return static_cast<std::size_t>(size_of(shape)); }
};

/// Contents of a file of packed weights: the packed matrices as bytes, the other weights as floats.
struct packed_tensors {
    std::vector<byte_tensor> matrices;
    std::vector<any_tensor> floats;
};

template <class Packed>
packed_tensors tensors_of_packed(float* rest) {
    using filler = model_detail::packed_filler;
    packed_tensors result;
    filler::each_matrix<Packed>([&](const std::string& name, std::uint64_t copies,
                                    std::uint64_t bytes, std::size_t offset) {
        result.matrices.push_back({name, {copies, bytes}, offset});
    });
    filler::each_float<Packed>(rest, [&](std::string_view name, const auto& view) {
        result.floats.push_back({std::string(name), any_view::of(view)});
    });
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD void save_packed_tensors(const file_path& path, const packed_tensors& given,
                                      const std::byte* matrices, const metadata_map& metadata) {
    const std::string name = path.string();
    file_header header;
    header.metadata = metadata;
    std::uint64_t end = 0;
    const auto add = [&](const std::string& tensor, const char* type,
                         std::vector<std::uint64_t> shape, std::uint64_t bytes) {
        header.tensors.push_back({tensor, type, std::move(shape), end, end + bytes});
        end += bytes;
    };
    for (const byte_tensor& each : given.matrices) add(each.name, "U8", each.shape, each.size());
    for (const any_tensor& each : given.floats) {
        const auto shape = shape_of(each.view);
        add(each.name, "F32", shape, size_of(shape) * sizeof(float));
    }
    std::vector<std::vector<std::byte>> floats;
    for (const any_tensor& each : given.floats) {
        floats.emplace_back(static_cast<std::size_t>(each.view.size()) * sizeof(float));
        store_piece(whole(each.view, 0), dtype::f32, floats.back().data(), name, each.name);
    }
    const std::string text = header_bytes(name, header, 64);  // the matrices can be mapped
    file_replacement file(path);
    file.write(text.data(), text.size());
    const auto write = [&](const std::byte* data, std::size_t size) {
        file.write(reinterpret_cast<const char*>(data), size);
    };
    for (const byte_tensor& each : given.matrices) write(matrices + each.offset, each.size());
    for (const auto& each : floats) write(each.data(), each.size());
    file.commit();
}

/// Loads the floats; returns the bytes of each matrix in the file.
SEQUENT_LAZY
SEQUENT_COLD std::vector<const std::byte*> load_packed_tensors(tensor_file file,
                                                               const packed_tensors& wanted) {
    std::vector<const std::byte*> found;
    for (const byte_tensor& each : wanted.matrices) {
        std::vector<header_entry>& entries = file.header.tensors;
        const auto entry = std::find_if(entries.begin(), entries.end(),
                                        [&](const auto& of) { return of.name == each.name; });
        const auto fail = [&](std::string_view what) {
            fail_with<error>({file.name, ": tensor ", in_quotes(each.name), what});
        };
        if (entry == entries.end()) fail(" is not in the file");
        if (entry->dtype != "U8" || entry->shape != each.shape)
            fail(joined_text({": the file has ", entry->dtype, " of shape ",
                              shape_text(entry->shape), ", wanted is U8 of shape ",
                              shape_text(each.shape)}));
        found.push_back(file.data_of(*entry));
        entries.erase(entry);
    }
    load_tensors(file, wanted.floats);
    return found;
}

/// The first byte of the matrices in the file if the file stores them contiguously and in the
/// layout of packed weights.
SEQUENT_LAZY
SEQUENT_COLD const std::byte* mapped_matrices(const std::string& name,
                                              const std::vector<byte_tensor>& wanted,
                                              const std::vector<const std::byte*>& found) {
    if (found.empty()) return nullptr;
    const auto fail = [&](const byte_tensor& at, const char* what) {
        fail_with<error>({name, ": tensor ", in_quotes(at.name), what,
                          ", so that the file cannot be mapped; load_saved_packed copies it"});
    };
    if (reinterpret_cast<std::uintptr_t>(found[0]) % 64 != 0)
        fail(wanted[0], " does not begin at a multiple of 64 bytes");
    for (std::size_t at = 0; at < found.size(); ++at)
        if (found[at] != found[0] + wanted[at].offset)
            fail(wanted[at], " is not behind the one before it in the model");
    return found[0];
}

}  // namespace detail

/// Loads a file of a model's parameters (a safetensors file, or one that a reader of another format
/// has opened), under the model's own names or those of `names`, directly into packed weights. It
/// replaces `load` and pack(); the parameters are never all in memory as floats. Blocks of GGUF
/// files are copied without rounding where the format can hold them: Q8_0 and Q4_0 in q8_0, Q4_0 in
/// q4_0, Q4_1 in q4_1. Other numbers are rounded to the format.
///
///     const auto q = io::load_packed<Model::packed<q8_0>, Model>(io::gguf_file("model.gguf")
///         .tensors(), io::llama_cpp::llama);
///
/// Throws io::error as `load` does, and if numbers are too large for the format's scales.
template <class Packed, class Model>
std::unique_ptr<Packed> load_packed(const tensor_file& from) {
    return detail::packed_from<Packed>(from,
                                       detail::match(from, detail::places_of_parameters<Model>()));
}
/// As above, with the tensor names of `names`.
template <class Packed, class Model>
std::unique_ptr<Packed> load_packed(const tensor_file& from, name_map names) {
    return detail::packed_from<Packed>(
        from, detail::match(from, detail::places_of_parameters<Model>(), names,
                            detail::layout_of<Model>()));
}

/// Loads a checkpoint of llama2.c directly into packed weights. Throws io::error as `load_llama2c`
/// does, and if numbers are too large for the format's scales.
template <class Packed, class Model>
std::unique_ptr<Packed> load_packed_llama2c(const source& from) {
    const detail::llama2c_match made =
        detail::match_llama2c(from, detail::places_of_parameters<Model>(),
                              detail::unlike_llama2c<Model>(), detail::tokens_of<Model>);
    return detail::packed_from<Packed>(made.file, made.found);
}

/// Writes packed weights exactly to a new safetensors file, which then replaces `path`. Each packed
/// matrix becomes a tensor of bytes whose name states the format, the extents and the weights
/// ("q8_0 192x64 layers.W_query+..."); the other weights are F32 under their own names.
///
/// Throws io::error if the file cannot be written or a weight in F32 is not finite.
template <class Packed>
void save_packed(const file_path& path, const Packed& weights, const metadata_map& metadata = {}) {
    // Saving only reads the weights.
    detail::save_packed_tensors(
        path, detail::tensors_of_packed<Packed>(const_cast<float*>(weights.rest().data())),
        weights.data(), metadata);
}

/// Loads packed weights that save_packed has written, for the same type `Packed`.
///
/// Throws io::error if the file is not well-formed, if a tensor is missing, unknown, of another
/// dtype or shape, or if a weight in F32 is not finite.
template <class Packed>
std::unique_ptr<Packed> load_saved_packed(const source& from) {
    auto result = model_detail::packed_filler::make<Packed>();
    const auto places = model_detail::packed_filler::places_of(*result);
    const detail::packed_tensors wanted = detail::tensors_of_packed<Packed>(places.rest);
    const auto found = detail::load_packed_tensors(open_safetensors(from), wanted);
    for (std::size_t at = 0; at < found.size(); ++at)
        std::memcpy(places.packed + wanted.matrices[at].offset, found[at],
                    wanted.matrices[at].size());
    return result;
}

/// Packed weights whose matrices stay where they are: in a file, mapped into memory, or in bytes of
/// the program.
template <class Packed>
using mapped_packed = model_detail::mapped_block<Packed>;

/// Maps packed weights that save_packed has written, for the same type `Packed`: the matrices are
/// not copied, pages of the file are read when they are used, and processes that map the same file
/// share them. Weights kept as floats are copied. The result takes the place of the parameters as
/// packed weights do; the file must not change meanwhile.
///
/// Throws io::error as load_saved_packed does, and if the matrices are not at a multiple of 64
/// bytes.
template <class Packed>
mapped_packed<Packed> map_saved_packed(const source& from) {
    using filler = model_detail::packed_filler;
    const auto owner = std::make_shared<source>(from);
    auto result = filler::map<Packed>(owner);
    const detail::packed_tensors wanted =
        detail::tensors_of_packed<Packed>(filler::rest_of(result));
    const auto found = detail::load_packed_tensors(open_safetensors(*owner), wanted);
    filler::place(result, detail::mapped_matrices(from.name(), wanted.matrices, found));
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io
