// sluice ca init|show|export|env
#include "certs/authority.hpp"
#include "certs/trust.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/runtime/config.hpp"

#include <iostream>
#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

struct CaOptions {
  std::string dir;
  std::string bundle;
};

// --dir, else tls.ca_dir of the config, else ./ca.
Result<std::string> ca_directory(const Program& program, const CaOptions& options) {
  if (!options.dir.empty()) return options.dir;
  auto load = runtime::load_config_file(program.common.config);
  if (load.config && !load.config->ca_dir.empty()) return load.config->ca_dir;
  return std::string("ca");
}

Json info_json(const certs::CaInfo& info) {
  return {{"subject", info.subject},
          {"fingerprint", info.fingerprint},
          {"not_before", info.not_before},
          {"not_after", info.not_after},
          {"certificate", info.certificate_file},
          {"key", info.key_file}};
}

std::string info_text(const certs::CaInfo& info) {
  return "subject      " + info.subject + "\nfingerprint  " + info.fingerprint + "\nvalid        " +
         info.not_before + " to " + info.not_after + "\ncertificate  " + info.certificate_file +
         "\n";
}

int ca_init(const Output& out, const Program& program, const CaOptions& options) {
  const SystemClock clock;
  auto dir = ca_directory(program, options);
  auto made = certs::Authority::create(dir.value(), clock);
  if (!made) return out.fail(made.error());
  out.print(info_json(made.value().info()), info_text(made.value().info()));
  return kDone;
}

int with_authority(const Output& out, const Program& program, const CaOptions& options,
                   const std::function<int(const certs::Authority&)>& use) {
  const SystemClock clock;
  auto dir = ca_directory(program, options);
  auto loaded = certs::Authority::load(dir.value(), clock);
  if (!loaded) {
    return loaded.error().code == "ca_missing"
               ? out.fail(kNotFound, "ca_missing", loaded.error().detail,
                          "make one with: sluice ca init")
               : out.fail(loaded.error());
  }
  return use(loaded.value());
}

// For a POSIX shell: nothing is special between single quotes but a single quote.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

int ca_env(const Output& out, const certs::Authority& authority, const CaOptions& options) {
  const auto file =
      options.bundle.empty() ? authority.info().certificate_file + ".bundle.pem" : options.bundle;
  auto variables = certs::write_trust_bundle(authority, file);
  if (!variables) return out.fail(variables.error());
  Json environment = Json::object();
  std::string text;
  for (const auto& variable : variables.value()) {
    environment[variable.name] = variable.value;
    text += "export " + variable.name + "=" + shell_quoted(variable.value) + "\n";
  }
  out.print({{"environment", environment}}, text);
  return kDone;
}

} // namespace

void add_ca_commands(CLI::App& app, Program& program) {
  auto* ca = app.add_subcommand("ca", "the interception CA");
  ca->require_subcommand(1);
  auto options = std::make_shared<CaOptions>();
  const auto common = [&program, options](CLI::App* verb) {
    verb->add_option("--dir", options->dir,
                     "the CA directory (default: tls.ca_dir of the config, else ./ca)");
    verb->add_option("-c,--config", program.common.config, "sluice.yaml");
    return verb;
  };
  common(add_verb(
      *ca, program, "init", "make the CA; never overwrites one", "sluice ca init --dir ./ca",
      [&program, options](const Output& out) { return ca_init(out, program, *options); }));
  common(add_verb(*ca, program, "show", "who the CA is", "sluice ca show --dir ./ca",
                  [&program, options](const Output& out) {
                    return with_authority(
                        out, program, *options, [&out](const certs::Authority& authority) {
                          out.print(info_json(authority.info()), info_text(authority.info()));
                          return kDone;
                        });
                  }));
  common(add_verb(
      *ca, program, "export", "print the CA certificate (PEM), never the key",
      "sluice ca export --dir ./ca > sluice-ca.pem", [&program, options](const Output& out) {
        return with_authority(out, program, *options, [&out](const certs::Authority& authority) {
          out.print({{"certificate", authority.certificate_pem()}}, authority.certificate_pem());
          return kDone;
        });
      }));
  auto* env = common(
      add_verb(*ca, program, "env", "variables that make clients trust the CA",
               "eval \"$(sluice ca env --dir ./ca)\"", [&program, options](const Output& out) {
                 return with_authority(out, program, *options,
                                       [&out, options](const certs::Authority& authority) {
                                         return ca_env(out, authority, *options);
                                       });
               }));
  env->add_option("--bundle", options->bundle, "where to write system roots plus the CA");
}

} // namespace sluice::cli
