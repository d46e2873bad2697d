// Compiled for AVX2; run only where the processor has it.
#if defined(__x86_64__) && defined(__AVX2__)

#include "policy/redact/scan_loop.hpp"

#include <immintrin.h>

namespace sluice::redact {
namespace {

struct Avx2 {
  static __m256i load(const char* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }

  // A byte is a token byte when the rows of its two halves share a bit. A byte above 0x7F finds
  // nothing in the low row, which is indexed with the whole byte.
  static std::uint32_t token(__m256i v) {
    alignas(16) static constexpr char kLow[16] = {26, 30, 30, 30, 30, 30, 30, 30,
                                                  30, 30, 28, 5,  4,  7,  21, 13};
    alignas(16) static constexpr char kHigh[16] = {0, 0, 1, 2, 4, 8, 4, 16, 0, 0, 0, 0, 0, 0, 0, 0};
    const __m256i low = row(kLow), high = row(kHigh);
    const __m256i half = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0F));
    const __m256i both =
        _mm256_and_si256(_mm256_shuffle_epi8(low, v), _mm256_shuffle_epi8(high, half));
    const __m256i none = _mm256_cmpeq_epi8(both, _mm256_setzero_si256());
    return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(none));
  }
  static __m256i row(const char* sixteen) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(sixteen)));
  }
  static std::uint32_t mark(__m256i v, __m256i next) {
    const auto is = [](__m256i bytes, char c) {
      return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
    };
    const __m256i scheme = _mm256_and_si256(is(v, ':'), is(next, '/'));
    const __m256i pem = _mm256_and_si256(is(v, '-'), is(next, 'B'));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(scheme, pem)));
  }
  static __m256i between(__m256i v, char low, char high) {
    const __m256i above = _mm256_cmpgt_epi8(v, _mm256_set1_epi8(static_cast<char>(low - 1)));
    const __m256i beyond = _mm256_cmpgt_epi8(v, _mm256_set1_epi8(high));
    return _mm256_andnot_si256(beyond, above);
  }
  static std::uint32_t mixed(__m256i v) {
    const __m256i either = _mm256_or_si256(between(v, '0', '9'), between(v, 'A', 'Z'));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(either));
  }
  static ScanMasks masks(const char* p) {
    const __m256i a = load(p), b = load(p + 32);
    ScanMasks out;
    out.token = token(a) | std::uint64_t{token(b)} << 32U;
    out.mark = mark(a, load(p + 1)) | std::uint64_t{mark(b, load(p + 33))} << 32U;
    out.mixed = mixed(a) | std::uint64_t{mixed(b)} << 32U;
    return out;
  }

  static std::uint32_t lead(__m256i v) {
    const auto is = [&](int c) {
      return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(static_cast<char>(c)));
    };
    const __m256i ascii = _mm256_or_si256(_mm256_or_si256(is('\\'), is('%')), is('&'));
    // Most text is ASCII: the rest is looked at only where there is any.
    auto found = static_cast<std::uint32_t>(_mm256_movemask_epi8(ascii));
    if (_mm256_movemask_epi8(v) == 0) return found;
    const auto either = [](__m256i x, __m256i y) { return _mm256_or_si256(x, y); };
    const __m256i c = either(either(is(0xC2), is(0xCD)), either(is(0xCE), is(0xCF)));
    const __m256i d = either(either(is(0xD0), is(0xD1)), is(0xD8));
    const __m256i e = either(either(is(0xE1), is(0xE2)), is(0xEF));
    const __m256i f = either(is(0xF0), is(0xF3));
    found |= static_cast<std::uint32_t>(_mm256_movemask_epi8(either(either(c, d), either(e, f))));
    return found;
  }
  static std::uint64_t leads(const char* p) {
    return lead(load(p)) | std::uint64_t{lead(load(p + 32))} << 32U;
  }
};

} // namespace

extern const ScanIsa kScanAvx2; // scan.cpp
const ScanIsa kScanAvx2 = {"avx2", scan_stretches<Avx2>, scan_leads<Avx2>};

} // namespace sluice::redact

#endif
