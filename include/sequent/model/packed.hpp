#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "../joined_text.hpp"
#include "../kernel/packed_columns.hpp"
#include "model.hpp"
#include "packed_plan.hpp"

/// Quantized weights: Model::packed<Format> is passed instead of the parameters to forward,
/// forward_batch, prefill, step and step_batch. Products read their weight matrices from it in
/// blocks of a format of kernel/packed_formats.hpp. All other weights are kept as floats: norms,
/// biases, matrices with fewer than 32 inputs or 16 outputs, and tables whose rows symbols select,
/// unless the predicate packs them.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Packed>
class mapped_block;

/// Gives readers and writers of files access to packed weights.
class packed_filler {
    template <class Plan, class Format, auto Which>
    friend class packed_block;
    template <class Packed>
    friend class mapped_block;
    packed_filler() = default;

  public:
    /// The parts that a reader fills; all are zero at first.
    struct places {
        /// The packed matrices.
        std::span<const packed_matrix> matrices;
        /// Their bytes.
        std::byte* packed;
        /// The weights kept as floats.
        float* rest;
        std::ptrdiff_t (*place_in_rest)(std::ptrdiff_t);  ///< of a parameter; -1: none
    };
    /// Allocates packed weights that hold zeros.
    template <class Packed>
    static std::unique_ptr<Packed> make() {
        return make_unique<Packed>(packed_filler());
    }
    /// The parts of `of`.
    template <class Packed>
    static places places_of(Packed& of) noexcept {
        return of.places_of();
    }
    /// Calls visit(name, copies, bytes of each copy, offset) for the packed matrices in the order
    /// of their offsets; none begins elsewhere than where another ends. The name tells format,
    /// extents and weights.
    template <class Packed, class Visit>
    static void each_matrix(Visit visit) {
        Packed::each_matrix(visit);
    }
    /// Calls visit(name, tensor_view) for the weights that are kept as floats, in `rest`.
    template <class Packed, class Visit>
    static void each_float(float* rest, Visit visit) {
        Packed::each_float(rest, visit);
    }
    /// Packed weights whose matrices belong to `owner`, to be placed. Floats are zero at first.
    template <class Packed>
    static mapped_block<Packed> map(std::shared_ptr<const void> owner) {
        return mapped_block<Packed>(std::move(owner));
    }
    template <class Packed>
    static float* rest_of(mapped_block<Packed>& of) noexcept {
        return of.rest_->numbers;
    }
    /// The matrices are at `data`, aligned to 64 bytes.
    template <class Packed>
    static void place(mapped_block<Packed>& of, const std::byte* data) noexcept {
        of.data_ = data;
    }
};

/// The quantized weights of a model: Model::packed<Format, Which>. Complete in itself: it does not
/// refer to the parameters it was packed from. Allocate it by make_unique.
template <class Plan, class Format, auto Which>
class alignas(64) packed_block {
    static constexpr auto& packing = model_detail::packing<Plan, Format, Which>;
    static constexpr auto matrices = [] {
        plan::list<packed_matrix, packing.matrices.size()> result;
        for (const packed_matrix& each : packing.matrices) result.push(each);
        return result;
    }();

    struct used_formats {
        template <int Number>
        static constexpr bool value = [] {
            for (const packed_matrix& each : packing.matrices)
                if (each.format == Number) return true;
            return false;
        }();
    };

  public:
    /// The number type of activations.
    using number = float;
    /// The plan of the model.
    using packed_for = Plan;
    /// The format of matrices for which Which does not name another.
    using format = Format;
    /// Size in bytes of the packed matrices.
    static constexpr std::size_t bytes = static_cast<std::size_t>(packing.size) * 64;
    /// Number of weights that are kept as floats.
    static constexpr int floats = packing.rest;

    /// Calls f(packed_format<Number>) for the format of a matrix.
    template <class F>
    static void with_format(const packed_matrix& of, F f) {
        model_detail::with_format<used_formats>(of.format, f);
    }

    /// Packs the weights `p`.
    explicit packed_block(const parameter_block<Plan, float>& p) noexcept { pack(p); }
    /// Zeros, to be filled by a reader of files.
    explicit packed_block(packed_filler) noexcept {}

    /// Packs the weights `p` again, after they have changed.
    void pack(const parameter_block<Plan, float>& p) noexcept {
        for (const packed_matrix& each : matrices)
            with_format(each, [&]<int Number>(packed_format<Number>) {
                for (int copy = 0; copy < each.copies(); ++copy)
                    for (int split = 0; split < each.splits; ++split)
                        kernel::pack<typename packed_format<Number>::type>(
                            p.numbers + each.place_from(copy, split), each.inputs, each.outputs,
                            each.input_stride, each.output_stride,
                            bytes_ + each.byte_to(copy, split));
            });
        copy_rest(0, p.numbers, rest_);
    }

    /// Writes the numbers that the packed weights represent to `p`. Packing these again in the same
    /// format gives the same numbers, if pack() has made them.
    void unpack(parameter_block<Plan, float>& p) const noexcept {
        for (const packed_matrix& each : matrices)
            with_format(each, [&]<int Number>(packed_format<Number>) {
                for (int copy = 0; copy < each.copies(); ++copy)
                    for (int split = 0; split < each.splits; ++split)
                        unpack<typename packed_format<Number>::type>(
                            each, bytes_ + each.byte_to(copy, split),
                            p.numbers + each.place_from(copy, split));
            });
        for (int place = 0; place < parameter_block<Plan, float>::size; ++place)
            if (const std::ptrdiff_t at = place_in_rest(place); at >= 0)
                p.numbers[place] = rest_[at];
    }

    /// The packed matrices, `bytes` bytes, in the library's own layout.
    const std::byte* data() const noexcept { return bytes_; }
    /// The weights that are kept as floats.
    std::span<const float> rest() const noexcept {
        return {rest_, static_cast<std::size_t>(floats)};
    }

  private:
    friend packed_filler;
    using slots = slots_of<Plan>;

    template <class Stored>
    static void unpack(const packed_matrix& of, const std::byte* from, float* to) noexcept {
        for (int n = 0; n < of.outputs; ++n)
            for (int k = 0; k < of.inputs; ++k)
                to[std::ptrdiff_t{k} * of.input_stride + std::ptrdiff_t{n} * of.output_stride] =
                    kernel::packed_element<Stored>(from, of.inputs, of.outputs, k, n);
    }
    /// A copy of what the plan tells of a scope: a reader at run time of the plan's tables would
    /// put them into the program.
    struct scope_place {
        int parent;
        int copies;
        std::ptrdiff_t offset;
        std::ptrdiff_t parameters;
    };
    static constexpr auto scopes = [] {
        plan::list<scope_place, slots::scopes> result;
        for (int scope = 0; scope < slots::scopes; ++scope) {
            const auto& of = Plan::shapes.text.scopes[scope];
            result.push({of.parent, of.copies(), Plan::tables.scope_offset[scope],
                         Plan::tables.scope_parameters[scope]});
        }
        return result;
    }();

    /// Calls visit(scope, offset in the parameters, offset in the rest) for the scopes directly
    /// within `scope`.
    template <class Visit>
    static void each_inner(int scope, Visit visit) noexcept {
        std::ptrdiff_t rest = 0;
        for (const parameter_slot& slot : packing.slots)
            if (slot.scope == scope && slot.floats) rest += slot.end - slot.begin;
        for (int inner = 1; inner < slots::scopes; ++inner) {
            const scope_place& of = scopes[inner];
            if (of.parent != scope) continue;
            visit(inner, of.offset - scopes[scope].offset, rest);
            rest += std::ptrdiff_t{packing.scope_rest[inner]} * of.copies;
        }
    }

    /// Copies the weights kept as floats of one layer of a scope and of all scopes within it.
    static void copy_rest(int scope, const float* from, float* to) noexcept {
        std::ptrdiff_t at = 0;
        for (const parameter_slot& slot : packing.slots) {
            if (slot.scope != scope || !slot.floats) continue;
            std::copy_n(from + slot.begin - scopes[scope].offset, slot.end - slot.begin, to + at);
            at += slot.end - slot.begin;
        }
        each_inner(scope, [&](int inner, std::ptrdiff_t begin, std::ptrdiff_t rest) {
            for (int layer = 0; layer < scopes[inner].copies; ++layer)
                copy_rest(inner, from + begin + layer * scopes[inner].parameters,
                          to + rest + std::ptrdiff_t{layer} * packing.scope_rest[inner]);
        });
    }

    static std::ptrdiff_t place_within(int scope, std::ptrdiff_t place) noexcept {
        std::ptrdiff_t at = 0;
        for (const parameter_slot& slot : packing.slots) {
            if (slot.scope != scope) continue;
            const std::ptrdiff_t begin = slot.begin - scopes[scope].offset;
            const std::ptrdiff_t size = slot.end - slot.begin;
            if (place >= begin && place < begin + size)
                return slot.floats ? at + place - begin : -1;
            if (slot.floats) at += size;
        }
        std::ptrdiff_t result = -1;
        each_inner(scope, [&](int inner, std::ptrdiff_t begin, std::ptrdiff_t rest) {
            const std::ptrdiff_t layer = scopes[inner].parameters;
            const std::ptrdiff_t of = place - begin;
            if (of < 0 || of >= layer * scopes[inner].copies) return;
            const std::ptrdiff_t within = place_within(inner, of % layer);
            if (within >= 0) result = rest + of / layer * packing.scope_rest[inner] + within;
        });
        return result;
    }
    static std::ptrdiff_t place_in_rest(std::ptrdiff_t place) { return place_within(0, place); }

    packed_filler::places places_of() noexcept {
        return {std::span(matrices.begin(), static_cast<std::size_t>(matrices.size())), bytes_,
                rest_, &place_in_rest};
    }

    template <class Visit>
    SEQUENT_COLD static void each_matrix(Visit visit) {
        for (const packed_matrix& each : matrices) {
            std::string name;
            with_format(each, [&]<int Number>(packed_format<Number>) {
                name = packed_format<Number>::type::name;
            });
            append_text(name, {" ", each.outputs, "x", each.inputs});
            if (each.splits > 1) append_text(name, {"x", each.splits});
            bool first = true;
            for (int at = 0; at < slots::weights; ++at) {
                if (!slots::is_within(at, each.slot)) continue;
                const full_name id = name_of_weight<Plan>(at);
                append_text(name, {first ? " " : "+",
                                   std::string_view(id.text, static_cast<std::size_t>(id.length))});
                if (first && each.input_stride != Plan::tables.weights[at].column)
                    name += " transposed";
                first = false;
            }
            visit(name, static_cast<std::uint64_t>(each.copies()),
                  static_cast<std::uint64_t>(each.split_to * each.splits) * 64,
                  std::size_t{64} * static_cast<std::size_t>(each.to.at.offset));
        }
    }
    template <class Visit>
    SEQUENT_COLD static void each_float(float* rest, Visit visit) {
        for (const auto& [name, parameter] : named_weights<Plan>) {
            weight_view view = parameter;
            const int slot = slots::find(view.offset);
            if (!packing.slots[slot].floats) continue;
            view.offset = static_cast<int>(place_in_rest(view.offset));
            slots::each_level(slot, [&](int, int axis, int scope) {
                view.strides[axis] = packing.scope_rest[scope];
            });
            visit(name, to_tensor<float>(view, rest));
        }
    }

    alignas(64) std::byte bytes_[bytes > 0 ? bytes : 1]{};
    alignas(64) float rest_[floats > 0 ? floats : 1]{};
};

/// Quantized weights whose matrices are elsewhere, such as in a mapped file. Takes the place of the
/// parameters as a Packed does. May be moved, not copied.
template <class Packed>
class mapped_block {
  public:
    /// The number type of activations.
    using number = float;
    /// The plan of the model.
    using packed_for = typename Packed::packed_for;
    /// Size in bytes of the packed matrices.
    static constexpr std::size_t bytes = Packed::bytes;
    /// Number of weights that are kept as floats.
    static constexpr int floats = Packed::floats;

    /// The packed matrices, `bytes` bytes, in the library's own layout.
    const std::byte* data() const noexcept { return data_; }
    /// The weights that are kept as floats.
    std::span<const float> rest() const noexcept {
        return {rest_->numbers, static_cast<std::size_t>(floats)};
    }

  private:
    friend packed_filler;
    struct alignas(64) float_block {
        float numbers[floats > 0 ? floats : 1]{};
    };

    explicit mapped_block(std::shared_ptr<const void> owner)
        : owner_(std::move(owner)), rest_(make_unique<float_block>()) {}

    const std::byte* data_ = nullptr;
    std::shared_ptr<const void> owner_;
    std::unique_ptr<float_block> rest_;
};

template <class Plan, class Format, auto Which, class Placed>
struct placed_for<packed_block<Plan, Format, Which>, Placed> {
    using type = packed_plan_of<Placed, Plan, Format, Which>;
};
template <class Packed, class Placed>
struct placed_for<mapped_block<Packed>, Placed> : placed_for<Packed, Placed> {};

template <class Plan, class Format, auto Which>
const float* numbers_of(const packed_block<Plan, Format, Which>& p) noexcept {
    return p.rest().data();
}
template <class Plan, class Format, auto Which>
const float* prepared_in(const packed_block<Plan, Format, Which>&) noexcept {
    return nullptr;
}
template <class Plan, class Format, auto Which>
const std::byte* packed_in(const packed_block<Plan, Format, Which>& p) noexcept {
    return p.data();
}
template <class Packed>
const float* numbers_of(const mapped_block<Packed>& p) noexcept {
    return p.rest().data();
}
template <class Packed>
const float* prepared_in(const mapped_block<Packed>&) noexcept {
    return nullptr;
}
template <class Packed>
const std::byte* packed_in(const mapped_block<Packed>& p) noexcept {
    return p.data();
}

/// Computes product `At` of a row step, at most Block rows, with packed weights.
template <class Step, int At, bool Accumulate, int Block>
void multiply_packed(const float* x, const std::byte* w, float* sum, int sum_row,
                     int rows) noexcept {
    constexpr row_term term = Step::value.terms[At];
    constexpr int columns = Step::value.columns();
    using format = typename packed_format<term.format>::type;
    // The packed rows of x stay in an L1 cache of 32 KB.
    constexpr auto row_bytes =
        static_cast<int>(kernel::packed_scratch_bytes<format, term.depth>(16) / 16);
    constexpr int most = std::clamp(32768 / row_bytes / 8 * 8, 1, Block);
    alignas(64) std::byte scratch[kernel::packed_scratch_bytes<format, term.depth>(most)];
    for (int row = 0; row < rows; row += most)
        kernel::unroll<term.splits()>([&](auto split) {
            kernel::packed_product<format, term.depth, columns, Accumulate || (split() > 0)>(
                x + row * term.x.row + term.x_of(split()), term.x.row,
                w + std::ptrdiff_t{64} * term.w_of(split()), sum + row * sum_row, sum_row,
                std::min(most, rows - row), scratch);
        });
}

/// Reads row `symbol` of the packed table of term `At`.
template <class Step, int At>
void look_up_packed(const std::byte* table, int symbol, float* to) noexcept {
    using format = typename packed_format<Step::value.terms[At].format>::type;
    constexpr int columns = Step::value.columns();
    kernel::packed_elements<format>(table, columns, symbol, 0, columns, to);
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

namespace sequent::inline SEQUENT_ABI {

// The formats of packed weights.
using kernel::bf16;
using kernel::q4_0;
using kernel::q4_1;
using kernel::q8;
using kernel::q8_0;

}  // namespace sequent::inline SEQUENT_ABI
