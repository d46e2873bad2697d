#include "policy/redact/findings.hpp"

#include <algorithm>

namespace sluice::redact {
namespace {

// A body may carry millions of different tokens; the record of them stays small. What is over is
// counted under its rule without a fingerprint.
constexpr std::size_t kMostFingerprints = 256;

void add_to(std::vector<Finding>& all, std::string_view rule, std::string_view fingerprint,
            std::uint64_t count) {
  const auto same = std::find_if(all.begin(), all.end(), [&](const Finding& one) {
    return one.rule == rule && one.fingerprint == fingerprint;
  });
  if (same != all.end()) {
    same->count += count;
  } else if (all.size() >= kMostFingerprints && !fingerprint.empty()) {
    add_to(all, rule, {}, count);
  } else {
    all.push_back({std::string(rule), count, std::string(fingerprint)});
  }
}

} // namespace

void Findings::add(std::string_view rule, std::string_view fingerprint) {
  add_to(all_, rule, fingerprint, 1);
}

void Findings::merge(const Findings& other) {
  for (const Finding& one : other.all_) add_to(all_, one.rule, one.fingerprint, one.count);
}

std::uint64_t Findings::total() const noexcept {
  std::uint64_t sum = 0;
  for (const Finding& one : all_) sum += one.count;
  return sum;
}

} // namespace sluice::redact
