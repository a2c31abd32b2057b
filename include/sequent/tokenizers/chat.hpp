#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../fail.hpp"
#include "../joined_text.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

/// The author of a message.
enum class chat_role : std::uint8_t { system, user, assistant };

/// A message of a conversation.
struct chat_message {
    chat_role role = chat_role::user;  ///< the author
    std::string text;                  ///< the message without special tokens
};

/// The text format of conversations for a family of chat models.
enum class chat_format : std::uint8_t {
    llama2,   ///< Llama 2 Chat
    llama3,   ///< Llama 3; Llama 3.1 and later add the date to the system message
    chatml,   ///< SmolLM2 and Qwen2, whose templates add a default system message
    gemma,    ///< Gemma
    mistral,  ///< Mistral, version 3: no blank before [/INST]
};

namespace detail {

SEQUENT_LAZY std::string_view stripped(std::string_view text) {
    constexpr std::string_view space = " \t\n\r\v\f";
    const std::size_t first = text.find_first_not_of(space);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(space) + 1 - first);
}

}  // namespace detail

/// Formats a conversation as the text that a chat model continues with the assistant's next
/// message. The text includes the special token that begins texts if the format has one: encode it
/// with
/// `{.special_tokens = false}`. Special tokens within messages cannot be distinguished from those
/// of the format; remove them from untrusted input.
///
/// `llama2`, `gemma` and `mistral` allow a system message at the beginning; then user and assistant
/// must alternate, and the last message must be the user's. Otherwise argument_error is thrown.
SEQUENT_LAZY std::string chat_text(chat_format format, std::span<const chat_message> messages) {
    std::string result;
    const bool takes_turns = format != chat_format::llama3 && format != chat_format::chatml;
    std::string_view system;
    std::size_t first = 0;
    if (takes_turns) {
        if (!messages.empty() && messages[0].role == chat_role::system) {
            system = messages[0].text;
            first = 1;
        }
        for (std::size_t at = first; at < messages.size(); ++at) {
            const auto wanted = (at - first) % 2 == 0 ? chat_role::user : chat_role::assistant;
            if (messages[at].role != wanted) {
                fail_with<argument_error>({"sequent: message ", at,
                                           " of a conversation is not the ",
                                           wanted == chat_role::user ? "user's" : "assistant's"});
            }
        }
        if ((messages.size() - first) % 2 == 0)
            fail<argument_error>("sequent: the last message of a conversation is not the user's");
    }
    constexpr std::string_view names[] = {"system", "user", "assistant"};
    if (format == chat_format::llama3) result = "<|begin_of_text|>";
    if (format == chat_format::gemma) result = "<bos>";
    if (format == chat_format::mistral) result = "<s>";
    for (std::size_t at = first; at < messages.size(); ++at) {
        const chat_message& each = messages[at];
        const std::string_view name = names[static_cast<std::size_t>(each.role)];
        const std::string_view text = detail::stripped(each.text);
        // After a system message, blanks before the text are kept.
        const std::string_view with_begin(
            each.text.data(),
            text.empty() ? 0
                         : static_cast<std::size_t>(text.data() - each.text.data()) + text.size());
        const bool is_user = each.role == chat_role::user;
        const bool has_system = at == first && first == 1;
        switch (format) {
            case chat_format::llama2:
                if (!is_user) {
                    append_text(result, {" ", text, " </s>"});
                    break;
                }
                append_text(result, {"<s>[INST] "});
                if (has_system) append_text(result, {"<<SYS>>\n", system, "\n<</SYS>>\n\n"});
                append_text(result, {has_system ? with_begin : text, " [/INST]"});
                break;
            case chat_format::llama3:
                append_text(result, {"<|start_header_id|>", name, "<|end_header_id|>\n\n", text,
                                     "<|eot_id|>"});
                break;
            case chat_format::chatml:
                append_text(result, {"<|im_start|>", name, "\n", each.text, "<|im_end|>\n"});
                break;
            case chat_format::gemma:
                append_text(result, {"<start_of_turn>", is_user ? "user" : "model", "\n"});
                if (has_system) append_text(result, {system, "\n\n"});
                append_text(result, {text, "<end_of_turn>\n"});
                break;
            case chat_format::mistral:
                if (!is_user) {
                    append_text(result, {" ", each.text, "</s>"});
                    break;
                }
                append_text(result, {"[INST] "});
                if (first == 1 && at + 1 == messages.size()) append_text(result, {system, "\n\n"});
                append_text(result, {each.text, "[/INST]"});
                break;
        }
    }
    if (format == chat_format::llama3)
        result += "<|start_header_id|>assistant<|end_header_id|>\n\n";
    if (format == chat_format::chatml) result += "<|im_start|>assistant\n";
    if (format == chat_format::gemma) result += "<start_of_turn>model\n";
    return result;
}

/// The text of the token that ends an assistant's message.
constexpr std::string_view chat_end(chat_format format) noexcept {
    switch (format) {
        case chat_format::llama3:
            return "<|eot_id|>";
        case chat_format::chatml:
            return "<|im_end|>";
        case chat_format::gemma:
            return "<end_of_turn>";
        default:
            return "</s>";
    }
}

/// The format of conversations that a model's files state.
struct chat_style {
    chat_format format = chat_format::chatml;  ///< the text format
    std::string system;  ///< system message used if a conversation has none; empty for none
};

/// Recognizes a chat template, a Jinja program: the text "chat_template" of a tokenizer_config.json
/// or "tokenizer.chat_template" of a GGUF file. The program is not run; the format is recognized by
/// the special tokens in its text. Returns nullopt if they are unknown.
SEQUENT_LAZY std::optional<chat_style> find_chat_style(std::string_view chat_template) {
    const auto has = [&](std::string_view text) { return chat_template.find(text) != text.npos; };
    if (has("<|start_header_id|>")) return chat_style{chat_format::llama3, {}};
    if (has("<start_of_turn>")) return chat_style{chat_format::gemma, {}};
    if (has("[INST]"))
        return chat_style{has("<<SYS>>") ? chat_format::llama2 : chat_format::mistral, {}};
    constexpr std::string_view begin = "<|im_start|>system", end = "<|im_end|>";
    if (!has("<|im_start|>")) return std::nullopt;
    chat_style result;
    // A literal that begins with a newline, as a character or as Jinja's "\n".
    for (std::size_t at = 0; (at = chat_template.find(begin, at)) != chat_template.npos;) {
        at += begin.size();
        std::string_view text = chat_template.substr(at);
        text = text.substr(0, text.find(end));
        const std::size_t skipped = text.starts_with('\n') ? 1 : text.starts_with("\\n") ? 2 : 0;
        if (skipped == 0 || text.find_first_of("'\"{}+\\", skipped) != text.npos) continue;
        result.system = text.substr(skipped);
        break;
    }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
