// The values of the root's config, as they are given when a scenario runs: variables such as
// AMBER_CONFIG_DB__API_KEY for config.db.api_key, and perhaps a file. Reads no environment: the
// caller merges process environment and env files. Messages name variables and paths, never values.
// Tested by tests/unit/overlay/root_values_test.cpp.
#pragma once

#include "overlay/config/compose.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

inline constexpr std::string_view kConfigVariablePrefix = "AMBER_CONFIG_";

std::string config_variable(std::string_view path); // of "db.api_key"
// nullopt: it is none of ours, or it says no path.
std::optional<std::string> config_path(std::string_view variable);

struct RootInput { // a leaf of the root's schema
  std::string path;
  std::string variable;
  bool required = false;
  bool secret = false;
  bool has_default = false;
};
std::vector<RootInput> root_inputs(const ConfigSchema& schema); // by path

struct RootValues {
  Json values = Json::object();     // with defaults
  std::vector<ConfigFault> faults;  // a pointer is into the root's config
  std::vector<std::string> unknown; // variables with our prefix that name no leaf
};
// `file` is the object a config file holds; variables win over it. An empty variable is one that is
// not set. A variable is JSON when the schema takes it so, else a string. `schema` null: the root
// has no config. Says nothing about what is missing.
RootValues read_root_values(const ConfigSchema* schema,
                            const std::map<std::string, std::string>& variables,
                            const Json& file = Json::object());

// The leaves a tree with these paths is given (collect_runtime_paths finds them), and no others.
std::vector<RootInput> inputs_of_paths(const ConfigSchema& schema,
                                       const std::set<std::string>& paths);
// The required leaves below the paths that have no value. A leaf inside of an object that is
// optional and absent is not missed.
std::vector<RootInput> missing_inputs(const ConfigSchema& schema, const Json& values,
                                      const std::set<std::string>& paths);
// "config.secret (AMBER_CONFIG_SECRET), …"
std::string shown_inputs(const std::vector<RootInput>& inputs);

// The root's schema with these paths alone: what a scenario that needs no more may ask for. Longer
// paths are in shorter ones; "" is all of it. nullopt without a schema.
std::optional<ConfigSchema> schema_of_paths(const ConfigSchema* schema,
                                            const std::set<std::string>& paths);

} // namespace sluice::overlay
