#include "proxy/call/strict_json.hpp"

#include "policy/base/bytes.hpp"
#include "policy/redact/json_text.hpp"
#include "proxy/wire/utf8.hpp"

#include <charconv>
#include <string>
#include <utility>

namespace sluice::call {
namespace {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  std::optional<Node> document() {
    Node out;
    wire::Utf8Check utf8;
    if (!utf8.feed(text_) || !utf8.whole()) return std::nullopt;
    if (!value(out)) return std::nullopt;
    skip_space();
    if (at_ != text_.size()) return std::nullopt;
    return out;
  }

 private:
  bool more() const { return at_ < text_.size(); }
  bool take(char c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (more() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool word(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }

  bool value(Node& out) {
    if (++values_ > kMaxJsonValues) return false;
    skip_space();
    if (!more()) return false;
    switch (text_[at_]) {
    case '{': return nested(out, Node::Kind::map, &JsonReader::members);
    case '[': return nested(out, Node::Kind::list, &JsonReader::items);
    case '"': out.kind = Node::Kind::string; return string(out.text);
    case 't':
      out.kind = Node::Kind::boolean, out.boolean = true, out.text = "true";
      return word("true");
    case 'f': out.kind = Node::Kind::boolean, out.text = "false"; return word("false");
    case 'n': return word("null");
    default: return number(out);
    }
  }

  bool nested(Node& out, Node::Kind kind, bool (JsonReader::*read)(Node&)) {
    if (++depth_ > kMaxJsonDepth) return false;
    out.kind = kind;
    ++at_;
    const bool whole = (this->*read)(out);
    --depth_;
    return whole;
  }

  bool members(Node& out) {
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      Member one;
      if (!more() || text_[at_] != '"' || !string(one.key)) return false;
      if (out.find(one.key) != nullptr) return false;
      skip_space();
      if (!take(':') || !value(one.value)) return false;
      out.members.push_back(std::move(one));
      skip_space();
    } while (take(','));
    return take('}');
  }

  bool items(Node& out) {
    skip_space();
    if (take(']')) return true;
    do {
      Node one;
      if (!value(one)) return false;
      out.items.push_back(std::move(one));
      skip_space();
    } while (take(','));
    return take(']');
  }

  bool string(std::string& out) { // requires: a quote is next
    const std::size_t begin = ++at_;
    for (; more(); ++at_) {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '"') return unescaped(text_.substr(begin, at_++ - begin), out);
      if (c == '\\') ++at_;
    }
    return false;
  }
  // Half a surrogate is no text.
  static bool unescaped(std::string_view written, std::string& out) {
    wire::Utf8Check utf8;
    return redact::json_unescape(written, out) && utf8.feed(out) && utf8.whole();
  }

  bool digits() {
    const std::size_t begin = at_;
    while (more() && is_digit(text_[at_])) ++at_;
    return at_ > begin;
  }
  bool number(Node& out) {
    const std::size_t begin = at_;
    take('-');
    const bool zero = take('0');
    if (!zero && !digits()) return false;
    out.kind = Node::Kind::integer;
    if (take('.')) {
      out.kind = Node::Kind::real;
      if (!digits()) return false;
    }
    if (take('e') || take('E')) {
      out.kind = Node::Kind::real;
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    out.text = text_.substr(begin, at_ - begin);
    const char* end = out.text.data() + out.text.size();
    if (out.kind == Node::Kind::integer &&
        std::from_chars(out.text.data(), end, out.integer).ec != std::errc())
      out.kind = Node::Kind::real;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0, values_ = 0;
};

} // namespace

std::optional<Node> parse_strict_json(std::string_view text) {
  return JsonReader(text).document();
}

} // namespace sluice::call
