// The resolved manifests of a scenario, put together: its graph, the config of every component over
// the root's, and its overlays, each led to the program that answers for it. Starts and asks
// nothing. Every problem is told. No component is left out: an agent that nobody calls still acts.
// Tested by tests/unit/overlay/link_test.cpp and tests/unit/overlay/link_overlay_test.cpp.
#pragma once

#include "overlay/config/compose.hpp"
#include "overlay/scenario/helper.hpp"
#include "overlay/scenario/resolve.hpp"
#include "overlay/scenario/scenario.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::overlay {

// An entry of `use` that an overlay refers to.
struct LinkedUse {
  ComponentId scope = 0;
  std::string name;
  std::shared_ptr<const ResolvedTree> tree;
  std::vector<ConfigTree> configs; // of its components, over the config of the scenario's root
  // Paths of the root that its config disclosed as references: what it may say of them in answers.
  std::set<std::string> disclosed;
};

struct LinkedOverlay {
  ComponentId scope = 0;
  std::size_t position = 0; // in the scope's `overlays`
  std::string use, export_name;
  std::string display_name; // "/guard", "/team/guard"
  std::string digest;       // of the use's manifest, or of the declaration
  // Exactly one of the two.
  std::optional<DeclarativeOverlay> declarative;
  std::optional<std::size_t> helper; // place in Linked::uses
  // Of a helper: the provide its export leads to; the component is in the use's tree.
  std::size_t component = 0;
  std::string provide;
  // Of a declarative one: the components whose egress it selects.
  std::vector<ComponentId> egress;
};

struct Linked {
  Scenario scenario;
  std::vector<ConfigTree> configs; // by component
  std::vector<LinkedUse> uses;     // by scope, then by name
  // In the order of application: scopes in pre-order, overlays as they are listed.
  std::vector<LinkedOverlay> overlays;
  std::optional<HelperScenario> helper; // of all uses; there when there is one
};

// nullopt exactly when an error was added; warnings may be added in any case.
std::optional<Linked> link(const ResolvedTree& tree, Diagnostics& out);

// The config an interposer of this overlay's plan gets, which is read in the scope. Null: none.
std::optional<ConfigTree> interposer_config(const Linked& linked, ComponentId scope,
                                            const std::string& use, const Json* config,
                                            const ConfigSchema* schema,
                                            std::vector<ConfigFault>& faults);
// The configs of a scenario made of `linked` by rewrite(): those of its interposers, too. nullopt
// exactly when a fault was added.
std::optional<std::vector<ConfigTree>> rewritten_configs(const Linked& linked,
                                                         const Scenario& rewritten,
                                                         std::vector<ConfigFault>& faults);

} // namespace sluice::overlay
