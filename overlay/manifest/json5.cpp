#include "overlay/manifest/json5.hpp"

#include "overlay/manifest/json5_scanner.hpp"
#include "policy/base/scalar.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

// Tells lines and columns of offsets that only grow, each byte looked at once.
class Places {
 public:
  explicit Places(std::string_view text) noexcept : text_(text) {}

  void mark(std::size_t offset, int& line, int& column) noexcept {
    for (; at_ < offset; ++at_) {
      const bool pair = text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
      if (text_[at_] == '\n' || (text_[at_] == '\r' && !pair)) {
        ++line_;
        begin_ = at_ + 1;
      }
    }
    line = line_;
    column = static_cast<int>(offset - begin_) + 1;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0; // of the line
  int line_ = 1;
};

// One object or list that is not closed yet lies on the stack; nothing recurses.
class Builder5 {
 public:
  explicit Builder5(std::string_view text) noexcept : scanner_(text), places_(text) {}

  bool run(Node& root) {
    root_ = &root;
    if (!scanner_.skip_blanks()) return false;
    if (scanner_.at_end()) return scanner_.fail("the file is empty");
    if (!value(root)) return false;
    while (!open_.empty()) {
      if (!(open_.back().node->is_map() ? member() : item())) return false;
    }
    if (!scanner_.skip_blanks()) return false;
    return scanner_.at_end() || scanner_.fail("something stands behind the value",
                                              "a file holds one value; or a bracket too many");
  }

  const Json5Scanner::Fault& fault() const noexcept { return scanner_.fault(); }

  std::string pointer() const {
    std::string out;
    for (const Open& open : open_) {
      if (open.unclosed) continue;
      if (open.node->is_list() && !open.node->items.empty()) {
        out += '/' + std::to_string(open.node->items.size() - 1);
      } else if (open.node->is_map() && !open.node->members.empty()) {
        out += '/' + pointer_token(open.node->members.back().key);
      }
    }
    return out;
  }

 private:
  // A parent grows only when its last child is closed, so the pointers hold.
  struct Open {
    Node* node = nullptr;
    std::set<std::string> keys;
    std::size_t begin = 0; // of the bracket
    bool may_go_on = true; // nothing or a ',' is before
    bool unclosed = false; // what is wrong is itself, not something in it
  };

  bool charge() {
    if (++nodes_ > kMaxDocumentNodes) return scanner_.fail("the document is too large");
    if (static_cast<int>(open_.size()) >= kMaxDocumentDepth) {
      return scanner_.fail("the document is nested too deeply");
    }
    return true;
  }

  bool value(Node& out) {
    if (!charge()) return false;
    places_.mark(scanner_.offset(), out.line, out.column);
    const char c = scanner_.peek();
    if (c == '{' || c == '[') {
      out.kind = c == '{' ? Node::Kind::map : Node::Kind::list;
      Open open;
      open.node = &out;
      open.begin = scanner_.offset();
      open_.push_back(std::move(open));
      scanner_.take();
      return true;
    }
    if (c == '"' || c == '\'') {
      out.kind = Node::Kind::string;
      return scanner_.string(out.text);
    }
    if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') return scanner_.number(out);
    return word(out);
  }

  bool word(Node& out) {
    const std::size_t begin = scanner_.offset();
    if (!scanner_.at_identifier()) return scanner_.fail("a value is expected here");
    if (!scanner_.identifier(out.text)) return false;
    // An escape does not make a keyword (ES5.1 §7.6).
    const bool plain = scanner_.offset() - begin == out.text.size();
    if (plain && out.text == "null") {
      out.kind = Node::Kind::null;
    } else if (plain && (out.text == "true" || out.text == "false")) {
      out.kind = Node::Kind::boolean;
      out.boolean = out.text == "true";
    } else if (out.text == "NaN" || out.text == "Infinity") {
      return scanner_.fail_at(begin, "JSON has no such value",
                              "write a number that is finite, or null");
    } else {
      return scanner_.fail_at(begin, "a value is expected here", "put a string in quotes");
    }
    return true;
  }

  // Behind a bracket, a value or a comma: the end, or that another value follows.
  bool next(char close, bool& ended) {
    Open& open = open_.back();
    if (!scanner_.skip_blanks()) return false;
    if (scanner_.peek() == ',' && !open.may_go_on) {
      scanner_.take();
      open.may_go_on = true;
      if (!scanner_.skip_blanks()) return false;
    }
    ended = scanner_.peek() == close && !scanner_.at_end();
    if (ended) {
      scanner_.take();
      open_.pop_back();
      return true;
    }
    if (scanner_.at_end()) {
      open.unclosed = true;
      return scanner_.fail_at(open.begin,
                              close == '}' ? "a '{' is not closed" : "a '[' is not closed");
    }
    if (open.may_go_on) {
      open.may_go_on = false;
      return true;
    }
    return scanner_.fail(close == '}' ? "a ',' or '}' is expected here"
                                      : "a ',' or ']' is expected here");
  }

  bool item() {
    bool ended = false;
    Node& list = *open_.back().node;
    if (!next(']', ended) || ended) return fault().message.empty();
    list.items.emplace_back();
    return value(list.items.back());
  }

  bool member() {
    bool ended = false;
    Node& map = *open_.back().node;
    if (!next('}', ended) || ended) return fault().message.empty();
    Member made;
    if (!key(made)) return false;
    map.members.push_back(std::move(made));
    if (!scanner_.skip_blanks()) return false;
    if (scanner_.peek() != ':') return scanner_.fail("a ':' is expected behind the key");
    scanner_.take();
    return scanner_.skip_blanks() && value(map.members.back().value);
  }

  bool key(Member& out) {
    const std::size_t begin = scanner_.offset();
    places_.mark(begin, out.line, out.column);
    const char c = scanner_.peek();
    const bool quoted = c == '"' || c == '\'';
    if (!(quoted ? scanner_.string(out.key) : scanner_.identifier(out.key))) return false;
    if (!open_.back().keys.insert(out.key).second) {
      return scanner_.fail_at(begin, "the key \"" + out.key.substr(0, 40) + "\" is written twice");
    }
    return true;
  }

  Json5Scanner scanner_;
  Places places_;
  Node* root_ = nullptr;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
};

std::size_t first_bad_byte(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = text[at] == '\0' ? 0 : utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

Diagnostic problem5(std::string_view text, const std::string& file, std::size_t offset,
                    std::string message, std::string hint, std::string pointer = {}) {
  Diagnostic out;
  out.file = file;
  Places(text).mark(std::min(offset, text.size()), out.line, out.column);
  out.pointer = std::move(pointer);
  out.message = std::move(message);
  out.hint = std::move(hint);
  out.code = "manifest::json5_error";
  return out;
}

} // namespace

std::optional<Document> parse_json5(std::string_view text, std::string file, Diagnostics& out) {
  if (text.size() > kMaxDocumentBytes) {
    out.push_back(problem5("", file, 0, "the file is larger than 8 MiB", ""));
    return std::nullopt;
  }
  if (const auto bad = first_bad_byte(text); bad != std::string_view::npos) {
    out.push_back(
        problem5(text, file, bad, "a byte is not UTF-8 text", "save the file as UTF-8 text"));
    return std::nullopt;
  }
  Document document;
  Builder5 builder(text);
  if (!builder.run(document.root)) {
    const auto& fault = builder.fault();
    out.push_back(problem5(text, file, fault.offset, fault.message, fault.hint, builder.pointer()));
    return std::nullopt;
  }
  document.file = std::move(file);
  return document;
}

} // namespace sluice::overlay
