#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../fail.hpp"
#include "../joined_text.hpp"

namespace sequent::inline SEQUENT_ABI::data {

/// Names and their symbols, the whole numbers from 0 on: the classes of a fact of symbols, or the
/// nodes of a graph.
class symbol_names {
  public:
    symbol_names() = default;
    /// Names with the symbols 0, 1, ... Throws argument_error if a name occurs twice.
    SEQUENT_COLD explicit symbol_names(const std::vector<std::string>& names) {
        for (const std::string& each : names) {
            if (find(each) >= 0)
                fail_with<argument_error>({"sequent: the name \"", each, "\" occurs twice"});
            add(each);
        }
    }

    /// The symbol of a name; a new one, the number of names so far, if it is not known.
    SEQUENT_COLD std::int32_t add(std::string_view name) {
        const auto [place, added] = symbols_.emplace(std::string(name), size());
        if (added) names_.push_back(place->first);
        return place->second;
    }
    /// The symbol of a name, or -1.
    std::int32_t find(std::string_view name) const {
        const auto place = symbols_.find(name);
        return place == symbols_.end() ? -1 : place->second;
    }
    /// The name of a symbol. Throws argument_error if there is none.
    const std::string& operator[](std::int32_t symbol) const {
        if (symbol < 0 || symbol >= size())
            fail_with<argument_error>(
                {"sequent: symbol ", symbol, " of ", size(), " names from 0 on"});
        return names_[static_cast<std::size_t>(symbol)];
    }
    /// The number of names.
    std::int32_t size() const noexcept { return static_cast<std::int32_t>(names_.size()); }

  private:
    std::map<std::string, std::int32_t, std::less<>> symbols_;
    std::vector<std::string> names_;
};

}  // namespace sequent::inline SEQUENT_ABI::data
