// The notation of a Shape as a tree of byte sets. Private to policy/redact.
#pragma once

#include "policy/base/result.hpp"

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::redact {

using ByteSet = std::bitset<256>;

struct ShapeNode {
  enum class Kind : std::uint8_t { bytes, sequence, choice, repeat };
  static constexpr int kEndless = -1;

  Kind kind = Kind::sequence;
  ByteSet bytes;                // of Kind::bytes
  std::vector<ShapeNode> parts; // one of a repeat
  int least = 1, most = 1;      // of a repeat
  bool secret = false;          // the part to mask
};

// What `.` and what is negated take of a text that is not ASCII.
enum class Takes : bool { bytes, signs };
// Fails (config) with where and why.
Result<ShapeNode> parse_shape(std::string_view pattern, Takes takes);

} // namespace sluice::redact
