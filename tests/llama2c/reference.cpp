// Writes a checkpoint and a tokenizer of llama2.c with random numbers, and prints the story that
// they tell at temperature 0, computed here in plain loops, in double, with nothing of Sequent.
//
//     llama2c_reference MODEL TOKENIZER STEPS PROMPT

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using Vector = std::vector<double>;

// The configuration of stories260K.
constexpr int width = 64, hidden = 172, depth = 5, heads = 8, key_heads = 4, vocabulary = 512,
              length = 512;
constexpr int head_width = width / heads, key_width = key_heads * head_width;

std::size_t u(int index) {
    return static_cast<std::size_t>(index);
}

class File {
  public:
    explicit File(const char* path) : stream_(path, std::ios::binary) {}
    void bits(std::uint32_t value) {
        for (int index = 0; index < 4; ++index) stream_.put(static_cast<char>(value >> 8 * index));
    }
    void number(float value) { bits(std::bit_cast<std::uint32_t>(value)); }
    void text(const std::string& value) { stream_ << value; }

  private:
    std::ofstream stream_;
};

/// Random numbers, as they are written to the file.
class Source {
  public:
    explicit Source(File& file) : file_(file) {}
    Vector take(int count, double mean, double deviation) {
        std::normal_distribution<double> normal(mean, deviation);
        Vector result(u(count));
        for (double& value : result) {
            const auto rounded = static_cast<float>(normal(random_));
            file_.number(rounded);
            value = static_cast<double>(rounded);
        }
        return result;
    }
    Vector matrices(int count, int rows, int columns) {
        return take(count * rows * columns, 0, 2 / std::sqrt(columns));
    }

  private:
    File& file_;
    std::mt19937 random_{4};
};

struct Model {
    Vector embedding, gain_1, query, key, value, out, gain_2, gate, contract, expand, gain;

    explicit Model(const char* path) {
        File file(path);
        for (const int field : {width, hidden, depth, heads, key_heads, vocabulary, length})
            file.bits(static_cast<std::uint32_t>(field));
        Source source(file);
        embedding = source.take(vocabulary * width, 0, 0.1);
        gain_1 = source.take(depth * width, 1, 0.2);
        query = source.matrices(depth, width, width);
        key = source.matrices(depth, key_width, width);
        value = source.matrices(depth, key_width, width);
        out = source.matrices(depth, width, width);
        gain_2 = source.take(depth * width, 1, 0.2);
        gate = source.matrices(depth, hidden, width);
        contract = source.matrices(depth, width, hidden);
        expand = source.matrices(depth, hidden, width);
        gain = source.take(width, 1, 0.2);
        source.take(length * head_width, 0, 1);  // the tables that nobody reads
    }
};

Vector normalized(const Vector& x, const double* gain) {
    double squares = 0;
    for (const double value : x) squares += value * value;
    const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
    Vector result(x.size());
    for (std::size_t at = 0; at < x.size(); ++at) result[at] = x[at] * scale * gain[at];
    return result;
}

Vector product(const double* matrix, const Vector& x, int rows) {
    Vector result(u(rows));
    for (double& sum : result)
        for (const double value : x) sum += *matrix++ * value;
    return result;
}

void rotate(Vector& x, int position) {
    for (std::size_t at = 0; at < x.size(); at += 2) {
        const double exponent = static_cast<double>(at % u(head_width)) / head_width;
        const double angle = position * std::pow(1e4, -exponent);
        const double first = x[at], second = x[at + 1];
        x[at] = first * std::cos(angle) - second * std::sin(angle);
        x[at + 1] = first * std::sin(angle) + second * std::cos(angle);
    }
}

class Run {
  public:
    explicit Run(const Model& model) : model_(model), keys_(depth), values_(depth) {}

    Vector logits(int token) {
        const double* row = &model_.embedding[u(token * width)];
        Vector x(row, row + width);
        for (int layer = 0; layer < depth; ++layer) {
            attend(x, layer);
            const Vector normal = normalized(x, &model_.gain_2[u(layer * width)]);
            Vector gate = product(&model_.gate[u(layer * hidden * width)], normal, hidden);
            const Vector up = product(&model_.expand[u(layer * hidden * width)], normal, hidden);
            for (std::size_t at = 0; at < gate.size(); ++at)
                gate[at] *= up[at] / (1 + std::exp(-gate[at]));
            add(x, product(&model_.contract[u(layer * hidden * width)], gate, width));
        }
        ++position_;
        return product(model_.embedding.data(), normalized(x, model_.gain.data()), vocabulary);
    }

  private:
    static void add(Vector& to, const Vector& from) {
        for (std::size_t at = 0; at < to.size(); ++at) to[at] += from[at];
    }

    void attend(Vector& x, int layer) {
        const Vector normal = normalized(x, &model_.gain_1[u(layer * width)]);
        Vector query = product(&model_.query[u(layer * width * width)], normal, width);
        Vector key = product(&model_.key[u(layer * key_width * width)], normal, key_width);
        rotate(query, position_);
        rotate(key, position_);
        auto& keys = keys_[u(layer)];
        auto& values = values_[u(layer)];
        keys.push_back(key);
        values.push_back(product(&model_.value[u(layer * key_width * width)], normal, key_width));
        Vector joined(u(width));
        for (int head = 0; head < heads; ++head) {
            const int group = head / (heads / key_heads);
            Vector weights;
            double sum = 0;
            for (const Vector& each : keys) {
                double score = 0;
                for (int at = 0; at < head_width; ++at)
                    score += query[u(head * head_width + at)] * each[u(group * head_width + at)];
                weights.push_back(std::exp(score / std::sqrt(head_width)));
                sum += weights.back();
            }
            for (std::size_t row = 0; row < values.size(); ++row)
                for (int at = 0; at < head_width; ++at)
                    joined[u(head * head_width + at)] +=
                        weights[row] / sum * values[row][u(group * head_width + at)];
        }
        add(x, product(&model_.out[u(layer * width * width)], joined, width));
    }

    const Model& model_;
    std::vector<std::vector<Vector>> keys_, values_;
    int position_ = 0;
};

struct Tokens {
    std::vector<std::string> texts{"<unk>", "\n<s>\n", "\n</s>\n"};
    std::vector<float> scores;
    std::map<std::string, int> ids;

    explicit Tokens(const char* path) {
        for (int byte = 0; byte < 256; ++byte) {
            std::array<char, 8> text{};
            std::snprintf(text.data(), text.size(), "<0x%02X>", static_cast<unsigned>(byte));
            texts.emplace_back(text.data());
        }
        const std::string letters = "abcdefghijklmnop", end = "oeinsr ";
        for (const char letter : letters) texts.push_back({letter});
        texts.insert(texts.end(), {" ", ".", "\n", "\xc3\xa9"});
        for (const char first : letters) {
            texts.push_back({' ', first});
            for (const char last : end) texts.push_back({first, last});
        }
        for (const char first : letters)
            for (const char last : end) texts.push_back({' ', first, last});
        texts.resize(u(vocabulary), "unused");
        File file(path);
        file.bits(6);
        for (int id = 0; id < vocabulary; ++id) {
            scores.push_back(id < 259 ? 0 : static_cast<float>(-((id * 37) % 101)));
            file.number(scores.back());
            file.bits(static_cast<std::uint32_t>(texts[u(id)].size()));
            file.text(texts[u(id)]);
            ids.emplace(texts[u(id)], id);
        }
    }

    std::vector<int> encode(const std::string& text) const {
        std::vector<int> result{1};
        if (!text.empty()) result.push_back(ids.at(" "));
        for (std::size_t at = 0; at < text.size();) {
            std::size_t count = 1;
            while (at + count < text.size() && (text[at + count] & 0xC0) == 0x80) ++count;
            const auto found = ids.find(text.substr(at, count));
            if (found != ids.end()) {
                result.push_back(found->second);
            } else {
                for (std::size_t byte = at; byte < at + count; ++byte)
                    result.push_back(3 + static_cast<unsigned char>(text[byte]));
            }
            at += count;
        }
        for (;;) {
            int best = -1, place = 0;
            for (int at = 0; at + 1 < static_cast<int>(result.size()); ++at) {
                const auto found = ids.find(texts[u(result[u(at)])] + texts[u(result[u(at + 1)])]);
                if (found == ids.end()) continue;
                if (best >= 0 && scores[u(found->second)] <= scores[u(best)]) continue;
                best = found->second;
                place = at;
            }
            if (best < 0) return result;
            result[u(place)] = best;
            result.erase(result.begin() + place + 1);
        }
    }

    void print(int previous, int id) const {
        std::string text = texts[u(id)];
        if (id >= 3 && id < 259) text = static_cast<char>(id - 3);
        if (previous == 1 && text[0] == ' ') text.erase(0, 1);
        if (text.size() == 1 && !std::isprint(static_cast<unsigned char>(text[0])) &&
            !std::isspace(static_cast<unsigned char>(text[0])))
            return;
        std::fwrite(text.data(), 1, text.size(), stdout);
    }
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 5) return 2;
    const Model model(arguments[1]);
    const Tokens tokens(arguments[2]);
    const int steps = std::atoi(arguments[3]);
    const std::vector<int> prompt = tokens.encode(arguments[4]);
    Run run(model);
    int token = prompt[0];
    for (int at = 1; at <= steps; ++at) {
        Vector logits = run.logits(token);
        auto best = std::max_element(logits.begin(), logits.end());
        int next = static_cast<int>(best - logits.begin());
        if (at < static_cast<int>(prompt.size())) {
            next = prompt[u(at)];
        } else {
            // In float two logits that are all but equal could change places.
            const double highest = *best;
            *best = -1e9;
            if (highest - *std::max_element(logits.begin(), logits.end()) < 1e-4) {
                std::fprintf(stderr, "two tokens are all but equal: choose another seed\n");
                return 3;
            }
        }
        if (next == 1) break;
        tokens.print(token, next);
        token = next;
    }
    std::printf("\n");
    return 0;
}
