#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "given.hpp"
#include "gradients.hpp"
#include "joined.hpp"
#include "output_layout.hpp"
#include "parameters.hpp"
#include "prepared.hpp"
#include "run.hpp"
#include "workspace.hpp"

/// Runs a plan forward and backward for one sample, or for several at once.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The calls of a model on samples.
template <class Plan>
struct calls {
    using layout = output_layout<Plan>;
    static constexpr int outputs = layout::count;
    static constexpr bool has_lengths = length_counts<Plan> != 0;

    template <class T>
    using facts = given_facts<Plan, T>;
    template <class T>
    using fact_gradients = given_fact_gradients<Plan, T>;
    template <class T>
    using parameters = parameter_block<Plan, T>;
    template <class T>
    using output_views = typename layout::template views<T>;

    /// Mark of the arguments, which backward compares in debug builds.
    template <class P, class T>
    static std::uint64_t mark_of([[maybe_unused]] const P& p,
                                 [[maybe_unused]] const facts<T>& given) noexcept {
#if defined(NDEBUG)
        return left_by_any;
#else
        call_mark mark;
        if constexpr (trained_parameters_of<P, Plan>) mark.add(numbers_of(p), parameters<T>::size);
        given.add_to(mark);
        return mark.value();
#endif
    }

    /// Debug builds abort unless forward with the same arguments came before.
    template <class P, class T, class W>
    static void check_left_by([[maybe_unused]] const P& p, [[maybe_unused]] const facts<T>& given,
                              W& w) noexcept {
#if !defined(NDEBUG)
        if (w.left_by == nothing_left)
            stop(
                "sequent: backward needs a forward before it on the same workspace, of all rows, "
                "and uses up what that has left: a second backward needs a second forward");
        if (w.left_by != left_by_any && w.left_by != mark_of(p, given))
            stop(
                "sequent: backward is given other facts or parameters than the forward before it "
                "on the same workspace");
#endif
        w.left_by = nothing_left;
    }

    /// The pointers of a call. Prepares the parameters in w if they are not prepared, unless
    /// `kept`: forward has done so.
    template <class P, class T, class W>
    static bindings<T> bind(const P& p, const facts<T>& given, W& w, bool kept = false) noexcept {
        bindings<T> result;
        result.parameters = numbers_of(p);
        result.prepared = prepared_in(p);
        result.packed = packed_in(p);
        if (!result.prepared) {
            if (!kept)
                prepare_numbers<typename placed_for<P, Plan>::type>(result.parameters, w.prepared,
                                                                    w.scratch);
            result.prepared = w.prepared;
        }
        result.workspace = w.numbers;
        result.scratch = w.scratch;
        std::copy_n(given.pointers, max_facts, result.facts);
        result.counts = given.counts;
        for (int at = 0; at < Plan::facts.capacity(); ++at) result.pairs[at] = given.pairs(at);
        return result;
    }

    /// Runs forward and returns views of the outputs in w.
    template <class P, class T, class W, class Run>
    static output_views<const T> run_forward(const P& p, const facts<T>& given, W& w,
                                             Run run) noexcept {
        auto bound = bind(p, given, w);
        if constexpr (workspace_of<W, Plan, T>) w.left_by = mark_of(p, given);
        using placed = typename placed_for<P, typename W::placed>::type;
        compiled_forward<placed, T, Run>::run(bound, run);
        return end_forward(given, w);
    }

    /// Stores the counts in w and clears the rows of outputs that no step has written.
    template <class T, class W>
    static output_views<const T> end_forward(const facts<T>& given, W& w) noexcept {
        std::copy_n(given.counts, W::count_of_counts, w.counts);
        kernel::unroll<outputs>([&](auto index) { clear_rest<index(), T>(w); });
        return all_outputs<T>(w);
    }

    /// Runs forward for several samples at once; memory(sample) is the memory of each.
    template <class P, class T, class Memory>
    static void forward_joined(const P& p, std::span<const facts<T>> samples, Memory memory,
                               T* room) noexcept {
        using memory_type = std::remove_cvref_t<decltype(memory(0))>;
        using placed = typename placed_for<P, typename memory_type::placed>::type;
        bindings<T> bound[joined_run<T>::most];
        const int count = static_cast<int>(samples.size());
        for (int at = 0; at < count; ++at) {
            const facts<T>& given = samples[static_cast<std::size_t>(at)];
            bound[at] = bind(p, given, memory(at));
            if constexpr (workspace_of<memory_type, Plan, T>)
                memory(at).left_by = mark_of(p, given);
        }
        joined_forward<placed, T, (most_joined<memory_type, T>() > 1)>::run({bound, count, room});
        for (int at = 0; at < count; ++at)
            (void)end_forward(samples[static_cast<std::size_t>(at)], memory(at));
    }

    /// Runs backward for several samples at once, after forward_joined and, for each sample,
    /// seed_all.
    template <class P, class T, class Memory>
    static void backward_joined(const P& p, std::span<const facts<T>> samples, Memory memory,
                                parameters<T>& gradient, T* prepared_gradient, T* room) noexcept {
        using memory_type = std::remove_cvref_t<decltype(memory(0))>;
        bindings<T> bound[joined_run<T>::most];
        const int count = static_cast<int>(samples.size());
        for (int at = 0; at < count; ++at) {
            const facts<T>& given = samples[static_cast<std::size_t>(at)];
            check_left_by(p, given, memory(at));
            bound[at] = bind(p, given, memory(at), true);
            bound[at].parameter_gradient = gradient.numbers;
            bound[at].prepared_gradient = prepared_gradient;
        }
        joined_backward<typename memory_type::placed, T, (most_joined<memory_type, T>() > 1)>::run(
            {bound, count, room});
    }

    /// Clears the rows of an output that a caller sees and no step has written.
    template <int At, class T, class W>
    static void clear_rest([[maybe_unused]] W& w) noexcept {
        using placed = typename W::placed;
        constexpr int relation = Plan::shapes.outputs[At];
        constexpr view_limits limits = limits_of_view<placed>(relation);
        if constexpr (limits.axis >= 0) {
            weight_view rest = limited_view<placed, relation>(w.counts);
            const int written =
                plan::least_count(limits.written, rest.extents[limits.axis], w.counts);
            rest.extents[limits.axis] -= written;
            rest.offset += written * rest.strides[limits.axis];
            each_run(rest, [&](int, int offset, int length) {
                std::fill_n(w.numbers + offset, length, T(0));
            });
        }
    }

    /// Runs backward. Adds the gradient of prepared values to prepared_gradient; if that is null,
    /// propagates it to the parameters.
    template <bool Whole = false, class P, class T, workspace_of<Plan, T> W, class Run>
    static void run_backward(const P& p, const facts<T>& given, const T* const* outward, W& w,
                             parameters<T>& gradient, T* prepared_gradient,
                             const fact_gradients<T>& of_facts, Run run) noexcept {
        check_left_by(p, given, w);
        bindings<T> bound = bind(p, given, w, true);
        bound.parameter_gradient = gradient.numbers;
        bound.prepared_gradient = prepared_gradient;
        if constexpr (prepares<Plan>)
            if (!prepared_gradient) {
                std::fill_n(w.prepared_gradient, W::prepared_size, T(0));
                bound.prepared_gradient = w.prepared_gradient;
            }
        std::copy_n(of_facts.pointers, max_facts, bound.fact_gradients);
        seed_all<Whole>(outward, w, given.counts);
        compiled_backward<typename W::placed, T, Run>::run(bound, run);
        if constexpr (prepares<Plan>)
            if (!prepared_gradient)
                prepare_gradient<Plan>(bound.parameters, bound.prepared, w.prepared_gradient,
                                       gradient.numbers, w.scratch);
    }

    /// Runs backward with the gradients of all outputs in one array, one after another.
    template <class P, class T, class W>
    static void backward_from(const P& p, const facts<T>& given, const T* outward, W& w,
                              parameters<T>& gradient, T* prepared_gradient) noexcept {
        run_backward<true>(p, given, pointers_in(outward).data(), w, gradient, prepared_gradient,
                           {}, whole_run{});
    }

    /// The gradient of each output in such an array.
    template <class T>
    static auto pointers_in(const T* outward) noexcept {
        std::array<const T*, static_cast<std::size_t>(outputs > 0 ? outputs : 1)> result;
        for (int at = 0; at < outputs; ++at)
            result[static_cast<std::size_t>(at)] = outward + layout::offset(at);
        return result;
    }

    /// Clears the gradients of all outputs in w, then adds the caller's.
    template <bool Whole, class T, class W>
    static void seed_all(const T* const* outward, W& w, const int* counts) noexcept {
        kernel::unroll<outputs>(
            [&](auto index) { seed<index(), Whole>(outward[index()], w, counts, true); });
        kernel::unroll<outputs>(
            [&](auto index) { seed<index(), Whole>(outward[index()], w, counts, false); });
    }

    /// View of an output in memory of type W.
    template <class W, int At>
    static constexpr auto view_of_output =
        view_of_relation<typename W::placed>(Plan::shapes.outputs[At]);

    /// Views of the outputs in w.
    template <class T, class W>
    static output_views<const T> all_outputs(const W& w) noexcept {
        if constexpr (outputs == 1) {
            return output<T, 0>(w);
        } else {
            output_views<const T> result;
            kernel::unroll<outputs>([&](auto index) {
                result[static_cast<std::size_t>(index())] = output<T, index()>(w);
            });
            return result;
        }
    }

    /// The view of one output.
    template <class T, int At, class W>
    static auto output(const W& w) noexcept {
        constexpr int rank = view_of_output<W, At>.rank;
        return to_tensor<rank>(limited_output<W, At>(w.counts), static_cast<const T*>(w.numbers));
    }

    /// The view of an output under the given counts.
    template <class W, int At>
    static constexpr weight_view limited_output(const int* counts) noexcept {
        return limited_view<typename W::placed, Plan::shapes.outputs[At]>(counts);
    }

    /// Adds the caller's gradient of an output where backward expects it, or, if `clear`, clears
    /// that place first: an output may be stored among the values of others. Whole: the gradient
    /// has the output's full extents, whatever the lengths of facts.
    template <int At, bool Whole, class T, class W>
    static void seed(const T* outward, W& w, const int* counts, bool clear) noexcept {
        // By value: a reference would put the plan's tables into the program.
        constexpr int index = Plan::tables.relations[Plan::shapes.outputs[At]].index;
        constexpr auto buffer = Plan::tables.buffers[index];
        constexpr auto whole = view_of_relation<Plan>(Plan::shapes.outputs[At]);
        if (clear) {
            constexpr plan::birth born = buffer.adjoint_birth();
            each_part_of(born, counts, [&](int offset, int size) {
                std::fill_n(w.numbers + offset, size, T(0));
            });
            return;
        }
        T* to = w.numbers + buffer.adjoint - buffer.offset;
        const auto add = [&](int position, int offset, int length) {
            for (int at = 0; at < length; ++at) to[offset + at] += outward[position + at];
        };
        if constexpr (has_lengths) {
            const auto view = limited_output<W, At>(counts);
            each_run(view, Whole ? whole : view, add);
        } else {
            each_run(whole, add);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
