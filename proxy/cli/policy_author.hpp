// The verbs of `sluice policy` that work on a FILE of its author: new-key, sign, verify, import.
#pragma once

#include "proxy/cli/commands.hpp"

namespace sluice::cli {

void add_policy_sign_commands(CLI::App& group, Program& program);
void add_policy_import_command(CLI::App& group, Program& program);

} // namespace sluice::cli
