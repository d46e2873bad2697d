#include "policy/redact/scan.hpp"

#include "policy/redact/boundary.hpp"
#include "policy/redact/scan_loop.hpp"
#include "policy/redact/shape.hpp"

#include <array>

namespace sluice::redact {
namespace {

constexpr std::string_view kLeads = "\\%&\xC2\xCD\xCE\xCF\xD0\xD1\xD8\xE1\xE2\xEF\xF0\xF3";

struct Plain {
  static constexpr std::uint8_t kToken = 1, kLead = 2, kMixed = 4;
  static const std::array<std::uint8_t, 256>& classes() {
    static const auto table = [] {
      std::array<std::uint8_t, 256> out{};
      for (std::size_t c = 0; c < out.size(); ++c) {
        const char byte = static_cast<char>(c);
        if (is_token_byte(byte)) out[c] |= kToken;
        if (is_digit_or_capital(byte)) out[c] |= kMixed;
        if (kLeads.find(byte) != std::string_view::npos) out[c] |= kLead;
      }
      return out;
    }();
    return table;
  }
  static std::uint64_t bits(const char* p, std::uint8_t klass) {
    const auto& table = classes();
    std::uint64_t out = 0;
    for (unsigned i = 0; i < 64; ++i) {
      const bool is = (table[static_cast<unsigned char>(p[i])] & klass) != 0;
      out |= std::uint64_t{is} << i;
    }
    return out;
  }
  static ScanMasks masks(const char* p) {
    ScanMasks out;
    out.token = bits(p, kToken);
    out.mixed = bits(p, kMixed);
    for (unsigned i = 0; i < 64; ++i) {
      const bool mark = (p[i] == ':' && p[i + 1] == '/') || (p[i] == '-' && p[i + 1] == 'B');
      out.mark |= std::uint64_t{mark} << i;
    }
    return out;
  }
  static std::uint64_t leads(const char* p) { return bits(p, kLead); }
};

constexpr ScanIsa kScanPlain = {"plain", scan_stretches<Plain>, scan_leads<Plain>};

} // namespace

#if defined(SLUICE_AVX2)
extern const ScanIsa kScanAvx2;
#endif
#if defined(__aarch64__)
extern const ScanIsa kScanNeon;
#endif

std::span<const ScanIsa> scan_isas() noexcept {
#if defined(SLUICE_AVX2)
  static const std::array<ScanIsa, 2> all = {kScanAvx2, kScanPlain};
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return std::span<const ScanIsa>(all).subspan(has_avx2 ? 0 : 1);
#elif defined(__aarch64__)
  static const std::array<ScanIsa, 2> all = {kScanNeon, kScanPlain};
  return all;
#else
  static const std::array<ScanIsa, 1> all = {kScanPlain};
  return all;
#endif
}

} // namespace sluice::redact
