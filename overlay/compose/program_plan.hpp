// How one program of a scenario becomes a container: its image, what is started in it, what it gets
// there, and which files say so. A program whose values are all known gets them directly; any other
// is started by `sluice overlay start`, which puts them in. Pure. Secrets are in files of secrets
// and nowhere else. Tested by tests/unit/overlay/program_plan_test.cpp.
#pragma once

#include "overlay/compose/packed_program.hpp"
#include "overlay/config/root_values.hpp"
#include "overlay/deploy/prepare.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::overlay {

struct PlannedMount {
  enum class Kind : std::uint8_t { volume, file, secret };
  Kind kind = Kind::volume;
  std::string path;   // in the container
  std::string source; // the volume, the file below the folder, or the name of the secret
};

struct ProgramPlan {
  std::string image;
  std::vector<std::string> command;       // of what gets its values directly
  std::map<std::string, std::string> env; // the same
  bool packed = false;                    // else `sluice overlay start` puts them in
  std::vector<RootInput> inputs;          // what that needs from whoever runs it
  std::vector<PlannedMount> mounts;
  std::map<std::string, std::string> files;   // below the unit's folder
  std::map<std::string, std::string> secrets; // of authors, by name
};

// What authors typed where a schema says `secret`, in any config of the scenario and in defaults.
SecretTexts secret_texts(const Scenario& scenario, const std::vector<ConfigTree>& configs);

// The same whatever else is in the scenario: what is kept under it is found again.
std::string lasting_name(const std::string& what, const Component& of,
                         const std::string& part = {});
inline std::string secret_path(const std::string& name) {
  return "/run/secrets/" + name;
}

// nullopt exactly when an error was added.
std::optional<ProgramPlan> plan_program(const Scenario& scenario, const Prepared& prepared,
                                        const Unit& unit, const SecretTexts& secrets,
                                        Diagnostics& out);

} // namespace sluice::overlay
