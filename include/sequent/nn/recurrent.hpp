#pragma once

#include "../model.hpp"
#include "vocabulary.hpp"

/// Recurrent networks, written as rules. state(t) is the hidden state before input x(t);
/// state(next(t)), the one after it, is the output y(t).

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Position in time.
inline constexpr var<"t"> t;
/// Hidden state before an input.
inline constexpr relation<"state"> state;
/// Memory cell of an LSTM; in a GRU, the linear map of the state within the candidate.
inline constexpr relation<"memory"> memory;
/// tanh of the memory cell.
inline constexpr relation<"shown"> shown;
/// Candidate of the new state or memory.
inline constexpr relation<"candidate"> candidate;
/// Forget gate of an LSTM.
inline constexpr relation<"kept"> kept;
/// Input gate of an LSTM.
inline constexpr relation<"let_in"> let_in;
/// Output gate of an LSTM.
inline constexpr relation<"let_out"> let_out;
/// Reset gate of a GRU.
inline constexpr relation<"reset"> reset;
/// Update gate of a GRU.
inline constexpr relation<"update"> update;
/// 1 - update.
inline constexpr relation<"change"> change;
/// Reset gate times `memory`.
inline constexpr relation<"recalled"> recalled;
/// Output of the first layer.
inline constexpr relation<"lower"> lower;

/// The initial state: a learned weight with `learned_start<true>`, else a constant that is zero
/// unless it is set.
template <shape Shape, class Weight>
constexpr auto start(Weight weight) noexcept {
    if constexpr (Shape.learned_start)
        return weight;
    else
        return fixed(weight);
}

/// state' = f(W x + U state + b), where f is the activation, tanh by default (Elman, Finding
/// structure in time, 1990).
template <shape Shape, class Activation>
struct rnn_cell {
    template <int Inputs, class Output>
    static constexpr auto rules() {
        constexpr int n = Shape.hidden;
        constexpr Output out;
        constexpr weight<"W", n, Inputs> W;
        constexpr weight<"U", n, n> U;
        constexpr weight<"b", n> b;
        constexpr weight<"start", n> s;
        // clang-format off
        return language::rules(
            state(0)       <<= start<Shape>(s),
            state(next(t)) <<= activated<Activation>(biased<Shape>((x(t)[W], state(t)[U]), b)),
            out(t)         <<= state(next(t)));
        // clang-format on
    }
};

/// reset = sigmoid(W_r x + U_r state + b_r), update likewise,
/// candidate = tanh(W_n x + b_n + reset * (U_n state + c_n)),
/// state' = (1 - update) * candidate + update * state (arXiv 1406.1078, section 2.3, with the reset
/// after the product as in arXiv 1409.1259 and PyTorch).
template <shape Shape>
struct gru_cell {
    template <int Inputs, class Output>
    static constexpr auto rules() {
        constexpr int n = Shape.hidden;
        constexpr Output out;
        constexpr weight<"W_reset", n, Inputs> W_reset;
        constexpr weight<"U_reset", n, n> U_reset;
        constexpr weight<"b_reset", n> b_reset;
        constexpr weight<"W_update", n, Inputs> W_update;
        constexpr weight<"U_update", n, n> U_update;
        constexpr weight<"b_update", n> b_update;
        constexpr weight<"W_candidate", n, Inputs> W_candidate;
        constexpr weight<"U_candidate", n, n> U_candidate;
        constexpr weight<"b_candidate", n> b_candidate;
        constexpr weight<"c_candidate", n> c_candidate;
        constexpr weight<"start", n> s;
        // clang-format off
        return language::rules(
            reset(t)       <<= biased<Shape>((x(t)[W_reset], state(t)[U_reset]), b_reset)
                               | sigmoid(),
            update(t)      <<= biased<Shape>((x(t)[W_update], state(t)[U_update]), b_update)
                               | sigmoid(),
            change(t)      <<= update(t) | complement(),
            memory(t)      <<= biased<Shape>(state(t)[U_candidate], c_candidate),
            recalled(t)    <<= (reset(t), memory(t)) | elementwise_product(),
            candidate(t)   <<= biased<Shape>((x(t)[W_candidate], recalled(t)), b_candidate)
                               | tanh(),
            state(0)       <<= start<Shape>(s),
            state(next(t)) <<= (change(t), candidate(t)) | elementwise_product(),
            state(next(t)) <<= (update(t), state(t)) | elementwise_product(),
            out(t)         <<= state(next(t)));
        // clang-format on
    }
};

/// let_in, kept and let_out = sigmoid(W x + U state + b), each with weights of its own,
/// candidate = tanh(W_g x + U_g state + b_g), memory' = kept * memory + let_in * candidate,
/// state' = let_out * tanh(memory') (Hochreiter and Schmidhuber, Long short-term memory, 1997, with
/// the forget gate of Gers, Schmidhuber and Cummins, 2000).
template <shape Shape>
struct lstm_cell {
    template <int Inputs, class Output>
    static constexpr auto rules() {
        constexpr int n = Shape.hidden;
        constexpr Output out;
        constexpr weight<"W_in", n, Inputs> W_in;
        constexpr weight<"U_in", n, n> U_in;
        constexpr weight<"b_in", n> b_in;
        constexpr weight<"W_forget", n, Inputs> W_forget;
        constexpr weight<"U_forget", n, n> U_forget;
        constexpr weight<"b_forget", n> b_forget;
        constexpr weight<"W_candidate", n, Inputs> W_candidate;
        constexpr weight<"U_candidate", n, n> U_candidate;
        constexpr weight<"b_candidate", n> b_candidate;
        constexpr weight<"W_out", n, Inputs> W_out;
        constexpr weight<"U_out", n, n> U_out;
        constexpr weight<"b_out", n> b_out;
        constexpr weight<"start", n> s;
        constexpr weight<"start_memory", n> s_memory;
        // clang-format off
        return language::rules(
            let_in(t)       <<= biased<Shape>((x(t)[W_in], state(t)[U_in]), b_in) | sigmoid(),
            kept(t)         <<= biased<Shape>((x(t)[W_forget], state(t)[U_forget]), b_forget)
                                | sigmoid(),
            candidate(t)    <<= biased<Shape>((x(t)[W_candidate], state(t)[U_candidate]),
                                              b_candidate) | tanh(),
            let_out(t)      <<= biased<Shape>((x(t)[W_out], state(t)[U_out]), b_out) | sigmoid(),
            memory(0)       <<= start<Shape>(s_memory),
            memory(next(t)) <<= (kept(t), memory(t)) | elementwise_product(),
            memory(next(t)) <<= (let_in(t), candidate(t)) | elementwise_product(),
            shown(t)        <<= memory(t) | tanh(),
            state(0)        <<= start<Shape>(s),
            state(next(t))  <<= (let_out(t), shown(next(t))) | elementwise_product(),
            out(t)          <<= state(next(t)));
        // clang-format on
    }
};

/// The rules of a layer whose inputs are hidden states.
template <shape Shape, class Cell>
inline constexpr auto upper_rules = Cell::template rules<Shape.hidden, relation<"y">>();

/// One layer, or a stack; the inputs of each layer are the hidden states of the one below.
template <shape Shape, class Cell>
inline constexpr auto recurrent_rules = [] {
    if constexpr (Shape.depth == 1)
        return Cell::template rules<Shape.width, relation<"y">>();
    else
        return rules(Cell::template rules<Shape.width, relation<"lower">>(),
                     y(t) <<= lower(t) | stack<Shape.depth - 1>(upper_rules<Shape, Cell>));
}();

/// Options of `recurrent::gru` and `recurrent::lstm`, with their defaults. The hidden state is as
/// wide as the input unless `hidden` is given.
struct recurrent_options
    : options<required<tokens>, required<width>, derived<sequent::hidden>, depth<1>, biases<true>,
              learned_start<false>, any_length<false>> {
    static constexpr int hidden_factor = 1;
};
/// Options of `recurrent::rnn`.
struct rnn_options : recurrent_options::with<activation::tanh> {
    static constexpr int hidden_factor = 1;
};

/// A recurrent model with the given cell.
template <class Arguments, class Cell>
using recurrent_model = model<recurrent_rules<Arguments::shape, Cell>,
                              sequence_fact<Arguments::shape.any_length, "x",
                                            Arguments::shape.tokens, Arguments::shape.width>>;
/// The model of `recurrent::rnn`.
template <class Arguments>
using rnn_model =
    recurrent_model<Arguments, rnn_cell<Arguments::shape, typename Arguments::activation>>;
/// The model of `recurrent::gru`.
template <class Arguments>
using gru_model = recurrent_model<Arguments, gru_cell<Arguments::shape>>;
/// The model of `recurrent::lstm`.
template <class Arguments>
using lstm_model = recurrent_model<Arguments, lstm_cell<Arguments::shape>>;

}  // namespace nn

/// Recurrent layers. Fact: `x`, tokens x width. Output: `y`, tokens x hidden: the hidden state
/// after each input. Each takes `nn::recurrent_options`: tokens, width, hidden (default: the
/// width), depth, biases, learned_start, any_length. The initial state is the weight `start`: zero
/// and not trained, unless `learned_start<true>` is given.
namespace recurrent {

/// Elman network. Takes an activation, too: tanh by default. Equal to torch.nn.RNN with b = b_ih +
/// b_hh.
template <class... Options>
struct rnn : nn::with_options<nn::rnn_model, nn::arguments<rnn, nn::rnn_options, Options...>> {};

/// Gated recurrent unit, as torch.nn.GRU, whose rows of weight_ih are reset, update and candidate;
/// `b_reset` and `b_update` are the sums of its two biases, `b_candidate` and `c_candidate` are
/// b_in and b_hn.
template <class... Options>
struct gru
    : nn::with_options<nn::gru_model, nn::arguments<gru, nn::recurrent_options, Options...>> {};

/// Long short-term memory, as torch.nn.LSTM, whose rows of weight_ih are in, forget, candidate and
/// out; each b is the sum of its two biases. The initial memory cell is the weight `start_memory`.
template <class... Options>
struct lstm
    : nn::with_options<nn::lstm_model, nn::arguments<lstm, nn::recurrent_options, Options...>> {};

}  // namespace recurrent
}  // namespace sequent::inline SEQUENT_ABI
