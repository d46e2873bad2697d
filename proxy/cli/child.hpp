// The agent program under `sluice exec`: started with the variables that point it at the sidecar,
// given the signals meant for it, and outlived by the sidecar until its last descendant has ended.
#pragma once

#include "policy/base/result.hpp"

#include <sys/types.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

namespace sluice::cli {

// The signals sluice waits for itself; call before any thread exists.
sigset_t block_control_signals();

// Requires: control signals blocked. The child starts with none blocked.
Result<pid_t> spawn(const std::vector<std::string>& command,
                    const std::map<std::string, std::string>& environment);

// Waits for `child` and everything it left behind; gives its exit code (128 + signal when killed).
int supervise(pid_t child, const sigset_t& signals);

} // namespace sluice::cli
