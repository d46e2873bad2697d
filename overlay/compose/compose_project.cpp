#include "overlay/compose/compose_project.hpp"

#include "overlay/compose/compose_parts.hpp"
#include "overlay/config/evaluate.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

class Composer {
 public:
  Composer(const Scenario& scenario, const Prepared& prepared, const ComposeWish& wish,
           Diagnostics& out)
      : scenario_(scenario), prepared_(prepared), wish_(wish), out_(out),
        texts_(secret_texts(scenario, prepared.configs)) {}

  std::optional<ComposeProject> run() {
    const auto before = out_.size();
    plan_.name = wish_.name;
    plan_.trust = wish_.trust;
    for (const Unit& one : units()) add_unit(one);
    number_exports();
    auto tasks = builtin_tasks();
    for (ComposeUnit& one : plan_.units) add_program(one);
    gather_inputs();
    if (out_.size() != before) return std::nullopt;
    const Sidecars sidecars(scenario_, prepared_.deployment, std::move(tasks), layout());
    plan_.domain = sidecars.trust_domain();
    for (UnitId id = 0; id < units().size(); ++id) write_unit(id, sidecars);
    write_shared(sidecars);
    if (out_.size() != before) return std::nullopt;
    return std::move(made_);
  }

 private:
  using BuiltinTasks = std::map<ComponentId, std::vector<BuiltinTask>>;

  const std::vector<Unit>& units() const { return prepared_.deployment.units; }

  void tell(const std::string& where, std::string message, std::string hint = {}) {
    out_.push_back(run_problem(where, std::move(message), std::move(hint)));
  }

  // ---- units and exports -----------------------------------------------------------------------

  void add_unit(const Unit& unit) {
    ComposeUnit one;
    one.unit = &unit;
    one.first = &scenario_.at(unit.stands.front());
    one.entrances.program = !unit.builtin;
    for (const Inlet& inlet : unit.inlets) {
      if (!inlet.callers.empty()) one.entrances.mesh.push_back(inlet.mesh_port);
    }
    one.outside = !unit.builtin || !unit.exports.empty() ||
                  std::any_of(unit.outlets.begin(), unit.outlets.end(),
                              [](const Outlet& outlet) { return !outlet.external.empty(); });
    plan_.units.push_back(std::move(one));
  }

  std::string variable_of(const std::string& name) {
    std::string out = "SLUICE_PORT_";
    for (const char c : name) {
      const bool low = c >= 'a' && c <= 'z';
      const bool plain = low || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      out += low ? static_cast<char>(c - 'a' + 'A') : plain ? c : '_';
    }
    const std::string first = out;
    for (int i = 2; !variables_.insert(out).second; ++i) out = first + '_' + std::to_string(i);
    return out;
  }

  // In the order of names, so that a port stays when components move.
  void number_exports() {
    for (const auto& wished : wish_.ports) {
      const auto known = [&](const ScenarioExport& one) { return one.name == wished.first; };
      if (std::none_of(scenario_.exports.begin(), scenario_.exports.end(), known))
        tell(wished.first, "the scenario has no export of this name");
    }
    std::uint16_t published = kFirstPublishedPort;
    for (const ScenarioExport& of : scenario_.exports) {
      for (UnitId id = 0; id < units().size(); ++id) {
        for (const Export& one : units()[id].exports) {
          if (one.name == of.name) add_export(id, one, published);
        }
      }
      ++published;
    }
  }

  void add_export(UnitId id, const Export& one, std::uint16_t published) {
    const auto& unit = units()[id];
    const auto taken = [&](std::uint16_t port) {
      const auto is = [port](const auto& other) { return other.program_port == port; };
      return std::any_of(unit.exports.begin(), unit.exports.end(), is) ||
             std::any_of(unit.inlets.begin(), unit.inlets.end(), is);
    };
    auto& ports = plan_.units[id].entrances.exports;
    std::uint16_t port =
        ports.empty() ? kFirstExportPort : static_cast<std::uint16_t>(ports.back() + 1);
    while (taken(port)) ++port;
    ports.push_back(port);
    const auto wished = wish_.ports.find(one.name);
    if (wished != wish_.ports.end()) published = wished->second;
    plan_.exports.push_back({one.name, variable_of(one.name), published, port, one.http, id});
  }

  const ComposeExport& export_of(const Export& one) const {
    return *std::find_if(plan_.exports.begin(), plan_.exports.end(),
                         [&](const ComposeExport& known) { return known.name == one.name; });
  }

  Layout layout() const {
    Layout out;
    out.host = [this](UnitId id) { return units()[id].name + "-net"; };
    out.mesh_port = [this](InletRef at) { return units()[at.unit].inlets[at.inlet].mesh_port; };
    out.export_port = [this](const Export& one) { return export_of(one).port; };
    out.export_url = [this](const Export& one) {
      return (one.http ? "http://127.0.0.1:" : "tcp://127.0.0.1:") +
             std::to_string(export_of(one).published);
    };
    out.external_url = wish_.external_url;
    out.mesh_address = out.export_address = "0.0.0.0";
    out.program_host = "127.0.0.1";
    out.evidence_dir = kComposeEvidence;
    out.roots = std::string(kComposeKeys) + "/mesh-ca.pem";
    out.identity = [](UnitId) { return std::string(kComposeKeys) + "/identity"; };
    out.ca_dir = [](UnitId) { return std::string(kComposeKeys) + "/ca"; };
    out.captures = true;
    return out;
  }

  // ---- what built-in interposers are told ------------------------------------------------------

  BuiltinTasks builtin_tasks() {
    BuiltinTasks out;
    for (const auto& [id, tasks] : prepared_.tasks) {
      ComposeUnit* unit = unit_of(id);
      if (unit == nullptr) continue;
      for (const ComposedTask& one : tasks) out[id].push_back(task_of(*unit, id, one));
    }
    return out;
  }

  ComposeUnit* unit_of(ComponentId id) {
    for (ComposeUnit& one : plan_.units) {
      const auto& stands = one.unit->stands;
      if (std::find(stands.begin(), stands.end(), id) != stands.end()) return &one;
    }
    return nullptr;
  }

  BuiltinTask task_of(ComposeUnit& unit, ComponentId id, const ComposedTask& of) {
    BuiltinTask out{of.builtin, Json::object(), {}};
    const std::string& where = scenario_.at(id).moniker;
    std::set<std::string> unknown;
    out.config = known_part(of.config, unknown);
    if (!out.config.is_object()) {
      tell(where, "the config of what overlays put there is known only when the scenario starts");
      return out;
    }
    if (of.builtin == Builtin::redact && out.config.contains("terms")) {
      const auto member = of.config.members.find("terms");
      const bool own = of.config.kind == ConfigTree::Kind::object;
      out.term_files = own ? terms_of(unit, where, member->second)
                           : terms_of(unit, where, literal_config(out.config["terms"]));
      out.config.erase("terms");
    }
    for (const std::string& pointer : unknown) {
      if (pointer == "/terms" || pointer.starts_with("/terms/")) continue;
      tell(where, pointer + " of what overlays put there is known only when the scenario starts",
           "write the value itself");
    }
    if (holds_secret(out.config.dump(), texts_))
      tell(where, "what overlays put there holds what a config calls a secret",
           "name it in the `terms` of a redact overlay, which are in files");
    return out;
  }

  std::vector<std::string> terms_of(ComposeUnit& unit, const std::string& where,
                                    const ConfigTree& terms) {
    std::vector<std::string> out;
    if (terms.kind == ConfigTree::Kind::literal && terms.literal.is_array()) {
      for (const Json& one : terms.literal) out.push_back(typed_term(unit, text_of(one)));
    } else if (terms.kind == ConfigTree::Kind::list) {
      for (const ConfigTree& one : terms.items) {
        if (one.is_static()) out.push_back(typed_term(unit, text_of(one.literal)));
        if (!one.is_static()) out.push_back(given_term(unit, where, one));
      }
    } else {
      tell(where, "the list of terms is known only when the scenario starts",
           "write the list itself, with secret properties of the scenario's config in it");
    }
    return out;
  }

  std::string typed_term(ComposeUnit& unit, const std::string& term) {
    std::string name;
    for (int i = 1;; ++i) {
      name = unit.unit->name + "-term-" + std::to_string(i);
      if (!unit.secrets.contains(name)) break;
    }
    unit.secrets.insert(name);
    plan_.secrets[name] = term;
    return secret_path(name);
  }

  // A file holds one text, and so must the property.
  std::string given_term(ComposeUnit& unit, const std::string& where, const ConfigTree& term) {
    const auto& root = scenario_.components.front().config_schema;
    const auto inputs = root ? root_inputs(*root) : std::vector<RootInput>();
    const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const RootInput& one) {
      return term.kind == ConfigTree::Kind::reference && one.path == term.path && one.secret;
    });
    const auto schema = found == inputs.end() ? std::nullopt : root->subschema(found->path);
    if (!schema || schema->value("type", Json()) != "string") {
      tell(where, "a term is neither a text nor a secret text of the scenario's config",
           "mark the property `secret: true`, of the type string");
      return "";
    }
    unit.secrets.insert(found->path);
    plan_.inputs.emplace(found->path, *found);
    return secret_path(found->path);
  }

  // ---- programs and their inputs ---------------------------------------------------------------

  void add_program(ComposeUnit& of) {
    if (of.unit->builtin) return;
    of.program = plan_program(scenario_, prepared_, *of.unit, texts_, out_);
    if (!of.program) return;
    for (const auto& [name, text] : of.program->secrets) plan_.secrets[name] = text;
    for (const RootInput& one : of.program->inputs) plan_.inputs.emplace(one.path, one);
  }

  // The file of a secret with a default holds that, until somebody writes another; of one that may
  // be left out it is empty, because compose asks for a file.
  void gather_inputs() {
    const auto& root = scenario_.components.front().config_schema;
    if (!root) return;
    Json defaults = Json::object();
    root->fill_defaults(defaults);
    for (const auto& [path, input] : plan_.inputs) {
      if (!input.secret) continue;
      const Json* value = value_at_path(defaults, path);
      if (value != nullptr) {
        plan_.first_secrets[path] = text_of(*value);
      } else if (!input.required) {
        plan_.first_secrets[path] = "";
      }
    }
  }

  // ---- files -----------------------------------------------------------------------------------

  void write_unit(UnitId id, const Sidecars& sidecars) {
    const ComposeUnit& of = plan_.units[id];
    const std::string folder = of.unit->name + '/';
    std::vector<DeployFault> faults;
    auto files = sidecars.files_of(id, faults);
    for (DeployFault& one : faults) tell(one.where, std::move(one.message), std::move(one.hint));
    files.config["admin"] = {{"bind", std::string("unix:") + kComposeAdmin}};
    made_.files[folder + "sluice.yaml"] = files.config.dump(2) + '\n';
    made_.files[folder + "policy.yaml"] = files.policy.dump(2) + '\n';
    made_.files[folder + "rules.nft"] = capture_rules(of.entrances);
    if (!of.program) return;
    for (const auto& [name, text] : of.program->files) made_.files[folder + name] = text;
  }

  void write_shared(const Sidecars& sidecars) {
    made_.files["identities.json"] = identities_json(plan_, sidecars).dump(2) + '\n';
    std::string all; // what containers are told in files, of which compose knows nothing
    for (const auto& [name, text] : made_.files) all += sha256_text(name) + sha256_text(text);
    for (const auto& [name, text] : plan_.secrets) all += sha256_text(name);
    plan_.digest = to_hex(sha256(all)).substr(0, 16);
    made_.files["compose.yaml"] =
        "# Made by `sluice overlay compose`; made anew by it. What to do with it: README.md.\n" +
        yaml_text(compose_document(plan_));
    made_.files["env.example"] = compose_env_example(plan_);
    made_.files["README.md"] = compose_readme(plan_);
    made_.secrets = std::move(plan_.secrets);
    made_.first_secrets = std::move(plan_.first_secrets);
  }

  const Scenario& scenario_;
  const Prepared& prepared_;
  const ComposeWish& wish_;
  Diagnostics& out_;
  const SecretTexts texts_;
  std::set<std::string> variables_;
  ComposePlan plan_;
  ComposeProject made_;
};

} // namespace

std::optional<ComposeProject> compose_project(const Scenario& scenario, const Prepared& prepared,
                                              const ComposeWish& wish, Diagnostics& out) {
  return Composer(scenario, prepared, wish, out).run();
}

} // namespace sluice::overlay
