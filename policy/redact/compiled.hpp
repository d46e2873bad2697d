// What a RuleSet compiles to. Every needle (a form of a known secret, an anchor of a format) is
// found by a hash of its first three bytes: one table look-up a byte tells that nothing begins
// there. Private to policy/redact.
#pragma once

#include "policy/redact/rule_set.hpp"
#include "policy/redact/token_formats.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

struct Needle {
  std::string text;
  std::size_t rule = 0;                // into Compiled::rules
  const TokenFormat* format = nullptr; // null: a form of a known secret
  bool bounded = false;                // may not begin in the middle of a word
};

struct CompiledRule {
  std::string id;
  std::string placeholder;
  std::string fingerprint; // of a known secret
};

struct RuleSet::Compiled {
  static constexpr std::size_t kLeast = 3; // bytes of the shortest needle
  static constexpr std::size_t kHashes = 1U << 16U;

  static std::size_t hash(const char* three) noexcept {
    const auto byte = [three](int i) {
      return std::uint32_t{static_cast<unsigned char>(three[i])};
    };
    return ((byte(0) | byte(1) << 8U | byte(2) << 16U) * 0x9E3779B1U) >> 16U;
  }
  static std::size_t two_bytes(std::string_view text) noexcept {
    return static_cast<unsigned char>(text[0]) | std::size_t{static_cast<unsigned char>(text[1])}
                                                     << 8U;
  }
  bool may_begin(const char* three) const noexcept { return begins[hash(three)]; }
  bool
  may_begin_at_tail(std::string_view tail) const noexcept { // fewer than kLeast bytes, not none
    return tail.size() == 1 ? begins_one[static_cast<unsigned char>(tail[0])]
                            : begins_two[two_bytes(tail)];
  }

  std::vector<RuleInfo> infos;
  std::vector<CompiledRule> rules;
  std::vector<Needle> needles;      // sorted by hash, then by text
  std::vector<std::uint32_t> group; // of hash h: needles[group[h]] up to needles[group[h + 1]]
  std::bitset<kHashes> begins;
  std::bitset<256> begins_one;
  std::bitset<kHashes> begins_two;
  std::string fingerprint_key;
  std::size_t max_hold = 0;
};

// Hex, first 8 bytes of the HMAC; "" without a key.
std::string fingerprint_of(std::string_view key, std::string_view secret);

} // namespace sluice::redact
