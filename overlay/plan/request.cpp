#include "overlay/plan/request.hpp"

#include "overlay/manifest/manifest_json.hpp"

#include <utility>

namespace sluice::overlay {
namespace {

Json or_null(const std::optional<Json>& value) {
  return value ? *value : Json(nullptr);
}

// Where in the config a mounted file is read: what stands behind "config.".
Json source_parts(const Mount& mount, std::int64_t owner) {
  if (mount.source) return parts_to_json(literal_template(mount.source->name), owner);
  constexpr std::string_view kConfig = "config.";
  Template path = mount.from; // with something in it that is not known yet
  const bool named = !path.parts.empty() && path.parts[0].kind == TemplatePart::Kind::literal &&
                     path.parts[0].text.starts_with(kConfig);
  if (named) path.parts[0].text.erase(0, kConfig.size());
  if (named && path.parts[0].text.empty()) path.parts.erase(path.parts.begin());
  return parts_to_json(path, owner);
}

Json lowered_mount(const Mount& mount, ComponentId owner) {
  Json out = {{"path", parts_to_json(mount.path, static_cast<std::int64_t>(owner))}};
  const auto source = mount.source.value_or(MountSource{});
  switch (source.kind) {
  case MountSource::Kind::config:
    out["kind"] = "file";
    out["source"] = {{"kind", "config"},
                     {"path", source_parts(mount, static_cast<std::int64_t>(owner))}};
    if (mount.when) out["when"] = to_string(*mount.when);
    if (mount.each) out["each"] = to_string(*mount.each);
    return out;
  case MountSource::Kind::slot: out["kind"] = "slot", out["slot"] = source.name; break;
  case MountSource::Kind::resource: out["kind"] = "resource", out["resource"] = source.name; break;
  case MountSource::Kind::framework:
    out["kind"] = "framework";
    out["capability"] = source.name;
    break;
  }
  out["path"] = to_string(mount.path); // nothing in it but text
  return out;
}

} // namespace

Json source_json(const Source& source) {
  const auto id = source.component;
  switch (source.kind) {
  case Source::Kind::component: return {{"Component", {{"component", id}, {"name", source.name}}}};
  case Source::Kind::resource: return {{"Resource", {{"component", id}, {"name", source.name}}}};
  case Source::Kind::framework:
    return {{"Framework", {{"authority", id}, {"capability", source.name}}}};
  case Source::Kind::external: return {{"External", {{"slot", source.name}}}};
  }
  return nullptr;
}

Json end_json(const SlotEnd& end) {
  return {{"component", end.component}, {"name", end.name}};
}

Json component_json(const Component& one) {
  Json out = {{"id", one.id},
              {"parent", one.parent ? Json(*one.parent) : Json(nullptr)},
              {"moniker", one.moniker},
              {"digest", one.digest},
              {"config", or_null(one.config)},
              {"config_schema", one.config_schema ? one.config_schema->json() : Json(nullptr)},
              {"program", one.program ? lowered_json(*one.program, one.id) : Json(nullptr)},
              {"slots", Json::object()},
              {"provides", Json::object()},
              {"resources", Json::object()},
              {"metadata", or_null(one.metadata)},
              {"child_templates", Json::object()},
              {"children", one.children}};
  for (const auto& [name, slot] : one.slots) out["slots"][name] = slot_json(slot);
  for (const auto& [name, provide] : one.provides) out["provides"][name] = provide_json(provide);
  for (const auto& [name, owned] : one.resources) out["resources"][name] = resource_json(owned);
  for (const auto& [name, made] : one.child_templates) out["child_templates"][name] = made;
  return out;
}

Json lowered_json(const Program& program, ComponentId owner) {
  Json out = program_json(program);
  Json& inner = program.form == Program::Form::vm ? out["vm"] : out;
  inner.erase("mounts");
  for (const Mount& mount : program.mounts) inner["mounts"].push_back(lowered_mount(mount, owner));
  for (const char* command : {"entrypoint", "args"}) {
    if (inner.contains(command) && inner[command].empty()) inner.erase(command);
  }
  if (!inner.contains("network")) return out;
  if (Json& network = inner["network"]; network.contains("egress")) {
    inner["egress"] = network["egress"]; // a virtual machine's
    network.erase("egress");
  }
  for (Json& endpoint : inner["network"]["endpoints"]) {
    endpoint.erase("when");
    endpoint.erase("each");
  }
  return out;
}

Json request_of(const Scenario& scenario, const Scope& scope) {
  Json out = {{"components", Json::array()},
              {"bindings", Json::array()},
              {"imports", Json::array()},
              {"exports", Json::array()}};
  for (const ComponentId id : scope.components) {
    out["components"].push_back(component_json(scenario.at(id)));
  }
  for (const ScopeEdge& edge : scope.edges) {
    Json told = {{"id", edge.id},
                 {"capability", capability_json(capability_of(scenario, edge.key))}};
    if (edge.side != EdgeSide::import) told["from"] = source_json(source_of(scenario, edge.key));
    if (edge.side != EdgeSide::export_) {
      told["to"] = end_json(scenario.edges[edge.key.index].to);
    }
    const char* list = edge.side == EdgeSide::binding  ? "bindings"
                       : edge.side == EdgeSide::import ? "imports"
                                                       : "exports";
    out[list].push_back(std::move(told));
  }
  return {{"scope", std::move(out)}};
}

std::string request_digest(const Json& request) {
  return sha256_text(canonical_json(request));
}

} // namespace sluice::overlay
