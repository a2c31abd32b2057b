#pragma once

#include <map>
#include <set>
#include <sstream>

#include "names.hpp"
#include "program.hpp"

/// Prints a program as the C++ that a user would write.

namespace random_programs {

class printer {
  public:
    explicit printer(const program& written) {
        std::string models;
        print_program("program", written.rules);
        std::string facts;
        for (const fact& given : written.facts) facts += ", " + text_of(given);
        std::string queries;
        for (const std::string& name : written.queries)
            queries += (queries.empty() ? "" : ", ") + quoted(name);
        if (!queries.empty()) facts += ", query<" + queries + ">";
        std::string declared = "using namespace sequent::language;\n";
        for (const auto& [name, extent] : variables_)
            declared += "inline constexpr var<" + quoted(name) +
                        (extent > 0 ? ", " + std::to_string(extent) : "") + "> " +
                        variable_name(name, extent) + ";\n";
        for (const std::string& name : relations_)
            declared += "inline constexpr relation<" + quoted(name) + "> " + name + ";\n";
        for (const std::string& name : counts_)
            declared +=
                "inline constexpr sequent::language::bound<" + quoted(name) + "> " + name + ";\n";
        for (const auto& [name, shape] : weights_) {
            declared += "inline constexpr weight<" + quoted(name);
            for (int extent : shape) declared += ", " + std::to_string(extent);
            declared += "> " + weight_name(name, shape) + ";\n";
        }
        out_ = "#include <sequent/sequent.hpp>\n\nnamespace {\n" + declared + out_ +
               "using tried = sequent::model<program" + facts + ">;\n}\n";
    }

    const std::string& text() const { return out_; }

  private:
    std::string out_{};
    int blocks_ = 0;
    std::map<std::string, const tree::rule*> within_{};  // functions within bodies
    std::set<std::pair<std::string, int>> variables_{};
    std::set<std::string> relations_{};
    std::set<std::string> counts_{};
    std::set<std::pair<std::string, std::vector<int>>> weights_{};

    static std::string quoted(const std::string& text) { return '"' + text + '"'; }
    static std::string number_text(double value) {
        std::ostringstream text;
        text.precision(17);
        text << value;
        return text.str();
    }

    static std::string text_of(const fact& given) {
        if (given.kind == plan::fact_kind::count) return "bound<" + quoted(given.name) + ">";
        std::string result = "fact<" + quoted(given.name);
        if (given.pairs > 0) result += ", sparse<" + std::to_string(given.pairs) + ">";
        for (std::size_t axis = 0; axis < given.extents.size(); ++axis) {
            const std::string extent = std::to_string(given.extents[axis]);
            result += axis == 0 && given.length >= 0 ? ", up_to<" + extent + ">" : ", " + extent;
        }
        if (given.kind == plan::fact_kind::symbols)
            result += ", symbol<" + std::to_string(given.classes) + ">";
        return result + ">";
    }

    void print_program(const std::string& name, const tree::program& written) {
        std::string lines;
        for (const tree::rule& rule : written.rules)
            if (rule.within) within_[rule.head.name] = &rule;
        for (const tree::rule& rule : written.rules)
            if (!rule.within) lines += (lines.empty() ? "" : ",\n") + ("    " + text_of(rule));
        out_ += "inline constexpr auto " + name + " = rules(\n" + lines + ");\n";
    }

    std::string variable_name(const std::string& name, int extent) {
        variables_.emplace(name, extent);
        return extent > 0 ? name + "_" + std::to_string(extent) : name;
    }
    /// A variable whose extent is stated where it is mentioned elsewhere, or not.
    std::string mentioned(const std::string& name) {
        for (const auto& [known, extent] : variables_)
            if (known == name) return variable_name(known, extent);
        return variable_name(name, 0);
    }
    static std::string weight_name(const std::string& name, const std::vector<int>& shape) {
        std::string result = name;
        for (int extent : shape) result += "_" + std::to_string(extent);
        return shape.empty() ? name + "_" : result;
    }

    std::string text_of(const tree::index& written) {
        switch (written.form) {
            case tree::index_form::variable:
                return variable_name(written.name, written.number);
            case tree::index_form::count:
                counts_.insert(written.name);
                return written.name;
            case tree::index_form::number:
                return std::to_string(written.number);
            case tree::index_form::operation:
                break;
        }
        const std::string left = text_of(written.operands[0]);
        const std::string right = text_of(written.operands[1]);
        static constexpr const char* signs[] = {" + ", " - ", " * ", " / ", " % "};
        if (written.operation == language::arithmetic::absolute) return "abs(" + left + ")";
        if (written.operation == language::arithmetic::greater)
            return "greater_of(" + left + ", " + right + ")";
        if (written.operation == language::arithmetic::lesser)
            return "lesser_of(" + left + ", " + right + ")";
        return "(" + left + signs[static_cast<int>(written.operation)] + right + ")";
    }

    std::string text_of(const tree::condition& written) {
        static constexpr const char* orders[] = {" < ", " <= ", " > ", " >= ", " == ", " != "};
        if (written.sides.empty()) {
            const std::string left = "(" + text_of(written.parts[0]) + ")";
            if (written.connective == language::connective::negation) return "!" + left;
            return left +
                   (written.connective == language::connective::conjunction ? " && " : " || ") +
                   "(" + text_of(written.parts[1]) + ")";
        }
        std::string left = text_of(written.sides[0]);
        std::string right = text_of(written.sides[1]);
        if (written.decision) {
            for (const predicate& known : predicates)
                if (known.holds == written.decision)
                    return std::string("holds<") + known.text + ">(" + left + ", " + right + ")";
        }
        if (!written.fact.empty()) {
            relations_.insert(written.fact);
            left = written.fact + "(" + left + ")";
            right = written.fact + "(" + right + ")";
        }
        return left + orders[static_cast<int>(written.order)] + right;
    }

    std::string list_of(const std::vector<tree::index>& terms) {
        std::string result;
        for (const tree::index& each : terms)
            result += (result.empty() ? "" : ", ") + text_of(each);
        return result;
    }

    std::string text_of(const tree::literal& written) {
        std::string result;
        switch (written.from) {
            case tree::source::number:
                return "number(" + number_text(written.number) + ")";
            case tree::source::index:
                return "number(" + text_of(written.terms.front()) + ")";
            case tree::source::weight:
                weights_.emplace(written.name, written.shape);
                result = weight_name(written.name, written.shape);
                if (!written.terms.empty()) result += "(" + list_of(written.terms) + ")";
                if (written.transposed) result += ".T()";
                if (written.fixed) result = "fixed(" + result + ")";
                break;
            case tree::source::relation:
                if (const auto within = within_.find(written.name); within != within_.end())
                    return text_within(*within->second);
                relations_.insert(written.name);
                result = written.name + "(" + list_of(written.terms) + ")";
                break;
        }
        for (const tree::literal& weight : written.weight) result += "[" + text_of(weight) + "]";
        if (written.transposed && written.from == tree::source::relation) result += ".T()";
        if (written.negated) result = "!" + result;
        if (written.hidden) result = "hidden(" + result + ")";
        for (const tree::index& element : written.element)
            result = "at(" + result + ", " + text_of(element) + ")";
        return result;
    }

    std::string text_within(const tree::rule& written) {
        std::string literals;
        for (const tree::literal& item : written.literals)
            literals += (literals.empty() ? "" : ", ") + text_of(item);
        return (written.transformations.empty() ? enumerator_name(written.combination) + "()"
                                                : text_of(written.transformations.front())) +
               "(" + literals + ")";
    }

    std::string text_of(const tree::transformation& step) {
        std::vector<std::string> arguments;
        for (const tree::literal& weight : step.weights) arguments.push_back(text_of(weight));
        for (const tree::index& position : step.positions) arguments.push_back(text_of(position));
        std::vector<std::string> given;
        const int most = plan::entry_of(step.kind).numbers.most;
        for (int at = 0; at < (step.positions.empty() ? most : 1); ++at)
            given.push_back(number_text(step.numbers[to_size(at)]));
        arguments.insert(
            step.kind == language::transformation::dropout ? arguments.begin() : arguments.end(),
            given.begin(), given.end());
        std::string result;
        for (const std::string& each : arguments) result += (result.empty() ? "" : ", ") + each;
        return enumerator_name(step.kind) + "(" + result + ")";
    }

    std::string text_of(const tree::rule& written) {
        std::string block;
        if (!written.block.empty()) {
            block = "block_" + std::to_string(blocks_++);
            print_program(block, {written.block});
        }
        std::string result = text_of(written.head);
        if (!written.transforms_atoms) {
            result += " <<= ";
            std::string body;
            int parts = 0;
            for (const tree::literal& item : written.literals) {
                body += (body.empty() ? "" : ", ") + text_of(item);
                ++parts;
            }
            for (const tree::condition& each : written.conditions) {
                body += (body.empty() ? "" : ", ") + text_of(each);
                ++parts;
            }
            result += parts > 1 ? "(" + body + ")" : body;
        }
        if (written.combination != language::combination::sum)
            result += " | " + enumerator_name(written.combination) + "()";
        for (const tree::transformation& step : written.transformations)
            result += " | " + text_of(step);
        if (!written.aggregated.empty()) {
            std::string over;
            const bool chooses = written.aggregation == language::aggregation::top_k;
            if (plan::entry_of(written.aggregation).has_number && !chooses)
                over = number_text(written.aggregated_number);
            for (const std::string& name : written.aggregated)
                over += (over.empty() ? "" : ", ") + mentioned(name);
            result += " | " + enumerator_name(written.aggregation) +
                      (chooses ? "<" + number_text(written.aggregated_number) + ">" : "") + "(" +
                      over + ")";
        }
        if (!block.empty())
            result += " | " + std::string(plan::name_of(written.repetition).text) + "<" +
                      std::to_string(written.layers) + ">(" + block + ")";
        return result;
    }
};

inline std::string as_source(const program& written) {
    return printer(written).text();
}

}  // namespace random_programs
