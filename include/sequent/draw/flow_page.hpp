#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "../rasp/attention_maps.hpp"
#include "flow.hpp"
#include "page.hpp"
#include "svg.hpp"

/// The flow of a program as an HTML page that shows, token by token, what each head attends to, in
/// the program and in a model compiled from it.

namespace sequent::inline SEQUENT_ABI::draw {

/// Attention and output of a compiled model for the input.
struct model_attention {
    /// Attention weights of all heads.
    rasp::attention_maps maps;
    /// Output of the model.
    rasp::sequence output;
};

namespace detail {

class page_data {
  public:
    SEQUENT_COLD page_data(std::span<const flow> rounds, const rasp::sequence& output,
                           const model_attention* model)
        : rounds_(rounds), flow_(&rounds[0]), output_(output), model_(model) {}

    SEQUENT_COLD std::string write() {
        text_ = "{\"tokens\":";
        add_values(input());
        text_ += ",\n\"output\":";
        add_sequence(output_);
        if (model_) {
            text_ += ",\n\"modelOutput\":";
            add_sequence(model_->output);
        }
        text_ += ",\n\"layers\":";
        const int layers = static_cast<int>(flow_->layers().size());
        add_list(layers * static_cast<int>(rounds_.size()), [&](int at) {
            round_ = at / layers;
            flow_ = &rounds_[static_cast<std::size_t>(round_)];
            add_layer(at % layers);
        });
        return text_ + "}";
    }
    /// The node of the tokens; that of the output if the program reads no tokens.
    int input() const {
        const std::vector<int>& given = rounds_[0].layers()[0].elementwise;
        return given.empty() ? rounds_[0].output() : given[0];
    }

  private:
    std::span<const flow> rounds_;
    const flow* flow_;
    int round_ = 0;
    const rasp::sequence& output_;
    const model_attention* model_;
    std::string text_;

    template <class Add>
    SEQUENT_COLD void add_list(int count, const Add& add) {
        text_ += '[';
        for (int at = 0; at < count; ++at) {
            if (at > 0) text_ += ',';
            add(at);
        }
        text_ += ']';
    }
    SEQUENT_COLD void add_sequence(const rasp::sequence& values) {
        add_list(flow_->length(), [&](int at) {
            text_ += json_string(at < values.size() ? cell_text(values[at]) : "");
        });
    }
    SEQUENT_COLD void add_values(int node) {
        add_list(flow_->length(), [&](int at) { text_ += json_string(flow_->text(node, at)); });
    }
    SEQUENT_COLD void add_s_ops(const std::vector<int>& nodes) {
        add_list(static_cast<int>(nodes.size()), [&](int at) {
            const int node = nodes[static_cast<std::size_t>(at)];
            append_text(text_, {"\n  {\"name\":", json_string(flow_->label(node)), ",\"is\":",
                                json_string(rasp::gathers(flow_->program()[node].what)
                                                ? flow_->gathering(node)
                                                : flow_->expression(node)),
                                ",\"values\":"});
            add_values(node);
            text_ += '}';
        });
    }
    SEQUENT_COLD void add_layer(int number) {
        const flow_layer& layer = flow_->layers()[static_cast<std::size_t>(number)];
        append_text(text_, {"\n{\"title\":\""});
        if (rounds_.size() > 1) append_text(text_, {"Round ", round_ + 1, number > 0 ? ", " : ""});
        if (number > 0)
            append_text(text_, {rounds_.size() > 1 ? "layer " : "Layer ", number});
        else if (rounds_.size() == 1)
            text_ += "Input";
        text_ += "\",\"heads\":[";
        bool first = true;
        for (const flow_selector& from : layer.selectors)
            for (const flow_head& head : from.heads) {
                if (!first) text_ += ',';
                first = false;
                add_head(number, from, head);
            }
        text_ += "],\n \"elementwise\":";
        std::vector<int> elementwise = layer.elementwise;
        if (round_ > 0)  // The input is shown once.
            std::erase_if(elementwise, [&](int at) {
                const rasp::operation what = flow_->program()[at].what;
                return what == rasp::operation::tokens || what == rasp::operation::indices;
            });
        add_s_ops(elementwise);
        text_ += '}';
    }
    SEQUENT_COLD void add_head(int layer, const flow_selector& from, const flow_head& head) {
        append_text(text_, {"\n {\"number\":", head.number,
                            ",\"selector\":", json_string(flow_->definition(from.node)),
                            ",\"note\":", json_string(note_of(head.at)), ",\"attends\":"});
        add_list(flow_->length(), [&](int row) {
            const std::vector<int> columns = flow_->attended(from, head, row);
            add_list(static_cast<int>(columns.size()),
                     [&](int at) { append_text(text_, {columns[static_cast<std::size_t>(at)]}); });
        });
        const int layers = model_ ? flow_->layers_of_round(model_->maps.layers) : 0;
        if (layer <= layers && head.number <= model_->maps.heads) {
            text_ += ",\n  \"model\":";
            add_list(flow_->length(), [&](int row) {
                add_list(flow_->length() + 1, [&](int column) {
                    const double share =
                        model_->maps(round_ * layers + layer - 1, head.number - 1, row, column);
                    // JSON has no other numbers.
                    text_ += std::isfinite(share) ? number_text(share, 4) : "null";
                });
            });
        }
        text_ += ",\n  \"results\":";
        add_s_ops(results_of(from, head));
        text_ += '}';
    }
    static const char* note_of(rasp::focus at) {
        const char* const notes[]{"",
                                  "and position 0, for the width",
                                  "at position 0 alone, for the width",
                                  "the first of them",
                                  "the last of them",
                                  "of the greatest value",
                                  "of the least value"};
        return notes[static_cast<int>(at)];
    }
    SEQUENT_COLD std::vector<int> results_of(const flow_selector& from,
                                             const flow_head& head) const {
        std::vector<int> result;
        for (const int each : from.results) {
            const rasp::node& made = flow_->program()[each];
            const rasp::operation what = made.what;
            const bool is_width =
                what == rasp::operation::width || what == rasp::operation::width_with_bos;
            const bool is_choice =
                what >= rasp::operation::first && what <= rasp::operation::lowest;
            if (is_choice ? head.at == rasp::focus_of_choice(what) &&
                                (head.preferred < 0 || head.preferred == made.arguments[1])
                : head.at == rasp::focus::selected           ? !is_width
                : head.at == rasp::focus::selected_and_first ? what == rasp::operation::width
                : head.at == rasp::focus::selected_or_first  ? is_width
                                                             : false)
                result.push_back(each);
        }
        return result;
    }
};

}  // namespace detail

/// The page of a loop, with what it gives in the end.
SEQUENT_COLD inline std::string page_of(std::span<const flow> rounds, const rasp::sequence& output,
                                        const model_attention* model = nullptr) {
    const flow& shown = rounds[0];
    detail::page_data data(rounds, output, model);
    const std::string content = data.write();
    const std::string title =
        escaped(elided(printable(shown.values().output(data.input()).text()), 60) +
                " \xe2\x86\x92 " + elided(printable(output.text()), 60));
    std::string result;
    append_text(
        result,
        {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
         title, "</title>\n<style>", detail::page_style,
         "</style>\n</head>\n<body>\n<header>\n<h1>", title, "</h1>\n", detail::page_top});
    const int layers = model ? shown.layers_of_round(model->maps.layers) : 0;
    if (layers >= static_cast<int>(shown.layers().size()))
        append_text(result, {"<p>The model has ", layers,
                             " layers; those beyond the program's are not shown.</p>\n"});
    const rasp::graph& program = shown.program();
    if (program.states.size() > 0 && program[program.until].what != rasp::operation::constant)
        append_text(result, {"<p>A position where <code>", escaped(shown.label(program.until)),
                             "</code> is true has ended and keeps its states.</p>\n"});
    append_text(
        result,
        {"</header>\n<main id=\"layers\"></main>\n<script type=\"application/json\" id=\"flow\">",
         content, "</script>\n<script>", detail::page_script, "</script>\n</body>\n</html>\n"});
    return result;
}
/// The page as one self-contained HTML file. `#token=3` at the end of its address selects a token.
SEQUENT_COLD inline std::string page_of(const flow& shown, const model_attention* model = nullptr) {
    return page_of(std::span(&shown, 1), shown.values().output(), model);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
