// The verbs of sluice. Each registers its options on the CLI11 app and stores what to run in
// `chosen`; nothing runs while options are parsed. One file per group of verbs.
#pragma once

#include "proxy/cli/output.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace sluice::cli {

struct Common { // options every verb shares
  std::string config = "sluice.yaml";
  std::string policy; // overrides the config's
  std::string dir;    // evidence directory, overrides the config's
  std::string anchor; // command or URL, overrides the config's
  std::string admin;  // socket, overrides the config's
  bool json = false;
};

struct Program {
  Common common;
  std::function<int(const Output&)> chosen;
};

void add_run_command(CLI::App& app, Program& program);       // run
void add_exec_command(CLI::App& app, Program& program);      // exec
void add_setup_commands(CLI::App& app, Program& program);    // init, check, doctor
void add_policy_commands(CLI::App& app, Program& program);   // policy show|digest|explain|…
void add_redact_command(CLI::App& app, Program& program);    // redact
void add_ca_commands(CLI::App& app, Program& program);       // ca init|show|export|env
void add_admin_commands(CLI::App& app, Program& program);    // admin status|ready|reload|…
void add_evidence_commands(CLI::App& app, Program& program); // evidence verify|show

void add_overlay_commands(CLI::App& app, Program& program); // overlay check|apply|explain

// A verb with --json, an example in its help, and its action.
CLI::App* add_verb(CLI::App& parent, Program& program, const std::string& name,
                   const std::string& what, const std::string& example,
                   std::function<int(const Output&)> action);

int run_program(int argc, char** argv);

} // namespace sluice::cli
