#pragma once

#include <sequent/rasp.hpp>

/// The programs of the paper (arXiv 2106.06981), and inputs for them.

namespace programs {

using namespace sequent::rasp;

inline constexpr auto reverse = aggregate(select(indices, length - 1 - indices, equal), tokens);
inline constexpr auto histogram = hist(tokens);
inline constexpr auto histogram_with_bos = hist_with_bos(tokens);
inline constexpr auto double_histogram = double_hist_with_bos(tokens);
inline constexpr auto sorted = sort(tokens, tokens);
inline constexpr auto sorted_with_bos = sort_with_bos(tokens, tokens);
inline constexpr auto most_frequent = most_freq_with_bos(tokens, '-');
inline constexpr auto dyck_1 = dyck_1_ptf(tokens);
inline constexpr auto dyck_2 = dyck_k_ptf(tokens, "()", "{}");
inline constexpr auto dyck_3 = dyck_k_ptf(tokens, "()", "{}", "[]");
inline constexpr auto addition = long_addition(tokens);

}  // namespace programs
