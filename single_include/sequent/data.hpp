// Sequent 0.2.0: data.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_DATA_HPP
#define SEQUENT_SINGLE_DATA_HPP

#include "io.hpp"

/// Data sets: tables of text, lists of edges, sets of graphs, and their parts for training and
/// testing.

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

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

/// Sets of small graphs, such as molecules, each with a class.

namespace sequent::inline SEQUENT_ABI::data {

/// A graph with its class.
struct labelled_graph {
    std::int32_t label = 0;             ///< symbol of the class
    std::vector<std::int32_t> nodes{};  ///< symbol of each node, the element of an atom
    std::vector<std::array<std::int32_t, 2>> edges{};  ///< (node, neighbour), as the file has them
};

/// A set of graphs.
struct graph_set {
    std::vector<labelled_graph> graphs{};  ///< the graphs
    symbol_names labels{};                 ///< the classes
    symbol_names kinds{};                  ///< the kinds of nodes

    /// The classes of all graphs.
    SEQUENT_COLD std::vector<std::int32_t> labels_of_graphs() const {
        std::vector<std::int32_t> result;
        for (const labelled_graph& each : graphs) result.push_back(each.label);
        return result;
    }
    /// The largest number of nodes.
    std::size_t most_nodes() const noexcept {
        std::size_t result = 0;
        for (const labelled_graph& each : graphs) result = std::max(result, each.nodes.size());
        return result;
    }
    /// The largest number of edges.
    std::size_t most_edges() const noexcept {
        std::size_t result = 0;
        for (const labelled_graph& each : graphs) result = std::max(result, each.edges.size());
        return result;
    }
};

namespace detail {

class graph_reader {
  public:
    SEQUENT_COLD explicit graph_reader(io::source source) : text_(std::move(source)) {}

    SEQUENT_COLD graph_set read() {
        graph_set result;
        const std::int32_t count = number("the number of graphs", 0);
        end_line();
        for (std::int32_t at = 0; at < count; ++at) {
            labelled_graph graph;
            const std::int32_t nodes = number("the number of nodes", 0);
            graph.label = result.labels.add(word("a class"));
            end_line();
            for (std::int32_t node = 0; node < nodes; ++node) {
                graph.nodes.push_back(result.kinds.add(word("the kind of a node")));
                const std::int32_t neighbours = number("the number of neighbours", 0);
                for (std::int32_t each = 0; each < neighbours; ++each)
                    graph.edges.push_back({node, number("a neighbour", 0, nodes - 1)});
                end_line();
            }
            result.graphs.push_back(std::move(graph));
        }
        skip(" \t\r\n");
        if (at_ < text().size()) text_.fail_at(at_, {"text after the last graph"});
        return result;
    }

  private:
    file_text text_;
    std::size_t at_ = 0;

    std::string_view text() const noexcept { return text_.text(); }
    void skip(std::string_view letters) noexcept {
        while (at_ < text().size() && letters.find(text()[at_]) != std::string_view::npos) ++at_;
    }
    SEQUENT_COLD std::string_view word(const char* what) {
        skip(" \t\r");
        const std::size_t end = std::min(text().find_first_of(" \t\r\n", at_), text().size());
        if (end == at_) text_.fail_at(at_, {"expected ", what});
        const std::size_t begin = std::exchange(at_, end);
        return text().substr(begin, end - begin);
    }
    SEQUENT_COLD std::int32_t number(const char* what, std::int32_t least,
                                     std::int32_t most = 0x7fffffff) {
        const std::string_view found = word(what);
        const std::size_t place = at_ - found.size();
        const std::int32_t result = text_.whole(found, place);
        if (result < least || result > most)
            text_.fail_at(place, {what, " is ", result, ", expected ", least, " to ", most});
        return result;
    }
    SEQUENT_COLD void end_line() {
        skip(" \t\r");
        if (at_ < text().size() && text()[at_] != '\n')
            text_.fail_at(at_, {"expected the end of the line"});
        if (at_ < text().size()) ++at_;
    }
};

}  // namespace detail

/// Reads a set of graphs in the text form in which MUTAG and other sets of molecules are given away
/// (Xu et al., arXiv 1810.00826):
///
///     <number of graphs>
///     <number of nodes> <class>                                 for each graph,
///     <kind> <number of neighbours> <neighbour> <neighbour>...  for each of its nodes, from 0 on
///
/// Classes and kinds are names; their symbols are numbered in the order in which they appear.
/// Throws io::error("file:line:column: message").
[[nodiscard]] SEQUENT_COLD inline graph_set read_graphs(io::source source) {
    return detail::graph_reader(std::move(source)).read();
}

}  // namespace sequent::inline SEQUENT_ABI::data

/// Parts of a data set: for training and for testing, and for cross-validation.

namespace sequent::inline SEQUENT_ABI::data {

/// The numbers of the samples of two parts.
struct split {
    std::vector<int> training{};  ///< to train with
    std::vector<int> held_out{};  ///< to test with
};

namespace detail {

/// The samples of each class, shuffled.
SEQUENT_COLD inline std::map<std::int32_t, std::vector<int>> shuffled_classes(
    std::span<const std::int32_t> labels, random_numbers& random) {
    std::map<std::int32_t, std::vector<int>> result;
    for (std::size_t at = 0; at < labels.size(); ++at)
        result[labels[at]].push_back(static_cast<int>(at));
    for (auto& each : result) train::shuffle(each.second, random);
    return result;
}

}  // namespace detail

/// Deals the samples to `count` parts whose shares of each class differ by at most one sample. The
/// same seed gives the same parts on every platform. Throws argument_error unless there are at
/// least 2 parts, and a sample for each.
SEQUENT_COLD inline std::vector<std::vector<int>> parts_of(std::span<const std::int32_t> labels,
                                                           int count, std::uint64_t seed) {
    if (count < 2 || labels.size() < static_cast<std::size_t>(count))
        fail_with<argument_error>({"sequent: ", count, " parts of ", labels.size(),
                                   " samples, expected at least 2 parts of at least 1 sample"});
    random_numbers random(seed);
    std::vector<std::vector<int>> result(static_cast<std::size_t>(count));
    std::size_t next = 0;
    for (const auto& each : detail::shuffled_classes(labels, random))
        for (const int place : each.second) result[next++ % result.size()].push_back(place);
    return result;
}

/// The `count` splits of a cross-validation: each part of parts_of is held out once, and the others
/// follow one another in `training`, class by class: shuffle it before training.
[[nodiscard]] SEQUENT_COLD inline std::vector<split> folds_of(std::span<const std::int32_t> labels,
                                                              int count, std::uint64_t seed) {
    const auto parts = parts_of(labels, count, seed);
    std::vector<split> result;
    for (const auto& held_out : parts) {
        split& made = result.emplace_back();
        made.held_out = held_out;
        for (const auto& part : parts)
            if (&part != &held_out)
                made.training.insert(made.training.end(), part.begin(), part.end());
    }
    return result;
}
/// Likewise for samples without classes.
[[nodiscard]] SEQUENT_COLD inline std::vector<split> folds_of(int samples, int count,
                                                              std::uint64_t seed) {
    return folds_of(std::vector<std::int32_t>(static_cast<std::size_t>(samples > 0 ? samples : 0)),
                    count, seed);
}

/// Holds out a share of the samples, rounded, of each class, both parts in random order. Throws
/// argument_error unless 0 <= share <= 1.
[[nodiscard]] SEQUENT_COLD inline split split_of(std::span<const std::int32_t> labels, double share,
                                                 std::uint64_t seed) {
    check_number<argument_error>(share >= 0 && share <= 1, "sequent: the share that is held out",
                                 share, "0 to 1");
    random_numbers random(seed);
    split result;
    for (const auto& each : detail::shuffled_classes(labels, random)) {
        const auto held_out =
            static_cast<std::size_t>(std::lround(share * static_cast<double>(each.second.size())));
        for (std::size_t at = 0; at < each.second.size(); ++at)
            (at < held_out ? result.held_out : result.training).push_back(each.second[at]);
    }
    train::shuffle(result.training, random);
    train::shuffle(result.held_out, random);
    return result;
}
/// Likewise for samples without classes.
[[nodiscard]] SEQUENT_COLD inline split split_of(int samples, double share, std::uint64_t seed) {
    return split_of(std::vector<std::int32_t>(static_cast<std::size_t>(samples > 0 ? samples : 0)),
                    share, seed);
}

}  // namespace sequent::inline SEQUENT_ABI::data

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

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_DATA_HPP
