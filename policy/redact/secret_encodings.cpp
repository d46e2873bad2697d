#include "policy/redact/secret_encodings.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <functional>

namespace sluice::redact {
namespace {

using Encode = std::function<std::string(char)>;

std::string each_byte(std::string_view secret, const Encode& encode) {
  std::string out;
  for (const char c : secret) out += encode(c);
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
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
  return "%" + upper(to_hex({&c, 1}));
}

// The part of the base64 text that the secret alone decides when `before` bytes of something else
// stand before it in its group of three (RFC 4648 §4).
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

} // namespace

std::vector<std::string> encodings_of(std::string_view secret, std::size_t least) {
  std::vector<std::string> all = {std::string(secret)};
  const auto add = [&](std::string form) {
    if (form.size() >= least && std::find(all.begin(), all.end(), form) == all.end())
      all.push_back(std::move(form));
  };
  add(each_byte(secret, [](char c) { return json_byte(c, Slash::plain); }));
  add(each_byte(secret, [](char c) { return json_byte(c, Slash::escaped); }));
  add(each_byte(secret, json_for_html));
  add(each_byte(secret, [](char c) {
    const auto text = json_for_html(c);
    return text.size() == 6 ? "\\u" + upper(text.substr(2)) : text;
  }));
  add(each_byte(secret, [](char c) { return "\\u00" + to_hex({&c, 1}); }));
  add(each_byte(secret, [](char c) { return "\\u00" + upper(to_hex({&c, 1})); }));
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
  add(to_hex(secret));
  add(upper(to_hex(secret)));
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
