// Prints the type of the model that a file is for, to be pasted into a program, and how its weights
// are loaded.
//
//     model_type config.json
//     model_type model.gguf

#include <cstdio>
#include <filesystem>
#include <sequent/formats.hpp>
#include <string>
#include <string_view>

#include "options.hpp"

namespace {

namespace io = sequent::io;

constexpr std::string_view help_text = R"(model_type FILE

Prints the type of a model, as a preset with its named arguments, and how its weights are loaded.
FILE is the config.json beside the weights of a Hugging Face model (or its folder), or a GGUF file.
Known are albert, bert, bloom, clip_text_model, codegen, dinov2, distilbert, gemma2, gemma3_text,
gpt2, gpt_neox, llama, mistral, modernbert, mpnet, opt, phi, phi3, qwen2, qwen3, roberta,
starcoder2, t5, vit, whisper and xlm-roberta, of GGUF files bert, llama, phi3, qwen2 and t5.
)";

void print(const io::model_description& found, bool is_gguf) {
    std::printf("#include <sequent/formats.hpp>\n#include <sequent/sequent.hpp>\n\n");
    std::printf("using namespace sequent;\nusing Model = %s;\n\n", found.text().c_str());
    std::printf("auto parameters = make_unique<Model::parameters<float>>();\n");
    if (is_gguf) {
        std::printf("const io::gguf_file file(\"%s\");\n", found.file.c_str());
        std::printf("io::load<Model>(file.tensors(), *parameters, %s);\n", found.names.c_str());
    } else {
        std::printf("io::load<Model>(\"model.safetensors\", *parameters, %s);\n",
                    found.names.c_str());
    }
}

void run(int count, char** arguments) {
    std::string path;
    for (examples::command_line line(count, arguments, help_text); line.next();) {
        if (line.is_option()) line.refuse();
        line.once(path, "file");
    }
    if (path.empty()) throw std::invalid_argument("a file is missing; --help tells more");
    if (std::filesystem::is_directory(path))
        path = (std::filesystem::path(path) / "config.json").string();
    const io::source from(path);
    const auto bytes = from.bytes();
    const bool is_gguf = std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
                             .starts_with("GGUF");
    print(is_gguf ? io::describe(io::gguf_file(from)) : io::describe(from), is_gguf);
}

}  // namespace

int main(int count, char** arguments) {
    return examples::main_of("model_type", [&] { run(count, arguments); });
}
