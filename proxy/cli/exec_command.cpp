// sluice exec
#include "certs/trust.hpp"
#include "policy/evidence/json_writer.hpp"
#include "proxy/cli/run_support.hpp"
#include "proxy/contain/process.hpp"

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

struct ExecOptions {
  std::vector<std::string> allow;
  std::vector<std::string> command;
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
  const fs::path dir = ".sluice";
  std::error_code error;
  fs::create_directories(dir, error);
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

Result<std::map<std::string, std::string>> child_environment(const runtime::Runtime& runtime) {
  std::map<std::string, std::string> out;
  for (const auto& listener : runtime.listeners()) {
    if (listener.kind != "forward") continue;
    const std::string proxy = "http://" + listener.address;
    for (const char* name :
         {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}) {
      out[name] = proxy;
    }
    out["NO_PROXY"] = out["no_proxy"] = "";
    out["NODE_USE_ENV_PROXY"] = "1";
    break;
  }
  if (out.empty())
    return make_error(Origin::config, "no_forward_listener", "exec needs a forward listener");
  if (runtime.authority() == nullptr) return out;
  const auto bundle = runtime.authority()->info().certificate_file + ".bundle.pem";
  SLUICE_TRY(auto&& variables, certs::write_trust_bundle(*runtime.authority(), bundle));
  for (const auto& variable : variables) out[variable.name] = variable.value;
  return out;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& ours) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (ours.count(text.substr(0, text.find('='))) == 0) all.push_back(text);
  }
  for (const auto& [name, value] : ours) all.push_back(name + "=" + value);
  return all;
}

int exec(const Output& out, const Program& program, const ExecOptions& options, bool config_given) {
  if (options.require_containment) {
    return out.fail(kFailed, "not_contained",
                    "containment cannot be promised: this version sets proxy variables only",
                    "run without --require-containment, or in a network whose only exit is sluice");
  }
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
  auto runtime = start(out, std::move(*config), failed);
  if (!runtime) return failed;
  auto environment = child_environment(*runtime);
  if (!environment) return out.fail(environment.error());
  announce(*runtime);
  std::cerr << "WARNING: containment is by proxy variables only: a program that ignores "
               "HTTPS_PROXY is not governed"
            << std::endl;
  auto child = contain::spawn(options.command, merged_environment(environment.value()));
  if (!child) {
    runtime->stop("command not started");
    return out.fail(child.error());
  }
  const int exit_code = contain::supervise(child.value(), signals);
  runtime->stop("command ended with exit code " + std::to_string(exit_code));
  return exit_code;
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
  agent->add_flag("--require-containment", options->require_containment,
                  "refuse to start when containment cannot be proven");
  agent->add_option("CMD", options->command, "after --: the command and its arguments")->required();
  agent->positionals_at_end();
}

} // namespace sluice::cli
