#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "../kernel/packed.hpp"
#include "../plan/memory.hpp"
#include "../plan/state.hpp"
#include "parameters.hpp"
#include "prepared.hpp"

/// Chooses the matrices of a plan that are packed, and defines the plan's steps that read them. The
/// parameters that some step reads as floats form a block of their own, the rest.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The format of each number in plan::row_term: 1 to 4 are bf16, q8_0, q4_0 and q4_1.
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
template <>
struct packed_format<4> {
    using type = kernel::q4_1;
};

/// 5 to 11 are q8<4> to q8<256>.
template <int Number>
    requires(Number >= 5 && Number <= 11)
struct packed_format<Number> {
    using type = kernel::q8<(1 << (Number - 3))>;
};

/// The number of a format.
template <class Format, int Number = 1>
constexpr int number_of_format() {
    if constexpr (std::is_same_v<Format, typename packed_format<Number>::type>)
        return Number;
    else
        return number_of_format<Format, Number + 1>();
}

static_assert(number_of_format<kernel::q4_1>() == static_cast<int>(packed_as::q4_1) &&
              number_of_format<kernel::q8<256>>() == static_cast<int>(packed_as::q8_256));

/// Calls f(packed_format<Number>) for the format of this number, if Uses has it.
template <class Uses, int Number = 1, class F>
constexpr void with_format(int number, F f) {
    if constexpr (requires { typename packed_format<Number>::type; }) {
        if constexpr (Uses::template value<Number>)
            if (number == Number) f(packed_format<Number>{});
        with_format<Uses, Number + 1>(number, f);
    }
}
struct uses_all_formats {
    template <int>
    static constexpr bool value = true;
};

/// A matrix of parameters that products or lookups read, in each layer of the stacks around it and
/// in each round of the step's outer loops.
struct packed_matrix {
    plan::access from{};  // in the parameters
    int inputs = 0;
    int outputs = 0;
    int input_stride = 0;
    int output_stride = 0;
    int splits = 1;  // number of matrices, one for each part of the inputs
    int split = 0;
    int layers[plan::max_loops]{};
    int outers[plan::max_outers]{};
    plan::access to{};  // in the packed weights, in units of 64 bytes
    int split_to = 0;
    int slot = 0;
    int format = 0;

    constexpr bool same_as(const packed_matrix& other) const {
        return format == other.format && from.at.offset == other.from.at.offset &&
               inputs == other.inputs && outputs == other.outputs &&
               input_stride == other.input_stride && output_stride == other.output_stride &&
               splits == other.splits && split == other.split &&
               std::equal(from.at.layer_strides, from.at.layer_strides + plan::max_loops,
                          other.from.at.layer_strides) &&
               std::equal(from.outer, from.outer + plan::max_outers, other.from.outer) &&
               std::equal(outers, outers + plan::max_outers, other.outers);
    }
    constexpr int copies() const {
        int result = 1;
        for (int count : layers) result *= count;
        for (int count : outers) result *= count;
        return result;
    }
    /// First element in the parameters of split `split_at` of copy number `copy`.
    constexpr std::ptrdiff_t place_from(int copy, int split_at) const {
        return place(from, copy) + std::ptrdiff_t{split_at} * split;
    }
    /// First byte of it in the packed weights.
    constexpr std::ptrdiff_t byte_to(int copy, int split_at) const {
        return 64 * (place(to, copy) + std::ptrdiff_t{split_at} * split_to);
    }

  private:
    constexpr std::ptrdiff_t place(const plan::access& in, int copy) const {
        std::ptrdiff_t result = in.at.offset;
        for (int level = plan::max_outers; level-- > 0; copy /= outers[level])
            result += std::ptrdiff_t{copy % outers[level]} * in.outer[level];
        for (int level = plan::max_loops; level-- > 0; copy /= layers[level])
            result += std::ptrdiff_t{copy % layers[level]} * in.at.layer_strides[level];
        return result;
    }
};

/// A weight, or several that are stored side by side, in the first layer of its scope.
struct parameter_slot {
    int begin = 0;  // in the parameters
    int end = 0;
    int scope = 0;
    bool floats = false;  // true if some step reads them as floats
    int to = 0;           // if so, its offset in the rest
};

/// The slots of a plan's parameters in the order of their addresses.
template <class Plan>
struct slots_of {
    static constexpr auto& shapes = Plan::shapes;
    static constexpr auto& tables = Plan::tables;
    static constexpr int weights = shapes.text.weights.size();
    static constexpr int scopes = shapes.text.scopes.size();

    static constexpr int begin_of(int weight) {
        const plan::weight_layout& layout = tables.weights[weight];
        return layout.offset - (layout.group >= 0 ? layout.group_column : 0) +
               tables.scope_offset[shapes.text.weights[weight].scope];
    }
    static constexpr auto all = [] {
        plan::list<parameter_slot, (weights > 0 ? weights : 1)> result;
        for (int at = 0; at < weights; ++at) {
            if (shapes.weights[at].uses == 0) continue;
            parameter_slot next{begin_of(at), 0, shapes.text.weights[at].scope};
            bool known = false;
            for (const parameter_slot& each : result) known = known || each.begin == next.begin;
            if (known) continue;
            next.end = tables.scope_offset[next.scope] + tables.scope_parameters[next.scope];
            result.push(next);
        }
        std::sort(result.begin(), result.end(),
                  [](const auto& one, const auto& two) { return one.begin < two.begin; });
        for (int at = 0; at + 1 < result.size(); ++at)
            result[at].end = std::min(result[at].end, result[at + 1].begin);
        return result;
    }();
    /// The slot of an offset into the parameters, in the first layer of its scope.
    static constexpr int find(int place) {
        int result = 0;
        while (result + 1 < all.size() && all[result + 1].begin <= place) ++result;
        return result;
    }
    static constexpr bool is_within(int weight, int slot) {
        return shapes.weights[weight].uses > 0 && begin_of(weight) == all[slot].begin;
    }
    /// Calls visit(level, axis, scope) for the stacks around a slot whose layers have parameters of
    /// their own; these layers are dimension `axis` of its weights.
    template <class Visit>
    static constexpr void each_level(int slot, Visit visit) {
        for (int scope = all[slot].scope; scope > 0; scope = shapes.text.scopes[scope].parent) {
            if (shapes.text.scopes[scope].shares()) continue;
            int level = -1;
            int axis = -1;
            for (int at = scope; at > 0; at = shapes.text.scopes[at].parent) {
                ++level;
                if (!shapes.text.scopes[at].shares()) ++axis;
            }
            visit(level, axis, scope);
        }
    }
    /// The number of the format in which a slot is packed, 0 if it stays floats. `Which` must give
    /// the same answer for all weights of the slot, else they stay floats.
    template <class Format, auto Which>
    static constexpr int format_of(int slot, bool looked_up) {
        int result = -1;
        for (int at = 0; at < weights; ++at) {
            if (!is_within(at, slot)) continue;
            const full_name name = name_of_weight<Plan>(at);
            const auto answer = Which(
                std::string_view(name.text, static_cast<std::size_t>(name.length)), looked_up);
            int format = static_cast<int>(answer);
            if constexpr (std::is_same_v<decltype(answer), const bool>)
                format = answer ? number_of_format<Format>() : 0;
            if (result >= 0 && result != format) return 0;
            result = format;
        }
        return result;
    }
};

/// The matrix that a term reads if it can be packed; otherwise a matrix without outputs.
template <class Plan>
constexpr packed_matrix matrix_of(const row_step& row, const row_term& term) {
    packed_matrix result;
    if (term.kind == term_kind::add || term.kind == term_kind::window ||
        term.w.at.where != place::parameter)
        return result;
    if (term.w.row != 0 || term.moves() || term.loops[1].count > 1) return result;
    const bool looks_up = term.kind == term_kind::gather;
    // Where a window ends, products are computed apart, by the weights as they are.
    for (const row_term& other : row.terms)
        if (!looks_up && other.bounded()) return result;
    if (!looks_up && term.x.row == 0 && row.rows > 1) return result;
    result.inputs = looks_up ? row.columns() : term.depth;
    const int outputs = looks_up ? Plan::facts[term.x.at.index].classes : row.columns();
    if (result.inputs < 32 || outputs < 16) return result;
    result.outputs = outputs;
    result.from = term.w;
    for (int outer = 0; outer < plan::max_outers; ++outer) {
        result.outers[outer] = term.w.outer[outer] == 0 ? 1 : row.outer_extents[outer];
        if (result.outers[outer] == 1) result.from.outer[outer] = 0;
    }
    result.input_stride = looks_up ? term.w_column : term.w_depth;
    result.output_stride = looks_up ? term.w_depth : term.w_column;
    result.splits = looks_up ? 1 : term.splits();
    result.split = looks_up ? 0 : term.loops[0].w;
    return result;
}

/// The matrices that a plan reads packed, and where its other parameters are in the rest.
template <class Plan, class Format, auto Which>
struct packing_of {
    using slots_type = slots_of<Plan>;
    static constexpr int count_terms = [] {
        int result = 1;
        for (const plan::step& each : Plan::tables.steps)
            if (each.kind == plan::step_kind::rows)
                result += Plan::tables.rows[each.at].terms.size();
        return result;
    }();

    plan::list<packed_matrix, count_terms> matrices{};
    int size = 0;  // in units of 64 bytes
    std::remove_const_t<decltype(slots_type::all)> slots = slots_type::all;
    int rest = 0;
    int scope_rest[slots_type::scopes > 0 ? slots_type::scopes : 1]{};  // per layer

    constexpr packing_of() {
        for (const plan::step& each : Plan::tables.steps) {
            if (each.kind == plan::step_kind::rows && !each.prepared) {
                const row_step& row = Plan::tables.rows[each.at];
                for (const row_term& term : row.terms) {
                    packed_matrix matrix = matrix_of<Plan>(row, term);
                    if (matrix.outputs == 0) continue;
                    matrix.slot = slots_type::find(term.w.at.offset);
                    matrix.format = format_of(matrix.slot, term);
                    if (matrix.format != 0) place(matrix);
                }
            }
        }
        for (const plan::step& each : Plan::tables.steps) {
            const bool rows = each.kind == plan::step_kind::rows && !each.prepared;
            plan::visit_operands(Plan::tables, each, [&](const operand& of, plan::usage) {
                if (of.where != place::parameter) return;
                if (rows)
                    for (const row_term& term : Plan::tables.rows[each.at].terms)
                        if (&of == &term.w.at && find(Plan::tables.rows[each.at], term)) return;
                slots[slots_type::find(of.offset)].floats = true;
            });
        }
        rest = lay_out(0, 0);
    }

    /// The packed matrix that a term reads; null if it reads floats.
    constexpr const packed_matrix* find(const row_step& row, const row_term& term) const {
        packed_matrix wanted = matrix_of<Plan>(row, term);
        if (wanted.outputs == 0) return nullptr;
        wanted.format = format_of(slots_type::find(term.w.at.offset), term);
        for (const packed_matrix& known : matrices)
            if (known.same_as(wanted)) return &known;
        return nullptr;
    }

    /// Turns an offset into the parameters into one into the rest.
    constexpr bool move(operand& of) const {
        const int at = slots_type::find(of.offset);
        const parameter_slot& slot = slots[at];
        if (!slot.floats) return false;
        of.offset += slot.to - slot.begin;
        slots_type::each_level(at, [&](int level, int, int scope) {
            of.layer_strides[level] += scope_rest[scope] - Plan::tables.scope_parameters[scope];
        });
        return true;
    }

  private:
    static constexpr int format_of(int slot, const row_term& term) {
        return slots_type::template format_of<Format, Which>(slot, term.kind == term_kind::gather);
    }
    constexpr void place(packed_matrix wanted) {
        for (const packed_matrix& known : matrices)
            if (known.same_as(wanted)) return;
        for (int& count : wanted.layers) count = 1;
        slots_type::each_level(wanted.slot, [&](int level, int, int scope) {
            if (wanted.from.at.layer_strides[level] != 0)
                wanted.layers[level] = Plan::shapes.text.scopes[scope].repeat;
        });
        with_format<uses_all_formats>(wanted.format, [&]<int Number>(packed_format<Number>) {
            using format = typename packed_format<Number>::type;
            wanted.split_to =
                static_cast<int>(kernel::packed_bytes<format>(wanted.inputs, wanted.outputs) / 64);
        });
        wanted.to.at.where = plan::place::packed;
        wanted.to.at.offset = size;
        int stride = wanted.split_to * wanted.splits;
        for (int level = plan::max_outers; level-- > 0;) {
            if (wanted.outers[level] == 1) continue;
            wanted.to.outer[level] = stride;
            stride *= wanted.outers[level];
        }
        for (int level = plan::max_loops; level-- > 0;) {
            if (wanted.layers[level] == 1) continue;
            wanted.to.at.layer_strides[level] = stride;
            stride *= wanted.layers[level];
        }
        size += stride;
        matrices.push(wanted);
    }

    /// Places the slots of a scope, then those of the scopes within it; returns the size of a
    /// layer.
    constexpr int lay_out(int scope, int base) {
        int end = base;
        for (parameter_slot& slot : slots) {
            if (slot.scope != scope || !slot.floats) continue;
            slot.to = end;
            end += slot.end - slot.begin;
        }
        for (int inner = 1; inner < slots_type::scopes; ++inner)
            if (Plan::shapes.text.scopes[inner].parent == scope)
                end += lay_out(inner, end) * Plan::shapes.text.scopes[inner].copies();
        return scope_rest[scope] = end - base;
    }
};

template <class Plan, class Format, auto Which>
inline constexpr packing_of<Plan, Format, Which> packing{};

/// A plan that reads packed weights: the same steps in the same memory. `Plan` is the plan of
/// training, which decides for all plans of the model which weights are packed.
template <class Placed, class Plan, class Format, auto Which>
struct packed_plan_of : Placed {
    struct packed_tables {
        std::remove_cvref_t<decltype(Placed::tables)> tables = Placed::tables;
        bool has_floats = true;  // for all that reads floats

        constexpr packed_tables() {
            for (const plan::step& each : tables.steps) {
                if (each.kind == plan::step_kind::rows && !each.prepared)
                    for (row_term& term : tables.rows[each.at].terms) read(each, term);
                plan::visit_operands(tables, each,
                                     [&](operand& of, plan::usage) { move_to_rest(of); });
            }
        }
        constexpr void move_to_rest(operand& of) {
            if (of.where == place::parameter)
                has_floats = packing<Plan, Format, Which>.move(of) && has_floats;
        }
        constexpr void read(const plan::step& each, row_term& term) {
            const packed_matrix* const found =
                packing<Plan, Format, Which>.find(tables.rows[each.at], term);
            if (!found) return;
            term.format = found->format;
            term.w = found->to;
            if (term.kind == term_kind::product) term.loops[0].w = found->split_to;
        }
    };
    static constexpr packed_tables made_packed{};
    static_assert(made_packed.has_floats,
                  "sequent: a step reads a weight as floats that forward reads packed alone; name "
                  "it in the predicate of packed<Format, Which>");
    static constexpr auto& tables = made_packed.tables;

    template <int At>
    static constexpr row_step row_step_at = tables.rows[At];
    template <int At>
    static constexpr plan::attention_step attention_at = tables.attentions[At];
    template <int At>
    static constexpr plan::general_step general_at = tables.generals[At];
    /// Attention step `At` of a state's plan, with offsets into the rest.
    template <int At>
    static constexpr plan::kept_attention kept_at = [] {
        plan::kept_attention result = Placed::template kept_at<At>;
        const auto move = [](plan::kept_operand& of) {
            if (of.from.at.where == place::parameter) packing<Plan, Format, Which>.move(of.from.at);
        };
        move(result.value);
        for (plan::kept_operand& node : result.nodes) move(node);
        return result;
    }();
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
