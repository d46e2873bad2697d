// sluice redact: the redactor as a filter.
#include "policy/engine/snapshot.hpp"
#include "policy/redact/redactor.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/runtime/config.hpp"
#include "proxy/runtime/secrets.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

namespace sluice::cli {
namespace {

std::string new_fingerprint_key() {
  std::string key(32, '\0');
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) key.clear();
  return key;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

Json findings_json(const redact::Findings& findings) {
  Json list = Json::array();
  for (const auto& one : findings.all()) {
    list.push_back({{"rule", one.rule},
                    {"count", one.count},
                    {"action", redact::to_string(one.action)},
                    {"fingerprint", one.fingerprint}});
  }
  return list;
}

struct RedactOptions {
  std::string config, rules, findings;
  bool pii = false, exit_code = false;
};

// Without --config and --rules only token formats are looked for.
Result<redact::RuleSetConfig> config_of(const RedactOptions& options, Diagnostics& diagnostics) {
  redact::RuleSetConfig rules;
  if (!options.rules.empty()) {
    auto load = engine::load_policy_file(options.rules);
    diagnostics = std::move(load.diagnostics);
    if (!load.snapshot) return make_error(Origin::config, "policy_invalid", options.rules);
    rules = engine::redaction_of(*load.snapshot);
  }
  rules.pii = rules.pii || options.pii;
  if (!options.config.empty()) {
    auto load = runtime::load_config_file(options.config);
    diagnostics = std::move(load.diagnostics);
    if (!load.config) return make_error(Origin::config, "config_invalid", options.config);
    SLUICE_TRY(auto&& known, runtime::read_secrets(load.config->secrets));
    rules.known = known;
  }
  rules.fingerprint_key = new_fingerprint_key(); // tells the findings of one run apart
  return rules;
}

// One JSON object a line. Written when all is read: a finding says how often.
bool write_findings(const std::string& file, const redact::Findings& findings) {
  std::ofstream to(file, std::ios::binary | std::ios::trunc);
  for (auto& one : findings_json(findings)) {
    one["place"] = "stdin";
    to << dump(one) << "\n";
  }
  to.close();
  return to.good();
}

int filter(const Output& out, const RedactOptions& options) {
  Diagnostics diagnostics;
  const auto config = config_of(options, diagnostics);
  if (!config) return has_errors(diagnostics) ? out.fail(diagnostics) : out.fail(config.error());
  const auto rules = redact::RuleSet::build(config.value());
  if (!rules) return out.fail(rules.error());
  // Wherever a rule looks, here it does, and as it says.
  const auto scope = redact::Scope::in_call(redact::Place::anywhere, config.value().pii);
  redact::Redactor redactor(rules.value(), redact::Redactor::Mask::placeholder, scope);
  std::string masked;
  char piece[64 * 1024];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return out.fail(kFailed, "cannot_read", "standard input cannot be read");
    if (got == 0) {
      redactor.finish(masked);
    } else {
      redactor.feed({piece, static_cast<std::size_t>(got)}, masked);
    }
    if (!out.json()) { // a filter gives on at once what is certain
      if (!write_all(STDOUT_FILENO, masked))
        return out.fail(kFailed, "cannot_write", "standard output is closed");
      masked.clear();
    }
    if (got == 0) break;
  }
  if (out.json())
    out.print({{"text", masked}, {"findings", findings_json(redactor.findings())}}, "");
  if (!options.findings.empty() && !write_findings(options.findings, redactor.findings()))
    return out.fail(kFailed, "cannot_write", options.findings + " cannot be written");
  return options.exit_code && !redactor.blocked_by().empty() ? kBlocked : kDone;
}

} // namespace

void add_redact_command(CLI::App& app, Program& program) {
  auto options = std::make_shared<RedactOptions>();
  auto* verb = add_verb(app, program, "redact", "take secrets out of standard input",
                        "sluice redact < agent.log > clean.log",
                        [options](const Output& out) { return filter(out, *options); });
  verb->add_option("-c,--config", options->config, "sluice.yaml whose secrets are looked for too");
  verb->add_option("--rules", options->rules, "policy whose redaction section is used");
  verb->add_flag("--pii", options->pii, "look for personal data, too");
  verb->add_option("--findings", options->findings,
                   "write what was found there, a JSON object a line");
  verb->add_flag("--exit-code", options->exit_code, "10 when a rule with action: block matched");
}

} // namespace sluice::cli
