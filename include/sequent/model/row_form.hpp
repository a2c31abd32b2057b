#pragma once

#include <cstdint>

#include "../plan/memory.hpp"
#include "bindings.hpp"
#include "form_key.hpp"

/// Row steps by their form: steps that differ only in the addresses of their operands are one
/// function, whichever pass, plan or model they belong to.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::row_step;
using plan::row_term;
using plan::term_kind;
using plan::transformation;

/// How a row step computes: the step without the addresses of its operands, whose `index` is their
/// position among row_pointers.
struct row_form {
    row_step step{};
    int classes[plan::max_terms]{};  // number of classes of a term's symbols
};

template <class Access, class Visit>
constexpr void visit_access(Access& access, Visit& visit) {
    visit(access.at.where);
    if (access.at.where == place::none) return;
    visit(access.at.trained);
    visit(access.row);
    visit(access.column);
    for (auto& stride : access.outer) visit(stride);
}

template <class Term, class Visit>
constexpr void visit_term(Term& term, Visit& visit) {
    visit(term.kind);
    visit_access(term.x, visit);
    for (auto& loop : term.loops) {
        visit(loop.count);
        visit(loop.window.walker);
        if (loop.count > 1) {
            visit(loop.x);
            visit(loop.w);
        }
        if (!loop.window.any()) {
            if (loop.count == 1) break;
            continue;
        }
        visit(loop.window.stride);
        visit(loop.window.step);
        visit(loop.window.origin);
        visit(loop.window.extent);
        visit(loop.window.counts);
        visit(loop.window.bounded);
    }
    if (term.kind == term_kind::add) return;
    visit_access(term.w, visit);
    visit(term.w_depth);
    visit(term.w_column);
    visit(term.format);
    if (term.kind != term_kind::product) return;
    visit(term.depth);
}

template <class Function, class Visit>
constexpr void visit_function(Function& function, Visit& visit) {
    visit(function.kind);
    for (auto& number : function.numbers) visit(number);
    for (auto& weight : function.weights) visit_access(weight, visit);
    if (function.kind < transformation::rotary) return;
    visit(function.position_row);
    visit(function.position_column);
    for (auto& outer : function.position_outer) visit(outer);
    visit(function.position_offset);
    auto& scaling = function.scaling;
    visit(scaling.kind);
    if (scaling.kind == rotary_scaling::rule::none) return;
    visit(scaling.factor);
    visit(scaling.low);
    visit(scaling.high);
    visit(scaling.original);
}

template <class Form, class Visit>
constexpr void visit_form(Form& form, Visit& visit) {
    auto& step = form.step;
    visit(step.rows);
    visit(step.segments);
    visit(step.length);
    for (auto& extent : step.outer_extents) visit(extent);
    visit(step.multiplies);
    visit(step.is_outer);
    visit(step.counts);
    visit(step.out_counts);
    visit(step.terms.count);
    for (auto& term : step.terms) visit_term(term, visit);
    for (int at = 0; at < step.terms.size(); ++at)
        if (step.terms[at].kind == term_kind::gather) visit(form.classes[at]);
    visit(step.functions.count);
    for (auto& function : step.functions) visit_function(function, visit);
    visit_access(step.out, visit);
    visit_access(step.before, visit);
}

/// Approximate number of operations of the functions of a row.
constexpr long long functions_cost(const row_step& step) {
    return 16LL * step.columns() * step.functions.size();
}
constexpr long long row_cost(const row_step& step) {
    long long cost = functions_cost(step);
    for (const row_term& term : step.terms)
        cost += 2LL * step.columns() * term.splits() *
                (term.kind == term_kind::product ? term.depth : 1);
    return cost;
}

/// Smallest number of operations of a step that is compiled by its form. Only the library's own
/// tests change it. All translation units of a program must have the same value.
#ifndef SEQUENT_LEAST_SHARED
#define SEQUENT_LEAST_SHARED 50'000
#endif

/// True if a step is compiled by its form. It must read no condition of the plan, no pairs and no
/// identity, and take at least about a microsecond: pointers and call take 10 ns.
constexpr bool is_shared(const row_step& step) {
    for (const plan::row_function& function : step.functions)
        if (function.kind == transformation::dropout) return false;
    return step.pairs < 0 && step.condition < 0 &&
           row_cost(step) * step.rows >= SEQUENT_LEAST_SHARED;
}

/// Row step `At` of a plan as kernels take it.
template <class Plan, int At>
struct row_step_value {
    using plan = Plan;
    static constexpr row_step value = Plan::template row_step_at<At>;
    template <class T>
    using bindings = model_detail::bindings<T>;
    template <int Term>
    static constexpr int classes = Plan::facts[value.terms[Term].x.at.index].classes;
};

/// The pointers of one row step, in the order of plan::visit_row.
template <class T>
struct row_pointers {
    static constexpr int most = 2 * plan::max_terms + 2 * plan::max_transformations + 2;

    const void* at[most];
    T* gradients[most];  // null if not computed
    const int* counts;

    SEQUENT_INLINE const T* read(const operand& of) const noexcept {
        return static_cast<const T*>(at[of.index]);
    }
    SEQUENT_INLINE const std::byte* read_packed(const operand& of) const noexcept {
        return static_cast<const std::byte*>(at[of.index]);
    }
    SEQUENT_INLINE const std::int32_t* read_symbols(const operand& of) const noexcept {
        return static_cast<const std::int32_t*>(at[of.index]);
    }
    SEQUENT_INLINE T* write(const operand& of) const noexcept { return const_cast<T*>(read(of)); }
    SEQUENT_INLINE T* gradient(const operand& of) const noexcept {
        return of.where == place::parameter && !of.trained ? nullptr : gradients[of.index];
    }
    template <class Number>
    static SEQUENT_INLINE Number* row_of(Number* table, std::int32_t symbol, int classes,
                                         int stride) noexcept {
        return bindings<T>::row_of(table, symbol, classes, stride);
    }
};

/// All row steps of a form as kernels take them.
template <form_key Key>
struct row_step_of_form {
    using plan = void;
    static constexpr row_form form = [] {
        row_form result;
        form_reader reader{Key.numbers};
        visit_form(result, reader);
        int operands = 0;
        sequent::plan::visit_row(result.step,
                                 [&](operand& of, sequent::plan::usage) { of.index = operands++; });
        return result;
    }();
    static constexpr row_step value = form.step;
    template <class T>
    using bindings = row_pointers<T>;
    template <int Term>
    static constexpr int classes = form.classes[Term];
};

/// Row step `At` of a plan in the form in which it is compiled, with the pointers that this code
/// takes.
template <class Plan, int At>
class row_code {
    using own = row_step_value<Plan, At>;
    struct keyed {
        static constexpr row_form value = [] {
            row_form result{own::value, {}};
            for (int at = 0; at < own::value.terms.size(); ++at)
                if (own::value.terms[at].kind == term_kind::gather)
                    result.classes[at] = Plan::facts[own::value.terms[at].x.at.index].classes;
            return result;
        }();
        template <class Form, class Visit>
        static constexpr void visit(Form& form, Visit& visit) {
            visit_form(form, visit);
        }
    };
    template <bool HasForm, int = 0>
    struct choice {
        using step = own;
    };
    template <int Any>
    struct choice<true, Any> {
        using step = row_step_of_form<form_key_of<keyed>>;
    };
    struct used_operand {
        operand at{};
        bool symbols = false;
        bool written = false;
        bool kept = false;  // without a gradient
    };
    static constexpr auto operands = [] {
        plan::list<used_operand, row_pointers<float>::most> result;
        const row_step& step = own::value;
        plan::visit_row(step, [&](const operand& of, plan::usage how) {
            used_operand used{of, false, &of == &step.out.at || &of == &step.before.at,
                              how == plan::usage::kept};
            for (const row_term& term : step.terms)
                used.symbols =
                    used.symbols || (term.kind == term_kind::gather && &of == &term.x.at);
            result.push(used);
        });
        return result;
    }();

  public:
    static constexpr bool by_form = is_shared(own::value);
    using step = typename choice<by_form>::step;

    /// The pointers. Backward: including gradients.
    template <bool Backward, class T>
    static SEQUENT_INLINE decltype(auto) bind(const bindings<T>& bound) noexcept {
        if constexpr (!by_form) {
            return (bound);
        } else {
            row_pointers<T> result;
            result.counts = bound.counts;
            kernel::unroll<operands.size()>([&](auto index) {
                constexpr used_operand used = operands[index()];
                if constexpr (used.at.where != place::none) {
                    if constexpr (used.symbols)
                        result.at[index()] = bound.read_symbols(used.at);
                    else if constexpr (used.at.where == place::packed)
                        result.at[index()] = bound.read_packed(used.at);
                    else if constexpr (used.written && !Backward)
                        result.at[index()] = bound.write(used.at);
                    else
                        result.at[index()] = bound.read(used.at);
                    if constexpr (Backward && !used.symbols && !used.kept)
                        result.gradients[index()] = bound.gradient(used.at);
                }
            });
            return result;
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
