#include "policy/redact/secret_encodings.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>

namespace sluice::redact {
namespace {

using Encode = std::function<std::string(char)>;

std::string each_byte(std::string_view secret, const Encode& encode) {
  std::string out;
  for (const char c : secret) out += encode(c);
  return out;
}

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool unreserved(char c) { // RFC 3986 §2.3
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// RFC 8259 §7. `slash` writes \/ as some encoders do.
enum class Slash { plain, escaped };
std::string json_byte(char c, Slash slash) {
  switch (c) {
  case '"': return "\\\"";
  case '\\': return "\\\\";
  case '\n': return "\\n";
  case '\r': return "\\r";
  case '\t': return "\\t";
  case '\b': return "\\b";
  case '\f': return "\\f";
  case '/': return slash == Slash::escaped ? "\\/" : "/";
  default: break;
  }
  if (static_cast<unsigned char>(c) < 0x20) return "\\u00" + to_hex({&c, 1});
  return std::string(1, c);
}

// Encoders that write everything outside a safe set as \u00XX do it for HTML's sake.
std::string json_for_html(char c) {
  if (c == '<' || c == '>' || c == '&' || c == '\'' || c == '+') return "\\u00" + to_hex({&c, 1});
  return json_byte(c, Slash::plain);
}

std::string html_byte(char c) {
  switch (c) {
  case '&': return "&amp;";
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '"': return "&quot;";
  case '\'': return "&#39;";
  default: return std::string(1, c);
  }
}

std::string percent(char c) {
  return "%" + upper_case(to_hex({&c, 1}));
}

struct Point {
  std::uint32_t value = 0;
  std::size_t length = 0; // 0: no UTF-8
};
Point point_at(std::string_view text) { // RFC 3629 §3
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return {};
  std::uint32_t value = byte(0) & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    value = value << 6U | (byte(i) & 0x3FU);
  }
  return {value, length};
}

// With each character that is not ASCII written by its code point.
std::string with_points(std::string_view text,
                        const std::function<std::string(std::uint32_t)>& write) {
  std::string out;
  while (!text.empty()) {
    const Point point = static_cast<unsigned char>(text[0]) < 0x80 ? Point{} : point_at(text);
    out += point.length == 0 ? std::string(1, text[0]) : write(point.value);
    text.remove_prefix(std::max<std::size_t>(point.length, 1));
  }
  return out;
}

std::string json_unit(std::uint32_t unit) {
  const char bytes[] = {static_cast<char>(unit >> 8U), static_cast<char>(unit)};
  return "\\u" + to_hex({bytes, 2});
}
std::string json_point(std::uint32_t point) { // RFC 8259 §7: beyond 0xFFFF two units
  if (point < 0x10000) return json_unit(point);
  return json_unit(0xD800 + ((point - 0x10000) >> 10U)) +
         json_unit(0xDC00 + ((point - 0x10000) & 0x3FFU));
}
std::string upper_digits(std::string text) { // of \uXXXX
  for (std::size_t at = 0; (at = text.find("\\u", at)) != std::string::npos; at += 6) {
    text.replace(at + 2, 4, upper_case(text.substr(at + 2, 4)));
  }
  return text;
}

// JSON in JSON, as arguments of tool calls are: each level escapes what the one before wrote. Some
// encoders leave other scripts as they are.
void add_json_levels(std::string text, const std::function<void(std::string)>& add) {
  constexpr int kLevels = 3;
  auto points = text, slashes = text; // quotes may be written in another way, backslashes hardly
  for (int level = 0; level < kLevels; ++level) {
    const auto escape = [](char c) { return json_byte(c, Slash::plain); };
    text = each_byte(text, escape);
    points = with_points(each_byte(points, escape), json_point);
    slashes = each_byte(slashes, [](char c) { return c == '\\' ? "\\\\" : std::string(1, c); });
    add(text);
    add(slashes);
    add(points);
    add(upper_digits(points));
  }
}

} // namespace

std::string upper_case(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

std::string base64_core(std::string_view secret, std::size_t before) {
  const std::string text = to_base64(std::string(before, '\0') + std::string(secret));
  const std::size_t first = before == 0 ? 0 : before + 1;
  const std::size_t last = (before + secret.size()) * 8 / 6;
  return last <= first ? std::string() : text.substr(first, last - first);
}

std::string base64url(std::string text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::vector<std::string> encodings_of(std::string_view secret, std::size_t least) {
  std::vector<std::string> all = {std::string(secret)};
  const auto add = [&](std::string form) {
    if (form.size() >= least && std::find(all.begin(), all.end(), form) == all.end())
      all.push_back(std::move(form));
  };
  add_json_levels(std::string(secret), add);
  add(each_byte(secret, [](char c) { return json_byte(c, Slash::escaped); }));
  add(each_byte(secret, json_for_html));
  add(each_byte(secret, [](char c) {
    const auto text = json_for_html(c);
    return text.size() == 6 ? "\\u" + upper_case(text.substr(2)) : text;
  }));
  add(each_byte(secret, [](char c) { return "\\u00" + to_hex({&c, 1}); }));
  add(each_byte(secret, [](char c) { return "\\u00" + upper_case(to_hex({&c, 1})); }));
  add(each_byte(secret, [](char c) { return unreserved(c) ? std::string(1, c) : percent(c); }));
  add(each_byte(
      secret, [](char c) { return unreserved(c) ? std::string(1, c) : ascii_lower(percent(c)); }));
  // Some encode everything but letters and digits.
  add(each_byte(secret, [](char c) { return is_alnum(c) ? std::string(1, c) : percent(c); }));
  add(each_byte(secret,
                [](char c) { return is_alnum(c) ? std::string(1, c) : ascii_lower(percent(c)); }));
  // application/x-www-form-urlencoded writes a space as '+'.
  add(each_byte(secret, [](char c) {
    return c == ' ' ? "+" : unreserved(c) ? std::string(1, c) : percent(c);
  }));
  add(each_byte(secret, percent));
  add(each_byte(secret, [](char c) { return ascii_lower(percent(c)); }));
  add(each_byte(secret, html_byte));
  add(with_points(each_byte(secret, html_byte),
                  [](std::uint32_t point) { return "&#" + std::to_string(point) + ";"; }));
  add(to_hex(secret));
  add(upper_case(to_hex(secret)));
  // application/x-www-form-urlencoded writes a space as '+', also inside another coding.
  for (std::size_t i = 0, written = all.size(); i < written; ++i) {
    auto form = all[i];
    std::replace(form.begin(), form.end(), ' ', '+');
    add(std::move(form));
  }
  for (auto& form : base64_forms_of(secret, least)) add(std::move(form));
  return all;
}

std::vector<std::string> base64_forms_of(std::string_view secret, std::size_t least) {
  std::vector<std::string> all;
  for (std::size_t before = 0; before < 3; ++before) {
    const auto core = base64_core(secret, before);
    if (core.size() < least) continue;
    all.push_back(core);
    if (auto url = base64url(core); url != core) all.push_back(std::move(url));
  }
  return all;
}

} // namespace sluice::redact
