#pragma once

#include <type_traits>

#include "../kernel/rounded_product.hpp"
#include "model.hpp"
#include "packed_plan.hpp"

/// Training with products in bfloat16: Model::workspace<float, bf16> and Model::batch<float, bf16>
/// stand in the place of workspace<float> and batch<float> in forward, backward, forward_batch and
/// backward_batch. Rows and weights, and in backward the gradients of rows, are rounded to bfloat16
/// (nearest even) where a matrix of weights with at least 32 inputs and 16 outputs is multiplied;
/// products are summed in float, and all else is float: parameters, gradients, attention, norms,
/// functions, losses and the optimiser.
///
/// No loss needs scaling: bfloat16 has the exponents of float, so that no gradient that float holds
/// vanishes or overflows when it is rounded. Binary16, whose least number is 6e-8, would need it.

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

template <int Format, class T>
void multiply_rounded(const kernel::gathered_product<T>& of) noexcept {
    kernel::rounded_product<typename packed_format<Format>::type>(of);
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
