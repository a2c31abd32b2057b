#pragma once

#include <clocale>
#include <cstdio>
#include <locale>
#include <string>

namespace sequent_test {

/// As long as it lives, the locale of streams writes "1.234,5", and so does that of C where the
/// machine has such a locale.
class comma_locale {
  public:
    comma_locale() {
        for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "ru_RU.UTF-8",
                                 "pt_BR.UTF-8", "German_Germany.1252"})
            if (std::setlocale(LC_ALL, name) != nullptr) break;
        char text[8];
        std::snprintf(text, sizeof text, "%.1f", 0.5);
        of_c_ = text[1] == ',';
    }
    comma_locale(const comma_locale&) = delete;
    comma_locale& operator=(const comma_locale&) = delete;
    ~comma_locale() {
        std::locale::global(before_);
        std::setlocale(LC_ALL, old_.c_str());
    }

    bool of_c() const { return of_c_; }

  private:
    struct punctuation : std::numpunct<char> {
        char do_decimal_point() const override { return ','; }
        char do_thousands_sep() const override { return '.'; }
        std::string do_grouping() const override { return "\3"; }
    };

    std::string old_ = std::setlocale(LC_ALL, nullptr);
    std::locale before_ = std::locale::global(std::locale(std::locale(), new punctuation));
    bool of_c_ = false;
};

}  // namespace sequent_test
