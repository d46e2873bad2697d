#if defined(__aarch64__)

#include "policy/redact/scan_loop.hpp"

#include <arm_neon.h>

namespace sluice::redact {
namespace {

struct Neon {
  struct Block {
    uint8x16_t part[4];
  };
  static Block load(const char* p) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(p);
    return {{vld1q_u8(bytes), vld1q_u8(bytes + 16), vld1q_u8(bytes + 32), vld1q_u8(bytes + 48)}};
  }
  // One bit a byte of 64, each 0xFF or 0: pairs are added until eight bits make a byte.
  static std::uint64_t bits(const Block& block) {
    alignas(16) static constexpr std::uint8_t kBit[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                          1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t bit = vld1q_u8(kBit);
    const uint8x16_t a = vpaddq_u8(vandq_u8(block.part[0], bit), vandq_u8(block.part[1], bit));
    const uint8x16_t b = vpaddq_u8(vandq_u8(block.part[2], bit), vandq_u8(block.part[3], bit));
    const uint8x16_t sum = vpaddq_u8(a, b);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)), 0);
  }
  template <class F> static std::uint64_t bits_of(const Block& in, F&& of) {
    return bits({{of(in.part[0]), of(in.part[1]), of(in.part[2]), of(in.part[3])}});
  }

  // As in scan_avx2.cpp.
  static uint8x16_t token(uint8x16_t v) {
    alignas(16) static constexpr std::uint8_t kLow[16] = {26, 30, 30, 30, 30, 30, 30, 30,
                                                          30, 30, 28, 5,  4,  7,  21, 13};
    alignas(16) static constexpr std::uint8_t kHigh[16] = {0, 0, 1, 2, 4, 8, 4, 16,
                                                           0, 0, 0, 0, 0, 0, 0, 0};
    const uint8x16_t low = vqtbl1q_u8(vld1q_u8(kLow), vandq_u8(v, vdupq_n_u8(0x0F)));
    const uint8x16_t high = vqtbl1q_u8(vld1q_u8(kHigh), vshrq_n_u8(v, 4));
    return vtstq_u8(low, high);
  }
  static uint8x16_t between(uint8x16_t v, char low, char high) {
    const uint8x16_t from = vdupq_n_u8(static_cast<std::uint8_t>(low));
    return vcleq_u8(vsubq_u8(v, from), vdupq_n_u8(static_cast<std::uint8_t>(high - low)));
  }
  static ScanMasks masks(const char* p) {
    const Block here = load(p), next = load(p + 1);
    ScanMasks out;
    out.token = bits_of(here, [](uint8x16_t v) { return token(v); });
    Block marks;
    for (int i = 0; i < 4; ++i) {
      const auto is = [](uint8x16_t v, char c) {
        return vceqq_u8(v, vdupq_n_u8(static_cast<std::uint8_t>(c)));
      };
      marks.part[i] = vorrq_u8(vandq_u8(is(here.part[i], ':'), is(next.part[i], '/')),
                               vandq_u8(is(here.part[i], '-'), is(next.part[i], 'B')));
    }
    out.mark = bits(marks);
    out.mixed = bits_of(
        here, [](uint8x16_t v) { return vorrq_u8(between(v, '0', '9'), between(v, 'A', 'Z')); });
    return out;
  }
  static std::uint64_t leads(const char* p) {
    return bits_of(load(p), [](uint8x16_t v) {
      uint8x16_t found = vdupq_n_u8(0);
      for (const int c : {0x5C, 0x25, 0x26, 0xC2, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD8, 0xE1, 0xE2,
                          0xEF, 0xF0, 0xF3}) {
        found = vorrq_u8(found, vceqq_u8(v, vdupq_n_u8(static_cast<std::uint8_t>(c))));
      }
      return found;
    });
  }
};

} // namespace

extern const ScanIsa kScanNeon; // scan.cpp
const ScanIsa kScanNeon = {"neon", scan_stretches<Neon>, scan_leads<Neon>};

} // namespace sluice::redact

#endif
