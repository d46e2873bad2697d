// sluice run|exec
#include "certs/trust.hpp"
#include "policy/evidence/json_writer.hpp"
#include "proxy/cli/child.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/runtime/runtime.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

struct ExecOptions {
  std::vector<std::string> allow;
  std::vector<std::string> command;
  bool require_containment = false;
};

std::optional<runtime::Config> load_config(const Output& out, const Program& program,
                                           const std::string& file, int& failed) {
  auto load = runtime::load_config_file(file);
  if (!load.config) {
    failed = out.fail(load.diagnostics);
    return std::nullopt;
  }
  for (const auto& warning : load.diagnostics) std::cerr << format(warning) << "\n";
  if (!program.common.policy.empty()) load.config->policy_file = program.common.policy;
  if (!program.common.dir.empty()) load.config->log.directory = program.common.dir;
  return std::move(load.config);
}

std::unique_ptr<runtime::Runtime> start(const Output& out, runtime::Config config, int& failed) {
  auto started = runtime::Runtime::start(std::move(config));
  if (auto* failure = std::get_if<runtime::StartFailure>(&started)) {
    failed = failure->error ? out.fail(*failure->error) : out.fail(failure->diagnostics);
    return nullptr;
  }
  return std::move(std::get<std::unique_ptr<runtime::Runtime>>(started));
}

void announce(const runtime::Runtime& runtime) {
  for (const auto& listener : runtime.listeners()) {
    std::cerr << "listening " << listener.name << " (" << listener.kind << ") on "
              << listener.address << "\n";
  }
  if (runtime.settings().mode != io::Mode::enforce) {
    std::cerr << "WARNING: mode " << io::to_string(runtime.settings().mode)
              << " does not enforce the policy\n";
  }
  std::cerr << "ready run_id=" << runtime.settings().who.run_id
            << " policy=" << runtime.policy_digest() << std::endl;
}

constexpr timespec kLookAtFiles{0, 500'000'000}; // how often the policy file is looked at

// ---- run ---------------------------------------------------------------------------------------

void reload(runtime::Runtime& runtime) {
  const auto problems = runtime.reload();
  for (const auto& one : problems) std::cerr << format(one) << "\n";
  std::cerr << (has_errors(problems) ? "reload rejected; still active: " : "reloaded policy=")
            << runtime.policy_digest() << std::endl;
}

int run(const Output& out, const Program& program) {
  int failed = kFailed;
  auto config = load_config(out, program, program.common.config, failed);
  if (!config) return failed;
  const sigset_t signals = block_control_signals();
  auto runtime = start(out, std::move(*config), failed);
  if (!runtime) return failed;
  announce(*runtime);
  for (;;) {
    siginfo_t info{};
    const bool signalled = ::sigtimedwait(&signals, &info, &kLookAtFiles) >= 0;
    const bool changed = runtime->policy_file_changed();
    if ((signalled && info.si_signo == SIGHUP) || changed) reload(*runtime);
    if (!signalled || info.si_signo == SIGHUP || info.si_signo == SIGCHLD) continue;
    std::cerr << "draining" << std::endl;
    runtime->stop(info.si_signo == SIGINT ? "interrupt" : "terminate");
    return kDone;
  }
}

// ---- exec --------------------------------------------------------------------------------------

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
  const sigset_t signals = block_control_signals();
  auto runtime = start(out, std::move(*config), failed);
  if (!runtime) return failed;
  auto environment = child_environment(*runtime);
  if (!environment) return out.fail(environment.error());
  announce(*runtime);
  std::cerr << "WARNING: containment is by proxy variables only: a program that ignores "
               "HTTPS_PROXY is not governed"
            << std::endl;
  auto child = spawn(options.command, environment.value());
  if (!child) {
    runtime->stop("command not started");
    return out.fail(child.error());
  }
  const int exit_code = supervise(child.value(), signals);
  runtime->stop("command ended with exit code " + std::to_string(exit_code));
  return exit_code;
}

void add_overrides(CLI::App* verb, Program& program) {
  verb->add_option("--policy", program.common.policy, "policy file, instead of the config's");
  verb->add_option("--dir", program.common.dir, "evidence directory, instead of the config's");
}

} // namespace

void add_run_commands(CLI::App& app, Program& program) {
  auto* sidecar = add_verb(app, program, "run", "run the listeners", "sluice run -c sluice.yaml",
                           [&program](const Output& out) { return run(out, program); });
  sidecar->add_option("-c,--config", program.common.config, "sluice.yaml");
  add_overrides(sidecar, program);

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
