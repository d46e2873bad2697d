// Bytes as text and text as bytes: digits, hex, base64, percent-encoding, and a comparison whose
// time tells nothing. Tested by tests/unit/base/bytes_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr bool is_hex_digit(char c) noexcept { // both cases
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string to_hex(std::string_view bytes);                    // lower case
std::optional<std::string> from_hex(std::string_view hex);     // both cases; even length
std::string to_base64(std::string_view bytes);                 // RFC 4648 §4, padded
std::optional<std::string> from_base64(std::string_view text); // strict, padded
// RFC 3986 §2.1: what is no escape stays as it is.
enum class Plus { stays, is_space }; // a form writes a space so
std::string percent_decoded(std::string_view text, Plus plus = Plus::stays);
// All but what is unreserved (§2.3) and what stands in `kept`.
std::string percent_encoded(std::string_view text, std::string_view kept = {});
bool equal_constant_time(std::string_view a, std::string_view b) noexcept;
std::string ascii_lower(std::string_view text);
bool equal_ignore_case(std::string_view a, std::string_view b) noexcept; // ASCII only

// The nearest of `known` to `word` by edit distance, or "" when none is near enough to be a typo.
std::string_view nearest_word(std::string_view word, const std::string_view* known,
                              std::size_t count);

} // namespace sluice
