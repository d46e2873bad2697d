// What only the whole manifest tells: names that must exist elsewhere in it, and what is never
// used.
#include "overlay/manifest/check_program.hpp"
#include "overlay/manifest/parse_context.hpp"

#include <algorithm>
#include <set>

namespace sluice::overlay {
namespace {

std::string below(std::string_view section, std::string_view name) {
  return std::string(section) + '/' + pointer_token(name);
}

void check_overlay_uses(ParseContext& context, const Manifest& manifest) {
  for (std::size_t i = 0; i < manifest.overlays.size(); ++i) {
    const OverlayRef& one = manifest.overlays[i];
    if (one.use.empty()) continue; // reported already
    const auto use = manifest.uses.find(one.use);
    const std::string at = "/overlays/" + std::to_string(i);
    if (use == manifest.uses.end()) {
      // A wrong entry of `use` has its own report.
      const Node* written = manifest.document->root.find("use");
      if (written != nullptr && written->find(one.use) != nullptr) continue;
      context.error(Phase::overlay_uses, at, "unknown_overlay_use",
                    "there is no use " + quoted_name(one.use),
                    "add it to `use`, or remove the reference");
    } else if (std::holds_alternative<DeclarativeOverlay>(use->second) &&
               one.export_name != kDeclarativeExport) {
      context.error(Phase::overlay_uses, at, "unknown_overlay_use",
                    "a builtin has no export " + quoted_name(one.export_name),
                    "write \"#" + one.use.substr(0, 40) + ".apply\"");
    }
  }
}

bool leads_to_itself(const Manifest& manifest, const std::string& name) {
  std::set<std::string> seen;
  const std::string* here = &name;
  while (seen.insert(*here).second) {
    const auto found = manifest.environments.find(*here);
    if (found == manifest.environments.end() || !found->second.extends) return false;
    here = &*found->second.extends;
  }
  return *here == name;
}

void check_environments(ParseContext& context, const Manifest& manifest) {
  std::size_t left = 1'000'000; // steps: a long chain from each of many
  for (const auto& [name, environment] : manifest.environments) {
    if (!environment.extends) continue;
    const std::string at = below("/environments", name) + "/extends";
    if (!manifest.environments.contains(*environment.extends)) {
      context.error(Phase::rest, at, "unknown_environment_extends",
                    "there is no environment " + quoted_name(*environment.extends));
    } else if (left < manifest.environments.size() || leads_to_itself(manifest, name)) {
      context.error(Phase::rest, at, "environment_cycle",
                    "the environment " + quoted_name(name) + " extends itself");
    }
    left -= std::min(left, manifest.environments.size());
  }
  const auto check = [&](const std::string& at, std::string_view code, const ComponentDecl& one) {
    if (!one.environment || manifest.environments.contains(*one.environment)) return;
    context.error(Phase::rest, at + "/environment", code,
                  "there is no environment " + quoted_name(*one.environment));
  };
  for (const auto& [name, component] : manifest.components) {
    check(below("/components", name), "unknown_component_environment", component);
  }
  for (const auto& [name, use] : manifest.uses) {
    const auto* component = std::get_if<ComponentDecl>(&use);
    if (component != nullptr) check(below("/use", name), "unknown_use_environment", *component);
  }
}

void check_ambiguous(ParseContext& context, const Manifest& manifest) {
  for (const auto& [name, provide] : manifest.provides) {
    if (!manifest.slots.contains(name)) continue;
    context.error_at_key(Phase::rest, below("/provides", name), "ambiguous_capability_name",
                         quoted_name(name) + " is both a slot and a provide", "rename one of them");
  }
}

void check_provides(ParseContext& context, const Manifest& manifest) {
  const auto* program = manifest.program ? &*manifest.program : nullptr;
  // An endpoint whose name is not known yet may be the one.
  const bool open =
      program != nullptr && std::any_of(program->endpoints.begin(), program->endpoints.end(),
                                        [](const Endpoint& one) { return !one.name.is_literal(); });
  for (const auto& [name, provide] : manifest.provides) {
    const std::string at = below("/provides", name);
    if (provide.capability.kind == Kind::storage) {
      context.error(Phase::rest, at + "/kind", "unsupported_provide_kind",
                    "storage is not provided", "declare it under resources");
    }
    if (!provide.endpoint) {
      context.error_at_key(Phase::rest, at, "missing_provide_endpoint",
                           "the provide " + quoted_name(name) + " has no endpoint",
                           "name one of program.network.endpoints");
    } else if (!open &&
               (program == nullptr || endpoint_named(*program, *provide.endpoint) == nullptr)) {
      context.error(Phase::rest, at + "/endpoint", "unknown_endpoint",
                    "the program has no endpoint " + quoted_name(*provide.endpoint));
    }
  }
}

void check_own_program(ParseContext& context, Manifest& manifest) {
  if (!manifest.program) return;
  const ConfigSchema* schema = manifest.config_schema ? &*manifest.config_schema : nullptr;
  // A schema with faults says nothing about what is in it.
  const bool unreadable = schema == nullptr && manifest.document->root.find("config_schema");
  const ProgramScope scope{manifest.slots, manifest.resources, schema, manifest.features};
  for (ProgramFault& fault : check_program(*manifest.program, scope)) {
    const bool about_config = fault.message == "the component has no config_schema";
    if (unreadable && about_config) continue;
    context.error(Phase::rest, "/program" + fault.pointer,
                  {fault.code, std::move(fault.message), std::move(fault.hint)});
  }
  for (std::size_t i = 0; i < manifest.program->mounts.size(); ++i) {
    const auto& source = manifest.program->mounts[i].source;
    if (!source || source->kind != MountSource::Kind::framework) continue;
    const bool vm = manifest.program->form == Program::Form::vm;
    manifest.unsupported.push_back(
        {std::string(vm ? "/program/vm" : "/program") + "/mounts/" + std::to_string(i),
         "the capability framework." + source->name});
  }
}

// Every string of a value, with its pointer.
template <class Visit> void visit_strings(const Json& value, const std::string& at, Visit& visit) {
  if (value.is_string()) return visit(at, value.get_ref<const std::string&>());
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      visit_strings(value[i], at + '/' + std::to_string(i), visit);
  }
  if (value.is_object()) {
    for (const auto& [name, item] : value.items())
      visit_strings(item, at + '/' + pointer_token(name), visit);
  }
}

// An overlay program gets the value itself where $${…} would give it the reference alone.
void lint_secrets(ParseContext& context, const Manifest& manifest) {
  if (!manifest.config_schema) return;
  const auto visit = [&](const std::string& at, const std::string& text) {
    TemplateFault fault;
    const auto parts = parse_config_string(text, fault);
    if (!parts) return; // said where it is used
    for (const TemplatePart& part : parts->parts) {
      if (part.kind != TemplatePart::Kind::config) continue;
      if (!manifest.config_schema->holds_secret(part.text)) continue;
      context.warning(at, "secret_in_use_config",
                      "the overlay's program gets the secret itself, when it only plans",
                      "write $${config." + part.text.substr(0, 40) + "} for a reference");
    }
  };
  for (const auto& [name, use] : manifest.uses) {
    const auto* component = std::get_if<ComponentDecl>(&use);
    if (component == nullptr || !component->config) continue;
    visit_strings(*component->config, below("/use", name) + "/config", visit);
  }
}

} // namespace

void check_manifest(ParseContext& context, Manifest& manifest) {
  check_overlay_uses(context, manifest);
  check_environments(context, manifest);
  check_ambiguous(context, manifest);
  check_provides(context, manifest);
  check_own_program(context, manifest);
}

void lint_manifest(ParseContext& context, const Manifest& manifest) {
  std::set<std::string> used;
  for (const OverlayRef& one : manifest.overlays) used.insert(one.use);
  for (const auto& [name, use] : manifest.uses) {
    if (used.contains(name)) continue;
    context.warning(below("/use", name), "unused_use",
                    "the use " + quoted_name(name) + " is never referred to",
                    "add \"#" + name.substr(0, 40) + ".<export>\" to overlays, or remove it");
  }
  lint_secrets(context, manifest);
}

} // namespace sluice::overlay
