#pragma once

#include <type_traits>

#include "../kernel/rounded_product.hpp"
#include "model.hpp"
#include "packed_plan.hpp"

/// Training with products in bfloat16: use Model::workspace<float, bf16> and Model::batch<float,
/// bf16> instead of workspace<float> and batch<float> in forward, backward, forward_batch and
/// backward_batch. In products with weight matrices of at least 32 inputs and 16 outputs, the rows,
/// the weights and, in backward, the gradients of rows are rounded to bfloat16 (to nearest even).
/// Sums are computed in float. All else is float: parameters, gradients, attention, norms,
/// functions, losses and the optimizer.
///
/// Loss scaling is not needed: bfloat16 has the exponent range of float, so no gradient overflows
/// or vanishes by rounding. Binary16, whose smallest positive number is 6e-8, would need it.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan, class T, class Products>
struct rounded_plan_of {
    static_assert(std::is_same_v<T, float> && std::is_same_v<Products, kernel::bf16>,
                  "sequent: products of training are rounded by workspace<float, bf16> or "
                  "batch<float, bf16>; other pairs of types are not there");

    struct type : Plan {
        template <int At>
        static constexpr row_step row_step_at = [] {
            row_step result = Plan::template row_step_at<At>;
            for (row_term& term : result.terms)
                if (term.kind == term_kind::product && matrix_of<Plan>(result, term).outputs > 0)
                    term.format = number_of_format<Products>();
            return result;
        }();
    };
};

/// The product of row_terms with a format.
template <int Format, class T>
void multiply_rounded(const kernel::gathered_product<T>& of) noexcept {
    kernel::rounded_product<typename packed_format<Format>::type>(of);
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
