#include "proxy/cli/evidence_support.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/clock.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"

#include <charconv>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::size_t kMaxKeyFile = 16384;

// RFC 3339, or so long ago: 90s, 15m, 2h, 7d.
std::optional<std::int64_t> parse_moment(const std::string& text) {
  if (const auto time = parse_rfc3339_nanos(text)) return time;
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || count < 0 || stop == text.data() || stop + 1 != end) {
    return std::nullopt;
  }
  std::int64_t seconds = 0;
  switch (*stop) {
  case 's': seconds = 1; break;
  case 'm': seconds = 60; break;
  case 'h': seconds = 3600; break;
  case 'd': seconds = 86'400; break;
  default: return std::nullopt;
  }
  constexpr std::int64_t kNanos = 1'000'000'000;
  const std::int64_t now = SystemClock().unix_nanos();
  if (count > now / kNanos / seconds) return 0;
  return now - count * seconds * kNanos;
}

} // namespace

bool read_moment(const Output& out, const std::string& text, const char* name,
                 std::optional<std::int64_t>& value, int& failed) {
  if (text.empty()) return true;
  value = parse_moment(text);
  if (!value) {
    failed = out.fail(kUsage, "usage", std::string(name) + " is not a time",
                      "write 2026-01-02T03:04:05Z, or how long ago: 90s, 15m, 2h, 7d");
  }
  return value.has_value();
}

evidence::LogConfig evidence_config(const Program& program) {
  evidence::LogConfig config;
  auto load = runtime::load_config_file(program.common.config);
  if (load.config) {
    config = std::move(load.config->log);
    config.who = std::move(load.config->settings.who);
  } else {
    config.directory = "evidence";
  }
  if (!program.common.dir.empty()) config.directory = program.common.dir;
  if (config.key_file.empty()) config.key_file = evidence::key_path(config.directory);
  return config;
}

std::string evidence_directory(const Program& program) {
  return program.common.dir.empty() ? evidence_config(program).directory : program.common.dir;
}

CLI::App* add_evidence_options(CLI::App* verb, Program& program) {
  verb->add_option("--dir", program.common.dir,
                   "the evidence directory (default: evidence.dir of the config)");
  verb->add_option("-c,--config", program.common.config, "sluice.yaml");
  return verb;
}

void add_pin_options(CLI::App* verb, PinOptions& options) {
  verb->add_option("--public-key", options.public_key,
                   "PEM file of the key that has to have signed");
  verb->add_option("--fingerprint", options.fingerprint,
                   "hex SHA-256 of that key, as `sluice evidence key` shows it");
}

std::optional<evidence::KeyPin> read_pin(const Output& out, const PinOptions& options,
                                         int& failed) {
  evidence::KeyPin pin;
  pin.fingerprint = ascii_lower(options.fingerprint);
  if (!pin.fingerprint.empty() && (pin.fingerprint.size() != 64 || !from_hex(pin.fingerprint))) {
    failed = out.fail(kUsage, "usage", "--fingerprint is not 64 hex digits",
                      "copy it from: sluice evidence key");
    return std::nullopt;
  }
  if (options.public_key.empty()) return pin;
  const auto pem = evidence::read_file(options.public_key, kMaxKeyFile);
  if (!pem) {
    failed = out.fail(kNotFound, "not_found", pem.error().detail);
    return std::nullopt;
  }
  pin.key = evidence::PublicKey::from_pem(pem.value());
  if (!pin.key || (!pin.fingerprint.empty() && pin.fingerprint != pin.key->fingerprint())) {
    failed = out.fail(kUsage, "usage",
                      pin.key ? "--public-key and --fingerprint are of two keys"
                              : options.public_key + " holds no P-256 public key in PEM");
    return std::nullopt;
  }
  pin.fingerprint = pin.key->fingerprint();
  return pin;
}

} // namespace sluice::cli
