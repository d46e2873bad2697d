// sluice run, and what it shares with sluice exec
#include "proxy/cli/policy_learn.hpp"
#include "proxy/cli/run_support.hpp"

#include "proxy/contain/process.hpp"

#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace sluice::cli {

namespace {

Result<runtime::Anchor> anchor_of(const std::string& text) {
  runtime::Anchor out;
  if (text.empty()) return out;
  if (!text.starts_with("http://") && !text.starts_with("https://")) {
    out.command = {"/bin/sh", "-c", text};
    return out;
  }
  auto url = model::parse_service_url(text);
  if (!url) return make_error(Origin::config, "url_invalid", "--anchor: " + url.error().detail);
  out.url = std::move(url.value());
  return out;
}

} // namespace

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
  auto anchor = anchor_of(program.common.anchor);
  if (!anchor) {
    failed = out.fail(anchor.error());
    return std::nullopt;
  }
  if (anchor.value().present()) load.config->anchor = std::move(anchor.value());
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

void add_overrides(CLI::App* verb, Program& program) {
  verb->add_option("--policy", program.common.policy, "policy file, instead of the config's");
  verb->add_option("--dir", program.common.dir, "evidence directory, instead of the config's");
}

namespace {

constexpr timespec kLookAtFiles{0, 500'000'000}; // how often the policy file is looked at

void reload(runtime::Runtime& runtime) {
  const auto problems = runtime.reload();
  for (const auto& one : problems) std::cerr << format(one) << "\n";
  std::cerr << (has_errors(problems) ? "reload rejected; still active: " : "reloaded policy=")
            << runtime.policy_digest() << std::endl;
}

// What this run let go, as a policy.
int learn(const Output& out, const std::string& file, const std::string& directory,
          const std::string& run_id) {
  evidence::Filter filter;
  filter.wanted[static_cast<std::size_t>(evidence::Fact::run)] = run_id;
  const auto learned = learn_from(directory, filter);
  if (!learned) return out.fail(learned.error());
  if (const auto written = write_learned(file, learned.value().policy); !written)
    return out.fail(written.error());
  std::cerr << "learned " << file << " from " << learned.value().calls << " calls" << std::endl;
  for (const auto& [why, count] : learned.value().left_out)
    std::cerr << count << " calls not learned: " << why << std::endl;
  return kDone;
}

int run(const Output& out, const Program& program, const std::string& learn_to) {
  int failed = kFailed;
  auto config = load_config(out, program, program.common.config, failed);
  if (!config) return failed;
  if (!learn_to.empty() && config->settings.mode != io::Mode::observe)
    return out.fail(kUsage, "usage", "--learn needs mode: observe, which lets calls go",
                    "write it in sluice.yaml");
  const auto directory = config->log.directory;
  const sigset_t signals = contain::block_control_signals();
  auto runtime = start(out, std::move(*config), failed);
  if (!runtime) return failed;
  announce(*runtime);
  for (;;) {
    siginfo_t info{};
    const bool signalled = ::sigtimedwait(&signals, &info, &kLookAtFiles) >= 0;
    const bool changed = runtime->inputs_changed();
    if ((signalled && info.si_signo == SIGHUP) || changed) reload(*runtime);
    if (!signalled || info.si_signo == SIGHUP || info.si_signo == SIGCHLD) continue;
    std::cerr << "draining" << std::endl;
    runtime->stop(info.si_signo == SIGINT ? "interrupt" : "terminate");
    if (!runtime->witness_error().empty()) {
      std::cerr << "WARNING: the last checkpoint was not handed to the witness: "
                << runtime->witness_error() << std::endl;
    }
    if (learn_to.empty()) return kDone;
    const auto run_id = runtime->settings().who.run_id;
    runtime.reset(); // the log is closed
    return learn(out, learn_to, directory, run_id);
  }
}

} // namespace

void add_run_command(CLI::App& app, Program& program) {
  auto learn_to = std::make_shared<std::string>();
  auto* sidecar =
      add_verb(app, program, "run", "run the listeners", "sluice run -c sluice.yaml",
               [&program, learn_to](const Output& out) { return run(out, program, *learn_to); });
  sidecar->add_option(
      "--learn", *learn_to,
      "at its end writes the smallest policy that would have allowed what was seen");
  sidecar->add_option("-c,--config", program.common.config, "sluice.yaml");
  sidecar->add_option("--anchor", program.common.anchor,
                      "gets each signed checkpoint: a shell command on its stdin, an https URL by "
                      "POST");
  add_overrides(sidecar, program);
}

} // namespace sluice::cli
