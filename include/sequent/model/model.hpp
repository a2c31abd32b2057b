#pragma once

#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "../joined_text.hpp"
#include "arguments.hpp"
#include "batch.hpp"
#include "check_rows.hpp"
#include "ill_formed.hpp"
#include "large_block.hpp"
#include "on_pool.hpp"
#include "parameters.hpp"
#include "prepared.hpp"
#include "row_facts.hpp"
#include "run.hpp"
#include "runs.hpp"
#include "state.hpp"
#include "workspace.hpp"

/// A program bound to the shapes of its facts: parameters, workspace, forward, backward.

namespace sequent::inline SEQUENT_ABI {

using language::bound;
using language::fact;
using language::query;
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
    /// The memory of forward and backward.
    template <class T>
    using workspace = model_detail::workspace_block<plan, T>;
    /// The memory of forward alone, which is a fraction of that.
    template <class T>
    using scratch = model_detail::scratch_block<plan, T>;
    /// Parameters with what follows from them alone, which stand in their place in all calls:
    /// forward, step, backward and their kin give the same numbers for them, and sooner. To be
    /// prepared again when the parameters have changed.
    template <class T>
    using prepared = model_detail::prepared_block<plan, T>;
    /// Weights in fewer bits, of Format bf16, q8_0 or q4_0, which stand in
    /// the place of the parameters in calls without gradients; from sequent/packed.hpp.
    template <class Format, auto Which = pack_products>
    using packed = model_detail::packed_block<plan, Format, Which>;
    template <class T>
    using batch = model_detail::batch_memory<plan, T, workspace<T>>;
    /// The memory of forward_batch alone.
    template <class T>
    using scratch_batch = model_detail::batch_memory<plan, T, scratch<T>>;
    /// What step and prefill keep of one sequence.
    template <class T>
    using state = model_detail::state_block<plan, T>;
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

    /// Facts as pointers, checked: each is there once and has the shape of its fact. They refer to
    /// the containers, which must live as long as the facts are used, and copy the pairs of sparse
    /// facts and the counts. A container that is a temporary does not compile, unless it is given
    /// in braces to the call that reads it: forward(p, {x_of(sample)}, w).
    ///
    /// What is changed in the containers afterwards is not checked again: numbers are taken as they
    /// are, and a symbol outside of its classes counts as a row of NaN.
    template <class T>
    class facts {
      public:
        using given_together = facts;

        facts(std::initializer_list<model_detail::kept_argument<const T>> given) {
            take_all(given);
        }
        /// Of one call alone.
        facts(std::initializer_list<model_detail::argument<const T>> given,
              model_detail::temporaries_too) {
            take_all(given);
        }

        const void* pointers[model_detail::max_facts]{};
        int counts[model_detail::count_given<plan>()]{};  // sequent::plan::given_numbers

        void add_to(model_detail::call_mark& mark) const noexcept {
            constexpr int count_facts = plan::shapes.text.counts.size();
            mark.add(counts, count_facts);
            for (int at = 0; at < facts_list::capacity(); ++at) {
                const auto& fact = plan::facts[at];
                if (fact.kind == kind::count) continue;
                int size = given_shape(at, counts).size();
                if (fact.is_sparse()) {
                    const std::int32_t* index = pairs(at);
                    const int count = index[model_detail::pair_layout::count()];
                    mark.add(index + model_detail::pair_layout::row_of_pair(), count);
                    mark.add(index + layout_of(at).column_of_pair(), count);
                    size = count * fact.pair_size();
                }
                if (fact.kind == kind::symbols)
                    mark.add(static_cast<const std::int32_t*>(pointers[at]), size);
                else
                    mark.add(static_cast<const T*>(pointers[at]), size);
            }
        }

        /// The index of a sparse fact's pairs.
        const std::int32_t* pairs(int at) const noexcept {
            return plan::facts[at].is_sparse() ? indices_.data() + index_offset(at) : nullptr;
        }

      private:
        template <class, class, class>
        friend class model_detail::row_facts;

        facts() = default;

        using kind = sequent::plan::fact_kind;
        using subject = model_detail::subject;

        template <class List>
        void take_all(const List& given) {
            kernel::table_maker::make_all();
            constexpr int count = facts_list::capacity();
            bool filled[count > 0 ? count : 1]{};
            int position = 0;
            for (const auto& each : given) {
                const int at = each.id.length ? place_of_fact(each.id) : position++;
                if (at < 0 || at >= count)
                    fail_with<argument_error>(
                        {"sequent: the model has no ", subject{"fact", each.id, at}.text()});
                const subject what{"fact", plan::facts[at].id, at};
                if (filled[at]) model_detail::refuse(what, {" is given twice"});
                filled[at] = true;
                take(at, what, each);
            }
            for (int at = 0; at < count; ++at)
                if (!filled[at])
                    model_detail::refuse(subject{"fact", plan::facts[at].id, at},
                                         {" is not given"});
        }

        static constexpr model_detail::pair_layout layout_of(int at) {
            return {plan::facts[at].extents[0], plan::facts[at].extents[1], plan::facts[at].pairs};
        }
        static constexpr int index_offset(int end) {
            int offset = 0;
            for (int at = 0; at < end; ++at)
                if (plan::facts[at].is_sparse()) offset += layout_of(at).size();
            return offset;
        }
        /// The values of pairs that are given without. Written at run time: compilers limit the
        /// loops of constant expressions.
        static constexpr int most_pairs = [] {
            int result = 1;
            for (const auto& each : plan::facts) result = std::max(result, each.pairs);
            return result;
        }();
        static const T* ones() noexcept {
            struct made {
                T numbers[static_cast<std::size_t>(most_pairs)];
                made() noexcept { std::fill_n(numbers, most_pairs, T(1)); }
            };
            static const made result;
            return result.numbers;
        }
        static constexpr int index_size = index_offset(facts_list::capacity());
        /// An index of many pairs is on the heap: facts may stand on the stack.
        static constexpr bool large_index = index_size > 16384;
        std::conditional_t<large_index, std::vector<std::int32_t>,
                           std::array<std::int32_t, index_size && !large_index ? index_size : 1>>
            indices_;

        static constexpr auto count_limits = [] {
            std::array<int, sequent::plan::max_counts> result{};
            for (int at = 0; at < plan::shapes.text.counts.size(); ++at)
                result[static_cast<std::size_t>(at)] =
                    sequent::plan::limit_of_count(plan::shapes, at);
            return result;
        }();

        /// Code for kinds of facts that the program does not have is not compiled.
        template <class Test>
        static constexpr bool has_fact(Test test) {
            for (int at = 0; at < facts_list::capacity(); ++at)
                if (test(plan::facts[at])) return true;
            return false;
        }

        void take(int at, const subject& what, const model_detail::argument<const T>& given) {
            const auto& wanted = plan::facts[at];
            if (wanted.kind == kind::count) {
                if (!given.is_count)
                    model_detail::refuse(what, {" is a count, given is a container"});
                if (given.count < 0)
                    model_detail::refuse(what, {" is a count and cannot be ", given.count});
                const int place = count_places[static_cast<std::size_t>(at)];
                if (place < 0) return;
                const int limit = count_limits[static_cast<std::size_t>(place)];
                if (limit != sequent::plan::without_limit && given.count > limit)
                    model_detail::refuse(what, {" is ", given.count, ", beyond the ", limit,
                                                " values of what it bounds"});
                counts[place] = given.count;
                return;
            }
            if (given.is_count) model_detail::refuse(what, {" is a container, given is a number"});
            if (given.is_sparse != wanted.is_sparse())
                model_detail::refuse(
                    what, {(wanted.is_sparse() ? " is sparse and needs sparse_pairs()"
                                               : " is dense, given are sparse_pairs()")});
            sequent::plan::fact_shape shape = wanted;
            if (wanted.up_to) {
                shape.extents[0] = model_detail::length_of(what, given.shape, wanted);
                counts[count_places[static_cast<std::size_t>(at)]] = shape.extents[0];
            }
            if constexpr (has_fact([](const auto& each) { return each.is_sparse(); })) {
                if (wanted.is_sparse()) {
                    if constexpr (large_index) indices_.resize(index_size);
                    std::int32_t* memory = indices_.data() + index_offset(at);
                    model_detail::take_pairs(what, given, layout_of(at), memory);
                    const int count = memory[model_detail::pair_layout::count()];
                    const bool valued = given.shape.rank > 0;
                    if (!valued && (wanted.kind == kind::symbols || wanted.pair_size() != 1))
                        model_detail::refuse(
                            what, {" needs a value for each pair, given are pairs alone"});
                    shape = wanted.values_of(count);
                    if (!valued || count == 0) {
                        if (valued)
                            model_detail::check_shape(what, given.shape, shape.extents, shape.rank);
                        pointers[at] = ones();
                        return;
                    }
                }
            }
            // Of no values there may be no memory.
            const bool empty =
                wanted.up_to && shape.extents[0] == 0 && !given.symbols && !given.numbers;
            if constexpr (has_fact([](const auto& each) { return each.kind == kind::symbols; })) {
                if (wanted.kind == kind::symbols) {
                    if (!given.symbols && !empty)
                        model_detail::refuse(what,
                                             {" holds symbols as std::int32_t, given are numbers"});
                    model_detail::check_shape(what, given.shape, shape.extents, shape.rank);
                    model_detail::check_symbols(what, given.symbols, shape.size(), wanted.classes);
                    pointers[at] = given.symbols;
                    model_detail::find_runs(model_detail::compared_facts<plan>, at, what,
                                            given.symbols, shape.extents[0], counts);
                    return;
                }
            }
            if (!given.numbers && !empty)
                model_detail::refuse(what, {" holds numbers, given are symbols"});
            model_detail::check_shape(what, given.shape, shape.extents, shape.rank);
            model_detail::check_finite(what, given.numbers, shape.size());
            pointers[at] = given.numbers;
        }
    };

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
    class output_gradients {
      public:
        using given_together = output_gradients;

        output_gradients(std::initializer_list<model_detail::kept_argument<const T>> given) {
            take_all(given);
        }
        template <class Value>
            requires(!model_detail::is_fact_set<std::remove_cvref_t<Value>>)
        output_gradients(Value&& only) {
            take_all(std::initializer_list<model_detail::kept_argument<const T>>{
                static_cast<Value&&>(only)});
        }
        /// Of one call alone.
        output_gradients(std::initializer_list<model_detail::argument<const T>> given,
                         model_detail::temporaries_too) {
            take_all(given);
        }

        const T* pointers[outputs > 0 ? outputs : 1]{};

        /// Throws unless the gradients of outputs that a fact's length ends have that length.
        void check_lengths(const int* counts) const {
            if constexpr (has_lengths) [&]<int... At>(std::integer_sequence<int, At...>) {
                    (check_length<At>(counts), ...);
                }
            (std::make_integer_sequence<int, outputs>{});
        }

      private:
        model_detail::extents shapes_[has_lengths && outputs > 0 ? outputs : 1]{};

        template <int At>
        void check_length(const int* counts) const {
            const auto view = model_detail::limited_view<plan, plan::shapes.outputs[At]>(counts);
            model_detail::check_shape({"the gradient of output", output_layout::names[At]},
                                      shapes_[At], view.extents, view.rank);
        }

        template <class List>
        void take_all(const List& given) {
            kernel::table_maker::make_all();
            int position = 0;
            for (const auto& each : given) take(each, position++);
            for (int at = 0; at < outputs; ++at)
                if (!pointers[at])
                    fail_with<argument_error>(
                        {"sequent: the gradient of output number ", at + 1, " is not given"});
        }

        void take(const model_detail::argument<const T>& given, int position) {
            for (int at = 0; at < outputs; ++at) {
                const auto& id = output_layout::names[at];
                if (given.id.length ? !(id == given.id) : at != position) continue;
                const model_detail::weight_view& view = output_layout::whole_views[at];
                if constexpr (has_lengths)
                    shapes_[at] = given.shape;
                else
                    model_detail::check_shape({"the gradient of output", id}, given.shape,
                                              view.extents, view.rank);
                // Of no numbers there may be no memory, but of this one none is read.
                static constexpr T nothing{};
                pointers[at] = given.numbers ? given.numbers : &nothing;
                return;
            }
            fail<argument_error>("sequent: a gradient is given for what is no output");
        }
    };

    /// The gradients of one call: output_gradients, or what makes them for this call alone.
    template <class T>
    class gradients_of_call
        : public model_detail::of_one_call<output_gradients<T>, model_detail::argument<const T>> {
        using base =
            model_detail::of_one_call<output_gradients<T>, model_detail::argument<const T>>;

      public:
        using base::base;
        template <class Value>
            requires(!model_detail::is_fact_set<std::remove_cvref_t<Value>>)
        gradients_of_call(Value&& only)
            : base(std::initializer_list<model_detail::argument<const T>>{
                  static_cast<Value&&>(only)}) {}
    };

    /// Where the gradients of facts are to be added, by name or in order; none by default.
    template <class T>
    class fact_gradients {
      public:
        fact_gradients() = default;
        fact_gradients(std::initializer_list<model_detail::kept_argument<T>> given) {
            int position = 0;
            for (const auto& each : given) {
                const int at = each.id.length ? place_of_fact(each.id) : position++;
                if (at < 0 || at >= facts_list::capacity() ||
                    plan::facts[at].kind != sequent::plan::fact_kind::dense || !each.numbers)
                    fail<argument_error>("sequent: only dense facts have gradients");
                // Of a sparse one, with room for all pairs that it may have.
                const auto& of = plan::facts[at];
                auto shape = of.is_sparse() ? of.values_of(of.pairs) : of;
                const model_detail::subject what{"the gradient of fact", of.id, at};
                if constexpr (has_lengths)
                    if (of.up_to)
                        lengths_[at].number = shape.extents[0] =
                            model_detail::length_of(what, each.shape, of);
                model_detail::check_shape(what, each.shape, shape.extents, shape.rank);
                pointers[at] = each.numbers;
            }
        }

        T* pointers[model_detail::max_facts]{};

        /// Throws unless the gradients of facts are as long as these.
        void check_lengths(const int* counts) const {
            if constexpr (has_lengths)
                for (int at = 0; at < facts_list::capacity(); ++at) {
                    const auto& of = plan::facts[at];
                    if (!pointers[at] || !of.up_to) continue;
                    const int length = given_shape(at, counts).extents[0];
                    const int given = lengths_[at].number;
                    if (given >= 0 && given != length)
                        model_detail::refuse(
                            {"the gradient of fact", of.id, at},
                            {" has the length ", given, ", the fact that is given has ", length});
                }
        }

      private:
        struct told_length {
            int number = -1;  // where the pointer was set by hand
        };
        told_length lengths_[has_lengths ? model_detail::max_facts : 1]{};
    };

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
        return run_forward(p, *given, w, model_detail::whole_run{});
    }

    /// The row at s.position() of the outputs, from that row of the facts along the sequence, and
    /// what s keeps of the rows before; then the position is the next one. Views of s, without the
    /// outputs' first argument, valid until the next call with s. Throws argument_error at a
    /// position beyond the last, and where other facts are needed that prefill has not been given->
    /// Does not compile where a rule needs later rows.
    template <model_detail::parameters_of<plan> P, class T = typename P::number>
    static auto step(const P& p, const std::type_identity_t<rows_of_call<T>>& given, state<T>& s) {
        given->check_single();
        check_position(s, 1);
        if constexpr (state<T>::needs_rest)
            if (!s.has_rest() || given->has_rest())
                fail<argument_error>(
                    "sequent: facts besides the sequence are given to prefill, with the first "
                    "rows");
        const kernel::one_row row{s.position()};
        if constexpr (state<T>::computes_once && !state<T>::needs_rest)
            if (s.position() == 0) {
                run_rows<true>(p, *given, s, 0, row);
                return last_row(s);
            }
        run_rows<false>(p, *given, s, 0, row);
        return last_row(s);
    }

    /// The same for several rows at once: those at s.position() and after it; the views are of the
    /// last one. With the first rows of a sequence, the facts that are not along it are given
    /// whole: what follows from them alone is computed once.
    template <model_detail::parameters_of<plan> P, class T = typename P::number>
    static auto prefill(const P& p, const std::type_identity_t<rows_of_call<T>>& given,
                        state<T>& s) {
        check_position(s, given->size());
        bool starts = s.position() == 0;
        if constexpr (state<T>::needs_rest) {
            starts = given->check_rest(s.has_rest());
            if (starts) s.take_rest(given->rest().pointers, given->rest().counts);
        }
        for (int from = 0; from < given->size();) {
            const int count = std::min(state<T>::block, given->size() - from);
            const kernel::row_range range{s.position(), s.position() + count};
            if (state<T>::computes_once && starts && from == 0)
                run_rows<state<T>::computes_once>(p, *given, s, from, range);
            else
                run_rows<false>(p, *given, s, from, range);
            from += count;
        }
        return last_row(s);
    }

    /// The same on all threads of a pool, to the same numbers: rows and outer indices of large
    /// steps are computed at the same time. For many samples, forward_batch has less to wait for.
    template <model_detail::parameters_of<plan> P,
              model_detail::memory_of<plan, typename P::number> W>
    static auto forward(const P& p, const facts_of_call<typename P::number>& given, W& w,
                        thread_pool& pool) noexcept {
        return run_forward(p, *given, w, model_detail::run_on_pool{pool});
    }

    /// After forward with the same arguments on the same workspace: adds to `gradient`, and to the
    /// gradients of facts where they are asked for. The values in w are used up, so that a second
    /// backward needs a second forward. Debug builds (those without NDEBUG) abort with a message if
    /// there was no forward, or one of other facts or parameters, as far as some elements of each
    /// tell; in release builds the gradients are then of no meaning.
    template <model_detail::trained_parameters_of<plan> P, class T = typename P::number>
    static void backward(
        const P& p, const std::type_identity_t<facts_of_call<T>>& given,
        const std::type_identity_t<gradients_of_call<T>>& outward, workspace<T>& w,
        parameters<T>& gradient,
        const std::type_identity_t<fact_gradients<T>>& of_facts = {}) noexcept(!has_lengths) {
        check_lengths(*given, *outward, of_facts);
        run_backward(p, *given, outward->pointers, w, gradient, static_cast<T*>(nullptr), of_facts,
                     model_detail::whole_run{});
    }

    /// The same on all threads of a pool, to the same numbers.
    template <model_detail::trained_parameters_of<plan> P, class T = typename P::number>
    static void backward(
        const P& p, const std::type_identity_t<facts_of_call<T>>& given,
        const std::type_identity_t<gradients_of_call<T>>& outward, workspace<T>& w,
        parameters<T>& gradient, thread_pool& pool,
        const std::type_identity_t<fact_gradients<T>>& of_facts = {}) noexcept(!has_lengths) {
        check_lengths(*given, *outward, of_facts);
        run_backward(p, *given, outward->pointers, w, gradient, static_cast<T*>(nullptr), of_facts,
                     model_detail::run_on_pool{pool});
    }

    /// Forward for each of `samples` on the threads of b's pool; visit(sample, y) is given what
    /// forward returns, valid until it returns. Visits come in any order and several at once. What
    /// visit throws is thrown here, and the samples that have not begun are left out.
    template <model_detail::parameters_of<plan> P, class W, class T = typename P::number,
              class Visit>
        requires std::is_invocable_v<Visit&, int, output_views<const T>>
    static void forward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                              model_detail::batch_memory<plan, T, W>& b, Visit&& visit) {
        const int count = count_of<T>(samples);
        const typename std::remove_reference_t<decltype(b)>::use used(b);
        const auto& ready = b.prepared(p);
        b.pool().run(count, [&](int sample, int thread) {
            visit(sample,
                  forward(ready, samples[static_cast<std::size_t>(sample)], b.workspace(thread)));
        });
    }

    /// The outputs one sample after another, row-major; several outputs of one sample stand one
    /// after another. Throws argument_error unless `out` has room for exactly these.
    template <model_detail::parameters_of<plan> P, class W, class T = typename P::number>
    static void forward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                              model_detail::batch_memory<plan, T, W>& b,
                              std::span<std::type_identity_t<T>> out) {
        constexpr int size = output_layout::total;
        const int count = count_of<T>(samples);
        check_size("the output given to forward_batch", out.size(),
                   samples.size() * std::size_t{size});
        const typename std::remove_reference_t<decltype(b)>::use used(b);
        const auto& ready = b.prepared(p);
        b.pool().run(count, [&](int sample, int thread) {
            W& w = b.workspace(thread);
            (void)forward(ready, samples[static_cast<std::size_t>(sample)], w);
            T* to = out.data() + std::ptrdiff_t{size} * sample;
            kernel::unroll<outputs>([&](auto index) {
                if constexpr (has_lengths)
                    std::fill_n(to + output_layout::offset(index()), output_layout::size(index()),
                                T(0));
                model_detail::each_run(
                    limited_output<W, index()>(w.counts), view_of_output<W, index()>,
                    [&](int position, int offset, int length) {
                        std::copy_n(w.numbers + offset, length,
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
    template <model_detail::trained_parameters_of<plan> P, class T, class Loss>
        requires std::is_invocable_r_v<double, Loss&, int, output_views<const T>, output_views<T>>
    static double backward_batch(const P& p,
                                 std::span<const std::type_identity_t<facts<T>>> samples,
                                 Loss&& loss, batch<T>& b, parameters<T>& gradient) {
        const int count = count_of<T>(samples);
        const typename batch<T>::use used(b);
        const auto& ready = b.prepared(p);
        return b.sum(ready, count, gradient,
                     [&](int sample, int thread, parameters<T>& to, T* to_prepared) {
                         const facts<T>& given = samples[static_cast<std::size_t>(sample)];
                         workspace<T>& w = b.workspace(thread);
                         const auto y = forward(ready, given, w);
                         T* const outward = b.outward(thread).data();
                         const auto result = static_cast<double>(
                             loss(sample, y, output_layout::cleared_views(outward, given.counts)));
                         backward_from(ready, given, outward, w, to, to_prepared);
                         return result;
                     });
    }

    /// Where the gradients of the outputs are known, laid out as forward_batch lays out the
    /// outputs: runs forward again, since no sample's workspace is kept, and backward. Throws
    /// argument_error unless there is one for each.
    template <model_detail::trained_parameters_of<plan> P, class T>
    static void backward_batch(const P& p, std::span<const std::type_identity_t<facts<T>>> samples,
                               std::span<const std::type_identity_t<T>> outward, batch<T>& b,
                               parameters<T>& gradient) {
        constexpr int size = output_layout::total;
        const int count = count_of<T>(samples);
        check_size("the output gradient given to backward_batch", outward.size(),
                   samples.size() * std::size_t{size});
        const typename batch<T>::use used(b);
        const auto& ready = b.prepared(p);
        b.sum(ready, count, gradient,
              [&](int sample, int thread, parameters<T>& to, T* to_prepared) {
                  const facts<T>& given = samples[static_cast<std::size_t>(sample)];
                  workspace<T>& w = b.workspace(thread);
                  (void)forward(ready, given, w);
                  backward_from(ready, given, outward.data() + std::ptrdiff_t{size} * sample, w, to,
                                to_prepared);
                  return 0.0;
              });
    }

  private:
    using output_layout = model_detail::output_layout<plan>;

    /// Where a count, or the length of a fact, stands among those that the program names; -1 if
    /// it is none.
    static constexpr auto count_places = [] {
        std::array<int, model_detail::max_facts> result{};
        for (int at = 0; at < facts_list::capacity(); ++at) {
            result[static_cast<std::size_t>(at)] = -1;
            for (int place = 0; place < plan::shapes.text.counts.size(); ++place)
                if (plan::shapes.text.counts[place] == plan::facts[at].id)
                    result[static_cast<std::size_t>(at)] = place;
        }
        return result;
    }();

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

    /// Where the fact of this name stands among the facts; -1 if there is none.
    static constexpr int place_of_fact(const sequent::plan::name& id) {
        for (int at = 0; at < facts_list::capacity(); ++at)
            if (plan::facts[at].id == id) return at;
        return -1;
    }

    template <class P, class T>
    static std::uint64_t mark_of([[maybe_unused]] const P& p,
                                 [[maybe_unused]] const facts<T>& given) noexcept {
#if defined(NDEBUG)
        return model_detail::left_by_any;
#else
        model_detail::call_mark mark;
        if constexpr (model_detail::trained_parameters_of<P, plan>)
            mark.add(model_detail::numbers_of(p), parameters<T>::size);
        given.add_to(mark);
        return mark.value();
#endif
    }

    template <class P, class T>
    static void check_left_by([[maybe_unused]] const P& p, [[maybe_unused]] const facts<T>& given,
                              workspace<T>& w) noexcept {
#if !defined(NDEBUG)
        if (w.left_by == model_detail::nothing_left)
            stop(
                "sequent: backward needs a forward before it on the same workspace, of all rows, "
                "and uses up what that has left: a second backward needs a second forward");
        if (w.left_by != model_detail::left_by_any && w.left_by != mark_of(p, given))
            stop(
                "sequent: backward is given other facts or parameters than the forward before it "
                "on the same workspace");
#endif
        w.left_by = model_detail::nothing_left;
    }

    /// Parameters that are not prepared are, in w. Kept: forward has done so.
    template <class P, class T, class W>
    static model_detail::bindings<T> bind(const P& p, const facts<T>& given, W& w,
                                          bool kept = false) noexcept {
        model_detail::bindings<T> result;
        result.parameters = model_detail::numbers_of(p);
        result.prepared = model_detail::prepared_in(p);
        result.packed = model_detail::packed_in(p);
        if (!result.prepared) {
            if (!kept)
                model_detail::prepare_numbers<typename model_detail::placed_for<P, plan>::type>(
                    result.parameters, w.prepared, w.scratch);
            result.prepared = w.prepared;
        }
        result.workspace = w.numbers;
        result.scratch = w.scratch;
        std::copy_n(given.pointers, model_detail::max_facts, result.facts);
        result.counts = given.counts;
        for (int at = 0; at < facts_list::capacity(); ++at) result.pairs[at] = given.pairs(at);
        return result;
    }

    template <class P, class T, class W, class Run>
    static output_views<const T> run_forward(const P& p, const facts<T>& given, W& w,
                                             Run run) noexcept {
        auto bound = bind(p, given, w);
        if constexpr (std::is_same_v<W, workspace<T>>) w.left_by = mark_of(p, given);
        using placed = typename model_detail::placed_for<P, typename W::placed>::type;
        model_detail::compiled_forward<placed, T, Run>::run(bound, run);
        std::copy_n(given.counts, W::count_of_counts, w.counts);
        kernel::unroll<outputs>([&](auto index) { clear_rest<index(), T>(w); });
        return all_outputs<T>(w);
    }

    /// Clears the rows of an output that a caller sees and no step has written.
    template <int At, class T, class W>
    static void clear_rest([[maybe_unused]] W& w) noexcept {
        using placed = typename W::placed;
        constexpr int relation = plan::shapes.outputs[At];
        constexpr model_detail::view_limits limits = model_detail::limits_of_view<placed>(relation);
        if constexpr (limits.axis >= 0) {
            model_detail::weight_view rest = model_detail::limited_view<placed, relation>(w.counts);
            const int written =
                sequent::plan::least_count(limits.written, rest.extents[limits.axis], w.counts);
            rest.extents[limits.axis] -= written;
            rest.offset += written * rest.strides[limits.axis];
            model_detail::each_run(rest, [&](int, int offset, int length) {
                std::fill_n(w.numbers + offset, length, T(0));
            });
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

    /// A fact's shape when these counts have been given.
    static constexpr sequent::plan::fact_shape given_shape(int at, const int* counts) noexcept {
        sequent::plan::fact_shape result = plan::facts[at];
        if (result.up_to) result.extents[0] = counts[count_places[static_cast<std::size_t>(at)]];
        return result;
    }

    template <class T>
    static void check_position(const state<T>& s, int rows) {
        constexpr int length = state<T>::length;
        if (s.position() + rows > length)
            fail_with<argument_error>({"sequent: position ", s.position() + rows - 1,
                                       " is beyond the ", length, " positions of the model"});
    }

    template <bool First, class P, class T, class Range>
    static void run_rows(const P& p, const rows<T>& given, state<T>& s, int from,
                         Range range) noexcept {
        s.template run<First>(
            p, [&](int fact) { return given.row(fact, from); },
            [&](int fact) { return given.rest().pointers[fact]; },
            [&](int fact) { return given.rest().pairs(fact); }, range);
    }

    template <class T>
    static auto last_row(const state<T>& s) noexcept {
        if constexpr (outputs == 1) {
            return s.template output<0>();
        } else {
            std::array<tensor_view<const T>, static_cast<std::size_t>(outputs)> result;
            kernel::unroll<outputs>([&](auto index) {
                constexpr int at = decltype(index)::value;
                result[static_cast<std::size_t>(at)] = s.template output<at>();
            });
            return result;
        }
    }

    /// What is added to the gradient of what is prepared goes to prepared_gradient, or, where that
    /// is null, on to the parameters.
    template <bool Whole = false, class P, class T, class Run>
    static void run_backward(const P& p, const facts<T>& given, const T* const* outward,
                             workspace<T>& w, parameters<T>& gradient, T* prepared_gradient,
                             const fact_gradients<T>& of_facts, Run run) noexcept {
        check_left_by(p, given, w);
        model_detail::bindings<T> bound = bind(p, given, w, true);
        bound.parameter_gradient = gradient.numbers;
        bound.prepared_gradient = prepared_gradient;
        if constexpr (model_detail::prepares<plan>)
            if (!prepared_gradient) {
                std::fill_n(w.prepared_gradient, workspace<T>::prepared_size, T(0));
                bound.prepared_gradient = w.prepared_gradient;
            }
        std::copy_n(of_facts.pointers, model_detail::max_facts, bound.fact_gradients);
        kernel::unroll<outputs>(
            [&](auto index) { seed<index(), Whole>(outward[index()], w, given.counts, true); });
        kernel::unroll<outputs>(
            [&](auto index) { seed<index(), Whole>(outward[index()], w, given.counts, false); });
        model_detail::compiled_backward<plan, T, Run>::run(bound, run);
        if constexpr (model_detail::prepares<plan>)
            if (!prepared_gradient)
                model_detail::prepare_gradient<plan>(bound.parameters, bound.prepared,
                                                     w.prepared_gradient, gradient.numbers,
                                                     w.scratch);
    }

    /// With the gradients of all outputs one after another.
    template <class P, class T>
    static void backward_from(const P& p, const facts<T>& given, const T* outward, workspace<T>& w,
                              parameters<T>& gradient, T* prepared_gradient) noexcept {
        const T* pointers[outputs > 0 ? outputs : 1];
        for (int at = 0; at < outputs; ++at) pointers[at] = outward + output_layout::offset(at);
        run_backward<true>(p, given, pointers, w, gradient, prepared_gradient, {},
                           model_detail::whole_run{});
    }

    /// Where an output lies in that memory.
    template <class W, int At>
    static constexpr auto view_of_output =
        model_detail::view_of_relation<typename W::placed>(plan::shapes.outputs[At]);

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

    template <class T, int At, class W>
    static auto output(const W& w) noexcept {
        constexpr int rank = view_of_output<W, At>.rank;
        return model_detail::to_tensor<rank>(limited_output<W, At>(w.counts),
                                             static_cast<const T*>(w.numbers));
    }

    template <class W, int At>
    static constexpr model_detail::weight_view limited_output(const int* counts) noexcept {
        return model_detail::limited_view<typename W::placed, plan::shapes.outputs[At]>(counts);
    }

    /// The caller's gradient of an output, to where backward expects it; first zeros, since an
    /// output may lie among others' numbers. Whole: the gradient has the output's extents, whatever
    /// the lengths of facts are.
    template <int At, bool Whole, class T>
    static void seed(const T* outward, workspace<T>& w, const int* counts, bool clear) noexcept {
        // By value: a reference would put the plan's tables into the program.
        constexpr int index = plan::tables.relations[plan::shapes.outputs[At]].index;
        constexpr auto buffer = plan::tables.buffers[index];
        constexpr auto whole = model_detail::view_of_relation<plan>(plan::shapes.outputs[At]);
        if (clear) {
            constexpr sequent::plan::birth born = buffer.adjoint_birth();
            model_detail::each_part_of(born, counts, [&](int offset, int size) {
                std::fill_n(w.numbers + offset, size, T(0));
            });
            return;
        }
        T* to = w.numbers + buffer.adjoint - buffer.offset;
        const auto add = [&](int position, int offset, int length) {
            for (int at = 0; at < length; ++at) to[offset + at] += outward[position + at];
        };
        if constexpr (has_lengths) {
            const auto view = limited_output<workspace<T>, At>(counts);
            model_detail::each_run(view, Whole ? whole : view, add);
        } else {
            model_detail::each_run(whole, add);
        }
    }
};

/// A program that makes no sense is told where its model is first needed.
template <const auto& Program, class... Facts>
    requires(!model_detail::is_well_formed<Program, Facts...>)
class model<Program, Facts...> : public model_detail::ill_formed_model<Program, Facts...> {};

}  // namespace sequent::inline SEQUENT_ABI
