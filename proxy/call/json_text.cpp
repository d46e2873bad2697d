#include "proxy/call/json_text.hpp"

#include "policy/evidence/canonical.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::call {
namespace {

constexpr std::int64_t kMostExact = (std::int64_t{1} << 53) - 1;

// RFC 8785 §3.2.2.2: what must be escaped, and no more.
void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kShort = "btnfr\"\\", kMeant = "\b\t\n\f\r\"\\";
  out += '"';
  for (const char c : text) {
    const auto at = kMeant.find(c);
    if (at != std::string_view::npos) {
      out.append(1, '\\').append(1, kShort[at]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00").append(1, kHex[static_cast<std::size_t>(c >> 4)]);
      out += kHex[static_cast<std::size_t>(c & 0xF)];
    } else {
      out += c;
    }
  }
  out += '"';
}

// §3.2.3: keys are ordered by their UTF-16 code units. The bytes of UTF-8 have the same order, but
// that surrogates come before U+E000.
unsigned utf16_rank(char byte) noexcept {
  const auto value = static_cast<unsigned char>(byte);
  if (value >= 0xF0) return value - 2U; // a pair of surrogates
  return value >= 0xEE ? value + 5U : value;
}
bool utf16_less(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](char left, char right) { return utf16_rank(left) < utf16_rank(right); });
}

class TreeWriter {
 public:
  explicit TreeWriter(bool canonical) : canonical_(canonical) {}

  void write(const Node& node) {
    switch (node.kind) {
    case Node::Kind::null: out_ += "null"; break;
    case Node::Kind::boolean: out_ += node.boolean ? "true" : "false"; break;
    case Node::Kind::integer: integer(node); break;
    case Node::Kind::real: real(node); break;
    case Node::Kind::string: append_string(out_, node.text); break;
    case Node::Kind::list: list(node); break;
    case Node::Kind::map: map(node); break;
    }
  }
  std::string take() { return std::move(out_); }
  bool exact() const noexcept { return exact_; }

 private:
  void integer(const Node& node) {
    exact_ = exact_ && node.integer <= kMostExact && node.integer >= -kMostExact;
    out_ += node.text;
  }
  void real(const Node& node) {
    const bool is_integer = node.text.find_first_of(".eE") == std::string::npos;
    exact_ = exact_ && !is_integer && std::isfinite(node.real);
    if (!canonical_ || !std::isfinite(node.real)) {
      out_ += node.text;
    } else {
      out_ += node.real == 0 ? "0" : evidence::format_number(node.real); // -0, too
    }
  }
  void list(const Node& node) {
    out_ += '[';
    for (const auto& item : node.items) {
      if (&item != node.items.data()) out_ += ',';
      write(item);
    }
    out_ += ']';
  }
  void map(const Node& node) {
    std::vector<const Member*> members;
    for (const auto& member : node.members) members.push_back(&member);
    if (canonical_)
      std::sort(members.begin(), members.end(),
                [](const auto* a, const auto* b) { return utf16_less(a->key, b->key); });
    out_ += '{';
    for (const auto* member : members) {
      if (member != members.front()) out_ += ',';
      append_string(out_, member->key);
      out_ += ':';
      write(member->value);
    }
    out_ += '}';
  }

  bool canonical_;
  bool exact_ = true;
  std::string out_;
};

} // namespace

std::string json_text(const Node& tree) {
  TreeWriter writer(false);
  writer.write(tree);
  return writer.take();
}

Result<std::string> canonical_json_text(const Node& tree) {
  TreeWriter writer(true);
  writer.write(tree);
  if (writer.exact()) return writer.take();
  return make_error(Origin::upstream, "json_inexact",
                    "an integer in it is not the same number to every reader");
}

} // namespace sluice::call
