// The verbs of `sluice policy` that work on a FILE of its author: new-key, sign, verify, import,
// diff, replay, learn.
#pragma once

#include "proxy/cli/commands.hpp"

namespace sluice::cli {

void add_policy_sign_commands(CLI::App& group, Program& program);
void add_policy_import_command(CLI::App& group, Program& program);
void add_policy_diff_command(CLI::App& group, Program& program);
void add_policy_replay_command(CLI::App& group, Program& program);
void add_policy_learn_command(CLI::App& group, Program& program);

} // namespace sluice::cli
