// The answers of overlays, kept beside the questions: with a lock a scenario can be put together
// again without running a program, and nothing can change unseen. An answer counts only for the
// very question and the very overlay it was given by. The file is for people to review: one way to
// write it, in order, and what is not understood in it is refused. Tested by
// tests/unit/overlay/lock_test.cpp.
#pragma once

#include "overlay/manifest/json_value.hpp"
#include "policy/base/diagnostic.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

struct LockedPlan {
  std::string scope;     // moniker
  std::string overlay;   // "#use.export"
  std::size_t place = 0; // in the scope's `overlays`, where one may stand twice
  std::string overlay_digest, request_digest;
  Json plan; // as it was answered
  bool operator==(const LockedPlan&) const = default;
};

class PlanLock {
 public:
  // nullopt exactly when an error was added.
  static std::optional<PlanLock> parse(std::string_view text, const std::string& file,
                                       Diagnostics& out);

  void add(LockedPlan plan) { plans_.push_back(std::move(plan)); }
  const std::vector<LockedPlan>& plans() const noexcept { return plans_; }
  // The answer to this question; null: there is none.
  const Json* find(const LockedPlan& asked) const noexcept;
  std::string text() const; // JSON, a line end behind it

 private:
  std::vector<LockedPlan> plans_; // in the order of application
};

// Why the two are not the same, one line for each overlay: "/ #guard.plan: the question changed".
std::vector<std::string> changes(const PlanLock& before, const PlanLock& after);

} // namespace sluice::overlay
