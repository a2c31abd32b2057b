#pragma once

#include "../io/replace_file.hpp"
#include "../io/safetensors.hpp"
#include "analysis.hpp"
#include "compile/plain.hpp"

/// Compiled programs for other software: weights with a Python file that runs them in PyTorch, and
/// the layers of a program as JSON.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

SEQUENT_COLD inline std::string in_json(std::string_view text) {
    std::string result = "\"";
    for (const char each : text) {
        if (static_cast<unsigned char>(each) < 0x20) {
            constexpr std::string_view digits = "0123456789abcdef";
            result += "\\u00";
            result += digits[static_cast<unsigned char>(each) >> 4];
            result += digits[static_cast<unsigned char>(each) & 15];
            continue;
        }
        if (each == '"' || each == '\\') result += '\\';
        result += each;
    }
    return result + "\"";
}
/// The value as a Python literal.
SEQUENT_COLD inline std::string python_of(const value& of) {
    if (of.is_missing()) return "None";
    if (of.kind() == type::symbol) return in_json(of.text());
    if (of.kind() == type::boolean) return of.truth() ? "True" : "False";
    const rational number = of.number();
    if (number.is_whole()) return of.text();
    return joined_text({"Fraction(", static_cast<long long>(number.over), ", ",
                        static_cast<long long>(number.under), ")"});
}
SEQUENT_COLD inline std::string python_of(std::span<const value> values) {
    std::string result = "[";
    for (const value& each : values) result += (result.size() > 1 ? ", " : "") + python_of(each);
    return result + "]";
}

inline constexpr const char* pytorch_program = R"(
class Transformer(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = bytearray(file.read())
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                numbers = torch.frombuffer(data[begin:end], dtype=torch.float64)
                setattr(self, name, torch.nn.Parameter(numbers.reshape(entry["shape"])))

    def forward(self, numbers):  # of tokens: the start, which is 0, and an input
        count = len(numbers)
        x = self.embedding[torch.tensor(numbers)] + self.position[:count]
        width = x.shape[1]

        def heads(name, layer):
            weight = getattr(self, "W_" + name)[layer].reshape(-1, width)
            bias = getattr(self, "b_" + name)[layer].reshape(-1)
            return (x @ weight.T + bias).reshape(count, HEADS, -1).transpose(0, 1)

        for layer in [*range(LAYERS)] * ROUNDS:
            scores = heads("query", layer) @ heads("key", layer).transpose(1, 2)
            if CAUSAL:
                later = torch.ones(count, count, dtype=torch.bool).triu(1)
                scores = scores.masked_fill(later, float("-inf"))
            attended = (scores.softmax(-1) @ heads("value", layer)).transpose(0, 1)
            weight = self.W_out[layer].reshape(width, -1)
            x = x + attended.reshape(count, -1) @ weight.T + self.b_out[layer]
            hidden = (x @ self.W_expand[layer].T + self.b_expand[layer]).relu()
            x = x + hidden @ self.W_contract[layer].T + self.b_contract[layer]
        return x @ self.W_logits.T + self.b_logits


def run(model, tokens):
    """What the program gives for a list of tokens."""
    step = len(ALPHABET) if PAIRS else 0
    numbers = [1 + ALPHABET.index(token) + at * step for at, token in enumerate(tokens)]
    logits = model([0] + numbers)[1:]
    if DENOMINATOR:
        return [Fraction(number).limit_denominator(DENOMINATOR) for number in logits[:, 0].tolist()]
    return [CLASSES[at] for at in logits.argmax(1).tolist()]


if __name__ == "__main__":
    print(run(Transformer(sys.argv[1]), [type(ALPHABET[0])(token) for token in sys.argv[2:]]))
)";

SEQUENT_COLD inline std::string pytorch_text(const compiling::sizes& size,
                                             std::span<const value> alphabet,
                                             std::span<const value> classes) {
    const auto truth = [](bool of) { return of ? "True" : "False"; };
    return joined_text(
        {"\"\"\"A compiled RASP program: python this.py weights.safetensors TOKEN ...\"\"\"\n"
         "import json, struct, sys\nfrom fractions import Fraction\n\nimport torch\n\n"
         "LAYERS, HEADS, ROUNDS = ",
         size.layers, ", ", size.heads, ", ", size.rounds, "\nALPHABET = ", python_of(alphabet),
         "\nCLASSES = ", python_of(classes),
         "\nPAIRS, CAUSAL, DENOMINATOR = ", truth(size.embeds_pairs), ", ", truth(size.is_causal),
         ", ", size.denominator, "\n\n", pytorch_program});
}

SEQUENT_COLD inline void save_text(const std::string& path, const std::string& text) {
    io::file_replacement file(path);
    file.write(text.data(), text.size());
    file.commit();
}

}  // namespace detail

/// Writes `path`.safetensors, the weights of a compiled program as doubles, and `path`.py, which
/// runs them in PyTorch: `run(Transformer("x.safetensors"), list("hello"))`. Throws io::error.
template <class Compiled>
SEQUENT_COLD void save_pytorch(const std::string& path) {
    const compiling::sizes& size = Compiled::size;
    const char* const names[]{"embedding",  "position",   "W_query",  "b_query",
                              "W_key",      "b_key",      "W_value",  "b_value",
                              "W_out",      "b_out",      "W_expand", "b_expand",
                              "W_contract", "b_contract", "W_logits", "b_logits"};
    const double* const numbers = Compiled::template weights<double>().data();
    std::vector<io::named_tensor<const double>> tensors;
    for (std::size_t at = 0; at < std::size(names); ++at)
        tensors.push_back(
            {names[at], Compiled::view_of(static_cast<compiling::weight_name>(at), numbers)});
    io::save(path + ".safetensors", tensors);
    detail::save_text(path + ".py",
                      detail::pytorch_text(size, Compiled::alphabet(), Compiled::classes()));
}

/// The layers of a program as JSON: for each layer its heads, what each selects and aggregates, and
/// the named pointwise functions that are computed after them.
template <const auto& Program>
SEQUENT_COLD std::string layers_as_json() {
    const graph& program = detail::compilable<Program>();
    const program_analysis& analysed = detail::analysis_of_compilable<Program>();
    std::string result =
        "{\"program\": " + detail::in_json(text_of(program, program.output, false)) +
        ", \"layers\": [";
    for (int layer = 1; layer <= analysed.layers; ++layer) {
        result += layer > 1 ? ",\n  {\"heads\": [" : "\n  {\"heads\": [";
        int count = 0;
        for (const head& each : analysed.all_heads) {
            if (each.layer != layer) continue;
            result += (count++ > 0 ? ", " : "") +
                      ("{\"selector\": " + detail::in_json(text_of(program, each.selector, false)) +
                       ", \"gathers\": [");
            int gathered = 0;
            for (int at = 0; at < program.size(); ++at)
                if (gathers(program[at].what) && program[at].arguments[0] == each.selector &&
                    analysed.layer_of[static_cast<std::size_t>(at)] == layer)
                    result +=
                        (gathered++ > 0 ? ", " : "") + detail::in_json(text_of(program, at, false));
            result += "]}";
        }
        result += "], \"computes\": [";
        count = 0;
        for (int at = 0; at < program.size(); ++at)
            if (is_pointwise(program[at].what) &&
                analysed.layer_of[static_cast<std::size_t>(at)] == layer &&
                (program[at].name.length > 0 || at == program.output))
                result += (count++ > 0 ? ", " : "") +
                          ("{\"name\": " + detail::in_json(text_of(program, at)) +
                           ", \"is\": " + detail::in_json(text_of(program, at, false)) + "}");
        result += "]}";
    }
    return result + "\n]}\n";
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
