#pragma once

#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "../joined_text.hpp"
#include "arguments.hpp"
#include "batch_calls.hpp"
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

/// A model: a program bound to the shapes of its facts. It gives the types of parameters and memory
/// and the functions forward, backward, step and their batched forms.

namespace sequent::inline SEQUENT_ABI {

using language::bound;
using language::fact;
using language::query;
using language::require_fused;
using language::sparse;
using language::symbol;
using language::up_to;

/// A model, for example `model<program, fact<"input", 16, 64>>`. All its functions are static;
/// parameters and memory are objects of the types that it names.
///
/// Program: the rules. Facts: the inputs with their extents, in the order in which forward takes
/// them by position; they can be given by name as well. A `query<"a", "b">` among them names the
/// outputs and their order.
///
/// A program or a list of facts that is not well formed does not compile: one static_assert names
/// the rule, the relation and the mistake.
template <const auto& Program, class... Facts>
class model {
    using plan_type = plan::plan_of<Program, Facts...>;

  public:
    /// The execution plan of the program for these shapes. Internal; named here for explain() and
    /// the file formats.
    using plan = plan_type;

    /// All weights in one flat block of numbers of type T; see parameter_block.
    template <class T>
    using parameters = model_detail::parameter_block<plan, T>;
    /// The memory of forward and backward for one sample; one per thread. workspace<float, bf16>,
    /// from sequent/packed.hpp, rounds the operands of products with weights to bfloat16; see
    /// model/rounded.hpp.
    template <class T, class Products = T>
    using workspace = model_detail::workspace_block<plan, T, Products>;
    /// The memory of forward alone: a fraction of a workspace. backward does not take it.
    template <class T>
    using scratch = model_detail::scratch_block<plan, T>;
    /// The parameters together with every value that depends on parameters alone, computed once by
    /// prepare(). It can be passed wherever parameters are expected, gives identical results and
    /// saves the repeated work. It refers to the parameters, which must outlive it. Prepare it
    /// again after the parameters have changed.
    template <class T>
    using prepared = model_detail::prepared_block<plan, T>;
    /// Quantized weights, from sequent/packed.hpp. Format is bf16, q8_0, q4_0 or q4_1; Which
    /// chooses the weights to pack: pack_products, pack_all or a function of your own. A packed
    /// block can be passed instead of the parameters to every call that computes no gradients.
    template <class Format, auto Which = pack_products>
    using packed = model_detail::packed_block<plan, Format, Which>;
    /// The memory of forward_batch and backward_batch on all threads of a pool; see batch_memory.
    /// Products as in workspace.
    template <class T, class Products = T>
    using batch = model_detail::batch_memory<plan, T, workspace<T, Products>>;
    /// The memory of forward_batch alone, on all threads of a pool.
    template <class T>
    using scratch_batch = model_detail::batch_memory<plan, T, scratch<T>>;
    /// What step and prefill keep of one sequence, such as its KV cache, and room for the rows that
    /// they compute. Neither needs a workspace or a scratch besides. Cache gives the number types
    /// in which keys and values are stored; see sequent::cache.
    template <class T, class Cache = cache<T>>
    using state = model_detail::state_block<plan, T, Cache>;
    /// The type of what forward returns: a view of the output, or a std::array of views if there
    /// are several outputs.
    template <class T>
    using output_views = typename model_detail::output_layout<plan>::template views<T>;
    /// The list of facts, without the query.
    using facts_list = decltype(plan::facts);
    static_assert(facts_list::capacity() <= model_detail::max_facts,
                  "sequent: a model takes up to 16 facts");

    /// The program, as given.
    static constexpr const auto& program = Program;

    /// Number of weights of the model, without padding between them. `parameters<T>::size` counts
    /// the padding, too.
    static constexpr int parameter_count = model_detail::count_parameters<plan>();
    /// Number of outputs: the relations that the query names, or else the one output of the
    /// program.
    static constexpr int outputs = plan::shapes.outputs.size();

    /// True if some fact is declared with a length up to its extent (`up_to`). A view of an output
    /// whose extent follows that length ends there, and the gradient of that output must have the
    /// same length.
    static constexpr bool has_lengths = model_detail::length_counts<plan> != 0;

    /// The facts of one sample as pointers, checked when they are made; see given_facts. They refer
    /// to the containers, which must outlive them.
    template <class T>
    using facts = model_detail::given_facts<plan, T>;
    /// The facts of one call: an object of type facts, or a braced list. Containers in a braced
    /// list may be temporaries.
    template <class T>
    using facts_of_call = model_detail::of_one_call<facts<T>, model_detail::argument<const T>>;

    /// The rows of the facts along the sequence, for step and prefill, in order or by name; see
    /// row_facts.
    template <class T>
    using rows = model_detail::row_facts<plan, T, facts<T>>;
    /// The rows of one call: an object of type rows, or a braced list.
    template <class T>
    using rows_of_call = model_detail::of_one_call<rows<T>, model_detail::argument<const T>>;

    /// The gradients of the outputs, in the order of the outputs or by name. They refer to the
    /// containers, as facts do.
    template <class T>
    using output_gradients = model_detail::given_output_gradients<plan, T>;
    /// The gradients of one call: an object of type output_gradients, a braced list, or a single
    /// container if there is one output.
    template <class T>
    using gradients_of_call = model_detail::gradients_of_one_call<plan, T>;
    /// Where backward adds the gradients of dense facts, by name or in order. Default: none are
    /// computed.
    template <class T>
    using fact_gradients = model_detail::given_fact_gradients<plan, T>;

    /// Overwrites all weights with initial values: gains 1, biases 0, embeddings and tables normal
    /// with standard deviation 0.02 (1 for tables of numbers that are never trained), matrices
    /// normal with standard deviation 1 / sqrt(inputs). All normal distributions have mean 0. The
    /// same seed gives the same numbers on every platform, up to the rounding of its std::log and
    /// std::cos.
    template <class T>
    static void initialize(parameters<T>& p, std::uint64_t seed = 0) {
        p = {};
        model_detail::initialize_parameters<T>(model_detail::named_weights<plan>, p.numbers, seed);
    }

    /// Calls f(name, view) for each weight that rules use, in the order in which the program names
    /// them. name is a std::string_view that stays valid, view a tensor_view<T>. Weights of a
    /// stacked block carry the name of the relation that stacks it, "layers.W_q", and have the
    /// layers as first dimension.
    template <class T, class F>
    static void for_each(parameters<T>& p, F f) {
        for_each_at(p.numbers, f);
    }
    /// Likewise, with views of const numbers.
    template <class T, class F>
    static void for_each(const parameters<T>& p, F f) {
        for_each_at(p.numbers, f);
    }

    /// Likewise for any block with the layout of the parameters, such as a moment of an optimizer.
    /// Throws argument_error unless it has parameters<T>::size numbers.
    template <class T, class F>
    static void for_each(std::span<T> flat, F f) {
        if (flat.size() != static_cast<std::size_t>(parameters<std::remove_const_t<T>>::size))
            fail_with<argument_error>({"sequent: a block of parameters has ",
                                       parameters<std::remove_const_t<T>>::size,
                                       " numbers, given are ", flat.size()});
        for_each_at(flat.data(), f);
    }

    /// Calls f(name, extents) for each weight that for_each visits; extents is a span of const int.
    /// Needs no parameters.
    template <class F>
    static void for_each_shape(F f) {
        for (const auto& [name, view] : model_detail::named_weights<plan>)
            f(name, std::span<const int>(view.extents, static_cast<std::size_t>(view.rank)));
    }

    /// Sets `mask` to 1 at the elements of trained matrices, to which weight decay is usually
    /// applied, and to 0 elsewhere.
    template <class T>
    static void mark_decayed(parameters<T>& mask) {
        mask = {};
        model_detail::mark_matrices<T>(model_detail::named_weights<plan>, mask.numbers);
    }

    /// Computes every value that depends on parameters alone into `ready`; see prepared. It holds
    /// until the parameters change. Without it, each call computes these values itself: forward for
    /// each sample, forward_batch and backward_batch once per batch, and a state with the first row
    /// of a sequence.
    template <class T>
    static void prepare(const parameters<T>& p, prepared<T>& ready) noexcept {
        ready.prepare(p);
    }

    /// Computes the outputs from the facts. Returns a view of the output, or an array of views if
    /// there are several outputs. The views refer to w and are valid until the next call with w. w
    /// is a workspace, on which backward may follow, or a scratch. Allocates nothing and does not
    /// throw; making the facts from containers throws argument_error if they do not fit the model.
    template <model_detail::parameters_of<plan> P,
              model_detail::memory_of<plan, typename P::number> W>
    static auto forward(const P& p, const facts_of_call<typename P::number>& given, W& w) noexcept {
        return calls::run_forward(p, *given, w, model_detail::whole_run{});
    }

    /// Computes row s.position() of the outputs from that row of the facts along the sequence and
    /// from what s keeps of the rows before it; then advances the position by one. Returns views
    /// without the first dimension of the outputs. They refer to s and are valid until the next
    /// call with s.
    ///
    /// Throws argument_error if the position is beyond the last one, if more than one row is given,
    /// or if the model has facts that are not along the sequence and they are given here or were
    /// not given to prefill. Does not compile if a rule needs later rows.
    template <model_detail::parameters_of<plan> P, class Cache, class T = typename P::number>
    static auto step(const P& p, const std::type_identity_t<rows_of_call<T>>& given,
                     state<T, Cache>& s) {
        return sequences::step(p, *given, s);
    }

    /// Computes several rows at once, from s.position() on, and advances the position by their
    /// number. Returns views of the last row, as step does. Facts that are not along the sequence
    /// are given whole with its first rows; what depends on them alone is computed once. Throws
    /// argument_error if the rows reach beyond the last position, or if these facts are missing
    /// with the first rows or given again later.
    template <model_detail::parameters_of<plan> P, class Cache, class T = typename P::number>
    static auto prefill(const P& p, const std::type_identity_t<rows_of_call<T>>& given,
                        state<T, Cache>& s) {
        return sequences::prefill(p, *given, s);
    }
    /// Likewise, and calls visit(k, y) for each of the rows, k from 0; y is what step would return.
    /// It is valid until visit returns. Streams blocks of rows:
    ///
    ///     Model::prefill(p, {block}, s, [&](int k, auto y) { out[k] = y(0); });
    template <model_detail::parameters_of<plan> P, class Cache, class Visit,
              class T = typename P::number>
    static void prefill(const P& p, const std::type_identity_t<rows_of_call<T>>& given,
                        state<T, Cache>& s, Visit&& visit) {
        sequences::prefill(p, *given, s, visit);
    }

    /// Computes one step of several sequences, which may be at different positions: given[k] is the
    /// row of states[k]. Calls visit(k, y) for each; y is what step would return. Each weight is
    /// read once for up to 16 sequences; packed weights are read once for each sequence. The
    /// results equal those of step up to rounding and do not depend on the other sequences.
    ///
    /// Throws argument_error as step does, and if the numbers of rows and states differ or a state
    /// occurs twice. All is checked before any sequence advances.
    template <model_detail::parameters_of<plan> P, class Visit, class T = typename P::number>
    static void step_batch(const P& p, std::span<const std::type_identity_t<rows<T>>> given,
                           std::span<state<std::type_identity_t<T>>* const> states, Visit&& visit) {
        sequences::step_batch(p, given, states, visit);
    }
    /// Likewise for states whose cache has types of its own: step_batch<Cache>(...).
    template <class Cache, model_detail::parameters_of<plan> P, class Visit,
              class T = typename P::number>
    static void step_batch(const P& p, std::span<const std::type_identity_t<rows<T>>> given,
                           std::span<state<std::type_identity_t<T>, Cache>* const> states,
                           Visit&& visit) {
        sequences::step_batch(p, given, states, visit);
    }

    /// Like forward without a pool, with identical results, on all threads of a pool: the rows and
    /// outer indices of large steps are divided among the threads. For many samples forward_batch
    /// is faster, since its threads wait less for each other.
    template <model_detail::parameters_of<plan> P,
              model_detail::memory_of<plan, typename P::number> W>
    static auto forward(const P& p, const facts_of_call<typename P::number>& given, W& w,
                        thread_pool& pool) noexcept {
        return calls::run_forward(p, *given, w, model_detail::run_on_pool{pool});
    }

    /// Computes the gradients after forward with the same arguments on the same workspace. Adds to
    /// `gradient` and to the gradients of facts if `of_facts` names any. backward overwrites the
    /// values in w: a second backward needs a second forward.
    ///
    /// outward: the gradient of the loss with respect to each output, of the output's shape. Throws
    /// argument_error if its length, or that of a gradient in of_facts, is not the length of the
    /// facts; a model without lengths throws nothing here. Debug builds (without NDEBUG) abort with
    /// a message if no forward came before, or one with other facts or parameters, as far as a
    /// sample of their elements tells. Release builds do not check this, and the gradients are then
    /// meaningless.
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

    /// Like backward without a pool, with identical results, on all threads of a pool.
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

    /// Runs forward for each of `samples` on the threads of b's pool and calls visit(sample, y),
    /// where y is what forward returns; it is valid until visit returns. Visits come in any order,
    /// from several threads at the same time. If visit throws, samples that have not begun are
    /// skipped and the exception is rethrown here. Throws argument_error if another call is using
    /// b.
    template <model_detail::parameters_of<plan> P, class W, class T = typename P::number,
              class Visit>
        requires std::is_invocable_v<Visit&, int, output_views<const T>>
    static void forward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                              model_detail::batch_memory<plan, T, W>& b, Visit&& visit) {
        batch_calls::run_batch(p, samples, b, [&](int sample, W& w) {
            visit(sample, calls::template all_outputs<T>(w));
        });
    }

    /// Writes the outputs to `out`, sample after sample, row-major; several outputs of a sample
    /// follow each other. Outputs that are shorter because of a fact's length are padded with
    /// zeros. Throws argument_error unless out.size() is the number of samples times the size of
    /// all outputs.
    template <model_detail::parameters_of<plan> P, class W, class T = typename P::number>
    static void forward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                              model_detail::batch_memory<plan, T, W>& b,
                              std::span<std::type_identity_t<T>> out) {
        constexpr int size = output_layout::total;
        check_size("the output given to forward_batch", out.size(),
                   samples.size() * std::size_t{size});
        batch_calls::run_batch(p, samples, b, [&](int sample, const W& w) {
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

    /// For each of `samples`: runs forward, calls loss(sample, y, dy) and runs backward. loss
    /// returns the loss of the sample as a number and writes the gradient of the loss with respect
    /// to y to dy: views of the same extents as y, zero at first. Adds the gradients to `gradient`
    /// and returns the sum of the losses; both are the same for any number of threads. loss is
    /// called in any order, by several threads at the same time. The memory needed does not grow
    /// with the number of samples.
    ///
    /// If loss throws, the exception is rethrown here, and `gradient` holds the gradients of only
    /// some samples. Throws argument_error if another call is using b.
    template <model_detail::trained_parameters_of<plan> P, class T,
              model_detail::workspace_of<plan, T> W, class Loss>
        requires std::is_invocable_r_v<double, Loss&, int, output_views<const T>, output_views<T>>
    static double backward_batch(const P& p,
                                 std::span<const std::type_identity_t<facts<T>>> samples,
                                 Loss&& loss, model_detail::batch_memory<plan, T, W>& b,
                                 parameters<T>& gradient) {
        const int count = batch_calls::template count_of<T>(samples);
        const typename model_detail::batch_memory<plan, T, W>::use used(b);
        const auto& ready = b.prepared(p);
        return b.sum(
            ready, count, batch_calls::template counts_in<T>(samples), gradient,
            [&](int first, int together, int thread, parameters<T>& to, T* to_prepared) {
                double sum = 0;
                batch_calls::run_backward_batch(
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

    /// Likewise if the gradients of the outputs are known: `outward` has the layout that
    /// forward_batch gives `out`. Runs forward again, since no sample's workspace is kept, then
    /// backward. Throws argument_error unless outward.size() is the number of samples times the
    /// size of all outputs.
    template <model_detail::trained_parameters_of<plan> P, class T,
              model_detail::workspace_of<plan, T> W>
    static void backward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                               std::span<const std::type_identity_t<T>> outward,
                               model_detail::batch_memory<plan, T, W>& b, parameters<T>& gradient) {
        constexpr int size = output_layout::total;
        const int count = batch_calls::template count_of<T>(samples);
        check_size("the output gradient given to backward_batch", outward.size(),
                   samples.size() * std::size_t{size});
        const typename model_detail::batch_memory<plan, T, W>::use used(b);
        const auto& ready = b.prepared(p);
        b.sum(ready, count, batch_calls::template counts_in<T>(samples), gradient,
              [&](int first, int together, int thread, parameters<T>& to, T* to_prepared) {
                  batch_calls::run_backward_batch(ready, samples, b, first, together, thread, to,
                                                  to_prepared, [&](int sample, const W&) {
                                                      return outward.data() +
                                                             std::ptrdiff_t{size} * sample;
                                                  });
                  return 0.0;
              });
    }

  private:
    using calls = model_detail::calls<plan>;
    using batch_calls = model_detail::batch_calls<plan>;
    using sequences = model_detail::sequences<plan>;
    using output_layout = model_detail::output_layout<plan>;

    template <class T, class F>
    static void for_each_at(T* base, F& f) {
        for (const auto& [name, view] : model_detail::named_weights<plan>)
            f(name, model_detail::to_tensor(view, base));
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

/// An ill-formed program: reports the mistake where the model is first used.
template <const auto& Program, class... Facts>
    requires(!model_detail::is_well_formed<Program, Facts...>)
class model<Program, Facts...> : public model_detail::ill_formed_model<Program, Facts...> {};

}  // namespace sequent::inline SEQUENT_ABI
