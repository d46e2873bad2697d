// From a rewritten scenario to what has to run: configs put together, programs taken apart far
// enough to know their ports, and the deployment that follows. Values that only whoever runs it
// knows are put in by expand_unit(). Pure. Messages never show a value of a config.
// Tested by tests/unit/overlay/prepare_test.cpp.
#pragma once

#include "overlay/deploy/deployment.hpp"
#include "overlay/scenario/link.hpp"
#include "policy/base/diagnostic.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::overlay {

// What cannot be run, of the component (or input) `where`.
Diagnostic run_problem(std::string where, std::string message, std::string hint = {});

struct ComposedTask { // of a built-in interposer, or about a component's egress
  Builtin builtin = Builtin::record;
  ConfigTree config; // over the config of the root
};

struct Prepared {
  Deployment deployment;
  std::vector<ConfigTree> configs; // by component
  // By component, in the order in which a request meets them.
  std::map<ComponentId, std::vector<ComposedTask>> tasks;
};

// `root_values` null: not known yet; ports that depend on them are problems then. nullopt exactly
// when an error was added.
std::optional<Prepared> prepare(const Linked& linked, const Scenario& rewritten,
                                const Json* root_values, Diagnostics& out);

// The program of a unit, started with these values. Requires: it has one. nullopt exactly when an
// error was added.
std::optional<ExpandedProgram> expand_unit(const Scenario& rewritten, const Prepared& prepared,
                                           const Unit& unit, const Json& root_values,
                                           Diagnostics& out);

} // namespace sluice::overlay
