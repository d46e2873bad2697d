#include "policy/redact/token_checks.hpp"

#include "policy/redact/boundary.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace sluice::redact {
namespace {

bool passes_luhn(std::string_view text) {
  int sum = 0, digits = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (!is_digit(text[i])) continue;
    int value = text[i] - '0';
    if (digits++ % 2 == 1) value = value > 4 ? 2 * value - 9 : 2 * value;
    sum += value;
  }
  return digits > 1 && sum > 0 && sum % 10 == 0;
}

// The first four characters go to the end, letters count from ten.
bool passes_mod97(std::string_view text) {
  std::array<char, 40> kept{};
  std::size_t size = 0;
  for (const char c : text) {
    if (c == ' ' || c == '-') continue;
    if (size == kept.size()) return false;
    kept[size++] = c;
  }
  if (size < 5) return false;
  unsigned rest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const char c = kept[(i + 4) % size];
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (is_digit(c)) {
      rest = rest * 10 + static_cast<unsigned>(c - '0');
    } else if (upper >= 'A' && upper <= 'Z') {
      rest = rest * 100 + static_cast<unsigned>(upper - 'A' + 10);
    } else {
      return false;
    }
    rest %= 97;
  }
  return rest == 1;
}

std::uint32_t crc32(std::string_view text) { // ISO 3309; short texts, so bit by bit
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

bool passes_base62_crc32(std::string_view text) {
  constexpr std::size_t kDigits = 6;
  constexpr std::string_view kBase62 =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  if (text.size() <= kDigits) return false;
  std::uint32_t crc = crc32(text.substr(0, text.size() - kDigits));
  for (std::size_t i = 0; i < kDigits; ++i) {
    if (text[text.size() - 1 - i] != kBase62[crc % 62]) return false;
    crc /= 62;
  }
  return true;
}

} // namespace

// log2(n) - sum(c * log2(c)) / n over the counts c, the sum kept up with every byte.
double entropy_of(std::string_view text) noexcept {
  constexpr std::size_t kTable = 4097;
  static const auto gain = [] { // from c to c + 1
    std::array<double, kTable> out{};
    for (std::size_t c = 1; c < kTable; ++c) {
      const auto count = static_cast<double>(c);
      out[c] = (count + 1) * std::log2(count + 1) - count * std::log2(count);
    }
    return out;
  }();
  text = text.substr(0, kTable - 1);
  if (text.empty()) return 0;
  std::array<std::uint16_t, 256> counts{};
  double sum = 0;
  for (const char c : text) sum += gain[counts[static_cast<unsigned char>(c)]++];
  const auto size = static_cast<double>(text.size());
  return std::log2(size) - sum / size;
}

bool passes(TokenCheck check, std::string_view text) noexcept {
  switch (check) {
  case TokenCheck::none: return true;
  case TokenCheck::luhn: return passes_luhn(text);
  case TokenCheck::mod97: return passes_mod97(text);
  case TokenCheck::base62_crc32: return passes_base62_crc32(text);
  }
  return false;
}

} // namespace sluice::redact
