#pragma once

/// The aggregations: the one table from which the language, the plan, the kernels and the text form
/// take them. A new aggregation is a line of this table and a line of the oracle.

// clang-format off

/// Expands `A(name, parameters, arguments, alone, reads, add, result, slope)` for each aggregation
/// whose result is a function of the values, element by element: a fold. Over no ground rule the
/// result is 0.
///
/// - parameters, arguments: of the function `name()` of the language; at most one number
/// - alone: of one value the result is this value, `itself`, or `another`
/// - reads: what the slope reads: `nothing` but x and y, the `number` n of values, or the `state` too
/// - add: adds the value x of type T to the state (a, b), which begins with zeros; k values have been
///   added before; p is the number of the function
/// - result: the result y of n > 0 values
/// - slope: dy/dx for the value x that was added as number k; if it reads no state, b begins with 0
///   and is its own
#define SEQUENT_AGGREGATIONS(A)                                                                     \
    /* the sum, the default; it may leave out variables, which are summed, too */                   \
    A(sum, (First, Rest...), (), itself, nothing,                                                   \
      a += x, a, T(1))                                                                              \
    /* the arithmetic mean */                                                                       \
    A(mean, (First, Rest...), (), itself, number,                                                   \
      a += x, a / n, T(1) / n)                                                                      \
    /* the maximum; the first value that attains it has the gradient */                             \
    A(max, (First, Rest...), (), itself, nothing,                                                   \
      a = k == 0 || beats<true>(x, a) ? x : a, a, T(b == T(0) && x == y ? b = T(1) : T(0)))         \
    /* the minimum; the first value that attains it has the gradient */                             \
    A(min, (First, Rest...), (), itself, nothing,                                                   \
      a = k == 0 || beats<false>(x, a) ? x : a, a, T(b == T(0) && x == y ? b = T(1) : T(0)))        \
    /* the product */                                                                               \
    A(product, (First, Rest...), (), itself, state,                                                 \
      add_factor(a, b, x, k), product_of(a, b), factor_slope(a, b, x))                              \
    /* 1 - product of (1 - x): the probability that one of independent events occurs */             \
    A(noisy_or, (First, Rest...), (), itself, state,                                                \
      add_factor(a, b, T(1) - x, k), T(1) - product_of(a, b), factor_slope(a, b, T(1) - x))         \
    /* log of the sum of exp(x), without overflow */                                                \
    A(log_sum_exp, (First, Rest...), (), itself, nothing,                                           \
      add_exponential(a, b, x, k), a + kernel::log(b), x == y ? T(1) : kernel::exp(x - y))          \
    /* (mean of x^p)^(1/p) of values that are at least 0; p > 0 */                                  \
    A(p_mean, (double p, First, Rest...), (p), another, number,                                     \
      a += std::pow(x, p), std::pow(a / n, T(1) / p),                                               \
      y == T(0) ? (p == 1 ? T(1) / n : T(0)) : std::pow(x / y, p - T(1)) / n)                       \
    /* the standard deviation: sqrt(mean of (x - mean)^2); its slope at 0 is 0 */                   \
    A(deviation, (First, Rest...), (), another, state,                                              \
      add_deviation(a, b, x, k), std::sqrt(b / n), y == T(0) ? T(0) : (x - a) / (n * y))            \
    /* 1 if a value is not 0, else 0; the slope is 0 */                                             \
    A(any, (First, Rest...), (), another, nothing,                                                  \
      a = x != T(0) ? T(1) : a, a, T(0))                                                            \
    /* 1 if no value is 0, else 0; the slope is 0 */                                                \
    A(all, (First, Rest...), (), another, nothing,                                                  \
      a = x != T(0) && (k == 0 || a != T(0)) ? T(1) : T(0), a, T(0))                                \
    /* the value of the first ground rule; of the named variables, the last varies fastest */       \
    A(first, (First, Rest...), (), itself, nothing,                                                 \
      a = k == 0 ? x : a, a, T(k == 0))

/// Expands `A(name)` for the other aggregations.
#define SEQUENT_OTHER_AGGREGATIONS(A)                                                               \
    /* the number of ground rules, a scalar */                                                      \
    A(count)                                                                                        \
    /* the rows of the ground rules, one below another, in the order of the named variables, the    \
       last of which varies fastest; zeros where a ground rule does not exist */                    \
    A(concat)                                                                                       \
    /* the softmax over the named variables, for each value of the head's other variables; the      \
       named variables stay in the head. Variables of the body that are not in the head are summed  \
       first, as by a rule of their own. If all values are minus infinity, the result is 0. */      \
    A(softmax)

/// Expands `A(name)` for the aggregations that choose atoms. The named variable stays in the head.
#define SEQUENT_CHOICES(A)                                                                          \
    /* the values that are among the k greatest over the named variable; of equal values the first  \
       are taken. Other atoms do not exist. */                                                      \
    A(top_k)
// clang-format on
