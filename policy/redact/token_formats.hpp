// The token formats of the `secrets` pack as a table: written from what vendors document in public.
// A format is a literal anchor and a body of one byte class. It is certain once `least` body bytes
// are there; what follows in the class belongs to it, however long, so that no tail is left over.
// Never needs more than anchor + kMaxFormatBody bytes to decide. Tested by
// tests/unit/redact/redactor_test.cpp.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::redact {

using ByteClass = std::bitset<256>;

inline constexpr std::size_t kMaxFormatBody =
    640; // most bytes after an anchor that a decision needs
inline constexpr std::size_t kMaxBlock = 16 * 1024; // most bytes of a PEM block that are swallowed

enum class Certainty : std::uint8_t { no, need_more, yes };
struct FormatStep {
  Certainty certainty = Certainty::no;
  std::size_t length = 0; // bytes after the anchor that are certainly part of it
};

enum class Tail : std::uint8_t { body_class, pem_block };

struct TokenFormat {
  std::string_view id;
  std::string_view description;
  std::string_view anchor; // at least 3 bytes
  const ByteClass* body = nullptr;
  std::size_t least = 0;
  // For formats that are more than a class and a count; null for the others.
  FormatStep (*decide)(std::string_view after_anchor) = nullptr;
  Tail tail = Tail::body_class;
};

std::span<const TokenFormat> token_formats();

// What is known of a body when `after_anchor` is all that has arrived.
FormatStep decide(const TokenFormat& format, std::string_view after_anchor);

} // namespace sluice::redact
