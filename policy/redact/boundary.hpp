// What bytes are, and where a word begins in a text that may be escaped. Private to policy/redact.
#pragma once

#include "policy/base/bytes.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace sluice::redact {

inline constexpr auto kWordBytes = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0; c < out.size(); ++c) {
    out[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  return out;
}();
inline bool is_word_byte(char c) noexcept {
  return kWordBytes[static_cast<unsigned char>(c)];
}
inline bool is_digit_or_capital(char c) noexcept {
  return is_digit(c) || (c >= 'A' && c <= 'Z');
}

// A token does not begin in the middle of a word. But what looks like a word before it may be the
// end of an escape: \n or \u000a of JSON, %0A of a URL. When in doubt it is one.
inline bool at_boundary(std::string_view before) noexcept {
  const auto back = [&](std::size_t i) {
    return i <= before.size() ? before[before.size() - i] : '\0';
  };
  const char last = back(1);
  if (!is_word_byte(last)) return true;
  constexpr std::string_view kEscapes = "nrtbf";
  if (back(2) == '\\' && kEscapes.find(last) != std::string_view::npos) return true;
  if (back(3) == '%' && is_hex_digit(back(2)) && is_hex_digit(last)) return true;
  return back(6) == '\\' && back(5) == 'u' && is_hex_digit(back(4)) && is_hex_digit(back(3)) &&
         is_hex_digit(back(2)) && is_hex_digit(last);
}

} // namespace sluice::redact
