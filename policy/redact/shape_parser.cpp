#include "policy/redact/shape_parser.hpp"

#include <optional>
#include <string>
#include <utility>

namespace sluice::redact {
namespace {

using Kind = ShapeNode::Kind;

constexpr int kMostRepeats = 1000; // as RE2
constexpr int kDeepest = 32;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

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

ByteSet any_case(const ByteSet& in) {
  ByteSet out = in;
  for (char c = 'a'; c <= 'z'; ++c) {
    const auto lower = static_cast<std::size_t>(c);
    const auto upper = lower - 'a' + 'A';
    if (in[lower] || in[upper]) out.set(lower).set(upper);
  }
  return out;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

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
      SLUICE_TRY(auto one, item(depth));
      SLUICE_TRY(auto repeated, repeats(std::move(one)));
      out.parts.push_back(std::move(repeated));
    }
    return out;
  }

  Result<ShapeNode> item(int depth) {
    if (take("(")) return group(depth);
    ShapeNode out;
    out.kind = Kind::bytes;
    if (take("[")) {
      SLUICE_TRY(out.bytes, byte_class());
    } else if (peek('\\')) {
      SLUICE_TRY(out.bytes, escape());
    } else {
      constexpr std::string_view kNotHere = "^$*+?{.";
      if (kNotHere.find(text_[at_]) != std::string_view::npos) {
        return fault(std::string("'") + text_[at_] + "' is not in the subset here");
      }
      out.bytes = folded(range(text_[at_], text_[at_]));
      ++at_;
    }
    return out;
  }

  Result<ShapeNode> group(int depth) {
    const bool outer = fold_case_;
    bool secret = false;
    if (take("?P<secret>")) {
      if (depth > 0 || has_secret_) return fault("one (?P<secret>…), outside other groups");
      has_secret_ = secret = true;
    } else if (take("?i:")) {
      fold_case_ = true;
    } else if (!take("?:")) {
      return fault("write (?:…), (?i:…) or (?P<secret>…)");
    }
    SLUICE_TRY(auto inside, choice(depth + 1));
    if (!take(")")) return fault("missing )");
    fold_case_ = outer;
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
    const char c = text_[at_++];
    return range(c, c);
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
    default: break;
    }
    if (word()[static_cast<unsigned char>(c)]) {
      return fault(std::string("\\") + c + " is not in the subset");
    }
    return range(c, c);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool fold_case_ = false;
  bool has_secret_ = false;
};

} // namespace

Result<ShapeNode> parse_shape(std::string_view pattern) {
  return Parser(pattern).run();
}

} // namespace sluice::redact
