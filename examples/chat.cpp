// Talks with a language model in a terminal.
//
//     chat SmolLM2-135M-Instruct.Q4_1.gguf
//
// What was said before is not read again: the state keeps it, and is taken back to where a
// conversation differs from what it has read.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <sequent/formats.hpp>
#include <sequent/packed.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "options.hpp"
#include "sampling.hpp"
#include "weights.hpp"

namespace {

using namespace sequent;
namespace fs = std::filesystem;
using tokenizers::chat_role;

/// Calls f for the model that fits the files. One model more is one line more, which the example
/// model_type prints, of any preset of language models whose state can be taken back (one without
/// windows); tokens may be fewer than the file's, which takes less memory.
template <class F>
void visit_models(const io::tensor_file& file, io::name_map names, F f) {
    // clang-format off
    io::visit<
        llama<vocabulary<49152>, tokens<2048>, width<576>, heads<9>, key_heads<3>, hidden<1536>, depth<30>, position::rotary<100000>>,  // SmolLM2-135M-Instruct
        llama<vocabulary<512>, tokens<512>, width<64>, heads<8>, key_heads<4>, hidden<172>, depth<5>>                                   // stories260K
        >(file, names, f);
    // clang-format on
}

using formats = examples::weight_formats<q8_0>;

constexpr std::string_view help_text =
    R"(chat MODEL [--system TEXT] [--message TEXT]... [--continue TEXT] [--likeliest N]
     [--format NAME] [--length N] [--context N] [--weights FORMAT] [--threads N]
     [-t TEMPERATURE] [-p TOP_P] [-k TOP_K] [-s SEED]

Answers messages, each a line of standard input. Ctrl-C stops an answer, and ends the program where
it waits for a message. Where the conversation is longer than the context, its oldest messages are
forgotten.

MODEL is a GGUF file, or a folder with the files of a model as it is published:

  model.safetensors     the weights, or model.safetensors.index.json and what it names
  config.json           what the model is
  tokenizer.json        the tokens, and
  tokenizer_config.json how conversations are written (or chat_template.jinja)

The program is compiled for SmolLM2-135M-Instruct, which is at
https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct (as GGUF files: look for "GGUF" and its
name there), and for models of the sizes of stories260K. For others, add a line to
examples/chat.cpp, which the example model_type prints.

  --system TEXT        what the model is told first (as the file says)
  --message TEXT       a message in place of standard input; may be given several times
  --continue TEXT      continue a text in place of a conversation
  --likeliest N        print the N likeliest tokens behind the text and their logits, and end
  --format NAME        llama2, llama3, chatml, gemma or mistral (as the file says)
  --length N           tokens of an answer at most (1024)
  --context N          tokens of a conversation (as many as the model is compiled for)
  -w, --weights FORMAT f32, or q8_0: 8 bits for a weight (f32)
)";

struct Options {
    std::string model;
    std::optional<std::string> system;
    std::vector<std::string> messages;
    std::optional<std::string> text;
    std::optional<tokenizers::chat_format> format;
    std::string_view weights = "f32";
    int likeliest = 0;
    int length = 1024;
    int context = 0;
    examples::sampling_options sampling{{.temperature = 0.7, .top_p = 0.9}};
};

tokenizers::chat_format read_format(examples::command_line& line) {
    using enum tokenizers::chat_format;
    constexpr tokenizers::chat_format known[] = {llama2, llama3, chatml, gemma, mistral};
    return known[line.one_of({"llama2", "llama3", "chatml", "gemma", "mistral"})];
}

Options read_options(int count, char** arguments) {
    Options options;
    const std::string help =
        std::string(help_text) + std::string(examples::sampling_options::help_text);
    for (examples::command_line line(count, arguments, help); line.next();) {
        // clang-format off
        if (line.is("--system")) options.system = line.text();
        else if (line.is("--message")) options.messages.push_back(line.text());
        else if (line.is("--continue")) options.text = line.text();
        else if (line.is("--format")) options.format = read_format(line);
        else if (line.is("-w") || line.is("--weights")) options.weights = formats::read(line);
        else if (line.is("--likeliest")) options.likeliest = line.whole(1, 1000);
        else if (line.is("--length")) options.length = line.whole(1, 1000000000);
        else if (line.is("--context")) options.context = line.whole(8, 1000000000);
        else if (options.sampling.read(line)) continue;
        else if (line.is_option()) line.refuse();
        else line.once(options.model, "MODEL");
        // clang-format on
    }
    if (options.model.empty()) {
        const std::size_t begin = help_text.find("MODEL is a");
        throw std::invalid_argument(
            "MODEL is missing\n" +
            std::string(help_text.substr(begin, help_text.find("\n  --system") - begin)));
    }
    return options;
}

/// A model's weights, what they are, its tokenizer, and how it is talked with.
struct Files {
    io::tensor_file tensors;
    io::model_description described;
    io::name_map names;
    tokenizers::tokenizer tokenizer;
    std::string chat_template;
    std::vector<std::int32_t> ends{};  // tokens behind which nothing comes
};

Files open_gguf(const std::string& path) {
    const io::gguf_file file(path);
    io::model_description described = io::describe(file);
    const io::name_map names = io::names_of(described);
    const io::gguf_vocabulary vocabulary = file.vocabulary();
    Files result{file.tensors(), std::move(described), names,
                 tokenizers::from_vocabulary(vocabulary, path),
                 file.has("tokenizer.chat_template") ? file.text("tokenizer.chat_template") : ""};
    if (vocabulary.end >= 0) result.ends.push_back(vocabulary.end);
    return result;
}

std::string_view text_of(const io::source& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Files open_folder(const fs::path& folder) {
    const auto file = [&](const char* name) { return (folder / name).string(); };
    const auto has = [&](const char* name) { return fs::exists(folder / name); };
    const io::source config(file("config.json"));
    io::model_description described = io::describe(config);
    const io::name_map names = io::names_of(described);
    const bool is_sharded = has("model.safetensors.index.json");
    Files result{is_sharded ? io::open_sharded(file("model.safetensors.index.json"))
                            : io::open_safetensors(file("model.safetensors")),
                 std::move(described), names, tokenizers::from_json(file("tokenizer.json")), ""};
    const io::json_document root(text_of(config), config.name());
    if (root.root().has("eos_token_id")) {
        const io::json_value end = root.root()["eos_token_id"];
        const auto add = [&](io::json_value each) {
            result.ends.push_back(static_cast<std::int32_t>(each.whole_number(1U << 30)));
        };
        if (end.kind() == io::json_kind::array) {
            end.for_each_element(add);
        } else if (!end.is_null()) {
            add(end);
        }
    }
    if (has("chat_template.jinja")) {
        result.chat_template = text_of(io::source(file("chat_template.jinja")));
    } else if (has("tokenizer_config.json")) {
        const io::source settings(file("tokenizer_config.json"));
        const io::json_document document(text_of(settings), settings.name());
        if (document.root().has("chat_template"))
            result.chat_template = document.root()["chat_template"].string();
    }
    return result;
}

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) {
    interrupted = 1;
}

/// While it lives, Ctrl-C sets `interrupted` in place of ending the program.
struct Interruptible {
    Interruptible() {
        interrupted = 0;
        std::signal(SIGINT, interrupt);
    }
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
    ~Interruptible() { std::signal(SIGINT, SIG_DFL); }
};

/// A model that reads tokens and continues them.
template <class Model, class Weights>
class Reader {
  public:
    using tokens = std::vector<std::int32_t>;

    Reader(const Files& files, const Weights& weights, const Options& options)
        : files_(files),
          weights_(weights),
          context_(options.context > 0 ? std::min(options.context, Model::shape.tokens)
                                       : Model::shape.tokens),
          choose_(options.sampling.sampler(Model::shape.vocabulary)) {}

    int context() const { return context_; }

    /// The logits behind `wanted`, which has 1 to context() tokens. What the state has read of it
    /// is not read again.
    auto read(const tokens& wanted) {
        const auto common = std::min<std::ptrdiff_t>(
            std::ranges::mismatch(read_, wanted).in2 - wanted.begin(), std::ssize(wanted) - 1);
        state_->truncate(static_cast<int>(common));
        read_.assign(wanted.begin() + common, wanted.end());
        const auto logits = Model::prefill(weights_, {read_}, *state_);
        read_ = wanted;
        return logits;
    }

    /// Prints what follows `text`, and returns it.
    std::string answer(const tokens& text, int length) {
        const Interruptible while_it_answers;
        using clock = std::chrono::steady_clock;
        const auto start = clock::now();
        auto logits = read(text);
        const auto begin = clock::now();
        tokenizers::tokenizer::stream out(files_.tokenizer);
        std::string result;
        const auto put = [&](std::string_view part) {
            result += part;
            std::fwrite(part.data(), 1, part.size(), stdout);
            std::fflush(stdout);
        };
        int count = 0;
        while (interrupted == 0) {
            const std::int32_t next = choose_(logits);
            if (std::ranges::find(files_.ends, next) != files_.ends.end()) break;
            put(out.push(next));
            if (++count == length || state_->position() == context_) break;
            logits = Model::step(weights_, {next}, *state_);
            read_.push_back(next);
        }
        put(out.finish());
        put("\n");
        result.pop_back();
        const auto seconds = [](auto time) { return std::chrono::duration<double>(time).count(); };
        std::fprintf(stderr, "%d tokens, %.1f tokens/s, the first after %.2f s%s\n", count,
                     count / seconds(clock::now() - begin), seconds(begin - start),
                     interrupted != 0 ? ", stopped" : "");
        return result;
    }

  private:
    const Files& files_;
    const Weights& weights_;
    int context_;
    sampler choose_;
    tokens read_;  // what the state has read
    std::unique_ptr<typename Model::template state<float>> state_ =
        make_unique<typename Model::template state<float>>();
};

/// A conversation that forgets its oldest messages.
class Conversation {
  public:
    Conversation(const tokenizers::tokenizer& tokenizer, tokenizers::chat_format format,
                 const std::string& system)
        : tokenizer_(tokenizer), format_(format) {
        if (!system.empty()) messages_.push_back({chat_role::system, system});
        kept_ = messages_.size();
    }

    /// The tokens of all that was said, with the next message, so that at least a quarter of the
    /// context is left. Throws std::invalid_argument if a message alone is too long.
    std::vector<std::int32_t> ask(const std::string& message, int context) {
        const auto before = messages_;
        messages_.push_back({chat_role::user, message});
        const auto most = static_cast<std::size_t>(context - context / 4);
        for (;;) {
            const auto text = tokenizers::chat_text(format_, messages_);
            auto ids = tokenizer_.encode(text, {.special_tokens = false}, work_).ids;
            if (ids.size() <= most) return ids;
            if (messages_.size() < kept_ + 3) {
                messages_ = before;
                throw std::invalid_argument("the message takes " + std::to_string(ids.size()) +
                                            " tokens, there is room for " + std::to_string(most));
            }
            // A question and its answer.
            const auto oldest = messages_.begin() + static_cast<std::ptrdiff_t>(kept_);
            messages_.erase(oldest, oldest + 2);
        }
    }
    void answered(std::string text) {
        messages_.push_back({chat_role::assistant, std::move(text)});
    }

  private:
    const tokenizers::tokenizer& tokenizer_;
    tokenizers::chat_format format_;
    std::vector<tokenizers::chat_message> messages_;
    std::size_t kept_ = 0;  // so many first ones are never forgotten
    tokenizers::tokenizer::workspace work_;
};

void print_likeliest(std::span<const float> logits, const tokenizers::tokenizer& tokenizer,
                     int count) {
    std::vector<std::int32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto logit = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
    const auto end = order.begin() + std::min<std::ptrdiff_t>(count, std::ssize(order));
    std::partial_sort(order.begin(), end, order.end(),
                      [&](auto one, auto two) { return logit(one) > logit(two); });
    for (auto each = order.begin(); each != end; ++each)
        std::printf("%10.4f %7d  \"%s\"\n", static_cast<double>(logit(*each)), *each,
                    tokenizer.decode({&*each, 1}, false).c_str());
}

template <class Model, class Weights>
void talk(Files& files, const Weights& weights, const Options& options) {
    Reader<Model, Weights> reader(files, weights, options);
    std::optional<Conversation> conversation;
    std::vector<std::string> messages = options.messages;
    if (!options.text) {
        const auto style = tokenizers::find_chat_style(files.chat_template);
        if (!style && !options.format)
            throw std::runtime_error(options.model +
                                     (files.chat_template.empty()
                                          ? ": has no chat template"
                                          : ": its chat template is not known") +
                                     "; --format chooses one, --continue continues a text");
        const tokenizers::chat_format format =
            options.format.value_or(style ? style->format : tokenizers::chat_format{});
        if (const auto end = files.tokenizer.find(tokenizers::chat_end(format)))
            files.ends.push_back(*end);
        conversation.emplace(
            files.tokenizer, format,
            options.system.value_or(style && !options.format ? style->system : ""));
    } else {
        messages = {*options.text};
    }
    const auto say = [&](const std::string& message) {
        auto ids = conversation ? conversation->ask(message, reader.context())
                                : files.tokenizer.encode(message).ids;
        if (ids.empty() || std::ssize(ids) > reader.context())
            throw std::invalid_argument("the text has " + std::to_string(ids.size()) +
                                        " tokens, expected are 1 to " +
                                        std::to_string(reader.context()));
        if (options.likeliest > 0) {
            const auto logits = reader.read(ids);
            print_likeliest({logits.data, static_cast<std::size_t>(Model::shape.vocabulary)},
                            files.tokenizer, options.likeliest);
            return;
        }
        if (!conversation) std::fwrite(message.data(), 1, message.size(), stdout);
        std::string answer = reader.answer(ids, options.length);
        if (conversation) conversation->answered(std::move(answer));
    };
    for (const std::string& message : messages) say(message);
    if (!messages.empty()) return;
    for (std::string message; std::cerr << "> ", std::getline(std::cin, message);) {
        if (message.empty()) continue;
        try {
            say(message);
        } catch (const std::invalid_argument& error) {
            std::cerr << error.what() << '\n';
        }
        if (options.likeliest > 0) return;
    }
    std::cerr << '\n';
}

void run(const Options& options) {
    const auto start = std::chrono::steady_clock::now();
    Files files =
        fs::is_directory(options.model) ? open_folder(options.model) : open_gguf(options.model);
    visit_models(files.tensors, files.names, [&]<class Model>() {
        io::check_type<Model>(files.described);
        if (files.tokenizer.size() > Model::shape.vocabulary)
            throw std::runtime_error("the tokenizer has " + std::to_string(files.tokenizer.size()) +
                                     " tokens, the model has " +
                                     std::to_string(Model::shape.vocabulary));
        const auto load = [&](auto& parameters) {
            io::load<Model>(files.tensors, parameters, files.names);
        };
        const auto load_packed = [&]<class Packed>() {
            return io::load_packed<Packed, Model>(files.tensors, files.names);
        };
        formats::visit<Model>(options.weights, load, load_packed, [&](const auto& weights) {
            const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
            std::fprintf(stderr, "the model is ready after %.2f s\n", time.count());
            talk<Model>(files, weights, options);
        });
    });
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("chat", [&] { run(read_options(count, arguments)); });
}
