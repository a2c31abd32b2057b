#pragma once

#include "source_writer.hpp"

/// The capacities of the arrays of a program's `source`.

namespace sequent::inline SEQUENT_ABI::plan {

/// The capacity that a part of a program needs.
template <class T>
inline constexpr sizes size_of{0, 0, 0, 1};

/// The number of nodes of an index expression or a constraint.
template <class Index>
inline constexpr int index_nodes = 1;
template <lang::arithmetic Operation, class Left, class Right>
inline constexpr int index_nodes<lang::index_expression<Operation, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <lang::order Relation, class Left, class Right>
inline constexpr int index_nodes<lang::comparison<Relation, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <lang::connective Operation, class Left, class Right>
inline constexpr int index_nodes<lang::compound<Operation, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <class Test, class Left, class Right>
inline constexpr int index_nodes<lang::decision<Test, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <lang::fixed_string Fact, class Left, class Right>
inline constexpr int index_nodes<lang::same_symbol<Fact, Left, Right>> = 3;

/// The number of variables of an index expression.
template <class Index>
inline constexpr int index_variables = 0;
template <lang::fixed_string Name, int Extent>
inline constexpr int index_variables<lang::var<Name, Extent>> = 1;
template <lang::arithmetic Operation, class Left, class Right>
inline constexpr int index_variables<lang::index_expression<Operation, Left, Right>> =
    index_variables<Left> + index_variables<Right>;
/// 1 if an argument of a literal has several variables, so that the literal gets a rule of its own.
template <class T>
inline constexpr int views_of = 0;
template <class Source, class Weight, unsigned Modifiers, class... Terms>
inline constexpr int views_of<lang::literal<Source, Weight, Modifiers, Terms...>> =
    (... || (index_variables<Terms> > 1));
template <class Inner, class Index>
inline constexpr int views_of<lang::element<Inner, Index>> = views_of<Inner>;

template <class T>
    requires lang::is_literal<T>
inline constexpr sizes size_of<T>{views_of<T>, 1 + views_of<T>, 0, 1};
template <class Index>
inline constexpr sizes size_of<lang::index_value<Index>>{0, 1, index_nodes<Index>, 1};
template <lang::constraint T>
inline constexpr sizes size_of<T>{0, 0, index_nodes<T> + 1, 1};
template <class Left, class Right>
inline constexpr sizes size_of<lang::joined<Left, Right>> = size_of<Left> + size_of<Right>;
template <lang::transformation Kind, class... Arguments>
inline constexpr sizes size_of<lang::transform<Kind, Arguments...>>{
    0, 0, (0 + ... + index_nodes<Arguments>), 1};
template <int Count, class Program, lang::repetition Kind>
inline constexpr sizes size_of<lang::repeated<Count, Program, Kind>> =
    size_of<Program> + sizes{0, 0, 0, 2};
template <class Body, class Function>
inline constexpr sizes size_of<lang::applied<Body, Function>> = size_of<Body> + size_of<Function>;
template <class Body, class Function>
inline constexpr sizes size_of<lang::nested_literal<Body, Function>> =
    size_of<lang::applied<Body, Function>> + sizes{1, 1, 0, 1};
template <class Head, class Body>
inline constexpr sizes size_of<lang::rule<Head, Body>> = size_of<Body>;
template <class Indices, class... Rules>
inline constexpr sizes size_of<lang::program<Indices, Rules...>> =
    (sizes{static_cast<int>(sizeof...(Rules)), 0, 0, 1} + ... + size_of<Rules>);

}  // namespace sequent::inline SEQUENT_ABI::plan
