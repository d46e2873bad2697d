// What the verbs that run a sidecar (run, exec) share: the config with the command line's
// overrides, the start with its failures printed, and the lines an operator waits for. Tested by
// tests/e2e/test_cli.py.
#pragma once

#include "proxy/cli/commands.hpp"
#include "proxy/runtime/runtime.hpp"

#include <memory>
#include <optional>
#include <string>

namespace sluice::cli {

// On failure both print, set `failed` to the exit code and give nothing.
std::optional<runtime::Config> load_config(const Output& out, const Program& program,
                                           const std::string& file, int& failed);
std::unique_ptr<runtime::Runtime> start(const Output& out, runtime::Config config, int& failed);

void announce(const runtime::Runtime& runtime);
int probe_containment(const Output& out, const Program& program); // doctor --probe
void add_overrides(CLI::App* verb, Program& program);

} // namespace sluice::cli
