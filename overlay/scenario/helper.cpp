#include "overlay/scenario/helper.hpp"

#include "overlay/manifest/manifest_json.hpp"
#include "overlay/scenario/link_parts.hpp"

#include <map>
#include <memory>
#include <utility>

namespace sluice::overlay {
namespace {

const ConfigSchema* root_schema(const Linked& linked) {
  const auto& schema = linked.scenario.components.front().config_schema;
  return schema ? &*schema : nullptr;
}

class HelperBuilder {
 public:
  explicit HelperBuilder(const Linked& linked) : linked_(linked) {
    for (const LinkedOverlay& one : linked.overlays) scopes_.emplace(one.scope, 0);
    for (const LinkedUse& one : linked.uses) scopes_.emplace(one.scope, 0);
    std::size_t count = 0;
    for (auto& [scope, number] : scopes_) number = count++;
  }

  HelperScenario run(Problems& problems) {
    Manifest root;
    root.version = {0, 4, 0};
    name_uses(root);
    name_exports(root);
    root.config_schema = schema_of_paths(root_schema(linked_), paths());
    root.digest = manifest_digest(root);
    ResolvedComponent top;
    top.moniker = "/";
    top.manifest = std::make_shared<const Manifest>(std::move(root));
    tree_.components.push_back(std::move(top));
    out_.configs.push_back(literal_config(Json::object()));
    for (const auto& [name, use] : uses_) append(name, linked_.uses[use]);
    out_.scenario = link_graph(tree_, problems);
    for (HelperExport& one : out_.exports) place(one);
    return std::move(out_);
  }

 private:
  void name_uses(Manifest& root) {
    std::map<ComponentId, std::size_t> counts;
    for (std::size_t i = 0; i < linked_.uses.size(); ++i) {
      const ComponentId scope = linked_.uses[i].scope;
      const std::string name =
          "use_" + std::to_string(scopes_.at(scope)) + '_' + std::to_string(counts[scope]++);
      ComponentDecl decl;
      decl.manifest.url = "overlays://" + name;
      root.components.emplace(name, std::move(decl));
      uses_.emplace(name, i);
      names_.push_back(name);
    }
  }

  void name_exports(Manifest& root) {
    for (std::size_t i = 0; i < linked_.overlays.size(); ++i) {
      const LinkedOverlay& one = linked_.overlays[i];
      if (!one.helper) continue;
      HelperExport made;
      made.name =
          "overlay_" + std::to_string(scopes_.at(one.scope)) + '_' + std::to_string(one.position);
      made.overlay = i;
      made.provide = one.provide;
      root.exports.emplace(made.name, SourceRef{SourceRef::Kind::child_export, names_[*one.helper],
                                                one.export_name});
      out_.exports.push_back(std::move(made));
    }
  }

  // What the helpers see of the root, symbolic references too; what must be known goes to inputs.
  std::set<std::string> paths() {
    for (const LinkedUse& use : linked_.uses) {
      for (const ConfigTree& config : use.configs) collect_runtime_paths(config, out_.inputs);
    }
    std::set<std::string> out = out_.inputs;
    for (const LinkedUse& use : linked_.uses) {
      out.insert(use.disclosed.begin(), use.disclosed.end());
    }
    return out;
  }

  void append(const std::string& name, const LinkedUse& use) {
    const std::size_t offset = tree_.components.size();
    offsets_.emplace(&use, offset);
    const std::string top = child_moniker("/", name);
    for (const ResolvedComponent& one : use.tree->components) {
      ResolvedComponent made = one;
      made.parent = one.parent ? *one.parent + offset : 0;
      made.moniker = one.parent ? top + one.moniker : top;
      if (!one.parent) made.name = name;
      for (auto& [child, id] : made.children) id += offset;
      tree_.components.push_back(std::move(made));
    }
    tree_.components.front().children.emplace(name, offset);
    out_.configs.insert(out_.configs.end(), use.configs.begin(), use.configs.end());
  }

  void place(HelperExport& one) const {
    const LinkedOverlay& overlay = linked_.overlays[one.overlay];
    one.component = offsets_.at(&linked_.uses[*overlay.helper]) + overlay.component;
    one.endpoint = out_.scenario.at(one.component).provides.at(one.provide).endpoint.value_or("");
  }

  const Linked& linked_;
  std::map<ComponentId, std::size_t> scopes_; // counted
  std::map<std::string, std::size_t> uses_;   // places in Linked::uses, by name
  std::vector<std::string> names_;            // of each of them
  std::map<const LinkedUse*, std::size_t> offsets_;
  ResolvedTree tree_;
  HelperScenario out_;
};

} // namespace

HelperScenario helper_scenario(const Linked& linked, Problems& problems) {
  return HelperBuilder(linked).run(problems);
}

std::vector<RootInput> missing_helper_inputs(const Linked& linked, const Json& root_values) {
  const ConfigSchema* schema = root_schema(linked);
  if (schema == nullptr || !linked.helper) return {};
  return missing_inputs(*schema, root_values, linked.helper->inputs);
}

} // namespace sluice::overlay
