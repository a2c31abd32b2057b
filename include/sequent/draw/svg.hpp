#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "../io/replace_file.hpp"

/// The little of SVG that pictures of models need. Lengths are in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// Text as it may stand in XML.
inline std::string escaped(std::string_view text) {
    std::string result;
    for (const char each : text) {
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

/// A picture, to which elements are added one above the other.
class svg {
  public:
    svg(double width, double height) : width_(width), height_(height) {}

    void rectangle(double x, double y, double width, double height, std::string_view fill) {
        body_ += "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) +
                 "\" height=\"" + number(height) + "\" fill=\"" + std::string(fill) + "\"/>\n";
    }
    /// Path data (SVG 1.1, section 8.3), filled.
    void path(const std::string& data, std::string_view fill) {
        body_ += "<path d=\"" + data + "\" fill=\"" + std::string(fill) +
                 "\" shape-rendering=\"crispEdges\"/>\n";
    }
    void text(double x, double y, std::string_view words, double size, std::string_view fill,
              std::string_view more = "") {
        body_ += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" font-size=\"" +
                 number(size) + "\" fill=\"" + std::string(fill) + "\"" +
                 (more.empty() ? "" : " ") + std::string(more) + ">" + escaped(words) + "</text>\n";
    }

    std::string str() const {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width_) +
               "\" height=\"" + number(height_) + "\" viewBox=\"0 0 " + number(width_) + " " +
               number(height_) + "\" font-family=\"sans-serif\">\n" + body_ + "</svg>\n";
    }

    static std::string number(double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.4g", value);
        return text;
    }

  private:
    double width_;
    double height_;
    std::string body_;
};

/// Writes a picture to a file, whole or not at all. Throws io::error.
inline void write(const svg& picture, const std::string& path) {
    const std::string text = picture.str();
    io::file_replacement file(path);
    file.write(text.data(), text.size());
    file.commit();
}

}  // namespace sequent::inline SEQUENT_ABI::draw
