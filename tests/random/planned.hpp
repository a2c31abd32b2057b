#pragma once

#include <memory>
#include <optional>

#include "read_tree.hpp"

/// The stages of the planner, called at run time on one program.

namespace random_programs {

inline constexpr plan::sizes plan_size = plan::normal_size(program_room);
using shaped = plan::shaped<plan_size, fact_room>;
using domains = plan::domains<plan_size>;
using draft = plan::draft<plan_size, fact_room>;
using tables = plan::plan_tables<plan_size, fact_room>;
using rows_form = plan::rows_form_finder<shaped, tables>;
using found_rows = decltype(rows_form::found);
using training_placer = plan::training_placer<draft::base>;
using inference_placer = plan::inference_placer<draft::base>;
using state_placer = plan::state_placer<draft::base, found_rows>;
using state_tables = plan::state_tables<tables, fact_room>;

struct planned {
    shaped shapes{};
    domains conditions{};
    plan::diagnosis mistake{};
    std::unique_ptr<tables> steps{};      // with the memory of training
    std::unique_ptr<tables> inference{};  // and of inference
    std::unique_ptr<found_rows> rows{};
    std::unique_ptr<state_tables> state{};  // where rows can be computed one after another
    plan::rows_obstacle obstacle{};         // else, why not

    bool ok() const { return mistake.ok(); }
};

/// As plan_of does it with types: of the program's rules, or of what `read` holds of them.
std::unique_ptr<planned> plan_program(const program& written);
std::unique_ptr<planned> plan_program(const program& written, const source& read);

}  // namespace random_programs
