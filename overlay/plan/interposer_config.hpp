// The config of a plan's interposer against its scope and its schema (reference §3.3). The parent
// is the component whose scope it is: `${config.p}` and `$${config.p}` name what that one's schema
// has. What is written out is judged by the interposer's schema now, what names something is known
// when the scenario runs. Messages name places and properties, never a value. Tested by
// tests/unit/overlay/interposer_config_test.cpp.
#pragma once

#include "overlay/config/config_fault.hpp"
#include "overlay/manifest/config_schema.hpp"
#include "overlay/plan/plan.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::overlay {

// Composes a config with the parent's template, asked after everything here was found right.
using ComposeConfig =
    std::function<std::vector<ConfigFault>(const Json& config, const ConfigSchema& schema)>;

// What the pass knows about configs beyond the scope's schema.
struct ConfigChecks {
  ComposeConfig compose; // may be empty
  // Paths of the root's config that are taken where the parent has no such path: those the overlay
  // was told of, as Amber writes them.
  std::set<std::string> root_paths;
};

// Of an interposer with a schema; `parent` is null when the scope's component has none. Without a
// config its defaults are judged alone.
std::vector<ConfigFault> check_interposer_config(const std::optional<Json>& config,
                                                 const ConfigSchema& schema,
                                                 const ConfigSchema* parent,
                                                 const ConfigChecks& checks = {});

} // namespace sluice::overlay
