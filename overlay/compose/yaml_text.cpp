#include "overlay/compose/yaml_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace sluice::overlay {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// YAML 1.1 takes these for something else, in any case of letters (§ "bool" and "null" types).
bool has_meaning(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                      "off", "true", "false", "null"};
  std::string low(text);
  for (char& c : low) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::find(kWords.begin(), kWords.end(), low) != kWords.end();
}

// A word that begins as no number, no date and no sign of YAML does.
bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 120 || has_meaning(text)) return false;
  const bool begins =
      is_letter(text[0]) || text[0] == '_' || text.starts_with("/") || text.starts_with("./");
  return begins && std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
                  c == '/';
         });
}

std::uint32_t code_point(std::string_view text, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const std::uint32_t first = byte(at);
  length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::uint32_t out = length == 1 ? first : first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) out = out << 6 | (byte(at + i) & 0x3fU);
  return out;
}

// YAML 1.2 §5.1 (c-printable) and what breaks a line in 1.1; beyond the first plane all readers
// differ, so it is written in digits, too.
bool is_printable(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  if (code == 0x2028 || code == 0x2029 || code == 0xfeff) return false;
  return code < 0xfffe;
}

// YAML 1.2 §5.7.
std::string quoted_text(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
    const std::uint32_t code = code_point(text, at, length);
    if (code == '"' || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\t') {
      out += "\\t";
    } else if (is_printable(code)) {
      out += text.substr(at, length);
    } else {
      std::array<char, 16> digits{};
      const char* form = code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(digits.data(), digits.size(), form, static_cast<unsigned>(code));
      out += digits.data();
    }
  }
  return out + '"';
}

std::string scalar(const OrderedJson& value) {
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  return is_plain(text) ? text : quoted_text(text);
}

bool is_scalar(const OrderedJson& value) {
  return !value.is_structured() || value.empty();
}

// A short list of words on one line, as people write them.
bool fits_a_line(const OrderedJson& list) {
  constexpr std::size_t kWidth = 90;
  std::size_t width = 0;
  for (const auto& one : list) {
    if (one.is_structured()) return false;
    width += scalar(one).size() + 2;
  }
  return width <= kWidth;
}

std::string flow(const OrderedJson& list) {
  std::string out = "[";
  for (const auto& one : list) out += (out.size() == 1 ? "" : ", ") + scalar(one);
  return out + ']';
}

void write(const OrderedJson& value, std::size_t indent, std::string& out);

void write_below(const OrderedJson& value, std::size_t indent, std::string& out) {
  if (is_scalar(value)) {
    out += ' ' + scalar(value) + '\n';
  } else if (value.is_array() && fits_a_line(value)) {
    out += ' ' + flow(value) + '\n';
  } else {
    out += '\n';
    write(value, indent + 2, out);
  }
}

void write(const OrderedJson& value, std::size_t indent, std::string& out) {
  const std::string blanks(indent, ' ');
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) {
      out += blanks + (is_plain(key) ? key : quoted_text(key)) + ':';
      write_below(member, indent, out);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const auto& one : value) {
      out += blanks + '-';
      if (is_scalar(one)) {
        out += ' ' + scalar(one) + '\n';
        continue;
      }
      std::string inner; // its first line stands behind the dash
      write(one, indent + 2, inner);
      out += ' ' + inner.substr(indent + 2);
    }
  } else {
    out += blanks + scalar(value) + '\n';
  }
}

} // namespace

std::string compose_literal(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '$' ? "$$" : std::string(1, c);
  return out;
}

std::string yaml_text(const OrderedJson& value) {
  std::string out;
  write(value, 0, out);
  return out;
}

} // namespace sluice::overlay
