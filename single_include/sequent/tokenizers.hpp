// Sequent 0.2.0: tokenizers.hpp as a single header, made by single_include/amalgamate.py
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

#ifndef SEQUENT_SINGLE_TOKENIZERS_HPP
#define SEQUENT_SINGLE_TOKENIZERS_HPP

#include "io.hpp"

/// Tokenizers: convert text to the tokens of trained models and back, from the files published with
/// the models. sequent.hpp does not include this header.

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

// Unicode 14.0.0, generated by tests/io/peers/unicode_tables.py, which documents the encoding.

namespace sequent::inline SEQUENT_ABI::tokenizers::detail::unicode_tables {

// clang-format off
inline constexpr std::string_view categories =
    "AH)>)9+;)9+5)6)9):)9)4)9*029*:+9*(B5)9)6)<)3)<))B5):)6):)AI)>)9);,=)9)<)=),)7):)B)=)<)=):)2*<)"
    "))9*<)2),)8)2+9)(?:)(/)@:))0()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()"
    "))()))()))()))()))()))()))()))()))()))()))())*()))()))()))()))()))()))()))())*()))()))()))()))"
    "()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))(*))()))())+(*))()"
    "))(*))(+)*(,))(*))(+)+(*))(*))()))()))(*))())*()))(*))(+))()))(*)*,)())+,,()*)))()*)))()*)))()"
    "))()))()))()))()))()))()))())*()))()))()))()))()))()))()))()))())*()*)))()))(+))()))()))()))()"
    "))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))"
    "()))())/(*))(*)*()))(,))()))()))()))())M*,))C+:<,+4<6+-</+)<)+)<9-X+()))()))+)<)()))E*+))+9)()"
    "E,<*()9)(+E)()E)(*))(9E)(1)K)())*(+)+()))()))()))()))()))()))()))()))()))()))()))())-())):)())"
    ")(*)*([))X)()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))=)--/*()))()))("
    ")))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))())"
    ")()))(*))()))()))()))()))()))())*()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))("
    ")))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))())"
    ")()))()))()))()))()))()))()))()))()))E)(N)E*+)9.)Q)9)4)E*=*;)E)-U)4)-)9)-*9)-*9)-)E0,CE,,,9*E3"
    "B.:+9*;)9*=*-39)B)9+,H)+),2-=029,,*-),K+9),)-/B)=)-.+*-*=)-,,*02,+=*,)96E)B),)-),F-CE*,b*-3,)E"
    "602,I)-1+*=)9++)E*-);*,>-,+)-1+)-++)--E*97E),A-+E*9)E),3E-,@<),.E)B*E.-0,Q)+)-@B)-H).),_)-).)-"
    "),).+-0.,-).*,)-/,2-*9*029)+),7-).*E),0E*,*E*,>E),/E),)E+,,E*-),).+-,E*.*E*.*-),)E0.)E,,*E),+-"
    "*E*02,*;*2.=);),)9)-)E*-*.)E),.E,,*E*,>E),/E),*E),*E),*E*-)E).+-*E,-*E*-+E+-)E/,,E),)E/02-*,+-"
    ")9)E2-*.)E),1E),+E),>E),/E),*E),-E*-),).+--E)-*.)E).*-)E*,)E7,*-*E*029);)E/,)-.E)-).*E),0E*,*E"
    "*,>E),/E),*E),-E*-),).)-).)-,E*.*E*.*-)E/-*.)E,,*E),+-*E*02=),)2.E2-),)E),.E+,+E),,E+,*E),)E),"
    "*E+,*E+,+E+,4E,.*-).*E+.+E).+-)E*,)E..)E6022+=.;)=)E--).+-),0E),+E),?E),8E*-),)-+.,E)-+E)-,E/-"
    "*E),+E*,)E*,*-*E*02E/9)2/=),)-).*9),0E),+E),?E),2E),-E*-),).)-).-E)-).*E).*-*E/.*E.,*E),*-*E*0"
    "2E),*E5-*.*,1E),+E),Q)-*,).+-,E).+E).+-),)=)E,,+.)2/,+-*E*0221=),.E)-).*E),:E+,@E),1E),)E*,/E+"
    "-)E,.+-+E)-)E).0E.02E*.*9)E4,X)-),*-/E,;),.+)-09)029*EM),*E),)E),-E),@E),)E),2-),*-1,)E*,-E)+)"
    "E)-.E*02E*,,EH),)=+97=)9)=+-*=.0222=)-)=)-)=)-)5)6)5)6).*,0E),L)E,-6.)--9)-*,--3E)-L)E)=0-)=.E"
    ")=*9-=,9*EM),S).*-,.)-..)-*.*-*,)029.,..*-*,,-+,).+,*./,+-,,5-).*-*..-),).)02.+-)=*(N)E)()E-()"
    "E*)S)9)+))+,Q2E),,E*,/E),)E),,E*,Q)E),,E*,I)E),,E*,/E),)E),,E*,7E),b)E),,E*,K*E*-+912<E+,8=2E."
    "(_*E*).E*4),T;=)9),9>),B5)6)E+,S*9+1+,0E/,:-+.)E1,;-*.)9*E1,:-*E4,5E),+E)-*E4,])-*.)-/.0-).*-3"
    "9++)9+;),)-)E*02E.22E.9.4)9,-+B)-)02E.,K)+),^)E/,--*,J)-),)E-,N*E2,GE)-+.,-*.+E,.*-)..-+E,=)E+"
    "9*02,FE*,-E3,T)E,,BE.022)E+=J),?-*.*-)E*9*,^).)-).)-/E)-).)-).*-0..-2E*-)02E.02E.9/+)9.E*-6/)-"
    "8EY)-,.),W)-).)--.)-).--).*,0E+029/=2-1=19*E)-*.),F.)-,.*-*.)-+,*02,T)-).)-*.+-).)-+.*E09,,L)."
    "0-0.*-*E+9-02E+,+02,F+.9*)1E/(S)E*(+90E0-+9)-5.)-/,,-),.-),*.)-*,)E-)T)+h))5+))J)+M)-H*()))())"
    ")()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))("
    ")))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))())"
    ")()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))("
    ")))()))())1()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))())"
    ")()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))("
    ")))()))()))()))())1(0).E*(.E*)0(0)0(0).E*(.E*)0E)()E)()E)()E)())0(0)6E*)0*0)0*0)0*0)-E))*(,*)<"
    ")))<+)+E))*(,*)<+),E*)*(,E)<+)0(-<+E*)+E))*(,*)<*E)>3B-4.9*7)8)5)7*8)5)7)90?)@)B->)917)8)9,3*9"
    "+:)5)6)93:)9)3)92>)B-E)B22)+)E*2.:+5)6)+)22:+5)6)E)+5E+;I)E7-5/,-)/+-4E7=*()=,()=*))(+)*(+))=)"
    "()=*:)(-=.()=)()=)()=)(,=)))(,)),,))=*)*(*:-()),=):)=*))=)281K)()))1,2)=*E,:-=-:*=,:)=*:)=*:)="
    "/:)=G:*=*:)=):)=G:T0=05)6)5)6)=<:*=/5)6)=Y*:)=F:A=P):.=M*EA=3E=2e)=V*2>=`-:)=1:)=_):0=W+:)=a/5"
    ")6)5)6)5)6)5)6)5)6)5)6)5)6)2F=T):-5)6):G5)6)5)6)5)6)5)6)5)6):8=H0:K,5)6)5)6)5)6)5)6)5)6)5)6)5)"
    "6)5)6)5)6)5)6)5)6):h)5)6)5)6):H)5)6):J0=X):==*:.=O)E*=H)E)=Q+(X))X)()))(+)*()))()))()))(,))())"
    "*()).+*(+))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))())"
    ")()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))("
    ")))()))()))()))())*=.()))()))-+()))E-9,2)9*)N)E)))E-))E*,a)E/+)9)E6-),?E1,/E),/E),/E),/E),/E),"
    "/E),/E),/E)-H)9*7)8)7)8)9+7)8)9)7)8)914)9*4)9)7)8)9*7)8)5)6)5)6)5)6)5)6)9-+)924*9,4)9)5)95=*9+"
    "5)6)5)6)5)6)5)6)4)EJ)=BE)=b*E4=_.EB=4E,>)9+=)+),)1)5)6)5)6)5)6)5)6)5)6)=*5)6)5)6)5)6)5)6)4)5)6"
    "*=)11-,.*4)+-=*1++),)9)=*E),_*E*-*<*+*,)4),c*9)++,)E-,S)E),g*E)=*2,=2,H)=L)E4,8=GE)22=F20=)27="
    "H)22=O)27=H2,HV.=H*,^X<+),`K)E+=`)E1,P)+.9*,T0+)9+,802,*E<()))()))()))()))()))()))()))()))()))"
    "()))()))()))()))()))()))()))()))()))()))()))()))()))())),)-)/+9)-29)+)()))()))()))()))()))()))"
    "()))()))()))()))()))()))()))()))+*-*,N*12-*9.E0<?+1<*()))()))()))()))()))()))())+()))()))()))("
    ")))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))()))())"
    ")()))()))()))()))+))0()))()))(*))()))()))()))()))+)<*()))())),)()))())+()))()))()))()))()))())"
    ")()))()))()))()))(-))(-))()))()))()))()))()))()))()))(,))()))E-()))E)))E)))()))()))E@++())),)+"
    "*)),/-),+-),,-),?.*-*.)=,-)E+2.=*;)=)E.,])9,E0.*,Z).8-*E09*02E.-:,.9+,)9),*-)02,D-09*,?-3.*E39"
    "),EE+-+.),W)-).*-,.*-*.+95E)+)02E,9*,--)+),102,-E),Q)-..*-*.*-*E1,+-),0-).)E*02E*9,,8+),.=+,)."
    ")-).),Z)-),)-+,*-*,--*,)-),)E@,*+)9*,3.)-*.*9*,)+*.)-)E2,.E*,.E*,.E1,/E),/E))S)<)+,)1+)<*E,)X*"
    ",K).*-).*-).*9).)-)E*02E.,Lf2E4,?E,,Y)E,CHH*DHP.,V3E*,R+EN))/E4)-E-,)-),2:),5E),-E),)E),*E),*E"
    "),T+<9E8,S36)5)=8,H*E*,_)E/=)EH),4;)=+-89/5)6)9)E.-89)4*3*5)6)5)6)5)6)5)6)5)6)5)6)5)6)5)6)9*5)"
    "6)9,3+9+E)9,4)5)6)5)6)5)6)9+:)4):+E)9);)9*E,,-E),O,E*B)E)9+;)9+5)6)9):)9)4)9*029*:+9*(B5)9)6)<"
    ")3)<))B5):)6):)5)6)9)5)6)9*,2+),U)+*,GE+,.E*,.E*,.E*,+E+;*:)<)=);*E)=):,=*E2B+=*E*,4E),BE),;E)"
    ",*E),7E*,6EJ),d+E-9+E,2U)E+=11^)2,=92*=+E)=5E+=)EW)=U)-)EJ,,EE+,Y)E7-)2CE,,H)2,E1,<1),01)E-,N)"
    "--E-,FE)9),L)E,,09)1-ER)(P))P),V*E*02E.(L)E,)L)E,,P)E0,])E39)(3E)(7E)(/E)(*E))3E))7E))/E))*EK*"
    ",`1E1,>E2,0E@+.E)+R)E)+1EM*,.E*,)E),T)E),*E+,)E*,?E)9)20,?=*2/,GE021EX),;E),*E-2-,>2.E+9),BE-9"
    ")EH*,a)E,2*,*28E*2V),)-+E)-*E--,,,E),+E),EE*-+E,-)21E/91E/,E2*9),E2+EH),0=),D-*E,2-9/E1,_)E+9/"
    ",>E*20,;E-20,:E/9,E42/EX*,Q*E`)([)E5)[)E/2.,L)-,E002EN12GE),R)E)-*4)E*,*EV*,E22,)E0,>-32,9-E>,"
    ":-,9,EN),=2/E<,?E1.)-).),^)-79/E,2<02-),*-*,)E1-+.),U).+-,.*-*9*B)9,-)E2B)E*,AE/02E.-+,L)--.)-"
    "0E)029,,).*,)E0,K)-)9*,)E1-*.),X).+-1.*,,9,-,9).)-)02,)9),)9+E)2<E3,:E),A.+-+.*-).)-*9.-)EI*,/"
    "E),)E),,E),7E),29)E.,W)-).+-0E-02E.-*.*E),0E*,*E*,>E),/E),*E),-E)-*,).*-).,E*.*E*.+E*,)E..)E-,"
    "-.*E*-/E+--ES,,^).+-0.*-+.)-),,9-029*E)9)-),+EF,X).+-..)-).,-*.)-*,*9),)E002EN-,W).+-,E*.,-*.)"
    "-*9?,,-*EJ),X).+-0.*-).)-*9+,)E302E.95E;,S)-).)-).*-..)-),)9)E.02E_),CE*-+.*-,.)--E,022*9+=),/"
    "Eb-,T).+-1.)-*9)EL+(H))H)0221E4,0E*,)E*,0E),*E),@..E).*E*-*.)-),).),).)-)9+E102EN*,0E*,O).+-,E"
    "*-*.,-),)9),).)EC,)-2,P)-..),)-,90-)E0,)-..*-+,V)-5.)-*9+,)9-E5,Q*EO0,1E),M).)-/E)-..)-),)9-E2"
    "022;E+9*,FE*->E).)-/.)-*.)-*EQ*,/E),*E),N)-.E+-)E)-*E)-/,)-)E002E.,.E),*E),H).-E)-*E).*-).)-),"
    ")E/02E_1,;-*.*9*E`-,)E72==0;,=9E59),cDEN+1W+E)9-E3,L.ETZ*,I+9*E5,WI)E)B1EOg+,O:EbU0,b9E/,GE)02"
    "E,9*,W*E)02E.,FE*--9)E2,X)-/9-=,+,9)=)E202E)2/E),=E-,;EX=(H))H)2?9,EM+,S*E,-),).`)E/-,+5EH*+*9"
    ")+)-)E3.*E6,ah-E0,_N)ER),1EO`0+,E)+/E)+*E),K1EU),+E9,,E0,T4ELP*,S+E-,5E+,1E/,2E*=)-*9)B,EeZ,-V"
    ")E*-?E1=]+Ee)=_/E2=O)E*=e).*-+=+..B0-0=*-/=F-,=f)E==J*-+=)Ec,2<E4=`*E12AEO,(B)B(B)/E)):(B)B()E"
    ")(*E*()E*(*E*(,E)(0),E)))E))/E))3(B)B(*E)(,E*(0E)(/E))B(*E)(,E)(-E)()E+(/E))B(B)B(B)B(B)B(B)B("
    "B)B(B)DE*(A:))A:)).(A:))A:)).(A:))A:)).(A:))A:)).(A:))A:)).()))E*0Z)=H8-`)=,-Z)=0-)=6-)=*9-E7-"
    "-E)-7EXJ))2,))<EI/-/E)-9E*-/E)-*E)--E^.,U)E+-/+/E*02E,,)=)EH2,F-)E9,T)-,02E-;)EHO),/E),,E),*E)"
    ",7E),M.E*21-/EQ)(J))J)-/+)E,02E,9*EY@2d)=)2+;)2,ET*2U)=)27EJ.,,E),CE),*E),)E*,)E),2E),,E),)E),"
    ")E.,)E,,)E),)E),)E),+E),*E),)E*,)E),)E),)E),)E),)E),*E),)E*,,E),/E),,E),,E),)E),2E),9E-,+E),-E"
    "),9E]):*EV0=T)E,=L+E4=7E*=7E)=7E)=M)E225=I-Ea)=EE5=T)E,=1E/=*E6=.Ec,=d/<-=a>E-=8E+=5E+=]+E4=b*"
    "E/=4E,=)E7=4E,=a)E0=2E.=P)E0=FE*=*EV*=]2E4=6E*=-E+=-E+=/E1=EE+=3E-=.E2=2E.=0E0=/E1=[,E)=`)EM)0"
    "2ENH),H`Q)EH),bI,E/,g.E*,J]-E6,YQ/EhH+,g8EJW),Sc,E_Md=B)EFBH+EH,-X/EXXh)Dghh)E*Dghh)E*";

inline constexpr std::string_view combining =
    "H@N/=(P/)(e.,(P/)(a.)(e.-(R.*(e.,(R.*(e.3()-(e.,(N/0(X/)(N/)(e.+(N/+(e.*)N/+(e.,(N/)(P/)(e.*(N"
    "/)(Q/)(R/*(Q/)(R/*(Q/)(N/5[0N/-Q0e.)(N/,(e.)(N/+(g.)(e.)(N/.(e..(N/*(e.)(N/*(g.)(L/)(N/)(2)(3)"
    "(4)(5)(6)(7)(8)(9)(:)(;*(<)(=)(>))?))@)(A))N/)(e.)):)P*N/0(F)(G)(H))X)C)(D)(E)(F)(G)(H))(I))(J"
    "))(N/*(e.*(N/-(e.)(N/*(e.)8K))M+N//*N/,(e.)(N/)*N/*)e.)(N/*(e.)K)L))FN/)(e.)(N/*(e.)(N/*(e.+(N"
    "/)(e.*(N/)(e.)(N/+(e.)(N/)(e.)(N/)(e.)(N/)(e.)(N/*H-N//(e.)(N/)1e.)@N/,)N/1)N/+)N/-S)e.+e)N/)("
    "e.+(N/,R)N/-(e.-(N/6)e.)(N/*(e.)(N/*(e.)(N/+(e.+(C)(D)(E)(N/+(e.)(N/*(e.*(N/-e)/)81)+N/)(e.)(N"
    "/*O+/)81)X)N/)f)/)81)V+/)81)V+/)81)h+1)V+/)81)/]*)(d*)M+/)81)U+1*81)e+1)U+O+*(1)5S+,T+_+*(1)5c"
    "+,T*e.*Ce.))e.))a.)`)I,)(J,))L,)-J,,*J,))N/*(1))N/*g)e.)X+/))1*Z*e.)W>N/+]E1*F1)f,1)2N/)S.L/)W"
    ",g.)(N/)(e.)d.N/)(e.)O*1)<N/0*e.)X)N/-(e..(N/*(e.))e.*(N/*(e.*(N/-(e.)(N/,M+/)71)N)N/)(e.)(N//"
    "_)1*c)/)31*K*/)a,N/+)))(e.-(N/*(e.,(N/)))/,e.).N/)+N/*N.N/*(e.)(N//(e.)(N/*(R/)(_.)(e.)(R.)(N/"
    "M)(P/)(L/*(e.)(c.)(N/)(Q/)(e.)(N/)(e.)X>N/*()*(N/,()+(N/*,N/)+)*(N/)(e.)(N/)()*(e.,(N/)gh*N/+U"
    ",1)H+N/H)R9c.)(L/)(P/)(g.)(H/*Q+0*]VEN/),N/2H)N/*X*N/*]01)M)1)`,1)CN/:b)e.+M)1)h*/)41)W/N/))N/"
    "*(e.)*N/*-N/*)N/)])1)_/1)Xb;B)I@N//(e./(N/*UFe.)J/e.)^,N/-Z])e.))N/)P)N/)())(e.),1)M-N/)(e.)f9"
    "N/,K4N/*b,e.*(N/+(e.)(N/)(e.,Y)N/)(e.)(N/)(e.)H.1)Q)1)61)b)1)(/)M*N/+X)1*g)/)T*1)1/)R+1)(/)Z-/"
    ")(1)X*/*81)@N//+N/-U.1)+/)?N/)K+1)(/)d/1)(/)g+1)_+1)(/)[+1)U01)(/)J01*,/)e,1)[*1):1)Y*1)M51)J0"
    "/))1*Y*1)aR;)-d)N//bM).*TM;))NN-a.*()++J/)(a.-0e.0*N/-(e.*FN/,],N/+dU+N//)N/9*N//)N/*)N/-M0N//"
    "`3N/)f)N/,HW)e./U+N/.(/)";

inline constexpr std::string_view lower =
    "I*H*((((((((((((((((((((((((((((((((((((((((((((((((((M+(((((((((((((((((((((((((((((((((((((("
    "((((((()(((((((((((((I)f))()()()()()()()()()()()()()()()()()()()()()()(+()()(*()()()()()()()(*"
    "()()()()()()()()()()()()()()()()()()()()()()()[/(]/)()(+J5(I5)()c4(b4)a4(((`4*e,(_/(*([4)a4(,)"
    "0(+(h4+L5(,)*(Q5)()()Z5(Y5)Z5*Y5)Z5(Y5)X5(((W5)()]5([5+(/*())*())*())()()()()()()()(*()()()()("
    ")()()()(**())()K.(Z*(Z+)()()()()()()()()()()()()()()()()()()()M0)N0)()()()()()()()(/]J=([J=)O2"
    "(_T=*UJ=)O4(X8(,(S,)()()()(I1()(+(0N/.d,))(((()_)))(()f)(((((((((((((((((((((((((((((((()((((("
    "((((((((((((K)W)05)()()()()()()()()()()(-b+*c+)7(8*M0(((((L5(((((((((((((((((((((((((((((((h*("
    "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((X)f))()()()()()()()()()()()()()()"
    "()(1()()()()()()()()()()()()()()()()()()()()()()()()()()()D(C)()()()()()(*()()()()()()()()()()"
    "()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()(*g*(((((((((((((((("
    "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((Qc*HK6(((((((((((((((((((((((((((((("
    "(((((((((((((((((((((((((((((((((((((((((((()(-(Z>H`f)(((((((((((((((((((((((((((((((((((((((("
    "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
    "(((((((((((((((((((((((((WeS*((((((((((cL*We-((((((((((((((((((((((((((((((((((((((((((((((((("
    "(((((((((((((((((((((((((((((((((((*(((((H2Je-)()()()()()()()()()()()()()()()()()()()()()()()("
    ")()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()("
    ")()()(1hd6)He6)()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()("
    ")()()()()()()(19((((((((((((((0(((((((((((2(((((((((((((((0(((((((((((((((0(((((((((((3()()()("
    "0(((((((((((((((@(((((((((((((((0(((((((((((((((0(((((((((((((((0((((K,(((J,3b,(((((((c,3*(((`"
    "-((4a-(((W.(((Z.3Y/(((,(((R/Q1O^6+K_)(Z/.LN8U)?((((((((((((((((((((((((((((((;EZAZ)((((((((((("
    "(((((((((((((((((((((((((((((((((((((((Xb)T)(((((((((((((((((((((((((((((((((((((((((((((((((("
    "((((((((((((((((((((((((((((((((((((((((((((X)f*)Wh<(JY5(IX5*Xg<)()()bI=(g)(K*(*)gI=*(0hK=(((H"
    "L=)()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()("
    ")()()(0()(,(URF()()()()()()()()()()()()()()()()()()()()()()(;()()()()()()()()()()()()()(O,()()"
    "()()()()(+()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()(2()()QHM*(RHM*)()()()(,"
    "()YZZ**ZZZ*)(+()()()()()()()()()()Q]Z*(=(0(<(-)L+(W)(R)(RS]*(fb))()()()()()()()I+(MYZ*(_X5(ZKM"
    "*)(.(-()(D(Sb=g)((((((((((((((((((((((((((((((((((((((((((((((((((MN)8(((((((((((((((((((((((("
    "((((((((((((((((((((((((((((((((((((((((((((((((((((((P,(((((((((((((((((((((((((((((((((((((("
    "(((((((((((((((((((((((((((((((((e,)(((((((((((((((((((()((((((((((((((((((((((((((((()((((((("
    "(((((()(((R`)Z)((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
    "(((((((((((((((((((((Uh*h)((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((HT=((("
    "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((H^F,(((((((((((((((((((((((((((((("
    "((((((((((((((((((((((((((((((((((((";

inline constexpr std::string_view decompositions =
    "H-/H*/3(XX))/J,,3I,/*/L)(/*(3M)-(/ab)*3`b)T*(/J)(/e+)7d+cY6P+(7((+(7,(,)0DO]6(0(*(0(*(0(*(0(2("
    "0(,)0,c)(0,U*(0(*(0(*(0(4(007(0(*(0(*(0(4)021(0*-(0(*(0(*(0(*(0(2*047(0(*(0(*(0(4(005*08)(0(*("
    "0(*(0(*(0(2(0(,)0,c)(0,U*(0(*(0(*(0(4(007(0(*(0(*(0(4)021(0*-(0(*(0(*(0(*(0(2*047(0(*(0(*(0(4("
    "005)0(6(0W+/(0H*((0h),(0H*((0h)L*(0H*((0d)U*(0H*((0h)*(0H*((0h)2(0H*((0h)2(0H*((0f)((0H*(*0f)7"
    "(0H*((0h),(0H*((0h)*(0H*((0h)J*(0H*((0h)`)(0H*((0d);(0H*((0h)0(0H*((0h)*(0H*((0h)H*(0H*((0f)Q*"
    "(0H*(*0f)*(0H*((0h)*(0H*((0h),(0H*((0h)L*(0H*((0h)I*)3(bS)(3H*H*(0f)XQ)(0H*((0f)R*(0H*()0f)S*("
    "0H*((0h)T*(0H*((0h)^)(0H*((3h)QM)(3H*(*0d)]L)(0H*((0h)T*(0H*((0h)^)(0H*((3eL)dQ)*0bN)TQ)(0H*(("
    "0h),(0H*((0h)2(0H*(*0b);(0H*((0h)T*(0H*((0h)^)(0H*((0f)=(0H*((0h)*(0H*((0h)R*(0H*((0h)^)(0H*(("
    "0f)_)(0H*((0h)^)(0H*(*0f)9(0H*((0h)*(0H*((0h),(0H*((0h)0(0H*((0h)*(0H*((0h)c)(0H*((0d)S*(0H*(("
    "0d)((0H*((0h)4(0*5(0H*((0h)4(0H*((0h)2(0H*((/5H)0O*F(0H*(50[)((0H*(;3I+dA(3(*(3H*((3W)O;(3(H*("
    "3H*((3d)h)(3(H*(3H*((0b*LR)(0H*((0W)((0H*((0[)((0H*((0[)((0H*((0V.7(0H*((0h)-(0H*((0h)>(0H*((0"
    "h)?(0H*()0W+0(0H*((0L<((0*((0I>((0H*(*0f18(0H*((0`)((0H*((0`)a)(0H*((0_?O*(0*((0O+8(0_5((0WJ)("
    "(3S*KS)(3(H*(3H*((0b)VP)(0H*(*0Y))(0H*((0V-*(0H*((0f)((0H*((0C((0H*((0U3D(0H*((0h),(0H*((0`)+("
    "0H*((0h),(0H*((0`)+(0H*((0h),(0H*((0[)+(0H*((0h),(0H*((0b)+(0H*((0h),(0H*((0b)+(0H*((0h),(0H*("
    "(0K*R)(0H*((0f)((0H*(*0`*[)(0H*(.0U*1(0H*((0`)H*(0H*((0J/M*(0H*((0I*((0H*((0S2.(0H*((0gC-(0*(("
    "0SE((0H*(e+/I)(/eG(/`G(/8(/VH)(/,(/4(/[H)(/,G3Y-,(3(*(3(.(3(e)(3(Q*(3(8*/NL)(/UG(/6(/2(/cI)d*."
    "_.(.*).L)(2=;W).f,-3YQ)P,+._)-3^)O,(0X0((0ZV)((.[U)(0eU)((0,((0,()04()04((00((0J*(A0I+6(0@((0@"
    "5(00((0,((0,((0L)(A0K)6(0@((035(04((00()/U)(/4(/M)(0c*((0(6(/?(/3A/3(/6(/*)/[*(/c)+/K).0L/7(0("
    "8)0+5+0A6,0P)5(0+)(0>420=(G0H*(>0-3(0(8)0+5+0N*6,0`)5(0+)(0>4?0J+:(0*(Q*0f-9(0H*(50S*((0H*((0h"
    "),(0H*(*0^)+(0H*(*0N2,(0*((0M4((0H*((0f)((0H*(*0f)/(0H*((0h)0(0H*((0[)((0H*(*0]2((0*((0`3((0H*"
    "((0[*/(0H*((0h)0(0H*((0h).(0H*((0`)-(0H*(*0`)((0H*(U,3]9]O)c,0L4J5(0(*(0J*((0I**(0N*)V*3M*H*(3"
    "J*((3g/((3b/(O*0_0h))0O)(80J)(^:0TM)XV)/08(*0.(K)2d)((2*((2*((22((22((2*((2:((20(S+0X1L0(0(Z)7"
    "2S*^)(2*()2B([*2N0H0*24(J)2K*((2*((22(*2F(Q/0a9]9*0(W)(0(Z)72S*^)(2*(_)0H/_1^)0P+Y)(0*((0)Z)d+"
    "0H0g/`+0Z/g/.06((0(*)0(O)(00N)g+0a/Z.(0*((0)Z)U,0N1N/)0(2(0.1(0-R)]*3P/N-h+3H0H0P)3K*Y)(3(8V)/"
    "H._)2V+T912<(,22(,22(,22(42^)+12J+M,)2(,(2J,@(3(*(2*)(3(*/2K,)92J*V+12<(,22(,22(,22(42^)+T+0R1"
    "Z/^./V3QX*0ZJ-VX-)0,()0,()0,()0,(+00(P)0Z*()0,(*0,((0*()0.(P7/IX5(/R0(/O0)/,(/*(/Z<(/U<(/*(/*("
    "/*(/*(/*(/*(/*)/*(/NE(/KE(/,(/,(/*(/,(/<(/gF(/*(/JS5(/hQ6(/,(/*(/PG(/,(/*(/QG)/0(/,(/e5(/`5(/R"
    "F(/LT5(/*(/UR6(/0(/*(/XR6(/dR5(/YG(/gR6(/M`4(/*(/*(/L)(/*(/d^)(/:(/.(/*(/a[)(/*(/D(/2(/*5/T/J)"
    "/^F(/fF(/LG(/Q>(/a>(/SG(/ZG(/,(/0(/.(/*(/*(/JY5(/dU5(/h*(/XY5(/SV5(/d*(/)(/,(/*(/*(/*(/.(/<(/*"
    "(/W5(/e5(/*(/LQ5(/IQ5(/*(/KI)(/TI)(/*(/*(/T:H*0U`)hH4(0H*((0f)d)(0H*((0h)a)(0H*((0h)D(0H*((0R."
    "h*(0H*((0M24(0H*((0h)a)(0H*((0h)D(0H*((0h);(0H*((0h)4(0H*((0e2b*(0*((0)*(0*((0d4a*(0H*((0h).(0"
    "H*((0ND[*(0*((0MF*(0H*((0f)-(0H*((0f).(0H*((0h)a)(0H*((0h)^)(0H*((0h)g)(0H*((0h)6(0H*((0f),(0H"
    "*((0T.f*(0H*((0O2((0H*((0h)L*(0H*((0h)D(0H*((0f)C(0H*((0]e6f)(0*((0^g6c*(0H*((0h)/(0H*((0f)`*("
    "0H*((0h)4(0H*((0h)a)(0H*((0f)`)(0H*((0h)a)(0H*((0h)D(0H*((0h)/(0H*((0V.`*(0H*((0h)6(0H*((0V-7("
    "0*((0)*(0*((0b7((0H*((0h)4(0H*((0d)((0H*((0h)a)(0H*((0Xg6f)(0*((0YH7c*(0H*((0f)[*(0H*((0h)a)(0"
    "H*((0V6`)(0*((02((0*((0JX6((0*((0fH7((0H*((0h)a)(0H*((0h)D(0H*((0h)/(0H*((0f)9(0H*((0h)@(0H*(("
    "0h)-(0H*((0N7`*(0*((0*6(0*((0Q91(0H*((0h)H*(0H*((0f)M*(0H*((0h)*(0H*((0h)6(0H*((0h))(0H*((0h)a"
    ")(0H*((0f)`)(0H*((0h)*(0H*((0f))(0H*((0f)1(0H*((0h)J*(0H*((0h)D(0H*((0K)((0@Y*(0.,(0,((3W)`,(0"
    "e9Z,,0d;a)(0H*((0h)[)(0H*((0J.7(0H*((0h))(0H*((0h):(0H*((0h)3(0H*((0ed6)(0*((0fb6)(0*((0))(0*("
    "(0):(0*((0)3(0*((0cb6.(0*((0`M7c)(0H*((0h)[)(0H*((0h)3(0H*((0R.+(0H*((0h))(0H*((0h):(0H*((0h)3"
    "(0H*((0ee6)(0*((0hN76(0H*((0h)])(0H*((0[)((0H*((0h)[)(0H*((0R.7(0H*((0h))(0H*((0h):(0H*((0h)3("
    "0H*((0Xf6)(0*((0bZ6)(0*((0))(0*((0):(0*((0)3(0*((0)H*(0*((0`<((0H*((0h)[)(0H*((0];7(0*((0))(0*"
    "((0):(0*((0)3(0*((0)H*(0*((0U=M*(0H*((0h)N*(0H*((0h)[)(0H*((0h)3(0H*(.0X[)H)(0(*(0g]5O)(0*((0)"
    "*(0*((0)J,(0*((0h_5f*(0(*(0V`5O)(0*((0)*(0*((0)J,(0*((0O^5f*(0(*(0_^5O)(0*((0)*(0*(*0``5L)(0(*"
    "(0Na5O)(0*((0)*(0*(*0K_5L)(0(*(0Z_5O)(0*((0)*(0*((0)J,(0*((0[a5f*(0(*(0Jb5O)(0*((0)*(0*((0)J,("
    "0*((0h_5f*(0(*(0V`5O)(0*((0)*(0*((0)J,(0*((0Wb5f*(0(*(0gb5O)(0*((0)*(0*((0)J,(0*((0[`5f*(0(*(0"
    "Ja5O)(0*((0)*(0*(*0Kc5L)(0(*(0Zc5O)(0*((0)*(0*(*0Oa5L)(0(*(0_a5O)(0*((0)*(0*((0)J,(0*()0`c5d*)"
    "0Pd5O))0(*)0(J,(0ha5f*(0(*(0Vb5O)(0*((0)*(0*((0)J,(0*((0Wd5f*(0(*(0gd5O)(0*((0)*(0*((0)J,(0*(("
    "0Wd5K,(.1(0:((.7(0<((.9(0>((.;(0H)((.B(05((.8(0/((.2*0L[5R,(0*((0*((0*((0*((0*((0*((0*((0*((0*"
    "((0*((0*((0*((0*((0*((0*((0J)((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0J+"
    "((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0*((0dd5f+(0(+(0gd5J,(0fd5((01()02-("
    "0RH6.(0QJ6f+(0(+(0(/(.=(0>R,(3I`)K+(.Zb)(3Yb)((3(g*(0X0((0aT7.(0bd5((09()0:-(0gH6.(0IK6Q,(.A(0"
    "F((.C(0DR,(0XJ6Q,(0(*(0(J,(0SH6`+(0(+(0J)/(.[+*0Z*L,(0J)((0I+`+(0(+(0(/(.E)0PO6((0(*(0(J,(0YK6"
    "`+(0(+(04/(.^)(0J)N)(0(*(00e*(04((0S*`+(0(+(0(/(.U)(0N)P)(0YW)O)(.cU)(.QZ)*0aY7R,(0Md5((02()01"
    "-(0cJ6.(0UM6Q,(.M)(0c)((.[)(0])R,(.QW)(3O1I+).Lg7(.*(/Mg7(/((/((/((/((/((/((/((/(./Hh7-3hg7g)4"
    "/D(3(QX)(7((30/C+3LI8PH8(7((PH8)3..(7((.,3OI8OI8)3)PV)03g)ST)(3(d)(3d)e)5;JI8Nh7-LK8//KI88/H)("
    "/Z+*/Q+(/*(/*(/*(/*(/*(/C(/Vg8(/Qf8(/Q)(/*(/R,(/d+(/*(/*(/*(/*(/*(/*(/*(/*(/*(/C(/Vg8(/Qf8(/Q)"
    "(/*)/X+(/0(/<(/:(/JF(/IG(/.(/*(/*(/*(/,(/.(/*33K*fd7`*7FO,fe7(7((H)(/d)(3c.P))7b,O)/(7((4(/c:)"
    "3h5V)(/Y,(/f)(/((/((/H*(/g3(/d5(/((/.(/H*)/d)(3(Z**/,(/*(/*(/((/(*3*K*(7*7Y*(3(8)/4).g]))/f]))"
    ".E(.]/(/M0(/*)/L*(/h)(/*)/6(/L*(/J_*(/*(/*(/*(/[_*)7M*?@(/]`)(/A(/h)(/B(/JO7,/be8(/H*(/*(/0(/*"
    ".7Y+NH8I*(7((,(;((7KH8(7((,(7*(((7)(,(7*(((7*(((7*(((7-(*(70(((7/(,(7,(((7,(((7,(((33((/X)(3(^"
    "h7(7((J)(3(B(/B(3(A(7((((;(((Z)(3AF(/F(3(E(7((((/?(/9(/*(/:(/a)(3(H*(7((H*(3(B(/B(3(A(7((((;(("
    "(H*(3AF(/F(3(E(7((((/?(/9(/*(/:17b+_f7S+80H_8`X6(0,(:0,(F0a+((00((0+(])0J+(,02(*0.(?0X)()0,(-3"
    "4NW7(7((Xh8)3..(7((.80DSW7*06(*0,()0.(>0^H9()0PJ9(20O)((0II9((0,((0TJ9((0*(*0B((0*(*0.((0*(.0."
    "((0*(*06((0*(*0.((0*(J)0_)((04((0*((0,(X)0f*((0*((0P)((0*(.0H*((0*((0*((0*(d).N^.(.*^1/Wf?(/*("
    "/*(/*(/*(/*(/*(/*(/*(37WX)(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3*9(7;*QH9(7(*((7(*((7(*((7(*(("
    "7(*((7(*((7(*((7(*((;(76h+(;((*((;((*((;((*((;((*((;((*((;((*((;((*((;((*((;((*((;(*9((3:/(3*("
    "(3*((3*((3*((3*((3*((3*((3*((77,+(7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7*9((7;J+1(7(*("
    "(7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*"
    "((7(*((7(*((7(*((7(*((7(*((/Z)(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/[,I"
    "Q);_h8Jd8LH9LH9O+7Ih8Ih8dg8(3..(7(((M+2HR=_W)h4/MO=(/O)Y//_X>W1/aNG[*/LfA4/fbP)(/X*(/D(/:(/])("
    "/a*(/6(/P)(/])(/RP)(/T*(/4(/V)(/P)(/R)(/R+(/R)(/>(/_1(/e-(/a)(/2(/e)(/:(/_)(/B(/Z)(/P+(/L)(/_)"
    "(/PW)(/X,(/aD(/V)(/8(/>(/L)(/a,(/cE(/H+(/X/(/V)(/N)(/T)(/T+(/.(/]>(/<(/@(/B(/P/(/8(/2(/R/(/<(/"
    "B(/8(/c+(/J)(/L)(/H-(/RL)(/e*(/R)(/PV)(/2(/N-(/H)(/B(/R)(/V*(/2(/_8(/X)(/H*(/Xh)(/L,(/V)(/]+(/"
    "X)(/:(/6(/P+(/2(/H*(/VK*(/gC(/@(/2(/0(/8(/L)(/,(/J-(/X5(/2(/N=(/<(/L+(/6(/:(/8(/_-(/6(/P6(/6(/"
    "J+(/J)(/g*(/c6(/6(/J)(/V<(/e/(/4(/T3(/V-(/e*(/]?(/R0(/eK)(/_)(/Z+(/N+(/P,(/>(/4(/J*(/a,(/<(/]="
    "(/6(/:(/:(/H)(/F(/0(/g,(/0(/4(/Rf)(/e)(/RE(/@(/V)(/_9(/B(/V,(/e*(/VK)(/F(/F(/N*(/R*(/V4(/@(/N,"
    "(/X7(/g)(/J5(/R)(/2(/a5(/X3(/c/(/4(/2(/Tc)(/:(/a1(/]1(/.(/g*(/Z.(/B(/0(/6(/L.(/L*(/4(/D(/V2(/N"
    "+(/0(/V3(/.(/N)(/a7(/H+(/6(/T,(/<(/.(/<(/e)(/_@(/HA(/<(/T*(/T)(/8(/<(/0(/X*(/0(/J)(/2(/B(/_)(/"
    "F(/8(/_+(/F(/0R)/h`W*^)/Lh?)/gZ9(/.(/*90[W9J_>)0,()0,()0,()0,()0,()0,()0,()0,()0,()0,()0,(*0.("
    ")0,()0,(.06((0(*)0.)(0(*)0.)(0(*)0.)(0(*)0.)(0(*>0Q+).3SJ@((3(*)0cO@)(3Q)E40N*F)0,()0,()0,()0,"
    "()0,()0,()0,()0,()0,()0,()0,(*0.()0,()0,(.06((0(*)0.)(0(*)0.)(0(*)0.)(0(*)0.)(0(*>0Q+)*0Z,((0*"
    "((0*((0*(+0>((3[,g*Y)/Md7(/*(/Z2(/W2(/]2(/*(/[2(/*(/*(/_2(/*(/*(/*(/*(/*(/^1(/O)(/*(/*(/Z)(/W)"
    "(/*(/*(/*(/*(/*(/*(/*(/*(/*(/g,(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Q"
    ")(/`,(/*(/L3(/*(/0(/,(/2(/0(/,(/b3(/J4(/,(/K4(/*(/,(/,(/*(/0(/,(/,(/*(/*(/*(/*(/.(/0(/<(/6(/2("
    "/R2(/*(/^1(/*(/*(/_*(/*(/.(/:(/*(/,(/<(/.+/gMF(/a0(/M0(/LU,(/IU,(/N*(/K*(/VZ;(/YU;(/h+(/W)(/XZ"
    "-(/YG(/SO,H+7KQO)We7O)(7(,((7(*((7(,((7(*((7(*((7(,((7(,((7(*((7(,((7(*((7(*((7(*((7(*((;(K)X["
    "0KH9(;(,(((;(*(((;(,(((;(*(((;(*(((;(,(((;(,(((;(*(((;(,(((;(*(((;(*(((;(*(((;(*(((;(3B((G()1N"
    "V0R_0_c0Z*(C(((4:Ka0)7(RWFh[0(7(a0((7(M0((7(LU,((7(UL,((7(ZU)((7([_)((7(X_)((7(dX)((7(PV*((7(V"
    "e1((7(N_,((7(UK*((7(`X*((7(ZR=((7(KSE((7(TT/((7(RL)((7(I:((7(RK1((7(I[:((7(aN7((7(XJ5((7(O]1(("
    "7(YR;((7(If)((7(Zb*((7(]V+((7(c`5((7(Kg;((7(TeF((7(M`D((7(ZI;((7(`M=((7(ZUA((7(:((/VZR)(/cZ,(/"
    "_X+(/XH307f[f)fbH*a)(3d)M*(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3*9(3(*(3(*(3(*(3(*(3(*(/cT0(/,(/*("
    "/,(/*(/*(/,(/,(/*(/,(/*(/*(/*(/*(3K)aZ0(3,((3*((3,((3*((3*((3,((3,((3*((3,((3*((3*((3*((3*((?/"
    "(L`0K)1(;+B`2P/(3)()/RWF(/a0(/M0(/LU,(/UL,(/ZU)(/[_)(/X_)(/dX)(/PV*(/Ve1(/N_,(/UK*(/`X*(/ZR=(/"
    "KSE(/TT/(/RL)(/I:(/RK1(/I[:(/aN7(/XJ5(/O]1(/YR;(/PZ;(/IR*(/Oe5(/TWC(/f[G(/TL)(/X`4(/cY=(/OWL)("
    "/XP)(/]e4(/Y^6(/N*(/K*(/_f/(/Mh,(/W3(/aM,(/I+(/c`5(/Kg;(/TeF(/M`D(/Xe*(3YVT)W[0(3(*(3(*(3(*(3*"
    "9(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3(*(3*9(3/XU[)(3*((3*((3*((3*((3*((3*((3*((3*((77WU[)chR)(7("
    "*((7(*((3V)R+(7c)>IR[)(3(`)(7Y)+M*(/TM@(/,(/,(/,(/,(/*(/,(/,(/,(/,(/,(/,(/,(/,(/,(/,(/,(/.(/,("
    "/,(/,(/*(/*(/*(/*(/*(/.(/.(/.(/.(/.(/*(/*(/*(/*(/,(/,(/,(/*(/*(/*(/*(/*(/,(/*(/*(/*(3Lh6XKR)(;"
    "KL7^d9XS@P^7(;(])U*U*(;(82*(7(:J)(;,I+8D(7(X*K+(7,[,L+(?,H)O,a,H_7(;(N,/((7,9D(7(:V*(7*W-<(;(R"
    ",U*O+(;(0V*P+(7*(:(7(4Q)(3,U,(7(g)e)(;)])K)((;*4[*((3),(?((GM)V)(C((J+N)W)LT@(?((DY+((7./E(?(("
    "(2_*(?),O*O*3(;(,H,Z*(7,FM,(7,I)J)(7(J)N)(;,W-d*e)(?(g,L)J)A(;,9L+`,(70:K+(7((6(72:E(36Q,(3,P+"
    "(3)8(3,Q*(70=F(7*f)/(?,X-9N,W)(7((:(;)(X*7(?0[-M+M*N*(7(BL+(3(0(3)X+(?,[,+1K*(;(,N)2(?*H*Q,I*L"
    "*(7)T*a+(?.[+O+R-((3,D(7(DN)(7+H*C(7,8=(7(:)(7)(6(;0W-P+O+(7)V,^*(3)8(7,(*(7+:L*(7((8(;.W-O,R*"
    "(7((a+(7(g)`)(7(X*h)(?(8838(;*O,T+@(3(_+(?((b):7(3,d+(;((79(;(H-(7(7.(*(7((L*(7,[-8(;0J*^*((3("
    "T*(7*Q)P+(;(X*S*((3*`)(?(N)CY+8(7.h*((3fS@ThG(3*((3*((3*((3*((3*((3*((3*((3*((3*((77YPa)JhG(7("
    "*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7*9((7(*((7(*((7(*((7(*((7T+a)WMa)(3/J)(3M*?(7J*@J)"
    "(3B=(3*B(3?<(7((H,(7((*(3^)W)(3]JW)_dX)(3]d+Oa.(3SX.VU3(3VV.X=(;aI)`c.VNO)aPL)(3[d[)dTW)(3+((3"
    "e])((3f])((3+((3h)*(3,((33((7a)g)dRO)(;8,=KUe)(32b)(3+((3e])((3(J*(3f])((3+((3M*N)(7N*K+Z)(7d)"
    "(((73(((7B(((3X_)_T8(3f])((39((36((31SR8(38((3e])((3f])((3;((38((7,(X+(7;(((3<R,(7+Q,((7,(*(7;"
    "(((3<T,(7+S,((7,Xc8h+(;(((T,(3b)Od8(7_)I)K)(7d)(((73(((7_*J).(?(((N_8hO@(C(((((YK@(3+L)(3+((3e"
    "])((3f])((3.b)(3+((3e])((3f])((3+((3d)((3N**(3+((3e])((3f])((3+((3d)((3e)L^)(3d)((;P)^`):Ug8(3"
    "f)N,(3J*C(3(*(;h)Jd8+Z+(7(Sc8b+(3J*b*(3b)V+(3J*W)(3h)I)(3J*e)(3d)M*(3(,(3H*V*(3*5(3(*(7(*Z+(3("
    ":(3*S)(7(62(7(4((3b)U*(;H*[)*Y+(7h)L*h)(3(,(3N*H*(3h)0(30O)(7)Nd8H*(7Q)(((3GHfI)(3*((3*((3*((3"
    "*((3*((3*((3*((3*((77QdZ)X`Z)(7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7*9((7(*((7(*((7(*("
    "(7(*((7(*((7(*((7(*((7(*((7(*((7*9((7(*((7P+H+Y`Z)e]D/Ng)(/,Z./NZY*I,/`Z[*(/.(/>+/R5(/c*JC/PfZ"
    "*(/HI*(/`T]*(/VV]*1/QT]*_T;._dL*(.O^:(.Tf;(.KH)(.Uh6(.fQ8(.Nd*(.VdM)(.((.^LK)(.HPD(.[LF(.Je)(."
    "eR,(.NO2(.aY,(.]S+(._?(.e;(.Vb+(.bP;(.ZY)(.ed)(.RX)(.gM0(.cZ.(.VP,(.f_M)(.NW*(.ga3(.VY+(.LI2(."
    "Jh3(.dTH)(._Q1(.Lg2(.Vb)(.^Q;(.gX7(.VL+(.Q^<(.cL,(.NM+(.Lb*(.Lf6(.W]H)(.JK)(.V:(.Tg0(.gH+(.c[+"
    "(.VU*(.]Y,(.RH+(.T-(.Nb+(.N],(.cK*(._P)(.d_:(.N7(.JJ*(.ZJ+(._[/(._`-(.Yc1(.Uh@(.RJ+(.a^6(.eI*("
    ".`I/(.XN+(.Xh1(.RK-(.fIG(.]a)(.Jd.(.Ve)(.R;(.HJ/(.X8(.PI4(.Y`I)(.Zd>(.fR?(.G(.HM<(.Lc)(.NK+(.P"
    "P1(.QW-(.IS<(.N[+(.aW8(.QTF(.ec.(._J*(.R`1(.ZF(.YM9(.Pg:(.`[<(.]g/(.`b0(.gS7(.O^+(.]c3(.f^<(._"
    "Q*(.NR7(.X].(.JN+(.hV7(.Th9(.WZ9(.[a,(.Vg7(.Q]7(.Re0(.US;(._S)(.H.(.XS3(.TN2(.Xa*(.NN,(.cW+(.["
    "UG(.c<(.J[*(.Z`*(.ZU+(.ZK-(.aZ,(.NP6(.cS*(.cJ*(.V+(.MKN)(._J2(.JS*(._g9(.dV@(.aY)(.H/(.]Q)(.ZP"
    "-(.TJ)(.H])(.J]*(.]J*(._O)(.VS/(.WK-(.R[-(.VZ)(.M[H)(.a0(.]I)(._H6(.]h3(.XF(.Ig=(.a:(.Ta)(.NK,"
    "(.HQ0(.YT,(.IQ:(.RI,(.eV*(.NE(.LN)(.Tb1(.V3(.J[-(.a2(.eg0(.LT*(.L-(.H5(.bPL)(.NJ=(.TH4(.PX*(.U"
    "fB(.^M1(.PM)(.PY-(.J-(.]^,(.ZN*(.ae+(.PO*(.]S/(.Ha-(.JY/(.QXD(.Tc?(.QcI)(.LW2(.X/(.e]*(._=(.c_"
    "*(.H=(.LY)(.RR*(.e]5(.IWK)(.JT0(.]LB(.bLK)(.eV.(.JU0(.H]8(.fb?(.ZC(.NU+(.H`-(.gW9(.bMJ)(.TF(.T"
    "M,(.ec,(._;(.]=(.cK*(.JZ+(.aE(.Vb,(.T^,(.L)(._V,(.TY*(.McI)(._`5(.bQ5(.Nd6(.XT)(.L_0(.ZR0(.Pd*"
    "(.XL)(.WXC(.PK+(.cI2(.bY+(.R-(.L?(.Kf,(.UJ)(.gS5(.WQF(.TOB(.`W@(.M+(.gQ.(.cJ*(.NH5(.I^8(.Zb0(."
    "[N+(.VP<(.fV+(.JH/(.KT.(.WS=(.Mb.(.HP**.]Q)).]I/*.SQ2(.a]8(.Hc)(.LO)(.L*(.6(.]*(.Ve6(.WQ5(.gW)"
    ").RM+).TV**.H]*(.R4+.Lh+(.B(.a*(.aP*(.SU.(.Zf*(.YXK)(.Z;(.T.(.a?(._)(.c.(.aL)(.Z.(.L.(.XE(.X.("
    ".ad)(.<(.TJ*(.P5(.T*(.P.(.c^)(.N1(.g2(.PG(.LW*(.N2(.X8(.aL)(.c3(.VG(.gN*(.c2(.>(.)(.8(.4(.6(.H"
    "+(.*(.L3(.J,(.g;(.PK)(.R)(.X+(.J;(.N1(.XF(.a0(.((.eE(.ZS*(.T0(._>(.X+(.]A(.R+(.eR)(.L0(._R+(.a"
    "9(.a+(.SeC(.ZOY/(.SUH/*.KhA(.ga)(.b,(.WF(.RD(._+(.V<(.N+(.NR)(.W,(.P,(.Z,(.XO)(.Z-(.J1(.H)(.e8"
    "(.T4(.]c)(.6(.H1(.P,(._:(.T/(.S,(.T0(.d*(.L1(.L,(.HA(.X-(.T+(.P8(.e9(.N2(.0(._+(.NJ*(.J,(.V@(."
    "]A(.G(.V-(.a7(.H=(.ZK+(.K`*(.]/(._/(.V<(.R1(.R+(.L6(.,(._2(.J)(.Z)(.T-(.;(.a@(.RF(.g8(._3(.H6("
    ".Z1(.]<(.V4(.c])(.c1(.]a)(.XD(.R,(.H)(.Z:(.Z+(.b*(.T+(.-(.I)(.a,(.J-(.e?(.HK)(.];(.V:(.c5(.TH*"
    "(.V.(.N/(.R0(.P*(.@(.H+(.VU)(.]P*(.eRL.(.3(.Jb-(.WKe/(._O*(.J*(.HIQ0(.VP-(.NH9(.haW/(._,N)3WZW"
    "*2(3(.(3(.(7(3-(7((.(3Z9D(3`8(43JX*LX*(3(I)(3(4(3<>(3;9-2R.V,)2Z).(/G(/K)(/.(/*(/6(/*(/*(/>(/,"
    "(/fd*(2ed*<(2(*(2H_c+)(2(*(2Y`c+=(2(*(2(0(2*((2*((2*((2*((2*((2*()2,((2*((2*((2*((2*()2,()2,(("
    "2*()2,((2*()2,((2*((2*((2*((2*((2Q)-(2/4(2<((2:((3O)c)(/J2(/((/<(/((/((/((/.(/((/((/((/,(/((/("
    "(/((/3(/((/((/((/2(/((/((/((/3(/((/((/((/_*(/((/((/((/,(/((/((/((/K*(/((/((/((/)(/((/((/((/.(/"
    "((/((/((/*(/((/((/((/4(/((/)(/((/,(/((/3(/((/H)(/((/5(/((/X)(/((/((/((/4(/((/((/((/0(/((/((/(("
    "/+(/((/((/((/:(/((/*(/((/((/((/2(/((/*(/((/((/((/-(/((/((/((/P)(/((/*(/(I)/S*(/((/((/((/])(/(("
    "/)(/((/,(/((/I-(/P-(/((/3(/((/0(/((/6(/((/((/((/U0(/((3M*_,(3(((3(e2(3(((3(b0(3(((3(g/(3(((3()"
    "(3(((3(,(3(((3(8(3(((3(((3(U0(3(((3(((/T2(/((/((/((3S2b)(3(*(3(X)(3(0(3(*(3,d)(3(*(3(*(3(V)(3("
    "0(3(*(3,d)(3(*(3(*(3(V)(3(0(3(*(3*d)(3(Z)(3(0(3(*(3*b)(3(X)(3*Y)(3(Z)(3*Y)(3(*(3(X)(32Y)(3(*(3"
    "(*(3(V)(3,W)(3(X)(3*Y)(3(*(3(*(3(V)(3*W)(3(X)(3*((3*Y)(3(Z)(3*Y)(3(Z)(36Y)(3(*(3(*(3(V)(3(0(3("
    "*(3*b)(3(X)(3(0(3(*(3*M*(3(2(3(*(3(*(3(T)(3(*(3(0(3(*(3*d)(3(*(3(*(3(V)(3(0(3(*(3*d)(3(*(3(*(3"
    "(V)(3(0(3(*(3*d)(3(*(3(*(3(V)(3(0(3(*(3*d)(3(Z)(3(0(3(*(3.d)(3(*(3(*(3(V)(3(0(3(*(3[)T*(3*((3X"
    ")((7YJ+O*Rg*(7(*((7(*((7(*((7(*((7(*g)(3TH+h)(3(*(3(N)(3(*(3(.(3(*(3,Y)(3(*(3(N)(3(*(3(.(3(*(3"
    ",Y)(3(*(3(N)(3(*(3(.(3(*(3*Y)(3(*(3(N)(3(*(3(.(3(*(3T))(3(*(3*)(3(*(3*M*(3(c)(3(*(3(0(3(*(3*1("
    "3(0(3(*(3*M*(3(e)(3*O)(3(*(3(N)(3(*(3(.(3(*(3.T*(3*f+(3(*(3(N)(3(*(3(.(3(*(3O*d)(3(*(3(*(3(V)("
    "3(,(3,^)(3(*(3(*(3(V)(3(,(3,^)(3(*(3(*(3(V)(3(,(3*+(3*W)(3(X)(3*Y)(3(Z)(3*Y)(3(Z)(32Y)(3(*(3(*"
    "(3(V)(3,W)(3(*(3(V)(3*Y)(3(*(3(*(3(V)(3*W)(3*X)(3*Y)(3(Z)(3*Y)(3(Z)(36Y)(3(*(3(*(3(V)(3*W)(3(X"
    ")(3*Y)(3(*(3(*(3(T)(3(*(3*Y)(3(*(3(*(3(V)(3(,(3*^)(3(*(3(*(3(V)(3*Y)(3(*(3(*(3(V)(3(,(3*^)(3(Z"
    ")(3(_*(3.O,(3(*(3(*(3(V)(3(,(3O*+(3(,(3,+(3(,(3,+(3(,(3*+(3(,(38+(3(,(3*+(3(,(3F-(3(*(3*((3,(("
    "3(,(30+(3(,(7;6f)(7(*((7(*((395(3(*(3,)(3(*(3*)(3(*(35)(3(*(3*)(3(*(35)(3(*(3))(3(*(3,)(3(*(36"
    ")(3(*(3*)(3(*(3+d)(3(*(3(*(3(V)(3(O)(3)((3,((3*((3*X)(3(*(3,)(3(*(3*)(3(*(35)(3(*(3*)(3(*(35)("
    "3(*(3))(3(*(3,)(3(*(36)(3(*(3*)(3(*(3+d)(3(*(3(*(3(V)(3(O)(3)((3,((3*((3+1(3(*(3(*(3(V)(3),(3*"
    "((3.+(3/Y)(3(*(3(*(3*+(3(*(3(*(3.V)(3*((3I)4(3((:7.f)?(7(*Y)(7((((7((Z)(7(*((7(V)Y)(7((*(7((*("
    "7,()(7((((7*(c)(7(()(74W)b)(7()*(7((a)(7(Z)`)(7((((7(()(7((Z)(7((((7,W)W)(7((((7(X)X)(7)W)((7("
    "(((7()2(7(Z)`)(7((((7((V)(7((((7,W)0(7(*/(7((((7*V)W)(7((((7((X)(7((2(7,Y)1(7(Z)((7((((7((0(7*"
    "(/(7((2(7(()(76U)/(7((((7*V)W)(7((X)(7,W)((7((2(7(()(7()b)(7((((7(,Z)(7((((7(V)W)(7((((7*W))(7"
    "((Z)(7((2(7()b)(7((X)(7(,Y)(7((Z)*7(+U)(7,Z)+(7((Z)(7)W)((7((0(7()/(7((((7((0(7(Z)*(7(()(70(/("
    "7((((7K*U)2(7,+((7(()(7(,*(7(()(7(V)*(7(()(7,(*(7(W))(7(X)((76U)((7,)*(7)(((7,(((7D)((7(Z)((74"
    "W)((7()((7(Z)((71(((7-(((70W)((7/X)b)(7,W)X)(7=X)2(7<(((7.Y)b)(7),c)(7)+1(7)Z)((7*Y)((7,(W)(7["
    ")*c)(7*)((7X)(((7/Z)((7Y)W)((7_)X)1(7;Y)((7/Z)((7+U)2(7N)+(P)7I)X)X0(7B(((;^)(d0ZI+(;()`)S)(;e"
    ")S)c)+(;GV)?T)(;/I)F)(;8J),.(;FI)3+(7M)J)2(S*(((QJ+Pd*Lb*_I+VL+H*ZK+PL+]L+VL+H*XL+NK+PL+RL+(K)"
    "9(YJ+aH+c)b)(((;2X0VH+X);/QH+(/Rf?(/*(/We?(/*(/[)(/e)(/Vf?(/*(/Ih/>/)(/I)(/)(/Od7(/((/U+(/*(/L"
    "-(/,(/Vb?(/*(/1(/*(/5(/*(/-(/*(/.(/*(/*(/**/Od?(/,(/Jg7(/((/((/((/ff7(/((/((/M+(/Rf?(/Mf?)/B(/"
    ")(/2(/d)(/Nh7(/`g7(/*(/L-(/,(/Vb?(/*(/Kh?(/.(/0(/*(/,(/F(/,(/))/g)(/W+(/*(/_),3h)I0(3HJ+((3hI+"
    "*)3(*)3(*(3HJ+((3hI+*(3HJ+((3hI+*(3HJ+((3hI+*(3HJ+((3hI+*(3HJ+((/f)(/*(/((/*(/((/*(/((/*(/((/*"
    "(/((/((/((/*(/((/*(/((/((/((/*(/((/*(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/((/(("
    "/*(/((/*(/((/*(/((/*(/((/*(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/((/"
    "((/*(/((/((/((/*(/((/((/((/6(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/((/((/*(/((/("
    "(/((/*(/((/((/((/*(/((/*(/((/*(/((/((/((33h*(3(((3(*(3(((3(,(3(((3(,(3((,/MJ+(/*(/*(/*(/*(/*(/"
    "*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/VX<(/*(/aO+(/<(/*("
    "/?(/]7(/9(/I-(/,(/,(/,(/,(/]+(/,(/,(/O*(/Z+(/[-(/,(/,(/,(/,(/*(/,(/,(/,(/,(/,(/,(/,(/,(/,(/,(/"
    ",(/.(/,(/,(/,(/*(/*(/*(/*(/*(/.(/.(/.(/.(/.(/*(/*(/*(/*(/,(/,(/,(/*(/*(/*(/*(/*(/,(/0(/[-(/*(/"
    "]4(/M+(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*+"
    "/*(/*(/*(/*(/*(/**/*(/*(/*(/*(/*(/**/*(/*(/*(/*(/*(/**/*(/*(/*+/IT@(/*(/:(/.(/9(/)(/PH8)/ZM*(/"
    "K`)(/*(/*(/*(/cH*(/_*Ze)/^W9(/*(/^F(/NC(/S,)/H-(/NT]*(/IT]*(/)(/d,(/*(/][5(/Y[5(/4(/_,(/Q,(/+("
    "/+(/_+(/O?(/R?(/Q+(/c)(/T*(/*(/f+(/XQV/(/S`d,(/hYZ*(/VQV/(/UOV/(/XOV/(/dHW/(/e?(/*(/SH)(/ZH)(/"
    "ePV/(/^PV/(/*(/,(/X*(/+(/JT]*(/hS]*(/f)(/Zg<)/Kg<(/L)(/*(/;(/W5(/*(/*(/X]V/(/P)hN*0QPO+NQM,)0,"
    "(60<(J,0a0c.(0*(d80RI)VI)(0(Z)V30L?N>(0(;)0(Bd/0g7L7(0*(eC0a`)Ja)MIV)2LJe*RKe*(2*((26:(2(*(2(*"
    "(2(*(2(*_*2]-A(2*((2*:(2*((2)*(2*(h9/^`P/(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/Y+(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*"
    "(/*(/*(/*(/*)/,(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+)/,(/**/.*/.(/**/.(/*(/*(/*)/,(/*(/*(/*(/*(/*(/*(/*(/6("
    "/*(/*(/*)/,)/,(/*(/*(/*(/*(/*(/*)/,(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*)/,(/*(/*(/**/.(/*(/*(/*(/*(/*(/*(/*)/,(/*(/*(/*(/*(/"
    "*(/*)/8(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*)/,(/"
    "*(/*(/*)/,(/*(/*(/*(/*)/,+/0(/*(/*(/*(/*(/*(/*)/8(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/Y+(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/Y+(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/Y+(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/6(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/V3(/T8*/]=(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "N-(/I-(/*(/*(/*(/*(/*(/*(/eM7(/SM7(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/ZK7(/bH7(/O*(/g)(/^)(/a)(/^)(/Q,(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/N-(/I-(/*(/*(/*(/*(/*(/*(/eM7(/SM7(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/ZK7(/bH7(/O*(/g)(/^)(/a)(/^)(/Q,(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/N-(/I-(/*(/*(/*(/*(/*(/*(/eM7(/SM7(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "*(/*(/*(/*(/*(/*(/ZK7(/bH7(/O*(/g)(/^)(/a)(/^)(/Q,(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "*(/*(/N-(/I-(/*(/*(/*(/*(/*(/*(/eM7(/SM7(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/*(/*(/*(/*(/ZK7(/bH7(/O*(/g)(/^)(/a)(/^)(/Q,(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*"
    "(/*(/*(/N-(/I-(/*(/*(/*(/*(/*(/*(/eM7(/SM7(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*(/ZK7(/bH7(/O*(/g)(/^)(/a)(/^)(/4(/**/bc)(/*(/*(/*(/*(/*(/*(/*(/*(/*(/9(/*"
    "(/*(/*(/*(/*(/*(/*(/*(/*(/9(/*(/*(/*(/*(/*(/*(/*(/*(/*(/9(/*(/*(/*(/*(/*(/*(/*(/*(/*(/9(/*(/*("
    "/*(/*(/*(/*(/*(/*(/*HX-/eg*(/*(/0(/.)/Z)(/S)(/1(/<(/N)(/5(/*(/*(/*(/M)(/4(/8(/?(/B(/I)(/.(/;(/"
    "*(/.(/,(/4(/,(/,(/P+(/a,(/Y)(/K+)/U,(/0)/_)*/[))/c)(/5(/*(/*(/*(/M)(/4(/8(/?(/B)/C(/;(/*(/.)/8"
    ")/0./C,/*)/c))/3)/,(/M)(/4)//(/B)/C*/3)/8)/0)/H0)/^,)/U,(/0)/_)*/[)(/<(/N)(/5)/,(/*(/M)(/4(/8("
    "/?(/B)/C(/;(/*(/.)/8(/,(/,(/P+)/N+)/[/(/*(/0(/.(/X)(/*(/S)(/1(/<(/N))/3(/*(/*(/M)(/4(/8(/?(/B("
    "/I)(/.(/;(/*(/.(/,(/4(/,(/,-/K)(/0(/.)/Z)(/S)(/1(/<(/N))/3(/*(/*(/M)(/4(/8(/?(/B(/I)(/.(/;(/*("
    "/.(/,(/4(/,(/,L:3[H+I]P/(3(+(3*((3*((3*((3*((3*((3*((3*((3*((3*(-7I)R)dh*(7(*((7(*((7(*((7(*(("
    "7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*((7(*("
    "(7(*((7(*((7ag?5ag?(/If?(/F(3EE(3P)T))/S)(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/*(/"
    "*(/*(/*(/*(/*(/*(/*(/*(3K)/(32((34K)(3(F(7--fd?(36AB3;((3(*(3(DK)397W+3VK@JH@(3X+X.(/,5/Tb@(/O"
    "W+(/^a+(/QX9(/Re6(/eP-(/ZT@(/[S@(/QP-(/a`3(/JX-(/Wa-(/`]1(/g[.(/fh.(/NJ2(/Mb1(/RZ=(/MJ,(/]a3(/"
    "YdA(/US*(/_U5(/fO.(/H4(/Q^2(/:(/JLI)(/ONA(/Yd/(/Te*(/PY/(/ZN=(/bY=(/eZ3(/Z7(/KO;(/XO5(/U`+(/)("
    "/_J/(/IT9(/P])(/VbE,7Y[X)ZOCgd?(7(MZ4((7(N0((7(cW.((7(H[2((7(SN/((7(PP2((7([h9((7(]O1(//Na?(/W"
    "c-gT*/fdQ)(/*(/*(/*(/*(/*(/*(/*(/*(/*NHh).PHO)(.1(.:(.JVb.(.Kea.(.e,(.B(.V,(.X/(.g)(.e,(.W)(.I"
    "K6(.abP/(.bVc.(.6(.H)(.N)(.Rcb.(.MNP/(.eR6(.T*(.edb.(.Odb.(.B(.WU)(.HV)(.:(.]JH1(.[gh0(.D(.OZ6"
    "(.a^6(.>(.a*(.2(.K_6(.Ld6(.,(._)(.T)(.>(.*(.J)(.L+(.8(.:(.Z)(.<(.,(.((.((.cRd.(.`dT.(.SR6(.R)("
    ".Pad.(.W`d.(.4(.R)(.X1(.S.(.H)(.H*(.]+(.P-(.])(.N,(.H)(.J*(.((.R)(.L)(.8(.F(.P=(.h8(.J9(.S4(.N"
    "*(.bN*(.VV+(.h9(.T*(.Z)(.K0(.V2(.)(._/(.XKg.(.Khf.(.2(.F(.P)(.8(.H,(.T]g.(.L,(.dWg.(.g*(.@(.f,"
    "(.e0(.W`9(.D(.aH:(.T+(.((.]Ph.(.QHh.(.R)(.F(.@(.RZh.(.YYh.(.6(.c])(.I[)(.IR:(.gU:(.D(.L-(.M+(."
    "V^H/(.IRH/(.NRH/(.WOH/(.-(.J)(.R.(.*(.Md:(.ee:(._*(.R)(.a*(.UH;(.JZ]/(.UX]/(.PK;(..(..(.P)(.XT"
    "J1(.OQJ1(.NKJ/(.((.hZX.(.fU9(.((.^M;(.Jhe/(.LZ?(.WOI0(.:(.WP;(.VS;(.N+(.<(.L*(.X0(.U];(.d)(.X`"
    ";(.HLK/(.bHK/(.J0(.0(.,(.+(.e*(.P)(.P*(.C(.>(.g*(.P)(.0(.])(.>(.L,(.P-(.N*(.a/(.adK/(.feK/(.I,"
    "(.a.(._)(.J.(.cHL/(.feK/(.b-(.`)(.^`<(._K=(.R)(.g)(.S*(.^H=(.NV=(.c)(.eQM/(.UJM/(.R9(.f2(.hZ=("
    ".X`=(.Ya=(.O*(.eR3(..(.__2(.O.(.JI5(.OUF(.e[9(.0(.4(.c+(.=(.HON/(.[Oe/(.JS>(.Q/(.c4(.N+(.XgM/("
    ".ffM/(.f.(.R7(.U`>(.Rc>(.J.(.V,(.e3(._hM/(.WeM/(.MT?(.ZX?(.TaN/(.M^N/(.SX?(.PZ?(.c*(._)(.*(.LU"
    "O/(.Ka6(.gg6(.`RO/(.eNP/(.bhO/(.D(.S.(.g2(.X*(.Z+(.S+(.X*(.F(.B(.ZbO/(.[gO/(._7(.g+(.^[@(.Xb@("
    "./(.]HP/(.WUP/(.R?(.HhO/(.H+(.WeO/(.N/(.^)(.-(.QPA(.PSA(.N+(.3(.T+(.XOR.(.hfQ.(.eYP/(.UTP/(.gH"
    "Q/(.MaP/(.B(._)(.XdQ/(.WaQ/(.R)(.HRR/(.g5(.[QR/(.J)(.fUB(.ZWB(.bVB(.((.gaB(.R)(.R)(.P)(.R,(.fc"
    "B(.ZHC(.LYS/(.WWS/(.P^S/(.KZS/(.gJ_.(.fa^.(.JbT/(.V)(.a0(.WLP0(.@(.aVC(.ghT/(.)(.V*(.])(.QIU/("
    ".*(.((._*(.IYC(.L^C(.Q]C(.H-(.VaQ0(.feU/(.e+(.H,(.YgC(.N]R0(.hTV/(.P]V/(._*(.S[V/(.a-(.`SD(.JY"
    "D(.<(.2(.cZW/(._:(.((.YdW/(.`VD(.ZcT0(.QgW/(..(.KcD(.ZMU0(.dcW/(.KKE(.XLE(.1(.c)(.TPY/(.MJY/(."
    "KNE(.TTE(._+(.N,(.IYE(.PWW0(.g)(.dVW0(.HaW0(.f^Y/(.PeY/(.YcY/(.R.(.>(.RUZ/(.Z,(.MTZ/(.X]Z/(.W["
    "Z/(.gVb.(.[a`/(.cUF(.J-(.WWF(.N[F(.YP;(.LWN0(.D(.KJB(.:(.^ba.(..(.]b.(.M[M)(.TJG(.3(.L)(.[g?(."
    "eh?(.,(.<(.Z*(.TM]/(.UM]/(.X+(.T,(.],(.[0(.]1(.]*(.H/(.O8(.V/(.,(.H)(.]M]/(.R;(.S1(.[c[0(.TeG("
    ".,(.N*(.PS`/(.SN`/(.Xe]/(.fe]0(.0(.HM^0(.J:(.U_^0(.RVH)(.@(.>(.,(.H,(.I*(.T0(.`*(.V1(.I-(.N,(."
    "_)(.fcH)(.]HI)(.H*(.WHI)(.VNI)(..(.PH`/(.ha_/(.6(.YRI)(.RTI)(.fKR)(.NhI1(.X3(.WRb0(.:(.ZfI)(.c"
    ",(.c1(._4(.NMa/(.bh`/(.T)(.]-(.a-(.Xda/(.^Zd)(.YKf-(.E(.P+(.eVf-(.[Hf-(.P.(.]Qd/(._)(.Y^c/(.c-"
    "(.H*(.cId/(.MId/(.c9(.g1(.*(.`-(.c?(.a)(.Rgd/(.fNd/(.ShM)(.LJN)(.Hed/(.IbI1(.cUN)(.IYD(.J`D(.L"
    "Jf/(.R5(.`cK1(.8(.]_N)(.]Jg/(.W^L1(.PgL1(.^Pg/(.((.e)(.cag/(.OUg/(.fcN)(.ThN)(.e/(._)(.a+(.hJO"
    ")(.L_O1(.dIH0(.e:(.c3(.fJP)(.g)(.]OP)(.V_I0(.SfQ1(.cHR1(.Z8(.N0(.SfI0(.Q_P)(.NcP)(.2(.6(.<(.6("
    ".R*(.RTK0";
// clang-format on

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail::unicode_tables

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A code point and its length in UTF-8.
struct code_point {
    std::uint32_t code = 0;
    std::uint32_t length = 0;
};

/// The code point at byte `at` of well-formed UTF-8; the byte itself if it begins no code point.
inline code_point decode_utf8(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t index) -> std::uint32_t {
        return static_cast<unsigned char>(text[at + index]);
    };
    const std::uint32_t lead = byte(0);
    const std::size_t left = text.size() - at;
    if (lead < 0x80) return {lead, 1};
    if (lead < 0xE0 && left >= 2) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    if (lead < 0xF0 && left >= 3)
        return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    if (left >= 4) {
        return {
            (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
            4};
    }
    return {lead, 1};
}

/// The length of the code point that ends at `end`; begin < end.
inline std::size_t length_before(std::string_view text, std::size_t begin,
                                 std::size_t end) noexcept {
    std::size_t length = 1;
    while (end - length > begin && (static_cast<unsigned char>(text[end - length]) & 0xC0) == 0x80)
        ++length;
    return length;
}

/// The general categories, in the order of the generated tables.
enum class category : std::uint8_t {
    // clang-format off
    lu, ll, lt, lm, lo, mn, mc, me, nd, nl, no, pc, pd, ps, pe, pi, pf, po, sm, sc, sk, so, zs, zl,
    zp, cc, cf, cs, co, cn
    // clang-format on
};

/// A set of categories.
template <class... Categories>
constexpr std::uint32_t categories(Categories... each) noexcept {
    return ((std::uint32_t{1} << static_cast<unsigned>(each)) | ...);
}

inline constexpr std::uint32_t letters =
    categories(category::lu, category::ll, category::lt, category::lm, category::lo);
inline constexpr std::uint32_t marks = categories(category::mn, category::mc, category::me);
inline constexpr std::uint32_t numbers = categories(category::nd, category::nl, category::no);
inline constexpr std::uint32_t punctuation =
    categories(category::pc, category::pd, category::ps, category::pe, category::pi, category::pf,
               category::po);
inline constexpr std::uint32_t others =
    categories(category::cc, category::cf, category::cs, category::co, category::cn);

/// The property White_Space.
constexpr bool is_white_space(std::uint32_t code) noexcept {
    if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
           code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

/// The properties of code points, expanded from the generated tables on first use.
SEQUENT_LAZY class unicode_data {
  public:
    static const unicode_data& get() {
        static const unicode_data data;
        return data;
    }

    std::uint32_t category_bit(std::uint32_t code) const noexcept {
        return std::uint32_t{1} << (property(code) & 31);
    }
    bool is(std::uint32_t code, std::uint32_t set) const noexcept {
        return (category_bit(code) & set) != 0;
    }
    unsigned combining_class(std::uint32_t code) const noexcept {
        return property(code) >> 5 & 255;
    }

    /// \w of regular expressions: alphabetic, marks, decimal digits, connectors, joiners.
    bool is_word(std::uint32_t code) const noexcept {
        constexpr std::uint32_t words =
            letters | marks | categories(category::nd, category::nl, category::pc);
        return is(code, words) || code == 0x200C || code == 0x200D ||
               (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
               (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
    }

    /// The lower case of a code point. U+0130, whose full mapping is "i" and U+0307, gives "i".
    std::uint32_t lower(std::uint32_t code) const noexcept {
        if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
        if ((property(code) & has_lower) == 0) return code;
        if (code == 0x130) return 'i';
        return static_cast<std::uint32_t>(value_of(lower_, code));
    }

    /// Returns true if canonical composition may join a code point with the one before it.
    bool joins(std::uint32_t code) const noexcept {
        return (property(code) & second) != 0 || (code >= 0x1161 && code <= 0x1175) ||
               (code >= 0x11A8 && code <= 0x11C2);
    }

    /// Calls f(code) for the full decomposition, canonical or with compatibility mappings.
    template <class F>
    void decompose(std::uint32_t code, bool compatible, F&& f) const {
        if (code >= hangul && code < hangul + 11172) {
            const std::uint32_t index = code - hangul;
            f(0x1100 + index / 588);
            f(0x1161 + index % 588 / 28);
            if (index % 28 != 0) f(0x11A7 + index % 28);
            return;
        }
        if ((property(code) & has_decomposition) == 0) return f(code);
        const std::uint64_t found = value_of(decompositions_, code);
        if ((found & 1) != 0 && !compatible) return f(code);
        const std::size_t first = found >> 8, length = found >> 1 & 127;
        for (std::size_t at = 0; at < length; ++at) decompose(pool_[first + at], compatible, f);
    }

    /// The canonical composition of two code points; 0 if there is none.
    std::uint32_t compose(std::uint32_t one, std::uint32_t two) const noexcept {
        if (one >= 0x1100 && one < 0x1113 && two >= 0x1161 && two < 0x1176)
            return hangul + ((one - 0x1100) * 21 + (two - 0x1161)) * 28;
        if (one >= hangul && one < hangul + 11172 && (one - hangul) % 28 == 0 && two > 0x11A7 &&
            two < 0x11C3) {
            return one + (two - 0x11A7);
        }
        if ((property(two) & second) == 0) return 0;
        return static_cast<std::uint32_t>(value_of(compositions_, std::uint64_t{one} << 32 | two));
    }

  private:
    static constexpr std::uint32_t hangul = 0xAC00;
    static constexpr std::uint16_t has_lower = 1 << 13, has_decomposition = 1 << 14,
                                   second = 1 << 15;
    // Assigned code points other than private use lie below `dense` or in the block of tags.
    static constexpr std::uint32_t dense = 0x32000, tags = 0xE0000, tag_count = 0x1000;

    struct entry {
        std::uint64_t key;
        std::uint64_t value;
    };

    class numbers_of {
      public:
        explicit numbers_of(std::string_view text) : text_(text) {}
        bool left() const noexcept { return at_ < text_.size(); }
        std::uint32_t next() noexcept {
            std::uint32_t result = 0;
            for (unsigned shift = 0;; shift += 5) {
                const char code = text_[at_++];
                const auto group = static_cast<std::uint32_t>(code - (code > '\\' ? 0x29 : 0x28));
                result |= (group & 31) << shift;
                if (group < 32) return result;
            }
        }
        std::uint32_t next_signed() noexcept {
            const std::uint32_t value = next();
            return value % 2 == 0 ? value / 2 : 0 - (value + 1) / 2;
        }

      private:
        std::string_view text_;
        std::size_t at_ = 0;
    };

    static std::size_t index(std::uint32_t code) noexcept {
        if (code < dense) return code;
        if (code >= tags && code < tags + tag_count) return dense + (code - tags);
        return dense + tag_count + (code >= 0xF0000 && (code & 0xFFFF) < 0xFFFE ? 1 : 0);
    }
    std::uint16_t property(std::uint32_t code) const noexcept { return properties_[index(code)]; }
    void mark(std::uint32_t code, std::uint32_t bits) {
        auto& property = properties_[index(code)];
        property = static_cast<std::uint16_t>(property | bits);
    }

    static std::uint64_t value_of(const std::vector<entry>& entries, std::uint64_t key) noexcept {
        const auto found =
            std::lower_bound(entries.begin(), entries.end(), key,
                             [](const entry& one, std::uint64_t two) { return one.key < two; });
        return found != entries.end() && found->key == key ? found->value : 0;
    }

    unicode_data() : properties_(dense + tag_count + 2) {
        namespace tables = unicode_tables;
        std::uint32_t code = 0;
        for (numbers_of from(tables::categories); from.left();) {
            const std::uint32_t each = from.next();
            for (const std::uint32_t end = code + from.next(); code < end;) {
                properties_[index(code)] = static_cast<std::uint16_t>(each);
                // Private use and unassigned code points share one property per plane.
                const bool is_sparse = index(code) >= dense + tag_count;
                code = is_sparse ? std::min(end, (code | 0xFFFF) + 1) : code + 1;
            }
        }
        properties_[dense + tag_count] = static_cast<std::uint16_t>(category::cn);
        properties_[dense + tag_count + 1] = static_cast<std::uint16_t>(category::co);
        code = 0;
        for (numbers_of from(tables::combining); from.left();) {
            code += from.next();
            const std::uint32_t each = from.next();
            for (std::uint32_t count = from.next(); count > 0; --count) mark(code++, each << 5);
        }
        code = 0;
        std::uint32_t difference = 0;
        for (numbers_of from(tables::lower); from.left(); ++code) {
            code += from.next();
            difference += from.next_signed();
            lower_.push_back({code, code + difference});
            mark(code, has_lower);
        }
        mark(0x130, has_lower);
        code = 0;
        std::array<std::uint32_t, 20> before{};
        for (numbers_of from(tables::decompositions); from.left(); ++code) {
            code += from.next();
            const std::uint32_t head = from.next();
            const std::uint32_t length = head / 4;
            decompositions_.push_back(
                {code, std::uint64_t{pool_.size()} << 8 | length << 1 | (head & 1)});
            mark(code, has_decomposition);
            for (std::uint32_t at = 0; at < length; ++at) {
                before[at] += from.next_signed();
                pool_.push_back(before[at]);
            }
            if ((head & 2) == 0) {
                compositions_.push_back({std::uint64_t{before[0]} << 32 | before[1], code});
                mark(before[1], second);
            }
        }
        std::sort(compositions_.begin(), compositions_.end(),
                  [](const entry& one, const entry& two) { return one.key < two.key; });
    }

    std::vector<std::uint16_t> properties_;
    std::vector<entry> lower_;
    std::vector<entry> decompositions_;  // code, then 256 place + 2 length + (1: compatibility)
    std::vector<entry> compositions_;    // both codes, then the composed one
    std::vector<std::uint32_t> pool_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

/// Hash tables with open addressing, for texts, pairs of numbers and words.

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

inline constexpr std::uint32_t none = 0xFFFFFFFF;

constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
    value *= 0x9E3779B97F4A7C15;
    return value ^ value >> 32;
}

/// A hash of bytes.
inline std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = text.size();
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t word = 0;
    for (; left >= 8; left -= 8, at += 8) {
        std::memcpy(&word, at, 8);
        hash = mixed(hash ^ word);
    }
    if (left > 0) {
        word = 0;
        for (std::size_t byte = 0; byte < left; ++byte)
            word = word << 8 | static_cast<unsigned char>(at[byte]);
        hash = mixed(hash ^ word);
    }
    return mixed(hash);
}

/// A list of texts with the indices 0, 1, 2, ..., and lookup by text.
SEQUENT_LAZY class text_list {
  public:
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(ends_.size()); }
    std::string_view operator[](std::uint32_t number) const noexcept {
        const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
        return std::string_view(bytes_).substr(begin, ends_[number] - begin);
    }

    void add(std::string_view text) {
        bytes_.append(text);
        ends_.push_back(bytes_.size());
        if (4 * ends_.size() > 3 * slots_.size()) {
            slots_.assign(std::bit_ceil(2 * ends_.size() + 8), none);
            for (std::uint32_t number = 0; number < size(); ++number) place(number);
        } else {
            place(size() - 1);
        }
    }

    /// The first index of a text, or `none`.
    std::uint32_t find(std::string_view text) const noexcept {
        if (slots_.empty()) return none;
        for (std::size_t slot = hash_of(text) & mask();; slot = (slot + 1) & mask()) {
            const std::uint32_t number = slots_[slot];
            if (number == none || (*this)[number] == text) return number;
        }
    }

  private:
    std::size_t mask() const noexcept { return slots_.size() - 1; }

    void place(std::uint32_t number) {
        std::size_t slot = hash_of((*this)[number]) & mask();
        for (; slots_[slot] != none; slot = (slot + 1) & mask()) {
            if ((*this)[slots_[slot]] == (*this)[number]) return;
        }
        slots_[slot] = number;
    }

    std::string bytes_;
    std::vector<std::size_t> ends_;
    std::vector<std::uint32_t> slots_;
};

/// A map from pairs of numbers to pairs of numbers.
SEQUENT_LAZY class pair_table {
  public:
    struct value {
        std::uint32_t first = none;
        std::uint32_t second = none;
    };

    std::size_t size() const noexcept { return size_; }

    /// The value of a pair; its `first` is `none` if there is no such pair.
    value find(std::uint32_t one, std::uint32_t two) const noexcept {
        if (slots_.empty()) return {};
        const std::uint64_t key = std::uint64_t{one} << 32 | two;
        for (std::size_t slot = mixed(key) & mask();; slot = (slot + 1) & mask()) {
            const auto& each = slots_[slot];
            if (each.of.first == none || each.key == key) return each.of;
        }
    }

    /// Sets the value of a pair; `of.first` must not be `none`.
    void set(std::uint32_t one, std::uint32_t two, value of) {
        if (4 * (size_ + 1) > 3 * slots_.size()) {
            std::vector<entry> before(std::bit_ceil(2 * size_ + 16));
            before.swap(slots_);
            for (const auto& each : before) {
                if (each.of.first != none) slots_[slot_of(each.key)] = each;
            }
        }
        const std::uint64_t key = std::uint64_t{one} << 32 | two;
        auto& found = slots_[slot_of(key)];
        if (found.of.first == none) ++size_;
        found = {key, of};
    }

  private:
    struct entry {
        std::uint64_t key = 0;
        value of;
    };

    std::size_t mask() const noexcept { return slots_.size() - 1; }
    std::size_t slot_of(std::uint64_t key) const noexcept {
        std::size_t slot = mixed(key) & mask();
        while (slots_[slot].of.first != none && slots_[slot].key != key) slot = (slot + 1) & mask();
        return slot;
    }

    std::vector<entry> slots_;
    std::size_t size_ = 0;
};

/// A token of a word: its id, and its bytes [begin, end) in the word.
struct word_token {
    std::uint32_t id = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

/// A key of a text: unique among texts of the same length up to 16 bytes; a hash for longer texts.
struct text_key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    static constexpr std::size_t longest = 16;

    explicit text_key(std::string_view text) noexcept {
        const char* const begin = text.data();
        const std::size_t size = text.size();
        const auto load = [&](auto& to, std::size_t at) {
            std::memcpy(&to, begin + at, sizeof to);
        };
        if (size > longest) {
            low = hash_of(text);
        } else if (size >= 8) {
            load(low, 0);
            load(high, size - 8);
        } else if (size >= 4) {
            std::uint32_t first = 0, last = 0;
            load(first, 0);
            load(last, size - 4);
            low = first;
            high = last;
        } else if (size > 0) {
            const auto byte = [&](std::size_t at) {
                return std::uint64_t{static_cast<unsigned char>(begin[at])};
            };
            low = byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
        }
    }
    std::uint64_t hash(std::size_t size) const noexcept { return mixed(mixed(low ^ size) ^ high); }
    bool operator==(const text_key&) const = default;
};

/// A cache of the tokens of words. It is cleared when it reaches 64 MB.
SEQUENT_LAZY class word_cache {
  public:
    static constexpr std::size_t longest = 128;

    /// The tokens of `word`, valid until the next call. For a new word, f(word, list) appends them.
    template <class F>
    std::span<const word_token> find(std::string_view word, F&& f) {
        const auto length = static_cast<std::uint32_t>(word.size());
        if (length > longest) {
            list_.clear();
            f(word, list_);
            return list_;
        }
        if (2 * (count_ + 1) > slots_.size()) grow();
        const text_key key(word);
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = key.hash(length) & mask;
        for (; slots_[at].length != 0; at = (at + 1) & mask) {
            const slot& each = slots_[at];
            if (each.length != length || each.key != key) continue;
            if (length > text_key::longest &&
                std::memcmp(bytes_.data() + each.text, word.data(), length) != 0)
                continue;
            if (each.count != 1) return {tokens_.data() + each.first, each.count};
            single_ = {each.first, 0, length};
            return {&single_, 1};
        }
        list_.clear();
        f(word, list_);
        slot& made = slots_[at];
        made.key = key;
        made.length = static_cast<std::uint16_t>(length);
        made.count = static_cast<std::uint16_t>(list_.size());
        made.text = static_cast<std::uint32_t>(bytes_.size());
        if (length > text_key::longest) bytes_.append(word);
        // A single token covers the whole word.
        made.first = list_.size() == 1 ? list_[0].id : static_cast<std::uint32_t>(tokens_.size());
        if (list_.size() != 1) tokens_.insert(tokens_.end(), list_.begin(), list_.end());
        ++count_;
        return list_;
    }

    void clear() noexcept {
        slots_.clear();
        bytes_.clear();
        tokens_.clear();
        count_ = 0;
    }

  private:
    struct slot {
        text_key key{{}};
        std::uint32_t text = 0;    // of a long word, in bytes_
        std::uint32_t first = 0;   // in tokens_; the token, if it is one
        std::uint16_t length = 0;  // 0: empty
        std::uint16_t count = 0;
    };

    void grow() {
        if (slots_.size() * sizeof(slot) + bytes_.size() + tokens_.size() * sizeof(word_token) >
            std::size_t{64} << 20) {
            clear();
        }
        std::vector<slot> before(slots_.empty() ? 256 : 2 * slots_.size());
        before.swap(slots_);
        for (const auto& each : before) {
            if (each.length == 0) continue;
            std::size_t at = each.key.hash(each.length) & (slots_.size() - 1);
            while (slots_[at].length != 0) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = each;
        }
    }

    std::vector<slot> slots_;
    std::string bytes_;
    std::vector<word_token> tokens_;
    std::vector<word_token> list_;
    word_token single_;
    std::size_t count_ = 0;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers {

/// A token that is found in a text before the text is split into words.
struct added_token {
    std::string text;           ///< text of the token
    std::int32_t id = 0;        ///< id of the token
    bool special = false;       ///< `decode` omits it by default
    bool single_word = false;   ///< not matched within a word
    bool strips_left = false;   ///< includes the white space before it
    bool strips_right = false;  ///< includes the white space after it
    bool normalized = false;    ///< matched in the normalized text, else in the original text
};

namespace detail {

/// A part of a text: an added token, or the text between such tokens (id `none`).
struct text_part_of {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t id = none;
};

/// Finds added tokens: the leftmost one, and the longest of those that begin there.
SEQUENT_LAZY class added_token_finder {
  public:
    /// Adds a token that matches `text`.
    void add(std::string_view text, const added_token& token) {
        if (!text.empty()) entries_.push_back({std::string(text), token});
    }

    /// Call once, after all tokens have been added.
    void prepare() {
        std::stable_sort(entries_.begin(), entries_.end(), [](const entry& one, const entry& two) {
            return one.text[0] != two.text[0] ? byte(one.text[0]) < byte(two.text[0])
                                              : one.text.size() > two.text.size();
        });
        firsts_.fill(none);
        for (std::size_t at = entries_.size(); at-- > 0;)
            firsts_[byte(entries_[at].text[0])] = static_cast<std::uint32_t>(at);
        has_one_first_ = !entries_.empty() && entries_[0].text[0] == entries_.back().text[0];
    }

    /// Splits `text` and appends its parts. Special tokens are only matched if `special`.
    void split(std::string_view text, bool special, std::vector<text_part_of>& parts) const {
        std::size_t begin = 0;
        for (std::size_t at = 0; at < text.size() && !entries_.empty();) {
            at = next_first(text, at);
            if (at == text.size()) break;
            const entry* const found = find(text, at);
            if (found == nullptr) {
                ++at;
                continue;
            }
            const added_token& token = found->token;
            std::size_t first = at, last = at + found->text.size();
            at = last;
            if (token.special && !special) continue;
            if (token.single_word && (is_word_before(text, first) || is_word_at(text, last)))
                continue;
            while (token.strips_left && first > begin) {
                const std::size_t length = length_before(text, begin, first);
                if (!is_white_space(decode_utf8(text, first - length).code)) break;
                first -= length;
            }
            while (token.strips_right && last < text.size()) {
                const code_point next = decode_utf8(text, last);
                if (!is_white_space(next.code)) break;
                last += next.length;
            }
            add_part(begin, first, none, parts);
            add_part(first, last, static_cast<std::uint32_t>(token.id), parts);
            begin = last;
            at = std::max(at, last);
        }
        add_part(begin, text.size(), none, parts);
    }

  private:
    struct entry {
        std::string text;
        added_token token;
    };

    static std::size_t byte(char of) noexcept { return static_cast<unsigned char>(of); }

    static void add_part(std::size_t begin, std::size_t end, std::uint32_t id,
                         std::vector<text_part_of>& parts) {
        if (begin < end) {
            parts.push_back(
                {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), id});
        }
    }

    /// Position of the next byte with which an entry begins; the text's size if there is none.
    std::size_t next_first(std::string_view text, std::size_t at) const noexcept {
        if (has_one_first_) return std::min(text.find(entries_[0].text[0], at), text.size());
        while (at < text.size() && firsts_[byte(text[at])] == none) ++at;
        return at;
    }

    const entry* find(std::string_view text, std::size_t at) const noexcept {
        for (std::size_t number = firsts_[byte(text[at])];
             number < entries_.size() && entries_[number].text[0] == text[at]; ++number) {
            if (text.substr(at).starts_with(entries_[number].text)) return &entries_[number];
        }
        return nullptr;
    }

    static bool is_word_before(std::string_view text, std::size_t at) {
        return at > 0 && unicode_data<>::get().is_word(
                             decode_utf8(text, at - length_before(text, 0, at)).code);
    }
    static bool is_word_at(std::string_view text, std::size_t at) {
        return at < text.size() && unicode_data<>::get().is_word(decode_utf8(text, at).code);
    }

    std::vector<entry> entries_;
    std::array<std::uint32_t, 256> firsts_{};
    bool has_one_first_ = false;
};

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::tokenizers

namespace sequent::inline SEQUENT_ABI::tokenizers {

/// The bytes [begin, end) of a text.
struct text_range {
    std::uint32_t begin = 0;  ///< the first byte
    std::uint32_t end = 0;    ///< one past the last byte
    /// Compares both bounds.
    bool operator==(const text_range&) const = default;
};

namespace detail {

/// A text during normalization. `ranges` has, for each byte, the range of the original text from
/// which it comes; it is empty unless offsets are requested.
struct aligned_text {
    std::string text;
    std::vector<text_range> ranges;
    bool is_tracked = false;

    void clear(bool tracked) {
        text.clear();
        ranges.clear();
        is_tracked = tracked;
    }

    /// Sets the text before normalization: well-formed UTF-8 at byte `offset` of the whole text.
    void assign(std::string_view original, std::size_t offset, bool tracked) {
        clear(tracked);
        text.assign(original);
        if (!tracked) return;
        for (std::size_t at = 0; at < original.size();) {
            const std::uint32_t length = decode_utf8(original, at).length;
            const auto begin = static_cast<std::uint32_t>(offset + at);
            ranges.insert(ranges.end(), length, {begin, begin + length});
            at += length;
        }
    }

    /// Appends the bytes [begin, end) of another text.
    void copy(const aligned_text& from, std::size_t begin, std::size_t end) {
        text.append(from.text, begin, end - begin);
        if (is_tracked) {
            ranges.insert(ranges.end(), from.ranges.begin() + static_cast<std::ptrdiff_t>(begin),
                          from.ranges.begin() + static_cast<std::ptrdiff_t>(end));
        }
    }
    /// Appends bytes that come from byte `at` of another text.
    void put(std::string_view bytes, const aligned_text& from, std::size_t at) {
        text.append(bytes);
        if (is_tracked) ranges.insert(ranges.end(), bytes.size(), from.ranges[at]);
    }
    void put(std::uint32_t code, const aligned_text& from, std::size_t at) {
        const std::size_t before = text.size();
        io::append_utf8(text, code);
        if (is_tracked) ranges.insert(ranges.end(), text.size() - before, from.ranges[at]);
    }
};

/// The end of the run of ASCII characters that begins at `at`.
inline std::size_t ascii_end(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
    return at;
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::tokenizers

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

using io::fallback_byte;

/// The alphabet of GPT-2: a printable character for each byte.
constexpr std::uint32_t letter_of_byte(unsigned byte) noexcept {
    const auto is_printed = [](unsigned each) {
        return (each >= 33 && each <= 126) || (each >= 161 && each <= 172) || each >= 174;
    };
    if (is_printed(byte)) return byte;
    std::uint32_t result = 256;
    for (unsigned each = 0; each < byte; ++each) result += is_printed(each) ? 0 : 1;
    return result;
}

/// Decodes a text of that alphabet to bytes. Returns false if it has other characters.
SEQUENT_LAZY bool bytes_of_letters(std::string_view text, std::string& bytes) {
    static const std::array<std::int16_t, 324> byte_of = [] {
        std::array<std::int16_t, 324> result{};
        result.fill(-1);
        for (unsigned byte = 0; byte < 256; ++byte)
            result[letter_of_byte(byte)] = static_cast<std::int16_t>(byte);
        return result;
    }();
    bytes.clear();
    for (std::size_t at = 0; at < text.size();) {
        const code_point each = decode_utf8(text, at);
        const int byte = each.code < byte_of.size() ? byte_of[each.code] : -1;
        if (byte < 0) return false;
        bytes += static_cast<char>(byte);
        at += each.length;
    }
    return true;
}

inline constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

/// Appends the bytes of `from`, with U+FFFD for each ill-formed sequence (maximal subparts).
/// Returns the number of bytes read, which excludes an incomplete character at the end unless
/// `all`.
SEQUENT_LAZY std::size_t append_lossy(std::string_view from, bool all, std::string& to) {
    std::size_t at = 0;
    while (at < from.size()) {
        const std::size_t end = ascii_end(from, at);
        to.append(from.substr(at, end - at));
        at = end;
        if (at == from.size()) break;
        const auto byte = [&](std::size_t index) {
            return static_cast<unsigned char>(from[at + index]);
        };
        const unsigned lead = byte(0);
        const bool is_lead = lead >= 0xC2 && lead <= 0xF4;
        const std::size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        std::size_t length = 1;
        unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        while (is_lead && length < wanted && at + length < from.size() && byte(length) >= low &&
               byte(length) <= high) {
            ++length;
            low = 0x80;
            high = 0xBF;
        }
        const bool is_whole = is_lead && length == wanted;
        if (is_lead && !is_whole && !all && at + length == from.size()) return at;
        to.append(is_whole ? from.substr(at, length) : replacement);
        at += length;
    }
    return at;
}

/// A step of a decoder.
struct decoder_step {
    enum class kind : std::uint8_t {
        replace,        // replace `what` by `with`
        byte_letters,   // decode GPT-2's alphabet of bytes
        byte_fallback,  // decode tokens like <0x41> to bytes
        metaspace,      // replace `what` by blanks; remove it from the first token if `strips`
        word_piece,     // put blanks between words; the prefix `what` continues a word; `cleans`
        blanks,         // put a blank between tokens
        strip,          // remove `count` copies of `what` from the beginning of the text
    };
    kind is = kind::replace;
    std::string what;
    std::string with;
    bool strips = false;
    bool cleans = false;
    std::size_t count = 0;
};

SEQUENT_LAZY void replace_all(std::string& text, std::string_view what, std::string_view with) {
    if (what.empty()) return;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

/// Decodes tokens to text, one after another.
SEQUENT_LAZY class decoding {
  public:
    explicit decoding(const std::vector<decoder_step>& steps, bool streams)
        : steps_(&steps), streams_(streams) {
        for (const decoder_step& each : steps) {
            if (each.is == decoder_step::kind::strip) left_to_strip_ = each.count;
        }
    }

    /// Appends the decoded text of a token; bytes that a later token may complete are kept.
    void push(std::string_view token, std::string& text) {
        using kind = decoder_step::kind;
        piece_.assign(token);
        bool is_raw = false;
        int byte = -1;
        for (const decoder_step& each : *steps_) {
            switch (each.is) {
                case kind::replace:
                    replace_all(piece_, each.what, each.with);
                    break;
                case kind::byte_letters:
                    if (bytes_of_letters(piece_, spare_)) piece_.swap(spare_);
                    is_raw = true;
                    break;
                case kind::byte_fallback:
                    byte = fallback_byte(piece_);
                    break;
                case kind::metaspace:
                    replace_all(piece_, each.what, is_first_ && each.strips ? "" : " ");
                    break;
                case kind::word_piece:
                    if (!is_first_) {
                        if (piece_.starts_with(each.what)) {
                            piece_.erase(0, each.what.size());
                        } else {
                            piece_.insert(0, 1, ' ');
                        }
                    }
                    if (each.cleans) clean(piece_);
                    break;
                case kind::blanks:
                    if (!is_first_) piece_.insert(0, 1, ' ');
                    break;
                case kind::strip:
                    break;
            }
        }
        is_first_ = false;
        if (byte >= 0) {
            kept_ += static_cast<char>(byte);
            if (streams_) flush_begun(text);
        } else if (is_raw) {
            kept_ += piece_;
            kept_.erase(0, append_lossy(kept_, false, text));
            raw_ = true;
        } else {
            finish(text);
            if (!io::is_utf8(piece_)) {
                spare_.clear();
                append_lossy(piece_, true, spare_);
                piece_.swap(spare_);
            }
            put(piece_, text);
        }
    }

    /// Appends the bytes that were kept.
    void finish(std::string& text) {
        if (raw_ || io::is_utf8(kept_)) {
            spare_.clear();
            append_lossy(kept_, true, spare_);
            put(spare_, text);
        } else {
            for (std::size_t count = kept_.size(); count > 0; --count) put(replacement, text);
        }
        kept_.clear();
    }

  private:
    /// Appends kept bytes that form complete characters or cannot become any.
    void flush_begun(std::string& text) {
        const auto lead = static_cast<unsigned char>(kept_[0]);
        const std::size_t wanted = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        spare_.clear();
        if (io::is_utf8(kept_) || kept_.size() >= wanted ||
            append_lossy(kept_, false, spare_) > 0) {
            finish(text);
        }
    }

    void put(std::string_view piece, std::string& text) {
        if (left_to_strip_ > 0) {
            for (const decoder_step& each : *steps_) {
                if (each.is != decoder_step::kind::strip) continue;
                while (left_to_strip_ > 0 && piece.starts_with(each.what)) {
                    piece.remove_prefix(each.what.size());
                    --left_to_strip_;
                }
            }
            if (!piece.empty()) left_to_strip_ = 0;
        }
        text.append(piece);
    }

    static void clean(std::string& text) {
        constexpr std::pair<std::string_view, std::string_view> rules[] = {
            {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
            {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
            {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
        for (const auto& [what, with] : rules) replace_all(text, what, with);
    }

    const std::vector<decoder_step>* steps_;
    bool streams_;
    bool is_first_ = true;
    bool raw_ = false;
    std::size_t left_to_strip_ = 0;
    std::string piece_;
    std::string spare_;
    std::string kept_;  // bytes of an incomplete character
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// The precompiled normalization rules of SentencePiece: the size of a trie in bytes (uint32), the
/// trie (a double array of darts-clone), then texts that end with 0, to which the trie's values
/// point.
SEQUENT_LAZY class charsmap {
  public:
    bool is_empty() const noexcept { return units_.empty(); }

    /// Reads the rules. Returns false if they are not well-formed.
    bool read(std::string_view blob) {
        const auto word = [&](std::size_t at) {
            return io::detail::load_bits<std::uint32_t>(
                reinterpret_cast<const std::byte*>(blob.data()) + at);
        };
        if (blob.size() < 4) return false;
        const std::size_t size = word(0);
        if (size % 4 != 0 || size == 0 || size > blob.size() - 4) return false;
        for (std::size_t at = 0; at < size; at += 4) units_.push_back(word(4 + at));
        texts_ = blob.substr(4 + size);
        texts_ += '\0';
        return io::is_utf8(texts_);
    }

    struct match {
        std::size_t length = 0;  // length of the key in bytes; 0 if there is no match
        std::string_view text;
    };

    /// The shortest or the longest key that is a prefix of `text`, and its replacement.
    match find(std::string_view text, bool longest) const noexcept {
        match result;
        std::size_t node = offset(units_[0]);
        for (std::size_t at = 0; at < text.size(); ++at) {
            const auto byte = static_cast<unsigned char>(text[at]);
            node ^= byte;
            if (byte == 0 || node >= units_.size()) break;
            const std::uint32_t unit = units_[node];
            if ((unit & 0x800000FF) != byte) break;
            node ^= offset(unit);
            if ((unit >> 8 & 1) == 0) continue;
            const std::size_t value = node < units_.size() ? units_[node] & 0x7FFFFFFF : none_;
            if (value >= texts_.size()) break;
            result = {at + 1, std::string_view(texts_.data() + value)};
            if (!longest) break;
        }
        return result;
    }

    /// Appends `from`, normalized as by the package tokenizers: a grapheme cluster of fewer than 6
    /// bytes that begins with a key is replaced by the text of the shortest such key; in other
    /// clusters, the same is done for each code point.
    void normalize(const aligned_text& from, aligned_text& to) const {
        const std::string_view text = from.text;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = cluster_end(text, at);
            if (end - at < 6) {
                if (const match found = find(text.substr(at, end - at), false); found.length > 0) {
                    replace(found.text, from, at, end, to);
                    at = end;
                    continue;
                }
            }
            while (at < end) {
                const std::size_t next = at + decode_utf8(text, at).length;
                const match found = find(text.substr(at, next - at), false);
                if (found.length > 0) {
                    replace(found.text, from, at, next, to);
                } else {
                    to.copy(from, at, next);
                }
                at = next;
            }
        }
    }

  private:
    static constexpr std::size_t none_ = static_cast<std::size_t>(-1);

    static std::size_t offset(std::uint32_t unit) noexcept {
        return std::size_t{unit >> 10} << ((unit & 1U << 9) >> 6);
    }

    /// Appends `with` in place of the bytes [begin, end) of `from`. Its code points are aligned in
    /// order with those replaced; surplus ones with the last.
    static void replace(std::string_view with, const aligned_text& from, std::size_t begin,
                        std::size_t end, aligned_text& to) {
        for (std::size_t at = 0; at < with.size();) {
            const std::size_t length = decode_utf8(with, at).length;
            to.put(with.substr(at, length), from, begin);
            at += length;
            const std::size_t next = begin + decode_utf8(from.text, begin).length;
            if (next < end) begin = next;
        }
    }

    static bool is_hangul(std::uint32_t code) noexcept {
        return (code >= 0x1100 && code <= 0x11FF) || (code >= 0xA960 && code <= 0xA97C) ||
               (code >= 0xAC00 && code <= 0xD7FB);
    }

    /// Returns true if a code point always begins a cluster of its own.
    static bool is_control(std::uint32_t code) noexcept {
        constexpr std::uint32_t controls =
            categories(category::cc, category::cf, category::zl, category::zp);
        return unicode_data<>::get().is(code, controls) && !is_prepended(code) && !extends(code);
    }

    static bool is_prepended(std::uint32_t code) noexcept {
        return (code >= 0x600 && code <= 0x605) || code == 0x6DD || code == 0x70F ||
               code == 0x890 || code == 0x891 || code == 0x8E2 || code == 0xD4E;
    }

    /// Returns true if a code point extends the cluster before it (Extend, SpacingMark, ZWJ of
    /// UAX #29).
    static bool extends(std::uint32_t code) noexcept {
        if (code < 0x300) return false;
        if (unicode_data<>::get().is(code, marks)) {
            const bool is_apart = code == 0x102B || code == 0x102C || code == 0x1038 ||
                                  (code >= 0x1062 && code <= 0x1064) ||
                                  (code >= 0x1067 && code <= 0x106D) || code == 0x1083 ||
                                  (code >= 0x1087 && code <= 0x108C) || code == 0x108F ||
                                  (code >= 0x109A && code <= 0x109C) || code == 0x1A61 ||
                                  code == 0x1A63 || code == 0x1A64 || code == 0xAA7B ||
                                  code == 0xAA7D || code == 0x11720 || code == 0x11721;
            return !is_apart;
        }
        return code == 0x200C || code == 0x200D || code == 0xFF9E || code == 0xFF9F ||
               code == 0xE33 || code == 0xEB3 || (code >= 0x1F3FB && code <= 0x1F3FF) ||
               (code >= 0xE0020 && code <= 0xE007F);
    }

    /// The end of the extended grapheme cluster that begins at `at`. For a cluster of 6 bytes or
    /// more, it may be any end that gives 6 bytes or more.
    static std::size_t cluster_end(std::string_view text, std::size_t at) noexcept {
        code_point each = decode_utf8(text, at);
        std::size_t end = at + each.length;
        if (end < text.size() && each.code < 0x80 && static_cast<unsigned char>(text[end]) < 0x80)
            return each.code == '\r' && text[end] == '\n' ? end + 1 : end;
        if (is_control(each.code)) return end;
        while (end < text.size()) {
            const code_point next = decode_utf8(text, end);
            const bool joins = extends(next.code) ||
                               (is_prepended(each.code) && !is_control(next.code)) ||
                               (is_hangul(each.code) && is_hangul(next.code));
            if (!joins) break;
            end += next.length;
            each = next;
        }
        return end;
    }

    std::vector<std::uint32_t> units_;
    std::string texts_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// Appends a normal form of `from` to `to`: NFD, NFC (composed), NFKD (compatible), NFKC (both). A
/// composed character has the origin of its first part. If marks are reordered, their origins are
/// not.
SEQUENT_LAZY void normal_form(const aligned_text& from, aligned_text& to, bool compatible,
                              bool composed) {
    struct part {
        std::uint32_t code;
        unsigned combining_class;
        std::size_t origins;  // how many code points of `from` it replaces
    };
    const auto& unicode = unicode_data<>::get();
    std::vector<part> parts;         // begins with a starter that no earlier part can change
    std::size_t last = 0, next = 0;  // the last code point of `from` read, and the next one
    const auto flush = [&] {
        for (auto first = parts.begin(); first != parts.end();) {
            if (first->combining_class == 0) {
                ++first;
                continue;
            }
            auto end = first;
            while (end != parts.end() && end->combining_class != 0) ++end;
            std::stable_sort(first, end, [](const part& one, const part& two) {
                return one.combining_class < two.combining_class;
            });
            first = end;
        }
        if (composed && !parts.empty()) {
            std::size_t kept = 0, starter = parts.size();
            unsigned before = 0;  // combining class of the last part kept after the starter
            for (const part each : parts) {
                const bool adjacent = starter + 1 == kept;
                if (starter < kept && (adjacent || before < each.combining_class)) {
                    if (const std::uint32_t code =
                            unicode.compose(parts[starter].code, each.code)) {
                        parts[starter].code = code;
                        parts[starter].origins += each.origins;
                        continue;
                    }
                }
                if (each.combining_class == 0) starter = kept;
                before = each.combining_class;
                parts[kept++] = each;
            }
            parts.resize(kept);
        }
        for (const part& each : parts) {
            to.put(each.code, from, each.origins > 0 ? next : last);
            for (std::size_t count = each.origins; count > 0; --count) {
                last = next;
                next += decode_utf8(from.text, next).length;
            }
        }
        parts.clear();
    };
    const std::string_view text = from.text;
    for (std::size_t at = 0; at < text.size();) {
        if (const std::size_t end = ascii_end(text, at); end > at) {
            flush();
            // The last character may compose with the next one.
            const std::size_t kept = composed && end < text.size() ? end - 1 : end;
            to.copy(from, at, kept);
            next = kept;
            if (kept < end) parts.push_back({static_cast<unsigned char>(text[kept]), 0, 1});
            at = end;
            continue;
        }
        const code_point each = decode_utf8(text, at);
        std::size_t origins = 1;
        unicode.decompose(each.code, compatible, [&](std::uint32_t code) {
            const unsigned combining_class = unicode.combining_class(code);
            if (combining_class == 0 && !(composed && unicode.joins(code))) flush();
            parts.push_back({code, combining_class, std::exchange(origins, 0)});
        });
        at += each.length;
    }
    flush();
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A step of a normalizer.
struct normalizer_step {
    enum class kind : std::uint8_t {
        nfc,
        nfd,
        nfkc,
        nfkd,
        lower_case,
        strip_accents,   // remove nonspacing marks (Mn)
        strip_marks,     // remove all marks
        strip,           // remove white space at the ends: `left`, `right`
        prepend,         // put `with` before the text unless it is empty
        replace,         // replace each `what` by `with`
        replace_spaces,  // replace runs of at least `least` white space code points by `with`
        replace_blanks,  // replace runs of at least `least` blanks (U+0020) by `with`
        bert,            // BERT's normalizer: `clean`, `chinese`, `accents`, `lower`
        charsmap,        // a charsmap, as the package tokenizers applies it
        sentencepiece,   // a charsmap, as SentencePiece applies it: `prefix`, `spaces`, `escape`
    };
    kind is = kind::nfc;
    std::string what;
    std::string with;
    std::size_t least = 1;
    bool left = false, right = false;
    bool clean = false, chinese = false, accents = false, lower = false;
    bool prefix = false, spaces = false, escape = false;
    bool always = false;  // `prefix` and `spaces` apply behind each added token, too
    detail::charsmap<> map;
};

inline constexpr std::string_view block = "\xE2\x96\x81";  // U+2581, SentencePiece's blank

SEQUENT_LAZY class normalizer {
  public:
    using step = normalizer_step;
    using kind = step::kind;

    std::vector<step> steps;

    /// Normalizes `text`, with `other` as temporary memory. `is_first`: it is the beginning of the
    /// whole text.
    void apply(aligned_text& text, aligned_text& other, bool is_first = true) const {
        for (const step& each : steps) {
            other.clear(text.is_tracked);
            apply(each, text, other, is_first);
            std::swap(text, other);
        }
    }

    /// The normalized form of a text, without offsets.
    std::string applied(std::string_view text) const {
        aligned_text result, other;
        result.assign(text, 0, false);
        apply(result, other);
        return result.text;
    }

  private:
    static const unicode_data<>& unicode() { return unicode_data<>::get(); }

    void apply(const step& of, const aligned_text& from, aligned_text& to, bool is_first) const {
        const std::string_view text = from.text;
        switch (of.is) {
            case kind::nfc:
            case kind::nfkc:
                return normal_form(from, to, of.is == kind::nfkc, true);
            case kind::nfd:
            case kind::nfkd:
                return normal_form(from, to, of.is == kind::nfkd, false);
            case kind::lower_case:
                return for_each_code(from, [&](std::uint32_t code, std::size_t at) {
                    put_lower(code, from, at, to);
                });
            case kind::strip_accents:
            case kind::strip_marks: {
                const std::uint32_t set =
                    of.is == kind::strip_marks ? marks : categories(category::mn);
                return for_each_code(from, [&](std::uint32_t code, std::size_t at) {
                    if (code < 0x80 || !unicode().is(code, set)) to.put(code, from, at);
                });
            }
            case kind::strip: {
                std::size_t begin = 0, end = text.size();
                while (of.left && begin < end) {
                    const code_point each = decode_utf8(text, begin);
                    if (!is_white_space(each.code)) break;
                    begin += each.length;
                }
                while (of.right && begin < end) {
                    const std::size_t length = length_before(text, begin, end);
                    if (!is_white_space(decode_utf8(text, end - length).code)) break;
                    end -= length;
                }
                return to.copy(from, begin, end);
            }
            case kind::prepend:
                if (!text.empty()) to.put(of.with, from, 0);
                return to.copy(from, 0, text.size());
            case kind::replace:
                return replace(of, from, to);
            case kind::replace_spaces:
                return replace_runs(of, from, to, is_white_space);
            case kind::replace_blanks:
                return replace_runs(of, from, to, [](std::uint32_t code) { return code == ' '; });
            case kind::bert:
                return bert(of, from, to);
            case kind::charsmap:
                return of.map.normalize(from, to);
            case kind::sentencepiece:
                return sentencepiece(of, from, to, is_first || of.always);
        }
    }

    template <class F>
    static void for_each_code(const aligned_text& from, F f) {
        for (std::size_t at = 0; at < from.text.size();) {
            const code_point each = decode_utf8(from.text, at);
            f(each.code, at);
            at += each.length;
        }
    }

    static void put_lower(std::uint32_t code, const aligned_text& from, std::size_t at,
                          aligned_text& to) {
        to.put(unicode().lower(code), from, at);
        if (code == 0x130) to.put(0x307, from, at);
    }

    static void replace(const step& of, const aligned_text& from, aligned_text& to) {
        const std::string_view text = from.text;
        for (std::size_t at = 0;;) {
            const std::size_t found = of.what.empty() ? text.npos : text.find(of.what, at);
            if (found == text.npos) return to.copy(from, at, text.size());
            to.copy(from, at, found);
            at = found + of.what.size();
            to.put(of.with, from, at - 1);
        }
    }

    template <class Is>
    static void replace_runs(const step& of, const aligned_text& from, aligned_text& to, Is is) {
        const std::string_view text = from.text;
        for (std::size_t at = 0; at < text.size();) {
            std::size_t end = at, count = 0;
            for (; end < text.size(); ++count) {
                const code_point each = decode_utf8(text, end);
                if (!is(each.code)) break;
                end += each.length;
            }
            if (count >= of.least) {
                to.put(of.with, from, end - 1);
            } else {
                if (count == 0) end = at + decode_utf8(text, at).length;
                to.copy(from, at, end);
            }
            at = end;
        }
    }

    static bool is_chinese(std::uint32_t code) noexcept {
        return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
               (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
               (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
               (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
    }

    /// BERT's normalizer in one pass: removes control characters, converts white space to blanks,
    /// puts blanks around ideographs, removes accents and converts to lower case. It does not
    /// reorder marks. That matters only for adjacent marks that are not accents (Mc with a
    /// combining class); the steps are then applied one by one.
    static void bert(const step& of, const aligned_text& from, aligned_text& to) {
        const std::string_view text = from.text;
        const std::size_t before = to.text.size();
        for (std::size_t at = 0; at < text.size();) {
            if (const std::size_t end = ascii_end(text, at); end > at) {
                const std::size_t begun = to.text.size();
                to.text.resize(begun + (end - at));
                char* next = to.text.data() + begun;
                for (; at < end; ++at) {
                    const char each = text[at];
                    const bool is_space = each == ' ' || (each >= 9 && each <= 13);
                    const bool is_break = each == '\t' || each == '\n' || each == '\r';
                    if (of.clean && !is_break && (each < 32 || each == 127)) continue;
                    *next++ = of.clean && is_space ? ' '
                              : of.lower && each >= 'A' && each <= 'Z'
                                  ? static_cast<char>(each + 32)
                                  : each;
                    if (to.is_tracked) to.ranges.push_back(from.ranges[at]);
                }
                to.text.resize(static_cast<std::size_t>(next - to.text.data()));
                continue;
            }
            const code_point each = decode_utf8(text, at);
            const std::size_t place = at;
            at += each.length;
            if (of.clean) {
                if (each.code == 0xFFFD || unicode().is(each.code, others)) continue;
                if (is_white_space(each.code)) {
                    to.put(" ", from, place);
                    continue;
                }
            }
            const bool apart = of.chinese && is_chinese(each.code);
            if (apart) to.put(" ", from, place);
            bool is_ordered = true;
            const auto put = [&](std::uint32_t code) {
                if (of.lower) {
                    put_lower(code, from, place, to);
                } else {
                    to.put(code, from, place);
                }
            };
            if (of.accents) {
                unicode().decompose(each.code, false, [&](std::uint32_t code) {
                    if (unicode().is(code, categories(category::mn))) return;
                    if (unicode().combining_class(code) != 0) is_ordered = false;
                    put(code);
                });
            } else {
                put(each.code);
            }
            if (apart) to.put(" ", from, place);
            if (!is_ordered) {
                to.text.resize(before);
                if (to.is_tracked) to.ranges.resize(before);
                return bert_step_by_step(of, from, to);
            }
        }
    }

    static void bert_step_by_step(const step& of, const aligned_text& from, aligned_text& to) {
        step first = of;
        first.accents = first.lower = false;
        normalizer rest;
        rest.steps.resize(of.lower ? 3 : 2);
        rest.steps[0].is = kind::nfd;
        rest.steps[1].is = kind::strip_accents;
        if (of.lower) rest.steps[2].is = kind::lower_case;
        aligned_text other;
        bert(first, from, to);
        rest.apply(to, other);
    }

    static void sentencepiece(const step& of, const aligned_text& from, aligned_text& to,
                              bool is_first) {
        const std::string_view text = from.text;
        const std::string_view blank = of.escape ? block : " ";
        const auto chunk = [&](std::size_t at) -> charsmap<>::match {
            if (!of.map.is_empty()) {
                if (const auto found = of.map.find(text.substr(at), true); found.length > 0)
                    return found;
            }
            const std::size_t length = decode_utf8(text, at).length;
            return {length, text.substr(at, length)};
        };
        std::size_t at = 0;
        while (of.spaces && is_first && at < text.size()) {
            const auto each = chunk(at);
            if (each.text != " ") break;
            at += each.length;
        }
        if (at == text.size()) return;
        if (of.prefix && is_first) to.put(blank, from, at);
        bool behind_blank = of.spaces && is_first;
        while (at < text.size()) {
            auto each = chunk(at);
            while (behind_blank && each.text.starts_with(' ')) each.text.remove_prefix(1);
            for (const char next : each.text)
                to.put(next == ' ' ? blank : std::string_view(&next, 1), from, at);
            if (!each.text.empty()) behind_blank = of.spaces && each.text.ends_with(' ');
            at += each.length;
        }
        while (of.spaces && to.text.ends_with(blank)) {
            to.text.resize(to.text.size() - blank.size());
            if (to.is_tracked) to.ranges.resize(to.text.size());
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// Byte pair encoding (BPE): a word is split into its bytes or code points; then the adjacent pair
/// with the merge of least rank, the first of several, is merged until no pair has a merge.
SEQUENT_LAZY class pair_encoding {
  public:
    /// Temporary memory for a word.
    struct workspace {
        struct symbol {
            std::uint32_t id;
            std::uint32_t end;  // end in bytes of the word
            std::uint32_t previous;
            std::uint32_t next;  // `none` for the last symbol; its own index if it was merged
        };
        struct candidate {
            std::uint32_t rank;
            std::uint32_t at;
            std::uint32_t id;
            /// Returns true if this candidate is merged later than the other.
            bool operator<(const candidate& other) const noexcept {
                return rank != other.rank ? rank > other.rank : at > other.at;
            }
        };
        std::vector<symbol> symbols;
        std::vector<candidate> heap;
    };

    bool by_bytes = false;       // words are split into bytes, else into code points
    bool whole_words = false;    // words that are tokens are not merged from parts
    bool joins_unknown = false;  // adjacent unknown parts are one token
    std::uint32_t unknown = none;
    text_list<> starts;                    // the code points that are tokens
    std::vector<std::uint32_t> start_ids;  // ids of `starts`
    text_list<> last_starts;               // code points at the end of a word, if different
    std::vector<std::uint32_t> last_ids;
    std::array<std::uint32_t, 256> bytes{};       // the token of each byte, or none
    std::array<std::uint32_t, 256> last_bytes{};  // the token of each byte that ends a word
    pair_table<> merges;                          // pair of tokens: rank, then the merged token
    text_list<> words;                            // texts of the tokens, for `whole_words`
    std::vector<std::uint32_t> word_ids;

    /// Appends the tokens of `word`. Returns false if a byte or code point has no token and there
    /// is no unknown token.
    bool append(std::string_view word, std::vector<word_token>& result, workspace& work) const {
        if (whole_words) {
            if (const std::uint32_t found = words.find(word); found != none) {
                result.push_back({word_ids[found], 0, static_cast<std::uint32_t>(word.size())});
                return true;
            }
        }
        auto& symbols = work.symbols;
        symbols.clear();
        const bool is_complete = by_bytes ? start_bytes(word, symbols) : start(word, symbols);
        if (!is_complete) return false;
        merge(work);
        std::uint32_t begin = 0;
        for (std::uint32_t at = 0; at < symbols.size(); at = symbols[at].next) {
            result.push_back({symbols[at].id, begin, symbols[at].end});
            begin = symbols[at].end;
        }
        return true;
    }

  private:
    using symbol_list = std::vector<typename workspace::symbol>;

    static void add(symbol_list& symbols, std::uint32_t id, std::size_t end) {
        const auto number = static_cast<std::uint32_t>(symbols.size());
        symbols.push_back({id, static_cast<std::uint32_t>(end), number - 1, number + 1});
    }

    /// Adds an unknown part, joined with an unknown part before it if `joins_unknown`.
    bool add_unknown(symbol_list& symbols, std::size_t end, bool behind_unknown) const {
        if (unknown == none) return false;
        if (joins_unknown && behind_unknown) {
            symbols.back().end = static_cast<std::uint32_t>(end);
        } else {
            add(symbols, unknown, end);
        }
        return true;
    }

    bool start_bytes(std::string_view word, symbol_list& symbols) const {
        bool behind_unknown = false;
        for (std::size_t at = 0; at < word.size(); ++at) {
            const auto& ids = at + 1 < word.size() ? bytes : last_bytes;
            const std::uint32_t id = ids[static_cast<unsigned char>(word[at])];
            if (id != none) {
                add(symbols, id, at + 1);
            } else if (!add_unknown(symbols, at + 1, behind_unknown)) {
                return false;
            }
            behind_unknown = id == none;
        }
        return true;
    }

    bool start(std::string_view word, symbol_list& symbols) const {
        bool behind_unknown = false;
        for (std::size_t at = 0; at < word.size();) {
            const std::size_t length = decode_utf8(word, at).length;
            const std::string_view part = word.substr(at, length);
            const bool is_last = at + length == word.size() && last_starts.size() > 0;
            const std::uint32_t found = is_last ? last_starts.find(part) : starts.find(part);
            at += length;
            if (found != none) {
                add(symbols, is_last ? last_ids[found] : start_ids[found], at);
                behind_unknown = false;
                continue;
            }
            bool has_bytes = true;
            for (const char byte : part)
                has_bytes = has_bytes && bytes[static_cast<unsigned char>(byte)] != none;
            if (has_bytes) {
                for (std::size_t byte = 0; byte < length; ++byte) {
                    add(symbols, bytes[static_cast<unsigned char>(part[byte])],
                        at - length + byte + 1);
                }
                behind_unknown = false;
            } else if (add_unknown(symbols, at, behind_unknown)) {
                behind_unknown = true;
            } else {
                return false;
            }
        }
        return true;
    }

    void merge(workspace& work) const {
        auto& symbols = work.symbols;
        auto& heap = work.heap;
        heap.clear();
        const auto count = static_cast<std::uint32_t>(symbols.size());
        for (std::uint32_t at = 0; at + 1 < count; ++at) {
            const auto found = merges.find(symbols[at].id, symbols[at + 1].id);
            if (found.first != none) heap.push_back({found.first, at, found.second});
        }
        std::make_heap(heap.begin(), heap.end());
        const auto propose = [&](std::uint32_t left, std::uint32_t right) {
            const auto found = merges.find(symbols[left].id, symbols[right].id);
            if (found.first == none) return;
            heap.push_back({found.first, left, found.second});
            std::push_heap(heap.begin(), heap.end());
        };
        while (!heap.empty()) {
            const auto best = heap.front();
            std::pop_heap(heap.begin(), heap.end());
            heap.pop_back();
            auto& left = symbols[best.at];
            const std::uint32_t right = left.next;
            // Either side may have been merged meanwhile.
            if (right == best.at || right >= count) continue;
            if (merges.find(left.id, symbols[right].id).second != best.id) continue;
            left.id = best.id;
            left.end = symbols[right].end;
            left.next = symbols[right].next;
            symbols[right].next = right;
            if (left.next < count) {
                symbols[left.next].previous = best.at;
                propose(best.at, left.next);
            }
            if (left.previous < count) propose(left.previous, best.at);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A regular expression with which published tokenizers split words. The expressions form one
/// family, whose members differ in these fields. Their alternatives in order: contraction, letters,
/// numbers, others, lines, spaces.
struct word_pattern {
    enum class letter_form : std::uint8_t {
        plain,  // \p{L}+
        blank,  // " ?\p{L}+"
        any,    // [^\r\n\p{L}\p{N}]?\p{L}+
        cased,  // [^\r\n\p{L}\p{N}]?, capitals, then small letters; contractions follow
    };
    std::string_view expression;
    letter_form letters_as = letter_form::blank;
    bool contractions = true;    // matched; for `cased` after the letters
    bool any_case = false;       // contractions match in any case
    std::size_t digits = 0;      // greatest number of adjacent digits; 0: " ?\p{N}+"
    bool blank = true;           // others may begin with a blank: " ?[^\s\p{L}\p{N}]+"
    std::string_view ends = {};  // others may end with any number of these characters
    bool lines = false;          // has the alternative \s*[\r\n]+
    bool spaces = true;          // has \s+(?!\S)|\s+; else white space separates words
};

inline constexpr std::array word_patterns = [] {
    using form = word_pattern::letter_form;
    return std::array{
        word_pattern{
            R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
        word_pattern{R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
        word_pattern{
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::any, true, true, 3, true, "\r\n", true, true},
        word_pattern{
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::any, true, true, 1, true, "\r\n", true, true},
        word_pattern{
            R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::cased, true, true, 3, true, "\r\n/", true, true},
        word_pattern{
            R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::cased, false, true, 1, true, "\r\n/", true, true},
        word_pattern{R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)", form::plain,
                     true, false, 1, false, "", false, false},
        word_pattern{
            R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",
            form::plain, true, false, 1, false, "", false, false},
    };
}();

/// The pattern with exactly this expression; null if it is unknown.
constexpr const word_pattern* find_pattern(std::string_view expression) noexcept {
    for (const word_pattern& each : word_patterns) {
        if (each.expression == expression) return &each;
    }
    return nullptr;
}

/// Matches a word_pattern in text[0, end) of well-formed UTF-8.
SEQUENT_LAZY class word_matcher {
  public:
    word_matcher(const word_pattern& pattern, std::string_view text)
        : pattern_(pattern), text_(text), end_(text.size()) {}

    /// The end of the match that begins at `at`, which is less than `end`; `at` if there is none.
    std::size_t match(std::size_t at) const noexcept {
        using form = word_pattern::letter_form;
        const seen first = look(at);
        const std::size_t next = at + first.length;
        if (pattern_.letters_as == form::cased) {
            if (const std::size_t end = cased(at, first); end > at) return end;
        } else {
            if (pattern_.contractions && text_[at] == '\'') {
                if (const std::size_t end = contraction(at); end > at) return end;
            }
            if (first.is(letter)) return run(next, letter);
            const bool takes_first =
                pattern_.letters_as == form::any
                    ? !first.is(number) && text_[at] != '\r' && text_[at] != '\n'
                    : pattern_.letters_as == form::blank && text_[at] == ' ';
            if (takes_first && next < end_ && look(next).is(letter)) return run(next, letter);
        }
        const bool is_blank = text_[at] == ' ' && next < end_;
        if (pattern_.digits == 0) {
            if (first.is(number) || (is_blank && look(next).is(number))) return run(next, number);
        } else if (first.is(number)) {
            std::size_t end = next;
            for (std::size_t count = 1; count < pattern_.digits && end < end_; ++count) {
                const seen each = look(end);
                if (!each.is(number)) break;
                end += each.length;
            }
            return end;
        }
        if (first.is(other) || (pattern_.blank && is_blank && look(next).is(other))) {
            std::size_t end = run(next, other);
            while (end < end_ && pattern_.ends.find(text_[end]) != std::string_view::npos) ++end;
            return end;
        }
        if (!pattern_.spaces) return at;
        // White space: match up to its last line break, else all but its last code point if a word
        // follows.
        std::size_t end = at, last = at, line = at;
        while (end < end_) {
            const seen each = look(end);
            if (!each.is(space)) break;
            last = end;
            end += each.length;
            if (text_[last] == '\r' || text_[last] == '\n') line = end;
        }
        if (pattern_.lines && line > at) return line;
        return end < end_ && last > at ? last : end;
    }

    /// The end of the gap from `at` on, in which no match begins.
    std::size_t gap(std::size_t at) const noexcept { return run(at, space); }

  private:
    // The class of a code point: one of the first four; for letters also their case.
    enum : std::uint8_t { letter = 1, number = 2, space = 4, other = 8, capital = 16, small = 32 };

    struct seen {
        std::uint32_t kind;
        std::uint32_t length;
        bool is(std::uint32_t kinds) const noexcept { return (kind & kinds) != 0; }
    };

    static constexpr auto ascii = [] {
        std::array<std::uint8_t, 128> result{};
        for (std::size_t code = 0; code < result.size(); ++code) {
            const bool is_upper = code >= 'A' && code <= 'Z';
            const bool is_lower = code >= 'a' && code <= 'z';
            result[code] = is_upper                                           ? letter | capital
                           : is_lower                                         ? letter | small
                           : code >= '0' && code <= '9'                       ? number
                           : is_white_space(static_cast<std::uint32_t>(code)) ? space
                                                                              : other;
        }
        return result;
    }();

    seen look(std::size_t at) const noexcept {
        const auto byte = static_cast<unsigned char>(text_[at]);
        if (byte < 0x80) return {ascii[byte], 1};
        const code_point each = decode_utf8(text_, at);
        return {kind_of(each.code), each.length};
    }

    static std::uint32_t kind_of(std::uint32_t code) noexcept {
        constexpr std::uint32_t both = categories(category::lm, category::lo);
        const std::uint32_t bit = unicode_data<>::get().category_bit(code);
        if ((bit & letters) != 0) {
            return letter | ((bit & both) != 0                       ? capital | small
                             : (bit & categories(category::ll)) != 0 ? small
                                                                     : capital);
        }
        if ((bit & numbers) != 0) return number;
        if (is_white_space(code)) return space;
        return (bit & marks) != 0 ? other | capital | small : other;
    }

    std::size_t run(std::size_t at, std::uint32_t kinds) const noexcept {
        for (;;) {
            while (at < end_ && static_cast<unsigned char>(text_[at]) < 0x80) {
                if ((ascii[static_cast<unsigned char>(text_[at])] & kinds) == 0) return at;
                ++at;
            }
            if (at == end_) return at;
            const seen each = look(at);
            if (!each.is(kinds)) return at;
            at += each.length;
        }
    }

    /// The end of 's, 't, 're, 've, 'm, 'll or 'd at `at`; `at` if there is none.
    std::size_t contraction(std::size_t at) const noexcept {
        if (at + 1 >= end_ || text_[at] != '\'') return at;
        const auto letter_at = [&](std::size_t place) {
            const char code = place < end_ ? text_[place] : '\0';
            return pattern_.any_case && code >= 'A' && code <= 'Z' ? static_cast<char>(code + 32)
                                                                   : code;
        };
        const char one = letter_at(at + 1), two = letter_at(at + 2);
        if (one == 's' || one == 't' || one == 'm' || one == 'd') return at + 2;
        if ((one == 'r' && two == 'e') || (one == 'v' && two == 'e') || (one == 'l' && two == 'l'))
            return at + 3;
        // The long s (U+017F) is a case variant of s.
        const bool is_long = pattern_.any_case && text_.substr(at + 1, 2) == "\xC5\xBF";
        return is_long && at + 3 <= end_ ? at + 3 : at;
    }

    /// Both alternatives of letters of `cased`: [^\r\n\p{L}\p{N}]?, then U* l+ or U+ l*.
    std::size_t cased(std::size_t at, seen first) const noexcept {
        const bool skips = !first.is(letter | number) && text_[at] != '\r' && text_[at] != '\n' &&
                           at + first.length < end_;
        std::size_t end = at;
        if (skips) end = small_end(at + first.length);
        if (!skips || end == at + first.length) end = small_end(at);
        if (end == at && skips) {
            end = capital_end(at + first.length);
            if (end == at + first.length) end = at;
        }
        if (end == at) end = capital_end(at);
        if (end > at && pattern_.contractions) end = contraction(end);
        return end;
    }

    /// U* l+ from `at` on; `at` if it does not match.
    std::size_t small_end(std::size_t at) const noexcept {
        std::size_t end = at, last = at;  // last: after the last code point of U that is also in l
        while (end < end_) {
            const seen each = look(end);
            if (!each.is(capital)) break;
            end += each.length;
            if (each.is(small)) last = end;
        }
        const std::size_t all = run(end, small);
        return all > end ? all : last;
    }
    /// The end of U+ l* from `at` on. It is used if U* l+ does not match, so that no l follows.
    std::size_t capital_end(std::size_t at) const noexcept { return run(at, capital); }

    const word_pattern& pattern_;
    std::string_view text_;
    std::size_t end_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A step of a pre-tokenizer, applied to each piece of the text.
struct split_step {
    enum class kind : std::uint8_t {
        words,        // split at matches of `pattern`
        text,         // split at matches of `what`
        bert,         // split at white space, which is removed, and around punctuation
        white_space,  // split at white space, which is removed
        digits,       // split around numbers
        punctuated,   // split at punctuation
        word_runs,    // pieces are the matches of \w+|[^\w\s]+
        blank_runs,   // split before each run of `what`
        blank,        // put a blank before the piece unless it begins with one
        metaspace,    // replace blanks by `what`, which begins pieces if `splits`
    };
    enum class behavior : std::uint8_t { isolated, removed, merged_before, merged_behind, joined };
    enum class prefix : std::uint8_t { never, first, always };
    kind is = kind::words;
    const word_pattern* pattern = nullptr;
    std::string what;
    behavior as = behavior::isolated;
    bool inverted = false;  // the gaps between matches take the role of matches
    bool splits = true;
    prefix before = prefix::always;
};

/// A piece of a text.
struct text_piece {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

SEQUENT_LAZY class pre_tokenizer {
  public:
    using step = split_step;
    using kind = step::kind;
    using behavior = step::behavior;

    std::vector<step> steps;

    /// Splits `text` into pieces. `is_first`: it is the beginning of the original text. `other` and
    /// `spare` are temporary memory.
    void apply(aligned_text& text, std::vector<text_piece>& pieces, bool is_first,
               aligned_text& other, std::vector<text_piece>& spare) const {
        pieces.clear();
        if (text.text.empty()) return;
        pieces.push_back({0, static_cast<std::uint32_t>(text.text.size())});
        for (const step& each : steps) {
            spare.clear();
            if (each.is == kind::blank || each.is == kind::metaspace) {
                rewrite(each, text, pieces, is_first, other);
                if (each.is == kind::blank || !each.splits) continue;
            }
            for (const text_piece piece : pieces) split(each, text.text, piece, spare);
            pieces.swap(spare);
        }
    }

  private:
    static const unicode_data<>& unicode() { return unicode_data<>::get(); }

    /// Collects matches and gaps as pieces.
    class gathering {
      public:
        gathering(const step& of, std::size_t begin, std::vector<text_piece>& to)
            : of_(of), begin_(begin), to_(to) {}

        void add(std::size_t begin, std::size_t end, bool is_match) {
            if (begin == end) return;
            const text_piece piece{static_cast<std::uint32_t>(begin),
                                   static_cast<std::uint32_t>(end)};
            is_match = is_match != of_.inverted;
            const bool is_behind =
                any_ && !to_.empty() && to_.back().end == piece.begin && piece.begin > begin_;
            bool joins = false;
            switch (of_.as) {
                case behavior::removed:
                    if (is_match) return;
                    break;
                case behavior::isolated:
                    break;
                case behavior::merged_before:
                    joins = is_match && !before_;
                    break;
                case behavior::merged_behind:
                    joins = !is_match && before_;
                    break;
                case behavior::joined:
                    joins = is_match == before_;
                    break;
            }
            if (joins && is_behind) {
                to_.back().end = piece.end;
            } else {
                to_.push_back(piece);
            }
            any_ = true;
            before_ = is_match;
        }

      private:
        const step& of_;
        std::size_t begin_;
        std::vector<text_piece>& to_;
        bool any_ = false;
        bool before_ = false;
    };

    static void split(const step& of, std::string_view text, text_piece piece,
                      std::vector<text_piece>& to) {
        switch (of.is) {
            case kind::words:
                return split_words(of, text, piece, to);
            case kind::text:
            case kind::metaspace:
                return split_text(of, text, piece, to);
            case kind::bert:
                return split_bert(text, piece, to);
            case kind::white_space:
                return split_runs(
                    text, piece, [&](std::uint32_t code) { return is_white_space(code) ? 0 : 1; },
                    [&](text_piece each, int what) {
                        if (what == 1) to.push_back(each);
                    });
            case kind::word_runs:
                return split_runs(
                    text, piece,
                    [&](std::uint32_t code) {
                        return unicode().is_word(code) ? 2 : is_white_space(code) ? 0 : 1;
                    },
                    [&](text_piece each, int what) {
                        if (what != 0) to.push_back(each);
                    });
            case kind::digits:
                return split_around(of, text, piece, to, is_number);
            case kind::punctuated:
                return split_around(of, text, piece, to, is_punctuation);
            case kind::blank_runs: {
                std::uint32_t begin = piece.begin;
                text = text.substr(0, piece.end);
                for (std::size_t at = piece.begin; (at = text.find(of.what, at)) != text.npos;) {
                    if (at > begin) {
                        to.push_back({begin, static_cast<std::uint32_t>(at)});
                        begin = static_cast<std::uint32_t>(at);
                    }
                    do {
                        at += of.what.size();
                    } while (text.substr(at).starts_with(of.what));
                }
                return to.push_back({begin, piece.end});
            }
            case kind::blank:
                return;
        }
    }

    static constexpr bool is_ascii_mark(std::uint32_t code) {
        return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) ||
               (code >= 91 && code <= 96) || (code >= 123 && code <= 126);
    }
    static bool is_punctuation(std::uint32_t code) {
        if (code < 0x80) return is_ascii_mark(code);
        return unicode().is(code, punctuation);
    }

    static bool is_number(std::uint32_t code) {
        if (code < 0x80) return code >= '0' && code <= '9';
        return unicode().is(code, numbers);
    }

    /// Splits around each code point for which is(code).
    template <class Is>
    static void split_around(const step& of, std::string_view text, text_piece piece,
                             std::vector<text_piece>& to, Is is) {
        gathering result(of, piece.begin, to);
        for (std::size_t at = piece.begin; at < piece.end;) {
            std::size_t end = at;
            code_point each{};
            while (end < piece.end && !is((each = decode_utf8(text, end)).code)) end += each.length;
            result.add(at, end, false);
            if (end < piece.end) result.add(end, end + each.length, true);
            at = end + (end < piece.end ? each.length : 0);
        }
    }

    static void split_words(const step& of, std::string_view text, text_piece piece,
                            std::vector<text_piece>& to) {
        const word_matcher<> matcher(*of.pattern, text.substr(0, piece.end));
        const bool is_plain =
            of.as == behavior::isolated ||
            (of.as == behavior::removed && of.inverted);  // matches are pieces, as they are
        gathering result(of, piece.begin, to);
        for (std::size_t at = piece.begin; at < piece.end;) {
            std::size_t end = matcher.match(at);
            const bool is_match = end > at;
            if (!is_match) end = matcher.gap(at);
            if (is_plain) {
                if (is_match || of.as == behavior::isolated)
                    to.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
            } else {
                result.add(at, end, is_match);
            }
            at = end;
        }
    }

    static void split_text(const step& of, std::string_view text, text_piece piece,
                           std::vector<text_piece>& to) {
        gathering result(of, piece.begin, to);
        text = text.substr(0, piece.end);
        for (std::size_t at = piece.begin;;) {
            const std::size_t found = of.what.empty() ? text.npos : text.find(of.what, at);
            if (found == text.npos) return result.add(at, piece.end, false);
            result.add(at, found, false);
            at = found + of.what.size();
            result.add(found, at, true);
        }
    }

    /// Calls f(piece, kind) for each run of code points of one kind.
    template <class Kind, class F>
    static void split_runs(std::string_view text, text_piece piece, Kind kind_of, F f) {
        std::uint32_t begin = piece.begin;
        int before = -1;
        for (std::uint32_t at = piece.begin; at < piece.end;) {
            const code_point each = decode_utf8(text, at);
            const int now = kind_of(each.code);
            if (now != before && at > begin) {
                f(text_piece{begin, at}, before);
                begin = at;
            }
            before = now;
            at += each.length;
        }
        if (piece.end > begin) f(text_piece{begin, piece.end}, before);
    }

    static void split_bert(std::string_view text, text_piece piece, std::vector<text_piece>& to) {
        enum : std::uint8_t { space = 1, mark = 2 };
        static constexpr auto ascii = [] {
            std::array<std::uint8_t, 128> result{};
            for (std::uint32_t code = 0; code < result.size(); ++code)
                result[code] = is_white_space(code) ? space : is_ascii_mark(code) ? mark : 0;
            return result;
        }();
        std::uint32_t begin = piece.begin;
        for (std::uint32_t at = piece.begin; at < piece.end;) {
            const auto byte = static_cast<unsigned char>(text[at]);
            std::uint32_t length = 1;
            bool is_space = false, is_mark = false;
            if (byte < 0x80) {
                is_space = ascii[byte] == space;
                is_mark = ascii[byte] == mark;
            } else {
                const code_point each = decode_utf8(text, at);
                length = each.length;
                is_space = is_white_space(each.code);
                is_mark = !is_space && is_punctuation(each.code);
            }
            if (is_space || is_mark) {
                if (at > begin) to.push_back({begin, at});
                if (is_mark) to.push_back({at, at + length});
                begin = at + length;
            }
            at += length;
        }
        if (piece.end > begin) to.push_back({begin, piece.end});
    }

    /// Steps that change the text.
    static void rewrite(const step& of, aligned_text& text, std::vector<text_piece>& pieces,
                        bool is_first, aligned_text& other) {
        other.clear(text.is_tracked);
        for (text_piece& piece : pieces) {
            const std::string_view from = std::string_view(text.text).substr(0, piece.end);
            const auto begin = static_cast<std::uint32_t>(other.text.size());
            if (of.is == kind::blank) {
                if (from[piece.begin] != ' ') other.put(" ", text, piece.begin);
                other.copy(text, piece.begin, piece.end);
            } else {
                const bool begins =
                    from[piece.begin] == ' ' || from.substr(piece.begin).starts_with(of.what);
                const bool wanted =
                    of.before == step::prefix::always ||
                    (of.before == step::prefix::first && is_first && piece.begin == 0);
                if (wanted && !begins) other.put(of.what, text, piece.begin);
                for (std::size_t at = piece.begin; at < piece.end;) {
                    const std::size_t found = std::min<std::size_t>(from.find(' ', at), piece.end);
                    other.copy(text, at, found);
                    if (found < piece.end) other.put(of.what, text, found);
                    at = found + 1;
                }
            }
            piece = {begin, static_cast<std::uint32_t>(other.text.size())};
        }
        std::swap(text, other);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A unigram language model: finds the tokens with the greatest sum of scores (log probabilities).
/// A code point without a token scores 10 less than the least score. Adjacent unknown code points
/// become one unknown token, or the tokens of their bytes if the vocabulary has them.
SEQUENT_LAZY class unigram {
  public:
    struct workspace {
        struct node {
            double score = 0;
            std::uint32_t begin = none;
            std::uint32_t id = none;
        };
        std::vector<node> nodes;
    };

    std::uint32_t unknown = none;
    std::array<std::uint32_t, 256> bytes{};  // the token of each byte, or none
    bool has_bytes = false;
    bool adds_floats = false;  // sums are rounded to float, as SentencePiece does

    /// Adds a token. `is_least`: its score counts for the least score, which determines that of
    /// unknown code points.
    void add(std::string_view text, std::uint32_t id, double score, bool is_least = true) {
        if (is_least) least_ = std::min(least_, score);
        if (scores_.size() <= id) scores_.resize(id + 1);
        scores_[id] = score;
        if (text.empty()) return;
        std::uint32_t node = 0;
        for (const char& each : text) {
            const auto byte = static_cast<unsigned char>(each);
            auto next = trie_.find(node, byte);
            if (next.first == none) {
                next = {node_count_++, none};
                trie_.set(node, byte, next);
            }
            if (&each == &text.back()) trie_.set(node, byte, {next.first, id});
            node = next.first;
        }
    }

    /// Appends the tokens of `word`. Returns false if a code point has no token and there is no
    /// unknown token.
    bool append(std::string_view word, std::vector<word_token>& result, workspace& work) const {
        auto& nodes = work.nodes;
        nodes.assign(word.size() + 1, {});
        const auto reach = [&](std::size_t end, std::size_t begin, double sum, std::uint32_t id) {
            const double score = adds_floats ? double{static_cast<float>(sum)} : sum;
            if (nodes[end].begin == none || score > nodes[end].score)
                nodes[end] = {score, static_cast<std::uint32_t>(begin), id};
        };
        for (std::size_t begin = 0; begin < word.size();) {
            const std::size_t length = decode_utf8(word, begin).length;
            const double score = nodes[begin].score;
            bool is_known = false;
            std::uint32_t node = 0;
            for (std::size_t at = begin; at < word.size(); ++at) {
                const auto next = trie_.find(node, static_cast<unsigned char>(word[at]));
                if (next.first == none) break;
                node = next.first;
                if (next.second == none) continue;
                reach(at + 1, begin, score + scores_[next.second], next.second);
                is_known = is_known || at + 1 == begin + length;
            }
            if (!is_known) {
                if (unknown == none) return false;
                reach(begin + length, begin, score + (least_ - 10), unknown);
            }
            begin += length;
        }
        const auto first = static_cast<std::ptrdiff_t>(result.size());
        for (auto end = static_cast<std::uint32_t>(word.size()); end > 0;) {
            const std::uint32_t id = nodes[end].id;
            std::uint32_t begin = nodes[end].begin;
            while (id == unknown && begin > 0 && nodes[begin].id == unknown)
                begin = nodes[begin].begin;
            if (id == unknown && has_bytes) {
                for (std::uint32_t at = end; at-- > begin;)
                    result.push_back({bytes[static_cast<unsigned char>(word[at])], begin, end});
            } else {
                result.push_back({id, begin, end});
            }
            end = begin;
        }
        std::reverse(result.begin() + first, result.end());
        return true;
    }

  private:
    pair_table<> trie_;  // a node and a byte: the next node, then the token that ends here or none
    std::uint32_t node_count_ = 1;
    std::vector<double> scores_;
    double least_ = std::numeric_limits<double>::max();
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// WordPiece: takes the longest matching token from left to right; tokens after the first begin
/// with a prefix ("##"). A word without such tokens, or with too many code points, is unknown.
SEQUENT_LAZY class word_piece {
  public:
    /// Prepares the tokens of a list that contains `unknown`. `prefix` begins tokens that continue
    /// a word.
    void prepare(const text_list<>& tokens, std::string_view prefix, std::uint32_t unknown,
                 std::size_t longest_word) {
        unknown_ = unknown;
        longest_word_ = longest_word;
        for (std::uint32_t id = 0; id < tokens.size(); ++id) {
            add(first_, tokens[id], id);
            if (tokens[id].starts_with(prefix)) add(rest_, tokens[id].substr(prefix.size()), id);
        }
    }

    void append(std::string_view word, std::vector<word_token>& result) const {
        const std::size_t before = result.size();
        const auto length = static_cast<std::uint32_t>(word.size());
        bool is_unknown = false;
        if (word.size() > longest_word_) {
            std::size_t count = 0;
            for (const char byte : word) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
            is_unknown = count > longest_word_;
        }
        for (std::size_t at = 0; at < word.size() && !is_unknown;) {
            const side& from = at == 0 ? first_ : rest_;
            std::size_t size = std::min(word.size() - at, from.longest);
            std::uint32_t found = none;
            for (; size > 0; --size) {
                const bool is_whole = at + size == word.size() ||
                                      (static_cast<unsigned char>(word[at + size]) & 0xC0) != 0x80;
                if (!is_whole) continue;
                found = from.tokens.find(word.substr(at, size));
                if (found != none) break;
            }
            is_unknown = found == none;
            if (!is_unknown) {
                result.push_back({from.ids[found], static_cast<std::uint32_t>(at),
                                  static_cast<std::uint32_t>(at + size)});
            }
            at += size;
        }
        if (is_unknown) {
            result.resize(before);
            result.push_back({unknown_, 0, length});
        }
    }

  private:
    struct side {
        text_list<> tokens;
        std::vector<std::uint32_t> ids;
        std::size_t longest = 0;
    };

    static void add(side& to, std::string_view text, std::uint32_t id) {
        to.tokens.add(text);
        to.ids.push_back(id);
        to.longest = std::max(to.longest, text.size());
    }

    side first_;
    side rest_;
    std::uint32_t unknown_ = none;
    std::size_t longest_word_ = 100;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

namespace sequent::inline SEQUENT_ABI::tokenizers {

/// How texts with too many tokens are truncated.
struct truncation {
    /// Which text of a pair is cut: the longer one (both to halves if both are longer than half),
    /// or always the first or the second.
    enum class strategy : std::uint8_t { longest_first, only_first, only_second };
    /// Largest number of tokens, including special tokens.
    std::size_t max_length = std::numeric_limits<std::size_t>::max();
    strategy of = strategy::longest_first;  ///< which text of a pair is cut
    bool left = false;                      ///< cut the beginning of the text instead of the end
};

/// Options of tokenizer::encode.
struct encode_options {
    bool special_tokens = true;  ///< add the special tokens that begin, separate and end texts
    bool parse_special = true;   ///< special tokens written in the text become those tokens
    bool offsets = false;        ///< fill `encoding::offsets`
    /// Largest number of tokens, including special tokens; the file's if not given.
    std::optional<std::size_t> max_length = std::nullopt;
};

/// The tokens of a text or of a pair of texts.
struct encoding {
    std::vector<std::int32_t> ids;       ///< ids of the tokens
    std::vector<std::int32_t> segments;  ///< segment of each token: 0, or the second text's
    /// Range of bytes of each token in its text, {0, 0} for added tokens; empty if not requested.
    std::vector<text_range> offsets;
};

namespace detail {

enum class model_kind : std::uint8_t { word_piece, pair_encoding, unigram };

/// An item of the template of a model's input: a token, or the tokens of the first or second text.
struct template_item {
    enum class kind : std::uint8_t { token, first, second };
    kind is = kind::first;
    std::int32_t id = 0;
    std::int32_t segment = 0;
};

/// The data of a tokenizer, filled in by the readers of files.
struct parts {
    std::string name;  // name of the file, for messages
    text_list<> tokens;
    std::vector<bool> is_token;  // false for ids without a token, whose text is empty
    std::vector<added_token> added;
    detail::normalizer<> normalizer;
    detail::pre_tokenizer<> pre_tokenizer;
    model_kind model = model_kind::pair_encoding;
    detail::word_piece<> word_piece;
    detail::pair_encoding<> pair_encoding;
    detail::unigram<> unigram;
    std::vector<template_item> single{{}};
    std::vector<template_item> pair{{}, {template_item::kind::second, 0, 1}};
    bool trims_offsets = false;  // offsets exclude blanks at the ends of a token
    bool adds_blank = false;     // a blank that was added before the text is not excluded
    std::vector<decoder_step> decoder;
    bool finds_written = false;  // added tokens are matched without normalizing their own text
    tokenizers::truncation truncation;
    // Set by the constructor of tokenizer:
    added_token_finder<> raw_finder;
    added_token_finder<> finder;
    std::vector<bool> special, is_added;
    std::size_t single_tokens = 0;  // how many items of `single` are tokens
};

}  // namespace detail

/// Converts text to the tokens of a trained model and back. `from_json` and the other readers of
/// files create it. Copies share their data. All member functions are thread-safe.
class tokenizer {
  public:
    /// Memory for encoding, with a cache of words: reusing it for many texts saves most of the
    /// time. Each thread needs its own. It works with any tokenizer, but changing the tokenizer
    /// clears the cache.
    class workspace {
        friend tokenizer;
        const void* owner_ = nullptr;
        std::shared_ptr<const void> kept_;
        detail::word_cache<> cache_;
        detail::aligned_text text_, other_, part_;
        std::vector<detail::text_piece> pieces_, spare_;
        std::vector<detail::text_part_of> raw_parts_, normal_parts_;
        detail::pair_encoding<>::workspace pairs_;
        detail::unigram<>::workspace lattice_;
    };

    /// Takes over the parts that a reader has filled in.
    SEQUENT_LAZY explicit tokenizer(detail::parts&& from) {
        from.special.resize(from.tokens.size());
        from.is_added.resize(from.tokens.size());
        for (const added_token& each : from.added) {
            const auto id = static_cast<std::size_t>(each.id);
            from.special[id] = from.special[id] || each.special;
            from.is_added[id] = true;
            if (each.normalized) {
                from.finder.add(from.finds_written ? each.text : from.normalizer.applied(each.text),
                                each);
            } else {
                from.raw_finder.add(each.text, each);
            }
        }
        for (const auto& item : from.single)
            from.single_tokens += item.is == detail::template_item::kind::token ? 1U : 0U;
        from.raw_finder.prepare();
        from.finder.prepare();
        parts_ = std::make_shared<const detail::parts>(std::move(from));
    }

    /// The size of the vocabulary: 0 <= id < size(). Some ids may have no token.
    std::int32_t size() const noexcept { return static_cast<std::int32_t>(parts_->tokens.size()); }

    /// The text of a token as the file has it; empty for an id without a token. Requires
    /// 0 <= id < size(). Valid as long as the tokenizer or a copy of it.
    std::string_view operator[](std::int32_t id) const noexcept {
        return parts_->tokens[static_cast<std::uint32_t>(id)];
    }

    /// The id of the token with this text, such as "[CLS]"; nullopt if there is none.
    SEQUENT_LAZY std::optional<std::int32_t> find(std::string_view text) const {
        const std::uint32_t id = parts_->tokens.find(text);
        if (id == detail::none || !parts_->is_token[id]) return std::nullopt;
        return static_cast<std::int32_t>(id);
    }

    /// Returns true if a token is special, such as "<s>". Requires 0 <= id < size().
    bool is_special(std::int32_t id) const noexcept {
        return parts_->special[static_cast<std::size_t>(id)];
    }

    /// Encodes a text of UTF-8 of less than 1 GiB. Throws argument_error if it is longer or not
    /// UTF-8, if the vocabulary cannot represent it and has no unknown token, or if it cannot be
    /// truncated to max_length.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view text, const encode_options& options,
                                               workspace& work) const {
        return encoded(text, nullptr, options, work);
    }
    /// As above, with a temporary workspace.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view text,
                                               const encode_options& options = {}) const {
        workspace work;
        return encoded(text, nullptr, options, work);
    }
    /// Encodes a pair of texts, such as a question and a passage, as one input with two segments.
    /// Throws as above.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view first, std::string_view second,
                                               const encode_options& options,
                                               workspace& work) const {
        return encoded(first, &second, options, work);
    }
    /// As above, with a temporary workspace.
    SEQUENT_LAZY [[nodiscard]] encoding encode(std::string_view first, std::string_view second,
                                               const encode_options& options = {}) const {
        workspace work;
        return encoded(first, &second, options, work);
    }

    /// Decodes tokens to text, without special tokens if `skip_special`. Bytes that are not UTF-8
    /// become U+FFFD. Throws argument_error unless 0 <= id < size() for all ids.
    SEQUENT_LAZY [[nodiscard]] std::string decode(std::span<const std::int32_t> ids,
                                                  bool skip_special = true) const {
        std::string text;
        detail::decoding<> state(parts_->decoder, false);
        for (const std::int32_t id : ids) {
            if (const auto token = token_of(*parts_, id, skip_special)) state.push(*token, text);
        }
        state.finish(text);
        return text;
    }

    /// Decodes tokens one at a time: `push` returns only completed text, so that a character whose
    /// bytes belong to several tokens appears as a whole.
    class stream {
      public:
        /// Begins a text. The stream shares the tokenizer's data.
        SEQUENT_LAZY explicit stream(const tokenizer& of, bool skip_special = true)
            : parts_(of.parts_), skip_special_(skip_special), state_(parts_->decoder, true) {}

        /// Adds a token and returns the text that it completes, valid until the next call. Throws
        /// argument_error unless 0 <= id < size().
        SEQUENT_LAZY std::string_view push(std::int32_t id) {
            text_.clear();
            if (const auto token = token_of(*parts_, id, skip_special_)) state_.push(*token, text_);
            return text_;
        }
        /// Returns the remaining text, with U+FFFD for incomplete characters; valid until the next
        /// call.
        SEQUENT_LAZY std::string_view finish() {
            text_.clear();
            state_.finish(text_);
            return text_;
        }

      private:
        std::shared_ptr<const detail::parts> parts_;
        bool skip_special_;
        detail::decoding<> state_;
        std::string text_;
    };

  private:
    SEQUENT_LAZY static std::optional<std::string_view> token_of(const detail::parts& of,
                                                                 std::int32_t id,
                                                                 bool skip_special) {
        const auto number = static_cast<std::uint32_t>(id);
        if (id < 0 || number >= of.tokens.size()) {
            fail_with<argument_error>(
                {of.name, ": token ", id, " is not within its ", of.tokens.size(), " tokens"});
        }
        if (!of.is_token[number] || (skip_special && of.special[number])) return std::nullopt;
        return of.tokens[number];
    }

    SEQUENT_LAZY encoding encoded(std::string_view first, const std::string_view* second,
                                  const encode_options& options, workspace& work) const {
        if (work.owner_ != parts_.get()) {
            work.cache_.clear();
            work.owner_ = parts_.get();
            work.kept_ = parts_;  // keeps the address of `owner_` from being reused
        }
        encoding one = tokens_of(first, options, work), two;
        if (second != nullptr) two = tokens_of(*second, options, work);
        const auto& items = second != nullptr ? parts_->pair : parts_->single;
        using kind = detail::template_item::kind;
        std::size_t added = 0;
        for (const auto& item : items)
            added += options.special_tokens && item.is == kind::token ? 1 : 0;
        truncate(one, second != nullptr ? &two : nullptr, added, options);
        if (second == nullptr && items.size() - parts_->single_tokens == 1) {
            surround(one, added, options.offsets);
            return one;
        }
        encoding result;
        result.ids.reserve(one.ids.size() + two.ids.size() + added);
        result.segments.reserve(result.ids.capacity());
        for (const auto& item : items) {
            if (item.is == kind::token) {
                if (!options.special_tokens) continue;
                result.ids.push_back(item.id);
                if (options.offsets) result.offsets.push_back({});
            } else {
                const encoding& from = item.is == kind::first ? one : two;
                result.ids.insert(result.ids.end(), from.ids.begin(), from.ids.end());
                result.offsets.insert(result.offsets.end(), from.offsets.begin(),
                                      from.offsets.end());
            }
            result.segments.resize(result.ids.size(), item.segment);
        }
        return result;
    }

    /// Adds special tokens around the tokens of a template's only text, if `added` is not 0.
    SEQUENT_LAZY void surround(encoding& one, std::size_t added, bool offsets) const {
        const auto& items = parts_->single;
        auto text = items.begin();
        while (text->is == detail::template_item::kind::token) ++text;
        const auto put = [&](auto& list, auto of) {
            auto place = list.begin();
            for (auto item = items.begin(); item != text; ++item)
                place = list.insert(place, of(*item)) + 1;
            for (auto item = text + 1; item != items.end(); ++item) list.push_back(of(*item));
        };
        one.segments.reserve(one.ids.size() + added);
        one.segments.assign(one.ids.size(), text->segment);
        if (added == 0) return;
        put(one.ids, [](const auto& item) { return item.id; });
        put(one.segments, [](const auto& item) { return item.segment; });
        if (offsets) put(one.offsets, [](const auto&) { return text_range{}; });
    }

    SEQUENT_LAZY void truncate(encoding& one, encoding* two, std::size_t added,
                               const encode_options& options) const {
        using strategy = truncation::strategy;
        const truncation& rule = parts_->truncation;
        const std::size_t wanted = options.max_length.value_or(rule.max_length);
        const std::size_t first = one.ids.size(), second = two != nullptr ? two->ids.size() : 0;
        if (first + second + added <= wanted) return;
        if (wanted < added) {
            fail_with<argument_error>(
                {parts_->name, ": the special tokens are ", added, ", max_length is ", wanted});
        }
        const std::size_t most = wanted - added;
        std::size_t n1 = first, n2 = second;
        if (two == nullptr && rule.of != strategy::only_second) {
            n1 = most;
        } else if (rule.of == strategy::longest_first) {
            // Cut the longer text; cut both to halves if both are longer than half.
            const bool swaps = n1 > n2;
            if (swaps) std::swap(n1, n2);
            n2 = n1 > most ? n1 : std::max(n1, most - n1);
            if (n1 + n2 > most) {
                n1 = most / 2;
                n2 = n1 + most % 2;
            }
            if (swaps) std::swap(n1, n2);
        } else {
            std::size_t& cut = rule.of == strategy::only_first ? n1 : n2;
            const std::size_t surplus = first + second - most;
            if (cut <= surplus) {
                fail_with<argument_error>({parts_->name, ": the text to cut has ", cut, " tokens, ",
                                           surplus, " too many for max_length ", wanted});
            }
            cut -= surplus;
        }
        const auto cut = [&](encoding& of, std::size_t count) {
            const auto drop = [&](auto& list) {
                if (list.size() <= count) return;
                if (rule.left) {
                    list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(count));
                } else {
                    list.resize(count);
                }
            };
            drop(of.ids);
            drop(of.offsets);
        };
        cut(one, n1);
        if (two != nullptr) cut(*two, n2);
    }

    SEQUENT_LAZY encoding tokens_of(std::string_view text, const encode_options& options,
                                    workspace& work) const {
        if (text.size() >= 0x40000000)
            fail_with<argument_error>({"sequent: a text of ", text.size(), " bytes is too long"});
        if (!io::is_utf8(text)) fail<argument_error>("sequent: the text is not UTF-8");
        encoding result;
        result.ids.reserve(text.size() / 3 + 8);
        const detail::parts& of = *parts_;
        work.raw_parts_.clear();
        of.raw_finder.split(text, options.parse_special, work.raw_parts_);
        for (const auto& raw : work.raw_parts_) {
            if (raw.id != detail::none) {
                add(raw.id, {raw.begin, raw.end}, options, result);
                continue;
            }
            work.text_.assign(text.substr(raw.begin, raw.end - raw.begin), raw.begin,
                              options.offsets);
            of.normalizer.apply(work.text_, work.other_, raw.begin == 0);
            work.normal_parts_.clear();
            of.finder.split(work.text_.text, options.parse_special, work.normal_parts_);
            for (const auto& each : work.normal_parts_) {
                if (each.id != detail::none) {
                    add(each.id, original(work.text_, each.begin, each.end), options, result);
                } else if (work.normal_parts_.size() == 1) {
                    add_words(work.text_, raw.begin == 0, options, work, result);
                } else {
                    work.part_.clear(options.offsets);
                    work.part_.copy(work.text_, each.begin, each.end);
                    add_words(work.part_, raw.begin == 0 && each.begin == 0, options, work, result);
                }
            }
        }
        if (options.offsets && of.trims_offsets) trim(result, text);
        return result;
    }

    static text_range original(const detail::aligned_text& text, std::size_t begin,
                               std::size_t end) noexcept {
        if (!text.is_tracked) return {};
        return {text.ranges[begin].begin, text.ranges[end - 1].end};
    }

    static void add(std::uint32_t id, text_range range, const encode_options& options,
                    encoding& result) {
        result.ids.push_back(static_cast<std::int32_t>(id));
        if (options.offsets) result.offsets.push_back(range);
    }

    SEQUENT_LAZY void add_words(detail::aligned_text& text, bool is_first,
                                const encode_options& options, workspace& work,
                                encoding& result) const {
        parts_->pre_tokenizer.apply(text, work.pieces_, is_first, work.other_, work.spare_);
        const std::string_view all = text.text;
        for (const auto& piece : work.pieces_) {
            const auto tokens = work.cache_.find(
                all.substr(piece.begin, piece.end - piece.begin),
                [&](std::string_view word, auto& list) { add_word(word, list, work); });
            for (const auto& each : tokens) {
                add(each.id, original(text, piece.begin + each.begin, piece.begin + each.end),
                    options, result);
            }
        }
    }

    SEQUENT_LAZY void add_word(std::string_view word, std::vector<detail::word_token>& list,
                               workspace& work) const {
        bool is_known = true;
        switch (parts_->model) {
            case detail::model_kind::word_piece:
                parts_->word_piece.append(word, list);
                break;
            case detail::model_kind::pair_encoding:
                is_known = parts_->pair_encoding.append(word, list, work.pairs_);
                break;
            case detail::model_kind::unigram:
                is_known = parts_->unigram.append(word, list, work.lattice_);
                break;
        }
        if (!is_known) {
            fail_with<argument_error>({parts_->name, ": no tokens for \"",
                                       word.size() > 100 ? std::string_view("a long word") : word,
                                       "\", and none for what is unknown"});
        }
    }

    /// Removes leading and trailing blanks of the tokens' texts from their offsets, one code point
    /// each.
    SEQUENT_LAZY void trim(encoding& result, std::string_view all) const {
        for (std::size_t at = 0; at < result.ids.size(); ++at) {
            text_range& range = result.offsets[at];
            const std::int32_t id = result.ids[at];
            // Added tokens may include white space of the text; in words, blanks are encoded as
            // letters.
            const bool is_added = parts_->is_added[static_cast<std::size_t>(id)];
            const std::string_view text =
                is_added ? all.substr(range.begin, range.end - range.begin) : (*this)[id];
            const auto is_blank = [&](std::uint32_t code) {
                return code == detail::letter_of_byte(' ') || detail::is_white_space(code);
            };
            std::size_t leading = 0, trailing = 0;
            for (std::size_t place = 0; place < text.size(); ++leading) {
                const auto each = detail::decode_utf8(text, place);
                if (!is_blank(each.code)) break;
                place += each.length;
            }
            for (std::size_t place = text.size(); place > 0; ++trailing) {
                place -= detail::length_before(text, 0, place);
                if (!is_blank(detail::decode_utf8(text, place).code)) break;
            }
            // A single blank is the one that was added; several stood in the text.
            if (leading == 1 && parts_->adds_blank && (at == 0 || range.begin == 0)) leading = 0;
            for (; leading > 0 && range.begin < range.end; --leading)
                range.begin += detail::decode_utf8(all, range.begin).length;
            for (; trailing > 0 && range.begin < range.end; --trailing) {
                range.end -=
                    static_cast<std::uint32_t>(detail::length_before(all, range.begin, range.end));
            }
        }
    }

    std::shared_ptr<const detail::parts> parts_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// Fills in the parts of a tokenizer; shared by the readers of all file formats.
SEQUENT_LAZY class builder {
  public:
    parts result;
    std::string_view blank = block;  // the text of a blank in tokens
    std::vector<bool> is_apart;      // tokens that neither begin words nor result from merges

    explicit builder(std::string name) { result.name = std::move(name); }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<io::error>({result.name, ": ", joined_text(what)});
    }

    void add_token(std::string_view text) {
        result.tokens.add(text);
        result.is_token.push_back(true);
    }

    /// The id of the token with this text. Throws io::error, which names `what`, if there is none.
    std::uint32_t id_of(std::string_view text, std::string_view what) const {
        const std::uint32_t id = result.tokens.find(text);
        if (id == none || !result.is_token[id])
            fail({what, ": \"", text, "\" is not in the vocabulary"});
        return id;
    }

    /// Adds an added token, which may already be in the vocabulary.
    void add_added(added_token token) {
        const auto id = static_cast<std::uint32_t>(token.id);
        const std::uint32_t known = result.tokens.find(token.text);
        if (known != none && result.is_token[known] && known != id && !token.text.empty()) {
            fail({"the added token \"", token.text, "\" has the id ", id,
                  ", in the vocabulary it is ", known});
        }
        if (id >= result.tokens.size() + most_holes) {
            fail({"the added token \"", token.text, "\" has the id ", id, ", the vocabulary has ",
                  result.tokens.size(), " tokens"});
        }
        if (id < result.tokens.size() && result.is_token[id] && result.tokens[id] != token.text) {
            fail({"the added token \"", token.text, "\" has the id ", id, " of \"",
                  result.tokens[id], "\""});
        }
        while (result.tokens.size() < id) {
            result.tokens.add("");
            result.is_token.push_back(false);
        }
        if (result.tokens.size() == id) {
            add_token(token.text);
        } else if (!result.is_token[id]) {
            fail({"the added token \"", token.text, "\" has the id ", id,
                  ", which comes before those of others"});
        }
        result.added.push_back(std::move(token));
    }

    /// Finds the tokens of single bytes or code points, from which merges start. `by_bytes`: tokens
    /// are written in GPT-2's alphabet of bytes. `fallback`: tokens like <0x41> encode the bytes of
    /// code points without a token. `suffix` ends the last token of a word.
    void start_pairs(bool by_bytes, bool fallback, std::string_view suffix = "") {
        auto& to = result.pair_encoding;
        to.by_bytes = by_bytes;
        to.bytes.fill(none);
        to.last_bytes.fill(none);
        std::string bytes;
        const std::uint32_t count = result.tokens.size();
        for (std::uint32_t id = 0; id < count; ++id) {
            std::string_view text = result.tokens[id];
            if (text.empty()) continue;
            if (const int byte = fallback_byte(text); byte >= 0 && fallback) {
                auto& known = to.bytes[static_cast<std::size_t>(byte)];
                if (known == none) known = id;
            }
            if (is_apart.size() > id && is_apart[id]) continue;
            const bool is_last =
                !suffix.empty() && text.size() > suffix.size() && text.ends_with(suffix);
            if (is_last) text.remove_suffix(suffix.size());
            const bool is_letter = decode_utf8(text, 0).length == text.size();
            if (by_bytes) {
                if (is_letter && bytes_of_letters(text, bytes)) {
                    auto& ids = is_last ? to.last_bytes : to.bytes;
                    ids[static_cast<unsigned char>(bytes[0])] = id;
                }
                continue;
            }
            if (is_letter) {
                auto& list = is_last ? to.last_starts : to.starts;
                list.add(text);
                (is_last ? to.last_ids : to.start_ids).push_back(id);
            }
        }
        if (by_bytes && suffix.empty()) to.last_bytes = to.bytes;
    }

    /// Adds the merge of two tokens to the token with the concatenated text.
    void add_merge(std::string_view left, std::string_view right, std::uint32_t rank) {
        const std::uint32_t one = id_of(left, "merges"), two = id_of(right, "merges");
        joined_.assign(left).append(right);
        result.pair_encoding.merges.set(one, two, {rank, id_of(joined_, "merges")});
        crosses_ = crosses_ || (right.starts_with(blank) && !left.ends_with(blank));
    }

    /// Adds the merges of all pairs of tokens whose concatenated text is a token, in descending
    /// order of that token's score.
    void add_scored_merges(std::span<const float> scores) {
        const auto& tokens = result.tokens;
        const auto is_word = [&](std::uint32_t id) {
            return id != none && !(is_apart.size() > id && is_apart[id]);
        };
        std::vector<std::uint32_t> order;
        for (std::uint32_t id = 0; id < tokens.size(); ++id) {
            if (!std::isfinite(scores[id])) fail({"the score of token ", id, " is not finite"});
            if (is_word(id)) order.push_back(id);
        }
        std::stable_sort(order.begin(), order.end(), [&](std::uint32_t one, std::uint32_t two) {
            return scores[one] > scores[two];
        });
        std::uint32_t rank = 0;
        for (std::size_t at = 0; at < order.size(); ++at) {
            const std::string_view text = tokens[order[at]];
            if (at > 0 && scores[order[at]] < scores[order[at - 1]]) ++rank;
            if (tokens.find(text) != order[at]) continue;
            for (std::size_t split = 1; split < text.size(); ++split) {
                const auto byte = static_cast<unsigned char>(text[split]);
                if ((byte & 0xC0) == 0x80) continue;
                const std::string_view left = text.substr(0, split), right = text.substr(split);
                if (is_word(tokens.find(left)) && is_word(tokens.find(right)))
                    add_merge(left, right, rank);
            }
        }
    }

    /// Call after adding merges: if the text is not split into words and no merge joins a blank to
    /// a different text before it, splits the text before blanks, which gives the same tokens.
    void split_at_blanks() {
        auto& pairs = result.pair_encoding;
        if (crosses_ || pairs.whole_words || pairs.by_bytes || pairs.last_starts.size() > 0 ||
            pairs.starts.find(blank) == none) {
            return;
        }
        split_step step;
        step.is = split_step::kind::blank_runs;
        step.what = blank;
        result.pre_tokenizer.steps.push_back(std::move(step));
    }

    /// Lets words that are tokens be found directly instead of by merges.
    void find_whole_words(bool by_bytes) {
        auto& pairs = result.pair_encoding;
        pairs.whole_words = true;
        std::string bytes;
        for (std::uint32_t id = 0; id < result.tokens.size(); ++id) {
            const std::string_view text = result.tokens[id];
            if (!result.is_token[id] || (by_bytes && !bytes_of_letters(text, bytes))) continue;
            pairs.words.add(by_bytes ? std::string_view(bytes) : text);
            pairs.word_ids.push_back(id);
        }
    }

    /// Finds the tokens like <0x41> that encode the bytes of unknown code points.
    void start_unigram_bytes() {
        auto& to = result.unigram;
        to.bytes.fill(none);
        for (std::uint32_t id = result.tokens.size(); id-- > 0;) {
            if (const int byte = fallback_byte(result.tokens[id]); byte >= 0)
                to.bytes[static_cast<std::size_t>(byte)] = id;
        }
        to.has_bytes = true;
        for (const std::uint32_t id : to.bytes) to.has_bytes = to.has_bytes && id != none;
    }

    static constexpr std::uint32_t most_holes = 1U << 16;

  private:
    std::string joined_;
    bool crosses_ = false;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail

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

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Reads a tokenizer.json and refuses all steps and options that are not supported.
SEQUENT_LAZY class json_reader : json_steps<> {
  public:
    explicit json_reader(const io::json_document& from, std::string name)
        : json_steps<>(std::move(name)), root_(from.root()) {}

    SEQUENT_COLD parts read() {
        parts& to = build_.result;
        keys(root_, {"version", "truncation", "padding", "added_tokens", "normalizer",
                     "pre_tokenizer", "post_processor", "decoder", "model"});
        if (present(root_, "truncation")) read_truncation(root_["truncation"]);
        if (present(root_, "normalizer")) read_normalizer(root_["normalizer"]);
        if (present(root_, "pre_tokenizer")) read_pre_tokenizer(root_["pre_tokenizer"]);
        read_model(root_["model"]);
        if (present(root_, "added_tokens")) {
            root_["added_tokens"].for_each_element([&](value each) { read_added(each); });
        }
        if (present(root_, "post_processor")) read_post_processor(root_["post_processor"]);
        if (present(root_, "decoder")) {
            read_decoder(root_["decoder"]);
        } else {
            to.decoder.emplace_back();
            to.decoder.back().is = decoder_step::kind::blanks;
        }
        return std::move(to);
    }

  private:
    void read_truncation(value of) {
        keys(of, {"direction", "max_length", "strategy", "stride"});
        truncation& to = build_.result.truncation;
        to.max_length = static_cast<std::size_t>(of["max_length"].whole_number());
        const std::string_view strategy = of["strategy"].string();
        using kind = truncation::strategy;
        if (strategy == "LongestFirst") {
            to.of = kind::longest_first;
        } else if (strategy == "OnlyFirst") {
            to.of = kind::only_first;
        } else if (strategy == "OnlySecond") {
            to.of = kind::only_second;
        } else {
            of.fail({"the truncation \"", strategy, "\" is not known"});
        }
        to.left = present(of, "direction") && of["direction"].string() == "Left";
    }

    void read_added(value of) {
        keys(of, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
        added_token token;
        token.id = id(of["id"]);
        token.text = text(of, "content");
        token.special = flag(of, "special", false);
        token.single_word = flag(of, "single_word", false);
        token.strips_left = flag(of, "lstrip", false);
        token.strips_right = flag(of, "rstrip", false);
        token.normalized = flag(of, "normalized", !token.special);
        build_.add_added(std::move(token));
    }

    void read_model(value of) {
        parts& to = build_.result;
        const bool has_type = of.has("type");
        const std::string_view name = has_type                             ? type(of)
                                      : of.has("merges")                   ? "BPE"
                                      : of.has("unk_id")                   ? "Unigram"
                                      : of.has("max_input_chars_per_word") ? "WordPiece"
                                                                           : "";
        if (name == "WordPiece") {
            keys(of, {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word",
                      "vocab"});
            to.model = model_kind::word_piece;
            read_vocabulary(of["vocab"]);
            to.word_piece.prepare(
                to.tokens, of["continuing_subword_prefix"].string(),
                build_.id_of(of["unk_token"].string(), "unk_token"),
                static_cast<std::size_t>(of["max_input_chars_per_word"].whole_number(1U << 30)));
        } else if (name == "BPE") {
            read_pairs(of);
        } else if (name == "Unigram") {
            read_unigram(of);
        } else if (has_type) {
            unknown(of, "model");
        } else {
            of.fail({"lacks \"type\""});
        }
        if (by_bytes_ && to.model != model_kind::pair_encoding)
            of.fail(
                {"the model \"", name, "\" behind the pre-tokenizer \"ByteLevel\" is not known"});
    }

    void read_vocabulary(value of) {
        std::vector<std::string_view> texts;
        std::vector<bool> seen;
        std::size_t count = 0;
        of.for_each_member([&](std::string_view, value) { ++count; });
        of.for_each_member([&](std::string_view text, value number) {
            const auto at =
                static_cast<std::size_t>(number.whole_number(count + builder<>::most_holes));
            if (at >= texts.size()) {
                texts.resize(at + 1);
                seen.resize(at + 1);
            }
            if (seen[at]) number.fail({"two tokens have the id ", at});
            texts[at] = text;
            seen[at] = true;
        });
        parts& to = build_.result;
        for (std::size_t at = 0; at < texts.size(); ++at) {
            const std::uint32_t known = seen[at] ? to.tokens.find(texts[at]) : none;
            if (known != none && to.is_token[known])
                of.fail({"the token \"", texts[at], "\" stands twice"});
            build_.add_token(texts[at]);
            to.is_token.back() = seen[at];
        }
    }

    void read_pairs(value of) {
        keys(of, {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                  "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
        parts& to = build_.result;
        auto& pairs = to.pair_encoding;
        if (present(of, "dropout") && of["dropout"].number() != 0)
            of["dropout"].fail({"\"dropout\" is not known"});
        if (present(of, "continuing_subword_prefix") &&
            !of["continuing_subword_prefix"].string().empty()) {
            of.fail({"\"continuing_subword_prefix\" of \"BPE\" is not known"});
        }
        read_vocabulary(of["vocab"]);
        if (present(of, "unk_token"))
            pairs.unknown = build_.id_of(of["unk_token"].string(), "unk_token");
        pairs.joins_unknown = flag(of, "fuse_unk", false);
        const std::string_view suffix =
            present(of, "end_of_word_suffix") ? of["end_of_word_suffix"].string() : "";
        build_.start_pairs(by_bytes_, flag(of, "byte_fallback", false), suffix);
        std::uint32_t rank = 0;
        of["merges"].for_each_element([&](value each) {
            std::string_view left, right;
            if (each.kind() == io::json_kind::string) {
                const std::string_view both = each.string();
                const std::size_t blank = both.find(' ');
                if (blank == both.npos || both.find(' ', blank + 1) != both.npos)
                    each.fail({"expected two tokens and a blank between them"});
                left = both.substr(0, blank);
                right = both.substr(blank + 1);
            } else {
                std::size_t count = 0;
                each.for_each_element(
                    [&](value one) { (count++ == 0 ? left : right) = one.string(); });
                if (count != 2) each.fail({"expected two tokens, found ", count});
            }
            build_.add_merge(left, right, rank++);
        });
        if (flag(of, "ignore_merges", false)) build_.find_whole_words(by_bytes_);
        build_.split_at_blanks();
    }

    void read_unigram(value of) {
        keys(of, {"type", "unk_id", "vocab", "byte_fallback"});
        parts& to = build_.result;
        to.model = model_kind::unigram;
        std::uint32_t count = 0;
        of["vocab"].for_each_element([&](value each) {
            std::size_t place = 0;
            std::string_view text;
            double score = 0;
            each.for_each_element([&](value one) {
                if (place == 0) text = one.string();
                if (place == 1) score = one.number();
                ++place;
            });
            if (place != 2) each.fail({"expected a token and its score"});
            build_.add_token(text);
            to.unigram.add(text, count++, score);
        });
        if (count == 0) of.fail({"the vocabulary is empty"});
        if (present(of, "unk_id"))
            to.unigram.unknown = static_cast<std::uint32_t>(of["unk_id"].whole_number(count - 1));
        if (flag(of, "byte_fallback", false)) build_.start_unigram_bytes();
    }

    /// Reads [token, id] of an older post-processor.
    std::int32_t token_of(value of) const {
        std::int32_t result = -1;
        std::size_t place = 0;
        of.for_each_element([&](value each) {
            if (place++ == 1) result = checked(each);
        });
        if (place != 2) of.fail({"expected a token and its id"});
        return result;
    }
    std::int32_t checked(value of) const {
        if (build_.result.tokens.size() == 0) of.fail({"there are no tokens"});
        return static_cast<std::int32_t>(of.whole_number(build_.result.tokens.size() - 1));
    }

    void read_post_processor(value of) {
        parts& to = build_.result;
        using kind = template_item::kind;
        const std::string_view name = type(of);
        if (name == "Sequence") {
            keys(of, {"type", "processors"});
            of["processors"].for_each_element([&](value each) { read_post_processor(each); });
            return;
        }
        if (name == "ByteLevel") {
            keys(of, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
            to.trims_offsets = flag(of, "trim_offsets", true);
            to.adds_blank = flag(of, "add_prefix_space", true);
            return;
        }
        if (std::exchange(has_template_, true)) of.fail({"two post-processors add tokens"});
        if (name == "TemplateProcessing") {
            keys(of, {"type", "single", "pair", "special_tokens"});
            to.single = read_template(of["single"], of["special_tokens"]);
            to.pair = read_template(of["pair"], of["special_tokens"]);
        } else if (name == "BertProcessing" || name == "RobertaProcessing") {
            const bool is_bert = name == "BertProcessing";
            if (is_bert) {
                keys(of, {"type", "sep", "cls"});
            } else {
                keys(of, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
                to.trims_offsets = flag(of, "trim_offsets", true);
                to.adds_blank = flag(of, "add_prefix_space", true);
            }
            const std::int32_t begin = token_of(of["cls"]), end = token_of(of["sep"]);
            const std::int32_t other = is_bert ? 1 : 0;
            to.single = {{kind::token, begin, 0}, {kind::first, 0, 0}, {kind::token, end, 0}};
            to.pair = to.single;
            if (!is_bert) to.pair.push_back({kind::token, end, 0});
            to.pair.push_back({kind::second, 0, other});
            to.pair.push_back({kind::token, end, other});
        } else {
            unknown(of, "post-processor");
        }
    }

    std::vector<template_item> read_template(value of, value tokens) const {
        std::vector<template_item> result;
        using kind = template_item::kind;
        std::size_t sequences = 0;
        of.for_each_element([&](value each) {
            keys(each, {"SpecialToken", "Sequence"});
            const bool is_token = each.has("SpecialToken");
            const value item = each[is_token ? "SpecialToken" : "Sequence"];
            const std::int32_t segment = id(item["type_id"]);
            const std::string_view name = item["id"].string();
            if (is_token) {
                tokens[name]["ids"].for_each_element([&](value number) {
                    result.push_back({kind::token, checked(number), segment});
                });
            } else if (name == "A" || name == "B") {
                result.push_back({name == "A" ? kind::first : kind::second, 0, segment});
                ++sequences;
            } else {
                item.fail({"the sequence \"", name, "\" is neither A nor B"});
            }
        });
        if (sequences == 0 || sequences > 2) of.fail({"holds ", sequences, " sequences"});
        return result;
    }

    void read_decoder(value of) {
        using kind = decoder_step::kind;
        auto& steps = build_.result.decoder;
        const std::string_view name = type(of);
        if (name == "Sequence") {
            keys(of, {"type", "decoders"});
            of["decoders"].for_each_element([&](value each) { read_decoder(each); });
            return;
        }
        decoder_step step;
        const bool in_bytes = !steps.empty() && (steps.back().is == kind::byte_letters ||
                                                 steps.back().is == kind::byte_fallback);
        if (name == "Fuse") {
            keys(of, {"type"});
            is_fused_ = true;
            return;
        }
        if (name == "Strip") {
            keys(of, {"type", "content", "start", "stop"});
            step.is = kind::strip;
            step.what = text(of, "content");
            step.count = static_cast<std::size_t>(of["start"].whole_number(1U << 16));
            const bool is_last_of_text = of["stop"].whole_number(1U << 16) != 0;
            if (!is_fused_ || is_last_of_text || step.what.empty() || uses(kind::byte_letters) ||
                uses(kind::strip)) {
                of.fail(
                    {"the decoder \"Strip\" is known only once, behind \"Fuse\" and with \"stop\" "
                     "0"});
            }
            steps.push_back(std::move(step));
            return;
        }
        if (in_bytes || is_fused_)
            of.fail({"the decoder \"", name, "\" behind bytes or \"Fuse\" is not known"});
        if (name == "ByteLevel") {
            keys(of, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
            step.is = kind::byte_letters;
        } else if (name == "ByteFallback") {
            keys(of, {"type"});
            step.is = kind::byte_fallback;
        } else if (name == "Replace") {
            keys(of, {"type", "pattern", "content"});
            const value pattern = of["pattern"];
            keys(pattern, {"String"});
            step.what = text(pattern, "String");
            step.with = text(of, "content");
        } else if (name == "Metaspace") {
            keys(of,
                 {"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
            step.is = kind::metaspace;
            step.what = text(of, "replacement");
            step.strips = prefix(of) != split_step::prefix::never;
        } else if (name == "WordPiece") {
            keys(of, {"type", "prefix", "cleanup"});
            step.is = kind::word_piece;
            step.what = text(of, "prefix");
            step.cleans = flag(of, "cleanup", true);
        } else {
            unknown(of, "decoder");
        }
        steps.push_back(std::move(step));
    }

    bool uses(decoder_step::kind is) const {
        for (const decoder_step& each : build_.result.decoder) {
            if (each.is == is) return true;
        }
        return false;
    }

    value root_;
    bool has_template_ = false;
    bool is_fused_ = false;
};

}  // namespace detail

/// Reads a tokenizer.json, the format of Hugging Face's package tokenizers, and gives the same
/// tokens and offsets (in bytes). It supports the steps of BERT, GPT-2, RoBERTa, Llama, Qwen,
/// Mistral, Gemma, T5, XLM-R, ModernBERT, Phi, OPT and CLIP. Padding is ignored. Throws io::error
/// if the file is not well-formed or has an unsupported step, which the message names.
SEQUENT_LAZY tokenizer from_json(const io::source& from) {
    const auto bytes = from.bytes();
    const io::json_document document({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                     from.name());
    return tokenizer(detail::json_reader<>(document, from.name()).read());
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Completes BERT's tokenizer: WordPiece with continuations "##", texts between `begin` and `end`.
/// `lower_case`: text is converted to lower case without accents.
SEQUENT_LAZY
SEQUENT_COLD void finish_word_piece(builder<>& build, std::uint32_t unknown, std::uint32_t begin,
                                    std::uint32_t end, bool lower_case) {
    parts& to = build.result;
    to.model = model_kind::word_piece;
    to.word_piece.prepare(to.tokens, "##", unknown, 100);
    to.normalizer.steps.emplace_back();
    auto& step = to.normalizer.steps.back();
    step.is = normalizer_step::kind::bert;
    step.clean = step.chinese = true;
    step.lower = step.accents = lower_case;
    to.pre_tokenizer.steps.emplace_back();
    to.pre_tokenizer.steps.back().is = split_step::kind::bert;
    using kind = template_item::kind;
    const auto first = static_cast<std::int32_t>(begin), last = static_cast<std::int32_t>(end);
    to.single = {{kind::token, first, 0}, {kind::first, 0, 0}, {kind::token, last, 0}};
    to.pair = to.single;
    to.pair.push_back({kind::second, 0, 1});
    to.pair.push_back({kind::token, last, 1});
    to.decoder.emplace_back();
    to.decoder.back().is = decoder_step::kind::word_piece;
    to.decoder.back().what = "##";
    to.decoder.back().cleans = true;
}

/// Fills in the parts of a tokenizer from lists of tokens, scores, types and merges.
SEQUENT_LAZY class list_reader {
  public:
    list_reader(const io::gguf_vocabulary& from, std::string name)
        : from_(from), build_(std::move(name)) {}

    SEQUENT_COLD parts read() {
        if (from_.tokens.empty()) build_.fail({"there are no tokens"});
        if (from_.model == "bert") return read_word_pieces();
        add_tokens(true);
        if (from_.model == "gpt2") {
            read_bytes();
        } else if (from_.model == "t5") {
            bool fallback = false;
            for (const std::int32_t each : from_.types) fallback = fallback || each == byte;
            read_unigram(fallback);
            add_normalizer();
            add_decoder(block);
        } else if (from_.model == "llama") {
            read_scored(block, nullptr);
        } else {
            build_.fail({"the tokenizer model \"", from_.model, "\" is not known"});
        }
        add_ends();
        return std::move(build_.result);
    }

    /// As `read`, for a unigram model or BPE with scores, with text normalized by `normalizer`.
    /// `finds`: control tokens are matched in texts.
    SEQUENT_COLD parts read_sentencepiece(std::string_view blank, bool is_unigram, bool finds,
                                          bool fallback, normalizer_step normalizer) {
        if (from_.tokens.empty()) build_.fail({"there are no tokens"});
        add_tokens(finds, is_unigram);
        build_.result.finds_written = true;
        if (is_unigram) {
            read_unigram(fallback);
            build_.result.normalizer.steps.push_back(std::move(normalizer));
            add_decoder(blank);
        } else {
            read_scored(blank, &normalizer);
        }
        add_ends();
        return std::move(build_.result);
    }

  private:
    enum : std::int32_t { normal = 1, unknown, control, user, unused, byte };

    std::int32_t type(std::size_t id) const {
        return from_.types.empty() ? normal : from_.types[id];
    }

    void add_tokens(bool finds, bool is_unigram = false) {
        for (const std::string& text : from_.tokens) build_.add_token(text);
        build_.is_apart.resize(from_.tokens.size());
        for (std::size_t id = 0; id < from_.tokens.size(); ++id) {
            const std::int32_t kind = type(id);
            if (kind == unused && (from_.model == "llama" || is_unigram)) {
                build_.fail({"token ", id, " \"", from_.tokens[id],
                             "\" is of the type unused, which is not known"});
            }
            build_.is_apart[id] = kind == unknown || kind == control || kind == byte ||
                                  kind == unused || (kind == user && from_.model == "t5");
            // SentencePiece's unigram models select user-defined tokens by their scores.
            const bool is_found = kind == control || (kind == user && !is_unigram) ||
                                  (kind == unknown && from_.model == "t5");
            if (!is_found) continue;
            added_token token;
            token.text = kind == user || finds ? from_.tokens[id] : "";
            token.id = static_cast<std::int32_t>(id);
            token.special = kind != user;
            token.normalized = kind == user && from_.model == "llama";
            // Of tokens with equal texts, only the first is matched.
            if (build_.result.tokens.find(from_.tokens[id]) != id) token.text.clear();
            build_.result.added.push_back(std::move(token));
        }
    }

    void add_split(split_step::kind is, std::string_view expression) {
        split_step step;
        step.is = is;
        step.pattern = find_pattern(expression);
        build_.result.pre_tokenizer.steps.push_back(std::move(step));
    }

    /// Byte-level BPE. The name `split` selects the word splitting.
    void read_bytes() {
        struct known_split {
            std::string_view name;
            std::size_t pattern;
            bool digits = false, composes = false, whole_words = false;
        };
        constexpr known_split known[] = {{"gpt-2", 0},
                                         {"phi-2", 0},
                                         {"mpt", 0},
                                         {"olmo", 0},
                                         {"smollm", 0, true},
                                         {"starcoder", 0, true},
                                         {"qwen2", 3, false, true},
                                         {"llama-bpe", 2, false, false, true},
                                         {"llama3", 2, false, false, true},
                                         {"gpt-4o", 4},
                                         {"tekken", 5, false, false, true}};
        const known_split* found = nullptr;
        for (const known_split& each : known) {
            if (each.name == from_.split) found = &each;
        }
        if (found == nullptr) build_.fail({"the pre-tokenizer \"", from_.split, "\" is not known"});
        parts& to = build_.result;
        if (found->composes) {
            to.normalizer.steps.emplace_back();
            to.normalizer.steps.back().is = normalizer_step::kind::nfc;
        }
        if (found->digits) add_split(split_step::kind::digits, "");
        add_split(split_step::kind::words, word_patterns[found->pattern].expression);
        build_.start_pairs(true, false);
        std::uint32_t rank = 0;
        for (const std::string_view both : from_.merges) {
            const std::size_t blank = both.find(' ', 1);
            if (blank == both.npos) build_.fail({"merge ", rank, " lacks a blank"});
            build_.add_merge(both.substr(0, blank), both.substr(blank + 1), rank);
            ++rank;
        }
        if (found->whole_words) build_.find_whole_words(true);
        to.decoder.emplace_back();
        to.decoder.back().is = decoder_step::kind::byte_letters;
    }

    void check_scores() const {
        if (from_.scores.size() != from_.tokens.size()) {
            build_.fail({"there are ", from_.scores.size(), " scores for ", from_.tokens.size(),
                         " tokens"});
        }
    }

    /// BPE with byte fallback; merges are ranked by score.
    void read_scored(std::string_view blank, normalizer_step* normalizer) {
        check_scores();
        parts& to = build_.result;
        to.finds_written = true;
        build_.blank = blank;
        build_.start_pairs(false, true);
        to.pair_encoding.unknown = unknown_id();
        to.pair_encoding.joins_unknown = true;
        build_.add_scored_merges(from_.scores);
        build_.split_at_blanks();
        if (normalizer != nullptr)
            to.normalizer.steps.push_back(std::move(*normalizer));
        else
            add_normalizer();
        add_decoder(blank);
    }

    /// SentencePiece's normalizer with what the list states of it.
    SEQUENT_COLD void add_normalizer() {
        parts& to = build_.result;
        to.normalizer.steps.emplace_back();
        auto& step = to.normalizer.steps.back();
        step.is = normalizer_step::kind::sentencepiece;
        step.prefix = from_.adds_space;
        step.spaces = from_.removes_spaces;
        step.always = from_.model == "t5";
        step.escape = true;
        if (!from_.charsmap.empty() && !step.map.read(from_.charsmap))
            build_.fail({"precompiled_charsmap is not well-formed"});
    }

    /// WordPiece. The list marks the beginnings of words by U+2581, not continuations by "##".
    /// Models whose tokens have capital letters keep the case of a text.
    SEQUENT_COLD parts read_word_pieces() {
        bool lower_case = true;
        std::vector<std::size_t> apart;
        for (std::size_t id = 0; id < from_.tokens.size(); ++id) {
            const std::string_view text = from_.tokens[id];
            const std::int32_t kind = type(id);
            if (kind == control || kind == user) apart.push_back(id);
            const bool is_whole = text.starts_with(block);
            const bool is_special =
                kind != normal || (text.starts_with('[') && text.ends_with(']'));
            if (is_special && !is_whole) {
                build_.add_token(text);
            } else if (is_whole) {
                build_.add_token(text.substr(block.size()));
            } else {
                build_.add_token(joined_text({"##", text}));
            }
            for (const char each : text)
                lower_case = lower_case && (is_special || each < 'A' || each > 'Z');
        }
        build_.is_apart.resize(from_.tokens.size());
        for (const std::size_t id : apart) {
            added_token token;
            token.text = from_.tokens[id];
            token.id = static_cast<std::int32_t>(id);
            token.special = type(id) == control;
            build_.add_added(std::move(token));
        }
        const auto id_of = [&](std::int32_t stated, const char* name, const char* what) {
            return stated >= 0 ? static_cast<std::uint32_t>(stated) : build_.id_of(name, what);
        };
        finish_word_piece(build_, id_of(from_.unknown, "[UNK]", "the unknown token"),
                          id_of(from_.classifier, "[CLS]", "the first token"),
                          id_of(from_.separator, "[SEP]", "the last token"), lower_case);
        return std::move(build_.result);
    }

    void read_unigram(bool fallback) {
        check_scores();
        parts& to = build_.result;
        to.model = model_kind::unigram;
        // User-defined tokens get SentencePiece's score, so that they are usually selected.
        float most = std::numeric_limits<float>::min();
        for (std::uint32_t id = 0; id < to.tokens.size(); ++id) {
            if (!std::isfinite(from_.scores[id]))
                build_.fail({"the score of token ", id, " is not finite"});
            if (type(id) == normal) most = std::max(most, from_.scores[id]);
        }
        to.unigram.adds_floats = true;
        for (std::uint32_t id = 0; id < to.tokens.size(); ++id) {
            const std::string_view text = to.tokens[id];
            const float score =
                type(id) == user ? static_cast<float>(text.size()) * most - 0.1F : from_.scores[id];
            if (!build_.is_apart[id]) to.unigram.add(text, id, double{score}, type(id) == normal);
        }
        to.unigram.unknown = unknown_id();
        if (fallback) build_.start_unigram_bytes();
    }

    std::uint32_t unknown_id() const {
        if (from_.unknown >= 0) return static_cast<std::uint32_t>(from_.unknown);
        for (std::uint32_t id = 0; id < from_.tokens.size(); ++id) {
            if (type(id) == unknown) return id;
        }
        return none;
    }

    void add_decoder(std::string_view blank) {
        using kind = decoder_step::kind;
        auto& steps = build_.result.decoder;
        const auto add = [&](kind is, std::string_view what) {
            steps.emplace_back();
            steps.back().is = is;
            steps.back().what = what;
            steps.back().with = " ";
            steps.back().count = 1;
        };
        add(kind::replace, blank);
        add(kind::byte_fallback, "");
        if (from_.adds_space) add(kind::strip, " ");
    }

    void add_ends() {
        parts& to = build_.result;
        const auto add = [&](std::int32_t id, std::int32_t segment,
                             std::vector<template_item>& items) {
            if (id < 0 || static_cast<std::size_t>(id) >= from_.tokens.size())
                build_.fail({"the token that begins or ends texts, ", id, ", is none"});
            items.push_back({template_item::kind::token, id, segment});
        };
        to.single.clear();
        to.pair.clear();
        for (auto* items : {&to.single, &to.pair}) {
            const std::int32_t texts = items == &to.pair ? 2 : 1;
            for (std::int32_t text = 0; text < texts; ++text) {
                if (from_.adds_begin) add(from_.begin, text, *items);
                items->push_back(
                    {text == 0 ? template_item::kind::first : template_item::kind::second, 0,
                     text});
                if (from_.adds_end) add(from_.end, text, *items);
            }
        }
    }

    const io::gguf_vocabulary& from_;
    builder<> build_;
};

}  // namespace detail

/// Creates the tokenizer of a GGUF file: byte-level BPE (model "gpt2", if the name of its word
/// splitting is known), BPE with scores ("llama"), WordPiece ("bert") or unigram ("t5"). The format
/// does not state whether a WordPiece model is cased: if an ordinary token has one of the letters A
/// to Z, the case and the accents of texts are kept. Messages contain `name`. Throws io::error for
/// other models and for lists that are not consistent.
SEQUENT_LAZY tokenizer from_vocabulary(const io::gguf_vocabulary& from,
                                       std::string name = "vocabulary") {
    return tokenizer(detail::list_reader<>(from, std::move(name)).read());
}

/// Options of BERT's tokenizer that a vocab.txt does not state.
struct word_piece_options {
    bool lower_case = true;        ///< convert to lower case without accents, for "uncased" models
    std::size_t max_length = 512;  ///< largest number of tokens, including special tokens
};

/// Reads BERT's tokenizer from a vocab.txt with one token per line. Encodings begin with [CLS] and
/// end with [SEP]. Throws io::error if the file is not UTF-8, if [UNK], [CLS] or [SEP] is missing,
/// or if a token is repeated.
SEQUENT_LAZY tokenizer from_vocab_txt(const io::source& file,
                                      const word_piece_options& options = {}) {
    detail::builder<> build(file.name());
    detail::parts& to = build.result;
    const auto bytes = file.bytes();
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!io::is_utf8(rest)) build.fail({"is not UTF-8"});
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (to.tokens.find(line) != detail::none)
            build.fail({"line ", to.tokens.size() + 1, ": the token \"", line, "\" stands twice"});
        build.add_token(line);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
        const std::uint32_t id = to.tokens.find(name);
        if (id == detail::none) continue;
        added_token token;
        token.text = name;
        token.id = static_cast<std::int32_t>(id);
        token.special = true;
        build.add_added(std::move(token));
    }
    detail::finish_word_piece(build, build.id_of("[UNK]", "the unknown token"),
                              build.id_of("[CLS]", "the first token"),
                              build.id_of("[SEP]", "the last token"), options.lower_case);
    to.truncation.max_length = options.max_length;
    return tokenizer(std::move(to));
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Reads the file, which is little-endian: the length of the longest token (uint32), then for each
/// token its score (F32), its length (int32) and its bytes.
SEQUENT_LAZY
SEQUENT_COLD io::gguf_vocabulary read_llama2c(const io::source& file) {
    using io::detail::load_bits;
    const auto fail = [&](std::initializer_list<text_part> what) {
        fail_with<io::error>({file.name(), ": ", joined_text(what)});
    };
    const std::span<const std::byte> bytes = file.bytes();
    if (bytes.size() < 4) {
        fail({"has ", bytes.size(),
              " bytes, too few for the length of the longest token, which takes 4"});
    }
    io::gguf_vocabulary list;
    list.model = "llama";
    const auto longest = load_bits<std::uint32_t>(bytes.data());
    for (std::size_t at = 4; at < bytes.size();) {
        const std::size_t number = list.tokens.size();
        const std::size_t left = bytes.size() - at;
        if (left < 8)
            fail({"token ", number, ": ", left, " bytes are left, its score and length take 8"});
        const float score = std::bit_cast<float>(load_bits<std::uint32_t>(&bytes[at]));
        const auto length = load_bits<std::uint32_t>(&bytes[at + 4]);
        if (!std::isfinite(score)) fail({"token ", number, ": its score is not finite"});
        if (length > longest) {
            fail({"token ", number, ": its length is ", length, ", the longest of the file is ",
                  longest});
        }
        if (length > left - 8) {
            fail({"token ", number, ": its length is ", length, ", ", left - 8, " bytes are left"});
        }
        const std::string text(reinterpret_cast<const char*>(bytes.data()) + at + 8, length);
        list.types.push_back(number == 0                    ? 2
                             : number <= 2                  ? 3
                             : io::fallback_byte(text) >= 0 ? 6
                                                            : 1);
        list.tokens.push_back(text);
        list.scores.push_back(score);
        at += 8 + length;
    }
    if (list.tokens.size() < 3) fail({"has ", list.tokens.size(), " tokens, at least are 3"});
    return list;
}

}  // namespace detail

/// Reads the tokenizer file of llama2.c, byte pair encoding with scores. Token 0 is the unknown
/// token, 1 begins and 2 ends a text; tokens written <0x00> to <0xFF> are bytes. Encodings begin
/// with token 1 and, unless the text is empty, a blank. Throws io::error if the file cannot be
/// read, is truncated, has extra bytes after the last token, or has an invalid length or score.
SEQUENT_LAZY tokenizer from_llama2c(const io::source& file) {
    io::gguf_vocabulary list = detail::read_llama2c(file);
    list.begin = 1;
    list.adds_begin = true;
    detail::normalizer_step step;
    step.is = detail::normalizer_step::kind::sentencepiece;
    step.prefix = true;
    return tokenizer(detail::list_reader<>(list, file.name())
                         .read_sentencepiece(" ", false, false, true, std::move(step)));
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Reads a Protocol Buffers message field by field.
SEQUENT_LAZY class message_reader {
  public:
    message_reader(std::string_view bytes, std::string_view file) : rest_(bytes), file_(file) {}

    /// Advances to the next field. Returns false at the end.
    bool next() {
        if (rest_.empty()) return false;
        const std::uint64_t tag = varint();
        field_ = tag >> 3;
        text_ = {};
        number_ = 0;
        switch (tag & 7) {
            case 0:
                number_ = varint();
                return true;
            case 1:
                take(8);
                return true;
            case 2:
                text_ = take(varint());
                return true;
            case 5:
                number_ = io::detail::load_bits<std::uint32_t>(
                    reinterpret_cast<const std::byte*>(take(4).data()));
                return true;
            default:
                fail("has a field of an unknown kind");
        }
    }

    std::uint64_t field() const noexcept { return field_; }
    std::uint64_t number() const noexcept { return number_; }
    float real() const noexcept {
        return std::bit_cast<float>(static_cast<std::uint32_t>(number_));
    }
    std::string_view text() const noexcept { return text_; }

    [[noreturn]] SEQUENT_COLD void fail(std::string_view what) const {
        fail_with<io::error>({file_, ": ", what});
    }

  private:
    std::uint64_t varint() {
        std::uint64_t result = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(take(1)[0]);
            result |= std::uint64_t{byte & 127U} << shift;
            if (byte < 128) return result;
        }
        fail("has a number of more than 64 bits");
    }

    std::string_view take(std::uint64_t count) {
        if (count > rest_.size()) fail("is cut off");
        const std::string_view result = rest_.substr(0, static_cast<std::size_t>(count));
        rest_.remove_prefix(result.size());
        return result;
    }

    std::string_view rest_;
    std::string_view file_;
    std::uint64_t field_ = 0;
    std::uint64_t number_ = 0;
    std::string_view text_;
};

}  // namespace detail

/// Which special tokens a model requires around a text, which SentencePiece's files do not state.
struct text_ends {
    bool begin = false;  ///< the token `<s>` before the text, for Llama
    bool end = false;    ///< the token `</s>` after the text, for T5
};

/// Reads a .model file of SentencePiece, BPE or unigram. It gives the tokens of SentencePiece and
/// those that `ends` adds. Control tokens such as `<s>` are matched in a text only with
/// encode_options::parse_special. Throws io::error if the file is not well-formed or has an
/// unsupported option.
SEQUENT_LAZY tokenizer from_sentencepiece(const io::source& file, text_ends ends = {}) {
    const auto bytes = file.bytes();
    io::gguf_vocabulary list;
    list.adds_begin = ends.begin;
    list.adds_end = ends.end;
    detail::normalizer_step step;
    step.is = detail::normalizer_step::kind::sentencepiece;
    step.prefix = step.spaces = step.escape = true;
    std::uint64_t model = 1;
    bool fallback = false;
    list.begin = 1;
    list.end = 2;
    detail::message_reader<> all({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                 file.name());
    while (all.next()) {
        detail::message_reader<> part(all.text(), file.name());
        if (all.field() == 1) {
            list.tokens.emplace_back();
            list.scores.push_back(0);
            list.types.push_back(1);
            while (part.next()) {
                if (part.field() == 1) list.tokens.back() = part.text();
                if (part.field() == 2) list.scores.back() = part.real();
                if (part.field() != 3) continue;
                if (part.number() < 1 || part.number() > 6)
                    part.fail("a token has an unknown type");
                list.types.back() = static_cast<std::int32_t>(part.number());
            }
            if (!io::is_utf8(list.tokens.back())) all.fail("a token is not UTF-8");
        } else if (all.field() == 2) {
            while (part.next()) {
                if (part.field() == 3) model = part.number();
                if (part.field() == 24 && part.number() != 0)
                    part.fail("treat_whitespace_as_suffix is not known");
                if (part.field() == 35) fallback = part.number() != 0;
                if (part.field() == 41) list.begin = static_cast<std::int32_t>(part.number());
                if (part.field() == 42) list.end = static_cast<std::int32_t>(part.number());
            }
        } else if (all.field() == 3) {
            while (part.next()) {
                if (part.field() == 2 && !part.text().empty() && !step.map.read(part.text()))
                    part.fail("precompiled_charsmap is not well-formed");
                if (part.field() == 3) step.prefix = part.number() != 0;
                if (part.field() == 4) step.spaces = part.number() != 0;
                if (part.field() == 5) step.escape = part.number() != 0;
            }
        } else if (all.field() == 5) {
            while (part.next()) {
                if (part.field() == 2 && !part.text().empty())
                    part.fail("denormalizer_spec is not known");
            }
        }
    }
    if (model != 1 && model != 2) all.fail("a model_type other than UNIGRAM and BPE is not known");
    if (!step.escape) all.fail("escape_whitespaces 0 is not known");
    list.model = "llama";
    list.adds_space = step.prefix;
    return tokenizer(
        detail::list_reader<>(list, file.name())
            .read_sentencepiece(detail::block, model == 1, true, fallback, std::move(step)));
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers

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

#endif  // SEQUENT_SINGLE_TOKENIZERS_HPP
