// sluice exec
#include "policy/evidence/json_writer.hpp"
#include "proxy/cli/agent_environment.hpp"
#include "proxy/cli/exec_box.hpp"
#include "proxy/cli/run_support.hpp"
#include "proxy/contain/process.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

extern char** environ;

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kCommandNotExecutable = 126, kCommandNotFound = 127;
constexpr const char* kStateFolder = ".sluice"; // of `exec --allow`

struct ExecOptions {
  std::vector<std::string> allow;
  std::vector<std::string> command;
  std::string user;
  bool require_containment = false;
};

std::string quoted(const std::string& text) {
  std::string out;
  evidence::append_json_string(out, text);
  return out;
}

// `exec --allow HOST` without a config keeps its state in ./.sluice, where it can be looked at
// after.
Result<std::string> write_ad_hoc_config(const std::vector<std::string>& allow) {
  const fs::path dir = kStateFolder;
  std::error_code error;
  fs::create_directory(dir, error);
  // Ours, and really here: root must not follow where somebody else points.
  struct stat about {};
  if (::lstat(dir.c_str(), &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != ::geteuid()) {
    return make_error(Origin::config, "state_folder_not_ours",
                      dir.string() + " is not a folder of the user who runs sluice");
  }
  fs::permissions(dir, fs::perms::owner_all, error);
  std::string hosts;
  for (const auto& host : allow) hosts += (hosts.empty() ? "" : ", ") + quoted(host);
  std::ofstream policy(dir / "policy.yaml");
  policy << "# written by sluice exec --allow\nversion: 1\negress:\n"
         << "  - {name: allowed, allow: {hosts: [" << hosts << "], ports: [80, 443]}}\n";
  std::ofstream config(dir / "sluice.yaml");
  config << "# written by sluice exec --allow\nversion: 1\nmode: enforce\n"
         << "listeners: [{name: egress, kind: forward, bind: \"127.0.0.1:0\"}]\n"
         << "policy: policy.yaml\ntls: {ca_dir: ca}\nevidence: {dir: evidence}\n";
  if (!policy.flush() || !config.flush()) {
    return make_error(Origin::config, "cannot_write", dir.string() + " cannot be written");
  }
  const SystemClock clock;
  auto made = certs::Authority::create((dir / "ca").string(), clock);
  if (!made && made.error().code != "ca_exists") return made.error();
  return (dir / "sluice.yaml").string();
}

// All traffic of the command ends at the sidecar, the variables only spare clients that know them
// a detour: their refusals are then answers they can show. What the command serves to itself is the
// box's own loopback.
Result<int> run_in_box(contain::Box& box, runtime::Runtime& runtime, const ExecOptions& options,
                       Variables environment, const sigset_t& signals) {
  SLUICE_TRY(prove_box(box, runtime));
  const auto port = std::to_string(contain::BoxOptions{}.proxy_port);
  environment.merge(proxy_variables("127.0.0.1:" + port, "localhost,127.0.0.1,::1"));
  SLUICE_TRY(box.start(options.command, merged_environment(environment)));
  return contain::supervise(box.pid(), signals);
}

Result<int> run_beside(const runtime::Runtime& runtime, const ExecOptions& options,
                       Variables environment, const sigset_t& signals) {
  const auto& all = runtime.listeners();
  const auto forward =
      std::find_if(all.begin(), all.end(), [](const auto& one) { return one.kind == "forward"; });
  if (forward == all.end())
    return make_error(Origin::config, "no_forward_listener", "exec needs a forward listener");
  environment.merge(proxy_variables(forward->address, ""));
  SLUICE_TRY(auto&& child, contain::spawn(options.command, merged_environment(environment)));
  return contain::supervise(child, signals);
}

// As a shell answers for a command that never ran: POSIX, Shell Command Language, 2.8.2.
int not_started(const Output& out, const Error& error) {
  if (error.code == "command_not_found")
    return out.fail(kCommandNotFound, error.code, error.detail, "what to run stands behind --");
  if (error.code == "command_not_executable")
    return out.fail(kCommandNotExecutable, error.code, error.detail,
                    "CMD's user must be able to execute it");
  return out.fail(error);
}

// Requires: no thread yet, control signals blocked.
int run_command(const Output& out, runtime::Config config, const ExecOptions& options,
                const sigset_t& signals) {
  BoxWish wish{options.user, options.allow.empty() ? "" : kStateFolder, ""};
  auto environment = trust_environment(config, wish.trust_bundle);
  if (!environment) return out.fail(environment.error());
  auto box = make_box(config, wish);
  const bool wanted = options.require_containment || !options.user.empty();
  if (!box && (wanted || box.error().code != "containment_unavailable")) {
    return out.fail(kFailed, options.require_containment ? "not_contained" : box.error().code,
                    "the command cannot be contained: " + box.error().detail,
                    "sluice doctor says what this machine lacks");
  }
  int failed = kFailed;
  auto runtime = start(out, std::move(config), failed);
  if (!runtime) return failed;
  announce(*runtime);
  if (!box) {
    std::cerr << "WARNING: containment is by proxy variables only: a program that ignores "
                 "HTTPS_PROXY is not governed ("
              << box.error().detail << ")" << std::endl;
  }
  // What stands in our environment for the policy is not for the command.
  environment.value().merge(runtime->placeholders(environ));
  const auto ended =
      box ? run_in_box(*box.value(), *runtime, options, std::move(environment.value()), signals)
          : run_beside(*runtime, options, std::move(environment.value()), signals);
  runtime->stop(ended ? "command ended with exit code " + std::to_string(ended.value())
                      : "command not started");
  return ended ? ended.value() : not_started(out, ended.error());
}

int exec(const Output& out, const Program& program, const ExecOptions& options, bool config_given) {
  if (!options.allow.empty() && config_given) {
    return out.fail(kUsage, "usage", "--allow and --config exclude each other",
                    "put the host into the policy");
  }
  std::string file = program.common.config;
  if (!options.allow.empty()) {
    auto written = write_ad_hoc_config(options.allow);
    if (!written) return out.fail(written.error());
    file = written.value();
  }
  int failed = kFailed;
  auto config = load_config(out, program, file, failed);
  if (!config) return failed;
  const sigset_t signals = contain::block_control_signals();
  return run_command(out, std::move(*config), options, signals);
}

} // namespace

void add_exec_command(CLI::App& app, Program& program) {
  auto options = std::make_shared<ExecOptions>();
  auto given = std::make_shared<CLI::Option*>(nullptr);
  auto* agent = add_verb(app, program, "exec", "run a command behind a sidecar of its own",
                         "sluice exec --allow api.openai.com -- python3 agent.py",
                         [&program, options, given](const Output& out) {
                           return exec(out, program, *options, (*given)->count() > 0);
                         });
  *given = agent->add_option("-c,--config", program.common.config, "sluice.yaml");
  add_overrides(agent, program);
  agent->add_option("--allow", options->allow, "a host the command may call (no config needed)")
      ->allow_extra_args(false);
  agent->add_option("--user", options->user,
                    "as root: the user CMD runs as (default: who called sudo, else nobody)");
  agent->add_flag("--require-containment", options->require_containment,
                  "refuse to start when containment cannot be proven");
  agent->add_option("CMD", options->command, "after --: the command and its arguments")->required();
  agent->positionals_at_end();
}

} // namespace sluice::cli
