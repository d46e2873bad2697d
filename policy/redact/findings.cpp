#include "policy/redact/findings.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::redact {
namespace {

// A body may carry millions of different tokens; the record of them stays small. What is over is
// counted under its rule without a fingerprint. Which ones are over must not depend on the order in
// which they were found, which cuts can change: those with the greatest fingerprints are.
constexpr std::size_t kMostFingerprints = 256;

void add_to(std::vector<Finding>& all, std::string_view rule, std::string_view fingerprint,
            std::uint64_t count, Action action) {
  const auto key = std::tuple(rule, fingerprint, action);
  const auto at =
      std::lower_bound(all.begin(), all.end(), key, [](const Finding& one, const auto& other) {
        return std::tuple(std::string_view(one.rule), std::string_view(one.fingerprint),
                          one.action) < other;
      });
  if (at != all.end() && at->rule == rule && at->fingerprint == fingerprint &&
      at->action == action) {
    at->count += count;
    return;
  }
  all.insert(at, {std::string(rule), count, std::string(fingerprint), action});
}

bool by_fingerprint(const Finding& a, const Finding& b) {
  return std::tie(a.fingerprint, a.rule, a.action) < std::tie(b.fingerprint, b.rule, b.action);
}

void bound(std::vector<Finding>& all) {
  const auto with = std::count_if(all.begin(), all.end(),
                                  [](const Finding& one) { return !one.fingerprint.empty(); });
  if (static_cast<std::size_t>(with) <= kMostFingerprints) return;
  const auto greatest = std::max_element(all.begin(), all.end(), by_fingerprint);
  const auto [rule, count, fingerprint, action] = *greatest;
  all.erase(greatest);
  add_to(all, rule, {}, count, action);
}

} // namespace

void Findings::add(std::string_view rule, std::string_view fingerprint, std::uint64_t count,
                   Action action) {
  const auto before = all_.size();
  add_to(all_, rule, fingerprint, count, action);
  if (all_.size() > before && all_.size() > kMostFingerprints) bound(all_);
}

void Findings::merge(const Findings& other) {
  for (const Finding& one : other.all_) add(one.rule, one.fingerprint, one.count, one.action);
}

bool Findings::changed() const noexcept {
  return std::any_of(all_.begin(), all_.end(),
                     [](const Finding& one) { return one.action != Action::report; });
}

std::uint64_t Findings::total() const noexcept {
  std::uint64_t sum = 0;
  for (const Finding& one : all_) sum += one.count;
  return sum;
}

} // namespace sluice::redact
