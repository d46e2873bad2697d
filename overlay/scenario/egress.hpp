// Open egress as edges: every component with a program has an import of kind egress from the
// outside, refused by default, which declarative overlays select by `kind: "egress"`. Not in
// Scenario::edges, so that requests to Amber's overlays stay as they are, and derived from the
// components, so that it is never out of date. Tested by tests/unit/overlay/egress_test.cpp.
#pragma once

#include "overlay/manifest/selector.hpp"
#include "overlay/scenario/scenario.hpp"

#include <vector>

namespace sluice::overlay {

struct EgressEdge {
  ComponentId component = 0;
  bool declared = false; // its manifest asks for it; else it is there because a program is
};

// By component. Sluice's own interposers have none: what they do is not theirs.
std::vector<EgressEdge> egress_edges(const Scenario& scenario);

// The components of the scope whose egress the selector is for.
std::vector<ComponentId> selected_egress(const Scenario& scenario, ComponentId scope,
                                         const Selector& selector);

} // namespace sluice::overlay
