#pragma once

#include "../io/placement.hpp"

/// Name maps of PyTorch's recurrent layers, for the templates `rnn`, `gru` and `lstm`. PyTorch
/// appends the layer's number to the names and has two biases; they are added where the sum is
/// equivalent: `io::load<Gru>("gru.safetensors", parameters, io::torch::gru)`.

namespace sequent::inline SEQUENT_ABI::io::torch {

/// Name map of torch.nn.GRU. The order of the gates is reset, update, candidate.
inline constexpr name_entry gru[] = {
    constant("start", 0),
    constant("y.start", 0),
    {"W_reset", "weight_ih_l0", part(0, 3)},
    {"W_update", "weight_ih_l0", part(1, 3)},
    {"W_candidate", "weight_ih_l0", part(2, 3)},
    {"U_reset", "weight_hh_l0", part(0, 3)},
    {"U_update", "weight_hh_l0", part(1, 3)},
    {"U_candidate", "weight_hh_l0", part(2, 3)},
    {"b_reset", "bias_ih_l0", part(0, 3)},
    {"b_reset", "bias_hh_l0", part(0, 3) | summand},
    {"b_update", "bias_ih_l0", part(1, 3)},
    {"b_update", "bias_hh_l0", part(1, 3) | summand},
    {"b_candidate", "bias_ih_l0", part(2, 3)},
    {"c_candidate", "bias_hh_l0", part(2, 3)},
    {"y.W_reset", "weight_ih_l{a+1}", part(0, 3)},
    {"y.W_update", "weight_ih_l{a+1}", part(1, 3)},
    {"y.W_candidate", "weight_ih_l{a+1}", part(2, 3)},
    {"y.U_reset", "weight_hh_l{a+1}", part(0, 3)},
    {"y.U_update", "weight_hh_l{a+1}", part(1, 3)},
    {"y.U_candidate", "weight_hh_l{a+1}", part(2, 3)},
    {"y.b_reset", "bias_ih_l{a+1}", part(0, 3)},
    {"y.b_reset", "bias_hh_l{a+1}", part(0, 3) | summand},
    {"y.b_update", "bias_ih_l{a+1}", part(1, 3)},
    {"y.b_update", "bias_hh_l{a+1}", part(1, 3) | summand},
    {"y.b_candidate", "bias_ih_l{a+1}", part(2, 3)},
    {"y.c_candidate", "bias_hh_l{a+1}", part(2, 3)},
};

/// Name map of torch.nn.LSTM. The order of the gates is in, forget, candidate, out.
inline constexpr name_entry lstm[] = {
    constant("start", 0),
    constant("start_memory", 0),
    constant("y.start", 0),
    constant("y.start_memory", 0),
    {"W_in", "weight_ih_l0", part(0, 4)},
    {"W_forget", "weight_ih_l0", part(1, 4)},
    {"W_candidate", "weight_ih_l0", part(2, 4)},
    {"W_out", "weight_ih_l0", part(3, 4)},
    {"U_in", "weight_hh_l0", part(0, 4)},
    {"U_forget", "weight_hh_l0", part(1, 4)},
    {"U_candidate", "weight_hh_l0", part(2, 4)},
    {"U_out", "weight_hh_l0", part(3, 4)},
    {"b_in", "bias_ih_l0", part(0, 4)},
    {"b_in", "bias_hh_l0", part(0, 4) | summand},
    {"b_forget", "bias_ih_l0", part(1, 4)},
    {"b_forget", "bias_hh_l0", part(1, 4) | summand},
    {"b_candidate", "bias_ih_l0", part(2, 4)},
    {"b_candidate", "bias_hh_l0", part(2, 4) | summand},
    {"b_out", "bias_ih_l0", part(3, 4)},
    {"b_out", "bias_hh_l0", part(3, 4) | summand},
    {"y.W_in", "weight_ih_l{a+1}", part(0, 4)},
    {"y.W_forget", "weight_ih_l{a+1}", part(1, 4)},
    {"y.W_candidate", "weight_ih_l{a+1}", part(2, 4)},
    {"y.W_out", "weight_ih_l{a+1}", part(3, 4)},
    {"y.U_in", "weight_hh_l{a+1}", part(0, 4)},
    {"y.U_forget", "weight_hh_l{a+1}", part(1, 4)},
    {"y.U_candidate", "weight_hh_l{a+1}", part(2, 4)},
    {"y.U_out", "weight_hh_l{a+1}", part(3, 4)},
    {"y.b_in", "bias_ih_l{a+1}", part(0, 4)},
    {"y.b_in", "bias_hh_l{a+1}", part(0, 4) | summand},
    {"y.b_forget", "bias_ih_l{a+1}", part(1, 4)},
    {"y.b_forget", "bias_hh_l{a+1}", part(1, 4) | summand},
    {"y.b_candidate", "bias_ih_l{a+1}", part(2, 4)},
    {"y.b_candidate", "bias_hh_l{a+1}", part(2, 4) | summand},
    {"y.b_out", "bias_ih_l{a+1}", part(3, 4)},
    {"y.b_out", "bias_hh_l{a+1}", part(3, 4) | summand},
};

/// Name map of torch.nn.RNN.
inline constexpr name_entry rnn[] = {
    constant("start", 0),        constant("y.start", 0),
    {"W", "weight_ih_l0"},       {"U", "weight_hh_l0"},
    {"b", "bias_ih_l0"},         {"b", "bias_hh_l0", summand},
    {"y.W", "weight_ih_l{a+1}"}, {"y.U", "weight_hh_l{a+1}"},
    {"y.b", "bias_ih_l{a+1}"},   {"y.b", "bias_hh_l{a+1}", summand},
};

}  // namespace sequent::inline SEQUENT_ABI::io::torch
