#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "../elsewhere.hpp"
#include "../json_text.hpp"
#include "explanation.hpp"

/// explain(): how a model is computed, as text and as JSON.

namespace sequent::inline SEQUENT_ABI::elsewhere {
template <class... Types>
inline constexpr bool includes<header::explain, Types...> = true;
}  // namespace sequent::inline SEQUENT_ABI::elsewhere

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// Appends a line: name, description and, if there are any, the operations in MFLOP.
SEQUENT_LAZY
SEQUENT_COLD void append_line(std::string& text, std::string_view name, std::string_view what,
                              long long operations, int depth) {
    const std::size_t begin = text.size();
    const auto fill_to = [&](std::size_t column) {
        if (text.size() < begin + column) text.resize(begin + column, ' ');
    };
    fill_to(static_cast<std::size_t>(2 * depth + 2));
    text += name;
    fill_to(22);
    append_text(text, {"  ", what});
    if (operations > 0) {
        fill_to(84);
        const std::string figure = fixed_text(static_cast<double>(operations) * 1e-6, 3);
        text.append(11 - std::min<std::size_t>(figure.size(), 10), ' ');
        append_text(text, {figure, " MFLOP"});
    }
    text += '\n';
}

/// Appends the text of a step.
SEQUENT_LAZY
SEQUENT_COLD void append_text_of(std::string& text, const explanation::step& step) {
    if (step.kind.empty()) return;
    append_line(text, step.relation, step.what, step.operations, step.depth);
    for (const explanation::reason& why : step.reasons) {
        text.append(static_cast<std::size_t>(2 * step.depth + 6), ' ');
        append_text(text, {"no ", why.form, ": ", why.sentence});
        if (!why.cure.empty()) append_text(text, {" (", why.cure, ")"});
        text += '\n';
    }
}
/// Appends the text of a relation with several rules.
SEQUENT_LAZY
SEQUENT_COLD void append_text_of(std::string& text, const explanation::several& of) {
    if (of.rules.size() < 2) return;
    std::string what = "follows from several rules: ";
    for (const int number : of.rules)
        append_text(what, {number == of.rules[0] ? "" : ", ", number});
    append_line(text, of.relation, what, 0, 0);
}
/// Appends the sizes of parameters and memory.
SEQUENT_LAZY
SEQUENT_COLD void append_memory(std::string& text, const explanation& of) {
    append_text(text, {"parameters  ", of.parameters, " numbers, ", of.parameter_bytes,
                       " bytes as float\nworkspace   ", of.workspace_bytes,
                       " bytes as float, for forward and backward\nscratch     ", of.scratch_bytes,
                       " bytes as float, for forward alone\n"});
    if (of.state_bytes < 0) return;
    append_text(text, {"state       ", of.state_bytes, " bytes as float, for step\n"});
    if (of.cache_bytes[0] > 0)
        append_text(text,
                    {"  cache     ", of.cache_bytes[0], " bytes of it, keys and values; in bf16 ",
                     of.cache_bytes[1], ", in q8_0 ", of.cache_bytes[2], "\n"});
}

/// Writes an explanation as JSON.
template <class = void>
class explanation_as_json {
  public:
    SEQUENT_COLD static std::string of(const explanation& from) {
        explanation_as_json to;
        to.list("{\"steps\":", from.steps, [&](const explanation::step& step) {
            append_text(to.text_, {"\n {\"relation\":", quoted(step.relation),
                                   ",\"kind\":", quoted(step.kind), ",\"what\":", quoted(step.what),
                                   ",\"depth\":", step.depth,
                                   ",\"prepared\":", step.prepared ? "true" : "false",
                                   ",\"operations\":", step.operations});
            to.list(",\"computes\":", step.computes,
                    [&](const std::string& name) { to.text_ += quoted(name); });
            to.list(",\"reasons\":", step.reasons, [&](const explanation::reason& why) {
                append_text(to.text_, {"{\"form\":", quoted(why.form), ",\"reason\":",
                                       quoted(why.sentence), ",\"cure\":", quoted(why.cure), "}"});
            });
            to.text_ += '}';
        });
        to.list(",\n\"several_rules\":", from.several_rules, [&](const explanation::several& each) {
            append_text(to.text_, {"{\"relation\":", quoted(each.relation)});
            to.list(",\"rules\":", each.rules,
                    [&](int number) { append_text(to.text_, {number}); });
            to.text_ += '}';
        });
        append_text(to.text_, {",\n\"parameters\":", from.parameters, ",\"parameter_bytes\":",
                               from.parameter_bytes, ",\"workspace_bytes\":", from.workspace_bytes,
                               ",\"scratch_bytes\":", from.scratch_bytes});
        if (from.state_bytes >= 0)
            append_text(to.text_, {",\"state_bytes\":", from.state_bytes,
                                   ",\"cache_bytes\":{\"float\":", from.cache_bytes[0],
                                   ",\"bf16\":", from.cache_bytes[1],
                                   ",\"q8_0\":", from.cache_bytes[2], "}"});
        return to.text_ + "}\n";
    }

  private:
    std::string text_;

    template <class List, class Add>
    SEQUENT_COLD void list(const char* name, const List& of, Add add) {
        append_text(text_, {name, "["});
        bool first = true;
        for (const auto& each : of) {
            if (!first) text_ += ',';
            first = false;
            add(each);
        }
        text_ += ']';
    }
    static std::string quoted(std::string_view text) {
        std::string result;
        append_json_string(result, text);
        return result;
    }
};
}  // namespace model_detail

/// Describes how a model is computed: its steps in order, with shapes, pairs and operations per
/// forward pass in MFLOP, then its memory in bytes. Rules without a line are fused into the step of
/// another rule. A general step, which is slow, is followed by the reason why each fast form does
/// not apply, and by how to write the rule instead. Read it first when a model is slow.
///
///     std::cout << explain<Model>();
template <class Model>
[[nodiscard]] std::string explain() {
    std::string result;
    if constexpr (Model::plan::ok) {
        result = "steps\n";
        model_detail::append_memory(result,
                                    model_detail::explain_to<Model>([&result](const auto& part) {
                                        model_detail::append_text_of(result, part);
                                    }));
    }
    return result;
}

/// The same as a JSON object: "steps", each with "relation", "kind", "what", "depth", "prepared",
/// "operations", the relations that it "computes" and the "reasons" why it has no fast form;
/// "several_rules"; "parameters" and sizes in bytes. Operations are multiplications and additions
/// of one forward pass.
template <class Model>
[[nodiscard]] std::string explain_as_json() {
    return model_detail::explanation_as_json<>::of(explanation_of<Model>());
}

}  // namespace sequent::inline SEQUENT_ABI
