#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "../io/error.hpp"
#include "../io/source.hpp"
#include "../joined_text.hpp"

/// Text of a file, with line and column of each place for error messages.

namespace sequent::inline SEQUENT_ABI::data::detail {

/// The bytes of a source as text. Copies share them.
class file_text {
  public:
    SEQUENT_COLD explicit file_text(io::source source) : source_(std::move(source)) {}

    std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(source_.bytes().data()), source_.bytes().size()};
    }

    /// Throws io::error("name:line:column: message"). Lines and columns count from 1, columns in
    /// code points.
    [[noreturn]] SEQUENT_COLD void fail_at(std::size_t place,
                                           std::initializer_list<text_part> message) const {
        std::size_t line = 1;
        std::size_t column = 1;
        for (const char each : text().substr(0, place)) {
            if (each == '\n') {
                ++line;
                column = 1;
            } else if ((static_cast<unsigned char>(each) & 0xc0) != 0x80) {
                ++column;
            }
        }
        std::string result = joined_text({source_.name(), ":", line, ":", column, ": "});
        append_text(result, message);
        fail<io::error>(result);
    }

    /// The finite number that `cell`, which begins at `place`, is.
    template <class T>
    SEQUENT_COLD T number(std::string_view cell, std::size_t place) const {
        T result = 0;
        const char* const first = cell.data() + (cell.starts_with('+') ? 1 : 0);
        const char* const last = cell.data() + cell.size();
        const auto [end, reason] = std::from_chars(first, last, result);
        if (reason != std::errc{} || end != last || !std::isfinite(result))
            fail_at(place, {"\"", cell, "\" is not a finite number"});
        return result;
    }
    /// The whole number that `cell` is.
    SEQUENT_COLD std::int32_t whole(std::string_view cell, std::size_t place) const {
        std::int32_t result = 0;
        const char* const last = cell.data() + cell.size();
        const auto [end, reason] = std::from_chars(cell.data(), last, result);
        if (reason != std::errc{} || end != last)
            fail_at(place, {"\"", cell, "\" is not a whole number of 32 bits"});
        return result;
    }

  private:
    io::source source_;
};

}  // namespace sequent::inline SEQUENT_ABI::data::detail
