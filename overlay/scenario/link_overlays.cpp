// Overlays of all scopes, each led to what answers for it, and the configs of their helpers.
#include "overlay/manifest/manifest_json.hpp"
#include "overlay/scenario/egress.hpp"
#include "overlay/scenario/link_parts.hpp"
#include "overlay/scenario/routes.hpp"
#include "policy/base/diagnostic.hpp"

#include <map>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::string_view kOverlayProfile = "overlay";

class OverlayLinker {
 public:
  OverlayLinker(const ResolvedTree& tree, ConfigBudget& budget, Linked& out, Problems& problems)
      : tree_(tree), budget_(budget), out_(out), problems_(problems) {}

  void run() {
    for (ComponentId scope = 0; scope < tree_.components.size(); ++scope) {
      const Manifest& manifest = *tree_.components[scope].manifest;
      if (manifest.overlays.empty()) continue;
      link_uses(scope);
      for (std::size_t i = 0; i < manifest.overlays.size(); ++i) link_overlay(scope, i);
    }
  }

 private:
  // Those that an overlay refers to, by name.
  void link_uses(ComponentId scope) {
    const Manifest& manifest = *tree_.components[scope].manifest;
    std::set<std::string> names;
    for (const OverlayRef& one : manifest.overlays) names.insert(one.use);
    uses_.clear();
    declared_.clear();
    for (const std::string& name : names) {
      const UseDecl& decl = manifest.uses.at(name);
      if (std::holds_alternative<DeclarativeOverlay>(decl)) continue;
      uses_.emplace(name, out_.uses.size());
      add_use(scope, name);
    }
  }

  void add_use(ComponentId scope, const std::string& name) {
    LinkedUse made;
    made.scope = scope;
    made.name = name;
    made.tree = tree_.components[scope].uses.at(name);
    if (is_composed(out_.configs[scope])) compose_use(made);
    out_.uses.push_back(std::move(made));
  }

  void compose_use(LinkedUse& made) {
    const ResolvedComponent& around = tree_.components[made.scope];
    const ResolvedComponent& root = made.tree->components.front();
    const auto& schema = root.manifest->config_schema;
    std::vector<ConfigFault> faults;
    ComposeOptions how;
    how.object_only = true;
    auto config = compose_config(root.config ? &*root.config : nullptr,
                                 parent_of(around, out_.configs[made.scope]),
                                 schema ? &*schema : nullptr, budget_, faults, how);
    const std::string pointer = "/use/" + pointer_token(made.name) + "/config";
    for (ConfigFault& fault : faults) {
      problems_.error(*around.manifest, pointer + fault.pointer, "compiler::invalid_use_config",
                      "the config of " + child_moniker(around.moniker, made.name) + ": " +
                          fault.message,
                      std::move(fault.hint));
    }
    if (!config) return;
    warn_of_secrets(made.scope, pointer, *config);
    collect_symbolic_paths(*config, made.disclosed);
    made.configs = compose_tree(*made.tree, *std::move(config), budget_, problems_);
  }

  // A property may be secret for the root alone; what is marked in the scope itself, parse_manifest
  // has told.
  void warn_of_secrets(ComponentId scope, const std::string& pointer, const ConfigTree& config) {
    const auto& root = tree_.components.front().manifest->config_schema;
    if (scope == 0 || !root) return;
    std::set<std::string> paths;
    collect_runtime_paths(config, paths);
    for (const std::string& path : paths) {
      if (!root->holds_secret(path)) continue;
      problems_.warning(*tree_.components[scope].manifest, pointer,
                        "manifest::secret_in_use_config",
                        "the overlay's program gets the root's secret config." + path.substr(0, 40),
                        "write $${config.<path>} for a reference");
    }
  }

  void link_overlay(ComponentId scope, std::size_t position) {
    const ResolvedComponent& around = tree_.components[scope];
    const OverlayRef& ref = around.manifest->overlays[position];
    LinkedOverlay made;
    made.scope = scope;
    made.position = position;
    made.use = ref.use;
    made.export_name = ref.export_name;
    made.display_name = child_moniker(around.moniker, ref.use);
    const UseDecl& decl = around.manifest->uses.at(ref.use);
    if (const auto* declarative = std::get_if<DeclarativeOverlay>(&decl)) {
      made.declarative = *declarative;
      made.digest = declaration_digest(*around.manifest, ref.use);
      made.egress = selected_egress(out_.scenario, scope, declarative->select);
    } else {
      made.helper = uses_.at(ref.use);
      made.digest = out_.uses[*made.helper].tree->components.front().manifest->digest;
      if (!lead(*around.manifest, made)) return;
    }
    out_.overlays.push_back(std::move(made));
  }

  const std::string& declaration_digest(const Manifest& manifest, const std::string& use) {
    if (declared_.empty()) {
      const Json whole = manifest_json(manifest);
      for (const auto& [name, value] : whole.at("use").items()) {
        declared_.emplace(name, sha256_text(canonical_json(value)));
      }
    }
    return declared_.at(use);
  }

  // From the export to the provide that answers.
  bool lead(const Manifest& says, LinkedOverlay& overlay) {
    const ResolvedTree& tree = *out_.uses[*overlay.helper].tree;
    const std::string at = "/overlays/" + std::to_string(overlay.position);
    const std::string ref = '#' + overlay.use + '.' + overlay.export_name;
    const auto refuse = [&](std::string message, std::string hint = {}) {
      problems_.error(says, at, "compiler::invalid_overlay_export", ref + ' ' + std::move(message),
                      std::move(hint));
      return false;
    };
    const ExportEnd end = follow_export(tree, 0, overlay.export_name);
    if (end.kind == ExportEnd::Kind::missing) {
      problems_.error(says, at, "compiler::overlay_export_unresolved",
                      ref + ": the use " + in_quotes_short(overlay.use) + " has no export " +
                          in_quotes_short(overlay.export_name));
      return false;
    }
    constexpr const char* kWanted = "an overlay is a provide of kind http and profile overlay";
    if (end.kind == ExportEnd::Kind::slot) {
      return refuse("leads to the slot " + in_quotes_short(end.name), kWanted);
    }
    const Manifest& owner = *tree.components[end.component].manifest;
    const Provide& provide = owner.provides.at(end.name);
    if (provide.capability != Capability{Kind::http, std::string(kOverlayProfile)}) {
      return refuse("leads to the provide " + in_quotes_short(end.name) + " of " +
                        to_string(provide.capability),
                    kWanted);
    }
    overlay.component = end.component;
    overlay.provide = end.name;
    return speaks_http(owner, provide) ||
           refuse("leads to the provide " + in_quotes_short(end.name) +
                      ", whose endpoint does not speak http",
                  "overlays are asked by POST: write protocol: \"http\"");
  }

  // An endpoint whose name or protocol is not known yet may; who starts it looks again.
  static bool speaks_http(const Manifest& owner, const Provide& provide) {
    if (!owner.program || owner.program->form == Program::Form::builtin) return false;
    const Endpoint* endpoint = endpoint_named(*owner.program, provide.endpoint.value_or(""));
    if (endpoint == nullptr) return true;
    const auto protocol = literal_of(endpoint->protocol);
    return !protocol || *protocol == "http" || *protocol == "https";
  }

  const ResolvedTree& tree_;
  ConfigBudget& budget_;
  Linked& out_;
  Problems& problems_;
  std::map<std::string, std::size_t> uses_;     // of the scope at hand: places in Linked::uses
  std::map<std::string, std::string> declared_; // the same: digests of declarations
};

} // namespace

void link_overlays(const ResolvedTree& tree, ConfigBudget& budget, Linked& out,
                   Problems& problems) {
  OverlayLinker(tree, budget, out, problems).run();
}

} // namespace sluice::overlay
