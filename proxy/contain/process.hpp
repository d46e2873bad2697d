// Programs that sluice runs for somebody: started with nothing blocked and nothing of ours open,
// given the signals meant for them, and waited for until their last descendant has ended. Used by
// the sidecar and, inside the box, by its init. Never reads the environment.
// Tested by tests/contain/box_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::contain {

// The signals sluice waits for itself; call before any thread exists.
sigset_t block_control_signals();

// Requires: control signals blocked. The child starts with none blocked. `environment` is all of
// it, as "NAME=value".
Result<pid_t> spawn(std::vector<std::string> command, std::vector<std::string> environment);

// Whose signals are passed on: in a box what CMD sends to its init is not meant for CMD.
enum class Senders : std::uint8_t { outside_only = 0, anyone };

// Waits for `child` and everything it left behind; gives its exit code (128 + signal when killed).
int supervise(pid_t child, const sigset_t& signals, Senders senders = Senders::anyone);

// (config) command_not_found, command_not_executable or cannot_start, by what errno says.
Error start_error(const std::string& command, const std::vector<std::string>& environment,
                  int error);

// For the exec family; valid as long as `words` is neither changed nor moved.
std::vector<char*> as_argv(std::vector<std::string>& words);

} // namespace sluice::contain
