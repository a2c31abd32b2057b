#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbol_names.hpp"
#include "text.hpp"

/// Tables of text: comma-separated values (RFC 4180) and lists of edges.

namespace sequent::inline SEQUENT_ABI::data {

/// The form of a table.
struct table_format {
    /// Between the cells of a row; a space stands for any number of spaces and tabs.
    char separator = ',';
    /// True if the first row has the names of the columns.
    bool header = true;
    /// Rows that begin with this character are left out; 0: none are.
    char comment = 0;
};
/// One edge in a line, "from to" and perhaps more, after comments with a #.
inline constexpr table_format edge_list{' ', false, '#'};

/// A column: its name in the header, or its number from 0 on.
class column {
  public:
    /// By name.
    column(const char* name) noexcept : name_(name) {}
    /// By name.
    column(std::string_view name) noexcept : name_(name) {}
    /// By name.
    column(const std::string& name) noexcept : name_(name) {}
    /// By number.
    column(int number) noexcept : number_(number) {}

  private:
    friend class table;
    std::string_view name_{};
    int number_ = -1;
};

/// A table of text, read from a file. Cells may stand in quotation marks, in which "" is one, and
/// then hold separators and line ends. Lines end with LF or CRLF; empty ones are left out. All
/// rows have the same number of cells. Errors are io::error, "file:line:column: message".
class table {
  public:
    /// Reads a file, or bytes in memory.
    SEQUENT_COLD explicit table(io::source source, table_format format = {})
        : text_(std::move(source)), format_(format) {
        read_cells();
    }

    /// The number of rows, without the header.
    [[nodiscard]] int rows() const noexcept {
        return columns_ == 0 ? 0 : static_cast<int>(cells_.size()) / columns_;
    }
    /// The number of columns.
    int columns() const noexcept { return columns_; }
    /// The names of the columns; empty without a header.
    const std::vector<std::string>& header() const noexcept { return header_; }

    /// The text of a cell.
    SEQUENT_COLD const std::string& operator()(int row, column of) const {
        return cell(row, number_of(of)).text;
    }

    /// The finite numbers of some columns, row by row. Throws io::error at a cell that is none.
    template <std::floating_point T = float>
    [[nodiscard]] std::vector<T> numbers(std::initializer_list<column> of) const {
        std::vector<T> result;
        visit(of, [&](const placed_cell& each) {
            result.push_back(text_.template number<T>(each.text, each.place));
        });
        return result;
    }
    /// The whole numbers of a column.
    SEQUENT_COLD std::vector<std::int32_t> integers(column of) const {
        std::vector<std::int32_t> result;
        visit({of}, [&](const placed_cell& each) {
            result.push_back(text_.whole(each.text, each.place));
        });
        return result;
    }
    /// The symbols of the names in a column. Names that are not known are added.
    SEQUENT_COLD std::vector<std::int32_t> symbols(column of, symbol_names& names) const {
        std::vector<std::int32_t> result;
        visit({of}, [&](const placed_cell& each) { result.push_back(names.add(each.text)); });
        return result;
    }
    /// Likewise; throws io::error at a name that is not known.
    SEQUENT_COLD std::vector<std::int32_t> symbols(column of, const symbol_names& names) const {
        std::vector<std::int32_t> result;
        visit({of}, [&](const placed_cell& each) {
            result.push_back(names.find(each.text));
            if (result.back() < 0) text_.fail_at(each.place, {"unknown name \"", each.text, "\""});
        });
        return result;
    }
    /// The pairs of the symbols in two columns, as sparse_pairs() takes them: the edges of a graph,
    /// or a relation of two arguments. Names that are not known are added.
    SEQUENT_COLD std::vector<std::array<std::int32_t, 2>> pairs(column from, column to,
                                                                symbol_names& names) const {
        std::vector<std::array<std::int32_t, 2>> result;
        const int columns[]{number_of(from), number_of(to)};
        for (int row = 0; row < rows(); ++row) {
            const std::int32_t first = names.add(cell(row, columns[0]).text);
            result.push_back({first, names.add(cell(row, columns[1]).text)});
        }
        return result;
    }

  private:
    struct placed_cell {
        std::string text;
        std::size_t place = 0;
    };

    detail::file_text text_;
    table_format format_;
    std::vector<std::string> header_;
    std::vector<placed_cell> cells_;
    int columns_ = 0;

    const placed_cell& cell(int row, int column) const {
        if (row < 0 || row >= rows())
            fail_with<argument_error>({"sequent: row ", row, " of a table of ", rows(), " rows"});
        return cells_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                      static_cast<std::size_t>(column)];
    }
    SEQUENT_COLD int number_of(const column& of) const {
        if (of.name_.data() == nullptr) {
            if (of.number_ < 0 || of.number_ >= columns_)
                text_.fail_at(0, {"no column ", of.number_, " of ", columns_, " from 0 on"});
            return of.number_;
        }
        for (std::size_t at = 0; at < header_.size(); ++at)
            if (header_[at] == of.name_) return static_cast<int>(at);
        text_.fail_at(0, {"no column \"", of.name_, "\""});
    }
    template <class Visit>
    SEQUENT_COLD void visit(std::initializer_list<column> of, Visit visit) const {
        std::vector<int> chosen;
        for (const column& each : of) chosen.push_back(number_of(each));
        for (int row = 0; row < rows(); ++row)
            for (const int each : chosen) visit(cell(row, each));
    }

    bool separates(char each) const noexcept {
        return each == format_.separator || (format_.separator == ' ' && each == '\t');
    }
    SEQUENT_COLD void read_cells() {
        std::string_view text = text_.text();
        std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;  // the mark of UTF-8
        bool header = format_.header;
        while (at < text.size()) {
            std::vector<placed_cell> row = read_row(at);
            if (row.empty()) continue;
            if (columns_ == 0) columns_ = static_cast<int>(row.size());
            if (static_cast<int>(row.size()) != columns_)
                text_.fail_at(row.front().place,
                              {"a row of ", row.size(), row.size() == 1 ? " cell" : " cells",
                               ", the first row has ", columns_});
            for (placed_cell& each : row) {
                if (!header) {
                    cells_.push_back(std::move(each));
                    continue;
                }
                for (const std::string& before : header_)
                    if (before == each.text)
                        text_.fail_at(each.place, {"two columns \"", each.text, "\""});
                header_.push_back(std::move(each.text));
            }
            header = false;
        }
        if (header) text_.fail_at(0, {"the file has no header"});
    }
    /// The cells of the row at `at`, which moves to the next row; none if the row is left out.
    SEQUENT_COLD std::vector<placed_cell> read_row(std::size_t& at) const {
        const std::string_view text = text_.text();
        const auto is_end = [&] {
            return at == text.size() || text[at] == '\n' ||
                   (text[at] == '\r' && (at + 1 == text.size() || text[at + 1] == '\n'));
        };
        const bool blanks = format_.separator == ' ';
        const auto skip_blanks = [&] {
            while (blanks && !is_end() && separates(text[at])) ++at;
        };
        std::vector<placed_cell> row;
        if (format_.comment != 0 && at < text.size() && text[at] == format_.comment)
            while (!is_end()) ++at;
        skip_blanks();
        while (!is_end()) {
            row.push_back(read_cell(at, is_end));
            skip_blanks();
            if (is_end() || blanks) continue;
            ++at;                                   // the separator
            if (is_end()) row.push_back({{}, at});  // after which the last cell is empty
        }
        if (at < text.size()) at += text[at] == '\r' ? 1 : 0;
        if (at < text.size()) ++at;
        return row;
    }
    template <class IsEnd>
    SEQUENT_COLD placed_cell read_cell(std::size_t& at, IsEnd is_end) const {
        const std::string_view text = text_.text();
        placed_cell result{{}, at};
        if (text[at] != '"') {
            for (; !is_end() && !separates(text[at]); ++at) result.text += text[at];
            return result;
        }
        for (++at; at < text.size(); ++at) {
            if (text[at] != '"') {
                result.text += text[at];
                continue;
            }
            if (at + 1 < text.size() && text[at + 1] == '"') {
                result.text += text[++at];
                continue;
            }
            ++at;
            if (!is_end() && !separates(text[at]))
                text_.fail_at(at, {"text after the closing quotation mark of a cell"});
            return result;
        }
        text_.fail_at(result.place, {"a quotation mark that is not closed"});
    }
};

}  // namespace sequent::inline SEQUENT_ABI::data
