#pragma once

#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "../joined_text.hpp"
#include "arguments.hpp"
#include "batch.hpp"
#include "calls.hpp"
#include "check_rows.hpp"
#include "given.hpp"
#include "gradients.hpp"
#include "ill_formed.hpp"
#include "large_block.hpp"
#include "on_pool.hpp"
#include "output_layout.hpp"
#include "parameters.hpp"
#include "prepared.hpp"
#include "row_facts.hpp"
#include "run.hpp"
#include "runs.hpp"
#include "sequences.hpp"
#include "state.hpp"
#include "workspace.hpp"

/// A program bound to the shapes of its facts: parameters, workspace, forward, backward.

namespace sequent::inline SEQUENT_ABI {

using language::bound;
using language::fact;
using language::query;
using language::require_fused;
using language::sparse;
using language::symbol;
using language::up_to;

/// `model<program, fact<"input", 16, 64>>`. Facts are given to forward in this order, or by name. A
/// `query<"a", "b">` among them names the outputs.
template <const auto& Program, class... Facts>
class model {
    using plan_type = plan::plan_of<Program, Facts...>;

  public:
    using plan = plan_type;

    template <class T>
    using parameters = model_detail::parameter_block<plan, T>;
    /// The memory of forward and backward. workspace<float, bf16>, of sequent/packed.hpp: what
    /// they multiply by weights is rounded to bfloat16 (model/rounded.hpp).
    template <class T, class Products = T>
    using workspace = model_detail::workspace_block<plan, T, Products>;
    /// The memory of forward alone, which is a fraction of that.
    template <class T>
    using scratch = model_detail::scratch_block<plan, T>;
    /// Parameters with what follows from them alone, which stand in their place in all calls:
    /// forward, step, backward and their kin give the same numbers for them, and sooner. To be
    /// prepared again when the parameters have changed.
    template <class T>
    using prepared = model_detail::prepared_block<plan, T>;
    /// Weights in fewer bits, of Format bf16, q8_0, q4_0 or q4_1, which stand in
    /// the place of the parameters in calls without gradients; from sequent/packed.hpp.
    template <class Format, auto Which = pack_products>
    using packed = model_detail::packed_block<plan, Format, Which>;
    template <class T, class Products = T>
    using batch = model_detail::batch_memory<plan, T, workspace<T, Products>>;
    /// The memory of forward_batch alone.
    template <class T>
    using scratch_batch = model_detail::batch_memory<plan, T, scratch<T>>;
    /// What step and prefill keep of one sequence, and room for the rows at hand: they need no
    /// workspace and no scratch. Cache: in which types it stores keys and values (see cache).
    template <class T, class Cache = cache<T>>
    using state = model_detail::state_block<plan, T, Cache>;
    /// A view of the output, or an array of them where there are several.
    template <class T>
    using output_views = typename model_detail::output_layout<plan>::template views<T>;
    using facts_list = decltype(plan::facts);
    static_assert(facts_list::capacity() <= model_detail::max_facts,
                  "sequent: a model takes up to 16 facts");

    /// The rules themselves.
    static constexpr const auto& program = Program;

    static constexpr int parameter_count = model_detail::count_parameters<plan>();
    static constexpr int outputs = plan::shapes.outputs.size();

    /// Whether a fact is given with any length up to its extent. Outputs that it ends are views of
    /// that length, and so are their gradients.
    static constexpr bool has_lengths = model_detail::length_counts<plan> != 0;

    /// Facts as pointers, checked. They refer to the containers, which must live as long as the
    /// facts are used.
    template <class T>
    using facts = model_detail::given_facts<plan, T>;
    /// The facts of one call: facts, or a list in braces that makes them for this call alone.
    template <class T>
    using facts_of_call = model_detail::of_one_call<facts<T>, model_detail::argument<const T>>;

    /// Rows of the facts along the sequence, for step and prefill; in any order by name.
    template <class T>
    using rows = model_detail::row_facts<plan, T, facts<T>>;
    template <class T>
    using rows_of_call = model_detail::of_one_call<rows<T>, model_detail::argument<const T>>;

    /// The gradients of the outputs, in their order or by name. They refer to the containers, as
    /// facts do.
    template <class T>
    using output_gradients = model_detail::given_output_gradients<plan, T>;
    /// The gradients of one call: output_gradients, or what makes them for this call alone.
    template <class T>
    using gradients_of_call = model_detail::gradients_of_one_call<plan, T>;
    /// Where the gradients of facts are to be added, by name or in order; none by default.
    template <class T>
    using fact_gradients = model_detail::given_fact_gradients<plan, T>;

    /// Gains one, biases zero, embeddings and tables normal with deviation 0.02 (one, if they are
    /// never trained), matrices normal with deviation 1 / sqrt(inputs). The same seed gives the
    /// same numbers everywhere.
    template <class T>
    static void initialize(parameters<T>& p, std::uint64_t seed = 0) {
        p = {};
        model_detail::initialize_parameters<T>(model_detail::named_weights<plan>, p.numbers, seed);
    }

    /// Calls f(name, view) for each weight, in the order in which the program names them; the view
    /// is a tensor_view.
    template <class T, class F>
    static void for_each(parameters<T>& p, F f) {
        for_each_at(p.numbers, f);
    }
    template <class T, class F>
    static void for_each(const parameters<T>& p, F f) {
        for_each_at(p.numbers, f);
    }

    /// The same for any block that is laid out as the parameters are, such as an optimiser's state.
    template <class T, class F>
    static void for_each(std::span<T> flat, F f) {
        if (flat.size() != static_cast<std::size_t>(parameters<std::remove_const_t<T>>::size))
            fail_with<argument_error>({"sequent: a block of parameters has ",
                                       parameters<std::remove_const_t<T>>::size,
                                       " numbers, given are ", flat.size()});
        for_each_at(flat.data(), f);
    }

    /// What for_each visits, without numbers: f(name, extents), a std::span<const int>.
    template <class F>
    static void for_each_shape(F f) {
        for (const auto& [name, view] : model_detail::named_weights<plan>)
            f(name, std::span<const int>(view.extents, static_cast<std::size_t>(view.rank)));
    }

    /// One where weight decay is usual, in matrices, and zero elsewhere.
    template <class T>
    static void mark_decayed(parameters<T>& mask) {
        mask = {};
        model_detail::mark_matrices<T>(model_detail::named_weights<plan>, mask.numbers);
    }

    /// Computes what follows from parameters alone, for all calls until they change. Calls that are
    /// given the parameters themselves do it on their own: forward and backward for each sample,
    /// forward_batch and backward_batch once for all, step with the first of a sequence.
    template <class T>
    static void prepare(const parameters<T>& p, prepared<T>& ready) noexcept {
        ready.prepare(p);
    }

    /// The outputs' values, in a view or, where there are several, an array of views of w, valid
    /// until the next call with w: a workspace, on which backward may follow, or a scratch.
    template <model_detail::parameters_of<plan> P,
              model_detail::memory_of<plan, typename P::number> W>
    static auto forward(const P& p, const facts_of_call<typename P::number>& given, W& w) noexcept {
        return calls::run_forward(p, *given, w, model_detail::whole_run{});
    }

    /// The row at s.position() of the outputs, from that row of the facts along the sequence, and
    /// what s keeps of the rows before; then the position is the next one. Views of s, without the
    /// outputs' first argument, valid until the next call with s. Throws argument_error at a
    /// position beyond the last, and where other facts are needed that prefill has not been given->
    /// Does not compile where a rule needs later rows.
    template <model_detail::parameters_of<plan> P, class Cache, class T = typename P::number>
    static auto step(const P& p, const std::type_identity_t<rows_of_call<T>>& given,
                     state<T, Cache>& s) {
        return sequences::step(p, *given, s);
    }

    /// The same for several rows at once: those at s.position() and after it; the views are of the
    /// last one. With the first rows of a sequence, the facts that are not along it are given
    /// whole: what follows from them alone is computed once.
    template <model_detail::parameters_of<plan> P, class Cache, class T = typename P::number>
    static auto prefill(const P& p, const std::type_identity_t<rows_of_call<T>>& given,
                        state<T, Cache>& s) {
        return sequences::prefill(p, *given, s);
    }

    /// A step of several sequences, which may be at different positions: given[k] is the row of
    /// states[k], and visit(k, y) is given what step returns. Each weight is read once for up to 16
    /// sequences; with packed weights, once for each. The numbers are those of step but for
    /// rounding, and do not depend on the other sequences. Throws argument_error as step does,
    /// before any sequence has moved on, and unless there are as many rows as different states.
    template <model_detail::parameters_of<plan> P, class Visit, class T = typename P::number>
    static void step_batch(const P& p, std::span<const std::type_identity_t<rows<T>>> given,
                           std::span<state<std::type_identity_t<T>>* const> states, Visit&& visit) {
        sequences::step_batch(p, given, states, visit);
    }
    /// Of states with a cache of its own type, which Cache names.
    template <class Cache, model_detail::parameters_of<plan> P, class Visit,
              class T = typename P::number>
    static void step_batch(const P& p, std::span<const std::type_identity_t<rows<T>>> given,
                           std::span<state<std::type_identity_t<T>, Cache>* const> states,
                           Visit&& visit) {
        sequences::step_batch(p, given, states, visit);
    }

    /// The same on all threads of a pool, to the same numbers: rows and outer indices of large
    /// steps are computed at the same time. For many samples, forward_batch has less to wait for.
    template <model_detail::parameters_of<plan> P,
              model_detail::memory_of<plan, typename P::number> W>
    static auto forward(const P& p, const facts_of_call<typename P::number>& given, W& w,
                        thread_pool& pool) noexcept {
        return calls::run_forward(p, *given, w, model_detail::run_on_pool{pool});
    }

    /// After forward with the same arguments on the same workspace: adds to `gradient`, and to the
    /// gradients of facts where they are asked for. The values in w are used up, so that a second
    /// backward needs a second forward. Debug builds (those without NDEBUG) abort with a message if
    /// there was no forward, or one of other facts or parameters, as far as some elements of each
    /// tell; in release builds the gradients are then of no meaning.
    template <model_detail::trained_parameters_of<plan> P, class T = typename P::number,
              model_detail::workspace_of<plan, T> W>
    static void backward(
        const P& p, const std::type_identity_t<facts_of_call<T>>& given,
        const std::type_identity_t<gradients_of_call<T>>& outward, W& w, parameters<T>& gradient,
        const std::type_identity_t<fact_gradients<T>>& of_facts = {}) noexcept(!has_lengths) {
        check_lengths(*given, *outward, of_facts);
        calls::run_backward(p, *given, outward->pointers, w, gradient, static_cast<T*>(nullptr),
                            of_facts, model_detail::whole_run{});
    }

    /// The same on all threads of a pool, to the same numbers.
    template <model_detail::trained_parameters_of<plan> P, class T = typename P::number,
              model_detail::workspace_of<plan, T> W>
    static void backward(
        const P& p, const std::type_identity_t<facts_of_call<T>>& given,
        const std::type_identity_t<gradients_of_call<T>>& outward, W& w, parameters<T>& gradient,
        thread_pool& pool,
        const std::type_identity_t<fact_gradients<T>>& of_facts = {}) noexcept(!has_lengths) {
        check_lengths(*given, *outward, of_facts);
        calls::run_backward(p, *given, outward->pointers, w, gradient, static_cast<T*>(nullptr),
                            of_facts, model_detail::run_on_pool{pool});
    }

    /// Forward for each of `samples` on the threads of b's pool; visit(sample, y) is given what
    /// forward returns, valid until it returns. Visits come in any order and several at once. What
    /// visit throws is thrown here, and the samples that have not begun are left out.
    template <model_detail::parameters_of<plan> P, class W, class T = typename P::number,
              class Visit>
        requires std::is_invocable_v<Visit&, int, output_views<const T>>
    static void forward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                              model_detail::batch_memory<plan, T, W>& b, Visit&& visit) {
        run_batch(p, samples, b,
                  [&](int sample, W& w) { visit(sample, calls::template all_outputs<T>(w)); });
    }

    /// The outputs one sample after another, row-major; several outputs of one sample stand one
    /// after another. Throws argument_error unless `out` has room for exactly these.
    template <model_detail::parameters_of<plan> P, class W, class T = typename P::number>
    static void forward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                              model_detail::batch_memory<plan, T, W>& b,
                              std::span<std::type_identity_t<T>> out) {
        constexpr int size = output_layout::total;
        check_size("the output given to forward_batch", out.size(),
                   samples.size() * std::size_t{size});
        run_batch(p, samples, b, [&](int sample, const W& w) {
            T* to = out.data() + std::ptrdiff_t{size} * sample;
            kernel::unroll<outputs>([&](auto index) {
                if constexpr (has_lengths)
                    std::fill_n(to + output_layout::offset(index()), output_layout::size(index()),
                                T(0));
                model_detail::each_run(calls::template limited_output<W, index()>(w.counts),
                                       calls::template view_of_output<W, index()>,
                                       [&](int position, int offset, int length) {
                                           std::copy_n(
                                               w.numbers + offset, length,
                                               to + output_layout::offset(index()) + position);
                                       });
            });
        });
    }

    /// For each of `samples`: forward, then loss(sample, y, dy), which returns the loss and writes
    /// the gradient of y to dy, views of the same extents that hold zeros, then backward. Adds to
    /// `gradient` and returns the sum of the losses, the same numbers for any number of threads.
    /// Losses are called in any order and several at once. No more memory is needed for more
    /// samples. What loss throws is thrown here; `gradient` then has the gradients of some samples.
    template <model_detail::trained_parameters_of<plan> P, class T,
              model_detail::workspace_of<plan, T> W, class Loss>
        requires std::is_invocable_r_v<double, Loss&, int, output_views<const T>, output_views<T>>
    static double backward_batch(const P& p,
                                 std::span<const std::type_identity_t<facts<T>>> samples,
                                 Loss&& loss, model_detail::batch_memory<plan, T, W>& b,
                                 parameters<T>& gradient) {
        const int count = count_of<T>(samples);
        const typename model_detail::batch_memory<plan, T, W>::use used(b);
        const auto& ready = b.prepared(p);
        return b.sum(
            ready, count, counts_in<T>(samples), gradient,
            [&](int first, int together, int thread, parameters<T>& to, T* to_prepared) {
                double sum = 0;
                run_backward_batch(
                    ready, samples, b, first, together, thread, to, to_prepared,
                    [&](int sample, const W& w) {
                        T* const outward = b.outward(thread).data();
                        sum += static_cast<double>(
                            loss(sample, calls::template all_outputs<T>(w),
                                 output_layout::cleared_views(
                                     outward, samples[static_cast<std::size_t>(sample)].counts)));
                        return static_cast<const T*>(outward);
                    });
                return sum;
            });
    }

    /// Where the gradients of the outputs are known, laid out as forward_batch lays out the
    /// outputs: runs forward again, since no sample's workspace is kept, and backward. Throws
    /// argument_error unless there is one for each.
    template <model_detail::trained_parameters_of<plan> P, class T,
              model_detail::workspace_of<plan, T> W>
    static void backward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                               std::span<const std::type_identity_t<T>> outward,
                               model_detail::batch_memory<plan, T, W>& b, parameters<T>& gradient) {
        constexpr int size = output_layout::total;
        const int count = count_of<T>(samples);
        check_size("the output gradient given to backward_batch", outward.size(),
                   samples.size() * std::size_t{size});
        const typename model_detail::batch_memory<plan, T, W>::use used(b);
        const auto& ready = b.prepared(p);
        b.sum(ready, count, counts_in<T>(samples), gradient,
              [&](int first, int together, int thread, parameters<T>& to, T* to_prepared) {
                  run_backward_batch(ready, samples, b, first, together, thread, to, to_prepared,
                                     [&](int sample, const W&) {
                                         return outward.data() + std::ptrdiff_t{size} * sample;
                                     });
                  return 0.0;
              });
    }

  private:
    using calls = model_detail::calls<plan>;
    using sequences = model_detail::sequences<plan>;
    using output_layout = model_detail::output_layout<plan>;

    template <class T, class F>
    static void for_each_at(T* base, F& f) {
        for (const auto& [name, view] : model_detail::named_weights<plan>)
            f(name, model_detail::to_tensor(view, base));
    }

    template <class T>
    static int count_of(std::span<const facts<T>> samples) {
        if (samples.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
            fail_with<argument_error>(
                {"sequent: a batch of ", samples.size(), " samples, more than an int counts"});
        return static_cast<int>(samples.size());
    }

    /// The counts that a sample is given.
    template <class T>
    static auto counts_in(std::span<const facts<T>> samples) noexcept {
        return [samples](int sample) -> const int* {
            return samples[static_cast<std::size_t>(sample)].counts;
        };
    }

    /// Forward for all samples; then visit(sample, memory) for each.
    template <class P, class W, class T = typename P::number, class Visit>
    static void run_batch(const P& p, std::span<const facts<std::type_identity_t<T>>> samples,
                          model_detail::batch_memory<plan, T, W>& b, Visit visit) {
        const int count = count_of<T>(samples);
        const typename std::remove_reference_t<decltype(b)>::use used(b);
        const auto& ready = b.prepared(p);
        b.each_at_once(count, counts_in<T>(samples), [&](int first, int together, int thread) {
            run_samples(ready, samples, b, first, together, thread);
            for (int at = 0; at < together; ++at) visit(first + at, b.workspace(thread, at));
        });
    }

    /// Forward for some samples at once.
    template <class P, class W, class T>
    static void run_samples(const P& p, std::span<const facts<T>> samples,
                            model_detail::batch_memory<plan, T, W>& b, int first, int together,
                            int thread) noexcept {
        if constexpr (std::remove_reference_t<decltype(b)>::joined > 1)
            calls::forward_joined(
                p,
                samples.subspan(static_cast<std::size_t>(first),
                                static_cast<std::size_t>(together)),
                [&](int at) -> W& { return b.workspace(thread, at); }, b.room(thread));
        else
            (void)calls::run_forward(p, samples[static_cast<std::size_t>(first)],
                                     b.workspace(thread), model_detail::whole_run{});
    }

    /// Forward and backward for some samples at once: outward(sample, w) gives the gradients of the
    /// sample's outputs.
    template <class P, class T, class W, class Outward>
    static void run_backward_batch(const P& p, std::span<const facts<T>> samples,
                                   model_detail::batch_memory<plan, T, W>& b, int first,
                                   int together, int thread, parameters<T>& gradient,
                                   T* prepared_gradient, Outward outward) {
        run_samples(p, samples, b, first, together, thread);
        if constexpr (std::remove_reference_t<decltype(b)>::joined > 1) {
            for (int at = 0; at < together; ++at) {
                W& w = b.workspace(thread, at);
                calls::template seed_all<true>(
                    calls::pointers_in(outward(first + at, w)).data(), w,
                    samples[static_cast<std::size_t>(first + at)].counts);
            }
            calls::backward_joined(
                p,
                samples.subspan(static_cast<std::size_t>(first),
                                static_cast<std::size_t>(together)),
                [&](int at) -> W& { return b.workspace(thread, at); }, gradient, prepared_gradient,
                b.room(thread));
        } else {
            W& w = b.workspace(thread);
            calls::backward_from(p, samples[static_cast<std::size_t>(first)], outward(first, w), w,
                                 gradient, prepared_gradient);
        }
    }

    template <class T>
    static void check_lengths(const facts<T>& given, const output_gradients<T>& outward,
                              const fact_gradients<T>& of_facts) noexcept(!has_lengths) {
        if constexpr (has_lengths) {
            outward.check_lengths(given.counts);
            of_facts.check_lengths(given.counts);
        }
    }
};

/// A program that makes no sense is told where its model is first needed.
template <const auto& Program, class... Facts>
    requires(!model_detail::is_well_formed<Program, Facts...>)
class model<Program, Facts...> : public model_detail::ill_formed_model<Program, Facts...> {};

}  // namespace sequent::inline SEQUENT_ABI
