#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "../config.hpp"
#include "../io/json.hpp"
#include "build.hpp"
#include "tokenizer.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// Reads the normalizers and pre-tokenizers of a tokenizer.json.
SEQUENT_LAZY class json_steps {
  protected:
    explicit json_steps(std::string name) : build_(std::move(name)) {}

    using value = io::json_value;

    static bool present(value of, std::string_view key) {
        return of.has(key) && !of[key].is_null();
    }
    static bool flag(value of, std::string_view key, bool otherwise) {
        return present(of, key) ? of[key].boolean() : otherwise;
    }
    static std::string text(value of, std::string_view key) {
        return std::string(of[key].string());
    }
    std::int32_t id(value of) const { return static_cast<std::int32_t>(of.whole_number(1U << 24)); }

    /// Throws io::error if an object has any other key.
    static void keys(value of, std::initializer_list<std::string_view> known) {
        of.for_each_member([&](std::string_view key, value each) {
            for (const std::string_view one : known) {
                if (one == key) return;
            }
            each.fail({"\"", key, "\" is not known here"});
        });
    }

    /// Refuses what does not begin as all these begin; gives the type.
    static std::string_view type(value of) { return of["type"].string(); }

    [[noreturn]] static void unknown(value of, std::string_view what) {
        of.fail({"the ", what, " \"", type(of), "\" is not known"});
    }

    normalizer_step& add_normalizer(normalizer_step::kind is) {
        auto& steps = build_.result.normalizer.steps;
        steps.emplace_back();
        steps.back().is = is;
        return steps.back();
    }

    void read_normalizer(value of) {
        using kind = normalizer_step::kind;
        const std::string_view name = type(of);
        if (name == "Sequence") {
            keys(of, {"type", "normalizers"});
            of["normalizers"].for_each_element([&](value each) { read_normalizer(each); });
        } else if (name == "BertNormalizer") {
            keys(of, {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
            auto& step = add_normalizer(kind::bert);
            step.clean = flag(of, "clean_text", true);
            step.chinese = flag(of, "handle_chinese_chars", true);
            step.lower = flag(of, "lowercase", true);
            step.accents = flag(of, "strip_accents", step.lower);
        } else if (name == "NFC" || name == "NFD" || name == "NFKC" || name == "NFKD" ||
                   name == "Lowercase" || name == "StripAccents") {
            keys(of, {"type"});
            add_normalizer(name == "NFC"         ? kind::nfc
                           : name == "NFD"       ? kind::nfd
                           : name == "NFKC"      ? kind::nfkc
                           : name == "NFKD"      ? kind::nfkd
                           : name == "Lowercase" ? kind::lower_case
                                                 : kind::strip_marks);
        } else if (name == "Strip") {
            keys(of, {"type", "strip_left", "strip_right"});
            auto& step = add_normalizer(kind::strip);
            step.left = of["strip_left"].boolean();
            step.right = of["strip_right"].boolean();
        } else if (name == "Prepend") {
            keys(of, {"type", "prepend"});
            add_normalizer(kind::prepend).with = text(of, "prepend");
        } else if (name == "Replace") {
            keys(of, {"type", "pattern", "content"});
            const value pattern = of["pattern"];
            keys(pattern, {"String", "Regex"});
            auto& step = add_normalizer(kind::replace);
            step.with = text(of, "content");
            if (pattern.has("String")) {
                step.what = text(pattern, "String");
                return;
            }
            const std::string_view regex = pattern["Regex"].string();
            step.is = regex == R"(\s+)" ? kind::replace_spaces : kind::replace_blanks;
            step.least = regex == " {2,}" ? 2 : 1;
            if (regex != R"(\s+)" && regex != " {2,}" && regex != " +") {
                pattern.fail({"the expression \"", regex, "\" of \"Replace\" is not known"});
            }
        } else if (name == "Precompiled") {
            keys(of, {"type", "precompiled_charsmap"});
            auto& step = add_normalizer(kind::charsmap);
            if (!step.map.read(base64(of["precompiled_charsmap"])))
                of.fail({"\"precompiled_charsmap\" is not well-formed"});
        } else {
            unknown(of, "normalizer");
        }
    }

    static std::string base64(value of) {
        std::string result;
        std::uint32_t bits = 0;
        int count = 0;
        for (const char each : of.string()) {
            if (each == '=') break;
            const int digit = each >= 'A' && each <= 'Z'   ? each - 'A'
                              : each >= 'a' && each <= 'z' ? each - 'a' + 26
                              : each >= '0' && each <= '9' ? each - '0' + 52
                              : each == '+'                ? 62
                              : each == '/'                ? 63
                                                           : -1;
            if (digit < 0) of.fail({"expected base 64"});
            bits = bits << 6 | static_cast<std::uint32_t>(digit);
            count += 6;
            if (count >= 8) {
                count -= 8;
                result += static_cast<char>(static_cast<unsigned char>(bits >> count & 255));
            }
        }
        return result;
    }

    split_step& add_split(value of, split_step::kind is) {
        if (by_bytes_) of.fail({"a pre-tokenizer behind \"ByteLevel\" is not known"});
        auto& steps = build_.result.pre_tokenizer.steps;
        steps.emplace_back();
        steps.back().is = is;
        return steps.back();
    }

    static split_step::behavior behavior(value of) {
        const std::string_view name = of.string();
        using kind = split_step::behavior;
        if (name == "Removed") return kind::removed;
        if (name == "Isolated") return kind::isolated;
        if (name == "MergedWithPrevious") return kind::merged_before;
        if (name == "MergedWithNext") return kind::merged_behind;
        if (name == "Contiguous") return kind::joined;
        of.fail({"the behavior \"", name, "\" is not known"});
    }

    void read_pre_tokenizer(value of) {
        using kind = split_step::kind;
        const std::string_view name = type(of);
        if (name == "Sequence") {
            keys(of, {"type", "pretokenizers"});
            of["pretokenizers"].for_each_element([&](value each) { read_pre_tokenizer(each); });
        } else if (name == "BertPreTokenizer" || name == "WhitespaceSplit" ||
                   name == "Whitespace") {
            keys(of, {"type"});
            add_split(of, name == "BertPreTokenizer"  ? kind::bert
                          : name == "WhitespaceSplit" ? kind::white_space
                                                      : kind::word_runs);
        } else if (name == "ByteLevel") {
            keys(of, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
            if (flag(of, "add_prefix_space", true)) add_split(of, kind::blank);
            if (flag(of, "use_regex", true)) add_split(of, kind::words).pattern = &word_patterns[0];
            by_bytes_ = true;
        } else if (name == "Split") {
            keys(of, {"type", "pattern", "behavior", "invert"});
            const value pattern = of["pattern"];
            keys(pattern, {"String", "Regex"});
            auto& step = add_split(of, kind::text);
            step.as = behavior(of["behavior"]);
            step.inverted = flag(of, "invert", false);
            if (pattern.has("String")) {
                step.what = text(pattern, "String");
                return;
            }
            const std::string_view regex = pattern["Regex"].string();
            step.is = kind::words;
            step.pattern = find_pattern(regex);
            if (step.pattern == nullptr)
                pattern.fail({"the expression \"", regex, "\" of \"Split\" is not known"});
        } else if (name == "Metaspace") {
            read_metaspace(of);
        } else if (name == "Punctuation") {
            keys(of, {"type", "behavior"});
            add_split(of, kind::punctuated).as =
                present(of, "behavior") ? behavior(of["behavior"]) : split_step::behavior::isolated;
        } else if (name == "Digits") {
            keys(of, {"type", "individual_digits"});
            const bool individual = flag(of, "individual_digits", false);
            add_split(of, kind::digits).as =
                individual ? split_step::behavior::isolated : split_step::behavior::joined;
        } else {
            unknown(of, "pre-tokenizer");
        }
    }

    static split_step::prefix prefix(value of) {
        using kind = split_step::prefix;
        if (!present(of, "prepend_scheme"))
            return flag(of, "add_prefix_space", true) ? kind::always : kind::never;
        const std::string_view name = of["prepend_scheme"].string();
        if (name == "always") return kind::always;
        if (name == "first") return kind::first;
        if (name == "never") return kind::never;
        of.fail({"the prepend_scheme \"", name, "\" is not known"});
    }

    void read_metaspace(value of) {
        keys(of, {"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
        auto& step = add_split(of, split_step::kind::metaspace);
        step.what = text(of, "replacement");
        step.before = prefix(of);
        step.splits = flag(of, "split", true);
        step.as = split_step::behavior::merged_behind;
    }

    builder<> build_;
    bool by_bytes_ = false;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
