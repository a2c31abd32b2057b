#pragma once

#include "function.hpp"

/// Common functions of RASP, in the definitions of the paper's appendix (arXiv 2106.06981, appendix
/// B).

namespace sequent::inline SEQUENT_ABI::rasp {

/// True at the positions for which the selector selects any position.
template <class Selector>
constexpr auto has(const Selector& from) {
    return aggregate(from, 1) > 0;
}
/// The number of positions that hold a value, at every position.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto count(const Values& values, const Wanted& wanted) {
    return round(length * aggregate(everything, indicator(values == wanted)));
}
/// True, at every position, if any position holds the value.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto contains(const Values& values, const Wanted& wanted) {
    return aggregate(everything, indicator(values == wanted)) > 0;
}
/// The greater of two values.
template <s_op_or_constant Left, s_op_or_constant Right>
    requires operands<Left, Right>
constexpr auto max(const Left& left, const Right& right) {
    return cond(left > right, left, right);
}
/// The lesser of two values.
template <s_op_or_constant Left, s_op_or_constant Right>
    requires operands<Left, Right>
constexpr auto min(const Left& left, const Right& right) {
    return cond(left < right, left, right);
}
/// The mean over all positions.
template <part Values>
constexpr auto average(const Values& values) {
    return aggregate(everything, values);
}
/// The value at the position whose number is given by another s-op; 0, false or the empty symbol if
/// there is none.
template <s_op Values, s_op Places>
constexpr auto load_from(const Values& values, const Places& places) {
    return aggregate(select(indices, places, equal), values);
}
/// The values moved to the right by `places` positions, or to the left if it is negative; `filler`
/// where no value arrives.
template <part Values, s_op_or_constant Filler>
constexpr auto shift(const Values& values, int places, const Filler& filler) {
    return aggregate(select(indices + places, indices, equal), values, filler);
}
/// True at the first position that holds the value.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto mark_first(const Values& values, const Wanted& wanted) {
    return values == wanted &&
           !has(select(values, wanted, equal) && select(indices, indices, less));
}
/// True at the last position that holds the value.
template <s_op Values, s_op_or_constant Wanted>
constexpr auto mark_last(const Values& values, const Wanted& wanted) {
    return values == wanted &&
           !has(select(values, wanted, equal) && select(indices, indices, greater));
}

/// True where the value is one of the constants.
template <s_op Values, s_op_or_constant... Constants>
constexpr auto is_one_of(const Values& values, const Constants&... constants) {
    static_assert(sizeof...(Constants) > 0, "sequent: RASP's is_one_of takes constants");
    return (... || (values == constants));
}

/// An entry of a map: a key and its result.
template <class Key, class Result>
struct entry {
    /// The key.
    Key key;
    /// The result.
    Result result;
};
/// The types of an entry follow from its members.
template <class Key, class Result>
entry(Key, Result) -> entry<Key, Result>;

/// The result of a constant map for the value as key: `lookup(tokens, -1, entry{'0', 0}, entry{'1',
/// 1})`; `otherwise` if the map lacks the key.
template <s_op Values, s_op_or_constant Otherwise>
constexpr auto lookup(const Values&, const Otherwise& otherwise) {
    return otherwise;
}
/// Likewise, with at least one entry.
template <s_op Values, s_op_or_constant Otherwise, class Key, class Result, class... Rest>
constexpr auto lookup(const Values& values, const Otherwise& otherwise,
                      const entry<Key, Result>& first, const Rest&... rest) {
    return cond(values == first.key, first.result, lookup(values, otherwise, rest...));
}
/// Element `places` of a constant list; the last element if there is none.
template <s_op Places, s_op_or_constant Last>
constexpr auto element_of(const Places&, const Last& last) {
    return last;
}
namespace detail {
template <int At, s_op Places, class First, class... Rest>
constexpr auto element_from(const Places& places, const First& first, const Rest&... rest) {
    if constexpr (sizeof...(Rest) == 0)
        return first;
    else
        return cond(places == At, first, element_from<At + 1>(places, rest...));
}
}  // namespace detail
/// Likewise, of a list of several elements.
template <s_op Places, s_op_or_constant First, s_op_or_constant... Rest>
    requires(sizeof...(Rest) > 0)
constexpr auto element_of(const Places& places, const First& first, const Rest&... rest) {
    return detail::element_from<0>(places, first, rest...);
}

/// For each position, how often its value occurs.
template <part Values>
constexpr auto hist(const Values& values) {
    return selector_width(select(values, values, equal));
}
/// The same without position 0, which holds a beginning-of-sequence token.
template <part Values>
constexpr auto hist_with_bos(const Values& values) {
    return selector_width_with_bos(select(values, values, equal));
}

namespace detail {
/// Selects the positions whose key is smaller, or the same and earlier.
template <part Key>
constexpr auto earlier_in_order(const Key& key) {
    return select(key, key, less) || (select(key, key, equal) && select(indices, indices, less));
}
template <s_op Values>
constexpr auto has_earlier(const Values& values) {
    return selector_width_with_bos(select(values, values, equal) &&
                                   select(indices, indices, less)) > 0;
}
}  // namespace detail

/// The values sorted by their keys; stable.
template <part Values, part Key>
constexpr auto sort(const Values& values, const Key& key) {
    const auto place = named<"place">(selector_width(detail::earlier_in_order(key)));
    return aggregate(select(place, indices, equal), values);
}
/// The values sorted by their keys, stable; position 0 holds a beginning-of-sequence token and
/// stays.
template <part Values, part Key>
constexpr auto sort_with_bos(const Values& values, const Key& key) {
    const auto before = selector_width_with_bos(detail::earlier_in_order(key));
    const auto place = named<"place">(cond(indices == 0, -1, before));
    return aggregate(select(place, indices - 1, equal) ||
                         (select(indices, 0, equal) && select(indices, indices, equal)),
                     values);
}

/// Selects, for each position, the next position with the same value.
template <s_op Values>
constexpr auto select_next_identical(const Values& values) {
    const auto same = select(values, values, equal);
    const auto before =
        named<"number before">(selector_width(same && select(indices, indices, less)));
    return same && select(before, before + 1, equal);
}

/// For each position, how many different values occur as often as its own. Position 0 holds a
/// beginning-of-sequence token.
template <s_op Values>
constexpr auto double_hist_with_bos(const Values& values) {
    const auto often = named<"hist">(hist_with_bos(values));
    const auto seen = named<"seen">(detail::has_earlier(values));
    return selector_width_with_bos(select(often, often, equal) && select(seen, false, equal));
}

/// Each different value once, the most frequent first, equally frequent ones in the order of their
/// first positions; then `filler`. Position 0 holds a beginning-of-sequence token. The result is
/// right for inputs of fewer than `longest` positions.
template <s_op Values, s_op_or_constant Filler>
constexpr auto most_freq_with_bos(const Values& values, const Filler& filler, int longest = 300) {
    const auto often = named<"hist">(hist_with_bos(values));
    const auto seen = named<"seen">(detail::has_earlier(values));
    const auto kept = named<"first ones">(cond(seen, filler, values));
    return sort_with_bos(kept, named<"order">(-(often - indicator(seen) * longest)));
}

namespace detail {

/// A pair of brackets: "()".
struct bracket_pair {
    char opens;
    char closes;
    constexpr bracket_pair(const char (&text)[3]) : opens(text[0]), closes(text[1]) {}
};

/// The number of positions up to each one that have a property.
template <s_op Property>
constexpr auto up_to_here(const Property& property) {
    return round((indices + 1) * aggregate(select(indices, indices, less_equal), property));
}

/// F from the first mistake on, T where all brackets are closed, else P.
template <s_op Wrong, s_op Depth>
constexpr auto verdict(const Wrong& wrong, const Depth& depth) {
    const auto so_far = aggregate(select(indices, indices, less_equal), indicator(wrong));
    return cond(so_far > 0, 'F', cond(depth == 0, 'T', 'P'));
}

}  // namespace detail

/// For each position, whether the brackets up to it are balanced (T), could still be balanced (P),
/// or cannot (F). Other symbols are ignored.
template <s_op Values>
constexpr auto dyck_1_ptf(const Values& values, char opens = '(', char closes = ')') {
    const auto opened = named<"opened">(detail::up_to_here(indicator(values == opens)));
    const auto closed = named<"closed">(detail::up_to_here(indicator(values == closes)));
    const auto depth = named<"depth">(opened - closed);
    return detail::verdict(depth < 0, depth);
}

/// The same for several kinds of brackets: `dyck_k_ptf(tokens, "()", "{}")`. The input holds
/// brackets only: other symbols between a pair count as mistakes.
template <s_op Values, std::same_as<char[3]>... Pairs>
constexpr auto dyck_k_ptf(const Values& values, const Pairs&... pairs) {
    const auto is_opener = (... || (values == pairs[0]));
    const auto is_closer = (... || (values == pairs[1]));
    const auto opens = named<"opens">(indicator(is_opener));
    const auto closes = named<"closes">(indicator(is_closer));
    const auto depth = named<"depth">(detail::up_to_here(opens) - detail::up_to_here(closes));
    // For a closing bracket, the depth of its opening bracket.
    const auto level = named<"level">(depth + closes);
    const auto same_level = select(level, level, equal);
    const auto number =
        named<"number">(selector_width(same_level && select(indices, indices, less_equal)));
    const auto opener = named<"opener">(aggregate(
        select(opens, 1, equal) && same_level && select(number, number - 1, equal), values, '-'));
    const auto matches = (... || (opener == pairs[0] && values == pairs[1]));
    return detail::verdict((is_closer && !matches) || depth < 0, depth);
}

/// The digits of the sum of two decimal numbers with a + between, aligned to the end of the input,
/// with leading zeros: for "95+7", 0 1 0 2.
template <s_op Values>
constexpr auto long_addition(const Values& values) {
    const auto digit = named<"digit">(lookup(
        values, -1, entry{'0', 0}, entry{'1', 1}, entry{'2', 2}, entry{'3', 3}, entry{'4', 4},
        entry{'5', 5}, entry{'6', 6}, entry{'7', 7}, entry{'8', 8}, entry{'9', 9}));
    const auto plus = named<"plus">(aggregate(select(values, '+', equal), indices));
    const auto second = named<"second">(cond(indices > plus, digit, 0));
    const auto first =
        named<"first">(aggregate(select(indices + (length - plus), indices, equal), digit, 0));
    const auto added = named<"added">(first + second);
    const auto carries_surely = named<"carries">(added > 9);
    const auto stops = named<"stops">(
        round(aggregate(select(indices, indices, less), indicator(added < 9)) * indices));
    const auto triggered = named<"triggered">(
        aggregate(select(indices, indices, greater) && select(stops, stops, equal),
                  indicator(carries_surely)) > 0);
    const auto carries = carries_surely || (added == 9 && triggered);
    const auto received =
        named<"received">(aggregate(select(indices, indices + 1, equal), carries, false));
    const auto whole = named<"whole">(added + indicator(received));
    return cond(whole < 10, whole, whole - 10);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
