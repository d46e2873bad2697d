// The scenario of all programs that answer for overlays: a root of our own, below it one component
// `use_<scope>_<n>` for each use (n: among the scope's, by name), and an export
// `overlay_<scope>_<k>` for each overlay (k: in `overlays`). Scopes are counted in the order of
// overlays. Its configs are over the config of the SCENARIO's root, whose values it is started
// with; its own root has a schema that shows the part of it. Tested by
// tests/unit/overlay/link_overlay_test.cpp.
#pragma once

#include "overlay/config/compose.hpp"
#include "overlay/config/root_values.hpp"
#include "overlay/scenario/problems.hpp"
#include "overlay/scenario/scenario.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::overlay {

struct Linked;

struct HelperExport {
  std::string name;          // "overlay_0_1"
  std::size_t overlay = 0;   // place in Linked::overlays
  ComponentId component = 0; // whose program answers
  std::string provide, endpoint;
};

struct HelperScenario {
  Scenario scenario;
  std::vector<ConfigTree> configs; // by component
  std::vector<HelperExport> exports;
  std::set<std::string> inputs; // paths of the scenario's root that must be known to start it
};

// Requires: Linked::uses and overlays.
HelperScenario helper_scenario(const Linked& linked, Problems& problems);

// The inputs that have no value: "config.secret (AMBER_CONFIG_SECRET)" each. Referred to
// symbolically alone, one is not needed.
std::vector<RootInput> missing_helper_inputs(const Linked& linked, const Json& root_values);

} // namespace sluice::overlay
