#include "policy/base/scalar.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace sluice {
namespace {

bool is_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

bool parse_int(std::string_view text, int base, std::int64_t& out) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

// [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+. What does not fit 64 bits is not an integer here.
bool resolve_integer(Node& node) {
  const std::string_view text = node.text;
  bool ok = false;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o') && text[2] != '-' &&
      text[2] != '+') {
    ok = parse_int(text.substr(2), text[1] == 'x' ? 16 : 8, node.integer);
  } else if (all_digits(without_sign(text))) {
    ok = parse_int(text, 10, node.integer);
  }
  if (ok) node.kind = Node::Kind::integer;
  return ok;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? | [-+]?\.inf | \.nan
bool resolve_real(Node& node) {
  std::string_view text = without_sign(node.text);
  const bool negative = node.text[0] == '-';
  if (is_any(text, {".inf", ".Inf", ".INF"})) {
    node.kind = Node::Kind::real;
    node.real = std::numeric_limits<double>::infinity() * (negative ? -1 : 1);
    return true;
  }
  if (is_any(node.text, {".nan", ".NaN", ".NAN"})) {
    node.kind = Node::Kind::real;
    node.real = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  std::string_view mantissa = text;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    if (!all_digits(without_sign(text.substr(e + 1)))) return false;
    mantissa = text.substr(0, e);
  }
  const auto dot = mantissa.find('.');
  const std::string_view whole = mantissa.substr(0, dot);
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view() : mantissa.substr(dot + 1);
  const bool whole_ok = whole.empty() ? all_digits(fraction) : all_digits(whole);
  if (!whole_ok || (!fraction.empty() && !all_digits(fraction))) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), node.real);
  if (error == std::errc::result_out_of_range) {
    node.real = std::numeric_limits<double>::infinity();
  } else if (error != std::errc() || end != text.data() + text.size()) {
    return false;
  }
  if (negative) node.real = -node.real;
  node.kind = Node::Kind::real;
  return true;
}

} // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) > 0x9f;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool overlong = lead == 0xf0 && byte(1) < 0x90;
    const bool beyond = lead == 0xf4 && byte(1) > 0x8f;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

void resolve_plain_scalar(Node& node) {
  node.kind = Node::Kind::string;
  if (is_any(node.text, {"", "~", "null", "Null", "NULL"})) {
    node.kind = Node::Kind::null;
  } else if (is_any(node.text, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
    node.kind = Node::Kind::boolean;
    node.boolean = node.text[0] == 't' || node.text[0] == 'T';
  } else if (!resolve_integer(node)) {
    resolve_real(node);
  }
}

std::size_t first_forbidden_byte(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r');
    const std::size_t length = control || byte == 0x7f ? 0 : utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

} // namespace sluice
