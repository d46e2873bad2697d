// The overlay pass: every overlay of a linked scenario is asked about its scope, or its answer
// taken from a lock; each plan is judged, and all of them put into the scenario. Programs are
// started only when there is a question that no lock answers, once for all scopes, and none is left
// when it returns. Every problem is told that can be; nothing of a plan, a config or an environment
// is shown. Forks, see helpers.hpp. Tested by tests/e2e/test_overlays.py.
#pragma once

#include "overlay/plan/lock.hpp"
#include "overlay/rewrite/rewrite.hpp"
#include "overlay/run/helpers.hpp"
#include "overlay/scenario/link.hpp"

#include <optional>

namespace sluice::overlay {

// locked: what the lock answers is not asked. frozen: what it does not answer is an error.
enum class LockUse : std::uint8_t { none, locked, frozen };

struct PassOptions {
  Json root_values = Json::object(); // of the scenario's config, as far as they are known
  const PlanLock* lock = nullptr;    // requires: there unless `use` is none
  LockUse use = LockUse::none;
  HelperTimes times;
};

struct Passed {
  Rewritten rewritten;
  PlanLock lock; // of all answers, declared ones left out
};

// nullopt exactly when an error was added.
std::optional<Passed> run_overlays(const Linked& linked, const PassOptions& options,
                                   Diagnostics& out);

} // namespace sluice::overlay
