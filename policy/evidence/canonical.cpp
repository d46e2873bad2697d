#include "policy/evidence/canonical.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/utf8.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace sluice::evidence {
namespace {

enum class Byte : std::uint8_t { refused, plain, quote, backslash, multibyte };

constexpr std::array<Byte, 256> make_classes() {
  std::array<Byte, 256> classes{};
  for (std::size_t c = 0x20; c < 0x80; ++c) classes[c] = Byte::plain;
  for (std::size_t c = 0x80; c < 0x100; ++c) classes[c] = Byte::multibyte;
  classes['"'] = Byte::quote;
  classes['\\'] = Byte::backslash;
  // Go escapes these for HTML, so raw ones were never written by it.
  classes['<'] = classes['>'] = classes['&'] = Byte::refused;
  return classes;
}
constexpr std::array<Byte, 256> kClasses = make_classes();

unsigned hex_value(char c) noexcept {
  return static_cast<unsigned>(is_digit(c) ? c - '0' : c - 'a' + 10);
}

// The \u escapes Go writes. \u0008 and \u000c became \b and \f in Go 1.22, so both are canonical;
// \ufffd stands for a byte that was not UTF-8.
bool is_canonical_unicode_escape(std::string_view hex) noexcept {
  if (hex == "003c" || hex == "003e" || hex == "0026") return true;
  if (hex == "2028" || hex == "2029" || hex == "fffd") return true;
  if (hex.size() != 4 || hex.substr(0, 2) != "00" || (hex[2] != '0' && hex[2] != '1')) return false;
  const bool lower_hex = is_digit(hex[3]) || (hex[3] >= 'a' && hex[3] <= 'f');
  return lower_hex && hex != "0009" && hex != "000a" && hex != "000d";
}

// Requires: a code point of an escape above, all in the basic plane.
void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  out += static_cast<char>(0xE0U | code >> 12);
  out += static_cast<char>(0x80U | (code >> 6 & 0x3FU));
  out += static_cast<char>(0x80U | (code & 0x3FU));
}

// Go orders keys by their bytes before escaping.
bool in_order(std::string_view before, std::string_view after) {
  const bool escaped = before.find('\\') != before.npos || after.find('\\') != after.npos;
  return escaped ? unescape(before) < unescape(after) : before < after;
}

} // namespace

bool Scanner::literal(std::string_view expected) noexcept {
  if (text_.substr(at_, expected.size()) != expected) return false;
  at_ += expected.size();
  return true;
}

bool Scanner::digits(std::string_view& raw) noexcept {
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  raw = text_.substr(begin, at_ - begin);
  return !raw.empty() && (raw.front() != '0' || raw.size() == 1);
}

bool Scanner::escape() noexcept {
  const std::string_view rest = text_.substr(at_ + 1, 5);
  if (rest.empty()) return false;
  if (rest.front() == 'u') {
    if (!is_canonical_unicode_escape(rest.substr(1))) return false;
    at_ += 6;
    return true;
  }
  if (std::string_view("\"\\nrtbf").find(rest.front()) == std::string_view::npos) return false;
  at_ += 2;
  return true;
}

bool Scanner::string(std::string_view& raw) {
  if (!literal("\"")) return false;
  const std::size_t begin = at_;
  while (at_ < text_.size()) {
    switch (kClasses[static_cast<unsigned char>(text_[at_])]) {
    case Byte::plain: ++at_; break;
    case Byte::quote: raw = text_.substr(begin, at_++ - begin); return true;
    case Byte::backslash:
      if (!escape()) return false;
      break;
    case Byte::multibyte: {
      const std::size_t size = utf8_sequence(text_.substr(at_));
      if (size == 0 || is_line_separator(text_.substr(at_, size))) return false;
      at_ += size;
      break;
    }
    case Byte::refused: return false;
    }
  }
  return false;
}

bool Scanner::object(Watch* watch) {
  if (!literal("{") || ++depth_ > kMaxCanonicalDepth) return false;
  std::string_view last;
  for (bool first = true; !next_is('}'); first = false) {
    std::string_view key;
    if ((!first && !literal(",")) || !string(key)) return false;
    if ((!first && !in_order(last, key)) || !literal(":")) return false;
    last = key;
    if (watch != nullptr && key == watch->key && next_is('"')) {
      if (!string(watch->value)) return false;
    } else if (!value()) {
      return false;
    }
  }
  --depth_;
  return literal("}");
}

bool Scanner::array() {
  if (!literal("[") || ++depth_ > kMaxCanonicalDepth) return false;
  for (bool first = true; !next_is(']'); first = false) {
    if ((!first && !literal(",")) || !value()) return false;
  }
  --depth_;
  return literal("]");
}

bool Scanner::number() {
  const std::size_t begin = at_;
  if (next_is('-')) ++at_;
  std::string_view raw;
  if (!digits(raw)) return false;
  // An integer is its own spelling whatever its size: reading it as a double would change it.
  if (!next_is('.') && !next_is('e')) return true;
  while (at_ < text_.size() && (is_digit(text_[at_]) || std::string_view(".e+-").find(text_[at_]) !=
                                                            std::string_view::npos)) {
    ++at_;
  }
  const std::string_view token = text_.substr(begin, at_ - begin);
  double number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  return error == std::errc{} && end == token.data() + token.size() && std::isfinite(number) &&
         format_number(number) == token;
}

bool Scanner::value() {
  if (done()) return false;
  switch (text_[at_]) {
  case '{': return object();
  case '[': return array();
  case '"': {
    std::string_view raw;
    return string(raw);
  }
  case 't': return literal("true");
  case 'f': return literal("false");
  case 'n': return literal("null");
  default: return number();
  }
}

bool is_canonical(std::string_view json) {
  Scanner scanner(json);
  return scanner.value() && scanner.done();
}

std::string_view member_of(std::string_view object, std::string_view key) {
  Scanner scanner(object);
  std::string_view name;
  for (bool more = scanner.literal("{"); more && scanner.string(name);
       more = scanner.literal(",")) {
    if (!scanner.literal(":")) break;
    const std::size_t begin = scanner.offset();
    if (!scanner.value()) break;
    if (name == key) return object.substr(begin, scanner.offset() - begin);
  }
  return {};
}

std::string string_of(std::string_view value) {
  Scanner scanner(value);
  std::string_view raw;
  return scanner.string(raw) && scanner.done() ? unescape(raw) : std::string();
}

std::string unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] != '\\') {
      out += raw[at];
      continue;
    }
    switch (const char c = raw[++at]) {
    case 'n': out += '\n'; break;
    case 'r': out += '\r'; break;
    case 't': out += '\t'; break;
    case 'b': out += '\b'; break;
    case 'f': out += '\f'; break;
    case 'u': {
      unsigned code = 0;
      for (int i = 0; i < 4; ++i) code = code << 4 | hex_value(raw[++at]);
      append_utf8(out, code);
      break;
    }
    default: out += c;
    }
  }
  return out;
}

std::string format_number(double value) {
  char text[40];
  const auto end =
      std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
  const std::string_view shortest(text, static_cast<std::size_t>(end - text)); // d[.ddd]e±XX
  const std::size_t e = shortest.find('e');
  std::string digits(1, shortest.front());
  if (e > 2) digits += shortest.substr(2, e - 2);
  int exponent = 0;
  std::from_chars(text + e + 2, end, exponent);
  if (shortest[e + 1] == '-') exponent = -exponent;

  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < -6 || exponent >= 21) {
    out += digits.front();
    if (digits.size() > 1) out.append(1, '.').append(digits, 1);
    return out + (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
  }
  if (exponent < 0) {
    return out + "0." + std::string(static_cast<std::size_t>(-exponent) - 1, '0') + digits;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + '.' + digits.substr(whole);
}

} // namespace sluice::evidence
