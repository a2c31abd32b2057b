#pragma once

// How the next token is chosen, as command lines state it.

#include <chrono>
#include <cstdint>
#include <sequent/sequent.hpp>
#include <string_view>

#include "options.hpp"

namespace examples {

struct sampling_options {
    sequent::sampling choice{};
    std::uint64_t seed = 0;  // 0: of the clock

    static constexpr std::string_view help_text =
        R"(  -t, --temperature T  0 takes the likeliest token, 1 chooses as predicted
  -p, --top-p P        chooses among the fewest likeliest tokens of this probability; 0 and 1 take all
  -k, --top-k K        chooses among so many likeliest tokens; 0 takes all
  -s, --seed N         the same seed chooses the same; 0 takes the clock's
)";

    /// Whether the option at hand is one of these; then its value has been read.
    bool read(command_line& line) {
        if (line.is("-t") || line.is("--temperature")) {
            choice.temperature = line.number("0", "1e9");
        } else if (line.is("-p") || line.is("--top-p")) {
            choice.top_p = line.number("0", "1");
            if (choice.top_p == 0) choice.top_p = 1;
        } else if (line.is("-k") || line.is("--top-k")) {
            choice.top_k = line.whole(0, 1000000000);
        } else if (line.is("-s") || line.is("--seed")) {
            seed = line.whole<std::uint64_t>(0, 1000000000000000);
        } else {
            return false;
        }
        return true;
    }

    sequent::sampler sampler(int vocabulary) const {
        const auto now = std::chrono::system_clock::now().time_since_epoch().count();
        return sequent::sampler(vocabulary, choice,
                                seed != 0 ? seed : static_cast<std::uint64_t>(now));
    }
};

}  // namespace examples
