#pragma once

#include <string>

#include "config.hpp"

/// Functions that sequent.hpp declares and other headers define: their use without that header is
/// an error that names the header.

namespace sequent::inline SEQUENT_ABI {

namespace elsewhere {
/// The header that defines a function.
enum class header { explain, explanation, safetensors, npy, llama2c };
/// True if a header is included. The types only make it depend on those of a template.
template <header Header, class...>
inline constexpr bool includes = false;
}  // namespace elsewhere

// What replaces a function whose header is missing. Argument-dependent lookup must not find it in
// place of a function of the program: `explain` takes no arguments, and io has no types here that
// are arguments.
#define SEQUENT_ELSEWHERE(RESULT, FUNCTION, ARGUMENTS, HEADER, FILE)                           \
    template <class... Types>                                                                  \
        requires(!elsewhere::includes<elsewhere::header::HEADER, Types...>)                    \
    RESULT FUNCTION ARGUMENTS {                                                                \
        static_assert(elsewhere::includes<elsewhere::header::HEADER, Types...>,                \
                      #FUNCTION " is defined in another header: #include <sequent/" FILE ">"); \
        return RESULT();                                                                       \
    }

SEQUENT_ELSEWHERE(std::string, explain, (), explain, "explain.hpp")
SEQUENT_ELSEWHERE(std::string, explain_as_json, (), explain, "explain.hpp")
SEQUENT_ELSEWHERE(void, explanation_of, (), explanation, "explain.hpp")

namespace io {
SEQUENT_ELSEWHERE(void, load, (const auto&...), safetensors, "io.hpp")
SEQUENT_ELSEWHERE(void, save, (const auto&...), safetensors, "io.hpp")
SEQUENT_ELSEWHERE(void, load_npy, (const auto&...), npy, "io.hpp")
SEQUENT_ELSEWHERE(void, save_npy, (const auto&...), npy, "io.hpp")
SEQUENT_ELSEWHERE(void, load_llama2c, (const auto&...), llama2c, "io.hpp")
SEQUENT_ELSEWHERE(void, save_llama2c, (const auto&...), llama2c, "io.hpp")
}  // namespace io

#undef SEQUENT_ELSEWHERE

}  // namespace sequent::inline SEQUENT_ABI
