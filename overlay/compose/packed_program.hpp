// A program that is started with values nobody knew when the compose file was made: program.json,
// which `sluice overlay start` reads in the container. Secrets that authors typed are cut out of it
// into a file of their own, and put back when it starts. Pure. What is read is read strictly: a key
// that is not known, or a value of another form, is an error. Messages never show a value.
// Tested by tests/unit/overlay/packed_program_test.cpp.
#pragma once

#include "overlay/config/config_tree.hpp"
#include "overlay/config/expand.hpp"
#include "overlay/manifest/config_schema.hpp"
#include "overlay/manifest/program.hpp"
#include "policy/base/diagnostic.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

struct PackedProgram {
  std::string moniker;
  ConfigTree config;                                     // over the config of the root
  std::optional<ConfigSchema> schema, root_schema;       // the root's: what of it is needed
  Program program;                                       // without endpoints and mounts
  std::map<std::string, std::vector<std::string>> slots; // addresses
  std::map<std::string, std::string> secret_files;       // AMBER_CONFIG_X -> the file it is in
  std::map<std::string, std::string> files;              // path -> "config.x": written at start
  std::string cut_file;                                  // of what is cut out; "": nothing
};

// Values that must be in no file but those of secrets, as texts.
using SecretTexts = std::set<std::string>;
bool holds_secret(std::string_view text, const SecretTexts& secrets);

Json packed_json(const PackedProgram& program);
// Takes every text that holds a secret out of `document`: by pointer what stood there, null stands
// there now.
Json cut_secrets(Json& document, const SecretTexts& secrets);
// nullopt when the two do not belong together.
std::optional<Json> put_back(Json document, const Json& cut);
// nullopt exactly when an error was added.
std::optional<PackedProgram> parse_packed(const Json& document, Diagnostics& out);

Json tree_json(const ConfigTree& tree);
std::optional<ConfigTree> parse_tree(const Json& value);

// What to start, with `variables` (AMBER_CONFIG_*, those of secret files among them). nullopt
// exactly when an error was added.
struct StartedProgram {
  ExpandedProgram program;
  std::map<std::string, std::string> files; // path -> content
};
std::optional<StartedProgram> start_of(const PackedProgram& packed,
                                       const std::map<std::string, std::string>& variables,
                                       Diagnostics& out);

} // namespace sluice::overlay
