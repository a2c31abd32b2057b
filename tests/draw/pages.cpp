// Pages for tests/draw/browser.py, which compiles this: of RASP programs, each with the attention
// of its transformer, and of some attention weights. The argument is the folder.

#include <cmath>
#include <sequent/draw/attention_page.hpp>
#include <sequent/draw/rasp.hpp>
#include <sequent/rasp.hpp>
#include <sequent/rasp/compile.hpp>
#include <string>

namespace {

using namespace sequent::rasp;
namespace draw = sequent::draw;

std::string folder = ".";

template <class Program>
void draw_program(const char* name, const Program& program, const char* letters, int length,
                  const char* input) {
    graph nodes;
    nodes.output = nodes.read(program.nodes.items, program.nodes.count - 1);
    const program_analysis analysed = analyse(nodes);
    compiling::inputs given;
    given.length = length;
    for (const value& each : sequence(letters)) given.alphabet.push_back(each);
    std::sort(given.alphabet.begin(), given.alphabet.end());
    const compiling::network made(nodes, analysed, given);
    const compiling::layout laid(made, analysed.heads);
    const compiling::plain_transformer plain(laid.size,
                                             compiling::compute_entries(nodes, analysed, given));
    const sequence tokens(input);
    const auto found =
        plain.run(compiling::encode(tokens, laid.size, given.alphabet), tokens.size() + 1);
    const auto logits = [&](int position, std::size_t of) {
        return found.logits[static_cast<std::size_t>(position)][of];
    };
    const draw::model_attention model{
        found.maps, compiling::decode(logits, tokens.size(), laid.classes, laid.size.denominator)};
    const draw::flow shown(nodes, analysed, tokens);
    const std::string path = folder + "/" + name;
    draw::write(draw::page_of(shown, &model), path + ".html");
    draw::write(draw::picture_of(shown).str(), path + ".svg");
}

void draw_attention() {
    std::vector<draw::head_weights> heads;
    for (int layer = 0; layer < 2; ++layer)
        for (int head = 0; head < 2; ++head) {
            draw::head_weights made;
            made.relation = "weights";
            made.layer = {layer};
            made.head = head;
            made.rows = made.columns = 6;
            for (int row = 0; row < 6; ++row)
                for (int column = 0; column < 6; ++column)
                    made.weights.push_back(
                        column <= row ? 1 / static_cast<float>(row + 1 + head * layer) : 0.0f);
            heads.push_back(made);
        }
    draw::attention_labels labels;
    labels.tokens = {"the", " cat", " sat", " on", " a", " mat"};
    labels.next = {{{" cat", 0.5}, {" dog", 0.25}}};
    labels.layers = {{{{" a", 0.1}, {" cat", 0.05}}}, labels.next};
    draw::write(draw::page_of(heads, labels), folder + "/attention.html");

    // A class token and 2 x 3 patches.
    for (draw::head_weights& each : heads) {
        each.rows = each.columns = 7;
        each.weights.assign(49, 1 / 7.0f);
        each.weights[8] = 0.5f;
    }
    draw::attention_labels over{.title = "Over an image"};
    over.image = {.width = 6, .height = 4, .patches_across = 3, .first_patch = 1, .pixels = {}};
    for (int at = 0; at < 24; ++at) over.image.pixels.push_back(static_cast<float>(at) / 24);
    draw::write(draw::page_of(heads, over), folder + "/image.html");
}

// Each round of a loop has its layers.
constexpr auto before = select(indices, indices - 1, equal);
inline constexpr auto parity = loop<5>(
    [](auto odd, auto is_done) {
        const auto ready = aggregate(before, is_done);
        return next_states(cond(ready, odd != aggregate(before, odd), odd), is_done || ready);
    },
    [](auto, auto is_done) { return is_done; }, tokens == '1', indices == 0);

}  // namespace

int main(int count, char** arguments) {
    if (count > 1) folder = arguments[1];
    constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);
    constexpr auto induction = last_of(
        select(shift(tokens, 1, '-'), tokens, equal) && select(indices, indices, less_equal),
        tokens, '-');
    constexpr auto copies =
        causal(last_of(select(shift(tokens, 1, '-'), tokens, equal), tokens, 'a'));
    draw_program("reversed", reversed, "ehlo", 8, "hello");
    draw_program("histogram", hist(tokens), "abcd", 8, "abbaabd");
    draw_program("double_histogram", double_hist_with_bos(tokens), "^abcd", 8, "^abbaabd");
    draw_program("sorted", sort(tokens, tokens), "abcd", 8, "dcabacd");
    draw_program("most_frequent", most_freq_with_bos(tokens, "-"), "^abc", 12, "^abbcbccb");
    draw_program("dyck_3", dyck_k_ptf(tokens, "()", "{}", "[]"), "()[]{}", 12, "[({}())](]");
    draw_program("addition", long_addition(tokens), "0123456789+", 12, "95+00917");
    draw_program("induction", induction, "abcd", 12, "abcdabca");
    draw_program("copies", copies, "abc>", 12, "abc>abc");
    sequent::rasp::draw<parity, compile<parity, alphabet<"01">, max_length<6>>>(
        "011011", folder + "/parity.html");
    sequent::rasp::draw<parity>("011011", folder + "/parity.svg");
    draw_attention();
}
