#include "policy/redact/shape_parser.hpp"

#include "policy/redact/boundary.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace sluice::redact {
namespace {

using Kind = ShapeNode::Kind;

constexpr int kMostRepeats = 1000; // as RE2
constexpr int kDeepest = 32;

ByteSet range(char first, char last) {
  ByteSet out;
  for (int c = static_cast<unsigned char>(first); c <= static_cast<unsigned char>(last); ++c) {
    out.set(static_cast<std::size_t>(c));
  }
  return out;
}

ByteSet digits() {
  return range('0', '9');
}
ByteSet word() {
  return range('a', 'z') | range('A', 'Z') | digits() | range('_', '_');
}
ByteSet space() { // as RE2: without vertical tab
  return range('\t', '\n') | range('\f', '\r') | range(' ', ' ');
}

struct NamedClass {
  std::string_view name;
  ByteSet bytes;
};
std::optional<ByteSet> class_of(std::string_view name) { // of POSIX, in ASCII
  const ByteSet lower = range('a', 'z'), upper = range('A', 'Z'), graph = range('!', '~');
  const ByteSet alnum = lower | upper | digits();
  const std::array<NamedClass, 14> all = {
      {{"alnum", alnum},
       {"alpha", lower | upper},
       {"ascii", range('\0', '\x7F')},
       {"blank", range('\t', '\t') | range(' ', ' ')},
       {"cntrl", range('\0', '\x1F') | range('\x7F', '\x7F')},
       {"digit", digits()},
       {"graph", graph},
       {"lower", lower},
       {"print", graph | range(' ', ' ')},
       {"punct", graph & ~alnum},
       {"space", space() | range('\v', '\v')},
       {"upper", upper},
       {"word", word()},
       {"xdigit", digits() | range('a', 'f') | range('A', 'F')}}};
  for (const auto& one : all) {
    if (one.name == name) return one.bytes;
  }
  return std::nullopt;
}

ByteSet any_case(const ByteSet& in) {
  ByteSet out = in;
  for (char c = 'a'; c <= 'z'; ++c) {
    const auto lower = static_cast<std::size_t>(c);
    const auto upper = lower - 'a' + 'A';
    if (in[lower] || in[upper]) out.set(lower).set(upper);
  }
  return out;
}

ShapeNode node_of(const ByteSet& bytes) {
  ShapeNode out;
  out.kind = Kind::bytes;
  out.bytes = bytes;
  return out;
}
ShapeNode either(ShapeNode one, ShapeNode other) {
  ShapeNode out;
  out.kind = Kind::choice;
  out.parts.push_back(std::move(one));
  out.parts.push_back(std::move(other));
  return out;
}
ShapeNode then(ShapeNode one, ShapeNode next) {
  ShapeNode out;
  out.parts.push_back(std::move(one));
  out.parts.push_back(std::move(next));
  return out;
}

// What takes every byte beyond ASCII takes whole signs (RFC 3629), as RE2 does, so that none is
// cut. Of a text that is none it takes a byte that begins a sign, and one that goes on with none:
// since nothing else begins with such a byte, a text that is one is read in one way only.
ShapeNode signs(const ByteSet& bytes) {
  const ByteSet beyond = range('\x80', '\xFF');
  if ((bytes & beyond) != beyond) return node_of(bytes);
  const auto more = node_of(range('\x80', '\xBF'));
  auto of_four = then(node_of(range('\xF0', '\xF4')), more);
  auto of_three = then(either(node_of(range('\xE0', '\xEF')), std::move(of_four)), more);
  auto wide = then(either(node_of(range('\xC2', '\xDF')), std::move(of_three)), more);
  ShapeNode stray;
  stray.kind = Kind::repeat;
  stray.least = 0;
  stray.parts.push_back(more);
  return then(either(node_of(bytes & ~range('\x80', '\xBF')), std::move(wide)), std::move(stray));
}

class Parser {
 public:
  Parser(std::string_view text, Takes takes) : text_(text), takes_(takes) {}

  Result<ShapeNode> run() {
    SLUICE_TRY(auto node, choice(0));
    if (!done()) return fault("an unexpected )");
    return node;
  }

 private:
  bool done() const { return at_ == text_.size(); }
  bool peek(char c) const { return !done() && text_[at_] == c; }
  bool take(std::string_view wanted) {
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  Error fault(std::string what) const {
    return make_error(Origin::config, "redaction_pattern",
                      "pattern, byte " + std::to_string(at_ + 1) + ": " + std::move(what));
  }

  ByteSet folded(const ByteSet& bytes) const { return fold_case_ ? any_case(bytes) : bytes; }

  Result<ShapeNode> choice(int depth) {
    if (depth > kDeepest) return fault("groups nested too deeply");
    ShapeNode out;
    out.kind = Kind::choice;
    do {
      SLUICE_TRY(auto branch, sequence(depth));
      out.parts.push_back(std::move(branch));
    } while (take("|"));
    if (out.parts.size() == 1) return ShapeNode(std::move(out.parts.front()));
    return out;
  }

  Result<ShapeNode> sequence(int depth) {
    ShapeNode out;
    while (!done() && !peek('|') && !peek(')')) {
      if (take_flags()) continue;
      SLUICE_TRY(auto one, item(depth));
      SLUICE_TRY(auto repeated, repeats(std::move(one)));
      out.parts.push_back(std::move(repeated));
    }
    return out;
  }

  // (?i), (?s), (?-i) and the like: to the end of the group they stand in.
  bool take_flags() {
    if (!text_.substr(at_).starts_with("(?")) return false;
    bool fold = fold_case_, all = dot_is_all_, on = true;
    for (auto at = at_ + 2; at < text_.size(); ++at) {
      switch (text_[at]) {
      case 'i': fold = on; break;
      case 's': all = on; break;
      case '-': on = false; break;
      case ')':
        if (at == at_ + 2) return false;
        fold_case_ = fold, dot_is_all_ = all, at_ = at + 1;
        return true;
      default: return false;
      }
    }
    return false;
  }

  // A sign that takes several bytes is repeated as a whole.
  ShapeNode wide_sign() {
    ShapeNode out;
    do {
      out.parts.push_back(node_of(range(text_[at_], text_[at_])));
      ++at_;
    } while (!done() && (static_cast<unsigned char>(text_[at_]) & 0xC0U) == 0x80);
    return out;
  }

  Result<ShapeNode> item(int depth) {
    if (take("(")) return group(depth);
    if (static_cast<unsigned char>(text_[at_]) >= 0x80) return wide_sign();
    ByteSet bytes;
    if (take("[")) {
      SLUICE_TRY(bytes, byte_class());
    } else if (peek('\\')) {
      SLUICE_TRY(bytes, escape());
    } else {
      SLUICE_TRY(bytes, letter());
    }
    return takes_ == Takes::signs ? signs(bytes) : node_of(bytes);
  }

  Result<ByteSet> letter() {
    const char c = text_[at_];
    if (c == '^' || c == '$') {
      return fault(std::string("'") + c +
                   "' is not possible: a stream has no line that begins or ends");
    }
    constexpr std::string_view kNotHere = "*+?{";
    if (kNotHere.find(c) != std::string_view::npos) {
      return fault(std::string("'") + c + "' is not in the subset here");
    }
    ++at_;
    if (c != '.') return folded(range(c, c));
    ByteSet all;
    all.set();
    if (!dot_is_all_) all.reset('\n');
    return all;
  }

  Result<ShapeNode> group(int depth) {
    const bool outer = fold_case_, outer_dot = dot_is_all_;
    bool secret = false;
    if (take("?P<secret>")) {
      if (depth > 0 || has_secret_) return fault("one (?P<secret>…), outside other groups");
      has_secret_ = secret = true;
    } else if (take("?i:")) {
      fold_case_ = true;
    } else if (take("?s:")) {
      dot_is_all_ = true;
    } else if (!take("?:") && peek('?')) {
      return fault("write (…), (?:…), (?i:…) or (?P<secret>…)");
    }
    SLUICE_TRY(auto inside, choice(depth + 1));
    if (!take(")")) return fault("missing )");
    fold_case_ = outer, dot_is_all_ = outer_dot;
    inside.secret = secret;
    return inside;
  }

  Result<ShapeNode> repeats(ShapeNode one) {
    ShapeNode out;
    out.kind = Kind::repeat;
    if (take("?")) {
      out.least = 0;
    } else if (take("*")) {
      out.least = 0;
      out.most = ShapeNode::kEndless;
    } else if (take("+")) {
      out.most = ShapeNode::kEndless;
    } else if (take("{")) {
      SLUICE_TRY(counts(out));
    } else {
      return one;
    }
    take("?"); // a lazy repeat: what is masked is every match, so it is all the same
    if (peek('?') || peek('*') || peek('+') || peek('{')) return fault("a repeat of a repeat");
    if (one.secret) return fault("(?P<secret>…) may not be repeated");
    out.parts.push_back(std::move(one));
    return out;
  }

  Result<> counts(ShapeNode& out) {
    const auto number = [this]() -> std::optional<int> {
      int value = 0;
      const auto first = at_;
      while (!done() && is_digit(text_[at_]) && value <= kMostRepeats) {
        value = value * 10 + (text_[at_++] - '0');
      }
      return at_ == first ? std::nullopt : std::optional(value);
    };
    const auto least = number();
    if (!least) return fault("{n}, {n,} or {n,m}");
    out.least = out.most = *least;
    if (take(",")) out.most = number().value_or(ShapeNode::kEndless);
    if (!take("}")) return fault("{n}, {n,} or {n,m}");
    const bool bad = out.most != ShapeNode::kEndless && out.most < out.least;
    if (bad || out.least > kMostRepeats || out.most > kMostRepeats) {
      return fault("repeats from 0 to 1000, the smaller one first");
    }
    return success();
  }

  Result<ByteSet> byte_class() {
    const bool negated = take("^");
    ByteSet out;
    for (bool first = true; first || !peek(']'); first = false) {
      if (done()) return fault("missing ]");
      SLUICE_TRY(const auto from, class_item());
      if (from.count() == 1 && peek('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        SLUICE_TRY(const auto to, class_item());
        const auto low = from._Find_first(), high = to._Find_first();
        if (to.count() != 1 || high < low) return fault("a range that runs backwards");
        out |= range(static_cast<char>(low), static_cast<char>(high));
      } else {
        out |= from;
      }
    }
    take("]");
    out = folded(out); // [^a] in any case means neither a nor A
    return negated ? ~out : out;
  }

  Result<ByteSet> class_item() {
    if (done()) return fault("missing ]");
    if (peek('\\')) return escape();
    if (take("[:")) return named_class();
    if (static_cast<unsigned char>(text_[at_]) >= 0x80) {
      return fault("a class is of bytes: write (?:ä|ö) for signs that are not ASCII");
    }
    const char c = text_[at_++];
    return range(c, c);
  }

  Result<ByteSet> named_class() {
    const bool negated = take("^");
    const auto end = text_.find(":]", at_);
    const auto bytes =
        end == std::string_view::npos ? std::nullopt : class_of(text_.substr(at_, end - at_));
    if (!bytes) return fault("a class like [:alpha:] that is none");
    at_ = end + 2;
    return negated ? ~*bytes : *bytes;
  }

  // \x7F or \x{7F}
  Result<ByteSet> hex_escape() {
    const bool braces = take("{");
    int value = 0, digits = 0;
    for (; !done() && (braces || digits < 2); ++digits, ++at_) {
      const char c = text_[at_];
      const int digit = is_digit(c)            ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) break;
      value = value * 16 + digit;
      if (value > 0xFF) return fault("\\x names a byte, from 00 to FF");
    }
    if (digits == 0 || (!braces && digits < 2) || (braces && !take("}"))) {
      return fault("write \\x7F or \\x{7F}");
    }
    return range(static_cast<char>(value), static_cast<char>(value));
  }

  Result<ByteSet> escape() {
    ++at_;
    if (done()) return fault("a lone backslash");
    const char c = text_[at_++];
    switch (c) {
    case 'd': return digits();
    case 'w': return word();
    case 's': return space();
    case 'D': return ~digits();
    case 'W': return ~word();
    case 'S': return ~space();
    case 'n': return range('\n', '\n');
    case 'r': return range('\r', '\r');
    case 't': return range('\t', '\t');
    case 'f': return range('\f', '\f');
    case 'v': return range('\v', '\v');
    case 'a': return range('\a', '\a');
    case 'x': {
      SLUICE_TRY(auto byte, hex_escape());
      return folded(byte);
    }
    case 'b': return fault("\\b is possible at the two ends of a rule's pattern only");
    case 'A':
    case 'z': return fault(std::string("\\") + c + " is not possible: a stream has no ends to see");
    default: break;
    }
    if (word()[static_cast<unsigned char>(c)]) {
      return fault(std::string("\\") + c + " is not in the subset");
    }
    return range(c, c);
  }

  std::string_view text_;
  Takes takes_;
  std::size_t at_ = 0;
  bool fold_case_ = false, dot_is_all_ = false;
  bool has_secret_ = false;
};

} // namespace

Result<ShapeNode> parse_shape(std::string_view pattern, Takes takes) {
  return Parser(pattern, takes).run();
}

} // namespace sluice::redact
