// Character classes of RFC 9110 §5.5 and §5.6.2 as one table. Never asks the locale.
// Tested by tests/unit/wire/http1_test.cpp.
#pragma once

#include "policy/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::wire {

enum CharClass : std::uint8_t {
  kTokenChar = 1,     // tchar
  kFieldByte = 2,     // HTAB, SP, VCHAR, obs-text: what a field line may hold
  kVisible = 4,       // VCHAR: 0x21 to 0x7e
  kLowerLetter = 8,   // a-z
  kHostNameChar = 16, // what a name or IPv4 address in Host is made of
};

namespace detail {
constexpr std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto put = [&](unsigned c, unsigned bits) {
    table[c] = static_cast<std::uint8_t>(table[c] | bits);
  };
  put('\t', kFieldByte);
  put(' ', kFieldByte);
  for (unsigned c = 0x21; c <= 0x7e; ++c) put(c, kFieldByte | kVisible);
  for (unsigned c = 0x80; c <= 0xff; ++c) put(c, kFieldByte);
  for (unsigned c = '0'; c <= '9'; ++c) put(c, kTokenChar | kHostNameChar);
  for (unsigned c = 'A'; c <= 'Z'; ++c) put(c, kTokenChar | kHostNameChar);
  for (unsigned c = 'a'; c <= 'z'; ++c) put(c, kTokenChar | kHostNameChar | kLowerLetter);
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    put(static_cast<unsigned char>(c), kTokenChar);
  }
  for (const char c : std::string_view("-._~")) put(static_cast<unsigned char>(c), kHostNameChar);
  return table;
}
inline constexpr auto kCharClasses = make_char_classes();
} // namespace detail

constexpr bool is(CharClass wanted, char c) noexcept {
  return (detail::kCharClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

constexpr bool all_are(CharClass wanted, std::string_view text) noexcept {
  for (const char c : text) {
    if (!is(wanted, c)) return false;
  }
  return true;
}

constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && all_are(kTokenChar, text);
}

constexpr std::string_view trim_ows(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

} // namespace sluice::wire
