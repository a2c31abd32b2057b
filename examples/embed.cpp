// Finds the lines of a text that mean the most alike as a query, with a sentence embedding model.
//
//     embed MODEL TEXT [--query "a question"]... [--index FILE]
//
// A line's embedding is the mean (or the first) of an encoder's output rows, of length one; the
// score of two texts is the product of their embeddings, their cosine.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <sequent/draw/attention_page.hpp>
#include <sequent/formats.hpp>
#include <sequent/packed.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "options.hpp"
#include "weights.hpp"

namespace {

using namespace sequent;
namespace fs = std::filesystem;

/// An encoder that takes texts of any length up to its tokens, without padding, and gives a row for
/// each.
template <template <class...> class Preset, class... Options>
using encoder = Preset<any_length<true>, padded<false>, pooling::none, Options...>;

/// Calls f for the model that fits the files. One model more is one line more, which the example
/// model_type prints: encoder<PRESET, OPTIONS...> of albert, bert, distilbert, modernbert, mpnet or
/// roberta.
template <class F>
void visit_models(const io::tensor_file& file, io::name_map names, F f) {
    // clang-format off
    io::visit<
        encoder<bert, vocabulary<30522>, tokens<512>, width<384>, heads<12>, depth<6>>,  // all-MiniLM-L6-v2
        encoder<bert, vocabulary<30522>, tokens<512>, width<128>, heads<2>, depth<2>>    // bert-tiny
        >(file, names, f);
    // clang-format on
}

using formats = examples::weight_formats<bf16, q8_0, q4_0>;

constexpr std::string_view help_text =
    R"(embed MODEL [TEXT] [--query TEXT]... [--index FILE] [--best N] [--print TEXT]
      [--page FILE] [--compare] [--weights FORMAT] [--tokens N] [--threads N] [--line-prefix TEXT] [--query-prefix TEXT]

Answers queries with the lines of the file TEXT that mean the most alike, and their scores, which
are cosines. Without --query, each line of standard input is one.

MODEL is a folder with the files of a sentence embedding model as it is published:

  model.safetensors    the weights
  config.json          what the model is
  tokenizer.json       or vocab.txt
  1_Pooling/config.json, sentence_bert_config.json    if the model has them

The program is compiled for all-MiniLM-L6-v2, whose files are those of
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, and for models of bert-tiny's sizes.
For others, add a line to examples/embed.cpp.

  --query TEXT         a query; may be given several times
  --index FILE         keep the embeddings of the lines in FILE (safetensors), and take them from it
  --best N             lines for each query (5)
  --print TEXT         print the embedding of TEXT
  --page FILE          with --print: an HTML page of the attention within TEXT (weights f32)
  --compare            embed the lines with each format of weights: the cosines to the embeddings
                       of f32, the seconds, and the megabytes of the weights
  -w, --weights FORMAT f32, or fewer bits: bf16, q8_0 or q4_0 (f32)
  --tokens N           longer texts are cut off (sentence_bert_config.json's number, or 512)
  --threads N          (all of the machine)
  --line-prefix TEXT   what the model wants before lines, such as "passage: " (nothing)
  --query-prefix TEXT  and before queries, such as "query: " (nothing)
)";
/// The part of it that tells what a model is and where to get one.
constexpr std::string_view files_text = help_text.substr(
    help_text.find("MODEL is a"), help_text.find("\n  --query") - help_text.find("MODEL is a"));

struct Options {
    std::string model;
    std::string text;
    std::vector<std::string> queries;
    std::vector<std::string> printed;
    std::string index;
    std::string page;
    std::string_view weights = "f32";
    std::string line_prefix;
    std::string query_prefix;
    bool compares = false;
    int best = 5;
    int tokens = 0;
    int threads = 0;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        // clang-format off
        if (line.is("--query")) options.queries.push_back(line.text());
        else if (line.is("--print")) options.printed.push_back(line.text());
        else if (line.is("--index")) options.index = line.output();
        else if (line.is("-w") || line.is("--weights")) options.weights = formats::read(line);
        else if (line.is("--line-prefix")) options.line_prefix = line.text();
        else if (line.is("--query-prefix")) options.query_prefix = line.text();
        else if (line.is("--page")) options.page = line.output();
        else if (line.is("--compare")) options.compares = true;
        else if (line.is("--best")) options.best = line.whole(1, 1000000);
        else if (line.is("--tokens")) options.tokens = line.whole(2, 1000000);
        else if (line.is("--threads")) options.threads = line.whole(1, 1024);
        else if (line.is_option()) line.refuse();
        else if (options.model.empty()) options.model = line.word();
        else line.once(options.text, "MODEL and one TEXT");
        // clang-format on
    }
    if (options.model.empty())
        throw std::invalid_argument("MODEL is missing\n" + std::string(files_text));
    if (!options.page.empty() && (options.printed.empty() || options.weights != "f32"))
        throw std::invalid_argument("--page needs --print TEXT and weights of f32");
    if (options.text.empty() && (options.printed.empty() || options.compares))
        throw std::invalid_argument("TEXT is needed, a file whose lines are searched");
    return options;
}

std::string_view text_of(const io::source& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// FNV-1a.
std::string fingerprint(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
    char result[17];
    std::snprintf(result, sizeof result, "%016llx", static_cast<unsigned long long>(hash));
    return result;
}

/// The files of a model, and what they state beside the weights.
struct Files {
    fs::path folder;
    std::string name;  // tells it from other models
    io::source weights;
    tokenizers::tokenizer tokenizer;
    bool takes_first = false;
    std::size_t most_tokens = 0;  // 0: as many as the model has positions

    explicit Files(const fs::path& at)
        : folder(at), weights(needed("model.safetensors")), tokenizer(tokenizer_of(name)) {
        name = "model.safetensors " + fingerprint(text_of(weights)) + ", " + name;
        if (const fs::path path = folder / "1_Pooling" / "config.json"; fs::exists(path)) {
            const io::source file(path.string());
            const io::json_document pooling(text_of(file), file.name());
            pooling.root().for_each_member([&](std::string_view key, io::json_value value) {
                if (!key.starts_with("pooling_mode_") || value.kind() != io::json_kind::boolean ||
                    !value.boolean() || key == "pooling_mode_mean_tokens")
                    return;
                if (key != "pooling_mode_cls_token")
                    value.fail({"\"", key, "\" is true; known are the mean and the first token"});
                takes_first = true;
            });
        }
        if (const fs::path path = folder / "sentence_bert_config.json"; fs::exists(path)) {
            const io::source file(path.string());
            const io::json_document limits(text_of(file), file.name());
            const io::json_value root = limits.root();
            if (root.has("max_seq_length") && !root["max_seq_length"].is_null())
                most_tokens =
                    static_cast<std::size_t>(root["max_seq_length"].whole_number(1000000));
        }
    }

    std::string needed(const char* file) const {
        fs::path path = folder / file;
        if (!fs::exists(path))
            throw std::runtime_error(path.string() + " is missing\n" + std::string(files_text));
        return path.string();
    }

  private:
    tokenizers::tokenizer tokenizer_of(std::string& used) const {
        const bool has_json = fs::exists(folder / "tokenizer.json");
        const bool has_list = !has_json && fs::exists(folder / "vocab.txt");
        const io::source file(needed(has_list ? "vocab.txt" : "tokenizer.json"));
        used = (has_list ? "vocab.txt " : "tokenizer.json ") + fingerprint(text_of(file));
        return has_list ? tokenizers::from_vocab_txt(file) : tokenizers::from_json(file);
    }
};

/// The lines of a file that are not empty. Throws where one is not UTF-8.
std::vector<std::string> read_lines(const std::string& path) {
    const io::source file(path);
    std::vector<std::string> result;
    std::string_view rest = text_of(file);
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
        if (!io::is_utf8(line))
            throw std::runtime_error(path + ": line " + std::to_string(number) + " is not UTF-8");
        result.emplace_back(line);
    }
    if (result.empty()) throw std::runtime_error(path + ": has no lines");
    return result;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A model with its weights, Model::parameters<float> or packed ones, ready to embed.
template <class Model, class Weights>
class Embedder {
  public:
    static constexpr int width = Model::shape.width;

    Embedder(const Files& files, const Weights& weights, std::size_t most_tokens, int threads)
        : files_(files),
          weights_(weights),
          most_tokens_(most_tokens),
          pool_(threads),
          batch_(pool_) {}

    /// texts.size() x width numbers. Progress goes to standard error.
    std::vector<float> embed(const std::string& prefix, const std::vector<std::string>& texts) {
        std::vector<float> result(texts.size() * width);
        const auto start = std::chrono::steady_clock::now();
        constexpr std::size_t block = 256;
        std::size_t tokens = 0;
        for (std::size_t first = 0; first < texts.size(); first += block) {
            const std::size_t count = std::min(block, texts.size() - first);
            std::vector<tokenizers::encoding> encoded;
            for (std::size_t at = first; at < first + count; ++at) {
                encoded.push_back(files_.tokenizer.encode(
                    prefix + texts[at], {.max_length = most_tokens_}, workspace_));
                tokens += encoded.back().ids.size();
            }
            // Facts refer to the encodings.
            std::vector<typename Model::template facts<float>> samples;
            samples.reserve(count);
            for (const tokenizers::encoding& each : encoded)
                if constexpr (Model::shape.segments > 1)
                    samples.push_back({each.ids, each.segments});
                else
                    samples.push_back({each.ids});
            Model::forward_batch(weights_, samples, batch_, [&](int sample, const auto& rows) {
                pool_rows(rows, &result[(first + static_cast<std::size_t>(sample)) * width]);
            });
            if (texts.size() > block)
                std::fprintf(stderr, "\r%zu of %zu lines, %.0f lines/s ", first + count,
                             texts.size(),
                             static_cast<double>(first + count) / seconds_since(start));
        }
        if (texts.size() > 1)
            std::fprintf(stderr, "\r%zu lines, %zu tokens, embedded in %.2f s    \n", texts.size(),
                         tokens, seconds_since(start));
        return result;
    }

    /// A page of the attention within a text.
    void write_page(const std::string& path, const std::string& text) {
        const tokenizers::encoding encoded =
            files_.tokenizer.encode(text, {.max_length = most_tokens_}, workspace_);
        draw::attention_labels labels{.title = "Attention within a text"};
        for (const std::int32_t id : encoded.ids) labels.tokens.emplace_back(files_.tokenizer[id]);
        const auto w = make_unique<typename Model::template workspace<float>>();
        const typename Model::template facts<float> facts = [&] {
            if constexpr (Model::shape.segments > 1)
                return typename Model::template facts<float>{encoded.ids, encoded.segments};
            else
                return typename Model::template facts<float>{encoded.ids};
        }();
        draw::attention<Model>(path, weights_, facts, *w, labels);
        std::fprintf(stderr, "the page of its attention is %s\n", path.c_str());
    }

  private:
    /// The embedding of length one of a text from its rows.
    template <class Rows>
    void pool_rows(const Rows& rows, float* out) const {
        const int count = files_.takes_first ? 1 : rows.extents[0];
        double square = 0;
        std::vector<double> sums(width);
        for (int row = 0; row < count; ++row)
            for (int column = 0; column < width; ++column)
                sums[static_cast<std::size_t>(column)] += static_cast<double>(rows(row, column));
        for (const double each : sums) square += each * each;
        const double factor = 1 / std::max(std::sqrt(square), 1e-12);
        for (int column = 0; column < width; ++column)
            out[column] = static_cast<float>(sums[static_cast<std::size_t>(column)] * factor);
    }

    const Files& files_;
    const Weights& weights_;
    std::size_t most_tokens_;
    tokenizers::tokenizer::workspace workspace_;
    thread_pool pool_;
    typename Model::template scratch_batch<float> batch_;
};

/// Embeddings in a file, and what they were made of.
class Index {
  public:
    Index(std::string path, std::string made_of, const std::vector<std::string>& lines)
        : path_(std::move(path)),
          made_of_(std::move(made_of)),
          count_(std::to_string(lines.size())) {
        std::string all;
        for (const std::string& line : lines) all.append(line) += '\n';
        lines_ = fingerprint(all);
    }

    bool exists() const { return !path_.empty() && fs::exists(path_); }

    void load(std::vector<float>& embeddings, int width) const {
        const io::file_header header = io::read_header(path_);
        check(header, "made_of", "another model or with other options", made_of_);
        check(header, "count", "another number of lines", count_);
        check(header, "lines", "other lines", lines_);
        io::load(path_, tensors(embeddings, width));
    }
    void save(std::vector<float>& embeddings, int width) const {
        io::save(path_, tensors(embeddings, width),
                 {{"made_of", made_of_}, {"count", count_}, {"lines", lines_}});
        std::fprintf(stderr, "the index is in %s\n", path_.c_str());
    }

  private:
    void check(const io::file_header& header, const char* key, const char* what,
               const std::string& wanted) const {
        const auto found = header.metadata.find(key);
        if (found == header.metadata.end())
            throw std::runtime_error(path_ + ": is no index of this program");
        if (found->second != wanted)
            throw std::runtime_error(path_ + ": was made of " + what + ": it has \"" +
                                     found->second + "\", wanted is \"" + wanted +
                                     "\"; remove it to make it again");
    }
    static std::vector<io::named_tensor<float>> tensors(std::vector<float>& numbers, int width) {
        tensor_view<float> view;
        view.data = numbers.data();
        view.rank = 2;
        view.extents = {static_cast<int>(numbers.size()) / width, width};
        view.strides = {width, 1};
        return {{"embeddings", view}};
    }

    std::string path_;
    std::string made_of_;
    std::string count_;
    std::string lines_;
};

/// Prints the lines whose embeddings are nearest to one.
void print_best(const float* query, const std::vector<float>& embeddings, int width,
                const std::vector<std::string>& lines, int best) {
    std::vector<std::pair<float, std::size_t>> scores(lines.size());
    for (std::size_t line = 0; line < lines.size(); ++line) {
        const float* const row = &embeddings[line * static_cast<std::size_t>(width)];
        scores[line] = {-std::inner_product(row, row + width, query, 0.0F), line};
    }
    const auto count = std::min(static_cast<std::size_t>(best), scores.size());
    std::partial_sort(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(count),
                      scores.end());
    for (std::size_t at = 0; at < count; ++at)
        std::printf("%8.4f  %s\n", static_cast<double>(-scores[at].first),
                    lines[scores[at].second].c_str());
    std::fflush(stdout);
}

/// How many tokens a text has at most.
template <class Model>
std::size_t most_tokens(const Options& options, const Files& files) {
    constexpr auto positions = static_cast<std::size_t>(Model::shape.tokens);
    const auto given =
        options.tokens > 0 ? static_cast<std::size_t>(options.tokens) : files.most_tokens;
    return given > 0 ? std::min(given, positions) : positions;
}

/// Embeds the lines of a text and prints their cosines to `expected`, the embeddings with floats,
/// which are those of the first call.
template <class Model, class Weights>
void compare(const Options& options, const Files& files, std::string_view format,
             const Weights& weights, std::vector<float>& expected) {
    constexpr std::size_t width = Model::shape.width;
    const std::vector<std::string> lines = read_lines(options.text);
    Embedder<Model, Weights> embedder(files, weights, most_tokens<Model>(options, files),
                                      options.threads);
    const auto start = std::chrono::steady_clock::now();
    const std::vector<float> found = embedder.embed(options.line_prefix, lines);
    const double seconds = seconds_since(start);
    if (expected.empty()) expected = found;
    double sum = 0, least = 1;
    for (std::size_t first = 0; first < found.size(); first += width) {
        double cosine = 0;
        for (std::size_t at = first; at < first + width; ++at)
            cosine += static_cast<double>(expected[at]) * static_cast<double>(found[at]);
        sum += cosine;
        least = std::min(least, cosine);
    }
    std::printf("%-5s cosine: mean %.6f, least %.6f   %8.3f s   %8.2f MB\n",
                std::string(format).c_str(), sum / static_cast<double>(lines.size()), least,
                seconds, static_cast<double>(sizeof(Weights)) * 1e-6);
}

template <class Model, class Weights>
void answer(const Options& options, const Files& files, const Weights& weights) {
    constexpr int width = Model::shape.width;
    const std::size_t most = most_tokens<Model>(options, files);
    Embedder<Model, Weights> embedder(files, weights, most, options.threads);
    for (const std::string& text : options.printed) {
        for (const float number : embedder.embed("", {text}))
            std::printf("%.8f\n", static_cast<double>(number));
    }
    if constexpr (std::is_same_v<Weights, typename Model::template parameters<float>>)
        if (!options.page.empty()) embedder.write_page(options.page, options.printed[0]);
    if (options.text.empty()) return;

    const std::vector<std::string> lines = read_lines(options.text);
    const Index index(options.index,
                      files.name + ", " + std::string(options.weights) + ", " +
                          std::to_string(most) + " tokens, " +
                          (files.takes_first ? "first" : "mean") + ", prefix '" +
                          options.line_prefix + "'",
                      lines);
    std::vector<float> embeddings(lines.size() * width);
    if (index.exists()) {
        index.load(embeddings, width);
    } else {
        embeddings = embedder.embed(options.line_prefix, lines);
        if (!options.index.empty()) index.save(embeddings, width);
    }

    const auto ask = [&](const std::string& query) {
        const auto start = std::chrono::steady_clock::now();
        const std::vector<float> embedding = embedder.embed(options.query_prefix, {query});
        std::printf("%s\n", query.c_str());
        print_best(embedding.data(), embeddings, width, lines, options.best);
        std::fprintf(stderr, "answered in %.1f ms\n", seconds_since(start) * 1e3);
    };
    for (const std::string& query : options.queries) ask(query);
    if (!options.queries.empty()) return;
    std::string query;
    while (std::cerr << "query> ", std::getline(std::cin, query))
        if (!query.empty()) ask(query);
    std::cerr << '\n';
}

void run(const Options& options) {
    const auto start = std::chrono::steady_clock::now();
    const Files files(options.model);
    const io::model_description described = io::describe(files.needed("config.json"));
    const io::tensor_file tensors = io::open_safetensors(files.weights);
    const io::name_map names = io::names_of(described);
    visit_models(tensors, names, [&]<class Model>() {
        io::check_type<Model>(described);
        if (files.tokenizer.size() > Model::shape.vocabulary)
            throw std::runtime_error("the tokenizer has " + std::to_string(files.tokenizer.size()) +
                                     " tokens, the model has " +
                                     std::to_string(Model::shape.vocabulary));
        const auto load = [&](auto& parameters) { io::load<Model>(tensors, parameters, names); };
        const auto load_packed = [&]<class Packed>() {
            return io::load_packed<Packed, Model>(tensors, names);
        };
        std::vector<float> expected;
        for (const std::string_view format : formats::names)
            if (options.compares)
                formats::visit<Model>(format, load, load_packed, [&](const auto& weights) {
                    compare<Model>(options, files, format, weights, expected);
                });
        if (options.compares) return;
        formats::visit<Model>(options.weights, load, load_packed, [&](const auto& weights) {
            std::fprintf(stderr, "the model is ready after %.2f s\n", seconds_since(start));
            answer<Model>(options, files, weights);
        });
    });
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("embed", [&] { run(read_options(count, arguments)); });
}
