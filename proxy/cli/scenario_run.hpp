// A whole scenario on this machine: a sidecar process for each component, its program in a box of
// it, edges between sidecars over mutual TLS with identities made for this run, exports on
// loopback. Ends everything whenever anything of it fails, when told to, and when it is killed;
// keys and secret values lie in a folder that goes with it. Linux, with the right to make
// namespaces. Tested by tests/e2e/test_overlay_run.py.
#pragma once

#include "proxy/cli/overlay_compile.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace sluice::cli {

struct ScenarioOptions {
  std::string directory; // configs, policies and evidence stay here, a folder for each sidecar
  std::map<std::string, std::uint16_t> ports; // of exports; the others get one that is free
};

// Forks: before the process has threads. Requires: `compiled.passed`. Returns the exit code.
int run_scenario(const Output& out, const CompiledScenario& compiled,
                 const ScenarioOptions& options);

} // namespace sluice::cli
