// The scan, over masks of 64 bytes that an instruction set provides. Included by one file for each;
// everything is local to it and uses no library function, since code that was compiled for a newer
// processor must not be shared by the linker. Private to policy/redact.
#pragma once

#include "policy/redact/scan.hpp"

namespace sluice::redact {
namespace {

struct ScanMasks {
  std::uint64_t token = 0; // see is_token_byte
  std::uint64_t mark = 0;  // ':' before '/', '-' before 'B'
  std::uint64_t mixed = 0; // a digit or a capital
};

inline unsigned first_bit(std::uint64_t word) {
  return static_cast<unsigned>(__builtin_ctzll(word));
}

// Isa::masks reads one byte beyond the 64.
template <class Isa> ScanMasks masks_at(const StretchScan& scan) {
  if (scan.at + 65 <= scan.size) return Isa::masks(scan.data + scan.at);
  alignas(64) char padded[128] = {};
  const std::size_t left = scan.size - scan.at;
  for (std::size_t i = 0; i < left; ++i) padded[i] = scan.data[scan.at + i];
  return Isa::masks(padded);
}

// Bit i: the 16 bytes up to i are all token bytes.
inline std::uint64_t long_runs(StretchScan& scan, std::uint64_t token) {
  const std::uint64_t two = token & (token << 1U | scan.run1 >> 63U);
  const std::uint64_t four = two & (two << 2U | scan.run2 >> 62U);
  const std::uint64_t eight = four & (four << 4U | scan.run4 >> 60U);
  const std::uint64_t sixteen = eight & (eight << 8U | scan.run8 >> 56U);
  scan.run1 = token, scan.run2 = two, scan.run4 = four, scan.run8 = eight;
  return sixteen;
}

inline std::uint64_t from_bit(unsigned bit) {
  return bit > 63 ? 0 : ~std::uint64_t{0} << bit;
}

inline std::size_t add_runs(StretchScan& scan, const ScanMasks& masks, std::uint64_t runs,
                            Stretch* out) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t count = 0;
  for (;;) {
    unsigned from = 0;
    std::uint64_t inside = ~std::uint64_t{0}; // of the run, in this word
    if (scan.open == kNone) {
      if (runs == 0) return count;
      from = first_bit(runs);
      const std::size_t last = scan.at + from;
      scan.open = last >= 15 ? last - 15 : 0;
      const unsigned before = from < 15 ? 15 - from : 0; // bits of it in the word before
      const std::uint64_t earlier = before == 0 ? 0 : from_bit(64 - before);
      scan.mixed = (scan.mixed_before & earlier) != 0;
      inside = from_bit(from < 15 ? 0 : from - 15);
    }
    const std::uint64_t gaps = ~masks.token & from_bit(from);
    const unsigned end = gaps == 0 ? 64 : first_bit(gaps);
    inside &= ~from_bit(end);
    scan.mixed = scan.mixed || (masks.mixed & inside) != 0;
    if (gaps == 0) return count; // goes on in the next word
    out[count++] = {scan.open, scan.at + end, Stretch::Kind::run, scan.mixed};
    scan.open = kNone;
    runs &= from_bit(end);
  }
}

template <class Isa> std::size_t scan_stretches(StretchScan& scan, Stretch* out) {
  constexpr std::size_t kMostOfAWord = 64 + 4;
  std::size_t count = 0;
  while (scan.at < scan.size && count + kMostOfAWord <= kStretches) {
    const ScanMasks masks = masks_at<Isa>(scan);
    const std::uint64_t runs = long_runs(scan, masks.token);
    constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    if ((runs | masks.mark) != 0 || scan.open != kNone) {
      count += add_runs(scan, masks, runs, out + count);
      constexpr std::size_t kReach = 32; // Shape::kMarkReach
      for (std::uint64_t left = masks.mark; left != 0; left &= left - 1) {
        const std::size_t at = scan.at + first_bit(left);
        out[count++] = {at < kReach ? 0 : at - kReach, at + 1, Stretch::Kind::mark, false};
      }
    }
    scan.mixed_before = masks.mixed;
    scan.at += 64;
  }
  if (scan.at >= scan.size && scan.open != static_cast<std::size_t>(-1)) {
    out[count++] = {scan.open, scan.size, Stretch::Kind::run, scan.mixed};
    scan.open = static_cast<std::size_t>(-1);
  }
  return count;
}

template <class Isa> void scan_leads(const char* data, std::size_t size, std::uint64_t* words) {
  std::size_t at = 0;
  for (; at + 64 <= size; at += 64) *words++ = Isa::leads(data + at);
  if (at == size) return;
  alignas(64) char padded[64] = {};
  for (std::size_t i = 0; at + i < size; ++i) padded[i] = data[at + i];
  *words = Isa::leads(padded);
}

} // namespace
} // namespace sluice::redact
