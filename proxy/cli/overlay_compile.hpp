// What every verb of `sluice overlay` begins with: the scenario read and linked, its config from
// the environment and files, and its overlays asked. Never starts a program before what can be told
// without it was told. Tested by tests/e2e/test_overlays.py.
#pragma once

#include "overlay/run/pass.hpp"
#include "proxy/cli/commands.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct OverlayOptions {
  std::string file;
  bool apply = false; // check: ask the overlays, too
  bool deny_warnings = false, allow_outside = false;
  std::string lock;
  bool locked = false, frozen = false;
  std::vector<std::string> env_files;
  std::string config_file;
  std::string format = "text";
  std::string directory; // run, compose
  bool force = false;    // compose
  std::vector<std::string> ports;
};

struct CompiledScenario {
  overlay::Linked linked;
  overlay::Json root_values = overlay::Json::object(); // as far as somebody gave them
  std::optional<overlay::Passed> passed;               // null: nobody was asked
};

enum class Ask : bool { nobody, overlays };

void add_overlay_options(CLI::App* verb, const std::shared_ptr<OverlayOptions>& options);
// The exit code, when the options exclude each other; it is told.
std::optional<int> wrong_overlay_usage(const Output& out, const OverlayOptions& options);
// nullopt exactly when `out` has an error. Forks: before the process has threads.
std::optional<CompiledScenario> compile_scenario(const OverlayOptions& options, Ask ask,
                                                 Diagnostics& out);
// What fills a slot of the root: AMBER_EXTERNAL_SLOT_<NAME>_URL; "": nothing.
std::string external_slot_url(const std::string& slot);

} // namespace sluice::cli
