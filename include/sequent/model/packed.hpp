#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "../kernel/packed.hpp"
#include "model.hpp"

/// Weights in fewer bits: Model::packed<Format> stands in the place of the parameters in forward,
/// forward_batch, prefill and step. Products read the matrices of their weights from it, in blocks
/// of a format of kernel/packed_formats.hpp; all other weights (norms, biases, tables that symbols
/// choose rows of, matrices with fewer than 32 inputs or 16 outputs) are the parameters' own.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The formats, by their number in plan::row_term.
template <int Number>
struct packed_format;
template <>
struct packed_format<1> {
    using type = kernel::bf16;
};
template <>
struct packed_format<2> {
    using type = kernel::q8_0;
};
template <>
struct packed_format<3> {
    using type = kernel::q4_0;
};

template <class Format, int Number = 1>
constexpr int number_of_format() {
    if constexpr (std::is_same_v<Format, typename packed_format<Number>::type>)
        return Number;
    else
        return number_of_format<Format, Number + 1>();
}

/// A matrix of parameters that products read, in each layer of the stacks around it.
struct packed_matrix {
    operand from{};  // in the parameters
    int inputs = 0;
    int outputs = 0;
    int input_stride = 0;
    int output_stride = 0;
    int splits = 1;  // so many matrices, one for each part of the inputs
    int split = 0;
    int layers[plan::max_loops]{};
    operand to{};  // in the packed weights, where 64 bytes count as one
    int split_to = 0;

    constexpr bool same_as(const packed_matrix& other) const {
        return from.offset == other.from.offset && inputs == other.inputs &&
               outputs == other.outputs && input_stride == other.input_stride &&
               output_stride == other.output_stride && splits == other.splits &&
               split == other.split &&
               std::equal(from.layer_strides, from.layer_strides + plan::max_loops,
                          other.from.layer_strides);
    }
    constexpr int copies() const {
        int result = 1;
        for (int count : layers) result *= count;
        return result;
    }
    /// The layer of each loop in copy number `copy`.
    constexpr void find_layers(int copy, int (&layer)[plan::max_loops]) const {
        for (int level = plan::max_loops; level-- > 0; copy /= layers[level])
            layer[level] = copy % layers[level];
    }
};

/// Which matrices a plan reads packed, and its steps then.
template <class Placed, class Format>
struct packing_of {
    using tables_type = std::remove_cvref_t<decltype(Placed::tables)>;
    static constexpr int most = tables_type::rule_capacity * 2;

    tables_type tables = Placed::tables;
    plan::list<packed_matrix, most> matrices{};
    int size = 0;  // 64 bytes count as one

    constexpr packing_of() {
        for (const plan::step& each : tables.steps) {
            if (each.kind != plan::step_kind::rows || each.prepared) continue;
            row_step& row = tables.rows[each.at];
            for (row_term& term : row.terms) {
                if (!is_packed(row, term) || matrices.size() == most) continue;
                const packed_matrix& matrix = place(matrix_of(row, term, each.rule));
                term.format = number_of_format<Format>();
                term.w.at = matrix.to;
                term.w_split = matrix.split_to;
            }
        }
    }

  private:
    static constexpr bool is_packed(const row_step& row, const row_term& term) {
        if (term.kind != term_kind::product || term.w.at.where != place::parameter) return false;
        for (int outer = 0; outer < plan::max_outers; ++outer)
            if (row.outer_extents[outer] > 1 && term.w.outer[outer] != 0) return false;
        const bool by_row = (term.x.row == 0 && row.rows > 1) || term.w.row != 0;
        return !by_row && term.depth >= 32 && row.columns() >= 16;
    }

    static constexpr packed_matrix matrix_of(const row_step& row, const row_term& term, int rule) {
        packed_matrix result;
        result.from = term.w.at;
        result.inputs = term.depth;
        result.outputs = row.columns();
        result.input_stride = term.w_depth;
        result.output_stride = term.w_column;
        result.splits = term.splits;
        result.split = term.w_split;
        for (int& count : result.layers) count = 1;
        const auto& text = Placed::shapes.text;
        for (int scope = text.rules[rule].scope; scope > 0; scope = text.scopes[scope].parent) {
            int level = -1;
            for (int at = scope; at > 0; at = text.scopes[at].parent) ++level;
            if (result.from.layer_strides[level] != 0)
                result.layers[level] = text.scopes[scope].repeat;
        }
        return result;
    }

    constexpr const packed_matrix& place(packed_matrix wanted) {
        for (const packed_matrix& known : matrices)
            if (known.same_as(wanted)) return known;
        wanted.split_to =
            static_cast<int>(kernel::packed_bytes<Format>(wanted.inputs, wanted.outputs) / 64);
        wanted.to.where = plan::place::packed;
        wanted.to.offset = size;
        int stride = wanted.split_to * wanted.splits;
        for (int level = plan::max_loops; level-- > 0;) {
            if (wanted.layers[level] == 1) continue;
            wanted.to.layer_strides[level] = stride;
            stride *= wanted.layers[level];
        }
        size += stride;
        return matrices[matrices.push(wanted)];
    }
};

/// A plan that reads weights packed: the same steps in the same memory.
template <class Placed, class Format>
struct packed_plan_of : Placed {
    static constexpr packing_of<Placed, Format> packing{};
    static constexpr auto& tables = packing.tables;

    template <int At>
    static constexpr row_step row_step_at = tables.rows[At];
};

/// The packed weights of a model: Model::packed<Format>. It reads the parameters that are not
/// packed, which must outlive it. Once they have changed, pack() is due.
template <class Plan, class Format>
class alignas(64) packed_block {
    struct packing_type {
        plan::list<packed_matrix, packed_plan_of<Plan, Format>::packing.matrices.size()> matrices{};
        int size = packed_plan_of<Plan, Format>::packing.size;

        constexpr packing_type() {
            for (const packed_matrix& each : packed_plan_of<Plan, Format>::packing.matrices)
                matrices.push(each);
        }
    };
    static constexpr packing_type packing{};

  public:
    using number = float;
    using packed_for = Plan;
    using format = Format;
    static constexpr std::size_t bytes = static_cast<std::size_t>(packing.size) * 64;

    packed_block() = default;
    explicit packed_block(const parameter_block<Plan, float>& p) noexcept { pack(p); }

    /// Packs the weights anew.
    void pack(const parameter_block<Plan, float>& p) noexcept {
        parameters_ = &p;
        for (const packed_matrix& each : packing.matrices)
            for (int copy = 0; copy < each.copies(); ++copy) {
                int layer[plan::max_loops];
                each.find_layers(copy, layer);
                std::ptrdiff_t from = each.from.offset;
                std::ptrdiff_t to = each.to.offset;
                for (int level = 0; level < plan::max_loops; ++level) {
                    from += std::ptrdiff_t{layer[level]} * each.from.layer_strides[level];
                    to += std::ptrdiff_t{layer[level]} * each.to.layer_strides[level];
                }
                for (int split = 0; split < each.splits; ++split)
                    kernel::pack<Format>(
                        p.numbers + from + std::ptrdiff_t{split} * each.split, each.inputs,
                        each.outputs, each.input_stride, each.output_stride,
                        bytes_ + 64 * (to + std::ptrdiff_t{split} * each.split_to));
            }
    }

    /// Those it was packed from.
    const parameter_block<Plan, float>& parameters() const noexcept {
        assert(parameters_);
        return *parameters_;
    }
    const std::byte* data() const noexcept { return bytes_; }

  private:
    const parameter_block<Plan, float>* parameters_ = nullptr;
    alignas(64) std::byte bytes_[bytes > 0 ? bytes : 1]{};
};

template <class Plan, class Format, class Placed>
struct placed_for<packed_block<Plan, Format>, Placed> {
    using type = packed_plan_of<Placed, Format>;
};

template <class Plan, class Format>
const float* numbers_of(const packed_block<Plan, Format>& p) noexcept {
    return p.parameters().numbers;
}
template <class Plan, class Format>
const float* prepared_in(const packed_block<Plan, Format>&) noexcept {
    return nullptr;
}
template <class Plan, class Format>
const std::byte* packed_in(const packed_block<Plan, Format>& p) noexcept {
    return p.data();
}

/// Product `At` of a row step, at most Block rows, by packed weights.
template <class Step, int At, bool Accumulate, int Block>
void multiply_packed(const float* x, const std::byte* w, float* sum, int sum_row,
                     int rows) noexcept {
    constexpr row_term term = Step::value.terms[At];
    constexpr int columns = Step::value.columns();
    using format = typename packed_format<term.format>::type;
    // The rows of x, packed, stay in a cache of 32 KB.
    constexpr auto row_bytes =
        static_cast<int>(kernel::packed_scratch_bytes<format, term.depth>(16) / 16);
    constexpr int most = std::clamp(32768 / row_bytes / 8 * 8, 1, Block);
    alignas(64) std::byte scratch[kernel::packed_scratch_bytes<format, term.depth>(most)];
    for (int row = 0; row < rows; row += most)
        kernel::unroll<term.splits>([&](auto split) {
            kernel::packed_product<format, term.depth, columns, Accumulate || (split() > 0)>(
                x + row * term.x.row + split() * term.x_split, term.x.row,
                w + std::ptrdiff_t{64} * split() * term.w_split, sum + row * sum_row, sum_row,
                std::min(most, rows - row), scratch);
        });
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

namespace sequent::inline SEQUENT_ABI {

// The number types of packed weights.
using kernel::bf16;
using kernel::q4_0;
using kernel::q8_0;

}  // namespace sequent::inline SEQUENT_ABI
