#include <iterator>

#include "check.hpp"

/// Programs as text, through the planner at run time: what a careless user writes, and what random
/// programs showed to be planned wrong.

namespace {

struct expectation {
    const char* rules;
    const char* facts;
    const char* told = "agrees";
};

constexpr const char* agrees = "agrees";
constexpr const char* x = "fact<x, 5, 3>";
constexpr const char* h_of_x = "fact<x, 5, 3>, query<h>";
constexpr const char* edge = "fact<x, 5, 3>, fact<edge, sparse<9>, 5, 5>";

constexpr expectation ill_formed[] = {
    // Arguments.
    {"out(i) <<= x(i)[W<4, 3>]", "fact<x, 5, 4>", "rule 1, x: shapes_do_not_fit<3, 4>"},
    {"a(i) <<= x(i); out(i) <<= a(i, j) | sum(j)", x, "rule 2, a: wrong_number_of_arguments<2, 1>"},
    {"out(i) <<= x(i, j, k)", x, "rule 1, x: wrong_number_of_arguments<3, 2>"},
    {"out(i) <<= x(i); out(i, j) <<= x(i), x(j)", x,
     "rule 2, out: wrong_number_of_arguments<2, 1>"},
    {"out(i) <<= x(i); out(i, j) | relu()", x, "rule 2, out: wrong_number_of_arguments<2, 1>"},
    {"out(i + 1) <<= x(i)", x, "rule 1, out: head_arguments_are_distinct_variables"},
    {"out(i, i) <<= x(i)", x, "rule 1, out: head_arguments_are_distinct_variables"},
    {"out(i) <<= x(2 * i)", x,
     "rule 1, out: argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant"},
    {"out() <<= x(i), x(i - 1 - i) | sum(i)", x,
     "rule 1, out: argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant"},
    {"out(i) <<= x(i + j - j), x(j) | sum(j)", x,
     "rule 1, out: argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant"},
    // Variables that nothing binds, or that do not fit.
    {"out(i, j) <<= x(i)", x, "rule 1, out: head_variable_that_nothing_binds<j>"},
    {"out(i) <<= x(i), j <= i | sum(j)", x, "rule 1, out: body_variable_that_nothing_binds<j>"},
    {"out(i) <<= x(i), x(j), k <= i | sum(j)", x,
     "rule 1, out: body_variable_that_nothing_binds<k>"},
    {"out(i, h) <<= x(i)[W<3, 3>(h)]", x, "rule 1, out: head_variable_that_nothing_binds<h>"},
    {"out(i) <<= x(j - i) | sum(j)", x, "rule 1, out: head_variable_that_nothing_binds<i>"},
    {"out(i) <<= x(i + 5)", x, "rule 1, out: head_variable_that_nothing_binds<i>"},
    {"out(i) <<= x(i) | rotary(j)", "fact<x, 5, 4>",
     "rule 1, out: body_variable_that_nothing_binds<j>"},
    {"out(i) <<= x(i), y(i)", "fact<x, 5, 3>, fact<y, 7, 3>", agrees},
    {"out(i) <<= x(i); out(i) <<= y(i)", "fact<x, 5, 3>, fact<y, 5, 4>",
     "rule 1, out: shapes_do_not_fit<3, 4>"},
    {"out() <<= x(7)", x, agrees},
    // Aggregations and functions.
    {"out(i) <<= x(i) | sum(i)", x, "rule 1, out: aggregation_over_a_variable_in_the_head"},
    {"out(i) <<= x(i) | mean(j)", x,
     "rule 1, out: aggregation_over_a_variable_that_the_body_does_not_mention"},
    {"out(i) <<= x(i), x(j), x(k) | max(j)", x,
     "rule 1, out: an_aggregation_names_all_variables_but_those_of_the_head"},
    {"out() <<= x(i) | softmax(i)", x, "rule 1, out: softmax_over_a_variable_not_in_the_head"},
    {"s(i, j) <<= x(i).T(), x(j) | product() | softmax(k); out(i) <<= s(i, j), x(j) | product() | "
     "sum(j)",
     x, "rule 1, s: aggregation_over_a_variable_that_the_body_does_not_mention"},
    {"out(i) <<= x(i) | concat(i)", x, "rule 1, out: aggregation_over_a_variable_in_the_head"},
    {"out(i) <<= x(i), x(i) | product()", x, "rule 1, out: shapes_do_not_fit<1, 3>"},
    {"out(i) <<= x(i), x(i), x(i) | cosine()", x, "rule 1, out: cosine_of_two_values"},
    {"out(i) <<= x(i) | rotary(i)", x, "rule 1, out: shapes_do_not_fit<3, 4>"},
    {"out(i) <<= x(i) | slice(1, 3)", x, "rule 1, out: shapes_do_not_fit<3, 2>"},
    {"out(i) <<= x(i) | reshape(2, 2)", x, "rule 1, out: shapes_do_not_fit<4, 3>"},
    {"out(i) <<= x(i) | leaky_relu(-1)", x, "rule 1, out: number_out_of_range"},
    // Weights.
    {"out(i) <<= x(i)[W<3, 3>(i)], x(i)[W<3, 3>]", x,
     "rule 1, out: wrong_number_of_arguments_of_a_weight<W, 0, 1>"},
    {"out(i) <<= x(i)[W<3, 3>], x(i)[W<2, 3>]", x, "rule 1, out: one_weight_with_two_shapes"},
    {"out(i) <<= x(i)[W<3, 3, 3>]", x, "rule 1, out: a_weight_is_a_scalar_a_vector_or_a_matrix"},
    {"out(i) <<= x(i) | layer_norm(G<4>, B<4>)", x, "rule 1, out: shapes_do_not_fit<4, 3>"},
    {"out(i)[W<2, 4>] <<= x(i)", x, "rule 1, out: shapes_do_not_fit<4, 3>"},
    {"out(i) <<= x(i)[W<3, 3>(i - 1)]", x, agrees},
    {"out(i, j) <<= x(i)[W<3, 3>(i + 2, j - 1)], x(j) | relu()", x, agrees},
    // Recursions and cycles.
    {"h(t) <<= h(t - 1), x(t)", h_of_x, "rule 1, h: recursion_without_a_base"},
    {"h(0) <<= A<3>; h(t) <<= h(t + 1), x(t)", h_of_x, "rule 2, h: recursion_without_a_base"},
    {"h(0) <<= A<3>; g(0) <<= B<3>; h(t + 1) <<= g(t), x(t), t < $n; g(t + 1) <<= h(t), t < $m",
     "fact<x, 5, 3>, bound<n>, bound<m>, query<h>", "rule 4, g: recursion_whose_end_is_not_known"},
    {"h(0) <<= A<3>; h(t) <<= h(t - 1), h(t + 1), x(t)", h_of_x, "rule 2, h: cycle"},
    {"h(0) <<= A<3>; h(t) <<= h(t), x(t)", h_of_x, "rule 2, h: cycle"},
    // A recursion whose head is bent says so, not that it goes in a circle.
    {"h(0, i, j) <<= x(i, j); h(t, i, i) <<= h(t - 1, i, i), y(t)",
     "fact<x, 4, 4>, fact<y, 5>, query<h>", "rule 2, h: head_arguments_are_distinct_variables"},
    {"h(0) <<= A<3>; h(t) <<= h(s), x(t), s < t | sum(s)", h_of_x, "rule 2, h: cycle"},
    {"h(0) <<= A<3>; h(t) <<= h(t - 1)[U<3, 3>] | tanh()", h_of_x,
     "rule 2, h: recursion_without_an_end<t>"},
    {"h(0) <<= A<3>; h(t) <<= h(t - 1)[U<2, 3>], x(t)", h_of_x,
     "rule 2, h: shapes_do_not_fit<2, 3>"},
    {"a(i) <<= b(i), x(i); b(i) <<= a(i)", "fact<x, 5, 3>, query<b>", "rule 1, a: cycle"},
    // Facts, counts, symbols and pairs.
    {"out(i) <<= y(i)", x, "rule 1, y: unknown_relation"},
    {"x(i) <<= x(i)[W<3, 3>]", x, "rule 1, x: a_fact_cannot_be_a_head"},
    {"out(i) <<= x(i)", "fact<x, 5, 3>, query<output>", "output: query_of_an_unknown_relation"},
    {"a(i) <<= x(i); b(i) <<= x(i)", x, "rule 2, b: several_outputs_need_a_query"},
    {"out(i) <<= x(i)", "fact<x, 5, 3>, fact<x, 5, 3>", "x: two_facts_of_one_name"},
    {"out(i) <<= x(i), i < $length", x, "rule 1, out: a_count_that_is_not_given"},
    {"out(i) <<= x(i) | dropout(0.1, $seed)", x, "rule 1, out: a_count_that_is_not_given"},
    {"out(i) <<= token(i)", "fact<token, 5, symbol<4>>", "rule 1, token: a_symbol_needs_a_weight"},
    {"out(i) <<= token(i)[E<2, 4>]", "fact<token, 5, symbol<4>>",
     "rule 1, token: shapes_do_not_fit<2, 4>"},
    {"out(i) <<= x(i), x(k), token(i) == token(k) | sum(k)",
     "fact<x, 5, 3>, fact<tokens, 5, symbol<4>, runs>", "rule 1, token: unknown_relation"},
    {"out(i) <<= x(i), x(j), x(i) == x(j) | sum(j)", x,
     "rule 1, x: only_symbols_of_one_index_are_compared"},
    {"out(i) <<= edge(j, i), x(j) | sum(j)", "fact<x, 5, 3>, fact<edge, sparse<9>, 5, 7>", agrees},
    {"out(i) <<= edge(i), x(i)", edge, "rule 1, out: shapes_do_not_fit<5, 3>"},
    {"out(i) <<= edge(i, j), edge(j), x(j)", edge, "rule 1, edge: wrong_number_of_arguments<1, 2>"},
    {"out(i) <<= edge(i, i + j), x(j) | sum(j)", edge,
     "rule 1, edge: argument_is_not_a_variable_plus_a_constant"},
    {"out(i) <<= !edge(i, j), x(j) | sum(j)", edge, agrees},
    {"out(0) <<= x(0); out(i) <<= x(i), !out(i - 1)", x,
     "rule 2, out: a_relation_of_the_same_recursion_is_not_negated_or_hidden"},
    {"out(i) <<= hidden(x(i))[W<3, 3>], x(i)", x,
     "rule 1, out: a_literal_without_a_value_has_no_weight_and_no_element"},
    // Limits.
    {"out(i) <<= x(i) | relu() | tanh() | relu() | tanh() | relu()", x,
     "rule 1, out: too_many_transformations"},
    {"out(a, b, c, d, e) <<= x(a), x(b), x(c), x(d), x(e)", x, "rule 1, out: too_many_arguments"},
    {"out() <<= x(a), x(b), x(c), x(d), x(e), x(f), x(g) | sum(a, b, c, d, e, f, g)", x,
     "rule 1, out: too_many_variables"},
    {"out(i) <<= x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i), "
     "x(i), x(i), x(i), x(i)",
     x, "rule 1, out: too_many_literals"},
    {"out(i, j) <<= x(i), x(j) | elementwise_product()", "fact<x, 50000, 3>",
     "rule 1, out: more_than_2147483647_numbers"},
    {"out(i) <<= x(i)[W<700000, 4000>]", "fact<x, 5, 4000>", "W: more_than_2147483647_numbers"},
    {"out(i) <<= x(i)", "fact<x, 50000, 50000>", "x: more_than_2147483647_numbers"},
    // Stacks.
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i), w(i) }", x,
     "rule 1, out: two_inputs_of_a_stacked_block<v, w>"},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i)[W<4, 3>] }", x,
     "rule 1, out: shapes_do_not_fit<4, 3>"},
    {"out(i) <<= x(i) | stack<2> { z() <<= v(i) | sum(i) }", x,
     "rule 1, out: wrong_number_of_arguments<0, 1>"},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i + 1) }", x, "rule 1, out: shapes_do_not_fit<4, 5>"},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i), i < 3 }", x,
     "rule 1, out: a_stacked_block_gives_the_atoms_that_it_takes"},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i), z(i) }", x,
     "rule 1, out: a_stacked_block_has_one_input_and_one_output"},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i); y(i) <<= y(i) }", x, "rule 1.2, y: cycle"},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i) }; out(i) <<= x(i) | stack<2> { z(i) <<= v(i) }",
     x, "rule 2, out: two_stacks_of_one_head"},
};

/// Each was a fault of its own.
constexpr expectation found_by_random_programs[] = {
    // Zeros beyond the length of v, not the number of the values that are summed.
    {"h(0) <<= W<1>; h(t) <<= h(t - 1), v(t), x(j) | sum(j)",
     "fact<v, up_to<4>=2, 1>, fact<x, 3, 1>, query<h>"},
    // Symbols of later rows are compared.
    {"a(i) <<= d(i)[W<3, 1>(i)]; r(i) <<= R<1>(i<3>); out(i, j) <<= r(i), r(j), d(j) == d(i)",
     "fact<d, runs, 3, symbol<3>>, query<out>"},
    // Products of one input over different numbers of rows are not one.
    {"a(i<3>) <<= x(i)[W<2, 3>]; b(i) <<= x(i)[U<2, 3>]; out(i) <<= b(i), a(2)", x},
    // Functions stand before a sum over a variable that indexes a weight.
    {"out(i) <<= x(i)[W<2, 3>(h<2>)] | tanh() | sum(h)", x},
    {"out(i) <<= x(i)[W<1, 1>] | relu()", x},
    {"out(i) <<= token(i)[E<4, 2>(h<3>)] | sum(h)", "fact<token, 5, symbol<4>>"},
    {"out(i) <<= x(i), x(j), j % 1 == 1 | sum(j)", x},
    {"out(i) <<= x(i), x(j), j % 1 == 0 | sum(j)", x},
    // A sum that is kept for functions chained after it.
    {"out(i) <<= x(i)[W<3, 3>] | gelu() | sigmoid() | norm()", x},
    // What looks like a triangle is read as a square.
    {"s(i, j) <<= R(i, j), x(i).T(), x(j), j <= i | product() | softmax(j);"
     "out(i) <<= s(i, j), x(j) | product() | sum(j); low() <<= R(i<5>, j<5>), i < j | sum(i, j)",
     "fact<x, 5, 3>, query<out, low>"},
    {"a(i, j) <<= x(i), x(j), token(i) == token(j); out(j) <<= a(i, j) | sum(i)",
     "fact<x, 5, 3>, fact<token, 5, symbol<3>, runs>"},
    {"out(i, j) <<= edge(i<3>, j), x(j)", edge},
    {"a(j, k) <<= at(pair(i, j), k) | sum(i); out(i, j, k) <<= pair(i, j), a(k, i)"
     "| elementwise_product()",
     "fact<pair, sparse<2>, 2, 1>"},
    {"out(i) <<= x(i), x(i<3>)", x},
    {"out(i) <<= x(i + 1), x(i<3> + 1)", x},
    // At some times only a scalar is added to a vector.
    {"h(0) <<= A<3>; h(t) <<= h(t - 1), x(t); h(2) <<= number(0.5)", h_of_x},
    {"h(0) <<= A<1>; h(t) <<= h(t - 1)[U<3, 3>], x(t)", h_of_x},
    {"out(i) <<= x(i)[W<2, 3>(i, i)]", x},
    {"a(i) <<= x(i); out(i) <<= a(i + 1)", x},
    // Of several rules of a head, one binds the variable further than the others do.
    {"y(i) <<= x(i) | stack<1> { z(i) <<= u(i) }; out(i)[W<1, 1>(i)] <<= y(i + 1);"
     "out(i) <<= x(j), x(i - 1) | sum(j)",
     "fact<x, 2, 1>"},
    {"a(i, j) <<= x(i), y(j), token(i) == token(j); out(i) <<= a(i, i + 1)",
     "fact<x, 5, 3>, fact<y, 5, 3>, fact<token, 5, symbol<3>, runs>"},
    // Weights of a softmax at equal arguments, a symbol's weight that another variable chooses.
    {"v(i, h<5>) <<= x(i)[V<1, 3>(h)]; k(i, h<5>) <<= x(i)[K<2, 3>];"
     "logit(i, j, h<5>) <<= x(j)[L<1, 3>], v(i, h); weights(i, j, h) <<= logit(i, j, h)"
     "| softmax(j); out(i, h) <<= weights(i, j, j), k(j, h) | product() | sum(j)",
     x},
    {"a() <<= x(i) | mean(i); out(i) <<= token(i)[E<4, 2>], a()[B<2, 3>(i)]",
     "fact<x, 5, 3>, fact<token, 5, symbol<4>>"},
    {"a(i) <<= x(i); out(i, j) <<= a(i + 1), x(j); out(i, j) <<= x(i + 2), W<3>(i, j)", x},
    {"a(h, j, i) <<= x(i + 1), x(j), x(h); out(i, j) <<= x(i), a(j, i - j, j)", x},
    {"out(1 + i) <<= A<3>; out(0) <<= B<3>; out(t) <<= out(t + 1), x(t) | tanh()",
     "fact<x, 5, 3>, query<out>"},
    // Two conditions without members mention different variables.
    {"l(i, j) <<= x(i).T(), x(j), i < 0 | product(); l(i, j) <<= x(i).T(), x(j), j < 0 | product();"
     "s(i, j) <<= l(i, j) | softmax(j); out(i) <<= s(i, j), x(j) | product() | sum(j)",
     x},
    // Many pairs in one body.
    {"out(i) <<= edge(i, j), edge(j, k), edge(k, i), edge(i, k), edge(j, i), edge(k, j),"
     "edge(i, i), edge(j, j), edge(i, j + 1) | elementwise_product() | sum(j, k)",
     "fact<x, 5, 3>, fact<edge, sparse<22>, 5, 5>"},
    {"a(i, j, k) <<= edge(i, j), edge(k, j), edge(i, i), edge(j, i - 1) | softmax();"
     "out() <<= a(i, j, j), a(i + 1, i, k) | concat(k, i, j)",
     "fact<edge, sparse<14>, 4, 4>"},
    // Rules of one logit admit the same pairs, yet say different things of a row alone: which rows
    // exist does not depend on the rule that comes first.
    {"a(i) <<= x(i - 1); s(i, j) <<= R(i<5>, j<5>), i + j == 1, j <= i; s(i, j) <<= a(i), i + j == "
     "1;"
     "w(i, j) <<= s(i, j) | softmax(j); b(i) <<= w(i, j), a(j) | sum(j);"
     "out(j) <<= b(j), A<3>, number(i<1>) | sum(i)",
     x},
    {"a(i) <<= x(i - 1); s(i, j) <<= a(i), i + j == 1; s(i, j) <<= R(i<5>, j<5>), i + j == 1, j <= "
     "i;"
     "w(i, j) <<= s(i, j) | softmax(j); b(i) <<= w(i, j), a(j) | sum(j);"
     "out(j) <<= b(j), A<3>, number(i<1>) | sum(i)",
     x},
    {"a(i) <<= y(i - 1, i); s(i, j) <<= a(i), a(j), j <= i; s(i, j) <<= a(j), j <= i;"
     "w(i, j) <<= s(i, j) | softmax(j); b(i) <<= w(i, j) | sum(j); out(i) <<= b(i), x(i)",
     "fact<x, 1, 3>, fact<y, 1, 1>"},
    // Of a sum whose rules end differently, a row exists where one of them has it.
    {"a(i, j) <<= x(i), x(j), j <= i, i < 2; a(i, j) <<= x(i), x(j), i < j, i < 4;"
     "b(i) <<= a(i, j) | sum(j); out(i) <<= b(i) | complement()",
     x},
    // Each layer has fewer rows than the one before it, though the same pairs.
    {"r(j, i) <<= edge(i, 1), edge(k, j), j <= i | sum(k); out(i, j) <<= r(i, j) | stack<3> {"
     "b(i<3>) <<= r(i, j), u(i + 1, j) | sum(j); z(i, j) <<= r(i, j), b(i) | complement() }",
     "fact<edge, sparse<3>, 1, 3, 1>",
     "rule 2, out: a_stacked_block_gives_the_atoms_that_it_takes"},
    // Rules of a block that nothing reads.
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i)[W<3, 3>]; h(0) <<= A<3>;"
     "h(t) <<= h(t - 1)[U<3, 3>], v(t) | tanh() }",
     x},
    // A stack that follows from parameters alone, with a recursion that nothing reads.
    {"a(i<12>) <<= A<1>(i); out(i) <<= a(i) | stack<1> { v(i) <<= x(i); h(0) <<= B<1>;"
     "h(t) <<= h(t - 1), v(t); z(i) <<= u(i) }",
     "fact<x, 2, 1>"},
    // A logit that some pairs alone add to.
    {"l(i, j) <<= number(j); l(i, j) <<= edge(j, i)[W<1, 1>]; s(i, j, h<1>) <<= l(i, j);"
     "a(i, j, h) <<= s(i, j, h) | softmax(j);"
     "out(i, h) <<= a(i, j, h), x(j) | product() | sum(j)",
     "fact<x, 4, 1>, fact<edge, sparse<3>, 4, 4, symbol<1>>"},
    // Symbols of later rows choose the columns, whose values follow from parameters alone.
    {"v(i) <<= x(i); p(i<2>) <<= A<1>(i); w(i) <<= p(i);"
     "s(i, j) <<= R(i<2>, j<2>), token(i) == token(j); a(i, j) <<= s(i, j) | softmax(j);"
     "out(i) <<= a(i, j), w(j) | product() | sum(j)",
     "fact<x, 2, 1>, fact<token, 2, symbol<2>, runs>, query<out, w>"},
    // In step: recursions over another fact than the sequence, facts that attention reads as they
    // are, symbols that no position chooses, concat over positions, facts that a block reads.
    {"h(0) <<= A<3>; h(t) <<= h(t - 1), y(t) | tanh(); out(i) <<= x(i), h(4)",
     "fact<x, 5, 3>, fact<y, 5, 3>, query<out>"},
    {"s(i, j) <<= x(i).T(), y(j) | product() | softmax(j); out(i) <<= s(i, j), y(j) | product() | "
     "sum(j)",
     "fact<x, 5, 3>, fact<y, 4, 3>"},
    {"a(j) <<= y(j), y(k), token(j) == token(k) | sum(k); out(i) <<= x(i), a(2)",
     "fact<x, 5, 3>, fact<y, 5, 3>, fact<token, 5, symbol<3>, runs>"},
    {"a(i) <<= x(i), token(i) == token(0 * i); out(i) <<= a(i)",
     "fact<x, 5, 3>, fact<token, 5, symbol<3>, runs>"},
    {"a() <<= x(i) | concat(i); out(i) <<= x(i), a()[W<3, 15>]", x},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i)[W<3, 3>], y(i) }", "fact<x, 5, 3>, fact<y, 5, 3>"},
    // A stack of one layer whose result has the pairs of a fact alone.
    {"r(i, j) <<= x(i), y(j); out(i, j) <<= r(i, j) | stack<1> { z(i, j) <<= u(i, 0), edge(i, j) }",
     "fact<x, 5, 1>, fact<y, 5, 1>, fact<edge, sparse<9>, 5, 5, 1>",
     "rule 2, out: a_stacked_block_gives_the_atoms_that_it_takes"},
    // Rows that nothing reads beyond a length, of a relation with heads, of which there is one.
    {"r(i) <<= x(i) | tanh(); b(j) <<= t(i)[E<1, 1>], r(j) | sum(i); v(i, h<1>) <<= r(i);"
     "k(i, h<1>) <<= b(i); w(i, h<1>) <<= b(i)[W<1, 1>(h)];"
     "s(i, j, h<1>) <<= v(i, h), k(j, h), t(i) == t(j); a(i, j, h<1>) <<= s(i, j, h) | softmax(j);"
     "out(i, h<1>) <<= a(i, j, h), w(j, h) | sum(j)",
     "fact<x, 9, 1>, fact<t, up_to<9>=5, symbol<1>, runs>"},
    // Members of a recursion that end one step after the sequence, or after the base.
    {"h(0) <<= A<1>; g(t) <<= h(t - 1) | exp(); h(t) <<= g(t), x(t)",
     "fact<x, up_to<4>=0, 1>, query<g>"},
    {"h(0) <<= A<1>; g(t) <<= h(t - 1) | exp(); h(t) <<= g(t), x(t)",
     "fact<x, up_to<4>=1, 1>, query<g>"},
    {"h(0) <<= A<1>; g(t) <<= h(t - 1) | exp(); h(t) <<= g(t), x(t)",
     "fact<x, up_to<4>=3, 1>, query<g>"},
    // The diagonal of a fact, for the pairs of another one.
    {"out(i, j) <<= x(i, i)[W<1, 1>], edge(j, i)[E<1, 1>]",
     "fact<x, 5, 5, 1>, fact<edge, sparse<9>, 5, 5, symbol<1>>"},
    // Attention to a column beyond its row, whose value is known at the row.
    {"h(0) <<= A<3>; h(t + 1) <<= h(t), x(t) | tanh(); s(i, j) <<= x(i).T(), h(j), j == 2 * i"
     "| product() | softmax(j); out(i) <<= s(i, j), h(j) | product() | sum(j)",
     "fact<x, 3, 3>"},
    // A layer of a stack reads the layer before, which follows from the sequence.
    {"v(i) <<= x(i); a(i<2>) <<= A<1>(i); y(i) <<= a(i) | stack<1> {"
     "s(i, j) <<= R(i<2>, j<2>) | softmax(j); r(i) <<= s(i, j), u(j) | sum(j);"
     "z(i) <<= v(i), r(i) }",
     "fact<x, 2, 1>, query<y>"},
    {"v(i) <<= x(i); a(i<2>) <<= A<1>(i); y(i) <<= a(i) | stack<2> {"
     "s(i, j) <<= R(i<2>, j<2>) | softmax(j); r(i) <<= s(i, j), u(j) | sum(j);"
     "z(i) <<= v(i), r(i) }",
     "fact<x, 2, 1>, query<y>"},
};

/// Rows can be computed one after another, too.
constexpr expectation steps[] = {
    {"out(i) <<= x(i)[W<2, 3>] | gelu() | norm()", x},
    {"s(i, j) <<= x(i).T(), y(j) | product() | softmax(j); out(i) <<= s(i, j), y(j) | product() | "
     "sum(j)",
     "fact<x, 5, 3>, fact<y, 4, 3>"},
    {"s(i, j) <<= x(i).T(), x(j), j <= i | product() | softmax(j);"
     "out(i) <<= s(i, j), x(j) | product() | sum(j)",
     x},
    {"h(0) <<= A<3>; h(t) <<= h(t - 1), y(t) | tanh(); out(i) <<= x(i), h(4)",
     "fact<x, 5, 3>, fact<y, 5, 3>, query<out>"},
    {"out(i) <<= x(i) | stack<2> { z(i) <<= v(i)[W<3, 3>], y(i) }", "fact<x, 5, 3>, fact<y, 5, 3>"},
    // Keys and values of two layers, of two heads, and of a window that is slid.
    {"out(i) <<= x(i) | stack<2> { s(i, j) <<= v(i).T(), v(j), j <= i | product() | softmax(j);"
     "a(i) <<= s(i, j), v(j) | product() | sum(j); z(i) <<= a(i)[W<3, 3>], v(i) | tanh() }",
     "fact<x, 20, 3>"},
    {"q(i, h<2>) <<= x(i)[Q<2, 3>(h)]; k(i, h<2>) <<= x(i)[K<2, 3>(h)];"
     "s(i, j, h) <<= q(i, h).T(), k(j, h), j <= i | product() | softmax(j);"
     "a(i, h) <<= s(i, j, h), k(j, h) | product() | sum(j); out(i) <<= a(i, h) | concat(h)",
     "fact<x, 20, 3>"},
    {"s(i, j) <<= x(i).T(), x(j), j <= i, i - j < 3 | product() | softmax(j);"
     "out(i) <<= s(i, j), x(j) | product() | sum(j)",
     "fact<x, 120, 2>"},
    {"out(i) <<= x(i) | stack<3> { s(i, j) <<= v(i).T(), v(j), j <= i, i - j < 4 | product() |"
     "softmax(j); a(i) <<= s(i, j), v(j) | product() | sum(j); z(i) <<= a(i), v(i) | tanh() }",
     "fact<x, 90, 2>"},
    {"s(i, j) <<= x(i).T(), x(j), j <= i, i - j < 2 | product() | softmax(j);"
     "out(i) <<= s(i, j), x(j) | product() | sum(j)",
     "fact<x, 120, 2>"},
    // Each layer reads what is computed before the stack.
    {"b(i) <<= x(i)[B<3, 3>]; out(i) <<= x(i) | stack<3> { a(i) <<= v(i)[A<3, 3>], b(i);"
     "c(i) <<= a(i)[C<3, 3>] | gelu(); d(i) <<= c(i)[D<3, 3>] | gelu();"
     "z(i) <<= d(i)[E<3, 3>], d(i) | tanh() }",
     "fact<x, 20, 3>"},
    // What other facts give is computed once, of each layer.
    {"out(i) <<= x(i) | stack<2> { b() <<= y(j)[B<3, 3>] | sum(j); z(i) <<= v(i)[W<3, 3>], b()"
     "| tanh() }",
     "fact<x, 20, 3>, fact<y, 4, 3>"},
    {"c() <<= y(j) | mean(j) | stack<1> { z() <<= v()[C<3, 3>] | tanh() };"
     "out(i) <<= x(i)[W<3, 3>], c() | tanh(); last() <<= c() | relu()",
     "fact<x, 20, 3>, fact<y, 4, 3>, query<out, last>"},
};

}  // namespace

TEST_CASE("programs of a careless user are refused with the reason or mean what they say") {
    for (const expectation& each : ill_formed) {
        INFO(each.rules << "    " << each.facts);
        CHECK(check::told(each.rules, each.facts) == each.told);
    }
}

TEST_CASE("programs that random ones found wrong agree with the oracle") {
    for (const expectation& each : found_by_random_programs) {
        INFO(each.rules << "    " << each.facts);
        CHECK(check::told(each.rules, each.facts) == each.told);
    }
}

TEST_CASE("rows of programs in text are computed one after another") {
    for (const expectation& each : steps) {
        INFO(each.rules << "    " << each.facts);
        CHECK(check::told(each.rules, each.facts, true) == each.told);
    }
}
