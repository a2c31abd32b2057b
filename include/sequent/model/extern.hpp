#pragma once

#include "model.hpp"

/// Compiles a model in one translation unit of a program; the others see declarations only.
///
/// After the type of the model, in the header that its users include:
///
///     SEQUENT_EXTERN_MODEL(Encoder, float);
///
/// and in one source file, the only one that needs the optimization flags of the hot path:
///
///     SEQUENT_INSTANTIATE_MODEL(Encoder, float);
///
/// The model is the name of a type without commas: declare an alias. `number` is float or double.
/// Calls that no pair of macros covers are compiled where they are used.

/// Declares forward on a workspace, backward and prepare on one thread, forward_batch and
/// backward_batch.
#define SEQUENT_EXTERN_MODEL(model_type, number) \
    SEQUENT_DETAIL_MODEL(extern template, model_type, number)
/// Defines what SEQUENT_EXTERN_MODEL declares.
#define SEQUENT_INSTANTIATE_MODEL(model_type, number) \
    SEQUENT_DETAIL_MODEL(template, model_type, number)

/// Declares forward and forward_batch on a scratch.
#define SEQUENT_EXTERN_MODEL_INFERENCE(model_type, number) \
    SEQUENT_DETAIL_MODEL_INFERENCE(extern template, model_type, number)
/// Defines what SEQUENT_EXTERN_MODEL_INFERENCE declares.
#define SEQUENT_INSTANTIATE_MODEL_INFERENCE(model_type, number) \
    SEQUENT_DETAIL_MODEL_INFERENCE(template, model_type, number)

/// Declares step, step_batch and prefill.
#define SEQUENT_EXTERN_MODEL_STEP(model_type, number) \
    SEQUENT_DETAIL_MODEL_STEP(extern template, model_type, number)
/// Defines what SEQUENT_EXTERN_MODEL_STEP declares.
#define SEQUENT_INSTANTIATE_MODEL_STEP(model_type, number) \
    SEQUENT_DETAIL_MODEL_STEP(template, model_type, number)

/// Declares forward and backward on a workspace and a thread_pool.
#define SEQUENT_EXTERN_MODEL_ON_POOL(model_type, number) \
    SEQUENT_DETAIL_MODEL_ON_POOL(extern template, model_type, number)
/// Defines what SEQUENT_EXTERN_MODEL_ON_POOL declares.
#define SEQUENT_INSTANTIATE_MODEL_ON_POOL(model_type, number) \
    SEQUENT_DETAIL_MODEL_ON_POOL(template, model_type, number)

/// Declares forward and forward_batch on a scratch, step, step_batch and prefill with weights and a
/// state of other types than parameters<number> and state<number>, such as packed weights and a
/// KV cache in fewer bits: `weights` and `state` are aliases of Model::packed<q8_0> and
/// Model::state<float, cache<q8_0>>.
#define SEQUENT_EXTERN_MODEL_WITH(model_type, weights, state) \
    SEQUENT_DETAIL_MODEL_WITH(extern template, model_type, weights, state)
/// Defines what SEQUENT_EXTERN_MODEL_WITH declares.
#define SEQUENT_INSTANTIATE_MODEL_WITH(model_type, weights, state) \
    SEQUENT_DETAIL_MODEL_WITH(template, model_type, weights, state)

#define SEQUENT_DETAIL_COMPILED(prefix, plan, number, run_type)                                 \
    prefix struct ::sequent::model_detail::compiled_forward<plan, number,                       \
                                                            ::sequent::model_detail::run_type>; \
    prefix struct ::sequent::model_detail::compiled_backward<plan, number,                      \
                                                             ::sequent::model_detail::run_type>
#define SEQUENT_DETAIL_JOINED(prefix, name, plan, number, batch) \
    prefix struct ::sequent::model_detail::name<plan, number, (batch::joined > 1)>
#define SEQUENT_DETAIL_MODEL(prefix, model_type, number)                     \
    SEQUENT_DETAIL_COMPILED(prefix, model_type::plan, number, prepare_run);  \
    SEQUENT_DETAIL_COMPILED(prefix, model_type::plan, number, whole_run);    \
    SEQUENT_DETAIL_JOINED(prefix, joined_forward, model_type::plan, number,  \
                          model_type::batch<number>);                        \
    SEQUENT_DETAIL_JOINED(prefix, joined_backward, model_type::plan, number, \
                          model_type::batch<number>)
#define SEQUENT_DETAIL_MODEL_ON_POOL(prefix, model_type, number) \
    SEQUENT_DETAIL_COMPILED(prefix, model_type::plan, number, run_on_pool)
// `placed` may have commas: it is passed to no further macro.
#define SEQUENT_DETAIL_INFERENCE(prefix, placed, number, batch)                                  \
    prefix struct ::sequent::model_detail::compiled_forward<placed, number,                      \
                                                            ::sequent::model_detail::whole_run>; \
    prefix struct ::sequent::model_detail::joined_forward<placed, number, (batch::joined > 1)>
#define SEQUENT_DETAIL_MODEL_INFERENCE(prefix, model_type, number)                                 \
    SEQUENT_DETAIL_INFERENCE(prefix, ::sequent::plan::inference_plan_of<model_type::plan>, number, \
                             model_type::scratch_batch<number>)

#define SEQUENT_DETAIL_ROWS(prefix, placed, number)                                     \
    prefix struct ::sequent::model_detail::compiled_rows<placed, number, false,         \
                                                         ::sequent::kernel::one_row>;   \
    prefix struct ::sequent::model_detail::compiled_rows<placed, number, false,         \
                                                         ::sequent::kernel::row_range>; \
    prefix struct ::sequent::model_detail::compiled_rows<placed, number, true,          \
                                                         ::sequent::kernel::one_row>;   \
    prefix struct ::sequent::model_detail::compiled_rows<placed, number, true,          \
                                                         ::sequent::kernel::row_range>; \
    prefix struct ::sequent::model_detail::joined_sequences<placed, number>
#define SEQUENT_DETAIL_MODEL_STEP(prefix, model_type, number) \
    SEQUENT_DETAIL_ROWS(prefix, ::sequent::plan::state_plan_of<model_type::plan>, number)

#define SEQUENT_DETAIL_PLACED(...) ::sequent::model_detail::placed_for<__VA_ARGS__>::type
#define SEQUENT_DETAIL_MODEL_WITH(prefix, model_type, weights, state)                         \
    SEQUENT_DETAIL_INFERENCE(                                                                 \
        prefix,                                                                               \
        SEQUENT_DETAIL_PLACED(weights, ::sequent::plan::inference_plan_of<model_type::plan>), \
        weights::number, model_type::scratch_batch<weights::number>);                         \
    SEQUENT_DETAIL_ROWS(prefix, SEQUENT_DETAIL_PLACED(weights, state::placed), weights::number)
