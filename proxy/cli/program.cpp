#include "policy/base/bytes.hpp"
#include "proxy/cli/commands.hpp"

#include <algorithm>
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

// The first word that is no verb where a verb is due, with the group it stands in; "" when there is
// none. Verbs have options with values, groups have none.
std::pair<const CLI::App*, std::string> unknown_verb(const CLI::App& app, int argc, char** argv) {
  const CLI::App* group = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with('-')) continue;
    const auto verbs = group->get_subcommands({});
    if (verbs.empty()) break;
    const auto named = [&word](const CLI::App* verb) { return verb->get_name() == word; };
    const auto found = std::find_if(verbs.begin(), verbs.end(), named);
    if (found == verbs.end()) return {group, word};
    group = *found;
  }
  return {group, ""};
}

std::string nearest_verb(const CLI::App& group, const std::string& word) {
  std::vector<std::string> names;
  for (const auto* verb : group.get_subcommands({})) names.push_back(verb->get_name());
  const std::vector<std::string_view> known(names.begin(), names.end());
  return std::string(nearest_word(word, known.data(), known.size()));
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error); // --help, --version
  const bool json = wants_json(argc, argv);
  if (const auto [group, word] = unknown_verb(app, argc, argv); !word.empty()) {
    const auto nearest = nearest_verb(*group, word);
    const bool top = group == &app;
    const std::string path = top ? "sluice" : "sluice " + group->get_name();
    return Output(json).fail(kUsage, "usage", path + " has no verb \"" + word + "\"",
                             nearest.empty() ? "see " + path + " --help"
                                             : "did you mean " + nearest + "?");
  }
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
  add_overlay_commands(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, argc, argv);
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
