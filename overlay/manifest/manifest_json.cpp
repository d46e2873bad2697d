#include "overlay/manifest/manifest_json.hpp"

#include <string>

namespace sluice::overlay {
namespace {

template <class Value> void set_optional(Json& out, const char* key, const Value& value) {
  if (value) out[key] = to_string(*value);
}

void set_text(Json& out, const char* key, const std::optional<std::string>& text) {
  if (text) out[key] = *text;
}

template <class Number> Json number_or_text(const std::variant<Number, Template>& value) {
  if (const auto* number = std::get_if<Number>(&value)) return *number;
  return to_string(std::get<Template>(value));
}

template <class Conditional> Json conditions_json(const Conditional& item) {
  Json out = Json::object();
  set_optional(out, "when", item.when);
  set_optional(out, "each", item.each);
  return out;
}

Json command_json(const CommandItem& item) {
  const bool plain = !item.when && !item.each && item.form == CommandItem::Form::arg;
  if (plain) return to_string(item.words.at(0));
  Json out = conditions_json(item);
  set_text(out, "join", item.join);
  if (item.form == CommandItem::Form::arg) {
    out["arg"] = to_string(item.words.at(0));
    return out;
  }
  out["argv"] = Json::array();
  for (const Template& word : item.words) out["argv"].push_back(to_string(word));
  return out;
}

Json env_json(const EnvValue& value) {
  if (!value.when && !value.each) return to_string(value.value);
  Json out = conditions_json(value);
  set_text(out, "join", value.join);
  out["value"] = to_string(value.value);
  return out;
}

Json endpoint_json(const Endpoint& endpoint) {
  Json out = conditions_json(endpoint);
  out["name"] = to_string(endpoint.name);
  out["port"] = number_or_text(endpoint.port);
  out["protocol"] = to_string(endpoint.protocol);
  return out;
}

Json mount_json(const Mount& mount) {
  Json out = conditions_json(mount);
  set_optional(out, "name", mount.name);
  out["path"] = to_string(mount.path);
  out["from"] = to_string(mount.from);
  return out;
}

void add_common(Json& out, const Program& program, bool egress) {
  for (const auto& [name, value] : program.env) out["env"][name] = env_json(value);
  for (const Mount& mount : program.mounts) out["mounts"].push_back(mount_json(mount));
  if (!program.has_network) return;
  out["network"]["endpoints"] = Json::array();
  for (const Endpoint& one : program.endpoints) {
    out["network"]["endpoints"].push_back(endpoint_json(one));
  }
  if (egress) out["network"]["egress"] = "optional";
}

Json vm_json(const Program& program) {
  Json out = {{"image", to_string(program.location)},
              {"cpus", number_or_text(program.vm->cpus)},
              {"memory_mib", number_or_text(program.vm->memory_mib)}};
  set_optional(out["cloud_init"], "user_data", program.vm->user_data);
  set_optional(out["cloud_init"], "vendor_data", program.vm->vendor_data);
  if (out["cloud_init"].is_null()) out.erase("cloud_init");
  add_common(out, program, program.vm->egress);
  return {{"vm", std::move(out)}};
}

Json reference_json(const ManifestRef& reference) {
  Json out = {{"url", reference.url}};
  set_text(out, "digest", reference.digest);
  return out;
}

Json component_json(const ComponentDecl& component) {
  Json out = {{"manifest", reference_json(component.manifest)}};
  if (component.config) out["config"] = *component.config;
  set_text(out, "environment", component.environment);
  return out;
}

template <class T> Json words_json(const std::vector<T>& values) {
  Json out = Json::array();
  for (const T& value : values) out.push_back(std::string(to_string(value)));
  return out;
}

Json select_json(const Selector& select) {
  Json out = Json::object();
  if (!select.kinds.empty()) out["kind"] = words_json(select.kinds);
  if (!select.components.empty()) out["component"] = select.components;
  for (const auto& profile : select.profiles) {
    out["profile"].push_back(profile ? Json(*profile) : Json(nullptr));
  }
  for (const EdgeSide side : select.sides) {
    out["edge"].push_back(std::string(kEdgeSides.at(static_cast<std::size_t>(side)).text));
  }
  return out;
}

Json use_json(const UseDecl& use) {
  if (const auto* component = std::get_if<ComponentDecl>(&use)) return component_json(*component);
  const auto& overlay = std::get<DeclarativeOverlay>(use);
  Json out = {{"builtin", std::string(to_string(overlay.builtin))},
              {"select", select_json(overlay.select)}};
  if (overlay.config) out["config"] = *overlay.config;
  return out;
}

Json binding_json(const Binding& binding) {
  const bool child = binding.from.kind == SourceRef::Kind::child_export;
  const std::string source = to_string(binding.from);
  return {{"to", '#' + binding.child},
          {"slot", binding.slot},
          {"from", child ? '#' + binding.from.child : source.substr(0, source.find('.'))},
          {"capability", binding.from.name},
          {"weak", binding.weak}};
}

template <class Map, class Writer>
void add_map(Json& out, const char* key, const Map& map, Writer writer) {
  for (const auto& [name, value] : map) out[key][name] = writer(value);
}

Json environment_json(const Environment& environment) {
  Json out = {{"resolvers", environment.resolvers}};
  set_text(out, "extends", environment.extends);
  return out;
}

} // namespace

Json capability_json(const Capability& capability) {
  return {{"kind", std::string(to_string(capability.kind))},
          {"profile", capability.profile ? Json(*capability.profile) : Json(nullptr)}};
}

Json slot_json(const Slot& slot) {
  Json out = capability_json(slot.capability);
  out["optional"] = slot.optional;
  out["multiple"] = slot.multiple;
  return out;
}

Json provide_json(const Provide& provide) {
  Json out = capability_json(provide.capability);
  out["endpoint"] = provide.endpoint ? Json(*provide.endpoint) : Json(nullptr);
  return out;
}

Json resource_json(const Resource& resource) {
  const auto text = [](const std::optional<Template>& value) {
    return value ? Json(to_string(*value)) : Json(nullptr);
  };
  return {{"kind", "storage"},
          {"params",
           {{"size", text(resource.size)},
            {"retention", text(resource.retention)},
            {"sharing", text(resource.sharing)}}}};
}

Json program_json(const Program& program) {
  if (program.form == Program::Form::vm) return vm_json(program);
  Json out = Json::object();
  if (program.form == Program::Form::builtin) {
    out["builtin"] = std::string(to_string(program.builtin.value_or(Builtin::policy)));
    if (program.builtin_config) out["config"] = *program.builtin_config;
    return out;
  }
  const bool image = program.form == Program::Form::image;
  out[image ? "image" : "path"] = to_string(program.location);
  const char* command = image ? "entrypoint" : "args";
  out[command] = Json::array();
  for (const CommandItem& item : program.command) out[command].push_back(command_json(item));
  add_common(out, program, false);
  return out;
}

Json manifest_json(const Manifest& manifest) {
  Json out = {{"manifest_version", to_string(manifest.version)}};
  for (const Feature feature : manifest.features) {
    out["experimental_features"].push_back(std::string(to_string(feature)));
  }
  if (manifest.program) out["program"] = program_json(*manifest.program);
  if (manifest.config_schema) out["config_schema"] = manifest.config_schema->json();
  add_map(out, "components", manifest.components, component_json);
  add_map(out, "use", manifest.uses, use_json);
  add_map(out, "environments", manifest.environments, environment_json);
  add_map(out, "slots", manifest.slots, slot_json);
  add_map(out, "provides", manifest.provides, provide_json);
  add_map(out, "resources", manifest.resources, resource_json);
  add_map(out, "child_templates", manifest.child_templates, [](const Json& one) { return one; });
  add_map(out, "exports", manifest.exports, [](const SourceRef& one) { return to_string(one); });
  for (const Binding& binding : manifest.bindings) {
    out["bindings"].push_back(binding_json(binding));
  }
  for (const OverlayRef& one : manifest.overlays) {
    out["overlays"].push_back('#' + one.use + '.' + one.export_name);
  }
  return out;
}

std::string manifest_digest(const Manifest& manifest) {
  return sha256_text(canonical_json(manifest_json(manifest)));
}

} // namespace sluice::overlay
