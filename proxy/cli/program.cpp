#include "proxy/cli/commands.hpp"

#include <csignal>
#include <exception>
#include <iostream>
#include <utility>

namespace sluice::cli {
namespace {

// With --json on the command line even a usage error is one JSON document.
bool wants_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return false;
    if (word == "--json") return true;
  }
  return false;
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, bool json) {
  if (error.get_exit_code() == 0) return app.exit(error); // --help, --version
  return Output(json).fail(kUsage, "usage", error.what(), "see sluice --help");
}

} // namespace

CLI::App* add_verb(CLI::App& parent, Program& program, const std::string& name,
                   const std::string& what, const std::string& example,
                   std::function<int(const Output&)> action) {
  CLI::App* verb = parent.add_subcommand(name, what);
  verb->footer("Example:\n  " + example);
  verb->add_flag("--json", program.common.json, "print one JSON document");
  verb->callback([&program, action = std::move(action)] { program.chosen = action; });
  return verb;
}

int run_program(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("sluice: between an AI agent and everything it talks to", "sluice");
  app.set_version_flag("--version", std::string("sluice ") + SLUICE_VERSION);
  app.require_subcommand(1);
  Program program;
  add_run_command(app, program);
  add_exec_command(app, program);
  add_setup_commands(app, program);
  add_policy_commands(app, program);
  add_redact_command(app, program);
  add_ca_commands(app, program);
  add_admin_commands(app, program);
  add_evidence_commands(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, wants_json(argc, argv));
  }
  const Output output(program.common.json);
  try {
    return program.chosen(output);
  } catch (const std::exception& error) {
    return output.fail(kFailed, "internal_error", error.what(),
                       "this is a defect; please report it");
  }
}

} // namespace sluice::cli
