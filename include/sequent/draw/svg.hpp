#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "../io/replace_file.hpp"
#include "../number_text.hpp"
#include "text.hpp"

/// The subset of SVG that the pictures need. Lengths are in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// Text escaped for XML.
SEQUENT_COLD inline std::string escaped(std::string_view text) {
    std::string result;
    for (const char each : printable(text)) {
        if (each == '<')
            result += "&lt;";
        else if (each == '>')
            result += "&gt;";
        else if (each == '&')
            result += "&amp;";
        else if (each == '"')
            result += "&quot;";
        else
            result += each;
    }
    return result;
}

/// A picture of given width and height; later elements cover earlier ones.
class svg {
  public:
    /// An empty picture.
    svg(double width, double height) : width_(width), height_(height) {}

    /// Adds a filled rectangle.
    SEQUENT_COLD void rectangle(double x, double y, double width, double height,
                                std::string_view fill) {
        add({"<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height,
             "\" fill=\"", fill, "\"/>\n"});
    }
    /// Adds a rectangle with rounded corners and an outline.
    SEQUENT_COLD void rounded(double x, double y, double width, double height, double radius,
                              std::string_view fill, std::string_view outline,
                              double thickness = 1) {
        add({"<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height,
             "\" rx=\"", radius, "\" fill=\"", fill, "\" stroke=\"", outline, "\" stroke-width=\"",
             thickness, "\"/>\n"});
    }
    /// Adds a line from path data (SVG 1.1, section 8.3).
    SEQUENT_COLD void line(std::string_view data, std::string_view colour, double thickness) {
        add({"<path d=\"", data, "\" fill=\"none\" stroke=\"", colour, "\" stroke-width=\"",
             thickness, "\"/>\n"});
    }
    /// Adds a filled shape from path data (SVG 1.1, section 8.3).
    SEQUENT_COLD void path(std::string_view data, std::string_view fill) {
        add({"<path d=\"", data, "\" fill=\"", fill, "\" shape-rendering=\"crispEdges\"/>\n"});
    }
    /// Adds text. `more`: further attributes; `title`: a tooltip.
    SEQUENT_COLD void text(double x, double y, std::string_view words, double size,
                           std::string_view fill, std::string_view more = "",
                           std::string_view title = "") {
        add({"<text x=\"", x, "\" y=\"", y, "\" font-size=\"", size, "\" fill=\"", fill, "\" ",
             more, ">", escaped(words)});
        if (!title.empty()) add({"<title>", escaped(title), "</title>"});
        add({"</text>\n"});
    }
    /// Begins a group with attributes; `end_group` ends it.
    void begin_group(std::string_view attributes) { add({"<g ", attributes, ">\n"}); }
    /// Ends the latest group.
    void end_group() { add({"</g>\n"}); }

    /// The text of the SVG file.
    SEQUENT_COLD std::string str() const {
        svg whole(width_, height_);
        whole.add({"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width_, "\" height=\"",
                   height_, "\" viewBox=\"0 0 ", width_, " ", height_,
                   "\" font-family=\"sans-serif\">\n", body_, "</svg>\n"});
        return whole.body_;
    }

    /// A number as text, with six digits.
    static std::string number(double value) { return number_text(value, 6); }

  private:
    double width_;
    double height_;
    std::string body_;

    /// A text or a number.
    struct part {
        std::string_view text{};
        double value = 0;
        bool is_number = false;

        part(const char* from) : text(from) {}
        part(std::string_view from) : text(from) {}
        part(const std::string& from) : text(from) {}
        part(double from) : value(from), is_number(true) {}
    };
    SEQUENT_COLD void add(std::initializer_list<part> parts) {
        for (const part& each : parts)
            if (each.is_number)
                body_ += number(each.value);
            else
                body_ += each.text;
    }
};

/// Writes text to a file, completely or not at all. Throws io::error.
SEQUENT_COLD inline void write(const std::string& text, const std::string& path) {
    io::file_replacement file(path);
    file.write(text.data(), text.size());
    file.commit();
}
/// Writes a picture to a file, completely or not at all. Throws io::error.
inline void write(const svg& picture, const std::string& path) {
    write(picture.str(), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
