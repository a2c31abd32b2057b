#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "error.hpp"
#include "json_cursor.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// The kinds of JSON values.
enum class json_kind : std::uint8_t { null, boolean, number, string, array, object };

namespace detail {

/// A value of a document. The nodes of its elements, or of the keys and values of its members,
/// follow it.
struct json_node {
    const char* first = nullptr;  // the characters of a string, else the value's text
    std::uint32_t size = 0;       // number of characters of a string or number
    std::uint32_t next = 0;       // the node after this value and its contents
    std::uint32_t place = 0;      // the byte of the text at which the value begins
    json_kind kind = json_kind::null;
};

struct json_tree {
    std::string name;
    std::vector<json_node> nodes;
    std::deque<std::string> decoded;  // strings with escapes, decoded
};

SEQUENT_LAZY class json_tree_reader : json_cursor<> {
  public:
    json_tree_reader(std::string_view text, std::string_view file) : json_cursor<>(text, file) {}

    /// Reads the document without recursion, so that no input exhausts the stack.
    SEQUENT_COLD void read(json_tree& tree) {
        if (text_.size() > 0xFFFFFFFF) fail({"4 GiB of JSON or more"});
        std::vector<std::uint32_t> open;
        for (;;) {
            bool closed = value(tree, open);
            while (closed) {
                if (open.empty()) {
                    skip_space();
                    if (at_ != text_.size()) fail({"expected the end of the file"});
                    return;
                }
                json_node& outer = tree.nodes[open.back()];
                const bool is_object = outer.kind == json_kind::object;
                if (accept(',')) {
                    if (is_object) key(tree);
                    break;
                }
                expect(is_object ? '}' : ']');
                outer.next = count(tree);
                open.pop_back();
            }
        }
    }

  private:
    static constexpr std::size_t deepest = 256;

    static std::uint32_t count(const json_tree& tree) {
        return static_cast<std::uint32_t>(tree.nodes.size());
    }

    json_node& add(json_tree& tree, json_kind kind) {
        json_node node;
        node.kind = kind;
        node.first = text_.data() + at_;
        node.place = static_cast<std::uint32_t>(at_);
        node.next = count(tree) + 1;
        tree.nodes.push_back(node);
        return tree.nodes.back();
    }

    void key(json_tree& tree) {
        string_node(tree);
        expect(':');
    }

    void string_node(json_tree& tree) {
        skip_space();
        json_node& node = add(tree, json_kind::string);
        std::size_t end = at_ + 1;
        bool plain = at_ < text_.size() && text_[at_] == '"';
        while (plain && end < text_.size() && text_[end] != '"') {
            const auto code = static_cast<unsigned char>(text_[end++]);
            plain = code >= 0x20 && code < 0x80 && code != '\\';
        }
        if (plain && end < text_.size()) {
            ++node.first;
            node.size = static_cast<std::uint32_t>(end - at_ - 1);
            at_ = end + 1;
        } else {
            const std::string& text = tree.decoded.emplace_back(string());
            node.first = text.data();
            node.size = static_cast<std::uint32_t>(text.size());
        }
    }

    /// Reads a value and returns true, or the beginning of a non-empty container and returns false.
    bool value(json_tree& tree, std::vector<std::uint32_t>& open) {
        const char next = peek();
        if (next == '"') {
            string_node(tree);
        } else if (next == '{' || next == '[') {
            const bool is_object = next == '{';
            const std::uint32_t number = count(tree);
            add(tree, is_object ? json_kind::object : json_kind::array);
            ++at_;
            if (accept(is_object ? '}' : ']')) return true;
            if (open.size() == deepest) fail({"more than ", deepest, " values in one another"});
            open.push_back(number);
            if (is_object) key(tree);
            return false;
        } else if (next == '-' || (next >= '0' && next <= '9')) {
            json_node& node = add(tree, json_kind::number);
            const std::size_t begin = at_;
            number();
            node.size = static_cast<std::uint32_t>(at_ - begin);
        } else {
            json_node& node = add(tree, json_kind::boolean);
            if (accept_word("null")) {
                node.kind = json_kind::null;
            } else if (!accept_word("true") && !accept_word("false")) {
                fail({"expected a value"});
            }
        }
        return true;
    }

    void number() {
        const auto digits = [&] {
            const std::size_t begin = at_;
            while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
            if (at_ == begin) fail({"expected a digit"});
        };
        const auto is_next = [&](std::string_view any) {
            return at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos;
        };
        if (is_next("-")) ++at_;
        const std::size_t first = at_;
        digits();
        if (text_[first] == '0' && at_ - first > 1) fail({"a number starts with 0"});
        if (is_next(".")) {
            ++at_;
            digits();
        }
        if (is_next("eE")) {
            ++at_;
            if (is_next("+-")) ++at_;
            digits();
        }
    }
};

}  // namespace detail

/// A value of a json_document, valid as long as the document. Accessing it as another kind throws
/// io::error with the file, the byte and both kinds.
class json_value {
  public:
    /// The value at node `at` of a tree.
    json_value(const detail::json_tree& tree, std::uint32_t at) noexcept : tree_(&tree), at_(at) {}

    /// The kind of the value.
    json_kind kind() const noexcept { return node().kind; }
    /// Returns true if the value is null.
    bool is_null() const noexcept { return kind() == json_kind::null; }

    /// The decoded characters of a string, valid as long as the document and its text.
    SEQUENT_LAZY std::string_view string() const {
        wanted(json_kind::string);
        return {node().first, node().size};
    }
    /// The value of true or false.
    SEQUENT_LAZY bool boolean() const {
        wanted(json_kind::boolean);
        return *node().first == 't';
    }
    /// The value of a number. Throws io::error if it does not fit into a double.
    SEQUENT_LAZY double number() const {
        wanted(json_kind::number);
        double result = 0;
        const char* const last = node().first + node().size;
        if (std::from_chars(node().first, last, result).ec != std::errc{} || !std::isfinite(result))
            fail({"the number is too large"});
        return result;
    }
    /// The value of an integer from 0 to `largest`. Throws io::error for any other number.
    SEQUENT_LAZY std::uint64_t whole_number(std::uint64_t largest = 0xFFFFFFFFFFFFFFFF) const {
        wanted(json_kind::number);
        std::uint64_t result = 0;
        const char* const last = node().first + node().size;
        const auto [end, reason] = std::from_chars(node().first, last, result);
        if (end != last || reason != std::errc{} || result > largest) {
            fail({"expected a whole number of 0 to ", largest, ", found ",
                  std::string_view(node().first, node().size)});
        }
        return result;
    }

    /// Calls f(element) for each element of an array.
    template <class F>
    void for_each_element(F f) const {
        wanted(json_kind::array);
        for (std::uint32_t at = at_ + 1; at < node().next; at = tree_->nodes[at].next)
            f(json_value(*tree_, at));
    }
    /// Calls f(key, value) for each member of an object.
    template <class F>
    void for_each_member(F f) const {
        wanted(json_kind::object);
        for (std::uint32_t at = at_ + 1; at < node().next; at = tree_->nodes[at + 1].next)
            f(json_value(*tree_, at).string(), json_value(*tree_, at + 1));
    }

    /// Returns true if an object has a member with this key. Throws io::error if the key is
    /// repeated.
    SEQUENT_LAZY bool has(std::string_view key) const { return find(key) != 0; }
    /// The value of a member of an object. Throws io::error if the key is missing or repeated.
    SEQUENT_LAZY json_value operator[](std::string_view key) const {
        const std::uint32_t at = find(key);
        if (at == 0) fail({"lacks \"", key, "\""});
        return {*tree_, at};
    }

    /// Throws io::error with the message `what` after the file and the byte at which the value
    /// begins.
    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({tree_->name, ", byte ", node().place, ": ", joined_text(what)});
    }

  private:
    const detail::json_node& node() const noexcept { return tree_->nodes[at_]; }

    /// The node of a member's value; 0 if there is no such member.
    SEQUENT_LAZY std::uint32_t find(std::string_view wanted_key) const {
        std::uint32_t found = 0;
        for_each_member([&](std::string_view key, json_value value) {
            if (key != wanted_key) return;
            if (found != 0) value.fail({"\"", key, "\" stands twice"});
            found = value.at_;
        });
        return found;
    }

    void wanted(json_kind kind) const {
        static constexpr const char* names[] = {"null",     "true or false", "a number",
                                                "a string", "an array",      "an object"};
        if (node().kind != kind) {
            fail({"expected ", names[static_cast<std::size_t>(kind)], ", found ",
                  names[static_cast<std::size_t>(node().kind)]});
        }
    }

    const detail::json_tree* tree_;
    std::uint32_t at_;
};

/// A parsed JSON text of less than 4 GiB. It refers to the text, which must outlive it.
class json_document {
  public:
    /// Parses the text. Throws io::error, which names `file` and the byte, for text that is not
    /// JSON (RFC 8259), not UTF-8, or nested deeper than 256 containers.
    SEQUENT_LAZY json_document(std::string_view text, std::string file) {
        tree_.name = std::move(file);
        detail::json_tree_reader<>(text, tree_.name).read(tree_);
    }
    json_document(const json_document&) = delete;
    json_document& operator=(const json_document&) = delete;

    /// The outermost value.
    json_value root() const noexcept { return {tree_, 0}; }

  private:
    detail::json_tree tree_;
};

}  // namespace sequent::inline SEQUENT_ABI::io
