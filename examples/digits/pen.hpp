#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <sequent/sequent.hpp>
#include <utility>
#include <vector>

#include "image.hpp"

/// Writes digits as hands do, none twice the same.

namespace digits {

class pen {
  public:
    explicit pen(sequent::random_numbers& random) : random_(random) {}

    image write(int digit) {
        choose_hand();
        ink_.fill(0);
        strokes_.clear();
        plan(digit);
        for (stroke& each : strokes_) {
            for (point& at : each.points) at = {at.x + normal(0.022), at.y + normal(0.022)};
            if (each.curved) bend(each.points);
            for (point& at : each.points) at = place(at);
            trace(each.points);
        }
        return print();
    }

  private:
    /// In a box from (0, 0), at the left above, to (1, 1).
    struct point {
        double x;
        double y;
    };
    struct stroke {
        std::vector<point> points;
        bool curved;
    };

    sequent::random_numbers& random_;
    std::vector<stroke> strokes_;
    std::array<double, pixels> ink_{};

    // The hand: from the box to pixels, and the pen's point.
    point center_{};
    point along_x_{};
    point along_y_{};
    point wave_{};
    double wave_phase_ = 0;
    double radius_ = 1;
    double edge_ = 1;
    double darkness_ = 1;
    double noise_ = 0;

    double uniform(double from, double to) { return from + (to - from) * random_.uniform(); }
    double normal(double deviation) { return deviation * random_.normal(); }
    bool chance(double probability) { return random_.uniform() < probability; }

    void choose_hand() {
        const double height = uniform(15, 23);
        const double width = height * uniform(0.5, 0.95);
        const double turn = std::clamp(normal(0.12), -0.35, 0.35);
        const double shear = std::clamp(normal(0.18), -0.45, 0.45);
        center_ = {side / 2.0 + uniform(-2.5, 2.5), side / 2.0 + uniform(-2.5, 2.5)};
        along_x_ = {width * std::cos(turn), width * std::sin(turn)};
        along_y_ = {-height * (std::sin(turn) + shear), height * std::cos(turn)};
        wave_ = {normal(0.025), normal(0.025)};
        wave_phase_ = uniform(0, 6.28);
        radius_ = uniform(0.6, 1.8);
        edge_ = uniform(0.7, 1.6);
        darkness_ = uniform(0.65, 1);
        noise_ = chance(0.5) ? uniform(0, 0.12) : 0;
    }

    void line(std::initializer_list<point> points) { strokes_.push_back({points, false}); }
    void curve(std::initializer_list<point> points) { strokes_.push_back({points, true}); }

    /// The strokes of a digit, in one of the ways in which it is written.
    void plan(int digit) {
        switch (digit) {
            case 0:
                curve({{0.55, 0.03},
                       {0.22, 0.2},
                       {0.1, 0.55},
                       {0.28, 0.92},
                       {0.6, 0.97},
                       {0.85, 0.7},
                       {0.88, 0.3},
                       {0.65, 0.04},
                       {0.45, 0.06}});
                break;
            case 1:
                line({{0.52, 0.04}, {0.5, 0.96}});
                if (chance(0.5)) line({{0.52, 0.04}, {0.3, 0.26}});
                if (chance(0.2)) line({{0.25, 0.96}, {0.75, 0.96}});
                break;
            case 2:
                curve({{0.15, 0.25},
                       {0.32, 0.06},
                       {0.62, 0.04},
                       {0.8, 0.24},
                       {0.68, 0.5},
                       {0.4, 0.76},
                       {0.15, 0.94}});
                if (chance(0.3))  // with a loop
                    curve({{0.15, 0.94}, {0.12, 0.8}, {0.3, 0.78}, {0.55, 0.93}, {0.9, 0.92}});
                else
                    line({{0.15, 0.94}, {0.88, 0.94}});
                break;
            case 3:
                if (chance(0.25)) {
                    line({{0.18, 0.06}, {0.78, 0.06}, {0.45, 0.42}});
                } else {
                    curve({{0.17, 0.16}, {0.45, 0.03}, {0.76, 0.16}, {0.7, 0.38}, {0.42, 0.47}});
                }
                curve({{0.42, 0.45},
                       {0.74, 0.53},
                       {0.84, 0.74},
                       {0.62, 0.95},
                       {0.32, 0.95},
                       {0.13, 0.83}});
                break;
            case 4:
                if (chance(0.6)) {
                    line({{0.25, 0.05}, {0.17, 0.55}, {0.88, 0.55}});
                    line({{0.74, 0.08}, {0.66, 0.97}});
                } else {
                    line({{0.68, 0.97}, {0.68, 0.04}, {0.12, 0.65}, {0.92, 0.65}});
                }
                break;
            case 5:
                line({{0.82, 0.06}, {0.32, 0.07}, {0.25, 0.45}});
                curve({{0.25, 0.45},
                       {0.52, 0.37},
                       {0.82, 0.52},
                       {0.82, 0.78},
                       {0.55, 0.96},
                       {0.17, 0.88}});
                break;
            case 6:
                curve({{0.68, 0.04},
                       {0.38, 0.24},
                       {0.18, 0.58},
                       {0.24, 0.87},
                       {0.52, 0.97},
                       {0.78, 0.83},
                       {0.74, 0.6},
                       {0.48, 0.52},
                       {0.22, 0.7}});
                break;
            case 7:
                if (chance(0.3))
                    curve({{0.14, 0.1}, {0.5, 0.1}, {0.86, 0.07}, {0.6, 0.5}, {0.45, 0.96}});
                else
                    line({{0.14, 0.08}, {0.85, 0.08}, {0.4, 0.96}});
                if (chance(0.35)) line({{0.32, 0.52}, {0.78, 0.5}});
                break;
            case 8:
                curve({{0.76, 0.14},
                       {0.5, 0.03},
                       {0.25, 0.14},
                       {0.3, 0.34},
                       {0.55, 0.5},
                       {0.8, 0.68},
                       {0.76, 0.9},
                       {0.5, 0.97},
                       {0.23, 0.88},
                       {0.22, 0.68},
                       {0.48, 0.48},
                       {0.72, 0.3},
                       {0.74, 0.12}});
                break;
            default:
                curve({{0.76, 0.22},
                       {0.52, 0.03},
                       {0.25, 0.14},
                       {0.24, 0.38},
                       {0.48, 0.5},
                       {0.72, 0.38},
                       {0.78, 0.2}});
                if (chance(0.5))
                    line({{0.77, 0.2}, {0.68, 0.97}});
                else
                    curve({{0.77, 0.2}, {0.77, 0.6}, {0.6, 0.93}, {0.22, 0.92}});
        }
    }

    /// A curve through the points (Catmull and Rom, 1974).
    static void bend(std::vector<point>& points) {
        constexpr int parts = 6;
        std::vector<point> result;
        const auto last = static_cast<int>(points.size()) - 1;
        const auto at = [&](int place) {
            return points[static_cast<std::size_t>(std::clamp(place, 0, last))];
        };
        for (int place = 0; place < last; ++place) {
            const point a = at(place - 1);
            const point b = at(place);
            const point c = at(place + 1);
            const point d = at(place + 2);
            for (int part = 0; part < parts; ++part) {
                const double t = static_cast<double>(part) / parts;
                const auto between = [t](double p, double q, double r, double s) {
                    return q + t / 2 *
                                   (r - p +
                                    t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
                };
                result.push_back({between(a.x, b.x, c.x, d.x), between(a.y, b.y, c.y, d.y)});
            }
        }
        result.push_back(points.back());
        points = std::move(result);
    }

    /// In pixels, from the box.
    point place(point at) const {
        const double wave = std::sin(wave_phase_ + 6 * at.y);
        const double x = at.x - 0.5 + wave_.x * wave;
        const double y = at.y - 0.5 + wave_.y * std::sin(wave_phase_ + 6 * at.x);
        return {center_.x + x * along_x_.x + y * along_y_.x,
                center_.y + x * along_x_.y + y * along_y_.y};
    }

    /// Inks what is near the lines; the pen is pressed more at one end than at the other.
    void trace(const std::vector<point>& points) {
        const double first = radius_ * uniform(0.8, 1.2);
        const double last = radius_ * uniform(0.8, 1.2);
        const auto lines = static_cast<double>(points.size() - 1);
        for (std::size_t at = 0; at + 1 < points.size(); ++at)
            trace(points[at], points[at + 1],
                  first + (last - first) * static_cast<double>(at) / lines);
    }
    void trace(point from, point to, double radius) {
        const double reach = radius + edge_;
        const auto first = [&](double a, double b) {
            return std::clamp(static_cast<int>(std::floor(std::min(a, b) - reach)), 0, side);
        };
        const auto end = [&](double a, double b) {
            return std::clamp(static_cast<int>(std::ceil(std::max(a, b) + reach)), 0, side);
        };
        const double dx = to.x - from.x;
        const double dy = to.y - from.y;
        const double square = std::max(dx * dx + dy * dy, 1e-9);
        for (int row = first(from.y, to.y); row < end(from.y, to.y); ++row)
            for (int column = first(from.x, to.x); column < end(from.x, to.x); ++column) {
                const double x = column + 0.5 - from.x;
                const double y = row + 0.5 - from.y;
                const double t = std::clamp((x * dx + y * dy) / square, 0.0, 1.0);
                const double distance = std::hypot(x - t * dx, y - t * dy);
                const double covered =
                    std::clamp((radius + edge_ / 2 - distance) / edge_, 0.0, 1.0);
                double& ink = ink_[static_cast<std::size_t>(row * side + column)];
                ink = std::max(ink, covered);
            }
    }

    image print() {
        image result;
        for (std::size_t at = 0; at < result.size(); ++at) {
            const double ink = darkness_ * ink_[at] + (noise_ > 0 ? normal(noise_) : 0);
            result[at] = static_cast<std::uint8_t>(255 * std::clamp(ink, 0.0, 1.0) + 0.5);
        }
        return result;
    }
};

inline labelled_images written(int count, sequent::random_numbers& random) {
    labelled_images result;
    pen hand(random);
    for (int at = 0; at < count; ++at) {
        const int digit = random.below(kinds);
        result.images.push_back(hand.write(digit));
        result.labels.push_back(digit);
    }
    return result;
}

}  // namespace digits
