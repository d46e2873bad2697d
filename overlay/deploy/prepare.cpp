#include "overlay/deploy/prepare.hpp"

#include "overlay/config/evaluate.hpp"
#include "overlay/config/root_values.hpp"
#include "overlay/deploy/sidecar_files.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

class Preparation {
 public:
  Preparation(const Linked& linked, const Scenario& rewritten, const Json* root_values,
              Diagnostics& out)
      : linked_(linked), scenario_(rewritten), values_(root_values), out_(out) {}

  std::optional<Prepared> run() {
    std::vector<ConfigFault> faults;
    auto configs = rewritten_configs(linked_, scenario_, faults);
    tell("scenario", faults);
    if (!configs) return std::nullopt;
    made_.configs = std::move(*configs);
    for (const Component& one : scenario_.components) {
      if (one.program && one.program->form == Program::Form::builtin) builtin_task(one);
    }
    egress_tasks();
    if (values_ != nullptr) tell_missing();
    if (failed_) return std::nullopt;
    for (const Component& one : scenario_.components) look_at(one);
    if (failed_) return std::nullopt;
    std::vector<DeployFault> wrong;
    auto deployment = deploy(scenario_, endpoints_, wrong);
    for (DeployFault& one : wrong) tell(one.where, std::move(one.message), std::move(one.hint));
    if (!deployment) return std::nullopt;
    made_.deployment = std::move(*deployment);
    return std::move(made_);
  }

 private:
  void tell(const std::string& where, std::string message, std::string hint = {}) {
    failed_ = true;
    out_.push_back(run_problem(where, std::move(message), std::move(hint)));
  }

  void tell(const std::string& where, const std::vector<ConfigFault>& faults) {
    for (const ConfigFault& one : faults) tell(where, one.pointer + ": " + one.message, one.hint);
  }

  // All that some component needs and nobody gave, at once.
  void tell_missing() {
    const auto& schema = scenario_.components.front().config_schema;
    if (!schema) return;
    std::set<std::string> paths;
    for (const Component& one : scenario_.components) {
      if (one.program) collect_runtime_paths(made_.configs[one.id], paths);
    }
    for (const auto& [id, tasks] : made_.tasks) {
      for (const ComposedTask& one : tasks) collect_runtime_paths(one.config, paths);
    }
    const auto missing = missing_inputs(*schema, *values_, paths);
    if (missing.empty()) return;
    tell("config", "these inputs have no value: " + shown_inputs(missing),
         "set the variables, or give the properties a default");
  }

  void look_at(const Component& one) {
    endpoints_.emplace_back();
    if (!one.program || one.program->form == Program::Form::builtin) return;
    std::vector<ConfigFault> faults;
    auto found = endpoints_of(one, faults);
    tell(one.moniker, faults);
    endpoints_.back() = std::move(found);
  }

  // The whole program: what is said of its endpoints may depend on everything. Slots get an
  // address each that stands for one.
  std::vector<ExpandedEndpoint> endpoints_of(const Component& one,
                                             std::vector<ConfigFault>& faults) const {
    Program network;
    network.form = one.program->form;
    network.location = literal_template("/");
    network.endpoints = one.program->endpoints;
    std::optional<Json> config;
    if (values_ != nullptr) {
      const auto* schema = one.config_schema ? &*one.config_schema : nullptr;
      config = evaluate_config(made_.configs[one.id], *values_, schema, faults);
    } else {
      std::set<std::string> unknown;
      config = known_part(made_.configs[one.id], unknown);
    }
    if (!config) return {};
    const ExpandInput input{*config, {}, [this, &one](const std::string& slot) {
                              return std::vector<std::string>(bound(one.id, slot),
                                                              "http://127.0.0.1:1");
                            }};
    auto expanded = expand_program(network, input, faults);
    return expanded ? std::move(expanded->endpoints) : std::vector<ExpandedEndpoint>();
  }

  std::size_t bound(ComponentId consumer, const std::string& slot) const {
    return static_cast<std::size_t>(
        std::count_if(scenario_.edges.begin(), scenario_.edges.end(), [&](const Edge& edge) {
          return edge.to.component == consumer && edge.to.name == slot;
        }));
  }

  // Its config is read in its own, or, of one without, in the scope's.
  void builtin_task(const Component& one) {
    const bool own = one.config_schema.has_value() || !one.provenance;
    const ComponentId around = own ? one.id : one.provenance->scope;
    add_task(one.id, *one.program->builtin, one.program->builtin_config, around);
  }

  void add_task(ComponentId of, Builtin builtin, const std::optional<Json>& written,
                ComponentId around) {
    const Json config = written.value_or(Json::object());
    auto faults = check_builtin_config(builtin, config);
    const Component& scope = scenario_.at(around);
    const ConfigParent parent{&made_.configs[around],
                              scope.config_schema ? &*scope.config_schema : nullptr};
    ConfigBudget budget;
    auto tree = compose_config(&config, parent, nullptr, budget, faults);
    tell(scenario_.at(of).moniker, faults);
    if (!tree) return;
    check_secrets(of, builtin, *tree);
    made_.tasks[of].push_back({builtin, std::move(*tree)});
  }

  // A config is written to files that stay; `terms` is what is made for secrets.
  void check_secrets(ComponentId of, Builtin builtin, const ConfigTree& tree) {
    const auto& schema = scenario_.components.front().config_schema;
    std::set<std::string> paths;
    for (const auto& [key, member] : tree.members) {
      if (builtin != Builtin::redact || key != "terms") collect_runtime_paths(member, paths);
    }
    if (tree.kind == ConfigTree::Kind::reference) paths.insert(tree.path);
    for (const std::string& path : paths) {
      if (!schema || !schema->holds_secret(path)) continue;
      tell(scenario_.at(of).moniker,
           "the config of a built-in interposer holds the secret config." + path,
           "only `terms` of a redact may");
    }
  }

  // Of overlays: [A, B] a request meets B first; of scopes the innermost.
  void egress_tasks() {
    for (auto at = linked_.overlays.rbegin(); at != linked_.overlays.rend(); ++at) {
      if (!at->declarative) continue;
      for (const ComponentId id : at->egress)
        add_task(id, at->declarative->builtin, at->declarative->config, at->scope);
    }
  }

  const Linked& linked_;
  const Scenario& scenario_;
  const Json* values_;
  Diagnostics& out_;
  bool failed_ = false;
  Endpoints endpoints_;
  Prepared made_;
};

} // namespace

Diagnostic run_problem(std::string where, std::string message, std::string hint) {
  Diagnostic out;
  out.file = std::move(where);
  out.message = std::move(message);
  out.hint = std::move(hint);
  out.code = "runtime::invalid_scenario";
  return out;
}

std::optional<Prepared> prepare(const Linked& linked, const Scenario& rewritten,
                                const Json* root_values, Diagnostics& out) {
  return Preparation(linked, rewritten, root_values, out).run();
}

std::optional<ExpandedProgram> expand_unit(const Scenario& rewritten, const Prepared& prepared,
                                           const Unit& unit, const Json& root_values,
                                           Diagnostics& out) {
  const Component& one = rewritten.at(unit.stands.front());
  std::vector<ConfigFault> faults;
  const auto* schema = one.config_schema ? &*one.config_schema : nullptr;
  const auto config = evaluate_config(prepared.configs.at(one.id), root_values, schema, faults);
  std::optional<ExpandedProgram> made;
  if (config) {
    std::vector<std::string> slots;
    for (const auto& [name, slot] : one.slots) slots.push_back(name);
    const ExpandInput input{*config, std::move(slots),
                            [&unit](const std::string& slot) { return slot_urls(unit, slot); }};
    made = expand_program(*one.program, input, faults);
  }
  for (const ConfigFault& fault : faults)
    out.push_back(run_problem(one.moniker, fault.pointer + ": " + fault.message, fault.hint));
  return made;
}

} // namespace sluice::overlay
