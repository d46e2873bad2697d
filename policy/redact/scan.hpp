// The first look at a text, as fast as memory: where could the anchor of a token begin, and where
// could a byte be written in disguise. Both are filters: they may name too much, never too little.
// AVX2, NEON and plain code give the same answer. Private to policy/redact.
// Tested by tests/unit/redact/scan_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::redact {

// A stretch of text in which every token that stands out (see Shape) begins: a run of 16 or more
// token bytes, or the bytes before "://" or "-----B".
struct Stretch {
  enum class Kind : std::uint8_t { run, mark };
  std::size_t begin = 0, end = 0;
  Kind kind = Kind::run;
  bool mixed = false; // a run has a digit or a capital
  bool operator==(const Stretch&) const = default;
};

struct StretchScan { // where a scan stands
  const char* data = nullptr;
  std::size_t size = 0;
  std::size_t at = 0;                                   // next word of 64 bytes
  std::uint64_t run1 = 0, run2 = 0, run4 = 0, run8 = 0; // of the word before
  std::uint64_t mixed_before = 0;                       // of the word before
  bool mixed = false;                                   // the open run, up to this word
  std::size_t open = static_cast<std::size_t>(-1);      // where a run began that has not ended
};

struct ScanIsa {
  const char* name;
  // Fills `out` (at least kStretches long) and returns how many; 0 only at the end.
  std::size_t (*stretches)(StretchScan& scan, Stretch* out);
  // One bit a byte, 64 a word, for (size + 63) / 64 words: '\\', '%', '&' and the first bytes of
  // UTF-8 sequences that look like ASCII, or like nothing.
  void (*disguise_leads)(const char* data, std::size_t size, std::uint64_t* words);
};
inline constexpr std::size_t kStretches = 128;

std::span<const ScanIsa> scan_isas() noexcept; // those this machine has, best first

} // namespace sluice::redact
