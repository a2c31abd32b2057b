#pragma once

#include <string>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"
#include "oracle.hpp"

namespace oracle_test {

using list = std::vector<double>;

/// All values of one relation of the result.
template <class Program>
list values(const Program& program, const oracle::world& given, const std::string& relation) {
    return oracle::evaluate(program, given).relations.at(relation).values;
}

template <class Program>
std::vector<bool> domain(const Program& program, const oracle::world& given,
                         const std::string& relation) {
    return oracle::evaluate(program, given).relations.at(relation).exists;
}

/// Compares with a tolerance and shows both sides where they differ.
inline void check_close(const list& found, const list& expected, double tolerance = 1e-12) {
    CAPTURE(found, expected);
    CHECK(sequent_test::error_of(found, expected) <= tolerance);
}

}  // namespace oracle_test
