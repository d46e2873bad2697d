// What the verbs of `sluice evidence` share.
#pragma once

#include "policy/evidence/checkpoint_check.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/runtime/config.hpp"

#include <optional>
#include <string>

namespace sluice::cli {

// --dir, else evidence.dir of the config; a log that was not configured is in ./evidence.
evidence::LogConfig evidence_config(const Program& program);
std::string evidence_directory(const Program& program);
CLI::App* add_evidence_options(CLI::App* verb, Program& program); // --dir, --config

// What --since and --until take; "" is none. False when it is no time, which was said.
bool read_moment(const Output& out, const std::string& text, const char* name,
                 std::optional<std::int64_t>& value, int& failed);

struct PinOptions { // whose signature is believed
  std::string public_key, fingerprint;
};
void add_pin_options(CLI::App* verb, PinOptions& options);
// nullopt when one is not what it should be; said already, and `failed` is the exit code.
std::optional<evidence::KeyPin> read_pin(const Output& out, const PinOptions& options, int& failed);

void add_proof_commands(CLI::App& group, Program& program); // prove|verify-proof|key|rotate-key
void add_export_command(CLI::App& group, Program& program);
void add_resolve_command(CLI::App& group, Program& program);
void add_query_commands(CLI::App& group, Program& program); // show|query|index

} // namespace sluice::cli
