#include "overlay/scenario/link.hpp"

#include "overlay/scenario/link_parts.hpp"
#include "policy/base/diagnostic.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

const ConfigSchema* schema_of(const Manifest& manifest) {
  return manifest.config_schema ? &*manifest.config_schema : nullptr;
}

const LinkedUse* use_of(const Linked& linked, ComponentId scope, const std::string& name) {
  const auto found =
      std::find_if(linked.uses.begin(), linked.uses.end(),
                   [&](const LinkedUse& one) { return one.scope == scope && one.name == name; });
  return found == linked.uses.end() ? nullptr : &*found;
}

} // namespace

ConfigParent parent_of(const ResolvedComponent& component, const ConfigTree& tree) {
  return {&tree, schema_of(*component.manifest)};
}

bool is_composed(const ConfigTree& tree) {
  return !tree.is_static() || !tree.literal.is_null();
}

std::vector<ConfigTree> compose_tree(const ResolvedTree& tree, ConfigTree root,
                                     ConfigBudget& budget, Problems& problems) {
  std::vector<ConfigTree> out(tree.components.size());
  out[0] = std::move(root);
  for (std::size_t id = 1; id < tree.components.size(); ++id) {
    const ResolvedComponent& one = tree.components[id];
    const ResolvedComponent& parent = tree.components[*one.parent];
    if (!is_composed(out[*one.parent])) continue;
    std::vector<ConfigFault> faults;
    auto made =
        compose_config(one.config ? &*one.config : nullptr, parent_of(parent, out[*one.parent]),
                       schema_of(*one.manifest), budget, faults);
    for (ConfigFault& fault : faults) {
      problems.error(*parent.manifest,
                     "/components/" + pointer_token(one.name) + "/config" + fault.pointer,
                     "linker::invalid_config",
                     "the config of " + one.moniker + ": " + fault.message, std::move(fault.hint));
    }
    if (made) out[id] = *std::move(made);
  }
  return out;
}

std::optional<Linked> link(const ResolvedTree& tree, Diagnostics& out) {
  Problems problems(out);
  Linked linked;
  linked.scenario = link_graph(tree, problems);
  ConfigBudget budget;
  linked.configs =
      compose_tree(tree, root_config(schema_of(*tree.components[0].manifest)), budget, problems);
  link_overlays(tree, budget, linked, problems);
  if (!linked.uses.empty()) linked.helper = helper_scenario(linked, problems);
  if (problems.failed()) return std::nullopt;
  return linked;
}

std::optional<ConfigTree> interposer_config(const Linked& linked, ComponentId scope,
                                            const std::string& use, const Json* config,
                                            const ConfigSchema* schema,
                                            std::vector<ConfigFault>& faults) {
  const auto& own = linked.scenario.at(scope).config_schema;
  const ConfigParent parent{&linked.configs[scope], own ? &*own : nullptr};
  const LinkedUse* by = use_of(linked, scope, use);
  ComposeOptions how;
  if (by != nullptr) how.root_paths = &by->disclosed;
  ConfigBudget budget;
  return compose_config(config, parent, schema, budget, faults, how);
}

std::optional<std::vector<ConfigTree>> rewritten_configs(const Linked& linked,
                                                         const Scenario& rewritten,
                                                         std::vector<ConfigFault>& faults) {
  std::vector<ConfigTree> out = linked.configs;
  const std::size_t before = faults.size();
  for (ComponentId id = out.size(); id < rewritten.components.size(); ++id) {
    const Component& one = rewritten.at(id);
    std::vector<ConfigFault> wrong;
    auto made =
        interposer_config(linked, one.parent.value_or(0), one.provenance ? one.provenance->use : "",
                          one.config ? &*one.config : nullptr,
                          one.config_schema ? &*one.config_schema : nullptr, wrong);
    for (ConfigFault& fault : wrong) {
      fault.message = "the config of " + one.moniker + ": " + fault.message;
      faults.push_back(std::move(fault));
    }
    out.push_back(made ? *std::move(made) : ConfigTree());
  }
  if (faults.size() > before) return std::nullopt;
  return out;
}

} // namespace sluice::overlay
