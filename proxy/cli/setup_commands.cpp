// sluice init|check|doctor
#include "certs/authority.hpp"
#include "policy/base/document.hpp"
#include "policy/engine/snapshot.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/cli/overlay_compile.hpp"
#include "proxy/cli/run_support.hpp"
#include "proxy/cli/starter_files.hpp"
#include "proxy/contain/box.hpp"
#include "proxy/runtime/config.hpp"
#include "proxy/runtime/policy_source.hpp"
#include "proxy/runtime/preflight.hpp"
#include "proxy/runtime/secrets.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

// ---- init --------------------------------------------------------------------------------------

// "" when there is none of that name.
std::string_view starter_policy(const std::string& name) {
  for (const StarterPolicy& one : starter_policies()) {
    if (one.name == name) return one.text;
  }
  return "";
}

std::vector<std::string> starter_names() {
  std::vector<std::string> out;
  for (const StarterPolicy& one : starter_policies()) out.emplace_back(one.name);
  return out;
}

int init(const Output& out, const std::string& dir, const std::string& starter) {
  const std::pair<fs::path, std::string_view> files[] = {
      {fs::path(dir) / "sluice.yaml", kStarterConfig},
      {fs::path(dir) / "policy.yaml", starter_policy(starter)}};
  for (const auto& [path, text] : files) {
    if (fs::exists(path)) {
      return out.fail(kFailed, "file_exists", path.string() + " exists already",
                      "init never overwrites");
    }
  }
  std::error_code error;
  fs::create_directories(dir, error);
  Json written = Json::array();
  std::string report;
  for (const auto& [path, text] : files) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush())
      return out.fail(kFailed, "cannot_write", path.string() + " cannot be written");
    written.push_back(path.string());
    report += "wrote " + path.string() + "\n";
  }
  report += "next: sluice ca init -c " + (fs::path(dir) / "sluice.yaml").string() + "\n";
  out.print({{"written", written}}, report);
  return kDone;
}

// ---- check -------------------------------------------------------------------------------------

bool is_sidecar_config(const Document& document) {
  return document.root.find("listeners") != nullptr || document.root.find("mode") != nullptr;
}

// JSON5 is what manifests are written in, and nothing else: their whole scenario is read and
// linked.
bool is_manifest(const std::string& path) {
  return path.ends_with(".json5");
}

Diagnostics check_file(const std::string& path) {
  if (is_manifest(path)) {
    OverlayOptions options;
    options.file = path;
    Diagnostics found;
    (void)compile_scenario(options, Ask::nobody, found);
    return found;
  }
  Diagnostics found;
  const auto document = load_document(path, found);
  if (!document) return found;
  if (!is_sidecar_config(*document)) return engine::load_policy_file(path).diagnostics;
  auto load = runtime::load_config_file(path);
  if (load.config) { // what the config names is part of what is checked
    runtime::PolicySource source(*load.config);
    const auto keys = source.read_keys();
    const auto policy = source.read();
    const auto logins = policy.snapshot
                            ? runtime::preflight(*policy.snapshot, load.config->policy_file)
                            : Diagnostics();
    for (const auto& more :
         {keys, policy.diagnostics, runtime::preflight(*load.config, SystemClock()), logins}) {
      load.diagnostics.insert(load.diagnostics.end(), more.begin(), more.end());
    }
  }
  return load.diagnostics;
}

int print_defaults(const Output& out) {
  Json table = Json::object();
  std::string text;
  for (const auto& row : runtime::config_defaults()) {
    table[row.key] = {{"default", row.value}, {"meaning", row.meaning}};
    text += row.key + std::string(row.key.size() < 26 ? 26 - row.key.size() : 1, ' ') + row.value +
            std::string(row.value.size() < 14 ? 14 - row.value.size() : 1, ' ') + row.meaning +
            "\n";
  }
  out.print({{"defaults", table}}, text);
  return kDone;
}

// As it is, with --json too: one JSON document either way.
int print_schema(const std::string& of) {
  std::cout << (of == "policy" ? engine::policy_schema() : runtime::config_schema()).text;
  return kDone;
}

int check(const Output& out, const std::vector<std::string>& files) {
  Diagnostics all;
  for (const auto& file : files) {
    auto found = check_file(file);
    all.insert(all.end(), found.begin(), found.end());
  }
  if (has_errors(all)) return out.fail(all);
  out.print({{"files", files}, {"valid", true}, {"warnings", to_json(all)}},
            format(all) + (all.empty() ? "" : "\n") + std::to_string(files.size()) +
                " file(s) valid\n");
  return kDone;
}

// ---- doctor ------------------------------------------------------------------------------------

struct Finding {
  std::string name;
  bool ok = false;
  std::string detail, fix;
  bool advice = false; // good to have; without it the machine is still healthy
};

Finding descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return {"file descriptors", limit.rlim_max >= 4096, std::to_string(limit.rlim_max) + " at most",
          "raise the hard limit: each connection needs two"};
}

Finding interception_ca(const runtime::Config& config) {
  if (config.ca_dir.empty())
    return {"interception CA", false, "tls.ca_dir is not set",
            "set tls.ca_dir and run: sluice ca init"};
  const SystemClock clock;
  auto authority = certs::Authority::load(config.ca_dir, clock);
  if (!authority)
    return {"interception CA", false, authority.error().detail, "run: sluice ca init"};
  return {"interception CA", true,
          authority.value().info().subject + ", until " + authority.value().info().not_after, ""};
}

Finding evidence_directory(const runtime::Config& config) {
  const fs::path dir = config.log.directory;
  const fs::path nearest =
      fs::exists(dir) ? dir : (dir.has_parent_path() ? dir.parent_path() : fs::path("."));
  const bool ok = ::access(nearest.c_str(), W_OK) == 0;
  return {"evidence directory", ok, dir.string() + (ok ? " can be written" : " cannot be written"),
          "give sluice write access to it; without evidence no call is let out"};
}

Finding secret_sources(const runtime::Config& config) {
  auto secrets = runtime::read_secrets(config.secrets);
  if (!secrets)
    return {"secrets", false, secrets.error().detail,
            "make the source readable before sluice starts"};
  return {"secrets", true, std::to_string(secrets.value().size()) + " known", ""};
}

// The box `sluice exec` would make, made and thrown away.
Finding sealed_box() {
  auto box = contain::Box::create({});
  Finding out{"containment of exec", box.has_value(), "", "", true};
  out.detail = box ? "a sealed box by " + std::string(box.value()->kind())
                   : "proxy variables only: " + box.error().detail;
  out.fix = "install nftables and iproute2; run as root, or allow user namespaces";
  return out;
}

std::vector<Finding> examine(const std::string& config_file) {
  std::vector<Finding> all = {descriptors(), sealed_box()};
  auto load = runtime::load_config_file(config_file);
  if (!load.config) {
    all.push_back(
        {"configuration", false, format(load.diagnostics), "run: sluice check " + config_file});
    return all;
  }
  all.push_back({"configuration", true, config_file, ""});
  runtime::PolicySource source(*load.config);
  const bool keys = !has_errors(source.read_keys());
  const auto policy = source.read();
  all.push_back({"policy", keys && policy.snapshot != nullptr,
                 policy.snapshot ? policy.snapshot->digest : format(policy.diagnostics),
                 "run: sluice check " + config_file});
  all.push_back(interception_ca(*load.config));
  all.push_back(evidence_directory(*load.config));
  all.push_back(secret_sources(*load.config));
  const bool enforcing = load.config->settings.mode == io::Mode::enforce;
  all.push_back({"mode", enforcing, std::string(io::to_string(load.config->settings.mode)),
                 "this mode does not enforce; set mode: enforce"});
  return all;
}

int doctor(const Output& out, const std::string& config_file) {
  Json findings = Json::array();
  std::string text;
  bool healthy = true;
  for (const auto& one : examine(config_file)) {
    healthy = healthy && (one.ok || one.advice);
    findings.push_back({{"name", one.name},
                        {"ok", one.ok},
                        {"detail", one.detail},
                        {"fix", one.ok ? "" : one.fix}});
    text += std::string(one.ok       ? "ok    "
                        : one.advice ? "note  "
                                     : "FAIL  ") +
            one.name + ": " + one.detail + "\n";
    if (!one.ok) text += "      fix: " + one.fix + "\n";
  }
  out.print({{"healthy", healthy}, {"findings", findings}}, text);
  return healthy ? kDone : kFailed;
}

} // namespace

void add_setup_commands(CLI::App& app, Program& program) {
  struct Options {
    std::string dir = ".";
    std::string starter = kUsualStarter;
    std::vector<std::string> files;
    std::string schema; // of which document; "": of none
    bool defaults = false;
    bool probe = false;
  };
  auto options = std::make_shared<Options>();
  auto* start = add_verb(app, program, "init", "write a commented sluice.yaml and policy.yaml",
                         "sluice init ./agent --starter llm-only", [options](const Output& out) {
                           return init(out, options->dir, options->starter);
                         });
  start->add_option("DIR", options->dir, "where to (default: here)");
  start->add_option("--starter", options->starter, "the policy to begin with")
      ->check(CLI::IsMember(starter_names()));

  auto* verb =
      add_verb(app, program, "check", "validate files; every problem at once",
               "sluice check sluice.yaml policy.yaml scenario.json5", [options](const Output& out) {
                 if (options->defaults) return print_defaults(out);
                 if (!options->schema.empty()) return print_schema(options->schema);
                 if (options->files.empty())
                   return out.fail(kUsage, "usage", "no file given", "sluice check FILE...");
                 return check(out, options->files);
               });
  verb->add_option("FILE", options->files, "sluice.yaml or policy files");
  verb->add_flag("--defaults", options->defaults, "print every default of sluice.yaml");
  verb->add_option("--schema", options->schema, "print the JSON Schema of a document, for editors")
      ->check(CLI::IsMember({"policy", "config"}));

  auto* health =
      add_verb(app, program, "doctor", "what this machine can do, and how to fix what it cannot",
               "sluice doctor -c sluice.yaml", [&program, options](const Output& out) {
                 if (options->probe) return probe_containment(out, program);
                 return doctor(out, program.common.config);
               });
  health->add_flag("--probe", options->probe,
                   "make the box of exec and try every way out of it; the result is a record");
  health->add_option("-c,--config", program.common.config, "sluice.yaml");
}

} // namespace sluice::cli
