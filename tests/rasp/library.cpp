#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "programs.hpp"

// Programs against plain C++: for all inputs of up to six symbols, and for long random ones.

namespace {

using namespace sequent::rasp;
using std::string;
using std::vector;

/// All texts of one to `longest` of these symbols, after `beginning`.
vector<string> all_texts(const string& symbols, std::size_t longest, const string& beginning = "") {
    vector<string> result;
    vector<string> last{beginning};
    for (std::size_t length = 1; length <= longest; ++length) {
        vector<string> next;
        for (const string& text : last)
            for (const char symbol : symbols) next.push_back(text + symbol);
        result.insert(result.end(), next.begin(), next.end());
        last = std::move(next);
    }
    if (!beginning.empty()) result.push_back(beginning);
    return result;
}

/// Small numbers of a linear congruence (Numerical Recipes), the same everywhere.
class dice {
  public:
    int below(int end) {
        state_ = state_ * 1664525 + 1013904223;
        return static_cast<int>((state_ >> 16) % static_cast<std::uint32_t>(end));
    }

  private:
    std::uint32_t state_ = 1;
};

/// Random texts of up to 100 symbols.
vector<string> long_texts(const string& symbols, const string& beginning = "") {
    vector<string> result;
    dice random;
    for (const int length : {7, 16, 33, 64, 100}) {
        string text = beginning;
        while (text.size() < static_cast<std::size_t>(length))
            text +=
                symbols[static_cast<std::size_t>(random.below(static_cast<int>(symbols.size())))];
        result.push_back(text);
    }
    return result;
}

/// What a text should give, computed without RASP.
using reference = std::function<sequence(const string&)>;

template <const auto& Program>
int differences(const vector<string>& texts, const reference& expected) {
    int count = 0;
    for (const string& text : texts) {
        const sequence given = evaluate<Program>(text);
        const sequence wanted = expected(text);
        if (given == wanted) continue;
        if (++count == 1) UNSCOPED_INFO(text << ": " << given.text() << " for " << wanted.text());
    }
    return count;
}

template <const auto& Program>
void is(const reference& expected, const string& symbols = "abc", const string& beginning = "") {
    CHECK(differences<Program>(all_texts(symbols, 6, beginning), expected) == 0);
    CHECK(differences<Program>(long_texts(symbols + "defg", beginning), expected) == 0);
}

/// A value at each position, told by text and position.
template <class F>
reference at_each(F f) {
    return [f](const string& text) {
        sequence result;
        for (std::size_t at = 0; at < text.size(); ++at) result.push_back(value(f(text, at)));
        return result;
    };
}

int times(const string& text, char symbol) {
    return static_cast<int>(std::count(text.begin(), text.end(), symbol));
}

}  // namespace

TEST_CASE("reverse") {
    is<programs::reverse>([](string text) {
        std::reverse(text.begin(), text.end());
        return sequence(text);
    });
}

TEST_CASE("histograms") {
    is<programs::histogram>(
        at_each([](const string& text, std::size_t at) { return times(text, text[at]); }));
    is<programs::histogram_with_bos>(at_each([](const string& text, std::size_t at) {
                                         return at == 0 ? 0 : times(text, text[at]);
                                     }),
                                     "abc", "^");
}

TEST_CASE("the double histogram") {
    is<programs::double_histogram>(at_each([](const string& text, std::size_t at) {
                                       if (at == 0) return 0;
                                       std::map<char, int> histogram;
                                       for (const char symbol : text.substr(1)) ++histogram[symbol];
                                       int count = 0;
                                       for (const auto& [symbol, often] : histogram)
                                           count += often == histogram[text[at]] ? 1 : 0;
                                       return count;
                                   }),
                                   "abc", "^");
}

TEST_CASE("sorting") {
    const auto sorted_from = [](std::ptrdiff_t first) {
        return [first](string text) {
            std::sort(text.begin() + first, text.end());
            return sequence(text);
        };
    };
    is<programs::sorted>(sorted_from(0));
    is<programs::sorted_with_bos>(sorted_from(1), "abc", "^");
    // A beginning that is greater than all else stays where it is.
    is<programs::sorted_with_bos>(sorted_from(1), "abc", "~");

    // What has the same key keeps its order.
    static constexpr auto by_kind = sort(tokens, lookup(tokens, 0, entry{'b', -1}, entry{'c', -1}));
    static constexpr auto by_kind_with_bos =
        sort_with_bos(tokens, lookup(tokens, 0, entry{'b', -1}, entry{'c', -1}));
    const auto partitioned_from = [](std::ptrdiff_t first) {
        return [first](string text) {
            std::stable_partition(text.begin() + first, text.end(),
                                  [](char symbol) { return symbol == 'b' || symbol == 'c'; });
            return sequence(text);
        };
    };
    is<by_kind>(partitioned_from(0));
    is<by_kind_with_bos>(partitioned_from(1), "abc", "^");

    static constexpr auto backwards = sort(indices, -indices);
    is<backwards>(at_each([](const string& text, std::size_t at) { return text.size() - 1 - at; }));
}

TEST_CASE("the most frequent") {
    is<programs::most_frequent>(
        [](const string& text) {
            string different;
            for (const char symbol : text.substr(1))
                if (different.find(symbol) == string::npos) different += symbol;
            std::stable_sort(different.begin(), different.end(), [&](char left, char right) {
                return times(text, left) > times(text, right);
            });
            return sequence("^" + different + string(text.size() - 1 - different.size(), '-'));
        },
        "abc", "^");
}

namespace {

/// By a stack: F from the first mistake on, T where all is closed, else P.
sequence balance(const string& text, const string& pairs) {
    string stack;
    string result;
    bool is_wrong = false;
    for (const char bracket : text) {
        const std::size_t kind = pairs.find(bracket);
        if (kind % 2 == 0) {
            stack += pairs[kind + 1];
        } else if (stack.empty() || stack.back() != bracket) {
            is_wrong = true;
        } else {
            stack.pop_back();
        }
        result += is_wrong ? 'F' : stack.empty() ? 'T' : 'P';
    }
    return result;
}

/// Long texts of which most are balanced for long.
vector<string> long_brackets(const string& pairs) {
    vector<string> result;
    dice random;
    const int kinds = static_cast<int>(pairs.size() / 2);
    for (int count = 0; count < 10; ++count) {
        string stack;
        string text;
        while (text.size() < 60) {
            if (!stack.empty() && random.below(100) < 52) {
                text += stack.back();
                stack.pop_back();
            } else {
                const auto kind = static_cast<std::size_t>(2 * random.below(kinds));
                text += pairs[kind];
                stack += pairs[kind + 1];
            }
        }
        if (count % 2 == 1) text[static_cast<std::size_t>(20 + random.below(30))] = pairs[1];
        result.push_back(text);
    }
    return result;
}

template <const auto& Program>
void tells_balance(const string& pairs, std::size_t longest) {
    const reference expected = [&pairs](const string& text) { return balance(text, pairs); };
    CHECK(differences<Program>(all_texts(pairs, longest), expected) == 0);
    CHECK(differences<Program>(long_brackets(pairs), expected) == 0);
    // What is compared is not all wrong from the beginning.
    CHECK(expected(long_brackets(pairs)[0])[59] != value('F'));
}

}  // namespace

TEST_CASE("balanced brackets") {
    tells_balance<programs::dyck_1>("()", 9);
    tells_balance<programs::dyck_2>("(){}", 6);
    tells_balance<programs::dyck_3>("(){}[]", 5);
    // One kind of brackets among several is the same.
    static constexpr auto one_kind = dyck_k_ptf(tokens, "()");
    tells_balance<one_kind>("()", 8);
    // Other symbols change nothing where there is one kind.
    CHECK(evaluate<programs::dyck_1>("a(b)c)d") == sequence("TPPTTFF"));
    // Where there are several, they are mistakes: the opener is looked for next to its closer.
    CHECK(evaluate<programs::dyck_2>("a(b)") == sequence("TPPF"));
    static constexpr auto angles = dyck_1_ptf(tokens, '<', '>');
    CHECK(evaluate<angles>("<>><") == sequence("PTFF"));
}

namespace {

/// As in school, with as many digits as the text has characters, zeros in front.
sequence school_sum(const string& text) {
    const std::size_t plus = text.find('+');
    const string first = text.substr(0, plus);
    const string second = text.substr(plus + 1);
    vector<value> digits;
    int carry = 0;
    for (std::size_t place = 0; place < text.size(); ++place) {
        const auto digit = [place](const string& of) {
            return place < of.size() ? of[of.size() - 1 - place] - '0' : 0;
        };
        const int total = digit(first) + digit(second) + carry;
        digits.push_back(value(total % 10));
        carry = total / 10;
    }
    std::reverse(digits.begin(), digits.end());
    return digits;
}

}  // namespace

TEST_CASE("long addition") {
    // Digits with which carries come, pass through, and stop.
    vector<string> texts;
    for (const string& first : all_texts("0149", 3))
        for (const string& second : all_texts("0589", 3)) texts.push_back(first + "+" + second);
    CHECK(differences<programs::addition>(texts, school_sum) == 0);

    texts.clear();
    dice random;
    for (int count = 0; count < 30; ++count) {
        string text;
        const int longest = count < 20 ? 12 : 49;
        for (int left = 1 + random.below(longest); left > 0; --left)
            text += "0123456789999"[random.below(13)];
        text += '+';
        for (int left = 1 + random.below(longest); left > 0; --left)
            text += "0123456789000"[random.below(13)];
        texts.push_back(text);
    }
    texts.push_back("1+" + string(97, '9'));
    texts.push_back(string(97, '9') + "+1");
    texts.push_back("+");
    texts.push_back("5+");
    texts.push_back("+5");
    CHECK(differences<programs::addition>(texts, school_sum) == 0);
}

TEST_CASE("counting and looking for a value") {
    static constexpr auto how_many = count(tokens, 'a');
    static constexpr auto has_one = contains(tokens, 'a');
    static constexpr auto as_often = count(indices % 2, 1);
    is<how_many>(at_each([](const string& text, std::size_t) { return times(text, 'a'); }));
    is<has_one>(at_each([](const string& text, std::size_t) { return times(text, 'a') > 0; }));
    is<as_often>(at_each([](const string& text, std::size_t) { return text.size() / 2; }));

    static constexpr auto has_before =
        has(select(tokens, tokens, equal) && select(indices, indices, less));
    is<has_before>(
        at_each([](const string& text, std::size_t at) { return text.find(text[at]) < at; }));

    static constexpr auto first = mark_first(tokens, 'a');
    static constexpr auto last = mark_last(tokens, 'a');
    is<first>(at_each([](const string& text, std::size_t at) { return text.find('a') == at; }));
    is<last>(at_each([](const string& text, std::size_t at) { return text.rfind('a') == at; }));
}

TEST_CASE("means and extremes") {
    static constexpr auto mean = average(indicator(tokens == 'a'));
    is<mean>(at_each([](const string& text, std::size_t) {
        return value(rational(times(text, 'a'), static_cast<std::int64_t>(text.size())),
                     type::real);
    }));
    static constexpr auto greater_one = max(tokens, 'b');
    static constexpr auto smaller_one = min(indices, length - 1 - indices);
    is<greater_one>(
        at_each([](const string& text, std::size_t at) { return std::max(text[at], 'b'); }));
    is<smaller_one>(at_each(
        [](const string& text, std::size_t at) { return std::min(at, text.size() - 1 - at); }));
}

TEST_CASE("values of other positions") {
    static constexpr auto right = shift(tokens, 2, '-');
    static constexpr auto left = shift(tokens, -1, '-');
    is<right>(
        at_each([](const string& text, std::size_t at) { return at < 2 ? '-' : text[at - 2]; }));
    is<left>(at_each([](const string& text, std::size_t at) {
        return at + 1 < text.size() ? text[at + 1] : '-';
    }));
    static constexpr auto half = load_from(tokens, (indices - indices % 2) / 2);
    is<half>(at_each([](const string& text, std::size_t at) { return text[at / 2]; }));
    static constexpr auto outside = load_from(tokens, indices + 3);
    is<outside>(at_each([](const string& text, std::size_t at) {
        return at + 3 < text.size() ? text.substr(at + 3, 1) : string();
    }));
    static constexpr auto from_end = tokens[-2];
    is<from_end>(at_each([](const string& text, std::size_t) {
        return text.size() < 2 ? string() : text.substr(text.size() - 2, 1);
    }));
}

TEST_CASE("the next one that is the same") {
    static constexpr auto distance = aggregate(select_next_identical(tokens), indices, -1);
    is<distance>(at_each([](const string& text, std::size_t at) {
        const std::size_t next = text.find(text[at], at + 1);
        return next == string::npos ? -1 : static_cast<int>(next);
    }));
}
