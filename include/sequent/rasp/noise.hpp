#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "../draw/svg.hpp"
#include "../model/random.hpp"
#include "compile.hpp"

/// How much noise on its weights a compiled program bears.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The share of positions whose output noise changes.
struct noise_point {
    double noise = 0;    ///< standard deviation, relative to each weight
    double changed = 0;  ///< share of the positions of the inputs
};
/// The effect of noise on the weights: each weight w that is not zero becomes w (1 + noise n), n
/// normal with mean 0 and standard deviation 1.
struct noise_margin {
    /// The greatest noise that changes no output, to 5 %; 0 if 1e-12 changes one.
    double greatest = 0;
    /// Points of noise from a power of ten below the greatest harmless one to 1, eight to a decade.
    std::vector<noise_point> curve;
};

namespace compiling {

/// A compiled program on some inputs. Its output without noise is the reference.
class noisy_program {
  public:
    SEQUENT_COLD noisy_program(const sizes& size, std::span<const weight_entry> entries,
                               std::span<const value> alphabet, std::span<const value> classes,
                               const std::vector<sequence>& inputs)
        : size_(size), entries_(entries), alphabet_(alphabet), classes_(classes), inputs_(&inputs) {
        const plain_transformer plain(size, entries);
        for (const sequence& each : inputs) expected_.push_back(output(plain, each));
    }

    /// The share of positions that the weights of a transformer of the same alphabet and classes
    /// change.
    SEQUENT_COLD double changed_by(const plain_transformer& other) const {
        double changed = 0;
        double all = 0;
        for (std::size_t at = 0; at < inputs_->size(); ++at) {
            const sequence found = output(other, (*inputs_)[at]);
            for (int position = 0; position < found.size(); ++position)
                changed += found[position] == expected_[at][position] ? 0 : 1;
            all += found.size();
        }
        return changed / all;
    }
    /// The share of positions that noise changes, over `draws` draws.
    SEQUENT_COLD double changed_by(double noise, int draws, std::uint64_t seed) const {
        random_numbers random(seed);
        double changed = 0;
        for (int draw = 0; draw < draws; ++draw) {
            std::vector<weight_entry> noisy(entries_.begin(), entries_.end());
            for (weight_entry& each : noisy) each.number *= 1 + noise * random.normal();
            changed += changed_by(plain_transformer(size_, noisy));
        }
        return changed / draws;
    }

  private:
    sizes size_;
    std::span<const weight_entry> entries_;
    std::span<const value> alphabet_;
    std::span<const value> classes_;
    const std::vector<sequence>* inputs_;
    std::vector<sequence> expected_;

    SEQUENT_COLD sequence output(const plain_transformer& of, const sequence& input) const {
        const auto logits = of.run(encode(input, size_, alphabet_), input.size() + 1).logits;
        return decode(
            [&](int position, std::size_t each) {
                return logits[static_cast<std::size_t>(position)][each];
            },
            input.size(), classes_, size_.denominator);
    }
};

SEQUENT_COLD inline noise_margin margin_of(const noisy_program& of, int draws, std::uint64_t seed) {
    noise_margin result;
    double low = 1e-12;
    double high = 1;
    if (of.changed_by(low, draws, seed) == 0) {
        while (high / low > 1.05) {
            const double middle = std::sqrt(low * high);
            (of.changed_by(middle, draws, seed) > 0 ? high : low) = middle;
        }
        result.greatest = low;
    }
    for (int eighth = 8 * static_cast<int>(std::floor(std::log10(low))); eighth <= 0; ++eighth) {
        const double noise = std::pow(10.0, eighth / 8.0);
        result.curve.push_back({noise, of.changed_by(noise, draws, seed)});
    }
    return result;
}

}  // namespace compiling

/// The noise on the weights of a compiled program that changes no output for the inputs, over
/// `draws` draws of noise.
template <class Compiled>
SEQUENT_COLD noise_margin measure_margin(const std::vector<sequence>& inputs, int draws = 10,
                                         std::uint64_t seed = 1) {
    return compiling::margin_of(
        compiling::noisy_program(Compiled::size, Compiled::entries(), Compiled::alphabet(),
                                 Compiled::classes(), inputs),
        draws, seed);
}

/// The share of changed positions over the noise, on a logarithmic scale, with the margin.
SEQUENT_COLD inline draw::svg picture_of(const noise_margin& shown, std::string_view title) {
    constexpr double left = 60, top = 50, width = 480, height = 200;
    constexpr auto dark = "#1f2933";
    constexpr auto quiet = "#616e7c";
    draw::svg result(left + width + 40, top + height + 70);
    result.rectangle(0, 0, left + width + 40, top + height + 70, "#ffffff");
    result.text(20, 28, title, 15, dark, "font-weight=\"bold\"");
    const int decades =
        shown.curve.empty() ? 1 : static_cast<int>(-std::log10(shown.curve.front().noise) + 0.5);
    const auto x_of = [&](double noise) {
        return left + width * (1 + std::log10(noise) / decades);
    };
    const auto y_of = [&](double share) { return top + height * (1 - share); };
    const auto move = [](const char* how, double x, double y) {
        return how + draw::svg::number(x) + " " + draw::svg::number(y);
    };
    for (int part = 0; part <= 4; ++part) {
        const double y = y_of(part / 4.0);
        result.line(move("M", left, y) + move("L", left + width, y), "#d9dee4", 1);
        result.text(left - 8, y + 4, std::to_string(25 * part) + " %", 11, quiet,
                    "text-anchor=\"end\"");
    }
    for (int decade = 0; decade <= decades; ++decade)
        result.text(left + width * decade / decades, top + height + 18,
                    draw::numbered("1e-", static_cast<std::size_t>(decades - decade)), 11, quiet,
                    "text-anchor=\"middle\"");
    result.text(left + width / 2, top + height + 38, "standard deviation, relative to each weight",
                12, dark, "text-anchor=\"middle\"");
    std::string curve;
    for (const noise_point& each : shown.curve)
        curve += move(curve.empty() ? "M" : "L", x_of(each.noise), y_of(each.changed));
    result.line(curve, "#2563a8", 2);
    if (shown.greatest > 0) {
        const double x = std::clamp(x_of(shown.greatest), left, left + width);
        result.line(move("M", x, top) + move("L", x, top + height), "#b45309", 1.5);
        result.text(x + 6, top + 12, "no output changes up to " + number_text(shown.greatest, 2),
                    12, "#b45309");
    }
    result.text(left, top + height + 58, "share of positions with another output", 12, "#2563a8");
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
