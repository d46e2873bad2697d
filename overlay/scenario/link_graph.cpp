// Components, edges and exports of a tree of manifests.
#include "overlay/scenario/link_parts.hpp"
#include "overlay/scenario/routes.hpp"
#include "policy/base/diagnostic.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::overlay {
namespace {

Component component_of(const ResolvedComponent& one, ComponentId id) {
  const Manifest& manifest = *one.manifest;
  Component out;
  out.id = id;
  out.parent = one.parent;
  out.moniker = one.moniker;
  out.digest = manifest.digest;
  out.config = one.config;
  out.config_schema = manifest.config_schema;
  out.program = manifest.program;
  out.slots = manifest.slots;
  out.provides = manifest.provides;
  out.resources = manifest.resources;
  out.child_templates = manifest.child_templates;
  out.metadata = manifest.metadata;
  for (const auto& [name, child] : one.children) out.children.push_back(child);
  out.folder = one.folder;
  out.manifest = one.manifest;
  return out;
}

class GraphLinker {
 public:
  GraphLinker(const ResolvedTree& tree, Problems& problems)
      : tree_(tree), problems_(problems), routes_(tree, problems) {}

  Scenario run() {
    for (std::size_t id = 0; id < tree_.components.size(); ++id) {
      out_.components.push_back(component_of(tree_.components[id], id));
      refuse_unsupported(*tree_.components[id].manifest);
    }
    routes_.check();
    for (std::size_t id = 0; id < tree_.components.size(); ++id) add_edges(id);
    add_exports();
    check_mounts();
    check_cycles();
    return std::move(out_);
  }

 private:
  void refuse_unsupported(const Manifest& manifest) {
    for (const Unsupported& one : manifest.unsupported) {
      problems_.error(manifest, one.pointer, "linker::unsupported_feature",
                      one.what + " is not supported");
    }
  }

  // Who has no program consumes nothing: what its slots are filled with, it can only hand on.
  void add_edges(ComponentId id) {
    const Manifest& manifest = *tree_.components[id].manifest;
    for (const auto& [name, slot] : manifest.slots) {
      const auto& routes = routes_.into(id, name); // tells of circles, also where no program is
      if (!manifest.program) continue;
      for (const Route& route : routes) {
        const bool external = route.from.kind == Source::Kind::external;
        if (external && !route.weak && id != 0) refuse_strong(id, name, route.from.name);
        out_.edges.push_back(
            {route.from, {id, name}, slot.capability, route.weak || (external && id == 0)});
      }
    }
  }

  void refuse_strong(ComponentId id, const std::string& slot, const std::string& external) {
    const ResolvedComponent& one = tree_.components[id];
    const Manifest& parent = *tree_.components[*one.parent].manifest;
    std::size_t index = 0;
    while (index + 1 < parent.bindings.size() &&
           (parent.bindings[index].child != one.name || parent.bindings[index].slot != slot)) {
      ++index;
    }
    problems_.error(parent, "/bindings/" + std::to_string(index),
                    "linker::external_slot_requires_weak",
                    one.moniker + '.' + slot + " is filled by the root's slot " +
                        in_quotes_short(external) + ", so a binding on the way must be weak",
                    "write weak: true here");
  }

  void add_exports() {
    const Manifest& root = *tree_.components.front().manifest;
    for (const auto& [name, target] : root.exports) {
      const ExportEnd end = follow_export(tree_, 0, name);
      if (end.kind == ExportEnd::Kind::missing) continue; // told
      const Manifest& owner = *tree_.components[end.component].manifest;
      if (end.kind == ExportEnd::Kind::provide) {
        out_.exports.push_back({name,
                                {Source::Kind::component, end.component, end.name},
                                owner.provides.at(end.name).capability});
      } else {
        add_slot_export(name, end, owner.slots.at(end.name).capability);
      }
    }
  }

  void add_slot_export(const std::string& name, const ExportEnd& end,
                       const Capability& capability) {
    const Manifest& root = *tree_.components.front().manifest;
    const std::string pointer = "/exports/" + pointer_token(name);
    const std::string slot = tree_.components[end.component].moniker + '.' + end.name;
    const auto& routes = routes_.into(end.component, end.name);
    if (routes.empty()) {
      problems_.error(root, pointer, "linker::export_unbound_slot",
                      "the export leads to " + slot + ", which is not bound");
    } else if (routes.size() > 1 || routes[0].from.kind != Source::Kind::component) {
      problems_.error(root, pointer, "linker::invalid_export",
                      "the export leads to " + slot + ", which is not one component's provide");
    } else {
      out_.exports.push_back({name, routes[0].from, capability});
    }
  }

  // Storage is one program's.
  void check_mounts() {
    std::map<std::pair<ComponentId, std::string>, std::string> users;
    for (ComponentId id = 0; id < tree_.components.size(); ++id) {
      const Manifest& manifest = *tree_.components[id].manifest;
      if (!manifest.program) continue;
      for (std::size_t i = 0; i < manifest.program->mounts.size(); ++i) {
        const auto& source = manifest.program->mounts[i].source;
        if (!source) continue;
        const std::string at = "/program/mounts/" + std::to_string(i);
        if (source->kind == MountSource::Kind::resource) use(users, {id, source->name}, id, at);
        if (source->kind == MountSource::Kind::slot) use_slot(users, id, source->name, at);
      }
    }
  }

  using Users = std::map<std::pair<ComponentId, std::string>, std::string>;

  void use_slot(Users& users, ComponentId id, const std::string& slot, const std::string& at) {
    const auto& routes = routes_.into(id, slot);
    const bool optional = tree_.components[id].manifest->slots.at(slot).optional;
    if (routes.empty() && (optional || id != 0)) return; // told, when it must be bound
    if (routes.size() == 1 && routes[0].from.kind == Source::Kind::resource) {
      return use(users, {routes[0].from.component, routes[0].from.name}, id, at);
    }
    problems_.error(*tree_.components[id].manifest, at, "linker::storage_mount_requires_resource",
                    tree_.components[id].moniker + '.' + slot +
                        " is mounted and is not one resource",
                    "bind it to resources.<name>");
  }

  void use(Users& users, std::pair<ComponentId, std::string> resource, ComponentId id,
           const std::string& at) {
    const std::string& user = tree_.components[id].moniker;
    const auto [known, first] = users.emplace(std::move(resource), user);
    if (first || known->second == user) return;
    problems_.error(*tree_.components[id].manifest, at, "linker::storage_resource_fanout",
                    "the resource " + in_quotes_short(known->first.second) + " of " +
                        tree_.components[known->first.first].moniker + " is mounted by " +
                        known->second + " and by " + user,
                    "give each its own");
  }

  void check_cycles() {
    constexpr int kMaxCycles = 20;
    if (strong_cycle(out_).empty()) return;
    Scenario left = out_;
    for (int told = 0; told < kMaxCycles; ++told) {
      const auto cycle = strong_cycle(left);
      if (cycle.empty()) return;
      std::string edges;
      for (const std::size_t edge : cycle) {
        edges += (edges.empty() ? "" : ", ") + to_string(left, left.edges[edge]);
        left.edges[edge].weak = true;
      }
      problems_.error(*tree_.components.front().manifest, "/components", "linker::dependency_cycle",
                      "no program of these can be started first: " + edges,
                      "make one of the bindings weak: true");
    }
  }

  const ResolvedTree& tree_;
  Problems& problems_;
  Routes routes_;
  Scenario out_;
};

} // namespace

Scenario link_graph(const ResolvedTree& tree, Problems& problems) {
  return GraphLinker(tree, problems).run();
}

} // namespace sluice::overlay
