#include "proxy/wire/dns_shape.hpp"

#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

namespace sluice::wire {
namespace {

// A host name of 120 bytes is rare and a tunnel wants all 253. Hyphens do not count for a label,
// because the longest ordinary ones are words joined by them (bucket and load balancer names).
constexpr std::size_t kMaxUsualName = 120;
constexpr std::size_t kMaxLabelChars = 50;

// A label of this many bytes is looked at alone. A service's identifier is shorter, or hex.
constexpr std::size_t kChunk = 40;
// Of a chunk so many bytes must be code, as told below. 26 is the longest base32 identifier in
// ordinary names (OpenSearch domains); of random base64url labels of 40, whose '-' makes pieces
// that read like words by chance, fewer than one in a hundred have less than 28.
constexpr std::size_t kChunkCode = 28;
// Bits per byte, Shannon. 40 random hex digits have 3.2 to 3.9, base32 and base64url above 3.8;
// below 3 is repetition, which carries little. Ordinary words lie between 3 and 4 as well, which is
// why entropy alone decides nothing here.
constexpr double kChunkEntropy = 3.0;

// Ordinary names rarely have eight labels, and theirs are words. 1.5 bits, three different bytes at
// least, rule out repetition.
constexpr std::size_t kManyLabels = 8;
constexpr std::size_t kShortCode = 6;
constexpr double kShortEntropy = 1.5;

double entropy(std::string_view text) {
  std::array<std::size_t, 256> counts{};
  for (const char c : text) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  for (const auto count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(text.size());
    bits -= share * std::log2(share);
  }
  return bits;
}

bool is_vowel(char c) {
  return std::string_view("aeiouy").find(c) != std::string_view::npos;
}

// A number, or something that could be said, with a number of up to three digits behind it: a
// quarter of vowels and no five consonants in a row. English has 40 % vowels, random letters 23 %.
bool is_word(std::string_view piece) {
  constexpr std::size_t kLongest = 24, kDigits = 3, kConsonants = 4;
  auto letters = piece;
  while (!letters.empty() && is_digit(letters.back())) letters.remove_suffix(1);
  if (letters.empty()) return true;
  if (letters.size() > kLongest || piece.size() - letters.size() > kDigits) return false;
  std::size_t vowels = 0, in_a_row = 0;
  for (const char c : letters) {
    if (c < 'a' || c > 'z') return false;
    in_a_row = is_vowel(c) ? 0 : in_a_row + 1;
    if (in_a_row > kConsonants) return false;
    if (is_vowel(c)) ++vowels;
  }
  return 4 * vowels >= letters.size();
}

// MD5, a UUID without hyphens, the name of a load balancer: hex of such lengths is everywhere.
bool is_identifier(std::string_view piece) {
  constexpr std::size_t kShortest = 8, kLongest = 32;
  return piece.size() >= kShortest && piece.size() <= kLongest &&
         std::all_of(piece.begin(), piece.end(),
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

struct Shape {
  std::size_t letters_and_digits = 0;
  std::size_t identifiers = 0; // bytes of hex identifiers
  std::size_t code = 0;        // bytes that are neither identifier nor word nor number
};

// By the pieces between hyphens, as words are joined by them. Not by '_', which inside a label is
// base64url more often than a name.
Shape shape_of(std::string_view label) {
  Shape shape;
  if (label.starts_with('_')) label.remove_prefix(1); // _dmarc and the like
  for (;;) {
    const auto piece = label.substr(0, label.find('-'));
    shape.letters_and_digits += piece.size();
    if (is_identifier(piece)) {
      shape.identifiers += piece.size();
    } else if (!is_word(piece)) {
      shape.code += piece.size();
    }
    if (piece.size() == label.size()) return shape;
    label.remove_prefix(piece.size() + 1);
  }
}

} // namespace

DnsTypeClass classify(std::uint16_t type) noexcept {
  switch (type) {
  case kDnsTypeA:
  case kDnsTypeAaaa: return DnsTypeClass::address;
  case 2:   // NS
  case 5:   // CNAME
  case 6:   // SOA
  case 12:  // PTR
  case 15:  // MX
  case 33:  // SRV
  case 35:  // NAPTR
  case 43:  // DS
  case 48:  // DNSKEY
  case 52:  // TLSA
  case 64:  // SVCB
  case 65:  // HTTPS
  case 257: // CAA
    return DnsTypeClass::empty;
  default: return DnsTypeClass::refused;
  }
}

bool looks_like_tunnelling(const DnsQuery& query) {
  if (!query.name_is_plain || query.name.size() > kMaxUsualName) return true;
  std::size_t coded_labels = 0;
  std::string_view rest = query.name;
  for (;;) {
    const auto label = rest.substr(0, rest.find('.'));
    const auto shape = shape_of(label);
    if (shape.letters_and_digits > kMaxLabelChars) return true;
    const bool coded = shape.code >= kChunkCode && entropy(label) >= kChunkEntropy;
    if (label.size() >= kChunk && coded) return true;
    if (shape.code + shape.identifiers >= kShortCode && entropy(label) >= kShortEntropy) {
      if (++coded_labels == kManyLabels) return true;
    }
    if (label.size() == rest.size()) return false;
    rest.remove_prefix(label.size() + 1);
  }
}

} // namespace sluice::wire
