// sluice redact: the redactor as a filter.
#include "policy/redact/redactor.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/runtime/config.hpp"
#include "proxy/runtime/secrets.hpp"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

namespace sluice::cli {
namespace {

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
  for (const auto& one : findings.all()) list.push_back({{"rule", one.rule}, {"count", one.count}});
  return list;
}

// Without --config only token formats are looked for; with it the known secrets too.
Result<std::shared_ptr<const redact::RuleSet>> rules_of(const std::string& config_file,
                                                        Diagnostics& diagnostics) {
  redact::RuleSetConfig rules;
  if (!config_file.empty()) {
    auto load = runtime::load_config_file(config_file);
    diagnostics = std::move(load.diagnostics);
    if (!load.config) return make_error(Origin::config, "config_invalid", config_file);
    SLUICE_TRY(auto&& known, runtime::read_secrets(load.config->secrets));
    rules.known = known;
  }
  return redact::RuleSet::build(rules);
}

int filter(const Output& out, const std::string& config_file) {
  Diagnostics diagnostics;
  auto rules = rules_of(config_file, diagnostics);
  if (!rules) return has_errors(diagnostics) ? out.fail(diagnostics) : out.fail(rules.error());
  redact::Redactor redactor(rules.value());
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
  return kDone;
}

} // namespace

void add_redact_command(CLI::App& app, Program& program) {
  auto config = std::make_shared<std::string>();
  auto* verb = add_verb(app, program, "redact", "take secrets out of standard input",
                        "sluice redact < agent.log > clean.log",
                        [config](const Output& out) { return filter(out, *config); });
  verb->add_option("-c,--config", *config, "sluice.yaml whose secrets are looked for too");
}

} // namespace sluice::cli
