#pragma once

#ifndef SEQUENT_ORACLE_OF_DUALS
#define SEQUENT_ORACLE_OF_DUALS
#endif
#include <cstdint>
#include <stdexcept>

/// In a constant expression this would end the compiler's evaluation.
#ifndef SEQUENT_LIST_IS_FULL
#define SEQUENT_LIST_IS_FULL() throw std::runtime_error("a list of the planner is full")
#endif
#include <sequent/plan/joining.hpp>
#include <sequent/plan/state.hpp>
#include <string>
#include <vector>

#include "../oracle/tree.hpp"
#include "../oracle/world.hpp"

/// A program as run-time data, with its facts: what is generated, planned, interpreted, evaluated
/// by the oracle, shrunk and printed.

namespace random_programs {

namespace language = sequent::language;
namespace plan = sequent::plan;
namespace tree = oracle::tree;

using oracle::to_size;

/// As fact<Name, sparse<pairs>, extents..., symbol<classes>>, or bound<Name>.
struct fact {
    std::string name{};
    plan::fact_kind kind = plan::fact_kind::dense;
    std::vector<int> extents{};
    int classes = 0;
    int pairs = 0;
    bool runs = false;      // equal symbols stand side by side, so that they can be compared
    bool positive = false;  // all values are above zero
    bool zeros = false;     // some values are zero
    int count = 0;          // the value of a count
    int given_pairs = -1;   // of a sparse fact; -1: drawn
    int length = -1;        // of one whose first extent is up_to; -1 of others
};

struct program {
    tree::program rules{};
    std::vector<fact> facts{};
    std::vector<std::string> queries{};
    std::uint64_t values = 0;  // the seed of facts, weights and directions
};

/// The functions of two indices that holds<...>() is tried with.
struct predicate {
    const char* text;
    plan::decision_function holds;
};
// clang-format off
inline constexpr predicate predicates[] = {
    {"[](int a, int b) { return (a * a + b) % 3 != 1; }",
     [](int a, int b) noexcept { return (a * a + b) % 3 != 1; }},
    {"[](int a, int b) { return b <= a && (a ^ b) % 4 != 3; }",
     [](int a, int b) noexcept { return b <= a && (a ^ b) % 4 != 3; }},
    {"[](int a, int b) { return b <= a; }",
     [](int a, int b) noexcept { return b <= a; }},
    {"[](int a, int b) { return a * b % 2 == 0; }",
     [](int a, int b) noexcept { return a * b % 2 == 0; }},
};
// clang-format on

}  // namespace random_programs
