// One component of a scenario that runs here: the process that is its sidecar and, when it has a
// program, keeps that in a box. Started by scenario_run.hpp, which it tells how far it is. Never
// starts the program before it was told to, and never without a box whose probe held.
// Tested by tests/e2e/test_overlay_run.py.
#pragma once

#include "policy/base/unique_fd.hpp"

#include <csignal>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cli {

struct SidecarTask {
  std::string moniker;
  std::string config_file;
  std::map<std::string, int> sockets;         // of listeners that others call: bound already
  std::map<std::uint16_t, std::string> slots; // listeners by their port on the program's loopback
  std::vector<std::string> command;           // empty: no program
  std::map<std::string, std::string> environment;
  std::vector<std::uint16_t> awaited; // ports that the program is to answer on
  std::vector<std::string> hidden;    // what the program must not see, besides what exec hides
  std::vector<std::string> kept;      // folders that it must see
  std::string program_host;           // the name of the program in the config
  UniqueFd output;                    // what the program says goes there
  UniqueFd report;                    // a line to whoever started us, both ways
};

// What it tells, a line each: "ready", "started", "serving", "ended <code>", "failed <why>" with
// escaped line ends. It is told 'g' (go) and 'k' (end the program at once, which its own end says,
// too).
// Requires: no thread, control signals blocked. Returns the exit code of the process.
int run_sidecar(SidecarTask task, const sigset_t& signals);

} // namespace sluice::cli
