#include "policy/redact/json_text.hpp"

#include <optional>

namespace sluice::redact {
namespace {

constexpr unsigned kFirstSurrogate = 0xD800, kFirstLow = 0xDC00, kPastSurrogates = 0xE000;

std::optional<unsigned> hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(0, 4)) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return value;
}

char simple_escape(char c) {
  switch (c) {
  case 'n': return '\n';
  case 't': return '\t';
  case 'r': return '\r';
  case 'b': return '\b';
  case 'f': return '\f';
  case '"':
  case '\\':
  case '/': return c;
  default: return 0;
  }
}

char simple_escape_of(char c) {
  switch (c) {
  case '\n': return 'n';
  case '\t': return 't';
  case '\r': return 'r';
  case '\b': return 'b';
  case '\f': return 'f';
  case '"':
  case '\\': return c;
  default: return 0;
  }
}

// How many bytes after "\u" were read; 0: it is none.
std::size_t unescape_unicode(std::string_view digits, std::string& out) {
  const auto first = hex4(digits);
  if (!first) return 0;
  const bool high = *first >= kFirstSurrogate && *first < kFirstLow;
  if (high && digits.substr(4).starts_with("\\u")) {
    const auto low = hex4(digits.substr(6));
    if (low && *low >= kFirstLow && *low < kPastSurrogates) {
      append_utf8(0x10000 + ((*first - kFirstSurrogate) << 10U) + (*low - kFirstLow), out);
      return 10;
    }
  }
  append_utf8(*first, out);
  return 4;
}

void append_unicode_escape(unsigned value, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kDigits[value >> shift & 0xFU];
}

} // namespace

void append_utf8(unsigned point, std::string& out) {
  const auto byte = [&](unsigned value) { out += static_cast<char>(value); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xC0U | point >> 6U);
  } else {
    if (point < 0x10000) {
      byte(0xE0U | point >> 12U);
    } else {
      byte(0xF0U | point >> 18U);
      byte(0x80U | (point >> 12U & 0x3FU));
    }
    byte(0x80U | (point >> 6U & 0x3FU));
  }
  byte(0x80U | (point & 0x3FU));
}

bool json_unescape(std::string_view written, std::string& out) {
  while (true) {
    const auto plain = written.find('\\');
    out.append(written.substr(0, plain));
    if (plain == std::string_view::npos) return true;
    written.remove_prefix(plain + 1);
    if (written.empty()) return false;
    if (written.front() == 'u') {
      const auto read = unescape_unicode(written.substr(1), out);
      if (read == 0) return false;
      written.remove_prefix(1 + read);
      continue;
    }
    const char meant = simple_escape(written.front());
    if (meant == 0) return false;
    out += meant;
    written.remove_prefix(1);
  }
}

void json_escape(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    if (const char simple = simple_escape_of(text[i])) {
      out += '\\';
      out += simple;
    } else if (byte(i) < 0x20) {
      append_unicode_escape(byte(i), out);
    } else if (byte(i) == 0xED && i + 2 < text.size() && byte(i + 1) >= 0xA0) {
      append_unicode_escape(0xD000U | (byte(i + 1) & 0x3FU) << 6U | (byte(i + 2) & 0x3FU), out);
      i += 2;
    } else {
      out += text[i];
    }
  }
}

} // namespace sluice::redact
