#pragma once

// What the examples share: reading their command lines, and reporting errors.

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace examples {

/// The words of a command line, one after another:
///
///     for (command_line line(count, arguments, help_text); line.next();)
///         if (line.is("--steps")) options.steps = line.whole(1, 1000000);
///         else line.refuse();
class command_line {
  public:
    /// Prints `help`, if it is given, and ends the program where --help or -h stands.
    command_line(int count, char** arguments, std::string_view help = "")
        : count_(count), arguments_(arguments), help_(help) {}

    /// Whether there is another word, which it moves to.
    bool next() {
        if (++at_ >= count_) return false;
        word_ = arguments_[at_];
        if (!help_.empty() && (is("--help") || is("-h"))) {
            std::cout << help_;
            std::exit(0);
        }
        return true;
    }
    const std::string& word() const { return word_; }
    bool is(std::string_view name) const { return word_ == name; }
    bool is_option() const { return word_.starts_with('-'); }

    /// The value of the option at hand, the word behind it.
    std::string text() {
        if (++at_ >= count_) throw std::invalid_argument(word_ + " needs a value");
        return arguments_[at_];
    }
    /// The value of the option at hand, a file that will be written.
    std::string output() {
        std::string path = text();
        check_folder(path);
        return path;
    }
    template <class Int>
    Int whole(Int least, Int most) {
        const std::string given = text();
        Int value = 0;
        const auto end = given.data() + given.size();
        const auto [read, failure] = std::from_chars(given.data(), end, value);
        if (failure != std::errc() || read != end || value < least || value > most)
            throw std::invalid_argument(word_ + " takes a whole number from " +
                                        std::to_string(least) + " to " + std::to_string(most) +
                                        ", given is \"" + given + "\"");
        return value;
    }
    /// Which of these names it is.
    std::size_t one_of(std::initializer_list<std::string_view> names) {
        const std::string given = text();
        std::string known;
        for (std::size_t at = 0; at < names.size(); ++at) {
            if (given == names.begin()[at]) return at;
            known.append(at == 0                  ? ""
                         : at + 1 == names.size() ? " or "
                                                  : ", ")
                .append(names.begin()[at]);
        }
        throw std::invalid_argument(word_ + " takes " + known + ", given is \"" + given + '"');
    }
    /// The bounds are text, which the message has as they are written.
    double number(const std::string& least, const std::string& most) {
        const std::string given = text();
        char* end = nullptr;
        const double value = std::strtod(given.c_str(), &end);
        if (given.empty() || *end != '\0' || !(value >= std::strtod(least.c_str(), nullptr)) ||
            !(value <= std::strtod(most.c_str(), nullptr)))
            throw std::invalid_argument(word_ + " takes a number from " + least + " to " + most +
                                        ", given is \"" + given + "\"");
        return value;
    }
    /// The word is the only one of its kind.
    void once(std::string& to, const std::string& kind) const {
        if (!to.empty())
            throw std::invalid_argument("one " + kind + " at most: \"" + word_ + "\" is a second");
        to = word_;
    }
    /// That the folder of a file is missing is told before the work whose result it holds.
    void check_folder(const std::string& path) const {
        const std::filesystem::path folder = std::filesystem::path(path).parent_path();
        if (!folder.empty() && !std::filesystem::is_directory(folder))
            throw std::invalid_argument(path + " cannot be written: there is no folder " +
                                        folder.string());
    }
    [[noreturn]] void refuse() const { throw std::invalid_argument("there is no option " + word_); }

  private:
    int count_;
    char** arguments_;
    std::string_view help_;
    int at_ = 0;
    std::string word_;
};

/// Reads the command line of a program that has no options but --help.
inline void read_no_options(int count, char** arguments, std::string_view help) {
    for (command_line line(count, arguments, help); line.next();)
        if (line.is_option())
            line.refuse();
        else
            throw std::invalid_argument("no argument is taken, given is \"" + line.word() + '"');
}

/// Runs a program, whose status is what `run` returns, or 0; an exception becomes a message and 1.
template <class Run>
int main_of(const char* name, Run run) {
    try {
        if constexpr (std::is_same_v<decltype(run()), int>) return run();
        run();
    } catch (const std::exception& error) {
        std::cerr << name << ": " << error.what() << '\n';
        return 1;
    }
    return 0;
}

}  // namespace examples
