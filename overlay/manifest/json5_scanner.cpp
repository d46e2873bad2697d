#include "overlay/manifest/json5_scanner.hpp"

#include "overlay/manifest/identifier_ranges.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/scalar.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

namespace sluice::overlay {
namespace {

constexpr char32_t kLineSeparator = 0x2028;
constexpr char32_t kParagraphSeparator = 0x2029;

bool is_space(char32_t c) noexcept { // ES5.1 §7.2, §7.3
  switch (c) {
  case '\t':
  case '\v':
  case '\f':
  case ' ':
  case '\n':
  case '\r':
  case 0xa0:
  case 0x1680:
  case kLineSeparator:
  case kParagraphSeparator:
  case 0x202f:
  case 0x205f:
  case 0x3000:
  case 0xfeff: return true;
  default: return c >= 0x2000 && c <= 0x200a;
  }
}

bool is_in(const CodePoints* first, const CodePoints* last, char32_t c) noexcept {
  const auto* range =
      std::lower_bound(first, last, c, [](const CodePoints& r, char32_t x) { return r.last < x; });
  return range != last && range->first <= c;
}

bool is_letter(char32_t c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '$' || c == '_';
}

bool begins_identifier(char32_t c) noexcept {
  return c < 0x80 ? is_letter(c)
                  : is_in(std::begin(kIdentifierStart), std::end(kIdentifierStart), c);
}

bool continues_identifier(char32_t c) noexcept {
  return c < 0x80 ? is_letter(c) || (c >= '0' && c <= '9')
                  : is_in(std::begin(kIdentifierPart), std::end(kIdentifierPart), c);
}

bool is_surrogate(char32_t c) noexcept {
  return c >= 0xd800 && c <= 0xdfff;
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

} // namespace

bool Json5Scanner::fail_at(std::size_t offset, std::string message, std::string hint) {
  if (fault_.message.empty()) fault_ = {offset, std::move(message), std::move(hint)};
  return false;
}

bool Json5Scanner::fail(std::string message, std::string hint) {
  return fail_at(at_, std::move(message), std::move(hint));
}

char32_t Json5Scanner::code_point(std::size_t& length) const noexcept {
  length = at_end() ? 0 : utf8_length(text_, at_);
  if (length == 0) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text_[at_ + i]); };
  if (length == 1) return byte(0);
  char32_t out = byte(0) & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) out = out << 6 | (byte(i) & 0x3fU);
  return out;
}

bool Json5Scanner::at_identifier() const noexcept {
  std::size_t length = 0;
  return peek() == '\\' || begins_identifier(code_point(length));
}

void Json5Scanner::line_comment() {
  std::size_t length = 0;
  for (;;) {
    const char32_t c = code_point(length);
    if (length == 0 || c == '\n' || c == '\r' || c == kLineSeparator || c == kParagraphSeparator) {
      return;
    }
    at_ += length;
  }
}

bool Json5Scanner::block_comment() {
  const auto end = text_.find("*/", at_ + 2);
  if (end == std::string_view::npos) return fail("a comment is not closed", "close it with */");
  at_ = end + 2;
  return true;
}

bool Json5Scanner::skip_blanks() {
  while (fault_.message.empty()) {
    std::size_t length = 0;
    const char32_t c = code_point(length);
    if (length > 0 && is_space(c)) {
      at_ += length;
    } else if (rest().substr(0, 2) == "//") {
      line_comment();
    } else if (rest().substr(0, 2) == "/*") {
      if (!block_comment()) return false;
    } else {
      return true;
    }
  }
  return false;
}

bool Json5Scanner::hex_digits(std::size_t count, char32_t& out) {
  const std::string_view digits = rest().substr(0, count);
  if (digits.size() < count || !std::all_of(digits.begin(), digits.end(), is_hex_digit)) {
    return fail("an escape lacks hexadecimal digits", "write \\xHH or \\uHHHH");
  }
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + count, value, 16);
  out = value;
  at_ += count;
  return true;
}

// Behind "\u". A pair of surrogates is one character (§5.1); in an identifier there are none.
bool Json5Scanner::unicode_escape(std::string& out, bool for_identifier, bool first) {
  const std::size_t begin = at_ - 2;
  char32_t c = 0;
  if (!hex_digits(4, c)) return false;
  if (for_identifier) {
    if (!(first ? begins_identifier(c) : continues_identifier(c))) {
      return fail_at(begin, "an escape stands for a character that no unquoted key holds",
                     "put the key in quotes");
    }
  } else if (is_surrogate(c)) {
    char32_t low = 0;
    if (c >= 0xdc00 || rest().substr(0, 2) != "\\u") return fail_at(begin, "a surrogate is alone");
    at_ += 2;
    if (!hex_digits(4, low)) return false;
    if (low < 0xdc00 || low > 0xdfff) return fail_at(begin, "a surrogate is alone");
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  if (c == 0) return fail_at(begin, "a string holds a NUL character");
  append_utf8(out, c);
  return true;
}

// At the backslash (§5.1).
bool Json5Scanner::escape(std::string& out) {
  const std::size_t begin = at_++;
  std::size_t length = 0;
  const char32_t c = code_point(length);
  if (length == 0) return fail_at(begin, "a string is not closed", "a closing quote is missing");
  at_ += length;
  char32_t hex = 0;
  switch (c) {
  case 'b': out += '\b'; return true;
  case 'f': out += '\f'; return true;
  case 'n': out += '\n'; return true;
  case 'r': out += '\r'; return true;
  case 't': out += '\t'; return true;
  case 'v': out += '\v'; return true;
  case '\r':
    if (peek() == '\n') ++at_;
    return true;
  case '\n':
  case kLineSeparator:
  case kParagraphSeparator: return true;
  case 'u': return unicode_escape(out, false, false);
  case 'x':
    if (!hex_digits(2, hex)) return false;
    if (hex == 0) return fail_at(begin, "a string holds a NUL character");
    append_utf8(out, hex);
    return true;
  case '0':
    if (!is_digit(peek())) return fail_at(begin, "a string holds a NUL character");
    [[fallthrough]];
  default:
    if (c >= '0' && c <= '9') {
      return fail_at(begin, "a digit is escaped", "write \\xHH for a character by its number");
    }
    append_utf8(out, c);
    return true;
  }
}

bool Json5Scanner::string(std::string& out) {
  const std::size_t begin = at_;
  const char quote = text_[at_++];
  while (!at_end() && peek() != quote) {
    const char c = peek();
    if (c == '\n' || c == '\r') {
      return fail_at(begin, "a string is not closed on its line",
                     "close it, or end the line with \\ to go on");
    }
    if (c != '\\') {
      out += c;
      ++at_;
    } else if (!escape(out)) {
      return false;
    }
  }
  if (at_end()) return fail_at(begin, "a string is not closed", "a closing quote is missing");
  ++at_;
  return true;
}

bool Json5Scanner::identifier(std::string& out) {
  for (bool first = true;; first = false) {
    std::size_t length = 0;
    const char32_t c = code_point(length);
    if (c == '\\') {
      if (rest().substr(0, 2) != "\\u") {
        return fail("an unquoted key holds a backslash", "only \\uHHHH may stand there");
      }
      at_ += 2;
      if (!unicode_escape(out, true, first)) return false;
    } else if (length > 0 && (first ? begins_identifier(c) : continues_identifier(c))) {
      out += rest().substr(0, length);
      at_ += length;
    } else {
      return !out.empty() || fail("a key is expected here", "put it in quotes");
    }
  }
}

bool Json5Scanner::integer(std::string_view digits, int base, bool negative, Node& out) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  if (value <= kMost + (negative ? 1 : 0)) {
    out.kind = Node::Kind::integer;
    out.integer = static_cast<std::int64_t>(negative ? 0 - value : value);
    return true;
  }
  if (negative) return false;
  out.kind = Node::Kind::real;
  out.real = static_cast<double>(value);
  out.text = std::to_string(value);
  return true;
}

bool Json5Scanner::real(std::string_view digits, bool negative, Node& out) {
  out.kind = Node::Kind::real;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.real);
  if (error == std::errc::result_out_of_range) {
    // Too large or too small: strtod says which.
    out.real = std::strtod(std::string(digits).c_str(), nullptr);
  }
  if (negative) out.real = -out.real;
  return std::isfinite(out.real);
}

// Digits, dot, exponent; "" when it is no number (§6).
std::string_view Json5Scanner::decimal() {
  const std::size_t begin = at_;
  const auto digits = [&] {
    const std::size_t from = at_;
    while (is_digit(peek())) ++at_;
    return at_ - from;
  };
  std::size_t found = digits();
  if (found > 1 && text_[begin] == '0') return {};
  if (peek() == '.') {
    ++at_;
    found += digits();
  }
  if (found == 0) return {};
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (digits() == 0) return {};
  }
  return text_.substr(begin, at_ - begin);
}

bool Json5Scanner::number(Node& out) {
  const std::size_t begin = at_;
  const bool negative = peek() == '-';
  if (negative || peek() == '+') ++at_;
  const std::string_view word = rest();
  if (word.starts_with("Infinity") || word.starts_with("NaN")) {
    return fail_at(begin, "JSON has no such value", "write a number that is finite, or null");
  }
  bool fits = false;
  const bool hex = word.size() > 1 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
  if (hex) {
    at_ += 2;
    const std::size_t digits = at_;
    while (is_hex_digit(peek())) ++at_;
    if (at_ == digits) return fail_at(begin, "not a number", "write 0x and hexadecimal digits");
    fits = integer(text_.substr(digits, at_ - digits), 16, negative, out);
  } else {
    const std::string_view digits = decimal();
    if (digits.empty()) {
      const bool octal = is_digit(text_[begin]) && text_[begin] == '0';
      return fail_at(begin, "not a number", octal ? "remove the leading zeros" : "");
    }
    const bool whole = std::all_of(digits.begin(), digits.end(), is_digit);
    fits = (whole && integer(digits, 10, negative, out)) || real(digits, negative, out);
  }
  if (!fits) return fail_at(begin, "the number is too large");
  std::size_t length = 0;
  if (continues_identifier(code_point(length)) || peek() == '\\' || peek() == '.') {
    return fail_at(begin, "not a number", "put it in quotes, or a ',' is missing behind it");
  }
  if (out.text.empty()) out.text = std::string(text_.substr(begin, at_ - begin));
  return true;
}

} // namespace sluice::overlay
