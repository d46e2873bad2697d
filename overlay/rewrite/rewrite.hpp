// Puts the interposers of all plans into a scenario. Every overlay was asked about the scenario as
// it was, so that none sees another's interposers. Several on one edge make a chain, whose order is
// Amber's: leaving the provider, its innermost scope comes first, then outwards, then the scopes of
// both ends, then the consumer's from the outermost in; within a scope as `overlays` lists them. A
// request meets them the other way round: of `overlays: [A, B]` B is the first to see it.
// Never changes what goes over an edge, nor whether it is weak. Requires: each plan is valid for
// its scope (plan/validate.hpp).
// Tested by tests/unit/overlay/rewrite_test.cpp and tests/property/overlay_property_test.cpp.
#pragma once

#include "overlay/plan/plan.hpp"
#include "overlay/scenario/scenario.hpp"
#include "overlay/scenario/scope.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sluice::overlay {

struct Application { // one overlay of one scope, and what it answered
  ComponentId scope = 0;
  std::size_t overlay = 0; // place in the scope's `overlays`
  std::string use, export_name;
  std::string overlay_digest; // of the overlay's own manifest, or of its declaration
  std::string request_digest;
  InterpositionPlan plan;
};

struct Chain { // of one edge of the scenario as it was
  EdgeKey edge;
  std::vector<ComponentId> interposers; // from the provider to the consumer
};

struct Rewritten {
  Scenario scenario;
  std::vector<Chain> chains; // of the edges that have one, by edge
};

// An interposer that came to depend on itself, with the edges it is attached to.
struct RewriteFault {
  std::string message;
};
struct RewriteResult {
  Rewritten rewritten;
  std::vector<RewriteFault> faults; // the scenario is usable exactly when there are none
};
// Requires: a scenario without a strong cycle. `applications` in the order of scopes (pre-order,
// children by name), then of their overlays.
RewriteResult rewrite(const Scenario& scenario, std::span<const Application> applications);

} // namespace sluice::overlay
