#include "proxy/cli/overlay_compile.hpp"

#include "overlay/deploy/sidecar_files.hpp"
#include "overlay/manifest/json5.hpp"
#include "overlay/plan/declarative.hpp"
#include "overlay/scenario/reference.hpp"
#include "overlay/scenario/resolve.hpp"
#include "policy/evidence/file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
using overlay::LockUse;

Diagnostic about_file(const std::string& file, std::string message, std::string hint = {}) {
  Diagnostic out;
  out.file = file;
  out.message = std::move(message);
  out.hint = std::move(hint);
  return out;
}

std::optional<std::string> read_text(const std::string& path, Diagnostics& out) {
  auto text = evidence::read_file(path, overlay::kMaxManifestBytes);
  if (text) return std::move(text.value());
  out.push_back(about_file(path, "the file cannot be read", text.error().detail));
  return std::nullopt;
}

// NAME=value a line, as docker-compose has it; quotes around a value are taken off.
void read_env_file(const std::string& path, std::map<std::string, std::string>& into,
                   Diagnostics& out) {
  const auto text = read_text(path, out);
  if (!text) return;
  std::size_t line = 0;
  for (std::size_t at = 0; at < text->size();) {
    const auto end = std::min(text->find('\n', at), text->size());
    std::string_view one = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    ++line;
    if (one.ends_with('\r')) one.remove_suffix(1);
    if (one.starts_with("export ")) one.remove_prefix(7);
    if (one.empty() || one.front() == '#') continue;
    const auto equals = one.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      auto problem = about_file(path, "this is no NAME=value", "a comment begins with #");
      problem.line = static_cast<int>(line);
      out.push_back(std::move(problem));
      continue;
    }
    std::string_view value = one.substr(equals + 1);
    const bool quoted = value.size() >= 2 && value.front() == value.back() &&
                        (value.front() == '"' || value.front() == '\'');
    if (quoted) value = value.substr(1, value.size() - 2);
    into[std::string(one.substr(0, equals))] = std::string(value);
  }
}

// What is set in the environment wins over what files say.
std::map<std::string, std::string> variables_of(const OverlayOptions& options, Diagnostics& out) {
  std::map<std::string, std::string> all;
  for (const auto& file : options.env_files) read_env_file(file, all, out);
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
    const std::string_view text = *one;
    if (!text.starts_with(overlay::kConfigVariablePrefix)) continue;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    all[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
  }
  return all;
}

overlay::Json root_values(const OverlayOptions& options, const overlay::Linked& linked,
                          Diagnostics& out) {
  overlay::Json file = overlay::Json::object();
  if (!options.config_file.empty()) {
    const auto text = read_text(options.config_file, out);
    const auto document =
        text ? overlay::parse_json5(*text, options.config_file, out) : std::nullopt;
    if (document && !document->root.is_map()) {
      out.push_back(about_file(options.config_file, "the config of a scenario is a map"));
    } else if (document) {
      file = overlay::to_json(document->root);
    }
  }
  const auto& schema = linked.scenario.components.front().config_schema;
  auto read =
      overlay::read_root_values(schema ? &*schema : nullptr, variables_of(options, out), file);
  for (const auto& fault : read.faults) {
    out.push_back(about_file("config" + fault.pointer, fault.message, fault.hint));
  }
  for (const auto& name : read.unknown) {
    auto problem = about_file(name, "no property of the scenario's config has this variable");
    problem.level = Diagnostic::Level::warning;
    out.push_back(std::move(problem));
  }
  return std::move(read.values);
}

std::optional<overlay::Linked> link_file(const OverlayOptions& options, Diagnostics& out) {
  std::error_code error;
  const auto here = fs::current_path(error).string();
  const auto path = overlay::normal_path(options.file.starts_with('/') ? options.file
                                                                       : here + '/' + options.file);
  if (error || !path) {
    out.push_back(about_file(options.file, "this is no path of a file"));
    return std::nullopt;
  }
  const auto folder = overlay::folder_of(*path);
  auto reader = overlay::read_manifests_below(options.allow_outside ? "/" : folder);
  if (!reader) {
    out.push_back(about_file(options.file, "the file cannot be read", reader.error().detail));
    return std::nullopt;
  }
  overlay::ResolveOptions how;
  how.read = std::move(reader.value());
  how.allow_outside = options.allow_outside;
  const auto cut = options.file.rfind('/');
  how.shown_folder = cut == std::string::npos ? "" : options.file.substr(0, cut + 1);
  const auto tree = overlay::resolve(*path, how, out);
  return tree ? overlay::link(*tree, out) : std::nullopt;
}

// What a built-in interposer does not know is told where it was written, by every verb.
void judge_builtins(const overlay::Linked& linked, Diagnostics& out) {
  const auto judge = [&out](const overlay::Manifest& in, overlay::Builtin builtin,
                            const std::optional<overlay::Json>& config, const std::string& at) {
    if (!config) return;
    for (const auto& one : overlay::check_builtin_config(builtin, *config))
      out.push_back(overlay::problem_at(in, at + one.pointer, one.message, one.hint));
  };
  for (const auto& one : linked.overlays) {
    const auto& manifest = linked.scenario.at(one.scope).manifest;
    if (!one.declarative || !manifest) continue;
    judge(*manifest, one.declarative->builtin, one.declarative->config,
          "/use/" + pointer_token(one.use) + "/config");
  }
  for (const auto& one : linked.scenario.components) {
    if (!one.manifest || !one.program || !one.program->builtin) continue;
    judge(*one.manifest, *one.program->builtin, one.program->builtin_config, "/program/config");
  }
}

// A guard that stands nowhere is most likely a slip of the pen.
void warn_of_idle_overlays(const overlay::Linked& linked, Diagnostics& out) {
  for (const auto& one : linked.overlays) {
    if (!one.declarative || !one.egress.empty()) continue;
    const auto scope = overlay::scope_of(linked.scenario, one.scope);
    if (!overlay::declared_plan(*one.declarative, linked.scenario, scope).interpositions.empty())
      continue;
    auto problem = about_file(linked.scenario.at(one.scope).moniker,
                              "the overlay #" + one.use + '.' + one.export_name +
                                  " selects no edge of its scope",
                              "look at its select; components are named from the scope's own");
    problem.level = Diagnostic::Level::warning;
    problem.code = "compiler::overlay_selects_nothing";
    out.push_back(std::move(problem));
  }
}

std::optional<overlay::PlanLock> read_lock(const OverlayOptions& options, Diagnostics& out) {
  const auto text = read_text(options.lock, out);
  return text ? overlay::PlanLock::parse(*text, options.lock, out) : std::nullopt;
}

std::optional<overlay::Passed> pass(const OverlayOptions& options, const CompiledScenario& made,
                                    Diagnostics& out) {
  overlay::PassOptions how;
  how.root_values = made.root_values;
  how.use = options.frozen ? LockUse::frozen : options.locked ? LockUse::locked : LockUse::none;
  std::optional<overlay::PlanLock> lock;
  if (how.use != LockUse::none) {
    lock = read_lock(options, out);
    if (!lock) return std::nullopt;
    how.lock = &*lock;
  }
  if (has_errors(out)) return std::nullopt;
  auto passed = overlay::run_overlays(made.linked, how, out);
  if (!passed || options.lock.empty() || options.frozen) return passed;
  if (lock && lock->text() == passed->lock.text()) return passed;
  const auto path = fs::absolute(options.lock).string();
  if (const auto written = evidence::write_file_atomically(path, passed->lock.text()); !written) {
    out.push_back(about_file(options.lock, "the lock cannot be written", written.error().detail));
    return std::nullopt;
  }
  return passed;
}

bool denied(const OverlayOptions& options, Diagnostics& found) {
  if (!options.deny_warnings || found.empty()) return false;
  for (auto& one : found) one.level = Diagnostic::Level::error;
  return true;
}

int usage(const Output& out, const std::string& what, const std::string& hint) {
  return out.fail(kUsage, "usage", what, hint);
}

} // namespace

void add_overlay_options(CLI::App* verb, const std::shared_ptr<OverlayOptions>& options) {
  verb->add_option("SCENARIO", options->file, "the root's manifest, JSON5")->required();
  verb->add_flag("--allow-outside", options->allow_outside,
                 "manifests may lie outside of the root's folder");
  verb->add_option("--lock", options->lock, "where answers are kept beside their questions");
  verb->add_flag("--locked", options->locked, "take from the lock what it answers");
  verb->add_flag("--frozen", options->frozen, "start nothing: what the lock lacks is an error");
  verb->add_option("--env-file", options->env_files, "NAME=value lines; may be repeated");
  verb->add_option("--config-file", options->config_file, "the scenario's config, JSON5");
  verb->add_option_function<std::string>(
          "-D", [options](const std::string&) { options->deny_warnings = true; },
          "warnings: each is an error")
      ->check(CLI::IsMember({"warnings"}));
}

std::optional<int> wrong_overlay_usage(const Output& out, const OverlayOptions& options) {
  if (options.locked && options.frozen)
    return usage(out, "--locked and --frozen", "frozen is locked, and nothing may have changed");
  if ((options.locked || options.frozen) && options.lock.empty())
    return usage(out, "no lock was named", "--lock FILE");
  return std::nullopt;
}

std::string external_slot_url(const std::string& slot) {
  std::string name = "AMBER_EXTERNAL_SLOT_";
  for (const char c : slot) {
    const bool low = c >= 'a' && c <= 'z';
    const bool plain = low || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += low ? static_cast<char>(c - 'a' + 'A') : plain ? c : '_';
  }
  const char* value = std::getenv((name + "_URL").c_str());
  return value == nullptr ? "" : value;
}

std::optional<CompiledScenario> compile_scenario(const OverlayOptions& options, Ask ask,
                                                 Diagnostics& out) {
  auto linked = link_file(options, out);
  if (!linked) return std::nullopt;
  CompiledScenario made;
  made.linked = std::move(*linked);
  warn_of_idle_overlays(made.linked, out);
  judge_builtins(made.linked, out);
  if (has_errors(out)) return std::nullopt;
  if (denied(options, out)) return std::nullopt; // before a program runs
  if (ask == Ask::nobody) return made;
  made.root_values = root_values(options, made.linked, out);
  made.passed = pass(options, made, out);
  if (!made.passed || denied(options, out)) return std::nullopt;
  return made;
}

} // namespace sluice::cli
