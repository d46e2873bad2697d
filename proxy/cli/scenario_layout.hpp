// Where the sidecars of a local run are and what they are given: sockets bound before anybody
// knows their addresses, files written, keys made. Never writes a secret outside of the run's own
// folder. Part of scenario_run.hpp. Tested by tests/e2e/test_overlay_run.py.
#pragma once

#include "overlay/deploy/prepare.hpp"
#include "overlay/deploy/sidecar_files.hpp"
#include "policy/base/unique_fd.hpp"
#include "proxy/cli/scenario_run.hpp"
#include "proxy/cli/scenario_sidecar.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

// A folder of this run alone, 0700, which goes with the object.
class RunFolder {
 public:
  static Result<RunFolder> make();
  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();
  const std::string& path() const noexcept { return path_; }

 private:
  RunFolder() = default;
  static void remove_abandoned(const std::string& parent);
  std::string path_;
  int owner_ = 0; // the process that made it: a copy of it in a child is not the owner
  UniqueFd lock_; // who holds it uses the folder
};

struct PlacedExport {
  std::string name, moniker, url;
};

struct PlacedScenario {
  std::vector<SidecarTask> tasks; // by unit; without output and report
  std::vector<UniqueFd> sockets;  // that the tasks name
  std::vector<PlacedExport> exports;
};

// nullopt exactly when an error was added.
std::optional<PlacedScenario> place_scenario(const CompiledScenario& compiled,
                                             const overlay::Prepared& prepared,
                                             const ScenarioOptions& options,
                                             const RunFolder& folder, Diagnostics& out);

} // namespace sluice::cli
