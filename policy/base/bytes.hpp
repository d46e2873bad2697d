// Bytes as text and text as bytes: hex, base64, and a comparison whose time tells nothing.
// Tested by tests/unit/base/bytes_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

std::string to_hex(std::string_view bytes);                    // lower case
std::optional<std::string> from_hex(std::string_view hex);     // both cases; even length
std::string to_base64(std::string_view bytes);                 // RFC 4648 §4, padded
std::optional<std::string> from_base64(std::string_view text); // strict, padded
bool equal_constant_time(std::string_view a, std::string_view b) noexcept;
std::string ascii_lower(std::string_view text);
bool equal_ignore_case(std::string_view a, std::string_view b) noexcept; // ASCII only

// The nearest of `known` to `word` by edit distance, or "" when none is near enough to be a typo.
std::string_view nearest_word(std::string_view word, const std::string_view* known,
                              std::size_t count);

} // namespace sluice
