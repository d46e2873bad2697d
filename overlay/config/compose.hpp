// What an author wrote as the config of a component, and the config of the component around it,
// to a ConfigTree over the root (reference §5.2):
//
//   written          what the parent has at x     becomes
//   ${config.x}      known at run time, root's r  a reference to r
//   ${config.x}      a value                      the value
//   a-${config.x}    known at run time            a string with the reference in it
//   $${config.x}     known at run time            symbolic: the text "${config.x}"
//   $${config.x}     a value                      the value as a string; symbolic when x is secret
//   $${config.x}     an object with such parts    a fault
//
// Amber writes the root's path into symbolic text, which its own reader then looks for in the wrong
// config; ours says what the component around it calls it. Amber also hands a secret literal to who
// asked for a reference. Defaults of the schema are filled in, and what is known is held against
// it. All faults are told, each at the value it is about; none shows a value. Tested by
// tests/unit/overlay/compose_test.cpp.
#pragma once

#include "overlay/config/config_fault.hpp"
#include "overlay/config/config_tree.hpp"
#include "overlay/manifest/config_schema.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::overlay {

// The component around it.
struct ConfigParent {
  const ConfigTree* tree = nullptr;
  const ConfigSchema* schema = nullptr; // null: there is no config to be named
};

// What all configs of a scenario may hold together: a few lines that copy each other double.
struct ConfigBudget {
  std::size_t values = 300'000;
  std::size_t bytes = 32U << 20;
};

struct ComposeOptions {
  bool object_only = false; // the config as a whole is an object
  // Paths of the root that are taken, too, where the parent has no such path: what Amber's overlays
  // were told.
  const std::set<std::string>* root_paths = nullptr;
};

// All of the config, known at run time; nothing without a schema.
ConfigTree root_config(const ConfigSchema* schema);

// `written` null: nothing. `schema` null: anything goes. nullopt exactly when a fault was added.
std::optional<ConfigTree> compose_config(const Json* written, const ConfigParent& parent,
                                         const ConfigSchema* schema, ConfigBudget& budget,
                                         std::vector<ConfigFault>& faults,
                                         const ComposeOptions& how = {});

} // namespace sluice::overlay
