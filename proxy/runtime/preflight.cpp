#include "proxy/runtime/preflight.hpp"

#include "certs/authority.hpp"
#include "certs/card_signer.hpp"
#include "certs/identity.hpp"
#include "certs/trust.hpp"
#include "proxy/runtime/file_state.hpp"
#include "proxy/runtime/secrets.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace sluice::runtime {
namespace {

struct Problem {
  Diagnostic::Level level = Diagnostic::Level::error;
  std::string message, hint;
};

std::optional<Problem> problem_of(std::vector<redact::KnownSecret> known) {
  redact::RuleSetConfig rules;
  rules.known = std::move(known);
  if (const auto built = redact::RuleSet::build(rules); !built)
    return Problem{Diagnostic::Level::error, built.error().detail,
                   "at least 6 bytes, or 3 with allow_short: true"};
  return std::nullopt;
}

// What is wrong with a value where it is read from.
std::optional<Problem> problem_of(const SecretSource& source) {
  namespace fs = std::filesystem;
  using Level = Diagnostic::Level;
  std::error_code error;
  if (source.from == SecretSource::From::exec)
    return Problem{Level::warning, "the helper was not run, so its value is not checked",
                   "sluice doctor runs it"};
  // Reading a pipe would take the value from whoever it is for, or wait for it.
  if (source.from == SecretSource::From::file &&
      fs::is_fifo(fs::status(source.words.front(), error)))
    return Problem{Level::warning, "the file is a pipe and was not read", ""};
  auto known = read_secrets({source});
  if (!known) return Problem{Level::error, known.error().detail, "run refuses to start without it"};
  return problem_of(std::move(known.value()));
}

// Of one that holds several keys, whose value could be read.
std::optional<Problem> problem_of_document(const model::Credential& one,
                                           const std::string& folder) {
  if (one.type != model::Credential::Type::aws_sigv4 || !one.keys.empty()) return std::nullopt;
  const auto read = read_credentials({one}, folder);
  if (!read) return Problem{Diagnostic::Level::error, read.error().detail, ""};
  std::vector<redact::KnownSecret> known;
  add_known(read.value(), known);
  return problem_of(std::move(known));
}

Diagnostic at_pointer(const Config& config, Diagnostic::Level level, const std::string& pointer,
                      std::string message, std::string hint) {
  const auto at = config.places.find(pointer);
  const auto place = at == config.places.end() ? Place{} : at->second;
  return {level,   config.file,        place.line,     place.column,
          pointer, std::move(message), std::move(hint)};
}

class Preflight {
 public:
  Preflight(const Config& config, const Clock& clock) : config_(config), clock_(clock) {}

  Diagnostics run() {
    interception_ca();
    roots();
    identity();
    card_keys();
    for (std::size_t i = 0; i < config_.secrets.size(); ++i) {
      secret(config_.secrets[i], "/secrets/" + std::to_string(i) + "/value");
    }
    return std::move(found_);
  }

 private:
  using Level = Diagnostic::Level;

  void report(Level level, const std::string& pointer, std::string message, std::string hint) {
    found_.push_back(at_pointer(config_, level, pointer, std::move(message), std::move(hint)));
  }

  void interception_ca() {
    if (config_.ca_dir.empty()) return;
    const auto loaded = certs::Authority::load(config_.ca_dir, clock_);
    if (loaded) return;
    const bool missing = loaded.error().code == "ca_missing";
    report(Level::error, "/tls/ca_dir", loaded.error().detail,
           missing ? "make it with: sluice ca init --dir " + config_.ca_dir : loaded.error().code);
  }

  void roots() {
    if (const auto made = certs::make_upstream_context(config_.upstream_roots, {}); !made) {
      report(Level::error, "/tls/upstream_roots", made.error().detail + " cannot be read",
             "install ca-certificates, or upstream_roots: none");
    }
    for (std::size_t i = 0; i < config_.extra_roots.size(); ++i) {
      const auto made =
          certs::make_upstream_context(certs::UpstreamRoots::none, {config_.extra_roots[i]});
      if (made) continue;
      report(Level::error, "/tls/extra_roots/" + std::to_string(i),
             "no certificates can be read from it: " + made.error().detail,
             "a PEM file that sluice can read");
    }
  }

  void identity() {
    if (!config_.identity) return;
    const auto loaded = certs::Identity::load(*config_.identity, clock_);
    if (!loaded) found_.push_back(identity_problem(config_, loaded.error()));
  }

  void card_keys() {
    const auto& listeners = config_.settings.listeners;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      if (listeners[i].card_key.empty()) continue;
      const auto loaded = certs::CardSigner::load(listeners[i].card_key);
      if (loaded) continue;
      report(Level::error, "/listeners/" + std::to_string(i) + "/urls/card_key",
             loaded.error().detail,
             "an EC key of P-256 in PEM: openssl genpkey -algorithm EC -pkeyopt "
             "ec_paramgen_curve:P-256");
    }
  }

  void secret(const SecretSource& source, const std::string& pointer) {
    const auto found = problem_of(source);
    if (found) report(found->level, pointer, found->message, found->hint);
  }

  const Config& config_;
  const Clock& clock_;
  Diagnostics found_;
};

} // namespace

Diagnostic identity_problem(const Config& config, const Error& error) {
  std::string hint = "a PEM file of the mesh's CA";
  if (error.code == "certificate") hint = "a certificate with exactly one URI name, spiffe://…/…";
  if (error.code == "key") hint = "the certificate's key, mode 0600 and without a password";
  return at_pointer(config, Diagnostic::Level::error, "/identity/" + error.code, error.detail,
                    std::move(hint));
}

Diagnostics preflight(const Config& config, const Clock& clock) {
  return Preflight(config, clock).run();
}

Diagnostics preflight(const engine::Snapshot& policy, const std::string& file) {
  Diagnostics out;
  for (std::size_t i = 0; i < policy.credentials.size(); ++i) {
    const auto& one = policy.credentials[i];
    const auto pointer = "/credentials/" + std::to_string(i) + '/';
    for (const auto& source : sources_of(one, folder_of(file))) {
      auto found = problem_of(source);
      if (!found) found = problem_of_document(one, folder_of(file));
      if (!found) continue;
      if (found->level == Diagnostic::Level::error)
        found->hint = "a login has at least 6 bytes; run refuses to start without it";
      const auto key = one.keys.empty() ? "value" : source.id.substr(source.id.rfind('.') + 1);
      out.push_back({found->level, file, 0, 0, pointer + key, std::move(found->message),
                     std::move(found->hint)});
    }
  }
  return out;
}

} // namespace sluice::runtime
